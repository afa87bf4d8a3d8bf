"""From answers to a finding: one number beyond its own tolerance fails, and what is said of it; answers are arrays."""

import sys
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from autograd import grad, tracer

from refebm.crosscheck.adapter import Answer
from refebm.crosscheck.evidence import Evidence
from refebm.crosscheck.patience import frugal, patient
from refebm.crosscheck.questions import EXAMINED, questions
from refebm.crosscheck.vectors import leaves, plain, reference_gradient, shaped, tolerance, vectors, without_kinds
from refebm.crosscheck.verdict import how_wrong, judge
from refebm.variants import WRONG

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
        assert evidence.holds == holds
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
    assert judge(ISM, both).diagnosis.startswith("raises KeyError (in 1 of 34 questions; beside that, equals 3 x")
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
    words = "returned shape (4,) and (4, 3), wanted (4, 3) and (4,) (in 1 of 32 questions)"
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
    before = tracer.new_box
    with patient(1000):
        assert slope(1.0) == 400.0
    with patient(100), pytest.raises(TimeoutError):
        slope(1.0)
    assert slope(1.0) == 400.0 and tracer.new_box is before


@pytest.mark.parametrize("allowed", [2**20, 2**30])
def test_a_candidate_of_the_diagnosis_gets_no_more_memory(allowed):
    """A mistake in a size asked for 23 GB."""
    refused = sys.platform == "linux" and allowed < 2**27
    with frugal(allowed), pytest.raises(MemoryError) if refused else nullcontext():
        np.ones(2**24)
    assert np.ones(2**24)[-1] == 1.0


def test_what_a_wrong_version_prints_is_not_the_users(capsys):
    from refebm.crosscheck import diagnosis, verdict

    def diagnose(function, candidates):
        print("1 of False steps", file=sys.stderr)
        return diagnosis.Diagnosis("?", (), None, "")

    asked = questions("tweedie_mean")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verdict, "diagnose", diagnose)
        finding = judge("tweedie_mean", {one.id: Answer((one.arguments["y"],)) for one in asked})
    assert finding.status == "failed" and capsys.readouterr().err == ""


def test_a_mean_is_expected_as_a_number():
    finding = judge(ISM, answers(ISM, lambda value: np.mean(value) + 1))
    assert isinstance(finding.expected, float) and isinstance(finding.got, float)
