r"""Theorems about the reverse steps of denoising diffusion (DDPM)."""

from itertools import accumulate

import numpy as np

from refebm.identities import Draw, Limit, Sides, theorem
from refebm.identities.diffused import (
    FIELDS,
    N_STEPS,
    PROCESSES,
    SONG,
    affine,
    carried_back,
    column,
    composed,
    field_by_hand,
    integrated,
    log_law,
    one_gaussian,
    process,
    variance_and_rates,
)
from refebm.identities.diffusion import one_more_step
from refebm.identities.notation import EITHER_SIGN
from refebm.models import Model

HO = "Ho, Jain and Abbeel 2020"


def a_discrete_step(draw: Draw) -> dict:
    """A reverse step. A network needs i > 0 as its level; a diffused mixture needs a time in [0, 1], so i is 0 or 1."""
    d, n, n_steps = draw.count(1, 3), 3, draw.count(2, 6)
    model = draw.model(d, FIELDS)
    first, last = (0, 1) if model.kind == "diffused_mixture" else (1, n_steps - 1)
    return {
        "model": model,
        "betas": draw.reals((n_steps,), 0.02, 0.6),
        "x": draw.reals((n, d), -3, 3),
        "i": np.array([draw.count(first, last) for _ in range(n)]) if draw.count(0, 1) else draw.count(first, last),
        "z": draw.reals((n, d), -3, 3),
        "posterior": draw.choice((False, True)),
    }


def lost(betas):
    """(1 - a_i, 1 - a_{i-1}), each a sum of positive terms."""
    after = np.array(list(accumulate(betas, one_more_step)))
    return after, np.concatenate([[0.0], after[:-1]])


@theorem(f"{HO}, algorithm 2; {SONG}, appendix E", "pointwise", a_discrete_step, cancels=EITHER_SIGN)
def ddpm_step_by_hand(impl, model, betas, x, i, z, posterior):
    r"""A step moves along the score, divides by sqrt(1 - beta), and adds noise of variance beta or of the posterior's.

    \frac{x + \beta_i s(x, i)}{\sqrt{1 - \beta_i}} + \sigma_i z,
    \ \sigma_i^2 = \beta_i \text{ or } \beta_i \frac{1 - a_{i-1}}{1 - a_i}"""
    every = i * np.ones(len(x), int)
    beta, after, before = (column(part[every]) for part in (betas, *lost(betas)))
    sigma = np.sqrt(beta * before / after if posterior else beta)
    s, grown = field_by_hand(model, x, every), 1 / np.sqrt(1 - beta)
    stepped = impl.ddpm_step(impl.score(model), betas, x, i, z, posterior).x
    return Sides([stepped], [x * grown, beta * s * grown, sigma * z])


def a_tiny_step(draw: Draw) -> dict:
    """A step from 0 with the posterior variance and betas of 2^-44 to 2^-20; not the first one, which has no noise."""
    case = a_discrete_step(draw) | {"posterior": True, "i": 1}
    return case | {"betas": case["betas"] * 2.0 ** -draw.count(20, 38), "x": 0 * case["x"]}


@theorem(f"{HO}, eq. 7", "pointwise", a_tiny_step, cancels=EITHER_SIGN)
def ddpm_step_of_tiny_variances(impl, **case):
    r"""The posterior variance keeps full precision even for tiny betas, where 1 - a_i must not cancel.

    1 - a_i = (1 - a_{i-1})(1 - \beta_i) + \beta_i"""
    return ddpm_step_by_hand(impl, **case)


@theorem(f"{HO}, eqs. 6 and 7", "pointwise", a_discrete_step)
def variance_of_the_step_by_conditioning(impl, model, betas, x, i, z, posterior):
    r"""The variance of a step is that of x_{i-1} given x_i: beta_i for unit normal data, the posterior's for one point.

    \sigma_i^2 = \frac{V \beta_i}{(1 - \beta_i) V + \beta_i},\ V = 1 \text{ or } 1 - a_{i-1}"""
    every = i * np.ones(len(x), int)
    beta, before = (column(part[every]) for part in (betas, lost(betas)[1]))
    spread = before if posterior else 1.0
    moved, still = (impl.ddpm_step(impl.score(model), betas, x, i, unit + 0 * z, posterior).x for unit in (1.0, 0.0))
    executed = (moved - still) ** 2
    formula = [np.abs(moved - still) * (np.abs(moved) + np.abs(still))]
    return Sides([executed], [spread * beta / ((1 - beta) * spread + beta) + 0 * x], formula=formula)


def two_steps(draw: Draw) -> dict:
    """A mixture as the data, and its score after two steps, expressed as that of an SDE at time 1."""
    d = draw.count(1, 3)
    given, betas = draw.model(d, ("smoothed_mixture",)).parameters, draw.reals((2,), 0.05, 0.6)
    rate = -float(np.sum(np.log1p(-betas)))
    sde = {"kind": "VariancePreserving", "parameters": {"beta_min": rate, "beta_max": rate}}
    return {"model": Model("diffused_mixture", {"sde": sde, **given}), "betas": betas, "x": draw.reals((3, d), -3, 3)}


