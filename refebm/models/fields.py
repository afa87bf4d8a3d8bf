r"""Fields: s(x) or r(x), (n, d), which need not be gradients of a function."""

import autograd.numpy as np

from refebm.calculus import anywhere, held
from refebm.glossary import Field, InputError, Level, LevelField, Points, brief, rows
from refebm.models.networks import perceptron
from refebm.sdes import SubVariancePreserving, VarianceExploding, VariancePreserving
from refebm.special import softmax
from refebm.truth.densities import lost

NEAR = 8.0  # deviations: up to here log joint probabilities are so small that differences keep their digits
SDES = {one.__name__: one for one in (VarianceExploding, VariancePreserving, SubVariancePreserving)}


def mlp_score(x, layers):
    r"""s(x) = network(x) with d outputs: a score model whose Jacobian is not symmetric. layers ((W, b), ...)."""
    return perceptron(layers, x)


def noise_conditional(x, sigma, layers):
    r"""s(x, sigma) = network(x, log sigma)/sigma, so that the network's outputs, sigma s, are of order one. sigma (n,).

    Source: Song and Ermon 2019, section 4.1; the scale 1/sigma is technique 3 of Song and Ermon 2020
    """
    inputs = np.concatenate([x, np.log(sigma)[:, None]], axis=1)
    return perceptron(layers, inputs) / sigma[:, None]


def smoothed_mixture(x, sigma, logits, means, variances):
    r"""The exact score of sum_k w_k N(m_k, diag v_k + sigma^2 I), w = softmax(logits): a mixture plus noise.

    logits (k,), means and variances (k, d), the variances positive; sigma (n,).
    Source: Stanford CS236, annealed Langevin dynamics; Song and Ermon 2019, section 3.2
    """
    return _score_of_mixture(x, logits, means[:, :, None], variances[:, :, None] + sigma**2)


def _score_of_mixture(x, logits, means, variances):
    """The score at x of a mixture whose means and variances, (k, d, n), may differ from row to row.

    Arrays are (k, d, n): sums over a last axis as short as d would take most of the time.
    """
    away, precisions = x.T - means, 1 / variances
    slopes, heights = precisions * away, logits[:, None] + 0.5 * np.sum(np.log(precisions), axis=1)
    log_joint = heights - 0.5 * np.sum(slopes * away, axis=1)
    if anywhere(np.max(held(heights), axis=0) - np.max(held(log_joint), axis=0) > 0.5 * NEAR**2):
        return _score_far_out(x, means * np.ones(len(x)), precisions, heights, log_joint)
    return -np.sum(softmax(log_joint)[:, None] * slopes, axis=0).T


def _score_far_out(x, means, precisions, heights, log_joint):
    """The same relative to the likeliest component j, without the terms the two share: see `GaussianMixture`."""
    chosen = np.arange(len(means))[:, None] == np.argmax(held(log_joint), axis=0)
    heights = heights - np.sum(np.where(chosen, heights, 0.0), axis=0)

    def of_j(a):
        return np.sum(np.where(chosen[:, None], a, 0.0), axis=0)

    m_j, at_j = of_j(means), of_j(precisions)
    away, from_j, apart, shared = x.T - means, x.T - m_j, means - m_j, np.minimum(precisions, at_j)
    own, other, moved = (precisions - shared) * away, (at_j - shared) * from_j, shared * apart
    cut = lost(held(x).T, held(means)) + lost(held(x).T, held(m_j))  # whose derivative is 0
    both = away + from_j + cut
    r = softmax(heights - 0.5 * np.sum(own * away - other * from_j - moved * both, axis=1))
    return (np.sum(r[:, None] * (moved + other - own), axis=0) - at_j * from_j).T


def sde_of(data):
    r"""The SDE given as {"kind": a class of `refebm.sdes`, "parameters": its arguments by name}. Errors: E-MODEL."""
    try:
        return SDES[data["kind"]](**data["parameters"])
    except (TypeError, KeyError, IndexError) as error:
        wanted = f"{{'kind': one of {sorted(SDES)}, 'parameters': its arguments}}"
        raise InputError("E-MODEL", f"sde must be {wanted}, got {brief(data)}") from error


def diffused_mixture(x, t, sde, logits, means, variances):
    r"""The exact score of x_t = m(t) x_0 + std(t) z, x_0 from sum_k w_k N(m_k, diag v_k), w = softmax(logits).

    sde: {"kind": a class of `refebm.sdes`, "parameters": its arguments by name}; logits (k,), means and variances
    (k, d), the variances positive; t (n,).
    Source: Song et al. 2021, eqs. 29 and 33
    """
    scale, std = sde_of(sde).marginal(t)
    return _score_of_mixture(x, logits, scale * means[:, :, None], scale**2 * variances[:, :, None] + std**2)


@rows
def at(score: LevelField, sigma: Level) -> Field:
    r"""The field x -> s(x, sigma), (n, d) -> (n, d), of a noise-conditional field at one level sigma, a float.

    $$x \mapsto s(x, \sigma)$$

    Errors: of the field E-NDIM, E-EMPTY for x.
    """

    @rows
    def field(x: Points):
        return score(x, sigma * np.ones(len(x)))

    return field
