"""Training: known minima are found, what happens is told, and a loss that is not finite stops it."""

import warnings

import autograd.numpy as np
import pytest
from autograd import grad
from autograd.misc import flatten
from autograd.misc.optimizers import adam

import refebm
from refebm import InputError, minimise, minimise_noisy
from refebm.training import minimise_in_turns
from tests.refused import refused

HESSIAN = np.array([[3.0, 1.0], [1.0, 2.0]])
LINEAR = np.array([1.0, -2.0])
SOLUTION = np.linalg.solve(HESSIAN, LINEAR)
START = {"x": np.array([5.0, 5.0]), "y": (1.0,)}


def quadratic(parameters):
    x, (y,) = parameters["x"], parameters["y"]
    return 0.5 * np.dot(x, np.dot(HESSIAN, x)) - np.dot(LINEAR, x) + (y - 3.0) ** 2


def noisy_quadratic(parameters, i):
    return quadratic(parameters) + 0.3 * np.dot(np.random.default_rng(i).standard_normal(2), parameters["x"])


def logarithm(x, i=0):
    """Falls until x = 1, and is NaN or -inf from there on."""
    with np.errstate(all="ignore"):
        return np.log(1.0 - x)


def test_a_quadratic_is_minimised_and_keeps_its_form():
    fit = minimise(quadratic, START, progress=False)
    assert np.max(np.abs(fit.parameters["x"] - SOLUTION)) < 1e-8 and abs(fit.parameters["y"][0] - 3.0) < 1e-8
    assert fit.finite and "CONVERGENCE" in fit.message
    assert START["x"].tolist() == [5.0, 5.0]


def test_the_history_has_the_start_and_each_step():
    fit = minimise(quadratic, START, progress=False)
    assert fit.history[0] == quadratic(START)
    assert fit.history[-1] == quadratic(fit.parameters) == pytest.approx(-0.5 * LINEAR @ SOLUTION)
    assert np.all(np.diff(fit.history) <= 0)
    short = minimise(quadratic, START, 2, progress=False)
    assert short.history.tolist() == fit.history[:3].tolist()
    assert short.finite and "LIMIT" in short.message


def test_maximum_likelihood_of_a_gaussian_is_its_moments():
    x = np.random.default_rng(3).standard_normal((50, 2)) * [1.0, 0.5] + [1.0, -1.0]

    def loss(parameters):
        factor = parameters["factor"]
        energy = refebm.Model("quadratic", {"mean": parameters["mean"], "precision": np.dot(factor, factor.T)})
        log_z = np.log(2 * np.pi) - np.log(np.abs(np.linalg.det(factor)))
        return np.mean(refebm.negative_log_likelihood(energy, log_z, x))

    fit = minimise(loss, {"mean": np.zeros(2), "factor": np.eye(2)}, progress=False).parameters
    assert np.max(np.abs(fit["mean"] - x.mean(axis=0))) < 1e-7
    covariance = np.linalg.inv(fit["factor"] @ fit["factor"].T)
    assert np.max(np.abs(covariance - np.cov(x.T, bias=True))) < 1e-6


def test_a_loss_with_a_kink_ends_at_roundoff_and_says_so():
    fit = minimise(lambda x: np.abs(x) + np.sqrt(np.abs(x)), 0.7, progress=False)
    assert fit.finite and fit.message and fit.history[-1] <= fit.history[0]


SCALES = {  # a loss, its start and its minimum, where a first step of length 1 is far too long or too short
    "tiny": (lambda p: np.sum((p / 1e-20 - 1) ** 2), np.zeros(2), 1e-20),
    "tinier": (lambda p: np.sum((p / 1e-300 - 1) ** 2), np.zeros(2), 1e-300),
    "far": (lambda p: np.sum((p - 1) ** 2), np.full(2, 1e20), 1.0),
}


