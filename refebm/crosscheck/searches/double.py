"""Two mistakes at once: of the bank, beside another weight, beside wrong coefficients, in two places."""

import itertools
from collections.abc import Iterator
from functools import partial

import numpy as np

from refebm.crosscheck.evidence import Built, Diagnosis
from refebm.crosscheck.readings import Reading, affordable, cache, compiling, cost, near_weights, readings
from refebm.crosscheck.searches.bank import factor_of
from refebm.crosscheck.searches.numbers import FEWEST, NUMBERS, in_one_place
from refebm.crosscheck.searches.single import Single, arguments, of_helpers, of_the_bank, places
from refebm.crosscheck.searches.terms import combination, fitted, multiple, terms_of
from refebm.crosscheck.vectors import vectors
from refebm.glossary import Loss
from refebm.identities import Implementation
from refebm.variants import TERMS, Convention
from refebm.variants.arguments import types
from refebm.variants.mutants import both, natural_pairs
from refebm.variants.record import called_by, calling, together
from refebm.variants.steps import Chain, usual_chains, weightings

PAIRS, NATURAL, ARGUMENTS, CHAINED = 6e5, 1e6, 5e5, 3e6  # calls that a search may take, on any machine
ALIKE = 4  # mistakes with the same answers to one question, of which each is tried
MOST_SUMS, MOST_MADE = 40, 200  # pairs that have the answers to one question, and that are made
MOST_BESIDE = 40  # mistakes that are tried beside terms


def two_mistakes(function, evidence) -> Diagnosis | None:
    """Two mistakes at once."""
    one, known = evidence.telling, [*of_the_bank(function), *of_helpers(function)]
    some = [*((single, Reading(function, single.made).on(one.vectors[0])) for single in known), *evidence.tried]
    tried = [(single, row) for single, row in some if not np.array_equal(one.gather([row]), one.right)]
    searches = [_weighed, _chained, _added_up, _beside_terms]
    found = next((one for search in searches for one in [search(function, evidence, tried)] if one), None)
    return found or paired(function, evidence) or _two_places(function, evidence) or _two_kinds(function, evidence)


def paired(function, evidence) -> Diagnosis | None:
    """Two versions of the bank at once."""
    for one in _pairs(function):
        if one.fits(evidence):
            return _both(one, evidence)
        one.__dict__.pop("implementation", None)  # its answer is remembered, which is less
    return None


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


def _both(reading, evidence) -> Diagnosis:
    names = tuple(one.name for one in reading.what)
    kinds = ["convention" if isinstance(one, Convention) else "bug" for one in reading.what]
    where = ["" if one.function == reading.function else f" in {one.function}" for one in reading.what]
    told = " and ".join(f"{a.short}{there}: {a.name} ({kind})" for a, there, kind in zip(reading.what, where, kinds))
    one_term = any(where) and types(reading.function)["return"] == Loss  # the others are not in that convention
    convention = Built(reading.implementation) if set(kinds) == {"convention"} and not one_term else None
    told += ", in that term alone (bug)" if one_term else ""
    return Diagnosis(f"equals the reference {told}{evidence.reduced}", names, convention, evidence.reduction)


def _weighed(function, evidence, tried) -> Diagnosis | None:
    """One mistake, with another weighting of the rows."""
    if len(weightings(function)) == 1 or multiple(evidence):
        return None
    for single, answer in tried:
        for weighting in near_weights(function, evidence, lambda _, answer=answer: answer):
            reading = Reading(function, single.made)
            if weighting.words and not weighting.mistaken and reading.fits(evidence, weighting.factor):
                words = f"equals {factor_of(weighting)}the reference {single.words}{evidence.reduced}"
                where = f", where {', '.join(weighting.words)}"
                return Diagnosis(words + where, single.names, None, evidence.reduction)
    return None


def _chained(function, evidence, _) -> Diagnosis | None:
    """One mistake that is not in the bank, in other conventions than refebm's."""
    if multiple(evidence):
        return None
    for single, steps, reading in _in_chains(function):
        for weighting in near_weights(function, evidence, reading.on):
            if not weighting.mistaken and reading.fits(evidence, weighting.factor):
                chain = Chain(function, steps, weighting)
                words = f"equals {factor_of(weighting)}the reference {single.words}{evidence.reduced}"
                return Diagnosis(f"{words}, where {', '.join(chain.words)}", (), None, evidence.reduction)
        reading.__dict__.pop("implementation", None)  # its answer is remembered
    return None


