"""How noise-contrastive estimation loses accuracy when its noise is far from the data.

Page: noise_contrastive
"""

import autograd.numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.certified import means
from figures.style import BLUE, GREEN, RED, panels, styled
from refebm import Gaussian, Model, minimise, noise_contrastive

SEED = 2012
N, FITS = 400, 20
DATA = Gaussian(0.0, 1.0)
NEAREST, FARTHEST = 0.1, 3.0
NUS = ((1, RED, "o"), (3, GREEN, "^"), (9, BLUE, "s"))
TRUTH = {"mean": 0.0, "precision": 1.0, "log_z": 0.5 * np.log(2 * np.pi)}


def _noise(distance: float) -> Gaussian:
    return Gaussian(distance, 1.0)


def _log_model(parameters: dict):
    """-E - log Z of an unnormalised Gaussian; mean, precision and log Z are free."""
    mean, precision = np.reshape(parameters["mean"], (1,)), np.reshape(parameters["precision"], (1, 1))
    energy = Model("quadratic", {"mean": mean, "precision": precision})
    return lambda x: -energy(x) - parameters["log_z"]


def _covariance(distance: float, nu: int) -> np.ndarray:
    """n times the asymptotic covariance of mean, precision and log Z: Gutmann and Hyvarinen 2012, theorem 3."""
    noise = _noise(distance)

    def weight(x):  # nu p_n/(p + nu p_n)
        return 1 / (1 + np.exp(DATA.log_prob(x) - noise.log_prob(x)) / nu)

    def slopes(x):  # of log_model, at the truth
        return np.concatenate([x, -0.5 * x**2, -np.ones_like(x)], axis=1)

    outer, first = means(
        [
            lambda x: weight(x)[:, None, None] * slopes(x)[:, :, None] * slopes(x)[:, None, :],
            lambda x: weight(x)[:, None] * slopes(x),
        ],
        DATA,
    )
    inverse = np.linalg.inv(outer)
    along = np.dot(inverse, first)
    return inverse - (1 + 1 / nu) * np.outer(along, along)


def _foretold(distance: float, nu: int) -> tuple[float, float]:
    """The root mean square of (learnt log Z - log Z of the fitted energy), and the mean KL, from that covariance."""
    covariance = _covariance(distance, nu) / N
    off = np.array([0.0, 0.5, 1.0])  # log Z falls by 1/2 for each unit of the precision
    return np.sqrt(off @ covariance @ off), 0.5 * (covariance[0, 0] + 0.5 * covariance[1, 1])


def _measured(distance: float, nu: int, fits: int) -> tuple[float, float]:
    """The same two numbers, measured on fits to fresh samples."""
    noise, errors, divergences = _noise(distance), [], []
    for seed in range(fits):
        rng = np.random.default_rng([SEED, seed])
        x, y = DATA.sample(rng, N), np.reshape(noise.sample(rng, nu * N), (nu, N, 1))

        def loss(parameters, x=x, y=y):
            return np.mean(noise_contrastive(_log_model(parameters), noise.log_prob, x, y))

        fit = minimise(loss, TRUTH, tolerance=1e-5, progress=False).parameters
        errors.append(fit["log_z"] - 0.5 * np.log(2 * np.pi / fit["precision"]))
        divergences.append(0.5 * (fit["precision"] * (1 + fit["mean"] ** 2) - 1 - np.log(fit["precision"])))
    return np.sqrt(np.mean(np.square(errors))), np.mean(divergences)


@styled
def draw(size: float = 1.0) -> Figure:
    """Moving the noise one deviation farther away costs more accuracy than nine times as much noise regains."""
    figure, axes = panels([["log Z", "density"]], height=4.6)
    lines, dots = np.linspace(NEAREST, FARTHEST, max(round(30 * size), 4)), np.linspace(0.5, FARTHEST, 6)
    for nu, colour, marker in NUS:
        foretold = np.array([_foretold(distance, nu) for distance in lines])
        measured = np.array([_measured(distance, nu, max(round(FITS * size), 2)) for distance in dots])
        for axis, line, dot in zip(axes.values(), foretold.T, measured.T):
            axis.semilogy(lines, line, color=colour)
            axis.semilogy(dots, dot, marker, color=colour, label=rf"$\nu = {nu}$")
    _least(axes["density"])
    axes["log Z"].set_ylabel("error of log $Z$, root mean square\n(in units of nats)")
    axes["density"].set_ylabel("mean KL from data to model (in units of nats)")
    axes["log Z"].set_title(f"recovered $\\log Z$, less that of the fit\n$n = {N}$, dots: {FITS} fits each")
    axes["density"].set_title("fitted density\nlines: asymptotic covariance")
    for axis in axes.values():
        axis.set_xlabel("noise's distance from the data\n(in units of their deviation)")
        axis.legend(loc="upper left")
    return figure


def _least(axes: Axes) -> None:
    """The mean KL of maximum likelihood: (number of parameters)/(2 n)."""
    axes.axhline(1 / N, color="black", linewidth=1, linestyle="--")
    axes.text(FARTHEST, 0.9 / N, "maximum likelihood: $1/n$", ha="right", va="top")
    axes.set_ylim(bottom=0.6 / N)
