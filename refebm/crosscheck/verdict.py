"""Verdicts: from the answers of a function to a finding (passed, convention, failed, unsupported) and its reason."""

import contextlib
import io
import sys
import threading
import warnings
from dataclasses import dataclass, replace

import numpy as np
from autograd import grad

from refebm.crosscheck.adapter import AGAIN, BESIDE, FLOW, Answer, last_lines
from refebm.crosscheck.diagnosis import diagnose, helped, named
from refebm.crosscheck.evidence import Built, Evidence
from refebm.crosscheck.facts import cancelled, lost_digits
from refebm.crosscheck.held import held_constant
from refebm.crosscheck.questions import Asked
from refebm.crosscheck.vectors import FACTOR, NUDGE, Vector, plain, reference_gradient, vectors
from refebm.crosscheck.vectors import tolerance as allowed
from refebm.glossary import InputError, filled, leaves_of, mapped
from refebm.identities import REFERENCE
from refebm.variants import CONVENTIONS, TERMS, WRONG, Convention
from refebm.variants.arguments import ADJUSTED, ask, flat
from refebm.variants.asked import particular
from refebm.variants.steps import Chain

FEW = 4  # with so many right values that float32 cannot hold, answers that it all holds are no coincidence
LIKE_IT = 2.0**24  # tolerances by which a replaced helper, such as a softplus that is linear far out, is another one
MOMENT = 3.0  # seconds of a search for the reason after which it is told that it is on its way
MODELS = "a model built wrongly"  # marks questions about a kind of model, and not about the function itself
ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24}


@dataclass(frozen=True, eq=False)
class Finding:
    """The outcome for one function. worst: the largest error in units of the tolerance of its dtype."""

    function: str
    status: str
    diagnosis: str = ""
    names: tuple[str, ...] = ()  # the name of the matching entry of the bank, and its aliases
    questions: int = 0
    asked: int = 0  # the number of all questions about the function
    unsupported: tuple[str, ...] = ()  # the adapter's reasons for questions that it does not support
    worst: float = 0.0
    dtype: str = ""
    reduction: str = ""
    gradients: int = 0
    failing: Asked | None = None
    expected: list | float | None = None
    got: list | float | None = None
    of: str = ""  # what these numbers are, where they are not the answer
    convention: Convention | Chain | Built | None = None  # the one that the answers are in, if any


