"""Procedures from end to end: known answers are reached, a seed is a run, bad numbers stop it and lose nothing."""

import inspect
from typing import NamedTuple

import autograd.numpy as np
import numpy
import pytest

import refebm
from refebm import Gaussian, InputError, ReplayBuffer, VarianceExploding, VariancePreserving, glossary, langevin_tape
from refebm.identities import algorithms as made
from refebm.training import minimise_in_turns
from refebm.variants.arguments import Question
from refebm.variants.procedures import NAMES, TRAINED, answered, given

MEAN, DEVIATION = np.array([0.5, -1.0]), np.array([1.25, 0.75])
X = MEAN + DEVIATION * numpy.random.default_rng(0).standard_normal((200, 2))
FIRST = np.zeros((3, 2))
QUIET = {"progress": False}


def rng(seed=1):
    return numpy.random.default_rng(seed)


def arguments(name, **fixed):
    asked = given(Question(**{"seed": 0, "d": 2, "n": 5, "sde": "VariancePreserving"} | fixed), name)
    sde = {"sde": VariancePreserving(**asked["sde"]["parameters"])} if "sde" in asked else {}
    return asked | sde


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_is_a_run(name):
    first, second = (answered(getattr(refebm, name), arguments(name)) for _ in range(2))
    numpy.testing.assert_array_equal(first, second)
    other = answered(getattr(refebm, name), arguments(name) | {"rng": rng(7)})
    assert np.all(np.isfinite(first)) and not np.array_equal(first, other)


@pytest.mark.parametrize("projections", [0, 1])
def test_score_matching_ends_near_the_precision(projections):
    """s = -C^{-1} (x - m), of the data at hand; with all rows and the exact trace to roundoff."""
    precision = np.linalg.inv(np.cov(X.T, bias=True))
    best = np.concatenate([(precision @ np.mean(X, axis=0))[None], -precision])
    whole = refebm.train_score_matching(X, made.linear_score, FIRST, 200, 400, 0.3, rng(), projections, **QUIET)
    assert np.max(np.abs(whole.parameters - best)) < (0.4 if projections else 1e-9)
    few = refebm.train_score_matching(X, made.linear_score, FIRST, 50, 300, 0.05, rng(), projections, **QUIET)
    assert np.max(np.abs(few.parameters - best)) < 0.4


def test_denoising_ends_near_the_precision_of_noisy_data():
    fit = refebm.train_denoising_score_matching(X, made.linear_score, FIRST, 0.5, 50, 400, 0.05, rng(), **QUIET)
    precision = np.linalg.inv(np.cov(X.T, bias=True) + 0.25 * np.eye(2))
    assert np.max(np.abs(fit.parameters[1:] + precision)) < 0.3


def test_noise_contrast_learns_the_partition_function():
    """E = w . (x, x^2/2) of a normal density: log Z by hand."""
    first = np.array([0.0, 0.0, 1.0, 1.0])
    fit = refebm.train_noise_contrastive(
        X, made.quadratic_energy, Gaussian([0.0, 0.0], 3.0), first, 5, 100, 400, 0.02, rng(), adam=True, **QUIET
    ).parameters
    (a, b), (c, d) = np.split(fit["energy"], 2)
    log_z = np.log(2 * np.pi) - 0.5 * np.log(c * d) + 0.5 * (a**2 / c + b**2 / d)
    assert abs(fit["log_z"] - log_z) < 0.2 and abs(c - 1 / np.var(X[:, 0])) < 0.2


@pytest.mark.parametrize(
    "by, sde",
    [
        ("predictor-corrector", VariancePreserving(0.1, 8.0)),
        ("predictor-corrector", VarianceExploding(0.02, 8.0)),
        ("flow", VariancePreserving(0.1, 8.0)),
        ("flow", VarianceExploding(0.02, 8.0)),
        ("ancestral", VariancePreserving(0.1, 8.0)),
    ],
)
def test_samples_have_the_moments_of_the_data(by, sde):
    """With the exact score of a normal density: five standard errors, and what 60 steps leave."""
    n, p = 1000, Gaussian(MEAN, np.diag(DEVIATION**2))

    def score(x, t):
        m, std = (part[:, None] for part in sde.marginal(t))
        return -(x - m * MEAN) / (m**2 * DEVIATION**2 + std**2)

    x = refebm.draw_by_diffusion(score, sde, 60, n, 2, rng(), by)
    assert np.all(np.abs(np.mean(x, axis=0) - p.mean) < 5 * DEVIATION / np.sqrt(n) + 0.1)
    assert np.all(np.abs(np.std(x, axis=0) / DEVIATION - 1) < 5 / np.sqrt(2 * n) + 0.12)


