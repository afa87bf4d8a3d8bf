r"""Theorems about block Gibbs sampling, by enumeration of the states."""
