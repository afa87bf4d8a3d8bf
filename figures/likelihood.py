"""Iris petals, fitted by likelihood, and by score matching.

Page: likelihood
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import training
from figures.style import BLACK, BLUE, GREEN, ORANGE, PINK, RED, VIOLET, panels, styled

COLOURS = dict(zip(training.METHODS, (BLACK, VIOLET, PINK, RED, ORANGE, BLUE, GREEN)))
LEVELS = np.arange(-9.0, 2.0)


@styled
def draw(size: float = 1.0) -> Figure:
    """Short chains and scores fill the gap of the groups; kept chains misjudge their weights; likelihood is right."""
    trainings, names = training.saved(), list(training.METHODS)
    figure, axes = panels([names[:3], names[3:6], [names[6], "curves", "curves"]], height=8.6)
    for name in names:
        _density(axes[name], trainings[name].parameters, max(round(120 * size), 20))
        axes[name].set_title(f"{name}\n{trainings[name].log_likelihoods[-1]:.2f} per flower", color=COLOURS[name])
    for name in names[4:]:
        axes[name].set_xlabel("petal length (unit: cm)")
    for name in names[::3]:
        axes[name].set_ylabel("petal width (unit: cm)")
    _curves(axes["curves"], trainings)
    return figure


def _density(axes: Axes, parameters: dict, n: int) -> None:
    """log p as shades, on the same scale in all panels, under the flowers."""
    length, width = np.linspace(0.0, 8.0, n), np.linspace(-0.6, 3.2, n)
    cm = np.stack(np.meshgrid(length, width), axis=-1).reshape(-1, 2)
    x = (cm - training.MEAN) / training.DEVIATION
    log_p = -training.model(parameters)(x) - training.log_z(parameters)
    axes.contourf(length, width, log_p.reshape(n, n), levels=LEVELS, cmap="Greens", extend="max")
    flowers = training.X * training.DEVIATION + training.MEAN
    axes.plot(*flowers.T, ".", color=BLACK, markersize=1.5)
    axes.set_xticks([0, 2, 4, 6, 8])


def _curves(axes: Axes, trainings: dict) -> None:
    """The log-likelihood during training."""
    for name, fit in trainings.items():
        axes.plot(fit.updates, fit.log_likelihoods, color=COLOURS[name], linewidth=1.5)
    axes.set_ylim(-3.0, -0.5)
    axes.set_title("exact log-likelihood along training")
    axes.set_xlabel("updates (a number)")
    axes.set_ylabel("per flower (in units of nats)")
