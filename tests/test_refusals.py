"""Checks that stand in the definitions themselves: bounds that belong to them, and one bad entry among good ones."""

import autograd.numpy as anp
import numpy as np
import pytest

import refebm
from refebm import (
    BinaryRBM,
    Gamma,
    Gaussian,
    GaussianBernoulliRBM,
    GaussianMixture,
    GivenDiffusion,
    Laplace,
    ReplayBuffer,
    StudentT,
    SubVariancePreserving,
    VarianceExploding,
    VariancePreserving,
)
from tests.refused import refused

BIASES, BOTH = (np.zeros(2), np.zeros(3)), np.zeros((2, 3))
X = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])
S, T = np.array([0.1, 0.5, 0.2]), np.array([0.3, 0.4, 0.9])  # the second s is after its t
EXPLODING, PRESERVING = VarianceExploding(0.1, 4.0), VariancePreserving(0.5, 3.0)
ALL = {
    "exploding": EXPLODING,
    "preserving": PRESERVING,
    "sub-preserving": SubVariancePreserving(0.5, 3.0),
    "given": GivenDiffusion(np.exp, lambda t: 0.5 * np.expm1(2 * t)),
}
SQUARES = np.arange(5.0)[:, None, None] ** 2
LATE = np.array([0.5, 1.5, 0.25])
ZERO_ROW = np.array([[0.5], [0.0], [1.0]])
HALVES = np.full((3, 2), 0.5)
MEANS = np.zeros((2, 2))


def energy(x):
    return 0.5 * anp.sum(x**2, axis=1)


def score(x, t=None):
    return -x


def stay(energy, x, *noise):
    return refebm.langevin_step(lambda x: -x, x, 0.1, 0 * x)


def annealed(*noise, temperatures=(0.0, 0.25, 0.5, 1.0)):
    return refebm.annealed_importance_sampling(energy, refebm.standard_normal(2), temperatures, stay, (X, *noise))


def corrected(z=(3, 2), eta=0.1):
    return refebm.predictor_corrector(score, PRESERVING, X, [0.9, 0.6, 0.3, 0.1], eta, np.zeros((*z, *X.shape)))


def levels(z):
    return refebm.annealed_langevin(lambda x, sigma: -x, X, [2.0, 1.0], 0.1, np.zeros(z))


