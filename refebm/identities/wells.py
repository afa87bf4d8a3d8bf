"""E = |x|^2/2 - log cosh(m.x) up to a constant: two wells, or one, with derivatives in closed form."""

from typing import NamedTuple

import numpy as np

from refebm.models import Model


class Wells(NamedTuple):
    """The energy of a given m (d,), with its wells towards m and -m; x, v, p and q are (n, d)."""

    m: np.ndarray

    @property
    def model(self) -> Model:
        return self.moved(0.0)

    def moved(self, by) -> Model:
        """E(x - by)."""
        means = self.m * np.array([[1.0], [-1.0]]) + by
        unit = np.stack([np.eye(len(self.m))] * 2)
        return Model("mixture", {"logits": np.zeros(2), "means": means, "precisions": unit})

    def along(self, x, v):
        """The first four derivatives of E along v, (n,) each; for one point (d,), numbers."""
        a, tanh, slope = v @ self.m, np.tanh(x @ self.m), np.cosh(x @ self.m) ** -2
        first, second = np.sum(v * x, axis=-1) - a * tanh, np.sum(v**2, axis=-1) - a**2 * slope
        return first, second, 2 * a**3 * slope * tanh, a**4 * slope * (2 * slope - 4 * tanh**2)

    def gradient(self, x):
        return x - np.tanh(x @ self.m)[:, None] * self.m

    def second(self, x, p, q):
        """The second derivative of E along p and q, (n,)."""
        return np.sum(p * q, axis=1) - np.cosh(x @ self.m) ** -2 * (p @ self.m) * (q @ self.m)


PLACES = [  # m, a point and a direction
    ([1.2], [0.4], [1.0]),
    ([0.9], [-0.7], [0.8]),
    ([1.0, -0.5], [0.7, 0.2], [0.8, -1.1]),
    ([0.8, 0.6, -1.0], [0.3, -0.4, 0.5], [1.0, 0.7, -0.6]),
]
IN_THE_PLANE = PLACES[:3]


def place(m, x, v) -> dict:
    return {"wells": Wells(np.array(m)), "x": np.array([x]), "v": np.array([v])}


def place_in_the_plane(m, x, v) -> dict:
    """A case with d <= 2, since expectations cost more in space; x and v are (d,), to be repeated for each node."""
    return {"wells": Wells(np.array(m)), "x": np.array(x), "v": np.array(v)}
