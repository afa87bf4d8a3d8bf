"""Variants of RealNVP."""