def judge(function: str, answers: dict[str, Answer] | None) -> Finding:
    """Judge the answers of one function by its vectors; None: the function does not exist.

    The status is "partly" if all answers are right but a question, or a whole kind of questions, was not answered.
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
    beside = answers.get(BESIDE, Answer())  # of the other methods of its class
    words += [beside.problem] if beside.problem else []
    status = "partly" if words else finding.status
    return replace(
        finding, status=status, diagnosis="; ".join(filter(None, [finding.diagnosis, *words, beside.unsupported]))
    )


def consistent(findings: list[Finding]) -> list[Finding]:
    """The findings, where a method fails if it has a convention that another of its class could have and has not."""
    return [replace(one, **_mixed(one, findings)) if one.status == "convention" else one for one in findings]


def _mixed(finding: Finding, findings: list[Finding]) -> dict:
    of_class, _, method = finding.function.partition(".")
    sources = {one.where for one in CONVENTIONS if one.function == finding.function and one.name in finding.names}
    others = []
    for other in findings if method else ():
        theirs, _, name = other.function.partition(".")
        known = {one.name for one in CONVENTIONS if one.function == other.function and one.where in sources}
        if theirs == of_class and other.status in ("passed", "convention") and known and not known & {*other.names}:
            others.append(name)
    if not others:
        return {}
    said = (
        f"{finding.diagnosis}; but {' and '.join(others)} {'are' if len(others) > 1 else 'is'} not in this convention"
    )
    return {"status": "failed", "diagnosis": f"{said}: two conventions in one class"}


def _never_asked(asked, answers):
    """The mistakes whose questions have no answer at all, apart from those about kinds of models."""
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
    words, cut = particular(function).longer or ("", lambda parts, shapes: None)
    cuts = [answer.parts and cut(answer.parts, vector.shapes) for vector, answer in pairs]
    if all(cuts):  # longer than it is asked for, in a known way: the answer in it is examined
        finding = _judged(function, {v.asked.id: one._replace(parts=part) for (v, one), part in zip(pairs, cuts)})
        status = "convention" if finding.status == "passed" else finding.status
        said = [finding.diagnosis, f"equals the reference with {words}"]
        return replace(finding, status=status, diagnosis="; ".join(filter(None, said)))
    problems = [_problem(vector, answer) for vector, answer in pairs]
    troubles = [(vector, problem) for (vector, _), problem in zip(pairs, problems) if problem]
    clean = [pair for pair, problem in zip(pairs, problems) if not problem]
    known = {"unsupported": unsupported, "questions": len(pairs)}
    if AGAIN in answers and not troubles:
        problem = answers[AGAIN].problem
        return Finding(function, "failed", problem, worst=np.inf, failing=pairs[0][0].asked, **known)
    if troubles:
        return _troubled(function, troubles, clean, known)
    return _values(function, clean, known)


def _troubled(function, troubles, clean, known) -> Finding:
    """Where questions have no numbers to compare. A reason for the other answers comes first, since it says more."""
    vector, problem = troubles[0]
    said, *where = problem.split("\n")
    counted = f"in {len(troubles)} of {known['questions']} questions"
    rest = _values(function, clean, known) if clean else None
    rest = rest if rest and rest.status == "failed" else None
    if rest and "equals" in rest.diagnosis:
        return replace(rest, diagnosis=f"{rest.diagnosis}; beside that, {said} ({counted})", worst=np.inf)
    beside = f"; beside that, {rest.diagnosis}" if rest else ""
    told = "\n".join([f"{said} ({counted}{beside})", *where])
    return Finding(function, "failed", told, worst=np.inf, failing=vector.asked, **known)


ALONE = "the probability of acceptance: the state alone came back"


def _lacking(function: str) -> str:
    """What is missing where only the first part of the answer came back; "" if that is no answer."""
    return particular(function).lacking or (ALONE if function in ADJUSTED else "")


def _alone(vector: Vector, answer: Answer) -> bool:
    """Whether only the first part came back (the new state, or the value); then that part is examined."""
    return bool(_lacking(vector.asked.function)) and [part.shape for part in answer.parts] == vector.shapes[:1]


def _problem(vector: Vector, answer: Answer) -> str:
    """A problem of an answer that shows before its numbers are compared, such as its shape."""
    if answer.problem:
        return answer.problem
    shapes = [part.shape for part in answer.parts]
    if shapes == vector.shapes or (vector.by_row and shapes == [()]):
        return ""
    wanted, got = (" and ".join(map(str, some)) for some in (vector.shapes, shapes))
    return f"returned shape {got}, wanted {wanted}" + (" or one mean or sum" if vector.by_row else "")


@np.errstate(all="ignore")  # answers may be any numbers
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
    candidates.sort(key=lambda evidence: np.median(evidence.units))  # facts are about the first
    best = next((evidence for evidence in candidates if evidence.holds), candidates[0])
    known = known | {"dtype": dtype, "reduction": best.reduction, "worst": float(np.max(best.units))}
    if best.holds:
        return _gradients(function, pairs, known, None)
    some = [evidence.without(cancelled(evidence)) for evidence in candidates]
    near = next((evidence for evidence in some if evidence.holds), None)
    with _searching(function):
        found = (named(function, candidates) or helped(function, candidates)) if near else diagnose(function, some)
    if not found:
        known |= {"reduction": near.reduction, "worst": float(np.max(near.units)), "diagnosis": lost_digits(near)}
        return _gradients(function, pairs, known, None)
    words, names, convention, reduction = found
    known |= {"reduction": reduction or best.reduction, "diagnosis": words, "names": tuple(dict.fromkeys(names))}
    known |= _case(best, int(np.argmax(best.wrong)), pairs)
    if not convention:
        return Finding(function, "failed", **known)
    known["convention"] = convention
    return _gradients(function, pairs, known, convention)


@contextlib.contextmanager
def _searching(function: str):
    """Where the search for a reason takes longer than a moment, that is said; what wrong versions print is not."""
    words = f"refebm: {function}: its answers differ; looking for the reason ..."
    waiting = threading.Timer(MOMENT, print, [words], {"file": sys.stderr or io.StringIO(), "flush": True})
    waiting.daemon = True
    waiting.start()
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        waiting.cancel()


def _not_accepted(vector, answer) -> Answer:
    """Where the energy of a proposal is none so may be how likely it is accepted: that it is not is what counts."""
    if not {"walls", "holes"} & set(vector.asked.given):
        return answer
    state, *rest = answer.parts
    return answer._replace(parts=(state, *(np.where(np.isnan(part), 0.0, part) for part in rest)))


def _case(evidence, first, pairs):
    """The first failing question, the expected answer and the one that came."""
    numbers = np.cumsum([len(np.atleast_1d(evidence.gather([vector.value]))) for vector in evidence.vectors])
    vector, answer = pairs[int(np.searchsorted(numbers, first, side="right"))]
    sizes = np.cumsum([part.size for part in answer.parts])[:-1]
    parts = np.split(np.atleast_1d(evidence.gather([vector.value])), sizes)
    expected = [part.reshape(came.shape).tolist() for part, came in zip(parts, answer.parts)]
    return {
        "failing": vector.asked,
        "expected": expected if len(expected) > 1 else expected[0],  # in the same shapes as the answer
        "got": plain(answer.parts if len(answer.parts) > 1 else answer.parts[0]),
    }


def _dtype(pairs, got) -> str:
    """float32 if the answers have that dtype, or if float32 holds all of them, and half precision, which holds whole
    numbers, does not, but float32 does not hold all right values."""
    if {part.dtype for _, answer in pairs for part in answer.parts} == {np.dtype(np.float32)}:
        return "float32"
    right = np.concatenate([vector.value for vector, _ in pairs])
    known = got[np.isfinite(got)]
    short = np.all(np.float32(known) == known) and np.any(np.float16(known) != known)
    return "float32" if short and np.sum(np.float32(right) != right) >= FEW else "float64"


def _gradients(function, pairs, known, convention) -> Finding:
    """Judge the gradients that came with right values, or a convention's; they should be those of the mean.

    For rows or their sum, the gradient of the sum is accepted too.
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
    if entry:
        said += f": {entry.name} (bug{entry.seen and f'; {entry.seen}'})"
    else:
        said += how_wrong(compared) or _without_gradient(function, convention, told, compared, kinds, tolerance)
    case = {"failing": asked, "expected": (n * wanted).tolist(), "got": got.tolist(), "of": _order(asked, of)}
    return Finding(function, "failed", **known | {"diagnosis": said, "names": (entry.name,) if entry else ()} | case)


