"""Implicit score matching with the exact trace.

The model is an MLP energy, two hidden layers of 128 tanh units, at 256 points of R^d. Peers: PyTorch's usual loop over
coordinates and `autograd.hessian` row by row.
"""

from collections.abc import Callable, Iterator

import autograd.numpy as np
from autograd import grad, hessian, value_and_grad

from refebm import Model, implicit_score_matching, score_of
from tests.benchmark.timing import THREADS, Times, on_threads, peak_bytes, power, quartiles, race, torch

N, HIDDEN = 256, 128
DIMENSIONS = (2, 10, 50, 100)
MEMORY_DIMENSIONS = (50, 100, 200, 400)
HESSIAN_ROWS = 2
AGREEMENT = 1e-9
TORCH, ONE_THREAD, NO_GRAPH, HESSIAN = "torch", "torch, 1 thread", "torch, no graph", "autograd.hessian"


def problem(d: int) -> tuple[dict, np.ndarray]:
    """The parameters of an MLP energy, and points."""
    rng = np.random.default_rng(d)
    sizes = ((d, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, 1))
    layers = tuple((rng.standard_normal(size) / np.sqrt(size[0]), rng.standard_normal(size[1])) for size in sizes)
    return {"precision": 1.0, "layers": layers}, rng.standard_normal((N, d))


def leaves(parameters: dict) -> list:
    """The arrays of the parameters, or of a gradient in them, in one order for every framework."""
    return [parameters["precision"], *(array for layer in parameters["layers"] for array in layer)]


def refebm_value(parameters: dict, x: np.ndarray) -> float:
    """The mean of the objective as a user of refebm writes it."""
    return np.mean(implicit_score_matching(score_of(Model("mlp_energy", parameters)), x))


def hessian_value(parameters: dict, x: np.ndarray) -> float:
    """The same by the trace of the full Hessian of the energy, one row at a time."""
    model = Model("mlp_energy", parameters)

    def energy(row):
        return model(row[None, :])[0]

    return sum(0.5 * np.sum(grad(energy)(row) ** 2) - np.trace(hessian(energy)(row)) for row in x) / len(x)


def torch_value(weights: list, x, keep_graph: bool = True):
    """The same as public PyTorch code has it: one call of torch.autograd.grad for each coordinate.

    `keep_graph` is what code for training does also where only the value is wanted; without it there is no gradient.
    """
    precision, w1, b1, w2, b2, w3, b3 = weights
    x = x.detach().requires_grad_(True)
    network = torch.tanh(torch.tanh(x @ w1 + b1) @ w2 + b2) @ w3 + b3
    energy = 0.5 * precision * (x**2).sum(dim=1) + network[:, 0]
    score = -torch.autograd.grad(energy.sum(), x, create_graph=True)[0]
    trace = 0.0
    for i in range(x.shape[1]):
        row = torch.autograd.grad(score[:, i].sum(), x, create_graph=keep_graph, retain_graph=True)[0]
        trace = trace + row[:, i]
    return (0.5 * (score**2).sum(dim=1) + trace).mean()


def torch_value_and_gradient(weights: list, x) -> tuple:
    """The value, and its gradient by one backward pass."""
    value = torch_value(weights, x)
    return value, torch.autograd.grad(value, weights, materialize_grads=True)


def contenders(parameters: dict, x: np.ndarray) -> dict[str, dict[str, Callable]]:
    """By quantity and name: functions without arguments."""
    few = x[:HESSIAN_ROWS]
    value = {"refebm": lambda: refebm_value(parameters, x), HESSIAN: lambda: hessian_value(parameters, few)}
    gradient = {
        "refebm": lambda: value_and_grad(refebm_value)(parameters, x),
        HESSIAN: lambda: value_and_grad(hessian_value)(parameters, few),
    }
    if torch is not None:
        weights = [torch.tensor(leaf, dtype=torch.float64, requires_grad=True) for leaf in leaves(parameters)]
        points = torch.tensor(x)
        for name, threads in ((TORCH, THREADS), (ONE_THREAD, 1)):
            value[name] = on_threads(threads, lambda: torch_value(weights, points))
            gradient[name] = on_threads(threads, lambda: torch_value_and_gradient(weights, points))
        value[NO_GRAPH] = on_threads(THREADS, lambda: torch_value(weights, points, keep_graph=False))
    return {"value": value, "gradient": gradient}


def disagreements(what: str, entries: dict[str, Callable], parameters: dict, x: np.ndarray) -> Iterator[str]:
    """The names of the peers whose numbers are not refebm's. It is also everybody's warm-up."""
    ours = refebm_value if what == "value" else value_and_grad(refebm_value)
    whole, part = flat(what, ours(parameters, x)), flat(what, ours(parameters, x[:HESSIAN_ROWS]))
    for name, function in entries.items():
        pairs = zip(flat(what, function()), part if name == HESSIAN else whole)
        # The last bias has no gradient: there the scale is 1.
        gaps = [np.max(np.abs(a - b)) / (np.max(np.abs(b)) or 1.0) for a, b in pairs]
        if not max(gaps) <= AGREEMENT:
            yield name


