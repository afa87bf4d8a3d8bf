"""Run a theorem over its cases: how many, from which seed, and what came out."""

from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from refebm.identities.draw import Draw
from refebm.identities.implementation import REFERENCE, Implementation, NotSupported, Unusable
from refebm.identities.record import Theorem, Verdict, check, verdict_of
from refebm.truth.densities import GaussianMixture

CASES = {"pointwise": 100, "quadrature": 20, "enumeration": 20, "statistical": 5}
ON_DATA = {"pointwise": 20, "quadrature": 2, "statistical": 2}
MOST_STATISTICAL = 100  # with the features of each, within the comparisons that share the false-alarm budget
PLANE = 4  # one case in the plane for so many on the line
MUCH_CANCELLATION = 1e4


@dataclass(frozen=True)
class Report:
    """What became of a theorem: verdicts of its cases, and of the cases outside its conditions."""

    theorem: Theorem
    verdicts: list[Verdict]
    outside: dict[str, Verdict]
    unsupported: int = 0  # cases that an implementation says it cannot be asked

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
        return bool(self.verdicts) and not self.failures and not self.escaped

    @property
    def worst(self) -> float:
        """The largest error in units of the tolerance; nan if there is one."""
        return float(np.max([verdict.ratio for verdict in self.verdicts], initial=0.0))

    @property
    def cancellation(self) -> float:
        """The largest sum |terms| over the larger side."""
        return float(np.max([verdict.cancellation for verdict in self.verdicts], initial=1.0))


def draws(theorem: Theorem, seed: int, cases: int | None = None, data: GaussianMixture | None = None) -> Iterator[Draw]:
    """The cases of a run: all of a fixed list, or so many drawn, and a quarter as many in the plane for some."""
    if theorem.cases is not None:
        yield from (Draw.replay([i]) for i in range(theorem.cases))
        return
    number = cases or (ON_DATA if data else CASES)[theorem.kind]
    number = min(number, MOST_STATISTICAL) if theorem.kind == "statistical" else number
    firsts = [()] * number
    if theorem.plane and not data:
        firsts = [(1,)] * number + [(2,)] * max(1, number // PLANE)
    for i, first in enumerate(firsts):
        yield Draw.seeded((seed, crc32(theorem.name.encode()), i), first, data=data)


def attempt(theorem: Theorem, draw: Draw, impl: Implementation) -> Verdict:
    """Check a case; whatever else than answering an implementation leads to is red."""
    try:
        return check(theorem, draw, impl)
    except NotSupported:
        raise
    except Exception as error:
        if impl is REFERENCE or isinstance(error, Unusable):
            raise
        note = f"cannot be computed with it: {type(error).__name__}: {error}"
        return Verdict(False, np.inf, tuple(draw.integers), note=note)


def run(
    theorem: Theorem,
    seed: int = 0,
    cases: int | None = None,
    impl: Implementation = REFERENCE,
    data: GaussianMixture | None = None,
) -> Report:
    """Check every case; on refebm itself also the cases outside the conditions, which must fail or be refused.

    A theorem that draws nothing beside the user's data has one case of them.
    """
    verdicts, unsupported = [], 0
    for draw in draws(theorem, seed, cases, data):
        try:
            verdicts.append(attempt(theorem, draw, impl))
        except NotSupported:
            unsupported += 1
    verdicts = list({verdict.integers: verdict for verdict in verdicts}.values()) if data else verdicts
    outside = theorem.outside if impl is REFERENCE and data is None else {}
    outcomes = {name: verdict_of(theorem, case(), impl) for name, case in outside.items()}
    return Report(theorem, verdicts, outcomes, unsupported)
