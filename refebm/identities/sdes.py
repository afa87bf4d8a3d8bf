"""Theorems of SDEs: marginals, kernels, Fokker-Planck."""
