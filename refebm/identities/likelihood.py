r"""Theorems about likelihood: partition functions, their gradient, and estimates of them."""

import autograd.numpy as anp
import numpy as np
import scipy

from refebm.identities import Draw, Limit, Sides, expect, theorem
from refebm.identities.bits import all_bits
from refebm.identities.notation import EITHER_SIGN
from refebm.identities.parameters import density_of, energy_gradients, gradient_of, log_z_of, under_model, wells_of
from refebm.models import Model
from refebm.samplers.step import moved
from refebm.truth.densities import LOG_2PI, Gaussian, standard_normal
from refebm.truth.expectations import gauss_hermite

LIKELIHOOD = "Song and Kingma 2021, eq. 1; Stanford CS236, training energy-based models"
TWO_PHASES = "Song and Kingma 2021, eq. 4"
NEAL = "Neal 2001, section 2"
CLOSED = ("quadratic", "mixture")
TRAINED = (*CLOSED, "mlp_energy")


def model_and_points(draw: Draw) -> dict:
    model = draw.model(draw.count(1, 4), CLOSED)
    points = draw.points(density_of(model), 6)
    return {"model": model, "x": points[:3], "y": points[3:], "log_z": draw.real(-5, 5)}


@theorem(
    "HY-673 lecture 12, recap of last lecture",
    "pointwise",
    model_and_points,
    cancels=EITHER_SIGN,
)
def ratios_of_probabilities_need_no_partition_function(impl, model, x, y, log_z):
    r"""For any value taken for Z, two points have the same ratio of probabilities as under the normalised density.

    \log \frac{p(y)}{p(x)} = E(x) - E(y)"""
    p, energy = density_of(model), impl.energy(model)
    left = [impl.negative_log_likelihood(energy, log_z, x), -impl.negative_log_likelihood(energy, log_z, y)]
    return Sides(left, [p.log_prob(y), -p.log_prob(x)])


@theorem(LIKELIHOOD, "pointwise", model_and_points, cancels="log p is near zero where the density is near one")
def likelihood_is_the_density(impl, model, x, y, log_z):
    r"""With the closed-form log Z, E + log Z is minus the log-density of a Gaussian or a mixture.

    E(x) + \log Z = -\log p(x)"""
    rows = impl.negative_log_likelihood(impl.energy(model), log_z_of(model), x)
    return Sides([rows], [-density_of(model).log_prob(x)], formula=[abs(log_z_of(model))])


@theorem(LIKELIHOOD, "enumeration", lambda draw: {"model": draw.model(draw.count(1, 4), ("binary_rbm",))})
def likelihood_of_all_states_is_one(impl, model):
    r"""With Z by enumeration, the probabilities of all visible states of a Boltzmann machine sum to one.

    \sum_{v \in \{0, 1\}^d} e^{-(F(v) + \log Z)} = 1"""
    b, c, W = (model.parameters[name] for name in ("b", "c", "W"))
    v, h = all_bits(len(b)), all_bits(len(c))
    log_z = float(scipy.special.logsumexp((v @ b)[:, None] + h @ c + v @ W @ h.T))
    return Sides([np.exp(-impl.negative_log_likelihood(impl.energy(model), log_z, v))], [1.0])


def a_model(draw: Draw, kinds) -> dict:
    return {"model": draw.model(draw.dimension(), kinds)}


@theorem("Song and Kingma 2021, eq. 1", "quadrature", lambda draw: a_model(draw, (*CLOSED, "gaussian_rbm")), plane=True)
def partition_function_of_wells(impl, model):
    r"""The partition function of a mixture of quadratic wells is the sum of those of the wells.

    \log \int e^{-E} = \log \sum_k e^{a_k} |P_k|^{-1/2} + \tfrac d2 \log 2\pi,\
    e^{-E(x)} = \sum_k e^{a_k - (x - m_k)^\top P_k (x - m_k)/2}"""
    logits, _, precisions = wells_of(model)
    wells = float(scipy.special.logsumexp(logits - 0.5 * np.linalg.slogdet(precisions)[1]))
    return Sides([float(impl.log_partition(impl.energy(model), model.d))], [wells, 0.5 * model.d * LOG_2PI])


