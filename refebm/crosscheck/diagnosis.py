"""What is wrong with an answer that fails: a combination of the formula's terms, an entry of the bank, or plain facts.

A name is found on one half of the questions and confirmed on the other, and it is the only one that fits; entries with
equal values are one entry with aliases. Where no name fits none is given.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import NamedTuple

import numpy as np

from refebm.crosscheck.vectors import FACTOR, Vector, vectors
from refebm.identities import Implementation
from refebm.variants import CONVENTIONS, TERMS, WRONG, Convention
from refebm.variants.questions import GRID, ask, flat

REDUCTIONS = {"per row": lambda rows: rows, "mean": np.mean, "sum": np.sum}
FACTORS = (2.0, 0.5)  # by which a mistake may be off as well, in somebody's convention
NICE = sorted({Fraction(p, q) for p in range(-4, 5) for q in (1, 2, 3, 4)}, key=lambda c: (c.denominator, abs(c)))


@dataclass(frozen=True, eq=False)
class Evidence:
    """Answers and right values of one function under one reduction, all numbers in one array, question by question."""

    vectors: list[Vector]
    reduction: str
    answers: np.ndarray
    roundoff: float

    def gather(self, by_question: list[np.ndarray]) -> np.ndarray:
        return np.concatenate([np.atleast_1d(REDUCTIONS[self.reduction](value)) for value in by_question])

    @property
    def right(self) -> np.ndarray:
        return self.gather([vector.value for vector in self.vectors])

    @property
    def scale(self) -> np.ndarray:
        return self.gather([vector.scale for vector in self.vectors])

    @property
    def allowed(self) -> np.ndarray:
        """The tolerance of each number."""
        return FACTOR * self.roundoff * self.scale

    @property
    def units(self) -> np.ndarray:
        """Errors in units of the tolerance; NaN is an infinite one."""
        with np.errstate(invalid="ignore"):
            return np.nan_to_num(np.abs(self.answers - self.right) / self.allowed, nan=np.inf)

    @property
    def holds(self) -> bool:
        return bool(np.all(self.units <= 1))

    def each(self, fact) -> np.ndarray:
        """A fact of each question, once for each of its numbers."""
        return self.gather([np.full(len(vector.value), fact(vector.asked)) for vector in self.vectors])

    @property
    def confirms(self) -> np.ndarray:
        return self.each(lambda asked: float(asked.confirms)) == 1

    def equals(self, values: np.ndarray) -> np.ndarray:
        """Which answers are these values; what they add up may be larger than what the right ones do."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            larger = np.maximum(1, np.nan_to_num(np.abs(values / self.right), nan=1, posinf=1))
            return np.abs(self.answers - values) <= FACTOR * self.roundoff * (self.scale * larger + 8 * np.abs(values))

    def confirmed(self, values: np.ndarray) -> bool:
        """Whether they are the answers on both halves of the questions, neither of which is empty."""
        fits, confirms = self.equals(values), self.confirms
        return bool(np.any(confirms) and np.any(~confirms) and np.all(fits[~confirms]) and np.all(fits[confirms]))


class Diagnosis(NamedTuple):
    """What is wrong, in words; the names in the bank that it has, and the convention if it is but that."""

    words: str
    names: tuple[str, ...] = ()
    convention: Convention | None = None
    reduction: str = ""  # under which they were read, if that is known


def diagnose(function: str, candidates: list[Evidence]) -> Diagnosis:
    """Of the reductions under which the answers can be read, the one that has a name; or the one that has a formula."""
    named = [found for evidence in candidates for found in [_named(function, evidence)] if found]
    if len(named) == 1:
        return named[0]
    fitted = [
        (evidence.reduction, words) for evidence in candidates for words in [_fitted(function, evidence)] if words
    ]
    if len(fitted) == 1:
        return Diagnosis(f"equals {fitted[0][1]}", reduction=fitted[0][0])
    return Diagnosis("; ".join(facts(candidates[0])))


