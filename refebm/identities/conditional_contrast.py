r"""Theorems about conditional noise contrast, with noise drawn around each data point."""

import numpy as np

from refebm.identities import Draw, Limit, Sides, expect, theorem
from refebm.identities.bits import all_bits
from refebm.identities.contrast import CONDITIONAL, coefficient_of_order_four
from refebm.identities.draw import SMOOTH_ENERGIES
from refebm.identities.rules import normal
from refebm.identities.wells import IN_THE_PLANE, place_in_the_plane
from refebm.models import Model
from refebm.truth.densities import Gaussian, standard_normal


def rows_and_conditional_noise(draw: Draw) -> dict:
    d, nu = draw.count(1, 4), draw.count(1, 4)
    return {
        "model": draw.model(d, SMOOTH_ENERGIES),
        "x": draw.reals((3, d), -2, 2),
        "y": draw.reals((nu, 3, d), -2, 2),
        "log_ratio": draw.choice((None, draw.reals((nu, 3), -2, 2))),
    }


@theorem(CONDITIONAL + ", eqs. 9 and 10", "pointwise", rows_and_conditional_noise)
def conditional_contrast_by_hand(impl, model, x, y, log_ratio):
    r"""The loss is twice the mean logistic loss over the noise points, and the normaliser cancels in it.

    \tfrac{2}{\nu} \sum_j \log(1 + e^{-G_j}),\ e^{G_j} = \frac{e^{-E(x)}\, p_c(y_j|x)}{e^{-E(y_j)}\, p_c(x|y_j)}"""
    ratios = np.zeros(y.shape[:2]) if log_ratio is None else log_ratio
    rows = impl.conditional_noise_contrastive(impl.energy(model), x, y, *([] if log_ratio is None else [log_ratio]))
    return Sides([rows], [2 * np.log1p(np.exp(model(x) - model(y_j) - r)) / len(y) for y_j, r in zip(y, ratios)])


def classifiers(best, mine):
    """The two terms of 2 KL(D*|D), where D* = sigmoid(best) and D = sigmoid(mine)."""
    kinds = [(-np.logaddexp(0, -sign * best), -np.logaddexp(0, -sign * mine)) for sign in (1, -1)]
    return [2 * np.exp(a) * (a - b) for a, b in kinds]


def conditional_noise(draw: Draw) -> dict:
    """Data and model on the line, with noise y = x + eps z, or y = rho x + eps z, which is not symmetric.

    told: whether the loss is given the log ratio log p_c(y|x)/p_c(x|y).
    """
    return {
        "p": Gaussian(draw.real(-1, 1), draw.real(0.6, 1.4)),
        "q": Gaussian(draw.real(-0.5, 1.5), draw.real(0.8, 1.6)),
        "eps": draw.real(0.6, 1.0),
        "rho": draw.choice((1.0, draw.real(0.6, 0.9))),
        "told": True,
    }


def asymmetric():
    return {"p": Gaussian(0.3, 0.8), "q": Gaussian(0.0, 1.2), "eps": 0.8, "rho": 0.5, "told": False}


@theorem(
    CONDITIONAL,
    "quadrature",
    conditional_noise,
    outside={"noise that is not symmetric, without its log ratio": asymmetric},
)
def conditional_contrast_is_least_at_the_truth(impl, p, q, eps, rho, told):
    r"""A wrong model's loss exceeds the truth's by a KL divergence between classifiers of which point came first.

    \mathbb E\ell(q) = \mathbb E\ell(p) + 2\, \mathbb E_{x, y} KL(D^*|D),\
    D = \tfrac{q(x) p_c(y|x)}{q(x) p_c(y|x) + q(y) p_c(x|y)},\ D^* \text{ with } p \text{ for } q"""

    def pairs(w):
        x, z = w[:, :1], w[:, 1:]
        y = rho * x + eps * z
        return x, y, 0.5 * ((x - rho * y) ** 2 - (y - rho * x) ** 2)[:, 0] / eps**2

    def loss(density):
        energy = impl.energy(Model("quadratic", {"mean": density.mean, "precision": density.precision}))

        def of(w):
            x, y, ratio = pairs(w)
            return impl.conditional_noise_contrastive(energy, x, y[None], *([ratio[None]] if told and rho != 1 else []))

        return of

    def odds(density, w):
        x, y, ratio = pairs(w)
        return density.log_prob(x) - density.log_prob(y) + ratio

    joint = Gaussian([p.mean[0], 0.0], np.diag([p.cov[0, 0], 1.0]))

    def excess(w):
        return np.stack(classifiers(odds(p, w), odds(q, w)), axis=1)

    (away, here, right), change = expect([loss(q), loss(p), excess], joint)
    return Sides([away], [here, *right.T], change)


