"""The fixed questions of the examination, for each public function, and the mistake that each question should catch."""

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

import refebm
from refebm import glossary
from refebm.glossary import InputError
from refebm.identities import STEMS
from refebm.models import Model, Models
from refebm.samplers.step import Step
from refebm.variants import WRONG
from refebm.variants.asked import FAR, particular
from refebm.variants.questions import DIAGNOSTICS, FUNCTIONS, GRID, NOISY, RBMS, SDES, Question, types
from refebm.words import did_you_mean, having

KINDS = ("mlp_score", "mlp_energy", "mixture", "quadratic")
WITH_ENERGY = KINDS[1:]
AT_TIMES = ("noise_conditional", "diffused_mixture")  # called with a time of an SDE, or a step of a diffusion
KERNEL_TYPES = (glossary.Transition, glossary.CoupledTransition, glossary.EnergyTransition)
FOR_NO_ADAPTER = {  # functions that take, or return, one of these types are not asked, and why
    glossary.Rng: "draws noise: the definition that it uses is examined with given noise",
    **dict.fromkeys(KERNEL_TYPES, "takes a kernel: the kernels are examined"),
    Callable: "takes a loss: its result depends on the optimiser",
    Model: "makes a model of one of refebm's own densities",
}
ASKED_WITH = {  # by the type of a model argument: the kinds of models to ask with, the usual one first
    glossary.Field: KINDS,
    **dict.fromkeys((glossary.Energy, glossary.Statistic, glossary.LogDensity, glossary.Logit), WITH_ENERGY),
    **dict.fromkeys((glossary.Energies, glossary.Scores), WITH_ENERGY),
    glossary.LevelField: ("noise_conditional", "smoothed_mixture"),
    glossary.TimeField: AT_TIMES,
    glossary.Rbm: tuple(RBMS.values()),
    glossary.BinaryRbm: ("binary_rbm",),
}


def _kinds(function: str) -> tuple[str, ...]:
    """The kinds of models to ask a function with, from the types of its arguments."""
    found = (ASKED_WITH[one] for one in types(function).values() if one in ASKED_WITH)
    return particular(function).kinds or next(found, ()) + particular(function).more_kinds


def _place(function: str) -> tuple[int, str, int]:
    """The place of a function in reading order: by stem, then by line."""
    code = inspect.unwrap(getattr(refebm, function)).__code__
    stem = Path(code.co_filename).stem
    return (*STEMS, stem).index(stem), stem, code.co_firstlineno


def unasked(function: str) -> str:
    """Why no adapter is asked for a function or a method; "" if one is."""
    return particular(function).unasked or next(
        (FOR_NO_ADAPTER[one] for one in types(function).values() if one in FOR_NO_ADAPTER), ""
    )


METHODS = dict.fromkeys(one.function for one in WRONG if "." in one.function)  # those with wrong versions
EXAMINED: dict[str, tuple[str, ...]] = {  # by public name: the kinds of models to ask with, the usual one first
    function: _kinds(function)
    for some in (sorted(FUNCTIONS, key=_place), METHODS)
    for function in some
    if not unasked(function)
}
# those with gradients in the model's parameters, and those of points of zeros and ones
GRADIENTS = {name for name in EXAMINED if types(name)["return"] == glossary.Loss}


def is_named(returned) -> bool:
    """Whether a function returns a named tuple other than `Step`."""
    return hasattr(returned, "_fields") and returned is not Step