OF_EVERY_SDE = {
    "one s after its t": (lambda sde: sde.kernel(S, T), "E-TIME s must not be after t"),
    "one s below 0": (lambda sde: sde.kernel(S - 0.15, 0.95), "E-TIME s "),
    "one time above 1": (lambda sde: sde.diffusion(LATE), "E-TIME t .*1.5"),
    "one time above 1, drift": (lambda sde: sde.drift(X, LATE), "E-TIME t .*1.5"),
    "no coordinates": (lambda sde: sde.prior(0), "E-COUNT d "),
    "a Laplace density": (lambda sde: sde.diffused(Laplace(0.0, 1.0), 0.5), "E-DENSITY Laplace"),
}
REFUSED = {
    f"{what}, {name}": (lambda call=call, sde=sde: call(sde), said)
    for what, (call, said) in OF_EVERY_SDE.items()
    for name, sde in ALL.items()
} | {
    "levels that agree": (lambda: VarianceExploding(1.0, 1.0), "E-LEVELS sigma_min must be below sigma_max"),
    "a lowest level of 0": (lambda: VarianceExploding(0.0, 1.0), "E-POSITIVE sigma_min"),
    "an infinite highest level": (lambda: VarianceExploding(1.0, np.inf), "E-FINITE sigma_max"),
    "a last rate of 0": (lambda: VariancePreserving(1.0, 0.0), "E-POSITIVE beta_max"),
    "sigma at a time above 1": (lambda: EXPLODING.sigma(LATE), "E-TIME t "),
    "beta at a time above 1": (lambda: PRESERVING.beta(LATE), "E-TIME t "),
    "beta at a time above 1, exploding": (lambda: EXPLODING.beta(LATE), "E-TIME t "),
    "means of one axis": (lambda: GaussianMixture([0.5, 0.5], [0.0, 1.0], 1.0), r"E-SHAPE means must be \(k, d\)"),
    "means of another k": (lambda: GaussianMixture([1.0], MEANS, 1.0), "E-SHAPE means"),
    "covariances of another k": (lambda: GaussianMixture([0.5, 0.5], MEANS, np.ones((1, 2, 2))), "E-SHAPE covs"),
    "a covariance for each, of another d": (
        lambda: GaussianMixture([0.5, 0.5], MEANS, np.ones((2, 3, 3))),
        "E-SHAPE cov",
    ),
    "one Gamma point at 0": (lambda: Gamma(2.0, 1.0).score(ZERO_ROW), "E-DOMAIN x must be greater than 0"),
    "one shape of no information": (lambda: Gamma([3.0, 1.5], [1.0, 1.0]).fisher_information(), "E-DOMAIN shape > 2"),
    "the shape 2": (lambda: Gamma([2.0, 1.0], [1.0, 1.0]).fisher_information(), "E-DOMAIN shape > 2"),
    "rates of another d": (lambda: Gamma([3.0, 1.5], [1.0]), "E-SHAPE rate"),
    "locations of another d": (lambda: StudentT([3.0, 1.5], [1.0], [1.0, 1.0]), "E-SHAPE loc"),
    "scales of another d": (lambda: StudentT([3.0, 1.5], [1.0, 1.0], [1.0]), "E-SHAPE scale"),
    "scales of another d, Laplace": (lambda: Laplace([1.0, 1.0], [1.0]), "E-SHAPE scale"),
    "one function that is none": (lambda: refebm.expect([energy, 1.0], Gaussian(0.0, 1.0)), "E-CALLABLE functions"),
    "a complex function": (lambda: refebm.expect([lambda x: 1j * x[:, 0]], Gaussian(0.0, 1.0)), "E-CALLABLE real"),
    "a function of one row less": (lambda: refebm.expect([lambda x: x[1:, 0]], Gaussian(0.0, 1.0)), "E-CALLABLE rows"),
    "one row and no pair": (lambda: refebm.kernel_stein(lambda x: -x, X[:1], 1.0), "E-EMPTY two rows"),
    "one log weight": (lambda: refebm.estimated_log_partition([1.0]), "E-EMPTY n >= 2"),
    "log weights in two axes": (lambda: refebm.estimated_log_partition([[1.0, 2.0]]), r"E-EMPTY \(1, 2\)"),
    "noise for one step less": (lambda: annealed(np.zeros((1, 3, 2))), "E-TAPE 2 steps"),
    "noise for one step less in one array": (
        lambda: annealed(np.zeros((2, 3, 2)), np.zeros((1, 3))),
        r"E-TAPE \[2, 1\]",
    ),
    "noise for one step more": (lambda: annealed(np.zeros((3, 3, 2))), r"E-TAPE \[3\]"),
    "noise for one level": (lambda: levels((1, 4, 3, 2)), "E-TAPE L = 2"),
    "noise without levels": (lambda: levels((2, 3, 2)), r"E-TAPE \(L, T, n, d\)"),
    "noise for two steps back of three": (lambda: corrected((2, 2)), "E-TAPE K = 3"),
    "two etas for three steps": (lambda: corrected(eta=[0.1, 0.2]), "E-TAPE K = 3"),
    "a power just above 1": (lambda: refebm.decaying_steps(0.1, 1.0 + 1e-9, 10), "E-STEPS power"),
    "as many lags as steps": (lambda: refebm.autocovariance(SQUARES, 5), "E-COUNT n_lags"),
    "hidden units of another m": (
        lambda: BinaryRBM(*BIASES, BOTH).energy(np.ones((1, 2)), np.ones((1, 2))),
        "E-SHAPE h ",
    ),
    "couplings transposed": (lambda: BinaryRBM(*BIASES, BOTH.T), "E-SHAPE W "),
    "couplings transposed, Gaussian": (lambda: GaussianBernoulliRBM(*BIASES, BOTH.T, 1.0), "E-SHAPE W "),
    "a fraction for each row": (lambda: ReplayBuffer(X, 3).start(X, [0.5, 0.5, 0.5], HALVES), "E-SHAPE fraction"),
    "a fraction that is NaN": (lambda: ReplayBuffer(X, 3).start(X, np.nan, HALVES), "E-FINITE fraction"),
    "fresh points of another d": (lambda: ReplayBuffer(X, 3).start(X[:, :1], 0.5, HALVES), "E-SHAPE fresh"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    refused(*REFUSED[what])


ACCEPTED = {  # what stands at the bound, and is meant to
    "s at t": lambda: PRESERVING.kernel(0.5, 0.5)[0] == 1 and PRESERVING.kernel(0.5, 0.5)[1] == 0,
    "times 0 and 1": lambda: np.all(EXPLODING.sigma(np.array([0.0, 1.0])) == [0.1, 4.0]),
    "the shape 1": lambda: np.all(Gamma([1.0, 3.0], [2.0, 1.0]).fisher_information() == [4.0, 1.0]),
    "a power of 1": lambda: refebm.decaying_steps(0.5, 1.0, 2).tolist() == [0.5, 0.25],
    "one row with itself": lambda: refebm.kernel_stein(lambda x: -x, X[:1], 1.0, unbiased=False).shape == (),
    "two log weights": lambda: abs(refebm.estimated_log_partition([0.0, 0.0]).log_z) == 0,
    "no step in between": lambda: annealed(temperatures=(0.0, 1.0)).shape == (3,),
    "one step of noise": lambda: annealed(np.zeros((1, 3, 2)), temperatures=(0.0, 0.5, 1.0)).shape == (3,),
    "an eta for each step": lambda: corrected(eta=[0.1, 0.2, 0.3]).shape == X.shape,
    "one lag less than steps": lambda: len(refebm.autocovariance(SQUARES, 4)) >= 4,
    "none and all of the buffer": lambda: all(
        ReplayBuffer(X, 3).start(X, f, HALVES).shape == X.shape for f in (0.0, 1.0)
    ),
}


@pytest.mark.parametrize("what", ACCEPTED)
def test_accepted(what):
    assert ACCEPTED[what]()
