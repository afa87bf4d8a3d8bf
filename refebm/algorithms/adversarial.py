r"""Training with a sampler in the place of chains, and of an autoencoder whose entropy is known by its score alone."""

from collections.abc import Callable
from typing import Annotated

import autograd.numpy as np

from refebm.algorithms.draws import minibatch, signs
from refebm.glossary import (
    EnergyOf,
    Flag,
    LogDensityOf,
    Parameters,
    Points,
    Rng,
    Sampler,
    Size,
    StepCount,
    StepSize,
    Watch,
    asked,
    energy,
    field,
    kept,
    read_only,
    rows,
    see_callable,
)
from refebm.objectives.adversarial import implicit_negative_elbo, variational_bound
from refebm.objectives.score_matching import sliced_score_matching
from refebm.training import Fit, minimise, minimise_in_turns, minimise_noisy


@rows
def train_variational_bound(
    x: Points,
    energy: EnergyOf,
    log_q: LogDensityOf,
    sampler: Sampler,
    parameters: Parameters,
    phi: Parameters,
    batch: Size,
    n_steps: StepCount,
    step_size: StepSize,
    rng: Rng,
    *,
    adam: Flag = False,
    each: Watch | None = None,
    progress: Flag = True,
) -> Fit:
    r"""Max-min of the bound: the energy raises E(y) - E(x) + log q(y) in the mean, then the sampler q lowers it.

    $$\max_\theta \min_\phi \ \mathbb E_z[E_\theta(y) + \log q_\phi(y)] - \mathbb E_x[E_\theta(x)], \quad
    y = T_\phi(z)$$

    n_steps rounds of two turns. In each: 1. Draw a minibatch. 2. Draw z, unit normal; y = T(z). 3. Step the energy up
    the gradient of the bound of its log-likelihood; in the other turn the sampler down it, through y as well.
    x (n, d); energy(parameters, x) (n, d) -> (n,); log_q(phi, x) (n, d) -> (n,), the log-density of the points (n, d)
    that sampler(phi, z) makes. The fit has parameters {"energy", "sampler"}.
    Source: HY-673 lecture 12, adversarial training for EBMs; Dai et al. 2019, eq. 5; Song and Kingma 2021, section 5
    """

    def bound(p, i):
        rows = minibatch(x, batch, rng)
        y = sampler(p["sampler"], rng.standard_normal(rows.shape))
        return np.mean(variational_bound(energy(p["energy"]), log_q(p["sampler"]), rows, y))

    losses = {"energy": lambda p, i: -bound(p, i), "sampler": bound}
    first = {"energy": parameters, "sampler": phi}
    return minimise_in_turns(losses, first, n_steps, step_size, adam=adam, each=each, progress=progress)


def joint(name, function, x=None):
    """log p(x, z) of parameters, rows of data and codes: a body sees function(parameters, x), a log-density of z."""
    see_callable(name, function)
    called = f"{name}(parameters, x, z)"
    return lambda theta, x: energy(name, lambda z: asked(called, function, read_only(theta), kept(x), z))


def code(name, function, x=None):
    """Codes (n, k) of parameters, rows of data and noise (n, k)."""
    see_callable(name, function)
    called = f"{name}(parameters, x, eps)"
    return lambda theta, x, eps: field(name, lambda eps: asked(called, function, read_only(theta), kept(x), eps))(eps)


def of_code(name, function, x=None):
    """A field of codes, of parameters and rows of data: a body sees function(parameters, x)."""
    see_callable(name, function)
    called = f"{name}(parameters, z, x)"
    return lambda theta, x: field(name, lambda z: asked(called, function, read_only(theta), z, kept(x)))


LogJointOf = Annotated[Callable, joint, "(parameters, (n, d), (n, k)) -> (n,), log p(x, z)"]
Encoder = Annotated[Callable, code, "(parameters, (n, d), (n, k)) -> (n, k), codes made of noise"]
CodeFieldOf = Annotated[Callable, of_code, "(parameters, (n, k), (n, d)) -> (n, k), the score of codes z given x"]


@rows
def train_implicit_vae(
    x: Points,
    log_joint: LogJointOf,
    encoder: Encoder,
    score: CodeFieldOf,
    parameters: Parameters,
    phi: Parameters,
    k: Size,
    batch: Size,
    n_steps: StepCount,
    step_size: StepSize,
    rng: Rng,
    refit: StepCount = 5,
    copies: Size = 5,
    score_steps: StepCount = 10,
    *,
    adam: Flag = False,
    each: Watch | None = None,
    progress: Flag = True,
) -> Fit:
    r"""An autoencoder whose codes are z = f(x, eps), of no known density: the entropy's gradient by a score s of them.

    $$\theta \leftarrow \theta - \eta\, \nabla\, \mathbb E_B[s(z|x) \cdot z - \log p_\theta(x, z)],
    \ z = f_\theta(x, \epsilon)$$

    1. Before every `refit`-th step, the first among them, s is fitted to codes of all rows, `copies` of each, by
    `score_steps` steps of L-BFGS on the sliced loss, from where it was: draw eps, then the signs of the projections.
    2. Draw a minibatch. 3. Draw eps, unit normal. 4. Step decoder and encoder down the gradient of minus the ELBO, s
    held. At the end s is fitted once more. It must be fitted much faster than the codes move: one that lags lets their
    law collapse.
    x (n, d); log_joint(parameters, x, z) (n, d), (n, k) -> (n,); encoder(parameters, x, eps) -> z (n, k);
    score(phi, z, x) -> (n, k). The fit has parameters {"model", "score"}.
    Source: Song, Garg, Shi and Ermon 2019, section 5.2; HY-673 lecture 12, score matching for learning implicit VAEs
    """
    scores, copied = phi, np.tile(x, (copies, 1))

    def fitted(theta):
        z = encoder(theta, copied, rng.standard_normal((len(copied), k)))
        return nearer(score, copied, z, signs(rng, *z.shape), scores, score_steps)

    def look(theta, i):
        nonlocal scores
        if i % refit == 0:
            scores = fitted(theta)
        if each:
            each({"model": theta, "score": scores}, i)

    def loss(theta, i):
        rows = minibatch(x, batch, rng)
        z = encoder(theta, rows, rng.standard_normal((batch, k)))
        return np.mean(implicit_negative_elbo(log_joint(theta, rows), score(scores, rows), z))

    fit = minimise_noisy(loss, parameters, n_steps, step_size, adam=adam, each=look, progress=progress)
    return fit._replace(parameters={"model": fit.parameters, "score": fitted(fit.parameters)})


def nearer(score, x, z, v, phi, n_steps):
    """The parameters of a score of codes z of x, after so many steps from phi down the sliced loss along v."""

    def sliced(phi):
        return np.mean(sliced_score_matching(score(phi, x), z, v))

    return minimise(sliced, phi, n_steps, progress=False).parameters
