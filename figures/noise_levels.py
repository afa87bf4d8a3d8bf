"""Noise-conditional scores, learnt at many noise levels at once, of a mixture in the plane and of 8 x 8 digits.

`python -m figures.noise_levels` trains both, which takes up to ten minutes, writes the parameters beside this file,
and prints the tables. `python -m figures.noise_levels --table` prints the tables of those parameters.

The score of the mixture is known, so that the error of the learnt score can be computed at each level. That of the
digits is not; there the table shows how well Tweedie's formula denoises noisy digits that were not trained on, compared
with Wiener's filter, the best linear denoiser, of the training digits.
"""

import argparse
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import autograd.numpy as np
import numpy

from figures.tables import markdown, number
from refebm import GaussianMixture, geometric_noise_levels, train_noise_conditional_score_matching, tweedie_mean
from refebm.models import at
from refebm.models.networks import perceptron

FOLDER = Path(__file__).parent
SAVED = FOLDER / "noise_levels.npz"
SEED = 6
WEIGHTS, MEANS = [0.2, 0.3, 0.5], [[-2.0, -1.5], [-1.0, 2.0], [2.0, 0.0]]
COVS = [[[0.15, 0.0], [0.0, 0.15]], [[0.5, 0.2], [0.2, 0.2]], [[0.1, 0.0], [0.0, 0.6]]]
MIXTURE = GaussianMixture(WEIGHTS, MEANS, COVS)
HELD_OUT = 360
LEVELS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0)  # the noise levels at which digits are denoised
DECAY = 0.999  # the momentum of the running mean of the parameters, which is the result of training


