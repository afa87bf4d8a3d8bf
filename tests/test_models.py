"""Models as data: frozen, callable, flat for an optimiser, differentiable in their parameters."""

import dataclasses

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from autograd.misc import flatten

import refebm
from refebm import Model
from refebm.identities import Draw
from refebm.models import ENERGIES, FIELDS, KINDS, LOG_DENSITIES, Models, mixture_of, score, with_parameters
from refebm.truth.derivatives import score_and_jacobian

CLOSED = ("quadratic", "mixture", "mlp_energy", "mlp_score", "at_level")
DRAWN = (*CLOSED, "gamma", "autoregressive", "flow")


def a_model(kind, d=2, seed=3):
    return Draw.seeded([seed]).model(d, [kind])


@pytest.mark.parametrize("kind", DRAWN)
def test_shapes_and_flattening(kind):
    model, x = a_model(kind), np.array([[0.5, 0.25], [1.5, 2.0], [0.75, 1.0]])
    assert model.d == 2
    assert model(x).shape == ((3,) if kind in ENERGIES else (3, 2))
    parameters = {k: v for k, v in model.parameters.items() if k not in ("kind",)}
    flat, unflatten = flatten(parameters)
    np.testing.assert_array_equal(flatten(unflatten(flat))[0], flat)
    again = Model(kind, model.parameters | unflatten(flat))
    np.testing.assert_array_equal(again(x), model(x))


def test_every_kind_is_an_energy_a_field_or_a_log_density():
    assert set(KINDS) == set(ENERGIES) | set(FIELDS) | set(LOG_DENSITIES)
    assert len(KINDS) == len(ENERGIES) + len(FIELDS) + len(LOG_DENSITIES)


def test_a_model_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        a_model("quadratic").kind = "mixture"


@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.parametrize(
    "objective", ["implicit_score_matching", "denoising_score_matching_cv", "sliced_score_matching"]
)
def test_gradients_in_the_parameters(kind, objective):
    """Against central differences along a direction, whose error is of order h^2: two steps tell."""
    x = np.array([[0.5, 0.25], [1.5, 2.0], [0.75, 1.0]])
    z = np.array([[1.0, -0.5], [0.25, 0.5], [0.1, 0.2]])
    model = a_model(kind)
    data = {"kind", "sigma"} if kind == "at_level" else set()
    flat, unflatten = flatten({k: v for k, v in model.parameters.items() if k not in data})
    rest = {"implicit_score_matching": (), "denoising_score_matching_cv": (0.25, z), "sliced_score_matching": (z,)}

    def loss(theta):
        moved = Model(kind, {**model.parameters, **unflatten(theta)})
        return anp.mean(getattr(refebm, objective)(score(moved), x, *rest[objective]))

    direction = np.random.default_rng(0).standard_normal(len(flat))
    slope = grad(loss)(flat) @ direction
    errors = [abs((loss(flat + h * direction) - loss(flat - h * direction)) / (2 * h) - slope) for h in (2e-3, 1e-3)]
    assert errors[1] <= 1e-4 * (1 + abs(slope))
    assert errors[1] <= errors[0] / 3.5 or errors[1] <= 1e-9


def test_the_mixture_of_a_density_has_its_score():
    p = refebm.GaussianMixture([0.3, 0.7], [[0.0, 1.0], [2.0, -1.0]], [[[1.0, 0.5], [0.5, 0.8]], [[0.5, 0], [0, 0.3]]])
    x = np.array([[0.5, 0.25], [1.5, 2.0], [-3.0, 1.0]])
    by_hand = score_and_jacobian(mixture_of(p), x)[0]
    np.testing.assert_allclose(by_hand, p.score(x), rtol=1e-13)
    np.testing.assert_allclose(score(mixture_of(p))(x), p.score(x), rtol=1e-13)


@pytest.mark.parametrize("kind", ["autoregressive", "flow"])
@pytest.mark.parametrize("d", [1, 2])
def test_likelihood_models_are_normalised(kind, d):
    model, base = a_model(kind, d), refebm.Gaussian(np.zeros(d), 4.0)

    def ratio(x):
        return np.exp(-model(x) - base.log_prob(x))

    (integral,) = refebm.expect([ratio], base).value
    assert abs(integral - 1) <= 1e-12


