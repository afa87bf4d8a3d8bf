"""From answers to a finding for each function: passed, convention, failed or unsupported, and why."""

import contextlib
import io
import warnings
from dataclasses import dataclass, replace

import numpy as np
from autograd import grad

from refebm.crosscheck.adapter import AGAIN, FLOW, Answer, last_lines
from refebm.crosscheck.diagnosis import Evidence, diagnose
from refebm.crosscheck.questions import Asked
from refebm.crosscheck.vectors import FACTOR, NUDGE, Vector, plain, reference_gradient, vectors
from refebm.glossary import InputError
from refebm.identities import REFERENCE
from refebm.variants import TERMS, WRONG
from refebm.variants.questions import ADJUSTED, ask, flat

FEW = 4  # right values beyond float32, from which on it is no chance that no answer is
MODELS = "a model built wrongly"  # questions about the kind of a model, which is not what the function computes
ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24}


@dataclass(frozen=True, eq=False)
class Finding:
    """What became of one function. worst: the largest error in units of the tolerance of its dtype."""

    function: str
    status: str
    diagnosis: str = ""
    names: tuple[str, ...] = ()  # of the bank's entry that it is, and its aliases
    questions: int = 0
    asked: int = 0  # of them, how many there are
    unsupported: tuple[str, ...] = ()  # questions that the adapter says it cannot answer, in its words
    worst: float = 0.0
    dtype: str = ""
    reduction: str = ""
    gradients: int = 0
    failing: Asked | None = None
    expected: list | float | None = None
    got: list | float | None = None


def judge(function: str, answers: dict[str, Answer] | None) -> Finding:
    """Hold the answers of one function against its vectors; None is a function that there is not.

    Where all is well in what was answered, and a question, or a whole kind of them, was not, it is "partly" so.
    """
    if answers is None:
        return Finding(function, "unsupported")
    asked = vectors(function)
    missing = sum(vector.asked.id not in answers for vector in asked)
    finding = replace(_judged(function, answers), asked=len(asked))
    if finding.status not in ("passed", "convention"):
        return finding
    words = [f"{missing} of {len(asked)} questions are not answered"] if missing else []
    never = list(_never_asked(asked, answers))
    more = [f"and {len(never) - 3} more"] if len(never) > 3 else []
    words += [f"never asked: {'; '.join([*never[:3], *more])}"] if never else []
    return (
        replace(finding, status="partly", diagnosis="; ".join(filter(None, [finding.diagnosis, *words])))
        if words
        else finding
    )


def _never_asked(asked, answers):
    """What questions are there to catch of which the implementation answers none; the models are its framework's."""
    answered = {v.asked.catches for v in asked if v.asked.id in answers and not answers[v.asked.id].unsupported}
    for catches in dict.fromkeys(vector.asked.catches for vector in asked):
        if catches not in answered and not catches.startswith(MODELS):
            yield catches


def _judged(function, answers):
    pairs = [(vector, answers[vector.asked.id]) for vector in vectors(function) if vector.asked.id in answers]
    words = [answer.unsupported for _, answer in pairs if answer.unsupported]
    pairs = [(vector, answer) for vector, answer in pairs if not answer.unsupported]
    if not pairs:
        unsupported = tuple(dict.fromkeys(words))
        return Finding(function, "unsupported", "; ".join(unsupported), unsupported=unsupported)
    alone = [_alone(vector, answer) for vector, answer in pairs]
    unsupported = tuple(dict.fromkeys([*words, *(_lacking(function) for yes in alone if yes)]))
    pairs = [(vector.first_part if yes else vector, answer) for (vector, answer), yes in zip(pairs, alone)]
    ended = [_ends_with_zero(vector, answer) for vector, answer in pairs]
    if all(ended):  # the levels before it are examined
        finding = _judged(function, {v.asked.id: _before_the_end(answer) for v, answer in pairs})
        status = "convention" if finding.status == "passed" else finding.status
        return replace(finding, status=status, diagnosis="; ".join(filter(None, [finding.diagnosis, LAST_LEVEL])))
    problems = [_problem(vector, answer) for vector, answer in pairs]
    troubles = [(vector, problem) for (vector, _), problem in zip(pairs, problems) if problem]
    clean = [pair for pair, problem in zip(pairs, problems) if not problem]
    known = {"unsupported": unsupported, "questions": len(pairs)}
    if AGAIN in answers and not troubles:
        problem = answers[AGAIN].problem
        return Finding(function, "failed", problem, worst=np.inf, failing=pairs[0][0].asked, **known)
    if troubles:
        vector, problem = troubles[0]
        rest = _values(function, clean, known) if clean else None
        beside = f"; beside that, {rest.diagnosis}" if rest and rest.status == "failed" else ""
        counted = f"{problem} (in {len(troubles)} of {len(pairs)} questions{beside})"
        return Finding(function, "failed", counted, worst=np.inf, failing=vector.asked, **known)
    return _values(function, clean, known)


