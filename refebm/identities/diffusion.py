r"""Theorems about diffusion losses: their expectations, what a network may predict, discrete steps and their limit."""

from itertools import accumulate

import numpy as np
from numpy.polynomial.legendre import leggauss

from refebm.identities import Draw, Limit, Sides, expect, theorem
from refebm.identities.notation import EITHER_SIGN, half_square
from refebm.identities.sdes import RULES, SDE_KINDS, SONG, coefficients, diffused_by_hand, over_time
from refebm.models import Model
from refebm.truth.densities import Gaussian, GaussianMixture, standard_normal
from refebm.truth.derivatives import moments, score_and_jacobian
from refebm.truth.expectations import total

HO = "Ho, Jain and Abbeel 2020"
TWEEDIE = "Efron 2011, eq. 2.8; Stanford CS236, Tweedie's formula"
FIELDS = ("noise_conditional", "diffused_mixture")


def rising(t):
    """A weight that is none of 1, std^2 and g^2."""
    return 0.5 + t**2


def g_squared(sde):
    """The likelihood weighting g^2, computed by the SDE under test."""
    return lambda t: sde.diffusion(t) ** 2


def std_squared(sde):
    """The weight std^2 of noise prediction, computed by the SDE under test."""
    return lambda t: sde.marginal(t)[1] ** 2


WEIGHTS = {  # each weight from an SDE under test, and by hand from its data
    "rising": (lambda sde: rising, lambda sde, t: rising(t)),
    "g^2": (g_squared, lambda sde, t: coefficients(sde, t)[1]),
    "none": (lambda sde: np.ones_like, lambda sde, t: np.ones_like(t)),
    "std^2": (std_squared, lambda sde, t: moments(sde, t)[1]),
}


def rows_and_times(draw: Draw, kinds=SDE_KINDS) -> dict:
    d, n = draw.count(1, 3), 3
    case = {"sde": draw.sde(kinds), "model": draw.model(d, FIELDS), "x": draw.reals((n, d), -2, 2)}
    return case | {"t": draw.reals((n,), 0.05, 0.98), "z": draw.reals((n, d), -3, 3)}


def columns(sde, t):
    """m and std by hand, (n, 1)."""
    scale, variance = moments(sde, t)
    return scale[:, None], np.sqrt(variance)[:, None]


def multiplied_out(s, z, weight):
    """The terms of weight/2 |s + z|^2, coordinate by coordinate."""
    return [*(weight * 0.5 * s.T**2), *(weight * s.T * z.T), *(weight * 0.5 * z.T**2)]


@theorem(
    f"{SONG}, eq. 7; Stanford CS236, score matching with infinitely many noise levels",
    "pointwise",
    lambda draw: rows_and_times(draw) | {"weight": draw.choice(list(WEIGHTS))},
    cancels=EITHER_SIGN,
)
def diffusion_objective_by_hand(impl, sde, model, x, t, z, weight):
    r"""With a time for each row, the loss is its expanded square with score, marginal and weight by hand.

    w(t)\left(\tfrac12|s|^2 + s \cdot z/\text{std} + |z|^2/(2\,\text{std}^2)\right),\ s = s(m x + \text{std}\, z, t)"""
    (scale, std), mine, (made, by_hand) = columns(sde, t), impl.sde(sde), WEIGHTS[weight]
    rows = impl.diffusion_score_matching(impl.score(model), mine, made(mine), x, t, z)
    s = score_and_jacobian(model, scale * x + std * z, t)[0]
    return Sides([rows], multiplied_out(s, z / std, by_hand(sde, t)))


@theorem(
    f"{SONG}, section 3.3 (weight std^2); Stanford CS236, choosing the weighting function",
    "pointwise",
    rows_and_times,
    cancels=EITHER_SIGN,
)
def variance_as_weight_is_noise_prediction(impl, sde, model, x, t, z):
    r"""With the weight std^2 the loss compares -std s with the noise, at a time for each row.

    \tfrac12|\text{std}\, s(m x + \text{std}\, z, t) + z|^2"""
    (scale, std), mine = columns(sde, t), impl.sde(sde)
    rows = impl.diffusion_score_matching(impl.score(model), mine, std_squared(mine), x, t, z)
    s = score_and_jacobian(model, scale * x + std * z, t)[0]
    return Sides([rows], multiplied_out(std * s, z, 1.0))


