"""From data to noise and back: an SDE, its reverse, and the probability flow, which has the same laws.

Page: reverse_diffusion
"""

from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import BLUE, ORANGE, panels, styled
from refebm import (
    GaussianMixture,
    VariancePreserving,
    euler_maruyama_step,
    langevin_tape,
    probability_flow,
    reverse_sde_step,
    run,
)

SEED = 1982
DENSITY = GaussianMixture([0.35, 0.65], [[-1.5], [1.0]], [[[0.04]], [[0.09]]])
SDE = VariancePreserving(0.1, 10.0)
TITLES = {"forward": "data to noise: the SDE", "backward": "noise to data: its reverse", "flow": "the probability flow"}
STEPS, PATHS, REACH = 500, 12, 3.2


def _score(x, t):
    """The exact score of the law at time t, the same in all rows."""
    return SDE.diffused(DENSITY, t[0]).score(x)


def _forward(x, z):
    times = np.linspace(0, 1, len(z) + 1)
    step = run(lambda x, t, z: euler_maruyama_step(SDE, x, t, times[1], z), x, (times[:-1], z), trajectory=True)
    return times, np.stack([x, *step.info.trajectory])


def _backward(x, z):
    times = np.linspace(1, 0, len(z) + 1)
    dt = times[-2]
    step = run(lambda x, t, z: reverse_sde_step(_score, SDE, x, t, dt, z), x, (times[:-1], z), trajectory=True)
    return times, np.stack([x, *step.info.trajectory])


def _flow(x, steps):
    times = np.linspace(1, 0, steps + 1)
    states = [x]
    for late, early in pairwise(times):
        states.append(probability_flow(_score, SDE, states[-1], late, early, rtol=1e-5, atol=1e-5))
    return times, np.stack(states)


@styled
def draw(size: float = 1.0) -> Figure:
    """Paths of the SDE, of its reverse from the prior, and of the flow, over the density of x_t at all times."""
    rng, steps, paths = np.random.default_rng(SEED), max(round(STEPS * size), 40), max(round(PATHS * size), 3)
    figure, axes = panels([["forward", "backward", "flow"]], height=3.6, sharey=True)
    prior = SDE.prior(1).sample(rng, paths)
    curves = {
        "forward": _forward(DENSITY.sample(rng, paths), langevin_tape(rng, steps, paths, 1)),
        "backward": _backward(prior, langevin_tape(rng, steps, paths, 1)),
        "flow": _flow(prior, max(round(40 * size), 8)),
    }
    for name, (times, states) in curves.items():
        _shades(axes[name], max(round(160 * size), 30))
        axes[name].plot(times, states[:, :, 0], color=BLUE if name == "flow" else ORANGE, linewidth=0.8)
        axes[name].set(title=TITLES[name], xlabel="time $t$ (a pure number)", xlim=(0, 1), ylim=(-REACH, REACH))
    axes["forward"].set_ylabel("$x_t$ (in units of $x$)")
    return figure


def _shades(axes: Axes, n: int) -> None:
    """The density at each time, in units of its largest value at that time."""
    x, times = np.linspace(-REACH, REACH, n), np.linspace(0, 1, n)
    p = np.stack([np.exp(SDE.diffused(DENSITY, t).log_prob(x[:, None])) for t in times], axis=1)
    axes.pcolormesh(times, x, p / np.max(p, axis=0), cmap="Greens", vmin=0, vmax=1.6, shading="nearest")
