r"""Theorems about DDIM, denoising diffusion with a fraction eta of its noise: single steps and noiseless chains."""

import numpy as np

from refebm.identities import Draw, Limit, Sides, theorem
from refebm.identities.ddpm import a_discrete_step, lost
from refebm.identities.diffused import column, field_by_hand
from refebm.identities.notation import EITHER_SIGN
from refebm.models import Model

SONG = "Song, Meng and Ermon 2021"


def a_step(draw: Draw) -> dict:
    case = a_discrete_step(draw)
    del case["posterior"]
    return case | {"eta": draw.choice((0.0, 0.5, 1.0)) * draw.real(0.2, 0.98)}


@theorem(f"{SONG}, eq. 12", "pointwise", a_step, cancels=EITHER_SIGN)
def ddim_step_by_hand(impl, model, betas, x, i, eta, z):
    r"""A step combines the clean point and the noise that the score predicts, with the noise level of the step before.

    \sqrt{a_{i-1}}\, \frac{x + v_i s}{\sqrt{a_i}} - \sqrt{v_{i-1} - \sigma^2}\, \sqrt{v_i}\, s + \sigma z,\
    v_i = 1 - a_i,\ \sigma^2 = \eta^2 \beta_i v_{i-1}/v_i"""
    every = i * np.ones(len(x), int)
    beta, after, before = (column(part[every]) for part in (betas, *lost(betas)))
    s, drawn = field_by_hand(model, x, every), eta**2 * beta * before / after
    kept = np.sqrt((1 - before) / (1 - after))
    stepped = impl.ddim_step(impl.score(model), betas, x, i, eta, z).x
    terms = [kept * x, kept * after * s, -np.sqrt((before - drawn) * after) * s, np.sqrt(drawn) * z]
    return Sides([stepped], terms)


def all_of_the_noise(draw: Draw) -> dict:
    """A step with eta = 1; the first variance may be as small as 2^-60: then hardly any noise is left after step 1."""
    case = a_step(draw) | {"eta": 1.0}
    return case | {"betas": case["betas"] * np.append(2.0 ** -draw.count(0, 60), np.ones(len(case["betas"]) - 1))}


@theorem(f"{SONG}, eq. 16; Ho, Jain and Abbeel 2020, eqs. 6 and 7", "pointwise", all_of_the_noise, cancels=EITHER_SIGN)
def all_of_the_noise_is_ancestral(impl, model, betas, x, i, eta, z):
    r"""With eta = 1 the step is ancestral, with the variance of x_{i-1} given x_i and the clean point.

    \frac{x + \beta_i s(x, i)}{\sqrt{1 - \beta_i}} + \sqrt{\beta_i v_{i-1}/v_i}\, z"""
    every = i * np.ones(len(x), int)
    beta, after, before = (column(part[every]) for part in (betas, *lost(betas)))
    s, grown = field_by_hand(model, x, every), 1 / np.sqrt(1 - beta)
    stepped = impl.ddim_step(impl.score(model), betas, x, i, eta, z).x
    return Sides(
        [stepped], [x * grown, beta * s * grown, np.sqrt(beta * before / after) * z], formula=[after * s * grown]
    )


@theorem(f"{SONG}, eq. 14 and section 4.3", "pointwise", lambda draw: a_step(draw) | {"eta": 0.0}, cancels=EITHER_SIGN)
def no_noise_is_euler_along_the_flow(impl, model, betas, x, i, eta, z):
    r"""With eta = 0, for any field, the step is Euler's for dy/dl = -std s(m y) with y = x/m and l = std/m.

    \frac{x'}{m_{i-1}} = \frac{x}{m_i} + (\lambda_{i-1} - \lambda_i)(-\text{std}_i s),\
    \lambda = \text{std}/m"""
    every = i * np.ones(len(x), int)
    after, before = (column(part[every]) for part in lost(betas))
    m, then, s = np.sqrt(1 - after), np.sqrt(1 - before), field_by_hand(model, x, every)
    noise, stepped = -np.sqrt(after) * s, impl.ddim_step(impl.score(model), betas, x, i, eta, z).x
    return Sides([stepped / then], [x / m, np.sqrt(before) / then * noise, -np.sqrt(after) / m * noise])


def one_point(draw: Draw) -> dict:
    """Data at a single point, a schedule, and the noise of x_i."""
    d, n, n_steps = draw.count(1, 3), 3, draw.count(2, 6)
    case = {"point": draw.reals((1, d), -1.5, 1.5), "betas": draw.reals((n_steps,), 0.02, 0.6)}
    case |= {"i": np.array([draw.count(0, n_steps - 1) for _ in range(n)]), "eta": draw.real(0.05, 0.95)}
    return case | {"noise": draw.reals((n, d), -3, 3), "z": draw.reals((n, d), -3, 3)}


def point_mass(impl, point, betas):
    """The score of x_i for data at a single point: that of a Gaussian too narrow to make a difference in float64."""
    wells = {"logits": np.zeros(1), "means": point, "variances": 0 * point + 1e-300}
    s, after = impl.score(Model("smoothed_mixture", wells)), lost(betas)[0]

    def score(x, i):
        m = np.sqrt(1 - after[i])
        return s(x / m[:, None], np.sqrt(after[i]) / m) / m[:, None]

    return score