def _without_gradient(function, convention, told, compared, kinds, tolerance) -> str:
    """Words for the part of the formula whose gradient is lost, if one explains these gradients."""

    def gradients(impl):
        return [_symmetric(vector.asked, reference_gradient(vector.asked, impl)) for vector, _ in told]

    def fits(theirs, of):
        pairs = [(asked, got, g, scale) for (asked, got, _, scale), g in zip(compared, theirs)]
        return all(np.max(_units(of, rough * tolerance, *pair)) <= 1 for pair in pairs)

    rough = LIKE_IT if isinstance(convention, Built) else 1
    means = {of: [got / (asked.given["n"] if of == "sum" else 1) for asked, got, *_ in compared] for of in kinds}
    words = held_constant(function, convention, gradients, fits, means)
    return f": {words}" if words else ""


def _flowing(finding, told, convention, of, tolerance, words) -> Finding:
    """Judge whether gradients flow to points that a sampler made exactly where the definition lets them."""
    for vector, answer in told:
        for name, got in (answer.gradient.get(FLOW) or {}).items():
            n = vector.asked.given["n"] if of == "sum" else 1
            impl = convention.implementation() if convention else REFERENCE
            wanted, scale = _in_points(vector.asked, name, impl)
            got = _as_one(got)
            if np.all(np.nan_to_num(np.abs(got - n * wanted), nan=np.inf) <= n * tolerance * scale):
                continue
            if not np.any(wanted):
                said = f"a gradient flows to {name}, which is held constant: detach it"
            elif not np.any(got):
                said = f"no gradient flows through {name}, but one must: do not detach it"
            else:
                said = (
                    f"its gradient in {name} is wrong{_stopped(vector.asked, name, got / n, wanted, tolerance * scale)}"
                )
            entry = next((one for one in WRONG if one.function == finding.function and one.name == FLOWS), None)
            names = (FLOWS,) if entry and not np.any(wanted) else ()
            said += f" ({'; '.join(filter(None, ['bug', entry.seen]))})" if names else ""
            case = {"failing": vector.asked, "expected": (n * wanted).tolist(), "got": got.tolist(), "worst": np.inf}
            case["of"] = f"the gradient of the {of} of the rows in {name}"
            value = words.removesuffix(", its gradient").removesuffix(", but its gradient")
            return replace(finding, status="failed", diagnosis=f"{value}, but {said}", names=names, **case)
    return finding


