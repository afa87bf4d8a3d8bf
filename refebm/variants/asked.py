"""Exceptions in the questions about single functions; each stem's file of variants registers those of its functions.

Everything else in a question follows from the types of the arguments: `variants/arguments.py` and
`crosscheck/questions.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

FAR, FARTHER = (16, 64), (16, 1024)  # how far out points, or wells, are; farther where exp(700) is a number


@dataclass(frozen=True)
class Particular:
    """What differs, in the questions about a function, from what the types of its arguments say."""

    seed: int = 0  # added to the seed, so that the questions meet both decisions of a kernel, or both tails
    kinds: tuple[str, ...] = ()  # kinds of models to ask with, instead of those of the type
    more_kinds: tuple[str, ...] = ()  # kinds of models to ask with too
    also: tuple[str, ...] = ()  # arguments with a default that questions give nevertheless
    draws: dict[str, Any] = field(default_factory=dict)  # by argument: its value, or (question, name) -> its value
    far: tuple[int, ...] | None = None  # how far out points are; None: as for its type of result
    without: tuple[str, ...] = ()  # options of its types, and conventions, that are left out
    steps: tuple = ()  # conventions of its own, each a `Step`
    values: dict[str, tuple] = field(default_factory=dict)  # by option, also of a type: the values, and what they catch
    generic: Callable = lambda i, half, d, n: {}  # options of generic question i, for either half
    far_out: dict[str, Any] = field(default_factory=dict)  # options where points are far out
    rounded: dict[str, Any] = field(default_factory=dict)  # options where inputs have many digits
    beside: tuple[tuple[str, dict], ...] = ()  # further questions: what they catch, and their options
    special: tuple[tuple[str, dict], ...] = ()  # the same after all others, at special values, such as neutral ones
    trained: bool = False  # whether its result is differentiated in the model's parameters, though it is no loss
    parts: tuple[str, ...] = ()  # the names of the parts of its answer
    lacking: str = ""  # what is missing where the first part came back alone, which is examined then
    longer: tuple[str, Callable] | None = None  # words, and (parts, shapes) -> the answer in a longer one, or None
    factor: str = ""  # the positive factor of the whole that its source leaves free, and the source
    unasked: str = ""  # why no adapter is asked for it
    arguments: Callable | None = None  # (question, name, method) -> all arguments, of objects that are built from data
    call: Callable | None = None  # (impl, function, arguments) -> the answer, where that is not what is returned
    most_d: int | None = None  # the most coordinates, if more take too long
    each: tuple[dict, ...] = ({},)  # options; variants are compared by the answers with each of them
    answer: Callable | None = None  # (impl, **question) -> what variants are compared by instead
    gradient: bool = False  # whether variants are compared by gradients too, since a mistake may be in these alone


PARTICULAR: dict[str, Particular] = {}


def asked(functions: str, **particulars) -> None:
    """Register exceptions for functions, for methods, or for all methods of a class."""
    for function in functions.split():
        known = particular(function)
        more = {key: getattr(known, key) | one for key, one in particulars.items() if isinstance(one, dict)}
        PARTICULAR[function] = replace(known, **particulars | more)


def particular(function: str) -> Particular:
    """The exceptions for a function or a method, else those for its class, else none."""
    return PARTICULAR.get(function) or PARTICULAR.get(function.partition(".")[0]) or Particular()
