r"""refebm: the reference for energy-based models. Every objective is one short function, every identity a theorem.

Glossary and conventions

    x        (n, d), rows are independent points, float64
    E        energy(x) -> (n,); p = exp(-E)/Z. Unnormalised is always an energy, ``log_...`` always normalised
    s        score(x) -> (n, d), grad_x log p = -grad_x E; any vector field may stand in
    sigma    noise standard deviation, a float or (n,); a conditional field is score(x, sigma), ``at`` fixes it
    z        (n, d), *unit* normal; the noisy point is x + sigma z, and sigma s predicts -z
    v        (n, d) or (m, n, d), projections with E[v v^T] = I

Callables come first, then state and data, then step sizes and counts, noise last. No function draws its own noise.
Every objective is a loss to minimise, one value per row; the 1/2 of the Fisher divergence stays in all of them.
"""

from refebm.calculus import divergence, field_and_divergence, jacobian_vector_product, score_of
from refebm.models import Model, at, mixture_of
from refebm.objectives.denoising import (
    denoising_autoencoder,
    denoising_score_matching,
    denoising_score_matching_cv,
    geometric_noise_levels,
    noise_conditional_score_matching,
    tweedie_cov,
    tweedie_mean,
)
from refebm.objectives.score_matching import (
    explicit_score_matching,
    explicit_sliced,
    finite_difference_sliced,
    hutchinson_divergence,
    implicit_score_matching,
    nonnegative_score_matching,
    ratio_matching,
    sliced_score_matching,
    sliced_score_matching_vr,
)
from refebm.truth.densities import (
    Gamma,
    Gaussian,
    GaussianMixture,
    Laplace,
    StudentT,
    smoothed_empirical,
    standard_normal,
)
from refebm.truth.expectations import Expectation, expect
from refebm.validation import DomainError, InputError

__version__ = "0.1.0"

__all__ = [
    "DomainError",
    "Expectation",
    "Gamma",
    "Gaussian",
    "GaussianMixture",
    "InputError",
    "Laplace",
    "Model",
    "StudentT",
    "at",
    "denoising_autoencoder",
    "denoising_score_matching",
    "denoising_score_matching_cv",
    "divergence",
    "expect",
    "explicit_score_matching",
    "explicit_sliced",
    "field_and_divergence",
    "finite_difference_sliced",
    "geometric_noise_levels",
    "hutchinson_divergence",
    "implicit_score_matching",
    "jacobian_vector_product",
    "mixture_of",
    "noise_conditional_score_matching",
    "nonnegative_score_matching",
    "ratio_matching",
    "score_of",
    "sliced_score_matching",
    "sliced_score_matching_vr",
    "smoothed_empirical",
    "standard_normal",
    "tweedie_cov",
    "tweedie_mean",
]
