r"""Restricted Boltzmann machines: visible units v (n, d), hidden units h (n, m) in {0, 1}, no couplings within a layer.

p(v, h) = exp(-E(v, h))/Z, and the free energy is F(v) = -log sum_h exp(-E(v, h)), so p(v) = exp(-F(v))/Z. Given one
layer, the units of the other are independent. Noise is an argument: a unit is 1 where u is below its probability.
"""

from itertools import product

import autograd.numpy as np

from refebm.glossary import (
    HiddenUnits,
    InputError,
    Points,
    Rows,
    UnitMeans,
    bits,
    fractions,
    matrix,
    of_shape,
    rows,
    squarable,
    uniforms,
    vector,
)
from refebm.special import expit, logsumexp, softplus
from refebm.truth.densities import LOG_2PI

MOST_UNITS = 20  # in a layer whose states are enumerated
MOST_PRODUCTS = 10**9  # 2^m states times m times the units of the other layer: at most a minute and 8 GB


def hidden(rbm, h, n=None):
    """Check h (n, m), the states of the hidden units of an RBM or their means, for n rows of visible units."""
    h = fractions("h", h)
    if h.shape != (n or len(h), rbm.m):
        wanted = f"({n or 'n'}, {rbm.m})"
        raise InputError("E-SHAPE", f"h must be {wanted} for this {type(rbm).__name__}; got shape {h.shape}")
    return h


def states(m: int, others: int = 1) -> np.ndarray:
    """All states of m binary units, (2^m, m). others: the number of units in the other layer. Errors: E-SIZE."""
    if m <= MOST_UNITS and m * 2**m * others > MOST_PRODUCTS:
        raise InputError(
            "E-SIZE",
            f"{m} units have 2^{m} states, with {others} units in the other layer: that is more than "
            f"{MOST_PRODUCTS:.0e} products to enumerate; annealed_importance_sampling estimates log Z",
        )
    if m > MOST_UNITS:
        raise InputError(
            "E-SIZE",
            f"{m} units have 2^{m} states: up to {MOST_UNITS} are enumerated; for more, annealed_importance_sampling "
            "estimates log Z",
        )
    return np.array(list(product((0.0, 1.0), repeat=m)))


class BinaryRBM:
    r"""E(v, h) = -b.v - c.h - v^T W h, with v in {0, 1}^d and h in {0, 1}^m.

    $$E(v, h) = -b \cdot v - c \cdot h - v^\top W h$$

    b (d,), c (m,), W (d, m). `energy`, `free_energy` and the conditional means also accept means of units, in [0, 1],
    at which they evaluate the same formulas.
    Errors: E-SHAPE, E-FINITE, E-DTYPE; E-NDIM, E-EMPTY for units; E-FRACTION for units outside [0, 1]; E-BINARY if a
    layer is drawn given units that are not 0 or 1; E-UNIFORM for u outside (0, 1); E-SIZE if both layers have more
    than 20 units, too many to enumerate.
    Also: Boltzmann machine, Bernoulli RBM
    Source: Hinton 2002, section 3; Smolensky 1986
    """

    def __init__(self, b, c, W):
        self.b, self.c, self.W = vector("b", b), vector("c", c), matrix("W", W)
        self.d, self.m = len(self.b), len(self.c)
        if self.W.shape != (self.d, self.m):
            raise InputError("E-SHAPE", f"W must be (d, m) = {(self.d, self.m)}; got shape {self.W.shape}")

    @rows
    def energy(self, v: UnitMeans, h) -> Rows:
        r"""-b.v - c.h - v^T W h, (n,); h (n, m).

        $$E(v, h) = -b \cdot v - c \cdot h - v^\top W h$$
        """
        h = hidden(self, h, len(v))
        return -np.dot(v, self.b) - np.dot(h, self.c) - np.sum(np.dot(v, self.W) * h, axis=1)

    @rows
    def free_energy(self, v: UnitMeans) -> Rows:
        r"""-b.v - sum_j softplus(c_j + (W^T v)_j), (n,).

        $$F(v) = -\log \sum_h e^{-E(v, h)} = -b \cdot v - \sum_j \operatorname{softplus}(c_j + (W^\top v)_j)$$
        """
        return -np.dot(v, self.b) - np.sum(softplus(self.c + np.dot(v, self.W)), axis=1)

    @rows
    def hidden_mean(self, v: UnitMeans) -> HiddenUnits:
        r"""P(h_j = 1 | v) = sigmoid(c_j + (W^T v)_j), (n, m).

        $$P(h_j = 1 \mid v) = \operatorname{sigmoid}(c_j + (W^\top v)_j)$$
        """
        return expit(self.c + np.dot(v, self.W))

    def visible_mean(self, h):
        r"""P(v_i = 1 | h) = sigmoid(b_i + (W h)_i), (n, d).

        $$P(v_i = 1 \mid h) = \operatorname{sigmoid}(b_i + (W h)_i)$$
        """
        return expit(self.b + np.dot(hidden(self, h), self.W.T))

    def hidden_given(self, v, u):
        r"""h drawn given v, (n, m): h_j = 1 where u_j < P(h_j = 1 | v); u (n, m) in (0, 1).

        $$h_j = [u_j < P(h_j = 1 \mid v)]$$
        """
        mean = self.hidden_mean(bits("v", v))
        return 1.0 * (uniforms("u", u, mean.shape) < mean)

    def visible_given(self, h, u):
        r"""v drawn given h, (n, d): v_i = 1 where u_i < P(v_i = 1 | h); u (n, d) in (0, 1).

        $$v_i = [u_i < P(v_i = 1 \mid h)]$$
        """
        mean = self.visible_mean(bits("h", h))
        return 1.0 * (uniforms("u", u, mean.shape) < mean)

    def log_partition(self) -> float:
        r"""log Z = log sum_h exp(c.h + sum_i softplus(b_i + (W h)_i)), or the same sum over v if that layer is smaller.

        $$\log Z = \log \sum_h \exp\!\left(c \cdot h + \textstyle\sum_i \operatorname{softplus}(b_i + (W h)_i)\right)$$

        Errors: E-SIZE.
        """
        near, far, W = (self.c, self.b, self.W.T) if self.m <= self.d else (self.b, self.c, self.W)
        h = states(len(near), len(far))
        return logsumexp(np.dot(h, near) + np.sum(softplus(far + np.dot(h, W)), axis=1))


