r"""What a network may predict from a noisy point x = m x_0 + std z: its score, noise, clean point, or velocity.

Each of the last three is a mean given x, and a linear function of the score s, so that any one determines the others
for all m, std > 0:

    noise       E[Z | x] = -std s
    clean point E[x_0 | x] = (x + std^2 s)/m
    velocity    E[V | x] = -(std/m) (x + (m^2 + std^2) s),  V = m Z - std x_0

m (the argument scale) and std are floats or (n,): ``sde.marginal(t)`` for an SDE, `marginal_of_steps` for a schedule,
1 and sigma for noise levels, 1 - t and t for straight lines. To convert, say, a noise to a velocity, go by way of the
score. Pass a field that depends on t too as ``lambda x: field(x, t)``. `refebm.objectives.diffusion` has the
conversions of noise and clean point for SDEs.
Errors: as in score matching; E-POSITIVE and E-SCALE for scale and std, E-BETAS and E-INDEX.
"""

import autograd.numpy as np

from refebm.glossary import Betas, Field, FreeIndices, Levels, Points, Vectors, rows, within


@rows
def noise_from_score(score: Field, x: Points, scale: Levels, std: Levels) -> Vectors:
    r"""-std s(x), (n, d): the mean noise in x. It is +z, which networks of DDPM predict.

    $$\mathbb E[Z | x] = -\text{std}\, s(x)$$

    score (n, d) -> (n, d), of the law of x; x (n, d), noisy points; scale, std floats or (n,). The scale is not used:
    it is an argument so that all conversions are called alike.
    Also: epsilon prediction, noise prediction
    Source: Ho, Jain and Abbeel 2020, eq. 12; Song et al. 2021, section 3.4
    """
    return -std * score(x)


@rows
def clean_point_from_score(score: Field, x: Points, scale: Levels, std: Levels) -> Vectors:
    r"""(x + std^2 s(x))/m, (n, d): the mean clean point given x, Tweedie's formula.

    $$\mathbb E[x_0 | x] = \frac{x + \text{std}^2 s(x)}{m}$$

    score (n, d) -> (n, d), of the law of x; x (n, d), noisy points; scale = m, std floats or (n,).
    Also: x_0 prediction, Tweedie's formula
    Source: Efron 2011, eq. 2.8
    """
    return (x + std**2 * score(x)) / scale


@rows
def velocity_from_score(score: Field, x: Points, scale: Levels, std: Levels) -> Vectors:
    r"""-(std/m) (x + (m^2 + std^2) s(x)), (n, d): the mean velocity m z - std x_0 given x.

    $$\mathbb E[m Z - \text{std}\, x_0 | x] = -\frac{\text{std}}{m} \left(x + (m^2 + \text{std}^2)\, s(x)\right)$$

    score (n, d) -> (n, d), of the law of x; x (n, d), noisy points; scale = m, std floats or (n,). If m^2 + std^2 = 1
    (the variance is preserved), it is the mean of dx/dphi, where m = cos(phi) and std = sin(phi).
    Also: v-prediction
    Source: Salimans and Ho 2022, section 4 and appendix D
    """
    return -std / scale * (x + (scale**2 + std**2) * score(x))


@rows
def score_from_noise(noise: Field, x: Points, scale: Levels, std: Levels) -> Vectors:
    r"""-noise(x)/std, (n, d): the score from a field that predicts the noise +z.

    $$s(x) = -\frac{\text{noise}(x)}{\text{std}}$$

    noise (n, d) -> (n, d); x (n, d), noisy points; scale, std floats or (n,). The scale is not used.
    Source: Ho, Jain and Abbeel 2020, eq. 12; Song et al. 2021, section 3.4
    """
    return -noise(x) / std


@rows
def score_from_clean_point(denoiser: Field, x: Points, scale: Levels, std: Levels) -> Vectors:
    r"""(m r(x) - x)/std^2, (n, d): the score from a field r that predicts the clean point.

    $$s(x) = \frac{m\, r(x) - x}{\text{std}^2}$$

    denoiser (n, d) -> (n, d); x (n, d), noisy points; scale = m, std floats or (n,).
    Source: Efron 2011, eq. 2.8; Karras, Aittala, Aila and Laine 2022, eq. 3 (with m = 1)
    """
    return (scale * denoiser(x) - x) / std**2


@rows
def score_from_velocity(velocity: Field, x: Points, scale: Levels, std: Levels) -> Vectors:
    r"""-(x + (m/std) v(x))/(m^2 + std^2), (n, d): the score from a field v that predicts the velocity m z - std x_0.

    $$s(x) = -\frac{x + (m/\text{std})\, v(x)}{m^2 + \text{std}^2}$$

    velocity (n, d) -> (n, d); x (n, d), noisy points; scale = m, std floats or (n,).
    Source: Salimans and Ho 2022, section 4 and appendix D
    """
    return -(x + scale / std * velocity(x)) / (scale**2 + std**2)


@rows
def marginal_of_steps(betas: Betas, i: FreeIndices) -> tuple:
    r"""(sqrt(a_i), sqrt(1 - a_i)), a_i = prod_{j <= i} (1 - beta_j): m and std of x_i = m x_0 + std z, shaped like i.

    $$m_i = \textstyle\prod_{j \le i} \sqrt{1 - \beta_j},\ \text{std}_i = \sqrt{1 - m_i^2}$$

    betas (N,), in (0, 1); i an int or (n,), of 0, ..., N - 1.
    Convention: the source counts from 1.
    Source: Ho, Jain and Abbeel 2020, eq. 4
    """
    log_kept = np.cumsum(np.log1p(-betas))[within("i", i, len(betas))]  # log a_i
    return np.exp(0.5 * log_kept), np.sqrt(-np.expm1(log_kept))  # -expm1(log a_i) = 1 - a_i, with all digits
