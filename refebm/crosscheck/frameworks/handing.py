"""Noise for code that draws its own: what it asks its framework for is handed out, and what it asks for is looked at.

    @objective
    def denoising_score_matching(score, x, sigma, z):
        with handing_out(z):
            return my_loss(score, x, sigma)

In the block `torch.randn`, `randn_like`, `normal_`, `rand`, `jax.random.normal`, `uniform`, ... return what was handed
over, in any shape that has as many numbers. It fails where another law is asked for (uniform numbers for unit normal
ones), where more is drawn than there is, or not all. What is imported by name, `from torch import randn`, is not seen.
"""

import contextlib
from collections.abc import Iterator

import numpy as np

from refebm.identities import Failure

NORMAL, UNIFORM, WHOLE, SIGNS = "unit normal", "uniform", "whole", "signs of"  # laws, as numbers are called


class Handing:
    """Arrays that are drawn one after the other; laws: of an array the laws that it may be asked for as, if known."""

    def __init__(self, arrays, laws):
        self.left = [(one, laws(one)) for one in arrays]
        self.trouble = ""

    def drawn(self, called: str, law: str, shape=None):
        """The next of this law, in the shape that is asked for."""
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
        """Errors: Failure, also if one was raised before and caught."""
        if not self.trouble and self.left:
            one, known = self.left[0]
            self.trouble = f"does not draw the {' or '.join(known)} numbers {tuple(one.shape)} that it was handed"
        if self.trouble:
            raise Failure(self.trouble)


def laws_of(value) -> tuple[str, ...]:
    """As what numbers may be drawn whose law is not known: those outside of [0, 1] are not uniform."""
    value = np.asarray(value)
    if value.dtype.kind in "iu":
        return (WHOLE,)
    some = (NORMAL, SIGNS) if np.all(np.abs(value) == 1) else (NORMAL,)
    return some if np.any((value < 0) | (value > 1)) else (*some, UNIFORM)


@contextlib.contextmanager
def replaced(replacements) -> Iterator[None]:
    """While it lasts (where, name, what stands there) for each function that draws."""
    before = [(place, name, getattr(place, name)) for place, name, _ in replacements]
    try:
        for place, name, other in replacements:
            setattr(place, name, other)
        yield
    finally:
        for place, name, one in before:
            setattr(place, name, one)
