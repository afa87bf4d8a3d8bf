r"""Theorems about estimation by noise contrast: gradients, limits, and the variance of the estimates."""

import autograd.numpy as anp
import numpy as np
import scipy
from autograd import grad, make_jvp
from autograd.misc import flatten

from refebm.identities import Draw, Limit, Sampled, Sides, expect, theorem
from refebm.identities.contrast import (
    GUTMANN,
    anchor,
    contrast_of,
    data_and_noise,
    data_noise_and_model,
    energy_of,
    log_density,
    log_odds,
    mean_row,
    other,
    over_data,
    over_noise,
    spring,
    wide_noise,
)
from refebm.identities.notation import EITHER_SIGN, ones, outer
from refebm.models import Model
from refebm.truth.densities import GaussianMixture
from refebm.truth.expectations import gauss_hermite, total

# Gradients in the parameters, including log Z


def learnt(model):
    """The parameters of a log-density as one vector, log Z first, and a function that rebuilds the model from it."""
    given = model.parameters
    theta, unflatten = flatten({name: given[name] for name in ("log_z", "parameters")})

    def rebuilt(theta):
        parts = unflatten(theta)
        return log_density(Model(given["kind"], parts["parameters"]), parts["log_z"])

    return theta, rebuilt


def along(function, model, directions):
    """The derivatives (n, k) of function(model), (n,), along each of k directions of the parameters."""
    theta, rebuilt = learnt(model)
    forward = make_jvp(lambda theta: function(rebuilt(theta)))(theta)
    return np.stack([forward(v)[1] for v in directions], axis=1)


def slopes(q: GaussianMixture, x):
    """The gradients (n, P) of log q - log Z in the parameters that `learnt` lists, by hand."""
    y = x[:, None, :] - q.means
    r, pulled = q.responsibilities(x), np.einsum("nki,kij->nkj", y, np.stack([c.precision for c in q.components]))
    parts = [-np.ones(len(x)), r, r[:, :, None] * pulled, -0.5 * np.einsum("nk,nki,nkj->nkij", r, y, y)]
    return np.concatenate([np.reshape(part, (len(x), -1)) for part in parts], axis=1)


def size_of(q: GaussianMixture) -> int:
    """The number of learnt parameters: log Z, logits, means and precisions."""
    k, d = q.means.shape
    return 1 + k * (1 + d + d * d)


def axes(draw: Draw, q: GaussianMixture) -> np.ndarray:
    """Unit vectors of log Z and of one other parameter; along a mixed direction, slopes could cancel each other."""
    return np.eye(size_of(q))[[0, draw.count(1, size_of(q) - 1)]]


def gradient_of_contrast(impl, model, noise, v):
    rows = contrast_of(impl, noise)
    return lambda x, y: along(lambda model: rows(model)(x, y), model, v)


def rows_and_direction(draw: Draw) -> dict:
    d, nu = draw.count(1, 3), draw.count(1, 3)
    q = other(draw, d)
    return {
        "q": q,
        "offset": draw.real(-2, 2),
        "noise": other(draw, d),
        "x": draw.reals((3, d), -2, 2),
        "y": draw.reals((nu, 3, d), -2, 2),
        "v": draw.reals((1, size_of(q)), -1, 1),
    }


@theorem(GUTMANN, "pointwise", rows_and_direction, cancels=EITHER_SIGN)
def gradient_of_noise_contrast_by_hand(impl, q, offset, noise, x, y, v):
    r"""The gradient is the slope of log p_theta, weighted by the probability that the classifier gives the wrong label.

    -(1 - D(x))\, \partial \log p_\theta(x) + \sum_j D(y_j)\, \partial \log p_\theta(y_j)"""
    rows = gradient_of_contrast(impl, log_density(energy_of(q), offset), noise, v)(x, y)
    at = np.concatenate([x, *y])
    data, contrast = np.exp(log_odds(q, noise, len(y), offset)(at))
    weights, slope = np.concatenate([-contrast[: len(x)], data[len(x) :]])[:, None], slopes(q, at)
    sizes = np.split(np.abs(slope) @ np.abs(v.T), 1 + len(y))
    return Sides([rows], np.split(weights * (slope @ v.T), 1 + len(y)), formula=sizes)


def truth_and_direction(draw: Draw) -> dict:
    case = data_and_noise(draw)
    return case | {"log_z": draw.real(-2, 2), "v": axes(draw, case["p"])}