ALONE = "the probability of acceptance: the state alone came back"
LACKING = {
    "implicit_negative_elbo": "the gradient in z, which it is for: the value alone came back",
    "geometric_noise_levels": "the overlap of neighbours: the levels alone came back",
}


LAST_LEVEL = "equals the reference with the level 0 at the end (convention of Karras et al. 2022, eq. 5)"


def _ends_with_zero(vector: Vector, answer: Answer) -> bool:
    """Whether a zero is appended to levels."""
    wanted = [(vector.shapes[0][0] + 1,)] if vector.asked.function == "karras_noise_levels" else []
    return bool(wanted) and [part.shape for part in answer.parts] == wanted and answer.parts[0][-1] == 0


def _before_the_end(answer: Answer) -> Answer:
    return answer._replace(parts=(answer.parts[0][:-1],))


def _alone(vector: Vector, answer: Answer) -> bool:
    """Whether the first part alone came back, the new state or the value: then that is examined."""
    first = vector.asked.function in (*ADJUSTED, *LACKING)
    return first and [part.shape for part in answer.parts] == vector.shapes[:1]


def _lacking(function: str) -> str:
    return LACKING.get(function, ALONE)


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
    scalar = {vector.by_row and answer.parts[0].shape == (): vector.asked for vector, answer in pairs}
    if len(scalar) > 1:
        words = f"returns one number for question {scalar[True].id}, one per row for question {scalar[False].id}"
        return Finding(function, "failed", words, worst=np.inf, failing=scalar[True], **known)
    pairs = [(vector, _not_accepted(vector, answer)) for vector, answer in pairs]
    got = np.concatenate([np.ravel(part) for _, answer in pairs for part in answer.parts]).astype(np.float64)
    some = [vector for vector, _ in pairs]
    dtype = _dtype(pairs, got)
    candidates = [
        Evidence(some, how, got, ROUNDOFF[dtype])
        for how in (("mean", "sum") if set(scalar) == {True} else ("per row",))
    ]
    right = [evidence for evidence in candidates if evidence.holds]
    best = right[0] if right else min(candidates, key=lambda evidence: np.median(evidence.units))
    known = known | {"dtype": dtype, "reduction": best.reduction, "worst": float(np.max(best.units))}
    if right:
        return _gradients(function, pairs, known, None)
    with contextlib.redirect_stderr(io.StringIO()):  # wrong versions may say more
        words, names, convention, reduction = diagnose(function, candidates)
    known |= {"reduction": reduction or best.reduction, "diagnosis": words, "names": tuple(dict.fromkeys(names))}
    known |= _case(best, int(np.argmax(best.units > 1)), pairs)
    if not convention:
        return Finding(function, "failed", **known)
    return _gradients(function, pairs, known, convention)


def _not_accepted(vector, answer) -> Answer:
    """Where the energy of a proposal is none so may be how likely it is accepted: that it is not is what counts."""
    if not {"walls", "holes"} & set(vector.asked.given):
        return answer
    state, *rest = answer.parts
    return answer._replace(parts=(state, *(np.where(np.isnan(part), 0.0, part) for part in rest)))


def _case(evidence, first, pairs):
    """The first failing question, what was expected and what came."""
    numbers = np.cumsum([len(np.atleast_1d(evidence.gather([vector.value]))) for vector in evidence.vectors])
    vector, answer = pairs[int(np.searchsorted(numbers, first, side="right"))]
    sizes = np.cumsum([part.size for part in answer.parts])[:-1]
    parts = np.split(np.atleast_1d(evidence.gather([vector.value])), sizes)
    expected = [part.reshape(came.shape).tolist() for part, came in zip(parts, answer.parts)]
    return {
        "failing": vector.asked,
        "expected": expected if len(expected) > 1 else expected[0],  # in the shapes of what came
        "got": plain(answer.parts if len(answer.parts) > 1 else answer.parts[0]),
    }


