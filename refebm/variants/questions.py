"""Questions that any implementation of a public name can be asked, made from the names of its parameters."""

import inspect
from itertools import pairwise

import numpy as np

import refebm
from refebm.identities import Implementation
from refebm.models import Model


class Question:
    """Arguments for any public function, made from its parameter names; what is not held fixed is generic."""

    def __init__(self, seed=0, d=3, n=4, m=2, sigma=None, kind="mlp_score", centre=None, **fixed):
        self.rng, self.d, self.n, self.m, self.kind, self.fixed = np.random.default_rng(seed), d, n, m, kind, fixed
        self.sigma = self.rng.uniform(0.4, 1.6, n) if sigma is None else sigma
        self.centre = self.rng.normal(size=d) if centre is None else centre * np.ones(d)

    def rows(self, name):
        if name in self.fixed:
            return self.fixed[name] + np.zeros((self.n, self.d))
        return self.rng.normal(size=(self.n, self.d)) + (self.centre if name in "xy" else 0)

    def covariance(self):
        a = self.rng.normal(size=(self.d, self.d))
        if self.fixed.get("unit"):
            return np.eye(self.d)
        return 1.7 * np.eye(self.d) if self.fixed.get("isotropic") else 0.4 * np.eye(self.d) + a @ a.T / self.d

    def network(self, *widths):
        return tuple((self.rng.normal(size=pair), self.rng.normal(size=pair[1])) for pair in pairwise(widths))

    def model(self, kind):
        widths = {
            "mlp_score": (self.d, 4, self.d),
            "mlp_energy": (self.d, 4, 1),
            "noise_conditional": (self.d + 1, 4, self.d),
        }
        extra = {"precision": 0.8} if kind == "mlp_energy" else {}
        return Model(kind, extra | {"layers": self.network(*widths[kind])})

    def projections(self, function):
        shape = (self.n, self.d) if function == "jacobian_vector_product" else (self.m, self.n, self.d)
        v = self.rng.normal(size=shape)
        v = v / np.sqrt(np.sum(v**2, axis=-1, keepdims=True)) if self.fixed.get("unit_v") else v
        return np.sign(v) if self.fixed.get("signs") else v

    def points(self, function):
        x = self.rows("x")
        if function == "ratio_matching":
            return (x > self.centre) * 1.0
        return np.abs(x) + 0.1 if function == "nonnegative_score_matching" else x

    def arguments(self, function: str, impl: Implementation) -> dict:
        """Values for the parameters of `function`, by name."""
        kind = "noise_conditional" if function == "noise_conditional_score_matching" else self.kind
        make = {
            "score": lambda: impl.score(self.model(kind)),
            "field": lambda: impl.score(self.model(kind)),
            "denoiser": lambda: impl.score(self.model(kind)),
            "energy": lambda: self.model("mlp_energy"),
            "data_score": lambda: refebm.Gaussian(self.centre, self.covariance()).score,
            "x": lambda: self.points(function),
            "y": lambda: self.rows("y"),
            "z": lambda: self.rows("z"),
            "points": lambda: self.rows("x"),
            "v": lambda: self.projections(function),
            "sigma": lambda: self.sigma,
            "eps": lambda: self.fixed.get("eps", 0.3),
            "n": lambda: self.fixed.get("levels", 4),
            "smallest": lambda: 0.05,
        }
        return {name: make[name]() for name in inspect.signature(getattr(refebm, function)).parameters}

    def density(self, name: str) -> tuple:
        """Parameters of a density."""
        k, fixed = self.fixed.get("components", 3), self.fixed
        if name == "Gaussian":
            return self.centre, self.covariance()
        if name == "GaussianMixture":
            weights = self.rng.uniform(0.2, 1, k)
            shifts = self.rng.normal(size=(k, self.d)) * (fixed.get("components") != 1)
            return weights / np.sum(weights), self.centre + shifts, np.stack([self.covariance() for _ in range(k)])
        unit = fixed.get("unit")
        positive = {
            key: np.ones(self.d) * fixed[key] if key in fixed else self.rng.uniform(2.5, 5, self.d)
            for key in ("shape", "rate")
        }
        scale = np.ones(self.d) if unit else self.rng.uniform(0.5, 2, self.d)
        return {
            "Gamma": (positive["shape"], positive["rate"]),
            "StudentT": (self.rng.uniform(3, 9, self.d), self.centre, scale),
            "Laplace": (self.centre, scale),
        }[name]


def answer(function: str, impl: Implementation, **question) -> np.ndarray:
    """What an implementation answers to a question, as one array."""
    asked = Question(**question)
    name, _, method = function.partition(".")
    if method:
        p = getattr(impl, name)(*asked.density(name))
        x = np.abs(asked.rows("x")) + 0.1 if name == "Gamma" else asked.rows("x")
        sigma = asked.sigma if np.ndim(asked.sigma) == 0 else 0.7
        if method == "sample":
            return p.sample(np.random.default_rng(5), 4)
        if method == "smoothed":
            return p.smoothed(sigma).log_prob(x)
        if method == "fisher_information":
            return p.fisher_information()
        return getattr(p, method)(x, sigma) if method.startswith("posterior") else getattr(p, method)(x)
    if name == "expect":
        p = refebm.Gaussian(*Question(**question | {"d": 1}).density("Gaussian"))
        return impl.expect([lambda x: np.stack([np.ones(len(x)), *x.T, np.sum(x**4, axis=1)], axis=1)], p).value[0]
    given = asked.arguments(name, impl)
    if name == "score_of":
        return impl.score_of(given["energy"])(asked.rows("x"))
    if name == "smoothed_empirical":
        return impl.smoothed_empirical(given["points"], 0.7 if np.ndim(asked.sigma) else asked.sigma).log_prob(
            asked.rows("x")
        )
    result = getattr(impl, name)(**given)
    if isinstance(result, tuple):
        return np.concatenate([np.ravel(part) for part in result])
    return result
