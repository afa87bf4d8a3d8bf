"""Patches of the PyTorch adapter: (function, name in the bank): (was, becomes, inside)."""

from refebm.variants.questions import ADJUSTED

GRADIENT = "grad(lambda x: energy(x).sum())(x)"
BACKWARD = "values.mean().backward()"
TRACE = 'torch.einsum("nii->n", _jacobian(field, x))'
JVP = "jvp(field, x, v, create_graph=True)[1]"
PROJECTIONS = 'torch.stack([body(**given | {"v": v}) for v in given["v"]]).mean(0)'
SUM_OF_PROJECTIONS = (PROJECTIONS, PROJECTIONS.replace(".mean(0)", ".sum(0)"), "_call")
FIRST_PROJECTION = (PROJECTIONS, 'body(**given | {"v": given["v"][0]})', "_call")
SIGMAS = "sigmas = largest / ratio ** torch.arange(n)"
EYE = "torch.eye(len(gain), dtype=DTYPE)"
VARIANCE = "variance * torch.eye(y.shape[1], dtype=DTYPE) + variance**2 *"
RATIO = "torch.sigmoid(energy(x) - energy(x_i)) ** 2"

# densities that the adapter takes from torch.distributions, as those who write them out do
GAUSSIAN = "return self.law.log_prob(x)"
OWN_GAUSSIAN = """\
d, factor = len(self.mean), torch.linalg.cholesky(self.cov)
        whitened = (x - self.mean) @ torch.linalg.inv(factor).T
        return -0.5 * (whitened**2).sum(1) - factor.diagonal().log().sum() - 0.5 * d * math.log(2 * math.pi)"""
GAMMA = "torch.distributions.Gamma(self.shape, self.rate).log_prob(x).sum(1)"
OWN_GAMMA = (
    "((self.shape - 1) * x.log() - self.rate * x + self.shape * self.rate.log() - torch.lgamma(self.shape)).sum(1)"
)
STUDENT = "return torch.distributions.StudentT(self.df, self.loc, self.scale).log_prob(x).sum(1)"
OWN_STUDENT = """\
nu, t = self.df, (x - self.loc) / self.scale
        log_c = torch.lgamma((nu + 1) / 2) - torch.lgamma(nu / 2) - 0.5 * (math.pi * nu).log() - self.scale.log()
        return (log_c - 0.5 * (nu + 1) * torch.log1p(t**2 / nu)).sum(1)"""
LAPLACE = "torch.distributions.Laplace(self.loc, self.scale).log_prob(x).sum(1)"
OWN_LAPLACE = "(-torch.abs(x - self.loc) / self.scale - (2 * self.scale).log()).sum(1)"
COMPONENT_SCORES = "torch.stack([c.score(x) for c in self.components], 1)"
MIXTURE_SCORE = "grad(lambda x: self.log_prob(x).sum())(x)"


def own(text: str, was: str, becomes: str) -> str:
    """A density written out, with a mistake in it."""
    assert text.count(was) == 1, was
    return text.replace(was, becomes)


WORDS = [  # of the bank, and of the adapter
    ("held(energy(x_model))", "energy(x_model).detach()"),
    ("held(energy(x))", "energy(x).detach()"),
    ("energy(held(x_model))", "energy(x_model.detach())"),
    ("held(x_model)", "x_model.detach()"),
    ("np.exp(log_z)", "math.exp(log_z)"),
    ("np.sqrt(2 * eta)", "math.sqrt(2 * eta)"),
    ("np.sqrt(eta)", "math.sqrt(eta)"),
    ("np.arange(n_steps)", "torch.arange(n_steps, dtype=DTYPE)"),
    ("np.log(np.mean(w))", "w.mean().log()"),
    ("np.mean(np.log(w))", "w.log().mean()"),
    ("np.log(np.sum(w))", "w.sum().log()"),
    ("np.std(w, ddof=1) / np.sqrt(len(w)) / np.mean(w)", "w.std() / math.sqrt(len(w)) / w.mean()"),
    ("np.std(w, ddof=1)", "w.std()"),
    ("np.std(w)", "w.std(correction=0)"),
    (" / np.sqrt(len(w)) / np.mean(w)", " / math.sqrt(len(w)) / w.mean()"),
    (" / np.sqrt(len(w))", " / math.sqrt(len(w))"),
    ("np.max(log_w)", "log_weights.max()"),
    ("np.dot(v, self.W)", "v @ self.W"),
    ("np.dot(v, self.b)", "v @ self.b"),
    ("np.dot(hidden(self, h), ", "np.dot(h, "),
    ("np.dot(h, self.c)", "h @ self.c"),
    ("np.dot(h, self.W.T)", "h @ self.W.T"),
    ("np.dot(h, near)", "h @ near"),
    ("np.dot(h, W)", "h @ W"),
    ("hidden(self, h)", "h"),
    ("self.d *", "len(self.b) *"),
    ("self.d == self.m", "len(self.b) == len(self.c)"),
    ("len(near) * np.log(2) + logsumexp", "len(near) * math.log(2) + torch.logsumexp"),
    ("LOG_2PI", "math.log(2 * math.pi)"),
    ("np.log(self.sigma)", "self.sigma.log()"),
    ("expit(", "torch.sigmoid("),
    ("np.dot(2 * v - 1, self.W)", "(2 * v - 1) @ self.W"),
    ("np.dot(v - self.b, self.W)", "(v - self.b) @ self.W"),
    ("np.maximum(self.c + v @ self.W, 0.0)", "torch.relu(self.c + v @ self.W)"),
    ("np.dot(2 * h - 1, self.W.T)", "(2 * h - 1) @ self.W.T"),
    ("logsumexp(self.c + v @ self.W)", "torch.logsumexp(self.c + v @ self.W, (0, 1))"),
    ("np.clip(score(x), -0.25, 0.25)", "score(x).clamp(-0.25, 0.25)"),
    ("score(x) / np.sqrt(np.sum(score(x) ** 2, 1, keepdims=True))", "score(x) / score(x).norm(dim=1, keepdim=True)"),
    ("np.mean(score(x), axis=0)", "score(x).mean(0)"),
    ("np.resize(u_h, u_v.shape)", "_tensor(np.resize(u_h, u_v.shape))"),
    ("np.sqrt(c[0])", "c[0].sqrt()"),
    ("np.var(x, axis=(0, 1))", "x.var((0, 1), correction=0)"),
    ("np.mean(c[0])", "c[0].mean()"),
    ("np.arange(n_lags + 1)", "torch.arange(n_lags + 1)"),
    ("np.arange(length)", "torch.arange(length)"),
    ("_variance_of_means", "variance_of_means"),
    ("logsumexp(h @ near", "torch.logsumexp(h @ near"),
    ("np.max(h @ near", "torch.amax(h @ near"),
    ("np.logaddexp(0, ", "torch.logaddexp(0 * there, "),
    ("np.logaddexp(", "torch.logaddexp("),
    ("return logsumexp", "return torch.logsumexp"),
    ("return -logsumexp", "return -torch.logsumexp"),
    ("np.exp(", "torch.exp("),
    ("np.abs(", "torch.abs("),
    ("np.tanh(", "torch.tanh("),
]
CANNOT_BE = {("contrastive_divergence", "gradient flows through the samples")}  # they are handed over as numbers
ACCEPTED = {  # of every kernel that accepts or rejects
    "threshold without its minus: -log u": ("torch.log(u)", "torch.log(1 / u)"),
    "one u for all rows": ("torch.log(u)", "torch.log(u[0])"),
    "accepted where 1 - u is below the acceptance": ("torch.log(u)", "torch.log(1 - u)"),
    "acceptance without the minimum": ("torch.clamp(-energy_error, max=0.0)", "-energy_error"),
}
SPECTRUM = """\
spectrum = torch.fft.rfft(x - x.mean(0), n=2 * len(x), dim=0)
    return torch.fft.irfft(spectrum.abs() ** 2, n=2 * len(x), dim=0)[: n_lags + 1].mean(1) / len(x)"""
