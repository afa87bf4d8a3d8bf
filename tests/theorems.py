"""The one way in which a stem's theorems are tested: cases from Hypothesis, which shrinks a red one to a short tape."""

from hypothesis import given, settings
from hypothesis import strategies as st

from refebm.identities import THEOREMS, Draw, check

EXAMPLES = {"pointwise": 15, "quadrature": 5, "enumeration": 15, "statistical": 3}


def of_stem(stem: str) -> list[str]:
    """Names of the theorems of a stem."""
    return [theorem.name for theorem in THEOREMS.values() if theorem.stem == stem]


def assert_holds(name: str, counts: dict[str, int]) -> None:
    """Every drawn case holds, and as many were drawn as were asked for."""
    theorem = THEOREMS[name]
    counts[name] = 0

    def one(draw):
        counts[name] += 1
        verdict = check(theorem, draw)
        tape = ",".join(map(str, verdict.tape))
        assert verdict.holds, f"{verdict.note}\nrefebm verify --only {name} --case={tape}"

    if theorem.cases is not None:
        for i in range(theorem.cases):
            one(Draw.replay([i]))
        assert counts[name] == theorem.cases
        return

    @settings(max_examples=EXAMPLES[theorem.kind])
    @given(data=st.data())
    def drawn(data):
        one(Draw(lambda low, high: data.draw(st.integers(low, high))))

    drawn()
    assert counts[name] >= EXAMPLES[theorem.kind]
