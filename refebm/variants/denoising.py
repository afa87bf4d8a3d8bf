"""Wrong versions of the denoising objectives, and of theorems about them."""

from refebm.variants.record import wrong_versions

NOISY = "score(x + sigma * z)"

wrong_versions(
    "denoising_score_matching",
    (
        "sign of the target",
        "+ z / sigma",
        "- z / sigma",
        "finite",
        "printed in CS236: s estimates the noise that was added; torchebm issue 318, Carnot-EBM",
    ),
    ("sigma squared for sigma", "z / sigma", "z / sigma**2", "sigma = 1"),
    ("clean points", NOISY, "score(x)", "no noise drawn", "printed in CS236, summaries: E over p_data"),
    (
        "target of unit length",
        "z / sigma",
        "z / np.sqrt(squared_norm(z) + 1e-300)[:, None]",
        "finite",
        "printed in Das 2021: a unit vector",
    ),
    ("no 1/2", "0.5 * ", "", "up to a factor", "printed in module 18a and in Das 2021"),
    (
        "absolute value for the square",
        f"squared_norm({NOISY} + z / sigma)",
        f"np.sum(np.abs({NOISY} + z / sigma), axis=1)",
        "finite",
        "enhuiz",
    ),
    ("times sigma to the fourth", "0.5 * ", "0.5 * sigma[:, 0] ** 4 * ", "sigma = 1", "ncsn dsm"),
    ("noise of unit size", "x + sigma * z", "x + z", "sigma = 1"),
)
wrong_versions(
    "denoising_score_matching_cv",
    ("no control variate", "- control", "- 0 * control", "finite"),
    ("sign of the control variate", "- control", "+ control", "finite"),
    ("mean of the control variate", "(z**2 - 1)", "z**2", "the gradient"),
    ("sigma dropped", "dot(z / sigma, score(x))", "dot(z, score(x))", "sigma = 1"),
    ("control variate at the noisy point", "dot(z / sigma, score(x))", f"dot(z / sigma, {NOISY})", "no noise drawn"),
)
wrong_versions(
    "noise_conditional_score_matching",
    ("one sigma for all rows", "(sigma * score", "(sigma[0] * score", "one noise level", "printed in Das 2021"),
    ("sign of the noise", "+ z)", "- z)", "finite", "printed in CS236: s estimates the noise that was added"),
    (
        "no weight",
        "sigma * score(x + sigma * z, sigma[:, 0]) + z",
        "score(x + sigma * z, sigma[:, 0]) + z / sigma",
        "sigma = 1",
    ),
    ("variance for deviation", "sigma[:, 0]", "sigma[:, 0] ** 2", "sigma = 1"),
    ("clean points", "x + sigma * z", "x", "no noise drawn"),
)
wrong_versions(
    "denoising_autoencoder",
    ("the noisy point as target", "- x)", "- x - sigma * z)", "no noise drawn"),
    ("clean points", "x + sigma * z", "x", "no noise drawn"),
    ("over sigma squared", "0.5 * ", "0.5 / sigma[:, 0] ** 2 * ", "sigma = 1"),
    ("noise of unit size", "x + sigma * z", "x + z", "sigma = 1"),
    ("no 1/2", "0.5 * ", "", "up to a factor"),
)
wrong_versions(
    "tweedie_mean",
    ("sigma for sigma squared", "sigma**2", "sigma", "sigma = 1"),
    (
        "sign",
        "return y + ",
        "return y - ",
        "finite",
        "printed in CS236, Tweedie: the gradient with respect to the clean point",
    ),
    ("a Langevin step", "sigma**2", "0.5 * sigma**2", "finite"),
    ("the noisy point left out", "return y + ", "return ", "finite"),
)
wrong_versions(
    "tweedie_cov",
    ("sigma squared for its square", "variance**2", "variance", "sigma = 1"),
    ("sign", "+ variance**2", "- variance**2", "finite"),
    ("diagonal only", "jacobian(score, y)", "jacobian(score, y) * np.eye(y.shape[1])", "d = 1"),
    ("no noise variance", "variance * np.eye(y.shape[1]) + ", "", "finite"),
)
wrong_versions(
    "geometric_noise_levels",
    ("linear levels", "np.geomspace", "np.linspace", "two levels"),
    ("mean distance", "np.max(pdist(x), initial=0.0)", "np.mean(pdist(x))", "two points"),
    ("overlap as if d were 1", "2 * d * np.log", "2 * np.log", "d = 1"),
    ("ratio not squared", "crossing / ratio**2", "crossing / ratio", "finite"),
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
        "terms, change)",
        "[terms[0] / density[:, None]], change)",
        "direction",
        "printed in dataflowr module 18a, proof of the smoothed score",
    ),
)
