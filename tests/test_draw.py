"""The source of cases: what it draws, that it replays, and that it shrinks to something readable."""

import numpy as np
import pytest
from hypothesis import find, settings
from hypothesis import strategies as st

from refebm import InputError
from refebm.identities import THEOREMS, Draw, check
from refebm.identities.draw import GRID, NUDGE, PATTERNS


@pytest.mark.parametrize("name", THEOREMS)
def test_integers_replay_their_case(name):
    theorem = THEOREMS[name]
    draw = Draw.seeded([7]) if theorem.cases is None else Draw.replay([0])
    case = theorem.case(draw)
    again = theorem.case(Draw.replay(draw.integers))
    assert repr(case) == repr(again) or _flat(case) == _flat(again)


def _flat(case):
    return [
        np.asarray(value, dtype=object).tolist() for value in case.values() if isinstance(value, (np.ndarray, float))
    ]


@pytest.mark.parametrize("name", [name for name, theorem in THEOREMS.items() if theorem.cases is None])
def test_sparse_cases_hold(name):
    """Mostly zeros and ends of ranges, where coordinates vanish, components coincide, and terms cancel to nothing."""
    for seed in range(6):
        rng = np.random.default_rng(seed)

        def integer(low, high, rng=rng):
            simplest = min(max(0, low), high)
            return int(rng.choice([simplest, high, low, rng.integers(low, high + 1)], p=[0.75, 0.1, 0.05, 0.1]))

        draw = Draw(integer)
        assert check(THEOREMS[name], draw).holds, draw.integers


def test_zero_is_the_middle_and_the_ends_are_reached():
    assert Draw.replay([0]).real(-1, 3) == 1.0
    assert Draw.replay([GRID]).real(-1, 3) == 3.0
    assert Draw.replay([-GRID]).real(-1, 3) == -1.0
    assert Draw.replay([]).count(1, 4) == 1
    assert Draw.replay([]).choice("abc") == "a"


def test_every_drawn_number_is_nudged_up_or_down():
    integers = list(range(1, 21))
    plain = Draw.replay(integers).reals((20,), 0.0, 2.0)
    for pattern in PATTERNS:
        moved = Draw.replay(integers, pattern=pattern).reals((20,), 0.0, 2.0)
        np.testing.assert_allclose(np.abs(moved / plain - 1), NUDGE, atol=4 * 2**-53, rtol=0)  # three roundings
        assert 5 <= np.sum(moved > plain) <= 15


@pytest.mark.parametrize("integers", [[9], [0], [-1]])
def test_an_integer_out_of_range_is_refused(integers):
    with pytest.raises(InputError, match="integer 1 of the case must be 1 to 8"):
        Draw.replay(integers).count(1, 8)


def test_covariances_are_definite_and_weights_sum_to_one():
    for seed in range(200):
        draw = Draw.seeded([seed])
        d = draw.count(1, 5)
        p = draw.mixture(d)
        assert np.all(np.linalg.eigvalsh(p.covs) > 0)
        assert abs(p.weights.sum() - 1) < 1e-15
        x = draw.points(p, 2)
        assert np.all(np.min([np.sum(((x - c.mean) @ c.whitening.T) ** 2, 1) for c in p.components], 0) <= 64 + 1e-9)


def test_networks_are_mild():
    for seed in range(200):
        layers = Draw.seeded([seed]).layers(2, 3)
        assert 2 <= len(layers) <= 3
        assert layers[0][0].shape[0] == 2 and layers[-1][0].shape[1] == 3
        assert all(np.abs(w).max() <= 1 and w.shape[1] <= 4 for w, _ in layers)


def test_a_red_case_shrinks_to_small_integers():
    """A false statement about mixtures: Hypothesis finds a readable counterexample."""

    @st.composite
    def mixtures(draw):
        source = Draw(lambda low, high: draw(st.integers(low, high)))
        p = source.mixture(source.dimension())
        return source.integers, p

    integers, p = find(
        mixtures(), lambda pair: len(pair[1].weights) > 1, settings=settings(database=None, derandomize=True)
    )
    assert len(p.weights) == 2
    assert p.means.shape[1] == 1
    assert sum(map(abs, integers)) <= 6
