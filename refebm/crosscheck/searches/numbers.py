"""A number that is added, or that multiplies: to all answers, in one place of the definition, in a helper."""

import ast
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from refebm.crosscheck.evidence import Built, Diagnosis, Evidence
from refebm.crosscheck.facts import bounds, by_row
from refebm.crosscheck.readings import Reading, affordable, compiling, cost
from refebm.crosscheck.searches.bank import worded
from refebm.crosscheck.searches.single import Single
from refebm.identities import Implementation
from refebm.variants import NUMBERED
from refebm.variants.helpers import EPSILONS, calls
from refebm.variants.misread import held_back as held_arguments
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
    """A number that is added to all wrong answers, whether these are all answers or a part."""
    wrong = evidence.units > 1
    if np.sum(wrong) < FEWEST:
        return None
    ones = evidence.gather([np.ones(len(vector.value)) for vector in evidence.vectors])
    best = np.argmin(np.where(wrong, evidence.allowed / ones, np.inf))
    number = (evidence.answers - evidence.right)[best] / ones[best]
    for one in (float(f"{number:.2g}"), number) if np.isfinite(number) else ():
        if evidence.confirmed(evidence.right + one * ones * wrong):
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


ALONE = (  # also as an inverse, in which a quotient is linear
    (("number + 0 * {}", lambda a, number: number + 0 * a), lambda k: k),
    (("1 / number + 0 * {}", lambda a, number: 1 / number + 0 * a), lambda k: 1 / k),
)
CUTS = {"below": "np.maximum({}, number)", "above": "np.minimum({}, number)"}
HELD = {"more": (CUTS["below"], np.maximum), "less": (CUTS["above"], np.minimum)}
STARTS = (0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.7, 0.8, 0.9, 0.95, 0.98)  # the answers bend with a time


def held_back(function, evidence) -> Diagnosis | None:
    """A time, or a place of the definition, that is held back from an end of time: at a number or more, or less."""
    near = [one for one in evidence.wrong_pieces if one.vectors[0].asked.given.get("near")]
    for said, made, starts in _ends(function) if near else ():
        number = _held_at(function, made, near[0], starts)
        if number is None or Reading(function, partial(made, ALONE[0][0], number)).fits(evidence):
            continue  # it is that number everywhere
        for side, form in HELD.items():
            if Reading(function, partial(made, form, number)).fits(evidence):
                held = f"{said(form, number)}: held at {number:.9g} or {side}"
                return Diagnosis(f"equals the reference {held}{evidence.reduced}", (), None, evidence.reduction)
    return None


def _held_at(function, made, near: Evidence, starts) -> float | None:
    """The number that stands for all of a place in one question."""

    def reading(alone, k):
        return Reading(function, partial(made, alone, k))

    for (alone, meant), start in itertools.product(ALONE, starts):
        number = _solved(near, partial(reading, alone), meant(start))
        if number:
            number = meant(number)
            short = float(f"{number:.4g}")
            return short if abs(short - number) <= 1e-9 * abs(number) else number
    return None


def _ends(function: str) -> Iterator[tuple[Callable, Callable]]:
    """What may be held back, as words and what makes the implementation, each of a form and its number; and starts."""
    for name, made in held_arguments(function):
        yield (
            lambda form, k, name=name: f'with "{form[0].format(name)}" for "{name}"'.replace("number", f"{k:.9g}"),
            lambda form, k, made=made: made(lambda a: form[1](a, k)),
            STARTS,
        )
    for mutant in wherever(function):
        yield (
            lambda form, k, mutant=mutant: mutant(form[0]).with_number(k),
            lambda form, k, mutant=mutant: mutant(form[0]).implementation(number=k),
            STARTS[:1],
        )


def cut(function, evidence) -> Diagnosis | None:
    """The reference with a value that is cut at a number, where a time, a level or the like is below or above it."""
    for name, end, right, some in bounds(evidence):
        if np.any(some) and not np.any((evidence.units > 1) & ~some):
            values = dict(by_row(evidence))[name][some & (evidence.units > 1)]
            start = float(right + (np.max(values) if end == "below" else np.min(values))) / 2
            for mutant in (place(CUTS[end]) for place in wherever(function)):
                made = partial(_with_k, mutant, None)
                number = _solved(evidence.telling, lambda k, made=made: Reading(function, partial(made, k)), start)
                if number is not None and Reading(function, partial(made, number)).fits(evidence):
                    said = f"equals the reference {mutant.with_number(number)}{evidence.reduced}"
                    return Diagnosis(said, (), None, evidence.reduction)
    return None


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
