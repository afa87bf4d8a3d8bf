r"""Theorems about the reverse-time SDE, the velocity of the probability flow, and predictor-corrector sampling."""

from collections.abc import Callable
from itertools import pairwise, product

import numpy as np

from refebm.identities import Draw, Limit, Sides, expect, theorem
from refebm.identities.diffused import (
    CS236,
    EULER,
    FIELDS,
    FLOW,
    N_STEPS,
    PROCESSES,
    SONG,
    affine,
    carried_back,
    column,
    components,
    composed,
    field_by_hand,
    integrated,
    law_at,
    log_law,
    one_gaussian,
    process,
    variance_and_rates,
)
from refebm.identities.notation import EITHER_SIGN
from refebm.truth.densities import Gaussian
from refebm.truth.derivatives import score_and_jacobian

ANDERSON = f"Anderson 1982; {SONG}, eq. 6; {CS236}, sampling from the SDE"


# The law of a mixture at all times


def a_step_back(draw: Draw) -> dict:
    d, n = draw.count(1, 3), 3
    model = draw.model(d, FIELDS)
    return {
        "sde": model.parameters["sde"] if model.kind == "diffused_mixture" else draw.sde(),
        "model": model,
        "x": draw.reals((n, d), -3, 3),
        "t": draw.reals((n,), 0.05, 0.99) if draw.count(0, 1) else draw.real(0.05, 0.99),
        "dt": draw.real(0.01, 0.5),
        "z": draw.reals((n, d), -3, 3),
    }


@theorem(ANDERSON, "pointwise", a_step_back, cancels=EITHER_SIGN)
def reverse_sde_step_by_hand(impl, sde, model, x, t, dt, z):
    r"""For any field a step subtracts the drift times dt and adds g^2 dt times the score and the noise.

    x + \tfrac12 \beta x\, dt + g^2 s(x, t)\, dt + g \sqrt{dt}\, z"""
    every = t * np.ones(len(x))
    now, s = process(sde, every), score_and_jacobian(model, x, every)[0]
    beta, noise = column(now.beta), column(now.noise)
    stepped = impl.reverse_sde_step(impl.score(model), impl.sde(sde), x, t, dt, z).x
    return Sides([stepped], [x, 0.5 * beta * x * dt, noise * s * dt, np.sqrt(noise * dt) * z])


def without_noise(case: Callable) -> Callable:
    """The same cases without dt and z, for functions that take no step."""
    return lambda draw: {name: value for name, value in case(draw).items() if name not in ("dt", "z")}


@theorem(FLOW, "pointwise", without_noise(a_step_back), cancels=EITHER_SIGN)
def velocity_by_hand(impl, sde, model, x, t):
    r"""For any field the velocity is the drift minus half of g^2 times the score.

    -\tfrac12 \beta x - \tfrac12 g^2 s(x, t)"""
    every = t * np.ones(len(x))
    now, s = process(sde, every), score_and_jacobian(model, x, every)[0]
    terms = [-0.5 * column(now.beta) * x, -0.5 * column(now.noise) * s]
    return Sides([impl.probability_flow_velocity(impl.score(model), impl.sde(sde), x, t)], terms)


def on_the_line(draw: Draw) -> dict:
    """A mixture on the line, points with a time for each, and a step."""
    model = draw.model(1, ("diffused_mixture",))
    return {
        "model": model,
        "x": draw.reals((3, 1), -3, 3),
        "t": draw.reals((3,), 0.05, 0.99),
        "dt": draw.real(0.2, 0.8),
    }


def rate_of_the_law(model, x, t):
    """The terms of d/dt P(x_t < x) divided by p_t(x), (n, 1), from the mean M and variance C of each component.

    dM/dt = -1/2 beta M and dC/dt = g^2 - beta C, so that sqrt(C) d/dt (x - M)/sqrt(C) has three terms.
    """
    now, (_, means, variances) = process(model.parameters["sde"], t), components(model, t)
    r, shifts, beta, noise = log_law(model, x, t)[1][:, :, None], x - means, column(now.beta), column(now.noise)
    moved = 0.5 * beta * means, 0.5 * beta * shifts, -0.5 * noise * shifts / variances
    return [term for part in moved for term in r * part]


