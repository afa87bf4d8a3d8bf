"""Langevin dynamics between two modes, with and without annealing.

Page: langevin
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import norm

from figures.style import BLACK, BLUE, GREY, ORANGE, panels, shade, styled
from refebm import GaussianMixture, annealed_langevin, annealed_langevin_tape, langevin_step, run

SEED = 2019
# Song and Ermon 2019, section 3.2.2.
DENSITY = GaussianMixture([0.2, 0.8], [[-5.0, -5.0], [5.0, 5.0]], 1.0)
WIDE = 8.0  # chains start uniformly in the square [-WIDE, WIDE]^2
SIGMAS = np.geomspace(10.0, 0.3, 15)
EPS = 0.01
CHAINS, STEPS, SHOWN, PATHS = 2000, 150, 250, 5


def _noisy_score(x, sigma):
    """The exact score of the noisy density; sigma is the same in all rows."""
    return DENSITY.smoothed(sigma[0]).score(x)


def _annealed(start: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The states after each level, (L, n, 2)."""
    return annealed_langevin(_noisy_score, start, SIGMAS, EPS, z, every_level=True)


def _vanilla(start: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The states after the same number of steps with the clean score and the step size of the last level."""
    states = [start]
    for noise in z:
        states.append(run(lambda x, z: langevin_step(DENSITY.score, x, EPS, z), states[-1], noise).x)
    return np.stack(states[1:])


def _share(x: np.ndarray) -> np.ndarray:
    """The share of the chains on the side of the greater mode, and its standard error."""
    share = np.mean(np.sum(x, axis=-1) > 0, axis=-1)
    return share, np.sqrt(share * (1 - share) / x.shape[-2])


def _exact_share(sigma: np.ndarray) -> np.ndarray:
    """P(x_1 + x_2 > 0) under the noisy density."""
    side = norm.cdf(np.sum(DENSITY.means, axis=1) / np.sqrt(2 * (1 + sigma[:, None] ** 2)))
    return side @ DENSITY.weights


@styled
def draw(size: float = 1.0) -> Figure:
    """Plain Langevin chains stay in the mode they fall into, whatever its weight; annealed ones find the weights."""
    rng, n, steps = np.random.default_rng(SEED), max(round(CHAINS * size), 100), max(round(STEPS * size), 10)
    start = rng.uniform(-WIDE, WIDE, (n, 2))
    z = annealed_langevin_tape(rng, len(SIGMAS), steps, n, 2)
    chains = {"plain": _vanilla(start, z), "annealed": _annealed(start, z)}
    figure, axes = panels([["plain", "annealed"], ["shares", "shares"]], height=7.2, height_ratios=[1.35, 1])
    for (name, states), colour in zip(chains.items(), (ORANGE, BLUE)):
        _ends(axes[name], start, states, colour, max(round(150 * size), 20))
        axes[name].set_title(f"{name}: {100 * _share(states[-1])[0]:.0f} % of chains in the upper mode")
    axes["plain"].set_ylabel("$x_2$ (in units of a mode's deviation)")
    _shares(axes["shares"], chains, steps)
    return figure


def _ends(axes: Axes, start: np.ndarray, states: np.ndarray, colour: str, n: int) -> None:
    """The ends of the chains over the density as shades, and the paths of a few chains from level to level."""
    grid = np.linspace(-10, 10, n)
    shade(axes, grid, grid, DENSITY.log_prob)
    axes.plot(*states[-1, :SHOWN].T, ".", color=colour, markersize=3, zorder=3)
    for path in np.stack([start, *states])[:, :PATHS].transpose(1, 0, 2):
        axes.plot(*path.T, color=GREY, linewidth=0.8)
        axes.plot(*path[0], "o", color=BLACK, markersize=4)
    axes.plot([-10, 10], [10, -10], ":", color=GREY, linewidth=0.8)
    ticks = [-10, -5, 0, 5, 10]
    axes.set(
        xlim=(-10, 10), ylim=(-10, 10), xticks=ticks, yticks=ticks, xlabel="$x_1$ (in units of a mode's deviation)"
    )


def _shares(axes: Axes, chains: dict, steps: int) -> None:
    """The share of chains in the greater mode after each level."""
    sigma = np.geomspace(SIGMAS[0], SIGMAS[-1], 200)
    axes.plot(sigma, _exact_share(sigma), color=BLACK, linewidth=1, label="exact, at this noise")
    marks = (("annealed", "o", BLUE), ("plain", "s", ORANGE))
    for name, marker, colour in marks:
        share, error = _share(chains[name])
        label = "annealed" if name == "annealed" else "plain, after as many steps"
        axes.errorbar(SIGMAS, share, 2 * error, fmt=marker, color=colour, markersize=5, capsize=3, label=label)
    axes.set_xscale("log")
    axes.set_xlim(13, 0.25)
    axes.set_xticks([10, 3, 1, 0.3], ["10", "3", "1", "0.3"])
    axes.minorticks_off()
    axes.set_ylim(0.4, 0.9)
    axes.set_xlabel(
        rf"noise level $\sigma$, from large to small, {steps} steps at each (in units of a mode's deviation)"
    )
    axes.set_ylabel("share of chains above\nthe diagonal (a pure number)")
    axes.legend(loc="lower center", ncols=3)
