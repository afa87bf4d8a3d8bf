"""What is said of wrong answers without a name, and when it is not said."""

from types import SimpleNamespace

import numpy as np
import pytest

from refebm.crosscheck.adapter import Answer
from refebm.crosscheck.evidence import Evidence
from refebm.crosscheck.facts import EXCEPTIONS, WORDS, cancelled, facts, spread
from refebm.crosscheck.questions import Asked
from refebm.crosscheck.vectors import Vector, reference_gradient, tolerance, vectors
from refebm.crosscheck.verdict import judge
from refebm.identities import REFERENCE
from refebm.variants import WRONG
from refebm.variants.arguments import GRID, ask, flat
from tests.test_verdict import ISM, STEP, U, answers, gradient

SOME = list(vectors(ISM))
RIGHT = np.concatenate([vector.value for vector in SOME])


def evidence(got):
    return Evidence(SOME, "per row", got, U)


def of_rows(value):
    """A number of each question's row, once for each row."""
    return np.concatenate([value(vector.asked) * np.ones(len(vector.value)) for vector in SOME])


def test_from_which_point_on_numbers_are_none():
    """The largest coordinate of each row counts, whatever its sign: most of those at the bound are negative."""
    largest = of_rows(lambda asked: np.max(np.abs(asked.arguments["x"]), axis=1))
    lowest = of_rows(lambda asked: np.min(asked.arguments["x"], axis=1))
    bound = max(size for size, low in zip(largest, lowest) if size == -low and size < np.max(largest))
    said = facts(evidence(np.where(largest >= bound, np.nan, RIGHT)))
    assert f"NaN from |x| = {bound:.3g} on" in said


def test_errors_grow_with_a_number_if_each_level_has_more():
    d = of_rows(lambda asked: asked.given["d"])
    levels = sorted(set(d))
    assert len(levels) > 2

    def said(*tolerances):
        size = np.array([tolerances[levels.index(one)] for one in d])
        return facts(evidence(RIGHT + size * evidence(RIGHT).allowed))

    assert "the error grows with d" in said(*(100.0**i for i in range(1, len(levels) + 1)))
    assert not any("grows with d" in fact for fact in said(1e3, 10.0, *(1e5**i for i in range(1, len(levels) - 1))))


def test_a_part_is_wrong_where_there_are_others():
    """Not where it came alone."""
    alone = {number: Answer((a.parts[0] + 1,)) for number, a in answers(STEP).items()}
    assert "wrong in the states only" not in judge(STEP, alone).diagnosis
    both = {number: Answer((a.parts[0] + 1, *a.parts[1:])) for number, a in answers(STEP).items()}
    assert "wrong in the states only" in judge(STEP, both).diagnosis


def nested(vector, flat_gradient):
    """A gradient in the shape of the parameters."""
    return gradient(vector, 0.0, flat_gradient)


def test_the_gradient_of_a_mistake_names_it_if_its_value_is_right():
    """The right value with the gradient of a mistake whose own value is at most twice as large: that is no name."""
    for mistake in (one for one in WRONG if one.function == ISM):
        impl = mistake.implementation()
        given = answers(ISM)
        for vector in SOME:
            if vector.gradient is not None:
                off = np.abs(flat(ask(ISM, impl, vector.asked.arguments)) - vector.value)
                if np.all(off <= np.abs(vector.value)) and np.any(off > 1e-6):
                    wrong = reference_gradient(vector.asked, impl)
                    given[vector.asked.id] = given[vector.asked.id]._replace(gradient=nested(vector, wrong))
        finding = judge(ISM, given)
        assert not finding.names, mistake.name


def test_the_gradient_of_a_convention_has_the_tolerance_of_its_size():
    """Twice the value, and twice the gradient but for ten tolerances of that: where it is large, as elsewhere."""
    vector = max((v for v in SOME if v.gradient is not None), key=lambda v: np.max(np.abs(v.gradient)))
    assert np.max(np.abs(vector.gradient)) > 10
    allowed = 64 * U * (2 * vector.gradient_scale + 16 * np.max(np.abs(vector.gradient)))
    for by, status in ((0.9, "convention"), (10.0, "failed")):
        given = {number: Answer((2 * a.parts[0],)) for number, a in answers(ISM).items()}
        told = gradient(vector, 2.0, by * allowed)
        given[vector.asked.id] = given[vector.asked.id]._replace(gradient=told)
        assert judge(ISM, given).status == status


# --- questions that are made, so that it is known what tells them apart -----------------------------------------------


def question(number, n=4, d=3, function=ISM, shapes=None, arguments=(), **given):
    """Its right values are 1, 2, 3 ..., of scale 1; its points are its own."""
    x = np.random.default_rng(number).normal(size=(n, d))
    about = {"d": d, "n": n, "kind": "", "reach": 1, "seed": number, "grid": GRID} | given
    asked = Asked(function, f"{number:02d}", {"x": x} | dict(arguments), "", number % 2 == 1, False, about)
    shapes = [(n,)] if shapes is None else shapes
    size = sum(int(np.prod(shape)) for shape in shapes)
    return Vector(asked, shapes, 1.0 + np.arange(size), np.ones(size))


def off(some, by, left_out=None):
    """The right answers, off by so many tolerances: of each question, or of each of its numbers."""
    value = np.concatenate([vector.value for vector in some])
    wrong = np.concatenate([by(vector) * np.ones(len(vector.value)) for vector in some])
    allowed = tolerance(np.concatenate([vector.scale for vector in some]), U)
    return Evidence(list(some), "per row", value + wrong * allowed, U, left_out)


