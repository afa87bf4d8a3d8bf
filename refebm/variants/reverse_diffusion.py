"""Variants of the reverse-time SDE, the probability flow, and DDPM steps."""

import numpy as np

from refebm import glossary
from refebm.variants.arguments import Question, handed, types
from refebm.variants.asked import FAR, asked
from refebm.variants.record import conventions, naive_forms, one_term, terms, wrong_versions
from refebm.variants.steps import HO, Step

NO_ROOT = "edward 731, DiffEqFlux 695, optax 281, csgmcmc 1"
BACKWARD = "diffrax 599, flow_grpo 19"
NOT_SQUARED = "pyro 1643, edward 722"
SAME_NOISE = "coreax 375"
NO_DRIFT = "variance exploding"
LATER = "np.minimum(t + dt, 1.0)"
EARLIER = "np.maximum(t - dt, 0.01)"

REVERSE_STEP = "x - (sde.drift(x, t) - g**2 * score(x, t)) * dt + g * np.sqrt(dt) * z"
EXPLODES = "np.all(sde.drift(1 + 0 * x, t) == 0)"
LOG_RATIO = "np.log(sde.diffusion(1 + 0 * t) / sde.diffusion(0 * t))[:, None]"
EXPLODING_STEP = f"-np.expm1(-2 * dt * {LOG_RATIO}) / (2 * {LOG_RATIO}) if {EXPLODES} else dt"
SMALLER = f"(np.exp(-dt * {LOG_RATIO}) if {EXPLODES} else 1.0)"
wrong_versions(
    "euler_maruyama_step",
    ("dt for sqrt(dt)", "np.sqrt(dt)", "dt", "dt = 1", NO_ROOT),
    ("sqrt(2 dt): Langevin's noise", "np.sqrt(dt)", "np.sqrt(2 * dt)", "no noise drawn"),
    ("g squared for g", "sde.diffusion(t)[:, None]", "sde.diffusion(t)[:, None] ** 2", "no noise drawn", NOT_SQUARED),
    ("noise without g", "sde.diffusion(t)[:, None] * ", "", "no noise drawn"),
    ("sign of the drift", "x + sde.drift(x, t) *", "x - sde.drift(x, t) *", NO_DRIFT, BACKWARD),
    ("half the drift", "sde.drift(x, t)", "0.5 * sde.drift(x, t)", NO_DRIFT),
    ("drift of the time arrived at", "sde.drift(x, t)", f"sde.drift(x, {LATER})", "constant beta"),
    ("noise of the time arrived at", "sde.diffusion(t)", f"sde.diffusion({LATER})", "constant rates"),
    ("the time of the first row", "sde.diffusion(t)", "sde.diffusion(t[:1])", "one time"),
    ("sign of the noise", "* z", "* -z", "no noise drawn"),
    ("the same noise in each row", "* z", "* z[:1]", "one row", SAME_NOISE),
    ("noise along the diagonal", "* z", "* z[:, :1]", "d = 1"),
)
conventions(
    "euler_maruyama_step",
    (
        "the noise is the increment of the Brownian motion, of variance dt",
        "np.sqrt(dt) * z",
        "z",
        "Kloeden and Platen 1992, eq. 9.1.4; diffrax, torchsde",
    ),
)
terms(
    "euler_maruyama_step",
    ("x", "x"),
    ("f dt", "sde.drift(x, t) * dt"),
    ("g sqrt(dt) z", "sde.diffusion(t)[:, None] * np.sqrt(dt) * z"),
)

