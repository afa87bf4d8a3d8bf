"""Bad input: each a clear error with a stable code, naming the argument and what came."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad

import refebm
from refebm import Gamma, Gaussian, GaussianMixture, InputError, Laplace, Model, StudentT
from refebm.validation import InputTypeError

X = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])
Z = X[::-1] + 0.5


def score(x):
    return -x


def energy(x):
    return 0.5 * anp.sum(x**2, axis=1)


def ism(x):
    return refebm.implicit_score_matching(score, x)


def dsm(sigma=0.5, z=Z):
    return refebm.denoising_score_matching(score, X, sigma, z)


BAD = {
    "one dimension": (lambda: ism(X[0]), "E-NDIM", r"x .*\(2,\).*x\[:, None\]"),
    "three dimensions": (lambda: ism(X[None]), "E-NDIM", r"x .*\(1, 3, 2\)"),
    "a scalar": (lambda: ism(1.0), "E-NDIM", "x"),
    "no rows": (lambda: ism(X[:0]), "E-EMPTY", r"x .*\(0, 2\)"),
    "no columns": (lambda: ism(X[:, :0]), "E-EMPTY", r"x .*\(3, 0\)"),
    "nan": (lambda: ism(np.where(X == 2, np.nan, X)), "E-FINITE", r"x .*nan at index \(1, 0\)"),
    "infinity": (lambda: ism(np.where(X == 2, np.inf, X)), "E-FINITE", "inf"),
    "complex": (lambda: ism(X + 1j), "E-DTYPE", "complex128"),
    "objects": (lambda: ism(X.astype(object)), "E-DTYPE", "object"),
    "text": (lambda: ism([["a", "b"]]), "E-DTYPE", "<U1"),
    "ragged": (lambda: ism([[1.0], [1.0, 2.0]]), "E-DTYPE", "ragged"),
    "none": (lambda: ism(None), "E-DTYPE", "object"),
    "other d": (lambda: refebm.Gaussian(np.zeros(2), 1.0).log_prob(np.zeros((3, 4))), "E-SHAPE", r"\(n, 2\).*\(3, 4\)"),
    "model of another d": (
        lambda: Model("quadratic", {"mean": np.zeros(3), "precision": np.eye(3)})(X),
        "E-SHAPE",
        r"quadratic.*\(3, 2\)",
    ),
    "sigma zero": (lambda: dsm(0.0), "E-POSITIVE", "sigma .*0.0"),
    "sigma negative": (lambda: dsm(np.array([1.0, -2.0, 1.0])), "E-POSITIVE", r"sigma .*-2.0 at index \(1,\)"),
    "sigma nan": (lambda: dsm(np.nan), "E-FINITE", "sigma"),
    "sigma a column": (lambda: dsm(np.ones((3, 1))), "E-SHAPE", r"sigma .*\(n,\) = \(3,\).*\(3, 1\)"),
    "sigma of another n": (lambda: dsm(np.ones(2)), "E-SHAPE", "sigma"),
    "z of another n": (lambda: dsm(z=Z[:2]), "E-SHAPE", r"z .*\(3, 2\).*\(2, 2\)"),
    "z a column": (lambda: dsm(z=Z[:, :1]), "E-SHAPE", r"z .*\(3, 2\).*\(3, 1\)"),
    "v of another d": (lambda: refebm.sliced_score_matching(score, X, Z[:, :1]), "E-SHAPE", r"v .*\(3, 1\)"),
    "v without projections": (lambda: refebm.sliced_score_matching(score, X, Z[None][:0]), "E-SHAPE", "v"),
    "jvp with many v": (lambda: refebm.jacobian_vector_product(score, X, Z[None]), "E-SHAPE", "v"),
    "eps zero": (lambda: refebm.finite_difference_sliced(energy, X, 0.0, Z), "E-POSITIVE", "eps"),
    "eps per row": (lambda: refebm.finite_difference_sliced(energy, X, np.ones(3), Z), "E-SHAPE", "eps"),
    "score of one column": (
        lambda: refebm.implicit_score_matching(lambda x: x[:, :1], X),
        "E-CALLABLE",
        r"score.*\(3, 1\)",
    ),
    "score of no column": (
        lambda: refebm.implicit_score_matching(lambda x: x[:, 0], X),
        "E-CALLABLE",
        r"score.*\(3,\)",
    ),
    "energy a column": (lambda: refebm.score_of(lambda x: x[:, :1])(X), "E-CALLABLE", r"energy.*\(n,\).*\(3, 1\)"),
    "energy a scalar": (lambda: refebm.score_of(lambda x: anp.sum(x))(X), "E-CALLABLE", r"energy.*\(\)"),
    "score not callable": (lambda: refebm.implicit_score_matching(X, X), "E-CALLABLE", "score.*ndarray"),
    "not positive": (lambda: refebm.nonnegative_score_matching(score, X), "E-POSITIVE", r"x .*-1.0 at index \(0, 1\)"),
    "not bits": (lambda: refebm.ratio_matching(energy, X), "E-BINARY", "x .*0.5"),
    "one level": (lambda: refebm.geometric_noise_levels(X, 1, 0.1), "E-LEVELS", "got 1"),
    "levels not whole": (lambda: refebm.geometric_noise_levels(X, 2.5, 0.1), "E-COUNT", "n .*float"),
    "smallest too large": (lambda: refebm.geometric_noise_levels(X, 4, 99.0), "E-LEVELS", "99"),
    "all points equal": (lambda: refebm.geometric_noise_levels(0 * X, 4, 0.1), "E-LEVELS", "0"),
    "covariance not symmetric": (lambda: Gaussian(np.zeros(2), [[1.0, 0.5], [0.4, 1.0]]), "E-SYMMETRIC", "cov"),
    "covariance not definite": (lambda: Gaussian(np.zeros(2), [[1.0, 2.0], [2.0, 1.0]]), "E-DEFINITE", "cov .*-1"),
    "covariance of another d": (lambda: Gaussian(np.zeros(2), np.eye(3)), "E-SHAPE", r"cov .*\(2, 2\).*\(3, 3\)"),
    "variance zero": (lambda: Gaussian(0.0, 0.0), "E-DEFINITE", "cov"),
    "mean nan": (lambda: Gaussian(np.nan, 1.0), "E-FINITE", "mean"),
    "weights negative": (lambda: GaussianMixture([1.5, -0.5], np.zeros((2, 1)), 1.0), "E-WEIGHTS", "weights .*-0.5"),
    "weights not of sum one": (lambda: GaussianMixture([0.5, 0.4], np.zeros((2, 1)), 1.0), "E-WEIGHTS", "0.9"),
    "means of another k": (lambda: GaussianMixture([0.5, 0.5], np.zeros((3, 1)), 1.0), "E-SHAPE", "means"),
    "covs of another k": (lambda: GaussianMixture([1.0], np.zeros((1, 1)), np.ones((2, 1, 1))), "E-SHAPE", "covs"),
    "shape zero": (lambda: Gamma(0.0, 1.0), "E-POSITIVE", "shape"),
    "rate negative": (lambda: Gamma(1.0, [-1.0]), "E-POSITIVE", "rate"),
    "rate of another d": (lambda: Gamma([1.0, 2.0], [1.0]), "E-SHAPE", r"rate .*\(2,\)"),
    "Gamma score at zero": (lambda: Gamma(2.0, 1.0).score([[0.0]]), "E-DOMAIN", "x"),
    "df negative": (lambda: StudentT(-1.0, 0.0, 1.0), "E-POSITIVE", "df"),
    "scale zero": (lambda: Laplace(0.0, 0.0), "E-POSITIVE", "scale"),
    "smoothed by zero": (lambda: Gaussian(0.0, 1.0).smoothed(0.0), "E-POSITIVE", "sigma"),
    "posterior with sigma per row": (
        lambda: Gaussian(0.0, 1.0).posterior_mean(X[:, :1], np.ones(3)),
        "E-SHAPE",
        "sigma",
    ),
    "expect a value": (lambda: refebm.expect([1.0], Gaussian(0.0, 1.0)), "E-CALLABLE", "functions"),
    "degree of a mixture": (
        lambda: refebm.expect([energy], GaussianMixture([1.0], [[0.0]], 1.0), degree=2),
        "E-DOMAIN",
        "GaussianMixture",
    ),
    "unknown kind": (lambda: Model("quadratc", {}), "E-MODEL", "quadratic"),
    "precision of another d": (
        lambda: Model("quadratic", {"mean": np.zeros(2), "precision": np.eye(3)}),
        "E-MODEL",
        r"precision.*\(d, d\).*\(3, 3\)",
    ),
    "mean a float": (lambda: Model("quadratic", {"mean": 0.0, "precision": np.eye(1)}), "E-MODEL", "mean"),
    "one precision too few": (
        lambda: Model("mixture", {"logits": np.zeros(3), "means": np.zeros((3, 1)), "precisions": np.ones((2, 1, 1))}),
        "E-MODEL",
        "precisions",
    ),
    "parameters as lists": (lambda: Model("gamma", {"shape": [1.0], "rate": [1.0]}), "E-MODEL", "shape.*list"),
    "parameter NaN": (lambda: Model("gamma", {"shape": np.array([np.nan]), "rate": np.ones(1)}), "E-MODEL", "NaN"),
    "no parameters": (lambda: Model("gamma", None), "E-MODEL", "dict.*NoneType"),
    "bias of another width": (
        lambda: Model("mlp_score", {"layers": ((np.ones((2, 2)), np.ones((3, 2))),)}),
        "E-MODEL",
        r"b \(outputs,\).*\(3, 2\)",
    ),
    "layers that do not fit": (
        lambda: Model("mlp_score", {"layers": ((np.ones((2, 3)), np.ones(3)), (np.ones((4, 2)), np.ones(2)))}),
        "E-MODEL",
        "after 3 outputs",
    ),
    "outputs of another d": (
        lambda: Model("mlp_score", {"layers": ((np.ones((2, 3)), np.ones(3)),)}),
        "E-MODEL",
        "d = 2 have 3 outputs",
    ),
    "plain numpy under differentiation": (
        lambda: refebm.divergence(lambda x: np.asarray(x) * 2.0, X),
        "E-CALLABLE",
        "autograd.numpy",
    ),
    "plain numpy in an energy": (
        lambda: refebm.score_of(lambda x: np.sum(np.asarray(x) ** 2, axis=1))(X),
        "E-CALLABLE",
        "autograd.numpy",
    ),
    "score complex": (lambda: refebm.explicit_score_matching(lambda x: x + 1j, score, X), "E-CALLABLE", "complex"),
    "expect nothing": (lambda: refebm.expect([], Gaussian(0.0, 1.0)), "E-CALLABLE", "at least one"),
    "expect a function": (lambda: refebm.expect(score, Gaussian(0.0, 1.0)), "E-CALLABLE", "list"),
    "expect under a number": (lambda: refebm.expect([score], 3.0), "E-DENSITY", "float"),
    "expect a scalar": (lambda: refebm.expect([lambda x: 1.0], Gaussian(0.0, 1.0)), "E-CALLABLE", "rows"),
    "expect a mean": (lambda: refebm.expect([lambda x: x[:1, 0]], Gaussian(0.0, 1.0)), "E-CALLABLE", "rows"),
    "degree negative": (lambda: refebm.expect([score], Gaussian(0.0, 1.0), degree=-1), "E-COUNT", "degree"),
    "degree not whole": (lambda: refebm.expect([score], Gaussian(0.0, 1.0), degree=2.5), "E-COUNT", "degree"),
    "points of one dimension": (lambda: refebm.smoothed_empirical([1.0, 2.0], 0.5), "E-NDIM", "points"),
    "parameter missing": (lambda: Model("quadratic", {"mean": np.zeros(2)}), "E-MODEL", "precision"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_its_code(case):
    call, code, words = BAD[case]
    with pytest.raises(InputError, match=words) as caught:
        call()
    assert caught.value.code == code
    assert str(caught.value).startswith(f"{code}: ")


def test_errors_are_value_errors_and_type_errors():
    assert issubclass(InputError, ValueError)
    assert issubclass(InputTypeError, TypeError)
    assert issubclass(refebm.DomainError, ValueError)
    with pytest.raises(TypeError, match="E-CALLABLE"):
        refebm.implicit_score_matching(None, X)


def calls(x, v, sigma):
    """Every objective, on the same rows."""
    model = Model(
        "mlp_energy",
        {"precision": 0.7, "layers": ((np.ones((x.shape[1], 2)), np.zeros(2)), (np.ones((2, 1)), np.zeros(1)))},
    )
    s, p = refebm.score_of(model), Gaussian(np.ones(x.shape[1]), 2.0)
    inner = Model("noise_conditional", {"layers": ((np.ones((x.shape[1] + 1, x.shape[1])), np.zeros(x.shape[1])),)})
    return {
        "explicit_score_matching": lambda: refebm.explicit_score_matching(s, p.score, x),
        "implicit_score_matching": lambda: refebm.implicit_score_matching(s, x),
        "explicit_sliced": lambda: refebm.explicit_sliced(s, p.score, x, v),
        "sliced_score_matching": lambda: refebm.sliced_score_matching(s, x, v),
        "sliced_score_matching_vr": lambda: refebm.sliced_score_matching_vr(s, x, v),
        "finite_difference_sliced": lambda: refebm.finite_difference_sliced(model, x, 0.1, v),
        "nonnegative_score_matching": lambda: refebm.nonnegative_score_matching(s, x),
        "ratio_matching": lambda: refebm.ratio_matching(model, x * 0 + 1),
        "hutchinson_divergence": lambda: refebm.hutchinson_divergence(s, x, v),
        "divergence": lambda: refebm.divergence(s, x),
        "denoising_score_matching": lambda: refebm.denoising_score_matching(s, x, sigma, v),
        "denoising_score_matching_cv": lambda: refebm.denoising_score_matching_cv(s, x, sigma, v),
        "noise_conditional_score_matching": lambda: refebm.noise_conditional_score_matching(inner, x, sigma, v),
        "denoising_autoencoder": lambda: refebm.denoising_autoencoder(s, x, sigma, v),
        "log_prob": lambda: p.log_prob(x),
    }


POSITIVE = np.array([[0.5, 1.0, 0.25], [2.0, 0.25, 1.5]])
V = np.array([[1.0, -0.5, 0.5], [0.25, 2.0, -1.0]])
NAMES = list(calls(POSITIVE, V, 0.5))


@pytest.mark.parametrize("name", NAMES)
def test_layout_type_and_batch_do_not_matter(name):
    expected = calls(POSITIVE, V, 0.5)[name]()
    assert expected.shape == (2,)
    fortran = calls(np.asfortranarray(POSITIVE), np.asfortranarray(V), np.array([0.5, 0.5]))[name]()
    np.testing.assert_array_equal(fortran, expected)
    strided = calls(np.repeat(POSITIVE, 2, axis=0)[::2], np.repeat(V, 2, axis=0)[::2], 0.5)[name]()
    np.testing.assert_array_equal(strided, expected)
    narrow = calls(POSITIVE.astype(np.float32), V.astype(np.float32), np.float32(0.5))[name]()
    np.testing.assert_array_equal(narrow, expected)  # all of these numbers are float32 too
    for i in range(2):
        one = calls(POSITIVE[i : i + 1], V[i : i + 1], 0.5)[name]()
        np.testing.assert_allclose(one, expected[i : i + 1], rtol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_not_modified_and_may_be_read_only(name):
    x, v, sigma = POSITIVE.copy(), V.copy(), np.array([0.5, 0.75])
    for array in (x, v, sigma):
        array.setflags(write=False)
    first = calls(x, v, sigma)[name]()
    np.testing.assert_array_equal(x, POSITIVE)
    np.testing.assert_array_equal(v, V)
    np.testing.assert_array_equal(calls(x, v, sigma)[name](), first)


@pytest.mark.parametrize("name", NAMES)
def test_one_dimension(name):
    assert calls(POSITIVE[:, :1], V[:, :1], 0.5)[name]().shape == (2,)


def test_integers_are_converted():
    np.testing.assert_array_equal(ism(np.array([[1, 2], [3, 4]])), ism(np.array([[1.0, 2.0], [3.0, 4.0]])))
    np.testing.assert_array_equal(ism([[1, 2]]), ism(np.array([[1.0, 2.0]])))
    np.testing.assert_array_equal(refebm.score_of(energy)(np.array([[1, 2]])), [[-1.0, -2.0]])
    np.testing.assert_array_equal(dsm(sigma=1), dsm(sigma=1.0))


def test_nan_of_a_callable_stays_in_its_row():
    def sick(x):
        return anp.where(x[:, :1] > 1, anp.nan, -x)

    for value in (refebm.implicit_score_matching(sick, X), refebm.sliced_score_matching(sick, X, Z)):
        np.testing.assert_array_equal(np.isnan(value), X[:, 0] > 1)
    value = refebm.denoising_score_matching(sick, X, 0.5, 0 * X)
    np.testing.assert_array_equal(np.isnan(value), X[:, 0] > 1)


def test_parameters_can_be_differentiated_through_the_checks():
    def loss(scale):
        return anp.mean(refebm.implicit_score_matching(lambda x: -scale * x, X))

    assert abs(grad(loss)(0.7) - (0.7 * np.mean(np.sum(X**2, 1)) - 2)) < 1e-14
    assert abs(grad(lambda s: anp.sum(dsm(sigma=s)))(0.5) - _slope(0.5)) < 1e-6


def _slope(sigma, h=1e-6):
    return (np.sum(dsm(sigma + h)) - np.sum(dsm(sigma - h))) / (2 * h)


def test_densities_keep_copies():
    mean, cov, weights = np.zeros(2), np.eye(2), np.array([0.5, 0.5])
    p, q = Gaussian(mean, cov), GaussianMixture(weights, np.zeros((2, 1)), 1.0)
    before = p.log_prob(X), q.log_prob(X[:, :1])
    mean[0], cov[0, 0], weights[0] = 100.0, 9.0, 0.0
    np.testing.assert_array_equal(p.log_prob(X), before[0])
    np.testing.assert_array_equal(q.log_prob(X[:, :1]), before[1])
