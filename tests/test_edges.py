"""What stands exactly at a bound, and what is said there: found by mutants that no other test noticed."""

import dataclasses

import autograd.numpy as anp
import numpy as np
import pytest

import refebm
from refebm import InputError

X = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])
EPS = 2.0**-52


def energy(x):
    return 0.5 * anp.sum(x**2, axis=1)


def test_a_variance_of_a_thousand_roundoffs_is_told_and_one_less_is_refused():
    """With sigma = 1 and s = -(1 - c) y the variance given y is c: both are exact."""
    cov = refebm.tweedie_cov(lambda y: -(1 - 1000 * EPS) * y, X, 1.0)
    np.testing.assert_array_equal(cov, 1000 * EPS * np.eye(2) * np.ones((3, 1, 1)))
    with pytest.raises(refebm.DomainError, match="E-ROUNDOFF"):
        refebm.tweedie_cov(lambda y: -(1 - 999.5 * EPS) * y, X, 1.0)


def test_a_chain_starts_anew_below_the_fraction_alone():
    buffer = refebm.ReplayBuffer(X, 3)
    u = np.array([[0.5, 0.1], [0.25, 0.1], [0.75, 0.1]])
    starts = buffer.start(X + 10, 0.5, u)
    np.testing.assert_array_equal(starts, [X[0], X[1] + 10, X[0]])


def test_a_buffer_is_never_changed():
    buffer = refebm.ReplayBuffer(X, 3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        buffer.capacity = 5
    assert buffer != refebm.ReplayBuffer(X, 3) and len({buffer, buffer}) == 1  # as objects, since arrays have no ==


def refusing(code):
    def log_density(x):
        if len(x) != len(X):
            raise InputError(code, "not here")
        return -energy(x)

    return log_density


def test_what_a_callable_itself_refuses_comes_through():
    y = np.stack([X, X, X, X])
    with pytest.raises(InputError, match="E-DOMAIN: not here") as error:
        refebm.noise_contrastive(refusing("E-DOMAIN"), lambda x: -energy(x), X, y)
    assert error.value.code == "E-DOMAIN"
    with pytest.raises(InputError, match=r"nu n = 4 \* 3 rows of y.*not here"):
        refebm.noise_contrastive(refusing("E-CALLABLE"), lambda x: -energy(x), X, y)

    def odd(x):
        raise ValueError("odd")

    with pytest.raises(ValueError, match=r"^odd$"):  # with one noise point for each there is nothing to explain
        refebm.conditional_noise_contrastive(odd, X, X[None])
