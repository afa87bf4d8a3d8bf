r"""Maximum likelihood: -log p(x) = E(x) + log Z, with log Z exact where it can be had, and estimated elsewhere.

Z = int exp(-E(x)) dx; its gradient, grad log Z = E_model[-grad E], needs nothing but samples from the model.
"""

from collections.abc import Callable
from typing import NamedTuple

import autograd.numpy as np
import numpy
from autograd.scipy.special import logsumexp
from scipy.ndimage import minimum_filter
from scipy.optimize import minimize

from refebm.calculus import energy_and_score, held
from refebm.truth.densities import StudentT
from refebm.truth.expectations import SETTLED, fits, settled
from refebm.validation import DomainError, InputError, inverse_temperatures, real_array, rows

NEGLIGIBLE = 60.0  # a well that is so much higher holds less than roundoff
MOST_STARTS = 50


@rows
def negative_log_likelihood(energy: Callable, log_z: float, x: np.ndarray) -> np.ndarray:
    r"""E(x) + log Z, (n,): minus the log-density of x under exp(-E)/Z.

    energy (n, d) -> (n,); log_z a float; x (n, d). Its gradient in the parameters is that of the likelihood if log_z
    is a function of them, such as `log_partition` or ``rbm.log_partition()``.
    Source: Song and Kingma 2021, eqs. 1 and 2; Stanford CS236, training energy-based models
    """
    return energy(x) + log_z


@rows
def log_partition(energy: Callable, d: int) -> float:
    r"""log int exp(-E(x)) dx over R^d, d = 1 or 2, by the trapezoid rule that `expect` certifies.

    energy (n, d) -> (n,). A float, which can be differentiated in the parameters of the energy. Where the mass lies is
    found by descent from a grid that reaches 1000 from the origin: a well that none of it leads to is missed.
    Errors: DomainError E-SIZE for d > 2, E-DIVERGES where exp(-E) has no integral, E-SETTLED where the rule does not
    settle, or the energy is NaN.
    Source: Song and Kingma 2021, eq. 1; Trefethen and Weideman 2014, section 5
    """
    if d > 2:
        raise DomainError("E-SIZE", f"quadrature is for d = 1 and 2, got {d}; annealed_importance_sampling estimates")
    around, lowest = _around(energy, d)
    if not fits(around):
        raise DomainError("E-SIZE", "the energy has wells too narrow for their distance: they need too many nodes")
    with numpy.errstate(over="ignore", invalid="ignore"):
        nodes, _, change = settled([lambda x: np.exp(lowest - held(energy(x)) - around.log_prob(x))], around.finer())
    if np.isnan(change):
        raise DomainError("E-DIVERGES", "exp(-E) has no integral: it does not fall off")
    if not change <= SETTLED:
        raise DomainError("E-SETTLED", f"the partition function moves by {change:.1e} of itself on a finer lattice")
    return logsumexp(-energy(nodes.x) + np.log(nodes.weights) - around.log_prob(nodes.x))


def _around(energy, d):
    """A heavy-tailed density that covers the mass of exp(-E) and every well that matters, and the lowest energy."""
    axis = np.linspace(-7.6, 7.6, 82)  # sinh(7.6) = 1000
    u = np.stack([grid.ravel() for grid in np.meshgrid(*[axis] * d, indexing="ij")], axis=1)
    mean, scale = np.zeros(d), np.ones(d)
    wells, depths = _wells(energy, np.sinh(u), (len(axis),) * d)
    for _ in range(4):
        x, spacing = mean + scale * np.sinh(u), scale * np.cosh(u) * (axis[1] - axis[0])
        log_mass = -held(energy(x)) + np.sum(np.log(spacing), axis=1)
        mass = np.exp(log_mass - logsumexp(log_mass))
        mean = np.dot(mass, x)
        scale = np.sqrt(np.dot(mass, (x - mean) ** 2 + spacing**2))
    wells = wells[depths < np.min(depths) + NEGLIGIBLE]
    ends = np.concatenate([wells, [mean - scale, mean + scale]])
    low, high = np.min(ends, axis=0), np.max(ends, axis=0)
    return Around(0.5 * (low + high), 0.5 * (high - low), wells, _curvature(energy, wells)), np.min(depths)


def _curvature(energy, wells):
    """The second derivative of the energy along each axis, (k, d), from differences of its gradient: a few digits."""
    h = 1e-5 * (1 + np.abs(wells))
    columns = [
        held(energy_and_score(energy, wells - h * e)[1] - energy_and_score(energy, wells + h * e)[1])
        for e in np.eye(wells.shape[1])
    ]
    return np.stack([column[:, i] for i, column in enumerate(columns)], axis=1) / (2 * h)


