"""Compare somebody's loss with refebm's on their own model and points, without building the model again.

    import refebm.crosscheck

    report = refebm.crosscheck.compare("denoising_score_matching", my_loss, score=my_score, x=x, sigma=0.5)

`my_score` is a `torch.nn.Module`, or a function of tensors, of JAX arrays or of NumPy arrays. The loss is called with
the arguments that it has: by name if all its names, except those of models, are refebm's, else in refebm's order. If it
takes no noise, its own random draws are replaced by the noise of the question. Where refebm differentiates the model,
it uses products of the Jacobian with vectors, which PyTorch and JAX compute. For NumPy models pass `product(x, v)`,
which returns J(x) v for each row, and for an energy also `gradient(x)`, of which J is the Jacobian.
"""

import contextlib
import importlib
import inspect
import re
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import autograd.numpy as anp
import numpy as np
from autograd import grad
from autograd.extend import defjvp, defvjp, primitive
from autograd.tracer import isbox

import refebm
from refebm.crosscheck.adapter import AGAIN, Answer, alone, array, last_lines
from refebm.crosscheck.child import NOISY
from refebm.crosscheck.frameworks import FIELDS
from refebm.crosscheck.gradients import graded
from refebm.crosscheck.questions import EXAMINED, LOSSES, Asked, rows_axis, some_rows
from refebm.crosscheck.readings import afresh
from refebm.crosscheck.report import Report
from refebm.crosscheck.vectors import Vector, instead
from refebm.crosscheck.verdict import judge
from refebm.glossary import (
    Betas,
    Direction,
    Drawn,
    Energy,
    Indices,
    InputError,
    InputTypeError,
    Levels,
    Noise,
    Projections,
    Times,
    TimeWeight,
    Uniform,
    gives_rows,
    mark_of,
    see_callable,
    unmasked,
)
from refebm.identities import REFERENCE, Failure, NotSupported
from refebm.variants import TERMS
from refebm.variants.arguments import CLASSES, GRID, SDES, ask, flat, parameters, role, types
from refebm.words import did_you_mean, having

DRAWN = (Noise, Uniform, Projections, Direction, Times, Indices)  # drawn if the user does not give them
BATCHES, ALONE = 4, 8  # how often all rows are asked, with new noise, and how many rows are asked alone
NUDGE = 2.0**-20


class Own(NamedTuple):
    """What the user gives: the loss, its models and points."""

    harness: Any
    function: str
    kinds: dict
    loss: Callable
    given: dict
    models: list
    potential: str = ""  # the field of which the energy is given in its place

    @property
    def x(self):
        """The points."""
        return self.given[_points(self.kinds)]

    def called(self, given: dict) -> dict:
        """Arguments by the names that the user has for them."""
        return {"energy" if name == self.potential else name: value for name, value in given.items()}

    def arguments(self, asked: Asked, bare: bool = False) -> dict:
        """The arguments of a question as the loss sees them, with levels as a column; bare: as refebm sees them."""
        rows, x, given = asked.given["rows"], self.x, {}
        for name, value in asked.arguments.items():
            if name in self.models:
                given[name] = self.given[name]
            elif name in self.given:
                given[name] = _rows(self.function, name, self.given[name], rows, len(x))
                given[name] = self._as_seen(name, given[name], bare)
            else:
                given[name] = self.harness.like(value, x)
        return given

    def field(self, model: Callable) -> Callable:
        """The field of a model that is its energy, else the model itself."""
        return (lambda *x: -self.harness.slope(model, *x)) if self.potential else model

    def inside(self, name: str):
        """An argument as in refebm's questions: NumPy numbers, an SDE as data, a weight that takes NumPy times."""
        value = self.given[name]
        if type(value) in SDE_TYPES:
            return {"kind": type(value).__name__, "parameters": _made_of(value)}
        if self.kinds[name] == TimeWeight:
            return lambda t: _numbers(value(self.harness.like(t, self.x)))
        found = _numbers(value)
        return found[:, 0] if self.kinds[name] == Levels and np.shape(found)[1:] == (1,) else found

    def _as_seen(self, name, value, bare):
        if type(value) in SDE_TYPES:
            return getattr(self.harness.source, type(value).__name__)(**_made_of(value))
        if self.kinds[name] == Levels and getattr(value, "ndim", 0):
            return value.reshape(-1) if bare else value.reshape((-1, 1))
        return value

    def answer(self, given: dict, drawn: list):
        """The result of the loss; if it draws noise itself, it gets the noise of the question."""
        given = self.called(given)
        positional, named, left = _called(self.loss, given, drawn, list(self.called(dict.fromkeys(self.models))))
        if not left:
            return self.loss(*positional, **named)
        self.harness.laws = {id(given[name]): mark_of(self.kinds[name], Drawn).laws for name in left}
        with self.harness.handing_out(*(given[name] for name in left)):
            return self.loss(*positional, **named)


