"""Variants of flow matching, and of the conversions between velocity and score."""

from refebm.variants.asked import FAR, asked
from refebm.variants.record import conventions, numbered, terms, wrong_versions

POINT = "(1 - s) * x + s * z"
MISFIT = f"velocity({POINT}, t) - (z - x)"
U = "velocity((1 - t[:, None]) * x + t[:, None] * z, t)"
LIPMAN = "Lipman et al. 2023"
NOISE_FIRST = f"{LIPMAN}, eq. 9: data at t = 1; torchcfm, facebookresearch/flow_matching"

wrong_versions(
    "flow_matching",
    ("from data to noise for the other way", "(z - x)", "(x - z)"),
    ("time running the wrong way", POINT, "s * x + (1 - s) * z", "half way"),
    ("the velocity at another time", f"velocity({POINT}, t)", f"velocity({POINT}, 1 - t)", "half way"),
    ("the noise alone as target", "(z - x)", "z", "at the centre"),
    ("from the noisy point for from the data", "(z - x)", f"(z - ({POINT}))"),
    ("noise of size sqrt(t)", "+ s * z", "+ np.sqrt(s) * z", "no noise drawn"),
    ("data kept to sqrt(1 - t^2)", "(1 - s) * x +", "np.sqrt(1 - s**2) * x +", "at the centre"),
    ("data not shrunk", POINT, "x + s * z", "at the centre"),
    ("one time for all rows", "s = t[:, None]", "s = t[:1, None]", "one time"),
    ("clean points", POINT, "x"),
)
conventions(
    "flow_matching",
    ("no 1/2", "0.5 * ", "", f"{LIPMAN}, eq. 9"),
    ("mean over coordinates", "0.5 * ", "0.5 / x.shape[1] * "),
    ("mean squared error: no 1/2, mean over coordinates", "0.5 * ", "1 / x.shape[1] * ", "torchcfm"),
    (
        "data at t = 1: x_t = t x + (1 - t) z, whose velocity is x - z",
        MISFIT,
        "velocity(s * x + (1 - s) * z, t) - (x - z)",
        NOISE_FIRST,
    ),
    (
        "data at t = 1, no 1/2",
        f"0.5 * squared_norm({MISFIT})",
        "squared_norm(velocity(s * x + (1 - s) * z, t) - (x - z))",
        NOISE_FIRST,
    ),
    (
        "data at t = 1, no 1/2, mean over coordinates",
        f"0.5 * squared_norm({MISFIT})",
        "1 / x.shape[1] * squared_norm(velocity(s * x + (1 - s) * z, t) - (x - z))",
        NOISE_FIRST,
    ),
)
numbered(
    "flow_matching",
    (
        "sigma_min = k at the data",
        MISFIT,
        "velocity((1 - s) * x + (k + (1 - k) * s) * z, t) - ((1 - k) * z - x)",
        f"{LIPMAN}, eqs. 20 to 23",
    ),
    (
        "data at t = 1, with sigma_min = k",
        MISFIT,
        "velocity(s * x + (1 - (1 - k) * s) * z, t) - (x - (1 - k) * z)",
        f"{LIPMAN}, eqs. 20 to 23",
    ),
)
terms(
    "flow_matching",
    ("1/2 |u|^2", f"0.5 * squared_norm({U})"),
    ("-u.(z - x)", f"-np.sum({U} * (z - x), axis=1)"),
    ("1/2 |z - x|^2", "0.5 * squared_norm(z - x)"),
)
wrong_versions(
    "flow_velocity",
    ("sign", "-(x + s * score(x, t))", "(x + s * score(x, t))", "up to a factor"),
    ("sign of the score", "x + s * score(...)", "x - s * score(...)"),
    ("the score without t", "x + s * score(...)", "x + score(...)"),
    ("t squared: Tweedie's", "x + s * score(...)", "x + s**2 * score(...)"),
    ("half the score: that of an SDE with g^2 = t", "s * score(...)", "0.5 * s * score(...)"),
    ("not divided", " / (1 - s)", ""),
    ("divided by t", "/ (1 - s)", "/ s", "half way"),
    ("one time for all rows", "s = t[:, None]", "s = t[:1, None]", "one time"),
    ("the score at another time", "score(x, t)", "score(x, 1 - t)", "half way"),
)
conventions(
    "flow_velocity",
    (
        "data at t = 1, where the velocity is that of noise to data: (x + (1 - t) s)/t",
        "-(x + s * score(x, t)) / (1 - s)",
        "(x + (1 - s) * score(x, t)) / s",
        NOISE_FIRST,
    ),
    (
        "data at t = 1, but of a score that is told 1 - t: (x + (1 - t) s)/t",
        "-(x + s * score(x, t)) / (1 - s)",
        "(x + (1 - s) * score(x, 1 - t)) / s",
        NOISE_FIRST,
    ),
)
terms(
    "flow_velocity",
    ("-x/(1 - t)", "-x / (1 - t[:, None])"),
    ("-t s/(1 - t)", "-t[:, None] * score(x, t) / (1 - t[:, None])"),
)
wrong_versions(
    "score_of_flow",
    ("sign", "-(x + (1 - s) * velocity(x, t))", "(x + (1 - s) * velocity(x, t))", "up to a factor"),
    ("sign of the velocity", "x + (1 - s) *", "x - (1 - s) *"),
    ("the velocity whole", "x + (1 - s) * velocity(...)", "x + velocity(...)"),
    ("t for 1 - t", "(1 - s) * velocity(...)", "s * velocity(...)", "half way"),
    ("over t squared", "/ s", "/ s**2"),
    ("not divided", " / s", ""),
    ("one time for all rows", "s = t[:, None]", "s = t[:1, None]", "one time"),
)
conventions(
    "score_of_flow",
    (
        "data at t = 1: (t u - x)/(1 - t), of the velocity from noise to data",
        "-(x + (1 - s) * velocity(x, t)) / s",
        "(s * velocity(x, t) - x) / (1 - s)",
        NOISE_FIRST,
    ),
)
terms("score_of_flow", ("-x/t", "-x / t[:, None]"), ("-(1 - t) u/t", "-(1 - t[:, None]) * velocity(x, t) / t[:, None]"))

asked("flow_velocity", far=FAR, without=("t",))  # the velocity has a pole at t = 1
asked("flow_matching", without=("t",))