def _dtype(pairs, got) -> str:
    """float32 where the answers are, or where all are numbers that float32 holds, though some right ones are not."""
    if {part.dtype for _, answer in pairs for part in answer.parts} == {np.dtype(np.float32)}:
        return "float32"
    right = np.concatenate([vector.value for vector, _ in pairs])
    short = np.all((np.float32(got) == got) | ~np.isfinite(got))
    return "float32" if short and np.sum(np.float32(right) != right) >= FEW else "float64"


def _gradients(function, pairs, known, convention) -> Finding:
    """Whether gradients that came with a right value, or with a convention's, are those of the mean.

    Rows, or their sum, may come with the gradient of the sum as well.
    """
    status = "convention" if convention else "passed"
    told = [(vector, answer) for vector, answer in pairs if vector.gradient is not None and answer.gradient is not None]
    if not told:
        return Finding(function, status, **known)
    words = f"{known['diagnosis']}, but its gradient" if convention else "the value is right, its gradient"
    compared = []
    for vector, answer in told:
        try:
            got = _aligned(answer.gradient, vector.asked.arguments[vector.asked.model].parameters)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            said = f"{words}s are not nested like the parameters: {last_lines(error).splitlines()[0]}"
            return Finding(function, "failed", **known | {"diagnosis": said, "worst": np.inf, "failing": vector.asked})
        compared.append((vector.asked, _symmetric(vector.asked, got), *_wanted(vector, convention)))
    tolerance = FACTOR * ROUNDOFF[known["dtype"]]
    kinds = ("mean",) if known["reduction"] == "mean" else ("mean", "sum")
    units = {of: [_units(of, tolerance, *one) for one in compared] for of in kinds}
    of = min(units, key=lambda of: (sum(np.max(error) > 1 for error in units[of]), max(map(np.max, units[of]))))
    worst = float(max(map(np.max, units[of])))
    known |= {"gradients": len(told)} | ({} if convention else {"worst": max(known["worst"], worst)})
    if worst <= 1:
        return _flowing(Finding(function, status, **known), told, convention, of, tolerance, words)
    (asked, got, wanted, _), wrong = next((c, error > 1) for c, error in zip(compared, units[of]) if np.max(error) > 1)
    n = asked.given["n"] if of == "sum" else 1
    entry = None if convention else _of_the_bank(function, told, compared, kinds, tolerance)
    said = f"{words} in the parameters is wrong in {_names(asked, wrong)}"
    said += f": {entry.name} (bug{entry.seen and f'; {entry.seen}'})" if entry else how_wrong(compared)
    case = {"failing": asked, "expected": (n * wanted).tolist(), "got": got.tolist()}
    return Finding(function, "failed", **known | {"diagnosis": said, "names": (entry.name,) if entry else ()} | case)


def _flowing(finding, told, convention, of, tolerance, words) -> Finding:
    """Whether gradients flow to points that a sampler made, or do not, as the definition says."""
    for vector, answer in told:
        for name, got in (answer.gradient.get(FLOW) or {}).items():
            n = vector.asked.given["n"] if of == "sum" else 1
            impl = convention.implementation() if convention else REFERENCE
            wanted, scale = _in_points(vector.asked, name, impl)
            if np.all(np.nan_to_num(np.abs(got - n * wanted), nan=np.inf) <= n * tolerance * scale):
                continue
            if not np.any(wanted):
                said = f"a gradient flows to {name}, which is held constant: detach it"
            elif not np.any(got):
                said = f"no gradient flows through {name}, as it must: it is detached"
            else:
                said = (
                    f"its gradient in {name} is wrong{_stopped(vector.asked, name, got / n, wanted, tolerance * scale)}"
                )
            entry = next((one for one in WRONG if one.function == finding.function and one.name == FLOWS), None)
            names, said = ((FLOWS,), f"{said} (bug; {entry.seen})") if entry and not np.any(wanted) else ((), said)
            case = {"failing": vector.asked, "expected": (n * wanted).tolist(), "got": got.tolist(), "worst": np.inf}
            value = words.removesuffix(", its gradient").removesuffix(", but its gradient")
            return replace(finding, status="failed", diagnosis=f"{value}, but {said}", names=names, **case)
    return finding


FLOWS = "gradient flows through the samples"  # the bank's name for points that are not held


