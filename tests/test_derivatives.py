"""What closed forms of derivatives add up, term by term: a tolerance that is too wide would let wrong digits pass."""

import numpy as np
import pytest

from refebm import Model
from refebm.calculus import jacobian
from refebm.models import score
from refebm.truth.derivatives import jacobian_size, moments, network_derivatives, score_and_jacobian

X = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])
FIRST = np.array([[1.0, -0.5, 0.25], [0.5, 2.0, -1.0]]), np.array([0.1, -0.2, 0.3])
SECOND = np.array([[1.0, 0.0], [-2.0, 0.5], [0.75, 1.5]]), np.array([-1.0, 0.5])
LAST = np.array([[2.0], [-3.0]]), np.array([0.25])


def sizes_by_hand(layers, x):
    """Of one row, by loops over paths: |W| along each, 1 + tanh^2 for a slope, 2 |tanh| of it for a curvature."""
    d = len(x)
    value, first, second = x, np.eye(d), np.zeros((d, d, d))
    for depth, (weights, bias) in enumerate(layers):
        value, outputs = value @ weights + bias, weights.shape[1]
        first = np.array([sum(abs(weights[k, j]) * first[k] for k in range(len(weights))) for j in range(outputs)])
        second = np.array([sum(abs(weights[k, j]) * second[k] for k in range(len(weights))) for j in range(outputs)])
        if depth < len(layers) - 1:
            for j in range(outputs):
                h = np.tanh(value[j])
                slope, curved = 1 + h**2, 2 * abs(h) * (1 + h**2)
                second[j] = curved * np.outer(first[j], first[j]) + slope * second[j]
                first[j] = slope * first[j]
            value = np.tanh(value)
    return first, second


@pytest.mark.parametrize("layers", [(FIRST,), (FIRST, SECOND), (FIRST, SECOND, LAST)])
def test_the_terms_of_a_network(layers):
    _, first, second = network_derivatives(layers, X, size=True)
    for i, x in enumerate(X):
        by_hand = sizes_by_hand(layers, x)
        np.testing.assert_allclose(first[i], by_hand[0], rtol=1e-13)
        np.testing.assert_allclose(second[i], by_hand[1], rtol=1e-13)
    _, exact, curved = network_derivatives(layers, X)
    assert np.all(np.abs(exact) <= first) and np.all(np.abs(curved) <= second)


def test_the_terms_of_models_with_a_network():
    x, energy = X[:1], Model("mlp_energy", {"precision": 0.75, "layers": (FIRST, SECOND, LAST)})
    by_hand = 0.75 * np.eye(2) + sizes_by_hand((FIRST, SECOND, LAST), X[0])[1][0]
    np.testing.assert_allclose(jacobian_size(energy, x)[0], by_hand, rtol=1e-13)
    field = Model("mlp_score", {"layers": (FIRST, SECOND)})
    np.testing.assert_allclose(jacobian_size(field, x)[0], sizes_by_hand((FIRST, SECOND), X[0])[0], rtol=1e-13)
    wide = np.vstack([FIRST[0], [[0.5, -1.0, 2.0]]]), FIRST[1]
    given = {"kind": "noise_conditional", "parameters": {"layers": (wide, SECOND)}, "sigma": 0.5}
    first = sizes_by_hand((wide, SECOND), np.array([*X[0], np.log(0.5)]))[0]
    np.testing.assert_allclose(jacobian_size(Model("at_level", given), x)[0], first[:, :2] / 0.5, rtol=1e-13)


def test_the_terms_of_a_mixture():
    """Second moments of the components' scores, their precisions, and the square of the mean, each by its size."""
    precisions = np.array([[[1.0, -0.25], [-0.25, 2.0]], [[0.5, 0.125], [0.125, 0.75]]])
    given = {"logits": np.array([0.5, -0.25]), "means": np.array([[1.0, 0.0], [-1.0, 0.5]]), "precisions": precisions}
    x = X[0]
    scores = [-p @ (x - m) for p, m in zip(precisions, given["means"])]
    weights = np.exp(given["logits"] + [0.5 * s @ (x - m) for s, m in zip(scores, given["means"])])
    r = weights / np.sum(weights)
    s = r @ scores
    within = sum(w * (np.outer(abs(a), abs(a)) + abs(p)) for w, a, p in zip(r, scores, precisions))
    np.testing.assert_allclose(jacobian_size(Model("mixture", given), X[:1])[0], within + np.outer(abs(s), abs(s)))


