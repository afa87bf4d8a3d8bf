"""Theorems: one record each, used by ``refebm verify``, the tests, the book and the vectors.

Your own theorems go into a Python file, which ``refebm verify my_theorems.py`` checks. It uses these public names,
which will not change:

    theorem(source, kind, case, about=...)   decorates a function (impl, **case); its docstring is the statement
    Draw         the source of a case's numbers: real, reals, count, choice, dimension, points, mixture, model ...
    Sides        the terms of both sides: what pointwise theorems, quadratures and enumerations return
    expect       E f(X) with a certificate: put its terms and its change into Sides
    Limit        errors at a list of step sizes, which should shrink with a known order
    Sampled      means of independent draws, their expected values, and their standard errors
    wrong(f)     decorates a wrong version of f, which the theorems about f must reject (``--controls``)
    check        checks a theorem on one case, a `Draw`, and returns a `Verdict`; THEOREMS holds refebm's own theorems

``refebm verify --template`` prints an example. `refebm.identities.record` says how each kind is judged;
`refebm.identities.own` lists the errors of a file that is refused.
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
    with_about,
    wrong,
)
from refebm.truth.expectations import expect

__all__ = ["REFERENCE", "THEOREMS", "Draw", "Failure", "Implementation", "Limit", "NotSupported", "Sampled", "Sides"]
__all__ += ["Theorem", "Unusable", "Verdict", "check", "expect", "theorem", "verdict_of", "wrong"]

STEMS = (  # the order in which files of theorems are read, run and listed; add new ones at the end
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
_ordered = sorted(THEOREMS.values(), key=lambda one: (*STEMS, one.stem).index(one.stem))
THEOREMS.clear()
THEOREMS.update({one.name: with_about(one) for one in _ordered})
