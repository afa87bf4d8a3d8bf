"""Samplers as a user meets them: chains that blow up, memory, bad input, and what is never changed."""

import tracemalloc

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad

import refebm
from refebm import BinaryRBM, GaussianBernoulliRBM, Model, ReplayBuffer
from refebm.models.rbm import states
from refebm.samplers.step import Info, Step
from tests.refused import refused

X = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])
Z = np.array([[1.0, 0.5], [-0.5, 0.25], [0.0, -2.0]])
U = np.array([0.5, 0.25, 0.75])
RBM = BinaryRBM(np.array([0.5, -0.25]), np.array([0.0, 1.0, -1.0]), np.array([[0.5, -1.0, 0.25], [1.0, 0.0, 2.0]]))
BITS = np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
UNITS = np.full((3, 3), 0.5)


def energy(x):
    return anp.sum(0.5 * x**2, axis=1)


def steep(x):
    return anp.sum(x**4, axis=1)


def score(x):
    return -x


def conditional(x, sigma):
    return -x / (1 + sigma[:, None] ** 2)


KERNELS = {
    "metropolis": lambda energy, x, z=Z, u=U: refebm.metropolis_step(energy, x, 0.5, z, u),
    "mala": lambda energy, x, z=Z, u=U: refebm.mala_step(energy, x, 0.5, z, u),
    "hmc": lambda energy, x, z=Z, u=U: refebm.hmc_step(energy, x, 0.5, 4, z, u),
}


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_a_row_that_blows_up_is_counted_and_does_not_stop_the_others(kernel):
    far = np.array([[1e110, 0.0], [0.5, 0.25], [-0.75, 0.5]])  # the energy of the first is inf
    step, alone = kernel(steep, far), kernel(steep, far[1:], Z[1:], U[1:])
    np.testing.assert_array_equal(step.info.invalid, [True, False, False])
    np.testing.assert_array_equal(step.x[0], far[0])
    assert step.info.acceptance[0] == 0 and not step.info.accepted[0]
    np.testing.assert_array_equal(step.x[1:], alone.x)


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_a_proposal_outside_the_domain_is_a_rejection_that_is_counted(kernel):
    logs = Model("gamma", {"shape": np.array([2.0, 2.0]), "rate": np.array([1.0, 1.0])})
    x = np.array([[2.0, 2.0], [2.0, 2.0], [3.0, 1.0]])
    step = kernel(logs, x, np.array([[-9.0, -9.0], [0.1, 0.1], [0.1, 0.1]]))
    np.testing.assert_array_equal(step.info.invalid, [True, False, False])
    np.testing.assert_array_equal(step.x[0], x[0])


def test_an_infinite_energy_is_left_and_a_hole_is_not_entered():
    """From E = inf any finite proposal is accepted; E = -inf is no energy."""

    def walls(x):
        return anp.where(x[:, 0] > 1, np.inf, anp.where(x[:, 0] < -1, -np.inf, 0.0))

    step = refebm.metropolis_step(walls, [[2.0], [0.0]], 1.0, [[-1.5], [-1.5]], [0.5, 0.5])
    np.testing.assert_array_equal(step.x, [[0.5], [0.0]])
    np.testing.assert_array_equal(step.info.invalid, [False, True])


def test_a_chain_counts_what_it_rejects():
    tape = refebm.metropolis_tape(np.random.default_rng(0), 50, 3, 2)
    logs = Model("gamma", {"shape": np.array([2.0, 2.0]), "rate": np.array([1.0, 1.0])})
    chain = refebm.run(lambda x, z, u: refebm.metropolis_step(logs, x, 2.0, z, u), np.ones((3, 2)), tape)
    assert np.all(chain.info.invalid > 0) and np.all(chain.info.invalid + chain.info.accepted <= 50)
    assert chain.info.trajectory is None


def test_a_long_chain_keeps_no_more_than_a_short_one():
    def peak(n_steps):
        tape = refebm.langevin_tape(np.random.default_rng(0), n_steps, 5000, 2)
        tracemalloc.start()
        refebm.run(lambda x, z: refebm.langevin_step(score, x, 0.1, z), np.zeros((5000, 2)), tape)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(10)
    assert peak(300) <= 1.2 * peak(10)


def test_inputs_are_never_modified():
    x, z, u = X.copy(), Z.copy(), U.copy()
    for kernel in KERNELS.values():
        kernel(energy, x, z, u)
    refebm.annealed_langevin(conditional, x, [2.0, 1.0], 0.1, np.stack([[z], [z]]))
    buffer = ReplayBuffer(x, 3)
    buffer.push(z).start(x, 0.5, np.full((3, 2), 0.25))
    for given, was in ((x, X), (z, Z), (u, U), (buffer.points, X)):
        np.testing.assert_array_equal(given, was)


