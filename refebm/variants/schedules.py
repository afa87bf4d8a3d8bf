"""Variants of schedules: the cosine, and rules for noise levels and their steps."""

from refebm.variants.asked import asked
from refebm.variants.record import conventions, one_term, terms, wrong_versions

SONG = "Song and Ermon 2020"
WHOLE = "np.minimum(turned / np.sin(left[:-1]), most)"

wrong_versions(
    "cosine_betas",
    ("from late to early", WHOLE, f"np.flip({WHOLE}, 0)", "one step"),
    ("the cosine not squared", WHOLE, "np.minimum(1 - np.sin(left[1:]) / np.sin(left[:-1]), most)"),
    (
        "what is lost in all, for the step",
        WHOLE,
        "np.minimum(1 - (np.sin(left[1:]) / np.sin(left[0])) ** 2, most)",
        "one step",
    ),
    ("what is kept, for what is lost", WHOLE, "np.minimum((np.sin(left[1:]) / np.sin(left[:-1])) ** 2, most)"),
    (
        "over what is kept after the step",
        WHOLE,
        "np.minimum(turned * np.sin(left[:-1]) / (np.sin(left[1:]) ** 2 + 1e-30), most)",
    ),
    ("not cut", WHOLE, "turned / np.sin(left[:-1])", "all but the last"),
    ("no offset", "left = _", "left = 0.5 * np.pi * (n_steps - np.arange(n_steps + 1)) / n_steps", "no offset"),
    (
        "offset that is not made up for",
        "left = _",
        "left = 0.5 * np.pi * (1 - np.arange(n_steps + 1) / n_steps - offset)",
        "no offset",
    ),
    ("a root for the square", WHOLE, "np.minimum(np.sqrt(turned / np.sin(left[:-1])), most)"),
)
conventions(
    "cosine_betas",
    (
        "what is kept of the variance, in all",
        WHOLE,
        f"np.exp(np.cumsum(np.log1p(-{WHOLE})))",
        "diffusers: alphas_cumprod",
    ),
)

COVERED = "ndtr(3 * ratio - apart) - ndtr(-3 * ratio - apart)"
wrong_versions(
    "level_coverage",
    ("three deviations of the smaller level", COVERED, "ndtr(3 - apart) - ndtr(-3 - apart)"),
    ("sqrt(d) for sqrt(2 d)", "np.sqrt(2.0 * d)", "np.sqrt(d)"),
    ("d for its root", "np.sqrt(2.0 * d)", "2.0 * d"),
    ("the levels not apart", COVERED, "ndtr(3 * ratio) - ndtr(-3 * ratio)"),
    ("the complement", COVERED, "1 - ndtr(3 * ratio - apart) + ndtr(-3 * ratio - apart)"),
    ("one deviation for three", COVERED, "ndtr(ratio - apart) - ndtr(-ratio - apart)"),
    ("the log of the ratio", "np.sqrt(2.0 * d) * (above_one(ratio) - 1)", "np.sqrt(2.0 * d) * np.log(ratio)"),
)
FOUND = "level_coverage(ratio, d) > coverage"
wrong_versions(
    "level_ratio",
    (
        "the smaller level over the larger",
        "between(...)",
        "1 / between(1.0, 1e3, lambda r: level_coverage(r, d) > coverage)",
    ),
    ("the complement", FOUND, "level_coverage(ratio, d) > 1 - coverage", "half"),
    ("half as many dimensions", FOUND, "level_coverage(ratio, (d + 1) // 2) > coverage"),
    ("of the squares", FOUND, "level_coverage(ratio**2, d) > coverage"),
    ("one side alone", FOUND, "ndtr(np.sqrt(2.0 * d) * (ratio - 1) + 3 * ratio) - 0.5 < coverage"),
    ("of three levels", FOUND, "level_coverage(ratio, d) > coverage**2"),
)

