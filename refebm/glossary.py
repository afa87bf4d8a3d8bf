"""The types of arguments: what each is in words, its check, and what a body then sees; and the errors.

    def noise_conditional_score_matching(score: LevelField, x: Points, sigma: Levels, z: Noise) -> Loss:

A type is a `typing.Annotated`: for a static checker an array, a callable or a number, and beside that its check and its
shape in words. ``@rows`` reads the types of a signature and hands the body clean values: float64 rows, a noise level as
a column ``(n, 1)`` so that formulas read as printed, callables whose results are measured against the rows that they
were given, which get copies, and whose results are copied, so that they may write into either, and which are asked at
finite rows alone: of a row that is lost what they say is NaN. Every error names the argument, what was wanted and what
came, in a few numbers, and starts with a stable code.
"""

import functools
import inspect
import math
from collections.abc import Callable
from reprlib import Repr
from types import CodeType, SimpleNamespace
from typing import Annotated, Any, NamedTuple, get_args

import autograd.numpy as np
import numpy
from autograd.tracer import getval, isbox


class InputError(ValueError):
    """A value that no formula of this library can be given; ``code`` is stable."""

    def __init__(self, code: str, message: str):
        super().__init__(code, message)
        self.code = code

    def __str__(self) -> str:
        return ": ".join(self.args)


class InputTypeError(InputError, TypeError):
    """A value of the wrong type; ``code`` is stable."""


class DomainError(InputError):
    """Asked for outside the conditions under which the quantity exists."""


REPR = Repr()
REPR.maxlevel, REPR.maxlist, REPR.maxtuple, REPR.maxother = 2, 4, 4, 60
brief = REPR.repr  # of what came, in a few words and numbers
MOST_STEPS = 10**9  # more are no loop that ends
MOST_NUMBERS = 10**10  # 80 GB
MOST_DERIVATIVES = 8
LEAST = 1.5e-154  # whose square is a number of full precision


def real(name, value):
    """`value` as float64, finite or not, converted where that loses nothing (integers, float32, lists)."""
    if type(value) is numpy.ndarray and value.dtype == np.float64:
        return value
    if isbox(value) and not hasattr(value, "dtype"):
        _refuse_type(name, value, not isinstance(getval(value), (dict, tuple, list)))
        value = 1.0 * value  # a float under differentiation becomes an array of no dimensions
    if getattr(value, "dtype", None) != np.float64 or isinstance(value, numpy.ndarray):
        value = array(name, value)
        _refuse_type(name, value, value.dtype.kind in "iufb")
        with numpy.errstate(over="ignore"):  # of what is wider than float64
            value = value.astype(np.float64, copy=False)
    return value


def array(name, value):
    """`value` as an array of any type, with nothing masked."""
    _refuse_masked(name, value)
    try:
        return numpy.asarray(value)
    except Exception as error:  # whatever an __array__ raises, such as that of a tensor that keeps its gradient
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
    """`value` as finite float64, converted where that loses nothing (integers, float32, lists)."""
    value = real(name, value)
    good = numpy.isfinite(getval(value))
    if not good.all():
        _refuse(name, value, good, "E-FINITE", "finite")
    return value


def _refuse(name, value, good, code, wanted):
    if not numpy.all(good):
        where = tuple(int(i) for i in numpy.argwhere(~good)[0])
        raise InputError(code, f"{name} must be {wanted}, got {_at(value, where)}")


def _at(value, where):
    return f"{float(getval(value)[where])}" + (f" at index {where}" if where else "")


def kept(value):
    """A copy, for a callable that may write into it or keep it; what is traced is as it is."""
    return numpy.array(value) if isinstance(value, numpy.ndarray) else value


def points(name, value, x=None):
    """Rows that are points, (n, d) with n, d >= 1."""
    return _of_rows(name, real_array(name, value))


def states(name, value, x=None):
    """The states of chains, (n, d): points, but for rows that are lost, which are NaN throughout."""
    value = _of_rows(name, real(name, value))
    good = numpy.isfinite(getval(value))
    good = good | ~numpy.any(good, axis=1)[:, None] & numpy.isnan(getval(value))
    _refuse(name, value, good, "E-FINITE", "finite, but for rows that are NaN throughout")
    return value


def _of_rows(name, value):
    if value.ndim != 2:
        hint = "; a 1-D sample is x[:, None]" if value.ndim == 1 else ""
        raise InputError("E-NDIM", f"{name} must be (n, d), rows are points; got shape {value.shape}{hint}")
    if 0 in value.shape:
        raise InputError("E-EMPTY", f"{name} must have at least one row and one column, got shape {value.shape}")
    return value


def points_of(owner, name, value):
    """Points of the d that a density or a model has."""
    value = points(name, value)
    if value.shape[1] != getattr(owner, "d", value.shape[1]):
        kind = getattr(owner, "kind", type(owner).__name__)
        raise InputError("E-SHAPE", f"{name} must be (n, {owner.d}) for this {kind}; got shape {value.shape}")
    return value