@theorem(
    f"{SONG}, eqs. 1 and 7; Vincent 2011",
    "pointwise",
    lambda draw: rows_and_times(draw, ["VarianceExploding"]) | {"level": draw.real(0.05, 0.98)},
    cancels=EITHER_SIGN,
)
def exploding_diffusion_is_denoising(impl, sde, model, x, t, z, level):
    r"""For an exploding variance the loss is denoising at the level std(t), times the weight.

    w(t)\, \text{DSM}(x, z),\ \sigma = \text{std}(t)"""
    std, given = np.sqrt(moments(sde, level)[1]), {"kind": model.kind, "parameters": model.parameters}
    rows = impl.diffusion_score_matching(impl.score(model), impl.sde(sde), rising, x, level, z)
    there = impl.score(Model("at_level", given | {"sigma": level}))
    plain = impl.denoising_score_matching(there, x, std, z)
    by_hand = score_and_jacobian(model, x + std * z, np.full(len(x), level))[0]
    return Sides([rows], [rising(level) * plain], formula=multiplied_out(by_hand, z / std, rising(level)))


def mixture_and_field(draw: Draw) -> dict:
    p = draw.mixture(1)
    return {"p": p, "sde": draw.sde(), "t": draw.real(0.4, 0.98), "model": draw.model(1, FIELDS)}


def with_noise(p: GaussianMixture) -> GaussianMixture:
    """The joint law of x_0 and z, as rows (x_0, z)."""
    covs = np.array([np.block([[c, np.zeros((p.d, p.d))], [np.zeros((p.d, p.d)), np.eye(p.d)]]) for c in p.covs])
    return GaussianMixture(p.weights, np.hstack([p.means, np.zeros_like(p.means)]), covs)


@theorem(f"{SONG}, eq. 7; Vincent 2011, appendix", "quadrature", mixture_and_field)
def diffusion_is_explicit_on_the_law_in_between(impl, p, sde, t, model):
    r"""The expected loss is the weighted Fisher divergence from the law of x_t, up to a constant.

    \mathbb E_{x_0, z}[\text{row}] = w\,\tfrac12 \mathbb E|s - s_{p_t}|^2 + w\, C,\
    C = \tfrac12 (d/\text{std}^2 - \mathbb E|s_{p_t}|^2)"""
    mine, s, law = impl.sde(sde), impl.score(model), diffused_by_hand(p, sde, t)
    (loss,), change = expect(
        [lambda w: impl.diffusion_score_matching(s, mine, rising, w[:, :1], t, w[:, 1:])], with_noise(p)
    )
    (explicit, constant), other = expect(
        [
            lambda y: half_square(score_and_jacobian(model, y, np.full(len(y), t))[0] - law.score(y)),
            lambda y: half_square(law.score(y)),
        ],
        law,
    )
    w = rising(t)
    return Sides([loss], [w * explicit, w * 0.5 / moments(sde, t)[1], -w * constant], max(change, other))


def gaussian_and_model(draw: Draw) -> dict:
    d = draw.count(1, 2)
    case = {"sde": draw.sde(), "t": draw.real(0.05, 0.98), "mean": draw.reals((d,), -1.5, 1.5)}
    case |= {"variance": draw.reals((d,), 0.2, 1.5), "shift": draw.reals((d,), -0.5, 0.5)}
    return case | {"wider": draw.reals((d,), -0.1, 1.0)}


def gaussian_score(sde, mean, variance) -> Model:
    """The score of a diffused Gaussian, as a model."""
    given = {"sde": sde, "logits": np.zeros(1), "means": mean[None], "variances": variance[None]}
    return Model("diffused_mixture", given)


