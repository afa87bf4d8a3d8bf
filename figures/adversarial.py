"""Two bounds and their gaps: an upper bound of an energy's log-likelihood, a lower bound of an autoencoder's.

Page: adversarial
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import contrast, implicit_vae
from figures.certified import means
from figures.style import BLACK, BLUE, GREY, ORANGE, SHADE, panels, styled

NAME = "adversarial bound"


@styled
def draw(size: float = 1.0) -> Figure:
    """A sampler bounds an energy's log-likelihood from above, an encoder a decoder's from below; each gap is a KL."""
    figure, axes = panels([["above", "below"]], height=4.6)
    _above(axes["above"])
    _below(axes["below"], size)
    for axis in axes.values():
        axis.set_xlabel("updates (a number)")
        axis.legend(loc="lower right")
    axes["above"].set_ylabel("per row of data (in units of nats)")
    return figure


def _above(axes: Axes) -> None:
    """The saved training on the mixture. E log p_model is E log p_true - KL(p_true|p_model)."""
    updates, divergence, _, gap = contrast.saved()["mixture"][NAME].curve.T
    best = means([contrast.TRUTH.log_prob], contrast.TRUTH)[0]
    _between(axes, updates, best - divergence, best - divergence + gap, best)
    axes.plot(updates, best - divergence + gap, color=ORANGE, label="variational bound")
    axes.plot(updates, best - divergence, color=BLUE, label=r"$E \log p_{\rm model}$")
    axes.set_title("energy against a flow: gap KL$(q\\,|\\,p_{\\rm model})$")


def _below(axes: Axes, size: float) -> None:
    """A training made for the figure: the decoder's exact log-likelihood, and the ELBO, which is less by the gap."""
    stages = tuple((max(round(n * size), 10), step_size) for n, step_size in implicit_vae.STAGES)
    training = implicit_vae.train(implicit_vae.start(), stages)
    likelihood, gap, _ = training.curve.T
    _between(axes, training.updates, likelihood - gap, likelihood, implicit_vae.log_likelihood(implicit_vae.best()))
    axes.plot(training.updates, likelihood, color=BLUE, label=r"$\log p(x)$ of the decoder")
    axes.plot(training.updates, likelihood - gap, color=ORANGE, label="ELBO")
    axes.set_title("implicit VAE: gap KL$(q\\,|\\,$posterior$)$")


def _between(axes: Axes, updates: np.ndarray, low: np.ndarray, high: np.ndarray, best: float) -> None:
    """Shade the gap, and draw a line at the highest possible log-likelihood."""
    axes.fill_between(updates, low, high, color=SHADE, linewidth=0)
    axes.axhline(best, color=BLACK, linewidth=1, linestyle="--")
    axes.text(updates[-1], best, "best", ha="right", va="bottom", color=GREY)
