"""Facts about wrong answers that have no name: where alone they are wrong, in which part, and how large the errors are.

A fact is stated only if no other feature of the questions explains the wrong numbers equally well.
"""

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from refebm import glossary
from refebm.crosscheck.questions import GRADIENTS, WHOLE
from refebm.crosscheck.vectors import leaves, plain, tolerance
from refebm.models import Model
from refebm.variants.arguments import ADJUSTED, DIAGNOSTICS, GRID, of_type, types
from refebm.variants.asked import particular

MOSTLY = 0.5  # the share of numbers that must be wrong elsewhere for "right where ..." to be stated
OF_ALL = {"reach", "seed", "grid", "walls", "holes", "rows"}  # features with words of their own


def facts(evidence) -> list[str]:
    """The facts about wrong answers, as phrases."""
    said = [*_not_finite(evidence), *_leaks(evidence), *_part(evidence), *_turned(evidence)]
    said += _ignored(evidence) or _where(evidence) or _where_else(evidence) or _growth(evidence)
    return [*said, f"{np.sum(evidence.wrong)} of {np.sum(~evidence.left_out)} numbers are wrong"]


LEAST_TURNED = 3  # wrong numbers that are all minus the right ones


def _turned(evidence) -> list[str]:
    """Whether what is wrong is so in its sign alone, as if an absolute value were taken of what is returned."""
    kept = ~evidence.left_out
    wrong, off = evidence.wrong, np.abs(evidence.answers + evidence.right)
    if np.sum(wrong) < LEAST_TURNED or np.all(wrong[kept]) or not np.all((off <= evidence.allowed)[wrong]):
        return []
    is_size = ", none is negative: an absolute value?" * bool(np.all(evidence.answers[kept] >= 0))
    return [f"the wrong numbers are minus the right ones{is_size}"]


def _ignored(evidence) -> list[str]:
    """An argument that does not matter: questions differ only in it, and their answers are equal."""
    pieces = [(one.vectors[0].asked.arguments, one) for one in evidence.pieces]
    for name in pieces[0][0]:
        alike: dict[str, list] = {}
        for given, one in pieces:
            alike.setdefault(repr(plain({key: value for key, value in given.items() if key != name})), []).append(one)
        pairs = [(a, b) for some in alike.values() for a, b in combinations(some, 2) if len(a.right) == len(b.right)]
        pairs = [(a, b) for a, b in pairs if np.any(np.abs(a.right - b.right) > a.allowed + b.allowed)]
        if pairs and all(np.array_equal(a.answers, b.answers) for a, b in pairs):
            return [f"the answer does not depend on {name}"]
    return []


# --- features of questions, and of their rows ------------------------------------------------------------------------


