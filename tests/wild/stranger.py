"""By a stranger, who had seen neither the bank nor the diagnosis: code that was misjudged at first.

(function, was, becomes, what has to be said, what it was worth at first). The search was widened with these before it.
"""

FLIPS = "np.abs(x - bit) for bit in np.eye(x.shape[1])"
FAR = "(lambda a: np.where(a > 20, a, softplus(np.minimum(a, 20))))"
MISTAKES = [
    ("ratio_matching", FLIPS, "np.abs(x - bit) for bit in np.tril(np.ones(2 * x.shape[1:]))", "stays changed",
     "nothing"),
    ("pseudo_likelihood", FLIPS, "np.abs(x - np.eye(x.shape[1])[0]) for _ in x[0]", "first coordinate alone",
     "nothing"),
    ("noise_conditional_score_matching", "return 0.5 * squared_norm(sigma * score(x + sigma * z, sigma[:, 0]) + z)",
     "return np.mean(0.5 * squared_norm(score(x + sigma * z, sigma[:, 0]) + z / sigma) * sigma**2)", "table",
     "cause said"),
    ("decaying_steps", "first * (1.0 + np.arange(n_steps)) ** -power", "first / (1.0 + np.arange(n_steps) ** power)",
     r"\*\* power \+", "nothing"),
    ("noise_contrastive", "return softplus(-L_x) + np.sum(softplus(L_y), axis=0)",
     f"L_x, L_y = L_x + np.log(len(y)), L_y + np.log(len(y))\n    return {FAR}(-L_x) + np.sum({FAR}(L_y), axis=0)",
     "log nu left out.*20", "named wrongly"),
    ("hmc_step", "accept(x, end, there - here, u)", "np.where((np.log(u) > here - there)[:, None], end, x)",
     "rejected", "named wrongly"),
    ("kernel_stein", "bandwidth, x.shape", "np.sqrt(0.7), x.shape", "bandwidth", "nothing"),
]  # fmt: skip
RIGHT = [
    ("gan_discriminator_loss", "softplus(-logit(x)) + softplus(logit(y))", f"{FAR}(-logit(x)) + {FAR}(logit(y))", "20",
     "accused"),
    ("gan_discriminator_loss", "softplus(-logit(x)) + softplus(logit(y))",
     "-np.log(expit(logit(x)) + 1e-8) - np.log(expit(-logit(y)) + 1e-8)", "1e-08", "accused"),
    ("karras_noise_levels", "return ((1 - part) * first + part * last) ** power",
     "return np.append(((1 - part) * first + part * last) ** power, 0.0)", "level 0 at the end", "accused"),
    ("effective_sample_size", "length, n, _ = x.shape\n    c =",
     "x = np.concatenate([x[: len(x) // 2], x[-(len(x) // 2) :]], axis=1)\n    length, n, _ = x.shape\n    c =",
     "halves", "accused"),
    ("effective_sample_size", "rho = 1 - (within - c) / (c[0] + variance_of_means(x))",
     "rho = c / c[0]\n    first = np.logical_and.accumulate(rho >= 0, axis=0)\n"
     "    return n * length / (-1 + 2 * np.sum(rho * first, axis=0))", "plain sum", "accused"),
]  # fmt: skip
