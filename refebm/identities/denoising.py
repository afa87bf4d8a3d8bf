r"""Theorems about denoising: the expectations and variances of its objectives, and Tweedie's formula."""

import numpy as np
import scipy

from refebm.identities import Draw, Limit, Sides, expect, theorem
from refebm.identities.notation import EITHER_SIGN, half_square, products
from refebm.identities.wells import PLACES, place
from refebm.models import Model, mixture_of
from refebm.truth.densities import smoothed_empirical, standard_normal
from refebm.truth.derivatives import jacobian_size, score_and_jacobian

VINCENT = "Vincent 2011, appendix; Song and Kingma 2021, eq. 10"
MODULE = "dataflowr module 18a, denoising score matching"
TWEEDIE = "Stanford CS236, Tweedie's formula; Efron 2011, eq. 2.8"
FIELDS = ("quadratic", "mixture", "mlp_energy", "mlp_score")


def data_and_level(draw: Draw) -> dict:
    """Data with a closed-form posterior, and a noise level."""
    return {"p": draw.mixture(draw.dimension()), "sigma": draw.noise_level()}


def data_and_noisy_point(draw: Draw) -> dict:
    case = data_and_level(draw)
    return case | {"y": draw.points(case["p"].smoothed(case["sigma"]), 1, deviations=2.0)}


@theorem(
    MODULE + " (whose proof loses the density)",
    "quadrature",
    data_and_noisy_point,
    about="GaussianMixture.smoothed GaussianMixture.score",
    plane=True,
    mixtures=True,
)
def smoothed_score_is_the_mean_noise(impl, p, sigma, y):
    r"""The score of the smoothed density is minus the mean noise given the noisy point, divided by sigma.

    \nabla p^\sigma(y) = -\tfrac1\sigma\, p^\sigma(y)\, \mathbb E[Z \mid Y = y]
    = -\tfrac1\sigma \mathbb E_z[z\, p(y - \sigma z)]"""
    smoothed = impl.GaussianMixture(p.weights, p.means, p.covs).smoothed(sigma)
    density = np.exp(p.smoothed(sigma).log_prob(y))
    terms, change = expect(
        [lambda z: -z * np.exp(p.log_prob(y - sigma * z))[:, None] / sigma], standard_normal(y.shape[1])
    )
    return Sides([density * smoothed.score(y)], terms, change)


@theorem(
    "Stanford CS236, denoising score matching; Song and Kingma 2021, section 4.1",
    "limit",
    place,
    about="GaussianMixture.smoothed GaussianMixture.score",
    cases=PLACES,
)
def smoothed_score_tends_to_that_of_the_data(impl, wells, x, v):
    r"""For small sigma the score of noisy data is nearly that of the data, with an error of order 2.

    \nabla \log p^\sigma = \nabla \log p + \tfrac{\sigma^2}{2} \nabla \tfrac{\Delta p}{p} + O(\sigma^4),\
    p \propto e^{-|x|^2/2} \cosh(m \cdot x),\ \tfrac12 \nabla \tfrac{\Delta p}{p} = x - m \tanh(m \cdot x)
    - \tfrac{m \cdot x}{\cosh^2(m \cdot x)}\, m"""
    m, sigmas = wells.m, 0.02 * 0.5 ** np.arange(5)
    p = impl.GaussianMixture([0.5, 0.5], np.stack([m, -m]), np.stack([np.eye(len(m))] * 2))
    errors = [np.sum(v * (p.smoothed(c).score(x) + wells.gradient(x))) for c in sigmas]
    a = x @ m
    return Limit(sigmas, errors, 2, np.sum(v * (wells.gradient(x) - (a / np.cosh(a) ** 2)[:, None] * m)))


def data_set_and_model(draw: Draw) -> dict:
    """A few points and a noise level, or the user's points and their bandwidth; and a model."""
    d = draw.dimension()
    if draw.data:
        points, sigma = draw.data.means, float(np.sqrt(draw.data.covs[0, 0, 0]))
    else:
        points, sigma = draw.reals((draw.count(1, 3), d), -1.5, 1.5), draw.noise_level()
    return {"points": points, "sigma": sigma, "model": draw.model(d, FIELDS)}


