r"""Theorems about Stein discrepancies, minimum probability flow and minimum velocity."""

from itertools import product

import numpy as np
import scipy

from refebm.calculus import pull_back
from refebm.identities import Draw, Limit, Sides, expect, theorem
from refebm.identities.bits import all_bits, flips, law_and_energy, probabilities
from refebm.identities.draw import SCORES, SMOOTH_ENERGIES
from refebm.identities.notation import EITHER_SIGN, half_square
from refebm.identities.rules import rademacher
from refebm.identities.score_matching import GAUSSIAN_PAIRS, data_and_model, line
from refebm.identities.wells import IN_THE_PLANE, place_in_the_plane
from refebm.models import Model, mixture_of
from refebm.truth.densities import Gamma, Gaussian, GaussianMixture, standard_normal
from refebm.truth.derivatives import jacobian_size, score_and_jacobian

STEIN = "Gorham and Mackey 2015, section 2; Liu, Lee and Jordan 2016, eq. 3"
KERNEL = "Liu, Lee and Jordan 2016, theorem 3.6; Chwialkowski, Strathmann and Gretton 2016, section 2"
FLOW = "Sohl-Dickstein, Battaglino and DeWeese 2011"
VELOCITY = "Movellan 2008, section 3; Wang, Cheng, Li, Zhu and Zhang 2020"
FIELDS = ("quadratic", "mlp_score", "mixture")


def two_models_and_points(draw: Draw) -> dict:
    d = draw.count(1, 4)
    return {"model": draw.model(d, SCORES), "field": draw.model(d, SCORES), "x": draw.reals((3, d), -3, 3)}


@theorem(STEIN, "pointwise", two_models_and_points, cancels=EITHER_SIGN)
def stein_discrepancy_by_hand(impl, model, field, x):
    r"""Each row is s . g + div g, from a score, a test field and its Jacobian that were derived by hand.

    \textstyle\sum_i (s_i g_i + \partial_i g_i)"""
    s, (g, j) = score_and_jacobian(model, x)[0], score_and_jacobian(field, x)
    rows = impl.stein_discrepancy(impl.score(model), impl.score(field), x)
    formula = [np.einsum("nii->n", jacobian_size(field, x))]
    return Sides([rows], [*(s * g).T, *np.einsum("nii->in", j)], formula=formula)


def data_model_and_field(draw: Draw) -> dict:
    case = data_and_model(draw)
    return case | {"field": draw.model(case["p"].d, FIELDS)}


@theorem(STEIN, "quadrature", data_model_and_field, plane=True, mixtures=True, cancels=EITHER_SIGN)
def stein_discrepancy_compares_scores(impl, p, model, field):
    r"""For any test field the mean Stein discrepancy is that of the field times the difference of the two scores.

    \mathbb E_p[s \cdot g + \operatorname{div} g] = \mathbb E_p[(s - s_p) \cdot g]"""

    def compared(x):
        return np.sum((score_and_jacobian(model, x)[0] - p.score(x)) * score_and_jacobian(field, x)[0], axis=1)

    (rows, right), change = expect(
        [lambda x: impl.stein_discrepancy(impl.score(model), impl.score(field), x), compared], p
    )
    return Sides([rows], [right], change)


def data_and_field(draw: Draw) -> dict:
    d = draw.dimension()
    return {"p": draw.mixture(d), "field": draw.model(d, FIELDS)}


@theorem(
    STEIN,
    "quadrature",
    data_and_field,
    plane=True,
    cancels="the right side is zero",
    outside={"another density": lambda: {"p": two_normals(), "field": line(), "model": line()}},
)
def stein_discrepancy_of_the_truth_is_zero(impl, p, field, model=None):
    r"""With the score of the data themselves the mean Stein discrepancy is zero for every test field.

    \mathbb E_p[s_p \cdot g + \operatorname{div} g] = 0"""
    score = impl.score(model or mixture_of(p))
    terms, change = expect([lambda x: impl.stein_discrepancy(score, impl.score(field), x)], p)
    return Sides(terms, [0.0], change)


