"""Compare the gradient of somebody's loss, in the parameters of their own model, with that of refebm's formula, run in
their framework on the same model. If it cannot be computed, the finding says "gradients not examined"."""

import contextlib
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from refebm.crosscheck.adapter import last_lines
from refebm.crosscheck.held import DIGITS, IN_FLOAT32, held_constant
from refebm.crosscheck.vectors import FACTOR
from refebm.crosscheck.verdict import ROUNDOFF, Finding, how_wrong
from refebm.identities import NotSupported

ALIKE = 1e-4  # ratios of two losses that differ by more than this, relatively, are not one factor


@np.errstate(all="ignore")  # as for values: gradients may be anything
def graded(finding: Finding, harness, model, pairs, in_convention: Callable) -> Finding:
    """Add the verdict on gradients to a finding whose values are right, or right by a convention.

    pairs: for each question, functions of the model to differentiate in its parameters: the loss, the formula of refebm
    or of another implementation, and the formula with each of its inputs nudged. in_convention: returns the same for
    the formula in the convention of the finding, which is needed if that is no factor.
    """
    nudge, lost = ROUNDOFF[finding.dtype] ** 0.5, (None, harness.source.module)
    try:
        told = _told(harness, model, pairs, nudge)
        sizes = [right.size if finding.reduction == "sum" else 1 for _, (right, _), *_ in told]
        factors = _factors(told) if finding.convention else sizes
        if not factors:
            pairs, factors, lost = in_convention(), sizes, (finding.convention, sys.modules.__getitem__)
            told = _told(harness, model, pairs, nudge)
    except (NotSupported, NotImplementedError) as error:
        return _not_examined(finding, str(error))
    except Untaken as error:
        said = f"{_but(finding)} cannot be taken: {last_lines(error.__cause__).splitlines()[0]}"
        return replace(finding, status="failed", diagnosis=said, worst=np.inf)
    except Exception as error:  # some networks can be differentiated in one way only
        return _not_examined(finding, last_lines(error).splitlines()[0])
    wrong, compared, limits, worst = set(), [], [], 0.0
    for c, ((_, got), (_, right), *moved) in zip(factors, told):
        largest = max(np.max(np.abs(one)) for one in right.values())
        largest += sum(max(np.max(np.abs(some[name] - right[name])) for name in right) for _, some in moved) / nudge
        # rounding inside the network is unknown, so the factor is applied once more
        allowed = FACTOR**2 * ROUNDOFF[finding.dtype] * np.abs(c) * largest + np.finfo(np.float32).tiny
        units = {name: float(np.max(np.abs(got[name] - c * one))) / allowed for name, one in right.items()}
        units = {name: np.inf if np.isnan(one) else one for name, one in units.items()}
        wrong, worst = wrong | {name for name, one in units.items() if one > 1}, max(worst, *units.values())
        compared.append((None, _flat(got), c * _flat(right), None))
        limits.append(allowed)
    finding = replace(finding, gradients=len(told), worst=max(finding.worst, worst))
    if not wrong:
        return finding
    names = [name for name in told[0][1][1] if name in wrong]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    how = how_wrong(compared) or _without_gradient(finding, harness, model, pairs, factors, compared, limits, *lost)
    said = f"{_but(finding)} in the parameters is wrong in {', '.join(names[:3])}{more}{how}"
    return replace(finding, status="failed", diagnosis=said)


class Untaken(Exception):
    """The loss alone cannot be differentiated, for the error that is the cause of this one."""


def _told(harness, model, pairs, nudge):
    """The values and gradients of the loss, of the formula, and of the formula with each input nudged, by question."""
    told = []
    for loss, right, moved in pairs:
        others = [harness.slopes(one, model) for one in (right, *moved(nudge))]
        try:
            told.append([harness.slopes(loss, model), *others])
        except NotSupported:
            raise
        except Exception as error:
            raise Untaken from error
    return told


def _but(finding) -> str:
    return f"{finding.diagnosis}, but its gradient" if finding.diagnosis else "the value is right, its gradient"


def _without_gradient(finding, harness, model, pairs, factors, compared, limits, convention, module_of) -> str:
    """Words for the part of the formula whose gradient is lost, if one explains these gradients."""

    def gradients(impl):
        each = (harness.slopes(lambda model, right=right: right(model, impl), model)[1] for _, right, _ in pairs)
        return [c * _flat(one) for c, one in zip(factors, each)]

    def fits(theirs, _):
        return all(np.all(np.abs(one - got) <= most) for one, (_, got, *_), most in zip(theirs, compared, limits))

    digits = DIGITS if finding.dtype == "float64" else IN_FLOAT32
    with contextlib.suppress(Exception):  # a framework may lack what a term is written with
        got = {"": [got for _, got, *_ in compared]}
        words = held_constant(finding.function, convention, gradients, fits, got, digits, module_of)
        return f": {words}" if words else ""
    return ""


def _not_examined(finding, why):
    said = f"gradients not examined: {why}"
    return replace(finding, diagnosis="; ".join(filter(None, [finding.diagnosis, said])))


def _factors(told) -> list[float]:
    """For each question the factor between the values of the loss and of refebm's formula; none if it varies."""
    factors = [np.mean(got) / np.mean(right) for (got, _), (right, _), *_ in told]
    return factors if np.ptp(factors) <= ALIKE * np.max(np.abs(factors)) else []


def _flat(gradients):
    return np.concatenate([np.ravel(one) for one in gradients.values()])
