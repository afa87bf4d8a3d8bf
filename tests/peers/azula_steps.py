"""azula: samplers of a denoiser, between any two levels of a schedule."""

import torch
from azula.denoise import Denoiser, DiracPosterior
from azula.sample import DDIMSampler, DDPMSampler

from refebm.crosscheck.frameworks.torch import handing_out, objective

EXPECTED = {"ddpm_step": ("partly", "the model predicts the clean point")}
EXPECTED |= {"ddim_step": ("convention", "eta is the share of the variance.*the model predicts the clean point")}


class Own(Denoiser):
    def __init__(self, denoiser, betas):
        super().__init__()
        kept = torch.cat([torch.ones(1), torch.cumprod(1 - betas, 0)])
        self.schedule = lambda i: (kept[i + 1].sqrt(), (1 - kept[i + 1]).sqrt())
        self.denoiser = denoiser

    def forward(self, x, i):
        return DiracPosterior(self.denoiser(x, i))


@objective(by_row=True)
def ddpm_step(denoiser, betas, x, i, z, posterior):
    if not posterior:
        raise NotImplementedError("the variance beta")
    with handing_out(z):
        return DDPMSampler(Own(denoiser, betas)).step(x, i, i - 1)


@objective(by_row=True)
def ddim_step(denoiser, betas, x, i, eta, z):
    with handing_out(z):
        return DDIMSampler(Own(denoiser, betas), eta).step(x, i, i - 1)
