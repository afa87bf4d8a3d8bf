"""The judge: what it lets pass, what it does not, and that its constants are those of the design."""

import dataclasses

import numpy as np
import pytest

from refebm.glossary import DomainError, InputError
from refebm.identities import Draw, Failure, NotSupported, check, record
from refebm.identities.draw import NUDGE, PATTERNS
from refebm.identities.record import JUDGES, THEOREMS, Limit, Sampled, Sides, Theorem, Verdict, theorem, verdict_of
from refebm.truth.densities import GaussianMixture

U = 2.0**-53
ENTRYWISE = ("pointwise", "quadrature", "enumeration")


def a_theorem(kind, sides, case=lambda draw: {}):
    return Theorem("t", "t", "t", "t", "t", kind, (), case, sides)


def verdict(kind, result, moved=()):
    results = iter([result, *moved])
    return verdict_of(a_theorem(kind, lambda impl: next(results)), {}, None, [{} for _ in moved])


def of_kind(kind, entries):
    """A term of these entries: summed over its first axis, of which there is one, where the kind sums."""
    return np.array(entries) if kind == "pointwise" else np.array([entries])


def test_the_constants_of_the_design():
    assert (record.FACTOR, record.ROUNDOFF, record.SETTLED) == (64, U, 1e-9)
    assert (record.ORDER, record.FALSE_ALARMS, NUDGE) == (0.02, 1e-6, 2.0**-26)
    assert record.STATISTICS == 10_000
    assert set(JUDGES) == {"pointwise", "quadrature", "enumeration", "limit", "statistical"}


def test_what_is_not_said_is_not_so():
    bare = a_theorem("pointwise", None)
    assert (bare.plane, bare.mixtures, bare.outside, bare.cases, bare.cancels) == (False, False, {}, None, "")
    assert Verdict(True, 0.0, ()) == (True, 0.0, (), 1.0, "")
    assert Sides([], []) == ([], [], 0.0, False, ())
    with pytest.raises(dataclasses.FrozenInstanceError):
        bare.kind = "quadrature"


@pytest.mark.parametrize("kind", ENTRYWISE)
def test_every_entry_has_its_own_tolerance(kind):
    """A gap that the largest terms would excuse, in another entry, and beside entries that are right."""
    for size, holds in ((0.98, True), (1.02, False)):
        small = [1e9, 1.0, 1e-3]
        other = [1e9, 1.0, 1e-3 + size * 64 * U * 2e-3]
        assert verdict(kind, Sides([of_kind(kind, small)], [of_kind(kind, other)])).holds == holds
        assert verdict(kind, Sides([of_kind(kind, other)], [of_kind(kind, small)])).holds == holds
    assert not verdict(kind, Sides([of_kind(kind, [1.0] * 10)], [of_kind(kind, [1.0] * 9 + [1 + 1e-13])])).holds


