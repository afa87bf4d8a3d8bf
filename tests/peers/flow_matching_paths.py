"""flow_matching: paths, with data at t = 1."""

import torch
from flow_matching.path import AffineProbPath, CondOTProbPath
from flow_matching.path.scheduler import SchedulerOutput

from refebm.crosscheck.frameworks.torch import objective

EXPECTED = {"flow_matching": ("convention", "data at t = 1, no 1/2, mean over coordinates")}
EXPECTED |= {"flow_velocity": ("convention", "data at t = 1")}
EXPECTED |= {"clean_point_from_score": ("convention", "the model predicts the noise")}
EXPECTED |= {"noise_from_score": ("convention", "the model predicts the clean point")}


def path(scale, std):
    return AffineProbPath(lambda t: SchedulerOutput(scale, std, 0 * scale, 0 * std))


@objective
def flow_matching(velocity, x, z, t):
    sample = CondOTProbPath().sample(t=t, x_0=z, x_1=x)
    return torch.pow(velocity(sample.x_t, sample.t) - sample.dx_t, 2).mean()


@objective
def flow_velocity(score, x, t):
    std = 1 - t[:, None]
    return CondOTProbPath().epsilon_to_velocity(-std * score(x, t), x, t[:, None])


@objective
def clean_point_from_score(noise, x, scale, std):
    return path(scale, std).epsilon_to_target(noise(x), x, 0)


@objective
def noise_from_score(denoiser, x, scale, std):
    return path(scale, std).target_to_epsilon(denoiser(x), x, 0)
