r"""An adapter in NumPy and SciPy: refebm's functions by closed forms, for `refebm crosscheck my_adapter.py` to examine.

It is complete as it stands, and passes. Replace the body of a function by a call of your own code, and run it again:

    def denoising_score_matching(model, x, sigma, z):
        return my_package.dsm_loss(my_network(model.parameters["layers"]), x, noise=sigma * z, sigma=sigma)

Everything is NumPy in and NumPy out. `model` is data, with `kind`, `parameters` (nested dicts and tuples of arrays)
and `d`: build yours from it; the kinds and what their parameters mean stand at the end. `data_score` is such a model
too, whose score is meant; what begins with `log_`, and `logit`, is a model of the kind log_density, whose value is
meant; a `generator` and a `sampler` are names; `sde` is data as well, with `kind` and `parameters`. Of noise contrast
y is (nu, n, d), else x, y and z are (n, d), rows are points, z is unit normal noise, sigma is a float or (n,), as is a
time t, and v is (n, d), or (m, n, d) for the mean over m projections. Of images on several grids `energies` and
`scores` are tuples of models, and x_model and z of arrays; `average` and `parameters` are a matrix and a vector. A
loss may return one value per row, or their mean, or their sum. Gradients in the parameters are optional: return
`(values, gradients)`, the gradients of the mean of the values, nested like model.parameters. A sampler that accepts or
rejects returns the new states, or these and the probabilities of acceptance. Delete what you do not have, or raise
NotImplementedError: it is counted as unsupported, not as wrong. Names, arguments and conventions are those of refebm:
`refebm list`, or help(refebm).
"""

import functools
import itertools
from math import comb, factorial
from types import SimpleNamespace

import numpy as np
from scipy.spatial.distance import pdist
from scipy.special import expit, gammaln, logsumexp, ndtr, softmax, xlogy
from scipy.stats import chi2

LOG_2PI = np.log(2 * np.pi)


def squared_norm(a):
    """|a|^2 of each row."""
    return np.sum(a**2, axis=1)


def dot(a, b):
    """a.b of each pair of rows."""
    return np.sum(a * b, axis=1)


def column(sigma, x):
    """A noise level, a float or one per row, as (n, 1)."""
    return np.ones((len(x), 1)) * np.reshape(sigma, (-1, 1))


def mean_over_projections(function):
    """Average a function of v (n, d) over m projections, v (m, n, d)."""

    @functools.wraps(function)
    def averaged(*given):
        *others, v = given
        return function(*others, v) if v.ndim == 2 else np.mean([function(*others, v_j) for v_j in v], axis=0)

    return averaged


# ---- derivatives -----------------------------------------------------------------------------------------------------


def score_of(model, x):
    gradient = energy_gradient(model)
    return -gradient(x)


def at(model, sigma, x):
    return field(model)(x, sigma * np.ones(len(x)))


def divergence(model, x):
    return field_and_divergence(model, x)[1]


def field_and_divergence(model, x):
    return field(model)(x), np.einsum("nii->n", jacobian(model)(x))


def jacobian_vector_product(model, x, v):
    return np.einsum("nij,nj->ni", jacobian(model)(x), v)


# ---- score matching --------------------------------------------------------------------------------------------------


def explicit_score_matching(model, data_score, x):
    score, data_score = field(model), field(data_score)
    return 0.5 * squared_norm(data_score(x) - score(x))


def implicit_score_matching(model, x):
    s, trace = field_and_divergence(model, x)
    return 0.5 * squared_norm(s) + trace


@mean_over_projections
def explicit_sliced(model, data_score, x, v):
    score, data_score = field(model), field(data_score)
    return 0.5 * dot(v, data_score(x) - score(x)) ** 2


@mean_over_projections
def hutchinson_divergence(model, x, v):
    return dot(v, jacobian_vector_product(model, x, v))


@mean_over_projections
def sliced_score_matching(model, x, v):
    score = field(model)
    return hutchinson_divergence(model, x, v) + 0.5 * dot(v, score(x)) ** 2


@mean_over_projections
def sliced_score_matching_vr(model, x, v):
    score = field(model)
    return hutchinson_divergence(model, x, v) + 0.5 * squared_norm(score(x))


@mean_over_projections
def finite_difference_sliced(model, x, eps, v):
    energy = energy_function(model)
    ahead, here, behind = -energy(x + eps * v), -energy(x), -energy(x - eps * v)
    return (ahead + behind - 2 * here) / eps**2 + (ahead - behind) ** 2 / (8 * eps**2)


def nonnegative_score_matching(model, x):
    s, diagonal = field(model)(x), np.einsum("nii->ni", jacobian(model)(x))
    return np.sum(2 * x * s + x**2 * diagonal + 0.5 * x**2 * s**2, axis=1)


def ratio_matching(model, x):
    energy = energy_function(model)
    flipped = (np.abs(x - bit) for bit in np.eye(x.shape[1]))
    return sum(expit(energy(x) - energy(x_i)) ** 2 for x_i in flipped)


def regularised_score_matching(model, x, sigma):
    score, sigma = field(model), column(sigma, x)
    s, slopes = score(x), np.einsum("nii->ni", jacobian(model)(x))
    return np.sum(0.5 * s**2 + slopes + 0.5 * sigma**2 * slopes**2, axis=1)


def higher_order_score_matching(model, x, order):
    return sum(on_a_line(slopes, order) for slopes in derivatives_along_axes(model, x, 2 * order))


def on_a_line(s, m):
    """s and r are lists of derivatives along a line."""
    r = derivatives_of_quotient(s, m)
    return 0.5 * r[0] ** 2 - (-1) ** m * r[m]


def derivatives_of_quotient(s, m):
    r = s
    for _ in range(m - 1):
        r = [r[j + 1] + product_rule(s, r, j) for j in range(len(r) - 1)]
    return r


def product_rule(s, r, j):
    return sum(comb(j, k) * s[k] * r[j - k] for k in range(j + 1))


def derivatives_along_axes(model, x, count):
    """For each axis the score along it, and its derivatives."""
    for i, axis in enumerate(np.eye(x.shape[1])):
        series = score_along(model, x, axis + 0 * x, count)
        yield [factorial(j) * part[:, i] for j, part in enumerate(series)]


def laplacian_score_matching(model, x):
    s, J, d, axes = field(model)(x), jacobian(model)(x), x.shape[1], np.eye(x.shape[1])
    lap_s = sum(2 * score_along(model, x, axis + 0 * x, 3)[2] for axis in axes)
    square, divergence = squared_norm(s), np.einsum("nii->n", J)
    lap_square = 2 * np.sum(J**2, axis=(1, 2)) + 2 * dot(s, lap_s)
    lap_divergence = sum(third_derivative(model, x, axes[i], axes[j]) for i in range(d) for j in range(d))
    return 0.5 * (square + divergence) ** 2 - (lap_square + lap_divergence)


