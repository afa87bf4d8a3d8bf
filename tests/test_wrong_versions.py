"""The checks are checked: every wrong version is rejected, every theorem rejects one, none is a copy of another."""

import contextlib
from itertools import combinations

import numpy as np
import pytest

import refebm
from refebm.glossary import DomainError, InputError
from refebm.identities import REFERENCE, THEOREMS
from refebm.variants import NAIVE, WRONG, Wrong
from refebm.variants.controls import CASES, ENOUGH, rejections
from refebm.variants.questions import GENERATORS, answer
from refebm.variants.weak import survives

FUNCTIONS = sorted({wrong.function for wrong in WRONG if not wrong.function.startswith("theorem ")})
MADE_OF_METHODS = {name.partition(".")[0] for name in FUNCTIONS if "." in name}
TRAINING = ("Fit", "minimise", "minimise_noisy")  # other people's optimisers: tests/test_training.py
NO_FORMULA = {"DomainError", "Expectation", "InputError", "Model", "Step", "at", "mixture_of", "standard_normal"}
NO_FORMULA |= {*MADE_OF_METHODS, "Generator", *GENERATORS, *TRAINING}
REJECTED_BY: dict[str, str] = {}
DEARER = ("pointwise", "enumeration", "limit", "quadrature", "statistical")  # the cheap ones are asked first


@pytest.mark.parametrize("wrong", [*WRONG, *NAIVE], ids=str)
def test_wrong_version_is_rejected(wrong):
    """By some theorem in at least half of the cases outside its blind set, never by raising."""
    rejected = {}
    for theorem in sorted(wrong.theorems, key=lambda theorem: DEARER.index(theorem.kind)):
        rejected[theorem.name] = few = []
        most = min(theorem.cases or CASES, CASES)
        with np.errstate(all="ignore"):  # a naive form overflows
            for error in rejections(wrong, theorem):
                few.append(error > 0)
                if error > 0:
                    REJECTED_BY[theorem.name] = str(wrong)
                if few.count(True) >= ENOUGH * most or few.count(False) > (1 - ENOUGH) * most:
                    break  # no case that is left can change it
        if few and np.mean(few) >= ENOUGH:
            return
    raise AssertionError(f"rejected in too few cases: {rejected}")


@pytest.mark.parametrize("wrong", [*WRONG, *NAIVE], ids=str)
def test_wrong_version_passes_its_weak_check(wrong):
    assert survives(wrong)


@pytest.mark.parametrize("name", THEOREMS)
def test_theorem_is_turned_red_by_some_wrong_version(name):
    if name not in REJECTED_BY:
        about = [wrong for wrong in [*WRONG, *NAIVE] if THEOREMS[name] in wrong.theorems]
        tries = ((wrong, cases) for cases in (1, CASES) for wrong in about[::-1])
        assert any(error > 0 for wrong, cases in tries for error in rejections(wrong, THEOREMS[name], cases=cases))


def test_every_public_function_has_at_least_four():
    public = {name for name in refebm.__all__ if name not in NO_FORMULA}
    methods = {function for theorem in THEOREMS.values() for function in theorem.about if "." in function}
    for function in public | methods:
        assert sum(wrong.function == function for wrong in WRONG) >= 4, function


def test_names_are_unique():
    assert len({str(wrong) for wrong in [*WRONG, *NAIVE]}) == len(WRONG) + len(NAIVE)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_two_differ_by_a_factor(function):
    """Nor is any of them the right one: the answers to several questions, side by side, are not proportional."""
    questions = [{"seed": seed, "d": d} for seed, d in ((0, 3), (1, 2), (2, 4))]

    def answers(impl):
        return np.concatenate([np.ravel(answer(function, impl, **question)) for question in questions])

    vectors = {}
    for wrong in WRONG:
        with contextlib.suppress(DomainError):  # a version that refuses is no other's multiple
            vectors |= {wrong.name: answers(wrong.implementation())} if wrong.function == function else {}
    right = answers(REFERENCE)
    for name, vector in vectors.items():
        assert np.max(np.abs(vector - right)) > 1e-6 * np.max(np.abs(right)), f"{name} is right"
    for (name, a), (other, b) in combinations(vectors.items(), 2):
        ratio = (a @ b) / (b @ b)
        assert np.max(np.abs(a - ratio * b)) > 1e-6 * np.max(np.abs(a)), f"{name} is {ratio:.3g} times {other}"


def test_a_patch_that_does_not_apply_is_an_error():
    stale = Wrong("tweedie_mean", "stale", "no such text", "", "finite")
    with pytest.raises(ValueError, match="stands 0 times"):
        stale.implementation()


@pytest.mark.parametrize("name", [name for name, theorem in THEOREMS.items() if theorem.outside])
def test_outside_its_conditions_a_theorem_fails_or_is_refused(name):
    from refebm.identities import verdict_of

    for words, case in THEOREMS[name].outside.items():
        verdict = verdict_of(THEOREMS[name], case(), REFERENCE)
        assert not verdict.holds, words


def test_public_errors():
    assert issubclass(refebm.DomainError, InputError)
