r"""Theorems about the leapfrog integrator and Hamiltonian Monte Carlo."""
