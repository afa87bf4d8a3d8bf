"""Bias and variance of the gradients of coupled chains, mean-field CD and CD-k, exact on a small machine.

Page: coupled
"""

from typing import NamedTuple

import numpy as np
from autograd import grad
from autograd.misc import flatten
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.contrastive_divergence import DATA, UPDATES, H, V, gradient, train, transitions
from figures.style import BLACK, BLUE, GREEN, ORANGE, RED, panels, styled
from refebm import BinaryRBM, coupled_chains, gibbs_step, gibbs_tape, mean_field_contrastive_divergence, unbiased_mean

SEED, ROWS, LONGEST = 7, 10_000, 600
STAGES, TRAINED = ((0.3, BLUE), (0.5, GREEN), (1.0, RED)), 0.5  # of all updates
STARTS, STEPS = np.flatnonzero(DATA), np.array([1, 2, 3, 5, 7, 10, 15, 20, 30])
RUNS = ((1, "CD-1", RED), (5, "CD-5", ORANGE), (20, "CD-20", BLUE))
COUPLED = (5, 25)  # k and m
FIRST, SECOND = np.repeat(np.arange(len(V)), len(V)), np.tile(np.arange(len(V)), len(V))  # of all pairs of states
APART = FIRST != SECOND


class Estimate(NamedTuple):
    """The gradient from one row of data: its mean (P,), the trace of its covariance, and its cost in Gibbs steps."""

    mean: np.ndarray
    variance: float
    cost: float


def slopes(rbm: BinaryRBM, v: np.ndarray) -> np.ndarray:
    """The gradient of the free energy in all parameters, (n, P)."""
    h = rbm.hidden_mean(v)
    return np.concatenate([-(v[:, :, None] * h[:, None]).reshape(len(v), -1), -v, -h], axis=1)


def spread(weights: np.ndarray, rows: np.ndarray, cost: float) -> Estimate:
    """The trace of the covariance of rows (n, P) with these weights."""
    mean = weights @ rows
    return Estimate(mean, weights @ np.sum(rows**2, axis=1) - mean @ mean, cost)


def by_chains(parameters: dict, k: int) -> Estimate:
    """Contrastive divergence with k steps."""
    h, after = slopes(BinaryRBM(**parameters), V), np.linalg.matrix_power(transitions(parameters), k)
    return spread(np.ravel(DATA[:, None] * after), h[FIRST] - h[SECOND], k)


def by_means(parameters: dict, k: int) -> Estimate:
    """Mean-field contrastive divergence with k updates: only the choice of the data is random."""

    def loss(parameters, x):
        return mean_field_contrastive_divergence(BinaryRBM(**parameters), x, k)[0]

    rows = [flatten(grad(loss)(parameters, V[i : i + 1]))[0] for i in STARTS]
    return spread(DATA[STARTS], np.array(rows), k)


def coupled_transitions(parameters: dict) -> np.ndarray:
    """P((v', w') | (v, w)) of two Gibbs steps with the same noise: units agree as often as two Bernoulli laws can."""
    rbm = BinaryRBM(**parameters)
    return _pairs(rbm.hidden_mean(V), H) @ _pairs(rbm.visible_mean(H), V)


def _pairs(means, states):
    """The probabilities of all pairs of states of the units (columns), for each pair of their means."""
    p, q = means[FIRST], means[SECOND]
    a, b = states[FIRST][None], states[SECOND][None]
    low, high = np.minimum(p, q)[:, None], np.maximum(p, q)[:, None]
    first, second = np.maximum(p - q, 0)[:, None], np.maximum(q - p, 0)[:, None]
    of_units = np.where(a == b, np.where(a == 1, low, 1 - high), np.where(a == 1, first, second))
    return np.prod(of_units, axis=2)


