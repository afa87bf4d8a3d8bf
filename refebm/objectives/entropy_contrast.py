r"""The full gradient of contrastive divergence, with the term for how the samples depend on the parameters.

CD-k omits that term. Errors: as in score matching.
"""

from refebm.calculus import held
from refebm.glossary import Energy, LogDensity, Loss, ModelPoints, Points, rows


@rows
def contrastive_divergence_with_entropy(
    energy: Energy, held_energy: Energy, log_q: LogDensity, x: Points, x_model: ModelPoints
) -> Loss:
    r"""E(x) - E(x') - [E_held(x') + log q(x')], (n,): x' held constant in the second term alone.

    $$E(x) - E(\operatorname{held} x') - [E_{\text{held}}(x') + \log q(x')]$$

    x' is the state after k steps of a chain from the data, differentiable in the parameters theta through these steps;
    q_theta is the law of x'. The mean of the bracket is KL(q_theta|p) - log Z with p held, and its gradient is the
    effect of theta on q_theta through the chain. It is not negligible: for a Langevin chain, as the step goes to 0, the
    loss divided by the step tends to twice the Fisher divergence, contrastive divergence only to the Fisher divergence.
    energy, held_energy (n, d) -> (n,): the same energy, in the second case with its parameters held constant; log_q
    (n, d) -> (n,): the log-density of q_theta with its parameters held, or any function with the same gradient; x,
    x_model (n, d). The mean gradient is that of KL(p_D|p_theta) - KL(q_theta|p_theta).
    Convention: Du et al. 2021 write -H(q) for the mean of log q(x').
    Source: Hinton 2002, eq. 5; Du et al. 2021, section 3
    """
    return energy(x) - energy(held(x_model)) - (held_energy(x_model) + log_q(x_model))
