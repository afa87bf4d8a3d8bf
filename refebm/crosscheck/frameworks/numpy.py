"""The harness for NumPy. For code in autograd.numpy, `objective(gradient=True)` has its gradients examined too."""

import contextlib

import autograd.numpy
import numpy
from autograd import grad
from autograd.extend import defvjp, primitive

from refebm.crosscheck.frameworks import Harness, Products
from refebm.crosscheck.frameworks.handing import NORMAL, UNIFORM, WHOLE
from refebm.crosscheck.frameworks.source import Original
from refebm.glossary import InputError

UNTRACED = ("Box", "dtype object", "dtype('O')", "array element")  # words of NumPy's errors about such arrays


class NumPy(Harness):
    source = Original(numpy)
    differentiates = False
    dtype = None

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

    def unable(self, error):
        """Plain NumPy and math know nothing of autograd's ArrayBox, and make of it an array of objects, or none."""
        beside = isinstance(error, (TypeError, ValueError, AttributeError))
        return super().unable(error) or (beside and any(word in str(error) for word in UNTRACED))

    def products(self, own, energy, product=None, gradient=None):
        def back(field, x, weights, *level):
            if product is None:
                raise InputError("E-OPTION", "refebm differentiates the model: give product(x, v), J(x) v for each row")
            columns = [product(x, numpy.broadcast_to(one, x.shape), *level) for one in numpy.eye(x.shape[1])]
            for column in columns:
                if numpy.shape(column) != x.shape:
                    words = f"product(x, v) must return (n, d) = {x.shape}; got {numpy.shape(column)}"
                    raise InputError("E-CALLABLE", words)
            return numpy.stack([numpy.sum(column * weights, axis=1) for column in columns], axis=1)

        def slope(*given):
            raise InputError("E-OPTION", "refebm differentiates the energy: give gradient(x), (n, d)")

        return Products(self, own, (gradient or slope) if energy else own, back)

    def draws(self, hand):
        class Drawing:
            """Stands for the generator that numpy.random.default_rng() returns."""

        def of_shape(name, law):
            def drawn(*shape, size=()):
                shape = shape[0] if len(shape) == 1 and numpy.ndim(shape[0]) else shape
                return hand.drawn(name, law, shape or numpy.atleast_1d(size))

            return drawn

        def moved(name, law):
            def drawn(first=0.0, second=1.0, size=None, *, loc=None, scale=None, low=None, high=None):
                first = next(one for one in (loc, low, first) if one is not None)
                second = next(one for one in (scale, high, second) if one is not None)
                shape = numpy.broadcast_shapes(numpy.shape(first), numpy.shape(second)) if size is None else size
                found = hand.drawn(name, law, numpy.atleast_1d(shape))
                return first + (second - first if law == UNIFORM else second) * found

            return drawn

        def whole(low, high=None, size=(), **_):
            return hand.drawn("integers", WHOLE, numpy.atleast_1d(size))

        named = {"standard_normal": of_shape("standard_normal", NORMAL), "random": of_shape("random", UNIFORM)}
        named |= {"normal": moved("normal", NORMAL), "uniform": moved("uniform", UNIFORM)}
        for name, other in (named | {"integers": whole}).items():
            setattr(Drawing, name, staticmethod(other))
        named |= {"randn": of_shape("randn", NORMAL), "rand": of_shape("rand", UNIFORM), "randint": whole}
        named |= {"default_rng": lambda *_: Drawing()}
        return [(numpy.random, name, other) for name, other in named.items()]

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


HARNESS = NumPy()
objective, handing_out = HARNESS.objective, HARNESS.handing_out


def __getattr__(name):
    """`np`, and the building blocks of refebm's formulas: squared_norm, jacobian, Gaussian, ..."""
    return getattr(NumPy.source, name)
