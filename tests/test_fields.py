"""Fields of one level or time, by hand, and far out, where no density is a double."""

import numpy as np
import pytest

from refebm import Model, at
from refebm.models import fields

X = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])
SIGMA = np.array([0.5, 1.0, 2.5])
WEIGHTS, BIAS = np.array([[1.0, -0.5], [0.5, 2.0], [0.25, -1.0]]), np.array([0.1, -0.2])
MIXTURE = {
    "logits": np.array([0.3, -0.4]),
    "means": np.array([[1.0, 0.0], [-1.0, 0.5]]),
    "variances": np.array([[0.25, 1.0], [2.0, 0.5]]),
}


def by_hand(x, variance, scale=1.0, mixture=MIXTURE):
    """Row by row: sum_k w_k N_k (m_k - x)/c_k over sum_k w_k N_k; weights and N up to a common factor."""
    weights = np.exp(mixture["logits"])
    rows = []
    for x_i, v_i, a_i in zip(x, variance, scale * np.ones(len(x))):
        c = a_i**2 * mixture["variances"] + v_i
        pull = (a_i * mixture["means"] - x_i) / c
        p = weights * np.exp(-0.5 * np.sum(pull**2 * c, axis=1)) / np.sqrt(np.prod(c, axis=1))
        rows.append(p @ pull / np.sum(p))
    return np.array(rows)


def test_a_network_of_x_and_log_sigma_over_sigma():
    rows = [(np.array([*x, np.log(sigma)]) @ WEIGHTS + BIAS) / sigma for x, sigma in zip(X, SIGMA)]
    np.testing.assert_allclose(fields.noise_conditional(X, SIGMA, ((WEIGHTS, BIAS),)), rows, rtol=1e-14)
    np.testing.assert_allclose(fields.mlp_score(X, ((WEIGHTS[:2], BIAS),)), X @ WEIGHTS[:2] + BIAS, rtol=1e-14)


def test_a_smoothed_mixture_by_hand():
    np.testing.assert_allclose(fields.smoothed_mixture(X, SIGMA, **MIXTURE), by_hand(X, SIGMA**2), rtol=1e-13)


def test_a_smoothed_mixture_far_out_is_its_nearest_component():
    """1e3 to 1e6 deviations away the other one has a share of e^-10^5 or less."""
    x, nearest = np.array([[1e3, 0.0], [0.0, 1e6], [-1e4, 0.0]]), [1, 0, 1]  # the wider one in that coordinate
    expected = (MIXTURE["means"] - x[:, None]) / (MIXTURE["variances"] + 0.25)
    score = fields.smoothed_mixture(x, np.full(3, 0.5), **MIXTURE)
    np.testing.assert_allclose(score, expected[range(3), nearest], rtol=1e-13)


def test_a_smoothed_mixture_of_a_wide_component_and_a_narrow_one():
    """The wide one is the likeliest; seen from the narrow one, half of the digits would cancel."""
    mixture = {"logits": np.zeros(2), "means": np.array([[0.5], [0.0]]), "variances": np.array([[1e-8], [1.0]])}
    x, sigma = np.array([[0.5 + 8e-4], [0.5 - 8e-4], [-0.5]]), np.full(3, 1e-4)
    expected = by_hand(x, sigma**2, mixture=mixture)
    np.testing.assert_allclose(fields.smoothed_mixture(x, sigma, **mixture), expected, rtol=1e-11)


def test_a_smoothed_mixture_between_means_so_far_apart_that_x_is_lost_in_both_differences():
    """Of means -m and m, and variance 1, the score is m tanh(m x) - x."""
    x, m = np.array([[1e-9], [-3e-9], [0.0]]), 1e8
    score = fields.smoothed_mixture(x, np.full(3, 0.5), np.zeros(2), np.array([[-m], [m]]), np.full((2, 1), 0.75))
    np.testing.assert_allclose(score, m * np.tanh(m * x) - x, rtol=1e-13)


SDE = {
    "VarianceExploding": ({"sigma_min": 0.1, "sigma_max": 3.0}, lambda t: (1.0, 0.01 * (900.0**t - 1))),
    "VariancePreserving": (
        {"beta_min": 0.5, "beta_max": 3.0},
        lambda t: (np.exp(-0.5 * (0.5 * t + 1.25 * t**2)), 1 - np.exp(-(0.5 * t + 1.25 * t**2))),
    ),
    "SubVariancePreserving": (
        {"beta_min": 0.5, "beta_max": 3.0},
        lambda t: (np.exp(-0.5 * (0.5 * t + 1.25 * t**2)), (1 - np.exp(-(0.5 * t + 1.25 * t**2))) ** 2),
    ),
}


@pytest.mark.parametrize("kind", fields.SDES)
def test_a_diffused_mixture_by_hand(kind):
    parameters, moments = SDE[kind]
    t = np.array([0.25, 0.5, 0.875])
    scale, variance = moments(t)
    score = fields.diffused_mixture(X, t, {"kind": kind, "parameters": parameters}, **MIXTURE)
    np.testing.assert_allclose(score, by_hand(X, variance, scale), rtol=1e-12)


def test_at_one_level():
    model = Model("smoothed_mixture", MIXTURE)
    np.testing.assert_array_equal(at(model, 0.5)(X), model(X, np.full(3, 0.5)))
