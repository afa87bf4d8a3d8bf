r"""Scores and Jacobians of each kind of model, derived by hand in plain NumPy, to check automatic derivatives.

``score_and_jacobian(model, x)`` returns s (n, d) and J[., i, j] = d s_i/d x_j (n, d, d), from the model's kind and
parameters. It calls no automatic differentiation, and shares with `refebm.models` only the layout of the parameters.
"""

import numpy as np


def score_and_jacobian(model, x, *sigma):
    """(s, J) of a model whose kind is a key of `DERIVATIVES`. J is (n, d, d): call it with few rows at a time."""
    return DERIVATIVES[model.kind](x, *sigma, **model.parameters)


def _quadratic(x, mean, precision):
    symmetric = 0.5 * (precision + precision.T)
    return -(x - mean) @ symmetric, -symmetric * np.ones((len(x), 1, 1))


def _components(x, logits, means, precisions):
    """Probabilities r (n, k) and scores (n, k, d) of the components."""
    scores = -np.einsum("nki,kij->nkj", x[:, None, :] - means, precisions)
    exponents = logits + 0.5 * np.sum(scores * (x[:, None, :] - means), axis=2)
    r = np.exp(exponents - np.max(exponents, axis=1, keepdims=True))
    return r / np.sum(r, axis=1, keepdims=True), scores


def _mixture(x, logits, means, precisions):
    r, scores = _components(x, logits, means, precisions)
    s = np.einsum("nk,nki->ni", r, scores)
    between = np.einsum("nk,nki,nkj->nij", r, scores - s[:, None, :], scores - s[:, None, :])
    return s, between - np.einsum("nk,kij->nij", r, precisions)


def jacobian_size(model, x):
    """The sum of |terms| that automatic differentiation adds up in each entry of J, (n, d, d): it bounds the roundoff.

    For a mixture the terms are s_k s_k^T, P_k and s s^T. For a network the slope of tanh counts as 1 + tanh^2, since
    most libraries compute it as 1 - tanh^2.
    """
    if model.kind in SIZES:
        return SIZES[model.kind](x, **model.parameters)
    if model.kind != "mixture":
        return np.abs(score_and_jacobian(model, x)[1])
    r, scores = _components(x, **model.parameters)
    s, scores = np.abs(np.einsum("nk,nki->ni", r, scores)), np.abs(scores)
    within = np.einsum("nk,nki,nkj->nij", r, scores, scores)
    return within + np.einsum("nk,kij->nij", r, np.abs(model.parameters["precisions"])) + s[:, :, None] * s[:, None, :]


def network_derivatives(layers, x, size=False):
    """The outputs (n, m) of a perceptron, their gradients (n, m, d) and their Hessians (n, m, d, d), in forward mode.

    If `size`, the gradients and Hessians are replaced by the sums of the absolute values of their terms.
    """
    n, d = x.shape
    absolute = np.abs if size else np.asarray
    value, first, second = x, np.eye(d) * np.ones((n, 1, 1)), np.zeros((n, d, d, d))
    for depth, (weights, bias) in enumerate(layers):
        value = value @ weights + bias
        first = np.einsum("nki,km->nmi", first, absolute(weights))
        second = np.einsum("nkij,km->nmij", second, absolute(weights))
        if depth < len(layers) - 1:
            small = np.exp(-2 * np.abs(value))
            slope = 4 * small / (1 + small) ** 2  # 1 - tanh^2, which would cancel where a unit saturates
            value = np.tanh(value)
            slope = 1 + value**2 if size else slope
            curved = absolute(-2 * value) * slope
            second = curved[:, :, None, None] * first[:, :, :, None] * first[:, :, None, :] + (
                slope[:, :, None, None] * second
            )
            first = slope[:, :, None] * first
    return value, first, second


def _mlp_energy(x, precision, layers):
    _, first, second = network_derivatives(layers, x)
    return -precision * x - first[:, 0], -precision * np.eye(x.shape[1]) - second[:, 0]


