"""Noise for code that draws its own: the framework's random functions return given numbers, and their use is checked.

    @objective
    def denoising_score_matching(score, x, sigma, z):
        with handing_out(z):
            return my_loss(score, x, sigma)

In the block `torch.randn`, `randn_like`, `normal_`, `rand`, `jax.random.normal`, `uniform`, ... return the given
numbers, in any shape of the same size. The block fails if another law is drawn (uniform instead of normal numbers), or
if more or fewer numbers are drawn than were given. Functions that other modules import by name are replaced there too.
"""

import contextlib
import functools
import inspect
import sys
from collections.abc import Iterator

import numpy as np

from refebm.crosscheck.adapter import ONE
from refebm.glossary import InputTypeError
from refebm.identities import Failure

NORMAL, UNIFORM, WHOLE, SIGNS = "unit normal", "uniform", "whole", "signs of"  # as messages call numbers


class Handing:
    """Arrays that are drawn one after the other; laws: gives the laws that an array may be drawn as."""

    def __init__(self, arrays, laws):
        for one in arrays:
            if not hasattr(one, "shape"):
                raise InputTypeError("E-DTYPE", f"handing_out takes arrays of the framework, got {type(one).__name__}")
        self.left = [(one, laws(one)) for one in arrays]
        self.trouble = ""

    def drawn(self, called: str, law: str, shape=None):
        """The next array with this law, in the wanted shape."""
        if not self.left:
            self._fail(f"{called} draws more than was handed out")
        place = next((i for i, (_, known) in enumerate(self.left) if law in known), None)
        if place is None:
            one, known = self.left[0]
            self._fail(f"{called} draws {law} numbers where {' or '.join(known)} numbers {tuple(one.shape)} are wanted")
        one, _ = self.left.pop(place)
        shape = tuple(one.shape) if shape is None else tuple(map(int, shape))
        if int(np.prod(shape)) != int(np.prod(tuple(one.shape))):
            self._fail(f"{called} draws {law} numbers {shape} where {tuple(one.shape)} are wanted")
        return one.reshape(shape)

    def _fail(self, words):
        self.trouble = self.trouble or words
        raise Failure(self.trouble)

    def see_all_drawn(self):
        """Check that all arrays were drawn. Errors: Failure, also if one was raised before and caught."""
        if not self.trouble and self.left:
            one, known = self.left[0]
            self.trouble = f"does not draw the {' or '.join(known)} numbers {tuple(one.shape)} that it was handed"
        if self.trouble:
            raise Failure(self.trouble)


def laws_of(value) -> tuple[str, ...]:
    """The laws that numbers may be drawn as, judged by their values: numbers outside [0, 1] are not uniform."""
    value = np.asarray(value)
    if value.dtype.kind in "iu":
        return (WHOLE,)
    some = (NORMAL, SIGNS) if np.all(np.abs(value) == 1) else (NORMAL,)
    return some if np.any((value < 0) | (value > 1)) else (*some, UNIFORM)


@contextlib.contextmanager
def replaced(replacements) -> Iterator[None]:
    """A context in which functions are replaced: (where, name, replacement) for each. Other threads wait."""
    with ONE:
        some = [*replacements, *_imported(replacements)]
        before = [(place, name, getattr(place, name)) for place, name, _ in some]
        try:
            for place, name, other in some:
                setattr(place, name, other)
            yield
        finally:
            for place, name, one in before:
                setattr(place, name, one)


def _imported(replacements):
    """The same functions in the modules that import them by name, those of the framework apart."""
    instead = {id(getattr(place, name)): other for place, name, other in replacements if inspect.ismodule(place)}
    home = next(place.__name__.partition(".")[0] for place, _, _ in replacements if inspect.ismodule(place))
    for place, name in _standing(frozenset(instead), home, len(sys.modules)):
        if id(getattr(place, name, None)) in instead:
            yield place, name, instead[id(getattr(place, name))]


@functools.cache
def _standing(functions: frozenset, home: str, _) -> list:
    """Where these functions stand, by the ids that they have, as long as there are so many modules."""
    others = [
        one for name, one in list(sys.modules.items()) if name.partition(".")[0] != home and inspect.ismodule(one)
    ]
    return [(one, name) for one in others for name, thing in list(vars(one).items()) if id(thing) in functions]