def test_a_model_of_one_term_is_its_own_size():
    model = Model("gamma", {"shape": np.array([2.0, 0.5]), "rate": np.array([1.0, 3.0])})
    x = np.abs(X)
    np.testing.assert_array_equal(jacobian_size(model, x), np.abs(score_and_jacobian(model, x)[1]))


def test_moments_near_the_start_have_their_digits():
    """At t = 2^-40, by the series in t: 1 - e^{-B} = B - B^2/2 and so on."""
    t = 2.0**-40
    rates = {"beta_min": 0.5, "beta_max": 3.0}
    area = 0.5 * t + 1.25 * t**2
    for kind, variance in (("VariancePreserving", area - area**2 / 2), ("SubVariancePreserving", area**2 - area**3)):
        scale, found = moments({"kind": kind, "parameters": rates}, t)
        np.testing.assert_allclose([scale, found], [1 - area / 2, variance], rtol=1e-15)
    levels = {"kind": "VarianceExploding", "parameters": {"sigma_min": 0.5, "sigma_max": 2.0}}
    growth = 2 * t * np.log(4.0)
    np.testing.assert_allclose(moments(levels, t)[1], 0.25 * (growth + growth**2 / 2), rtol=1e-15)


def test_derivatives_of_small_models():
    """tanh'' = -2 t (1 - t^2) of one unit; (a - 1)/x - b and its slope; a diffusion whose scale stays 1."""
    layers = ((np.array([[0.5], [-2.0]]), np.zeros(1)), (np.array([[3.0]]), np.zeros(1)))
    t = np.tanh(X @ layers[0][0][:, 0])
    _, first, second = network_derivatives(layers, X)
    np.testing.assert_allclose(first[:, 0], 3 * (1 - t**2)[:, None] * [0.5, -2.0], rtol=1e-13)
    squares = np.outer([0.5, -2.0], [0.5, -2.0])
    np.testing.assert_allclose(second[:, 0], -6 * (t * (1 - t**2))[:, None, None] * squares, rtol=1e-13)
    gamma = Model("gamma", {"shape": np.array([3.0]), "rate": np.array([1.0])})
    s, slope = score_and_jacobian(gamma, np.array([[2.0], [0.5]]))
    assert s.tolist() == [[0.0], [3.0]] and slope.tolist() == [[[-0.5]], [[-8.0]]]
    given = {"kind": "GivenDiffusion", "parameters": {"variance": lambda t: t**2}}
    assert moments(given, 0.5) == (1.0, 0.25)


def test_derivatives_of_a_machine_and_of_a_precision_that_is_not_symmetric():
    rbm = {"b": np.array([0.5]), "c": np.array([-1.0]), "W": np.array([[3.0]]), "sigma": 2.0}
    x = np.array([[1.0], [-2.0]])
    on = 1 / (1 + np.exp(1 - 0.75 * x))
    s, slope = score_and_jacobian(Model("gaussian_rbm", rbm), x)
    np.testing.assert_allclose(s, (0.5 - x + 3 * on) / 4, rtol=1e-14)
    np.testing.assert_allclose(slope[:, 0], 9 * on * (1 - on) / 16 - 0.25, rtol=1e-14)
    turned = {"mean": np.array([1.0, 0.0]), "precision": np.array([[2.0, 1.0], [0.0, 3.0]])}
    s, slope = score_and_jacobian(Model("quadratic", turned), np.array([[2.0, 1.0]]))
    assert s.tolist() == [[-2.5, -3.5]] and slope.tolist() == [[[-2.0, -0.5], [-0.5, -3.0]]]


