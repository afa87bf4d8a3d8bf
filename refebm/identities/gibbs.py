r"""Theorems about block Gibbs sampling, by enumeration of the states.

The probability that the step under test gives a unit is found by bisection: it is the u below which the unit is 1.
"""

from collections.abc import Callable

import numpy as np

from refebm.identities import Draw, Sides, expect, theorem
from refebm.identities.bits import all_bits
from refebm.identities.notation import EITHER_SIGN
from refebm.identities.parameters import density_of
from refebm.identities.rbm import joint, machine, units
from refebm.models import Model

GIBBS = "Hinton 2002, section 3; Stanford CS236, sampling from energy-based models (Gibbs)"
LOW, HIGH = 2.0**-1000, 1 - 2.0**-53  # u at the ends of (0, 1): LOW makes a unit 1, HIGH makes it 0
HALVINGS = 50
NEAR = 1e-9


def thresholds(one: Callable, shape: tuple[int, ...]) -> np.ndarray:
    """For each entry, the u below which one(u) is true, to within 2^-51."""
    low, high = np.zeros(shape), np.ones(shape)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        below = one(middle)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)


def forcing(h: np.ndarray) -> np.ndarray:
    """The u_h that makes the hidden units equal h."""
    return np.where(h == 1, LOW, HIGH)


def chances(p: np.ndarray, states: np.ndarray) -> np.ndarray:
    """The probability (n, k) of each of k states (k, m) of m units that are 1 with probabilities p (n, m)."""
    return np.prod(np.where(states == 1, p[:, None, :], 1 - p[:, None, :]), axis=2)


def hidden_chances(step: Callable, v: np.ndarray, m: int, seen: Callable) -> np.ndarray:
    """p(h|v), (n, 2^m), of a step(v, u_h) under test, from one hidden unit at a time with the others at 0.

    seen: from the new states (m, n, d), tells whether the hidden unit of the first axis is 1.
    """
    own, everywhere = np.eye(m, dtype=bool)[:, None, :], np.tile(v, (m, 1))

    def one(u):
        u_h = np.where(own, u[:, :, None], HIGH).reshape(-1, m)
        return seen(step(everywhere, u_h).reshape(m, len(v), -1))

    return chances(thresholds(one, (m, len(v))).T, all_bits(m))


def executed(impl, model: Model) -> tuple[np.ndarray, np.ndarray]:
    """p(h|v) (2^d, 2^m) and p(v|h) (2^m, 2^d) of the step under test, for a binary machine.

    The state of a hidden unit is read off the visible unit that it changes most.
    """
    rbm, d, m = impl.rbm(model), model.d, len(model.parameters["c"])
    v, h = all_bits(d), all_bits(m)

    def visible(u):
        return impl.gibbs_step(rbm, np.zeros((len(h), d)), forcing(h), u).x == 1

    down = thresholds(visible, (len(h), d))
    off, on = down[0], down[2 ** np.arange(m)]
    by, each = np.argmax(np.abs(on - off), axis=1), np.arange(m)
    between = np.repeat(0.5 * (on + off)[each, by], len(v))[:, None] * np.ones(d)
    up = hidden_chances(
        lambda v, u_h: impl.gibbs_step(rbm, v, u_h, between).x,
        v,
        m,
        lambda x: (x[each, :, by] == 1) == (on > off)[each, by][:, None],
    )
    return up, chances(down, v)


def characters(k: int) -> np.ndarray:
    """All products of the signs of k units, at all states: (2^k states, 2^k products)."""
    return (-1.0) ** (all_bits(k) @ all_bits(k).T)


def a_machine(draw: Draw) -> dict:
    """A machine in which each hidden unit has a nonzero coupling; else its state could not be seen after a step."""
    d = draw.count(1, 3)
    model = machine(draw, "binary_rbm", d, draw.count(1, 5 - d))
    for j in range(len(model.parameters["c"])):
        model.parameters["W"][j % d, j] = draw.choice((1.0, -1.0)) * draw.real(0.5, 1.5)
    return {"model": model}


@theorem(GIBBS, "enumeration", a_machine, cancels=EITHER_SIGN)
def gibbs_leaves_both_layers_invariant(impl, model):
    r"""A sweep leaves the joint density of both layers invariant, and therefore that of the visible units.

    \sum_{v} p(v)\, p(h' \mid v)\, p(v' \mid h') = p(v', h')"""
    p = joint(model)
    up, down = executed(impl, model)
    flow = np.sum(p, axis=1)[:, None, None] * up[:, :, None] * down
    signs = characters(int(np.log2(p.size)))
    both = np.swapaxes(flow, 1, 2).reshape(len(p), -1)
    return Sides([(both[:, :, None] * signs).reshape(-1, p.size)], [p.ravel()[:, None] * signs])