@pytest.mark.parametrize("name", SCALES)
def test_the_first_step_has_the_scale_of_the_loss(name):
    loss, start, right = SCALES[name]
    fit = minimise(loss, start, progress=False)
    assert fit.finite and np.allclose(fit.parameters / right, 1.0, rtol=1e-7)


def test_a_scale_beyond_floats_leaves_the_start():
    fit = minimise(lambda p: 1e300 + 1e-20 * p, 2.0, tolerance=1e-30, progress=False)
    assert np.isfinite(fit.parameters) and fit.history[-1] <= fit.history[0]


def test_a_loss_without_a_minimum_stops_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not minimise(lambda p: -np.sum(p**2), np.ones(2), progress=False).finite


def test_adam_comes_near_a_noisy_minimum():
    """Adam settles within a few step sizes of it: closer with a smaller one."""
    for n_steps, step_size in ((1000, 0.02), (2000, 0.01)):
        fit = minimise_noisy(noisy_quadratic, START, n_steps, step_size, progress=False)
        assert np.max(np.abs(fit.parameters["x"] - SOLUTION)) < 5 * step_size
        assert abs(fit.parameters["y"][0] - 3.0) < 1e-3
        assert len(fit.history) == n_steps and fit.history[0] == noisy_quadratic(START, 0)
        assert fit.finite and str(n_steps) in fit.message


@pytest.mark.parametrize("first", [0, 3])
def test_a_gradient_without_a_square_stops_adam(first):
    """All later steps would be 0, since the mean of the squares is infinite from then on."""
    fit = minimise_noisy(lambda p, i: np.sum(p) * (1e200 if i == first else 1.0), np.ones(2), 5, 0.125, progress=False)
    assert not fit.finite and len(fit.history) == first + 1 and "no square" in fit.message
    assert fit.parameters == pytest.approx(1 - 0.125 * first)


def test_adams_first_step_has_the_step_size():
    fit = minimise_noisy(lambda x, i: 7.0 * x, 1.0, 1, 0.25, progress=False)
    assert fit.parameters == pytest.approx(0.75, abs=1e-8)


def test_each_step_can_be_watched():
    seen = []
    minimise_noisy(noisy_quadratic, START, 3, 0.1, each=lambda p, i: seen.append((i, p["y"][0])), progress=False)
    assert [i for i, _ in seen] == [0, 1, 2] and seen[0][1] == 1.0 and seen[1][1] == pytest.approx(1.1)


def test_contrastive_divergence_finds_the_mean_of_a_gaussian():
    """Chains carried on by exact draws from the model; the noise is in the closure."""
    rng = np.random.default_rng(5)
    x = np.array([2.0, -1.0]) + rng.standard_normal((100, 2))

    def loss(mean, i):
        model = refebm.Model("quadratic", {"mean": mean, "precision": np.eye(2)})
        return np.mean(refebm.contrastive_divergence(model, x, mean + rng.standard_normal(x.shape)))

    fit = minimise_noisy(loss, np.zeros(2), 150, 0.05, progress=False)
    assert np.max(np.abs(fit.parameters - x.mean(axis=0))) < 0.15  # 0.1 of noise in each gradient


@pytest.mark.parametrize("name", ["minimise", "minimise_noisy"])
def test_a_loss_that_is_not_finite_stops_with_the_last_good_parameters(name, capsys):
    fit = minimise(logarithm, 0.0) if name == "minimise" else minimise_noisy(logarithm, 0.0, 100, 0.15)
    assert not fit.finite and "not finite" in fit.message
    assert fit.parameters < 1.0 and np.isfinite(logarithm(fit.parameters))
    assert fit.history[-1] == logarithm(fit.parameters) and np.all(np.isfinite(fit.history))
    assert fit.message in capsys.readouterr().err