wrong_versions(
    "annealed_variance",
    ("T for 2T: what is kept of a variance is not squared", "kept = _", "kept = (1 - eta) ** n_steps"),
    ("the ratio for its square", "** 2 - settled", "- settled"),
    ("as if it settled at the right variance", "settled = _", "settled = 1"),
    ("half of the noise", "settled = _", "settled = 0.5 / (1 - eta / 2)", "finite", "Song and Ermon 2019: alpha/2"),
    ("settled, whatever the start", "settled + kept * (above_one(ratio) ** 2 - settled)", "settled"),
    ("an exponential", "kept = _", "kept = np.exp(-2 * n_steps * eta)"),
    ("a step less", "kept = _", "kept = (1 - eta) ** (2 * n_steps - 2)"),
)
conventions(
    "annealed_variance",
    (
        "the step is alpha, of which the drift has half: eta = alpha/(2 sigma^2)",
        "settled = _",
        "eta = eta / 2\n    settled = 1 / (1 - eta / 2)",
        "Song and Ermon 2019, algorithm 1",
    ),
)
FALLS = "power * kept * (excess - 0.5 * eta * settled) > -np.expm1(power * log_kept) * settled**2 / 2"
wrong_versions(
    "annealed_step",
    ("T for 2T: what is kept of a variance is not squared", "2 * n_steps", "n_steps"),
    ("the ratio for its square", "(above_one(ratio) - 1) * (ratio + 1)", "above_one(ratio) - 1"),
    ("where it is halved", FALLS, "kept * (1 - eta) > 0.5"),
    ("its own error left out", FALLS, "kept * (1 + excess) > 1 - kept"),
    ("as if it settled at once", FALLS, "power * kept * (excess - 0.5 * eta * settled) > settled**2 / 2"),
)
conventions(
    "annealed_step",
    (
        "the step is alpha, of which the drift has half: eta = alpha/(2 sigma^2)",
        "return between(0.0, 1.0, falls)",
        "return 2 * between(0.0, 1.0, falls)",
        "Song and Ermon 2019, algorithm 1",
    ),
)
AVERAGE = "momentum * old + (1 - momentum) * new"
wrong_versions(
    "moving_average",
    ("a mean of both", AVERAGE, "0.5 * old + 0.5 * new"),
    ("not normalised", AVERAGE, "momentum * old + new"),
    ("nothing is forgotten", AVERAGE, "old + (1 - momentum) * new"),
    ("momentum for its square", AVERAGE, "momentum**2 * old + (1 - momentum**2) * new"),
    ("no average: the last parameters", AVERAGE, "new"),
)
terms(
    "moving_average",
    ("m theta'", "filled(average, (momentum * old for old in leaves_of(average)))"),
    ("(1 - m) theta", "filled(average, ((1 - momentum) * new for new in leaves_of(parameters)))"),
)
conventions(
    "moving_average",
    (
        "the weight of the new parameters: 1 - m",
        AVERAGE,
        "(1 - momentum) * old + momentum * new",
        "stable_baselines3 polyak_update (tau), torch.nn.BatchNorm1d (momentum)",
    ),
)


def wide(ask, name):
    """A dimension larger than that of other questions."""
    return 8 * ask.d + ask.n


def layer(ask, name):
    """A matrix and a vector, as parameters."""
    return ask.grid((ask.d, ask.d), -1, 1), ask.grid((ask.d,), -1, 1)


asked(
    "cosine_betas",
    also=("offset", "most"),
    draws={"offset": 0.03125, "most": lambda ask, name: ask.fixed.get(name, 0.9375)},
    values={"offset": ((0.0, 0.5),)},
    special=tuple(("a largest beta of its own", {"most": most}) for most in (0.5, 0.75)),
)
asked("level_ratio", also=("coverage",), draws={"d": wide, "coverage": 0.375}, values={"coverage": ((0.5, 0.875),)})
asked(
    "level_coverage",
    draws={"d": wide, "ratio": lambda ask, name: ask.fixed.get(name, float(ask.grid((), 1.0625, 1.5)))},
    values={"ratio": ((1.25, 2.0),)},
)
asked(
    "annealed_variance annealed_step",
    draws={
        "n_steps": lambda ask, name: ask.fixed.get(name, 1 + ask.d),
        "ratio": lambda ask, name: ask.fixed.get(name, float(ask.grid((), 1.125, 2.5))),
    },
    values={"ratio": ((1.25, 2.0),)},
)
asked("annealed_variance", draws={"eta": lambda ask, name: ask.fixed.get(name, float(ask.grid((), 0.0625, 0.75)))})
asked(
    "moving_average",
    draws={"average": layer, "parameters": layer, "momentum": 0.8125},
    values={"momentum": ((0.875, 0.25), "what is right for one momentum only")},
    rounded={"momentum": 41 / 48},
)
one_term("annealed_step annealed_variance cosine_betas level_coverage level_ratio")