def third_derivative(model, x, e_i, e_j):
    """d_j^2 d_i s_i, by those along e_j + e_i, e_j - e_i and e_i."""
    plus, minus, pure = (6 * score_along(model, x, v + 0 * x, 4)[3] @ e_i for v in (e_j + e_i, e_j - e_i, e_i))
    return pure if e_i @ e_j else (plus - minus - 2 * pure) / 6


def marginalisation_score_matching(model, x):
    energy = energy_function(model)
    gaps = (energy(x) - energy(np.abs(x - bit)) for bit in np.eye(x.shape[1]))
    return sum(0.5 * np.exp(2 * a) - np.exp(-a) - 1.5 for a in gaps)


# ---- denoising -------------------------------------------------------------------------------------------------------


def denoising_score_matching(model, x, sigma, z):
    score, sigma = field(model), column(sigma, x)
    return 0.5 * squared_norm(score(x + sigma * z) + z / sigma)


def denoising_score_matching_cv(model, x, sigma, z):
    score, sigma = field(model), column(sigma, x)
    control = dot(z / sigma, score(x)) + 0.5 * np.sum((z**2 - 1) / sigma**2, axis=1)
    return 0.5 * squared_norm(score(x + sigma * z) + z / sigma) - control


def noise_conditional_score_matching(model, x, sigma, z):
    score, sigma = field(model), column(sigma, x)
    return 0.5 * squared_norm(sigma * score(x + sigma * z, sigma[:, 0]) + z)


def denoising_autoencoder(model, x, sigma, z):
    denoiser, sigma = field(model), column(sigma, x)  # the field is the denoiser itself
    return 0.5 * squared_norm(denoiser(x + sigma * z) - x)


def tweedie_mean(model, y, sigma):
    score, sigma = field(model), column(sigma, y)
    return y + sigma**2 * score(y)


def tweedie_cov(model, y, sigma):
    variance = column(sigma, y)[:, :, None] ** 2
    slopes = variance * jacobian(model)(y)
    return variance * np.eye(y.shape[1]) + variance * slopes


def geometric_noise_levels(x, n, smallest):
    sigmas = np.geomspace(np.max(pdist(x)), smallest, n)
    ratio, d = sigmas[0] / sigmas[1], x.shape[1]
    crossing = 2 * d * np.log(ratio) / (1 - ratio**-2)  # |x|^2/sigma_{i+1}^2 where neighbouring densities are equal
    return sigmas, chi2.cdf(crossing / ratio**2, d) + chi2.sf(crossing, d)


# ---- denoising at all noise levels of an SDE, fields called with a time t (n,), or a step i (n,) ---------------------


def process(sde):
    """One of the classes below from its data."""
    return SDES[sde.kind](**sde.parameters)


def moments(sde, t):
    """m and std of x_t = m x_0 + std z, each (n, 1)."""
    return (np.reshape(part, (-1, 1)) for part in process(sde).marginal(t))


def diffusion_score_matching(model, sde, weight, x, t, z):
    score, (scale, std) = field(model), moments(sde, t)  # the weights are those at t, (n,)
    return 0.5 * weight * squared_norm(score(scale * x + std * z, t) + z / std)


def ddpm_loss(model, betas, x, i, z):
    score, log_kept = field(model), np.cumsum(np.log1p(-betas))[i][:, None]
    std = np.sqrt(-np.expm1(log_kept))
    return 0.5 * squared_norm(std * score(np.exp(0.5 * log_kept) * x + std * z, i) + z)


def predicted_noise(model, sde, x, t):
    score, (_, std) = field(model), moments(sde, t)
    return -std * score(x, t)


def denoised_point(model, sde, x, t):
    score, (scale, std) = field(model), moments(sde, t)
    return (x + std**2 * score(x, t)) / scale


def score_of_noise(model, sde, x, t):
    noise, (_, std) = field(model), moments(sde, t)
    return -noise(x, t) / std


def score_of_denoiser(model, sde, x, t):
    denoiser, (scale, std) = field(model), moments(sde, t)
    return (scale * denoiser(x, t) - x) / std**2


# ---- denoisers as in EDM, called with a level sigma (n,) -------------------------------------------------------------


def karras_denoising(model, x, sigma, z, data_std):
    denoiser, sigma = field(model), column(sigma, x)
    weight = sigma**-2 + data_std**-2
    return 0.5 * weight[:, 0] * squared_norm(denoiser(x + sigma * z, sigma[:, 0]) - x)


def karras_preconditioned(model, x, sigma, data_std):
    network, sigma = field(model), column(sigma, x)
    whole = sigma**2 + data_std**2
    predicted = network(x / np.sqrt(whole), 0.25 * np.log(sigma[:, 0]))
    return data_std**2 / whole * x + sigma * data_std / np.sqrt(whole) * predicted


def karras_noise_levels(n, smallest, largest, power):
    first, last = largest ** (1 / power), smallest ** (1 / power)
    part = np.arange(n) / (n - 1)
    return ((1 - part) * first + part * last) ** power


def karras_heun_step(model, x, sigma, next_sigma):
    denoiser = field(model)
    slope = (x - denoiser(x, sigma * np.ones(len(x)))) / sigma
    ahead = x + (next_sigma - sigma) * slope
    if next_sigma == 0:
        return ahead
    there = (ahead - denoiser(ahead, next_sigma * np.ones(len(x)))) / next_sigma
    return x + (next_sigma - sigma) * 0.5 * (slope + there)


# ---- classifiers, whose logits (n, k) are a field, and bits ----------------------------------------------------------


def classifier_energy(model, x):
    logits = field(model)
    return -logsumexp(logits(x).T, axis=0)


def class_log_probabilities(model, x):
    logits = field(model)
    f = logits(x)
    return f - logsumexp(f.T, axis=0)[:, None]


def pseudo_likelihood(model, x):
    energy = energy_function(model)
    flipped = (np.abs(x - bit) for bit in np.eye(x.shape[1]))
    return sum(softplus(energy(x) - energy(x_i)) for x_i in flipped)


# ---- rules for schedules ---------------------------------------------------------------------------------------------


def cosine_betas(n_steps, offset=0.008, most=0.999):
    left = 0.5 * np.pi * (1 - np.arange(n_steps + 1) / n_steps) / (1 + offset)  # f = sin(left)^2
    turned = np.sin(0.5 * np.pi / (1 + offset) / n_steps) * np.sin(left[1:] + left[:-1]) / np.sin(left[:-1])
    return np.minimum(turned / np.sin(left[:-1]), most)


def level_coverage(ratio, d):
    apart = np.sqrt(2.0 * d) * (ratio - 1)
    return ndtr(3 * ratio - apart) - ndtr(-3 * ratio - apart)


def level_ratio(d, coverage):
    low, high = 1.0, 1e3
    for _ in range(100):
        ratio = 0.5 * (low + high)
        low, high = (ratio, high) if level_coverage(ratio, d) > coverage else (low, ratio)
    return ratio


def annealed_variance(ratio, eta, n_steps):
    settled = 1 / (1 - eta / 2)
    kept = (1 - eta) ** (2 * n_steps)
    return settled + kept * (ratio**2 - settled)


