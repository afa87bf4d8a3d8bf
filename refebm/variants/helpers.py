"""Helpers that other programs write differently; a variant replaces one wherever a definition calls it."""

import math
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import autograd.numpy as np

import refebm
from refebm.calculus import energy_and_score, held, jacobian
from refebm.samplers.step import Step, accept
from refebm.special import expit, softplus

TORCH = "torch.nn.functional.softplus, threshold = 20"


class Helper(NamedTuple):
    """name: the helper's name. words: what differs. instead: the other function. source: a program that has it."""

    name: str
    words: str
    instead: Callable
    source: str = ""


def linear_from(threshold: float) -> Callable:
    return lambda a: np.where(a > threshold, a, softplus(np.minimum(a, threshold)))


def rejected(x, proposal, there, energy_error, u):
    """`accept` the wrong way round: it accepts where u is above the acceptance probability."""
    info = accept(x, proposal, there, energy_error, u).info
    accepted = (np.log(u) > -energy_error) & ~info.invalid
    return Step(np.where(accepted[:, None], proposal, x), info._replace(accepted=accepted))


def taken(x, proposal, there, energy_error, u):
    """`accept`, where all is accepted."""
    info = accept(x, proposal, there, energy_error, u).info
    return Step(proposal, info._replace(acceptance=1.0 + 0 * u, accepted=u > 0))


def not_refused(acceptance: float) -> Callable:
    """`accept`, where what is NaN is not compared, and so accepted."""

    def accepted(x, proposal, there, energy_error, u):
        info = accept(x, proposal, there, energy_error, u).info
        nan = np.isnan(energy_error)
        info = info._replace(acceptance=np.where(nan, acceptance, info.acceptance), accepted=info.accepted | nan)
        return Step(np.where(info.accepted[:, None], proposal, x), info)

    return accepted


def weighed(x, proposal, there, energy_error, u):
    """`accept`, as a sum of which one part is multiplied by 0."""
    info = accept(x, proposal, there, energy_error, u).info
    chosen = 1.0 * info.accepted[:, None]
    return Step(chosen * proposal + (1 - chosen) * x, info)


def added_up(field, x):
    """`field_and_divergence`, as the gradient of the sum of the field, added up: all entries of the Jacobian."""
    return field(x), np.sum(jacobian(field, x), axis=(1, 2))


def some_of_it(which: slice) -> Callable:
    """`field_and_divergence`, with a part of the diagonal alone: a loop that begins late or ends early."""

    def with_some(field, x):
        return field(x), np.sum(np.diagonal(jacobian(field, x), axis1=1, axis2=2)[:, which], axis=1)

    return with_some


def columns_of(k: int) -> Callable:
    return lambda field, x: (field(x), np.sum(jacobian(field, x)[:, :, k], axis=1))


def rows_of(k: int) -> Callable:
    return lambda field, x: (field(x), np.sum(jacobian(field, x)[:, k], axis=1))


def of_the_mean(energy, x):
    """`energy_and_score`, by the gradient of the mean of the energies."""
    value, s = energy_and_score(energy, x)
    return value, s / len(x)


def turned(energy, x):
    value, s = energy_and_score(energy, x)
    return value, -s


PRODUCTS = {  # for J v: what programs make of the gradient of (a sum of) the field
    "J 1 for J v: the products of the Jacobian with v added up": lambda J, v: np.sum(J, axis=2),
    "J^T 1 for J v: the gradient of the field's sum": lambda J, v: np.sum(J, axis=1),
    "J^T 1 times v, coordinate by coordinate, for J v: the gradient of the field's sum": lambda J, v: (
        v * np.sum(J, axis=1)
    ),
    "the diagonal of J times v for J v": lambda J, v: v * np.diagonal(J, axis1=1, axis2=2),
    "J J^T v for J v: the square of the product": lambda J, v: np.einsum("nij,nkj,nk->ni", J, J, v),
}


def product(of: Callable) -> Callable:
    return lambda field, x, v: of(jacobian(field, x), v)


