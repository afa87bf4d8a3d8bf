"""What is said of wrong answers without a name, and when it is not said."""

import numpy as np

from refebm.crosscheck.adapter import Answer
from refebm.crosscheck.evidence import Evidence
from refebm.crosscheck.facts import facts
from refebm.crosscheck.vectors import reference_gradient, vectors
from refebm.crosscheck.verdict import judge
from refebm.variants import WRONG
from refebm.variants.arguments import ask, flat
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