def test_what_is_right_or_left_out_is_no_fact():
    some = [question(i) for i in range(3)]
    assert facts(off(some, lambda vector: 0)) == ["0 of 12 numbers are wrong"]
    assert facts(off(SOME, lambda vector: 0)) == [f"0 of {len(RIGHT)} numbers are wrong"]
    left_out = np.arange(12) < 5
    by = lambda vector: 3.0 * (np.arange(4) == 1)  # noqa: E731
    assert facts(off(some, by, left_out))[-1] == "2 of 7 numbers are wrong"
    assert facts(off(some, lambda vector: 1.0)) == ["0 of 12 numbers are wrong"]  # the tolerance itself
    assert facts(off(some, lambda vector: 1.25))[-1] == "12 of 12 numbers are wrong"


def minus(some, right=(), others=()):
    """Minus the right answers, but at these places; beside it, these are wrong in another way."""
    evidence = off(some, lambda vector: 0)
    kept = np.isin(np.arange(len(evidence.answers)), right)
    evidence.answers[:] = np.where(kept, evidence.answers, -evidence.answers)
    evidence.answers[list(others)] = 0.25
    return evidence


def test_what_is_turned():
    """Three are minus the right ones, and nothing else is wrong, though not all of them."""
    some, words = [question(0), question(1)], "the wrong numbers are minus the right ones"
    for right, others, said in (
        (range(5), (), True),  # of eight, three
        (range(6), (), False),  # two say nothing
        ((), (), False),  # all of them: a sign
        (range(4), (6,), False),
        ((0,), (), True),
    ):
        told = facts(minus(some, right, others))
        assert (words in told) == said, (right, others)
    evidence = minus(some, range(5))
    evidence.answers[7] -= evidence.allowed[7]
    assert words in facts(evidence)
    evidence.answers[7] -= 0.25 * evidence.allowed[7]
    assert words not in facts(evidence)
    for beside, said in ((1.0, True), (1.5, False)):
        evidence = minus(some, range(5))
        evidence.answers[0] += beside * evidence.allowed[0]
        assert (words in facts(evidence)) == said


def test_what_has_no_negative_number_is_an_absolute_value():
    some = [question(0), question(1)]
    for vector in some:
        vector.value[:] = [-1, 0, -2, -3]  # 0 is none
    words = "the wrong numbers are minus the right ones"
    assert f"{words}, none is negative: an absolute value?" in facts(minus(some))
    assert words in facts(minus(some, (0,)))
    nowhere = minus(some, (0,))
    hidden = Evidence(some, "per row", nowhere.answers, U, np.arange(8) == 0)
    assert f"{words}, none is negative: an absolute value?" in facts(hidden)