def annealed_step(ratio, n_steps):
    power, excess, low, high = 2 * n_steps, (ratio - 1) * (ratio + 1), 0.0, 1.0
    for _ in range(100):
        eta = 0.5 * (low + high)
        settled, log_kept = 1 / (1 - eta / 2), np.log1p(-eta)
        kept = np.exp((power - 1) * log_kept)
        falls = power * kept * (excess - 0.5 * eta * settled) > -np.expm1(power * log_kept) * settled**2 / 2
        low, high = (eta, high) if falls else (low, eta)
    return eta


def moving_average(average, parameters, momentum):
    return tuple(old + (1 - momentum) * (new - old) for old, new in zip(average, parameters))


# ---- what a network may predict of a noisy point x = scale x_0 + std z -----------------------------------------------


def noise_from_score(model, x, scale, std):
    score, std = field(model), column(std, x)
    return -std * score(x)


def clean_point_from_score(model, x, scale, std):
    score, scale, std = field(model), column(scale, x), column(std, x)
    return (x + std**2 * score(x)) / scale


def velocity_from_score(model, x, scale, std):
    score, scale, std = field(model), column(scale, x), column(std, x)
    return -std / scale * (x + (scale**2 + std**2) * score(x))


def score_from_noise(model, x, scale, std):
    noise, std = field(model), column(std, x)
    return -noise(x) / std


def score_from_clean_point(model, x, scale, std):
    denoiser, scale, std = field(model), column(scale, x), column(std, x)
    return (scale * denoiser(x) - x) / std**2


def score_from_velocity(model, x, scale, std):
    velocity, scale, std = field(model), column(scale, x), column(std, x)
    return -(x + scale / std * velocity(x)) / (scale**2 + std**2)


def marginal_of_steps(betas, i):
    log_kept = np.cumsum(np.log1p(-betas))[i]
    return np.exp(0.5 * log_kept), np.sqrt(-np.expm1(log_kept))


# ---- flow matching along straight lines (1 - t) x + t z, velocities called with a time t (n,) ------------------------


def flow_matching(model, x, z, t):
    velocity, s = field(model), column(t, x)
    return 0.5 * squared_norm(velocity((1 - s) * x + s * z, t) - (z - x))


def flow_velocity(model, x, t):
    score, s = field(model), column(t, x)
    return -(x + s * score(x, t)) / (1 - s)


def score_of_flow(model, x, t):
    velocity, s = field(model), column(t, x)
    return -(x + (1 - s) * velocity(x, t)) / s


# ---- likelihood ------------------------------------------------------------------------------------------------------


def negative_log_likelihood(model, log_z, x):
    energy = energy_function(model)
    return energy(x) + log_z


def contrastive_divergence(model, x, x_model):
    energy = energy_function(model)
    return energy(x) - energy(x_model)


def estimated_log_partition(log_weights):
    largest = np.max(log_weights)
    w, deviation = np.exp(log_weights - largest), np.std(np.expm1(log_weights - largest), ddof=1)
    return np.log(np.mean(w)) + largest, deviation / np.sqrt(len(w)) / np.mean(w)


def contrastive_divergence_with_entropy(model, held_model, log_q, x, x_model):
    energy, held_energy, log_q = energy_function(model), energy_function(held_model), log_density(log_q)
    return energy(x) - energy(x_model) - (held_energy(x_model) + log_q(x_model))


def unbiased_mean(model, x, y, k, m):
    function = energy_function(model)
    average = sum(function(x[t]) for t in range(k, m + 1)) / (m - k + 1)
    gaps = ((t, function(x[t]) - function(y[t - 1])) for t in range(k + 1, len(x)))
    return average + sum(min(1.0, (t - k) / (m - k + 1)) * gap for t, gap in gaps)


def unbiased_contrastive_divergence(model, x, chain, lagged, k, m):
    energy = energy_function(model)
    return energy(x) - unbiased_mean(model, chain, lagged, k, m)


def mean_field_free_energy(rbm, v, h):
    rbm = machine(rbm)
    return rbm.energy(v, h) - bernoulli_entropy(v) - bernoulli_entropy(h)


def mean_field_contrastive_divergence(rbm, x, n_steps):
    rbm = machine(rbm)
    v = reconstruction(rbm, x, n_steps)
    h_0, h = rbm.hidden_mean(x), rbm.hidden_mean(v)
    return mean_field_free_energy(rbm, x, h_0) - mean_field_free_energy(rbm, v, h)


def machine(rbm):
    """One of the class below, if it is data."""
    return rbm if isinstance(rbm, BinaryRBM) else BinaryRBM(**rbm.parameters)


def reconstruction(rbm, v, n_steps):
    """Visible means after so many updates of both layers."""
    for _ in range(n_steps):
        v = rbm.visible_mean(rbm.hidden_mean(v))
    return v


def bernoulli_entropy(p):
    return -np.sum(x_log_x(p) + x_log_x(1 - p), axis=1)


def x_log_x(p):
    return xlogy(p, p)


# ---- images on several grids, a model and an array for each; rows (n, S^2), line by line -----------------------------


def pictures(x):
    """Rows as images (n, S, S)."""
    return np.reshape(x, (len(x), side(x), side(x)))


def side(x):
    return round(np.sqrt(x.shape[-1]))


def block_means(x, size):
    k = side(x) // size
    along = np.kron(np.eye(size), np.full(k, 1 / k))
    return np.reshape(along @ pictures(x) @ along.T, (len(x), -1))


def repeated_pixels(x, size):
    k = size // side(x)
    return np.reshape(np.repeat(np.repeat(pictures(x), k, axis=1), k, axis=2), (len(x), -1))


def multigrid_contrastive_divergence(energies, x, x_model):
    grids = [(energy_function(model), y) for model, y in zip(energies, x_model)]
    return sum(energy(block_means(x, side(y))) - energy(y) for energy, y in grids)


def multigrid_chain(scores, x, eta, z):
    y, images = np.mean(x, axis=1)[:, None], []
    for model, step, noise in zip(scores, eta * np.ones(len(z)), z):
        y = repeated_pixels(y, side(noise))
        for z_t in noise:
            y = langevin_step(model, y, step, z_t)
        images.append(y)
    return tuple(images)


# ---- noise contrast, y (nu, n, d) ------------------------------------------------------------------------------------


def noise_contrastive(log_model, log_noise, x, y):
    log_model, log_noise = log_density(log_model), log_density(log_noise)
    L_x, L_y = log_odds(log_model, log_noise, x, y)
    return softplus(-L_x) + np.sum(softplus(L_y), axis=0)


def log_odds(log_model, log_noise, x, y):
    """log_model - log_noise - log nu, at x, (n,), and at y, (nu, n)."""
    noise = np.reshape(y, (-1, x.shape[1]))
    at_x = log_model(x) - log_noise(x) - np.log(len(y))
    at_y = log_model(noise) - log_noise(noise) - np.log(len(y))
    return at_x, np.reshape(at_y, y.shape[:2])