def machines_and_moves(draw: Draw) -> dict:
    """Two Boltzmann machines; `ups`: how often in three draws a chosen bit is set to one, or 0: it is flipped."""
    d = draw.count(1, 4)
    p, q = (draw.model(d, ("binary_rbm",)) for _ in range(2))
    q.parameters["b"][0] += 1.0
    return {"p": p, "q": q, "ups": draw.count(0, 2)}


def moves(x, ups):
    """The equally probable moves of each state, y (nu, n, d), and log p_c(y|x)/p_c(x|y), (nu, n)."""
    one = np.eye(x.shape[1])[:, None, :]
    if ups == 0:
        return np.abs(x - one), np.zeros((len(one), len(x)))
    y = np.concatenate([np.maximum(x, one)] * ups + [np.minimum(x, 1 - one)] * (3 - ups))
    return y, np.sum(y - x, axis=2) * np.log(ups / (3 - ups))


@theorem(CONDITIONAL, "enumeration", machines_and_moves)
def conditional_contrast_of_bits(impl, p, q, ups):
    r"""For bits too, a wrong model's loss exceeds the truth's by a KL divergence, whether moves are symmetric or not.

    \mathbb E\ell(q) = \mathbb E\ell(p) + 2\, \mathbb E_{x, y} KL(D^*|D)"""
    x = all_bits(p.d)
    y, ratio = moves(x, ups)
    weights = np.exp(-p(x)) / np.sum(np.exp(-p(x)))
    here, away = (impl.conditional_noise_contrastive(impl.energy(m), x, y, ratio) for m in (p, q))
    odds = [np.stack([m(y_j) - m(x) for y_j in y]) + ratio for m in (p, q)]
    right = [weights * np.mean(term, axis=0) for term in classifiers(*odds)]
    return Sides([weights * away], [weights * here, *right])


@theorem(CONDITIONAL + ", connection to score matching", "limit", place_in_the_plane, cases=IN_THE_PLANE)
def conditional_contrast_is_implicit_score_matching(impl, wells, x, v):
    r"""For noise y = x + eps z the loss is a constant plus eps^2/2 times implicit score matching, up to order eps^4.

    \mathbb E_z \ell - 2 \log 2 - \tfrac{\epsilon^2}{2} ISM
    = \epsilon^4\, \mathbb E_z[\tfrac{E_1 E_3}{12} - \tfrac{E_4}{24} + \tfrac{E_2^2}{16} - \tfrac{E_1^4}{96}]
    + O(\epsilon^6)"""
    z, weights = normal(len(x))
    slopes = wells.along(x, z)
    coefficient = weights @ coefficient_of_order_four(*slopes)
    implicit = weights @ (0.5 * slopes[0] ** 2 - slopes[1])
    energy, steps = impl.energy(wells.model), 0.1 * 0.5 ** np.arange(1, 6)

    def loss(eps):
        (mean,) = expect(
            [lambda z: impl.conditional_noise_contrastive(energy, x + 0 * z, (x + eps * z)[None]) - 2 * np.log(2)],
            standard_normal(len(x)),
        ).value
        return mean

    return Limit(steps, [loss(eps) - 0.5 * eps**2 * implicit for eps in steps], 4, coefficient)