NOT_BY_ROW = (np.ndarray, float, Any, glossary.Parameters)  # the types of results that do not come row by row
WHOLE = {name for name in EXAMINED for made in [types(name)["return"]] if made in NOT_BY_ROW or is_named(made)}
UNTRAINED = ("flow", "denoiser", "diffused_mixture")  # kinds of models for which no gradient is asked
SHAPES = ((3, 4), (2, 3), (5, 4), (1, 3), (2, 4))  # (d, n) of two questions each: one to find a name, one to confirm it
HIDDEN = (2, 3, 2, 3, 1)  # hidden units of an RBM in the first of the two; the second has one more
BITS = {name for name in EXAMINED if "." not in name and glossary.Bits in types(name).values()}
VALUES: dict[str, tuple] = {  # by option: the argument, or its type; values to ask with; the mistake that they catch
    "sigma": ("sigma", (0.25, 1.0, 4.0, 1.0)),
    "eps": ("eps", (0.5, 1.0, 1.0, 0.125)),
    "levels": ("n", (2, 3, 5, 8)),
    "eta": ("eta", (0.125, 0.5, 1.0, 0.5)),
    "scale": ("scale", (0.25, 1.0, 2.0, 1.0)),
    "first": ("first", (0.125, 1.0)),
    "power": ("power", (0.25, 1.0)),
    "n_steps": ("n_steps", (1, 5), "a step too many, or too few"),
    "k": ("k", (0, 3), "right for k = 1 only, or for one state"),
    "u": ("u", (1 / 64, 63 / 64), "u at the ends of its range"),
    "n_lags": ("n_lags", (1, 11), "a lag too many, or too few"),
    "nu": (glossary.NoisePoints, (1, 2, 5, 1), "what is right for one noise point, or for some number of them"),
    "sde": (glossary.Sde, tuple(one for one in SDES for _ in (0, 1)), "what is right for one SDE only"),
    "s": ("s", (0.0, 0.0), "what is right from some time on, and not from 0"),
    "t": ("t", (1.0, 1.0), "what is right before the end only"),
    "dt": ("dt", (0.5, 1.0, 0.0625, 1.0)),
    "data_std": ("data_std", (0.5, 1.0)),
    "ratio": ("ratio", (1.25, 2.0)),
}


@dataclass(frozen=True, eq=False)
class Asked:
    """One question: a public name, its arguments by name, and the mistake that it should catch."""

    function: str
    id: str
    arguments: dict[str, Any]
    catches: str
    confirms: bool = False
    gradient: bool = False
    given: dict[str, Any] = field(default_factory=dict)  # d, n, kind ..., for reports

    @property
    def model(self) -> str | None:
        """The name of the first argument that is a model, or that is a model for each grid, or None."""
        return next((name for name, value in self.arguments.items() if isinstance(value, (Model, Models))), None)


def chosen(text: str) -> list[str]:
    """The functions that a text selects: the one of this name, else those of this stem, else those with all its words.

    Errors: E-NONE if there is none.
    """
    stems = {name: getattr(refebm, name.partition(".")[0]).__module__.rpartition(".")[2] for name in EXAMINED}
    found = [name for name in EXAMINED if text in (name, name.partition(".")[0])]
    found = found or [name for name in EXAMINED if stems[name] == text]
    found = found or having(text, {name: name for name in EXAMINED})
    if not found:
        raise InputError("E-NONE", f"no function has {text!r} in its name{did_you_mean(text, EXAMINED)}")
    return found


@functools.cache
def questions(function: str) -> tuple[Asked, ...]:
    """All questions about a public function."""
    asked = []
    for catches, gradient, options in _plan(function):
        alone = options.pop("alone", False)
        arguments = Question(**options).arguments(function)
        arguments = row_alone(function, arguments) if alone else arguments
        number, confirms = f"{len(asked):02d}", len(asked) % 2 == 1
        given = {
            "d": _coordinates(function, options),
            "n": 1 if alone else options["n"],
            "kind": options.get("kind", ""),
        }
        given |= {"reach": options.get("reach", 1), "seed": options["seed"], "grid": options.get("grid", GRID)}
        given |= {"nu": len(arguments["y"])} if function in NOISY else {}
        sigma, v = arguments.get("sigma"), arguments.get("v")
        given |= {"sigma": "rows" if np.ndim(sigma) else sigma} if sigma is not None else {}
        given |= {"m": len(v) if v.ndim == 3 else 1} if v is not None else {}
        given |= {name: True for name in ("walls", "holes") if options.get(name)}
        some = ("eps", "eta", "scale", "n_steps", "bandwidth", "dt", "posterior")
        given |= {"sde": arguments["sde"]["kind"]} if "sde" in arguments else {}
        given |= {name: arguments[name] for name in some if name in arguments and np.ndim(arguments[name]) == 0}
        asked.append(Asked(function, number, arguments, catches, confirms, gradient, given))
    return tuple(asked)


