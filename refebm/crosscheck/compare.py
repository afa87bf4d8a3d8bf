"""Somebody's loss held against refebm's on their own model, their own points: the model is asked, and not built again.

    import refebm.crosscheck

    report = refebm.crosscheck.compare("denoising_score_matching", my_loss, score=my_score, x=x, sigma=0.5)

`my_score` is a `torch.nn.Module`, a function of tensors, of arrays of JAX, or of NumPy. The loss is called with the
arguments that it has: by name where all of its names are refebm's, else in refebm's order; noise that it does not take
it draws, and is handed. What refebm differentiates, it differentiates by products of the model's Jacobian with vectors,
which the framework makes; of NumPy's callables they are handed over, `product(x, v)`, row by row J(x) v, and with an
energy its gradient too, `gradient(x)`, of which J is the Jacobian.
"""

import contextlib
import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import replace

import autograd.numpy as anp
import numpy as np
from autograd.extend import defjvp, defvjp, primitive

from refebm.crosscheck.adapter import Answer, array, last_lines
from refebm.crosscheck.diagnosis import afresh
from refebm.crosscheck.questions import EXAMINED, Asked
from refebm.crosscheck.report import Report
from refebm.crosscheck.vectors import Vector, instead
from refebm.crosscheck.verdict import judge
from refebm.glossary import Direction, InputError, LevelNoise, Noise, NoisePoints, Projections, Uniform
from refebm.identities import REFERENCE, Failure
from refebm.variants import TERMS
from refebm.variants.questions import GRID, ROLES, ask, flat, parameters, types

DRAWN = (Noise, Uniform, Projections, Direction)  # what is drawn for the user who does not hand it over
BATCHES, ALONE = 4, 8  # how often all rows are asked, with other noise, and how many rows are asked alone
NUDGE = 2.0**-20


def compare(function: str, loss: Callable, *, by_row: bool = True, product=None, gradient=None, **given) -> Report:
    """A report on a loss, or a step, against refebm's `function` on the model and the points that are given.

    by_row: whether a row alone may be asked too, which tells a mean of rows from what mixes them.
    Errors: E-OPTION for a function that is not examined or an argument that it does not have; those of refebm's own.
    """
    if function not in EXAMINED or "." in function:
        raise InputError("E-OPTION", f"compare takes one of the functions that are examined, got {function!r}")
    kinds = {name: types(function).get(name) for name in parameters(function)}
    strange = set(given) - set(kinds)
    missing = [name for name, kind in kinds.items() if name not in given and kind not in DRAWN]
    if strange or missing:
        raise InputError("E-OPTION", f"{function} takes {', '.join(kinds)}; got {', '.join(given)}")
    models = {name for name in given if kinds[name] in ROLES}
    if "x" not in given:
        raise InputError("E-OPTION", f"compare needs the points x, which {function} does not take")
    harness = _harness(*given.values())
    with _kept(harness):
        inside = {name: _numbers(one) for name, one in given.items() if name not in models}
        inside |= {name: _model(harness, kinds[name], given[name], product, gradient) for name in models}
        asked = list(_questions(function, kinds, inside, by_row))
        wanted = tuple(_vector(function, one) for one in asked)
        answers = {one.id: _answer(harness, function, loss, one, given, models) for one in asked}
    with instead(function, wanted), afresh():
        finding = judge(function, answers)
    return Report([replace(finding, failing=None)], getattr(loss, "__name__", "a loss"))  # a model is no literal


def _harness(*given):
    """That of the framework of the arrays and the modules, or NumPy's; what it sets as it is imported is put back."""
    kinds = {kind.__module__.partition(".")[0] for one in given for kind in type(one).__mro__}
    if "torch" in kinds:
        torch = sys.modules["torch"]
        before = torch.get_default_dtype()
        harness = importlib.import_module("refebm.crosscheck.frameworks.torch").HARNESS
        torch.set_default_dtype(before)
        return harness
    if kinds & {"jax", "jaxlib", "flax", "equinox"}:
        config = sys.modules["jax"].config
        before = config.jax_enable_x64
        harness = importlib.import_module("refebm.crosscheck.frameworks.jax").HARNESS
        config.update("jax_enable_x64", before)
        return harness
    return importlib.import_module("refebm.crosscheck.frameworks.numpy").HARNESS


@contextlib.contextmanager
def _kept(harness):
    harness.laws = {}
    with harness.of_dtype(None):
        yield