# --- the bank ------------------------------------------------------------------------------------------------------


@cache
def bank(function: str) -> list[tuple]:
    """Every named version of a function that answers its questions otherwise, with its answers, by question."""
    entries = [variant for variant in [*WRONG, *CONVENTIONS] if variant.function == function]
    return [(variant, _answers(function, variant.implementation())) for variant in entries]


def _answers(function: str, impl: Implementation) -> dict[str, np.ndarray]:
    with np.errstate(all="ignore"):
        return {v.asked.id: np.ravel(flat(ask(function, impl, v.asked.arguments))) for v in vectors(function)}


def _of(answers: dict, evidence: Evidence) -> np.ndarray:
    return evidence.gather([answers[vector.asked.id] for vector in evidence.vectors])


def _named(function, evidence):
    """The one entry of the bank that the answers are; or the one mistake that they are twice or half of."""
    mistakes = [
        (variant, answers)
        for variant, answers in bank(function)
        if not isinstance(variant, Convention) and not _ratio(replace(evidence, answers=_of(answers, evidence)))
    ]
    for entries, factors in ((bank(function), (1.0,)), (mistakes, FACTORS)):
        found = [
            (variant, answers, factor)
            for variant, answers in entries
            for factor in factors
            if evidence.confirmed(factor * _of(answers, evidence))
        ]
        distinct = [one for i, one in enumerate(found) if not any(_alike(one, other) for other in found[:i])]
        if len(distinct) == 1:
            return _words(found, evidence)
        if distinct:
            return None  # several fit what was answered: none is named
    return None


def _alike(one, other) -> bool:
    """Whether two entries have the same values on every question of the function."""
    (_, a, p), (_, b, q) = one, other
    return all(np.allclose(p * a[i], q * b[i], rtol=1e-10, atol=1e-12, equal_nan=True) for i in a)


def _words(found, evidence):
    variant, _, factor = found[0]
    convention = variant if isinstance(variant, Convention) else None
    aliases = list(dict.fromkeys(other.name for other, *_ in found[1:]))
    ratio = _ratio(evidence)
    what = f"{ratio} x the reference" if ratio else f"the reference {variant.formula}"
    what = f"{_number(factor)} x {what}" if factor != 1 and not ratio else what
    kind = "convention" if convention else "bug"
    source = variant.where if convention else variant.seen
    where = (" of " if convention else "; ") + source if source else ""
    also = f"; also known as: {', '.join(aliases)}" if aliases else ""
    reduced = f", {evidence.reduction} of the rows" if evidence.reduction != "per row" else ""
    words = f"equals {what}{reduced}: {variant.name} ({kind}{where}{also})"
    return Diagnosis(words, (variant.name, *aliases), convention, evidence.reduction)


def _ratio(evidence) -> str:
    """c where the answers are c times the right ones, or nothing."""
    fit = _fit(evidence, [evidence.right], np.ones(len(evidence.right)))
    return _number(fit[0][0], fit[1][0]) if fit else ""


# --- the terms of the formula --------------------------------------------------------------------------------------


def _fitted(function, evidence) -> str:
    """The combination of the formula's terms that the answers are, under the first scaling that fits, in words."""
    terms = TERMS.get(function, ())
    columns = [evidence.right] if not terms else [_of(answers, evidence) for answers in _term_answers(function)]
    names = [term.words for term in terms] or ["the reference"]
    for words, scaling in scalings(evidence):
        fit = _fit(evidence, columns, scaling)
        if fit:
            return _combination(names, *fit, words, evidence)
    return ""


@cache
def _term_answers(function: str) -> list[dict[str, np.ndarray]]:
    return [_answers(function, term.implementation()) for term in TERMS[function]]


