r"""Other discrepancies: Stein's, minimum probability flow, minimum velocity.

Errors: as in score matching.
"""

import autograd.numpy as np

from refebm.calculus import field_and_divergence
from refebm.glossary import Bandwidth, Bits, Energy, Field, Flag, InputError, Loss, Noise, Points, StepSize, rows
from refebm.objectives.notation import dot, see_step, squared_norm

ENTRIES = 2**20  # the most differences x_i - x_j, times d, in memory at once, unless one row has more


@rows
def stein_discrepancy(score: Field, field: Field, x: Points) -> Loss:
    r"""s.g + div g, (n,), for the score s of q and a test field g: its mean under p is zero for all g only if p = q.

    $$s(x) \cdot g(x) + \operatorname{div} g(x)$$

    The supremum of the mean over g in the unit ball of L2(p) is sqrt(2 D_F), reached at g proportional to s - s_p; over
    the unit ball of a reproducing kernel Hilbert space it is the kernel Stein discrepancy.
    score, field (n, d) -> (n, d); x (n, d), drawn from p.
    Also: Stein's operator
    Source: Gorham and Mackey 2015, section 2; Liu, Lee and Jordan 2016, eq. 3
    """
    g, divergence = field_and_divergence(field, x)
    return dot(score(x), g) + divergence


@rows
def kernel_stein(score: Field, x: Points, bandwidth: Bandwidth, unbiased: Flag = True) -> float:
    r"""The mean over pairs of u(x, y) = k [s.t + (s - t).(x - y)/l^2 + d/l^2 - |x - y|^2/l^4], s = s(x), t = s(y).

    $$\frac1{n(n - 1)} \sum_{i \ne j} u(x_i, x_j),\ u = k \left[s \cdot t + \frac{(s - t) \cdot (x - y) + d}{l^2}
    - \frac{|x - y|^2}{l^4}\right],\ k = e^{-|x - y|^2/(2 l^2)}$$

    k = exp(-|x - y|^2/(2 l^2)), l = bandwidth > 0. It estimates the squared kernel Stein discrepancy. If `unbiased`,
    the mean is over pairs of different rows (a U-statistic, which may be negative), else over all pairs (a V-statistic,
    never negative). It is computed with 2 s.(x - y) for (s - t).(x - y), which has the same sum over pairs. Memory is
    O(n d), for a gradient O(n^2 + n d).
    score (n, d) -> (n, d); x (n, d), drawn from p.
    Errors: E-EMPTY for one row if unbiased.
    Also: KSD, kernel Stein discrepancy
    Source: Liu, Lee and Jordan 2016, theorem 3.6; Chwialkowski, Strathmann and Gretton 2016, section 2
    """
    s, ell, (n, d) = score(x), bandwidth, x.shape
    if unbiased and n < 2:
        raise InputError("E-EMPTY", "x must have at least two rows for the mean over pairs of different rows")
    total, size = 0.0, max(1, ENTRIES // (n * d))
    for block in (slice(i, i + size) for i in range(0, n, size)):
        r = np.clip((x[block, None] - x) / ell, -100, 100)  # k is 0 beyond 100: clipping only prevents overflow
        squares = np.einsum("bnd,bnd->bn", r, r)
        k = np.exp(-0.5 * squares)
        if unbiased:
            k = k * (np.arange(n)[block, None] != np.arange(n))
        pull = np.einsum("bn,bnd->bd", k, r)
        total = total + np.sum(s[block] * (np.dot(k, s) + 2 * pull / ell)) + np.sum(k * (d - squares)) / ell / ell
    return total / (n * (n - 1)) if unbiased else total / n**2


@rows
def minimum_probability_flow(energy: Energy, x: Bits) -> Loss:
    r"""sum_i exp(1/2 (E(x) - E(x^{-i}))), (n,), where x^{-i} is x with bit i flipped: the flow out of x.

    $$\sum_i e^{(E(x) - E(x^{-i}))/2}$$

    energy (n, d) -> (n,); x (n, d), zeros and ones.
    Convention: the sum is over all neighbours x^{-i}, which is the source's objective for a distribution of full
    support, and consistent. For a data set the source omits neighbours that are data points: a different objective,
    with a different minimiser.
    Also: MPF
    Source: Sohl-Dickstein, Battaglino and DeWeese 2011, eq. 12
    """
    flipped = (np.abs(x - bit) for bit in np.eye(x.shape[1]))
    return sum(np.exp(0.5 * (energy(x) - energy(x_i))) for x_i in flipped)


@rows
def minimum_probability_flow_continuous(energy: Energy, x: Points, eps: StepSize, z: Noise) -> Loss:
    r"""exp(1/2 (E(x) - E(x + eps z))), (n,): its mean over z is 1 + (eps^2/4) J + O(eps^4).

    $$e^{(E(x) - E(x + \epsilon z))/2}$$

    J is `implicit_score_matching` at x, of s = -grad E.
    energy (n, d) -> (n,); x, z (n, d), z unit normal, or any symmetric noise of covariance I; eps > 0.
    Errors: DomainError E-ROUNDOFF for an eps so small that x + eps z rounds most of the step away.
    Source: Sohl-Dickstein, Battaglino and DeWeese 2011, appendix
    """
    see_step("eps", x, eps * z)
    return np.exp(0.5 * (energy(x) - energy(x + eps * z)))


@rows
def minimum_velocity(score: Field, x: Points) -> Loss:
    r"""|s|^2 + 2 div s, (n,): twice implicit score matching.

    $$|s(x)|^2 + 2 \operatorname{div} s(x)$$

    Its mean is E|s - s_p|^2 - E|s_p|^2; s - s_p is the velocity at which the model's Langevin dynamics moves the law of
    the data. score (n, d) -> (n, d); x (n, d).
    Also: MVL, Wasserstein minimum velocity
    Source: Movellan 2008, section 3; Wang, Cheng, Li, Zhu and Zhang 2020
    """
    s, divergence = field_and_divergence(score, x)
    return squared_norm(s) + 2 * divergence