BOTH = "x - (sde.drift(x, t) - g**2 * score(x, t)) *"
NOISE = " + g * np.sqrt(dt) * z"
wrong_versions(
    "reverse_sde_step",
    ("drift not turned round", BOTH, BOTH.replace("x -", "x +"), "finite", BACKWARD),
    ("f not turned round", BOTH, "x + (sde.drift(x, t) + g**2 * score(x, t)) *", NO_DRIFT, BACKWARD),
    ("sign of the score", "- g**2 * score(x, t)", "+ g**2 * score(x, t)"),
    ("g for g squared", "g**2 * score(...)", "g * score(...)"),
    ("1/2 g squared: the probability flow, with noise", "g**2 * score(...)", "0.5 * g**2 * score(...)"),
    ("no drift but the score", "sde.drift(x, t) - g**2 *", "-g**2 *", NO_DRIFT),
    ("dt for sqrt(dt)", "np.sqrt(dt)", "dt", "dt = 1", NO_ROOT),
    ("sqrt(2 dt): Langevin's noise", "np.sqrt(dt)", "np.sqrt(2 * dt)", "no noise drawn"),
    ("g squared in the noise", "+ g * np.sqrt(dt) * z", "+ g**2 * np.sqrt(dt) * z", "no noise drawn", NOT_SQUARED),
    ("no noise", NOISE, "", "no noise drawn"),
    ("sign of the noise", NOISE, " - g * np.sqrt(dt) * z", "no noise drawn"),
    ("the same noise in each row", "* z", "* z[:1]", "one row", SAME_NOISE),
    ("score of the time arrived at", "* score(x, t)", f"* score(x, {EARLIER})"),
    ("time counted from the noise", "sde.diffusion(t)", "sde.diffusion(1 - t)", "constant rates"),
    ("std for g", "sde.diffusion(t)", "sde.marginal(t)[1]"),
)
conventions(
    "reverse_sde_step",
    (
        "the noise is the increment of the Brownian motion, of variance dt",
        "np.sqrt(dt) * z",
        "z",
        "Kloeden and Platen 1992, eq. 9.1.4; diffrax, torchsde",
    ),
    (
        "differences of sigma^2 for g^2 dt, where the variance explodes",
        REVERSE_STEP,
        f"x - (sde.drift(x, t) - g**2 * score(x, t)) * (h := {EXPLODING_STEP}) + g * np.sqrt(h) * z",
        "Song et al. 2021, appendix E: score_sde, ReverseDiffusionPredictor",
    ),
    (
        "the ancestral step, where the variance explodes",
        REVERSE_STEP,
        f"x - (sde.drift(x, t) - g**2 * score(x, t)) * (h := {EXPLODING_STEP}) + g * np.sqrt(h) * {SMALLER} * z",
        "Song et al. 2021, appendix F: score_sde, AncestralSamplingPredictor",
    ),
)
terms(
    "reverse_sde_step",
    ("x", "x"),
    ("-f dt", "-sde.drift(x, t) * dt"),
    ("g^2 s dt", "sde.diffusion(t)[:, None] ** 2 * score(x, t) * dt"),
    ("g sqrt(dt) z", "sde.diffusion(t)[:, None] * np.sqrt(dt) * z"),
)

HALF = "0.5 * sde.diffusion(t)[:, None] ** 2"
wrong_versions(
    "probability_flow_velocity",
    ("no 1/2: the drift of the reverse-time SDE", "0.5 * ", ""),
    ("1/4", HALF, "(0.5 * sde.diffusion(t)[:, None]) ** 2"),
    ("sign of the score", f"- {HALF} * score(x, t)", f"+ {HALF} * score(x, t)"),
    ("g for g squared", "[:, None] ** 2", "[:, None]", "finite", NOT_SQUARED),
    ("std for g", "sde.diffusion(t)", "sde.marginal(t)[1]"),
    ("no drift", f"sde.drift(x, t) - {HALF} *", f"-{HALF} *", NO_DRIFT),
    ("score at the time counted from the noise", "score(x, t)\n", "score(x, 1 - t)\n", "half way"),
    ("noise at the time counted from the noise", "sde.diffusion(t)", "sde.diffusion(1 - t)", "constant rates"),
    ("the score of the first row", "score(x, t)\n", "score(x, t)[:1]\n", "one row"),
)
terms(
    "probability_flow_velocity",
    ("f", "sde.drift(x, t)"),
    ("-1/2 g^2 s", "-0.5 * sde.diffusion(t)[:, None] ** 2 * score(x, t)"),
)