def value_and_product(of: Callable) -> Callable:
    return lambda field, x, v: (field(x), of(jacobian(field, x), v))


NORMS = {  # of another order than |a|^2 = sum_i a_i^2
    "(|a_1| + ... + |a_d|)^2": lambda a: np.sum(np.abs(a), axis=-1) ** 2,
    "|a_1| + ... + |a_d|": lambda a: np.sum(np.abs(a), axis=-1),
    "(a_1 + ... + a_d)^2": lambda a: np.sum(a, axis=-1) ** 2,
    "the largest a_i^2": lambda a: np.max(np.abs(a), axis=-1) ** 2,
    "|a|, the root of the sum of squares,": lambda a: np.sqrt(np.sum(a**2, axis=-1)),
    "a_1^4 + ... + a_d^4": lambda a: np.sum(a**4, axis=-1),
}


def hard(slope: float) -> Callable:
    return lambda a: np.clip(slope * a + 0.5, 0, 1)


def clipped(k: float) -> Callable:
    """`softplus`, as -log of a probability that is clipped."""
    return lambda a: np.clip(softplus(a), -np.log1p(-k), -np.log(k))


def one_hot(a, axis=0):
    return 1.0 * (a == np.max(a, axis=axis))


DISTANCES = {  # for max |x_i - x_j|: of the pairs of points, or of the points
    "the largest |x_i|, the norm of a point,": lambda x: np.max(np.sqrt(np.sum(x**2, axis=1))),
    "twice the largest |x_i|": lambda x: 2 * np.max(np.sqrt(np.sum(x**2, axis=1))),
    "the largest distance from the mean": lambda x: np.max(np.sqrt(np.sum((x - np.mean(x, axis=0)) ** 2, axis=1))),
    "the largest difference in a coordinate": lambda x: np.max(np.max(x, axis=0) - np.min(x, axis=0)),
    "the difference of the largest and the smallest number": lambda x: np.max(x) - np.min(x),
    "the diagonal of the box around the points": lambda x: np.sqrt(
        np.sum((np.max(x, axis=0) - np.min(x, axis=0)) ** 2)
    ),
    "the sum of differences in the coordinates": lambda x: np.max(np.sum(np.abs(x[:, None] - x), axis=2)),
    "the largest squared distance": lambda x: np.max(np.sum((x[:, None] - x) ** 2, axis=2)),
    "the median distance": lambda x: np.median(distances(x)),
    "the smallest distance": lambda x: np.min(distances(x)),
    "the largest distance from the first point": lambda x: np.max(np.sqrt(np.sum((x - x[0]) ** 2, axis=1))),
}


def distances(x):
    """Those of all pairs."""
    first, second = np.triu_indices(len(x), 1)
    return np.sqrt(np.sum((x[first] - x[second]) ** 2, axis=1))


