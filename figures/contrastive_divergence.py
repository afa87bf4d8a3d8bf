"""The bias of CD-k in training a restricted Boltzmann machine that is small enough to be enumerated.

Page: contrastive_divergence
"""

from itertools import product

import autograd.numpy as np
from autograd import grad
from autograd.misc import flatten
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import BLACK, BLUE, GREEN, ORANGE, RED, panels, styled
from refebm import BinaryRBM, contrastive_divergence

SEED = 2002
D, M = 4, 4
V, H = (np.array(list(product((0.0, 1.0), repeat=units))) for units in (D, M))
FIRST, LAST = np.repeat(V, len(V), axis=0), np.tile(V, (len(V), 1))  # all pairs of states
BARS = [0b0000, 0b0011, 0b1100, 0b0101, 0b1010, 0b1111]  # bars and stripes of 2 x 2 pixels
DATA = np.bincount(BARS, minlength=len(V)) / len(BARS)
RATE, UPDATES, STAGES = 1.0, 700, ((0.3, BLUE, "o"), (0.5, GREEN, "^"), (1.0, RED, "s"))
K = np.arange(1, 31)


def start() -> dict:
    weights = 0.1 * np.random.default_rng(SEED).standard_normal((D, M))
    return {"b": np.zeros(D), "c": np.zeros(M), "W": weights}


def probabilities(states: np.ndarray, means: np.ndarray) -> np.ndarray:
    """The probability of each state of independent units (columns), for means of the units in each row."""
    return np.prod(np.where(states == 1, means[:, None], 1 - means[:, None]), axis=2)


def transitions(parameters: dict) -> np.ndarray:
    """P(v' | v) of one Gibbs step: from v to the hidden units, and back."""
    rbm = BinaryRBM(**parameters)
    return probabilities(H, rbm.hidden_mean(V)) @ probabilities(V, rbm.visible_mean(H))


def _samples(parameters: dict, k: int | None) -> np.ndarray:
    """P(v' | v) for samples v' of CD-k; for k = None exact samples, which do not depend on v."""
    if k is not None:
        return np.linalg.matrix_power(transitions(parameters), k)
    rbm = BinaryRBM(**parameters)
    return np.tile(np.exp(-rbm.free_energy(V) - rbm.log_partition()), (len(V), 1))


def gradient(parameters: dict, k: int | None) -> dict:
    """The gradient of contrastive divergence, averaged over the data and over its samples."""
    pairs = np.ravel(DATA[:, None] * _samples(parameters, k))

    def loss(parameters):
        return np.sum(pairs * contrastive_divergence(BinaryRBM(**parameters).free_energy, FIRST, LAST))

    return grad(loss)(parameters)


def _divergence(parameters: dict) -> float:
    """KL(data|machine), summed over all states."""
    rbm = BinaryRBM(**parameters)
    return np.sum(DATA[BARS] * (np.log(DATA[BARS]) + rbm.free_energy(V[BARS]))) + rbm.log_partition()


def train(k: int | None, updates: int) -> list[dict]:
    """Gradient descent with expected gradients: the machines at the start and after each update."""
    machines = [start()]
    for _ in range(updates):
        slope = gradient(machines[-1], k)
        machines.append({name: value - RATE * slope[name] for name, value in machines[-1].items()})
    return machines


@styled
def draw(size: float = 1.0) -> Figure:
    """The bias of CD-k's gradient falls with k as the second eigenvalue of a Gibbs step to the power k."""
    updates = max(round(UPDATES * size), 100)
    figure, axes = panels([["gradient", "training"]], height=4.5)
    exact = train(None, updates)
    _biases(axes["gradient"], exact)
    _losses(axes["training"], exact)
    return figure


def _biases(axes: Axes, machines: list[dict]) -> None:
    """The length of (expected gradient of CD-k - gradient of the likelihood), and lines with the predicted slope."""
    for stage, colour, marker in STAGES:
        update = round(stage * (len(machines) - 1))
        exact = flatten(gradient(machines[update], None))[0]
        bias = np.array([np.linalg.norm(flatten(gradient(machines[update], k))[0] - exact) for k in K])
        rate = np.sort(np.abs(np.linalg.eigvals(transitions(machines[update]))))[-2]
        axes.semilogy(K, bias[-1] * rate ** (K - K[-1]), color=colour, linewidth=1)
        label = rf"{update} updates: $\lambda_2 = {rate:.3f}$"
        axes.semilogy(K, bias, marker, color=colour, markersize=4, label=label)
    axes.set_xlabel("steps $k$ (a number)")
    axes.set_ylabel("length of the gradient's bias\n(in units of nats per unit of the parameters)")
    axes.set_title(r"bias of CD-$k$ (dots), $\propto \lambda_2^k$ (lines)")
    axes.set_ylim(bottom=1e-14)
    axes.legend(loc="lower left")


def _losses(axes: Axes, exact: list[dict]) -> None:
    """KL from data to machine during training, for each k."""
    runs = [(f"CD-{k}", train(k, len(exact) - 1), colour) for k, colour in ((1, RED), (2, ORANGE), (5, BLUE))]
    for name, machines, colour in [*runs, ("exact likelihood", exact, BLACK)]:
        style = ("--", 1.2) if machines is exact else ("-", 2.0)
        axes.semilogy([_divergence(m) for m in machines], style[0], linewidth=style[1], color=colour, label=name)
    axes.set_xlabel("expected updates (a number)")
    axes.set_ylabel("KL from data to machine (in units of nats)")
    axes.set_yticks([0.1, 0.2, 0.5, 1.0], ["0.1", "0.2", "0.5", "1"])
    axes.minorticks_off()
    axes.set_ylim(0.09, 1.15)
    axes.set_title(f"bars and stripes, {D} and {M} units")
    axes.legend()
