"""The theorems of every stem, on cases from Hypothesis, which shrinks a red one to few small integers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refebm.identities import THEOREMS, Draw, check

EXAMPLES = {"pointwise": 15, "quadrature": 5, "enumeration": 15, "statistical": 3}


@pytest.mark.parametrize("name", THEOREMS)
def test_theorem(name, record_property):
    """Every drawn case holds, the simplest of all among them, and as many were drawn as were asked for."""
    theorem, cases, tried, simplest = THEOREMS[name], 0, set(), Draw.replay([])

    def one(draw):
        nonlocal cases
        cases += 1
        verdict = check(theorem, draw)
        tried.add(verdict.integers)
        case = ",".join(map(str, verdict.integers))
        assert verdict.holds, f"{verdict.note}\nrefebm verify --only {name} --case={case}"

    @settings(max_examples=EXAMPLES.get(theorem.kind, 1))
    @given(data=st.data())
    def drawn(data):
        one(Draw(lambda low, high: data.draw(st.integers(low, high))))

    if theorem.cases is None:
        drawn()
        theorem.case(simplest)
        assert cases >= EXAMPLES[theorem.kind] and tuple(simplest.integers) in tried
    else:
        for i in range(theorem.cases):
            one(Draw.replay([i]))
        assert cases == theorem.cases
    record_property("cases", cases)
