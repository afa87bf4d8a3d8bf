"""The types of arguments, each with its check and its shape in words, and the errors.

    def noise_conditional_score_matching(score: LevelField, x: Points, sigma: Levels, z: Noise) -> Loss:

A type is a `typing.Annotated`: a static checker sees an array, a callable or a number; its metadata are its check and
its shape in words. ``@rows`` reads the types of a signature, checks the arguments, and passes clean values to the body:
arrays as float64, a noise level as a column ``(n, 1)``, so that formulas read as printed, and callables wrapped as
follows. The shape of what a callable returns is checked against the rows it was given. It gets copies and its results
are copied, so that it may write into both. It is called at finite rows only: for a lost row (one that is not finite)
its result is NaN.

Every error starts with a stable code, and names the argument, what was wanted, and what came. A check is a function
(name, value, x) -> value, where x are the points to whose rows other arguments must fit. Wherever real numbers are
refused by E-DTYPE, masked entries are refused by E-MASKED.
"""

import contextlib
import functools
import inspect
import math
import os
from collections.abc import Callable
from reprlib import Repr
from types import CodeType, SimpleNamespace, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import autograd.numpy as np
import numpy
from autograd.tracer import getval, isbox

from refebm.codes import codes_of, with_errors


class InputError(ValueError):
    """A value that a function of this library refuses. ``code``, such as "E-SHAPE", is stable."""

    def __init__(self, code: str, message: str):
        super().__init__(code, message)
        self.code = code

    def __str__(self) -> str:
        return ": ".join(self.args)


class InputTypeError(InputError, TypeError):
    """A value of a type that a function of this library refuses. ``code`` is stable."""


class DomainError(InputError):
    """A quantity was requested outside the conditions under which it exists."""


REPR = Repr()
REPR.maxlevel, REPR.maxlist, REPR.maxtuple, REPR.maxother = 2, 4, 4, 60
brief = REPR.repr  # a short repr of a value, for error messages
MOST_STEPS = 10**9  # a loop of more steps would not end in reasonable time
MOST_NUMBERS = 10**10  # in an array: 80 GB, or a quarter of the machine's memory, since formulas have several terms
with contextlib.suppress(AttributeError, ValueError, OSError):  # as far as the system tells it
    MOST_NUMBERS = min(MOST_NUMBERS, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 32)
MOST_DERIVATIVES = 8
WRITES = "must not write into its arguments"
LEAST, MOST = 1.5e-154, 9e153  # numbers whose squares have full precision, and so has the sum of two squares


def real(name, value):
    """`value` as float64, finite or not. Integers, booleans, other floats and lists are converted. Errors: E-DTYPE."""
    if type(value) is numpy.ndarray and value.dtype == np.float64:
        return value
    if isbox(value) and not hasattr(value, "dtype"):
        _refuse_type(name, value, not isinstance(getval(value), (dict, tuple, list)))
        value = 1.0 * value  # a float under differentiation becomes an array of no dimensions
    if not isinstance(value, numpy.float64) and not (isbox(value) and value.dtype == np.float64):
        value = value if isbox(value) else unmasked(name, value)
        _refuse_type(name, value, value.dtype.kind in "iufb")
        with numpy.errstate(over="ignore"):  # floats wider than float64 may overflow to inf
            value = value.astype(np.float64, copy=False)
    return value


def unmasked(name, value):
    """`value` as an array of any type, without masked entries."""
    _refuse_masked(name, value)
    try:
        return numpy.asarray(value)
    except Exception as error:  # an __array__ may raise anything, such as that of a tensor that requires a gradient
        came = "a ragged list" if isinstance(value, (list, tuple)) else type(value).__name__
        raise InputTypeError("E-DTYPE", f"{name} must be an array of numbers, got {came}") from error


def _refuse_type(name, value, good):
    if not good:
        kind = getattr(value, "dtype", type(getval(value)).__name__)
        raise InputTypeError("E-DTYPE", f"{name} must be real numbers, got dtype {kind}")


def _refuse_masked(name, value):
    if isinstance(value, (list, tuple)):
        for part in value:
            _refuse_masked(name, part)
    elif numpy.ma.is_masked(value):
        raise InputError("E-MASKED", f"{name} must have no masked entries, got {numpy.ma.count_masked(value)}")


def real_array(name, value):
    """`value` as finite float64, converted as by `real`. Errors: E-DTYPE, E-FINITE."""
    value = real(name, value)
    good = numpy.isfinite(getval(value))
    if not good.all():
        _refuse(name, value, good, "E-FINITE", "finite")
    return value


def _refuse(name, value, good, code, wanted):
    if not numpy.logical_and.reduce(good, axis=None):  # numpy.all takes three times as long on few numbers
        where = tuple(int(i) for i in numpy.argwhere(~good)[0])
        raise InputError(code, f"{name} must be {wanted}, got {_at(value, where)}")


def _at(value, where):
    return f"{getval(value)[where].item()}" + (f" at index {where}" if where else "")


def kept(value):
    """A copy of an array, for a callable that may write into it or keep it; a traced value is returned as it is."""
    return numpy.array(value) if isinstance(value, numpy.ndarray) else value


def points(name, value, x=None):
    """Rows that are points, (n, d) with n, d >= 1."""
    return _of_rows(name, real_array(name, value))


def states(name, value, x=None):
    """The states of chains, (n, d): points, except that all entries of a row may be NaN, which marks it as lost."""
    value = _of_rows(name, real(name, value))
    good = numpy.isfinite(getval(value))
    if not good.all():
        good = good | ~numpy.any(good, axis=1)[:, None] & numpy.isnan(getval(value))
        _refuse(name, value, good, "E-FINITE", "finite, except rows that are NaN throughout")
    return value


def _of_rows(name, value):
    if value.ndim != 2:
        hint = "; a 1-D sample is x[:, None]" if value.ndim == 1 else ""
        raise InputError("E-NDIM", f"{name} must be (n, d), rows are points; got shape {value.shape}{hint}")
    if 0 in value.shape:
        raise InputError("E-EMPTY", f"{name} must have at least one row and one column, got shape {value.shape}")
    return value


def points_of(owner, name, value):
    """Points whose d is that of `owner`, a density or a model."""
    value = points(name, value)
    if value.shape[1] != getattr(owner, "d", value.shape[1]):
        kind = getattr(owner, "kind", type(owner).__name__)
        raise InputError("E-SHAPE", f"{name} must be (n, {owner.d}) for this {kind}; got shape {value.shape}")
    return value


def positive_points(name, value, x=None):
    """Points whose coordinates are all positive, and have squares."""
    value = points(name, value)
    _refuse(name, value, value > 0, "E-POSITIVE", "greater than 0 everywhere")
    _see_square(name, value, LEAST)
    return value


def images(name, value, x=None):
    """Rows that are square images of 2^k x 2^k pixels, (n, 4^k)."""
    value = points(name, value)
    _see_image(name, value)
    return value


def _see_image(name, value):
    side = math.isqrt(value.shape[-1])
    if side**2 != value.shape[-1] or side & (side - 1):
        raise InputError(
            "E-IMAGE", f"{name} must be images of 2^k x 2^k pixels, (n, 4^k), such as (n, 16); got {value.shape}"
        )


def images_of_grids(name, value, x):
    """For each grid an image per row of x: a tuple of (n, s^2), from coarse to fine, the last as large as x."""
    return _of_grids(name, value, x, 2, "(n, s^2)")


def noise_of_grids(name, value, x):
    """Noise for the steps on each grid, a tuple of (T, n, s^2), T >= 1, from coarse to fine, the last as large as x."""
    return _of_grids(name, value, x, 3, "(T, n, s^2)")


