"""Patches of the NumPy adapter: (function, name in the bank): (was, becomes, inside)."""

from refebm.variants.arguments import ADJUSTED

TRACE = 'np.einsum("nii->n", jacobian(model)(x))'
FORM = "hutchinson_divergence(model, x, v)"
MEAN = "np.mean([function(*others, v_j) for v_j in v], axis=0)"
INVERSE = (
    "g = 1 + squares\n    u = np.dot(s, s.T) + np.sum((s[:, None] - s) * r, axis=2) / ell / g\n    "
    "u = (u + (d - 3 * squares / g) / ell**2 / g) / np.sqrt(g)\n    "
    "total = np.sum(u - unbiased * np.diag(np.diag(u)))\n    return total"
)
INFORMATION = "np.where(self.shape == 1, self.rate**2, self.rate**2 / np.where(self.shape == 1, 1.0, self.shape - 2))"
SUM_OF_PROJECTIONS = ("np.mean([", "np.sum([", "mean_over_projections")
FIRST_PROJECTION = (MEAN, "function(*others, v[0])", "mean_over_projections")

WORDS = [  # of the bank, and of the adapter
    ("density.spread", "density.covs"),
    ("halves - halves[0]", "halves"),
    ("variance * one", "noise"),
    ("variance = std**2", "noise = std**2 * np.eye(density.d)"),
    ("variance = std", "noise = std * np.eye(density.d)"),
    ("energy_and_score(energy, x)", "energy_and_score(model, x)"),
    ("held(x_model)", "x_model"),
    ("held(v)", "v"),
    ("unbiased_mean(energy, held(chain), held(lagged)", "unbiased_mean(model, chain, lagged"),
    ("held(chain[k])", "chain[k]"),
    ("held(chain[-1])", "chain[-1]"),
    ("derivatives_along_axes(score, x,", "derivatives_along_axes(model, x,"),
    ("np.dot(hidden(self, h), ", "np.dot(h, "),
    ("hidden(self, h)", "h"),
    ("np.max(log_w)", "np.max(log_weights)"),
    ("dot(v, slope)", FORM),
    ("dot(v, s) ** 2", "dot(v, score(x)) ** 2"),
    ("squared_norm(v * s)", "squared_norm(v * score(x))"),
    ("divergence(score, ", "divergence(model, "),
    ("self.d *", "len(self.b) *"),
    ("_coupling", "coupling"),
    ("self.d == self.m", "len(self.b) == len(self.c)"),
    ('times_of("t", t, x)', "t"),
    ('times("t", t)', "t"),
    ("weight(t)", "weight"),
]
CANNOT_BE = {  # this adapter has no gradients
    ("contrastive_divergence", "no gradient of the samples' energy"),
    ("contrastive_divergence", "no gradient of the data's energy"),
    ("contrastive_divergence_with_entropy", "the energy that is held differentiated too"),
    ("unbiased_contrastive_divergence", "the negative phase held too"),
    ("mean_field_contrastive_divergence", "the negative phase held too"),
    ("mean_field_contrastive_divergence", "gradient flows through the means"),
    ("multigrid_contrastive_divergence", "gradient flows through the samples"),
    ("multigrid_contrastive_divergence", "the negative phase held too"),
}
OTHER_SIGN = (
    "return ENERGIES[kind](x, **parameters)",
    "return tuple(-part for part in ENERGIES[kind](x, **parameters))",
    "energy_and_derivatives",
)
ACCEPTED = {  # of every kernel that accepts or rejects
    "acceptance without the minimum": ("np.minimum(0.0, -energy_error)", "-energy_error"),
}
SCORE_AND_SLOPES = 'score_q(z) + np.einsum("nij,ni->nj", jacobian(model)(z), z)'  # the gradient of score_q(z).z
ELBO = "-log_joint(z) + dot(score_q(z), z), -slopes(z) + score_q(z)"
UNIT_SCORE = "(lambda z: field(model)(z) / np.sqrt(squared_norm(field(model)(z)) + 1e-300)[:, None])"
EXPLODED = "self.sigma(s) * np.sqrt(np.expm1(2 * (t - s) * self.log_ratio))"
SUBDUED = "-self.beta(t) * np.expm1(-2 * self.integral(0.0, t))"
LAPLACIAN = "0.5 * (square + divergence) ** 2 - (lap_square + lap_divergence)"
SUM_OF_SCORES = "0.5 * (np.sum(s, axis=1) ** 2 + divergence) ** 2 - (2 * squared_norm(np.sum(J, axis=1))"
PATCHES: dict[tuple[str, str], tuple[str, str, str]] = {
    ("coupled_metropolis_step", "the second accepted from x"): (
        "accepted(energy, y, other, u)",
        "accept(y, other, energy(other) - energy(x), u)[0]",
    ),
    **{
        ("laplacian_score_matching", name): (LAPLACIAN, becomes)
        for name, becomes in {
            "no 1/2 on the square": LAPLACIAN.replace("0.5 * ", ""),
            "sign of the Laplacian": LAPLACIAN.replace("2 - ", "2 + "),
            "divergence alone: no |s|^2": "0.5 * divergence**2 - lap_divergence",
            "square alone: no divergence": "0.5 * square**2 - lap_square",
            "1/2 on the square of the score": LAPLACIAN.replace("square + ", "0.5 * square + ").replace(
                "lap_0.5 * square", "0.5 * lap_square"
            ),
            "square of the sum": f"{SUM_OF_SCORES} + 2 * np.sum(s, axis=1) * np.sum(lap_s, axis=1) + lap_divergence)",
            "r for its Laplacian": "0.5 * (square + divergence) ** 2 - (square + divergence)",
            "no 1/2: twice the whole": f"2 * ({LAPLACIAN})",
        }.items()
    },
    **{
        ("Gaussian.posterior_mean", name): ("self.mean + np.dot(y - self.mean, gain.T)", becomes)
        for name, becomes in {
            "shrinks to the origin": "np.dot(y, gain.T)",
            "weight of the noise": "np.dot(y, sigma**2 * self.smoothed(sigma).precision) + np.dot(self.mean, gain.T)",
            "the noisy point": "y",
        }.items()
    },
    **{
        ("Gamma.fisher_information", name): (INFORMATION, INFORMATION.replace("self.rate**2", becomes))
        for name, becomes in {
            "rate not squared": "self.rate",
            "rate cubed": "self.rate**3",
            "scale for rate (theta = 1/rate)": "self.rate**-2",
        }.items()
    },
    ("Gaussian.posterior_mean", "sigma for sigma squared"): ("self.smoothed(sigma)", "self.smoothed(sigma**0.5)"),
    **{
        ("VarianceExploding.kernel", name): (EXPLODED, becomes)
        for name, becomes in {
            "sigma(t) for std": "self.sigma(t)",
            "variance for deviation": f"({EXPLODED}) ** 2",
            "difference of the levels": "self.sigma(t) - self.sigma(s)",
            "level at the start of time": EXPLODED.replace("sigma(s)", "sigma(0.0)"),
            "2 forgotten": "self.sigma(t) * np.sqrt(-np.expm1(-(t - s) * self.log_ratio))",
        }.items()
    },
    ("SubVariancePreserving.diffusion", "that of VP"): (f"np.sqrt({SUBDUED})", "np.sqrt(self.beta(t))"),
    ("SubVariancePreserving.diffusion", "g squared for g"): (f"np.sqrt({SUBDUED})", SUBDUED),
    **{
        ("SubVariancePreserving.kernel", name): ("np.sqrt(np.expm1(-b) * np.expm1(-total))", becomes)
        for name, becomes in {
            "std of VP": "np.sqrt(-np.expm1(-b))",
            "variance for deviation": "np.expm1(-b) * np.expm1(-total)",
            "the marginal's form for any start": "-np.expm1(-b)",
        }.items()
    },
    ("score_of", "gradient of the density"): (
        "-gradient(x)",
        "-gradient(x) * np.exp(-energy_function(model)(x))[:, None]",
    ),
    ("divergence", "two coordinates only"): (
        "field_and_divergence(model, x)[1]",
        'np.einsum("nii->n", jacobian(model)(x)[:, :2, :2])',
    ),
    ("divergence", "all entries of the Jacobian"): (
        "field_and_divergence(model, x)[1]",
        "np.sum(jacobian(model)(x), axis=(1, 2))",
    ),
    ("field_and_divergence", "trace divided by d"): (TRACE, f"{TRACE} / x.shape[1]"),
    ("field_and_divergence", "trace starts at one"): (TRACE, f"1 + {TRACE}"),
    ("field_and_divergence", "two coordinates only"): ("jacobian(model)(x)", "jacobian(model)(x)[:, :2, :2]"),
    ("field_and_divergence", "all entries of the Jacobian"): ("nii->n", "nij->n"),
    ("field_and_divergence", "last coordinate only"): (TRACE, "jacobian(model)(x)[:, -1, -1]"),
    ("jacobian_vector_product", "transposed"): ("nij,nj->ni", "nji,nj->ni"),
    ("jacobian_vector_product", "unit vectors"): ("(x), v)", "(x), v / np.linalg.norm(v, axis=1, keepdims=True))"),
    ("jacobian_vector_product", "value for derivative"): (
        'np.einsum("nij,nj->ni", jacobian(model)(x), v)',
        "field(model)(x)",
    ),
    ("jacobian_vector_product", "diagonal only"): ("nij,nj->ni", "nii,ni->ni"),
    ("implicit_score_matching", "trace over two coordinates"): (
        "s, trace = field_and_divergence(model, x)",
        "s = field(model)(x)\n    trace = jacobian(model)(x)[:, :2, :2].trace(axis1=1, axis2=2)",
    ),
    ("implicit_score_matching", "all entries of the Jacobian"): (
        "field_and_divergence(model, x)",
        "field(model)(x), jacobian(model)(x).sum(axis=(1, 2))",
    ),
    ("explicit_sliced", "sum over projections"): SUM_OF_PROJECTIONS,
    ("hutchinson_divergence", "diagonal only"): (
        "dot(v, jacobian_vector_product(model, x, v))",
        'dot(v**2, np.einsum("nii->ni", jacobian(model)(x)))',
    ),
    ("hutchinson_divergence", "field for Jacobian"): ("jacobian_vector_product(model, x, v)", "field(model)(x)"),
    ("hutchinson_divergence", "the same projection in each row"): (
        "return dot",
        "v = np.tile(v[0], (len(x), 1))\n    return dot",
    ),
    ("hutchinson_divergence", "the first projection alone"): FIRST_PROJECTION,
    ("hutchinson_divergence", "sum over projections"): SUM_OF_PROJECTIONS,
    ("hutchinson_divergence", "the exact trace"): (
        "dot(v, jacobian_vector_product(model, x, v))",
        "divergence(model, x)",
    ),
    **{
        (name, "the same projection in each row"): (
            "score = field(model)",
            "score, v = field(model), np.tile(v[0], (len(x), 1))",
        )
        for name in ("sliced_score_matching", "sliced_score_matching_vr")
    },
    ("sliced_score_matching", "sign of the trace"): (FORM, f"-{FORM}"),
    ("sliced_score_matching", "1/2 on the quadratic form too"): (FORM, f"0.5 * {FORM}"),
    ("sliced_score_matching", "trace divided by d"): (FORM, f"{FORM} / x.shape[1]"),
    ("sliced_score_matching", "the exact square (reduced variance)"): (
        "dot(v, score(x)) ** 2",
        "squared_norm(score(x))",
    ),
    ("sliced_score_matching", "the exact objective (implicit score matching)"): (
        f"{FORM} + 0.5 * dot(v, score(x)) ** 2",
        "divergence(model, x) + 0.5 * squared_norm(score(x))",
    ),
    ("sliced_score_matching_vr", "sliced square"): ("squared_norm(score(x))", "dot(v, score(x)) ** 2"),
    ("sliced_score_matching", "the first projection alone"): FIRST_PROJECTION,
    ("sliced_score_matching", "sum over projections"): SUM_OF_PROJECTIONS,
    ("sliced_score_matching_vr", "the first projection alone"): FIRST_PROJECTION,
    ("sliced_score_matching_vr", "sum over projections"): SUM_OF_PROJECTIONS,
    ("finite_difference_sliced", "sum over projections"): SUM_OF_PROJECTIONS,
    ("tweedie_cov", "diagonal only"): ("jacobian(model)(y)", "jacobian(model)(y) * np.eye(y.shape[1])"),
    ("geometric_noise_levels", "mean distance"): ("np.max(pdist(x))", "np.mean(pdist(x))"),
    ("geometric_noise_levels", "levels from small to large"): ("return sigmas,", "return sigmas[::-1],"),
    ("Gaussian.smoothed", "sigma for sigma squared"): ("sigma**2", "sigma"),
    ("metropolis_step", "energies capped, NaN too"): (
        "there = energy(proposal)",
        "there = np.fmin(energy(proposal), 1.0)",
    ),
    ("mala_step", "energies capped, NaN too"): ("z_back = ", "there = np.fmin(there, 1.0)\n    z_back = "),
    ("hmc_step", "energies capped, NaN too"): ("end, there - here", "end, np.fmin(there, 4.0) - here"),
    ("mala_step", "the model is f = -E"): OTHER_SIGN,
    ("hmc_step", "the model is f = -E"): OTHER_SIGN,
    ("hmc_step", "sign of the score"): ("score = field(model)", "score = lambda x: -field(model)(x)", "leapfrog"),
    ("gibbs_step", "visible units given the means of the hidden ones"): ("(h, u_v)", "(rbm.hidden_mean(v), u_v)"),
    ("annealed_langevin", "noise of the first level's step at every level"): ("* z_t", "* z_t * sigmas[0] / sigma"),
    ("annealed_langevin", "the field of the last level throughout"): ("sigma * np", "sigmas[-1] * np"),
    ("annealed_langevin", "sigma squared to the field"): ("sigma * np", "sigma**2 * np"),
    ("annealed_langevin", "ends with the posterior mean at the last level, by Tweedie's formula"): (
        "return x",
        "return x + sigmas[-1] ** 2 * score(x, sigmas[-1] * np.ones(len(x)))",
    ),
    ("autocovariance", "around the end of the chain to its start: no padding"): (
        "centred[: len(x) - t] * centred[t:]",
        "centred * np.roll(centred, t, axis=0)",
    ),
    ("autocovariance", "each piece less its own mean"): (
        "np.sum(centred[: len(x) - t] * centred[t:], axis=0)",
        "np.sum((x[: len(x) - t] - np.mean(x[: len(x) - t], axis=0)) * centred[t:], axis=0)",
    ),
    ("autocovariance", "first chain alone"): ("np.mean(lagged, axis=1)", "np.array(lagged)[:, 0]"),
    ("autocovariance", "amplitudes, not squared"): (
        "return np.mean(lagged, axis=1)",
        "from scipy.fft import irfft, next_fast_len, rfft\n    size = next_fast_len(2 * len(x))\n"
        "    lagged = irfft(np.abs(rfft(centred, size, axis=0)), size, axis=0)[: n_lags + 1] / len(x)\n"
        "    return np.mean(lagged, axis=1)",
    ),
    ("autocovariance", "mean over the coordinates"): (
        "return np.mean(lagged, axis=1)",
        "c = np.mean(lagged, axis=1)\n    return 0 * c + np.mean(c, axis=1)[:, None]",
    ),
    ("autocovariance", "over T - t: unbiased but for the mean"): ("/ len(x) for", "/ (len(x) - t) for"),
    ("autocovariance", "over T - 1, as a variance"): ("/ len(x) for", "/ (len(x) - 1) for"),
    ("autocovariance", "the sum over the chains for their mean"): ("np.mean(lagged, axis=1)", "np.sum(lagged, axis=1)"),
    ("entropy_gradient", "sign"): ("-score_q(z)", "score_q(z)"),
    ("entropy_gradient", "score not held"): ("-score_q(z)", f"-({SCORE_AND_SLOPES})"),
    ("entropy_gradient", "the first row alone"): ("np.dot(eps,", "np.dot(eps := eps[:1],"),
    ("implicit_negative_elbo", "sign of the entropy"): (ELBO, ELBO.replace(" + ", " - ")),
    ("implicit_negative_elbo", "score not held"): ("+ score_q(z)", f"+ {SCORE_AND_SLOPES}"),
    ("implicit_negative_elbo", "the sample held, not its score"): (
        "+ score_q(z)",
        '+ np.einsum("nij,ni->nj", jacobian(model)(z), z)',
    ),
    ("implicit_negative_elbo", "entropy left out"): (ELBO, "-log_joint(z), -slopes(z)"),
    ("implicit_negative_elbo", "no derivative of the entropy"): ("-slopes(z) + score_q(z)", "-slopes(z)"),
    ("implicit_negative_elbo", "sign of the joint density"): (
        ELBO,
        ELBO.replace("-log_joint", "2 * log_joint").replace("-slopes", "2 * slopes"),
    ),
    ("implicit_negative_elbo", "score of unit length"): ("field(model)\n", f"{UNIT_SCORE}\n"),
    ("implicit_negative_elbo", "mean for the inner product"): (
        ELBO,
        "-log_joint(z) + np.mean(score_q(z) * z, axis=1), -slopes(z) + score_q(z) / z.shape[1]",
    ),
    ("implicit_negative_elbo", "the ELBO, to be maximised"): (
        ELBO,
        "log_joint(z) - dot(score_q(z), z), slopes(z) - score_q(z)",
    ),
    ("implicit_negative_elbo", "mean over coordinates"): (
        f"return {ELBO}",
        f"return tuple(part / z.shape[1] for part in ({ELBO}))",
    ),
    ("stein_discrepancy", "divergence of the score"): (
        "field_and_divergence(test_field, x)",
        "(field(test_field)(x), field_and_divergence(model, x)[1])",
    ),
    ("stein_discrepancy", "all entries of the Jacobian"): (
        "+ divergence",
        "+ np.sum(jacobian(test_field)(x), axis=(1, 2))",
    ),
}
PATCHES |= {(kernel, name): (*patch, "accept") for kernel in ADJUSTED for name, patch in ACCEPTED.items()}
CORRECTION = "score(x, early * np.ones(len(x))) + np.sqrt(2 * eta_k) * z_m"
STEP_BACK = "reverse_sde_step(model, sde, x, late, late - early, z_k)"
SCORE_BEFORE = "process(sde).diffusion(late) ** 2 * (late - early) * score(x, late * np.ones(len(x)))"
PATCHES |= {
    ("predictor_corrector", "corrections with the score of the time left"): ("early * np.ones", "late * np.ones"),
    ("predictor_corrector", "the noise of the step again"): ("eta_k) * z_m", "eta_k) * z_k"),
    ("predictor_corrector", "corrections without noise"): (" + np.sqrt(2 * eta_k) * z_m", ""),
    ("predictor_corrector", "the first eta throughout"): ("eta * np.ones", "np.ravel(eta)[0] * np.ones"),
    ("predictor_corrector", "twice eta"): ("eta * np.ones", "2 * eta * np.ones"),
    ("predictor_corrector", "sign of the score in the step"): (STEP_BACK, f"{STEP_BACK} - 2 * {SCORE_BEFORE}"),
    ("predictor_corrector", "half of g squared in the step"): (STEP_BACK, f"{STEP_BACK} - 0.5 * {SCORE_BEFORE}"),
    ("predictor_corrector", "corrections before the step, at the time that it leaves"): (
        f"""        x = {STEP_BACK}
        for z_m in corrections:
            x = x + eta_k * {CORRECTION}
""",
        f"""        for z_m in corrections:
            x = x + eta_k * {CORRECTION.replace("early", "late")}
        x = {STEP_BACK}
""",
    ),
    ("predictor_corrector", "eta from a signal-to-noise ratio r: 2 (r |z|/|s|)^2 with means over the rows"): (
        f"            x = x + eta_k * {CORRECTION}",
        """            s = score(x, early * np.ones(len(x)))
            eta = 2 * (eta_k * np.mean(np.linalg.norm(z_m, axis=1)) / np.mean(np.linalg.norm(s, axis=1))) ** 2
            x = x + eta * s + np.sqrt(2 * eta) * z_m""",
    ),
    ("predictor_corrector", "the step is eps, of which the drift has half: eta = eps/2"): (
        "eta * np.ones",
        "0.5 * eta * np.ones",
    ),
    ("ddpm_step", "betas counted from 1"): ("betas[i]", "betas[np.maximum(i - 1, 0)]"),
}
PATCHES |= {
    (function, "one time for all rows"): ("column(t, x)", "column(t, x)[:1]")
    for function in ("flow_matching", "flow_velocity", "score_of_flow")
}
PATCHES |= {
    (function, "the scale for std"): ("column(std, x)", "column(scale, x)")
    for function in ("noise_from_score", "score_from_noise")
}
PATCHES |= {
    ("level_ratio", "the smaller level over the larger"): ("return ratio", "return 1 / ratio"),
    ("annealed_step", "the ratio for its square"): ("(ratio - 1) * (ratio + 1)", "ratio - 1"),
    ("annealed_step", "the step is alpha, of which the drift has half: eta = alpha/(2 sigma^2)"): (
        "return eta",
        "return 2 * eta",
    ),
    ("level_coverage", "the log of the ratio"): ("* (ratio - 1)", "* np.log(ratio)"),
    ("annealed_variance", "settled, whatever the start"): (
        "settled + kept * (ratio**2 - settled)",
        "settled",
    ),
    ("ddim_step", "the step of the first row for all"): (
        "i + np.zeros(len(x), int)",
        "np.ravel(i)[0] + np.zeros(len(x), int)",
    ),
    ("ddim_step", "1 - eta for eta: all of the noise where eta is 0"): (
        "field(model), i + np.zeros(len(x), int)",
        "field(model), i + np.zeros(len(x), int)\n    eta = 1 - eta",
    ),
    ("predicted_noise", "scale for std"): ("(_, std)", "(std, _)"),
}
BLOCKS, START = "along @ pictures(x) @ along.T", "repeated_pixels(y, side(noise))"
REPEATED, ON_GRIDS = (
    "np.repeat(np.repeat(pictures(x), k, axis=1), k, axis=2)",
    "energy(block_means(x, side(y))) - energy(y)",
)
PATCHES |= {
    ("block_means", "a pixel of each block, not its mean"): (BLOCKS, "pictures(x)[:, ::k, ::k]"),
    ("block_means", "sums, not means"): ("np.full(k, 1 / k)", "np.ones(k)"),
    ("block_means", "the largest of each block"): (
        BLOCKS,
        "np.max(np.reshape(x, (-1, size, k, size, k)), axis=(2, 4))",
    ),
    ("block_means", "pixels that lie apart, not blocks"): (
        "np.kron(np.eye(size), np.full(k, 1 / k))",
        "np.kron(np.full(k, 1 / k), np.eye(size))",
    ),
    ("block_means", "lines for columns"): (BLOCKS, "np.swapaxes(along @ pictures(x) @ along.T, 1, 2)"),
    ("repeated_pixels", "the image repeated, not its pixels"): (REPEATED, "np.tile(pictures(x), (1, k, k))"),
    ("repeated_pixels", "zeros between the pixels"): (
        REPEATED,
        "np.kron(pictures(x), np.outer(*np.eye(k)[[0, 0]])[None])",
    ),
    ("repeated_pixels", "a pixel's light shared out"): (REPEATED, f"{REPEATED} / k**2"),
    ("repeated_pixels", "each pixel k^2 times in a row"): (REPEATED, "np.repeat(x, k * k, axis=1)"),
    ("repeated_pixels", "lines for columns"): (REPEATED, f"np.swapaxes({REPEATED}, 1, 2)"),
    ("multigrid_contrastive_divergence", "phases exchanged"): (ON_GRIDS, "energy(y) - energy(block_means(x, side(y)))"),
    ("multigrid_contrastive_divergence", "a pixel of each block, not its mean"): (
        "block_means(x, side(y))",
        "np.reshape(pictures(x)[:, :: side(x) // side(y), :: side(x) // side(y)], (len(x), -1))",
    ),
    ("multigrid_contrastive_divergence", "one energy for all grids"): (
        ON_GRIDS,
        "grids[-1][0](repeated_pixels(block_means(x, side(y)), side(x))) - grids[-1][0](repeated_pixels(y, side(x)))",
    ),
    ("multigrid_chain", "from the data on each grid: CD"): (START, "block_means(x, side(noise))"),
    ("multigrid_chain", "from the data's coarser image, not the sample of it"): (
        START,
        "repeated_pixels(block_means(x, side(y)), side(noise))",
    ),
    ("multigrid_chain", "from the mean on each grid"): (START, "repeated_pixels(block_means(x, 1), side(noise))"),
    ("multigrid_chain", "a pixel of the data, not their mean"): ("np.mean(x, axis=1)", "x[:, 0]"),
}
MOVED = "old + (1 - momentum) * (new - old)"
PATCHES |= {
    ("moving_average", name): (MOVED, becomes)
    for name, becomes in {
        "a mean of both": "(old + new) / 2",
        "not normalised": "momentum * old + new",
        "nothing is forgotten": "old + (1 - momentum) * new",
        "momentum for its square": "old + (1 - momentum**2) * (new - old)",
        "no average: the last parameters": "new",
        "the weight of the new parameters: 1 - m": "old + momentum * (new - old)",
    }.items()
}
PATCHES |= {  # where the adapter is written otherwise than refebm
    ("GaussianMixture.log_prob", "largest term for the sum"): ("logsumexp(", "np.max("),
    ("GaussianMixture.log_prob", "sum of components without weights"): (
        "self.log_joint(x)",
        "self.log_joint(x) - np.log(self.weights)",
    ),
    ("GaussianMixture.log_prob", "mean of the logs"): (
        "logsumexp(self.log_joint(x)",
        "np.sum(self.weights * self.log_joint(x)",
    ),
    ("GaussianMixture.log_prob", "weighted mean of the components' logarithms"): (
        "logsumexp(self.log_joint(x), axis=1)",
        "sum(w * one.log_prob(x) for w, one in zip(self.weights, self.components))",
    ),
    ("GaussianMixture.log_prob", "normaliser lacks d"): ("axis=1)", "axis=1) + 0.5 * LOG_2PI * (x.shape[1] - 1)"),
    ("GaussianMixture.log_prob", "no log 2 pi"): ("axis=1)", "axis=1) + 0.5 * LOG_2PI * x.shape[1]"),
    ("GaussianMixture.score", "weights for responsibilities"): ("r[:, k : k + 1]", "self.weights[k]"),
    ("GaussianMixture.score", "gradient of the density"): (
        "sum(r[:, k : k + 1]",
        "np.exp(self.log_prob(x))[:, None] * sum(r[:, k : k + 1]",
    ),
    ("GaussianMixture.score", "the nearest component alone"): (
        "self.responsibilities(x)",
        "1.0 * (self.log_joint(x) == np.max(self.log_joint(x), axis=1, keepdims=True))",
    ),
    ("GaussianMixture.score", "responsibility of the neighbour"): ("r[:, k : k + 1]", "r[:, k - 1 : k or None]"),
    ("GaussianMixture.smoothed", "noise replaces the data"): ("self.covs + ", "0 * self.covs + "),
    ("GaussianMixture.smoothed", "noise common to all coordinates"): (
        "np.eye(self.means.shape[1])",
        "np.ones((self.means.shape[1],) * 2)",
    ),
    ("GaussianMixture.posterior_mean", "responsibilities of the clean mixture"): ("self.smoothed(sigma)", "self"),
    ("GaussianMixture.posterior_mean", "weights for responsibilities"): ("r[:, k : k + 1]", "self.weights[k]"),
    ("GaussianMixture.posterior_mean", "means of the components"): ("c.posterior_mean(y, sigma)", "c.mean"),
    ("GaussianMixture.posterior_mean", "sigma for sigma squared"): (
        "c.posterior_mean(y, sigma)",
        "c.posterior_mean(y, sigma**0.5)",
    ),
    ("GaussianMixture.posterior_cov", "no variance between components"): (
        " + between[k][:, :, None] * between[k][:, None, :]",
        "",
    ),
    ("GaussianMixture.posterior_cov", "responsibilities of the clean mixture"): (
        "r = self.smoothed(sigma).responsibilities(y)[:, :, None, None]\n        mean = self.posterior_mean(y, sigma)",
        "r = self.responsibilities(y)[:, :, None, None]\n"
        "        mean = sum(r[:, k, :, 0] * c.posterior_mean(y, sigma) for k, c in enumerate(self.components))",
    ),
    ("Gaussian.posterior_cov", "weight of the noise"): ("(gain + gain.T)", "(2 * np.eye(len(gain)) - gain - gain.T)"),
    ("GaussianMixture.posterior_cov", "prior covariances"): ("c.posterior_cov(y, sigma)", "c.cov"),
    ("GaussianMixture.posterior_cov", "variance between components twice"): ("+ between[k]", "+ 2 * between[k]"),
    ("StudentT.log_prob", "no degrees of freedom in the tail"): ("t**2 / nu)", "t**2)"),
    ("StudentT.score", "not over the scale"): ("t**2) / self.scale", "t**2)"),
    ("StudentT.score", "a Gaussian score"): ("(self.df + t**2)", "self.df"),
    ("StudentT.score", "variance as scale"): ("t = (x", "self = type(self)(self.df, self.loc, self.scale**2); t = (x"),
    ("kernel_stein", "kernel (1 + |x - y|^2/l^2)^(-1/2), inverse multiquadric"): ("return total", INVERSE),
    ("kernel_stein", "kernel (l^2 + |x - y|^2)^(-1/2), inverse multiquadric"): (
        "return total",
        INVERSE.replace("return", "total = total / ell\n    return"),
    ),
    ("kernel_stein", "kernel without its derivatives"): (
        " + 2 * pull / ell)) + np.sum(k * (d - squares)) / ell / ell",
        "))",
    ),
}