def mean_over_points(function, points):
    """z -> the mean over the data of function(x, z), one data point at a time."""
    return lambda z: sum(function(x + 0 * z, z) for x in points) / len(points)


@theorem(VINCENT + "; " + MODULE, "quadrature", data_set_and_model, plane=True, mixtures=True)
def denoising_is_explicit_on_smoothed_data(impl, points, sigma, model):
    r"""The expected denoising objective is the Fisher divergence from the smoothed data, up to a constant.

    \mathbb E_{x,z}[\text{DSM}] = D_F(p^\sigma, s) + C,\ C = \tfrac12 (d/\sigma^2 - \mathbb E|s_{p^\sigma}|^2)"""
    d, s, p = points.shape[1], impl.score(model), smoothed_empirical(points, sigma)
    (denoising,), change_z = expect(
        [mean_over_points(lambda x, z: impl.denoising_score_matching(s, x, sigma, z), points)], standard_normal(d)
    )
    (explicit, constant), change_y = expect(
        [lambda y: half_square(score_and_jacobian(model, y)[0] - p.score(y)), lambda y: half_square(p.score(y))], p
    )
    return Sides([denoising], [explicit, d / (2 * sigma**2), -constant], max(change_z, change_y))


@theorem(
    MODULE + " (whose C is twice ours)",
    "quadrature",
    data_and_level,
    about="GaussianMixture.posterior_cov GaussianMixture.score",
    plane=True,
    mixtures=True,
)
def denoising_constant_is_the_posterior_variance(impl, p, sigma):
    r"""The constant of denoising is the mean posterior variance of the clean point, divided by 2 sigma^4.

    \tfrac12(d/\sigma^2 - \mathbb E|s_{p^\sigma}|^2)
    = \mathbb E \operatorname{tr} \operatorname{Cov}(X|Y)/(2\sigma^4)"""
    p, smoothed = impl.GaussianMixture(p.weights, p.means, p.covs), p.smoothed(sigma)
    (square, variance), change = expect(
        [
            lambda y: half_square(impl.GaussianMixture(smoothed.weights, smoothed.means, smoothed.covs).score(y)),
            lambda y: np.einsum("nii->n", p.posterior_cov(y, sigma)) / (2 * sigma**4),
        ],
        smoothed,
    )
    return Sides([smoothed.d / (2 * sigma**2), -square], [variance], change)


@theorem(MODULE, "quadrature", data_and_level, about="GaussianMixture.posterior_mean", plane=True, mixtures=True)
def denoising_constant_by_the_mean_noise(impl, p, sigma):
    r"""The constant of denoising is the variance of the noise about its mean given the noisy point.

    \tfrac12 \mathbb E[|Z/\sigma|^2 - |\mathbb E[Z/\sigma|Y]|^2]
    = \mathbb E \operatorname{tr} \operatorname{Cov}(X|Y)/(2\sigma^4)"""
    mine, smoothed = impl.GaussianMixture(p.weights, p.means, p.covs), p.smoothed(sigma)
    (square, variance), change = expect(
        [
            lambda y: half_square((y - mine.posterior_mean(y, sigma)) / sigma**2),
            lambda y: np.einsum("nii->n", p.posterior_cov(y, sigma)) / (2 * sigma**4),
        ],
        smoothed,
    )
    return Sides([smoothed.d / (2 * sigma**2), -square], [variance], change)


def noisy_model(draw: Draw) -> dict:
    d = draw.dimension()
    return {"x0": draw.reals((1, d), -2, 2), "sigma": draw.noise_level(), "model": draw.model(d, FIELDS)}


@theorem("Vincent 2011, with Stein's lemma; Song and Kingma 2021, section 4.1", "quadrature", noisy_model, plane=True)
def denoising_is_implicit_nearby(impl, x0, sigma, model):
    r"""For every x and sigma, denoising at x has the mean of implicit score matching around x plus a constant.

    \mathbb E_z[\text{DSM}(x, z)] - \tfrac{d}{2\sigma^2} = \mathbb E_z[\text{ISM}(x + \sigma z)]"""
    s, d = impl.score(model), x0.shape[1]
    (denoising, implicit), change = expect(
        [
            lambda z: impl.denoising_score_matching(s, x0 + 0 * z, sigma, z),
            lambda z: impl.implicit_score_matching(s, x0 + sigma * z),
        ],
        standard_normal(d),
    )
    return Sides([denoising, -d / (2 * sigma**2)], [implicit], change)