def positive_points(name, value, x=None):
    """Points of the positive orthant, whose coordinates have squares."""
    value = points(name, value)
    _refuse(name, value, value > 0, "E-POSITIVE", "greater than 0 everywhere")
    _see_square(name, value, LEAST)
    return value


def bits(name, value, x=None):
    """Points of {0, 1}^d."""
    value = points(name, value)
    _refuse(name, value, (value == 0) | (value == 1), "E-BINARY", "0 or 1 everywhere")
    return value


def fractions(name, value, x=None):
    """Points of [0, 1]^d: binary units, or their means."""
    value = points(name, value)
    _refuse(name, value, (value >= 0) & (value <= 1), "E-FRACTION", "from 0 to 1 everywhere")
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
    """An image of each grid for each row, a tuple of (n, s^2), from coarse to fine, the last as large as x."""
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


def like_x(name, value, x):
    """An array of the shape of x."""
    value = real_array(name, value)
    if value.shape != x.shape:
        raise InputError("E-SHAPE", f"{name} must have the shape of x, {x.shape}; got {value.shape}")
    return value


def projections(name, value, x):
    """Directions: (n, d) like x, or (m, n, d) for m of them at each row."""
    value = real_array(name, value)
    if value.shape != x.shape and (value.ndim != 3 or value.shape[1:] != x.shape or not len(value)):
        raise InputError("E-SHAPE", f"{name} must be (n, d) = {x.shape} or (m, n, d); got shape {value.shape}")
    return value


def noise_points(name, value, x):
    """Noise, (nu, n, d): nu >= 1 points for each row of x."""
    value = real_array(name, value)
    if value.shape[1:] != x.shape or not len(value):
        raise InputError(
            "E-SHAPE", f"{name} must be (nu, n, d) with (n, d) of x = {x.shape} and nu >= 1; got shape {value.shape}"
        )
    return value


def supported(name, values):
    """Log-densities at the data, (n,), which must be finite there."""
    finite = np.isfinite(values)
    if not np.all(finite):
        i = int(numpy.argmin(finite))
        raise InputError(
            "E-SUPPORT",
            f"{name} must be finite at the data, got {float(getval(values)[i])} at row {i} of x: noise must reach "
            "wherever there are data",
        )
    return values


def weight_inside(name, value, x=None):
    """A float strictly between 0 and 1."""
    value = number(name, value)
    _refuse(name, value, (value > 0) & (value < 1), "E-WEIGHTS", "greater than 0 and less than 1")
    return value


def fraction(name, value, x=None):
    """A float from 0 to 1."""
    value = number(name, value)
    _refuse(name, value, (value >= 0) & (value <= 1), "E-FRACTION", "from 0 to 1")
    return value


def level(name, value, x):
    """A positive float, or one per row (n,), each with a square; the body sees a column (n, 1)."""
    value = real_array(name, value)
    if value.shape not in ((), (len(x),)):
        raise InputError("E-SHAPE", f"{name} must be a float or (n,) = ({len(x)},); got shape {value.shape}")
    _refuse(name, value, value > 0, "E-POSITIVE", "greater than 0")
    _see_square(name, value, LEAST)
    return np.ones((len(x), 1)) * np.reshape(value, (-1, 1))


def positive(name, value, x=None):
    """A positive float."""
    value = number(name, value)
    _refuse(name, value, value > 0, "E-POSITIVE", "greater than 0")
    return value


def nonnegative(name, value, x=None):
    """A float that is not negative."""
    value = number(name, value)
    _refuse(name, value, value >= 0, "E-POSITIVE", "at least 0")
    return value


def squarable(name, value, x=None, *, least=LEAST):
    """A positive float whose square is one too; with `least` 0 its square may underflow."""
    value = positive(name, value)
    _see_square(name, value, least)
    return value


def _see_square(name, value, least):
    _refuse(name, value, (value >= least) & (value <= 1e154), "E-SCALE", f"from {least:g} to 1e154, to have a square")


def positives(name, value, x=None):
    """A positive float, or several."""
    value = real_array(name, value)
    _refuse(name, value, value > 0, "E-POSITIVE", "greater than 0")
    return value


def number(name, value, x=None):
    """A finite float."""
    value = real_array(name, value)
    if value.ndim:
        raise InputError("E-SHAPE", f"{name} must be a float; got shape {value.shape}")
    return value


def uniform(name, value, x):
    """One number of (0, 1) for each row, (n,)."""
    return uniforms(name, value, (len(x),))


def of_shape(name, value, shape):
    """Real numbers, of exactly this shape."""
    value = real_array(name, value)
    if value.shape != shape:
        raise InputError("E-SHAPE", f"{name} must have shape {shape}; got {value.shape}")
    return value


def uniforms(name, value, shape):
    """Numbers of (0, 1), of this shape."""
    value = of_shape(name, value, shape)
    _refuse(name, value, (value > 0) & (value < 1), "E-UNIFORM", "greater than 0 and less than 1")
    return value


