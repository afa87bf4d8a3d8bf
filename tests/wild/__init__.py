"""Mistakes and conventions that were met outside, or were written without a look at the bank."""