SDE_TYPES = [getattr(refebm, name) for name in SDES]


def _made_of(sde):
    return {name: float(getattr(sde, name)) for name in inspect.signature(type(sde)).parameters}


@alone
def compare(function: str, loss: Callable, *, by_row: bool = True, product=None, gradient=None, **given) -> Report:
    r"""A report that compares a loss, or a step, with refebm's `function` on the given model and points.

    x: the points, (n, d), always needed; y, or z, where `function` calls them so. Noise levels are a float, (n,) or
    (n, 1); the loss gets arrays of them as a column (n, 1), as adapters do. Noise (z, v, u, a time t, a step i, ...)
    may be left out; then it is drawn and given to the loss or, if the loss takes none, returned by the framework's
    random functions while the loss runs.
    energy: of a function that takes a score, the energy instead; the loss gets it, refebm minus its gradient.
    by_row: whether single rows may be asked too, which tells a mean over rows from a loss that mixes rows; False for a
    network whose rows influence each other.
    product: for a NumPy model that refebm differentiates, product(x, v) -> J(x) v for each row; gradient: for a NumPy
    energy, gradient(x) -> (n, d). PyTorch and JAX need neither.
    What a module of PyTorch counts in its buffers is restored in the end.
    If the values of a loss are right, its gradient in the parameters of the first model is examined too, for a
    `torch.nn.Module` and for a JAX model that is a pytree; else the report says "gradients not examined".
    Errors: E-OPTION for a function that is not examined, and for an unknown or missing argument; E-CALLABLE; E-DTYPE;
    E-SHAPE; E-MODEL for a model that raises; E-RANDOM for one that answers differently when it is called again;
    refebm's own errors.
    """
    kinds, models, given, potential = _seen(function, given)
    called = {"loss": loss} | {"energy" if name == potential else name: given[name] for name in models}
    for name, one in (called | {"product": product or np.sum, "gradient": gradient or np.sum}).items():
        see_callable(name, one)
    harness = _harness(*given.values())
    given = _as_arrays(harness, kinds, models, given)
    own = Own(harness, function, kinds, loss, given, models, potential)
    with _kept(harness, own.x), harness.restored(loss, *(given[name] for name in models)):
        inside = {name: own.inside(name) for name in given if name not in models}
        kind_of = {name: Energy if name == potential else kinds[name] for name in models}
        inside |= {name: _model(harness, kind_of[name], given[name], product, gradient) for name in models}
        inside |= {potential: inside[potential].score} if potential else {}
        asked = list(_questions(function, kinds, inside, by_row))
        wanted = _wanted(function, asked)
        answers = {one.id: _answer(own, one) for one in asked}
        if not answers[asked[0].id].problem and not _alike(answers[asked[0].id], _answer(own, asked[0])):
            answers[AGAIN] = Answer(problem=f"{NOISY}; compare does so itself where the loss does not take it")
        wanted = tuple(sorted(wanted, key=lambda one: one.asked.given["n"]))  # few rows first
        with instead(function, wanted), afresh():
            finding = judge(function, answers)
        if function in LOSSES and finding.status in ("passed", "convention") and models:
            pairs = [_pair(own, one) for one in asked[:2]]
            others = partial(_in_convention, own, finding.convention)
            finding = graded(finding, harness, given[models[0]], pairs, lambda: list(map(others, asked[:2])))
    return Report([finding], getattr(loss, "__name__", "a loss"))


def _seen(function, given):
    """The types of the arguments, by name, which of them are models; what is given; the field that is an energy."""
    if not isinstance(function, str):
        raise InputTypeError("E-OPTION", f"compare takes the name of a function first, got {function!r}")
    if function not in EXAMINED or "." in function:
        names = [name for name in EXAMINED if "." not in name]
        meant = having(function, {name: _all_names(name) for name in names})
        near = f"; {', '.join(meant)}?" if meant else did_you_mean(function, names)
        raise InputError("E-OPTION", f"compare takes one of the functions that are examined, got {function!r}{near}")
    kinds = {name: types(function).get(name) for name in parameters(function)}
    points, betas = _points(kinds), _named(kinds, Betas)
    if not points or function in CLASSES or "rbm" in map(role, kinds.values()):
        wanted = "compare needs points, and models that are callables"
        raise InputError("E-OPTION", f"{wanted}; {function} takes {', '.join(kinds)}")
    drawn = [name for name, kind in kinds.items() if kind in DRAWN and (kind != Indices or betas in given)]
    words = f"{function} takes {', '.join(kinds)}" + (f" (drawn if left out: {', '.join(drawn)})" if drawn else "")
    fields = [name for name, kind in kinds.items() if kind in FIELDS and name not in given]
    potential = fields[0] if "energy" in given and "energy" not in kinds and len(fields) == 1 else ""
    given = {potential if name == "energy" and potential else name: value for name, value in given.items()}
    for name in given:
        if name not in kinds:
            raise InputError("E-OPTION", f"{words}; it has no {name}{did_you_mean(name, kinds)}")
    missing = [name for name in kinds if name not in given and name not in drawn]
    if missing:
        raise InputError("E-OPTION", f"{words}; missing: {', '.join(missing)}")
    return kinds, [name for name in kinds if name in given and role(kinds[name])], given, potential


