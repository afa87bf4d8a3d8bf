"""At the ends of what floats hold: closed forms where squares, products and differences would be lost, or a refusal."""

from fractions import Fraction

import numpy as np
import pytest

import refebm
from refebm.data import user_data

Z = np.array([[1.5, -0.5], [0.25, 2.0]])
EPS = 2.0**-52


def test_diffusion_steps_whose_variances_have_no_product():
    """sigma^2 = beta then/now = 2e-300/3; without noise 3e-300 - sqrt(3e-600) of the score."""

    def one(x, i):
        return 1 + 0 * x

    betas, x = [1e-300, 2e-300], np.zeros((2, 2))
    drawn = refebm.ddim_step(lambda x, i: 0 * x, betas, x, 1, 1.0, Z).x
    np.testing.assert_allclose(drawn, np.sqrt(2e-300 / 3) * Z, rtol=1e-14)
    moved = refebm.ddim_step(one, betas, x, 1, 0.0, Z).x
    np.testing.assert_allclose(moved, (3 - np.sqrt(3)) * 1e-300 * np.ones((2, 2)), rtol=1e-14)


@pytest.mark.parametrize("unit", [1e-150, 1e-100, 1e100, 1e150])
def test_a_weight_of_denoising_whatever_the_unit(unit):
    """1/2 (1 + 4)/4 |0 - x|^2, x = 3 of (1, 1), sigma = 1, s = 2, all of that unit: it cancels."""
    value = refebm.karras_denoising(lambda x, sigma: 0 * x, 3 * unit * np.ones((1, 2)), unit, Z[:1], 2 * unit)
    np.testing.assert_allclose(value, [0.625 * 18], rtol=1e-14)


@pytest.mark.parametrize("unit", [1e-150, 1e-100, 1e100, 1e150])
def test_the_variance_given_a_point_whatever_the_unit(unit):
    """Of N(0, 1) with noise of deviation 1, all of that unit: 1/2."""
    score = refebm.Gaussian(0.0, 2.0 * unit**2).score
    np.testing.assert_allclose(refebm.tweedie_cov(score, unit * Z[:, :1], unit), 0.5 * unit**2 * np.ones((2, 1, 1)))


def test_the_standard_error_of_weights_that_are_nearly_equal():
    """Of weights 1 and exp(-a): tanh(a/2), for small a too."""
    for a in (1.0, 1e-9, 1e-100):
        error = refebm.estimated_log_partition([0.0, -a]).standard_error
        np.testing.assert_allclose(error, np.tanh(a / 2), rtol=1e-14)


def energy(x):
    return 0.5 * np.sum(x**2, axis=1)


