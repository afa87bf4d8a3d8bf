"""The matrix of bad input: every public callable, every argument of it, every defect; ``python -m tests.matrix``.

Names come from `refebm.__all__`, arguments from signatures, good values from `Question`. A defect makes of a good value
a bad one, and what it means as plain float64: `NOTHING` where it must be refused. A cell is well where it is refused
with a code and a message that names the argument, or gives what its meaning gives, or passes on what the user's own
callable raised; without a warning, and without a change in what the caller handed over.
"""

import collections
import copy
import functools
import inspect
import itertools
import re
import sys
import warnings
from collections.abc import Callable
from typing import NamedTuple

import autograd.numpy as anp
import numpy as np
from autograd.tracer import isbox

import refebm
from refebm.crosscheck.questions import KERNEL_TYPES
from refebm.glossary import InputError, Sampler, TimeField, TimeWeight
from refebm.identities.implementation import REFERENCE
from refebm.identities.sdes import GIVEN
from refebm.models import CONDITIONAL, KINDS, Model
from refebm.samplers.step import Step
from refebm.sdes import LinearSDE
from refebm.variants.arguments import Question, handed, types
from refebm.variants.densities import PARAMETERS
from refebm.variants.procedures import NAMES as PROCEDURES

N, D = 6, 3  # unlike other sizes, so that an axis of such a length is known
NOTHING, SAME = object(), object()


class Own(Exception):
    """What a user's callable raises."""


def _own(wrap):
    """What the wrapped callable raises is its own."""

    def wrapped(function):
        called = wrap(function)

        def marked(*given):
            try:
                return called(*given)
            except Exception as error:
                if not isinstance(error, InputError):
                    error.own = True
                raise

        return marked

    return wrapped


by_user = _own(lambda function: function)


# ---- good arguments ----


def question(**fixed) -> Question:
    return Question(**{"seed": 0, "d": D, "n": N, "m": 2, "components": 2, "nu": 2, "n_steps": 4} | fixed)


def squares(parameters):
    return anp.sum((parameters - 1.5) ** 2)


def noisy_squares(parameters, i):
    return anp.sum((parameters - 1.5) ** 2) + 0.0 * i


def looks(parameters, i):
    return None


HALVES = np.linspace(0.25, 0.75, N)[:, None]
BY_HAND = {  # what no question asks: training, quadrature, what draws, steps of one layer
    "expect": lambda: {
        "functions": [by_user(lambda x: x[:, 0] ** 2)],
        "density": refebm.Gaussian([0.25], 1.5),
        "degree": 4,
    },
    "minimise": lambda: {"loss": by_user(squares), "parameters": np.array([0.25, 0.5]), "n_steps": 3},
    "minimise_noisy": lambda: {
        "loss": by_user(noisy_squares),
        "parameters": np.array([0.25, 0.5]),
        "n_steps": 3,
        "step_size": 0.125,
        "each": by_user(looks),
    },
    "mixture_of": lambda: {"density": refebm.GaussianMixture(**PARAMETERS["GaussianMixture"](question()))},
    "rng": lambda: np.random.default_rng(0),
    "size": lambda: 4,
    "radius": lambda: 3.0,
    "h": lambda: np.array([[0.0, 1.0]] * N),
    "u": lambda: HALVES * np.ones((N, D)),
    "hidden_given": lambda: {"v": 1.0 * (question().array("v") > 0), "u": HALVES * np.ones((N, 2))},
    "z": lambda: HALVES * np.ones((N, D)),
    "v": lambda: 1.0 * (question().array("v") > 0),
}


class Case(NamedTuple):
    """A public callable, and how good arguments of it are made, by name."""

    name: str
    function: Callable
    make: Callable