def deep_wells(draw: Draw) -> dict:
    """Wells so deep, or so high, that exp(-E) overflows, or underflows, everywhere."""
    model, depth = draw.model(1, ("mixture",)), draw.choice((1.0, -1.0)) * draw.real(800, 1000)
    return {"model": Model("mixture", model.parameters | {"logits": model.parameters["logits"] + depth})}


@theorem("Song and Kingma 2021, eq. 1", "quadrature", deep_wells)
def partition_function_of_deep_wells(impl, model):
    r"""A constant added to the energy is subtracted from log Z exactly, however large it is.

    \log \int e^{-E} = \log \sum_k e^{a_k} |P_k|^{-1/2} + \tfrac d2 \log 2\pi,\
    e^{-E(x)} = \sum_k e^{a_k - (x - m_k)^\top P_k (x - m_k)/2}"""
    return partition_function_of_wells(impl, model)


@theorem("Song and Kingma 2021, eq. 1", "quadrature", lambda draw: a_model(draw, ("mlp_energy",)), plane=True)
def partition_function_of_a_network(impl, model):
    r"""The density of an energy with a network, divided by its partition function, integrates to one.

    \int e^{-E(x) - \log Z}\, dx = 1"""
    log_z = float(impl.log_partition(impl.energy(model), model.d))
    wide = Gaussian(np.zeros(model.d), 1.5 / model.parameters["precision"])
    terms, change = expect([lambda x: np.exp(-model(x) - log_z - wide.log_prob(x))], wide)
    return Sides(terms, [1.0], change)


@theorem(
    "Stanford CS236, energy-based models (flows and autoregressive models are normalised)",
    "quadrature",
    lambda draw: a_model(draw, ("autoregressive", "flow")),
    plane=True,
)
def normalised_models_have_a_partition_function_of_one(impl, model):
    r"""Flows and autoregressive models have the partition function 1 by construction.

    Z = 1"""
    return Sides([float(np.exp(impl.log_partition(impl.energy(model), model.d)))], [1.0])


@theorem(TWO_PHASES, "quadrature", lambda draw: {"model": draw.model(1, TRAINED)}, cancels=EITHER_SIGN)
def gradient_of_the_log_partition_function(impl, model):
    r"""The gradient of log Z is minus the mean gradient of the energy under the model.

    \nabla_\theta \log Z = \mathbb E_{p_\theta}[-\nabla_\theta E]"""
    gradient = gradient_of(lambda model: impl.log_partition(impl.energy(model), model.d), model)
    (phase,), change = under_model([lambda x: energy_gradients(model, x)], model)
    return Sides([gradient[None]], [-phase], change)


def data_and_trained(draw: Draw) -> dict:
    """A case on the line: in the plane autograd would sum 50,000 nodes one by one and lose two digits."""
    return {"x": draw.reals((draw.count(1, 3), 1), -1.5, 1.5), "model": draw.model(1, TRAINED)}


@theorem(TWO_PHASES + "; dataflowr module 18a, maximum likelihood", "quadrature", data_and_trained, cancels=EITHER_SIGN)
def likelihood_gradient_has_two_phases(impl, x, model):
    r"""The likelihood gradient lowers the energy at the data and raises it at samples of the model.

    \nabla_\theta \mathbb E_x[-\log p_\theta(x)]
    = \mathbb E_x[\nabla_\theta E] - \mathbb E_{p_\theta}[\nabla_\theta E]"""

    def loss(model):
        energy = impl.energy(model)
        return anp.mean(impl.negative_log_likelihood(energy, impl.log_partition(energy, model.d), x))

    (phase,), change = under_model([lambda x: energy_gradients(model, x)], model)
    return Sides([gradient_of(loss, model)[None]], [energy_gradients(model, x) / len(x), -phase], change)


