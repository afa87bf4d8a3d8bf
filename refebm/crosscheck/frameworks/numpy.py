"""The harness for NumPy. Code in autograd.numpy has gradients too: ask for them with `objective(gradient=True)`."""

import contextlib

import autograd.numpy
import numpy
from autograd import grad
from autograd.extend import defvjp, primitive

from refebm.crosscheck.frameworks import Harness
from refebm.crosscheck.frameworks.source import Original


class NumPy(Harness):
    source = Original(numpy)
    differentiates = False

    def tensor(self, value):
        value = numpy.asarray(value)
        return value.astype(self.dtype or numpy.float64) if value.dtype.kind == "f" else value

    def array(self, value):
        return value

    def callable_of(self, function, leaves):
        kind = self.dtype  # refebm's own models compute in float64
        return function if kind is None else lambda x, *level: function(x, *level).astype(kind)

    def gradient(self, function, leaves):
        return grad(lambda leaves: autograd.numpy.mean(function(leaves)))(leaves)

    def potential(self, field, leaves):
        @primitive
        def energy(x, *level):
            return numpy.full(x.shape[:-1], numpy.nan)

        defvjp(energy, lambda _, x, *level: lambda weights: -weights[..., None] * field(leaves, x, *level), argnums=[0])
        return energy

    @contextlib.contextmanager
    def of_dtype(self, dtype):
        self.dtype = dtype
        yield


objective = NumPy().objective


def __getattr__(name):
    """`np`, and what refebm's formulas are made of: squared_norm, jacobian, Gaussian, ..."""
    return getattr(NumPy.source, name)
