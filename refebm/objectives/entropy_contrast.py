r"""Contrastive divergence whole: with the term that asks how the samples move, which plain CD-k leaves out."""

from refebm.calculus import held
from refebm.glossary import Energy, LogDensity, Loss, ModelPoints, Points, rows


@rows
def contrastive_divergence_with_entropy(
    energy: Energy, held_energy: Energy, log_q: LogDensity, x: Points, x_model: ModelPoints
) -> Loss:
    r"""E(x) - E(x') - [E_held(x') + log q(x')], (n,): x' held constant in the second term alone.

    $$E(x) - E(\operatorname{held} x') - [E_{\text{held}}(x') + \log q(x')],\quad
    \nabla = \nabla_\theta [KL(p_D|p_\theta) - KL(q_\theta|p_\theta)]$$

    x' is k steps of a chain from the data, and differentiable in the parameters through these steps; q_theta is its
    law. The bracket's mean is KL(q_theta|p) up to log Z, p held: its gradient is what a change of the chain does to
    q_theta. As the step of a Langevin chain goes to 0 it is as large as all of the rest: the loss over the step tends
    to twice the Fisher divergence, contrastive divergence to that once.
    energy, held_energy (n, d) -> (n,), the same energy, the second with its parameters held; log_q (n, d) -> (n,), the
    log-density of q_theta with its parameters held too, or what has its gradient; x, x_model (n, d).
    Convention: Du et al. 2021 write -H(q) for the mean of log q.
    Source: Hinton 2002, eq. 5; Du, Li, Tenenbaum and Mordatch 2021, section 3
    """
    return energy(x) - energy(held(x_model)) - (held_energy(x_model) + log_q(x_model))
