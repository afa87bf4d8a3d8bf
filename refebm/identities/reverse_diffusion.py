r"""Theorems about reverse diffusion: laws of mixtures by hand, chains on Gaussians as executed affine maps."""

from collections.abc import Callable
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp, ndtr

from refebm.identities.diffusion import one_more_step
from refebm.identities.draw import Draw
from refebm.identities.notation import EITHER_SIGN
from refebm.identities.record import Limit, Sides, theorem
from refebm.models import Model
from refebm.truth.densities import LOG_2PI, Gaussian, GaussianMixture, standard_normal
from refebm.truth.derivatives import score_and_jacobian
from refebm.truth.expectations import expect

SONG = "Song et al. 2021"
CS236 = "Stanford CS236"
ANDERSON = f"Anderson 1982; {SONG}, eq. 6; {CS236}, sampling from the SDE"
FLOW = f"{SONG}, eq. 13 and appendix D.1; {CS236}, probability flow"
LIKELIHOOD = f"{SONG}, eq. 39; Chen, Rubanova, Bettencourt and Duvenaud 2018, eq. 8"
EULER = "Kloeden and Platen 1992, sections 9.1 and 9.7"
HO = "Ho, Jain and Abbeel 2020"
FIELDS = ("noise_conditional", "diffused_mixture")
PROMISE = 10  # errors of a solved equation, over the tolerances that were asked for


class Process(NamedTuple):
    """An SDE at times t, by hand: beta, g^2, the rates at which both change, and m and std^2 of x_t given x_0."""

    beta: np.ndarray
    noise: np.ndarray
    beta_rate: np.ndarray
    noise_rate: np.ndarray
    scale: np.ndarray
    variance: np.ndarray


def process(sde: dict, t) -> Process:
    """What the SDE, as data, is at t."""
    given, t = sde["parameters"], np.asarray(t)
    if sde["kind"] == "VarianceExploding":
        twice, start = 2 * np.log(given["sigma_max"] / given["sigma_min"]), given["sigma_min"] ** 2
        noise = twice * start * np.exp(twice * t)
        return Process(0 * t, noise, 0 * t, twice * noise, 1 + 0 * t, start * np.expm1(twice * t))
    rate = given["beta_max"] - given["beta_min"] + 0 * t
    beta, total = given["beta_min"] + rate * t, given["beta_min"] * t + 0.5 * rate * t**2
    scale, forgotten = np.exp(-0.5 * total), -np.expm1(-total)
    if sde["kind"] == "VariancePreserving":
        return Process(beta, beta, rate, rate, scale, forgotten)
    kept = np.exp(-2 * total)
    noise_rate = -rate * np.expm1(-2 * total) + 2 * beta**2 * kept
    return Process(beta, -beta * np.expm1(-2 * total), rate, noise_rate, scale, forgotten**2)


def column(a):
    """One number for each row."""
    return np.reshape(a, (-1, 1))


def components(model: Model, t):
    """Of the law of x_t: log weights (k, 1), means and variances (k, n, d); t (n,)."""
    given, now = model.parameters, process(model.parameters["sde"], t)
    scale, variance = column(now.scale), column(now.variance)
    means, variances = (given[name][:, None, :] for name in ("means", "variances"))
    return column(given["logits"] - logsumexp(given["logits"])), scale * means, scale**2 * variances + variance


def log_law(model: Model, x, t):
    """log p_t(x), (n,), and the probabilities of the components, (k, n)."""
    logits, means, variances = components(model, t)
    squares = (x - means) ** 2 / variances + np.log(2 * np.pi * variances)
    log_joint = logits - 0.5 * np.sum(squares, axis=2)
    log_p = logsumexp(log_joint, axis=0)
    return log_p, np.exp(log_joint - log_p)


def below(model: Model, x, t):
    """P(x_t < x) on the line, (n, 1)."""
    logits, means, variances = components(model, t)
    return np.sum(np.exp(logits)[:, :, None] * ndtr((x - means) / np.sqrt(variances)), axis=0)


def law_at(model: Model, t: float) -> GaussianMixture:
    """The density of x_t."""
    logits, means, variances = components(model, np.array([t]))
    return GaussianMixture(np.exp(logits[:, 0]), means[:, 0], np.array([np.diag(v) for v in variances[:, 0]]))


def one_gaussian(sde: dict, mean, variance) -> Model:
    """The score of x_t for normal data."""
    means, variances = (np.atleast_2d(np.asarray(value, float)) for value in (mean, variance))
    return Model("diffused_mixture", {"sde": sde, "logits": np.zeros(1), "means": means, "variances": variances})


# Euler-Maruyama, forward in time


def an_increment(draw: Draw) -> dict:
    d, n = draw.count(1, 3), 3
    return {
        "sde": draw.sde(),
        "x": draw.reals((n, d), -3, 3),
        "t": draw.reals((n,), 0.01, 0.99) if draw.count(0, 1) else draw.real(0.01, 0.99),
        "dt": draw.real(0.01, 0.5),
        "z": draw.reals((n, d), -3, 3),
    }


