r"""Rules for schedules: the cosine schedule, and Song and Ermon's rules for noise levels and Langevin steps.

`ratio` is that of neighbouring levels, sigma_i/sigma_{i+1} > 1. `eta` is the step of Langevin dynamics in units of the
variance of its level, eta_i/sigma_i^2; in `annealed_langevin` it is eps/sigma_L^2 at all levels.
Technique 1, the largest level, is in `geometric_noise_levels`; technique 3, a network divided by sigma, is the model
kind "noise_conditional". Errors: E-RATIO, E-COVERAGE, E-STEPS, E-COUNT, E-WEIGHTS, E-SHAPE.
"""

import autograd.numpy as np
from autograd.extend import vspace

from refebm.glossary import (
    DomainError,
    InputError,
    LangevinStep,
    Length,
    NonNegative,
    Parameters,
    Positive,
    Size,
    StepCount,
    Weight,
    filled,
    leaves_of,
    rows,
)
from refebm.special import ndtr


@rows
def cosine_betas(n_steps: Length, offset: NonNegative = 0.008, most: Weight = 0.999) -> np.ndarray:
    r"""min(1 - f_i/f_{i-1}, most), f_i = cos^2(pi/2 (i/N + s)/(1 + s)), i = 1, ..., N, (N,); s the offset.

    $$\beta_i = \min(1 - f_i/f_{i-1},\ \beta_{\max}),\ f_i = \cos^2\!\left(\frac{i/N + s}{1 + s} \frac\pi2\right)$$

    The betas of `ddpm_step` and `ddpm_loss` for which the factor of the data's variance after step i is f_i/f_0, except
    that the last, which would be 1, is `most`. offset >= 0; most in (0, 1).
    Also: cosine schedule
    Source: Nichol and Dhariwal 2021, eq. 17
    """
    left = 0.5 * np.pi * (n_steps - np.arange(n_steps + 1)) / n_steps / (1 + offset)  # pi/2 - the angle of the cosine
    turned = np.sin(0.5 * np.pi / (1 + offset) / n_steps) / np.sin(left[:-1]) * np.sin(left[1:] + left[:-1])
    return np.minimum(turned / np.sin(left[:-1]), most)  # f_{i-1} - f_i as a product of sines, which does not cancel


@rows
def level_coverage(ratio: Positive, d: Size) -> float:
    r"""Phi(3 r - sqrt(2 d) (r - 1)) - Phi(-3 r - sqrt(2 d) (r - 1)): how much noise of neighbouring levels overlaps.

    $$\Phi(\sqrt{2 d}\, (r - 1) + 3 r) - \Phi(\sqrt{2 d}\, (r - 1) - 3 r)$$

    The length of a draw of N(0, sigma^2 I) is nearly N(sqrt(d) sigma, sigma^2/2). This is the probability that at the
    smaller level it is within three deviations of its mean at the larger level. ratio = r > 1. Technique 2 chooses r
    such that it is 1/2.
    Errors: E-RATIO for ratio.
    Source: Song and Ermon 2020, proposition 2 and technique 2
    """
    apart = np.sqrt(2.0 * d) * (above_one(ratio) - 1)
    return ndtr(3 * ratio - apart) - ndtr(-3 * ratio - apart)


@rows
def level_ratio(d: Size, coverage: Weight = 0.5) -> float:
    r"""The ratio r of neighbouring levels whose `level_coverage` is `coverage`, in d > 4 dimensions.

    $$r:\ \Phi(\sqrt{2 d}\, (r - 1) + 3 r) - \Phi(\sqrt{2 d}\, (r - 1) - 3 r) = c$$

    coverage must be below 0.9973, its value at r = 1. The number of levels for `geometric_noise_levels` is then
    n = 1 + log(sigma_1/sigma_n)/log(r), rounded.
    Errors: DomainError E-COVERAGE for d <= 4, where the coverage tends to 1 as the ratio grows, and for a coverage that
    no ratio has.
    Source: Song and Ermon 2020, technique 2
    """
    if d <= 4 or not coverage < ndtr(3.0) - ndtr(-3.0):
        raise DomainError("E-COVERAGE", f"d must be above 4 and coverage below 0.9973, got {d} and {coverage}")
    return between(1.0, 1e3, lambda ratio: level_coverage(ratio, d) > coverage)


