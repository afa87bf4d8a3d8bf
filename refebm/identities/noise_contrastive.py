r"""Theorems about noise contrast: its rows by hand, its optimum, and its excess away from the optimum."""

import numpy as np

from refebm.identities import Draw, Limit, Sides, expect, theorem
from refebm.identities.contrast import (
    CONDITIONAL,
    GOODFELLOW,
    GUTMANN,
    anchor,
    blend,
    coefficient_of_order_four,
    contrast_of,
    data_and_noise,
    data_noise_and_model,
    energy_of,
    finely,
    log_density,
    log_odds,
    mean_row,
    rows_and_models,
    values,
    wide_noise,
    with_wider_noise,
)
from refebm.identities.draw import SMOOTH_ENERGIES
from refebm.identities.notation import EITHER_SIGN, ones
from refebm.identities.wells import PLACES, place
from refebm.models import Model
from refebm.truth.densities import GaussianMixture

# By hand


def stacked(*rows):
    """Stack lists of terms, the shorter ones padded with zeros."""
    most = max(map(len, rows))
    return [np.stack(terms) for terms in zip(*(row + [0 * row[0]] * (most - len(row)) for row in rows))]


@theorem(GUTMANN, "pointwise", rows_and_models)
def noise_contrast_by_hand(impl, model, noise, x, y):
    r"""The stable form equals the log-sum-exp form of the documents.

    -\log \frac{p}{p + \nu p_n}(x) - \sum_j \log \frac{\nu p_n}{p + \nu p_n}(y_j),\ \log \frac{p}{p + \nu p_n}
    = \log p - \log(e^{\log p} + e^{\log \nu p_n})"""
    nu = len(y)
    (a, b), *rest = ((data, contrast + np.log(nu)) for data, contrast in values(model, noise, x, y))
    naive = [np.log1p(np.exp(b) / np.exp(a)), *(np.log1p(np.exp(a_j) / np.exp(b_j)) for a_j, b_j in rest)]
    lse = [np.logaddexp(a, b), -a, *(f for a_j, b_j in rest for f in (np.logaddexp(a_j, b_j), -b_j))]
    rows = impl.noise_contrastive(impl.energy(model), impl.energy(noise), x, y)
    return Sides([np.stack([rows, rows])], stacked(naive, lse))


@theorem(GOODFELLOW, "pointwise", rows_and_models)
def discriminator_loss_by_hand(impl, model, noise, x, y):
    r"""With D = sigmoid(logit), the discriminator's loss is minus log D(x) minus log(1 - D(y)).

    -\log \frac{1}{1 + e^{-a(x)}} - \log \frac{1}{1 + e^{a(y)}}"""
    rows = impl.gan_discriminator_loss(impl.energy(model), x, y[0])
    return Sides([rows], [np.log1p(np.exp(-model(x))), np.log1p(np.exp(model(y[0])))])


def optimal_logit(p, noise, offset=0.0) -> Model:
    """log p - log p_n - offset as a model: a mixture again, for one-component noise that is wider than those of p."""
    (m_n,), (c_n,) = noise.means, noise.components
    precisions = np.array([c.precision - c_n.precision for c in p.components])
    moments = np.array([c.precision @ c.mean - c_n.precision @ m_n for c in p.components])
    means = np.linalg.solve(precisions, moments[:, :, None])[:, :, 0]
    squares = np.array([c.mean @ c.precision @ c.mean - m_n @ c_n.precision @ m_n for c in p.components])
    logs = np.array([0.5 * np.linalg.slogdet(c.precision @ c_n.cov)[1] for c in p.components])
    logits = np.log(p.weights) + logs - 0.5 * (squares - np.sum(means * moments, axis=1))
    return log_density(Model("mixture", {"logits": logits, "means": means, "precisions": precisions}), offset)


def data_noise_and_points(draw: Draw) -> dict:
    d = draw.dimension(3)
    p = draw.mixture(d)
    case = {"p": p, "noise": wide_noise(draw, p), "x": draw.points(p, 3, 3.0), "y": draw.points(p, 3, 3.0)}
    return with_wider_noise(case)


@theorem(GOODFELLOW, "pointwise", data_noise_and_points)
def discriminator_loss_is_noise_contrast(impl, p, noise, x, y):
    r"""With logit = log p - log p_n the discriminator's loss is noise contrast with one noise point each.

    -\log \frac{p}{p + p_n}(x) - \log \frac{p_n}{p + p_n}(y)"""
    gan = impl.gan_discriminator_loss(impl.energy(optimal_logit(p, noise)), x, y)
    nce = contrast_of(impl, noise)(log_density(energy_of(p)))(x, y[None])
    data, contrast = (np.split(density.log_prob(np.concatenate([x, y])), 2) for density in (p, noise))
    terms = [np.logaddexp(data[0], contrast[0]), -data[0], np.logaddexp(data[1], contrast[1]), -contrast[1]]
    return Sides([np.stack([gan, nce])], [np.stack([t, t]) for t in terms])