def conditional_noise_contrastive(model, x, y, log_ratio=None):
    energy = energy_function(model)
    log_ratio = 0.0 if log_ratio is None else log_ratio
    at_y = np.reshape(energy(np.reshape(y, (-1, x.shape[1]))), y.shape[:2])
    return np.mean(2 * softplus(energy(x) - at_y - log_ratio), axis=0)


def bregman_noise_contrastive(log_model, log_noise, generator, x, y):
    log_model, log_noise, generator = log_density(log_model), log_density(log_noise), GENERATORS[generator]
    L_x, L_y = log_odds(log_model, log_noise, x, y)
    return -generator.derivative(L_x) + np.sum(generator.conjugate(L_y), axis=0)


def gan_discriminator_loss(logit, x, y):
    logit = log_density(logit)
    return softplus(-logit(x)) + softplus(logit(y))


def mixed_noise(log_noise, log_proposal, weight, x):
    log_noise, log_proposal = log_density(log_noise), log_density(log_proposal)
    return np.logaddexp(np.log1p(-weight) + log_noise(x), np.log(weight) + log_proposal(x))


GENERATORS = {  # Psi'(u), and Psi'(u) u - Psi(u), of log u
    "LOGISTIC": SimpleNamespace(derivative=lambda log_u: -softplus(-log_u), conjugate=lambda log_u: softplus(log_u)),
    "KULLBACK_LEIBLER": SimpleNamespace(derivative=lambda log_u: 1 + log_u, conjugate=np.exp),
    "LEAST_SQUARES": SimpleNamespace(derivative=np.exp, conjugate=lambda log_u: 0.5 * np.exp(2 * log_u)),
}


# ---- adversarial and variational training ----------------------------------------------------------------------------


def variational_bound(model, log_q, x, y):
    energy, log_q = energy_function(model), log_density(log_q)
    return energy(y) - energy(x) + log_q(y)


def entropy_gradient(model, sampler, phi, eps):
    """Nested like phi; `sampler` is a name, that of z = A eps + b alone."""
    if sampler != "affine":
        raise NotImplementedError(f"a sampler that is {sampler}")
    score_q, (a, b) = field(model), phi
    z = np.dot(eps, a.T) + b
    upstream = -score_q(z) / len(z)
    return np.dot(upstream.T, eps), np.sum(upstream, axis=0)


def implicit_negative_elbo(log_joint, model, z):
    """The values, and the gradients in z of each, through which the sampler is trained."""
    slopes, log_joint, score_q = log_density_gradient(log_joint), log_density(log_joint), field(model)
    return -log_joint(z) + dot(score_q(z), z), -slopes(z) + score_q(z)


# ---- other discrepancies ---------------------------------------------------------------------------------------------


def stein_discrepancy(model, test_field, x):
    score, (g, divergence) = field(model), field_and_divergence(test_field, x)
    return dot(score(x), g) + divergence


def kernel_stein(model, x, bandwidth, unbiased=True):
    score = field(model)
    s, ell, (n, d) = score(x), bandwidth, x.shape
    r = (x[:, None] - x) / ell
    squares = np.sum(r**2, axis=2)
    k = np.exp(-0.5 * squares)
    if unbiased:
        k = k * (1 - np.eye(n))
    pull = np.sum(k[:, :, None] * r, axis=1)
    total = np.sum(s * (np.dot(k, s) + 2 * pull / ell)) + np.sum(k * (d - squares)) / ell / ell
    return total / (n * (n - 1)) if unbiased else total / n**2


def minimum_probability_flow(model, x):
    energy = energy_function(model)
    flipped = (np.abs(x - bit) for bit in np.eye(x.shape[1]))
    return sum(np.exp(0.5 * (energy(x) - energy(x_i))) for x_i in flipped)


def minimum_probability_flow_continuous(model, x, eps, z):
    energy = energy_function(model)
    return np.exp(0.5 * (energy(x) - energy(x + eps * z)))


def minimum_velocity(model, x):
    s, divergence = field_and_divergence(model, x)
    return squared_norm(s) + 2 * divergence


# ---- samplers --------------------------------------------------------------------------------------------------------


def accept(x, proposal, energy_error, u):
    """The proposal where log u < -energy_error, else x; and the probability of that."""
    accepted = np.log(u) < -energy_error
    return np.where(accepted[:, None], proposal, x), np.exp(np.minimum(0.0, -energy_error))


def metropolis_step(model, x, scale, z, u):
    energy = energy_function(model)
    proposal = x + scale * z
    there = energy(proposal)
    return accept(x, proposal, there - energy(x), u)


def coupled_metropolis_step(model, x, y, scale, z, u_meet, u):
    energy = energy_function(model)
    gap = (x - y) / scale
    meets = np.log(u_meet) < 0.5 * squared_norm(z) - 0.5 * squared_norm(z + gap)
    proposal = x + scale * z
    other = np.where(meets[:, None], proposal, y + scale * reflected(z, gap))
    return accepted(energy, x, proposal, u), accepted(energy, y, other, u)


def reflected(z, gap):
    size = np.max(np.abs(gap), axis=1)[:, None]
    e = gap / np.where(size > 0, size, 1.0)
    length = squared_norm(e)
    return z - (2 * dot(e, z) / np.where(length > 0, length, 1.0))[:, None] * e


def accepted(energy, x, proposal, u):
    return accept(x, proposal, energy(proposal) - energy(x), u)[0]


def langevin_step(model, x, eta, z):
    score = field(model)
    return x + eta * score(x) + np.sqrt(2 * eta) * z


def mala_step(model, x, eta, z, u):
    here, s = energy_and_score(model, x)
    move = eta * s + np.sqrt(2 * eta) * z
    proposal = x + move
    there, s_there = energy_and_score(model, proposal)
    z_back = -(move + eta * s_there) / np.sqrt(2 * eta)
    return accept(x, proposal, there - here + 0.5 * squared_norm(z_back) - 0.5 * squared_norm(z), u)


def leapfrog(model, x, p, eps, n_steps):
    score = field(model)
    p = p + 0.5 * eps * score(x)
    for _ in range(n_steps - 1):
        x = x + eps * p
        p = p + eps * score(x)
    x = x + eps * p
    return x, p + 0.5 * eps * score(x)


def hmc_step(model, x, eps, n_steps, p, u):
    energy = energy_function(model)
    end, p_end = leapfrog(model, x, p, eps, n_steps)
    here, there = energy(x) + 0.5 * squared_norm(p), energy(end) + 0.5 * squared_norm(p_end)
    return accept(x, end, there - here, u)


def gibbs_step(model, v, u_h, u_v):
    rbm = RBMS[model.kind](**model.parameters)
    h = rbm.hidden_given(v, u_h)
    return rbm.visible_given(h, u_v)


def annealed_langevin(model, x, sigmas, eps, z):
    score = field(model)
    for sigma, noise in zip(sigmas, z):
        eta = eps * (sigma / sigmas[-1]) ** 2
        for z_t in noise:
            x = x + eta * score(x, sigma * np.ones(len(x))) + np.sqrt(2 * eta) * z_t
    return x


