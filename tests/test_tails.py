"""Far in the tails a log-density is finite or -inf and a score finite, never NaN, and nothing warns."""

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from autograd import elementwise_grad
from scipy.spatial.distance import pdist
from scipy.special import gamma, softmax

import refebm
from refebm import Gamma, Gaussian, GaussianMixture, Laplace, Model, StudentT, score_of, tweedie_cov
from refebm.calculus import jacobian
from refebm.models import mixture_of
from refebm.objectives import denoising
from refebm.truth import densities

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


SHARED = [[1.0, 0.5], [0.5, 0.8]]
PAIR = GaussianMixture([0.5, 0.5], [[0.0, 1.0], [0.0, -1.0]], 1.0)
DIAGONAL = GaussianMixture([0.4, 0.6], [[0.0, 1.0], [0.0, -1.0]], [np.diag([1.0, 2.0]), np.diag([1.0, 3.0])])
TWO_OF_THREE = GaussianMixture(
    [0.2, 0.3, 0.5], [[0.0, 1.0], [0.0, -1.0], [1.0, 1.0]], [np.eye(2), np.eye(2), 0.25 * np.eye(2)]
)
NO_FIRST = GaussianMixture([0.0, 0.3, 0.7], [[0.0, 1.0], [2.0, -1.0], [2.0, -0.5]], 1.0)
SAME = GaussianMixture([0.3, 0.7], [[0.0, 1.0], [2.0, -1.0]], [SHARED, SHARED])
BETWEEN = (0.6456563062257954, -0.008687387548409094, -0.08486303817337079, 0.2870991499076996, 0.23778167007797205)
FAR = {  # mpmath, 400 digits, sigma = 0.5: r of the first, score, slope of its last, posterior mean, last variance
    "far pair": (PAIR, [1e4, 0.3], *BETWEEN),
    "further": (PAIR, [1e8, 0.3], *BETWEEN),
    "furthest": (PAIR, [1e100, 0.3], *BETWEEN),
    "covariances in part equal": (
        DIAGONAL,
        [1e8, 0.3],
        *(0.4891102504818352, -0.05019697045589574, -0.261521696718598, 0.2857572252604167, 0.2345377144979147),
    ),
    "two of three equal": (
        TWO_OF_THREE,
        [1e10, 0.3],
        *(0.5484809273456213, -0.20303814530875758, -0.009401601265165609, 0.2474500404811392, 0.2399444968968294),
    ),
    "a weight of 0": (
        NO_FIRST,
        [1e8, 0.3],
        *(0.0, -0.9011244230988956, -0.9596639373976367, 0.11802798352833863, 0.20171443213933518),
    ),
    "one covariance": (
        SAME,
        [1e8, -2e8],
        *(0.0, 454545450.9090909, -1.8181818181818181, -129411765.23529412, 0.17647058823529413),
    ),
}
FIRST = {"a weight of 0": -99999998.0, "one covariance": -327272723.45454544}  # the rest: -x_1


@pytest.mark.parametrize("name", FAR)
def test_mixtures_far_out(name):
    """Probabilities, and what is made of them, keep their digits where log N is a number without decimals."""
    p, point, r, score, slope, mean, variance = FAR[name]
    x = np.array([point])
    close = {"rtol": 1e-13, "atol": 0}
    np.testing.assert_allclose(p.responsibilities(x)[0, 0], r, **close)
    np.testing.assert_allclose(np.sum(p.responsibilities(x)), 1.0, **close)
    both = [FIRST.get(name, -point[0]), score]
    np.testing.assert_allclose(p.score(x)[0], both, **close)
    np.testing.assert_allclose(score_of(lambda x: -p.log_prob(x))(x)[0], both, **close)
    np.testing.assert_allclose(jacobian(p.score, x)[0, 1, 1], slope, **close)
    np.testing.assert_allclose(p.posterior_mean(x, 0.5)[0, 1], mean, **close)
    np.testing.assert_allclose(p.posterior_cov(x, 0.5)[0, 1, 1], variance, **close)
    np.testing.assert_allclose(tweedie_cov(p.smoothed(0.5).score, x, 0.5)[0, 1, 1], variance, **close)


def test_digits_are_kept_from_some_thirty_deviations_on():
    """The probabilities do not depend on how far it is."""
    x = np.stack([np.linspace(33, 250, 400), np.full(400, 0.3)], axis=1)
    np.testing.assert_allclose(PAIR.responsibilities(x)[:, 0], FAR["far pair"][2], rtol=1e-14)


