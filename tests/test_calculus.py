"""Derivatives: fields that forward mode cannot do, and derivatives in several threads."""

import functools
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import autograd.numpy as anp
import autograd.scipy.special as special
import numpy as np
import pytest
from autograd import grad, value_and_grad

import refebm
from refebm import calculus, tracing
from refebm.calculus import jacobian_vector_product, pull_back
from refebm.glossary import InputError
from tests.benchmark.timing import peak_bytes

X = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])
V = np.array([[1.0, 0.5], [-0.5, 0.25], [0.25, -2.0]])
A = np.array([[1.0, 0.25], [0.5, 2.0]])
PAULI = np.array([[1.0, 0.0, 0.0, -1.0], [0.0, 1.0, 1.0, 0.0]])


def power_spectrum():
    """|x_1 + x_2|^2 and |x_1 - x_2|^2."""
    plus, minus = (2 * (X[:, 0] + sign * X[:, 1]) * (V[:, 0] + sign * V[:, 1]) for sign in (1, -1))
    return np.stack([plus, minus], axis=1)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (special.erf, 2 / np.sqrt(np.pi) * np.exp(-(X**2)) * V),
        (special.expit, 0.25 / np.cosh(X / 2) ** 2 * V),
        (lambda x: anp.hypot(x, 1.0), X / np.sqrt(X**2 + 1) * V),
        (lambda x: anp.linalg.solve(A, x.T).T, V @ np.linalg.inv(A).T),
        (lambda x: anp.abs(anp.fft.fft(x)) ** 2, power_spectrum()),
    ],
    ids=["erf", "sigmoid", "hypot", "solve", "power spectrum"],
)
def test_jacobian_products_where_there_is_no_forward_rule(field, expected):
    np.testing.assert_allclose(jacobian_vector_product(field, X, V), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_forward_rule_that_gives_a_derivative_of_another_shape_is_none(n):
    """That of `sort` takes rows of the direction where it should take entries: (n, 2, 2), which fits by chance."""
    for field in (lambda x: anp.sort(x, axis=1), lambda x: x * anp.sum(anp.sort(x, axis=1), axis=1, keepdims=True)):
        with pytest.raises(NotImplementedError, match="sort"):
            jacobian_vector_product(field, X[:n], V[:n])


def test_eigenvectors_are_not_left_out():
    """The gradient of the larger eigenvalue of [[x, y], [y, -x]], r = |x|, is x/r, of Jacobian (I - x x^T/r^2)/r."""
    score = refebm.score_of(lambda x: -anp.linalg.eigh(anp.reshape(anp.dot(x, PAULI), (-1, 2, 2)))[0][:, 1])
    r = np.sqrt(np.sum(X**2, axis=1))[:, None]
    expected = (V - X * np.sum(X * V, axis=1)[:, None] / r**2) / r
    np.testing.assert_allclose(jacobian_vector_product(score, X, V), expected, rtol=1e-13, atol=1e-13)


def test_a_product_without_forward_rule_is_differentiated_in_parameters():
    """s = -2a/sqrt(pi) exp(-(ax)^2) of E = sum erf(a x), so ds/dx = 4 a^3 x/sqrt(pi) exp(-(ax)^2)."""

    def product(a):
        return anp.sum(V * jacobian_vector_product(refebm.score_of(lambda x: anp.sum(special.erf(a * x), 1)), X, V))

    expected = np.sum(V**2 * (12 * 0.5**2 * X - 8 * 0.5**4 * X**3) / np.sqrt(np.pi) * np.exp(-((0.5 * X) ** 2)))
    assert grad(product)(0.5) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("error", [NotImplementedError("no energy yet"), KeyError("no energy yet")])
def test_errors_of_the_field_come_through(error):
    def field(x):
        raise error

    with pytest.raises(type(error), match="no energy yet"):
        refebm.sliced_score_matching(field, X, V)


def test_threads_do_not_disturb_each_other():
    """The second begins within the first, and begins an inner derivative when the first has ended."""
    begun, both, ended = threading.Event(), threading.Event(), threading.Event()

    def first(a):
        begun.set()
        assert both.wait(60)
        return a**2

    def second(a):
        both.set()
        assert ended.wait(60)
        return anp.sum(refebm.score_of(lambda x: 0.5 * a**2 * anp.sum(x**2, axis=1))(X))

    with ThreadPoolExecutor(2) as pool:
        slope = pool.submit(grad(first), 3.0)
        assert begun.wait(60)
        other = pool.submit(grad(second), 2.0)
        assert slope.result(60) == 6.0
        ended.set()
        assert other.result(60) == pytest.approx(-4 * np.sum(X))


def test_what_is_differentiated_may_be_used_in_another_thread():
    """d/da (a d/dy [a + y]) = 1."""
    with ThreadPoolExecutor(1) as pool:
        assert grad(lambda a: a * pool.submit(grad(lambda y: a + y), 1.0).result(60))(3.0) == 1.0


def test_a_pull_back_gives_plain_nests_and_zeros_where_nothing_depends():
    """f = a^2 x + b at weights w: its gradient is (2 a x . w, w), at every call, also where a weight is 0."""
    parameters, x = {"a": np.array(3.0), "rest": (np.array([0.5, 0.25]), [np.ones(2)])}, np.array([1.0, 2.0])

    def function(p):
        assert type(p) is dict and type(p["rest"]) is tuple and type(p["rest"][1]) is list
        return p["a"] ** 2 * x + p["rest"][0]

    value, back = pull_back(function, parameters)
    np.testing.assert_array_equal(value, [9.5, 18.25])
    for weights, slope in ((np.array([1.0, 2.0]), 30.0), (np.array([1.0, 2.0]), 30.0), (np.array([0.0, -1.0]), -12.0)):
        gradient = back(weights)
        assert gradient["a"] == slope
        np.testing.assert_array_equal(gradient["rest"][0], weights)
        np.testing.assert_array_equal(gradient["rest"][1][0], [0.0, 0.0])


def test_a_pull_back_is_differentiated_again():
    """d/da of the gradient 2 a x of a^2 x is 2 x."""

    def slope(a):
        return pull_back(lambda p: p["a"] ** 2 * 1.5, {"a": a})[1](np.ones(()))["a"]

    assert slope(3.0) == 9.0
    assert grad(slope)(3.0) == 3.0


@pytest.mark.parametrize(
    ("x", "code"),
    [(np.ones(3), "E-NDIM"), (np.ones((0, 3)), "E-EMPTY"), ([[np.nan, 1.0]], "E-FINITE"), ([["a", "b"]], "E-DTYPE")],
)
def test_a_score_sees_its_points_before_the_energy_does(x, code):
    score = refebm.score_of(lambda x: 1 / 0)
    with pytest.raises(InputError, match=code):
        score(x)


def test_whether_a_condition_holds_anywhere():
    """Of values, also where they are traced."""
    assert calculus.anywhere(np.array([False, True])) is True and calculus.anywhere(np.array([False, False])) is False
    seen = []
    grad(lambda a: seen.append(calculus.anywhere(a * np.array([1.0, -1.0]) > 0)) or a)(2.0)
    assert seen == [True]


def test_an_energy_is_a_callable_that_returns_one_number_for_each_row():
    with pytest.raises(TypeError, match="E-CALLABLE: energy must be"):
        refebm.score_of(3)
    for shape in ((2, 1), (), (3,)):
        with pytest.raises(InputError, match=r"E-CALLABLE: energy\(x\) must return \(n,\)"):
            refebm.score_of(lambda x, shape=shape: np.zeros(shape))(X[:2])


def test_laplacians_at_the_origin():
    """Of a constant, a linear and a quadratic function, where sums and points are 0; and elsewhere."""
    for x in (np.zeros((2, 3)), np.array([[1.0, -1.0, 0.0], [0.5, 2.0, 1.0]])):
        for function, right in (
            (lambda x: np.ones(len(x)), 0.0),
            (lambda x: x @ np.array([1.0, 2.0, 3.0]), 0.0),
            (lambda x: anp.sum(x**2 * np.array([1.0, 2.0, 3.0]), axis=1), 12.0),
        ):
            np.testing.assert_array_equal(calculus.laplacian(function, x), [right, right])


FAULTS = """
import resource
import numpy as np
import refebm
layers = tuple((np.eye(a, b), np.zeros(b)) for a, b in ((2, 64), (64, 64), (64, 1)))
score = refebm.score_of(refebm.Model("mlp_energy", {"precision": 1.0, "layers": layers}))
x = np.ones((1000, 2))
score(x), score(x)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    score(x)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_derivatives_do_not_ask_the_system_for_their_memory_again_and_again():
    """An array of (1000, 64) has 125 pages, and a score makes a dozen of them: more than 10,000 pages in 20 calls."""
    printed = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True).stdout
    assert int(printed) < 1000


WIDE = np.random.default_rng(0).uniform(0.5, 1.5, (5, 8))
MIXED = np.random.default_rng(1).standard_normal((3, 8, 8)) / 8
FORWARD = {
    "powers": lambda x: anp.sum(x**3 - 2.0**x + 1 / x, axis=1),
    "two factors": lambda x: anp.sum(x[:, :4] * x[:, 4:], axis=1) ** 2,
    "quotient of two": lambda x: x[:, 0] / anp.sum(x**2, axis=1),
    "elementary functions": lambda x: anp.sum(anp.exp(-x) * anp.sin(x) + anp.sqrt(x) * anp.log(x), axis=1),
    "length": lambda x: anp.sqrt(anp.sum(x**2, axis=1)),
    "matrices": lambda x: anp.sum((x - WIDE[:3, None]) * anp.matmul(x - WIDE[:3, None], MIXED), axis=(0, 2)),
    "one matrix": lambda x: anp.sum(anp.dot(x, MIXED[0]) ** 3, axis=1),
    "subscripts": lambda x: anp.einsum("ni,nj,ij->n", x, x, MIXED[0]),
    "log of a sum": lambda x: refebm.special.logsumexp(anp.dot(x, MIXED[0]).T, 0),
    "two in a log of a sum": lambda x: anp.logaddexp(x[:, 0] * x[:, 1], x[:, 2] ** 2),
    "our own functions": lambda x: anp.sum(
        refebm.special.softplus(x) + refebm.special.tanh(x) + refebm.special.expit(x) + refebm.special.ndtr(x), axis=1
    ),
    "branches": lambda x: anp.sum(anp.where(x > 1, x**2, x**3) + anp.maximum(x, 1.0) ** 2 + anp.abs(x - 1), axis=1),
    "columns joined": lambda x: anp.sum(anp.concatenate([x[:, :3] ** 2, x[:, 1:]], axis=1) ** 2, axis=1),
    "complex numbers": lambda x: anp.sum(anp.abs(x[:, :4] + 1j * x[:, 4:]) ** 3, axis=1),
    "product of all": lambda x: anp.prod(x, axis=1),
    "reshaped": lambda x: anp.sum(anp.reshape(x, (-1, 2, 4)) ** 2, axis=(1, 2)) * anp.mean(x, axis=1),
    "its own slope": lambda x: anp.sum(refebm.score_of(lambda y: anp.sum(y**3, axis=1))(x) ** 2, axis=1),
    "linear but for one": lambda x: anp.sum(x, axis=1) + x[:, 0] ** 3,
}
BACK = {
    "rows chosen": lambda x: anp.sum(anp.concatenate([x[2:], x[:2]]) ** 2, axis=1)[np.array([3, 4, 0, 1, 2])],
    "solution": lambda x: anp.sum(x * anp.linalg.solve(MIXED[0] + np.eye(8), x.T).T, axis=1),
    "spectrum": lambda x: anp.sum(anp.abs(anp.fft.fft(x)) ** 3, axis=1),
}


@pytest.mark.parametrize("name", FORWARD | BACK)
def test_one_forward_pass_gives_what_pull_backs_give(name, monkeypatch):
    """The field and its divergence, weighted, and their derivative in a parameter a of E(a x)."""
    energy, seen, rows = (FORWARD | BACK)[name], [], calculus._field_and_jacobian_rows
    monkeypatch.setattr(calculus, "_field_and_jacobian_rows", lambda *given: seen.append(name) or rows(*given))

    def weighted(a):
        s, trace = refebm.field_and_divergence(refebm.score_of(lambda x: energy(a * x)), WIDE)
        return anp.sum(s * WIDE[::-1]) + anp.sum(trace * WIDE[:, 0])

    forward = value_and_grad(weighted)(1.25)
    assert bool(seen) == (name in BACK)
    monkeypatch.setattr(tracing, "MANY", 9)
    np.testing.assert_allclose(forward, value_and_grad(weighted)(1.25), rtol=1e-12, atol=1e-12)


def test_a_score_made_of_another_is_not_taken_for_it():
    """Twice the score of a |x|^2/2, wrapped as decorators do: -2 a d is its divergence, with derivative -2 d in a."""

    def doubled(a):
        score = refebm.score_of(lambda x: 0.5 * a * anp.sum(x**2, axis=1))
        twice = functools.wraps(score)(lambda x: 2 * score(x))
        return refebm.divergence(twice, WIDE)[0]

    assert value_and_grad(doubled)(3.0) == (-48.0, -16.0)


def test_a_forward_pass_asks_for_a_slope_as_often_in_many_coordinates_as_in_few():
    """With the energy sum (a x)^3 the divergence of the score is -6 a^3 sum x, whose derivative is -18 a^2 sum x."""
    asked = []
    cube = refebm.special.with_slope(lambda y, x: asked.append(x) or 3 * x**2)(lambda x: x**3)

    def times(d):
        asked.clear()
        x = np.ones((2, d))
        slope = grad(lambda a: refebm.divergence(refebm.score_of(lambda x: anp.sum(cube(a * x), axis=1)), x)[0])(0.5)
        assert slope == pytest.approx(-4.5 * d, rel=1e-14)
        return len(asked)

    assert times(16) == times(8) > 0


def test_a_forward_pass_takes_less_than_half_the_memory_of_pull_backs(monkeypatch):
    """In the gradient of a network, which is the same."""
    rng, d, h = np.random.default_rng(0), 100, 60
    layers = tuple((rng.standard_normal((a, b)) / 8, rng.standard_normal(b)) for a, b in ((d, h), (h, h), (h, 1)))
    x = rng.standard_normal((60, d))

    def loss(layers):
        model = refebm.Model("mlp_energy", {"precision": 1.0, "layers": layers})
        return anp.mean(refebm.implicit_score_matching(refebm.score_of(model), x))

    def gradient():
        return np.concatenate([np.ravel(part) for layer in grad(loss)(layers) for part in layer])

    forward, least = gradient(), peak_bytes(gradient)
    monkeypatch.setattr(tracing, "MANY", d + 1)
    np.testing.assert_allclose(forward, gradient(), rtol=1e-11, atol=1e-12)
    assert least < 0.5 * peak_bytes(gradient)


def test_a_posterior_mean_in_its_weight_by_hand():
    """E[z | x] = w x/(s^2 + w^2), whose slope in w is x (s^2 - w^2)/(s^2 + w^2)^2: what looks for lost digits on the
    way is no part of it."""
    w, s, x = 0.75, 0.5, np.array([[2.0]])

    def mean(w):
        return refebm.LinearGaussianVAE(w * anp.ones((1, 1)), np.zeros(1), s).posterior_mean(x)[0, 0]

    assert grad(mean)(w) == pytest.approx(2.0 * (s**2 - w**2) / (s**2 + w**2) ** 2, rel=1e-13)