@theorem(
    "Wang, Cheng, Li, Zhu and Zhang 2020; Song and Kingma 2021, section 4.1", "quadrature", noisy_model, plane=True
)
def control_variate_keeps_the_mean(impl, x0, sigma, model):
    r"""The control variate has mean zero for every x, so that the mean of the objective stays the same.

    \mathbb E_z[\text{DSM}_{cv}(x, z)] = \mathbb E_z[\tfrac12 |s(x + \sigma z) + z/\sigma|^2]"""
    (controlled, plain), change = expect(
        [
            lambda z: impl.denoising_score_matching_cv(impl.score(model), x0 + 0 * z, sigma, z),
            lambda z: half_square(score_and_jacobian(model, x0 + sigma * z)[0] + z / sigma),
        ],
        standard_normal(x0.shape[1]),
    )
    return Sides([controlled], [plain], change)


def rows_and_noise(draw: Draw, kinds=FIELDS) -> dict:
    d, n = draw.count(1, 4), 3
    return {
        "model": draw.model(d, kinds),
        "x": draw.reals((n, d), -2, 2),
        "sigma": draw.reals((n,), 0.3, 3.0),
        "z": draw.reals((n, d), -3, 3),
    }


@theorem(
    "Stanford CS236, choosing the weighting function; Song and Ermon 2019, eqs. 5 and 6",
    "pointwise",
    lambda draw: rows_and_noise(draw, ("noise_conditional",)),
    cancels=EITHER_SIGN,
)
def noise_conditional_is_weighted_denoising(impl, model, x, sigma, z):
    r"""With the weight sigma^2 of each row, denoising compares sigma times the score with minus the noise.

    \tfrac12|\sigma_i s(x + \sigma_i z, \sigma_i) + z|^2
    = \sigma_i^2\, \tfrac12 |s(x + \sigma_i z, \sigma_i) + z/\sigma_i|^2"""
    column = sigma[:, None]
    s = score_and_jacobian(model, x + column * z, sigma)[0]
    rows = impl.noise_conditional_score_matching(impl.score(model), x, sigma, z)
    return Sides([rows], [*(0.5 * (sigma * s.T) ** 2), *(sigma * s.T * z.T), *(0.5 * z.T**2)])


@theorem(
    "Vincent 2011, section 4.2; Stanford CS236, denoising score matching",
    "pointwise",
    rows_and_noise,
    cancels=EITHER_SIGN,
)
def denoising_objectives_by_hand(impl, model, x, sigma, z):
    r"""Both denoising objectives, with a level for each row, equal their expanded squares with the score by hand.

    \tfrac12|s_y|^2 + s_y \cdot z/\sigma + |z|^2/(2\sigma^2),\ y = x + \sigma z; \text{ with the control variate, less }
     s_x \cdot z/\sigma + (|z|^2 - d)/(2\sigma^2)"""
    s_y, s_x = (score_and_jacobian(model, at)[0].T for at in (x + sigma[:, None] * z, x))
    left = [
        impl.denoising_score_matching(impl.score(model), x, sigma, z),
        impl.denoising_score_matching_cv(impl.score(model), x, sigma, z),
    ]
    plain = [*(0.5 * s_y**2), *(s_y * z.T / sigma), *(0.5 * (z.T / sigma) ** 2)]
    control = [*(-s_x * z.T / sigma), *(-0.5 * (z.T**2 - 1) / sigma**2)]
    zero = [0 * term for term in control]
    return Sides([np.stack(left)], [np.stack(pair) for pair in zip([*plain, *zero], [*plain, *control])])


@theorem(
    "Vincent 2011, section 4.3; Das 2021, denoising score matching", "pointwise", rows_and_noise, cancels=EITHER_SIGN
)
def denoising_is_an_autoencoder(impl, model, x, sigma, z):
    r"""With r(y) = y + c^2 s(y), the autoencoder's loss is c^4 times the denoising objective if sigma = c.

    \tfrac12|r(x + \sigma z) - x|^2 = \tfrac12|c^2 s(x + \sigma z) + \sigma z|^2"""
    c, noise = float(sigma[0]), sigma[:, None] * z
    denoiser = Model("denoiser", {"kind": model.kind, "parameters": model.parameters, "sigma": c})
    step = c**2 * score_and_jacobian(model, x + noise)[0]
    rows = impl.denoising_autoencoder(impl.score(denoiser), x, sigma, z)
    formula = list((np.abs(x) * (np.abs(step) + np.abs(noise))).T)  # r(y) - x adds and subtracts x
    return Sides([rows], [*(0.5 * step.T**2), *(step.T * noise.T), *(0.5 * noise.T**2)], formula=formula)


