"""Handwritten digits of 8 x 8 pixels: drawn by three samplers from one learnt score, and denoised.

Page: reverse_diffusion
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.noise_levels import RUNS, TRAINED_ON, UNSEEN, denoising_errors, learnt, saved, wiener
from figures.style import BLUE, GREY, panels, styled, tiles
from refebm import (
    VarianceExploding,
    annealed_langevin,
    annealed_langevin_tape,
    predictor_corrector,
    predictor_corrector_tape,
    probability_flow,
    tweedie_mean,
)
from refebm.models import at

SEED, SHOWN, LEVEL = 8, 10, 0.5
SIGMAS = RUNS["digits"].sigmas
SMALLEST, LARGEST = float(SIGMAS[-1]), float(SIGMAS[0])
SDE = VarianceExploding(SMALLEST, LARGEST)
FIRST = float(np.log(2) / 2 / np.log(LARGEST / SMALLEST))  # the time at which std(t) is the smallest learnt level


def _in_time(s):
    """The score of x_t, from the score at the noise level std(t)."""
    return lambda x, t: s(x, SDE.marginal(t)[1])


def _annealed(s, start, rng, size):
    z = annealed_langevin_tape(rng, len(SIGMAS), max(round(20 * size), 1), *start.shape)
    return annealed_langevin(s, start, SIGMAS, 0.1 * SMALLEST**2, z)


def _corrected(s, start, rng, size):
    times = np.linspace(1, FIRST, max(round(200 * size), 4) + 1)
    etas = 0.1 * SDE.marginal(times[1:])[1] ** 2
    return predictor_corrector(
        _in_time(s), SDE, start, times, etas, predictor_corrector_tape(rng, len(etas), 1, *start.shape)
    )


def _flow(s, start, rng, size):
    return probability_flow(_in_time(s), SDE, start, 1.0, FIRST, rtol=1e-3, atol=1e-3)


SAMPLERS = {"annealed Langevin": _annealed, "predictor-corrector": _corrected, "probability flow": _flow}


@styled
def draw(size: float = 1.0) -> Figure:
    """Samples, denoised once at the end; below, digits that were not trained on, and the errors of denoising them."""
    rng, s = np.random.default_rng(SEED), learnt("digits", saved()["digits"])
    figure, axes = panels([["samples", "samples"], ["denoised", "errors"]], height=6.2, height_ratios=[1, 1.1])
    start = np.mean(TRAINED_ON) + LARGEST * rng.standard_normal((SHOWN, 64))
    drawn = {name: sampler(s, start, rng, size) for name, sampler in SAMPLERS.items()}
    tiles(axes["samples"], {name: tweedie_mean(at(s, SMALLEST), x, SMALLEST) for name, x in drawn.items()})
    clean = UNSEEN[: SHOWN // 2]
    noisy = clean + LEVEL * rng.standard_normal(clean.shape)
    linear, denoised = wiener(TRAINED_ON, LEVEL)(noisy), tweedie_mean(at(s, LEVEL), noisy, LEVEL)
    tiles(axes["denoised"], {"clean": clean, "noisy": noisy, "Wiener": linear, "learnt": denoised})
    _errors(axes["errors"], *denoising_errors(s).T)
    return figure


def _errors(axes: Axes, levels: np.ndarray, linear: np.ndarray, tweedie: np.ndarray) -> None:
    """The denoising errors of the network and of Wiener's filter, for each level."""
    axes.loglog(levels, linear, "o-", color=GREY, label="Wiener, the best linear one")
    axes.loglog(levels, tweedie, "s-", color=BLUE, label="Tweedie, of the learnt score")
    axes.set_xlabel(r"noise level $\sigma$ (in units of full ink)")
    axes.set_ylabel("root mean square error\nper pixel (in units of full ink)")
    axes.set_xticks(levels[::2], [f"{sigma:g}" for sigma in levels[::2]])
    axes.set_yticks([0.04, 0.1, 0.2, 0.3], ["0.04", "0.1", "0.2", "0.3"])
    axes.minorticks_off()
    axes.legend(loc="lower right")
