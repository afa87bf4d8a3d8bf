"""Variants of the Metropolis-Hastings kernels."""
