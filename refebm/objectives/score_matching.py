r"""Score matching: fit the score of a model, which needs no normaliser, without knowing the score of the data.

Every objective keeps the 1/2 of the Fisher divergence (dataflowr module 18a and Das 2021 omit it: twice ours).
`score` is any field x -> (n, d); for a model with an energy it is ``score_of(energy)``. s stands for score(x).
Errors, in all of them: E-NDIM, E-EMPTY, E-FINITE, E-DTYPE, E-SHAPE and E-POSITIVE for the arrays, E-CALLABLE for a
callable that returns a wrong shape. A NaN that a callable returns stays in its row.
"""

import autograd.numpy as np

from refebm.calculus import field_and_derivative, field_and_diagonal, field_and_divergence, jacobian_vector_product
from refebm.glossary import (
    Bits,
    DataScore,
    Energy,
    Field,
    Loss,
    Points,
    PositivePoints,
    Projections,
    Rows,
    StepSize,
    rows,
    squarable,
)
from refebm.objectives.notation import dot, mean_over_projections, see_step, squared_norm
from refebm.special import expit


@rows
def explicit_score_matching(score: Field, data_score: DataScore, x: Points) -> Loss:
    r"""1/2 |s_p(x) - s(x)|^2, (n,). Its mean under p is the Fisher divergence D_F(p, q) if s = grad log q.

    $$\tfrac12 |s_p(x) - s(x)|^2,\qquad D_F(p, s) = \tfrac12 \mathbb E_p|s_p - s|^2$$

    score, data_score (n, d) -> (n, d); x (n, d), drawn from p, whose score is data_score.
    Convention: with the 1/2; module 18a and Das 2021 print |s_p - s|^2.
    Also: ESM, Fisher divergence
    Source: Hyvarinen 2005, eq. 2; Song and Kingma 2021, eq. 7
    """
    return 0.5 * squared_norm(data_score(x) - score(x))


@rows
def implicit_score_matching(score: Field, x: Points) -> Loss:
    r"""1/2 |s|^2 + tr(grad s), (n,), with the exact trace. Its mean is the explicit objective's less 1/2 E|s_p|^2.

    $$\tfrac12 |s(x)|^2 + \operatorname{tr} \nabla s(x)$$

    >>> refebm.implicit_score_matching(lambda x: -x, np.array([[1.0, 2.0], [0.0, 0.0]]))  # |x|^2/2 - d
    array([ 0.5, -2. ])

    score (n, d) -> (n, d), not necessarily a gradient; x (n, d). It takes d pull-backs; `field_and_divergence` states
    the memory.
    Domain: p s must vanish at the ends of the support, else the explicit objective differs by a boundary term too: on
    x > 0 it is larger by p(0+) s(0+).
    Convention: a 1/2 on the square and none on the trace; module 18a prints twice this.
    Also: ISM, exact score matching, Hyvarinen's score
    Source: Hyvarinen 2005, eq. 4; Song and Kingma 2021, eq. 8
    """
    s, trace = field_and_divergence(score, x)
    return 0.5 * squared_norm(s) + trace


@rows
@mean_over_projections
def explicit_sliced(score: Field, data_score: DataScore, x: Points, v: Projections) -> Loss:
    r"""1/2 (v.s_p - v.s)^2, (n,), mean over the m projections. Its mean is the sliced Fisher divergence.

    $$\tfrac1{2m} \sum_k (v_k \cdot s_p(x) - v_k \cdot s(x))^2$$

    x (n, d); v (n, d) or (m, n, d) with E[v v^T] = I.
    Source: Song and Kingma 2021, section 4.2; Song, Garg, Shi and Ermon 2019, section 3
    """
    return 0.5 * dot(v, data_score(x) - score(x)) ** 2


@rows
@mean_over_projections
def hutchinson_divergence(field: Field, x: Points, v: Projections) -> Rows:
    r"""v^T grad s v, (n,), mean over the m projections: unbiased for div s when E[v v^T] = I.

    $$\tfrac1m \sum_k v_k^\top \nabla s(x)\, v_k,\qquad \mathbb E[v_k v_k^\top] = I$$

    x (n, d); v (n, d) or (m, n, d). One forward-mode pass per projection.
    Also: Hutchinson's trace estimator, Skilling-Hutchinson
    Source: Song and Kingma 2021, section 4.2; Hutchinson 1989
    """
    return dot(v, jacobian_vector_product(field, x, v))