def test_partition_functions_can_be_differentiated():
    def of_precision(c):
        return lambda x: 0.5 * c * anp.sum((x - 3.0) ** 2, axis=1)

    slope = grad(lambda c: refebm.log_partition(of_precision(c), 2))(0.7)
    np.testing.assert_allclose(slope, -1 / 0.7, rtol=1e-12)
    W = RBM.W
    weights = np.exp(-RBM.free_energy(states(2)) - RBM.log_partition())
    by_hand = np.einsum("n,ni,nj->ij", weights, states(2), RBM.hidden_mean(states(2)))
    np.testing.assert_allclose(grad(lambda W: BinaryRBM(RBM.b, RBM.c, W).log_partition())(W), by_hand, rtol=1e-12)


def quartic(x, *_):
    return -4 * x**3


VP, RATES = refebm.VariancePreserving(0.5, 3.0), np.full(12, 0.1)
ACCEPTING_ALL = {  # each of two arguments x and z, in time steps i; a score that throws out what is far
    "langevin": lambda x, z, i: refebm.langevin_step(quartic, x, 0.05, z),
    "forward": lambda x, z, i: refebm.euler_maruyama_step(Steep(), x, 0.5, 0.05, z),
    "reverse": lambda x, z, i: refebm.reverse_sde_step(quartic, VP, x, 0.9 - 0.05 * i, 0.05, z),
    "diffusion": lambda x, z, i: refebm.ddpm_step(lambda x, i: quartic(x), RATES, x, 11 - i, z),
}


class Steep:
    drift, diffusion = staticmethod(quartic), staticmethod(lambda t: 1 + t)


@pytest.mark.parametrize("name", ACCEPTING_ALL)
@pytest.mark.parametrize("lost", [[2], [0, 2, 4], [0, 1, 2, 3, 4]])
def test_a_lost_row_stays_lost_and_takes_no_other_with_it(name, lost):
    """In a loop by hand and in `run`; the others are bitwise what they are where nothing is lost."""
    kernel, near = ACCEPTING_ALL[name], np.linspace(-0.5, 0.5, 10).reshape(5, 2)
    z = 0.1 * np.cos(np.arange(120.0)).reshape(12, 5, 2)
    gone = np.isin(np.arange(5), lost)
    far = np.where(gone[:, None], [30.0, 0.25], near)
    alone, by_hand, invalid = near, far, 0
    for i in range(12):
        alone, (by_hand, info) = kernel(alone, z[i], i).x, kernel(by_hand, z[i], i)
        invalid = invalid + info.invalid
        assert np.all(info.accepted == ~info.invalid) and np.all(info.acceptance == 1.0 * info.accepted)
        assert not np.any(info.energy_error)
    chain = refebm.run(lambda x, z, i: kernel(x, z, int(i)), far, (z, np.arange(12)), True)
    for end in (by_hand, chain.x, chain.info.trajectory[-1]):
        np.testing.assert_array_equal(end[~gone], alone[~gone])
        assert np.all(np.isnan(end[gone]))
    np.testing.assert_array_equal(chain.info.invalid, invalid)
    np.testing.assert_array_equal(chain.info.accepted, 12 - invalid)
    np.testing.assert_array_equal(chain.info.acceptance, (12 - invalid) / 12)
    assert np.all(invalid[gone] > 3) and not np.any(invalid[~gone])


def test_a_kernel_asks_nothing_where_a_row_is_lost():
    """Also in those that accept or reject: a callable sees points of its domain, those of rows that are not lost."""
    seen = []

    def logs(x):
        assert np.all(np.asarray(refebm.calculus.held(x)) > 0)
        seen.append(len(x))
        return anp.sum(x - anp.log(x), axis=1)

    x = np.array([[np.nan, np.nan], [2.0, 3.0], [1.0, 2.0]])
    for kernel in KERNELS.values():
        step, alone = kernel(logs, x, 0.01 * Z), kernel(logs, x[1:], 0.01 * Z[1:], U[1:])
        np.testing.assert_array_equal(step.x, [x[0], *alone.x])
        np.testing.assert_array_equal(step.info.invalid, [True, False, False])
        assert step.info.acceptance[0] == 0 and not step.info.accepted[0]
    assert set(seen) == {2, 3}