LOST = {
    "a step that x does not show": (lambda: refebm.finite_difference_sliced(energy, Z, 1e-15, Z), "E-ROUNDOFF"),
    "a step without a square": (lambda: refebm.finite_difference_sliced(energy, 0 * Z, 1e-170, Z), "E-SCALE"),
    "noise that x does not show": (
        lambda: refebm.denoising_score_matching_cv(lambda x: -x, Z, [1.0, 1e-15], Z),
        "E-ROUNDOFF",
    ),
    "noise that a denoiser does not see": (
        lambda: refebm.denoising_autoencoder(lambda x: x, Z, 1e-15, Z),
        "E-ROUNDOFF",
    ),
    "noise that a denoiser of EDM does not see": (
        lambda: refebm.karras_denoising(lambda x, sigma: x, Z, 1e-15, Z, 1.0),
        "E-ROUNDOFF",
    ),
    "a draw that x does not show": (
        lambda: refebm.denoising_score_matching_cv(lambda x: -x, Z, 1e-6, 1e-9 * Z),
        "E-ROUNDOFF",
    ),
    "a draw that a denoiser does not see": (
        lambda: refebm.denoising_autoencoder(lambda x: x, Z, 1e-6, 1e-9 * Z),
        "E-ROUNDOFF",
    ),
    "a draw that a denoiser of EDM does not see": (
        lambda: refebm.karras_denoising(lambda x, sigma: x, Z, 1e-6, 1e-9 * Z, 1.0),
        "E-ROUNDOFF",
    ),
    "a deviation that is lost beside weights": (
        lambda: refebm.LinearGaussianVAE([[1.0], [2.0]], [0.0, 0.0], 1e-7).marginal(),
        "E-ROUNDOFF",
    ),
    "a deviation of which nothing is left beside weights": (
        lambda: refebm.LinearGaussianVAE([[1.0], [2.0], [3.0]], [0.0, 0.0, 0.0], 1e-9).marginal(),
        "E-ROUNDOFF",
    ),
    "a level that is lost beside the last": (
        lambda: refebm.karras_heun_step(lambda x, sigma: 0.5 * x, Z, 1e100, 0.5),
        "E-ROUNDOFF",
    ),
    "a rate that ends as nothing": (lambda: refebm.VariancePreserving(20.0, 1e-16), "E-BETAS"),
    "another": (lambda: refebm.SubVariancePreserving(1e300, 1e-80), "E-BETAS"),
    "a rate whose integral has no digits": (lambda: refebm.VariancePreserving(1e-300, 1e-300).marginal(1e-8), "E-TIME"),
    "levels without squares": (lambda: refebm.VarianceExploding(1e-160, 1.0), "E-SCALE"),
    "levels with infinite squares": (lambda: refebm.VarianceExploding(1.0, 2e154), "E-SCALE"),
    "a ratio without a square": (lambda: refebm.annealed_variance(1e160, 0.5, 10**4), "E-RATIO"),
    "levels whose squares have no sum": (
        lambda: refebm.karras_preconditioned(lambda x, c: x, Z, 1e154, 1e154),
        "E-SCALE",
    ),
    "a deviation without a square": (
        lambda: refebm.score_of_denoiser(lambda x, t: x, refebm.VarianceExploding(1e-150, 1e-100), Z, 1e-30),
        "E-TIME",
    ),
    "points without squares": (lambda: refebm.nonnegative_score_matching(lambda x: -x, 1e-160 + 0 * Z), "E-SCALE"),
}


@pytest.mark.parametrize("name", LOST)
def test_what_has_no_digits_left_is_refused(name):
    call, code = LOST[name]
    with pytest.raises(refebm.InputError) as error:
        call()
    assert error.value.code == code


def test_what_is_not_known_of_a_point_with_little_noise():
    """To first order sigma^2 I, and sigma^4 times the score's slope, whatever the mixture."""
    mixture = refebm.GaussianMixture([0.3, 0.7], [[0.5, -1.0], [-0.25, 2.0]], [np.eye(2), [[2.0, 0.5], [0.5, 1.0]]])
    for sigma in (1e-9, 1e-16, 1e-70):
        cov = mixture.posterior_cov(Z, sigma) / sigma**2
        np.testing.assert_allclose(cov, np.eye(2) * np.ones((2, 1, 1)), rtol=1e-14, atol=1e-14)
    far = refebm.GaussianMixture([0.3, 0.7], [[1e8], [-0.25]], 1.0)  # a component that is nowhere near
    np.testing.assert_allclose(far.posterior_cov(Z[:, :1], 1.0), 0.5 * np.ones((2, 1, 1)), rtol=1e-14)
    far = refebm.GaussianMixture([0.3, 0.7], [[1e8], [-0.25]], [[[1.0]], [[2.0]]])
    np.testing.assert_allclose(far.posterior_cov(1e8 + Z[:, :1], 1e-9), 1e-18 * np.ones((2, 1, 1)), rtol=1e-14)


def test_the_mean_given_a_far_point_in_coordinates_of_unlike_scales():
    """At y = 0, sigma = 1: sum_k r_k m_k/(C_k + 1), both components 100 deviations away in the second coordinate, so
    that r_k is proportional to 1/sqrt(C_k + 1); in the first nothing but noise is left, in the second nothing of it."""
    wide = np.array([1e12, 2e12])
    far = -1e2 * np.sqrt(wide + 1)
    covs = [np.diag([1e-14, one]) for one in wide]
    mixture = refebm.GaussianMixture([0.5, 0.5], np.stack([0 * far, far], axis=1), covs)
    r = (wide + 1) ** -0.5 / np.sum((wide + 1) ** -0.5)
    mean = mixture.posterior_mean(np.zeros((1, 2)), 1.0)
    np.testing.assert_allclose(mean, [[0.0, np.sum(r * far / (wide + 1))]], rtol=1e-11)


