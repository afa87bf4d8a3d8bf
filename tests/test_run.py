"""A run of a theorem: which cases it draws, and what becomes of their verdicts."""

import dataclasses
import os
import re
import signal
import threading
import time
from zlib import crc32

import numpy as np
import pytest

from refebm.glossary import DomainError, InputError
from refebm.identities import REFERENCE, Draw, Implementation, NotSupported, Unusable, parallel
from refebm.identities.record import Sides, Theorem, Verdict
from refebm.identities.run import (
    CASES,
    MUCH_CANCELLATION,
    ON_DATA,
    QUICK,
    SECONDS,
    SECONDS_IN_THE_PLANE,
    Report,
    draws,
    firsts,
    run,
    seconds,
)
from refebm.truth.densities import GaussianMixture

DATA = GaussianMixture([1.0], [[0.0]], 1.0)


def a_theorem(kind="quadrature", sides=lambda impl, a: Sides([a], [a]), **options):
    return Theorem("t", "t", "t", "t", "t", kind, (), lambda draw: {"a": draw.real(1.0, 3.0)}, sides, **options)


def drawn_in_the_plane(draw):
    return {"d": draw.dimension()}


def numbers(theorem, *given, **options):
    """The first three integers of each draw."""
    return [[draw.count(-9, 9) for _ in range(3)] for draw in draws(theorem, *given, **options)]


def test_how_many_cases():
    assert CASES == {"pointwise": 100, "quadrature": 20, "enumeration": 20, "statistical": 5}
    assert ON_DATA == {"pointwise": 20, "quadrature": 2, "statistical": 2}
    for kind, number in CASES.items():
        assert len(numbers(a_theorem(kind), 0)) == number
        assert len(numbers(a_theorem(kind), 0, 7)) == 7
    for kind, number in ON_DATA.items():
        assert len(numbers(a_theorem(kind, plane=True), 0, data=DATA)) == number
    assert len(numbers(a_theorem("statistical"), 0, 1000)) == 100  # they share a budget
    assert len(numbers(a_theorem("pointwise"), 0, 1000)) == 1000
    flat = Theorem("t", "t", "t", "t", "t", "quadrature", (), drawn_in_the_plane, lambda impl, d: Sides([d], [d]), True)
    whole = run(flat)
    assert len(whole.verdicts) == 25 and whole.numbers == list(range(25))


def test_how_long_it_takes():
    """By the kind, and by how many cases are in the plane, where a quadrature is dear."""
    assert set(SECONDS) == set(QUICK) and all(0 < took < 0.5 for took in (*SECONDS.values(), SECONDS_IN_THE_PLANE))
    line, plane = a_theorem(), a_theorem(plane=True)
    assert len(firsts(line)) == 20 and seconds(line) == pytest.approx(20 * SECONDS["quadrature"])
    assert seconds(plane) == pytest.approx(20 * SECONDS["quadrature"] + 5 * SECONDS_IN_THE_PLANE)
    assert seconds(plane, quick=True) == pytest.approx(2 * SECONDS["quadrature"])
    assert seconds(a_theorem("pointwise", plane=True), 8) == pytest.approx(10 * SECONDS["pointwise"])
    assert seconds(a_theorem("limit", cases=3)) == pytest.approx(3 * SECONDS["limit"])


def test_quick_is_a_few_of_the_same_cases():
    assert QUICK == {"pointwise": 4, "quadrature": 2, "enumeration": 2, "statistical": 1, "limit": 1}
    for kind, number in QUICK.items():
        fixed = {"cases": 3} if kind == "limit" else {}
        theorem = a_theorem(kind, lambda impl, a: Sides([a], [a]), **fixed)
        quick, whole = list(draws(theorem, 4, quick=True)), list(draws(theorem, 4))
        assert [theorem.case(draw) for draw in quick] == [theorem.case(draw) for draw in whole[:number]]


def test_a_fixed_list_is_gone_through():
    fixed = a_theorem("limit", cases=3)
    assert [draw.count(0, 2) for draw in draws(fixed, 0, 100)] == [0, 1, 2]