def side_by_side(x, size):
    """`repeated`, with copies of the whole picture."""
    side = math.isqrt(x.shape[1])
    return np.reshape(np.tile(np.reshape(x, (-1, side, side)), (1, size // side, size // side)), (len(x), -1))


def interpolated(corners: bool) -> Callable:
    """`repeated`, with linear interpolation between the pixels' centres, or between the corners of both pictures."""

    def larger(x, size):
        side = math.isqrt(x.shape[1])
        inside = (np.arange(size) + 0.5) * side / size - 0.5
        at = np.linspace(0, side - 1, size) if corners else np.clip(inside, 0, side - 1)
        weights = np.maximum(0.0, 1 - np.abs(at[:, None] - np.arange(side)))
        return np.reshape(np.matmul(weights, np.matmul(np.reshape(x, (-1, side, side)), weights.T)), (len(x), -1))

    return larger


HELPERS = [
    Helper("field_and_divergence", "the sum of all entries of the Jacobian for its trace", added_up),
    Helper("field_and_divergence", "a trace without the last coordinate", some_of_it(slice(-1))),
    Helper("field_and_divergence", "a trace without the first coordinate", some_of_it(slice(1, None))),
    Helper("field_and_divergence", "the first column of the Jacobian, added up, for its trace", columns_of(0)),
    Helper("field_and_divergence", "the first row of the Jacobian, added up, for its trace", rows_of(0)),
    Helper("field_and_divergence", "the first coordinate alone for the trace", some_of_it(slice(1))),
    Helper("energy_and_score", "the gradient of the mean energy, over n, for that of each", of_the_mean),
    Helper("energy_and_score", "the gradient of the energy for the score, its sign turned", turned),
    *(Helper("squared_norm", f"{words} for |a|^2", of) for words, of in NORMS.items()),
    *(Helper("jacobian_vector_product", words, product(of)) for words, of in PRODUCTS.items()),
    *(Helper("field_and_derivative", words, value_and_product(of)) for words, of in PRODUCTS.items()),
    Helper("accept", "what is to be rejected accepted, and the other way round: u > a for u < a", rejected),
    Helper("accept", "all that is proposed accepted", taken),
    Helper(
        "accept", "a proposal whose energy is NaN accepted: that u > a does not hold where a is NaN", not_refused(0.0)
    ),
    Helper("accept", "a proposal whose energy is NaN accepted, as if a were 1", not_refused(1.0)),
    Helper("accept", "a x' + (1 - a) x for the one or the other: NaN where x' is none, and refused", weighed),
    Helper("softplus", "softplus taken as linear from 20 on", linear_from(20), TORCH),
    *(Helper("softplus", f"softplus taken as linear far out, as from {k} on", linear_from(k)) for k in (10, 15, 5)),
    Helper("softplus", "a relu, max(0, a), for softplus", lambda a: np.maximum(0.0, a)),
    *(
        Helper("softplus", f"the probability in -log(1 - sigmoid(a)) clipped to [{k:g}, {1 - k:.9g}]", clipped(k))
        for k in (0.1, 0.05, 0.01, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
    ),
    Helper("softplus", "-log sigmoid(a), which is softplus(-a), for softplus(a)", lambda a: softplus(-a)),
    Helper("expit", "a hard sigmoid, a/6 + 1/2 cut at 0 and 1, for the sigmoid", hard(1 / 6)),
    Helper("expit", "a hard sigmoid, a/5 + 1/2 cut at 0 and 1, for the sigmoid", hard(0.2)),
    Helper("expit", "the derivative at 0 for the sigmoid: a/4 + 1/2 cut at 0 and 1", hard(0.25)),
    Helper("softmax", "1 for the largest alone, 0 for the others, for the softmax: the most probable one", one_hot),
    Helper("logsumexp", "the largest term for the logarithm of the sum of exponentials", np.max),
    *(
        Helper("largest_distance", f"{words} for the largest distance of two points", of)
        for words, of in DISTANCES.items()
    ),
    Helper("repeated", "copies of the whole picture side by side for repeated pixels", side_by_side),
    Helper("repeated", "pixels interpolated linearly, not repeated", interpolated(False)),
    Helper("repeated", "pixels interpolated linearly between the corners, not repeated", interpolated(True)),
]
EPSILONS = {  # by helper: words, the helper as a function of epsilon (0 in the formula), and the source
    "softplus": (
        "with an epsilon of {:.3g} inside the logarithm of a sigmoid",
        lambda k: lambda a: -np.log(expit(-a) + k),
        "programs that take logarithms",
    )
}


def helpers(function: str) -> Iterator[Helper]:
    """The helpers in HELPERS that the module of a function imports."""
    return (one for one in HELPERS if calls(function, one.name))


def calls(function: str, name: str) -> bool:
    """Whether the module of a function imports, or defines, this name."""
    return name in _beside(function)


def differentiates(function: str) -> bool:
    """Whether the module of a function imports a derivative: anything of `refebm.calculus` but `held`."""
    home = (getattr(one, "__module__", "") for one in _beside(function).values() if one is not held)
    return "refebm.calculus" in home


def _beside(function: str) -> dict:
    return vars(sys.modules[getattr(refebm, function.partition(".")[0]).__module__])
