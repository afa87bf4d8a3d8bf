"""zuko's distributions: independent coordinates, and a diagonal normal."""

from zuko import distributions

from refebm.crosscheck.frameworks.torch import objective

EXPECTED = {"standard_normal": "passed"}


@objective
def standard_normal(d):
    import torch

    return distributions.DiagNormal(torch.zeros(d), torch.ones(d))
