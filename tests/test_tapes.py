"""Tapes: shapes, laws, the order in which a seed is used, and that u is never 0 or 1."""

import numpy as np
import pytest

import refebm
from refebm import BinaryRBM, GaussianBernoulliRBM, InputError
from refebm.samplers import tapes

BITS = BinaryRBM(np.zeros(2), np.zeros(3), np.zeros((2, 3)))
GAUSSIAN = GaussianBernoulliRBM(np.zeros(2), np.zeros(3), np.zeros((2, 3)), 1.0)


class Ends:
    """A generator whose integers are the first or the last that it may draw."""

    def __init__(self, last):
        self.last = last

    def integers(self, low, high, shape):
        return np.full(shape, high - 1 if self.last else low)


def seeded():
    return np.random.default_rng(7)


def uniform(rng, shape):
    return (rng.integers(0, 2**52, shape) + 0.5) * 2.0**-52


def test_uniform_numbers_are_never_0_or_1():
    assert tapes._uniform(Ends(False), (2, 3)).tolist() == [[2.0**-53] * 3] * 2
    assert tapes._uniform(Ends(True), (1,)).tolist() == [1 - 2.0**-53]


def test_a_seed_gives_the_same_tape_for_ever():
    """Arrays are drawn whole, in the order in which they are returned."""
    np.testing.assert_array_equal(refebm.langevin_tape(seeded(), 4, 3, 2), seeded().standard_normal((4, 3, 2)))
    rng = seeded()
    z, u = refebm.metropolis_tape(seeded(), 4, 3, 2)
    np.testing.assert_array_equal(z, rng.standard_normal((4, 3, 2)))
    np.testing.assert_array_equal(u, uniform(rng, (4, 3)))
    rng = seeded()
    u_h, u_v = refebm.gibbs_tape(seeded(), 4, 5, BITS)
    np.testing.assert_array_equal(u_h, uniform(rng, (4, 5, 3)))
    np.testing.assert_array_equal(u_v, uniform(rng, (4, 5, 2)))
    rng = seeded()
    u_h, z_v = refebm.gibbs_tape(seeded(), 4, 5, GAUSSIAN)
    np.testing.assert_array_equal(u_h, uniform(rng, (4, 5, 3)))
    np.testing.assert_array_equal(z_v, rng.standard_normal((4, 5, 2)))
    z = refebm.annealed_langevin_tape(seeded(), 5, 4, 3, 2)
    np.testing.assert_array_equal(z, seeded().standard_normal((5, 4, 3, 2)))
    z = refebm.predictor_corrector_tape(seeded(), 5, 0, 3, 2)
    np.testing.assert_array_equal(z, seeded().standard_normal((5, 1, 3, 2)))
    assert refebm.predictor_corrector_tape(seeded(), 5, 4, 3, 2).shape == (5, 5, 3, 2)
    np.testing.assert_array_equal(refebm.replay_tape(seeded(), 4, 3), uniform(seeded(), (4, 3, 2)))


MADE = {  # a tape of given sizes, and what each is called
    "langevin_tape": (lambda *sizes: refebm.langevin_tape(seeded(), *sizes), "n_steps n d"),
    "metropolis_tape": (lambda *sizes: refebm.metropolis_tape(seeded(), *sizes), "n_steps n d"),
    "gibbs_tape": (lambda *sizes: refebm.gibbs_tape(seeded(), *sizes, BITS), "n_steps n"),
    "annealed_langevin_tape": (lambda *sizes: refebm.annealed_langevin_tape(seeded(), *sizes), "n_levels n_steps n d"),
    "predictor_corrector_tape": (
        lambda steps, n, d: refebm.predictor_corrector_tape(seeded(), steps, 2, n, d),
        "n_steps n d",
    ),
    "replay_tape": (lambda *sizes: refebm.replay_tape(seeded(), *sizes), "n_steps n"),
}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("bad", [0, -1, 1.5])
def test_every_size_must_be_a_count(name, bad):
    make, names = MADE[name]
    for i, of in enumerate(names.split()):
        with pytest.raises(InputError, match=f"E-COUNT: {of} ") as refused:
            make(*[bad if j == i else 2 for j in range(len(names.split()))])
        assert refused.value.code == "E-COUNT"


def test_there_may_be_no_corrections_but_not_fewer():
    with pytest.raises(InputError, match="n_corrections"):
        refebm.predictor_corrector_tape(seeded(), 2, -1, 2, 2)
