"""The harness for JAX. Nothing is compiled, since each question has other shapes; jax.jit only traces, and each model
is traced once for all questions of its shapes.

Importing this enables 64-bit numbers; for float32 call jax.config.update("jax_enable_x64", False) afterwards.
"""

import contextlib
import inspect

import jax
import jax.numpy
import numpy
from jax.scipy import special

from refebm.crosscheck.frameworks import Harness
from refebm.crosscheck.frameworks.handing import NORMAL, SIGNS, UNIFORM, WHOLE
from refebm.crosscheck.frameworks.interpreted import put, uncompiled
from refebm.crosscheck.frameworks.source import Namespace, Source
from refebm.glossary import unmasked
from refebm.identities import NotSupported

jax.config.update("jax_enable_x64", True)


ASKED = [(True, None)]  # the last: what `_some` answers about unknown values, and a list of all that it was asked about


class ByShape:
    """A function of arrays that is traced once for each of their shapes, and not again at each call.

    Where it asks whether some row is far out, there are two traces, as if none were and as if all were. Before a call
    the values are looked at; under vmap and jit they are not known, and the second serves.
    """

    def __init__(self, function):
        self.near, self.far = (jax.jit(_told(function, told)) for told in (False, True))
        self.masks, self.silent = jax.jit(_masks(function)), set()  # the shapes for which it asks nothing

    def __call__(self, *given):
        leaves, tree = jax.tree_util.tree_flatten(given)
        leaves = list(map(_primal, leaves))
        if any(isinstance(one, jax.core.Tracer) for one in leaves):
            return self.far(*given)
        shapes = tree, *map(numpy.shape, leaves)
        masks = [] if shapes in self.silent else self.masks(*jax.tree_util.tree_unflatten(tree, leaves))
        self.silent |= set() if masks else {shapes}
        return (self.far if any(map(numpy.any, masks)) else self.near)(*given)


def _told(function, told, masks=None):
    def traced(*given):
        ASKED.append((told, masks))
        try:
            return function(*given)
        finally:
            ASKED.pop()

    return traced


def _masks(function):
    """A function that returns what the given one asks about, and not its value."""

    def asked(*given):
        masks = []
        _told(function, False, masks)(*given)
        return masks

    return asked


class Jax(Harness):
    expected = (jax.errors.JAXTypeError,)

    def tensor(self, value):
        value = numpy.asarray(value)
        kind = (self.dtype or numpy.float64) if value.dtype.kind == "f" else value.dtype
        return put(value.astype(jax.dtypes.canonicalize_dtype(kind)))

    def array(self, value):
        return numpy.asarray(value) if isinstance(value, jax.Array) else value

    def gradient(self, function, leaves):
        try:
            return self.run(lambda: jax.grad(lambda leaves: jax.numpy.mean(function(leaves)))(leaves))
        except self.expected:  # the body converts to NumPy, and cannot be differentiated
            return None

    def run(self, function):
        try:
            with uncompiled():
                return function()
        except jax.errors.JAXTypeError:  # under jax.jit a model cannot inspect values, as it does far out
            with uncompiled(), jax.disable_jit():
                return function()

    by_shape = staticmethod(ByShape)

    def slope(self, energy, x, *level):
        return jax.grad(lambda x: jax.numpy.sum(energy(x, *level)))(x)

    def pull_back(self, field, x, weights, *level):
        return jax.vjp(lambda x: field(x, *level), x)[1](weights)[0]

    def slopes(self, function, own):
        leaves, tree = jax.tree_util.tree_flatten_with_path(own)
        places = [i for i, (_, leaf) in enumerate(leaves) if jax.numpy.issubdtype(_kind(leaf), jax.numpy.floating)]
        if not places:
            words = "of a function of JAX the parameters are not known: hand over a module that is a pytree, or "
            raise NotSupported(words + "jax.tree_util.Partial(function, parameters)")

        def mean(some):
            new = dict(zip(places, some))
            model = jax.tree_util.tree_unflatten(tree, [new.get(i, leaf) for i, (_, leaf) in enumerate(leaves)])
            values = function(model)
            return jax.numpy.mean(values), values

        found, values = jax.grad(mean, has_aux=True)([leaves[i][1] for i in places])
        names = [jax.tree_util.keystr(leaves[i][0]) for i in places]
        return self.array(values), dict(zip(names, map(self.array, found)))

    def holds(self, value):
        return isinstance(value, jax.Array)

    def points(self, name, value):
        return jax.numpy.asarray(unmasked(name, value))

    def like(self, value, x):
        return jax.numpy.asarray(value, x.dtype if numpy.asarray(value).dtype.kind == "f" else None)

    @contextlib.contextmanager
    def handing_out(self, *noise):
        with jax.disable_jit(), super().handing_out(*noise):  # compiled code would not draw again
            yield

    def draws(self, hand):
        def of_shape(name, law):
            def drawn(key, shape=(), dtype=None, *limits, minval=0.0, maxval=1.0, **_):
                if isinstance(key, jax.core.Tracer):
                    raise NotImplementedError(f"jax.random.{name} under vmap, of which no row is told from another")
                found = hand.drawn(f"jax.random.{name}", law, shape)
                low, high = limits or (minval, maxval)
                return low + (high - low) * found if law == UNIFORM else found

            return drawn

        def whole(key, shape, *_, **__):
            return hand.drawn("jax.random.randint", WHOLE, shape)

        def decided(key, p=0.5, shape=None, **_):
            return hand.drawn("jax.random.bernoulli", UNIFORM, jax.numpy.shape(p) if shape is None else shape) < p

        named = {"normal": of_shape("normal", NORMAL), "uniform": of_shape("uniform", UNIFORM), "randint": whole}
        named |= {"rademacher": of_shape("rademacher", SIGNS), "bernoulli": decided}
        return [(jax.random, name, other) for name, other in named.items()]

    def potential(self, field, leaves):
        @jax.custom_jvp
        def energy(leaves, x, *level):
            return jax.numpy.full_like(x, numpy.nan).sum(-1)

        @energy.defjvp
        def slope(given, moved):
            return energy(*given), -(field(*given) * moved[1]).sum(-1)

        return lambda x, *level: energy(leaves, x, *level)

    @contextlib.contextmanager
    def of_dtype(self, dtype):
        self.dtype = dtype
        yield


