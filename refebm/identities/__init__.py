"""Theorems: one record each, used by ``refebm verify``, the tests, the index in the README, and the vectors."""

from refebm.identities import (
    adversarial,
    bregman_contrast,
    calculus,
    chain,
    conditional_contrast,
    contrast_estimates,
    contrastive_divergence,
    ddpm,
    denoising,
    densities,
    diffusion,
    discrepancies,
    euler_maruyama,
    gibbs,
    hamiltonian,
    langevin,
    likelihood,
    made_noise,
    metropolis,
    noise_contrastive,
    probability_flow,
    rbm,
    real_nvp,
    reverse_diffusion,
    score_matching,
    sdes,
)
from refebm.identities.draw import Draw
from refebm.identities.implementation import REFERENCE, Failure, Implementation, NotSupported, Unusable
from refebm.identities.record import THEOREMS, Theorem, Verdict, check, judge

__all__ = [
    "REFERENCE",
    "THEOREMS",
    "Draw",
    "Failure",
    "Implementation",
    "NotSupported",
    "Theorem",
    "Unusable",
    "Verdict",
    "adversarial",
    "bregman_contrast",
    "calculus",
    "chain",
    "check",
    "conditional_contrast",
    "contrast_estimates",
    "contrastive_divergence",
    "ddpm",
    "denoising",
    "densities",
    "diffusion",
    "discrepancies",
    "euler_maruyama",
    "gibbs",
    "hamiltonian",
    "judge",
    "langevin",
    "likelihood",
    "made_noise",
    "metropolis",
    "noise_contrastive",
    "probability_flow",
    "rbm",
    "real_nvp",
    "reverse_diffusion",
    "score_matching",
    "sdes",
]

STEMS = (  # the order in which they are read, run and listed
    *("calculus", "densities", "score_matching", "denoising", "likelihood", "rbm", "contrastive_divergence"),
    *("metropolis", "langevin", "hamiltonian", "gibbs", "chain"),
    *("noise_contrastive", "contrast_estimates", "conditional_contrast", "bregman_contrast", "made_noise"),
    *("real_nvp", "adversarial", "discrepancies", "sdes", "diffusion"),
    *("euler_maruyama", "reverse_diffusion", "probability_flow", "ddpm"),
)
_ordered = sorted(THEOREMS.items(), key=lambda item: STEMS.index(item[1].stem))
THEOREMS.clear()
THEOREMS.update(_ordered)
