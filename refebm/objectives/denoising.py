r"""Denoising: learn the score of the data smoothed by N(0, sigma^2 I), from pairs of a data point and its noise.

z is *unit* normal and the noisy point is y = x + sigma z, so grad_y log N(y; x, sigma^2 I) = -z/sigma. sigma is a float
or (n,), never (n, 1). p^sigma is the density of y. Errors: as in score matching; E-POSITIVE and E-SCALE for sigma.
"""

from typing import NamedTuple

import autograd.numpy as np
import scipy

from refebm.calculus import held, jacobian
from refebm.glossary import (
    DomainError,
    Field,
    InputError,
    LevelField,
    Levels,
    Loss,
    Matrices,
    Noise,
    NoisyPoints,
    Points,
    Positive,
    Size,
    Vectors,
    rows,
)
from refebm.objectives.notation import dot, see_step, squared_norm

BLOCK = 1000  # distances are computed for blocks of 1000 by 1000 pairs of rows


@rows
def denoising_score_matching(score: Field, x: Points, sigma: Levels, z: Noise) -> Loss:
    r"""1/2 |s(x + sigma z) + z/sigma|^2, (n,). Its minimiser is the score of p^sigma, not that of the data.

    $$\tfrac12 |s(x + \sigma z) + z/\sigma|^2$$

    >>> x, z = np.array([[1.0]]), np.array([[2.0]])
    >>> refebm.denoising_score_matching(lambda y: -y, x, 0.5, z)  # (-2 + 4)^2/2
    array([2.])

    score (n, d) -> (n, d); x, z (n, d); sigma float or (n,).
    Convention: with the 1/2, and unweighted. Times sigma^2 it is the loss of noise prediction, times sigma^4 that of
    the denoising autoencoder; NCSN and k-diffusion include such weights.
    Also: DSM
    Source: Song and Kingma 2021, eq. 10; Vincent 2011, section 4.2
    """
    return 0.5 * squared_norm(score(x + sigma * z) + z / sigma)


@rows
def denoising_score_matching_cv(score: Field, x: Points, sigma: Levels, z: Noise) -> Loss:
    r"""1/2 |s(x + sigma z) + z/sigma|^2 - z.s(x)/sigma - (|z|^2 - d)/(2 sigma^2), (n,): with a control variate.

    $$\tfrac12 |s(x + \sigma z) + z/\sigma|^2 - \frac{z \cdot s(x)}{\sigma} - \frac{|z|^2 - d}{2\sigma^2}$$

    It has the mean of `denoising_score_matching`, and its variance stays bounded as sigma -> 0.
    score (n, d) -> (n, d); x, z (n, d); sigma float or (n,). Gradients in the parameters flow through s(x) too.
    Errors: DomainError E-ROUNDOFF for a sigma so small that x + sigma z rounds most of its noise away.
    Also: DSM with a control variate, variance reduction
    Source: Song and Kingma 2021, section 4.1; Wang, Cheng, Li, Zhu and Zhang 2020
    """
    see_step("sigma", x, sigma * z)
    control = dot(z / sigma, score(x)) + 0.5 * np.sum((z**2 - 1) / sigma**2, axis=1)  # |z|^2 - d = sum_i (z_i^2 - 1)
    return 0.5 * squared_norm(score(x + sigma * z) + z / sigma) - control


@rows
def noise_conditional_score_matching(score: LevelField, x: Points, sigma: Levels, z: Noise) -> Loss:
    r"""1/2 |sigma s(x + sigma z, sigma) + z|^2, (n,): sigma^2 times denoising score matching, a level for each row.

    $$\tfrac12 |\sigma\, s(x + \sigma z, \sigma) + z|^2$$

    score(x, sigma) (n, d), (n,) -> (n, d); x, z (n, d); sigma (n,), drawn from the levels, or a float.
    Convention: sigma s predicts -z, whereas DDPM's network predicts +z.
    Also: NCSN
    Source: Song and Ermon 2019, eqs. 5 and 6; Stanford CS236, choosing the weighting function
    """
    return 0.5 * squared_norm(sigma * score(x + sigma * z, sigma[:, 0]) + z)


