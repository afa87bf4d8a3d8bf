"""Bad input of what live code uses beyond the documents: flow matching, schedules, parametrisations and the like."""

import numpy as np
import pytest

import refebm
from tests.refused import refused

X = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])
Z = X[::-1] + 0.5
T = np.array([0.25, 0.5, 0.75])


def field(x, t):
    return -x


BETAS = np.array([0.125, 0.25, 0.5])


def ddim(i=1, eta=0.5, betas=BETAS):
    return refebm.ddim_step(field, betas, X, i, eta, Z)


def one(x):
    return -x


def heun(sigma=1.0, next_sigma=0.5):
    return refebm.karras_heun_step(field, X, sigma, next_sigma)


BAD = {
    "one logit": (lambda: refebm.classifier_energy(lambda x: x[:, 0], X), r"E-CALLABLE logits.x. must return .n, k."),
    "no classes": (lambda: refebm.classifier_energy(lambda x: x[:, :0], X), r"E-CALLABLE logits.* got \(3, 0\)"),
    "logits of another n": (lambda: refebm.class_log_probabilities(lambda x: x[:2], X), r"E-CALLABLE \(2, 2\)"),
    "logits that are numbers": (lambda: refebm.class_log_probabilities(X, X), "E-CALLABLE logits must be callable"),
    "bits that are none": (lambda: refebm.pseudo_likelihood(lambda x: x[:, 0], X), "E-BINARY x .*0.5"),
    "a field for an energy": (lambda: refebm.pseudo_likelihood(one, 0 * X), "E-CALLABLE energy"),
    "an offset below zero": (lambda: refebm.cosine_betas(10, -0.1), "E-POSITIVE offset must be at least 0"),
    "a last step that keeps nothing": (lambda: refebm.cosine_betas(10, most=1.0), "E-WEIGHTS most"),
    "no steps of a cosine": (lambda: refebm.cosine_betas(0), "E-COUNT n_steps"),
    "a level under the next": (lambda: refebm.level_coverage(0.5, 100), "E-RATIO ratio must be greater than 1"),
    "an average of other names": (
        lambda: refebm.moving_average({"W": np.ones(2)}, {"b": np.ones(2)}, 0.9),
        "E-SHAPE form of average",
    ),
    "an average without memory": (lambda: refebm.moving_average(np.ones(2), np.ones(2), 0.0), "E-WEIGHTS momentum"),
    "a coverage in four dimensions": (lambda: refebm.level_ratio(4), "E-COVERAGE d must be above 4"),
    "a coverage of all": (lambda: refebm.level_ratio(100, 0.999), "E-COVERAGE coverage below 0.9973"),
    "a step that diverges": (lambda: refebm.annealed_variance(1.5, 2.0, 3), "E-STEPS eta must be less than 2"),
    "equal levels": (lambda: refebm.annealed_step(1.0, 3), "E-RATIO ratio must be greater than 1"),
    "data of no size": (lambda: refebm.karras_denoising(field, X, 1.0, Z, 0.0), "E-POSITIVE data_std"),
    "a size for each row": (lambda: refebm.karras_denoising(field, X, 1.0, Z, T), "E-SHAPE data_std must be a float"),
    "a network of one column": (
        lambda: refebm.karras_preconditioned(lambda x, c: x[:, :1], X, 1.0, 0.5),
        "E-CALLABLE network",
    ),
    "a step from no noise": (lambda: heun(sigma=0.0), "E-POSITIVE sigma must be greater than 0"),
    "a step beyond the data": (lambda: heun(next_sigma=-0.5), "E-POSITIVE next_sigma must be at least 0"),
    "a level for each row": (lambda: heun(sigma=T), "E-SHAPE sigma must be a float"),
    "one level of EDM": (lambda: refebm.karras_noise_levels(1, 0.1, 2.0), "E-LEVELS n must be at least 2"),
    "levels the wrong way": (lambda: refebm.karras_noise_levels(4, 2.0, 0.1), "E-LEVELS smallest below largest"),
    "levels that are one": (lambda: refebm.karras_noise_levels(4, 2.0, 2.0), "E-LEVELS smallest below largest"),
    "a power of zero": (lambda: refebm.karras_noise_levels(4, 0.1, 2.0, 0.0), "E-POSITIVE power"),
    "no noise": (lambda: refebm.score_from_noise(one, X, 1.0, 0.0), "E-POSITIVE std must be greater than 0"),
    "no data": (lambda: refebm.clean_point_from_score(one, X, [1.0, 0.0, 1.0], 1.0), r"E-POSITIVE scale .*\(1,\)"),
    "std in a column": (lambda: refebm.velocity_from_score(one, X, 1.0, X[:, :1]), r"E-SHAPE std .*\(3, 1\)"),
    "a velocity at a time": (lambda: refebm.score_from_velocity(field, X, 0.6, 0.8), "E-CALLABLE velocity"),
    "a step that is a time": (lambda: refebm.marginal_of_steps(BETAS, 0.5), "E-INDEX i must be an int"),
    "a step after the last": (lambda: refebm.marginal_of_steps(BETAS, [0, 3]), "E-INDEX i must be from 0 to 2"),
    "no steps": (lambda: refebm.marginal_of_steps(BETAS, np.zeros(0, int)), "E-INDEX n >= 1"),
    "eta above one": (lambda: ddim(eta=1.5), "E-FRACTION eta must be from 0 to 1, got 1.5"),
    "eta below zero": (lambda: ddim(eta=-0.25), "E-FRACTION eta .*-0.25"),
    "eta for each row": (lambda: ddim(eta=T), "E-SHAPE eta must be a float"),
    "a step beyond the schedule": (lambda: ddim(i=3), "E-INDEX i must be from 0 to 2"),
    "a schedule of what is kept": (lambda: ddim(betas=[1.0, 0.5]), "E-BETAS betas"),
    "a velocity of one column": (lambda: refebm.flow_matching(lambda x, t: x[:, :1], X, Z, T), "E-CALLABLE velocity"),
    "a time after the noise": (lambda: refebm.flow_matching(field, X, Z, 1.5), "E-TIME t must be from 0 to 1"),
    "t for z": (lambda: refebm.flow_matching(field, X, T, Z), "E-SHAPE|E-TIME z must have the shape"),
    "a velocity of noise": (lambda: refebm.flow_velocity(field, X, [0.5, 1.0, 0.5]), "E-TIME t must be before 1"),
    "a score of data": (lambda: refebm.score_of_flow(field, X, 0.0), "E-TIME t must be after 0"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_a_clear_error(what):
    refused(*BAD[what])


def test_a_step_without_noise_asks_for_none_and_a_lost_row_stays_so():
    first, second = (refebm.ddim_step(field, BETAS, X, 2, 0.0, z).x for z in (Z, 7 - Z))
    np.testing.assert_array_equal(first, second)
    gone = np.where([[False], [True], [False]], np.nan, X)
    step = refebm.ddim_step(field, BETAS, gone, 2, 0.5, Z)
    assert step.info.invalid.tolist() == [False, True, False] and np.all(np.isnan(step.x[1]))
    np.testing.assert_array_equal(step.x[::2], refebm.ddim_step(field, BETAS, X, 2, 0.5, Z).x[::2])


def test_with_all_of_the_noise_it_is_the_ancestral_step():
    for i in range(3):
        ancestral = refebm.ddpm_step(field, BETAS, X, i, Z, posterior=True).x
        np.testing.assert_allclose(ddim(i, 1.0).x, ancestral, rtol=1e-14, atol=1e-15)


def test_an_average_is_nested_as_its_parameters_are():
    """Whatever the order of the names, and a number stays one."""
    average = {"W": X, "rest": [{"b": 2.0}, (T,)]}
    new = refebm.moving_average(average, {"rest": [{"b": 0.0}, (0 * T,)], "W": Z}, 0.75)
    assert list(new) == ["W", "rest"] and isinstance(new["rest"], list) and isinstance(new["rest"][1], tuple)
    np.testing.assert_array_equal(new["W"], 0.75 * X + 0.25 * Z)
    np.testing.assert_array_equal(new["rest"][1][0], 0.75 * T)
    assert new["rest"][0]["b"] == 1.5