def far_models(draw: Draw) -> dict:
    d, nu = draw.count(1, 3), draw.count(1, 3)
    return {
        "energy": draw.model(d, SMOOTH_ENERGIES),
        "noise": log_density(draw.model(d, ("quadratic",)), draw.real(0, 4)),
        "log_z": draw.choice((1.0, -1.0)) * 10.0 ** draw.count(3, 307),
        "x": draw.reals((3, d), -2, 2),
        "y": draw.reals((nu, 3, d), -2, 2),
    }


@theorem(
    GUTMANN,
    "pointwise",
    far_models,
    about="noise_contrastive bregman_noise_contrastive gan_discriminator_loss LOGISTIC",
)
def far_log_ratios_saturate(impl, energy, noise, log_z, x, y):
    r"""For log ratios as large as 1e307, where exp would overflow, the losses are linear or zero.

    \max(0, -L(x)) + \sum_j \max(0, L(y_j)),\ L = -E - \log Z - \log p_n - \log \nu"""
    model, nu = log_density(energy, log_z), len(y)
    models = impl.energy(model), impl.energy(noise)
    left = [impl.noise_contrastive(*models, x, y)]
    left.append(impl.bregman_noise_contrastive(*models, impl.LOGISTIC, x, y))
    left.append(impl.gan_discriminator_loss(models[0], x, y[0]))
    at, sign = ([x], 1) if log_z > 0 else (list(y), -1)
    ratio = [[sign * f for f in (log_z + 0 * x[:, 0], energy(a), noise(a), np.log(nu) * ones(a))] for a in at]
    alone = [sign * (log_z + 0 * x[:, 0]), sign * energy(at[0])]
    flat = [term for terms in ratio for term in terms]
    return Sides([np.stack(left)], stacked(flat, flat, alone))


def certain(draw: Draw) -> dict:
    """A quadratic energy, and points that are classified with certainty, by log odds of 40 to 350."""
    a, d, nu = draw.real(40, 350), draw.count(1, 3), draw.count(1, 3)
    x, y = np.zeros((1, d)), np.zeros((nu, 1, d))
    y[..., 0] = np.sqrt(4 * a) * (1 + draw.reals((nu, 1), -0.01, 0.01))
    return {"spring": Model("quadratic", {"mean": np.zeros(d), "precision": np.eye(d)}), "a": a, "x": x, "y": y}


@theorem(
    f"{GUTMANN}; {CONDITIONAL}, eq. 10",
    "pointwise",
    certain,
    about="noise_contrastive bregman_noise_contrastive gan_discriminator_loss LOGISTIC conditional_noise_contrastive",
)
def certain_classifiers_lose_next_to_nothing(impl, spring, a, x, y):
    r"""If data and noise are told apart with near certainty, the loss is the tiny probability of a mistake, not zero.

    e^{-L(x)} + \sum_j e^{L(y_j)};\ \tfrac2\nu \sum_j e^{-G_j}"""
    model, nu = log_density(spring, -a), len(y)
    flat = log_density(Model("quadratic", {"mean": 0 * x[0], "precision": np.zeros((x.shape[1],) * 2)}))
    models = impl.energy(model), impl.energy(flat)
    left = [impl.noise_contrastive(*models, x, y), impl.bregman_noise_contrastive(*models, impl.LOGISTIC, x, y)]
    left += [impl.gan_discriminator_loss(models[0], x, y[0])]
    left += [impl.conditional_noise_contrastive(impl.energy(spring), x, y)]
    at_x, at_y = np.exp(-a) * np.ones(1), [np.exp(a - spring(y_j)) for y_j in y]
    conditional = [2 / nu * np.exp(-spring(y_j)) for y_j in y]
    first = [np.stack([nu * at_x, nu * at_x, at_x, 0 * at_x])]
    return Sides(
        [np.stack(left)],
        first
        + [np.stack([b / nu, b / nu, b if j == 0 else 0 * b, c]) for j, (b, c) in enumerate(zip(at_y, conditional))],
    )


