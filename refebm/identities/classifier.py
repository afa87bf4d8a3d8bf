r"""Theorems about classifiers as energies: the joint density, its score, and classes with normal laws."""

import numpy as np

from refebm.identities import Draw, Sides, theorem
from refebm.identities.notation import EITHER_SIGN
from refebm.models import Model
from refebm.truth.densities import LOG_2PI, Gaussian, GaussianMixture
from refebm.truth.derivatives import score_and_jacobian

JEM = "Grathwohl et al. 2020"
BOTH = "classifier_energy class_log_probabilities"


def a_classifier(draw: Draw) -> dict:
    """Logits with as many classes as coordinates, and points."""
    d, n = draw.count(1, 4), 3
    return {"model": draw.model(d, ("mlp_score",)), "x": draw.reals((n, d), -3, 3)}


def summed(f):
    """log sum_y exp(f_y), (n,), one class after the other."""
    total = f[:, 0]
    for one in f.T[1:]:
        total = np.maximum(total, one) + np.log1p(np.exp(-np.abs(total - one)))
    return total


@theorem(f"{JEM}, eqs. 1 and 6", "pointwise", a_classifier, cancels=EITHER_SIGN)
def classifier_by_hand(impl, model, x):
    r"""The energy is minus the log-sum-exp of the logits, and the log probabilities are the logits plus the energy.

    E(x) = -\log \sum_y e^{f_y(x)},\ \log p(y | x) = f_y(x) - \log \sum_y e^{f_y(x)}"""
    logits, f = impl.score(model), score_and_jacobian(model, x)[0]
    both = [impl.classifier_energy(logits, x)[:, None], impl.class_log_probabilities(logits, x)]
    whole = -summed(f)[:, None]
    size = np.max(np.abs(f), axis=1, keepdims=True) + 1
    return Sides([np.hstack(both)], [np.hstack([whole, f]), np.hstack([0 * whole, whole + 0 * f])], formula=[size])


@theorem(f"{JEM}, eqs. 4 to 6", "pointwise", a_classifier, about=BOTH, cancels=EITHER_SIGN)
def classifier_is_a_joint_density(impl, model, x):
    r"""The log-density of x, -E(x), plus log p(y|x) is the logit f_y(x), and the class probabilities sum to 1.

    \log p(y | x) - E(x) = f_y(x),\ \sum_y p(y | x) = 1"""
    logits, f = impl.score(model), score_and_jacobian(model, x)[0]
    log_p, energy = impl.class_log_probabilities(logits, x), impl.classifier_energy(logits, x)[:, None]
    size = np.max(np.abs(f), axis=1, keepdims=True) + 1
    ones = np.sum(np.exp(log_p), axis=1, keepdims=True)
    left, right = [np.hstack([log_p, ones]), np.hstack([-energy + 0 * f, 0 * energy])], np.hstack([f, 1 + 0 * energy])
    return Sides(left, [right], formula=[size])


@theorem(f"{JEM}, section 3", "pointwise", a_classifier, about="classifier_energy", cancels=EITHER_SIGN)
def the_score_of_a_classifier_is_a_mean(impl, model, x):
    r"""The score is the mean of the gradients of the logits over the classes, with probabilities p(y|x).

    -\nabla E(x) = \sum_y p(y | x) \nabla f_y(x)"""
    logits = impl.score(model)
    left = impl.score_of(lambda x: impl.classifier_energy(logits, x))(x)
    f, slopes = score_and_jacobian(model, x)
    p = np.exp(f - summed(f)[:, None])
    return Sides([left], list(np.einsum("ny,nyi->yni", p, slopes)), formula=[np.sum(np.abs(slopes), axis=1)])


def a_linear_classifier(draw: Draw) -> dict:
    """Classes with normal laws that share a covariance, as many as there are coordinates; and points."""
    d, n = draw.count(2, 3), 3
    weights = draw.reals((d,), 0.2, 1.0)
    case = {"weights": weights / np.sum(weights), "means": draw.reals((d, d), -1.5, 1.5)}
    return case | {"cov": draw.covariance(d), "x": draw.reals((n, d), -3, 3)}


@theorem(f"{JEM}, section 3", "pointwise", a_linear_classifier, cancels=EITHER_SIGN)
def a_linear_classifier_is_a_mixture(impl, weights, means, cov, x):
    r"""With the linear logits of normal classes that share a covariance, p(y|x) is Bayes' rule and the energy is that
    of the mixture, up to the quadratic term that all components share.

    f_y = m_y^\top P x - \tfrac12 m_y^\top P m_y + \log w_y:\ p(y | x) = \frac{w_y \mathcal N(x; m_y, C)}{p(x)},\ E(x)
    = -\log p(x) - \tfrac12 x^\top P x - \tfrac12 \log \det (2 \pi C)"""
    precision = np.linalg.inv(cov)
    layer = (precision @ means.T, np.log(weights) - 0.5 * np.einsum("ki,ij,kj->k", means, precision, means))
    logits = impl.score(Model("mlp_score", {"layers": (layer,)}))
    both = [impl.classifier_energy(logits, x)[:, None], impl.class_log_probabilities(logits, x)]
    p = GaussianMixture(weights, means, np.array([cov] * len(weights)))
    log_p, each = p.log_prob(x)[:, None], np.stack([Gaussian(m, cov).log_prob(x) for m in means], axis=1)
    common = 0.5 * np.einsum("ni,ij,nj->n", x, precision, x)[:, None]
    constant = 0.5 * (len(cov) * LOG_2PI + np.linalg.slogdet(cov)[1])
    right = [np.hstack([-log_p, np.log(weights) + each]), np.hstack([-common, -log_p + 0 * each])]
    right.append(np.hstack([-constant + 0 * log_p, 0 * each]))
    large = np.abs(x) @ np.abs(layer[0]) + np.abs(layer[1])
    size = np.max(large, axis=1, keepdims=True) + 8 * np.abs(x) @ np.abs(precision) @ np.abs(x).T.max(axis=1)[:, None]
    return Sides([np.hstack(both)], right, formula=[size])


def far_logits(draw: Draw) -> dict:
    """Logits too large, and too small, for exp in float64."""
    return {"biases": np.array([draw.real(720, 900), draw.real(-900, -720)]), "lead": draw.real(0.5, 30)}


@theorem(f"{JEM}, eqs. 1 and 6", "pointwise", far_logits, cancels="large logits minus their log-sum-exp")
def a_classifier_far_out(impl, biases, lead):
    r"""For two classes and logits of any size, the energy is minus the larger logit minus a small positive term.

    E = -f_1 - \log(1 + e^{-(f_1 - f_2)}),\ \log p(1 | x) = -\log(1 + e^{-(f_1 - f_2)})"""
    x, left, right = np.zeros((1, 2)), [], []
    for bias in biases:
        layer = (np.zeros((2, 2)), np.array([bias, bias - lead]))
        logits = impl.score(Model("mlp_score", {"layers": (layer,)}))
        left.append(np.append(impl.classifier_energy(logits, x), impl.class_log_probabilities(logits, x)))
        more = np.log1p(np.exp(-lead))
        right.append(np.array([-bias - more, -more, -lead - more]))
    return Sides([np.stack(left)], [np.stack(right)], formula=[np.abs(biases)[:, None]])
