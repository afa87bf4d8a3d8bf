"""How cost grows with the number of rows n, of coordinates d, of noise points nu, of noise levels and of steps.

Each is a power, fitted to the logarithms of CPU times, and a line, fitted to the times: fixed cost and cost of one
more. All of them should be lines, of power 1 where the fixed cost is small.
"""

import time
from collections.abc import Callable, Iterator

import autograd.numpy as anp
import numpy as np
from autograd import value_and_grad

import refebm
from tests.benchmark import noise_contrastive, score_matching
from tests.benchmark.diffusion import SMALL, mixture, network
from tests.benchmark.samplers import mlp, refebm_chain
from tests.benchmark.timing import power, race

ROWS = 256
DOUBLED = (1, 2, 4, 8)


def exact(n: int, d: int) -> Callable:
    """The gradient of implicit score matching."""
    parameters, x = score_matching.problem(d)
    x = np.tile(x, (n // len(x), 1))
    return lambda: value_and_grad(score_matching.refebm_value)(parameters, x)


def contrast(n: int, nu: int) -> Callable:
    """The gradient of noise contrast."""
    parameters, x, y = noise_contrastive.problem(10, nu)
    return lambda: value_and_grad(noise_contrastive.refebm_value)(parameters, x[:n], y[:, :n])


def levels(n: int) -> Callable:
    """The gradient of the noise-conditional loss."""
    rng, layers = np.random.default_rng(0), network(10, SMALL).parameters["layers"]
    x, z, sigma = rng.standard_normal((n, 10)), rng.standard_normal((n, 10)), rng.uniform(0.1, 2, n)

    def loss(layers):
        field = refebm.Model("noise_conditional", {"layers": layers})
        return anp.mean(refebm.noise_conditional_score_matching(field, x, sigma, z))

    return lambda: value_and_grad(loss)(layers)


def annealed(count: int, steps: int) -> Callable:
    """Annealed Langevin dynamics on a mixture."""
    rng = np.random.default_rng(0)
    x, z = rng.standard_normal((ROWS, 2)), rng.standard_normal((count, steps, ROWS, 2))
    return lambda: refebm.annealed_langevin(mixture(), x, np.geomspace(10.0, 0.1, count), 1e-3, z)


def chain(steps: int, n: int) -> Callable:
    """Langevin steps on a network."""
    rng, run = np.random.default_rng(0), refebm_chain("Langevin", mlp(10))
    x, tape = rng.standard_normal((n, 10)), rng.standard_normal((steps, n, 10))
    return lambda: run(x, (tape,))


def sizes(first: int) -> list[int]:
    """A size, and 2, 4 and 8 times it."""
    return [first * k for k in DOUBLED]


def entries() -> Iterator[tuple[str, list[int], Callable]]:
    """What grows, the sizes, and what is timed at a size."""
    yield "exact score matching, gradient, n (d = 10)", sizes(ROWS), lambda n: exact(n, 10)
    yield f"exact score matching, gradient, d (n = {ROWS})", sizes(10), lambda d: exact(ROWS, d)
    yield "noise contrast, gradient, n (nu = 5)", sizes(128), lambda n: contrast(n, 5)
    yield f"noise contrast, gradient, nu (n = {ROWS})", sizes(2), lambda nu: contrast(ROWS, nu)
    yield "noise-conditional loss, gradient, n (d = 10)", sizes(ROWS), levels
    yield "annealed Langevin, levels (5 steps each)", sizes(4), lambda count: annealed(count, 5)
    yield "annealed Langevin, steps at each of 4 levels", sizes(5), lambda steps: annealed(4, steps)
    yield f"Langevin on a network, steps (n = {ROWS})", sizes(10), lambda steps: chain(steps, ROWS)
    yield "Langevin on a network, n (20 steps)", sizes(ROWS), lambda n: chain(20, n)


def line(size: np.ndarray, cost: np.ndarray) -> tuple[float, float, float]:
    """The fixed cost and the cost of one more by least squares of relative errors, and the largest of these."""
    each, fixed = np.polyfit(size, cost, 1, w=1 / cost)
    return fixed, each, np.max(np.abs(fixed + each * size - cost) / cost)


def report() -> None:
    """A row for each."""
    print(
        "Growth: CPU ms, least of rounds, at a size and at 2, 4 and 8 times it; the power; fixed + cost of one more\n"
    )
    for name, at, make in entries():
        least = race({size: make(size) for size in at}, seconds=3.0, rounds=9, clock=time.process_time)
        size, ms = np.array(at, float), np.array([1e3 * np.min(least[one]) for one in at])
        fixed, each, worst = line(size, ms)
        print(f"{name:47}{at[0]:4}: {' '.join(f'{one:7.1f}' for one in ms)}   ^{power(size, ms):.2f}", end="   ")
        print(f"{fixed:6.2f} + {each:.4f} each, at most {100 * worst:.0f} % off", flush=True)
    print()
