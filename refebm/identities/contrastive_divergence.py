r"""Theorems about contrastive divergence: what its gradient is, and what its limits are."""
