"""What bad input looks like: the glossary's names, each with its check, as one decorator line.

``@rows`` reads a function's parameter names, looks each up in `GLOSSARY`, and hands the body
clean values: float64 rows, a noise level as a column ``(n, 1)`` so that formulas read as printed,
callables whose results are measured against the rows that they were given. A parameter that means
something special is named in the decorator: ``@rows(x=bits)``. Every error names the argument, what
was wanted and what came, and starts with a stable code.
"""

import functools
import inspect

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


def real_array(name: str, value):
    """`value` as finite float64, converted where that loses nothing (integers, float32, lists)."""
    if isbox(value) and not hasattr(value, "dtype"):
        value = 1.0 * value  # a float under differentiation becomes an array of no dimensions
    if getattr(value, "dtype", None) != np.float64 or isinstance(value, numpy.ndarray):
        try:
            value = numpy.asarray(value)
        except ValueError as ragged:
            raise InputTypeError("E-DTYPE", f"{name} must be an array of real numbers, got a ragged list") from ragged
        if value.dtype.kind not in "iufb":
            raise InputTypeError("E-DTYPE", f"{name} must be real numbers, got dtype {value.dtype}")
        value = value.astype(np.float64, copy=False)
    finite = np.isfinite(value)
    if not np.all(finite):
        where = tuple(int(i) for i in numpy.argwhere(~finite)[0])
        raise InputError("E-FINITE", f"{name} must be finite, got {_at(value, where)}")
    return value


def _at(value, where):
    return f"{float(value[where] if where else value)}" + (f" at index {where}" if where else "")


def points(name, value, x=None):
    """Rows that are points, (n, d) with n, d >= 1."""
    value = real_array(name, value)
    if value.ndim != 2:
        hint = "; a 1-D sample is x[:, None]" if value.ndim == 1 else ""
        raise InputError("E-NDIM", f"{name} must be (n, d), rows are points; got shape {value.shape}{hint}")
    if 0 in value.shape:
        raise InputError("E-EMPTY", f"{name} must have at least one row and one column, got shape {value.shape}")
    return value


def points_of(owner, name, value):
    """Points of the d that a density or a model has."""
    value = points(name, value)
    if value.shape[1] != owner.d:
        kind = getattr(owner, "kind", type(owner).__name__)
        raise InputError("E-SHAPE", f"{name} must be (n, {owner.d}) for this {kind}; got shape {value.shape}")
    return value


def positive_points(name, value, x=None):
    """Points of the positive orthant."""
    value = points(name, value)
    _refuse(name, value, value > 0, "E-POSITIVE", "greater than 0 everywhere")
    return value


def bits(name, value, x=None):
    """Points of {0, 1}^d."""
    value = points(name, value)
    _refuse(name, value, (value == 0) | (value == 1), "E-BINARY", "0 or 1 everywhere")
    return value


