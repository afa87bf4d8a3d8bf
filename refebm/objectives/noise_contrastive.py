r"""Noise-contrastive estimation: learn a density, log Z included, by telling data from noise of known density.

log_model = -E - log Z, where log Z is one more parameter (or 0 for a self-normalised model); log_noise = log p_n.
y (nu, n, d): nu noise points for each data point, whose terms are *summed* (Song and Kingma 2021 write nu for the
inverse ratio). All functions are losses to minimise; the texts maximise their negatives. Errors: E-SHAPE for y,
E-SUPPORT where log_noise is not finite at the data, E-CALLABLE.
"""

import contextlib
from collections.abc import Callable
from typing import Annotated, NamedTuple

import autograd.numpy as np
import numpy

from refebm.glossary import (
    WRITES,
    Built,
    Energy,
    Generated,
    InputError,
    LogDensity,
    Logit,
    LogRatios,
    Loss,
    NoisePoints,
    Points,
    Tried,
    Weight,
    convex,
    of_shape,
    rows,
    supported,
)
from refebm.special import softplus


@rows
def noise_contrastive(log_model: LogDensity, log_noise: LogDensity, x: Points, y: NoisePoints) -> Loss:
    r"""softplus(-L(x)) + sum_j softplus(L(y_j)), (n,), where L = log_model - log_noise - log nu.

    $$\log(1 + e^{-L(x)}) + \sum_j \log(1 + e^{L(y_j)}),\quad L = \log p_\theta - \log p_n - \log \nu$$

    >>> same, x, y = refebm.standard_normal(1).log_prob, np.array([[0.5]]), np.array([[[-1.0]]])
    >>> refebm.noise_contrastive(same, same, x, y) / np.log(2)  # nobody can tell them apart
    array([2.])

    log_model, log_noise (m, d) -> (m,); x (n, d), data; y (nu, n, d), noise. sigmoid(L) is the probability that a point
    is data. For every nu the minimiser log_model is the log-density of the data, log Z included.
    Errors: E-SUPPORT where log_noise is not finite at x.
    Also: NCE, noise-contrastive estimation, flow contrastive estimation
    Source: Song and Kingma 2021, eqs. 19 and 20; Gutmann and Hyvarinen 2012, eq. 8; Stanford CS236
    (nu = 1); HY-673 lecture 12 (nu = 1)
    """
    L_x, L_y = log_odds(log_model, log_noise, x, y)
    return softplus(-L_x) + np.sum(softplus(L_y), axis=0)


def log_odds(log_model, log_noise, x, y):
    """The log-odds that a point is data, L = log_model - log_noise - log nu, at x, (n,), and at y, (nu, n)."""
    noise = np.reshape(y, (-1, x.shape[1]))
    at_x = log_model(x) - supported("log_noise", log_noise(x)) - np.log(len(y))
    with _called_at_all_rows(y):
        at_y = log_model(noise) - log_noise(noise) - np.log(len(y))
    return at_x, np.reshape(at_y, y.shape[:2])


@contextlib.contextmanager
def _called_at_all_rows(y):
    """Turn the error of a callable that has values for the n rows of x only into one that says at which rows it was
    called."""
    try:
        yield
    except (ValueError, IndexError) as error:
        other = isinstance(error, numpy.linalg.LinAlgError) or getattr(error, "code", "E-CALLABLE") != "E-CALLABLE"
        if len(y) == 1 or other or WRITES in str(error):
            raise
        rows = f"all nu n = {y.shape[0]} * {y.shape[1]} rows of y at once, not only at the n rows of x"
        raise InputError("E-CALLABLE", f"log-densities and energies are called at {rows}: {error}") from error


@rows
def conditional_noise_contrastive(
    energy: Energy, x: Points, y: NoisePoints, log_ratio: LogRatios | None = None
) -> Loss:
    r"""2 softplus(-G), G = E(y) - E(x) + log p_c(y|x) - log p_c(x|y), (n,): the mean over nu points y ~ p_c(.|x).

    $$\tfrac2\nu \sum_j \log(1 + e^{-G_j}),\ G_j = E(y_j) - E(x) + \log p_c(y_j|x) - \log p_c(x|y_j)$$

    energy (m, d) -> (m,), which needs no normaliser; x (n, d); y (nu, n, d); log_ratio (nu, n), the log of
    p_c(y|x)/p_c(x|y), or None for symmetric noise such as y = x + eps z, where it is 0.
    Convention: twice the logistic loss, as in the source; at G = 0 the value is 2 log 2.
    Also: CNCE, conditional NCE
    Source: Ceylan and Gutmann 2018, eqs. 9 and 10
    """
    log_ratio = np.zeros(y.shape[:2]) if log_ratio is None else of_shape("log_ratio", log_ratio, y.shape[:2])
    with _called_at_all_rows(y):
        at_y = np.reshape(energy(np.reshape(y, (-1, x.shape[1]))), y.shape[:2])
    return np.mean(2 * softplus(energy(x) - at_y - log_ratio), axis=0)