@rows
def denoising_autoencoder(denoiser: Field, x: Points, sigma: Levels, z: Noise) -> Loss:
    r"""1/2 |r(x + sigma z) - x|^2, (n,). With r(y) = y + sigma^2 s(y) it is sigma^4 times denoising score matching.

    $$\tfrac12 |r(x + \sigma z) - x|^2$$

    denoiser (n, d) -> (n, d); x, z (n, d); sigma float or (n,).
    Errors: DomainError E-ROUNDOFF for a sigma so small that x + sigma z rounds most of its noise away.
    Also: DAE
    Source: Vincent 2011, section 4.3; Das 2021, denoising score matching
    """
    see_step("sigma", x, sigma * z)
    return 0.5 * squared_norm(denoiser(x + sigma * z) - x)


@rows
def tweedie_mean(score: Field, y: NoisyPoints, sigma: Levels) -> Vectors:
    r"""E[X | Y = y] = y + sigma^2 s(y), (n, d), where s is the score of p^sigma.

    $$\mathbb E[X \mid Y = y] = y + \sigma^2 s(y)$$

    >>> p, y = refebm.Gaussian(1.0, 3.0), np.array([[5.0]])
    >>> refebm.tweedie_mean(p.smoothed(1.0).score, y, 1.0), p.posterior_mean(y, 1.0)  # 5 - 4/4
    (array([[4.]]), array([[4.]]))

    score (n, d) -> (n, d), the gradient with respect to the noisy point; y (n, d), noisy points; sigma float or (n,).
    Also: Tweedie's formula, the denoiser, empirical Bayes
    Source: Efron 2011, eq. 2.8; Stanford CS236, Tweedie's formula
    """
    return y + sigma**2 * score(y)


@rows
def tweedie_cov(score: Field, y: NoisyPoints, sigma: Levels) -> Matrices:
    r"""Cov[X | Y = y] = sigma^2 I + sigma^4 grad s(y), (n, d, d), where s is the score of p^sigma.

    $$\operatorname{Cov}[X \mid Y = y] = \sigma^2 I + \sigma^4 \nabla s(y)$$

    score (n, d) -> (n, d); y (n, d), noisy points; sigma float or (n,).
    Both terms are of size sigma^2, so the absolute error is a few roundoffs of sigma^2 however small the variance is: a
    score in double precision determines it no better (with sigma = 1e5 a variance of 1 has six digits). The
    `posterior_cov` of a density has full precision.
    Errors: DomainError E-ROUNDOFF where a variance would have fewer than three digits.
    Also: Tweedie's formula of second order
    Source: Efron 2011, eq. 2.8
    """
    variance = sigma[:, :, None] ** 2
    slopes = variance * _with_digits(jacobian(score, y), variance)  # sigma^4 may be no number where both products are
    return variance * np.eye(y.shape[1]) + variance * slopes


def _with_digits(slopes, variance):
    """Return the slopes of a score, (n, d, d), unless a variance sigma^2 (1 + sigma^2 slope) has less than 3 digits."""
    left = 1 + held(variance)[:, :, 0] * np.diagonal(held(slopes), axis1=1, axis2=2)
    lost = np.abs(left) < 1000 * np.finfo(float).eps
    if np.any(lost):
        row, i = (int(index) for index in np.argwhere(lost)[0])
        raise DomainError(
            "E-ROUNDOFF",
            f"sigma must not be so large that roundoff of sigma^2 hides the variances given y: the variance of "
            f"coordinate {i} at row {row} is {left[row, i]:.1e} of sigma^2",
        )
    return slopes