def flat(what: str, answer) -> list[np.ndarray]:
    """An answer of any framework as a list: the value, then the gradient in each array of parameters."""
    value, gradient = (answer, []) if what == "value" else answer
    arrays = [value, *(leaves(gradient) if isinstance(gradient, dict) else gradient)]
    return [np.ravel(a.detach().numpy() if hasattr(a, "detach") else a) for a in arrays]


def ratio(times: Times, name: str, wrong: list[str]) -> str:
    """How long refebm takes in units of the peer, or the other way round for autograd.hessian; or why there is none."""
    if name in wrong:
        return "DISAGREES"
    if name not in times:
        return "not installed" if torch is None else "-"
    return quartiles(times[name] / times["refebm"] if name == HESSIAN else times["refebm"] / times[name])


def compare() -> dict[tuple[str, int], Times]:
    """Check, time and print every dimension; returns the times by quantity and dimension."""
    print("Time: ratios are medians over rounds, with quartiles\n")
    print(f"{'':27}{'refebm / PyTorch eager (below 1: refebm is faster)':69}autograd.hessian")
    print(f"   d  {'':9}refebm ms   {'default threads':23}{'1 thread':23}{'no graph kept':23}by rows / refebm")
    results = {}
    for d in DIMENSIONS:
        parameters, x = problem(d)
        for what, entries in contenders(parameters, x).items():
            wrong = list(disagreements(what, entries, parameters, x))
            times = race({name: function for name, function in entries.items() if name not in wrong})
            if HESSIAN in times:
                times[HESSIAN] *= N / HESSIAN_ROWS
            ratios = "".join(f"{ratio(times, name, wrong):23}" for name in (TORCH, ONE_THREAD, NO_GRAPH, HESSIAN))
            print(f"{d:4}  {what:9}{1e3 * np.median(times['refebm']):9.1f}   {ratios.rstrip()}", flush=True)
            results[what, d] = times
    print(
        f"\nOnly what agreed with refebm to {AGREEMENT:g}, relative, in value and each array of the gradient is timed."
    )
    print("The gradient is timed with its value. PyTorch keeps the graph for the value too, as code for training does,")
    print(f"but in the third column. autograd.hessian ran on {HESSIAN_ROWS} rows and is scaled up linearly to {N}.\n")
    return results


def print_targets(results: dict[tuple[str, int], Times]) -> None:
    """What is wanted of the ratios, the worst that came out, and that of the fastest rounds, which noise spares."""
    for what in ("value", "gradient"):
        for peer, most, wanted in ((TORCH, 1.5, "at most 1.5 times"), (HESSIAN, 0.1, "at most a tenth of")):
            runs = {d: t for (quantity, d), t in results.items() if quantity == what and peer in t}
            if not runs:
                continue
            ratios = {d: np.median(t["refebm"] / t[peer]) for d, t in runs.items()}
            best = {d: np.min(t["refebm"]) / np.min(t[peer]) for d, t in runs.items()}
            worst = max(ratios, key=ratios.get)
            words = "met" if ratios[worst] <= most else "MISSED"
            print(f"{what:9} {wanted} {peer}: {words}, {ratios[worst]:.3f} at d = {worst};", end=" ")
            print(f"best of each: {max(best.values()):.3f} at d = {max(best, key=best.get)}")
    print()


def print_memory() -> None:
    """Peak memory of the value for growing d, and of the gradient where it hurts."""
    print(f"Peak memory (tracemalloc), n = {N}, h = {HIDDEN}\n")
    print("   d   value MB   in arrays (n, d)   one array (n, d, d) has MB")
    peaks = np.array([peak_bytes(refebm_value, *problem(d)) for d in MEMORY_DIMENSIONS])
    for d, peak in zip(MEMORY_DIMENSIONS, peaks):
        print(f"{d:4}{peak / 1e6:11.2f}{peak / (8 * N * d):19.1f}{8 * N * d**2 / 1e6:29.1f}")
    d = np.array(MEMORY_DIMENSIONS, float)
    per_coordinate, fixed = np.polyfit(d, peaks, 1)
    print(
        f"value ~ d^{power(d, peaks):.2f} (last two: d^{power(d[-2:], peaks[-2:]):.2f}, O(n d^2) would be d^2);",
        end=" ",
    )
    print(f"{fixed / (8 * N * HIDDEN):.1f} arrays (n, h) + {per_coordinate / (8 * N):.1f} arrays (n, d)")
    for d in (50, 100):
        peak = peak_bytes(value_and_grad(refebm_value), *problem(d))
        arrays = peak / (8 * N * d * HIDDEN)
        print(f"gradient at d = {d}: {peak / 1e6:.0f} MB, O(n d h): {arrays:.1f} arrays (n, h) for each coordinate")
    print()


def report() -> None:
    """Print it all."""
    print(f"Implicit score matching with the exact trace: n = {N}, h = {HIDDEN}\n")
    results = compare()
    print_targets(results)
    print_memory()
