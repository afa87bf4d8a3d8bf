r"""Theorems about score matching with derivatives of higher order."""

import numpy as np

from refebm.identities import Draw, Limit, Sides, expect, theorem
from refebm.identities.bits import all_bits, flips, law_and_energy, probabilities
from refebm.identities.draw import SCORES
from refebm.identities.notation import EITHER_SIGN, half_square
from refebm.identities.parameters import wells_of
from refebm.identities.score_matching import data_and_model
from refebm.identities.wells import PLACES, place
from refebm.models import Model, mixture_of
from refebm.truth.densities import Gamma
from refebm.truth.derivatives import jacobian_size, score_and_jacobian

KINGMA = "Kingma and LeCun 2010, section 3"
LYU = "Lyu 2009, theorem 2"
PARRY = LYU + "; Parry, Dawid and Lauritzen 2012, section 6"
CLOSED = ("quadratic", "mixture")


def diagonal(matrices: np.ndarray) -> np.ndarray:
    """The diagonals (n, d) of matrices (n, d, d)."""
    return np.einsum("nii->ni", matrices)


def model_points_and_levels(draw: Draw) -> dict:
    d = draw.count(1, 4)
    return {"model": draw.model(d, SCORES), "x": draw.reals((2, d), -3, 3), "sigma": draw.reals((2,), 0.3, 1.5)}


@theorem(KINGMA, "pointwise", model_points_and_levels, cancels=EITHER_SIGN)
def regularised_score_matching_by_hand(impl, model, x, sigma):
    r"""Regularised score matching is its formula in score and Jacobian by hand, with a level for each row.

    \tfrac12|s|^2 + \operatorname{tr}\nabla s + \tfrac{\sigma^2}{2} \sum_i (\partial_i s_i)^2"""
    s, j = score_and_jacobian(model, x)
    slopes, size = diagonal(j), diagonal(jacobian_size(model, x))
    penalties = 0.5 * sigma[:, None] ** 2 * slopes**2
    rows = impl.regularised_score_matching(impl.score(model), x, sigma)
    formula = [np.sum(size, axis=1), np.sum(sigma[:, None] ** 2 * np.abs(slopes) * size, axis=1)]
    return Sides([rows], [half_square(s), *slopes.T, *penalties.T], formula=formula)


@theorem(KINGMA, "limit", place, cases=PLACES)
def regularised_score_matching_smooths_the_data(impl, wells, x, v):
    r"""Plus the terms that it drops, regularised score matching is that of noisy points, up to order sigma^4.

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
    t2, t3, t4 = -2 * tanh * slope, slope * (6 * tanh**2 - 2), slope * tanh * (16 - 24 * tanh**2)  # its derivatives
    second = -(2 * slope + a * t2) - q * (slope**2 + tanh * t2)  # g''
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


@theorem(KINGMA, "quadrature", data_model_and_level, plane=True, mixtures=True)
def regularised_score_matching_adds_a_penalty(impl, p, model, sigma):
    r"""Up to a constant, regularised score matching is the Fisher divergence plus a penalty on curvature.

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
    """A sample, and departures from the best mean and from the best precision of each coordinate."""
    d = draw.count(1, 4)
    corners = 1.5 * np.concatenate([np.eye(d), -np.eye(d)])
    return {
        "x": draw.reals((2 * d, d), -0.4, 0.4) + corners,
        "sigma": draw.noise_level(),
        "precisions": draw.reals((d,), -0.5, 0.5),
        "shift": draw.reals((d,), -0.5, 0.5),
    }


@theorem(KINGMA, "pointwise", sample_and_diagonal_model)
def minimiser_of_regularised_score_matching_is_smoothed(impl, x, sigma, precisions, shift):
    r"""Among Gaussians with independent coordinates, the minimiser has the smoothed data's variances S_ii + sigma^2.

    J(m + \delta, p + e) - J(m, p) = \tfrac12 \sum_i [e_i^2 (S_{ii} + \sigma^2) + (p_i + e_i)^2 \delta_i^2],\
    p_i = 1/(S_{ii} + \sigma^2)"""
    mean, variances = x.mean(axis=0), x.var(axis=0) + sigma**2

    def rows(mean, precisions):
        model = Model("quadratic", {"mean": mean, "precision": np.diag(precisions)})
        return list(impl.regularised_score_matching(impl.score(model), x, sigma) / len(x))

    excess = 0.5 * np.sum(precisions**2 * variances + ((1 / variances + precisions) * shift) ** 2)
    return Sides(rows(mean + shift, 1 / variances + precisions), [*rows(mean, 1 / variances), excess])


