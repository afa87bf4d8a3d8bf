"""Score matching penalises errors where there are data, and nowhere else."""

import autograd.numpy as np
import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import BLACK, BLUE, GREY, RED, SHADE, panels, styled
from refebm import GaussianMixture, train_score_matching
from refebm.models.networks import perceptron

SEED, ROWS, UNITS, STEPS, BATCH, STEP_SIZE = 2, 2_000, 32, 2_000, 200, 5e-3
DATA = GaussianMixture([0.3, 0.7], [[-3.0], [3.0]], [[[0.5]], [[0.8]]])


def learnt(steps: int):
    """The score that a network of tanh units has learnt from a sample, with the exact trace."""
    rng = numpy.random.default_rng(SEED)
    x, scale = DATA.sample(rng, ROWS), numpy.sqrt(UNITS)
    first = (
        (rng.standard_normal((1, UNITS)), 2 * rng.standard_normal(UNITS)),
        (rng.standard_normal((UNITS, UNITS)) / scale, numpy.zeros(UNITS)),
        (rng.standard_normal((UNITS, 1)) / scale, numpy.zeros(1)),
    )
    layers = train_score_matching(
        *(x, lambda layers, x: perceptron(layers, x), first, BATCH, steps, STEP_SIZE, rng), adam=True, progress=False
    ).parameters
    return lambda x: perceptron(layers, x)


@styled
def draw(size: float = 1.0) -> Figure:
    """A score learnt by score matching is right where there are data, and arbitrary where there are none."""
    figure, axes = panels([["scores", "errors"]], height=3.4)
    x = np.linspace(-7.0, 7.0, 281)[:, None]
    s, p = learnt(max(round(STEPS * size), 20))(x)[:, 0], np.exp(DATA.log_prob(x))
    _scores(axes["scores"], x[:, 0], s, p)
    _errors(axes["errors"], x[:, 0], np.abs(s - DATA.score(x)[:, 0]), p)
    return figure


def _scores(axes: Axes, x: np.ndarray, s: np.ndarray, p: np.ndarray) -> None:
    """The true and the learnt score, over the density in grey."""
    axes.fill_between(x, -11, -11 + 11 * p / np.max(p), color=SHADE, linewidth=0)
    axes.plot(x, DATA.score(x[:, None])[:, 0], color=BLACK, linestyle="--", linewidth=1.2, label="of the data")
    axes.plot(x, s, color=BLUE, label="learnt")
    axes.set_ylim(-11, 11)
    axes.set_xlabel("$x$ (unit of $x$)")
    axes.set_ylabel("score (1 over the unit of $x$)")
    axes.legend(loc="upper right")


def _errors(axes: Axes, x: np.ndarray, error: np.ndarray, p: np.ndarray) -> None:
    """The error of the score against the density, between the wells and beyond them."""
    between = np.abs(x) < 3
    axes.loglog(p[between], error[between], ".", color=RED, label="between the wells")
    axes.loglog(p[~between], error[~between], ".", color=GREY, label="beyond them")
    axes.set_xlabel("density of the data (1 over the unit of $x$)")
    axes.set_ylabel("error of the score\n(1 over the unit of $x$)")
    axes.legend(loc="lower left")