def scalings(evidence: Evidence) -> Iterator[tuple[str, np.ndarray]]:
    """Factors that an implementation may put before the whole formula."""
    one = np.ones(len(evidence.right))
    yield "", one
    d, n = (evidence.each(lambda asked, key=key: asked.given[key]) for key in "dn")
    yield from (("/d", 1 / d), (" d", d), ("/n", 1 / n), (" n", n), ("/(n d)", 1 / (n * d)), ("/sqrt(d)", d**-0.5))
    if all("sigma" in vector.asked.arguments for vector in evidence.vectors) and _scalar_or_rows(evidence):
        sigma = evidence.gather([_each_row(vector, vector.asked.arguments["sigma"]) for vector in evidence.vectors])
        yield from ((f" sigma^{power}", sigma**power) for power in (1, 2, 3, 4, -1, -2, -4))
        yield from ((f" sigma^{power}/d", sigma**power / d) for power in (2, 4))
    if all("eps" in vector.asked.arguments for vector in evidence.vectors):
        eps = evidence.each(lambda asked: asked.arguments["eps"])
        yield from ((f" eps^{power}", eps**power) for power in (1, 2, -1, -2))


def _scalar_or_rows(evidence) -> bool:
    """A factor of each row goes into a mean of rows before it is taken: then only a common one can be seen."""
    return evidence.reduction == "per row" or all(
        np.ndim(vector.asked.arguments["sigma"]) == 0 for vector in evidence.vectors
    )


