"""Far in the tails a log-density is finite or -inf and a score finite, never NaN, and nothing warns."""

import numpy as np
import pytest

import refebm
from refebm import Gamma, Gaussian, GaussianMixture, Laplace, StudentT

DENSITIES = {
    "Gaussian": Gaussian([1.0, -2.0], [[1.0, 0.5], [0.5, 0.8]]),
    "narrow": Gaussian([1.0, -2.0], 1e-6),
    "wide": Gaussian([1.0, -2.0], 1e6),
    "mixture": GaussianMixture([0.3, 0.7], [[0.0, 1.0], [2.0, -1.0]], [[[1.0, 0.5], [0.5, 0.8]], [[0.5, 0], [0, 0.3]]]),
    "mixture with a zero weight": GaussianMixture([0.0, 1.0], [[0.0, 1.0], [2.0, -1.0]], 1.0),
    "data": refebm.smoothed_empirical([[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]], 0.1),
    "StudentT": StudentT([1.0, 30.0], [0.0, 1.0], [1.0, 2.0]),
    "Laplace": Laplace([0.0, 1.0], [1.0, 2.0]),
    "Gamma": Gamma([0.5, 3.0], [1.0, 2.0]),
}


@pytest.mark.parametrize("name", DENSITIES)
@pytest.mark.parametrize("far", [1.0, 1e3, 1e8, 1e75, 1e150])
def test_far_from_the_mean(name, far):
    p = DENSITIES[name]
    scale = {"narrow": 1e-3, "data": 0.1, "wide": 1e3}.get(name, 0.5)
    signs = [[1, 1]] if name == "Gamma" else [[1, 1], [-1, 1], [1, -1], [-1, -1], [1, 1e-300]]
    x = far * scale * np.array(signs, dtype=float)
    log_p, s = p.log_prob(x), p.score(x)
    assert np.all(np.isfinite(log_p) | (log_p == -np.inf))
    assert np.all(np.isfinite(s))
    if hasattr(p, "posterior_mean"):
        assert np.all(np.isfinite(p.posterior_mean(x, 0.5)))
        assert np.all(np.isfinite(p.posterior_cov(x, 0.5)))
        assert np.all(np.linalg.eigvalsh(p.posterior_cov(x, 0.5)) > -1e-12)


def test_close_to_zero_and_outside_the_support():
    p = Gamma([0.5, 3.0], [1.0, 2.0])
    near = np.array([[1e-300, 1e-300], [1e-150, 5.0]])
    assert np.all(np.isfinite(p.log_prob(near)))
    assert np.all(np.isfinite(p.score(near)))
    np.testing.assert_array_equal(p.log_prob(np.array([[0.0, 1.0], [1.0, -2.0]])), -np.inf)


def test_the_leading_term_far_out():
    x = np.array([[1e150, 0.0]])
    assert Gaussian([0.0, 0.0], 1.0).log_prob(x)[0] == pytest.approx(-0.5e300, rel=1e-15)
    np.testing.assert_array_equal(Gaussian([0.0, 0.0], 4.0).score(x), [[-0.25e150, 0.0]])
