"""Wrong coefficients of the terms of a formula, found by least squares; and factors of the whole."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial

import numpy as np

from refebm.crosscheck.evidence import Diagnosis
from refebm.crosscheck.readings import Reading, cache
from refebm.crosscheck.vectors import Vector, tolerance, vectors
from refebm.identities import Implementation
from refebm.variants import TERMS
from refebm.variants.asked import particular
from refebm.variants.steps import Chain, Weighting

NICE = sorted({Fraction(p, q) for p in range(-4, 5) for q in (1, 2, 3, 4)}, key=lambda c: (c.denominator, abs(c)))
UNEVEN = {"over d": lambda given: 1 / given["d"], "times d": lambda given: float(given["d"])}
UNEVEN |= {"over n": lambda given: 1 / given["n"], "times n": lambda given: float(given["n"])}


def combined(function, candidates) -> Diagnosis | None:
    """A linear combination of the formula's terms, with the simplest scaling."""
    columns, names = terms_of(function, candidates[0].vectors) if candidates else ([], [])
    for words, scaling in scalings(candidates[0].vectors) if candidates else ():
        for evidence in candidates:
            fit = fitted(evidence, columns, scaling)
            if fit:
                said = f"equals {combination(names, *fit, words, evidence)}"
                free = particular(function).factor if not words else ""
                return _factor(said, free, function, *fit, evidence) if free else _said(said, evidence)
    return _uneven(columns, names, candidates) if len(columns) > 1 else None


def _said(words: str, evidence) -> Diagnosis:
    return Diagnosis(words, reduction=evidence.reduction)


def _factor(words: str, free: str, function: str, c, known, evidence) -> Diagnosis:
    """The diagnosis of a multiple of the reference, one term, whose source leaves the factor free: a convention."""
    if c[0] <= 0:
        return _said(words, evidence)
    factor = next((one for k in range(1, 17) for one in [float(f"{c[0]:.{k}g}")] if abs(one - c[0]) <= known[0]), c[0])
    chain = Chain(function, (), Weighting((free,), lambda given: factor, constant=factor))
    return Diagnosis(f"{words}: {free} (convention)", (free,), chain, evidence.reduction)


def _uneven(columns, names, candidates) -> Diagnosis | None:
    """A combination in which a single term is divided or multiplied by d or n, as if it had a mean for a sum."""
    for j, (name, column) in enumerate(zip(names, columns)):
        for words, count in UNEVEN.items():
            scaled = {
                vector.asked.id: column[vector.asked.id] * count(vector.asked.given) for vector in candidates[0].vectors
            }
            for evidence in candidates:
                fit = fitted(evidence, [*columns[:j], scaled, *columns[j + 1 :]], lambda vector: 1.0)
                if fit and not (words.endswith(" n") and evidence.reduction == "per row"):
                    said = combination([*names[:j], f"{name} {words}", *names[j + 1 :]], *fit, "", evidence)
                    many = "," if "coefficient" in said else " where"
                    said += "" if f"{name} {words}" in said else f"{many} {name} is {words}"
                    return Diagnosis(
                        f"equals {said}: a mean for a sum, in one term alone", reduction=evidence.reduction
                    )
    return None


def combination(names, coefficients, known, scaling, evidence) -> str:
    reduced = f" ({evidence.reduction} of the rows)" if evidence.reduction != "per row" else ""
    numbers = [as_number(c, k) for c, k in zip(coefficients, known)]
    if len(set(numbers)) == 1:
        factor = "" if numbers[0] == "1" else f"{numbers[0]} x "
        return f"{factor}{scaling}the reference{reduced}"
    off = [
        f"{name} has coefficient {number} in yours, should be 1"
        for name, number in zip(names, numbers)
        if number != "1"
    ]
    return f"{scaling}the reference{reduced}, where {', '.join(off)}"


def as_number(c: float, known: float = 0.0) -> str:
    """c as a simple fraction, if it is one within its uncertainty, else with the digits that are known."""
    near = next((f for f in NICE if abs(c - f) <= known), None)
    if near is not None:
        return str(near)
    digits = 17 if known == 0 else max(2, min(17, int(np.ceil(np.log10(abs(c) / known))) + 1))
    return f"{c:.{digits}g}"


def multiple(evidence) -> bool:
    """Whether the answers are the right ones times a scaling; then a mistake in another scaling is not meant."""
    right = {vector.asked.id: vector.value for vector in evidence.vectors}
    return any(fitted(evidence, [right], scaling) for _, scaling in scalings(evidence.vectors))


def _answers(function: str, impl: Implementation) -> dict[str, np.ndarray]:
    reading = Reading(function, lambda: impl)
    return {vector.asked.id: reading.on(vector) for vector in vectors(function)}


@cache
def _term_answers(function: str) -> list[dict[str, np.ndarray]]:
    return [_answers(function, term.implementation()) for term in TERMS[function]]


def terms_of(function, some) -> tuple[list[dict[str, np.ndarray]], list[str]]:
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


def fitted(evidence, terms, scaling):
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
    size = np.max(np.abs(c))  # of the answers' own roundoff
    known = np.sum(np.abs(inverse), axis=1) * size
    residual = np.abs(columns @ c - evidence.answers)
    within = (residual <= allowed * size + np.abs(columns) @ known * confirm) | ~kept
    return (c, known) if np.all(within) and np.all(known <= 0.1) else None
