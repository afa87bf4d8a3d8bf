r"""Theorems about restricted Boltzmann machines: free energies, conditionals, partition functions, by enumeration."""
