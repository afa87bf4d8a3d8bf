"""One epoch of each procedure: beside the same loop in PyTorch eager, and beside its losses and gradients alone.

Data: 2,560 rows, in minibatches of 256. Models: two hidden layers of 128 tanh units. What a procedure adds to the
losses and their gradients, which are timed with draws that are made before, is minibatches, noise, checks and steps.
Each is timed by its CPU seconds, since others may use the machine, and compared by the least of many rounds.
That of implicit autoencoders is not among them: most of its time is L-BFGS, which fits the score. Steps are tiny, so
that no unit saturates: subnormal numbers are slow.
"""

import time
from collections.abc import Callable
from itertools import pairwise
from math import log, pi, sqrt

import autograd.numpy as anp
import numpy as np
from autograd import value_and_grad

import refebm
from refebm.models.networks import perceptron
from tests.benchmark.timing import quartiles, race, torch

ROWS, BATCH, D, HIDDEN, STEP_SIZE, ETA, K, NU, SIGMA = 2560, 256, 10, 128, 1e-6, 0.01, 5, 5, 0.5
STEPS = ROWS // BATCH
LEVELS = np.geomspace(2.0, 0.1, 10)
X = np.random.default_rng(0).standard_normal((ROWS, D))
QUIET = {"progress": False}


def layers(inputs: int, outputs: int) -> tuple:
    """Of the network that is trained."""
    rng, sizes = np.random.default_rng(inputs), (inputs, HIDDEN, HIDDEN, outputs)
    return tuple((rng.standard_normal(pair) / sqrt(pair[0]), np.zeros(pair[1])) for pair in pairwise(sizes))


SCORE, AT_LEVELS, ENERGY = layers(D, D), layers(D + 1, D), layers(D, 1)
BETAS = 0.1, 12.0
NOISE, SDE = refebm.Gaussian(np.zeros(D), 1.5), refebm.VariancePreserving(*BETAS)
SAMPLER = np.zeros(D), np.zeros(D)  # the mean and the logarithm of the deviations of y = a + e^b z


def at_levels(theta, x, sigma):
    """A network of x and the logarithm of the level, over the level."""
    return perceptron(theta, anp.concatenate([x, anp.log(sigma)[:, None]], axis=1)) / sigma[:, None]


def energy(theta, x):
    """A spring and a network."""
    return 0.5 * anp.sum(x**2, axis=1) + perceptron(theta, x)[:, 0]


def sampler(phi, z):
    """Normal points."""
    return phi[0] + anp.exp(phi[1]) * z


def log_q(phi, y):
    """Their log-density."""
    return -0.5 * anp.sum(((y - phi[0]) * anp.exp(-phi[1])) ** 2, axis=1) - anp.sum(phi[1]) - 0.5 * D * log(2 * pi)


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
    } | games(rows, z, sizes)


