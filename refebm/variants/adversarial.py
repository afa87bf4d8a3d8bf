"""Variants of adversarial and variational training."""