def _in_points(asked, name, impl):
    """d mean(value)/d(points), and its scale: what its terms add up to, and what points that move do to it."""

    def slope(one, x):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a gradient that is zero everywhere is no mistake
            return grad(lambda moved: ask(asked.function, one, asked.arguments | {name: moved}).mean())(x)

    x = asked.arguments[name]
    wanted = slope(impl, x)
    scale = 8 * np.abs(wanted) + sum(np.abs(slope(one.implementation(), x)) for one in TERMS.get(asked.function, ()))
    with contextlib.suppress(InputError):  # bits do not move
        scale = scale + np.abs(slope(impl, x * (1 + NUDGE)) - wanted) / NUDGE
    return wanted, np.max(scale)


def _stopped(asked, name, got, wanted, allowed) -> str:
    """The term of the formula that is left out of a gradient, if it is one."""
    for term in TERMS.get(asked.function, ()):
        lost, _ = _in_points(asked, name, term.implementation())
        if np.any(lost) and np.all(np.abs(wanted - lost - got) <= allowed):
            return f": none flows through it in {term.words}, as it must"
    return ""


def _of_the_bank(function, told, compared, kinds, tolerance):
    """The one mistake that leaves the value right and has these gradients, of the mean or of the sum."""
    fits = []
    for mistake in [mistake for mistake in WRONG if mistake.function == function]:
        values = (ask(function, mistake.implementation(), vector.asked.arguments) for vector, _ in told)
        if not all(np.allclose(flat(value), vector.value, rtol=1e-12) for value, (vector, _) in zip(values, told)):
            continue
        theirs = [_symmetric(v.asked, reference_gradient(v.asked, mistake.implementation())) for v, _ in told]
        pairs = [(asked, got, g, scale + 8 * np.abs(g)) for (asked, got, _, scale), g in zip(compared, theirs)]
        units = ([_units(of, tolerance, *pair) for pair in pairs] for of in kinds)
        fits += [mistake] if any(max(map(np.max, some)) <= 1 for some in units) else []
    return fits[0] if len(fits) == 1 else None


def _units(of, tolerance, asked, got, wanted, scale):
    """Errors of a gradient of the mean, or of the sum, of the rows, in units of the tolerance; NaN is infinite."""
    n = asked.given["n"] if of == "sum" else 1
    return np.nan_to_num(np.abs(got - n * wanted) / (n * tolerance * scale), nan=np.inf)


def _wanted(vector, convention):
    """The gradient, and the scale of its tolerance, of the right value or of a convention's."""
    if convention is None:
        return _symmetric(vector.asked, vector.gradient), vector.gradient_scale
    wanted = _symmetric(vector.asked, reference_gradient(vector.asked, convention.implementation()))
    larger = np.max(np.abs(wanted)) / np.max(np.abs(vector.gradient))
    return wanted, vector.gradient_scale * max(1.0, larger) + 8 * np.max(np.abs(wanted))


def _symmetric(asked, gradient):
    """In a precision, which is symmetric, the derivative is known in symmetric directions only."""
    parts = []
    for name, value in _named_arrays(asked.arguments[asked.model].parameters):
        part, gradient = np.split(gradient, [len(_aligned(value, value))])
        if name in ("precision", "precisions") and np.ndim(value) > 1:
            matrices = part.reshape(np.shape(value))
            part = np.ravel((matrices + np.swapaxes(matrices, -1, -2)) / 2)
        parts.append(part)
    return np.concatenate(parts)


def _named_arrays(parameters: dict):
    """Parameters by name, those of an inner model too; networks stay as they are."""
    for name, value in parameters.items():
        if isinstance(value, dict):
            yield from _named_arrays(value)
        elif name != "kind":
            yield name, value


def how_wrong(compared) -> str:
    """How the gradients are wrong, if it is so in all that is not small."""
    large = [np.abs(wanted) > 1e-3 * np.max(np.abs(wanted)) for _, _, wanted, _ in compared]
    ratio = np.concatenate([(got / wanted)[some] for (_, got, wanted, _), some in zip(compared, large)])
    if np.all(ratio == 0):
        return ": it is zero"
    c = np.median(ratio)
    if not np.ptp(ratio) <= 1e-3 * np.max(np.abs(ratio)):
        return ""
    return f": it is {c:.4g} x the right one" if abs(c - 1) > 1e-3 else f": by {np.max(np.abs(ratio - 1)):.1e} of it"


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


def _names(asked, wrong) -> str:
    """Which parameters."""
    start, names = 0, []
    for name, value in _named_arrays(asked.arguments[asked.model].parameters):
        size = len(_aligned(value, value))
        names += [name] if np.any(wrong[start : start + size]) else []
        start += size
    return ", ".join(names)
