r"""From noise to data with a denoiser D(y, sigma), by steps of the ODE dy/dsigma = (y - D(y, sigma))/sigma.

Errors: as in denoising; E-POSITIVE for levels, E-SCALE for a sigma without a square.
"""

import autograd.numpy as np

from refebm.glossary import DomainError, Level, LevelField, NonNegative, States, squarable
from refebm.samplers.step import Step, kernel, moved

NEGLIGIBLE = 1e-12


@kernel
def karras_heun_step(denoiser: LevelField, x: States, sigma: Level, next_sigma: NonNegative) -> Step:
    r"""x + (sigma' - sigma) (k + k')/2, (n, d), k = (x - D(x, sigma))/sigma, k' that slope at the end of Euler's step.

    $$x + (\sigma' - \sigma)\, \frac{k(x, \sigma) + k(\tilde x, \sigma')}{2},
    \ k(x, \sigma) = \frac{x - D(x, \sigma)}\sigma,\ \tilde x = x + (\sigma' - \sigma)\, k(x, \sigma)$$

    It goes from the level sigma > 0 to sigma' = next_sigma >= 0, floats. The step to 0 is Euler's, which gives
    D(x, sigma). denoiser(y, sigma) (n, d), (n,) -> (n, d); x (n, d). It uses no noise.
    Errors: DomainError E-ROUNDOFF for a positive next_sigma below 1e-12 sigma, which roundoff hides.
    Also: EDM, EDM sampler, Heun sampler
    Source: Karras, Aittala, Aila and Laine 2022, algorithm 1 and eq. 3
    """
    if 0 < next_sigma < NEGLIGIBLE * sigma:
        raise DomainError(
            "E-ROUNDOFF",
            f"next_sigma must be 0 or at least {NEGLIGIBLE:g} sigma, else roundoff hides it; got {next_sigma}",
        )
    squarable("sigma", sigma)  # else the slope may be no number
    slope = (x - denoiser(x, sigma * np.ones(len(x)))) / sigma
    ahead = x + (next_sigma - sigma) * slope
    if next_sigma == 0:
        return moved(ahead)
    there = (ahead - denoiser(ahead, next_sigma * np.ones(len(x)))) / next_sigma
    return moved(x + (next_sigma - sigma) * 0.5 * (slope + there))
