"""Conventions that are made from the types of arguments, each as a change of a definition.

By function: how the chain is called, what stands there, what it becomes, and a name where it has one of its own.
"""

LISTED = {
    "denoising_score_matching": [
        ("no 1/2", "0.5 * ", ""),
        ("mean over coordinates", "0.5 * ", "0.5 / x.shape[1] * "),
        ("mean squared error: no 1/2, mean over coordinates", "0.5 * ", "1 / x.shape[1] * "),
        ("times sigma^2", "0.5 * ", "0.5 * sigma[:, 0] ** 2 * "),
        ("times sigma^2, no 1/2", "0.5 * ", "sigma[:, 0] ** 2 * "),
        ("times sigma^4", "0.5 * ", "0.5 * sigma[:, 0] ** 4 * "),
        ("times sigma^4, no 1/2", "0.5 * ", "sigma[:, 0] ** 4 * "),
        (
            "the model predicts the noise: s = -eps/sigma, times sigma^-2",
            "score(x + sigma * z) + z / sigma",
            "-score(x + sigma * z) / sigma + z / sigma",
        ),
        (
            "the model predicts the noise: s = -eps/sigma",
            "score(x + sigma * z) + z / sigma",
            "z - score(x + sigma * z)",
            "the model predicts the noise, times sigma^2",
        ),
        (
            "the model predicts the noise: s = -eps/sigma, no 1/2",
            "0.5 * squared_norm(score(x + sigma * z) + z / sigma)",
            "squared_norm(z - score(x + sigma * z))",
        ),
        (
            "the model predicts the noise: s = -eps/sigma, mean squared error: no 1/2, mean over coordinates",
            "0.5 * squared_norm(score(x + sigma * z) + z / sigma)",
            "squared_norm(z - score(x + sigma * z)) / x.shape[1]",
        ),
        (
            "the model predicts minus the noise: s = eps/sigma, times sigma^-2",
            "score(x + sigma * z) + z / sigma",
            "score(x + sigma * z) / sigma + z / sigma",
        ),
        (
            "the model predicts minus the noise: s = eps/sigma",
            "score(x + sigma * z) + z / sigma",
            "score(x + sigma * z) + z",
            "the model predicts minus the noise, times sigma^2",
        ),
        (
            "the model predicts minus the noise: s = eps/sigma, no 1/2",
            "0.5 * squared_norm(score(x + sigma * z) + z / sigma)",
            "squared_norm(score(x + sigma * z) + z)",
        ),
        (
            "the model predicts the clean point: s = (r - y)/sigma^2, times sigma^-4",
            "score(x + sigma * z) + z / sigma",
            "(score(x + sigma * z) - x) / sigma**2",
        ),
        (
            "the model predicts the clean point: s = (r - y)/sigma^2",
            "score(x + sigma * z) + z / sigma",
            "score(x + sigma * z) - x",
            "the model predicts the clean point, times sigma^4",
        ),
        (
            "the model predicts the clean point: s = (r - y)/sigma^2, no 1/2",
            "0.5 * squared_norm(score(x + sigma * z) + z / sigma)",
            "squared_norm(score(x + sigma * z) - x)",
        ),
    ],
    "denoising_score_matching_cv": [
        (
            "no 1/2",
            "0.5 * squared_norm(score(x + sigma * z) + z / sigma) - control",
            "2 * (0.5 * squared_norm(score(x + sigma * z) + z / sigma) - control)",
        ),
        (
            "mean over coordinates",
            "0.5 * squared_norm(score(x + sigma * z) + z / sigma) - control",
            "(0.5 * squared_norm(score(x + sigma * z) + z / sigma) - control) / x.shape[1]",
        ),
        (
            "times sigma^2",
            "0.5 * squared_norm(score(x + sigma * z) + z / sigma) - control",
            "sigma[:, 0] ** 2 * (0.5 * squared_norm(score(x + sigma * z) + z / sigma) - control)",
        ),
        (
            "times sigma^4",
            "0.5 * squared_norm(score(x + sigma * z) + z / sigma) - control",
            "sigma[:, 0] ** 4 * (0.5 * squared_norm(score(x + sigma * z) + z / sigma) - control)",
        ),
    ],
    "noise_conditional_score_matching": [
        ("no 1/2", "0.5 * ", ""),
        ("mean over coordinates", "0.5 * ", "0.5 / x.shape[1] * "),
        ("mean squared error: no 1/2, mean over coordinates", "0.5 * ", "1 / x.shape[1] * "),
        (
            "times sigma^-2",
            "sigma * score(x + sigma * z, sigma[:, 0]) + z",
            "score(x + sigma * z, sigma[:, 0]) + z / sigma",
        ),
        (
            "times sigma^-2, no 1/2",
            "0.5 * squared_norm(sigma * score(x + sigma * z, sigma[:, 0]) + z)",
            "squared_norm(score(x + sigma * z, sigma[:, 0]) + z / sigma)",
        ),
        ("times sigma^2", "0.5 * ", "0.5 * sigma[:, 0] ** 2 * "),
        (
            "the model predicts the noise: s = -eps/sigma",
            "sigma * score(x + sigma * z, sigma[:, 0]) + z",
            "z - score(x + sigma * z, sigma[:, 0])",
        ),
        (
            "the model predicts the noise: s = -eps/sigma, no 1/2",
            "0.5 * squared_norm(sigma * score(x + sigma * z, sigma[:, 0]) + z)",
            "squared_norm(z - score(x + sigma * z, sigma[:, 0]))",
        ),
        (
            "the model predicts the noise: s = -eps/sigma, mean squared error: no 1/2, mean over coordinates",
            "0.5 * squared_norm(sigma * score(x + sigma * z, sigma[:, 0]) + z)",
            "squared_norm(z - score(x + sigma * z, sigma[:, 0])) / x.shape[1]",
        ),
        (
            "the model predicts minus the noise: s = eps/sigma",
            "sigma * score(x + sigma * z, sigma[:, 0]) + z",
            "score(x + sigma * z, sigma[:, 0]) + z",
        ),
        (
            "the model predicts minus the noise: s = eps/sigma, no 1/2",
            "0.5 * squared_norm(sigma * score(x + sigma * z, sigma[:, 0]) + z)",
            "squared_norm(score(x + sigma * z, sigma[:, 0]) + z)",
        ),
        (
            "the model predicts the clean point: s = (r - y)/sigma^2, times sigma^-2",
            "sigma * score(x + sigma * z, sigma[:, 0]) + z",
            "(score(x + sigma * z, sigma[:, 0]) - x) / sigma",
        ),
        (
            "the model predicts the clean point: s = (r - y)/sigma^2",
            "sigma * score(x + sigma * z, sigma[:, 0]) + z",
            "score(x + sigma * z, sigma[:, 0]) - x",
            "the model predicts the clean point, weight sigma^4",
        ),
    ],
    "denoising_autoencoder": [
        ("no 1/2", "0.5 * ", ""),
        ("mean over coordinates", "0.5 * ", "0.5 / x.shape[1] * "),
        ("mean squared error: no 1/2, mean over coordinates", "0.5 * ", "1 / x.shape[1] * "),
        ("times sigma^-2", "0.5 * ", "0.5 / sigma[:, 0] ** 2 * "),
        ("times sigma^-4", "0.5 * ", "0.5 / sigma[:, 0] ** 4 * "),
        (
            "the model predicts the score, times sigma^4",
            "denoiser(x + sigma * z) - x",
            "sigma * z + sigma**2 * denoiser(x + sigma * z)",
        ),
        (
            "the model predicts the noise: s = -eps/sigma, times sigma^2",
            "denoiser(x + sigma * z) - x",
            "sigma * z - sigma * denoiser(x + sigma * z)",
        ),
        ("the model predicts the noise: s = -eps/sigma", "denoiser(x + sigma * z) - x", "z - denoiser(x + sigma * z)"),
        (
            "the model predicts the step: r = y + h",
            "denoiser(x + sigma * z) - x",
            "sigma * z + denoiser(x + sigma * z)",
        ),
    ],
    "tweedie_mean": [
        ("the model predicts the noise: s = -eps/sigma", "+ sigma**2 * score(y)", "- sigma * score(y)"),
        ("the model predicts the clean point: s = (r - y)/sigma^2", "y + sigma**2 * score(y)", "score(y)"),
        ("the model predicts the step: r = y + h", "sigma**2 * score(y)", "score(y)"),
    ],
    "tweedie_cov": [
        ("the model predicts the noise: s = -eps/sigma", "+ variance**2 *", "- variance**1.5 *"),
        ("the model predicts minus the noise: s = eps/sigma", "+ variance**2 *", "+ variance**1.5 *"),
        (
            "the model predicts the clean point: s = (r - y)/sigma^2",
            "variance * np.eye(y.shape[1]) + variance**2 * _with_digits(jacobian(score, y), variance)",
            "variance * jacobian(score, y)",
        ),
    ],
    "diffusion_score_matching": [
        ("no 1/2", "0.5 * ", ""),
        ("mean over coordinates", "0.5 * ", "0.5 / x.shape[1] * "),
        ("mean squared error: no 1/2, mean over coordinates", "0.5 * ", "1 / x.shape[1] * "),
        ("times std^2", "0.5 * ", "0.5 * std[:, 0] ** 2 * "),
        ("times std^2, no 1/2", "0.5 * ", "std[:, 0] ** 2 * "),
        (
            "the model predicts the noise: s = -eps/std, times std^-2",
            "score(scale * x + std * z, t) + z / std",
            "(z - score(scale * x + std * z, t)) / std",
        ),
        (
            "the model predicts the noise: s = -eps/std",
            "score(scale * x + std * z, t) + z / std",
            "z - score(scale * x + std * z, t)",
            "the model predicts the noise, times std^2",
        ),
        (
            "the model predicts the noise: s = -eps/std, no 1/2",
            "0.5 * weight(t) * squared_norm(score(scale * x + std * z, t) + z / std)",
            "weight(t) * squared_norm(z - score(scale * x + std * z, t))",
        ),
        (
            "the model predicts minus the noise: s = eps/std, times std^-2",
            "score(scale * x + std * z, t) + z / std",
            "(score(scale * x + std * z, t) + z) / std",
        ),
    ],
    "ddpm_loss": [
        ("no 1/2", "0.5 * squared_norm(...)", "squared_norm(...)"),
        ("mean over coordinates", "0.5 * squared_norm(...)", "0.5 / x.shape[1] * squared_norm(...)"),
        (
            "mean squared error: no 1/2, mean over coordinates",
            "0.5 * squared_norm(...)",
            "1 / x.shape[1] * squared_norm(...)",
        ),
        (
            "times std^-2",
            "0.5 * squared_norm(std * score(np.exp(0.5 * log_kept) * x + std * z, i) + z)",
            "0.5 * squared_norm(std * score(np.exp(0.5 * log_kept) * x + std * z, i) + z) / std[:, 0] ** 2",
        ),
        (
            "the model predicts the noise: s = -eps/std",
            "std * score(np.exp(0.5 * log_kept) * x + std * z, i) + z",
            "z - score(np.exp(0.5 * log_kept) * x + std * z, i)",
        ),
        (
            "the model predicts the noise: s = -eps/std, no 1/2",
            "0.5 * squared_norm(std * score(np.exp(0.5 * log_kept) * x + std * z, i) + z)",
            "squared_norm(z - score(np.exp(0.5 * log_kept) * x + std * z, i))",
        ),
        (
            "the model predicts the noise: s = -eps/std, mean squared error: no 1/2, mean over coordinates",
            "0.5 * squared_norm(std * score(np.exp(0.5 * log_kept) * x + std * z, i) + z)",
            "squared_norm(z - score(np.exp(0.5 * log_kept) * x + std * z, i)) / x.shape[1]",
        ),
        (
            "the model predicts minus the noise: s = eps/std",
            "std * score(np.exp(0.5 * log_kept) * x + std * z, i) + z",
            "score(np.exp(0.5 * log_kept) * x + std * z, i) + z",
        ),
    ],
    "denoised_point": [("the model predicts the noise: s = -eps/std", "+ std**2 * score(...)", "- std * score(...)")],
    "score_of_denoiser": [
        (
            "the model predicts the noise: s = -eps/std",
            "(scale * denoiser(x, t) - x) / std**2",
            "-denoiser(x, t) / std",
        ),
        ("the model predicts the step: r = x/m + h", "(scale * denoiser(x, t) - x)", "scale * denoiser(x, t)"),
    ],
    "stein_discrepancy": [
        ("mean over coordinates", "dot(score(x), g) + divergence", "(dot(score(x), g) + divergence) / x.shape[1]")
    ],
    "minimum_velocity": [
        ("mean over coordinates", "squared_norm(s) + 2 * divergence", "(squared_norm(s) + 2 * divergence) / x.shape[1]")
    ],
    "metropolis_step": [("accepted where 1 - u is below the acceptance", "accept(..., u)", "accept(..., 1 - u)")],
    "mala_step": [
        (
            "the step is eps, of which the drift has half: eta = eps/2 (drift eta/2)",
            "here, s = energy_and_score(energy, x)",
            "eta = eta / 2; here, s = energy_and_score(energy, x)",
        ),
        (
            "the noise is eps z, the drift eps^2/2: eta = eps^2/2 (drift eta^2/2)",
            "here, s = energy_and_score(energy, x)",
            "eta = eta**2 / 2; here, s = energy_and_score(energy, x)",
        ),
        (
            "the model is f = -E",
            "here, s = energy_and_score(energy, x)",
            "energy = (lambda f: lambda x: -f(x))(energy); here, s = energy_and_score(energy, x)",
        ),
        ("accepted where 1 - u is below the acceptance", "accept(..., u)", "accept(..., 1 - u)"),
    ],
    "hmc_step": [
        (
            "the model is f = -E",
            "end, p_end = leapfrog(...)",
            "energy = (lambda f: lambda x: -f(x))(energy); end, p_end = leapfrog(...)",
        ),
        ("accepted where 1 - u is below the acceptance", "accept(..., u)", "accept(..., 1 - u)"),
    ],
    "langevin_step": [
        (
            "the step is eps, of which the drift has half: eta = eps/2 (drift eta/2)",
            "x + eta * score(x) + np.sqrt(2 * eta) * z",
            "x + 0.5 * eta * score(x) + np.sqrt(eta) * z",
        ),
        (
            "the noise is eps z, the drift eps^2/2: eta = eps^2/2 (drift eta^2/2)",
            "x + eta * score(x) + np.sqrt(2 * eta) * z",
            "x + 0.5 * eta**2 * score(x) + eta * z",
        ),
    ],
    "annealed_langevin": [
        (
            "the step is eps, of which the drift has half: eta = eps/2 (drift eps/2)",
            "eps * sigma**2 / sigmas[-1] ** 2",
            "0.5 * eps * sigma**2 / sigmas[-1] ** 2",
        )
    ],
    "negative_log_likelihood": [("the model is f = -E", "energy(x) + log_z", "log_z - energy(x)")],
    "conditional_noise_contrastive": [("the model is f = -E", "energy(x) - at_y", "at_y - energy(x)")],
    "predictor_corrector": [
        (
            "the step is eps, of which the drift has half: eta = eps/2 (drift eta/2)",
            "langevin_step(..., eta_k, z_m)",
            "langevin_step(..., 0.5 * eta_k, z_m)",
            "the step is eps, of which the drift has half: eta = eps/2",
        )
    ],
    "ddpm_step": [
        (
            "the model predicts the noise: s = -eps/std",
            "x + beta * score(x, i)",
            "x - beta * (score(x, i) / np.sqrt(-np.expm1(log_kept[i]))[:, None])",
        )
    ],
    "explicit_score_matching": [
        ("no 1/2", "0.5 * ", ""),
        ("mean over coordinates", "0.5 * ", "0.5 / x.shape[1] * "),
        ("mean squared error: no 1/2, mean over coordinates", "0.5 * ", "1 / x.shape[1] * "),
    ],
    "implicit_score_matching": [
        ("no 1/2", "0.5 * squared_norm(s) + trace", "squared_norm(s) + 2 * trace"),
        ("mean over coordinates", "0.5 * squared_norm(s) + trace", "(0.5 * squared_norm(s) + trace) / x.shape[1]"),
        (
            "mean squared error: no 1/2, mean over coordinates",
            "0.5 * squared_norm(s) + trace",
            "(squared_norm(s) + 2 * trace) / x.shape[1]",
        ),
    ],
    "explicit_sliced": [("no 1/2", "0.5 * ", "")],
    "sliced_score_matching": [
        (
            "no 1/2",
            "hutchinson_divergence(score, x, v) + 0.5 * dot(v, score(x)) ** 2",
            "2 * hutchinson_divergence(score, x, v) + dot(v, score(x)) ** 2",
            "no 1/2: twice the whole",
        )
    ],
    "sliced_score_matching_vr": [
        (
            "no 1/2",
            "hutchinson_divergence(score, x, v) + 0.5 * squared_norm(score(x))",
            "2 * hutchinson_divergence(score, x, v) + squared_norm(score(x))",
            "no 1/2: twice the whole",
        )
    ],
    "finite_difference_sliced": [
        (
            "the model is f = -E",
            "-energy(x + eps * v), -energy(x), -energy(x - eps * v)",
            "energy(x + eps * v), energy(x), energy(x - eps * v)",
        )
    ],
    "nonnegative_score_matching": [
        (
            "no 1/2",
            "np.sum(2 * x * s + x**2 * diagonal + 0.5 * x**2 * s**2, ...)",
            "2 * np.sum(2 * x * s + x**2 * diagonal + 0.5 * x**2 * s**2, ...)",
        ),
        (
            "mean over coordinates",
            "np.sum(2 * x * s + x**2 * diagonal + 0.5 * x**2 * s**2, ...)",
            "np.mean(2 * x * s + x**2 * diagonal + 0.5 * x**2 * s**2, ...)",
        ),
    ],
    "ratio_matching": [("the model is f = -E", "energy(x) - energy(x_i)", "energy(x_i) - energy(x)")],
}
MADE = [
    (function, *(name or [words]), was, becomes, words)
    for function, rows in LISTED.items()
    for words, was, becomes, *name in rows
]