FLOWS = "gradient flows through the samples"  # the bank's name for points that should be constants


def _in_points(asked, name, impl):
    """d mean(value)/d(points) and its scale: the size of its terms, and its change when the points move."""

    def slope(one, x):
        def mean(i, moved):
            moved = filled(x, [moved if j == i else leaf for j, leaf in enumerate(leaves_of(x))])
            return ask(asked.function, one, asked.arguments | {name: moved}).mean()

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # autograd warns of zero gradients, which are right here
            each = [grad(mean, 1)(i, leaf) for i, leaf in enumerate(leaves_of(x))]
        return _as_one(filled(x, each))

    x = asked.arguments[name]
    wanted = slope(impl, x)
    scale = 8 * np.abs(wanted) + sum(np.abs(slope(one.implementation(), x)) for one in TERMS.get(asked.function, ()))
    with contextlib.suppress(InputError):  # bits cannot be moved
        scale = scale + np.abs(slope(impl, mapped(lambda one: one * (1 + NUDGE), x)) - wanted) / NUDGE
    return wanted, np.max(scale)


def _as_one(points) -> np.ndarray:
    """Gradients in points as they are, of images of several grids as one array."""
    return np.concatenate(list(map(np.ravel, points))) if isinstance(points, tuple) else points


def _stopped(asked, name, got, wanted, allowed) -> str:
    """Words for the one term of the formula whose gradient is missing, if there is one."""
    for term in TERMS.get(asked.function, ()):
        lost, _ = _in_points(asked, name, term.implementation())
        if np.any(lost) and np.all(np.abs(wanted - lost - got) <= allowed):
            return f": none flows through it in {term.words}, but one must"
    return ""


def _of_the_bank(function, told, compared, kinds, tolerance):
    """The one wrong version that has the right value and these gradients, of the mean or the sum."""
    fits = []
    for mistake in [mistake for mistake in WRONG if mistake.function == function]:
        values = (ask(function, mistake.implementation(), vector.asked.arguments) for vector, _ in told)
        gaps = ((np.abs(flat(value) - vector.value), vector.scale) for value, (vector, _) in zip(values, told))
        if not all(np.all(gap <= allowed(scale)) for gap, scale in gaps):
            continue
        theirs = [_symmetric(v.asked, reference_gradient(v.asked, mistake.implementation())) for v, _ in told]
        pairs = [(asked, got, g, scale + 8 * np.abs(g)) for (asked, got, _, scale), g in zip(compared, theirs)]
        units = ([_units(of, tolerance, *pair) for pair in pairs] for of in kinds)
        fits += [mistake] if any(max(map(np.max, some)) <= 1 for some in units) else []
    return fits[0] if len(fits) == 1 else None