@theorem(GUTMANN, "quadrature", truth_and_direction, cancels="zero at the truth")
def noise_contrast_is_stationary_at_the_truth(impl, p, noise, nu, log_z, v):
    r"""At the true density with the true log Z, the expected gradient vanishes in every parameter and in log Z.

    \mathbb E\, \partial_\theta \ell = 0,\ \mathbb E\, \partial_{\log Z} \ell = 0 \text{ at } p_\theta = p,\
    \log Z = \log \int e^{-E}"""
    model = log_density(energy_of(p, log_z), log_z)
    terms, change = mean_row(gradient_of_contrast(impl, model, noise, v), p, noise, nu)
    return Sides(terms, [0.0], change)


def model_and_direction(draw: Draw) -> dict:
    case = data_noise_and_model(draw, (1, 4))
    return case | {"v": axes(draw, case["q"])[draw.count(0, 1) :]}


@theorem(GUTMANN, "quadrature", model_and_direction, cancels=EITHER_SIGN)
def gradient_of_noise_contrast_weighs_the_misfit(impl, p, noise, nu, q, offset, v):
    r"""The expected gradient is that of the likelihood, weighted by the probability of noise, 1 for large nu.

    \mathbb E\, \partial \ell = \int P_\nu\, (p_\theta - p)\, \partial \log p_\theta,\
    P_\nu = \tfrac{\nu p_n}{p_\theta + \nu p_n}"""
    model, odds = log_density(energy_of(q), offset), log_odds(q, noise, nu, offset)

    def weighed(x):
        return np.exp(odds(x)[1])[:, None] * (slopes(q, x) @ v.T)

    terms, change = mean_row(gradient_of_contrast(impl, model, noise, v), p, noise, nu, p, q)
    (of_model,), other = expect([lambda x: np.exp(-offset) * weighed(x)], q)
    (of_data,), third = expect([weighed], p)
    return Sides(terms, [of_model, -of_data], max(change, other, third))


def spring_slopes(q: GaussianMixture, x):
    """The gradients (n, P) of log q - log Z for one Gaussian, in log Z, mean and precision."""
    return np.delete(slopes(q, x), 1, axis=1)


WIDE_NOISE = [  # x, mean and variance of q, log of the mass, mean and deviation of the noise, direction of parameters
    (0.7, 0.2, 0.7, -0.3, 0.5, 2.5, (0.0, 1.0, -0.4)),
    (-0.4, -0.3, 1.2, 0.5, 0.0, 3.0, (1.0, 0.0, 0.0)),
]


def point_and_wide_noise(x, mean, variance, log_mass, centre, deviation, v) -> dict:
    return {
        "x": np.array([[x]]),
        "q": GaussianMixture([1.0], [[mean]], variance),
        "offset": -log_mass,
        "noise": GaussianMixture([1.0], [[centre]], deviation**2),
        "v": np.array(v),
    }


@theorem(GUTMANN, "limit", point_and_wide_noise, cases=WIDE_NOISE)
def many_noise_points_are_maximum_likelihood(impl, x, q, offset, noise, v):
    r"""With many noise points and p_theta/p_n bounded, the gradient at each x tends to that of the likelihood as 1/nu.

    \mathbb E \nabla \ell(x) = -\nabla f(x) + \int e^{f - c} \nabla f + O(\tfrac1\nu),\
    \mathbb E\, \partial_c \ell(x) = 1 - \int e^{f - c} + O(\tfrac1\nu),\ c = \log Z"""

    def gradient(nu):  # nu quantiles stand for the noise; as p_theta/p_n decays in the tails, their error is nu^-2
        y = noise.components[0].substitute(scipy.special.ndtri((np.arange(nu) + 0.5) / nu)[:, None])[0]
        rows = contrast_of(impl, noise)
        return along(lambda model: rows(model)(x, y[:, None]), spring(q, offset), [v])[0, 0]

    def ratio(at):
        return np.exp(q.log_prob(at) - offset - noise.log_prob(at))

    def slope(at):
        return spring_slopes(q, at) @ v

    first, second = expect([lambda y: ratio(y) * slope(y), lambda y: ratio(y) ** 2 * slope(y)], noise).value
    nus = 10 ** np.arange(2, 7)
    errors = [gradient(nu) - (first - slope(x)[0]) for nu in nus]
    return Limit(1 / nus, errors, 1, ratio(x)[0] * slope(x)[0] - second)


# The variance of the estimates


def gaussian_and_noise(draw: Draw) -> dict:
    p = GaussianMixture([1.0], [[draw.real(-1, 1)]], draw.real(0.5, 1.5))
    return {"p": p, "noise": wide_noise(draw, p), "nu": draw.choice((1, 2, 8))}


