"""No check can be taken out: each array argument of a public function is refused with a NaN in it, or an axis more."""

import autograd.numpy as anp
import numpy as np
import pytest

from refebm import InputError, glossary
from refebm.crosscheck.questions import EXAMINED, questions
from refebm.identities import REFERENCE
from refebm.variants.arguments import ask, types

OF_CALLABLES = {"weight"}  # what a callable returns stays as it is


class Plain:
    """refebm, handed callables that check nothing themselves."""

    def __getattr__(self, name):
        return getattr(REFERENCE, name)

    def score(self, model):
        return lambda x, *rest: -1.0 * x

    def energy(self, model):
        return lambda x, *rest: anp.sum(x, axis=-1)


def arrays(function):
    arguments = questions(function)[0].arguments
    numbers = {name: np.array(value) for name, value in arguments.items() if isinstance(value, (float, np.ndarray))}
    return arguments, {name: value for name, value in numbers.items() if value.dtype.kind == "f"}


@pytest.mark.parametrize("function", EXAMINED)
def test_every_array_is_checked(function):
    arguments, floats = arrays(function)
    for name in set(floats) - OF_CALLABLES:
        one = floats[name].copy()
        one[(0,) * one.ndim] = np.nan
        for bad in (one, floats[name][None, None, None]):
            with pytest.raises(InputError) as error:
                ask(function, Plain(), arguments | {name: bad})
            assert f"{name} " in str(error.value), (name, str(error.value))


SQUARED = [
    (function, name)
    for function in EXAMINED
    for name, kind in types(function).items()
    if kind == glossary.Levels or name == "data_std"
]


@pytest.mark.parametrize("function,name", SQUARED)
@pytest.mark.parametrize("level", [1e-170, 1e170])
def test_levels_without_a_square_are_refused(function, name, level):
    arguments, floats = arrays(function)
    with pytest.raises(InputError, match=f"E-SCALE: {name} must be from 1.5e-154 to 9e.153"):
        ask(function, Plain(), arguments | {name: 0 * floats[name] + level})
