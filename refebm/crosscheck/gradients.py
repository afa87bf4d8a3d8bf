"""Compare the gradient of somebody's loss, in the parameters of their own model, with that of refebm's formula, run in
their framework on the same model. If it cannot be computed, the finding says "gradients not examined"."""

import contextlib
from dataclasses import replace

import numpy as np

from refebm.crosscheck.adapter import last_lines
from refebm.crosscheck.held import DIGITS, IN_FLOAT32, held_constant
from refebm.crosscheck.vectors import FACTOR
from refebm.crosscheck.verdict import ROUNDOFF, Finding, how_wrong
from refebm.identities import NotSupported

ALIKE = 1e-4  # ratios of two losses that differ by more than this, relatively, are not one factor


@np.errstate(all="ignore")  # as for values: gradients may be anything
def graded(finding: Finding, harness, model, pairs) -> Finding:
    """Add the verdict on gradients to a finding whose values are right, or right by a convention.

    pairs: for each question, functions of the model to differentiate in its parameters: the loss, refebm's formula or
    another in its place, and the formula with each of its inputs nudged.
    """
    nudge = ROUNDOFF[finding.dtype] ** 0.5
    try:
        told = [[harness.slopes(one, model) for one in (loss, right, *moved(nudge))] for loss, right, moved in pairs]
        factors = _factors(finding, told)
    except NotSupported as error:
        return _not_examined(finding, str(error))
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
    words = f"{finding.diagnosis}, but its gradient" if finding.diagnosis else "the value is right, its gradient"
    names = [name for name in told[0][1][1] if name in wrong]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    how = how_wrong(compared) or _without_gradient(finding, harness, model, pairs, factors, compared, limits)
    said = f"{words} in the parameters is wrong in {', '.join(names[:3])}{more}{how}"
    return replace(finding, status="failed", diagnosis=said)


def _without_gradient(finding, harness, model, pairs, factors, compared, limits) -> str:
    """Words for the part of the formula whose gradient is lost, if one explains these gradients."""

    def gradients(impl):
        formula = getattr(impl, finding.function)
        each = (harness.slopes(lambda model, right=right: right(model, formula), model)[1] for _, right, _ in pairs)
        return [c * _flat(one) for c, one in zip(factors, each)]

    def fits(theirs, _):
        return all(np.all(np.abs(one - got) <= most) for one, (_, got, *_), most in zip(theirs, compared, limits))

    digits = DIGITS if finding.dtype == "float64" else IN_FLOAT32
    with contextlib.suppress(Exception):  # a framework may lack what a term is written with
        got = {"": [got for _, got, *_ in compared]}
        words = held_constant(finding.function, None, gradients, fits, got, digits, harness.source.module)
        return f": {words}" if words else ""
    return ""


def _not_examined(finding, why):
    said = f"gradients not examined: {why}"
    return replace(finding, diagnosis="; ".join(filter(None, [finding.diagnosis, said])))


def _factors(finding, told):
    """The factor between the gradients of the loss and of refebm's mean: n for a sum, or that of a convention."""
    values = [(np.mean(got), np.mean(right), right.size) for (got, _), (right, _), *_ in told]
    if finding.status == "passed":
        return [n if finding.reduction == "sum" else 1 for _, _, n in values]
    factors = [got / right for got, right, _ in values]
    if np.ptp(factors) <= ALIKE * np.max(np.abs(factors)):
        return factors
    raise NotSupported("the convention is no factor")


def _flat(gradients):
    return np.concatenate([np.ravel(one) for one in gradients.values()])