def two_normals() -> GaussianMixture:
    return GaussianMixture([0.4, 0.6], [[-1.0], [1.0]], 0.5)


def gaussian_and_normal_model(draw: Draw) -> dict:
    d = draw.count(1, 4)
    return {"p": draw.gaussian(d), "model": draw.model(d, ("quadratic",)), "away": draw.reals((d, d + 1), -0.3, 0.3)}


def difference_of_scores(p: Gaussian, model: Model):
    """M and b of s - s_p = M (x - m) + b for two Gaussians, where m is the mean of p."""
    mean, precision = model.parameters.values()
    symmetric = 0.5 * (precision + precision.T)
    return p.precision - symmetric, symmetric @ (mean - p.mean)


def affine_field(matrix, at_mean, mean) -> Model:
    """The field M (x - mean) + b, as a model: a network of one linear layer."""
    return Model("mlp_score", {"layers": ((matrix.T, at_mean - matrix @ mean),)})


def mean_over_length(impl, p, model, matrix, at_mean):
    """E_p of the rows for the field M (x - m) + b, divided by its norm in L2(p); and the certificate."""
    field = impl.score(affine_field(matrix, at_mean, p.mean))
    terms, change = expect([lambda x: impl.stein_discrepancy(impl.score(model), field, x)], p, degree=2)
    return terms[0] / np.sqrt(np.trace(matrix @ p.cov @ matrix.T) + at_mean @ at_mean), change


@theorem(STEIN, "quadrature", gaussian_and_normal_model)
def stein_supremum_is_the_fisher_divergence(impl, p, model, away):
    r"""The supremum over test fields in the unit ball of L2(p) is attained at the difference of the scores.

    \sup_{\mathbb E_p|g|^2 \le 1} \mathbb E_p[s \cdot g + \operatorname{div} g] = \sqrt{2 D_F} \text{ at }
    g \sim s - s_p"""
    matrix, at_mean = difference_of_scores(p, model)
    terms, change = mean_over_length(impl, p, model, matrix, at_mean)
    fisher = 0.5 * np.trace(matrix @ p.cov @ matrix.T) + 0.5 * at_mean @ at_mean
    return Sides([terms], [float(np.sqrt(2 * fisher))], change)


@theorem(STEIN, "quadrature", gaussian_and_normal_model)
def stein_discrepancy_stays_below_the_supremum(impl, p, model, away):
    r"""Any other test field of norm one in L2(p) has a Stein discrepancy of at most the supremum.

    \mathbb E_p[s \cdot g + \operatorname{div} g] \le \sqrt{2 D_F},\ \mathbb E_p|g|^2 = 1"""
    matrix, at_mean = difference_of_scores(p, model)
    terms, change = mean_over_length(impl, p, model, matrix + away[:, 1:], at_mean + away[:, 0])
    fisher = 0.5 * np.trace(matrix @ p.cov @ matrix.T) + 0.5 * at_mean @ at_mean
    return Sides([terms], [float(np.sqrt(2 * fisher))], change, inequality=True)


def score_points_and_bandwidth(draw: Draw) -> dict:
    d, n = draw.count(1, 4), draw.count(2, 4)
    return {"model": draw.model(d, SCORES), "x": draw.reals((n, d), -2, 2), "bandwidth": draw.real(0.6, 2.5)}


def both_statistics(impl, model, x, bandwidth):
    """The V statistic (biased) and the U statistic (unbiased)."""
    s = impl.score(model)
    return np.array([impl.kernel_stein(s, x, bandwidth, unbiased) for unbiased in (False, True)])