def decaying_steps(first, power, n_steps):
    return first * (1.0 + np.arange(n_steps)) ** -power


# ---- from noise to data, dt > 0 back in time -------------------------------------------------------------------------


def euler_maruyama_step(sde, x, t, dt, z):
    sde, t = process(sde), t * np.ones(len(x))
    return x + sde.drift(x, t) * dt + sde.diffusion(t)[:, None] * np.sqrt(dt) * z


def reverse_sde_step(model, sde, x, t, dt, z):
    score, sde, t = field(model), process(sde), t * np.ones(len(x))
    g = sde.diffusion(t)[:, None]
    return x - (sde.drift(x, t) - g**2 * score(x, t)) * dt + g * np.sqrt(dt) * z


def probability_flow_velocity(model, sde, x, t):
    score, sde, t = field(model), process(sde), t * np.ones(len(x))
    return sde.drift(x, t) - 0.5 * sde.diffusion(t)[:, None] ** 2 * score(x, t)


def predictor_corrector(model, sde, x, times, eta, z):
    score, etas = field(model), eta * np.ones(len(z))
    for late, early, eta_k, (z_k, *corrections) in zip(times[:-1], times[1:], etas, z):
        x = reverse_sde_step(model, sde, x, late, late - early, z_k)
        for z_m in corrections:
            x = x + eta_k * score(x, early * np.ones(len(x))) + np.sqrt(2 * eta_k) * z_m
    return x


def ddpm_step(model, betas, x, i, z, posterior=False):
    score, i = field(model), i + np.zeros(len(x), int)
    log_kept = np.cumsum(np.log1p(-betas))
    before = np.append(0.0, log_kept[:-1])
    variances = betas * np.expm1(before) / np.expm1(log_kept) if posterior else betas
    beta, sigma = betas[i][:, None], np.sqrt(variances[i])[:, None]
    return (x + beta * score(x, i)) / np.sqrt(1 - beta) + sigma * z


def ddim_step(model, betas, x, i, eta, z):
    score, i = field(model), i + np.zeros(len(x), int)
    log_kept = np.cumsum(np.log1p(-betas))
    before = np.append(0.0, log_kept[:-1])
    beta, now, then = betas[i][:, None], -np.expm1(log_kept[i])[:, None], -np.expm1(before[i])[:, None]
    pointed = then * ((1 - eta**2) + eta**2 * (1 - beta) * then / now)
    s = score(x, i)
    drawn = eta * np.sqrt(beta) * np.sqrt(then / now)
    return (x + now * s) / np.sqrt(1 - beta) - np.sqrt(pointed) * np.sqrt(now) * s + drawn * z


# ---- what chains tell, x (T, n, d) -----------------------------------------------------------------------------------


def autocovariance(x, n_lags):
    centred = x - np.mean(x, axis=0)
    lagged = [np.sum(centred[: len(x) - t] * centred[t:], axis=0) / len(x) for t in range(n_lags + 1)]
    return np.mean(lagged, axis=1)


def autocorrelation(x, n_lags):
    c = autocovariance(x, n_lags)
    return c / c[0]


def effective_sample_size(x):
    length, n, _ = x.shape
    c = autocovariance(x, length - 1)
    within = c[0] * length / (length - 1)
    rho = 1 - (within - c) / (c[0] + variance_of_means(x))
    rho[0] = 1.0
    pairs = rho[0 : length - length % 2 : 2] + rho[1:length:2]
    positive = np.logical_and.accumulate(pairs > 0, axis=0)
    tau = -1 + 2 * np.sum(np.minimum.accumulate(pairs, axis=0) * positive, axis=0)
    return n * length / np.maximum(tau, 1 / np.log10(n * length))


def split_r_hat(x):
    half = len(x) // 2
    halves = np.concatenate([x[:half], x[half : 2 * half]], axis=1)
    within = np.mean(np.var(halves, axis=0, ddof=1), axis=0)
    return np.sqrt((half - 1) / half + variance_of_means(halves) / within)


def variance_of_means(x):
    return np.var(np.mean(x, axis=0), axis=0, ddof=1) if x.shape[1] > 1 else 0.0


# ---- densities -------------------------------------------------------------------------------------------------------


class Gaussian:
    def __init__(self, mean, cov):  # a float cov stands for cov times the identity
        self.mean = np.atleast_1d(mean)
        self.cov = cov * np.eye(len(self.mean)) if np.ndim(cov) == 0 else cov
        self.cholesky = np.linalg.cholesky(self.cov)
        self.whitening = np.linalg.inv(self.cholesky)
        self.precision = np.dot(self.whitening.T, self.whitening)

    def log_prob(self, x):
        whitened = np.dot(x - self.mean, self.whitening.T)
        return -0.5 * np.sum(whitened**2 + LOG_2PI, axis=1) - np.sum(np.log(np.diag(self.cholesky)))

    def score(self, x):
        return -np.dot(x - self.mean, self.precision)

    def smoothed(self, sigma):
        return Gaussian(self.mean, self.cov + sigma**2 * np.eye(len(self.mean)))

    def posterior_mean(self, y, sigma):
        gain = np.dot(self.cov, self.smoothed(sigma).precision)
        return self.mean + np.dot(y - self.mean, gain.T)

    def posterior_cov(self, y, sigma):
        gain = np.dot(self.cov, self.smoothed(sigma).precision)
        return sigma**2 * 0.5 * (gain + gain.T) * np.ones((len(y), 1, 1))


class GaussianMixture:
    def __init__(self, weights, means, covs):
        self.weights, self.means = np.asarray(weights), np.asarray(means)
        covs = np.full(len(self.weights), covs) if np.ndim(covs) == 0 else covs
        self.components = [Gaussian(m, c) for m, c in zip(self.means, covs)]
        self.covs = np.stack([c.cov for c in self.components])

    def log_joint(self, x):
        with np.errstate(divide="ignore"):  # a weight of zero
            return np.stack([c.log_prob(x) for c in self.components], axis=1) + np.log(self.weights)

    def responsibilities(self, x):
        return softmax(self.log_joint(x), axis=1)

    def log_prob(self, x):
        return logsumexp(self.log_joint(x), axis=1)

    def score(self, x):
        r = self.responsibilities(x)
        return sum(r[:, k : k + 1] * c.score(x) for k, c in enumerate(self.components))

    def smoothed(self, sigma):
        variance = sigma**2
        return GaussianMixture(self.weights, self.means, self.covs + variance * np.eye(self.means.shape[1]))

    def posterior_mean(self, y, sigma):
        r = self.smoothed(sigma).responsibilities(y)
        return sum(r[:, k : k + 1] * c.posterior_mean(y, sigma) for k, c in enumerate(self.components))

    def posterior_cov(self, y, sigma):
        r = self.smoothed(sigma).responsibilities(y)[:, :, None, None]
        mean = self.posterior_mean(y, sigma)
        between = [c.posterior_mean(y, sigma) - mean for c in self.components]
        return sum(
            r[:, k] * (c.posterior_cov(y, sigma) + between[k][:, :, None] * between[k][:, None, :])
            for k, c in enumerate(self.components)
        )