@pytest.mark.parametrize("lost", [[1], [0, 1, 2]])
def test_annealed_chains_and_corrections_go_on_without_what_is_lost(lost):
    gone = np.isin(np.arange(3), lost)
    far = np.where(gone[:, None], 30.0, 0.2 * X)
    z = 0.1 * np.cos(np.arange(72.0)).reshape(3, 4, 3, 2)
    for chain in (
        lambda x: refebm.annealed_langevin(quartic, x, [3.0, 2.0, 1.0], 0.01, z, True),
        lambda x: refebm.predictor_corrector(quartic, VP, x, [0.9, 0.8, 0.7, 0.6], 0.05, z, True),
    ):
        states, alone = chain(far), chain(0.2 * X)
        np.testing.assert_array_equal(states[:, ~gone], alone[:, ~gone])
        assert np.all(np.isnan(states[-1][gone])) and np.all(np.isfinite(alone))


NORMAL = refebm.standard_normal(2)  # which refuses to be asked at a point that is none
ASKED_FAR_OUT = {
    "leapfrog": lambda x: refebm.leapfrog(lambda x: NORMAL.score(x) - x**3, x, 0 * x, 1.0, 30)[0],
    "Heun": lambda x: refebm.karras_heun_step(lambda x, s: np.exp(x**2) * NORMAL.score(x), x, 1.0, 0.5).x,
    "annealed importance": lambda x: refebm.annealed_importance_sampling(
        lambda x: anp.sum(x**4, axis=1),
        NORMAL,
        np.linspace(0, 1, 12),
        lambda energy, x, z: refebm.langevin_step(refebm.score_of(energy), x, 0.2, z),
        (x, np.zeros((10, *x.shape))),
    )[:, None],
}


@pytest.mark.parametrize("name", ASKED_FAR_OUT)
@pytest.mark.parametrize("lost", [[1], [0, 1, 2]])
def test_no_callable_is_asked_where_a_row_has_run_away(name, lost):
    gone = np.isin(np.arange(3), lost)
    with np.errstate(all="ignore"):
        ends = ASKED_FAR_OUT[name](np.where(gone[:, None], 40.0, 0.02 * X))
    np.testing.assert_array_equal(ends[~gone], ASKED_FAR_OUT[name](0.02 * X)[~gone])
    assert np.all(np.isnan(ends[gone]))


def test_coupled_proposals_without_a_number_are_rejected():
    z = np.where([[False], [True], [False]], 1e308, Z)
    with np.errstate(over="ignore"):
        first, second = refebm.coupled_metropolis_step(lambda x: -NORMAL.log_prob(x), X, X + 1, 10.0, z, U, U)
    np.testing.assert_array_equal(first.info.invalid, [False, True, False])
    np.testing.assert_array_equal(first.x[1], X[1])
    assert second.info.invalid[1] and np.all(np.isfinite(second.x))


def test_gibbs_goes_on_without_a_row_that_overflows():
    wide = GaussianBernoulliRBM(np.zeros(1), np.zeros(2), np.full((1, 2), 1e308), 1.0)
    v, u = np.array([[1.0], [0.0]]), np.array([[0.25, 0.25], [0.75, 0.75]])
    step = refebm.gibbs_step(wide, v, u, np.ones((2, 1)))
    np.testing.assert_array_equal(step.info.invalid, [True, False])
    step = refebm.gibbs_step(wide, step.x, u, np.ones((2, 1)))
    np.testing.assert_array_equal(step.info.invalid, [True, True])


def test_a_step_by_hand_that_is_lost_is_counted():
    """Also where its own report says that all is well."""
    well = refebm.langevin_step(score, X, 0.1, Z).info
    walked = refebm.run(lambda x, u: Step(np.where(u > 0.5, np.inf, x), well), X, np.array([0.25, 0.75, 0.25]))
    assert np.all(np.isnan(walked.x))
    np.testing.assert_array_equal(walked.info.invalid, [2, 2, 2])


CHAINS = np.sin(np.arange(90.0) ** 1.5).reshape(15, 3, 2)


@pytest.mark.parametrize("power", [-1070, -700, -560, -520, 520, 700, 1023])
def test_diagnostics_have_no_unit(power):
    """A power of two does not round, but in the smallest numbers, which have few digits."""
    power = np.array([power, 0])
    x, near = (np.ldexp(np.round(2.0**20 * CHAINS), one - 20) for one in (power, 0))
    for diagnostic in (refebm.split_r_hat, refebm.effective_sample_size, lambda x: refebm.autocorrelation(x, 4)):
        exact = x if power[0] > -1000 else np.ldexp(np.round(2.0**4 * CHAINS), power - 4)
        wanted = near if power[0] > -1000 else np.ldexp(np.round(2.0**4 * CHAINS), -4)
        np.testing.assert_array_equal(diagnostic(exact), diagnostic(wanted))


