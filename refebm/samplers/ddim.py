r"""Denoising diffusion that may be without noise: the steps of DDPM's schedule, with any share of its noise.

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

    v_i = 1 - prod_{j <= i} (1 - beta_j) is the variance of the noise in x_i, v' = v_{i-1} that in x_{i-1}; s = s(x, i);
    x_{-1} is the data, without noise. The clean point that the score points to, made noisy again by the noise that it
    says is there and by z. eta = 1 is `ddpm_step` with the posterior variance; eta = 0 draws nothing: Euler's step of
    the probability flow in x/m against std/m, exact for a point mass.
    score(x, i) (n, d), (n,) -> (n, d); betas (N,), in (0, 1); x, z (n, d); i an int or (n,), of 0, ..., N - 1; eta in
    [0, 1]. Fewer steps are a schedule of their own: the beta of several is 1 - prod (1 - beta_j).
    Convention: the source counts from 1, writes alpha_i for the product, and -std_i s for the noise that it predicts.
    Source: Song, Meng and Ermon 2021, eqs. 12 and 16
    """
    log_kept = np.cumsum(np.log1p(-betas))
    before = np.append(0.0, log_kept[:-1])
    i = within("i", i, len(betas))
    beta, now, then = betas[i][:, None], -np.expm1(log_kept[i])[:, None], -np.expm1(before[i])[:, None]
    pointed = then * ((1 - eta**2) + eta**2 * (1 - beta) * then / now)  # then - sigma^2, which loses no digits
    s = score(x, i)
    drawn = eta * np.sqrt(beta) * np.sqrt(then / now)
    return moved((x + now * s) / np.sqrt(1 - beta) - np.sqrt(pointed) * np.sqrt(now) * s + drawn * z)
