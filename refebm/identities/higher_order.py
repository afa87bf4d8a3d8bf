r"""Theorems about score matching with derivatives of higher order."""

import numpy as np

from refebm.identities.draw import SCORES, Draw
from refebm.identities.notation import EITHER_SIGN, half_square
from refebm.identities.record import Limit, Sides, theorem
from refebm.identities.score_matching import data_and_model
from refebm.identities.wells import PLACES, place
from refebm.models import Model
from refebm.truth.derivatives import jacobian_size, score_and_jacobian
from refebm.truth.expectations import expect

KINGMA = "Kingma and LeCun 2010, section 3"


def diagonal(matrices: np.ndarray) -> np.ndarray:
    """The diagonals (n, d) of matrices (n, d, d)."""
    return np.einsum("nii->ni", matrices)


def model_points_and_levels(draw: Draw) -> dict:
    d = draw.count(1, 4)
    return {"model": draw.model(d, SCORES), "x": draw.reals((2, d), -3, 3), "sigma": draw.reals((2,), 0.3, 1.5)}


@theorem(
    KINGMA,
    kind="pointwise",
    about="regularised_score_matching",
    case=model_points_and_levels,
    cancels=EITHER_SIGN,
)
def regularised_score_matching_by_hand(impl, model, x, sigma):
    r"""The objective from scores and Jacobians by hand, each row at a noise level of its own.

    \tfrac12|s|^2 + \operatorname{tr}\nabla s + \tfrac{\sigma^2}{2} \sum_i (\partial_i s_i)^2"""
    s, j = score_and_jacobian(model, x)
    slopes, size = diagonal(j), diagonal(jacobian_size(model, x))
    penalties = 0.5 * sigma[:, None] ** 2 * slopes**2
    rows = impl.regularised_score_matching(impl.score(model), x, sigma)
    formula = [np.sum(size, axis=1), np.sum(sigma[:, None] ** 2 * np.abs(slopes) * size, axis=1)]
    return Sides([rows], [half_square(s), *slopes.T, *penalties.T], formula=formula)


@theorem(
    KINGMA,
    kind="limit",
    about="regularised_score_matching",
    case=place,
    cases=len(PLACES),
)
def regularised_score_matching_smooths_the_data(impl, wells, x, v):
    r"""With what is dropped it is implicit score matching of noisy points, up to the fourth power of sigma.

    \mathbb E_z\,\text{ISM}(x + \sigma z) - \text{row} - \tfrac{\sigma^2}{2}[\textstyle\sum_{i \ne j} (\partial_j s_i)^2
    + s \cdot \Delta s + \Delta \operatorname{div} s] = \tfrac{\sigma^4}{8} \Delta^2\, \text{ISM}(x) + O(\sigma^6)"""
    m = wells.m
    q, steps = m @ m, 0.02 * 0.5 ** np.arange(4)

    def ism(x):
        """|x|^2/2 + g(m.x)."""
        a, tanh = x @ m, np.tanh(x @ m)
        return half_square(x) - a * tanh - 0.5 * q * tanh**2 + q - len(m)

    tanh = np.tanh(x[0] @ m)
    a, slope = x[0] @ m, 1 - tanh**2
    t2, t3, t4 = -2 * tanh * slope, slope * (6 * tanh**2 - 2), slope * tanh * (16 - 24 * tanh**2)  # of tanh
    second = -(2 * slope + a * t2) - q * (slope**2 + tanh * t2)  # of g
    fourth = -(4 * t3 + a * t4) - q * (3 * t2**2 + 4 * slope * t3 + tanh * t4)
    j = np.outer(m, m) * slope - np.eye(len(m))
    dropped = len(m) + q * second - np.sum(np.diag(j) ** 2)  # Lap ISM is d + q g''
    z, w = np.polynomial.hermite_e.hermegauss(12)
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*[z] * len(m))], axis=1)
    weights = np.prod(np.stack(np.meshgrid(*[w / np.sum(w)] * len(m))).reshape(len(m), -1), axis=0)
    smoothed = np.array([weights @ (ism(x + sigma * grid) - ism(x)) for sigma in steps]) + ism(x)
    score = impl.score(wells.model)
    left = [impl.regularised_score_matching(score, x, sigma)[0] for sigma in steps]
    return Limit(steps, smoothed - left - 0.5 * steps**2 * dropped, 4, q**2 * fourth / 8)


def data_model_and_level(draw: Draw) -> dict:
    return data_and_model(draw) | {"sigma": draw.noise_level()}


@theorem(
    KINGMA,
    kind="quadrature",
    about="regularised_score_matching",
    case=data_model_and_level,
    plane=True,
    mixtures=True,
)
def regularised_score_matching_adds_a_penalty(impl, p, model, sigma):
    r"""In the mean it is the Fisher divergence, up to a constant, and a penalty on each coordinate's curvature.

    \mathbb E_p[\text{row}] = D_F(p, s) - \tfrac12\mathbb E_p|s_p|^2
    + \tfrac{\sigma^2}{2} \mathbb E_p \textstyle\sum_i (\partial_i s_i)^2"""

    def explicit(x):
        return half_square(p.score(x) - score_and_jacobian(model, x)[0])

    def penalty(x):
        return 0.5 * sigma**2 * np.sum(diagonal(score_and_jacobian(model, x)[1]) ** 2, axis=1)

    (rows, constant, distance, penalties), change = expect(
        [
            lambda x: impl.regularised_score_matching(impl.score(model), x, sigma),
            lambda x: half_square(p.score(x)),
            explicit,
            penalty,
        ],
        p,
    )
    return Sides([rows, constant], [distance, penalties], change)


def sample_and_diagonal_model(draw: Draw) -> dict:
    """A sample, and departures from the best mean and from the best precisions, of which each coordinate has one."""
    d = draw.count(1, 4)
    corners = 1.5 * np.concatenate([np.eye(d), -np.eye(d)])
    return {
        "x": draw.reals((2 * d, d), -0.4, 0.4) + corners,
        "sigma": draw.noise_level(),
        "precisions": draw.reals((d,), -0.5, 0.5),
        "shift": draw.reals((d,), -0.5, 0.5),
    }


@theorem(KINGMA, kind="pointwise", about="regularised_score_matching", case=sample_and_diagonal_model)
def minimiser_of_regularised_score_matching_is_smoothed(impl, x, sigma, precisions, shift):
    r"""Over Gaussians with independent coordinates the best variances are those of the smoothed data, S_ii + sigma^2.

    J(m + \delta, p + e) - J(m, p) = \tfrac12 \sum_i e_i^2 (S_{ii} + \sigma^2) + (p_i + e_i)^2 \delta_i^2,\
    p_i = 1/(S_{ii} + \sigma^2)"""
    mean, variances = x.mean(axis=0), x.var(axis=0) + sigma**2

    def rows(mean, precisions):
        model = Model("quadratic", {"mean": mean, "precision": np.diag(precisions)})
        return list(impl.regularised_score_matching(impl.score(model), x, sigma) / len(x))

    excess = 0.5 * np.sum(precisions**2 * variances + ((1 / variances + precisions) * shift) ** 2)
    return Sides(rows(mean + shift, 1 / variances + precisions), [*rows(mean, 1 / variances), excess])
