r"""Theorems about the probability flow: the orders of steps along its velocity, and solutions of its equation."""

import numpy as np
import scipy

from refebm.identities import Draw, Limit, Sides, theorem
from refebm.identities.diffused import (
    FLOW,
    PROCESSES,
    SONG,
    column,
    components,
    law_at,
    log_law,
    one_gaussian,
    process,
    variance_and_rates,
)
from refebm.models import Model
from refebm.truth.densities import LOG_2PI

LIKELIHOOD = f"{SONG}, eq. 39; Chen, Rubanova, Bettencourt and Duvenaud 2018, eq. 8"
GRATHWOHL = f"{LIKELIHOOD}; Grathwohl et al. 2019, section 3.1"
PROMISE = 10  # the error of a solution may be so many times the tolerance that was asked for


# Steps along the velocity


def euler(u, x, t, h):
    return x + h * u(x, t)


def heun(u, x, t, h):
    first = u(x, t)
    return x + 0.5 * h * (first + u(x + h * first, t + h))


def runge_kutta(u, x, t, h):
    first = u(x, t)
    second = u(x + 0.5 * h * first, t + 0.5 * h)
    third = u(x + 0.5 * h * second, t + 0.5 * h)
    return x + h / 6 * (first + 2 * second + 2 * third + u(x + h * third, t + h))


METHODS = [(euler, 1, 200), (heun, 2, 50), (runge_kutta, 4, 40)]


@theorem(f"{SONG}, section 4.3; Hairer, Norsett and Wanner 1993, section II.1", "limit", cases=METHODS)
def ode_steps_have_their_orders(impl, method, order, fewest, sde=PROCESSES[0]):
    r"""From noise to normal data, Euler steps along the velocity have order 1, Heun steps 2, and Runge-Kutta steps 4.

    x_N - x(0) = O(N^{-p}),\ x(0) = \mu + \sqrt{v/V(1)}\, (x(1) - m(1) \mu)"""
    mean, v = 0.5, 1.2
    s, given = impl.score(one_gaussian(sde, mean, v)), impl.sde(sde)
    scale, variance = process(sde, 1.0).scale, variance_and_rates(sde, v, 1.0)[0]
    n_steps = column(fewest * 2 ** np.arange(3))  # one row for each number of steps, which all arrive at 0
    x = np.full(n_steps.shape, 1.7)
    for k in range(n_steps[-1, 0]):
        now, then = (np.maximum(1 - done / n_steps, 0) for done in (k, k + 1))
        x = method(lambda x, t: impl.probability_flow_velocity(s, given, x, np.maximum(t, 0)[:, 0]), x, now, then - now)
    end = mean + np.sqrt(v / variance) * (1.7 - scale * mean)
    return Limit(1 / n_steps[:, 0], x[:, 0] - end, order)


# Solutions: their errors are bounded by the tolerances that were asked for


def promised(error, tolerance: float) -> Sides:
    """Every error is at most PROMISE times the tolerance: 1e-9 at 1e-10."""
    return Sides([np.abs(error)[None]], [PROMISE * tolerance], inequality=True)


POINTS = np.array([[-1.5, 0.6], [0.4, -1.0], [1.3, 0.2]])
WELLS = {"logits": np.array([0.3, -0.4]), "means": np.array([[-1.0, 0.5], [0.8, -0.3]])}
WELLS |= {"variances": np.array([[0.4, 0.9], [0.7, 0.3]])}
MEAN, VARIANCE = np.array([0.7, -0.4]), np.array([0.4, 1.3])
PATHS = [  # an SDE, the first and the last time, and the tolerance
    (PROCESSES[0], 0.0, 1.0, 1e-10),
    (PROCESSES[1], 0.9, 0.2, 1e-7),
    (PROCESSES[2], 1.0, 0.0, 1e-5),
]
AT_PATHS = {"kind": "quadrature", "cases": len(PATHS)}


def a_path(draw: Draw, tightest: float = 0.0) -> dict:
    sde, t0, t1, tolerance = draw.choice(PATHS)
    return {"sde": sde, "x": POINTS, "t0": t0, "t1": t1, "tolerance": max(tolerance, tightest)}


def a_dear_path(draw: Draw) -> dict:
    return a_path(draw, 1e-8)


def wells(sde: dict, d: int) -> Model:
    """The score of x_t for data from a mixture of two."""
    cut = {name: WELLS[name][:, :d] for name in ("means", "variances")}
    return Model("diffused_mixture", {"sde": sde, **WELLS, **cut})


def along_the_flow(sde, mean, variance, x, t0, t1):
    """The end points of the flow of normal data, and the variances at both ends."""
    here, there = process(sde, t0), process(sde, t1)
    before, after = (now.scale**2 * variance + now.variance for now in (here, there))
    return there.scale * mean + np.sqrt(after / before) * (x - here.scale * mean), before, after


@theorem(FLOW, case=a_path, **AT_PATHS)
def flow_carries_gaussians_in_closed_form(impl, sde, x, t0, t1, tolerance):
    r"""For normal data the flow is affine, and solutions are within ten tolerances of it, forward and back.

    x(t_1) = m_1 \mu + \sqrt{V_1/V_0}\, (x - m_0 \mu),\ V_i = m_i^2 v + \text{std}_i^2"""
    model, end = one_gaussian(sde, MEAN, VARIANCE), along_the_flow(sde, MEAN, VARIANCE, x, t0, t1)[0]
    arrived = impl.probability_flow(impl.score(model), impl.sde(sde), x, t0, t1, tolerance, tolerance)
    return promised(arrived - end, tolerance)