def clean_and_noisy(draw: Draw) -> dict:
    d = draw.dimension(4)
    p, sigma = draw.mixture(d), draw.real(0.3, 2.0)
    return {"p": p, "sigma": sigma, "y": draw.points(p.smoothed(sigma), 3)}


@theorem(TWEEDIE, "pointwise", clean_and_noisy, mixtures=True)
def tweedies_mean_is_bayes(impl, p, sigma, y):
    r"""Tweedie's formula turns the score of a smoothed mixture into the posterior mean that Bayes' rule gives.

    \mathbb E[X \mid Y = y] = y + \sigma^2 \nabla \log p^\sigma(y)"""
    model = mixture_of(p.smoothed(sigma))
    formula = [y, sigma**2 * products(p.smoothed(sigma), y)]
    return Sides([impl.tweedie_mean(impl.score(model), y, sigma)], [p.posterior_mean(y, sigma)], formula=formula)


@theorem(
    TWEEDIE, "pointwise", clean_and_noisy, mixtures=True, cancels="sigma^2 I and sigma^4 grad s have opposite signs"
)
def tweedies_covariance_is_bayes(impl, p, sigma, y):
    r"""Tweedie's formula turns the Jacobian of a smoothed mixture's score into the posterior covariance of Bayes' rule.

    \operatorname{Cov}[X \mid Y = y] = \sigma^2 I + \sigma^4 \nabla^2 \log p^\sigma(y)"""
    model = mixture_of(p.smoothed(sigma))
    formula = [sigma**2 * np.eye(y.shape[1]), sigma**4 * jacobian_size(model, y)]
    return Sides([impl.tweedie_cov(impl.score(model), y, sigma)], [p.posterior_cov(y, sigma)], formula=formula)


@theorem(TWEEDIE, "pointwise", rows_and_noise)
def tweedies_mean_row_by_row(impl, model, x, sigma, z):
    r"""For any field, with a level for each row, the mean is y + sigma^2 times the field by hand.

    y_i + \sigma_i^2 s(y_i)"""
    y = x + z
    return Sides(
        [impl.tweedie_mean(impl.score(model), y, sigma)], [y, sigma[:, None] ** 2 * score_and_jacobian(model, y)[0]]
    )


@theorem(TWEEDIE, "pointwise", rows_and_noise, cancels=EITHER_SIGN)
def tweedies_covariance_row_by_row(impl, model, x, sigma, z):
    r"""For any field, with a level for each row, the covariance follows from its Jacobian, symmetric or not.

    \sigma_i^2 I + \sigma_i^4 \nabla s(y_i)"""
    y, variance = x + z, sigma[:, None, None] ** 2
    return Sides(
        [impl.tweedie_cov(impl.score(model), y, sigma)],
        [variance * np.eye(y.shape[1]), variance**2 * score_and_jacobian(model, y)[1]],
        formula=[variance**2 * jacobian_size(model, y)],
    )


def gaussian_and_departure(draw: Draw) -> dict:
    d = draw.count(1, 3)
    half = draw.reals((d, d), -0.5, 0.5)
    return {
        "p": draw.gaussian(d),
        "sigma": draw.noise_level(),
        "precision": 0.5 * (half + half.T),
        "shift": draw.reals((d,), -0.5, 0.5),
    }


