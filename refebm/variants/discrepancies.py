"""Variants of the other discrepancies."""
