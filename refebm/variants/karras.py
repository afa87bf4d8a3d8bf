"""Variants of denoising as in EDM: its loss, its preconditioning, its levels and its steps."""

import numpy as np

from refebm.variants.asked import asked
from refebm.variants.record import REDUCTION, conventions, one_term, terms, wrong_versions

KARRAS = "Karras, Aittala, Aila and Laine 2022"
WEIGHT = "sigma**-2 + data_std**-2"
D = "denoiser(x + sigma * z, sigma[:, 0])"
W = "((sigma**2 + data_std**2) / (sigma * data_std) ** 2)[:, 0]"

wrong_versions(
    "karras_denoising",
    ("no square in the weight", WEIGHT, "(sigma**2 + data_std**2) / (sigma * data_std)"),
    ("the weight upside down", WEIGHT, "(sigma * data_std) ** 2 / (sigma**2 + data_std**2)"),
    ("the weight's root", WEIGHT, "np.sqrt(sigma**2 + data_std**2) / (sigma * data_std)"),
    (
        "a sum for a product",
        WEIGHT,
        "(sigma**2 + data_std**2) / (sigma + data_std) ** 2",
        "finite",
        "alphafold3-pytorch 68, of AlphaFold 3's supplement, eq. 6",
    ),
    ("1/sigma^2: data of size one", WEIGHT, "(sigma**2 + 1) / sigma**2", "data of size one"),
    ("variance for deviation", "x + sigma * z", "x + sigma**2 * z", "sigma = 1"),
    ("from the noisy point", f"{D} - x", f"{D} - (x + sigma * z)", "no noise drawn"),
    ("the denoiser at the clean point", "x + sigma * z", "x", "no noise drawn"),
    ("one weight for all rows", "weight[:, 0]", "weight[0, 0]", "one noise level"),
    ("the level as the network's variance", f"{D}", "denoiser(x + sigma * z, sigma[:, 0] ** 2)", "sigma = 1"),
)
conventions(
    "karras_denoising",
    ("no 1/2", "0.5 * ", "", f"{KARRAS}, eq. 2"),
    ("mean over coordinates", "0.5 * ", "0.5 / x.shape[1] * ", REDUCTION),
    ("mean squared error: no 1/2, mean over coordinates", "0.5 * ", "1 / x.shape[1] * ", f"the code of {KARRAS}"),
    ("no weight", "0.5 * weight[:, 0] * ", "0.5 * ", "Vincent 2011"),
    ("the weight of noise prediction: 1/sigma^2", "weight[:, 0]", "sigma[:, 0] ** -2", "Ho, Jain and Abbeel 2020"),
    ("the model predicts the noise: D = y - sigma eps", f"{D} - x", f"sigma * (z - {D})", "Ho, Jain and Abbeel 2020"),
    ("the model is a score: D = y + sigma^2 s", f"{D} - x", f"sigma * (z + sigma * {D})", "Song and Ermon 2019"),
)
terms(
    "karras_denoising",
    ("1/2 w |D|^2", f"0.5 * {W} * squared_norm({D})"),
    ("-w D.x", f"-{W} * np.sum({D} * x, axis=1)"),
    ("1/2 w |x|^2", f"0.5 * {W} * squared_norm(x)"),
)

SKIP, OUT = "data_std**2 / whole * x", "sigma * data_std / np.sqrt(whole) * predicted"
wrong_versions(
    "karras_preconditioned",
    ("c_skip of the noise", SKIP, "sigma**2 / whole * x"),
    ("the root of c_skip", SKIP, "data_std / np.sqrt(whole) * x"),
    ("all of the point skipped", SKIP, "x", "at the origin"),
    ("c_out without its root", OUT, "sigma * data_std / whole * predicted"),
    ("c_out is sigma", OUT, "sigma * predicted"),
    ("c_out of the data alone", OUT, "data_std / np.sqrt(whole) * predicted"),
    ("c_in without its root", "x / np.sqrt(whole)", "x / whole", "at the origin"),
    ("the point as it is", "x / np.sqrt(whole)", "x", "at the origin"),
    ("log sigma without the 1/4", "0.25 * np.log(sigma[:, 0])", "np.log(sigma[:, 0])"),
    ("a half for the 1/4", "0.25 * np.log(sigma[:, 0])", "0.5 * np.log(sigma[:, 0])"),
    (
        "one level for all rows",
        "0.25 * np.log(sigma[:, 0])",
        "0.25 * np.log(sigma[:1, 0]) + 0 * sigma[:, 0]",
        "one noise level",
    ),
)
GIVEN = (
    "the network is given sigma itself",
    "0.25 * np.log(sigma[:, 0])",
    "sigma[:, 0]",
    "k-diffusion layers.Denoiser",
)
conventions("karras_preconditioned", GIVEN)
INNER = "network(x / np.sqrt(sigma**2 + data_std**2), 0.25 * np.log(sigma[:, 0]))"
terms(
    "karras_preconditioned",
    ("c_skip x", "data_std**2 / (sigma**2 + data_std**2) * x"),
    ("c_out F", f"sigma * data_std / np.sqrt(sigma**2 + data_std**2) * {INNER}"),
)

