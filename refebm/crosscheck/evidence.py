"""Answers to the questions about a function, beside the right values; and what is said of them, a diagnosis."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from refebm.crosscheck.vectors import Vector, tolerance
from refebm.identities import Implementation
from refebm.variants import Convention
from refebm.variants.steps import Chain

REDUCTIONS = {"per row": lambda rows: rows, "mean": np.mean, "sum": np.sum}
LEAST = 10  # an error of more tolerances, even in a single number, is no rounding error
FEW = 100  # an error of at most so many tolerances may be rounding


@dataclass(frozen=True, eq=False)
class Evidence:
    """Answers and right values of one function under one reduction, with the numbers of all questions in one array."""

    vectors: list[Vector]
    reduction: str
    answers: np.ndarray
    roundoff: float
    ignored: np.ndarray | None = None  # numbers that are not looked at
    near: list = field(default_factory=list)  # readings that fit the most telling question, and not all
    tried: list = field(default_factory=list)  # mistakes, with their answers to that question

    def gather(self, by_question: list[np.ndarray]) -> np.ndarray:
        return np.concatenate([np.atleast_1d(REDUCTIONS[self.reduction](value)) for value in by_question])

    @property
    def reduced(self) -> str:
        """The reduction, as an addition to a sentence."""
        return f", {self.reduction} of the rows" if self.reduction != "per row" else ""

    @cached_property
    def right(self) -> np.ndarray:
        return self.gather([vector.value for vector in self.vectors])

    @cached_property
    def scale(self) -> np.ndarray:
        return self.gather([vector.scale for vector in self.vectors])

    @cached_property
    def allowed(self) -> np.ndarray:
        """The tolerance of each number."""
        return tolerance(self.scale, self.roundoff)

    @cached_property
    def units(self) -> np.ndarray:
        """Errors in units of the tolerance; NaN counts as infinite."""
        with np.errstate(invalid="ignore"):
            units = np.nan_to_num(np.abs(self.answers - self.right) / self.allowed, nan=np.inf)
        return np.where(self.left_out, 0.0, units)

    @cached_property
    def wrong(self) -> np.ndarray:
        """Which numbers are beyond their tolerance."""
        return self.units > 1

    @cached_property
    def holds(self) -> bool:
        return not np.any(self.wrong)

    def scaled(self, by_question: dict[str, np.ndarray], scaling: Callable | None = None) -> np.ndarray:
        """The values by question as one array: the parts that are examined, each row times a factor, reduced."""
        rows = [by_question[vector.asked.id][: len(vector.value)] for vector in self.vectors]
        return self.gather([r * scaling(v) for r, v in zip(rows, self.vectors)] if scaling else rows)

    def each(self, fact) -> np.ndarray:
        """A fact about each question, repeated for each of its numbers (one number if they are reduced)."""
        return np.concatenate([np.full(np.size(self.gather([v.value])), fact(v.asked)) for v in self.vectors])

    @cached_property
    def confirms(self) -> np.ndarray:
        return self.each(lambda asked: float(asked.confirms)) == 1

    def equals(self, values: np.ndarray) -> np.ndarray:
        """Which answers equal these values. The tolerance grows with the values, whose terms may be larger.

        An infinite answer equals a value that overflows in the dtype of the answers.
        """
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            larger = np.maximum(1, np.nan_to_num(np.abs(values / self.right), nan=1, posinf=1))
            scale = self.scale * larger + 8 * np.abs(values)
            rounded = values.astype(np.float32) if self.roundoff > 1e-12 else values
            same = np.isfinite(self.answers) & np.isfinite(values)
            same &= np.abs(self.answers - values) <= tolerance(scale, self.roundoff)
            same |= (self.answers == rounded) | (np.isnan(self.answers) & np.isnan(values))
            return same | self.left_out

    def without(self, some: np.ndarray) -> "Evidence":
        """The same evidence with some of the numbers left out."""
        return replace(self, ignored=some | self.left_out)

    @cached_property
    def left_out(self) -> np.ndarray:
        return np.zeros(len(self.answers), bool) if self.ignored is None else self.ignored

    @cached_property
    def pieces(self) -> list["Evidence"]:
        """The evidence of each question by itself."""
        ends = np.cumsum([np.size(self.gather([vector.value])) for vector in self.vectors])[:-1]
        answers, left = (np.split(one, ends) for one in (self.answers, self.left_out))
        return [replace(self, vectors=[v], answers=a, ignored=i) for v, a, i in zip(self.vectors, answers, left)]

    @cached_property
    def wrong_pieces(self) -> list["Evidence"]:
        """The questions with wrong answers, those with the largest wrong share first: a misfit is found early."""
        return sorted((one for one in self.pieces if not one.holds), key=lambda one: -np.mean(one.wrong))

    @cached_property
    def telling(self) -> "Evidence":
        """The most telling question: its answers are finite, mostly wrong and not far out; else the first in order."""
        return min(self.wrong_pieces, key=Evidence._less_telling)

    def _less_telling(self) -> tuple:
        asked = self.vectors[0].asked
        return not np.all(np.isfinite(self.answers)), np.mean(self.wrong) < 0.5, asked.given["reach"] > 1, asked.id

    def confirmed(self, values: np.ndarray) -> bool:
        """Whether the values equal the answers on both halves of the questions, neither of which is empty."""
        looked_at = self.confirms[~self.left_out]
        return bool(np.any(looked_at) and not np.all(looked_at) and np.all(self.equals(values)))


class Built(NamedTuple):
    """An implementation that answers as a user's does, in the place of a convention that has a name."""

    known: Implementation

    def implementation(self) -> Implementation:
        return self.known


class Diagnosis(NamedTuple):
    """What is wrong, in words; its names in the bank; and the convention, if there is no mistake beside it."""

    words: str
    names: tuple[str, ...] = ()
    convention: Convention | Chain | Built | None = None
    reduction: str = ""  # the reduction of the answers, if known
