"""Facts about wrong answers that have no name: where alone they are wrong, in which part, and how large the errors are.

A fact is stated only if no other feature of the questions explains the wrong numbers equally well.
"""

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from refebm import glossary
from refebm.crosscheck.questions import LOSSES, WHOLE
from refebm.crosscheck.vectors import leaves, plain, tolerance
from refebm.models import Model
from refebm.variants.arguments import ADJUSTED, DIAGNOSTICS, GRID, of_type, types
from refebm.variants.asked import particular

MOSTLY = 0.5  # the share of numbers that must be wrong elsewhere for "right where ..." to be stated
OF_ALL = {"reach", "seed", "grid", "walls", "holes", "rows"}  # features with words of their own


def facts(evidence, named: bool = False) -> list[str]:
    """The facts about wrong answers, as phrases. named: to stand beside what they equal, which says how large they
    are."""
    said = [*_not_finite(evidence), *_leaks(evidence)]
    alone, others = part(evidence)
    there = evidence.without(others) if alone else evidence  # where alone a part is wrong, if it alone is
    said += [*alone, *_turned(evidence), *(() if named else _shifted(there) or _alike(there))]
    said += _ignored(there) or _where(there) or _where_else(there) or ([] if named else _growth(there))
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


def _shifted(evidence) -> list[str]:
    """Whether all wrong numbers, which are not all, are off by the same amount, as where something is cut."""
    by = _one_amount(evidence)
    if by is None or np.all(evidence.wrong | evidence.left_out) or not _several(evidence, evidence.wrong):
        return []
    return [f"the wrong numbers are all {abs(by):.3g} too {'large' if by > 0 else 'small'}"]


def _one_amount(evidence) -> float | None:
    """The amount by which all wrong numbers, if there are several, are off; None if there is none."""
    wrong, off = evidence.wrong, evidence.answers - evidence.right
    if np.sum(wrong) <= LEAST_TURNED or not np.all(np.isfinite(off[wrong])):
        return None
    by = off[wrong][np.argmin(evidence.allowed[wrong])]
    return None if np.any(np.abs(off - by)[wrong] > 2 * evidence.allowed[wrong]) else float(by)


def _ignored(evidence) -> list[str]:
    """An argument, or a part of one, that does not matter: questions, or rows, differ only in it, and their answers are
    equal."""
    if said := _ignored_in_rows(evidence):
        return said
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


MUCH = 1000  # tolerances by which right answers differ where an argument matters


def _ignored_in_rows(evidence) -> list[str]:
    """The same from questions whose rows are the first but for one thing each."""
    matters, ignored = set(), []
    for one in evidence.pieces if evidence.reduction == "per row" else ():
        vector = one.vectors[0]
        for i, name in enumerate(vector.asked.given.get("apart", ()), 1):
            first, other = _of_row(vector, 0), _of_row(vector, i)
            allowed = np.where(one.left_out, np.inf, one.allowed)[first]
            if _rejected(one, 0, first) and _rejected(one, i, other):
                continue
            if np.any(np.abs(one.right[other] - one.right[first]) > MUCH * allowed):
                same = np.array_equal(one.answers[other], one.answers[first], equal_nan=True)
                same |= bool(np.all(np.abs(one.answers[other] - one.answers[first]) <= allowed))
                ignored.append(name) if same else matters.add(name)
    some = [name for name in dict.fromkeys(ignored) if name not in matters]
    some = [name for name in some if name.partition("[")[0] not in set(some) - {name}]  # the whole, if it is ignored
    return [f"the answer does not depend on {' and '.join(some)}"] if some else []


def _rejected(one, i: int, numbers: np.ndarray) -> bool:
    """Whether a state came back as it was given: its proposal was rejected, whatever the proposal was."""
    asked = one.vectors[0].asked
    return asked.function in ADJUSTED and np.array_equal(
        one.answers[numbers[: asked.given["d"]]], asked.arguments["x"][i]
    )


def _of_row(vector, i: int) -> np.ndarray:
    """Where the numbers of row i are in an answer, in each of its parts."""
    sizes = [int(np.prod(shape)) for shape in vector.shapes]
    starts, steps = np.cumsum([0, *sizes[:-1]]), [int(np.prod(shape[1:])) for shape in vector.shapes]
    return np.concatenate([start + i * step + np.arange(step) for start, step in zip(starts, steps)])


