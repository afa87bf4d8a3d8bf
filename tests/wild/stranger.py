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
     r"scale \* \(\(x - std .* for .*a program that computes x_0 and eps", "misleading"),
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
        r"for x_i in \(.*\)\)\) \*\* 2",
        "cause said",
    ),
    ("score_of_flow", "column(t, x)", "np.maximum(column(t, x), 0.3)", r"np.maximum\(t\[:, None\], 0.3\)", "nothing"),
    (
        "karras_noise_levels",
        "    first, last",
        "    power = 1 / power\n    first, last",
        "1/power in place of power",
        "nothing",
    ),
]
FOURTH = [  # by two more, who wrote 339 adapters, 257 of them wrong: those without a name, or with a poor one
    ("geometric_noise_levels", "smallest, n)", "smallest, n, endpoint=False)", "endpoint=False", "nothing"),
    ("geometric_noise_levels", "np.max(pdist(x))", "np.max(np.sqrt(squared_norm(x)))", r"\|x_i\|", "nothing"),
    ("geometric_noise_levels", "pdist(x)", "pdist(x, 'chebyshev')", "coordinate", "cause said"),
    (
        "unbiased_contrastive_divergence",
        "unbiased_mean(model, chain, lagged, k, m)",
        "unbiased_mean(model, chain[:-1], lagged[1:], k, m)",
        "no lag",
        "nothing",
    ),
    (
        "bregman_noise_contrastive",
        "generator.conjugate(L_y)",
        "generator.derivative(L_y)",
        "derivative.* for .*conjugate",
        "nothing",
    ),
    (
        "gan_discriminator_loss",
        "return softplus(-logit(x)) + softplus(logit(y))",
        "D_x, D_y = (np.clip(expit(logit(one)), 1e-3, 1 - 1e-3) for one in (x, y))\n"
        "    return -np.log(D_x) - np.log(1 - D_y)",
        "clipped to .0.001",
        "nothing",
    ),
    (
        "explicit_sliced",
        "dot(v, data_score(x) - score(x)) ** 2",
        "dot(v, (data_score(x) - score(x)) ** 2)",
        r"dot\(v, \(data_score\(x\) - score\(x\)\) \*\* 2\)",
        "nothing",
    ),
    (
        "explicit_sliced",
        "dot(v, data_score(x) - score(x))",
        "(np.sum(data_score(x), axis=1) - dot(v, score(x)))",
        r"np.sum\(data_score\(x\)",
        "nothing",
    ),
    ("score_from_clean_point", "/ std**2", "/ (1 - scale**2)", r"1 - scale ?\*\* ?2", "nothing"),
    (
        "flow_matching",
        "velocity((1 - s) * x + s * z, t) - (z - x)",
        "velocity((1 - s) * x + (1e-3 + 0.999 * s) * z, t) - (0.999 * z - x)",
        "0.001",
        "nothing",
    ),
    ("GaussianBernoulliRBM.free_energy", "softplus(", "np.maximum(0, ", "relu", "nothing"),
    ("cosine_betas", "most)", "0.999)", "most that does not count", "named wrongly"),
    ("class_log_probabilities", "logsumexp(f.T, axis=0)[:, None]", "logsumexp(f, axis=0)", "axis=0", "cause said"),
    (
        "VariancePreserving.kernel",
        "np.sqrt(-np.expm1(-b))",
        "np.sqrt(np.exp(-self.integral(0.0, s)) - np.exp(-self.integral(0.0, t)))",
        "std_s",
        "cause said",
    ),
    (
        "minimum_probability_flow",
        "sum(np.exp(0.5 * (energy(x) - energy(x_i))) for x_i in flipped)",
        "sum(np.exp(0.5 * (energy(x) - energy(x_i))) * ~np.any(np.all(x_i[:, None] == x, axis=2), axis=1) "
        "for x_i in flipped)",
        "data",
        "cause said",
    ),
    (
        "regularised_score_matching",
        "return np.sum(0.5 * s**2 + slopes + 0.5 * sigma**2 * slopes**2, axis=1)",
        "all_slopes = np.sum(jacobian(model)(x) ** 2, axis=2)\n"
        "    return np.sum(0.5 * s**2 + slopes + 0.5 * sigma**2 * all_slopes, axis=1)",
        r"J \*\* 2",
        "cause said",
    ),
    (
        "GaussianMixture.posterior_cov",
        "(c.posterior_cov(y, sigma) + between[k][:, :, None] * between[k][:, None, :])",
        "(c.cov - c.cov @ np.linalg.solve(c.cov + sigma**2 * np.eye(len(c.mean)), c.cov))",
        "no variance between",
        "named wrongly",
    ),
    (
        "multigrid_chain",
        "repeated_pixels(y, side(noise))",
        "np.reshape(np.tile(pictures(y), (1, side(noise) // side(y), side(noise) // side(y))), (len(x), -1))",
        "side by side",
        "nothing",
    ),
    (
        "predictor_corrector",
        "for z_m in corrections:",
        "for z_m in [z_k, *corrections][: len(corrections)]:",
        r"z\[k, j\]|z_k",
        "nothing",
    ),
    (
        "mean_field_contrastive_divergence",
        "v = reconstruction(rbm, x, n_steps)\n    h_0, h = rbm.hidden_mean(x), rbm.hidden_mean(v)",
        "v, h_0 = x, rbm.hidden_mean(x)\n    h = h_0\n    for _ in range(n_steps):\n"
        "        v, h = rbm.visible_mean(h), rbm.hidden_mean(v)",
        "v, h = ",
        "nothing",
    ),
    ("score_of_noise", "/ std", "/ process(sde).diffusion(t)[:, None]", r"g\(t\) for std\(t\)", "nothing"),
    (
        "GaussianMixture.log_prob",
        "logsumexp(self.log_joint(x), axis=1)",
        "sum(w * c.log_prob(x) for w, c in zip(self.weights, self.components))",
        "mean of the components",
        "nothing",
    ),
    (
        "GaussianMixture.posterior_mean",
        "r = self.smoothed(sigma).responsibilities(y)",
        "r = self.smoothed(sigma).responsibilities(y)\n        r = 1.0 * (r == np.max(r, axis=1)[:, None])",
        "most probable|largest",
        "nothing",
    ),
    (
        "Gaussian.posterior_cov",
        "return sigma**2 * 0.5 * (gain + gain.T) * np.ones((len(y), 1, 1))",
        "return (self.cov - gain) * np.ones((len(y), 1, 1))",
        "@|without",
        "nothing",
    ),
    (
        "VarianceExploding.marginal",
        "return self.sigma_min * np.exp(t * self.log_ratio)",
        "return self.sigma_min * np.exp(t * self.log_ratio)\n\n    def marginal(self, t):\n"
        "        return 1.0 + 0.0 * t, np.sqrt(self.sigma(t) ** 2 - self.sigma_min)",
        r"self.sigma_min\" for .self.sigma_min \*\* 2",
        "cause said",
        "VarianceExploding.sigma",
    ),
    (
        "VarianceExploding.prior",
        "return self.sigma_min * np.exp(t * self.log_ratio)",
        "return self.sigma_min * np.exp(t * self.log_ratio)\n\n    def prior(self, d):\n"
        "        return Gaussian(np.zeros(d), (self.sigma_max - self.sigma_min) ** 2)",
        r"sigma_max - self.sigma_min",
        "nothing",
        "VarianceExploding.sigma",
    ),
    (
        "BinaryRBM.visible_mean",
        "expit(self.b + np.dot(h, self.W.T))",
        "self.b + expit(np.dot(h, self.W.T))",
        r"self.b \+ expit\(",
        "nothing",
    ),
    (
        "GaussianBernoulliRBM.log_partition",
        "shift * (shift + 2 * self.b)",
        "(shift + self.b) ** 2",
        r"for .squared_norm\(self.b \+ np.dot\(states\(self.m, self.d\), self.W.T\)\) - np.sum\(self.b",
        "nothing",
    ),
    (
        "autocorrelation",
        "c = autocovariance(x, n_lags)\n    return c / c[0]",
        "own = lambda a: a - np.mean(a, axis=0)\n"
        "    pairs = [(own(x[: len(x) - k]), own(x[k:])) for k in range(n_lags + 1)]\n"
        "    each = [np.sum(a * b, 0) / np.sqrt(np.sum(a**2, 0) * np.sum(b**2, 0) + 1e-300) for a, b in pairs]\n"
        "    return np.mean(each, axis=1)",
        "Pearson|corrcoef",
        "nothing",
    ),
    (
        "repeated_pixels",
        "np.reshape(np.repeat(np.repeat(pictures(x), k, axis=1), k, axis=2), (len(x), -1))",
        "np.einsum('ai,nij,bj->nab', *[np.stack([np.interp((np.arange(size) + 0.5) / k - 0.5, np.arange(size // k), e) "
        "for e in np.eye(size // k)], 1), pictures(x), np.stack([np.interp((np.arange(size) + 0.5) / k - 0.5, "
        "np.arange(size // k), e) for e in np.eye(size // k)], 1)]).reshape(len(x), -1)",
        "interpolat",
        "nothing",
    ),
    (
        "decaying_steps",
        "* (1.0 + np.arange(n_steps)) ** -power",
        "/ (1.0 + power * np.arange(n_steps))",
        "inverse",
        "nothing",
    ),
    (
        "estimated_log_partition",
        "deviation / np.sqrt(len(w)) / np.mean(w)",
        "np.std(log_weights, ddof=1) / np.sqrt(len(w))",
        "mean of the logs",
        "nothing",
    ),
]
KIN = [  # of these mistakes, in other functions: none had a name before the search was widened
    ("predicted_noise", "std * ", "process(sde).diffusion(t)[:, None] * ", "g\\(t\\) for std", "nothing"),
    ("diffusion_score_matching", "z / std", "z / process(sde).diffusion(t)[:, None]", "sde.diffusion", "nothing"),
    ("euler_maruyama_step", "sde.diffusion(t)[:, None]", "sde.marginal(t)[1][:, None]", "std\\(t\\) for g", "nothing"),
    (
        "Gaussian.posterior_mean",
        "self.mean + np.dot(y - self.mean, gain.T)",
        "self.mean + np.dot(y - self.mean, self.smoothed(sigma).precision)",
        "inv",
        "nothing",
    ),
    (
        "Gaussian.posterior_cov",
        "return sigma**2 * 0.5 * (gain + gain.T) * np.ones((len(y), 1, 1))",
        "return (self.cov - np.linalg.inv(self.cov + sigma**2 * np.eye(len(self.mean)))) * np.ones((len(y), 1, 1))",
        "for .self.cov @ np.linalg.inv",
        "nothing",
    ),
    (
        "GaussianBernoulliRBM.hidden_mean",
        "expit(self.c + np.dot(v, self.W) / self.sigma**2)",
        "self.c + expit(np.dot(v, self.W) / self.sigma**2)",
        "self.c \\+ expit",
        "nothing",
    ),
    (
        "BinaryRBM.free_energy",
        "softplus(self.c + np.dot(v, self.W))",
        "self.c + softplus(np.dot(v, self.W))",
        "self.c \\+ softplus",
        "nothing",
    ),
    (
        "BinaryRBM.hidden_mean",
        "expit(self.c + np.dot(v, self.W))",
        "np.clip((self.c + np.dot(v, self.W)) / 6 + 0.5, 0, 1)",
        "hard",
        "misleading",
    ),
    (
        "noise_contrastive",
        "softplus(-L_x) + np.sum(softplus(L_y), axis=0)",
        "-np.log(np.clip(expit(L_x), 1e-3, 0.999)) - np.sum(np.log(np.clip(expit(-L_y), 1e-3, 0.999)), axis=0)",
        "clipped",
        "nothing",
    ),
    (
        "conditional_noise_contrastive",
        "softplus(energy(x) - at_y - log_ratio)",
        "-np.log(np.clip(expit(-energy(x) + at_y + log_ratio), 0.01, 0.99))",
        "clipped",
        "nothing",
    ),
    ("geometric_noise_levels", "np.max(pdist(x))", "np.median(pdist(x))", "median", "nothing"),
    ("sliced_score_matching", "dot(v, score(x)) ** 2", "dot(v, score(x) ** 2)", "dot\\(v, s \\*\\* 2\\)", "nothing"),
    (
        "bregman_noise_contrastive",
        "-generator.derivative(L_x)",
        "-generator.conjugate(L_x)",
        "conjugate.*for.*derivative",
        "nothing",
    ),
    ("clean_point_from_score", "std**2 * ", "(1 - scale**2) * ", "1 - scale", "nothing"),
    ("denoised_point", "std**2", "(1 - scale**2)", "1 - m", "misleading"),
    (
        "autocovariance",
        "[np.sum(centred[: len(x) - t] * centred[t:], axis=0) / len(x) for t in range(n_lags + 1)]",
        "[np.sum((a - a.mean(0)) * b, 0) / len(x) for a, b in [(x[: len(x) - t], x[t:]) for t in range(n_lags + 1)]]",
        "own mean",
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
