"""Theorems: one record each, used by ``refebm verify``, the tests, the index in the README, and the vectors.

A theorem of your own is a file for ``refebm verify my_theorems.py``, with what is public here and stays as it is:

    theorem(source, kind=..., about=..., case=...)   before a function (impl, **case) whose docstring is the statement
    Draw         what a case draws its numbers from: real, reals, count, choice, dimension, points, mixture, model ...
    Sides        the terms of both sides, of pointwise theorems, quadratures and enumerations
    expect       E f(X) with a certificate: its terms and its change go into Sides
    Limit        errors at a list of steps, which should fall with an order
    Sampled      means of independent draws, what they should be, and their standard errors
    wrong(f)     before a wrong version of f, which the theorems about f must reject: ``--controls``
    check        a theorem, on a `Draw`, as a `Verdict`; THEOREMS are refebm's own

``refebm verify --template`` prints an example. `refebm.identities.record` says how each kind is judged,
`refebm.identities.own` what is wrong with a file that is refused.
"""

import importlib
import pkgutil

from refebm.identities.draw import Draw
from refebm.identities.implementation import REFERENCE, Failure, Implementation, NotSupported, Unusable
from refebm.identities.record import (
    THEOREMS,
    Limit,
    Sampled,
    Sides,
    Theorem,
    Verdict,
    check,
    theorem,
    verdict_of,
    wrong,
)
from refebm.truth.expectations import expect

__all__ = ["REFERENCE", "THEOREMS", "Draw", "Failure", "Implementation", "Limit", "NotSupported", "Sampled", "Sides"]
__all__ += ["Theorem", "Unusable", "Verdict", "check", "expect", "theorem", "verdict_of", "wrong"]

STEMS = (  # the order in which they are read, run and listed, new ones last
    *("calculus", "densities", "score_matching", "higher_order", "denoising", "likelihood", "rbm"),
    *("contrastive_divergence", "mean_field", "entropy_contrast", "coupled", "multigrid"),
    *("metropolis", "langevin", "hamiltonian", "gibbs", "chain"),
    *("noise_contrastive", "contrast_estimates", "conditional_contrast", "bregman_contrast", "made_noise"),
    *("real_nvp", "adversarial", "discrepancies", "sdes", "diffusion"),
    *("euler_maruyama", "reverse_diffusion", "probability_flow", "ddpm"),
    *("flow_matching", "ddim", "parametrisations", "karras", "schedules", "classifier", "pseudo_likelihood"),
)
for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
_ordered = sorted(THEOREMS.items(), key=lambda item: (*STEMS, item[1].stem).index(item[1].stem))
THEOREMS.clear()
THEOREMS.update(_ordered)