@theorem(f"{HO}, eq. 7; Efron 2011, eq. 2.8", "pointwise", two_steps, cancels=EITHER_SIGN)
def mean_of_the_step_by_conditioning(impl, model, betas, x):
    r"""With the score of a diffused mixture, the mean of the step is that of x_{i-1} given x_i, by Bayes.

    \frac{x + \beta s(x)}{\sqrt{1 - \beta}} = \mathbb E[x_{i-1} | x_i = x]"""
    first, beta = betas
    means, variances = (model.parameters[name][:, None, :] for name in ("means", "variances"))
    means, variances = np.sqrt(1 - first) * means, (1 - first) * variances + first
    gain = np.sqrt(1 - beta) * variances / ((1 - beta) * variances + beta)
    r = log_law(model, x, np.ones(len(x)))[1][:, :, None]
    stepped = impl.ddpm_step(impl.score(model), betas, x, 1, 0 * x).x
    return Sides([stepped], [*(r * means), *(r * gain * x), *(-r * gain * np.sqrt(1 - beta) * means)])


CONSTANT = {"kind": "VariancePreserving", "parameters": {"beta_min": 0.6, "beta_max": 0.6}}
STARTS = [(2.0, 1.3, 0.4), (3.0, -0.8, -1.2), (1.0, 0.5, 2.0)]  # beta, x and z


@theorem(f"{SONG}, appendix E", "limit", cases=STARTS)
def ddpm_step_is_a_reverse_step(impl, beta, start, z):
    r"""With beta_i = beta dt, the step differs from an Euler-Maruyama step of the reverse SDE by a term of order dt^2.

    x' - [x + (\tfrac12 \beta x + \beta s)\, dt + \sqrt{\beta\, dt}\, z] = (\tfrac38 x + \tfrac12 s) \beta^2 dt^2
    + O(dt^3)"""
    model, steps, x = one_gaussian(CONSTANT, 0.4, 0.5), 0.004 * 0.5 ** np.arange(4), np.array([[start]])
    s = field_by_hand(model, x, 1.0)[0, 0]
    errors = [
        impl.ddpm_step(impl.score(model), np.array([0.3, beta * dt]), x, 1, z + 0 * x).x[0, 0]
        - (start + (0.5 * beta * start + beta * s) * dt + np.sqrt(beta * dt) * z)
        for dt in steps
    ]
    return Limit(steps, np.array(errors), 2, beta**2 * (0.375 * start + 0.5 * s))


def discrete_chain(impl, n, v, low, posterior):
    """The error of the variance, for normal data, of a chain of n steps that is stopped at time `low`.

    A step maps x, s and z to a x + c s + b z; a constant score of 1 gives c.
    """
    t, left_out = (1 + np.arange(n)) / n, round(n * low)
    betas = process(PROCESSES[0], t).beta / n
    variances = 1 + np.cumprod(1 - betas) * (v - 1)
    flat = impl.score(Model("noise_conditional", {"layers": ((np.zeros((2, 1)), np.ones(1)),)}))
    ends = impl.score(one_gaussian(PROCESSES[0], 0.0, variances[0]))  # its law at time 0 is that after the first step

    def step(score):
        return lambda i, x, z: impl.ddpm_step(score, betas, x, i, z, posterior).x

    i = np.arange(n - 1, max(left_out, 1) - 1, -1)
    a, b, c = affine(step(flat), i)
    variance = composed(a - i * c / variances[i], b, variances[-1])
    if left_out:
        return variance - variances[left_out - 1]
    return composed(*affine(step(ends), np.array([0]))[:2], variance) - v


def ddpm_rate(v, low, posterior):
    """The rate of the error that such a chain makes in the variance at time t, carried on to time `low`."""

    def rate(t):
        now, variance = process(PROCESSES[0], t), variance_and_rates(PROCESSES[0], v, t)[0]
        missing = (1 - variance) / variance - posterior * now.scale**2 / now.variance
        return carried_back(PROCESSES[0], v, low)(t) * now.beta**2 * missing

    return rate


ENDS = [(False, 0.0), (False, 0.1), (True, 0.1)]


@theorem(f"{HO}, section 3.2; {SONG}, appendix E", "limit", cases=ENDS)
def ddpm_chain_has_order_one(impl, posterior, low, v=0.3):
    r"""The variance of the chain has an error of order 1 in 1/N; with the posterior variance only if stopped before 0.

    V_N - V(t_0) = \tfrac1N \int_{t_0}^1 \tfrac{m(t)^2 V(t_0)^2}{m(t_0)^2 V(t)^2} \beta^2
    [\tfrac{1 - V}{V} - \tfrac{m^2}{1 - m^2}]\, dt + O(N^{-2}), \text{ the last term for the posterior variance}"""
    errors = [discrete_chain(impl, int(n), v, low, posterior) for n in N_STEPS]
    return Limit(1 / N_STEPS, np.array(errors), 1, integrated(ddpm_rate(v, low, posterior), low))


VARIANCES = [0.2, 0.3]


@theorem(f"{HO}, section 3.2", "limit", cases=VARIANCES)
def posterior_variance_has_a_logarithm(impl, v):
    r"""With the posterior variance and all steps down to the data, the error is of order h log(1/h) in h = 1/N, not h.

    e(h) = -\beta(0)\, h \log(1/h) + c h + \dots:\quad e(h) - \tfrac12 e(2h) = -\beta(0) \log(2)\, h + O(h^2 \log h)"""
    errors = np.array([discrete_chain(impl, int(n), v, 0.0, True) for n in N_STEPS])
    coefficient = -float(process(PROCESSES[0], 0.0).beta) * np.log(2)
    with np.errstate(invalid="ignore"):
        return Limit(1 / N_STEPS[1:], errors[1:] - 0.5 * errors[:-1], 1, coefficient)
