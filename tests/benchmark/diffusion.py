"""The noise-conditional loss with its gradient, and reverse-time SDEs: refebm, PyTorch eager, JAX jit.

The loss: a network with three hidden layers of 256 tanh units, 1,024 rows, d = 64. The SDE: 1,000 reverse steps of
1,000 points in the plane, variance exploding, with the exact score of a mixture of eight, and with a network of two
hidden layers of 64 units. Peers: the same formulas on the same noise, as users write them; JAX compiles the chain.
"""

from collections.abc import Callable
from itertools import pairwise
from math import log, sqrt

import autograd.numpy as anp
import numpy as np
from autograd import value_and_grad

from refebm import Model, VarianceExploding, langevin_tape, noise_conditional_score_matching, reverse_sde_step, run
from tests.benchmark.samplers import AGREEMENT, JAX, TORCH, leaves, ratio
from tests.benchmark.timing import THREADS, Times, jax, on_threads, peak_bytes, race, torch

ROWS, D, UNITS = 1024, 64, (256, 256, 256)
POINTS, STEPS, SMALL, COMPONENTS = 1000, 1000, (64, 64), 8
SIGMA_MIN, SIGMA_MAX = 0.1, 10.0


def network(d: int, units: tuple) -> Model:
    """A noise-conditional field."""
    rng, sizes = np.random.default_rng(d), [d + 1, *units, d]
    shapes = pairwise(sizes)
    layers = tuple((rng.standard_normal((a, b)) / np.sqrt(a), rng.standard_normal(b)) for a, b in shapes)
    return Model("noise_conditional", {"layers": layers})


def mixture() -> Model:
    """The score of a mixture at any noise level."""
    rng = np.random.default_rng(1)
    wells = {"means": 2 * rng.standard_normal((COMPONENTS, 2)), "variances": 0.1 + rng.random((COMPONENTS, 2))}
    return Model("smoothed_mixture", {"logits": np.zeros(COMPONENTS), **wells})


def peer_network(library, layers) -> Callable:
    """The same in PyTorch or JAX."""
    join = (lambda a: torch.cat(a, 1)) if library is torch else (lambda a: jax.numpy.concatenate(a, 1))

    def score(x, sigma):
        h = join([x, library.log(sigma)])
        for weights, bias in layers[:-1]:
            h = library.tanh(h @ weights + bias)
        return (h @ layers[-1][0] + layers[-1][1]) / sigma

    return score


def peer_mixture(library, logits, means, variances) -> Callable:
    """The same in PyTorch or JAX."""
    softmax = library.softmax if library is torch else jax.nn.softmax

    def score(x, sigma):
        wide = variances + sigma[:, None] ** 2
        away = x[:, None, :] - means
        r = softmax(logits - 0.5 * (away**2 / wide + library.log(wide)).sum(-1), 1)
        return -(r[:, :, None] * away / wide).sum(1)

    return score


PEERS = {"noise_conditional": peer_network, "smoothed_mixture": peer_mixture}


def losses() -> dict[str, Callable]:
    """By name: functions without arguments that return the value and the gradient in the parameters."""
    rng, model = np.random.default_rng(0), network(D, UNITS)
    x, z, sigma = rng.standard_normal((ROWS, D)), rng.standard_normal((ROWS, D)), rng.uniform(0.1, 2, ROWS)

    def loss(layers):
        field = Model("noise_conditional", {"layers": layers})
        return anp.mean(noise_conditional_score_matching(field, x, sigma, z))

    entries = {"refebm": lambda: value_and_grad(loss)(model.parameters["layers"])}

    def peer_loss(library, layers, x, z, sigma):
        return (0.5 * ((sigma * peer_network(library, layers)(x + sigma * z, sigma) + z) ** 2).sum(1)).mean()

    if torch is not None:
        layers = leaves(lambda a: torch.tensor(a, requires_grad=True), model.parameters["layers"])
        given = torch.tensor(x), torch.tensor(z), torch.tensor(sigma[:, None])

        def by_torch():
            value = peer_loss(torch, layers, *given)
            return value, torch.autograd.grad(value, [part for layer in layers for part in layer])

        entries[TORCH] = on_threads(THREADS, by_torch)
    if jax is not None:
        compiled = jax.jit(jax.value_and_grad(lambda layers, *given: peer_loss(jax.numpy, layers, *given)))
        ours = leaves(jax.numpy.asarray, model.parameters["layers"])
        entries[JAX] = lambda: jax.block_until_ready(compiled(ours, x, z, sigma[:, None]))
    return entries


