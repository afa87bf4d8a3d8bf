r"""A theorem is a record that returns the terms of both sides; `check` holds them against a derived tolerance.

Acceptance, u the unit roundoff, entry by entry, always with ``<=`` on what must hold, so that NaN fails:

- pointwise: gap <= 64 u (sum |terms| + K), K the change of each term when every drawn number moves by one part in
  2^26, over 2^-26: what rounding of the case itself may do. The largest of three patterns of ups and downs; they are
  tried where the terms alone do not excuse the gap.
- quadrature: gap <= 64 u sum |terms|, summed over the nodes too, **and** the certificate of every expectation < 1e-9.
- enumeration: gap <= 64 u sum |terms|, summed over the finite space.
- limit: observed order between successive steps within 0.02, and error/h^p within 0.02 of the known coefficient.
- statistical: |estimate - value| within the quantile of a false-alarm budget of 1e-6 for the whole run.
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from types import CodeType
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
STATISTICS = 10_000  # comparisons that one run makes at most (see `run`): they share the budget
REFUSED = "refused: "
QUANTILE = -NormalDist().inv_cdf(FALSE_ALARMS / STATISTICS / 2)


class Sides(NamedTuple):
    """The terms of both sides; under quadrature and enumeration their first axis is summed over, a float is itself."""

    left: list
    right: list
    change: float = 0.0
    inequality: bool = False  # left <= right instead of left = right
    formula: Sequence = ()  # terms that the function under test adds up itself, of which we see the sum alone


class Limit(NamedTuple):
    """error(steps) should be coefficient * steps^order; None is a coefficient that is not known."""

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
    """One identity: what it says, where it stands, what it is about, how a case is drawn and how it is judged."""

    name: str
    stem: str
    statement: str
    latex: str
    source: str
    kind: str
    about: tuple[str, ...]
    case: Callable[[Draw], dict]
    sides: Callable
    plane: bool = False  # also has cases in two dimensions, which are dearer
    mixtures: bool = False  # can be run on the user's data
    outside: dict[str, Callable[[], dict]] = field(default_factory=dict)
    cases: int | None = None  # how many there are, of a fixed list
    cancels: str = ""  # why sum |terms| may exceed both sides by far
    where: str = ""  # file and line of a theorem of a user


THEOREMS: dict[str, Theorem] = {}  # refebm's own
OURS = __name__.rpartition(".")[0]
PUBLIC = frozenset(refebm.__all__)


class Wrong(NamedTuple):
    """A wrong version of a function of a user, which theorems about it must reject."""

    function: str
    version: Callable


def theorem(
    source: str,
    *,
    kind: str,
    about: str = "",
    case: Callable[..., dict] | None = None,
    plane: bool = False,
    mixtures: bool = False,
    outside: dict[str, Callable[[], dict]] | None = None,
    cases: int | Sequence | None = None,
    cancels: str = "",
) -> Callable:
    """Register a function (impl, **case) -> sides; its docstring is the statement, in words and in LaTeX.

    source: where it stands. kind: the evidence, and how it is judged (see `refebm.identities.record`). about: the names
    of the functions that it is about, if they are not the public ones that its own text calls as ``impl.NAME``. case: a
    function of a `Draw` that returns the arguments by name. plane: it begins with ``draw.dimension()``. mixtures: its
    density is a ``draw.mixture(d)``, for which a user's data can stand. outside: cases outside its conditions, by
    words, in which it must fail or be refused. cases: all there are, where they are listed: the values of the
    arguments, in a tuple where there are several, or what `case` makes them of; or their number, where
    ``draw.count(0, cases - 1)`` is all that is drawn. cancels: why its terms may be much larger than its sides.
    A theorem of another module than refebm's is kept there, in ``__theorems__``.
    """
    if kind not in JUDGES:
        raise InputError("E-KIND", f"kind must be one of {', '.join(JUDGES)}, got {kind!r}{did_you_mean(kind, JUDGES)}")

    def register(function):
        words, _, latex = (" ".join(part.split()) for part in (inspect.getdoc(function) or "").partition("\n\n"))
        name, module, names = function.__name__, function.__module__, tuple(about.split()) or called_on_impl(function)
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


def called_on_impl(function: Callable) -> tuple[str, ...]:
    """The public names that the text of a function speaks of and its module does not have, which are those of impl."""

    def names(code):
        inner = [name for one in code.co_consts if isinstance(one, CodeType) for name in names(one)]
        return [*code.co_names, *inner]

    of_impl = (name for name in names(function.__code__) if name in PUBLIC and name not in function.__globals__)
    return tuple(dict.fromkeys(of_impl))


def wrong(function: Callable) -> Callable:
    """Register a wrong version of a function of yours, which the theorems about it must reject: verify --controls.

    The docstring of the version says what is wrong with it. It is kept in its module, in ``__wrong__``.
    """

    def register(version):
        version.__globals__.setdefault("__wrong__", []).append(Wrong(function.__name__, version))
        return version

    return register


class Verdict(NamedTuple):
    """Whether a case holds, its error in units of the tolerance, and what to print when it does not."""

    holds: bool
    ratio: float
    integers: tuple[int, ...]
    cancellation: float = 1.0
    note: str = ""


def check(theorem: Theorem, draw: Draw, impl: Implementation = REFERENCE) -> Verdict:
    """Draw a case of the theorem, run it on `impl`, judge it. DomainError is a refusal: red, with its text."""
    case = theorem.case(draw)
    integers = tuple(draw.integers)
    nudged = (theorem.case(Draw.replay(integers, pattern=pattern, data=draw.data)) for pattern in PATTERNS)
    return verdict_of(theorem, case, impl, nudged, integers)


def verdict_of(theorem: Theorem, case: dict, impl: Implementation, nudged: Iterable[dict] = (), integers=()) -> Verdict:
    """Judge a case that is already drawn; nudged: copies whose numbers are moved a little, if wanted."""
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
    terms = [*sides.left, *sides.right]
    changes = [sum(np.abs(a - b) for a, b in zip(terms, [*other.left, *other.right])) / NUDGE for other in moved]
    return _gap(sum(left), sum(right), size, functools.reduce(np.maximum, changes, 0.0), sides.inequality)


def _summed(sides, _=()):
    left, right = ([t if np.ndim(t) == 0 else total(t) for t in side] for side in (sides.left, sides.right))
    terms = [*sides.left, *sides.right, *sides.formula]
    size = sum(np.abs(t) if np.ndim(t) == 0 else total(np.abs(t)) for t in terms)
    return _if_settled(sides, _gap(sum(left), sum(right), size, 0.0, sides.inequality))


def _if_settled(sides, judged):
    """What was judged, unless an expectation in it did not settle, of whatever kind the theorem says that it is."""
    if sides.change <= SETTLED:
        return judged
    return False, np.inf, judged[2], f"not settled: an expectation moves by {sides.change:.1e} of its terms"


def _gap(left, right, size, sensitivity, inequality):
    """Whether every entry is within its tolerance; a term that is not finite has no tolerance to be within."""
    if np.ndim(left) and np.ndim(right) and np.shape(left) != np.shape(right):
        return False, np.inf, 1.0, f"left has shape {np.shape(left)}, right {np.shape(right)}"
    left, right, size = np.broadcast_arrays(left, right, size)
    if not np.all(np.isfinite(size)):
        return False, np.inf, 1.0, "a term is not finite"
    gap = np.maximum(left - right, 0) if inequality else np.abs(left - right)
    allowed = FACTOR * ROUNDOFF * (size + sensitivity)
    ratio = np.max(np.where(gap == 0, 0.0, gap / np.where(allowed == 0, 1e-300, allowed)))
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
