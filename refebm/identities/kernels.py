"""Kernels by hand: their proposals, and the terms of the log of the Metropolis-Hastings ratio.

In plain NumPy, from energies, scores and Jacobians in closed form. All kernels have the same two forms:
``kernel(impl, model, x, sizes, z, u)`` runs the one under test, ``kernel_by_hand(model, x, sizes, z)`` the one written
here. In Hamiltonian Monte Carlo z is the momentum.
"""

from typing import NamedTuple

import numpy as np

from refebm.identities.draw import SMOOTH_ENERGIES, Draw
from refebm.identities.notation import half_square
from refebm.identities.wells import Wells
from refebm.truth.derivatives import jacobian_size, network_derivatives, score_and_jacobian

SEEN = 1e-300  # a u below every acceptance probability that occurs here: the step returns its proposal
HIGHEST = 1 - 2.0**-30  # a u above every acceptance probability that occurs here, except 1


class Proposal(NamedTuple):
    """The proposed states x', (n, d), and the terms of log p(x') q(x|x')/(p(x) q(x'|x)), (n,) each.

    size: the size of the terms of x', (n, d). carried: the error in the log ratio that an error of that size in x'
    causes, (n,).
    """

    x: np.ndarray
    log_ratio: list[np.ndarray]
    size: np.ndarray
    carried: np.ndarray

    @property
    def acceptance(self) -> np.ndarray:
        """min(1, ratio), (n,)."""
        return np.exp(np.minimum(0, sum(self.log_ratio)))

    def outcome(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """What a step returns: the new states and the acceptance probability as columns, (n, d + 1)."""
        return answered(np.where((u < self.acceptance)[:, None], self.x, x), self.acceptance)

    @property
    def ratio_size(self) -> np.ndarray:
        """The size of the terms of the log ratio, (n,)."""
        return sum(map(np.abs, self.log_ratio)) + self.carried

    @property
    def sizes(self) -> np.ndarray:
        """The size of the terms of an outcome; an error of the log ratio is a relative error of the acceptance."""
        return answered(self.size, self.acceptance * self.ratio_size)


def answered(x, acceptance):
    """New states and acceptance probability, as columns."""
    return np.column_stack([x, acceptance])


def absolute_dot(a, b):
    """sum_i |a_i b_i| of each pair of rows."""
    return np.sum(np.abs(a * b), axis=1)


def energy_by_hand(model, x):
    """E(x), in closed form."""
    return ENERGIES[model.kind](x, **model.parameters)


def _spring(x, mean, precision):
    return 0.5 * np.einsum("ni,ij,nj->n", x - mean, precision, x - mean)


def _mixture(x, logits, means, precisions):
    exponents = logits - np.stack([_spring(x, *well) for well in zip(means, precisions)], axis=1)
    top = np.max(exponents, axis=1)
    return -top - np.log(np.sum(np.exp(exponents - top[:, None]), axis=1))


ENERGIES = {
    "quadratic": _spring,
    "mixture": _mixture,
    "mlp_energy": lambda x, precision, layers: precision * half_square(x) + network_derivatives(layers, x)[0][:, 0],
    "gamma": lambda x, shape, rate: np.sum((1 - shape) * np.log(x) + rate * x, axis=1),
}


def score_by_hand(model, x):
    """s(x), in closed form."""
    return score_and_jacobian(model, x)[0]


def leapfrog_by_hand(model, x, p, eps, n_steps, sizes=None):
    """x and p after n_steps of half a step in p, a step in x, half a step in p; and the sizes of both.

    sizes: bounds of the terms that were added up, carried on through the Jacobians as rounding errors are.
    """
    size_x, size_p = sizes or (np.abs(x), np.abs(p))
    for _ in range(n_steps):
        p, size_p = _kick(model, x, p, 0.5 * eps, size_x, size_p)
        x, size_x = x + eps * p, size_x + eps * size_p
        p, size_p = _kick(model, x, p, 0.5 * eps, size_x, size_p)
    return x, p, (size_x, size_p)


def _kick(model, x, p, step, size_x, size_p):
    s, curved = score_by_hand(model, x), np.einsum("nij,nj->ni", jacobian_size(model, x), size_x)
    return p + step * s, size_p + step * (np.abs(s) + curved)


def walk(impl, model, x, sizes, z, u):
    return impl.metropolis_step(impl.energy(model), x, sizes["scale"], z, u)


def walk_by_hand(model, x, sizes, z):
    """The random-walk proposal x + scale z."""
    there = x + sizes["scale"] * z
    terms = [energy_by_hand(model, x), -energy_by_hand(model, there)]
    size = np.abs(x) + np.abs(sizes["scale"] * z)
    return Proposal(there, terms, size, absolute_dot(score_by_hand(model, there), size))


def mala(impl, model, x, sizes, z, u):
    return impl.mala_step(impl.energy(model), x, sizes["eta"], z, u)


def mala_by_hand(model, x, sizes, z):
    """The Langevin proposal: q(x'|x) is normal with mean x + eta s(x) and covariance 2 eta I."""
    eta = sizes["eta"]
    s, curved = score_by_hand(model, x), np.einsum("nij,nj->ni", jacobian_size(model, x), np.abs(x))
    there = x + eta * s + np.sqrt(2 * eta) * z
    s_there, size = score_by_hand(model, there), np.abs(x) + eta * (np.abs(s) + curved) + np.abs(there)
    back, forth = x - there - eta * s_there, there - x - eta * s
    terms = [-half_square(back) / (2 * eta), half_square(forth) / (2 * eta)]
    terms += [energy_by_hand(model, x), -energy_by_hand(model, there)]
    return Proposal(there, terms, size, absolute_dot(s_there, size) + absolute_dot(back, size) / (2 * eta))


def hmc(impl, model, x, sizes, p, u):
    return impl.hmc_step(impl.energy(model), x, sizes["eps"], sizes["n_steps"], p, u)


def hmc_by_hand(model, x, sizes, p):
    """The end of a leapfrog path; the ratio is that of exp(-H)."""
    end, p_end, (size_x, size_p) = leapfrog_by_hand(model, x, p, sizes["eps"], sizes["n_steps"])
    terms = [energy_by_hand(model, x), half_square(p), -energy_by_hand(model, end), -half_square(p_end)]
    return Proposal(end, terms, size_x, absolute_dot(score_by_hand(model, end), size_x) + absolute_dot(p_end, size_p))


WITH_METROPOLIS = ((walk, walk_by_hand), (mala, mala_by_hand), (hmc, hmc_by_hand))
NAMES = "metropolis_step mala_step hmc_step"


def step_sizes(draw: Draw) -> dict:
    """Step sizes for all kernels, small enough that no acceptance probability underflows."""
    return {
        "scale": draw.real(0.3, 1.5),
        "eta": draw.real(0.02, 0.2),
        "eps": draw.real(0.1, 0.4),
        "n_steps": draw.count(1, 3),
    }


def chains(draw: Draw, most: int = 3, kinds=SMOOTH_ENERGIES) -> dict:
    """A model, the states of two chains, step sizes, and noise."""
    d = draw.count(1, most)
    case = {"model": draw.model(d, kinds), "sizes": step_sizes(draw)}
    return case | {"x": draw.reals((2, d), -2, 2), "z": draw.reals((2, d), -2, 2)}


def chains_and_u(draw: Draw) -> dict:
    return chains(draw) | {"u": draw.reals((2,), 0.02, 0.98)}


def near(acceptance, above, margin=2.0**-20):
    """u just below the acceptance a, a(1 - margin), or just above it, a + margin (1 - a)."""
    u = np.where(above, acceptance + margin * (1 - acceptance), acceptance * (1 - margin))
    return np.clip(u, SEEN, HIGHEST)


def leapfrog_error(wells: Wells, x, p) -> float:
    """The eps^3 coefficient of the change of H in a leapfrog step: 1/4 E''[p, grad E] - 1/12 E'''[p, p, p]."""
    return float((wells.second(x, p, wells.gradient(x)) / 4 - wells.along(x, p)[2] / 12)[0])
