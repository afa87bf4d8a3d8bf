"""Run every wrong version on the theorems about its function: which theorem rejects it, and by how much."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from refebm.identities import Draw, Theorem, check
from refebm.identities.run import draws
from refebm.variants.record import Wrong
from refebm.variants.weak import blind, survives

CASES = 8
ENOUGH = 0.5


@dataclass(frozen=True)
class Control:
    """The outcome for a wrong version: the theorem that rejects it in the largest share of its cases.

    factor: the median error, in tolerances, of the cases that it rejects; infinite if its certificate fails.
    """

    wrong: Wrong
    theorem: str
    share: float
    factor: float
    survives: bool
    rejected_by: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether it is rejected in at least half of the cases outside its blind set, and not by its weak check."""
        return self.share >= ENOUGH and self.survives


def rejections(wrong: Wrong, theorem: Theorem, seed: int = 0, cases: int = CASES) -> Iterator[float]:
    """The error in tolerances for each case outside the blind set; 0 for a case that holds."""
    misstated = Theorem(**vars(theorem) | {"sides": wrong.statement(theorem)})
    implementation = wrong.implementation()
    for draw in draws(theorem, seed, cases):
        case = theorem.case(draw)
        if not theorem.where and blind(wrong.survives, case):  # the names in a user's case mean other things
            continue
        with np.errstate(all="ignore"):  # a naive form may overflow, and is rejected for that
            verdict = check(misstated, Draw.replay(draw.integers), implementation)
        yield 0.0 if verdict.holds else verdict.ratio


def controls(versions: list[Wrong], seed: int = 0, theorems: list[Theorem] | None = None) -> Iterator[Control]:
    """One control for each wrong version, as each is done, by refebm's theorems or by those that are given."""
    for wrong in versions:
        about = wrong.theorems if theorems is None else [one for one in theorems if wrong.function in one.about]
        tried = {theorem.name: list(rejections(wrong, theorem, seed)) for theorem in about}
        shares = {name: float(np.mean(np.greater(errors, 0))) if errors else 0.0 for name, errors in tried.items()}
        factors = {name: float(np.median([e for e in errors if e > 0] or [0.0])) for name, errors in tried.items()}
        best = max(shares, key=lambda name: (shares[name], np.isfinite(factors[name])))
        rejected_by = tuple(name for name, share in shares.items() if share > 0)
        yield Control(wrong, best, shares[best], factors[best], not wrong.survives or survives(wrong), rejected_by)
