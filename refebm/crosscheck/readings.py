"""Readings: the answers of changed definitions, computed question by question as they are needed, and their cost."""

import ast
import contextlib
import itertools
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cached_property, wraps

import numpy as np

from refebm.crosscheck.evidence import Evidence
from refebm.crosscheck.patience import frugal, patient
from refebm.crosscheck.questions import row_alone
from refebm.crosscheck.vectors import Vector, vectors
from refebm.glossary import InputError
from refebm.identities import REFERENCE, Implementation
from refebm.models import Model
from refebm.variants import CONVENTIONS, WRONG
from refebm.variants.arguments import ask, flat, role, types
from refebm.variants.mutants import definitions
from refebm.variants.steps import weightings

MOST_REMEMBERED = 1000  # values of a model
MEMORIES: list[dict] = [{}]  # of what is cached here, the innermost `afresh` last


def cache(function: Callable) -> Callable:
    """Like functools.cache, but its memory is set aside inside `afresh` and restored after it."""

    @wraps(function)
    def known(*given):
        memory = MEMORIES[-1]
        if (function, given) not in memory:
            memory[function, given] = function(*given)
        return memory[function, given]

    return known


@contextlib.contextmanager
def afresh() -> Iterator[None]:
    """A context with empty caches, since cached readings belong to other questions or other variants."""
    MEMORIES.append({})
    try:
        yield
    finally:
        MEMORIES.pop()


class Remembered:
    """A model as a callable that remembers its values at points that are not traced: candidates ask for the same."""

    def __init__(self, model: Callable):
        self.model, self.known = model, {}

    def __call__(self, *given):
        if any(type(one) is not np.ndarray for one in given):
            return self.model(*given)
        points = tuple((one.shape, one.tobytes()) for one in given)
        if points not in self.known:
            if len(self.known) == MOST_REMEMBERED:
                self.known.clear()
            self.known[points] = self.model(*given)
        return np.array(self.known[points])  # a candidate may write into it


@cache
def remembered(model: Model, form: str) -> Remembered:
    return Remembered(getattr(REFERENCE, form)(model))


class Reading:
    """The answers of an implementation to a function's questions, NaN where it cannot answer."""

    def __init__(self, function: str, implementation: Callable[[], Implementation], what=None):
        self.function, self.made, self.what, self.known, self.lost = function, implementation, what, {}, set()
        self.partial = False  # whether it fits except where it is NaN

    @cached_property
    def implementation(self) -> Implementation:
        return self.made()

    def on(self, vector: Vector) -> np.ndarray:
        number = vector.asked.id
        if number not in self.known:
            self.known[number] = self._answer(vector)
        return self.known[number][: len(vector.value)]

    def _answer(self, vector):
        whole = next((one for one in vectors(self.function) if one.asked.id == vector.asked.id), vector)
        lost = np.full(len(whole.value), np.nan)
        try:
            answer = self._asked(vector.asked.arguments)
            return answer if answer.shape == lost.shape else lost
        except InputError:  # a changed argument may leave its domain in some rows: ask row by row
            rows = [self._row(vector, i) for i in range(len(lost))] if whole.by_row else [np.nan]
            if not np.all(np.isnan(rows)):
                return np.array(rows)
        except Exception:  # a mutant may raise anything
            pass
        self.lost.add(vector.asked.id)
        return lost

    def _asked(self, arguments) -> np.ndarray:
        own = {name: self._own(name, one) for name, one in arguments.items()}
        with np.errstate(all="ignore"), warnings.catch_warnings(), patient(), frugal():
            warnings.simplefilter("ignore")
            return np.ravel(flat(ask(self.function, self.implementation, own))).astype(np.float64)

    def _own(self, name, argument):
        """An argument for a candidate, which may write into it: a copy; or a model that remembers its values."""
        form = role(types(self.function).get(name)) if isinstance(argument, Model) else ""
        if form in ("score", "energy"):
            return remembered(argument, form)
        return argument.copy() if isinstance(argument, np.ndarray) else argument

    def _row(self, vector, i) -> float:
        try:
            answer = self._asked(row_alone(self.function, vector.asked.arguments, i))
            return float(answer[0]) if answer.shape == (1,) else np.nan
        except Exception:
            return np.nan

    def values(self, evidence: Evidence, weight: Callable | None = None) -> np.ndarray:
        rows = [self.on(v) * (1.0 if weight is None else _row_weight(weight, v)) for v in evidence.vectors]
        return evidence.gather(rows)

    def tells(self, evidence: Evidence, weight: Callable | None = None) -> bool:
        """Whether this reading equals the answers to the most telling question."""
        one = evidence.telling
        with np.errstate(all="ignore"):
            values = self.values(one, weight)
            nowhere = self._nowhere(one, values)
            same = np.all(one.equals(values) | nowhere) and np.mean(nowhere) < 0.5
            return bool(same) and one.vectors[0].asked.id not in self.lost

    def _nowhere(self, evidence: Evidence, values) -> np.ndarray:
        """Where this reading is NaN and the answers are not, as for a root of a negative number that others clip."""
        return np.isnan(values) & ~np.isnan(evidence.answers)

    def _unexplained(self, evidence: Evidence) -> int:
        """How many questions this reading cannot answer although the user's answers to them are finite."""
        lost = [one for one in evidence.pieces if one.vectors[0].asked.id in self.lost]
        return sum(bool(np.all(np.isfinite(one.answers))) for one in lost)

    def _differs(self, one: Evidence, weight) -> bool:
        """Whether this reading can answer a question, and its answers differ from the user's."""
        values = self.values(one, weight)
        same = one.equals(values) | self._nowhere(one, values)
        return one.vectors[0].asked.id not in self.lost and not np.all(same)

    def fits(self, evidence: Evidence, weight: Callable | None = None) -> bool:
        """Whether this reading equals the answers; questions that it cannot answer are left out, if they are few."""
        with np.errstate(all="ignore"):
            if not self.tells(evidence, weight) or any(self._differs(one, weight) for one in evidence.wrong_pieces):
                return False
            values = self.values(evidence, weight)
            if self.lost and self._unexplained(evidence) < len(evidence.vectors) * 2 / 3:
                evidence = evidence.without(evidence.each(lambda asked: float(asked.id in self.lost)) == 1)
            nowhere = self._nowhere(evidence, values)
            self.partial = bool(np.any(nowhere & ~evidence.left_out))
            if self.partial and np.mean(nowhere) < 1 / 3:
                evidence = evidence.without(nowhere)
            return evidence.confirmed(values)