@pytest.mark.parametrize(("cases", "in_the_plane"), [(1, 1), (7, 1), (8, 2), (20, 5)])
def test_one_case_in_the_plane_for_four_on_the_line(cases, in_the_plane):
    drawn = list(draws(a_theorem(plane=True), 0, cases))
    assert [draw.dimension() for draw in drawn] == [1] * cases + [2] * in_the_plane


def test_seed_name_and_number_say_what_is_drawn():
    for i, three in enumerate(numbers(a_theorem(), 5, 4)):
        by_hand = Draw.seeded((5, crc32(b"t"), i))
        assert three == [by_hand.count(-9, 9) for _ in range(3)]
    assert len({tuple(three) for seed in range(3) for three in numbers(a_theorem(), seed, 5)}) == 15
    assert all(draw.data is DATA for draw in draws(a_theorem(), 0, data=DATA))


def test_a_report_of_verdicts():
    good, bad = Verdict(True, 0.25, (1,), 3.0), Verdict(False, 2.0, (2,), 7.0)
    assert Report(a_theorem(), [good], {}).holds
    assert not Report(a_theorem(), [], {}).holds
    mixed = Report(a_theorem(), [bad, good], {"inside all the same": good, "outside": bad})
    assert not mixed.holds and mixed.failures == [bad] and mixed.escaped == ["inside all the same"]
    assert (mixed.worst, mixed.cancellation) == (2.0, 7.0)
    assert not Report(a_theorem(), [good, bad], {}).holds
    assert not Report(a_theorem(), [good], {"inside all the same": good}).holds
    assert Report(a_theorem(), [good], {"outside": bad}).holds
    assert np.isnan(Report(a_theorem(), [good, bad._replace(ratio=np.nan)], {}).worst)
    nothing = Report(a_theorem(), [], {})
    assert (nothing.worst, nothing.cancellation, nothing.unsupported) == (0.0, 1.0, 0)
    assert MUCH_CANCELLATION == 1e4
    with pytest.raises(dataclasses.FrozenInstanceError):
        nothing.unsupported = 1


def test_a_run_judges_every_case():
    """Those beyond the middle of the range fail: some do, and each is told by its integers."""
    half = a_theorem(sides=lambda impl, a: Sides([a], [min(a, 2.0)]))
    report = run(half, seed=1, cases=40)
    assert len(report.verdicts) == 40 and 0 < len(report.failures) < 40 and not report.holds
    assert all(verdict.holds == (verdict.integers[0] <= 0) for verdict in report.verdicts)
    began = time.perf_counter()
    assert 0 < run(half, cases=4).seconds < time.perf_counter() - began
    assert run(half, cases=40).verdicts == run(half, 0, 40).verdicts
    assert run(half, seed=1, cases=40).verdicts == report.verdicts != run(half, seed=2, cases=40).verdicts


def outside(value):
    return {"there": lambda: {"a": value}}


def test_cases_outside_the_conditions_are_for_the_reference_alone():
    def sides(impl, a):
        if a > 3:
            raise DomainError("E-DOMAIN", "too large")
        return Sides([a], [a])

    refused = run(a_theorem(sides=sides, outside=outside(4.0)), cases=2)
    assert refused.holds and refused.outside["there"].note == "refused: E-DOMAIN: too large"
    escapes = a_theorem(sides=sides, outside=outside(2.0))
    assert run(escapes, cases=2).escaped == ["there"]
    assert run(escapes, cases=2, impl=Implementation()).outside == {}
    assert run(escapes, cases=2, data=DATA).outside == {}


def test_what_an_implementation_cannot_be_asked_is_counted():
    def sides(impl, a):
        if a > 2:
            raise NotSupported("large numbers")
        return Sides([a], [a])

    report = run(a_theorem(sides=sides), cases=40, impl=Implementation())
    assert report.holds and report.unsupported == 40 - len(report.verdicts) and 0 < report.unsupported < 40


