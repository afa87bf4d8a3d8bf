"""Scores beside their densities.

Page: densities
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from figures.style import BLACK, BLUE, GREY, RED, panels, shade, styled
from refebm import Gamma, Gaussian, GaussianMixture

LINES = (
    ("Gaussian", (-3.5, 3.5), r"\sigma", [(Gaussian(0.0, 1.0), BLUE, "-", None)]),
    (
        "Gamma",
        (0.0, 9.0),
        r"1/\beta",
        [(Gamma(1.0, 1.0), RED, "--", r"$\alpha = 1$"), (Gamma(3.0, 1.0), BLUE, "-", r"$\alpha = 3$")],
    ),
    ("mixture", (-5.0, 5.0), r"\sigma", [(GaussianMixture([0.35, 0.65], [[-2.0], [2.0]], 1.0), BLUE, "-", None)]),
)
PLANE = GaussianMixture(
    [0.3, 0.4, 0.3],
    [[-3.6, 0.3], [0.0, -0.3], [3.6, 0.5]],
    [[[1.2, 0.4], [0.4, 0.5]], [[0.6, 0.0], [0.0, 0.6]], [[0.9, -0.45], [-0.45, 0.7]]],
)
ARROW = 8.0


@styled
def draw(size: float = 1.0) -> Figure:
    """Scores point uphill. They vanish at modes inside the support, and do not depend on the normaliser."""
    names = [name for name, *_ in LINES]
    figure, axes = panels(
        [[f"p {name}" for name in names], [f"s {name}" for name in names], ["plane"] * 3],
        height=7.4,
        height_ratios=[1, 1, 1.5],
    )
    for name, ends, unit, curves in LINES:
        _line(axes[f"p {name}"], axes[f"s {name}"], ends, unit, curves, round(300 * size))
        axes[f"p {name}"].set_title(name)
    axes[f"p {names[0]}"].set_ylabel("density $p$\n(per unit of $x$)")
    axes[f"s {names[0]}"].set_ylabel("score $s$\n(per unit of $x$)")
    _plane(axes["plane"], round(160 * size))
    return figure


def _line(above: Axes, below: Axes, ends, unit, curves, n) -> None:
    """A density above its score; the end of the support of a Gamma density is left out."""
    x = np.linspace(*ends, n + 2)[1:-1, None]
    for density, colour, dashes, label in curves:
        above.plot(x, np.exp(density.log_prob(x)), dashes, color=colour, label=label)
        below.plot(x, density.score(x), dashes, color=colour)
    above.set_ylim(bottom=0)
    above.tick_params(labelbottom=False)
    below.axhline(0, color=GREY, linewidth=0.8)
    below.set_ylim(-3.6, 3.6)
    below.set_xlabel(f"$x$ (in units of ${unit}$)")
    for axes in (above, below):
        axes.set_xlim(ends)
        axes.xaxis.set_major_locator(MultipleLocator(2))
    if curves[0][3]:
        above.legend()


def _plane(axes: Axes, n: int) -> None:
    """The density of a mixture in the plane as shades, its score as arrows."""
    x, y = np.linspace(-6.4, 6.4, n), np.linspace(-2.2, 2.2, max(n // 3, 8))
    shade(axes, x, y, PLANE.log_prob)
    at = np.stack(np.meshgrid(np.linspace(-6, 6, 25), np.linspace(-2, 2, 9)), axis=-1).reshape(-1, 2)
    s = PLANE.score(at)
    axes.quiver(*at.T, *s.T, color=BLACK, angles="xy", scale_units="xy", scale=ARROW, width=0.0018)
    axes.set(xlabel="$x_1$ (any unit)", ylabel="$x_2$ (the same unit)")
    axes.set_title(f"mixture in the plane: shades are $p$, arrows are $s$ (length 1 is a score of {ARROW:g} per unit)")
