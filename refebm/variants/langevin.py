"""Variants of the Langevin samplers."""
