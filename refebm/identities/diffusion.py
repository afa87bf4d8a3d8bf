"""Theorems of diffusion losses."""
