"""Variants of noise contrast."""