@theorem(f"{SONG}, eq. 7 (its minimiser)", "quadrature", gaussian_and_model)
def diffusion_learns_the_score_of_the_law_in_between(impl, sde, t, mean, variance, shift, wider):
    r"""The loss is least at the diffused score of the Gaussian data: that of another Gaussian is larger by squares.

    J(\mu + \delta, v') - J(\mu, v)
    = \tfrac w2 \textstyle\sum_j\left[(1/c' - 1/c)^2 c + m^2 \delta^2/c'^2\right],\ c = m^2 v + \text{std}^2"""
    d, mine = len(mean), impl.sde(sde)

    def objective(model):
        s, data = impl.score(model), Gaussian(mean, np.diag(variance))
        return lambda w: impl.diffusion_score_matching(s, mine, rising, data.substitute(w[:, :d])[0], t, w[:, d:])

    models = [gaussian_score(sde, mean + shift, variance + wider), gaussian_score(sde, mean, variance)]
    (away, here), change = expect([objective(model) for model in models], standard_normal(2 * d), degree=2)
    scale, noise = moments(sde, t)
    c, other = scale**2 * variance + noise, scale**2 * (variance + wider) + noise
    excess = (1 / other - 1 / c) ** 2 * c + (scale * shift / other) ** 2
    return Sides([away], [here, 0.5 * rising(t) * np.sum(excess)], change)


def two_gaussians(draw: Draw) -> dict:
    d = draw.count(1, 2)
    case = {"sde": draw.sde(), "start": draw.real(0.1, 0.4)}
    pair = [(draw.reals((d,), -1.5, 1.5), draw.reals((d,), 0.2, 1.5)) for _ in range(2)]
    return case | {"p": pair[0], "q": pair[1]}


def divergence_of_gaussians(sde, t, p, q):
    """The terms of KL(p_t | q_t) for Gaussians with diagonal covariances."""
    scale, noise = moments(sde, t)
    c, other = (scale**2 * variance + noise for _, variance in (p, q))
    gap = scale**2 * (p[0] - q[0]) ** 2
    return [0.5 * np.sum(c / other), -0.5 * len(gap), 0.5 * np.sum(gap / other), 0.5 * np.sum(np.log(other / c))]


def through_time(impl, sde, model, start):
    """(x_0, z) -> int_start^1 of the loss with weight g^2, by two quadrature rules in time, (m, 2)."""
    mine, s = impl.sde(sde), impl.score(model)

    def integrated(x, z):
        sums = []
        for nodes in RULES:
            u, weights = leggauss(nodes)
            t = np.repeat(start + 0.5 * (1 - start) * (u + 1), len(x))
            often = [np.tile(rows, (nodes, 1)) for rows in (x, z)]
            losses = impl.diffusion_score_matching(s, mine, g_squared(mine), often[0], t, often[1])
            sums.append(0.5 * (1 - start) * weights @ losses.reshape(nodes, -1))
        return np.stack(sums, axis=1)

    return integrated


@theorem("Song, Durkan, Murray and Ermon 2021, theorems 1 and 2", "quadrature", two_gaussians)
def likelihood_weighting_is_the_divergence(impl, sde, start, p, q):
    r"""With the weight g^2 the excess loss, integrated over time, is by how much diffusion lowers the KL divergence.

    KL(p_{t_0}|q_{t_0}) - KL(p_1|q_1) = \int_{t_0}^1 \mathbb E[\text{row of } s_q - \text{row of } s_p]\, dt
    = \tfrac12 \int g^2\, \mathbb E|s_p - s_q|^2 dt"""
    (mean, variance), d = p, len(p[0])
    data = Gaussian(mean, np.diag(variance))
    losses = [through_time(impl, sde, gaussian_score(sde, *law), start) for law in (q, p)]
    terms, change = expect(
        [lambda w, loss=loss: loss(data.substitute(w[:, :d])[0], w[:, d:]) for loss in losses],
        standard_normal(2 * d),
        degree=2,
    )
    for term in terms:
        change = max(change, float(abs(total(term[:, 1]) - total(term[:, 0])) / total(term[:, 1])))
    first, last = (divergence_of_gaussians(sde, t, p, q) for t in (start, 1.0))
    return Sides([terms[0][:, 1], -terms[1][:, 1]], [*first, *(-term for term in last)], change)