def test_posteriors_far_out_where_covariances_differ():
    """Noise of variance 4 makes variances 5 and 20; x is 1,000 below either peak in log N, whose heights are 2 to 1.

    So r = 2/3 and 1/3; E_k = x/5 = 20 and -100 + 200 * 16/20 = 60; variances 4/5 and 16/5.
    """
    p, x = GaussianMixture([0.5, 0.5], [[0.0], [-100.0]], [[[1.0]], [[16.0]]]), np.array([[100.0]])
    assert p.posterior_mean(x, 2.0)[0, 0] == pytest.approx(100 / 3, rel=1e-13)
    within, between = (2 * 0.8 + 3.2) / 3, (2 * (20 - 100 / 3) ** 2 + (60 - 100 / 3) ** 2) / 3
    assert p.posterior_cov(x, 2.0)[0, 0, 0] == pytest.approx(within + between, rel=1e-13)


@pytest.mark.parametrize(("weights", "score"), [([0.5, 0.5], -250 / 3), ([0.2, 0.8], -200 / 3)])
def test_scores_far_out_where_covariances_differ(weights, score):
    """N(0, 1) and N(-100, 4) at 100, where both are exp(-5000) of their heights, 2 to 1 or 1 to 2: -100 and -50."""
    p = GaussianMixture(weights, [[0.0], [-100.0]], [[[1.0]], [[4.0]]])
    assert p.score(np.array([[100.0]]))[0, 0] == pytest.approx(score, rel=1e-13)


def test_posterior_means_far_out_of_coordinates_that_noise_hides_and_of_others():
    """With equal means E_k = C_k y/(C_k + 1): of variances 1e-10 and 4e-10 beside one of 1e12."""
    small = np.array([1e-10, 4e-10])
    p = GaussianMixture([0.5, 0.5], np.zeros((2, 2)), [np.diag([1e12, c]) for c in small])
    more = 0.5 * 100**2 * (small / (1 + small)) - 0.5 * np.log1p(small)  # log N, but for what is common
    r = softmax(more)
    mean = p.posterior_mean(np.array([[0.0, 100.0]]), 1.0)
    np.testing.assert_allclose(mean[0, 1], np.sum(r * small / (1 + small)) * 100, rtol=1e-13)


@pytest.mark.parametrize(("c", "sigma", "apart", "y"), [(1e-9, 1e-9, 1.0, 1e-10), (1e-6, 1.0, 1e-3, 30.0)])
def test_posterior_covariances_keep_their_digits(c, sigma, apart, y):
    """Two means, apart and -apart: c sigma^2/(c + sigma^2) + r (1 - r) (2 apart sigma^2/(c + sigma^2))^2."""
    p = GaussianMixture([0.5, 0.5], [[0.0, apart], [0.0, -apart]], [np.diag([100.0, c])] * 2)
    kept = sigma**2 / (c + sigma**2)
    r = 1 / (1 + np.exp(-2 * apart * y / (c + sigma**2)))
    cov = p.posterior_cov(np.array([[0.0, y]]), sigma)[0]
    assert cov[1, 1] == pytest.approx(c * kept + r * (1 - r) * (2 * apart * kept) ** 2, rel=1e-13, abs=0)


def test_posterior_covariances_are_symmetric_to_the_last_digit():
    factors, means = np.random.default_rng(0).standard_normal((2, 4, 3, 3))
    p = GaussianMixture(np.full(4, 0.25), means[:, 0], factors @ np.swapaxes(factors, 1, 2))
    cov = p.posterior_cov(means[:, 1], 0.7)
    np.testing.assert_array_equal(cov, np.swapaxes(cov, 1, 2))


def test_one_covariance_whose_inverse_has_negative_entries_far_out():
    """P = [[1.25, -0.5], [-0.5, 1]], m_1 - m_2 = (2, 0): (m_1 - m_2) P x is 0.625 of x = (0.25, 0) + k (2, 5)."""
    p = GaussianMixture([0.5, 0.5], [[1.0, 0.0], [-1.0, 0.0]], [[[1.0, 0.5], [0.5, 1.25]]] * 2)
    r = p.responsibilities(np.array([[2 * 123456789 + 0.25, 5 * 123456789]]))
    np.testing.assert_allclose(r[0, 0], 1 / (1 + np.exp(-0.625)), rtol=1e-14)