@theorem(
    f"{SONG}, eq. 5; {EULER}", kind="pointwise", about="euler_maruyama_step", case=an_increment, cancels=EITHER_SIGN
)
def euler_maruyama_step_by_hand(impl, sde, x, t, dt, z):
    r"""Drift times dt, and noise of variance g^2 dt, each row at its own time.

    x - \tfrac12 \beta(t) x\, dt + g(t) \sqrt{dt}\, z"""
    now = process(sde, t * np.ones(len(x)))
    drift, noise = -0.5 * column(now.beta) * x * dt, np.sqrt(column(now.noise) * dt) * z
    return Sides([impl.euler_maruyama_step(impl.sde(sde), x, t, dt, z).x], [x, drift, noise])


def a_point_in_time(draw: Draw) -> dict:
    d = draw.count(1, 3)
    return {
        "sde": draw.sde(),
        "x0": draw.reals((1, d), -2, 2),
        "t": draw.real(0.05, 1),
        "dt": draw.real(0.05, 0.5),
    }


@theorem(
    EULER,
    kind="quadrature",
    about="euler_maruyama_step",
    case=a_point_in_time,
    cancels="off the diagonal the mean of a product is zero",
)
def an_increment_has_its_moments(impl, sde, x0, t, dt):
    r"""Mean and second moments of one step, and those with the increment dw, which has variance dt.

    \mathbb E[\Delta x] = f\,dt,\ \mathbb E[\Delta x\, \Delta w^T] = g\,dt\, I,
    \ \mathbb E[\Delta x \Delta x^T] = f f^T dt^2 + g^2 dt\, I"""
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
    """The SDE dx = alpha s(x) dt + sqrt(2 alpha) dw of a score: Langevin dynamics."""

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


@theorem("Das 2021, eq. 6", kind="pointwise", about="euler_maruyama_step", case=a_langevin_step, cancels=EITHER_SIGN)
def langevin_dynamics_is_an_sde(impl, model, x, t, alpha, dt, z):
    r"""Its step for the drift alpha s and the diffusion sqrt(2 alpha) is a Langevin step of eta = alpha dt.

    f = \alpha s,\ g = \sqrt{2\alpha}:\quad x + \eta s(x) + \sqrt{2\eta}\, z,\ \eta = \alpha\, dt"""
    eta, s = alpha * dt, score_and_jacobian(model, x)[0]
    stepped = impl.euler_maruyama_step(Overdamped(impl.score(model), alpha), x, t, dt, z).x
    return Sides([stepped], [x, eta * s, np.sqrt(2 * eta) * z])


# Chains on normal data: each step is an affine map, so that the variance at the end is known for every number of steps


N_STEPS = 200 * 2 ** np.arange(7)
PROCESSES = [
    {"kind": "VariancePreserving", "parameters": {"beta_min": 0.5, "beta_max": 5.0}},
    {"kind": "SubVariancePreserving", "parameters": {"beta_min": 0.5, "beta_max": 4.0}},
    {"kind": "VarianceExploding", "parameters": {"sigma_min": 0.5, "sigma_max": 1.5}},
]
NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)


def affine(step, k):
    """(a, b, c), (n,) each: step k makes a x + b z + c of x. From what step(k, x, z) does to 0 and 1, all at once."""
    start, unit = np.zeros((len(k), 1)), np.ones((len(k), 1))
    rows = [np.concatenate(parts) for parts in ([k] * 3, [start, unit, start], [start, start, unit])]
    c, a, b = step(*rows).reshape(3, len(k))
    return a - c, b - c, c


def composed(a, b, variance):
    """The variance after all of these steps."""
    variance = float(variance)  # one that grows without bound is infinite, and no warning
    for gain, noise in zip(a.tolist(), b.tolist()):
        variance = gain * gain * variance + noise * noise
    return variance


def variance_and_rates(sde, v, t):
    """The variance of x_t for data of variance v, V, and its first two derivatives, by the moment equation."""
    now = process(sde, t)
    variance = now.scale**2 * v + now.variance
    first = -now.beta * variance + now.noise
    return variance, first, -now.beta_rate * variance - now.beta * first + now.noise_rate


def integrated(rate, low):
    """int_low^1 rate(t) dt by a Gauss rule."""
    t = low + 0.5 * (1 - low) * (1 + NODES)
    return 0.5 * (1 - low) * float(WEIGHTS @ rate(t))


def carried_back(sde, v, low):
    """How an error of the variance at t arrives at `low` by the reverse SDE: m(t)^2/m^2 (V/V(t))^2."""
    end, then = process(sde, low).scale, variance_and_rates(sde, v, low)[0]
    return lambda t: (process(sde, t).scale / end) ** 2 * (then / variance_and_rates(sde, v, t)[0]) ** 2