@pytest.mark.parametrize("kind", ENTRYWISE)
def test_what_a_verdict_says(kind):
    """The largest error over its tolerance, sum |terms| over the larger side, and the entry that is furthest out."""
    gap = 2.0**-42
    left = [of_kind(kind, [2.0**40, -3.0, 0.5]), of_kind(kind, [0.0, 1.0, -1.5])]
    right = [of_kind(kind, [2.0**40 + 2.0**-8, -2.0 - gap, -1.0])]
    outcome = verdict(kind, Sides(left, right))
    assert not outcome.holds and outcome.integers == ()
    assert outcome.ratio == pytest.approx(gap / (64 * U * 6), rel=1e-9)
    assert outcome.cancellation == pytest.approx(3.0, rel=1e-9)
    assert outcome.note == f"left -2, right {-2 - gap:.17g}"  # the first entry's gap is larger, and within
    outcome = verdict(kind, Sides([of_kind(kind, [1.0, 4.0])], [of_kind(kind, [3.0, 0.5])]))
    assert (outcome.ratio, outcome.cancellation) == pytest.approx((3.5 / (64 * U * 4.5), 4 / 3))
    assert outcome.note == "left 4, right 0.5"
    outcome = verdict(kind, Sides([of_kind(kind, [1.0])], [of_kind(kind, [2.0])]))
    assert outcome.ratio == pytest.approx(1 / (64 * U * 3))
    outcome = verdict(kind, Sides([of_kind(kind, [1.0])], [of_kind(kind, [1.0])]))
    assert (outcome.holds, outcome.ratio, outcome.cancellation) == (True, 0.0, 2.0)
    vanishing = verdict(kind, Sides([of_kind(kind, [1.0]), of_kind(kind, [-1.0])], [of_kind(kind, [0.0])]))
    assert (vanishing.holds, vanishing.ratio, vanishing.cancellation) == (True, 0.0, 1.0)
    for equal in (0.25, -4.0):
        outcome = verdict(kind, Sides([of_kind(kind, [equal])], [of_kind(kind, [equal])]))
        assert (outcome.holds, outcome.ratio, outcome.cancellation) == (True, 0.0, 2.0)
    for left, right in (([-4.0], [1.0]), ([1.0], [-4.0])):
        assert verdict(kind, Sides([of_kind(kind, left)], [of_kind(kind, right)])).cancellation == 1.25
    nothing = verdict(kind, Sides([of_kind(kind, [0.0])], [of_kind(kind, [0.0])]))
    assert (nothing.holds, nothing.ratio, nothing.cancellation) == (True, 0.0, 1.0)


@pytest.mark.parametrize("kind", ENTRYWISE)
def test_a_gap_below_the_smallest_tolerance_is_one(kind):
    """64 u of a denormal number is zero."""
    outcome = verdict(kind, Sides([of_kind(kind, [5e-324])], [of_kind(kind, [0.0])]))
    assert not outcome.holds and outcome.ratio == pytest.approx(5e-24, rel=0.02, abs=0)


@pytest.mark.parametrize("kind", ENTRYWISE)
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


def moving(*slopes):
    """Two terms on the left, which are 1 and move by so many nudges, against their sum."""
    return Sides([np.array([1.0 + a * NUDGE, 1.0]) for a in slopes], [np.array([2.0, 2.0])])


@pytest.mark.parametrize(("size", "holds"), [(0.98, True), (1.02, False)])
def test_pointwise_sensitivity_widens_by_the_change_over_the_nudge(size, holds):
    """Of all terms the sum, of all patterns the largest; entry by entry."""
    tolerance = 64 * U * (4 + 3000)
    exact = Sides([np.array([1.0, 1.0])] * 2, [np.array([2.0 + size * tolerance, 2.0])])
    moved = [moving(10, 5), moving(-2000, 1000), moving(1, 0)]
    moved = [sides._replace(right=exact.right) for sides in moved]
    outcome = verdict("pointwise", exact, moved)
    assert outcome.holds == holds
    assert outcome.ratio == pytest.approx(size, rel=1e-3)
    assert not verdict("pointwise", exact).holds
    elsewhere = exact._replace(right=[exact.right[0][::-1]])
    moved = [sides._replace(right=elsewhere.right) for sides in moved]
    assert not verdict("pointwise", elsewhere, moved).holds


def test_the_right_side_moves_too():
    tolerance = 64 * U * (2 + 1000)
    exact = Sides([np.array([1.0])], [np.array([1.0 + 0.98 * tolerance])])
    assert verdict("pointwise", exact, [Sides(exact.left, [exact.right[0] - 1000 * NUDGE])]).holds