def _refuse(name, value, good, code, wanted):
    if not np.all(good):
        where = tuple(int(i) for i in numpy.argwhere(~good)[0])
        raise InputError(code, f"{name} must be {wanted}, got {_at(value, where)}")


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
    if value.ndim != 3 or value.shape[1:] != x.shape or not len(value):
        raise InputError(
            "E-SHAPE", f"{name} must be (nu, n, d) with (n, d) = {x.shape} and nu >= 1; got shape {value.shape}"
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


def level(name, value, x):
    """A positive float, or one per row (n,); the body sees a column (n, 1)."""
    value = real_array(name, value)
    if value.shape not in ((), (len(x),)):
        raise InputError("E-SHAPE", f"{name} must be a float or (n,) = ({len(x)},); got shape {value.shape}")
    _refuse(name, value, value > 0, "E-POSITIVE", "greater than 0")
    return np.ones((len(x), 1)) * np.reshape(value, (-1, 1))


def positive(name, value, x=None):
    """A positive float."""
    value = number(name, value)
    _refuse(name, value, value > 0, "E-POSITIVE", "greater than 0")
    return value


def squarable(name, value, least=1.5e-154):
    """A positive float whose square is one too; with `least` 0 its square may underflow."""
    value = positive(name, value)
    if not least <= value <= 1e154:
        raise InputError("E-SCALE", f"{name} must be from {least:g} to 1e154, to have a square, got {_at(value, ())}")
    return value


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
        raise InputError("E-LEVELS", f"{name} must go from large to small, got {value.tolist()}")
    return value


def moving(name, value, x=None):
    """Chains, (T, n, d) with T >= 4, each coordinate of which moves."""
    value = real_array(name, value)
    if value.ndim != 3:
        raise InputError("E-NDIM", f"{name} must be (T, n, d), T states of n chains; got shape {value.shape}")
    if 0 in value.shape or len(value) < 4:
        raise InputError("E-EMPTY", f"{name} must have at least four states of one chain, got shape {value.shape}")
    still = np.all(value == value[0], axis=(0, 1))
    if np.any(still):
        raise DomainError("E-CONSTANT", f"coordinate {int(np.argmax(still))} of {name} never moves")
    return value


def inverse_temperatures(name, value, x=None):
    """0 = beta_0 < ... < beta_K = 1, (K + 1,)."""
    value = vector(name, value)
    if len(value) < 2 or value[0] != 0 or value[-1] != 1 or np.any(np.diff(value) <= 0):
        raise InputError("E-TEMPERATURES", f"{name} must go from 0 to 1 without a step back, got {value.tolist()}")
    return value


def tape_of_levels(name, value, x):
    """Noise for T >= 1 steps at each of L levels, (L, T, n, d)."""
    value = real_array(name, value)
    if value.ndim != 4 or value.shape[2:] != x.shape or not value.shape[1]:
        raise InputError("E-TAPE", f"{name} must be (L, T, n, d) with (n, d) = {x.shape}, T >= 1; got {value.shape}")
    return value


def times(name, value):
    """Times of an SDE: a float, or (n,), from 0 to 1."""
    value = real_array(name, value)
    if value.ndim > 1:
        raise InputError("E-SHAPE", f"{name} must be a float or (n,); got shape {value.shape}")
    _refuse(name, value, (value >= 0) & (value <= 1), "E-TIME", "from 0 to 1")
    return value


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
        raise InputError("E-TIME", f"{name} must be (K + 1,), from late to early; got {value.tolist()}")
    return value


def tape_of_corrections(name, value, x):
    """Noise for one step and M >= 0 corrections at each of K times, (K, 1 + M, n, d)."""
    value = real_array(name, value)
    if value.ndim != 4 or value.shape[2:] != x.shape or not value.shape[1]:
        raise InputError("E-TAPE", f"{name} must be (K, 1 + M, n, d) with (n, d) = {x.shape}; got {value.shape}")
    return value


def sde_like(name, value, x=None):
    """What has a drift and a diffusion."""
    lacks = [method for method in ("drift", "diffusion") if not callable(getattr(value, method, None))]
    if lacks:
        raise InputTypeError("E-SDE", f"{name} must have the methods {lacks}, as in refebm.sdes; got {value!r}")
    return value


def step_variances(name, value, x=None):
    """Variances of the steps of a diffusion, (N,), each in (0, 1)."""
    value = vector(name, value)
    _refuse(name, value, (value > 0) & (value < 1), "E-BETAS", "greater than 0 and less than 1")
    return value


def indices_of(name, value, x):
    """The step of each row, (n,), from one for all or one each."""
    value = numpy.asarray(value)
    if value.dtype.kind not in "iu" or value.shape not in ((), (len(x),)):
        raise InputTypeError(
            "E-INDEX", f"{name} must be an int or (n,) = ({len(x)},) of them; got {value.dtype} of shape {value.shape}"
        )
    return value + numpy.zeros(len(x), int)


def within(name, value, n):
    """Indices of 0, ..., n - 1."""
    _refuse(name, value, (value >= 0) & (value < n), "E-INDEX", f"from 0 to {n - 1}")
    return value


def count(name, value, x=None):
    """A whole number that counts something."""
    if isinstance(value, bool) or not isinstance(value, (int, numpy.integer)):
        raise InputTypeError("E-COUNT", f"{name} must be a whole number, got {type(value).__name__} {value!r}")
    if value < 1:
        raise InputError("E-COUNT", f"{name} must be at least 1, got {value}")
    return int(value)


def field(name, function, x=None):
    """A callable of rows that returns rows of the same shape: a score, a denoiser, any vector field."""
    return _measured(name, function, lambda x: x.shape, "(n, d)")


def energy(name, function, x=None):
    """A callable of rows that returns one number per row."""
    return _measured(name, function, lambda x: x.shape[:1], "(n,)")


def sampler(name, function, x=None):
    """A callable of parameters and noise (n, k) that returns rows, one for each row of noise."""
    see_callable(name, function)

    def made(phi, eps):
        z = function(phi, eps)
        if np.ndim(z) != 2 or len(z) != len(eps):
            raise InputError(
                "E-CALLABLE",
                f"{name}(phi, eps) must return rows (n, d) with n = {len(eps)} for eps {np.shape(eps)}; "
                f"got {np.shape(z)}",
            )
        return z

    return made


def nested(name, value, x=None):
    """Parameters: an array, or arrays nested in dicts, tuples and lists; as they are where they are traced."""
    if isbox(value):
        return value
    if isinstance(value, dict):
        return {key: nested(f"{name}[{key!r}]", part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)([nested(f"{name}[{i}]", part) for i, part in enumerate(value)])
    return real_array(name, value)


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
    return value


def _of_log_u(name, function, log_u):
    see_callable(name, function)
    with numpy.errstate(all="ignore"):
        values = numpy.asarray(function(log_u))
    if values.shape != log_u.shape:
        raise InputError(
            "E-GENERATOR", f"{name}(log_u) must have the shape of log_u, {log_u.shape}; got {values.shape}"
        )
    return values


def see_callable(name, function):
    """What is called must be callable."""
    if not callable(function):
        raise InputTypeError("E-CALLABLE", f"{name} must be callable, got {type(function).__name__}")


def _measured(name, function, wanted, words):
    see_callable(name, function)

    def measured(x, *rest):
        result = function(x, *rest)
        kind = getattr(getattr(result, "dtype", None), "kind", None)
        if kind not in ("f", "i", "u"):
            raise InputError(
                "E-CALLABLE",
                f"{name}(x) must return an array of real numbers, got {type(result).__name__} of "
                f"{getattr(result, 'dtype', 'no dtype')}; what is differentiated is written in autograd.numpy",
            )
        if np.shape(result) != wanted(x):
            raise InputError(
                "E-CALLABLE", f"{name}(x) must return {words} = {wanted(x)} for x {x.shape}; got {np.shape(result)}"
            )
        return result

    return measured


GLOSSARY = {
    "x": points,
    "x_model": like_x,
    "y": points,
    "z": like_x,
    "p": like_x,
    "u": uniform,
    "v": projections,
    "sigma": level,
    "sigmas": decreasing_levels,
    "eps": positive,
    "eta": positive,
    "scale": positive,
    "log_z": number,
    "dt": positive,
    "t": times_of,
    "times": decreasing_times,
    "rtol": positive,
    "atol": positive,
    "sde": sde_like,
    "betas": step_variances,
    "i": indices_of,
    "n": count,
    "d": count,
    "n_steps": count,
    "n_lags": count,
    "smallest": positive,
    "score": field,
    "data_score": field,
    "field": field,
    "denoiser": field,
    "noise": field,
    "log_end": energy,
    "energy": energy,
    "log_model": energy,
    "log_noise": energy,
    "log_q": energy,
    "log_joint": energy,
    "log_proposal": energy,
    "score_q": field,
    "logit": energy,
    "weight": energy,
}


def rows(function=None, /, **special):
    """Check the arguments of `function` by their names in the glossary, or by the check named here."""
    if function is None:
        return lambda function: rows(function, **special)
    signature = inspect.signature(function)
    checks = {name: (GLOSSARY | special)[name] for name in signature.parameters if name in GLOSSARY | special}
    anchor = next((name for name in ("x", "y", "v") if name in checks), None)
    order = sorted(checks, key=lambda name: name != anchor)

    @functools.wraps(function)
    def checked(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        given = bound.arguments
        x = points_of(given["self"], anchor, given[anchor]) if "self" in given else None
        for name in (one for one in order if one in given):
            given[name] = checks[name](name, given[name], x)
            x = given[name] if name == anchor else x
        return function(*bound.args, **bound.kwargs)

    return checked


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
    value = value * np.eye(d) if value.ndim == 0 else value
    if value.shape != (d, d):
        raise InputError("E-SHAPE", f"{name} must be a float or (d, d) = {(d, d)}; got shape {value.shape}")
    if np.any(np.abs(value - value.T) > 8 * np.finfo(float).eps * np.max(np.abs(value))):
        raise InputError("E-SYMMETRIC", f"{name} must be symmetric, got {value.tolist()}")
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
