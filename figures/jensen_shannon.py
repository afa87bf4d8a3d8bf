"""The noise-contrastive loss around its minimum, and the meaning of its lowest value.

Page: noise_contrastive
"""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.certified import means
from figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, RED, panels, styled
from refebm import Gaussian, noise_contrastive

DATA = Gaussian(0.0, 1.0)
NOISES = ((0.0, BLUE), (1.0, GREEN), (2.0, ORANGE), (4.0, RED))
WIDEST, FARTHEST = 4.0, 6.0


def _noise(distance: float) -> Gaussian:
    return Gaussian(distance, 1.0)


def _loss(distance: float, off: float) -> float:
    """The loss of the model (density of the data) exp(-off), nu = 1: nodes are pairs (x, y)."""

    def rows(pairs):
        x, y = pairs[:, :1], pairs[None, :, 1:]
        return noise_contrastive(lambda x: DATA.log_prob(x) - off, _noise(distance).log_prob, x, y)

    return means([rows], Gaussian([0.0, distance], 1.0))[0]


def _log_ratio(distance: float) -> Callable:
    return lambda x: DATA.log_prob(x) - _noise(distance).log_prob(x)


def _lowest(distance: float) -> float:
    """2 log 2 - 2 JS, with the Jensen-Shannon divergence JS written out."""
    ratio, noise = _log_ratio(distance), _noise(distance)
    to_data = means([lambda x: np.log(2) - np.logaddexp(0.0, -ratio(x))], DATA)[0]
    to_noise = means([lambda x: np.log(2) - np.logaddexp(0.0, ratio(x))], noise)[0]
    return 2 * np.log(2) - to_data - to_noise


def _curvature(distance: float) -> float:
    """The integral of p p_n/(p + p_n): the second derivative of the loss in log Z."""
    ratio = _log_ratio(distance)
    return means([lambda x: 1 / (1 + np.exp(ratio(x)))], DATA)[0]


@styled
def draw(size: float = 1.0) -> Figure:
    """The lowest loss is 2 log 2 - 2 JS. Farther noise makes the minimum lower and flatter: it teaches less."""
    figure, axes = panels([["loss", "lowest"]], height=4.4)
    _around_the_optimum(axes["loss"], max(round(41 * size), 9))
    _against_distance(axes["lowest"], max(round(49 * size), 5))
    return figure


def _around_the_optimum(axes: Axes, n: int) -> None:
    """The loss against log Z for the true shape of the density; dots: the closed form of the minimum."""
    off = np.linspace(-WIDEST, WIDEST, n)
    for distance, colour in NOISES:
        axes.plot(off, [_loss(distance, c) for c in off], color=colour, label=f"{distance:g}")
        axes.plot(0.0, _lowest(distance), "o", color=colour)
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel(r"the model's $\log Z$, less the true one (unit: nat)")
    axes.set_ylabel(r"loss, $\nu = 1$ (in units of nats)")
    axes.set_title("lines: loss; dots: $2\\log 2 - 2\\,$JS")
    axes.legend(title="distance of the noise\n(unit: deviation)", loc="upper center", ncols=2)


def _against_distance(axes: Axes, n: int) -> None:
    """The minimum and its curvature, which both go to zero as the noise moves away from the data."""
    distances, dots = np.linspace(0.0, FARTHEST, n), np.linspace(0.0, FARTHEST, 13)
    axes.plot(distances, [_lowest(m) for m in distances], color=BLACK, label=r"$2\log 2 - 2\,$JS")
    axes.plot(dots, [_loss(m, 0.0) for m in dots], "o", color=BLUE, label="loss at the optimum")
    axes.plot(distances, [_curvature(m) for m in distances], "--", color=GREY, label=r"its curvature in $\log Z$")
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("noise's distance from the data\n(in units of their deviation)")
    axes.set_ylabel("in units of nats")
    axes.set_title("what is left to see")
    axes.legend(loc="upper right")