class Gamma:
    def __init__(self, shape, rate):
        self.shape, self.rate = np.atleast_1d(shape), np.atleast_1d(rate)

    def log_prob(self, x):
        inside = np.where(x > 0, x, 1.0)
        log_p = (self.shape - 1) * np.log(inside) - self.rate * x + self.shape * np.log(self.rate) - gammaln(self.shape)
        return np.sum(np.where(x > 0, log_p, -np.inf), axis=1)

    def score(self, x):
        return (self.shape - 1) / x - self.rate

    def fisher_information(self):  # for shape > 2, where it is finite, and shape = 1
        return np.where(self.shape == 1, self.rate**2, self.rate**2 / np.where(self.shape == 1, 1.0, self.shape - 2))


class StudentT:
    def __init__(self, df, loc, scale):
        self.df, self.loc, self.scale = np.atleast_1d(df), np.atleast_1d(loc), np.atleast_1d(scale)

    def log_prob(self, x):
        nu, t = self.df, (x - self.loc) / self.scale
        log_c = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(np.pi * nu) - np.log(self.scale)
        return np.sum(log_c - 0.5 * (nu + 1) * np.log1p(t**2 / nu), axis=1)

    def score(self, x):
        t = (x - self.loc) / self.scale
        return -(self.df + 1) * t / (self.df + t**2) / self.scale


class Laplace:
    def __init__(self, loc, scale):
        self.loc, self.scale = np.atleast_1d(loc), np.atleast_1d(scale)

    def log_prob(self, x):
        return np.sum(-np.abs(x - self.loc) / self.scale - np.log(2 * self.scale), axis=1)

    def score(self, x):
        return -np.sign(x - self.loc) / self.scale


def smoothed_empirical(points, sigma):
    variance = sigma**2
    return GaussianMixture(np.ones(len(points)) / len(points), points, variance)


def standard_normal(d):
    return Gaussian(np.zeros(d), 1.0)


# ---- restricted Boltzmann machines -----------------------------------------------------------------------------------


def softplus(a):
    return np.logaddexp(0.0, a)


def states(m):
    """All states of m binary units, (2^m, m)."""
    return np.array(list(itertools.product((0.0, 1.0), repeat=m)))


class BinaryRBM:
    def __init__(self, b, c, W):
        self.b, self.c, self.W = b, c, W

    def energy(self, v, h):
        return -np.dot(v, self.b) - np.dot(h, self.c) - np.sum(np.dot(v, self.W) * h, axis=1)

    def free_energy(self, v):
        return -np.dot(v, self.b) - np.sum(softplus(self.c + np.dot(v, self.W)), axis=1)

    def hidden_mean(self, v):
        return expit(self.c + np.dot(v, self.W))

    def visible_mean(self, h):
        return expit(self.b + np.dot(h, self.W.T))

    def hidden_given(self, v, u):
        return 1.0 * (u < self.hidden_mean(v))

    def visible_given(self, h, u):
        return 1.0 * (u < self.visible_mean(h))

    def log_partition(self):
        fewer = len(self.c) <= len(self.b)
        near, far, W = (self.c, self.b, self.W.T) if fewer else (self.b, self.c, self.W)
        h = states(len(near))
        return logsumexp(np.dot(h, near) + np.sum(softplus(far + np.dot(h, W)), axis=1))


class GaussianBernoulliRBM:
    def __init__(self, b, c, W, sigma):
        self.b, self.c, self.W, self.sigma = b, c, W, sigma

    def energy(self, v, h):
        coupling = np.sum(np.dot(v, self.W) * h, axis=1) / self.sigma**2
        return 0.5 * np.sum((v - self.b) ** 2, axis=1) / self.sigma**2 - np.dot(h, self.c) - coupling

    def free_energy(self, v):
        spring = 0.5 * np.sum((v - self.b) ** 2, axis=1) / self.sigma**2
        return spring - np.sum(softplus(self.c + np.dot(v, self.W) / self.sigma**2), axis=1)

    def hidden_mean(self, v):
        return expit(self.c + np.dot(v, self.W) / self.sigma**2)

    def visible_mean(self, h):
        return self.b + np.dot(h, self.W.T)

    def hidden_given(self, v, u):
        return 1.0 * (u < self.hidden_mean(v))

    def visible_given(self, h, z):
        return self.visible_mean(h) + self.sigma * z

    def log_partition(self):
        h = states(len(self.c))
        shift = np.dot(h, self.W.T)
        gain = np.sum(shift * (shift + 2 * self.b), axis=1) / (2 * self.sigma**2)
        return logsumexp(np.dot(h, self.c) + gain) + len(self.b) * (0.5 * LOG_2PI + np.log(self.sigma))


RBMS = {"binary_rbm": BinaryRBM, "gaussian_rbm": GaussianBernoulliRBM}


# ---- a flow, and a linear Gaussian autoencoder -----------------------------------------------------------------------


class RealNVP:
    def __init__(self, couplings):
        self.couplings = couplings

    def log_prob(self, x):
        z, log_det = self.inverse(x)
        return np.sum(-0.5 * z**2 - 0.5 * LOG_2PI, axis=1) + log_det

    def inverse(self, x):
        log_det = 0.0
        for i, layers in enumerate(self.couplings):
            kept, log_scale, shift = coupling(x, i, layers)
            x = kept * x + (1 - kept) * (x - shift) * np.exp(-log_scale)
            log_det = log_det - np.sum(log_scale, axis=1)
        return x, log_det

    def sample(self, z):
        x = z
        for i, layers in reversed(list(enumerate(self.couplings))):
            kept, log_scale, shift = coupling(x, i, layers)
            x = kept * x + (1 - kept) * (x * np.exp(log_scale) + shift)
        return x


def coupling(x, i, layers):
    """Which coordinates stay, and the log scale and the shift of the others."""
    kept = (np.arange(x.shape[1]) + i) % 2
    log_scale, shift = np.split(network(layers, kept * x)[0], 2, axis=1)
    return kept, (1 - kept) * np.tanh(log_scale), shift


class LinearGaussianVAE:
    def __init__(self, weights, bias, deviation):
        self.weights, self.bias, self.deviation = weights, bias, deviation
        self.d, self.k = weights.shape
        self.posterior_cov = np.linalg.inv(np.eye(self.k) + np.dot(weights.T, weights) / deviation**2)

    def log_joint(self, x, z):
        error = (x - np.dot(z, self.weights.T) - self.bias) / self.deviation
        constant = 0.5 * (self.d + self.k) * np.log(2 * np.pi) + self.d * np.log(self.deviation)
        return -0.5 * np.sum(z**2, axis=1) - 0.5 * np.sum(error**2, axis=1) - constant

    def marginal(self):
        return Gaussian(self.bias, np.dot(self.weights, self.weights.T) + self.deviation**2 * np.eye(self.d))

    def posterior_mean(self, x):
        return np.dot(np.dot(x - self.bias, self.weights), self.posterior_cov) / self.deviation**2

    def gap(self, x, mean, cov):
        precision, off = np.linalg.inv(self.posterior_cov), mean - self.posterior_mean(x)
        log_ratio = np.linalg.slogdet(self.posterior_cov)[1] - np.linalg.slogdet(cov)[1]
        squares = np.sum(np.dot(off, precision) * off, axis=1)
        return 0.5 * (np.trace(np.dot(precision, cov)) + squares - self.k + log_ratio)