@cache
def readings(function: str) -> list[Reading]:
    """A reading for every named variant of a function."""
    entries = [variant for variant in [*WRONG, *CONVENTIONS] if variant.function == function]
    return [Reading(function, variant.implementation, variant) for variant in entries]


def is_multiple(reading: Reading) -> bool:
    """Whether a reading is the right answers times one number."""
    asked = vectors(reading.function)
    first, right = reading.on(asked[0]), asked[0].value
    factor = (first @ right) / (right @ right)
    return all(np.allclose(reading.on(one), factor * one.value, rtol=1e-10, atol=0) for one in asked)


# --- with other weights of the rows ----------------------------------------------------------------------------------


def handed(vector: Vector) -> dict:
    """The arguments of a question as functions take them, except models."""
    given = dict(vector.asked.arguments)
    return given | ({"sde": REFERENCE.sde(given["sde"])} if "sde" in given else {})


def _row_weight(weight, vector):
    """The weight of each number of an answer."""
    rows = np.atleast_1d(weight(handed(vector)))
    return rows if rows.size == 1 else np.repeat(rows, len(vector.value) // len(rows))


@cache
def weights_at(function: str, number: str) -> np.ndarray:
    """All K weightings at the numbers of a question, (K, n)."""
    vector = next(one for one in vectors(function) if one.asked.id == number)
    with np.errstate(all="ignore"):
        some = [one.factor(handed(vector)) for one in weightings(function)]
    return np.stack([w * np.ones(len(vector.value)) for w in some])


def weighted(reading: Reading, evidence: Evidence) -> Iterator:
    """The weightings under which a reading fits."""
    for weighting in near_weights(reading.function, evidence, reading.on):
        if reading.fits(evidence, weighting.factor):
            yield weighting


def near_weights(function: str, evidence: Evidence, on: Callable) -> list:
    """The weightings with which `on` equals the answers to the most telling question."""
    one, some = evidence.telling, weightings(function)
    vector = one.vectors[0]
    if len(some) > 1 and vector.by_row:
        with np.errstate(all="ignore"):
            rows = weights_at(function, vector.asked.id) * on(vector)
            reduced = {"mean": rows.mean(axis=1, keepdims=True), "sum": rows.sum(axis=1, keepdims=True)}
            near = np.all(one.equals(reduced.get(evidence.reduction, rows)), axis=1)
        return [weighting for weighting, fits in zip(some, near) if fits]
    return list(some)


# --- what readings cost ----------------------------------------------------------------------------------------------

COMPILING, OF_NODE = 600, 3  # calls that take as long as a text is made, and for each node of it


@cache
def cost(function: str) -> int:
    """The cost of one evaluation: how many functions the definition calls to answer a question."""
    asked, count, before = vectors(function)[0].asked, itertools.count(), sys.getprofile()
    ask(function, REFERENCE, asked.arguments)  # what is remembered is, from here on
    sys.setprofile(lambda _, event, __: next(count) if event in ("call", "c_call") else None)
    try:
        ask(function, REFERENCE, asked.arguments)
    finally:
        sys.setprofile(before if callable(before) else None)
        if hasattr(before, "enable"):  # cProfile's, which no function is
            before.enable()
    return next(count)


def affordable(some: Iterator, function: str, calls: float, made: int | None = None) -> Iterator:
    """The first of these candidates, as many as this number of calls can build (at cost `made`) and evaluate once."""
    return itertools.islice(some, int(calls // (cost(function) + (compiling(function) if made is None else made))))


@cache
def compiling(function: str) -> int:
    """The cost, in calls, of compiling a changed text of the definition."""
    return COMPILING + OF_NODE * sum(1 for _ in ast.walk(definitions(function)[0][1])) if definitions(function) else 0
