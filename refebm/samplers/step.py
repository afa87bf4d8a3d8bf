r"""What a kernel returns, and the rule by which a proposal is accepted.

A kernel is pure: callables, the states x (n, d) of n chains, step sizes, then its noise. Rows do not interact. In
kernels that accept or reject, a row whose proposal has no finite energy stays where it is, and is counted.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import autograd.numpy as np
import numpy

from refebm.validation import rows


class Info(NamedTuple):
    """What happened in each chain, (n,) each.

    acceptance: the probability with which the proposal is accepted. accepted: whether it was. energy_error: minus the
    log of the Metropolis-Hastings ratio, in Hamiltonian Monte Carlo the change of the total energy. invalid: whether
    the proposal, its energy or the ratio was NaN or infinite; then it was rejected. A kernel that accepts all has
    acceptance 1 and energy_error 0.
    """

    acceptance: np.ndarray
    accepted: np.ndarray
    energy_error: np.ndarray
    invalid: np.ndarray


class Step(NamedTuple):
    """The new states (n, d), and a record of what happened."""

    x: np.ndarray
    info: NamedTuple


def moved(x: np.ndarray) -> Step:
    """A step that is not accepted or rejected: every row moves."""
    n = len(x)
    return Step(x, Info(np.ones(n), np.ones(n, bool), np.zeros(n), ~np.all(np.isfinite(x), axis=1)))


def accept(x: np.ndarray, proposal: np.ndarray, there: np.ndarray, energy_error: np.ndarray, u: np.ndarray) -> Step:
    r"""x' where log u < min(0, -energy_error), else x; there is the energy at x'. Source: Hastings 1970, eq. 8"""
    invalid = ~np.isfinite(there) | np.isnan(energy_error) | ~np.all(np.isfinite(proposal), axis=1)
    acceptance = np.where(invalid, 0.0, np.exp(np.minimum(0.0, -energy_error)))
    accepted = (np.log(u) < -energy_error) & ~invalid
    return Step(np.where(accepted[:, None], proposal, x), Info(acceptance, accepted, energy_error, invalid))


def kernel(function: Callable) -> Callable:
    """Check the arguments of a kernel by their names; rows that blow up get NaN, and do not stop the others."""

    @rows
    @functools.wraps(function)
    def checked(callable_of_rows, x, *rest):
        with numpy.errstate(all="ignore"):
            return function(_at_finite_rows(callable_of_rows, x), x, *rest)

    return checked


def _at_finite_rows(function, start):
    """The function, asked at the start instead where a row is no longer finite, and NaN there."""

    def tolerant(x):
        lost = ~np.all(np.isfinite(x), axis=1)
        if not np.any(lost):
            return function(x)
        values = function(np.where(lost[:, None], start, x))
        return np.where(np.reshape(lost, (-1,) + (1,) * (values.ndim - 1)), np.nan, values)

    return tolerant
