"""Noise contrast, adversarial bounds, discrepancies and flows as a user meets them: far out, in memory, bad input."""

import tracemalloc
from itertools import pairwise

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad

import refebm
from refebm import KULLBACK_LEIBLER, LEAST_SQUARES, LOGISTIC, Generator, LinearGaussianVAE, Model, RealNVP
from refebm.glossary import InputError
from tests.refused import refused

X = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])
Y = np.stack([X[::-1] + 0.5, 0.5 * X])
Z = np.array([[1.0, 0.5], [-0.5, 0.25], [0.0, -2.0]])
BITS = np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
RATIO = np.array([[0.5, -0.25, 1.0], [0.0, 2.0, -1.0]])
ELBO = LinearGaussianVAE([[1.0], [-0.5]], [0.5, 0.25], 0.75)


def network(*widths, weight=0.25):
    return tuple((np.full(pair, weight), np.zeros(pair[1])) for pair in pairwise(widths))


FLOW = RealNVP((network(2, 3, 4), network(2, 3, 4)))


def energy(x):
    return 0.5 * anp.sum(x**2, axis=1)


def score(x):
    return -x


def log_model(x):
    return -energy(x) - 1.5


def log_noise(x):
    return -0.125 * anp.sum(x**2, axis=1) - 3.25


def half(x):
    """Noise that does not reach where x_1 < 0."""
    return anp.where(x[:, 0] > 0, -x[:, 0], -np.inf)


def column(x):
    return log_model(x)[:, None]


def scaled(phi, eps):
    return phi * eps


def flat(height):
    """A log-density of this height everywhere."""
    return lambda x: height + 0 * x[:, 0]


# Far out


def sided(t):
    """An energy of t on one side and of -t on the other."""
    return lambda x: t * anp.sign(x[:, 0])


FAR = {
    "noise contrast": lambda t, noise: refebm.noise_contrastive(flat(t), flat(noise), X, Y),
    "logistic": lambda t, noise: refebm.bregman_noise_contrastive(flat(t), flat(noise), LOGISTIC, X, Y),
    "discriminator": lambda t, noise: refebm.gan_discriminator_loss(flat(t), X, Z),
    "conditional": lambda t, noise: refebm.conditional_noise_contrastive(sided(t), X, Y, noise + 0 * RATIO),
    "mixed noise": lambda t, noise: refebm.mixed_noise(flat(t), flat(noise), 0.25)(X),
    "bound": lambda t, noise: refebm.variational_bound(flat(t), flat(noise), X, Z),
}


@pytest.mark.parametrize("noise", [0.0, 1e308, -1e308])
@pytest.mark.parametrize("height", [1e308, -1e308, 1e5, -1e5])
@pytest.mark.parametrize("loss", FAR.values(), ids=FAR)
def test_far_log_ratios_saturate_and_so_do_gradients(loss, height, noise):
    with np.errstate(over="ignore"):
        assert not np.any(np.isnan(loss(height, noise)))
        assert np.isfinite(grad(lambda t: anp.mean(loss(t, noise)))(height))


@pytest.mark.parametrize("height", [1e308, -1e308, 800.0, -800.0])
@pytest.mark.parametrize("generator", [KULLBACK_LEIBLER, LEAST_SQUARES])
def test_scores_that_are_not_bounded_are_infinite_rather_than_nan(generator, height):
    with np.errstate(over="ignore"):
        rows = refebm.bregman_noise_contrastive(flat(height), flat(0.0), generator, X, Y)
    assert np.all(rows == np.inf) if height > 0 else np.all(np.isfinite(rows))


def test_a_point_that_the_model_excludes_costs_infinitely_much_and_others_nothing_more():
    rows = refebm.noise_contrastive(half, log_noise, X, Y)
    np.testing.assert_array_equal(np.isinf(rows), X[:, 0] < 0)
    alone = refebm.noise_contrastive(half, log_noise, X[:2], Y[:, :2])
    np.testing.assert_array_equal(rows[:2], alone)


def test_nan_of_a_callable_stays_in_its_row():
    def sick(x):
        return anp.where(x[:, 0] > 1, anp.nan, -energy(x))

    data = X[:, 0] > 1
    at_y = np.any(Y[:, :, 0] > 1, axis=0)
    assert np.any(data) and np.any(at_y) and not np.all(data | at_y)
    with np.errstate(invalid="ignore"):
        losses = [
            refebm.noise_contrastive(sick, log_noise, X, Y),
            refebm.conditional_noise_contrastive(sick, X, Y),
            refebm.bregman_noise_contrastive(sick, log_noise, LEAST_SQUARES, X, Y),
        ]
    for rows in losses:
        np.testing.assert_array_equal(np.isnan(rows), data | at_y)
    np.testing.assert_array_equal(np.isnan(refebm.variational_bound(sick, log_noise, X, Z)), data)