@theorem("Song and Kingma 2021, section 4.1 (inconsistency of denoising)", "quadrature", gaussian_and_departure)
def denoising_learns_the_smoothed_score(impl, p, sigma, precision, shift):
    r"""For Gaussian data the minimiser is the score with the smoothed precision A = (S + sigma^2 I)^{-1}, not S^{-1}.

    J(m + \delta, A + D) - J(m, A) = \tfrac12 \operatorname{tr} D A^{-1} D + \tfrac12|(A + D)\delta|^2"""
    d, best = len(p.mean), p.smoothed(sigma).precision
    joint = standard_normal(2 * d)

    def objective(function, mean, matrix):
        s = impl.score(Model("quadratic", {"mean": mean, "precision": matrix}))
        return lambda w: function(s, p.substitute(w[:, :d])[0], sigma, w[:, d:])

    functions = (impl.denoising_score_matching, impl.denoising_score_matching_cv)
    away = [objective(f, p.mean + shift, best + precision) for f in functions]
    here = [objective(f, p.mean, best) for f in functions]
    terms, change = expect(
        [lambda w, fs=fs: np.stack([f(w) for f in fs], axis=1) for fs in (away, here)], joint, degree=2
    )
    excess = np.trace(precision @ np.linalg.inv(best) @ precision) + np.sum(((best + precision) @ shift) ** 2)
    return Sides(terms[:1], [terms[1], 0.5 * excess], change)


NEAR_A_MIXTURE = [  # a point, and the means of two wells of unit precision
    ([0.3], [[0.9], [-0.7]]),
    ([0.2, -0.4], [[0.8, 0.1], [-0.6, 0.5]]),
]


def point_and_wells(x, means) -> dict:
    d = len(x)
    wells = {"logits": np.array([0.2, -0.3]), "means": np.array(means), "precisions": np.stack([np.eye(d)] * 2)}
    return {"x": np.array([x]), "model": Model("mixture", wells)}


def variance_over_noise(function, d):
    (mean,) = expect([function], standard_normal(d)).value
    (variance,) = expect([lambda z: (function(z) - mean) ** 2], standard_normal(d)).value
    return variance


@theorem("Song and Kingma 2021, section 4.1", "limit", point_and_wells, cases=NEAR_A_MIXTURE)
def variance_of_denoising_explodes(impl, x, model):
    r"""The variance of the denoising objective grows like the fourth power of 1/sigma.

    \operatorname{Var}_z[\text{DSM}] = \tfrac{d}{2\sigma^4} + O(\sigma^{-2})"""
    sigmas = 0.04 * 0.5 ** np.arange(4)
    s, d = impl.score(model), x.shape[1]
    variances = [
        variance_over_noise(lambda z, c=c: impl.denoising_score_matching(s, x + 0 * z, c, z), d) for c in sigmas
    ]
    return Limit(sigmas, variances, -4, d / 2)


@theorem("Song and Kingma 2021, section 4.1", "limit", point_and_wells, cases=NEAR_A_MIXTURE)
def variance_of_denoising_to_second_order(impl, x, model):
    r"""The variance of denoising has a second term of order sigma^-2, and the remainder is bounded.

    \operatorname{Var}_z[\text{DSM}] = \tfrac{d}{2\sigma^4} + \tfrac{|s|^2 + 2 \operatorname{div} s}{\sigma^2} + O(1)"""
    sigmas = 0.04 * 0.5 ** np.arange(4)
    field, d = impl.score(model), x.shape[1]
    s, j = score_and_jacobian(model, x)
    second = np.sum(s**2) + 2 * np.trace(j[0])
    remainders = [
        c**2 * (variance_over_noise(lambda z, c=c: impl.denoising_score_matching(field, x + 0 * z, c, z), d))
        - d / (2 * c**2)
        - second
        for c in sigmas
    ]
    return Limit(sigmas, remainders, 2)


@theorem(
    "Wang, Cheng, Li, Zhu and Zhang 2020; Song and Kingma 2021, section 4.1",
    "limit",
    point_and_wells,
    cases=NEAR_A_MIXTURE,
)
def variance_with_the_control_variate_is_bounded(impl, x, model):
    r"""With the control variate the variance tends, at order sigma^2, to that of the quadratic form of grad s.

    \operatorname{Var}_z[\text{DSM}_{cv}] \to 2|\operatorname{sym} \nabla s|_F^2"""
    sigmas = 0.04 * 0.5 ** np.arange(4)
    field, d = impl.score(model), x.shape[1]
    a = score_and_jacobian(model, x)[1][0]
    limit = 2 * np.sum((0.5 * (a + a.T)) ** 2)
    variances = [
        variance_over_noise(lambda z, c=c: impl.denoising_score_matching_cv(field, x + 0 * z, c, z), d) for c in sigmas
    ]
    return Limit(sigmas, np.array(variances) - limit, 2)


