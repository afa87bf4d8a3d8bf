"""What is added to autograd's tracer: numbers of traces that threads cannot confuse, memory that is kept from one
derivative to the next, derivatives at copies, a trace for each parameter, and a forward Laplacian.
"""

import contextlib
import functools
import itertools
import weakref
from collections.abc import Callable

import autograd
import autograd.numpy as np
import autograd.tracer
from autograd.core import JVPNode, VJPNode, backward_pass, primitive_jvps, vspace
from autograd.numpy.numpy_vjps import nograd_functions
from autograd.tracer import Node, getval, isbox, new_box, register_notrace, trace

from refebm.glossary import filled, kept, leaves_of

MANY = 8
_ENERGIES = weakref.WeakKeyDictionary()  # of scores


class _Traces(autograd.tracer.TraceStack):
    """Every derivative in progress gets its own number; that of an inner derivative is larger than the outer one's.

    autograd's own class numbers derivatives by how many are in progress in all threads together. With two threads, two
    derivatives could get the same number and be mistaken for one.
    """

    def __init__(self):
        self.numbers = itertools.count()

    @contextlib.contextmanager
    def new_trace(self):
        yield next(self.numbers)


autograd.tracer.trace_stack = _Traces()

# A derivative makes and drops arrays of about a megabyte at every step. glibc returns such memory to the system, and
# to get it again, page by page, takes longer than the arithmetic, until a program has once dropped a block of almost
# 32 MB, as here: from then on up to 64 MB are kept for the next arrays (mallopt(3), M_MMAP_THRESHOLD).
np.empty(2**22 - 2**10)


def _at_a_copy(derivative):
    """A derivative at a copy of x, into which a primitive of the user's may write."""
    return lambda function: lambda x: derivative(function)(kept(x))


elementwise_grad, make_vjp = _at_a_copy(autograd.elementwise_grad), _at_a_copy(autograd.make_vjp)


class _Forward(JVPNode):
    """autograd's forward mode, where a rule whose derivative does not fit the value, as that of `sort`, is none."""

    __slots__ = []

    def __init__(self, value, function, *given):
        with contextlib.suppress(IndexError):  # as such a rule may raise
            super().__init__(value, function, *given)
            if not hasattr(value, "shape") or _broadcasts(np.shape(self.g), value.shape):
                return
        raise NotImplementedError(f"the forward rule of {function.__name__} gives no derivative of its shape")


def _broadcasts(shape, to):
    return len(shape) <= len(to) and all(a in (1, b) for a, b in zip(shape[::-1], to[::-1]))


for function in nograd_functions:
    register_notrace(_Forward, function)


@_at_a_copy
def make_jvp(function):
    """As `autograd.make_jvp`: x -> v -> (value, derivative along v)."""

    def at(x):
        def along(v):
            value, end = trace(_Forward.new_root(v), function, x)
            return value, vspace(value).zeros() if end is None else end.g

        return along

    return at


def vjp_by_leaf(function: Callable, parameters) -> tuple[Callable, np.ndarray]:
    """As `autograd.make_vjp`: (pull-back, value) of a function of parameters nested in dicts, tuples and lists, which
    sees the nest itself, with traced leaves. A traced nest would be taken apart step by step, which costs time."""
    leaves, gradients = leaves_of(parameters), {}
    roots = [VJPNode.new_root() for _ in leaves]
    for i, root in enumerate(roots):
        root.vjp = lambda gradient, i=i: gradients.update({i: gradient}) or ()

    def of_leaves(first):
        boxes = [new_box(leaf, first._trace, root) for leaf, root in zip(leaves, roots)]
        return function(filled(parameters, boxes))

    value, end = trace(VJPNode.new_root(), of_leaves, 0.0)

    def back(weights):
        if end:
            backward_pass(weights, end)
        each = enumerate(leaves)
        return filled(parameters, [gradients[i] if i in gradients else vspace(leaf).zeros() for i, leaf in each])

    return back, value


def remembered(function):
    """Remember the energies of the scores that `score_of` returns."""

    @functools.wraps(function)
    def remembering(energy):
        score = function(energy)
        _ENERGIES[score] = energy
        return score

    return remembering


def by_one_pass(function):
    """Compute s and div s by a forward Laplacian of E, where s is the score of an energy and a derivative in its
    parameters is under way, which would keep all d pull-backs; from d = MANY on, as it is slower for few coordinates.
    """

    @functools.wraps(function)
    def chosen(field, x):
        with contextlib.suppress(Exception):  # an operation without forward rule; an error of the energy comes again
            energy = _ENERGIES.get(getattr(field, "given", field)) if x.shape[1] >= MANY else None
            if energy and isbox(energy(x[:1])):
                slopes, bend = _forward_laplacian(energy, x)
                return -slopes, -bend
        return function(field, x)

    return chosen


def _forward_laplacian(energy, x):
    """grad E and Lap E at x, (n, d) and (n,), by one forward pass."""
    axes, rows = np.eye(x.shape[1])[:, None], np.ones(len(x))
    root = _Bent.new_root(list(axes), np.zeros((1, x.shape[1])))
    end = trace(root, energy, x)[1]
    return np.stack([slope * rows for slope in end.slopes], axis=1), end.bend * rows


class _Bent(Node):
    r"""Of a step y of the computation, its slopes d_i y, i = 1, ..., d, and its bend sum_i d_i^2 y.

    With y = f(a), D f the derivative of f: d_i y = D f(d_i a), and the bend is D f(bend of a) + sum_i D^2 f(d_i a,
    d_i a). Slopes that are the same in all rows may have one row.
    """

    __slots__ = ["bend", "slopes"]

    def __init__(self, value, function, args, kwargs, places, parents):
        rule, parent_slopes = primitive_jvps[function], list(zip(*(parent.slopes for parent in parents)))

        def first(v):
            return rule(places, v, value, args, kwargs)

        def second(v):
            def along(t):
                moved = [a + t * v[places.index(i)] if i in places else a for i, a in enumerate(args)]
                return rule(places, v, function(*moved, **kwargs), tuple(moved), kwargs)

            return _derivative(along)

        bends = [parent.bend for parent in parents]
        if len(places) == 1 and _elementwise(function, args[places[0]]):
            one = [np.ones(np.shape(args[places[0]]))]
            slope, curvature = first(one), second(one)
            self.slopes, self.bend = [slope * v for (v,) in parent_slopes], slope * bends[0]
            curved = [] if curvature is None else [curvature * sum(v**2 for (v,) in parent_slopes)]
        else:
            self.slopes, self.bend = [first(v) for v in parent_slopes], first(bends)
            curved = itertools.takewhile(lambda a: a is not None, map(second, parent_slopes))
        self.bend = sum(curved, self.bend)

    def initialize_root(self, slopes, bend):
        self.slopes, self.bend = slopes, bend


for function in nograd_functions:
    register_notrace(_Bent, function)


def _elementwise(function, a):
    """Whether a step acts on each number of a by itself, so that its derivative is a factor. A ufunc with a signature,
    matmul, does not; the derivative of |a| for complex a is no factor."""
    by_number = getattr(function.fun, "signature", "none") is None or getattr(function, "elementwise", False)
    return by_number and not np.iscomplexobj(getval(a))


def _derivative(curve):
    """The derivative of a function of a float at 0, or None if it does not depend on it."""
    with autograd.tracer.trace_stack.new_trace() as number:
        end = curve(new_box(0.0, number, JVPNode.new_root(1.0)))
    return end._node.g if isbox(end) and end._trace == number else None
