r"""From noise to data: the reverse-time SDE, its probability flow, and denoising diffusion in discrete steps.

Time goes from 1 (noise) to 0 (data), and dt > 0. score(x, t): (n, d), (n,) -> (n, d), the score of the law of x_t; sde:
one of `refebm.sdes`. Errors: E-TIME for times outside [0, 1], E-POSITIVE for dt, E-SDE, E-TAPE, E-BETAS, E-INDEX.
"""

from itertools import pairwise

import autograd.numpy as np
import scipy

from refebm.calculus import field_and_divergence, held, jacobian_vector_product
from refebm.glossary import (
    Betas,
    CorrectionNoise,
    DecreasingTimes,
    DomainError,
    Flag,
    Indices,
    InputError,
    LogDensity,
    Noise,
    Points,
    Positive,
    Projections,
    RelativeTolerance,
    Rows,
    Sde,
    States,
    StepSizes,
    Time,
    TimeField,
    Times,
    TimeStep,
    Vectors,
    rows,
    within,
)
from refebm.objectives.notation import dot, mean_over_projections
from refebm.progress import Line, counted
from refebm.samplers.langevin import langevin_step
from refebm.samplers.step import Step, kernel, moved


@kernel
def euler_maruyama_step(sde: Sde, x: States, t: Times, dt: TimeStep, z: Noise) -> Step:
    r"""x + f(x, t) dt + g(t) sqrt(dt) z, (n, d): forward in time, from t to t + dt.

    $$x + f(x, t)\, dt + g(t) \sqrt{dt}\, z$$

    sde: an object with drift(x, t) (n, d) and diffusion(t) (n,); x, z (n, d), z unit normal; t a float or (n,); dt > 0.
    Also: EM
    Source: Song et al. 2021, eq. 5; Kloeden and Platen 1992, section 9.1; Das 2021, eq. 6 (Langevin dynamics as an SDE)
    """
    return moved(x + sde.drift(x, t) * dt + sde.diffusion(t)[:, None] * np.sqrt(dt) * z)


@kernel
def reverse_sde_step(score: TimeField, sde: Sde, x: States, t: Times, dt: TimeStep, z: Noise) -> Step:
    r"""x - [f(x, t) - g(t)^2 s(x, t)] dt + g(t) sqrt(dt) z, (n, d): back in time, from t to t - dt.

    $$x - [f(x, t) - g(t)^2 s(x, t)]\, dt + g(t) \sqrt{dt}\, z$$

    x, z (n, d), z unit normal; t a float or (n,); dt > 0.
    Also: reverse-time SDE, backward SDE
    Source: Anderson 1982; Song et al. 2021, eq. 6; Stanford CS236, sampling from the SDE
    """
    g = sde.diffusion(t)[:, None]
    return moved(x - (sde.drift(x, t) - g**2 * score(x, t)) * dt + g * np.sqrt(dt) * z)


@rows
def probability_flow_velocity(score: TimeField, sde: Sde, x: Points, t: Times) -> Vectors:
    r"""f(x, t) - 1/2 g(t)^2 s(x, t), (n, d): the velocity of the ODE whose law at each time is that of the SDE.

    $$u(x, t) = f(x, t) - \tfrac12 g(t)^2 s(x, t)$$

    x (n, d); t a float or (n,).
    Source: Song et al. 2021, eq. 13; Stanford CS236, probability flow
    """
    return sde.drift(x, t) - 0.5 * sde.diffusion(t)[:, None] ** 2 * score(x, t)


@rows
def probability_flow(
    score: TimeField,
    sde: Sde,
    x: Points,
    t0: Time,
    t1: Time,
    rtol: RelativeTolerance = 1e-8,
    atol: Positive = 1e-8,
    *,
    progress: Flag = False,
) -> Vectors:
    r"""x(t1), (n, d), where x(t0) = x and dx/dt = f(x, t) - 1/2 g(t)^2 s(x, t); t1 may be before t0.

    $$x(t_1) = x + \int_{t_0}^{t_1} u(x(t), t)\, dt,\quad u = f - \tfrac12 g^2 s$$

    x (n, d). rtol, atol > 0: the error allowed in a step is rtol |x_j| + atol |x|, where |x| is the root mean square of
    the row at that time, so that the unit of x does not matter. The solver, scipy's DOP853, averages the error over all
    rows: they influence each other to that order. A gradient is that of the steps taken, all of which stay in memory.
    progress: show a line on stderr.
    Errors: DomainError E-SOLVER with the solver's message (there is no partial result).
    Also: PF ODE, neural ODE
    Source: Song et al. 2021, eq. 13; Stanford CS236, probability flow
    """
    return _solved(lambda t, x: (_velocity_at(score, sde, t)(x),), (x,), t0, t1, rtol, atol, progress)[0]