def rows_axis(function: str, name: str, value) -> int | None:
    """The axis of an argument along which it has an entry for each row, by its type; for methods, that of points."""
    annotation = types(function).get(name, inspect.Parameter.empty)
    mark = glossary.mark_of(annotation, glossary.ByRow) or (glossary.ByRow() if not glossary.told(annotation) else None)
    ndim = getattr(value, "ndim", 0)
    return max(0, ndim + mark.axis) if mark and ndim else None


def some_rows(function: str, name: str, value, rows: slice):
    """These rows of an argument; the whole argument if it has no rows."""
    if type(value) is tuple and rows_axis(function, name, value[0]) is not None:  # an array for each grid
        return tuple(some_rows(function, name, part, rows) for part in value)
    axis = rows_axis(function, name, value)
    return value if axis is None else value[(slice(None),) * axis + (rows,)]


def row_alone(function: str, arguments: dict, i: int = 0) -> dict:
    """The arguments with row i alone; its answer should be the same as among other rows."""
    return {name: some_rows(function, name, value, slice(i, i + 1)) for name, value in arguments.items()}


def _plan(function: str) -> Iterator[tuple[str, bool, dict]]:
    """The mistake to catch, whether with a gradient, and the question's options; even ones find, odd ones confirm."""
    kinds, seed = EXAMINED[function] or ("",), crc32(function.encode()) + particular(function).seed
    usual, one = {"kind": kinds[0]} if kinds[0] else {}, particular(function)
    trains = function in GRADIENTS
    for i, (d, n) in enumerate(SHAPES):
        for half in (0, 1):
            options = {"seed": seed + 2 * i + half, "d": d, "n": n, "m": None if i % 2 else 2 + half}
            options |= {"hidden": HIDDEN[i] + half} | usual | one.generic(i, half, d, n)
            alone, words = (
                d == 1 and _alone(function),
                f"a generic question, d = {_coordinates(function, options)}, n = {n}",
            )
            yield f"what is right {alone} only" if alone else words, trains and i in (0, 1), options
    for half in (0, 1) if function not in WHOLE else ():
        options = {"seed": seed + half, "d": 3, "n": 4, "m": 2 + half, "hidden": HIDDEN[0] + half, "alone": True}
        yield "rows that influence each other: this row is the first of an earlier question", False, options | usual
    for half in (0, 1) if function in DIAGNOSTICS else ():
        yield "a single chain", False, {"seed": seed + 10 + half, "d": 2, "n": 1}
    for half in (0, 1) if function in DIAGNOSTICS else ():
        yield "a chain that alternates", False, {"seed": seed + 12 + half, "d": 2, "n": 1, "alternate": True}
    for i, kind in enumerate(kinds[1:]):
        for half in (0, 1):
            options = {"seed": seed + 20 + 2 * i + half, "d": 2 + half, "n": 4 - half, "kind": kind}
            yield f"a model built wrongly: {kind}", trains and kind not in UNTRAINED, options
    for i, option, value in _values(function, usual):
        options = {"seed": seed + 40 + i % 2, "d": (3, 5)[i % 2], "n": 3, option: value} | usual
        yield _caught(function, option, value), trains and i in (0, 1) and option in ("sigma", "eps"), options
    yield from _far_out(function, kinds, seed)
    for half in (0, 1) if "mixture" in kinds else ():
        options = {"seed": seed + 80 + half, "d": 2 + half, "n": 3, "kind": "mixture", "between": True}
        yield "a sign that is right where the energy is convex", False, options
    for half in (0, 1):
        options = {"seed": seed + 70 + half, "d": 2, "n": 3, "grid": 48} | usual | one.rounded
        yield "inputs that are rounded to fewer digits on their way", False, options
    yield from _of_energies(function, kinds, seed)
    for words, options in (*one.beside, *_of_the_defaults(function)):
        yield from ((words, False, {"seed": seed + 100 + half} | options) for half in (0, 1))


