"""Wrong versions of SDEs: marginals, kernels, Fokker-Planck."""
