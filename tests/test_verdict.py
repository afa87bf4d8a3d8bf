"""From answers to a finding: one number beyond its own tolerance fails, and what is said of it; answers are arrays."""

import dataclasses
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from autograd import grad, tracer

import refebm
from refebm.crosscheck import verdict
from refebm.crosscheck.adapter import AGAIN, FLOW, Answer
from refebm.crosscheck.evidence import Built, Diagnosis, Evidence
from refebm.crosscheck.patience import frugal, patient
from refebm.crosscheck.questions import EXAMINED, questions
from refebm.crosscheck.readings import Reading
from refebm.crosscheck.vectors import (
    NUDGE,
    leaves,
    plain,
    reference_gradient,
    shaped,
    tolerance,
    vectors,
    without_kinds,
)
from refebm.crosscheck.verdict import Finding, consistent, how_wrong, judge
from refebm.identities import Implementation
from refebm.variants import TERMS, WRONG, Variant
from refebm.variants.asked import Particular

U, U32 = 2.0**-53, 2.0**-24
ISM = "implicit_score_matching"  # by row, with gradients
STEP = "metropolis_step"  # two parts


def parts(vector, flat, kind=np.float64):
    """Flat numbers in the shapes of the parts."""
    ends = np.cumsum([int(np.prod(shape)) for shape in vector.shapes])[:-1]
    return tuple(np.array(part.reshape(shape), kind) for part, shape in zip(np.split(flat, ends), vector.shapes))


def gradient(vector, factor=1.0, off=0.0):
    """That of the mean, nested like the parameters."""
    like = plain(without_kinds(vector.asked.arguments[vector.asked.model].parameters))
    return shaped(iter((factor * vector.gradient + off).tolist()), like)


def answers(function, how=None, kind=np.float64):
    """The right ones, reduced if asked for, by question."""
    given = {}
    for vector in vectors(function):
        value = vector.value if how is None else np.array(how(vector.value))
        given[vector.asked.id] = Answer(parts(vector, value, kind) if how is None else (value.astype(kind),))
    return given


def moved(function, question, place, by, kind=np.float64):
    """The right answers, but for one number of one question, off by so many tolerances of its own."""
    given, vector = answers(function, kind=kind), vectors(function)[question]
    value = vector.value.copy()
    value[place] += by * tolerance(vector.scale, U if kind is np.float64 else U32)[place]
    return given | {vector.asked.id: Answer(parts(vector, value, kind))}


@pytest.mark.parametrize("function", EXAMINED)
@pytest.mark.parametrize("roundoff", [U, U32])
def test_every_number_has_its_own_tolerance(function, roundoff):
    """That of the smallest scale, which the others would excuse: alone it is beyond, and then there is a failure."""
    some = list(vectors(function))
    scale = np.concatenate([vector.scale for vector in some])
    right = Evidence(some, "per row", np.concatenate([vector.value for vector in some]), roundoff)
    smallest = np.argmin(np.where(scale > 0, scale, np.inf))
    np.testing.assert_array_equal(right.allowed, tolerance(scale, roundoff))
    for by, holds in ((0.95, True), (1.05, False)):
        got = right.right.copy()
        got[smallest] += by * right.allowed[smallest]
        evidence = Evidence(some, "per row", got, roundoff)
        assert evidence.holds == holds == (not np.any(evidence.wrong))
        assert np.max(evidence.units) == pytest.approx(by, rel=0.06) == evidence.units[smallest]
        assert np.sum(evidence.units > 0.01) == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_infinitely_wrong(bad):
    some = list(vectors(ISM))
    got = np.concatenate([vector.value for vector in some])
    got[5] = bad
    evidence = Evidence(some, "per row", got, U)
    assert evidence.units[5] > 1e308 and not evidence.holds and np.sum(evidence.units > 0) == 1


@pytest.mark.parametrize("how", ["mean", "sum"])
def test_reduced_answers_have_reduced_scales(how):
    some = list(vectors(ISM))
    reduce = getattr(np, how)
    evidence = Evidence(some, how, np.array([reduce(vector.value) for vector in some]), U)
    assert evidence.holds and len(evidence.allowed) == len(some)
    np.testing.assert_array_equal(evidence.scale, [reduce(vector.scale) for vector in some])
    np.testing.assert_array_equal(evidence.confirms, [vector.asked.confirms for vector in some])


def test_the_first_wrong_number_is_shown():
    for question, place in ((3, 2), (0, 0), (10, 0)):
        vector = vectors(ISM)[question]
        finding = judge(ISM, moved(ISM, question, place, 3.0))
        assert finding.status == "failed" and finding.failing is vector.asked and not finding.names
        assert finding.worst == pytest.approx(3.0, rel=0.05) and finding.dtype == "float64"
        assert finding.expected == vector.value.tolist() and finding.questions == len(vectors(ISM))
        assert finding.got[place] != vector.value[place] and len(finding.got) == len(vector.value)
        assert np.sum(np.array(finding.got) != vector.value) == 1
        assert finding.diagnosis.endswith(f"1 of {sum(len(v.value) for v in vectors(ISM))} numbers are wrong")
    passed = judge(ISM, moved(ISM, 3, 2, 0.5))
    assert passed.status == "passed" and passed.worst == pytest.approx(0.5, rel=0.05) and passed.failing is None
    vector = vectors(STEP)[4]
    finding = judge(STEP, moved(STEP, 4, 7, 3.0))
    assert finding.failing is vector.asked and leaves(finding.expected) == vector.value.tolist()
    assert [np.shape(part) for part in finding.got] == vector.shapes == [np.shape(one) for one in finding.expected]


def test_answers_in_float32_are_held_to_float32():
    finding = judge(ISM, answers(ISM, kind=np.float32))
    assert (finding.status, finding.dtype) == ("passed", "float32") and 0 < finding.worst < 1
    cast = {number: Answer((a.parts[0].astype(np.float32).astype(np.float64),)) for number, a in answers(ISM).items()}
    assert (judge(ISM, cast).status, judge(ISM, cast).dtype) == ("passed", "float32")
    assert judge(ISM, moved(ISM, 3, 2, 3.0, np.float32)).status == "failed"
    assert judge(ISM, moved(ISM, 3, 2, 3.0, np.float32)).dtype == "float32"
    one = answers(ISM, kind=np.float32)
    one["00"] = Answer((vectors(ISM)[0].value,))  # one question in float64: then the others are not good enough
    assert (judge(ISM, one).status, judge(ISM, one).dtype) == ("failed", "float64")


@pytest.mark.parametrize("how", [np.mean, np.sum])
def test_one_number_for_each_question(how):
    finding = judge(ISM, answers(ISM, how))
    assert (finding.status, finding.reduction) == ("passed", how.__name__)
    assert judge(ISM, answers(ISM)).reduction == "per row"


