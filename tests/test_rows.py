"""Every function that is examined: layout, type and batch of its arrays do not matter, and it leaves them alone."""

import copy

import numpy as np
import pytest

from refebm.crosscheck.questions import EXAMINED, WHOLE, row_alone
from refebm.identities import REFERENCE
from refebm.variants.arguments import FOR_GRADIENTS, Question, ask

N = 3
LAYOUTS = {  # of an array, none of which changes a number: all are multiples of 1/64
    "Fortran order": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=0)[::2],
    "float32": lambda a: a.astype(np.float32) if a.dtype == float else a,
    "backwards": lambda a: np.ascontiguousarray(a[::-1])[::-1],
}


def given(function, **fixed):
    kind = (EXAMINED[function] or ("",))[0]
    return Question(**{"seed": 1, "d": 3, "n": N, "hidden": 2} | ({"kind": kind} if kind else {}) | fixed).arguments(
        function
    )


def parts(result) -> list[np.ndarray]:
    return list(map(np.asarray, result if isinstance(result, tuple) else (result,)))


def changed(change, arguments):
    """The arguments, with each of their arrays changed."""
    return {key: change(value) if isinstance(value, np.ndarray) else value for key, value in arguments.items()}


@pytest.mark.parametrize("function", EXAMINED)
def test_layout_and_type_do_not_matter(function):
    expected = parts(ask(function, REFERENCE, given(function)))
    for name, change in LAYOUTS.items():
        result = parts(ask(function, REFERENCE, changed(change, given(function))))
        for got, part in zip(result, expected, strict=True):
            exact = name != "float32" or function not in FOR_GRADIENTS  # a gradient in float32 is float32
            np.testing.assert_allclose(got, part, rtol=0 if exact else 1e-6)


@pytest.mark.parametrize("function", [function for function in EXAMINED if function not in WHOLE])
def test_a_row_alone_is_what_it_is_among_others(function):
    arguments = given(function)
    expected = parts(ask(function, REFERENCE, arguments))
    for i in range(N):
        alone = parts(ask(function, REFERENCE, row_alone(function, arguments, i)))
        for got, part in zip(alone, expected, strict=True):
            assert len(part) == N
            np.testing.assert_allclose(got, part[i : i + 1], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("function", EXAMINED)
def test_arrays_are_not_modified_and_may_be_read_only(function):
    arguments = given(function)
    before = copy.deepcopy(arguments)
    for value in arguments.values():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    first, again = (parts(ask(function, REFERENCE, arguments)) for _ in range(2))
    for got, part in zip(again, first, strict=True):
        np.testing.assert_array_equal(got, part)
    for name, value in arguments.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, before[name])