def test_the_flow_is_followed_to_five_digits():
    """Of s = -x/2, whose velocity -beta (x + s)/2 is -beta x/4."""
    sde, start = VariancePreserving(0.1, 40.0), refebm.standard_normal(2).sample(rng(), 5)
    drawn = refebm.draw_by_diffusion(lambda x, t: -0.5 * x, sde, 1, 5, 2, rng(), "flow")
    area = sde.integral(0.001, 1.0)
    numpy.testing.assert_allclose(drawn, start * np.exp(area / 4), rtol=3e-5)  # of 1e-5 a step


def test_what_is_left_out_is_what_the_documents_do():
    """Plain steps and no chains of before; of noise and times what the docstrings say."""
    train = {"adam": False, "each": None, "progress": True}
    own = {
        "train_contrastive_divergence": {"chains": None, "fraction": 0.05, "tape": langevin_tape},
        "train_diffusion": {"weight": None, "t_min": 1e-3},
        "train_flow_matching": {"t_min": 1e-3},
        "train_implicit_vae": {"refit": 5, "copies": 5, "score_steps": 10},
        "train_noise_conditional_score_matching": {"weight": None},
        "train_noise_contrastive": {"log_z": 0.0, "self_normalised": False},
        "train_adversarial_contrastive": {"log_z": 0.0},
        "train_flow_contrastive": {"log_z": 0.0},
        "train_score_matching": {"projections": 0},
        "draw_by_diffusion": {"by": "predictor-corrector", "corrections": 1, "ratio": 0.1, "t_min": 1e-3},
    }
    for name in NAMES:
        parameters = inspect.signature(getattr(refebm, name)).parameters
        left_out = {key: one.default for key, one in parameters.items() if one.default is not one.empty}
        assert left_out == own.get(name, {}) | (train if name in TRAINED else {"progress": False}), name


def exploding(theta, x):
    """A score that is not finite from the fourth time on that it is asked."""
    exploding.asked += 1
    return made.linear_score(theta, x) * (np.nan if exploding.asked > 3 else 1.0)


def test_bad_numbers_stop_it_with_the_last_good_parameters():
    exploding.asked = 0
    fit = refebm.train_denoising_score_matching(X, exploding, FIRST, 0.5, 20, 10, 0.05, rng(), **QUIET)
    assert not fit.finite and len(fit.history) == 3 and "stopped at step 3" in fit.message
    short = refebm.train_denoising_score_matching(X, made.linear_score, FIRST, 0.5, 20, 2, 0.05, rng(), **QUIET)
    numpy.testing.assert_array_equal(fit.parameters, short.parameters)


def test_a_step_that_leads_out_of_the_numbers_stops_too():
    fit = refebm.train_score_matching(X, made.linear_score, FIRST, 200, 50, 1e200, rng(), **QUIET)
    assert not fit.finite and np.all(np.isfinite(fit.parameters))


def test_chains_that_run_away_stop_it():
    """The step of the kernel is too long for the energy: states are lost, and what was fitted is there."""

    def step(w, x, z):
        return made.langevin_of_quadratic(1e200 * w if len(seen) > 2 else w, x, z)

    seen, w = [], np.array([0.0, 0.0, 1.0, 1.0])
    fit = refebm.train_contrastive_divergence(
        *(X, made.quadratic_energy, step, w, 3, 20, 10, 0.01, rng()), each=lambda w, i: seen.append(w), **QUIET
    )
    assert not fit.finite and len(fit.history) == 2 and "E-FINITE" in fit.message
    numpy.testing.assert_array_equal(fit.parameters, seen[1])


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("the user's own")])
def test_what_else_ends_it_has_the_fit(error):
    def each(parameters, i):
        if i == 4:
            raise error

    with pytest.raises(type(error)) as raised:
        refebm.train_score_matching(X, made.linear_score, FIRST, 20, 10, 0.05, rng(), each=each, **QUIET)
    fit = raised.value.fit
    short = refebm.train_score_matching(X, made.linear_score, FIRST, 20, 3, 0.05, rng(), **QUIET)
    numpy.testing.assert_array_equal(fit.parameters, short.parameters)
    assert len(fit.history) == 4 and not fit.finite and type(error).__name__ in fit.message


