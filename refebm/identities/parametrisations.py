r"""Theorems about what a network may predict: closed forms, round trips, Bayes' rule, and the origin of velocities."""

from itertools import accumulate

import numpy as np

from refebm.identities import Draw, Sides, theorem
from refebm.identities.diffusion import by_bayes, columns, one_more_step
from refebm.identities.draw import SCORES
from refebm.identities.notation import EITHER_SIGN
from refebm.models import Model
from refebm.truth.derivatives import score_and_jacobian

SALIMANS = "Salimans and Ho 2022, section 4 and appendix D"
HO = "Ho, Jain and Abbeel 2020"
TWEEDIE = "Efron 2011, eq. 2.8"
FROM = "noise_from_score clean_point_from_score velocity_from_score"
BACK = "score_from_noise score_from_clean_point score_from_velocity"


def predicted(impl, score, x, m, std):
    """Noise, clean point and velocity from a score."""
    return [getattr(impl, name)(score, x, m, std) for name in FROM.split()]


def a_field(draw: Draw) -> dict:
    d, n = draw.count(1, 3), 3
    case = {"model": draw.model(d, SCORES), "x": draw.reals((n, d), -3, 3)}
    return case | {"m": draw.reals((n,), 0.2, 1.5), "std": draw.reals((n,), 0.2, 2.0)}


@theorem(f"{HO}, eq. 12; {TWEEDIE}; {SALIMANS}", "pointwise", a_field, about=f"{FROM} {BACK}")
def parametrisations_by_hand(impl, model, x, m, std):
    r"""For any field F each conversion is its formula in F, m and std, row by row.

    -\text{std} F,\ \frac{x + \text{std}^2 F}{m},\ -\frac{\text{std}}{m} (x + (m^2 + \text{std}^2) F);\
    -\frac{F}{\text{std}},\ \frac{m F - x}{\text{std}^2},\ -\frac{x + m F/\text{std}}{m^2 + \text{std}^2}"""
    given, field = impl.score(model), score_and_jacobian(model, x)[0]
    left = predicted(impl, given, x, m, std) + [getattr(impl, name)(given, x, m, std) for name in BACK.split()]
    m, std = m[:, None], std[:, None]
    whole = m**2 + std**2
    first = [-std * field, std**2 * field / m, -std / m * whole * field]
    first += [-field / std, m * field / std**2, -m * field / (std * whole)]
    second = [0 * x, x / m, -std / m * x, 0 * x, -x / std**2, -x / whole]
    return Sides([np.stack(left)], [np.stack(first), np.stack(second)])


@theorem(
    f"{HO}, eq. 12; {TWEEDIE}; {SALIMANS}",
    "pointwise",
    a_field,
    about=f"{FROM} {BACK}",
    cancels="terms that are added to the field and subtracted again",
)
def parametrisations_go_there_and_back(impl, model, x, m, std):
    r"""Converting any prediction to a score and back, or a score to a prediction and back, returns the field.

    -\text{std} \left(-\frac{F}{\text{std}}\right) = F,
    \ \frac1m \left(x + \text{std}^2\, \frac{m F - x}{\text{std}^2}\right) = F,
    \ -\frac{\text{std}}m \left(x - (m^2 + \text{std}^2)\, \frac{x + m F/\text{std}}{m^2 + \text{std}^2}\right) = F"""
    given, field, left = impl.score(model), score_and_jacobian(model, x)[0], []
    for name, back in zip(FROM.split(), BACK.split()):
        there, again = getattr(impl, name), getattr(impl, back)
        left.append(there(lambda x, again=again: again(given, x, m, std), x, m, std))
        left.append(again(lambda x, there=there: there(given, x, m, std), x, m, std))
    m, std = m[:, None], std[:, None]
    added = [0 * x, 0 * x, x / m, x / std**2, std / m * x, x / (m**2 + std**2)]
    return Sides([np.stack(left)], [np.stack([field] * 6)], formula=[np.stack(added)])


