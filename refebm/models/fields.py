r"""Fields: s(x) or r(x), shape (n, d), that need not be the gradient of anything."""

import autograd.numpy as np
from autograd.scipy.special import logsumexp

from refebm.models.networks import perceptron
from refebm.sdes import SubVariancePreserving, VarianceExploding, VariancePreserving
from refebm.validation import InputError, brief, positive, rows

SDES = {one.__name__: one for one in (VarianceExploding, VariancePreserving, SubVariancePreserving)}


def mlp_score(x, layers):
    r"""s(x) = network(x), d outputs: a score model whose Jacobian is not symmetric. layers ((W, b), ...)."""
    return perceptron(layers, x)


def noise_conditional(x, sigma, layers):
    r"""s(x, sigma) = network(x, log sigma)/sigma, so that sigma s is a network of size one. sigma (n,).

    Source: Song and Ermon 2019, section 4.1; the scale 1/sigma is technique 3 of Song and Ermon 2020
    """
    inputs = np.concatenate([x, np.log(sigma)[:, None]], axis=1)
    return perceptron(layers, inputs) / sigma[:, None]


def smoothed_mixture(x, sigma, logits, means, variances):
    r"""The score of sum_k w_k N(m_k, diag v_k + sigma^2 I), w = softmax(logits): of a mixture plus noise, exactly.

    logits (k,), means and variances (k, d), the variances positive; sigma (n,).
    Source: Stanford CS236, annealed Langevin dynamics; Song and Ermon 2019, section 3.2
    """
    wide = [v + sigma[:, None] ** 2 for v in variances]
    scores = [-(x - m) / c for m, c in zip(means, wide)]
    log_joint = [a + 0.5 * np.sum(s * (x - m) - np.log(c), 1) for a, m, c, s in zip(logits, means, wide, scores)]
    r = np.exp(np.stack(log_joint) - logsumexp(np.stack(log_joint), axis=0))
    return sum(r_k[:, None] * s for r_k, s in zip(r, scores))


def sde_of(data):
    r"""The SDE that is given as {"kind": a class of `refebm.sdes`, "parameters": its arguments by name}."""
    try:
        return SDES[data["kind"]](**data["parameters"])
    except (TypeError, KeyError, IndexError) as error:
        wanted = f"{{'kind': one of {sorted(SDES)}, 'parameters': its arguments}}"
        raise InputError("E-MODEL", f"sde must be {wanted}, got {brief(data)}") from error


def diffused_mixture(x, t, sde, logits, means, variances):
    r"""The score of x_t = m(t) x_0 + std(t) z, x_0 from sum_k w_k N(m_k, diag v_k), w = softmax(logits), exactly.

    sde: {"kind": a class of `refebm.sdes`, "parameters": its arguments by name}; logits (k,), means and variances
    (k, d), the variances positive; t (n,).
    Source: Song et al. 2021, eqs. 29 and 33
    """
    scale, std = sde_of(sde).marginal(t)
    scale = scale[:, None]
    return smoothed_mixture(x, std, logits, [scale * m for m in means], [scale**2 * v for v in variances])


@rows(sigma=positive)
def at(score, sigma):
    r"""The field x -> s(x, sigma) of a noise-conditional field at one level. sigma float."""

    @rows
    def field(x):
        return score(x, sigma * np.ones(len(x)))

    return field
