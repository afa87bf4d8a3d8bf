"""Bias against variance in the noise level sigma.

Page: denoising
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.certified import means
from figures.style import BLUE, GREY, ORANGE, RED, panels, styled
from refebm import denoising_score_matching, denoising_score_matching_cv, standard_normal

D = 2
POINT = np.array([[1.0, -0.5]])


def _field(precision: float):
    """s(x) = -precision x, the score of a Gaussian model."""
    return lambda x: -precision * x


def _loss(precision: float, sigma: float) -> float:
    """E DSM over data x from N(0, I) and over z: nodes are pairs (x, z), in 2 D dimensions."""
    pairs = standard_normal(2 * D)
    return means([lambda n: denoising_score_matching(_field(precision), n[:, :D], sigma, n[:, D:])], pairs, degree=4)[0]


def _minimiser(sigma: float) -> float:
    """The precision at which the loss, a parabola in it, is smallest."""
    low, middle, high = (_loss(precision, sigma) for precision in (0.0, 0.5, 1.0))
    return 0.5 + 0.25 * (low - high) / (low - 2 * middle + high)


def _variance(objective, precision: float, sigma: float) -> float:
    """The variance over z of one row at POINT; the objective is a polynomial of degree 4 in z, so it is exact."""

    def values(z):
        return objective(_field(precision), np.repeat(POINT, len(z), 0), sigma, z)

    z_law = standard_normal(D)
    mean = means([values], z_law, degree=4)[0]
    return means([lambda z: (values(z) - mean) ** 2], z_law, degree=4)[0]


@styled
def draw(size: float = 1.0) -> Figure:
    """Little noise gives little bias, but a variance that grows as sigma^-4 unless a control variate removes it."""
    sigma = np.geomspace(0.01, 3.0, max(round(40 * size), 6))
    precision = np.array([_minimiser(level) for level in sigma])
    figure, axes = panels([["bias", "variance"]], height=4.6)
    _bias(axes["bias"], sigma, precision)
    _variances(axes["variance"], sigma, precision)
    for panel in axes.values():
        panel.set_xlabel(r"noise $\sigma$ (in units of the data's deviation)")
        panel.legend()
    return figure


def _bias(axes: Axes, sigma: np.ndarray, precision: np.ndarray) -> None:
    """The root mean square distance of the minimiser, -precision x, from the score of the data, -x."""
    axes.loglog(sigma, 1 - 1 / (1 + sigma**2), color=ORANGE, label=r"$1 - 1/(1 + \sigma^2)$")
    axes.loglog(sigma, np.abs(1 - precision), ".", color=BLUE, label="minimiser of $E$ DSM")
    axes.text(0.06, 0.0012, f"slope ${_slope(sigma, 1 - precision):.2f}$")
    axes.set_ylabel("distance from the data's score, per coordinate\n(in units of 1/deviation)")
    axes.set_title("bias of the minimiser")


def _variances(axes: Axes, sigma: np.ndarray, precision: np.ndarray) -> None:
    """The variance over z of one row of the objective at its minimiser."""
    plain, controlled = (
        [_variance(objective, *pair) for pair in zip(precision, sigma)]
        for objective in (denoising_score_matching, denoising_score_matching_cv)
    )
    limit = 2 * np.sum(np.eye(D) ** 2)  # of s = -x, to which the minimiser tends
    axes.loglog(sigma, plain, color=RED, label="without control variate")
    axes.loglog(sigma, controlled, "--", color=BLUE, label="with control variate")
    axes.axhline(limit, color=GREY, linewidth=0.8)
    axes.text(0.01, 0.35 * limit, rf"limit $2\,|\mathrm{{sym}}\,\nabla s|_F^2 = {limit:g}$", va="top")
    axes.text(0.05, 4e5, f"slope ${_slope(sigma, plain):.2f}$")
    axes.set_ylabel("variance over $z$ (in units of 1/deviation$^4$)")
    axes.set_title(rf"variance of one row, at $x = ({POINT[0, 0]:g}, {POINT[0, 1]:g})$")


def _slope(sigma: np.ndarray, value) -> float:
    """The slope of the two leftmost points in a log-log plot."""
    return float(np.log(value[1] / value[0]) / np.log(sigma[1] / sigma[0]))