def gaussian_and_quadratic(draw: Draw, most: int) -> dict:
    d = draw.count(1, most)
    return {"p": draw.gaussian(d), "model": draw.model(d, ("quadratic",))}


@theorem(
    "Song and Kingma 2021, section 3; Stanford CS236, maximum likelihood",
    "quadrature",
    lambda draw: gaussian_and_quadratic(draw, 6),
    cancels="an entropy may be zero",
)
def likelihood_is_divergence_and_entropy(impl, p, model):
    r"""The mean negative log-likelihood is the Kullback-Leibler divergence plus the entropy of the data, for Gaussians.

    \mathbb E_p[-\log q] = KL(p|q) + H(p)"""
    gap, precision = model.parameters["mean"] - p.mean, model.parameters["precision"]
    (loss,), change = expect(
        [lambda x: impl.negative_log_likelihood(impl.energy(model), log_z_of(model), x)], p, degree=2
    )
    log_det = float(np.linalg.slogdet(p.cov)[1])
    stretch, shift = 0.5 * np.trace(precision @ p.cov), 0.5 * gap @ precision @ gap
    divergence = [stretch, shift, -0.5 * model.d, -0.5 * float(np.linalg.slogdet(precision)[1]), -0.5 * log_det]
    return Sides([loss], [*divergence, 0.5 * log_det, 0.5 * model.d * (1 + LOG_2PI)], change)


def gaussian_and_quadratic_apart(draw: Draw) -> dict:
    """Data and model with different means; if they were equal, the gradient in the mean would be pure roundoff."""
    p = draw.gaussian(draw.count(1, 2))
    given = {"mean": p.mean + draw.reals((p.d,), 0.5, 1.5), "precision": np.linalg.inv(draw.covariance(p.d))}
    return {"p": p, "model": Model("quadratic", given)}


@theorem(
    "Song and Kingma 2021, section 3; Stanford CS236, maximum likelihood",
    "quadrature",
    gaussian_and_quadratic_apart,
    cancels=EITHER_SIGN,
)
def likelihood_and_divergence_have_one_gradient(impl, p, model):
    r"""The likelihood and the Kullback-Leibler divergence have the same gradient in the parameters, for Gaussians.

    \nabla KL(p|q) = (P(m - m_p),\ \tfrac12 S + \tfrac12 (m - m_p)(m - m_p)^\top - \tfrac12 P^{-1})"""
    nodes = gauss_hermite(p, 2)

    def loss(model):
        energy = impl.energy(model)
        rows = impl.negative_log_likelihood(energy, impl.log_partition(energy, model.d), nodes.x)
        return anp.sum(nodes.weights * rows)

    mean, precision = model.parameters["mean"], model.parameters["precision"]
    gap, zero = mean - p.mean, np.zeros(model.d)
    by_precision = [0.5 * p.cov, 0.5 * np.outer(gap, gap), -0.5 * np.linalg.inv(precision)]
    right = [np.concatenate([zero, part.ravel()])[None] for part in by_precision]
    products = [np.concatenate([column * g, 0 * precision.ravel()])[None] for column, g in zip(precision.T, gap)]
    return Sides([gradient_of(loss, model)[None]], [*right, *products])


@theorem(NEAL, "quadrature", lambda draw: a_model(draw, CLOSED), plane=True)
def importance_weights_without_steps(impl, model):
    r"""Without intermediate temperatures, annealed importance sampling is importance sampling, with Z as mean weight.

    \mathbb E_{x \sim p_0}[e^{-E(x)}/p_0(x)] = Z"""
    p = density_of(model)
    mean = p.weights @ p.means
    spread = np.einsum("k,kij->ij", p.weights, p.covs + (p.means - mean)[:, :, None] * (p.means - mean)[:, None, :])
    base = Gaussian(mean, 2 * spread)

    def weights(x):
        tape = (x,)
        return np.exp(impl.annealed_importance_sampling(impl.energy(model), base, np.array([0.0, 1.0]), stay, tape))

    terms, change = expect([weights], base)
    return Sides(terms, [float(np.exp(log_z_of(model)))], change)