def _each_row(vector, sigma):
    """sigma, once for each number of its row."""
    n = vector.shapes[0][0] if np.ndim(sigma) else 1
    return np.repeat(np.ravel(sigma), len(vector.value) // n)


def _fit(evidence, columns, scaling):
    """Coefficients, and how well they are known, if the scaled columns combine to the answers on both halves.

    Least squares in units of the tolerance; a coefficient is known to within sum |pseudoinverse| of them.
    """
    columns = np.stack([column * scaling for column in columns], axis=1)
    allowed = evidence.allowed * np.abs(scaling)
    usable = np.isfinite(evidence.answers) & np.all(np.isfinite(columns), axis=1)
    find, confirm = ~evidence.confirms, evidence.confirms
    if not np.all(usable) or not np.any(find) or not np.any(confirm):
        return None
    scaled = columns[find] / allowed[find, None]
    if np.linalg.matrix_rank(scaled / np.max(np.abs(scaled), axis=0, initial=1e-300)) < columns.shape[1]:
        return None
    if np.sum(find) <= columns.shape[1]:
        return None
    inverse = np.linalg.pinv(scaled)
    c = inverse @ (evidence.answers[find] / allowed[find])
    size = max(1.0, np.max(np.abs(c)))
    known = np.sum(np.abs(inverse), axis=1) * size
    residual = np.abs(columns @ c - evidence.answers)
    within = residual <= allowed * size + np.abs(columns) @ known * confirm
    return (c, known) if np.all(within) and np.all(known <= 0.1) else None


def _combination(names, coefficients, known, scaling, evidence) -> str:
    reduced = f" ({evidence.reduction} of the rows)" if evidence.reduction != "per row" else ""
    numbers = [_number(c, k) for c, k in zip(coefficients, known)]
    whole = f"the reference{' times' if scaling else ''}{scaling}".replace("times/", "over ")
    if len(set(numbers)) == 1:
        factor = "" if numbers[0] == "1" else f"{numbers[0]} x "
        return f"{factor}{whole}{reduced}"
    off = [f"{name} has coefficient {number}, should be 1" for name, number in zip(names, numbers) if number != "1"]
    return f"{whole}{reduced}, where {', '.join(off)}"


def _number(c: float, known: float = 0.0) -> str:
    """A simple fraction where c is one as far as it is known, else the digits that are."""
    near = next((f for f in NICE if abs(c - f) <= known), None)
    if near is not None:
        return str(near)
    digits = 17 if known == 0 else max(2, min(17, int(np.ceil(-np.log10(known))) + 1))
    return f"{c:.{digits}g}"


# --- facts ---------------------------------------------------------------------------------------------------------

FEATURES = ("d", "n", "kind", "sigma", "eps", "m")


def facts(evidence: Evidence) -> list[str]:
    """What can be said without a name."""
    said = [*_not_finite(evidence), *_leaks(evidence)]
    said += _where(evidence)
    units = evidence.units
    low = 2.0**-29  # from float64's units to float32's
    if evidence.roundoff < 1e-12 and np.all(units * low <= 1) and np.median(units) * low <= 1 / FACTOR:
        said.append("the errors are of the size of float32's roundoff: is a part of it computed in float32?")
    return [*said, f"{np.sum(units > 1)} of {len(units)} numbers are wrong"]


def _not_finite(evidence):
    bad = ~np.isfinite(evidence.answers)
    if np.any(bad):
        sizes = evidence.gather([_magnitudes(vector) for vector in evidence.vectors])
        kind = "NaN" if np.any(np.isnan(evidence.answers)) else "overflow"
        least, fine = np.min(sizes[bad]), sizes[~bad]
        if not fine.size:
            yield f"{kind} everywhere"
        elif least > np.max(fine):
            yield f"{kind} from |x| = {least:.3g} on"
        else:
            yield f"{kind} in {np.sum(bad)} of {len(bad)} numbers"


def _magnitudes(vector):
    """max |x| of each row, once for each number."""
    x = next((np.abs(vector.asked.arguments[name]) for name in "xy" if name in vector.asked.arguments), np.ones((1, 1)))
    rows = np.max(x, axis=1)
    whole = len(vector.value) % len(rows)
    return np.full(len(vector.value), np.max(rows)) if whole else np.repeat(rows, len(vector.value) // len(rows))


def _leaks(evidence):
    """A row that was answered alone, and among others."""
    if evidence.reduction != "per row":
        return
    start, by_seed = 0, {}
    for vector in evidence.vectors:
        size, given = len(vector.value), vector.asked.given
        key = (given["seed"], given["kind"], given["d"])
        got = evidence.answers[start : start + size]
        start += size
        if given["n"] == 1 and key in by_seed:
            among = by_seed[key][:size]
            gap = np.abs(among - got) / (FACTOR * evidence.roundoff * vector.scale)
            if np.any(gap > 2):
                yield "rows influence each other: a row alone is answered differently than among others"
                return
        by_seed.setdefault(key, got)


def _where(evidence):
    """Where the answers are right and wrong everywhere else, and what the error grows with."""
    wrong, error = evidence.units > 1, evidence.units
    for words, alone in ALONE.items():
        if np.all(alone(evidence)[wrong]):
            yield f"wrong {words} only"
            return
    for feature in FEATURES:
        if not all(feature in vector.asked.given for vector in evidence.vectors):
            continue
        values = [vector.asked.given[feature] for vector in evidence.vectors for _ in evidence.gather([vector.value])]
        where = {level: np.array([value == level for value in values]) for level in dict.fromkeys(values)}
        share = {level: np.mean(wrong[there]) for level, there in where.items()}
        right = [level for level in share if share[level] == 0]
        if right and min((share[level] for level in share if level not in right), default=0) > MOSTLY:
            yield f"right where {feature} is {' or '.join(map(str, right))}"
        sizes = sorted(level for level in where if isinstance(level, (int, float)))
        medians = [np.median(error[where[level]]) for level in sizes]
        if len(medians) > 2 and np.all(np.diff(medians) > 0) and medians[-1] > 4 * max(medians[0], 1):
            yield f"the error grows with {feature}"


MOSTLY = 0.5  # of the numbers at every other level are wrong, where a level is called the right one
ALONE = {
    "where inputs have more digits than float32 holds (is one cast on its way?)": lambda evidence: (
        evidence.each(lambda asked: asked.given["grid"]) != GRID
    ),
    "far out": lambda evidence: evidence.each(lambda asked: asked.given["reach"]) > 1,
    "for a row alone, n = 1": lambda evidence: evidence.each(lambda asked: asked.given["n"]) == 1,
}
