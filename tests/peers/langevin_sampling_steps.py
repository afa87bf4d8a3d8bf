"""langevin_sampling: stochastic gradient Langevin dynamics, an optimiser."""

import torch
from langevin_sampling.SGLD import SGLD

from refebm.crosscheck.frameworks.torch import handing_out, objective

EXPECTED = {"langevin_step": "passed"}


@objective
def langevin_step(energy, x, eta, z):
    point = torch.nn.Parameter(x.clone())
    energy(point).sum().backward()
    with handing_out(z):
        SGLD([point], eta).step()
    return point