def test_only_pointwise_cases_are_nudged_and_only_where_their_terms_do_not_excuse_the_gap():
    """Each pattern once, on the same data, and the integers of the plain one are told."""
    data = GaussianMixture([1.0], [[0.0]], 1.0)
    for kind, gap, copies in (
        ("pointwise", 65 * U, 3),
        ("pointwise", 0, 0),
        ("quadrature", 0, 0),
        ("enumeration", 0, 0),
    ):
        seen = []

        def sides(impl, a, given, seen=seen, gap=gap):
            assert given is data
            seen.append(a)
            return Sides([np.array([a])], [np.array([a * (1 + 2 * gap)])])

        nudged = a_theorem(kind, sides, lambda draw: {"a": draw.reals((4,), 1.0, 3.0), "given": draw.data})
        outcome = check(nudged, Draw.replay([0, 500, -250, 7], data=data))
        assert outcome.holds and outcome.integers == (0, 500, -250, 7)
        plain, *moved = seen
        assert plain.tolist() == [2.0, 2.5, 1.75, 2.007] and len(moved) == copies
        for pattern, numbers in zip(PATTERNS, moved):
            expected = Draw.replay(outcome.integers, pattern=pattern).reals((4,), 1.0, 3.0)
            assert numbers.tolist() == expected.tolist() and np.all(numbers != plain)


@pytest.mark.parametrize(
    ("gap", "copies"),
    [((1 - 3e-7) * 64 * U * 1e6, 3), ((1 + 3e-7) * 64 * U * 1e6, 1)],  # of sum |terms|, which do not move
)
def test_a_gap_that_no_nudge_could_excuse_is_nudged_once(gap, copies):
    """Nothing that is drawn moves: the second and third pattern are asked as long as a million times the terms do."""
    seen = []

    def sides(impl, a):
        seen.append(a)
        return Sides([np.array([1.0])], [np.array([1.0 + 2 * gap])])

    still = a_theorem("pointwise", sides, lambda draw: {"a": draw.reals((1,), 1.0, 3.0)})
    assert not check(still, Draw.replay([0])).holds
    assert len(seen) == 1 + copies


@pytest.mark.parametrize(("size", "copies"), [(1 - 5e-4, 3), (1 + 5e-4, 1)])
def test_nor_are_further_patterns_asked_where_a_thousand_times_the_first_would_not_excuse_it(size, copies):
    seen, gap = [], size * 64 * U * 1e3 * 1e9

    def sides(impl, a):
        seen.append(a)
        return Sides([np.array([1.0 + 1e9 * NUDGE * (len(seen) == 2)])], [np.array([1.0 + gap])])

    moving = a_theorem("pointwise", sides, lambda draw: {"a": draw.reals((1,), 1.0, 3.0)})
    assert not check(moving, Draw.replay([0])).holds
    assert len(seen) == 1 + copies


@pytest.mark.parametrize("size", [0.0, 0.9])
def test_small_terms_that_excuse_the_gap_are_not_nudged(size):
    seen = []

    def sides(impl, a):
        seen.append(a)
        return Sides([np.array([0.125])], [np.array([0.125 + size * 64 * U * 0.25])])

    small = a_theorem("pointwise", sides, lambda draw: {"a": draw.reals((1,), 1.0, 3.0)})
    assert check(small, Draw.replay([0])).holds and len(seen) == 1


def test_what_has_just_settled_is_nudged():
    """A certificate at its bound is one."""
    exact = Sides([np.array([1.0])], [np.array([1.0 + 0.98 * 64 * U * 1002])], record.SETTLED)
    moved = exact._replace(right=[exact.right[0] - 1000 * NUDGE])
    assert verdict("pointwise", exact, [moved]).holds
    later = exact._replace(change=record.SETTLED * 1.01)
    assert not verdict("pointwise", later, [moved]).holds