class Generator(NamedTuple):
    r"""A convex function Psi on (0, inf), given by two functions of log u, so that u itself cannot overflow.

    $$\log u \mapsto \Psi'(u),\quad \log u \mapsto \Psi'(u)\, u - \Psi(u)$$

    derivative: log u -> Psi'(u). conjugate: log u -> Psi'(u) u - Psi(u).
    Errors, where it is used: E-GENERATOR for a derivative that does not increase, or a conjugate of another Psi.
    Source: Gutmann and Hirayama 2011, section 2
    """

    derivative: Callable
    conjugate: Callable


Psi = Annotated[
    Generator,
    convex,
    "a convex Psi, given by its derivative and its conjugate",
    Built("generator"),
    Tried("LEAST_SQUARES"),
]

LOGISTIC = Generator(lambda log_u: -softplus(-log_u), softplus)  # u log u - (1 + u) log(1 + u)
KULLBACK_LEIBLER = Generator(lambda log_u: 1 + log_u, np.exp)  # u log u
LEAST_SQUARES = Generator(  # u^2/2; its derivative is kept finite, so that a loss that overflows is inf, not inf - inf
    lambda log_u: np.exp(np.minimum(log_u, 709.0)), lambda log_u: 0.5 * np.exp(2 * log_u)
)


@rows
def bregman_noise_contrastive(
    log_model: LogDensity, log_noise: LogDensity, generator: Psi, x: Points, y: NoisePoints
) -> Loss:
    r"""-Psi'(g(x)) + sum_j [Psi'(g) g - Psi(g)](y_j), (n,), where g = p_model/(nu p_n).

    $$-\Psi'(g(x)) + \sum_j [\Psi'(g)\, g - \Psi(g)](y_j),\quad g = \frac{p_\theta}{\nu p_n}$$

    log_model, log_noise (m, d) -> (m,); generator: Psi, convex, as a `Generator`; x (n, d); y (nu, n, d).
    ``LOGISTIC`` gives noise-contrastive estimation, ``KULLBACK_LEIBLER`` maximum likelihood by importance weights.
    Errors: E-GENERATOR for a Psi' that does not increase, or a conjugate of another Psi; E-SUPPORT where log_noise is
    not finite at x.
    Also: Bregman NCE
    Source: Gutmann and Hirayama 2011, eq. 8; Song and Kingma 2021, section 5
    """
    L_x, L_y = log_odds(log_model, log_noise, x, y)
    return -generator.derivative(L_x) + np.sum(generator.conjugate(L_y), axis=0)


@rows
def gan_discriminator_loss(logit: Logit, x: Points, y: Generated) -> Loss:
    r"""-log D(x) - log(1 - D(y)) = softplus(-logit(x)) + softplus(logit(y)), (n,), D = sigmoid(logit).

    $$-\log D(x) - \log(1 - D(y)),\quad D = \operatorname{sigmoid}(\text{logit})$$

    logit (m, d) -> (m,); x (n, d), data; y (n, d), generated. With logit = log_model - log_noise this is
    noise-contrastive estimation with nu = 1. Here the logit is any function, and the density of y is not needed.
    Also: GAN, logistic regression
    Source: Goodfellow et al. 2014, eq. 1; Stanford CS236, comparing NCE and GAN
    """
    return softplus(-logit(x)) + softplus(logit(y))


@rows
def mixed_noise(log_noise: LogDensity, log_proposal: LogDensity, weight: Weight) -> LogDensity:
    r"""log[(1 - w) p_n + w q], the noise of adversarial contrastive estimation: p_n mixed with a trained proposal q.

    $$\log[(1 - w)\, p_n(x) + w\, q(x)]$$

    log_noise, log_proposal (m, d) -> (m,); weight w in (0, 1). Returns a callable (m, d) -> (m,).
    Also: ACE, adversarial contrastive estimation
    Source: Bose, Ling and Cao 2018, eq. 4
    """

    @rows
    def log_mixture(x: Points):
        return np.logaddexp(np.log1p(-weight) + log_noise(x), np.log(weight) + log_proposal(x))

    return log_mixture
