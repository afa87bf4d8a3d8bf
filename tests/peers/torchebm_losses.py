"""torchebm: losses, samplers and integrators. Its score is the gradient of the energy."""

import torch
from torchebm import core, integrators, losses, samplers

from refebm.crosscheck.frameworks.torch import handing_out, objective

NAMES = ("implicit_score_matching", "denoising_score_matching", "langevin_step", "hmc_step", "leapfrog")
EXPECTED = dict.fromkeys((*NAMES, "euler_maruyama_step"), "passed")
EXPECTED |= {"sliced_score_matching": ("convention", "signs for projections")}  # "rademacher", its default
EXPECTED |= {"contrastive_divergence": ("convention", r"squares of both energies added, alpha = 0\.001")}
EXPECTED |= {"flow_matching": ("convention", "data at t = 1, no 1/2, mean over coordinates")}
EXPECTED |= {"sliced_score_matching_vr": ("failed", "v.T grad s v is over d: .*finite difference")}
KIND = {"dtype": torch.float64}


class Model(core.BaseModel):
    def __init__(self, energy):
        super().__init__(**KIND)
        self.energy = energy

    def forward(self, x):
        return self.energy(x)


@objective
def implicit_score_matching(energy, x):
    return losses.ScoreMatching(energy, hessian_method="exact", **KIND)(x)


@objective
def sliced_score_matching_vr(energy, x, v):
    with handing_out(v):  # a finite difference along v, which is drawn
        return losses.ScoreMatching(energy, hessian_method="approx", **KIND)(x)


@objective
def sliced_score_matching(energy, x, v):
    with handing_out(v):
        return losses.SlicedScoreMatching(energy, n_projections=1, **KIND)(x)


@objective(by_row=True)
def denoising_score_matching(energy, x, sigma, z):
    with handing_out(z):
        return losses.DenoisingScoreMatching(energy, noise_scale=sigma, **KIND)(x)


@objective
def contrastive_divergence(energy, x, x_model):
    sampler = samplers.LangevinDynamics(Model(energy), **KIND)
    return losses.ContrastiveDivergence(energy, sampler, **KIND).compute_loss(x, x_model.detach())


@objective
def flow_matching(velocity, x, z, t):
    loss = losses.FlowMatchingLoss(velocity, t_sampler=lambda n, **_: t, **KIND)
    return loss.training_losses(x, x0=z)["loss"]


@objective
def langevin_step(energy, x, eta, z):
    with handing_out(z):
        return samplers.LangevinDynamics(Model(energy), eta, **KIND).sample(x, n_steps=1)


@objective
def hmc_step(energy, x, eps, n_steps, p, u):
    with handing_out(p, u):
        return samplers.HamiltonianMonteCarlo(Model(energy), eps, n_steps, **KIND).sample(x, n_steps=1)


@objective
def leapfrog(energy, x, p, eps, n_steps):
    made = integrators.LeapfrogIntegrator(**KIND).integrate(
        {"x": x, "p": p}, eps, n_steps, drift=lambda x, t: -Model(energy).gradient(x)
    )
    return made["x"], made["p"]


@objective
def euler_maruyama_step(sde, x, t, dt, z):
    given = {"drift": lambda x, _: sde.drift(x, t), "diffusion": 0.5 * sde.diffusion(t)[:, None] ** 2, "noise": z}
    return integrators.EulerMaruyamaIntegrator(**KIND).step({"x": x}, dt, **given)["x"]
