"""The theorems of every stem, on cases from Hypothesis, which shrinks a red one to few small integers."""

import functools
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import refebm
from refebm.identities import REFERENCE, THEOREMS, Draw, Implementation, check, verdict_of
from refebm.models import Model
from refebm.variants import NAIVE, WRONG
from refebm.variants.controls import CASES, rejections

INTEGERS = functools.cache(st.integers)  # by their bounds, which are few
EXAMPLES = {"pointwise": 15, "quadrature": 5, "enumeration": 15, "statistical": 3}
OBJECTIVES = [
    name
    for name in refebm.__all__
    if getattr(getattr(refebm, name), "__module__", "").startswith(
        ("refebm.objectives", "refebm.calculus", "refebm.samplers")
    )
    and name not in ("ReplayBuffer", "Step")
]
# where the automatic gradient of log_prob is what the closed form is held against
THE_GRADIENT_ITSELF = ("score_of", "refebm.identities.densities")


class Recording(Implementation):
    """No theorem passes a lambda through the implementation: an adapter could not rebuild it."""

    def score(self, model):
        assert isinstance(model, Model)
        return super().score(model)

    def energy(self, model):
        assert isinstance(model, Model)
        return super().energy(model)


@pytest.fixture(scope="module")
def objectives_below():
    """Where the truth and the theorems may find an objective: (module, name)."""
    floors = [m for n, m in sys.modules.items() if n.startswith(("refebm.truth", "refebm.identities"))]
    places = [(refebm, objective) for objective in OBJECTIVES]
    for objective in OBJECTIVES:
        home = sys.modules[getattr(refebm, objective).__module__]
        having = [other for other in floors if other is not home and getattr(other, objective, None) is not None]
        places += [(other, objective) for other in having if (objective, other.__name__) != THE_GRADIENT_ITSELF]
    return places


@pytest.fixture
def judged_alone(objectives_below, monkeypatch):
    """Every public objective is replaced by one that raises, save those that a theorem is handed to judge."""

    def without_the_others(theorem):
        judged = {f: getattr(refebm, f) for f in {a.partition(".")[0] for a in theorem.about} | {"score_of"}}
        for place, objective in objectives_below:
            monkeypatch.setattr(place, objective, raises)
        return Recording(**judged)

    def raises(*_, **__):
        raise AssertionError("a truth side called an objective")

    return without_the_others


@pytest.mark.parametrize("name", THEOREMS)
def test_theorem(name, judged_alone, record_property):
    """Every drawn case holds, the simplest of all among them, and as many were drawn as were asked for.

    The sides that are true compute without the objectives.
    """
    theorem, cases, tried, simplest = THEOREMS[name], 0, set(), Draw.replay([])
    implementation = judged_alone(theorem)

    def one(draw):
        nonlocal cases
        cases += 1
        verdict = check(theorem, draw, implementation)
        tried.add(verdict.integers)
        case = ",".join(map(str, verdict.integers))
        assert verdict.holds, f"{verdict.note}\nrefebm verify --only {name} --case={case}"

    @settings(max_examples=EXAMPLES.get(theorem.kind, 1))
    @given(data=st.data())
    def drawn(data):
        one(Draw(lambda low, high: data.draw(INTEGERS(low, high))))

    if theorem.cases is None:
        drawn()
        theorem.case(simplest)
        assert cases >= EXAMPLES[theorem.kind] and tuple(simplest.integers) in tried
    else:
        for i in range(theorem.cases):
            one(Draw.replay([i]))
        assert cases == theorem.cases
    record_property("cases", cases)


@pytest.mark.parametrize("name", [name for name, theorem in THEOREMS.items() if theorem.outside])
def test_outside_its_conditions_a_theorem_fails_or_is_refused(name):
    for words, case in THEOREMS[name].outside.items():
        verdict = verdict_of(THEOREMS[name], case(), REFERENCE)
        assert not verdict.holds, words


@pytest.mark.parametrize("name", THEOREMS)
def test_theorem_is_turned_red_by_some_wrong_version(name, turned_red):
    if not (turned_red / name).exists():
        about = [wrong for wrong in [*WRONG, *NAIVE] if any(theorem.name == name for theorem in wrong.theorems)]
        about.sort(key=lambda wrong: len(wrong.theorems))  # what hardly another is about is likely seen by this one
        tries = ((wrong, cases) for cases in (1, CASES) for wrong in about)
        assert any(error > 0 for wrong, cases in tries for error in rejections(wrong, THEOREMS[name], cases=cases))