# --- wrong answers that are right but for a number or a factor -------------------------------------------------------

ALIKE = {  # what is wrong in the same way in all rows of a question: words, and what is the same
    "all rows of a question are off by the same amount: a constant is wrong": "amount",
    "all numbers of an answer are off by the same factor": "factor",
    "each row is the right one times a factor of its own": "factor of a row",
}


def _alike(evidence) -> list[str]:
    """In what way all wrong answers are off, if in one way in several questions, and not by one number in all."""
    if evidence.reduction != "per row" or _one_amount(evidence) is not None:
        return []
    along = [(f"each row is off by a multiple of {name}", name) for name in evidence.vectors[0].asked.arguments]
    for words, what in [*ALIKE.items(), *along]:
        told = [_is_alike(one, what) for one in evidence.pieces if not one.holds]
        if told.count(True) > 1 and False not in told:
            return [words]
    return []


def _is_alike(one, what: str) -> bool | None:
    """Whether the answer to a question is off in this way; None if it has too few numbers to tell."""
    vector = one.vectors[0]
    if len(vector.shapes) != 1 or not vector.shapes[0] or np.any(one.left_out):
        return None
    by_row = vector.asked.function not in WHOLE
    rows = vector.shapes[0][0] if by_row else 1
    got, right, allowed = (number.reshape(rows, -1) for number in (one.answers, one.right, one.allowed))
    with np.errstate(all="ignore"):
        if what == "amount":
            gap, apart = got - right, np.any(np.abs(right - right[:1]) > allowed + allowed[:1])
            near = np.abs(gap - gap[:1]) <= allowed + allowed[:1]
            return bool(np.all(near)) if by_row and apart else None
        if what == "factor" and not np.all(np.isfinite(got)):
            return False
        if what == "factor":  # that of a row alone is its own
            one_row = by_row and rows == 1
            return None if one_row else _in_proportion(*(some.reshape(1, -1) for some in (got, right, allowed)))
        if what == "factor of a row":
            return _in_proportion(got, right, allowed) if by_row else None
        given = vector.asked.arguments.get(what)
        if not by_row or not isinstance(given, np.ndarray) or given.shape != vector.shapes[0]:
            return False
        return _in_proportion(got - right, given, 2 * allowed)


def _in_proportion(some, to, allowed) -> bool | None:
    """Whether each row is a multiple of the other, to so much; None if it has one number. What overflows is no row."""
    finite = np.all(np.isfinite(some), axis=1)
    some, to, allowed = some[finite], to[finite], allowed[finite]
    if some.shape[1] < 2 or not len(some):
        return None
    largest = np.arange(len(to)), np.argmax(np.abs(to), axis=1)
    factor = (some[largest] / to[largest])[:, None]
    grown = np.maximum(1, np.abs(factor))
    return bool(np.all(np.abs(some - factor * to) <= 2 * grown * np.maximum(allowed, allowed[largest][:, None])))


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
    for words, some in (*_neutral(evidence), *_entries(evidence)):
        yield f"right {words}", ~some
        yield f"wrong {words} only", some
    for name, end, number, some in bounds(evidence):
        yield f"wrong where {name} is {end} {number:.3g} only", some


def _neutral(evidence) -> Iterator[tuple[str, np.ndarray]]:
    """Where a parameter is such that much of a formula does nothing: words and a mask."""
    told = {vector.asked.id: set(neutral(vector.asked)) for vector in evidence.vectors}
    for words in dict.fromkeys(one for some in told.values() for one in sorted(some)):
        yield f"where {words}", spread(evidence, lambda asked, one=words: one in told[asked.id]).astype(bool)


def neutral(asked) -> Iterator[str]:
    """What is neutral in a question: a parameter that is 0, 1 or the identity, or a mixture that is one Gaussian."""
    for name, value in _named(asked.arguments):
        value = np.asarray(value)
        if value.dtype != float or not value.size:
            continue
        if name == "means" and value.ndim == 2:
            yield from ["there is one component"] * (len(value) == 1)
            yield from ["all means are equal"] * bool(len(value) > 1 and not np.any(np.ptp(value, axis=0)))
        is_square = value.ndim > 1 and value.shape[-1] == value.shape[-2]
        if is_square and np.array_equal(value, np.broadcast_to(np.eye(value.shape[-1]), value.shape)):
            yield f"{name} is the identity"
        elif not np.any(value - value.flat[0]) and value.flat[0] in (0, 1):
            yield f"{name} is {value.flat[0]:g}"


