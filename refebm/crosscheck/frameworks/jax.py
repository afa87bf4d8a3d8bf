"""The harness for JAX. Nothing is compiled, since each question has other shapes: what jax.jit decorates runs as it is.

64-bit numbers are enabled when this is imported: for float32 call jax.config.update("jax_enable_x64", False) after it.
"""

import contextlib

import jax
import jax.numpy
import numpy
from jax.scipy import special

from refebm.crosscheck.frameworks import Harness
from refebm.crosscheck.frameworks.interpreted import uncompiled
from refebm.crosscheck.frameworks.source import Namespace, Source

jax.config.update("jax_enable_x64", True)


class Jax(Harness):
    def tensor(self, value):
        value = numpy.asarray(value)
        kind = (self.dtype or numpy.float64) if value.dtype.kind == "f" else value.dtype
        return jax.device_put(value.astype(jax.dtypes.canonicalize_dtype(kind)))

    def array(self, value):
        return numpy.asarray(value) if isinstance(value, jax.Array) else value

    def gradient(self, function, leaves):
        try:
            with uncompiled():
                return jax.grad(lambda leaves: jax.numpy.mean(function(leaves)))(leaves)
        except jax.errors.JAXTypeError:  # a body that leaves JAX on its way
            return None

    def run(self, function):
        with uncompiled():
            return function()

    @contextlib.contextmanager
    def of_dtype(self, dtype):
        self.dtype = dtype
        yield


def _pull_back(function):
    def at(x):
        value, back = jax.vjp(function, x)
        return lambda weights: back(weights)[0], value

    return at


def _largest_distance(x):
    first, second = numpy.triu_indices(len(x), 1)
    return jax.numpy.sqrt(jax.numpy.max(jax.numpy.sum((x[first] - x[second]) ** 2, 1)))


def _any(a, axis=None):
    """Whether any is true, also where a derivative is taken, or of any row where rows are mapped over."""
    found = jax.numpy.any(a, axis)
    while axis is None and isinstance(found, jax.core.Tracer):
        found = found.primal if hasattr(found, "primal") else jax.numpy.any(found.val)
    return found


AUTOGRAD = {
    "elementwise_grad": lambda function: jax.grad(lambda x: jax.numpy.sum(function(x))),
    "make_vjp": _pull_back,
    "make_jvp": lambda function: lambda x: lambda v: jax.jvp(function, (x,), (v,)),
}
np = Namespace("numpy", {"any": _any}, jax.numpy)
OWN = {"largest_distance": _largest_distance}
Jax.source = Source(np, special, jax.numpy.fft, AUTOGRAD, held=jax.lax.stop_gradient, own=OWN)
objective = Jax().objective


def __getattr__(name):
    """`np`, and what refebm's formulas are made of, on arrays of JAX: squared_norm, jacobian, Gaussian, ..."""
    return getattr(Jax.source, name)