def _as_arrays(harness, kinds, models, given):
    """What is given, with lists and arrays of others as arrays of the framework. Errors: E-DTYPE, E-SHAPE."""
    points = _points(kinds)
    x = given[points] if harness.holds(given[points]) else harness.points(points, given[points])
    if str(getattr(x, "dtype", "")).endswith("float16"):
        raise InputTypeError("E-DTYPE", f"{points} must be of float32 or float64, which are examined, got {x.dtype}")
    shape = tuple(np.shape(_numbers(x)))
    if len(shape) != 2 or not all(shape):
        hint = f"flatten images, {points}.reshape(n, -1)"
        raise InputError("E-SHAPE", f"{points} must be points in rows, (n, d), got shape {shape}: {hint}")
    others = {name: _array_of(harness, name, value, x) for name, value in given.items() if name not in models}
    return given | others | {points: x}


def _array_of(harness, name, value, x):
    """A list, or an array of others, as an array of the framework of x; any other value unchanged."""
    foreign = isinstance(value, (list, tuple, np.ndarray)) or hasattr(value, "__array__")
    if not foreign or isinstance(value, np.generic) or harness.holds(value):
        return value
    found = unmasked(name, value)
    return harness.like(found, x) if found.dtype.kind in "iuf" else value


def _points(kinds):
    """The name of the points, whose rows other arguments have, by its type; "" if there are none."""
    return next((name for name, kind in kinds.items() if gives_rows(kind)), "")


def _named(kinds, wanted):
    """The name of the argument of this type, or ""."""
    return next((name for name, kind in kinds.items() if kind == wanted), "")


def _all_names(name):
    """A function's name, and the other names that its docstring gives it."""
    also = re.search(r"^Also: (.+)", inspect.getdoc(getattr(refebm, name)) or "", re.MULTILINE)
    return f"{name} {also[1]}" if also else name


def _pair(own, asked):
    """The loss, refebm's formula and the formula with nudged inputs, as functions of the first model."""
    drawn, (name, *_) = [one for one in asked.arguments if one not in own.given], own.models
    bare = own.arguments(asked, bare=True)
    dtype = bare[_points(own.kinds)].dtype

    def right(model, impl=own.harness.source, **moved):
        with own.harness.of_dtype(dtype):
            return getattr(impl, own.function)(*(bare | {name: own.field(model)} | moved).values())

    def moved(nudge):
        yield lambda model: right(lambda *x: model(*x) * (1 + nudge))
        for argument, value in bare.items():
            if argument not in own.models and "float" in str(getattr(value, "dtype", type(value).__name__)):
                yield lambda model, argument=argument, value=value: right(model, **{argument: value * (1 + nudge)})

    return lambda model: own.answer(own.arguments(asked) | {name: model}, drawn), right, moved


def _in_convention(own, convention, asked):
    """The same for the formula in a convention. It is written for NumPy, which gives the slopes of its mean in the
    answers of the first model; the sum of these answers, weighted so, has its gradient in the parameters."""
    name, given, dtype = own.models[0], asked.arguments, own.x.dtype
    loss, *_ = _pair(own, asked)

    def right(model, impl=None, **moved):
        slopes = _slopes(own.function, impl or convention.implementation(), given | moved, name)
        with own.harness.of_dtype(dtype):
            terms = [own.field(model)(*map(own.harness.input, at)) * own.harness.input(slope) for at, slope in slopes]
            return sum(one.sum() for one in terms)

    def moved(nudge):
        for argument, value in given.items():
            if argument == name:
                yield partial(right, **{name: lambda *x: given[name](*x) * (1 + nudge)})
            elif isinstance(value, float) or getattr(value, "dtype", None) == np.float64:
                yield partial(right, **{argument: value * (1 + nudge)})

    return loss, right, moved


