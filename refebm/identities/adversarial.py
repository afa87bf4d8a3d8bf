r"""Theorems about adversarial and variational training: bounds, their gaps, and the entropy's gradient."""