@pytest.mark.parametrize("sigma", [1.0, 1e4, 1e30])
def test_what_is_not_known_of_a_point_where_the_means_are_far_from_0(sigma):
    """Two means 1 apart, at y of which both are as likely: gain + (lost/2)^2, lost = sigma^2/(1 + sigma^2)."""
    for at in (0.0, 1e3, 1e12, -(2.0**50)):
        mixture = refebm.GaussianMixture([0.5, 0.5], [[at], [at + 1]], 1.0)
        lost = sigma**2 / (1 + sigma**2)
        np.testing.assert_allclose(mixture.posterior_cov([[at + 0.5]], sigma), lost + lost**2 / 4, rtol=1e-14)


def test_levels_between_far_ones_and_powers_that_leave_none():
    levels = refebm.karras_noise_levels(3, 1e-150, 1e150)
    np.testing.assert_allclose(levels, [1e150, 1e150 / 128, 1e-150], rtol=1e-12)
    np.testing.assert_array_equal(refebm.karras_noise_levels(2, 0.25, 2.0, 1.0), [2.0, 0.25])
    with pytest.raises(refebm.InputError, match="E-LEVELS: power must leave numbers"):
        refebm.karras_noise_levels(3, 1e-300, 1.0, 0.9)
    for power in (1e-16, 1e-3, 1e4, 1e7, 1e16):
        with pytest.raises(refebm.InputError, match="E-LEVELS: power must leave numbers"):
            refebm.karras_noise_levels(5, 0.03125, 2.75, power)


def test_data_of_any_unit(tmp_path):
    for unit in (1e-200, 1.0, 1e90):
        file = tmp_path / "data.csv"
        file.write_text("x\n" + "\n".join(repr(unit * x) for x in (1.0, 2.0, 3.0, 6.0)))
        data = user_data(file)
        np.testing.assert_allclose(data.spread, np.sqrt(3.5) * unit, rtol=1e-14)
        np.testing.assert_allclose(data.density.means[:, 0], np.array([-2, -1, 0, 3]) / np.sqrt(3.5), rtol=1e-14)


def test_data_without_a_spread_and_files_of_the_largest_size(tmp_path, monkeypatch):
    file = tmp_path / "data.csv"
    file.write_text(text := "x\n2.5\n2.5\n")
    monkeypatch.setattr("refebm.data.MOST_CHARACTERS", len(text))
    assert user_data(file).spread == 1.0
    file.write_text(text + "\n")
    with pytest.raises(refebm.InputError, match="E-SIZE"):
        user_data(file)


def test_data_of_more_digits_than_floats_have(tmp_path):
    file = tmp_path / "data.csv"
    file.write_text("when\n1700000000000000001\n1700000000000000002\n")
    with pytest.raises(refebm.InputError, match=r"E-CSV.*line 2, column 'when'.*no more digits than a float holds"):
        user_data(file)
    file.write_text("when\n1700000000000000000\n1700000000000001024\n")
    assert user_data(file).spread == 512


def test_weights_of_full_rank_need_no_noise():
    """x = W z, W orthogonal and twice: N(0, 4 I)."""
    law = refebm.LinearGaussianVAE([[1.2, 1.6], [-1.6, 1.2]], [0.0, 0.0], 1e-100).marginal()
    np.testing.assert_allclose(law.score(Z), -Z / 4, rtol=1e-14)


def test_a_deviation_is_beside_weights_of_any_size():
    """It is refused where its square is below a thousand roundoffs of the largest variance, whatever the unit."""
    for unit in (1e-9, 1.0, 1e8):
        for deviation, kept in ((1e-6, True), (1e-8, False)):
            machine = refebm.LinearGaussianVAE([[unit], [0.0]], [0.0, 0.0], deviation * unit)
            if kept:
                np.testing.assert_allclose(machine.marginal().cov[1, 1], (deviation * unit) ** 2, rtol=1e-14)
            else:
                told = f"smallest variance of x is {(deviation * unit) ** 2:.1e}, the largest {unit**2:.1e}"
                with pytest.raises(refebm.DomainError, match="E-ROUNDOFF") as error:
                    machine.marginal()
                assert told in str(error.value)


def test_the_least_deviation_beside_a_weight_of_1():
    """Its square is above 1000 times 2^-52: 31.625^2 = 1000.14, 31.609375^2 = 999.15."""
    weights = [[0.0], [1.0], [0.0]]
    assert refebm.LinearGaussianVAE(weights, np.zeros(3), 31.625 * 2**-26).marginal().cov[1, 1] == 1 + 1000 * 2**-52
    with pytest.raises(refebm.DomainError, match=r"the largest 1\.0e"):
        refebm.LinearGaussianVAE(weights, np.zeros(3), 31.609375 * 2**-26).marginal()