def _of_grids(name, value, x, ndim, words):
    parts = tuple(real_array(f"{name}[{i}]", part) for i, part in enumerate(_parts(name, value)))
    for i, part in enumerate(parts):
        if part.ndim != ndim or part.shape[-2] != len(x) or 0 in part.shape:
            raise InputError("E-SHAPE", f"{name}[{i}] must be {words} with n = {len(x)}; got shape {part.shape}")
        _see_image(f"{name}[{i}]", part)
    sizes = [part.shape[-1] for part in parts]
    if sizes != sorted(set(sizes)) or sizes[-1] != x.shape[1]:
        raise InputError("E-IMAGE", f"{name} must go from coarse grids to that of x, {x.shape[1]}; got {brief(sizes)}")
    return parts


def _parts(name, value):
    if not isinstance(value, (tuple, list)) or not value:
        raise InputTypeError("E-IMAGE", f"{name} must be a tuple, one for each grid; got {type(value).__name__}")
    return value


def supported(name, values):
    """Log-densities of the noise at the data, (n,), which must be finite. Errors: E-SUPPORT."""
    finite = np.isfinite(values)
    if not np.all(finite):
        i = int(numpy.argmin(finite))
        raise InputError(
            "E-SUPPORT",
            f"{name} must be finite at the data, got {float(getval(values)[i])} at row {i} of x: noise must reach "
            "wherever there are data",
        )
    return values


def level(name, value, x):
    """A positive float, or one per row (n,), whose squares neither overflow nor underflow; returned as (n, 1)."""
    value = real_array(name, value)
    if value.shape not in ((), (len(x),)):
        raise InputError("E-SHAPE", f"{name} must be a float or (n,) = ({len(x)},); got shape {value.shape}")
    _refuse(name, value, value > 0, "E-POSITIVE", "greater than 0")
    _see_square(name, value, LEAST)
    return np.ones((len(x), 1)) * np.reshape(value, (-1, 1))


def squarable(name, value, x=None, *, least=LEAST):
    """A positive float whose square neither overflows nor underflows; with `least` 0 it may underflow."""
    value = positive(name, value)
    _see_square(name, value, least)
    return value


def relative_tolerance(name, value, x=None):
    """A relative error that steps can have: what is below roundoff in a step, 100 units, is refused."""
    value = positive(name, value)
    _refuse(name, value, value >= 2.3e-14, "E-ROUNDOFF", "at least 2.3e-14, the roundoff of a step")
    return value


def _see_square(name, value, least):
    _refuse(name, value, (value >= least) & (value <= MOST), "E-SCALE", f"from {least:g} to {MOST:g}, to be squared")


def number(name, value, x=None):
    """A finite float."""
    value = real_array(name, value)
    if value.ndim:
        raise InputError("E-SHAPE", f"{name} must be a float; got shape {value.shape}")
    return value


def uniform(name, value, x):
    """One number in (0, 1) for each row, (n,)."""
    return uniforms(name, value, (len(x),))


def of_shape(name, value, shape):
    """Real numbers of exactly this shape."""
    value = real_array(name, value)
    if value.shape != shape:
        raise InputError("E-SHAPE", f"{name} must have shape {shape}; got {value.shape}")
    return value


def uniforms(name, value, shape):
    """Numbers in (0, 1), of this shape."""
    value = of_shape(name, value, shape)
    _refuse(name, value, (value > 0) & (value < 1), "E-UNIFORM", "greater than 0 and less than 1")
    return value


def decreasing_levels(name, value, x=None):
    """Noise levels, (L,), positive and strictly decreasing."""
    value = positive_vector(name, value)
    if np.any(np.diff(value) >= 0):
        raise InputError("E-LEVELS", f"{name} must go from large to small, got {brief(value.tolist())}")
    return value


def log_weights(name, value, x=None):
    """The log weights of n >= 2 chains, (n,)."""
    value = real_array(name, value)
    if value.ndim != 1 or len(value) < 2:
        raise InputError("E-EMPTY", f"{name} must be (n,) of n >= 2 chains; got shape {value.shape}")
    return value


def moving(name, value, x=None):
    """Chains, (T, n, d) with T >= 4, in which no coordinate of any chain is constant."""
    value = real_array(name, value)
    if value.ndim != 3:
        raise InputError("E-NDIM", f"{name} must be (T, n, d), T states of n chains; got shape {value.shape}")
    if 0 in value.shape or len(value) < 4:
        raise InputError("E-EMPTY", f"{name} must have at least four states of one chain, got shape {value.shape}")
    _see_moving(name, value)
    return value


def _see_moving(name, value):
    still = np.all(value == value[0], axis=0)
    if np.any(still):
        chain, coordinate = numpy.argwhere(still)[0]
        raise DomainError("E-CONSTANT", f"coordinate {coordinate} of {name} never moves in chain {chain}")


def inverse_temperatures(name, value, x=None):
    """0 = beta_0 < ... < beta_K = 1, (K + 1,)."""
    value = vector(name, value)
    if value[0] != 0 or value[-1] != 1 or np.any(np.diff(value) <= 0):
        raise InputError(
            "E-TEMPERATURES", f"{name} must go from 0 to 1 and increase at each step, got {brief(value.tolist())}"
        )
    return value


def tape_of_steps(name, value, x=None):
    """The noise of a chain: an array, or a tuple of arrays, whose first axis is time; returned as a list. Integers are
    not converted."""
    parts = [unmasked(name, part) for part in (value if isinstance(value, tuple) else (value,))]
    lengths = {len(part) if part.size and part.ndim else 0 for part in parts}
    if len(lengths) != 1 or lengths == {0}:
        came = brief(sorted(lengths))
        raise InputError("E-TAPE", f"the arrays of a tape must have the same length, at least 1; got {came}")
    for part in parts:
        _refuse_type(name, part, part.dtype.kind in "iufb")
        if not np.isfinite(np.min(part)) or not np.isfinite(np.max(part)):  # needs no array as large as the tape
            _refuse(name, part, np.isfinite(part), "E-FINITE", "finite")
    return parts


def trajectory(name, value, x=None):
    """Chains over time, (T, n, d), where (n, d) is the shape of x if the function takes points x."""
    value = real_array(name, value)
    if value.ndim != 3 or 0 in value.shape:
        raise InputError("E-SHAPE", f"{name} must be (T, n, d), T states of n chains; got shape {value.shape}")
    if x is not None and value.shape[1:] != x.shape[-2:]:
        raise InputError(
            "E-SHAPE", f"{name} must be (T, n, d) with (n, d) of x = {x.shape[-2:]}; got shape {value.shape}"
        )
    return value


def times(name, value, x=None):
    """Times of an SDE: a float, or (n,), from 0 to 1."""
    value = real_array(name, value)
    if value.ndim > 1 or 0 in value.shape:
        raise InputError("E-SHAPE", f"{name} must be a float or (n,), n >= 1; got shape {value.shape}")
    _refuse(name, value, (value >= 0) & (value <= 1), "E-TIME", "from 0 to 1")
    return value


def ordered_times(s, t):
    """Two times of an SDE, s <= t: floats, or (n,) of one shape."""
    s, t = times("s", s), times("t", t)
    if s.ndim and t.ndim and s.shape != t.shape:
        raise InputError("E-SHAPE", f"s must be a float or of the shape of t, {t.shape}; got {s.shape}")
    if np.any(s > t):
        raise InputError("E-TIME", "s must not be after t in any row: noise is added forward in time")
    return s, t


def times_of(name, value, x):
    """The time of each row, (n,), from a float for all rows or (n,)."""
    value = times(name, value)
    if value.shape not in ((), (len(x),)):
        raise InputError("E-SHAPE", f"{name} must be a float or (n,) = ({len(x)},); got shape {value.shape}")
    return value * np.ones(len(x))