def test_what_a_difference_loses_to_rounding():
    a, b = np.array([1.0, 1e16, 0.1, -3.0]), np.array([2.0**-60, 1.0, 0.3, 1e-17])
    exact = [Fraction(one) - Fraction(other) - Fraction(one - other) for one, other in zip(a.tolist(), b.tolist())]
    assert densities.lost(a, b).tolist() == [float(error) for error in exact] and exact[0] and exact[3]


def test_the_series_of_stirling_is_that_of_the_bernoulli_numbers():
    """B_2k/(2k (2k - 1)), k = 1, ..., 7; at a = 1 and 1/2 each term is seen."""
    numbers = [Fraction(*b) for b in ((1, 6), (-1, 30), (1, 42), (-1, 30), (5, 66), (-691, 2730), (7, 6))]
    for a in (Fraction(1), Fraction(1, 2)):
        terms = [b / (2 * k * (2 * k - 1)) / a ** (2 * k - 1) for k, b in enumerate(numbers, 1)]
        assert densities.stirling_remainder(float(a)) == pytest.approx(float(sum(terms)), rel=1e-14)


def test_squares_that_overflow_beside_others():
    values = densities.log_one_plus_square(np.array([1.0, -1e100, 1e200, 1e-9]))
    np.testing.assert_allclose(values, [np.log(2), 200 * np.log(10), 400 * np.log(10), 1e-18], rtol=1e-15)


def test_what_cancels_near_1_keeps_its_digits_beside_what_is_far():
    """e - log(1 + e) is e^2/2 - e^3/3 + ..., and 5 - log 6."""
    e = np.array([1e-8, 5.0])
    values = densities.over_log(e, np.sqrt(1 + e))
    np.testing.assert_allclose(values, [5e-17 * (1 - 2e-8 / 3), 5 - np.log(6)], rtol=1e-14)


def test_lattices_are_as_the_densities_say():
    assert Gamma([0.25, 16.0], [1.0, 1.0]).unit.tolist() == [1.0, 0.25]
    heavy = StudentT([1.0, 3.0], [5.0, 0.0], [2.0, 1.0])
    assert heavy.unit.tolist() == [0.5, 0.5]
    x, log_dx = heavy.substitute(np.array([[1.0, -2.0]]))
    np.testing.assert_allclose(x, [[5 + 2 * np.sinh(1.0), -np.sinh(2.0)]], rtol=1e-15)
    np.testing.assert_allclose(log_dx, [np.log(2 * np.cosh(1.0) * np.cosh(2.0))], rtol=1e-15)
    kinked = Laplace([1.0, 0.0], [2.0, 0.5])
    ends = [kinked.substitute(end[None])[0][0] for end in kinked.box(10.0)]  # 50 scales on either side
    np.testing.assert_allclose(ends, [[-99.0, -25.0], [101.0, 25.0]], rtol=1e-13)


def test_draws_of_a_mixture_are_the_mean_plus_the_factor_times_noise():
    means = np.array([[3.0, 0.0], [-50.0, 7.0]])
    factors = np.array([[[2.0, 0.0], [1.0, 0.5]], [[1.0, 0.0], [0.0, 3.0]]])
    p = GaussianMixture([0.4, 0.6], means, factors @ np.swapaxes(factors, 1, 2))
    rng = np.random.default_rng(5)
    chosen, z = rng.choice(2, size=6, p=[0.4, 0.6]), rng.standard_normal((6, 2))
    expected = [means[k] + factors[k] @ noise for k, noise in zip(chosen, z)]
    np.testing.assert_allclose(p.sample(np.random.default_rng(5), 6), expected, rtol=1e-13)


def test_the_unit_of_a_mixture_is_the_narrowest_deviation():
    p = GaussianMixture([0.5, 0.5], np.zeros((2, 2)), [np.diag([4.0, 0.25]), np.diag([0.01, 9.0])])
    np.testing.assert_allclose(p.unit, [0.1, 0.5], rtol=1e-15)


@pytest.mark.parametrize(("shape", "rate"), [([1.0, 1e300], [1.0, 1e-300]), ([1.0, 1e-300], [1.0, 1e300])])
def test_a_gamma_coordinate_without_a_mean_is_refused(shape, rate):
    with pytest.raises(refebm.InputError, match="E-SCALE: rate must not make shape/rate overflow or underflow"):
        Gamma(shape, rate)


