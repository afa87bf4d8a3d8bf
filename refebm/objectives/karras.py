r"""Denoising as in EDM: a denoiser D(y, sigma) of y = x + sigma z, weighted so that all levels contribute equally.

data_std, written s in formulas, is the standard deviation of one coordinate of the data, whose mean should be near 0.
Errors: as in denoising; E-POSITIVE and E-SCALE for data_std, E-LEVELS.
"""

import autograd.numpy as np

from refebm.glossary import (
    Deviation,
    InputError,
    LevelField,
    Levels,
    Loss,
    Noise,
    Points,
    Positive,
    Size,
    Vectors,
    rows,
)
from refebm.objectives.notation import see_step, squared_norm

MOST_LOG = 700.0  # of roots of levels: their exponentials are numbers
NEAREST = 1e-3  # of logarithms of roots: what is apart has twelve digits


@rows
def karras_denoising(denoiser: LevelField, x: Points, sigma: Levels, z: Noise, data_std: Deviation) -> Loss:
    r"""1/2 (sigma^2 + s^2)/(sigma s)^2 |D(x + sigma z, sigma) - x|^2, (n,). Its minimiser is E[X | Y].

    $$\tfrac12\, \frac{\sigma^2 + s^2}{(\sigma s)^2} \left|D(x + \sigma z, \sigma) - x\right|^2$$

    denoiser(y, sigma) (n, d), (n,) -> (n, d); x, z (n, d); sigma a float or (n,); data_std a float.
    Convention: with the 1/2. The weight is 1/c_out^2, so that the network F of `karras_preconditioned` has weight 1.
    Errors: DomainError E-ROUNDOFF for a sigma so small that x + sigma z rounds most of its noise away.
    Also: EDM
    Source: Karras, Aittala, Aila and Laine 2022, eqs. 2 and 8 and table 1
    """
    weight = sigma**-2 + data_std**-2  # the same, but that no product is too small or too large a number
    see_step("sigma", x, sigma * z)
    return 0.5 * weight[:, 0] * squared_norm(denoiser(x + sigma * z, sigma[:, 0]) - x)


@rows
def karras_preconditioned(network: LevelField, x: Points, sigma: Levels, data_std: Deviation) -> Vectors:
    r"""c_skip x + c_out F(c_in x, c_noise), (n, d): a denoiser whose network F has inputs and targets of variance 1.

    $$\frac{s^2}{w}\, x + \frac{\sigma s}{\sqrt w}\, F(x/\sqrt w,\, \tfrac14 \log \sigma),\ w = \sigma^2 + s^2$$

    network(x, c) (n, d), (n,) -> (n, d), c = log(sigma)/4; x (n, d), noisy points; sigma a float or (n,); data_std a
    float. With F = 0 it is the optimal denoiser for data from N(0, s^2 I).
    Also: EDM, preconditioning of EDM
    Source: Karras, Aittala, Aila and Laine 2022, eq. 7, table 1 and appendix B.6
    """
    whole = sigma**2 + data_std**2
    predicted = network(x / np.sqrt(whole), 0.25 * np.log(sigma[:, 0]))
    return data_std**2 / whole * x + sigma * data_std / np.sqrt(whole) * predicted


@rows
def karras_noise_levels(n: Size, smallest: Positive, largest: Positive, power: Positive = 7.0) -> np.ndarray:
    r"""sigma_i = (largest^{1/r} + i/(n-1) (smallest^{1/r} - largest^{1/r}))^r, i = 0, ..., n - 1, (n,); r the power.

    $$\sigma_i = (\sigma_{\max}^{1/r} + \tfrac{i}{n-1} (\sigma_{\min}^{1/r} - \sigma_{\max}^{1/r}))^r$$

    n >= 2; smallest < largest. power = 1 gives equal differences, a large one a constant ratio.
    Convention: the source appends the level 0; the last step of `karras_heun_step` goes there.
    Errors: E-LEVELS for n < 2, for smallest not below largest, and for a power with which the roots of levels overflow,
    or are nearly equal (above 1000 log(largest/smallest)).
    Also: EDM, noise schedule of EDM, Karras schedule
    Source: Karras, Aittala, Aila and Laine 2022, eq. 5
    """
    if n < 2 or not smallest < largest:
        raise InputError("E-LEVELS", f"n must be at least 2 and smallest below largest, got {n}, {smallest}, {largest}")
    low, high = np.log(smallest), np.log(largest)
    if not (max(-low, high) < MOST_LOG * power and high - low > NEAREST * power):
        raise InputError("E-LEVELS", f"power must leave numbers that are apart of levels to 1/power, got {power}")
    first, last = largest ** (1 / power), smallest ** (1 / power)
    part = np.arange(n) / (n - 1)
    return ((1 - part) * first + part * last) ** power
