"""At the ends of what floats hold: closed forms where squares, products and differences would be lost, or a refusal."""

import numpy as np
import pytest

import refebm
from refebm.data import user_data

Z = np.array([[1.5, -0.5], [0.25, 2.0]])


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
    "a deviation that is lost beside weights": (
        lambda: refebm.LinearGaussianVAE([[1.0], [2.0]], [0.0, 0.0], 1e-7).marginal(),
        "E-ROUNDOFF",
    ),
    "a level that is lost beside the last": (
        lambda: refebm.karras_heun_step(lambda x, sigma: 0.5 * x, Z, 1e100, 0.5),
        "E-ROUNDOFF",
    ),
    "a rate that ends as nothing": (lambda: refebm.VariancePreserving(20.0, 1e-16), "E-BETAS"),
    "another": (lambda: refebm.SubVariancePreserving(1e300, 1e-80), "E-BETAS"),
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


def test_levels_between_far_ones_and_powers_that_leave_none():
    levels = refebm.karras_noise_levels(3, 1e-150, 1e150)
    np.testing.assert_allclose(levels, [1e150, 1e150 / 128, 1e-150], rtol=1e-12)
    for power in (1e-16, 1e-3, 1e7, 1e16):
        with pytest.raises(refebm.InputError, match="E-LEVELS: power must leave numbers"):
            refebm.karras_noise_levels(5, 0.03125, 2.75, power)


def test_data_of_any_unit(tmp_path):
    for unit in (1e-200, 1.0, 1e90):
        file = tmp_path / "data.csv"
        file.write_text("x\n" + "\n".join(repr(unit * x) for x in (1.0, 2.0, 3.0, 6.0)))
        data = user_data(file)
        np.testing.assert_allclose(data.spread, np.sqrt(3.5) * unit, rtol=1e-14)
        np.testing.assert_allclose(data.density.means[:, 0], np.array([-2, -1, 0, 3]) / np.sqrt(3.5), rtol=1e-14)


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


def test_states_so_far_apart_that_the_gap_has_no_square():
    """The second goes the other way, where both are 1e160 of its steps apart."""
    x, y, z = np.array([[1.0, 1.0]]), np.zeros((1, 2)), np.array([[1.0, 0.0]])
    with np.errstate(over="ignore"):  # |z + g|^2, which is infinite all the same
        _, second = refebm.coupled_metropolis_step(lambda x: 0 * x[:, 0], x, y, 1e-160, z, [0.5], [0.5])
    np.testing.assert_allclose(second.x, [[0.0, -1e-160]], atol=1e-175)


def test_the_best_step_between_levels_that_are_nearly_equal():
    """With one step (1 - eta)^2 r^2 + 2 eta is least at eta = 1 - 1/r^2."""
    for ratio in (1 + 2.0**-40, 1 + 2.0**-20, 1.5):
        best = (ratio - 1) * (ratio + 1) / ratio**2
        np.testing.assert_allclose(refebm.annealed_step(ratio, 1), best, rtol=1e-14)