def _kind(leaf):
    return getattr(leaf, "dtype", numpy.dtype(object))


def _slope(function):
    """The elementwise derivative; for vectors by forward mode, which nests better."""

    def at(x):
        if x.ndim == 1:
            return jax.jvp(function, (x,), (jax.numpy.ones_like(x),))[1]
        return jax.grad(lambda x: jax.numpy.sum(function(x)))(x)

    return at


def _pull_back(function):
    def at(x):
        value, back = jax.vjp(function, x)
        return lambda weights: back(weights)[0], value

    return at


def _largest_distance(x):
    first, second = numpy.triu_indices(len(x), 1)
    return jax.numpy.sqrt(jax.numpy.max(jax.numpy.sum((x[first] - x[second]) ** 2, 1)))


def _any(a, axis=None):
    """np.any, also under grad, where it looks at the primal values, and under vmap, where it looks at all rows."""
    found = jax.numpy.any(a, axis)
    while axis is None and (hasattr(found, "primal") or hasattr(found, "batch_dim")):
        found = found.primal if hasattr(found, "primal") else jax.numpy.any(found.val)
    return found


def _primal(a):
    """The value that a derivative is taken at; any other value unchanged."""
    while hasattr(a, "primal"):
        a = a.primal
    return a


def _some(a):
    while hasattr(a, "primal") or hasattr(a, "batch_dim"):  # under grad, or under vmap
        a = a.primal if hasattr(a, "primal") else a.val
    if not isinstance(a, jax.core.Tracer):
        return bool(numpy.any(a))
    told, masks = ASKED[-1]
    if masks is not None:
        masks.append(a)
    return told


def _step(function):
    """A function that autograd sees as one step is traced once for each shape too."""
    return jax.jit(function, static_argnames={"axis", "n"} & set(inspect.signature(function).parameters))


AUTOGRAD = {
    "elementwise_grad": _slope,
    "make_vjp": _pull_back,
    "make_jvp": lambda function: lambda x: lambda v: jax.jvp(function, (x,), (v,)),
}
np = Namespace("numpy", {"any": _any}, jax.numpy)
OWN = {"largest_distance": _largest_distance}
Jax.source = Source(np, special, jax.numpy.fft, AUTOGRAD, held=jax.lax.stop_gradient, own=OWN, some=_some, step=_step)
HARNESS = Jax()
objective, handing_out = HARNESS.objective, HARNESS.handing_out


def __getattr__(name):
    """`np`, and the building blocks of refebm's formulas on JAX arrays: squared_norm, jacobian, Gaussian, ..."""
    return getattr(Jax.source, name)