@cache
def _in_chains(function: str) -> list[tuple[Single, tuple, Reading]]:
    """A reading of each mistake for each of the usual chains of conventions."""
    some = usual_chains(function)
    calls = compiling(function) + len(some) * cost(function)
    singles = affordable(itertools.chain(arguments(function), places(function)), function, CHAINED, calls)
    return [(one, steps, Reading(function, partial(_after, function, steps, one))) for one in singles for steps in some]


def _after(function: str, steps: tuple, single: Single) -> Implementation:
    """A mistake in conventions: a model is misread as the user has it, before the conventions are applied."""
    if single.over:
        return single.made(inner=Chain(function, steps).implementation())
    return Chain(function, steps, None, single.made()).implementation()


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
        words = f"equals the reference {one.words} and {other.words}{evidence.reduced}"
        return Diagnosis(words, (*one.names, *other.names), None, evidence.reduction)
    return None


def _over(outer: Single, inner: Single) -> Implementation:
    return outer.made(inner=inner.made())


def _beside_terms(function, evidence, tried) -> Diagnosis | None:
    """One mistake beside wrong coefficients of the formula's terms, by least squares."""
    if function not in TERMS:
        return None
    columns, names = terms_of(function, evidence.vectors)
    others = [_apart(one, columns, one.right) for one in evidence.wrong_pieces if len(one.right) > len(columns)]
    telling = max(others, key=lambda rest: np.nan_to_num(rest[1]), default=None)
    if len(evidence.telling.right) <= len(columns) or not telling:
        return None
    some = (single for single, row in tried if _apart(evidence.telling, columns, row)[1] <= 1)
    near = []
    for single in some:
        reading = Reading(function, single.made)
        if _apart(telling[0], columns, reading.on(telling[0].vectors[0]))[1] <= 1:
            near.append(single)
    found = (_fitted_beside(function, evidence, columns, names, single) for single in near[:MOST_BESIDE])
    numbers = (in_one_place(function, evidence, one, NUMBERS / 4) for one in near[:MOST_BESIDE] if one.over)
    return next((one for one in itertools.chain(found, itertools.islice(numbers, 4)) if one), None)


def _apart(one, columns, row) -> tuple:
    """The evidence, and how far its answers less these rows are from a sum of the terms, of what rounding allows."""
    table = np.stack([one.scaled(column) for column in columns], axis=1) / one.allowed[:, None]
    gap = (one.answers - one.gather([row])) / one.allowed
    if not np.all(np.isfinite(table)) or not np.all(np.isfinite(gap)):
        return one, np.inf
    rest = gap - table @ (np.linalg.pinv(table) @ gap)
    return one, np.max(np.abs(rest)) / (10 + 1e-9 * np.max(np.abs(gap)))


def _fitted_beside(function, evidence, columns, names, single) -> Diagnosis | None:
    reading = Reading(function, single.made)
    change = {v.asked.id: reading.on(v) - v.value for v in vectors(function)}
    if not all(np.all(np.isfinite(change[v.asked.id])) for v in evidence.vectors):
        return None
    fit = fitted(evidence, [*columns, change], lambda vector: 1.0)
    if not fit or abs(fit[0][-1] - 1) > fit[1][-1]:
        return None
    off = combination(names, fit[0][:-1], fit[1][:-1], "", evidence)
    return Diagnosis(f"equals {off}, {single.words}", single.names, None, evidence.reduction)


def _two_places(function, evidence) -> Diagnosis | None:
    """Two changed places of a text, each by one of the commonest mistakes."""
    for one, other in affordable(natural_pairs(function), function, NATURAL):
        pair = both(one, other)
        if pair and Reading(function, pair.implementation).fits(evidence):
            words = f"equals the reference {one.words} and {other.words}{evidence.reduced}"
            return Diagnosis(words, (), None, evidence.reduction)
    return None


def _two_kinds(function, evidence) -> Diagnosis | None:
    """A misread argument and an entry of the bank at once."""
    some = enumerate(arguments(function)), enumerate(of_the_bank(function))
    pairs = sorted(
        ((i + j, outer, inner) for (i, outer), (j, inner) in itertools.product(*some)), key=lambda one: one[0]
    )
    for _, outer, inner in affordable(pairs, function, ARGUMENTS, 200):
        if Reading(function, partial(_over, outer, inner)).fits(evidence):
            words = f"equals the reference {inner.words} and {outer.words}{evidence.reduced}"
            return Diagnosis(words, inner.names, None, evidence.reduction)
    return None
