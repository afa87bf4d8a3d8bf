"""Samplers: kernels (state, noise) -> Step, pure, on a batch of chains (n, d); chains over a tape; what came out."""