LEVELS = "((1 - part) * first + part * last) ** power"
wrong_versions(
    "karras_noise_levels",
    ("over n: the smallest is not reached", "np.arange(n) / (n - 1)", "np.arange(n) / n"),
    ("counted from 1", "np.arange(n) / (n - 1)", "(1 + np.arange(n)) / n"),
    ("not raised to the power again", LEVELS, LEVELS.removesuffix(" ** power"), "power = 1"),
    ("the power for its inverse", LEVELS, LEVELS.replace("** power", "** (1 / power)"), "power = 1"),
    ("equal steps", LEVELS, "largest + part * (smallest - largest)", "power = 1"),
    ("a constant ratio", LEVELS, "largest * (smallest / largest) ** part", "two levels"),
)
conventions(
    "karras_noise_levels",
    (
        "from small to large",
        "(1 - part) * first + part * last",
        "(1 - part) * last + part * first",
        "Song, Dhariwal, Chen and Sutskever 2023, section 3",
    ),
)

HALVES = "(next_sigma - sigma) * 0.5 * (slope + there)"
wrong_versions(
    "karras_heun_step",
    ("Euler's step", HALVES, "(next_sigma - sigma) * slope", "to 0"),
    ("the slope ahead alone", HALVES, "(next_sigma - sigma) * there", "to 0"),
    ("no 1/2", HALVES, "(next_sigma - sigma) * (slope + there)", "to 0"),
    (
        "the wrong way",
        "x + (next_sigma - sigma) * 0.5 * (slope + there)",
        "x - (next_sigma - sigma) * 0.5 * (slope + there)",
        "to 0",
    ),
    (
        "from where Euler's step arrives",
        "x + (next_sigma - sigma) * 0.5 * (slope + there)",
        "ahead + (next_sigma - sigma) * 0.5 * (slope + there)",
        "to 0",
    ),
    ("the slope ahead at the old level", "next_sigma * np.ones(len(x))", "sigma * np.ones(len(x))", "to 0"),
    (
        "the slope ahead from the old point",
        "(ahead - denoiser(ahead, ...))",
        "(x - denoiser(ahead, next_sigma * np.ones(len(x))))",
        "to 0",
    ),
    ("the slope ahead over the old level", "/ next_sigma", "/ sigma", "to 0"),
    ("not over the level", "(x - denoiser(...)) / sigma", "(x - denoiser(...))", "sigma = 1, to 0"),
    ("sign of the slope", "(x - denoiser(...)) / sigma", "(denoiser(...) - x) / sigma"),
    (
        "the level of the first slope squared",
        "denoiser(x, sigma * np.ones(len(x)))",
        "denoiser(x, sigma**2 * np.ones(len(x)))",
        "sigma = 1, to 0",
    ),
)


def before_a_zero(parts, shapes):
    """The levels before a zero that is appended to them."""
    [levels] = parts
    return (levels[:-1],) if levels.shape == (shapes[0][0] + 1,) and levels[-1] == 0 else None


asked("karras_denoising karras_preconditioned", draws={"data_std": 0.625}, values={"data_std": ((0.5, 1.0),)})
asked("karras_preconditioned", draws={"sigma": lambda ask, name: 1.25 + np.abs(ask.sigma)}, without=("sigma",))
asked("karras_preconditioned", trained=True)
asked(
    "karras_noise_levels",
    also=("power",),
    draws={
        "n": lambda ask, name: ask.fixed.get("levels", 4),
        "power": 2.75,
        "smallest": 0.0625,
        "largest": 2.5,
    },
    values={"levels": ((2, 3, 5, 8),), "power": ((0.25, 1.0),)},
    special=(("what is right for power = 1 only", {"power": 1.0}),),
    longer=("the level 0 at the end (convention of Karras et al. 2022, eq. 5)", before_a_zero),
)
asked(
    "karras_heun_step",
    draws={"next_sigma": 0.25},
    values={"next_sigma": ((0.0, 0.0), "what is right for all steps but the last")},
)
one_term("karras_heun_step karras_noise_levels")
