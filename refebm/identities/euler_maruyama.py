r"""Theorems about Euler-Maruyama steps forward in time."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from refebm.identities import Draw, Limit, Sides, expect, theorem
from refebm.identities.diffused import (
    EULER,
    N_STEPS,
    PROCESSES,
    SONG,
    affine,
    column,
    composed,
    integrated,
    process,
    variance_and_rates,
)
from refebm.identities.notation import EITHER_SIGN
from refebm.truth.densities import standard_normal
from refebm.truth.derivatives import score_and_jacobian


def an_increment(draw: Draw) -> dict:
    d, n = draw.count(1, 3), 3
    return {
        "sde": draw.sde(),
        "x": draw.reals((n, d), -3, 3),
        "t": draw.reals((n,), 0.01, 0.99) if draw.count(0, 1) else draw.real(0.01, 0.99),
        "dt": draw.real(0.01, 0.5),
        "z": draw.reals((n, d), -3, 3),
    }


@theorem(f"{SONG}, eq. 5; {EULER}", "pointwise", an_increment, cancels=EITHER_SIGN)
def euler_maruyama_step_by_hand(impl, sde, x, t, dt, z):
    r"""A step adds the drift times dt and noise of variance g^2 dt, each row at its own time.

    x - \tfrac12 \beta(t) x\, dt + g(t) \sqrt{dt}\, z"""
    now = process(sde, t * np.ones(len(x)))
    drift, noise = -0.5 * column(now.beta) * x * dt, np.sqrt(column(now.noise) * dt) * z
    return Sides([impl.euler_maruyama_step(impl.sde(sde), x, t, dt, z).x], [x, drift, noise])


def a_point_in_time(draw: Draw) -> dict:
    d = draw.count(1, 3)
    return {"sde": draw.sde(), "x0": draw.reals((1, d), -2, 2), "t": draw.real(0.05, 1), "dt": draw.real(0.05, 0.5)}


@theorem(EULER, "quadrature", a_point_in_time, cancels="off the diagonal the mean of a product is zero")
def an_increment_has_its_moments(impl, sde, x0, t, dt):
    r"""The mean of a step, its covariance with dw and its second moment are those of an increment of the SDE.

    \mathbb E[\Delta x] = f\,dt,\ \mathbb E[\Delta x\, \Delta w^\top] = g\,dt\, I,
    \ \mathbb E[\Delta x\, \Delta x^\top] = f f^\top dt^2 + g^2 dt\, I"""
    d, now = x0.shape[1], process(sde, t)
    f = -0.5 * now.beta * x0

    def moments(z):
        change, dw = impl.euler_maruyama_step(impl.sde(sde), x0 + 0 * z, t, dt, z).x - x0, np.sqrt(dt) * z
        products = [change[:, :, None] * other[:, None, :] for other in (dw, change)]
        return np.concatenate([change[:, None, :], *products], axis=1)

    terms, settled = expect([moments], standard_normal(d), degree=2)
    drift = np.concatenate([f * dt, np.zeros((d, d)), f.T * f * dt**2])
    noise = np.concatenate([np.zeros((1, d)), np.sqrt(now.noise) * dt * np.eye(d), now.noise * dt * np.eye(d)])
    return Sides(terms, [drift[None], noise[None]], settled)


class Overdamped(NamedTuple):
    """Langevin dynamics dx = alpha s(x) dt + sqrt(2 alpha) dw as an SDE."""

    score: Callable
    alpha: float

    def drift(self, x, t):
        return self.alpha * self.score(x)

    def diffusion(self, t):
        return np.sqrt(2 * self.alpha) + 0 * t


def a_langevin_step(draw: Draw) -> dict:
    d, n = draw.count(1, 3), 2
    return {
        "model": draw.model(d, ("quadratic", "mixture", "mlp_energy", "mlp_score")),
        "x": draw.reals((n, d), -2, 2),
        "t": draw.real(0.01, 0.99),
        "alpha": draw.real(0.2, 2),
        "dt": draw.real(0.05, 0.5),
        "z": draw.reals((n, d), -3, 3),
    }


@theorem("Das 2021, eq. 6", "pointwise", a_langevin_step, cancels=EITHER_SIGN)
def langevin_dynamics_is_an_sde(impl, model, x, t, alpha, dt, z):
    r"""With drift alpha s and diffusion sqrt(2 alpha), the Euler-Maruyama step is a Langevin step of eta = alpha dt.

    f = \alpha s,\ g = \sqrt{2\alpha}:\quad x + \eta s(x) + \sqrt{2\eta}\, z,\ \eta = \alpha\, dt"""
    eta, s = alpha * dt, score_and_jacobian(model, x)[0]
    stepped = impl.euler_maruyama_step(Overdamped(impl.score(model), alpha), x, t, dt, z).x
    return Sides([stepped], [x, eta * s, np.sqrt(2 * eta) * z])


@theorem(EULER, "limit", cases=PROCESSES)
def euler_maruyama_has_weak_order_one(impl, sde, v=0.3):
    r"""For normal data the variance at t = 1 has an error of order 1 in dt, seen from 200 to 12,800 steps.

    V_N - V(1) = \tfrac1N \int_0^1 \tfrac{m(1)^2}{m(t)^2} [\tfrac14 \beta^2 V - \tfrac12 \ddot V]\, dt + O(N^{-2})"""

    def error(n):
        def step(k, x, z):
            return impl.euler_maruyama_step(impl.sde(sde), x, k / n, 1 / n, z).x

        return composed(*affine(step, np.arange(n))[:2], v) - variance_and_rates(sde, v, 1.0)[0]

    def rate(t):
        now, (variance, _, second) = process(sde, t), variance_and_rates(sde, v, t)
        return (process(sde, 1.0).scale / now.scale) ** 2 * (0.25 * now.beta**2 * variance - 0.5 * second)

    return Limit(1 / N_STEPS, np.array([error(int(n)) for n in N_STEPS]), 1, integrated(rate, 0.0))
