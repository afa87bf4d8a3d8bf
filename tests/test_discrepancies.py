"""Discrepancies: the kernel Stein discrepancy where its terms are far apart in size."""

import tracemalloc

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad

import refebm


def spread(n, d):
    """Points in eighths: ((i^2 + 3j + i j^2) mod 17 - 8)/8."""
    i, j = np.arange(n)[:, None], np.arange(d)
    return ((i**2 + 3 * j + i * j**2) % 17 - 8) / 8.0


@pytest.mark.parametrize(
    ("n", "d", "bandwidth", "size", "u", "v"),
    [  # mean over pairs of different rows, and over all, to 60 digits by mpmath
        (12, 64, 0.5, 1.0, -2.0366964545162709355e-23, 23.451280381944444444),
        (5, 2, 1.0, 1.0, -0.087251110826560901468, 0.50644911133875127883),
        (5, 2, 1e-150, 1e-150, -8.7251110826560889008e298, 5.0644911133875127564e299),
        (5, 2, 1e150, 1e150, -8.725111082656089644e-302, 5.0644911133875129294e-301),
        (2, 1, 1e-150, 1.0, 0.0, 5e299),  # 1/l^2 on the diagonal, and nothing beside it
        (2, 1, 1e-150, 1e100, 0.0, 5e299),
    ],
)
def test_kernel_stein_to_the_last_digits(n, d, bandwidth, size, u, v):
    """Score -x/size^2. The diagonal hides the other pairs; squares of the bandwidth overflow before the result does."""
    x = spread(n, d) * size

    def score(x):
        return -x / size / size

    assert refebm.kernel_stein(score, x, bandwidth) == pytest.approx(u, rel=1e-14, abs=0)
    assert refebm.kernel_stein(score, x, bandwidth, unbiased=False) == pytest.approx(v, rel=1e-14)


def test_kernel_stein_in_blocks_is_the_same(monkeypatch):
    x, slope = spread(7, 3), []
    for entries in (2**20, 50, 1):
        monkeypatch.setattr(refebm.objectives.discrepancies, "ENTRIES", entries)
        slope.append(grad(lambda a: refebm.kernel_stein(lambda x: -a * x + a**2 * anp.cos(x), x, 1.5))(0.75))
    assert slope == pytest.approx([slope[0]] * 3, rel=1e-13)


def test_kernel_stein_holds_blocks_of_pairs():
    """Some blocks of 8 MB, not arrays of (n, n, d), 230 MB each; for a gradient the kernel too."""
    x = spread(300, 320)
    tracemalloc.start()
    grad(lambda a: refebm.kernel_stein(lambda x: -a * x, x, 10.0))(1.0)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
