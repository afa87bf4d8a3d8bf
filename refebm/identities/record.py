r"""A theorem is a record that returns the terms of both sides; `check` compares the sides within a derived tolerance.

How each kind is accepted, entry by entry. u is the unit roundoff; every condition is written as ``<=``, so NaN fails:

- pointwise: gap <= 64 u (sum |terms| + K). K is the change of the terms when every drawn number moves by one part in
  2^26, divided by 2^-26: it bounds what rounding of the case itself can do. K is the largest over three patterns of
  moves up and down, and is computed only where sum |terms| alone is too small for the gap; the second and third pattern
  only where a million times sum |terms| and a thousand times the first pattern's K would explain the gap.
- quadrature: gap <= 64 u sum |terms|, summed also over the nodes, **and** the certificate of every expectation < 1e-9.
- enumeration: gap <= 64 u sum |terms|, summed also over the finite space.
- limit: the observed order between successive steps is within 0.02 of the stated one, and error/h^p is within a
  fraction 0.02 of the known coefficient.
- statistical: |estimate - value| is within a quantile that keeps false alarms of the whole run below 1e-6.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from types import CodeType, FunctionType
from typing import NamedTuple

import numpy as np

import refebm
from refebm.glossary import DomainError, InputError
from refebm.identities.draw import NUDGE, PATTERNS, Draw
from refebm.identities.implementation import REFERENCE, Failure, Implementation, NotSupported
from refebm.truth.expectations import SETTLED, total
from refebm.words import did_you_mean

ROUNDOFF = np.finfo(float).eps / 2
FACTOR = 64
ORDER = 0.02
FALSE_ALARMS = 1e-6
STATISTICS = 10_000  # the most comparisons that one run makes (see `run`); they share the budget FALSE_ALARMS
REFUSED = "refused: "
QUANTILE = -NormalDist().inv_cdf(FALSE_ALARMS / STATISTICS / 2)


class Sides(NamedTuple):
    """The terms of both sides: lists of arrays or floats. Each side is the sum of its list.

    For quadratures and enumerations the first axis of an array runs over nodes or states and is summed too.
    """

    left: list
    right: list
    change: float = 0.0  # the certificate of `expect`: how far its expectations have not settled
    inequality: bool = False  # left <= right instead of left = right
    formula: Sequence = ()  # sizes of terms that the function under test adds up inside, where we only see their sum


class Limit(NamedTuple):
    """Errors at each step size, which should be coefficient * steps^order; None: the coefficient is not known."""

    steps: np.ndarray
    errors: np.ndarray
    order: float
    coefficient: float | None = None


class Sampled(NamedTuple):
    """Means over independent draws, their expected values and standard errors."""

    estimates: np.ndarray
    expected: np.ndarray
    standard_errors: np.ndarray


@dataclass(frozen=True)
class Theorem:
    """One identity: its statement, source, kind, the functions it is about, and how its cases are drawn."""

    name: str
    stem: str
    statement: str
    latex: str
    source: str
    kind: str
    about: tuple[str, ...]
    case: Callable[[Draw], dict]
    sides: Callable
    plane: bool = False  # it also has cases in two dimensions, which cost more
    mixtures: bool = False  # it can be run on the user's data
    outside: dict[str, Callable[[], dict]] = field(default_factory=dict)
    cases: int | None = None  # the length of its list of cases, where that is fixed
    cancels: str = ""  # why sum |terms| may be much larger than both sides
    where: str = ""  # file and line, for a user's theorem


THEOREMS: dict[str, Theorem] = {}  # refebm's own
OURS = __name__.rpartition(".")[0]
PUBLIC = frozenset(refebm.__all__)


class Wrong(NamedTuple):
    """A wrong version of a user's function, which the theorems about that function must reject."""

    function: str
    version: Callable


