"""k_samplers: the samplers of k-diffusion, of a denoiser, and its levels, in float32."""

import torch
from k_samplers import sampling

from refebm.crosscheck.frameworks.torch import objective

EXPECTED = {"karras_heun_step": "passed", "karras_noise_levels": ("convention", "the level 0 at the end")}


@objective
def karras_heun_step(denoiser, x, sigma, next_sigma):
    return sampling.sample_heun(denoiser, x, torch.tensor([sigma, next_sigma]), disable=True)


@objective(dtype=torch.float32)
def karras_noise_levels(n, smallest, largest, power):
    return sampling.get_sigmas_karras(n, smallest, largest, power)
