"""JAX without its compiler: each operation is computed in NumPy as soon as it is called.

Compiling an operation takes a hundred times longer than answering a question, and each question has other shapes.
Operations that are not in the table are computed by JAX itself, which compiles that one operation.
"""

import contextlib
import functools
from collections.abc import Callable

import jax
import numpy as np
from jax.extend.core import Literal
from scipy import fft, linalg, special

try:
    from jax._src.core import EvalTrace
    from jax.extend.core import set_current_trace
    from jaxlib.xla_client import batched_device_put
except ImportError:  # a JAX version with other internals, which has to compile
    EvalTrace, set_current_trace, batched_device_put = object, contextlib.nullcontext, None

CALLS = ("jaxpr", "call_jaxpr", "fun_jaxpr")  # the options under which an operation has a program of its own
HERE = jax.sharding.SingleDeviceSharding(jax.devices("cpu")[0])
DEVICES = list(HERE.device_set)
LOOPS = ("while", "scan", "checkpoint")  # operations whose programs are not just called once


class ByNumPy(EvalTrace):
    """How JAX evaluates operations outside of all transformations (grad, vmap, jit)."""

    def process_primitive(self, primitive, arguments, options, /):
        weak = options["weak_type"] if "weak_type" in options else bool(arguments) and all(map(_weak, arguments))
        results = [_of_jax(one, weak) for one in _step_of(primitive, options)(*map(_of_numpy, arguments))]
        return results if primitive.multiple_results else results[0]


def _weak(value) -> bool:
    """Whether the value's dtype gives way to others, like that of a Python number."""
    return getattr(value if isinstance(value, jax.Array) else jax.typeof(value), "weak_type", False)


def _of_jax(value, weak):
    """The value as a JAX array, eight times faster than jax.device_put; values without numbers unchanged."""
    if isinstance(value, jax.Array) or value.dtype == jax.dtypes.float0:
        return value
    return batched_device_put(_kind(value.shape, value.dtype, weak), HERE, [value], DEVICES)


def put(value: np.ndarray):
    """A new NumPy array as a JAX array, which may share its memory."""
    return _of_jax(value, False) if batched_device_put else jax.device_put(value)


@functools.lru_cache(1000)
def _kind(shape, dtype, weak):
    return jax.core.ShapedArray(shape, dtype, weak_type=weak)


@contextlib.contextmanager
def uncompiled():
    """A context in which nothing is compiled, and bodies may inspect values, except in functions under jax.jit."""
    with set_current_trace(ByNumPy()):
        yield


def _step_of(primitive, options) -> Callable:
    """A function from the arguments of an operation to the list of its results, both NumPy arrays.

    The results are JAX's own where the operation is not in the table.
    """
    name, inner = primitive.name, next((options[key] for key in CALLS if key in options), None)
    if name == "cond":
        return lambda which, *given: _called(options["branches"][int(which)], given)
    if name == "custom_linear_solve":
        solve, (first, second, third, _) = options["jaxprs"].solve, options["const_lengths"]
        return lambda *given: _called(solve, [*given[first + second :][:third], given[-1]])
    if name not in STEPS and inner is not None and name not in LOOPS:
        return lambda *given: _called(inner, given)
    step = STEPS.get(name) or (lambda *given, **named: primitive.bind(*map(jax.numpy.asarray, given), **named))
    if primitive.multiple_results:
        return lambda *given: list(map(_as_array, step(*given, **options)))
    return lambda *given: [_as_array(step(*given, **options))]


def _as_array(value):
    return value if isinstance(value, (np.ndarray, jax.Array)) else np.asarray(value)


def _called(program, given) -> list:
    """The results of a program that may have its constants with it."""
    return evaluate(getattr(program, "jaxpr", program), getattr(program, "consts", ()), given)


def evaluate(program, consts, arguments) -> list:
    """The results of a `jaxpr` with these constants and arguments."""
    literals, steps, results = _planned(program)
    known = [*map(_of_numpy, consts), *map(_of_numpy, arguments), *literals]
    for step, places in steps:
        known += map(_of_numpy, step(*[known[i] for i in places]))
    return [known[i] for i in results]


@functools.lru_cache(10_000)
def _planned(program) -> tuple[list, list, list]:
    """A `jaxpr` read once: its literal numbers; its steps, each with the places of its arguments in the list of what is
    known; and the places of its results. What is known are constants, arguments, literals, and the results so far."""
    given = [*program.constvars, *program.invars]
    read = [one for step in program.eqns for one in step.invars] + list(program.outvars)
    literals = {id(one): one for one in read if isinstance(one, Literal)}
    made = [one for step in program.eqns for one in step.outvars]
    places = {id(one): i for i, one in enumerate([*given, *literals.values(), *made])}
    steps = [(_step_of(one.primitive, one.params), [places[id(a)] for a in one.invars]) for one in program.eqns]
    numbers = [np.asarray(one.val, one.aval.dtype) for one in literals.values()]
    return numbers, steps, [places[id(one)] for one in program.outvars]


