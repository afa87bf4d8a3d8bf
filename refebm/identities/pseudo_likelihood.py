r"""Theorems about pseudo-likelihood: its value, its minimum, and when it is the likelihood itself."""

import numpy as np

from refebm.identities import Draw, Sides, theorem
from refebm.identities.bits import all_bits, flips, law_and_energy, probabilities, unlikely_bits
from refebm.identities.notation import EITHER_SIGN
from refebm.identities.rbm import joint, machine
from refebm.models import Model

BESAG = "Besag 1975, section 2"


def conditionals(p, d):
    """p(x_i | the other bits), (2^d, d), from the probabilities p of all states."""
    return p[:, None] / (p[:, None] + p[flips(d)])


def a_machine(draw: Draw) -> dict:
    return {"model": machine(draw, "binary_rbm", draw.count(1, 4), draw.count(1, 3))}


@theorem(BESAG, "pointwise", a_machine)
def pseudo_likelihood_by_enumeration(impl, model):
    r"""Pseudo-likelihood is minus the sum of the log probabilities of each visible bit given the others.

    -\sum_i \log \frac{\sum_h p(x, h)}{\sum_h p(x, h) + \sum_h p(x^{-i}, h)}"""
    p = np.sum(joint(model), axis=1)
    rows = impl.pseudo_likelihood(impl.energy(model), all_bits(model.d))
    size = model.d * (1 + np.abs(np.log(p)))  # the size of the terms of the energies
    return Sides([rows], list(-np.log(conditionals(p, model.d)).T), formula=[size])


@theorem(f"{BESAG}; Hyvarinen 2006", "enumeration", law_and_energy)
def pseudo_likelihood_is_a_sum_of_divergences(impl, log_p, model):
    r"""The mean is a sum of KL divergences between conditional laws, plus entropies, and is least at the true energy.

    \mathbb E_p[\text{row}] = \sum_i \mathbb E\, KL(p(x_i | x_{-i}) \,|\, q(x_i | x_{-i}))
    - \sum_i \mathbb E_p \log p(x_i | x_{-i})"""
    p, d = probabilities(log_p), model.d
    e = model(all_bits(d))
    true, q = conditionals(p, d), 1 / (1 + np.exp(e[:, None] - e[flips(d)]))
    rows = p * impl.pseudo_likelihood(impl.energy(model), all_bits(d))
    divergences = (
        0.5 * (p[:, None] + p[flips(d)]) * (true * np.log(true / q) + (1 - true) * np.log((1 - true) / (1 - q)))
    )
    return Sides([rows], [*divergences.T, *(-p[:, None] * np.log(true)).T])


def bits_apart(draw: Draw) -> dict:
    d = draw.count(1, 4)
    return {"b": draw.reals((d,), -2, 2), "c": draw.reals((2,), -1, 1)}


@theorem(BESAG, "pointwise", bits_apart, cancels=EITHER_SIGN)
def of_independent_bits_it_is_the_likelihood(impl, b, c):
    r"""For independent bits, pseudo-likelihood is minus the log-likelihood.

    W = 0:\quad -\log p(x) = -b \cdot x + \sum_i \log(1 + e^{b_i})"""
    x = all_bits(len(b))
    apart = Model("binary_rbm", {"b": b, "c": c, "W": np.zeros((len(b), 2))})
    rows = impl.pseudo_likelihood(impl.energy(apart), x)
    formula = [len(b) * (np.sum(np.abs(b)) + np.sum(np.log1p(np.exp(c))))]
    return Sides([rows], [-x @ b, np.sum(np.log1p(np.exp(b))) + 0 * rows], formula=formula)


@theorem(BESAG, "pointwise", unlikely_bits)
def pseudo_likelihood_of_unlikely_bits(impl, biases):
    r"""For a bit with odds e^a against it, pseudo-likelihood is e^a if that is tiny, not zero, and a if that is huge.

    \log(1 + e^a) = e^a \text{ for } a \ll 0,\ a \text{ for } a \gg 0"""
    x, left = np.array([[0.0], [1.0]]), []
    for b in biases:
        one = Model("binary_rbm", {"b": np.array([b]), "c": np.zeros(1), "W": np.zeros((1, 1))})
        left.append(impl.pseudo_likelihood(impl.energy(one), x))
    against = [b * np.array([1.0, -1.0]) for b in biases]
    return Sides([np.stack(left)], [np.stack([np.where(a < 0, np.exp(np.minimum(a, 0)), a) for a in against])])
