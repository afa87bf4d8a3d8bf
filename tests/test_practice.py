"""Bad input of what live code uses beyond the documents: flow matching, schedules, parametrisations and the like."""

import numpy as np
import pytest

import refebm
from refebm import InputError

X = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])
Z = X[::-1] + 0.5
T = np.array([0.25, 0.5, 0.75])


def field(x, t):
    return -x


BAD = {
    "a velocity of one column": (
        lambda: refebm.flow_matching(lambda x, t: x[:, :1], X, Z, T),
        "E-CALLABLE",
        "velocity",
    ),
    "a time after the noise": (lambda: refebm.flow_matching(field, X, Z, 1.5), "E-TIME", "t must be from 0 to 1"),
    "t for z": (lambda: refebm.flow_matching(field, X, T, Z), "E-SHAPE|E-TIME", "z must have the shape"),
    "a velocity of noise": (lambda: refebm.flow_velocity(field, X, [0.5, 1.0, 0.5]), "E-TIME", "t must be before 1"),
    "a score of data": (lambda: refebm.score_of_flow(field, X, 0.0), "E-TIME", "t must be after 0"),
}


@pytest.mark.parametrize("ask, code, words", BAD.values(), ids=BAD)
def test_bad_input_is_a_clear_error(ask, code, words):
    with pytest.raises(InputError, match=words) as error:
        ask()
    assert error.value.code in code.split("|")
