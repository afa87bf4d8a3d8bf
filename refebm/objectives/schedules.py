r"""Rules for schedules: the cosine, and what Song and Ermon found for noise levels and the steps at each of them.

A ratio is that of neighbouring levels, sigma_i/sigma_{i+1} > 1; a step is that of Langevin dynamics over the variance
of its level, eta_i/sigma_i^2, which `annealed_langevin` keeps the same at all levels: eps/sigma_L^2.
Technique 1, the largest level, is in `geometric_noise_levels`; technique 3, a field over sigma, in the models
"noise_conditional". Errors: E-RATIO, E-COVERAGE, E-STEPS, E-COUNT, E-WEIGHTS, E-SHAPE.
"""

import autograd.numpy as np
from autograd.extend import vspace
from autograd.misc import flatten

from refebm.glossary import (
    DomainError,
    InputError,
    NonNegative,
    Parameters,
    Positive,
    Size,
    StepCount,
    StepSize,
    Weight,
    rows,
)
from refebm.special import ndtr

HALVINGS = 100  # of an interval, after which it is one number


@rows
def cosine_betas(n_steps: StepCount, offset: NonNegative = 0.008, most: Weight = 0.999) -> np.ndarray:
    r"""min(1 - f_i/f_{i-1}, most), f_i = cos^2(pi/2 (i/N + s)/(1 + s)), i = 1, ..., N, (N,); s the offset.

    $$\beta_i = \min(1 - f_i/f_{i-1},\ \beta_{\max}),\ f_i = \cos^2\!\left(\frac{i/N + s}{1 + s} \frac\pi2\right)$$

    Of `ddpm_step` and `ddpm_loss`, so that what is kept of the data's variance is f_i/f_0. The last, which would be 1,
    is `most`. offset >= 0; most in (0, 1).
    Also: cosine schedule
    Source: Nichol and Dhariwal 2021, eq. 17
    """
    angle = 0.5 * np.pi * (np.arange(n_steps + 1) / n_steps + offset) / (1 + offset)
    turned = np.sin(0.5 * np.pi / (1 + offset) / n_steps) * np.sin(
        angle[1:] + angle[:-1]
    )  # f_{i-1} - f_i, in all digits
    return np.minimum(turned / np.cos(angle[:-1]) ** 2, most)


@rows
def level_coverage(ratio: Positive, d: Size) -> float:
    r"""Phi(3 r - sqrt(2 d) (r - 1)) - Phi(-3 r - sqrt(2 d) (r - 1)): where noise of a level meets that of the next.

    $$\Phi(\sqrt{2 d}\, (r - 1) + 3 r) - \Phi(\sqrt{2 d}\, (r - 1) - 3 r)$$

    The length of N(0, sigma^2 I) is nearly N(sqrt(d) sigma, sigma^2/2): the probability that at the smaller level it is
    within three deviations of what it is at the larger. ratio = r > 1. The rule wants 1/2 (technique 2).
    Source: Song and Ermon 2020, proposition 2 and technique 2
    """
    apart = np.sqrt(2.0 * d) * (above_one(ratio) - 1)
    return ndtr(3 * ratio - apart) - ndtr(-3 * ratio - apart)


@rows
def level_ratio(d: Size, coverage: Weight = 0.5) -> float:
    r"""The ratio of neighbouring levels that has this `level_coverage` in d > 4 dimensions.

    $$r:\ \Phi(\sqrt{2 d}\, (r - 1) + 3 r) - \Phi(\sqrt{2 d}\, (r - 1) - 3 r) = c$$

    coverage less than that of r = 1, 0.9973. Of `geometric_noise_levels` n = 1 + log(sigma_1/sigma_n)/log(r), rounded.
    Errors: DomainError E-COVERAGE for d up to 4, where long noise covers all, and for more than r = 1 has.
    Source: Song and Ermon 2020, technique 2
    """
    if d <= 4 or not coverage < ndtr(3.0) - ndtr(-3.0):
        raise DomainError("E-COVERAGE", f"d must be above 4 and coverage below 0.9973, got {d} and {coverage}")
    return between(1.0, 1e3, lambda ratio: level_coverage(ratio, d) > coverage)


@rows
def annealed_variance(ratio: Positive, eta: StepSize, n_steps: StepCount) -> float:
    r"""f + (1 - eta)^{2T} (r^2 - f), f = 1/(1 - eta/2): a level's variance after T steps, over what it should be.

    $$f + (1 - \eta)^{2T} (r^2 - f),\ f = \frac{1}{1 - \eta/2}$$

    Of Langevin dynamics on N(0, sigma^2 I) from the level before, N(0, r^2 sigma^2 I): 1 would be right, and is not to
    be had. ratio = r > 1; eta in (0, 2), over sigma^2.
    Convention: x + h s + sqrt(2 h) z with h = eta sigma^2, as in the source.
    Errors: DomainError E-STEPS for steps of 2 or more, which diverge.
    Source: Song and Ermon 2020, proposition 3
    """
    if not eta < 2:
        raise DomainError("E-STEPS", f"eta must be less than 2, else the variance grows without bound; got {eta}")
    settled = 1 / (1 - eta / 2)
    return settled + (1 - eta) ** (2 * n_steps) * (above_one(ratio) ** 2 - settled)


@rows
def annealed_step(ratio: Positive, n_steps: StepCount) -> float:
    r"""The step eta that makes `annealed_variance` least, which is where it is nearest to 1; eps = eta sigma_L^2.

    $$\operatorname{arg\,min}_\eta\ f + (1 - \eta)^{2T} (r^2 - f),\ f = \frac{1}{1 - \eta/2}$$

    ratio = r > 1; n_steps = T at each level, as many as can be paid for (technique 4).
    Source: Song and Ermon 2020, technique 4
    """
    power, square = 2 * n_steps, above_one(ratio) ** 2

    def falls(eta):
        settled, kept = 1 / (1 - eta / 2), (1 - eta) ** (power - 1)
        return power * kept * (square - settled) > (1 - kept * (1 - eta)) * settled**2 / 2

    return between(0.0, 1.0, falls)


@rows
def moving_average(average: Parameters, parameters: Parameters, momentum: Weight) -> Parameters:
    r"""m theta' + (1 - m) theta, in the form of theta: the average after a step of training.

    $$\theta' \leftarrow m\, \theta' + (1 - m)\, \theta$$

    average, theta': that before, at first the first parameters; parameters, theta: those after the step, of the same
    form; momentum = m in (0, 1), 0.999 in the source. Samples of theta' have steady colours where those of theta
    flicker (technique 5): of the noise of the steps, were they independent, (1 - m)/(1 + m) of the variance is left.
    A procedure's `each` is where to keep it. Errors: E-SHAPE for parameters of another form.
    Also: EMA, exponential moving average
    Source: Song and Ermon 2020, technique 5
    """
    if vspace(average) != vspace(parameters):
        raise InputError("E-SHAPE", "parameters must have the form of average: the same names, lengths and shapes")
    (old, nest), (new, _) = flatten(average), flatten(parameters)
    return nest(momentum * old + (1 - momentum) * new)


def above_one(ratio):
    """A ratio of a level to a smaller one."""
    if not ratio > 1:
        raise InputError("E-RATIO", f"ratio must be greater than 1, of a level to the next smaller one; got {ratio}")
    return ratio


def between(low, high, below):
    """Where what holds below it, and not above, changes: by halving the interval."""
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if below(middle) else (low, middle)
    return 0.5 * (low + high)