@theorem(
    EULER,
    kind="limit",
    about="euler_maruyama_step",
    case=lambda draw: {"sde": draw.choice(PROCESSES), "v": 0.3},
    cases=len(PROCESSES),
)
def euler_maruyama_has_weak_order_one(impl, sde, v):
    r"""From normal data the variance at t = 1 misses the closed form by order 1 in dt, 200 to 12,800 steps.

    V_N - V(1) = \tfrac1N \int_0^1 \tfrac{m(1)^2}{m(t)^2} [\tfrac14 \beta^2 V - \tfrac12 \ddot V]\, dt + O(N^{-2})"""

    def error(n):
        def step(k, x, z):
            return impl.euler_maruyama_step(impl.sde(sde), x, k / n, 1 / n, z).x

        return composed(*affine(step, np.arange(n))[:2], v) - variance_and_rates(sde, v, 1.0)[0]

    def rate(t):
        now, (variance, _, second) = process(sde, t), variance_and_rates(sde, v, t)
        return (process(sde, 1.0).scale / now.scale) ** 2 * (0.25 * now.beta**2 * variance - 0.5 * second)

    return Limit(1 / N_STEPS, np.array([error(int(n)) for n in N_STEPS]), 1, integrated(rate, 0.0))


# The reverse-time SDE and the probability flow: the law of a mixture at all times


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


@theorem(ANDERSON, kind="pointwise", about="reverse_sde_step", case=a_step_back, cancels=EITHER_SIGN)
def reverse_sde_step_by_hand(impl, sde, model, x, t, dt, z):
    r"""The drift turned round, and along the score g^2 dt, whatever the field.

    x + \tfrac12 \beta x\, dt + g^2 s(x, t)\, dt + g \sqrt{dt}\, z"""
    every = t * np.ones(len(x))
    now, s = process(sde, every), score_and_jacobian(model, x, every)[0]
    beta, noise = column(now.beta), column(now.noise)
    stepped = impl.reverse_sde_step(impl.score(model), impl.sde(sde), x, t, dt, z).x
    return Sides([stepped], [x, 0.5 * beta * x * dt, noise * s * dt, np.sqrt(noise * dt) * z])


def without_noise(case: Callable) -> Callable:
    """The same cases of what takes no step."""
    return lambda draw: {name: value for name, value in case(draw).items() if name not in ("dt", "z")}


@theorem(
    FLOW, kind="pointwise", about="probability_flow_velocity", case=without_noise(a_step_back), cancels=EITHER_SIGN
)
def velocity_by_hand(impl, sde, model, x, t):
    r"""The drift less half of g^2 times the score, whatever the field.

    -\tfrac12 \beta x - \tfrac12 g^2 s(x, t)"""
    every = t * np.ones(len(x))
    now, s = process(sde, every), score_and_jacobian(model, x, every)[0]
    terms = [-0.5 * column(now.beta) * x, -0.5 * column(now.noise) * s]
    return Sides([impl.probability_flow_velocity(impl.score(model), impl.sde(sde), x, t)], terms)


def on_the_line(draw: Draw) -> dict:
    """A mixture on the line, points, each at its own time, and a step."""
    model = draw.model(1, ("diffused_mixture",))
    return {
        "model": model,
        "x": draw.reals((3, 1), -3, 3),
        "t": draw.reals((3,), 0.05, 0.99),
        "dt": draw.real(0.2, 0.8),
    }


def rate_of_the_law(model, x, t):
    """d/dt P(x_t < x) over p_t(x), (n, 1): of each component what its mean M and its variance C do, as terms.

    dM/dt = -1/2 beta M and dC/dt = g^2 - beta C, so that sqrt(C) d/dt (x - M)/sqrt(C) has three terms.
    """
    now, (_, means, variances) = process(model.parameters["sde"], t), components(model, t)
    r, shifts, beta, noise = log_law(model, x, t)[1][:, :, None], x - means, column(now.beta), column(now.noise)
    moved = 0.5 * beta * means, 0.5 * beta * shifts, -0.5 * noise * shifts / variances
    return [term for part in moved for term in r * part]


def executed_back(impl, model, x, t, dt):
    """Drift and noise as executed by a step back: b(x) = (x - x'(0))/dt, g^2 = (x'(1) - x'(0))^2/dt, and x'(0)."""
    sde, s = impl.sde(model.parameters["sde"]), impl.score(model)
    still, kicked = (impl.reverse_sde_step(s, sde, x, t, dt, z + 0 * x).x for z in (0.0, 1.0))
    return (x - still) / dt, (kicked - still) ** 2 / dt, still


@theorem(ANDERSON, kind="pointwise", about="reverse_sde_step", case=on_the_line, cancels=EITHER_SIGN)
def reverse_sde_has_the_law_in_reverse(impl, model, x, t, dt):
    r"""Drift and noise as executed solve the reverse-time Fokker-Planck equation of a mixture's law, at every point.

    \partial_t P(x_t < x) = -b\, p_t - \tfrac12 g^2\, \partial_x p_t,\ b = f - g^2 s"""
    b, noise, still = executed_back(impl, model, x, t, dt)
    s, size = score_and_jacobian(model, x, t)[0], (np.abs(x) + np.abs(still)) / dt
    formula = [size, np.abs(s) * np.sqrt(noise * dt) * (size + np.sqrt(noise / dt))]
    return Sides([-b, -0.5 * noise * s], rate_of_the_law(model, x, t), formula=formula)


