"""SDEs and what runs along them as a user meets them: bad input, solvers that give up, memory, progress."""

import tracemalloc

import numpy as np
import pytest

import refebm
from refebm import DomainError, Gaussian, VarianceExploding, VariancePreserving
from tests.refused import refused

X = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])
Z = np.array([[1.0, 0.5], [-0.5, 0.25], [0.0, -2.0]])
T = np.array([0.25, 0.5, 1.0])
SDE = VariancePreserving(0.1, 6.0)
KINDS = {
    "exploding": VarianceExploding(0.1, 4.0),
    "preserving": SDE,
    "sub": refebm.SubVariancePreserving(0.1, 6.0),
    "given": refebm.GivenDiffusion(np.exp, lambda t: 0.5 * np.expm1(2 * t)),
}
BETAS = SDE.betas(10)
TIMES = [1.0, 0.5, 0.0]
TAPE = np.stack([[Z], [Z]])


def score(x, t):
    return -x


def one(t):
    return np.ones_like(t)


def matching(t=T, sde=SDE, weight=one, x=X, z=Z, score=score):
    return refebm.diffusion_score_matching(score, sde, weight, x, t, z)


def corrected(times=TIMES, eta=0.1, z=TAPE, x=X, **named):
    return refebm.predictor_corrector(score, SDE, x, times, eta, z, **named)


