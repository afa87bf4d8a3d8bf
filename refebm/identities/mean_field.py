r"""Theorems about mean-field contrastive divergence, by enumeration of the states of both layers."""

import autograd.numpy as anp
import numpy as np
import scipy

from refebm.identities import Draw, Sides, theorem
from refebm.identities.bits import all_bits
from refebm.identities.notation import EITHER_SIGN
from refebm.identities.parameters import gradient_of
from refebm.identities.rbm import energies, joint, machine, units
from refebm.models import Model

WELLING = "Welling and Hinton 2002, section"


def bernoulli(means: np.ndarray) -> np.ndarray:
    """The probabilities (n, 2^d) of all states of a layer, in the order of `all_bits`, from the means of its units."""
    states = all_bits(means.shape[1])[None]
    return np.prod(np.where(states == 1, means[:, None], 1 - means[:, None]), axis=2)


def machine_and_means(draw: Draw) -> dict:
    model = machine(draw, "binary_rbm", draw.count(1, 4))
    d, m = model.parameters["W"].shape
    return {"model": model, "v": draw.reals((1, d), 0.02, 0.98), "h": draw.reals((1, m), 0.02, 0.98)}


@theorem(WELLING + " 3", "enumeration", machine_and_means, cancels=EITHER_SIGN)
def mean_field_free_energy_is_a_divergence(impl, model, v, h):
    r"""The mean-field free energy exceeds -log Z by the KL divergence of a product of Bernoulli laws from the machine.

    F_{MF}(v, h) + \log Z = KL\big(\textstyle\prod_i \mathrm{Bernoulli}(v_i) \prod_j \mathrm{Bernoulli}(h_j)
    \,\big|\, p_\theta\big)"""
    q = bernoulli(v)[0][:, None] * bernoulli(h)[0]
    e = energies(model, all_bits(model.d), all_bits(h.shape[1]))
    log_z = float(scipy.special.logsumexp(-e))
    left = float(impl.mean_field_free_energy(impl.rbm(model), v, h)[0])
    return Sides([left, log_z], [scipy.special.xlogy(q, q).ravel(), -(q * np.log(joint(model))).ravel()])


def free_energies(model: Model, v: np.ndarray) -> np.ndarray:
    """F(v) = -log sum_h exp(-E(v, h)), (n,), by enumeration; v may be means."""
    return -scipy.special.logsumexp(-energies(model, v, all_bits(len(model.parameters["c"]))), axis=1)


def entropies(p: np.ndarray) -> np.ndarray:
    return -np.sum(scipy.special.xlogy(p, p) + scipy.special.xlogy(1 - p, 1 - p), axis=1)


def settling(model: Model, x: np.ndarray, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The means of both layers after n_steps updates, by hand."""
    b, c, W = (model.parameters[name] for name in ("b", "c", "W"))
    h = scipy.special.expit(c + x @ W)
    for _ in range(n_steps):
        x = scipy.special.expit(b + h @ W.T)
        h = scipy.special.expit(c + x @ W)
    return x, h


@theorem(
    WELLING + " 3",
    "pointwise",
    machine_and_means,
    about="mean_field_free_energy BinaryRBM.free_energy",
    cancels=EITHER_SIGN,
)
def best_hidden_means_sum_the_hidden_units_out(impl, model, v, h):
    r"""At the best hidden means the mean-field free energy is the free energy at the means v minus their entropy.

    F_{MF}(v, \mathbb E[h \mid v]) = F(v) - H(v),\ F(v) = -\log \sum_h e^{-E(v, h)}"""
    rbm, best = impl.rbm(model), settling(model, v, 0)[1]
    left = np.stack([impl.mean_field_free_energy(rbm, v, best), rbm.free_energy(v)])
    size = np.max(np.abs(energies(model, v, all_bits(h.shape[1]))), axis=1) + np.sum(h**0, axis=1)
    return Sides(
        [left], [np.stack([f := free_energies(model, v), f]), np.stack([-entropies(v), 0 * f])], formula=[size]
    )


def machine_data_and_updates(draw: Draw) -> dict:
    model = machine(draw, "binary_rbm", draw.count(1, 4))
    return {"model": model, "x": units(draw, 3, model.d), "n_steps": draw.count(1, 5)}


@theorem(WELLING + " 4", "pointwise", machine_data_and_updates, cancels=EITHER_SIGN)
def mean_field_contrast_by_hand(impl, model, x, n_steps):
    r"""Each row is a difference of free energies plus the entropy of the visible means after the updates.

    F(x) - F(v_k) + H(v_k)"""
    v, h = settling(model, x, n_steps)
    rows = impl.mean_field_contrastive_divergence(impl.rbm(model), x, n_steps)
    b, c, W = (np.abs(model.parameters[name]) for name in ("b", "c", "W"))
    formula = [np.sum(b) + np.sum(c) + np.sum(W) + entropies(v) + entropies(h) + 0 * rows]
    return Sides([rows], [free_energies(model, x), -free_energies(model, v), entropies(v)], formula=formula)


@theorem(WELLING + " 4", "pointwise", machine_data_and_updates, cancels=EITHER_SIGN)
def mean_field_contrast_has_two_phases(impl, model, x, n_steps):
    r"""The gradient is a difference of two phases with the means of both layers, treated as constants.

    \nabla_W = -x\, h_0^\top + v_k\, h_k^\top,\ \nabla_b = v_k - x,\ \nabla_c = h_k - h_0"""
    gradient = gradient_of(
        lambda model: anp.mean(impl.mean_field_contrastive_divergence(impl.rbm(model), x, n_steps)), model
    )

    def phase(v, h):
        return np.concatenate([(v[:, :, None] * h[:, None, :]).reshape(len(v), -1), v, h], axis=1) / len(v)

    return Sides([gradient], [*-phase(*settling(model, x, 0)), *phase(*settling(model, x, n_steps))])


@theorem(WELLING + " 4", "pointwise", machine_data_and_updates)
def mean_field_contrast_grows_with_its_steps(impl, model, x, n_steps):
    r"""No update raises the variational free energy, so the loss is never negative and never falls with k.

    0 \le L_1 \le L_2 \le \dots,\ L_k = F_{MF}(x, h_0) - F_{MF}(v_k, h_k)"""
    rbm = impl.rbm(model)
    losses = [impl.mean_field_contrastive_divergence(rbm, x, k) for k in range(1, n_steps + 1)]
    scale = np.sum(np.abs(model.parameters["W"])) + model.d
    return Sides([np.stack([0 * losses[0], *losses[:-1]])], [np.stack(losses)], inequality=True, formula=[scale])
