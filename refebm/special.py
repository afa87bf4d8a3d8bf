r"""Elementwise functions, log-sum-exp and layers whose derivatives are also right for very large arguments.

Automatic differentiation sees each as one step, with the derivative that is written beside it. `import scipy` loads its
submodules only when they are first used.
"""

from collections.abc import Callable

import autograd.numpy as np
import numpy
import scipy
from autograd.extend import defjvp, defvjp, primitive
from autograd.tracer import getval


def with_slope(slope: Callable) -> Callable:
    """Decorate an elementwise function y of x: its derivative, slope(y, x), is the rule of forward and reverse mode."""

    def declare(function):
        step = primitive(function)
        defvjp(step, lambda y, x: _times(slope(y, x)))
        defjvp(step, lambda g, y, x: g * slope(y, x))
        step.elementwise = True
        return step

    return declare


def _times(slope):
    return lambda g: g * slope


@with_slope(lambda y, x: -2 * y * tanh(x))
def sech_squared(x: np.ndarray) -> np.ndarray:
    r"""1/cosh(x)^2, the derivative of tanh, as 4 e^{-2|x|}/(1 + e^{-2|x|})^2: no overflow, no cancellation."""
    e = numpy.exp(-2 * numpy.abs(x))
    return 4 * e / (1 + e) ** 2


@with_slope(lambda y, x: sech_squared(x))
def tanh(x: np.ndarray) -> np.ndarray:
    """tanh(x). autograd's rule would evaluate cosh(x)^2, which overflows, in every pull-back of a divergence."""
    return numpy.tanh(x)


@with_slope(lambda y, a: y * expit(-a))
def expit(a: np.ndarray) -> np.ndarray:
    """1/(1 + e^-a). scipy's is 0 for a < -710, and autograd's derivative of it loses its digits where it is near 1."""
    negative = a < 0
    e = numpy.exp(numpy.where(negative, a, -a))
    return numpy.where(negative, e, 1.0) / (1 + e)


@with_slope(lambda y, a: expit(a))
def softplus(a: np.ndarray) -> np.ndarray:
    """log(1 + e^a), with derivative 1 at a = inf."""
    far = a > 40  # there it is a, to the last digit
    return numpy.where(far, a, numpy.logaddexp(0.0, numpy.where(far, 0.0, a)))  # log(e^0 + e^a)


@with_slope(lambda y, a: polygamma(0, a))
def gammaln(a: np.ndarray) -> np.ndarray:
    """log |Gamma(a)|."""
    return scipy.special.gammaln(a)


@with_slope(lambda y, x: np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi))
def ndtr(x: np.ndarray) -> np.ndarray:
    """P(Z < x) for unit normal Z."""
    return scipy.special.ndtr(x)


@primitive
def polygamma(n: int, a: np.ndarray) -> np.ndarray:
    """The derivative of order n + 1 of log Gamma(a)."""
    return scipy.special.polygamma(n, a)


defvjp(polygamma, None, lambda y, n, a: _times(polygamma(n + 1, a)))
defjvp(polygamma, None, lambda g, y, n, a: g * polygamma(n + 1, a))


def softmax(a: np.ndarray, axis: int | None = 0) -> np.ndarray:
    """exp(a_k) / sum_k exp(a_k) over the first axis, or over all entries if axis is None."""
    e = np.exp(a - np.max(getval(a), axis=axis))
    return e / np.sum(e, axis=axis)


@primitive
def logsumexp(a: np.ndarray, axis: int | None = None) -> np.ndarray:
    r"""log sum_k exp(a_k), the largest factored out, over all entries, or over the first axis if axis is 0."""
    top = numpy.max(getval(a), axis=axis)
    top = numpy.where(numpy.isfinite(top), top, 0.0)
    with numpy.errstate(divide="ignore"):
        return top + numpy.log(numpy.sum(numpy.exp(a - top), axis=axis))


defvjp(logsumexp, lambda y, a, axis=None: _times(softmax(a, axis)))
defjvp(logsumexp, lambda g, y, a, axis=None: np.sum(g * softmax(a, axis), axis=axis))


@primitive
def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The product of two matrices."""
    return numpy.dot(a, b)


@primitive
def affine(x: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """x W + b, (n, outputs), for rows x (n, inputs)."""
    return numpy.dot(x, weights) + bias


defvjp(product, lambda y, a, b: lambda g: product(g, b.T), lambda y, a, b: lambda g: product(a.T, g))
defjvp(product, lambda g, y, a, b: product(g, b), lambda g, y, a, b: product(a, g))
defvjp(
    affine,
    lambda y, x, weights, bias: lambda g: product(g, weights.T),
    lambda y, x, weights, bias: lambda g: product(x.T, g),
    lambda y, x, weights, bias: lambda g: np.sum(g, axis=0),
)
defjvp(
    affine,
    lambda g, y, x, weights, bias: product(g, weights),
    lambda g, y, x, weights, bias: product(x, g),
    lambda g, y, x, weights, bias: g + np.zeros(np.shape(y)),
)