def test_a_deviation_that_is_nothing_beside_one_weight_of_several():
    for weights in ([[0.0], [1e151]], [[-1e151, 1.0], [0.0, 1.0]]):
        with pytest.raises(refebm.InputError, match="E-SCALE: deviation must be above 1e-150 times the weights"):
            refebm.LinearGaussianVAE(weights, [0.0, 0.0], 1.0)


@pytest.mark.parametrize(
    "x,reflected", [([1.0, 1.0], [0.0, -1.0]), ([-1.0, -1.0], [0.0, -1.0]), ([1.0, 0.0], [-1.0, 0.0])]
)
def test_states_so_far_apart_that_the_gap_has_no_square(x, reflected):
    """The second goes the other way, where both are 1e160 of its steps apart."""
    x, y, z = np.array([x]), np.zeros((1, 2)), np.array([[1.0, 0.0]])
    with np.errstate(over="ignore"):  # |z + g|^2, which is infinite all the same
        _, second = refebm.coupled_metropolis_step(lambda x: 0 * x[:, 0], x, y, 1e-160, z, [0.5], [0.5])
    np.testing.assert_allclose(second.x, 1e-160 * np.array([reflected]), atol=1e-175)


def test_chains_meet_below_the_ratio_of_their_densities_and_not_at_it():
    """phi(z + g)/phi(z) = e^-1 for z = 0 and g = (1, 1), of which the logarithm is exactly -1."""
    x, y, z = np.array([[1.0, 1.0]]), np.zeros((1, 2)), np.zeros((1, 2))
    for u, met in ((np.exp(-1.0), False), (np.nextafter(np.exp(-1.0), 0) - 1e-16, True)):
        first, second = refebm.coupled_metropolis_step(lambda x: 0 * x[:, 0], x, y, 1.0, z, [u], [0.5])
        assert np.array_equal(first.x, second.x) == met


def test_the_best_step_between_levels_that_are_nearly_equal():
    """With one step (1 - eta)^2 r^2 + 2 eta is least at eta = 1 - 1/r^2."""
    for ratio in (1 + 2.0**-40, 1 + 2.0**-20, 1.5):
        best = (ratio - 1) * (ratio + 1) / ratio**2
        np.testing.assert_allclose(refebm.annealed_step(ratio, 1), best, rtol=1e-14)


@pytest.mark.parametrize("t", [2e-309, 1e-310, 5e-324])
def test_times_so_early_that_products_with_rates_have_no_digits(t):
    """At 5e-324 std is sqrt(beta t) = 1e-161: the integral of beta is rounded to a few bits, or to 0."""
    vp, sub_vp = refebm.VariancePreserving(20.0, 0.1), refebm.SubVariancePreserving(0.1, 20.0)
    ve = refebm.VarianceExploding(0.01, 50.0)
    for call in (
        lambda: vp.marginal(t),
        lambda: vp.integral([0.0, 0.0], [0.5, t]),
        lambda: sub_vp.kernel(0.0, t),
        lambda: sub_vp.diffusion(t),
        lambda: ve.kernel(0.0, [0.5, t]),
    ):
        with pytest.raises(refebm.InputError, match="E-TIME: t must be s, or later"):
            call()
    np.testing.assert_array_equal(vp.kernel(t, t), [1.0, 0.0])
    after = np.nextafter(1e-300, 1)
    for sde, rate in ((vp, 20.0), (ve, np.log(5000))):
        with pytest.raises(refebm.InputError, match="E-TIME") as error:
            sde.kernel([1e-300, 0.5], [after, 0.75])
        assert f"is {(after - 1e-300) * rate:g}," in str(error.value)


def test_early_times_and_slow_rates():
    """To first order in b = beta t, std is sqrt(b), or b where the variance is preserved from below."""
    for early, beta in ((1e-300, 1e3), (1e-305, 0.1), (1e-100, 1e-200), (0.5, 1e-306)):
        vp, sub_vp = refebm.VariancePreserving(beta, beta), refebm.SubVariancePreserving(beta, beta)
        np.testing.assert_allclose(vp.marginal(early), [1.0, np.sqrt(beta) * np.sqrt(early)], rtol=1e-14)
        np.testing.assert_allclose(sub_vp.marginal(early), [1.0, beta * early], rtol=1e-14)
        np.testing.assert_allclose(sub_vp.diffusion(early), np.sqrt(2.0) * beta * np.sqrt(early), rtol=1e-14)