def time(name, value, x=None):
    """One time of an SDE, from 0 to 1."""
    return times(name, number(name, value))


def decreasing_times(name, value, x=None):
    """Times from late to early, (K + 1,)."""
    value = times(name, value)
    if value.ndim != 1 or len(value) < 2 or np.any(np.diff(value) >= 0):
        raise InputError("E-TIME", f"{name} must be (K + 1,), from late to early; got {brief(value.tolist())}")
    return value


def sde_like(name, value, x=None):
    """An object with the methods drift and diffusion; the shapes of what they return are checked. Errors: E-SDE."""
    _refuse_without(name, value, ("drift", "diffusion"), "E-SDE", "refebm.sdes")
    return value if isinstance(value, MeasuredSDE) else MeasuredSDE(name, value)


def density_like(name, value, x=None):
    """An object with the method log_prob; the body sees only log_prob, whose results are checked. Errors: E-DENSITY."""
    _refuse_without(name, value, ("log_prob",), "E-DENSITY", "refebm.truth.densities")
    return SimpleNamespace(log_prob=energy(f"{name}.log_prob", value.log_prob))


def rbm_like(name, value, x=None):
    """A machine with the methods hidden_given and visible_given, to draw one layer given the other. Errors: E-RBM."""
    return _machine(name, value, ("hidden_given", "visible_given"))


def noise_law(name, value, x=None):
    """An object with the methods log_prob, whose results are checked, and sample. Errors: E-DENSITY."""
    _refuse_without(name, value, ("log_prob", "sample"), "E-DENSITY", "refebm.truth.densities")
    return SimpleNamespace(log_prob=energy(f"{name}.log_prob", value.log_prob), sample=value.sample)


def binary_rbm_like(name, value, x=None):
    """A machine with binary units in both layers: the methods energy, hidden_mean and visible_mean. Errors: E-RBM."""
    machine = _machine(name, value, ("energy", "hidden_mean", "visible_mean"))
    if hasattr(machine, "sigma"):
        raise InputTypeError("E-RBM", f"{name} must have binary units in both layers; got {type(value).__name__}")
    return machine


def _machine(name, value, methods):
    _refuse_without(name, value, methods, "E-RBM", "BinaryRBM")
    if isinstance(value, MeasuredRBM):
        return value
    units = {layer: getattr(value, layer, None) for layer in ("d", "m")}
    if not all(isinstance(number, (int, numpy.integer)) and number > 0 for number in units.values()):
        raise InputTypeError("E-RBM", f"{name} must have d visible and m hidden units; got {brief(units)}")
    return MeasuredRBM(name, value, methods)


class MeasuredRBM:
    """A machine with its results checked: energies (n,), the hidden units and their means (n, m), the visible ones
    (n, d)."""

    def __init__(self, name, rbm, methods):
        self.rbm = rbm
        for method in methods:
            layer = {"h": "m", "v": "d"}.get(method[0])
            units, words = ((), "(n,)") if layer is None else ((getattr(rbm, layer),), f"(n, {layer})")
            shape = lambda shape, units=units: (*shape[:1], *units)  # noqa: E731
            setattr(self, method, _measured(f"{name}.{method}", getattr(rbm, method), shape, words))

    def __getattr__(self, name):
        if name == "rbm":  # asked for by copy, before there is any
            raise AttributeError(name)
        return getattr(self.rbm, name)


def _refuse_without(name, value, methods, code, example):
    lacks = [method for method in methods if not callable(getattr(value, method, None))]
    if lacks or isinstance(value, type):
        wanted = f"have the methods {lacks}" if lacks else "be an instance, not the class"
        raise InputTypeError(code, f"{name} must {wanted}, as in {example}; got {brief(value)}")


class MeasuredSDE:
    """An SDE with its results checked: drift must have the shape of x; diffusion, scale and std that of t."""

    def __init__(self, name, sde):
        self.name, self.sde = name, sde
        self.drift = field(f"{name}.drift", sde.drift)
        self.diffusion = of_time(f"{name}.diffusion", sde.diffusion)

    def __getattr__(self, method):
        if not hasattr(self.sde, method):
            raise InputTypeError("E-SDE", f"{self.name} must have the method {method}, as in refebm.sdes")
        return getattr(self.sde, method)

    def prior(self, d):
        """The law that sampling starts from."""
        law = self.__getattr__("prior")(d)
        _refuse_without(f"{self.name}.prior(d)", law, ("log_prob",), "E-DENSITY", "refebm.truth.densities")
        return law

    def marginal(self, t):
        """(m(t), std(t)), each of the shape of t."""
        scale, std = self.__getattr__("marginal")(kept(t))
        return tuple(of_time(f"{self.name}.marginal", lambda _, part=part: part)(t) for part in (scale, std))


def indices_of(name, value, x):
    """The index of the step of each row, (n,), from an int for all rows or (n,)."""
    value = unmasked(name, value)
    if value.dtype.kind not in "iu" or value.shape not in ((), (len(x),)):
        raise InputTypeError(
            "E-INDEX", f"{name} must be an int or (n,) = ({len(x)},) of them; got {value.dtype} of shape {value.shape}"
        )
    return value.astype(int) + numpy.zeros(len(x), int)


def free_indices(name, value, x=None):
    """Indices of steps of a diffusion: an int, or (n,)."""
    value = unmasked(name, value)
    if value.dtype.kind not in "iu" or value.ndim > 1 or 0 in value.shape:
        raise InputTypeError(
            "E-INDEX", f"{name} must be an int or (n,) of them, n >= 1; got {value.dtype} of shape {value.shape}"
        )
    return value.astype(int)


def within(name, value, n):
    """Indices, each of which must be one of 0, ..., n - 1. Errors: E-INDEX."""
    _refuse(name, value, (value >= 0) & (value < n), "E-INDEX", f"from 0 to {n - 1}")
    return value


def _whole(least=1, most=math.inf, code="E-COUNT"):
    """A check of a whole number, from the least to the most; code: of more."""

    def counted(name, value, x=None):
        if isinstance(value, bool) or not isinstance(value, (int, numpy.integer)):
            raise InputTypeError("E-COUNT", f"{name} must be a whole number, got {type(value).__name__} {brief(value)}")
        if value < least:
            raise InputError("E-COUNT", f"{name} must be at least {least}, got {brief(int(value))}")
        if value > most:
            raise InputError(code, f"{name} must be at most {most:g}, got {brief(int(value))}")
        return int(value)

    return counted


count, count_or_none, axis_length = _whole(), _whole(0, MOST_NUMBERS, "E-SIZE"), _whole(1, MOST_NUMBERS, "E-SIZE")
steps = _whole(most=MOST_STEPS)
order_of_derivative = _whole(most=MOST_DERIVATIVES)  # each takes longer than the one before by a factor


def length(name, value, x=None):
    """A number of steps, as many as an array may have numbers."""
    value = steps(name, value)
    if value > MOST_NUMBERS:
        raise InputError("E-SIZE", f"{name} must be at most {MOST_NUMBERS:g}, got {value}")
    return value


def batch_of(name, value, x):
    """A number of rows of x, from 1 to n."""
    value = axis_length(name, value)
    if value > len(x):
        raise InputError("E-BATCH", f"{name} must be at most n = {len(x)}, the rows of x; got {value}")
    return value


def memory(*sizes):
    """The sizes of the axes of an array, if memory can hold it. Errors: E-SIZE."""
    try:
        fits = math.prod(sizes) <= MOST_NUMBERS
        numpy.empty(sizes)  # requests the memory without touching it
    except (MemoryError, ValueError, OverflowError):
        fits = False
    if not fits:
        came = " x ".join(brief(size) for size in sizes)
        raise InputError("E-SIZE", f"{came} numbers need too much memory: draw them in parts, one after the other")
    return sizes