@rows
def probability_flow_log_prob(
    score: TimeField,
    sde: Sde,
    x: Points,
    t0: Time = 0.0,
    t1: Time = 1.0,
    rtol: RelativeTolerance = 1e-8,
    atol: Positive = 1e-8,
    *,
    log_end: LogDensity | None = None,
    v: Projections | None = None,
    progress: Flag = False,
) -> Rows:
    r"""log p_{t0}(x) = log p_{t1}(x(t1)) + int_{t0}^{t1} div u dt, (n,), along the flow x(t) from x with velocity u.

    $$\log p_{t_0}(x) = \log p_{t_1}(x(t_1)) + \int_{t_0}^{t_1} \operatorname{div} u(x(t), t)\, dt$$

    log_end (n, d) -> (n,): log p_{t1}, by default that of the prior. v (n, d) or (m, n, d): use Hutchinson's estimate
    v.(grad u) v of the divergence with the same v at all times, instead of the exact trace. The error allowed in a step
    is rtol |integral| + atol for the integral, and as in `probability_flow` for x.
    Errors: DomainError E-SOLVER.
    Also: FFJORD, instantaneous change of variables
    Source: Song et al. 2021, eq. 39; Chen, Rubanova, Bettencourt and Duvenaud 2018, eq. 8; Stanford CS236, probability
    flow
    """

    def rates(t, x, _):
        velocity = _velocity_at(score, sde, t)
        if v is None:
            return field_and_divergence(velocity, x)
        return velocity(x), _hutchinson(velocity, x, v)

    log_end = sde.prior(x.shape[1]).log_prob if log_end is None else log_end
    end, growth = _solved(rates, (x, np.zeros(len(x))), t0, t1, rtol, atol, progress)
    return log_end(end) + growth


@mean_over_projections
def _hutchinson(field, x, v):
    return dot(v, jacobian_vector_product(field, x, v))


def _velocity_at(score, sde, t):
    return lambda x: probability_flow_velocity(score, sde, x, t)


def _solved(rates, start, t0, t1, rtol, atol, progress):
    """The arrays `start` at t1, by the ODE d arrays/dt = rates(t, *arrays); the first array is points (n, d).

    atol is multiplied by the root mean square of each point; for the other arrays it is absolute. If derivatives are
    traced, the steps that the solver took on plain numbers are repeated on the traced values.
    """
    ends, line = np.cumsum([array.size for array in start])[:-1], Line(progress)
    y, traced = np.concatenate([np.ravel(array) for array in start]), False

    def split(y):
        return [np.reshape(part, array.shape) for part, array in zip(np.split(y, ends), start)]

    def flat(t, y):
        return np.concatenate([np.ravel(rate) for rate in rates(t, *split(y))])

    def values(t, y):
        nonlocal traced
        rate = flat(t, y) if np.all(np.isfinite(y)) else y
        if not np.all(np.isfinite(held(rate))):
            raise DomainError("E-SOLVER", f"the probability flow of score from {t0} to {t1}: not finite at t = {t:.4f}")
        line.tell(f"t = {t:.4f}")
        traced = traced or held(rate) is not rate
        return held(rate)

    def tolerances(y):
        points, *others = split(y)
        largest = np.max(np.abs(points)) or 1e-100
        sizes = largest * (np.sqrt(np.mean((points / largest) ** 2, axis=1, keepdims=True)) + 1e-16)  # > 0 at x = 0 too
        return atol * np.concatenate([np.ravel(sizes * np.ones(points.shape)), *map(np.ones_like, others)])

    solver = scipy.integrate.DOP853(values, t0, held(y), t1, rtol=rtol, atol=tolerances(held(y)))
    times = [t0]
    while solver.status == "running":
        message = solver.step()
        solver.atol = tolerances(solver.y)
        times.append(solver.t)
    line.tell(f"t = {t1:.4f}", end="\n")
    if solver.status == "failed":
        raise DomainError("E-SOLVER", f"the probability flow of score from {t0} to {t1}: {message}")
    if not traced and held(y) is y:
        return split(solver.y)
    for early, late in pairwise(times):
        y = _step(flat, early, y, late - early)
    return split(y)


