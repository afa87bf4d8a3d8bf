"""Run a theorem over its cases: how many, from which seed, and what came out."""

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
QUICK = {"pointwise": 4, "quadrature": 2, "enumeration": 2, "statistical": 1, "limit": 1}  # none in the plane
SECONDS = {"pointwise": 0.003, "quadrature": 0.025, "enumeration": 0.007, "statistical": 0.14, "limit": 0.06}
SECONDS_IN_THE_PLANE = 0.12  # of a case, on a quiet core of 2024, as are those above: for what is said of the time
MOST_STATISTICAL = 100  # with the features of each, within the comparisons that share the false-alarm budget
PLANE = 4  # one case in the plane for so many on the line
MUCH_CANCELLATION = 1e4
ALL = (1, 1)  # the first shard of one


@dataclass(frozen=True)
class Report:
    """What became of a theorem: verdicts of its cases, and of the cases outside its conditions."""

    theorem: Theorem
    verdicts: list[Verdict]
    outside: dict[str, Verdict]
    unsupported: int = 0  # cases that an implementation says it cannot be asked
    numbers: Sequence[int] = ()  # of the verdicts' cases among all of the theorem
    seconds: float = 0.0

    @property
    def failures(self) -> list[Verdict]:
        """Cases that do not hold; each has the integers to replay it with."""
        return [verdict for verdict in self.verdicts if not verdict.holds]

    @property
    def escaped(self) -> list[str]:
        """Cases outside the conditions in which the theorem held all the same."""
        return [name for name, verdict in self.outside.items() if verdict.holds]

    @property
    def holds(self) -> bool:
        return bool(self.verdicts) and not self.red

    @property
    def red(self) -> bool:
        """Whether anything is not as it must be; what has no case is neither red nor holds."""
        return bool(self.failures or self.escaped)

    @property
    def worst(self) -> float:
        """The largest error in units of the tolerance; nan if there is one."""
        return float(np.max([verdict.ratio for verdict in self.verdicts], initial=0.0))

    @property
    def cancellation(self) -> float:
        """The largest sum |terms| over the larger side."""
        return float(np.max([verdict.cancellation for verdict in self.verdicts], initial=1.0))


def firsts(theorem: Theorem, cases: int | None = None, data=None, quick: bool = False) -> list[tuple[int, ...]]:
    """How many cases a run has, and with which integers each begins: d where the theorem has cases in the plane."""
    if theorem.cases is not None:
        number = min(theorem.cases, QUICK["limit"]) if quick else theorem.cases
        return [(i,) for i in range(number)]
    number = cases or (QUICK if quick else ON_DATA if data else CASES)[theorem.kind]
    number = min(number, MOST_STATISTICAL) if theorem.kind == "statistical" else number
    if not theorem.plane or data:
        return [()] * number
    return [(1,)] * number + [(2,)] * (0 if quick else max(1, number // PLANE))


def seconds(theorem: Theorem, cases: int | None = None, data=None, quick: bool = False) -> float:
    """About how long its cases take on one core."""
    begun = firsts(theorem, cases, data, quick)
    dear = theorem.plane and theorem.kind == "quadrature"
    in_the_plane = sum(first == (2,) for first in begun) if dear else 0
    return in_the_plane * SECONDS_IN_THE_PLANE + (len(begun) - in_the_plane) * SECONDS[theorem.kind]


def draws(theorem: Theorem, seed: int, cases: int | None = None, data=None, quick: bool = False) -> Iterator[Draw]:
    """The cases of a run: all of a fixed list, or so many drawn, and a quarter as many in the plane for some."""
    for i, first in enumerate(firsts(theorem, cases, data, quick)):
        fixed = theorem.cases is not None
        yield Draw.replay(first) if fixed else Draw.seeded((seed, crc32(theorem.name.encode()), i), first, data=data)


def _distinct(theorem, drawn):
    """On data what draws nothing else has one case."""
    seen = set()
    for draw in drawn:
        theorem.case(draw)
        if tuple(draw.integers) not in seen:
            seen.add(tuple(draw.integers))
            yield Draw.replay(draw.integers, data=draw.data)


def mine(shard: tuple[int, int], theorem: Theorem, number: int) -> bool:
    """Whether a case is one of the K-th shard of N: they are dealt in turn, beginning elsewhere for each theorem."""
    k, n = shard
    return (number + crc32(theorem.name.encode())) % n == k - 1


def parts_of(shard: tuple[int, int], number: int) -> list[tuple[int, int]]:
    """A shard as so many shards, which together have its cases."""
    k, n = shard
    return [(k + n * i, n * number) for i in range(number)]


def together(theorem: Theorem, parts: Sequence[Report]) -> Report:
    """The report of a shard from those of its parts."""
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
    """Check a case; whatever else than answering an implementation leads to is red.

    Errors: of a theorem of a user, E-DRAWN where it refuses what it draws, E-SIDES where its sides cannot be judged.
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
        words = f"draws a case outside its own condition, {verdict.note}; where it must be refused is outside={{...}}"
        raise _of_a_user(theorem, InputError("E-DRAWN", f"{theorem.where}: {theorem.name} {words}"), draw)
    return verdict


def _of_a_user(theorem, error, draw):
    """An error of a theorem of a user, with the case."""
    if not isinstance(error, InputError):
        words = f"returns sides that cannot be held against each other: {type(error).__name__}: {error}"
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

    A theorem that draws nothing beside the user's data has one case of them. The shards (K, N), K = 1 to N, of a run
    have each of its cases once, those outside the conditions among them.
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