def below(model: Model, x, t):
    """P(x_t < x) on the line, (n, 1)."""
    logits, means, variances = components(model, t)
    return np.sum(np.exp(logits)[:, :, None] * scipy.special.ndtr((x - means) / np.sqrt(variances)), axis=0)


@theorem(FLOW, case=a_path, **AT_PATHS)
def flow_keeps_quantiles(impl, sde, x, t0, t1, tolerance):
    r"""On the line the flow maps every quantile of a mixture's law at one time to that at another.

    P(x_{t_1} < x(t_1)) = P(x_{t_0} < x(t_0))"""
    model, x, times = wells(sde, 1), x[:, :1], np.ones((2, len(x))) * [[t0], [t1]]
    arrived = impl.probability_flow(impl.score(model), impl.sde(sde), x, t0, t1, tolerance, tolerance)
    return promised(below(model, arrived, times[1]) - below(model, x, times[0]), tolerance)


def log_density_at(model: Model, t: float) -> Model:
    """log p_t as a model."""
    p = law_at(model, t)
    precisions = np.array([np.diag(1 / np.diag(cov)) for cov in p.covs])
    logits = np.log(p.weights) + 0.5 * np.linalg.slogdet(precisions)[1]
    inner = {"logits": logits, "means": p.means, "precisions": precisions}
    return Model("log_density", {"kind": "mixture", "parameters": inner, "log_z": 0.5 * p.d * LOG_2PI})


def density_by_the_flow(impl, model, x, t0, t1, tolerance, **options):
    """log p_t0(x) along the flow, from the log-density at t1."""
    given = impl.score(model), impl.sde(model.parameters["sde"]), x, t0, t1, tolerance, tolerance
    return impl.probability_flow_log_prob(*given, log_end=impl.energy(log_density_at(model, t1)), **options)


@theorem(LIKELIHOOD, case=a_dear_path, **AT_PATHS)
def flow_gives_the_density(impl, sde, x, t0, t1, tolerance):
    r"""Given the log-density at its end, a path gives the log-density at its start, within ten tolerances.

    \log p_{t_0}(x) = \log p_{t_1}(x(t_1)) + \int_{t_0}^{t_1} \operatorname{div} u\, dt"""
    model = wells(sde, 2)
    value = density_by_the_flow(impl, model, x, t0, t1, tolerance)
    return promised(value - log_law(model, x, t0 * np.ones(len(x)))[0], tolerance)


def turned(angle: float) -> np.ndarray:
    """Two directions at a right angle, of length sqrt(2): the mean of v v^T over both is I."""
    return np.sqrt(2) * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


@theorem(GRATHWOHL, case=a_dear_path, **AT_PATHS)
def projections_over_a_frame_give_the_density(impl, sde, x, t0, t1, tolerance):
    r"""Hutchinson's estimate is exact for a set of projections whose mean of v v^T is I.

    \tfrac1m \sum_j v_j^\top (\nabla u)\, v_j = \operatorname{div} u,\ \tfrac1m \sum_j v_j v_j^\top = I"""
    model, x, v = wells(sde, 2), x[:2], np.stack([turned(0.4), turned(1.1)], axis=1)
    value = density_by_the_flow(impl, model, x, t0, t1, tolerance, v=v)
    return promised(value - log_law(model, x, t0 * np.ones(len(x)))[0], tolerance)


def normal_log_density(x, mean, variance):
    """The log-density of independent normal coordinates, (n,)."""
    return -0.5 * np.sum((x - mean) ** 2 / variance + np.log(2 * np.pi * variance), axis=1)


PROJECTIONS = np.array([[[0.7, -1.2], [1.5, 0.3], [-0.4, 0.9]], [[-0.6, 1.1], [0.2, -0.8], [1.3, 0.5]]])


@theorem(GRATHWOHL, case=a_dear_path, **AT_PATHS)
def any_projection_in_closed_form(impl, sde, x, t0, t1, tolerance):
    r"""For normal data the estimate is known for any projections: each coordinate stretches by sqrt(V_1/V_0).

    \log p_{t_1}(x(t_1)) + \tfrac12 \sum_i \overline{v_i^2} \log(V_{1,i}/V_{0,i})"""
    end, before, after = along_the_flow(sde, MEAN, VARIANCE, x, t0, t1)
    expected = normal_log_density(end, process(sde, t1).scale * MEAN, after)
    expected = expected + 0.5 * np.mean(PROJECTIONS**2, axis=0) @ np.log(after / before)
    value = density_by_the_flow(impl, one_gaussian(sde, MEAN, VARIANCE), x, t0, t1, tolerance, v=PROJECTIONS)
    return promised(value - expected, tolerance)


@theorem(LIKELIHOOD, "quadrature", cases=PROCESSES)
def prior_stands_in_for_the_law_at_the_end(impl, sde, x=POINTS, t0=0.1, tolerance=1e-8):
    r"""If no log-density at t = 1 is given, the prior's is used, with an error of their difference at the path's end.

    \log p_{t_0}(x) - \log p_1(x(1)) + \log \pi(x(1)),\ \pi = \mathcal N(0, I),
    \ \mathcal N(0, \text{std}(1)^2 I) \text{ where } m = 1"""
    end, before, after = along_the_flow(sde, MEAN, VARIANCE, x, t0, 1.0)
    here, last = process(sde, t0), process(sde, 1.0)
    right = normal_log_density(x, here.scale * MEAN, before) - normal_log_density(end, last.scale * MEAN, after)
    prior = (last.variance if sde["kind"] == "VarianceExploding" else 1.0) * np.ones(2)
    given = impl.score(one_gaussian(sde, MEAN, VARIANCE)), impl.sde(sde), x, t0, 1.0, tolerance, tolerance
    return promised(impl.probability_flow_log_prob(*given) - right - normal_log_density(end, 0.0, prior), tolerance)
