r"""Energies: E(x), (n,), of the density exp(-E)/Z. The documents' f is -E.

Each is a function of x (n, d) and named parameters, which are plain arrays, tuples and dicts.
"""

import autograd.numpy as np

from refebm.calculus import held
from refebm.glossary import InputError
from refebm.models.networks import perceptron
from refebm.models.real_nvp import to_normal
from refebm.special import logsumexp
from refebm.truth.densities import FAR, LOG_2PI, common, lost

LEAST_LOG = -700.0  # the smallest log of a scale: exp(700) is still finite


def quadratic(x, mean, precision):
    r"""E = 1/2 (x - m)^T P (x - m): an unnormalised Gaussian. mean (d,), precision (d, d)."""
    return 0.5 * np.sum((x - mean) * np.dot(x - mean, precision), axis=1)


def mixture(x, logits, means, precisions):
    r"""E = -log sum_k exp(a_k - 1/2 (x - m_k)^T P_k (x - m_k)). logits (k,), means (k, d), precisions (k, d, d)."""
    away = x - means[:, None]
    joint = logits[:, None] - 0.5 * np.sum(away * np.matmul(away, precisions), axis=2)
    deepest = np.argmax(held(joint), axis=0)
    far = np.abs(np.max(held(joint), axis=0) - held(logits)[deepest]) > 0.5 * FAR**2
    if not np.any(far):
        return -logsumexp(joint, 0)
    near = np.flatnonzero(~far)
    groups = [(np.flatnonzero(far & (deepest == j)), j) for j in np.unique(deepest[far])]
    values = [logsumexp(joint[:, near], 0)]
    for rows, j in groups:
        differences = _less_the_well(j, x[rows], logits, means, precisions)
        values.append(joint[j, rows] + logsumexp(differences, 0))
    return -np.concatenate(values)[np.argsort(np.concatenate([near, *(rows for rows, _ in groups)]))]


def _less_the_well(j, x, logits, means, precisions):
    """The exponents minus that of component j, (k, n), computed without the terms they share: see `GaussianMixture`."""
    shared = common(precisions, precisions[j])
    away, from_j, apart = x - means[:, None], x - means[j], (means - means[j])[:, None]
    both = away + from_j + (lost(x, means[:, None]) + lost(x, means[j]))
    squares = away * np.matmul(away, precisions - shared) - from_j * np.matmul(from_j, precisions[j] - shared)
    crossed = 0.5 * (apart * np.matmul(both, shared) + both * np.matmul(apart, shared))
    return (logits - logits[j])[:, None] - 0.5 * np.sum(squares - crossed, axis=2)


def mlp_energy(x, precision, layers):
    r"""E = precision/2 |x|^2 + network(x), tanh units, one output. precision float, layers ((W, b), ...)."""
    return 0.5 * precision * np.sum(np.square(x), axis=1) + np.ravel(perceptron(layers, x))


def gamma(x, shape, rate):
    r"""E = sum_i (1 - shape_i) log x_i + rate_i x_i, and inf if some x_i is not positive. shape and rate (d,)."""
    inside = np.where(x > 0, x, 1.0)
    return np.sum(np.where(x > 0, (1 - shape) * np.log(inside) + rate * x, np.inf), axis=1)


def laplace(x, loc, scale):
    r"""E = sum_i |x_i - loc_i|/scale_i. Score matching fails for it, because its score jumps. loc and scale (d,)."""
    return np.sum(np.abs(x - loc) / scale, axis=1)


def autoregressive(x, shift, shift_weights, log_scale, log_scale_weights):
    r"""E = -sum_i log N(x_i; m_i, e^{2 l_i}), where m_i and l_i depend on x_1 .. x_{i-1} only; here Z = 1.

    m = shift + tril(A, -1) tanh(x), l = log_scale + tril(B, -1) tanh(x). Shapes (d,), (d, d), (d,), (d, d).
    Errors: E-SCALE where an e^l is too small to divide by.
    """
    m = shift + np.dot(np.tanh(x), np.tril(shift_weights, -1).T)
    log_s = log_scale + np.dot(np.tanh(x), np.tril(log_scale_weights, -1).T)
    if np.min(held(log_s)) < LEAST_LOG:
        raise InputError(
            "E-SCALE", f"log_scale must leave scales above exp({LEAST_LOG:g}), got {np.min(held(log_s)):g}"
        )
    return np.sum(0.5 * ((x - m) * np.exp(-log_s)) ** 2 + log_s + 0.5 * LOG_2PI, axis=1)


def flow(x, couplings):
    r"""E = -log N(z; 0, I) - log |det dz/dx|, where affine couplings map x to z (RealNVP); here Z = 1.

    Each coupling is a network with d inputs and 2 d outputs: the log scale (after a tanh) and the shift of coordinates.
    """
    z, log_det = to_normal(couplings, x)
    return np.sum(0.5 * z**2 + 0.5 * LOG_2PI, axis=1) - log_det
