"""The effect of the step size on the law of a chain, with and without accept and reject.

Page: metropolis
"""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import BLACK, BLUE, GREEN, RED, panels, styled
from refebm import GaussianMixture, hmc_step, mala_step, metropolis_tape, mixture_of, run

SEED = 1996
CHAINS, STEPS, LEAPFROGS = 1000, 100, 5
TARGETS = {
    "Gaussian": GaussianMixture([1.0], [[0.0]], 1.0),
    "mixture": GaussianMixture([0.35, 0.65], [[-1.5], [1.5]], 1.0),
}
KERNELS = {
    "MALA": (lambda energy, eta: lambda x, z, u: mala_step(energy, x, eta, z, u), BLUE, "o", 0.97),
    "HMC": (
        lambda energy, eta: lambda x, z, u: hmc_step(energy, x, (2 * eta) ** 0.5, LEAPFROGS, z, u),
        GREEN,
        "s",
        1.03,
    ),
}
ETAS = np.array([0.02, 0.05, 0.1, 0.25, 0.5, 1.0])  # for which no path of HMC is about half a period long


def _variance(p: GaussianMixture) -> float:
    mean = p.weights @ p.means[:, 0]
    return 1.0 + p.weights @ (p.means[:, 0] - mean) ** 2


def _variance_of_ula(p: GaussianMixture, eta: float) -> float:
    """The variance of the stationary law of x + eta s(x) + sqrt(2 eta) z, the solution of pi K = pi on a lattice."""
    x = np.arange(-12, 12, min(0.5 * np.sqrt(2 * eta), 0.2))
    away = x[None, :] - (x + eta * p.score(x[:, None])[:, 0])[:, None]
    kernel = np.exp(-(away**2) / (4 * eta))
    kernel = kernel / np.sum(kernel, axis=1, keepdims=True)
    pi = np.linalg.solve(np.eye(len(x)) - kernel.T + 1.0, np.ones(len(x)))  # sum pi = 1 added to each row
    return pi @ x**2 - (pi @ x) ** 2


def _sampled(p: GaussianMixture, kernel: Callable, eta: float, n: int, steps: int) -> tuple[float, float, float]:
    """The variance, its standard error over independent chains that start from the target, and the acceptance."""
    rng = np.random.default_rng(SEED)
    x = p.sample(rng, n)
    info = run(kernel(mixture_of(p), eta), x, metropolis_tape(rng, steps, n, 1), trajectory=True).info
    squares = np.mean((info.trajectory[:, :, 0] - p.weights @ p.means[:, 0]) ** 2, axis=0)
    return np.mean(squares), np.std(squares, ddof=1) / np.sqrt(n), np.mean(info.acceptance)


@styled
def draw(size: float = 1.0) -> Figure:
    """Unadjusted Langevin steps widen the law in proportion to their size; MALA and HMC keep it, with rejections."""
    figure, axes = panels(
        [list(TARGETS), [f"accepted {name}" for name in TARGETS]], height=5.6, height_ratios=[2, 1], sharex=True
    )
    for row in ("", "accepted "):
        axes[f"{row}mixture"].sharey(axes[f"{row}Gaussian"])
    for name, p in TARGETS.items():
        _compare(axes[name], axes[f"accepted {name}"], p, size)
        axes[name].set_title(name)
        axes[f"accepted {name}"].set_xlabel(r"step $\eta$ (in units of a mode's variance)")
    axes["Gaussian"].set_ylabel("variance of the chain's law\n(in units of the target's variance)")
    axes["accepted Gaussian"].set_ylabel("acceptance\n(a pure number)")
    axes["Gaussian"].legend(loc="upper left")
    return figure


def _compare(above: Axes, below: Axes, p: GaussianMixture, size: float) -> None:
    """Variances relative to the target's; below, the acceptance."""
    n, steps = max(round(CHAINS * size), 100), max(round(STEPS * size), 10)
    etas = np.geomspace(ETAS[0], ETAS[-1], max(round(40 * size), 6))
    above.axhline(1, color=BLACK, linewidth=0.8)
    exact = [_variance_of_ula(p, eta) / _variance(p) for eta in etas]
    above.semilogx(etas, exact, color=RED, label="unadjusted Langevin, exact")
    for name, (kernel, colour, marker, aside) in KERNELS.items():
        value, error, acceptance = np.array([_sampled(p, kernel, eta, n, steps) for eta in ETAS]).T
        value, error = value / _variance(p), 2 * error / _variance(p)
        above.errorbar(aside * ETAS, value, error, fmt=marker, color=colour, capsize=3, markersize=5, label=name)
        below.plot(aside * ETAS, acceptance, marker + "-", color=colour, markersize=5, linewidth=1)
    below.set_ylim(0.5, 1.05)
    below.set_xticks(ETAS, [f"{eta:g}" for eta in ETAS])
    below.minorticks_off()
