"""What is particular to the questions about one function, which stands in its stem, beside its variants.

All else in a question is made of the types of the arguments: `variants/questions.py`, `crosscheck/questions.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

FAR, FARTHER = (16, 64), (16, 1024)  # how far out points, or wells, are; farther where exp(700) is a number


@dataclass(frozen=True)
class Particular:
    """What is not as the types of the arguments have it."""

    seed: int = 0  # added to that of the name, so that some questions meet both decisions, or both tails
    kinds: tuple[str, ...] = ()  # of models that it is asked with, instead of those of the type
    more_kinds: tuple[str, ...] = ()  # beside those of the type
    also: tuple[str, ...] = ()  # arguments with a default that are asked for too
    draws: dict[str, Callable] = field(default_factory=dict)  # by argument: (question, name) -> its value
    far: tuple[int, ...] | None = None  # how far out it is asked; None: as the type of what it returns has it
    without: tuple[str, ...] = ()  # options whose values it is not asked
    values: dict[str, tuple] = field(default_factory=dict)  # of an option of its own: the values, what they catch
    generic: Callable = lambda i, half, d, n: {}  # options of a generic question, of which there are two of each i
    far_out: dict[str, Any] = field(default_factory=dict)  # options where points are far out
    rounded: dict[str, Any] = field(default_factory=dict)  # options where inputs have many digits
    beside: tuple[tuple[str, dict], ...] = ()  # questions of its own: what they catch, their options
    parts: tuple[str, ...] = ()  # what the parts of its answer are
    most_d: int | None = None  # where more coordinates take long
    each: tuple[dict, ...] = ({},)  # options: what it answers with each of them tells versions of it apart
    answer: Callable | None = None  # (impl, **question) -> numbers that tell versions apart, if not its answer
    gradient: bool = False  # whether a mistake may be in the gradient alone


PARTICULAR: dict[str, Particular] = {}


def asked(functions: str, **particulars) -> None:
    """Register what is particular to functions, to methods, or to a class: to all of its methods."""
    for function in functions.split():
        PARTICULAR[function] = replace(particular(function), **particulars)


def particular(function: str) -> Particular:
    """What is particular to a function or a method, or else to its class."""
    return PARTICULAR.get(function) or PARTICULAR.get(function.partition(".")[0]) or Particular()
