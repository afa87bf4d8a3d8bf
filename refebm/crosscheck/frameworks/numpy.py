"""The harness for NumPy. Code in autograd.numpy has gradients too: ask for them with `objective(gradient=True)`."""

import contextlib

import autograd.numpy
import numpy
from autograd import grad

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

    @contextlib.contextmanager
    def of_dtype(self, dtype):
        self.dtype = dtype
        yield


objective = NumPy().objective


def __getattr__(name):
    """`np`, and what refebm's formulas are made of: squared_norm, jacobian, Gaussian, ..."""
    return getattr(NumPy.source, name)
