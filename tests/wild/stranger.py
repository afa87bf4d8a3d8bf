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
    ("sliced_score_matching", "return hutchinson_divergence(model, x, v) + 0.5 * dot(v, score(x)) ** 2",
     "return np.einsum('nij,ni->n', jacobian(model)(x), v) + dot(v, score(x)) ** 2",
     r"with .dot\(v, s\) \*\* 2. for .0\.5 \* dot.*score, x, 1 \+ 0 \* v",
     "nothing"),
    ("sliced_score_matching_vr", "return hutchinson_divergence(model, x, v) +",
     "return np.einsum('nij,nj->n', jacobian(model)(x), v**2) +", r"J\^T 1 times v", "misleading"),
    ("velocity_from_score", "-std / scale * (x + (scale**2 + std**2) * score(x))", "x + 2 * std**2 * score(x)",
     r"scale \* x_0 - std \* eps", "misleading"),
    ("marginal_of_steps", "log_kept = np.cumsum(np.log1p(-betas))[i]\n    return np.exp",
     "log_kept = np.log(1 - np.cumsum(betas))[i]\n    return np.exp", r"log1p\(np.cumsum", "misleading"),
    ("predictor_corrector", "        x = reverse_sde_step(model, sde, x, late, late - early, z_k)\n"
     "        for z_m in corrections:\n"
     "            x = x + eta_k * score(x, early * np.ones(len(x))) + np.sqrt(2 * eta_k) * z_m\n",
     "        for z_m in corrections:\n"
     "            x = x + eta_k * score(x, early * np.ones(len(x))) + np.sqrt(2 * eta_k) * z_m\n"
     "        x = reverse_sde_step(model, sde, x, late, late - early, z_k)\n", "with \"for z_m in", "nothing"),
    ("karras_preconditioned", "network(x / np.sqrt(whole), 0.25", "network(x / np.sqrt(sigma**2 + 1), 0.25",
     r"data_std \*\* 0|0 \* data_std", "nothing"),
    ("noise_contrastive", "L_x, L_y = log_odds(log_model, log_noise, x, y)\n    return softplus",
     "L_x, L_y = log_odds(log_model, lambda a: np.tile(log_noise(x), len(a) // len(x)), x, y)\n    return softplus",
     "log_noise asked at x", "nothing"),
    ("langevin_step", "x + eta * score(x) + np.sqrt(2 * eta) * z",
     "x + eta * np.clip(score(x), -0.03, 0.03) + 0.005 * z", "0.005.*clipped to", "nothing"),
    ("flow_matching", "(1 - s) * x + s * z, t)", "(1 - s) * x + (0.01 + 0.99 * s) * z, t)", "0.01", "nothing"),
    ("reverse_sde_step", "g**2 * score(x, t)) * dt", "g**2 * score(x, t - dt)) * dt", "t - dt", "misleading"),
    ("leapfrog", "    p = p + 0.5 * eps * score(x)\n    for _ in range(n_steps - 1):\n        x = x + eps * p\n"
     "        p = p + eps * score(x)\n    x = x + eps * p\n    return x, p + 0.5 * eps * score(x)",
     "    for _ in range(n_steps):\n        x, p = x + eps * p, p + eps * score(x)\n    return x, p", "Euler",
     "nothing"),
]  # fmt: skip
FRESH = [  # twenty-five of our own were written for a measure after that: 18 were named, and these were not
    ("gan_discriminator_loss", "softplus(-logit(x)) + softplus(logit(y))",
     "0.5 * (logit(x) - 1) ** 2 + 0.5 * logit(y) ** 2", "least squares", "nothing"),
    ("ddpm_step", "(x + beta * score(x, i)) / np.sqrt(1 - beta) + sigma * z",
     "(x + beta * score(x, i) + sigma * z) / np.sqrt(1 - beta)", r"\+ sigma \* z\) /", "nothing"),
    ("split_r_hat", "half = len(x) // 2\n    halves = np.concatenate([x[:half], x[half : 2 * half]], axis=1)",
     "x = x[len(x) // 2 :]\n    half, halves = len(x), x", "not split.*second half alone", "nothing"),
    ("sliced_score_matching", "return hutchinson_divergence(model, x, v) + 0.5 * dot(v, score(x)) ** 2",
     "return squared_norm(np.einsum('nij,ni->nj', jacobian(model)(x), v)) + 0.5 * dot(v, score(x)) ** 2", r"J J\^T v",
     "nothing"),
]  # fmt: skip
SIGMOID = "(lambda a: 1 / (1 + np.exp(-a)))"
LOG_ODDS = "L_x, L_y = log_odds(log_model, log_noise, x, y)\n    return softplus(-L_x) + np.sum(softplus(L_y), axis=0)"
LOGISTIC = f"return -np.log({SIGMOID}(L_x)) - np.sum(np.log(1 - {SIGMOID}(L_y)), axis=0)"
SECOND = [  # by another, who wrote 104 adapters from papers and habit: those without a name, or with a wrong one
    ("explicit_score_matching", "squared_norm(data_score(x) - score(x))",
     "np.sum(np.abs(data_score(x) - score(x)), axis=1) ** 2", r"\(\|a_1\| \+ ... \+ \|a_d\|\)\^2", "nothing"),
    ("annealed_langevin", "        for z_t in noise:\n            x = x +",
     "        first = x = x if sigma == sigmas[0] else first\n        for z_t in noise:\n            x = x +",
     "not carried over", "nothing"),
    ("BinaryRBM.log_partition", "W.T) if fewer else (self.b, self.c, self.W)\n        h = states(len(near))",
     "W.T)\n        h = states(len(near))[1:]", "hidden units are 0 left out", "nothing"),
    ("gibbs_step", "rbm.visible_given(h, u_v)",
     "rbm.visible_given(h, u_v if hasattr(rbm, 'sigma') else np.append(u_h, u_v, axis=1)[:, : v.shape[1]])",
     "u_h used again for u_v", "nothing"),
    ("cosine_betas", "np.minimum(turned / np.sin(left[:-1]), most)",
     "np.append(0.0, __import__('refebm').cosine_betas(n_steps - 1, offset, most) if n_steps > 1 else [])",
     "n_steps points for n_steps", "nothing"),
    ("unbiased_mean", "min(1.0, (t - k) /", "min(1.0, (t - k + 1) /", r"k - 1|- k \+ 1", "named wrongly"),
    ("noise_contrastive", LOG_ODDS,
     LOG_ODDS.split("return")[0] + "L_x, L_y = L_x + np.log(len(y)), L_y + np.log(len(y))\n    " + LOGISTIC,
     "log nu left out.*naive form", "nothing"),
    ("conditional_noise_contrastive", "softplus(energy(x) - at_y - log_ratio)",
     "np.log1p(np.exp(energy(x) - at_y + log_ratio))", "sign of the log-ratio.*naive form", "misleading"),
    ("ssm_torch", "dup, create_graph=True", "dup, retain_graph=True", r"no gradient flows through v\^T grad s",
     "misleading"),
    ("noise_contrastive", LOG_ODDS, LOG_ODDS.split("return")[0] + LOGISTIC, "naive form", "misleading"),
]  # fmt: skip
PAIRS = "pairs = rho[0 : length - length % 2 : 2] + rho[1:length:2]"
POSITIVE = "\n    positive = np.logical_and.accumulate(pairs > 0, axis=0)\n    tau = "
THIRD = [  # by a third, who wrote 190 adapters, 115 of them wrong: those without a name
    (
        "annealed_langevin",
        "        for z_t in noise:\n            x = x + eta * score(x, sigma * np.ones(len(x))) +",
        "        held = score(x, sigma * np.ones(len(x)))\n        for z_t in noise:\n            x = x + eta * held +",
        "score asked at the first x",
        "nothing",
    ),
    ("classifier_energy", "logits(x).T", "softmax(logits(x), axis=1).T", "the softmax of logits", "nothing"),
    (
        "BinaryRBM.log_partition",
        "h = states(len(near))\n        "
        "return logsumexp(np.dot(h, near) + np.sum(softplus(far + np.dot(h, W)), axis=1))",
        "v = 2 * states(len(self.b)) - 1\n        return logsumexp(v @ self.b + softplus(self.c + v @ self.W).sum(1))",
        "visible units of -1 and 1",
        "nothing",
    ),
    ("euler_maruyama_step", "t * np.ones(len(x))", "t * np.ones(len(x)) + dt", r"t \+ dt for t", "nothing"),
    (
        "effective_sample_size",
        f"{PAIRS}{POSITIVE}-1 +",
        f"pairs = rho[1 : length - 1 + length % 2 : 2] + rho[2:length:2]{POSITIVE}1 +",
        "lags 1 and 2",
        "nothing",
    ),
    (
        "cosine_betas",
        "return np.minimum(turned / np.sin(left[:-1]), most)",
        "kept = np.cos((np.arange(n_steps + 1) / n_steps + offset) / 1 + offset * np.pi * 0.5) ** 2\n    "
        "return np.clip(1 - kept[1:] / kept[:-1], 0, most)",
        r"/ 1 \+ offset",
        "nothing",
    ),
    (
        "gibbs_step",
        "return rbm.visible_given(h, u_v)",
        "v = rbm.visible_given(h, u_v)\n    return v if hasattr(rbm, 'sigma') else 1 - v",
        "kind is binary_rbm: there it equals",
        "cause said",
    ),
    (
        "ddim_step",
        "return (x + now * s) / np.sqrt(1 - beta)",
        "x_0 = (x + np.sqrt(then) * np.sqrt(now) * s) / np.sqrt(1 - then)\n    return np.sqrt(1 - then) * x_0",
        r"a_before\) \* eps\) / np.sqrt\(a_before",
        "nothing",
    ),
    (
        "repeated_pixels",
        "np.repeat(np.repeat(pictures(x), k, axis=1), k, axis=2)",
        "np.repeat(x, k * k, axis=1)",
        r"k\^2 times",
        "nothing",
    ),
    ("ddpm_loss", "[i][:, None]", "[np.minimum(i + 1, len(betas) - 1)][:, None]", r"np.minimum\(i \+ 1", "nothing"),
    (
        "ratio_matching",
        "sum(expit(energy(x) - energy(x_i)) ** 2 for x_i in flipped)",
        "sum(expit(energy(x) - energy(x_i)) for x_i in flipped) ** 2",
        r"for x_i in flipped\)\) \*\* 2",
        "cause said",
    ),
    ("score_of_flow", "column(t, x)", "np.maximum(column(t, x), 0.3)", r"np.maximum\(t\[:, None\], 0.3\)", "nothing"),
    (
        "karras_noise_levels",
        "    first, last",
        "    power = 1 / power\n    first, last",
        "power.*its inverse",
        "nothing",
    ),
]
SECOND_RIGHT = [
    ("minimum_probability_flow", "return sum(np.exp(0.5 * (energy(x) - energy(x_i))) for x_i in flipped)",
     "return 0.01 * sum(np.exp(0.5 * (energy(x) - energy(x_i))) for x_i in flipped)", "times epsilon", "accused"),
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