def gradient_rows(impl, p, noise):
    """(x, y) -> the gradient (n, 3) of each row at the truth, in log Z, mean and precision."""
    rows = contrast_of(impl, noise)
    return lambda x, y: along(lambda model: rows(model)(x, y), spring(p), np.eye(3))


def information(p, noise, nu):
    """I = int g g^T P_nu p and E = int g P_nu p with their certificate, from slopes g derived by hand."""
    odds = log_odds(p, noise, nu)

    def weighed(x):
        return np.exp(odds(x)[1])[:, None] * spring_slopes(p, x)

    return expect([lambda x: outer(weighed(x), spring_slopes(p, x)), weighed], p)


ASYMPTOTIC = "Gutmann and Hyvarinen 2012, theorem 3"


@theorem(ASYMPTOTIC, "quadrature", gaussian_and_noise, cancels=EITHER_SIGN)
def covariance_of_the_gradient_at_the_truth(impl, p, noise, nu):
    r"""At the truth, the gradient's covariance, for a data point with its noise, is I - (1 + 1/nu) E E^T.

    \operatorname{Cov}(\nabla \ell) = I - (1 + \tfrac1\nu) E E^\top,\ I = \int g g^\top P_\nu p,\
    E = \int g P_\nu p,\ g = \nabla \log p_\theta,\ P_\nu = \tfrac{\nu p_n}{p + \nu p_n}"""
    row = gradient_rows(impl, p, noise)

    def squares(function):
        """x -> g g^T, with g itself as a fourth column."""

        def of(x):
            g = function(x)
            return outer(g, np.column_stack([g, ones(g)]))

        return of

    (data,), change = expect([squares(over_data(row, p, nu))], p)
    (contrast,), another = expect([squares(over_noise(row, p, nu, moving=1))], noise)
    (matrix, vector), third = information(p, noise, nu)
    means = [total(terms[:, :, 3])[None] for terms in (data, contrast)]
    left = [data[:, :, :3], -outer(means[0], means[0]), nu * contrast[:, :, :3], -nu * outer(means[1], means[1])]
    mean = total(vector)[None]
    return Sides(left, [matrix, -(1 + 1 / nu) * outer(mean, mean)], max(change, another, third))


def second_derivative(function, model, v):
    """The second derivatives (n,) of function(model), (n,), along v."""
    theta, rebuilt = learnt(model)

    def slope(t):
        return make_jvp(lambda t: function(rebuilt(theta + t * v)))(t)(1.0)[1]

    return make_jvp(slope)(0.0)(1.0)[1]


def curvature_rows(impl, p, noise, v):
    """(x, y) -> the second derivative of each row at the truth, along v."""
    rows = contrast_of(impl, noise)
    return lambda x, y: second_derivative(lambda model: rows(model)(x, y), spring(p), v)


@theorem(
    ASYMPTOTIC,
    "quadrature",
    lambda draw: gaussian_and_noise(draw) | {"v": draw.reals((3,), -1, 1)},
    cancels=EITHER_SIGN,
)
def curvature_at_the_truth_is_the_information(impl, p, noise, nu, v):
    r"""At the truth the expected second derivative is the information matrix I, which gives the estimate's covariance.

    \mathbb E\, \partial_v^2 \ell = v^\top I v;\ n \operatorname{Cov}(\hat\theta) \to
    I^{-1} - (1 + \tfrac1\nu) I^{-1} E E^\top I^{-1}"""
    terms, change = mean_row(curvature_rows(impl, p, noise, v), p, noise, nu)
    (matrix, _), another = information(p, noise, nu)
    return Sides(terms, [matrix @ v @ v], max(change, another))


def asymptotic_covariance(matrix, vector, nu):
    """The asymptotic covariance of the estimates of log Z and theta, times the number of data points."""
    inverse = np.linalg.inv(matrix)
    return inverse - (1 + 1 / nu) * np.outer(inverse @ vector, inverse @ vector)


def mean_of(function, p):
    """E_p of a function that is smooth on the scale of p, by 30 Gauss-Hermite nodes."""
    rule = gauss_hermite(p.components[0], 30)
    return total((function(rule.x).T * rule.weights).T)