class NoiseLevels(NamedTuple):
    """Noise levels from large to small, and the overlap of neighbouring levels, in (0, 1)."""

    sigmas: np.ndarray
    overlap: float


@rows
def geometric_noise_levels(x: Points, n: Size, smallest: Positive) -> NoiseLevels:
    r"""sigma_1 > ... > sigma_n in constant ratio: sigma_1 = the largest pairwise distance, sigma_n = smallest.

    $$\sigma_i = \sigma_1 (\sigma_n/\sigma_1)^{(i - 1)/(n - 1)},\quad \sigma_1 = \max_{jk} |x_j - x_k|$$

    x (N, d), at least two different points; n >= 2; 0 < smallest < sigma_1. Returns (sigmas (n,), overlap).
    The overlap is 1 - TV(N(0, sigma_i^2 I), N(0, sigma_{i+1}^2 I)), the same for all i: 1 if neighbouring levels are
    equal, 0 if no sample of one could be a sample of the other. CS236 asks for sufficient overlap; it falls with d.
    Errors: E-LEVELS for n < 2, or smallest not below sigma_1; E-SCALE where sigma_1 overflows.
    Also: noise schedule
    Source: Song and Ermon 2020, techniques 1 and 2; Stanford CS236, choosing noise scales
    """
    largest = largest_distance(x)
    if np.isinf(largest):
        raise InputError("E-SCALE", "x must have distances that are numbers, but the largest overflows")
    if n < 2 or not smallest < largest:
        raise InputError(
            "E-LEVELS",
            f"n must be at least 2 and smallest below the largest distance {largest:.6g}; got {n}, {smallest}",
        )
    sigmas = np.geomspace(largest, smallest, n)
    ratio, d = sigmas[0] / sigmas[1], x.shape[1]
    crossing = 2 * d * np.log(ratio) / (1 - ratio**-2)  # |x|^2/sigma_{i+1}^2 where the two densities are equal
    below = scipy.special.gammainc(d / 2, crossing / ratio**2 / 2)  # P(chi^2 < crossing/ratio^2), d degrees of freedom
    return NoiseLevels(sigmas, float(below + scipy.special.gammaincc(d / 2, crossing / 2)))


def largest_distance(x):
    r"""max |x_i - x_j|, exactly, by blocks of pairs, with memory proportional to the data.

    Points are sorted by their distance from the mean, the farthest first. |x_i - x_j| is at most the sum of the two
    distances, so a block is compared only with points for which that sum exceeds the best so far. Candidates are found
    by |x_i|^2 + |x_j|^2 - 2 x_i . x_j, up to its roundoff; the exact differences x_i - x_j decide among them.
    """
    unit = 2.0 ** np.floor(np.log2(np.max(np.abs(x)) or 1.0))
    y = x / unit - np.mean(x / unit, axis=0)
    norms = np.sqrt(np.sum(y**2, axis=1))
    order = np.argsort(-norms)
    x, y, norms, best = x[order] / unit, y[order], norms[order], 0.0
    slack = 8 * (y.shape[1] + 8) * np.finfo(float).eps * norms[0] ** 2
    for i in range(0, len(y), BLOCK):
        block = y[i : i + BLOCK]
        reach = np.searchsorted(-norms, norms[i] - best, side="right")  # points with norm >= best - norms[i]
        for j in range(i, reach, BLOCK):
            others = y[j : min(j + BLOCK, reach)]
            squares = norms[i : i + BLOCK, None] ** 2 + norms[j : j + len(others)] ** 2 - 2 * np.dot(block, others.T)
            rows, columns = np.nonzero(squares >= max(np.max(squares), best**2) - slack)
            for a in range(0, len(rows), BLOCK):
                apart = x[i + rows[a : a + BLOCK]] - x[j + columns[a : a + BLOCK]]
                best = max(best, np.sqrt(np.max(np.sum(apart**2, axis=1))))
    return float(best) * float(unit)  # inf if it overflows