@theorem(
    FLOW, kind="pointwise", about="probability_flow_velocity", case=without_noise(on_the_line), cancels=EITHER_SIGN
)
def velocity_carries_the_law(impl, model, x, t):
    r"""The velocity solves the continuity equation of a mixture's law, at every point.

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
    """d/dt E cos(w . x_t + phase), for each component what its mean and its variance do."""
    logits, means, variances = (part[:, 0] for part in components(model, np.array([t])))
    now = process(model.parameters["sde"], t)
    size, angle = np.exp(logits - 0.5 * variances @ waves**2), means @ waves + phase
    widening = (now.noise - now.beta * variances) @ waves**2
    return [*(0.5 * now.beta * (means @ waves) * np.sin(angle) * size), *(-0.5 * widening * np.cos(angle) * size)]


@theorem(ANDERSON, kind="quadrature", about="reverse_sde_step", case=a_wave, plane=True, cancels=EITHER_SIGN)
def reverse_sde_moves_waves_in_reverse(impl, model, t, dt, waves, phase):
    r"""The same equation in the mean of every wave, also in the plane: Fokker-Planck in its weak form.

    \tfrac{d}{dt} \mathbb E[h(x_t)] = \mathbb E[b \cdot \nabla h - \tfrac12 g^2 \Delta h],\ h = \cos(w \cdot x + c)"""

    def moved(x):
        b, noise, _ = executed_back(impl, model, x, t, dt)
        angle = x @ waves + phase
        return -(b @ waves) * np.sin(angle) + 0.5 * (noise @ waves**2) * np.cos(angle)

    terms, change = expect([moved], law_at(model, t))
    return Sides(terms, rate_of_a_wave(model, t, waves, phase), change)


@theorem(
    FLOW,
    kind="quadrature",
    about="probability_flow_velocity",
    case=without_noise(a_wave),
    plane=True,
    cancels=EITHER_SIGN,
)
def velocity_moves_waves(impl, model, t, waves, phase):
    r"""The continuity equation in the mean of every wave, also in the plane.

    \tfrac{d}{dt} \mathbb E[h(x_t)] = \mathbb E[u \cdot \nabla h],\ h = \cos(w \cdot x + c)"""
    s, sde = impl.score(model), impl.sde(model.parameters["sde"])

    def moved(x):
        return -(impl.probability_flow_velocity(s, sde, x, t) @ waves) * np.sin(x @ waves + phase)

    terms, change = expect([moved], law_at(model, t))
    return Sides(terms, rate_of_a_wave(model, t, waves, phase), change)


def data_and_end(draw: Draw) -> dict:
    sde, low = draw.choice([(sde, low) for sde in PROCESSES for low in (0.0, 0.1)])
    return {"sde": sde, "low": low, "v": 0.3}


@theorem(f"{ANDERSON}; {EULER}", kind="limit", about="reverse_sde_step", case=data_and_end, cases=2 * len(PROCESSES))
def reverse_chain_has_order_one(impl, sde, low, v):
    r"""From the law at t = 1 the variance at t_0 >= 0 misses the data's, diffused, by order 1 in dt.

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


def a_method(draw: Draw) -> dict:
    return dict(zip(("method", "order", "fewest"), draw.choice(METHODS))) | {"sde": PROCESSES[0]}