def test_a_large_shape_beside_a_small_one():
    x = np.array([[0.5, 1e10 + 1e5]])
    both = Gamma([0.5], [1.0]).log_prob(x[:, :1]) + Gamma([1e10], [1.0]).log_prob(x[:, 1:])
    np.testing.assert_allclose(Gamma([0.5, 1e10], [1.0, 1.0]).log_prob(x), both, rtol=1e-15)


@pytest.mark.parametrize("name", FAR)
def test_mixtures_far_out_one_component_at_a_time(name, monkeypatch):
    monkeypatch.setattr(densities, "BLOCK", 1)
    test_mixtures_far_out(name)


def test_components_whose_probability_is_0_are_known_beside_roundoff(monkeypatch):
    """Two that are as far away, x being orthogonal to both means, of which log N is off by 10^7; two of deviation
    1e-10 in 200 dimensions, where log N is above 1,000, and lower by 2,000 at the second."""
    monkeypatch.setattr(densities, "BLOCK", 1)
    p = GaussianMixture([0.5, 0.5], [[0.8, -0.6], [-0.8, 0.6]], 1.0)
    np.testing.assert_allclose(p.responsibilities(np.array([[6e11, 8e11]])), [[0.5, 0.5]], atol=1e-4)
    means = np.zeros((2, 200))
    means[:, 0] = 40e-10, (40 + np.sqrt(1600 + 4000)) * 1e-10
    assert GaussianMixture([0.5, 0.5], means, 1e-20).responsibilities(np.zeros((1, 200))).tolist() == [[1.0, 0.0]]


def test_components_are_taken_so_many_at_a_time_that_an_array_has_at_most_65536_numbers():
    p = GaussianMixture(np.full(10, 0.1), np.zeros((10, 2)), 1.0)
    assert p._blocks(np.zeros((2**12, 2))) == [slice(0, 8), slice(8, 16)]
    assert p._blocks(np.zeros((2**15, 2))) == p._blocks(np.zeros((2**20, 2))) == [slice(k, k + 1) for k in range(10)]


@pytest.mark.parametrize("name", FAR)
def test_models_of_mixtures_far_out(name):
    p, point, _, score, slope, *_ = FAR[name]
    x, model = np.array([point]), refebm.models.score(mixture_of(p))
    np.testing.assert_allclose(model(x)[0], [FIRST.get(name, -point[0]), score], rtol=1e-13)
    np.testing.assert_allclose(jacobian(model, x)[0, 1, 1], slope, rtol=1e-13)
    if name == "one covariance":
        return
    with np.errstate(divide="ignore"):
        logits = np.log(p.weights)
    small = 2.0**-30  # the noise is lost in the variances: the field is the score of the clean mixture
    given = {"logits": logits, "means": p.means, "variances": np.diagonal(p.covs, axis1=1, axis2=2)}
    for field in (
        lambda x: Model("smoothed_mixture", given)(x, small),
        lambda x: Model(
            "diffused_mixture",
            given | {"sde": {"kind": "VariancePreserving", "parameters": {"beta_min": 0.1, "beta_max": 20.0}}},
        )(x, 0.0),
    ):
        np.testing.assert_allclose(field(x)[0], [FIRST.get(name, -point[0]), score], rtol=1e-13)
        np.testing.assert_allclose(jacobian(field, x)[0, 1, 1], slope, rtol=1e-13)


@pytest.mark.parametrize("deviations", [1.0, 3.0, 5.0, 8.0, 16.0, 30.0, 100.0])
def test_a_field_at_any_distance_has_its_digits(deviations):
    """Two components above each other, seen from the side: the second coordinate is tanh(y) - y."""
    given = {"logits": np.zeros(2), "means": np.array([[0.0, 1.0], [0.0, -1.0]]), "variances": np.ones((2, 2))}
    model, y, roundoff = Model("smoothed_mixture", given), 0.3, np.finfo(float).eps
    for x in deviations * (1 + np.arange(50) / 77):
        first, second = model([[x, y]], 2.0**-30)[0]  # noise that is lost in the variances
        np.testing.assert_allclose(first, -x, rtol=2 * roundoff)
        np.testing.assert_allclose(second + y, np.tanh(y), rtol=32 * roundoff)


def test_rows_near_and_far_are_what_they_are_alone():
    x = np.array([[1e8, 0.3], [0.5, 0.25], [3.0, -1e9], [1e8, -0.3], [-2.0, 1.0]])
    for p in (PAIR, DIAGONAL, TWO_OF_THREE, SAME):
        for function in (p.log_prob, p.score, p.responsibilities, lambda x, p=p: p.posterior_cov(x, 0.5)):
            np.testing.assert_allclose(function(x), np.concatenate([function(x[i : i + 1]) for i in range(5)]), 1e-14)