def executed_back(impl, model, x, t, dt):
    """b(x) = (x - x'(0))/dt, g^2 = (x'(1) - x'(0))^2/dt and x'(0), where x'(z) is the reverse step under test."""
    sde, s = impl.sde(model.parameters["sde"]), impl.score(model)
    still, kicked = (impl.reverse_sde_step(s, sde, x, t, dt, z + 0 * x).x for z in (0.0, 1.0))
    return (x - still) / dt, (kicked - still) ** 2 / dt, still


@theorem(ANDERSON, "pointwise", on_the_line, cancels=EITHER_SIGN)
def reverse_sde_has_the_law_in_reverse(impl, model, x, t, dt):
    r"""The drift and noise that a step executes solve the reverse Fokker-Planck equation of a mixture, at every point.

    \partial_t P(x_t < x) = -b\, p_t - \tfrac12 g^2\, \partial_x p_t,\ b = f - g^2 s"""
    b, noise, still = executed_back(impl, model, x, t, dt)
    s, size = score_and_jacobian(model, x, t)[0], (np.abs(x) + np.abs(still)) / dt
    formula = [size, np.abs(s) * np.sqrt(noise * dt) * (size + np.sqrt(noise / dt))]
    return Sides([-b, -0.5 * noise * s], rate_of_the_law(model, x, t), formula=formula)


@theorem(FLOW, "pointwise", without_noise(on_the_line), cancels=EITHER_SIGN)
def velocity_carries_the_law(impl, model, x, t):
    r"""The velocity solves the continuity equation of a mixture at every point.

    \partial_t P(x_t < x) = -u\, p_t"""
    u = impl.probability_flow_velocity(impl.score(model), impl.sde(model.parameters["sde"]), x, t)
    return Sides([-u], rate_of_the_law(model, x, t))


def a_wave(draw: Draw) -> dict:
    d = draw.dimension()
    return {
        "model": draw.model(d, ("diffused_mixture",)),
        "t": draw.real(0.1, 1),
        "dt": draw.real(0.2, 0.8),
        "waves": draw.reals((d,), 0.2, 1.2),
        "phase": draw.real(-1.5, 1.5),
    }


def rate_of_a_wave(model, t, waves, phase):
    """The terms of d/dt E cos(w . x_t + phase), from the mean and the variance of each component."""
    logits, means, variances = (part[:, 0] for part in components(model, np.array([t])))
    now = process(model.parameters["sde"], t)
    size, angle = np.exp(logits - 0.5 * variances @ waves**2), means @ waves + phase
    widening = (now.noise - now.beta * variances) @ waves**2
    return [*(0.5 * now.beta * (means @ waves) * np.sin(angle) * size), *(-0.5 * widening * np.cos(angle) * size)]


@theorem(ANDERSON, "quadrature", a_wave, plane=True, cancels=EITHER_SIGN)
def reverse_sde_moves_waves_in_reverse(impl, model, t, dt, waves, phase):
    r"""The drift and noise that a step executes solve the Fokker-Planck equation in weak form, tested with waves.

    \tfrac{d}{dt} \mathbb E[h(x_t)] = \mathbb E[b \cdot \nabla h - \tfrac12 g^2 \Delta h],\ h = \cos(w \cdot x + c)"""

    def moved(x):
        b, noise, _ = executed_back(impl, model, x, t, dt)
        angle = x @ waves + phase
        return -(b @ waves) * np.sin(angle) + 0.5 * (noise @ waves**2) * np.cos(angle)

    terms, change = expect([moved], law_at(model, t))
    return Sides(terms, rate_of_a_wave(model, t, waves, phase), change)


