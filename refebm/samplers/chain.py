r"""Chains: a kernel over a tape of noise."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from refebm.progress import counted
from refebm.samplers.step import Step
from refebm.validation import InputError, points


class Chain(NamedTuple):
    """Over all steps: mean acceptance, how often accepted, how often invalid, (n,) each; the trajectory (T, n, d)."""

    acceptance: np.ndarray
    accepted: np.ndarray
    invalid: np.ndarray
    trajectory: np.ndarray | None


def run(step: Callable, x: np.ndarray, tape, trajectory: bool = False, *, progress: bool = False) -> Step:
    r"""x_{t+1} = step(x_t, noise_t).x over a tape; what does not vary in time is closed over.

    step: x (n, d), noise -> Step, for instance ``lambda x, z, u: mala_step(energy, x, 0.1, z, u)``. x (n, d). tape: an
    array, or a tuple of arrays, one for each argument after x, whose first axis is time; step sizes that decay are
    such an array. Keeps O(n d) memory, unless the trajectory (T, n, d), without the start, is asked for. progress: a
    line on stderr.
    Errors: E-TAPE for a tape of no steps, or arrays of unequal length.
    Source: Song and Kingma 2021, section 3; HY-673 lecture 12, sampling from EBMs
    """
    arrays = tape if isinstance(tape, tuple) else (tape,)
    lengths = {len(np.atleast_1d(array)) for array in arrays}
    if len(lengths) != 1 or lengths == {0}:
        raise InputError("E-TAPE", f"the arrays of a tape must have one length, at least 1; got {sorted(lengths)}")
    x = points("x", x)
    acceptance, accepted, invalid, states = 0.0, 0, 0, []
    for noise in counted(zip(*arrays), max(lengths), progress):
        x, info = step(x, *noise)
        acceptance, accepted, invalid = acceptance + info.acceptance, accepted + info.accepted, invalid + info.invalid
        states += [x] if trajectory else []
    return Step(x, Chain(acceptance / lengths.pop(), accepted, invalid, np.stack(states) if trajectory else None))