def chains(model: Model) -> dict[str, Callable]:
    """By name: functions without arguments that return the last states."""
    rng, sde = np.random.default_rng(0), VarianceExploding(SIGMA_MIN, SIGMA_MAX)
    start, z = sde.prior(2).sample(rng, POINTS), langevin_tape(rng, STEPS, POINTS, 2)
    times, dt = 1 - np.arange(STEPS) / STEPS, 1 / STEPS

    def step(x, t, z):
        return reverse_sde_step(lambda x, t: model(x, sde.marginal(t)[1]), sde, x, t, dt, z)

    entries = {"refebm": lambda: run(step, start, (times, z)).x}

    def peer_step(library, score, x, t, z):
        ratio = SIGMA_MAX / SIGMA_MIN
        sigma = SIGMA_MIN * ratio**t
        g = sigma * sqrt(2 * log(ratio))
        std = (sigma**2 - SIGMA_MIN**2) ** 0.5 * library.ones_like(x[:, :1])
        return x + g**2 * score(x, std) * dt + g * sqrt(dt) * z

    if torch is not None:
        field = PEERS[model.kind](torch, **leaves(torch.tensor, model.parameters))

        def by_torch(x, times, tape):
            with torch.no_grad():
                for t, noise in zip(times, tape, strict=True):
                    x = peer_step(torch, field, x, t, noise)
            return x

        given = torch.tensor(start), times.tolist(), torch.tensor(z)
        entries[TORCH] = on_threads(THREADS, lambda: by_torch(*given))
    if jax is not None:
        learnt = PEERS[model.kind](jax.numpy, **leaves(jax.numpy.asarray, model.parameters))
        scan = jax.jit(
            lambda x, tape: jax.lax.scan(lambda x, at: (peer_step(jax.numpy, learnt, x, *at), None), x, tape)[0]
        )
        entries[JAX] = lambda: scan(start, (times, z)).block_until_ready()
    return entries


def flat(answer) -> np.ndarray:
    """An answer of any framework, value and gradient, as one array."""
    if isinstance(answer, (tuple, list)):
        return np.concatenate([flat(part) for part in answer])
    return np.ravel(answer.detach().numpy() if hasattr(answer, "detach") else np.asarray(answer))


def compare() -> dict[str, Times]:
    """Check, time and print each row."""
    print(f"{'':28}{'refebm ms':>10}     time: refebm / {TORCH:24}refebm / {JAX}")
    results = {}
    rows = {
        "loss and gradient": losses,
        "reverse SDE, mixture": lambda: chains(mixture()),
        "reverse SDE, network": lambda: chains(network(2, SMALL)),
    }
    for name, make in rows.items():
        entries = make()
        answers = {peer: flat(function()) for peer, function in entries.items()}  # everybody's warm-up too
        size = np.max(np.abs(answers["refebm"]))
        wrong = [p for p, a in answers.items() if not np.max(np.abs(a - answers["refebm"])) <= AGREEMENT * size]
        times = race({p: f for p, f in entries.items() if p not in wrong}, seconds=8.0)
        ratios = [ratio(times, peer, wrong) for peer in (TORCH, JAX)]
        print(f"{name:28}{1e3 * np.median(times['refebm']):10.1f}     {ratios[0]:39}{ratios[1]}", flush=True)
        results[name] = times
    missed = [name for name, t in results.items() if TORCH in t and np.median(t["refebm"] / t[TORCH]) > 1]
    print(f"Level with {TORCH}: {'missed in ' + ', '.join(missed) if missed else 'met'}")
    return results


def print_memory() -> None:
    """A reverse chain without trajectory."""
    model = mixture()
    peak = peak_bytes(chains(model)["refebm"])
    arrays = peak / (8 * POINTS * 2)
    print(f"Peak memory (tracemalloc) of {STEPS} reverse steps, beside the tape: {arrays:.0f} arrays (n, d)\n")


def report() -> None:
    """Print it all."""
    print(f"Diffusion: loss with n = {ROWS}, d = {D}, units {UNITS}; {STEPS} reverse steps of {POINTS} points, d = 2\n")
    compare()
    print_memory()