def by_coupling(parameters: dict, k: int, m: int) -> Estimate:
    """h(x) - H_{k:m}: its first two moments, by recursion backwards in time from where the weight w_t has reached 1."""
    h, moves, P = slopes(BinaryRBM(**parameters), V), coupled_transitions(parameters), transitions(parameters)
    gap = h[FIRST] - h[SECOND]
    first, second = np.zeros_like(gap), np.zeros(len(gap))
    left = np.eye(np.sum(APART)) - moves[np.ix_(APART, APART)]
    first[APART] = np.linalg.solve(left, gap[APART])
    second[APART] = np.linalg.solve(left, np.sum(gap * (2 * first - gap), axis=1)[APART])
    for t in range(m, 0, -1):
        term = (k <= t) / (m - k + 1) * h[FIRST] + max(t - k, 0) / (m - k + 1) * gap
        rest = moves @ first
        second = np.sum(term * (term + 2 * rest), axis=1) + moves @ second
        first = term + rest
    pairs = len(V), len(V)
    mean = np.array([P[i] @ first.reshape(*pairs, -1)[:, i] for i in STARTS])  # X_1 beside Y_0, the datum
    square = np.array([P[i] @ second.reshape(pairs)[:, i] for i in STARTS])
    own = h[STARTS] * (1 - (k == 0) / (m + 1))  # of the datum, which is X_0 too
    total = DATA[STARTS] @ (own - mean)
    squares = DATA[STARTS] @ (np.sum(own * (own - 2 * mean), axis=1) + square)
    return Estimate(total, squares - total @ total, cost_of(meetings(parameters), m))


def meetings(parameters: dict) -> np.ndarray:
    """P(tau = t), t = 0, 1, ..., of chains from the data."""
    P, moves = transitions(parameters), coupled_transitions(parameters)
    law = np.zeros((len(V), len(V)))
    law[:, STARTS] = (DATA[STARTS, None] * P[STARTS]).T
    law, met = np.ravel(law), [0.0]
    while np.sum(law[APART]) > 1e-12:
        met.append(np.sum(law[~APART]))
        law = np.where(APART, law, 0.0) @ moves
    return np.append(met, np.sum(law))


def cost_of(met: np.ndarray, m: int) -> float:
    """The expected number of Gibbs steps: two chains until they meet, then one chain to X_m."""
    tau = np.arange(len(met))
    return met @ (2 * (tau - 1) + np.maximum(1, m + 1 - tau))


