"""Variants of unadjusted and annealed Langevin dynamics."""

from refebm.variants.asked import FAR, asked
from refebm.variants.record import conventions, one_term, terms, wrong_versions

STEP = "x + eta * score(x) + np.sqrt(2 * eta) * z"
ROOT = "np.sqrt(2 * eta) * z"
NO_ROOT = "edward 731, DiffEqFlux 695, optax 281, csgmcmc 1"

wrong_versions(
    "langevin_step",
    ("sqrt(eta) for sqrt(2 eta)", "np.sqrt(2 * eta)", "np.sqrt(eta)", "no noise drawn", NO_ROOT),
    ("2 outside the root", "np.sqrt(2 * eta)", "2 * np.sqrt(eta)", "no noise drawn", NO_ROOT),
    ("eta for sqrt(2 eta)", "np.sqrt(2 * eta)", "eta", "eta = 2", NO_ROOT),
    ("no root", "np.sqrt(2 * eta)", "2 * eta", "eta = 1/2", NO_ROOT),
    ("x - h(1/2 grad + noise)", STEP, "x - eta * (-0.5 * score(x) + z)", "finite", "google-research/ibc 6"),
    ("half the drift, all the noise", "eta * score(x)", "0.5 * eta * score(x)"),
    ("sign of the drift", "eta * score(x)", "-eta * score(x)"),
    ("drift clipped", "score(x)", "np.clip(score(x), -0.25, 0.25)", "finite", "igebm-pytorch"),
    ("no drift", "eta * score(x) + ", ""),
    (
        "the score at the point to which noise was added",
        "score(x)",
        "score(x + np.sqrt(2 * eta) * z)",
        "no noise drawn",
        "igebm-pytorch",
    ),
    ("drift of unit length", "score(x)", "score(x) / np.sqrt(np.sum(score(x) ** 2, 1, keepdims=True))"),
    ("the same noise in each row", "* z", "* z[:1]", "one row", "coreax 375"),
    ("noise along the diagonal", "* z", "* z[:, :1]", "d = 1"),
    ("drift of the batch mean", "score(x)", "np.mean(score(x), axis=0)", "one row"),
)
conventions(
    "langevin_step",
    (
        "the step is that of the noise alone, x + s + eps z: the energy of another temperature",
        STEP,
        "x + score(x) + eta * z",
        "ebm-anatomy 1, ebm_code_release 2",
    ),
)
terms("langevin_step", ("x", "x"), ("eta s", "eta * score(x)"), ("sqrt(2 eta) z", ROOT))

RATIO = "eps * (sigma / sigmas[-1]) ** 2"
wrong_versions(
    "annealed_langevin",
    (
        "noise of the first level's step at every level",
        "langevin_step(..., eta, z_t)",
        "langevin_step(..., eta, z_t * sigmas[0] / sigma)",
        "one level",
        "bobondemon",
    ),
    ("ratio of the levels not squared", RATIO, "eps * sigma / sigmas[-1]", "one level", "cheind/score-based"),
    ("the same step at every level", RATIO, "eps", "one level"),
    ("steps relative to the first level", RATIO, "eps * sigma**2 / sigmas[0] ** 2", "one level"),
    ("ratio upside down", RATIO, "eps * sigmas[-1] ** 2 / sigma**2", "one level"),
    ("levels from small to large", "zip(sigmas, z)", "zip(np.flip(sigmas), z)", "one level"),
    ("the field of the last level throughout", "at(score, sigma)", "at(score, sigmas[-1])", "one level"),
    (
        "sigma squared to the field",
        "at(score, sigma)",
        "at(score, sigma**2)",
        "finite",
        "pyro 1643, edward 722: a variance for a scale",
    ),
    ("the same noise at each step", "for z_t in noise: ...", "for z_t in [noise[0]] * len(noise): ...", "one step"),
    ("the same tape at each level", "zip(sigmas, z)", "zip(sigmas, [z[0]] * len(z))", "one level", "coreax 375"),
    ("first step of each level left out", "for z_t in noise: ...", "for z_t in noise[1:]: ..."),
    ("no noise in the last step of a level", "for z_t in noise: ...", "for z_t in [*noise[:-1], 0 * noise[-1]]: ..."),
)
conventions(
    "annealed_langevin",
    (
        "ends with the posterior mean at the last level, by Tweedie's formula",
        "np.stack(ends) if every_level else x",
        "np.stack(ends) if every_level else x + sigmas[-1] ** 2 * at(score, sigmas[-1])(x)",
        "Song and Ermon 2020, section 3.4; Jolicoeur-Martineau et al. 2021",
    ),
)

DECAY = "first * (1.0 + np.arange(n_steps)) ** -power"
wrong_versions(
    "decaying_steps",
    ("growing", "** -power", "** power", "one step"),
    (
        "steps counted from 1 where they are counted from 0: 2^-power first",
        "1.0 + np.arange(n_steps)",
        "2.0 + np.arange(n_steps)",
    ),
    ("geometric: the sum is finite", DECAY, "first * power ** np.arange(n_steps)", "one step"),
    ("exponential: the sum is finite", DECAY, "first * np.exp(-power * np.arange(n_steps))", "one step"),
    ("inverse time: 1/(1 + power i)", DECAY, "first / (1.0 + power * np.arange(n_steps))", "power = 1"),
    ("linear down to zero", DECAY, "first * (1 - np.arange(n_steps) / n_steps) ** power", "one step"),
    ("power left out", "** -power", "** -1.0", "power = 1"),
    ("root of the steps", "** -power", "** (-0.5 * power)", "one step"),
)
conventions(
    "decaying_steps",
    (
        "eps_t, of which the drift has half: our step is half theirs",
        "first *",
        "0.5 * first *",
        "Welling and Teh 2011, eq. 4",
    ),
)
wrong_versions(
    "theorem summable_steps_stop_short",
    (
        "steps to zero and time to infinity suffice",
        "[mean, -start, *((start - mean) * series)]",
        "[mean, -start]",
        "direction",
        "printed in Song and Kingma 2021, HY-673 lecture 12, Stanford CS236, Das 2021 and module 18a",
    ),
)

asked("langevin_step", far=FAR)
asked("annealed_langevin", values={"sigmas": (([0.625], [2.0, 1.0]), "one level alone, or a level of 1")})
asked(
    "decaying_steps",
    draws={"first": 0.375, "power": lambda ask, name: ask.fixed.get(name, 0.5)},
    values={"first": ((0.125, 1.0),), "power": ((0.25, 1.0),), "n_steps": ((1, 5), "a step too many, or too few")},
    generic=lambda i, half, d, n: {"n_steps": n + half},
    special=(("what is right for power = 1 only", {"power": 1.0}),),
)
one_term("annealed_langevin decaying_steps")