def test_one_number_here_and_rows_there():
    finding = judge(ISM, answers(ISM) | {"04": Answer((np.array(1.0),))})
    assert finding.status == "failed" and finding.worst == np.inf and finding.failing.id == "04"
    assert finding.diagnosis == "returns one number for question 04, one per row for question 33"


def test_functions_and_questions_that_there_are_not():
    assert judge(ISM, None).status == "unsupported" and judge(ISM, None).diagnosis == ""
    none = {number: Answer(unsupported=word) for number, word in zip(answers(ISM), ["no", "no", *["never"] * 32])}
    finding = judge(ISM, none)
    assert (finding.status, finding.diagnosis, finding.unsupported) == ("unsupported", "no; never", ("no", "never"))
    some = answers(ISM) | {"02": Answer(unsupported="no"), "03": Answer(unsupported="no"), "07": none["07"]}
    finding = judge(ISM, some)
    assert (finding.status, finding.unsupported, finding.questions) == ("partly", ("no", "never"), 31)


def test_what_is_wrong_before_numbers_are_looked_at():
    raises = Answer(problem="raises KeyError")
    finding = judge(ISM, answers(ISM) | {"05": raises, "07": raises})
    assert finding.status == "failed" and finding.worst == np.inf and finding.failing.id == "05"
    assert finding.diagnosis == "raises KeyError (in 2 of 34 questions)"
    both = {number: Answer((2 * a.parts[0],)) for number, a in answers(ISM).items()} | {"05": raises}
    assert judge(ISM, both).diagnosis == "raises KeyError (in 1 of 34 questions)"  # a convention is no failure
    both = {number: Answer((3 * a.parts[0],)) for number, a in answers(ISM).items()} | {"05": raises}
    reasoned = judge(ISM, both)  # which comes first
    assert reasoned.diagnosis.startswith("equals 3 x") and reasoned.failing.id == "00" and reasoned.worst == np.inf
    assert reasoned.diagnosis.endswith("; beside that, raises KeyError (in 1 of 34 questions)")
    everywhere = dict.fromkeys(answers(ISM), raises)
    assert judge(ISM, everywhere).diagnosis == "raises KeyError (in 34 of 34 questions)"
    again = answers(ISM) | {"again": Answer(problem="is answered otherwise the second time")}
    finding = judge(ISM, again)
    assert (finding.status, finding.worst, finding.failing.id) == ("failed", np.inf, "00")
    assert finding.diagnosis == "is answered otherwise the second time"
    assert judge(ISM, again | {"05": raises}).diagnosis == "raises KeyError (in 1 of 34 questions)"


def test_shapes():
    column = answers(ISM) | {"05": Answer((vectors(ISM)[5].value[:, None],))}
    words = "returned shape (4, 1), wanted (4,) or one mean or sum (in 1 of 34 questions)"
    assert judge(ISM, column).diagnosis == words
    turned = answers(STEP) | {"00": Answer(answers(STEP)["00"].parts[::-1])}
    words = "returned shape (4,) and (4, 3), wanted (4, 3) and (4,) (in 1 of 33 questions)"
    assert judge(STEP, turned).diagnosis == words
    number = answers(STEP) | {"00": Answer((np.array(1.0),))}
    assert judge(STEP, number).diagnosis.startswith("returned shape (), wanted (4, 3) and (4,) (in")


@pytest.mark.parametrize(
    ("function", "words"), [(STEP, "the state alone"), ("implicit_negative_elbo", "the value alone")]
)
def test_the_first_part_alone_is_examined(function, words):
    alone = {number: Answer(a.parts[:1]) for number, a in answers(function).items()}
    finding = judge(function, alone)
    assert finding.status == "passed" and len(finding.unsupported) == 1 and words in finding.unsupported[0]
    one = answers(function) | {"03": Answer(answers(function)["03"].parts[:1])}
    assert judge(function, one).status == "passed" and judge(function, one).unsupported == finding.unsupported
    wrong = {number: Answer((a.parts[0] + 1,)) for number, a in answers(function).items()}
    assert judge(function, wrong).status == "failed"


def test_a_part_that_is_not_there():
    field_alone = {number: Answer(a.parts[:1]) for number, a in answers("field_and_divergence").items()}
    assert judge("field_and_divergence", field_alone).diagnosis.startswith(
        "returned shape (4, 3), wanted (4, 3) and (4,)"
    )


def with_gradients(function, factor=1.0, off=0.0, how=None, of=np.mean):
    """Right values with gradients, of the mean or of the sum, times a factor, off by tolerances of their own."""
    given = answers(function, how)
    for vector in vectors(function):
        if vector.gradient is not None:
            n = 1 if of is np.mean else vector.asked.given["n"]
            by = off * 64 * U * vector.gradient_scale * n
            given[vector.asked.id] = given[vector.asked.id]._replace(gradient=gradient(vector, factor * n, by))
    return given


@pytest.mark.parametrize("of", [np.mean, np.sum])
def test_gradients_within_and_beyond_their_tolerance(of):
    told = sum(vector.gradient is not None for vector in vectors(ISM))
    right = judge(ISM, with_gradients(ISM, of=of))
    assert (right.status, right.gradients, right.worst) == ("passed", told, pytest.approx(0.0, abs=0.05))
    within = judge(ISM, with_gradients(ISM, off=0.9, of=of))
    assert within.status == "passed" and within.worst == pytest.approx(0.9, rel=0.05)
    beyond = judge(ISM, with_gradients(ISM, off=1.1, of=of))
    assert beyond.status == "failed" and beyond.worst == pytest.approx(1.1, rel=0.05)
    assert "the value is right, its gradient in the parameters is wrong in " in beyond.diagnosis
    double = judge(ISM, with_gradients(ISM, factor=2.0, of=of))
    assert double.status == "failed" and double.failing.id == "00"
    assert double.diagnosis.endswith("it is 2 x the right one") == (of is np.mean)


def test_the_gradient_of_a_mean_is_that_of_the_mean():
    assert judge(ISM, with_gradients(ISM, how=np.mean)).status == "passed"
    assert judge(ISM, with_gradients(ISM, how=np.mean, of=np.sum)).status == "failed"
    assert judge(ISM, with_gradients(ISM, how=np.sum, of=np.sum)).status == "passed"
    assert judge(ISM, with_gradients(ISM, how=np.sum)).status == "passed"


def test_a_gradient_that_is_wrong_in_one_number():
    """The parameter is named, and what was expected and came is shown."""
    given, vector = with_gradients(ISM), vectors(ISM)[1]
    nested = gradient(vector)
    name = list(nested)[-1]
    place = nested[name]
    while not isinstance(place[0], float):
        place = place[0]
    place[0] += 1.0
    given[vector.asked.id] = given[vector.asked.id]._replace(gradient=nested)
    finding = judge(ISM, given)
    assert finding.status == "failed" and finding.failing is vector.asked
    assert finding.diagnosis == f"the value is right, its gradient in the parameters is wrong in {name}"
    assert finding.expected == pytest.approx(vector.gradient.tolist(), rel=1e-15)
    assert np.sum(np.array(finding.got) != np.array(finding.expected)) == 1


