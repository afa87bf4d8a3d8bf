"""How the parts of the benchmark time, and what they are timed against."""

import os
import resource
import time
import tracemalloc
from collections.abc import Callable

import numpy as np

try:
    import torch
except ImportError:
    torch = None

os.environ.setdefault("JAX_PLATFORMS", "cpu")
try:
    import jax

    jax.config.update("jax_enable_x64", True)
except ImportError:
    jax = None

Times = dict[str, np.ndarray]
THREADS = torch.get_num_threads() if torch else 1  # the default, before anything asks for others


def race(
    entries: dict[str, Callable], seconds: float = 6.0, rounds: int = 21, clock: Callable = time.perf_counter
) -> Times:
    """Seconds of each in every round. The order is turned round each time, so that what came before is shared out."""
    times = {name: [] for name in entries}
    began = time.perf_counter()
    for turn in range(rounds):
        if turn >= 3 and time.perf_counter() - began > seconds:
            break
        for name in list(entries)[:: 1 if turn % 2 else -1]:
            time.sleep(0.03)  # idle threads of a BLAS spin for a while: not at the cost of the next one
            start = clock()
            entries[name]()
            times[name].append(clock() - start)
    return {name: np.array(t) for name, t in times.items()}


def quartiles(a: np.ndarray) -> str:
    """The median, and the quartiles in brackets."""
    low, middle, high = np.quantile(a, (0.25, 0.5, 0.75))
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def power(size: np.ndarray, cost: np.ndarray) -> float:
    """The slope of log cost against log size."""
    return float(np.polyfit(np.log(size), np.log(cost), 1)[0])


def peak_bytes(function: Callable, *args) -> int:
    """The most memory that the call held at once, beyond its arguments. NumPy reports its arrays to tracemalloc."""
    function(*args)
    tracemalloc.start()
    try:
        function(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def on_threads(count: int, function: Callable) -> Callable:
    """`function`, after PyTorch was told to use `count` threads."""

    def run(*args):
        torch.set_num_threads(count)
        return function(*args)

    return run


def children() -> float:
    """CPU seconds of the processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
