"""Naive forms: answers that overflow, or lose their digits, at the ends of the domain, and are named on the rest."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from refebm.crosscheck.evidence import Diagnosis
from refebm.crosscheck.facts import facts
from refebm.crosscheck.readings import Reading, cache
from refebm.crosscheck.searches.single import nearest
from refebm.special import softplus
from refebm.variants import NAIVE
from refebm.variants.helpers import calls
from refebm.variants.record import elsewhere

CLOSE = 0.05  # tolerances by which a naive form may be off: with a mistake beside it, a little earlier
SPREAD = 10  # the errors of two naive forms with the same lost digits differ by less than this factor
MOST = 0.5  # the share of numbers that may be set apart
SOFTPLUS = {  # naive forms of log(1 + exp(a))
    "log(1 + exp(a)), or -log(sigmoid(-a)), which overflows where a > 709": lambda a: np.log(1 + np.exp(a)),
    "-log(1 - sigmoid(a)), which loses digits where a is large, and is infinite where a > 37": lambda a: (
        -np.log(1 - 1 / (1 + np.exp(-a)))
    ),
}


@cache
def forms(function: str) -> list[tuple[str, Reading]]:
    """The naive forms of a function: words, and a reading."""
    some = SOFTPLUS if calls(function, softplus.__name__) else {}
    made = [(words, partial(elsewhere, function, {softplus.__name__: instead})) for words, instead in some.items()]
    made += [(one.name.removesuffix(", naively"), one.implementation) for one in NAIVE if one.function == function]
    return [(words, Reading(function, of)) for words, of in made]


def _lost(function: str, evidence) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """For each naive form: words, which of its numbers are not finite, and its errors."""
    for words, reading in forms(function):
        with np.errstate(all="ignore"):
            off = np.abs(reading.values(evidence) - evidence.right)
        if np.any(~(off <= evidence.allowed)):
            yield words, ~np.isfinite(off), off


def overflown(evidence) -> np.ndarray:
    """Which answers are not finite although the right ones are, far out."""
    far = evidence.each(lambda asked: float(asked.given["reach"] > 1)) == 1
    return ~np.isfinite(evidence.answers) & np.isfinite(evidence.right) & far & ~evidence.left_out


def naive(function: str, candidates: list) -> Diagnosis | None:
    """The diagnosis of answers that are right but where a naive form overflows, or loses its digits."""
    for evidence in candidates:
        off_by, known = np.abs(evidence.answers - evidence.right), list(_lost(function, evidence))
        for words, bad, off in [*known, _union(known)] if known else ():
            within = ~np.isfinite(evidence.answers) | (off_by <= SPREAD * np.max(off[~bad], initial=0))
            if np.all(((off > CLOSE * evidence.allowed) | bad) & within | ~evidence.wrong):
                return Diagnosis(f"naive form: {words}; {'; '.join(facts(evidence))}", reduction=evidence.reduction)
    return None


def apart(function: str, candidates: list, diagnose: Callable) -> Diagnosis | None:
    """The diagnosis of what is wrong beside an overflow, or None if nothing overflows."""
    gone, known = [overflown(one) for one in candidates], [list(_lost(function, one)) for one in candidates]
    if not np.any(gone[0]):
        return None
    some = [one | _near_loss(evidence, forms) for one, evidence, forms in zip(gone, candidates, known)]
    some = some if np.mean(some[0]) < MOST else gone
    found = diagnose(function, [evidence.without(one) for evidence, one in zip(candidates, some)])
    if not found or any(nearest(function, one) for one in candidates):
        return found
    words = [
        f": naive form, {words}"
        for words, bad, _ in [*known[0], *map(_union, known[:1] if known[0] else ())]
        if np.all(bad[gone[0]])
    ]
    counted = f"{np.sum(gone[0])} of {len(gone[0])} numbers overflow{words[0] if words else ', far out'}"
    return found._replace(words=f"{found.words}; beside that, {counted}", convention=None)


def _near_loss(evidence, known: list) -> np.ndarray:
    """Where some naive form is about to lose its digits."""
    return np.any([~(off <= CLOSE * evidence.allowed) for *_, off in known], axis=0) if known else evidence.left_out


def _union(known: list) -> tuple[str, np.ndarray, np.ndarray]:
    """All naive forms at once."""
    off = np.max([off for *_, off in known], axis=0)  # NaN where one of them is
    return " and ".join(words for words, *_ in known), ~np.isfinite(off), off