@theorem(
    GOODFELLOW + "; Stanford CS236, noise contrastive estimation",
    "pointwise",
    data_noise_and_points,
    about="gan_discriminator_loss noise_contrastive",
    cancels=EITHER_SIGN,
)
def exchange_of_data_and_noise_gives_the_density_back(impl, p, noise, x, y):
    r"""At the optimum, exchanging data and noise changes the loss by the log odds, so that p_n D*/(1 - D*) is p.

    \ell(x, y) - \ell(y, x) = \log \tfrac{D^*}{1 - D^*}(y) - \log \tfrac{D^*}{1 - D^*}(x),\
    p_n \tfrac{D^*}{1 - D^*} = p"""
    logit = impl.energy(optimal_logit(p, noise))
    nce = contrast_of(impl, noise)(log_density(energy_of(p)))
    there, back = np.concatenate([x, y]), np.concatenate([y, x])
    both = np.stack([impl.gan_discriminator_loss(logit, there, back), nce(there, back[None])])
    data, contrast = (np.split(density.log_prob(there), 2) for density in (p, noise))
    terms = [data[1], -contrast[1], -data[0], contrast[0]]
    return Sides([both[:, : len(x)], -both[:, len(x) :]], [np.stack([t, t]) for t in terms])


# The optimum, and the excess away from it


def divergences(p, noise, nu):
    """-KL(p|m) and -nu KL(p_n|m), as terms."""
    m = blend(p, noise, nu)
    (data,), change = expect([lambda x: m.log_prob(x) - p.log_prob(x)], p)
    (contrast,), other = expect([lambda y: nu * (m.log_prob(y) - noise.log_prob(y))], finely(noise, p))
    return [data, contrast], max(change, other)


def misfit(p, noise, nu, q, offset, contrast=None):
    """The terms of (1 + nu) E_m[KL(D*|D)], with D* for p, and D for the model q e^{-offset} against `contrast`, by
    default the same noise."""
    best, mine = log_odds(p, noise, nu), log_odds(q, contrast or noise, nu, offset)

    def half(i):
        return lambda x: (1 + nu) * np.exp(best(x)[i]) * (best(x)[i] - mine(x)[i])

    return expect([half(0), half(1)], finely(blend(p, noise, nu), q))


def entropy_of_the_labels(nu):
    """1 + nu times the entropy of the labels: the loss of a classifier that cannot tell data from noise."""
    return (1 + nu) * np.log(1 + nu) - nu * np.log(nu)


@theorem(
    GUTMANN + "; " + GOODFELLOW,
    "quadrature",
    lambda draw: data_and_noise(draw, most=2) | {"log_z": draw.real(-2, 2)},
    plane=True,
)
def noise_contrast_at_the_truth_is_a_divergence(impl, p, noise, nu, log_z):
    r"""At the true density and log Z the loss is a constant minus KL divergences from the blend m of data and noise.

    \mathbb E\ell = (1 + \nu)\log(1 + \nu) - \nu \log \nu - KL(p|m) - \nu KL(p_n|m),\ m = \tfrac{p + \nu p_n}{1 + \nu};\
    2 \log 2 - 2 JS \text{ at } \nu = 1"""
    model = log_density(energy_of(p, log_z), log_z)
    terms, change = mean_row(contrast_of(impl, noise)(model), p, noise, nu)
    right, other = divergences(p, noise, nu)
    return Sides(terms, [entropy_of_the_labels(nu), *right], max(change, other))


@theorem(GUTMANN, "quadrature", data_noise_and_model)
def noise_contrast_is_the_divergence_of_classifiers(impl, p, noise, nu, q, offset):
    r"""A wrong model's loss exceeds the truth's by a mean KL divergence between classifiers: the truth is the minimum.

    \mathbb E\ell(q) = \mathbb E\ell(p) + (1 + \nu)\, \mathbb E_m KL(D^*|D),\ D = \tfrac{q}{q + \nu p_n},\
    D^* = \tfrac{p}{p + \nu p_n}"""
    model = log_density(energy_of(q), offset)
    terms, change = mean_row(contrast_of(impl, noise)(model), p, noise, nu, p, q)
    right, other = divergences(p, noise, nu)
    excess, third = misfit(p, noise, nu, q, offset)
    return Sides(terms, [entropy_of_the_labels(nu), *right, *excess], max(change, other, third))


@theorem(
    GOODFELLOW + "; Gao et al. 2020", "quadrature", lambda draw: with_wider_noise(data_noise_and_model(draw, (1,)))
)
def discriminator_loss_is_jensen_shannon_and_misfit(impl, p, noise, nu, q, offset):
    r"""The discriminator's loss is 2 log 2 - 2 JS plus a mean KL divergence from the best D, so that no D does better.

    \mathbb E\ell = 2 \log 2 - 2 JS(p, p_n) + 2\, \mathbb E_m KL(D^*|D),\ m = \tfrac12(p + p_n)"""
    logit = impl.energy(optimal_logit(q, noise, offset))
    terms, change = mean_row(lambda x, y: impl.gan_discriminator_loss(logit, x, y[0]), p, noise, 1, p, q)
    right, other = divergences(p, noise, 1)
    excess, third = misfit(p, noise, 1, q, offset)
    return Sides(terms, [2 * np.log(2), *right, *excess], max(change, other, third))