@theorem(
    GIBBS,
    "enumeration",
    a_machine,
    cancels=EITHER_SIGN,
    outside={
        "the chain of both layers": lambda: {
            "model": Model("binary_rbm", {"b": np.ones(1), "c": -np.ones(1), "W": np.full((1, 1), 1.5)}),
            "both": True,
        }
    },
)
def chain_of_visible_units_is_reversible(impl, model, both=False):
    r"""The chain of the visible units is reversible; the chain of both layers, which updates h before v, is not.

    p(v)\, K(v, v') = p(v')\, K(v', v),\ K(v, v') = \sum_h p(h \mid v)\, p(v' \mid h)"""
    p = joint(model)
    up, down = executed(impl, model)
    flow = np.sum(p, axis=1)[:, None] * (up @ down)
    if both:
        flow = (p[:, :, None, None] * up[:, None, None, :] * down.T[None, None]).reshape(p.size, p.size)
    signs = characters(2 * int(np.log2(len(flow))))
    return Sides([flow.reshape(-1, 1) * signs], [flow.T.reshape(-1, 1) * signs])


def gaussian_machine(draw: Draw) -> dict:
    m = draw.count(1, 2)
    given = {"b": draw.reals((1,), -1, 1), "c": draw.reals((m,), -1, 1), "W": draw.reals((1, m), -1, 1)}
    return {"model": Model("gaussian_rbm", given | {"sigma": draw.real(0.7, 1.2)}), "y": draw.reals((3,), -2, 2)}


@theorem("Cho, Ilin and Raiko 2011, section 2", "quadrature", gaussian_machine)
def gibbs_leaves_gaussian_units_invariant(impl, model, y):
    r"""A step leaves the density of Gaussian visible units invariant.

    \int p(v)\, K(v, y)\, dv = p(y),\ K(v, y) = \sum_h p(h \mid v)\, \mathcal N(y; \mathbb E[v' \mid h], \sigma^2)"""
    rbm, h, p = impl.rbm(model), all_bits(len(model.parameters["c"])), density_of(model)

    def step(v, u_h, z):
        return impl.gibbs_step(rbm, v, u_h, z + 0 * v).x

    start = np.zeros((len(h), 1))
    means = step(start, forcing(h), 0.0)
    spreads = np.maximum(step(start, forcing(h), 1.0) - means, 1e-9)  # a step without noise has no density
    to_y = np.exp(-0.5 * ((y - means) / spreads) ** 2) / (np.sqrt(2 * np.pi) * spreads)

    off, on = means[0], means[2 ** np.arange(h.shape[1])][:, None]

    def kernel(v):
        up = hidden_chances(
            lambda v, u_h: step(v, u_h, 0.0), v, h.shape[1], lambda x: (np.abs(x - on) < np.abs(x - off))[:, :, 0]
        )
        return up @ to_y

    terms, change = expect([kernel], p)
    return Sides(terms, [np.exp(p.log_prob(y[:, None]))[None]], change)


def beside(a: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """u just below the probability sigmoid(a) where a unit should be 1, just above it where it should be 0."""
    return np.where(unit == 1, 1 - NEAR, 1 + NEAR) / (1 + np.exp(-a))


def start_and_end(draw: Draw, kind: str) -> dict:
    d = draw.count(1, 3)
    model, binary = machine(draw, kind, d), kind == "binary_rbm"
    return {
        "model": model,
        "v": units(draw, 3, d) if binary else draw.reals((3, d), -1, 1),
        "h": units(draw, 3, len(model.parameters["c"])),
        "end": units(draw, 3, d) if binary else draw.reals((3, d), -2, 2),
    }


@theorem(GIBBS, "pointwise", lambda draw: start_and_end(draw, "binary_rbm"))
def gibbs_step_of_binary_units_by_hand(impl, model, v, h, end):
    r"""A unit is 1 if its u is below its probability, first in the hidden layer and then in the visible one.

    h_j = [u_j < \operatorname{sigmoid}(c_j + \textstyle\sum_i v_i W_{ij})],
    \ v'_i = [u_i < \operatorname{sigmoid}(b_i + \sum_j W_{ij} h_j)]"""
    b, c, W = (model.parameters[name] for name in ("b", "c", "W"))
    return Sides([impl.gibbs_step(impl.rbm(model), v, beside(c + v @ W, h), beside(b + h @ W.T, end)).x], [end])


@theorem(
    "Cho, Ilin and Raiko 2011, section 2",
    "pointwise",
    lambda draw: start_and_end(draw, "gaussian_rbm"),
    cancels=EITHER_SIGN,
)
def gibbs_step_of_gaussian_units_by_hand(impl, model, v, h, end):
    r"""Hidden units follow their probabilities; Gaussian visible units are their mean plus noise of deviation sigma.

    v' = b + W h + \sigma z"""
    b, c, W, sigma = (model.parameters[name] for name in ("b", "c", "W", "sigma"))
    x = impl.gibbs_step(impl.rbm(model), v, beside(c + v @ W / sigma**2, h), end).x
    return Sides([x], [b + 0 * v, *(h.T[:, :, None] * W.T[:, None, :]), sigma * end])
