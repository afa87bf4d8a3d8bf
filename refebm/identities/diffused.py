r"""Shared by theorems about reverse diffusion: SDEs by hand, laws of mixtures, and chains as composed affine maps."""

from typing import NamedTuple

import numpy as np
import scipy

from refebm.models import Model
from refebm.truth.densities import GaussianMixture
from refebm.truth.derivatives import score_and_jacobian

SONG = "Song et al. 2021"
CS236 = "Stanford CS236"
FLOW = f"{SONG}, eq. 13 and appendix D.1; {CS236}, probability flow"
EULER = "Kloeden and Platen 1992, sections 9.1 and 9.7"
FIELDS = ("noise_conditional", "diffused_mixture")


class Process(NamedTuple):
    """An SDE at times t, by hand: beta, noise = g^2, their time derivatives, and m and std^2 of x_t given x_0."""

    beta: np.ndarray
    noise: np.ndarray
    beta_rate: np.ndarray
    noise_rate: np.ndarray
    scale: np.ndarray
    variance: np.ndarray


def process(sde: dict, t) -> Process:
    """The coefficients of an SDE, given by its data, at times t."""
    given, t = sde["parameters"], np.asarray(t)
    if sde["kind"] == "VarianceExploding":
        twice, start = 2 * np.log(given["sigma_max"] / given["sigma_min"]), given["sigma_min"] ** 2
        noise = twice * start * np.exp(twice * t)
        return Process(0 * t, noise, 0 * t, twice * noise, 1 + 0 * t, start * np.expm1(twice * t))
    rate = given["beta_max"] - given["beta_min"] + 0 * t
    beta, total = given["beta_min"] + rate * t, given["beta_min"] * t + 0.5 * rate * t**2
    scale, forgotten = np.exp(-0.5 * total), -np.expm1(-total)
    if sde["kind"] == "VariancePreserving":
        return Process(beta, beta, rate, rate, scale, forgotten)
    kept = np.exp(-2 * total)
    noise_rate = -rate * np.expm1(-2 * total) + 2 * beta**2 * kept
    return Process(beta, -beta * np.expm1(-2 * total), rate, noise_rate, scale, forgotten**2)


def column(a):
    """(n,) as a column (n, 1)."""
    return np.reshape(a, (-1, 1))


def components(model: Model, t):
    """The components of the law of x_t: log weights (k, 1), means and variances (k, n, d), for times t (n,)."""
    given, now = model.parameters, process(model.parameters["sde"], t)
    scale, variance = column(now.scale), column(now.variance)
    means, variances = (given[name][:, None, :] for name in ("means", "variances"))
    log_weights = column(given["logits"] - scipy.special.logsumexp(given["logits"]))
    return log_weights, scale * means, scale**2 * variances + variance


def log_law(model: Model, x, t):
    """log p_t(x), (n,), and the probabilities of the components, (k, n)."""
    logits, means, variances = components(model, t)
    squares = (x - means) ** 2 / variances + np.log(2 * np.pi * variances)
    log_joint = logits - 0.5 * np.sum(squares, axis=2)
    log_p = scipy.special.logsumexp(log_joint, axis=0)
    return log_p, np.exp(log_joint - log_p)


def law_at(model: Model, t: float) -> GaussianMixture:
    """The density of x_t."""
    logits, means, variances = components(model, np.array([t]))
    return GaussianMixture(np.exp(logits[:, 0]), means[:, 0], np.array([np.diag(v) for v in variances[:, 0]]))


def one_gaussian(sde: dict, mean, variance) -> Model:
    """The score of x_t for normal data."""
    means, variances = (np.atleast_2d(np.asarray(value, float)) for value in (mean, variance))
    return Model("diffused_mixture", {"sde": sde, "logits": np.zeros(1), "means": means, "variances": variances})


def field_by_hand(model, x, t):
    return score_and_jacobian(model, x, t * np.ones(len(x)))[0]


# Chains on normal data: each step is an affine map, so the variance at the end is exact for any number of steps


N_STEPS = 200 * 2 ** np.arange(7)
PROCESSES = [
    {"kind": "VariancePreserving", "parameters": {"beta_min": 0.5, "beta_max": 5.0}},
    {"kind": "SubVariancePreserving", "parameters": {"beta_min": 0.5, "beta_max": 4.0}},
    {"kind": "VarianceExploding", "parameters": {"sigma_min": 0.5, "sigma_max": 1.5}},
]
NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)


def affine(step, k):
    """(a, b, c), (n,) each, such that step k maps x to a x + b z + c; found by calling step(k, x, z) at 0 and 1."""
    start, unit = np.zeros((len(k), 1)), np.ones((len(k), 1))
    rows = [np.concatenate(parts) for parts in ([k] * 3, [start, unit, start], [start, start, unit])]
    c, a, b = step(*rows).reshape(3, len(k))
    return a - c, b - c, c


def composed(a, b, variance):
    """The variance after all steps x -> a x + b z."""
    variance = float(variance)  # a Python float becomes inf without a warning where the variance grows without bound
    for gain, noise in zip(a.tolist(), b.tolist()):
        variance = gain * gain * variance + noise * noise
    return variance


def variance_and_rates(sde, v, t):
    """The variance V of x_t for data of variance v, and its first two time derivatives, by the moment equation."""
    now = process(sde, t)
    variance = now.scale**2 * v + now.variance
    first = -now.beta * variance + now.noise
    return variance, first, -now.beta_rate * variance - now.beta * first + now.noise_rate


def integrated(rate, low):
    """int_low^1 rate(t) dt by a Gauss-Legendre rule."""
    t = low + 0.5 * (1 - low) * (1 + NODES)
    return 0.5 * (1 - low) * float(WEIGHTS @ rate(t))


def carried_back(sde, v, low):
    """t -> m(t)^2/m^2 (V/V(t))^2: the factor by which the reverse SDE carries a variance's error from t to low."""
    end, then = process(sde, low).scale, variance_and_rates(sde, v, low)[0]
    return lambda t: (process(sde, t).scale / end) ** 2 * (then / variance_and_rates(sde, v, t)[0]) ** 2
