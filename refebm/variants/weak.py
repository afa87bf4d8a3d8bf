"""Weak checks: what a test may ask that a wrong version answers rightly. Each is run, so that its weakness is seen."""

import inspect
from itertools import pairwise

import autograd.numpy as np
import numpy
from autograd import grad
from autograd.misc import flatten

import refebm
from refebm.identities import REFERENCE, Implementation, Theorem, judge
from refebm.identities.run import draws
from refebm.models import ENERGIES, Model
from refebm.variants.record import Wrong

# what a weak check holds fixed in the questions that it asks
QUESTIONS = {
    "d = 1": {"d": 1},
    "d = 2": {"d": 2},
    "one row": {"n": 1},
    "sigma = 1": {"sigma": 1.0},
    "one noise level": {"sigma": 0.7},
    "eps = 1": {"eps": 1.0},
    "no noise drawn": {"z": 0.0},
    "at the centre": {"x": 0.0, "centre": 0.0},
    "zero mean": {"centre": 0.0},
    "unit covariance": {"unit": True},
    "isotropic": {"isotropic": True},
    "one component": {"components": 1},
    "equal weights": {"even": True},
    "a gradient field": {"kind": "mlp_energy"},
    "a linear field": {"kind": "quadratic"},
    "unit rate": {"rate": 1.0},
    "shape one": {"shape": 1.0},
    "two levels": {"levels": 2},
    "two points": {"n": 2},
    "unit projections": {"unit_v": True},
    "d = 1, signs": {"d": 1, "signs": True},
    "x = 1": {"x": 0.9},
}


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
        pairs = pairwise(widths)
        return tuple((self.rng.normal(size=pair), self.rng.normal(size=pair[1])) for pair in pairs)

    def model(self, kind):
        layers = {
            "mlp_score": (self.d, 4, self.d),
            "mlp_energy": (self.d, 4, 1),
            "noise_conditional": (self.d + 1, 4, self.d),
        }
        if kind == "quadratic":
            return Model(kind, {"mean": self.centre, "precision": np.linalg.inv(self.covariance())})
        extra = {"precision": 0.8} if kind == "mlp_energy" else {}
        return Model(kind, extra | {"layers": self.network(*layers[kind])})

    def arguments(self, function: str, impl: Implementation) -> dict:
        """Values for the parameters of `function`, by name."""
        named = inspect.signature(getattr(refebm, function)).parameters
        bits, positive = function == "ratio_matching", function == "nonnegative_score_matching"
        kind = "noise_conditional" if function == "noise_conditional_score_matching" else self.kind
        energy = "quadratic" if self.kind == "quadratic" else "mlp_energy"
        gaussian = refebm.Gaussian(self.centre, self.covariance())
        given = {}
        for name in named:
            if name in ("score", "field", "denoiser"):
                given[name] = impl.score(self.model(kind))
            elif name == "energy":
                given[name] = self.model(energy)
            elif name == "data_score":
                given[name] = gaussian.score
            elif name == "v":
                like = (self.n, self.d)
                v = self.rng.normal(
                    size=like if self.m is None or function == "jacobian_vector_product" else (self.m, *like)
                )
                v = v / np.sqrt(np.sum(v**2, axis=-1, keepdims=True)) if self.fixed.get("unit_v") else v
                given[name] = np.sign(v) if self.fixed.get("signs") else v
            elif name == "n":
                given[name] = self.fixed.get("levels", 4)
            elif name in ("x", "y", "z", "points"):
                given[name] = self.rows(name)
            else:
                given[name] = {"sigma": self.sigma, "eps": self.fixed.get("eps", 0.3), "smallest": 0.05}[name]
        if bits:
            given["x"] = (given["x"] > self.centre) * 1.0
        if positive:
            given["x"] = np.abs(given["x"]) + 0.1
        return given

    def density(self, name: str) -> tuple:
        """Parameters of a density."""
        k, fixed = self.fixed.get("components", 3), self.fixed
        if name == "Gaussian":
            return self.centre, self.covariance()
        if name == "GaussianMixture":
            weights = np.ones(k) if fixed.get("even") else self.rng.uniform(0.2, 1, k)
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


def same(a, b) -> bool:
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= 1e-12 * (np.abs(a) + np.abs(b))))


def finite(function: str, wrong: Implementation) -> bool:
    """The answer is finite and has the right shape, and nothing more is asked."""
    mine, theirs = (answer(function, impl) for impl in (wrong, REFERENCE))
    return mine.shape == theirs.shape and bool(np.all(np.isfinite(mine)))


