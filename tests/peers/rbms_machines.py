"""rbms: binary machines, whose log(1 + exp) is linear from 10 on, an error of 5e-5 there."""

import torch
from rbms.bernoulli_bernoulli.classes import BBRBM
from rbms.partition_function.exact import compute_partition_function

from refebm.crosscheck.frameworks.torch import objective

EXPECTED = dict.fromkeys(("BinaryRBM.energy", "BinaryRBM.hidden_mean", "BinaryRBM.visible_mean"), "passed")
LINEAR = ("failed", "softplus taken as linear far out, as from 10 on")
EXPECTED |= dict.fromkeys(("BinaryRBM.free_energy", "BinaryRBM.log_partition"), LINEAR)


@objective
class BinaryRBM:
    def __init__(self, b, c, W):
        self.own = BBRBM(W, b, c)

    def energy(self, v, h):
        return self.own.compute_energy(v, h)

    def free_energy(self, v):
        return self.own.compute_energy_visibles(v)

    def hidden_mean(self, v):
        return self.own.sample_hiddens({"visible": v})["hidden_mag"]

    def visible_mean(self, h):
        return self.own.sample_visibles({"hidden": h})["visible_mag"]

    def log_partition(self):
        states = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * len(self.own.hbias))
        return torch.tensor(compute_partition_function(self.own, states.reshape(-1, len(self.own.hbias))))