def _coordinates(function: str, options: dict) -> int:
    """d: the number of coordinates of a point, or of pixels of an image."""
    images = glossary.Images in types(function).values()
    return Question(d=options["d"]).sides[-1] ** 2 if images else options["d"]


def _alone(function: str) -> str:
    """What a question with d = 1 is about: one dimension, or images on one grid, or nothing special."""
    of = set(types(function).values())
    on_grids = of & {glossary.GridImages, glossary.GridNoise}
    return "on one grid" if on_grids else "" if glossary.Images in of else "in one dimension"


def _of_the_defaults(function: str) -> Iterator[tuple[str, dict]]:
    """Questions with the default numbers, for programs that have these built in."""
    given = inspect.signature(getattr(refebm, function)).parameters if "." not in function else {}
    usual = {name: given[name].default for name in particular(function).also if isinstance(given[name].default, float)}
    for size in (3, 8) if usual else ():
        words = f"the usual numbers: {', '.join(f'{name} = {number:g}' for name, number in usual.items())}"
        yield words, {"d": 3, "n": 4, "n_steps": size, "levels": size} | usual


def _far_out(function: str, kinds, seed: int) -> Iterator[tuple[str, bool, dict]]:
    """Questions with points or wells so far out that naive code overflows."""
    wanted = ("quadratic", "mixture") if function in BITS else ("mixture",)
    kind = next((one for one in wanted if one in kinds), kinds[0])
    one = particular(function)
    for reach in (FAR if function in GRADIENTS else ()) if one.far is None else one.far:
        far = {"seed": seed + 62, "d": 2, "n": 3, "reach": reach} | one.far_out
        yield "overflow: points or wells far out", False, far | ({"kind": kind} if kind else {})


def _of_energies(function: str, kinds, seed: int) -> Iterator[tuple[str, bool, dict]]:
    """The generic questions again with a model that has an energy, for libraries that only have energies."""
    if kinds[0] != "mlp_score" or "mixture" not in kinds:
        return
    some = {"kind": "mixture"}
    for half in (0, 1):
        yield "what is right in one dimension only", False, {"seed": seed + 90 + half, "d": 1, "n": 3, "m": 2} | some
    for half in (0, 1) if function not in WHOLE else ():
        options = {"seed": seed + 92 + half, "d": 3, "n": 1, "m": 2 + half} | some
        yield "what is right for many rows only", False, options
    for i, option, value in _values(function, some):
        if option in ("sigma", "eta", "eps", "bandwidth", "n_steps"):
            yield (
                _caught(function, option, value),
                False,
                {"seed": seed + 94 + i % 2, "d": 2, "n": 2, option: value} | some,
            )
    for half in (0, 1):
        options = {"seed": seed + 96 + half, "d": 2, "n": 2, "grid": 48} | some
        yield "inputs that are rounded to fewer digits on their way", False, options


def _values(function, usual) -> Iterator[tuple[int, str, Any]]:
    """The values for each option that the function has."""
    has, one = Question(d=2, **usual).arguments(function), particular(function)
    for option, (argument, values, *_) in VALUES.items():
        of_it = argument in has if isinstance(argument, str) else argument in types(function).values()
        if of_it and option not in one.without:
            yield from ((i, option, value) for i, value in enumerate(values))
    for option, (values, *_) in one.values.items():
        yield from ((i, option, value) for i, value in enumerate(values))


def _caught(function, option, value):
    _, *words = particular(function).values.get(option) or VALUES[option][1:]
    if words:
        return words[0].format(value)
    plain = 0.5 if option == "eta" else 1  # the value at which sqrt(2 eta), or any power, is one
    return f"right at {option} = {value:g} only" if value == plain else f"a wrong power of {option}"