RIGHT = "probability_flow_velocity(score, sde, x, t)"
DRIFT = "sde.drift(x, t)"
IN_ROWS = "sde.diffusion(t * np.ones(len(x)))[:, None]"
VELOCITIES = (
    ("no 1/2: the drift of the reverse-time SDE", RIGHT, f"2 * {RIGHT} - {DRIFT}"),
    ("sign of the score", RIGHT, f"2 * {DRIFT} - {RIGHT}"),
    ("g for g squared", RIGHT, f"{DRIFT} + ({RIGHT} - {DRIFT}) / {IN_ROWS}"),
    ("time counted from the noise", RIGHT, "probability_flow_velocity(score, sde, x, 1 - t)"),
)
ASKED_FOR = "_solved(..., t0, t1, rtol, atol, progress)"
wrong_versions("probability_flow", *((*velocity, "there and back") for velocity in VELOCITIES), inside="_velocity_at")
wrong_versions("probability_flow", ("no drift", RIGHT, f"{RIGHT} - {DRIFT}", NO_DRIFT), inside="_velocity_at")
wrong_versions(
    "probability_flow",
    ("from t1 to t0", ASKED_FOR, "_solved(..., t1, t0, rtol, atol, progress)", "there and back"),
    ("tolerances of its own", ASKED_FOR, "_solved(..., t0, t1, 1e-2, 1e-2, progress)"),
    ("velocity of the start", "_velocity_at(score, sde, t)", "_velocity_at(score, sde, t0)"),
    ("one step of Euler's", f"{ASKED_FOR}[0]", "x + (t1 - t0) * probability_flow_velocity(score, sde, x, t0)"),
)
conventions(
    "probability_flow",
    (
        "time is counted from the noise, which is at 0",
        ASKED_FOR,
        "_solved(..., 1 - t0, 1 - t1, rtol, atol, progress)",
        "Lipman et al. 2023; flow matching and its programs",
    ),
)

HUTCHINSON = "_hutchinson(velocity, x, v)"
UNIT = "_hutchinson(velocity, x, v / np.sqrt(np.sum(v**2, -1, keepdims=True)))"
wrong_versions("probability_flow_log_prob", *((*v, "finite") for v in VELOCITIES), inside="_velocity_at")
wrong_versions(
    "probability_flow_log_prob",
    ("sign of the divergence", "+ growth", "- growth"),
    ("no divergence", " + growth", ""),
    ("the law at the end asked at the start", "log_end(end)", "log_end(x)"),
    ("from t1 to t0", ASKED_FOR, "_solved(..., t1, t0, rtol, atol, progress)"),
    ("tolerances of its own", "_solved(..., rtol, atol, progress)", "_solved(..., 1.0, 1.0, progress)"),
    (
        "the sum of all entries for the trace",
        "field_and_divergence(velocity, x)",
        "velocity(x), _hutchinson(velocity, x, np.ones_like(x))",
        "d = 1",
    ),
    ("mean over coordinates of the estimate", HUTCHINSON, f"{HUTCHINSON} / x.shape[1]", "d = 1"),
    ("projections made unit", HUTCHINSON, UNIT, "unit projections", "ermongroup/sliced_score_matching"),
    (
        "a standard normal for every prior",
        "sde.prior(x.shape[1]).log_prob",
        "(lambda y: -0.5 * np.sum(y**2 + np.log(2 * np.pi), axis=1))",
        "variance preserving",
    ),
)
wrong_versions(
    "probability_flow_log_prob",
    ("the first projection alone", "mean_over_projections", "first_projection"),
    inside="_hutchinson",
)
conventions(
    "probability_flow_log_prob",
    (
        "bits for each coordinate, to be small",
        "log_end(end) + growth",
        "-(log_end(end) + growth) / (x.shape[1] * np.log(2))",
        "Song et al. 2021, table 2; Chen et al. 2018",
    ),
)