@theorem(f"{HO}, eqs. 9 and 12; {SALIMANS}", "pointwise", a_field, about=f"{FROM} {BACK}", cancels=EITHER_SIGN)
def parametrisations_agree_about_the_noisy_point(impl, model, x, m, std):
    r"""Noise, clean point and velocity from one field, as a score or as noise, are consistent with the noisy point.

    x = m\, \hat x_0 + \text{std}\, \hat z,\ \hat v = m \hat z - \text{std}\, \hat x_0"""
    given, F = impl.score(model), score_and_jacobian(model, x)[0]
    noise, clean, velocity = predicted(impl, given, x, m, std)
    _, clean_of_noise, velocity_of_noise = predicted(impl, lambda x: impl.score_from_noise(given, x, m, std), x, m, std)
    m, std = m[:, None], std[:, None]
    zero, whole = 0 * x, m**2 + std**2
    left = [np.stack([m * clean, velocity, m * clean_of_noise, velocity_of_noise])]
    left.append(np.stack([std * noise, zero, zero, zero]))
    right = [np.stack([x, m * noise, x, -std / m * x]), np.stack([zero, -std * clean, -std * F, whole / m * F])]
    size = std / m * np.abs(x) + whole / m * np.abs(std * F)
    return Sides(left, right, formula=[np.stack([zero, size, zero, size])])


def wells(draw: Draw) -> dict:
    d, n = draw.count(1, 3), 3
    case = {"model": draw.model(d, ("smoothed_mixture",)), "x": draw.reals((n, d), -3, 3)}
    return case | {"m": draw.reals((n,), 0.2, 1.5), "std": draw.reals((n,), 0.2, 2.0)}


@theorem(f"{TWEEDIE}; {SALIMANS}", "pointwise", wells, about=FROM, cancels=EITHER_SIGN)
def parametrisations_are_bayes(impl, model, x, m, std):
    r"""From the score of a mixture plus noise, the conversions give posterior means of noise, clean point and velocity.

    \mathbb E[Z | x],\ \mathbb E[x_0 | x],\ \mathbb E[m Z - \text{std}\, x_0 | x]"""
    given, s, (m1, std1) = model.parameters, impl.score(model), (m[:, None], std[:, None])
    left = predicted(impl, lambda x: s(x / m1, std / m) / m1, x, m, std)
    r, clean, noise = by_bayes(m1, std1, np.exp(given["logits"]), given["means"], given["variances"], x)
    right = np.stack([r * noise, r * clean, r * m1 * noise], axis=1)
    more = np.stack([0 * r * noise, 0 * r * clean, -std1 * r * clean], axis=1)
    size = np.sum(np.abs(r * noise), axis=0)
    large = (np.abs(x) + std1 * size) / m1
    rest = (std1 * np.abs(x) + (m1**2 + std1**2) * size) / m1
    return Sides([np.stack(left)], [*right, *more], formula=[np.stack([size, large, rest])])


@theorem(
    f"{SALIMANS}; Song et al. 2021, eq. 13",
    "pointwise",
    lambda draw: wells(draw) | {"angle": draw.reals((3,), 0.1, 1.4)},
    cancels=EITHER_SIGN,
)
def velocity_is_how_points_move_in_the_angle(impl, model, x, m, std, angle):
    r"""With m = cos(phi) and std = sin(phi), the points of normal data move with the velocity as phi grows.

    x(\phi) = \cos(\phi)\, \mu + \sqrt{V(\phi)/v}\,(x - \mu),\ V = \cos^2(\phi)\, v + \sin^2 \phi,\
    \frac{dx}{d\phi} = \hat v(x(\phi), \phi)"""
    mean, variance = (model.parameters[name][:1] for name in ("means", "variances"))
    one = Model("smoothed_mixture", {"logits": np.zeros(1), "means": mean, "variances": variance})
    cos, sin, s = np.cos(angle)[:, None], np.sin(angle)[:, None], impl.score(one)
    wide = cos**2 * variance + sin**2
    away = np.sqrt(wide / variance) * (x - mean)
    here = cos * mean + away
    moved = impl.velocity_from_score(lambda x: s(x / cos, np.tan(angle)) / cos, here, np.cos(angle), np.sin(angle))
    turning = sin * cos * (1 - variance) / wide * away
    size = sin / cos * (np.abs(cos * mean) + np.abs(away) * (1 + 1 / wide))
    return Sides([moved], [-sin * mean + 0 * x, turning], formula=[size])


