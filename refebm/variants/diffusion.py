"""Wrong versions of diffusion losses."""
