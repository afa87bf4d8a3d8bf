"""One mistake: a misread argument, or one changed place of the definition."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from refebm.crosscheck.evidence import LEAST, Diagnosis, Evidence
from refebm.crosscheck.readings import Reading, affordable, is_multiple, readings
from refebm.crosscheck.searches.bank import entry
from refebm.identities import Implementation
from refebm.variants import Convention
from refebm.variants.helpers import helpers
from refebm.variants.misread import IGNORED, misread
from refebm.variants.mutants import Mutant, edit_of, in_conventions, mutants
from refebm.variants.record import elsewhere

PLACES, CONVENTIONAL = 5e6, 1e6  # calls that a search may take, on any machine


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
        return Diagnosis(f"equals the reference {self.words}{evidence.reduced}", self.names, None, evidence.reduction)


def arguments(function: str) -> list[Single]:
    return [Single(f"with {words}", made, over=True) for words, made in misread(function)]


def of_the_bank(function: str) -> list[Single]:
    some = [one.what for one in readings(function) if not is_multiple(one)]
    kinds = ["convention" if isinstance(one, Convention) else "bug" for one in some]
    words = [f"{one.short}: {one.name} ({kind})" for one, kind in zip(some, kinds)]
    return [Single(said, one.implementation, edit_of(one), (one.name,)) for said, one in zip(words, some)]


def of_helpers(function: str) -> list[Single]:
    return [
        Single(f"with {one.words}", partial(elsewhere, function, {one.name: one.instead}), names=(one.words,))
        for one in helpers(function)
        if not one.source
    ]


def places(function: str) -> Iterator[Single]:
    return (Single("", one.implementation, one) for one in mutants(function))


def one_mistake(function, evidence) -> Diagnosis | None:
    """A misread argument, or one changed place of the definition; before these an entry of the bank that the answers
    are but for roundoff, where large numbers cancel in them."""
    if cancelled := entry(function, replace(evidence, roundoff=LEAST * evidence.roundoff)):
        return cancelled
    vector, evidence.tried[:] = evidence.telling.vectors[0], []
    of_conventions = (Single("", one.implementation, one) for one in in_conventions(function))
    some = [arguments(function), affordable(places(function), function, PLACES)]
    for single in itertools.chain(*some, affordable(of_conventions, function, CONVENTIONAL)):
        reading = Reading(function, single.made)
        if reading.tells(evidence):
            evidence.near.append((reading, single.say))
            if reading.fits(evidence):
                found = single.say(evidence)
                return (
                    found._replace(words=f"{found.words}; where that is NaN, yours is a number")
                    if reading.partial
                    else found
                )
        evidence.tried.append((single, reading.on(vector)))
    return None


def nearest(function, evidence) -> Diagnosis | None:
    """A reading that fitted the most telling question before, and fits this evidence."""
    return next((say(evidence) for reading, say in evidence.near if reading.fits(evidence)), None)


def ignored(function, evidence) -> Diagnosis | None:
    """The reference with a model that is zero everywhere: the function ignores its model."""
    for words, made in misread(function):
        if IGNORED in words and Reading(function, made).fits(evidence):
            what = Single(f"with {words}", made).say(evidence).words
            return Diagnosis(f"your function ignores the model that it is given: it {what}")
    return None
