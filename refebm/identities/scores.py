r"""Theorems about scores: what they say about the density, about points that follow them, and about estimates."""

import numpy as np

from refebm.identities import Draw, Limit, Sides, expect, theorem
from refebm.identities.notation import EITHER_SIGN
from refebm.identities.parameters import density_of, gradients_of
from refebm.models import Model, mixture_of
from refebm.truth.densities import GaussianMixture, standard_normal
from refebm.truth.derivatives import score_and_jacobian


def two_points(draw: Draw) -> dict:
    """A model, and the start, the corner and the end of a path."""
    return {"model": draw.model(2, ("quadratic", "mixture")), "ends": draw.reals((3, 2), -1.5, 1.5)}


def a_turning_field() -> dict:
    """s = (-x_2, x_1), which is not the gradient of any function."""
    layers = ((np.array([[0.0, 1.0], [-1.0, 0.0]]), np.zeros(2)),)
    return {"model": Model("mlp_score", {"layers": layers}), "ends": np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])}


def line_integral(field, a, b, nodes):
    """The terms of int s . dx along the straight line from a to b."""
    where, weights = np.polynomial.legendre.leggauss(nodes)
    x = a + 0.5 * (1 + where)[:, None] * (b - a)
    return 0.5 * weights * (field(x) @ (b - a))


@theorem(
    "Song and Kingma 2021, section 4 (equal scores mean equal densities)",
    "quadrature",
    two_points,
    about="score_of",
    outside={"a field that is not a gradient": a_turning_field},
    cancels=EITHER_SIGN,
)
def score_adds_up_to_the_log_density(impl, model, ends):
    r"""Along any path the integral of the score is the difference of log p, so that equal scores mean equal densities.

    \log p(b) - \log p(a) = \int_a^b s \cdot dx = \int_a^c s \cdot dx + \int_c^b s \cdot dx
    """
    a, c, b = ends
    field = impl.score(model)
    rules = [
        [line_integral(field, a, b, n), np.concatenate([line_integral(field, a, c, n), line_integral(field, c, b, n)])]
        for n in (48, 80)
    ]
    straight, detour = rules[1]
    sizes = [np.sum(np.abs(terms)) for terms in rules[1]]
    change = max(abs(np.sum(one) - np.sum(two)) / (size or 1.0) for one, two, size in zip(*rules, sizes))  # a = b?
    left = np.zeros((len(detour), 2))
    left[: len(straight), 0], left[:, 1] = straight, detour
    if model.kind == "mlp_score":
        return Sides([left], [np.full((1, 2), np.sum(straight))], change)
    at_a, _, at_b = density_of(model).log_prob(ends)
    return Sides([left], [np.array([[at_b, at_b]]), np.array([[-at_a, -at_a]])], change)


RISING = [(1, [[0.7]]), (2, [[0.5, -0.9]]), (2, [[-1.2, 0.3]])]


def a_rise(d, x) -> dict:
    means = np.array([[-1.0, 0.5], [0.8, -0.2]])[:, :d]
    return {"p": GaussianMixture([0.4, 0.6], means, np.array([0.6 * np.eye(d), 1.1 * np.eye(d)])), "x": np.array(x)}


@theorem("Stanford CS236, from scores to samples: follow the scores; Das 2021", "limit", a_rise, cases=RISING)
def following_the_score_climbs(impl, p, x):
    r"""Following the score without noise raises log p by eta |s|^2, to first order.

    \log p(x + \eta s) - \log p(x) = \eta |s|^2 + \tfrac12 \eta^2\, s^\top \nabla s\, s + O(\eta^3)
    """
    model, etas = mixture_of(p), 4e-3 * 0.5 ** np.arange(4)
    s, (jacobian,) = p.score(x)[0], score_and_jacobian(model, x)[1]
    there = [impl.langevin_step(impl.score(model), x, eta, 0 * x).x for eta in etas]
    errors = [float((p.log_prob(y) - p.log_prob(x))[0] - eta * s @ s) for eta, y in zip(etas, there)]
    return Limit(etas, np.array(errors), 2, float(0.5 * s @ jacobian @ s))


def data_and_linear_score(draw: Draw) -> dict:
    """A mixture, and s = x W + b."""
    d = draw.dimension()
    return {"p": draw.mixture(d), "W": draw.reals((d, d), -1, 1), "b": draw.reals((d,), -1, 1)}


def linear(W, b):
    return Model("mlp_score", {"layers": ((W, b),)})


def with_one_last(x):
    return np.column_stack([x, np.ones(len(x))])


