"""Theorems: one record each, used by ``refebm verify``, the tests, the index in the README, and the vectors."""

import importlib
import pkgutil

from refebm.identities.draw import Draw
from refebm.identities.implementation import REFERENCE, Failure, Implementation, NotSupported, Unusable
from refebm.identities.record import THEOREMS, Theorem, Verdict, check, verdict_of

__all__ = ["REFERENCE", "THEOREMS", "Draw", "Failure", "Implementation", "NotSupported", "Theorem", "Unusable"]
__all__ += ["Verdict", "check", "verdict_of"]

STEMS = (  # the order in which they are read, run and listed, new ones last
    *("calculus", "densities", "score_matching", "higher_order", "denoising", "likelihood", "rbm"),
    *("contrastive_divergence", "mean_field", "entropy_contrast", "coupled"),
    *("metropolis", "langevin", "hamiltonian", "gibbs", "chain"),
    *("noise_contrastive", "contrast_estimates", "conditional_contrast", "bregman_contrast", "made_noise"),
    *("real_nvp", "adversarial", "discrepancies", "sdes", "diffusion"),
    *("euler_maruyama", "reverse_diffusion", "probability_flow", "ddpm"),
)
for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
_ordered = sorted(THEOREMS.items(), key=lambda item: (*STEMS, item[1].stem).index(item[1].stem))
THEOREMS.clear()
THEOREMS.update(_ordered)
