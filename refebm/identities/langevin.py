r"""Theorems about unadjusted and annealed Langevin dynamics: laws in closed form, no sampling."""
