"""Expectations: values against closed forms, certificates that do their office, and refusals."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import digamma, gammainc, gammaln
from scipy.stats import norm

import refebm
from refebm import DomainError, Gamma, Gaussian, GaussianMixture, Laplace, StudentT, expect
from refebm.truth.expectations import SETTLED


def square(x):
    return x[:, 0] ** 2


def test_value_and_error():
    result = expect([square, lambda x: x], Gaussian([1.5], 0.25))
    assert result.change <= SETTLED
    assert abs(result.value[0] - 2.5) <= 1e-15
    assert abs(result.value[1][0] - 1.5) <= 1e-15
    assert result.value[0] - result.error[0] <= 2.5 <= result.value[0] + result.error[0]
    terms, change = result
    assert terms[0].shape == (len(terms[1]),) and change == result.change


@pytest.mark.parametrize("d", range(1, 9))
def test_the_rule_of_given_degree_is_exact_up_to_eight_dimensions(d):
    p = Gaussian(np.linspace(-1, 1, d), np.eye(d) + 0.25)
    (value,) = expect([lambda x: np.sum(x - p.mean, axis=1) ** 4], p, degree=4).value
    assert abs(value - 3 * np.sum(p.cov) ** 2) <= 64 * 2**-53 * 3 * np.sum(p.cov) ** 2


def test_a_rule_of_too_low_a_degree_says_so():
    result = expect([lambda x: np.sum(x, axis=1) ** 8], refebm.standard_normal(2), degree=4)
    assert not result.change <= SETTLED
    assert abs(result.value[0] - 105 * 16) > 1


def test_far_from_the_origin():
    p = GaussianMixture([0.5, 0.5], [[1e6], [1e6 + 2]], 0.01)
    one, centre = expect([lambda x: np.ones(len(x)), lambda x: x[:, 0] - 1e6], p).value
    assert abs(one - 1) <= 1e-9  # x itself carries 1e6 u, against a deviation of 0.1
    assert abs(centre - 1) <= 1e-9


INFINITE = {
    "the explicit objective, shape 1.5": (lambda x: Gamma(1.5, 1.0).score(x)[:, 0] ** 2, Gamma(1.5, 1.0)),
    "the explicit objective, shape 0.5": (lambda x: Gamma(0.5, 1.0).score(x)[:, 0] ** 2, Gamma(0.5, 1.0)),
    "the explicit objective, shape 2": (lambda x: Gamma(2.0, 1.0).score(x)[:, 0] ** 2, Gamma(2.0, 1.0)),
    "the mean score, shape 1": (lambda x: 1 / x[:, 0], Gamma(1.0, 1.0)),
    "a shape that doubles cannot hold": (lambda x: Gamma(0.05, 1.0).score(x)[:, 0] ** 2, Gamma(0.05, 1.0)),
    "the second moment, 2 degrees of freedom": (square, StudentT(2.0, 0.0, 1.0)),
    "the mean, 1 degree of freedom": (lambda x: np.abs(x[:, 0]), StudentT(1.0, 0.0, 1.0)),
}


@pytest.mark.parametrize("name", INFINITE)
def test_what_is_infinite_is_refused(name):
    function, density = INFINITE[name]
    with pytest.raises(DomainError) as caught:
        expect([function], density)
    assert caught.value.code == "E-DIVERGES"


def test_one_of_several_that_is_infinite_is_refused():
    with pytest.raises(DomainError, match="E-DIVERGES"):
        expect([lambda x: 1 / (1 + square(x)), square], StudentT(2.0, 0.0, 1.0))


def test_an_infinite_expectation_of_what_is_negative_is_refused():
    with pytest.raises(DomainError, match="E-DIVERGES"):
        expect([lambda x: -square(x)], StudentT(2.0, 0.0, 1.0))


def test_what_is_0_everywhere_has_settled():
    result = expect([lambda x: 0 * x[:, 0]], Gaussian(0.0, 1.0))
    assert result.settled and result.value[0] == result.error[0] == 0.0


def test_values_of_one_function_that_differ_in_size_settle_each_in_its_own():
    sizes = np.array([1.0, 1e-20, 1e20])
    result = expect([lambda x: x**2 * sizes], StudentT(30.0, 0.3, 1.0))
    assert result.settled
    np.testing.assert_allclose(result.value[0], (30 / 28 + 0.09) * sizes, rtol=1e-13)


@pytest.mark.parametrize(
    ("function", "code", "told"),
    [
        (
            lambda x: np.where(x > 3, [0.0, np.inf, -np.inf], x),
            "E-DIVERGES",
            r"is inf at x = \[3\.\d+\]",
        ),
        (lambda x: np.where(x < -1, np.nan, np.where(x > 11, np.inf, x)), "E-SETTLED", r"is nan at x = \[-1[\d.]+\]"),
    ],
    ids=["the first of a row", "a number that is none before infinite ones"],
)
def test_which_value_is_told_of_several_that_are_not_finite(function, code, told):
    with pytest.raises(DomainError, match=f"{code}: .*{told}"):
        expect([function], Gaussian(0.0, 1.0))


def test_a_rule_of_given_degree_is_checked_by_the_next_for_each_function():
    asked = []
    result = expect([lambda x: asked.append(len(x)) or square(x), lambda x: x[:, 0] ** 8], Gaussian(0.0, 1.0), degree=2)
    assert asked == [2, 3] and result.change > 0.1


def test_a_tail_that_is_cut_where_floats_end_is_in_the_change():
    """E t^2 = nu/(nu - 2); beyond T its share is 2 c T^(2 - nu)/nu. The change is twice that between the two boxes."""
    nu = 2.08
    density = StudentT(nu, 0.0, 1.0)
    result = expect([lambda x: np.ones(len(x)), square], density)
    c = nu ** ((nu + 1) / 2) * np.exp(gammaln((nu + 1) / 2) - gammaln(nu / 2)) / np.sqrt(nu * np.pi)
    shares = [2 * c / nu * (np.exp(density.box(density.widest + more)[1]) / 2) ** (2 - nu) for more in (0, 2)]
    assert result.change == pytest.approx(2 * (shares[0] - shares[1])[0], rel=0.02)
    assert result.settled and 1e-11 < abs(result.value[1] - nu / (nu - 2)) < result.error[1] < 1e-8


def test_what_depends_on_values_below_the_smallest_float_is_in_the_change():
    """E log x = digamma(a). If what lies below 2^-1022 moves up to 2^-511, log x changes by 511 log 2 there."""
    a = 0.035
    result = expect([lambda x: np.ones(len(x)), lambda x: np.log(x[:, 0])], Gamma(a, 1.0))
    changes = gammainc(a, 2.0**-1022) * 511 * np.log(2) / -digamma(a)
    assert result.change == pytest.approx(changes, rel=0.05) and result.settled
    assert abs(result.value[1] - digamma(a)) <= result.error[1] < 1e-8


def test_a_roundoff_of_the_terms_in_the_tails_counts_as_a_billionth():
    """exp(c x - c^2/2) times a normal density is that of mean c: terms at the nodes k h that are beyond 10."""
    c = 1.75
    result = expect([lambda x: np.exp(c * x[:, 0] - c**2 / 2)], Gaussian(0.0, 1.0))
    h = next(h for h in (13 / 64, 13 / 128) if len(result.terms[0]) == 2 * np.ceil(12 / h) + 1)
    nodes = h * np.arange(np.ceil(10 / h), np.ceil(12 / h) + 1)
    share = h * np.sum(norm.pdf(nodes - c))
    assert result.change == pytest.approx(share * 1e-9 * 2**52, rel=1e-3) and result.settled


class Narrow:
    """N(0, 1), with a box that holds 86 % of its mass."""

    box = [-1.5], [1.5]

    def log_prob(self, x):
        return norm.logpdf(x[:, 0])


def test_a_box_is_widened_where_it_lacks_mass_although_the_function_is_0_there():
    result = expect([lambda x: np.exp(-50 * square(x))], Narrow())
    assert result.settled and result.value[0] == pytest.approx(101**-0.5, rel=1e-14)


@pytest.mark.parametrize("shape", [0.5, 1.5, 2.0])
def test_score_matching_of_gamma_data_is_refused_where_it_does_not_exist(shape):
    p = Gamma(shape, 1.0)

    def explicit(x):
        return refebm.explicit_score_matching(lambda x: 1 - x, p.score, x)

    with pytest.raises(DomainError):
        expect([explicit], p)
    with pytest.raises(DomainError):
        p.fisher_information()
    (implicit,) = expect([lambda x: refebm.implicit_score_matching(lambda x: 1 - x, x)], p).value
    second = shape * (shape + 1)
    assert abs(implicit - (0.5 * (1 - 2 * shape + second) - 1)) <= 1e-13 * second  # exists for every shape


@pytest.mark.parametrize("shape", [1.0, 3.0])
def test_fisher_information_of_a_gamma_density(shape):
    p = Gamma(shape, 2.0)
    (value,) = expect([lambda x: p.score(x) ** 2], p).value
    assert p.fisher_information() == 4.0
    assert abs(value[0] - 4.0) <= 1e-13
    assert Gamma([shape, 4.0], [2.0, 3.0]).fisher_information().tolist() == [4.0, 4.5]


def test_a_lattice_that_would_not_fit_is_refused():
    with pytest.raises(DomainError, match="d = 4") as caught:
        expect([square], refebm.standard_normal(4))
    assert caught.value.code == "E-SIZE" and "state a degree" in str(caught.value)


@pytest.mark.parametrize(("d", "apart"), [(1, 1e5), (2, 1e3), (3, 10.0)])
def test_components_that_are_too_far_apart_are_averaged_one_by_one(d, apart):
    """A degree is for a Gaussian only."""
    density = GaussianMixture([0.5, 0.5], np.outer([0.0, apart], np.ones(d)), 1.0)
    with pytest.raises(DomainError, match="components") as caught:
        expect([square], density)
    assert caught.value.code == "E-SIZE" and "degree" not in str(caught.value)


def test_a_box_that_is_too_wide_is_the_limit_that_is_named():
    class Cube:
        box = (-np.ones(4), np.ones(4))

        def log_prob(self, x):
            return 0 * x[:, 0] - 4 * np.log(2)

    with pytest.raises(DomainError, match=r"this Cube .* as wide and as fine as its box") as caught:
        expect([square], Cube())
    assert caught.value.code == "E-SIZE"


def test_a_kink_does_not_settle():
    result = expect([lambda x: np.abs(x[:, 0] - 0.3)], Gaussian(0.0, 1.0))
    assert not result.change <= SETTLED


def test_the_stated_error_bounds_the_true_one():
    """Where it has not settled, and where it has to roundoff."""
    (value,), (error,) = (lambda e: (e.value, e.error))(expect([lambda x: np.abs(x[:, 0] - 0.3)], Gaussian(0.0, 1.0)))
    true = 2 * norm.pdf(0.3) + 0.3 * (2 * norm.cdf(0.3) - 1)
    assert 1e-12 < abs(value - true) <= error < 1e-5
    for shape in (2.5, 3.0, 4.5):
        result = expect([lambda x: Gamma(shape, 1.7).score(x)[:, 0] ** 2], Gamma(shape, 1.7))  # noqa: B023
        assert abs(result.value[0] - 1.7**2 / (shape - 2)) <= 8 * result.error[0] <= 1e-7


def test_oscillations_are_seen():
    """On a lattice of spacing h cos(2 pi x/h) is constant, and on h/2 or 2 h too: another spacing tells."""
    for k in (1, 2, 4, 8, 16 / 13, 64 / 13, 128 / 13, 64 / 11, 1024, 4096):
        (value,) = expect([lambda x: np.cos(2 * np.pi * k * x[:, 0])], Gaussian(0.0, 1.0)).value  # noqa: B023
        assert abs(value - np.exp(-2 * np.pi**2 * k**2)) <= 1e-13


def test_oscillations_in_the_plane_do_not_certify():
    for k in (16, 64, 1024, 8 * 16 / 13):
        result = expect([lambda x: 1 + np.cos(2 * np.pi * k * x[:, 0])], refebm.standard_normal(2))  # noqa: B023
        assert abs(result.value[0] - 1) <= result.error[0]


@pytest.mark.parametrize("shape", [1e3, 1e6, 1e10])
def test_gamma_of_large_shape(shape):
    """E x = a/b, E x^2 = a (a + 1)/b^2, within the stated error, which is small."""
    result = expect([lambda x: np.ones(len(x)), lambda x: x[:, 0], square], Gamma(shape, 2.0))
    assert result.change <= SETTLED
    for value, error, true in zip(result.value, result.error, (1.0, shape / 2, shape * (shape + 1) / 4)):
        assert abs(value - true) <= error


@pytest.mark.parametrize("p", [Gaussian(0.0, 1e-300), Gamma(1e3, 1e-100), GaussianMixture([1.0], [[0.0]], 1e300)])
def test_the_error_counts_the_roundoff_of_a_log_density_that_is_large(p):
    result = expect([lambda x: np.ones(len(x))], p)
    assert abs(result.value[0] - 1) <= result.error[0] <= 1e-11


def test_nodes_nearer_than_floats_are_refused():
    with pytest.raises(DomainError, match="closer together than neighbouring floats") as caught:
        expect([square], GaussianMixture([0.5, 0.5], [[1e-100], [1e-100 + 3e-120]], 1e-240))
    assert caught.value.code == "E-SETTLED"


@pytest.mark.parametrize(
    "means",
    [[[-1e20], [0.0]], [[0.0], [1e20]], [[0.0, 1e20], [0.0, 1e20 + 1e6]], [[1.5 * 2.0**53 * 13 / 64]]],
    ids=["below", "above", "in one coordinate", "between 2^53 and 2^54 spacings"],
)
def test_nodes_nearer_than_floats_on_one_side_or_in_one_coordinate_are_refused(means):
    with pytest.raises(DomainError, match=r"E-SETTLED: a lattice .* closer together than neighbouring floats"):
        expect([square], GaussianMixture(np.full(len(means), 1 / len(means)), means, 1.0))


NOT_FINITE = {
    "a square root of what is negative": (
        lambda x: np.sqrt(x[:, 0] + 3),
        Gaussian(0.0, 1.0),
        "E-SETTLED",
        "nan at x = ",
    ),
    "a pole at a node": (lambda x: 1 / x[:, 0], Gaussian(0.0, 1.0), "E-SETTLED", r"inf at x = \[0.0\]"),
    "exp(x^2)": (lambda x: np.exp(x[:, 0] ** 2), Gaussian(0.0, 1.0), "E-DIVERGES", "infinite, or overflows"),
    "exp(x^2/2)": (lambda x: np.exp(x[:, 0] ** 2 / 2), Gaussian(0.0, 1.0), "E-DIVERGES", "infinite, or overflows"),
    "exp(|x|^2) in the plane": (
        lambda x: np.exp(np.sum(x**2, axis=1)),
        refebm.standard_normal(2),
        "E-DIVERGES",
        "infinite, or overflows",
    ),
    "exp(x) of a heavy tail": (lambda x: np.exp(x[:, 0]), StudentT(3.0, 0.0, 1.0), "E-DIVERGES", "overflows"),
    "1/x^2 of a small shape": (lambda x: x[:, 0] ** -2, Gamma(0.1, 1.0), "E-DIVERGES", "infinite, or overflows"),
    "1/x of a small shape": (lambda x: 1 / x[:, 0], Gamma(0.3, 1.0), "E-DIVERGES", "below the smallest float"),
    "log x of a tiny shape": (lambda x: np.log(x[:, 0]), Gamma(1e-3, 1.0), "E-DIVERGES", "4.9e-01 of the probability"),
}


@pytest.mark.parametrize("name", NOT_FINITE)
def test_what_is_not_finite_is_refused(name):
    function, density, code, words = NOT_FINITE[name]
    with pytest.raises(DomainError, match=words) as caught:
        expect([function], density)
    assert caught.value.code == code


def test_a_rule_of_too_many_nodes_is_refused():
    with pytest.raises(DomainError, match=r"3\^13 nodes") as caught:
        expect([square], refebm.standard_normal(13), degree=4)
    assert caught.value.code == "E-SIZE"


@pytest.mark.parametrize("shape", [0.15, 0.1, 0.05, 1e-3])
def test_gamma_of_small_shape(shape):
    """E 1, E X = a/b, E X^2 = a(a + 1)/b^2, and E log X = digamma(a) - log b where floats reach far enough down."""
    p = Gamma(shape, shape)
    one, mean, second = expect([lambda x: 1 + 0 * x[:, 0], lambda x: x[:, 0], square], p).value
    assert abs(one - 1) <= 1e-12 and abs(mean - 1) <= 1e-12
    assert abs(second - (1 + 1 / shape)) <= 1e-12 / shape
    if shape > 0.01:
        (log,) = expect([lambda x: np.log(x[:, 0])], p).value
        assert abs(log - (digamma(shape) - np.log(shape))) <= 1e-12 * abs(log)


def test_gamma_of_two_small_shapes():
    (value,) = expect([lambda x: np.log(x[:, 0]) + x[:, 1]], Gamma([0.1, 3.0], [1.0, 2.0])).value
    assert abs(value - (digamma(0.1) + 1.5)) <= 1e-12


class Perturbed(Gaussian):
    """A log-density that is as wrong as the roundoff of large terms makes it."""

    error = staticmethod(lambda x, log_p: 0.0)

    def log_prob(self, x):
        log_p = super().log_prob(x)
        return log_p + self.error(x, log_p)


PERTURBED = {
    "a normaliser": lambda x, log_p: 1e-6,
    "a relative error": lambda x, log_p: 1e-6 * log_p,
    "a quantum": lambda x, log_p: np.round(log_p, 2) - log_p,
    "noise": lambda x, log_p: 1e-6 * np.cos(1e9 * np.exp(x[:, 0])),
}


@pytest.mark.parametrize("name", PERTURBED)
def test_the_error_covers_the_roundoff_of_the_density(name):
    p = Perturbed(0.0, 1.0)
    p.error = PERTURBED[name]
    result = expect([lambda x: 1 + 0 * x[:, 0], square, lambda x: x[:, 0] ** 4, lambda x: np.cos(x[:, 0])], p)
    assert not result.settled
    for value, error, right in zip(result.value, result.error, (1, 1, 3, np.exp(-0.5))):
        assert abs(value - right) <= error


@pytest.mark.parametrize("p", [GaussianMixture([1.0], [[1e12]], 1e-6), Gaussian(1e12, 1e-6), Laplace(1e12, 1e-3)])
def test_nodes_that_fall_together_do_not_certify(p):
    result = expect([lambda x: 1 + 0 * x[:, 0]], p)
    assert not result.settled
    assert abs(result.value[0] - 1) <= result.error[0] + 1e-15


def test_an_expectation_prints_on_one_line():
    result = expect([square, lambda x: x[:, 0] ** 4], Gaussian(0.0, 1.0))
    assert str(result) == f"Expectation(value=[1, 3], change={result.change:.1e}, settled=True)"
    mixed = expect([square, lambda x: np.ones((len(x), 30, 30))], Gaussian(0.0, 1.0))
    assert str(mixed).startswith("Expectation(value=[1, [[1, 1, ..., 1, 1], [1,") and "\n" not in str(mixed)


def test_values_of_one_shape_are_an_array():
    result = expect([square, lambda x: x[:, 0]], Gaussian(0.0, 1.0))
    assert result.value.shape == result.error.shape == (2,)
    assert np.all(np.abs(result.value - np.array([1, 0])) <= result.error + 1e-15)
    assert isinstance(expect([square, lambda x: x], Gaussian(0.0, 1.0)).value, list)


class Logistic:
    """log p = -v - 2 log(1 + exp(-v)), v = (x - centre)/scale: the variance for scale 1 is pi^2/3."""

    def __init__(self, centre=0.0, scale=1.0, box=None):
        self.centre, self.scale, self.box = centre, scale, box or (centre - 40 * scale, centre + 40 * scale)

    def log_prob(self, x):
        v = np.abs(x[:, 0] - self.centre) / self.scale
        return -v - 2 * np.log1p(np.exp(-v)) - np.log(self.scale)


@pytest.mark.parametrize("box", [(-40, 40), (-3.0, 5.0), (-1000, 1000), ([-30.0], [60.0])])
def test_a_density_of_ones_own(box):
    """log_prob and a box are enough, and the box may be too narrow or too wide."""
    result = expect([lambda x: np.ones(len(x)), square], Logistic(box=box))
    assert result.settled
    np.testing.assert_allclose(result.value, [1, 3.28986813369645], rtol=1e-13)


def test_a_density_of_ones_own_in_the_plane():
    class Product(Logistic):
        def log_prob(self, x):
            return super().log_prob(x[:, :1]) + super().log_prob(x[:, 1:] / 2) - np.log(2)

    p = Product(box=((-40, -80), (40, 80)))
    result = expect([lambda x: x[:, :, None] * x[:, None, :]], p)
    assert result.settled
    np.testing.assert_allclose(result.value[0], 3.28986813369645 * np.diag([1, 4]), rtol=1e-12, atol=1e-12)


def with_log_prob(log_prob, box=(-10.0, 10.0)):
    return type("Mine", (), {"log_prob": lambda self, x: log_prob(x), "box": box})()


BAD_DENSITIES = {
    "no box": (with_log_prob(lambda x: -(x[:, 0] ** 2), None), "E-BOX.*low, high.*None"),
    "a box inside out": (Logistic(box=(1.0, -1.0)), "E-BOX.*low < high"),
    "ends of two lengths": (Logistic(box=([0.0], [1.0, 2.0])), "E-BOX"),
    "an end that is no number": (Logistic(box=(-np.inf, 1.0)), "E-FINITE.*density.box, its low end"),
    "a column": (with_log_prob(lambda x: -(x**2)), "E-DENSITY.*density.log_prob must return.*, 1\\)"),
    "nan": (with_log_prob(lambda x: np.nan * x[:, 0]), "E-DENSITY.*density.log_prob is nan"),
    "not normalised": (with_log_prob(lambda x: -0.5 * x[:, 0] ** 2), "E-NORMALISED.*it is 2.50662827"),
    "a heavy tail": (with_log_prob(lambda x: -np.log1p(x[:, 0] ** 2) - np.log(np.pi)), "E-DIVERGES.*under Mine"),
    "no log_prob": (type("Mine", (), {"box": (0, 1)})(), "E-DENSITY.*Mine"),
}


@pytest.mark.parametrize("name", BAD_DENSITIES)
def test_a_density_that_is_none(name):
    density, pattern = BAD_DENSITIES[name]
    with pytest.raises((refebm.InputError, TypeError), match=pattern):
        expect([square], density)


def test_a_kink_breaks_the_second_identity_of_a_laplace_density():
    """E[s s] = 1/b^2 while -E[s'] = 0; for a Laplace model explicit - implicit - constant is -2 p(0)/b."""
    b, p, data = 0.8, Laplace(0.0, 0.8), Gaussian(0.0, 1.0)
    (information,) = expect([lambda x: p.score(x)[:, 0] ** 2], p).value
    assert abs(information - 1 / b**2) <= 1e-14
    s = refebm.score_of(refebm.Model("laplace", {"loc": np.zeros(1), "scale": np.array([b])}))

    def folded(function):
        """E under the normal density of an even function, from its right half."""
        return 2 * quad(lambda x: float(function(np.array([[x]]))[0] * norm.pdf(x)), 0, 40, epsabs=1e-14, points=[5])[0]

    explicit = folded(lambda x: refebm.explicit_score_matching(s, data.score, x))
    implicit = folded(lambda x: refebm.implicit_score_matching(s, x))
    gap = explicit - implicit - 0.5
    assert abs(gap + 2 / (b * np.sqrt(2 * np.pi))) <= 1e-13
