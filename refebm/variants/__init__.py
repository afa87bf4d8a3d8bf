"""The bank of variants, by stem: wrong versions, other conventions, and the terms of each formula.

A wrong version is rejected by some theorem and passed by some weak check. A naive form is one that is wrong at the ends
of its domain alone. A convention is right elsewhere, by a known rule. Terms add up to the formula.
"""

from refebm.variants import (
    adversarial,
    calculus,
    chain,
    contrastive_divergence,
    denoising,
    densities,
    diffusion,
    discrepancies,
    gibbs,
    hamiltonian,
    langevin,
    likelihood,
    metropolis,
    naive,
    noise_contrastive,
    rbm,
    real_nvp,
    reverse_diffusion,
    score_matching,
    sdes,
)
from refebm.variants.naive import NAIVE
from refebm.variants.record import CONVENTIONS, TERMS, WRONG, Convention, Term, Variant, Wrong

__all__ = [
    "CONVENTIONS",
    "NAIVE",
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
    "diffusion",
    "discrepancies",
    "gibbs",
    "hamiltonian",
    "langevin",
    "likelihood",
    "metropolis",
    "naive",
    "noise_contrastive",
    "rbm",
    "real_nvp",
    "reverse_diffusion",
    "score_matching",
    "sdes",
]
