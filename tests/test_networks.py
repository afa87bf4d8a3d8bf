"""The perceptron, by hand: tanh on every layer but the last, which is linear."""

import numpy as np

from refebm.models.networks import perceptron

X = np.array([[0.5, -1.0], [2.0, 0.25]])
FIRST = np.array([[1.0, -0.5, 0.25], [0.5, 2.0, -1.0]]), np.array([0.1, -0.2, 0.3])
SECOND = np.array([[1.0, 0.0], [-2.0, 0.5], [0.75, 1.5]]), np.array([-1.0, 0.5])
LAST = np.array([[2.0], [-3.0]]), np.array([0.25])


def test_layers_are_applied_in_their_order():
    linear = X @ FIRST[0] + FIRST[1]
    np.testing.assert_allclose(perceptron((FIRST,), X), linear, rtol=1e-15)
    two = np.tanh(linear) @ SECOND[0] + SECOND[1]
    np.testing.assert_allclose(perceptron((FIRST, SECOND), X), two, rtol=1e-14)
    np.testing.assert_allclose(perceptron((FIRST, SECOND, LAST), X), np.tanh(two) @ LAST[0] + LAST[1], rtol=1e-14)