def decreasing_levels(name, value, x=None):
    """Noise levels, (L,), positive and each below the last."""
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
    """Chains, (T, n, d) with T >= 4, in each of which each coordinate moves."""
    value = real_array(name, value)
    if value.ndim != 3:
        raise InputError("E-NDIM", f"{name} must be (T, n, d), T states of n chains; got shape {value.shape}")
    if 0 in value.shape or len(value) < 4:
        raise InputError("E-EMPTY", f"{name} must have at least four states of one chain, got shape {value.shape}")
    still = np.all(value == value[0], axis=0)
    if np.any(still):
        chain, coordinate = numpy.argwhere(still)[0]
        raise DomainError("E-CONSTANT", f"coordinate {coordinate} of {name} never moves in chain {chain}")
    return value


def inverse_temperatures(name, value, x=None):
    """0 = beta_0 < ... < beta_K = 1, (K + 1,)."""
    value = vector(name, value)
    if value[0] != 0 or value[-1] != 1 or np.any(np.diff(value) <= 0):
        raise InputError(
            "E-TEMPERATURES", f"{name} must go from 0 to 1 without a step back, got {brief(value.tolist())}"
        )
    return value


def tape_of_steps(name, value, x=None):
    """The noise of a chain: an array, or a tuple of them, whose first axis is time. Integers stay what they are."""
    parts = [array(name, part) for part in (value if isinstance(value, tuple) else (value,))]
    lengths = {len(part) if part.size and part.ndim else 0 for part in parts}
    if len(lengths) != 1 or lengths == {0}:
        came = brief(sorted(lengths))
        raise InputError("E-TAPE", f"the arrays of a tape must have one length, at least 1; got {came}")
    for part in parts:
        _refuse_type(name, part, part.dtype.kind in "iufb")
        if not np.isfinite(np.min(part)) or not np.isfinite(np.max(part)):  # in no more memory than the tape's
            _refuse(name, part, np.isfinite(part), "E-FINITE", "finite")
    return parts


def trajectory(name, value, x=None):
    """Chains over time, (T, n, d); of as many rows as there are points, where there are any."""
    value = real_array(name, value)
    if value.ndim != 3 or 0 in value.shape:
        raise InputError("E-SHAPE", f"{name} must be (T, n, d), T states of n chains; got shape {value.shape}")
    if x is not None and value.shape[1:] != x.shape[-2:]:
        raise InputError(
            "E-SHAPE", f"{name} must be (T, n, d) with (n, d) of x = {x.shape[-2:]}; got shape {value.shape}"
        )
    return value


