"""Diagnoses of failing answers: a chain of conventions with at most one mistake in it, or else plain facts.

A name is found on one half of the questions and confirmed on the other half. The search goes from simple to complex: an
entry of the bank; the reference in other conventions; a mistake of the bank in other conventions; two mistakes; a
combination of the formula's terms; one changed place in the definition; a number that is added or multiplied there.
Then the same is tried to the accuracy of float32 and of finite differences, and on the questions without those of one
kind, which are diagnosed by themselves. If no name fits, none is given.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from refebm.crosscheck.evidence import FEW, LEAST, Built, Diagnosis, Evidence
from refebm.crosscheck.facts import CAST, EXCEPTIONS, NO_ENERGY, facts, levels
from refebm.crosscheck.readings import Reading, readings
from refebm.crosscheck.searches import bank, numbers
from refebm.crosscheck.searches.double import paired, two_mistakes
from refebm.crosscheck.searches.naive import apart, naive, overflown
from refebm.crosscheck.searches.single import ignored, nearest, one_mistake
from refebm.crosscheck.searches.terms import combined
from refebm.crosscheck.vectors import FACTOR
from refebm.variants.arguments import KERNELS
from refebm.variants.helpers import differentiates, helpers
from refebm.variants.record import elsewhere

ROUGH = {
    2.0**-24: "float32's accuracy, the errors are of the size of float32's roundoff: is a part of it in float32?",
    2.0**-19: "the accuracy of a finite difference: is a derivative taken by one?",
}
EITHER = "float32's accuracy: is a derivative taken by a finite difference, or is a part of it in float32?"
BY_DIFFERENCES = "the accuracy of a finite difference, more than float32's: is a derivative taken by one?"
CANCELLED = 2.0**-36  # what float32 is never so near to, and small numbers may lose where large ones cancel
LOST = "but for digits that small numbers lose where large ones cancel"
BELOW_FLOAT32 = 2.0**29 / FACTOR / 32  # smaller errors, in tolerances, than float32 anywhere would cause


def diagnose(function: str, candidates: list[Evidence]) -> Diagnosis:
    """The diagnosis: an exact match under one reduction, else a near one, else one with exceptions, else facts."""
    if not any(np.any(np.isfinite(evidence.answers)) for evidence in candidates):
        return _facts(candidates)  # nothing tells one name from another
    return (
        _exactly(function, candidates)
        or naive(function, candidates)
        or _further(function, candidates)
        or _facts(candidates)
    )


def _exactly(function: str, candidates: list[Evidence]) -> Diagnosis | None:
    """A name that fits all answers, also those that are not finite."""
    found = named(function, candidates) or _given_back(candidates[0]) or helped(function, candidates)
    return _explained(found, candidates)


def _further(function: str, candidates: list[Evidence]) -> Diagnosis | None:
    """A name beside what overflows, if anything does; else from a deep search, a near one, or one with exceptions."""
    if np.any(overflown(candidates[0])):
        return apart(function, candidates, lambda *given: _exactly(*given) or _further(*given))
    if exact := _searched(function, candidates):
        return _explained(exact, candidates)
    return numbers.epsilon(function, candidates) or nearly(function, candidates) or excepted(function, candidates)


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


def _explained(found: Diagnosis | None, candidates: list[Evidence]) -> Diagnosis | None:
    """A diagnosis that has no name in the bank, with the facts about it."""
    if not found or found.names or found.convention:
        return found
    evidence = next((one for one in candidates if one.reduction == found.reduction), candidates[0])
    *told, _ = facts(evidence, named=True)
    return found._replace(words="; ".join([found.words, *told]))


def _facts(candidates: list[Evidence]) -> Diagnosis:
    if np.max(candidates[0].units) <= LEAST:
        return _rounded(candidates[0], "")
    return Diagnosis("; ".join(facts(candidates[0])))


# --- searches, from simple to complex --------------------------------------------------------------------------------


def named(
    function: str, candidates: list[Evidence], deep: Callable | None = None, alone: bool = False
) -> Diagnosis | None:
    """The simplest diagnosis that fits under one reduction. deep: further searches; alone: only those."""
    few = FEW if candidates[0].roundoff < 1e-12 else LEAST  # tolerances of float32 are as large as small regularisers
    some = [evidence for evidence in candidates if np.max(evidence.units) > few]  # smaller errors are rounding
    searches = [bank.entry, bank.in_conventions, bank.table, bank.mistake_in_conventions, bank.scaled_mistake]
    searches += [numbers.of_users, ignored]
    found = None if alone else _only(searches, function, some) or combined(function, some)
    return found or (_only(deep(some[0]), function, some) if deep and some else None)


def _only(searches: list, function: str, candidates: list[Evidence]) -> Diagnosis | None:
    """The result of the first search that finds something under exactly one reduction."""
    for search in searches:
        found = [one for evidence in candidates for one in [search(function, evidence)] if one]
        if len(found) == 1:
            return found[0]
    return None


def _searched(function: str, candidates: list[Evidence]) -> Diagnosis | None:
    """The result of the deep searches; proposals without a finite energy may be an exception, described by facts."""
    words, mask = NO_ENERGY
    some = [mask(evidence) for evidence in candidates]
    if added := named(function, candidates, lambda _: [numbers.added], True):
        return added
    rest = [evidence.without(one) for evidence, one in zip(candidates, some)] if np.any(some[0]) else candidates
    found = named(function, rest, _deep, True)
    if not found or rest is candidates or any(nearest(function, one) for one in candidates):
        return found
    these, found = candidates[0].without(~some[0]), named(function, rest) or found
    return found._replace(
        words=f"{found.words}; except where {words}: there {'; '.join(facts(these))}", convention=None
    )


def _deep(evidence: Evidence) -> list:
    """The deep searches to try: none without finite answers; for small errors only those for an added number."""
    if not np.any(np.isfinite(evidence.telling.answers)):
        return []
    small = _mostly(evidence) and replace(evidence, roundoff=max(evidence.roundoff, 2.0**-24)).holds
    rest = [numbers.in_one_place] if small else [one_mistake, numbers.in_one_place, two_mistakes]
    return [numbers.added, numbers.cut, *rest]


def _mostly(evidence: Evidence) -> bool:
    """Whether most numbers are wrong, and not only those of one kind of questions."""
    return np.mean(evidence.wrong[~evidence.left_out]) > 0.5


def helped(function: str, candidates: list[Evidence]) -> Diagnosis | None:
    """A replaced helper: in the reference or, if programs are known to have it, in addition to a named variant."""
    wrong = [evidence for evidence in candidates if np.max(evidence.units) > LEAST]
    for helper in helpers(function):
        with_it = partial(elsewhere, function, {helper.name: helper.instead})
        convention = Built(with_it()) if helper.source else None
        for evidence in wrong:
            if Reading(function, with_it).fits(evidence):
                said = f"equals the reference with {helper.words}{evidence.reduced}"
                said += f" (convention of {helper.source})" if helper.source else ""
                return Diagnosis(said, (helper.words,), convention, evidence.reduction)
        if found := helper.source and _beside_helper(function, candidates, with_it):
            convention = found.convention and Built(found.convention.implementation())
            said = f"{found.words}, and {helper.words} (convention of {helper.source})"
            return found._replace(words=said, convention=convention)
    return None


def _beside_helper(function, candidates, with_it) -> Diagnosis | None:
    """A named variant, or a chain of conventions, in addition to a replaced helper."""
    versions = [Reading(function, partial(with_it, one.what), one.what) for one in readings(function)]
    searches = [partial(bank.entry, versions=versions), partial(bank.in_conventions, inner=with_it())]
    return _only(searches, function, [evidence for evidence in candidates if np.max(evidence.units) > FEW])


# --- near matches, and matches with exceptions -----------------------------------------------------------------------


def nearly(function: str, candidates: list[Evidence]) -> Diagnosis | None:
    """A diagnosis to the accuracy of float32 or of finite differences."""
    if candidates[0].roundoff > 1e-12 or not all(map(_mostly, candidates)):
        return None
    closer = [replace(evidence, roundoff=CANCELLED) for evidence in candidates]
    if not differentiates(function) and not any(one.holds for one in closer) and (found := named(function, closer)):
        return found._replace(words=f"{found.words}, {LOST}", convention=None)
    for roundoff, words in ROUGH.items():
        rough = [replace(evidence, roundoff=roundoff) for evidence in candidates]
        if near := [one for one, roughly in zip(candidates, rough) if roughly.holds]:
            differs = np.max(near[0].units) < BELOW_FLOAT32 and differentiates(function)
            return _rounded(near[0], BY_DIFFERENCES if differs else words)
        found = named(function, rough)
        if found:
            either = EITHER if differentiates(function) else words
            return found._replace(words=f"{found.words}, to {either}", convention=None)
    return None


def _rounded(evidence: Evidence, words: str) -> Diagnosis:
    """The diagnosis of answers that are right up to rounding: to an accuracy in words, or to a few tolerances."""
    *where, counted = facts(evidence)
    where = [fact for fact in where if fact.startswith("wrong") and ("far out" in fact or "float32" in fact)]
    if np.median(evidence.units[~evidence.left_out]) < FEW:
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
                if found := _alone(function, these, words):
                    return found
                continue
            found = named(function, [rest], lambda _: [nearest, paired])
            if found and words == CAST and _closely(function, evidence, found):
                return found._replace(words=f"{found.words}, {LOST}", convention=None)
            if found:
                apart = named(function, [these], _deep) if not these.holds else None
                there = f"there it {apart.words}" if apart else f"there {'; '.join(facts(these))}"
                there = "there it is right" if these.holds else there
                return found._replace(words=f"{found.words}; except where {words}: {there}", convention=None)
    for evidence in candidates:
        for words, some in levels(evidence):
            found = evidence.without(some).holds and _alone(function, evidence.without(~some), words)
            if found:
                return found
    return None


def _closely(function: str, evidence: Evidence, found: Diagnosis) -> bool:
    """Whether the same is found for all questions to more digits than float32 has: nothing is cast on the way."""
    again = named(function, [replace(evidence, roundoff=CANCELLED)], lambda _: [nearest, paired])
    return bool(again) and again.words == found.words


def _alone(function: str, these: Evidence, words: str) -> Diagnosis | None:
    """A name for what is wrong on one kind of questions alone."""
    found = named(function, [these], lambda _: [nearest])
    return found and found._replace(words=f"wrong only where {words}: there it {found.words}", convention=None)