def responsibilities(model: Model, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each well of a quadratic or mixture energy: responsibility (n, k), P(x - m) (n, k, d) and P (k, d, d)."""
    logits, means, precisions = wells_of(model)
    y = x[:, None, :] - means
    pull = np.einsum("kij,nkj->nki", precisions, y)
    exponents = logits - 0.5 * np.sum(pull * y, axis=2)
    r = np.exp(exponents - np.max(exponents, axis=1, keepdims=True))
    return r / np.sum(r, axis=1, keepdims=True), pull, precisions


def hermite(n: int, a: np.ndarray, absolute: bool) -> np.ndarray:
    """Hermite's polynomial He_n(a), or the sum of the absolute values of its terms."""
    coefficients = np.polynomial.hermite_e.herme2poly([0] * n + [1])
    return np.polynomial.polynomial.polyval(*((abs(a), abs(coefficients)) if absolute else (a, coefficients)))


def quotients(model: Model, x: np.ndarray, n: int, absolute: bool = False) -> np.ndarray:
    """(d_i^j q)/q for j = 0, ..., n, (n + 1, rows, d): Hermite polynomials, averaged over a mixture's components."""
    r, pull, precisions = responsibilities(model, x)
    root = np.sqrt(np.einsum("kii->ki", precisions))
    terms = ((1 if absolute else (-1) ** j) * root**j * hermite(j, pull / root, absolute) for j in range(n + 1))
    return np.stack([np.einsum("nk,nki->ni", r, term) for term in terms])


def derivative_of_quotient(q: np.ndarray, m: int, sign: int = 1) -> np.ndarray:
    """d_i^m of (d_i^m q)/q, from (d_i^j q)/q for all j up to 2m, by division of power series."""
    factorials = np.cumprod([1.0, *range(1, 2 * m + 1)])
    series = []
    for j in range(m + 1):
        before = sum((q[k] / factorials[k] * series[j - k] for k in range(1, j + 1)), 0 * q[0])
        series.append(q[m + j] / factorials[j] - sign * before)
    return factorials[m] * series[m]


def closed_model_points_and_order(draw: Draw) -> dict:
    """Mixtures only at low order and dimension, since their derivatives take long."""
    d, order = draw.count(1, 3), draw.count(1, 3)
    kinds = CLOSED if d * order <= 3 and order < 3 else ("quadratic",)
    return {"model": draw.model(d, kinds), "x": draw.reals((2, d), -3, 3), "order": order}


@theorem(PARRY, "pointwise", closed_model_points_and_order, cancels=EITHER_SIGN)
def higher_order_score_matching_by_hand(impl, model, x, order):
    r"""For Gaussians and mixtures the rows are those that Hermite polynomials and division of power series give.

    \textstyle\sum_i [\tfrac12 r_m^2 - (-1)^m \partial_i^m r_m],\ r_m = \frac{\partial_i^m q}{q}"""
    q, size = (quotients(model, x, 2 * order, absolute) for absolute in (False, True))
    rows = impl.higher_order_score_matching(impl.score(model), x, order)
    formula = [4**order * np.sum(size[order] ** 2 + derivative_of_quotient(size, order, -1), axis=1)]
    adjoint = -((-1) ** order) * derivative_of_quotient(q, order)
    return Sides([rows], [*(0.5 * q[order] ** 2).T, *adjoint.T], formula=formula)


def data_closed_model_and_order(draw: Draw) -> dict:
    """A case on the line; that several coordinates are summed is seen by the pointwise theorem.

    Order m = 3 only for a Gaussian model: in the six derivatives of a mixture too many digits cancel in the tails.
    """
    order = draw.count(1, 3)
    return {"p": draw.mixture(1), "model": draw.model(1, CLOSED if order < 3 else ("quadratic",)), "order": order}


def quotient_of_data(p, x: np.ndarray, m: int) -> np.ndarray:
    """(d_i^m p)/p of a mixture, or of an exponential density (a Gamma of shape 1)."""
    return (-p.rate) ** m + 0 * x if isinstance(p, Gamma) else quotients(mixture_of(p), x, m)[m]


@theorem(
    PARRY,
    "quadrature",
    data_closed_model_and_order,
    outside={
        f"the boundary term of an exponential density, m = {m}": lambda m=m: {
            "p": Gamma(1.0, 1.5),
            "model": Model("quadratic", {"mean": np.ones(1), "precision": np.eye(1)}),
            "order": m,
        }
        for m in (1, 2)
    },
)
def higher_order_is_a_distance_of_derivatives(impl, p, model, order):
    r"""Up to a constant, mean higher-order score matching is a distance between the ratios (d_i^m p)/p and (d_i^m q)/q.

    \mathbb E_p[\text{row}] = \tfrac12 \mathbb E_p \textstyle\sum_i
    \big(\frac{\partial_i^m p}{p} - \frac{\partial_i^m q}{q}\big)^2
    - \tfrac12 \mathbb E_p \sum_i \big(\frac{\partial_i^m p}{p}\big)^2"""
    return against_its_distance(
        lambda x: impl.higher_order_score_matching(impl.score(model), x, order),
        lambda x: quotient_of_data(p, x, order),
        lambda x: quotients(model, x, order)[order],
        p,
    )


def against_its_distance(row, of_data, of_model, p):
    """E row + 1/2 E |Lp/p|^2 = 1/2 E |Lp/p - Lq/q|^2."""
    functions = [row, lambda x: half_square(of_data(x)), lambda x: half_square(of_data(x) - of_model(x))]
    (rows, constant, distance), change = expect(functions, p)
    return Sides([rows, constant], [distance], change)


def laplacians(model: Model, x: np.ndarray) -> list[np.ndarray]:
    """(grad q)/q, (Lap q)/q, (grad Lap q)/q and (Lap Lap q)/q of a Gaussian or a mixture."""
    r, pull, precisions = responsibilities(model, x)
    again = np.einsum("kij,nkj->nki", precisions, pull)
    first = np.sum(pull**2, axis=2) - np.einsum("kii->k", precisions)
    slope = 2 * again - first[:, :, None] * pull
    second = 2 * np.einsum("kij,kij->k", precisions, precisions) - 4 * np.sum(pull * again, axis=2) + first**2
    vectors = [np.einsum("nk,nki->ni", r, term) for term in (-pull, slope)]
    numbers = [np.einsum("nk,nk->n", r, term) for term in (first, second)]
    return [vectors[0], numbers[0], vectors[1], numbers[1]]


def laplacian_size(model: Model, x: np.ndarray) -> np.ndarray:
    """The size of the terms of Lap r for a mixture, before they cancel: products of at most four first derivatives."""
    _, pull, precisions = responsibilities(model, x)
    curved = np.sum(np.abs(precisions), axis=(1, 2))
    return np.max((np.sum(np.abs(pull), axis=2) ** 2 + curved) ** 2, axis=1)


@theorem(
    LYU,
    "pointwise",
    lambda draw: {"model": draw.model(d := draw.count(1, 3), CLOSED), "x": draw.reals((2, d), -3, 3)},
    cancels=EITHER_SIGN,
)
def laplacian_score_matching_by_hand(impl, model, x):
    r"""For Gaussians and mixtures the rows are 1/2 r^2 - Lap r, with derivatives of q up to the fourth by hand.

    \tfrac12 r^2 - \Delta r,\ r = \frac{\Delta q}{q},\ \Delta r = \frac{\Delta\Delta q}{q}
    - 2 \frac{\nabla \Delta q}{q} \cdot \frac{\nabla q}{q} - r^2 + 2 r \Big|\frac{\nabla q}{q}\Big|^2"""
    s, r, slope, second = laplacians(model, x)
    rows = impl.laplacian_score_matching(impl.score(model), x)
    right = [0.5 * r**2, -second, 2 * np.sum(slope * s, axis=1), r**2, -2 * r * np.sum(s**2, axis=1)]
    return Sides([rows], right, formula=[4 * laplacian_size(model, x)])


@theorem(LYU, "quadrature", lambda draw: data_and_model(draw, CLOSED), plane=True, mixtures=True)
def laplacian_is_a_distance_of_laplacians(impl, p, model):
    r"""Up to a constant, mean Laplacian score matching is a distance between the ratios (Lap p)/p and (Lap q)/q.

    \mathbb E_p[\tfrac12 r^2 - \Delta r] = \tfrac12 \mathbb E_p \Big(\frac{\Delta p}{p} - \frac{\Delta q}{q}\Big)^2
    - \tfrac12 \mathbb E_p \Big(\frac{\Delta p}{p}\Big)^2"""
    of_data, of_model = (lambda x, one=one: laplacians(one, x)[1][:, None] for one in (mixture_of(p), model))
    return against_its_distance(lambda x: impl.laplacian_score_matching(impl.score(model), x), of_data, of_model, p)


@theorem(LYU, "enumeration", law_and_energy, cancels="both sides vanish where the conditional probabilities agree")
def marginalisation_is_a_distance_of_conditionals(impl, log_p, model):
    r"""Up to a constant, the mean loss is a distance between the inverse probabilities of each bit given the others.

    \mathbb E_p[\text{row}] = \tfrac12 \mathbb E_p \sum_i
    \Big(\frac{1}{p(x_i \mid x_{-i})} - \frac{1}{q(x_i \mid x_{-i})}\Big)^2
    - \tfrac12 \mathbb E_p \sum_i p(x_i \mid x_{-i})^{-2}"""
    p, d = probabilities(log_p), model.d
    flipped = flips(d)
    q = np.exp(-model(all_bits(d)))
    of_data, of_model = (1 + density[flipped] / density[:, None] for density in (p, q))
    rows = p * impl.marginalisation_score_matching(impl.energy(model), all_bits(d))
    left = [rows, *(0.5 * p * of_data.T**2)]
    return Sides(left, list(0.5 * p * (of_data - of_model).T ** 2))