def test_check_gives_a_pointwise_case_the_tolerance_of_its_numbers():
    """exp(a) of a drawn a: its argument alone costs |a| u, and |a| = 40 000 of them is not 64."""

    def sides(impl, a):
        return Sides([np.exp(a - 30)], [np.exp(a - 30) * (1 + 30 * 64 * U)])

    steep = a_theorem("pointwise", sides, lambda draw: {"a": 10 * draw.reals((1,), 2.0, 4.0)})
    assert check(steep, Draw.replay([0])).holds
    assert not check(dataclasses.replace(steep, kind="enumeration", case=steep.case), Draw.replay([0])).holds


def test_terms_of_the_formula_count_as_terms():
    sides = Sides([np.array([1e-12])], [np.array([0.0])], formula=[np.array([1e3])])
    assert verdict("pointwise", sides).holds
    assert not verdict("pointwise", sides._replace(formula=[np.array([1e1])])).holds


@pytest.mark.parametrize("kind", ENTRYWISE)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_does_not_hold(kind, bad):
    one, two = of_kind(kind, [1.0, bad]), of_kind(kind, [1.0, 1.0])
    for sides in (Sides([one], [two]), Sides([one], [one]), Sides([two], [one])):
        assert verdict(kind, sides) == (False, np.inf, (), 1.0, "a term is not finite")


def test_an_infinite_scalar_side_does_not_hold():
    assert not verdict("quadrature", Sides([np.array([1.0])], [np.inf])).holds


@pytest.mark.parametrize("kind", ["pointwise", "quadrature"])
def test_shapes_must_agree(kind):
    column = np.ones((1, 3, 1)) if kind == "quadrature" else np.ones((3, 1))
    row = np.ones((1, 3)) if kind == "quadrature" else np.ones(3)
    outcome = verdict(kind, Sides([column], [row]))
    assert outcome == (False, np.inf, (), 1.0, "left has shape (3, 1), right (3,)")
    assert verdict(kind, Sides([row], [1.0])).holds  # a float is each of them


@pytest.mark.parametrize("kind", ["pointwise", "quadrature", "enumeration"])
@pytest.mark.parametrize(
    ("change", "holds"), [(0.99e-9, True), (1e-9, True), (1.01e-9, False), (np.nan, False), (np.inf, False)]
)
def test_a_certificate_that_is_not_reached_is_red(change, holds, kind):
    outcome = verdict(kind, Sides([2.0, -1.0], [1.0], change))
    assert outcome.holds == holds
    assert holds or outcome.note == f"not settled: an expectation moves by {change:.1e} of its terms"
    assert (outcome.ratio, outcome.cancellation) == (0.0 if holds else np.inf, 4.0)


@pytest.mark.parametrize("kind", ["quadrature", "enumeration"])
def test_a_float_is_itself_and_its_size_counts(kind):
    tolerance = 64 * U * 6
    for size, holds in ((0.98, True), (1.02, False)):
        sides = Sides([np.array([1.0]), -3.0], [-2.0 - size * tolerance])
        assert verdict(kind, sides).holds == holds


@pytest.mark.parametrize("kind", ENTRYWISE)
def test_an_inequality_has_one_side(kind):
    one, two = of_kind(kind, [1.0, 1.0]), of_kind(kind, [1.5, 3.0])
    below = verdict(kind, Sides([one], [two], inequality=True))
    assert (below.holds, below.ratio) == (True, 0.0)
    assert not verdict(kind, Sides([two], [one], inequality=True)).holds
    for size, holds in ((0.98, True), (1.02, False)):
        above = of_kind(kind, [0.5, 1.0 + size * 64 * U * 2])
        outcome = verdict(kind, Sides([above], [one], inequality=True))
        assert outcome.holds == holds and outcome.ratio == pytest.approx(size, rel=0.01)


STEPS = 0.1 * 0.5 ** np.arange(4)


