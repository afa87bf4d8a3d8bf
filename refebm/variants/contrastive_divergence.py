"""Variants of contrastive divergence."""
