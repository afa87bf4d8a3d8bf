r"""Training by maximum likelihood, with the expectation under the model estimated by chains of k steps."""

from collections.abc import Callable
from typing import Annotated

import autograd.numpy as np

from refebm.algorithms.draws import constant, minibatch
from refebm.glossary import (
    BatchSize,
    EnergyOf,
    Flag,
    Fraction,
    InputError,
    KernelOf,
    Parameters,
    Points,
    Rng,
    StepCount,
    StepSize,
    Watch,
    asked,
    points,
    real_array,
    rows,
    see_callable,
)
from refebm.objectives.contrastive_divergence import ReplayBuffer, contrastive_divergence
from refebm.samplers.chain import run
from refebm.samplers.tapes import langevin_tape, replay_tape
from refebm.training import Fit, minimise_noisy


def starts(name, value, x):
    """The states of persistent chains, (batch, d), or a replay buffer."""
    given = value.points if isinstance(value, ReplayBuffer) else points(name, value)
    if given.shape[1] != x.shape[1]:
        raise InputError("E-SHAPE", f"{name} must be points with d = {x.shape[1]}, that of x; got shape {given.shape}")
    return value if isinstance(value, ReplayBuffer) else given


def drawer(name, function, x=None):
    """A function (rng, n_steps, n, d) that returns the noise of a kernel, as `langevin_tape` does. Errors: E-TAPE."""
    see_callable(name, function)

    def drawn(rng, k, n, d):
        tape = asked(f"{name}(rng, n_steps, n, d)", function, rng, k, n, d)
        lengths = {np.shape(part)[:1] for part in (tape if isinstance(tape, tuple) else (tape,))}
        if lengths != {(k,)}:
            raise InputError("E-TAPE", f"{name}(rng, n_steps, n, d) must be noise for {k} steps; got {sorted(lengths)}")
        return tape

    return drawn


Starts = Annotated[np.ndarray | ReplayBuffer, starts, "(batch, d), or a ReplayBuffer"]
Drawer = Annotated[Callable, drawer, "(rng, n_steps, n, d) -> a tape"]


@rows
def train_contrastive_divergence(
    x: Points,
    energy: EnergyOf,
    step: KernelOf,
    parameters: Parameters,
    k: StepCount,
    batch: BatchSize,
    n_steps: StepCount,
    step_size: StepSize,
    rng: Rng,
    chains: Starts | None = None,
    fraction: Fraction = 0.05,
    *,
    tape: Drawer = langevin_tape,
    adam: Flag = False,
    each: Watch | None = None,
    progress: Flag = True,
) -> Fit:
    r"""Contrastive divergence: theta <- theta - step_size grad mean_i [E(x_i) - E(x'_i)], x' after k steps of a kernel.

    $$\theta \leftarrow \theta - \eta\, \nabla\, \mathbb E_B[E_\theta(x) - E_\theta(x')], \quad x' = K_\theta^k x^0$$

    1. Draw a minibatch. 2. Choose where the chains start: if chains is None, at the rows of the minibatch (CD-k); if it
    is an array (batch, d), where they ended at the last step (persistent CD); if it is a `ReplayBuffer`, at points of
    the buffer, or with probability `fraction` at fresh unit normal points (draw the fresh points, then the choices).
    3. Draw the noise of k steps, tape(rng, k, batch, d), and run the chains. 4. Keep their last states, in place of the
    chains or in the buffer. 5. Step down the gradient, in which these states are constants.
    x (n, d); energy(parameters, x) (n, d) -> (n,); step(parameters, x, noise) -> Step, a kernel that leaves exp(-E)
    invariant, such as ``lambda p, x, z: langevin_step(score_of(lambda x: energy(p, x)), x, 0.1, z)``.
    Source: Hinton 2002, section 3; Tieleman 2008; Du and Mordatch 2019, algorithm 1; Song and Kingma 2021, section 3;
    HY-673 lecture 12 and Stanford CS236, contrastive divergence
    """
    kept = chains

    def start(rows):
        if isinstance(kept, ReplayBuffer):
            fresh = rng.standard_normal(rows.shape)
            return kept.start(fresh, fraction, replay_tape(rng, 1, batch)[0])
        if kept is not None and len(kept) != batch:
            raise InputError("E-SHAPE", f"chains must be ({batch}, d) for batch = {batch}; got shape {kept.shape}")
        return rows if kept is None else kept

    def loss(theta, i):
        nonlocal kept
        rows = minibatch(x, batch, rng)
        x_model = real_array("step(x, ...)", run(step(constant(theta)), start(rows), tape(rng, k, *rows.shape)).x)
        if kept is not None:
            kept = kept.push(x_model) if isinstance(kept, ReplayBuffer) else x_model
        return np.mean(contrastive_divergence(energy(theta), rows, x_model))

    return minimise_noisy(loss, parameters, n_steps, step_size, adam=adam, each=each, progress=progress)
