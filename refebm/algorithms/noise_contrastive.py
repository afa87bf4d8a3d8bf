r"""Training against noise, drawn afresh at each step, from a fixed law or one that is trained against the energy."""

import autograd.numpy as np

from refebm.algorithms.draws import made, minibatch
from refebm.calculus import held
from refebm.glossary import (
    BatchSize,
    EnergyOf,
    Flag,
    InputError,
    LogDensityOf,
    NoiseLaw,
    Parameters,
    Points,
    Real,
    Rng,
    Sampler,
    Size,
    StepCount,
    StepSize,
    Trained,
    Watch,
    Weight,
    asked,
    leaves_of,
    of_shape,
    rows,
    supported,
)
from refebm.objectives.noise_contrastive import mixed_noise, noise_contrastive
from refebm.training import Fit, minimise_in_turns, minimise_noisy


def _drawn(noise, rng, n, d):
    return of_shape("noise.sample(rng, n)", asked("noise.sample(rng, n)", noise.sample, rng, n), (n, d))


def _log_density(energy, theta):
    """x -> -E(x) - log Z for theta = {"energy": ..., "log_z": ...}; self-normalised if there is no log_z. Refuses an
    energy that depends on none of the parameters that it has: log Z alone would be trained. Errors: E-CALLABLE."""
    parameters, log_z = theta["energy"], theta.get("log_z", 0.0)  # not in the function: indexing is traced
    energy_of_rows = energy(parameters)

    def log_density(x):
        e = energy_of_rows(x)
        if held(parameters) is not parameters and leaves_of(held(parameters)) and held(e) is e:
            raise InputError("E-CALLABLE", "energy(parameters, x) must depend on parameters, through autograd.numpy")
        return -e - log_z

    return log_density


@rows
def train_noise_contrastive(
    x: Points,
    energy: EnergyOf,
    noise: NoiseLaw,
    parameters: Parameters,
    nu: Size,
    batch: BatchSize,
    n_steps: StepCount,
    step_size: StepSize,
    rng: Rng,
    log_z: Real = 0.0,
    self_normalised: Flag = False,
    *,
    adam: Flag = False,
    each: Watch | None = None,
    progress: Flag = True,
) -> Fit:
    r"""Noise-contrastive estimation: E and log Z together descend the logistic loss of data against fresh noise.

    $$(\theta, c) \leftarrow (\theta, c) - \eta\, \nabla\, \mathbb E_B\big[\log(1 + e^{-L(x)}) + \textstyle\sum_j
    \log(1 + e^{L(y_j)})\big],\ L = -E - c - \log \nu p_n$$

    1. Draw a minibatch. 2. Draw nu noise points for each of its rows, noise.sample(rng, nu batch). 3. Compute the loss.
    4. Step down its gradient in the parameters of the energy and in c = log Z, which starts at log_z. The parameters of
    the fit are {"energy": ..., "log_z": ...}.
    x (n, d); energy(parameters, x) (n, d) -> (n,); noise: an object with log_prob(x) and sample(rng, n).
    self_normalised: omit log Z; E itself must learn to be normalised (Mnih and Teh 2012).
    Errors: E-SUPPORT where its log_prob is not finite at x.
    Source: Stanford CS236, noise contrastive estimation for training EBMs, steps 1 to 5; HY-673 lecture 12, NCE for
    training EBMs; Gutmann and Hyvarinen 2010; Song and Kingma 2021, section 5
    """
    supported("noise.log_prob(x)", noise.log_prob(x))
    first = {"energy": parameters} if self_normalised else {"energy": parameters, "log_z": log_z}

    def loss(theta, i):
        rows = minibatch(x, batch, rng)
        y = np.reshape(_drawn(noise, rng, nu * batch, x.shape[1]), (nu, *rows.shape))
        return np.mean(noise_contrastive(_log_density(energy, theta), noise.log_prob, rows, y))

    return minimise_noisy(loss, first, n_steps, step_size, adam=adam, each=each, progress=progress)


