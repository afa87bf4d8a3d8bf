"""Notation of the formulas in this folder: |a|^2, a.b and the mean over projections, for each row."""

import functools
from collections.abc import Callable

import autograd.numpy as np


def squared_norm(a: np.ndarray) -> np.ndarray:
    """|a|^2 of each row."""
    return np.sum(a**2, axis=1)


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