BAD = {
    "time above one": (lambda: SDE.drift(X, 1.5), "E-TIME t must be from 0 to 1, got 1.5"),
    "a time below zero": (lambda: SDE.marginal([0.5, -0.25]), r"E-TIME t .*-0.25 at index \(1,\)"),
    "times in a column": (lambda: SDE.diffusion(T[:, None]), r"E-SHAPE t .*\(3, 1\)"),
    "two times for three rows": (lambda: SDE.drift(X, T[:2]), r"E-SHAPE t .*\(3,\).*\(2,\)"),
    "s after t": (lambda: SDE.kernel(0.5, 0.25), "E-TIME s must not be after t"),
    "levels the wrong way": (lambda: VarianceExploding(4.0, 0.1), "E-LEVELS sigma_min must be below sigma_max"),
    "rate of zero": (lambda: VariancePreserving(0.0, 6.0), "E-POSITIVE beta_min"),
    "no steps": (lambda: SDE.betas(0), "E-COUNT n_steps"),
    "a beta that has no digits left at the end": (
        lambda: VariancePreserving(1.0, 1e-12),
        "E-BETAS above 1e-12 beta_min",
    ),
    "a law for each of three times": (lambda: SDE.diffused(Gaussian(np.zeros(3), 1.0), T), "E-SHAPE t must be a float"),
    "a variance that falls in one row": (
        lambda: refebm.GivenDiffusion(np.cos, lambda t: t * (1 - t)).kernel([0.0, 0.75], [0.5, 1.0]),
        r"E-CALLABLE variance\(t\) must not fall",
    ),
    "no dimensions": (lambda: SDE.prior(0), "E-COUNT d must"),
    "a density that is no mixture": (lambda: SDE.diffused(refebm.Laplace(0.0, 1.0), 0.5), "E-DENSITY Laplace"),
    "std of zero": (lambda: matching(t=[0.5, 0.0, 0.5]), "E-TIME std.t. .*draw t from .t_0, 1. with t_0 > 0"),
    "no sde": (lambda: matching(sde=X), "E-SDE|E-CALLABLE sde"),
    "x instead of the sde": (
        lambda: refebm.reverse_sde_step(score, 1.0, X, 0.5, 0.1, Z),
        r"E-SDE sde must have the methods \['drift', 'diffusion'\]",
    ),
    "z of another shape": (lambda: matching(z=Z[:2]), "E-SHAPE z"),
    "x as one row": (lambda: matching(x=X[0]), r"E-NDIM x\[:, None\]"),
    "a score of one column": (lambda: matching(score=lambda x, t: x[:, :1]), "E-CALLABLE score"),
    "no score": (lambda: matching(score=X), "E-CALLABLE score"),
    "beta of one": (lambda: refebm.ddpm_loss(score, [0.1, 1.0], X, 0, Z), r"E-BETAS betas .*1.0 at index \(1,\)"),
    "beta of zero": (lambda: refebm.ddpm_step(score, [0.0, 0.1], X, 0, Z), "E-BETAS betas"),
    "index beyond": (lambda: refebm.ddpm_step(score, BETAS, X, 10, Z), "E-INDEX i must be from 0 to 9"),
    "index from the end": (lambda: refebm.ddpm_loss(score, BETAS, X, -1, Z), "E-INDEX i must be from 0 to 9"),
    "index that is a float": (lambda: refebm.ddpm_loss(score, BETAS, X, 1.0, Z), "E-INDEX float"),
    "two indices for three rows": (lambda: refebm.ddpm_loss(score, BETAS, X, [0, 1], Z), r"E-INDEX \(2,\)"),
    "dt of zero": (lambda: refebm.reverse_sde_step(score, SDE, X, 0.5, 0.0, Z), "E-POSITIVE dt"),
    "dt negative": (lambda: refebm.euler_maruyama_step(SDE, X, 0.5, -0.1, Z), "E-POSITIVE dt"),
    "times forward": (lambda: corrected(times=[0.0, 0.5, 1.0]), "E-TIME times .*from late to early"),
    "one time": (lambda: corrected(times=[1.0]), "E-TIME times"),
    "times beyond": (lambda: corrected(times=[2.0, 0.5, 0.0]), "E-TIME times .*2.0"),
    "a tape too short": (lambda: corrected(z=TAPE[:1]), "E-TAPE K = 2"),
    "a tape without steps": (lambda: corrected(z=TAPE[0]), r"E-TAPE \(K, 1 \+ M, n, d\)"),
    "eta of zero": (lambda: corrected(eta=0.0), "E-POSITIVE eta"),
    "three etas for two times": (lambda: corrected(eta=[0.1, 0.1, 0.1]), r"E-TAPE \(3,\)"),
    "flow from outside": (lambda: refebm.probability_flow(score, SDE, X, 1.5, 0.0), "E-TIME t0 .*1.5"),
    "a time for each row": (lambda: refebm.probability_flow(score, SDE, X, T, 0.0), "E-SHAPE t0 must be a float"),
    "tolerance of zero": (lambda: refebm.probability_flow(score, SDE, X, 1.0, 0.0, rtol=0.0), "E-POSITIVE rtol"),
    "tolerance below roundoff": (
        lambda: refebm.probability_flow(score, SDE, X, 1.0, 0.0, rtol=2e-14),
        "E-ROUNDOFF rtol",
    ),
    "projections of another shape": (
        lambda: refebm.probability_flow_log_prob(score, SDE, X, v=Z[:2]),
        "E-SHAPE v must be",
    ),
    "an end that is no density": (
        lambda: refebm.probability_flow_log_prob(score, SDE, X, log_end=lambda x: x),
        "E-CALLABLE log_end",
    ),
    "a denoiser of one column": (
        lambda: refebm.score_of_denoiser(lambda x, t: x[:, :1], SDE, X, 0.5),
        "E-CALLABLE denoiser",
    ),
    "noise at t = 0": (lambda: refebm.score_of_noise(score, SDE, X, 0.0), "E-TIME std"),
    "corrections that are negative": (
        lambda: refebm.predictor_corrector_tape(np.random.default_rng(0), 3, -2, 2, 2),
        "E-COUNT n_corrections",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_a_clear_error(what):
    refused(*BAD[what])


def test_a_solver_that_gives_up_says_so_with_its_own_words():
    with pytest.raises(DomainError, match=r"from 0\.0 to 1\.0: Required step size is less") as error:
        refebm.probability_flow(lambda x, t: -10 * x**3, SDE, 3 + X, 0.0, 1.0)
    assert error.value.code == "E-SOLVER"


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_a_row_that_leaves_the_floats_on_the_way_is_told():
    """The velocity is half of a number that is still finite, the sums of a step are not; the other row stays at 1."""
    sde = refebm.GivenDiffusion(np.ones_like, lambda t: t)
    with pytest.raises(DomainError, match=r"from 0.0 to 1.0: not finite at t = 0.0000") as error:
        refebm.probability_flow(lambda x, t: np.array([[-1.7e308], [0.0]]), sde, np.ones((2, 1)), 0.0, 1.0)
    assert error.value.code == "E-SOLVER"


@pytest.mark.parametrize("last, told", [(0.5, "0."), (2.0, "1.0000")])
def test_a_score_that_is_no_number_on_the_way_is_told(last, told):
    with pytest.raises(DomainError, match=f"from 1.0 to 0.0: not finite at t = {told}") as error:
        refebm.probability_flow(lambda x, t: np.where((t < last)[:, None] & (x == x[0]), np.nan, -x), SDE, X, 1.0, 0.0)
    assert error.value.code == "E-SOLVER"


@pytest.mark.parametrize("sde", KINDS.values(), ids=KINDS)
def test_a_time_for_all_is_that_time_for_each(sde):
    for ask in (
        lambda t: sde.drift(X, t),
        lambda t: refebm.euler_maruyama_step(sde, X, t, 0.1, Z).x,
        lambda t: refebm.reverse_sde_step(score, sde, X, t, 0.1, Z).x,
        lambda t: refebm.probability_flow_velocity(score, sde, X, t),
        lambda t: matching(t, sde),
        lambda t: refebm.denoised_point(score, sde, X, t),
    ):
        np.testing.assert_array_equal(ask(0.5), ask(np.full(3, 0.5)))
    assert np.shape(sde.diffusion(0.5)) == () and np.shape(sde.marginal(T)) == (2, 3)


@pytest.mark.parametrize("sde", KINDS.values(), ids=KINDS)
def test_at_the_start_there_is_no_noise(sde):
    assert sde.marginal(0.0) == (1.0, 0.0)
    assert sde.kernel(0.5, 0.5) == (1.0, 0.0)


def test_noise_of_any_size():
    """Roots of products that are too small or too large for a float."""
    assert refebm.SubVariancePreserving(0.5, 20.0).kernel(0.0, 1e-300)[1] == pytest.approx(5e-301, rel=1e-13)
    assert refebm.SubVariancePreserving(1e-200, 1e-200).diffusion(0.5) == pytest.approx(1e-200, rel=1e-13)
    assert VariancePreserving(1.0, 1.0).integral(0.0, 1e-307) == 1e-307
    assert refebm.VarianceExploding(1e-100, 1e100).kernel(0.0, 0.5)[1] == pytest.approx(1.0, rel=1e-13)
    assert refebm.VarianceExploding(1e-150, 1e150).kernel(0.5, 0.75)[1] == pytest.approx(1e75, rel=1e-12)
    with pytest.raises(refebm.InputError, match="sigma_min must be from") as caught:
        refebm.VarianceExploding(1e-300, 1e300)
    assert caught.value.code == "E-SCALE"


def test_rows_do_not_influence_each_other():
    times, alone = np.linspace(1, 0, 3), corrected(x=X[:1], z=TAPE[:, :, :1])
    np.testing.assert_array_equal(corrected(times)[:1], alone)
    np.testing.assert_array_equal(refebm.ddpm_loss(score, BETAS, X, [0, 4, 9], Z)[1:2], _loss_of_the_second())


def _loss_of_the_second():
    return refebm.ddpm_loss(score, BETAS, X[1:2], 4, Z[1:2])


def test_a_row_that_blows_up_is_told_by_the_record():
    step = refebm.reverse_sde_step(lambda x, t: np.where(x > 1.9, np.inf, -x), SDE, X, 0.5, 0.1, Z)
    np.testing.assert_array_equal(step.info.invalid, [False, True, False])


def test_a_trajectory_is_kept_when_asked_for_only():
    states = corrected(trajectory=True)
    assert states.shape == (2, 3, 2)
    np.testing.assert_array_equal(states[-1], corrected())

    def peak(steps):
        times, z = np.linspace(1, 0, steps + 1), np.zeros((steps, 2, 2000, 2))
        tracemalloc.start()
        corrected(times, z=z, x=np.zeros((2000, 2)))
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(5)
    mask = 100 * 2 * 2000 * 2  # of the tape, to see that it is finite: a byte for each number
    assert peak(100) <= 1.3 * peak(5) + mask


def test_of_spherical_components_no_matrix_is_made():
    tracemalloc.start()
    law = SDE.diffused(refebm.smoothed_empirical(np.zeros((50, 400)), 1.0), 0.5)
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size < 10 * 8 * 50 * 400 and law.spread == pytest.approx(1.0, rel=1e-15)  # m^2 + std^2 = 1


def test_progress_is_shown_when_asked_for_and_on_stderr(capsys):
    corrected()
    refebm.probability_flow(score, SDE, X, 1.0, 0.5)
    assert capsys.readouterr() == ("", "")
    corrected(progress=True)
    refebm.probability_flow(score, SDE, X, 1.0, 0.5, progress=True)
    refebm.run(lambda x, z: refebm.langevin_step(lambda x: -x, x, 0.1, z), X, Z[None], progress=True)
    refebm.annealed_langevin(score, X, [2.0, 1.0, 0.5], 0.1, np.stack([[Z]] * 3), progress=True)
    out, err = capsys.readouterr()
    assert not out and all(
        words in err for words in ("2 of 2 steps", "t = 1.0000", "t = 0.5000", "1 of 1 steps", "3 of 3 steps")
    )


def test_variances_below_1_are_given_where_beta_is_above_as_many_steps_at_0_alone():
    """beta(t) = 4 - 3 t: beta(1/4)/4, beta(1/2)/4, ..."""
    np.testing.assert_array_equal(VariancePreserving(4.0, 1.0).betas(4), [3.25 / 4, 2.5 / 4, 1.75 / 4, 1 / 4])


def test_inputs_are_never_modified():
    x, z, times, tape, betas = X.copy(), Z.copy(), np.array(TIMES), TAPE.copy(), BETAS.copy()
    corrected(times, z=tape, x=x)
    matching(x=x, z=z)
    refebm.ddpm_step(score, betas, x, 3, z, posterior=True)
    refebm.probability_flow(score, SDE, x, 1.0, 1.0)[0, 0] = 9.0
    refebm.probability_flow_log_prob(score, SDE, x, v=z)
    given = ((x, X), (z, Z), (times, TIMES), (tape, TAPE), (betas, BETAS))
    for now, was in given:
        np.testing.assert_array_equal(now, was)


def test_the_gap_to_the_prior_is_a_number():
    gaps = [VariancePreserving(0.1, most).prior_gap(Gaussian([1.0], 0.25)) for most in (6.0, 20.0)]
    assert 1e-3 < gaps[0] < 0.1 and 0 < gaps[1] < 1e-4
