r"""Training by score matching: exact and sliced on the data, and denoising at one noise level or at many."""

import autograd.numpy as np

from refebm.algorithms.draws import minibatch, signs
from refebm.glossary import (
    BatchSize,
    Coordinates,
    CountOrNone,
    DecreasingLevels,
    FieldOf,
    Flag,
    Level,
    LevelField,
    LevelFieldOf,
    Parameters,
    Points,
    Rng,
    RowCount,
    StepCount,
    StepSize,
    TimeWeight,
    Vectors,
    Watch,
    memory,
    rows,
)
from refebm.objectives.denoising import denoising_score_matching, noise_conditional_score_matching
from refebm.objectives.score_matching import implicit_score_matching, sliced_score_matching
from refebm.samplers.langevin import annealed_langevin
from refebm.samplers.tapes import annealed_langevin_tape
from refebm.training import Fit, minimise_noisy


@rows
def train_score_matching(
    x: Points,
    score: FieldOf,
    parameters: Parameters,
    batch: BatchSize,
    n_steps: StepCount,
    step_size: StepSize,
    rng: Rng,
    projections: CountOrNone = 0,
    *,
    adam: Flag = False,
    each: Watch | None = None,
    progress: Flag = True,
) -> Fit:
    r"""Score matching: theta <- theta - step_size grad mean_i [1/2 |s(x_i)|^2 + tr(grad s(x_i))] over a minibatch.

    $$\theta \leftarrow \theta - \eta\, \nabla\, \mathbb E_B[\tfrac12 |s_\theta(x)|^2 + \operatorname{tr} \nabla
    s_\theta(x)]$$

    1. Draw a minibatch. 2. Compute its loss with the exact trace; or, if projections = m > 0, draw m projections of
    random signs for each row, and compute the sliced loss. 3. Step down its gradient. x (n, d); score(parameters, x)
    (n, d) -> (n, d); 1 <= batch <= n.
    Source: HY-673 lecture 12, score matching: training algorithm; Stanford CS236, score matching and sliced score
    matching
    """

    def loss(theta, i):
        rows = minibatch(x, batch, rng)
        if not projections:
            return np.mean(implicit_score_matching(score(theta), rows))
        return np.mean(sliced_score_matching(score(theta), rows, signs(rng, projections, *rows.shape)))

    return minimise_noisy(loss, parameters, n_steps, step_size, adam=adam, each=each, progress=progress)


@rows
def train_denoising_score_matching(
    x: Points,
    score: FieldOf,
    parameters: Parameters,
    sigma: Level,
    batch: BatchSize,
    n_steps: StepCount,
    step_size: StepSize,
    rng: Rng,
    *,
    adam: Flag = False,
    each: Watch | None = None,
    progress: Flag = True,
) -> Fit:
    r"""Denoising: theta <- theta - step_size grad mean_i 1/2 |s(x_i + sigma z_i) + z_i/sigma|^2 over a minibatch.

    $$\theta \leftarrow \theta - \eta\, \nabla\, \mathbb E_B\big[\tfrac12 |s_\theta(x + \sigma z) + z/\sigma|^2\big]$$

    1. Draw a minibatch. 2. Draw its noise, unit normal. 3. Step down the gradient of its loss. x (n, d);
    score(parameters, x) (n, d) -> (n, d), which learns the score of the data plus noise; sigma > 0.
    Source: dataflowr module 18a, denoising score matching; Stanford CS236, denoising score matching; Das 2021
    """

    def loss(theta, i):
        rows = minibatch(x, batch, rng)
        z = rng.standard_normal(rows.shape)
        return np.mean(denoising_score_matching(score(theta), rows, sigma, z))

    return minimise_noisy(loss, parameters, n_steps, step_size, adam=adam, each=each, progress=progress)


@rows
def train_noise_conditional_score_matching(
    x: Points,
    score: LevelFieldOf,
    parameters: Parameters,
    sigmas: DecreasingLevels,
    batch: BatchSize,
    n_steps: StepCount,
    step_size: StepSize,
    rng: Rng,
    weight: TimeWeight | None = None,
    *,
    adam: Flag = False,
    each: Watch | None = None,
    progress: Flag = True,
) -> Fit:
    r"""A score at all levels: descend the mean of 1/2 |sigma_i s(x_i + sigma_i z_i, sigma_i) + z_i|^2.

    $$\theta \leftarrow \theta - \eta\, \nabla\, \mathbb E_B\big[\tfrac12 |\sigma\, s_\theta(x + \sigma z, \sigma)
    + z|^2\big]$$

    1. Draw a minibatch. 2. Draw a level for each row, uniformly from sigmas. 3. Draw its noise, unit normal. 4. Step
    down the gradient of its loss. x (n, d); score(parameters, x, sigma) (n, d), (n,) -> (n, d); sigmas (L,),
    decreasing. weight: sigma (n,) -> (n,), lambda(sigma)/sigma^2 in the source's notation, by default 1.
    `draw_by_annealed_langevin` samples with the learnt score.
    Source: Stanford CS236, training noise conditional score networks; Song and Ermon 2019, eqs. 5 and 6; Das 2021
    """

    weight = weight or np.ones_like

    def loss(theta, i):
        rows = minibatch(x, batch, rng)
        sigma = rng.choice(sigmas, batch)
        z = rng.standard_normal(rows.shape)
        return np.mean(weight(sigma) * noise_conditional_score_matching(score(theta), rows, sigma, z))

    return minimise_noisy(loss, parameters, n_steps, step_size, adam=adam, each=each, progress=progress)


@rows
def draw_by_annealed_langevin(
    score: LevelField,
    sigmas: DecreasingLevels,
    eps: StepSize,
    n_steps: StepCount,
    n: RowCount,
    d: Coordinates,
    rng: Rng,
    *,
    progress: Flag = False,
) -> Vectors:
    r"""Samples (n, d) from a noise-conditional score: n_steps Langevin steps at each level, from N(0, sigma_1^2 I).

    $$x \leftarrow x + \eta_l s(x, \sigma_l) + \sqrt{2 \eta_l}\, z, \quad \eta_l = \epsilon \sigma_l^2/\sigma_L^2$$

    1. Draw the start. 2. Draw the noise of all steps. 3. Run `annealed_langevin`. score(x, sigma) (n, d), (n,) ->
    (n, d); sigmas (L,), decreasing; sigmas[0] should be as large as the spread of the data.
    Convention: the source starts from a uniform law; the steps at the first level make the start irrelevant.
    Source: Song and Ermon 2019, algorithm 1; Stanford CS236, annealed Langevin dynamics; Das 2021
    """
    memory(len(sigmas), n_steps, n, d)  # refused before anything is drawn
    x = sigmas[0] * rng.standard_normal((n, d))
    z = annealed_langevin_tape(rng, len(sigmas), n_steps, n, d)
    return annealed_langevin(score, x, sigmas, eps, z, progress=progress)
