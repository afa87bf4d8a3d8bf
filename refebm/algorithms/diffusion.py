r"""Training a score at all times of a diffusion, and sampling with it: from noise back to data."""

from typing import Annotated

import autograd.numpy as np

from refebm.algorithms.draws import minibatch
from refebm.glossary import (
    BatchSize,
    Coordinates,
    CountOrNone,
    Flag,
    InputError,
    Parameters,
    Points,
    Rng,
    RowCount,
    Sde,
    StepCount,
    StepSize,
    TimeField,
    TimeFieldOf,
    TimeWeight,
    Vectors,
    Watch,
    brief,
    number,
    rows,
)
from refebm.objectives.diffusion import diffusion_score_matching
from refebm.objectives.flow_matching import flow_matching
from refebm.samplers.reverse_diffusion import ddpm_step, predictor_corrector, probability_flow
from refebm.samplers.tapes import langevin_tape, predictor_corrector_tape
from refebm.training import Fit, minimise_noisy

WAYS = ("predictor-corrector", "flow", "ancestral")


def way(name, value, x=None):
    """The name of a method that goes from noise to data. Errors: E-CHOICE."""
    if not isinstance(value, str) or value not in WAYS:
        raise InputError("E-CHOICE", f"{name} must be one of {', '.join(WAYS)}; got {brief(value)}")
    return value


def early(name, value, x=None):
    """The earliest time of training or sampling, in (0, 1)."""
    value = number(name, value)
    if not 0 < value < 1:
        raise InputError("E-TIME", f"{name} must be greater than 0 and less than 1, got {value}")
    return value


Way = Annotated[str, way, "predictor-corrector, flow or ancestral"]
FirstTime = Annotated[float, early, "a time in (0, 1)"]


@rows
def train_diffusion(
    x: Points,
    score: TimeFieldOf,
    sde: Sde,
    parameters: Parameters,
    batch: BatchSize,
    n_steps: StepCount,
    step_size: StepSize,
    rng: Rng,
    weight: TimeWeight | None = None,
    t_min: FirstTime = 1e-3,
    *,
    adam: Flag = False,
    each: Watch | None = None,
    progress: Flag = True,
) -> Fit:
    r"""A score at all times: descend the mean of weight(t)/2 |s(m x + std z, t) + z/std|^2, each row at its own time.

    $$\theta \leftarrow \theta - \eta\, \nabla\, \mathbb E_B\big[\tfrac12 w(t)\, |s_\theta(m(t)\, x + \text{std}(t)\,
    z, t) + z/\text{std}(t)|^2\big]$$

    1. Draw a minibatch. 2. Draw a time for each row, uniform on (t_min, 1). 3. Draw its noise, unit normal. 4. Step
    down the gradient of its loss. x (n, d); score(parameters, x, t) (n, d), (n,) -> (n, d); weight (n,) -> (n,), by
    default std^2 (noise prediction). `draw_by_diffusion` samples with the learnt score.
    Source: Stanford CS236, score-based generative modeling via SDEs; Song et al. 2021, eq. 7
    """
    weight = weight or (lambda t: sde.marginal(t)[1] ** 2)

    def loss(theta, i):
        rows = minibatch(x, batch, rng)
        t = t_min + (1 - t_min) * rng.random(batch)
        z = rng.standard_normal(rows.shape)
        return np.mean(diffusion_score_matching(score(theta), sde, weight, rows, t, z))

    return minimise_noisy(loss, parameters, n_steps, step_size, adam=adam, each=each, progress=progress)


