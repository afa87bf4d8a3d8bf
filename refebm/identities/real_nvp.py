r"""Theorems about RealNVP: its inverse, its log-determinant and its density."""

import numpy as np

from refebm.identities import Draw, Sides, expect, theorem
from refebm.models import Model
from refebm.truth.densities import LOG_2PI, Gaussian, standard_normal
from refebm.truth.derivatives import network_derivatives

DINH = "Dinh, Sohl-Dickstein and Bengio 2017, eqs. 7 and 8"


def coupling(x, i, layers):
    """Which coordinates move, their log scale and shift, and the derivatives (n, 2 d, d) of both, by hand."""
    moves = np.arange(x.shape[1]) % 2 == i % 2
    out, slopes, _ = network_derivatives(layers, np.where(moves, 0.0, x))
    log_scale, shift = np.tanh(out[:, : len(moves)]), out[:, len(moves) :]
    slopes[:, : len(moves)] *= (1 - log_scale**2)[:, :, None]
    return moves, log_scale, shift, np.where(moves, 0.0, slopes)


def to_normal(couplings, x):
    """z = T^{-1}(x), its full Jacobian (n, d, d), and sum |terms| of each z, by hand."""
    n, d = x.shape
    jacobian, size = np.eye(d) * np.ones((n, 1, 1)), np.abs(x)
    for i, layers in enumerate(couplings):
        moves, log_scale, shift, slopes = coupling(x, i, layers)
        scale = np.exp(-log_scale)
        scaled = (x - shift) * scale
        rows = scale[:, :, None] * (np.eye(d) - slopes[:, d:]) - scaled[:, :, None] * slopes[:, :d]
        jacobian = np.where(moves[:, None], rows, np.eye(d)) @ jacobian
        size = np.where(moves, (size + np.abs(shift)) * scale, size)
        x = np.where(moves, scaled, x)
    return x, jacobian, size


def from_normal(couplings, z):
    """x = T(z), and sum |terms| of each x, by hand."""
    size = np.abs(z)
    for i, layers in reversed(list(enumerate(couplings))):
        moves = np.arange(z.shape[1]) % 2 == i % 2
        *hidden, (weights, bias) = layers
        out = np.where(moves, 0.0, z)
        for first, offset in hidden:
            out = np.tanh(out @ first + offset)
        log_scale, shift = np.split(out @ weights + bias, 2, axis=1)
        log_scale = np.tanh(log_scale)
        size = np.where(moves, size * np.exp(log_scale) + np.abs(shift), size)
        z = np.where(moves, z * np.exp(log_scale) + shift, z)
    return z, size


def flow_and_points(draw: Draw) -> dict:
    d = draw.count(2, 5)
    return {"couplings": draw._flow(d)["couplings"], "x": draw.reals((3, d), -3, 3)}


@theorem(DINH, "pointwise", flow_and_points, about="RealNVP.inverse RealNVP.sample")
def flows_go_there_and_back(impl, couplings, x):
    r"""Sampling and inverse undo each other, and each undoes the other map written by hand.

    T^{-1}(T(x)) = T(T^{-1}(x)) = x"""
    flow = impl.RealNVP(couplings)
    pushed, pulled = flow.sample(x), flow.inverse(x)[0]
    left = [flow.inverse(pushed)[0], flow.sample(pulled), to_normal(couplings, pushed)[0]]
    left.append(from_normal(couplings, pulled)[0])
    there, back = to_normal(couplings, pushed)[2], from_normal(couplings, pulled)[1]
    return Sides([np.stack(left)], [np.stack([x] * 4)], formula=[np.stack([there, back] * 2)])


@theorem(DINH, "pointwise", flow_and_points, about="RealNVP.inverse RealNVP.sample")
def flows_by_hand(impl, couplings, x):
    r"""Both maps scale and shift each coordinate as the formula says.

    x_j \mapsto (x_j - t_j) e^{-s_j} \text{ and } z_j \mapsto z_j e^{s_j} + t_j,\
    s \text{ and } t \text{ of the coordinates that stay}"""
    flow = impl.RealNVP(couplings)
    (z, _, size_z), (y, size_y) = to_normal(couplings, x), from_normal(couplings, x)
    return Sides([np.stack([flow.inverse(x)[0], flow.sample(x)])], [np.stack([z, y])], formula=[[size_z, size_y]])


@theorem(DINH + "; Gao et al. 2020, section 3.2", "pointwise", flow_and_points, about="RealNVP.inverse")
def log_determinant_is_that_of_the_jacobian(impl, couplings, x):
    r"""The log-determinant that the inverse returns is that of the full Jacobian, by hand.

    -\textstyle\sum_j s_j = \log|\det \partial T^{-1}(x)/\partial x|"""
    return Sides([impl.RealNVP(couplings).inverse(x)[1]], [np.linalg.slogdet(to_normal(couplings, x)[1])[1]])


@theorem(
    DINH + "; Stanford CS236, score matching for autoregressive and flow models",
    "pointwise",
    flow_and_points,
    about="RealNVP.log_prob",
)
def density_of_a_flow_by_change_of_variables(impl, couplings, x):
    r"""The log-density follows by change of variables, and the energy of the model kind `flow` is its negative.

    \log p(x) = \log \mathcal N(T^{-1}(x); 0, I) + \log|\det \partial T^{-1}(x)/\partial x|"""
    z, jacobian, _ = to_normal(couplings, x)
    energy = impl.energy(Model("flow", {"couplings": couplings}))
    normal = [-0.5 * z_j**2 - 0.5 * LOG_2PI for z_j in z.T]
    by_hand = [*normal, np.linalg.slogdet(jacobian)[1]]
    return Sides(
        [np.stack([impl.RealNVP(couplings).log_prob(x), -energy(x)])], [np.stack([term, term]) for term in by_hand]
    )


def small_flow(draw: Draw) -> dict:
    """A flow in the plane: two couplings with one hidden unit each, which stretch by at most 1.7."""
    layers = [
        (
            (draw.reals((2, 1), -0.6, 0.6), draw.reals((1,), -0.6, 0.6)),
            (draw.reals((1, 4), -0.4, 0.4), draw.reals((4,), -0.2, 0.2)),
        )
        for _ in range(2)
    ]
    return {"couplings": tuple(layers)}


@theorem(DINH, "quadrature", small_flow, about="RealNVP.log_prob")
def density_of_a_flow_is_the_law_of_its_sample(impl, couplings):
    r"""The density integrates to one, and its moments are those of T(z) with unit normal z and T by hand.

    \int p(x)\, h(x)\, dx = \mathbb E_z[h(T(z))],\ h = 1, x, |x|^2"""
    wide = Gaussian(np.zeros(2), 3.0)

    def moments(x):
        return np.column_stack([np.ones(len(x)), x, np.sum(x**2, axis=1)])

    def weighted(x):
        ratio = np.exp(impl.RealNVP(couplings).log_prob(x) - wide.log_prob(x))
        return ratio[:, None] * moments(x)

    left, change = expect([weighted], wide)
    right, other = expect([lambda z: moments(from_normal(couplings, z)[0])], standard_normal(2))
    return Sides(left, right, max(change, other))