def an_sde(draw: Draw) -> dict:
    d, n = draw.count(1, 3), 3
    model = draw.model(d, ("noise_conditional", "diffused_mixture"))
    return {"sde": draw.sde(), "model": model, "x": draw.reals((n, d), -2, 2), "t": draw.reals((n,), 0.05, 0.98)}


@theorem(
    f"{HO}, eq. 12; {TWEEDIE}",
    "pointwise",
    an_sde,
    about="noise_from_score clean_point_from_score score_from_noise score_from_clean_point "
    "predicted_noise denoised_point score_of_noise score_of_denoiser",
    cancels=EITHER_SIGN,
)
def parametrisations_under_an_sde(impl, sde, model, x, t):
    r"""At m(t) and std(t) of an SDE, the conversions are those that take the SDE and a time t.

    m = m(t),\ \text{std} = \text{std}(t)"""
    given, mine = impl.score(model), impl.sde(sde)
    marginal = mine.marginal(t)

    def here(x):
        return given(x, t)

    names = {"noise_from_score": "predicted_noise", "clean_point_from_score": "denoised_point"}
    names |= {"score_from_noise": "score_of_noise", "score_from_clean_point": "score_of_denoiser"}
    left = [getattr(impl, name)(here, x, *marginal) for name in names]
    right = [getattr(impl, name)(given, mine, x, t) for name in names.values()]
    (m, std), F = columns(sde, t), score_and_jacobian(model, x, t)[0]
    formula = [
        np.stack([std * F, std**2 * F / m, F / std, m * F / std**2]),
        np.stack([0 * x, x / m, 0 * x, x / std**2]),
    ]
    return Sides([np.stack(left)], [np.stack(right)], formula=formula)


def a_schedule(draw: Draw) -> dict:
    length = draw.count(1, 6)
    return {"betas": draw.reals((length,), 0.01, 0.6), "i": np.array([draw.count(0, length - 1) for _ in range(3)])}


@theorem(f"{HO}, eq. 4", "pointwise", a_schedule)
def steps_add_up_to_their_marginal(impl, betas, i):
    r"""Scale and deviation after each step follow by recursion from keeping sqrt(1 - beta) and adding variance beta.

    m_i = m_{i-1} \sqrt{1 - \beta_i},\ \text{std}_i^2 = (1 - \beta_i)\, \text{std}_{i-1}^2 + \beta_i"""
    scale, std = impl.marginal_of_steps(betas, i)
    variances = np.array(list(accumulate(betas, one_more_step)))
    return Sides([np.stack([scale, std])], [np.stack([np.cumprod(np.sqrt(1 - betas))[i], np.sqrt(variances[i])])])


def a_tiny_schedule(draw: Draw) -> dict:
    """A schedule of variances between 2^-46 and 2^-20."""
    case = a_schedule(draw)
    return case | {"betas": case["betas"] * 2.0 ** -draw.count(20, 38)}


@theorem(f"{HO}, eq. 4", "pointwise", a_tiny_schedule)
def tiny_steps_add_up_to_their_marginal(impl, **case):
    r"""The deviation keeps full precision even for tiny variances, where 1 - a_i must not cancel.

    \text{std}_i^2 = (1 - \beta_i)\, \text{std}_{i-1}^2 + \beta_i"""
    return steps_add_up_to_their_marginal(impl, **case)