@pytest.mark.parametrize(("calls", "steps"), [(2, 0), (6, 2), (11, 4)])
def test_an_autoencoder_that_is_interrupted_has_both_models(calls, steps):
    """While the score is fitted: for the first time, between steps, at the end. A fit of the score alone is none."""
    left, asked = iter(range(calls)), arguments("train_implicit_vae")

    def score(phi, z, x):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return made.spring_of_codes(phi, z, x)

    with pytest.raises(KeyboardInterrupt) as raised:
        refebm.train_implicit_vae(**asked | {"score": score})
    assert hasattr(raised.value, "fit") == (steps > 0)
    if steps:
        fit = raised.value.fit
        assert fit.parameters.keys() == {"model", "score"} and len(fit.history) == steps
        assert fit.parameters["model"].shape == (3,) and not np.array_equal(fit.parameters["score"], asked["phi"])


def test_a_score_of_codes_that_cannot_be_fitted_stops_it():
    """Between steps: both models are those of the last step."""
    asked, calls = arguments("train_implicit_vae"), iter(range(6))

    def score(phi, z, x):
        return made.spring_of_codes(phi, z, x) * (np.nan if next(calls, None) is None else 1.0)

    fit = refebm.train_implicit_vae(**asked | {"score": score})
    assert not fit.finite and len(fit.history) == 2 and fit.parameters["model"].shape == (3,)
    assert "stopped at step 2" in fit.message and "the score of codes is not fitted" in fit.message


def test_what_each_raises_is_no_lost_score():
    def each(parameters, i):
        Gaussian(np.nan if i == 3 else 0.0, 1.0)

    with pytest.raises(InputError, match="E-FINITE: mean must be finite") as raised:
        refebm.train_implicit_vae(**arguments("train_implicit_vae") | {"each": each})
    assert len(raised.value.fit.history) == 3


def test_noise_that_no_longer_reaches_the_data_stops_it():
    """The flow's log-density at the data overflows in the third round."""
    rounds = []

    def log_q(phi, x):
        return made.normal_log_q(phi, x) - (np.inf if len(rounds) > 2 else 0.0)

    given = arguments("train_flow_contrastive") | {"log_q": log_q, "each": lambda p, i: rounds.append(i)}
    fit = refebm.train_flow_contrastive(**given)
    assert not fit.finite and len(fit.history) == 2 and "E-SUPPORT" in fit.message


def test_players_stop_together():
    """The second one's loss is not finite in the third round: both have what they had when all was well."""

    def second(p, i):
        return (p["b"] - 1.0) ** 2 * (np.nan if i == 2 else 1.0)

    losses = {"a": lambda p, i: (p["a"] - p["b"]) ** 2, "b": second}
    fit = minimise_in_turns(losses, {"a": 3.0, "b": 0.0}, 5, 0.25, adam=False, **QUIET)
    assert not fit.finite and fit.history.shape == (2, 2)
    assert fit.parameters["a"] == 1.0 and fit.parameters["b"] == 0.5  # a: 3, 1.5, 1; b: 0, 0.5, 0.75, not seen
    with pytest.raises(InputError, match="E-FINITE: loss must be finite at the first parameters"):
        minimise_in_turns(losses | {"b": lambda p, i: np.nan * p["b"]}, {"a": 3.0, "b": 0.0}, 5, 0.25, **QUIET)
    with pytest.raises(InputError, match="it is nan, after a step of the players before it, perhaps too long"):
        minimise_in_turns(losses | {"b": lambda p, i: np.nan * p["b"]}, {"a": 3.0, "b": 0.0}, 5, 0.25, **QUIET)


def test_each_sees_both_players():
    seen = []
    given = arguments("train_variational_bound") | {"each": lambda p, i: seen.append((i, sorted(p)))}
    refebm.train_variational_bound(**given)
    assert seen == [(i, ["energy", "sampler"]) for i in range(4)]


@pytest.mark.parametrize("name", TRAINED)
def test_progress_is_shown_unless_it_is_not_wanted(name, capsys):
    getattr(refebm, name)(**arguments(name))
    assert capsys.readouterr().err == ""
    getattr(refebm, name)(**arguments(name) | {"progress": True})
    err = capsys.readouterr().err
    assert "4 of 4" in err and "are done" in err


WRONG = {
    "no rows": ({"x": np.zeros((0, 2))}, "E-EMPTY", "x"),
    "a batch larger than the data": ({"batch": 6}, "E-BATCH", "batch .* n = 5.* got 6"),
    "a batch of none": ({"batch": 0}, "E-COUNT", "batch .* 1"),
    "no steps": ({"n_steps": 0}, "E-COUNT", "n_steps"),
    "a step of none": ({"step_size": 0.0}, "E-POSITIVE", "step_size"),
    "a step back": ({"step_size": -0.1}, "E-POSITIVE", "step_size"),
    "a seed": ({"rng": 5}, "E-RNG", "rng"),
    "each a number": ({"each": 5}, "E-CALLABLE", "each"),
}


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("words", WRONG)
def test_bad_input_is_a_coded_error(name, words):
    bad, code, message = WRONG[words]
    with pytest.raises(InputError, match=message) as error:
        getattr(refebm, name)(**arguments(name) | bad)
    assert error.value.code == code