def cases() -> list[Case]:
    """All public callables: functions, constructors, methods, models of every kind."""
    found = []
    for name in refebm.__all__:
        thing = getattr(refebm, name)
        if not isinstance(thing, type):
            found += [Case(name, thing, functools.partial(_arguments, name))] if callable(thing) else []
        elif not issubclass(thing, (tuple, Exception, Model)):
            found.append(Case(name, thing, functools.partial(_parameters, name)))
            for method, _ in inspect.getmembers(thing, inspect.isfunction):
                if not method.startswith("_"):
                    own = f"{name}.{method}"
                    found.append(Case(own, functools.partial(_method, own), functools.partial(_arguments, own)))
    for kind in KINDS:
        found.append(Case(f"Model({kind})", Model, functools.partial(_model_data, kind)))
        found.append(
            Case(f"Model({kind}).__call__", functools.partial(_called, kind), functools.partial(_model_at, kind))
        )
    return found


def _model_data(kind):
    model = question().log_density("quadratic", 0.5) if kind == "log_density" else question().model(kind)
    return {"kind": kind, "parameters": model.parameters}


def _model_at(kind):
    x = question().around("x")
    given = {"x": question().units(x) if kind == "binary_rbm" else question().positive(x) if kind == "gamma" else x}
    if kind in CONDITIONAL:
        given["t" if kind == "diffused_mixture" else "sigma"] = np.linspace(0.25, 0.75, N)
    return given


def _called(kind, **given):
    return Model(**_model_data(kind))(*given.values())


def _parameters(name):
    """Of a constructor."""
    if name == "GivenDiffusion":
        return dict(GIVEN["parameters"])
    method = {"ReplayBuffer": "push"}.get(name, "prior" if issubclass(getattr(refebm, name), LinearSDE) else "log_prob")
    given = question().arguments(f"{name}.{method}")
    return dict(given["buffer"] if "buffer" in given else (given.get("density") or given["sde"])["parameters"])


def _method(name, **given):
    owner, _, method = name.partition(".")
    return getattr(getattr(refebm, owner)(**_parameters(owner)), method)(**given)


def _arguments(name):
    """Of a function or a method, with those that have a default."""
    owner, _, method = name.partition(".")
    function = getattr(getattr(refebm, owner), method) if method else getattr(refebm, owner)
    if (method or name) in BY_HAND:
        given = BY_HAND[method or name]()
    else:
        try:
            timed = TimeField in types(name).values()  # a network knows no time 0
            kind = {"kind": "diffused_mixture"} if timed else {}
            made = question(d={"log_partition": 2, "prior_gap": 1}.get(method or name, D), **kind)
            given = PARAMETERS[name](made) if name in PARAMETERS else made.arguments(name)
        except KeyError:
            given = {}
    if "law" in given:
        given["density"] = refebm.GaussianMixture(**given["law"]["parameters"])
    if name == "probability_flow_log_prob":
        given |= {"v": question().projections(2), "log_end": refebm.standard_normal(D).log_prob}
    good = {}
    for one in inspect.signature(function).parameters.values():
        if one.name == "self":
            continue
        if one.name in given:
            good[one.name] = _handed(name, one.name, given[one.name])
        elif one.name == "progress":
            good[one.name] = False
        else:
            good[one.name] = one.default if one.default is not one.empty else BY_HAND[one.name]()
    return good


def _handed(function, name, value):
    """What a question has as data, as a user hands it over; what is not refebm's own may raise anything."""
    kind = types(function)[name]
    if kind == TimeWeight and not callable(value):
        return lambda t: value[: len(t)]
    made = handed(REFERENCE, kind, value)
    by_hand = kind in (Sampler, *KERNEL_TYPES) or (function in PROCEDURES and callable(made))
    return by_user(made) if by_hand else made


# ---- defects ----


class Refusing:
    """Like a tensor that keeps its gradient."""

    def __array__(self, *args, **kwargs):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


def _first(value, entry):
    """The value with another first entry; a float is replaced."""
    changed = (
        np.array(value, dtype=np.result_type(value, entry)) if not isinstance(entry, int) else np.array(value, object)
    )
    if not changed.ndim:
        return entry
    changed.flat[0] = entry
    return changed if changed.dtype != object else changed.tolist()


def _as(dtype):
    def made(value):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            bad = np.asarray(value).astype(dtype)
            return bad[()], np.asarray(bad.astype(np.float64))[()]

    return made