def games(rows, z, sizes) -> dict[str, tuple[Callable, Callable, object]]:
    """The same of diffusion, and of procedures in turns, whose losses are those of both players."""
    rng, first = np.random.default_rng, {"energy": ENERGY, "log_z": 0.0}
    t, plain, half = rng(6).uniform(1e-3, 1, BATCH), NOISE.sample(rng(4), BATCH), rng(8).random((BATCH, 1)) < 0.5
    at = SDE.marginal(t)[1] ** 2

    def contrast(theta, phi):
        return anp.mean(refebm.noise_contrastive(log_density(theta), held_q(phi), rows, sampler(phi, z)[None]))

    def mixed(theta, phi):
        y, log_noise = anp.where(half, sampler(phi, z), plain), refebm.mixed_noise(NOISE.log_prob, held_q(phi), 0.5)
        return anp.mean(refebm.noise_contrastive(log_density(theta), log_noise, rows, y[None]))

    def bound(theta, phi):
        return anp.mean(refebm.variational_bound(lambda x: energy(theta, x), held_q(phi), rows, sampler(phi, z)))

    def held_q(phi):
        return lambda y: log_q(phi, y)

    def turns(loss, theta):
        return lambda both: loss(both[0], SAMPLER) - loss(theta, both[1])

    def by_time(theta):
        return anp.mean(refebm.diffusion_score_matching(lambda *a: at_levels(theta, *a), SDE, lambda t: at, rows, t, z))

    def lines(theta):
        return anp.mean(refebm.flow_matching(lambda *a: at_levels(theta, *a), rows, z, t))

    players = (X, energy, log_q, sampler, ENERGY, SAMPLER)
    return {
        "diffusion": (
            lambda: refebm.train_diffusion(X, at_levels, SDE, AT_LEVELS, *sizes, rng(0), **QUIET),
            by_time,
            AT_LEVELS,
        ),
        "flow matching": (
            lambda: refebm.train_flow_matching(X, at_levels, AT_LEVELS, *sizes, rng(0), **QUIET),
            lines,
            AT_LEVELS,
        ),
        "flow contrast": (
            lambda: refebm.train_flow_contrastive(*players, *sizes, rng(0), **QUIET),
            turns(contrast, first),
            (first, SAMPLER),
        ),
        "adversarial contrast": (
            lambda: refebm.train_adversarial_contrastive(
                X, energy, NOISE, *players[2:4], 0.5, *players[4:], *sizes, rng(0), **QUIET
            ),
            turns(mixed, first),
            (first, SAMPLER),
        ),
        "adversarial bound": (
            lambda: refebm.train_variational_bound(*players, *sizes, rng(0), **QUIET),
            turns(bound, ENERGY),
            (ENERGY, SAMPLER),
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
    """As many losses and gradients as there are steps; none is kept, as in training, whose memory the system gets back
    and must hand out anew at each step."""
    both = value_and_grad(loss)

    def run():
        for _ in range(STEPS):
            both(first)

    return run


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

    def at_time(theta, x, t):
        return network(theta, torch.cat([x, torch.log(t)], 1)) / t

    def diffusion(theta, rows):
        t, z = 1e-3 + 0.999 * torch.rand(BATCH, 1, dtype=rows.dtype), torch.randn_like(rows)
        area = t * (BETAS[0] + 0.5 * t * (BETAS[1] - BETAS[0]))
        m, std = torch.exp(-0.5 * area), torch.sqrt(-torch.expm1(-area))
        return (0.5 * ((std * at_time(theta, m * rows + std * z, t) + z) ** 2).sum(1)).mean()

    def lines(theta, rows):
        t, z = 1e-3 + 0.999 * torch.rand(BATCH, 1, dtype=rows.dtype), torch.randn_like(rows)
        return (0.5 * ((at_time(theta, (1 - t) * rows + t * z, t) - (z - rows)) ** 2).sum(1)).mean()

    def log_normal(a, mean, log_std):
        return -0.5 * (((a - mean) * torch.exp(-log_std)) ** 2).sum(1) - log_std.sum() - 0.5 * D * log(2 * pi)

    def against(log_noise, theta, log_z, rows, y):
        soft = torch.nn.functional.softplus
        logit = [-of_energy(theta, a) - log_z - log_noise(a) for a in (rows, y)]
        return (soft(-logit[0]) + soft(logit[1])).mean()

    def flow(theta, log_z, phi, rows):
        y = phi[0] + torch.exp(phi[1]) * torch.randn_like(rows)
        return against(lambda a: log_normal(a, *phi), theta, log_z, rows, y)

    def proposal(theta, log_z, phi, rows):
        hard, plain = phi[0] + torch.exp(phi[1]) * torch.randn_like(rows), sqrt(1.5) * torch.randn_like(rows)
        wide = torch.zeros(D, dtype=rows.dtype), torch.full((D,), 0.5 * log(1.5), dtype=rows.dtype)

        def log_noise(a):
            return torch.logaddexp(log_normal(a, *wide), log_normal(a, *phi)) - log(2)

        y = torch.where(torch.rand(BATCH, 1) < 0.5, hard, plain)
        return against(log_noise, theta, log_z, rows, y)

    def bound(theta, log_z, phi, rows):
        y = phi[0] + torch.exp(phi[1]) * torch.randn_like(rows)
        return (of_energy(theta, rows) - of_energy(theta, y) - log_normal(y, *phi)).mean() + 0 * log_z

    losses = exact, sliced, denoising, levels, divergence, contrast, diffusion, lines

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

    def turns(loss):
        def run():
            theta = [[torch.tensor(part, requires_grad=True) for part in layer] for layer in ENERGY]
            log_z = torch.tensor(0.0, dtype=x.dtype, requires_grad=True)
            phi = [torch.tensor(part, requires_grad=True) for part in SAMPLER]
            players = ([*(part for layer in theta for part in layer), log_z], STEP_SIZE), (phi, -STEP_SIZE)
            for _ in range(STEPS):
                for flat, step in players:
                    value = loss(theta, log_z, phi, x[torch.randint(ROWS, (BATCH,))])
                    gradients = torch.autograd.grad(value, flat)
                    with torch.no_grad():
                        for part, gradient in zip(flat, gradients):
                            part -= step * gradient

        return run

    entries = epochs()
    firsts = [first["energy"] if isinstance(first, dict) else first for _, _, first in entries.values()]
    peers = [epoch(loss, first) for loss, first in zip(losses, firsts)] + [
        turns(one) for one in (flow, proposal, bound)
    ]
    return dict(zip(entries, peers, strict=True))


def report() -> None:
    """A line for each procedure: the median of the rounds and quartiles, and ratios of the least of the rounds."""
    print(
        f"One epoch of {STEPS} steps of {BATCH} rows, d = {D}: CPU ms; least over that of PyTorch eager; over that of"
    )
    print("its losses and gradients")
    peers = torch_epochs() if torch else {}
    for name, (procedure, loss, first) in epochs().items():
        entries = {"refebm": procedure, "alone": gradients_alone(loss, first)}
        entries |= {"torch": peers[name]} if peers else {}
        times = race(entries, seconds=30.0, rounds=41, clock=time.process_time)
        least = {entry: np.min(t) for entry, t in times.items()}
        words = [f"{quartiles(1e3 * times['refebm'])} ms"]
        words += [f"{least['refebm'] / least['torch']:.3g} of PyTorch"] if peers else []
        words += [f"{least['refebm'] / least['alone']:.3g} of losses and gradients"]
        print(f"  {name:32} {';  '.join(words)}", flush=True)
    print()
