r"""Theorems about schedules: the cosine schedule, ratios of noise levels, Langevin step sizes, parameter averages."""

import numpy as np
import scipy

from refebm.identities import Draw, Limit, Sides, theorem
from refebm.identities.notation import EITHER_SIGN
from refebm.models import Model

NICHOL = "Nichol and Dhariwal 2021, eq. 17"
SONG = "Song and Ermon 2020"


def a_cosine(draw: Draw) -> dict:
    return {"n_steps": draw.count(1, 12), "offset": draw.real(0.002, 0.2), "most": draw.real(0.9, 0.999)}


@theorem(NICHOL, "pointwise", a_cosine)
def cosine_keeps_a_cosine(impl, n_steps, offset, most):
    r"""The kept fraction of the data's variance is a squared cosine after each step, except the last, which is clipped.

    \prod_{j \le i} (1 - \beta_j) = \frac{1 + \cos(2 \theta_i)}{1 + \cos(2 \theta_0)},\
    \theta_i = \frac{\pi (i/N + s)}{2 (1 + s)}"""
    angle = np.pi * (np.arange(n_steps) / n_steps + offset) / (1 + offset)
    kept = (1 + np.cos(angle)) / (1 + np.cos(angle[0]))
    left = np.cumprod(np.append(1.0, 1 - impl.cosine_betas(n_steps, offset, most)))
    wanted = np.append(kept, kept[-1] * (1 - most))
    size = np.append(2 / (1 + np.cos(angle)), 2 / (1 + np.cos(angle[-1])))
    return Sides([left], [wanted], formula=[wanted * size * (1 + np.arange(n_steps + 1))])


AT = [(0.008, 2), (0.008, 1), (0.1, 3)]