NOT_IN_THE_BANK: list[tuple] = [
    # coefficients that are off by 1e-6
    ("block_means", "mean off by 1e-6", "1 / k", "1.000001 / k"),
    ("moving_average", "momentum off by 1e-6", "1 - momentum", "1.000001 - momentum"),
    ("multigrid_contrastive_divergence", "negative phase off by 1e-6", "- energy(y)", "- 1.000001 * energy(y)"),
    ("multigrid_chain", "step off by 1e-6", "eta * np.ones", "1.000001 * eta * np.ones"),
    ("nonnegative_score_matching", "half off by 1e-6", "0.5 *", "0.5000005 *"),
    ("ratio_matching", "power off by 1e-6", "** 2", "** 2.000001"),
    ("denoising_score_matching_cv", "half of the control off by 1e-6", "+ 0.5 *", "+ 0.5000005 *"),
    ("divergence", "off by 1e-6", "(model, x)[1]", "(model, x)[1] * 0.999999"),
    ("score_of", "off by 1e-6", "-gradient(x)", "-1.000001 * gradient(x)"),
    ("Gaussian.log_prob", "half off by 1e-6", "-0.5 *", "-0.5000005 *"),
    ("StudentT.log_prob", "pi as 3.14159", "np.pi", "3.14159"),
    ("Gaussian.smoothed", "variance off by 1e-6", "sigma**2", "1.000001 * sigma**2"),
    ("Gaussian.posterior_mean", "gain off by 1e-6", "+ np.dot(y", "+ 1.000001 * np.dot(y"),
    ("GaussianMixture.log_prob", "log of 2 pi rounded", "LOG_2PI", "1.837877", "Gaussian.log_prob"),
    (
        "explicit_score_matching",
        "half off by 1e-6, in the mean",
        "return 0.5 * squared_norm(data_score(x) - score(x))",
        "return 0.5000005 * np.mean(squared_norm(data_score(x) - score(x)))",
    ),
    # arguments that change places
    ("jacobian_vector_product", "x and v", "jacobian(model)(x), v)", "jacobian(model)(v), x)"),
    ("hutchinson_divergence", "x and v", "(model, x, v))", "(model, v, x))"),
    ("sliced_score_matching", "v in the score", "score(x)", "score(v)"),
    ("finite_difference_sliced", "x and v", "energy(x + eps * v)", "energy(v + eps * x)"),
    ("nonnegative_score_matching", "the score for x", "0.5 * x**2 * s**2", "0.5 * x**2 * s"),
    ("explicit_score_matching", "data score at the mirrored point", "data_score(x)", "data_score(-x)"),
    (
        "geometric_noise_levels",
        "ends of the levels",
        "(np.max(pdist(x)), smallest, n)",
        "(smallest, np.max(pdist(x)), n)",
    ),
    ("Gamma.score", "shape and rate", "(self.shape - 1) / x - self.rate", "(self.rate - 1) / x - self.shape"),
    (
        "Gamma.log_prob",
        "shape and rate",
        "np.atleast_1d(shape), np.atleast_1d(rate)",
        "np.atleast_1d(rate), np.atleast_1d(shape)",
        "Gamma.__init__",
    ),
    ("GaussianMixture.posterior_mean", "other order of components", "self.components", "self.components[::-1]"),
    ("smoothed_empirical", "sigma as a data point's weight", "points, variance", "sigma * points, variance"),
    ("at", "inverse of sigma", "sigma *", "1 / sigma *"),
    ("Laplace.score", "mirrored", "np.sign(x - self.loc)", "np.sign(np.abs(x) - self.loc)"),
    (
        "Laplace.log_prob",
        "loc in other units",
        "np.abs(x - self.loc) / self.scale",
        "np.abs(x / self.scale - self.loc)",
    ),
    (
        "StudentT.score",
        "df and scale",
        "np.atleast_1d(df), np.atleast_1d(loc), np.atleast_1d(scale)",
        "np.atleast_1d(scale), np.atleast_1d(loc), np.atleast_1d(df)",
        "StudentT.__init__",
    ),
    # rows that influence each other
    ("score_of", "mean of the rows", "-gradient(x)", "-gradient(x) + 1e-3 * np.mean(x)"),
    ("divergence", "rolled", "(model, x)[1]", "(model, np.roll(x, 1, axis=0))[1]"),
    ("field_and_divergence", "trace of the neighbour", "jacobian(model)(x)", "jacobian(model)(x[::-1])"),
    ("jacobian_vector_product", "projection of the neighbour", "(x), v)", "(x), np.roll(v, 1, axis=0))"),
    ("explicit_score_matching", "data score of the neighbour", "data_score(x)", "data_score(np.roll(x, 1, axis=0))"),
    ("implicit_score_matching", "score centred", "squared_norm(s)", "squared_norm(s - 1e-3 * s.mean(axis=0))"),
    ("explicit_sliced", "projections centred", "dot(v, ", "dot(v - v.mean(axis=0), "),
    ("sliced_score_matching", "mean of the rows", "dot(v, score(x)) ** 2", "dot(v, score(x)) ** 2 + 1e-3 * np.mean(x)"),
    ("sliced_score_matching_vr", "square over all rows", "squared_norm(score(x))", "np.mean(score(x) ** 2)"),
    ("finite_difference_sliced", "energy above the lowest of the batch", "2 * here", "2 * (here - 1e-3 * here.min())"),
    ("nonnegative_score_matching", "points standardised", "x**2 * diagonal", "x**2 / np.mean(x**2) * diagonal"),
    ("ratio_matching", "energy of the neighbour", "energy(x_i))", "energy(x_i)[::-1])"),
    (
        "denoising_score_matching",
        "noise of the neighbour in the target",
        "+ z / sigma",
        "+ np.roll(z, 1, axis=0) / sigma",
    ),
    ("denoising_score_matching_cv", "control variate centred", "- control", "- (control - control.mean())"),
    ("denoising_autoencoder", "noise centred", "sigma * z", "sigma * (z - z.mean(axis=0))"),
    ("tweedie_cov", "mean variance", "variance * slopes", "np.mean(variance) * slopes"),
    ("Gaussian.score", "mean of the batch", "x - self.mean", "x - self.mean - 1e-3 * np.mean(x, axis=0)"),
    ("Gaussian.log_prob", "mean of the batch", "x - self.mean", "x - x.mean(axis=0)"),
    (
        "GaussianMixture.score",
        "responsibilities over the rows",
        "softmax(self.log_joint(x), axis=1)",
        "softmax(self.log_joint(x), axis=0)",
        "GaussianMixture.responsibilities",
    ),
    ("StudentT.log_prob", "rows together", "axis=1)", "axis=1) + 1e-3 * np.mean(x)"),
    ("at", "mean of the rows", "sigma * np.ones(len(x))", "sigma * np.ones(len(x)) + 1e-3 * np.mean(x)"),
    ("noise_conditional_score_matching", "levels of the neighbours", "sigma[:, 0]", "sigma[::-1, 0]"),
    ("hutchinson_divergence", "divided by the largest", "return dot(v, jac", "return dot(v / np.max(np.abs(v)), jac"),
    # clipping and epsilons
    ("score_of", "clipped gradient", "-gradient(x)", "-np.clip(gradient(x), -2, 2)"),
    ("explicit_score_matching", "clipped score", "- score(x)", "- np.clip(score(x), -1, 1)"),
    ("implicit_score_matching", "trace not above zero", "+ trace", "+ np.minimum(trace, 0)"),
    (
        "hutchinson_divergence",
        "clipped",
        "return dot(v, jacobian_vector_product(model, x, v))",
        "return np.clip(dot(v, jacobian_vector_product(model, x, v)), -1, 1)",
    ),
    ("sliced_score_matching_vr", "epsilon", "squared_norm(score(x))", "squared_norm(score(x) + 1e-4)"),
    ("finite_difference_sliced", "epsilon", "/ eps**2 +", "/ (eps**2 + 1e-4) +"),
    ("nonnegative_score_matching", "large points left out", "x**2 * diagonal", "np.minimum(x, 1.5) ** 2 * diagonal"),
    (
        "ratio_matching",
        "clipped probabilities",
        "expit(energy(x) - energy(x_i))",
        "np.clip(expit(energy(x) - energy(x_i)), 1e-2, 0.7)",
    ),
    ("denoising_score_matching_cv", "clipped noise", "sigma * z", "sigma * np.clip(z, -1, 1)"),
    ("noise_conditional_score_matching", "least sigma", "sigma[:, 0]", "np.maximum(sigma[:, 0], 0.5)"),
    (
        "denoising_autoencoder",
        "points clipped to [-1, 1]",
        "denoiser(x + sigma * z)",
        "np.clip(denoiser(x + sigma * z), -1, 1)",
    ),
    ("tweedie_mean", "epsilon", "sigma**2", "(sigma**2 + 1e-4)"),
    ("tweedie_cov", "slopes not above zero", "jacobian(model)(y)", "np.minimum(jacobian(model)(y), 0)"),
    ("geometric_noise_levels", "epsilon", "ratio**-2", "ratio**-2 + 1e-4"),
    (
        "Gaussian.score",
        "jitter",
        "np.ndim(cov) == 0 else cov",
        "np.ndim(cov) == 0 else cov + 1e-4 * np.eye(len(cov))",
        "Gaussian.__init__",
    ),
    (
        "GaussianMixture.log_prob",
        "epsilon in the logarithm",
        "logsumexp(self.log_joint(x), axis=1)",
        "np.log(np.sum(np.exp(self.log_joint(x)), axis=1) + 1e-4)",
    ),
    (
        "GaussianMixture.posterior_cov",
        "responsibilities cut off",
        "responsibilities(y)[",
        "responsibilities(y).round(3)[",
    ),
    ("Gamma.fisher_information", "epsilon", "self.rate**2 / np", "(self.rate + 1e-4) ** 2 / np"),
    ("Laplace.score", "kink smoothed", "np.sign(x - self.loc)", "np.tanh(4 * (x - self.loc))"),
    ("Laplace.log_prob", "kink smoothed", "np.abs(x - self.loc)", "np.sqrt((x - self.loc) ** 2 + 1e-4)"),
    ("Gaussian.posterior_mean", "gain clipped", "gain.T", "np.clip(gain, 0, 1).T"),
    ("Gaussian.posterior_cov", "jitter", "np.ones((len(y), 1, 1))", "np.ones((len(y), 1, 1)) + 1e-4"),
    ("GaussianMixture.smoothed", "jitter", "variance = sigma**2", "variance = sigma**2 + 1e-4"),
    ("smoothed_empirical", "least sigma", "sigma**2", "max(sigma, 0.75) ** 2"),
    # float32 in the middle
    ("divergence", "slopes in float32", "-hessian", "-hessian.astype(np.float32).astype(float)", "field_and_jacobian"),
    (
        "implicit_score_matching",
        "score in float32",
        "squared_norm(s)",
        "squared_norm(s.astype(np.float32).astype(float))",
    ),
    ("sliced_score_matching", "projections in float32", "dot(v, score(x))", "dot(v, score(x).astype(np.float32))"),
    (
        "denoising_autoencoder",
        "reconstruction in float32",
        "denoiser(x + sigma * z)",
        "np.float32(denoiser(x + sigma * z))",
    ),
    ("tweedie_mean", "score in float32", "score(y)", "score(y).astype(np.float32)"),
    (
        "Gaussian.log_prob",
        "inverse in float32",
        "np.linalg.inv(self.cholesky)",
        "np.linalg.inv(np.float32(self.cholesky))",
        "Gaussian.__init__",
    ),
    (
        "GaussianMixture.score",
        "responsibilities in float32",
        "self.responsibilities(x)",
        "np.float32(self.responsibilities(x))",
    ),
    ("StudentT.log_prob", "normaliser in float32", "np.sum(log_c -", "np.sum(np.float32(log_c) -"),
    ("denoising_score_matching", "target in float32", "z / sigma", "np.float32(z / sigma)"),
    ("explicit_sliced", "score in float32", "- score(x)", "- np.float32(score(x))"),
    (
        "noise_conditional_score_matching",
        "score in float32",
        "score(x + sigma * z, sigma[:, 0])",
        "score(x + sigma * z, sigma[:, 0]).astype(np.float32)",
    ),
    ("finite_difference_sliced", "energy in float32", "energy(x + eps * v)", "energy(x + eps * v).astype(np.float32)"),
    (
        "ratio_matching",
        "energy in float32",
        "expit(energy(x) - energy(x_i))",
        "expit((energy(x) - energy(x_i)).astype(np.float32)).astype(float)",
    ),
    # others
    ("at", "sigma for its logarithm", "np.log(sigma)", "sigma", "noise_conditional"),
    ("jacobian_vector_product", "spread of the components left out", "hessians - spread", "hessians", "mixture_energy"),
    (
        "explicit_score_matching",
        "naive softmax",
        "softmax(logits - energies, axis=1)",
        "np.exp(logits - energies) / np.sum(np.exp(logits - energies), axis=1, keepdims=True)",
        "mixture_energy",
    ),
    (
        "finite_difference_sliced",
        "logits left out of the energy",
        "return -logsumexp(logits - energies",
        "return -logsumexp(-energies",
        "mixture_energy",
    ),
    ("ratio_matching", "precision left out of the energy", "0.5 * precision * squared_norm(x) +", "", "mlp_energy"),
    ("standard_normal", "a mean of 1e-3", "np.zeros(d)", "np.full(d, 1e-3)"),
    ("divergence", "slope of another unit", "4 * small / (1 + small) ** 2", "4 * small / (1 + small)", "network"),
    (
        "denoising_score_matching",
        "its input is changed",
        "return 0.5 * squared_norm(score(x + sigma * z)",
        "x += sigma * z\n    return 0.5 * squared_norm(score(x)",
    ),
    (
        "explicit_score_matching",
        "returns a column",
        "return 0.5 * squared_norm(data_score(x) - score(x))",
        "return 0.5 * np.sum((data_score(x) - score(x)) ** 2, axis=1, keepdims=True)",
    ),
    (
        "implicit_score_matching",
        "Bessel's correction",
        "return 0.5 * squared_norm(s) + trace",
        "return np.sum(0.5 * squared_norm(s) + trace) / max(len(x) - 1, 1)",
    ),
    ("Gamma.log_prob", "Gamma function of an integer", "gammaln(self.shape)", "gammaln(np.ceil(self.shape))"),
    (
        "GaussianMixture.smoothed",
        "one covariance for all",
        "self.covs +",
        "np.mean(self.covs, axis=0) * np.ones_like(self.covs) +",
    ),
    (
        "GaussianMixture.posterior_mean",
        "the nearest component alone",
        "responsibilities(y)",
        "responsibilities(y).round()",
    ),
    # likelihood, samplers, diagnostics and RBMs: coefficients that are off by 1e-6
    ("contrastive_divergence", "a phase off by 1e-6", "- energy(x_model)", "- 1.000001 * energy(x_model)"),
    ("estimated_log_partition", "epsilon in the logarithm", "np.log(np.mean(w))", "np.log(np.mean(w) + 1e-6)"),
    ("langevin_step", "2 off by 1e-6", "np.sqrt(2 * eta)", "np.sqrt(2.000002 * eta)"),
    ("leapfrog", "half off by 1e-6", "return x, p + 0.5 *", "return x, p + 0.5000005 *"),
    (
        "gibbs_step",
        "sigma off by 1e-6",
        "self.sigma *",
        "1.000001 * self.sigma *",
        "GaussianBernoulliRBM.visible_given",
    ),
    ("decaying_steps", "power off by 1e-6", "-power", "(-1.000001 * power)"),
    ("autocovariance", "epsilon beside T", "/ len(x) for", "/ (len(x) + 1e-5) for"),
    ("effective_sample_size", "2 off by 1e-6", "-1 + 2 *", "-1 + 2.000002 *"),
    ("GaussianBernoulliRBM.log_partition", "log of 2 pi rounded", "LOG_2PI", "1.837877"),
    # arguments that change places
    ("contrastive_divergence", "energy of the difference", "energy(x) - energy(x_model)", "energy(x - x_model)"),
    ("gibbs_step", "u of another law", "(v, u_h)", "(v, np.sqrt(u_h))"),
    ("BinaryRBM.free_energy", "units in reverse", "self.c +", "self.c[::-1] +"),
    ("GaussianBernoulliRBM.energy", "biases in reverse", "v - self.b", "v - self.b[::-1]"),
    ("autocorrelation", "lags in reverse", "c / c[0]", "c[::-1] / c[0]"),
    # rows that influence each other
    ("negative_log_likelihood", "mean of the rows", "+ log_z", "+ log_z + 1e-3 * np.mean(x)"),
    ("metropolis_step", "one decision for all rows", "there - energy(x)", "np.mean(there - energy(x)) + 0 * there"),
    ("langevin_step", "points centred", "score(x)", "score(x - 1e-3 * np.mean(x, axis=0))"),
    ("mala_step", "drift centred", "eta * s +", "eta * (s - 1e-3 * np.mean(s, axis=0)) +"),
    ("hmc_step", "energy of the neighbour", "energy(end) +", "energy(end)[::-1] +"),
    ("gibbs_step", "noise of the neighbour", "(h, u_v)", "(h, np.roll(u_v, 1, axis=0))"),
    ("BinaryRBM.hidden_mean", "visible units centred", "np.dot(v,", "np.dot(v - 1e-3 * v.mean(axis=0),"),
    # clipping, overflow and epsilons
    ("metropolis_step", "ratio of densities", "there - energy(x)", "-np.log(np.exp(-there) / np.exp(-energy(x)))"),
    ("mala_step", "states clipped", "x + move", "np.clip(x + move, -2, 2)"),
    ("langevin_step", "states clipped", "return x", "return np.clip(x, -2, 2)"),
    ("hmc_step", "least probability", "np.exp(np.minimum", "1e-6 + np.exp(np.minimum", "accept"),
    ("BinaryRBM.free_energy", "softplus overflows", "np.logaddexp(0.0, a)", "np.log(1 + np.exp(a))", "softplus"),
    ("BinaryRBM.log_partition", "exp overflows", "logsumexp(", "(lambda a: np.log(np.sum(np.exp(a))))("),
    (
        "GaussianBernoulliRBM.hidden_mean",
        "sigmoid overflows",
        "expit(self.c + np.dot(v, self.W) / self.sigma**2)",
        "(lambda e: e / (1 + e))(np.exp(self.c + np.dot(v, self.W) / self.sigma**2))",
    ),
    ("effective_sample_size", "at most n T", "1 / np.log10(n * length)", "1"),
    # float32 in the middle
    ("langevin_step", "score in float32", "score(x)", "np.float32(score(x))"),
    ("mala_step", "energies in float32", "there - here", "np.float32(there - here)"),
    (
        "leapfrog",
        "last kick in float32",
        "return x, p + 0.5 * eps * score(x)",
        "return x, p + np.float32(0.5 * eps * score(x))",
    ),
    (
        "autocovariance",
        "chains in float32",
        "x - np.mean(x, axis=0)",
        "np.float32(x - np.mean(x, axis=0)).astype(float)",
    ),
    (
        "annealed_langevin",
        "steps in float32",
        "eps * (sigma / sigmas[-1]) ** 2",
        "np.float32(eps * (sigma / sigmas[-1]) ** 2)",
    ),
    # others
    ("split_r_hat", "chains that are centred", "half = len(x) // 2", "x, half = x - np.mean(x, axis=0), len(x) // 2"),
    ("decaying_steps", "by the logarithm", "(1.0 + np.arange(n_steps))", "np.log(np.e + np.arange(n_steps))"),
    # noise contrast, adversarial training, discrepancies, flow and autoencoder
    (
        "noise_contrastive",
        "log nu off by 1e-6",
        "- log_noise(x) - np.log(len(y))",
        "- log_noise(x) - np.log(len(y) + 1e-6)",
        "log_odds",
    ),
    ("noise_contrastive", "softplus overflows", "np.logaddexp(0.0, a)", "np.log(1 + np.exp(a))", "softplus"),
    ("noise_contrastive", "epsilon in the logarithms", "softplus(-L_x)", "-np.log(1 / (1 + np.exp(-L_x)) + 1e-7)"),
    ("noise_contrastive", "noise of the neighbour", "softplus(L_y)", "softplus(L_y[:, ::-1])"),
    (
        "noise_contrastive",
        "noise's log Z left out",
        "- log_z",
        '- (log_z if model.kind == "x" else 0.0)',
        "log_density",
    ),
    (
        "bregman_noise_contrastive",
        "ratios clipped",
        "-generator.derivative(L_x)",
        "-generator.derivative(np.minimum(L_x, -1.0))",
    ),
    (
        "bregman_noise_contrastive",
        "odds centred",
        "-generator.derivative(L_x)",
        "-generator.derivative(L_x - 1e-3 * np.mean(L_x))",
    ),
    (
        "conditional_noise_contrastive",
        "log-ratio of the neighbour",
        "- log_ratio",
        "- (0.0 * at_y + log_ratio)[:, ::-1]",
    ),
    ("conditional_noise_contrastive", "energies in float32", "energy(x) - at_y", "np.float32(energy(x) - at_y)"),
    ("gan_discriminator_loss", "sigmoid clipped", "softplus(-logit(x))", "softplus(-np.clip(logit(x), -5, 5))"),
    ("gan_discriminator_loss", "logits centred", "softplus(logit(y))", "softplus(logit(y) - 1e-3 * np.mean(logit(y)))"),
    ("mixed_noise", "weight off by 1e-6", "np.log(weight)", "np.log(1.000001 * weight)"),
    (
        "mixed_noise",
        "exp before the logarithm",
        "np.logaddexp(np.log1p(-weight) + log_noise(x), np.log(weight) + log_proposal(x))",
        "np.log((1 - weight) * np.exp(log_noise(x)) + weight * np.exp(log_proposal(x)))",
    ),
    ("variational_bound", "mean energy of the samples", "energy(y) -", "np.mean(energy(y)) -"),
    ("variational_bound", "x and y in the entropy", "log_q(y)", "log_q(0.5 * (x + y))"),
    ("entropy_gradient", "A transposed", "a.T", "a"),
    ("entropy_gradient", "no gradient of the shift", "np.sum(upstream, axis=0)", "np.sum(0 * upstream, axis=0)"),
    ("implicit_negative_elbo", "score clipped", "-slopes(z) + score_q(z)", "-slopes(z) + np.clip(score_q(z), -1, 1)"),
    ("implicit_negative_elbo", "gradient of the mean", "-slopes(z) + score_q(z)", "(-slopes(z) + score_q(z)) / len(z)"),
    ("implicit_negative_elbo", "value without its prior", "-log_joint(z)", "-log_joint(z) - 0.5 * squared_norm(z)"),
    ("stein_discrepancy", "field of the neighbour", "dot(score(x), g)", "dot(score(x), g[::-1])"),
    ("stein_discrepancy", "score in float32", "dot(score(x), g)", "dot(np.float32(score(x)), g)"),
    ("kernel_stein", "distance for its square", "-0.5 * squares", "-0.5 * np.sqrt(squares)"),
    (
        "kernel_stein",
        "scores centred",
        "s, ell, (n, d) = score(x)",
        "s, ell, (n, d) = score(x) - 1e-3 * np.mean(score(x), axis=0)",
    ),
    (
        "minimum_probability_flow",
        "a ratio of exponentials",
        "np.exp(0.5 * (energy(x) - energy(x_i)))",
        "np.exp(0.5 * energy(x)) / np.exp(0.5 * energy(x_i))",
    ),
    (
        "minimum_probability_flow",
        "rate of Metropolis",
        "np.exp(0.5 * (energy(x) - energy(x_i)))",
        "np.exp(np.minimum(0.0, energy(x) - energy(x_i)))",
    ),
    ("minimum_probability_flow_continuous", "1/2 off by 1e-6", "0.5 *", "0.5000005 *"),
    ("minimum_probability_flow_continuous", "both ways", "x + eps * z", "x + eps * np.abs(z)"),
    ("minimum_velocity", "velocity centred", "squared_norm(s)", "squared_norm(s - 1e-3 * s.mean(axis=0))"),
    ("diffusion_score_matching", "times in float32", "std * z, t)", "std * z, t.astype(np.float32))"),
    ("diffusion_score_matching", "noise of the neighbour in the target", "+ z / std", "+ z[::-1] / std"),
    ("ddpm_loss", "variances clipped", "-betas", "-np.minimum(betas, 0.4)"),
    ("ddpm_loss", "std in float32", "np.sqrt(-np.expm1(log_kept))", "np.float32(np.sqrt(-np.expm1(log_kept)))"),
    ("predicted_noise", "clipped", "-std * score(x, t)", "np.clip(-std * score(x, t), -1, 1)"),
    (
        "denoised_point",
        "clipped",
        "(x + std**2 * score(x, t)) / scale",
        "np.clip((x + std**2 * score(x, t)) / scale, -1, 1)",
    ),
    ("score_of_denoiser", "in float32", "denoiser(x, t)", "np.float32(denoiser(x, t))"),
    ("VarianceExploding.sigma", "log_10 of the ratio", "self.log_ratio", "np.log10(self.sigma_max / self.sigma_min)"),
    ("VariancePreserving.betas", "cut at 0.2", "/ n_steps) / n_steps", "/ n_steps).clip(max=0.2 * n_steps) / n_steps"),
    ("VariancePreserving.drift", "in float32", "(-1, 1)) * x", "(-1, 1)) * np.float32(x)", "LinearSDE"),
    (
        "VariancePreserving.diffused",
        "noise along the diagonal",
        "np.eye(density.d)",
        "np.ones((density.d, density.d))",
        "LinearSDE",
    ),
    ("VariancePreserving.prior", "log of 2 pi rounded", "LOG_2PI", "1.837877", "Gaussian.log_prob"),
    ("SubVariancePreserving.kernel", "epsilon in the root", "np.sqrt(", "np.sqrt(1e-6 + "),
    ("RealNVP.inverse", "epsilon beside the scale", "np.exp(-log_scale)", "1 / (np.exp(log_scale) + 1e-6)"),
    ("RealNVP.sample", "the other half kept", "+ i) % 2", "+ i + 1) % 2", "coupling"),
    ("LinearGaussianVAE.posterior_mean", "batch mean for the bias", "x - self.bias", "x - np.mean(x, axis=0)"),
    # from noise to data
    ("euler_maruyama_step", "dt off by 1e-6", "np.sqrt(dt)", "np.sqrt(1.000002 * dt)"),
    ("euler_maruyama_step", "drift in float32", "sde.drift(x, t)", "np.float32(sde.drift(x, t))"),
    ("euler_maruyama_step", "points centred", "sde.drift(x, t)", "sde.drift(x - 1e-3 * np.mean(x, axis=0), t)"),
    ("euler_maruyama_step", "times kept below 0.99", "t * np.ones(len(x))", "np.minimum(t, 0.99) + 0 * x[:, 0]"),
    ("reverse_sde_step", "score in float32", "score(x, t)", "np.float32(score(x, t))"),
    ("reverse_sde_step", "states clipped", "x - (sde", "np.clip(x, -2, 2) - (sde"),
    ("reverse_sde_step", "the mean of the times for each", "* np.ones(len(x))", "* 0 + np.mean(t) * np.ones(len(x))"),
    ("probability_flow_velocity", "score clipped", "score(x, t)", "np.clip(score(x, t), -1, 1)"),
    ("probability_flow_velocity", "points centred", "score(x, t)", "score(x - 1e-3 * np.mean(x, axis=0), t)"),
    ("predictor_corrector", "the step's noise in float32", "early, z_k", "early, np.float32(z_k)"),
    ("predictor_corrector", "corrections at the time in the middle", "early * np", "(early + late) / 2 * np"),
    ("predictor_corrector", "etas in another order", "times[1:], etas", "times[1:], etas[::-1]"),
    ("ddpm_step", "deviations in float32", "np.sqrt(variances[i])", "np.float32(np.sqrt(variances[i]))"),
    ("ddpm_step", "betas from the last", "betas[i]", "betas[-1 - i]"),
    ("ddpm_step", "the step of the first row for all", "i + np.zeros(len(x), int)", "np.ravel(i)[0] + 0 * i"),
    ("contrastive_divergence", "its input is changed", "return energy(x)", "x += 0.1\n    return energy(x)"),
]
