"""Digits of 8 x 8 pixels learnt at all times at once: by the continuous-time loss, and by flow matching.

`python -m figures.digit_times` trains both, which takes some minutes, writes the parameters beside this file, and
prints the table. `python -m figures.digit_times --table` prints the table of those parameters; `draw` draws from them.

Both networks are denoisers of m x + std z, since a score and a velocity both determine a denoiser. Both are compared by
how well they denoise digits that were not trained on, relative to Wiener's filter, and sampled by `ddim_step`.
"""

from pathlib import Path

import autograd.numpy as np
import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.noise_levels import LEVELS, TRAINED_ON, UNSEEN, Gauss, Run, gauss, start, wiener
from figures.style import BLUE, GREY, ORANGE, panels, styled, tiles
from figures.tables import markdown, number, trained
from refebm import VariancePreserving, ddim_step, train_diffusion, train_flow_matching
from refebm.models.networks import perceptron

SAVED = Path(__file__).parent / "digit_times.npz"
SEED, SHOWN, T_MIN = 9, 10, 0.01
SDE = VariancePreserving(0.1, 12.0)
RUN = Run(TRAINED_ON, numpy.zeros(0), 96, 2_500, 64, 2e-3)
BASE = gauss(TRAINED_ON)
COUNTS = (10, 20, 50)


def denoiser(layers: tuple, x: np.ndarray, m: np.ndarray, std: np.ndarray, base: Gauss = BASE) -> np.ndarray:
    r"""E[x_0 | m x_0 + std z]: that of a Gaussian, plus a network with inputs of size one.

    Along a principal axis of variance v the network is multiplied by std sqrt(v)/sqrt(m^2 v + std^2), as in Karras,
    Aittala, Aila and Laine 2022, eq. 7.
    """
    m, std = m[:, None], std[:, None]
    total = np.sqrt(m**2 * base.variances + std**2)
    y = np.dot(x - m * base.mean, base.axes) / total
    rest = perceptron(layers, np.concatenate([y, np.log(std / m) / 4], axis=1))
    return base.mean + np.dot((m * base.variances * y + std * np.sqrt(base.variances) * rest) / total, base.axes.T)


def score(layers: tuple, x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The score of the law of x_t."""
    m, std = SDE.marginal(t)
    return (m[:, None] * denoiser(layers, x, m, std) - x) / std[:, None] ** 2


def velocity(layers: tuple, x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The velocity of straight lines."""
    return (x - denoiser(layers, x, 1 - t, t)) / t[:, None]


def by_diffusion() -> tuple:
    """Train with the continuous-time loss, each row at its own time."""
    rng = numpy.random.default_rng(SEED)
    sizes = RUN.batch, RUN.steps, RUN.step_size, rng
    return train_diffusion(TRAINED_ON, score, SDE, start(RUN, rng)["layers"], *sizes, None, T_MIN, adam=True).parameters


def by_flow() -> tuple:
    """Train by flow matching."""
    rng = numpy.random.default_rng(SEED)
    sizes = RUN.batch, RUN.steps, RUN.step_size, rng
    return train_flow_matching(TRAINED_ON, velocity, start(RUN, rng)["layers"], *sizes, T_MIN, adam=True).parameters


METHODS = {"continuous-time loss": by_diffusion, "flow matching": by_flow}


def save(trained: dict[str, tuple]) -> None:
    """Save the layers in half precision, which has three digits."""
    arrays = {
        f"{name}/{i}/{part}": array.astype(numpy.float16)
        for name, layers in trained.items()
        for i, layer in enumerate(layers)
        for part, array in zip(("weights", "bias"), layer)
    }
    numpy.savez_compressed(SAVED, **arrays)


def saved() -> dict[str, tuple]:
    """The saved layers."""
    with numpy.load(SAVED) as file:
        return {
            name: tuple(
                tuple(file[f"{name}/{i}/{part}"].astype(float) for part in ("weights", "bias")) for i in range(4)
            )
            for name in METHODS
        }


def sampled(layers: tuple, n_steps: int, n: int = SHOWN) -> np.ndarray:
    """Samples by n_steps steps of `ddim_step` without noise, equal in time; all start from the same points."""
    times = numpy.linspace(0.0, 1.0, n_steps + 1)[1:]
    m = numpy.append(1.0, SDE.marginal(times)[0])
    betas, x = 1 - (m[1:] / m[:-1]) ** 2, numpy.random.default_rng(SEED).standard_normal((n, 64))
    for i in reversed(range(n_steps)):
        x = ddim_step(lambda x, i: score(layers, x, times[i]), betas, x, i, 0.0, 0 * x).x
    return x


def denoising_errors(layers: tuple) -> np.ndarray:
    """For each level: sigma, and the root mean square errors per pixel of both, on digits that were not trained on."""
    rng, rows = numpy.random.default_rng(SEED + 1), []
    for sigma in LEVELS:
        y, m = UNSEEN + sigma * rng.standard_normal(UNSEEN.shape), (1 + sigma**2) ** -0.5 * numpy.ones(len(UNSEEN))
        guesses = wiener(TRAINED_ON, sigma)(y), denoiser(layers, m[:, None] * y, m, sigma * m)
        rows.append([sigma, *(numpy.sqrt(numpy.mean((UNSEEN - guess) ** 2)) for guess in guesses)])
    return numpy.array(rows)


def table(trained: dict[str, tuple]) -> str:
    """The root mean square errors per pixel, a column for each level."""
    errors = {name: denoising_errors(layers).T for name, layers in trained.items()}
    sigma, of_wiener, _ = errors["flow matching"]
    named = [("Wiener", of_wiener), *((name, one[2]) for name, one in errors.items())]
    rows = [[name, *(number(error, 4) for error in one)] for name, one in named]
    return markdown(["sigma (ink from 0 to 1)", *(f"{level:g}" for level in sigma)], rows)


@styled
def draw(size: float = 1.0) -> Figure:
    """Digits drawn by DDIM in 10, 20 and 50 steps with the learnt score, and the denoising errors of both losses."""
    trained = saved()
    figure, axes = panels([["samples", "errors"]], height=3.6, width_ratios=[1.3, 1])
    n = max(round(SHOWN * size), 3)
    rows = {f"{steps} steps": sampled(trained["continuous-time loss"], steps, n) for steps in COUNTS}
    tiles(axes["samples"], rows | {"flow,\n50 steps": sampled(trained["flow matching"], 50, n)})
    _errors(axes["errors"], trained)
    return figure


def _errors(axes: Axes, trained: dict[str, tuple]) -> None:
    """The error divided by that of Wiener's filter, for each level."""
    axes.axhline(1.0, color=GREY, linewidth=1, linestyle="--")
    for (name, layers), colour in zip(trained.items(), (BLUE, ORANGE)):
        sigma, linear, learnt = denoising_errors(layers).T
        axes.semilogx(sigma, learnt / linear, "o-", color=colour, label=name)
    axes.set_xlabel(r"noise level $\sigma$ (in units of full ink)")
    axes.set_ylabel("error over Wiener's (a number)")
    axes.set_xticks([0.05, 0.2, 0.5, 2.0], ["0.05", "0.2", "0.5", "2"])
    axes.minorticks_off()
    axes.legend(loc="upper left")


if __name__ == "__main__":
    trained(
        "digit_times",
        __doc__,
        lambda: save({name: method() for name, method in METHODS.items()}),
        lambda: table(saved()),
    )
