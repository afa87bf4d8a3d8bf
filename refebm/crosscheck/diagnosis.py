"""What is wrong with an answer that fails: a combination of the formula's terms, an entry of the bank, or plain facts.

A name is found on one half of the questions and confirmed on the other, and it is the only one that fits; entries with
equal values are one entry with aliases. Where no name fits none is given.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property, partial
from typing import NamedTuple

import numpy as np

from refebm.crosscheck.questions import WHOLE
from refebm.crosscheck.vectors import FACTOR, Vector, tolerance, vectors
from refebm.identities import Implementation
from refebm.variants import CONVENTIONS, TERMS, WRONG, Convention, Variant
from refebm.variants.questions import ADJUSTED, GRID, ask, flat

REDUCTIONS = {"per row": lambda rows: rows, "mean": np.mean, "sum": np.sum}
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
        """Errors in units of the tolerance; NaN is an infinite one."""
        with np.errstate(invalid="ignore"):
            return np.nan_to_num(np.abs(self.answers - self.right) / self.allowed, nan=np.inf)

    @cached_property
    def holds(self) -> bool:
        return bool(np.all(self.units <= 1))

    def scaled(self, by_question: dict[str, np.ndarray], scaling: Callable | None = None) -> np.ndarray:
        """Answers to the questions at hand, the parts that are wanted, each row times a factor, reduced."""
        rows = [by_question[vector.asked.id][: len(vector.value)] for vector in self.vectors]
        return self.gather([r * scaling(v) for r, v in zip(rows, self.vectors)] if scaling else rows)

    def each(self, fact) -> np.ndarray:
        """A fact of each question, once for each of its answers, of which there is one if they are reduced."""
        return np.concatenate([np.full(np.size(self.gather([v.value])), fact(v.asked)) for v in self.vectors])

    @cached_property
    def confirms(self) -> np.ndarray:
        return self.each(lambda asked: float(asked.confirms)) == 1

    def equals(self, values: np.ndarray) -> np.ndarray:
        """Which answers are these values; what they add up may be larger than what the right ones do.

        Infinities are these values where they overflow in the dtype of the answers.
        """
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            larger = np.maximum(1, np.nan_to_num(np.abs(values / self.right), nan=1, posinf=1))
            scale = self.scale * larger + 8 * np.abs(values)
            rounded = values.astype(np.float32) if self.roundoff > 1e-12 else values
            same = np.isfinite(self.answers) & (np.abs(self.answers - values) <= tolerance(scale, self.roundoff))
            return same | (self.answers == rounded) | (np.isnan(self.answers) & np.isnan(values))

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
    """The name that they have under one reduction; or a formula, the simplest scaling first; or facts."""
    named = [found for evidence in candidates for found in [_named(function, evidence)] if found]
    if len(named) == 1:
        return named[0]
    columns, names = _terms(function, candidates[0].vectors)
    for words, scaling in scalings(candidates[0].vectors):
        for evidence in candidates:
            fit = _fit(evidence, columns, scaling)
            if fit:
                return Diagnosis(f"equals {_combination(names, *fit, words, evidence)}", reduction=evidence.reduction)
    return Diagnosis("; ".join(facts(candidates[0])))


# --- the bank ------------------------------------------------------------------------------------------------------


@cache
def bank(function: str) -> list[tuple[Variant, dict[str, np.ndarray]]]:
    """Every named version of a function, with its answers by question."""
    entries = [variant for variant in [*WRONG, *CONVENTIONS] if variant.function == function]
    return [(variant, _answers(function, variant.implementation())) for variant in entries]


@cache
def mistakes(function: str) -> list[tuple[Variant, dict[str, np.ndarray]]]:
    """Those that are no convention, and no multiple of the right answers: they can be had in another convention."""
    right = np.concatenate([vector.value for vector in vectors(function)])

    def multiple(answers):
        given = np.concatenate([answers[vector.asked.id] for vector in vectors(function)])
        return np.allclose(given, (given @ right) / (right @ right) * right, rtol=1e-10, atol=0)

    return [(v, answers) for v, answers in bank(function) if not isinstance(v, Convention) and not multiple(answers)]


def _answers(function: str, impl: Implementation) -> dict[str, np.ndarray]:
    with np.errstate(all="ignore"):
        return {v.asked.id: np.ravel(flat(ask(function, impl, v.asked.arguments))) for v in vectors(function)}


def _named(function, evidence):
    """The one entry of the bank that the answers are; or the one mistake that they are in another convention."""
    exact = [(variant, "", evidence.scaled(answers)) for variant, answers in bank(function)]
    found = [one for one in exact if evidence.confirmed(one[2])]
    if not found and not _multiple(evidence):
        found = [
            (variant, f"{_number(factor)} x " * (factor != 1) + words, factor * evidence.scaled(answers, scaling))
            for variant, answers in mistakes(function)
            for words, scaling in scalings(evidence.vectors)
            if words in CONVENTIONAL
            for factor in (1.0, 2.0, 0.5)
            if evidence.confirmed(factor * evidence.scaled(answers, scaling))
        ]
    distinct = [one for i, one in enumerate(found) if not any(_alike(one, other) for other in found[:i])]
    return _words(found, evidence) if len(distinct) == 1 else None


def _multiple(evidence) -> bool:
    """Whether the answers are the right ones in some scaling: then no mistake in another is meant."""
    right = {vector.asked.id: vector.value for vector in evidence.vectors}
    return any(_fit(evidence, [right], scaling) for _, scaling in scalings(evidence.vectors))


def _alike(one, other) -> bool:
    """Whether two entries have the same values on every question at hand."""
    return np.allclose(one[2], other[2], rtol=1e-10, atol=1e-12, equal_nan=True)


def _words(found, evidence):
    variant, scaling, _ = found[0]
    convention = variant if isinstance(variant, Convention) else None
    aliases = list(dict.fromkeys(other.name for other, *_ in found[1:] if other.name != variant.name))
    right = {vector.asked.id: vector.value for vector in evidence.vectors}
    ratio = _fit(evidence, [right], lambda vector: 1.0)
    what = f"{_number(ratio[0][0], ratio[1][0])} x the reference" if ratio else f"the reference {variant.formula}"
    what = what if ratio else f"{scaling}{what}"
    kind = "convention" if convention else "bug"
    source = variant.where if convention else variant.seen
    where = (" of " if convention else "; ") + source if source else ""
    also = f"; also known as: {', '.join(aliases)}" if aliases else ""
    reduced = f", {evidence.reduction} of the rows" if evidence.reduction != "per row" else ""
    words = f"equals {what}{reduced}: {variant.name} ({kind}{where}{also})"
    return Diagnosis(words, (variant.name, *aliases), convention, evidence.reduction)


# --- the terms of the formula --------------------------------------------------------------------------------------

CONVENTIONAL = ("", "1/d x ", "sigma^2 x ", "sigma^4 x ", "sigma^2/d x ", "sigma^4/d x ")  # in which a mistake is named


@cache
def _term_answers(function: str) -> list[dict[str, np.ndarray]]:
    return [_answers(function, term.implementation()) for term in TERMS[function]]


def _terms(function, some) -> tuple[list[dict[str, np.ndarray]], list[str]]:
    """The terms of the formula by question, and their names; of one that has none it is the whole."""
    if function in TERMS:
        return _term_answers(function), [term.words for term in TERMS[function]]
    return [{vector.asked.id: vector.value for vector in some}], ["the reference"]


def scalings(some: list[Vector]) -> Iterator[tuple[str, Callable]]:
    """Factors that an implementation may put before the formula of each row: words, and functions of a vector."""
    yield "", lambda vector: 1.0
    yield "1/d x ", lambda vector: 1 / vector.asked.given["d"]
    yield "d x ", lambda vector: float(vector.asked.given["d"])
    yield "1/sqrt(d) x ", lambda vector: vector.asked.given["d"] ** -0.5
    for name in ("sigma", "eps"):
        if all(np.ndim(vector.asked.arguments.get(name, [[]])) < 2 for vector in some):  # where eps is no noise
            for power in (2, 4, 1, 3, -1, -2, -4):
                yield f"{name}^{power} x ", partial(_power, name, power, False)
            for power in (2, 4):
                yield f"{name}^{power}/d x ", partial(_power, name, power, True)
    yield "1/n x ", lambda vector: 1 / vector.asked.given["n"]
    yield "n x ", lambda vector: float(vector.asked.given["n"])


def _power(name, power, over_d, vector):
    """A power of sigma or eps, once for each number of its row."""
    value = np.ravel(vector.asked.arguments[name])
    factor = np.repeat(value, len(vector.value) // len(value)) ** float(power)
    return factor / vector.asked.given["d"] if over_d else factor


def _fit(evidence, terms, scaling):
    """Coefficients, and how well they are known, if the scaled terms combine to the answers on both halves.

    Least squares in units of the tolerance; a coefficient is known to within sum |pseudoinverse| of them.
    """
    columns = np.stack([evidence.scaled(term, scaling) for term in terms], axis=1)
    scales = {vector.asked.id: vector.scale for vector in evidence.vectors}
    allowed = tolerance(np.abs(evidence.scaled(scales, scaling)), evidence.roundoff)
    find, confirm = ~evidence.confirms, evidence.confirms
    usable = np.all(np.isfinite(evidence.answers)) and np.all(np.isfinite(columns)) and np.any(confirm)
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
    within = residual <= allowed * size + np.abs(columns) @ known * confirm
    return (c, known) if np.all(within) and np.all(known <= 0.1) else None


def _combination(names, coefficients, known, scaling, evidence) -> str:
    reduced = f" ({evidence.reduction} of the rows)" if evidence.reduction != "per row" else ""
    numbers = [_number(c, k) for c, k in zip(coefficients, known)]
    if len(set(numbers)) == 1:
        factor = "" if numbers[0] == "1" else f"{numbers[0]} x "
        return f"{factor}{scaling}the reference{reduced}"
    off = [f"{name} has coefficient {number}, should be 1" for name, number in zip(names, numbers) if number != "1"]
    return f"{scaling}the reference{reduced}, where {', '.join(off)}"


def _number(c: float, known: float = 0.0) -> str:
    """A simple fraction where c is one as far as it is known, else the digits that are."""
    near = next((f for f in NICE if abs(c - f) <= known), None)
    if near is not None:
        return str(near)
    digits = 17 if known == 0 else max(2, min(17, int(np.ceil(-np.log10(known))) + 1))
    return f"{c:.{digits}g}"


# --- facts ---------------------------------------------------------------------------------------------------------

FEATURES = ("d", "n", "kind", "sigma", "eps", "eta", "scale", "n_steps", "m", "nu", "bandwidth")


def facts(evidence: Evidence) -> list[str]:
    """What can be said without a name."""
    said = [*_not_finite(evidence), *_leaks(evidence), *_part(evidence)]
    said += _where(evidence)
    units = evidence.units
    low = 2.0**-29  # from float64's units to float32's
    typical = np.median(units) * low * FACTOR  # in units of float32's roundoff
    if evidence.roundoff < 1e-12 and np.all(units * low <= 1) and 1 / FACTOR <= typical <= 1:
        said.append("the errors are of the size of float32's roundoff: is a part of it computed in float32?")
    return [*said, f"{np.sum(units > 1)} of {len(units)} numbers are wrong"]


def _not_finite(evidence):
    bad = ~np.isfinite(evidence.answers)
    if np.any(bad):
        sizes = np.concatenate([_magnitudes(vector, evidence) for vector in evidence.vectors])
        kind = "NaN" if np.any(np.isnan(evidence.answers)) else "overflow"
        least, fine = np.min(sizes[bad]), sizes[~bad]
        if not fine.size:
            yield f"{kind} everywhere"
        elif least > np.max(fine):
            yield f"{kind} from |x| = {least:.3g} on"
        else:
            yield f"{kind} in {np.sum(bad)} of {len(bad)} numbers"


def _magnitudes(vector, evidence):
    """The largest |x| of each row, once for each number of the answer; of all rows where they were reduced."""
    given = vector.asked.arguments
    named = (given[name] for name in ("x", "y", "v", "z") if name in given)
    points = next(named, np.ones((1, 1)))  # some have no point
    rows = np.max(np.abs(points), axis=1) if points.ndim == 2 else np.atleast_1d(np.max(np.abs(points)))
    numbers = np.size(evidence.gather([vector.value]))
    return np.repeat(rows, numbers // len(rows)) if numbers % len(rows) == 0 else np.full(numbers, np.max(rows))


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
            gap = np.abs(by_seed[key] - got) / tolerance(vector.scale, evidence.roundoff)
            if np.any(gap > 2):
                yield "rows influence each other: a row alone is answered differently than among others"
                return
        elif vector.asked.function not in WHOLE:
            by_seed.setdefault(key, _first_row(vector, got))


def _first_row(vector, numbers):
    """Those of the first row in each part of an answer."""
    parts = np.split(numbers, np.cumsum([int(np.prod(shape)) for shape in vector.shapes])[:-1])
    return np.concatenate([part[: int(np.prod(shape[1:]))] for part, shape in zip(parts, vector.shapes)])


PARTS = {  # of answers that have several
    "field_and_divergence": ("the field", "the divergence"),
    "geometric_noise_levels": ("the levels", "the overlap"),
    "estimated_log_partition": ("log Z", "the standard error"),
    "leapfrog": ("the positions", "the momenta"),
    "entropy_gradient": ("the gradient in phi[0]", "the gradient in phi[1]"),
    "implicit_negative_elbo": ("the values", "the gradients in z"),
    "RealNVP.inverse": ("the points z", "the log-determinants"),
} | dict.fromkeys(ADJUSTED, ("the states", "the probabilities of acceptance"))


def _part(evidence):
    """Which part of the answers is wrong, if the others are right."""
    sizes = [[int(np.prod(shape)) for shape in vector.shapes] for vector in evidence.vectors]
    names = PARTS.get(evidence.vectors[0].asked.function, ())
    if names and all(len(some) == len(names) for some in sizes):
        part = np.concatenate([np.repeat(range(len(some)), some) for some in sizes])
        wrong = {names[i] for i in part[evidence.units > 1]}
        if len(wrong) == 1:
            yield f"wrong in {wrong.pop()} only"


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
