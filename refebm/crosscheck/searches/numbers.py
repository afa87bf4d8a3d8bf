"""A number that is added, or that multiplies: to all answers, in one place of the definition, in a helper."""

import ast
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from refebm.crosscheck.evidence import Built, Diagnosis, Evidence
from refebm.crosscheck.facts import bounds, by_row, part
from refebm.crosscheck.readings import Reading, affordable, compiling, cost
from refebm.crosscheck.searches.bank import worded
from refebm.crosscheck.searches.single import Single
from refebm.identities import Implementation
from refebm.variants import NUMBERED
from refebm.variants.helpers import EPSILONS, calls
from refebm.variants.misread import argument_cut
from refebm.variants.mutants import sought, wherever
from refebm.variants.record import elsewhere

NUMBERS = 5e5  # calls that a search may take, on any machine
FEWEST = 4  # with so many wrong numbers, one added number that explains them all is no coincidence
SMALL = 1e-3  # an added number up to this size is called an epsilon


def of_users(function, evidence) -> Diagnosis | None:
    """A convention with a number that users choose, and that number."""
    for one in NUMBERED:
        if one.function == function:
            number = _solved(
                evidence.telling, lambda k, one=one: Reading(function, one.numbered(k).implementation), 0.0
            )
            if number is not None and Reading(function, one.numbered(number).implementation).fits(evidence):
                return worded([(one.numbered(number), "", None)], evidence)
    return None


def epsilon(function, candidates) -> Diagnosis | None:
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
                said = f"equals the reference {words.format(number)}{evidence.reduced} (convention of {source})"
                return Diagnosis(said, (), Built(reading(number).implementation), evidence.reduction)
    return None


def added(function, evidence) -> Diagnosis | None:
    """A number that is added to all answers, or to one part of them: where a few are wrong, that is no name."""
    wrong, (alone, others) = evidence.wrong, part(evidence)
    if np.sum(wrong) < FEWEST:
        return None
    to = ~others if alone else ~evidence.left_out
    ones = evidence.gather([np.ones(len(vector.value)) for vector in evidence.vectors])
    best = np.argmin(np.where(wrong, evidence.allowed / ones, np.inf))
    number = (evidence.answers - evidence.right)[best] / ones[best]
    for one in (float(f"{number:.2g}"), number) if np.isfinite(number) else ():
        if evidence.confirmed(evidence.right + one * ones * to):
            said = f"equals the reference plus {one:.9g}{evidence.reduced}"
            return Diagnosis(said, (), None, evidence.reduction)
    return None


def in_one_place(function, evidence, beside: Single | None = None, calls: float = NUMBERS) -> Diagnosis | None:
    """The reference with a number that is added, or multiplies, in one place; if given, beside another mistake."""
    for mutant, start in affordable(sought(function), function, calls, compiling(function) + cost(function)):
        made = partial(_with_k, mutant, beside)
        number = _solved(evidence.telling, lambda k, made=made: Reading(function, partial(made, k)), start)
        if number is not None and Reading(function, partial(made, number)).fits(evidence):
            said = f"equals the reference {mutant.with_number(number)}" + (f" and {beside.words}" if beside else "")
            epsilon = start == 0 and abs(number) <= SMALL and "** number" not in ast.unparse(mutant.new)
            if epsilon and not _chosen(number):  # it fits what rounding does
                continue
            if epsilon and not beside and ast.unparse(mutant.new) != "number":
                said += f": an epsilon of {number:.3g} (convention of programs that divide, or take logarithms)"
                return Diagnosis(f"{said}{evidence.reduced}", (), Built(made(number)), evidence.reduction)
            return Diagnosis(f"{said}{evidence.reduced}", (), None, evidence.reduction)
    return None


CUTS = ("np.maximum({}, number)", "np.minimum({}, number)")
AS_IT_IS, INVERTED = (lambda k: k), (lambda k: 1 / k)  # a quotient is linear in the inverse of what it is divided by


def cut(function, evidence) -> Diagnosis | None:
    """The reference with an argument, or a value, that is cut at a number: a time, a level or the like is below it, or
    above it, wherever the answers are wrong."""
    wrong = evidence.units > 1
    for name, end, right, some in bounds(evidence):
        if np.any(some) and not np.any(wrong & ~some):
            values = dict(by_row(evidence))[name][some & wrong]
            start = float(right + (np.max(values) if end == "below" else np.min(values))) / 2
            argument = partial(_cut_words, name, end), partial(argument_cut, function, name, end)
            for said, made in (argument, *_cut_places(function)):
                number = _cut_at(function, made, evidence, start)
                if number is not None:
                    words = f"equals the reference {said(number)}{evidence.reduced}"
                    return Diagnosis(words, (), None, evidence.reduction)
    return None


def _cut_places(function: str) -> Iterator[tuple[Callable, Callable]]:
    for mutant in (place(text) for place in wherever(function) for text in CUTS):
        yield mutant.with_number, partial(_with_k, mutant, None)


def _cut_at(function, made, evidence, start: float) -> float | None:
    """The number at which a value is cut in all answers; it may be 1 less a time."""
    for meant, first in itertools.product((AS_IT_IS, INVERTED), (start, 1 - start)):
        of_number = partial(lambda meant, k: Reading(function, partial(made, meant(k))), meant)
        number = _solved(evidence.telling, of_number, meant(first)) if first > 0 else None
        number = None if number is None else _short(meant(number))
        if number is not None and Reading(function, partial(made, number)).fits(evidence):
            return number
    return None


def _short(number: float) -> float:
    """The number of few digits that this is but for roundoff, else the number itself."""
    short = float(f"{number:.4g}")
    return short if abs(short - number) <= 1e-9 * abs(number) else number


def _cut_words(name: str, end: str, number: float) -> str:
    return f"with {number:.9g} for {name} where it is {end} that"


def _chosen(number: float) -> bool:
    """Whether a small number is one that people write: of one digit, or the spacing of floating-point numbers."""
    near = (float(f"{number:.0e}"), np.finfo(np.float32).eps, np.finfo(np.float64).eps)
    return any(abs(abs(number) - abs(one)) <= 0.01 * abs(one) for one in near)


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