def test_a_gradient_in_a_precision_is_known_up_to_what_is_antisymmetric():
    """Since a precision is symmetric, half of what an entry says may stand in its mirror image."""
    given = with_gradients(ISM)
    turned = 0
    for vector in (one for one in vectors(ISM) if one.gradient is not None):
        nested = gradient(vector)
        for name in {"precision", "precisions"} & set(nested):
            shape = np.shape(nested[name])
            if len(shape) > 1 and shape[-1] > 1:
                unlike = np.triu(np.ones(shape), 1)
                nested[name] = (np.array(nested[name]) + unlike - np.swapaxes(unlike, -1, -2)).tolist()
                turned += 1
        given[vector.asked.id] = given[vector.asked.id]._replace(gradient=nested)
    assert turned > 2 and judge(ISM, given).status == "passed"


@pytest.mark.parametrize("off", [0.0, 1.0])
def test_a_wrong_version_is_named_where_all_of_its_gradient_came(off):
    """Of the one that has the right value; with another number in each question it is somebody else's mistake."""
    function = "unbiased_contrastive_divergence"
    (mistake,) = (one for one in WRONG if (one.function, one.name) == (function, "the negative phase held too"))
    given = answers(function)
    for vector in (one for one in vectors(function) if one.gradient is not None):
        theirs = reference_gradient(vector.asked, mistake.implementation())
        theirs[-1] += off
        nested = gradient(SimpleNamespace(asked=vector.asked, gradient=theirs))
        given[vector.asked.id] = given[vector.asked.id]._replace(gradient=nested)
    finding = judge(function, given)
    assert finding.status == "failed" and finding.names == (() if off else (mistake.name,))


def test_how_gradients_are_wrong():
    """A factor where it is one to a thousandth of the largest ratio, and how much is missing where it is near 1."""
    wanted = np.array([1.0, -2.0, 1e-4, 4.0])

    def said(*ratio):
        return how_wrong([(None, np.array(ratio) * wanted, wanted, None)])

    assert said(3.0, 3.0, 7.0, 3.0) == ": it is 3 x the right one"  # what is small does not count
    assert said(1.0005, 1.0005, 1.0, 1.0005) == ": by 5.0e-04 of it"
    assert said(1.0, 1 - 0.9995e-3, 1.0, 1.0) == ": by 1.0e-03 of it" and said(1.0, 1 - 1.0005e-3, 1.0, 1.0) == ""
    assert said(0.0, 0.0, 1.0, 0.0) == ": it is zero" and said(0.0, 1.0, 1.0, 0.0) == ""
    assert said(1000.0, 1000.0, 7.0, 999.0) == ": it is 1000 x the right one"  # to a thousandth
    assert said(3.0, 3.0, 3.0, 3.0028) == ": it is 3 x the right one"  # most of them
    wanted = np.array([-1000.0, 0.5, 1.0, 300.0])
    assert said(3.0, 5.0, 7.0, 3.0) == ": it is 3 x the right one"  # a thousandth of the largest is small
    wanted = np.array([-1000.0, 0.5, 1.0625, 300.0])
    assert said(3.0, 5.0, 7.0, 3.0) == ""


def test_only_what_is_beyond_its_tolerance_is_named():
    """Every gradient is off by half a tolerance, one number of the last parameter by more."""
    given = with_gradients(ISM, off=0.5)
    vector = next(v for v in vectors(ISM) if v.gradient is not None and len(gradient(v)) > 1)
    nested = given[vector.asked.id].gradient
    name = list(nested)[-1]
    place = nested[name]
    while not isinstance(place[0], float):
        place = place[0]
    place[0] += 1.0
    assert judge(ISM, given).diagnosis == f"the value is right, its gradient in the parameters is wrong in {name}"


def test_the_first_number_beyond_its_tolerance_is_shown():
    """Not the first that is off."""
    given = moved(ISM, 0, 0, 0.5) | {vectors(ISM)[3].asked.id: moved(ISM, 3, 2, 3.0)[vectors(ISM)[3].asked.id]}
    finding = judge(ISM, given)
    assert finding.status == "failed" and finding.failing is vectors(ISM)[3].asked


def test_a_candidate_of_the_diagnosis_is_ended():
    """By a count, wherever it runs; what is no candidate takes what it takes."""
    slope = grad(lambda x: sum(x**2 for _ in range(200)))
    before = tracer.find_top_boxed_args
    with patient(5000):
        assert slope(1.0) == 400.0
    with patient(100), pytest.raises(TimeoutError):
        slope(1.0)
    assert slope(1.0) == 400.0 and tracer.find_top_boxed_args is before


@pytest.mark.parametrize(("was", "becomes"), [("(low, middle)", "(low, high)"), ("(middle, high)", "(low, high)")])
def test_a_candidate_that_never_ends_has_no_answer(was, becomes):
    """A bisection whose bracket stays as it is turns for ever, and nothing is traced in it."""
    reading = Reading("annealed_step", Variant("annealed_step", "", was, becomes, inside="between").implementation)
    assert all(np.all(np.isnan(reading.on(vector))) for vector in vectors("annealed_step"))


@pytest.mark.parametrize("allowed", [2**20, 2**30])
def test_a_candidate_of_the_diagnosis_gets_no_more_memory(allowed):
    """A mistake in a size asked for 23 GB."""
    refused = sys.platform == "linux" and allowed < 2**27
    with frugal(allowed), pytest.raises(MemoryError) if refused else nullcontext():
        np.ones(2**24)
    assert np.ones(2**24)[-1] == 1.0


def test_what_a_wrong_version_prints_is_not_the_users(capsys):
    def diagnose(function, candidates):
        print("1 of False steps", file=sys.stderr)
        return Diagnosis("?", (), None, "")

    asked = questions("tweedie_mean")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verdict, "diagnose", diagnose)
        finding = judge("tweedie_mean", {one.id: Answer((one.arguments["y"],)) for one in asked})
    assert finding.status == "failed" and capsys.readouterr().err == ""


def test_a_mean_is_expected_as_a_number():
    finding = judge(ISM, answers(ISM, lambda value: np.mean(value) + 1))
    assert isinstance(finding.expected, float) and isinstance(finding.got, float)


# --- the verdict alone, where nothing is searched ---------------------------------------------------------------------


@pytest.fixture
def undiagnosed(monkeypatch):
    """What is wrong has no name; what is asked of the diagnosis is kept."""
    kept = []

    def diagnose(function, candidates):
        kept.append((function, candidates))
        return Diagnosis("wrong")

    monkeypatch.setattr(verdict, "diagnose", diagnose)
    for search in ("named", "helped", "_of_the_bank", "held_constant"):
        monkeypatch.setattr(verdict, search, lambda *given: None)
    return kept


