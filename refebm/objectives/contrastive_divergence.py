r"""Contrastive divergence: lower the energy of the data, raise the energy of samples from the model.

Methods differ in where the Markov chains that make the samples start: at the data (CD-k), where they ended at the last
gradient step (persistent CD), or at points of a replay buffer, except for a fraction that starts afresh. All run a
kernel from the start by `run`; for CD-k the samples are ``run(step, x, tape).x``.
"""

from dataclasses import dataclass

import autograd.numpy as np

from refebm.calculus import held
from refebm.glossary import Energy, Fraction, InputError, Loss, ModelPoints, Points, axis_length, points, rows, uniforms


@rows
def contrastive_divergence(energy: Energy, x: Points, x_model: ModelPoints) -> Loss:
    r"""E(x) - E(x_model), (n,), with x_model held constant even if it was computed from the parameters.

    $$E(x) - E(x'),\quad x' \text{ held constant}$$

    energy (n, d) -> (n,); x, x_model (n, d). If x_model is drawn from the model, the mean gradient in the parameters is
    that of the negative log-likelihood. The value itself is not a likelihood, and may be negative. For a `BinaryRBM`
    the energy is its free energy.
    Also: CD, CD-k, PCD, persistent contrastive divergence
    Source: Song and Kingma 2021, section 3 (the gradient of log p: minus ours); Hinton 2002, section 3; dataflowr
    module 18a
    """
    return energy(x) - energy(held(x_model))


@dataclass(frozen=True, eq=False)
class ReplayBuffer:
    r"""Past states of chains, from which new chains start: at most `capacity` of them; the oldest are dropped first.

    $$(x_{t - c + 1}, \dots, x_t),\quad c \text{ the capacity}$$

    points (N, d), 1 <= N <= capacity; capacity >= 1. A buffer is never changed: `push` returns a new one.
    Errors: E-NDIM, E-EMPTY, E-FINITE, E-DTYPE for points; E-COUNT, E-SIZE for the capacity; of `start` and `push` also
    E-SHAPE for points of another d, E-FRACTION, E-UNIFORM.
    Source: Du and Mordatch 2019, section 3.1 (capacity 10,000, fraction 0.05)
    """

    points: np.ndarray
    capacity: int

    def __post_init__(self):
        capacity, kept = axis_length("capacity", self.capacity), points("points", self.points)
        object.__setattr__(self, "points", np.array(kept[-capacity:]))

    @rows
    def start(self, fresh: Points, fraction: Fraction, u) -> np.ndarray:
        r"""The start of each chain i, (n, d): fresh_i if u_i1 < fraction, else point floor(u_i2 N), counted from 0.

        $$x_i = \text{fresh}_i \text{ if } u_{i1} < f,\quad \text{else point } \lfloor u_{i2} N \rfloor$$

        fresh (n, d); fraction in [0, 1]; u (n, 2) in (0, 1).
        """
        self._fits("fresh", fresh)
        anew, which = uniforms("u", u, (len(fresh), 2)).T
        kept = self.points[np.floor(which * len(self.points)).astype(int)]
        return np.where(anew[:, None] < fraction, fresh, kept)

    def push(self, x: np.ndarray) -> "ReplayBuffer":
        r"""A buffer with x (n, d) added as its newest points.

        $$(x_1, \dots, x_t) \mapsto (x_{t - c + 1}, \dots, x_t),\quad c \text{ the capacity}$$
        """
        x = points("x", x)
        self._fits("x", x)
        return ReplayBuffer(np.concatenate([self.points, x]), self.capacity)

    def _fits(self, name, x):
        d = self.points.shape[1]
        if x.shape[1] != d:
            raise InputError("E-SHAPE", f"{name} must be (n, {d}) as the points of the buffer; got {x.shape}")
