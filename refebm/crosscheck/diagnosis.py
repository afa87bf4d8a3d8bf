"""Diagnoses of failing answers: a chain of conventions with at most one mistake in it, or else plain facts.

A name is found on one half of the questions and confirmed on the other half. The search goes from simple to complex: an
entry of the bank; the reference in other conventions; a mistake of the bank in other conventions; two mistakes; a
combination of the formula's terms; one changed place in the definition; a number that is added or multiplied there.
Then the same is tried to the accuracy of float32 and of finite differences, and on the questions without those of one
kind, which are diagnosed by themselves. If no name fits, none is given.
"""

import ast
import contextlib
import itertools
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, partial, wraps
from typing import NamedTuple

import numpy as np

from refebm.crosscheck.facts import EXCEPTIONS, NO_ENERGY, facts
from refebm.crosscheck.patience import patient
from refebm.crosscheck.questions import row_alone
from refebm.crosscheck.vectors import FACTOR, Vector, tolerance, vectors
from refebm.glossary import InputError, Loss
from refebm.identities import REFERENCE, Implementation
from refebm.variants import CONVENTIONS, NUMBERED, TERMS, WRONG, Convention, Variant
from refebm.variants.helpers import EPSILONS, calls, helpers
from refebm.variants.misread import IGNORED, misread
from refebm.variants.mutants import Mutant, both, definitions, edit_of, mutants, natural_pairs, sought
from refebm.variants.questions import KERNELS, ask, flat, types
from refebm.variants.record import called_by, calling, elsewhere, together
from refebm.variants.steps import Chain, chains, weightings

REDUCTIONS = {"per row": lambda rows: rows, "mean": np.mean, "sum": np.sum}
NICE = sorted({Fraction(p, q) for p in range(-4, 5) for q in (1, 2, 3, 4)}, key=lambda c: (c.denominator, abs(c)))


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
    def holds(self) -> bool:
        return bool(np.all(self.units <= 1))

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
        wrong = [one for one in self.pieces if np.any(one.units > 1)]
        return sorted(wrong, key=lambda one: -np.mean(one.units > 1))

    @cached_property
    def telling(self) -> "Evidence":
        """The most telling question: its answers are finite, mostly wrong and not far out; else the first in order."""
        return min(self.wrong_pieces, key=Evidence._less_telling)

    def _less_telling(self) -> tuple:
        asked = self.vectors[0].asked
        return not np.all(np.isfinite(self.answers)), np.mean(self.units <= 1) > 0.5, asked.given["reach"] > 1, asked.id

    def confirmed(self, values: np.ndarray) -> bool:
        """Whether the values equal the answers on both halves of the questions, neither of which is empty."""
        looked_at = self.confirms[~self.left_out]
        return bool(np.any(looked_at) and not np.all(looked_at) and np.all(self.equals(values)))


class Diagnosis(NamedTuple):
    """What is wrong, in words; its names in the bank; and the convention, if there is no mistake beside it."""

    words: str
    names: tuple[str, ...] = ()
    convention: Convention | Chain | None = None
    reduction: str = ""  # the reduction of the answers, if known


def diagnose(function: str, candidates: list[Evidence]) -> Diagnosis:
    """The diagnosis: an exact match under one reduction, else a near one, else one with exceptions, else facts."""
    if not any(np.any(np.isfinite(evidence.answers)) for evidence in candidates):
        return _facts(candidates)  # nothing tells one name from another
    exact = named(function, candidates) or _given_back(candidates[0]) or helped(function, candidates)
    exact = exact or _searched(function, candidates)
    if exact:
        return exact if exact.names or exact.convention else exact._replace(words=_with_facts(exact, candidates))
    return (
        _epsilon(function, candidates)
        or nearly(function, candidates)
        or excepted(function, candidates)
        or _facts(candidates)
    )


def _searched(function: str, candidates: list[Evidence]) -> Diagnosis | None:
    """The result of the deep searches; proposals without a finite energy may be an exception, described by facts."""
    words, mask = NO_ENERGY
    some = [mask(evidence) for evidence in candidates]
    if added := named(function, candidates, lambda _: [_added], True):
        return added
    rest = [evidence.without(one) for evidence, one in zip(candidates, some)] if np.any(some[0]) else candidates
    found = named(function, rest, _deep, True)
    if not found or rest is candidates or any(_nearest(function, one) for one in candidates):
        return found
    these, found = candidates[0].without(~some[0]), named(function, rest) or found
    return found._replace(
        words=f"{found.words}; except where {words}: there {'; '.join(facts(these))}", convention=None
    )


def _given_back(evidence: Evidence) -> Diagnosis | None:
    """The diagnosis of a function that returns one of its arguments unchanged, such as a chain that never moves."""
    asked = [(one.vectors[0].asked.arguments, one.answers) for one in evidence.pieces]
    for name in asked[0][0] if evidence.reduction == "per row" else ():
        given = [np.ravel(one[name]) for one, _ in asked if isinstance(one[name], np.ndarray)]
        if len(given) == len(asked) and all(
            np.array_equal(one, got[: len(one)]) for one, (_, got) in zip(given, asked)
        ):
            idle = "the state never moves: " * (name == "x" and evidence.vectors[0].asked.function in KERNELS)
            return Diagnosis(f"{idle}what comes back is {name}, as it was given; {facts(evidence)[-1]}")
    return None


def _with_facts(found: Diagnosis, candidates: list[Evidence]) -> str:
    """The words of a diagnosis that has no name in the bank, with the facts about it."""
    evidence = next((one for one in candidates if one.reduction == found.reduction), candidates[0])
    *told, _ = facts(evidence)
    return "; ".join([found.words, *(fact for fact in told if "grows" not in fact)])


def _facts(candidates: list[Evidence]) -> Diagnosis:
    return Diagnosis("; ".join(facts(candidates[0])))


