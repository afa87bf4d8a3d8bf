r"""What a kernel returns, and the rule by which a proposal is accepted.

A kernel is a pure function of callables, the states x (n, d) of n chains, step sizes and noise, in this order. Rows do
not interact. If a kernel accepts or rejects, a row whose proposal has no finite energy stays where it is, and is marked
invalid. If it accepts all proposals, a row that is no longer finite is lost: all its entries are NaN from then on, and
it is marked invalid in this and every later step. Input x may have such NaN rows, but nothing else that is not finite.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import autograd.numpy as np
import numpy

from refebm.calculus import held
from refebm.glossary import States, lost_rows, rows


class Info(NamedTuple):
    """What happened in each chain in one step, (n,) each.

    acceptance: the probability of accepting the proposal. accepted: whether it was accepted. energy_error: minus the
    log of the Metropolis-Hastings ratio; in Hamiltonian Monte Carlo the change of the total energy. invalid: whether
    the proposal, its energy or the ratio is NaN or infinite, so that it was rejected or the row is lost. A kernel that
    accepts all proposals has energy_error 0, and acceptance 1, or 0 in lost rows.
    """

    acceptance: np.ndarray
    accepted: np.ndarray
    energy_error: np.ndarray
    invalid: np.ndarray


class Step(NamedTuple):
    """x: the new states (n, d); info: a record of what happened in each chain, such as `Info`."""

    x: np.ndarray
    info: NamedTuple

    def __repr__(self) -> str:
        told = [(name, held(value)) for name, value in zip(self.info._fields, self.info) if value is not None]
        means = ", ".join(f"{name} {np.mean(value):.3g}" for name, value in told)
        return f"Step(x: {np.shape(self.x)}, info on average: {means})"


def moved(x: np.ndarray) -> Step:
    """The Step of a kernel that accepts all proposals: every row moves to x; a row that is not finite is lost."""
    gone = lost_rows(x)
    return Step(without(x, gone), Info(1.0 * ~gone, ~gone, np.zeros(len(x)), gone))


def without(x: np.ndarray, gone: np.ndarray) -> np.ndarray:
    """x with NaN in the rows in which `gone` is true."""
    return np.where(gone[:, None], np.nan, x) if gone.any() else x


def accept(x: np.ndarray, proposal: np.ndarray, there: np.ndarray, energy_error: np.ndarray, u: np.ndarray) -> Step:
    r"""The proposal x' where log u < min(0, -energy_error), else x; `there` is the energy at x'.

    Source: Hastings 1970, eq. 8
    """
    invalid = ~np.isfinite(there) | np.isnan(energy_error) | lost_rows(proposal)
    acceptance = np.where(invalid, 0.0, np.exp(np.minimum(0.0, -energy_error)))
    accepted = (np.log(u) < -energy_error) & ~invalid
    return Step(np.where(accepted[:, None], proposal, x), Info(acceptance, accepted, energy_error, invalid))


def kernel(function: Callable) -> Callable:
    """Check the arguments of a kernel by their types. Lost rows stay lost, and callables never see their NaN."""
    where = list(function.__annotations__.values()).index(States)

    @rows
    @functools.wraps(function)
    def checked(*given):
        before, x, after = given[:where], given[where], given[where + 1 :]
        gone = lost_rows(x)
        if gone.all():
            return moved(x)
        if gone.any():  # replaced by the state of a finite row, at which callables can be evaluated
            x = np.where(gone[:, None], x[np.argmin(gone)], x)
        with numpy.errstate(all="ignore"):
            step = function(*before, x, *after)
        return _lost_again(step, gone) if gone.any() else step

    return checked


def _lost_again(step, gone):
    """The step, with rows that were lost before it lost again."""
    acceptance, accepted, energy_error, invalid = step.info
    info = np.where(gone, 0.0, acceptance), accepted & ~gone, np.where(gone, 0.0, energy_error), invalid | gone
    return Step(without(step.x, gone), Info(*info))
