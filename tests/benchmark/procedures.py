"""One epoch of each procedure: beside the same loop in PyTorch eager, and beside its losses and gradients alone.

Data: 1,280 rows, in minibatches of 128. Models: two hidden layers of 64 tanh units. What a procedure adds to the losses
and their gradients, which are timed with draws that are made before, is minibatches, noise, checks and steps.
"""

from collections.abc import Callable
from itertools import pairwise
from math import log, pi, sqrt

import autograd.numpy as anp
import numpy as np
from autograd import value_and_grad

import refebm
from refebm.models.networks import perceptron
from tests.benchmark.timing import quartiles, race, torch

ROWS, BATCH, D, HIDDEN, STEP_SIZE, ETA, K, NU, SIGMA = 1280, 128, 10, 64, 1e-3, 0.01, 5, 5, 0.5
STEPS = ROWS // BATCH
LEVELS = np.geomspace(2.0, 0.1, 10)
X = np.random.default_rng(0).standard_normal((ROWS, D))
QUIET = {"progress": False}


def layers(inputs: int, outputs: int) -> tuple:
    """Of the network that is trained."""
    rng, sizes = np.random.default_rng(inputs), (inputs, HIDDEN, HIDDEN, outputs)
    return tuple((rng.standard_normal(pair) / sqrt(pair[0]), np.zeros(pair[1])) for pair in pairwise(sizes))


SCORE, AT_LEVELS, ENERGY = layers(D, D), layers(D + 1, D), layers(D, 1)
NOISE = refebm.Gaussian(np.zeros(D), 1.5)


def at_levels(theta, x, sigma):
    """A network of x and the logarithm of the level, over the level."""
    return perceptron(theta, anp.concatenate([x, anp.log(sigma)[:, None]], axis=1)) / sigma[:, None]


def energy(theta, x):
    """A spring and a network."""
    return 0.5 * anp.sum(x**2, axis=1) + perceptron(theta, x)[:, 0]


def log_density(theta):
    """-E - log Z."""
    return lambda x: -energy(theta["energy"], x) - theta["log_z"]


def langevin(theta, x, z):
    """The kernel of contrastive divergence."""
    return refebm.langevin_step(refebm.score_of(lambda x: energy(theta, x)), x, ETA, z)


def epochs() -> dict[str, tuple[Callable, Callable, object]]:
    """By name: the procedure, a loss with noise that is at hand, and the first parameters."""
    sizes, rng = (BATCH, STEPS, STEP_SIZE), np.random.default_rng
    rows, z, one = X[:BATCH], rng(1).standard_normal((BATCH, D)), np.sign(rng(2).standard_normal((1, BATCH, D)))
    sigma, y = rng(3).choice(LEVELS, BATCH), NOISE.sample(rng(4), NU * BATCH).reshape(NU, BATCH, D)

    def fixed(function):
        return lambda theta: anp.mean(function(theta))

    return {
        "score matching": (
            lambda: refebm.train_score_matching(X, perceptron_at, SCORE, *sizes, rng(0), **QUIET),
            fixed(lambda theta: refebm.implicit_score_matching(lambda x: perceptron(theta, x), rows)),
            SCORE,
        ),
        "sliced score matching": (
            lambda: refebm.train_score_matching(X, perceptron_at, SCORE, *sizes, rng(0), 1, **QUIET),
            fixed(lambda theta: refebm.sliced_score_matching(lambda x: perceptron(theta, x), rows, one)),
            SCORE,
        ),
        "denoising": (
            lambda: refebm.train_denoising_score_matching(X, perceptron_at, SCORE, SIGMA, *sizes, rng(0), **QUIET),
            fixed(lambda theta: refebm.denoising_score_matching(lambda x: perceptron(theta, x), rows, SIGMA, z)),
            SCORE,
        ),
        "many levels": (
            lambda: refebm.train_noise_conditional_score_matching(
                X, at_levels, AT_LEVELS, LEVELS, *sizes, rng(0), **QUIET
            ),
            fixed(lambda t: refebm.noise_conditional_score_matching(lambda *at: at_levels(t, *at), rows, sigma, z)),
            AT_LEVELS,
        ),
        f"contrastive divergence, k = {K}": (
            lambda: refebm.train_contrastive_divergence(X, energy, langevin, ENERGY, K, *sizes, rng(0), **QUIET),
            fixed(lambda theta: refebm.contrastive_divergence(lambda x: energy(theta, x), rows, chain(theta, rows))),
            ENERGY,
        ),
        f"noise contrast, nu = {NU}": (
            lambda: refebm.train_noise_contrastive(X, energy, NOISE, ENERGY, NU, *sizes, rng(0), **QUIET),
            fixed(lambda theta: refebm.noise_contrastive(log_density(theta), NOISE.log_prob, rows, y)),
            {"energy": ENERGY, "log_z": 0.0},
        ),
    }