def _of_numpy(value):
    """A JAX array as a NumPy array, so that NumPy does not call JAX's methods; a random key unchanged."""
    return np.asarray(value) if isinstance(value, jax.Array) and hasattr(value.dtype, "kind") else value


def _contracted(a, b, dimension_numbers, preferred_element_type, **_):
    """Products of a and b summed over some axes; the result has the shared axes first, then a's rest, then b's."""
    (sum_a, sum_b), (kept_a, kept_b) = dimension_numbers
    names_a, names_b = list(range(a.ndim)), list(range(a.ndim, a.ndim + b.ndim))
    for i, j in zip((*sum_a, *kept_a), (*sum_b, *kept_b)):
        names_b[j] = names_a[i]
    rest_a = [names_a[i] for i in range(a.ndim) if i not in (*sum_a, *kept_a)]
    rest_b = [names_b[j] for j in range(b.ndim) if j not in (*sum_b, *kept_b)]
    found = np.einsum(a, names_a, b, names_b, [*(names_a[i] for i in kept_a), *rest_a, *rest_b])
    return found.astype(preferred_element_type or found.dtype, copy=False)


def _broadcast(a, *_, shape, broadcast_dimensions, **__):
    sizes = [1] * len(shape)
    for i, place in enumerate(broadcast_dimensions):
        sizes[place] = a.shape[i]
    return np.broadcast_to(np.reshape(a, sizes), shape)


def _padded(a, value, padding_config):
    shape = [
        low + high + size + max(size - 1, 0) * between for size, (low, high, between) in zip(a.shape, padding_config)
    ]
    inside, outside = [], []  # negative padding cuts off
    for size, whole, (low, _, between) in zip(a.shape, shape, padding_config):
        places = low + (1 + between) * np.arange(size)
        inside.append(np.flatnonzero((places >= 0) & (places < whole)))
        outside.append(places[inside[-1]])
    found = np.full(shape, value, a.dtype)
    found[np.ix_(*outside)] = a[np.ix_(*inside)]
    return found


def _selected(which, *cases):
    return np.where(which, cases[1], cases[0]) if len(cases) == 2 else np.choose(which, cases)


def _part(a, *starts, slice_sizes):
    starts = (min(max(int(start), 0), whole - size) for start, whole, size in zip(starts, a.shape, slice_sizes))
    return a[tuple(slice(start, start + size) for start, size in zip(starts, slice_sizes))]


def _windows(shape, indices, mode, *, inside, outside, starts, batches, sizes):
    """For each axis of an array, the indices of the elements of windows into it; and which windows are inside it.

    inside: the axes of the result that run along a window. outside: the axes of the array along which windows have no
    width. starts: the axis of each column of the indices. batches: pairs of axes of the array and of the indices.
    """
    dimensions = indices.ndim - 1 + len(inside)
    across = [i for i in range(dimensions) if i not in inside]
    windowed = [k for k in range(len(shape)) if k not in outside and k not in batches[0]]
    places, there = [], np.ones([1] * dimensions, bool)

    def laid(a, axes):
        return np.reshape(a, [np.shape(a)[axes.index(i)] if i in axes else 1 for i in range(dimensions)])

    for k, whole in enumerate(shape):
        first = indices[..., starts.index(k)] if k in starts else np.zeros(indices.shape[:-1], int)
        if k in batches[0]:
            first = np.indices(first.shape)[batches[1][batches[0].index(k)]]
        first = np.clip(first, 0, whole - sizes[k]) if mode == "CLIP" else first
        there = there & laid((first >= 0) & (first <= whole - sizes[k]), across)
        place = laid(first, across)
        place = place + laid(np.arange(sizes[k]), [inside[windowed.index(k)]]) if k in windowed else place
        places.append(np.clip(place, 0, max(whole - 1, 0)))
    return tuple(np.broadcast_arrays(*places)), there