class Around(StudentT):
    """A heavy tail around wells, with a lattice that sees each of them from the start."""

    def __init__(self, loc, scale, wells, curvature):
        super().__init__(30.0 * np.ones_like(loc), loc, scale)
        slope = np.sqrt(scale**2 + (wells - loc) ** 2)  # dx/du, x = loc + scale sinh u
        width = np.maximum(np.abs(curvature), 1e-300) ** -0.5 / slope
        self._unit = np.minimum(super().unit, 4 * np.min(width, axis=0))

    @property
    def unit(self):
        """So that the first lattice has a node in each deviation of the narrowest well."""
        return self._unit

    def finer(self):
        """On the line with twice the nodes, which are cheap there: derivatives need more of them than the value."""
        self._unit = self._unit / 2 if self.d == 1 else self._unit
        return self


def _wells(energy, x, shape):
    """The local minima (k, d) that descent from those of a grid x finds, and their energies."""
    e = held(energy(x))
    if not np.all(np.isfinite(e)):
        raise DomainError("E-SETTLED", f"energy must be finite everywhere, got {e[~np.isfinite(e)][0]} on a grid")
    starts = x[e == np.ravel(minimum_filter(np.reshape(e, shape), 3))][:MOST_STARTS]
    found = [minimize(lambda x: _value_and_gradient(energy, x), start, jac=True).x for start in starts]
    return np.array(found), held(energy(np.array(found)))


def _value_and_gradient(energy, x):
    e, s = energy_and_score(energy, x[None])
    return held(e)[0], -held(s)[0]


@rows(temperatures=inverse_temperatures)
def annealed_importance_sampling(
    energy: Callable, base, temperatures: np.ndarray, step: Callable, tape: tuple
) -> np.ndarray:
    r"""The log weights of n chains from a density that is known to the model, (n,), with E[w] = Z.

    log w = sum_{k=1}^K (beta_k - beta_{k-1}) (-E(x_{k-1}) - log base(x_{k-1})), x_0 drawn from base and x_k
    a step from x_{k-1} that leaves exp(-E_k) invariant, E_k = beta_k E - (1 - beta_k) log base.
    energy (n, d) -> (n,); base: a density with log_prob; temperatures beta_0 = 0 < ... < beta_K = 1, inverse ones;
    step(energy, x, *noise) -> Step, a kernel; tape: x_0 (n, d), then the noise of the steps, arrays whose first axis is
    k = 1, ..., K - 1. Unbiased for Z, not for log Z: see `estimated_log_partition`.
    Errors: E-TEMPERATURES, E-TAPE.
    Source: Neal 2001, eqs. 3 to 5; Song and Kingma 2021, section 3
    """
    x, *noise = tape
    if any(len(array) != len(temperatures) - 2 for array in noise):
        raise InputError("E-TAPE", f"noise must be for {len(temperatures) - 2} steps; got {[len(a) for a in noise]}")

    def annealed(beta):
        return lambda x: beta * energy(x) - (1 - beta) * base.log_prob(x)

    log_w = temperatures[1] * (-energy(x) - base.log_prob(x))
    for beta, following, *z in zip(temperatures[1:-1], temperatures[2:], *noise):
        x = step(annealed(beta), x, *z).x
        log_w = log_w + (following - beta) * (-energy(x) - base.log_prob(x))
    return log_w


class Estimate(NamedTuple):
    """An estimate of log Z and its standard error."""

    log_z: float
    standard_error: float


def estimated_log_partition(log_weights: np.ndarray) -> Estimate:
    r"""log mean(w), and its standard error sd(w)/(sqrt(n) mean(w)), to first order, from the log weights of n chains.

    log_weights (n,), n >= 2. The mean of w is unbiased for Z, so log mean(w) is on average too small, by about half
    the squared standard error. Errors: E-EMPTY for fewer than two chains, E-SHAPE, E-FINITE.
    Source: Neal 2001, eq. 12
    """
    log_w = real_array("log_weights", log_weights)
    if log_w.ndim != 1 or len(log_w) < 2:
        raise InputError("E-EMPTY", f"log_weights must be (n,) of n >= 2 chains; got shape {log_w.shape}")
    w = np.exp(log_w - np.max(log_w))
    return Estimate(np.log(np.mean(w)) + np.max(log_w), np.std(w, ddof=1) / np.sqrt(len(w)) / np.mean(w))