def test_levels_of_an_sde_that_are_nearly_equal():
    """log(1 + e) of e = (sigma_max - sigma_min)/sigma_min, which is known without an error: e - e^2/2 + e^3/3."""
    for low, high in ((1.3, 1.3 + 9e-13), (7.1e-5, 7.1000001e-5), (3.3, 3.3 + 2.1e-10)):
        e, ve = (high - low) / low, refebm.VarianceExploding(low, high)
        log_ratio = e - e**2 / 2 + e**3 / 3
        np.testing.assert_allclose(ve.diffusion(0.0), low * np.sqrt(2 * log_ratio), rtol=1e-14)
        np.testing.assert_allclose(ve.kernel(0.0, 0.5)[1], low * np.sqrt(np.expm1(log_ratio)), rtol=1e-14)


@pytest.mark.parametrize("offset", [1e6, 1e12, 1e100, 1e300])
def test_a_cosine_whose_offset_is_all(offset):
    """With a large offset f_i is ((N - i)/N)^2, to relative order 1/offset^2: beta_i = 1 - ((N - i)/(N - i + 1))^2."""
    left = np.arange(7, 0, -1)
    betas = 1 - ((left - 1) / left) ** 2
    np.testing.assert_allclose(refebm.cosine_betas(7, offset), np.minimum(betas, 0.999), rtol=1e-11)


def test_the_last_of_many_cosine_betas():
    """f at N - 1 is sin^2 of the angle that is left, pi/2/(N (1 + s)), and at N - 2 of twice that."""
    n, s = 10**6, 0.008
    *_, before, last = refebm.cosine_betas(n)
    left = np.pi / 2 / (n * (1 + s))
    np.testing.assert_allclose(before, 1 - (np.sin(left) / np.sin(2 * left)) ** 2, rtol=1e-14)
    assert last == 0.999


@pytest.mark.parametrize("unit", [1e-170, 1e-150, 1e150])
def test_annealed_steps_of_levels_that_have_no_squares(unit):
    """eta_i is eps times 16, 4 and 1; the score is 0, so that the steps add up."""
    z, eps = np.ones((3, 1, 2, 2)), 1e-300
    end = refebm.annealed_langevin(lambda x, sigma: 0 * x, 0 * Z, unit * np.array([4.0, 2.0, 1.0]), eps, z)
    np.testing.assert_allclose(end, 7 * np.sqrt(2 * eps) * np.ones((2, 2)), rtol=1e-14)


@pytest.mark.parametrize("coverage", [1e-3, 0.5, 0.96, 0.99, 0.997])
def test_every_coverage_that_there_is_has_a_ratio(coverage):
    assert refebm.level_coverage(refebm.level_ratio(20, coverage), 20) == pytest.approx(coverage, rel=1e-13)


def test_the_largest_of_distances_that_are_nearly_equal():
    points = np.array([[1.0], [0.0], [1 + 8 * EPS], [1 + 4 * EPS], [0.5]])
    assert refebm.geometric_noise_levels(points, 2, 0.5).sigmas[0] == 1 + 8 * EPS


@pytest.mark.parametrize("eta", [0.25, 0.5, 0.75, 1.0, 1.25, 1.75])
def test_steps_of_any_size_at_a_level(eta):
    """v <- (1 - eta)^2 v + 2 eta, from the variance of the level before."""
    variance = 1.5**2
    for n_steps in (1, 2, 3):
        variance = (1 - eta) ** 2 * variance + 2 * eta
        np.testing.assert_allclose(refebm.annealed_variance(1.5, eta, n_steps), variance, rtol=1e-14)


@pytest.mark.parametrize("n_steps", [10**6, 10**9])
def test_many_small_steps_at_a_level(n_steps):
    """With eta = 1/T the factor (1 - eta)^{2T} is e^{-2} (1 - 1/T - ...), of which 1 - eta alone would lose digits."""
    eta = 1 / n_steps
    kept, settled = np.exp(-2 * (1 + eta / 2 + eta**2 / 3)), 1 / (1 - eta / 2)
    value = settled + kept * (1.5**2 - settled)
    np.testing.assert_allclose(refebm.annealed_variance(1.5, eta, n_steps), value, rtol=1e-15)