@theorem(FLOW, "quadrature", without_noise(a_wave), plane=True, cancels=EITHER_SIGN)
def velocity_moves_waves(impl, model, t, waves, phase):
    r"""The velocity solves the continuity equation in weak form, tested with waves.

    \tfrac{d}{dt} \mathbb E[h(x_t)] = \mathbb E[u \cdot \nabla h],\ h = \cos(w \cdot x + c)"""
    s, sde = impl.score(model), impl.sde(model.parameters["sde"])

    def moved(x):
        return -(impl.probability_flow_velocity(s, sde, x, t) @ waves) * np.sin(x @ waves + phase)

    terms, change = expect([moved], law_at(model, t))
    return Sides(terms, rate_of_a_wave(model, t, waves, phase), change)


@theorem(f"{ANDERSON}; {EULER}", "limit", cases=list(product(PROCESSES, (0.0, 0.1))))
def reverse_chain_has_order_one(impl, sde, low, v=0.3):
    r"""Started from the law at t = 1, the variance at t_0 >= 0 has an error of order 1 in dt.

    V_N - V(t_0) = \tfrac{1 - t_0}N \int_{t_0}^1 \tfrac{m(t)^2 V(t_0)^2}{m(t_0)^2 V(t)^2}
    [c^2 V - \tfrac12 \ddot V]\, dt + O(N^{-2}),\ c = g^2/V - \tfrac12 \beta"""
    model = one_gaussian(sde, 0.5, v)

    def error(n):
        def step(k, x, z):
            return impl.reverse_sde_step(impl.score(model), impl.sde(sde), x, 1 - (1 - low) * k / n, (1 - low) / n, z).x

        first, last = (variance_and_rates(sde, v, t)[0] for t in (1.0, low))
        return composed(*affine(step, np.arange(n))[:2], first) - last

    def rate(t):
        now, (variance, _, second) = process(sde, t), variance_and_rates(sde, v, t)
        pull = now.noise / variance - 0.5 * now.beta
        return carried_back(sde, v, low)(t) * (pull**2 * variance - 0.5 * second)

    return Limit((1 - low) / N_STEPS, np.array([error(int(n)) for n in N_STEPS]), 1, integrated(rate, low))


# Predictor and corrector


CORRECTED = f"{SONG}, algorithm 1 and section 4.2"


def a_return(draw: Draw) -> dict:
    d, n, n_steps = draw.count(1, 2), 2, draw.count(1, 3)
    model = draw.model(d, FIELDS)
    return {
        "sde": model.parameters["sde"] if model.kind == "diffused_mixture" else draw.sde(),
        "model": model,
        "x": draw.reals((n, d), -2, 2),
        "times": times_back(draw, n_steps),
        "eta": draw.reals((n_steps,), 0.01, 0.2) if draw.count(0, 1) else draw.real(0.01, 0.2),
        "z": draw.reals((n_steps, 1 + draw.count(0, 2), n, d), -2, 2),
    }


def times_back(draw: Draw, n_steps: int) -> np.ndarray:
    """Decreasing times, from late to early."""
    return draw.real(0.6, 0.99) * np.cumprod([1.0, *(draw.real(0.4, 0.9) for _ in range(n_steps))])


def return_by_hand(sde, model, x, times, eta, z):
    """The sums of start, drift and noise after each time, and the sizes of their terms."""
    drift, noise, size, states = 0 * x, 0 * x, 0 * x, []
    for (late, early), eta_k, (unit, *corrections) in zip(pairwise(times), eta * np.ones(len(z)), z):
        now, dt, s = process(sde, late), late - early, field_by_hand(model, x + drift + noise, late)
        back, along = 0.5 * now.beta * (x + drift + noise) * dt, now.noise * s * dt
        drift, noise = drift + back + along, noise + np.sqrt(now.noise * dt) * unit
        size = size + np.abs(back) + np.abs(along) + np.sqrt(now.noise * dt) * np.abs(unit)
        for unit in corrections:
            s = field_by_hand(model, x + drift + noise, early)
            drift, noise = drift + eta_k * s, noise + np.sqrt(2 * eta_k) * unit
            size = size + eta_k * np.abs(s) + np.sqrt(2 * eta_k) * np.abs(unit)
        states.append((x, drift, noise, size))
    return [np.stack(parts) for parts in zip(*states)]