def depending(*values, apart=1.1, got=(0.0, 0.0, 0.0, 0.0)):
    """Questions at x, alike but for `tau` in two pairs; right values of each pair are apart by tolerances of both."""
    some = []
    for number, (tau, value) in enumerate(zip((1.0, 2.0, 1.0, 2.0), values)):
        vector = question(number, arguments={"tau": tau, "m": number // 2}.items())
        vector.asked.arguments["x"] = np.ones((4, 3))
        vector.value[:] = [1, 2, 3, 4 + value * apart * 2 * tolerance(1.0, U)]
        some.append(vector)
    answers = np.concatenate([np.full(4, 7.0 + one) for one in got])
    return Evidence(some, "per row", answers, U)


def test_an_argument_that_does_not_matter():
    """Where right answers differ, in one number at least, by more than both tolerances; and those that came do not."""
    words = "the answer does not depend on tau"
    assert words in facts(depending(0, 1, 0, 1))
    assert words in facts(depending(0, 0, 0, 1))
    assert words not in facts(depending(0, 1, 0, 1, apart=1.0))
    narrow = depending(0, 1, 0, 1, apart=1.0)
    for vector in narrow.vectors:
        vector.scale[0] = 1e-3
    assert words not in facts(narrow)
    assert words not in facts(depending(0, 1, 0, 1, got=(0.0, 1e-9, 0.0, 0.0)))
    assert words not in facts(depending(0, 1, 0, 1, got=(0.0, 0.0, 0.0, 1e-9)))
    assert words in facts(depending(0, 1, 0, 1, got=(0.0, 0.0, 1.0, 1.0)))  # m may matter
    assert not any("depend" in fact for fact in facts(off([question(i) for i in range(4)], lambda vector: 3.0)))


def test_what_is_said_of_a_row_is_said_of_its_numbers():
    """In each part of an answer; nothing, where there are other numbers than rows."""
    row, one = (lambda asked: np.arange(4) + asked.given["seed"]), (lambda asked: asked.given["seed"])

    def said(of, shapes, reduction="per row"):
        some = [question(0, shapes=shapes), question(7, shapes=shapes)]
        size = len(some[0].value) if reduction == "per row" else 1
        found = spread(Evidence(some, reduction, np.zeros(2 * size), U), of).tolist()
        assert len(found) == 2 * size
        return found[:size], found[size:]

    assert said(one, [(4,)]) == ([0] * 4, [7] * 4) and said(one, [(4, 2), (4,)]) == ([0] * 12, [7] * 12)
    assert said(row, [(4,)]) == ([0, 1, 2, 3], [7, 8, 9, 10])
    assert said(row, [(4, 2)])[0] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert said(row, [(4, 2), (4,)])[1] == [7, 7, 8, 8, 9, 9, 10, 10, 7, 8, 9, 10]
    assert said(row, [(4,), (4, 1, 3)])[0] == [0, 1, 2, 3, *[0] * 3, *[1] * 3, *[2] * 3, *[3] * 3]
    for shapes in ([(6,)], [(3,)], [(4, 2), (3,)], [(3,), (5,)], [()]):
        assert set(said(row, shapes)[0]) == {None}
    assert said(row, [(4,)], "mean") == said(row, [(4,)], "sum") == ([None], [None])


PLACES = {  # what is said of a function, and of which of its rows, or questions
    "wrong for a row alone, n = 1 only": (ISM, lambda given: len(given["x"]) == 1),
    "wrong where d is 1 only": (ISM, lambda given: given["x"].shape[1] == 1),
    "wrong where n equals d only": (ISM, lambda given: given["x"].shape[0] == given["x"].shape[1]),
    "wrong where a row is not the first (does it depend on those before?) only": (
        ISM,
        lambda given: np.arange(len(given["x"])) > 0,
    ),
    "wrong where T is odd only": ("autocovariance", lambda given: len(given["x"]) % 2 == 1),
    "wrong where i is 0 only": ("ddpm_loss", lambda given: given["i"] == 0),
    "wrong where nu is 1 only": ("noise_contrastive", lambda given: len(given["y"]) == 1),
    "wrong where steps in time are equal only": (
        "predictor_corrector",
        lambda given: len(given["times"]) > 2 and np.ptp(np.diff(given["times"])) == 0,
    ),
    "wrong far out only": (ISM, lambda given: np.max(np.abs(given["x"])) > 8),
    "wrong where the energy of a proposal is infinite, or NaN only": (STEP, {"walls", "holes"}),
    "wrong where the energy of a proposal is infinite only": (STEP, {"walls"}),
    "wrong where the energy of a proposal is NaN only": (STEP, {"holes"}),
    "wrong where inputs have more digits than float32 holds (is one cast on its way?) only": (
        ISM,
        lambda given: np.any(np.float32(given["x"]) != given["x"]),
    ),
}


def there(place):
    """The questions of a function; and of each number whether it is at a place."""
    function, holds = PLACES[place]
    some, masks = list(vectors(function)), []
    for vector in some:
        where = holds & set(vector.asked.given) if isinstance(holds, set) else holds(vector.asked.arguments)
        whole = np.full(len(vector.value), bool(where)) if np.ndim(where) == 0 else where
        masks.append(np.repeat(whole, len(vector.value) // len(whole)))
    mask = np.concatenate(masks)
    assert np.any(mask) and not np.all(mask)
    return some, mask


@pytest.mark.parametrize("place", PLACES)
def test_where_alone_numbers_are_wrong(place):
    some, mask = there(place)
    right = off(some, lambda vector: 0)
    said = facts(Evidence(some, "per row", right.answers + 3 * mask * right.allowed, U))
    assert place in said, said
    assert sum(fact.startswith(("wrong", "right")) for fact in said) == 1
    outside = int(np.argmin(mask))  # one more is wrong, not there
    more = right.answers + 3 * (mask | (np.arange(len(mask)) == outside)) * right.allowed
    assert place not in facts(Evidence(some, "per row", more, U))


@pytest.mark.parametrize("place", PLACES)
def test_numbers_at_a_place_may_be_set_apart(place):
    some, mask = there(place)
    (found,) = (of for words, of in EXCEPTIONS if place in (f"wrong where {words} only", WORDS.get(words)))
    assert found(off(some, lambda vector: 0)).tolist() == mask.tolist()


@pytest.mark.parametrize("place", PLACES)
def test_where_alone_numbers_are_right(place):
    """Not of what is rejected whatever the ratio is."""
    some, mask = there(place)
    right = off(some, lambda vector: 0)
    said = facts(Evidence(some, "per row", right.answers + 3 * ~mask * right.allowed, U))
    words = {
        "wrong for a row alone, n = 1 only": "right where n is 1",
        "wrong far out only": "right where points are far out",
    }.get(place, place.replace("wrong", "right").removesuffix(" only"))
    assert (words in said) == ("of a proposal" not in place), said


def told(some, by, left_out=None):
    """What is said of where numbers are wrong, or right."""
    return [fact for fact in facts(off(some, by, left_out)) if fact.startswith(("wrong", "right"))]


def at(name, *levels):
    return lambda vector: 3.0 * (vector.asked.given[name] in levels)


def test_the_smallest_place_is_said():
    """Of numbers that all questions give; those that some do not give say nothing."""
    some = [question(i, tau=i % 3, rho=i % 2) for i in range(12)]
    assert told(some, at("tau", 1)) == ["wrong where tau is 1 only"]
    assert told(some, at("tau", 0, 2)) == ["right where tau is 1"]
    for elsewhere, said in ((1.0, ["wrong where tau is 1 only"]), (1.5, ["right where tau is 2"])):
        by = lambda v, e=elsewhere: 1.5 if v.asked.given["tau"] == 1 else e * (v.asked.given["seed"] == 3)  # noqa: E731
        assert told(some, by) == said
    assert told(some, lambda vector: 3.0 * (vector.asked.given["tau"] == 1 and vector.asked.given["rho"])) == []
    names = ["rho", "tau"] if told(some, at("rho", 1)) else []
    assert names and told(some, at("rho", 1)) == ["right where rho is 0"]
    del some[5].asked.given["tau"]
    assert told(some, at("rho", 1)) == ["right where rho is 0"]
    assert told([*some[:5], *some[6:]], at("tau", 1)) == ["wrong where tau is 1 only"]
    partly = lambda vector: 3.0 * (vector.asked.given.get("tau") == 1)  # noqa: E731
    assert told(some, partly) == []


def test_places_that_explain_as_much_are_not_said():
    """Two features with as many numbers, which are others: none; with the same numbers: the first."""
    some = [question(i, tau=1 if i < 4 else 2 + i % 2, rho=1 if i in (0, 1, 2, 4) else 2 + i % 3) for i in range(16)]
    both = lambda vector: 3.0 * (vector.asked.given["seed"] < 3)  # noqa: E731
    assert told(some, both) == []
    del some[4]
    assert told(some, both) == ["wrong where rho is 1 only"]
    same = [question(i, tau=i % 4, rho=i % 4 + 1) for i in range(16)]
    assert told(same, at("tau", 1)) == ["wrong where tau is 1 only"]


def share(*wrong):
    """Of each question where tau is 1, so many of ten numbers are wrong."""
    some = [question(i, n=10, tau=i % 3) for i in range(9)]
    return told(some, lambda v: 3.0 * (np.arange(10) < wrong[v.asked.given["seed"] // 3]) * (v.asked.given["tau"] == 1))


def test_most_of_the_numbers_there_are_wrong():
    """More than a half."""
    assert share(6, 5, 5) == ["wrong where tau is 1 only"] and share(5, 5, 5) == []
    some = [question(i, n=10, tau=i % 3) for i in range(9)]

    def right_there(few):
        wrong = lambda v: 3.0 * (np.arange(10) < few) * (v.asked.given["tau"] != 1)  # noqa: E731
        return told(some, wrong)

    assert right_there(6) == ["right where tau is 1"] and right_there(5) == []


def test_one_number_says_enough_where_questions_are_there_for_it():
    far = [question(i, n=10, reach=16 if i % 3 == 1 else 1) for i in range(9)]
    one = lambda v: 3.0 * (np.arange(10) == 4) * (v.asked.given["reach"] > 1)  # noqa: E731
    assert told(far, one) == ["wrong far out only"]
    digits = [question(i, n=10, grid=48 if i % 3 == 1 else GRID) for i in range(9)]
    one = lambda v: 3.0 * (np.arange(10) == 4) * (v.asked.given["grid"] == 48)  # noqa: E731
    words = "wrong where inputs have more digits than float32 holds (is one cast on its way?) only"
    assert told(digits, one) == [words]
    rows = [question(i, n=10) for i in range(9)]
    words = "wrong where a row is not the first (does it depend on those before?) only"
    assert told(rows, lambda v: 3.0 * (np.arange(10) == 4)) == [words]


def test_a_place_has_several_questions_on_either_side():
    """What is true of one question alone is no feature."""
    some = [question(i, tau=min(i, 2)) for i in range(8)]
    assert told(some, at("tau", 2)) == ["wrong where tau is 2 only"]
    assert told(some, at("tau", 1)) == [] == told(some, at("tau", 0, 2))
    assert told(some[:3], at("tau", 0)) == []
    two = [question(0, tau=1), question(1, n=2, tau=1), question(2, n=3, tau=0), question(3, n=5, tau=0)]
    assert told(two, at("tau", 1)) == ["wrong where tau is 1 only"]


def test_what_is_left_out_is_no_place():
    some = [question(i, tau=i % 4) for i in range(12)]
    left_out = np.repeat([i % 4 == 1 for i in range(12)], 4)
    assert told(some, at("tau", 1, 2), left_out) == ["wrong where tau is 2 only"]
    assert told(some, lambda v: 3.0 * (np.arange(4) > 3), left_out) == []
    assert told(some, lambda v: 3.0, left_out) == []


def test_neither_rows_nor_coordinates():
    """No feature of a question that has none."""
    some = [question(i, n=1 + i % 3, d=2 + i % 2) for i in range(12)]
    assert told(some, lambda v: 3.0 * (v.asked.given["n"] == 2)) == ["wrong where n is 2 only"]
    assert told(some, lambda v: 3.0 * (v.asked.given["d"] == 3)) == ["right where d is 2"]
    for vector in some:
        vector.asked.arguments["x"] = np.ones(7)
    assert told(some, lambda v: 3.0 * (v.asked.given["n"] == 2)) == []
    assert told(some, lambda v: 3.0 * (v.asked.given["d"] == 3)) == []
    for vector in some:
        of = {"deep": (np.ones(7), [np.ones((vector.asked.given["n"], 7))])}
        vector.asked.arguments["x"] = SimpleNamespace(parameters=of) if vector.asked.given["seed"] == 4 else 1.0
    assert told(some, lambda v: 3.0 * (v.asked.given["n"] == 2)) == ["wrong where n is 2 only"]


def test_apart_from_where_there_is_no_energy():
    """Another mistake, beside one of proposals that have none."""
    some = [question(i, tau=i % 3) for i in range(12)]
    for vector in some[9:]:
        vector.asked.given["holes"] = True
    words = "wrong where tau is 1 only, apart from those where the energy of a proposal is infinite, or NaN"
    both = lambda v: 3.0 * (v.asked.given["tau"] == 1 or v.asked.given["seed"] >= 9)  # noqa: E731
    assert told(some, both) == [words]
    assert told(some[:9], at("tau", 1)) == ["wrong where tau is 1 only"]
    some = [question(i, tau=i % 3) for i in range(18)]
    for vector in some[9:]:
        vector.asked.given["holes"] = True
    assert told(some, lambda v: 3.0 * (v.asked.given["tau"] == 1) * (v.asked.given["seed"] < 9)) == []  # right there


def grown(by, names=("tau",), n=4, count=12, other=lambda i: 0):
    """What is said where each question's errors are so many tolerances."""
    some = [question(i, n=n, tau=float(i % 3), rho=float(other(i))) for i in range(count)]
    said = facts(off(some, lambda vector: by(vector.asked.given)))
    return [fact for fact in said if "grows" in fact]


def test_with_what_errors_grow():
    """Three levels, each with more, fourfold in all."""
    words = ["the error grows with tau"]
    assert grown(lambda given: 10 * 10 ** given["tau"]) == words
    assert (
        grown(lambda given: 10 * 2.2 ** given["tau"]) == words and grown(lambda given: 10 * 1.9 ** given["tau"]) == []
    )
    assert grown(lambda given: 10 * 10 ** -given["tau"]) == []
    assert grown(lambda given: 1000 if given["tau"] == 1 else 10 ** (1 + given["tau"])) == []
    assert grown(lambda given: 10.0 if given["tau"] < 2 else 1e4) == []
    assert grown(lambda given: 10.0) == []
    assert grown(lambda given: 10 * 10 ** given["tau"], n=1) == words  # twelve numbers
    assert grown(lambda given: 10 * 10 ** given["tau"], n=1, count=11) == []
    assert grown(lambda given: 10 * 10 ** min(given["tau"], 1)) == []
    assert grown(lambda given: 10 * 10 ** given["rho"], other=lambda i: i % 2) == []  # two levels are none
    assert grown(lambda given: 10 * 10 ** given["rho"], other=lambda i: i % 4) == ["the error grows with rho"]
    one = lambda given: 1e6 if given["seed"] == 0 else (10, 15, 1e6)[int(given["tau"])]  # noqa: E731
    assert grown(one, count=48) == words  # of each level most are larger


def test_errors_grow_with_the_number_that_explains_them_best():
    """Most of them, half as much again as any other."""
    spread_out = lambda size: lambda given: 10 * 10 ** (given["tau"] + size * (given["seed"] // 3 % 2))  # noqa: E731
    assert grown(spread_out(1.0)) and not grown(spread_out(1.5))  # 0.73 and 0.54 of the variance
    alike = lambda i: i % 3 if i else 1  # noqa: E731
    by = lambda given: 10 * 10 ** given["tau"]  # noqa: E731
    assert grown(by, other=lambda i: i % 3 if i < 6 else 1) == ["the error grows with tau"]  # half of the variance
    assert grown(by, other=lambda i: i % 3 if i < 9 else 1) == []  # three quarters
    assert grown(by, other=alike) == [] and grown(by, other=lambda i: i // 4) == ["the error grows with tau"]


def test_errors_that_are_infinite_do_not_grow():
    some = [question(i, tau=float(i % 3)) for i in range(15)]
    evidence = off(some, lambda vector: 10 * 10 ** vector.asked.given["tau"])
    evidence.answers[[1, 2, 3]] = np.nan, np.inf, 1e305
    with np.errstate(all="ignore"):
        assert "the error grows with tau" in facts(evidence)


def not_finite(bad, number=np.nan, left_out=None, some=None):
    """What is said where these are not finite; the first row of question i is at 10 i, its other rows nearer."""
    some = [question(i) for i in range(3)] if some is None else some
    for i, vector in enumerate(some):
        vector.asked.arguments["x"] = np.array([[1, -10.0 * i, 0], [2, -i, -1], [3, 0, 0], [0, 4, 4]])
    evidence = off(some, lambda vector: 0, left_out)
    evidence.answers[bad] = number
    said = facts(evidence)
    assert len(said) == 1 or "not finite" not in said[0]
    return [fact for fact in said if fact.startswith(("NaN", "overflow"))]


def test_numbers_that_are_not_finite():
    assert not_finite([]) == []
    assert not_finite(range(12)) == ["NaN everywhere"] and not_finite(range(12), np.inf) == ["overflow everywhere"]
    assert not_finite([4, 8]) == ["NaN from |x| = 10 on"] and not_finite([8], -np.inf) == ["overflow from |x| = 20 on"]
    assert not_finite([8, 3]) == ["NaN in 2 of 12 numbers"] and not_finite([4]) == ["NaN in 1 of 12 numbers"]
    assert not_finite([4, 8], [np.nan, np.inf]) == ["NaN from |x| = 10 on"]
    assert not_finite([3, 7, 4, 8]) == ["NaN in 4 of 12 numbers"]  # there is another at 4
    left_out = np.arange(12) >= 8
    assert not_finite([4, 8], left_out=left_out) == ["NaN from |x| = 10 on"]
    assert not_finite([8], left_out=left_out) == [] and not_finite(range(8), left_out=left_out) == ["NaN everywhere"]
    assert not_finite([3, 7, 11], left_out=left_out) == ["NaN in 2 of 8 numbers"]


def test_how_far_out_an_answer_is():
    """That of its row in each part, or of all rows; where there are no points, 1."""
    parts = [question(i, shapes=[(4, 2)]) for i in range(3)]
    assert not_finite([8, 9, 16, 17], some=parts) == ["NaN from |x| = 10 on"]
    whole = [question(i, shapes=[(3,)]) for i in range(3)]
    assert not_finite([6, 7, 8], some=whole) == ["NaN from |x| = 20 on"]
    some = [question(i) for i in range(3)]
    for i, vector in enumerate(some):
        vector.asked.arguments["z"] = vector.asked.arguments.pop("x") + 100 * i
    evidence = off(some, lambda vector: 0)
    evidence.answers[8:] = np.nan
    assert facts(evidence)[0].startswith("NaN from |x| = 20")
    for vector in some:
        vector.asked.arguments["z"] = np.array([-3.0, 2.0]) * (1 + vector.asked.given["seed"])
    assert facts(evidence)[0] == "NaN from |x| = 9 on"
    for vector in some:
        del vector.asked.arguments["z"]
    assert facts(evidence)[0] == "NaN in 4 of 12 numbers"


def leaking(gap, shapes=((4, 2), (4,)), function=STEP, reduction="per row", **given):
    """Whether it is said, where a question's first row, alone, is answered with a gap, in tolerances."""
    alone = tuple((1, *shape[1:]) for shape in shapes)
    some = [
        question(0, function=function, shapes=list(shapes)),
        question(1, n=1, function=function, shapes=list(alone)),
    ]
    some[1].asked.given.update({"seed": 0} | given)
    first = np.array([1.0, 2.0, 9.0, 13.0, 14.0, 15.0][: len(some[1].value)])  # of 1, 2, 3 ... in the parts
    some[1].scale[:2] = 1e-6  # these are right
    off_by = gap * np.array([0, 0, 1, 0, 0, 2])[: len(first)] * tolerance(1.0, U)
    answers = np.concatenate([some[0].value, first + off_by])
    said = facts(Evidence(some, reduction, answers, U))
    return "rows influence each other: a row alone is answered differently than among others" in said


def test_rows_that_influence_each_other():
    """Where the same row is answered otherwise, in one number at least, by more than both tolerances."""
    assert leaking(2.25) and not leaking(2.0) and not leaking(0.0) and leaking(-2.25)
    three = ((4, 2), (4,), (4, 3))
    assert leaking(1.25, three) and not leaking(1.0, three)
    assert not leaking(9.0, seed=1) and not leaking(9.0, d=2) and not leaking(9.0, kind="other")
    assert not leaking(9.0, n=2)  # no row alone
    assert not leaking(9.0, shapes=((4,),))  # the first number is right
    assert not leaking(9.0, function="autocovariance")


def test_which_part_is_wrong():
    """If all others are right, and they have names."""

    def said(by, function=STEP, shapes=((4, 3), (4,))):
        some = [question(i, function=function, shapes=list(shapes)) for i in range(3)]
        return [fact for fact in facts(off(some, by)) if fact.startswith("wrong in ")]

    of = lambda *wrong: lambda vector: 3.0 * np.isin(np.arange(16), wrong)  # noqa: E731
    assert said(of(5)) == ["wrong in the states only"] and said(of(12)) == [
        "wrong in the probabilities of acceptance only"
    ]
    assert said(of(11, 12)) == [] == said(of())
    assert said(of(5), "field_and_divergence") == ["wrong in the field only"]
    assert said(lambda vector: 3.0, STEP, ((4, 3),)) == []
    some = [question(0, function=STEP, shapes=[(4, 3), (4,)]), question(1, function=STEP, shapes=[(4, 3)])]
    for by in (lambda vector: 3.0, lambda vector: 3.0 * (np.arange(len(vector.value)) < 12)):
        assert not [fact for fact in facts(off(some, by)) if "wrong in" in fact]


def test_which_numbers_large_ones_cancelled():
    """Of a loss, far out, in float64: 8 u |x|^2 at most; what is right needs no excuse."""
    some = [question(i, reach=16 if i > 1 else 1) for i in range(4)]
    for vector in some:
        vector.asked.arguments["x"] = np.array([[3.0, -30.0], [0.25, -0.5], [20.0, 0.0], [0.0, 0.0]])
        vector.scale[:] = [1e-3, 1e-3, 1.0, 1e-3]
    evidence = off(some, lambda vector: 0)

    def found(*gaps, function=ISM):
        for vector in some:
            object.__setattr__(vector.asked, "function", function)
        got = evidence.right + np.concatenate([gaps] * 4)
        return cancelled(Evidence(some, "per row", got, U)).tolist()

    quarter = 2.0**-51  # a gap that a sum with 1, 2, 3 or 4 holds
    assert found(900 * 7 * U, quarter, 0.0, 0.0) == [False] * 8 + [True, True, False, False] * 2
    assert found(900 * 9 * U, 12 * U, 900 * U, 4 * U) == [False] * 8 + [False, False, True, False] * 2
    assert found(-900 * 9 * U, 8 * U, -900 * U, -8 * U) == [False] * 8 + [False, True, True, True] * 2
    other = {"function": "tweedie_mean"}  # of no loss 8 u times the largest number, near by too
    assert found(900 * 7 * U, quarter, 0.0, 0.0, **other) == [False, True, False, False] * 4
    assert found(31 * 8 * U, 29 * 8 * U, 0.0, 29 * 8 * U, **other) == [False, True, False, True] * 4
    assert found(np.nan, 0.0, 0.0, 0.0) == [False] * 16


# --- which part of an answer, and what it depends on ------------------------------------------------------------------


def answered_with(function, changed, **given):
    """What is said of the answers to questions whose arguments are changed first."""
    some = list(vectors(function))
    got = [flat(ask(function, REFERENCE, changed(dict(vector.asked.arguments)))) for vector in some]
    return facts(Evidence(some, "per row", np.concatenate([np.ravel(one) for one in got]), U, **given))


def without(name, *place):
    """A change of the arguments: what is at this place of one is 1."""

    def change(given):
        value = np.array(given[name])
        value[place] = 1.0
        return given | {name: value}

    return change


@pytest.mark.parametrize(
    ("function", "changed", "said"),
    [
        ("predictor_corrector", without("z", slice(None), -1), "z[:, -1]"),
        ("annealed_langevin", without("z", -1), "z[-1]"),
        ("annealed_langevin", without("z", slice(None), -1), "z[:, -1]"),
        ("unbiased_mean", without("y", -1), "y[-1]"),
        ("score_from_clean_point", without("std", ...), "std"),  # and no place in it
        ("flow_matching", without("z", ...), "z"),
        ("multigrid_chain", lambda given: given | {"z": (*given["z"][:-1], 0 * given["z"][-1])}, "z[-1]"),
        ("BinaryRBM.energy", without("h", ...), "h"),
        ("cosine_betas", lambda given: given | {"most": 0.9375}, "most"),
    ],
)
def test_an_argument_or_its_last_part_does_not_matter(function, changed, said):
    assert f"the answer does not depend on {said}" in answered_with(function, changed)
    assert not any("depend" in fact for fact in answered_with(function, lambda given: given))


def test_what_matters_in_one_row_matters():
    """Also if the answers of another question do not depend on it; and two things that do not matter are both said."""
    some = [question(i, n=4, apart=("x", "z", "z[-1]")) for i in (0, 1)]
    for vector in some:
        vector.value[:] = [1.0, 2.0, 3.0, 4.0]
    for got, said in (
        ([7, 8, 9, 7.0], "z[-1]"),
        ([7, 8, 7, 7.0], "z"),
        ([7, 7, 7, 7.0], "x and z"),
        ([7, 8, 9, 5.0], ""),
    ):
        told = facts(Evidence(some, "per row", np.array(2 * got), U))
        assert [fact for fact in told if "depend" in fact] == [f"the answer does not depend on {said}"] * bool(said)
    mixed = Evidence(some, "per row", np.array([7, 8, 9, 7.0, 7, 8, 9, 5.0]), U)
    assert not any("depend" in fact for fact in facts(mixed))
    near = [1.0, 1.0 + 1e-15, 3.0, 4.0]  # right answers that hardly differ tell nothing
    for vector in some:
        vector.value[:] = near
    assert not any("x" in fact for fact in facts(Evidence(some, "per row", np.array(2 * [7, 7, 9, 8.0]), U)))


def numbers_at(shape, *place):
    """Which numbers of a part are at a place."""
    mask = np.zeros(shape, bool)
    mask[place] = True
    return np.ravel(mask)


OFF = np.array([3e3, 8e3, 5e3, 9e3, 2e3, 7e3])  # tolerances, in no proportion


@pytest.mark.parametrize(
    ("function", "place", "said"),
    [
        ("decaying_steps", (0,), "in the first entry of each answer"),
        ("cosine_betas", (-1,), "in the last entry of each answer"),
        ("autocorrelation", (0,), "in the first entry of each answer"),
        ("langevin_step", (slice(None), 0), "in the first coordinate"),
        ("langevin_step", (slice(None), -1), "in the last coordinate"),
        ("tweedie_cov", None, "on the diagonal"),
    ],
)
def test_an_end_of_the_answers(function, place, said):
    """Right there, and wrong elsewhere; or wrong there only, also where these are few."""

    def there(vector):
        shape = vector.shapes[0]
        return np.ravel(np.indices(shape)[1] == np.indices(shape)[2]) if place is None else numbers_at(shape, *place)

    def by(vector, where):
        return np.resize(OFF, len(vector.value)) * where

    some = list(vectors(function))
    assert f"right {said}" in told(some, lambda vector: by(vector, ~there(vector)))
    assert f"wrong {said} only" in told(some, lambda vector: by(vector, there(vector)))
    half = [vector for vector in some if vector.asked.confirms]
    few = lambda vector: by(vector, there(vector) & any(vector is one for one in half))  # noqa: E731
    assert f"wrong {said} only" in told(some, few)


def test_the_first_grid_is_right():
    some = list(vectors("multigrid_chain"))
    first = lambda vector: np.arange(len(vector.value)) < np.prod(vector.shapes[0])  # noqa: E731
    by = lambda vector: np.resize(OFF, len(vector.value)) * ~first(vector)  # noqa: E731
    assert "right in the first part of each answer" in told(some, by)


def test_beside_an_end_there_may_be_another_place():
    some = list(vectors("geometric_noise_levels"))

    def by(vector):
        rest = ~numbers_at(vector.shapes[0], -1) & (vector.asked.given["d"] > 1)
        return np.concatenate([np.resize(OFF, len(rest)) * rest, [0.0]])

    assert {"right in the last entry of each answer", "right where d is 1"} <= set(told(some, by))


@pytest.mark.parametrize(
    ("function", "holds", "said"),
    [
        ("BinaryRBM.visible_mean", lambda p: not np.any(p["b"]), "b is 0"),
        ("GaussianBernoulliRBM.free_energy", lambda p: not np.any(p["c"]), "c is 0"),
        ("Gaussian.score", lambda p: np.array_equal(p["cov"], np.eye(len(p["cov"]))), "cov is the identity"),
        ("Laplace.log_prob", lambda p: np.all(p["scale"] == 1), "scale is 1"),
        ("GaussianMixture.score", lambda p: len(p["means"]) == 1, "there is one component"),
        (
            "GaussianMixture.posterior_cov",
            lambda p: len(p["means"]) > 1 and not np.any(np.ptp(p["means"], axis=0)),
            "all means are equal",
        ),
        ("Gamma.fisher_information", lambda p: np.all(p["shape"] == 1), "shape is 1"),
        ("decaying_steps", lambda given: given["power"] == 1, "power is 1"),
    ],
)
def test_parameters_that_do_nothing(function, holds, said):
    """It is said where a neutral value of a parameter is right, or alone is wrong."""

    def there(vector):
        given = vector.asked.arguments
        return bool(holds(given["density"]["parameters"] if "density" in given else given))

    some = list(vectors(function))
    assert 2 <= sum(map(there, some)) < len(some) / 2
    by = lambda vector, yes: np.resize(OFF, len(vector.value)) * (there(vector) == yes)  # noqa: E731
    assert told(some, lambda vector: by(vector, False)) == [f"right where {said}"]
    assert told(some, lambda vector: by(vector, True)) == [f"wrong where {said} only"]


def in_rows(vector, of_row):
    """A number for each row, once for each number of it."""
    rows = vector.shapes[0][0]
    return np.repeat(of_row[:rows], len(vector.value) // rows)


def alike(function, made, left_out=None):
    """What is said of how answers are off: made(vector) are they."""
    some = list(vectors(function))
    got = np.concatenate([made(vector) for vector in some])
    known = ("all rows of a question", "all numbers of an answer", "each row is")
    with np.errstate(over="ignore"):  # where answers should be 0
        return [fact for fact in facts(Evidence(some, "per row", got, U, left_out)) if fact.startswith(known)]


def number_of(vector):
    """A number of its own for each question."""
    return 1.5 + int(vector.asked.id) / 8


EACH = np.array([1.5, -2.0, 0.75, 3.0, 1.25])  # a number for each row


def test_how_answers_are_off():
    """By a constant or a factor, of each question or each row; or along an argument."""
    constant = "all rows of a question are off by the same amount: a constant is wrong"
    assert alike(ISM, lambda v: v.value + number_of(v)) == [constant]
    assert alike(ISM, lambda v: v.value + 1.5) == []  # that has a name
    assert alike(ISM, lambda v: v.value + in_rows(v, EACH)) == []
    factor = "all numbers of an answer are off by the same factor"
    assert alike(ISM, lambda v: v.value * number_of(v)) == [factor]
    assert alike("decaying_steps", lambda v: v.value * number_of(v)) == [factor]
    assert alike("decaying_steps", lambda v: v.value + number_of(v)) == []  # where there are no rows
    of_row = "each row is the right one times a factor of its own"
    assert alike("tweedie_mean", lambda v: v.value * in_rows(v, EACH)) == [of_row]
    assert alike(ISM, lambda v: v.value * in_rows(v, EACH)) == []  # with one number each that says nothing
    gone = lambda v: np.where(in_rows(v, np.arange(5)) == 1, np.inf, v.value * in_rows(v, EACH))  # noqa: E731
    assert alike("tweedie_mean", gone) == [of_row]
    along = lambda v: v.value + in_rows(v, EACH) * np.ravel(v.asked.arguments["z"])  # noqa: E731
    assert alike("langevin_step", along) == ["each row is off by a multiple of z"]
    assert alike("langevin_step", lambda v: along(v) + 1e-9 * np.arange(len(v.value))) == []


def test_answers_that_are_equal_in_all_rows_are_off_alike():
    """As a posterior covariance is: then it is no constant that is wrong."""
    assert alike("Gaussian.posterior_cov", lambda v: v.value + number_of(v)) == []


def test_a_few_numbers_that_are_off_by_one_amount():
    """As where something is cut; not all of them, which has a name, nor those of one question."""
    some = list(vectors("cosine_betas"))
    value = np.concatenate([vector.value for vector in some])

    def said(by):
        off = np.concatenate([by(vector) * np.ones(len(vector.value)) for vector in some])
        told = facts(Evidence(some, "per row", value + off, U))
        return [fact for fact in told if fact.startswith("the wrong numbers are all")]

    last = lambda vector: numbers_at(vector.shapes[0], -1)  # noqa: E731
    assert said(lambda vector: 0.0625 * last(vector)) == ["the wrong numbers are all 0.0625 too large"]
    assert said(lambda vector: -0.0625 * last(vector)) == ["the wrong numbers are all 0.0625 too small"]
    assert said(lambda vector: 0.0625) == said(lambda vector: 0.0625 * (vector.asked.id == "06")) == []
    assert said(lambda vector: 0.0625 * last(vector) * (1 + int(vector.asked.id))) == []
    assert said(lambda vector: np.where(last(vector), np.inf, 0)) == []


def test_a_part_that_is_wrong_has_places_of_its_own():
    """Beside another that is right everywhere."""
    some = list(vectors("VariancePreserving.kernel"))

    def by(vector):
        half = len(vector.value) // 2
        from_0 = np.broadcast_to(vector.asked.arguments["s"] == 0, half)
        return np.concatenate([np.zeros(half), np.resize(OFF, half) * ~from_0])

    assert told(some, by) == ["wrong in the standard deviation only", "right where s is 0"]