class NoSample:
    def log_prob(self, x):
        return -x[:, 0]


class Lost(Gaussian):
    def sample(self, rng, n):
        return np.nan * super().sample(rng, n)


class OneNumber(Gaussian):
    def log_prob(self, x):
        return np.sum(super().log_prob(x))


HALF = glossary.MOST_NUMBERS // 2  # of what memory holds


class Named(NamedTuple):
    w: np.ndarray


class Aside(Gaussian):
    """A law that ends to the left of most data."""

    def log_prob(self, x):
        return np.where(x[:, 0] < -0.5, super().log_prob(x), -np.inf)


class OfItsOwn(Gaussian):
    """A law that draws from a generator of its own."""

    def sample(self, n):
        return super().sample(rng(), n)


OWN = {
    "k = 0": ("train_contrastive_divergence", {"k": 0}, "E-COUNT", "k "),
    "chains of another d": ("train_contrastive_divergence", {"chains": np.zeros((2, 3))}, "E-SHAPE", "chains .* d = 2"),
    "a buffer of another d": (
        "train_contrastive_divergence",
        {"chains": ReplayBuffer(np.zeros((2, 3)), 5)},
        "E-SHAPE",
        "chains",
    ),
    "more chains than rows": (
        "train_contrastive_divergence",
        {"chains": np.zeros((3, 2))},
        "E-SHAPE",
        r"chains must be \(2, d\).*got shape \(3, 2\)",
    ),
    "a fraction above 1": ("train_contrastive_divergence", {"fraction": 1.5}, "E-FRACTION", "fraction"),
    "a noise that cannot be drawn": ("train_noise_contrastive", {"noise": NoSample()}, "E-DENSITY", "noise .*sample"),
    "a noise of numbers": ("train_adversarial_contrastive", {"noise": np.zeros(3)}, "E-DENSITY", "noise .*log_prob"),
    "a noise that is lost": (
        "train_noise_contrastive",
        {"noise": Lost(np.zeros(2), 1.0)},
        "E-FINITE",
        r"noise\.sample\(rng, n\) must be finite",
    ),
    "a noise that does not reach the data": (
        "train_noise_contrastive",
        {"noise": Aside(np.zeros(2), 1.0)},
        "E-SUPPORT",
        r"noise\.log_prob\(x\) must be finite at the data",
    ),
    "a flow that does not reach the data": (
        "train_flow_contrastive",
        {"log_q": lambda phi, x: np.where(x[:, 0] < -0.5, 0.0, -np.inf)},
        "E-SUPPORT",
        r"log_q\(phi, x\) must be finite at the data",
    ),
    "a noise that takes no generator": (
        "train_adversarial_contrastive",
        {"noise": OfItsOwn(np.zeros(2), 1.0)},
        "E-CALLABLE",
        r"noise\.sample\(rng, n\) must take 2 arguments",
    ),
    "an energy without parameters, beside log Z": (
        "train_noise_contrastive",
        {"energy": lambda w, x: np.sum(x**2, axis=1)},
        "E-CALLABLE",
        r"energy\(parameters, x\) must depend on parameters",
    ),
    "a flow of nothing": ("train_flow_contrastive", {"phi": {}}, "E-EMPTY", "phi must have at least one number"),
    "a score of nothing": ("train_implicit_vae", {"phi": np.zeros(0)}, "E-EMPTY", "phi must have at least one number"),
    "points of another d": (
        "train_adversarial_contrastive",
        {"sampler": lambda phi, z: np.concatenate([phi[0] + z, z], axis=1)},
        "E-SHAPE",
        r"sampler\(phi, eps\) must have shape \(2, 2\); got \(2, 4\)",
    ),
    "points that are lost": (
        "train_variational_bound",
        {"sampler": lambda phi, z: np.nan * made.normal_sampler(phi, z)},
        "E-FINITE",
        r"sampler\(phi, eps\) must be finite, got nan at index \(0, 0\)",
    ),
    "chains that are lost at once": (
        "train_contrastive_divergence",
        {"step": lambda w, x, z: made.langevin_of_quadratic(np.nan * w, x, z)},
        "E-FINITE",
        r"step\(x, \.\.\.\) must be finite",
    ),
    "codes that are lost": (
        "train_implicit_vae",
        {"encoder": lambda theta, x, eps: np.nan * made.linear_encoder(theta, x, eps)},
        "E-FINITE",
        r"encoder\(parameters, x, eps\) must be finite",
    ),
    "a score of codes that is lost": (
        "train_implicit_vae",
        {"score": lambda phi, z, x: np.nan * made.spring_of_codes(phi, z, x)},
        "E-FINITE",
        r"score\(phi, z, x\) must be finite at the codes",
    ),
    "named parameters": (
        "train_denoising_score_matching",
        {"parameters": Named(np.zeros((3, 2)))},
        "E-DTYPE",
        "parameters must be plain tuples, lists and dicts, not Named",
    ),
    "names of two types": (
        "train_flow_contrastive",
        {"phi": {1: np.zeros(2), "b": np.zeros(2)}},
        "E-DTYPE",
        "phi must have names of one type",
    ),
    "codes that no memory holds": ("train_implicit_vae", {"copies": HALF}, "E-SIZE", "need too much memory"),
    "samples that no memory holds": ("draw_by_annealed_langevin", {"n": HALF}, "E-SIZE", "need too much memory"),
    "a noise with one log-density": (
        "train_noise_contrastive",
        {"noise": OneNumber(np.zeros(2), 1.0)},
        "E-CALLABLE",
        r"noise\.log_prob\(x\) must return \(n,\)",
    ),
    "an autoencoder watched by a function of one argument": (
        "train_implicit_vae",
        {"each": lambda parameters: None},
        "E-CALLABLE",
        "each must take 2 arguments",
    ),
    "a sampler of fewer rows": (
        "train_flow_contrastive",
        {"sampler": lambda phi, z: phi[0] + z[:1]},
        "E-CALLABLE",
        "sampler",
    ),
    "an energy of columns": (
        "train_variational_bound",
        {"energy": lambda w, x: x},
        "E-CALLABLE",
        r"energy\(x\) must return \(n,\)",
    ),
    "levels that rise": (
        "train_noise_conditional_score_matching",
        {"sigmas": np.array([0.5, 1.0])},
        "E-LEVELS",
        "sigmas",
    ),
    "a first time of 0": ("train_diffusion", {"t_min": 0.0}, "E-TIME", "t_min"),
    "no such way": ("draw_by_diffusion", {"by": "ancestry"}, "E-CHOICE", "by must be one of .* got 'ancestry'"),
    "ancestral without betas": (
        "draw_by_diffusion",
        {"by": "ancestral", "sde": VarianceExploding(0.1, 4.0)},
        "E-SDE",
        "sde must have the method betas",
    ),
    "ancestral with another variance": (
        "draw_by_diffusion",
        {"by": "ancestral", "sde": refebm.SubVariancePreserving(0.1, 2.0)},
        "E-SDE",
        r"sde must preserve the variance .*, m\^2 \+ std\^2 = 1",
    ),
    "an encoder that is a number": ("train_implicit_vae", {"encoder": 5}, "E-CALLABLE", "encoder must be callable"),
    "a score that is a number": ("train_implicit_vae", {"score": 5}, "E-CALLABLE", "score must be callable"),
    "codes of another width": (
        "train_implicit_vae",
        {"encoder": lambda theta, x, eps: x * theta[0]},
        "E-CALLABLE",
        "encoder",
    ),
}


@pytest.mark.parametrize("words", OWN)
def test_its_own_bad_input_is_a_coded_error(words):
    name, bad, code, message = OWN[words]
    with pytest.raises(InputError, match=message) as error:
        getattr(refebm, name)(**arguments(name) | bad)
    assert error.value.code == code


def test_the_tape_of_a_kernel_is_what_it_is_told():
    given = arguments("train_contrastive_divergence") | {"chains": None}
    as_default = refebm.train_contrastive_divergence(**given).parameters
    given = arguments("train_contrastive_divergence") | {"chains": None, "tape": langevin_tape}
    numpy.testing.assert_array_equal(refebm.train_contrastive_divergence(**given).parameters, as_default)
    shorter = (
        lambda rng, k, n, d: np.zeros((k - 1, n, d)),
        lambda rng, k, n, d: (np.zeros((k, n, d)), np.zeros((k + 1, n))),
    )
    for tape in shorter:
        with pytest.raises(InputError, match=r"E-TAPE: tape\(rng, n_steps, n, d\) must be noise for . steps"):
            refebm.train_contrastive_divergence(**given | {"tape": tape})
