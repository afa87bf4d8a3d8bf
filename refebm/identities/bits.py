"""States of d bits, laws over all of them, and what the theorems about bits draw."""

import numpy as np

from refebm.identities.draw import SMOOTH_ENERGIES, Draw


def all_bits(d: int) -> np.ndarray:
    """All 2^d states of d bits."""
    return (np.arange(2**d)[:, None] >> np.arange(d)) % 2 * 1.0


def flips(d: int) -> np.ndarray:
    """The index of each state with bit i flipped, (2^d, d), in the order of `all_bits`."""
    return np.arange(2**d)[:, None] ^ (1 << np.arange(d))


def probabilities(log_p: np.ndarray) -> np.ndarray:
    """The probabilities of all states, from their logarithms up to a constant."""
    return np.exp(log_p) / np.sum(np.exp(log_p))


def law_and_energy(draw: Draw, kinds=SMOOTH_ENERGIES) -> dict:
    d = draw.count(1, 4)
    return {"log_p": draw.reals((2**d,), -2, 2), "model": draw.model(d, kinds)}


def unlikely_bits(draw: Draw) -> dict:
    """Biases of a single bit, with odds as small as e^-350, and with odds that overflow or underflow."""
    odds, steep = draw.real(40, 350), draw.real(710, 900)
    return {"biases": [odds, -odds, steep, -steep]}