MIDWAY = [  # means, variance, point, score by mpmath: near -10^8 and 10^8 in units of the deviation, near 10^8 in any
    ([[-1e8], [1e8]], 1.0, 1e-9, 9966799.462495582),
    ([[1e8 - 2.0**-10], [1e8 + 2.0**-10]], 1e-12, 1e8 + 2.0**-26, 9.765475988383584e8),
]


@pytest.mark.parametrize("means,variance,x,score", MIDWAY)
def test_between_two_components_that_are_far(means, variance, x, score):
    p = GaussianMixture([0.5, 0.5], means, variance)
    np.testing.assert_allclose(p.score([[x]]), [[score]], rtol=1e-13)
    given = {"logits": np.zeros(2), "means": np.array(means), "variances": np.full((2, 1), variance)}
    np.testing.assert_allclose(Model("smoothed_mixture", given)([[x]], 2.0**-80), [[score]], rtol=1e-13)


def test_a_coordinate_that_components_share_tells_them_not_apart():
    """However far out it is; in the other one a wide component and a narrow one, as probable there."""
    logits, means, variances = (
        np.array([0.5 * np.log(1e12), 0.0]),
        np.array([[0.0], [100.0]]),
        np.array([[1e4], [1e-8]]),
    )
    alone = Model("smoothed_mixture", {"logits": logits, "means": means, "variances": variances})
    beside = Model(
        "smoothed_mixture",
        {
            "logits": logits,
            "means": np.concatenate([means, 0 * means], axis=1),
            "variances": np.concatenate([variances, 0 * means + 1], axis=1),
        },
    )
    y, small = 100.0001, 2.0**-80
    expected = alone([[y]], small)[0, 0]
    assert -6e3 < expected < -4e3  # both matter: they have -0.01 and -10^4
    np.testing.assert_allclose(beside([[y, 1e8]], small), [[expected, -1e8]], rtol=1e-13)


def test_smoothed_data_far_out():
    p = refebm.smoothed_empirical([[0.0, 1.0], [0.0, -1.0]], 1.0)
    np.testing.assert_allclose(p.score([[1e8, 0.3]]), [[-1e8, -0.008687387548409094]], rtol=1e-13)


LARGE_SHAPES = [  # shape, rate, x, log_prob and score by mpmath, 80 digits
    (1e5, 1e5, 1.0, 4.837523365947108, -1.0),
    (1e10, 1e10, 1.0, 10.593986931757222, -1.0),
    (1e10, 7.0, 1428585714.2857144, -10.98596051577674, -7.000000000050066e-05),
    (1e15, 3.0, 333333340000000.0, -17.28971445932524, -6.000000179999996e-08),
    (1e6, 1e6, 2.0, -306847.5237705728, -500000.5),
    (50.0, 0.7, 60.0, -3.776607594398572, 0.11666666666666671),
    (10.0, 2.0, 1e-300, -6222.850106758406, 9e300),
    (9.5, 2.0, 5.0, -1.4242129497879348, -0.3),
    (1.0, 3.0, 1e-300, 1.0986122886681098, -3.0),
    (1e-3, 1e-3, 1e-300, 683.1706657296527, -9.99e299),
]


@pytest.mark.parametrize("shape,rate,x,log_p,slope", LARGE_SHAPES)
def test_log_density_of_a_gamma_of_any_shape(shape, rate, x, log_p, slope):
    p, x = Gamma(shape, rate), np.array([[x]])
    np.testing.assert_allclose(p.log_prob(x)[0], log_p, rtol=1e-14)
    gradient = score_of(lambda x: -p.log_prob(x))(x)[0, 0]
    assert abs(gradient - slope) <= 1e-14 * (shape / x[0, 0] + rate)


