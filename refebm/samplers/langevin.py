r"""Langevin dynamics: x + eta s(x) + sqrt(2 eta) z, without accept or reject, so that its law has a bias of order eta.

Convention: eta, as in sqrt(2 eta). Stanford CS236 writes eps/2 and sqrt(eps), so eta = eps/2; Song and Kingma 2021
write eps^2/2 and eps, so eta = eps^2/2. Errors: E-POSITIVE, E-SHAPE, E-LEVELS, E-TAPE, E-STEPS.
"""

import autograd.numpy as np

from refebm.glossary import (
    DecreasingLevels,
    DomainError,
    Field,
    Flag,
    InputError,
    LangevinStep,
    Length,
    LevelField,
    LevelNoise,
    Noise,
    Points,
    Positive,
    States,
    StepSize,
    Vectors,
    rows,
)
from refebm.models.fields import at
from refebm.progress import counted
from refebm.samplers.step import Step, kernel, moved

LARGEST_LOG = 709.0  # exp of it is a number, and so is its double


@kernel
def langevin_step(score: Field, x: States, eta: LangevinStep, z: Noise) -> Step:
    r"""x + eta s(x) + sqrt(2 eta) z, (n, d): one step of the unadjusted Langevin algorithm.

    $$x + \eta s(x) + \sqrt{2\eta}\, z$$

    >>> x, z = np.array([[1.0]]), np.array([[2.0]])
    >>> refebm.langevin_step(lambda x: -x, x, 0.5, z).x  # 1 - 0.5 + 2
    array([[2.5]])

    score (n, d) -> (n, d); x, z (n, d), z unit normal; eta > 0.
    Also: ULA, unadjusted Langevin, SGLD
    Source: HY-673 lecture 12, unadjusted Langevin MCMC; Song and Kingma 2021, section 3; Das 2021, eq. 4; Welling and
    Teh 2011, eq. 4
    """
    return moved(x + eta * score(x) + np.sqrt(2 * eta) * z)


@rows
def annealed_langevin(
    score: LevelField,
    x: Points,
    sigmas: DecreasingLevels,
    eps: StepSize,
    z: LevelNoise,
    every_level: Flag = False,
    *,
    progress: Flag = False,
) -> Vectors:
    r"""T Langevin steps at each level, from large to small noise, with step sizes eta_i = eps sigma_i^2/sigma_L^2.

    $$x \leftarrow x + \eta_i s(x, \sigma_i) + \sqrt{2\eta_i}\, z,\quad \eta_i = \epsilon \sigma_i^2/\sigma_L^2$$

    score(x, sigma) (n, d), (n,) -> (n, d); x (n, d); sigmas (L,), decreasing; eps > 0; z (L, T, n, d), unit normal.
    Returns the last states (n, d), or if `every_level` those at the end of each level, (L, n, d). progress: show a line
    on stderr.
    Convention: Song and Ermon 2019 write alpha_i/2 for our eta_i: our eps is half theirs.
    Also: ALD, annealed Langevin dynamics
    Source: Song and Ermon 2019, algorithm 1; Stanford CS236, annealed Langevin dynamics
    """
    if len(z) != len(sigmas):
        raise InputError("E-TAPE", f"z must be (L, T, n, d) with L = {len(sigmas)}; got shape {z.shape}")
    if np.log(eps) + 2 * (np.log(sigmas[0]) - np.log(sigmas[-1])) > LARGEST_LOG:
        raise InputError("E-LEVELS", "sigmas must be so near each other that eps (sigma_1/sigma_L)^2 is a number")
    ends = []
    for sigma, noise in counted(zip(sigmas, z), len(z), progress):
        eta = eps * (sigma / sigmas[-1]) ** 2
        for z_t in noise:
            x = langevin_step(at(score, sigma), x, eta, z_t).x
        ends.append(x)
    return np.stack(ends) if every_level else x


@rows
def decaying_steps(first: StepSize, power: Positive, n_steps: Length) -> np.ndarray:
    r"""eta_t = eta_0 (1 + t)^{-gamma}, t = 0, 1, ..., (n_steps,): eta_0 = first, gamma = power, 0 < gamma <= 1.

    $$\eta_t = \eta_0 (1 + t)^{-\gamma},\quad 0 < \gamma \le 1$$

    The steps go to zero, and so does the bias; their sum is infinite, so that the chain can reach every point. With
    power > 1 their sum is finite, and the chain stops short of the target.
    Errors: DomainError E-STEPS for power > 1.
    Source: Welling and Teh 2011, eq. 2; Stanford CS236, Langevin dynamics sampling (the limit)
    """
    if not power <= 1:
        raise DomainError("E-STEPS", f"power must be at most 1, or the sum of the steps is finite; got {power}")
    return first * (1.0 + np.arange(n_steps)) ** -power