PREDICTED = "x = reverse_sde_step(score, sde, x, late, late - early, z_k).x"
CORRECTED = "x = langevin_step(lambda x, t=early: score(x, t * np.ones(len(x))), x, eta_k, z_m).x"
LENGTH = "np.mean(np.sqrt(np.sum({}**2, axis=1)))"
RULE = f"({LENGTH.format('z_m')} / {LENGTH.format('score(x, early * np.ones(len(x)))')})"
wrong_versions(
    "predictor_corrector",
    ("corrections with the score of the time left", "lambda x, t=early: _", "lambda x, t=late: _", "no corrections"),
    (
        "the time arrived at for the step",
        "reverse_sde_step(..., late, late - early, z_k)",
        "reverse_sde_step(..., early, late - early, z_k)",
    ),
    ("every step from the first time", "zip(times[:-1], ...)", "zip([times[0]] * len(z), ...)", "one step back"),
    ("steps of 1/K", "reverse_sde_step(..., late - early, z_k)", "reverse_sde_step(..., 1 / len(z), z_k)"),
    ("one correction alone", "for z_m in corrections: ...", "for z_m in corrections[:1]: ...", "one correction"),
    ("no corrections", "for z_m in corrections: ...", "for z_m in corrections[:0]: ...", "no corrections"),
    (
        "the noise of the step again",
        "langevin_step(..., eta_k, z_m)",
        "langevin_step(..., eta_k, z_k)",
        "no noise drawn",
        SAME_NOISE,
    ),
    (
        "corrections without noise",
        "langevin_step(..., eta_k, z_m)",
        "langevin_step(..., eta_k, 0 * z_m)",
        "no noise drawn",
    ),
    (
        "the first eta throughout",
        "langevin_step(..., eta_k, z_m)",
        "langevin_step(..., etas[0], z_m)",
        "the same eta at all times",
    ),
    ("twice eta", "langevin_step(..., eta_k, z_m)", "langevin_step(..., 2 * eta_k, z_m)", "no corrections"),
    (
        "sign of the score in the step",
        "reverse_sde_step(score, ...)",
        "reverse_sde_step(lambda x, t: -score(x, t), ...)",
    ),
    ("sign of the score in the corrections", "score(...)", "-score(...)", "no corrections"),
    (
        "half of g squared in the step",
        "reverse_sde_step(score, ...)",
        "reverse_sde_step(lambda x, t: 0.5 * score(x, t), ...)",
    ),
)
conventions(
    "predictor_corrector",
    (
        "corrections before the step, at the time that it leaves",
        f"{PREDICTED}\n        for z_m in corrections:\n            {CORRECTED}",
        f"for z_m in corrections:\n            {CORRECTED.replace('early', 'late')}\n        {PREDICTED}",
        "the program of Song et al. 2021 (score_sde), unlike its algorithm 1",
    ),
    (
        "the last reverse step without noise",
        "reverse_sde_step(..., z_k)",
        "reverse_sde_step(..., z_k * (early > times[-1]))",
        "the program of Song et al. 2021 (score_sde, denoise=True)",
    ),
    (
        "eta from a signal-to-noise ratio r: 2 (r |z|/|s|)^2 with means over the rows",
        "langevin_step(..., eta_k, z_m)",
        f"langevin_step(..., 2 * (eta_k * {RULE}) ** 2, z_m)",
        "Song et al. 2021, algorithms 4 and 5",
    ),
)

MEAN = "(x + beta * score(x, i)) / np.sqrt(1 - beta)"
ROOT = " / np.sqrt(1 - beta)"
RATIO = "np.expm1(before) / np.expm1(log_kept)"
UPSIDE_DOWN = "np.expm1(log_kept) / np.expm1(np.minimum(before, -0.001))"
STD = "np.sqrt(-np.expm1(log_kept[i]))[:, None]"
wrong_versions(
    "ddpm_step",
    ("sqrt(1 - beta) missing", ROOT, ""),
    ("1 - beta without the root", ROOT, " / (1 - beta)", "finite", "annotated_deep_learning 152"),
    ("times sqrt(1 - beta), not over it", ROOT, " * np.sqrt(1 - beta)"),
    ("the root below x alone", MEAN, "x / np.sqrt(1 - beta) + beta * score(x, i)"),
    ("the score not times beta", "beta * score(...)", "score(...)"),
    ("sign of the score", "beta * score(...)", "-beta * score(...)"),
    ("half of the score", "beta * score(...)", "0.5 * beta * score(...)"),
    ("predicted noise with the sign of a score", "beta * score(...)", f"beta / {STD} * score(...)"),
    ("beta for sigma", "np.sqrt(variances[i])", "variances[i]", "no noise drawn", NOT_SQUARED),
    ("no noise", " + sigma * z", "", "no noise drawn"),
    ("sign of the noise", "+ sigma * z", "- sigma * z", "no noise drawn"),
    ("the same noise in each row", "* z", "* z[:1]", "one row", SAME_NOISE),
    ("ratio of the posterior variance upside down", RATIO, UPSIDE_DOWN, "the variance beta"),
    ("beta for the posterior variance", "np.expm1(before)", "np.expm1(log_kept)", "the variance beta"),
    (
        "alpha for its product",
        "np.cumsum(np.log1p(-betas))",
        "np.log1p(-betas)",
        "the variance beta",
        "score_sde 73, diffusion libraries",
    ),
    ("betas counted from 1", 'betas[within("i", i, len(betas))]', "betas[np.maximum(i - 1, 0)]", "level betas"),
)
conventions(
    "ddpm_step",
    (
        "x (2 - sqrt(1 - beta)) + beta s: the step of the reverse-time SDE with the same coefficients",
        MEAN,
        "x * (2 - np.sqrt(1 - beta)) + beta * score(x, i)",
        "Song et al. 2021, appendix E",
    ),
)
terms(
    "ddpm_step",
    ("x/sqrt(1 - beta)", "x / np.sqrt(1 - betas[i][:, None])"),
    ("beta s/sqrt(1 - beta)", "betas[i][:, None] * score(x, i) / np.sqrt(1 - betas[i][:, None])"),
    (
        "sigma z",
        "np.sqrt((betas * np.expm1(np.append(0.0, (l := np.cumsum(np.log1p(-betas)))[:-1])) / np.expm1(l)"
        " if posterior else betas)[i])[:, None] * z",
    ),
)