@pytest.mark.parametrize("start", [0.02, 1.0, 5.0, 1e4])
def test_a_step_out_of_the_domain_is_shortened(start):
    """The first step from 1 goes to a deviation of 0 or below."""
    x = np.array([0.01, -0.02, 0.005])
    fit = minimise(lambda s: np.mean(0.5 * x**2 / s**2) + np.log(s), start, progress=False)
    assert fit.parameters == pytest.approx(np.sqrt(np.mean(x**2)), rel=1e-8)
    assert fit.finite and np.all(np.diff(fit.history) <= 0)


def test_a_step_to_where_the_loss_refuses_is_shortened():
    def loss(p):
        if np.any(p <= 0):
            raise refebm.DomainError("E-DIVERGES", "there is no partition function")
        return np.sum(p - np.array([1e-3, 20.0]) * np.log(p))

    fit = minimise(loss, np.array([30.0, 30.0]), progress=False)
    assert fit.parameters == pytest.approx([1e-3, 20.0], rel=1e-5) and fit.finite
    short = minimise(loss, np.array([30.0, 30.0]), 3, progress=False)
    assert len(short.history) == 4 and "LIMIT" in short.message and short.finite


def test_a_step_to_where_a_matrix_has_no_root_is_shortened():
    """The likelihood of a covariance, by its Cholesky factor, is best at that of the data."""

    def loss(c):
        root = np.linalg.cholesky(np.reshape(c[np.array([0, 1, 1, 2])], (2, 2)))
        return np.sum(np.log(np.diag(root))) + 0.5 * np.sum(np.linalg.solve(root, HESSIAN) * np.linalg.inv(root))

    fit = minimise(loss, np.array([50.0, 0.0, 50.0]), progress=False)
    assert np.max(np.abs(fit.parameters - [3.0, 1.0, 2.0])) < 1e-5


def test_a_gradient_that_is_not_finite_stops_too():
    def loss(x, i):
        return np.sqrt(np.maximum(x, 0.0))  # at 0 its slope is infinite

    fit = minimise_noisy(loss, 0.5, 100, 0.25, progress=False)
    assert not fit.finite and "gradient" in fit.message and fit.parameters > 0


@pytest.mark.parametrize(
    "error", [InputError("E-FINITE", "x_model must be finite"), refebm.DomainError("E-DIVERGES", "Z")]
)
def test_a_loss_that_refuses_is_not_finite(error):
    """As refebm's own do where chains have blown up, or there is no partition function."""

    def loss(x, i):
        if i == 4:
            raise error
        return (x - 1.0) ** 2

    fit = minimise_noisy(loss, 0.0, 10, 0.1, progress=False)
    assert not fit.finite and len(fit.history) == 4 and str(error) in fit.message
    assert fit.history[-1] == loss(fit.parameters, 0)
    with pytest.raises(type(error), match=error.code):
        minimise_noisy(lambda x, i: loss(x, 4), 0.0, 10, 0.1, progress=False)


def test_other_errors_of_the_loss_come_through():
    def loss(x, i):
        if i == 2:
            raise InputError("E-SHAPE", "x must be (n, d)")
        return x**2

    with pytest.raises(InputError, match="E-SHAPE"):
        minimise_noisy(loss, 1.0, 10, 0.1, progress=False)


@pytest.mark.parametrize("progress", [True, False])
def test_the_progress_line_can_be_switched_off(progress, capsys):
    minimise(quadratic, START, progress=progress)
    minimise_noisy(noisy_quadratic, START, 5, 0.1, progress=progress)
    out, err = capsys.readouterr()
    assert not out
    if progress:
        assert err.count("\n") == 2 and "5 of 5" in err and "loss" in err and "CONVERGENCE" in err
    else:
        assert not err


def test_adam_is_that_of_autograd():
    """To the last digit; theirs keeps its loop to itself, where players cannot take turns."""
    start, unflatten = flatten(START)
    wanted = adam(lambda x, i: grad(lambda x: noisy_quadratic(unflatten(x), i))(x), start, num_iters=50, step_size=0.03)
    got, _ = flatten(minimise_noisy(noisy_quadratic, START, 50, 0.03, progress=False).parameters)
    assert got.tolist() == wanted.tolist()