@rows
def train_flow_matching(
    x: Points,
    velocity: TimeFieldOf,
    parameters: Parameters,
    batch: BatchSize,
    n_steps: StepCount,
    step_size: StepSize,
    rng: Rng,
    t_min: FirstTime = 1e-3,
    *,
    adam: Flag = False,
    each: Watch | None = None,
    progress: Flag = True,
) -> Fit:
    r"""A velocity at all times: descend the mean of 1/2 |u((1 - t) x + t z, t) - (z - x)|^2, each row at its own time.

    $$\theta \leftarrow \theta - \eta\, \nabla\, \mathbb E_B\big[\tfrac12 |u_\theta((1 - t)\, x + t z, t)
    - (z - x)|^2\big]$$

    1. Draw a minibatch. 2. Draw a time for each row, uniform on (t_min, 1). 3. Draw its noise, unit normal. 4. Step
    down the gradient of its loss. x (n, d); velocity(parameters, x, t) (n, d), (n,) -> (n, d), data at t = 0.
    Source: Lipman et al. 2023, eqs. 9 and 23; Liu, Gong and Liu 2023, algorithm 1
    """

    def loss(theta, i):
        rows = minibatch(x, batch, rng)
        t = t_min + (1 - t_min) * rng.random(batch)
        z = rng.standard_normal(rows.shape)
        return np.mean(flow_matching(velocity(theta), rows, z, t))

    return minimise_noisy(loss, parameters, n_steps, step_size, adam=adam, each=each, progress=progress)


@rows
def draw_by_diffusion(
    score: TimeField,
    sde: Sde,
    n_steps: StepCount,
    n: RowCount,
    d: Coordinates,
    rng: Rng,
    by: Way = "predictor-corrector",
    corrections: CountOrNone = 1,
    ratio: StepSize = 0.1,
    t_min: FirstTime = 1e-3,
    *,
    progress: Flag = False,
) -> Vectors:
    r"""Samples (n, d) from a score at all times, going from the prior at t = 1 back to t_min.

    $$x \leftarrow x - [f - g^2 s]\, dt + g \sqrt{dt}\, z; \quad x \leftarrow x + \eta s + \sqrt{2 \eta}\, z'$$

    1. Draw the start, sde.prior(d).sample(rng, n). 2. Go back in time, by one of:
    "predictor-corrector": draw the noise of all steps, then take n_steps steps of equal length, each a reverse step
    followed by `corrections` Langevin steps of size eta = ratio std(t)^2;
    "flow": follow the probability flow, to a tolerance of 1e-5, without noise;
    "ancestral": draw the noise of all steps, then take the n_steps steps of sde.betas, the last without noise; the
    score is called at t = i/n_steps, i = n_steps, ..., 1, whatever t_min is.
    score(x, t) (n, d), (n,) -> (n, d).
    Errors: E-SDE for ancestral steps with an SDE without betas, or one for which m^2 + std^2 is not 1.
    Convention: Song et al. 2021 choose eta by a ratio of norms over the batch, so that rows interact.
    Source: Song et al. 2021, algorithms 1 and 3; Ho, Jain and Abbeel 2020, algorithm 2; Stanford CS236, sampling from
    the SDE, predictor-corrector sampling and probability flow
    """
    x = sde.prior(d).sample(rng, n)
    if by == "flow":
        return probability_flow(score, sde, x, 1.0, t_min, 1e-5, 1e-5, progress=progress)
    if by == "ancestral":
        betas = sde.betas(n_steps)
        see_preserved("sde", sde)
        z = langevin_tape(rng, n_steps, n, d)
        for i in reversed(range(n_steps)):
            x = ddpm_step(lambda x, i: score(x, (i + 1) / n_steps), betas, x, i, z[i] * (i > 0)).x
        return x
    z = predictor_corrector_tape(rng, n_steps, corrections, n, d)
    times = np.linspace(1.0, t_min, n_steps + 1)
    etas = ratio * sde.marginal(times[1:])[1] ** 2
    return predictor_corrector(score, sde, x, times, etas, z, progress=progress)


def see_preserved(name, sde):
    """Refuse an SDE that does not preserve the variance, as ancestral steps do, of which sub-VP has the betas too."""
    scale, std = sde.marginal(np.array([0.25, 0.5, 1.0]))
    apart = np.max(np.abs(scale**2 + std**2 - 1))
    if apart > 1e-6:
        wanted = "preserve the variance for ancestral steps, m^2 + std^2 = 1, as VariancePreserving does"
        raise InputError("E-SDE", f"{name} must {wanted}; it is {apart:.2g} off")
