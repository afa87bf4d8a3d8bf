"""Flow contrastive estimation: the noise learns to look like the data.

Page: made_noise
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import contrast
from figures.style import BLACK, BLUE, ORANGE, RED, panels, shade, styled
from refebm import RealNVP

NAME = "NCE against a flow"


@styled
def draw(size: float = 1.0) -> Figure:
    """The flow turns from a round cloud into the three modes of the data, and the energy improves with it."""
    game, held = (contrast.saved()["mixture"][name] for name in (NAME, contrast.HELD))
    updates = [*contrast.SNAPSHOTS, round(game.curve[-1, 0])]
    names = [str(n) for n in updates]
    figure, axes = panels([names, ["curves"] * len(names)], height=5.6, height_ratios=[1, 1.3])
    for n, flow in zip(updates, game.flows):
        _flow(axes[str(n)], flow, max(round(120 * size), 20))
        axes[str(n)].set_title(f"{n} updates" if n else "flow at the start")
    axes[names[0]].set_ylabel("$x_2$ (unit of $x$)")
    _curves(axes["curves"], game, held)
    return figure


def _flow(axes: Axes, flow: np.ndarray, n: int) -> None:
    """The flow's density as shades, under contours of the true density and the means of its components."""
    axis = np.linspace(-2.9, 2.9, n)
    shade(axes, axis, axis, RealNVP(contrast.couplings(flow)).log_prob)
    rows = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    p = np.exp(contrast.TRUTH.log_prob(rows)).reshape(n, n)
    axes.contour(axis, axis, p, levels=np.max(p) * np.array([0.1, 0.5]), colors=BLACK, linewidths=0.8)
    axes.plot(*contrast.TRUTH.means.T, "+", color=BLACK, markersize=5)
    axes.set_xticks([-2, 0, 2])
    axes.set_yticks([-2, 0, 2])
    axes.set_xlabel("$x_1$ (unit of $x$)")


def _curves(axes: Axes, game: contrast.Training, held: contrast.Training) -> None:
    """KL from the truth, by quadrature."""
    updates, of_energy, of_flow, _ = game.curve.T
    axes.semilogy(updates, of_flow, color=ORANGE, label="flow")
    axes.semilogy(updates, of_energy, color=BLUE, label="energy")
    last = contrast.quality("mixture", contrast.log_density(held.parameters, contrast.training.log_z(held.parameters)))
    axes.plot(updates[-1], last, "o", color=RED, label="energy, the flow then held")
    axes.set_xlabel("updates (a number)")
    axes.set_ylabel("KL from the truth\n(in units of nats)")
    axes.legend(loc="upper right")
