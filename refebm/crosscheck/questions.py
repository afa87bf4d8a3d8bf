"""The fixed questions of the examination: what each public function is asked, and what each question is there for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np

from refebm.models import ENERGIES
from refebm.variants.questions import GRID, MODELS, Question

KINDS = ("mlp_score", "mlp_energy", "mixture", "quadratic")
EXAMINED: dict[str, tuple[str, ...]] = {  # public name: kinds of models that it is asked about, the usual one first
    "score_of": tuple(ENERGIES),
    "at": ("noise_conditional",),
    "divergence": (*KINDS, "at_level", "denoiser"),
    "field_and_divergence": KINDS,
    "jacobian_vector_product": KINDS,
    "explicit_score_matching": KINDS,
    "implicit_score_matching": (*KINDS, "autoregressive", "flow"),
    "explicit_sliced": KINDS,
    "hutchinson_divergence": KINDS,
    "sliced_score_matching": KINDS,
    "sliced_score_matching_vr": KINDS,
    "finite_difference_sliced": ("mlp_energy", "mixture", "quadratic"),
    "nonnegative_score_matching": (*KINDS, "gamma"),
    "ratio_matching": ("mlp_energy", "mixture", "quadratic"),
    "denoising_score_matching": KINDS,
    "denoising_score_matching_cv": KINDS,
    "noise_conditional_score_matching": ("noise_conditional",),
    "denoising_autoencoder": ("mlp_score", "denoiser"),
    "tweedie_mean": KINDS,
    "tweedie_cov": KINDS,
    "geometric_noise_levels": ("mlp_score",),
    "Gaussian.log_prob": (),
    "Gaussian.score": (),
    "Gaussian.smoothed": (),
    "Gaussian.posterior_mean": (),
    "Gaussian.posterior_cov": (),
    "GaussianMixture.log_prob": (),
    "GaussianMixture.score": (),
    "GaussianMixture.smoothed": (),
    "GaussianMixture.posterior_mean": (),
    "GaussianMixture.posterior_cov": (),
    "Gamma.log_prob": (),
    "Gamma.score": (),
    "Gamma.fisher_information": (),
    "StudentT.log_prob": (),
    "StudentT.score": (),
    "Laplace.log_prob": (),
    "Laplace.score": (),
    "smoothed_empirical": (),
    "standard_normal": (),
}
NOT_EXAMINED = {  # public names that an adapter is not asked for, and why
    "Model": "the data that an adapter is handed",
    "mixture_of": "makes model data of refebm's own densities",
    "expect": "takes callables: the theorems use it, with --impl",
    "Expectation": "what expect returns",
    "DomainError": "an error",
    "InputError": "an error",
}
GRADIENTS = {  # objectives: they have one value per row, and a gradient of the mean in the model's parameters
    name
    for name in EXAMINED
    if name.endswith(("matching", "matching_vr", "matching_cv", "sliced", "autoencoder")) and "." not in name
}
FAR = GRADIENTS - {"nonnegative_score_matching", "finite_difference_sliced", "denoising_autoencoder"}
FAR |= {name for name in EXAMINED if name.startswith(("Gaussian", "Student", "Laplace", "smoothed"))}
SEEDS = {"Laplace.score": 10_000}  # with points between loc and its multiples, where only the sign of x - loc matters
SHAPES = ((3, 4), (2, 3), (5, 4), (1, 3), (2, 4))  # (d, n), twice: once to find a name, once to confirm it


@dataclass(frozen=True, eq=False)
class Asked:
    """One question: a public name, its arguments by name, and what it is there to catch."""

    function: str
    id: str
    arguments: dict[str, Any]
    catches: str
    confirms: bool = False
    gradient: bool = False
    given: dict[str, Any] = field(default_factory=dict)  # d, n, kind and the like, for what a report says

    @property
    def model(self) -> str | None:
        """The name of the argument that is the model."""
        return next((name for name in MODELS if name in self.arguments and name != "data_score"), None)


def questions(function: str) -> list[Asked]:
    """All that a public function is asked."""
    asked = []
    for catches, gradient, options in _plan(function):
        alone = options.pop("alone", False)
        arguments = Question(**options).arguments(function)
        arguments = {name: first_row(name, value) for name, value in arguments.items()} if alone else arguments
        number, confirms = f"{len(asked):02d}", len(asked) % 2 == 1
        given = {"d": options["d"], "n": 1 if alone else options["n"], "kind": options.get("kind", "")}
        given |= {"reach": options.get("reach", 1), "seed": options["seed"], "grid": options.get("grid", GRID)}
        sigma, v = arguments.get("sigma"), arguments.get("v")
        given |= {"sigma": "rows" if np.ndim(sigma) else sigma} if sigma is not None else {}
        given |= {"m": len(v) if v.ndim == 3 else 1} if v is not None else {}
        given |= {"eps": arguments["eps"]} if "eps" in arguments else {}
        asked.append(Asked(function, number, arguments, catches, confirms, gradient, given))
    return asked


def first_row(name: str, value):
    """The first row of an argument: a row is answered alone as it is among others."""
    if name in ("x", "y", "z", "sigma") and np.ndim(value):
        return value[:1]
    return value[..., :1, :] if name == "v" else value


def _plan(function: str) -> Iterator[tuple[str, bool, dict]]:
    """What to catch, whether with a gradient, options of the question; even ones to find, odd ones to confirm."""
    kinds, seed = EXAMINED[function] or ("",), crc32(function.encode()) + SEEDS.get(function, 0)
    usual = {"kind": kinds[0]} if kinds[0] else {}
    trains = function in GRADIENTS
    for i, (d, n) in enumerate(SHAPES):
        for half in (0, 1):
            words = f"a generic question, d = {d}, n = {n}" if d > 1 else "what is right in one dimension only"
            options = {"m": None if i % 2 else 2 + half}
            yield words, trains and i in (0, 1), {"seed": seed + 2 * i + half, "d": d, "n": n} | options | usual
    if function not in ("geometric_noise_levels", "Gamma.fisher_information"):
        for half in (0, 1):
            options = {"seed": seed + half, "d": 3, "n": 4, "m": 2 + half, "alone": True}
            yield "rows that influence each other: this row is the first of an earlier question", False, options | usual
    for i, kind in enumerate(kinds[1:]):
        for half in (0, 1):
            options = {"seed": seed + 20 + 2 * i + half, "d": 2 + half, "n": 4 - half, "kind": kind}
            yield f"a model built wrongly: {kind}", trains and kind not in ("flow", "denoiser"), options
    noisy = {"sigma", "eps", "n"} & set(Question(d=2, **usual).arguments(function))
    for name, values in {"sigma": (0.25, 1.0, 4.0, 1.0), "eps": (0.5, 1.0, 1.0, 0.125), "levels": (2, 3, 5, 8)}.items():
        if (name == "levels" and "n" in noisy) or name in noisy:
            for i, value in enumerate(values):
                words = f"a wrong power of {name}" if value != 1 else f"right at {name} = 1 only"
                options = {"seed": seed + 40 + i % 2, "d": (3, 5)[i % 2], "n": 3, name: value} | usual
                yield words, trains and i in (0, 1), options
    for reach in (16, 64) if function in FAR else ():
        kind = "quadratic" if function == "ratio_matching" else "mixture" if "mixture" in kinds else kinds[0]
        far = {"seed": seed + 62, "d": 2, "n": 3, "reach": reach}
        yield "overflow: points or wells far out", False, far | ({"kind": kind} if kind else {})
    for half in (0, 1) if "mixture" in kinds else ():
        options = {"seed": seed + 80 + half, "d": 2 + half, "n": 3, "kind": "mixture", "between": True}
        yield "a sign that is right where the energy is convex", False, options
    for half in (0, 1):
        options = {"seed": seed + 70 + half, "d": 2, "n": 3, "grid": 48}
        yield "inputs that are rounded to fewer digits on their way", False, options | usual