def _apart(value):
    return np.repeat(value, 2, axis=-1)[..., ::2]


def _backwards(value):
    return np.ascontiguousarray(value[::-1])[::-1]


def _read_only(value):
    value = np.array(value)
    value.flags.writeable = False
    return value


def _masked(value, mask):
    return np.ma.MaskedArray(value, mask=np.arange(np.size(value)).reshape(np.shape(value)) == 0 if mask else False)


def _matrix(value):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asmatrix(value)


def same(change):
    """A defect that means what it is made of."""
    return lambda value: (change(value), SAME)


def refused(change):
    """A defect that means nothing."""
    return lambda value: (change(value), NOTHING)


def itself(change):
    """A defect that may be another good value, unless another argument is of the old shape."""
    return lambda value: (change(value), None)


ANY = {
    "None": refused(lambda value: None),
    "a word": refused(lambda value: "abc"),
    "digits": refused(lambda value: "12"),
    "bytes": refused(lambda value: b"abc"),
    "a dict": refused(lambda value: {"a": 1.0}),
    "an empty dict": refused(lambda value: {}),
    "a set": refused(lambda value: {1.0, 2.0}),
    "a generator": refused(lambda value: (i for i in (1.0, 2.0))),
    "an object": refused(lambda value: object()),
    "a class": refused(lambda value: float),
    "its class": refused(lambda value: type(value)),
    "complex": refused(lambda value: 1.0 + 1.0j),
    "a date": refused(lambda value: np.datetime64("2020-01-01")),
    "an empty list": refused(lambda value: []),
    "a tensor": refused(lambda value: Refusing()),
    "an object array": refused(lambda value: np.array([object()], dtype=object)),
    "a ragged list": refused(lambda value: [[1.0], [2.0, 3.0]]),
    "NaN": refused(lambda value: float("nan")),
    "400 digits": refused(lambda value: 10**400),
}
NUMBERS = {
    "one NaN": refused(lambda value: _first(value, np.nan)),
    "one inf": refused(lambda value: _first(value, np.inf)),
    "one -inf": refused(lambda value: _first(value, -np.inf)),
    "inf": refused(lambda value: value + np.inf),
    "one of 400 digits": refused(lambda value: _first(value, 10**400)),
    "complex numbers": refused(lambda value: value + 1j),
    "bools": lambda value: (np.asarray(value) > 0, np.asarray(1.0 * (np.asarray(value) > 0))[()]),
    "int64": _as(np.int64),
    "int8": _as(np.int8),
    "uint8": lambda value: _as(np.uint8)(np.abs(np.round(16 * np.asarray(value)))),
    "uint64": lambda value: _as(np.uint64)(np.abs(np.round(value))),
    "float32": _as(np.float32),
    "float16": _as(np.float16),
    "longdouble": same(lambda value: np.asarray(value).astype(np.longdouble)[()]),
    "objects": same(lambda value: np.asarray(value).astype(object)),
    "digits each": refused(lambda value: np.asarray(value).astype(str)),
    "dates": refused(lambda value: np.asarray(value).astype("M8[s]")),
    "masked": refused(lambda value: _masked(value, True)),
    "nothing masked": same(lambda value: _masked(value, False)),
    "a 0-d array": lambda value: (np.array(np.ravel(value)[0]), float(np.ravel(value)[0])),
    "an axis more": refused(lambda value: np.asarray(value)[None]),
    "an axis more at the end": refused(lambda value: np.asarray(value)[..., None]),
    "negative": itself(lambda value: -np.abs(value) - 0.5),
    "zero": itself(lambda value: 0.0 * value),
}
ARRAYS = {
    "a list": same(lambda value: value.tolist()),
    "a tuple": same(lambda value: tuple(value.tolist())),
    "a memoryview": same(memoryview),
    "read-only": same(_read_only),
    "Fortran order": same(np.asfortranarray),
    "apart": same(_apart),
    "backwards": same(_backwards),
    "an axis less": refused(lambda value: value[..., 0]),
    "a row less": itself(lambda value: value[:-1].copy()),
    "a row more": itself(lambda value: np.concatenate([value, value[-1:]])),
    "one row": itself(lambda value: value[:1].copy()),
    "a column less": itself(lambda value: value[..., :-1].copy()),
    "one column": itself(lambda value: value[..., :1].copy()),
    "no rows": refused(lambda value: value[:0].copy()),
    "a matrix": same(_matrix),
}
COUNTS = {
    "0": itself(lambda value: 0),
    "-1": refused(lambda value: -1),
    "1.5": refused(lambda value: 1.5),
    "a float": same(float),
    "True": refused(lambda value: True),
    "int64": same(np.int64),
    "uint8": same(np.uint8),
    "10^30": refused(lambda value: 10**30),
    "an array": refused(lambda value: np.array([value])),
    "inf": refused(lambda value: float("inf")),
}
FLAGS = {
    "1": same(lambda value: int(value)),
    "numpy's": same(np.bool_),
    "an array": refused(lambda value: np.array([True, False])),
    "2.5": refused(lambda value: 2.5),
}
INDICES = {
    "floats": same(lambda value: value.astype(float)),
    "halves": refused(lambda value: value + 0.5),
    "uint8": same(lambda value: value.astype(np.uint8)),
    "bools": refused(lambda value: value > 0),
    "objects": same(lambda value: value.astype(object)),
    "a list": same(lambda value: value.tolist()),
    "masked": refused(lambda value: _masked(value, True)),
    "negative": refused(lambda value: value - 10),
    "beyond": refused(lambda value: value + 10**9),
    "a row less": refused(lambda value: value[:-1]),
    "a column": refused(lambda value: value[:, None]),
}


