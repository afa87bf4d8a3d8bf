"""Variants of the leapfrog integrator and Hamiltonian Monte Carlo."""