HALVES = """\
x = torch.cat([x[: length // 2], x[-(length // 2) :]], 1)
    length, n, _ = x.shape
    """
ESTIMATE = """\
c = autocovariance(x, length - 1)
    within = c[0] * length / (length - 1)
    rho = 1 - (within - c) / (c[0] + variance_of_means(x))
    rho[0] = 1.0
    pairs = rho[0 : length - length % 2 : 2] + rho[1:length:2]
    """
AS_A_RULE = """\
positive = (pairs > 0).cumprod(0)
    tau = -1 + 2"""
FOLLOWING = """\
early = (torch.arange(len(pairs)) < (length - 3) // 2)[:, None]
    positive = ((pairs > 0) & early).cumprod(0)
    following = rho[0 : length - length % 2 : 2].clamp(min=0) * ((1 - positive).cumsum(0) == 1)
    tau = following.sum(0) - 1 + 2"""
PATCHES: dict[tuple[str, str], tuple[str, str, str]] = {
    ("score_of", "gradient of the density"): ("-" + GRADIENT, "grad(lambda x: torch.exp(-energy(x)).sum())(x)", ""),
    ("score_of", "unit length"): ("-" + GRADIENT, f"torch.nn.functional.normalize(-{GRADIENT}, dim=1)", ""),
    ("score_of", "absolute value"): (GRADIENT, f"{GRADIENT}.abs()", ""),
    ("score_of", "centred over the batch"): ("return -" + GRADIENT, f"s = -{GRADIENT}\n    return s - s.mean(0)", ""),
    ("score_of", "gradient of the batch mean"): ("energy(x).sum()", "energy(x).mean()", ""),
    ("score_of", "energy with the other sign: the model handed over is f = -E"): ("-grad", "grad", ""),
    ("divergence", "two coordinates only"): (
        "field_and_divergence(field, x)[1]",
        'torch.einsum("nii->n", _jacobian(field, x)[:, :2, :2])',
        "",
    ),
    ("divergence", "all entries of the Jacobian"): (
        "field_and_divergence(field, x)[1]",
        "_jacobian(field, x).sum((1, 2))",
        "",
    ),
    ("field_and_divergence", "trace divided by d"): (TRACE, f"{TRACE} / x.shape[1]", ""),
    ("field_and_divergence", "trace starts at one"): (TRACE, f"1 + {TRACE}", ""),
    ("field_and_divergence", "two coordinates only"): ("_jacobian(field, x)", "_jacobian(field, x)[:, :2, :2]", ""),
    ("field_and_divergence", "all entries of the Jacobian"): ("nii->n", "nij->n", ""),
    ("field_and_divergence", "last coordinate only"): (TRACE, "_jacobian(field, x)[:, -1, -1]", ""),
    ("jacobian_vector_product", "transposed"): (JVP, "torch.autograd.functional.vjp(field, x, v)[1]", ""),
    ("jacobian_vector_product", "unit vectors"): ("field, x, v,", "field, x, v / v.norm(dim=1, keepdim=True),", ""),
    ("jacobian_vector_product", "value for derivative"): ("[1]", "[0]", ""),
    ("jacobian_vector_product", "diagonal only"): (JVP, 'v * torch.einsum("nii->ni", _jacobian(field, x))', ""),
    ("explicit_score_matching", "absolute value for the square"): (
        "squared_norm(data_score(x) - score(x))",
        "(data_score(x) - score(x)).abs().sum(1)",
        "",
    ),
    ("explicit_score_matching", "length for its square"): (
        "squared_norm(data_score(x) - score(x))",
        "(data_score(x) - score(x)).norm(dim=1)",
        "",
    ),
    ("explicit_score_matching", "square of the sum"): (
        "squared_norm(data_score(x) - score(x))",
        "(data_score(x) - score(x)).sum(1) ** 2",
        "",
    ),
    ("implicit_score_matching", "trace over two coordinates"): (
        "field_and_divergence(score, x)",
        'score(x), torch.einsum("nii->n", _jacobian(score, x)[:, :2, :2])',
        "",
    ),
    ("implicit_score_matching", "all entries of the Jacobian"): (
        "field_and_divergence(score, x)",
        "score(x), jacobian_vector_product(score, x, torch.ones_like(x)).sum(1)",
        "",
    ),
    ("explicit_sliced", "absolute value for the square"): (
        "dot(v, data_score(x) - score(x)) ** 2",
        "dot(v, data_score(x) - score(x)).abs()",
        "",
    ),
    ("explicit_sliced", "sum over projections"): SUM_OF_PROJECTIONS,
    ("hutchinson_divergence", "diagonal only"): (
        "dot(v, jacobian_vector_product(field, x, v))",
        'dot(v**2, torch.einsum("nii->ni", _jacobian(field, x)))',
        "",
    ),
    ("hutchinson_divergence", "v once"): (
        "dot(v, jacobian_vector_product(field, x, v))",
        "jacobian_vector_product(field, x, v).sum(1)",
        "",
    ),
    ("hutchinson_divergence", "the first projection alone"): FIRST_PROJECTION,
    ("hutchinson_divergence", "sum over projections"): SUM_OF_PROJECTIONS,
    ("sliced_score_matching", "the first projection alone"): FIRST_PROJECTION,
    ("sliced_score_matching", "sum over projections"): SUM_OF_PROJECTIONS,
    ("sliced_score_matching_vr", "the first projection alone"): FIRST_PROJECTION,
    ("sliced_score_matching_vr", "sum over projections"): SUM_OF_PROJECTIONS,
    ("finite_difference_sliced", "sum over projections"): SUM_OF_PROJECTIONS,
    ("nonnegative_score_matching", "no 1/2: twice the whole"): ("return (", "return 2 * (", ""),
    ("nonnegative_score_matching", "mean over coordinates"): (".sum(1)", ".mean(1)", ""),
    ("ratio_matching", "one bit only"): ("dtype=DTYPE)", "dtype=DTYPE)[:1]", ""),
    ("ratio_matching", "all bits flipped"): ("torch.abs(x - bit)", "1 - x", ""),
    ("ratio_matching", "bits cleared, not flipped"): ("torch.abs(x - bit)", "x * (1 - bit)", ""),
    ("ratio_matching", "pseudo-likelihood"): (
        RATIO,
        "-torch.nn.functional.logsigmoid(energy(x_i) - energy(x))",
        "",
    ),
    ("denoising_score_matching", "absolute value for the square"): (
        "squared_norm(score(x + sigma * z) + z / sigma)",
        "(score(x + sigma * z) + z / sigma).abs().sum(1)",
        "",
    ),
    ("denoising_score_matching_cv", "constant of the control variate left out"): (
        " + 0.5 * ((z**2 - 1) / sigma**2).sum(1)",
        "",
        "",
    ),
    ("noise_conditional_score_matching", "absolute value for the square"): (
        "squared_norm(sigma * score(x + sigma * z, sigma[:, 0]) + z)",
        "(sigma * score(x + sigma * z, sigma[:, 0]) + z).abs().sum(1)",
        "",
    ),
    ("denoising_autoencoder", "absolute value for the square"): (
        "squared_norm(denoiser(x + sigma * z) - x)",
        "(denoiser(x + sigma * z) - x).abs().sum(1)",
        "",
    ),
    ("tweedie_cov", "no noise variance"): (VARIANCE, "variance**2 *", ""),
    ("tweedie_cov", "the model predicts the clean point: s = (r - y)/sigma^2"): (VARIANCE, "variance *", ""),
    ("geometric_noise_levels", "linear levels"): (
        SIGMAS,
        "sigmas = torch.linspace(float(largest), smallest, n, dtype=DTYPE)\n    ratio = sigmas[0] / sigmas[1]",
        "",
    ),
    ("geometric_noise_levels", "mean distance"): ("torch.pdist(x).max()", "torch.pdist(x).mean()", ""),
    ("geometric_noise_levels", "overlap as if d were 1"): ("2 * d * ratio.log()", "2 * ratio.log()", ""),
    ("geometric_noise_levels", "levels from small to large"): ("return sigmas,", "return sigmas.flip(0),", ""),
    ("Gaussian.log_prob", "normaliser lacks d"): (GAUSSIAN, own(OWN_GAUSSIAN, "0.5 * d *", "0.5 *"), ""),
    ("Gaussian.log_prob", "sigma for sigma squared in the root"): (
        GAUSSIAN,
        own(OWN_GAUSSIAN, "- factor.diagonal()", "- 0.5 * factor.diagonal()"),
        "",
    ),
    ("Gaussian.log_prob", "no log 2 pi"): (
        GAUSSIAN,
        own(OWN_GAUSSIAN, " - 0.5 * d * math.log(2 * math.pi)", ""),
        "",
    ),
    ("Gaussian.log_prob", "no 1/2 on the square"): (
        GAUSSIAN,
        own(OWN_GAUSSIAN, "-0.5 * (whitened**2)", "-(whitened**2)"),
        "",
    ),
    ("Gaussian.log_prob", "wrong Cholesky factor"): (GAUSSIAN, own(OWN_GAUSSIAN, "inv(factor).T", "inv(factor)"), ""),
    ("Gaussian.log_prob", "mean reflected"): (GAUSSIAN, own(OWN_GAUSSIAN, "x - self.mean", "x + self.mean"), ""),
    ("Gaussian.log_prob", "cov read as a precision"): (
        GAUSSIAN,
        own(OWN_GAUSSIAN, "torch.linalg.inv(factor).T", "factor"),
        "",
    ),
    ("Gaussian.score", "sign"): ("-(x - self.mean)", "(x - self.mean)", ""),
    ("Gaussian.score", "covariance for precision"): ("self.law.precision_matrix", "self.cov", ""),
    ("Gaussian.score", "sigma for sigma squared"): (
        "self.law.precision_matrix",
        "torch.linalg.inv(self.law.scale_tril).T",
        "",
    ),
    ("Gaussian.score", "diagonal precision"): (
        "@ self.law.precision_matrix",
        "* self.law.precision_matrix.diagonal()",
        "",
    ),
    ("Gaussian.smoothed", "sigma for sigma squared"): ("sigma**2", "sigma", ""),
    ("Gaussian.smoothed", "noise common to all coordinates"): (
        "_covariance(sigma**2, len(self.mean))",
        "sigma**2",
        "",
    ),
    ("Gaussian.posterior_mean", "shrinks to the origin"): ("self.mean + (y - self.mean) @", "y @", ""),
    ("Gaussian.posterior_mean", "weight of the noise"): ("gain.T", f"({EYE} - gain).T", ""),
    ("Gaussian.posterior_mean", "the noisy point"): ("self.mean + (y - self.mean) @ gain.T", "y", ""),
    ("Gaussian.posterior_cov", "sigma for sigma squared"): ("sigma**2 * gain", "sigma * gain", ""),
    ("Gaussian.posterior_cov", "the prior covariance"): ("(sigma**2 * gain)", "self.cov", ""),
    ("Gaussian.posterior_cov", "the covariance of the noise"): ("sigma**2 * gain", f"sigma**2 * {EYE}", ""),
    ("Gaussian.posterior_cov", "weight of the noise"): ("sigma**2 * gain", f"sigma**2 * ({EYE} - gain)", ""),
    ("GaussianMixture.log_prob", "largest term for the sum"): ("torch.logsumexp", "torch.amax", ""),
    ("GaussianMixture.log_prob", "mean of the logs"): (
        "torch.logsumexp(self.log_joint(x), 1)",
        "(self.weights * self.log_joint(x)).sum(1)",
        "",
    ),
    ("GaussianMixture.log_prob", "normaliser lacks d"): (
        GAUSSIAN,
        own(OWN_GAUSSIAN, "0.5 * d *", "0.5 *"),
        "Gaussian.log_prob",
    ),
    ("GaussianMixture.log_prob", "no log 2 pi"): (
        GAUSSIAN,
        own(OWN_GAUSSIAN, " - 0.5 * d * math.log(2 * math.pi)", ""),
        "Gaussian.log_prob",
    ),
    ("GaussianMixture.score", "weights for responsibilities"): (
        MIXTURE_SCORE,
        f'torch.einsum("k,nki->ni", self.weights, {COMPONENT_SCORES})',
        "",
    ),
    ("GaussianMixture.score", "gradient of the density"): (
        "self.log_prob(x).sum()",
        "self.log_prob(x).exp().sum()",
        "",
    ),
    ("GaussianMixture.score", "the nearest component alone"): (
        MIXTURE_SCORE,
        f'torch.einsum("nk,nki->ni", torch.softmax(self.log_joint(x), 1).round(), {COMPONENT_SCORES})',
        "",
    ),
    ("GaussianMixture.score", "responsibility of the neighbour"): (
        MIXTURE_SCORE,
        f'torch.einsum("nk,nki->ni", torch.softmax(self.log_joint(x), 1).roll(1, 1), {COMPONENT_SCORES})',
        "",
    ),
    ("GaussianMixture.smoothed", "sigma for sigma squared"): ("sigma**2", "sigma", ""),
    ("GaussianMixture.smoothed", "noise common to all coordinates"): (
        "_covariance(sigma**2, self.means.shape[1])",
        "sigma**2",
        "",
    ),
    ("GaussianMixture.smoothed", "noise on the first component alone"): (
        "self.covs + _covariance(sigma**2, self.means.shape[1])",
        "torch.cat([self.covs[:1] + _covariance(sigma**2, self.means.shape[1]), self.covs[1:]])",
        "",
    ),
    ("GaussianMixture.posterior_cov", "variance between components twice"): ("+ between[", "+ 2 * between[", ""),
    ("smoothed_empirical", "sigma for sigma squared"): ("sigma**2", "sigma", ""),
    ("smoothed_empirical", "the mean of the data"): (
        "np.ones(len(points)) / len(points), points,",
        "np.ones(1), points.mean(axis=0, keepdims=True),",
        "",
    ),
    ("smoothed_empirical", "noise twice"): ("sigma**2", "2 * sigma**2", ""),
    ("Gamma.log_prob", "power of x"): (GAMMA, own(OWN_GAMMA, "(self.shape - 1)", "self.shape"), ""),
    ("Gamma.log_prob", "power of the rate"): (GAMMA, own(OWN_GAMMA, "self.shape * self.rate", "self.rate"), ""),
    ("Gamma.log_prob", "no Gamma function"): (GAMMA, own(OWN_GAMMA, " - torch.lgamma(self.shape)", ""), ""),
    ("Gamma.log_prob", "Gamma(shape + 1)"): (GAMMA, own(OWN_GAMMA, "lgamma(self.shape)", "lgamma(self.shape + 1)"), ""),
    ("Gamma.log_prob", "scale in the exponent alone"): (
        GAMMA,
        own(OWN_GAMMA, "- self.rate * x", "- x / self.rate"),
        "",
    ),
    ("Gamma.log_prob", "scale for rate (theta = 1/rate)"): ("self.shape, self.rate", "self.shape, 1 / self.rate", ""),
    ("Gamma.fisher_information", "rate not squared"): ("self.rate**2", "self.rate", ""),
    ("Gamma.fisher_information", "rate cubed"): ("self.rate**2", "self.rate**3", ""),
    ("Gamma.fisher_information", "scale for rate (theta = 1/rate)"): ("self.rate**2 /", "1 / self.rate**2 /", ""),
    ("StudentT.log_prob", "nu for nu + 1"): (STUDENT, own(OWN_STUDENT, "0.5 * (nu + 1)", "0.5 * nu"), ""),
    ("StudentT.log_prob", "no scale"): (STUDENT, own(OWN_STUDENT, " - self.scale.log()", ""), ""),
    ("StudentT.log_prob", "no degrees of freedom in the tail"): (STUDENT, own(OWN_STUDENT, "t**2 / nu", "t**2"), ""),
    ("StudentT.log_prob", "loc reflected"): ("self.loc", "-self.loc", ""),
    ("StudentT.log_prob", "variance as scale"): ("self.scale", "self.scale**2", ""),
    ("Laplace.log_prob", "no 2"): (LAPLACE, own(OWN_LAPLACE, "2 * self.scale", "self.scale"), ""),
    ("Laplace.log_prob", "the square"): (
        LAPLACE,
        own(OWN_LAPLACE, "-torch.abs(x - self.loc)", "-((x - self.loc) ** 2)"),
        "",
    ),
    ("Laplace.log_prob", "rate for scale"): ("self.scale", "1 / self.scale", ""),
    ("Laplace.log_prob", "no scale in the normaliser"): (
        LAPLACE,
        own(OWN_LAPLACE, "(2 * self.scale).log()", "math.log(2)"),
        "",
    ),
    ("Laplace.log_prob", "variance as scale"): ("self.scale", "self.scale**2", ""),
    ("Laplace.score", "sign"): ("-torch.sign", "torch.sign", ""),
    ("Laplace.score", "a Gaussian score"): ("torch.sign(x - self.loc)", "(x - self.loc)", ""),
    ("hutchinson_divergence", "signs of the projections"): (
        "dot(v, jacobian_vector_product(field, x, v))",
        "dot(v.sign(), jacobian_vector_product(field, x, v.sign()))",
        "",
    ),
    ("denoising_score_matching", "target of unit length"): ("z / sigma", "z / z.norm(dim=1, keepdim=True)", ""),
    ("denoising_score_matching", "sigma read as a variance"): (
        "score(x + sigma * z) + z / sigma",
        "score(x + sigma.sqrt() * z) + z / sigma.sqrt()",
        "",
    ),
    ("tweedie_cov", "diagonal only"): (
        "_jacobian(score, y)",
        "torch.eye(y.shape[1], dtype=DTYPE) * _jacobian(score, y)",
        "",
    ),
    ("GaussianMixture.log_prob", "sum of components without weights"): (
        "self.weights.log() + ",
        "",
        "GaussianMixture.log_joint",
    ),
    ("Gamma.score", "root of x"): ("/ x -", "/ x.sqrt() -", ""),
    ("metropolis_step", "energies capped, NaN too"): (
        "there = energy(proposal)",
        "there = energy(proposal).clamp(max=1.0)",
        "",
    ),
    ("mala_step", "energies capped, NaN too"): ("z_back = ", "there = there.clamp(max=1.0)\n    z_back = ", ""),
    ("hmc_step", "energies capped, NaN too"): ("end, there - here", "end, there.clamp(max=4.0) - here", ""),
    ("leapfrog", "sign of the score"): (
        "    p = p + 0.5",
        "    score = (lambda s: lambda x: -s(x))(score)\n    p = p + 0.5",
        "",
    ),
    ("hmc_step", "sign of the score"): ("lambda x: score_of(", "lambda x: -score_of(", ""),
    ("langevin_step", "the same noise in each row"): ("* z", "* z[:1]", ""),
    ("langevin_step", "noise along the diagonal"): ("* z", "* z[:, :1]", ""),
    ("gibbs_step", "visible units given the means of the hidden ones"): ("(h, u_v)", "(rbm.hidden_mean(v), u_v)", ""),
    ("annealed_langevin", "noise of the first level's step at every level"): (
        "* z_t",
        "* z_t * sigmas[0] / sigma",
        "",
    ),
    ("annealed_langevin", "the same step at every level"): ("eps * sigma**2 / sigmas[-1] ** 2", "eps + 0 * sigma", ""),
    ("annealed_langevin", "levels from small to large"): ("zip(sigmas, z)", "zip(sigmas.flip(0), z)", ""),
    ("annealed_langevin", "the field of the last level throughout"): ("sigma.expand", "sigmas[-1].expand", ""),
    ("annealed_langevin", "sigma squared to the field"): ("sigma.expand", "(sigma**2).expand", ""),
    ("annealed_langevin", "the same noise at each step"): ("in noise:", "in noise[:1].expand(len(noise), -1, -1):", ""),
    ("annealed_langevin", "ends with the posterior mean at the last level, by Tweedie's formula"): (
        "return x",
        "return x + sigmas[-1] ** 2 * score(x, sigmas[-1].expand(len(x)))",
        "",
    ),
    ("autocovariance", "around the end of the chain to its start: no padding"): (
        SPECTRUM,
        SPECTRUM.replace("n=2 * len(x)", "n=len(x)"),
        "",
    ),
    ("autocovariance", "less the mean of all chains"): ("x - x.mean(0)", "x - x.mean((0, 1))", ""),
    ("autocovariance", "mean not taken away"): ("x - x.mean(0)", "x", ""),
    ("autocovariance", "less the first state"): ("x - x.mean(0)", "x - x[0]", ""),
    ("autocovariance", "first chain alone"): ("[: n_lags + 1].mean(1)", "[: n_lags + 1, 0]", ""),
    ("autocovariance", "amplitudes, not squared"): (
        SPECTRUM,
        "from scipy.fft import next_fast_len\n    size = next_fast_len(2 * len(x))\n    "
        + SPECTRUM.replace("n=2 * len(x)", "n=size").replace("abs() ** 2", "abs()"),
        "",
    ),
    ("autocovariance", "mean over the coordinates"): (
        ".mean(1) / len(x)",
        ".mean((1, 2))[:, None].expand(-1, x.shape[2]) / len(x)",
        "",
    ),
    ("autocovariance", "over T - t: unbiased but for the mean"): (
        ".mean(1) / len(x)",
        ".mean(1) / (len(x) - torch.arange(n_lags + 1))[:, None]",
        "",
    ),
    ("autocovariance", "over T - 1, as a variance"): (".mean(1) / len(x)", ".mean(1) / (len(x) - 1)", ""),
    ("autocovariance", "summed over the chains"): (".mean(1) / len(x)", ".sum(1) / len(x)", ""),
    ("effective_sample_size", "1 for -1"): ("-1 + 2", "1 + 2", ""),
    ("effective_sample_size", "not monotone"): ("pairs.cummin(0).values", "pairs", ""),
    ("effective_sample_size", "positive pairs after one that is not"): ("(pairs > 0).cumprod(0)", "pairs > 0", ""),
    ("effective_sample_size", "not bounded: negative where chains alternate"): (
        "torch.clamp(tau, min=1 / math.log10(n * length))",
        "tau",
        "",
    ),
    ("effective_sample_size", "with the even lag after the last pair"): (AS_A_RULE, FOLLOWING, ""),
    ("effective_sample_size", "of the halves of the chains, with the even lag after the last pair"): (
        ESTIMATE + AS_A_RULE,
        HALVES + ESTIMATE + FOLLOWING,
        "",
    ),
    ("split_r_hat", "variances over L"): ("halves.var(0)", "halves.var(0, correction=0)", ""),
    ("split_r_hat", "one variance for all states"): ("halves.var(0).mean(0)", "halves.var((0, 1))", ""),
    ("split_r_hat", "upside down"): ("return torch", "return 1 / torch", ""),
    ("split_r_hat", "deviations for variances"): (
        "variance_of_means(halves) / within",
        "(variance_of_means(halves) / within).sqrt()",
        "",
    ),
    ("split_r_hat", "variance of the means over their number"): (
        ".var(0) if",
        ".var(0, correction=0) if",
        "variance_of_means",
    ),
    ("split_r_hat", "squared: the ratio of the variances"): ("torch.sqrt", "", ""),
    ("split_r_hat", "chains not split"): (
        "half = len(x) // 2\n    halves = torch.cat([x[:half], x[half : 2 * half]], 1)",
        "half, halves = len(x), x",
        "",
    ),
    ("BinaryRBM.energy", "sign of the couplings"): ("- (v @", "+ (v @", ""),
    ("BinaryRBM.energy", "each coupling counted half"): ("- (v @", "- 0.5 * (v @", ""),
    ("BinaryRBM.energy", "the other sign: f = -E"): ("-v @ self.b - h @ self.c - (", "v @ self.b + h @ self.c + (", ""),
    ("BinaryRBM.free_energy", "hidden units at their means"): (
        "softplus(self.c + v @ self.W)",
        "(torch.sigmoid(self.c + v @ self.W) * (self.c + v @ self.W))",
        "",
    ),
    ("GaussianBernoulliRBM.free_energy", "hidden units at their means"): (
        "softplus(self.c + v @ self.W / self.sigma**2)",
        "((self.c + v @ self.W / self.sigma**2) * torch.sigmoid(self.c + v @ self.W / self.sigma**2))",
        "",
    ),
    ("BinaryRBM.free_energy", "sign of the softplus"): ("- softplus", "+ softplus", ""),
    ("BinaryRBM.free_energy", "the other sign: f = -F"): ("-v @ self.b - soft", "v @ self.b + soft", ""),
    ("GaussianBernoulliRBM.energy", "1/2 left out of the spring"): ("0.5 * squared", "squared", ""),
    ("GaussianBernoulliRBM.energy", "sigma for sigma squared in the spring"): ("self.sigma**2 -", "self.sigma -", ""),
    ("GaussianBernoulliRBM.energy", "couplings not scaled"): (".sum(1) / self.sigma**2", ".sum(1)", ""),
    ("GaussianBernoulliRBM.energy", "couplings v^T W h/sigma"): (".sum(1) / self.sigma**2", ".sum(1) / self.sigma", ""),
    ("GaussianBernoulliRBM.energy", "sign of the couplings"): ("- (v @", "+ (v @", ""),
    ("GaussianBernoulliRBM.energy", "the other sign: f = -E"): (
        "return 0.5",
        "return -self._energy(v, h)\n\n    def _energy(self, v, h):\n        return 0.5",
        "",
    ),
    ("GaussianBernoulliRBM.free_energy", "1/2 left out of the spring"): ("0.5 * squared", "squared", ""),
    ("GaussianBernoulliRBM.free_energy", "sigma for sigma squared in the spring"): (
        "self.sigma**2 -",
        "self.sigma -",
        "",
    ),
    ("GaussianBernoulliRBM.free_energy", "sign of the softplus"): ("- softplus", "+ softplus", ""),
    ("GaussianBernoulliRBM.free_energy", "hidden units left out"): ("- softplus", "- 0 * softplus", ""),
    ("GaussianBernoulliRBM.free_energy", "springs to zero"): ("v - self.b", "v", ""),
    ("GaussianBernoulliRBM.free_energy", "the other sign: f = -F"): (
        "return 0.5",
        "return -self._free(v)\n\n    def _free(self, v):\n        return 0.5",
        "",
    ),
    ("GaussianBernoulliRBM.visible_mean", "sign of the couplings"): ("self.b + h", "self.b - h", ""),
    ("GaussianBernoulliRBM.visible_mean", "units of -1 and 1"): ("+ h @", "+ (2 * h - 1) @", ""),
    ("GaussianBernoulliRBM.visible_mean", "couplings v^T W h/sigma: b + sigma W h"): (
        "+ h @",
        "+ self.sigma * h @",
        "",
    ),
    ("GaussianBernoulliRBM.log_partition", "log Z with the other sign"): (
        "return torch.logsumexp(h @ self.c + gain, 0) +",
        "return -torch.logsumexp(h @ self.c + gain, 0) -",
        "",
    ),
}
PATCHES |= {(kernel, name): (*patch, "accept") for kernel in ADJUSTED for name, patch in ACCEPTED.items()}