def _slopes(function, impl, given, name):
    """Where a formula asks a model, as [((x, *level), the slope of its mean in that answer), ...].

    Errors: NotSupported for a formula that asks for derivatives of the model too."""
    asked = []

    def mean(added):
        asked.clear()
        rest = iter(added)

        def noted(*at):
            if any(map(isbox, at)):
                raise NotSupported("in this convention the formula differentiates the model")
            asked.append(at)
            return given[name](*at) + next(rest, 0.0)

        return ask(function, impl, given | {name: noted}).mean()

    mean([])
    return list(zip(asked, grad(mean)([np.zeros_like(given[name](*at)) for at in asked])))


def _harness(*given):
    """The harness of the framework that the arrays and modules belong to, or NumPy's."""
    kinds = {kind.__module__.partition(".")[0] for one in given for kind in type(one).__mro__}
    if "torch" in kinds:
        torch = sys.modules["torch"]
        return _imported("torch", torch.get_default_dtype(), torch.set_default_dtype)
    if kinds & {"jax", "jaxlib", "flax", "equinox"}:
        config = sys.modules["jax"].config
        return _imported("jax", config.jax_enable_x64, partial(config.update, "jax_enable_x64"))
    return importlib.import_module("refebm.crosscheck.frameworks.numpy").HARNESS


def _imported(framework, before, put):
    """Import a harness but undo the default precision that its import sets; an adapter read later gets it."""
    name = f"refebm.crosscheck.frameworks.{framework}"
    if name in sys.modules:
        return sys.modules[name].HARNESS
    if name not in HARNESSES:
        HARNESSES[name] = importlib.import_module(name).HARNESS
        put(before)
        del sys.modules[name]
    return HARNESSES[name]


HARNESSES: dict = {}  # harnesses that were imported here and by no adapter yet


@contextlib.contextmanager
def _kept(harness, x):
    harness.laws, harness.held = {}, x
    with harness.of_dtype(None):
        yield


def _numbers(value):
    """Numbers as a NumPy array; other values unchanged."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    found = np.asarray(value)
    if found.dtype.kind not in "fiu" or (found.ndim == 0 and isinstance(value, (bool, int, float))):
        return value
    return found.astype(np.float64) if found.dtype.kind == "f" else found


def _model(harness, kind, own, product, gradient):
    """A user's model as a function for autograd, whose derivatives are computed by the user's framework."""
    made = harness.products(own, role(kind) == "energy", product, gradient)
    slopes = primitive(made.values)

    def pulled(_, x, *level):
        return lambda weights: made.pulled(x, weights, *level)

    defvjp(slopes, pulled, argnums=[0])
    defjvp(slopes, lambda moved, _, x, *level: made.pushed(x, moved, *level), argnums=[0])
    if role(kind) != "energy":
        return lambda x, *level: slopes(x, *level)
    energy = primitive(made.energy)
    defvjp(energy, lambda _, x, *level: lambda weights: weights[:, None] * slopes(x, *level), argnums=[0])
    defjvp(energy, lambda moved, _, x, *level: anp.sum(moved * slopes(x, *level), axis=1), argnums=[0])

    def whole(x, *level):
        return energy(x, *level)

    whole.score = lambda x, *level: -slopes(x, *level)
    return whole


def _questions(function, kinds, given, by_row):
    """The questions: all rows with several noises, half of them to confirm what the others find; then single rows."""
    rng, n = np.random.default_rng(0), len(given[_points(kinds)])
    axes = {name: rows_axis(function, name, value) for name, value in given.items()}
    uneven = any(axis is not None and given[name].shape[axis] != n for name, axis in axes.items())  # refebm refuses it
    noisy = any(kind in DRAWN and name not in given for name, kind in kinds.items())
    for i in range(BATCHES if noisy else 2):
        drawn = {name: _draw(rng, kind, kinds, given) for name, kind in kinds.items() if name not in given}
        rows = slice(None) if noisy or uneven or n == 1 else slice(i % 2, None, 2)
        yield _asked(function, kinds, given | drawn, i, rows)
    for i in range(min(n, ALONE) if by_row and n > 1 else 0):
        drawn = {name: _draw(rng, kind, kinds, given) for name, kind in kinds.items() if name not in given}
        yield _asked(function, kinds, given | drawn, BATCHES + i, slice(i, i + 1))


def _draw(rng, kind, kinds, given):
    n, d = given[_points(kinds)].shape
    if kind == Indices:
        return rng.integers(len(given[_named(kinds, Betas)]), size=n)
    return rng.uniform(size=n) if kind in (Uniform, Times) else rng.standard_normal((n, d))


def _asked(function, kinds, given, number, rows):
    points, weight = _points(kinds), _named(kinds, TimeWeight)
    some = {name: _rows(function, name, given[name], rows, len(given[points])) for name in kinds}
    n, d = some[points].shape
    if weight:  # at the question's times
        some[weight] = some[weight](some[_named(kinds, Times)] * np.ones(n))
    about = {"d": d, "n": n, "kind": "", "reach": 1, "seed": number, "grid": GRID, "rows": rows}
    about |= {name: value for name, value in some.items() if isinstance(value, (int, float))}
    return Asked(function, f"{number:02d}", some, "your own points", number % 2 == 1, False, about)


def _rows(function, name, value, rows, n):
    """The rows of an argument that has one for each of n."""
    axis = rows_axis(function, name, value)
    return value if axis is None or value.shape[axis] != n else some_rows(function, name, value, rows)


def _wanted(function, asked):
    """refebm's answers. Errors: E-MODEL for a model that raises, E-RANDOM for one that is random."""
    try:
        wanted = tuple(_vector(function, one) for one in asked)
        again = _vector(function, asked[0])
    except InputError as error:
        if error.code == "E-CALLABLE" and error.args[1].endswith(f"got ({asked[0].given['n']},)"):
            raise InputError(error.code, f"{error.args[1]}; an energy is given as energy=...") from error
        raise
    except Failure:
        raise
    except (Exception, SystemExit) as error:
        alone = ", called on single rows too," if asked[-1].given["n"] == 1 else ""
        hint = "if rows influence each other, as in batch normalisation: call model.eval(), or pass by_row=False"
        raise InputError("E-MODEL", f"the model{alone} raises {last_lines(error)}\n{hint}") from error
    if not np.array_equal(wanted[0].value, again.value, equal_nan=True):
        words = "the model returns other values for the same points when it is called again"
        raise InputError("E-RANDOM", f"{words}: if it has dropout, call model.eval()")
    return wanted


