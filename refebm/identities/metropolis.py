r"""Theorems about Metropolis-Hastings and MALA: detailed balance, by the proposal map as it is executed."""