@rows
@mean_over_projections
def sliced_score_matching(score: Field, x: Points, v: Projections) -> Loss:
    r"""v^T grad s v + 1/2 (v.s)^2, (n,), mean over the m projections. Its mean over v is the implicit objective.

    $$\tfrac1m \sum_k \left[v_k^\top \nabla s(x)\, v_k + \tfrac12 (v_k \cdot s(x))^2\right]$$

    >>> x, v = np.array([[1.0, 2.0]]), np.array([[1.0, -1.0]])
    >>> refebm.sliced_score_matching(lambda x: -x, x, v)  # -|v|^2 + (v.x)^2/2
    array([-1.5])

    x (n, d); v (n, d) or (m, n, d) with E[v v^T] = I (Rademacher, standard normal, or of length sqrt(d)).
    With any other positive definite E[v v^T] it is still consistent, but its mean is no longer the implicit objective
    (Song and Kingma 2021).
    Also: SSM
    Source: Song and Kingma 2021, eq. 15; Song, Garg, Shi and Ermon 2019, section 3
    """
    s, slope = field_and_derivative(score, x, v)
    return dot(v, slope) + 0.5 * dot(v, s) ** 2


@rows
@mean_over_projections
def sliced_score_matching_vr(score: Field, x: Points, v: Projections) -> Loss:
    r"""v^T grad s v + 1/2 |s|^2, (n,), mean over the m projections: sliced score matching with the exact |s|^2.

    $$\tfrac12 |s(x)|^2 + \tfrac1m \sum_k v_k^\top \nabla s(x)\, v_k$$

    x (n, d); v (n, d) or (m, n, d) with E[v v^T] = I.
    Also: SSM-VR
    Source: Song and Kingma 2021, eq. 17; Song, Garg, Shi and Ermon 2019, section 3
    """
    s, slope = field_and_derivative(score, x, v)
    return dot(v, slope) + 0.5 * squared_norm(s)


@rows
@mean_over_projections
def finite_difference_sliced(energy: Energy, x: Points, eps: StepSize, v: Projections) -> Loss:
    r"""[f(x+eps v) + f(x-eps v) - 2 f(x)]/eps^2 + [f(x+eps v) - f(x-eps v)]^2/(8 eps^2), f = -E, (n,).

    $$\tfrac1m \sum_k \left[\frac{f_k^+ + f_k^- - 2 f(x)}{\epsilon^2}
    + \frac{(f_k^+ - f_k^-)^2}{8 \epsilon^2}\right],\ f_k^\pm = f(x \pm \epsilon v_k),\ f = -E$$

    It is sliced score matching up to an error of order eps^2 and a few roundoffs of E/eps^2, and takes no derivative.
    energy (n, d) -> (n,); x (n, d); eps > 0, a float; v (n, d) or (m, n, d).
    Errors: DomainError E-ROUNDOFF for an eps so small that x + eps v rounds most of
    the step away.
    Also: FD-SSM
    Source: Pang, Xu, Li, Song, Ermon and Zhu 2020, FD-SSM
    """
    squarable("eps", eps)
    see_step("eps", x, eps * v)
    ahead, here, behind = -energy(x + eps * v), -energy(x), -energy(x - eps * v)
    return (ahead + behind - 2 * here) / eps**2 + (ahead - behind) ** 2 / (8 * eps**2)


@rows
def nonnegative_score_matching(score: Field, x: PositivePoints) -> Loss:
    r"""sum_i 2 x_i s_i + x_i^2 d_i s_i + 1/2 x_i^2 s_i^2, (n,), for x > 0.

    $$\sum_i \left[2 x_i s_i + x_i^2\, \partial_i s_i + \tfrac12 x_i^2 s_i^2\right]$$

    Its mean is that of 1/2 sum_i x_i^2 (s_p - s)_i^2 minus the constant 1/2 E_p[sum_i x_i^2 (s_p)_i^2]. The weight
    x_i^2 removes the boundary term at 0, so that this holds for every Gamma density; there the constant is
    (1 + shape)/2 per coordinate. score (n, d) -> (n, d); x (n, d), positive.
    Source: Hyvarinen 2007b, non-negative score matching
    """
    s, diagonal = field_and_diagonal(score, x)
    return np.sum(2 * x * s + x**2 * diagonal + 0.5 * x**2 * s**2, axis=1)


@rows
def ratio_matching(energy: Energy, x: Bits) -> Loss:
    r"""sum_i sigmoid(E(x) - E(x^{-i}))^2, (n,), where x^{-i} is x with bit i flipped.

    $$\sum_i \operatorname{sigmoid}(E(x) - E(x^{-i}))^2$$

    energy (n, d) -> (n,); x (n, d), zeros and ones.
    Source: Hyvarinen 2007b, ratio matching
    """
    flipped = (np.abs(x - bit) for bit in np.eye(x.shape[1]))
    return sum(expit(energy(x) - energy(x_i)) ** 2 for x_i in flipped)