@theorem(KERNEL, "pointwise", score_points_and_bandwidth, cancels=EITHER_SIGN)
def kernel_stein_by_hand(impl, model, x, bandwidth):
    r"""V is the mean of the Stein kernel over all pairs of rows, U that over pairs of different rows.

    u(x, y) = \textstyle\sum_i \left[k\, s_i(x) s_i(y) + s_i(x) \partial_{y_i} k + s_i(y) \partial_{x_i} k
    + \partial_{x_i} \partial_{y_i} k\right]"""
    (n, d), s = x.shape, score_and_jacobian(model, x)[0]
    right = []
    for i, j in product(range(n), repeat=2):
        share = np.array([1 / n**2, (i != j) / (n * (n - 1))])
        k = np.prod([np.exp(-((x[i, c] - x[j, c]) ** 2) / (2 * bandwidth**2)) for c in range(d)])
        for c in range(d):
            off = (x[i, c] - x[j, c]) / bandwidth**2
            parts = [s[i, c] * s[j, c], s[i, c] * off, -s[j, c] * off, 1 / bandwidth**2, -(off**2)]
            right += [share * k * part for part in parts]
    added_and_taken_away = 2 * (np.sum(s**2) + n * d / bandwidth**2) / (n * (n - 1))
    formula = [np.array([0.0, added_and_taken_away])]
    return Sides([both_statistics(impl, model, x, bandwidth)], right, formula=formula)


def few_points(draw: Draw) -> dict:
    d = draw.dimension()
    return {"model": draw.model(d, SCORES), "x": draw.reals((3, d), -1.5, 1.5), "bandwidth": draw.real(0.7, 2.0)}


@theorem(KERNEL, "quadrature", few_points, plane=True, cancels=EITHER_SIGN)
def kernel_stein_is_an_energy_of_waves(impl, model, x, bandwidth):
    r"""As the kernel is a mean of waves e^{i w x}, V is the mean squared length of Stein's operator applied to them.

    V = \mathbb E_{w \sim \mathcal N(0, I/l^2)} \big|\tfrac1n \textstyle\sum_i e^{i w \cdot x_i} (s(x_i) + i w)\big|^2,\
    n(n-1)\, U = n^2 V - \textstyle\sum_i (|s(x_i)|^2 + d/l^2)"""
    (n, d), s = x.shape, score_and_jacobian(model, x)[0]

    def energy(w):
        stein = np.exp(1j * w @ x.T)[:, :, None] * (s + 1j * w[:, None, :])  # (m, n, d)
        pairs = np.einsum("mic,mjc->ijm", stein, np.conj(stein)).real  # the terms of the square, before they cancel
        return np.moveaxis(np.stack([pairs / n**2, pairs / (n * (n - 1))]), 3, 0)

    (terms,), change = expect([energy], Gaussian(np.zeros(d), bandwidth**-2.0))
    diagonal = 2 * half_square(s) + d / bandwidth**2
    left_out = -np.column_stack([0 * diagonal, diagonal / (n * (n - 1))])
    squares = [terms[:, :, i, j] for i, j in product(range(n), repeat=2)]
    return Sides([both_statistics(impl, model, x, bandwidth)[None]], [*squares, left_out], change)


def rows_apart(draw: Draw) -> dict:
    """Rows that are at least ten bandwidths apart."""
    d, n = draw.count(1, 4), draw.count(2, 4)
    x = 1.2 * np.arange(n)[:, None] - 1.8 + draw.reals((n, d), -0.2, 0.2)
    return {"model": draw.model(d, SCORES), "x": x, "bandwidth": draw.real(0.04, 0.08)}


@theorem(KERNEL, "pointwise", rows_apart, cancels="U is zero, its terms are not")
def unbiased_kernel_stein_leaves_the_diagonal_out(impl, model, x, bandwidth):
    r"""For rows so far apart that the kernel between them is zero, U is zero and V is the diagonal's sum over n^2.

    U = 0,\ V = \tfrac{1}{n^2} \textstyle\sum_i (|s(x_i)|^2 + d/l^2)"""
    (n, d), s = x.shape, score_and_jacobian(model, x)[0]
    diagonal = np.concatenate([s**2, np.ones((n, d)) / bandwidth**2], axis=1).ravel() / n**2
    formula = [np.array([0.0, 2 * n**2 / (n * (n - 1)) * np.sum(diagonal)])]
    keep = np.array([1.0, 0.0])
    return Sides([both_statistics(impl, model, x, bandwidth)], [keep * one for one in diagonal], formula=formula)