@rows
def annealed_variance(ratio: Positive, eta: LangevinStep, n_steps: StepCount) -> float:
    r"""f + (1 - eta)^{2T} (r^2 - f), f = 1/(1 - eta/2): the variance after T = n_steps Langevin steps, over sigma^2.

    $$f + (1 - \eta)^{2T} (r^2 - f),\ f = \frac{1}{1 - \eta/2}$$

    The target is N(0, sigma^2 I) and the start is the level before, N(0, r^2 sigma^2 I). 1 would be exact, but is never
    reached. ratio = r > 1; eta in (0, 2), the step in units of sigma^2.
    Convention: a step is x + h s + sqrt(2 h) z with h = eta sigma^2, as in the source.
    Errors: DomainError E-STEPS for eta >= 2, where the variance diverges; E-RATIO for a ratio of at most 1.
    Source: Song and Ermon 2020, proposition 3
    """
    if not eta < 2:
        raise DomainError("E-STEPS", f"eta must be less than 2, else the variance grows without bound; got {eta}")
    settled = 1 / (1 - eta / 2)
    kept = np.exp(2 * n_steps * np.log1p(-eta)) if eta < 0.5 else (1 - eta) ** (2 * n_steps)  # a small eta would round
    return settled + kept * (above_one(ratio) ** 2 - settled)


@rows
def annealed_step(ratio: Positive, n_steps: StepCount) -> float:
    r"""The step eta at which `annealed_variance` is smallest, and so nearest to 1; eps = eta sigma_L^2.

    $$\operatorname{arg\,min}_\eta\ f + (1 - \eta)^{2T} (r^2 - f),\ f = \frac{1}{1 - \eta/2}$$

    ratio = r > 1; n_steps = T at each level, as many as one can afford (technique 4).
    Errors: E-RATIO for ratio.
    Source: Song and Ermon 2020, technique 4
    """
    power, excess = 2 * n_steps, (above_one(ratio) - 1) * (ratio + 1)  # r^2 - 1, which may be small

    def falls(eta):  # whether annealed_variance decreases at eta
        settled, log_kept = 1 / (1 - eta / 2), np.log1p(-eta)
        kept = np.exp((power - 1) * log_kept)
        return power * kept * (excess - 0.5 * eta * settled) > -np.expm1(power * log_kept) * settled**2 / 2

    return between(0.0, 1.0, falls)


@rows
def moving_average(average: Parameters, parameters: Parameters, momentum: Weight) -> Parameters:
    r"""m theta' + (1 - m) theta, nested as theta is: the moving average of the parameters after a training step.

    $$\theta' \leftarrow m\, \theta' + (1 - m)\, \theta$$

    average = theta', the average before the step (initially the first parameters); parameters = theta, those after the
    step, of the same form; momentum = m in (0, 1), 0.999 in the source. Training procedures call `each` before every
    step: update the average there. Averaging removes noise of the steps: if the theta were independent, (1 - m)/(1 + m)
    of their variance would be left. In technique 5 it stops the colours of samples from flickering.
    Errors: E-SHAPE for parameters of another form.
    Also: EMA, exponential moving average
    Source: Song and Ermon 2020, technique 5
    """
    if vspace(average) != vspace(parameters):
        raise InputError("E-SHAPE", "parameters must have the form of average: the same names, lengths and shapes")
    pairs = zip(leaves_of(average), leaves_of(parameters))
    return filled(average, (momentum * old + (1 - momentum) * new for old, new in pairs))


def above_one(ratio):
    """Return the ratio of a level to the next smaller one, if it is above 1 and has a square. Errors: E-RATIO."""
    if not 1 < ratio < 1e150:
        wanted = "greater than 1: a level over the next smaller one; and less than 1e150"
        raise InputError("E-RATIO", f"ratio must be {wanted}; got {ratio}")
    return ratio


def between(low, high, below):
    """The number in (low, high) up to which `below` is true and from which on it is false, by bisection."""
    middle = 0.5 * (low + high)
    while low < middle < high:
        low, high = (middle, high) if below(middle) else (low, middle)
        middle = 0.5 * (low + high)
    return middle
