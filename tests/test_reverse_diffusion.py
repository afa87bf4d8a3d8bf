"""From noise to data: variances of steps far apart in size."""

from inspect import signature

import autograd.numpy as anp
import numpy as np
import pytest
import scipy
from autograd import grad, value_and_grad

import refebm
from refebm.samplers import reverse_diffusion


@pytest.mark.parametrize(
    ("betas", "deviations"),
    [
        ([1e-20, 0.5, 0.25], [0.0, 1e-10, np.sqrt(0.2)]),
        ([0.5, 1e-20], [0.0, 1e-10]),
        ([1e-300, 1e-300], [0.0, np.sqrt(0.5) * 1e-150]),
    ],
)
def test_posterior_variances_keep_their_digits(betas, deviations):
    """beta_i (1 - a_{i-1})/(1 - a_i), where a_{i-1} is all but 1, or a_i is all but a_{i-1}."""
    i = np.arange(len(betas))
    x = np.zeros((len(betas), 1))
    step = refebm.ddpm_step(lambda x, i: 0 * x, betas, x, i, x + 1, posterior=True)
    np.testing.assert_allclose(step.x[:, 0], deviations, rtol=1e-15)


X = np.array([[0.3, -1.2], [0.8, 0.0], [0.0, 0.0]])
SOLVED = 10 * signature(refebm.probability_flow).parameters["rtol"].default  # of each of some dozen steps


@pytest.mark.parametrize("size", [1e-150, 1e-6, 1.0, 1e6])
def test_the_unit_of_the_data_does_not_matter(size):
    """x_0 of N(0, size^2 I): the flow stretches by the root of 1 + std^2/size^2, and back."""
    sde = refebm.VarianceExploding(0.01 * size, 50 * size)

    def wide(t):
        return 1 + (sde.marginal(t)[1] / size) ** 2

    def score(x, t):
        return -x / size / wide(t)[:, None] / size

    def log_end(x):
        return -0.5 * np.sum((x / size) ** 2, axis=1) / wide(1.0) - np.log(wide(1.0)) - 2 * np.log(size)

    there = np.sqrt(wide(1.0)) * size * X
    np.testing.assert_allclose(refebm.probability_flow(score, sde, size * X, 0.0, 1.0), there, rtol=SOLVED)
    np.testing.assert_allclose(refebm.probability_flow(score, sde, there, 1.0, 0.0), size * X, rtol=SOLVED)
    log_prob = refebm.probability_flow_log_prob(score, sde, size * X, log_end=log_end)
    np.testing.assert_allclose(log_prob, -0.5 * np.sum(X**2, axis=1) - 2 * np.log(size), atol=10 * SOLVED)


def test_the_divergence_of_several_projections_is_their_mean():
    """Of a linear flow every estimate is a number times |v|^2, the same along the way."""
    sde, v = refebm.VariancePreserving(0.1, 6.0), np.random.default_rng(0).standard_normal((4, 3, 2))

    def along(v):
        return refebm.probability_flow_log_prob(lambda x, t: -0.5 * x, sde, X, v=v)

    np.testing.assert_allclose(along(v), np.mean([along(one) for one in v], axis=0), rtol=SOLVED)


SDE = refebm.VariancePreserving(0.1, 20.0)  # of which int beta = 10.05


def linear(a):
    """Of the score -a x: the flow is x exp((a - 1) 10.05/2), its divergence d (a - 1) beta/2."""
    return lambda x, t: -a * x


def minus_mean_log_prob(a, **named):
    return -anp.mean(refebm.probability_flow_log_prob(linear(a), SDE, X, **named))


@pytest.mark.parametrize("named", [{}, {"v": np.ones(X.shape)}], ids=["trace", "Hutchinson"])
def test_the_likelihood_along_the_flow_is_differentiated_in_parameters(named):
    """-log p(x) = |x_1|^2/2 + log(2 pi) - (a - 1) 10.05."""
    end = np.sum(X**2, axis=1) * np.exp((1.05 - 1) * 10.05)
    assert grad(minus_mean_log_prob)(1.05, **named) == pytest.approx(np.mean(end / 2) * 10.05 - 10.05, rel=SOLVED)
    assert grad(grad(minus_mean_log_prob))(1.05, **named) == pytest.approx(np.mean(end / 2) * 10.05**2, rel=SOLVED)


def test_maximum_likelihood_along_the_flow():
    """exp((a - 1) 10.05) = d/mean |x|^2."""
    fit = refebm.minimise(minus_mean_log_prob, 1.0, progress=False)
    assert fit.parameters == pytest.approx(1 + np.log(2 / np.mean(np.sum(X**2, axis=1))) / 10.05, abs=SOLVED)


def test_the_error_allowed_in_a_step_is_of_each_row_in_its_own_unit(monkeypatch):
    """1e-3 of the root mean square of a row, 5/sqrt(2) and 1e-9 here, and all but nothing of a row at 0."""
    allowed = []

    class Seen(scipy.integrate.DOP853):
        def __init__(self, *given, atol, **named):
            super().__init__(*given, atol=atol, **named)
            allowed.append(atol.reshape(-1, 2))

    monkeypatch.setattr(scipy.integrate, "DOP853", Seen)
    for unit in (1e-200, 1.0, 1e200):
        x = unit * np.array([[-3.0, -4.0], [-1e-9, -1e-9], [0.0, 0.0]])
        refebm.probability_flow(lambda x, t: -x, SDE, x, 0.5, 0.5, atol=1e-3)
        expected = 1e-3 * unit * np.array([[np.sqrt(12.5)] * 2, [1e-9] * 2])
        rounding = np.finfo(float).eps * expected[0, 0]  # of the largest row, below which no row's error is seen
        np.testing.assert_allclose(allowed[-1][:2], expected, rtol=1e-14, atol=rounding)
        assert np.all(allowed[-1][2] > 0) and np.all(allowed[-1][2] < 1e-15 * unit)
    refebm.probability_flow(lambda x, t: -x, SDE, 0 * X, 0.5, 0.5)
    assert np.all(allowed[-1] > 0) and np.all(allowed[-1] < 1e-100)


def test_steps_on_plain_numbers_are_taken_once(monkeypatch):
    monkeypatch.setattr(reverse_diffusion, "_step", None)
    stretch = np.exp((1.05 - 1) * 10.05 / 2)
    np.testing.assert_allclose(refebm.probability_flow(linear(1.05), SDE, X, 0.0, 1.0), stretch * X, rtol=SOLVED)


def test_the_flow_is_differentiated_in_parameters_and_where_it_starts():
    def last(a, x):
        return anp.sum(refebm.probability_flow(linear(a), SDE, x, 0.0, 1.0))

    stretch = np.exp((1.05 - 1) * 10.05 / 2)
    assert grad(last)(1.05, X) == pytest.approx(np.sum(X) * 10.05 / 2 * stretch, rel=SOLVED)
    np.testing.assert_allclose(grad(last, 1)(1.05, X), stretch, rtol=SOLVED)
    assert value_and_grad(last)(1.05, X)[0] == pytest.approx(last(1.05, X), rel=1e-13)