class GaussianBernoulliRBM:
    r"""E(v, h) = |v - b|^2/(2 sigma^2) - c.h - v^T W h/sigma^2, with v in R^d and h in {0, 1}^m: E[v | h] = b + W h.

    $$E(v, h) = \frac{|v - b|^2}{2\sigma^2} - c \cdot h - \frac{v^\top W h}{\sigma^2}$$

    b (d,), c (m,), W (d, m), sigma > 0, a float.
    Errors: E-SHAPE, E-FINITE, E-DTYPE; E-POSITIVE, E-SCALE for sigma; E-NDIM, E-EMPTY for units; E-FRACTION, E-BINARY
    for h; E-UNIFORM for u outside (0, 1); E-SIZE for more than 20 hidden units.
    Convention: v^T W h/sigma^2, as in Cho, Ilin and Raiko 2011; with v^T W h/sigma the mean is b + sigma W h.
    Also: GRBM
    Source: Cho, Ilin and Raiko 2011, eq. 3
    """

    def __init__(self, b, c, W, sigma):
        self.b, self.c, self.W = vector("b", b), vector("c", c), matrix("W", W)
        self.d, self.m, self.sigma = len(self.b), len(self.c), squarable("sigma", sigma)
        if self.W.shape != (self.d, self.m):
            raise InputError("E-SHAPE", f"W must be (d, m) = {(self.d, self.m)}; got shape {self.W.shape}")

    @rows
    def energy(self, v: Points, h) -> Rows:
        r"""|v - b|^2/(2 sigma^2) - c.h - v^T W h/sigma^2, (n,); h (n, m).

        $$E(v, h) = \frac{|v - b|^2}{2\sigma^2} - c \cdot h - \frac{v^\top W h}{\sigma^2}$$
        """
        h = hidden(self, h, len(v))
        coupling = np.sum(np.dot(v, self.W) * h, axis=1) / self.sigma**2
        return 0.5 * np.sum((v - self.b) ** 2, axis=1) / self.sigma**2 - np.dot(h, self.c) - coupling

    @rows
    def free_energy(self, v: Points) -> Rows:
        r"""|v - b|^2/(2 sigma^2) - sum_j softplus(c_j + (W^T v)_j/sigma^2), (n,).

        $$F(v) = \frac{|v - b|^2}{2\sigma^2} - \sum_j \operatorname{softplus}(c_j + (W^\top v)_j/\sigma^2)$$
        """
        spring = 0.5 * np.sum((v - self.b) ** 2, axis=1) / self.sigma**2
        return spring - np.sum(softplus(self.c + np.dot(v, self.W) / self.sigma**2), axis=1)

    @rows
    def hidden_mean(self, v: Points) -> HiddenUnits:
        r"""P(h_j = 1 | v) = sigmoid(c_j + (W^T v)_j/sigma^2), (n, m).

        $$P(h_j = 1 \mid v) = \operatorname{sigmoid}(c_j + (W^\top v)_j/\sigma^2)$$
        """
        return expit(self.c + np.dot(v, self.W) / self.sigma**2)

    def visible_mean(self, h):
        r"""E[v | h] = b + W h, (n, d).

        $$\mathbb E[v \mid h] = b + W h$$
        """
        return self.b + np.dot(hidden(self, h), self.W.T)

    def hidden_given(self, v, u):
        r"""h drawn given v, (n, m): h_j = 1 where u_j < P(h_j = 1 | v); u (n, m) in (0, 1).

        $$h_j = [u_j < P(h_j = 1 \mid v)]$$
        """
        mean = self.hidden_mean(v)
        return 1.0 * (uniforms("u", u, mean.shape) < mean)

    def visible_given(self, h, z):
        r"""b + W h + sigma z, (n, d); z (n, d) unit normal.

        $$v = b + W h + \sigma z$$
        """
        mean = self.visible_mean(bits("h", h))
        return mean + self.sigma * of_shape("z", z, mean.shape)

    def log_partition(self) -> float:
        r"""log sum_h exp(c.h + (|b + W h|^2 - |b|^2)/(2 sigma^2)) + d/2 log(2 pi sigma^2).

        $$\log Z = \log \sum_h e^{c \cdot h + (|b + W h|^2 - |b|^2)/(2\sigma^2)} + \tfrac d2 \log(2\pi\sigma^2)$$

        Errors: E-SIZE.
        """
        h = states(self.m, self.d)
        shift = np.dot(h, self.W.T)
        gain = np.sum(shift * (shift + 2 * self.b), axis=1) / (2 * self.sigma**2)  # |b + W h|^2 - |b|^2 as a product
        return logsumexp(np.dot(h, self.c) + gain) + self.d * (0.5 * LOG_2PI + np.log(self.sigma))