@theorem(
    f"{SONG}, section 4.3; Hairer, Norsett and Wanner 1993, section II.1",
    kind="limit",
    about="probability_flow_velocity",
    case=a_method,
    cases=len(METHODS),
)
def ode_steps_have_their_orders(impl, method, order, fewest, sde):
    r"""From noise to normal data along the velocity: Euler steps have order 1, Heun steps 2, Runge-Kutta steps 4.

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


# The probability flow, solved: errors of a solution are bounded by the tolerances that were asked for


def promised(error, tolerance: float) -> Sides:
    """Every error is at most ten times the tolerance; so 1e-9 at 1e-10."""
    return Sides([np.abs(error)[None]], [PROMISE * tolerance], inequality=True)


POINTS = np.array([[-1.5, 0.6], [0.4, -1.0], [1.3, 0.2]])
WELLS = {"logits": np.array([0.3, -0.4]), "means": np.array([[-1.0, 0.5], [0.8, -0.3]])}
WELLS |= {"variances": np.array([[0.4, 0.9], [0.7, 0.3]])}
MEAN, VARIANCE = np.array([0.7, -0.4]), np.array([0.4, 1.3])
PATHS = [  # an SDE, from where to where in time, and the tolerance
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
    """Where the flow of normal data leads, and the variances at both ends."""
    here, there = process(sde, t0), process(sde, t1)
    before, after = (now.scale**2 * variance + now.variance for now in (here, there))
    return there.scale * mean + np.sqrt(after / before) * (x - here.scale * mean), before, after


@theorem(FLOW, about="probability_flow", case=a_path, **AT_PATHS)
def flow_carries_gaussians_in_closed_form(impl, sde, x, t0, t1, tolerance):
    r"""On normal data the flow is affine, forward and back; a solution is as good as asked: within 1e-9 at 1e-10.

    x(t_1) = m_1 \mu + \sqrt{V_1/V_0}\, (x - m_0 \mu),\ V_i = m_i^2 v + std_i^2"""
    model, end = one_gaussian(sde, MEAN, VARIANCE), along_the_flow(sde, MEAN, VARIANCE, x, t0, t1)[0]
    arrived = impl.probability_flow(impl.score(model), impl.sde(sde), x, t0, t1, tolerance, tolerance)
    return promised(arrived - end, tolerance)


@theorem(FLOW, about="probability_flow", case=a_path, **AT_PATHS)
def flow_keeps_quantiles(impl, sde, x, t0, t1, tolerance):
    r"""On the line the flow of a mixture takes every quantile to that of the other time.

    P(x_{t_1} < x(t_1)) = P(x_{t_0} < x(t_0))"""
    model, x, times = wells(sde, 1), x[:, :1], np.ones((2, len(x))) * [[t0], [t1]]
    arrived = impl.probability_flow(impl.score(model), impl.sde(sde), x, t0, t1, tolerance, tolerance)
    return promised(below(model, arrived, times[1]) - below(model, x, times[0]), tolerance)


def log_density_at(model: Model, t: float) -> Model:
    """log p_t as model data."""
    p = law_at(model, t)
    precisions = np.array([np.diag(1 / np.diag(cov)) for cov in p.covs])
    logits = np.log(p.weights) + 0.5 * np.linalg.slogdet(precisions)[1]
    inner = {"logits": logits, "means": p.means, "precisions": precisions}
    return Model("log_density", {"kind": "mixture", "parameters": inner, "log_z": 0.5 * p.d * LOG_2PI})


def density_by_the_flow(impl, model, x, t0, t1, tolerance, **options):
    """log p_t0(x), from the law at t1."""
    given = impl.score(model), impl.sde(model.parameters["sde"]), x, t0, t1, tolerance, tolerance
    return impl.probability_flow_log_prob(*given, log_end=impl.energy(log_density_at(model, t1)), **options)


@theorem(LIKELIHOOD, about="probability_flow_log_prob", case=a_dear_path, **AT_PATHS)
def flow_gives_the_density(impl, sde, x, t0, t1, tolerance):
    r"""With the law at the end of the path it is the log-density of a mixture at its start: within 1e-7 at 1e-8.

    \log p_{t_0}(x) = \log p_{t_1}(x(t_1)) + \int_{t_0}^{t_1} \operatorname{div} u\, dt"""
    model = wells(sde, 2)
    value = density_by_the_flow(impl, model, x, t0, t1, tolerance)
    return promised(value - log_law(model, x, t0 * np.ones(len(x)))[0], tolerance)


def turned(angle: float) -> np.ndarray:
    """Two directions at a right angle, of length sqrt(2): the mean of v v^T over both is I."""
    return np.sqrt(2) * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


GRATHWOHL = f"{LIKELIHOOD}; Grathwohl et al. 2019, section 3.1"


@theorem(GRATHWOHL, about="probability_flow_log_prob", case=a_dear_path, **AT_PATHS)
def projections_over_a_frame_give_the_density(impl, sde, x, t0, t1, tolerance):
    r"""Hutchinson's estimate over a frame of projections, whose mean of v v^T is I, is exact.

    \tfrac1m \sum_j v_j^T (\nabla u) v_j = \operatorname{div} u,\ \tfrac1m \sum_j v_j v_j^T = I"""
    model, x, v = wells(sde, 2), x[:2], np.stack([turned(0.4), turned(1.1)], axis=1)
    value = density_by_the_flow(impl, model, x, t0, t1, tolerance, v=v)
    return promised(value - log_law(model, x, t0 * np.ones(len(x)))[0], tolerance)


def normal_log_density(x, mean, variance):
    """The log-density of independent normal coordinates, (n,)."""
    return -0.5 * np.sum((x - mean) ** 2 / variance + np.log(2 * np.pi * variance), axis=1)


PROJECTIONS = np.array([[[0.7, -1.2], [1.5, 0.3], [-0.4, 0.9]], [[-0.6, 1.1], [0.2, -0.8], [1.3, 0.5]]])


@theorem(GRATHWOHL, about="probability_flow_log_prob", case=a_dear_path, **AT_PATHS)
def any_projection_in_closed_form(impl, sde, x, t0, t1, tolerance):
    r"""On normal data the estimate is known for every projection: each coordinate stretches by the root of V_1/V_0.

    \log p_{t_1}(x(t_1)) + \tfrac12 \sum_i \overline{v_i^2} \log(V_{1,i}/V_{0,i})"""
    end, before, after = along_the_flow(sde, MEAN, VARIANCE, x, t0, t1)
    expected = normal_log_density(end, process(sde, t1).scale * MEAN, after)
    expected = expected + 0.5 * np.mean(PROJECTIONS**2, axis=0) @ np.log(after / before)
    value = density_by_the_flow(impl, one_gaussian(sde, MEAN, VARIANCE), x, t0, t1, tolerance, v=PROJECTIONS)
    return promised(value - expected, tolerance)


def to_the_end(draw: Draw) -> dict:
    return {"sde": draw.choice(PROCESSES), "x": POINTS, "t0": 0.1, "tolerance": 1e-8}


@theorem(LIKELIHOOD, about="probability_flow_log_prob", case=to_the_end, kind="quadrature", cases=len(PROCESSES))
def prior_stands_in_for_the_law_at_the_end(impl, sde, x, t0, tolerance):
    r"""Without the law at t = 1 it takes the prior for it, and is wrong by what the two differ at the end of the path.

    \log p_{t_0}(x) - \log p_1(x(1)) + \log \pi(x(1)),\ \pi = \mathcal N(0, I),
    \ \mathcal N(0, std(1)^2 I) \text{ where } m = 1"""
    end, before, after = along_the_flow(sde, MEAN, VARIANCE, x, t0, 1.0)
    here, last = process(sde, t0), process(sde, 1.0)
    right = normal_log_density(x, here.scale * MEAN, before) - normal_log_density(end, last.scale * MEAN, after)
    prior = (last.variance if sde["kind"] == "VarianceExploding" else 1.0) * np.ones(2)
    given = impl.score(one_gaussian(sde, MEAN, VARIANCE)), impl.sde(sde), x, t0, 1.0, tolerance, tolerance
    return promised(impl.probability_flow_log_prob(*given) - right - normal_log_density(end, 0.0, prior), tolerance)


# Predictor and corrector


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
    """From late to early."""
    return draw.real(0.6, 0.99) * np.cumprod([1.0, *(draw.real(0.4, 0.9) for _ in range(n_steps))])


def return_by_hand(sde, model, x, times, eta, z):
    """What was added up after each time: start, drift and noise; and their sizes before cancellation."""
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


def field_by_hand(model, x, t):
    return score_and_jacobian(model, x, t * np.ones(len(x)))[0]


CORRECTED = f"{SONG}, algorithm 1 and section 4.2"


@theorem(CORRECTED, kind="pointwise", about="predictor_corrector", case=a_return, cancels=EITHER_SIGN)
def predictor_corrector_by_hand(impl, sde, model, x, times, eta, z):
    r"""At each time a reverse step, then Langevin steps with the score of the time arrived at, whatever the field.

    x \leftarrow x + (\tfrac12 \beta x + g^2 s(x, t_k))\, dt + g \sqrt{dt}\, z,
    \ x \leftarrow x + \eta_k s(x, t_{k+1}) + \sqrt{2\eta_k}\, z"""
    *terms, size = (parts[-1] for parts in return_by_hand(sde, model, x, times, eta, z))
    given = impl.score(model), impl.sde(sde)
    return Sides([impl.predictor_corrector(*given, x, times, eta, z)], terms, formula=[size])


@theorem(CORRECTED, kind="pointwise", about="predictor_corrector", case=a_return, cancels=EITHER_SIGN)
def states_of_the_return_by_hand(impl, sde, model, x, times, eta, z):
    r"""Asked for the trajectory, it returns the states after the corrections of every time.

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