def test_what_a_limit_says():
    words = "order 2.0000 (should be 2) for steps 0.1 to 0.0125"
    outcome = verdict("limit", Limit(STEPS, -3 * STEPS**2, 2))
    assert outcome.holds and (outcome.cancellation, outcome.note) == (1.0, words) and abs(outcome.ratio) < 1e-10
    outcome = verdict("limit", Limit(STEPS, -3 * STEPS**2, 2, -3.03))
    assert outcome.holds and outcome.ratio == pytest.approx((1 - 1 / 1.01) / 0.02)
    assert outcome.note == f"{words}, coefficient -3 (should be -3.03)"
    outcome = verdict("limit", Limit(STEPS, 3 * STEPS**2 * [1, 1, 1, 1.1], 2))
    assert not outcome.holds and outcome.ratio == pytest.approx(np.log2(1.1) / 0.02)
    assert outcome.note.startswith("order 1.8625 ")


def test_limits():
    assert verdict("limit", Limit(STEPS, 3 * STEPS**2, 2, 3.0)).holds
    assert verdict("limit", Limit(STEPS, 3 * STEPS**2.019, 2)).holds
    assert verdict("limit", Limit(STEPS, 0 * STEPS + 1, 0.02)).holds  # of order 0: the bound itself
    assert not verdict("limit", Limit(STEPS, 3 * STEPS**2.021, 2)).holds
    assert not verdict("limit", Limit(STEPS, 3 * STEPS**1.979, 2)).holds
    assert not verdict("limit", Limit(STEPS, 3 * STEPS**2, 2, 3.07)).holds
    assert not verdict("limit", Limit(STEPS, 3 * STEPS**2, 2, -3.0)).holds
    assert verdict("limit", Limit(STEPS, 3 * STEPS**2 * [1, -1, -1, 1], 2, 3.0)).holds  # of either sign
    assert not verdict("limit", Limit(STEPS, np.array([1.0, np.nan, 0.1, 0.01]), 2)).holds
    assert not verdict("limit", Limit(STEPS, 0 * STEPS, 2)).holds
    bent = 3 * STEPS**2
    bent[1] *= 1.1
    assert not verdict("limit", Limit(STEPS, bent, 2)).holds


def test_statistics():
    assert pytest.approx(6.466951, abs=1e-6) == record.QUANTILE  # 1e-6 / 10,000 / 2 of a normal tail
    one = np.ones(1)
    assert verdict("statistical", Sampled(0.99 * record.QUANTILE * one, 0 * one, one)).holds
    assert not verdict("statistical", Sampled(-1.01 * record.QUANTILE * one, 0 * one, one)).holds
    assert not verdict("statistical", Sampled(np.nan * one, 0 * one, one)).holds


def test_every_mean_is_held_against_its_own_error():
    q, expected, errors = record.QUANTILE, np.array([2.0, -1.0]), np.array([4.0, 0.5])
    outcome = verdict("statistical", Sampled(expected + q * np.array([3, -0.25]), expected, errors))
    assert outcome.holds and (outcome.ratio, outcome.cancellation) == pytest.approx((0.75, 1.0))
    assert outcome.note == "could detect a gap of 26"
    assert not verdict("statistical", Sampled(expected + q * np.array([3, -1]), expected, errors)).holds
    assert verdict("statistical", Sampled(np.array([q]), np.zeros(1), np.ones(1))).holds  # the bound itself


def test_a_theorem_is_kept_under_the_name_of_its_function(monkeypatch):
    """In its module; refebm's own among all of them."""

    def holds_everywhere(impl):
        """One
        is one.

        1
        = 1"""

    def register():
        assert theorem("here", kind="pointwise", about="f g", case=dict, cases=2, cancels="no")(holds_everywhere)

    monkeypatch.setitem(globals(), "__theorems__", [])
    register()
    (kept,) = __theorems__  # noqa: F821
    words = ("One is one.", "1 = 1", "here", "pointwise", ("f", "g"), dict, holds_everywhere)
    assert kept == Theorem("holds_everywhere", "test_record", *words, cases=2, cancels="no")
    assert "holds_everywhere" not in THEOREMS
    monkeypatch.setattr(holds_everywhere, "__module__", "refebm.identities.test_record")
    try:
        register()
        assert THEOREMS["holds_everywhere"] == kept and len(__theorems__) == 1  # noqa: F821
    finally:
        THEOREMS.pop("holds_everywhere", None)
    with pytest.raises(TypeError):
        theorem("here", "pointwise", dict, "f")
    with pytest.raises(InputError, match=r"E-KIND.*did you mean pointwise\?"):
        theorem("here", kind="point wise", about="f", case=dict)