def _gamma(x, shape, rate):
    return (shape - 1) / x - rate, -((shape - 1) / x**2)[:, :, None] * np.eye(x.shape[1])


def _gaussian_rbm(x, b, c, W, sigma):
    active = 1 / (1 + np.exp(-(c + x @ W / sigma**2)))
    curved = np.einsum("ij,nj,kj->nik", W, active * (1 - active), W) / sigma**4
    return (b - x + active @ W.T) / sigma**2, curved - np.eye(x.shape[1]) / sigma**2


def _mlp_score(x, layers):
    return network_derivatives(layers, x)[:2]


def _noise_conditional(x, sigma, layers):
    value, first, _ = network_derivatives(layers, np.column_stack([x, np.log(sigma)]))
    return value / sigma[:, None], first[:, :, :-1] / sigma[:, None, None]


def moments(sde, t):
    """m(t) and std(t)^2, by hand, of an SDE given as {"kind": ..., "parameters": ...}."""
    given = sde["parameters"]
    if sde["kind"] == "GivenDiffusion":
        return 1.0 + 0.0 * t, given["variance"](t)
    if sde["kind"] == "VarianceExploding":
        first, last = given["sigma_min"], given["sigma_max"]
        return 1.0 + 0.0 * t, first**2 * np.expm1(2 * t * np.log(last / first))  # sigma(t)^2 - sigma(0)^2
    area = given["beta_min"] * t + 0.5 * (given["beta_max"] - given["beta_min"]) * t**2
    lost = -np.expm1(-area)  # 1 - e^{-B(t)}
    return np.exp(-0.5 * area), lost if sde["kind"] == "VariancePreserving" else lost**2


def _diffused_mixture(x, t, sde, logits, means, variances):
    scale, variance = (np.reshape(moment, (-1, 1, 1)) for moment in moments(sde, t))
    return _diagonal_mixture(x, logits, scale * means, scale**2 * variances + variance)


def _smoothed_mixture(x, sigma, logits, means, variances):
    return _diagonal_mixture(x, logits, means, variances + sigma[:, None, None] ** 2)


def _diagonal_mixture(x, logits, means, wide):
    shifts = x[:, None, :] - means
    exponents = logits - 0.5 * np.sum(shifts**2 / wide + np.log(wide), axis=2)
    density = np.exp(exponents - np.max(exponents, axis=1, keepdims=True))
    r, scores = density / np.sum(density, axis=1, keepdims=True), -shifts / wide
    s = np.einsum("nk,nki->ni", r, scores)
    slopes = np.einsum("nk,nki,nkj->nij", r, scores, scores) - s[:, :, None] * s[:, None, :]
    return s, slopes - np.einsum("nk,nki->ni", r, 1 / wide)[:, :, None] * np.eye(x.shape[1])


def _at_level(x, kind, parameters, sigma):
    return DERIVATIVES[kind](x, sigma * np.ones(len(x)), **parameters)


def _at_level_size(x, kind, parameters, sigma):
    _, first, _ = network_derivatives(
        parameters["layers"], np.column_stack([x, np.log(sigma) + 0 * x[:, 0]]), size=True
    )
    return first[:, :, :-1] / sigma


SIZES = {
    "at_level": _at_level_size,
    "mlp_energy": lambda x, precision, layers: (
        precision * np.eye(x.shape[1]) + network_derivatives(layers, x, size=True)[2][:, 0]
    ),
    "mlp_score": lambda x, layers: network_derivatives(layers, x, size=True)[1],
}
DERIVATIVES = {
    "at_level": _at_level,
    "quadratic": _quadratic,
    "mixture": _mixture,
    "mlp_energy": _mlp_energy,
    "gamma": _gamma,
    "gaussian_rbm": _gaussian_rbm,
    "mlp_score": _mlp_score,
    "noise_conditional": _noise_conditional,
    "smoothed_mixture": _smoothed_mixture,
    "diffused_mixture": _diffused_mixture,
}
