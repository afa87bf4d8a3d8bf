"""Every wrong version against the theorems about its function: which rejects it, how far, and what does not."""

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
    """What became of a wrong version: the theorem that rejects it in the largest share of its cases.

    factor: the median error over the tolerance where it rejects; infinite when what it rejects by is the certificate.
    """

    wrong: Wrong
    theorem: str
    share: float
    factor: float
    survives: bool
    rejected_by: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Rejected in at least half of the cases outside its blind set, and passed by its weak check."""
        return self.share >= ENOUGH and self.survives


def rejections(wrong: Wrong, theorem: Theorem, seed: int = 0, cases: int = CASES) -> Iterator[float]:
    """Errors over the tolerance, case by case outside the blind set; 0 for a case that holds."""
    misstated = Theorem(**vars(theorem) | {"sides": wrong.statement(theorem)})
    implementation = wrong.implementation()
    for draw in draws(theorem, seed, cases):
        case = theorem.case(draw)
        if not theorem.where and blind(wrong.survives, case):  # a user's case has names of its own
            continue
        with np.errstate(all="ignore"):  # a naive form overflows, and is rejected for it
            verdict = check(misstated, Draw.replay(draw.integers), implementation)
        yield 0.0 if verdict.holds else verdict.ratio


def controls(versions: list[Wrong], seed: int = 0, theorems: list[Theorem] | None = None) -> Iterator[Control]:
    """One control for each wrong version, as it is done; by the theorems of refebm, or by others."""
    for wrong in versions:
        about = wrong.theorems if theorems is None else [one for one in theorems if wrong.function in one.about]
        tried = {theorem.name: list(rejections(wrong, theorem, seed)) for theorem in about}
        shares = {name: float(np.mean(np.greater(errors, 0))) if errors else 0.0 for name, errors in tried.items()}
        factors = {name: float(np.median([e for e in errors if e > 0] or [0.0])) for name, errors in tried.items()}
        best = max(shares, key=lambda name: (shares[name], np.isfinite(factors[name])))
        rejected_by = tuple(name for name, share in shares.items() if share > 0)
        yield Control(wrong, best, shares[best], factors[best], not wrong.survives or survives(wrong), rejected_by)
