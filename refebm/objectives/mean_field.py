r"""Mean-field contrastive divergence: the units of a restricted Boltzmann machine are replaced by their means.

If q makes all units of both layers independent, with means v and h in [0, 1], its variational free energy is
F_MF(v, h) = E_q[E] - H(q) = -log Z + KL(q|p). For given means of one layer, F_MF is smallest where the means of the
other layer are the conditional means. Errors: E-RBM for anything but a machine with binary units in both layers,
E-FRACTION, E-BINARY, E-SHAPE, E-COUNT.
"""

import autograd.numpy as np

from refebm.calculus import held
from refebm.glossary import BinaryRbm, Bits, HiddenMeans, Loss, Rows, StepCount, UnitMeans, Vectors, rows


@rows
def mean_field_free_energy(rbm: BinaryRbm, v: UnitMeans, h: HiddenMeans) -> Rows:
    r"""-b.v - c.h - v^T W h - H(v) - H(h), (n,), H(p) = -sum_i [p_i log p_i + (1 - p_i) log(1 - p_i)].

    $$F_{MF}(v, h) = -b \cdot v - c \cdot h - v^\top W h - H(v) - H(h)$$

    rbm: a `BinaryRBM`; v (n, d), h (n, m), means in [0, 1]. At v in {0, 1}^d and h = E[h | v] it is the free energy.
    Errors: E-SHAPE for units of another machine.
    Source: Welling and Hinton 2002, section 3
    """
    return rbm.energy(v, h) - bernoulli_entropy(v) - bernoulli_entropy(h)


@rows
def mean_field_contrastive_divergence(rbm: BinaryRbm, x: Bits, n_steps: StepCount) -> Loss:
    r"""F_MF(x, h_0) - F_MF(v_k, h_k), (n,), after k = n_steps updates of the means of both layers, from v_0 = x.

    $$F_{MF}(x, h_0) - F_{MF}(v_k, h_k),\quad h_i = \operatorname{sigmoid}(c + W^\top v_i),
    \ v_{i+1} = \operatorname{sigmoid}(b + W h_i),\ v_0 = x$$

    The means are held constant: a gradient step lowers the energy at (x, h_0) and raises it at (v_k, h_k), and ignores
    that both depend on the parameters. The value is never negative and grows with k, since no update raises F_MF. No
    noise enters, so the gradient is not an estimate of that of the likelihood.
    rbm: a `BinaryRBM`; x (n, d), zeros and ones; n_steps >= 1. F_MF(x, h_0) is the free energy of x.
    Errors: E-SHAPE for units of another machine.
    Source: Welling and Hinton 2002, section 4
    """
    v = reconstruction(rbm, x, n_steps)
    h_0, h = held(rbm.hidden_mean(x)), held(rbm.hidden_mean(v))
    return mean_field_free_energy(rbm, x, h_0) - mean_field_free_energy(rbm, held(v), h)


def reconstruction(rbm, v: np.ndarray, n_steps: int) -> Vectors:
    """The visible means after n_steps updates of both layers."""
    for _ in range(n_steps):
        v = rbm.visible_mean(rbm.hidden_mean(v))
    return v


def bernoulli_entropy(p: np.ndarray) -> Rows:
    """-sum_i [p_i log p_i + (1 - p_i) log(1 - p_i)]."""
    return -np.sum(x_log_x(p) + (1 - p) * np.log1p(-np.where(p < 1, p, 0.0)), axis=1)  # 1 - p would round a small p


def x_log_x(p: np.ndarray) -> np.ndarray:
    """p log p, and 0 at p = 0."""
    return p * np.log(np.where(p > 0, p, 1.0))
