"""Notation of the formulas in this folder: |a|^2, a.b and the mean over projections, for each row."""

import functools
from collections.abc import Callable

import autograd.numpy as np

from refebm.calculus import held
from refebm.glossary import DomainError


def squared_norm(a: np.ndarray) -> np.ndarray:
    """|a|^2 of each row."""
    return np.sum(np.square(a), axis=1)


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a.b of each pair of rows."""
    return np.sum(a * b, axis=1)


def mean_over_projections(function: Callable) -> Callable:
    """Extend a function whose last argument is one projection per row, v (n, d), to the mean over m, v (m, n, d)."""

    @functools.wraps(function)
    def averaged(*args):
        *given, v = args
        return function(*given, v) if v.ndim == 2 else sum(function(*given, v_j) for v_j in v) / len(v)

    return averaged


def see_step(name: str, x: np.ndarray, step: np.ndarray) -> None:
    """Refuse steps of which roundoff of x + step takes more than a thousandth, so that a difference has no digits."""
    taken, size = (np.max(np.abs(held(a)), axis=1) for a in ((x + step) - x - step, step))
    lost = taken > 1e-3 * size
    if np.any(lost):
        row = int(np.argmax(lost))
        raise DomainError(
            "E-ROUNDOFF",
            f"{name} must not be so small that roundoff of x hides the step: at row {row} it goes {size[row]:.1e} "
            f"from |x| = {np.max(np.abs(held(x[row]))):.1e}",
        )
