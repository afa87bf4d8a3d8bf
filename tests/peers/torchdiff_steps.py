"""torchdiff: SDEs, and a network that predicts the noise. Its sub-VP has the diffusion of VP, and no drift."""

from unittest import mock

import torch
from torchdiff import ddpm, sde

from refebm.crosscheck.frameworks.torch import handing_out, objective

EXPECTED = dict.fromkeys(("VariancePreserving.beta", "VariancePreserving.marginal"), "passed")
EXPECTED |= {"SubVariancePreserving.diffusion": ("failed", "that of VP .bug")}
EXPECTED |= {"reverse_sde_step": ("failed", "wrong where sde is SubVariancePreserving only")}
EXPECTED |= {"ddpm_loss": ("convention", "the model predicts the noise.*mean over coordinates")}
EXPECTED |= {"ddpm_step": ("convention", "no noise in the last step, i = 0, the model predicts the noise")}


def schedule(given):
    return sde.SchedulerSDE(beta_min=given.beta_min, beta_max=given.beta_max)


@objective
class VariancePreserving:
    def __init__(self, beta_min, beta_max):
        self.own = sde.SchedulerSDE(beta_min=beta_min, beta_max=beta_max)

    def beta(self, t):
        return self.own.beta(t)

    def marginal(self, t):
        return sde.ForwardSDE(self.own).get_forward_params(t)


@objective
class SubVariancePreserving:
    def __init__(self, beta_min, beta_max):
        self.own = sde.ReverseSDE(sde.SchedulerSDE(beta_min=beta_min, beta_max=beta_max), "sub-vp")

    def diffusion(self, t):
        return self.own.get_reverse_coeffs(t)[2]


def reverse(given):
    if hasattr(given, "sigma_min"):
        return sde.ReverseSDE(None, "ve", "score", given.sigma_min, given.sigma_max)
    if type(given).__name__ == "VariancePreserving":
        return sde.ReverseSDE(schedule(given), "vp", "score")
    return sde.ReverseSDE(schedule(given), "sub-vp", "score")


@objective
def reverse_sde_step(score, sde, x, t, dt, z):
    with handing_out(z):
        return reverse(sde)(x, score(x, t), t, -dt)


def steps(betas):
    with mock.patch.object(torch, "linspace", lambda *_: betas):
        return ddpm.SchedulerDDPM()


@objective
def ddpm_loss(noise, betas, x, i, z):
    point, wanted = ddpm.ForwardDDPM(steps(betas))(x, i, z)
    return torch.nn.functional.mse_loss(noise(point, i), wanted)


@objective
def ddpm_step(noise, betas, x, i, z, posterior):
    kind = "fixed_small" if posterior else "fixed_large"
    step = ddpm.ReverseDDPM(steps(betas), var_type=kind, clip_out=False)
    with handing_out(z):
        return step(x, noise(x, i), i)[0]
