"""Variants of training and sampling procedures: noise that is reused, batches of wrong rows, steps the wrong way."""

from refebm.variants.asked import asked
from refebm.variants.procedures import NAMES, answered, given
from refebm.variants.record import wrong_versions

BATCH = "minibatch(x, batch, rng)"
FIRST_ROWS = ("the first rows always", BATCH, "x[:batch]", "finite")
ADAM = ("Adam whatever is asked for", "minimise_noisy(..., adam=adam)", "minimise_noisy(..., adam=True)", "finite")
NOISE = "rng.standard_normal(rows.shape)"
ALIKE = ("the same noise in each row", NOISE, "rng.standard_normal(rows.shape[1]) * np.ones(rows.shape)", "finite")


def summed(loss):
    return "the sum for the mean", f"np.mean({loss})", f"np.sum({loss})", "finite"


def upwards(loss):
    return "up the gradient", f"np.mean({loss})", f"-np.mean({loss})", "finite"


EXACT, SLICED, SIGNS = "implicit_score_matching(...)", "sliced_score_matching(...)", "signs(rng, _, *rows.shape)"
wrong_versions(
    "train_score_matching",
    FIRST_ROWS,
    ("all rows at each step", BATCH, "x"),
    ("the sum for the mean of the exact loss", f"np.mean({EXACT})", f"np.sum({EXACT})"),
    ("up the gradient of the sliced loss", f"np.mean({SLICED})", f"-np.mean({SLICED})"),
    ("projections of length sqrt(2 d)", SIGNS, f"np.sqrt(2.0) * {SIGNS}"),
    ADAM,
)
DENOISING = "denoising_score_matching(...)"
wrong_versions(
    "train_denoising_score_matching",
    FIRST_ROWS,
    summed(DENOISING),
    upwards(DENOISING),
    ("half the noise", NOISE, f"0.5 * {NOISE}"),
    ALIKE,
    ADAM,
)
LEVELS = "rng.choice(sigmas, batch)"
WEIGHED = "weight(sigma) * noise_conditional_score_matching(...)"
wrong_versions(
    "train_noise_conditional_score_matching",
    FIRST_ROWS,
    ("one level for all rows", LEVELS, "rng.choice(sigmas, 1) * np.ones(batch)"),
    ("the largest level alone", LEVELS, "sigmas[0] * np.ones(batch)"),
    ("levels not weighed by sigma^2", WEIGHED, f"{WEIGHED} / sigma**2"),
    ("weighed by sigma^2 once more", WEIGHED, f"{WEIGHED} * sigma**2"),
    ALIKE,
)
LOSS = "contrastive_divergence(_, rows, x_model)"
wrong_versions(
    "train_contrastive_divergence",
    FIRST_ROWS,
    summed(LOSS),
    (
        "phases exchanged",
        LOSS,
        "contrastive_divergence(_, x_model, rows)",
    ),
    ("chains start anew at the data", "start(rows)", "rows"),
    ("states are not kept", "kept.push(x_model) if _ else x_model", "kept", "one step"),
    ("one step of k", "tape(rng, k, *rows.shape)", "tape(rng, 1, *rows.shape)"),
    ("chains of the first parameters", "step(constant(theta))", "step(parameters)", "one step"),
)
CONTRAST, DENSITY = "noise_contrastive(...)", "noise_contrastive(_, noise.log_prob, ...)"
POINTS, LOG_Z = "_drawn(noise, rng, nu * batch, x.shape[1])", 'theta.get("log_z", 0.0)'
wrong_versions(
    "train_noise_contrastive",
    FIRST_ROWS,
    summed(CONTRAST),
    upwards(CONTRAST),
    ("the noise's density left out", DENSITY, "noise_contrastive(_, lambda x: 0.0 * noise.log_prob(x), ...)"),
    ("the same noise for each row", POINTS, "np.repeat(noise.sample(rng, nu), batch, axis=0)"),
)
wrong_versions(
    "train_noise_contrastive",
    ("log Z is not learnt", LOG_Z, f"0.0 * {LOG_Z}"),
    ("log Z is added", "- log_z", "+ log_z"),
    inside="_log_density",
)
FLOW = '{"energy": value, "flow": lambda p, i: -value(p, i)}'
wrong_versions(
    "train_flow_contrastive",
    FIRST_ROWS,
    summed(CONTRAST),
    ("the flow goes down too", FLOW, '{"energy": value, "flow": value}'),
    ("each goes the other's way", FLOW, '{"energy": lambda p, i: -value(p, i), "flow": value}'),
    ("points of the first flow", 'sampler(p["flow"], _)', "sampler(phi, _)"),
    ("density of the first flow", 'log_q(p["flow"])', "log_q(phi)"),
)
PROPOSAL = '{"energy": value, "proposal": lambda p, i: -value(p, i)}'
CHOICE = "rng.random((batch, 1)) < weight"
wrong_versions(
    "train_adversarial_contrastive",
    FIRST_ROWS,
    ("the proposal goes down too", PROPOSAL, '{"energy": value, "proposal": value}'),
    ("never the proposal's points", CHOICE, "rng.random((batch, 1)) < 0.0 * weight"),
    ("shares exchanged", CHOICE, "rng.random((batch, 1)) > weight"),
    ("one choice for all rows", CHOICE, "rng.random((1, 1)) < weight"),
    ("the density of the noise alone", "mixed_noise(...)", "noise.log_prob"),
)
GAME = '{"energy": lambda p, i: -bound(p, i), "sampler": bound}'
wrong_versions(
    "train_variational_bound",
    FIRST_ROWS,
    (
        "+ H(q)",
        'log_q(p["sampler"])',
        'lambda x: -log_q(p["sampler"])(x)',
        "finite",
        "printed in HY-673 lecture 12, adversarial training",
    ),
    ("both go down", GAME, '{"energy": bound, "sampler": bound}'),
    ("both go up", GAME, '{"energy": lambda p, i: -bound(p, i), "sampler": lambda p, i: -bound(p, i)}'),
    ("points of the first sampler", 'sampler(p["sampler"], _)', "sampler(phi, _)"),
)
NEGATIVE, EPS = "implicit_negative_elbo(_, score(scores, rows), z)", "rng.standard_normal((batch, k))"
wrong_versions(
    "train_implicit_vae",
    FIRST_ROWS,
    ("the score is never fitted", "scores = fitted(theta)", "scores = scores"),
    ("fitted before the first step alone", "i % refit == 0", "i == 0", "one step"),
    ("the score turned round", NEGATIVE, "implicit_negative_elbo(_, lambda z: -score(scores, rows)(z), z)"),
    summed("implicit_negative_elbo(...)"),
    ("codes without noise", EPS, f"0.0 * {EPS}"),
)
TIMES = "rng.random(batch)"
wrong_versions(
    "train_diffusion",
    FIRST_ROWS,
    ("one time for all rows", TIMES, "rng.random(1) * np.ones(batch)"),
    ("times from 0", f"t_min + (1 - t_min) * {TIMES}", TIMES),
    ("late times more often", TIMES, f"np.sqrt({TIMES})"),
    summed("diffusion_score_matching(...)"),
    (
        "no weight",
        "diffusion_score_matching(_, sde, weight, ...)",
        "diffusion_score_matching(_, sde, np.ones_like, ...)",
    ),
)
wrong_versions(
    "train_flow_matching",
    FIRST_ROWS,
    ("one time for all rows", TIMES, "rng.random(1) * np.ones(batch)"),
    ("times from 0", f"t_min + (1 - t_min) * {TIMES}", TIMES),
    summed("flow_matching(...)"),
    ("data at t = 1", "flow_matching(_, rows, z, t)", "flow_matching(_, z, rows, t)"),
)
START, TAPE = "sigmas[0] * rng.standard_normal((n, d))", "annealed_langevin_tape(rng, _, n_steps, n, d)"
wrong_versions(
    "draw_by_annealed_langevin",
    ("starts at unit normal points", START, "rng.standard_normal((n, d))"),
    ("starts at the smallest level", START, "sigmas[-1] * rng.standard_normal((n, d))"),
    ("all start at one point", START, "sigmas[0] * rng.standard_normal((1, d)) * np.ones((n, 1))", "one row"),
    ("a quarter of the largest level", START, "0.25 * sigmas[0] * rng.standard_normal((n, d))"),
    ("one step a level", TAPE, "annealed_langevin_tape(rng, _, 1, n, d)"),
)
PRIOR, STD = "sde.prior(d).sample(rng, n)", "sde.marginal(times[1:])[1] ** 2"
WAY_BACK = "np.linspace(1.0, t_min, n_steps + 1)"
wrong_versions(
    "draw_by_diffusion",
    ("starts twice as wide", PRIOR, f"2.0 * {PRIOR}"),
    ("all start at one point", PRIOR, "np.ones((n, 1)) * sde.prior(d).sample(rng, 1)", "one row"),
    ("corrections of the time before", STD, "sde.marginal(times[:-1])[1] ** 2", "no corrections"),
    ("ratio of the deviation", STD, "sde.marginal(times[1:])[1]", "no corrections"),
    ("half of the way", WAY_BACK, "np.linspace(1.0, 0.5 + 0.5 * t_min, n_steps + 1)"),
)
wrong_versions(
    "theorem denoising_error_needs_no_clean_point",
    ("the noise's own share stays", "[moved, spread, -d * sigma**2]", "[moved, spread]", "direction"),
)

asked(
    " ".join(NAMES),
    arguments=given,
    call=lambda impl, function, arguments: answered(getattr(impl, function), arguments),
)
