r"""Tapes: the only place where the noise of samplers is drawn, by a `numpy.random.Generator` that the caller passes.

The first axis is time. Arrays are drawn whole, one after the other in the order in which they are returned, so that a
seed always gives the same tape. z is unit normal, u uniform on the open interval (0, 1).
Errors: E-RNG, E-COUNT, E-RBM; E-SIZE for more than memory can hold.
"""

import numpy as np

from refebm.glossary import Coordinates, CountOrNone, Rbm, Rng, RowCount, Size, StepCount, memory, rows


def _uniform(rng, shape):
    """(k + 1/2)/2^52 with k uniform on 0, ..., 2^52 - 1: never 0 or 1."""
    return (rng.integers(0, 2**52, shape) + 0.5) / 2.0**52


@rows
def langevin_tape(rng: Rng, n_steps: StepCount, n: RowCount, d: Coordinates) -> np.ndarray:
    r"""z (n_steps, n, d), unit normal: for `langevin_step`.

    $$z_{tij} \sim \mathcal N(0, 1)$$

    Errors: E-SIZE for more numbers than memory can hold.
    Source: Stanford CS236, Langevin dynamics sampling
    """
    return rng.standard_normal(memory(n_steps, n, d))


@rows
def metropolis_tape(rng: Rng, n_steps: StepCount, n: RowCount, d: Coordinates) -> tuple[np.ndarray, np.ndarray]:
    r"""z (n_steps, n, d), unit normal, then u (n_steps, n), uniform: for `metropolis_step`, `mala_step` and `hmc_step`.

    $$z_{tij} \sim \mathcal N(0, 1),\quad u_{ti} \sim \mathcal U(0, 1)$$

    Errors: E-SIZE for more numbers than memory can hold.
    Source: HY-673 lecture 12, sampling from EBMs: MH-MCMC
    """
    shape = memory(n_steps, n, d)
    return rng.standard_normal(shape), _uniform(rng, shape[:2])


@rows
def gibbs_tape(rng: Rng, n_steps: StepCount, n: RowCount, rbm: Rbm) -> tuple[np.ndarray, np.ndarray]:
    r"""u_h (n_steps, n, m), uniform, then u_v (n_steps, n, d), uniform, or unit normal for Gaussian visible units.

    $$u_h \sim \mathcal U(0, 1),\quad u_v \sim \mathcal U(0, 1) \text{ or } \mathcal N(0, 1)$$

    Errors: E-SIZE for more numbers than memory can hold.
    Source: Hinton 2002, section 3
    """
    u_h, shape = _uniform(rng, memory(n_steps, n, rbm.m)), memory(n_steps, n, rbm.d)
    return u_h, rng.standard_normal(shape) if hasattr(rbm, "sigma") else _uniform(rng, shape)


@rows
def annealed_langevin_tape(rng: Rng, n_levels: Size, n_steps: StepCount, n: RowCount, d: Coordinates) -> np.ndarray:
    r"""z (n_levels, n_steps, n, d), unit normal: for `annealed_langevin`.

    $$z_{ltij} \sim \mathcal N(0, 1)$$

    Errors: E-SIZE for more numbers than memory can hold.
    Source: Song and Ermon 2019, algorithm 1
    """
    return rng.standard_normal(memory(n_levels, n_steps, n, d))


@rows
def predictor_corrector_tape(
    rng: Rng, n_steps: StepCount, n_corrections: CountOrNone, n: RowCount, d: Coordinates
) -> np.ndarray:
    r"""z (n_steps, 1 + n_corrections, n, d), unit normal: for `predictor_corrector`; n_corrections >= 0.

    $$z_{kmij} \sim \mathcal N(0, 1)$$

    Errors: E-SIZE for more numbers than memory can hold.
    Source: Song et al. 2021, algorithm 1
    """
    return rng.standard_normal(memory(n_steps, 1 + n_corrections, n, d))


@rows
def replay_tape(rng: Rng, n_steps: StepCount, n: RowCount) -> np.ndarray:
    r"""u (n_steps, n, 2), uniform: for `ReplayBuffer.start`, one slice for each call.

    $$u_{tij} \sim \mathcal U(0, 1)$$

    Errors: E-SIZE for more numbers than memory can hold.
    Source: Du and Mordatch 2019, section 3.1
    """
    return _uniform(rng, memory(n_steps, n, 2))