def theorem(
    source: str,
    kind: str,
    case: Callable[..., dict] | None = None,
    *,
    about: str = "",
    plane: bool = False,
    mixtures: bool = False,
    outside: dict[str, Callable[[], dict]] | None = None,
    cases: int | Sequence | None = None,
    cancels: str = "",
) -> Callable:
    """Register a function (impl, **case) -> sides; its docstring is the statement, in words and in LaTeX.

    - source: the paper and the place in it.
    - kind: the evidence, and how it is judged (see `refebm.identities.record`).
    - about: the names of the functions that the theorem is about. By default they are those that its code, and
      functions to which it hands ``impl``, call as ``impl.NAME``.
    - case: a function of a `Draw` that returns the arguments by name.
    - cases: a list of all cases, each a tuple of the arguments (or a single one). If `case` is given too, it is called
      with these and returns the arguments by name. Or the number of cases, if all that `case` draws is
      ``draw.count(0, cases - 1)``.
    - plane: `case` begins with ``draw.dimension()``.
    - mixtures: its density is a ``draw.mixture(d)``, which a user's data can replace.
    - outside: cases outside its conditions, by words, in which it must fail or be refused.
    - cancels: why its terms may be much larger than its sides.

    A theorem of a module outside refebm is kept in that module, in ``__theorems__``.
    """
    if kind not in JUDGES:
        raise InputError("E-KIND", f"kind must be one of {', '.join(JUDGES)}, got {kind!r}{did_you_mean(kind, JUDGES)}")

    def register(function):
        words, _, latex = (" ".join(part.split()) for part in (inspect.getdoc(function) or "").partition("\n\n"))
        name, module, names = function.__name__, function.__module__, tuple(about.split())
        text = (name, module.rpartition(".")[2], words, latex, source, kind, names)
        drawn, number = (case, cases) if isinstance(cases, int | None) else (_listed(function, case, cases), len(cases))
        made = Theorem(*text, drawn, function, plane, mixtures, outside or {}, number, cancels)
        if module.startswith(f"{OURS}."):
            THEOREMS[made.name] = made
        else:
            function.__globals__.setdefault("__theorems__", []).append(made)
        return function

    return register


def _listed(function, case, cases):
    """A function of a `Draw` that returns the arguments of one of the cases listed."""
    names = list(inspect.signature(function).parameters)[1:]
    case = case or (lambda *values: dict(zip(names, values)))
    drawn = [one if isinstance(one, tuple) else (one,) for one in cases]
    return lambda draw: case(*draw.choice(drawn))


def with_about(theorem: Theorem) -> Theorem:
    """The theorem with what it is about: if its decorator names no functions, those that its code calls."""
    return theorem if theorem.about else replace(theorem, about=tuple(dict.fromkeys(_called(theorem.sides, set()))))


def _called(function: Callable, seen: set) -> Iterator[str]:
    """The public names in the code of a function, and of functions to which it hands `impl`, except those that its
    module has: the rest are called on `impl`."""
    for name in names_in(function.__code__):
        other = function.__globals__.get(name)
        if name in PUBLIC and name not in function.__globals__:
            yield name
        elif isinstance(other, FunctionType) and "impl" in other.__code__.co_varnames and other not in seen:
            seen.add(other)
            yield from _called(other, seen)


def names_in(code: CodeType) -> list[str]:
    """The names of globals and attributes in the code; those of inner functions come last."""
    return [*code.co_names, *(name for one in code.co_consts if isinstance(one, CodeType) for name in names_in(one))]


def wrong(function: Callable) -> Callable:
    """Register a wrong version of your function, which the theorems about it must reject (``verify --controls``).

    The docstring of the wrong version says what is wrong with it. Its module keeps it in ``__wrong__``.
    """

    def register(version):
        version.__globals__.setdefault("__wrong__", []).append(Wrong(function.__name__, version))
        return version

    return register


class Verdict(NamedTuple):
    """Whether a theorem holds on a case, its error in units of the tolerance, and what to print when it does not."""

    holds: bool
    ratio: float
    integers: tuple[int, ...]
    cancellation: float = 1.0
    note: str = ""


def check(theorem: Theorem, draw: Draw, impl: Implementation = REFERENCE) -> Verdict:
    """Draw a case of the theorem, run it on `impl` and judge it. A DomainError counts as failure; its text is kept."""
    case = theorem.case(draw)
    integers = tuple(draw.integers)
    nudged = (theorem.case(Draw.replay(integers, pattern=pattern, data=draw.data)) for pattern in PATTERNS)
    return verdict_of(theorem, case, impl, nudged, integers)


