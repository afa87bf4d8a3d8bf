"""Functions of single numbers and log sum exp: values, slopes and slopes of slopes, by mpmath with 60 digits."""

import autograd.numpy as np
import numpy
import pytest
from autograd import grad, jacobian, make_jvp
from autograd.core import VJPNode
from autograd.tracer import trace

from refebm.special import affine, expit, gammaln, logsumexp, ndtr, product, sech_squared, softmax, softplus, tanh

FAR = 9.85967654375977e-305  # exp(-700)
ROWS = [
    (tanh, -400.0, -1.0, 0.0, 0.0),
    (tanh, -0.75, -0.6351489523872873, 0.5965858082813315, 0.7578417022780214),
    (tanh, -1e-9, -1e-9, 1.0, 2e-9),
    (tanh, 0.0, 0.0, 1.0, 0.0),
    (tanh, 0.3125, 0.3027097293321085, 0.9083668197676816, -0.5499429482922862),
    (tanh, 20.0, 1.0, 1.6993417021166355e-17, -3.398683404233271e-17),
    (sech_squared, -0.75, 0.5965858082813315, 0.7578417022780214, 0.25085547326918849),
    (sech_squared, 20.0, 1.6993417021166355e-17, -3.398683404233271e-17, 6.797366808466542e-17),
    (expit, -740.0, 4.2e-322, 4.2e-322, 4.2e-322),
    (expit, -700.0, FAR, FAR, FAR),
    (expit, -0.75, 0.320821300824607, 0.21789499376181404, 0.07808428307814441),
    (expit, 0.0, 0.5, 0.25, 0.0),
    (expit, 0.3125, 0.5774953651858118, 0.24399446837471767, -0.037816880860033486),
    (expit, 37.0, 0.9999999999999999, 8.533047625744065e-17, -8.533047625744063e-17),
    (expit, 700.0, 1.0, FAR, -FAR),
    (softplus, -740.0, 4.2e-322, 4.2e-322, 4.2e-322),
    (softplus, -700.0, FAR, FAR, FAR),
    (softplus, -0.75, 0.38687100611489994, 0.320821300824607, 0.21789499376181404),
    (softplus, 0.0, 0.6931471805599453, 0.5, 0.25),
    (softplus, 0.3125, 0.8615548622706682, 0.5774953651858118, 0.24399446837471767),
    (softplus, 37.0, 37.0, 0.9999999999999999, 8.533047625744065e-17),
    (softplus, 700.0, 700.0, 1.0, FAR),
    (softplus, np.inf, np.inf, 1.0, 0.0),
    (gammaln, 1e-100, 230.25850929940458, -1e100, 1e200),
    (gammaln, 0.3125, 1.0529493400370493, -3.35510557620984, 11.359458005155656),
    (gammaln, 1.0, 0.0, -0.5772156649015329, 1.6449340668482264),
    (gammaln, 2.5, 0.2846828704729192, 0.7031566406452432, 0.49035775610023485),
    (gammaln, 40.0, 106.63176026064346, 3.676327374034843, 0.02531510384129103),
    (gammaln, 1e9, 19723265827.503716, 20.723265836446412, 1.0000000005e-09),
    (ndtr, -5.0, 2.866515718791939e-07, 1.4867195147342977e-06, 7.433597573671489e-06),
    (ndtr, -0.75, 0.2266273523768682, 0.30113743215480443, 0.2258530741161033),
    (ndtr, 0.0, 0.5, 0.3989422804014327, 0.0),
    (ndtr, 0.3125, 0.6226697184701571, 0.37993060619862773, -0.11872831443707117),
    (ndtr, 9.0, 1.0, 1.0279773571668915e-18, -9.251796214502023e-18),
]


def close(got, expected):
    numpy.testing.assert_allclose(got, expected, rtol=1e-14, atol=1e-323)


@pytest.mark.parametrize(("function", "x", "value", "slope", "curvature"), ROWS)
def test_value_slope_and_slope_of_the_slope(function, x, value, slope, curvature):
    close(function(np.array([x, x])), [value, value])
    close(grad(function)(x), slope)
    close(grad(grad(function))(x), curvature)
    close(make_jvp(function)(np.array([x, x]))(np.array([2.0, 0.0]))[1], [2 * slope, 0.0])
    close(make_jvp(grad(function))(x)(2.0)[1], 2 * curvature)