def test_what_is_not_said_of_a_function_is_not_so():
    bare = Finding("f", "passed")
    assert dataclasses.astuple(bare)[2:] == ("", (), 0, 0, (), 0.0, "", "", 0, None, None, None, "", None)
    assert verdict.ROUNDOFF == {"float64": U, "float32": U32}


def test_what_precision_numbers_have():
    """float32, if all came so; or if it holds them all, and at least four right values it does not hold."""

    def said(right, *parts):
        return verdict._dtype([(SimpleNamespace(value=np.array(right)), Answer(parts))], np.concatenate(parts))

    single, double = np.float32([0.1, 0.2, 0.3, 0.4, 0.5]), np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    held = single.astype(np.float64)
    assert said(held, single) == "float32" and said(held, single, held) == "float64"
    assert said(double, double) == "float64" == said(double, np.append(held[:4], 0.1))
    assert said(double, held) == "float32" and said(np.append(double[:3], 0.5), np.append(held[:3], 0.5)) == "float64"
    assert said(double, np.append(held[:3], [np.nan, np.inf])) == "float32"
    assert said(double, np.array([0.0, 1.0, 0.5, np.nan, 0.0])) == "float64"  # states of bits say nothing


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_one_number_beyond_its_tolerance_fails(undiagnosed, kind):
    name = kind.__name__
    for by, status in ((0.8, "passed"), (1.5, "failed")):
        finding = judge(ISM, moved(ISM, 3, 2, by, kind))
        assert (finding.status, finding.dtype) == (status, name)
        assert finding.worst == pytest.approx(by, rel=0.3) and finding.reduction == "per row"
        assert finding != dataclasses.replace(finding)  # each is itself, whatever arrays it has
        with pytest.raises(dataclasses.FrozenInstanceError):
            finding.status = "passed"
    (function, (evidence,)), given = undiagnosed[0], moved(ISM, 3, 2, 1.5, kind)
    assert function == ISM and evidence.roundoff == verdict.ROUNDOFF[name]
    assert evidence.answers.tolist() == [one for answer in given.values() for one in answer.parts[0].tolist()]


def test_kinds_of_questions_that_were_never_asked():
    """Three of them are told, and how many more; those about a kind of model are no mistakes of the function."""
    about = {vector.asked.catches for vector in vectors(ISM)}
    others = sorted(one for one in about if not one.startswith("a model built wrongly"))
    models = about - set(others)
    assert len(models) > 1 and len(others) > 5

    def said(*lacking):
        given = {v.asked.id: answers(ISM)[v.asked.id] for v in vectors(ISM) if v.asked.catches not in lacking}
        finding = judge(ISM, given)
        assert finding.asked == len(vectors(ISM)) and finding.questions == len(given)
        first, _, rest = finding.diagnosis.partition("; never asked: ")
        assert first == (f"{34 - len(given)} of 34 questions are not answered" if lacking else "")
        assert finding.status == ("partly" if lacking else "passed")
        *kinds, last = rest.split("; ")
        return {*kinds, last} if "more" not in last else (len(kinds), last)

    assert said() == {""} == said(*models)
    for number in (1, 2, 3):
        assert said(*others[:number]) == set(others[:number])
    assert said(*others[:4], *models) == (3, "and 1 more") and said(*others[:5]) == (3, "and 2 more")
    none = dict.fromkeys((v.asked.id for v in vectors(ISM) if v.asked.catches == others[0]), Answer(unsupported="no"))
    assert judge(ISM, answers(ISM) | none).diagnosis == f"never asked: {others[0]}"


def mixed(monkeypatch, *findings):
    """What becomes of findings (function, status, name), where these conventions are known."""
    known = [
        ("A.f", "c", "here"),
        ("A.g", "c", "here"),
        ("A.h", "c", "here"),
        ("A.k", "d", "there"),
        ("B.f", "c", "here"),
    ]
    known += [("A.f", "d", "there"), ("f", "c", "here"), ("A.l", "c", "there")]
    made = [SimpleNamespace(function=function, name=name, where=where) for function, name, where in known]
    monkeypatch.setattr(verdict, "CONVENTIONS", made)
    given = [Finding(function, status, "so", (name,) * bool(name)) for function, status, name in findings]
    found = consistent(given)
    assert all(one is other for one, other in zip(given, found) if one.status != "convention")
    return next((one.status, one.diagnosis) for one in found if one.function == "A.f")


def test_methods_of_one_class_have_one_convention(monkeypatch):
    """The same place in the text, another method that could have it and has not."""
    one, other = ("A.f", "convention", "c"), "so; but {} not in this convention: two conventions in one class"
    said = lambda *others: mixed(monkeypatch, one, *others)  # noqa: E731
    assert said(("A.g", "passed", "")) == ("failed", other.format("g is"))
    assert said(("A.g", "convention", "x")) == ("failed", other.format("g is"))
    assert said(("A.g", "passed", ""), ("A.h", "passed", "")) == ("failed", other.format("g and h are"))
    fine = "convention", "so"
    assert said() == fine == said(("A.g", "convention", "c"))
    for others in (("A.g", "failed", ""), ("A.k", "passed", ""), ("B.f", "passed", ""), ("A.l", "passed", "")):
        assert said(others) == fine, others
    assert mixed(monkeypatch, ("A.f", "passed", ""), ("A.g", "passed", "")) == ("passed", "so")
    assert mixed(monkeypatch, ("A.f", "convention", "d"), ("A.g", "passed", "")) == fine
    made = consistent([Finding("f", "convention", "so", ("c",)), Finding("A.g", "passed")])
    assert made[0].status == "convention"


def test_an_answer_in_a_longer_one(monkeypatch, undiagnosed):
    """If each is longer in the known way: then the answer in it is examined."""

    def cut(parts, shapes):
        return tuple(part[:-1] for part in parts) if parts[0].shape == (shapes[0][0] + 1,) else None

    monkeypatch.setattr(verdict, "particular", lambda function: Particular(longer=("a zero at the end", cut)))
    longer = {number: Answer((np.append(a.parts[0], 0.0),)) for number, a in answers(ISM).items()}
    finding = judge(ISM, longer)
    assert (finding.status, finding.diagnosis) == ("convention", "equals the reference with a zero at the end")
    wrong = {number: Answer((a.parts[0] + 1,)) for number, a in longer.items()}
    finding = judge(ISM, wrong)
    assert finding.status == "failed" and finding.diagnosis == "wrong; equals the reference with a zero at the end"
    one = judge(ISM, longer | {"05": answers(ISM)["05"]})
    assert one.status == "failed" and one.diagnosis.startswith("returned shape (5,), wanted (4,)")
    assert judge(ISM, answers(ISM)).status == "passed"
    assert judge(ISM, dict.fromkeys(answers(ISM), Answer(problem="no"))).diagnosis == "no (in 34 of 34 questions)"