def alternating(at, step):
    """Two chains: one goes up and down, the other up, up, down, down."""
    up = np.array([[0, 1, 0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 0, 0, 1, 1]], float).T
    return at + step * up[:, :, None]


@pytest.mark.parametrize(
    ("at", "step"),
    [(1.0, EPS), (-3.0, 2 * EPS), (1e8, 2.0**-26), (1e308, 2.0**971), (1e-300, 2.0**-1040)],
)
def test_chains_that_move_in_their_last_digits(at, step):
    """All but autocovariances depend on the differences alone, which are exact."""
    near, far = alternating(0.0, 1.0), alternating(at, step)
    np.testing.assert_allclose(refebm.autocorrelation(far, 4), refebm.autocorrelation(near, 4), atol=1e-15)
    np.testing.assert_allclose(refebm.effective_sample_size(far), refebm.effective_sample_size(near), rtol=1e-14)
    np.testing.assert_allclose(refebm.split_r_hat(far), refebm.split_r_hat(near), rtol=1e-14)
    np.testing.assert_allclose(refebm.autocorrelation(near, 2)[:, 0], [1.0, (-7 / 8 + 1 / 8) / 2, 0.0], atol=1e-15)
    with np.errstate(all="ignore"):
        of_near = step * (step * refebm.autocovariance(near, 4))
        np.testing.assert_allclose(
            refebm.autocovariance(far, 4), of_near, rtol=1e-14, atol=1e-15 * np.abs(of_near[0, 0])
        )


@pytest.mark.parametrize("deviation", [1e-7, 1e-8, 1e-12, 1e-100])
@pytest.mark.parametrize("weights", [[[1.0, 1.0]], [[1.0, 0.3, 0.7]], [[0.1, 0.1], [0.7, 0.7], [0.3, 0.3]]])
def test_weights_that_leave_directions_of_z_to_the_prior_and_little_noise(weights, deviation):
    """Roundoff of 1 + 1/s^2 hides what the prior adds."""
    with pytest.raises(refebm.DomainError, match="E-ROUNDOFF: deviation must not be so small"):
        refebm.LinearGaussianVAE(weights, np.zeros(len(weights)), deviation)


@pytest.mark.parametrize("deviation", [1e-2, 1e-4, 1e-6])
def test_a_posterior_keeps_the_digits_that_its_precision_has(deviation):
    """W = (1, 1): E[z | x] = x/(2 + s^2) (1, 1) and P = I - (1, 1)^T (1, 1)/(2 + s^2), to roundoffs of 1 + 1/s^2."""
    machine, left = refebm.LinearGaussianVAE([[1.0, 1.0]], [0.0], deviation), 1 / (2 + deviation**2)
    within = {"rtol": 0, "atol": 4 * np.finfo(float).eps / deviation**2}
    np.testing.assert_allclose(machine.posterior_cov, np.eye(2) - left, **within)
    np.testing.assert_allclose(machine.posterior_mean([[0.5]]), [[0.5 * left, 0.5 * left]], **within)


def test_a_posterior_mean_without_digits_is_refused():
    """W = (1e8, 1): E[z_2 | x] = x/(1e16 + 1 + s^2) is what is left of terms of 1/s^2 times x."""
    machine = refebm.LinearGaussianVAE([[1e8, 1.0]], [0.0], 1e-3)
    np.testing.assert_allclose(machine.posterior_mean([[1e4]]), [[1e-4, 1e-12]], rtol=0, atol=1e-5)
    for method in (machine.posterior_mean, lambda x: machine.gap(x, np.zeros((2, 2)), np.eye(2))):
        with pytest.raises(refebm.DomainError, match=r"E-ROUNDOFF: x must not be .* posterior mean at row 1 has not"):
            method(np.array([[1e4], [1e8]]))


def test_a_gap_without_digits_is_refused():
    """W = 3, x = 1: E[z | x] is 1/3, of which the float is 2e-17 off: 6e3 of its deviations if s is 1e-20."""
    mean, machine = np.array([[1 / 3], [0.5]]), refebm.LinearGaussianVAE([[3.0]], [0.0], 1e-20)
    np.testing.assert_allclose(machine.gap([[1.0]], mean[1:], machine.posterior_cov), 0.125e40, rtol=1e-14)
    with pytest.raises(refebm.DomainError, match=r"E-ROUNDOFF: x must not be .* gap at row 0 has not three digits"):
        machine.gap(np.ones((2, 1)), mean, machine.posterior_cov)


