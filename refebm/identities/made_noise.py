r"""Theorems about noise that a flow makes, and about mixtures of two noises."""

import numpy as np

from refebm.identities import Draw, Sides, expect, theorem
from refebm.identities.contrast import blend, energy_of, log_density, other, spring
from refebm.identities.notation import EITHER_SIGN
from refebm.identities.real_nvp import from_normal, small_flow
from refebm.models import Model
from refebm.truth.densities import Gaussian, GaussianMixture, standard_normal


def data_and_flow(draw: Draw) -> dict:
    return small_flow(draw) | {"p": Gaussian(draw.reals((2,), -0.5, 1.0), draw.covariance(2))}


@theorem(
    "Gao et al. 2020, flow contrastive estimation; Stanford CS236, flow contrastive estimation",
    "quadrature",
    data_and_flow,
    about="noise_contrastive RealNVP.sample",
)
def best_contrast_with_a_flow_is_jensen_shannon(impl, couplings, p):
    r"""Against noise from a flow q, the least loss of the classifier is 2 log 2 - 2 JS(p, q), which the flow maximises.

    \min_\theta \mathbb E\ell = 2 \log 2 - KL(p|m) - KL(q|m),\ m = \tfrac12(p + q)"""
    q, flow = Model("flow", {"couplings": couplings}), impl.RealNVP(couplings)
    model, noise = impl.energy(spring(GaussianMixture([1.0], p.mean[None], p.cov[None]))), impl.energy(log_density(q))

    def rows(z):  # a row is a function of x plus a function of y, so the same z may generate both
        return impl.noise_contrastive(model, noise, p.substitute(z)[0], flow.sample(z)[None])

    def log_ratios(z):
        x, y = p.substitute(z)[0], from_normal(couplings, z)[0]
        by_p, by_q = (np.split(f(np.concatenate([x, y])), 2) for f in (p.log_prob, lambda at: -q(at)))
        log_m = [np.logaddexp(*pair) - np.log(2) for pair in zip(by_p, by_q)]
        return np.stack([log_m[0] - by_p[0], log_m[1] - by_q[1]], axis=1)

    (left, right), change = expect([rows, log_ratios], standard_normal(2))
    return Sides([left], [2 * np.log(2), *right.T], change)


def mixed(draw: Draw) -> dict:
    d = draw.count(1, 3)
    kinds = ("quadratic", "mixture", "mlp_energy")
    return {
        "noise": log_density(draw.model(d, kinds), draw.real(-2, 2)),
        "proposal": log_density(draw.model(d, kinds), draw.real(-2, 2)),
        "weight": draw.real(0.1, 0.9),
        "x": draw.reals((3, d), -2, 2),
    }


@theorem("Bose, Ling and Cao 2018, eq. 4", "pointwise", mixed, cancels=EITHER_SIGN)
def mixed_noise_by_hand(impl, noise, proposal, weight, x):
    r"""The mixed noise is the logarithm of the mixture of the two densities.

    \log[(1 - w)\, p_n(x) + w\, q(x)] = \log p_n + \log(1 - w + w\, q/p_n)"""
    mixture = impl.mixed_noise(impl.energy(noise), impl.energy(proposal), weight)
    first, second = noise(x), proposal(x)
    return Sides([mixture(x)], [first, np.log(1 - weight + weight * np.exp(second - first))])


def two_noises(draw: Draw) -> dict:
    d = draw.dimension()
    return {"noise": other(draw, d), "proposal": other(draw, d), "weight": draw.real(0.1, 0.9)}


def rare_proposal(draw: Draw) -> dict:
    """A proposal with a weight of 2^-45 to 2^-27."""
    d, weight = draw.count(1, 3), draw.real(1, 2) * 2.0 ** -draw.count(28, 45)
    return {"weight": weight, "depth": draw.real(800, 1000), "gap": draw.real(-5, 5), "x": np.zeros((1, d))}


@theorem("Bose, Ling and Cao 2018, eq. 4", "pointwise", rare_proposal)
def mixed_noise_of_a_rare_proposal(impl, weight, depth, gap, x):
    r"""The mixture keeps full precision where both densities underflow, and where only a tiny weight is missing from 1.

    p_n = e^{-a},\ q = \tfrac{1 - w}{w} e^{-a - g}:\ -a + \log(1 - w) + \log(1 + e^{-g});\
     p_n = 1,\ q = 0:\ \log(1 - w) = -w - \tfrac12 w^2 - \dots"""
    flat = Model("quadratic", {"mean": 0 * x[0], "precision": np.zeros((x.shape[1],) * 2)})
    odds = np.log1p(-weight) - np.log(weight)

    def mixture(noise, proposal):
        models = log_density(flat, noise), log_density(flat, proposal)
        return impl.mixed_noise(*map(impl.energy, models), weight)(x)[0]

    left = [mixture(depth, depth + gap - odds), mixture(0.0, 2000.0)]
    first, second = np.array([-depth, 0.0]), np.array([np.log1p(np.exp(-gap)), 0.0])
    return Sides([np.array(left)], [first, second, np.full(2, -weight), np.full(2, -(weight**2) / 2)])


@theorem("Bose, Ling and Cao 2018, eq. 4", "quadrature", two_noises, plane=True)
def mixed_noise_is_normalised(impl, noise, proposal, weight):
    r"""The mixture integrates to one, and its moments are the weighted moments of both parts.

    \int [(1 - w) p_n + w q]\, h = (1 - w)\, \mathbb E_{p_n} h + w\, \mathbb E_q h,\ h = 1, x, |x|^2"""
    models = (log_density(energy_of(f)) for f in (noise, proposal))
    mixture, even = impl.mixed_noise(*map(impl.energy, models), weight), blend(noise, proposal, 1)

    def moments(x):
        return np.column_stack([np.ones(len(x)), x, np.sum(x**2, axis=1)])

    left, change = expect([lambda x: np.exp(mixture(x) - even.log_prob(x))[:, None] * moments(x)], even)
    (of_noise,), other_change = expect([moments], noise)
    (of_proposal,), third = expect([moments], proposal)
    return Sides(left, [(1 - weight) * of_noise, weight * of_proposal], max(change, other_change, third))