def gaussians_and_bandwidth(draw: Draw) -> dict:
    d = draw.count(1, 2)
    return {"p": draw.gaussian(d), "model": draw.model(d, ("quadratic",)), "bandwidth": draw.real(0.6, 2.5)}


def mean_over_pairs(impl, p, model, bandwidth, degree):
    """The terms of E u(x, y), x and y from a Gaussian p, each from the U statistic of two rows; and the certificate.

    With x, y = m + L (a +- b)/sqrt 2 the kernel depends on b alone. It is absorbed into the law of b, which stays
    normal, and the rest is a polynomial of degree two.
    """
    d, s, factor = p.d, impl.score(model), p.cholesky / np.sqrt(2)
    tilted = np.linalg.inv(np.eye(d) + 2 * p.cholesky.T @ p.cholesky / bandwidth**2)
    law = Gaussian(np.zeros(2 * d), np.block([[np.eye(d), np.zeros((d, d))], [np.zeros((d, d)), tilted]]))
    kappa = np.sqrt(np.linalg.det(tilted))

    def rows(w):
        a, b = w[:, :d] @ factor.T, w[:, d:] @ factor.T
        kernel = np.exp(-np.sum((2 * b) ** 2, axis=1) / (2 * bandwidth**2))
        pairs = np.stack([p.mean + a + b, p.mean + a - b], axis=1)
        return kappa * np.array([impl.kernel_stein(s, pair, bandwidth) for pair in pairs]) / kernel

    return expect([rows], law, degree=degree)


@theorem(KERNEL, "quadrature", gaussians_and_bandwidth, cancels=EITHER_SIGN)
def kernel_stein_of_gaussians_is_closed(impl, p, model, bandwidth):
    r"""For data N(m, S) and model N(mu, B^{-1}) the population value has a closed form, zero only if the two are equal.

    \kappa [\tfrac12 \operatorname{tr} M S M^\top + |B(\mu - m)|^2 - \tfrac14 \operatorname{tr} M R M^\top],\
    M = S^{-1} - B, \kappa = \det(I + 2S/l^2)^{-1/2}, R = (S^{-1}/2 + I/l^2)^{-1}"""
    terms, change = mean_over_pairs(impl, p, model, bandwidth, degree=2)
    matrix, at_mean = difference_of_scores(p, model)
    kappa = np.linalg.det(np.eye(p.d) + 2 * p.cov / bandwidth**2) ** -0.5
    r = np.linalg.inv(p.precision / 2 + np.eye(p.d) / bandwidth**2)
    closed = [0.5 * np.trace(matrix @ p.cov @ matrix.T), at_mean @ at_mean, -0.25 * np.trace(matrix @ r @ matrix.T)]
    return Sides(terms, [float(kappa * part) for part in closed], change)


@theorem(
    KERNEL,
    "quadrature",
    lambda draw: {"p": draw.gaussian(draw.count(1, 2)), "bandwidth": draw.real(0.6, 2.5)},
    cancels="the right side is zero",
    outside={"another mean": lambda: {"p": Gaussian(0.3, 1.0), "bandwidth": 1.0, "model": line()}},
)
def kernel_stein_of_the_truth_is_zero(impl, p, bandwidth, model=None):
    r"""If the model equals the data's density, the population value, which is the mean of U, is zero.

    \mathbb E_{x, y \sim p}[u_p(x, y)] = 0"""
    model = model or Model("quadratic", {"mean": p.mean, "precision": p.precision})
    terms, change = mean_over_pairs(impl, p, model, bandwidth, degree=4)  # with degree=2 every node's term is zero
    return Sides(terms, [0.0], change)