def same_gradient(function: str, wrong: Implementation) -> bool:
    """The mean has the right gradient in the parameters: what a training run sees of the loss."""

    def gradient(impl):
        asked = Question()
        given = asked.arguments(function, impl)
        name = next(name for name in ("energy", "score", "field") if name in given)
        flat, unflatten = flatten(asked.model("mlp_energy").parameters)

        def loss(theta):
            model = Model("mlp_energy", unflatten(theta))
            return np.mean(getattr(impl, function)(**given | {name: model if name == "energy" else impl.score(model)}))

        return grad(loss)(flat)

    return bool(np.max(np.abs(gradient(wrong) - gradient(REFERENCE))) <= 1e-10)


def up_to_a_factor(function: str, wrong: Implementation) -> bool:
    """One factor for all answers: the same minimiser, the same picture."""
    ratios = [numpy.ravel(answer(function, wrong, seed=i) / answer(function, REFERENCE, seed=i)) for i in range(3)]
    return bool(np.ptp(np.concatenate(ratios)) <= 1e-10 * np.max(np.abs(ratios[0])))


def up_to_a_constant(function: str, wrong: Implementation) -> bool:
    """One constant for all rows of a question: the same differences."""
    return bool(np.ptp(answer(function, wrong) - answer(function, REFERENCE)) <= 1e-10)


OTHERS = {
    "finite": finite,
    "the gradient": same_gradient,
    "up to a factor": up_to_a_factor,
    "up to a constant": up_to_a_constant,
}


def of_statements(check: str, wrong: Wrong) -> bool:
    """Whether a misstated theorem looks right to a weak check."""
    (theorem,) = wrong.theorems
    cases = [theorem.case(draw) for draw in draws(theorem, 0, 8)]
    if check == "shape above 2":
        misstated = Theorem(**vars(theorem) | {"sides": wrong.statement(theorem)})
        return all(judge(misstated, case, REFERENCE).holds for case in cases if blind(check, case))
    if check == "differences between models":
        others = [case | {"model": Model("quadratic", _spring(case["points"].shape[1]))} for case in cases]
        gaps = [[_gap(wrong.statement(theorem)(REFERENCE, **c)) for c in pair] for pair in zip(cases, others)]
        return all(abs(a - b) <= 1e-10 for a, b in gaps)
    sides = [wrong.statement(theorem)(REFERENCE, **case) for case in cases]
    return all(np.all(np.sign(_total(s.left)) == np.sign(_total(s.right))) for s in sides)


def _spring(d):
    return {"mean": np.zeros(d), "precision": np.eye(d)}


def _total(side):
    return sum(np.sum(term, axis=0) for term in side)


def _gap(sides):
    return float(_total(sides.left) - _total(sides.right))


def survives(wrong: Wrong) -> bool:
    """Whether the weak check that a wrong version names does pass it."""
    function, implementation, check = wrong.function, wrong.implementation(), wrong.survives
    if function.startswith("theorem "):
        return of_statements(check, wrong)
    if check in OTHERS:
        return OTHERS[check](function, implementation)
    question = QUESTIONS[check]
    return all(
        same(answer(function, implementation, seed=i, **question), answer(function, REFERENCE, seed=i, **question))
        for i in range(3)
    )


def dimension(case: dict) -> int:
    """d of a drawn case."""
    for name in ("x", "x0", "y", "points"):
        if name in case:
            return case[name].shape[-1]
    if "p" in case:
        first = next(getattr(case["p"], name) for name in ("means", "mean", "shape") if hasattr(case["p"], name))
        return np.shape(first)[-1]
    return np.shape(case["arguments"][1])[-1] if "arguments" in case else 0


def blind(check: str, case: dict) -> bool:
    """Whether a wrong version equals the right one in a case, by the nature of the case."""
    if check in ("d = 1", "d = 1, signs"):
        return dimension(case) == 1
    if check == "d = 2":
        return dimension(case) <= 2
    if check == "isotropic":
        return dimension(case) == 1
    if check == "a gradient field":
        return case["model"].kind in ENERGIES or dimension(case) == 1
    if check == "one component":
        p = case.get("p")
        return len(p.components if p else case["arguments"][0]) == 1
    if check == "one row":
        return len(case["points"]) == 1
    if check == "two levels":
        return case["n"] == 2
    if check == "two points":
        return len(case["x"]) == 2
    return check == "shape above 2" and case["p"].shape[0] > 2