def simulated(parameters: dict, rows: int, k: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Simulation with the library's own chains: the gradients of rows (n, P), and the meeting times."""
    rng, rbm = np.random.default_rng(SEED), BinaryRBM(**parameters)
    x = V[rng.choice(len(V), rows, p=DATA)]
    tape = gibbs_tape(rng, LONGEST, rows, rbm)
    chains = coupled_chains(lambda v, w, *u: (gibbs_step(rbm, v, *u), gibbs_step(rbm, w, *u)), x, x, m, tape)
    h, places = slopes(rbm, V), 2.0 ** np.arange(len(V[0]))[::-1]
    columns = [lambda v, column=column: column[np.dot(v, places).astype(int)] for column in h.T]
    means = np.stack([unbiased_mean(column, chains.x, chains.y, k, m) for column in columns], axis=1)
    return slopes(rbm, x) - means, chains.meeting


@styled
def draw(size: float = 1.0) -> Figure:
    """Coupled chains have no bias for any k, but more variance; dots mark the cost from which they beat CD-k."""
    machines = train(None, max(round(UPDATES * size), 100))
    parameters = machines[round(TRAINED * (len(machines) - 1))]
    steps = STEPS[: max(round(len(STEPS) * size), 5)]
    figure, axes = panels([["bias", "spread"], ["meeting", "cost"]], height=7.0)
    kinds = (("CD-$k$", by_chains, RED, "-"), ("mean-field CD", by_means, ORANGE, "--"))
    made = {name: [function(parameters, k) for k in steps] for name, function, *_ in kinds}
    exact = flatten(gradient(parameters, None))[0]
    for name, _, colour, line in kinds:
        biases = [np.linalg.norm(one.mean - exact) for one in made[name]]
        axes["bias"].semilogy(steps, biases, line, color=colour, label=name)
        axes["spread"].semilogy(steps, [one.variance**0.5 for one in made[name]], line, color=colour, label=name)
    _spreads(axes["spread"], parameters, steps, max(round(ROWS * size), 100))
    axes["bias"].axhline(np.linalg.norm(exact), color=BLACK, linewidth=1, linestyle=":", label="the gradient itself")
    axes["bias"].set_title("coupled chains: no bias")
    axes["bias"].set_ylabel("length of the gradient's bias\n(in units of nats per unit)")
    axes["bias"].set_xlabel("steps $k$ (a number)")
    axes["bias"].legend(loc="lower left")
    _meetings(axes["meeting"], machines)
    _costs(axes["cost"], parameters, exact)
    return figure


def _spreads(axes: Axes, parameters: dict, steps: np.ndarray, rows: int) -> None:
    """The deviation of one row's gradient: exact as lines, from the library's chains as dots."""
    for several, name, colour in ((1, "coupled, $m = k$", GREEN), (5, "coupled, $m = 5k$", BLUE)):
        exact = [by_coupling(parameters, k, several * k).variance ** 0.5 for k in steps]
        axes.semilogy(steps, exact, color=colour, label=name)
        k = steps[3]
        drawn = simulated(parameters, rows, k, several * k)[0]
        axes.semilogy([k], [np.sum(np.var(drawn, axis=0)) ** 0.5], "o", color=colour)
    axes.set_ylabel("deviation of one row's gradient\n(in units of nats per unit)")
    axes.set_xlabel("steps $k$ (a number)")
    axes.set_ylim(top=60)
    axes.legend(loc="upper right", ncols=2, handlelength=1.2, columnspacing=1.0)


def _meetings(axes: Axes, machines: list[dict]) -> None:
    """The distribution of meeting times of chains from the data, at several stages of training."""
    for stage, colour in STAGES:
        update = round(stage * (len(machines) - 1))
        met = meetings(machines[update])
        mean = met @ np.arange(len(met))
        label = rf"{update} updates: $E\,\tau = {mean:.2f}$"
        axes.loglog(np.arange(1, len(met)), np.maximum(1 - np.cumsum(met)[1:], 1e-12), color=colour, label=label)
    axes.set_ylim(1e-6, 300)
    axes.set_yticks([1e-6, 1e-4, 1e-2, 1])
    axes.set_xlabel("Gibbs steps $t$ (a number)")
    axes.set_ylabel(r"share of pairs with $\tau > t$ (a number)")
    axes.legend(loc="upper right")


def _costs(axes: Axes, parameters: dict, exact: np.ndarray) -> None:
    """The error of a mean over as many rows as a number of Gibbs steps allows, and where coupled chains win."""
    coupled, total = by_coupling(parameters, *COUPLED), np.logspace(2, 9, 141)
    noise = coupled.variance * coupled.cost
    for k, name, colour in RUNS:
        one = by_chains(parameters, k)
        bias = np.sum((one.mean - exact) ** 2)
        axes.loglog(total, np.sqrt(bias + one.variance * one.cost / total), color=colour, label=name)
        passed = (noise - one.variance * one.cost) / bias
        if 0 < passed < total[-1]:
            axes.loglog([passed], [np.sqrt(noise / passed)], "o", color=colour)
    axes.loglog(total, np.sqrt(noise / total), color=GREEN, label="coupled, $k = {}$, $m = {}$".format(*COUPLED))
    axes.set_xlabel("Gibbs steps in all (a number)")
    axes.set_ylabel("root mean square error\n(in units of nats per unit)")
    axes.legend(loc="lower left")
