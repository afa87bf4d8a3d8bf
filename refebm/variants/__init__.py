"""The bank of variants, by stem: wrong versions, other conventions, and the terms of each formula.

A wrong version is rejected by some theorem and passed by some weak check. A convention is right elsewhere, by a known
rule. Terms add up to the formula.
"""

from refebm.variants import (
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
from refebm.variants.record import CONVENTIONS, TERMS, WRONG, Convention, Term, Variant, Wrong

__all__ = [
    "CONVENTIONS",
    "TERMS",
    "WRONG",
    "Convention",
    "Term",
    "Variant",
    "Wrong",
    "adversarial",
    "calculus",
    "chain",
    "contrastive_divergence",
    "denoising",
    "densities",
    "discrepancies",
    "gibbs",
    "hamiltonian",
    "langevin",
    "likelihood",
    "metropolis",
    "noise_contrastive",
    "rbm",
    "real_nvp",
    "score_matching",
]