@rows
def train_flow_contrastive(
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
    log_z: Real = 0.0,
    *,
    adam: Flag = False,
    each: Watch | None = None,
    progress: Flag = True,
) -> Fit:
    r"""Flow contrastive estimation: the energy lowers the noise-contrastive loss, then a flow, the noise, raises it.

    $$\min_\phi \max_{\theta, c} \ \mathbb E_x \log D(x) + \mathbb E_{y \sim q_\phi} \log(1 - D(y)),\quad
    D = \frac{e^{-E - c}}{e^{-E - c} + q_\phi}$$

    n_steps rounds of two turns. In each turn: 1. Draw a minibatch. 2. Draw z, unit normal; the noise is
    y = sampler(phi, z), one point for each row. 3. In the first turn step the energy and log Z down the gradient; in
    the second step the flow up it, through y as well.
    x (n, d); energy(parameters, x) (n, d) -> (n,); sampler(phi, z) -> (n, d); log_q(phi, x) (n, d) -> (n,), the
    log-density of what the sampler makes. The parameters of the fit are {"energy": {"energy": ..., "log_z": ...},
    "flow": ...}.
    Errors: E-SUPPORT where log_q is not finite at x.
    Also: FCE
    Source: Gao et al. 2020; HY-673 lecture 12 and Stanford CS236, flow contrastive estimation
    """
    supported("log_q(phi, x)", log_q(phi)(x))

    def value(p, i):
        rows = minibatch(x, batch, rng)
        y = made(sampler(p["flow"], rng.standard_normal(rows.shape)), rows)
        return np.mean(noise_contrastive(_log_density(energy, p["energy"]), log_q(p["flow"]), rows, y[None]))

    losses = {"energy": value, "flow": lambda p, i: -value(p, i)}
    first = {"energy": {"energy": parameters, "log_z": log_z}, "flow": phi}
    return minimise_in_turns(losses, first, n_steps, step_size, adam=adam, each=each, progress=progress)


@rows
def train_adversarial_contrastive(
    x: Points,
    energy: EnergyOf,
    noise: NoiseLaw,
    log_q: LogDensityOf,
    sampler: Sampler,
    weight: Weight,
    parameters: Parameters,
    phi: Trained,
    batch: BatchSize,
    n_steps: StepCount,
    step_size: StepSize,
    rng: Rng,
    log_z: Real = 0.0,
    *,
    adam: Flag = False,
    each: Watch | None = None,
    progress: Flag = True,
) -> Fit:
    r"""Adversarial contrastive estimation: the noise is (1 - w) p_n + w q, with q trained to look like the data.

    $$\min_\phi \max_{\theta, c} \ \mathbb E_x \log D(x) + \mathbb E_y \log(1 - D(y)), \ y \sim (1 - w) p_n + w q_\phi$$

    n_steps rounds of two turns. In each turn: 1. Draw a minibatch. 2. For each row draw a point of p_n,
    noise.sample(rng, batch), then z, unit normal, then a uniform; the noise y is sampler(phi, z) where the uniform is
    below w = weight, else the point of p_n. 3. In the first turn step the energy and log Z down the gradient; in the
    second step the proposal up it, through y as well.
    x (n, d); energy(parameters, x) (n, d) -> (n,); noise: an object with log_prob(x) and sample(rng, n); log_q and
    sampler as in `train_flow_contrastive`; w in (0, 1). The parameters of the fit are
    {"energy": {"energy": ..., "log_z": ...}, "proposal": ...}.
    Errors: E-SUPPORT where no law of the mixture is finite at x.
    Source: Bose, Ling and Cao 2018, eq. 4; Song and Kingma 2021, section 5
    """
    supported("noise.log_prob(x) or log_q(phi, x)", np.maximum(noise.log_prob(x), log_q(phi)(x)))

    def value(p, i):
        rows = minibatch(x, batch, rng)
        plain = _drawn(noise, rng, batch, x.shape[1])
        hard = made(sampler(p["proposal"], rng.standard_normal(rows.shape)), rows)
        y = np.where(rng.random((batch, 1)) < weight, hard, plain)
        log_noise = mixed_noise(noise.log_prob, log_q(p["proposal"]), weight)
        return np.mean(noise_contrastive(_log_density(energy, p["energy"]), log_noise, rows, y[None]))

    losses = {"energy": value, "proposal": lambda p, i: -value(p, i)}
    first = {"energy": {"energy": parameters, "log_z": log_z}, "proposal": phi}
    return minimise_in_turns(losses, first, n_steps, step_size, adam=adam, each=each, progress=progress)
