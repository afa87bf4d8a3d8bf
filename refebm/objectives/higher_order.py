r"""Score matching with derivatives of higher order: of the score's slopes, or of the density beyond its gradient.

`score` is any field x -> (n, d); for a model with an energy it is ``score_of(energy)``. s stands for score(x).
Errors, in all of them: E-NDIM, E-EMPTY, E-FINITE, E-DTYPE for the arrays, E-CALLABLE for a callable that returns
another shape. A NaN that a callable returns stays in its row.
"""

import autograd.numpy as np

from refebm.calculus import field_and_diagonal
from refebm.glossary import Field, Levels, Loss, Points, rows


@rows
def regularised_score_matching(score: Field, x: Points, sigma: Levels) -> Loss:
    r"""1/2 |s|^2 + tr(grad s) + sigma^2/2 sum_i (d_i s_i)^2, (n,): implicit score matching that is smoothed a little.

    $$\tfrac12 |s(x)|^2 + \operatorname{tr} \nabla s(x) + \tfrac{\sigma^2}{2} \sum_i (\partial_i s_i(x))^2$$

    The part of E_z[implicit score matching at x + sigma z], to the order of sigma^2, that takes one Hessian diagonal.
    What is dropped of that order, sigma^2/2 [sum_{i != j} (d_j s_i)^2 + s.Lap s + Lap div s], is not zero, not even
    at the truth; its last two terms have the mean sigma^2/2 E_p[(s - s_p).Lap s].
    score (n, d) -> (n, d); x (n, d); sigma > 0, a float or (n,). d pull-backs. Errors: E-POSITIVE, E-SHAPE.
    Convention: Kingma and LeCun write lambda for our sigma^2/2.
    Source: Kingma and LeCun 2010, section 3
    """
    s, slopes = field_and_diagonal(score, x)
    return np.sum(0.5 * s**2 + slopes + 0.5 * sigma**2 * slopes**2, axis=1)