def noisy_points(draw: Draw) -> dict:
    """A mixture as the data, and points x_t with a time for each."""
    d, k = draw.count(1, 3), draw.count(1, 3)
    sde, weights = draw.sde(), draw.reals((k,), 0.2, 1.0)
    case = {"sde": sde, "weights": weights / np.sum(weights), "means": draw.reals((k, d), -1.5, 1.5)}
    case |= {"variances": draw.reals((k, d), 0.2, 1.5), "t": draw.reals((3,), 0.05, 0.98)}
    return case | {"x": draw.reals((3, d), -4, 4)}


def law_of(sde, weights, means, variances) -> Model:
    """The score of the law of x_t, as a model."""
    given = {"sde": sde, "logits": np.log(weights), "means": means, "variances": variances}
    return Model("diffused_mixture", given)


def by_bayes(m, std, weights, means, variances, x):
    """Each component's probability r, E[x_0 | x_t = x] and E[Z | x_t = x], (k, n, d), by Bayes; m and std (n, 1)."""
    wide = [m**2 * v + std**2 for v in variances]
    joint = [
        np.log(w) - 0.5 * np.sum((x - m * mean) ** 2 / c + np.log(c), axis=1)
        for w, mean, c in zip(weights, means, wide)
    ]
    joint = np.exp(joint - np.max(joint, axis=0))
    r = (joint / np.sum(joint, axis=0))[:, :, None]
    clean = np.array([mean + m * v * (x - m * mean) / c for mean, v, c in zip(means, variances, wide)])
    noise = np.array([std * (x - m * mean) / c for mean, c in zip(means, wide)])
    return r, clean, noise


@theorem(f"{TWEEDIE}; {HO}, eq. 12", "pointwise", noisy_points, cancels=EITHER_SIGN)
def predictions_are_bayes(impl, sde, weights, means, variances, t, x):
    r"""From the score of the law of x_t follow the mean noise and the mean clean point given x_t, as Bayes' rule says.

    \mathbb E[Z|x_t] = -\text{std}\, s,\ \mathbb E[x_0|x_t] = (x_t + \text{std}^2 s)/m"""
    s, mine = impl.score(law_of(sde, weights, means, variances)), impl.sde(sde)
    scale, std = columns(sde, t)
    r, clean, noise = by_bayes(scale, std, weights, means, variances, x)
    left = [impl.predicted_noise(s, mine, x, t), impl.denoised_point(s, mine, x, t)]
    size = np.sum(np.abs(r * noise), axis=0)  # the formula adds x/m and std/m times this
    formula = [np.stack([0 * x, (np.abs(x) + std * size) / scale])]
    right = np.stack([r * noise, r * clean], axis=1)
    return Sides([np.stack(left)], list(right), formula=formula)


def one_noisy_point(draw: Draw) -> dict:
    sde, p = draw.sde(), draw.mixture(1)
    return {"sde": sde, "p": p, "t": draw.real(0.4, 0.98), "y": draw.reals((1, 1), -2, 2)}


@theorem(f"{TWEEDIE}; {HO}, eq. 12", "quadrature", one_noisy_point)
def predictions_are_means(impl, sde, p, t, y):
    r"""Both predictions are means over the data, weighted by the probability density of reaching x_t.

    p_t(y)\, \mathbb E[(Z, x_0)|x_t = y]
    = \mathbb E_{x_0}[((y - m x_0)/\text{std}, x_0)\, \mathcal N(y; m x_0, \text{std}^2)]"""
    (scale, variance), mine = moments(sde, t), impl.sde(sde)
    s = impl.score(law_of(sde, p.weights, p.means, p.covs[:, 0]))
    density = np.exp(diffused_by_hand(p, sde, t).log_prob(y))
    left = [density * impl.predicted_noise(s, mine, y, t)[0], density * impl.denoised_point(s, mine, y, t)[0]]

    def arriving(x):
        z = (y - scale * x) / np.sqrt(variance)
        return np.hstack([z, x]) * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi * variance)

    terms, change = expect([arriving], p)
    return Sides([np.concatenate(left)[None]], terms, change)


