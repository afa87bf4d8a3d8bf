r"""Hamiltonian Monte Carlo with unit mass: H(x, p) = E(x) + 1/2 |p|^2, dx/dt = p, dp/dt = s(x) = -grad E(x)."""

from refebm.calculus import energy_and_score
from refebm.glossary import Energy, Field, Noise, Points, States, StepCount, StepSize, Uniform, Vectors, rows
from refebm.objectives.notation import squared_norm
from refebm.samplers.step import Step, accept, kernel


@rows
def leapfrog(score: Field, x: Points, p: Noise, eps: StepSize, n_steps: StepCount) -> tuple[Vectors, Vectors]:
    r"""(x, p) after n_steps steps, each half a step in p, a step in x, half a step in p; adjacent halves are joined.

    $$p \leftarrow p + \tfrac\epsilon2 s(x),\ x \leftarrow x + \epsilon p,\ p \leftarrow p + \tfrac\epsilon2 s(x)$$

    score (n, d) -> (n, d); x, p (n, d); eps > 0; n_steps >= 1. Reversible and volume-preserving.
    Also: Verlet, Stormer-Verlet
    Source: Neal 2011, eqs. 2.28 to 2.30
    """
    p = p + 0.5 * eps * score(x)
    for _ in range(n_steps - 1):
        x = x + eps * p
        p = p + eps * score(x)
    x = x + eps * p
    return x, p + 0.5 * eps * score(x)


@kernel
def hmc_step(energy: Energy, x: States, eps: StepSize, n_steps: StepCount, p: Noise, u: Uniform) -> Step:
    r"""The end x' of a leapfrog path from x with momentum p, accepted where log u < H(x, p) - H(x', p').

    $$(x', p') = \Phi_\epsilon^n(x, p),\quad a = \min(1, e^{H(x, p) - H(x', p')}),\ H = E(x) + \tfrac12 |p|^2$$

    energy (n, d) -> (n,); x, p (n, d), p unit normal; eps > 0; n_steps >= 1; u (n,) in (0, 1). With n_steps = 1 it is
    `mala_step` with eta = eps^2/2 and z = p. A row whose path diverges is rejected, and does not affect other rows.
    Also: HMC, Hamiltonian Monte Carlo, hybrid Monte Carlo
    Source: Neal 2011, section 3.2; Duane et al. 1987
    """
    end, p_end = leapfrog(lambda x: energy_and_score(energy, x)[1], x, p, eps, n_steps)
    here, there = energy(x) + 0.5 * squared_norm(p), energy(end) + 0.5 * squared_norm(p_end)
    return accept(x, end, there, there - here, u)
