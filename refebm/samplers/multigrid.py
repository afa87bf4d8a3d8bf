r"""Samples of images from coarse to fine: a Langevin chain on each grid starts where that of the coarser grid ended.

Errors: E-IMAGE for images that do not have 2^k x 2^k pixels, or grids that do not fit; E-SHAPE, E-POSITIVE.
"""

import autograd.numpy as np

from refebm.glossary import GridNoise, Images, InputError, Scores, StepSizes, rows
from refebm.objectives.multigrid import block_means, of_each, repeated, side_of
from refebm.samplers.langevin import langevin_step


@rows
def multigrid_chain(scores: Scores, x: Images, eta: StepSizes, z: GridNoise) -> tuple[np.ndarray, ...]:
    r"""x~_s after T_s Langevin steps on grid s from U x~_{s-1}, the sample of the coarser grid, where x~_0 = D_1 x.

    $$\tilde x_s = K_s^{T_s} U \tilde x_{s-1},\ K_s y = y - \eta_s \nabla E_s(y) + \sqrt{2 \eta_s}\, z$$

    It uses only the mean of each image of the data. scores: one for each grid, (n, s^2) -> (n, s^2), from coarse to
    fine; x (n, S^2), images; eta > 0, a float or (G,); z: unit normal noise for each grid, (T_s, n, s^2), T_s >= 1; its
    shape sets the size of the grid and the number of steps, and the last grid is that of x. Returns a tuple of the
    images of each grid, (n, s^2). A row that is no longer finite is NaN from then on.
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