def generator(name, value, x=None):
    """A numpy.random.Generator."""
    if not isinstance(value, numpy.random.Generator):
        came = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
        raise InputTypeError(
            "E-RNG", f"{name} must be a numpy.random.Generator, such as numpy.random.default_rng(0); got {came}"
        )
    return value


def flag(name, value, x=None):
    """True or False."""
    if not isinstance(value, (bool, numpy.bool_)):
        raise InputTypeError("E-FLAG", f"{name} must be True or False, got {brief(value)}")
    return bool(value)


def field(name, function, x=None):
    """A callable of rows (n, d) that returns (n, d): a score, a denoiser, any vector field."""
    return _measured(name, function, lambda shape: shape, "(n, d)")


def transition(name, function, x=None):
    """A callable of states (n, d) and noise that returns a `Step`: states of the same shape, and a record of each row.
    Its first argument may be an energy."""
    see_callable(name, function)

    def stepped(*given):
        x = next(one for one in given if not callable(one))
        step = asked(f"{name}(x, ...)", function, *given)
        is_step = isinstance(step, tuple) and len(step) == 2 and hasattr(step[1], "invalid")
        after = real(f"{name}(x, ...)", step[0]) if is_step else None
        if np.shape(after) != np.shape(x):
            came = np.shape(after) if is_step else type(step).__name__
            raise InputError("E-CALLABLE", f"{name}(x, ...) must return Step(x, info), x {np.shape(x)}; got {came}")
        if np.shape(step[1].invalid) != np.shape(x)[:1]:
            raise InputError("E-CALLABLE", f"{name}(x, ...) must have an info.invalid of shape (n,)")
        return kept(after), step[1]

    return stepped


def coupled_transition(name, function, x=None):
    """A callable of two states (n, d) and noise that returns a `Step` for each."""
    see_callable(name, function)

    def stepped(x, y, *noise):
        pair = asked(f"{name}(x, y, ...)", function, x, y, *noise)
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or hasattr(pair, "info"):
            raise InputError("E-CALLABLE", f"{name}(x, y, ...) must return two Steps; got {type(pair).__name__}")
        return [Stepped(*transition(name, lambda x, step=step: step)(x)) for step in pair]

    return stepped


class Stepped(NamedTuple):
    """The two fields of a `Step`, which is defined on a higher floor."""

    x: np.ndarray
    info: NamedTuple


def energy(name, function, x=None):
    """A callable of rows (n, d) that returns one number per row, (n,)."""
    return _measured(name, function, lambda shape: shape[:1], "(n,)")


def energies(name, value, x=None):
    """A tuple of energies, one for each grid."""
    return tuple(energy(f"{name}[{i}]", function) for i, function in enumerate(_parts(name, value)))


def scores(name, value, x=None):
    """A tuple of scores, one for each grid."""
    return tuple(field(f"{name}[{i}]", function) for i, function in enumerate(_parts(name, value)))


def logits(name, function, x=None):
    """A callable of rows (n, d) that returns one number for each of k classes, (n, k)."""
    see_callable(name, function)
    called = f"{name}(x)"

    def of_classes(x):
        result = _of_reals(called, asked(called, function, x))
        if np.ndim(result) != 2 or len(result) != len(x) or not result.shape[1]:
            raise InputError(
                "E-CALLABLE", f"{called} must return (n, k), k >= 1, for x {np.shape(x)}; got {np.shape(result)}"
            )
        return result

    return of_classes


def of_time(name, function):
    """A callable of times, a float or (n,), that returns finite numbers of their shape."""
    measured = _measured(name, function, lambda shape: shape, "the shape of t", "t")
    return lambda t: real_array(f"{name}(t)", measured(t))


def sampler(name, function, x=None):
    """A callable of parameters phi and noise (n, k) that returns rows (n, d), and depends on phi by autograd.numpy."""
    see_callable(name, function)

    def made(phi, eps):
        z = asked(f"{name}(phi, eps)", function, nested("phi", phi), eps)
        if any(map(isbox, leaves_of(phi))) and not isbox(z):
            raise InputError("E-CALLABLE", f"{name}(phi, eps) must depend on phi, through autograd.numpy")
        z = _of_reals(f"{name}(phi, eps)", z)
        if np.ndim(z) != 2 or len(z) != len(eps):
            raise InputError(
                "E-CALLABLE",
                f"{name}(phi, eps) must return rows (n, d) with n = {len(eps)} for eps {np.shape(eps)}; "
                f"got {np.shape(z)}",
            )
        return z

    return made


def of_parameters(check):
    """The check of a callable whose first argument is parameters. The body sees a function of the parameters alone,
    which returns a callable that is checked by `check`, such as an energy."""

    def curried(name, function, x=None):
        see_callable(name, function)
        called = f"{name}(parameters, x)"

        def at(parameters):
            return check(name, lambda *given: asked(called, function, read_only(parameters), *given))

        return at

    return curried


def mapped(change: Callable, tree):
    """Nested dicts, tuples and lists with `change` applied to every leaf except strings. Dicts are visited in the order
    of their sorted names, as in `autograd.misc.flatten`, but keep their own order."""
    if isinstance(tree, dict):
        parts = {name: mapped(change, tree[name]) for name in sorted(tree)}
        return {name: parts[name] for name in tree}
    if isinstance(tree, (tuple, list)):
        return type(tree)([mapped(change, part) for part in tree])
    return tree if isinstance(tree, str) else change(tree)


def leaves_of(tree) -> list:
    """The leaves of nested dicts, tuples and lists, except strings, in the order in which `mapped` visits them."""
    found = []
    mapped(found.append, tree)
    return found


def filled(form, leaves):
    """The structure of `form`, with its leaves replaced, in the order of `mapped`, by those given."""
    each = iter(leaves)
    return mapped(lambda _: next(each), form)


def read_only(parameters):
    """The same parameters with arrays that cannot be written into: a later pull-back reads their values."""

    def viewed(part):
        if isinstance(part, numpy.ndarray):
            part = part.view()
            part.flags.writeable = False
        return part

    return mapped(viewed, parameters)


def watch(name, function, x=None):
    """A callable that only observes: what it returns is ignored."""
    see_callable(name, function)
    return function