@theorem(CORRECTED, "pointwise", a_return, cancels=EITHER_SIGN)
def predictor_corrector_by_hand(impl, sde, model, x, times, eta, z):
    r"""For any field, each time has one reverse step, then Langevin steps with the score at the time that it reached.

    x \leftarrow x + (\tfrac12 \beta x + g^2 s(x, t_k))\, dt + g \sqrt{dt}\, z,
    \ x \leftarrow x + \eta_k s(x, t_{k+1}) + \sqrt{2\eta_k}\, z"""
    *terms, size = (parts[-1] for parts in return_by_hand(sde, model, x, times, eta, z))
    given = impl.score(model), impl.sde(sde)
    return Sides([impl.predictor_corrector(*given, x, times, eta, z)], terms, formula=[size])


@theorem(CORRECTED, "pointwise", a_return, cancels=EITHER_SIGN)
def states_of_the_return_by_hand(impl, sde, model, x, times, eta, z):
    r"""On request, predictor-corrector sampling returns the states after the corrections at every time.

    (x^{(1)}, \dots, x^{(K)})"""
    *terms, size = return_by_hand(sde, model, x, times, eta, z)
    given = impl.score(model), impl.sde(sde)
    return Sides([impl.predictor_corrector(*given, x, times, eta, z, True)], terms, formula=[size])


def a_gaussian_return(draw: Draw) -> dict:
    d, n_steps = draw.count(1, 2), draw.count(1, 2)
    return {
        "sde": draw.sde(),
        "mean": draw.reals((d,), -1.5, 1.5),
        "variance": draw.reals((d,), 0.2, 1.5),
        "start": Gaussian(draw.reals((d,), -1.5, 1.5), np.diag(draw.reals((d,), 0.5, 3.0))),
        "times": times_back(draw, n_steps),
        "eta": draw.real(0.01, 0.3),
        "corrections": draw.count(0, 2),
    }


@theorem(CORRECTED, "pointwise", a_gaussian_return, cancels=EITHER_SIGN)
def predictor_corrector_on_a_gaussian(impl, sde, mean, variance, start, times, eta, corrections):
    r"""For normal data, predictor-corrector sampling is a composition of affine maps, so the law at the end is known.

    V \leftarrow (1 + \tfrac12 \beta\,dt - g^2 dt/V_k)^2 V + g^2 dt,\ V \leftarrow (1 - \eta/V_{k+1})^2 V + 2\eta"""
    model, d = one_gaussian(sde, mean, variance), len(mean)
    shape = len(times) - 1, 1 + corrections, d
    columns = int(np.prod(shape))  # one row for each column of the map
    x = np.concatenate([np.zeros((1, d)), np.eye(d), np.zeros((columns, d))])
    z = np.concatenate([np.zeros((1 + d, columns)), np.eye(columns)]).reshape(len(x), *shape)
    last = impl.predictor_corrector(impl.score(model), impl.sde(sde), x, times, eta, np.moveaxis(z, 0, 2))
    offset, (a, noise) = last[0], ((part - last[0]).T for part in (last[1 : 1 + d], last[1 + d :]))
    centre, spread = start.mean, np.diag(start.cov)
    for late, early in pairwise(times):
        (now, then), dt = (process(sde, t) for t in (late, early)), late - early
        pull = now.noise * dt / (now.scale**2 * variance + now.variance)
        grown = 1 + 0.5 * now.beta * dt
        centre = (grown - pull) * centre + pull * now.scale * mean
        spread = (grown - pull) ** 2 * spread + now.noise * dt
        pull = eta / (then.scale**2 * variance + then.variance)
        for _ in range(corrections):
            centre, spread = centre + pull * (then.scale * mean - centre), (1 - pull) ** 2 * spread + 2 * eta
    law = np.column_stack([a @ start.cov @ a.T + noise @ noise.T, a @ start.mean + offset])
    return Sides([law], [np.column_stack([np.diag(spread), centre])])