def data_field_and_point(draw: Draw) -> dict:
    return {
        "p": draw.mixture(1, most=2),
        "model": draw.model(1, ("mlp_score",)),
        "y": draw.reals((1, 1), -1.5, 1.5),
        "bandwidth": draw.real(0.8, 2.5),
    }


@theorem(KERNEL, "quadrature", data_field_and_point, cancels=EITHER_SIGN)
def kernel_stein_compares_scores(impl, p, model, y, bandwidth):
    r"""For each y the mean over x from p is that of the difference of the scores times Stein's operator on k at y.

    \mathbb E_{x \sim p}[u(x, y)] = \mathbb E_{x \sim p}[(s - s_p)(x) \cdot (k\, s(y) + \nabla_y k)]"""
    s, at_y = impl.score(model), score_and_jacobian(model, y)[0]

    def rows(x):
        return np.array([impl.kernel_stein(s, np.stack([x_i, y[0]]), bandwidth) for x_i in x])

    def compared(x):
        k = np.exp(-np.sum((x - y) ** 2, axis=1, keepdims=True) / (2 * bandwidth**2))
        witness = k * (at_y + (x - y) / bandwidth**2)
        return np.sum((score_and_jacobian(model, x)[0] - p.score(x)) * witness, axis=1)

    (left, right), change = expect([rows, compared], p)
    return Sides([left], [right], change)


ON_BITS = (*SMOOTH_ENERGIES, "binary_rbm")


@theorem(FLOW + ", section 3", "enumeration", lambda draw: law_and_energy(draw, ON_BITS))
def flow_is_a_distance_from_the_truth(impl, log_p, model):
    r"""The mean flow exceeds that of the true energy by a sum of squares over pairs of neighbouring states.

    \mathbb E_p[\text{row}] = \textstyle\sum_{ij} g_{ij} \sqrt{p_i p_j}
    + \tfrac12 \sum_{ij} g_{ij} (\sqrt{p_j} e^{\delta/4} - \sqrt{p_i} e^{-\delta/4})^2,\ \delta = E_j - E_i"""
    p, d = probabilities(log_p), model.d
    x = all_bits(d)
    e, other = model(x), flips(d)
    growth = np.exp((e[:, None] - e[other]) / 4)
    squares = 0.5 * (np.sqrt(p)[:, None] * growth - np.sqrt(p[other]) / growth) ** 2
    rows = p * impl.minimum_probability_flow(impl.energy(model), x)
    return Sides([rows], [*np.sqrt(p[:, None] * p[other]).T, *squares.T])


def rbm_on_bits(draw: Draw) -> dict:
    return {"model": draw.model(draw.count(1, 3), ("binary_rbm",))}


@theorem(FLOW + ", section 3", "pointwise", rbm_on_bits, cancels="the right side is zero")
def flow_is_stationary_at_the_truth(impl, model):
    r"""If the data have the law of the model, the gradient of the mean flow is zero in every parameter.

    \mathbb E_{p_\theta} \nabla_\theta \text{row} = 0"""
    x = all_bits(model.d)
    e = model(x)
    p = np.exp(np.min(e) - e) / np.sum(np.exp(np.min(e) - e))

    def rows(parameters):
        return impl.minimum_probability_flow(impl.energy(Model(model.kind, parameters)), x)

    gradient = pull_back(rows, model.parameters)[1](p)
    flow = p @ np.sum(np.exp(0.5 * (e[:, None] - e[flips(model.d)])), axis=1)  # derivatives of E are at most one
    return Sides([np.concatenate([np.ravel(part) for part in gradient.values()])], [0.0], formula=[flow])


DATA_SETS = [  # b, c and W of an RBM, and the indices of the data's states, which include neighbours and repetitions
    ([0.4, -0.3], [0.2], [[0.8], [-0.6]], [0, 0, 1]),
    ([0.3, -0.5, 0.2], [0.1, -0.4], [[0.9, -0.3], [0.5, 0.7], [-0.8, 0.4]], [0, 1, 1, 6]),
    ([-0.2, 0.6, 0.3], [0.5, 0.2], [[-0.7, 0.4], [0.3, 0.9], [0.6, -0.5]], [2, 5, 5, 5, 7]),
]