def nested(name, value, x=None):
    """Parameters: an array, or arrays nested in dicts, tuples and lists. They are copied, unless they are traced."""
    if isbox(value):
        return value
    if hasattr(value, "_fields"):  # autograd takes a named tuple apart, and cannot put it together again
        raise InputTypeError("E-DTYPE", f"{name} must be plain tuples, lists and dicts, not {type(value).__name__}")
    if isinstance(value, dict):
        if len({*map(type, value)}) > 1:  # they have no order
            raise InputTypeError("E-DTYPE", f"{name} must have names of one type, got {brief([*value])}")
        return {key: nested(f"{name}[{key!r}]", part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)([nested(f"{name}[{i}]", part) for i, part in enumerate(value)])
    return kept(real_array(name, value))


def trained(name, value, x=None):
    """Parameters of which there is at least one number to train. Errors: E-EMPTY."""
    value = nested(name, value)
    if not any(numpy.size(leaf) for leaf in leaves_of(value)):
        raise InputError("E-EMPTY", f"{name} must have at least one number")
    return value


def parameters_of(name, value):
    """Parameters of a model: numbers nested in dicts, tuples and lists, as float64; strings and traced values as they
    are."""
    if isbox(value) or isinstance(value, str) or value is None:
        return value
    if isinstance(value, dict):
        return {key: parameters_of(f"{name}[{key!r}]", part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)([parameters_of(f"{name}[{i}]", part) for i, part in enumerate(value)])
    return real(name, value)[()]


def convex(name, value, x=None):
    """A convex Psi, given by two functions of log u: its derivative, which must increase, and Psi'(u) u - Psi(u)."""
    if getattr(value, "_fields", ()) != ("derivative", "conjugate"):
        raise InputTypeError("E-GENERATOR", f"{name} must be a Generator, got {type(value).__name__}")
    log_u = numpy.linspace(-8.0, 8.0, 33)
    slopes, conjugates = (_of_log_u(f"{name}.{part}", getattr(value, part), log_u) for part in value._fields)
    rises, gains = numpy.diff(slopes), numpy.diff(conjugates)
    if not numpy.all(rises > 0):
        raise InputError("E-GENERATOR", f"{name}.derivative must increase: Psi must be convex")
    # the derivative of the conjugate is u Psi'', so its increase lies between u times that of Psi' at both ends
    least, most = rises * numpy.exp(log_u[:-1]), rises * numpy.exp(log_u[1:])
    if not numpy.all(((1 - 1e-9) * least <= gains) & (gains <= (1 + 1e-9) * most)):
        raise InputError("E-GENERATOR", f"{name}.conjugate must be Psi'(u) u - Psi(u), as a function of log u too")
    parts = {part: getattr(value, part) for part in value._fields}
    return type(value)(
        *(_measured(f"{name}.{part}", f, lambda s: s, "its shape", "log_u") for part, f in parts.items())
    )


def _of_log_u(name, function, log_u):
    see_callable(name, function)
    with numpy.errstate(all="ignore"):
        values = unmasked(f"{name}(log_u)", asked(f"{name}(log_u)", function, log_u))
    if values.shape != log_u.shape:
        raise InputError(
            "E-GENERATOR", f"{name}(log_u) must have the shape of log_u, {log_u.shape}; got {values.shape}"
        )
    return values


def see_callable(name, function):
    """Refuse what is not callable, and classes, since their instances are not arrays. Errors: E-CALLABLE."""
    if not callable(function) or isinstance(function, type):
        raise InputTypeError("E-CALLABLE", f"{name} must be callable, got {type(function).__name__}")


def asked(called, function, *given):
    """function(*given), with copies of arrays, which it may write into or keep. Errors: E-CALLABLE, not a TypeError, if
    it does not take that many arguments; E-CALLABLE if it writes into arrays that a pull-back will read."""
    handed = tuple(map(kept, given))
    try:
        result = function(*handed)
    except TypeError as error:
        try:
            inspect.signature(function).bind(*given)
        except TypeError:
            raise InputTypeError("E-CALLABLE", f"{called} must take {len(given)} arguments: {error}") from error
        except ValueError:  # functions that are not written in Python may have no signature
            pass
        raise
    if _traced(result):
        for before, copy in zip(given, handed):
            _leave_alone(called, before, copy)
    return result


def _traced(result):
    return isbox(result) or (isinstance(result, (tuple, list)) and any(map(_traced, result)))


def _leave_alone(called, before, copy):
    """Refuse if a callable whose result is traced wrote into its copy of an array; let it write into it no more."""
    if isinstance(copy, numpy.ndarray):
        if not numpy.array_equal(before, copy, equal_nan=True):
            raise InputError("E-CALLABLE", f"{called} {WRITES} where it is differentiated: derivatives need them")
        copy.flags.writeable = False


def _measured(name, function, wanted, words, argument="x"):
    if getattr(function, "returns", None) == words:  # wrapped already, with the name that the caller used
        return function
    see_callable(name, function)
    called = f"{name}({argument})"

    def measured(x, *rest):
        gone = _lost(x) if argument == "x" else None
        if gone is not None:  # lost rows are replaced by a finite one, at which the callable can be evaluated
            if gone.all():
                return np.nan * (x if wanted(np.shape(x)) == np.shape(x) else x[:, 0])
            x = np.where(gone[:, None], getval(x)[np.argmin(gone)], x)
        result = _of_reals(called, asked(called, function, x, *rest))
        if np.shape(result) != wanted(np.shape(x)):
            raise InputError(
                "E-CALLABLE",
                f"{called} must return {words} = {wanted(np.shape(x))} for {argument} {np.shape(x)}; "
                f"got {np.shape(result)}",
            )
        return result if gone is None else np.where(gone if result.ndim == 1 else gone[:, None], np.nan, result)

    measured.returns, measured.given = words, function
    return measured


def lost_rows(x):
    """Which rows are not finite, (n,)."""
    gone = _lost(x)
    return numpy.zeros(len(x), bool) if gone is None else gone


def _lost(x):
    """Which rows are not finite, (n,); None if all are, or if x is not of two dimensions."""
    x = getval(x)
    finite = numpy.isfinite(x) if numpy.ndim(x) == 2 else numpy.ones(1, bool)
    return None if finite.all() else ~finite.all(axis=1)


def _of_reals(called, result):
    """A copy of what a callable returned, as float64. Errors: E-CALLABLE for anything but real numbers."""
    _refuse_masked(called, result)
    result = numpy.float64(result) if type(result) in (int, float) else result
    kind = getattr(getattr(result, "dtype", None), "kind", None)
    if kind not in ("f", "i", "u"):
        raise InputError(
            "E-CALLABLE",
            f"{called} must return an array of real numbers, got {type(result).__name__} of "
            f"{getattr(result, 'dtype', 'no dtype')}; functions to differentiate must be written in autograd.numpy",
        )
    if isbox(result):
        return result if result.dtype == np.float64 else result.astype(np.float64)
    return numpy.array(result, dtype=np.float64)[()]


def matrix(name, value):
    """A copy of a parameter of a density, a matrix (d, k) with d, k >= 1."""
    value = np.array(real_array(name, value))
    if value.ndim != 2 or 0 in value.shape:
        raise InputError("E-SHAPE", f"{name} must be (d, k) with d, k >= 1; got shape {value.shape}")
    return value


def vector(name, value, d=None):
    """A copy of a parameter of a density, a vector (d,); a float stands for d = 1."""
    value = np.array(np.atleast_1d(real_array(name, value)))
    if value.ndim != 1 or not len(value) or d not in (None, len(value)):
        wanted = f"({d},)" if d else "a vector of at least one number"
        raise InputError("E-SHAPE", f"{name} must be {wanted}; got shape {value.shape}")
    return value


def positive_vector(name, value, d=None):
    """A copy of a parameter of a density, a vector (d,) of positive numbers."""
    value = vector(name, value, d)
    _refuse(name, value, value > 0, "E-POSITIVE", "greater than 0")
    return value


def covariance(name, value, d):
    """A symmetric positive definite matrix (d, d); a float c stands for c times the identity."""
    value = np.array(real_array(name, value))
    if value.ndim == 0:
        _see_definite(name, value)
        return value * np.eye(*memory(4, d, d)[1:])  # four, since its roots are as large
    if value.shape != (d, d):
        raise InputError("E-SHAPE", f"{name} must be a float or (d, d) = {(d, d)}; got shape {value.shape}")
    apart = np.abs(value - value.T)
    if np.any(apart > 8 * np.finfo(float).eps * np.max(np.abs(value))):
        i, j = (int(k) for k in np.unravel_index(np.argmax(apart), apart.shape))
        raise InputError(
            "E-SYMMETRIC", f"{name} must be symmetric, got {value[i, j]} at {(i, j)}, {value[j, i]} at {(j, i)}"
        )
    _see_definite(name, np.linalg.eigvalsh(value)[0])
    return value


def _see_definite(name, smallest):
    if not smallest > 0:
        raise InputError("E-DEFINITE", f"{name} must be positive definite, its smallest eigenvalue is {smallest:.3g}")


def probabilities(name, value):
    """Weights of at least 0 whose sum is 1."""
    value = vector(name, value)
    _refuse(name, value, value >= 0, "E-WEIGHTS", "not negative")
    if abs(np.sum(value) - 1) > 8 * len(value) * np.finfo(float).eps:
        raise InputError("E-WEIGHTS", f"{name} must sum to 1, the sum is {float(np.sum(value))!r}")
    return value


def _beside(fits, wanted, code="E-SHAPE"):
    """A check of an array whose shape goes with that of x."""

    def shaped(name, value, x):
        value = real_array(name, value)
        if not fits(value.shape, x.shape):
            raise InputError(code, f"{name} must {wanted.format(x.shape)}; got shape {value.shape}")
        return value

    return shaped


like_x = _beside(lambda a, x: a == x, "have the shape of x, {}")
projections = _beside(lambda a, x: a == x or (a[1:] == x and a[0] > 0), "be (n, d) = {} or (m, n, d)")
noise_points = _beside(lambda a, x: a[1:] == x and a[0] > 0, "be (nu, n, d) with (n, d) of x = {} and nu >= 1")
tape_of_levels = _beside(
    lambda a, x: a[2:] == x and a[1] > 0, "be (L, T, n, d) with (n, d) of x = {} and T >= 1", "E-TAPE"
)
tape_of_corrections = _beside(
    lambda a, x: a[2:] == x and a[1] > 0, "be (K, 1 + M, n, d) with (n, d) of x = {}", "E-TAPE"
)


def _each(check, holds, code, wanted):
    """A check with a condition more, on each number."""

    def narrower(name, value, x=None):
        value = check(name, value)
        _refuse(name, value, holds(value), code, wanted)
        return value

    return narrower


bits = _each(points, lambda a: (a == 0) | (a == 1), "E-BINARY", "0 or 1 everywhere")
fractions = _each(points, lambda a: (a >= 0) & (a <= 1), "E-FRACTION", "from 0 to 1 everywhere")
weight_inside = _each(number, lambda a: (a > 0) & (a < 1), "E-WEIGHTS", "greater than 0 and less than 1")
fraction = _each(number, lambda a: (a >= 0) & (a <= 1), "E-FRACTION", "from 0 to 1")
positive = _each(number, lambda a: a > 0, "E-POSITIVE", "greater than 0")
nonnegative = _each(number, lambda a: a >= 0, "E-POSITIVE", "at least 0")
positives = _each(real_array, lambda a: a > 0, "E-POSITIVE", "greater than 0")
step_variances = _each(vector, lambda a: (a > 0) & (a < 1), "E-BETAS", "greater than 0 and less than 1")


# ---- types -----------------------------------------------------------------------------------------------------------

Function = Callable[[np.ndarray], np.ndarray]
OfTwo = Callable[[np.ndarray, np.ndarray], np.ndarray]
EachGrid = tuple[Function, ...]


class ByRow(NamedTuple):
    """A mark of a type of arrays that have an entry for each row of x.

    axis: the axis of the rows in an array of several axes. gives: whether the first argument of such a type is x
    itself, whose n and d the other arguments must have.
    """

    axis: int = -2
    gives: bool = False


class Drawn(NamedTuple):
    """A mark of a type of arrays that are drawn.

    laws: of random numbers, the laws from which a program may draw them. ends: the least and the largest number in
    questions, where the first shape in the words of the type is that of the array.
    """

    laws: tuple[str, ...] = ()
    ends: tuple[float, float] = (-1.75, 1.75)


class Tried(NamedTuple):
    """A mark of a type: the values that questions give an argument of it.

    usual: in most questions. others: in further questions, which catch this mistake, by default a wrong power. plain:
    the value at which all powers agree. near: values near the ends of its range, where programs hold it back.
    """

    usual: Any
    others: tuple = ()
    catches: str = ""
    plain: float = 1.0
    near: tuple = ()


class Built(NamedTuple):
    """A mark of a type whose values questions hold as data: a kind and its parameters, or a name.

    by: the method of an implementation that builds them. kinds: of data to ask with, the usual one first.
    """

    by: str
    kinds: tuple[str, ...] = ()


NORMAL, NORMAL_OR_SIGNS, WHOLE_NUMBERS = Drawn(("unit normal",)), Drawn(("unit normal", "signs of")), Drawn(("whole",))
INSIDE = Drawn((), (1 / 64, 63 / 64))
AT_TIME = Drawn(("uniform",), (0.125, 0.75))
A_LEVEL = Tried(None, (0.25, 1.0, 4.0, 1.0))
TO_THE_END = Tried(None, (1.0, 1.0), "what is right before the end only", near=(1 / 64, 63 / 64))
FROM_0 = Tried(None, (0.0, 0.0), "what is right from some time on, and not from 0")
ANY_U = Tried(None, INSIDE.ends, "u at the ends of its range")
WITH_ENERGY = ("mlp_energy", "mixture", "quadratic")
ENERGY, SCORE = Built("energy", WITH_ENERGY), Built("score", ("mlp_score", *WITH_ENERGY))
AT_LEVELS = Built("score", ("noise_conditional", "smoothed_mixture"))
AT_TIMES = Built("score", ("noise_conditional", "diffused_mixture"))  # called with a time of an SDE, or a step
PROCESSES = Built("sde", ("VariancePreserving", "SubVariancePreserving", "VarianceExploding"))
EACH_SDE = Tried(None, tuple(one for one in PROCESSES.kinds for _ in range(2)), "what is right for one SDE only")
Anchor = Annotated[np.ndarray, ByRow(gives=True)]
OfRows, OfGrids = Annotated[np.ndarray, ByRow()], Annotated[tuple[np.ndarray, ...], ByRow()]
OfTimes, OfSteps = Annotated[float | np.ndarray, ByRow()], Annotated[int | np.ndarray, ByRow()]

Points = Annotated[Anchor, points, "(n, d), rows are points"]
NoisyPoints = Annotated[Anchor, points, "(n, d), points to which noise was added"]
PositivePoints = Annotated[Anchor, positive_points, "(n, d), greater than 0"]
Bits = Annotated[Anchor, bits, "(n, d), zeros and ones"]
UnitMeans = Annotated[Anchor, fractions, "(n, d), from 0 to 1: binary units, or their means", INSIDE]
HiddenMeans = Annotated[Anchor, fractions, "(n, m), from 0 to 1: hidden units, or their means", INSIDE]
Images = Annotated[Anchor, images, "(n, S^2), images of S x S pixels, S a power of 2"]
GridImages = Annotated[OfGrids, images_of_grids, "a tuple of (n, s^2), images of each grid, from coarse to fine"]
GridNoise = Annotated[OfGrids, noise_of_grids, "a tuple of (T, n, s^2), unit normal, for T steps on each grid", NORMAL]
States = Annotated[Anchor, states, "(n, d), the states of n chains; a row that is lost is NaN"]
Generated = Annotated[OfRows, like_x, "(n, d), generated points"]
Pathwise = Annotated[OfRows, like_x, "(n, d), generated points; gradients flow through them to their parameters"]
ModelPoints = Annotated[OfRows, like_x, "(n, d), points drawn from the model"]
NoisePoints = Annotated[OfRows, noise_points, "(nu, n, d), nu noise points for each row of x"]
Noise = Annotated[OfRows, like_x, "(n, d), unit normal", NORMAL]
LevelNoise = Annotated[OfRows, tape_of_levels, "(L, T, n, d), unit normal, for T steps at each level", NORMAL]
CorrectionNoise = Annotated[OfRows, tape_of_corrections, "(K, 1 + M, n, d), unit normal, for M corrections", NORMAL]
Uniform = Annotated[OfRows, uniform, "(n,), in (0, 1)", Drawn(("uniform",), INSIDE.ends), ANY_U]
Direction = Annotated[OfRows, like_x, "(n, d), one direction for each row", NORMAL_OR_SIGNS]
Projections = Annotated[OfRows, projections, "(n, d) or (m, n, d), with E[v v^T] = I", NORMAL_OR_SIGNS]
Trajectory = Annotated[Anchor, trajectory, "(T, n, d), T states of n chains"]
Tape = Annotated[Any, tape_of_steps, "an array, or a tuple of them, whose first axis is time; in the code a list"]

Level = Annotated[float, positive, "a noise level, a float > 0", A_LEVEL]
Levels = Annotated[OfTimes, level, "noise levels > 0, a float or (n,); in the code a column (n, 1)", A_LEVEL]
DecreasingLevels = Annotated[
    np.ndarray, decreasing_levels, "noise levels (L,), from large to small", Tried((1.5, 0.75, 0.5))
]
Time = Annotated[float, time, "a time in [0, 1]", TO_THE_END]
FreeTimes = Annotated[OfTimes, times, "times in [0, 1], a float or (n,)", TO_THE_END]
StartTimes = Annotated[OfTimes, times, "times in [0, 1] that are not after t, a float or (n,)", FROM_0]
Times = Annotated[OfTimes, times_of, "times in [0, 1], a float or (n,); in the code (n,)", AT_TIME, TO_THE_END]
FROM_END_TO_START = Tried((0.75, 0.5, 0.3125), near=((63 / 64, 0.5, 1 / 64),))
DecreasingTimes = Annotated[
    np.ndarray,
    decreasing_times,
    "times (K + 1,) in [0, 1], from late to early",
    Tried((0.75, 0.5, 0.3125), near=((63 / 64, 0.5, 1 / 64),)),
]
Betas = Annotated[
    np.ndarray, step_variances, "variances of the steps of a diffusion, (N,), in (0, 1)", Drawn((), (0.125, 0.5))
]
Indices = Annotated[OfSteps, indices_of, "steps of a diffusion, an int or (n,); in the code (n,)", WHOLE_NUMBERS]
FreeIndices = Annotated[OfSteps, free_indices, "steps of a diffusion, an int or (n,)"]
Temperatures = Annotated[
    np.ndarray, inverse_temperatures, "inverse temperatures (K + 1,), from 0 to 1", Tried((0.0, 0.25, 0.625, 1.0))
]

LogWeights = Annotated[np.ndarray, log_weights, "(n,), the log weights of n >= 2 chains"]
Real = Annotated[float, number, "a float"]
Positive = Annotated[float, positive, "a float > 0"]
NonNegative = Annotated[float, nonnegative, "a float >= 0"]
RelativeTolerance = Annotated[float, relative_tolerance, "a relative error, a float >= 2.3e-14"]
Deviation = Annotated[float, squarable, "a float > 0, whose square neither overflows nor underflows"]
Bandwidth = Annotated[float, positive, "a bandwidth, a float > 0", Tried(1.25, (0.5, 1.0, 2.0, 1.0))]
StepSize = Annotated[float, positive, "a step size, a float > 0", Tried(0.25, (0.5, 1.0, 1.0, 0.125))]
ETA = Tried(0.3125, (0.125, 0.5, 1.0, 0.5), plain=0.5)  # where sqrt(2 eta) is 1
LangevinStep = Annotated[float, positive, "a step size whose noise is sqrt(2 eta), a float > 0", ETA]
TimeStep = Annotated[float, positive, "a step in time, a float > 0", Tried(0.1875, (0.5, 1.0, 0.0625, 1.0))]
ProposalScale = Annotated[float, positive, "the scale of a proposal, a float > 0", Tried(0.75, (0.25, 1.0, 2.0, 1.0))]
StepSizes = Annotated[float | np.ndarray, positives, "step sizes > 0, a float or (K,)", ETA]
Weight = Annotated[float, weight_inside, "a float in (0, 1)"]
Fraction = Annotated[float, fraction, "a float in [0, 1]", ETA]
Count = Annotated[int, count, "a whole number >= 1", Tried(3)]
CountOrNone = Annotated[int, count_or_none, "a whole number >= 0", Tried(2)]
Size = Annotated[int, axis_length, "the length of an axis, >= 1"]
RowCount = Annotated[int, axis_length, "a number of rows, >= 1"]
Coordinates = Annotated[int, axis_length, "a number of coordinates, >= 1"]
A_STEP_MORE = Tried(3, (1, 5), "a step too many, or too few")
BatchSize = Annotated[int, batch_of, "a number of rows of x, from 1 to n"]
Length = Annotated[int, length, "a number of steps >= 1, each of which has a number in an array", A_STEP_MORE]
StepCount = Annotated[int, steps, "a number of steps >= 1", A_STEP_MORE]
Order = Annotated[int, order_of_derivative, "the order of a derivative, 1 to 8", Tried(2)]
Flag = Annotated[bool, flag, "True or False", Tried(True)]
Rng = Annotated[numpy.random.Generator, generator, "a numpy.random.Generator"]

Energy = Annotated[Function, energy, "(n, d) -> (n,), E of the unnormalised density exp(-E)", ENERGY]
Energies = Annotated[
    EachGrid, energies, "a tuple of (n, s^2) -> (n,), an energy for each grid", Built("energies", WITH_ENERGY)
]
Scores = Annotated[
    EachGrid, scores, "a tuple of (n, s^2) -> (n, s^2), a score for each grid", Built("scores", WITH_ENERGY)
]
Statistic = Annotated[Function, energy, "(n, d) -> (n,), whose mean is wanted", ENERGY]
LogDensity = Annotated[Function, energy, "(n, d) -> (n,), a log-density", ENERGY]
Logit = Annotated[Function, energy, "(n, d) -> (n,), the log-odds of data", ENERGY]
Logits = Annotated[Function, logits, "(n, d) -> (n, k), the logits of k classes", SCORE]
Field = Annotated[Function, field, "(n, d) -> (n, d), a vector field", SCORE]
DataScore = Annotated[Function, field, "(n, d) -> (n, d), the score of the data's density", Built("score")]
LevelField = Annotated[OfTwo, field, "(n, d), (n,) -> (n, d), a field at noise levels", AT_LEVELS]
TimeField = Annotated[OfTwo, field, "(n, d), (n,) -> (n, d), a field at times, or at steps", AT_TIMES]
TimeWeight = Annotated[
    Function, energy, "(n,) -> (n,), a weight at times, or at levels", ByRow(), Built("weight"), Drawn((), (0.375, 1.5))
]
Sampler = Annotated[
    Callable[[Any, np.ndarray], np.ndarray],
    sampler,
    "(phi, z) -> (n, d), z unit normal, phi its parameters",
    Built("sampler"),
    Tried("affine"),
]
Transition = Annotated[Callable, transition, "(n, d), noise -> Step, a kernel"]
CoupledTransition = Annotated[Callable, coupled_transition, "two (n, d), noise -> two Steps, a kernel of pairs"]
EnergyTransition = Annotated[Callable, transition, "an energy, (n, d), noise -> Step, a kernel"]
EnergyOf = Annotated[Callable, of_parameters(energy), "(parameters, (n, d)) -> (n,), an energy"]
LogDensityOf = Annotated[Callable, of_parameters(energy), "(parameters, (n, d)) -> (n,), a log-density"]
FieldOf = Annotated[Callable, of_parameters(field), "(parameters, (n, d)) -> (n, d), a score"]
LevelFieldOf = Annotated[
    Callable, of_parameters(field), "(parameters, (n, d), (n,)) -> (n, d), a score at noise levels"
]
TimeFieldOf = Annotated[Callable, of_parameters(field), "(parameters, (n, d), (n,)) -> (n, d), a field at times"]
KernelOf = Annotated[Callable, of_parameters(transition), "(parameters, (n, d), noise) -> Step, a kernel"]
Watch = Annotated[Callable[[Any, int], Any], watch, "called with the parameters and i, before step i"]
Parameters = Annotated[Any, nested, "arrays, nested in dicts, tuples and lists"]
Trained = Annotated[Any, trained, "arrays, nested in dicts, tuples and lists, with at least one number"]
Sde = Annotated[Any, sde_like, "one of refebm.sdes, or an object with a drift and a diffusion", PROCESSES, EACH_SDE]
Density = Annotated[Any, density_like, "a density with log_prob"]
NoiseLaw = Annotated[Any, noise_law, "a density with log_prob(x) and sample(rng, n)"]
Rbm = Annotated[Any, rbm_like, "a restricted Boltzmann machine", Built("rbm", ("binary_rbm", "gaussian_rbm"))]
BinaryRbm = Annotated[
    Any, binary_rbm_like, "a restricted Boltzmann machine of binary units", Built("rbm", ("binary_rbm",))
]

LogRatios = Annotated[np.ndarray, None, "(nu, n), one for each noise point of each row", ByRow(-1)]
Covariance = Annotated[np.ndarray, None, "(k, k), symmetric positive definite"]
Rows = Annotated[np.ndarray, None, "(n,), one value per row"]
Loss = Annotated[np.ndarray, None, "(n,), one value per row, whose mean is the objective"]
ForItsGradient = Annotated[np.ndarray, None, "(n,), one value per row; its gradient in the last argument is meant"]
Vectors = Annotated[np.ndarray, None, "(n, d), one vector per row"]
HiddenUnits = Annotated[np.ndarray, None, "(n, m), one for each hidden unit per row"]
OtherImages = Annotated[np.ndarray, None, "(n, 4^k), one image per row"]
Classes = Annotated[np.ndarray, None, "(n, k), one number for each class per row"]
Matrices = Annotated[np.ndarray, None, "(n, d, d), one matrix per row"]


class Named(NamedTuple):
    """A type under the name that a signature in the source has for it, for help(); all else is the type's."""

    kind: Any
    name: str

    def __getattr__(self, attribute: str):
        return getattr(self.kind, attribute)

    def __repr__(self) -> str:
        return self.name


NAMES: dict[int, str] = {}  # of types, by their identity


def name_of(annotation, known: dict) -> str:
    """What a module, whose names are known, calls a type, an optional one or a pair."""
    if get_origin(annotation) in (Union, UnionType):
        return " | ".join(name_of(one, known) for one in get_args(annotation))
    if get_origin(annotation) is tuple:
        return f"tuple[{', '.join(name_of(one, known) for one in get_args(annotation))}]"
    if id(annotation) not in NAMES:
        other = "..." if annotation is ... else inspect.formatannotation(annotation).replace("NoneType", "None")
        NAMES[id(annotation)] = next((name for name, one in known.items() if one is annotation), other)
    return NAMES[id(annotation)]


def signature_of(function: Callable) -> inspect.Signature:
    """The signature of a function, which help() prints as it stands in the source."""

    def named(annotation):
        if annotation is inspect.Parameter.empty:
            return annotation
        return Named(annotation, name_of(annotation, inspect.unwrap(function).__globals__))

    found = inspect.signature(function)
    given = [one.replace(annotation=named(one.annotation)) for one in found.parameters.values()]
    return found.replace(parameters=given, return_annotation=named(found.return_annotation))


def types_of(function: Callable) -> dict[str, Any]:
    """The types of the parameters of a function or a class, by name, and of its result as "return"."""
    signature = inspect.signature(function)
    kinds = {name: one.annotation for name, one in signature.parameters.items()}
    kinds["return"] = signature.return_annotation
    return {name: one.kind if isinstance(one, Named) else one for name, one in kinds.items()}


def told(annotation) -> tuple:
    """The check, the words and the marks of a type of this glossary, or of an optional one (type | None); else ()."""
    if own := getattr(annotation, "__metadata__", ()):
        return own
    return next((one.__metadata__ for one in getattr(annotation, "__args__", ()) if hasattr(one, "__metadata__")), ())


def check_of(annotation) -> Callable | None:
    """The check of a type of this glossary; None for any other annotation."""
    return next(filter(callable, told(annotation)), None)


def words_of(annotation) -> str:
    """What a type of this glossary is, in words; "" for any other annotation."""
    return next((one for one in told(annotation) if isinstance(one, str)), "")


def mark_of(annotation, kind: type):
    """The mark of this kind that a type has, such as its `ByRow`, or None."""
    return next((one for one in told(annotation) if isinstance(one, kind)), None)


def gives_rows(annotation) -> bool:
    """Whether the first argument of this type is x, whose n and d the others must have."""
    return bool((mark := mark_of(annotation, ByRow)) and mark.gives)


def checks_of(function: Callable) -> dict[str, Callable]:
    """The checks of those parameters of a function whose types have one, by name."""
    kinds = getattr(function, "__annotations__", {})
    return {name: check for name, kind in kinds.items() if name != "return" and (check := check_of(kind))}


class Plan(NamedTuple):
    """How the arguments of a function are checked.

    order: (name, check), the anchor first, whose rows the others must have. names: the positional
    parameters, of which `least` have no default. defaults: of all parameters.
    """

    signature: inspect.Signature
    order: list[tuple[str, Callable]]
    anchor: str | None
    names: tuple[str, ...]
    least: int
    defaults: dict[str, Any]


PLANS: dict[CodeType, Plan] = {}  # for inner functions, which are created at each call, always with the same types


def plan_of(function: Callable) -> Plan:
    """The plan of a function, from its annotations; for an inner function only the first time."""
    code = getattr(function, "__code__", None)
    if code in PLANS:
        return PLANS[code]
    text = inspect.unwrap(function)
    last = text.__code__.co_argcount
    given, own = text.__code__.co_varnames[: last + text.__code__.co_kwonlyargcount], text.__defaults__ or ()
    anchor = next((name for name in given if gives_rows(text.__annotations__.get(name))), None)
    order = sorted(checks_of(text).items(), key=lambda pair: pair[0] != anchor)
    defaults = dict.fromkeys(given, inspect.Parameter.empty) | dict(zip(given[last - len(own) :], own))
    defaults |= text.__kwdefaults__ or {}
    plan = Plan(signature_of(function), order, anchor, given[:last], last - len(own), defaults)
    if code and "<locals>" in function.__qualname__ and not function.__defaults__:
        PLANS[code] = plan
    return plan


def rows(function: Callable) -> Callable:
    """Check the arguments of `function` by their types, except those that are the default."""
    signature, order, anchor, names, least, defaults = plan_of(function)
    owned = "self" in defaults

    @functools.wraps(function)
    def checked(*args, **kwargs):
        bound = None if not kwargs and least <= len(args) <= len(names) else signature.bind(*args, **kwargs)
        given = bound.arguments if bound else dict(zip(names, args))
        x = points_of(given["self"], anchor, given[anchor]) if owned and anchor else None
        for name, check in order:
            if name in given and given[name] is not defaults[name]:
                given[name] = check(name, given[name], x)
                x = given[name] if name == anchor else x
        with numpy.errstate(invalid="ignore"):  # no warning for NaN that a callable returned
            return function(*bound.args, **bound.kwargs) if bound else function(*given.values())

    checked.__signature__ = signature
    if function.__doc__ and order and "<locals>" not in function.__qualname__:
        of_owner = {anchor: ("E-SHAPE",)} if owned else {}
        codes = [(name, codes_of(check) + of_owner.get(name, ())) for name, check in order]
        checked.__doc__ = with_errors(function.__doc__, codes)
    return checked
