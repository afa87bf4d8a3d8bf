r"""Samplers that run an SDE, or its probability flow, from noise to data: time goes from 1 to 0, and dt > 0.

score(x, t) (n, d), (n,) -> (n, d), the score of the law of x_t. sde: one of `refebm.sdes`.
"""

from collections.abc import Callable

import autograd.numpy as np
import numpy
from scipy.integrate import solve_ivp

from refebm.calculus import field_and_divergence
from refebm.objectives.notation import squared_norm
from refebm.samplers.langevin import langevin_step
from refebm.samplers.step import Step, moved
from refebm.validation import InputError, count, real_array, rows


class SolverError(RuntimeError):
    """What the ODE solver said when it gave up."""


@rows
def euler_maruyama_step(sde, x: np.ndarray, t: float | np.ndarray, dt: float, z: np.ndarray) -> Step:
    r"""x + f(x, t) dt + g(t) sqrt(dt) z, (n, d): forward in time, from t to t + dt.

    x, z (n, d), z unit normal; t a float or (n,); dt > 0.
    Source: Song et al. 2021, eq. 5; Kloeden and Platen 1992, section 9.1
    """
    return moved(x + sde.drift(x, t) * dt + sde.diffusion(t)[:, None] * np.sqrt(dt) * z)


@rows
def reverse_sde_step(score: Callable, sde, x: np.ndarray, t: float | np.ndarray, dt: float, z: np.ndarray) -> Step:
    r"""x - [f(x, t) - g(t)^2 s(x, t)] dt + g(t) sqrt(dt) z, (n, d): back in time, from t to t - dt.

    x, z (n, d), z unit normal; t a float or (n,); dt > 0.
    Source: Anderson 1982; Song et al. 2021, eq. 6
    """
    g = sde.diffusion(t)[:, None]
    return moved(x - (sde.drift(x, t) - g**2 * score(x, t)) * dt + g * np.sqrt(dt) * z)


def velocity(score: Callable, sde, t: float) -> Callable:
    r"""x -> f(x, t) - 1/2 g(t)^2 s(x, t): of the ODE that has the SDE's marginals. Source: Song et al. 2021, eq. 13"""

    def field(x):
        each = t * np.ones(len(x))
        return sde.drift(x, each) - 0.5 * sde.diffusion(t) ** 2 * score(x, each)

    return field


@rows
def probability_flow(
    score: Callable, sde, x: np.ndarray, t0: float, t1: float, rtol: float = 1e-8, atol: float = 1e-8
) -> np.ndarray:
    r"""x(t1), (n, d), where dx/dt = f(x, t) - 1/2 g(t)^2 s(x, t) and x(t0) = x; t1 may be below t0.

    rtol, atol: tolerances of scipy's `solve_ivp` (RK45). Errors: SolverError with the solver's message.
    Source: Song et al. 2021, eq. 13
    """
    shape = x.shape
    return _solved(
        lambda t, y: velocity(score, sde, t)(y.reshape(shape)).ravel(), x.ravel(), t0, t1, rtol, atol
    ).reshape(shape)


@rows
def probability_flow_log_prob(
    score: Callable, sde, x: np.ndarray, t0: float = 0.0, t1: float = 1.0, rtol: float = 1e-8, atol: float = 1e-8
) -> np.ndarray:
    r"""log p_{t0}(x) = log prior(x(t1)) + int_{t0}^{t1} div v(x(t), t) dt, (n,), v the velocity of the flow, exact trace.

    Source: Song et al. 2021, eq. 39; Chen, Rubanova, Bettencourt and Duvenaud 2018, eq. 8
    """
    n, d = x.shape

    def both(t, y):
        v, divergence = field_and_divergence(velocity(score, sde, t), y[: n * d].reshape(n, d))
        return np.concatenate([v.ravel(), divergence])

    end = _solved(both, np.concatenate([x.ravel(), np.zeros(n)]), t0, t1, rtol, atol)
    return sde.prior(d).log_prob(end[: n * d].reshape(n, d)) + end[n * d :]


def _solved(function, start, t0, t1, rtol, atol):
    solution = solve_ivp(function, (t0, t1), start, rtol=rtol, atol=atol, t_eval=[t1])
    if not solution.success:
        raise SolverError(f"the probability flow from {t0} to {t1} was not solved: {solution.message}")
    return solution.y[:, -1]


@rows
def predictor_corrector(
    score: Callable, sde, x: np.ndarray, times: np.ndarray, eta: float, z: np.ndarray
) -> np.ndarray:
    r"""From times[k] to times[k + 1]: a reverse step, then M Langevin steps with the score at times[k + 1], (n, d).

    times (K + 1,), from late to early; eta > 0; z (K, 1 + M, n, d), the first for the reverse step.
    Source: Song et al. 2021, algorithm 1 (whose corrector chooses eta by a signal-to-noise rule over the batch)
    """
    for t, following, (z_t, *correcting) in zip(times[:-1], times[1:], z):
        x = reverse_sde_step(score, sde, x, t, t - following, z_t).x
        for z_c in correcting:
            x = langevin_step(lambda x, t=following: score(x, t * np.ones(len(x))), x, eta, z_c).x
    return x
