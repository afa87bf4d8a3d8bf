"""Wrong versions, by stem: each a named textual patch that some theorem rejects and some weak check does not notice."""

from refebm.variants import calculus, denoising, densities, score_matching
from refebm.variants.record import WRONG, Wrong

__all__ = ["WRONG", "Wrong", "calculus", "denoising", "densities", "score_matching"]