@theorem(CORRECTED, kind="pointwise", about="predictor_corrector", case=a_gaussian_return, cancels=EITHER_SIGN)
def predictor_corrector_on_a_gaussian(impl, sde, mean, variance, start, times, eta, corrections):
    r"""On normal data it is a composition of affine maps, so that the law is known at the end.

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


# Denoising diffusion in N steps


def a_discrete_step(draw: Draw) -> dict:
    """A network knows positive levels; a mixture knows times, of which the first two steps are some."""
    d, n, n_steps = draw.count(1, 3), 3, draw.count(2, 6)
    model = draw.model(d, FIELDS)
    first, last = (0, 1) if model.kind == "diffused_mixture" else (1, n_steps - 1)
    return {
        "model": model,
        "betas": draw.reals((n_steps,), 0.02, 0.6),
        "x": draw.reals((n, d), -3, 3),
        "i": np.array([draw.count(first, last) for _ in range(n)]) if draw.count(0, 1) else draw.count(first, last),
        "z": draw.reals((n, d), -3, 3),
        "posterior": draw.choice((False, True)),
    }


def lost(betas):
    """(1 - a_i, 1 - a_{i-1}), each a sum of positive terms."""
    after = np.array(list(accumulate(betas, one_more_step)))
    return after, np.concatenate([[0.0], after[:-1]])


@theorem(
    f"{HO}, algorithm 2; {SONG}, appendix E",
    kind="pointwise",
    about="ddpm_step",
    case=a_discrete_step,
    cancels=EITHER_SIGN,
)
def ddpm_step_by_hand(impl, model, betas, x, i, z, posterior):
    r"""Along the score, then larger, then noise of variance beta, or that of the posterior, whatever the field.

    \frac{x + \beta_i s(x, i)}{\sqrt{1 - \beta_i}} + \sigma_i z,
    \ \sigma_i^2 = \beta_i \text{ or } \beta_i \frac{1 - a_{i-1}}{1 - a_i}"""
    every = i * np.ones(len(x), int)
    beta, after, before = (column(part[every]) for part in (betas, *lost(betas)))
    sigma = np.sqrt(beta * before / after if posterior else beta)
    s, grown = field_by_hand(model, x, every), 1 / np.sqrt(1 - beta)
    stepped = impl.ddpm_step(impl.score(model), betas, x, i, z, posterior).x
    return Sides([stepped], [x * grown, beta * s * grown, sigma * z])


def a_tiny_step(draw: Draw) -> dict:
    """From the origin, of variances between 2^-44 and 2^-20, of the posterior: not the first, which has none."""
    case = a_discrete_step(draw) | {"posterior": True, "i": 1}
    return case | {"betas": case["betas"] * 2.0 ** -draw.count(20, 38), "x": 0 * case["x"]}


@theorem(f"{HO}, eq. 7", kind="pointwise", about="ddpm_step", case=a_tiny_step, cancels=EITHER_SIGN)
def ddpm_step_of_tiny_variances(impl, **case):
    r"""The same where nearly nothing is lost yet: the posterior's variance has its digits.

    1 - a_i = (1 - a_{i-1})(1 - \beta_i) + \beta_i"""
    return ddpm_step_by_hand(impl, **case)


@theorem(f"{HO}, eqs. 6 and 7", kind="pointwise", about="ddpm_step", case=a_discrete_step)
def variance_of_the_step_by_conditioning(impl, model, betas, x, i, z, posterior):
    r"""Its variance is that of x_{i-1} given x_i, by Bayes: beta_i for unit normal data, the other for known data.

    \sigma_i^2 = \frac{V \beta_i}{(1 - \beta_i) V + \beta_i},\ V = 1 \text{ or } 1 - a_{i-1}"""
    every = i * np.ones(len(x), int)
    beta, before = (column(part[every]) for part in (betas, lost(betas)[1]))
    spread = before if posterior else 1.0
    moved, still = (impl.ddpm_step(impl.score(model), betas, x, i, unit + 0 * z, posterior).x for unit in (1.0, 0.0))
    executed = (moved - still) ** 2
    formula = [np.abs(moved - still) * (np.abs(moved) + np.abs(still))]
    return Sides([executed], [spread * beta / ((1 - beta) * spread + beta) + 0 * x], formula=formula)


def two_steps(draw: Draw) -> dict:
    """Data from a mixture, and its score after both of two steps, as that of an SDE at time 1."""
    d = draw.count(1, 3)
    given, betas = draw.model(d, ("smoothed_mixture",)).parameters, draw.reals((2,), 0.05, 0.6)
    rate = -float(np.sum(np.log1p(-betas)))
    sde = {"kind": "VariancePreserving", "parameters": {"beta_min": rate, "beta_max": rate}}
    return {"model": Model("diffused_mixture", {"sde": sde, **given}), "betas": betas, "x": draw.reals((3, d), -3, 3)}


@theorem(f"{HO}, eq. 7; Efron 2011, eq. 2.8", kind="pointwise", about="ddpm_step", case=two_steps, cancels=EITHER_SIGN)
def mean_of_the_step_by_conditioning(impl, model, betas, x):
    r"""With the score of a mixture, diffused, its mean is that of x_{i-1} given x_i, by Bayes on each component.

    \frac{x + \beta s(x)}{\sqrt{1 - \beta}} = \mathbb E[x_{i-1} | x_i = x]"""
    first, beta = betas
    means, variances = (model.parameters[name][:, None, :] for name in ("means", "variances"))
    means, variances = np.sqrt(1 - first) * means, (1 - first) * variances + first
    gain = np.sqrt(1 - beta) * variances / ((1 - beta) * variances + beta)
    r = log_law(model, x, np.ones(len(x)))[1][:, :, None]
    stepped = impl.ddpm_step(impl.score(model), betas, x, 1, 0 * x).x
    return Sides([stepped], [*(r * means), *(r * gain * x), *(-r * gain * np.sqrt(1 - beta) * means)])


CONSTANT = {"kind": "VariancePreserving", "parameters": {"beta_min": 0.6, "beta_max": 0.6}}
STARTS = [(2.0, 1.3, 0.4), (3.0, -0.8, -1.2), (1.0, 0.5, 2.0)]  # beta, x and z


@theorem(
    f"{SONG}, appendix E",
    kind="limit",
    about="ddpm_step",
    case=lambda draw: dict(zip(("beta", "start", "z"), draw.choice(STARTS))),
    cases=len(STARTS),
)
def ddpm_step_is_a_reverse_step(impl, beta, start, z):
    r"""Beside one Euler-Maruyama step of the reverse-time SDE it is of order 2 in dt, beta_i being beta dt.

    x' - [x + (\tfrac12 \beta x + \beta s)\, dt + \sqrt{\beta\, dt}\, z] = (\tfrac38 x + \tfrac12 s) \beta^2 dt^2
    + O(dt^3)"""
    model, steps, x = one_gaussian(CONSTANT, 0.4, 0.5), 0.004 * 0.5 ** np.arange(4), np.array([[start]])
    s = field_by_hand(model, x, 1.0)[0, 0]
    errors = [
        impl.ddpm_step(impl.score(model), np.array([0.3, beta * dt]), x, 1, z + 0 * x).x[0, 0]
        - (start + (0.5 * beta * start + beta * s) * dt + np.sqrt(beta * dt) * z)
        for dt in steps
    ]
    return Limit(steps, np.array(errors), 2, beta**2 * (0.375 * start + 0.5 * s))


def discrete_chain(impl, n, v, low, posterior):
    """What the variance misses after a chain of n steps, of which the first n low are left out, on normal data.

    A step makes a x + c s + b z of x, s and z: c from a field that is 1/i, whatever x.
    """
    t, left_out = (1 + np.arange(n)) / n, round(n * low)
    betas = process(PROCESSES[0], t).beta / n
    variances = 1 + np.cumprod(1 - betas) * (v - 1)
    flat = impl.score(Model("noise_conditional", {"layers": ((np.zeros((2, 1)), np.ones(1)),)}))
    ends = impl.score(one_gaussian(PROCESSES[0], 0.0, variances[0]))  # its law at time 0 is that after the first step

    def step(score):
        return lambda i, x, z: impl.ddpm_step(score, betas, x, i, z, posterior).x

    i = np.arange(n - 1, max(left_out, 1) - 1, -1)
    a, b, c = affine(step(flat), i)
    variance = composed(a - i * c / variances[i], b, variances[-1])
    if left_out:
        return variance - variances[left_out - 1]
    return composed(*affine(step(ends), np.array([0]))[:2], variance) - v


def ddpm_rate(v, low, posterior):
    """The rate at which the variance of such a chain goes wrong, as it arrives at the end."""

    def rate(t):
        now, variance = process(PROCESSES[0], t), variance_and_rates(PROCESSES[0], v, t)[0]
        missing = (1 - variance) / variance - posterior * now.scale**2 / now.variance
        return carried_back(PROCESSES[0], v, low)(t) * now.beta**2 * missing

    return rate


ENDS = [(False, 0.0), (False, 0.1), (True, 0.1)]


@theorem(
    f"{HO}, section 3.2; {SONG}, appendix E",
    kind="limit",
    about="ddpm_step",
    case=lambda draw: dict(zip(("posterior", "low"), draw.choice(ENDS))) | {"v": 0.3},
    cases=len(ENDS),
)
def ddpm_chain_has_order_one(impl, posterior, low, v):
    r"""With beta_i for the variance the chain reaches that of the data with order 1; with the other, if stopped before.

    V - V(t_0) = \tfrac1N \int_{t_0}^1 \tfrac{m(t)^2 V(t_0)^2}{m(t_0)^2 V(t)^2} \beta^2
    [\tfrac{1 - V}{V} - \tfrac{m^2}{1 - m^2}]\, dt + O(N^{-2}), \text{ the last term for the posterior variance}"""
    errors = [discrete_chain(impl, int(n), v, low, posterior) for n in N_STEPS]
    return Limit(1 / N_STEPS, np.array(errors), 1, integrated(ddpm_rate(v, low, posterior), low))


VARIANCES = [0.2, 0.3]


@theorem(
    f"{HO}, section 3.2",
    kind="limit",
    about="ddpm_step",
    case=lambda draw: {"v": draw.choice(VARIANCES)},
    cases=len(VARIANCES),
)
def posterior_variance_has_a_logarithm(impl, v):
    r"""With the posterior variance down to the data, the error is not of order 1 in h = 1/N: it has a logarithm.

    e(h) = -\beta(0)\, h \log(1/h) + c h + \dots:\quad e(h) - \tfrac12 e(2h) = -\beta(0) \log(2)\, h + O(h^2 \log h)"""
    errors = np.array([discrete_chain(impl, int(n), v, 0.0, True) for n in N_STEPS])
    coefficient = -float(process(PROCESSES[0], 0.0).beta) * np.log(2)
    with np.errstate(invalid="ignore"):
        return Limit(1 / N_STEPS[1:], errors[1:] - 0.5 * errors[:-1], 1, coefficient)