def test_a_plain_step_is_down_the_gradient():
    fit = minimise_noisy(lambda x, i: (i + 1) * x**2, 1.0, 2, 0.125, adam=False, progress=False)
    assert fit.parameters == (1 - 0.25) * (1 - 0.5) and fit.history.tolist() == [1.0, 2 * 0.75**2]


def test_players_step_in_turn():
    """The second sees where the first has gone, and the first, in the next round, where the second has."""
    losses = {"a": lambda p, i: (p["a"] - p["b"]) ** 2, "b": lambda p, i: p["b"] * p["a"]}
    fit = minimise_in_turns(losses, {"a": 2.0, "b": 1.0}, 2, 0.25, adam=False, progress=False)
    a, b = 2.0, 1.0
    for _ in range(2):
        a = a - 0.5 * (a - b)
        b = b - 0.25 * a
    assert fit.parameters == {"a": a, "b": b} and fit.history.shape == (2, 2) and fit.finite


def test_what_interrupts_it_has_what_was_fitted():
    def loss(x, i):
        if i == 3:
            raise KeyboardInterrupt
        return x**2

    with pytest.raises(KeyboardInterrupt) as interrupted:
        minimise_noisy(loss, 1.0, 10, 0.25, adam=False, progress=False)
    fit = interrupted.value.fit
    assert fit.parameters == 0.25 and len(fit.history) == 3 and not fit.finite


BAD = {
    "loss without parameters": (lambda: minimise(lambda x: 3.0, 1.0), "E-CALLABLE depend on the parameters"),
    "adam a word": (lambda: minimise_noisy(noisy_quadratic, START, 5, 0.1, adam="no"), "E-FLAG adam .*no"),
    "loss not callable": (lambda: minimise(3.0, 1.0), "E-CALLABLE loss .*float"),
    "loss per row": (lambda: minimise(lambda x: x * np.ones(3), 1.0), r"E-CALLABLE mean over rows.*\(3,\)"),
    "loss nothing": (lambda: minimise(lambda x: None, 1.0), "E-CALLABLE NoneType"),
    "loss whole": (lambda: minimise(lambda x: 3, 1.0), "E-CALLABLE int"),
    "loss nan at first": (lambda: minimise(lambda x: np.nan * x, 1.0), "E-FINITE first parameters.*nan"),
    "parameters whole": (lambda: minimise(quadratic, {"x": 1}), "E-DTYPE parameters.*int"),
    "parameters text": (lambda: minimise(quadratic, "x"), "E-DTYPE parameters.*str"),
    "parameters nan": (lambda: minimise(quadratic, np.array([1.0, np.nan])), r"E-FINITE parameters.*\(1,\)"),
    "no parameters": (lambda: minimise(quadratic, np.zeros((0, 2))), "E-EMPTY parameters"),
    "no steps": (lambda: minimise(quadratic, START, 0), "E-COUNT n_steps .*0"),
    "half a step": (lambda: minimise_noisy(noisy_quadratic, START, 2.5, 0.1), "E-COUNT n_steps .*float"),
    "tolerance zero": (lambda: minimise(quadratic, START, 5, 0.0), "E-POSITIVE tolerance"),
    "step size negative": (lambda: minimise_noisy(noisy_quadratic, START, 5, -0.1), "E-POSITIVE step_size"),
    "each not callable": (lambda: minimise_noisy(noisy_quadratic, START, 5, 0.1, each=3), "E-CALLABLE each .*int"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_clear_error(name):
    refused(*BAD[name])


def test_a_slope_too_steep_for_any_step_ends_the_training():
    """L-BFGS then tries what is no number, whatever the length with which its search begins."""
    start = np.array([3e-27])
    fit = minimise(lambda theta: 1e160 * np.sum((1e27 * theta) ** 2), start, 3, progress=False)
    assert fit.parameters == start and "nan" in fit.message