def points_on_a_line(draw: Draw) -> dict:
    angle = draw.real(-3, 3)
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    base = draw.reals((2,), -1, 1)
    points = base + draw.reals((draw.count(2, 4), 1), -1.5, 1.5) * along
    return {
        "points": points,
        "sigma": draw.noise_level(),
        "base": base,
        "across": across,
        "x": draw.reals((3, 2), -4, 4),
    }


@theorem("Stanford CS236, pitfall 1", "pointwise", points_on_a_line, about="smoothed_empirical")
def score_off_a_line(impl, points, sigma, base, across, x):
    r"""For data on a line plus noise, the score across the line, at a distance r from it, is -r/sigma^2.

    s \cdot n = -r/\sigma^2"""
    s = impl.smoothed_empirical(points, sigma).score(x)
    return Sides(list((s * across).T), list((-(x - base) * across / sigma**2).T))


@theorem("Stanford CS236, pitfall 1", "quadrature", points_on_a_line, about="smoothed_empirical")
def score_off_a_line_grows_without_bound(impl, points, sigma, base, across, x):
    r"""The root mean square of the score across the line is 1/sigma, which diverges as the noise vanishes.

    \mathbb E_{p^\sigma}[(s \cdot n)^2] = 1/\sigma^2"""
    p = smoothed_empirical(points, sigma)
    mine = impl.smoothed_empirical(points, sigma)
    terms, change = expect([lambda x: (mine.score(x) @ across) ** 2], p)
    return Sides(terms, [1 / sigma**2], change)


def points_and_levels(draw: Draw) -> dict:
    d = draw.count(1, 6)
    x = draw.reals((draw.count(2, 4), d), -2, 2)
    x[0] += 6  # the largest distance is above the smallest level
    return {"x": x, "n": draw.count(2, 6), "smallest": draw.real(0.01, 0.1)}


@theorem("Stanford CS236, choosing noise scales; Song and Ermon 2020, technique 1", "pointwise", points_and_levels)
def noise_levels_are_geometric(impl, x, n, smallest):
    r"""The levels fall in constant ratio from the largest distance between two points to the smallest level.

    \sigma_i = \sigma_1 (\sigma_n/\sigma_1)^{(i - 1)/(n - 1)},\ \sigma_1 = \max |x_i - x_j|"""
    largest = max(np.sqrt(np.sum((a - b) ** 2)) for a in x for b in x)
    exponents = np.arange(n) / (n - 1)
    return Sides([impl.geometric_noise_levels(x, n, smallest).sigmas], [largest * (smallest / largest) ** exponents])


def chi_square_tail(t, d):
    """P(|Z|^2 > t) for Z normal in d dimensions: a finite sum for even d, from erfc for odd d."""
    steps = np.arange(0.5 * (d % 2), 0.5 * d)
    start, steps = (scipy.special.erfc(np.sqrt(t / 2)), steps) if d % 2 else (0.0, steps)
    return start + np.sum(np.exp(steps * np.log(t / 2) - t / 2 - scipy.special.gammaln(steps + 1)))


@theorem(
    "Stanford CS236, choosing noise scales; Song and Ermon 2020, technique 2",
    "pointwise",
    points_and_levels,
    cancels="the overlap of distant levels is tiny compared with one",
)
def overlap_of_noise_levels(impl, x, n, smallest):
    r"""The overlap of neighbouring levels is 1 minus their total variation, a difference of chi-square tails.

    1 - TV = 1 - P(\chi^2_d > c/\gamma^2) + P(\chi^2_d > c),\ c = \tfrac{2d \log\gamma}{1 - \gamma^{-2}}"""
    levels, d = impl.geometric_noise_levels(x, n, smallest), x.shape[1]
    largest = max(np.sqrt(np.sum((a - b) ** 2)) for a in x for b in x)
    ratio = (largest / smallest) ** (1 / (n - 1))
    c = 2 * d * np.log(ratio) / (1 - ratio**-2)
    return Sides([levels.overlap], [1.0, -chi_square_tail(c / ratio**2, d), chi_square_tail(c, d)])
