"""From answers to a finding for each function: passed, convention, failed or unsupported, and why."""

from dataclasses import dataclass

import numpy as np

from refebm.crosscheck.adapter import Answer, last_lines
from refebm.crosscheck.diagnosis import Evidence, diagnose
from refebm.crosscheck.questions import Asked
from refebm.crosscheck.vectors import FACTOR, Vector, plain, vectors

ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24}


@dataclass(frozen=True, eq=False)
class Finding:
    """What became of one function. worst: the largest error in units of the tolerance of its dtype."""

    function: str
    status: str
    diagnosis: str = ""
    names: tuple[str, ...] = ()  # of the bank's entry that it is, and its aliases
    questions: int = 0
    unsupported: tuple[str, ...] = ()  # questions that the adapter says it cannot answer, in its words
    worst: float = 0.0
    dtype: str = ""
    reduction: str = ""
    gradients: int = 0
    failing: Asked | None = None
    expected: list | None = None
    got: list | None = None


def judge(function: str, answers: dict[str, Answer] | None) -> Finding:
    """Hold the answers of one function against its vectors; None is a function that there is not."""
    if answers is None:
        return Finding(function, "unsupported")
    pairs = [(vector, answers[vector.asked.id]) for vector in vectors(function) if vector.asked.id in answers]
    unsupported = tuple(dict.fromkeys(answer.unsupported for _, answer in pairs if answer.unsupported))
    pairs = [(vector, answer) for vector, answer in pairs if not answer.unsupported]
    if not pairs:
        return Finding(function, "unsupported", "; ".join(unsupported), unsupported=unsupported)
    troubles = [(vector, problem) for vector, answer in pairs for problem in [_problem(vector, answer)] if problem]
    known = {"unsupported": unsupported, "questions": len(pairs)}
    clean = [(vector, answer) for vector, answer in pairs if not _problem(vector, answer)]
    if troubles:
        vector, problem = troubles[0]
        rest = _values(function, clean, known) if clean else None
        beside = f"; beside that, {rest.diagnosis}" if rest and rest.status == "failed" else ""
        counted = f"{problem} (in {len(troubles)} of {len(pairs)} questions{beside})"
        return Finding(function, "failed", counted, worst=np.inf, failing=vector.asked, **known)
    finding = _values(function, clean, known)
    if "again" in answers and finding.status != "failed":
        return Finding(function, "failed", answers["again"].problem, worst=np.inf, failing=pairs[0][0].asked, **known)
    return finding


def _problem(vector: Vector, answer: Answer) -> str:
    """What is wrong with an answer before its numbers are looked at."""
    if answer.problem:
        return answer.problem
    shapes = [part.shape for part in answer.parts]
    if shapes == vector.shapes or (vector.by_row and shapes == [()]):
        return ""
    wanted, got = (" and ".join(map(str, some)) for some in (vector.shapes, shapes))
    return f"returned shape {got}, wanted {wanted}" + (" or one mean or sum" if vector.by_row else "")


@np.errstate(all="ignore")  # answers may be anything
def _values(function, pairs, known) -> Finding:
    scalar = {vector.by_row and answer.parts[0].shape == () for vector, answer in pairs}
    if len(scalar) > 1:
        return Finding(function, "failed", "returns one number for some questions, one per row for others", **known)
    got = np.concatenate([np.ravel(part) for _, answer in pairs for part in answer.parts]).astype(np.float64)
    some = [vector for vector, _ in pairs]
    dtype = _dtype(pairs, got)
    candidates = [
        Evidence(some, how, got, ROUNDOFF[dtype]) for how in (("mean", "sum") if scalar == {True} else ("per row",))
    ]
    right = [evidence for evidence in candidates if evidence.holds]
    best = right[0] if right else min(candidates, key=lambda evidence: np.median(evidence.units))
    known = known | {"dtype": dtype, "reduction": best.reduction, "worst": float(np.max(best.units))}
    if not right:
        words, names, convention, reduction = diagnose(function, candidates)
        known["reduction"] = reduction or best.reduction
        case = _case(best, int(np.argmax(best.units > 1)), pairs)
        return Finding(function, "convention" if convention else "failed", words, names, **known, **case)
    return _gradients(function, pairs, best, known)