HOLDS = {
    "broadcast": lambda x: -energy(x) - SHIFT,
    "index": lambda x: -energy(x)[np.arange(len(x)) + 0 * SHIFT.astype(int)] - SHIFT,
    "shape": lambda x: -energy(x)[:3] - SHIFT,
}
SHIFT = np.array([0.5, 1.0, 2.0])  # of each row of X


@pytest.mark.parametrize("holds", HOLDS.values(), ids=HOLDS)
def test_a_model_of_its_own_rows_is_told_at_which_rows_it_is_asked(holds):
    calls = [
        lambda: refebm.noise_contrastive(holds, log_noise, X, Y),
        lambda: refebm.noise_contrastive(log_noise, holds, X, Y),
        lambda: refebm.bregman_noise_contrastive(holds, log_noise, LOGISTIC, X, Y),
        lambda: refebm.conditional_noise_contrastive(holds, X, Y),
    ]
    for call in calls:
        with pytest.raises(InputError, match=r"nu n = 2 \* 3 rows of y") as error:
            call()
        assert error.value.code == "E-CALLABLE"
    assert refebm.noise_contrastive(holds, log_noise, X, Y[:1]).shape == (3,)


# As it is used


def test_log_z_is_learnt_with_the_rest():
    """The gradient in log Z says which way: too small a Z is raised."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((4000, 1)), 2 * rng.standard_normal((2, 4000, 1))
    noise = refebm.Gaussian(0.0, 4.0)

    def loss(log_z):
        return anp.mean(refebm.noise_contrastive(lambda x: -energy(x) - log_z, noise.log_prob, x, y))

    truth = 0.5 * np.log(2 * np.pi)
    assert grad(loss)(truth - 0.5) < -0.05 and grad(loss)(truth + 0.5) > 0.05
    assert abs(grad(loss)(truth)) < 0.02


def test_a_flow_is_trained_as_noise_through_what_it_made():
    model = Model(
        "log_density", {"kind": "quadratic", "parameters": {"mean": X[0], "precision": np.eye(2)}, "log_z": 2.0}
    )

    def loss(couplings):
        flow = RealNVP(couplings)
        return anp.mean(refebm.noise_contrastive(model, flow.log_prob, X, anp.stack([flow.sample(Z)])))

    gradient = grad(loss)(FLOW.couplings)
    (weights, bias), _ = gradient[0]
    step = 1e-6

    def moved(amount):
        shifted = np.zeros((2, 3))
        shifted[1, 2] = amount
        (w, b), last = FLOW.couplings[0]
        return loss((((w + shifted, b), last), FLOW.couplings[1]))

    assert abs(weights[1, 2] - (moved(step) - moved(-step)) / (2 * step)) < 1e-7 and bias.shape == (3,)
    mixture = refebm.mixed_noise(log_noise, FLOW.log_prob, 0.5)
    assert np.all(np.isfinite(refebm.noise_contrastive(model, mixture, X, Y)))


@pytest.mark.parametrize(
    "phi", [{"a": np.array([1.0, 2.0]), "b": 0.5}, (np.array([1.0, 2.0]), 0.5), [np.array([1, 2]), 1]], ids=str
)
def test_entropy_gradients_are_nested_like_the_parameters(phi):
    def shifted(phi, eps):
        a, b = phi.values() if hasattr(phi, "values") else phi
        return a * eps + b

    gradient = refebm.entropy_gradient(score, shifted, phi, Z)
    assert isinstance(gradient, type(phi))
    a, b = gradient.values() if isinstance(phi, dict) else gradient
    assert np.shape(a) == (2,) and np.shape(b) == ()


def test_a_generator_of_ones_own():
    """Psi(u) = u^(3/2): its derivative 3/2 u^(1/2) and its conjugate 1/2 u^(3/2), of log u."""
    own = Generator(lambda a: 1.5 * anp.exp(0.5 * a), lambda a: 0.5 * anp.exp(1.5 * a))
    rows = refebm.bregman_noise_contrastive(log_model, log_noise, own, X, Y)
    u, v = (np.exp(log_model(a) - log_noise(a)) / 2 for a in (X, Y.reshape(-1, 2)))
    np.testing.assert_allclose(rows, -1.5 * u**0.5 + 0.5 * np.sum(v.reshape(2, 3) ** 1.5, axis=0), rtol=1e-13)


def peak(function):
    tracemalloc.start()
    function()
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size


CONTRASTS = {
    "noise contrast": lambda t, x, y: refebm.noise_contrastive(lambda x: -t * energy(x), log_noise, x, y),
    "bregman": lambda t, x, y: refebm.bregman_noise_contrastive(lambda x: -t * energy(x), log_noise, LOGISTIC, x, y),
    "conditional": lambda t, x, y: refebm.conditional_noise_contrastive(lambda x: t * energy(x), x, y),
}


@pytest.mark.parametrize("loss", CONTRASTS.values(), ids=CONTRASTS)
def test_memory_grows_with_nu_n_and_d_and_no_faster(loss):
    """And stays within a few copies of y: that of the value, and of its gradient."""

    def used(nu, n, d):
        x, y = np.ones((n, d)), np.ones((nu, n, d))
        value = peak(lambda: loss(1.0, x, y))
        gradient = peak(lambda: grad(lambda t: anp.sum(loss(t, x, y)))(1.0))
        return np.array([value, gradient]) / (8 * nu * n * d)

    used(2, 10, 2)
    base = used(5, 2000, 4)
    assert np.all(base <= 8)
    for shape in ((10, 2000, 4), (5, 4000, 4), (5, 2000, 8)):
        assert np.all(used(*shape) <= 1.05 * base), used(*shape) / base


def test_models_keep_copies():
    weights, bias = np.array([[1.0], [-0.5]]), np.array([0.5, 0.25])
    autoencoder = LinearGaussianVAE(weights, bias, 0.75)
    weights[0], bias[0] = 100.0, 100.0
    np.testing.assert_array_equal(autoencoder.log_joint(X, Z[:, :1]), ELBO.log_joint(X, Z[:, :1]))


def contrast(**changed):
    given = {"log_model": log_model, "log_noise": log_noise, "x": X, "y": Y} | changed
    return lambda: refebm.noise_contrastive(**given)


def bregman(generator, **changed):
    given = {"log_model": log_model, "log_noise": log_noise, "x": X, "y": Y} | changed
    return lambda: refebm.bregman_noise_contrastive(generator=generator, **given)


def conditional(*given):
    return lambda: refebm.conditional_noise_contrastive(energy, X, *given)


def entropy(score_q=score, sampler=scaled, phi=2.0, eps=Z):
    return lambda: refebm.entropy_gradient(score_q, sampler, phi, eps)


def elbo(log_joint=log_model, score_q=score, z=Z):
    return lambda: refebm.implicit_negative_elbo(log_joint, score_q, z)


def autoencoder(weights=((1.0,), (-0.5,)), bias=(0.5, 0.25), deviation=0.75):
    return lambda: LinearGaussianVAE(weights, bias, deviation)


BAD = {
    "y without its first axis": (contrast(y=X), r"E-SHAPE y .*\(nu, n, d\).*\(3, 2\).*got shape \(3, 2\)"),
    "no noise": (contrast(y=Y[:0]), r"E-SHAPE nu >= 1; got shape \(0, 3, 2\)"),
    "nu after n": (contrast(y=np.swapaxes(Y, 0, 1)), r"E-SHAPE y .*\(3, 2, 2\)"),
    "noise for another n": (contrast(y=Y[:, :2]), r"E-SHAPE y .*\(2, 2, 2\)"),
    "noise of another d": (contrast(y=Y[:, :, :1]), r"E-SHAPE y .*\(2, 3, 1\)"),
    "noise that is NaN": (contrast(y=np.nan * Y), r"E-FINITE y .*nan at index \(0, 0, 0\)"),
    "no y": (contrast(y=None), "E-DTYPE y"),
    "noise that does not reach the data": (contrast(log_noise=half), "E-SUPPORT log_noise .*-inf at row 2 of x"),
    "noise that is NaN at the data": (
        contrast(log_noise=lambda x: anp.where(x[:, 0] > 1, anp.nan, -x[:, 0])),
        "E-SUPPORT log_noise .*nan at row 1 of x",
    ),
    "noise that does not reach, differentiated": (
        lambda: grad(lambda t: anp.sum(contrast(log_noise=lambda x: t * half(x))()))(1.0),
        "E-SUPPORT row 2",
    ),
    "a column for a log-density": (contrast(log_model=column), r"E-CALLABLE log_model.*\(n,\) = \(3,\).*\(3, 1\)"),
    "a column for the noise": (contrast(log_noise=column), r"E-CALLABLE log_noise.*\(3, 1\)"),
    "a number for the noise": (contrast(log_noise=-1.0), "E-CALLABLE log_noise.*float"),
    "a slope that falls": (
        bregman(Generator(lambda a: -a, lambda a: a)),
        "E-GENERATOR generator.derivative must increase",
    ),
    "a straight line": (bregman(Generator(lambda a: 0 * a, lambda a: 0 * a)), "E-GENERATOR increase.*convex"),
    "a slope that is NaN": (bregman(Generator(lambda a: anp.nan * a, anp.exp)), "E-GENERATOR increase"),
    "a generator of u": (bregman(Generator(anp.log, lambda u: u)), "E-GENERATOR derivative"),
    "a conjugate of u": (bregman(Generator(lambda a: a, lambda u: u)), "E-GENERATOR conjugate.*log u"),
    "derivative and conjugate exchanged": (bregman(Generator(*LEAST_SQUARES[::-1])), "E-GENERATOR conjugate"),
    "the conjugate of another generator": (
        bregman(Generator(LOGISTIC.derivative, KULLBACK_LEIBLER.conjugate)),
        r"E-GENERATOR conjugate.*Psi'\(u\) u - Psi\(u\)",
    ),
    "a generator of one number": (
        bregman(Generator(lambda a: 1.0, anp.exp)),
        r"E-GENERATOR generator.derivative\(log_u\).*\(33,\).*\(\)",
    ),
    "a generator of numbers": (bregman(Generator(1.0, 2.0)), "E-CALLABLE generator.derivative.*float"),
    "a generator by name": (bregman("LOGISTIC"), "E-GENERATOR Generator, got str"),
    "a generator as a tuple": (bregman((anp.exp, anp.exp)), "E-GENERATOR Generator, got tuple"),
    "noise of one axis less, Bregman": (bregman(LOGISTIC, y=X), r"E-SHAPE y .*\(nu, n, d\)"),
    "noise that does not reach, Bregman": (bregman(LOGISTIC, log_noise=half), "E-SUPPORT row 2"),
    "conditional noise without its first axis": (conditional(X), r"E-SHAPE y .*\(nu, n, d\)"),
    "one log-ratio for each row": (conditional(Y, RATIO[0]), r"E-SHAPE log_ratio .*\(2, 3\); got \(3,\)"),
    "log-ratios transposed": (conditional(Y, RATIO.T), r"E-SHAPE log_ratio .*\(2, 3\); got \(3, 2\)"),
    "log-ratios for one noise point": (conditional(Y, RATIO[:1]), r"E-SHAPE log_ratio .*\(1, 3\)"),
    "one log-ratio for all": (conditional(Y, 0.5), "E-SHAPE log_ratio"),
    "a log-ratio that is infinite": (conditional(Y, -np.inf + RATIO), "E-FINITE log_ratio .*-inf"),
    "a log-ratio in words": (conditional(Y, "symmetric"), "E-DTYPE log_ratio"),
    "noise points for a discriminator": (
        lambda: refebm.gan_discriminator_loss(log_model, X, Y),
        r"E-SHAPE y .*\(3, 2\); got shape \(2, 3, 2\)",
    ),
    "a column for a logit": (lambda: refebm.gan_discriminator_loss(column, X, X), "E-CALLABLE logit"),
    "weight zero": (lambda: refebm.mixed_noise(log_model, log_noise, 0.0), "E-WEIGHTS weight .*0.0"),
    "weight one": (lambda: refebm.mixed_noise(log_model, log_noise, 1), "E-WEIGHTS weight .*1.0"),
    "weight negative": (lambda: refebm.mixed_noise(log_model, log_noise, -0.5), "E-WEIGHTS weight .*-0.5"),
    "one point for mixed noise": (lambda: refebm.mixed_noise(log_model, log_noise, 0.5)(X[0]), r"E-NDIM x .*\(2,\)"),
    "weight in percent": (lambda: refebm.mixed_noise(log_model, log_noise, 30), "E-WEIGHTS weight .*30"),
    "two weights": (lambda: refebm.mixed_noise(log_model, log_noise, [0.5, 0.5]), r"E-SHAPE weight .*\(2,\)"),
    "no proposal": (lambda: refebm.mixed_noise(log_model, None, 0.5), "E-CALLABLE log_proposal.*NoneType"),
    "a column for a proposal": (lambda: refebm.mixed_noise(log_model, column, 0.5)(X), "E-CALLABLE log_proposal"),
    "samples of another n": (
        lambda: refebm.variational_bound(energy, log_noise, X, Z[:2]),
        r"E-SHAPE y .*\(3, 2\); got shape \(2, 2\)",
    ),
    "a column for log q": (lambda: refebm.variational_bound(energy, column, X, Z), "E-CALLABLE log_q"),
    "log q as a value": (lambda: refebm.variational_bound(energy, X[:, 0], X, Z), "E-CALLABLE log_q.*ndarray"),
    "noise of one row less an axis": (entropy(eps=Z[0]), r"E-NDIM eps .*\(2,\)"),
    "noise for a sampler that is NaN": (entropy(eps=np.nan * Z), "E-FINITE eps"),
    "parameters that are NaN": (entropy(phi={"a": np.nan}), r"E-FINITE phi\['a'\].*nan"),
    "parameters in words": (entropy(phi=(1.0, "two")), r"E-DTYPE phi\[1\]"),
    "an energy for a score": (entropy(score_q=energy), r"E-CALLABLE score_q.*\(3, 2\).*got \(3,\)"),
    "no sampler": (entropy(sampler=Z), "E-CALLABLE sampler.*ndarray"),
    "a sampler of numbers": (
        entropy(sampler=lambda phi, eps: anp.sum(phi * eps, axis=1)),
        r"E-CALLABLE sampler.*rows.*got \(3,\)",
    ),
    "a sampler of one row": (
        entropy(sampler=lambda phi, eps: phi * eps[:1]),
        r"E-CALLABLE n = 3 for eps \(3, 2\); got \(1, 2\)",
    ),
    "z of one row less an axis": (elbo(z=Z[0]), r"E-NDIM z .*\(2,\)"),
    "z that is NaN": (elbo(z=np.nan * Z), "E-FINITE z"),
    "a column for log p(x, z)": (elbo(log_joint=column), r"E-CALLABLE log_joint.*\(3, 1\)"),
    "one log p(x, z) for all": (elbo(log_joint=lambda z: anp.sum(log_model(z))), "E-CALLABLE log_joint"),
    "one coordinate of a score": (elbo(score_q=lambda z: -z[:, :1]), r"E-CALLABLE score_q.*\(3, 1\)"),
    "a test field of numbers": (lambda: refebm.stein_discrepancy(score, energy, X), r"E-CALLABLE field.*\(3,\)"),
    "one row and no pair": (lambda: refebm.kernel_stein(score, X[:1], 1.0), "E-EMPTY two rows"),
    "bandwidth zero": (lambda: refebm.kernel_stein(score, X, 0.0), "E-POSITIVE bandwidth .*0.0"),
    "bandwidth negative": (lambda: refebm.kernel_stein(score, X, -1), "E-POSITIVE bandwidth .*-1.0"),
    "bandwidth NaN": (lambda: refebm.kernel_stein(score, X, np.nan), "E-FINITE bandwidth"),
    "bandwidth for each row": (lambda: refebm.kernel_stein(score, X, np.ones(3)), r"E-SHAPE bandwidth .*\(3,\)"),
    "a bandwidth in words": (lambda: refebm.kernel_stein(score, X, "median"), "E-DTYPE bandwidth"),
    "not bits": (lambda: refebm.minimum_probability_flow(energy, X), r"E-BINARY 0 or 1.*0.5 at index \(0, 0\)"),
    "spins for bits": (lambda: refebm.minimum_probability_flow(energy, 2 * BITS - 1), "E-BINARY -1.0"),
    "eps zero": (lambda: refebm.minimum_probability_flow_continuous(energy, X, 0.0, Z), "E-POSITIVE eps"),
    "eps for each row": (
        lambda: refebm.minimum_probability_flow_continuous(energy, X, np.ones(3), Z),
        r"E-SHAPE eps .*\(3,\)",
    ),
    "z of another n": (lambda: refebm.minimum_probability_flow_continuous(energy, X, 0.1, Z[:2]), "E-SHAPE z"),
    "an energy for a velocity": (lambda: refebm.minimum_velocity(energy, X), "E-CALLABLE score"),
    "a flow on the line": (lambda: RealNVP((network(1, 3, 2),)), "E-SHAPE d >= 2.*got d = 1"),
    "a flow of no coupling": (lambda: RealNVP(()), "E-MODEL coupling"),
    "no couplings": (lambda: RealNVP(None), "E-MODEL couplings .*NoneType"),
    "couplings as an array": (lambda: RealNVP(np.ones((2, 2))), "E-MODEL couplings .*ndarray"),
    "a coupling from d to d": (lambda: RealNVP((network(2, 3, 2),)), r"E-MODEL d to 2 d.*\(2, 2\)"),
    "couplings of two widths": (
        lambda: RealNVP((network(2, 3, 4), network(3, 3, 6))),
        r"E-MODEL d to 2 d.*\(2, 4\), \(3, 6\)",
    ),
    "one network for all couplings": (lambda: RealNVP(network(2, 3, 4)), "E-MODEL layer.*"),
    "a layer without its bias": (lambda: RealNVP(((np.ones((2, 4)),),)), "E-MODEL layer.*ndarray"),
    "a layer of three parts": (
        lambda: RealNVP((((np.ones((2, 4)), np.ones(4), np.ones(4)),),)),
        r"E-MODEL \(W, b\), got 3",
    ),
    "a coupling that is NaN": (lambda: RealNVP((network(2, 3, 4, weight=np.nan),)), "E-MODEL weights.*NaN"),
    "points of another d": (lambda: FLOW.log_prob(np.ones((3, 3))), r"E-SHAPE x .*\(n, 2\).*RealNVP.*\(3, 3\)"),
    "points of another d, inverse": (lambda: FLOW.inverse(X[:, :1]), r"E-SHAPE x .*\(n, 2\).*\(3, 1\)"),
    "noise of another d, sample": (lambda: FLOW.sample(np.ones((3, 3))), r"E-SHAPE z .*\(n, 2\).*\(3, 3\)"),
    "a count of samples": (lambda: FLOW.sample(100), "E-NDIM z"),
    "a generator of random numbers": (lambda: FLOW.sample(np.random.default_rng(0)), "E-DTYPE z"),
    "a bias of another d": (autoencoder(bias=np.zeros(3)), r"E-SHAPE bias must be \(2,\); got shape \(3,\)"),
    "a bias of one number": (autoencoder(bias=0.0), r"E-SHAPE bias must be \(2,\)"),
    "weights of one axis": (autoencoder(weights=np.ones(2)), r"E-SHAPE weights .*\(d, k\).*\(2,\)"),
    "no latent coordinate": (autoencoder(weights=np.ones((2, 0))), r"E-SHAPE weights .*\(2, 0\)"),
    "weights that are NaN": (autoencoder(weights=[[np.nan], [1.0]]), "E-FINITE weights"),
    "deviation zero": (autoencoder(deviation=0.0), "E-POSITIVE deviation"),
    "a deviation for each coordinate": (autoencoder(deviation=np.ones(2)), r"E-SHAPE deviation .*\(2,\)"),
    "x of another d": (lambda: ELBO.log_joint(np.ones((3, 3)), Z[:, :1]), r"E-SHAPE x .*\(n, 2\).*\(3, 3\)"),
    "z of another k": (lambda: ELBO.log_joint(X, Z), r"E-SHAPE z .*\(3, 1\); got \(3, 2\)"),
    "z of another n, joint": (lambda: ELBO.log_joint(X, Z[:1, :1]), r"E-SHAPE z .*\(3, 1\); got \(1, 1\)"),
    "x that is NaN": (lambda: ELBO.log_joint(np.nan * X, Z[:, :1]), "E-FINITE x"),
    "x of another d, posterior": (lambda: ELBO.posterior_mean(np.ones((3, 3))), r"E-SHAPE x .*\(3, 3\)"),
    "one mean for all rows": (lambda: ELBO.gap(X, np.ones(1), 0.5), r"E-SHAPE mean .*\(3, 1\); got \(1,\)"),
    "a mean of another k": (lambda: ELBO.gap(X, Z, 0.5), r"E-SHAPE mean .*\(3, 1\); got \(3, 2\)"),
    "a covariance of another k": (lambda: ELBO.gap(X, Z[:, :1], np.eye(2)), r"E-SHAPE cov .*\(1, 1\).*\(2, 2\)"),
    "a covariance that is not one": (lambda: ELBO.gap(X, Z[:, :1], -1.0), "E-DEFINITE cov"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input(what):
    refused(*BAD[what])