@theorem(
    f"{HO}, eq. 12; {TWEEDIE}; Karras, Aittala, Aila and Laine 2022, eq. 3",
    "pointwise",
    rows_and_times,
    cancels=EITHER_SIGN,
)
def predictions_by_hand(impl, sde, model, x, t, z):
    r"""For any field F, with a time for each row, each conversion is its formula in F, m and std by hand.

    -\text{std}\, F,\ (x + \text{std}^2 F)/m,\ -F/\text{std},\ (m F - x)/\text{std}^2"""
    (m, std), mine, given = columns(sde, t), impl.sde(sde), impl.score(model)
    field = score_and_jacobian(model, x, t)[0]
    functions = [impl.predicted_noise, impl.denoised_point, impl.score_of_noise, impl.score_of_denoiser]
    left = [function(given, mine, x, t) for function in functions]
    first = [-std * field, std**2 * field / m, -field / std, m * field / std**2]
    return Sides([np.stack(left)], [np.stack(first), np.stack([0 * x, x / m, 0 * x, -x / std**2])])


@theorem(f"{HO}, eq. 12; {TWEEDIE}", "pointwise", rows_and_times, cancels="(x + std^2 s)/m minus terms in x")
def predictions_go_there_and_back(impl, sde, model, x, t, z):
    r"""Converting a network's noise or denoised point to a score and back returns the network's output.

    -\text{std}\,(-F/\text{std}) = F,\ (x + \text{std}^2 (m F - x)/\text{std}^2)/m = F"""
    mine, given, field = impl.sde(sde), impl.score(model), score_and_jacobian(model, x, t)[0]
    left = [
        impl.predicted_noise(lambda x, t: impl.score_of_noise(given, mine, x, t), mine, x, t),
        impl.denoised_point(lambda x, t: impl.score_of_denoiser(given, mine, x, t), mine, x, t),
        impl.score_of_noise(lambda x, t: impl.predicted_noise(given, mine, x, t), mine, x, t),
        impl.score_of_denoiser(lambda x, t: impl.denoised_point(given, mine, x, t), mine, x, t),
    ]
    m, std = columns(sde, t)
    formula = [np.stack([0 * x, x / m, 0 * x, x / std**2])]
    return Sides([np.stack(left)], [np.stack([field] * 4)], formula=formula)


def steps_and_rows(draw: Draw) -> dict:
    """Rows at steps i of a schedule. A network needs i > 0 as its level, a diffused mixture a time: i is 0 or 1."""
    d, n, length = draw.count(1, 3), 3, draw.count(2, 6)
    model = draw.model(d, FIELDS)
    low, high = (0, 1) if model.kind == "diffused_mixture" else (1, length - 1)
    case = {"model": model, "betas": draw.reals((length,), 0.01, 0.6), "x": draw.reals((n, d), -2, 2)}
    return case | {"i": np.array([draw.count(low, high) for _ in range(n)]), "z": draw.reals((n, d), -3, 3)}


@theorem(f"{HO}, eq. 14", "pointwise", steps_and_rows, cancels=EITHER_SIGN)
def ddpm_loss_by_hand(impl, model, betas, x, i, z):
    r"""With a step for each row, the loss is its expanded square, with the variance accumulated step by step.

    \tfrac12 \text{std}_i^2 |s|^2 + \text{std}_i\, s \cdot z + \tfrac12 |z|^2,\
    s = s(\sqrt{a_i} x + \text{std}_i z, i),\ a_i = \textstyle\prod_{j \le i} (1 - \beta_j)"""
    variance = np.array(list(accumulate(betas, one_more_step)))[i, None]
    std = np.sqrt(variance)
    s = score_and_jacobian(model, np.sqrt(1 - variance) * x + std * z, i * 1.0)[0]
    rows = impl.ddpm_loss(impl.score(model), betas, x, i, z)
    return Sides([rows], multiplied_out(std * s, z, 1.0))


def one_more_step(variance, beta):
    """1 - (1 - variance)(1 - beta), a sum of positive terms."""
    return variance * (1 - beta) + beta


def tiny_steps_and_rows(draw: Draw) -> dict:
    """Steps with variances between 2^-45 and 2^-20."""
    case = steps_and_rows(draw)
    return case | {"betas": case["betas"] * 2.0 ** -draw.count(20, 38)}


