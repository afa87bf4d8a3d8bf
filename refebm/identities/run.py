"""Run a theorem over its cases: how many there are, how they are seeded, and a report of the outcome."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from refebm.glossary import InputError
from refebm.identities.draw import Draw
from refebm.identities.implementation import REFERENCE, Implementation, NotSupported, Unusable
from refebm.identities.record import REFUSED, Theorem, Verdict, check, verdict_of
from refebm.truth.densities import GaussianMixture

CASES = {"pointwise": 100, "quadrature": 20, "enumeration": 20, "statistical": 5}
ON_DATA = {"pointwise": 20, "quadrature": 2, "statistical": 2}
QUICK = {"pointwise": 4, "quadrature": 2, "enumeration": 2, "statistical": 1, "limit": 1}  # no case in the plane
# Seconds per case on a quiet core of 2024, from which the remaining time is estimated:
SECONDS = {"pointwise": 0.003, "quadrature": 0.025, "enumeration": 0.007, "statistical": 0.14, "limit": 0.06}
SECONDS_IN_THE_PLANE = 0.12
MOST_STATISTICAL = 100  # cases of a statistical theorem; more would exceed the comparisons that share the budget
PLANE = 4  # one case in the plane for every PLANE cases on the line
MUCH_CANCELLATION = 1e4
ALL = (1, 1)  # shard 1 of 1: all cases


@dataclass(frozen=True)
class Report:
    """The outcome of a theorem: the verdicts of its cases, and of the cases outside its conditions."""

    theorem: Theorem
    verdicts: list[Verdict]
    outside: dict[str, Verdict]
    unsupported: int = 0  # how many cases the implementation does not support
    numbers: Sequence[int] = ()  # the number, among all cases of the theorem, of the case of each verdict
    seconds: float = 0.0

    @property
    def failures(self) -> list[Verdict]:
        """Verdicts of the cases that do not hold; each has the integers that replay its case."""
        return [verdict for verdict in self.verdicts if not verdict.holds]

    @property
    def escaped(self) -> list[str]:
        """Cases outside the conditions in which the theorem held although it must not."""
        return [name for name, verdict in self.outside.items() if verdict.holds]

    @property
    def holds(self) -> bool:
        return bool(self.verdicts) and not self.red

    @property
    def red(self) -> bool:
        """Whether a case failed, or a case outside the conditions held. Without any case: neither red nor holds."""
        return bool(self.failures or self.escaped)

    @property
    def worst(self) -> float:
        """The largest error in units of the tolerance; nan if any error is nan."""
        return float(np.max([verdict.ratio for verdict in self.verdicts], initial=0.0))

    @property
    def cancellation(self) -> float:
        """The largest ratio of sum |terms| to the larger of the two sides."""
        return float(np.max([verdict.cancellation for verdict in self.verdicts], initial=1.0))


def firsts(theorem: Theorem, cases: int | None = None, data=None, quick: bool = False) -> list[tuple[int, ...]]:
    """For each case of a run, the integers that it begins with: its dimension, its place in a fixed list, or none."""
    if theorem.cases is not None:
        number = min(theorem.cases, QUICK["limit"]) if quick else theorem.cases
        return [(i,) for i in range(number)]
    number = cases or (QUICK if quick else ON_DATA if data else CASES)[theorem.kind]
    number = min(number, MOST_STATISTICAL) if theorem.kind == "statistical" else number
    if not theorem.plane or data:
        return [()] * number
    return [(1,)] * number + [(2,)] * (0 if quick else max(1, number // PLANE))


def seconds(theorem: Theorem, cases: int | None = None, data=None, quick: bool = False) -> float:
    """An estimate of how long the cases of a theorem take on one core."""
    begun = firsts(theorem, cases, data, quick)
    dear = theorem.plane and theorem.kind == "quadrature"
    in_the_plane = sum(first == (2,) for first in begun) if dear else 0
    return in_the_plane * SECONDS_IN_THE_PLANE + (len(begun) - in_the_plane) * SECONDS[theorem.kind]


def draws(theorem: Theorem, seed: int, cases: int | None = None, data=None, quick: bool = False) -> Iterator[Draw]:
    """The cases of a run: a whole fixed list, or drawn ones; `plane` adds a quarter as many in two dimensions."""
    for i, first in enumerate(firsts(theorem, cases, data, quick)):
        fixed = theorem.cases is not None
        yield Draw.replay(first) if fixed else Draw.seeded((seed, crc32(theorem.name.encode()), i), first, data=data)


def _distinct(theorem, drawn):
    """The cases without repetition: on a user's data a theorem that draws nothing else has only one case."""
    seen = set()
    for draw in drawn:
        theorem.case(draw)
        if tuple(draw.integers) not in seen:
            seen.add(tuple(draw.integers))
            yield Draw.replay(draw.integers, data=draw.data)


