r"""Chains: a kernel applied once for each time of a tape of noise."""

from typing import NamedTuple

import numpy as np

from refebm.glossary import Flag, Points, Tape, Transition, kept, lost_rows, rows
from refebm.progress import counted
from refebm.samplers.step import Step, without


class Chain(NamedTuple):
    """A record of T steps of n chains: the mean acceptance probability, the numbers of accepted and of invalid steps,
    (n,) each, and the trajectory (T, n, d), or None."""

    acceptance: np.ndarray
    accepted: np.ndarray
    invalid: np.ndarray
    trajectory: np.ndarray | None


@rows
def run(step: Transition, x: Points, tape: Tape, trajectory: Flag = False, *, progress: Flag = False) -> Step:
    r"""x_{t+1} = step(x_t, noise_t).x for each time t of a tape.

    $$x_{t+1} = \text{step}(x_t, \text{noise}_t)$$

    step: x (n, d), noise -> Step, for instance ``lambda x, z, u: mala_step(energy, x, 0.1, z, u)``, which binds
    everything that does not vary in time. x (n, d). tape: an array, or a tuple of arrays, one for each argument after
    x, whose first axis is time; decaying step sizes can be one of them. If `trajectory`, info.trajectory holds all
    states after the start, (T, n, d); otherwise memory is O(n d). progress: show a line on stderr. A row that is no
    longer finite is lost: it is NaN from then on, and counted as invalid in every step.
    Errors: E-TAPE for a tape of no steps, or arrays of unequal length.
    Source: Song and Kingma 2021, section 3; HY-673 lecture 12, sampling from EBMs
    """
    x, length = kept(x), len(tape[0])
    acceptance, accepted, invalid, states = 0.0, 0, 0, []
    for noise in counted(zip(*tape), length, progress):
        x, info = step(x, *noise)
        gone = lost_rows(x)
        x, invalid = without(x, gone), invalid + (info.invalid | gone)
        acceptance, accepted = acceptance + info.acceptance, accepted + info.accepted
        states += [x] if trajectory else []
    return Step(x, Chain(acceptance / length, accepted, invalid, np.stack(states) if trajectory else None))