NOT_IN_THE_BANK: list[tuple] = [
    # a coefficient off by 1e-6
    ("explicit_score_matching", "1/2 off by 1e-6", "0.5", "0.5000005", ""),
    ("implicit_score_matching", "1/2 off by 1e-6", "0.5", "0.5000005", ""),
    ("explicit_sliced", "1/2 off by 1e-6", "0.5", "0.5000005", ""),
    ("sliced_score_matching", "1/2 off by 1e-6", "0.5", "0.5000005", ""),
    ("sliced_score_matching_vr", "1/2 off by 1e-6", "0.5", "0.5000005", ""),
    ("finite_difference_sliced", "1/8 off by 1e-6", "8 * eps**2", "8.000008 * eps**2", ""),
    ("nonnegative_score_matching", "2 off by 1e-6", "2 * x * s", "2.000002 * x * s", ""),
    ("ratio_matching", "exponent off by 1e-6", ") ** 2", ") ** 2.000002", ""),
    ("denoising_score_matching", "1/2 off by 1e-6", "0.5", "0.5000005", ""),
    ("denoising_score_matching_cv", "control variate off by 1e-6", "- control", "- 1.000001 * control", ""),
    ("noise_conditional_score_matching", "1/2 off by 1e-6", "0.5", "0.5000005", ""),
    ("denoising_autoencoder", "1/2 off by 1e-6", "0.5", "0.5000005", ""),
    ("hutchinson_divergence", "off by 1e-6", "return dot", "return 1.000001 * dot", ""),
    ("tweedie_mean", "exponent off by 1e-6", "sigma**2", "sigma**2.000001", ""),
    ("tweedie_cov", "off by 1e-6", "variance**2 *", "1.000001 * variance**2 *", ""),
    ("score_of", "off by 1e-6", "return -grad", "return -0.999999 * grad", ""),
    ("geometric_noise_levels", "2 d off by 1e-6", "2 * d * ratio.log()", "2.000002 * d * ratio.log()", ""),
    ("Gaussian.log_prob", "pi to seven digits", GAUSSIAN, own(OWN_GAUSSIAN, "2 * math.pi", "2 * 3.141593"), ""),
    ("Gaussian.posterior_cov", "off by 1e-6", "sigma**2 * gain", "1.000001 * sigma**2 * gain", ""),
    ("Gamma.fisher_information", "2 off by 1e-6", "self.shape - 2)", "self.shape - 2.000001)", ""),
    ("standard_normal", "variance off by 1e-6", "1.0", "1.000001", ""),
    # one thing for another
    ("denoising_score_matching", "points and noise swapped", "x + sigma * z", "z + sigma * x", ""),
    ("noise_conditional_score_matching", "points and noise swapped", "x + sigma * z", "z + sigma * x", ""),
    ("denoising_autoencoder", "points and noise swapped", "x + sigma * z", "z + sigma * x", ""),
    ("denoising_score_matching_cv", "score of the noise", "dot(z / sigma, score(x))", "dot(x / sigma, score(z))", ""),
    (
        "explicit_score_matching",
        "product with the data score",
        "squared_norm(data_score(x) - score(x))",
        "dot(data_score(x) - score(x), data_score(x))",
        "",
    ),
    (
        "explicit_sliced",
        "points and projections swapped",
        "dot(v, data_score(x) - score(x))",
        "dot(x, data_score(v) - score(v))",
        "",
    ),
    ("sliced_score_matching", "points and projections swapped", "(score, x, v) +", "(score, v, x) +", ""),
    ("sliced_score_matching_vr", "points and projections swapped", "(score, x, v) +", "(score, v, x) +", ""),
    (
        "finite_difference_sliced",
        "here and behind swapped",
        "ahead + behind - 2 * here",
        "ahead + here - 2 * behind",
        "",
    ),
    ("ratio_matching", "two flips against each other", "energy(x) - energy(x_i)", "energy(1 - x) - energy(x_i)", ""),
    (
        "nonnegative_score_matching",
        "score and slope swapped",
        "x**2 * diagonal + 0.5 * x**2 * s**2",
        "x**2 * s + 0.5 * x**2 * diagonal**2",
        "",
    ),
    ("jacobian_vector_product", "points and projections swapped", "field, x, v,", "field, v, x,", ""),
    ("tweedie_mean", "point and score swapped", "y + sigma**2 * score(y)", "score(y) + sigma**2 * y", ""),
    ("tweedie_cov", "Jacobian transposed", "_jacobian(score, y)", "_jacobian(score, y).mT", ""),
    ("Gaussian.posterior_mean", "mean and point swapped in the residual", "y - self.mean", "self.mean - y", ""),
    (
        "GaussianMixture.posterior_mean",
        "components in reverse",
        "enumerate(self.components)",
        "enumerate(self.components[::-1])",
        "",
    ),
    ("Gamma.log_prob", "shape and rate swapped", "self.shape, self.rate", "self.rate, self.shape", ""),
    (
        "Gamma.fisher_information",
        "shape and rate swapped",
        "self.rate**2 / (self.shape - 2)",
        "self.shape**2 / (self.rate - 2)",
        "",
    ),
    ("Laplace.score", "loc and scale swapped", "x - self.loc) / self.scale", "x - self.scale) / self.loc", ""),
    ("StudentT.log_prob", "df and scale swapped", "self.df, self.loc, self.scale", "self.scale, self.loc, self.df", ""),
    ("smoothed_empirical", "weights of one point more", "/ len(points)", "/ (len(points) + 1)", ""),
    # rows that influence each other
    ("score_of", "a thousandth of the batch mean", "return -grad", "return 1e-3 * x.mean() - grad", ""),
    (
        "at",
        "noise level of all rows from the points",
        "score(x, sigma[:, 0])",
        "score(x - 1e-3 * x.mean(0), sigma[:, 0])",
        "",
    ),
    ("divergence", "rows in reverse", "[1]", "[1].flip(0)", ""),
    ("field_and_divergence", "trace of the neighbour", TRACE, f"{TRACE}.roll(1)", ""),
    ("explicit_score_matching", "data score of the neighbour", "data_score(x)", "data_score(x).roll(1, 0)", ""),
    (
        "implicit_score_matching",
        "batch-normalised points",
        "divergence(score, x)",
        "divergence(score, (x - x.mean(0)) / (x.std(0, correction=0) + 1e-5))",
        "",
    ),
    ("hutchinson_divergence", "projections of the neighbour", "dot(v,", "dot(v.roll(1, 0),", ""),
    (
        "sliced_score_matching",
        "the last projection alone",
        PROJECTIONS,
        'body(**given | {"v": given["v"][-1]})',
        "_call",
    ),
    ("denoising_score_matching", "noise of the neighbour in the target", "z / sigma", "z.roll(1, 0) / sigma", ""),
    ("denoising_score_matching_cv", "mean of the control variate", "- control", "- control.mean()", ""),
    ("noise_conditional_score_matching", "level of the neighbour", "sigma[:, 0]", "sigma[:, 0].roll(1)", ""),
    ("denoising_autoencoder", "the neighbour as target", ") - x)", ") - x.roll(1, 0))", ""),
    ("denoising_autoencoder", "weight of the batch", "return 0.5 *", "return 0.5 / sigma.mean() *", ""),
    ("ratio_matching", "energy of the batch", "energy(x) -", "energy(x).mean() -", ""),
    ("tweedie_mean", "centred score", "score(y)", "(score(y) - score(y).mean(0))", ""),
    (
        "GaussianMixture.posterior_mean",
        "softmax over the batch",
        "log_joint(x), 1)",
        "log_joint(x), 0)",
        "GaussianMixture.responsibilities",
    ),
    ("Laplace.log_prob", "centred over the batch", "log_prob(x)", "log_prob(x - 1e-3 * x.mean(0))", ""),
    (
        "StudentT.score",
        "a thousandth of the batch mean",
        "t = (x - self.loc)",
        "t = (x + 1e-3 * x.mean() - self.loc)",
        "",
    ),
    # a right value with a wrong gradient
    ("explicit_score_matching", "score detached", "- score(x)", "- score(x).detach()", ""),
    ("implicit_score_matching", "trace detached", "+ trace", "+ trace.detach()", ""),
    (
        "explicit_sliced",
        "gradient clipped",
        BACKWARD,
        "_map(lambda leaf: leaf.register_hook(lambda g: g.clamp(-0.1, 0.1)), parameters)\n            " + BACKWARD,
        "objective",
    ),
    (
        "sliced_score_matching",
        "quadratic form detached",
        "hutchinson_divergence(score, x, v)",
        "hutchinson_divergence(score, x, v).detach()",
        "",
    ),
    (
        "sliced_score_matching_vr",
        "gradient accumulated twice",
        BACKWARD,
        "values.mean().backward(retain_graph=True)\n            values.mean().backward()",
        "objective",
    ),
    ("finite_difference_sliced", "middle point detached", "-energy(x),", "-energy(x).detach(),", ""),
    ("nonnegative_score_matching", "score detached in the product", "2 * x * s", "2 * x * s.detach()", ""),
    ("ratio_matching", "flipped energy detached", "energy(x_i)", "energy(x_i).detach()", ""),
    (
        "denoising_score_matching",
        "gradient doubled",
        "score(x + sigma * z)",
        "(2 * score(x + sigma * z) - score(x + sigma * z).detach())",
        "",
    ),
    (
        "denoising_score_matching",
        "gradient in float32",
        "score(x + sigma * z)",
        "(score(x + sigma * z).detach() + (score(x + sigma * z) - score(x + sigma * z).detach()).float().to(DTYPE))",
        "",
    ),
    ("denoising_score_matching", "biases frozen", "x @ weights + bias)", "x @ weights + bias.detach())", "_perceptron"),
    ("denoising_score_matching_cv", "control variate detached", "- control", "- control.detach()", ""),
    (
        "noise_conditional_score_matching",
        "gradient of the first row",
        BACKWARD,
        "values[0].backward()",
        "objective",
    ),
    (
        "denoising_autoencoder",
        "gradient uphill",
        "denoiser(x + sigma * z)",
        "(2 * denoiser(x + sigma * z).detach() - denoiser(x + sigma * z))",
        "",
    ),
    # clipping, and small numbers where they are not meant to matter
    (
        "explicit_score_matching",
        "Huber's loss",
        "0.5 * squared_norm(data_score(x) - score(x))",
        'torch.nn.functional.huber_loss(score(x), data_score(x), reduction="none").sum(1)',
        "",
    ),
    ("implicit_score_matching", "score clipped", "squared_norm(s)", "squared_norm(s.clamp(-1, 1))", ""),
    (
        "sliced_score_matching",
        "unit projections with an epsilon",
        "return",
        "v = v / (v.norm(dim=1, keepdim=True) + 1e-8) * x.shape[1] ** 0.5\n    return",
        "",
    ),
    ("finite_difference_sliced", "epsilon in the step", "/ eps**2", "/ (eps**2 + 1e-6)", ""),
    (
        "nonnegative_score_matching",
        "points clipped",
        "s, diagonal = score(x)",
        "x = x.clamp(min=0.5)\n    s, diagonal = score(x)",
        "",
    ),
    (
        "ratio_matching",
        "epsilon in the ratio",
        "torch.sigmoid(energy(x) - energy(x_i))",
        "(torch.exp(-energy(x_i)) / (torch.exp(-energy(x)) + torch.exp(-energy(x_i)) + 1e-4))",
        "",
    ),
    ("denoising_score_matching", "epsilon beside sigma", "z / sigma", "z / (sigma + 1e-4)", ""),
    (
        "tweedie_mean",
        "estimate clipped",
        "return y + sigma**2 * score(y)",
        "return (y + sigma**2 * score(y)).clamp(-1, 1)",
        "",
    ),
    (
        "Gaussian.log_prob",
        "jitter on the covariance",
        "_covariance(cov, len(mean))",
        "_covariance(cov, len(mean)) + 1e-6 * torch.eye(len(mean))",
        "Gaussian.__init__",
    ),
    (
        "GaussianMixture.log_prob",
        "epsilon in the logarithm",
        "torch.logsumexp(self.log_joint(x), 1)",
        "(self.log_joint(x).exp().sum(1) + 1e-8).log()",
        "",
    ),
    (
        "GaussianMixture.posterior_cov",
        "epsilon beside the weights",
        "self.weights.log()",
        "(self.weights + 1e-4).log()",
        "GaussianMixture.log_joint",
    ),
    ("Gamma.score", "epsilon beside x", "/ x -", "/ (x + 1e-4) -", ""),
    ("Laplace.score", "sign made smooth", "torch.sign(x - self.loc)", "torch.tanh(10 * (x - self.loc))", ""),
    # float32 in the middle
    ("implicit_score_matching", "trace in float32", "+ trace", "+ trace.float().to(DTYPE)", ""),
    (
        "hutchinson_divergence",
        "product in float32",
        "jacobian_vector_product(field, x, v)",
        "jacobian_vector_product(field, x, v).float().to(DTYPE)",
        "",
    ),
    (
        "finite_difference_sliced",
        "energies in float32",
        "-energy(x + eps * v)",
        "-energy(x + eps * v).float().to(DTYPE)",
        "",
    ),
    (
        "denoising_score_matching",
        "score in float32",
        "score(x + sigma * z)",
        "score(x + sigma * z).float().to(DTYPE)",
        "",
    ),
    ("tweedie_cov", "Jacobian in float32", "_jacobian(score, y)", "_jacobian(score, y).float().to(DTYPE)", ""),
    ("geometric_noise_levels", "distances in float32", "torch.pdist(x)", "torch.pdist(x.float()).to(DTYPE)", ""),
    ("Gaussian.score", "precision in float32", "precision_matrix", "precision_matrix.float().to(DTYPE)", ""),
    ("Gamma.score", "quotient in float32", "(self.shape - 1) / x", "((self.shape - 1) / x).float().to(DTYPE)", ""),
    (
        "GaussianMixture.score",
        "log-probability in float32",
        "self.log_prob(x).sum()",
        "self.log_joint(x).float().logsumexp(1).to(DTYPE).sum()",
        "",
    ),
    (
        "StudentT.log_prob",
        "parameters of the law in float32",
        "return torch",
        "self.scale = self.scale.log().float().to(DTYPE).exp()\n        return torch",
        "",
    ),
    # likelihood, samplers, diagnostics and RBMs
    ("negative_log_likelihood", "log Z off by 1e-6", "+ log_z", "+ 1.000001 * log_z", ""),
    ("metropolis_step", "scale off by 1e-6", "scale * z", "1.000001 * scale * z", ""),
    ("langevin_step", "2 off by 1e-6", "math.sqrt(2 * eta)", "math.sqrt(2.000002 * eta)", ""),
    ("mala_step", "half off by 1e-6", "+ 0.5 *", "+ 0.5000005 *", ""),
    ("hmc_step", "half off by 1e-6", "energy(end) + 0.5 *", "energy(end) + 0.5000005 *", ""),
    ("annealed_langevin", "steps off by 1e-6", "eps * sigma**2", "1.000001 * eps * sigma**2", ""),
    ("autocorrelation", "epsilon beside the variance", "c / c[0]", "c / (c[0] + 1e-6)", ""),
    ("split_r_hat", "epsilon beside the variance", "/ within)", "/ (within + 1e-6))", ""),
    ("BinaryRBM.energy", "couplings off by 1e-6", "- (v @", "- 1.000001 * (v @", ""),
    ("metropolis_step", "points and noise swapped", "x + scale * z", "z + scale * x", ""),
    ("leapfrog", "the score of the momentum", "p = p + 0.5 * eps * score(x)", "p = p + 0.5 * eps * score(p)", ""),
    ("hmc_step", "kinetic energy of the position", "0.5 * squared_norm(p),", "0.5 * squared_norm(x),", ""),
    ("GaussianBernoulliRBM.free_energy", "biases in reverse", "v - self.b", "v - self.b.flip(0)", ""),
    (
        "contrastive_divergence",
        "energies centred over the batch",
        "energy(x) -",
        "energy(x) - 1e-3 * energy(x).mean() -",
        "",
    ),
    ("langevin_step", "points centred over the batch", "score(x)", "score(x - 1e-3 * x.mean(0))", ""),
    ("mala_step", "one decision for all rows", "there - here", "(there - here).mean()", ""),
    ("gibbs_step", "noise of the neighbour", "(h, u_v)", "(h, u_v.roll(1, 0))", ""),
    ("negative_log_likelihood", "energy detached", "energy(x)", "energy(x).detach()", ""),
    (
        "contrastive_divergence",
        "samples' phase twice in the gradient",
        "- energy(",
        "- (lambda e: 2 * e - e.detach())(energy(x_model)) + 0 * energy(",
        "",
    ),
    ("contrastive_divergence", "biases frozen", "softplus(self.c", "softplus(self.c.detach()", "BinaryRBM.free_energy"),
    (
        "metropolis_step",
        "ratio of densities",
        "there - energy(x)",
        "-torch.log(torch.exp(-there) / torch.exp(-energy(x)))",
        "",
    ),
    ("langevin_step", "states clipped", "return x", "return x.clamp(-2, 2)", ""),
    (
        "BinaryRBM.log_partition",
        "exp overflows",
        "torch.logsumexp(h @ near + softplus(far + h @ W).sum(1), 0)",
        "(h @ near + softplus(far + h @ W).sum(1)).exp().sum().log()",
        "",
    ),
    (
        "estimated_log_partition",
        "exp overflows",
        "torch.exp(log_weights - log_weights.max())",
        "torch.exp(log_weights)",
        "",
    ),
    ("mala_step", "energies in float32", "there - here", "(there - here).float().to(DTYPE)", ""),
    (
        "leapfrog",
        "score in float32",
        "x = x + eps * p\n    return",
        "x = (x + eps * p).float().to(DTYPE)\n    return",
        "",
    ),
    ("autocovariance", "spectrum in float32", "spectrum.abs() ** 2", "(spectrum.abs() ** 2).float().to(DTYPE)", ""),
    ("hmc_step", "a path of another length", "eps, n_steps)", "eps, n_steps + 1)", ""),
    (
        "GaussianBernoulliRBM.free_energy",
        "PyTorch's softplus, linear from 20 on",
        "torch.logaddexp(a, torch.zeros_like(a))",
        "torch.nn.functional.softplus(a)",
        "softplus",
    ),
]