def _case(evidence, first, pairs):
    """The first failing question, what was expected and what came."""
    numbers = np.cumsum([len(np.atleast_1d(evidence.gather([vector.value]))) for vector in evidence.vectors])
    vector, answer = pairs[int(np.searchsorted(numbers, first, side="right"))]
    expected = evidence.gather([vector.value]).tolist()
    return {
        "failing": vector.asked,
        "expected": expected,
        "got": plain(answer.parts if len(answer.parts) > 1 else answer.parts[0]),
    }


def _dtype(pairs, got) -> str:
    """float32 where an answer is, or where all are numbers that float32 holds, though the right ones are not."""
    if any(part.dtype == np.float32 for _, answer in pairs for part in answer.parts):
        return "float32"
    right = np.concatenate([vector.value for vector, _ in pairs])
    with np.errstate(over="ignore", invalid="ignore"):
        short = np.all((np.float32(got) == got) | ~np.isfinite(got))
    return "float32" if short and np.mean(np.float32(right) == right) < 0.5 else "float64"


def _gradients(function, pairs, best, known) -> Finding:
    """A right value; whether the gradients that came with it are right too: of the mean, or of the sum of the rows."""
    told = [(vector, answer) for vector, answer in pairs if vector.gradient is not None and answer.gradient is not None]
    if not told:
        return Finding(function, "passed", **known)
    allowed = FACTOR * ROUNDOFF[known["dtype"]]
    errors, ratios = {"mean": [], "sum": []}, []
    for vector, answer in told:
        try:
            got = _aligned(answer.gradient, vector.asked.arguments[vector.asked.model].parameters)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            words = f"gradients are not nested like the parameters: {last_lines(error).splitlines()[0]}"
            return Finding(function, "failed", words, **known | {"worst": np.inf}, failing=vector.asked)
        n = {"mean": 1, "sum": vector.asked.given["n"]}
        for of, factor in n.items():
            with np.errstate(invalid="ignore"):
                gap = np.abs(got - factor * vector.gradient) / (allowed * factor * vector.gradient_scale)
            errors[of].append(np.nan_to_num(gap, nan=np.inf))
        large = np.abs(vector.gradient) > 1e-3 * np.max(np.abs(vector.gradient))
        ratios.append(got[large] / vector.gradient[large])
    kind = "sum" if known["reduction"] == "sum" else "mean"
    passing = [of for of in (kind, "sum") if max(map(np.max, errors[of])) <= 1]
    worst = max(map(np.max, errors[passing[0] if passing else kind]))
    known = known | {"worst": max(known["worst"], float(worst)), "gradients": len(told)}
    if passing:
        return Finding(function, "passed", **known)
    first = next(i for i, error in enumerate(errors[kind]) if np.max(error) > 1)
    vector, answer = told[first]
    ratio = np.concatenate(ratios)
    words = f"the value is right, its gradient in the parameters is wrong in {_names(vector, errors[kind][first])}"
    if np.all(ratio == 0):
        words += ": it is zero"
    elif np.ptp(ratio) <= 1e-3 * np.max(np.abs(ratio)):
        words += f": it is {np.median(ratio):.4g} x the right one"
    got = _aligned(answer.gradient, vector.asked.arguments[vector.asked.model].parameters)
    case = {"failing": vector.asked, "expected": vector.gradient.tolist(), "got": got.tolist()}
    return Finding(function, "failed", words, **known, **case)


def _aligned(gradient, like) -> np.ndarray:
    """Nested gradients as one array, in the order of the parameters; None is zero."""
    if isinstance(like, dict):
        return np.concatenate([_aligned(gradient[name], inner) for name, inner in like.items() if name != "kind"])
    if isinstance(like, tuple):
        return np.concatenate([_aligned(gradient[i], inner) for i, inner in enumerate(like)])
    got = np.zeros(np.shape(like)) if gradient is None else np.asarray(gradient, dtype=np.float64)
    if got.shape != np.shape(like):
        raise ValueError(f"a gradient of shape {got.shape} for a parameter of shape {np.shape(like)}")
    return np.ravel(got)


def _names(vector, error) -> str:
    """Which parameters."""
    parameters = vector.asked.arguments[vector.asked.model].parameters
    start, names = 0, []
    for name, value in parameters.items():
        size = len(_aligned(value, value))
        names += [name] if np.any(error[start : start + size] > 1) else []
        start += size
    return ", ".join(names)