def test_at_fixes_the_level():
    model = a_model("noise_conditional")
    x = np.array([[0.5, 0.25], [1.5, 2.0]])
    np.testing.assert_array_equal(refebm.at(model, 0.5)(x), model(x, np.array([0.5, 0.5])))


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("width", [1.0, 40.0])
def test_a_smoothed_mixture_has_the_score_of_the_smoothed_density(d, width):
    """Near its components, and far from them, where another formula keeps the digits."""
    model, x, sigma = (
        a_model("smoothed_mixture", d),
        width * np.linspace(-1.0, 0.75, 4 * d).reshape(4, d),
        [0.1, 0.5, 1.0, 3.0] if width > 1 else [1.0, 1.5, 2.0, 3.0],
    )
    given = model.parameters
    weights, covs = np.exp(given["logits"]) / np.sum(np.exp(given["logits"])), [np.diag(v) for v in given["variances"]]
    p = refebm.GaussianMixture(weights, given["means"], covs)
    rows = [p.smoothed(level).score(row[None])[0] for level, row in zip(sigma, x)]
    np.testing.assert_allclose(model(x, np.array(sigma)), rows, rtol=1e-12)
    np.testing.assert_allclose(score_and_jacobian(model, x, np.array(sigma))[0], rows, rtol=1e-12)
    divergence = refebm.divergence(lambda x: model(x, np.array(sigma)), x)
    np.testing.assert_allclose(
        divergence, np.trace(score_and_jacobian(model, x, np.array(sigma))[1], 0, 1, 2), rtol=1e-11
    )


def test_a_mixture_with_a_weight_of_zero_is_a_model_too():
    p = refebm.GaussianMixture([0.0, 1.0], [[0.0], [2.0]], 1.0)
    np.testing.assert_array_equal(score(mixture_of(p))(np.array([[0.5]])), [[1.5]])


def test_parameters_can_be_what_autograd_makes_of_a_dict():
    model, x = a_model("mlp_energy"), np.array([[0.5, 0.25], [1.5, 2.0]])
    gradient = grad(lambda theta: anp.mean(refebm.implicit_score_matching(score(Model("mlp_energy", theta)), x)))
    flat = flatten(gradient(model.parameters))[0]
    assert flat.shape == flatten(model.parameters)[0].shape
    assert np.all(np.isfinite(flat)) and np.any(flat)


def test_saturated_units_do_not_overflow():
    """autograd's own tanh warns from |x| = 355; here the slope is exact as long as it is a double."""
    one = ((np.ones((1, 1)), np.zeros(1)), (np.ones((1, 1)), np.zeros(1)))
    s = score(Model("mlp_score", {"layers": one}))
    x = np.array([[8.0], [20.0], [300.0], [1e5]])
    expected = [4.50140597563729567e-7, 1.69934170211663558e-17, 1.06015862120172433e-260, 0.0]  # mpmath.sech(x)**2
    np.testing.assert_allclose(refebm.divergence(s, x), expected, rtol=1e-13)
    gradient = grad(lambda scale: anp.sum(refebm.divergence(lambda x: s(scale * x), x)))(1.0)
    assert np.isfinite(gradient)


@pytest.mark.parametrize(
    "call,message",
    [
        (lambda: Model("smoothed_mixtures", {}), r"got 'smoothed_mixtures'; try \['smoothed_mixture'\]"),
        (lambda: Model("zzz", {}), r"try \['at_level', 'autoregressive', "),
        (lambda: a_model("noise_conditional")(np.ones((2, 2))), "function of x and its noise, got 1 arguments"),
        (lambda: a_model("quadratic")(np.ones((2, 2)), 1.0, 2.0), "function of x alone, got 3 arguments"),
    ],
)
def test_what_is_no_model_or_no_call_of_it_is_said(call, message):
    with pytest.raises(refebm.InputError, match=f"E-MODEL: .*{message}"):
        call()


def test_models_are_themselves_alone_and_have_one_kind():
    one = a_model("quadratic")
    grids = Models([one])
    assert one != Model(one.kind, one.parameters) and len({one, one}) == 1  # as objects, since arrays have no ==
    assert grids.kind == "quadratic" and grids.parameters == {"grids": (one.parameters,)}
    assert isinstance(with_parameters(grids, grids.parameters), Models)