@theorem(f"{SONG}, lemma 1 and theorem 1", "pointwise", one_point, cancels=EITHER_SIGN)
def a_point_mass_stays_one(impl, point, betas, i, eta, noise, z):
    r"""For data at one point a step maps the law of x_i to that of x_{i-1} for every eta: old and new noise add up.

    x_i = m_i x_0 + \text{std}_i e \mapsto m_{i-1} x_0 + \sqrt{v_{i-1} - \sigma^2}\, e + \sigma z,\
    \sigma^2 = \eta^2 \beta_i v_{i-1}/v_i"""
    beta, after, before = (column(part[i]) for part in (betas, *lost(betas)))
    m, std = np.sqrt(1 - after), np.sqrt(after)
    stepped = impl.ddim_step(point_mass(impl, point, betas), betas, m * point + std * noise, i, eta, z).x
    drawn = np.sqrt(eta**2 * beta * before / after)
    left = np.sqrt(before - drawn**2)
    large = (m * np.abs(point) + std * np.abs(noise)) * (1 / np.sqrt(1 - beta) + np.sqrt(before) / std)
    return Sides([stepped], [np.sqrt(1 - before) * point, left * noise, drawn * z], formula=[large])


def a_chain(draw: Draw) -> dict:
    return {"point": draw.reals((1, 2), -1.5, 1.5), "betas": draw.reals((draw.count(1, 6),), 0.02, 0.6)} | {
        "noise": draw.reals((2, 2), -3, 3)
    }


@theorem(f"{SONG}, section 4.3", "pointwise", a_chain, cancels=EITHER_SIGN)
def a_point_mass_is_found_in_any_number_of_steps(impl, point, betas, noise):
    r"""For data at one point the chain without noise ends exactly at that point, for any schedule and number of steps.

    x_{N-1} = m_{N-1} x_0 + \text{std}_{N-1} e \mapsto \dots \mapsto x_0"""
    after, score = lost(betas)[0], point_mass(impl, point, betas)
    x = np.sqrt(1 - after[-1]) * point + np.sqrt(after[-1]) * noise
    size = np.abs(x) / np.sqrt(1 - after[-1])
    for i in range(len(betas) - 1, -1, -1):
        x = impl.ddim_step(score, betas, x, i, 0.0, 0 * x).x
    return Sides([x], [point + 0 * x], formula=[size, size * np.sum(1 / np.sqrt(1 - betas))])


ENDS = [(2.0, 0.4), (3.0, 1.5), (1.0, 0.15)]


@theorem(f"{SONG}, section 4.3; Hairer, Norsett and Wanner 1993, section II.3", "limit", cases=ENDS)
def a_chain_without_noise_has_order_one(impl, largest, v):
    r"""For normal data and equal steps of std/m from L to 0, the log of the map has an error of order 1 in 1/N.

    \log \frac{x_{-1}}{x_N} - \log \sqrt{\frac{v}{V_N}} = -\frac LN \left[\frac{L}{4 (v + L^2)}
    + \frac{\arctan(L/\sqrt v)}{4 \sqrt v}\right] + O(N^{-2})"""
    wells = {"logits": np.zeros(1), "means": np.zeros((1, 1)), "variances": np.full((1, 1), v)}
    s, steps, errors = impl.score(Model("smoothed_mixture", wells)), 200 * 2 ** np.arange(3), []
    for n in steps:
        levels = largest * np.arange(n + 1) / n
        betas = np.diff(levels**2) / (1 + levels[1:] ** 2)
        m = 1 / np.sqrt(1 + levels[1:] ** 2)

        def score(x, i, m=m, levels=levels):
            return s(x / m[i, None], levels[i + 1]) / m[i, None]

        i = np.arange(n - 1, -1, -1)  # each step is linear, so its factor is what it maps 1 to: all steps at once
        grown = impl.ddim_step(score, betas, np.ones((n, 1)), i, 0.0, np.zeros((n, 1))).x
        wanted = 0.5 * np.log(v / (v + largest**2)) - np.log(m[-1])
        errors.append(np.sum(np.log(grown)) - wanted)
    middle = largest / (v + largest**2) + np.arctan(largest / np.sqrt(v)) / np.sqrt(v)
    return Limit(1 / steps, np.array(errors), 1, -0.25 * largest * middle)


def a_tiny_step(draw: Draw) -> dict:
    """A step with variances between 2^-44 and 2^-20, and not the first one, which ends at the data."""
    case = a_step(draw) | {"i": 1, "eta": draw.real(0.3, 0.95)}
    return case | {"betas": case["betas"] * 2.0 ** -draw.count(20, 38), "x": 0 * case["x"]}


@theorem(f"{SONG}, eq. 16", "pointwise", a_tiny_step, cancels=EITHER_SIGN)
def ddim_step_of_tiny_variances(impl, **case):
    r"""The formula of the step holds to full precision even for tiny variances, where 1 - a_i must not cancel.

    v_i = v_{i-1} (1 - \beta_i) + \beta_i"""
    return ddim_step_by_hand(impl, **case)
