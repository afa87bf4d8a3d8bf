r"""Flow matching along straight lines x_t = (1 - t) x + t z, from data at t = 0 to unit normal noise at t = 1.

A velocity u(x, t), (n, d), (n,) -> (n, d), carries the law of the data into noise, and back. In terms of diffusions
m(t) = 1 - t and std(t) = t. The velocity determines the score of the law of x_t for t > 0, and the score determines the
velocity for t < 1.
Errors: as in score matching; E-TIME for t outside [0, 1], or where a conversion is not defined.
"""

import autograd.numpy as np

from refebm.glossary import InputError, Loss, Noise, Points, TimeField, Times, Vectors, rows
from refebm.objectives.notation import squared_norm


@rows
def flow_matching(velocity: TimeField, x: Points, z: Noise, t: Times) -> Loss:
    r"""1/2 |u((1 - t) x + t z, t) - (z - x)|^2, (n,). Its minimiser is E[z - x | x_t], the velocity of the law of x_t.

    $$\tfrac12 \left|u((1 - t)\, x + t\, z,\, t) - (z - x)\right|^2$$

    velocity(x, t) (n, d), (n,) -> (n, d); x, z (n, d); t a float or (n,).
    Convention: with the 1/2, and data at t = 0, as everywhere here. The sources have data at t = 1: their velocity at
    time t is minus this one at 1 - t.
    Also: rectified flow, CFM, conditional flow matching
    Source: Lipman et al. 2023, eqs. 9 and 23; Liu, Gong and Liu 2023, eq. 1
    """
    s = t[:, None]
    return 0.5 * squared_norm(velocity((1 - s) * x + s * z, t) - (z - x))


@rows
def flow_velocity(score: TimeField, x: Points, t: Times) -> Vectors:
    r"""-(x + t s(x, t))/(1 - t), (n, d): the velocity of straight lines, from the score s of the law of x_t.

    $$-\frac{x + t\, s(x, t)}{1 - t}$$

    score(x, t) (n, d), (n,) -> (n, d); x (n, d), noisy points; t a float or (n,), in [0, 1).
    Source: Lipman et al. 2023, eqs. 8 and 20, with Tweedie's formula; Albergo, Boffi and Vanden-Eijnden 2023
    """
    if np.any(t == 1):
        raise InputError("E-TIME", "t must be before 1: the score of pure noise does not determine the velocity")
    s = t[:, None]
    return -(x + s * score(x, t)) / (1 - s)


@rows
def score_of_flow(velocity: TimeField, x: Points, t: Times) -> Vectors:
    r"""-(x + (1 - t) u(x, t))/t, (n, d): the score of the law of x_t, from the velocity u of straight lines.

    $$-\frac{x + (1 - t)\, u(x, t)}{t}$$

    velocity(x, t) (n, d), (n,) -> (n, d); x (n, d), noisy points; t a float or (n,), in (0, 1].
    Source: Lipman et al. 2023, eqs. 8 and 20, with Tweedie's formula; Albergo, Boffi and Vanden-Eijnden 2023
    """
    if np.any(t == 0):
        raise InputError("E-TIME", "t must be after 0: without noise the velocity does not determine the score")
    s = t[:, None]
    return -(x + (1 - s) * velocity(x, t)) / s