def data_set_on_bits(b, c, w, data) -> dict:
    parameters = {"b": np.array(b), "c": np.array(c), "W": np.array(w)}
    return {"model": Model("binary_rbm", parameters), "data": np.array(data)}


@theorem(FLOW + ", eqs. 7 to 12", "limit", data_set_on_bits, cases=DATA_SETS)
def flow_is_the_rate_out_of_the_data(impl, model, data):
    r"""After a short time t of the dynamics the KL divergence of the data from the result is t times the flow K out.

    KL(p_0|e^{t\Gamma} p_0) = t K + O(t^2),\ K = \text{mean of the rows, less the flow between data},\
    \Gamma_{ij} = g_{ij} e^{(E_j - E_i)/2}"""
    d, e = model.d, model(all_bits(model.d))
    rates = np.zeros((2**d, 2**d))
    for j, others in enumerate(flips(d)):
        rates[others, j] = np.exp((e[j] - e[others]) / 2)
    between = np.array([np.sum(rates[np.unique(data), j]) for j in data])
    k = np.mean(impl.minimum_probability_flow(impl.energy(model), all_bits(d)[data]) - between)
    gamma = rates - np.diag(np.sum(rates, axis=0))
    inside = np.unique(data)
    start = np.bincount(data, minlength=2**d) / len(data)
    steps = 0.001 * 0.5 ** np.arange(5)
    divergences = [
        -start[inside] @ np.log((scipy.linalg.expm(t * gamma) @ start / np.maximum(start, 1e-300))[inside])
        for t in steps
    ]
    first, second = (gamma @ start)[inside], (gamma @ gamma @ start)[inside]
    return Limit(steps, divergences - k * steps, 2, np.sum(0.5 * first**2 / start[inside] - 0.5 * second))


def log_derivatives(f1, f2, f3, f4):
    """w''/w and w''''/w of w = e^f."""
    return f2 + f1**2, f4 + 4 * f1 * f3 + 3 * f2**2 + 6 * f1**2 * f2 + f1**4


@theorem(FLOW + ", appendix", "limit", place_in_the_plane, cases=IN_THE_PLANE)
def continuous_flow_tends_to_score_matching(impl, wells, x, v):
    r"""At every x the mean flow over z is 1 plus eps^2/4 times implicit score matching, up to order eps^4.

    \mathbb E_z[\text{row}] - 1 - \tfrac{\epsilon^2}{4} \text{ISM}
    = \tfrac{\epsilon^4}{8} \Delta^2 w/w + O(\epsilon^6),\ w = e^{-E/2}"""
    m, d, model = wells.m, len(wells.m), wells.model
    axes = [m, np.array([-m[1], m[0]])] if d == 2 else [m]  # w is a product of functions along m and across it
    slopes = (np.array(wells.along(x, axis / np.sqrt(m @ m))) for axis in axes)
    ends = [log_derivatives(*(-0.5 * slope)) for slope in slopes]
    bilaplacian = sum(fourth for _, fourth in ends) + (2 * ends[0][0] * ends[1][0] if d == 2 else 0)
    s, j = score_and_jacobian(model, x[None])
    implicit = half_square(s)[0] + np.trace(j[0])
    steps, energy = 0.025 * 0.5 ** np.arange(5), impl.energy(model)

    def remainder(eps):
        rows = [lambda z: impl.minimum_probability_flow_continuous(energy, x + 0 * z, eps, z) - 1]
        return expect(rows, standard_normal(d)).value[0] - eps**2 / 4 * implicit

    return Limit(steps, [remainder(eps) for eps in steps], 4, bilaplacian / 8)


def spring_point_and_step(draw: Draw) -> dict:
    d = draw.dimension()
    model = draw.model(d, ("quadratic",))
    return {"model": model, "x": model.parameters["mean"] + draw.reals((1, d), -1, 1), "eps": draw.real(0.1, 1.0)}