def _alike(answer, other):
    return all(np.array_equal(*pair, equal_nan=True) for pair in zip(answer.parts, other.parts))


def _vector(function, asked):
    """refebm's answer and the scale of its tolerance: the size of its terms, and its change when an input moves."""
    shapes = []

    def answer(impl=REFERENCE, **moved):
        result = ask(function, impl, asked.arguments | moved)
        shapes[:] = [np.shape(part) for part in (result if isinstance(result, tuple) else (result,))]
        return np.ravel(flat(result))

    value = answer()
    scale = np.maximum(np.abs(value), sum(np.abs(answer(one.implementation())) for one in TERMS.get(function, ())))
    for name, one in asked.arguments.items():
        if callable(one):
            scale = scale + np.abs(answer(**{name: lambda *x, one=one: one(*x) * (1 + NUDGE)}) - value) / NUDGE
        elif isinstance(one, float) or getattr(one, "dtype", None) == np.float64:
            with contextlib.suppress(InputError):  # a moved input may leave its domain
                scale = scale + np.abs(answer(**{name: one * (1 + NUDGE)}) - value) / NUDGE
    return Vector(asked, shapes, value, scale)


def _answer(own, asked):
    """The answer of the loss to a question."""
    try:
        result = own.answer(own.arguments(asked), [name for name in asked.arguments if name not in own.given])
        result = own.harness.result(own.function, result)
        return Answer(tuple(map(array, result if isinstance(result, tuple) else (result,))))
    except Failure as failure:
        return Answer(problem=str(failure))
    except (Exception, SystemExit) as error:
        return Answer(problem=f"raises {last_lines(error)}")


def _called(loss, given, noise, models):
    """The positional and the named arguments for the loss, and the names of the noise that it does not take."""
    try:
        own = inspect.signature(loss).parameters.values()
    except (TypeError, ValueError):
        return list(given.values()), {}, []
    named = [one for one in own if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    names = [one.name for one in named if one.name in given]
    others = [one.name for one in own if one.name not in given and one.default is one.empty]
    nameless = [name for name in models if name not in names]
    fit = bool(names) and len(others) == len(nameless) and {one.name for one in named} >= {*others}
    if not others or fit:
        own_names = {other: given[name] for other, name in zip(others, nameless)}
        return [], own_names | {name: given[name] for name in names}, [name for name in noise if name not in names]
    required = [one for one in own if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD]
    all_of_them = any(one.kind is one.VAR_POSITIONAL for one in own)
    left = noise if len(required) <= len(given) - len(noise) and not all_of_them else []
    return [value for name, value in given.items() if name not in left], {}, left