def named(
    function: str, candidates: list[Evidence], deep: Callable | None = None, alone: bool = False
) -> Diagnosis | None:
    """The simplest diagnosis that fits under one reduction. deep: further searches; alone: only those."""
    few = FEW if candidates[0].roundoff < 1e-12 else LEAST  # tolerances of float32 are as large as small regularisers
    some = [evidence for evidence in candidates if np.max(evidence.units) > few]  # smaller errors are rounding
    searches = [_bank, _conventions, _tables, _in_conventions, _scaled, _with_a_number, _ignored]
    found = None if alone else _only(searches, function, some) or _combined(function, some)
    return found or (_only(deep(some[0]), function, some) if deep and some else None)


def _only(searches: list, function: str, candidates: list[Evidence]) -> Diagnosis | None:
    """The result of the first search that finds something under exactly one reduction."""
    for search in searches:
        found = [one for evidence in candidates for one in [search(function, evidence)] if one]
        if len(found) == 1:
            return found[0]
    return None


def helped(function: str, candidates: list[Evidence]) -> Diagnosis | None:
    """A replaced helper: in the reference or, if programs are known to have it, in addition to a named variant."""
    wrong = [evidence for evidence in candidates if np.max(evidence.units) > LEAST]
    for helper in helpers(function):
        with_it = partial(elsewhere, function, {helper.name: helper.instead})
        convention = _Together(with_it()) if helper.source else None
        for evidence in wrong:
            if Reading(function, with_it).fits(evidence):
                said = f"equals the reference with {helper.words}{_reduced(evidence)}"
                said += f" (convention of {helper.source})" if helper.source else ""
                return Diagnosis(said, (helper.words,), convention, evidence.reduction)
        if found := helper.source and _beside_helper(function, candidates, with_it):
            convention = found.convention and _Together(found.convention.implementation())
            said = f"{found.words}, and {helper.words} (convention of {helper.source})"
            return found._replace(words=said, convention=convention)
    return None


def _beside_helper(function, candidates, with_it) -> Diagnosis | None:
    """A named variant, or a chain of conventions, in addition to a replaced helper."""
    versions = [Reading(function, partial(with_it, one.what), one.what) for one in readings(function)]
    searches = [partial(_bank, versions=versions), partial(_conventions, inner=with_it())]
    return _only(searches, function, [evidence for evidence in candidates if np.max(evidence.units) > FEW])


def _epsilon(function, candidates) -> Diagnosis | None:
    """An epsilon that programs add in a helper, inside a logarithm, with its value."""
    for name, (words, made, source) in EPSILONS.items():
        if not calls(function, name):
            continue

        def reading(k, name=name, made=made):
            return Reading(function, partial(elsewhere, function, {name: made(k)}))

        for evidence in (one for one in candidates if not one.holds):
            number = _solved(evidence.telling, reading, 0.0)
            rough = replace(evidence, roundoff=max(evidence.roundoff, 2.0**-24))  # since such programs lose digits
            if number and abs(number) <= SMALL and not rough.holds and reading(number).fits(rough):
                said = f"equals the reference {words.format(number)}{_reduced(evidence)} (convention of {source})"
                return Diagnosis(said, (), _Together(reading(number).implementation), evidence.reduction)
    return None


@contextlib.contextmanager
def afresh() -> Iterator[None]:
    """A context with empty caches, since cached readings belong to other questions or other variants."""
    MEMORIES.append({})
    try:
        yield
    finally:
        MEMORIES.pop()


LEAST = 10  # an error of more tolerances, even in a single number, is no rounding error
FEW = 100  # an error of at most so many tolerances may be rounding


def _deep(evidence: Evidence) -> list:
    """The deep searches to try: none without finite answers; for small errors only those for an added number."""
    if not np.any(np.isfinite(evidence.telling.answers)):
        return []
    small = _mostly(evidence) and replace(evidence, roundoff=max(evidence.roundoff, 2.0**-24)).holds
    return [_added, _number_sought] if small else [_added, _made, _number_sought, _doubled]


def _mostly(evidence: Evidence) -> bool:
    """Whether most numbers are wrong, and not only those of one kind of questions."""
    return np.mean(evidence.units[~evidence.left_out] > 1) > 0.5


# --- readings: the answers of an implementation, computed question by question as they are needed --------------------


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
        own = {name: one.copy() if isinstance(one, np.ndarray) else one for name, one in arguments.items()}
        with np.errstate(all="ignore"), warnings.catch_warnings(), patient():
            warnings.simplefilter("ignore")  # own: a mutant may write into its arguments
            return np.ravel(flat(ask(self.function, self.implementation, own))).astype(np.float64)

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


def handed(vector: Vector) -> dict:
    """The arguments of a question as functions take them, except models."""
    given = dict(vector.asked.arguments)
    return given | ({"sde": REFERENCE.sde(given["sde"])} if "sde" in given else {})


