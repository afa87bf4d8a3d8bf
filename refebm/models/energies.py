r"""Energies: E(x), shape (n,), of the unnormalised density exp(-E)/Z. The documents' f is -E.

Each is a function of rows and of named parameters, which are plain arrays, tuples and dicts.
"""

import autograd.numpy as np
import numpy

from refebm.calculus import held
from refebm.models.networks import perceptron


def quadratic(x, mean, precision):
    r"""E = 1/2 (x - m)^T P (x - m): an unnormalised Gaussian. mean (d,), precision (d, d)."""
    return 0.5 * np.sum((x - mean) * np.dot(x - mean, precision), axis=1)


def log_sum_exp(a):
    r"""log sum_k exp(a_k) over the first axis, the largest taken out. A quarter of the time that scipy's takes here."""
    top = np.max(held(a), axis=0)
    top = np.where(np.isfinite(top), top, 0.0)
    with numpy.errstate(divide="ignore"):
        return top + np.log(np.sum(np.exp(a - top), axis=0))


def mixture(x, logits, means, precisions):
    r"""E = -log sum_k exp(a_k - 1/2 (x - m_k)^T P_k (x - m_k)). logits (k,), means (k, d), precisions (k, d, d)."""
    away = x - means[:, None]
    wells = 0.5 * np.sum(away * np.matmul(away, precisions), axis=2)
    return -log_sum_exp(logits[:, None] - wells)


def mlp_energy(x, precision, layers):
    r"""E = precision/2 |x|^2 + network(x), tanh units, one output. precision float, layers ((W, b), ...)."""
    return 0.5 * precision * np.sum(x**2, axis=1) + perceptron(layers, x)[:, 0]


def gamma(x, shape, rate):
    r"""E = sum_i (1 - shape_i) log x_i + rate_i x_i, for x > 0. shape and rate (d,)."""
    return np.sum((1 - shape) * np.log(x) + rate * x, axis=1)


def laplace(x, loc, scale):
    r"""E = sum_i |x_i - loc_i|/scale_i: its score jumps, so that score matching of it fails. loc and scale (d,)."""
    return np.sum(np.abs(x - loc) / scale, axis=1)


def autoregressive(x, shift, shift_weights, log_scale, log_scale_weights):
    r"""E = -sum_i log N(x_i; m_i, e^{2 l_i}), where m_i and l_i depend on x_1 .. x_{i-1} alone: exactly normalised.

    m = shift + tril(A, -1) tanh(x), l = log_scale + tril(B, -1) tanh(x). Shapes (d,), (d, d), (d,), (d, d).
    """
    m = shift + np.dot(np.tanh(x), np.tril(shift_weights, -1).T)
    log_s = log_scale + np.dot(np.tanh(x), np.tril(log_scale_weights, -1).T)
    return np.sum(0.5 * ((x - m) * np.exp(-log_s)) ** 2 + log_s + 0.5 * np.log(2 * np.pi), axis=1)


def flow(x, couplings):
    r"""E = -log N(z; 0, I) - log |det dz/dx|, z by affine couplings (RealNVP): exactly normalised.

    Each coupling is a network from d to 2 d: a log scale (through tanh) and a shift of every other coordinate.
    """
    log_det = 0.0
    for i, layers in enumerate(couplings):
        kept = (np.arange(x.shape[1]) + i) % 2
        log_scale, shift = np.split(perceptron(layers, kept * x), 2, axis=1)
        log_scale = (1 - kept) * np.tanh(log_scale)
        x = kept * x + (1 - kept) * (x - shift) * np.exp(-log_scale)
        log_det = log_det - np.sum(log_scale, axis=1)
    return np.sum(0.5 * x**2 + 0.5 * np.log(2 * np.pi), axis=1) - log_det