def stay(energy, x):
    """The kernel that never moves, which leaves every density invariant."""
    return moved(x)


def autoregression(rho: float):
    """A kernel for d = 1 that leaves exp(-E) invariant if E is quadratic: it multiplies x - m by rho and adds noise.

    It reads the mean m and the precision off the energy that it is given. With rho = 0 it draws independently.
    """

    def step(energy, x, z):
        behind, here, ahead = (energy(np.full((1, 1), at))[0] for at in (-1.0, 0.0, 1.0))
        precision = ahead + behind - 2 * here
        mean = 0.5 * (behind - ahead) / precision
        return moved(mean + rho * (x - mean) + np.sqrt((1 - rho**2) / precision) * z)

    return step


def gaussian_and_one_step(draw: Draw) -> dict:
    return gaussian_and_quadratic(draw, 1) | {
        "beta": draw.real(0.2, 0.9),
        "rho": draw.choice((0.0, draw.real(-0.8, 0.9))),
    }


@theorem(NEAL, "quadrature", gaussian_and_one_step)
def annealed_weights_are_unbiased(impl, p, model, beta, rho):
    r"""The mean weight is Z, even if the steps only leave the intermediate density invariant.

    \mathbb E[w] = Z,\ w = \prod_k e^{-(\beta_{k + 1} - \beta_k)(E + \log p_0)(x_k)}"""
    energy, temperatures = impl.energy(model), np.array([0.0, beta, 1.0])

    def weights(w):
        tape = p.substitute(w[:, :1])[0], w[None, :, 1:]
        return np.exp(impl.annealed_importance_sampling(energy, p, temperatures, autoregression(rho), tape))

    terms, change = expect([weights], standard_normal(2))
    return Sides(terms, [float(np.exp(log_z_of(model)))], change)


def base_model_and_tape(draw: Draw) -> dict:
    d, n, steps = draw.count(1, 3), 3, draw.count(0, 3)
    gaps = draw.reals((steps + 1,), 0.1, 1.0)
    return {
        "base": draw.gaussian(d),
        "model": draw.model(d, (*CLOSED, "mlp_energy")),
        "temperatures": np.array([0.0, *np.cumsum(gaps)[:-1] / np.sum(gaps), 1.0]),
        "x": draw.reals((n, d), -2, 2),
        "z": draw.reals((steps, n, d), -2, 2),
        "shrink": draw.reals((steps,), 0.5, 1.5),
    }


def leaning(energy, x, z, shrink):
    """A kernel that depends on the energy that it is given, on the state, and on two noise arrays."""
    return moved(shrink * x / (1 + energy(x)[:, None] ** 2) + z)


@theorem("Neal 2001, eqs. 3 to 5", "pointwise", base_model_and_tape, cancels=EITHER_SIGN)
def annealed_log_weights_by_hand(impl, base, model, temperatures, x, z, shrink):
    r"""On a given tape, for any kernel, the log weight is the sum of energy differences along the path.

    \log w = \sum_k (\beta_{k + 1} - \beta_k)(-E(x_k) - \log p_0(x_k)),\
    E_k = \beta_k E - (1 - \beta_k) \log p_0"""
    rows = impl.annealed_importance_sampling(impl.energy(model), base, temperatures, leaning, (x, z, shrink))
    states = [x]
    for beta, z_k, shrink_k in zip(temperatures[1:-1], z, shrink):
        here = states[-1]
        annealed = beta * model(here) - (1 - beta) * base.log_prob(here)
        states.append(shrink_k * here / (1 + annealed[:, None] ** 2) + z_k)
    gaps = np.diff(temperatures)
    energies = [-gap * model(at) for gap, at in zip(gaps, states)]
    return Sides([rows], [*energies, *(-gap * base.log_prob(at) for gap, at in zip(gaps, states))])


