"""Variants of the denoising objectives, and of theorems about them."""

from refebm.variants.asked import asked
from refebm.variants.record import conventions, one_term, terms, wrong_versions

NOISY = "score(x + sigma * z)"
MISFIT = f"{NOISY} + z / sigma"
LEVEL = "score(x + sigma * z, sigma[:, 0])"
DENOISED = "denoiser(x + sigma * z)"

SIGN = "printed in CS236: s estimates the noise that was added; torchebm issue 318, Carnot-EBM"

wrong_versions(
    "denoising_score_matching",
    ("sign of the target", "+ z / sigma", "- z / sigma", "finite", SIGN),
    ("sigma squared for sigma", "z / sigma", "z / sigma**2", "sigma = 1"),
    ("clean points", NOISY, "score(x)", "no noise drawn", "printed in CS236, summaries: E over p_data"),
    (
        "target of unit length",
        "z / sigma",
        "z / np.sqrt(squared_norm(z) + 1e-300)[:, None]",
        "finite",
        "printed in Das 2021: a unit vector",
    ),
    (
        "absolute value for the square",
        f"squared_norm({MISFIT})",
        f"np.sum(np.abs({MISFIT}), axis=1)",
        "finite",
        "enhuiz",
    ),
    ("noise of unit size", "x + sigma * z", "x + z", "sigma = 1"),
    ("noise of size sigma squared", "x + sigma * z", "x + sigma**2 * z", "sigma = 1", "annotated_deep_learning 152"),
    (
        "sigma read as a variance",
        MISFIT,
        "score(x + np.sqrt(sigma) * z) + z / np.sqrt(sigma)",
        "sigma = 1",
        "pyro 1643, edward 722",
    ),
    ("the same noise in each row", MISFIT, "score(x + sigma * z[:1]) + z[:1] / sigma", "finite", "coreax 375"),
)
terms(
    "denoising_score_matching",
    ("1/2 |s|^2", f"0.5 * squared_norm({NOISY})"),
    ("z.s/sigma", f"dot(z / sigma, {NOISY})"),
    ("1/2 |z|^2/sigma^2", "0.5 * squared_norm(z / sigma)"),
)
wrong_versions(
    "denoising_score_matching_cv",
    ("no control variate", "- control", "- 0 * control"),
    ("sign of the control variate", "- control", "+ control"),
    ("mean of the control variate", "(z**2 - 1)", "z**2", "the gradient"),
    ("constant of the control variate left out", " + 0.5 * np.sum((z**2 - 1) / sigma**2, axis=1)", "", "the gradient"),
    ("sigma dropped", "dot(z / sigma, score(x))", "dot(z, score(x))", "sigma = 1"),
    ("control variate at the noisy point", "dot(z / sigma, score(x))", f"dot(z / sigma, {NOISY})", "no noise drawn"),
    ("sign of the target", "+ z / sigma", "- z / sigma", "finite", "torchebm issue 318, Carnot-EBM"),
)
terms(
    "denoising_score_matching_cv",  # the term 1/2 |z|^2/sigma^2 cancels, and is not listed
    ("1/2 |s|^2", f"0.5 * squared_norm({NOISY})"),
    ("z.s/sigma", f"dot(z / sigma, {NOISY})"),
    ("-z.s(x)/sigma", "-dot(z / sigma, score(x))"),
    ("d/(2 sigma^2)", "0.5 * x.shape[1] / sigma[:, 0] ** 2"),
)
wrong_versions(
    "noise_conditional_score_matching",
    ("one sigma for all rows", "sigma * score(...)", "sigma[0] * score(...)", "one noise level", "printed in Das 2021"),
    ("sign of the noise", "+ z", "- z"),
    ("variance for deviation", "sigma[:, 0]", "sigma[:, 0] ** 2", "sigma = 1"),
    ("clean points", "x + sigma * z", "x", "no noise drawn"),
    ("noise of size sigma squared", "x + sigma * z", "x + sigma**2 * z", "sigma = 1", "annotated_deep_learning 152"),
    (
        "absolute value for the square",
        f"squared_norm(sigma * {LEVEL} + z)",
        f"np.sum(np.abs(sigma * {LEVEL} + z), axis=1)",
        "finite",
        "enhuiz",
    ),
)
terms(
    "noise_conditional_score_matching",
    ("1/2 sigma^2 |s|^2", f"0.5 * squared_norm(sigma * {LEVEL})"),
    ("sigma z.s", f"dot(z, sigma * {LEVEL})"),
    ("1/2 |z|^2", "0.5 * squared_norm(z)"),
)
wrong_versions(
    "denoising_autoencoder",
    ("the noisy point as target", "- x", "- x - sigma * z", "no noise drawn"),
    ("clean points", "x + sigma * z", "x", "no noise drawn"),
    ("noise of unit size", "x + sigma * z", "x + z", "sigma = 1"),
    ("noise of size sigma squared", "x + sigma * z", "x + sigma**2 * z", "sigma = 1", "annotated_deep_learning 152"),
    (
        "absolute value for the square",
        f"squared_norm({DENOISED} - x)",
        f"np.sum(np.abs({DENOISED} - x), axis=1)",
        "finite",
        "enhuiz",
    ),
    ("sign of the target", "- x", "+ x"),
)
terms(
    "denoising_autoencoder",
    ("1/2 |r|^2", f"0.5 * squared_norm({DENOISED})"),
    ("-r.x", f"-dot({DENOISED}, x)"),
    ("1/2 |x|^2", "0.5 * squared_norm(x)"),
)
wrong_versions(
    "tweedie_mean",
    ("sigma for sigma squared", "sigma**2", "sigma", "sigma = 1"),
    ("sign", "y + ", "y - ", "finite", "printed in CS236, Tweedie: the gradient with respect to the clean point"),
    ("a Langevin step", "sigma**2", "0.5 * sigma**2"),
    ("the noisy point left out", "y + ", ""),
    ("one sigma for all rows", "sigma**2", "sigma[0] ** 2", "one noise level"),
)
terms("tweedie_mean", ("y", "y"), ("sigma^2 s", "sigma**2 * score(y)"))
wrong_versions(
    "tweedie_cov",
    ("sigma squared for its square", "+ variance * slopes", "+ slopes", "sigma = 1"),
    ("sign", "+ variance * slopes", "- variance * slopes"),
    ("diagonal only", "jacobian(score, y)", "jacobian(score, y) * np.eye(y.shape[1])", "d = 1"),
    ("no noise variance", "variance * np.eye(y.shape[1]) + ", ""),
)
terms(
    "tweedie_cov",
    ("sigma^2 I", "sigma[:, :, None] ** 2 * np.eye(y.shape[1])"),
    ("sigma^4 grad s", "sigma[:, :, None] ** 4 * jacobian(score, y)"),
)
wrong_versions(
    "geometric_noise_levels",
    ("linear levels", "np.geomspace", "np.linspace", "two levels"),
    (
        "mean distance",
        "largest_distance(x)",
        "np.mean([np.sum((a - b) ** 2) ** 0.5 for i, a in enumerate(x) for b in x[:i]])",
        "two points",
    ),
    ("overlap as if d were 1", "2 * d * np.log(...)", "2 * np.log(...)", "d = 1"),
    ("ratio not squared", "crossing / ratio**2", "crossing / ratio"),
)
DISCRETE = "score_sde VESDE, diffusers ScoreSdeVeScheduler: discrete_sigmas"
conventions(
    "geometric_noise_levels",
    ("levels from small to large", "NoiseLevels(sigmas, ...)", "NoiseLevels(np.flip(sigmas), ...)", DISCRETE),
)
wrong_versions(
    "theorem denoising_is_explicit_on_smoothed_data",
    (
        "marginal and joint objective equal",
        "[explicit, d / (2 * sigma**2), -constant]",
        "[explicit]",
        "differences between models",
        "printed in Das 2021, eq. 5",
    ),
)
wrong_versions(
    "theorem smoothed_score_is_the_mean_noise",
    (
        "density lost",
        "Sides(..., terms, change)",
        "Sides(..., [terms[0] / density[:, None]], change)",
        "direction",
        "printed in dataflowr module 18a, proof of the smoothed score",
    ),
)

asked("denoising_autoencoder", far=(), kinds=("mlp_score", "denoiser"))
asked(
    "geometric_noise_levels",
    kinds=("mlp_score",),
    draws={"n": lambda ask, name: ask.fixed.get("levels", 4), "smallest": 0.0625},
    values={"levels": ((2, 3, 5, 8),)},
    parts=("the levels", "the overlap"),
    lacking="the overlap of neighbours: the levels alone came back",
)
one_term("geometric_noise_levels")
