r"""Pairs of chains that meet: unbiased estimates of a mean under the invariant law, from chains of finite length.

The chains X and Y have the same kernel and the same law of the start. They move jointly, X one step ahead, by a coupled
kernel that lets them meet and keeps them together afterwards. After the meeting the differences h(X_t) - h(Y_{t-1}) are
zero, so that the sum of all differences, which corrects the bias of h(X_k), is finite.
Gibbs chains of a restricted Boltzmann machine are coupled by using the same noise for both, which makes each unit agree
as often as two Bernoulli laws can:
``lambda v, w, u_h, u_v: (gibbs_step(rbm, v, u_h, u_v), gibbs_step(rbm, w, u_h, u_v))``.
"""

from typing import NamedTuple

import autograd.numpy as np

from refebm.calculus import held
from refebm.glossary import (
    CountOrNone,
    CoupledTransition,
    DomainError,
    Energy,
    Flag,
    Generated,
    InputError,
    Loss,
    Noise,
    Points,
    ProposalScale,
    Rows,
    Statistic,
    Tape,
    Trajectory,
    Uniform,
    kept,
    rows,
)
from refebm.objectives.notation import dot, squared_norm
from refebm.progress import counted
from refebm.samplers.step import Step, accept


class CoupledChains(NamedTuple):
    """x: X_0, ..., X_T, (T + 1, n, d); y: Y_0, ..., Y_{T - 1}, (T, n, d); meeting: the times tau (n,), 0 if not met."""

    x: np.ndarray
    y: np.ndarray
    meeting: np.ndarray


@rows
def coupled_metropolis_step(
    energy: Energy, x: Points, y: Generated, scale: ProposalScale, z: Noise, u_meet: Uniform, u: Uniform
) -> tuple[Step, Step]:
    r"""Random walks from x and y whose proposals agree with the largest possible probability, accepted by the same u.

    $$x' = x + \sigma z,\ y' = x' \text{ if } u_{\text{meet}}\, \phi(z) < \phi(z + g), \ \text{else } y + \sigma
    (z - 2 (e \cdot z) e),\ g = \frac{x - y}{\sigma},\ e = \frac g{|g|}$$

    sigma = scale, g = (x - y)/sigma, e = g/|g|, phi the density of z. Each chain by itself makes a `metropolis_step`:
    y' - y is normal too. The proposals agree with probability 2 Phi(-|g|/2); otherwise y' - y is the mirror image of
    x' - x. Equal states stay equal. energy (n, d) -> (n,); x, y, z (n, d), z unit normal; scale > 0; u_meet, u (n,) in
    (0, 1), independent. Returns a `Step` for each chain.
    Source: Jacob, O'Leary and Atchade 2020, section 4 and algorithm 2 (reflection: Bou-Rabee, Eberle and Zimmer 2020)
    """
    gap = (x - y) / scale
    meets = np.log(u_meet) < 0.5 * squared_norm(z) - 0.5 * squared_norm(z + gap)
    proposal = x + scale * z
    other = np.where(meets[:, None], proposal, y + scale * reflected(z, gap))
    return accepted(energy, x, proposal, u), accepted(energy, y, other, u)