def mine(shard: tuple[int, int], theorem: Theorem, number: int) -> bool:
    """Whether case `number` is in shard (K, N): cases are dealt in turn, each theorem starting at another shard."""
    k, n = shard
    return (number + crc32(theorem.name.encode())) % n == k - 1


def parts_of(shard: tuple[int, int], number: int) -> list[tuple[int, int]]:
    """Split a shard into `number` smaller shards, which together have the same cases."""
    k, n = shard
    return [(k + n * i, n * number) for i in range(number)]


def together(theorem: Theorem, parts: Sequence[Report]) -> Report:
    """Merge the reports of the parts of a shard into one."""
    dealt = sorted((pair for part in parts for pair in zip(part.numbers, part.verdicts)), key=lambda pair: pair[0])
    outcomes = {name: outcome for part in parts for name, outcome in part.outside.items()}
    return Report(
        theorem,
        [verdict for _, verdict in dealt],
        {name: outcomes[name] for name in theorem.outside if name in outcomes},
        sum(part.unsupported for part in parts),
        [number for number, _ in dealt],
        sum(part.seconds for part in parts),
    )


def attempt(theorem: Theorem, draw: Draw, impl: Implementation) -> Verdict:
    """Check a case; an exception that an implementation under test causes makes the case fail.

    Errors, for a user's theorem on refebm itself: E-DRAWN where it refuses a case that it drew, E-SIDES where its sides
    cannot be compared.
    """
    try:
        verdict = check(theorem, draw, impl)
    except NotSupported:
        raise
    except Exception as error:
        if impl is REFERENCE and theorem.where:
            raise _of_a_user(theorem, error, draw) from error
        if impl is REFERENCE or isinstance(error, Unusable):
            raise
        note = f"cannot be computed with it: {type(error).__name__}: {error}"
        return Verdict(False, np.inf, tuple(draw.integers), note=note)
    if impl is REFERENCE and theorem.where and verdict.note.startswith(REFUSED):
        words = f"draws a case outside its own condition, {verdict.note}; such cases belong into outside={{...}}"
        raise _of_a_user(theorem, InputError("E-DRAWN", f"{theorem.where}: {theorem.name} {words}"), draw)
    return verdict


def _of_a_user(theorem, error, draw):
    """The error of a user's theorem, with the integers of its case added to the message."""
    if not isinstance(error, InputError):
        words = f"returns sides that cannot be compared: {type(error).__name__}: {error}"
        error = InputError("E-SIDES", f"{theorem.where}: {theorem.name} {words}")
    case = f"\n  --case={','.join(map(str, draw.integers))}" if draw.integers and error.code != "E-CASE" else ""
    return InputError(error.code, error.args[1] + case)


def run(
    theorem: Theorem,
    seed: int = 0,
    cases: int | None = None,
    impl: Implementation = REFERENCE,
    data: GaussianMixture | None = None,
    quick: bool = False,
    shard: tuple[int, int] = ALL,
) -> Report:
    """Check every case; on refebm itself also the cases outside the conditions, which must fail or be refused.

    On a user's data, a theorem that draws nothing else has one case. The shards (K, N), K = 1 to N, of a run partition
    its cases, including those outside the conditions.
    """
    begun, verdicts, numbers, unsupported = time.perf_counter(), [], [], 0
    drawn = draws(theorem, seed, cases, data, quick)
    for number, draw in enumerate(_distinct(theorem, drawn) if data else drawn):
        if mine(shard, theorem, number):
            try:
                verdicts.append(attempt(theorem, draw, impl))
                numbers.append(number)
            except NotSupported:
                unsupported += 1
    after = len(firsts(theorem, cases, data, quick))
    outside = theorem.outside.items() if impl is REFERENCE and data is None else ()
    dealt = [pair for number, pair in enumerate(outside, after) if mine(shard, theorem, number)]
    outcomes = {name: verdict_of(theorem, case(), impl) for name, case in dealt}
    return Report(theorem, verdicts, outcomes, unsupported, numbers, time.perf_counter() - begun)
