"""The harness for JAX. Nothing is compiled as a whole: each question has other shapes. Bodies may use jax.jit.

64-bit numbers are enabled when this is imported: for float32 call jax.config.update("jax_enable_x64", False) after it.
"""

import contextlib

import jax
import jax.numpy
import numpy
from jax.scipy import special

from refebm.crosscheck.frameworks import Harness
from refebm.crosscheck.frameworks.interpreted import evaluate
from refebm.crosscheck.frameworks.source import Namespace, Source

jax.config.update("jax_enable_x64", True)


class Surprise(Exception):
    """What was taken not to be the case while a program was traced is."""


class Unlikely:
    """Whether any of a traced array is true: refebm's formulas ask that for what is rare, so no, until it is seen."""

    seen = None

    def __init__(self, found):
        self.found = found

    def __bool__(self):
        while hasattr(self.found, "primal"):  # within a derivative
            self.found = self.found.primal
        if self.seen is None or not isinstance(self.found, jax.core.Tracer):
            return bool(self.found)
        self.seen.append(self.found)
        return False

    @classmethod
    @contextlib.contextmanager
    def noted(cls):
        before, cls.seen = cls.seen, []
        try:
            yield cls.seen
        finally:
            cls.seen = before

    @classmethod
    def any(cls, a, axis=None):
        found = jax.numpy.any(a, axis)
        return cls(found) if axis is None and isinstance(found, jax.core.Tracer) else found


class Jax(Harness):
    def tensor(self, value):
        value = numpy.asarray(value)
        kind = (self.dtype or numpy.float64) if value.dtype.kind == "f" else value.dtype
        return jax.device_put(value.astype(jax.dtypes.canonicalize_dtype(kind)))

    def array(self, value):
        return numpy.asarray(value) if isinstance(value, jax.Array) else value

    def gradient(self, function, leaves):
        slope = jax.grad(lambda leaves: jax.numpy.mean(function(leaves)))
        try:
            return self._traced(slope, leaves)
        except Surprise:
            return slope(leaves)
        except jax.errors.JAXTypeError:  # a body that leaves JAX on its way
            return None

    def run(self, function):
        try:
            return self._traced(function)
        except (Surprise, jax.errors.JAXTypeError):  # a body that looks at values
            return function()

    def _traced(self, function, *given):
        """The program that a function is, computed step by step; an object with methods is what it is."""
        others = []

        def arrays(*given):
            with Unlikely.noted() as seen:
                result = function(*given)
            others.extend([result] if hasattr(result, "log_prob") else [])
            return () if others else result, seen

        program, (shapes, _) = jax.make_jaxpr(arrays, return_shape=True)(*given)
        leaves, tree = jax.tree.flatten(shapes)
        results = evaluate(program.jaxpr, program.consts, jax.tree.leaves(given))
        if any(results[len(leaves) :]):
            raise Surprise
        results = [numpy.asarray(result, leaf.dtype) for result, leaf in zip(results, leaves)]
        return others[0] if others else jax.tree.unflatten(tree, results)

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


AUTOGRAD = {
    "elementwise_grad": lambda function: jax.grad(lambda x: jax.numpy.sum(function(x))),
    "make_vjp": _pull_back,
    "make_jvp": lambda function: lambda x: lambda v: jax.jvp(function, (x,), (v,)),
}
np = Namespace("numpy", {"any": Unlikely.any}, jax.numpy)
OWN = {"largest_distance": _largest_distance}
Jax.source = Source(np, special, jax.numpy.fft, AUTOGRAD, held=jax.lax.stop_gradient, own=OWN)
objective = Jax().objective


def __getattr__(name):
    """`np`, and what refebm's formulas are made of, on arrays of JAX: squared_norm, jacobian, Gaussian, ..."""
    return getattr(Jax.source, name)
