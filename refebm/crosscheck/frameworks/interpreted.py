"""A program that JAX has traced, computed step by step in NumPy: to compile each question takes a hundred times longer.

What is not in the table is computed by JAX itself, which compiles that one step.
"""

import jax
import numpy as np
from jax.extend.core import Literal
from scipy import special

CALLS = ("jaxpr", "call_jaxpr", "fun_jaxpr")  # under these names a step has a program of its own
LOOPS = ("while", "scan", "checkpoint")  # whose programs are not simply called


def evaluate(program, consts, arguments) -> list:
    """The results of a `jaxpr` with these constants and arguments."""
    known = dict(zip([*program.constvars, *program.invars], map(_of_numpy, [*consts, *arguments])))

    def read(one):
        return np.asarray(one.val, one.aval.dtype) if isinstance(one, Literal) else known[one]

    for step in program.eqns:
        given, name = [read(one) for one in step.invars], step.primitive.name
        inner = next((step.params[key] for key in CALLS if key in step.params), None)
        if name == "cond":
            branch = step.params["branches"][int(given[0])]
            results = evaluate(branch.jaxpr, branch.consts, given[1:])
        elif name == "custom_linear_solve":
            solve, (first, second, third, _) = step.params["jaxprs"].solve, step.params["const_lengths"]
            results = evaluate(solve.jaxpr, solve.consts, [*given[first + second :][:third], given[-1]])
        elif name in STEPS:
            results = STEPS[name](*given, **step.params)
            results = results if step.primitive.multiple_results else [results]
        elif inner is not None and name not in LOOPS:
            results = evaluate(inner.jaxpr, inner.consts, given)
        else:
            results = step.primitive.bind(*map(jax.numpy.asarray, given), **step.params)
            results = results if step.primitive.multiple_results else [results]
        known |= zip(step.outvars, map(_of_numpy, results))
    return [read(one) for one in program.outvars]


def _of_numpy(value):
    """An array of JAX as one of NumPy, which would else call the methods of the former; a random key as it is."""
    return np.asarray(value) if isinstance(value, jax.Array) and hasattr(value.dtype, "kind") else value


def _contracted(a, b, dimension_numbers, **_):
    """Products summed over some axes of both; first the axes that both keep, then the rest of a, then that of b."""
    (sum_a, sum_b), (kept_a, kept_b) = dimension_numbers
    names_a, names_b = list(range(a.ndim)), list(range(a.ndim, a.ndim + b.ndim))
    for i, j in zip((*sum_a, *kept_a), (*sum_b, *kept_b)):
        names_b[j] = names_a[i]
    rest_a = [names_a[i] for i in range(a.ndim) if i not in (*sum_a, *kept_a)]
    rest_b = [names_b[j] for j in range(b.ndim) if j not in (*sum_b, *kept_b)]
    return np.einsum(a, names_a, b, names_b, [*(names_a[i] for i in kept_a), *rest_a, *rest_b])


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


def _counted(*_, dtype, shape, dimension, **__):
    sizes = [-1 if i == dimension else 1 for i in range(len(shape))]
    return np.broadcast_to(np.arange(shape[dimension], dtype=dtype).reshape(sizes), shape)


def _accumulated(function):
    def accumulated(a, axis, reverse):
        return np.flip(function(np.flip(a, axis), axis=axis), axis) if reverse else function(a, axis=axis)

    return accumulated


def _elementwise(function):
    return lambda *given, **_: function(*given)


def _reduced(function):
    return lambda a, axes, **_: function(a, axis=axes)


SAME = ("exp", "exp2", "log", "log1p", "expm1", "sqrt", "square", "sin", "cos", "sinh", "cosh", "tanh", "sign", "abs")
SAME += ("floor", "ceil", "imag", "real", "conj")
ELEMENTWISE = {
    **{name: getattr(np, name) for name in SAME},
    **{"add": np.add, "add_any": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative},
    **{"pow": np.power, "max": np.maximum, "min": np.minimum, "rem": np.fmod, "is_finite": np.isfinite},
    **{"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal},
    **{"ne": np.not_equal, "and": np.bitwise_and, "or": np.bitwise_or, "not": np.invert, "xor": np.bitwise_xor},
    **{"logistic": special.expit, "lgamma": special.gammaln, "digamma": special.psi, "erf": special.erf},
    **{"igamma": special.gammainc, "igammac": special.gammaincc, "rsqrt": lambda a: 1 / np.sqrt(a), "copy": np.copy},
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
    "dot_general": lambda a, b, **options: _contracted(a, b, **options).astype(a.dtype, copy=False),
    "broadcast_in_dim": _broadcast,
    "pad": _padded,
    "cholesky": lambda a, **_: np.linalg.cholesky(a),
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