def _on_answer(change):
    """A callable whose answer is changed; of a `Step` the states."""

    def wrap(function):
        def changed(*given):
            answer = function(*given)
            return Step(change(answer.x), answer.info) if isinstance(answer, Step) else change(answer)

        return changed

    return wrap


def _lost_row(answer):
    if not np.ndim(answer):
        return answer * np.nan
    row = np.arange(len(answer)).reshape((-1,) + (1,) * (np.ndim(answer) - 1)) == 1
    return anp.where(row, np.nan, answer)


def _first_array(given):
    for one in given:
        if isinstance(one, np.ndarray):
            return one
    raise Own("what is traced is no array")


def _writes_after(function):
    def changed(*given):
        answer = copy.deepcopy(function(*given)) if not any(map(isbox, given)) else function(*given)
        _first_array(given)[...] = 77.0
        return answer

    return changed


def _doubles(function):
    def changed(*given):
        x = _first_array(given)
        x *= 0.5
        return function(*given)

    return changed


def _halved(function):
    def meant(*given):
        found = False
        half = []
        for one in given:
            half.append(0.5 * one if not found and isinstance(one, np.ndarray) else one)
            found = found or isinstance(one, np.ndarray)
        return function(*half)

    return meant


def _keeps_buffer(function):
    kept = {}

    def changed(*given):
        answer = function(*given)
        if not isinstance(answer, np.ndarray):
            return answer
        buffer = kept.setdefault(answer.shape, np.empty(answer.shape))
        buffer[...] = answer
        return buffer

    return changed


def _raises(function):
    def changed(*given):
        raise Own("the user's own")

    return changed


def _to_type(dtype):
    return lambda answer: answer.astype(dtype) if hasattr(answer, "astype") else dtype(answer)


def wraps(wrap, meant=NOTHING):
    return lambda value: (_own(wrap)(value), meant if meant in (NOTHING, SAME, None) else meant(value))


