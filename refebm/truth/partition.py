r"""Where the mass of exp(-E) lies, and nodes that integrate it: E a callable of rows, on the line or in the plane."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.ndimage import minimum_filter
from scipy.optimize import minimize
from scipy.special import logsumexp

from refebm.calculus import energy_and_score, held
from refebm.truth.densities import StudentT
from refebm.truth.expectations import SETTLED, fits, settled
from refebm.validation import DomainError

NEGLIGIBLE = 60.0  # a well that is so much higher holds less than roundoff
MOST_STARTS = 50


class Nodes(NamedTuple):
    """x (m, d) and the logarithms of their weights (m,)."""

    x: np.ndarray
    log_weights: np.ndarray


def quadrature(energy: Callable, d: int) -> Nodes:
    """Nodes and weights of int exp(-E), which `settled` certifies. Errors: E-SIZE, E-DIVERGES, E-SETTLED."""
    around, lowest = _around(energy, d)
    if not fits(around):
        raise DomainError("E-SIZE", "the energy has wells too narrow for their distance: they need too many nodes")
    with np.errstate(over="ignore", invalid="ignore"):
        nodes, _, change = settled([lambda x: np.exp(lowest - held(energy(x)) - around.log_prob(x))], around.finer())
    if np.isnan(change):
        raise DomainError("E-DIVERGES", "exp(-E) has no integral: it does not fall off")
    if not change <= SETTLED:
        raise DomainError("E-SETTLED", f"the partition function moves by {change:.1e} of itself on a finer lattice")
    return Nodes(nodes.x, np.log(nodes.weights) - around.log_prob(nodes.x))


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
