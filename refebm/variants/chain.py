"""Variants of chains, tapes and diagnostics."""
