r"""Samples of images from coarse to fine: a Langevin chain on each grid, from what that of the coarser grid came to.

Errors: E-IMAGE for images that are no squares of 2^k x 2^k pixels, or grids that do not fit, E-SHAPE, E-POSITIVE.
"""

import autograd.numpy as np

from refebm.glossary import GridNoise, Images, InputError, Scores, StepSizes, rows
from refebm.objectives.multigrid import block_means, of_each, repeated, side_of
from refebm.samplers.langevin import langevin_step


@rows
def multigrid_chain(scores: Scores, x: Images, eta: StepSizes, z: GridNoise) -> tuple[np.ndarray, ...]:
    r"""x~_s = T_s Langevin steps of grid s from U x~_{s-1}, the sample of the coarser grid, x~_0 = D_1 x.

    $$\tilde x_s = K_s^{T_s} U \tilde x_{s-1},\ K_s y = y - \eta_s \nabla E_s(y) + \sqrt{2 \eta_s}\, z$$

    Of the data it sees the mean of each image alone. scores: one for each grid, (n, s^2) -> (n, s^2), from coarse to
    fine; x (n, S^2), images; eta > 0, a float or (G,); z: the noise of each grid, (T_s, n, s^2), unit normal, T_s >= 1,
    which says how large the grids are and how many steps are made there, the last of the size of x. Returns the images
    of all grids, (n, s^2) each; a row that is lost is NaN from then on.
    Source: Gao et al. 2018, multi-grid modeling and sampling
    """
    of_each("z", z, scores)
    if np.shape(eta) not in ((), (len(z),)):
        raise InputError("E-SHAPE", f"eta must be a float or (G,) = ({len(z)},); got shape {np.shape(eta)}")
    steps, y, grids = eta * np.ones(len(z)), block_means(x, 1), []
    for score, step, noise in zip(scores, steps, z):
        y = repeated(y, side_of(noise))
        for z_t in noise:
            y = langevin_step(score, y, step, z_t).x
        grids.append(y)
    return tuple(grids)
