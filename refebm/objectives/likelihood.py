r"""Maximum likelihood: -log p(x) = E(x) + log Z, with log Z exact for d = 1 and 2, and estimated for any d.

Z = int exp(-E(x)) dx. Its gradient in the parameters, grad log Z = E_model[-grad E], needs samples from the model only.
"""

from typing import NamedTuple

import autograd.numpy as np

from refebm.calculus import held
from refebm.glossary import (
    Coordinates,
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

    energy (n, d) -> (n,); log_z a float; x (n, d). Its gradient in the parameters is that of the negative
    log-likelihood only if log_z is computed from them, as by `log_partition` or ``rbm.log_partition()``.
    Also: NLL, maximum likelihood
    Source: Song and Kingma 2021, eqs. 1 and 2; Stanford CS236, training energy-based models
    """
    return energy(x) + log_z


class LogPartition(NamedTuple):
    """log Z, and an estimate of its error: the part of the integral that the rule has not resolved, plus roundoff."""

    value: float
    error: float


@rows
def log_partition(
    energy: Energy, d: Coordinates, *, tolerance: Positive = SETTLED, with_error: Flag = False
) -> float | LogPartition:
    r"""log int exp(-E(x)) dx over R^d, d = 1 or 2, by an adaptive quadrature rule that estimates its own error.

    $$\log Z = \log \int e^{-E(x)}\, dx$$

    energy (n, d) -> (n,); +inf stands for a density of zero. Returns a float, which can be differentiated in the
    parameters of the energy, or, if with_error, the pair (value, error). tolerance: the largest error allowed; kinks in
    the plane need more than 1e-9. Wells are found by descent from a grid that reaches 1000 from the origin, then from
    a closer grid around each well, in units of its width, and a coarse one around the bulk, out to 2e8 of its
    deviations on the line, 1000 in the plane. A well to which no descent leads is missed: one inside the bulk that is
    narrower than it by a factor of 2000, in the plane of 50. Several wells share the points of the closer grid, so that
    these factors are smaller then. Islands where E is finite, with +inf around, may be missed if
    they are narrower than 1/300 of their distance from the origin on the line, 1/10 in the plane.
    Errors: DomainError E-SIZE for d > 2; E-DIVERGES if exp(-E) has no integral, or too heavy a tail; E-SETTLED if the
    error is above the tolerance, or the energy NaN or -inf.
    Also: log Z, normalising constant, free energy
    Source: Song and Kingma 2021, eq. 1; Trefethen and Weideman 2014, section 5
    """
    if d > 2:
        raise DomainError("E-SIZE", f"d must be 1 or 2, got {d}; annealed_importance_sampling estimates log Z")
    nodes = quadrature(lambda x: held(energy(x)), d, held(tolerance))
    value = logsumexp(-energy(nodes.x) + nodes.log_weights)
    return LogPartition(value, nodes.error) if with_error else value


@rows
def annealed_importance_sampling(
    energy: Energy, base: Density, temperatures: Temperatures, step: EnergyTransition, tape: tuple
) -> Rows:
    r"""The log weights of n chains that go from a known density to the model, (n,), with E[w] = Z.

    $$\log w = \sum_{k=1}^K (\beta_k - \beta_{k-1}) (-E(x_{k-1}) - \log p_0(x_{k-1})),\quad \mathbb E[w] = Z$$

    log w = sum_{k=1}^K (beta_k - beta_{k-1}) (-E(x_{k-1}) - log p_0(x_{k-1})), where p_0 is `base`, x_0 is drawn from
    it, and the step from x_{k-1} to x_k leaves exp(-E_k) invariant, E_k = beta_k E - (1 - beta_k) log p_0.
    energy (n, d) -> (n,); base: a density with log_prob; temperatures (K + 1,): inverse temperatures 0 = beta_0 < ... <
    beta_K = 1; step(energy, x, *noise) -> Step, a kernel; tape: a tuple of x_0 (n, d) and then the noise of the steps,
    arrays whose first axis is k = 1, ..., K - 1. w is unbiased for Z, log w is not for log Z: see
    `estimated_log_partition`.
    Errors: E-NDIM, E-EMPTY, E-TAPE for tape.
    Also: AIS
    Source: Neal 2001, eqs. 3 to 5
    """
    if not isinstance(tape, (tuple, list)) or not tape:
        raise InputTypeError("E-TAPE", f"tape must be (x_0, noise, ...), got {type(tape).__name__}")
    x, noise = points("tape[0]", tape[0]), [real_array("tape", part) for part in tape[1:]]
    lengths = [len(array) if array.ndim else None for array in noise]
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

    log_weights (n,), n >= 2. The mean of w is unbiased for Z, so log mean(w) is too small on average, by about half the
    squared standard error. Errors: E-EMPTY for fewer than two chains.
    Source: Neal 2001, eq. 12
    """
    largest = np.max(log_weights)
    w, deviation = np.exp(log_weights - largest), np.std(np.expm1(log_weights - largest), ddof=1)  # that of w
    return Estimate(np.log(np.mean(w)) + largest, deviation / np.sqrt(len(w)) / np.mean(w))
