"""The score of a mixture at several noise levels: exact, and as a network learnt it from samples.

Page: denoising
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.noise_levels import MIXTURE, learnt, saved, score_errors
from figures.style import BLACK, BLUE, GREY, ORANGE, panels, shade, styled
from refebm.models import at

LEVELS = (0.1, 0.5, 2.0)
REACH, ARROWS, SEED = 4.0, 13, 7


@styled
def draw(size: float = 1.0) -> Figure:
    """Arrows to the denoised point, y + sigma^2 s(y), and the error of the learnt score at each level."""
    s = learnt("mixture", saved()["mixture"])
    figure, axes = panels([list("abc"), ["errors"] * 3], height=6.0, height_ratios=[1.1, 1])
    for name, sigma in zip("abc", LEVELS):
        _arrows(axes[name], at(s, sigma), sigma, max(round(120 * size), 20))
        axes[name].set_title(rf"$\sigma = {sigma:g}$")
    levels, error, exact = score_errors(s, max(round(20_000 * size), 200)).T
    axes["errors"].loglog(levels, exact, "o-", color=GREY, label="the score itself")
    axes["errors"].loglog(levels, error, "s-", color=BLUE, label="its error, learnt")
    axes["errors"].set_xlabel(r"noise level $\sigma$ (in units of $x$)")
    axes["errors"].set_ylabel("mean square of $\\sigma s$\nper coordinate (a pure number)")
    axes["errors"].legend(loc="center right")
    return figure


def _arrows(axes: Axes, learnt_score, sigma: float, n: int) -> None:
    """The exact score in black, the learnt score on top of it."""
    p, line = MIXTURE.smoothed(sigma), np.linspace(-REACH, REACH, n)
    shade(axes, line, line, p.log_prob)
    points = np.stack(np.meshgrid(*[np.linspace(-REACH, REACH, ARROWS)] * 2), axis=-1).reshape(-1, 2)
    scale = 0.28 / sigma  # sigma s has size one where there are data
    for score, colour, width in ((p.score, BLACK, 0.008), (learnt_score, ORANGE, 0.004)):
        arrows = scale * sigma**2 * score(points)
        lengths = np.linalg.norm(arrows, axis=1, keepdims=True)
        arrows = arrows * np.minimum(1, 0.6 / lengths)
        axes.quiver(*points.T, *arrows.T, angles="xy", scale_units="xy", scale=1, color=colour, width=width)
    axes.set(
        xlim=(-REACH, REACH), ylim=(-REACH, REACH), xlabel="$x_1$ (in units of $x$)", ylabel="$x_2$ (in units of $x$)"
    )
