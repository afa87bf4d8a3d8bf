r"""Chains: a kernel over a tape of noise."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from refebm.progress import counted
from refebm.samplers.step import Step, lost, without
from refebm.validation import flag, kept, points, tape_of_steps, transition


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
    line on stderr. A row that is no longer finite is lost: NaN from then on, and counted as invalid in each step.
    Errors: E-TAPE for a tape of no steps, or arrays of unequal length; E-CALLABLE for what is no Step.
    Source: Song and Kingma 2021, section 3; HY-673 lecture 12, sampling from EBMs
    """
    trajectory, progress = flag("trajectory", trajectory), flag("progress", progress)
    arrays, x = tape_of_steps("tape", tape), kept(points("x", x))
    step, length = transition("step", step), len(arrays[0])
    acceptance, accepted, invalid, states = 0.0, 0, 0, []
    for noise in counted(zip(*arrays), length, progress):
        x, info = step(x, *noise)
        gone = lost(x)
        x, invalid = without(x, gone), invalid + (info.invalid | gone)
        acceptance, accepted = acceptance + info.acceptance, accepted + info.accepted
        states += [x] if trajectory else []
    return Step(x, Chain(acceptance / length, accepted, invalid, np.stack(states) if trajectory else None))