def _named(arguments: dict) -> Iterator[tuple[str, object]]:
    """The numbers in arguments, and in the models, densities and SDEs among them, by the names of their parameters."""
    for name, value in arguments.items():
        value = value.parameters if isinstance(value, Model) else value
        if isinstance(value, dict):
            yield from _named(value)
        elif not isinstance(value, (tuple, list, str)) and not callable(value):
            yield name, value


ENDS = {"first": lambda i, size: i == 0, "last": lambda i, size: i == size - 1}
SIDES = {"on": np.equal, "off": np.not_equal}  # the diagonal


def _entries(evidence) -> Iterator[tuple[str, np.ndarray]]:
    """Ends of answers, of their rows, or of their grids, and the diagonals of matrices: words and a mask."""
    if evidence.reduction != "per row":
        return
    whole = evidence.vectors[0].asked.function in WHOLE
    what, axis = ("entry of each answer", 0) if whole else ("coordinate", 1)
    for end, holds in ENDS.items():
        yield f"in the {end} {what}", _at(evidence, axis, lambda i, holds=holds: holds(i[axis], i.shape[axis + 1]))
    for side, holds in () if whole else SIDES.items():
        yield f"{side} the diagonal", _at(evidence, 2, lambda i, holds=holds: holds(i[1], i[2]))
    if any(len(vector.shapes) > 1 for vector in evidence.vectors):
        for end, holds in ENDS.items():
            yield f"in the {end} part of each answer", _of_parts(evidence, holds)


def _at(evidence, axis: int, holds: Callable) -> np.ndarray:
    """Where the indices of a number hold, in parts that have such an axis."""
    shapes = [shape for vector in evidence.vectors for shape in vector.shapes]
    masks = (holds(np.indices(shape)) if len(shape) > axis else np.zeros(shape, bool) for shape in shapes)
    return np.concatenate([np.ravel(mask) for mask in masks])


def _of_parts(evidence, holds: Callable) -> np.ndarray:
    """Which numbers belong to an end of the parts of an answer."""
    shapes = [(i, shape, len(vector.shapes)) for vector in evidence.vectors for i, shape in enumerate(vector.shapes)]
    return np.concatenate([np.full(int(np.prod(shape)), holds(i, size)) for i, shape, size in shapes])


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
    if not (share > MOSTLY or (words.startswith("wrong") and _few(evidence, words))):
        return []
    if all(words != f"right {one}" for one, _ in _entries(evidence)):
        return [words]
    return [words, *_where(evidence.without(~there))]  # among the others, there may be one more place


ROUNDED = 8  # roundoffs of the largest number in a form that a few sums and functions may lose


def cancelled(evidence) -> np.ndarray:
    """Which numbers are off by no more than the roundoff of larger ones that cancel in the form that is used for them.

    A standard function may do so. PyTorch's binary cross-entropy is a + log(1 + exp(-a)), 0 or 1e-14 at a = -100: in
    the mean of a loss nobody sees it. A small probability 1 - F is off by the roundoff of 1, and exp(a - b) of log
    weights by that of a. So the sizes are those of the inputs, at least 1; of energies far out, their squares. What is
    no loss, which is averaged, keeps at least half of its digits.
    """
    loss = evidence.vectors[0].asked.function in LOSSES
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
    """Whether these questions are there for what is found by them: then one number that is wrong says enough; or
    whether these are an end of answers, where several are wrong."""
    is_end = " in the " in words and np.sum(evidence.wrong) > LEAST_TURNED
    return is_end or any(text in words for text in ("far out", "float32", "of a proposal", "not the first"))


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


def part(evidence) -> tuple[list[str], np.ndarray]:
    """The part of the answers that is wrong, if all others are right; and which numbers are not of that part."""
    sizes = [[int(np.prod(shape)) for shape in vector.shapes] for vector in evidence.vectors]
    function = evidence.vectors[0].asked.function
    names = ("the states", "the probabilities of acceptance") if function in ADJUSTED else particular(function).parts
    if names and all(len(some) == len(names) for some in sizes):
        of = np.concatenate([np.repeat(range(len(some)), some) for some in sizes])
        if len(wrong := set(of[evidence.wrong])) == 1:
            one = wrong.pop()
            return [f"wrong in {names[one]} only"], of != one
    return [], evidence.left_out
