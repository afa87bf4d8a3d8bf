"""normflows: the steps of stochastic flows."""

import torch
from normflows.flows.stochastic import HamiltonianMonteCarlo, MetropolisHastings

from refebm.crosscheck.frameworks.torch import handing_out, objective

EXPECTED = dict.fromkeys(("hmc_step", "metropolis_step"), "passed")


class Target:
    def __init__(self, energy):
        self.log_prob = lambda x: -energy(x)


@objective
def hmc_step(energy, x, eps, n_steps, p, u):
    steps, masses = torch.full(x.shape[1:], eps).log(), torch.zeros(x.shape[1:])
    with handing_out(p, u):
        return HamiltonianMonteCarlo(Target(energy), n_steps, steps, masses)(x)[0]


@objective
def metropolis_step(energy, x, scale, z, u):
    with handing_out(u):
        return MetropolisHastings(Target(energy), lambda x: (x + scale * z, 0 * u), 1)(x)[0]
