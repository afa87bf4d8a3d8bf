"""Gradients in the parameters of a model: automatic ones of the function under test, and those of energies by hand.

All are flattened as autograd.misc does: parameters in the order of their names, nested ones from left to right.
"""

import warnings
from collections.abc import Callable

import autograd.numpy as anp
import numpy as np
import scipy
from autograd import grad, make_jvp, make_vjp
from autograd.misc import flatten

from refebm.identities.bits import all_bits
from refebm.models import Model
from refebm.truth.densities import LOG_2PI, Gaussian, GaussianMixture
from refebm.truth.expectations import expect, total


def gradient_of(function: Callable, model: Model) -> np.ndarray:
    """The gradient (P,) of function(model), a number, in the model's parameters."""
    theta, unflatten = flatten(model.parameters)
    return grad(lambda theta: function(Model(model.kind, unflatten(theta))) + 0 * anp.sum(theta))(theta)  # may be zero


def gradients_of(function: Callable, model: Model) -> np.ndarray:
    """The gradients (n, P) of function(model), (n,), by one pass per row or per parameter, whichever is less."""
    theta, unflatten = flatten(model.parameters)

    def of_theta(theta):
        return function(Model(model.kind, unflatten(theta)))

    back, rows = make_vjp(of_theta)(theta)
    if len(rows) < len(theta):
        return np.stack([back(one) for one in np.eye(len(rows))])
    along = make_jvp(of_theta)(theta)
    return np.stack([along(one)[1] for one in np.eye(len(theta))], axis=1)


def slopes_of(function: Callable, model: Model, direction: np.ndarray) -> np.ndarray:
    """The derivatives (n,) of function(model), (n,), along a direction (P,) of its parameters."""
    theta, unflatten = flatten(model.parameters)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Output seems independent")  # some wrong versions do not use the model
        return make_jvp(lambda theta: function(Model(model.kind, unflatten(theta))))(theta)(direction)[1]


def number_of_parameters(model: Model) -> int:
    """P, the number of all parameters."""
    return len(flatten(model.parameters)[0])


def energy_gradients(model: Model, x: np.ndarray) -> np.ndarray:
    """The gradients (n, P) of E(x) in the parameters, by hand."""
    return np.concatenate(
        [np.reshape(part, (len(x), -1)) for part in SLOPES[model.kind](x, **model.parameters)], axis=1
    )


def _quadratic(x, mean, precision):
    y = x - mean
    return -y @ (0.5 * (precision + precision.T)), 0.5 * y[:, :, None] * y[:, None, :]


def _mixture(x, logits, means, precisions):
    y = x[:, None, :] - means
    exponents = logits - 0.5 * np.einsum("nki,kij,nkj->nk", y, precisions, y)
    r = np.exp(exponents - np.max(exponents, axis=1, keepdims=True))
    r = r / np.sum(r, axis=1, keepdims=True)
    symmetric = 0.5 * (precisions + np.swapaxes(precisions, 1, 2))
    return -r, -np.einsum("nk,nki,kij->nkj", r, y, symmetric), 0.5 * np.einsum("nk,nki,nkj->nkij", r, y, y)


def _mlp_energy(x, precision, layers):
    values = [x]
    for weights, bias in layers[:-1]:
        values.append(np.tanh(values[-1] @ weights + bias))
    back, parts = np.ones((len(x), 1)), []
    for (weights, _), value in reversed(list(zip(layers, values))):
        parts = [value[:, :, None] * back[:, None, :], back, *parts]
        back = (back @ weights.T) * (1 - value**2)
    return *(np.reshape(part, (len(x), -1)) for part in parts), 0.5 * np.sum(x**2, axis=1)


def _binary_rbm(v, b, c, W):
    h = 1 / (1 + np.exp(-(c + v @ W)))
    return -v[:, :, None] * h[:, None, :], -v, -h


def _gaussian_rbm(v, b, c, W, sigma):
    h = 1 / (1 + np.exp(-(c + v @ W / sigma**2)))
    coupling = np.einsum("ni,ij,nj->n", v, W, h)
    scale = (2 * coupling - np.sum((v - b) ** 2, axis=1)) / sigma**3
    return -v[:, :, None] * h[:, None, :] / sigma**2, -(v - b) / sigma**2, -h, scale


SLOPES = {
    "quadratic": _quadratic,
    "mixture": _mixture,
    "mlp_energy": _mlp_energy,
    "binary_rbm": _binary_rbm,
    "gaussian_rbm": _gaussian_rbm,
}


def wells_of(model: Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """exp(-E) = sum_k exp(a_k - 1/2 (x - m_k)^T P_k (x - m_k)): logits a, means m, precisions P."""
    given = model.parameters
    if model.kind == "quadratic":
        return np.zeros(1), given["mean"][None], given["precision"][None]
    if model.kind == "mixture":
        return given["logits"], given["means"], given["precisions"]
    h = all_bits(len(given["c"]))
    means, variance = given["b"] + h @ given["W"].T, given["sigma"] ** 2
    logits = h @ given["c"] + (np.sum(means**2, axis=1) - given["b"] @ given["b"]) / (2 * variance)
    return logits, means, np.ones((len(h), 1, 1)) * np.eye(model.d) / variance


def density_of(model: Model) -> GaussianMixture:
    """exp(-E)/Z in closed form, of a quadratic, a mixture or a Gaussian-Bernoulli machine."""
    logits, means, precisions = wells_of(model)
    log_w = logits - 0.5 * np.linalg.slogdet(precisions)[1]
    w = np.exp(log_w - np.max(log_w))
    covs = np.linalg.inv(precisions)
    return GaussianMixture(w / np.sum(w), means, 0.5 * (covs + np.swapaxes(covs, 1, 2)))


def log_z_of(model: Model) -> float:
    """log sum_k exp(a_k - 1/2 log det P_k) + d/2 log 2 pi."""
    logits, _, precisions = wells_of(model)
    return float(scipy.special.logsumexp(logits - 0.5 * np.linalg.slogdet(precisions)[1]) + 0.5 * model.d * LOG_2PI)


def under_model(functions: list[Callable], model: Model) -> tuple[list[np.ndarray], float]:
    """The terms of E_model[f] for each f, and their certificate; a network is weighted against its quadratic part."""
    if model.kind != "mlp_energy":
        return expect(functions, density_of(model))
    spring = Gaussian(np.zeros(model.d), 1 / model.parameters["precision"])
    lean = Model("quadratic", {"mean": spring.mean, "precision": spring.precision})

    def tilt(x):
        return np.exp(lean(x) - model(x))

    terms, change = expect([tilt, *(lambda x, f=f: (f(x).T * tilt(x)).T for f in functions)], spring)
    return [term / total(terms[0]) for term in terms[1:]], change
