"""Helpers that other programs write differently; a variant replaces one wherever a definition calls it."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import autograd.numpy as np

import refebm
from refebm.samplers.step import Step, accept
from refebm.special import expit, softplus
from refebm.variants.record import INSTEAD, Variant

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


HELPERS = [
    Helper("accept", "what is to be rejected accepted, and the other way round: u > a for u < a", rejected),
    Helper("softplus", "softplus taken as linear from 20 on", linear_from(20), TORCH),
    *(Helper("softplus", f"softplus taken as linear far out, as from {k} on", linear_from(k)) for k in (10, 15, 5)),
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
    return name in vars(sys.modules[getattr(refebm, function.partition(".")[0]).__module__])


@contextlib.contextmanager
def instead(name: str, other: Callable) -> Iterator[None]:
    """A context in which variants are built with another helper; the cache of built variants is cleared."""
    Variant.implementation.cache_clear()
    INSTEAD[name] = other
    try:
        yield
    finally:
        del INSTEAD[name]
        Variant.implementation.cache_clear()