def _gathered(a, indices, *, dimension_numbers, slice_sizes, mode, fill_value=None, **_):
    at = dimension_numbers
    places, there = _windows(
        a.shape,
        indices,
        "CLIP" if mode.name == "PROMISE_IN_BOUNDS" else mode.name,  # what a broken promise is, once compiled
        inside=at.offset_dims,
        outside=at.collapsed_slice_dims,
        starts=at.start_index_map,
        batches=(at.operand_batching_dims, at.start_indices_batching_dims),
        sizes=slice_sizes,
    )
    lost = (
        np.nan
        if a.dtype.kind in "fc"
        else np.iinfo(a.dtype).min
        if a.dtype.kind == "i"
        else np.array(-1).astype(a.dtype)
    )
    return np.where(there, a[places], lost if fill_value is None else fill_value).astype(a.dtype, copy=False)


def _scattered(write):
    def scattered(a, indices, updates, *, dimension_numbers, mode, **_):
        at = dimension_numbers
        outside = (*at.inserted_window_dims, *at.operand_batching_dims)
        widths = iter(at.update_window_dims)
        sizes = [1 if k in outside else updates.shape[next(widths)] for k in range(a.ndim)]
        places, there = _windows(
            a.shape,
            indices,
            mode.name,
            inside=at.update_window_dims,
            outside=at.inserted_window_dims,
            starts=at.scatter_dims_to_operand_dims,
            batches=(at.operand_batching_dims, at.scatter_indices_batching_dims),
            sizes=sizes,
        )
        found, there = np.array(a), np.broadcast_to(there, updates.shape)
        write(found, tuple(place[there] for place in places), updates[there])
        return found

    return scattered


def _sorted(*arrays, dimension, num_keys, **_):
    order = np.lexsort(arrays[:num_keys][::-1], axis=dimension)
    return [np.take_along_axis(one, order, dimension) for one in arrays]


def _counted(*_, dtype, shape, dimension, **__):
    sizes = [-1 if i == dimension else 1 for i in range(len(shape))]
    return np.broadcast_to(np.arange(shape[dimension], dtype=dtype).reshape(sizes), shape)


def _accumulated(function):
    def accumulated(a, axis, reverse):
        found = np.flip(function(np.flip(a, axis), axis=axis), axis) if reverse else function(a, axis=axis)
        return found.astype(a.dtype, copy=False)  # NumPy widens short integers

    return accumulated


def _divided(a, b):
    return np.trunc(a / b).astype(a.dtype) if a.dtype.kind in "iu" else np.divide(a, b)


def _by_matrix(function, *arrays):
    """Apply a function of matrices with several results to each matrix of a stack."""
    stack = np.broadcast_shapes(*(a.shape[:-2] for a in arrays))
    arrays = [np.broadcast_to(a, stack + a.shape[-2:]) for a in arrays]
    each = [function(*(a[place] for a in arrays)) for place in np.ndindex(*stack)]
    return [np.reshape(np.stack(part), stack + np.shape(part[0])) for part in zip(*each)]


def _factored(a):
    """LU factors, pivots, and the pivots as a permutation."""
    both, pivots = linalg.lu_factor(a, check_finite=False)
    order = np.arange(len(a), dtype=np.int32)
    for i, j in enumerate(pivots):
        order[[i, j]] = order[[j, i]]
    return both, pivots.astype(np.int32), order


def _triangular(a, b, *, left_side, lower, transpose_a, conjugate_a, unit_diagonal):
    trsm = linalg.get_blas_funcs("trsm", (a, b))
    how = {"side": not left_side, "lower": lower, "trans_a": transpose_a + conjugate_a, "diag": unit_diagonal}
    return _by_matrix(lambda a, b: (trsm(1.0, a, b, **how),), a, b)[0]


def _transformed(a, *, fft_type, fft_lengths):
    axes = tuple(range(a.ndim - len(fft_lengths), a.ndim))
    name = {"FFT": "fftn", "IFFT": "ifftn", "RFFT": "rfftn", "IRFFT": "irfftn"}[fft_type.name]
    return getattr(fft, name)(a, fft_lengths, axes)


def _scanned(*given, jaxpr, length, reverse, num_consts, num_carry, **_):
    consts, state, over = given[:num_consts], given[num_consts:][:num_carry], given[num_consts + num_carry :]
    made = [[] for _ in jaxpr.out_avals[num_carry:]]
    for i in range(length)[:: -1 if reverse else 1]:
        found = evaluate(jaxpr.jaxpr, jaxpr.consts, [*consts, *state, *(a[i] for a in over)])
        state = found[:num_carry]
        for part, one in zip(made, found[num_carry:]):
            part.append(one)
    kinds = jaxpr.out_avals[num_carry:]
    shaped = (np.reshape(part[:: -1 if reverse else 1], (length, *kind.shape)) for part, kind in zip(made, kinds))
    return [*state, *(a.astype(kind.dtype, copy=False) for a, kind in zip(shaped, kinds))]


