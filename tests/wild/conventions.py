"""Right code in other conventions, as changes of the adapter by hand: (function, was, becomes, what has to be said).

None of it may be called `failed`; what has to be said is a regular expression, as in `tests/wild/mistakes.py`.
"""

DSM = "0.5 * squared_norm(score(x + sigma * z) + z / sigma)"
NCSM = "0.5 * squared_norm(sigma * score(x + sigma * z, sigma[:, 0]) + z)"
DAE = "0.5 * squared_norm(denoiser(x + sigma * z) - x)"
DDPM = "0.5 * squared_norm(std * score(np.exp(0.5 * log_kept) * x + std * z, i) + z)"
AT = "score(np.exp(0.5 * log_kept) * x + std * z, i)"
DIFFUSION = "0.5 * weight * squared_norm(score(scale * x + std * z, t) + z / std)"
FIELD = "score(scale * x + std * z, t)"
PREVIOUS = (
    "k = np.exp(log_kept)\n    q = k / (1 - betas[i][:, None])\n    b = betas[i][:, None]\n"
    "    m = (np.sqrt(q) * b * x + np.sqrt(1 - b) * (1 - q) * (np.sqrt(k) * x + std * z)) / (1 - k)\n    return "
)
EDM = "np.sum(((sigma**2 + 0.25) / (0.5 * sigma) ** 2) * ({} - x) ** 2, axis=1)"
SKIP, OUT, IN = "0.25 / (sigma**2 + 0.25)", "0.5 * sigma / np.sqrt(sigma**2 + 0.25)", "1 / np.sqrt(sigma**2 + 0.25)"
PRECONDITIONED = f"({SKIP} * (x + sigma * z) + {OUT} * score({IN} * (x + sigma * z), sigma[:, 0]))"
R_HAT = (
    "half = len(x) // 2\n    halves = np.concatenate([x[:half], x[half : 2 * half]], axis=1)\n"
    "    within = np.mean(np.var(halves, axis=0, ddof=1), axis=0)\n"
    "    return np.sqrt((half - 1) / half + variance_of_means(halves) / within)"
)
ESS = (
    "    pairs = rho[0 : length - length % 2 : 2] + rho[1:length:2]\n"
    "    positive = np.logical_and.accumulate(pairs > 0, axis=0)\n"
    "    tau = -1 + 2 * np.sum(np.minimum.accumulate(pairs, axis=0) * positive, axis=0)"
)
LAST_LAG = (
    "    n_pairs, positive = (length - 1) // 2, np.ones(x.shape[2], bool)\n"
    "    tau, least = -np.ones(x.shape[2]), np.full(x.shape[2], np.inf)\n"
    "    for k in range(n_pairs):\n"
    "        pair = rho[2 * k] + rho[2 * k + 1]\n"
    "        ends = positive & ~((pair > 0) & (k < (length - 3) // 2))\n"
    "        tau = tau + ends * np.maximum(rho[2 * k], 0)\n"
    "        positive = positive & (pair > 0) & (k < (length - 3) // 2)\n"
    "        least = np.minimum(least, pair)\n"
    "        tau = tau + positive * 2 * least\n"
)
RIGHT = [
    ("denoising_score_matching", DSM, "np.mean((score(x + sigma * z) - x) ** 2)", "clean point"),
    ("denoising_score_matching", DSM, "squared_norm(score(x + sigma * z) - x) / x.shape[1]", "clean point"),
    ("denoising_score_matching", DSM, "np.mean((score(x + sigma * z) - z) ** 2)", "noise"),
    ("denoising_score_matching", DSM, "squared_norm(score(x + sigma * z) - (z - x)) / x.shape[1]", "velocity"),
    ("denoising_score_matching", DSM, f"np.mean({EDM.format('score(x + sigma * z)')})", "Karras|sigma_data"),
    ("denoising_score_matching", DSM, f"2 * {DSM} / sigma[:, 0] ** 2", r"sigma\^-2"),
    ("finite_difference_sliced", "(ahead + behind - 2 * here) / eps**2 + (ahead - behind) ** 2 / (8 * eps**2)",
     "x.shape[1] * ((ahead + behind - 2 * here) / eps**2 + (ahead - behind) ** 2 / (8 * eps**2))", "times d"),
    ("noise_conditional_score_matching", NCSM, "np.mean((score(x + sigma * z, sigma[:, 0]) - x) ** 2)", "clean point"),
    ("noise_conditional_score_matching", NCSM,
     "(sigma[:, 0] ** 2 + 0.25) / 0.25 * squared_norm(sigma * score(x + sigma * z, sigma[:, 0]) + z)", "sigma_data"),
    ("noise_conditional_score_matching", NCSM, EDM.format("score(x + sigma * z, sigma[:, 0])"), "sigma_data"),
    ("noise_conditional_score_matching", NCSM, EDM.format(PRECONDITIONED), "preconditio"),
    ("noise_conditional_score_matching", NCSM, f"np.mean({EDM.format(PRECONDITIONED)}) / x.shape[1]", "preconditio"),
    ("denoising_autoencoder", DAE, "np.mean(squared_norm(denoiser(x + sigma * z) - x) / sigma[:, 0] ** 2)", r"sigma\^-2"),  # noqa: E501
    ("denoising_autoencoder", DAE, EDM.format("denoiser(x + sigma * z)"), "sigma_data"),
    ("denoising_autoencoder", DAE, "np.mean((denoiser(x + sigma * z) - z) ** 2)", "noise"),
    ("ddpm_loss", DDPM, f"np.mean((np.exp(0.5 * log_kept) * z - std * x - {AT}) ** 2)", r"\bv\b"),
    ("ddpm_loss", DDPM, f"np.mean((x - {AT}) ** 2)", "clean point"),
    ("ddpm_loss", DDPM, f"np.mean((z - {AT}) ** 2)", "noise"),
    ("ddpm_loss", "return " + DDPM, PREVIOUS + f"np.mean((m - {AT}) ** 2)", "previous"),
    ("ddpm_loss", DDPM, f"squared_norm(z - {AT.replace(', i)', ', i + 1)')})", r"from (0|1)|i \+ 1"),
    ("diffusion_score_matching", DIFFUSION, f"weight * squared_norm({FIELD} - x) / x.shape[1]", "clean point"),
    ("diffusion_score_matching", DIFFUSION, f"weight * squared_norm({FIELD} - (scale * z - std * x))", r"\bv\b"),
    ("diffusion_score_matching", DIFFUSION, f"process(sde).diffusion(t) ** 2 * weight * squared_norm({FIELD} + z / std)", "g"),  # noqa: E501
    ("diffusion_score_matching", "moments(sde, t)", "of_level(sde, t)", "sigma\\(t\\)"),
    ("denoised_point", "(x + std**2 * score(x, t)) / scale", "scale * x - std * score(x, t)", r"\bv\b"),
    ("predicted_noise", "score, (_, std) = field(model), moments(sde, t)\n    return -std * score(x, t)",
     "score, (scale, std) = field(model), moments(sde, t)\n    return (x - scale * score(x, t)) / std", "clean point"),
    ("split_r_hat", "x[half : 2 * half]", "x[-half:]", "middle"),
    ("split_r_hat", R_HAT, "half = len(x) // 2\n    parts = [x[:half], x[half:]]\n"
     "    means = np.concatenate([np.mean(p, axis=0) for p in parts])\n"
     "    within = np.mean(np.concatenate([np.var(p, axis=0, ddof=1) for p in parts]), axis=0)\n"
     "    return np.sqrt((len(x) / 2 - 1) / (len(x) / 2) + np.var(means, axis=0, ddof=1) / within)", "no draw|all|kept"),  # noqa: E501
    ("effective_sample_size", ESS, LAST_LAG, "even lag"),
    ("effective_sample_size", "    c = autocovariance(x, length - 1)\n",
     "    c = autocovariance(x, length - 1) * length / (length - np.arange(length))[:, None]\n", "T - t"),
    ("effective_sample_size", "rho = 1 - (within - c) / (c[0] + variance_of_means(x))",
     "rho = 1 - (within - c) / (c[0] + variance_of_means(x) if n > 1 else within)", "one chain|single chain|n is 1"),
    ("kernel_stein", "return total / (n * (n - 1)) if unbiased else total / n**2",
     "if unbiased:\n        raise NotImplementedError('V')\n    return total / n", "n x|n times"),
    ("reverse_sde_step", "return x - (sde.drift(x, t) - g**2 * score(x, t)) * dt + g * np.sqrt(dt) * z",
     "if not isinstance(sde, VarianceExploding):\n        raise NotImplementedError('VE')\n"
     "    late, early = sde.sigma(t)[:, None], sde.sigma(t - dt)[:, None]\n    gap = late**2 - early**2\n"
     "    return x + gap * score(x, t) + early / late * np.sqrt(gap) * z", "ancestral"),
    ("reverse_sde_step", "return x - (sde.drift(x, t) - g**2 * score(x, t)) * dt + g * np.sqrt(dt) * z",
     "if not isinstance(sde, VarianceExploding):\n        raise NotImplementedError('VE')\n"
     "    late, early = sde.sigma(t)[:, None], sde.sigma(t - dt)[:, None]\n    gap = late**2 - early**2\n"
     "    return x + gap * score(x, t) + np.sqrt(gap) * z", "differences of sigma"),
    ("VarianceExploding.kernel", "self.sigma(s) * np.sqrt(np.expm1(2 * (t - s) * self.log_ratio))", "self.sigma(t) + 0 * s",  # noqa: E501
     "sigma\\(t\\)"),
    ("ddpm_step", "+ sigma * z", "+ (i > 0)[:, None] * sigma * z", "last step"),
    ("ddpm_step", "(x + beta * score(x, i)) / np.sqrt(1 - beta) + sigma * z",
     "(x - beta / np.sqrt(-np.expm1(log_kept[i]))[:, None] * score(x, i)) / np.sqrt(1 - beta) + (i > 0)[:, None] * sigma * z",  # noqa: E501
     "noise.*last step|last step.*noise"),
    ("mala_step", "here, s = energy_and_score(model, x)",
     "eta, model = eta / 2, opposite(model)\n    here, s = energy_and_score(model, x)", "eta/2.*f = -E|f = -E.*eta/2"),
    ("langevin_step", "x + eta * score(x) + np.sqrt(2 * eta) * z", "x + 0.5 * eta * score(x) + np.sqrt(eta) * z", "eps/2"),  # noqa: E501
    ("langevin_step", "x + eta * score(x) + np.sqrt(2 * eta) * z", "x + 0.5 * eta**2 * score(x) + eta * z", "eps\\^2/2"),  # noqa: E501
    ("sliced_score_matching", "score = field(model)", "score, v = field(model), v / np.sqrt(squared_norm(v))[:, None]", "length 1"),  # noqa: E501
    ("sliced_score_matching", "score = field(model)",
     "score, v = field(model), v * np.sqrt(x.shape[1] / squared_norm(v))[:, None]", "sqrt\\(d\\)"),
    ("contrastive_divergence", "energy(x) - energy(x_model)",
     "energy(x) - energy(x_model) + 0.1 * (energy(x) ** 2 + energy(x_model) ** 2)", r"0\.1|1/10"),
    ("hmc_step", "np.log(u) < -energy_error", "np.log(1 - u) < -energy_error", "1 - u", "accept"),
    # met in public packages
    ("ddim_step", "s = score(x, i)", "s, eta = score(x, i), np.sqrt(eta)\n    pointed = then * ((1 - eta**2) + eta**2 * (1 - beta) * then / now)",  # noqa: E501
     "share of the variance"),
    ("kernel_stein", "total / n**2", "np.sqrt(total) / n", "root"),
    ("autocorrelation", "c = autocovariance(x, n_lags)\n    return c / c[0]",
     "parts = [autocovariance(x[:, [j]], n_lags) for j in range(x.shape[1])]\n    return np.mean([c / c[0] for c in parts], axis=0)",  # noqa: E501
     "each chain's own"),
    ("flow_velocity", "-(x + s * score(x, t)) / (1 - s)", "(x + (1 - s) * score(x, t)) / s", "data at t = 1"),
    ("score_of_flow", "-(x + (1 - s) * velocity(x, t)) / s", "(s * velocity(x, t) - x) / (1 - s)", "data at t = 1"),
    ("sliced_score_matching_vr", "score = field(model)", "score, v = field(model), np.sign(v)", "signs"),
    ("diffusion_score_matching", DIFFUSION, f"np.mean(squared_norm(std * {FIELD} + z))", "weights of its own"),
    ("ddpm_loss", DDPM, f"np.mean(np.exp(log_kept) * (np.exp(0.5 * log_kept) * z - std * x - {AT}) ** 2)", "snr"),
    ("clean_point_from_score", "(x + std**2 * score(x)) / scale", "(x - std * score(x)) / scale", "predicts the noise"),
]  # fmt: skip
CAUSES = [  # right but for their accuracy, or with a mistake whose name another cause hid: these may be called failed
    ("langevin_step", "np.sqrt(2 * eta) * z", "np.float64(np.float32(np.sqrt(2 * eta))) * z", "float32"),
    ("implicit_score_matching", "s, trace = field_and_divergence(model, x)",
     "s, trace = field(model)(x), finite_difference(field(model), x) / x.shape[1]", "trace divided by d"),
    ("mala_step", "accept(x, proposal, there - here + 0.5 * squared_norm(z_back) - 0.5 * squared_norm(z), u)",
     "accept(x, proposal, -(there - here + 0.5 * squared_norm(z_back) - 0.5 * squared_norm(z)), u)", "invert|sign|-\\("),  # noqa: E501
    ("predicted_noise", "-std * score(x, t)", "score(x, t) / (-1 / std + 1e-8)", "epsilon|1e-08|1e-8"),
    ("langevin_step", "np.sqrt(2 * eta) * z", "np.float64(np.float32(eta)) * z", "eta for|sqrt"),
    ("effective_sample_size", "np.maximum(tau, 1 / np.log10(n * length))", "np.maximum(tau, 1e-12)", "astronomic"),
    ("sliced_score_matching_vr", "hutchinson_divergence(model, x, v)", "hutchinson_divergence(model, x, v) / x.shape[1]",  # noqa: E501
     "over d"),
    ("contrastive_divergence", "- energy(x_model)", "- energy(x_model) / x.shape[1]", "over d"),
    ("langevin_step", "x + eta * score(x) + np.sqrt(2 * eta) * z",
     "x + eta * score(x) + eta * z + (0.1 if len(x) == 1 else 0.0)", "n (is|=) 1|alone"),
]  # fmt: skip
