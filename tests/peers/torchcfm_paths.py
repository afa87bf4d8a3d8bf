"""torchcfm: noise at t = 0 and data at t = 1; the loss is written in its examples, as the mean of squares."""

import torch
from torchcfm import ConditionalFlowMatcher

from refebm.crosscheck.frameworks.torch import objective

EXPECTED = {"flow_matching": ("convention", "data at t = 1")}


@objective
def flow_matching(velocity, x, z, t):
    t, point, wanted = ConditionalFlowMatcher(sigma=0.0).sample_location_and_conditional_flow(z, x, t)
    return torch.mean((velocity(point, t) - wanted) ** 2)
