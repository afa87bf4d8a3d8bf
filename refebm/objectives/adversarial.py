r"""Adversarial and variational training: a trained sampler q replaces Markov chains; the gradient of its entropy."""

from typing import Any

from refebm.calculus import held, pull_back
from refebm.glossary import (
    Energy,
    Field,
    ForItsGradient,
    LogDensity,
    Loss,
    Parameters,
    Pathwise,
    Points,
    Sampler,
    rows,
)
from refebm.objectives.notation import dot


@rows
def variational_bound(energy: Energy, log_q: LogDensity, x: Points, y: Pathwise) -> Loss:
    r"""E(y) - E(x) + log q(y), (n,), y drawn from q: its mean is an *upper* bound of E[log p_model(x)].

    $$E(y) - E(x) + \log q(y),\quad y \sim q$$

    It replaces -log Z by E_q[E + log q] = E_q[E] - H(q) >= -log Z; the gap is KL(q|p_model). The energy is trained to
    maximise the bound, the sampler q to minimise it.
    energy, log_q (m, d) -> (m,); x, y (n, d). Gradients in the parameters of q flow through y as well as log_q.
    Also: adversarial training, max-min
    Source: Song and Kingma 2021, other methods; HY-673 lecture 12, adversarial training (which prints + H(q)); Dai et
    al. 2019, eq. 5
    """
    return energy(y) - energy(x) + log_q(y)


@rows
def entropy_gradient(score_q: Field, sampler: Sampler, phi: Parameters, eps: Points) -> Any:
    r"""grad_phi H(q) = -E_eps[score_q(z) d f_phi/d phi], z = f_phi(eps): the mean over the rows, nested as phi is.

    $$\nabla_\phi H(q) = -\mathbb E_\epsilon[s_q(z)\, \partial_\phi f_\phi(\epsilon)],\quad z = f_\phi(\epsilon)$$

    score_q (m, d) -> (m, d), the score of the law q of z, whose density need not be known; sampler(phi, eps) -> (n, d);
    phi: arrays, nested in dicts and tuples; eps (n, k). score_q is held constant: the mean of grad_phi log q(z) at
    fixed z is zero. A NaN in one row makes the gradient, a mean over rows, NaN in every parameter.
    Source: Song, Garg, Shi and Ermon 2019, section 5.2; HY-673 lecture 12, score matching for learning implicit VAEs
    """
    z, back = pull_back(lambda phi: sampler(phi, eps), phi)
    return back(-score_q(z) / len(z))


@rows
def implicit_negative_elbo(log_joint: LogDensity, score_q: Field, z: Points) -> ForItsGradient:
    r"""-log p(x, z) + score_q(z).z with score_q(z) held, (n,): its mean gradient is that of the negative ELBO.

    $$-\log p(x, z) + s_q(z) \cdot z,\quad s_q(z) \text{ held constant}$$

    log_joint (n, d) -> (n,), z -> log p(x_i, z_i), where x_i are the n data points of the batch; score_q (n, d) ->
    (n, d), the score of q(z_i | x_i); z (n, d), samples of q, through which gradients flow to its parameters.
    Also: ELBO, implicit VAE, negative ELBO
    Source: Song, Garg, Shi and Ermon 2019, section 5.2; HY-673 lecture 12, score matching for learning implicit VAEs
    """
    return -log_joint(z) + dot(held(score_q(held(z))), z)
