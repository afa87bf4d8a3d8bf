"""boltzmann9: binary restricted Boltzmann machines, with W as (visible, hidden)."""

import torch
from boltzmann9.model import RBM

from refebm.crosscheck.frameworks.torch import objective

EXPECTED = dict.fromkeys(("BinaryRBM.hidden_mean", "BinaryRBM.visible_mean"), "passed")
EXPECTED |= {"BinaryRBM.free_energy": ("convention", "softplus .* from 20")}


@objective
class BinaryRBM:
    def __init__(self, b, c, W):
        self.own = RBM({"visible_blocks": {"v": len(b)}, "hidden_blocks": {"h": len(c)}})
        self.own.bv, self.own.bh, self.own.W = map(torch.nn.Parameter, (b, c, W))

    def free_energy(self, v):
        return self.own.free_energy(v)

    def hidden_mean(self, v):
        return self.own.hidden_prob(v)

    def visible_mean(self, h):
        return self.own.visible_prob(h)