@theorem(FLOW + ", appendix", "quadrature", spring_point_and_step, plane=True)
def continuous_flow_of_a_spring_is_closed(impl, model, x, eps):
    r"""For a quadratic energy the mean flow over z is a Gaussian integral, with a closed form at every x and step size.

    \det(I + \tfrac{\epsilon^2}{2} P)^{-1/2}
    \exp(\tfrac14 r^\top P r - \tfrac12 r^\top (2P^{-1} + \epsilon^2 I)^{-1} r),\ r = x - m"""
    mean, precision = model.parameters.values()
    p, r, one = 0.5 * (precision + precision.T), (x - mean)[0], np.eye(model.d)
    terms, change = expect(
        [lambda z: impl.minimum_probability_flow_continuous(impl.energy(model), x + 0 * z, eps, z)],
        standard_normal(model.d),
    )
    exponent = 0.25 * r @ p @ r - 0.5 * r @ np.linalg.solve(2 * np.linalg.inv(p) + eps**2 * one, r)
    return Sides(terms, [float(np.exp(exponent) / np.sqrt(np.linalg.det(one + 0.5 * eps**2 * p)))], change)


def mean_over_signs(function, lean):
    """x -> the mean of function(x, z) over sign vectors z, shifted by `lean`: symmetric noise only if lean = 0."""

    def mean(x):
        z, weights = rademacher(x.shape[1])
        return sum(w * function(x, one + lean + 0 * x) for one, w in zip(z, weights))

    return mean


def data_model_and_step(draw: Draw) -> dict:
    """Data, a model, and steps so small that the mean exists even if the data are wider than the model."""
    d = draw.dimension()
    return {"p": draw.mixture(d, most=2), "model": draw.model(d, SMOOTH_ENERGIES), "eps": draw.real(0.1, 0.6)}


@theorem(
    FLOW + ", appendix",
    "quadrature",
    data_model_and_step,
    plane=True,
    outside={"an asymmetric kernel": lambda: {"p": two_normals(), "model": line(), "eps": 0.2, "lean": 0.5}},
)
def continuous_flow_is_a_distance_from_the_truth(impl, p, model, eps, lean=0.0):
    r"""For symmetric noise the mean flow exceeds that of the true energy by the mean of a square.

    \mathbb E[\text{row}] = \mathbb E \sqrt{p(y)/p(x)}
    + \tfrac12 \mathbb E (e^{\delta/4} - \sqrt{p(y)/p(x)}\, e^{-\delta/4})^2,\
    \delta = E(x) - E(y), y = x + \epsilon z"""

    def row(x, z):
        return impl.minimum_probability_flow_continuous(impl.energy(model), x, eps, z)

    def truth(x, z):
        y = x + eps * z
        ratio = np.exp(0.5 * (p.log_prob(y) - p.log_prob(x)))
        growth = np.exp(0.25 * (model(x) - model(y)))
        return np.stack([ratio, 0.5 * (growth - ratio / growth) ** 2], axis=1)

    (left, right), change = expect([mean_over_signs(row, lean), mean_over_signs(truth, lean)], p)
    return Sides([left], [right[:, 0], right[:, 1]], change)


def data_direction_and_step(draw: Draw) -> dict:
    d = draw.dimension()
    direction = {"curvature": draw.reals((d, d), -1, 1), "slope": draw.reals((d,), -1, 1)}
    return {"p": draw.mixture(d, most=2), "eps": draw.real(0.1, 1.0)} | direction


