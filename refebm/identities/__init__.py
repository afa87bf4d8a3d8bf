"""Theorems: one record each, used by ``refebm verify``, the tests, the index in the README, and the vectors."""

from importlib import import_module

from refebm.identities.draw import Draw
from refebm.identities.implementation import REFERENCE, Failure, Implementation, NotSupported, Unusable
from refebm.identities.record import THEOREMS, Theorem, Verdict, check, verdict_of

__all__ = [
    "REFERENCE",
    "STEMS",
    "THEOREMS",
    "Draw",
    "Failure",
    "Implementation",
    "NotSupported",
    "Theorem",
    "Unusable",
    "Verdict",
    "check",
    "verdict_of",
]

STEMS = (  # the order in which they are read, run and listed
    *("calculus", "densities", "score_matching", "denoising", "likelihood", "rbm", "contrastive_divergence"),
    *("metropolis", "langevin", "hamiltonian", "gibbs", "chain"),
    *("noise_contrastive", "contrast_estimates", "conditional_contrast", "bregman_contrast", "made_noise"),
    *("real_nvp", "adversarial", "discrepancies", "sdes", "diffusion"),
    *("euler_maruyama", "reverse_diffusion", "probability_flow", "ddpm"),
)
for _stem in STEMS:
    import_module(f"refebm.identities.{_stem}")
_ordered = sorted(THEOREMS.items(), key=lambda item: STEMS.index(item[1].stem))
THEOREMS.clear()
THEOREMS.update(_ordered)
