"""Naive forms: the formula as it is printed, which loses its digits or overflows at the ends of its domain.

In the middle of the domain they are right, so they are not in the bank from which the examiner names mistakes. For each
there is a theorem with cases at an end: a time, variance or weight near 0, or points so far out that exp is 0 or inf.
"""

from refebm.variants.record import Wrong

AT_ENDS = "moderate numbers"
LOG_Z = "np.dot(h, near) + np.sum(softplus(far + np.dot(h, W)), axis=1)"
NODES = "-energy(nodes.x) + nodes.log_weights"
AREA = "(t - s) * (self.beta_min + 0.5 * (s + t) * (self.beta_max - self.beta_min))"
FROM_0 = [f"{end} * (self.beta_min + 0.5 * {end} * (self.beta_max - self.beta_min))" for end in "ts"]
NOISES = "np.logaddexp(np.log1p(-weight) + log_noise(x), np.log(weight) + log_proposal(x))"
DIFFERENCE = "energy(x) - energy(x_i)"
GAN = "return softplus(-logit(x)) + softplus(logit(y))"

ROWS = {  # by function: name, pattern in the definition, replacement
    "VarianceExploding.kernel": (
        ("exp(a) - 1", "np.expm1(-2 * (t - s) * self.log_ratio)", "(np.exp(-2 * (t - s) * self.log_ratio) - 1)"),
        ("difference of the variances", "self.sigma(t) * np.sqrt(-np.expm1(-2 * (t - s) * self.log_ratio))",
         "np.sqrt(self.sigma(t) ** 2 - self.sigma(s) ** 2)"),
    ),
    "VariancePreserving.integral": (("difference of the integrals from 0", AREA, " - ".join(FROM_0)),),
    "VariancePreserving.kernel": (("1 - exp(-b)", "-np.expm1(-b)", "1 - np.exp(-b)"),),
    "SubVariancePreserving.kernel": (
        ("exp(-b) - 1", "np.expm1(-b)", "(np.exp(-b) - 1)"),
        ("exp(-B) - 1", "np.expm1(-total)", "(np.exp(-total) - 1)"),
    ),
    "SubVariancePreserving.diffusion": (
        ("1 - exp(-2 B)", "np.expm1(-2 * self.integral(0.0, t))", "(np.exp(-2 * self.integral(0.0, t)) - 1)"),
    ),
    "ddpm_loss": (
        ("log(1 - beta)", "np.log1p(-betas)", "np.log(1 - betas)"),
        ("product of 1 - beta", "np.cumsum(np.log1p(-betas))", "np.log(np.cumprod(1 - betas))"),
        ("1 - a", "-np.expm1(log_kept)", "1 - np.exp(log_kept)"),
    ),
    "ddpm_step": (
        ("sum of log(1 - beta)", "np.cumsum(np.log1p(-betas))", "np.cumsum(np.log(1 - betas))"),
        ("1 - a", "np.expm1(log_kept)", "(np.exp(log_kept) - 1)"),
    ),
    "ddim_step": (
        ("sum of log(1 - beta)", "np.cumsum(np.log1p(-betas))", "np.cumsum(np.log(1 - betas))"),
        ("1 - a", "np.expm1(log_kept[i])", "(np.exp(log_kept[i]) - 1)"),
        ("1 - a of the step before", "np.expm1(before[i])", "(np.exp(before[i]) - 1)"),
    ),
    "classifier_energy": (
        ("log of the sum of exp", "logsumexp(logits(x).T, axis=0)", "np.log(np.sum(np.exp(logits(x)), axis=1))"),
    ),
    "class_log_probabilities": (
        ("log of the sum of exp", "logsumexp(f.T, axis=0)", "np.log(np.sum(np.exp(f), axis=1))"),
        ("log of the probability", "f - logsumexp(f.T, axis=0)[:, None]",
         "np.log(np.exp(f) / np.sum(np.exp(f), axis=1, keepdims=True))"),
    ),
    "pseudo_likelihood": (
        ("log(1 + exp(a))", "softplus(energy(x) - energy(x_i))", "np.log(1 + np.exp(energy(x) - energy(x_i)))"),
        ("ratio of what is not normalised", "softplus(energy(x) - energy(x_i))",
         "-np.log(np.exp(-energy(x)) / (np.exp(-energy(x)) + np.exp(-energy(x_i))))"),
    ),
    "marginal_of_steps": (
        ("sum of log(1 - beta)", "np.cumsum(np.log1p(-betas))", "np.cumsum(np.log(1 - betas))"),
        ("1 - a", "-np.expm1(log_kept)", "1 - np.exp(log_kept)"),
    ),
    "BinaryRBM.free_energy": (
        ("log(1 + exp(a))", "softplus(self.c + np.dot(v, self.W))", "np.log(1 + np.exp(self.c + np.dot(v, self.W)))"),
    ),
    "GaussianBernoulliRBM.free_energy": (
        ("log(1 + exp(a))", "softplus(self.c + np.dot(v, self.W) / self.sigma**2)",
         "np.log(1 + np.exp(self.c + np.dot(v, self.W) / self.sigma**2))"),
    ),
    "BinaryRBM.hidden_mean": (
        ("by a tanh", "expit(self.c + np.dot(v, self.W))", "0.5 + 0.5 * np.tanh(0.5 * (self.c + np.dot(v, self.W)))"),
    ),
    "GaussianBernoulliRBM.hidden_mean": (
        ("by a tanh", "expit(self.c + np.dot(v, self.W) / self.sigma**2)",
         "0.5 + 0.5 * np.tanh(0.5 * (self.c + np.dot(v, self.W) / self.sigma**2))"),
    ),
    "BinaryRBM.visible_mean": (
        ("by a tanh", "expit(self.b + np.dot(hidden(self, h), self.W.T))",
         "0.5 + 0.5 * np.tanh(0.5 * (self.b + np.dot(hidden(self, h), self.W.T)))"),
    ),
    "BinaryRBM.log_partition": (("log of the sum of exp", f"logsumexp({LOG_Z})", f"np.log(np.sum(np.exp({LOG_Z})))"),),
    "GaussianBernoulliRBM.log_partition": (
        ("log of the sum of exp", "logsumexp(np.dot(h, self.c) + gain)",
         "np.log(np.sum(np.exp(np.dot(h, self.c) + gain)))"),
        ("difference of squares", "np.sum(shift * (shift + 2 * self.b), axis=1)",
         "(np.sum((self.b + shift) ** 2, axis=1) - np.sum(self.b**2))"),
    ),
    "log_partition": (("log of the sum of exp", f"logsumexp({NODES})", f"np.log(np.sum(np.exp({NODES})))"),),
    "estimated_log_partition": (
        ("log of the mean of exp", "np.log(np.mean(w)) + np.max(log_weights)", "np.log(np.mean(np.exp(log_weights)))"),
    ),
    "GaussianMixture.log_prob": (
        ("log of the sum of exp", "self._by_likeliest(log_sum, x)",
         "np.log(np.sum(np.exp(self._log_joint(x)), axis=0))"),
    ),
    "ratio_matching": (
        ("by a tanh", f"expit({DIFFERENCE})", f"(0.5 + 0.5 * np.tanh(0.5 * ({DIFFERENCE})))"),
        ("ratio of what is not normalised", f"expit({DIFFERENCE})",
         "(np.exp(-energy(x_i)) / (np.exp(-energy(x_i)) + np.exp(-energy(x))))"),
    ),
    "noise_contrastive": (
        ("log(1 + exp(-L)) of data", "softplus(-L_x)", "np.log(1 + np.exp(-L_x))"),
        ("log(1 + exp(L)) of noise", "softplus(L_y)", "np.log(1 + np.exp(L_y))"),
        ("-log D of data", "softplus(-L_x)", "-np.log(1 / (1 + np.exp(-L_x)))"),
        ("-log(1 - D) of noise", "softplus(L_y)", "-np.log(1 - 1 / (1 + np.exp(-L_y)))"),
    ),
    "conditional_noise_contrastive": (
        ("log(1 + exp(-G))", "softplus(energy(x) - at_y - log_ratio)",
         "np.log(1 + np.exp(energy(x) - at_y - log_ratio))"),
    ),
    "gan_discriminator_loss": (
        ("-log D of data", GAN, "return -np.log(1 / (1 + np.exp(-logit(x)))) + softplus(logit(y))"),
        ("-log(1 - D) of noise", GAN, "return softplus(-logit(x)) - np.log(1 - 1 / (1 + np.exp(-logit(y))))"),
    ),
    "mixed_noise": (
        ("log(1 - w)", "np.log1p(-weight)", "np.log(1 - weight)"),
        ("log of the sum of densities", NOISES,
         "np.log((1 - weight) * np.exp(log_noise(x)) + weight * np.exp(log_proposal(x)))"),
    ),
}  # fmt: skip
NAIVE = [
    Wrong(function, f"{name}, naively", *patch, AT_ENDS) for function, rows in ROWS.items() for name, *patch in rows
]
