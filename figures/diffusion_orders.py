"""Errors of steps in time against the number of steps, exact: on Gaussian data every step is an affine map.

Page: probability_flow
"""

import numpy as np
from matplotlib.figure import Figure

from figures.style import BLUE, GREEN, GREY, ORANGE, RED, panels, styled
from refebm import (
    Gaussian,
    VariancePreserving,
    ddpm_step,
    euler_maruyama_step,
    probability_flow_velocity,
    reverse_sde_step,
)

SDE, DATA = VariancePreserving(0.1, 6.0), Gaussian(0.5, 0.36)
LONGEST = 7  # times that the number of steps is doubled
FIRST = {"chains": 50, "flows": 10}
LIMITS = {"chains": (3e-6, 0.1), "flows": (1e-12, 1e-2)}


def _law(t):
    """The mean and the variance of x_t, as columns (n, 1)."""
    scale, std = SDE.marginal(t)
    return scale[:, None] * DATA.mean, scale[:, None] ** 2 * DATA.cov[0, 0] + std[:, None] ** 2


def _score(x, t):
    mean, variance = _law(t)
    return (mean - x) / variance


def _variance_at_the_end(step, times, start: float) -> float:
    """The variance at the end of a chain of affine maps, each evaluated at 0, at x = 1 and at z = 1."""
    zero, one = np.zeros((len(times), 1)), np.ones((len(times), 1))
    moved = step(zero, zero, times)
    slope, noise = (step(one, zero, times) - moved)[:, 0], (step(zero, one, times) - moved)[:, 0]
    variance = start
    for a, b in zip(slope, noise):
        variance = a**2 * variance + b**2
    return variance


def _forward(n):
    times = np.arange(n) / n
    end = _variance_at_the_end(lambda x, z, t: euler_maruyama_step(SDE, x, t, 1 / n, z).x, times, DATA.cov[0, 0])
    return abs(end - _law(np.ones(1))[1][0, 0])


def _backward(n):
    times = 1 - np.arange(n) / n
    start = _law(np.ones(1))[1][0, 0]
    end = _variance_at_the_end(lambda x, z, t: reverse_sde_step(_score, SDE, x, t, 1 / n, z).x, times, start)
    return abs(end - DATA.cov[0, 0])


def _ddpm(n, posterior):
    betas, steps = SDE.betas(n), np.arange(n)[::-1]
    kept = np.cumprod(1 - betas)

    def score(x, i):
        mean, variance = np.sqrt(kept[i]) * DATA.mean[0], kept[i] * DATA.cov[0, 0] + 1 - kept[i]
        return (mean[:, None] - x) / variance[:, None]

    start = kept[-1] * DATA.cov[0, 0] + 1 - kept[-1]
    step = _variance_at_the_end(lambda x, z, i: ddpm_step(score, betas, x, i, z, posterior).x, steps, start)
    return abs(step - DATA.cov[0, 0])


def _flow(method):
    def error(n):
        """The error of the path that starts two deviations above the mean at t = 1, at its end at the data."""
        (mean, variance), x = _law(np.ones(1)), 2.0
        x = mean + x * np.sqrt(variance)
        for t in 1 - np.arange(n) / n:
            x = method(lambda x, t: probability_flow_velocity(_score, SDE, x, max(t, 0.0)), x, t, -1 / n)
        return abs(x[0, 0] - (DATA.mean[0] + 2 * np.sqrt(DATA.cov[0, 0])))

    return error


def _euler(u, x, t, h):
    return x + h * u(x, t)


def _heun(u, x, t, h):
    k = u(x, t)
    return x + h / 2 * (k + u(x + h * k, t + h))


def _runge_kutta(u, x, t, h):
    a = u(x, t)
    b = u(x + h / 2 * a, t + h / 2)
    c = u(x + h / 2 * b, t + h / 2)
    return x + h / 6 * (a + 2 * b + 2 * c + u(x + h * c, t + h))


CHAINS = {
    "SDE, Euler-Maruyama": (_forward, ORANGE, "o"),
    "reverse SDE": (_backward, BLUE, "s"),
    r"DDPM, $\sigma_i^2 = \beta_i$": (lambda n: _ddpm(n, False), GREEN, "^"),
    "DDPM, posterior variance": (lambda n: _ddpm(n, True), RED, "v"),
}
FLOWS = {
    "Euler": (_flow(_euler), ORANGE, "o", 1),
    "Heun": (_flow(_heun), BLUE, "s", 2),
    "Runge-Kutta": (_flow(_runge_kutta), GREEN, "^", 4),
}


@styled
def draw(size: float = 1.0) -> Figure:
    """How the errors of the variance at the end of a chain, and of the end of a flow path, fall with the steps."""
    figure, axes = panels([["chains", "flows"]], height=3.8)
    for name, parts in (("chains", CHAINS), ("flows", FLOWS)):
        doublings = max(round((LONGEST if name == "chains" else LONGEST - 1) * size), 2)
        axes[name].set_ylim(*LIMITS[name])
        steps = FIRST[name] * 2 ** np.arange(doublings)
        for label, (error, colour, marker, *order) in parts.items():
            errors = np.array([error(n) for n in steps])
            axes[name].loglog(steps, errors, marker, color=colour, label=label)
            power = order[0] if order else 1
            axes[name].loglog(steps, errors[-1] * (steps / steps[-1]) ** -power, color=GREY, linewidth=0.8)
        axes[name].set_xlabel("steps (a number)")
        axes[name].minorticks_off()
        axes[name].legend(loc="lower left")
    axes["chains"].set(title="variance of the data, order 1", ylabel="error (in units of $x^2$)")
    axes["flows"].set(title="a path of the flow, orders 1, 2, 4", ylabel="error (in units of $x$)")
    return figure