def _repeated(*given, cond_nconsts, cond_jaxpr, body_nconsts, body_jaxpr, **_):
    asked, consts, state = (
        given[:cond_nconsts],
        given[cond_nconsts:][:body_nconsts],
        given[cond_nconsts + body_nconsts :],
    )
    while evaluate(cond_jaxpr.jaxpr, cond_jaxpr.consts, [*asked, *state])[0]:
        state = evaluate(body_jaxpr.jaxpr, body_jaxpr.consts, [*consts, *state])
    return state


def _elementwise(function):
    return lambda *given, **_: function(*given)


def _reduced(function):
    return lambda a, axes, **_: function(a, axis=axes).astype(a.dtype, copy=False)


SAME = ("exp", "exp2", "log", "log1p", "expm1", "sqrt", "square", "sin", "cos", "sinh", "cosh", "tanh", "sign", "abs")
SAME += ("floor", "ceil", "imag", "real", "conj")
ELEMENTWISE = {
    **{name: getattr(np, name) for name in SAME},
    **{"add": np.add, "add_any": np.add, "sub": np.subtract, "mul": np.multiply, "div": _divided, "neg": np.negative},
    **{"pow": np.power, "max": np.maximum, "min": np.minimum, "rem": np.fmod, "is_finite": np.isfinite},
    **{"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal},
    **{"ne": np.not_equal, "and": np.bitwise_and, "or": np.bitwise_or, "not": np.invert, "xor": np.bitwise_xor},
    **{"logistic": special.expit, "lgamma": special.gammaln, "digamma": special.psi, "erf": special.erf},
    **{"erfc": special.erfc, "igamma": special.gammainc, "igammac": special.gammaincc, "copy": np.copy},
    **{"rsqrt": lambda a: 1 / np.sqrt(a)},
    **{"select_n": _selected, "clamp": lambda least, a, most: np.minimum(np.maximum(a, least), most)},
}
REDUCED = {"reduce_sum": np.sum, "reduce_max": np.max, "reduce_min": np.min, "reduce_prod": np.prod}
REDUCED |= {"reduce_and": np.all, "reduce_or": np.any}
ACCUMULATED = {"cumsum": np.cumsum, "cumprod": np.cumprod}
ACCUMULATED |= {"cummax": np.maximum.accumulate, "cummin": np.minimum.accumulate}
STEPS = {name: _elementwise(function) for name, function in ELEMENTWISE.items()}
STEPS |= {name: _reduced(function) for name, function in REDUCED.items()}
STEPS |= {name: _accumulated(function) for name, function in ACCUMULATED.items()}
STEPS |= {
    "dot_general": _contracted,
    "broadcast_in_dim": _broadcast,
    "gather": _gathered,
    "scatter": _scattered(lambda a, places, values: a.__setitem__(places, values)),
    "scatter-add": _scattered(np.add.at),
    "sort": _sorted,
    "argmax": lambda a, axes, index_dtype, **_: np.argmax(a, axes[0]).astype(index_dtype),
    "argmin": lambda a, axes, index_dtype, **_: np.argmin(a, axes[0]).astype(index_dtype),
    "stage": lambda a, **_: a,
    "pad": _padded,
    "cholesky": lambda a, **_: np.linalg.cholesky(a),
    "lu": lambda a, **_: _by_matrix(_factored, a),
    "triangular_solve": _triangular,
    "fft": _transformed,
    "scan": _scanned,
    "while": _repeated,
    "stop_gradient": lambda a, **_: a,
    "device_put": lambda *given, **_: list(given),
    "stack": lambda *parts, axis: np.stack(parts, axis),
    "unstack": lambda a, axis, **_: list(np.moveaxis(a, axis, 0)),
    "split": lambda a, sizes, axis: np.split(a, np.cumsum(sizes)[:-1], axis),
    "iota": _counted,
    "dynamic_slice": _part,
    "integer_pow": lambda a, y: a**y if y >= 0 else 1 / a**-y,
    "convert_element_type": lambda a, new_dtype, **_: np.asarray(a).astype(new_dtype),
    "reshape": lambda a, *_, new_sizes, **__: np.reshape(a, new_sizes),
    "squeeze": lambda a, dimensions: np.squeeze(a, dimensions),
    "transpose": lambda a, permutation: np.transpose(a, permutation),
    "rev": lambda a, dimensions: np.flip(a, dimensions),
    "concatenate": lambda *parts, dimension: np.concatenate(parts, dimension),
    "slice": lambda a, start_indices, limit_indices, strides: a[
        tuple(map(slice, start_indices, limit_indices, strides or [1] * np.ndim(a)))
    ],
}
