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
from refebm.glossary import InputError, InputTypeError
from refebm.identities import STEMS
from refebm.models import Model, Models
from refebm.samplers.step import Step
from refebm.variants import WRONG
from refebm.variants.arguments import DIAGNOSTICS, FUNCTIONS, GRID, Question, of_type, parameters, types
from refebm.variants.asked import FAR, particular
from refebm.words import did_you_mean, having

KERNEL_TYPES = (glossary.Transition, glossary.CoupledTransition, glossary.EnergyTransition)
FOR_NO_ADAPTER = {  # functions that take, or return, one of these types are not asked, and why
    glossary.Rng: "draws noise: the definition that it uses is examined with given noise",
    **dict.fromkeys(KERNEL_TYPES, "takes a kernel: the kernels are examined"),
    Callable: "takes a loss: its result depends on the optimiser",
    Model: "makes a model of one of refebm's own densities",
}


def _kinds(function: str) -> tuple[str, ...]:
    """The kinds of models to ask a function with, from the types of its arguments."""
    found = (glossary.mark_of(one, glossary.Built) for one in types(function).values() if one != glossary.Sde)
    kinds = next((mark.kinds for mark in found if mark and mark.kinds), ())
    return particular(function).kinds or kinds + particular(function).more_kinds


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


def why_not(name: str) -> str:
    """Why no adapter is asked for a public name, or for a method; "" if one is."""
    if any(name in (one, one.partition(".")[0]) for one in EXAMINED):
        return ""
    if "." in name:
        return unasked(name) or "nothing is asked about it by itself"
    reason = unasked(name) if name in FUNCTIONS else particular(name).unasked
    return reason or "it is no function, density, machine or SDE with an answer to compare"


WITH_WRONG = dict.fromkeys(one.function for one in WRONG if "." in one.function)
CLASSES = list(dict.fromkeys(one.partition(".")[0] for one in WITH_WRONG))
METHODS = sorted(WITH_WRONG, key=lambda one: CLASSES.index(one.partition(".")[0]))  # those of a class together
EXAMINED: dict[str, tuple[str, ...]] = {  # by public name: the kinds of models to ask with, the usual one first
    function: _kinds(function)
    for some in (sorted(FUNCTIONS, key=_place), METHODS)
    for function in some
    if not unasked(function)
}
LOSSES = {name for name in EXAMINED if types(name)["return"] == glossary.Loss}
GRADIENTS = LOSSES | {name for name in EXAMINED if particular(name).trained}  # asked for those in the parameters


def is_named(returned) -> bool:
    """Whether a function returns a named tuple other than `Step`."""
    return hasattr(returned, "_fields") and returned is not Step