@theorem(f"{HO}, eq. 14", "pointwise", tiny_steps_and_rows, cancels=EITHER_SIGN)
def ddpm_loss_of_tiny_steps(impl, **case):
    r"""The loss keeps full precision even for tiny variances, where a_i rounds to 1 and 1 - a_i must not cancel.

    \text{std}_i^2 = \text{std}_{i-1}^2 (1 - \beta_i) + \beta_i"""
    return ddpm_loss_by_hand(impl, **case)


def steps_of_an_sde(draw: Draw) -> dict:
    case = rows_and_times(draw, ["VariancePreserving"])
    length = draw.count(2, 8)
    return case | {"i": np.array([draw.count(0, length - 1) for _ in case["x"]]), "length": length}


@theorem(f"{SONG}, appendix B; {HO}, eq. 14", "pointwise", steps_of_an_sde, cancels=EITHER_SIGN)
def ddpm_loss_is_diffusion(impl, sde, model, x, t, z, i, length):
    r"""With betas that match the SDE, the loss is that in continuous time with the weight std^2, at t = (i + 1)/N.

    1 - \beta_i = e^{-\int \beta} \text{ over the step: } \sqrt{a_i} = m(t),\ \text{std}_i = \text{std}(t)"""
    ends, mine, s = np.arange(length + 1) / length, impl.sde(sde), impl.score(model)
    betas = -np.expm1(2 * np.diff(np.log(moments(sde, ends)[0])))
    discrete = impl.ddpm_loss(lambda x, i: s(x, (1 + i) / length), betas, x, i, z)
    continuous = impl.diffusion_score_matching(s, mine, std_squared(mine), x, ends[i + 1], z)
    m, std = columns(sde, ends[i + 1])
    by_hand = multiplied_out(std * score_and_jacobian(model, m * x + std * z, ends[i + 1])[0], z, 1.0)
    return Sides([discrete], [continuous], formula=by_hand)


TO_THE_LIMIT = [  # beta_min, beta_max, the time in quarters, and the mean and variance of a Gaussian model
    (0.1, 6.0, 2, [0.5], [0.4]),
    (0.5, 3.0, 3, [1.0, -0.6], [0.3, 1.2]),
]


@theorem(f"{SONG}, appendix B; {HO}, eq. 14", "limit", cases=TO_THE_LIMIT)
def ddpm_loss_tends_to_diffusion(impl, first, last, quarters, mean, variance):
    r"""With the variances beta(i/N)/N, the loss tends to that in continuous time with the weight std^2 as 1/N.

    \log a_i = -B(t) - \tfrac1{2N}\left(t(\beta_{\max} - \beta_{\min}) + \int_0^t \beta^2\right) + O(N^{-2})"""
    given, t = {"beta_min": first, "beta_max": last}, np.array([quarters / 4])
    sde = {"kind": "VariancePreserving", "parameters": given}
    model = gaussian_score(sde, np.array(mean), np.array(variance))
    x, z, s = np.array([[0.7, -0.4][: len(mean)]]), np.array([[0.6, 1.1][: len(mean)]]), impl.score(model)
    (m, std), steps = columns(sde, t), 1 / (6400 * 2.0 ** np.arange(4))
    score, jacobian = score_and_jacobian(model, m * x + std * z, t)
    misfit = std * score + z

    def loss(n):
        betas = first / n + (last - first) * np.arange(1, n + 1) / n**2
        return float(impl.ddpm_loss(lambda x, i: s(x, (1 + i) / n), betas, x, n * quarters // 4 - 1, z)[0])

    slope = -(m**2) / (2 * std)  # d std/d log a; that of m is m/2
    moved = np.einsum("nij,nj->ni", jacobian, 0.5 * m * x + slope * z)
    rate = over_time(lambda r: (first + r * (last - first)) ** 2, 0.0, float(t[0]))[0]
    kept = -0.5 * (float(t[0]) * (last - first) + np.sum(rate))
    coefficient = kept * float(np.sum(misfit * (slope * score + std * moved)))
    limit = float(half_square(misfit)[0])
    return Limit(steps, [loss(round(1 / h)) - limit for h in steps], 1, coefficient)
