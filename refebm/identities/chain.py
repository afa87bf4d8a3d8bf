r"""Theorems about chains, tapes of noise, and what diagnostics say of chains with a known law."""