# ---- SDEs dx = -1/2 beta(t) x dt + g(t) dw, t (n,) in [0, 1] ---------------------------------------------------------


class LinearSDE:
    def beta(self, t):
        return 0.0 * t

    def drift(self, x, t):
        return -0.5 * np.reshape(self.beta(t), (-1, 1)) * x

    def marginal(self, t):
        return self.kernel(0.0, t)

    def diffused(self, density, t):
        scale, std = self.marginal(t)
        noise = std**2 * np.eye(density.d)
        if not hasattr(density, "weights"):  # a Gaussian
            return Gaussian(scale * density.mean, scale**2 * density.cov + noise)
        return GaussianMixture(density.weights, scale * density.means, scale**2 * density.covs + noise)

    def prior(self, d):
        return Gaussian(np.zeros(d), self.kernel(0.0, 1.0)[1] ** 2)


class VarianceExploding(LinearSDE):
    def __init__(self, sigma_min, sigma_max):
        self.sigma_min, self.sigma_max = sigma_min, sigma_max
        self.log_ratio = np.log(sigma_max / sigma_min)

    def sigma(self, t):
        return self.sigma_min * np.exp(t * self.log_ratio)

    def diffusion(self, t):
        return self.sigma(t) * np.sqrt(2 * self.log_ratio)

    def kernel(self, s, t):
        return 1.0 + 0.0 * (t - s), self.sigma(s) * np.sqrt(np.expm1(2 * (t - s) * self.log_ratio))


class VariancePreserving(LinearSDE):
    def __init__(self, beta_min, beta_max):
        self.beta_min, self.beta_max = beta_min, beta_max

    def beta(self, t):
        return self.beta_min + t * (self.beta_max - self.beta_min)

    def betas(self, n_steps):
        return self.beta((1 + np.arange(n_steps)) / n_steps) / n_steps

    def integral(self, s, t):
        return (t - s) * (self.beta_min + 0.5 * (s + t) * (self.beta_max - self.beta_min))

    def diffusion(self, t):
        return np.sqrt(self.beta(t))

    def kernel(self, s, t):
        b = self.integral(s, t)
        return np.exp(-0.5 * b), np.sqrt(-np.expm1(-b))

    def prior(self, d):
        return Gaussian(np.zeros(d), 1.0)


class SubVariancePreserving(VariancePreserving):
    def diffusion(self, t):
        return np.sqrt(-self.beta(t) * np.expm1(-2 * self.integral(0.0, t)))

    def kernel(self, s, t):
        b, total = self.integral(s, t), self.integral(0.0, s) + self.integral(0.0, t)
        return np.exp(-0.5 * b), np.sqrt(np.expm1(-b) * np.expm1(-total))


SDES = {one.__name__: one for one in (VarianceExploding, VariancePreserving, SubVariancePreserving)}


# ---- the models that questions are asked about: what is asked of a model, then each kind -----------------------------


def energy_function(model):
    """x -> E(x), (n,), where exp(-E) is the density up to a constant."""
    return lambda x: energy_and_derivatives(model.kind, model.parameters, x)[0]


def energy_gradient(model):
    """x -> grad E(x), (n, d)."""
    return lambda x: energy_and_derivatives(model.kind, model.parameters, x)[1]


def energy_and_score(model, x):
    """E(x), (n,), and -grad E(x), (n, d)."""
    energy, gradient, _ = energy_and_derivatives(model.kind, model.parameters, x)
    return energy, -gradient


def field(model):
    """x -> s(x), (n, d): the score of a model that has an energy, else the field itself; (x, sigma) if conditional."""

    def values(x, *sigma):
        return field_and_jacobian(model.kind, model.parameters, x, *(level * np.ones(len(x)) for level in sigma))[0]

    return values


def log_density(model):
    """x -> -E(x) - log Z, (n,), of a model of that kind."""
    inner, log_z = _inner(model), model.parameters["log_z"]
    return lambda x: -energy_function(inner)(x) - log_z


def log_density_gradient(model):
    """x -> its gradient, (n, d)."""
    return lambda x: -energy_gradient(_inner(model))(x)


def _inner(model):
    return SimpleNamespace(kind=model.parameters["kind"], parameters=model.parameters["parameters"])


def jacobian(model):
    """x -> d s_i/d x_j, (n, d, d), of the field."""
    return lambda x: field_and_jacobian(model.kind, model.parameters, x)[1]


def score_along(model, x, v, count):
    """The coefficients (n, d) of 1, t, ..., t^{count - 1} in s(x + t v): power series in t, the kinds one by one."""
    return SERIES[model.kind]([x, v, *[0 * x] * (count - 2)], **model.parameters)


def series_product(a, b):
    return [sum(a[k] * b[j - k] for k in range(j + 1)) for j in range(len(a))]


def series_tanh(a):
    """y' = (1 - y^2) a'."""
    y = [np.tanh(a[0])]
    for j in range(1, len(a)):
        square = series_product(y, y)
        slope = [(i == 0) - part for i, part in enumerate(square)]
        y.append(sum(slope[j - k] * k * a[k] for k in range(1, j + 1)) / j)
    return y


def series_exp(a):
    """y' = a' y."""
    y = [np.exp(a[0])]
    for j in range(1, len(a)):
        y.append(sum(k * a[k] * y[j - k] for k in range(1, j + 1)) / j)
    return y


def series_network(layers, x):
    for depth, (weights, bias) in enumerate(layers):
        x = [part @ weights + bias * (j == 0) for j, part in enumerate(series_tanh(x) if depth else x)]
    return x


def quadratic_series(x, mean, precision):
    return [-(part - mean * (j == 0)) @ (0.5 * (precision + precision.T)) for j, part in enumerate(x)]


def mixture_series(x, logits, means, precisions):
    """The mean of the wells' scores, weighted by their densities, all divided by the largest."""
    pulls = [quadratic_series(x, m, p) for m, p in zip(means, precisions)]
    offsets = [[part - m * (j == 0) for j, part in enumerate(x)] for m in means]
    squares = [[0.5 * np.sum(part, axis=1) for part in series_product(a, b)] for a, b in zip(offsets, pulls)]
    exponents = [[part + a * (j == 0) for j, part in enumerate(one)] for a, one in zip(logits, squares)]
    largest = np.max([one[0] for one in exponents], axis=0)
    weights = [series_exp([one[0] - largest, *one[1:]]) for one in exponents]
    total = [sum(parts) for parts in zip(*weights)]
    moment = [
        sum(parts) for parts in zip(*(series_product([w[:, None] for w in a], b) for a, b in zip(weights, pulls)))
    ]
    s = []
    for j, part in enumerate(moment):
        s.append((part - sum(total[k][:, None] * s[j - k] for k in range(1, j + 1))) / total[0][:, None])
    return s


