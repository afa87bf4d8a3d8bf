"""The judge: what it lets pass, what it does not, and that its constants are those of the design."""

import numpy as np
import pytest

from refebm.identities import record
from refebm.identities.draw import NUDGE
from refebm.identities.record import JUDGES, Limit, Sampled, Sides, Theorem, judge
from refebm.validation import DomainError

U = 2.0**-53


def verdict(kind, result, moved=None):
    results = iter([result, *([moved] if moved else [])])
    theorem = Theorem("t", "t", "t", "t", "t", kind, (), lambda draw: {}, lambda impl: next(results))
    return judge(theorem, {}, None, [{}] if moved else ())


def test_the_constants_of_the_design():
    assert (record.FACTOR, record.ROUNDOFF, record.SETTLED) == (64, U, 1e-9)
    assert (record.ORDER, record.FALSE_ALARMS, NUDGE) == (0.02, 1e-6, 2.0**-26)
    assert set(JUDGES) == {"pointwise", "quadrature", "enumeration", "limit", "statistical"}


@pytest.mark.parametrize("kind", ["pointwise", "quadrature", "enumeration"])
def test_a_gap_inside_and_outside_the_tolerance(kind):
    tolerance = 64 * U * 2
    assert verdict(kind, Sides([np.array([1.0])], [np.array([1.0 + 0.98 * tolerance])])).holds
    outside = verdict(kind, Sides([np.array([1.0])], [np.array([1.0 + 1.02 * tolerance])]))
    assert not outside.holds
    assert outside.ratio == pytest.approx(1.02, rel=0.01)


@pytest.mark.parametrize("kind", ["quadrature", "enumeration"])
def test_terms_are_summed_over_the_first_axis_and_all_count(kind):
    left = [np.array([1e10, 1.0, -1e10])]
    assert verdict(kind, Sides(left, [1.0 + 1e-5])).holds  # 2e10 of terms excuse 1e-4
    assert not verdict(kind, Sides(left, [1.0 + 1e-3])).holds
    assert verdict(kind, Sides(left, [1.0])).cancellation == pytest.approx(2e10)
    two = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert verdict(kind, Sides([two], [np.array([[4.0, 6.0]])])).holds
    assert not verdict(kind, Sides([two], [np.array([[4.0, 6.1]])])).holds


def test_pointwise_every_entry_is_judged():
    right = np.array([1.0, 2.0, 3.0])
    assert not verdict("pointwise", Sides([right + np.array([0, 0, 1e-12])], [right])).holds


def test_pointwise_sensitivity_widens_by_the_change_over_the_nudge():
    exact = Sides([np.array([1.0])], [np.array([1.0 + 1e-10])])
    steep = Sides([np.array([1.0 + 2e4 * NUDGE])], [np.array([1.0 + 1e-10])])
    assert not verdict("pointwise", exact).holds
    assert verdict("pointwise", exact, moved=steep).holds
    flat = Sides([np.array([1.0 + 1e2 * NUDGE])], [np.array([1.0 + 1e-10])])
    assert not verdict("pointwise", exact, moved=flat).holds


def test_terms_of_the_formula_count_as_terms():
    sides = Sides([np.array([1e-12])], [np.array([0.0])], formula=[np.array([1e3])])
    assert verdict("pointwise", sides).holds
    assert not verdict("pointwise", sides._replace(formula=[np.array([1e1])])).holds


@pytest.mark.parametrize("kind", ["pointwise", "quadrature", "enumeration"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_does_not_hold(kind, bad):
    for sides in (Sides([np.array([bad])], [np.array([1.0])]), Sides([np.array([bad])], [np.array([bad])])):
        assert not verdict(kind, sides).holds


def test_an_infinite_scalar_side_does_not_hold():
    assert not verdict("quadrature", Sides([np.array([1.0])], [np.inf])).holds


@pytest.mark.parametrize("kind", ["pointwise", "quadrature"])
def test_shapes_must_agree(kind):
    column = np.ones((1, 3, 1)) if kind == "quadrature" else np.ones((3, 1))
    row = np.ones((1, 3)) if kind == "quadrature" else np.ones(3)
    outcome = verdict(kind, Sides([column], [row]))
    assert not outcome.holds
    assert "shape" in outcome.note


@pytest.mark.parametrize(("change", "holds"), [(0.99e-9, True), (1.1e-9, False), (np.nan, False), (np.inf, False)])
def test_a_certificate_that_is_not_reached_is_red(change, holds):
    outcome = verdict("quadrature", Sides([np.array([1.0])], [1.0], change))
    assert outcome.holds == holds
    assert holds or outcome.note.startswith("not settled")


def test_an_inequality_has_one_side():
    assert verdict("quadrature", Sides([np.array([1.0])], [2.0], inequality=True)).holds
    assert not verdict("quadrature", Sides([np.array([2.0])], [1.0], inequality=True)).holds


STEPS = 0.1 * 0.5 ** np.arange(4)


def test_limits():
    assert verdict("limit", Limit(STEPS, 3 * STEPS**2, 2, 3.0)).holds
    assert verdict("limit", Limit(STEPS, 3 * STEPS**2.019, 2)).holds
    assert not verdict("limit", Limit(STEPS, 3 * STEPS**2.021, 2)).holds
    assert not verdict("limit", Limit(STEPS, 3 * STEPS**1.979, 2)).holds
    assert not verdict("limit", Limit(STEPS, 3 * STEPS**2, 2, 3.07)).holds
    assert not verdict("limit", Limit(STEPS, 3 * STEPS**2, 2, -3.0)).holds
    assert not verdict("limit", Limit(STEPS, np.array([1.0, np.nan, 0.1, 0.01]), 2)).holds
    assert not verdict("limit", Limit(STEPS, 0 * STEPS, 2)).holds
    bent = 3 * STEPS**2
    bent[1] *= 1.1
    assert not verdict("limit", Limit(STEPS, bent, 2)).holds


def test_statistics():
    assert pytest.approx(6.47, abs=0.01) == record.QUANTILE  # 1e-6 / 10,000 / 2 of a normal tail
    one = np.ones(1)
    assert verdict("statistical", Sampled(0.99 * record.QUANTILE * one, 0 * one, one)).holds
    assert not verdict("statistical", Sampled(-1.01 * record.QUANTILE * one, 0 * one, one)).holds
    assert not verdict("statistical", Sampled(np.nan * one, 0 * one, one)).holds


def test_a_refusal_is_red_and_other_errors_are_not_hidden():
    def refuses(impl):
        raise DomainError("E-DIVERGES", "infinite")

    theorem = Theorem("t", "t", "t", "t", "t", "quadrature", (), lambda draw: {}, refuses)
    outcome = judge(theorem, {}, None)
    assert not outcome.holds and outcome.note.startswith("refused: E-DIVERGES")

    def fails(impl):
        raise KeyError("bug")

    with pytest.raises(KeyError):
        judge(Theorem("t", "t", "t", "t", "t", "quadrature", (), lambda draw: {}, fails), {}, None)
