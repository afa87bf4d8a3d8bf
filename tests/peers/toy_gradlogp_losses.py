"""toy_gradlogp: losses of an energy."""

import torch
from toy_gradlogp.energy import Energy, Trainer

from refebm.crosscheck.frameworks.torch import objective

NAMES = ("sliced_score_matching", "sliced_score_matching_vr", "denoising_score_matching")
EXPECTED = dict.fromkeys(NAMES, "passed") | {"denoising_autoencoder": ("convention", "the score, times sigma.4")}


def trainer(energy):
    return Trainer(Energy(torch.nn.Sequential(energy, torch.nn.Unflatten(0, (-1, 1)))), device="cpu")


@objective
def sliced_score_matching(energy, x, v):
    return trainer(energy).ssm_loss(x, v)


@objective
def sliced_score_matching_vr(energy, x, v):
    return trainer(energy).ssm_vr_loss(x, v)


@objective
def denoising_score_matching(energy, x, sigma, z):
    return trainer(energy).dsm_loss(x, z, sigma)


@objective
def denoising_autoencoder(energy, x, sigma, z):
    return trainer(energy).deen_loss(x, z, sigma)