def mlp_energy_series(x, precision, layers):
    """Backwards through the network: the slope of tanh is 1 - tanh^2."""
    values = [x]
    for weights, bias in layers[:-1]:
        values.append(series_tanh(series_network(((weights, bias),), values[-1])))
    back = [np.ones((len(x[0]), 1)) * (j == 0) for j in range(len(x))]
    for depth in reversed(range(len(layers))):
        back = [part @ layers[depth][0].T for part in back]
        if depth:
            square = series_product(values[depth], values[depth])
            back = series_product([(j == 0) - part for j, part in enumerate(square)], back)
    return [-precision * part - slope for part, slope in zip(x, back)]


def energy_and_derivatives(kind, parameters, x):
    """E (n,), its gradient (n, d) and its Hessian (n, d, d)."""
    if kind not in ENERGIES:
        raise NotImplementedError(f"an energy of kind {kind}")
    return ENERGIES[kind](x, **parameters)


def field_and_jacobian(kind, parameters, x, *sigma):
    """s (n, d) and its Jacobian (n, d, d)."""
    if kind in FIELDS:
        return FIELDS[kind](x, *sigma, **parameters)
    _, gradient, hessian = energy_and_derivatives(kind, parameters, x)
    return -gradient, -hessian


def network(layers, x):
    """A perceptron with tanh units: its outputs (n, m), their gradients (n, m, d) and Hessians (n, m, d, d)."""
    n, d = x.shape
    value, first, second = x, np.eye(d) * np.ones((n, 1, 1)), np.zeros((n, d, d, d))
    for depth, (weights, bias) in enumerate(layers):
        if depth > 0:
            small = np.exp(-2 * np.abs(value))
            value, slope = np.tanh(value), 4 * small / (1 + small) ** 2  # 1/cosh^2, without overflow
            outer = first[:, :, :, None] * first[:, :, None, :]
            second = slope[:, :, None, None] * (second - 2 * value[:, :, None, None] * outer)
            first = slope[:, :, None] * first
        value = value @ weights + bias
        first, second = np.einsum("nki,km->nmi", first, weights), np.einsum("nkij,km->nmij", second, weights)
    return value, first, second


def quadratic_energy(x, mean, precision):
    symmetric = 0.5 * (precision + precision.T)
    gradient = (x - mean) @ symmetric
    return 0.5 * dot(x - mean, gradient), gradient, symmetric * np.ones((len(x), 1, 1))


def mixture_energy(x, logits, means, precisions):
    wells = [quadratic_energy(x, m, p) for m, p in zip(means, precisions)]
    energies, gradients, hessians = (np.stack(part, axis=1) for part in zip(*wells))
    r = softmax(logits - energies, axis=1)
    gradient = np.einsum("nk,nki->ni", r, gradients)
    between = gradients - gradient[:, None, :]
    spread = between[:, :, :, None] * between[:, :, None, :]
    return -logsumexp(logits - energies, axis=1), gradient, np.einsum("nk,nkij->nij", r, hessians - spread)


def mlp_energy(x, precision, layers):
    value, first, second = network(layers, x)
    energy = 0.5 * precision * squared_norm(x) + value[:, 0]
    return energy, precision * x + first[:, 0], precision * np.eye(x.shape[1]) + second[:, 0]


def gamma_energy(x, shape, rate):
    energy = np.sum((1 - shape) * np.log(x) + rate * x, axis=1)
    return energy, (1 - shape) / x + rate, ((shape - 1) / x**2)[:, :, None] * np.eye(x.shape[1])


def laplace_energy(x, loc, scale):
    return np.sum(np.abs(x - loc) / scale, axis=1), np.sign(x - loc) / scale, np.zeros((*x.shape, x.shape[1]))


def binary_rbm(x, b, c, W):
    """The free energy."""
    p, energy = expit(c + x @ W), -x @ b - np.sum(softplus(c + x @ W), axis=1)
    return energy, -b - p @ W.T, -np.einsum("nj,ij,kj->nik", p * (1 - p), W, W)


def gaussian_rbm(x, b, c, W, sigma):
    """The free energy."""
    springs = quadratic_energy(x, b, np.eye(len(b)) / sigma**2)
    return tuple(spring + part for spring, part in zip(springs, binary_rbm(x, 0 * b, c, W / sigma**2)))


def mlp_score(x, layers):
    return network(layers, x)[:2]


def noise_conditional(x, sigma, layers):
    value, first, _ = network(layers, np.column_stack([x, np.log(sigma)]))
    return value / sigma[:, None], first[:, :, :-1] / sigma[:, None, None]


def smoothed_mixture(x, sigma, logits, means, variances):
    wide = variances + sigma[:, None, None] ** 2
    scores = -(x[:, None] - means) / wide
    log_joint = logits - 0.5 * np.sum(scores**2 * wide + np.log(wide), axis=2)
    r = softmax(log_joint, axis=1)
    score = np.einsum("nk,nki->ni", r, scores)
    spread = np.einsum("nk,nki,nkj->nij", r, scores, scores) - score[:, :, None] * score[:, None, :]
    return score, spread - np.einsum("nk,nki->ni", r, 1 / wide)[:, :, None] * np.eye(x.shape[1])


def diffused_mixture(x, t, sde, logits, means, variances):
    scale, std = SDES[sde["kind"]](**sde["parameters"]).marginal(t)
    scale = scale[:, None, None]
    return smoothed_mixture(x, std, logits, scale * means, scale**2 * variances)


def at_level(x, kind, parameters, sigma):
    return field_and_jacobian(kind, parameters, x, sigma * np.ones(len(x)))


def denoiser(x, kind, parameters, sigma):
    s, slopes = field_and_jacobian(kind, parameters, x)
    return x + sigma**2 * s, np.eye(x.shape[1]) + sigma**2 * slopes


ENERGIES = {
    "quadratic": quadratic_energy,
    "mixture": mixture_energy,
    "mlp_energy": mlp_energy,
    "gamma": gamma_energy,
    "laplace": laplace_energy,
    "binary_rbm": binary_rbm,
    "gaussian_rbm": gaussian_rbm,
}
SERIES = {
    "quadratic": quadratic_series,
    "mixture": mixture_series,
    "mlp_energy": mlp_energy_series,
    "mlp_score": lambda x, layers: series_network(layers, x),
}
FIELDS = {
    "mlp_score": mlp_score,
    "noise_conditional": noise_conditional,
    "smoothed_mixture": smoothed_mixture,
    "diffused_mixture": diffused_mixture,
    "at_level": at_level,
    "denoiser": denoiser,
}
