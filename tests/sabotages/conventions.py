"""Conventions that are made from the types of arguments, each as a change of a definition.

By function, and by what stands there: how the chain is called, what it becomes, and a name where it has one of its own.
"""

MEAN, SQUARED_ERROR = "mean over coordinates", "mean squared error: no 1/2, mean over coordinates"
NOISE, MINUS_NOISE = "the model predicts the noise: s = -eps/sigma", "the model predicts minus the noise: s = eps/sigma"
NOISE_AT_T, MINUS_AT_T = "the model predicts the noise: s = -eps/std", "the model predicts minus the noise: s = eps/std"
CLEAN = "the model predicts the clean point: s = (r - y)/sigma^2"
HALF_DRIFT = "the step is eps, of which the drift has half: eta = eps/2"
SQUARED_STEP = "the noise is eps z, the drift eps^2/2: eta = eps^2/2 (drift eta^2/2)"
MINUS_E, REST = "the model is f = -E", "accepted where 1 - u is below the acceptance"
CHANGED_SIGN = "energy = (lambda f: lambda x: -f(x))(energy); "
FACTORS = [("no 1/2", ""), (MEAN, "0.5 / x.shape[1] * "), (SQUARED_ERROR, "1 / x.shape[1] * ")]

S, AT = "score(x + sigma * z)", "score(x + sigma * z, sigma[:, 0])"
CONTROLLED = f"0.5 * squared_norm({S} + z / sigma) - control"
OVER_TIME, OF_STEP = "score(scale * x + std * z, t)", "score(np.exp(0.5 * log_kept) * x + std * z, i)"
LANGEVIN, MALA = "x + eta * score(x) + np.sqrt(2 * eta) * z", "here, s = energy_and_score(energy, x)"
TWEEDIE = "variance * np.eye(y.shape[1]) + variance * slopes"
POSITIVE = "2 * x * s + x**2 * diagonal + 0.5 * x**2 * s**2, ..."
LISTED: dict[str, dict[str, list[tuple]]] = {
    "denoising_score_matching": {
        "0.5 * ": [
            *FACTORS,
            ("times sigma^2", "0.5 * sigma[:, 0] ** 2 * "),
            ("times sigma^2, no 1/2", "sigma[:, 0] ** 2 * "),
            ("times sigma^4", "0.5 * sigma[:, 0] ** 4 * "),
            ("times sigma^4, no 1/2", "sigma[:, 0] ** 4 * "),
        ],
        f"{S} + z / sigma": [
            (f"{NOISE}, times sigma^-2", f"-{S} / sigma + z / sigma"),
            (NOISE, f"z - {S}", "the model predicts the noise, times sigma^2"),
            (f"{MINUS_NOISE}, times sigma^-2", f"{S} / sigma + z / sigma"),
            (MINUS_NOISE, f"{S} + z", "the model predicts minus the noise, times sigma^2"),
            (f"{CLEAN}, times sigma^-4", f"({S} - x) / sigma**2"),
            (CLEAN, f"{S} - x", "the model predicts the clean point, times sigma^4"),
        ],
        f"0.5 * squared_norm({S} + z / sigma)": [
            (f"{NOISE}, no 1/2", f"squared_norm(z - {S})"),
            (f"{NOISE}, {SQUARED_ERROR}", f"squared_norm(z - {S}) / x.shape[1]"),
            (f"{MINUS_NOISE}, no 1/2", f"squared_norm({S} + z)"),
            (f"{CLEAN}, no 1/2", f"squared_norm({S} - x)"),
        ],
    },
    "denoising_score_matching_cv": {
        CONTROLLED: [
            ("no 1/2", f"2 * ({CONTROLLED})"),
            (MEAN, f"({CONTROLLED}) / x.shape[1]"),
            ("times sigma^2", f"sigma[:, 0] ** 2 * ({CONTROLLED})"),
            ("times sigma^4", f"sigma[:, 0] ** 4 * ({CONTROLLED})"),
        ]
    },
    "noise_conditional_score_matching": {
        "0.5 * ": [*FACTORS, ("times sigma^2", "0.5 * sigma[:, 0] ** 2 * ")],
        f"sigma * {AT} + z": [
            ("times sigma^-2", f"{AT} + z / sigma"),
            (NOISE, f"z - {AT}"),
            (MINUS_NOISE, f"{AT} + z"),
            (f"{CLEAN}, times sigma^-2", f"({AT} - x) / sigma"),
            (CLEAN, f"{AT} - x", "the model predicts the clean point, weight sigma^4"),
        ],
        f"0.5 * squared_norm(sigma * {AT} + z)": [
            ("times sigma^-2, no 1/2", f"squared_norm({AT} + z / sigma)"),
            (f"{NOISE}, no 1/2", f"squared_norm(z - {AT})"),
            (f"{NOISE}, {SQUARED_ERROR}", f"squared_norm(z - {AT}) / x.shape[1]"),
            (f"{MINUS_NOISE}, no 1/2", f"squared_norm({AT} + z)"),
        ],
    },
    "denoising_autoencoder": {
        "0.5 * ": [
            *FACTORS,
            ("times sigma^-2", "0.5 / sigma[:, 0] ** 2 * "),
            ("times sigma^-4", "0.5 / sigma[:, 0] ** 4 * "),
        ],
        "denoiser(x + sigma * z) - x": [
            ("the model predicts the score, times sigma^4", "sigma * z + sigma**2 * denoiser(x + sigma * z)"),
            (f"{NOISE}, times sigma^2", "sigma * z - sigma * denoiser(x + sigma * z)"),
            (NOISE, "z - denoiser(x + sigma * z)"),
            ("the model predicts the step: r = y + h", "sigma * z + denoiser(x + sigma * z)"),
        ],
    },
    "tweedie_mean": {
        "+ sigma**2 * score(y)": [(NOISE, "- sigma * score(y)")],
        "y + sigma**2 * score(y)": [(CLEAN, "score(y)")],
        "sigma**2 * score(y)": [("the model predicts the step: r = y + h", "score(y)")],
    },
    "tweedie_cov": {
        "+ variance * slopes": [(NOISE, "- variance**0.5 * slopes"), (MINUS_NOISE, "+ variance**0.5 * slopes")],
        TWEEDIE: [(CLEAN, "slopes")],
    },
    "diffusion_score_matching": {
        "0.5 * ": [
            *FACTORS,
            ("times std^2", "0.5 * std[:, 0] ** 2 * "),
            ("times std^2, no 1/2", "std[:, 0] ** 2 * "),
        ],
        f"{OVER_TIME} + z / std": [
            (f"{NOISE_AT_T}, times std^-2", f"(z - {OVER_TIME}) / std"),
            (NOISE_AT_T, f"z - {OVER_TIME}", "the model predicts the noise, times std^2"),
            (f"{MINUS_AT_T}, times std^-2", f"({OVER_TIME} + z) / std"),
        ],
        f"0.5 * weight(t) * squared_norm({OVER_TIME} + z / std)": [
            (f"{NOISE_AT_T}, no 1/2", f"weight(t) * squared_norm(z - {OVER_TIME})")
        ],
    },
    "ddpm_loss": {
        "0.5 * squared_norm(...)": [(words, f"{factor}squared_norm(...)") for words, factor in FACTORS],
        f"0.5 * squared_norm(std * {OF_STEP} + z)": [
            ("times std^-2", f"0.5 * squared_norm(std * {OF_STEP} + z) / std[:, 0] ** 2"),
            (f"{NOISE_AT_T}, no 1/2", f"squared_norm(z - {OF_STEP})"),
            (f"{NOISE_AT_T}, {SQUARED_ERROR}", f"squared_norm(z - {OF_STEP}) / x.shape[1]"),
        ],
        f"std * {OF_STEP} + z": [(NOISE_AT_T, f"z - {OF_STEP}"), (MINUS_AT_T, f"{OF_STEP} + z")],
    },
    "denoised_point": {"+ std**2 * score(...)": [(NOISE_AT_T, "- std * score(...)")]},
    "score_of_denoiser": {
        "(scale * denoiser(x, t) - x) / std**2": [(NOISE_AT_T, "-denoiser(x, t) / std")],
        "(scale * denoiser(x, t) - x)": [("the model predicts the step: r = x/m + h", "scale * denoiser(x, t)")],
    },
    "stein_discrepancy": {
        "dot(score(x), g) + divergence": [(MEAN, "(dot(score(x), g) + divergence) / x.shape[1]")],
    },
    "minimum_velocity": {
        "squared_norm(s) + 2 * divergence": [(MEAN, "(squared_norm(s) + 2 * divergence) / x.shape[1]")],
    },
    "metropolis_step": {"accept(..., u)": [(REST, "accept(..., 1 - u)")]},
    "mala_step": {
        MALA: [
            (f"{HALF_DRIFT} (drift eta/2)", f"eta = eta / 2; {MALA}"),
            (SQUARED_STEP, f"eta = eta**2 / 2; {MALA}"),
            (MINUS_E, f"{CHANGED_SIGN}{MALA}"),
        ],
        "accept(..., u)": [(REST, "accept(..., 1 - u)")],
    },
    "hmc_step": {
        "end, p_end = leapfrog(...)": [(MINUS_E, f"{CHANGED_SIGN}end, p_end = leapfrog(...)")],
        "accept(..., u)": [(REST, "accept(..., 1 - u)")],
    },
    "langevin_step": {
        LANGEVIN: [
            (f"{HALF_DRIFT} (drift eta/2)", "x + 0.5 * eta * score(x) + np.sqrt(eta) * z"),
            (SQUARED_STEP, "x + 0.5 * eta**2 * score(x) + eta * z"),
        ]
    },
    "annealed_langevin": {
        "eps * (sigma / sigmas[-1]) ** 2": [
            (f"{HALF_DRIFT} (drift eps/2)", "0.5 * eps * (sigma / sigmas[-1]) ** 2"),
        ]
    },
    "negative_log_likelihood": {"energy(x) + log_z": [(MINUS_E, "log_z - energy(x)")]},
    "conditional_noise_contrastive": {"energy(x) - at_y": [(MINUS_E, "at_y - energy(x)")]},
    "predictor_corrector": {
        "langevin_step(..., eta_k, z_m)": [
            (f"{HALF_DRIFT} (drift eta/2)", "langevin_step(..., 0.5 * eta_k, z_m)", HALF_DRIFT),
        ]
    },
    "ddpm_step": {
        "x + beta * score(x, i)": [
            (NOISE_AT_T, "x - beta * (score(x, i) / np.sqrt(-np.expm1(log_kept[i]))[:, None])"),
        ]
    },
    "explicit_score_matching": {"0.5 * ": FACTORS},
    "implicit_score_matching": {
        "0.5 * squared_norm(s) + trace": [
            ("no 1/2", "squared_norm(s) + 2 * trace"),
            (MEAN, "(0.5 * squared_norm(s) + trace) / x.shape[1]"),
            (SQUARED_ERROR, "(squared_norm(s) + 2 * trace) / x.shape[1]"),
        ]
    },
    "explicit_sliced": {"0.5 * ": [("no 1/2", "")]},
    **{
        function: {
            f"dot(v, slope) + 0.5 * {square}": [("no 1/2", f"2 * dot(v, slope) + {square}", "no 1/2: twice the whole")]
        }
        for function, square in {
            "sliced_score_matching": "dot(v, s) ** 2",
            "sliced_score_matching_vr": "squared_norm(s)",
        }.items()
    },
    "finite_difference_sliced": {
        "-energy(x + eps * v), -energy(x), -energy(x - eps * v)": [
            (MINUS_E, "energy(x + eps * v), energy(x), energy(x - eps * v)"),
        ]
    },
    "nonnegative_score_matching": {
        f"np.sum({POSITIVE})": [("no 1/2", f"2 * np.sum({POSITIVE})"), (MEAN, f"np.mean({POSITIVE})")],
    },
    "ratio_matching": {"energy(x) - energy(x_i)": [(MINUS_E, "energy(x_i) - energy(x)")]},
}
MADE = [
    (function, *(name or [words]), was, becomes, words)
    for function, places in LISTED.items()
    for was, rows in places.items()
    for words, becomes, *name in rows
]
