"""Theorems: one record each, used by ``refebm verify``, the tests, the index in the README, and the vectors."""

from refebm.identities import (
    adversarial,
    calculus,
    chain,
    contrastive_divergence,
    denoising,
    densities,
    discrepancies,
    gibbs,
    hamiltonian,
    langevin,
    likelihood,
    metropolis,
    noise_contrastive,
    rbm,
    real_nvp,
    score_matching,
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
    "calculus",
    "chain",
    "check",
    "contrastive_divergence",
    "denoising",
    "densities",
    "discrepancies",
    "gibbs",
    "hamiltonian",
    "judge",
    "langevin",
    "likelihood",
    "metropolis",
    "noise_contrastive",
    "rbm",
    "real_nvp",
    "score_matching",
]

STEMS = (  # the order in which they are read, run and listed
    *("calculus", "densities", "score_matching", "denoising", "likelihood", "rbm", "contrastive_divergence"),
    *("metropolis", "langevin", "hamiltonian", "gibbs", "chain", "noise_contrastive", "real_nvp", "adversarial"),
    "discrepancies",
)
_ordered = sorted(THEOREMS.items(), key=lambda item: STEMS.index(item[1].stem))
THEOREMS.clear()
THEOREMS.update(_ordered)
