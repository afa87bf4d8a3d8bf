"""Models that can be trained, as data: ``Model(kind, parameters)`` is frozen, callable, and the same in any framework.

Parameters are plain nested tuples and dicts of arrays, which autograd can differentiate and ``autograd.misc.flatten``
can flatten. Some kinds are built from another model, `inner`, given by its own kind and parameters: ``at_level`` fixes
the noise level of a conditional field, ``denoiser`` is y + sigma^2 s(y), ``log_density`` is -E(x) - log Z.
"""

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refebm.calculus import score_of
from refebm.glossary import InputError, InputTypeError, bits, brief, level, parameters_of, points_of, times_of
from refebm.models import energies, fields
from refebm.models.fields import at, sde_of
from refebm.models.rbm import BinaryRBM, GaussianBernoulliRBM
from refebm.models.shapes import dimension
from refebm.truth.densities import GaussianMixture


def at_level(x, inner, sigma):
    r"""x -> s(x, sigma), (n, d): a noise-conditional field at one level sigma, a float."""
    return at(inner, sigma)(x)


def denoiser(x, inner, sigma):
    r"""r(y) = y + sigma^2 s(y), (n, d): the denoiser that Tweedie's formula makes of a score s; sigma a float."""
    return x + sigma**2 * score(inner)(x)


def binary_rbm(x, b, c, W):
    r"""The free energy of a `BinaryRBM`, (n,), at x in {0, 1}^d. b (d,), c (m,), W (d, m)."""
    return BinaryRBM(b, c, W).free_energy(bits("x", x))


def gaussian_rbm(x, b, c, W, sigma):
    r"""The free energy of a `GaussianBernoulliRBM`, (n,). b (d,), c (m,), W (d, m), sigma a float."""
    return GaussianBernoulliRBM(b, c, W, sigma).free_energy(x)


def log_density(x, inner, log_z):
    r"""-E(x) - log Z, (n,), for an energy and a number log Z, a parameter that noise-contrastive estimation learns."""
    return -inner(x) - log_z


RBMS = {"binary_rbm": BinaryRBM, "gaussian_rbm": GaussianBernoulliRBM}
ENERGIES = {
    function.__name__: function
    for function in (
        energies.quadratic,
        energies.mixture,
        energies.mlp_energy,
        energies.gamma,
        energies.laplace,
        energies.autoregressive,
        energies.flow,
        binary_rbm,
        gaussian_rbm,
    )
}
CONDITIONAL = {
    function.__name__: function
    for function in (fields.noise_conditional, fields.smoothed_mixture, fields.diffused_mixture)
}
FIELDS = CONDITIONAL | {function.__name__: function for function in (fields.mlp_score, at_level, denoiser)}
LOG_DENSITIES = {"log_density": log_density}
KINDS = ENERGIES | FIELDS | LOG_DENSITIES
TAKEN = {kind: set(inspect.getargs(function.__code__).args) - {"x"} for kind, function in KINDS.items()}
INNER = {"kind", "parameters"}  # the keys that stand for `inner` in the parameters of a model built from another
WANTED = {kind: taken - {"inner"} | (INNER if "inner" in taken else set()) for kind, taken in TAKEN.items()}
WANTED |= {kind: TAKEN[kind] - {"sigma", "t"} for kind in CONDITIONAL}


@dataclass(frozen=True, eq=False)
class Model:
    """A model as data. Calling it returns E(x), (n,), for the kinds in `ENERGIES`, a field (n, d) for those in
    `FIELDS`, and -E(x) - log Z, (n,), for a ``log_density``. Kinds in `CONDITIONAL` are called as model(x, sigma).

    Parameters that are float64 arrays are not copied, so that they can be traced: do not write into them.
    Errors: E-MODEL for an unknown kind (the message names the nearest), for a parameter that is missing, unknown, not
    finite, or of a wrong shape, and if a conditional field is called without a noise level; E-POSITIVE, E-DTYPE,
    E-MASKED; E-NDIM, E-EMPTY, E-FINITE, E-SHAPE, E-BINARY for x; E-TIME for t.
    """

    kind: str
    parameters: dict[str, Any]
    d: int = field(init=False)
    given: dict[str, Any] = field(init=False, repr=False)  # the keyword arguments for the function of its kind

    def __post_init__(self):
        if not isinstance(self.kind, str) or self.kind not in KINDS:
            near = difflib.get_close_matches(str(self.kind), KINDS, 1) or sorted(KINDS)
            raise InputError("E-MODEL", f"kind must be one of the registered kinds, got {brief(self.kind)}; try {near}")
        object.__setattr__(self, "parameters", parameters_of("parameters", self.parameters))
        if not hasattr(self.parameters, "keys"):
            raise InputError("E-MODEL", f"parameters must be a dict by name, got {type(self.parameters).__name__}")
        if set(self.parameters.keys()) != (wanted := WANTED[self.kind]):
            raise InputError(
                "E-MODEL",
                f"a {self.kind} has parameters {sorted(wanted)}, got {brief(sorted(map(str, self.parameters)))}",
            )
        if "sde" in self.parameters:
            sde_of(self.parameters["sde"])
        d, given = dimension(self.kind, self.parameters), self.parameters
        if "kind" in given:
            inner = Model(given["kind"], given["parameters"])
            d, given = inner.d, {name: given[name] for name in set(given.keys()) - INNER} | {"inner": inner}
        object.__setattr__(self, "d", d)
        object.__setattr__(self, "given", given)

    def __call__(self, x, *sigma):
        x = points_of(self, "x", x)
        if len(sigma) != (self.kind in CONDITIONAL):
            wanted = "x and its noise" if self.kind in CONDITIONAL else "x alone"
            raise InputError("E-MODEL", f"a {self.kind} is a function of {wanted}, got {1 + len(sigma)} arguments")
        name, checked = ("t", times_of) if self.kind == "diffused_mixture" else ("sigma", level)
        return KINDS[self.kind](x, *(np.ravel(checked(name, c, x)) for c in sigma), **self.given)


class Models(tuple):
    """Models of one kind, one for each grid, with the parameters of all of them."""

    @property
    def kind(self) -> str:
        return self[0].kind

    @property
    def parameters(self) -> dict:
        return {"grids": tuple(model.parameters for model in self)}


def with_parameters(model: Model | Models, parameters: dict) -> Model | Models:
    """The same model, or models, with other parameters, nested as theirs are."""
    if isinstance(model, Models):
        return Models(map(with_parameters, model, parameters["grids"]))
    return Model(model.kind, parameters)


def score(model: Model) -> Callable:
    r"""The score of a model: -grad E for an energy, otherwise the field itself."""
    return score_of(model) if model.kind in ENERGIES else model


def mixture_of(density: GaussianMixture) -> Model:
    r"""The model of kind "mixture" with the same score as `density`, a `GaussianMixture`. Errors: E-DENSITY."""
    if not isinstance(density, GaussianMixture):
        raise InputTypeError("E-DENSITY", f"density must be a GaussianMixture, got {type(density).__name__}")
    precisions = np.stack([component.precision for component in density.components])
    with np.errstate(divide="ignore"):  # a weight of zero is a logit of -inf
        logits = np.log(density.weights)
    logits = logits + 0.5 * np.linalg.slogdet(precisions)[1]
    return Model("mixture", {"logits": logits, "means": density.means, "precisions": precisions})