@pytest.mark.parametrize(("power", "lands"), [(-500, 1), (500, 1), (-560, 0), (520, np.inf)])
def test_autocovariance_is_in_the_square_of_the_unit(power, lands):
    c = refebm.autocovariance(CHAINS, 2)
    with np.errstate(over="ignore"):
        wanted = np.ldexp(c, 2 * power) if lands == 1 else np.sign(c) * lands
    np.testing.assert_array_equal(refebm.autocovariance(np.ldexp(CHAINS, power), 2), wanted)


def gaussian_rbm(**changed):
    given = {"b": np.zeros(2), "c": np.zeros(3), "W": np.ones((2, 3)), "sigma": 1.0} | changed
    return GaussianBernoulliRBM(**given)


BAD = {
    "eta zero": (lambda: refebm.langevin_step(score, X, 0.0, Z), "E-POSITIVE eta"),
    "eta negative": (lambda: refebm.mala_step(energy, X, -0.1, Z, U), "E-POSITIVE eta"),
    "eta per row": (lambda: refebm.mala_step(energy, X, np.ones(3), Z, U), "E-SHAPE eta"),
    "scale zero": (lambda: refebm.metropolis_step(energy, X, 0, Z, U), "E-POSITIVE scale"),
    "eps zero": (lambda: refebm.hmc_step(energy, X, 0.0, 3, Z, U), "E-POSITIVE eps"),
    "u zero": (lambda: refebm.metropolis_step(energy, X, 0.5, Z, [0.5, 0.0, 0.5]), r"E-UNIFORM u .*0.0 at .*\(1,\)"),
    "u one": (lambda: refebm.mala_step(energy, X, 0.5, Z, [0.5, 0.5, 1.0]), "E-UNIFORM u .*1.0"),
    "u a column": (lambda: refebm.mala_step(energy, X, 0.5, Z, U[:, None]), r"E-SHAPE u .*\(3,\).*\(3, 1\)"),
    "z of another shape": (lambda: refebm.langevin_step(score, X, 0.1, Z[:2]), "E-SHAPE z"),
    "momentum of another shape": (lambda: refebm.leapfrog(score, X, Z[:, :1], 0.1, 2), "E-SHAPE p "),
    "no leapfrog steps": (lambda: refebm.hmc_step(energy, X, 0.1, 0, Z, U), "E-COUNT n_steps .*0"),
    "half a leapfrog step": (lambda: refebm.leapfrog(score, X, Z, 0.1, 1.5), "E-COUNT n_steps .*float"),
    "a score for an energy": (lambda: refebm.mala_step(score, X, 0.1, Z, U), r"E-CALLABLE energy.*\(3, 2\)"),
    "tape of no steps": (lambda: refebm.run(lambda x, z: x, X, np.zeros((0, 3, 2))), "E-TAPE at least 1"),
    "tapes of two lengths": (lambda: refebm.run(lambda x, u: None, X, (U, U[:2])), r"E-TAPE \[2, 3\]"),
    "levels that grow": (lambda: refebm.annealed_langevin(conditional, X, [1.0, 2.0], 0.1, Z), "E-LEVELS sigmas"),
    "level zero": (lambda: refebm.annealed_langevin(conditional, X, [1.0, 0.0], 0.1, Z), "E-POSITIVE sigmas"),
    "tape of one level": (
        lambda: refebm.annealed_langevin(conditional, X, [2.0, 1.0], 0.1, Z[None, None]),
        "E-TAPE L = 2",
    ),
    "tape without levels": (
        lambda: refebm.annealed_langevin(conditional, X, [2.0, 1.0], 0.1, np.stack([Z, Z])),
        r"E-TAPE \(L, T, n, d\)",
    ),
    "steps with a finite sum": (lambda: refebm.decaying_steps(0.1, 1.5, 10), "E-STEPS power .*1.5"),
    "steps that do not decay": (lambda: refebm.decaying_steps(0.1, 0.0, 10), "E-POSITIVE power"),
    "no steps": (lambda: refebm.decaying_steps(0.1, 0.5, 0), "E-COUNT n_steps"),
    "no chains": (lambda: refebm.langevin_tape(np.random.default_rng(0), 5, 0, 2), "E-COUNT n must"),
    "hidden units of another m": (lambda: refebm.gibbs_step(RBM, BITS, UNITS[:, :2], UNITS[:, :2]), "E-SHAPE u_h"),
    "not bits": (lambda: refebm.gibbs_step(RBM, X, UNITS, UNITS[:, :2]), "E-BINARY v "),
    "u_v one": (lambda: refebm.gibbs_step(RBM, BITS, UNITS, np.ones((3, 2))), "E-UNIFORM u_v"),
    "visible units of another d": (lambda: RBM.free_energy(np.zeros((3, 4))), "E-SHAPE v .*2"),
    "h of another m": (lambda: RBM.visible_mean(BITS), r"E-SHAPE h .*\(n, 3\).*\(3, 2\)"),
    "W transposed": (lambda: BinaryRBM(RBM.b, RBM.c, RBM.W.T), r"E-SHAPE W .*\(2, 3\).*\(3, 2\)"),
    "sigma zero": (lambda: gaussian_rbm(sigma=0.0), "E-POSITIVE sigma"),
    "too many units": (
        lambda: BinaryRBM(np.zeros(30), np.zeros(25), np.zeros((30, 25))).log_partition(),
        r"E-SIZE 25 units have 2\^25 states.*annealed_importance_sampling",
    ),
    "too many products": (
        lambda: BinaryRBM(np.zeros(20), np.zeros(200), np.zeros((20, 200))).log_partition(),
        r"E-SIZE 2\^20 states, with 200 units.*annealed_importance_sampling",
    ),
    "empty buffer": (lambda: ReplayBuffer(np.zeros((0, 2)), 5), "E-EMPTY points"),
    "capacity zero": (lambda: ReplayBuffer(X, 0), "E-COUNT capacity"),
    "fraction above one": (lambda: ReplayBuffer(X, 3).start(X, 1.5, UNITS[:, :2]), "E-FRACTION 1.5"),
    "fraction negative": (lambda: ReplayBuffer(X, 3).start(X, -0.5, UNITS[:, :2]), "E-FRACTION -0.5"),
    "u for one choice": (lambda: ReplayBuffer(X, 3).start(X, 0.5, U), r"E-SHAPE u .*\(3, 2\)"),
    "points of another d": (lambda: ReplayBuffer(X, 3).push(np.zeros((1, 3))), r"E-SHAPE x .*\(n, 2\)"),
    "partition function in 3-D": (lambda: refebm.log_partition(energy, 3), "E-SIZE annealed"),
    "no integral": (lambda: refebm.log_partition(lambda x: 0.0 * x[:, 0], 1), "E-DIVERGES no integral"),
    "an energy that is NaN": (
        lambda: refebm.log_partition(lambda x: anp.where(x[:, 0] < 3, x[:, 0] ** 2, np.nan), 1),
        r"E-SETTLED nan at x = \[3",
    ),
    "temperatures from one": (
        lambda: refebm.annealed_importance_sampling(energy, refebm.standard_normal(2), [1.0, 0.0], None, (X,)),
        "E-TEMPERATURES temperatures",
    ),
    "too little noise": (
        lambda: refebm.annealed_importance_sampling(energy, refebm.standard_normal(2), [0.0, 0.5, 1.0], len, (X, [])),
        "E-TAPE 1 steps",
    ),
    "one weight": (lambda: refebm.estimated_log_partition([0.0]), "E-EMPTY log_weights"),
    "negatives of another n": (lambda: refebm.contrastive_divergence(energy, X, X[:2]), "E-SHAPE x_model"),
    "log_z per row": (lambda: refebm.negative_log_likelihood(energy, U, X), "E-SHAPE log_z"),
    "one chain as (T, d)": (lambda: refebm.split_r_hat(X), r"E-NDIM \(T, n, d\)"),
    "three states": (lambda: refebm.effective_sample_size(X[:, None]), "E-EMPTY four"),
    "more lags than states": (lambda: refebm.autocorrelation(np.concatenate([X, Z])[:, None], 6), "E-COUNT n_lags"),
    "a chain that never moves": (lambda: refebm.effective_sample_size(np.ones((9, 2, 1))), "E-CONSTANT coordinate 0"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input(what):
    refused(*BAD[what])


def test_a_step_prints_on_one_line():
    step = refebm.Step(np.zeros((4, 2)), Info(np.full(4, 0.75), np.arange(4) > 0, np.zeros(4), np.zeros(4, bool)))
    assert str(step) == ("Step(x: (4, 2), info on average: acceptance 0.75, accepted 0.75, energy_error 0, invalid 0)")
    chain = refebm.run(lambda x, z: refebm.langevin_step(lambda x: -x, x, 0.5, z), np.ones((4, 2)), np.ones((3, 4, 2)))
    assert str(chain) == "Step(x: (4, 2), info on average: acceptance 1, accepted 3, invalid 0)"