@pytest.mark.parametrize(
    "df,t,log_p",
    [
        (1e6, 1.0, -1.4189390332045895),
        (1e10, 3.0, -5.418938531654673),
        (1e16, 1.0, -1.418938533204673),
        (1e300, 2.0, -2.9189385332046727),
        (20.0, 0.5, -1.0618698003642517),
        (19.5, 0.5, -1.062328458502922),
        (3.0, 1e200, -1840.871738667524),
        (1e-3, 1e150, -353.33820078648483),
    ],
)
def test_log_density_of_a_student_of_any_degrees(df, t, log_p):
    """By mpmath, 700 digits."""
    np.testing.assert_allclose(StudentT(df, 0.0, 1.0).log_prob([[t]])[0], log_p, rtol=2e-15)


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
@pytest.mark.parametrize("x", [1e-155, 1e-20, 1.0, 1e20, 1e155])
def test_a_student_of_any_scale(scale, x):
    """nu = 3: -4 x/(3 scale^2 + x^2), from its smaller and its larger term."""
    p, t = StudentT(3.0, 0.0, scale), x / scale
    expected = -4 / scale * (t / 3 if t < 1e-9 else 1 / t if t > 1e9 else t / (3 + t**2))
    np.testing.assert_allclose(p.score([[x]]), [[expected]], rtol=1e-15)
    np.testing.assert_allclose(score_of(lambda x: -p.log_prob(x))(np.array([[x]])), [[expected]], rtol=2e-15)


@pytest.mark.parametrize("df", [1e-300, 1e-3, 0.1])
@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_draws_of_a_student_are_numbers(df, scale):
    p = StudentT(df, 0.0, scale)
    x = p.sample(np.random.default_rng(0), 1000)
    assert np.all(np.isfinite(x)) and np.any(x < 0) and np.any(x > 0)
    assert np.all(np.isfinite(p.score(x))) and np.all(np.isfinite(p.log_prob(x)))


POSTERIORS = {
    "Gaussian": lambda m, c: Gaussian([m], c),
    "mixture of spheres": lambda m, c: GaussianMixture([1.0], [[m]], c),
    "mixture": lambda m, c: GaussianMixture([0.5, 0.5], [[m], [m]], [[[c]], [[c]]]),
}


@pytest.mark.parametrize("make", POSTERIORS.values(), ids=POSTERIORS)
@pytest.mark.parametrize(("sigma", "y", "mean"), [(1e-3, 0.0, 6e-6), (1e-9, 1e-20, 6e-18 + 1e-20), (1e9, 0.0, 6.0)])
def test_a_posterior_mean_that_is_small_beside_the_mean(make, sigma, y, mean):
    """(sigma^2 m + c y)/(c + sigma^2) with m = 6 and c = 1 - sigma^2, in m + c (y - m) six less nearly six."""
    c = abs(1 - sigma**2)
    expected = mean / (c + sigma**2) if sigma < 1 else 6.0 * sigma**2 / (c + sigma**2)
    got = make(6.0, c).posterior_mean(np.array([[y]]), sigma)
    np.testing.assert_allclose(got, [[expected]], rtol=1e-14)


@pytest.mark.parametrize("make", POSTERIORS.values(), ids=POSTERIORS)
@pytest.mark.parametrize(
    ("c", "sigma", "cov"), [(1e-150, 1e110, 1e-150), (1e-280, 1e150, 1e-280), (1e280, 1e-140, 1e-280)]
)
def test_a_posterior_variance_of_any_scale(make, c, sigma, cov):
    np.testing.assert_allclose(make(0.0, c).posterior_cov(np.array([[0.0]]), sigma), [[[cov]]], rtol=1e-14)


@pytest.mark.parametrize("make", POSTERIORS.values(), ids=POSTERIORS)
@pytest.mark.parametrize("sigma", [1e-160, 1e-200])
def test_a_posterior_mean_at_noise_whose_square_has_lost_its_digits(make, sigma):
    """At y = 0 it is sigma^2 m/c, (sigma/sqrt(c))^2 m, also where sigma^2 is no number."""
    got = make(2.0**-10, 1e-300).posterior_mean(np.array([[0.0]]), sigma)
    np.testing.assert_allclose(got, [[(sigma / 1e-150) ** 2 * 2.0**-10]], rtol=1e-14)


CORRELATED = {
    "Gaussian": lambda m, c: Gaussian(m, c),
    "mixture": lambda m, c: GaussianMixture([0.25, 0.75], [m, m], [c, c]),
}