NOT_BY_ROW = (np.ndarray, float, Any, glossary.Parameters)  # the types of results that do not come row by row
WHOLE = {name for name in EXAMINED for made in [types(name)["return"]] if made in NOT_BY_ROW or is_named(made)}
UNTRAINED = ("flow", "denoiser", "diffused_mixture")  # kinds of models for which no gradient is asked
SIZES = ((3, 4), (2, 3), (5, 4), (1, 3), (2, 4))  # (d, n) of two questions each: one to find a name, one to confirm it
HIDDEN = (2, 3, 2, 3, 1)  # hidden units of an RBM in the first of the two; the second has one more
BITS = {name for name in EXAMINED if "." not in name and glossary.Bits in types(name).values()}  # of zeros and ones


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

    Errors: E-NONE if there is none; E-OPTION for what is no text.
    """
    if not isinstance(text, str):
        raise InputTypeError("E-OPTION", f"the functions to examine are selected by a text, got {text!r}")
    stems = {name: getattr(refebm, name.partition(".")[0]).__module__.rpartition(".")[2] for name in EXAMINED}
    found = [name for name in EXAMINED if text in (name, name.partition(".")[0])]
    found = found or [name for name in EXAMINED if stems[name] == text]
    found = found or having(text, {name: name for name in EXAMINED})
    if not found:
        name, _, method = text.partition(".")
        if name in refebm.__all__ and (not method or hasattr(getattr(refebm, name), method)):
            raise InputError("E-NONE", f"{text} is not examined: {why_not(text)}")
        raise InputError("E-NONE", f"no function has {text!r} in its name{did_you_mean(text, EXAMINED)}")
    return found


@functools.cache
def questions(function: str) -> tuple[Asked, ...]:
    """All questions about a public function."""
    asked = []
    for catches, gradient, options in _plan(function):
        alone, apart = options.pop("alone", False), options.pop("each_apart", False)
        arguments = Question(**options).arguments(function)
        arguments = row_alone(function, arguments) if alone else arguments
        things, arguments = rows_apart(function, arguments) if apart else ((), arguments)
        if apart and len(things) < FEWEST:
            continue
        number, confirms = f"{len(asked):02d}", len(asked) % 2 == 1
        given = {
            "d": _coordinates(function, options),
            "n": 1 if alone else 1 + len(things) if apart else options["n"],
            "kind": options.get("kind", ""),
        }
        given |= {"reach": options.get("reach", 1), "seed": options["seed"], "grid": options.get("grid", GRID)}
        y, v = (of_type(function, arguments, kind) for kind in (glossary.NoisePoints, glossary.Projections))
        given |= {"nu": len(y)} if y is not None else {}
        given |= {"m": len(v) if v.ndim == 3 else 1} if v is not None else {}
        given |= {name: options[name] for name in ("walls", "holes", "near") if options.get(name)}
        given |= {"apart": things} if apart else {}
        given |= dict(_tried(function, arguments))
        asked.append(Asked(function, number, arguments, catches, confirms, gradient, given))
    return tuple(asked)


def _tried(function: str, arguments: dict) -> Iterator[tuple[str, Any]]:
    """What was tried in a question, by the types of its arguments: a number, a name, or "rows" if each row has one."""
    for name, value in arguments.items():
        kind = types(function).get(name)
        if glossary.mark_of(kind, glossary.Tried):
            if isinstance(value, dict):
                yield name, value["kind"]
            elif np.ndim(value) == 0 or glossary.mark_of(kind, glossary.ByRow):
                yield name, "rows" if np.ndim(value) else value


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


FEWEST = 2  # things in which rows differ, where one of them may be ignored
ROWS = 12  # of which rows are taken that differ in one thing each


def rows_apart(function: str, arguments: dict) -> tuple[tuple[str, ...], dict]:
    """What rows differ in, and the arguments with rows that are the first but for one of these things each.

    A thing is an argument, such as z, or what stands last in it, such as z[:, -1] in noise for steps of several parts.
    """
    first = {name: value[0] if type(value) is tuple else value for name, value in arguments.items()}
    axes = {name: rows_axis(function, name, value) for name, value in first.items()}
    things = [
        (name, place) for name, axis in axes.items() if axis is not None for place in _ends(arguments[name], axis)
    ]

    def made(name, i, value):
        """Part i of an argument, in which a row takes what is its own where it is that row's turn to."""
        rows = np.moveaxis(np.array(value), axes[name], 0)
        some = np.repeat(rows[:1], 1 + len(things), axis=0)
        for row, (other, place) in enumerate(things, 1):
            if other == name and place[0] in (None, i):
                some[(row, *place[1:])] = rows[(row, *place[1:])]
        return np.moveaxis(some, 0, axes[name])

    found = dict(arguments)
    for name in (name for name, axis in axes.items() if axis is not None):
        value = arguments[name]
        parts = tuple(made(name, i, part) for i, part in enumerate(value if type(value) is tuple else (value,)))
        found[name] = parts if type(value) is tuple else parts[0]
    return tuple(name + _in_brackets(*place) for name, place in things), found


def _ends(value, axis: int) -> Iterator[tuple]:
    """Places in an argument: all of it, and what is last in a tuple or in an axis before that of the rows. Each is a
    part of a tuple, None for all, and an index beside that of the row."""
    yield (None,)
    if type(value) is tuple:
        yield from [(len(value) - 1,)] * (len(value) > 1)
        return
    for before in range(axis):
        if value.shape[before] > 1:
            yield None, *(slice(None),) * before, -1


def _in_brackets(part, *index) -> str:
    last = [-1] if part is not None else [":" if one == slice(None) else one for one in index]
    return f"[{', '.join(map(str, last))}]" if last else ""


