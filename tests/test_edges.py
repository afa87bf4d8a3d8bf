"""What stands exactly at a bound, and what is said there: found by mutants that no other test noticed."""

import dataclasses
import inspect

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import elementwise_grad

import refebm
from refebm import InputError
from refebm.calculus import field_and_diagonal, jacobian
from refebm.identities.record import _called
from refebm.models.rbm import states
from refebm.samplers.step import accept
from refebm.special import logsumexp, ndtr, tanh
from refebm.truth.expectations import Expectation, fits

X = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])
EPS = 2.0**-52


def energy(x):
    return 0.5 * anp.sum(x**2, axis=1)


def test_a_variance_of_a_thousand_roundoffs_is_told_and_one_less_is_refused():
    """With sigma = 1 and s = -(1 - c) y the variance given y is c: both are exact."""
    cov = refebm.tweedie_cov(lambda y: -(1 - 1000 * EPS) * y, X, 1.0)
    np.testing.assert_array_equal(cov, 1000 * EPS * np.eye(2) * np.ones((3, 1, 1)))
    with pytest.raises(refebm.DomainError, match="E-ROUNDOFF"):
        refebm.tweedie_cov(lambda y: -(1 - 999.5 * EPS) * y, X, 1.0)


def test_of_the_variances_that_are_lost_the_first_is_named():
    """With s = -y^3/3 and sigma = 1 the variance given y is 1 - y^2."""
    y = np.array([[0.5, -0.25], [2.0, 1.0], [-1.0, 0.5]])
    with pytest.raises(refebm.DomainError, match=r"E-ROUNDOFF: .* of coordinate 1 at row 1 is 0.0e"):
        refebm.tweedie_cov(lambda y: -(y**3) / 3, y, 1.0)


def test_a_chain_starts_anew_below_the_fraction_alone():
    buffer = refebm.ReplayBuffer(X, 3)
    u = np.array([[0.5, 0.1], [0.25, 0.1], [0.75, 0.1]])
    starts = buffer.start(X + 10, 0.5, u)
    np.testing.assert_array_equal(starts, [X[0], X[1] + 10, X[0]])