class Run(NamedTuple):
    """A training: its data, the noise levels, the width of the network, and the number of steps."""

    x: np.ndarray
    sigmas: np.ndarray
    units: int
    steps: int
    batch: int
    step_size: float


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Training and held-out digits, ink from 0 to 1."""
    pixels = numpy.loadtxt(FOLDER.parent / "tests" / "data" / "digits.csv", delimiter=",")[:, :64] / 16
    pixels = numpy.random.default_rng(SEED).permutation(pixels)
    return pixels[HELD_OUT:], pixels[:HELD_OUT]


TRAINED_ON, UNSEEN = digits()
RUNS = {
    "mixture": Run(
        MIXTURE.sample(numpy.random.default_rng(SEED), 20_000), numpy.geomspace(5.0, 0.1, 12), 64, 4_000, 512, 3e-3
    ),
    "digits": Run(TRAINED_ON, geometric_noise_levels(TRAINED_ON, 40, 0.02).sigmas, 192, 8_000, 128, 1e-3),
}


class Gauss(NamedTuple):
    """The mean of the training data, their principal axes (columns), and the variances along these."""

    mean: np.ndarray
    axes: np.ndarray
    variances: np.ndarray


def gauss(x: np.ndarray) -> Gauss:
    """The Gaussian with the mean and covariance of the data."""
    variances, axes = numpy.linalg.eigh(numpy.cov(x.T, bias=True))
    return Gauss(numpy.mean(x, axis=0), axes, numpy.maximum(variances, 0.0))


def network(layers: tuple, base: Gauss, x: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    r"""s(x, sigma): the score of the Gaussian plus noise, plus a network with inputs of size one.

    Along a principal axis of variance v the output of the network is multiplied by sqrt(v)/(sigma sqrt(v + sigma^2)),
    as in Karras, Aittala, Aila and Laine 2022, eq. 7.
    """
    sigma, deviations = sigma[:, None], np.sqrt(base.variances)
    total = np.sqrt(base.variances + sigma**2)
    y = np.dot(x - base.mean, base.axes) / total
    rest = perceptron(layers, np.concatenate([y, np.log(sigma) / 4], axis=1))
    return np.dot(-y / total + deviations / (sigma * total) * rest, base.axes.T)


def learnt(name: str, parameters: dict) -> Callable:
    """The score (x, sigma) -> (n, d) with these parameters."""
    base = gauss(RUNS[name].x)
    return lambda x, sigma: network(parameters["layers"], base, x, sigma)


def start(run: Run, rng: np.random.Generator) -> dict:
    """Three layers of tanh units, the last zero, so that the score starts as that of the Gaussian."""
    d = run.x.shape[1]
    sizes = [d + 1, run.units, run.units, run.units, d]
    layers = [(rng.standard_normal((a, b)) / numpy.sqrt(a), numpy.zeros(b)) for a, b in pairwise(sizes)]
    layers[-1] = (0 * layers[-1][0], layers[-1][1])
    return {"layers": tuple(layers)}


def train(run: Run) -> dict:
    """Train by Adam, each row at its own level; returns the running mean of the parameters."""
    rng = numpy.random.default_rng(SEED)
    parameters, base = start(run, rng), gauss(run.x)
    size, kept = numpy.sqrt(numpy.mean(base.variances)), Kept()
    train_noise_conditional_score_matching(
        *(run.x, lambda parameters, *at: network(parameters["layers"], base, *at), parameters),
        *(run.sigmas, run.batch, run.steps, run.step_size, rng),
        lambda sigma: 1 + (sigma / size) ** 2,  # so that the network's own error counts alike at all levels
        **{"adam": True, "each": kept.each},
    )
    return kept.parameters


class Kept:
    """The running mean of the layers, updated before each step."""

    def __init__(self):
        self.parameters = {}

    def each(self, parameters, i):
        share = min(DECAY, (1 + i) / (10 + i))
        old = self.parameters.get("layers", parameters["layers"])
        self.parameters["layers"] = tuple(
            tuple(share * a + (1 - share) * b for a, b in zip(*pair)) for pair in zip(old, parameters["layers"])
        )


def save(trained: dict[str, dict]) -> None:
    """Save what the tables and the figures need in half precision, which has three digits."""
    arrays = {
        f"{name}/{i}/{part}": array.astype(numpy.float16)
        for name, parameters in trained.items()
        for i, layer in enumerate(parameters["layers"])
        for part, array in zip(("weights", "bias"), layer)
    }
    numpy.savez_compressed(SAVED, **arrays)


def saved() -> dict[str, dict]:
    """The saved parameters."""
    with numpy.load(SAVED) as file:
        return {
            name: {
                "layers": tuple(
                    tuple(file[f"{name}/{i}/{part}"].astype(float) for part in ("weights", "bias")) for i in range(4)
                )
            }
            for name in RUNS
        }


def score_errors(s: Callable, n: int = 20_000) -> np.ndarray:
    """At each level of the mixture: sigma, sigma^2 E|s - s_true|^2/d, and sigma^2 E|s_true|^2/d, the error of s = 0."""
    rng, rows = numpy.random.default_rng(SEED + 1), []
    for sigma in RUNS["mixture"].sigmas:
        p = MIXTURE.smoothed(sigma)
        y = p.sample(rng, n)
        exact = p.score(y)
        rows.append([sigma, *(sigma**2 * numpy.mean(a**2) for a in (at(s, sigma)(y) - exact, exact))])
    return numpy.array(rows)


def wiener(x: np.ndarray, sigma: float) -> Callable:
    """The best linear denoiser for data of the mean and covariance of x: y -> m + C (C + sigma^2 I)^{-1} (y - m)."""
    mean, cov = numpy.mean(x, axis=0), numpy.cov(x.T, bias=True)
    gain = numpy.linalg.solve(cov + sigma**2 * numpy.eye(len(cov)), cov)
    return lambda y: mean + (y - mean) @ gain


def denoising_errors(s: Callable) -> np.ndarray:
    """For each level: sigma, and the root mean square errors per pixel of both, on digits that were not trained on."""
    rng, rows = numpy.random.default_rng(SEED + 1), []
    for sigma in LEVELS:
        y = UNSEEN + sigma * rng.standard_normal(UNSEEN.shape)
        guesses = wiener(TRAINED_ON, sigma)(y), tweedie_mean(at(s, sigma), y, sigma)
        rows.append([sigma, *(numpy.sqrt(numpy.mean((UNSEEN - guess) ** 2)) for guess in guesses)])
    return numpy.array(rows)


def table(parameters: dict[str, dict]) -> str:
    """The root mean square errors per pixel, a column for each level."""
    sigma, of_wiener, of_tweedie = denoising_errors(learnt("digits", parameters["digits"])).T
    rows = [
        [name, *(number(error, 4) for error in errors)]
        for name, errors in (("Wiener", of_wiener), ("learnt score", of_tweedie))
    ]
    return markdown(["sigma (ink from 0 to 1)", *(f"{level:g}" for level in sigma)], rows)


def table_of_the_mixture(parameters: dict[str, dict]) -> str:
    """The mean square errors per coordinate, times sigma^2, a column for each level."""
    sigma, of_score, of_none = score_errors(learnt("mixture", parameters["mixture"])).T
    rows = [
        ["error of the score", *(number(a, 4) for a in of_score)],
        ["the score itself", *(number(a, 4) for a in of_none)],
    ]
    return markdown(["sigma, of the mixture", *(f"{level:.3g}" for level in sigma)], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, save and print the tables, or only print them."""
    parser = argparse.ArgumentParser(prog="python -m figures.noise_levels", description=__doc__)
    parser.add_argument("--table", action="store_true", help="of the parameters that are there, without training")
    if not parser.parse_args(arguments).table:
        save({name: train(run) for name, run in RUNS.items()})
    print(table(saved()), table_of_the_mixture(saved()), sep="\n\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
