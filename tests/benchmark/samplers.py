"""Langevin, MALA and HMC: steps per second of 1,000 chains, and the memory of long ones.

Models: a mixture of eight Gaussians, and an MLP energy with two hidden layers of 64 tanh units. Peers: the same chains
on the same tape as a user of PyTorch writes them, one torch.autograd.grad for each gradient, which MALA has together
with the energy; and in JAX, where the whole chain is one compiled lax.scan.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np

from refebm import (
    GaussianMixture,
    Model,
    hmc_step,
    langevin_step,
    langevin_tape,
    mala_step,
    metropolis_tape,
    mixture_of,
    run,
    score_of,
)
from refebm.glossary import mapped
from tests.benchmark.timing import THREADS, Times, jax, on_threads, peak_bytes, quartiles, race, torch

N, STEPS, HIDDEN, COMPONENTS = 1000, 20, 64, 8
DIMENSIONS = (2, 10)
ETA, EPS, LEAPFROGS = 0.01, 0.1, 5
LENGTHS = (100, 10_000)
MEMORY_N = 100
AGREEMENT = 1e-9
TORCH, JAX = "PyTorch eager", "JAX jit"


def mlp(d: int) -> Model:
    """An MLP energy."""
    rng = np.random.default_rng(d)
    sizes = ((d, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, 1))
    layers = tuple((rng.standard_normal(size) / np.sqrt(size[0]), rng.standard_normal(size[1])) for size in sizes)
    return Model("mlp_energy", {"precision": 1.0, "layers": layers})


def mixture(d: int) -> Model:
    """The energy of a mixture with full covariances."""
    rng = np.random.default_rng(d)
    a = 0.3 * rng.standard_normal((COMPONENTS, d, d))
    weights = np.full(COMPONENTS, 1 / COMPONENTS)
    means = 2 * rng.standard_normal((COMPONENTS, d))
    return mixture_of(GaussianMixture(weights, means, np.eye(d) + a @ a.transpose(0, 2, 1)))


def mlp_energy(library, precision, layers) -> Callable:
    """The same in PyTorch or JAX."""
    (w1, b1), (w2, b2), (w3, b3) = layers

    def energy(x):
        network = library.tanh(library.tanh(x @ w1 + b1) @ w2 + b2) @ w3 + b3
        return 0.5 * precision * (x**2).sum(1) + network[:, 0]

    return energy


def mixture_energy(library, logits, means, precisions) -> Callable:
    """The same in PyTorch or JAX."""
    logsumexp = library.logsumexp if library is torch else jax.nn.logsumexp

    def energy(x):
        away = x[:, None, :] - means
        return -logsumexp(logits - 0.5 * (library.einsum("nki,kij->nkj", away, precisions) * away).sum(-1), 1)

    return energy


def refebm_chain(sampler: str, model: Model) -> Callable:
    """x and a tape to the last x, as a user of refebm writes it."""
    score = score_of(model)
    step = {
        "Langevin": lambda x, z: langevin_step(score, x, ETA, z),
        "MALA": lambda x, z, u: mala_step(model, x, ETA, z, u),
        "HMC": lambda x, z, u: hmc_step(model, x, EPS, LEAPFROGS, z, u),
    }[sampler]
    return lambda x, tape: run(step, x, tape).x


def peer_step(library, sampler: str, energy_and_score: Callable, energy: Callable) -> Callable:
    """One step; PyTorch and JAX spell it alike."""

    def accepted(x, proposal, log_ratio, u):
        return library.where((library.log(u) < log_ratio)[:, None], proposal, x)

    def langevin(x, z):
        return x + ETA * energy_and_score(x)[1] + sqrt(2 * ETA) * z

    def mala(x, z, u):
        here, s = energy_and_score(x)
        proposal = x + ETA * s + sqrt(2 * ETA) * z
        there, s_there = energy_and_score(proposal)
        back = (x - proposal - ETA * s_there) / sqrt(2 * ETA)
        return accepted(x, proposal, here - there + 0.5 * (z**2).sum(1) - 0.5 * (back**2).sum(1), u)

    def hmc(x, z, u):
        end, p = x, z + 0.5 * EPS * energy_and_score(x)[1]
        for i in range(LEAPFROGS):
            end = end + EPS * p
            p = p + (1.0 if i < LEAPFROGS - 1 else 0.5) * EPS * energy_and_score(end)[1]
        here, there = energy(x) + 0.5 * (z**2).sum(1), energy(end) + 0.5 * (p**2).sum(1)
        return accepted(x, end, here - there, u)

    return {"Langevin": langevin, "MALA": mala, "HMC": hmc}[sampler]


ENERGIES = {"mlp_energy": mlp_energy, "mixture": mixture_energy}


def torch_chain(sampler: str, model: Model) -> Callable:
    """A loop in Python over the tape."""
    energy = ENERGIES[model.kind](torch, **leaves(torch.tensor, model.parameters))

    def energy_and_score(x):
        x = x.detach().requires_grad_(True)
        e = energy(x)
        return e.detach(), -torch.autograd.grad(e.sum(), x)[0]

    def energy_alone(x):
        with torch.no_grad():
            return energy(x)

    step = peer_step(torch, sampler, energy_and_score, energy_alone)

    def chain(x, tape):
        for noise in zip(*tape):
            x = step(x, *noise)
        return x

    return chain


def jax_chain(sampler: str, model: Model) -> Callable:
    """The loop is compiled."""
    energy = ENERGIES[model.kind](jax.numpy, **leaves(jax.numpy.asarray, model.parameters))

    def energy_and_score(x):
        e, pull_back = jax.vjp(energy, x)
        return e, -pull_back(jax.numpy.ones_like(e))[0]

    step = peer_step(jax.numpy, sampler, energy_and_score, energy)
    chain = jax.jit(lambda x, tape: jax.lax.scan(lambda x, noise: (step(x, *noise), None), x, tape)[0])
    return lambda x, tape: chain(x, tape).block_until_ready()


def leaves(convert: Callable, parameters):
    """The parameters of a model with each array converted."""
    return mapped(lambda part: part if isinstance(part, float) else convert(part), parameters)


def contenders(sampler: str, model: Model) -> dict[str, Callable]:
    """By name: functions without arguments that return the last states; the tape is there, in everybody's arrays."""
    rng = np.random.default_rng(0)
    x, tape = 2 * rng.standard_normal((N, model.d)), metropolis_tape(rng, STEPS, N, model.d)
    tape = tape[:1] if sampler == "Langevin" else tape
    entries = {"refebm": (refebm_chain(sampler, model), np.asarray)}
    if torch is not None:
        entries[TORCH] = on_threads(THREADS, torch_chain(sampler, model)), torch.tensor
    if jax is not None:
        entries[JAX] = jax_chain(sampler, model), jax.numpy.asarray
    return {name: prepared(chain, convert(x), tuple(map(convert, tape))) for name, (chain, convert) in entries.items()}


