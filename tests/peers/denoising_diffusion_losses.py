"""denoising_diffusion_pytorch: losses, schedules and preconditioning, of images, partly in float32."""

from unittest import mock

import torch
from denoising_diffusion_pytorch import denoising_diffusion_pytorch as ddpm
from denoising_diffusion_pytorch.elucidated_diffusion import ElucidatedDiffusion

from refebm.crosscheck.frameworks.torch import objective

EXPECTED = {"ddpm_loss": ("convention", "the model predicts the noise.*mean over coordinates")}
EXPECTED |= {"karras_noise_levels": ("convention", "the level 0 at the end")}
EXPECTED |= {"karras_preconditioned": "passed", "cosine_betas": "partly"}


class Images(torch.nn.Module):
    """A network of points, as one of images of a pixel in d colours."""

    self_condition = False

    def __init__(self, network, d, continuous=True):
        super().__init__()
        self.network, self.channels, self.out_dim = network, d, d
        self.random_or_learned_sinusoidal_cond = continuous
        self.where = torch.nn.Parameter(torch.zeros(()))  # read for its device

    def forward(self, x, level, condition=None):
        return self.network(x[..., 0, 0], level)[..., None, None]


def elucidated(network, d, **options):
    return ElucidatedDiffusion(Images(network, d), image_size=1, channels=d, **options)


@objective
def cosine_betas(n_steps, offset, most):
    if most != 0.999:
        raise NotImplementedError("another bound")
    return ddpm.cosine_beta_schedule(n_steps, offset)


@objective(dtype=torch.float32)
def karras_noise_levels(n, smallest, largest, power):
    return elucidated(None, 1, sigma_min=smallest, sigma_max=largest, rho=power).sample_schedule(n)


@objective
def karras_preconditioned(network, x, sigma, data_std):
    made = elucidated(network, x.shape[1], sigma_data=data_std)
    return made.preconditioned_network_forward(x[..., None, None], sigma[:, 0])[..., 0, 0]


@objective(dtype=torch.float32)
def ddpm_loss(noise, betas, x, i, z):
    with mock.patch.object(ddpm, "sigmoid_beta_schedule", lambda n: betas):
        model = Images(noise, x.shape[1], continuous=False)
        made = ddpm.GaussianDiffusion(model, image_size=1, timesteps=len(betas), objective="pred_noise")
    return made.p_losses(x[..., None, None], i, z[..., None, None])
