r"""Training with a sampler in place of Markov chains, and of an autoencoder whose codes have no known density."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

import autograd.numpy as np

from refebm.algorithms.draws import made, minibatch, signs
from refebm.glossary import (
    BatchSize,
    EnergyOf,
    Flag,
    InputError,
    LogDensityOf,
    Parameters,
    Points,
    Rng,
    Sampler,
    Size,
    StepCount,
    StepSize,
    Trained,
    Watch,
    asked,
    energy,
    field,
    memory,
    read_only,
    real_array,
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
    phi: Trained,
    batch: BatchSize,
    n_steps: StepCount,
    step_size: StepSize,
    rng: Rng,
    *,
    adam: Flag = False,
    each: Watch | None = None,
    progress: Flag = True,
) -> Fit:
    r"""Max-min of `variational_bound`: the energy raises the mean of E(y) - E(x) + log q(y), the sampler lowers it.

    $$\max_\theta \min_\phi \ \mathbb E_z[E_\theta(y) + \log q_\phi(y)] - \mathbb E_x[E_\theta(x)], \quad
    y = T_\phi(z)$$

    n_steps rounds of two turns. In each turn: 1. Draw a minibatch. 2. Draw z, unit normal; y = T(z) = sampler(phi, z).
    3. In the first turn step the energy up the gradient of the bound; in the second step the sampler down it, through
    y as well.
    x (n, d); energy(parameters, x) (n, d) -> (n,); sampler(phi, z) -> (n, d); log_q(phi, x) (n, d) -> (n,), the
    log-density of what the sampler makes. The parameters of the fit are {"energy": ..., "sampler": ...}.
    Source: HY-673 lecture 12, adversarial training for EBMs; Dai et al. 2019, eq. 5; Song and Kingma 2021, other
    methods
    """

    def bound(p, i):
        rows = minibatch(x, batch, rng)
        y = made(sampler(p["sampler"], rng.standard_normal(rows.shape)), rows)
        return np.mean(variational_bound(energy(p["energy"]), log_q(p["sampler"]), rows, y))

    losses = {"energy": lambda p, i: -bound(p, i), "sampler": bound}
    first = {"energy": parameters, "sampler": phi}
    return minimise_in_turns(losses, first, n_steps, step_size, adam=adam, each=each, progress=progress)


def joint(name, function, x=None):
    """The check of log p(x, z): the body sees function(parameters, x), which returns a log-density of codes z."""
    see_callable(name, function)
    called = f"{name}(parameters, x, z)"
    return lambda theta, x: energy(name, lambda z: asked(called, function, read_only(theta), x, z))


def code(name, function, x=None):
    """The check of an encoder: parameters, rows of data (n, d) and noise (n, k) -> codes (n, k)."""
    see_callable(name, function)
    called = f"{name}(parameters, x, eps)"

    def made_of(theta, x, eps):
        z = field(name, lambda eps: asked(called, function, read_only(theta), x, eps))(eps)
        return real_array(called, z)

    return made_of


def of_code(name, function, x=None):
    """The check of a score of codes given data: the body sees function(parameters, x), which returns a field of codes
    z."""
    see_callable(name, function)
    called = f"{name}(parameters, z, x)"
    return lambda theta, x: field(name, lambda z: asked(called, function, read_only(theta), z, x))


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
    phi: Trained,
    k: Size,
    batch: BatchSize,
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
    r"""An autoencoder with codes z = f(x, eps) of unknown density: the gradient of the ELBO uses their score s instead.

    $$\theta \leftarrow \theta - \eta\, \nabla\, \mathbb E_B[s(z|x) \cdot z - \log p_\theta(x, z)],
    \ z = f_\theta(x, \epsilon)$$

    1. Before the first and every `refit`-th step, fit s to codes of all rows, `copies` codes for each row, by
    `score_steps` steps of L-BFGS on the sliced loss, starting from the previous s: draw eps, then the signs of the
    projections. 2. Draw a minibatch. 3. Draw eps, unit normal. 4. Step decoder and encoder down the gradient of minus
    the ELBO with s held constant. At the end fit s once more. s must be fitted much faster than the codes move: if it
    lags behind, the law of the codes collapses.
    x (n, d); log_joint(parameters, x, z) (n, d), (n, k) -> (n,); encoder(parameters, x, eps) -> z (n, k);
    score(phi, z, x) -> (n, k). The parameters of the fit are {"model": ..., "score": ...}.
    Source: Song, Garg, Shi and Ermon 2019, section 5.2; HY-673 lecture 12, score matching for learning implicit VAEs
    """
    scores, copied = phi, repeated(x, copies, k)

    def fitted(theta):
        codes = partial(encoder, theta, copied)
        return refitted(score, copied, codes, rng.standard_normal((len(copied), k)), rng, scores, score_steps)

    def look(theta, i):
        nonlocal scores
        if i % refit == 0:
            scores = fitted(theta)
        if each:
            asked("each", each, {"model": theta, "score": scores}, i)

    def loss(theta, i):
        rows = minibatch(x, batch, rng)
        z = encoder(theta, rows, rng.standard_normal((batch, k)))
        return np.mean(implicit_negative_elbo(log_joint(theta, rows), score(scores, rows), z))

    train = partial(minimise_noisy, loss, parameters, n_steps, step_size, adam=adam, each=look, progress=progress)
    return with_score(train, fitted, lambda: scores)


def repeated(x, copies, k):
    """The rows of x, `copies` times. Errors: E-SIZE, also if their codes (copies n, k) fit into no memory."""
    memory(copies * len(x), max(k, x.shape[1]))
    return np.tile(x, (copies, 1))


def with_score(train, fitted, latest):
    """The fit of train() and the parameters of the score fitted after it. If the score cannot be fitted, this is the
    fit so far with those of the score so far, latest(); any other error that ends this early carries it."""

    def both(fit, scores):
        return fit._replace(parameters={"model": fit.parameters, "score": scores})

    fit = None
    try:
        fit = train()
        return both(fit, fitted(fit.parameters))
    except BaseException as error:
        fit = fit or getattr(error, "fit", None)
        if not fit:
            raise
        error.fit = both(fit, latest())
        if not isinstance(error, Unfitted):
            raise
        return error.fit._replace(finite=False, message=f"{fit.message}: the score of codes is not fitted ({error})")


class Unfitted(InputError):
    """Raised if codes or their score are not finite, so that the score cannot be fitted."""


def refitted(score, x, codes, eps, rng, phi, n_steps):
    """The parameters of the score of the codes that `codes` makes of eps, given x, after n_steps steps of L-BFGS from
    phi on the sliced loss, whose projections are drawn after the codes are made."""
    z = v = None

    def sliced(phi):
        return np.mean(sliced_score_matching(score(phi, x), z, v))

    try:
        z = codes(eps)
        v = signs(rng, *z.shape)
        return minimise(sliced, phi, n_steps, progress=False).parameters
    except BaseException as error:
        vars(error).pop("fit", None)  # of the score alone: no fit of the procedure
        if getattr(error, "code", None) != "E-FINITE":
            raise
        of_score = "score(phi, z, x) must be finite at the codes, and its slopes"
        raise Unfitted("E-FINITE", error.args[1] if z is None else of_score) from error
