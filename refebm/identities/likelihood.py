r"""Theorems about likelihood: partition functions, their gradient, and estimates of them."""