FIRST, LATER_STEPS = "diffused_mixture", "noise_conditional"  # a mixture is asked at the first two steps
DRIFTING = {"sde": "SubVariancePreserving"}  # for other SDEs the drift may be zero


def by_both_divergences(impl, **question):
    """The answers with the exact divergence and with that by projections."""
    asked = Question(**question)
    given = {name: handed(impl, types(FLOW).get(name), one) for name, one in asked.arguments(FLOW).items()}
    v = Question(**question).projections(question.get("m", 2))
    return np.concatenate([impl.probability_flow_log_prob(*given.values(), **more) for more in ({}, {"v": v})])


FLOW = "probability_flow_log_prob"
asked(
    f"probability_flow {FLOW}",
    draws={"t0": 0.25, "t1": 0.625},
    unasked="solved to a tolerance: its velocity is examined",
)
asked(FLOW, also=("t0", "t1", "rtol", "atol"), draws={"rtol": 2.0**-13, "atol": 2.0**-13}, answer=by_both_divergences)
asked("euler_maruyama_step predictor_corrector", rounded=DRIFTING)
asked("reverse_sde_step", far=FAR, rounded=DRIFTING, each=({}, {"sde": "VarianceExploding"}))
asked("probability_flow_velocity", far=FAR, rounded=DRIFTING, without=("t",))  # t = 1: a wrong version takes log(1 - t)
asked(
    "predictor_corrector",
    values={
        "sde": glossary.EACH_SDE[1:],
        "times": (([0.875, 0.25], [1.0, 0.625]), "what is right for some steps, or for equal ones"),
        "corrections": ((0, 1), "no correction where one is wanted, or where none is"),
    },
    beside=(("equal steps in time", {"d": 2, "n": 3, "kind": "noise_conditional", "times": [0.75, 0.5, 0.25]}),),
)


def without_the_last(given):
    """The arguments with no noise for i = 0."""
    return given | {"z": given["z"] * (np.asarray(given["i"]) > 0).reshape(-1, 1)}


asked(
    "ddpm_step",
    also=("posterior",),
    steps=(Step("last step", "no noise in the last step, i = 0", f"{HO}, algorithm 2", without_the_last),),
    far=FAR,
    generic=lambda i, half, d, n: {"posterior": i % 2 == 0},
    each=({"posterior": False}, {"posterior": True}),
    beside=(
        ("the last step, i = 0, with the variance beta", {"d": 2, "n": 4, "kind": FIRST, "posterior": False}),
        (
            "rows that influence each other: a row alone",
            {"d": 3, "n": 4, "alone": True, "kind": LATER_STEPS, "posterior": False},
        ),
        ("overflow: points far out", {"d": 2, "n": 3, "reach": 16, "kind": LATER_STEPS, "posterior": False}),
    ),
)
naive_forms(
    "ddpm_step",
    ("sum of log(1 - beta)", "np.cumsum(np.log1p(-betas))", "np.cumsum(np.log(1 - betas))"),
    ("1 - a", "np.expm1(log_kept)", "(np.exp(log_kept) - 1)"),
)
one_term("predictor_corrector")