def _step(rate, t, y, h):
    """A step of length h of DOP853, the Runge-Kutta method of the solver."""
    k, method = [], scipy.integrate.DOP853
    for c, a in zip(method.C, method.A):
        k.append(rate(t + c * h, y + h * sum(a_j * k_j for a_j, k_j in zip(a, k) if a_j)))
    return y + h * sum(b_j * k_j for b_j, k_j in zip(method.B, k) if b_j)


@rows
def predictor_corrector(
    score: TimeField,
    sde: Sde,
    x: Points,
    times: DecreasingTimes,
    eta: StepSizes,
    z: CorrectionNoise,
    trajectory: Flag = False,
    *,
    progress: Flag = False,
) -> Vectors:
    r"""From times[k] to times[k + 1]: a reverse step, then M Langevin steps of size eta with the score at times[k + 1].

    $$x \leftarrow x - [f - g^2 s] dt + g \sqrt{dt}\, z,\ x \leftarrow x + \eta_k s(x, t_{k+1}) + \sqrt{2\eta_k} z$$

    x (n, d), the states at times[0]; times (K + 1,), from late to early; eta > 0, a float or (K,); z (K, 1 + M, n, d),
    unit normal: z[k, 0] for the reverse step, z[k, 1:] for the corrections. Returns the last states (n, d), or if
    `trajectory` all states after the start, (K, n, d). progress: show a line on stderr.
    Convention: the source chooses eta by a signal-to-noise ratio over the batch, so that its rows interact.
    Also: PC sampler
    Source: Song et al. 2021, algorithm 1
    """
    if len(z) != len(times) - 1 or np.shape(eta) not in ((), (len(z),)):
        raise InputError("E-TAPE", f"z and eta must have K = {len(times) - 1} parts; got {z.shape}, {np.shape(eta)}")
    states, etas = [], eta * np.ones(len(z))
    for late, early, eta_k, (z_k, *corrections) in counted(zip(times[:-1], times[1:], etas, z), len(z), progress):
        x = reverse_sde_step(score, sde, x, late, late - early, z_k).x
        for z_m in corrections:
            x = langevin_step(lambda x, t=early: score(x, t * np.ones(len(x))), x, eta_k, z_m).x
        states += [x] if trajectory else []
    return np.stack(states) if trajectory else x


@kernel
def ddpm_step(score: TimeField, betas: Betas, x: States, i: Indices, z: Noise, posterior: Flag = False) -> Step:
    r"""(x + beta_i s(x, i))/sqrt(1 - beta_i) + sigma_i z, (n, d): from x_i to x_{i-1}, x_{-1} being the data.

    $$\frac{x + \beta_i s(x, i)}{\sqrt{1 - \beta_i}} + \sigma_i z, \ \sigma_i^2 = \beta_i \text{ or } \beta_i
    \frac{1 - a_{i-1}}{1 - a_i}, \ a_i = \textstyle\prod_{j \le i} (1 - \beta_j)$$

    sigma_i^2 = beta_i, or, if `posterior`, beta_i (1 - a_{i-1})/(1 - a_i), a_i = prod_{j <= i} (1 - beta_j): the
    variance of x_{i-1} given x_i and the data. The latter is 0 at i = 0. With the former pass z = 0 there, so that the
    last step adds no noise.
    score(x, i) (n, d), (n,) -> (n, d); betas (N,), in (0, 1); x, z (n, d); i an int or (n,), of 0, ..., N - 1.
    Convention: the source counts from 1, and its network predicts the noise, -std_i s.
    Also: ancestral sampling, denoising diffusion
    Source: Ho, Jain and Abbeel 2020, algorithm 2 and eqs. 6 and 7; Song et al. 2021, appendix E
    """
    log_kept = np.cumsum(np.log1p(-betas))  # log a_i
    before = np.append(0.0, log_kept[:-1])  # log a_{i-1}
    variances = betas * (np.expm1(before) / np.expm1(log_kept)) if posterior else betas  # expm1(log a) = -(1 - a)
    beta, sigma = betas[within("i", i, len(betas))][:, None], np.sqrt(variances[i])[:, None]
    return moved((x + beta * score(x, i)) / np.sqrt(1 - beta) + sigma * z)