def _units(of, tolerance, asked, got, wanted, scale):
    """Errors of the gradient of the mean or the sum of the rows, in units of the tolerance; NaN counts as infinite."""
    n = asked.given["n"] if of == "sum" else 1
    return np.nan_to_num(np.abs(got - n * wanted) / (n * tolerance * scale), nan=np.inf)


def _wanted(vector, convention):
    """The wanted gradient and its scale, of the right value or of a convention's."""
    if convention is None:
        return _symmetric(vector.asked, vector.gradient), vector.gradient_scale
    wanted = _symmetric(vector.asked, reference_gradient(vector.asked, convention.implementation()))
    larger = np.max(np.abs(wanted)) / np.max(np.abs(vector.gradient))
    return wanted, vector.gradient_scale * max(1.0, larger) + 8 * np.max(np.abs(wanted))


def _symmetric(asked, gradient):
    """The gradient with its precision part symmetrised, since a precision only varies in symmetric directions."""
    parts = []
    for name, value in _named_arrays(asked.arguments[asked.model].parameters):
        part, gradient = np.split(gradient, [len(_aligned(value, value))])
        if name in ("precision", "precisions") and np.ndim(value) > 1:
            matrices = part.reshape(np.shape(value))
            part = np.ravel((matrices + np.swapaxes(matrices, -1, -2)) / 2)
        parts.append(part)
    return np.concatenate(parts)


def _named_arrays(parameters: dict):
    """Parameters by name, including those of an inner model; networks stay nested."""
    for name, value in parameters.items():
        if isinstance(value, dict):
            yield from _named_arrays(value)
        elif name == "grids":
            yield from (pair for model in value for pair in _named_arrays(model))
        elif name != "kind":
            yield name, value


def how_wrong(compared) -> str:
    """How the gradients are wrong, in words, if all entries that are not small agree."""
    large = [np.abs(wanted) > 1e-3 * np.max(np.abs(wanted)) for _, _, wanted, _ in compared]
    ratio = np.concatenate([(got / wanted)[some] for (_, got, wanted, _), some in zip(compared, large)])
    if np.all(ratio == 0):
        return ": it is zero"
    c = np.median(ratio)
    if not np.ptp(ratio) <= 1e-3 * np.max(np.abs(ratio)):
        return ""
    return f": it is {c:.4g} x the right one" if abs(c - 1) > 1e-3 else f": by {np.max(np.abs(ratio - 1)):.1e} of it"


def _aligned(gradient, like) -> np.ndarray:
    """Nested gradients as one array, in the order of the parameters; None counts as zero."""
    if isinstance(like, dict):
        return np.concatenate([_aligned(gradient[name], inner) for name, inner in like.items() if name != "kind"])
    if isinstance(like, tuple):
        return np.concatenate([_aligned(gradient[i], inner) for i, inner in enumerate(like)])
    got = np.zeros(np.shape(like)) if gradient is None else np.asarray(gradient, dtype=np.float64)
    if got.shape != np.shape(like):
        raise ValueError(f"a gradient of shape {got.shape} for a parameter of shape {np.shape(like)}")
    return np.ravel(got)


def _order(asked, of: str) -> str:
    """What the numbers of a gradient in the parameters are, in their order."""
    named = _named_arrays(asked.arguments[asked.model].parameters)
    sizes = [(name, len(_aligned(value, value))) for name, value in named]
    return f"the gradient of the {of} of the rows in {', '.join(f'{name} ({size} numbers)' for name, size in sizes)}"


def _names(asked, wrong) -> str:
    """The names of the parameters in which a gradient is wrong."""
    start, names = 0, []
    for name, value in _named_arrays(asked.arguments[asked.model].parameters):
        size = len(_aligned(value, value))
        names += [name] if np.any(wrong[start : start + size]) else []
        start += size
    return ", ".join(dict.fromkeys(names))
