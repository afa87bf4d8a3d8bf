"""Exact quadrature for the laws of projections: nodes (m, d) and weights, exact up to degree 4 (sphere: d <= 3)."""

from itertools import product

import numpy as np

from refebm.truth.densities import standard_normal
from refebm.truth.expectations import gauss_hermite


def rademacher(d: int):
    """All 2^d sign vectors."""
    v = np.array(list(product((-1.0, 1.0), repeat=d)))
    return v, np.ones(len(v)) / len(v)


def normal(d: int):
    """Three Gauss-Hermite nodes per axis."""
    lattice = gauss_hermite(standard_normal(d), 3)
    return lattice.x, lattice.weights


def sphere(d: int):
    """Nodes on the sphere of radius sqrt(d): two points, a hexagon, or (d = 3) Gauss-Legendre times a hexagon."""
    if d == 1:
        return np.array([[-1.0], [1.0]]), np.array([0.5, 0.5])
    angle = 2 * np.pi * (np.arange(6) + 0.25) / 6
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    if d == 2:
        return np.sqrt(2) * ring, np.ones(6) / 6
    height, weight = np.polynomial.legendre.leggauss(3)
    v = np.array([[*(np.sqrt(1 - h**2) * r), h] for h in height for r in ring])
    return np.sqrt(3) * v, np.repeat(weight / 12, 6)


def stretched(d: int):
    """Sign vectors times 1.5: E[v v^T] = 2.25 I, so it is positive definite and not I."""
    v, w = rademacher(d)
    return 1.5 * v, w


LAWS = {"rademacher": rademacher, "normal": normal, "sphere": sphere}
RULES = LAWS | {"stretched": stretched}