A = np.array([-3.0, 0.5, 2.25])
SUM = 2.4146848248243510855
SHARES = [0.0044507403545896246, 0.14738827839302591, 0.84816098125238446]


@pytest.mark.parametrize("shift", [0.0, 700.0, -1e5, 1e5, 1e300])
def test_log_sum_exp_and_its_slopes(shift):
    close(logsumexp(A + shift), SUM + shift)
    columns = np.stack([A, A[::-1]], axis=1)
    close(logsumexp(columns + shift, 0), [SUM + shift] * 2)
    if shift < 1e300:  # which leaves no digits of A
        close(grad(logsumexp)(A + shift), SHARES)
        close(softmax(A + shift), SHARES)
        close(jacobian(grad(logsumexp))(A + shift), np.diag(SHARES) - np.outer(SHARES, SHARES))
        weighted = grad(lambda a: np.sum(np.array([2.0, -1.0]) * logsumexp(a, 0)))(columns + shift)
        close(weighted, np.stack([2 * np.array(SHARES), -np.array(SHARES)[::-1]], axis=1))
        close(make_jvp(logsumexp)(A + shift)(np.array([1.0, 0.0, -1.0]))[1], SHARES[0] - SHARES[2])


def test_log_sum_exp_of_nothing_and_of_too_much():
    assert logsumexp(np.array([-np.inf, -np.inf])) == -np.inf
    assert logsumexp(np.array([0.0, np.inf])) == np.inf
    close(grad(logsumexp)(np.array([-np.inf, 1.0])), [0.0, 1.0])


@pytest.mark.parametrize("function", [*dict.fromkeys(row[0] for row in ROWS), logsumexp])
def test_automatic_differentiation_sees_one_step(function):
    start = VJPNode.new_root()
    assert trace(start, function, A + 4)[1].parents == (start,)


W, B, X = (
    np.array([[0.5, -1.0, 2.0], [0.25, 1.5, -0.75]]),
    np.array([1.0, -2.0, 0.5]),
    np.array([[1.0, 2.0], [-0.5, 4.0]]),
)
WEIGHTS = np.array([[1.0, -1.0, 2.0], [0.5, 3.0, -2.0]])


def of_layer(x, weights, bias):
    return np.sum(WEIGHTS * affine(x, weights, bias))


def test_a_layer_and_its_slopes():
    close(affine(X, W, B), [[2.0, 0.0, 1.0], [1.75, 4.5, -3.5]])
    close(grad(of_layer, 0)(X, W, B), WEIGHTS @ W.T)
    close(grad(of_layer, 1)(X, W, B), X.T @ WEIGHTS)
    close(grad(of_layer, 2)(X, W, B), [1.5, 2.0, 0.0])
    close(make_jvp(lambda x: affine(x, W, B))(X)(X)[1], X @ W)
    close(make_jvp(lambda w: affine(X, w, B))(W)(W)[1], X @ W)
    close(make_jvp(lambda b: affine(X, W, b))(B)(B)[1], np.stack([B, B]))


def test_slopes_of_the_slopes_of_a_layer():
    """Of |W u|^2 with u the weights of a layer's outputs, and of |x^T u|^2."""
    close(grad(lambda w: np.sum(grad(of_layer, 0)(X, w, B) ** 2))(W), 2 * W @ WEIGHTS.T @ WEIGHTS)
    close(grad(lambda x: np.sum(grad(of_layer, 1)(x, W, B) ** 2))(X), 2 * WEIGHTS @ WEIGHTS.T @ X)
    twice = grad(lambda w: np.sum(grad(lambda v: np.sum(grad(of_layer, 0)(X, v, B) ** 3))(w) ** 2))
    step, h = np.ones_like(W), 2.0**-20
    third = [grad(lambda v: np.sum(grad(of_layer, 0)(X, v, B) ** 3))(W + sign * h * step) for sign in (1, -1)]
    change = (np.sum(third[0] ** 2) - np.sum(third[1] ** 2)) / (2 * h)
    assert np.sum(twice(W) * step) == pytest.approx(change, rel=1e-8)
    close(make_jvp(lambda w: product(X, w))(W)(W)[1], X @ W)
    close(make_jvp(lambda x: product(x, W))(X)(X)[1], X @ W)