def test_another_answer_to_the_same_question(undiagnosed):
    """That counts where all else can be judged, of whatever is wrong the first thing."""
    again = {AGAIN: Answer(problem="otherwise")}
    finding = judge(ISM, answers(ISM) | again)
    assert (finding.status, finding.diagnosis, finding.worst) == ("failed", "otherwise", np.inf)
    assert finding.failing is vectors(ISM)[0].asked and finding.questions == 34
    troubled = judge(ISM, answers(ISM) | again | {"03": Answer(problem="no")})
    assert troubled.diagnosis == "no (in 1 of 34 questions)" and troubled.failing is vectors(ISM)[3].asked
    beside = {number: Answer((a.parts[0] + 1,)) for number, a in answers(ISM).items()} | {"03": Answer(problem="no")}
    assert judge(ISM, beside).diagnosis == "no (in 1 of 34 questions; beside that, wrong)"


def test_which_of_mean_and_sum_it_is(undiagnosed):
    """That which is right; where both are, the mean; where none is, that which most answers agree with."""
    alone = [v.asked.id for v in vectors(ISM) if len(v.value) == 1]
    assert judge(ISM, {number: answers(ISM, np.sum)[number] for number in alone}).reduction == "mean"
    for how in (np.mean, np.sum):
        for bad in (np.nan, 7.0):
            finding = judge(ISM, answers(ISM, how) | {"00": Answer((np.array(bad),))})
            assert (finding.status, finding.reduction) == ("failed", how.__name__)
            assert finding.failing is vectors(ISM)[0].asked and finding.worst > 1e6
    orders = [["mean", "sum"]] * 2 + [["sum", "mean"]] * 2  # what is likely comes first: facts are about it
    assert [[one.reduction for one in candidates] for _, candidates in undiagnosed] == orders


def test_small_numbers_that_lose_digits_far_out(monkeypatch, undiagnosed):
    """By how much at most is said; what is wrong beside it fails, if it has a name or none."""
    given, number = moved(ISM, 3, 2, -30.0), vectors(ISM)[5].asked.id
    given[number] = moved(ISM, 5, 1, 9.0)[number]
    given[vectors(ISM)[7].asked.id] = moved(ISM, 7, 1, 0.5)[vectors(ISM)[7].asked.id]
    out = [3, 5]

    def cancelled(evidence):
        wrong = evidence.units > 1
        return wrong & evidence.each(lambda asked: asked.id in [vectors(ISM)[i].asked.id for i in out])

    monkeypatch.setattr(verdict, "cancelled", cancelled)
    finding = judge(ISM, given)
    off = 30 * tolerance(vectors(ISM)[3].scale, U)[2]
    assert off > 9 * tolerance(vectors(ISM)[5].scale, U)[1]
    assert finding.status == "passed" and finding.reduction == "per row"
    assert finding.worst == pytest.approx(0.5, rel=0.2)
    words = "small numbers lose digits, where large ones cancel: roundoff of the form that you use, off by"
    assert finding.diagnosis == f"right to 11 digits at least: {words} {off:.1g} at most, in 2 of 103 numbers"
    assert not undiagnosed
    for search in ("named", "helped"):
        with monkeypatch.context() as patch:
            patch.setattr(verdict, search, lambda function, candidates: Diagnosis("it", ("a", "b", "a"), None, "sum"))
            finding = judge(ISM, given)
            assert (finding.status, finding.diagnosis, finding.names) == ("failed", "it", ("a", "b"))
            assert finding.reduction == "sum" and finding.worst == pytest.approx(30, rel=0.1)
    out.remove(5)
    assert judge(ISM, given).diagnosis == "wrong" and len(undiagnosed) == 1
    assert np.sum(undiagnosed[0][1][0].left_out) == 1


def test_the_first_failing_answer_is_shown_part_by_part():
    """In the shapes in which it came."""
    shapes, numbers = [(2, 1), (2,), (1,)], np.arange(5.0)
    asked = [SimpleNamespace(id=str(i)) for i in range(3)]
    some = [SimpleNamespace(asked=one, value=numbers + 10 * i) for i, one in enumerate(asked)]
    pairs = [(vector, Answer(parts(SimpleNamespace(shapes=shapes), -vector.value))) for vector in some]
    evidence = Evidence(some, "per row", np.zeros(15), U)
    for first, i in ((0, 0), (4, 0), (5, 1), (9, 1), (10, 2), (14, 2)):
        case = verdict._case(evidence, first, pairs)
        assert case["failing"] is asked[i]
        a, b, c, d, e = (numbers + 10 * i).tolist()
        assert case["expected"] == [[[a], [b]], [c, d], [e]] and case["got"] == [[[-a], [-b]], [-c, -d], [-e]]


def test_of_what_is_not_accepted_the_chance_may_be_none():
    """Where the energy of a proposal is none; the state is looked at, and elsewhere all is."""
    some = vectors(STEP)
    given, seen = answers(STEP), []
    for vector in some:
        if {"walls", "holes"} & set(vector.asked.given):
            state, chance = given[vector.asked.id].parts
            assert np.any(chance == 0)
            given[vector.asked.id] = Answer((state, np.where(chance == 0, np.nan, chance)))
            seen.append(vector.asked.id)
    assert len(seen) > 2 and judge(STEP, given).status == "passed"
    problem = Answer((given[seen[0]].parts[0] * np.nan, given[seen[0]].parts[1]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verdict, "diagnose", lambda function, candidates: Diagnosis("wrong"))
        assert judge(STEP, given | {seen[0]: problem}).status == "failed"
        assert verdict._not_accepted(vectors(STEP)[0], given["00"]) is given["00"]
        state, chance = answers(STEP)["00"].parts
        assert judge(STEP, answers(STEP) | {"00": Answer((state, chance * np.nan))}).status == "failed"


# --- gradients, piece by piece ----------------------------------------------------------------------------------------

NEST = {"kind": "rbm", "precision": np.eye(2), "net": (np.ones((2, 1)), np.ones(3)), "b": np.ones(2)}
GRIDS = {
    "grids": ({"kind": "one", "a": np.ones(2)}, {"a": np.ones(3), "inner": {"kind": "two", "precisions": np.ones(2)}})
}


def asked_of(parameters, n=4, **more):
    model = SimpleNamespace(parameters=parameters)
    return SimpleNamespace(arguments={"m": model} | more, model="m", given={"n": n})


def test_gradients_are_told_apart_by_the_names_of_parameters():
    """In the order of the parameters, whatever the order of what came; none is zero, and a kind has none."""
    came = {"b": [9, 10], "net": [[[5], [6]], (7.0, 8.0, np.float32(1))], "precision": [[1, 2], [3, 4]], "kind": "x"}
    assert verdict._aligned(came, NEST).tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 1, 9, 10]
    assert verdict._aligned(came | {"precision": None, "net": ([[1], [2]], None)}, NEST).tolist() == [
        *[0] * 4,
        *(1, 2),
        *[0] * 3,
        *(9, 10),
    ]
    with pytest.raises(ValueError, match=r"^a gradient of shape \(3,\) for a parameter of shape \(2,\)$"):
        verdict._aligned(came | {"b": [1, 2, 3]}, NEST)
    names = [[name for name, _ in verdict._named_arrays(one)] for one in (NEST, GRIDS, {"a": NEST, "c": 1.0})]
    assert names == [["precision", "net", "b"], ["a", "a", "precisions"], ["precision", "net", "b", "c"]]
    wrong = np.arange(11)
    assert verdict._names(asked_of(NEST), wrong == 3) == "precision" == verdict._names(asked_of(NEST), wrong < 4)
    assert verdict._names(asked_of(NEST), (wrong == 4) | (wrong == 10)) == "net, b"
    assert verdict._names(asked_of(NEST), wrong == 8) == "net" and verdict._names(asked_of(NEST), wrong > 8) == "b"
    assert verdict._names(asked_of(GRIDS), np.arange(7) < 5) == "a"  # twice
    words = "precision (4 numbers), net (5 numbers), b (2 numbers)"
    assert verdict._order(asked_of(NEST), "sum") == f"the gradient of the sum of the rows in {words}"


