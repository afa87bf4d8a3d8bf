"""Variants of restricted Boltzmann machines."""
