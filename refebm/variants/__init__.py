"""The bank of variants, by stem: wrong versions, other conventions, and the terms of each formula.

A wrong version is rejected by some theorem and passed by some weak check. A convention is right elsewhere, by a known
rule. Terms add up to the formula.
"""

from refebm.variants import (
    calculus,
    chain,
    contrastive_divergence,
    denoising,
    densities,
    gibbs,
    hamiltonian,
    langevin,
    likelihood,
    metropolis,
    rbm,
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
    "calculus",
    "chain",
    "contrastive_divergence",
    "denoising",
    "densities",
    "gibbs",
    "hamiltonian",
    "langevin",
    "likelihood",
    "metropolis",
    "rbm",
    "score_matching",
]
