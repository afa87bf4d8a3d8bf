r"""Denoising at all noise levels of an SDE: the loss in continuous time and in steps, and what a network may predict.

x_t = m(t) x + std(t) z, z *unit* normal. The score s(x, t) of the law of x_t determines the noise
E[Z | x_t] = -std s and the denoised point E[x_0 | x_t] = (x_t + std^2 s)/m, and each of them determines s. Callables
take x (n, d) and t (n,), in (0, 1].
Errors: as in score matching; E-SDE for what is no SDE; E-TIME for t outside [0, 1], or where std(t) = 0; E-BETAS and
E-INDEX.
"""

import autograd.numpy as np

from refebm.glossary import (
    LEAST,
    Betas,
    Indices,
    InputError,
    Loss,
    Noise,
    Points,
    Sde,
    TimeField,
    Times,
    TimeWeight,
    Vectors,
    rows,
    within,
)
from refebm.objectives.notation import squared_norm


@rows
def diffusion_score_matching(score: TimeField, sde: Sde, weight: TimeWeight, x: Points, t: Times, z: Noise) -> Loss:
    r"""weight(t)/2 |s(m x + std z, t) + z/std|^2, (n,).

    $$\tfrac12 w(t)\, |s(m(t)\, x + \text{std}(t)\, z, t) + z/\text{std}(t)|^2$$

    score(x, t) (n, d), (n,) -> (n, d); sde: one of `refebm.sdes`; weight (n,) -> (n,), such as std^2 (noise
    prediction), 1, or g^2 (likelihood weighting); x, z (n, d); t a float or (n,).
    Also: continuous-time score matching, likelihood weighting
    Source: Song et al. 2021, eq. 7; Stanford CS236, score matching with infinitely many noise levels
    """
    scale, std = _marginal(sde, t)
    return 0.5 * weight(t) * squared_norm(score(scale * x + std * z, t) + z / std)


@rows
def ddpm_loss(score: TimeField, betas: Betas, x: Points, i: Indices, z: Noise) -> Loss:
    r"""1/2 |std_i s(x_i, i) + z|^2, (n,), x_i = sqrt(a_i) x + std_i z, a_i = prod_{j <= i} (1 - beta_j) = 1 - std_i^2.

    $$\tfrac12 |\text{std}_i s(x_i, i) + z|^2,\ x_i = \sqrt{a_i}\, x + \text{std}_i z,
    \ a_i = \textstyle\prod_{j \le i} (1 - \beta_j) = 1 - \text{std}_i^2$$

    score(x, i) (n, d), (n,) -> (n, d), the score of the law of x_i; betas (N,), in (0, 1); x, z (n, d); i an int or
    (n,), of 0, ..., N - 1.
    Convention: with the 1/2, and in terms of the score. The source has no 1/2, counts steps from 1, and its network
    predicts the noise, -std_i s.
    Also: denoising diffusion, epsilon loss
    Source: Ho, Jain and Abbeel 2020, eq. 14
    """
    log_kept = np.cumsum(np.log1p(-betas))[within("i", i, len(betas))][:, None]  # log a_i
    std = np.sqrt(-np.expm1(log_kept))  # sqrt(1 - a_i), with all digits where a_i is near 1
    return 0.5 * squared_norm(std * score(np.exp(0.5 * log_kept) * x + std * z, i) + z)


@rows
def predicted_noise(score: TimeField, sde: Sde, x: Points, t: Times) -> Vectors:
    r"""E[Z | x_t = x] = -std s(x, t), (n, d), where s is the score of the law of x_t.

    $$\mathbb E[Z \mid x_t = x] = -\text{std}(t)\, s(x, t)$$

    score(x, t) (n, d), (n,) -> (n, d); sde: one of `refebm.sdes`; x (n, d), noisy points; t a float or (n,).
    Source: Ho, Jain and Abbeel 2020, eq. 12; Stanford CS236, noise-conditional score networks
    """
    _, std = _marginal(sde, t)
    return -std * score(x, t)


@rows
def denoised_point(score: TimeField, sde: Sde, x: Points, t: Times) -> Vectors:
    r"""E[x_0 | x_t = x] = (x + std^2 s(x, t))/m, (n, d), where s is the score of the law of x_t: Tweedie's formula.

    $$\mathbb E[x_0 \mid x_t = x] = \frac{x + \text{std}(t)^2 s(x, t)}{m(t)}$$

    score(x, t) (n, d), (n,) -> (n, d); sde: one of `refebm.sdes`; x (n, d), noisy points; t a float or (n,).
    Errors: E-TIME also for t so late that m(t) is below 1.5e-154.
    Also: Tweedie's formula, x_0 prediction
    Source: Efron 2011, eq. 2.8; Stanford CS236, Tweedie's formula
    """
    scale, std = _marginal(sde, t)
    if np.any(scale < LEAST):
        raise InputError("E-TIME", "m(t) must have a square, else x_t has nothing of x_0: take t before that")
    return (x + std**2 * score(x, t)) / scale


@rows
def score_of_noise(noise: TimeField, sde: Sde, x: Points, t: Times) -> Vectors:
    r"""-noise(x, t)/std, (n, d): the score from a network that predicts the noise.

    $$s(x, t) = -\frac{\text{noise}(x, t)}{\text{std}(t)}$$

    noise(x, t) (n, d), (n,) -> (n, d); sde: one of `refebm.sdes`; x (n, d), noisy points; t a float or (n,).
    Source: Ho, Jain and Abbeel 2020, eq. 12
    """
    _, std = _marginal(sde, t)
    return -noise(x, t) / std


@rows
def score_of_denoiser(denoiser: TimeField, sde: Sde, x: Points, t: Times) -> Vectors:
    r"""(m r(x, t) - x)/std^2, (n, d): the score from a network r that predicts the denoised point.

    $$s(x, t) = \frac{m(t)\, r(x, t) - x}{\text{std}(t)^2}$$

    denoiser(x, t) (n, d), (n,) -> (n, d); sde: one of `refebm.sdes`; x (n, d), noisy points; t a float or (n,).
    Source: Efron 2011, eq. 2.8; Karras, Aittala, Aila and Laine 2022, eq. 3 (with m = 1)
    """
    scale, std = _marginal(sde, t)
    return (scale * denoiser(x, t) - x) / std**2


def _marginal(sde, t):
    """m and std as columns, (n, 1)."""
    scale, std = sde.marginal(t)
    if np.any(std < LEAST):
        raise InputError("E-TIME", "std(t) must have a square, but std(0) = 0: draw t from [t_0, 1] with t_0 > 0")
    return np.reshape(scale, (-1, 1)), np.reshape(std, (-1, 1))