def tape_of_levels(name, value, x):
    """Noise for T >= 1 steps at each of L levels, (L, T, n, d)."""
    value = real_array(name, value)
    if value.shape[2:] != x.shape or not value.shape[1]:
        raise InputError(
            "E-TAPE", f"{name} must be (L, T, n, d) with (n, d) of x = {x.shape}, T >= 1; got {value.shape}"
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
        raise InputError("E-TIME", "s must not be after t, anywhere: noise is added forward in time")
    return s, t


def times_of(name, value, x):
    """The time of each row, (n,), from one for all or one each."""
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


def tape_of_corrections(name, value, x):
    """Noise for one step and M >= 0 corrections at each of K times, (K, 1 + M, n, d)."""
    value = real_array(name, value)
    if value.shape[2:] != x.shape or not value.shape[1]:
        raise InputError("E-TAPE", f"{name} must be (K, 1 + M, n, d) with (n, d) of x = {x.shape}; got {value.shape}")
    return value


def sde_like(name, value, x=None):
    """What has a drift and a diffusion, whose answers are measured."""
    _refuse_without(name, value, ("drift", "diffusion"), "E-SDE", "refebm.sdes")
    return value if isinstance(value, MeasuredSDE) else MeasuredSDE(name, value)


def density_like(name, value, x=None):
    """What has a log-density, which is all that a body sees, and is measured."""
    _refuse_without(name, value, ("log_prob",), "E-DENSITY", "refebm.truth.densities")
    return SimpleNamespace(log_prob=energy(f"{name}.log_prob", value.log_prob))


def rbm_like(name, value, x=None):
    """What draws each of its two layers given the other."""
    _refuse_without(name, value, ("hidden_given", "visible_given"), "E-RBM", "BinaryRBM")
    return value


def noise_law(name, value, x=None):
    """What has a log-density, and draws from it."""
    _refuse_without(name, value, ("log_prob", "sample"), "E-DENSITY", "refebm.truth.densities")
    return value


def binary_rbm_like(name, value, x=None):
    """What has the means of each of its two layers, of binary units, given the other, and the energy of both."""
    _refuse_without(name, value, ("energy", "hidden_mean", "visible_mean"), "E-RBM", "BinaryRBM")
    if hasattr(value, "sigma"):
        raise InputTypeError("E-RBM", f"{name} must have binary units in both layers; got {type(value).__name__}")
    return value


def _refuse_without(name, value, methods, code, example):
    lacks = [method for method in methods if not callable(getattr(value, method, None))]
    if lacks or isinstance(value, type):
        wanted = f"have the methods {lacks}" if lacks else "be an instance, not the class"
        raise InputTypeError(code, f"{name} must {wanted}, as in {example}; got {brief(value)}")


class MeasuredSDE:
    """An SDE whose drift is of the shape of x, and whose diffusion, scale and std are of the shape of t."""

    def __init__(self, name, sde):
        self.name, self.sde = name, sde
        self.drift = field(f"{name}.drift", sde.drift)
        self.diffusion = of_time(f"{name}.diffusion", sde.diffusion)

    def __getattr__(self, method):
        if not hasattr(self.sde, method):
            raise InputTypeError("E-SDE", f"{self.name} must have the method {method}, as in refebm.sdes")
        return getattr(self.sde, method)

    def marginal(self, t):
        """Scale and std."""
        scale, std = self.__getattr__("marginal")(kept(t))
        return tuple(of_time(f"{self.name}.marginal", lambda _, part=part: part)(t) for part in (scale, std))


def step_variances(name, value, x=None):
    """Variances of the steps of a diffusion, (N,), each in (0, 1)."""
    value = vector(name, value)
    _refuse(name, value, (value > 0) & (value < 1), "E-BETAS", "greater than 0 and less than 1")
    return value


def indices_of(name, value, x):
    """The step of each row, (n,), from one for all or one each."""
    value = array(name, value)
    if value.dtype.kind not in "iu" or value.shape not in ((), (len(x),)):
        raise InputTypeError(
            "E-INDEX", f"{name} must be an int or (n,) = ({len(x)},) of them; got {value.dtype} of shape {value.shape}"
        )
    return value.astype(int) + numpy.zeros(len(x), int)


def free_indices(name, value, x=None):
    """Steps of a diffusion: an int, or (n,)."""
    value = array(name, value)
    if value.dtype.kind not in "iu" or value.ndim > 1 or 0 in value.shape:
        raise InputTypeError(
            "E-INDEX", f"{name} must be an int or (n,) of them, n >= 1; got {value.dtype} of shape {value.shape}"
        )
    return value.astype(int)


def within(name, value, n):
    """Indices of 0, ..., n - 1."""
    _refuse(name, value, (value >= 0) & (value < n), "E-INDEX", f"from 0 to {n - 1}")
    return value


def count(name, value, x=None):
    """A whole number that counts something."""
    return _counted(name, value)


def count_or_none(name, value, x=None):
    """A whole number that counts what need not be there."""
    return _counted(name, value, 0, MOST_NUMBERS, "E-SIZE")


def order_of_derivative(name, value, x=None):
    """How often is differentiated, which takes a time that grows by a factor each time."""
    return _counted(name, value, most=MOST_DERIVATIVES)


def size(name, value, x=None):
    """The length of one axis of an array."""
    return _counted(name, value, most=MOST_NUMBERS, code="E-SIZE")


def steps(name, value, x=None):
    """A number of steps, which a loop can do."""
    return _counted(name, value, most=MOST_STEPS)


def _counted(name, value, least=1, most=math.inf, code="E-COUNT"):
    if isinstance(value, bool) or not isinstance(value, (int, numpy.integer)):
        raise InputTypeError("E-COUNT", f"{name} must be a whole number, got {type(value).__name__} {brief(value)}")
    if value < least:
        raise InputError("E-COUNT", f"{name} must be at least {least}, got {brief(int(value))}")
    if value > most:
        raise InputError(code, f"{name} must be at most {most:g}, got {brief(int(value))}")
    return int(value)


def memory(*sizes):
    """Sizes of an array that can be had, unless another has the memory."""
    try:
        numpy.empty(sizes)  # asks for the memory, and does not touch it
        fits = math.prod(sizes) <= MOST_NUMBERS
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
    """A callable of rows that returns rows of the same shape: a score, a denoiser, any vector field."""
    return _measured(name, function, lambda shape: shape, "(n, d)")


def transition(name, function, x=None):
    """A callable of states (n, d) and noise, after an energy or none, that returns a `Step`: states of the same shape,
    and what happened."""
    see_callable(name, function)

    def stepped(*given):
        x = next(one for one in given if not callable(one))
        step = asked(f"{name}(x, ...)", function, *map(kept, given))
        told = isinstance(step, tuple) and len(step) == 2 and hasattr(step[1], "invalid")
        after = real(f"{name}(x, ...)", step[0]) if told else None
        if np.shape(after) != np.shape(x):
            came = np.shape(after) if told else type(step).__name__
            raise InputError("E-CALLABLE", f"{name}(x, ...) must return Step(x, info), x {np.shape(x)}; got {came}")
        if np.shape(step[1].invalid) != np.shape(x)[:1]:
            raise InputError("E-CALLABLE", f"{name}(x, ...) must say of each row whether it is invalid")
        return kept(after), step[1]

    return stepped


def coupled_transition(name, function, x=None):
    """A callable of two states (n, d) and noise that returns a `Step` for each."""
    see_callable(name, function)

    def stepped(x, y, *noise):
        pair = asked(f"{name}(x, y, ...)", function, kept(x), kept(y), *map(kept, noise))
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or hasattr(pair, "info"):
            raise InputError("E-CALLABLE", f"{name}(x, y, ...) must return two Steps; got {type(pair).__name__}")
        return [Stepped(*transition(name, lambda x, step=step: step)(x)) for step in pair]

    return stepped


class Stepped(NamedTuple):
    """A state and what happened, as of a `Step`."""

    x: np.ndarray
    info: NamedTuple


def energy(name, function, x=None):
    """A callable of rows that returns one number per row."""
    return _measured(name, function, lambda shape: shape[:1], "(n,)")


def energies(name, value, x=None):
    """An energy for each grid."""
    return tuple(energy(f"{name}[{i}]", function) for i, function in enumerate(_parts(name, value)))


def scores(name, value, x=None):
    """A score for each grid."""
    return tuple(field(f"{name}[{i}]", function) for i, function in enumerate(_parts(name, value)))


def logits(name, function, x=None):
    """A callable of rows that returns a number for each of k classes, (n, k)."""
    see_callable(name, function)
    called = f"{name}(x)"

    def of_classes(x):
        result = _of_reals(called, asked(called, function, kept(x)))
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
    """A callable of parameters and noise (n, k) that returns rows, one for each row of noise."""
    see_callable(name, function)

    def made(phi, eps):
        eps = kept(eps)
        eps.flags.writeable = False  # the gradient goes by what is in it when all is computed
        z = asked(f"{name}(phi, eps)", function, nested("phi", phi), eps)
        if isbox(phi) and not isbox(z):
            raise InputError("E-CALLABLE", f"{name}(phi, eps) must depend on phi, by autograd.numpy")
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
    """A callable of parameters first: a body sees function(parameters), which is what the check says."""

    def curried(name, function, x=None):
        see_callable(name, function)
        called = f"{name}(parameters, x)"

        def at(parameters):
            return check(name, lambda *given: asked(called, function, read_only(parameters), *given))

        return at

    return curried


def read_only(parameters):
    """The same, into which no callable can write: the gradient goes by what is in them when all is computed."""
    if isinstance(parameters, dict):
        return {key: read_only(part) for key, part in parameters.items()}
    if isinstance(parameters, (tuple, list)):
        return type(parameters)([read_only(part) for part in parameters])
    if not isinstance(parameters, numpy.ndarray):
        return parameters
    view = parameters.view()
    view.flags.writeable = False
    return view


def watch(name, function, x=None):
    """What is called to look, and not for what it returns."""
    see_callable(name, function)
    return function


def nested(name, value, x=None):
    """Parameters: an array, or arrays nested in dicts, tuples and lists, copied; as they are where they are traced."""
    if isbox(value):
        return value
    if isinstance(value, dict):
        return {key: nested(f"{name}[{key!r}]", part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)([nested(f"{name}[{i}]", part) for i, part in enumerate(value)])
    return kept(real_array(name, value))


def parameters_of(name, value):
    """Parameters of a model: numbers in dicts, tuples and lists, as float64; words, and what is traced, as they are."""
    if isbox(value) or isinstance(value, str) or value is None:
        return value
    if isinstance(value, dict):
        return {key: parameters_of(f"{name}[{key!r}]", part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)([parameters_of(f"{name}[{i}]", part) for i, part in enumerate(value)])
    return real(name, value)[()]


def convex(name, value, x=None):
    """A convex Psi by two functions of log u: its derivative, which increases, and its conjugate Psi'(u) u - Psi(u)."""
    if getattr(value, "_fields", ()) != ("derivative", "conjugate"):
        raise InputTypeError("E-GENERATOR", f"{name} must be a Generator, got {type(value).__name__}")
    log_u = numpy.linspace(-8.0, 8.0, 33)
    slopes, conjugates = (_of_log_u(f"{name}.{part}", getattr(value, part), log_u) for part in value._fields)
    rises, gains = numpy.diff(slopes), numpy.diff(conjugates)
    if not numpy.all(rises > 0):
        raise InputError("E-GENERATOR", f"{name}.derivative must increase: Psi must be convex")
    least, most = rises * numpy.exp(log_u[:-1]), rises * numpy.exp(log_u[1:])  # the conjugate's slope is u Psi''
    if not numpy.all(((1 - 1e-9) * least <= gains) & (gains <= (1 + 1e-9) * most)):
        raise InputError("E-GENERATOR", f"{name}.conjugate must be Psi'(u) u - Psi(u), as a function of log u too")
    parts = {part: getattr(value, part) for part in value._fields}
    return type(value)(
        *(_measured(f"{name}.{part}", f, lambda s: s, "its shape", "log_u") for part, f in parts.items())
    )


def _of_log_u(name, function, log_u):
    see_callable(name, function)
    with numpy.errstate(all="ignore"):
        values = array(f"{name}(log_u)", asked(f"{name}(log_u)", function, kept(log_u)))
    if values.shape != log_u.shape:
        raise InputError(
            "E-GENERATOR", f"{name}(log_u) must have the shape of log_u, {log_u.shape}; got {values.shape}"
        )
    return values


def see_callable(name, function):
    """What is called must be callable, and no class, whose instances are no numbers."""
    if not callable(function) or isinstance(function, type):
        raise InputTypeError("E-CALLABLE", f"{name} must be callable, got {type(function).__name__}")


def asked(called, function, *given):
    """What the function returns; where it takes other arguments, that is said."""
    try:
        return function(*given)
    except TypeError as error:
        try:
            inspect.signature(function).bind(*given)
        except TypeError:
            raise InputTypeError("E-CALLABLE", f"{called} must take {len(given)} arguments: {error}") from error
        except ValueError:  # what is not written in Python has no signature
            pass
        raise


def _measured(name, function, wanted, words, argument="x"):
    if getattr(function, "returns", None) == words:  # measured already, under the name that the caller knows
        return function
    see_callable(name, function)
    called = f"{name}({argument})"

    def measured(x, *rest):
        gone = _lost(x) & (argument == "x")
        if gone.any():  # asked at another row instead, where the callable is at home
            if gone.all():
                return np.nan * (x if wanted(np.shape(x)) == np.shape(x) else x[:, 0])
            x = np.where(gone[:, None], getval(x)[np.argmin(gone)], x)
        result = _of_reals(called, asked(called, function, kept(x), *map(kept, rest)))
        if np.shape(result) != wanted(np.shape(x)):
            raise InputError(
                "E-CALLABLE",
                f"{called} must return {words} = {wanted(np.shape(x))} for {argument} {np.shape(x)}; "
                f"got {np.shape(result)}",
            )
        return np.where(gone if result.ndim == 1 else gone[:, None], np.nan, result) if gone.any() else result

    measured.returns = words
    return measured


def _lost(x):
    """Which rows are not finite, (n,); none where x is no (n, d)."""
    x = getval(x)
    return ~numpy.isfinite(x).all(axis=1) if numpy.ndim(x) == 2 else numpy.zeros(1, bool)


def _of_reals(called, result):
    """What a callable returned, as float64, a copy."""
    _refuse_masked(called, result)
    result = numpy.float64(result) if type(result) in (int, float) else result
    kind = getattr(getattr(result, "dtype", None), "kind", None)
    if kind not in ("f", "i", "u"):
        raise InputError(
            "E-CALLABLE",
            f"{called} must return an array of real numbers, got {type(result).__name__} of "
            f"{getattr(result, 'dtype', 'no dtype')}; what is differentiated is written in autograd.numpy",
        )
    if isbox(result):
        return result if result.dtype == np.float64 else result.astype(np.float64)
    return numpy.array(result, dtype=np.float64)[()]


def matrix(name, value):
    """Parameters of a density, (d, k) with d, k >= 1, a copy."""
    value = np.array(real_array(name, value))
    if value.ndim != 2 or 0 in value.shape:
        raise InputError("E-SHAPE", f"{name} must be (d, k) with d, k >= 1; got shape {value.shape}")
    return value


def vector(name, value, d=None):
    """Parameters of a density, (d,), a copy; a float stands for d = 1."""
    value = np.array(np.atleast_1d(real_array(name, value)))
    if value.ndim != 1 or not len(value) or d not in (None, len(value)):
        raise InputError("E-SHAPE", f"{name} must be ({d or 'd'},); got shape {value.shape}")
    return value


def positive_vector(name, value, d=None):
    """Positive parameters of a density, (d,)."""
    value = vector(name, value, d)
    _refuse(name, value, value > 0, "E-POSITIVE", "greater than 0")
    return value


def covariance(name, value, d):
    """A symmetric positive definite (d, d); a float c stands for c times the identity."""
    value = np.array(real_array(name, value))
    value = value * np.eye(*memory(d, d)) if value.ndim == 0 else value
    if value.shape != (d, d):
        raise InputError("E-SHAPE", f"{name} must be a float or (d, d) = {(d, d)}; got shape {value.shape}")
    apart = np.abs(value - value.T)
    if np.any(apart > 8 * np.finfo(float).eps * np.max(np.abs(value))):
        i, j = (int(k) for k in np.unravel_index(np.argmax(apart), apart.shape))
        raise InputError(
            "E-SYMMETRIC", f"{name} must be symmetric, got {value[i, j]} at {(i, j)}, {value[j, i]} at {(j, i)}"
        )
    smallest = np.linalg.eigvalsh(value)[0]
    if not smallest > 0:
        raise InputError("E-DEFINITE", f"{name} must be positive definite, its smallest eigenvalue is {smallest:.3g}")
    return value


def probabilities(name, value):
    """Weights that are not negative and sum to one."""
    value = vector(name, value)
    _refuse(name, value, value >= 0, "E-WEIGHTS", "not negative")
    if abs(np.sum(value) - 1) > 8 * len(value) * np.finfo(float).eps:
        raise InputError("E-WEIGHTS", f"{name} must sum to 1, the sum is {float(np.sum(value))!r}")
    return value


# ---- types -----------------------------------------------------------------------------------------------------------

Function = Callable[[np.ndarray], np.ndarray]
OfTwo = Callable[[np.ndarray, np.ndarray], np.ndarray]

Points = Annotated[np.ndarray, points, "(n, d), rows are points"]
PositivePoints = Annotated[np.ndarray, positive_points, "(n, d), greater than 0"]
Bits = Annotated[np.ndarray, bits, "(n, d), zeros and ones"]
UnitMeans = Annotated[np.ndarray, fractions, "(n, d), from 0 to 1: binary units, or their means"]
HiddenMeans = Annotated[np.ndarray, fractions, "(n, m), from 0 to 1: hidden units, or their means"]
Images = Annotated[np.ndarray, images, "(n, S^2), images of S x S pixels, S a power of 2"]
GridImages = Annotated[Any, images_of_grids, "a tuple of (n, s^2), images of each grid, from coarse to fine"]
GridNoise = Annotated[Any, noise_of_grids, "a tuple of (T, n, s^2), unit normal, for T steps on each grid"]
States = Annotated[np.ndarray, states, "(n, d), the states of n chains; a row that is lost is NaN"]
Generated = Annotated[np.ndarray, like_x, "(n, d), generated points"]
Pathwise = Annotated[np.ndarray, like_x, "(n, d), generated points through which gradients flow to what made them"]
ModelPoints = Annotated[np.ndarray, like_x, "(n, d), points drawn from the model"]
NoisePoints = Annotated[np.ndarray, noise_points, "(nu, n, d), nu noise points for each row of x"]
Noise = Annotated[np.ndarray, like_x, "(n, d), unit normal"]
LevelNoise = Annotated[np.ndarray, tape_of_levels, "(L, T, n, d), unit normal, for T steps at each level"]
CorrectionNoise = Annotated[np.ndarray, tape_of_corrections, "(K, 1 + M, n, d), unit normal, for M corrections"]
Uniform = Annotated[np.ndarray, uniform, "(n,), in (0, 1)"]
Direction = Annotated[np.ndarray, like_x, "(n, d), one direction for each row"]
Projections = Annotated[np.ndarray, projections, "(n, d) or (m, n, d), with E[v v^T] = I"]
Trajectory = Annotated[np.ndarray, trajectory, "(T, n, d), T states of n chains"]
Tape = Annotated[Any, tape_of_steps, "an array, or a tuple of them, whose first axis is time; a body sees a list"]

Level = Annotated[float, positive, "a noise level, a float > 0"]
Levels = Annotated[float | np.ndarray, level, "noise levels > 0, a float or (n,); a body sees a column (n, 1)"]
DecreasingLevels = Annotated[np.ndarray, decreasing_levels, "noise levels (L,), from large to small"]
Time = Annotated[float, time, "a time in [0, 1]"]
FreeTimes = Annotated[float | np.ndarray, times, "times in [0, 1], a float or (n,)"]
Times = Annotated[float | np.ndarray, times_of, "times in [0, 1], a float or (n,); a body sees (n,)"]
DecreasingTimes = Annotated[np.ndarray, decreasing_times, "times (K + 1,) in [0, 1], from late to early"]
Betas = Annotated[np.ndarray, step_variances, "variances of the steps of a diffusion, (N,), in (0, 1)"]
Indices = Annotated[int | np.ndarray, indices_of, "steps of a diffusion, an int or (n,); a body sees (n,)"]
FreeIndices = Annotated[int | np.ndarray, free_indices, "steps of a diffusion, an int or (n,)"]
Temperatures = Annotated[np.ndarray, inverse_temperatures, "inverse temperatures (K + 1,), from 0 to 1"]

LogWeights = Annotated[np.ndarray, log_weights, "(n,), the log weights of n >= 2 chains"]
Real = Annotated[float, number, "a float"]
Positive = Annotated[float, positive, "a float > 0"]
NonNegative = Annotated[float, nonnegative, "a float >= 0"]
Deviation = Annotated[float, squarable, "a float > 0, whose square is one too"]
StepSize = Annotated[float, positive, "a step size, a float > 0"]
StepSizes = Annotated[float | np.ndarray, positives, "step sizes > 0, a float or (K,)"]
Weight = Annotated[float, weight_inside, "a float in (0, 1)"]
Fraction = Annotated[float, fraction, "a float in [0, 1]"]
Count = Annotated[int, count, "a whole number >= 1"]
CountOrNone = Annotated[int, count_or_none, "a whole number >= 0"]
Size = Annotated[int, size, "the length of an axis, >= 1"]
StepCount = Annotated[int, steps, "a number of steps >= 1"]
Order = Annotated[int, order_of_derivative, "the order of a derivative, 1 to 8"]
Flag = Annotated[bool, flag, "True or False"]
Rng = Annotated[numpy.random.Generator, generator, "a numpy.random.Generator"]

Energy = Annotated[Function, energy, "(n, d) -> (n,), E of the unnormalised density exp(-E)"]
Energies = Annotated[Any, energies, "a tuple of (n, s^2) -> (n,), an energy for each grid"]
Scores = Annotated[Any, scores, "a tuple of (n, s^2) -> (n, s^2), a score for each grid"]
LogDensity = Annotated[Function, energy, "(n, d) -> (n,), a log-density"]
Logit = Annotated[Function, energy, "(n, d) -> (n,), the log-odds of data"]
Logits = Annotated[Function, logits, "(n, d) -> (n, k), the logits of k classes"]
Field = Annotated[Function, field, "(n, d) -> (n, d), a score or any vector field"]
DataScore = Annotated[Function, field, "(n, d) -> (n, d), the score of the data's density"]
LevelField = Annotated[OfTwo, field, "(n, d), (n,) -> (n, d), a field at noise levels"]
TimeField = Annotated[OfTwo, field, "(n, d), (n,) -> (n, d), a field at times, or at steps"]
TimeWeight = Annotated[Function, energy, "(n,) -> (n,), a weight at times"]
Sampler = Annotated[Callable[[Any, np.ndarray], np.ndarray], sampler, "(phi, (n, k)) -> (n, d), phi being parameters"]
Transition = Annotated[Callable, transition, "(n, d), noise -> Step, a kernel"]
CoupledTransition = Annotated[Callable, coupled_transition, "two (n, d), noise -> two Steps, a kernel of pairs"]
EnergyTransition = Annotated[Callable, transition, "an energy, (n, d), noise -> Step, a kernel"]
EnergyOf = Annotated[Callable, of_parameters(energy), "(parameters, (n, d)) -> (n,), an energy"]
LogDensityOf = Annotated[Callable, of_parameters(energy), "(parameters, (n, d)) -> (n,), a log-density"]
FieldOf = Annotated[Callable, of_parameters(field), "(parameters, (n, d)) -> (n, d), a score"]
LevelFieldOf = Annotated[
    Callable, of_parameters(field), "(parameters, (n, d), (n,)) -> (n, d), a score at noise levels"
]
TimeFieldOf = Annotated[Callable, of_parameters(field), "(parameters, (n, d), (n,)) -> (n, d), a score at times"]
KernelOf = Annotated[Callable, of_parameters(transition), "(parameters, (n, d), noise) -> Step, a kernel"]
Watch = Annotated[Callable[[Any, int], Any], watch, "called with the parameters and i, before step i"]
Parameters = Annotated[Any, nested, "arrays, nested in dicts, tuples and lists"]
Sde = Annotated[Any, sde_like, "one of refebm.sdes, or what has a drift and a diffusion"]
Density = Annotated[Any, density_like, "a density with log_prob"]
NoiseLaw = Annotated[Any, noise_law, "a density with log_prob(x) and sample(rng, n)"]
Rbm = Annotated[Any, rbm_like, "a restricted Boltzmann machine"]
BinaryRbm = Annotated[Any, binary_rbm_like, "a restricted Boltzmann machine of binary units"]

Rows = Annotated[np.ndarray, None, "(n,), one value per row"]
Loss = Annotated[np.ndarray, None, "(n,), one value per row, to be minimised in the mean"]
Vectors = Annotated[np.ndarray, None, "(n, d), one vector per row"]
Classes = Annotated[np.ndarray, None, "(n, k), one number for each class per row"]
Matrices = Annotated[np.ndarray, None, "(n, d, d), one matrix per row"]

OF_ROWS = (
    points,
    positive_points,
    bits,
    fractions,
    images,
    states,
    trajectory,
)  # the first argument of these gives the n and d of the others


def check_of(annotation) -> Callable | None:
    """The check of a type, or of a type or None; None for what is no type of this glossary."""
    found = (one for one in (annotation, *get_args(annotation)) if hasattr(one, "__metadata__"))
    return next((one.__metadata__[0] for one in found), None)


def checks_of(function: Callable) -> dict[str, Callable]:
    """The checks of the parameters of a function whose types have one, by name."""
    checks = {name: check_of(one.annotation) for name, one in inspect.signature(function).parameters.items()}
    return {name: check for name, check in checks.items() if check}


class Plan(NamedTuple):
    """What is checked of the arguments of a function, in which order; the anchor gives the rows of the others."""

    signature: inspect.Signature
    order: list[tuple[str, Callable]]
    anchor: str | None
    names: list[str]
    least: int
    defaults: dict[str, Any]


PLANS: dict[CodeType, Plan] = {}  # of functions that are made anew at each call of another: they differ in no type


def plan_of(function: Callable) -> Plan:
    """Read off the signature, once for each text."""
    code = getattr(function, "__code__", None)
    if code in PLANS:
        return PLANS[code]
    signature, checks = inspect.signature(function), checks_of(function)
    anchor = next((name for name, check in checks.items() if check in OF_ROWS), None)
    order = sorted(checks.items(), key=lambda pair: pair[0] != anchor)
    plain = [one for one in signature.parameters.values() if one.kind is one.POSITIONAL_OR_KEYWORD]
    defaults = {name: one.default for name, one in signature.parameters.items()}
    least = sum(one.default is one.empty for one in plain)
    plan = Plan(signature, order, anchor, [one.name for one in plain], least, defaults)
    if code and "<locals>" in function.__qualname__ and not function.__defaults__:
        PLANS[code] = plan
    return plan


def rows(function: Callable) -> Callable:
    """Check the arguments of `function` by their types, but for those that are left at what they are by default."""
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
        with numpy.errstate(invalid="ignore"):  # NaN that a callable returns is no news to it
            return function(*bound.args, **bound.kwargs) if bound else function(*given.values())

    return checked
