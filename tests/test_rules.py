"""Rules for the laws of projections: every moment up to degree 4, which needs three nodes an axis, or six a ring."""

from itertools import product

import numpy as np
import pytest

from refebm.identities.rules import LAWS, RULES

FOURTH = {"rademacher": 1.0, "normal": 3.0, "stretched": 1.5**4}


def moment(name: str, d: int, powers: tuple) -> float:
    """E prod_i v_i^{p_i}, at most four factors: 0 for an odd power, else by hand."""
    if any(power % 2 for power in powers):
        return 0.0
    pairs, fourth = sum(powers) // 2, max(powers) == 4
    if name == "sphere":  # |v|^2 = d: E v_1^4 = 3 d/(d + 2) and E v_1^2 v_2^2 = d/(d + 2)
        return 1.0 if pairs < 2 else (3.0 if fourth else 1.0) * d / (d + 2)
    scale = 2.25 if name == "stretched" else 1.0
    return FOURTH[name] if fourth else scale**pairs


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("name", RULES)
def test_moments_up_to_degree_four(name, d):
    v, weights = RULES[name](d)
    assert v.shape == (len(weights), d) and np.all(weights > 0)
    for powers in product(range(5), repeat=d):
        if sum(powers) <= 4:
            value = weights @ np.prod(v ** np.array(powers), axis=1)
            assert abs(value - moment(name, d, powers)) <= 1e-13, powers


def test_signs_and_lengths():
    assert set(RULES) == {*LAWS, "stretched"} == {"rademacher", "normal", "sphere", "stretched"}
    for d in (1, 2, 3):
        np.testing.assert_allclose(np.sum(RULES["sphere"](d)[0] ** 2, axis=1), d, rtol=1e-14)
        signs = RULES["rademacher"](d)[0]
        assert len({tuple(row) for row in signs}) == 2**d == len(signs) and set(np.ravel(signs)) == {-1.0, 1.0}