def spread(evidence, of: Callable) -> np.ndarray:
    """A feature of each question, or of each of its rows, repeated for each number of its answer."""
    found = []
    for vector in evidence.vectors:
        numbers, value = np.size(evidence.gather([vector.value])), of(vector.asked)
        if np.ndim(value) == 0:
            found.append(np.full(numbers, value, dtype=object))
        elif numbers % len(value) == 0 and len(vector.shapes) == 1:
            found.append(np.repeat(np.array(value, dtype=object), numbers // len(value)))
        elif len(vector.shapes) > 1:  # rows in each part of the answer
            parts = [np.repeat(np.array(value, dtype=object), int(np.prod(shape[1:]))) for shape in vector.shapes]
            sizes = all(shape[:1] == (len(value),) for shape in vector.shapes)
            found.append(np.concatenate(parts) if sizes else np.full(numbers, None, dtype=object))
        else:
            found.append(np.full(numbers, None, dtype=object))
    return np.concatenate(found)


def _is(of: Callable) -> Callable:
    return lambda evidence: spread(evidence, of).astype(bool)


def _odd(asked):
    return asked.function in DIAGNOSTICS and len(asked.arguments["x"]) % 2 == 1


def _first_step(asked):
    return np.asarray(of_type(asked.function, asked.arguments, glossary.Indices, glossary.FreeIndices)) == 0


def _equal_steps(asked):
    times = of_type(asked.function, asked.arguments, glossary.DecreasingTimes)
    return times is not None and len(times) > 2 and bool(np.ptp(np.diff(times)) == 0)


def _later_rows(asked):
    return asked.function not in WHOLE and np.arange(asked.given["n"]) > 0


def _size(asked, name: str):
    """n or d, or None for a question that has no rows, or no coordinates."""
    size, given = asked.given[name], [getattr(value, "parameters", value) for value in asked.arguments.values()]
    return size if any(size in np.shape(leaf) for leaf in glossary.leaves_of(given)) else None


def _square(asked):
    return asked.given["n"] == asked.given["d"] and None not in (_size(asked, "n"), _size(asked, "d"))


NO_ENERGY = (
    "the energy of a proposal is infinite, or NaN",
    _is(lambda asked: bool({"walls", "holes"} & set(asked.given))),
)
CAST = "inputs have more digits than float32 holds (is one cast on its way?)"
EXCEPTIONS = [  # where something else may be wrong: words, and which numbers
    ("n is 1", _is(lambda asked: _size(asked, "n") == 1)),
    ("d is 1", _is(lambda asked: _size(asked, "d") == 1)),
    ("n equals d", _is(_square)),
    ("a row is not the first (does it depend on those before?)", _is(_later_rows)),
    ("T is odd", _is(_odd)),
    ("i is 0", _is(_first_step)),
    ("nu is 1", _is(lambda asked: asked.given.get("nu") == 1)),
    ("steps in time are equal", _is(_equal_steps)),
    ("t is near 0 (is it held back?)", _is(lambda asked: asked.given.get("near") in ("the start", "both ends"))),
    ("t is near 1 (is it held back?)", _is(lambda asked: asked.given.get("near") in ("the end", "both ends"))),
    ("points are far out", _is(lambda asked: asked.given["reach"] > 1)),
    ("the energy of a proposal is infinite", _is(lambda asked: asked.given.get("walls"))),
    ("the energy of a proposal is NaN", _is(lambda asked: asked.given.get("holes"))),
    NO_ENERGY,
    (CAST, _is(lambda asked: asked.given["grid"] != GRID)),
]
WORDS = {  # special phrases for some of these exceptions
    "n is 1": "wrong for a row alone, n = 1 only",
    "points are far out": "wrong far out only",
    CAST: f"wrong where {CAST} only",
}


def _predicates(evidence) -> Iterator[tuple[str, np.ndarray]]:
    """Places where numbers may be wrong: words and a mask; of places with the same mask the first counts."""
    for words, mask in EXCEPTIONS:
        some = mask(evidence)
        yield WORDS.get(words, f"wrong where {words} only"), some
        if "of a proposal" not in words:  # where it is rejected whatever the ratio is
            yield f"right where {words}", ~some
    for words, at in levels(evidence):
        yield f"right where {words}", ~at
        yield f"wrong where {words} only", at
    for name, end, number, some in bounds(evidence):
        yield f"wrong where {name} is {end} {number:.3g} only", some


def levels(evidence) -> Iterator[tuple[str, np.ndarray]]:
    """Where a feature of the questions has one of its values: words and a mask."""
    for feature in _features(evidence):
        values = spread(evidence, lambda asked, f=feature: asked.given[f])
        some = list(dict.fromkeys(values))
        for level in some if len(some) > 1 else ():
            yield f"{feature} is {level}", np.array([value == level for value in values])


def by_row(evidence) -> Iterator[tuple[str, np.ndarray]]:
    """The arguments that are a number for each row, as times are: names, and the value for each number of an answer."""
    for name, kind in types(evidence.vectors[0].asked.function).items():
        here = all(name in vector.asked.arguments for vector in evidence.vectors)
        if here and kind in (glossary.Times, glossary.Levels, glossary.Uniform):
            values = spread(evidence, lambda asked, name=name: np.ravel(asked.arguments[name]))
            if not any(value is None for value in values):
                yield name, values.astype(float)


def bounds(evidence) -> Iterator[tuple[str, str, float, np.ndarray]]:
    """Where such an argument is below the smallest, or above the largest, for which all is right: its name, the end,
    that number, and a mask."""
    wrong, kept = evidence.units > 1, ~evidence.left_out
    for name, values in by_row(evidence) if np.any(~wrong & kept) else ():
        right = values[~wrong & kept]
        yield name, "below", np.min(right), values < np.min(right)
        yield name, "above", np.max(right), values > np.max(right)


def _features(evidence) -> list[str]:
    """The names of what all the questions give: sizes, and values that are tried."""
    asked = [vector.asked for vector in evidence.vectors]
    names = [name for name in asked[0].given if name not in OF_ALL and all(name in one.given for one in asked)]
    return [name for name in names if name not in ("n", "d") or any(_size(one, name) is not None for one in asked)]


def _where(evidence) -> list[str]:
    """The one feature that best separates the wrong numbers from the right ones."""
    wrong, kept = evidence.wrong, ~evidence.left_out
    found = []
    for words, some in _predicates(evidence):
        there, elsewhere = some & kept, ~some & kept
        if np.any(wrong & ~some) or not np.any(there) or not np.any(elsewhere):
            continue
        share = np.mean(wrong[there])
        if all(_several(evidence, one) for one in (there, elsewhere)) and share > (
            MOSTLY if words.startswith("right") else 0
        ):
            found.append((np.sum(there), words, there, share))
    if not found:
        return []
    least = min(one[0] for one in found)
    best = [one for one in found if one[0] == least]
    _, words, there, share = best[0]
    if any(np.any(other[2] != there) for other in best):  # another feature explains them equally well
        return []
    return [words] if share > MOSTLY or (words.startswith("wrong") and _few(evidence, words)) else []


ROUNDED = 8  # roundoffs of the largest number in a form that a few sums and functions may lose


def cancelled(evidence) -> np.ndarray:
    """Which numbers are off by no more than the roundoff of larger ones that cancel in the form that is used for them.

    A standard function may do so. PyTorch's binary cross-entropy is a + log(1 + exp(-a)), 0 or 1e-14 at a = -100: in
    the mean of a loss nobody sees it. A small probability 1 - F is off by the roundoff of 1, and exp(a - b) of log
    weights by that of a. So the sizes are those of the inputs, at least 1; of energies far out, their squares. What is
    no loss, which is averaged, keeps at least half of its digits.
    """
    loss = evidence.vectors[0].asked.function in GRADIENTS
    far = evidence.each(lambda asked: float(asked.given["reach"] > 1)).astype(bool)
    sizes = (
        np.concatenate([_magnitudes(vector, evidence) for vector in evidence.vectors]) ** 2
        if loss
        else _largest(evidence)
    )
    with np.errstate(invalid="ignore"):
        off = np.abs(evidence.answers - evidence.right)
        small = off <= ROUNDED * evidence.roundoff * np.maximum(1, sizes)
        small &= loss | (off <= np.sqrt(evidence.roundoff) * np.abs(evidence.right))
    return small & evidence.wrong & (far | (not loss))


def _largest(evidence) -> np.ndarray:
    """The largest number in the arrays of each question, for each number of its answer; models do not count."""

    def most(asked) -> float:
        given = [value for value in asked.arguments.values() if not isinstance(value, Model)]
        arrays = (np.abs(leaf) for leaf in leaves(given) if isinstance(leaf, (int, float)))
        return float(max(arrays, default=0.0))

    return evidence.each(most)


def lost_digits(evidence) -> str:
    """Words for numbers whose last digits are lost by roundoff, which are those that are left out."""
    some = evidence.left_out
    off, right = np.abs(evidence.answers - evidence.right)[some], np.abs(evidence.right)[some]
    far = evidence.each(lambda asked: float(asked.given["reach"] > 1)).astype(bool)
    with np.errstate(divide="ignore"):
        digits = int(max(0.0, np.min(-np.log10(off / right))))
    where = " far out" * bool(np.all(far[some]))
    kept = f"right to {digits} digits at least: " * (digits > 0)
    return (
        f"{kept}small numbers lose digits{where}, where large ones cancel: roundoff of the form that you use, "
        f"off by {np.max(off):.1g} at most, in {np.sum(some)} of {len(some)} numbers"
    )


def _where_else(evidence) -> list[str]:
    """The same without proposals that have no energy, where something else may be wrong."""
    words, mask = NO_ENERGY
    some = mask(evidence)
    found = _where(evidence.without(some)) if np.any(some & evidence.wrong) else []
    return [f"{one}, apart from those where {words}" for one in found]


def _several(evidence, some) -> bool:
    """Whether these numbers belong to more than one question."""
    sizes = [np.size(evidence.gather([vector.value])) for vector in evidence.vectors]
    return len(set(np.repeat(range(len(sizes)), sizes)[some])) > 1


def _few(evidence, words) -> bool:
    """Whether these questions are there for what is found by them: then one number that is wrong says enough."""
    return any(text in words for text in ("far out", "float32", "of a proposal", "not the first"))


def _growth(evidence) -> list[str]:
    """The number with which the errors grow, if it explains them better than any other."""
    units = evidence.units
    some = evidence.wrong & (units < 1e300)
    if np.sum(some) < 12:
        return []
    size, told = np.log(units[some]), []
    total = np.var(size)
    if total == 0:
        return []
    for feature in _features(evidence):
        values = spread(evidence, lambda asked, f=feature: asked.given[f])[some]
        levels = sorted({value for value in values if isinstance(value, (int, float))})
        groups = [size[[v == level for v in values]] for level in dict.fromkeys(values)]
        share = 1 - sum(len(one) * np.var(one) for one in groups) / len(size) / total
        medians = [np.median(size[[v == level for v in values]]) for level in levels]
        grows = len(medians) > 2 and np.all(np.diff(medians) > 0) and medians[-1] - medians[0] > np.log(4)
        told.append((share, feature, grows))
    share, feature, grows = max(told)
    others = [one[0] for one in told if one[1] != feature]
    return [f"the error grows with {feature}"] if grows and share > max([0.6, *(1.5 * one for one in others)]) else []


# --- numbers that are not finite, rows, parts ------------------------------------------------------------------------


def _not_finite(evidence):
    kept = ~evidence.left_out
    bad = ~np.isfinite(evidence.answers) & kept
    if np.any(bad):
        sizes = np.concatenate([_magnitudes(vector, evidence) for vector in evidence.vectors])
        kind = "NaN" if np.any(np.isnan(evidence.answers[kept])) else "overflow"
        least, fine = np.min(sizes[bad]), sizes[~bad & kept]
        if not fine.size:
            yield f"{kind} everywhere"
        elif least > np.max(fine):
            yield f"{kind} from |x| = {least:.3g} on"
        else:
            yield f"{kind} in {np.sum(bad)} of {np.sum(kept)} numbers"


def _magnitudes(vector, evidence):
    """The largest |x| of each row, for each number of the answer; of all rows if the answer is reduced."""
    given = vector.asked.arguments
    named = (given[name] for name in ("x", "y", "v", "z") if name in given)
    points = next(named, 1.0)  # some questions have no points
    rows = np.max(np.abs(points), axis=1) if np.ndim(points) == 2 else np.atleast_1d(np.max(np.abs(points)))
    numbers = np.size(evidence.gather([vector.value]))
    return np.repeat(rows, numbers // len(rows)) if numbers % len(rows) == 0 else np.full(numbers, np.max(rows))


def _leaks(evidence):
    """Whether a row is answered differently alone than among others."""
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
    """The numbers of the first row in each part of an answer."""
    parts = np.split(numbers, np.cumsum([int(np.prod(shape)) for shape in vector.shapes])[:-1])
    return np.concatenate([part[: int(np.prod(shape[1:]))] for part, shape in zip(parts, vector.shapes)])


def _part(evidence):
    """The part of the answers that is wrong, if all others are right."""
    sizes = [[int(np.prod(shape)) for shape in vector.shapes] for vector in evidence.vectors]
    function = evidence.vectors[0].asked.function
    names = ("the states", "the probabilities of acceptance") if function in ADJUSTED else particular(function).parts
    if names and all(len(some) == len(names) for some in sizes):
        part = np.concatenate([np.repeat(range(len(some)), some) for some in sizes])
        wrong = {names[i] for i in part[evidence.wrong]}
        if len(wrong) == 1:
            yield f"wrong in {wrong.pop()} only"