@pytest.mark.parametrize("make", CORRELATED.values(), ids=CORRELATED)
@pytest.mark.parametrize("small", [2.0**-20, 2.0**-40])
@pytest.mark.parametrize("sigma", [2.0**-70, 2.0**-24, 1.0, 2.0**30])
def test_a_posterior_where_coordinates_are_nearly_the_same(make, small, sigma):
    """Both are 1 and their correlation 1 - small: of the sum of variance 2 - small little noise hides nothing, and of
    the difference, of variance small, it hides sigma^2/(small + sigma^2). A roundoff of C is one of small here."""
    wide, noise, y = 2 - small, sigma**2, np.array([3.0, -1.0])
    p = make(np.zeros(2), np.array([[1.0, 1 - small], [1 - small, 1.0]]))
    gains = wide / (wide + noise), small / (small + noise)
    along = [0.5 * np.array([[1.0, sign], [sign, 1.0]]) for sign in (1, -1)]
    gain = sum(g * a for g, a in zip(gains, along))
    lost = 2.0**-50 * (1 + min(1.0, noise / small) * gains[1] / small)
    np.testing.assert_allclose(p.posterior_mean(y[None], sigma), [gain @ y], rtol=0, atol=4 * lost * gains[0])
    np.testing.assert_allclose(p.posterior_cov(y[None], sigma), [noise * gain], rtol=0, atol=noise * lost * gains[0])


def test_draws_of_a_gamma_are_in_its_support():
    """The share of draws at the smallest number is that of the mass below it: (b x)^a/Gamma(a + 1), x -> 0."""
    p, tiny = Gamma([1e-3, 0.5], [1e-3, 2.0]), np.finfo(float).tiny
    x = p.sample(np.random.default_rng(0), 10_000)
    assert np.all(np.isfinite(p.score(x))) and np.all(np.isfinite(p.log_prob(x)))
    share = (1e-3 * tiny) ** 1e-3 / gamma(1.001)
    assert abs(np.mean(x[:, 0] <= tiny) - share) <= 5 * np.sqrt(share * (1 - share) / 10_000)


@pytest.mark.parametrize(
    "make,name",
    [
        (lambda: refebm.smoothed_empirical([[0.0], [1.0]], 1e-170), "sigma"),
        (lambda: refebm.smoothed_empirical([[0.0], [1.0]], 1e170), "sigma"),
        (lambda: PAIR.smoothed(1e170), "sigma"),
        (lambda: Gaussian(0.0, 1.0).smoothed(1e170), "sigma"),
        (lambda: refebm.GaussianBernoulliRBM([0.0], [0.0], [[1.0]], 1e-170), "sigma"),
        (lambda: refebm.LinearGaussianVAE([[1.0]], [0.0], 1e-170), "deviation"),
        (lambda: refebm.LinearGaussianVAE([[1e10]], [0.0], 1e-145), "deviation"),
        (lambda: Gamma(1e300, 1e-300), "rate"),
        (
            lambda: Model(
                "autoregressive",
                {
                    "shift": np.zeros(1),
                    "shift_weights": np.zeros((1, 1)),
                    "log_scale": np.array([-1000.0]),
                    "log_scale_weights": np.zeros((1, 1)),
                },
            )(np.zeros((1, 1))),
            "log_scale",
        ),
    ],
)
def test_deviations_without_a_square_are_refused(make, name):
    with pytest.raises(refebm.InputError, match=f"E-SCALE: {name} must"):
        make()


TURNED = [[1e-300, 1e-298], [1e-298, 1e-296 + 1e-304]]  # of inverse root [[1e150, 0], [-1e154, 1e152]]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Gaussian(0.0, 1e-320),
        lambda: GaussianMixture([1.0], [[0.0]], 1e-320),
        lambda: Gaussian([0.0, 0.0], np.diag([1.0, 1e-307])),
        lambda: Gaussian([0.0, 0.0], TURNED),
        lambda: GaussianMixture([0.5, 0.5], np.zeros((2, 2)), [np.eye(2), TURNED]),
    ],
)
def test_variances_without_an_inverse_are_refused(make):
    with pytest.raises(refebm.InputError, match=r"E-DEFINITE: covs? must"):
        make()


def test_hidden_means_far_out():
    """e^a for a -> -infinity, by mpmath, and slopes that are those of e^-|a| on either side."""
    rbm = refebm.BinaryRBM([0.0], [-720.0, -690.0, 0.0], [[0.0, 0.0, 0.0]])
    expected = [[2.0322308024324e-313, 2.1717382813898269e-300, 0.5]]
    np.testing.assert_allclose(rbm.hidden_mean([[0.0]]), expected, rtol=1e-9)
    slopes = elementwise_grad(refebm.models.rbm.expit)(np.array([-50.0, 0.0, 50.0]))
    np.testing.assert_allclose(slopes, [np.exp(-50.0), 0.25, np.exp(-50.0)], rtol=1e-14)