def registered(monkeypatch, function, **options):
    monkeypatch.setitem(globals(), "__theorems__", [])
    theorem("here", "pointwise", **options)(function)
    (kept,) = __theorems__  # noqa: F821
    with pytest.raises(dataclasses.FrozenInstanceError):
        kept.kind = "quadrature"
    return kept


def test_a_list_of_cases(monkeypatch):
    """Each is a tuple of arguments, or a single one; or what `case` makes of them."""
    kept = registered(monkeypatch, lambda impl, a, b: None, cases=[(1, 2), (3, 4), (5, 6)])
    assert kept.cases == 3 and kept.case(Draw.replay([1])) == {"a": 3, "b": 4}
    kept = registered(monkeypatch, lambda impl, a: None, cases=[7, 8])
    assert kept.cases == 2 and [kept.case(Draw.replay([i])) for i in (0, 1)] == [{"a": 7}, {"a": 8}]
    kept = registered(monkeypatch, lambda impl, c: None, case=lambda a, b: {"c": a + b}, cases=[(1, 2), (3, 4)])
    assert kept.cases == 2 and kept.case(Draw.replay([1])) == {"c": 7}


CALLS = """
sliced_score_matching = None

def first(impl, x):
    return impl.score_of(x), helper(impl, x), plain(x), loop(impl), impl.sliced_score_matching, impl.no_such_name

def helper(impl, x):
    return [(lambda: impl.flow_matching)(), impl.divergence(x), first(impl, x)]

def plain(x):
    return x.jacobian_vector_product

def loop(impl):
    return helper(impl, 1), loop(impl), impl.score_of
"""


def test_what_a_theorem_is_about():
    """What is said, else what its code asks `impl` for, and the functions to which it hands it, each once."""
    module = {}
    exec(CALLS, module)
    found = record.with_about(a_theorem("pointwise", module["first"]))
    assert found.about == ("score_of", "divergence", "flow_matching")
    said = dataclasses.replace(found, about=("score_of",))
    assert record.with_about(said) is said


def test_a_wrong_version_is_kept_in_its_module(monkeypatch):
    monkeypatch.setitem(globals(), "__wrong__", [])

    def version(x):
        """So."""

    assert record.wrong(registered)(version) is version
    assert __wrong__ == [record.Wrong("registered", version)]  # noqa: F821


def test_what_an_implementation_does_instead_of_answering():
    def sides(impl):
        raise impl

    def outcome(failure):
        return verdict_of(a_theorem("pointwise", sides), {}, failure, integers=(1, 2))

    assert outcome(Failure("no answer")) == (False, np.inf, (1, 2), 1.0, "no answer")
    assert outcome(DomainError("E-DOMAIN", "not here")) == (False, np.inf, (1, 2), 1.0, "refused: E-DOMAIN: not here")
    with pytest.raises(NotSupported):
        outcome(NotSupported("not that"))


def test_a_refusal_is_red_and_other_errors_are_not_hidden():
    def refuses(impl):
        raise DomainError("E-DIVERGES", "infinite")

    outcome = verdict_of(a_theorem("quadrature", refuses), {}, None)
    assert not outcome.holds and outcome.note.startswith("refused: E-DIVERGES")

    def fails(impl):
        raise KeyError("bug")

    with pytest.raises(KeyError):
        verdict_of(a_theorem("quadrature", fails), {}, None)