def test_what_is_made_symmetric():
    """Precisions, if they are matrices."""
    numbers = np.arange(11.0)
    assert verdict._symmetric(asked_of(NEST), numbers).tolist() == [0, 1.5, 1.5, 3, *range(4, 11)]
    several = {"means": np.ones((2, 2)), "precisions": np.ones((2, 2, 2)), "precision": np.ones(2)}
    found = verdict._symmetric(asked_of(several), np.arange(14.0)).tolist()
    assert found == [0, 1, 2, 3, 4, 5.5, 5.5, 7, 8, 9.5, 9.5, 11, 12, 13]
    assert verdict._symmetric(asked_of(GRIDS), np.arange(7.0)).tolist() == list(range(7))


def test_errors_of_a_gradient_have_units():
    """Of the sum both the gradient and its tolerance are n times as large."""
    asked, got, wanted, scale = asked_of({}), np.array([8.0, -2.0, np.nan]), np.array([1.0, 2.0, 3.0]), 2.0
    assert verdict._units("mean", 0.5, asked, got, wanted, scale)[:2].tolist() == [7.0, 4.0]
    assert verdict._units("sum", 0.5, asked, got, wanted, scale)[:2].tolist() == [1.0, 2.5]
    assert all(verdict._units(of, 0.5, asked, got, wanted, scale)[2] > 1e308 for of in ("mean", "sum"))


@pytest.mark.parametrize(("factor", "larger"), [(3.0, 3.0), (-0.5, 1.0), (1.0, 1.0)])
def test_the_scale_of_a_gradient_of_a_convention(factor, larger):
    """Larger where the gradient is; beside it, what rounding of that gradient costs."""
    made = Implementation(implicit_score_matching=lambda s, x: factor * refebm.implicit_score_matching(s, x))
    for vector in [one for one in vectors(ISM) if one.gradient is not None][:4]:
        right = verdict._symmetric(vector.asked, vector.gradient)
        wanted, scale = verdict._wanted(vector, SimpleNamespace(implementation=lambda: made))
        np.testing.assert_allclose(wanted, factor * right, rtol=1e-9, atol=1e-12)
        size = np.max(np.abs(wanted))
        np.testing.assert_allclose(scale, vector.gradient_scale * larger + 8 * size, rtol=1e-9)
        assert verdict._wanted(vector, None)[0].tolist() == right.tolist()
        assert verdict._wanted(vector, None)[1] is vector.gradient_scale


@pytest.mark.parametrize("of", [np.mean, np.sum])
def test_of_mean_and_sum_the_gradient_is_that_of_which_fewer_are_wrong(undiagnosed, of):
    """However wrong one is; where as many are, that whose errors are smaller."""
    given = with_gradients(ISM, off=0.5, of=of)
    some = [vector for vector in vectors(ISM) if vector.gradient is not None and vector.asked.given["n"] > 1]
    first = some[2]
    n = first.asked.given["n"] if of is np.sum else 1
    given[first.asked.id] = given[first.asked.id]._replace(gradient=gradient(first, 1e9))
    finding = judge(ISM, given)
    assert finding.failing is first.asked and finding.of.startswith(
        f"the gradient of the {of.__name__} of the rows in "
    )
    wanted = verdict._symmetric(first.asked, first.gradient)
    np.testing.assert_allclose(finding.expected, n * wanted, rtol=1e-15)
    np.testing.assert_allclose(finding.got, 1e9 * wanted, rtol=1e-15)
    assert finding.worst > 1e6 and finding.gradients == sum(v.gradient is not None for v in vectors(ISM))
    only = {v.asked.id: answers(ISM)[v.asked.id] for v in vectors(ISM)} | {first.asked.id: given[first.asked.id]}
    only[first.asked.id] = only[first.asked.id]._replace(gradient=gradient(first, 1.1 * n))
    assert judge(ISM, only).of.startswith(f"the gradient of the {of.__name__} of")
    assert judge(ISM, only).gradients == 1


def test_which_of_mean_and_sum_a_gradient_is_of(undiagnosed):
    """Two are that of the mean but for a little more than a tolerance, one that of the sum: fewer are wrong for it."""
    some = [vector for vector in vectors(ISM) if vector.gradient is not None and vector.asked.given["n"] == 4][:3]

    def said(*told):
        given = answers(ISM)
        for vector, of in zip(some, told):
            theirs = SimpleNamespace(asked=vector.asked, gradient=of(vector, vector.asked.given["n"]))
            given[vector.asked.id] = given[vector.asked.id]._replace(gradient=gradient(theirs))
        return judge(ISM, given).of.split()[4]

    def near(factor, off):
        return lambda v, n: v.gradient * (n if factor else 1) + off * 64 * U * v.gradient_scale * (n if factor else 1)

    def but_one(v, n):
        return np.where(np.arange(len(v.gradient)) == len(v.gradient) - 1, 1, 1.1 * n) * v.gradient

    assert said(near(0, 1.5), near(0, 1.5), near(1, 0.0)) == "sum"
    assert said(near(0, 10.0), near(1, 20.0)) == "sum"  # as many, and less wrong
    assert said(but_one) == "sum" and some[0].gradient[-1]  # though one number of it is that of the mean


def test_a_gradient_at_its_tolerance_is_right(undiagnosed, monkeypatch):
    """Entries and questions beyond theirs are told, by however little."""
    some = [vector for vector in vectors(ISM) if vector.gradient is not None]
    error = {}

    def units(of, tolerance, asked, got, wanted, scale):
        sizes = np.ones(len(got))
        for place, size in error.get(asked.id, {}).items():
            sizes[place] = size
        return sizes

    monkeypatch.setattr(verdict, "_units", units)
    assert judge(ISM, with_gradients(ISM)).status == "passed" and judge(ISM, with_gradients(ISM)).worst == 1.0
    third = next(vector for vector in some[2:] if len(gradient(vector)) > 1)
    error[third.asked.id] = {-1: 1.25}
    finding = judge(ISM, with_gradients(ISM))
    assert finding.status == "failed" and finding.failing is third.asked
    assert finding.diagnosis.startswith(
        f"the value is right, its gradient in the parameters is wrong in {list(gradient(third))[-1]}:"
    ) or finding.diagnosis.endswith(f"wrong in {list(gradient(third))[-1]}")
    monkeypatch.setattr(verdict, "held_constant", lambda function, of, made, fits, means: kept.append(fits))
    kept = []
    verdict._without_gradient(ISM, None, [], [(third.asked, np.ones(2), None, 1.0)], ("mean",), 1.0)
    del error[third.asked.id]
    assert kept[0]([np.ones(2)], "mean")


