"""Noise-contrastive estimation: the value, and its gradient in the parameters and in log Z.

The model is an MLP energy, two hidden layers of 128 tanh units, at 1,024 points of R^d and nu noise points for each.
Peers: the loss as a user of PyTorch writes it, by softplus, with the energy of data and noise; and the same in JAX,
compiled. The value is asked for where no gradient is wanted: PyTorch keeps no graph.
"""

from collections.abc import Callable

import autograd.numpy as np
from autograd import value_and_grad

from refebm import Gaussian, Model, noise_contrastive
from tests.benchmark.samplers import leaves, mlp_energy, print_targets, ratio
from tests.benchmark.timing import THREADS, Times, jax, on_threads, peak_bytes, race, torch

N, HIDDEN = 1024, 128
NUS, DIMENSIONS = (1, 10), (2, 10)
VARIANCE = 4.0  # of the noise
MEMORY_NUS, MEMORY_DIMENSIONS = (1, 10, 100), (10, 100)
AGREEMENT = 1e-9
TORCH, ONE_THREAD, JAX = "PyTorch eager", "PyTorch, 1 thread", "JAX jit"
PEERS = (TORCH, ONE_THREAD, JAX)


def problem(d: int, nu: int) -> tuple[dict, np.ndarray, np.ndarray]:
    """Parameters of an MLP energy and log Z, data, and noise."""
    rng = np.random.default_rng(d)
    sizes = ((d, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, 1))
    layers = tuple((rng.standard_normal(size) / np.sqrt(size[0]), rng.standard_normal(size[1])) for size in sizes)
    x, y = rng.standard_normal((N, d)), np.sqrt(VARIANCE) * rng.standard_normal((nu, N, d))
    return {"precision": 1.0, "layers": layers, "log_z": 0.5}, x, y


def refebm_value(parameters: dict, x: np.ndarray, y: np.ndarray) -> float:
    """The mean of the objective as a user of refebm writes it."""
    energy = Model("mlp_energy", {name: parameters[name] for name in ("precision", "layers")})
    log_noise = Gaussian(np.zeros(x.shape[1]), VARIANCE).log_prob
    return np.mean(noise_contrastive(lambda x: -energy(x) - parameters["log_z"], log_noise, x, y))


def peer_value(library, softplus: Callable) -> Callable:
    """The same in PyTorch or JAX, which spell it alike."""

    def value(parameters, x, y):
        energy = mlp_energy(library, parameters["precision"], parameters["layers"])
        nu, n, d = y.shape

        def log_odds(x):
            log_noise = -0.5 * (x**2).sum(1) / VARIANCE - 0.5 * d * np.log(2 * np.pi * VARIANCE)
            return -energy(x) - parameters["log_z"] - log_noise - np.log(nu)

        return softplus(-log_odds(x)).mean() + softplus(log_odds(y.reshape(nu * n, d))).sum() / n

    return value


def torch_entries(parameters: dict, x: np.ndarray, y: np.ndarray) -> dict[str, Callable]:
    """Value without a graph; value and gradient by one backward pass."""
    value, points = peer_value(torch, torch.nn.functional.softplus), (torch.tensor(x), torch.tensor(y))
    weights = leaves(torch.tensor, {**parameters, "precision": np.array(1.0), "log_z": np.array(parameters["log_z"])})
    flat = arrays(weights)
    for weight in flat:
        weight.requires_grad_(True)

    def value_alone():
        with torch.no_grad():
            return value(weights, *points)

    def value_and_gradient():
        answer = value(weights, *points)
        return answer, torch.autograd.grad(answer, flat)

    return {"value": value_alone, "gradient": value_and_gradient}


def jax_entries(parameters: dict, x: np.ndarray, y: np.ndarray) -> dict[str, Callable]:
    """Compiled."""
    value, points = peer_value(jax.numpy, jax.nn.softplus), (jax.numpy.asarray(x), jax.numpy.asarray(y))
    weights = leaves(jax.numpy.asarray, parameters)
    functions = {"value": jax.jit(value), "gradient": jax.jit(jax.value_and_grad(value))}
    return {
        what: lambda function=function: jax.block_until_ready(function(weights, *points))
        for what, function in functions.items()
    }


def arrays(parameters: dict) -> list:
    """The leaves of parameters, or of a gradient in them, in one order for every framework."""
    return [parameters["precision"], parameters["log_z"], *(array for layer in parameters["layers"] for array in layer)]


