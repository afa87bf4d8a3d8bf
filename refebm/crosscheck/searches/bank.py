"""Entries of the bank, and the reference or a mistake of the bank in other conventions."""

import itertools
from functools import partial

import numpy as np

from refebm.crosscheck.evidence import Diagnosis
from refebm.crosscheck.readings import Reading, cache, is_multiple, readings, weighted, weights_at
from refebm.crosscheck.searches.terms import as_number, fitted, multiple, scalings
from refebm.identities import REFERENCE, Implementation
from refebm.variants import Convention, Variant
from refebm.variants.record import SCALE
from refebm.variants.steps import Chain, chains, weightings

SCALED = {"no 1/2", "mean over coordinates"}  # words of weightings with which a loss has the same minimum
CONVENTIONAL = ("", "1/d x ", "sigma^2 x ", "sigma^4 x ", "sigma^2/d x ", "sigma^4/d x ")  # where mistakes are sought


@cache
def mistakes(function: str) -> list[Reading]:
    """Those that are no convention, and no multiple of the right answers: they can be had in another convention."""
    return [one for one in readings(function) if not isinstance(one.what, Convention) and not is_multiple(one)]


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


def entry(function, evidence, versions=None) -> Diagnosis | None:
    """The one entry of the bank that the answers are."""
    some = readings(function) if versions is None else versions
    found = [(one.what, "", one.values(evidence)) for one in some if one.fits(evidence)]
    distinct = [one for i, one in enumerate(found) if not any(_alike(one, other) for other in found[:i])]
    return worded(found, evidence) if len(distinct) == 1 else None


def worded(found, evidence) -> Diagnosis:
    """The diagnosis of entries of the bank that all have these answers, [(entry, words of its scaling, ...), ...]."""
    variant, scaling, _ = found[0]
    convention = variant if isinstance(variant, Convention) else None
    aliases = list(dict.fromkeys(other.name for other, *_ in found[1:] if other.name != variant.name))
    right = {vector.asked.id: vector.value for vector in evidence.vectors}
    ratio = fitted(evidence, [right], lambda vector: 1.0)
    what = f"{as_number(ratio[0][0], ratio[1][0])} x the reference" if ratio else f"the reference {variant.short}"
    what = what if ratio else f"{scaling}{what}"
    also = f"; also known as: {', '.join(aliases)}" if aliases else ""
    words = f"equals {what}{evidence.reduced}: {variant.name} ({variant.told}{also})"
    return Diagnosis(words, (variant.name, *aliases), convention, evidence.reduction)


def _alike(one, other) -> bool:
    """Whether two entries have the same values on every question at hand."""
    return np.allclose(one[2], other[2], rtol=1e-10, atol=1e-12, equal_nan=True)


def in_conventions(function, evidence, inner=REFERENCE) -> Diagnosis | None:
    """The reference, in conventions, the fewest that do."""
    for _, some in itertools.groupby(_chained(function, inner), key=lambda reading: len(reading.what)):
        chains = [Chain(function, one.what, weighting, inner) for one in some for weighting in weighted(one, evidence)]
        chains = [one for one in chains if one.words and (one.steps or not one.weighting.mistaken)]
        chain = min(chains, key=_length, default=None)
        if chain and chain.weighting.mistaken:
            bug, others = chain.weighting.words[0], [word for word in chain.words if word != chain.weighting.words[0]]
            said = f"equals the reference {bug} (bug){evidence.reduced}, where {', '.join(others)}"
            return Diagnosis(said, (bug,), None, evidence.reduction)
        if chain:
            plain = not chain.steps and set(chain.words) <= {"no 1/2"}
            what = (
                f"{as_number(chain.weighting.constant)} x the reference"
                if plain
                else "the reference in another convention"
            )
            source = f" of {chain.sources}" if chain.sources else f": {SCALE}" * {*chain.words}.issubset(SCALED)
            said = f"equals {what}{evidence.reduced}: {', '.join(chain.words)} (convention{source})"
            return Diagnosis(said, (", ".join(chain.words), *chain.words), chain, evidence.reduction)
    return None


def _length(chain: Chain) -> tuple:
    """How long a chain is in words: at one level, or in one dimension, many fit, and the shortest is meant."""
    return chain.weighting.mistaken, len(", ".join(chain.words))