CALLABLES = {
    "returns None": wraps(_on_answer(lambda answer: None)),
    "returns a row less": wraps(_on_answer(lambda answer: answer[:-1])),
    "returns a column more": wraps(_on_answer(lambda answer: answer[..., None] if np.ndim(answer) else answer[None])),
    "returns a float": wraps(_on_answer(lambda answer: 0.5 if np.ndim(answer) else None)),
    "returns one row": wraps(_on_answer(lambda answer: answer[:1])),
    "returns a word": wraps(_on_answer(lambda answer: "abc")),
    "returns complex": wraps(_on_answer(lambda answer: answer + 1j)),
    "returns bools": wraps(_on_answer(lambda answer: answer > 0), _on_answer(lambda answer: 1.0 * (answer > 0))),
    "returns NaN in a row": wraps(_on_answer(_lost_row), None),
    "returns masked": wraps(_on_answer(lambda answer: _masked(answer, True))),
    "returns a list": wraps(_on_answer(lambda answer: answer.tolist()), SAME),
    "returns float32": wraps(
        _on_answer(_to_type(np.float32)), _on_answer(lambda answer: _to_type(np.float64)(_to_type(np.float32)(answer)))
    ),
    "returns Fortran order": wraps(
        _on_answer(lambda answer: np.asfortranarray(answer) if isinstance(answer, np.ndarray) else answer), SAME
    ),
    "raises": wraps(_raises),
    "writes into its input": wraps(_writes_after, SAME),
    "halves its input": wraps(_doubles, _halved),
    "returns its input": wraps(lambda function: lambda *given: _first_array(given), None),
    "keeps its buffer": wraps(_keeps_buffer, SAME),
    "takes no argument": lambda value: (lambda: 0.0, NOTHING),
    "takes too many": lambda value: (lambda a, b, c, d, e, f, g, h: 0.0, NOTHING),
    "a class of its own": lambda value: (type("Class", (), {"__call__": lambda self, *given: value(*given)}), NOTHING),
    "an instance": lambda value: (type("Class", (), {"__call__": lambda self, *given: value(*given)})(), SAME),
}


def defects(name, value) -> dict:
    """By the kind of the good value."""
    if isinstance(value, (bool, np.bool_)):
        return ANY | FLAGS
    if isinstance(value, (int, np.integer)):
        return ANY | COUNTS
    if isinstance(value, (float, np.floating)):
        return ANY | NUMBERS
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "iu":
            return ANY | INDICES
        own = ANY | NUMBERS | ARRAYS
        no = {1: ("a matrix", "a column less", "one column", "an axis less"), 2: ()}.get(value.ndim, ("a matrix",))
        return {key: own[key] for key in own if key not in no}
    if callable(value) and not isinstance(value, type):
        return ANY | CALLABLES
    if isinstance(value, np.random.Generator):
        return ANY | {"a RandomState": refused(lambda value: np.random.RandomState(0)), "a seed": refused(lambda v: 5)}
    return ANY


def leaves(value, path=()) -> list:
    """A value, and what is nested in it."""
    found = [(path, value)]
    if isinstance(value, dict):
        for key, part in value.items():
            found += leaves(part, (*path, key))
    elif isinstance(value, (tuple, list)):
        for i, part in enumerate(value):
            found += leaves(part, (*path, i))
    return found


def put(value, path, new):
    """The value, with another in its depth."""
    if not path:
        return new
    if isinstance(value, dict):
        return value | {path[0]: put(value[path[0]], path[1:], new)}
    parts = [put(part, path[1:], new) if i == path[0] else part for i, part in enumerate(value)]
    return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)


# ---- a cell ----

X, T = question(seed=1).grid((N, D), 0.125, 1.5), np.linspace(0.25, 0.75, N)


def flat(result) -> list:
    """All numbers of an answer; what is a callable is asked, what is an object is taken apart."""
    if isinstance(result, Model):
        at = question().units(X) if result.kind == "binary_rbm" else X
        return flat(result(at, *([T] if result.kind in CONDITIONAL else [])))
    if isinstance(result, LinearSDE):
        return flat((result.diffusion(T), result.kernel(0.25 * T, T)))
    if isinstance(result, dict):
        return [one for part in result.values() for one in flat(part)]
    if isinstance(result, (tuple, list)):
        return [one for part in result for one in flat(part)]
    if result is None or isinstance(result, str):
        return []
    if hasattr(result, "dtype") or isinstance(result, (int, float, complex)):
        return [np.asarray(result)]
    if callable(result):
        return flat(result(X))
    return flat({key: part for key, part in sorted(vars(result).items()) if not key.startswith("_")})