def test_a_buffer_is_never_changed():
    buffer = refebm.ReplayBuffer(X, 3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        buffer.capacity = 5
    assert buffer != refebm.ReplayBuffer(X, 3) and len({buffer, buffer}) == 1  # as objects, since arrays have no ==


def refusing(code):
    def log_density(x):
        if len(x) != len(X):
            raise InputError(code, "not here")
        return -energy(x)

    return log_density


def test_what_a_callable_itself_refuses_comes_through():
    y = np.stack([X, X, X, X])
    with pytest.raises(InputError, match="E-DOMAIN: not here") as error:
        refebm.noise_contrastive(refusing("E-DOMAIN"), lambda x: -energy(x), X, y)
    assert error.value.code == "E-DOMAIN"
    with pytest.raises(InputError, match=r"nu n = 4 \* 3 rows of y.*not here"):
        refebm.noise_contrastive(refusing("E-CALLABLE"), lambda x: -energy(x), X, y)

    def odd(x):
        raise ValueError("odd")

    with pytest.raises(ValueError, match=r"^odd$"):  # with one noise point for each there is nothing to explain
        refebm.conditional_noise_contrastive(odd, X, X[None])


def test_the_first_node_where_a_function_is_nan_is_named():
    """In the middle of the lattice, in the second of two columns."""

    def hole(x):
        return np.concatenate([x, np.where(np.abs(x) < 0.3, np.nan, x)], axis=1)

    with pytest.raises(refebm.DomainError, match=r"functions\[1\] is nan at x = \[-0.203125\]") as error:
        refebm.expect([energy, hole], refebm.Gaussian(0.0, 1.0))
    assert error.value.code == "E-SETTLED"


def test_a_lattice_fits_up_to_its_last_node():
    """20,000 nodes on the line, 13/128 apart, from 12 deviations below the one mean to 12 above the other."""

    def two(last):
        return refebm.GaussianMixture([0.5, 0.5], [[0.0], [(last - 0.5) * 13 / 128 - 12]], 1.0)

    assert fits(two(19880)) and not fits(two(19881))  # from -119 on
    assert fits(refebm.standard_normal(2)) and not fits(refebm.standard_normal(3))


DENSITIES = (
    refebm.Gaussian([0.0, 1.0], 1.0),
    refebm.GaussianMixture([0.5, 0.5], np.zeros((2, 2)), 1.0),
    refebm.Gamma([1.0, 2.0], [1.0, 1.0]),
    refebm.StudentT([3.0, 4.0], [0.0, 0.0], [1.0, 1.0]),
    refebm.Laplace([0.0, 0.0], [1.0, 1.0]),
)
WRONG_CALLS = {
    "log_prob of another d": (lambda p: p.log_prob(np.ones((3, 3))), "E-SHAPE"),
    "log_prob of one axis": (lambda p: p.log_prob(np.ones(2)), "E-NDIM"),
    "score of another d": (lambda p: p.score(np.ones((3, 1))), "E-SHAPE"),
    "score of NaN": (lambda p: p.score(np.full((1, 2), np.nan)), "E-FINITE"),
    "draws by the class": (lambda p: p.sample(np.random.Generator, 3), "E-RNG"),
    "draws without end": (lambda p: p.sample(np.random.default_rng(0), 10**10), "E-SIZE"),
    "half a draw": (lambda p: p.sample(np.random.default_rng(0), 1.5), "E-COUNT"),
}
OF_SOME = {
    "posterior_mean, sigma 0": (lambda p: p.posterior_mean(X, 0.0), "E-POSITIVE"),
    "posterior_cov, sigma 0": (lambda p: p.posterior_cov(X, 0.0), "E-POSITIVE"),
    "posterior_mean of another d": (lambda p: p.posterior_mean(X[:, :1], 1.0), "E-SHAPE"),
    "posterior_cov of another d": (lambda p: p.posterior_cov(X[:, :1], 1.0), "E-SHAPE"),
}


@pytest.mark.parametrize("p", DENSITIES, ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("what", [*WRONG_CALLS, *OF_SOME])
def test_every_method_of_every_density_refuses(p, what):
    if what in WRONG_CALLS or hasattr(p, "posterior_mean"):
        call, code = (WRONG_CALLS | OF_SOME)[what]
        with pytest.raises(InputError) as error:
            call(p)
        assert error.value.code == code


def test_a_sum_of_no_exponentials_is_minus_infinity():
    with np.errstate(invalid="raise"):
        sums = logsumexp(np.array([[-np.inf, 0.0], [-np.inf, -np.inf]]), 0)
    assert sums.tolist() == [-np.inf, 0.0]


def test_a_sum_of_exponentials_that_are_no_doubles_is_the_largest():
    assert logsumexp(np.array([1000.0, 0.0])) == 1000.0


def test_the_box_of_a_large_shape_holds_its_bulk():
    """Of shape 10^4 within a hundredth of the mean; above it, 1 + e where e is small, not e."""
    p = refebm.Gamma(1e4, 2.0)
    one, mean, square = refebm.expect([lambda x: 1 + 0 * x[:, 0], lambda x: x[:, 0], lambda x: x[:, 0] ** 2], p).value
    assert abs(one - 1) <= 1e-11 and abs(mean / 5e3 - 1) <= 1e-11 and abs(square / (2.5e7 + 2.5e3) - 1) <= 1e-11
    ends = [-0.5 * (0.005 + np.sqrt(0.040025)), np.log(1.005 + 0.2 * np.sqrt(0.5))]
    np.testing.assert_allclose(np.ravel(p.box(10.0)), ends, rtol=1e-14)


def test_the_widest_box_ends_where_squares_are_about_to_overflow():
    """At radius + 2 the tail of a Student is exp(330 + arcsinh(radius + 2)) scales out, and a Gamma's 1/x at e^330."""
    assert refebm.StudentT([9.0, 4.0], [0.0, 0.0], [1.0, 1.0]).widest == np.sqrt(2640.0) - 2
    assert refebm.Gamma([9.0, 4.0], [1.0, 1.0]).widest == np.sqrt(2640.0) - 2
    assert refebm.Gamma(0.5, 1.0).widest == np.sqrt(660.0) - 2
    low, high = refebm.StudentT(4.0, 0.0, 1.0).box(np.sqrt(2640.0))
    np.testing.assert_allclose([-low[0], high[0]], 330 + np.arcsinh(np.sqrt(2640.0)), rtol=1e-14)


def test_a_proposal_is_accepted_below_the_ratio_and_not_at_it():
    x, proposal, zero = np.zeros((3, 1)), np.ones((3, 1)), np.zeros(3)
    at = -np.log(0.5)
    step = accept(x, proposal, zero, np.array([at, np.nextafter(at, 0), np.nextafter(at, 1)]), np.full(3, 0.5))
    assert step.info.accepted.tolist() == [False, True, False] and step.x.tolist() == [[0.0], [1.0], [0.0]]


def test_each_way_to_be_invalid_is_one():
    proposal, there = np.array([[np.nan], [1.0], [1.0], [1.0], [1.0]]), np.array([0.0, np.inf, 0.0, np.nan, 0.0])
    energy_error = np.array([0.0, 0.0, np.nan, 0.0, -1.0])
    step = accept(np.zeros((5, 1)), proposal, there, energy_error, np.full(5, 0.5))
    assert step.info.invalid.tolist() == [True, True, True, True, False]
    assert step.info.acceptance.tolist() == [0.0, 0.0, 0.0, 0.0, 1.0] and step.x[:, 0].tolist() == [0, 0, 0, 0, 1]


def test_progress_is_told_when_asked_for_alone(capsys):
    def conditional(x, t):
        return -x

    sde, z = refebm.VariancePreserving(0.1, 1.0), np.stack([X, X])
    refebm.run(lambda x, z: refebm.langevin_step(lambda x: -x, x, 0.1, z), X, z)
    refebm.annealed_langevin(conditional, X, [2.0, 1.0], 0.1, z[:, None])
    refebm.predictor_corrector(conditional, sde, X, [1.0, 0.5, 0.25], 0.1, z[:, None])
    refebm.probability_flow(conditional, sde, X, 0.0, 1.0, 1e-3, 1e-3)
    refebm.probability_flow_log_prob(conditional, sde, X, 0.0, 1.0, 1e-3, 1e-3)
    assert capsys.readouterr() == ("", "")


def test_trajectories_are_kept_when_asked_for_alone():
    z = np.stack([X, X])
    ends = refebm.annealed_langevin(lambda x, t: -x, X, [2.0, 1.0], 0.1, z[:, None])
    assert ends.shape == X.shape
    assert refebm.run(lambda x, z: refebm.langevin_step(lambda x: -x, x, 0.1, z), X, z).info.trajectory is None


def test_progress_is_asked_for_by_its_name_and_the_rest_by_place_too():
    asked = {name: inspect.signature(getattr(refebm, name)).parameters for name in refebm.__all__ if name.islower()}
    told = {name: given for name, given in asked.items() if "progress" in given}
    assert len(told) >= 7
    for name, given in told.items():
        assert given["progress"].kind is inspect.Parameter.KEYWORD_ONLY, name
        first = next(iter(given.values()))
        assert first.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD, name


def test_as_many_states_as_can_be_met_are_enumerated():
    """2 states of 1 unit with 5 10^8 others are 10^9 products; up to 20 units there are states."""
    assert states(1, 5 * 10**8).tolist() == [[0.0], [1.0]]
    for m, others in ((1, 5 * 10**8 + 1), (21, 1)):
        with pytest.raises(InputError, match=f"E-SIZE: {m} units"):
            states(m, others)
    with pytest.raises(InputError, match=r"20 units have 2\^20 states, with 48 units"):  # 47 would take a minute
        states(20, 48)


def test_units_up_to_the_most_are_enumerated(monkeypatch):
    monkeypatch.setattr("refebm.models.rbm.MOST_UNITS", 3)
    assert len(states(3)) == 8
    with pytest.raises(InputError, match=r"E-SIZE: 4 units have .* up to 3 are enumerated"):
        states(4)


def test_chains_that_meet_at_once_take_no_more_steps_than_are_asked_for():
    def to_zero(x, y, noise):
        return tuple(refebm.langevin_step(lambda x: -x, one, 1.0, 0 * one) for one in (x, y))

    for m in (0, 1, 3):
        chains = refebm.coupled_chains(to_zero, X, 0 * X, m, np.zeros((9, 1)))
        assert chains.meeting.tolist() == [1, 1, 1] and len(chains.x) == max(m, 1) + 1


def test_an_effective_size_ends_at_the_first_pair_that_is_not_positive():
    """In each coordinate, although later pairs are positive again: Geyer's initial monotone sequence, one by one."""
    x = np.random.default_rng(1).standard_normal((40, 3, 2))
    c = refebm.autocovariance(x, 39)
    rho = 1 - (c[0] * 40 / 39 - c) / (c[0] + np.var(np.mean(x, axis=0), axis=0, ddof=1))
    pairs = np.concatenate([[1 + rho[1]], rho[2::2] + rho[3::2]])
    first = [int(np.argmax(column <= 0)) for column in pairs.T]
    assert all(np.any(column[k:] > 0) for column, k in zip(pairs.T, first))
    tau = [-1 + 2 * sum(min(column[: i + 1]) for i in range(k)) for column, k in zip(pairs.T, first)]
    np.testing.assert_allclose(refebm.effective_sample_size(x), 120 / np.maximum(tau, 1 / np.log10(120)), rtol=1e-12)


def test_the_coordinate_that_is_still_in_every_half_is_named():
    x = np.zeros((6, 2, 2))
    x[..., 0], x[3:, :, 1] = np.sin(np.arange(12.0)).reshape(6, 2), 1.0
    with pytest.raises(refebm.DomainError, match="E-CONSTANT: coordinate 1 of x never moves within half a chain"):
        refebm.split_r_hat(x)


def test_draws_are_those_of_the_generator_moved_and_scaled():
    def rng():
        return np.random.default_rng(3)

    z, t = rng().standard_normal((5, 2)), rng().standard_t([3.0, 4.0], (5, 2))
    two = np.array([1.0, -2.0]), np.array([0.5, 3.0])
    drawn = refebm.StudentT([3.0, 4.0], *two).sample(rng(), 5)
    np.testing.assert_array_equal(drawn, two[0] + two[1] * t)
    drawn = refebm.Gaussian(two[0], [[4.0, 2.0], [2.0, 2.0]]).sample(rng(), 5)
    np.testing.assert_allclose(drawn, two[0] + z @ np.array([[2.0, 1.0], [0.0, 1.0]]), rtol=1e-14)
    drawn = refebm.Laplace(*two).sample(rng(), 5)
    np.testing.assert_array_equal(drawn, rng().laplace(*two, (5, 2)))
    drawn = refebm.Gamma([2.0, 3.0], two[1]).sample(rng(), 5)
    np.testing.assert_array_equal(drawn, rng().gamma([2.0, 3.0], 1 / two[1], (5, 2)))


def test_the_smallest_scale_is_the_one_that_is_named():
    none = np.zeros((2, 2))
    given = {
        "shift": np.zeros(2),
        "shift_weights": none,
        "log_scale": np.array([0.5, -800.0]),
        "log_scale_weights": none,
    }
    with pytest.raises(InputError, match=r"E-SCALE: log_scale must leave scales above exp\(-700\), got -800"):
        refebm.Model("autoregressive", given)(X)
    least = refebm.Model("autoregressive", given | {"log_scale": np.array([0.0, -700.0])})
    assert least(np.zeros((1, 2))) == pytest.approx(np.log(2 * np.pi) - 700, rel=1e-15)


@pytest.mark.parametrize("function", [jacobian, field_and_diagonal])
def test_derivatives_of_fields_are_asked_at_rows(function):
    with pytest.raises(InputError, match=r"E-NDIM: x must be \(n, d\)"):
        function(lambda x: -x, X[0])
    with pytest.raises(InputError, match=r"E-CALLABLE: field\(x\) must return \(n, d\)"):
        function(energy, X)


def test_slopes_of_tanh_to_the_third():
    """1 - t^2, -2 t (1 - t^2), and (6 t^2 - 2)(1 - t^2), t = tanh x."""
    x = np.array([-0.5, 0.0, 1.25])
    t, slope = np.tanh(x), tanh
    for right in (1 - t**2, -2 * t * (1 - t**2), (6 * t**2 - 2) * (1 - t**2)):
        slope = elementwise_grad(slope)
        np.testing.assert_allclose(slope(x), right, rtol=1e-14)


def test_many_projections_are_averaged_row_by_row():
    v = np.stack([X + 1, 2 * X, X[::-1]])

    def score(x):
        return -x + anp.sin(x[:, ::-1])

    for function in (
        lambda v: refebm.hutchinson_divergence(score, X, v),
        lambda v: refebm.explicit_sliced(score, lambda x: -x, X, v),
        lambda v: refebm.sliced_score_matching(score, X, v),
        lambda v: refebm.sliced_score_matching_vr(score, X, v),
        lambda v: refebm.finite_difference_sliced(energy, X, 0.1, v),
    ):
        np.testing.assert_allclose(function(v), np.mean([function(one) for one in v], axis=0), rtol=1e-12, atol=1e-12)


DEFAULTS = {  # as the sources have them, and what needs no more than is asked for
    "annealed_langevin": {"every_level": False, "progress": False},
    "conditional_noise_contrastive": {"log_ratio": None},
    "cosine_betas": {"offset": 0.008, "most": 0.999},
    "coupled_chains": {"progress": False},
    "ddpm_step": {"posterior": False},
    "expect": {"degree": None},
    "karras_noise_levels": {"power": 7.0},
    "kernel_stein": {"unbiased": True},
    "level_ratio": {"coverage": 0.5},
    "log_partition": {"tolerance": 1e-9, "with_error": False},
    "minimise": {"n_steps": 1000, "tolerance": 1e-8, "progress": True},
    "minimise_noisy": {"adam": True, "each": None, "progress": True},
    "predictor_corrector": {"trajectory": False, "progress": False},
    "probability_flow": {"rtol": 1e-8, "atol": 1e-8, "progress": False},
    "run": {"trajectory": False, "progress": False},
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_what_is_not_said_is_the_default(name):
    arguments = inspect.signature(getattr(refebm, name)).parameters.values()
    assert {one.name: one.default for one in arguments if one.default is not one.empty} == DEFAULTS[name]


def test_a_level_that_roundoff_just_shows_is_gone_to():
    np.testing.assert_array_equal(refebm.karras_heun_step(lambda x, sigma: X, X, 1.0, 1e-12).x, X)


def test_five_dimensions_are_enough_for_levels_that_overlap():
    assert refebm.level_coverage(refebm.level_ratio(5), 5) == pytest.approx(0.5, rel=1e-13)


NOT_QUITE = {
    "a coverage of nothing": (lambda: refebm.level_ratio(10, 0.0), "E-WEIGHTS"),
    "half a dimension": (lambda: refebm.level_ratio(10.5), "E-COUNT"),
    "the coverage of equal levels": (lambda: refebm.level_ratio(10, ndtr(3.0) - ndtr(-3.0)), "E-COVERAGE"),
    "a ratio at its bound": (lambda: refebm.level_coverage(1e150, 5), "E-RATIO"),
    "levels that are equal": (lambda: refebm.geometric_noise_levels(X[:2, :1], 3, 1.5), "E-LEVELS"),
    "a kernel without a width": (lambda: refebm.kernel_stein(lambda x: -x, X, 0.0), "E-POSITIVE"),
    "pairs of numbers": (lambda: refebm.kernel_stein(lambda x: -x, X[0], 1.0), "E-NDIM"),
    "perhaps unbiased": (lambda: refebm.kernel_stein(lambda x: -x, X, 1.0, 1), "E-FLAG"),
    "steps in a table": (lambda: refebm.marginal_of_steps([0.1, 0.2], np.zeros((2, 2), int)), "E-INDEX"),
    "a sampler that is none": (lambda: refebm.entropy_gradient(lambda z: -z, 5.0, np.ones(2), X), "E-CALLABLE"),
    "one row of data": (lambda: refebm.score_of_flow(lambda x, t: -x, X, [0.5, 0.0, 0.5]), "E-TIME"),
    "a box without width": (lambda: refebm.expect([energy], Boxed([0.0, -1.0], [0.0, 1.0])), "E-BOX"),
}


class Boxed:
    def __init__(self, low, high):
        self.box = low, high

    def log_prob(self, x):
        return -energy(x)


@pytest.mark.parametrize("name", NOT_QUITE)
def test_what_is_wrong_in_one_place_is_refused(name):
    call, code = NOT_QUITE[name]
    with pytest.raises(InputError) as error:
        call()
    assert error.value.code == code


def test_of_several_outputs_the_one_that_settles_least_counts():
    both = refebm.expect([lambda x: np.stack([x[:, 0] ** 2, np.abs(x[:, 0] - 0.3)], axis=1)], refebm.standard_normal(1))
    assert not both.settled and both.value[0, 0] == pytest.approx(1.0, rel=1e-12)


def test_helpers_that_call_each_other_are_read_once():
    """What a theorem is about, where its helpers are handed `impl` in a circle."""
    namespace = {}
    text = """
def first(impl, n):
    return second(impl, n - 1) if n else impl.langevin_step

def second(impl, n):
    return first(impl, n) if n else impl.metropolis_step

def sides(impl):
    return first(impl, 3)
"""
    exec(text, namespace)
    assert sorted(_called(namespace["sides"], set())) == ["langevin_step", "metropolis_step"]


@pytest.mark.parametrize("kind", [refebm.VariancePreserving, refebm.SubVariancePreserving, refebm.VarianceExploding])
def test_no_time_is_no_noise(kind):
    for t in (0.0, 0.5, np.array([0.25, 1.0])):
        scale, std = kind(0.5, 20.0).kernel(t, t)
        np.testing.assert_array_equal([scale, std], [1.0 + 0 * t, 0 * t])


def test_a_unit_is_one_below_its_probability_and_not_at_it():
    """Without weights every probability is exactly 1/2."""
    none = np.zeros(2), np.zeros(3), np.zeros((2, 3))
    v, h = np.zeros((3, 2)), np.zeros((3, 3))
    below, at, above = np.nextafter(0.5, 0), 0.5, np.nextafter(0.5, 1)
    for rbm in (refebm.BinaryRBM(*none), refebm.GaussianBernoulliRBM(*none, 1.0)):
        drawn = rbm.hidden_given(v, np.array([[below] * 3, [at] * 3, [above] * 3]))
        np.testing.assert_array_equal(drawn, [[1.0] * 3, [0.0] * 3, [0.0] * 3])
    drawn = refebm.BinaryRBM(*none).visible_given(h, np.array([[below] * 2, [at] * 2, [above] * 2]))
    np.testing.assert_array_equal(drawn, [[1.0] * 2, [0.0] * 2, [0.0] * 2])


def test_an_energy_of_positive_points_is_infinite_at_0_without_a_warning():
    gamma = refebm.Model("gamma", {"shape": np.array([2.0, 1.0]), "rate": np.array([1.0, 1.0])})
    with np.errstate(all="raise"):
        assert gamma(np.array([[0.0, 1.0], [1.0, -1.0], [1.0, 2.0]])).tolist() == [np.inf, np.inf, 3.0]


def test_an_expectation_is_settled_up_to_a_change_of_a_billionth():
    terms = [np.ones(1)]
    assert Expectation(terms, 1e-9).settled and not Expectation(terms, np.nextafter(1e-9, 1)).settled


@pytest.mark.parametrize("what", [5.0, float, None])
def test_what_is_no_function_of_rows_has_no_expectation(what):
    with pytest.raises(InputError, match=r"E-CALLABLE: functions\[1\] must be callable"):
        refebm.expect([energy, what], refebm.standard_normal(1))
