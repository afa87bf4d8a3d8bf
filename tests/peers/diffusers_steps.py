"""diffusers: schedulers, which compute in float32, of a network that predicts the noise."""

import contextlib

import torch
from diffusers import DDIMScheduler, DDPMScheduler, EDMEulerScheduler
from diffusers.schedulers.scheduling_ddpm import betas_for_alpha_bar

from refebm.crosscheck.frameworks.torch import handing_out, objective

EXPECTED = dict.fromkeys(("ddpm_loss", "ddim_step"), ("convention", "the model predicts the noise"))
EXPECTED |= {"ddpm_step": ("convention", "no noise in the last step, i = 0, the model predicts the noise")}
EXPECTED |= {"karras_noise_levels": ("convention", "the level 0 at the end"), "cosine_betas": "partly"}
EXPECTED |= dict.fromkeys(("marginal_of_steps", "karras_preconditioned"), "passed")


def made(kind, betas, **options):
    return kind(len(betas), trained_betas=betas.numpy(), clip_sample=False, **options)


@objective(dtype=torch.float32)
def ddpm_loss(noise, betas, x, i, z):
    return torch.nn.functional.mse_loss(noise(made(DDPMScheduler, betas).add_noise(x, z, i), i), z)


@objective(dtype=torch.float32, by_row=True)
def ddpm_step(noise, betas, x, i, z, posterior):
    scheduler = made(DDPMScheduler, betas, variance_type="fixed_small" if posterior else "fixed_large")
    with handing_out(z) if i else contextlib.nullcontext():
        return scheduler.step(noise(x, i), i, x).prev_sample


@objective(dtype=torch.float32, by_row=True)
def ddim_step(noise, betas, x, i, eta, z):
    scheduler = made(DDIMScheduler, betas)
    scheduler.set_timesteps(len(betas))
    return scheduler.step(noise(x, i), i, x, eta, variance_noise=z).prev_sample


@objective(dtype=torch.float32)
def marginal_of_steps(betas, i):
    kept = made(DDPMScheduler, betas).alphas_cumprod[i]
    return kept.sqrt(), (1 - kept).sqrt()


@objective(dtype=torch.float32)
def cosine_betas(n_steps, offset, most):
    if offset != 0.008:
        raise NotImplementedError("another offset")
    return betas_for_alpha_bar(n_steps, most)


@objective(dtype=torch.float32)
def karras_noise_levels(n, smallest, largest, power):
    scheduler = EDMEulerScheduler(smallest, largest, rho=power)
    scheduler.set_timesteps(n)
    return scheduler.sigmas


@objective(dtype=torch.float32)
def karras_preconditioned(network, x, sigma, data_std):
    scheduler = EDMEulerScheduler(sigma_data=data_std)
    predicted = network(scheduler.precondition_inputs(x, sigma), scheduler.precondition_noise(sigma))
    return scheduler.precondition_outputs(x, predicted, sigma)