@theorem(
    "Neal 2001, eq. 12",
    "pointwise",
    lambda draw: {
        "spread": draw.reals((draw.count(2, 6),), -2, 2),
        "offset": draw.choice((1.0, -1.0)) * draw.real(720, 900),
    },
    cancels="the standard error of nearly equal weights is nearly zero",
)
def estimate_by_hand(impl, spread, offset):
    r"""Estimate and squared standard error follow their formulas even for log weights whose exponentials overflow.

    \log \tfrac1n \sum_i w_i,\ \frac{\sum_i w_i^2}{n(n - 1)\bar w^2} - \frac{1}{n - 1}"""
    log_weights = spread + offset
    n, w = len(spread), np.exp(log_weights - offset)  # a difference that is exact
    estimate, error = impl.estimated_log_partition(log_weights)
    squares = np.sum(w**2) / (n * (n - 1) * np.mean(w) ** 2)
    return Sides(
        [np.array([estimate, error**2])],
        [np.array([offset, squares]), np.array([np.log(np.sum(w)), -1 / (n - 1)]), np.array([-np.log(n), 0.0])],
    )


TWO_WEIGHTS = [(0.2, 0.0, 0.7), (0.3, 0.3, -0.2), (0.8, -0.3, 0.6)]  # probability of the first, both log weights


def weights_and_moments(q, first, second):
    """The mean of one weight w, and its variance and third central moment divided by powers of the mean."""
    w, chances = np.exp([first, second]), np.array([q, 1 - q])
    mean = chances @ w
    return mean, chances @ (w / mean - 1) ** 2, chances @ (w / mean - 1) ** 3


def mean_over_samples(function, n, q, first, second):
    """The exact E function(log_weights) for n independent weights with two values: a binomial sum."""
    outcomes = [function(np.where(np.arange(n) < j, first, second)) for j in range(n + 1)]
    j, log_gamma = np.arange(n + 1), scipy.special.gammaln
    log_chances = log_gamma(n + 1) - log_gamma(j + 1) - log_gamma(n - j + 1) + j * np.log(q) + (n - j) * np.log1p(-q)
    return np.exp(log_chances) @ np.array(outcomes)


@theorem("Neal 2001, section 2 (the delta method)", "limit", cases=TWO_WEIGHTS)
def standard_error_of_the_estimate(impl, q, first, second):
    r"""In the mean over all samples, the squared error is the squared standard error, up to a relative error 1/n.

    n\, \mathbb E[(\log \bar w - \log Z)^2 - se^2] = \tfrac1n (\kappa_3 - \tfrac14 \kappa_2^2) + O(n^{-2}),\
    \kappa_j = \mathbb E(w - Z)^j / Z^j"""
    mean, second_moment, third_moment = weights_and_moments(q, first, second)

    def excess(log_weights):
        estimate, error = impl.estimated_log_partition(log_weights)
        return (estimate - np.log(mean)) ** 2 - error**2

    n = 64 * 2 ** np.arange(4)
    errors = [k * mean_over_samples(excess, k, q, first, second) for k in n]
    return Limit(1 / n, errors, 1, third_moment - 0.25 * second_moment**2)


@theorem(NEAL, "limit", cases=TWO_WEIGHTS)
def estimate_is_too_small_in_the_mean(impl, q, first, second):
    r"""The estimate of log Z is too small in the mean, though that of Z is unbiased.

    \mathbb E[\log \bar w] - \log Z = -\tfrac{1}{2n} \operatorname{Var}(w)/Z^2 + O(n^{-2})"""
    mean, variance, _ = weights_and_moments(q, first, second)
    n = 64 * 2 ** np.arange(4)
    errors = [
        mean_over_samples(lambda log_w: impl.estimated_log_partition(log_w).log_z - np.log(mean), k, q, first, second)
        for k in n
    ]
    return Limit(1 / n, errors, 1, -0.5 * variance)