def test_an_error_of_an_implementation_is_red_and_one_of_ours_is_raised():
    def sides(impl, a):
        raise impl.error

    report = run(a_theorem(sides=sides), cases=3, impl=Implementation(error=KeyError("gone")))
    assert [verdict.note for verdict in report.verdicts] == ["cannot be computed with it: KeyError: 'gone'"] * 3
    assert [(verdict.holds, verdict.ratio, len(verdict.integers)) for verdict in report.verdicts] == [
        (False, np.inf, 1)
    ] * 3
    with pytest.raises(Unusable):
        run(a_theorem(sides=sides), cases=3, impl=Implementation(error=Unusable("E-ADAPTER", "no")))

    def fails(impl, a):
        raise KeyError("ours")

    with pytest.raises(KeyError):
        run(a_theorem(sides=fails), cases=1, impl=REFERENCE)


@pytest.mark.parametrize("error", [KeyError("gone"), InputError("E-SIDES", "so"), InputError("E-CASE", "so")])
def test_an_error_of_a_users_theorem_names_its_case(error):
    """If it drew one, and the case that was told is not itself what is wrong."""

    def sides(impl, a=0):
        raise error

    code = getattr(error, "code", "E-SIDES")
    words = "so" if code != "E-SIDES" or error.args[0] == code else r"own\.py:3: t returns .*compared: KeyError: 'gone'"
    for theorem, case in (
        (a_theorem(sides=sides, where="own.py:3"), r"\n  --case=-?\d+" if code == "E-SIDES" else ""),
        (Theorem("t", "t", "t", "t", "t", "quadrature", (), lambda draw: {}, sides, where="own.py:3"), ""),
    ):
        with pytest.raises(InputError) as raised:
            run(theorem, cases=1)
        assert raised.value.code == code and re.fullmatch(f"{code}: {words}{case}", str(raised.value))
        assert run(theorem, cases=1, impl=Implementation()).verdicts[0].note.startswith("cannot be computed with it")


def test_on_data_what_draws_nothing_is_one_case():
    nothing = Theorem("t", "t", "t", "t", "t", "quadrature", (), lambda draw: {}, lambda impl: Sides([1.0], [1.0]))
    assert len(run(nothing, cases=5, data=DATA).verdicts) == 1
    assert len(run(nothing, cases=5).verdicts) == 5
    assert len(run(a_theorem(), cases=5, data=DATA).verdicts) == 5


def test_what_is_born_has_one_thread_unless_it_is_told_another_number(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with parallel._one_thread_each():
        assert os.environ["OMP_NUM_THREADS"] == "3" and os.environ["MKL_NUM_THREADS"] == "1"
    assert os.environ["OMP_NUM_THREADS"] == "3" and "MKL_NUM_THREADS" not in os.environ


def test_an_interrupt_waits_until_all_are_born(monkeypatch):
    monkeypatch.setattr(parallel.resource_tracker, "ensure_running", lambda: None)
    before, done = signal.getsignal(signal.SIGINT), []
    with pytest.raises(KeyboardInterrupt), parallel._interrupts_wait():
        os.kill(os.getpid(), signal.SIGINT)
        done.append("all are born")
    assert done and signal.getsignal(signal.SIGINT) is before
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_in_another_thread_an_interrupt_is_not_ours():
    def born():
        with parallel._interrupts_wait():
            seen.append(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))

    seen, thread = [], threading.Thread(target=born)
    thread.start(), thread.join()
    assert seen == [False]


def test_a_process_of_a_run_ends_when_it_is_told_and_not_by_an_interrupt(monkeypatch):
    heard = {}
    monkeypatch.setattr(signal, "signal", heard.__setitem__)
    monkeypatch.setattr(threading.Thread, "start", lambda self: heard.update(daemon=self.daemon))
    parallel._leave_with_the_parent(None)
    assert heard == {signal.SIGINT: signal.SIG_IGN, signal.SIGTERM: signal.SIG_DFL, "daemon": True}