@theorem(f"{NICHOL}; Song et al. 2021, appendix B", "limit", cases=AT)
def cosine_has_the_rate_of_a_tangent(impl, offset, quarters):
    r"""For the cosine schedule N beta_i tends, at order 1/N, to the rate beta(t) of an SDE at t = i/N.

    N \beta_i = \beta(t) - \tfrac1{2N} (\beta^2 + \beta') + O(N^{-2}),\
    \beta(t) = \frac{\pi}{1 + s} \tan\left(\frac{\pi (t + s)}{2 (1 + s)}\right)"""
    steps, t, turn = 400 * 2 ** np.arange(4), quarters / 4, np.pi / (1 + offset)
    rate = turn * np.tan(0.5 * turn * (t + offset))
    slope = 0.5 * turn**2 / np.cos(0.5 * turn * (t + offset)) ** 2
    errors = [n * impl.cosine_betas(int(n), offset)[n * quarters // 4 - 1] - rate for n in steps]
    return Limit(1 / steps, np.array(errors), 1, -0.5 * (rate**2 + slope))


def covered(ratio, d):
    """The terms of the coverage of neighbouring levels, by the complementary error function."""
    apart = np.sqrt(d) * (ratio - 1)
    return [
        0.5 * scipy.special.erfc(apart - 3 * ratio / np.sqrt(2)),
        -0.5 * scipy.special.erfc(apart + 3 * ratio / np.sqrt(2)),
    ]


def two_levels(draw: Draw) -> dict:
    return {"ratio": draw.real(1.01, 2.5), "d": draw.count(1, 60)}


@theorem(f"{SONG}, proposition 2", "pointwise", two_levels)
def coverage_by_hand(impl, ratio, d):
    r"""The coverage is the mass of a normal law in an interval, a difference of complementary error functions.

    \tfrac12 \operatorname{erfc}\left(\sqrt d\, (r - 1) - \tfrac{3 r}{\sqrt2}\right)
    - \tfrac12 \operatorname{erfc}\left(\sqrt d\, (r - 1) + \tfrac{3 r}{\sqrt2}\right)"""
    right = covered(ratio, d)
    steep = (np.sqrt(d) * (ratio - 1) + 3 * ratio) * np.exp(-((np.sqrt(d) * (ratio - 1) - 3 * ratio / np.sqrt(2)) ** 2))
    return Sides([np.array(impl.level_coverage(ratio, d))], right, formula=[steep])


APART = [2.0, 2.5, 3.5]


@theorem(f"{SONG}, proposition 2", "limit", cases=APART)
def coverage_is_that_of_lengths(impl, apart):
    r"""As d grows, the coverage tends, at order 1/sqrt(d), to the probability of the noise's length in its interval.

    \Phi(c + 3 r) - \Phi(c - 3 r) = P\left(\left| |z| - \sqrt d\, r \right| \le \tfrac{3 r}{\sqrt2}\right)
    + \frac{g(c - 3) - g(c + 3)}{\sqrt{2 d}} + O(\tfrac1d),\
    g(u) = \tfrac{4 - u^2}{6} \varphi(u),\ z \sim \mathcal N(0, I),\ r = 1 + \tfrac{c}{\sqrt{2 d}}"""
    d, errors = 160_000 * 4 ** np.arange(4), []
    for one in d.tolist():
        ratio = 1 + apart / np.sqrt(2 * one)
        ends = [np.sqrt(one) * ratio + sign * 3 * ratio / np.sqrt(2) for sign in (-1, 1)]
        exact = scipy.stats.chi2.sf(ends[0] ** 2, one) - scipy.stats.chi2.sf(ends[1] ** 2, one)
        errors.append(float(impl.level_coverage(ratio, one)) - exact)
    a, b = apart - 3, apart + 3
    skewed = [(4 - u**2) / 6 * np.exp(-0.5 * u**2) / np.sqrt(2 * np.pi) for u in (a, b)]
    return Limit(1 / d, np.array(errors), 0.5, (skewed[0] - skewed[1]) / np.sqrt(2))


def a_coverage(draw: Draw) -> dict:
    return {"d": draw.count(8, 3000), "coverage": draw.real(0.1, 0.95)}


@theorem(f"{SONG}, technique 2", "pointwise", a_coverage)
def the_ratio_has_the_coverage(impl, d, coverage):
    r"""Neighbouring levels in the ratio that the rule gives have the coverage that was asked for.

    \Phi(\sqrt{2 d}\, (r - 1) + 3 r) - \Phi(\sqrt{2 d}\, (r - 1) - 3 r) = c"""
    ratio = float(impl.level_ratio(d, coverage))
    rounding = (np.sqrt(d) + 3) * ratio  # the largest slope of the coverage, times the rounded ratio
    return Sides([term + np.zeros(1) for term in covered(ratio, d)], [np.array([coverage])], formula=[rounding])


def a_level(draw: Draw) -> dict:
    return {"ratio": draw.real(1.05, 3.0), "eta": draw.real(0.05, 1.9), "n_steps": draw.count(1, 12)}


@theorem(f"{SONG}, proposition 3", "pointwise", a_level)
def variances_step_by_step(impl, ratio, eta, n_steps):
    r"""The variance follows the recursion of what each step keeps of it and what its noise adds.

    v_0 = r^2,\ v_{t+1} = (1 - \eta)^2 v_t + 2 \eta"""
    variance = ratio**2
    for _ in range(n_steps):
        variance = (1 - eta) ** 2 * variance + 2 * eta
    settled = 1 / (1 - eta / 2)
    kept = (1 - eta) ** (2 * n_steps)
    formula = [settled, kept * ratio**2, kept * settled, (2 - eta) * settled**2 * n_steps]
    return Sides([np.array(impl.annealed_variance(ratio, eta, n_steps))], [np.array(variance)], formula=formula)


@theorem(f"{SONG}, proposition 3 and algorithm 1", "pointwise", a_level, about="annealed_variance annealed_langevin")
def annealed_langevin_has_that_variance(impl, ratio, eta, n_steps):
    r"""The variance is the sum of squares of the factors by which the executed chain multiplies its start and noises.

    x_T = a x_0 + \sum_t b_t z_t:\quad v = a^2 r^2 + \sum_t b_t^2"""
    wells = {"logits": np.zeros(1), "means": np.zeros((1, 1)), "variances": np.full((1, 1), 1e-300)}
    score, sigma = impl.score(Model("smoothed_mixture", wells)), 0.75
    x, z = np.zeros((n_steps + 1, 1)), np.zeros((1, n_steps, n_steps + 1, 1))
    x[0] = 1.0
    for t in range(n_steps):
        z[0, t, t + 1] = 1.0
    made = impl.annealed_langevin(score, x, np.array([sigma]), eta * sigma**2, z)[:, 0]
    squares = made**2 * np.append(ratio**2, np.full(n_steps, sigma**-2))
    settled, kept = 1 / (1 - eta / 2), (1 - eta) ** (2 * n_steps)
    formula = [settled, kept * ratio**2, kept * settled, (2 - eta) * settled**2 * n_steps, n_steps * np.sum(squares)]
    return Sides([np.array(impl.annealed_variance(ratio, eta, n_steps))], list(squares), formula=formula)


def a_budget(draw: Draw) -> dict:
    return {"ratio": draw.real(1.02, 2.0), "n_steps": draw.count(1, 40)}


@theorem(f"{SONG}, technique 4", "pointwise", a_budget)
def the_step_makes_the_variance_least(impl, ratio, n_steps):
    r"""At the optimal step the variance is stationary: the remaining start falls as fast as the step's own error grows.

    2 T (1 - \eta)^{2T - 1} (r^2 - f) = \left(1 - (1 - \eta)^{2T}\right) \tfrac12 f^2,\ f = \frac{1}{1 - \eta/2}"""
    e = float(impl.annealed_step(ratio, n_steps))
    f, power = 2 / (2 - e), 2 * n_steps
    kept = (1 - e) ** (power - 1)
    left = [power * kept * ratio**2, -power * kept * f]
    right = [0.5 * f**2, -0.5 * f**2 * kept * (1 - e)]
    steep = power**2 * (kept / (1 - e)) * ratio**2 * e + f**2 * power  # the effect of rounding eta
    return Sides([np.array([term]) for term in left], [np.array([term]) for term in right], formula=[steep])


def training_run(draw: Draw) -> dict:
    """The parameters before the first and after each training step, and a momentum."""
    return {"steps": draw.reals((draw.count(2, 6), 6), -2, 2), "momentum": draw.real(0.1, 0.9)}


def averaged(impl, steps, momentum):
    """The final average as one vector, for parameters that are a matrix and a vector."""

    def nest(theta):
        return theta[:2].reshape(1, 2), theta[2:]

    average = nest(steps[0])
    for theta in steps[1:]:
        average = impl.moving_average(average, nest(theta), momentum)
    return np.concatenate(list(map(np.ravel, average)))


@theorem(f"{SONG}, technique 5", "pointwise", training_run, cancels=EITHER_SIGN)
def averages_weigh_the_past_geometrically(impl, steps, momentum):
    r"""After T steps the parameters of j steps ago have the weight (1 - m) m^j, and the first ones the rest.

    \theta'_T = m^T \theta_0 + (1 - m) \sum_{j < T} m^j\, \theta_{T - j}"""
    weights = (1 - momentum) * momentum ** np.arange(len(steps) - 1)[::-1]
    terms = np.append(momentum ** (len(steps) - 1), weights)[:, None] * steps
    return Sides([averaged(impl, steps, momentum)], list(terms))


@theorem(
    f"{SONG}, technique 5", "pointwise", lambda draw: {"n_steps": draw.count(2, 30), "momentum": draw.real(0.1, 0.95)}
)
def averages_quiet_the_noise(impl, n_steps, momentum):
    r"""Averaging reduces the variance of independent parameters to (1 - m)/(1 + m), plus a rest from the first ones.

    \operatorname{Var} \theta'_T = \frac{1 - m}{1 + m} (1 - m^{2T}) + m^{2T},\ \operatorname{Var} \theta_j = 1"""
    remembered = momentum ** (2 * n_steps)
    weights = averaged(impl, np.eye(n_steps + 1), momentum)
    quiet = (1 - momentum) / (1 + momentum)
    formula = [3 * n_steps * (quiet + remembered)]  # rounding of the powers, which are made step by step
    return Sides(list(weights**2), [quiet, -quiet * remembered, remembered], formula=formula)
