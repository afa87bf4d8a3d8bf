"""One source of cases: a case is a short list of integers, which `Draw` turns into the numbers of a theorem.

The integers come from a generator (`verify`), from Hypothesis (the tests), or from a list (a replay). Small integers
make simple cases: 0 means the middle of a range of reals, or the first item of a list; a count is its own integer.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from refebm.glossary import InputError
from refebm.models import Model
from refebm.truth.densities import Gamma, Gaussian, GaussianMixture

NUDGE = 2.0**-26
PATTERNS = (1, 11, 13)  # each number is one pattern of signs by which the numbers of a case are nudged
GRID = 1000  # a real is one of 2 GRID + 1 values


class Draw:
    """Turns the integers that `integer(low, high)` gives into numbers, and records the integers in `integers`.

    With a nonzero `pattern` every real is moved by one part in 2^26, up or down. With `data`, every mixture is the
    user's data.
    """

    def __init__(self, integer: Callable[[int, int], int], pattern: int = 0, data: GaussianMixture | None = None):
        self._integer, self.pattern, self.data = integer, pattern, data
        self.integers: list[int] = []

    @classmethod
    def seeded(cls, seed: Sequence[int], first: Sequence[int] = (), **options) -> "Draw":
        """Integers from a seeded generator, after those in `first`: the dimension, if there are cases in the plane."""
        rng, given = np.random.default_rng(seed), iter(first)

        def integer(low, high):
            drawn = next(given, None)
            if drawn is not None and not (low == 1 and drawn <= high):
                raise InputError("E-PLANE", "a case that may be in the plane must begin with draw.dimension()")
            return int(rng.integers(low, high + 1)) if drawn is None else drawn

        return cls(integer, **options)

    @classmethod
    def replay(cls, integers: Sequence[int], **options) -> "Draw":
        """Integers from a list; where the list is too short, the simplest ones."""
        given = iter(integers)

        def integer(low, high):
            value = next(given, min(max(low, 0), high))
            if not low <= value <= high:
                raise InputError(
                    "E-CASE", f"integer {len(draw.integers) + 1} of the case must be {low} to {high}, got {value}"
                )
            return value

        draw = cls(integer, **options)
        return draw

    def count(self, low: int, high: int) -> int:
        """A whole number from low to high."""
        value = self._integer(low, high)
        self.integers.append(value)
        return value

    def choice(self, items: Sequence):
        """One item of a list; integer 0 is the first."""
        return items[self.count(0, len(items) - 1)]

    def real(self, low: float, high: float) -> float:
        """A number from low to high; integer 0 is the middle."""
        k = self.count(-GRID, GRID)
        return self._nudged(0.5 * (low + high) + 0.5 * (high - low) * k / GRID)

    def _nudged(self, value):
        """The value moved by one part in 2^26; a Thue-Morse sequence gives the sign, so that neighbours differ."""
        sign = 1 - 2 * (bin(self.pattern * len(self.integers)).count("1") % 2)
        return value * (1 + sign * NUDGE) if self.pattern else value

    def reals(self, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
        """An array of numbers from low to high."""
        return np.array([self.real(low, high) for _ in range(int(np.prod(shape)))]).reshape(shape)

    def dimension(self, most: int = 2) -> int:
        """d, from 1 to `most`, or that of the user's data; a case that has a dimension draws it first."""
        return self.data.means.shape[1] if self.data else self.count(1, most)

    def noise_level(self) -> float:
        """A noise level from 0.4 to 1.1.

        Its middle, 0.75, is not that of the deviations, 0.85: with equal ones a quadratic model leaves only roundoff.
        """
        return self.real(0.4, 1.1)

    def covariance(self, d: int) -> np.ndarray:
        """A covariance with deviations from 0.5 to 1.2 and correlations up to 0.6/(d - 1)."""
        deviations = self.reals((d,), 0.5, 1.2)
        correlation = np.eye(d)
        for i in range(d):
            for j in range(i):
                correlation[i, j] = correlation[j, i] = self.real(-0.6, 0.6) / max(1, d - 1)
        return correlation * deviations[:, None] * deviations

    def gaussian(self, d: int) -> Gaussian:
        """A Gaussian with a mean in [-1.5, 1.5]^d and a drawn covariance."""
        return Gaussian(self.reals((d,), -1.5, 1.5), self.covariance(d))

    def mixture(self, d: int, most: int = 3) -> GaussianMixture:
        """A mixture of one to `most` Gaussians, or the user's data, smoothed."""
        if self.data:
            return self.data
        k = self.count(1, most)
        weights = self.reals((k,), 0.2, 1.0)
        return GaussianMixture(
            weights / np.sum(weights), self.reals((k, d), -1.5, 1.5), np.array([self.covariance(d) for _ in range(k)])
        )

    def gamma(self, d: int, low: float) -> Gamma:
        """Shapes from `low` to 5, rates from 1 to 3."""
        return Gamma(self.reals((d,), low, 5.0), self.reals((d,), 1.0, 3.0))

    def points(self, p: GaussianMixture, n: int, deviations: float = 8.0) -> np.ndarray:
        """n points, (n, d), each within so many standard deviations of a component of p."""
        chosen = [self.count(0, len(p.components) - 1) for _ in range(n)]
        d = p.means.shape[1]
        reach = deviations / np.sqrt(d)
        offsets = [self.reals((d,), -reach, reach) @ p.components[k].cholesky.T for k in chosen]
        return np.array([self._nudged(p.means[k] + offset) for k, offset in zip(chosen, offsets)])

    def layers(self, inputs: int, outputs: int, most_hidden: int = 2, most_units: int = 4) -> tuple:
        """The layers of a perceptron: 1 to 2 hidden layers of 1 to 4 units, weights in [-1, 1]."""
        widths = [inputs, *(self.count(1, most_units) for _ in range(self.count(1, most_hidden))), outputs]
        return tuple((self.reals(pair, -1, 1), self.reals(pair[1:], -1, 1)) for pair in pairwise(widths))

    def model(self, d: int, kinds: Sequence[str]) -> Model:
        """A model of one of the kinds, smooth enough for expectations on a lattice to settle.

        Even in the simplest case its mean is not that of the data: where model and data agree, both sides of many
        identities are pure roundoff.
        """
        kind = self.choice(kinds)
        return Model(kind, getattr(self, f"_{kind}")(d))

    def _quadratic(self, d):
        return {"mean": self.reals((d,), -0.5, 1.5), "precision": np.linalg.inv(self.covariance(d))}

    def _mixture(self, d):
        k = self.count(1, 3)
        return {
            "logits": self.reals((k,), -1, 1),
            "means": self.reals((k, d), -1.0, 2.0),
            "precisions": np.array([np.linalg.inv(self.covariance(d)) for _ in range(k)]),
        }

    def _mlp_energy(self, d):
        return {"precision": self.real(0.2, 2.0), "layers": self.layers(d, 1)}

    def _mlp_score(self, d):
        return {"layers": self.layers(d, d)}

    def _gamma(self, d):
        return {"shape": self.reals((d,), 0.5, 6.0), "rate": self.reals((d,), 0.5, 2.0)}

    def _noise_conditional(self, d):
        return {"layers": self.layers(d + 1, d)}

    def _smoothed_mixture(self, d):
        k = self.count(1, 3)
        means, variances = self.reals((k, d), -1.5, 1.5), self.reals((k, d), 0.2, 1.5)
        return {"logits": self.reals((k,), -1, 1), "means": means, "variances": variances}

    def sde(self, kinds: Sequence[str] = ("VariancePreserving", "SubVariancePreserving", "VarianceExploding")) -> dict:
        """The kind and parameters of an SDE with a moderate noise level at t = 1."""
        kind = self.choice(kinds)
        if kind == "VarianceExploding":
            return {"kind": kind, "parameters": {"sigma_min": self.real(0.1, 0.5), "sigma_max": self.real(1, 4)}}
        return {"kind": kind, "parameters": {"beta_min": self.real(0.1, 1), "beta_max": self.real(2, 6)}}

    def _diffused_mixture(self, d):
        return {"sde": self.sde(), **self._smoothed_mixture(d)}

    def _at_level(self, d):
        return {"kind": "noise_conditional", "parameters": self._noise_conditional(d), "sigma": self.noise_level()}

    def _binary_rbm(self, d):
        m = self.count(1, 3)
        return {"b": self.reals((d,), -1, 1), "c": self.reals((m,), -1, 1), "W": self.reals((d, m), -1.5, 1.5)}

    def _gaussian_rbm(self, d):
        return self._binary_rbm(d) | {"sigma": self.real(0.5, 1.2)}

    def _autoregressive(self, d):
        vectors = [self.reals((d,), -0.5, 0.5) for _ in range(2)]
        matrices = [self.reals((d, d), -0.5, 0.5) for _ in range(2)]
        return {
            "shift": vectors[0],
            "shift_weights": matrices[0],
            "log_scale": vectors[1],
            "log_scale_weights": matrices[1],
        }

    def _flow(self, d):
        networks = [[self.reals((d, 2), -1, 1), self.reals((2, 2 * d), -0.5, 0.5)] for _ in range(2)]
        biases = [[self.reals((2,), -1, 1), self.reals((2 * d,), -0.5, 0.5)] for _ in range(2)]
        return {"couplings": tuple(tuple(zip(w, b)) for w, b in zip(networks, biases))}


SCORES = ("quadratic", "mixture", "mlp_energy", "mlp_score", "at_level")
SMOOTH_ENERGIES = ("quadratic", "mixture", "mlp_energy")