def contenders(parameters: dict, x: np.ndarray, y: np.ndarray) -> dict[str, dict[str, Callable]]:
    """By quantity and name: functions without arguments."""
    gradient = value_and_grad(refebm_value)
    value = {"refebm": lambda: refebm_value(parameters, x, y)}
    entries = {"value": value, "gradient": {"refebm": lambda: gradient(parameters, x, y)}}
    if torch is not None:
        for what, function in torch_entries(parameters, x, y).items():
            entries[what][TORCH] = on_threads(THREADS, function)
            entries[what][ONE_THREAD] = on_threads(1, function)
    if jax is not None:
        for what, function in jax_entries(parameters, x, y).items():
            entries[what][JAX] = function
    return entries


def flat(what: str, answer) -> list[np.ndarray]:
    """An answer of any framework: the value, then the gradient in each array."""
    value, gradient = (answer, []) if what == "value" else answer
    parts = [value, *(arrays(gradient) if isinstance(gradient, dict) else gradient)]
    return [np.ravel(part.detach().numpy() if hasattr(part, "detach") else np.asarray(part)) for part in parts]


def disagrees(ours: list[np.ndarray], theirs: list[np.ndarray]) -> bool:
    """Whether an entry is off, in units of the largest of its array."""
    return not all(np.max(np.abs(a - b)) <= AGREEMENT * np.max(np.abs(a)) for a, b in zip(ours, theirs, strict=True))


def compare() -> dict[tuple[str, int, int], Times]:
    """Check, time and print each row."""
    print(f"{'':29}time: refebm / peer (below 1: refebm is faster)")
    print(f"   d  nu  {'':9}refebm ms   " + "".join(f"{peer:24}" for peer in PEERS).rstrip())
    results = {}
    for d in DIMENSIONS:
        for nu in NUS:
            for what, entries in contenders(*problem(d, nu)).items():
                answers = {name: flat(what, function()) for name, function in entries.items()}  # everybody's warm-up
                wrong = [name for name, answer in answers.items() if disagrees(answers["refebm"], answer)]
                times = race({name: function for name, function in entries.items() if name not in wrong}, seconds=4.0)
                ratios = "".join(f"{ratio(times, peer, wrong):24}" for peer in PEERS)
                ms = 1e3 * np.median(times["refebm"])
                print(f"{d:4}{nu:4}  {what:9}{ms:9.1f}   {ratios.rstrip()}", flush=True)
                results[what, d, nu] = times
    print(f"\nOnly what agreed with refebm to {AGREEMENT:g} in value and each array of the gradient is timed.")
    print("The gradient is timed with its value.")
    return results


def quadratic_value(parameters: dict, x: np.ndarray, y: np.ndarray) -> float:
    """With an energy that keeps no more than its points."""
    log_noise = Gaussian(np.zeros(x.shape[1]), VARIANCE).log_prob
    return np.mean(noise_contrastive(lambda x: -Model("quadratic", parameters)(x), log_noise, x, y))


def print_memory() -> None:
    """Of value and gradient beyond their arguments: it must grow like nu n d, or like nu n h where layers keep h."""
    print(f"Peak memory (tracemalloc), n = {N}: MB, and in arrays (nu n, d), or (nu n, h) for the MLP\n")
    print(f"   d  nu{'quadratic: value':>24}{'gradient':>20}{'MLP: value':>20}{'gradient':>20}")
    for d in MEMORY_DIMENSIONS:
        for nu in MEMORY_NUS if d == MEMORY_DIMENSIONS[0] else MEMORY_NUS[:2]:
            parameters, x, y = problem(d, nu)
            line = ""
            for function, model, width in (
                (quadratic_value, {"mean": np.zeros(d), "precision": np.eye(d)}, d),
                (refebm_value, parameters, HIDDEN),
            ):
                for peak in (peak_bytes(function, model, x, y), peak_bytes(value_and_grad(function), model, x, y)):
                    line += f"{peak / 1e6:10.1f} MB{peak / (8 * nu * N * width):7.1f}"
            print(f"{d:4}{nu:4}    {line}", flush=True)
    print()


def report() -> None:
    """Print it all."""
    print(f"Noise-contrastive estimation: MLP energy, h = {HIDDEN}, n = {N}, nu noise points for each\n")
    print_targets(compare())
    print_memory()