def _plan(function: str) -> Iterator[tuple[str, bool, dict]]:
    """The mistake to catch, whether with a gradient, and the question's options; even ones find, odd ones confirm."""
    kinds, seed = EXAMINED[function] or ("",), crc32(function.encode()) + particular(function).seed
    usual, one = {"kind": kinds[0]} if kinds[0] else {}, particular(function)
    trains = (0, 1) if function in LOSSES else (1,) if function in GRADIENTS else ()
    for i, (d, n) in enumerate(SIZES):
        for half in (0, 1):
            options = {"seed": seed + 2 * i + half, "d": d, "n": n, "m": None if i % 2 else 2 + half}
            options |= {"hidden": HIDDEN[i] + half} | usual | one.generic(i, half, d, n)
            alone, words = (
                d == 1 and _alone(function),
                f"a generic question, d = {_coordinates(function, options)}, n = {n}",
            )
            yield f"what is right {alone} only" if alone else words, i in trains, options
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
            yield f"a model built wrongly: {kind}", function in LOSSES and kind not in UNTRAINED, options
    trained = _of_types(function) if function in LOSSES else ()
    for option, mark in _varied(function).items():
        for i, value in enumerate(mark.others):
            options = {"seed": seed + 40 + i % 2, "d": (3, 5)[i % 2], "n": 3, option: value} | usual
            yield _caught(option, mark, value), i < 2 and option in trained and isinstance(value, float), options
    yield from _far_out(function, kinds, seed)
    for half in (0, 1) if "mixture" in kinds else ():
        options = {"seed": seed + 80 + half, "d": 2 + half, "n": 3, "kind": "mixture", "between": True}
        yield "a sign that is right where the energy is convex", False, options
    for half in (0, 1):
        options = {"seed": seed + 70 + half, "d": 2, "n": 3, "grid": 48} | usual | one.rounded
        yield "inputs that are rounded to fewer digits on their way", False, options
    yield from _of_energies(function, kinds, seed)
    yield from _of_its_own(function, seed)
    yield from ((words, False, usual | options) for words, options in _at_last(function, seed))


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


def _of_its_own(function: str, seed: int) -> Iterator[tuple[str, bool, dict]]:
    """Further questions that a function has of its own, and those with its usual numbers."""
    for words, options in (*particular(function).beside, *_of_the_defaults(function)):
        yield from ((words, False, {"seed": seed + 100 + half} | options) for half in (0, 1))


def _at_last(function: str, seed: int) -> Iterator[tuple[str, dict]]:
    """Questions near the ends of time, at special values, and with rows that differ in one thing each."""
    for words, options in _near_the_ends(function):
        yield from ((words, {"seed": seed + 110 + i, "d": 2 + i, "n": 3} | options) for i in (0, 1))
    for words, options in particular(function).special:
        yield from ((words, {"seed": seed + 130 + i, "d": 2, "n": 3} | options) for i in (0, 1))
    if function not in WHOLE:
        options = {"seed": seed + 150, "d": 3 if function in BITS else 2, "n": ROWS, "each_apart": True}
        yield "an argument that does not matter", options


def _near_the_ends(function: str) -> Iterator[tuple[str, dict]]:
    """Questions near both ends of time, to which a program may hold its times back; a start is before them."""
    starts = [name for name, kind in types(function).items() if kind == glossary.StartTimes]
    for name, kind in types(function).items():
        mark = None if name in starts else glossary.mark_of(kind, glossary.Tried)
        for value in mark.near if mark else ():
            number = "" if isinstance(value, tuple) else f": {value:g}"
            ends = "both ends" if number == "" else "the start" if value < 0.5 else "the end"
            early = dict.fromkeys(starts, 0.0) if ends == "the start" else {}
            yield f"{name} held back from {ends} of time{number}", early | {name: value, "near": ends}


def _far_out(function: str, kinds, seed: int) -> Iterator[tuple[str, bool, dict]]:
    """Questions with points or wells so far out that naive code overflows."""
    wanted = ("quadratic", "mixture") if function in BITS else ("mixture",)
    kind = next((one for one in wanted if one in kinds), kinds[0])
    one = particular(function)
    for reach in (FAR if function in LOSSES else ()) if one.far is None else one.far:
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
    for option, mark in _of_types(function).items():
        for i, value in enumerate(mark.others):
            options = {"seed": seed + 94 + i % 2, "d": 2, "n": 2, option: value} | some
            yield _caught(option, mark, value), False, options
    for half in (0, 1):
        options = {"seed": seed + 96 + half, "d": 2, "n": 2, "grid": 48} | some
        yield "inputs that are rounded to fewer digits on their way", False, options


def _of_types(function: str) -> dict[str, glossary.Tried]:
    """The values to ask with, by option, that the types of the arguments have and the function does not leave out."""
    names = parameters(function) if "." not in function else types(function)
    marks = {name: glossary.mark_of(types(function).get(name), glossary.Tried) for name in names}
    found = {name: mark for name, mark in marks.items() if mark and mark.others}
    return {option: mark for option, mark in found.items() if option not in particular(function).without}


def _varied(function: str) -> dict[str, glossary.Tried]:
    """The same, and then the values of the function's own options, which may be a type's: these come in their place."""
    own = {option: glossary.Tried(None, *of) for option, of in particular(function).values.items()}
    return {option: mark for option, mark in _of_types(function).items() if option not in own} | own


def _caught(option: str, mark: glossary.Tried, value) -> str:
    if mark.catches:
        return mark.catches.format(value)
    return f"right at {option} = {value:g} only" if value == mark.plain else f"a wrong power of {option}"