def _row_weight(weight, vector):
    """The weight of each number of an answer."""
    rows = np.atleast_1d(weight(handed(vector)))
    return rows if rows.size == 1 else np.repeat(rows, len(vector.value) // len(rows))


@cache
def _weights(function: str, number: str) -> np.ndarray:
    """All K weightings at the numbers of a question, (K, n)."""
    vector = next(one for one in vectors(function) if one.asked.id == number)
    with np.errstate(all="ignore"):
        some = [one.factor(handed(vector)) for one in weightings(function)]
    return np.stack([w * np.ones(len(vector.value)) for w in some])


def weighted(reading: Reading, evidence: Evidence) -> Iterator:
    """The weightings under which a reading fits."""
    for weighting in _near_weights(reading.function, evidence, reading.on):
        if reading.fits(evidence, weighting.factor):
            yield weighting


def _near_weights(function: str, evidence: Evidence, on: Callable) -> list:
    """The weightings with which `on` equals the answers to the most telling question."""
    one, some = evidence.telling, weightings(function)
    vector = one.vectors[0]
    if len(some) > 1 and vector.by_row:
        with np.errstate(all="ignore"):
            rows = _weights(function, vector.asked.id) * on(vector)
            reduced = {"mean": rows.mean(axis=1, keepdims=True), "sum": rows.sum(axis=1, keepdims=True)}
            near = np.all(one.equals(reduced.get(evidence.reduction, rows)), axis=1)
        return [weighting for weighting, fits in zip(some, near) if fits]
    return list(some)


# --- the bank, and conventions ---------------------------------------------------------------------------------------


@cache
def bank(function: str) -> list[tuple[Variant, dict[str, np.ndarray]]]:
    """Every named variant of a function, with its answers by question."""
    return [(reading.what, {v.asked.id: reading.on(v) for v in vectors(function)}) for reading in readings(function)]


@cache
def readings(function: str) -> list[Reading]:
    """A reading for every named variant of a function."""
    entries = [variant for variant in [*WRONG, *CONVENTIONS] if variant.function == function]
    return [Reading(function, variant.implementation, variant) for variant in entries]


@cache
def mistakes(function: str) -> list[Reading]:
    """Those that are no convention, and no multiple of the right answers: they can be had in another convention."""
    return [one for one in readings(function) if not isinstance(one.what, Convention) and not _is_multiple(one)]


def _is_multiple(reading: Reading) -> bool:
    asked = vectors(reading.function)
    first, right = reading.on(asked[0]), asked[0].value
    factor = (first @ right) / (right @ right)
    return all(np.allclose(reading.on(one), factor * one.value, rtol=1e-10, atol=0) for one in asked)


@cache
def _chained(function: str, inner: Implementation = REFERENCE) -> list[Reading]:
    """The reference after each chain of steps."""
    return [Reading(function, Chain(function, steps, None, inner).implementation, steps) for steps in chains(function)]


@cache
def _mistaken(function: str) -> list[tuple[Reading, tuple]]:
    """A reading of each variant of the bank for each chain of one or two convention steps, with that chain."""
    some = [steps for steps in chains(function) if 0 < len(steps) <= 2]
    return [
        (Reading(function, partial(_after, function, steps, one.what), one.what), steps)
        for steps in some
        for one in readings(function)
    ]


def _after(function: str, steps: tuple, variant: Variant) -> Implementation:
    return Chain(function, steps, None, variant.implementation()).implementation()


def _bank(function, evidence, versions=None) -> Diagnosis | None:
    """The one entry of the bank that the answers are."""
    some = readings(function) if versions is None else versions
    found = [(one.what, "", one.values(evidence)) for one in some if one.fits(evidence)]
    distinct = [one for i, one in enumerate(found) if not any(_alike(one, other) for other in found[:i])]
    return _words(found, evidence) if len(distinct) == 1 else None


def _conventions(function, evidence, inner=REFERENCE) -> Diagnosis | None:
    """The reference, in conventions, the fewest that do."""
    for _, some in itertools.groupby(_chained(function, inner), key=lambda reading: len(reading.what)):
        chains = [Chain(function, one.what, weighting, inner) for one in some for weighting in weighted(one, evidence)]
        chain = min((one for one in chains if one.words), key=lambda one: len(one.words), default=None)
        if chain:
            plain = not chain.steps and set(chain.words) <= {"no 1/2"}
            what = (
                f"{_number(chain.weighting.constant)} x the reference"
                if plain
                else "the reference in another convention"
            )
            source = f" of {chain.sources}" if chain.sources else ""
            said = f"equals {what}{_reduced(evidence)}: {', '.join(chain.words)} (convention{source})"
            return Diagnosis(said, (", ".join(chain.words), *chain.words), chain, evidence.reduction)
    return None


def _tables(function, evidence) -> Diagnosis | None:
    """A weight (n, 1) times losses (n,), broadcast to a table (n, n): its mean is the product of both means."""
    if evidence.reduction == "per row":
        return None
    some, own = weightings(function), _powers_of(function)
    reduced = partial(REDUCTIONS[evidence.reduction], axis=-1)
    with np.errstate(all="ignore"):
        of_each = [(v, _weights(function, v.asked.id)) for v in evidence.vectors]
        tables = [reduced(w[own]) * reduced((w * v.value)[:, None] / w[own]) for v, w in of_each]
        values = np.stack(tables, axis=-1)
    for i, j in np.argwhere(np.all(evidence.equals(values), axis=-1)):
        if evidence.confirmed(values[i, j]):
            weight = ", ".join(some[own[j]].words).removeprefix("times ")
            said = f"equals the {evidence.reduction} of a table (n, n): the weight {weight}, of shape (n, 1), times "
            said += f"losses of shape (n,){''.join(f', {word}' for word in some[i].words)}"
            return Diagnosis(said, (), None, evidence.reduction)
    return None


def _powers_of(function: str) -> list[int]:
    """The indices of those weightings that are a single power and vary from row to row."""
    alone = [(i, one) for i, one in enumerate(weightings(function)) if len(one.words) == 1 and one.constant == 1]
    return [i for i, one in alone if "over" not in one.words[0]]


def _in_conventions(function, evidence) -> Diagnosis | None:
    """A mistake of the bank in other conventions."""
    if _multiple(evidence):
        return None
    plain = [(one, ()) for one in mistakes(function)]
    for reading, steps in [*plain, *_mistaken(function)]:
        for weighting in weighted(reading, evidence):
            chain = Chain(function, steps, weighting, reading.what.implementation())
            variant = reading.what
            kind = "convention" if isinstance(variant, Convention) else "bug"
            source = variant.where if kind == "convention" else variant.seen
            reduced = [f"{evidence.reduction} of the rows"] if evidence.reduction != "per row" else []
            where = ", ".join([*chain.words, *reduced])
            also = f"; also a convention of {chain.sources}" if chain.sources and kind == "convention" else ""
            words = f"equals {_factor(weighting)}the reference {variant.short}: {variant.name} ({kind}"
            words += f"{(' of ' if kind == 'convention' else '; ') + source if source else ''}{also}), where {where}"
            convention = chain if kind == "convention" else None
            return Diagnosis(words, (variant.name,), convention, evidence.reduction)
    return None


def _factor(weighting) -> str:
    constant = f"{_number(weighting.constant)} x " if weighting.constant != 1 else ""
    if any("mean over coordinates" in word for word in weighting.words):
        constant += "1/d x "
    return constant


def _multiple(evidence) -> bool:
    """Whether the answers are the right ones times a scaling; then a mistake in another scaling is not meant."""
    right = {vector.asked.id: vector.value for vector in evidence.vectors}
    return any(_fit(evidence, [right], scaling) for _, scaling in scalings(evidence.vectors))


def _alike(one, other) -> bool:
    """Whether two entries have the same values on every question at hand."""
    return np.allclose(one[2], other[2], rtol=1e-10, atol=1e-12, equal_nan=True)


def _scaled(function, evidence) -> Diagnosis | None:
    """A mistake of the bank times 2 or 1/2, or divided by d, for functions without weightings of their own."""
    if len(weightings(function)) > 1 or _multiple(evidence):
        return None
    found = []
    for one in mistakes(function):
        for words, scaling in scalings(evidence.vectors):
            for factor in (1.0, 2.0, 0.5) if words in CONVENTIONAL else ():
                if np.all(evidence.telling.equals(factor * _scaled_answers(one, evidence.telling, scaling))):
                    values = factor * _scaled_answers(one, evidence, scaling)
                    said = f"{_number(factor)} x " * (factor != 1) + words
                    found += [(one.what, said, values)] if evidence.confirmed(values) else []
    distinct = [one for i, one in enumerate(found) if not any(_alike(one, other) for other in found[:i])]
    return _words(found, evidence) if len(distinct) == 1 else None


def _scaled_answers(reading, evidence, scaling) -> np.ndarray:
    return evidence.scaled({vector.asked.id: reading.on(vector) for vector in evidence.vectors}, scaling)


# --- what has to be made first: mistakes in arguments, in one place, two at once -------------------------------------

COMPILING, OF_NODE = 600, 3  # calls that take as long as a text is made, and for each node of it
PLACES, PAIRS, NATURAL, ARGUMENTS, NUMBERS = 5e6, 6e5, 1e6, 5e5, 5e5  # calls that a search may take, on any machine


@cache
def cost(function: str) -> int:
    """The cost of one evaluation: how many functions the definition calls to answer a question."""
    asked, count, before = vectors(function)[0].asked, itertools.count(), sys.getprofile()
    ask(function, REFERENCE, asked.arguments)  # what is remembered is, from here on
    sys.setprofile(lambda _, event, __: next(count) if event in ("call", "c_call") else None)
    try:
        ask(function, REFERENCE, asked.arguments)
    finally:
        sys.setprofile(before)
    return next(count)


def affordable(some: Iterator, function: str, calls: float, made: int | None = None) -> Iterator:
    """The first of these candidates, as many as this number of calls can build (at cost `made`) and evaluate once."""
    return itertools.islice(some, int(calls // (cost(function) + (compiling(function) if made is None else made))))


@cache
def compiling(function: str) -> int:
    """The cost, in calls, of compiling a changed text of the definition."""
    return COMPILING + OF_NODE * sum(1 for _ in ast.walk(definitions(function)[0][1])) if definitions(function) else 0


class Single(NamedTuple):
    """One mistake. edit: the changed place of a text, if any. over: whether it can wrap an `inner` implementation."""

    said: str
    made: Callable[..., Implementation]
    edit: Mutant | None = None
    names: tuple[str, ...] = ()
    over: bool = False

    @property
    def words(self) -> str:
        return self.said or self.edit.words

    def say(self, evidence: Evidence) -> Diagnosis:
        return Diagnosis(f"equals the reference {self.words}{_reduced(evidence)}", self.names, None, evidence.reduction)


def _arguments(function: str) -> list[Single]:
    return [Single(f"with {words}", made, over=True) for words, made in misread(function)]


def _of_the_bank(function: str) -> list[Single]:
    some = [one.what for one in readings(function) if not _is_multiple(one)]
    kinds = ["convention" if isinstance(one, Convention) else "bug" for one in some]
    words = [f"{one.short}: {one.name} ({kind})" for one, kind in zip(some, kinds)]
    return [Single(said, one.implementation, edit_of(one), (one.name,)) for said, one in zip(words, some)]


def _of_helpers(function: str) -> list[Single]:
    return [
        Single(f"with {one.words}", partial(elsewhere, function, {one.name: one.instead}), names=(one.words,))
        for one in helpers(function)
        if not one.source
    ]


def _places(function: str) -> Iterator[Single]:
    return (Single("", one.implementation, one) for one in mutants(function))


@cache
def _pairs(function: str) -> list[Reading]:
    """Readings of two entries of the bank at once, or of an entry of a function that this one calls."""
    some = [one.what for one in readings(function)]
    others = called_by(function)
    own = [one for one in some if not one.inside]
    made = itertools.chain(
        (Reading(function, partial(calling, function, b), (b,)) for b in others),
        (Reading(function, partial(together, a, b), (a, b)) for a, b in itertools.combinations(some, 2)),
        (Reading(function, partial(calling, function, b, a), (a, b)) for a in own for b in others),
    )
    return list(affordable(made, function, PAIRS))


def _ignored(function, evidence) -> Diagnosis | None:
    """The reference with a model that is zero everywhere: the function ignores its model."""
    for words, made in misread(function):
        if IGNORED in words and Reading(function, made).fits(evidence):
            what = _plainly(f"with {words}", evidence).words
            return Diagnosis(f"your function ignores the model that it is given: it {what}")
    return None


def _plainly(words, evidence) -> Diagnosis:
    return Diagnosis(f"equals the reference {words}{_reduced(evidence)}", (), None, evidence.reduction)


def _both(reading, evidence) -> Diagnosis:
    names = tuple(one.name for one in reading.what)
    kinds = ["convention" if isinstance(one, Convention) else "bug" for one in reading.what]
    where = ["" if one.function == reading.function else f" in {one.function}" for one in reading.what]
    told = " and ".join(f"{a.short}{there}: {a.name} ({kind})" for a, there, kind in zip(reading.what, where, kinds))
    one_term = any(where) and types(reading.function)["return"] == Loss  # the others are not in that convention
    convention = _Together(reading.implementation) if set(kinds) == {"convention"} and not one_term else None
    told += ", in that term alone (bug)" if one_term else ""
    return Diagnosis(f"equals the reference {told}{_reduced(evidence)}", names, convention, evidence.reduction)


def _made(function, evidence) -> Diagnosis | None:
    """A misread argument, or one changed place of the definition."""
    vector, evidence.tried[:] = evidence.telling.vectors[0], []
    for single in itertools.chain(_arguments(function), affordable(_places(function), function, PLACES)):
        reading = Reading(function, single.made)
        if reading.tells(evidence):
            evidence.near.append((reading, single.say))
            if reading.fits(evidence):
                found = single.say(evidence)
                return found._replace(words=f"{found.words}, where that is a number") if reading.partial else found
        evidence.tried.append((single, reading.on(vector)))
    return None


def _doubled(function, evidence) -> Diagnosis | None:
    """Two mistakes at once."""
    one, known = evidence.telling, [*_of_the_bank(function), *_of_helpers(function)]
    some = [*((single, Reading(function, single.made).on(one.vectors[0])) for single in known), *evidence.tried]
    tried = [(single, row) for single, row in some if not np.array_equal(one.gather([row]), one.right)]
    searches = [_weighed, _added_up, _beside_terms]
    found = next((one for search in searches for one in [search(function, evidence, tried)] if one), None)
    return found or _paired(function, evidence) or _two_places(function, evidence) or _two_kinds(function, evidence)


def _weighed(function, evidence, tried) -> Diagnosis | None:
    """One mistake, with another weighting of the rows."""
    if len(weightings(function)) == 1 or _multiple(evidence):
        return None
    for single, answer in tried:
        for weighting in _near_weights(function, evidence, lambda _, answer=answer: answer):
            reading = Reading(function, single.made)
            if weighting.words and reading.fits(evidence, weighting.factor):
                words = f"equals {_factor(weighting)}the reference {single.words}{_reduced(evidence)}"
                where = f", where {', '.join(weighting.words)}"
                return Diagnosis(words + where, single.names, None, evidence.reduction)
    return None


ALIKE = 4  # mistakes with the same answers to one question, of which each is tried
MOST_SUMS, MOST_MADE = 40, 200  # pairs that have the answers to one question, and that are made


def _added_up(function, evidence, tried) -> Diagnosis | None:
    """Two mistakes whose effects on the answers add, or multiply."""
    one, alike = evidence.telling, {}
    for single, row in tried:
        value = one.gather([row])
        if np.all(np.isfinite(value)) and not np.all(one.equals(value) | (value == one.right)):
            alike.setdefault(value.tobytes(), (value, []))[1].append(single)
    if len(one.right) < FEWEST or not alike or not np.all(np.isfinite(one.answers)):
        return None
    values, some = np.array([value for value, _ in alike.values()]), [singles[:ALIKE] for _, singles in alike.values()]
    with np.errstate(all="ignore"):
        logs = np.log(np.abs(values / one.right)), np.log(np.abs(one.answers / one.right))
    sums = _summing(values - one.right, one.answers - one.right, np.max(np.abs(one.right)))
    pairs = [*itertools.islice(sums, MOST_SUMS), *itertools.islice(_summing(*logs, 1.0), MOST_SUMS)]
    made = (_both_singles(function, evidence, a, b) for i, j in pairs for a, b in itertools.product(some[i], some[j]))
    return next((found for found in itertools.islice(made, MOST_MADE) if found), None)


def _summing(changes: np.ndarray, wanted: np.ndarray, size: float) -> Iterator[tuple[int, int]]:
    """The pairs of rows whose sum is `wanted`, in order."""
    usable = np.flatnonzero(np.all(np.isfinite(changes), axis=1))
    if not np.all(np.isfinite(wanted)):
        return
    weights = np.cos(1.0 + np.arange(len(wanted)))  # so that no two rows have the same sum by chance
    sums, near = changes[usable] @ weights, 1e-10 * (size + np.max(np.abs(wanted)))
    order = np.argsort(sums)
    lows = np.searchsorted(sums[order], wanted @ weights - sums - near)
    highs = np.searchsorted(sums[order], wanted @ weights - sums + near)
    pairs = [(i, usable[k]) for i, low, high in zip(usable, lows, highs) for k in order[low:high] if i < usable[k]]
    for i, j in sorted(pairs, key=sum):
        if np.all(np.abs(changes[i] + changes[j] - wanted) <= near):
            yield i, j


def _both_singles(function, evidence, one: Single, other: Single) -> Diagnosis | None:
    """The diagnosis of two mistakes at once, if they can be combined and equal the answers; else None."""
    edit = both(one.edit, other.edit) if one.edit and other.edit else None
    inner, outer = (one, other) if other.over else (other, one)
    made = edit.implementation if edit else partial(_over, outer, inner) if outer.over else None
    if made and Reading(function, made).fits(evidence):
        words = f"equals the reference {one.words} and {other.words}{_reduced(evidence)}"
        return Diagnosis(words, (*one.names, *other.names), None, evidence.reduction)
    return None


def _over(outer: Single, inner: Single) -> Implementation:
    return outer.made(inner=inner.made())


def _beside_terms(function, evidence, tried) -> Diagnosis | None:
    """One mistake beside wrong coefficients of the formula's terms, by least squares."""
    if function not in TERMS:
        return None
    one, (columns, names) = evidence.telling, _terms(function, evidence.vectors)
    table = np.stack([one.scaled(column) for column in columns], axis=1) / one.allowed[:, None]
    if not np.all(np.isfinite(table)) or len(table) <= table.shape[1] or not np.all(np.isfinite(one.answers)):
        return None
    rest, near = np.eye(len(table)) - table @ np.linalg.pinv(table), []
    for single, row in tried:
        gap = (one.answers - one.gather([row])) / one.allowed
        if np.all(np.isfinite(gap)) and np.max(np.abs(rest @ gap)) <= 10 + 1e-9 * np.max(np.abs(gap)):
            near.append(single)
    found = (_fitted_beside(function, evidence, columns, names, single) for single in near[:MOST_BESIDE])
    numbers = (_number_sought(function, evidence, one, NUMBERS / 4) for one in near[:MOST_BESIDE] if one.over)
    return next((one for one in itertools.chain(found, itertools.islice(numbers, 4)) if one), None)


MOST_BESIDE = 40  # mistakes that are tried beside terms


def _fitted_beside(function, evidence, columns, names, single) -> Diagnosis | None:
    reading = Reading(function, single.made)
    change = {v.asked.id: reading.on(v) - v.value for v in vectors(function)}
    if not all(np.all(np.isfinite(change[v.asked.id])) for v in evidence.vectors):
        return None
    fit = _fit(evidence, [*columns, change], lambda vector: 1.0)
    if not fit or abs(fit[0][-1] - 1) > fit[1][-1]:
        return None
    off = _combination(names, fit[0][:-1], fit[1][:-1], "", evidence)
    return Diagnosis(f"equals {off}, {single.words}", single.names, None, evidence.reduction)


def _two_places(function, evidence) -> Diagnosis | None:
    """Two changed places of a text, each by one of the commonest mistakes."""
    for one, other in affordable(natural_pairs(function), function, NATURAL):
        pair = both(one, other)
        if pair and Reading(function, pair.implementation).fits(evidence):
            words = f"equals the reference {one.words} and {other.words}{_reduced(evidence)}"
            return Diagnosis(words, (), None, evidence.reduction)
    return None


def _two_kinds(function, evidence) -> Diagnosis | None:
    """A misread argument and an entry of the bank at once."""
    some = enumerate(_arguments(function)), enumerate(_of_the_bank(function))
    pairs = sorted(
        ((i + j, outer, inner) for (i, outer), (j, inner) in itertools.product(*some)), key=lambda one: one[0]
    )
    for _, outer, inner in affordable(pairs, function, ARGUMENTS, 200):
        if Reading(function, partial(_over, outer, inner)).fits(evidence):
            words = f"equals the reference {inner.words} and {outer.words}{_reduced(evidence)}"
            return Diagnosis(words, inner.names, None, evidence.reduction)
    return None


def _paired(function, evidence) -> Diagnosis | None:
    """Two versions of the bank at once."""
    for one in _pairs(function):
        if one.fits(evidence):
            return _both(one, evidence)
        one.__dict__.pop("implementation", None)  # its answer is remembered, which is less
    return None


def _nearest(function, evidence) -> Diagnosis | None:
    """A reading that fitted the most telling question before, and fits this evidence."""
    return next((say(evidence) for reading, say in evidence.near if reading.fits(evidence)), None)


class _Together(NamedTuple):
    known: Implementation

    def implementation(self) -> Implementation:
        return self.known


FEWEST = 4  # with so many wrong numbers, one added number that explains them all is no coincidence
SMALL = 1e-3  # an added number up to this size is called an epsilon


def _with_a_number(function, evidence) -> Diagnosis | None:
    """A convention with a number that users choose, and that number."""
    for one in NUMBERED:
        if one.function == function:
            number = _solved(
                evidence.telling, lambda k, one=one: Reading(function, one.numbered(k).implementation), 0.0
            )
            if number is not None and Reading(function, one.numbered(number).implementation).fits(evidence):
                return _words([(one.numbered(number), "", None)], evidence)
    return None


def _added(function, evidence) -> Diagnosis | None:
    """A number that is added to all wrong answers, whether these are all answers or a part."""
    wrong = evidence.units > 1
    if np.sum(wrong) < FEWEST:
        return None
    ones = evidence.gather([np.ones(len(vector.value)) for vector in evidence.vectors])
    best = np.argmin(np.where(wrong, evidence.allowed / ones, np.inf))
    number = (evidence.answers - evidence.right)[best] / ones[best]
    for one in (float(f"{number:.2g}"), number) if np.isfinite(number) else ():
        if evidence.confirmed(evidence.right + one * ones * wrong):
            said = f"equals the reference plus {one:.9g}{_reduced(evidence)}"
            return Diagnosis(said, (), None, evidence.reduction)
    return None


def _number_sought(function, evidence, beside: Single | None = None, calls: float = NUMBERS) -> Diagnosis | None:
    """The reference with a number that is added, or multiplies, in one place; if given, beside another mistake."""
    for mutant, start in affordable(sought(function), function, calls, compiling(function) + cost(function)):
        made = partial(_with_k, mutant, beside)
        number = _solved(evidence.telling, lambda k, made=made: Reading(function, partial(made, k)), start)
        if number is not None and Reading(function, partial(made, number)).fits(evidence):
            said = f"equals the reference {mutant.with_number(number)}" + (f" and {beside.words}" if beside else "")
            epsilon = start == 0 and abs(number) <= SMALL and "** number" not in ast.unparse(mutant.new)
            if epsilon and not beside and ast.unparse(mutant.new) != "number":
                said += f": an epsilon of {number:.3g} (convention of programs that divide, or take logarithms)"
                return Diagnosis(f"{said}{_reduced(evidence)}", (), _Together(made(number)), evidence.reduction)
            return Diagnosis(f"{said}{_reduced(evidence)}", (), None, evidence.reduction)
    return None


def _with_k(mutant, beside, number) -> Implementation:
    made = mutant.implementation(number=number)
    return beside.made(inner=made) if beside else made


def _solved(one: Evidence, reading: Callable[[float], Reading], start: float) -> float | None:
    """The number for which a reading equals these answers, by secant steps; a nearby short number if that fits too."""

    def at(k):
        return reading(k).values(one)

    number, step = start, 1e-3
    with np.errstate(all="ignore"):
        here = at(number)
        for _ in range(8):
            slope = (at(number + step) - here) / step
            size = np.sum((slope / one.allowed) ** 2)
            if not np.isfinite(size) or size == 0:
                return None
            change = np.sum(slope * (one.answers - here) / one.allowed**2) / size
            rest = np.abs(one.answers - here - slope * change)
            if not np.all(rest <= one.allowed + 0.2 * np.abs(one.answers - here)):
                return None
            number, step = number + change, max(abs(change) * 1e-3, 1e-9 * abs(number), 1e-15)
            here = at(number)
            if np.all(one.equals(here)):
                short = float(f"{number:.2g}")
                return short if np.all(one.equals(at(short))) else number
    return None


def _reduced(evidence) -> str:
    return f", {evidence.reduction} of the rows" if evidence.reduction != "per row" else ""


# --- near matches, and matches with exceptions -----------------------------------------------------------------------

ROUGH = {
    2.0**-24: "float32's accuracy, the errors are of the size of float32's roundoff: is a part of it in float32?",
    2.0**-19: "the accuracy of a finite difference: is a derivative taken by one?",
}
EITHER = "float32's accuracy: is a derivative taken by a finite difference, or is a part of it in float32?"
BY_DIFFERENCES = "the accuracy of a finite difference, more than float32's: is a derivative taken by one?"
BELOW_FLOAT32 = 2.0**29 / FACTOR / 32  # smaller errors, in tolerances, than float32 anywhere would cause
DERIVATIVES = ("divergence", "field_and_divergence", "hutchinson_divergence", "jacobian", "jacobian_vector_product")
DERIVATIVES += ("score_of", "energy_and_score", "directional_derivatives", "elementwise_grad")


def nearly(function: str, candidates: list[Evidence]) -> Diagnosis | None:
    """A diagnosis to the accuracy of float32 or of finite differences."""
    if candidates[0].roundoff > 1e-12 or not _mostly(candidates[0]):
        return None
    for roundoff, words in ROUGH.items():
        rough = [replace(evidence, roundoff=roundoff) for evidence in candidates]
        if any(evidence.holds for evidence in rough):
            small = max(np.max(one.units) for one in candidates if np.any(one.units > 1)) < BELOW_FLOAT32
            differs = small and any(calls(function, name) for name in DERIVATIVES)
            return _rounded(candidates[0], BY_DIFFERENCES if differs else words)
        found = named(function, rough)
        if found:
            either = EITHER if any(calls(function, name) for name in DERIVATIVES) else words
            return found._replace(words=f"{found.words}, to {either}", convention=None)
    return None


def _rounded(evidence: Evidence, words: str) -> Diagnosis:
    """The diagnosis of answers that are right up to rounding: to an accuracy in words, or to a few tolerances."""
    *where, counted = facts(evidence)
    where = [fact for fact in where if fact.startswith("wrong") and ("far out" in fact or "float32" in fact)]
    if np.median(evidence.units) < FEW:
        said = f"the errors are small, {np.max(evidence.units):.2g} tolerances at most: digits are lost on the way"
    else:
        said = f"equals the reference to {words}"
    return Diagnosis("; ".join([*where, said, counted]))


def excepted(function: str, candidates: list[Evidence]) -> Diagnosis | None:
    """A name that fits all questions except those of one kind, which get their own; or only that kind is wrong."""
    for words, mask in EXCEPTIONS:
        for evidence in candidates:
            some = mask(evidence)
            if not np.any(some) or np.all(some):
                continue
            rest, these = evidence.without(some), evidence.without(~some)
            if rest.holds:
                found = named(function, [these], lambda _: [_nearest])
                if found:
                    return found._replace(words=f"wrong only where {words}: there it {found.words}", convention=None)
                continue
            found = named(function, [rest], lambda _: [_paired])
            if found:
                apart = named(function, [these], _deep) if np.any(these.units > 1) else None
                there = f"there it {apart.words}" if apart else f"there {'; '.join(facts(these))}"
                there = there if np.any(these.units > 1) else "there it is right"
                return found._replace(words=f"{found.words}; except where {words}: {there}", convention=None)
    return None


def _words(found, evidence):
    variant, scaling, _ = found[0]
    convention = variant if isinstance(variant, Convention) else None
    aliases = list(dict.fromkeys(other.name for other, *_ in found[1:] if other.name != variant.name))
    right = {vector.asked.id: vector.value for vector in evidence.vectors}
    ratio = _fit(evidence, [right], lambda vector: 1.0)
    what = f"{_number(ratio[0][0], ratio[1][0])} x the reference" if ratio else f"the reference {variant.short}"
    what = what if ratio else f"{scaling}{what}"
    kind = "convention" if convention else "bug"
    source = variant.where if convention else variant.seen
    where = (" of " if convention else "; ") + source if source else ""
    also = f"; also known as: {', '.join(aliases)}" if aliases else ""
    reduced = f", {evidence.reduction} of the rows" if evidence.reduction != "per row" else ""
    words = f"equals {what}{reduced}: {variant.name} ({kind}{where}{also})"
    return Diagnosis(words, (variant.name, *aliases), convention, evidence.reduction)


# --- the terms of the formula ----------------------------------------------------------------------------------------

CONVENTIONAL = ("", "1/d x ", "sigma^2 x ", "sigma^4 x ", "sigma^2/d x ", "sigma^4/d x ")  # where mistakes are sought


def _answers(function: str, impl: Implementation) -> dict[str, np.ndarray]:
    reading = Reading(function, lambda: impl)
    return {vector.asked.id: reading.on(vector) for vector in vectors(function)}


@cache
def _term_answers(function: str) -> list[dict[str, np.ndarray]]:
    return [_answers(function, term.implementation()) for term in TERMS[function]]


def _terms(function, some) -> tuple[list[dict[str, np.ndarray]], list[str]]:
    """The terms of the formula by question, and their names; for a function without terms, the formula itself."""
    if function in TERMS:
        return _term_answers(function), [term.words for term in TERMS[function]]
    return [{vector.asked.id: vector.value for vector in some}], ["the reference"]


def scalings(some: list[Vector]) -> Iterator[tuple[str, Callable]]:
    """Factors that an implementation may multiply each row by: words, and a function of a vector."""
    yield "", lambda vector: 1.0
    yield "1/d x ", lambda vector: 1 / vector.asked.given["d"]
    yield "d x ", lambda vector: float(vector.asked.given["d"])
    yield "1/sqrt(d) x ", lambda vector: vector.asked.given["d"] ** -0.5
    for name in ("sigma", "eps"):
        if all(np.ndim(vector.asked.arguments.get(name, [[]])) < 2 for vector in some):  # no noise called eps
            for power in (2, 4, 1, 3, -1, -2, -4):
                yield f"{name}^{power} x ", partial(_power, name, power, False)
            for power in (2, 4):
                yield f"{name}^{power}/d x ", partial(_power, name, power, True)
    yield "1/n x ", lambda vector: 1 / vector.asked.given["n"]
    yield "n x ", lambda vector: float(vector.asked.given["n"])


def _power(name, power, over_d, vector):
    """A power of sigma or eps, repeated for each number of its row."""
    value = np.ravel(vector.asked.arguments[name])
    factor = np.repeat(value, len(vector.value) // len(value)) ** float(power)
    return factor / vector.asked.given["d"] if over_d else factor


def _fit(evidence, terms, scaling):
    """Coefficients and their uncertainty, if the scaled terms combine to the answers on both halves; else None.

    Least squares in units of the tolerance; the uncertainty of a coefficient is its row sum of |pseudoinverse|.
    """
    columns = np.stack([evidence.scaled(term, scaling) for term in terms], axis=1)
    scales = {vector.asked.id: vector.scale for vector in evidence.vectors}
    allowed = tolerance(np.abs(evidence.scaled(scales, scaling)), evidence.roundoff)
    kept = ~evidence.left_out
    find, confirm = kept & ~evidence.confirms, kept & evidence.confirms
    usable = np.all(np.isfinite(evidence.answers[kept])) and np.all(np.isfinite(columns)) and np.any(confirm)
    if not usable or np.sum(find) <= columns.shape[1]:
        return None
    scaled = columns[find] / allowed[find, None]
    if not np.all(np.isfinite(scaled)):
        return None
    if np.linalg.matrix_rank(scaled / np.max(np.abs(scaled), axis=0, initial=1e-300)) < columns.shape[1]:
        return None
    inverse = np.linalg.pinv(scaled)
    c = inverse @ (evidence.answers[find] / allowed[find])
    size = max(1.0, np.max(np.abs(c)))
    known = np.sum(np.abs(inverse), axis=1) * size
    residual = np.abs(columns @ c - evidence.answers)
    within = (residual <= allowed * size + np.abs(columns) @ known * confirm) | ~kept
    return (c, known) if np.all(within) and np.all(known <= 0.1) else None


def _combined(function, candidates) -> Diagnosis | None:
    """A linear combination of the formula's terms, with the simplest scaling."""
    columns, names = _terms(function, candidates[0].vectors) if candidates else ([], [])
    for words, scaling in scalings(candidates[0].vectors) if candidates else ():
        for evidence in candidates:
            fit = _fit(evidence, columns, scaling)
            if fit:
                return Diagnosis(f"equals {_combination(names, *fit, words, evidence)}", reduction=evidence.reduction)
    return _uneven(columns, names, candidates) if len(columns) > 1 else None


def _uneven(columns, names, candidates) -> Diagnosis | None:
    """A combination in which a single term is divided or multiplied by d or n, as if it had a mean for a sum."""
    for j, (name, column) in enumerate(zip(names, columns)):
        for words, count in UNEVEN.items():
            scaled = {
                vector.asked.id: column[vector.asked.id] * count(vector.asked.given) for vector in candidates[0].vectors
            }
            for evidence in candidates:
                fit = _fit(evidence, [*columns[:j], scaled, *columns[j + 1 :]], lambda vector: 1.0)
                if fit and not (words.endswith(" n") and evidence.reduction == "per row"):
                    said = _combination([*names[:j], f"{name} {words}", *names[j + 1 :]], *fit, "", evidence)
                    many = "," if "coefficient" in said else " where"
                    said += "" if f"{name} {words}" in said else f"{many} {name} is {words}"
                    return Diagnosis(
                        f"equals {said}: a mean for a sum, in one term alone", reduction=evidence.reduction
                    )
    return None


UNEVEN = {"over d": lambda given: 1 / given["d"], "times d": lambda given: float(given["d"])}
UNEVEN |= {"over n": lambda given: 1 / given["n"], "times n": lambda given: float(given["n"])}


def _combination(names, coefficients, known, scaling, evidence) -> str:
    reduced = f" ({evidence.reduction} of the rows)" if evidence.reduction != "per row" else ""
    numbers = [_number(c, k) for c, k in zip(coefficients, known)]
    if len(set(numbers)) == 1:
        factor = "" if numbers[0] == "1" else f"{numbers[0]} x "
        return f"{factor}{scaling}the reference{reduced}"
    off = [f"{name} has coefficient {number}, should be 1" for name, number in zip(names, numbers) if number != "1"]
    return f"{scaling}the reference{reduced}, where {', '.join(off)}"


def _number(c: float, known: float = 0.0) -> str:
    """c as a simple fraction, if it is one within its uncertainty, else with the digits that are known."""
    near = next((f for f in NICE if abs(c - f) <= known), None)
    if near is not None:
        return str(near)
    digits = 17 if known == 0 else max(2, min(17, int(np.ceil(-np.log10(known))) + 1))
    return f"{c:.{digits}g}"