def prepared(chain, x, tape):
    """The chain with its arguments."""
    return lambda: chain(x, tape)


def compare() -> dict[tuple[str, str, int], Times]:
    """Check, time and print each sampler on each model."""
    print(f"{'':32}steps per second{'':24}time: refebm / peer (below 1: refebm is faster)")
    print(f"{'':25}d{'refebm':>10}{TORCH:>15}{JAX:>10}     {TORCH:24}{JAX}")
    results = {}
    for name, build in (("mixture", mixture), ("MLP", mlp)):
        for sampler in ("Langevin", "MALA", "HMC"):
            for d in DIMENSIONS:
                entries = contenders(sampler, build(d))
                ends = {peer: np.asarray(chain()) for peer, chain in entries.items()}  # everybody's warm-up too
                wrong = [p for p, end in ends.items() if not np.max(np.abs(end - ends["refebm"])) <= AGREEMENT]
                times = race({p: chain for p, chain in entries.items() if p not in wrong}, seconds=4.0)
                rates = [f"{STEPS / np.median(times[p]):.0f}" if p in times else "-" for p in ("refebm", TORCH, JAX)]
                ratios = [ratio(times, peer, wrong) for peer in (TORCH, JAX)]
                print(f"{sampler:9} {name:9}{d:7}{rates[0]:>10}{rates[1]:>15}{rates[2]:>10}     ", end="")
                print(f"{ratios[0]:24}{ratios[1]}", flush=True)
                results[sampler, name, d] = times
    print(f"\nOnly what ended within {AGREEMENT:g} of refebm's states is timed. HMC: {LEAPFROGS} leapfrog steps.")
    return results


def ratio(times: Times, peer: str, wrong: list[str]) -> str:
    """Time of refebm in units of the peer's, or why there is none."""
    if peer in wrong:
        return "DISAGREES"
    return quartiles(times["refebm"] / times[peer]) if peer in times else "not installed"


def print_targets(results: dict[tuple[str, str, int], Times]) -> None:
    """What is wanted: level with PyTorch eager."""
    ratios = {row: np.median(t["refebm"] / t[TORCH]) for row, t in results.items() if TORCH in t}
    if ratios:
        worst = max(ratios, key=ratios.get)
        words = "met" if ratios[worst] <= 1 else f"missed in {sum(r > 1 for r in ratios.values())} rows"
        print(
            f"Level with {TORCH}: {words}; {ratios[worst]:.2f} for {worst}, mean {np.mean(list(ratios.values())):.2f}"
        )
    print()


def print_memory() -> None:
    """A chain without trajectory keeps a few arrays (n, d), however long it is."""
    d, model = DIMENSIONS[-1], mixture(DIMENSIONS[-1])
    chain = refebm_chain("Langevin", model)
    print(f"Peak memory (tracemalloc) beside its tape of Langevin on a mixture, n = {MEMORY_N}, d = {d}, no trajectory")
    for length in LENGTHS:
        rng = np.random.default_rng(0)
        peak = peak_bytes(chain, rng.standard_normal((MEMORY_N, d)), langevin_tape(rng, length, MEMORY_N, d))
        print(f"{length:7} steps: {peak / 1e3:.0f} kB, {peak / (8 * MEMORY_N * d):.1f} arrays (n, d)", flush=True)
    print()


def report() -> None:
    """Print it all."""
    print(f"Samplers: n = {N} chains, {STEPS} steps, eta = {ETA:g}, HMC with eps = {EPS:g}\n")
    print_targets(compare())
    print_memory()