def perceptron_at(theta, x):
    """The network, its parameters first."""
    return perceptron(theta, x)


def chain(theta, x):
    """K steps from the data."""
    from refebm.algorithms.draws import constant

    held, z = constant(theta), np.random.default_rng(5).standard_normal((K, *x.shape))
    return refebm.run(lambda x, z: langevin(held, x, z), x, z).x


def gradients_alone(loss: Callable, first) -> Callable:
    """As many losses and gradients as there are steps."""
    both = value_and_grad(loss)
    return lambda: [both(first) for _ in range(STEPS)]


def torch_epochs() -> dict[str, Callable]:
    """The same loops, as a user of PyTorch writes them."""
    x = torch.tensor(X)

    def network(theta, x):
        for w, b in theta[:-1]:
            x = torch.tanh(x @ w + b)
        return x @ theta[-1][0] + theta[-1][1]

    def slopes(values, x, **more):
        return torch.autograd.grad(values.sum(), x, create_graph=True, **more)[0]

    def exact(theta, rows):
        rows.requires_grad_(True)
        s = network(theta, rows)
        trace = sum(slopes(s[:, i], rows)[:, i] for i in range(D))
        return (0.5 * (s**2).sum(1) + trace).mean()

    def sliced(theta, rows):
        rows.requires_grad_(True)
        s, v = network(theta, rows), torch.sign(torch.randn_like(rows))
        return ((slopes(s * v, rows) * v).sum(1) + 0.5 * ((s * v).sum(1)) ** 2).mean()

    def denoising(theta, rows):
        z = torch.randn_like(rows)
        return (0.5 * ((network(theta, rows + SIGMA * z) + z / SIGMA) ** 2).sum(1)).mean()

    def levels(theta, rows):
        sigma, z = torch.tensor(LEVELS)[torch.randint(len(LEVELS), (BATCH,))][:, None], torch.randn_like(rows)
        s = network(theta, torch.cat([rows + sigma * z, torch.log(sigma)], 1)) / sigma
        return (0.5 * ((sigma * s + z) ** 2).sum(1)).mean()

    def of_energy(theta, x):
        return 0.5 * (x**2).sum(1) + network(theta, x)[:, 0]

    def divergence(theta, rows):
        y, held = rows.clone(), [(w.detach(), b.detach()) for w, b in theta]
        for _ in range(K):
            y = y.detach().requires_grad_(True)
            slope = torch.autograd.grad(of_energy(held, y).sum(), y)[0]
            y = y - ETA * slope + sqrt(2 * ETA) * torch.randn_like(y)
        return (of_energy(theta, rows) - of_energy(theta, y.detach())).mean()

    def contrast(theta, rows):
        y = sqrt(1.5) * torch.randn(NU * BATCH, D, dtype=rows.dtype)

        def logit(a):
            log_noise = -0.5 * (a**2).sum(1) / 1.5 - 0.5 * D * log(2 * pi * 1.5)
            return -of_energy(theta, a) - log_noise - log(NU)

        soft = torch.nn.functional.softplus
        return soft(-logit(rows)).mean() + NU * soft(logit(y)).mean()

    losses = exact, sliced, denoising, levels, divergence, contrast

    def epoch(loss, first):
        def run():
            theta = [[torch.tensor(part, requires_grad=True) for part in layer] for layer in first]
            flat = [part for layer in theta for part in layer]
            for _ in range(STEPS):
                gradients = torch.autograd.grad(loss(theta, x[torch.randint(ROWS, (BATCH,))]), flat)
                with torch.no_grad():
                    for part, gradient in zip(flat, gradients):
                        part -= STEP_SIZE * gradient

        return run

    return {name: epoch(loss, first) for (name, (_, _, first)), loss in zip(epochs().items(), losses)}


def report() -> None:
    """A line for each procedure: medians of the rounds, and quartiles."""
    print(f"One epoch of {STEPS} steps of {BATCH} rows, d = {D}: ms; over PyTorch eager; over its losses and gradients")
    peers = torch_epochs() if torch else {}
    for name, (procedure, loss, first) in epochs().items():
        entries = {"refebm": procedure, "alone": gradients_alone(loss, first)}
        entries |= {"torch": peers[name]} if peers else {}
        times = race(entries, seconds=3.0)
        words = [f"{quartiles(1e3 * times['refebm'])} ms"]
        words += [f"{quartiles(times['refebm'] / times['torch'])} of PyTorch"] if peers else []
        words += [f"{quartiles(times['refebm'] / times['alone'])} of losses and gradients"]
        print(f"  {name:32} {';  '.join(words)}", flush=True)
    print()