TABLES = {  # by reduction: what is made of a table with w_i l_j in row i and column j, and its words
    "mean": [(lambda w, own: np.mean(w, -1) * np.mean(own, -1), "the mean of a table (n, n)")],
    "sum": [(lambda w, own: np.sum(w, -1) * np.sum(own, -1), "the sum of a table (n, n)")],
    "per row": [
        (lambda w, own: np.mean(w, -1)[..., None] * own, "the mean over the rows of a table (n, n)"),
        (lambda w, own: np.sum(w, -1)[..., None] * own, "the sum over the rows of a table (n, n)"),
        (lambda w, own: w * np.mean(own, -1)[..., None], "the mean over the columns of a table (n, n)"),
        (lambda w, own: w * np.sum(own, -1)[..., None], "the sum over the columns of a table (n, n)"),
    ],
}


def table(function, evidence) -> Diagnosis | None:
    """A weight (n, 1) times losses (n,), broadcast to a table (n, n): its mean is the product of both means."""
    some, own = weightings(function), _powers_of(function)
    if not own:
        return None
    for of, words in TABLES[evidence.reduction]:
        with np.errstate(all="ignore"):
            values = [_tabled(of, weights_at(function, v.asked.id), own, v.value) for v in evidence.vectors]
            values = np.concatenate([np.reshape(one, (len(some), len(own), -1)) for one in values], axis=-1)
        for i, j in np.argwhere(np.all(evidence.equals(values), axis=-1)):
            if evidence.confirmed(values[i, j]):
                weight = ", ".join(some[own[j]].words).removeprefix("times ")
                said = f"equals {words}: the weight {weight}, of shape (n, 1), times "
                said += f"losses of shape (n,){''.join(f', {word}' for word in some[i].words)}"
                return Diagnosis(said, (), None, evidence.reduction)
    return None


def _tabled(of, weights, own, value):
    """What is made of the table of each weight with the losses in each weighting, (K, len(own), numbers)."""
    return of(weights[own], weights[:, None] * value / weights[own])


def _powers_of(function: str) -> list[int]:
    """The indices of those weightings that are a single power and vary from row to row."""
    alone = [(i, one) for i, one in enumerate(weightings(function)) if len(one.words) == 1 and one.constant == 1]
    return [i for i, one in alone if "over" not in one.words[0]]


def mistake_in_conventions(function, evidence) -> Diagnosis | None:
    """A mistake of the bank in other conventions."""
    if multiple(evidence):
        return None
    plain = [(one, ()) for one in mistakes(function)]
    for reading, steps in [*plain, *_mistaken(function)]:
        for weighting in (one for one in weighted(reading, evidence) if not one.mistaken):
            chain = Chain(function, steps, weighting, reading.what.implementation())
            variant = reading.what
            right = isinstance(variant, Convention)
            reduced = [f"{evidence.reduction} of the rows"] if evidence.reduction != "per row" else []
            where = ", ".join([*chain.words, *reduced])
            also = f"; also a convention of {chain.sources}" if chain.sources and right else ""
            words = f"equals {factor_of(weighting)}the reference {variant.short}: {variant.name} ({variant.told}{also})"
            words += f", where {where}"
            convention = chain if right else None
            return Diagnosis(words, (variant.name,), convention, evidence.reduction)
    return None


def factor_of(weighting) -> str:
    constant = f"{as_number(weighting.constant)} x " if weighting.constant != 1 else ""
    if any("mean over coordinates" in word for word in weighting.words):
        constant += "1/d x "
    return constant


def scaled_mistake(function, evidence) -> Diagnosis | None:
    """A mistake of the bank times 2 or 1/2, or divided by d, for functions without weightings of their own."""
    if len(weightings(function)) > 1 or multiple(evidence):
        return None
    found = []
    for one in mistakes(function):
        for words, scaling in scalings(evidence.vectors):
            for factor in (1.0, 2.0, 0.5) if words in CONVENTIONAL else ():
                if np.all(evidence.telling.equals(factor * _scaled_answers(one, evidence.telling, scaling))):
                    values = factor * _scaled_answers(one, evidence, scaling)
                    said = f"{as_number(factor)} x " * (factor != 1) + words
                    found += [(one.what, said, values)] if evidence.confirmed(values) else []
    distinct = [one for i, one in enumerate(found) if not any(_alike(one, other) for other in found[:i])]
    return worded(found, evidence) if len(distinct) == 1 else None


def _scaled_answers(reading, evidence, scaling) -> np.ndarray:
    return evidence.scaled({vector.asked.id: reading.on(vector) for vector in evidence.vectors}, scaling)