def test_a_gradient_that_is_not_nested_like_the_parameters(undiagnosed):
    first = next(vector for vector in vectors(ISM) if vector.gradient is not None)
    for bad in ({}, {"x": 1.0}, 3.0):
        given = answers(ISM)
        given[first.asked.id] = given[first.asked.id]._replace(gradient=bad)
        finding = judge(ISM, given)
        assert finding.status == "failed" and finding.failing is first.asked and finding.worst == np.inf
        said = "the value is right, its gradients are not nested like the parameters: "
        assert finding.diagnosis.startswith(said) and "\n" not in finding.diagnosis


def test_what_is_asked_of_what_is_held_constant(undiagnosed, monkeypatch):
    """Gradients of the mean; whether others are the user's, within the tolerance, or a helper's, which is rough."""
    asked, kept = [], {}

    def held_constant(function, convention, gradients, fits, means):
        kept.update(gradients=gradients, fits=fits, means=means)
        return asked[0]

    monkeypatch.setattr(verdict, "held_constant", held_constant)
    monkeypatch.setattr(verdict, "how_wrong", lambda compared: "")
    some = [vector for vector in vectors(ISM) if vector.gradient is not None]
    asked[:] = [""]
    given = with_gradients(ISM, 0.7, of=np.sum)
    assert judge(ISM, given).diagnosis.endswith(", ".join(list(gradient(some[0]))))
    asked[:] = ["it is held"]
    assert judge(ISM, given).diagnosis.endswith(": it is held")
    each = [verdict._symmetric(vector.asked, vector.gradient) for vector in some]
    for mine, right, of_sum in zip(kept["gradients"](verdict.REFERENCE), each, kept["means"]["sum"]):
        np.testing.assert_allclose(mine, right, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(of_sum, 0.7 * right, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(kept["means"]["mean"][0], 0.7 * len(some[0].value) * each[0], rtol=1e-12, atol=1e-12)
    theirs = [0.7 * one for one in each]
    assert kept["fits"](theirs, "sum") and not kept["fits"](theirs, "mean")
    for by, fits in ((0.9, True), (1.1, False)):
        last = theirs[-1] + by * 64 * U * some[-1].gradient_scale * (np.arange(len(theirs[-1])) == 0)
        assert kept["fits"]([*theirs[:-1], last], "sum") == fits


def test_a_replaced_helper_is_another_one_far_off(monkeypatch):
    """Its gradients are those of a user's within 2^24 tolerances."""
    kept = {}

    def held_constant(function, convention, gradients, fits, means):
        kept.update(fits=fits)

    monkeypatch.setattr(verdict, "held_constant", held_constant)
    one = np.array([1.0, 2.0])
    compared = [(asked_of({}), one, None, 1.0)]
    for convention, rough in ((Built(Implementation()), 2.0**24), (SimpleNamespace(), 1.0), (None, 1.0)):
        assert verdict._without_gradient(ISM, convention, [], compared, ("mean",), 2.0**-40) == ""
        for by, fits in ((0.9, True), (1.1, False)):
            assert kept["fits"]([one + by * rough * 2.0**-40], "mean") == fits


def test_the_one_mistake_that_has_the_right_value_and_this_gradient(monkeypatch):
    """In each question; of the mean or the sum, within the tolerance of its terms and of itself."""
    value = np.array([1.0, 2.0])
    values = {"a": value, "b": value - [0, -(2.0**-44)], "c": value - [0, 2.0**-44], "other": value - [0, 2.0**-45]}
    slope = {"a": np.array([1.0, -4.0]), "b": np.full(2, 2.0), "c": np.full(2, 2.0), "other": np.full(2, 3.0)}
    slope["half"] = np.full(2, 2.0)
    functions = dict.fromkeys(slope, "f") | {"of another": "g"}
    made = [
        SimpleNamespace(function=f, name=name, implementation=lambda name=name: name) for name, f in functions.items()
    ]

    def ask(function, impl, arguments):
        return value + arguments["second"] if impl == "half" else values[impl]  # right in one question

    monkeypatch.setattr(verdict, "WRONG", made)
    monkeypatch.setattr(verdict, "ask", ask)
    monkeypatch.setattr(verdict, "reference_gradient", lambda asked, impl: slope[impl])
    asked, second = (asked_of({"p": np.ones(2)}, second=i) for i in (0, 1))
    told = [(SimpleNamespace(asked=one, value=value, scale=np.array([1.0, 4.0])), None) for one in (asked, second)]

    def said(*got, kinds=("mean", "sum")):
        compared = [(asked, np.array(one), None, np.array([1.0, 0.5])) for one in got]
        found = verdict._of_the_bank("f", told, compared, kinds, 2.0**-20)
        return found and found.name

    right, first = slope["a"], np.array([1, 0]) * 2.0**-20
    assert (
        said(right, right) == "a" == said(4 * right, 4 * right) and said(4 * right, 4 * right, kinds=("mean",)) is None
    )
    assert said(right, slope["b"]) is None and said(slope["b"], slope["b"]) is None  # its value is not right
    assert said(slope["other"], slope["other"]) == "other" and said(right, 4 * right) is None
    for by, name in ((9.0, "a"), (-9.0, "a"), (9.25, None), (-9.25, None)):
        assert said(right, right + by * first) == said(4 * right, 4 * right + 4 * by * first) == name
    for by, name in ((32.5, "a"), (32.75, None)):
        assert said(right, right + by * first[::-1]) == name
    slope["other"] = right
    assert said(right, right) is None  # two of them
    values["other"] = np.array([1.0, 3.0])
    assert said(right, right) == "a"


# --- gradients in points that a sampler made --------------------------------------------------------------------------

BOUND, CD = "variational_bound", "contrastive_divergence"


def in_points(function, name, slope, off=0.0, of=np.mean):
    """Right answers, and gradients: in the parameters, and, of each vector, in the points of this name."""
    given = with_gradients(function, of=of)
    for vector in vectors(function):
        if vector.gradient is not None:
            n = 1 if of is np.mean else vector.asked.given["n"]
            scale = verdict._in_points(vector.asked, name, verdict.REFERENCE)[1]
            points = n * (slope(vector.asked) + off * 64 * U * scale * (np.arange(vector.asked.given["d"]) == 0))
            told = given[vector.asked.id]
            given[vector.asked.id] = told._replace(gradient=told.gradient | {FLOW: {name: points}})
    return given


def slopes(asked):
    """Of the mean of E(y) + log q(y), in y, of each of both."""
    energy, law = (verdict.REFERENCE.energy(asked.arguments["energy"]), asked.arguments["log_q"])
    y = asked.arguments["y"]
    return -refebm.score_of(energy)(y) / len(y), refebm.score_of(lambda x: -law(x))(y) / len(y)


def test_the_scale_of_a_gradient_in_points():
    """Eight times its size, that of its terms, what a move of the points by 2^-26 of themselves does; the largest."""
    for vector in [one for one in vectors(BOUND) if one.gradient is not None][:4]:
        y = vector.asked.arguments["y"]
        of_energy, of_law = slopes(vector.asked)
        wanted, scale = verdict._in_points(vector.asked, "y", verdict.REFERENCE)
        np.testing.assert_allclose(wanted, of_law + of_energy, rtol=1e-12, atol=1e-14)
        further = SimpleNamespace(arguments=vector.asked.arguments | {"y": y * (1 + NUDGE)})
        moved = sum(slopes(further)) - wanted
        size = 8 * np.abs(wanted) + np.abs(of_energy) + np.abs(of_law) + np.abs(moved) / NUDGE
        assert scale == pytest.approx(np.max(size), rel=1e-6)
    assert len(TERMS[BOUND]) == 3


@pytest.mark.parametrize("of", [np.mean, np.sum])
def test_gradients_flow_where_they_must(of):
    right = lambda asked: sum(slopes(asked))  # noqa: E731
    assert judge(BOUND, in_points(BOUND, "y", right, of=of)).status == "passed"
    assert judge(BOUND, in_points(BOUND, "y", right, -0.9, of)).status == "passed"
    wrong = judge(BOUND, in_points(BOUND, "y", right, -1.1, of))
    first = next(vector.asked for vector in vectors(BOUND) if vector.gradient is not None)
    assert wrong.diagnosis == "the value is right, but its gradient in y is wrong"
    assert (wrong.status, wrong.worst, wrong.names) == ("failed", np.inf, ()) and wrong.failing is first
    assert wrong.of == f"the gradient of the {of.__name__} of the rows in y"
    n = 1 if of is np.mean else first.given["n"]
    np.testing.assert_allclose(wrong.expected, n * right(first), rtol=1e-12, atol=1e-14)
    assert np.sum(np.array(wrong.got) != np.array(wrong.expected)) >= len(wrong.got)
    held = judge(BOUND, in_points(BOUND, "y", lambda asked: 0 * right(asked), of=of))
    assert held.diagnosis == "the value is right, but no gradient flows through y, but one must: do not detach it"
    for off, words in ((0.9, ": none flows through it in log q(y), but one must"), (1.1, "")):
        lost = judge(BOUND, in_points(BOUND, "y", lambda asked: slopes(asked)[0], off, of))
        assert lost.diagnosis == f"the value is right, but its gradient in y is wrong{words}"
    nan = judge(BOUND, in_points(BOUND, "y", lambda asked: np.nan * right(asked), of=of))
    assert nan.diagnosis == "the value is right, but its gradient in y is wrong"


def test_where_a_gradient_in_points_is_zero_in_places(monkeypatch):
    """It is held, or stopped, where all of it is."""
    wanted = np.array([[0.0, 1.0], [2.0, 0.0]])
    monkeypatch.setattr(verdict, "_in_points", lambda asked, name, impl: (wanted, 1.0))
    vector = next(vector for vector in vectors(BOUND) if vector.gradient is not None)

    def said(got, where=wanted):
        wanted[:] = where
        told = [(vector, Answer((), gradient={FLOW: {"y": np.array(got)}}))]
        found = verdict._flowing(Finding(CD, "passed"), told, None, "mean", 2.0**-40, "its value, but its gradient")
        return found.status == "failed" and found.diagnosis.removeprefix("its value, but ")

    assert not said(wanted) and said(0 * wanted) == "no gradient flows through y, but one must: do not detach it"
    assert said([[0.0, 1.0], [1.0, 0.0]]) == "its gradient in y is wrong" == said([[1.0, 1.0], [1.0, 1.0]])
    assert said([[0.0, 1.0], [1.0, 0.0]], 0).startswith("a gradient flows to y, which is held constant")
    assert not said([[0.0, 0.0], [0.0, 2.0**-40]], 0) and said([[0.0, 0.0], [0.0, -(2.0**-39)]], 0)


def test_which_term_is_stopped(monkeypatch):
    """The one whose gradient is missing, in each number and within what is allowed; one that has none is not."""
    lost = {"a": np.zeros((2, 2)), "b": np.array([[1.0, 0.0], [0.0, 1.0]]), "c": np.ones((2, 2))}
    terms = [SimpleNamespace(words=name, implementation=lambda name=name: name) for name in lost]
    monkeypatch.setattr(verdict, "_in_points", lambda asked, name, impl: (lost[impl], 1.0))
    monkeypatch.setattr(verdict, "TERMS", {BOUND: terms})
    asked, wanted = SimpleNamespace(function=BOUND), np.array([[3.0, 1.0], [0.0, 2.0]])

    def said(got):
        return verdict._stopped(asked, "y", got, wanted, 0.5)

    one = np.array([[1.0, 0.0], [0.0, 0.0]])
    assert (
        said(wanted - lost["b"]) == ": none flows through it in b, but one must" == said(wanted - lost["b"] + 0.5 * one)
    )
    assert said(wanted - lost["b"] + 0.625 * one) == "" == said(wanted - lost["b"] - 0.625 * one)
    assert said(wanted) == "" and said(wanted - lost["c"]) == ": none flows through it in c, but one must"
    asked.function = CD
    assert said(wanted - lost["b"]) == ""


def test_gradients_flow_nowhere_else():
    """A mistake with a name in the bank, if that function has it."""
    zero = lambda asked: 0 * asked.arguments["x_model"]  # noqa: E731
    assert judge(CD, in_points(CD, "x_model", zero)).status == "passed"
    flows = in_points(CD, "x_model", lambda asked: 1 + zero(asked))
    finding = judge(CD, flows)
    said = "the value is right, but a gradient flows to x_model, which is held constant: detach it"
    (entry,) = (one for one in WRONG if (one.function, one.name) == (CD, verdict.FLOWS))
    assert finding.diagnosis == f"{said} ({'; '.join(filter(None, ['bug', entry.seen]))})"
    assert finding.status == "failed" and finding.names == (verdict.FLOWS,)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verdict, "WRONG", [dataclasses.replace(entry, seen="")])
        assert judge(CD, flows).diagnosis == f"{said} (bug)"
        patch.setattr(verdict, "WRONG", [one for one in WRONG if one.function != CD])
        assert (judge(CD, flows).diagnosis, judge(CD, flows).names) == (said, ())
