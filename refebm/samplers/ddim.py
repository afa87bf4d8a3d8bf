r"""Denoising diffusion implicit models: steps on DDPM's schedule, with any share eta of its noise, or none.

Errors: as in `refebm.samplers.reverse_diffusion`; E-FRACTION for eta.
"""

import autograd.numpy as np

from refebm.glossary import Betas, Fraction, Indices, Noise, States, TimeField, within
from refebm.samplers.step import Step, kernel, moved


@kernel
def ddim_step(score: TimeField, betas: Betas, x: States, i: Indices, eta: Fraction, z: Noise) -> Step:
    r"""(x + v_i s)/sqrt(1 - beta_i) - sqrt((v_{i-1} - sigma^2) v_i) s + sigma z, (n, d): from x_i to x_{i-1}.

    $$\frac{x + v_i s}{\sqrt{1 - \beta_i}} - \sqrt{(v_{i-1} - \sigma^2)\, v_i}\, s + \sigma z,
    \ \sigma^2 = \eta^2 \beta_i \frac{v_{i-1}}{v_i},\ v_i = 1 - \textstyle\prod_{j \le i} (1 - \beta_j)$$

    v_i = 1 - prod_{j <= i} (1 - beta_j) is the variance of the noise in x_i; s = s(x, i); x_{-1} is the data, so
    v_{-1} = 0. The step estimates the clean point from the score, then adds noise again: partly the noise that the
    score predicts, partly z. eta = 1 is `ddpm_step` with the posterior variance. eta = 0 adds no noise: it is an Euler
    step of the probability flow for x/m as a function of std/m, exact if the data are a single point.
    score(x, i) (n, d), (n,) -> (n, d); betas (N,), in (0, 1); x, z (n, d); i an int or (n,), of 0, ..., N - 1; eta in
    [0, 1]. To take fewer steps, merge betas: the beta of several consecutive steps is 1 - prod (1 - beta_j).
    Convention: the source counts from 1, writes alpha_i for the product, and its network predicts the noise, -std_i s.
    Source: Song, Meng and Ermon 2021, eqs. 12 and 16
    """
    log_kept = np.cumsum(np.log1p(-betas))  # log(1 - v_i)
    before = np.append(0.0, log_kept[:-1])
    i = within("i", i, len(betas))
    beta, now, then = betas[i][:, None], -np.expm1(log_kept[i])[:, None], -np.expm1(before[i])[:, None]  # v_i, v_{i-1}
    pointed = then * ((1 - eta**2) + eta**2 * (1 - beta) * then / now)  # v_{i-1} - sigma^2, where nothing cancels
    s = score(x, i)
    drawn = eta * np.sqrt(beta) * np.sqrt(then / now)
    return moved((x + now * s) / np.sqrt(1 - beta) - np.sqrt(pointed) * np.sqrt(now) * s + drawn * z)