def test_weights_of_two_sizes_and_little_noise():
    """W = diag(1, s): E[z | x] = (x_1/(1 + s^2), x_2/(2 s)), whatever s."""
    for s in (1e-5, 1e-8, 1e-100):
        machine = refebm.LinearGaussianVAE([[1.0, 0.0], [0.0, s]], [0.0, 0.0], s)
        np.testing.assert_allclose(machine.posterior_mean([[3.0, 4 * s]]), [[3 / (1 + s**2), 2.0]], rtol=1e-14)
        np.testing.assert_allclose(machine.posterior_cov, [[s**2 / (1 + s**2), 0], [0, 0.5]], rtol=1e-14)


def exact_diagnostics(x):
    """rho_t, the effective size and split R-hat of chains (T, n), in fractions but for the last root and logarithm."""
    chains = [[Fraction(float(value)) for value in chain] for chain in x.T]
    length, n = x.shape

    def lagged(chain, t):
        mean = sum(chain) / len(chain)
        return sum((a - mean) * (b - mean) for a, b in zip(chain, chain[t:])) / len(chain)

    def of_means(chains):
        means = [sum(chain) / len(chain) for chain in chains]
        middle = sum(means) / len(means)
        return sum((mean - middle) ** 2 for mean in means) / (len(means) - 1)

    c = [sum(lagged(chain, t) for chain in chains) / n for t in range(length)]
    within = c[0] * length / (length - 1)
    rho = [1, *(1 - (within - c_t) / (c[0] + of_means(chains)) for c_t in c[1:])]
    tau, least = Fraction(-1), None
    for pair in (rho[k] + rho[k + 1] for k in range(0, length - 1, 2)):
        if pair <= 0:
            break
        least = pair if least is None else min(least, pair)
        tau += 2 * least
    size = n * length / max(float(tau), 1 / np.log10(n * length))
    half = length // 2
    halves = [part for chain in chains for part in (chain[:half], chain[half:])]
    inside = sum(lagged(part, 0) for part in halves) / len(halves) * half / (half - 1)
    r_hat = float(Fraction(half - 1, half) + of_means(halves) / inside) ** 0.5
    return [float(c_t / c[0]) for c_t in c], size, r_hat


BESIDE = {  # scale and place of either of two chains
    "of sizes 600 powers of ten apart": ((1e300, 0.0), (1e-300, 0.0)),
    "the first is the small one": ((1e-300, 0.0), (1e300, 0.0)),
    "one that went off": ((1.0, 0.0), (1e17, 3e17)),
    "the first went off": ((1e17, 3e17), (1.0, 0.0)),
    "far apart, in units": ((1.0, 1e40), (1.0, 0.0)),
    "moves of the other less than digits of the place of the first": ((2.0, 2.0**53), (0.875, 0.0)),
}


@pytest.mark.parametrize("name", BESIDE)
def test_chains_whose_moves_are_lost_beside_those_of_others(name):
    up = alternating(0.0, 1.0)[:, :, 0]
    (first, at), (second, there) = BESIDE[name]
    x = np.stack([first * up[:, 0] + at, second * up[:, 1] + there], axis=1)
    if name == "far apart, in units":  # the first moves in its last digits
        x[::2, 0] = np.nextafter(1e40, np.inf)
    rho, size, r_hat = exact_diagnostics(x)
    x = x[:, :, None]
    np.testing.assert_allclose(refebm.autocorrelation(x, 7)[:, 0], rho, atol=2e-15)
    np.testing.assert_allclose(refebm.effective_sample_size(x), size, rtol=1e-13)
    np.testing.assert_allclose(refebm.split_r_hat(x), r_hat, rtol=1e-13)


def test_chains_below_0_whose_squares_overflow():
    near, far = alternating(0.0, 1.0), alternating(0.0, -1.5e308)
    np.testing.assert_allclose(refebm.autocorrelation(far, 4), refebm.autocorrelation(near, 4), atol=1e-15)


