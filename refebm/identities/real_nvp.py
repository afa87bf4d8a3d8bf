r"""Theorems about RealNVP: its inverse, its log-determinant, its density."""
