r"""Maximum likelihood: -log p(x) = E(x) + log Z, with log Z exact where it can be had, and estimated elsewhere.

Z = int exp(-E(x)) dx; its gradient, grad log Z = E_model[-grad E], needs nothing but samples from the model.
"""

from typing import NamedTuple

import autograd.numpy as np

from refebm.calculus import held
from refebm.glossary import (
    Density,
    DomainError,
    Energy,
    EnergyTransition,
    Flag,
    InputError,
    InputTypeError,
    LogWeights,
    Loss,
    Points,
    Positive,
    Real,
    Rows,
    Size,
    Temperatures,
    points,
    real_array,
    rows,
)
from refebm.special import logsumexp
from refebm.truth.partition import SETTLED, quadrature


@rows
def negative_log_likelihood(energy: Energy, log_z: Real, x: Points) -> Loss:
    r"""E(x) + log Z, (n,): minus the log-density of x under exp(-E)/Z.

    $$-\log p(x) = E(x) + \log Z$$

    energy (n, d) -> (n,); log_z a float; x (n, d). Its gradient in the parameters is that of the likelihood if log_z
    is a function of them, such as `log_partition` or ``rbm.log_partition()``.
    Also: NLL, maximum likelihood
    Source: Song and Kingma 2021, eqs. 1 and 2; Stanford CS236, training energy-based models
    """
    return energy(x) + log_z


class LogPartition(NamedTuple):
    """log Z, and a bound of its error: what the rule has not resolved, and roundoff."""

    value: float
    error: float


@rows
def log_partition(
    energy: Energy, d: Size, *, tolerance: Positive = SETTLED, with_error: Flag = False
) -> float | LogPartition:
    r"""log int exp(-E(x)) dx over R^d, d = 1 or 2, by an adaptive rule that says how well it resolves the integrand.

    $$\log Z = \log \int e^{-E(x)}\, dx$$

    energy (n, d) -> (n,); +inf is a density of zero. A float, which can be differentiated in the parameters of the
    energy; with_error: the pair (value, error). tolerance: how large the error may be; kinks in the plane need a larger
    one than 1e-9. Where the mass lies is found by descent from a grid that reaches 1000 from the origin, then from a
    closer one around what was found, in its own scale. A well within the bulk that neither leads to is missed: one that
    is narrower by 2000, in the plane by 50, sooner where there are several wells, whose grids share their points.
    Errors: DomainError E-SIZE for d > 2; E-DIVERGES where exp(-E) has no integral, or too heavy a tail; E-SETTLED where
    the error is above the tolerance, or the energy NaN or -inf. E-POSITIVE.
    Also: log Z, normalising constant, free energy
    Source: Song and Kingma 2021, eq. 1; Trefethen and Weideman 2014, section 5
    """
    if d > 2:
        raise DomainError("E-SIZE", f"quadrature is for d = 1 and 2, got {d}; annealed_importance_sampling estimates")
    nodes = quadrature(lambda x: held(energy(x)), d, held(tolerance))
    value = logsumexp(-energy(nodes.x) + nodes.log_weights)
    return LogPartition(value, nodes.error) if with_error else value


@rows
def annealed_importance_sampling(
    energy: Energy, base: Density, temperatures: Temperatures, step: EnergyTransition, tape: tuple
) -> Rows:
    r"""The log weights of n chains from a density that is known to the model, (n,), with E[w] = Z.

    $$\log w = \sum_{k=1}^K (\beta_k - \beta_{k-1}) (-E(x_{k-1}) - \log p_0(x_{k-1})),\quad \mathbb E[w] = Z$$

    log w = sum_{k=1}^K (beta_k - beta_{k-1}) (-E(x_{k-1}) - log base(x_{k-1})), x_0 drawn from base and x_k
    a step from x_{k-1} that leaves exp(-E_k) invariant, E_k = beta_k E - (1 - beta_k) log base.
    energy (n, d) -> (n,); base: a density with log_prob; temperatures beta_0 = 0 < ... < beta_K = 1, inverse ones;
    step(energy, x, *noise) -> Step, a kernel; tape: x_0 (n, d), then the noise of the steps, arrays whose first axis is
    k = 1, ..., K - 1. Unbiased for Z, not for log Z: see `estimated_log_partition`.
    Errors: E-TEMPERATURES, E-TAPE.
    Also: AIS
    Source: Neal 2001, eqs. 3 to 5; Song and Kingma 2021, section 3
    """
    if not isinstance(tape, (tuple, list)) or not tape:
        raise InputTypeError("E-TAPE", f"tape must be (x_0, noise, ...), got {type(tape).__name__}")
    x, noise = points("tape[0]", tape[0]), [real_array("tape", part) for part in tape[1:]]
    lengths = [len(array) if array.ndim else 0 for array in noise]
    if any(length != len(temperatures) - 2 for length in lengths):
        raise InputError("E-TAPE", f"tape must have noise for {len(temperatures) - 2} steps; got {lengths}")

    def annealed(beta):
        return lambda x: beta * energy(x) - (1 - beta) * base.log_prob(x)

    log_w = temperatures[1] * (-energy(x) - base.log_prob(x))
    for beta, following, *z in zip(temperatures[1:-1], temperatures[2:], *noise):
        x = step(annealed(beta), x, *z)[0]
        log_w = log_w + (following - beta) * (-energy(x) - base.log_prob(x))
    return log_w


class Estimate(NamedTuple):
    """An estimate of log Z and its standard error."""

    log_z: float
    standard_error: float


@rows
def estimated_log_partition(log_weights: LogWeights) -> Estimate:
    r"""log mean(w), and its standard error sd(w)/(sqrt(n) mean(w)), to first order, from the log weights of n chains.

    $$\log \bar w = \log \tfrac1n \sum_i w_i,\quad \text{standard error } \frac{\operatorname{sd}(w)}{\sqrt n\,
    \bar w}$$

    log_weights (n,), n >= 2. The mean of w is unbiased for Z, so log mean(w) is on average too small, by about half
    the squared standard error. Errors: E-EMPTY for fewer than two chains, E-SHAPE, E-FINITE.
    Source: Neal 2001, eq. 12
    """
    largest = np.max(log_weights)
    w, deviation = np.exp(log_weights - largest), np.std(np.expm1(log_weights - largest), ddof=1)  # that of w
    return Estimate(np.log(np.mean(w)) + largest, deviation / np.sqrt(len(w)) / np.mean(w))
