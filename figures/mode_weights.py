"""The weights of two modes far apart, as found by samplers that go from noise to data.

Page: langevin
"""

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import norm

from figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, panels, styled
from refebm import (
    GaussianMixture,
    VarianceExploding,
    annealed_langevin,
    annealed_langevin_tape,
    langevin_step,
    langevin_tape,
    predictor_corrector,
    predictor_corrector_tape,
    probability_flow,
    run,
)

SEED = 2021
LOWER = np.linspace(0.1, 0.5, 5)
SDE = VarianceExploding(0.05, 20.0)
POINTS, STEPS = 4000, 300


def _density(weight):
    """Two unit normals, ten deviations apart."""
    return GaussianMixture([weight, 1 - weight], [[-5.0], [5.0]], 1.0)


def _plain(p, start, rng, steps):
    return run(lambda x, z: langevin_step(p.score, x, 0.05, z), start, langevin_tape(rng, steps, len(start), 1)).x


def _annealed(p, start, rng, steps):
    sigmas = np.geomspace(20.0, 0.3, 15)
    z = annealed_langevin_tape(rng, len(sigmas), max(steps // 15, 2), len(start), 1)
    return annealed_langevin(lambda x, sigma: p.smoothed(sigma[0]).score(x), start, sigmas, 0.02, z)


def _corrected(p, start, rng, steps):
    times, z = np.linspace(1, 0, steps // 2 + 1), predictor_corrector_tape(rng, steps // 2, 1, len(start), 1)
    return predictor_corrector(_score(p), SDE, start, times, 0.05, z)


def _flow(p, start, rng, steps):
    return probability_flow(_score(p), SDE, start, 1.0, 0.0, rtol=1e-4, atol=1e-4)


def _score(p):
    return lambda x, t: SDE.diffused(p, t[0]).score(x)


SAMPLERS = {
    "Langevin, no noise levels": (_plain, GREY, "x"),
    "annealed Langevin": (_annealed, ORANGE, "o"),
    "reverse SDE with corrector": (_corrected, BLUE, "s"),
    "probability flow": (_flow, GREEN, "^"),
}


@styled
def draw(size: float = 1.0) -> Figure:
    """The share of points that samplers starting from wide noise put into the lower of two modes, and its weight."""
    # All start from the prior, whose mean is 0; that of x_1 is up to 4, and the flow never makes up for the difference.
    rng, n, steps = np.random.default_rng(SEED), max(round(POINTS * size), 50), max(round(STEPS * size), 30)
    figure, axes = panels([["shares"]], height=4.2)
    for shift, (name, (sampler, colour, marker)) in zip((-0.006, -0.002, 0.002, 0.006), SAMPLERS.items()):
        start = SDE.prior(1).sample(rng, n)
        shares = np.array([np.mean(sampler(_density(w), start, rng, steps) < 0) for w in LOWER])
        error = 2 * np.sqrt(shares * (1 - shares) / n)
        axes["shares"].errorbar(LOWER + shift, shares, error, fmt=marker, color=colour, capsize=3, label=name)
    exact = [w * norm.cdf(5) + (1 - w) * norm.cdf(-5) for w in LOWER]
    axes["shares"].plot(LOWER, exact, color=BLACK, linewidth=1, label="exact")
    axes["shares"].set(
        xlabel="weight of the lower mode (a pure number)",
        ylabel="share of points below zero (a pure number)",
        ylim=(0, 0.6),
    )
    axes["shares"].legend(loc="lower right")
    return figure
