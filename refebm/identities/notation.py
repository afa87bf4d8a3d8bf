"""Small functions that the theorems of several files are written with."""

import numpy as np

EITHER_SIGN = "terms of either sign: an entry may be near zero"


def ones(x):
    """1 for each row."""
    return np.ones(len(x))


def half_square(a):
    """1/2 |a|^2 of each row."""
    return 0.5 * np.sum(a**2, axis=1)


def outer(a, b):
    """a b^T of each pair of rows."""
    return a[:, :, None] * b[:, None, :]


def products(p, x):
    """sum_j |C^{-1}_ij (x - m)_j|, averaged over components: the size of the terms of C^{-1} (x - m)."""
    if hasattr(p, "components"):
        return sum(r[:, None] * products(c, x) for r, c in zip(p.responsibilities(x).T, p.components))
    return np.abs(x - p.mean) @ np.abs(p.precision)