@theorem(
    FLOW + ", appendix",
    "quadrature",
    data_direction_and_step,
    plane=True,
    cancels="the right side is zero",
    outside={
        "an asymmetric kernel": lambda: {
            **{"p": two_normals(), "eps": 0.3, "lean": 0.5},
            **{"curvature": np.ones((1, 1)), "slope": np.ones(1)},
        }
    },
)
def continuous_flow_is_stationary_at_the_truth(impl, p, eps, curvature, slope, lean=0.0):
    r"""If the data have the model's law and the noise is symmetric, the mean flow is stationary in every change h of E.

    \mathbb E[\text{row}\, \tfrac12 (h(x) - h(y))] = 0,\ y = x + \epsilon z,\
    h = \tfrac12 x^\top C x + c \cdot x"""
    energy, curvature = impl.energy(mixture_of(p)), 0.5 * (curvature + curvature.T)

    def change_along(x, z):
        rise = eps * np.sum(z * ((x + 0.5 * eps * z) @ curvature + slope), axis=1)
        return -0.5 * rise * impl.minimum_probability_flow_continuous(energy, x, eps, z)

    terms, change = expect([mean_over_signs(change_along, lean)], p)
    return Sides(terms, [0.0], change)


def model_and_points(draw: Draw) -> dict:
    d = draw.count(1, 4)
    return {"model": draw.model(d, SCORES), "x": draw.reals((3, d), -3, 3)}


@theorem(VELOCITY, "pointwise", model_and_points, cancels=EITHER_SIGN)
def minimum_velocity_by_hand(impl, model, x):
    r"""Each row is |s|^2 + 2 tr grad s, from a score and a Jacobian that were derived by hand.

    |s|^2 + 2 \operatorname{tr}\nabla s"""
    s, j = score_and_jacobian(model, x)
    formula = [2 * np.einsum("nii->n", jacobian_size(model, x))]
    return Sides(
        [impl.minimum_velocity(impl.score(model), x)], [*(s**2).T, *(2 * np.einsum("nii->in", j))], formula=formula
    )


@theorem(
    VELOCITY,
    "quadrature",
    data_and_model,
    plane=True,
    mixtures=True,
    outside={"data of shape 1": lambda: {"p": Gamma(1.0, 1.5), "model": line()}},
)
def minimum_velocity_is_twice_the_fisher_divergence(impl, p, model):
    r"""Up to a constant, minimum velocity is the mean squared velocity of the data, twice the Fisher divergence.

    \mathbb E_p[|s|^2 + 2 \operatorname{tr}\nabla s] + \mathbb E_p|s_p|^2 = \mathbb E_p|s_p - s|^2 = 2 D_F"""
    (rows, constant, velocity), change = expect(
        [
            lambda x: impl.minimum_velocity(impl.score(model), x),
            lambda x: 2 * half_square(p.score(x)),
            lambda x: 2 * half_square(p.score(x) - score_and_jacobian(model, x)[0]),
        ],
        p,
    )
    return Sides([rows, constant], [velocity], change)


@theorem(VELOCITY, "limit", cases=GAUSSIAN_PAIRS)
def minimum_velocity_is_the_rate_along_langevin(impl, a, b, gap):
    r"""Along the model's Langevin dynamics the KL divergence falls at the rate of mean minimum velocity plus E|s_p|^2.

    \frac{KL(h) - KL(-h)}{2h} + \mathbb E_p[\text{row}] + \mathbb E_p|s_p|^2 = \tfrac{h^2}{6} KL^{(3)} + O(h^4)"""

    def kl(t):
        left = np.exp(-2 * t / b)  # the fraction left of the squared mean, and of the excess variance
        variance = b + (a - b) * left
        return 0.5 * ((variance + gap**2 * left) / b - 1 - np.log(variance / b))

    model = Model("quadratic", {"mean": np.zeros(1), "precision": np.eye(1) / b})
    (mean,), _ = expect([lambda x: impl.minimum_velocity(impl.score(model), x)], Gaussian(gap, a), degree=2)
    steps, r = 0.04 * 0.5 ** np.arange(5), (a - b) / a
    third = -0.5 * (2 / b) ** 3 * ((a - b + gap**2) / b - r * (1 - r) * (1 - 2 * r))
    return Limit(steps, (kl(steps) - kl(-steps)) / (2 * steps) + np.sum(mean) + 1 / a, 2, third / 6)