@theorem(
    "Stanford CS236, challenge in low data density regions; Song and Ermon 2019, section 3.2.1",
    "quadrature",
    data_and_linear_score,
    plane=True,
    mixtures=True,
    cancels=EITHER_SIGN,
)
def errors_are_weighed_by_the_data(impl, p, W, b):
    r"""The gradient of score matching weights the error at x by p(x), so errors where there are no data are not seen.

    \nabla_{(W, b)} \mathbb E_p[\tfrac12 |s|^2 + \operatorname{tr} \nabla s] = \int p(x)\,
    (x, 1)^\top (s(x) - s_p(x))\, dx
    """
    score = impl.score

    def slopes(x):
        return gradients_of(lambda model: impl.implicit_score_matching(score(model), x), linear(W, b))

    def errors(x):
        away = x @ W + b - p.score(x)
        return np.reshape(with_one_last(x)[:, :, None] * away[:, None, :], (len(x), -1))

    (left, right), change = expect([slopes, errors], p)
    return Sides([left], [right], change)


@theorem(
    "Hyvarinen 2005, section 3.1; Song and Kingma 2021, section 4; Gutmann and Hyvarinen 2010, theorem 3 (of NCE)",
    "quadrature",
    lambda draw: {"p": draw.mixture(1)},
    cancels=EITHER_SIGN,
)
def score_matching_has_a_sandwich_covariance(impl, p):
    r"""For s = x w + b, H^{-1} G H^{-1}/n is the covariance of -1/v and m/v, of the sample's variance v and mean m.

    H^{-1} \mathbb E[g g^\top] H^{-1} = J \begin{pmatrix} v & \mu_3 \\ \mu_3 & \mu_4 - v^2 \end{pmatrix} J^\top, \quad
    \hat w = -1/\hat v,\ \hat b = \hat m/\hat v, \ \text{of a Gaussian Fisher's inverse}
    """
    m, v, mu3, mu4 = central_moments(p)
    model, inverse = linear(np.array([[-1 / v]]), np.array([m / v])), np.array([[1.0, -m], [-m, v + m**2]]) / v

    def influences(x):
        slopes = gradients_of(lambda model: impl.implicit_score_matching(impl.score(model), x), model) @ inverse
        return slopes[:, :, None] * slopes[:, None, :]

    terms, change = expect([influences], p)
    jacobian = np.array([[0.0, 1 / v**2], [1 / v, -m / v**2]])
    parts = [[[v, 0], [0, 0]], [[0, mu3], [mu3, 0]], [[0, 0], [0, mu4]], [[0, 0], [0, -(v**2)]]]
    return Sides(terms, [(jacobian @ np.array(part) @ jacobian.T)[None] for part in parts], change)


def central_moments(p):
    """Mean, variance, third and fourth central moments of a mixture on the line."""
    c, w, mean = p.covs[:, 0, 0], p.weights, p.weights @ p.means[:, 0]
    a = p.means[:, 0] - mean
    return mean, w @ (c + a**2), w @ (a**3 + 3 * a * c), w @ (a**4 + 6 * a**2 * c + 3 * c**2)


def point_and_denoiser(draw: Draw) -> dict:
    d = draw.dimension()
    return {
        "x0": draw.reals((1, d), -1.5, 1.5),
        "sigma": draw.noise_level(),
        "model": draw.model(d, ("quadratic", "mixture", "mlp_energy")),
    }


@theorem(
    "Stein 1981, theorem 1 (Stein's unbiased risk estimate); Song and Kingma 2021, section 4.1; Raphan and Simoncelli "
    "2007",
    "quadrature",
    point_and_denoiser,
    plane=True,
    cancels=EITHER_SIGN,
)
def denoising_error_needs_no_clean_point(impl, x0, sigma, model):
    r"""Stein's unbiased risk estimate (SURE) gives a denoiser's risk from noisy points alone.

    \mathbb E_z |r(y) - x|^2 = \mathbb E_z\big[|r(y) - y|^2 + 2 \sigma^2 \operatorname{div} r(y)\big] - d \sigma^2,\ y
    = x + \sigma z
    """
    d = x0.shape[1]
    denoiser = impl.score(Model("denoiser", {"kind": model.kind, "parameters": model.parameters, "sigma": sigma}))

    def risk(z):
        return 2 * impl.denoising_autoencoder(denoiser, x0 + 0 * z, sigma, z)

    def from_noisy_points(z):
        s, jacobian = score_and_jacobian(model, x0 + sigma * z)
        return sigma**4 * np.sum(s**2, axis=1), 2 * sigma**2 * (d + sigma**2 * np.einsum("nii->n", jacobian))

    functions = [risk, *(lambda z, i=i: from_noisy_points(z)[i] for i in (0, 1))]
    (left, moved, spread), change = expect(functions, standard_normal(d))
    return Sides([left], [moved, spread, -d * sigma**2], change)