def verdict_of(theorem: Theorem, case: dict, impl: Implementation, nudged: Iterable[dict] = (), integers=()) -> Verdict:
    """Judge a case that is already drawn. nudged: copies whose numbers are moved by one part in 2^26 (optional)."""
    try:
        result = theorem.sides(impl, **case)
        with np.errstate(invalid="ignore", over="ignore"):
            holds, ratio, cancellation, note = JUDGES[theorem.kind](
                result, (theorem.sides(impl, **copy) for copy in nudged)
            )
    except DomainError as refusal:
        return Verdict(False, np.inf, integers, note=f"{REFUSED}{refusal}")
    except NotSupported:
        raise
    except Failure as failure:
        return Verdict(False, np.inf, integers, note=str(failure))
    return Verdict(bool(holds), float(ratio), integers, float(cancellation), note)


def _pointwise(sides, moved=()):
    left, right = (np.broadcast_arrays(*map(np.asarray, side)) for side in (sides.left, sides.right))
    size = sum(map(np.abs, [*left, *right, *sides.formula]))
    at_once = _gap(sum(left), sum(right), size, 0.0, sides.inequality)
    if at_once[0] or not sides.change <= SETTLED:
        return _if_settled(sides, at_once)
    terms, sensitivity = [*sides.left, *sides.right], 0.0
    for other in moved:
        change = sum(np.abs(a - b) for a, b in zip(terms, [*other.left, *other.right])) / NUDGE
        sensitivity = np.maximum(sensitivity, change)
        if not _gap(sum(left), sum(right), 1e6 * size, 1e3 * sensitivity, sides.inequality)[0]:
            break
    return _gap(sum(left), sum(right), size, sensitivity, sides.inequality)


def _summed(sides, _=()):
    def summed(terms):
        return sum(t if np.ndim(t) == 0 else total(t) for t in terms)

    size = summed(map(np.abs, [*sides.left, *sides.right, *sides.formula]))
    return _if_settled(sides, _gap(summed(sides.left), summed(sides.right), size, 0.0, sides.inequality))


def _if_settled(sides, judged):
    """`judged` itself, or a failure where an expectation did not settle; pointwise theorems may use `expect` too."""
    if sides.change <= SETTLED:
        return judged
    return False, np.inf, judged[2], f"not settled: an expectation moves by {sides.change:.1e} of its terms"


def _gap(left, right, size, sensitivity, inequality):
    """Whether every entry is within its tolerance, the ratio to it, the cancellation, and a note. inf and nan fail."""
    if np.ndim(left) and np.ndim(right) and np.shape(left) != np.shape(right):
        return False, np.inf, 1.0, f"left has shape {np.shape(left)}, right {np.shape(right)}"
    left, right, size = np.broadcast_arrays(left, right, size)
    if not np.all(np.isfinite(size)):
        return False, np.inf, 1.0, "a term is not finite"
    gap = np.maximum(left - right, 0) if inequality else np.abs(left - right)
    allowed = FACTOR * ROUNDOFF * (size + sensitivity)
    ratio = np.max(gap / np.where(allowed == 0, 1e-300, allowed))
    larger = np.maximum(np.abs(left), np.abs(right))
    cancellation = np.max(np.where(larger > 0, size / np.where(larger > 0, larger, 1), 1))
    worst = np.argmax(np.ravel(gap - allowed))
    note = f"left {np.ravel(left)[worst]:.17g}, right {np.ravel(right)[worst]:.17g}"
    return np.all(gap <= allowed), ratio, cancellation, note


def _limit(limit, _=()):
    steps, errors = np.asarray(limit.steps), np.abs(np.asarray(limit.errors))
    orders = np.log(errors[1:] / errors[:-1]) / np.log(steps[1:] / steps[:-1])
    misses = np.abs(orders - limit.order)
    note = f"order {orders[-1]:.4f} (should be {limit.order:g}) for steps {steps[0]:g} to {steps[-1]:g}"
    if limit.coefficient is not None:
        leading = np.asarray(limit.errors)[-1] / steps[-1] ** limit.order
        misses = np.append(misses, abs(leading / limit.coefficient - 1))
        note += f", coefficient {leading:.6g} (should be {limit.coefficient:.6g})"
    return np.all(misses <= ORDER), np.max(misses) / ORDER, 1.0, note


def _statistical(sampled, _=()):
    z = np.abs(sampled.estimates - sampled.expected) / sampled.standard_errors
    note = f"could detect a gap of {QUANTILE * np.max(sampled.standard_errors):.2g}"
    return np.all(z <= QUANTILE), np.max(z) / QUANTILE, 1.0, note


JUDGES = {
    "pointwise": _pointwise,
    "quadrature": _summed,
    "enumeration": _summed,
    "limit": _limit,
    "statistical": _statistical,
}