def test_the_row_whose_step_is_lost_is_named_and_one_coordinate_is_enough():
    x, one = np.array([[0.0, 0.0], [1.0, -4.0]]), np.ones((2, 2))
    with pytest.raises(refebm.DomainError, match=r"E-ROUNDOFF: .* at row 1 it goes 1.0e-15 from \|x\| = 4.0e\+00"):
        refebm.finite_difference_sliced(energy, x, 1e-15, one)
    with pytest.raises(refebm.DomainError, match="E-ROUNDOFF"):
        refebm.finite_difference_sliced(energy, np.array([[0.0, 1.0], [0.0, 1.0]]), 1e-15, one)


def test_weights_of_chains_that_are_800_apart():
    """w = (0, 0, 1) e^800: their mean is 1/3, their deviation the root of 1/3."""
    estimate = refebm.estimated_log_partition([0.0, -800.0, 800.0])
    np.testing.assert_allclose(estimate, [800 - np.log(3), 1.0], rtol=1e-15)


def test_the_derivative_of_least_squares_is_that_of_the_largest_numbers():
    np.testing.assert_array_equal(
        refebm.LEAST_SQUARES.derivative(np.array([708.9, 709.0, 1e3])), np.exp([708.9, 709.0, 709.0])
    )


@pytest.mark.parametrize("p", [1e-5, 1e-10, 1e-20, 1e-300])
def test_the_entropy_of_units_that_are_nearly_always_0(p):
    """p (1 - log p) - p^2/2 - p^3/6 for each of two units, of a machine without couplings."""
    rbm = refebm.BinaryRBM([0.0], [0.0], [[0.0]])
    value = refebm.mean_field_free_energy(rbm, np.array([[p]]), np.array([[p]]))
    np.testing.assert_allclose(value, [-2 * (p * (1 - np.log(p)) - p**2 / 2 - p**3 / 6)], rtol=1e-15)


OVERFLOWS = {
    "x_t without x_0": (
        lambda: refebm.denoised_point(lambda x, t: -x, refebm.VariancePreserving(0.1, 1e4), Z, 1.0),
        "E-TIME: m",
    ),
    "slopes at a level without a square": (
        lambda: refebm.karras_heun_step(lambda x, sigma: 0 * x, Z, 1e-305, 0.0),
        "E-SCALE: sigma",
    ),
    "steps at the first level": (
        lambda: refebm.annealed_langevin(lambda x, sigma: 0 * x, Z, [1e77, 1e-77], 1.0, np.zeros((2, 1, 2, 2))),
        "E-LEVELS: sigmas",
    ),
    "distances": (lambda: refebm.geometric_noise_levels([[1.7e308], [-1.7e308]], 3, 1.0), "E-SCALE: x"),
    "1/rate": (lambda: refebm.Gamma(1e-10, 1e-310), "E-SCALE: rate"),
}


@pytest.mark.parametrize("name", OVERFLOWS)
def test_what_would_overflow_on_the_way_is_refused(name):
    overflowing, words = OVERFLOWS[name]
    with pytest.raises(refebm.InputError, match=words):
        overflowing()


@pytest.mark.parametrize(
    "p",
    [refebm.Gamma(1.0, 2.4e-308), refebm.Laplace(0.0, 8e307), refebm.StudentT(1.0, 0.0, 1e307)],
    ids=lambda p: type(p).__name__,
)
def test_draws_that_would_overflow_are_numbers(p):
    assert np.all(np.isfinite(p.sample(np.random.default_rng(0), 200)))


def test_a_well_conditioned_posterior_is_that_of_its_own_gap():
    """The covariance of z given x is symmetric to the last digit, also where W^T W has a condition of 1e10."""
    generator = np.random.default_rng(0)
    for _ in range(20):
        weights = (
            generator.standard_normal((4, 4)) * np.array([1.0, 1.0, 1.0, 1e-5]) @ generator.standard_normal((4, 4))
        )
        machine = refebm.LinearGaussianVAE(weights, np.zeros(4), 1e-5)
        np.testing.assert_array_equal(machine.posterior_cov, machine.posterior_cov.T)
        x = weights[:, 0][None]
        assert abs(machine.gap(x, machine.posterior_mean(x), machine.posterior_cov)[0]) < 1e-3


def test_a_flow_whose_steps_x_does_not_show_is_refused():
    """The value would be 1, whatever the energy."""
    with pytest.raises(refebm.DomainError, match="E-ROUNDOFF: eps"):
        refebm.minimum_probability_flow_continuous(energy, Z, 1e-17, Z)
