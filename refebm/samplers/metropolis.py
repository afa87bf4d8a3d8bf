r"""Metropolis-Hastings: propose, then accept with probability min(1, p(x') q(x|x') / (p(x) q(x'|x))).

p = exp(-E)/Z; only E is needed. Errors: E-POSITIVE for step sizes, E-UNIFORM for u outside (0, 1), E-SHAPE.
"""

import autograd.numpy as np

from refebm.calculus import energy_and_score
from refebm.glossary import Energy, LangevinStep, Noise, ProposalScale, States, Uniform
from refebm.objectives.notation import squared_norm
from refebm.samplers.step import Step, accept, kernel


@kernel
def metropolis_step(energy: Energy, x: States, scale: ProposalScale, z: Noise, u: Uniform) -> Step:
    r"""A random walk: x' = x + scale z, accepted where log u < min(0, E(x) - E(x')).

    $$x' = x + \text{scale}\, z,\quad a = \min(1, e^{E(x) - E(x')})$$

    energy (n, d) -> (n,); x, z (n, d), z unit normal; scale > 0; u (n,) in (0, 1).
    Also: MH, Metropolis-Hastings, random walk Metropolis, MCMC
    Source: HY-673 lecture 12, sampling from EBMs: MH-MCMC; Hastings 1970, eq. 8
    """
    proposal = x + scale * z
    there = energy(proposal)
    return accept(x, proposal, there, there - energy(x), u)


@kernel
def mala_step(energy: Energy, x: States, eta: LangevinStep, z: Noise, u: Uniform) -> Step:
    r"""x' = x + eta s(x) + sqrt(2 eta) z, accepted where log u < E(x) - E(x') + 1/2 |z|^2 - 1/2 |z'|^2.

    $$x' = x + \eta s(x) + \sqrt{2\eta}\, z,\quad a = \min(1, e^{E(x) - E(x') + |z|^2/2 - |z'|^2/2}),
    \ z' = \frac{x - x' - \eta s(x')}{\sqrt{2\eta}}$$

    z' = (x - x' - eta s(x'))/sqrt(2 eta) is the noise that leads back, s = -grad E.
    energy (n, d) -> (n,); x, z (n, d), z unit normal; eta > 0; u (n,) in (0, 1).
    Also: MALA, Metropolis-adjusted Langevin
    Source: Besag 1994; Song and Kingma 2021, section 3; Roberts and Tweedie 1996, section 1.4
    """
    here, s = energy_and_score(energy, x)
    move = eta * s + np.sqrt(2 * eta) * z
    proposal = x + move
    there, s_there = energy_and_score(energy, proposal)
    z_back = -(move + eta * s_there) / np.sqrt(2 * eta)  # -move, since x - x' would have the roundoff of a large x
    return accept(x, proposal, there, there - here + 0.5 * squared_norm(z_back) - 0.5 * squared_norm(z), u)