def judged_covariance(impl, p, noise, nu):
    """I^{-1} Cov(grad) I^{-1}, computed only from derivatives of the rows of the function under test."""

    def curvature(v):
        row, at = curvature_rows(impl, p, noise, v), anchor(p)
        means = mean_of(over_data(row, p, nu), p) + mean_of(over_noise(row, p, nu), noise)
        return means - row(at, np.stack([at] * nu))[0]

    def covariance(function, density):
        mean = mean_of(function, density)
        return mean_of(lambda x: outer(function(x) - mean, function(x) - mean), density)

    row, e = gradient_rows(impl, p, noise), np.eye(3)
    alone = [curvature(v) for v in e]
    matrix = np.diag(alone)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        matrix[i, j] = matrix[j, i] = 0.5 * (curvature(e[i] + e[j]) - alone[i] - alone[j])
    spread = covariance(over_data(row, p, nu), p) + nu * covariance(over_noise(row, p, nu, moving=1), noise)
    return np.linalg.inv(matrix) @ spread @ np.linalg.inv(matrix)


FISHER = [(0.3, 0.8, 0.1, 1.6), (-0.5, 1.3, -0.4, 2.0)]  # mean and variance of p, mean and deviation of the noise


def gaussian_and_wide_noise(mean, variance, centre, deviation) -> dict:
    return {"p": GaussianMixture([1.0], [[mean]], variance), "noise": GaussianMixture([1.0], [[centre]], deviation**2)}


@theorem("Gutmann and Hyvarinen 2012, corollaries of theorem 3", "limit", gaussian_and_wide_noise, cases=FISHER)
def asymptotic_covariance_tends_to_fishers(impl, p, noise):
    r"""With many noise points the asymptotic covariance of the estimate tends to that of maximum likelihood as 1/nu.

    I^{-1} \operatorname{Cov}(\nabla \ell) I^{-1} = C_F + \tfrac1\nu (G^{-1} J G^{-1} - e e^\top) + O(\nu^{-2}),\
    G = \mathbb E_p g g^\top,\ J = \mathbb E_p[\tfrac{p}{p_n} g g^\top],\ e \text{ the direction of } \log Z"""
    precision, w = float(p.components[0].precision[0, 0]), np.array([0.5, 1.0, -0.7])
    delta = np.array([[0, -0.5 / precision], [1, 0], [0, 1]])  # log Z follows the precision: log Z = -1/2 log P + ...
    fisher = delta @ np.diag([1 / precision, 2 * precision**2]) @ delta.T

    def weighed(x):
        return outer(spring_slopes(p, x), spring_slopes(p, x))

    def tilted(x):
        return np.exp(p.log_prob(x) - noise.log_prob(x))[:, None, None] * weighed(x)

    (whole, part) = expect([weighed, tilted], p).value
    coefficient = w @ np.linalg.inv(whole) @ part @ np.linalg.inv(whole) @ w - w[0] ** 2
    nus = np.array([30, 90, 270])
    errors = [w @ (judged_covariance(impl, p, noise, int(nu)) - fisher) @ w for nu in nus]
    return Limit(1 / nus, errors, 1, coefficient)


REPLICATES, POINTS, SCORING_STEPS = 12, 300, 4


def samples_and_noise(draw: Draw) -> dict:
    return gaussian_and_noise(draw) | {"nu": draw.count(1, 5), "seed": draw.count(0, 2**30)}


@theorem(ASYMPTOTIC, "statistical", samples_and_noise)
def estimates_scatter_as_the_asymptotic_covariance_says(impl, p, noise, nu, seed):
    r"""Estimates from samples, including log Z, scatter around the truth with the asymptotic covariance.

    n\, (\hat\theta - \theta)^\top C^{-1} (\hat\theta - \theta) \sim \chi^2_3,\
    C = I^{-1} - (1 + \tfrac1\nu) I^{-1} E E^\top I^{-1}"""
    (matrix, vector), _ = information(p, noise, nu)
    matrix, vector = total(matrix), total(vector)
    inverse = np.linalg.inv(asymptotic_covariance(matrix, vector, nu))
    truth, rebuilt = learnt(spring(p))
    rows, rng = contrast_of(impl, noise), np.random.default_rng(seed)

    def distance():
        x = p.sample(rng, POINTS)
        y = noise.sample(rng, nu * POINTS).reshape(nu, POINTS, 1)
        gradient, theta = grad(lambda theta: anp.mean(rows(rebuilt(theta))(x, y))), truth
        for _ in range(SCORING_STEPS):  # Fisher scoring: nothing is drawn or tuned
            theta = theta - np.linalg.solve(matrix, gradient(theta))
        return POINTS * (theta - truth) @ inverse @ (theta - truth)

    degrees = 3 * REPLICATES  # the cube root of chi^2/degrees is nearly normal, far out too (Wilson and Hilferty)
    root, spread = np.cbrt(sum(distance() for _ in range(REPLICATES)) / degrees), 2 / (9 * degrees)
    return Sampled(np.array([root]), np.array([1 - spread]), np.array([np.sqrt(spread)]))
