r"""Score matching with derivatives of higher order: with squared slopes of the score, or higher ones of the density.

`score` is any field x -> (n, d); for a model with an energy it is ``score_of(energy)``. s stands for score(x).
Errors, in all of them: E-NDIM, E-EMPTY, E-FINITE, E-DTYPE for the arrays, E-CALLABLE for a callable that returns a
wrong shape. A NaN that a callable returns stays in its row.
"""

from math import comb

import autograd.numpy as np

from refebm.calculus import derivatives_along_axes, field_and_diagonal, field_and_divergence, laplacian
from refebm.glossary import Bits, Energy, Field, Levels, Loss, Order, Points, rows
from refebm.objectives.notation import squared_norm


@rows
def regularised_score_matching(score: Field, x: Points, sigma: Levels) -> Loss:
    r"""1/2 |s|^2 + tr(grad s) + sigma^2/2 sum_i (d_i s_i)^2, (n,): implicit score matching with penalised slopes.

    $$\tfrac12 |s(x)|^2 + \operatorname{tr} \nabla s(x) + \tfrac{\sigma^2}{2} \sum_i (\partial_i s_i(x))^2$$

    Implicit score matching at noisy points x + sigma z, in the mean over z and up to order sigma^2, has these terms
    and others: kept are those that need only the diagonal of grad s. The dropped terms,
    sigma^2/2 [sum_{i != j} (d_j s_i)^2 + s.Lap s + Lap div s], are not zero, even for the true score; the last two
    have the mean sigma^2/2 E_p[(s - s_p).Lap s].
    score (n, d) -> (n, d); x (n, d); sigma > 0, a float or (n,). It takes d pull-backs.
    Convention: Kingma and LeCun write lambda for our sigma^2/2.
    Source: Kingma and LeCun 2010, section 3
    """
    s, slopes = field_and_diagonal(score, x)
    return np.sum(0.5 * s**2 + slopes + 0.5 * sigma**2 * slopes**2, axis=1)


@rows
def higher_order_score_matching(score: Field, x: Points, order: Order) -> Loss:
    r"""sum_i 1/2 r_m^2 - (-1)^m d_i^m r_m, (n,), m = order, where r_1 = s_i and r_{j+1} = d_i r_j + s_i r_j.

    $$\sum_i \left[\tfrac12 r_m^2 - (-1)^m \partial_i^m r_m\right],\quad r_1 = s_i, \ r_{j+1} = \partial_i r_j
    + s_i r_j$$

    For s = grad log q, r_m is (d_i^m q)/q, and the mean is 1/2 E_p sum_i [(d_i^m p)/p - (d_i^m q)/q]^2, up to a
    constant: Lyu's generalised score matching with the operators d_i^m. m = 1 is implicit score matching.
    score (n, d) -> (n, d); x (n, d); order 1 to 8. For each coordinate i it takes the nested derivatives of s_i along
    axis i up to order 2m - 1.
    Domain: (d_i^j p) d_i^{m-1-j} r_m must vanish at the ends of each line, for j < m.
    Convention: Parry, Dawid and Lauritzen call this the scoring rule of order 2m; none has odd order.
    Source: Lyu 2009, section 4; Parry, Dawid and Lauritzen 2012, section 6
    """
    return sum(on_a_line(slopes, order) for slopes in derivatives_along_axes(score, x, 2 * order))


def on_a_line(s: list, m: int) -> Loss:
    r"""1/2 r_m^2 - (-1)^m r_m^(m), (n,); s is [s_i, s_i', s_i'', ...], along axis i, up to the derivative 2m - 1."""
    r = derivatives_of_quotient(s, m)
    return 0.5 * r[0] ** 2 - (-1) ** m * r[m]


def derivatives_of_quotient(s: list, m: int) -> list:
    r"""[r_m, r_m', ..., r_m^(m)], by r_{j+1} = r_j' + s r_j."""
    r = s
    for _ in range(m - 1):
        r = [r[j + 1] + product_rule(s, r, j) for j in range(len(r) - 1)]
    return r


def product_rule(s: list, r: list, j: int) -> np.ndarray:
    r"""(s r)^(j) = sum_k binom(j, k) s^(k) r^(j - k)."""
    return sum(comb(j, k) * s[k] * r[j - k] for k in range(j + 1))


@rows
def laplacian_score_matching(score: Field, x: Points) -> Loss:
    r"""1/2 r^2 - Lap r, (n,), with r = |s|^2 + div s.

    $$\tfrac12 r^2 - \Delta r,\quad r = |s|^2 + \operatorname{div} s$$

    For s = grad log q, r is (Lap q)/q, and the mean is 1/2 E_p[(Lap p)/p - (Lap q)/q]^2, up to a constant: Lyu's
    generalised score matching with the Laplacian, which is its own adjoint. score (n, d) -> (n, d); x (n, d). It takes
    d^2 pull-backs. Domain: p grad r - r grad p must vanish at infinity.
    Source: Lyu 2009, section 4
    """

    def r(x):
        s, divergence = field_and_divergence(score, x)
        return squared_norm(s) + divergence

    return 0.5 * r(x) ** 2 - laplacian(r, x)


@rows
def marginalisation_score_matching(energy: Energy, x: Bits) -> Loss:
    r"""sum_i 1/2 exp(2 a_i) - exp(-a_i) - 3/2, (n,), a_i = E(x) - E(x^{-i}), where x^{-i} is x with bit i flipped.

    $$\sum_i \left[\tfrac12 e^{2 a_i} - e^{-a_i} - \tfrac32\right],\quad a_i = E(x) - E(x^{-i})$$

    The mean is 1/2 E_p sum_i [1/p(x_i | x_{-i}) - 1/q(x_i | x_{-i})]^2, up to a constant: Lyu's generalised score
    matching with the operators that sum over bit i. Unlike `ratio_matching` it is unbounded: it grows as the square of
    the odds q(x^{-i})/q(x). energy (n, d) -> (n,); x (n, d), zeros and ones.
    Source: Lyu 2009, section 4
    """
    gaps = (energy(x) - energy(np.abs(x - bit)) for bit in np.eye(x.shape[1]))
    return sum(0.5 * np.exp(2 * a) - np.exp(-a) - 1.5 for a in gaps)