def equal(one, other, rows=None) -> bool:
    """Whether the numbers are the same, to roundoff; `rows`: but for that row, of what has n of them."""
    if len(one) != len(other):
        return False
    for a, b in zip(one, other):
        if a.shape != b.shape or a.dtype.kind not in "fiub":
            return False
        good = np.isclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)
        if rows is not None:
            good = good | np.isnan(a) if N not in a.shape else np.delete(good, rows, axis=a.shape.index(N))
        if not np.all(good):
            return False
    return True


def arrays(given) -> list:
    """Copies of all arrays in arguments."""
    found = []
    for _, value in leaves(given):
        if isinstance(value, Model):
            found += arrays(value.parameters)
        elif isinstance(value, np.ndarray) and value.dtype != object:
            found.append(np.array(value))
    return found


def outcome(case, given):
    """The numbers of the answer, or what was raised."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return flat(case.function(**given))
    except Exception as error:
        return error


class Cell(NamedTuple):
    """How a cell ends: coded, equal, own, or in a fault."""

    callable: str
    argument: str
    defect: str
    end: str

    @property
    def well(self):
        return self.end in ("coded", "equal", "own")


def names(argument, path, error) -> bool:
    """Whether a message names the argument, or a part of it that has a name, outside of brackets."""
    message = re.sub(r"\([^()]*\)", "", error.args[1] if len(error.args) > 1 else "")
    known = "|".join(map(re.escape, (argument, *(key for key in path if isinstance(key, str)))))
    return re.search(rf"(?<![\w.])({known})(?!\w)", message) is not None


def shared_shape(given, argument, path, old, new) -> bool:
    """Whether an axis that has another length now has its old one in another argument."""
    if np.ndim(old) != np.ndim(new):
        return True
    lost_sizes = {a for a, b in zip(np.shape(old), np.shape(new)) if a != b}
    others = [v for key, value in given.items() for p, v in leaves(value) if (key, p) != (argument, path)]
    kept = {size for one in others if isinstance(one, np.ndarray) for size in one.shape}
    return bool(lost_sizes & kept & {N, D})


def gives(name, error) -> bool:
    """Whether help() gives the code of an error: of a method, or its class; E-DTYPE gives E-MASKED, and what a model
    refuses is its own."""
    public, _, method = re.sub(r"\(.*\)", "", name).partition(".")
    things = [getattr(refebm, public), *([getattr(getattr(refebm, public), method)] if method else [])]
    given = "\n".join(one.__doc__ or "" for one in things)
    return error.code in given or (error.code == "E-MASKED" and "E-DTYPE" in given) or "for this " in str(error)


def judge(case, argument, path, defect, change, base) -> str:
    given = case.make()
    old = dict(leaves(given[argument]))[path]
    bad, meant = change(old)
    given[argument] = put(given[argument], path, bad)
    before = arrays(given)
    users = argument in ("phi", "tape") or (
        case.name.startswith(("minimise", "train_")) and argument in ("parameters", "x")
    )
    result = outcome(case, given)
    after = arrays(given)
    if len(before) != len(after) or not all(
        np.array_equal(a, b, equal_nan=a.dtype.kind in "fc") for a, b in zip(before, after)
    ):
        return "changed what it was given"
    if isinstance(result, Exception):
        refuses_nan = defect == "returns NaN in a row" and getattr(result, "code", "") == "E-FINITE"
        if getattr(result, "own", False) or isinstance(result, Own) or refuses_nan:  # what returns NaN may refuse it
            return "own"
        if not isinstance(result, InputError):
            return f"uncoded {type(result).__name__}: {str(result)[:90]}"
        if not gives(case.name, result):
            return f"help() does not give {result.code}: {str(result)[:90]}"
        if meant is None or defect == "a 0-d array" or users:  # two disagree: either may be named
            known = [*given, *(key for value in given.values() for path, _ in leaves(value) for key in path)]
            if any(names(one, (), result) for one in known if isinstance(one, str)) or "for this " in str(result):
                return "coded"
        return "coded" if names(argument, path, result) else f"names another: {str(result)[:110]}"
    if defect == "returns NaN in a row":
        if case.name.startswith("train_") and [part.shape for part in result] != [part.shape for part in base]:
            return "own"  # it ended before its last step, with what was had
        return "equal" if equal(result, base, rows=1) else "NaN reaches other rows"
    if users and defect in ("a list", "a tuple"):  # parameters come back as they are nested
        result, base = ([np.concatenate([np.ravel(one) for one in some])] for some in (result, base))
    if meant is SAME or (meant is NOTHING and equal(result, base)):
        return "equal" if equal(result, base) else "another result"
    if (meant is NOTHING or meant is None) and defect in (*ARRAYS, "an axis more", "an axis more at the end") and users:
        return "equal"  # the user's own callables see it as it is
    if meant is NOTHING:
        if bad is None and inspect.signature(case.function).parameters[argument].default is None:
            return "equal"  # to what is left out
        on_purpose = (defect, path[-1:]) == ("one -inf", ("logits",)) or (case.name, defect) in (
            ("expect", "returns a column more"),
            ("marginal_of_steps", "a row less"),  # steps that no rows go with
        )
        return "equal" if on_purpose else "accepted"
    if meant is None:
        if any(a.dtype.kind == "f" and np.any(np.isnan(a)) for a in result) and not any(
            a.dtype.kind == "f" and np.any(np.isnan(a)) for a in base
        ):
            return "NaN without a word"
        if (
            isinstance(bad, np.ndarray)
            and bad.shape != np.shape(old)
            and shared_shape(case.make(), argument, path, old, bad)
        ):
            return "another shape accepted"
        return "equal"
    again = case.make()
    again[argument] = put(again[argument], path, meant)
    wanted = outcome(case, again)
    if isinstance(wanted, Exception):
        return f"accepted, where float64 is {type(wanted).__name__}"
    return "equal" if equal(result, wanted) else "another result than float64"


def spoilt(case) -> list:
    """Every argument of a case, every part of it, every defect: (argument, path, defect, change)."""
    parts = [(name, path, part) for name, value in case.make().items() for path, part in leaves(value)]
    return [(name, path, *one) for name, path, part in parts for one in defects(name, part).items()]


def cells_of(case, every=1, first=0) -> list[Cell]:
    """How the cells of a callable end, or every n-th of them."""
    base = outcome(case, case.make())
    if isinstance(base, Exception):
        return [Cell(case.name, "", "good arguments", f"refused: {base!r}")]
    found = []
    for argument, path, defect, change in spoilt(case)[first::every]:
        try:
            end = judge(case, argument, path, defect, change, base)
        except Exception as error:
            end = f"matrix {type(error).__name__}: {error}"
        found.append(Cell(case.name, argument + "".join(f"[{key!r}]" for key in path), defect, end))
    return found


def cells(every=1, only="") -> list[Cell]:
    """How the cells end, or of each callable every n-th, of some callables alone."""
    chosen = [case for case in cases() if not only or re.search(only, case.name)]
    return [cell for number, case in enumerate(chosen) for cell in cells_of(case, every, number % every)]


if __name__ == "__main__":
    table = cells(*map(int, sys.argv[1:2]), *sys.argv[2:3])
    print(collections.Counter(cell.end if cell.well else cell.end.partition(":")[0] for cell in table))
    faults = [cell for cell in table if not cell.well]
    key = lambda cell: (cell.end[:70], cell.defect)  # noqa: E731
    groups = [(key, list(group)) for key, group in itertools.groupby(sorted(faults, key=key), key)]
    for (end, defect), group in sorted(groups, key=lambda pair: -len(pair[1])):
        print(f"{len(group):4} {defect:24} {end:70}", " ".join(f"{c.callable}:{c.argument}" for c in group[:4]))