def reflected(z: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """z - 2 (e.z) e, e = gap/|gap|: z reflected in the hyperplane orthogonal to the gap."""
    size = np.max(np.abs(gap), axis=1)[:, None]  # in units of which the gap has a square
    e = gap / np.where(size > 0, size, 1.0)
    length = squared_norm(e)
    return z - (2 * dot(e, z) / np.where(length > 0, length, 1.0))[:, None] * e


def accepted(energy, x: np.ndarray, proposal: np.ndarray, u: np.ndarray) -> Step:
    there = energy(proposal)
    return accept(x, proposal, there, there - energy(x), u)


@rows
def coupled_chains(
    coupled_step: CoupledTransition, x: Points, y: Generated, m: CountOrNone, tape: Tape, *, progress: Flag = False
) -> CoupledChains:
    r"""X_1 from X_0 = x, then (X_{t+1}, Y_t) from (X_t, Y_{t-1}), Y_0 = y, until all pairs have met and X_m is reached.

    $$(X_{t+1}, Y_t) \sim \bar P((X_t, Y_{t-1}), \cdot),\quad \tau = \min\{t \ge 1: X_t = Y_{t-1}\}$$

    coupled_step: x, y (n, d), noise -> (Step, Step), which must keep equal states equal; X_1 is the first state of
    coupled_step(x, x, ...). x, y (n, d), drawn from the same law, or the same data points; m >= 0; tape: an array, or a
    tuple of arrays, one for each argument after y. Their first axis is time, and its length the largest number of
    steps. Memory is O(T n d) for T steps.
    Errors: E-TAPE for fewer than m steps; DomainError E-MEETING if some pairs have not met when the tape ends (the
    attribute ``chains`` of the error holds the chains so far: use a longer tape, or start new chains from their ends).
    Source: Jacob, O'Leary and Atchade 2020, section 2.1; Qiu, Zhang and Wang 2020, algorithm 1
    """
    if len(tape[0]) < m:
        raise InputError("E-TAPE", f"tape must have at least m = {m} steps; got {len(tape[0])}")
    here, there, meeting = [kept(x)], [kept(y)], np.zeros(len(x), dtype=int)
    for noise in counted(zip(*tape), len(tape[0]), progress):
        if len(here) == 1:
            here.append(coupled_step(x, x, *noise)[0].x)
        else:
            first, second = coupled_step(here[-1], there[-1], *noise)
            here.append(first.x)
            there.append(second.x)
        met = np.all(here[-1] == there[-1], axis=1)
        meeting = np.where((meeting == 0) & met, len(here) - 1, meeting)
        if np.all(meeting > 0) and len(here) > m:
            break
    chains = CoupledChains(np.stack(here), np.stack(there), meeting)
    if not np.all(meeting > 0):
        raise apart(chains)
    return chains


def apart(chains: CoupledChains) -> DomainError:
    """The error for chains that have not met; its attribute `chains` holds them."""
    met = chains.meeting > 0
    gaps = np.max(np.abs(chains.x[-1] - chains.y[-1])[~met], axis=1)
    lost = np.sum(~np.isfinite(gaps))  # a chain that is no longer finite meets nobody
    words = f"{lost} of them are lost, not finite" if lost else f"the nearest is {np.min(gaps):.3g} apart"
    error = DomainError(
        "E-MEETING",
        f"{np.sum(~met)} of {len(met)} pairs of chains have not met in {len(chains.y)} steps, {words}; the attribute "
        f"chains of this error holds them: give a {'shorter step' if lost else 'longer tape'}",
    )
    error.chains = chains
    return error


@rows
def unbiased_mean(function: Statistic, x: Trajectory, y: Trajectory, k: CountOrNone, m: CountOrNone) -> Rows:
    r"""H_{k:m}, (n,): the mean of h(X_k), ..., h(X_m), plus differences of the coupled chains that remove its bias.

    $$\sum_{l=k}^m \frac{h(X_l)}{m - k + 1} + \sum_{t>k} \min(1, \tfrac{t - k}{m - k + 1}) [h(X_t) - h(Y_{t-1})]$$

    It is the mean of H_k, ..., H_m, where H_k = h(X_k) + sum_{t=k+1}^{tau-1} [h(X_t) - h(Y_{t-1})]. For every k its
    expectation is that of h under the law that the kernel leaves invariant. From the meeting on all terms of the second
    sum are zero. If the chains are cut off before they meet, the expectation is E[h(X_T)] instead.
    function = h: (n, d) -> (n,); x (T + 1, n, d), y (T, n, d), as `coupled_chains` returns them; 0 <= k <= m <= T.
    Source: Jacob, O'Leary and Atchade 2020, eqs. 2.1 and 2.2
    """
    if np.shape(y) != (len(x) - 1, *np.shape(x)[1:]):
        raise InputError("E-SHAPE", f"y must be one state shorter than x, {np.shape(x)}; got {np.shape(y)}")
    if not k <= m < len(x):
        raise InputError("E-COUNT", f"k <= m <= T must hold, with T = {len(x) - 1}; got k = {k}, m = {m}")
    average = sum(function(x[t]) for t in range(k, m + 1)) / (m - k + 1)
    gaps = ((t, function(x[t]) - function(y[t - 1])) for t in range(k + 1, len(x)))
    return average + sum(min(1.0, (t - k) / (m - k + 1)) * gap for t, gap in gaps)


@rows
def unbiased_contrastive_divergence(
    energy: Energy, x: Points, chain: Trajectory, lagged: Trajectory, k: CountOrNone, m: CountOrNone
) -> Loss:
    r"""E(x) - H_{k:m}(E), (n,), the chains held constant: its mean gradient is that of the negative log-likelihood.

    $$E(x) - H_{k:m}(E),\quad \mathbb E\, \nabla_\theta[E(x) - H_{k:m}(E)] = \nabla_\theta E(x) - \mathbb E_{p_\theta}
    \nabla_\theta E$$

    Contrastive divergence uses E(X_k), although the law of X_k is not yet the model; the differences of the coupled
    chains remove that bias. energy (n, d) -> (n,); x (n, d); chain (T + 1, n, d), lagged (T, n, d): x and y of
    `coupled_chains`, made by steps that leave the model invariant; 0 <= k <= m <= T. The value itself is not a
    likelihood.
    Source: Qiu, Zhang and Wang 2020, section 3
    """
    return energy(x) - unbiased_mean(energy, held(chain), held(lagged), k, m)