def test_a_variance_that_roundoff_hides_is_refused():
    """Of N(0, 1) and sigma = 10^8 a score in double precision keeps nothing, of sigma = 10^5 six digits."""
    p, y = Gaussian([0.0, 0.0], 1.0), np.array([[1e8, 0.0]])
    with pytest.raises(refebm.DomainError, match=r"E-ROUNDOFF: sigma must .* coordinate 0 at row 0"):
        tweedie_cov(p.smoothed(1e8).score, y, 1e8)
    np.testing.assert_allclose(tweedie_cov(p.smoothed(1e5).score, y, 1e5)[0], np.eye(2), atol=1e-5)
    np.testing.assert_allclose(p.posterior_cov(y, 1e8)[0], np.eye(2), rtol=1e-15)


def test_mixtures_of_many_points_make_no_matrices():
    """300 points of 784 coordinates: matrices would be 1.5 GB. By hand, as the mean of the data near y."""
    rng = np.random.default_rng(0)
    x, sigma = rng.random((300, 784)), 2.0
    y = x[:2] + sigma * rng.standard_normal((2, 784))
    r = softmax(-0.5 * np.sum((y[:, None] - x) ** 2, axis=2) / sigma**2, axis=1)
    tracemalloc.start()
    p = refebm.smoothed_empirical(x, sigma)
    np.testing.assert_allclose(p.score(y), (r @ x - y) / sigma**2, rtol=1e-11, atol=1e-11)
    twice = p.smoothed(sigma).responsibilities(y)
    np.testing.assert_allclose(p.posterior_mean(y, sigma), 0.5 * (y + twice @ x), rtol=1e-12, atol=1e-14)
    assert np.all(np.isfinite(p.log_prob(y))) and p.sample(rng, 3).shape == (3, 784)
    assert np.all(p.unit == 2.0) and np.shape(p.box(1.0)) == (2, 784)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


def test_the_largest_distance_is_that_of_all_pairs():
    """More points than one block holds, off the origin, equal, on a line, on a sphere; and at any scale."""
    rng = np.random.default_rng(0)
    sphere = rng.standard_normal((1500, 3))
    sets = (
        1e6 + rng.standard_normal((1500, 3)),
        rng.integers(0, 3, (1500, 2)),
        rng.standard_normal((1500, 1)),
        sphere / np.linalg.norm(sphere, axis=1)[:, None],
        rng.random((1100, 50)),
    )
    for x in sets:
        largest = refebm.geometric_noise_levels(x, 3, 1e-3).sigmas[0]
        np.testing.assert_allclose(largest, np.max(pdist(x)), rtol=1e-15)
    for scale in (2.0**-600, 2.0**600):
        scaled = refebm.geometric_noise_levels(scale * sphere, 3, 1e-3 * scale).sigmas[0]
        np.testing.assert_allclose(scaled / scale, np.max(pdist(sphere)), rtol=1e-15)


def test_the_largest_distance_whatever_the_blocks(monkeypatch):
    """The two points stand in any two of many blocks, on either side of the origin, beside numbers of any size."""
    monkeypatch.setattr(denoising, "BLOCK", 4)
    for seed in range(8):
        x = np.random.default_rng(seed).standard_normal((30, 3))
        sphere = x / np.linalg.norm(x, axis=1)[:, None]
        for x in (sphere, 1 + 0.1 * sphere, -2 - sphere, np.concatenate([sphere, [[1e-200, 0.0, 0.0]]])):
            np.testing.assert_allclose(denoising.largest_distance(x), np.max(pdist(x)), rtol=1e-15)
    assert denoising.largest_distance(np.array([[1e-200], [1e200], [-2e-200]])) == 1e200


@pytest.mark.parametrize("x", [1e-9, -3e-9, 2e-8])
def test_between_two_far_means_what_the_differences_lose_decides(x):
    """s = m tanh(m x) - x, m = 1e8, where x - m and x + m are as if x were 0."""
    p, y = GaussianMixture([0.5, 0.5], [[-1e8], [1e8]], 1.0), np.array([[x]])
    right = [[1e8 * np.tanh(1e8 * x) - x]]
    for s in (p.score, score_of(mixture_of(p)), elementwise_grad(p.log_prob)):
        np.testing.assert_allclose(s(y), right, rtol=1e-13)