def _numbers(value):
    """An argument as refebm takes it."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    found = np.asarray(value)
    if found.dtype.kind not in "fiu" or (found.ndim == 0 and isinstance(value, (bool, int, float))):
        return value
    return found.astype(np.float64) if found.dtype.kind == "f" else found


def _model(harness, kind, own, product, gradient):
    """A model of somebody's as autograd sees it: a function whose derivatives are products that the owner makes."""
    made = harness.products(own, ROLES[kind] == "energy", product, gradient)
    slopes = primitive(made.values)

    def pulled(_, x, *level):
        return lambda weights: made.pulled(x, weights, *level)

    defvjp(slopes, pulled, argnums=[0])
    defjvp(slopes, lambda moved, _, x, *level: made.pushed(x, moved, *level), argnums=[0])
    if ROLES[kind] != "energy":
        return lambda x, *level: slopes(x, *level)
    energy = primitive(made.energy)
    defvjp(energy, lambda _, x, *level: lambda weights: weights[:, None] * slopes(x, *level), argnums=[0])
    defjvp(energy, lambda moved, _, x, *level: anp.sum(moved * slopes(x, *level), axis=1), argnums=[0])
    return lambda x, *level: energy(x, *level)


def _questions(function, kinds, given, by_row):
    """All rows with some noise, the second half of the times to confirm what the first finds; then rows alone."""
    rng, n = np.random.default_rng(0), len(given["x"])
    noisy = any(kind in DRAWN and name not in given for name, kind in kinds.items())
    for i in range(BATCHES if noisy else 2):
        drawn = {name: _draw(rng, kind, given["x"]) for name, kind in kinds.items() if name not in given}
        yield _asked(function, kinds, given | drawn, i, slice(None) if noisy else slice(i % 2, None, 2))
    for i in range(min(n, ALONE) if by_row and n > 1 else 0):
        drawn = {name: _draw(rng, kind, given["x"]) for name, kind in kinds.items() if name not in given}
        yield _asked(function, kinds, given | drawn, BATCHES + i, slice(i, i + 1))


def _draw(rng, kind, x):
    return rng.uniform(size=len(x)) if kind == Uniform else rng.standard_normal(x.shape)


def _asked(function, kinds, given, number, rows):
    some = {name: _rows(kinds[name], given[name], rows, len(given["x"])) for name in kinds}
    n, d = some["x"].shape
    about = {"d": d, "n": n, "kind": "", "reach": 1, "seed": number, "grid": GRID, "rows": rows}
    about |= {name: value for name, value in some.items() if isinstance(value, (int, float))}
    return Asked(function, f"{number:02d}", some, "your own points", number % 2 == 1, False, about)


def _rows(kind, value, rows, n):
    """The rows of an argument that has one for each of n."""
    axis = 1 if kind in (NoisePoints, LevelNoise) and np.ndim(value) == 3 else 0
    axis = 1 if kind == Projections and np.ndim(value) == 3 else axis
    if callable(value) or np.ndim(value) <= axis or np.shape(value)[axis] != n:
        return value
    return value[rows] if axis == 0 else value[:, rows]


def _vector(function, asked):
    """refebm's answer, and how far another may be off: what its terms add up to, and what inputs that move do to it."""
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
            with contextlib.suppress(InputError):  # where there is no more room
                scale = scale + np.abs(answer(**{name: one * (1 + NUDGE)}) - value) / NUDGE
    return Vector(asked, shapes, value, scale)


def _answer(harness, function, loss, asked, own, models):
    """What the loss says to the same question."""
    rows, n = asked.given["rows"], len(own["x"])
    given = {
        name: own[name]
        if name in models
        else _rows(types(function)[name], own[name], rows, n)
        if name in own
        else harness.like(value, own["x"])
        for name, value in asked.arguments.items()
    }
    positional, named, left = _called(loss, given, [name for name in given if name not in own])
    try:
        with harness.handing_out(*(given[name] for name in left)) if left else contextlib.nullcontext():
            result = loss(*positional, **named)
        result = harness.result(function, result)
        return Answer(tuple(map(array, result if isinstance(result, tuple) else (result,))))
    except Failure as failure:
        return Answer(problem=str(failure))
    except Exception as error:
        return Answer(problem=f"raises {last_lines(error)}")


def _called(loss, given, noise):
    """Arguments by place and by name, and the noise that the loss does not take."""
    try:
        own = inspect.signature(loss).parameters.values()
    except (TypeError, ValueError):
        return list(given.values()), {}, []
    names = [one.name for one in own if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY) and one.name in given]
    if all(one.name in given or one.default is not one.empty for one in own):
        return [], {name: given[name] for name in names}, [name for name in noise if name not in names]
    required = [one for one in own if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD]
    left = noise if len(required) <= len(given) - len(noise) else []
    return [value for name, value in given.items() if name not in left], {}, left
