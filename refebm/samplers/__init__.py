"""Samplers: pure kernels (state, noise) -> Step on a batch of n chains (n, d), chains driven by a tape, diagnostics."""
