r"""Theorems about restricted Boltzmann machines: free energies, conditionals and partition functions, by enumeration."""
