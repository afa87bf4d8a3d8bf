r"""Diagnostics of chains: x (T, n, d) holds T states of n chains, as `run` returns them; results are per coordinate.

Errors: E-NDIM, E-EMPTY, E-FINITE, E-DTYPE; DomainError E-CONSTANT for a coordinate that is constant in some chain.
"""

import functools
from collections.abc import Callable
from typing import Annotated

import numpy as np
import scipy

from refebm.glossary import Count, DomainError, InputError, OfRows, brief, moving, rows

SMALLEST = np.finfo(float).smallest_subnormal


def _exponent(x):
    """For each coordinate the least k with |x| < 2^k for all states: in units of 2^k no square overflows."""
    return np.frexp(np.max(np.abs(x), axis=(0, 1)))[1]


def in_units(name, value, x=None):
    """Chains in which every coordinate moves, in units of 2^k, k of `_exponent`, a scaling that does not round. Of a
    chain so much smaller than the others that its moves are lost, the last state becomes the smallest float."""
    value = moving(name, value)
    value = np.ldexp(value, -_exponent(value))
    value[-1] += SMALLEST * np.all(value == value[0], axis=0)
    return value


def halves_in_units(name, value, x=None):
    """The same for an even number of states, where every coordinate must move in each chain, and within some half
    chain."""
    value = moving(name, value)
    half = len(value) // 2
    value = moving(name, value[: 2 * half])
    value = np.ldexp(value, -_exponent(value))
    still = np.all(np.stack([value[:half] == value[0], value[half:] == value[half]]), axis=(0, 1, 2))
    if np.any(still):
        raise DomainError("E-CONSTANT", f"coordinate {np.argmax(still)} of {name} never moves within half a chain")
    return value


Chains = Annotated[OfRows, moving, "(T, n, d), T states of n chains"]
ChainsInUnits = Annotated[OfRows, in_units, "(T, n, d), T states of n chains"]
HalvesInUnits = Annotated[OfRows, halves_in_units, "(T, n, d), T states of n chains, which are halved"]


def in_square_units(function: Callable) -> Callable:
    """Call the function with x less its first state in units of 2^k (see `in_units`); multiply its result by 4^k."""

    @functools.wraps(function)
    def asked(x, n_lags):
        exponent = _exponent(x)
        x = np.ldexp(x, -exponent)
        with np.errstate(over="ignore"):
            return np.ldexp(function(x - x[0], n_lags), 2 * exponent)

    return asked


@rows
@in_square_units
def autocovariance(x: Chains, n_lags: Count) -> np.ndarray:
    r"""c_t = 1/T sum_i (x_i - mean)(x_{i+t} - mean), t = 0, ..., n_lags, averaged over the chains, (n_lags + 1, d).

    $$c_t = \frac1{nT} \sum_{k=1}^n \sum_{i=1}^{T-t} (x_{ki} - \bar x_k)(x_{k,i+t} - \bar x_k)$$

    x (T, n, d); the mean is that of each chain; n_lags < T. The factor is 1/T, not 1/(T - t): biased, but of smaller
    variance. If x is so small or large that its square underflows or overflows, c_t is 0 or infinite.
    Source: Geyer 1992, section 3.1
    """
    length = len(x)
    if n_lags >= length:
        raise InputError("E-COUNT", f"n_lags must be less than the {length} steps, got {brief(n_lags)}")
    power = np.abs(scipy.fft.rfft(x - np.mean(x, axis=0), scipy.fft.next_fast_len(2 * length), axis=0)) ** 2
    return np.mean(scipy.fft.irfft(power, scipy.fft.next_fast_len(2 * length), axis=0)[: n_lags + 1], axis=1) / length


@rows
def autocorrelation(x: ChainsInUnits, n_lags: Count) -> np.ndarray:
    r"""c_t/c_0 for t = 0, ..., n_lags, (n_lags + 1, d).

    $$\rho_t = c_t/c_0$$

    Source: Geyer 1992, section 3.1
    """
    c = autocovariance(x, n_lags)
    return c / c[0]


@rows
def effective_sample_size(x: ChainsInUnits) -> np.ndarray:
    r"""n T/tau, tau = -1 + 2 sum_k P_k, (d,): the number of independent draws that determine the mean equally well.

    $$\frac{nT}{-1 + 2 \sum_{k < K} \min_{l \le k} P_l},\ P_k = \rho_{2k} + \rho_{2k+1},
    \ \rho_0 = 1,\ \rho_t = 1 - \frac{W - c_t}V,\ K = \min\{k: P_k \le 0\}$$

    The sum runs over P_k = rho_{2k} + rho_{2k+1} up to the first that is not positive, each replaced by the smallest so
    far (Geyer's initial monotone sequence). rho_0 = 1 and, for t >= 1, rho_t = 1 - (W - c_t)/V, where W is the mean
    variance within chains, of sums over T - 1, c_t the mean of their autocovariances, of sums over T, and
    V = (T - 1)/T W + the variance of the means of the chains; chains that disagree therefore have a small effective
    size. For an autoregressive chain x' = rho x + noise it tends to n T (1 - rho)/(1 + rho). It is at most
    n T log10(n T), as in Stan, because tau can be tiny or negative for a chain that alternates.
    Also: ESS
    Source: Gelman et al. 2013, section 11.5; Geyer 1992, section 3.3; Vehtari et al. 2021, section 3.2
    """
    length, n, _ = x.shape
    c = autocovariance(x, length - 1)
    within = c[0] * length / (length - 1)
    rho = 1 - (within - c) / (c[0] + variance_of_means(x))
    rho[0] = 1.0
    pairs = rho[0 : length - length % 2 : 2] + rho[1:length:2]
    positive = np.logical_and.accumulate(pairs > 0, axis=0)
    tau = -1 + 2 * np.sum(np.minimum.accumulate(pairs, axis=0) * positive, axis=0)
    return n * length / np.maximum(tau, 1 / np.log10(n * length))


@rows
def split_r_hat(x: HalvesInUnits) -> np.ndarray:
    r"""sqrt(V/W), (d,), for the 2 n halves of the chains, each of L = T/2 states: near 1 if they agree.

    $$\hat R = \sqrt{V/W},\quad V = \tfrac{L - 1}L W + \operatorname{Var}(\bar x_1, \dots, \bar x_{2n})$$

    W: the mean of their variances (sums of squares over L - 1); V = (L - 1)/L W + the variance of their means. If T is
    odd the last state is dropped.
    Errors: DomainError E-CONSTANT also if without the last state a coordinate is constant in a chain, or if it is
    constant within every half.
    Also: Rhat, Gelman-Rubin, R-hat
    Source: Gelman et al. 2013, eq. 11.4; Vehtari et al. 2021, section 3.1 (without ranks)
    """
    half = len(x) // 2
    halves = np.concatenate([x[:half], x[half : 2 * half]], axis=1)
    within = np.mean(np.var(halves - halves[0], axis=0, ddof=1), axis=0)  # a half far from 0 moves in its last digits
    return np.sqrt((half - 1) / half + variance_of_means(halves) / within)


def variance_of_means(x):
    """Of chains (T, n, d), (d,); each is first moved to its own start, where no digits of its moves are lost."""
    means = np.mean(x - x[0], axis=0) + (x[0] - x[0, 0])
    return np.var(means, axis=0, ddof=1) if x.shape[1] > 1 else 0.0