WIDE = np.vstack([FIRST[0], [[0.5, -1.0, 2.0]]]), FIRST[1]  # with an input for log sigma
WELLS = {"logits": np.array([0.5, -0.25]), "means": np.array([[1.0, 0.0], [-1.0, 0.5]])}
PRECISIONS = np.array([[[1.0, -0.25], [-0.25, 2.0]], [[0.5, 0.125], [0.125, 0.75]]])
VARIANCES = np.array([[0.5, 1.5], [0.25, 0.75]])
PROCESSES = (
    {"kind": "VarianceExploding", "parameters": {"sigma_min": 0.1, "sigma_max": 4.0}},
    {"kind": "VariancePreserving", "parameters": {"beta_min": 0.1, "beta_max": 6.0}},
    {"kind": "SubVariancePreserving", "parameters": {"beta_min": 0.1, "beta_max": 6.0}},
)
KINDS = [
    ("quadratic", {"mean": np.array([0.5, -1.0]), "precision": PRECISIONS[0]}),
    ("mixture", {**WELLS, "precisions": PRECISIONS}),
    ("mlp_energy", {"precision": 0.75, "layers": (FIRST, SECOND, LAST)}),
    ("mlp_score", {"layers": (FIRST, SECOND)}),
    ("at_level", {"kind": "noise_conditional", "parameters": {"layers": (WIDE, SECOND)}, "sigma": 0.5}),
    ("noise_conditional", {"layers": (WIDE, SECOND)}),
    ("smoothed_mixture", {**WELLS, "variances": VARIANCES}),
    *(("diffused_mixture", {**WELLS, "variances": VARIANCES, "sde": sde}) for sde in PROCESSES),
]


@pytest.mark.parametrize(("kind", "parameters"), KINDS)
def test_derivatives_by_hand_are_those_of_automatic_differentiation(kind, parameters):
    model = Model(kind, parameters)
    levels = (
        (np.array([0.5, 0.75, 0.25]),) if kind in ("noise_conditional", "smoothed_mixture", "diffused_mixture") else ()
    )
    field = score(model)
    s, j = score_and_jacobian(model, X, *levels)
    for i in range(len(X)):  # one row each, with its level
        own = [level[i : i + 1] for level in levels]
        np.testing.assert_allclose(s[i], field(X[i : i + 1], *own)[0], rtol=1e-12, atol=1e-13)
        slopes = jacobian(lambda x, own=own: field(x, *own), X[i : i + 1])
        np.testing.assert_allclose(j[i], slopes[0], rtol=1e-11, atol=1e-13)


def test_far_out_there_are_derivatives():
    """Of saturated units, which have none, and of the nearer component, 1,000 and more below its height."""
    steep = (np.array([[400.0, -400.0]]), np.zeros(2)), (np.ones((2, 1)), np.zeros(1))
    value, first, second = network_derivatives(steep, np.array([[1.0]]))
    assert value.tolist() == [[0.0]] and not np.any(first) and not np.any(second)
    model = Model("mixture", {**WELLS, "precisions": np.array([np.eye(2)] * 2)})
    s, j = score_and_jacobian(model, np.array([[600.0, 0.0]]))
    np.testing.assert_allclose(s, [[-599.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(j, [-np.eye(2)], atol=1e-12)


def test_sizes_of_signs_that_differ_at_0_and_in_three_coordinates():
    """Of one component the terms are s s^T twice and P, with s = -P (x - m) = (-1.25, 2.25) at (2, -1)."""
    given = {"logits": np.zeros(1), "means": np.array([[1.0, 0.0]]), "precisions": PRECISIONS[:1]}
    size = jacobian_size(Model("mixture", given), np.array([[2.0, -1.0]]))[0]
    np.testing.assert_allclose(size, 2 * np.outer([1.25, 2.25], [1.25, 2.25]) + np.abs(PRECISIONS[0]), rtol=1e-14)
    level = {"kind": "noise_conditional", "parameters": {"layers": (WIDE, SECOND)}, "sigma": 0.5}
    assert np.all(np.isfinite(jacobian_size(Model("at_level", level), np.zeros((1, 2)))))
    flat = Model("quadratic", {"mean": np.zeros(3), "precision": np.eye(3)})
    np.testing.assert_array_equal(score_and_jacobian(flat, np.ones((2, 3)))[1], [-np.eye(3)] * 2)
    for sde in (*PROCESSES, {"kind": "GivenDiffusion", "parameters": {"variance": lambda t: t}}):
        np.testing.assert_array_equal(moments(sde, np.zeros(2)), [[1.0, 1.0], [0.0, 0.0]])
