"""Tweedie's formula: the score of noisy data leads from a noisy point to the mean of its origin.

Page: denoising
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import BLUE, GREY, RED, panels, shade, styled
from refebm import GaussianMixture, tweedie_mean

SEED = 2011
POINTS = 22
EDGE = 4.8
ANGLES = np.linspace(0.0, 1.5 * np.pi, 9)
# Three quarters of a ring.
DATA = GaussianMixture(np.ones(9) / 9, 2.5 * np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]), 0.03)


@styled
def draw(size: float = 1.0) -> Figure:
    """Tweedie's arrow from y to y + sigma^2 s(y), s the score of the noisy density, ends at the mean of x given y."""
    n = round(150 * size)
    figure, axes = panels([["little", "much"]], height=4.9, sharex=True, sharey=True)
    for name, sigma in (("little", 0.5), ("much", 1.5)):
        _arrows(axes[name], sigma, max(n, 10))
        axes[name].set_xlabel("$x_1$ (any unit)")
    axes["little"].set_ylabel("$x_2$ (the same unit)")
    figure.legend(*axes["little"].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _arrows(axes: Axes, sigma: float, n: int) -> None:
    """Noisy points, the steps sigma^2 s(y), and the posterior means by Bayes' rule for the components."""
    rng = np.random.default_rng(SEED)
    y = DATA.sample(rng, POINTS) + sigma * rng.standard_normal((POINTS, 2))
    tips, means = tweedie_mean(DATA.smoothed(sigma).score, y, sigma), DATA.posterior_mean(y, sigma)
    grid = np.linspace(-EDGE, EDGE, n)
    shade(axes, grid, grid, DATA.log_prob)
    axes.quiver(*y.T, *(tips - y).T, color=BLUE, angles="xy", scale_units="xy", scale=1, width=0.005, zorder=3)
    axes.plot(*y.T, "o", color=GREY, markersize=4, label="noisy point $y$")
    axes.plot([], [], color=BLUE, label=r"Tweedie: $\sigma^2 s(y)$")
    axes.plot(*means.T, "o", color=RED, markerfacecolor="none", markersize=9, label="$E[x\\,|\\,y]$ by Bayes")
    axes.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE))
    axes.set_title(rf"$\sigma = {sigma}$; largest gap {_exponent(np.max(np.abs(tips - means)))}")


def _exponent(value: float) -> str:
    """A number such as 1.2e-15 in LaTeX, as a factor times a power of 10."""
    digits, power = f"{value:.1e}".split("e")
    return rf"${digits} \times 10^{{{int(power)}}}$"
