"""Bad input: each a clear error with a stable code, naming the argument and what came."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad

import refebm
from refebm import Gamma, Gaussian, GaussianMixture, InputError, Laplace, Model, StudentT
from refebm.glossary import InputTypeError
from refebm.samplers.step import moved
from tests.refused import refused

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


MASKED = np.ma.array(X, mask=X > 1)
VP = refebm.VariancePreserving(0.1, 3.0)
TIMES = np.array([0.25, 0.5, 0.75])
RNG = np.random.default_rng(0)
BITS = np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
HALF = np.full((3, 2), 0.5)
RBM = refebm.BinaryRBM([0.5, -0.25], [0.0, 1.0], [[0.5, -1.0], [1.0, 0.0]])
GAUSSIAN_RBM = refebm.GaussianBernoulliRBM(RBM.b, RBM.c, RBM.W, 0.5)
CHAINS = np.sin(np.arange(54.0)).reshape(9, 3, 2)
STILL = "E-CONSTANT 0 of x .*chain 0"
LARGE = np.eye(200) + 0.5 * (np.arange(40000) == 607).reshape(200, 200)
CONDITIONAL = Model("noise_conditional", {"layers": ((np.ones((3, 2)), np.zeros(2)),)})


class KeepsGradient:
    """A tensor that requires its gradient."""

    dtype, shape = "float32", (3, 2)

    def __array__(self, *args, **kwargs):
        raise RuntimeError("call detach() first")


class OwnSDE:
    def __init__(self, drift=lambda x, t: -x, diffusion=lambda t: 1 + t, **more):
        self.drift, self.diffusion = drift, diffusion
        vars(self).update(more)


def score_at(x, sigma):
    return -x


def langevin(score, x=X):
    return refebm.langevin_step(score, x, 0.1, Z)


def reverse(sde):
    return refebm.reverse_sde_step(score_at, sde, X, TIMES, 0.01, Z)


def ddpm(betas=(0.1, 0.2), i=0):
    return refebm.ddpm_step(score_at, betas, X, i, Z)


def given(sigma=lambda t: 1 + 0 * t, variance=lambda t: 1.0 * t):
    return refebm.GivenDiffusion(sigma, variance)


def predictor(times, z=Z[None, None], eta=0.1):
    return refebm.predictor_corrector(score_at, VP, X, times, eta, z)


def annealed(sigmas, z=Z[None, None]):
    return refebm.annealed_langevin(score_at, X, sigmas, 0.1, z)


def ais(temperatures, *noise):
    return refebm.annealed_importance_sampling(energy, refebm.standard_normal(2), temperatures, refused, (X, *noise))


def walk(tape, step=lambda x, z: moved(x + z), x=X):
    return refebm.run(step, x, tape)


def still(length, chain):
    return CHAINS[:length] * (np.arange(3) != chain)[:, None]


def mixture(**changed):
    parameters = {"logits": np.zeros(2), "means": np.zeros((2, 1)), "precisions": np.ones((2, 1, 1))}
    return Model("mixture", parameters | changed)


def diffused(sde):
    ones = np.ones((2, 1))
    return Model("diffused_mixture", {"sde": sde, "logits": np.zeros(2), "means": ones, "variances": ones})


def apart(n_steps, step=lambda x, y, z: (moved(x + z), moved(y - z)), m=0):
    return refebm.coupled_chains(step, X, Z, m, np.full((n_steps, 3, 2), 0.125))


def test_what_was_had_of_chains_that_do_not_meet_is_kept():
    with pytest.raises(refebm.DomainError) as refused:
        apart(4)
    chains = refused.value.chains
    np.testing.assert_array_equal(chains.x, [X + 0.125 * t for t in range(5)])
    np.testing.assert_array_equal(chains.y, [Z - 0.125 * t for t in range(4)])
    assert chains.meeting.tolist() == [0, 0, 0]


def test_of_pairs_of_chains_some_have_met_and_some_in_one_coordinate_alone():
    """X_0, ..., X_4 and Y_0, ..., Y_3 of three pairs, as they are told; in the end the gaps are 0, (0, -5), (-2, 1)."""
    x = [[[0, 0], [1, 50], [10, 10]], [[7, 7], [1, 50], [20, 20]], [[7, 7], [1, 60], [30, 30]]]
    x = np.array([*x, [[7, 7], [1, 70], [40, 40]], [[7, 7], [1, 0], [1, 4]]], dtype=float)
    y = [[[7, 7], [1, 80], [-20, -20]], [[7, 7], [1, 90], [-30, -30]], [[7, 7], [1, 30], [-40, -40]]]
    y = np.array([*y, [[7, 7], [1, 5], [3, 3]]], dtype=float)
    with pytest.raises(refebm.DomainError, match=r"2 of 3 pairs .* in 4 steps, the nearest is 2 apart") as refused:
        refebm.coupled_chains(lambda x, y, a, b: (moved(a), moved(b)), x[0], y[0], 0, (x[1:], y))
    assert refused.value.chains.meeting.tolist() == [1, 0, 0]


def test_states_that_are_equal_stay_equal_and_say_nothing():
    first, second = refebm.coupled_metropolis_step(energy, X, X, 0.5, Z, np.full(3, 0.5), np.full(3, 0.25))
    np.testing.assert_array_equal(first.x, second.x)


def test_the_mean_of_one_state_without_its_bias():
    """H_1 = h(X_1) + h(X_2) - h(Y_1) = 2 + 5 - 3, h(x) = x."""
    x, y = np.reshape([0.0, 2.0, 5.0], (3, 1, 1)), np.reshape([1.0, 3.0], (2, 1, 1))
    assert refebm.unbiased_mean(lambda x: x[:, 0], x, y, 1, 1).tolist() == [4.0]


IMAGES, PIXELS = np.arange(32.0).reshape(2, 16), np.zeros((1, 2, 4))


def on_grids(x=IMAGES, x_model=(IMAGES[:, :4], IMAGES), energies=(energy, energy)):
    return refebm.multigrid_contrastive_divergence(energies, x, x_model)


def down_grids(x=IMAGES[:, :4], eta=0.1, z=(PIXELS,), scores=(score,)):
    return refebm.multigrid_chain(scores, x, eta, z)


BAD = {
    "images of 3 x 3": (lambda: refebm.block_means(np.zeros((2, 9)), 1), r"E-IMAGE x .*2\^k.*\(2, 9\)"),
    "images that are not square": (lambda: on_grids(IMAGES[:, :8]), r"E-IMAGE x .*\(2, 8\)"),
    "means over 3 of 4": (lambda: refebm.block_means(IMAGES, 3), "E-IMAGE size .*3 and 4"),
    "means to more pixels": (lambda: refebm.block_means(IMAGES, 8), "E-IMAGE size .*8 and 4"),
    "pixels repeated to fewer": (lambda: refebm.repeated_pixels(IMAGES, 2), "E-IMAGE size .*4 and 2"),
    "pixels that no memory holds": (lambda: refebm.repeated_pixels(IMAGES, 2**20), "E-SIZE .* need too much memory"),
    "an index, which is no fraction": (lambda: refebm.marginal_of_steps([0.1, 0.2], 2), "E-INDEX .*got 2$"),
    "pixels repeated thrice": (lambda: refebm.repeated_pixels(IMAGES, 12), "E-IMAGE size .*4 and 12"),
    "one energy for two grids": (lambda: on_grids(energies=(energy,)), "E-IMAGE x_model .*1 grids; got 2"),
    "an energy that stands alone": (lambda: on_grids(energies=energy), "E-IMAGE energies .*tuple"),
    "a grid whose energy is none": (lambda: on_grids(energies=(energy, 2)), r"E-CALLABLE energies\[1\]"),
    "grids from fine to coarse": (lambda: on_grids(x_model=(IMAGES, IMAGES[:, :4])), r"E-IMAGE \[16, 4\]"),
    "no grid as fine as x": (lambda: on_grids(x_model=(IMAGES[:, :1], IMAGES[:, :4])), r"E-IMAGE x_model .*16"),
    "samples of a grid that is no square": (
        lambda: on_grids(x_model=(IMAGES[:, :2], IMAGES)),
        r"E-IMAGE x_model\[0\] .*\(2, 2\)",
    ),
    "samples of another n": (lambda: on_grids(x_model=(IMAGES[:1, :4], IMAGES)), r"E-SHAPE x_model\[0\] .*n = 2"),
    "one array for the samples": (lambda: on_grids(x_model=IMAGES), "E-IMAGE x_model .*tuple.*ndarray"),
    "noise of no steps": (lambda: down_grids(z=(PIXELS[:0],)), r"E-SHAPE z\[0\] .*\(0, 2, 4\)"),
    "noise for two grids of one": (lambda: down_grids(z=(PIXELS[:, :, :1], PIXELS)), "E-IMAGE z .*1 grids; got 2"),
    "step sizes for two grids of one": (lambda: down_grids(eta=np.ones(2)), r"E-SHAPE eta .*\(1,\); got .*\(2,\)"),
    "one dimension": (lambda: ism(X[0]), r"E-NDIM x .*\(2,\).*x\[:, None\]"),
    "three dimensions": (lambda: ism(X[None]), r"E-NDIM x .*\(1, 3, 2\)"),
    "a scalar": (lambda: ism(1.0), "E-NDIM x"),
    "no rows": (lambda: ism(X[:0]), r"E-EMPTY x .*\(0, 2\)"),
    "no columns": (lambda: ism(X[:, :0]), r"E-EMPTY x .*\(3, 0\)"),
    "nan": (lambda: ism(np.where(X == 2, np.nan, X)), r"E-FINITE x .*nan at index \(1, 0\)"),
    "infinity": (lambda: ism(np.where(X == 2, np.inf, X)), "E-FINITE inf"),
    "complex": (lambda: ism(X + 1j), "E-DTYPE complex128"),
    "objects": (lambda: ism(X.astype(object)), "E-DTYPE object"),
    "text": (lambda: ism([["a", "b"]]), "E-DTYPE <U1"),
    "ragged": (lambda: ism([[1.0], [1.0, 2.0]]), "E-DTYPE ragged"),
    "none": (lambda: ism(None), "E-DTYPE object"),
    "other d": (lambda: refebm.Gaussian(np.zeros(2), 1.0).log_prob(np.zeros((3, 4))), r"E-SHAPE \(n, 2\).*\(3, 4\)"),
    "model of another d": (
        lambda: Model("quadratic", {"mean": np.zeros(3), "precision": np.eye(3)})(X),
        r"E-SHAPE quadratic.*\(3, 2\)",
    ),
    "sigma zero": (lambda: dsm(0.0), "E-POSITIVE sigma .*0.0"),
    "sigma negative": (lambda: dsm(np.array([1.0, -2.0, 1.0])), r"E-POSITIVE sigma .*-2.0 at index \(1,\)"),
    "sigma nan": (lambda: dsm(np.nan), "E-FINITE sigma"),
    "sigma a column": (lambda: dsm(np.ones((3, 1))), r"E-SHAPE sigma .*\(n,\) = \(3,\).*\(3, 1\)"),
    "sigma of another n": (lambda: dsm(np.ones(2)), "E-SHAPE sigma"),
    "z of another n": (lambda: dsm(z=Z[:2]), r"E-SHAPE z .*\(3, 2\).*\(2, 2\)"),
    "z a column": (lambda: dsm(z=Z[:, :1]), r"E-SHAPE z .*\(3, 2\).*\(3, 1\)"),
    "v of another d": (lambda: refebm.sliced_score_matching(score, X, Z[:, :1]), r"E-SHAPE v .*\(3, 1\)"),
    "v without projections": (lambda: refebm.sliced_score_matching(score, X, Z[None][:0]), "E-SHAPE v"),
    "jvp with many v": (lambda: refebm.jacobian_vector_product(score, X, Z[None]), "E-SHAPE v"),
    "eps zero": (lambda: refebm.finite_difference_sliced(energy, X, 0.0, Z), "E-POSITIVE eps"),
    "eps per row": (lambda: refebm.finite_difference_sliced(energy, X, np.ones(3), Z), "E-SHAPE eps"),
    "score of one column": (
        lambda: refebm.implicit_score_matching(lambda x: x[:, :1], X),
        r"E-CALLABLE score.*\(3, 1\)",
    ),
    "score of no column": (lambda: refebm.implicit_score_matching(lambda x: x[:, 0], X), r"E-CALLABLE score.*\(3,\)"),
    "energy a column": (lambda: refebm.score_of(lambda x: x[:, :1])(X), r"E-CALLABLE energy.*\(n,\).*\(3, 1\)"),
    "energy a scalar": (lambda: refebm.score_of(lambda x: anp.sum(x))(X), r"E-CALLABLE energy.*\(\)"),
    "score not callable": (lambda: refebm.implicit_score_matching(X, X), "E-CALLABLE score.*ndarray"),
    "not positive": (lambda: refebm.nonnegative_score_matching(score, X), r"E-POSITIVE x .*-1.0 at index \(0, 1\)"),
    "not bits": (lambda: refebm.ratio_matching(energy, X), "E-BINARY x .*0.5"),
    "one level": (lambda: refebm.geometric_noise_levels(X, 1, 0.1), "E-LEVELS got 1"),
    "levels not whole": (lambda: refebm.geometric_noise_levels(X, 2.5, 0.1), "E-COUNT n .*float"),
    "smallest too large": (lambda: refebm.geometric_noise_levels(X, 4, 99.0), "E-LEVELS 99"),
    "all points equal": (lambda: refebm.geometric_noise_levels(0 * X, 4, 0.1), "E-LEVELS 0"),
    "covariance not symmetric": (lambda: Gaussian(np.zeros(2), [[1.0, 0.5], [0.4, 1.0]]), "E-SYMMETRIC cov"),
    "covariance not definite": (lambda: Gaussian(np.zeros(2), [[1.0, 2.0], [2.0, 1.0]]), "E-DEFINITE cov .*-1"),
    "covariance of another d": (lambda: Gaussian(np.zeros(2), np.eye(3)), r"E-SHAPE cov .*\(2, 2\).*\(3, 3\)"),
    "variance zero": (lambda: Gaussian(0.0, 0.0), "E-DEFINITE cov"),
    "mean nan": (lambda: Gaussian(np.nan, 1.0), "E-FINITE mean"),
    "weights negative": (lambda: GaussianMixture([1.5, -0.5], np.zeros((2, 1)), 1.0), "E-WEIGHTS weights .*-0.5"),
    "weights not of sum one": (lambda: GaussianMixture([0.5, 0.4], np.zeros((2, 1)), 1.0), "E-WEIGHTS 0.9"),
    "means of another k": (lambda: GaussianMixture([0.5, 0.5], np.zeros((3, 1)), 1.0), "E-SHAPE means"),
    "covs of another k": (lambda: GaussianMixture([1.0], np.zeros((1, 1)), np.ones((2, 1, 1))), "E-SHAPE covs"),
    "shape zero": (lambda: Gamma(0.0, 1.0), "E-POSITIVE shape"),
    "rate negative": (lambda: Gamma(1.0, [-1.0]), "E-POSITIVE rate"),
    "rate of another d": (lambda: Gamma([1.0, 2.0], [1.0]), r"E-SHAPE rate .*\(2,\)"),
    "Gamma score at zero": (lambda: Gamma(2.0, 1.0).score([[0.0]]), "E-DOMAIN x"),
    "df negative": (lambda: StudentT(-1.0, 0.0, 1.0), "E-POSITIVE df"),
    "scale zero": (lambda: Laplace(0.0, 0.0), "E-POSITIVE scale"),
    "smoothed by zero": (lambda: Gaussian(0.0, 1.0).smoothed(0.0), "E-POSITIVE sigma"),
    "posterior with sigma per row": (lambda: Gaussian(0.0, 1.0).posterior_mean(X[:, :1], np.ones(3)), "E-SHAPE sigma"),
    "expect a value": (lambda: refebm.expect([1.0], Gaussian(0.0, 1.0)), r"E-CALLABLE functions\[0\] must be"),
    "degree of a mixture": (
        lambda: refebm.expect([energy], GaussianMixture([1.0], [[0.0]], 1.0), degree=2),
        "E-DOMAIN GaussianMixture",
    ),
    "unknown kind": (lambda: Model("quadratc", {}), "E-MODEL quadratic"),
    "precision of another d": (
        lambda: Model("quadratic", {"mean": np.zeros(2), "precision": np.eye(3)}),
        r"E-MODEL precision.*\(d, d\).*\(3, 3\)",
    ),
    "mean a float": (
        lambda: Model("quadratic", {"mean": 0.0, "precision": np.eye(1)}),
        r"E-MODEL mean of a quadratic must be \(d\), got",
    ),
    "no dimension": (lambda: Model("gamma", {"shape": np.ones(0), "rate": np.ones(0)}), "E-MODEL shape .*not be empty"),
    "one rate of zero": (
        lambda: Model("gamma", {"shape": np.ones(2), "rate": np.array([1.0, 0.0])}),
        "E-POSITIVE rate",
    ),
    "a layer of no outputs": (
        lambda: Model("mlp_score", {"layers": ((np.ones((2, 0)), np.ones(0)),)}),
        r"E-MODEL layers .* each fitting .* got W \(2, 0\)",
    ),
    "a layer of three axes": (
        lambda: Model("mlp_score", {"layers": ((np.ones((2, 2, 2)), np.ones(2)),)}),
        r"E-MODEL layers .* got W \(2, 2, 2\)",
    ),
    "one precision too few": (
        lambda: Model("mixture", {"logits": np.zeros(3), "means": np.zeros((3, 1)), "precisions": np.ones((2, 1, 1))}),
        "E-MODEL precisions",
    ),
    "parameters as lists": (lambda: Model("gamma", {"shape": [1.0], "rate": [1.0]}), "E-MODEL shape.*list"),
    "parameter NaN": (lambda: Model("gamma", {"shape": np.array([np.nan]), "rate": np.ones(1)}), "E-MODEL NaN"),
    "no parameters": (lambda: Model("gamma", None), "E-MODEL dict.*NoneType"),
    "bias of another width": (
        lambda: Model("mlp_score", {"layers": ((np.ones((2, 2)), np.ones((3, 2))),)}),
        r"E-MODEL b \(outputs,\).*\(3, 2\)",
    ),
    "layers that do not fit": (
        lambda: Model("mlp_score", {"layers": ((np.ones((2, 3)), np.ones(3)), (np.ones((4, 2)), np.ones(2)))}),
        "E-MODEL after 3 outputs",
    ),
    "outputs of another d": (
        lambda: Model("mlp_score", {"layers": ((np.ones((2, 3)), np.ones(3)),)}),
        "E-MODEL d = 2 have 3 outputs",
    ),
    "plain numpy under differentiation": (
        lambda: refebm.divergence(lambda x: np.asarray(x) * 2.0, X),
        "E-CALLABLE autograd.numpy",
    ),
    "plain numpy in an energy": (
        lambda: refebm.score_of(lambda x: np.sum(np.asarray(x) ** 2, axis=1))(X),
        "E-CALLABLE autograd.numpy",
    ),
    "score complex": (lambda: refebm.explicit_score_matching(lambda x: x + 1j, score, X), "E-CALLABLE complex"),
    "expect nothing": (lambda: refebm.expect([], Gaussian(0.0, 1.0)), "E-CALLABLE at least one"),
    "expect a function": (lambda: refebm.expect(score, Gaussian(0.0, 1.0)), "E-CALLABLE list"),
    "expect under a number": (lambda: refebm.expect([score], 3.0), "E-DENSITY float"),
    "expect a scalar": (lambda: refebm.expect([lambda x: 1.0], Gaussian(0.0, 1.0)), "E-CALLABLE rows"),
    "expect a mean": (lambda: refebm.expect([lambda x: x[:1, 0]], Gaussian(0.0, 1.0)), "E-CALLABLE rows"),
    "degree negative": (lambda: refebm.expect([score], Gaussian(0.0, 1.0), degree=-1), "E-COUNT degree"),
    "degree not whole": (lambda: refebm.expect([score], Gaussian(0.0, 1.0), degree=2.5), "E-COUNT degree"),
    "points of one dimension": (lambda: refebm.smoothed_empirical([1.0, 2.0], 0.5), "E-NDIM points"),
    "parameter missing": (lambda: Model("quadratic", {"mean": np.zeros(2)}), "E-MODEL precision"),
    "masked": (lambda: ism(MASKED), "E-MASKED x .*2"),
    "masked in a list": (lambda: ism(list(MASKED)), "E-MASKED x"),
    "masked times": (lambda: VP.beta(MASKED[2] / 2), "E-MASKED t "),
    "masked indices": (lambda: ddpm(i=np.ma.array([0, 1, 1], mask=[0, 1, 0])), "E-MASKED i "),
    "masked parameters": (lambda: Gaussian(MASKED[1], 1.0), "E-MASKED mean"),
    "masked parameters of a model": (
        lambda: Model("gamma", {"shape": MASKED[1], "rate": np.ones(2)}),
        r"E-MASKED parameters\['shape'\]",
    ),
    "a score that masks": (lambda: langevin(lambda x: np.ma.array(x, mask=x > 1)), r"E-MASKED score\(x\)"),
    "a score that returns nothing": (lambda: langevin(lambda x: None), r"E-CALLABLE score\(x\).*NoneType"),
    "a class for a score": (lambda: langevin(np.random.Generator), "E-CALLABLE score must be callable, got type"),
    "an array that cannot be read": (lambda: ism(KeepsGradient()), "E-DTYPE x must .*KeepsGradient"),
    "boxes of a dict": (lambda: grad(lambda p: anp.sum(ism(p)))({"a": X}), "E-DTYPE x .*dict"),
    "a dict": (lambda: ism({"a": 1.0}), "E-DTYPE x"),
    "a generator": (lambda: ism(iter([1.0])), "E-DTYPE x"),
    "bytes": (lambda: dsm(b"1.0"), "E-DTYPE sigma"),
    "complex indices": (lambda: ddpm(i=np.array([0, 1, 1j])), "E-INDEX i .*complex"),
    "indices as floats": (lambda: ddpm(i=1.0), "E-INDEX i .*float64"),
    "indices of another n": (lambda: ddpm(i=np.array([0, 1])), r"E-INDEX i .*\(3,\).*\(2,\)"),
    "index too large": (lambda: ddpm(i=2), "E-INDEX i .*0 to 1"),
    "index below 0": (lambda: ddpm(i=np.array([0, -1, 0])), r"E-INDEX i .*got -1 at index \(1,\)"),
    "index that wraps": (lambda: ddpm(i=np.array([0, 2**64 - 1, 0], np.uint64)), "E-INDEX i"),
    "betas of one": (lambda: ddpm(betas=[0.5, 1.0]), r"E-BETAS betas .*1.0 at index \(1,\)"),
    "betas of zero": (lambda: ddpm(betas=[0.0, 0.5]), "E-BETAS betas"),
    "steps too few": (lambda: VP.betas(3), "E-BETAS n_steps .*4 does; got 3"),
    "steps too few for a rate that falls": (
        lambda: refebm.VariancePreserving(5.0, 0.1).betas(3),
        "E-BETAS 6 does; got 3",
    ),
    "an SDE without a drift": (lambda: reverse(object()), "E-SDE sde .*drift.*diffusion"),
    "the class of an SDE": (lambda: reverse(refebm.VariancePreserving), "E-SDE instance"),
    "an SDE without marginals": (lambda: refebm.predicted_noise(score_at, OwnSDE(), X, 0.5), "E-SDE marginal"),
    "a drift (n,)": (lambda: reverse(OwnSDE(drift=lambda x, t: x[:, 0])), r"E-CALLABLE sde.drift.*\(3,\)"),
    "a diffusion (n, 1)": (lambda: reverse(OwnSDE(diffusion=lambda t: t[:, None])), "E-CALLABLE sde.diffusion"),
    "a diffusion for all": (lambda: reverse(OwnSDE(diffusion=lambda t: 1.0)), r"E-CALLABLE sde.diffusion.*\(\)"),
    "marginals (n, 1)": (
        lambda: refebm.predicted_noise(score_at, OwnSDE(marginal=lambda t: (t, t[:, None])), X, 0.5),
        "E-CALLABLE sde.marginal",
    ),
    "sigma(t) (n, 1)": (lambda: given(sigma=lambda t: t[:, None]).diffusion(TIMES), r"E-CALLABLE sigma\(t\)"),
    "sigma(t) for all": (lambda: given(sigma=lambda t: 1.0).diffusion(TIMES), r"E-CALLABLE sigma\(t\).*\(3,\)"),
    "sigma(t) NaN": (lambda: given(sigma=lambda t: t * np.nan).diffusion(0.5), r"E-FINITE sigma\(t\)"),
    "variance(t) (n, 1)": (lambda: given(variance=lambda t: t[:, None]).marginal(TIMES), "E-CALLABLE variance"),
    "variance(t) for all": (lambda: given(variance=lambda t: 2.0).kernel(0.0, TIMES), "E-CALLABLE variance"),
    "variance(t) NaN": (lambda: given(variance=lambda t: np.nan).marginal(0.5), "E-FINITE variance"),
    "variance(t) that falls": (lambda: given(variance=lambda t: 1 - t).kernel(0.2, TIMES), "E-CALLABLE not fall"),
    "sigma(t) not callable": (lambda: given(sigma=1.0), "E-CALLABLE sigma"),
    "times (n, 1)": (lambda: VP.beta(TIMES[:, None]), r"E-SHAPE t .*\(3, 1\)"),
    "no times": (lambda: VP.beta(TIMES[:0]), r"E-SHAPE t .*\(0,\)"),
    "times of another n": (lambda: VP.drift(X, TIMES[:2]), r"E-SHAPE t .*\(3,\).*\(2,\)"),
    "one time as (1,)": (lambda: VP.drift(X, TIMES[:1]), r"E-SHAPE t .*\(1,\)"),
    "a time below 0": (lambda: VP.beta(np.array([0.5, -0.25])), r"E-TIME t .*-0.25 at index \(1,\)"),
    "a time after 1": (lambda: VP.beta(np.array([0.5, 1.25])), "E-TIME t .*1.25"),
    "many times for one": (lambda: VP.diffused(Gaussian(0.0, 1.0), TIMES), "E-SHAPE t .*float"),
    "s (n, 1)": (lambda: VP.integral(TIMES[:, None], TIMES), r"E-SHAPE s .*\(3, 1\)"),
    "s of another n": (lambda: VP.integral(TIMES[:2], TIMES), r"E-SHAPE s .*\(3,\).*\(2,\)"),
    "s (1,)": (lambda: VP.kernel(TIMES[:1], TIMES), r"E-SHAPE s .*\(1,\)"),
    "s after one t": (lambda: VP.integral(TIMES, np.array([0.9, 0.9, 0.5])), "E-TIME s must not be after t"),
    "times that grow": (lambda: predictor([0.25, 0.5]), "E-TIME times .*late to early"),
    "a time for times": (lambda: predictor(0.5), "E-TIME times"),
    "one x zero": (lambda: refebm.nonnegative_score_matching(score, [[1.0, 0.0]]), r"E-POSITIVE x .*0.0 at"),
    "times that stay": (lambda: predictor([0.75, 0.5, 0.5]), "E-TIME times"),
    "one time alone": (lambda: predictor([0.5]), r"E-TIME times .*K \+ 1"),
    "z for no steps": (lambda: predictor([0.75, 0.5], np.zeros((1, 0, 3, 2))), "E-TAPE z"),
    "z of another n at a step": (lambda: predictor([0.75, 0.5], np.zeros((1, 1, 2, 2))), "E-TAPE z"),
    "z without corrections": (lambda: predictor([0.75, 0.5], np.zeros((1, 3, 2))), "E-TAPE z"),
    "one eta zero": (lambda: predictor([0.75, 0.5], eta=[0.0]), "E-POSITIVE eta"),
    "levels, one that grows": (lambda: annealed([2.0, 1.0, 1.5]), r"E-LEVELS sigmas .*\[2.0, 1.0, 1.5\]"),
    "levels, one that stays": (lambda: annealed([2.0, 1.0, 1.0]), "E-LEVELS sigmas"),
    "levels, one negative": (lambda: annealed([2.0, 1.0, -1.0]), "E-POSITIVE sigmas"),
    "levels, a table": (lambda: annealed([[2.0, 1.0]]), "E-SHAPE sigmas"),
    "a tape of no steps at its levels": (lambda: annealed([2.0, 1.0], np.zeros((2, 0, 3, 2))), "E-TAPE z"),
    "a tape of another n": (lambda: annealed([2.0, 1.0], np.zeros((2, 1, 2, 2))), "E-TAPE z"),
    "at no level": (lambda: refebm.at(score_at, 0.0), "E-POSITIVE sigma"),
    "at many levels": (lambda: refebm.at(score_at, TIMES), "E-SHAPE sigma"),
    "at a level, nothing": (lambda: refebm.at(lambda x, sigma: None, 0.5)(X), "E-CALLABLE score.*NoneType"),
    "at a level, a row": (lambda: refebm.at(score_at, 0.5)(X[0]), "E-NDIM x"),
    "temperatures that step back": (lambda: ais([0.0, 0.5, 0.25, 1.0]), "E-TEMPERATURES temperatures"),
    "temperatures that stay": (lambda: ais([0.0, 0.5, 0.5, 1.0]), "E-TEMPERATURES temperatures"),
    "temperatures not from 0": (lambda: ais([0.25, 1.0]), "E-TEMPERATURES temperatures"),
    "temperatures not to 1": (lambda: ais([0.0, 0.5]), "E-TEMPERATURES temperatures"),
    "noise that is one number": (lambda: ais([0.0, 0.5, 1.0], 0.5), "E-TAPE 1 steps; got .None"),
    "noise for no step": (lambda: ais([0.0, 1.0], 0.5), "E-TAPE 0 steps; got .None"),
    "no temperatures but 1": (lambda: ais([1.0]), "E-TEMPERATURES temperatures"),
    "a tape of one number": (lambda: walk(np.float64(1.0)), r"E-TAPE \[0\]"),
    "a tape that is not finite": (lambda: walk(np.stack([Z, Z + np.inf])), r"E-FINITE tape .*index \(1, 0, 0\)"),
    "a tape of words": (lambda: walk(np.array(["a", "b"])), "E-DTYPE tape"),
    "a step that returns x": (lambda: walk(np.stack([Z, Z]), lambda x, z: x), "E-CALLABLE step.*Step.*ndarray"),
    "a step of other rows": (
        lambda: walk(np.stack([Z, Z]), lambda x, z: moved(x[:2])),
        r"E-CALLABLE step.*\(3, 2\).*\(2, 2\)",
    ),
    "a step not callable": (lambda: walk(np.stack([Z, Z]), 1.0), "E-CALLABLE step"),
    "a start that is lost": (lambda: walk(np.stack([Z, Z]), x=np.full((3, 2), np.nan)), "E-FINITE x"),
    "a row partly lost": (lambda: langevin(score, np.where(X > 1, np.nan, X)), r"E-FINITE x .*nan at index \(1, 0\)"),
    "a row infinite": (lambda: langevin(score, np.where(X[:, :1] == 2, np.inf, X)), "E-FINITE x .*inf"),
    "a chain of one dimension": (lambda: langevin(score, X[0]), "E-NDIM x"),
    "hidden units of another n": (lambda: RBM.energy(BITS, BITS[:1]), r"E-SHAPE h .*\(3, 2\).*\(1, 2\)"),
    "a hidden unit below 0": (lambda: RBM.visible_mean(X), "E-FRACTION h .*-1"),
    "a hidden unit of a half": (lambda: RBM.visible_given(HALF, HALF), "E-BINARY h .*0.5"),
    "a visible unit of a half": (lambda: RBM.hidden_given(HALF, HALF), "E-BINARY v .*0.5"),
    "a Gaussian machine's mean field": (
        lambda: refebm.mean_field_contrastive_divergence(GAUSSIAN_RBM, BITS, 1),
        "E-RBM rbm .*binary.*GaussianBernoulliRBM",
    ),
    "hidden means of another m": (
        lambda: refebm.mean_field_free_energy(RBM, HALF, HALF[:, :1]),
        r"E-SHAPE h .*\(3, 2\).*\(3, 1\)",
    ),
    "hidden units of another n, Gaussian": (lambda: GAUSSIAN_RBM.energy(X, BITS[:1]), r"E-SHAPE h .*\(3, 2\)"),
    "u for hidden units": (lambda: RBM.hidden_given(BITS, X), "E-UNIFORM u must"),
    "z for visible units": (lambda: GAUSSIAN_RBM.visible_given(BITS, Z[:1]), r"E-SHAPE z .*\(3, 2\)"),
    "u_h for one row": (lambda: refebm.gibbs_step(RBM, BITS, Z[:1], Z), "E-SHAPE u_h"),
    "u_v for one row": (lambda: refebm.gibbs_step(RBM, BITS, HALF, HALF[:1]), "E-SHAPE u_v"),
    "u_v for one row, Gaussian": (lambda: refebm.gibbs_step(GAUSSIAN_RBM, X, HALF, Z[:1]), "E-SHAPE u_v"),
    "chains that do not meet": (lambda: apart(4), "E-MEETING 3 of 3 pairs .* 4 steps, the nearest is .* longer tape"),
    "chains that are lost": (
        lambda: apart(4, lambda x, y, z: (moved(np.nan * x), moved(y))),
        "E-MEETING 3 of 3 pairs .* 3 of them are lost, not finite; .* shorter step",
    ),
    "a tape shorter than m": (lambda: apart(4, m=5), "E-TAPE m = 5.*4"),
    "a pair of which one is no step": (
        lambda: apart(4, lambda x, y, z: (moved(x), y)),
        "E-CALLABLE coupled_step.*Step",
    ),
    "a step for a pair": (lambda: apart(4, lambda x, y, z: moved(x)), "E-CALLABLE two Steps.*Step"),
    "chains of one length": (lambda: refebm.unbiased_mean(energy, CHAINS, CHAINS, 0, 1), "E-SHAPE one state shorter"),
    "k after m": (lambda: refebm.unbiased_mean(energy, CHAINS, CHAINS[1:], 2, 1), "E-COUNT k = 2, m = 1"),
    "m after the end": (lambda: refebm.unbiased_mean(energy, CHAINS, CHAINS[1:], 0, 9), "E-COUNT T = 8.*m = 9"),
    "chains of another n": (
        lambda: refebm.unbiased_contrastive_divergence(energy, X[:2], CHAINS, CHAINS[1:], 0, 1),
        r"E-SHAPE chain .*\(2, 2\).*\(9, 3, 2\)",
    ),
    "no RBM": (lambda: refebm.gibbs_step(None, BITS, HALF, HALF), "E-RBM rbm .*hidden_given.*visible_given"),
    "the class of an RBM": (lambda: refebm.gibbs_step(refebm.BinaryRBM, BITS, HALF, HALF), "E-RBM instance"),
    "the class Generator": (lambda: refebm.langevin_tape(np.random.Generator, 3, 3, 2), "E-RNG rng .*class Generator"),
    "a seed": (lambda: refebm.metropolis_tape(0, 3, 3, 2), "E-RNG rng .*default_rng.*int"),
    "no generator": (lambda: refebm.replay_tape(None, 3, 3), "E-RNG rng .*NoneType"),
    "the old generator": (lambda: Gaussian(0.0, 1.0).sample(np.random.RandomState(0), 3), "E-RNG rng .*RandomState"),
    "the class Generator in a sample": (lambda: Gamma(2.0, 1.0).sample(np.random.Generator, 3), "E-RNG rng"),
    "a sample of none": (lambda: Laplace(0.0, 1.0).sample(RNG, 0), "E-COUNT size .*0"),
    "a sample of a half": (lambda: StudentT(3.0, 0.0, 1.0).sample(RNG, 1.5), "E-COUNT size .*float"),
    "a sample of True": (lambda: Gaussian(0.0, 1.0).sample(RNG, True), "E-COUNT size .*bool"),
    "a sample beyond memory": (lambda: GaussianMixture([1.0], [[0.0]], 1.0).sample(RNG, 10**30), "E-SIZE size"),
    "a tape beyond memory": (lambda: refebm.langevin_tape(RNG, 10**6, 10**6, 10), "E-SIZE 1000000 x 1000000 x 10"),
    "a tape beyond the largest": (lambda: refebm.replay_tape(RNG, 10**9, 10**10), "E-SIZE 10000000000"),
    "corrections beyond memory": (lambda: refebm.predictor_corrector_tape(RNG, 1, 10**11, 1, 1), "E-SIZE n_correct"),
    "corrections below none": (lambda: refebm.predictor_corrector_tape(RNG, 1, -1, 1, 1), "E-COUNT at least 0"),
    "a prior beyond memory": (lambda: VP.prior(10**30), "E-SIZE d must"),
    "a covariance beyond memory": (lambda: VP.prior(10**7), "E-SIZE 10000000 x 10000000"),
    "steps without end": (lambda: refebm.leapfrog(score, X, Z, 0.1, 10**30), "E-COUNT n_steps .*at most"),
    "a billion and one steps": (lambda: refebm.decaying_steps(0.1, 0.5, 10**9 + 1), "E-COUNT n_steps"),
    "training without end": (lambda: refebm.minimise(anp.sum, X, 10**30, progress=False), "E-COUNT n_steps"),
    "x a float": (lambda: refebm.contrastive_divergence(energy, X, 1.0), "E-SHAPE x_model"),
    "y for two": (lambda: refebm.noise_contrastive(energy, energy, X, Z[None, :2]), "E-SHAPE y .*nu"),
    "y for no noise": (lambda: refebm.noise_contrastive(energy, energy, X, Z[None][:0]), "E-SHAPE y .*nu"),
    "y as x": (lambda: refebm.noise_contrastive(energy, energy, X, Z), "E-SHAPE y .*nu"),
    "v of three axes, another n": (lambda: refebm.sliced_score_matching(score, X, Z[None, :2]), "E-SHAPE v"),
    "noise without support": (
        lambda: refebm.noise_contrastive(energy, lambda x: anp.where(x[:, 0] > 1, -anp.inf, 0.0), X, Z[None]),
        "E-SUPPORT log_noise .*-inf at row 1",
    ),
    "half a weight too many": (lambda: refebm.mixed_noise(energy, energy, 1.0), "E-WEIGHTS weight .*1.0"),
    "no weight": (lambda: refebm.mixed_noise(energy, energy, 0.0), "E-WEIGHTS weight .*0.0"),
    "one row for a U-statistic": (lambda: refebm.kernel_stein(score, X[:1], 1.0), "E-EMPTY two rows"),
    "u of another n": (lambda: refebm.metropolis_step(energy, X, 0.5, Z, [0.5, 0.5]), "E-SHAPE u "),
    "one bit of a half": (lambda: refebm.ratio_matching(energy, [[0.0, 1.0], [1.0, 0.5]]), "E-BINARY 0.5"),
    "one x negative": (lambda: refebm.nonnegative_score_matching(score, [[1.0, 2.0], [-1.0, 1.0]]), "E-POSITIVE -1"),
    "one chain stands still": (lambda: refebm.effective_sample_size(still(9, 1)), "E-CONSTANT 0 of x .*chain 1"),
    "one coordinate stands still": (lambda: refebm.autocovariance(CHAINS * [1.0, 0.0], 2), "E-CONSTANT 1 of x"),
    "a chain stands still, lags": (lambda: refebm.autocorrelation(still(9, 2), 3), "E-CONSTANT chain 2"),
    "the last state alone moves": (lambda: refebm.split_r_hat(CHAINS * (np.arange(9) == 8)[:, None, None]), STILL),
    "chains move between the halves alone": (
        lambda: refebm.split_r_hat(np.ones((8, 3, 2)) * (np.arange(8) > 3)[:, None, None]),
        "E-CONSTANT within half",
    ),
    "chains (T, n)": (lambda: refebm.split_r_hat(CHAINS[:, :, 0]), r"E-NDIM \(9, 3\)"),
    "no chains": (lambda: refebm.split_r_hat(CHAINS[:, :0]), r"E-EMPTY \(9, 0, 2\)"),
    "covariance of one off entry": (lambda: Gaussian(np.zeros(200), LARGE), r"E-SYMMETRIC 0.5 at \(3, 7\)"),
    "precision infinite": (
        lambda: Model("quadratic", {"mean": np.zeros(2), "precision": np.full((2, 2), np.inf)}),
        "E-MODEL precision .*finite",
    ),
    "a logit of inf": (lambda: mixture(logits=np.array([np.inf, 0.0])), "E-MODEL logits"),
    "a logit of NaN": (lambda: mixture(logits=np.array([np.nan, 0.0])), "E-MODEL logits"),
    "a mean of -inf": (lambda: mixture(means=np.array([[-np.inf], [0.0]])), "E-MODEL means"),
    "parameters that are words": (
        lambda: Model("gamma", {"shape": np.array(["a"]), "rate": np.ones(1)}),
        r"E-DTYPE parameters\['shape'\]",
    ),
    "an unread parameter": (lambda: mixture(means=KeepsGradient()), "E-DTYPE means"),
    "a dict for a parameter": (lambda: mixture(means={"a": 1.0}), "E-MODEL means"),
    "a kind that is no word": (lambda: Model(["gamma"], {}), "E-MODEL kind"),
    "an SDE without a kind": (lambda: diffused({"kind": "VP", "parameters": {}}), "E-MODEL sde .*VarianceExploding"),
    "an SDE that is none": (lambda: diffused(None), "E-MODEL sde"),
    "a level too many": (lambda: mixture()(X[:, :1], 1.0), "E-MODEL mixture .*x alone"),
    "a level too few": (lambda: CONDITIONAL(X), "E-MODEL noise_conditional .*noise"),
    "a time as a level": (lambda: CONDITIONAL(X, 0.0), "E-POSITIVE sigma"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_its_code(case):
    refused(*BAD[case])


def test_errors_are_value_errors_and_type_errors():
    assert issubclass(InputError, ValueError)
    assert issubclass(InputTypeError, TypeError)
    assert issubclass(refebm.DomainError, ValueError)
    with pytest.raises(TypeError, match="E-CALLABLE"):
        refebm.implicit_score_matching(None, X)


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


def test_what_is_just_within_the_bounds():
    assert refebm.split_r_hat(CHAINS[:4]).shape == (2,)
    np.testing.assert_array_equal(VP.integral(TIMES, 1.0), [VP.integral(t, 1.0) for t in TIMES])
    assert VP.integral(0.0, 0.0) == 0 and len(VP.betas(4)) == 4 and np.all(refebm.VariancePreserving(1, 1).betas(2) < 1)
    assert refebm.predictor_corrector_tape(RNG, 1, 0, 1, 1).shape == (1, 1, 1, 1)


def test_what_has_nothing_masked_is_an_array():
    np.testing.assert_array_equal(ism(np.ma.array(X)), ism(X))


def test_integers_do_not_wrap():
    """E = 1/2 (x - m)^2 p, of which every factor is a byte: (1 - 3)^2 is 4, -2 as a byte is 254."""
    small = {"mean": np.array([3], np.uint8), "precision": np.array([[200]], np.uint8)}
    assert Model("quadratic", small)(np.array([[1]], np.uint8)) == 400.0
    gamma = Model("gamma", {"shape": np.array([2], np.uint8), "rate": np.array([3], np.uint8)})
    np.testing.assert_array_equal(gamma(np.full((1, 1), 2, np.uint8)), [6.0 - np.log(2.0)])
    layers = (
        (np.array([[2]], np.uint8), np.array([0], np.uint8)),
        (np.array([[200]], np.uint8), np.array([100], np.uint8)),
    )
    deep = Model("mlp_energy", {"precision": np.uint8(200), "layers": layers})
    np.testing.assert_allclose(deep(np.ones((1, 1))), 200.0 + 200 * np.tanh(2.0), rtol=1e-15)
    rounded = [lambda x, t=t: np.round(8 * energy(x)).astype(t) for t in (np.uint8, float)]
    ends = [refebm.metropolis_step(one, X, 0.5, Z, TIMES).info.energy_error for one in rounded]
    np.testing.assert_array_equal(*ends)
    assert VP.integral(np.uint8(1), np.uint8(1)) == 0.0 and VP.beta(np.uint8(1)) == 3.0
    np.testing.assert_array_equal(langevin(lambda x: np.full(x.shape, 200, np.uint8)).x, X + 20.0 + np.sqrt(0.2) * Z)
    steps = ddpm(betas=[0.25, 0.5], i=np.array([0, 1, 1], np.uint8)).x
    np.testing.assert_array_equal(steps, ddpm(betas=[0.25, 0.5], i=np.array([0, 1, 1])).x)


def scribbling(function):
    """Says the same, and writes into all that it was handed."""

    def careless(*arguments):
        result = np.array(function(*arguments))
        for one in arguments:
            one[...] = 7.0
        return result

    return careless


def reusing(function):
    """Says the same in one buffer, which the next call writes over."""
    buffers = {}

    def careless(*arguments):
        result = function(*arguments)
        buffer = buffers.setdefault(np.shape(result), np.empty(np.shape(result)))
        buffer[...] = result
        return buffer

    return careless


def hard_energy(x):
    return np.sum(np.abs(x) ** 3, axis=1)


def identity(x, *_):
    return x


UNDIFFERENTIATED = {  # what asks its callables for their values alone, given a way to spoil a callable, and x
    "explicit": lambda of, x: refebm.explicit_score_matching(of(score), of(np.cos), x),
    "denoising": lambda of, x: refebm.denoising_score_matching(of(score), x, 0.5, Z),
    "conditional": lambda of, x: refebm.noise_conditional_score_matching(of(score_at), x, TIMES, Z),
    "differences": lambda of, x: refebm.finite_difference_sliced(of(hard_energy), x, 0.25, Z),
    "noise": lambda of, x: refebm.noise_contrastive(of(hard_energy), of(energy), x, Z[None]),
    "metropolis": lambda of, x: refebm.metropolis_step(of(hard_energy), x, 0.5, Z, TIMES).x,
    "leapfrog": lambda of, x: np.stack(refebm.leapfrog(of(np.cos), x, Z, 0.25, 3)),
    "langevin": lambda of, x: refebm.langevin_step(of(np.cos), x, 0.25, Z).x,
    "annealed": lambda of, x: refebm.annealed_langevin(of(score_at), x, [2.0, 1.0], 0.1, np.ones((2, 2, 3, 2)), True),
    "at": lambda of, x: refebm.at(of(score_at), 0.5)(x),
    "reverse": lambda of, x: refebm.reverse_sde_step(of(score_at), VP, x, TIMES, 0.1, Z).x,
    "own SDE": lambda of, x: refebm.reverse_sde_step(score_at, OwnSDE(of(score_at), of(np.cos)), x, TIMES, 0.1, Z).x,
    "own noise": lambda of, x: np.stack(refebm.GivenDiffusion(of(np.cos), of(np.exp)).kernel(0.0, TIMES)),
    "corrected": lambda of, x: refebm.predictor_corrector(
        of(score_at), VP, x, TIMES[::-1], 0.1, np.ones((2, 2, 3, 2)), True
    ),
    "chain": lambda of, x: (
        refebm.run(lambda x, z: moved(of(lambda x, z: x + z)(x, z)), x, np.ones((3, 3, 2)), True).info.trajectory
    ),
    "entropy": lambda of, x: refebm.entropy_gradient(of(score), lambda phi, eps: phi * eps, 2.0 * np.ones(2), x),
}


@pytest.mark.parametrize("spoiled", [scribbling, reusing])
@pytest.mark.parametrize("name", UNDIFFERENTIATED)
def test_a_careless_callable_changes_neither_data_nor_result(name, spoiled):
    made = {}  # a buffer for each callable
    x = X.copy()
    careless = UNDIFFERENTIATED[name](lambda f: made.setdefault(getattr(f, "__code__", f), spoiled(f)), x)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(careless, UNDIFFERENTIATED[name](lambda f: f, X.copy()))


@pytest.mark.parametrize("name", ["denoising", "langevin"])
def test_a_callable_may_return_what_it_was_given(name):
    x = X.copy()
    kept = UNDIFFERENTIATED[name](lambda f: identity, x)
    np.testing.assert_array_equal(kept, UNDIFFERENTIATED[name](lambda f: lambda x: 1.0 * x, X))
    np.testing.assert_array_equal(x, X)


def test_a_tape_is_not_written_into():
    tape = np.ones((3, 3, 2))
    refebm.run(scribbling_step, X, tape)
    np.testing.assert_array_equal(tape, 1.0)


def scribbling_step(x, z):
    z *= 2.0
    return moved(x + z)