def corrected(draw: Draw) -> dict:
    d = draw.dimension()
    p = draw.mixture(d, 2)
    x = anchor(p) + draw.reals((1, d), -0.5, 0.5)
    return with_wider_noise({"p": p, "noise": wide_noise(draw, p), "offset": draw.real(-1, 1), "x": x})


@theorem("Stanford CS236, noise contrastive estimation; " + GOODFELLOW, "quadrature", corrected, plane=True)
def corrected_noise_is_the_model(impl, p, noise, offset, x):
    r"""Noise weighted by the odds D/(1 - D), read off the loss, has the law of the model: the data's, if D is best.

    \mathbb E_{p_n}[h(Y)\, e^{\ell(x, Y) - \ell(Y, x)}]\, \tfrac{D}{1 - D}(x) = e^{-c}\, \mathbb E_p[h(X)],\
    D = \tfrac{p e^{-c}}{p e^{-c} + p_n},\ h = 1, x, |x|^2"""
    logit = impl.energy(optimal_logit(p, noise, offset))
    at_x = np.exp(p.log_prob(x) - offset - noise.log_prob(x))

    def moments(y):
        return np.column_stack([np.ones(len(y)), y, np.sum(y**2, axis=1)])

    def weighted(y):
        there, back = (impl.gan_discriminator_loss(logit, *pair) for pair in ((x + 0 * y, y), (y, x + 0 * y)))
        odds = np.exp(np.minimum(there - back, 300.0)) * at_x  # the cap is for wrong signs, which overflow
        return odds[:, None] * moments(y)

    left, change = expect([weighted], noise)
    (right,), other = expect([moments], p)
    return Sides(left, [np.exp(-offset) * right], max(change, other))


# Noise that is data, shifted


def shifted(draw: Draw) -> dict:
    case = data_noise_and_model(draw, (1,))
    return {"p": case["p"], "q": case["q"], "v": draw.reals((case["p"].d,), 0.25, 1.25)}


@theorem("Song and Kingma 2021, section 5.1; Gutmann and Hirayama 2011", "quadrature", shifted)
def contrast_with_shifted_data_is_least_at_the_truth(impl, p, q, v):
    r"""If the noise is data shifted by v, of any length, and its density that of the model shifted, the truth is the
    minimum: a wrong model's loss is larger by a KL divergence between classifiers.

    \mathbb E\ell(q) = 2 \log 2 - KL(p|m) - KL(p_v|m) + 2\, \mathbb E_m KL(D^*|D),\ D = \tfrac{q}{q + q_v},\
    q_v(x) = q(x - v),\ m = \tfrac12(p + p_v)"""
    p_v, q_v = (GaussianMixture(one.weights, one.means + v, one.covs) for one in (p, q))
    model, noise = (impl.energy(log_density(energy_of(one))) for one in (q, q_v))
    terms, change = expect([lambda x: impl.noise_contrastive(model, noise, x, (x + v)[None])], finely(p, q, q_v))
    right, second = divergences(p, p_v, 1)
    excess, third = misfit(p, p_v, 1, q, 0.0, q_v)
    return Sides(terms, [2 * np.log(2), *right, *excess], max(change, second, third))


@theorem("Song and Kingma 2021, section 5.1; Gutmann and Hirayama 2011", "limit", place, cases=PLACES)
def contrast_with_shifted_data_is_sliced_score_matching(impl, wells, x, v):
    r"""With the model shifted by v as noise, the loss is sliced score matching up to a constant and order |v|^4.

    \ell - 2 \log 2 - \tfrac12 SSM = \tfrac{E_1 E_3}{12} - \tfrac{E_4}{24} + \tfrac{E_2^2}{16} - \tfrac{E_1^4}{96}
    + O(|v|^6),\ SSM = \tfrac12 E_1^2 - E_2,\ E_k \text{ the derivatives along } v"""
    slopes = np.concatenate(wells.along(x, v))
    steps, model = 0.1 * 0.5 ** np.arange(1, 6), impl.energy(log_density(wells.model))

    def remainder(h):
        noise = impl.energy(log_density(wells.moved(h * v)))
        return impl.noise_contrastive(model, noise, x, (x + h * v)[None])[0] - 2 * np.log(2)

    sliced = 0.25 * slopes[0] ** 2 - 0.5 * slopes[1]
    return Limit(steps, [remainder(h) - h**2 * sliced for h in steps], 4, coefficient_of_order_four(*slopes))
