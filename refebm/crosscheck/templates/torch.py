r"""An adapter for PyTorch: refebm's functions, written in PyTorch, for `refebm crosscheck my_adapter.py` to examine.

It is complete as it stands, and passes. Replace the body of a function by a call of your own code, and run it again:

    @objective
    def denoising_score_matching(score, x, sigma, z):
        return my_package.dsm_loss(score, x, noise=sigma * z, sigma=sigma)

A body sees tensors, and models as functions of tensors: `energy`, `logit` and what begins with `log_` are (n, d) ->
(n,), `score`, `score_q`, `field`, `noise` and `denoiser` are (n, d) -> (n, d), and a noise-conditional score is
score(x, sigma) with sigma (n,), or score(x, t) with a time t (n,), or a step. x, y, z and v are (n, d), rows are
points, z is unit normal noise, and sigma is a column (n, 1). Of noise contrast y is (nu, n, d). `generator` and
`sampler` are names. `rbm` and `sde` are classes here. A loss may return one value per row, or their mean, or their
sum; `@objective` takes its gradient in the parameters of the first model, `@function` takes none. A sampler that
accepts or rejects returns the new states, or these and the probabilities of acceptance. Delete what you do not have,
or raise NotImplementedError: it is counted as unsupported, not as wrong. Names, arguments and conventions are those of
refebm: `refebm list`, or help(refebm). Keep the names of the arguments: what is handed over goes by them.
"""

import functools
import inspect
import itertools
import math
from types import SimpleNamespace

import numpy as np
import torch
from torch.autograd.functional import jvp
from torch.func import grad, jacrev, vmap

DTYPE = torch.float64
torch.set_num_threads(1)  # the questions are small


def squared_norm(a):
    """|a|^2 of each row."""
    return (a**2).sum(-1)


def dot(a, b):
    """a.b of each pair of rows."""
    return (a * b).sum(-1)


# ---- NumPy in, NumPy out ---------------------------------------------------------------------------------------------


def function(body):
    """A function of models and arrays. One that is called with tensors, from another body, is its body itself."""

    @functools.wraps(body)
    def answer(*asked):
        return body(*asked) if _inside(asked) else _map(_array, _call(body, asked))

    return answer


def objective(body):
    """A function that also returns the gradient of its mean in the parameters of its first model, nested alike."""

    @functools.wraps(body)
    def answer(model, *rest):
        if _inside(rest):
            return body(model, *rest)
        parameters = _map(lambda leaf: _tensor(leaf).requires_grad_(), model.parameters)
        values = _call(body, (SimpleNamespace(kind=model.kind, parameters=parameters), *rest))
        if values.requires_grad:
            values.mean().backward()
        return _array(values), _map(_gradient, parameters)

    return answer


def method(body):
    """A method of a density, or of an RBM."""

    @functools.wraps(body)
    def answer(self, *asked):
        return body(self, *asked) if _inside(asked) else _map(_array, body(self, *map(_tensor, asked)))

    return answer


def _inside(asked):
    return any(map(torch.is_tensor, asked))


def _call(body, asked):
    """The body with models as functions, arrays as tensors, sigma as a column, and averaged over projections."""
    given = dict(zip(inspect.signature(body).parameters, asked))
    for name, value in given.items():
        if hasattr(value, "kind"):
            build = {"energy": _energy, "rbm": _rbm, "sde": _sde}.get(name, _field)
            given[name] = build(value.kind, _map(_tensor, value.parameters))
        elif name == "sigma":
            given[name] = _tensor(value).expand(len(given.get("x", given.get("y"))))[:, None]
        elif name in ("t", "i"):
            given[name] = _tensor(value).expand(len(given["x"]))
        elif isinstance(value, (np.ndarray, tuple)):
            given[name] = _map(_tensor, value)
    if "v" in given and given["v"].ndim == 3:
        return torch.stack([body(**given | {"v": v}) for v in given["v"]]).mean(0)
    return body(**given)


def _tensor(value):
    return value if torch.is_tensor(value) else torch.tensor(value, dtype=DTYPE)


def _array(value):
    return value.detach().cpu().numpy() if torch.is_tensor(value) else value


def _gradient(tensor):
    return _array(torch.zeros_like(tensor) if tensor.grad is None else tensor.grad)


def _map(change, tree):
    """Nested dicts and tuples with every leaf changed; the name of a kind stays what it is."""
    if isinstance(tree, dict):
        return {key: _map(change, value) for key, value in tree.items()}
    if isinstance(tree, tuple):
        return tuple(_map(change, value) for value in tree)
    return tree if isinstance(tree, str) else change(tree)


# ---- derivatives -----------------------------------------------------------------------------------------------------


@function
def score_of(energy, x):
    return -grad(lambda x: energy(x).sum())(x)


@function
def at(score, sigma, x):
    return score(x, sigma[:, 0])


@function
def divergence(field, x):
    return field_and_divergence(field, x)[1]


@function
def field_and_divergence(field, x):
    return field(x), torch.einsum("nii->n", _jacobian(field, x))


@function
def jacobian_vector_product(field, x, v):
    return jvp(field, x, v, create_graph=True)[1]


def _jacobian(field, x):
    """[n, i, j] = d s_i / d x_j at row n."""
    return vmap(jacrev(lambda row: field(row[None])[0]))(x)


# ---- score matching --------------------------------------------------------------------------------------------------


@objective
def explicit_score_matching(score, data_score, x):
    return 0.5 * squared_norm(data_score(x) - score(x))


@objective
def implicit_score_matching(score, x):
    s, trace = field_and_divergence(score, x)
    return 0.5 * squared_norm(s) + trace


@objective
def explicit_sliced(score, data_score, x, v):
    return 0.5 * dot(v, data_score(x) - score(x)) ** 2


@function
def hutchinson_divergence(field, x, v):
    return dot(v, jacobian_vector_product(field, x, v))


@objective
def sliced_score_matching(score, x, v):
    return hutchinson_divergence(score, x, v) + 0.5 * dot(v, score(x)) ** 2


@objective
def sliced_score_matching_vr(score, x, v):
    return hutchinson_divergence(score, x, v) + 0.5 * squared_norm(score(x))


@objective
def finite_difference_sliced(energy, x, eps, v):
    ahead, here, behind = -energy(x + eps * v), -energy(x), -energy(x - eps * v)
    return (ahead + behind - 2 * here) / eps**2 + (ahead - behind) ** 2 / (8 * eps**2)


@objective
def nonnegative_score_matching(score, x):
    s, diagonal = score(x), torch.einsum("nii->ni", _jacobian(score, x))
    return (2 * x * s + x**2 * diagonal + 0.5 * x**2 * s**2).sum(1)


@objective
def ratio_matching(energy, x):
    flipped = (torch.abs(x - bit) for bit in torch.eye(x.shape[1], dtype=DTYPE))
    return sum(torch.sigmoid(energy(x) - energy(x_i)) ** 2 for x_i in flipped)


# ---- denoising -------------------------------------------------------------------------------------------------------


@objective
def denoising_score_matching(score, x, sigma, z):
    return 0.5 * squared_norm(score(x + sigma * z) + z / sigma)


@objective
def denoising_score_matching_cv(score, x, sigma, z):
    control = dot(z / sigma, score(x)) + 0.5 * ((z**2 - 1) / sigma**2).sum(1)
    return 0.5 * squared_norm(score(x + sigma * z) + z / sigma) - control


@objective
def noise_conditional_score_matching(score, x, sigma, z):
    return 0.5 * squared_norm(sigma * score(x + sigma * z, sigma[:, 0]) + z)


@objective
def denoising_autoencoder(denoiser, x, sigma, z):
    return 0.5 * squared_norm(denoiser(x + sigma * z) - x)


@function
def tweedie_mean(score, y, sigma):
    return y + sigma**2 * score(y)


@function
def tweedie_cov(score, y, sigma):
    variance = sigma[:, :, None] ** 2
    return variance * torch.eye(y.shape[1], dtype=DTYPE) + variance**2 * _jacobian(score, y)


@function
def geometric_noise_levels(x, n, smallest):
    largest, d = torch.pdist(x).max(), x.shape[1]
    ratio = (largest / smallest) ** (1 / (n - 1))
    sigmas = largest / ratio ** torch.arange(n)
    crossing = 2 * d * ratio.log() / (1 - ratio**-2)  # |x|^2/sigma_{i+1}^2 where neighbouring densities are equal
    half_d, half_crossing = _tensor(d / 2), crossing / 2
    overlap = torch.special.gammainc(half_d, half_crossing / ratio**2) + torch.special.gammaincc(half_d, half_crossing)
    return sigmas, overlap


# ---- denoising at all noise levels of an SDE, fields called with a time t (n,), or a step i (n,) ---------------------


@objective
def diffusion_score_matching(score, sde, weight, x, t, z):
    scale, std = _moments(sde, t)
    return 0.5 * weight * squared_norm(score(scale * x + std * z, t) + z / std)


@objective
def ddpm_loss(score, betas, x, i, z):
    log_kept = torch.cumsum(torch.log1p(-betas), 0)[i.long(), None]
    std = torch.sqrt(-torch.expm1(log_kept))
    return 0.5 * squared_norm(std * score(torch.exp(0.5 * log_kept) * x + std * z, i) + z)


@function
def predicted_noise(score, sde, x, t):
    _, std = _moments(sde, t)
    return -std * score(x, t)


@function
def denoised_point(score, sde, x, t):
    scale, std = _moments(sde, t)
    return (x + std**2 * score(x, t)) / scale


@function
def score_of_noise(noise, sde, x, t):
    _, std = _moments(sde, t)
    return -noise(x, t) / std


@function
def score_of_denoiser(denoiser, sde, x, t):
    scale, std = _moments(sde, t)
    return (scale * denoiser(x, t) - x) / std**2


def _moments(sde, t):
    """m and std of x_t = m x_0 + std z, each (n, 1)."""
    return (part[:, None] for part in sde.marginal(t))


# ---- likelihood ------------------------------------------------------------------------------------------------------


@objective
def negative_log_likelihood(energy, log_z, x):
    return energy(x) + log_z


@objective
def contrastive_divergence(energy, x, x_model):
    return energy(x) - energy(x_model.detach())


@function
def estimated_log_partition(log_weights):
    w = torch.exp(log_weights - log_weights.max())
    return w.mean().log() + log_weights.max(), w.std() / math.sqrt(len(w)) / w.mean()


# ---- noise contrast, y (nu, n, d) ------------------------------------------------------------------------------------


@objective
def noise_contrastive(log_model, log_noise, x, y):
    L_x, L_y = log_odds(log_model, log_noise, x, y)
    return softplus(-L_x) + softplus(L_y).sum(0)


def log_odds(log_model, log_noise, x, y):
    """log_model - log_noise - log nu, at x, (n,), and at y, (nu, n)."""
    noise = y.reshape(-1, x.shape[1])
    at_x = log_model(x) - log_noise(x) - math.log(len(y))
    at_y = log_model(noise) - log_noise(noise) - math.log(len(y))
    return at_x, at_y.reshape(y.shape[:2])


@objective
def conditional_noise_contrastive(energy, x, y, log_ratio=None):
    log_ratio = 0.0 if log_ratio is None else log_ratio
    at_y = energy(y.reshape(-1, x.shape[1])).reshape(y.shape[:2])
    return (2 * softplus(energy(x) - at_y - log_ratio)).mean(0)


@objective
def bregman_noise_contrastive(log_model, log_noise, generator, x, y):
    generator, (L_x, L_y) = _GENERATORS[generator], log_odds(log_model, log_noise, x, y)
    return -generator.derivative(L_x) + generator.conjugate(L_y).sum(0)


@objective
def gan_discriminator_loss(logit, x, y):
    return softplus(-logit(x)) + softplus(logit(y))


@function
def mixed_noise(log_noise, log_proposal, weight, x):
    return torch.logaddexp(math.log1p(-weight) + log_noise(x), math.log(weight) + log_proposal(x))


_GENERATORS = {  # Psi'(u), and Psi'(u) u - Psi(u), of log u
    "LOGISTIC": SimpleNamespace(derivative=lambda log_u: -softplus(-log_u), conjugate=lambda log_u: softplus(log_u)),
    "KULLBACK_LEIBLER": SimpleNamespace(derivative=lambda log_u: 1 + log_u, conjugate=torch.exp),
    "LEAST_SQUARES": SimpleNamespace(derivative=torch.exp, conjugate=lambda log_u: 0.5 * torch.exp(2 * log_u)),
}


# ---- adversarial and variational training ----------------------------------------------------------------------------


@objective
def variational_bound(energy, log_q, x, y):
    return energy(y) - energy(x) + log_q(y)


@function
def entropy_gradient(score_q, sampler, phi, eps):
    """Nested like phi; `sampler` is a name."""
    phi = _map(lambda leaf: leaf.clone().requires_grad_(), phi)
    z = _SAMPLERS[sampler](phi, eps)
    return torch.autograd.grad(z, phi, -score_q(z).detach() / len(z))


@function
def implicit_negative_elbo(log_joint, score_q, z):
    """The values, and the gradients in z of each, through which the sampler is trained."""
    z = z.clone().requires_grad_()
    values = -log_joint(z) + dot(score_q(z).detach(), z)
    return values, torch.autograd.grad(values.sum(), z)[0]


_SAMPLERS = {"affine": lambda phi, eps: eps @ phi[0].T + phi[1]}


# ---- other discrepancies ---------------------------------------------------------------------------------------------


@objective
def stein_discrepancy(score, field, x):
    g, divergence = field_and_divergence(field, x)
    return dot(score(x), g) + divergence


@function
def kernel_stein(score, x, bandwidth, unbiased=True):
    s, ell, (n, d) = score(x), bandwidth, x.shape
    r = (x[:, None] - x) / ell
    squares = squared_norm(r)
    k = torch.exp(-0.5 * squares)
    if unbiased:
        k = k * (1 - torch.eye(n, dtype=DTYPE))
    pull = (k[:, :, None] * r).sum(1)
    total = (s * (k @ s + 2 * pull / ell)).sum() + (k * (d - squares)).sum() / ell / ell
    return total / (n * (n - 1)) if unbiased else total / n**2


@objective
def minimum_probability_flow(energy, x):
    flipped = (torch.abs(x - bit) for bit in torch.eye(x.shape[1], dtype=DTYPE))
    return sum(torch.exp(0.5 * (energy(x) - energy(x_i))) for x_i in flipped)


@objective
def minimum_probability_flow_continuous(energy, x, eps, z):
    return torch.exp(0.5 * (energy(x) - energy(x + eps * z)))


@objective
def minimum_velocity(score, x):
    s, divergence = field_and_divergence(score, x)
    return squared_norm(s) + 2 * divergence


# ---- samplers --------------------------------------------------------------------------------------------------------


def energy_and_score(energy, x):
    return energy(x), score_of(energy, x)


def accept(x, proposal, energy_error, u):
    """The proposal where log u < -energy_error, else x; and the probability of that."""
    accepted = torch.log(u) < -energy_error
    return torch.where(accepted[:, None], proposal, x), torch.exp(torch.clamp(-energy_error, max=0.0))


@function
def metropolis_step(energy, x, scale, z, u):
    proposal = x + scale * z
    there = energy(proposal)
    return accept(x, proposal, there - energy(x), u)


@function
def langevin_step(score, x, eta, z):
    return x + eta * score(x) + math.sqrt(2 * eta) * z


@function
def mala_step(energy, x, eta, z, u):
    here, s = energy_and_score(energy, x)
    move = eta * s + math.sqrt(2 * eta) * z
    proposal = x + move
    there, s_there = energy_and_score(energy, proposal)
    z_back = -(move + eta * s_there) / math.sqrt(2 * eta)
    return accept(x, proposal, there - here + 0.5 * squared_norm(z_back) - 0.5 * squared_norm(z), u)


@function
def leapfrog(score, x, p, eps, n_steps):
    p = p + 0.5 * eps * score(x)
    for _ in range(n_steps - 1):
        x = x + eps * p
        p = p + eps * score(x)
    x = x + eps * p
    return x, p + 0.5 * eps * score(x)


@function
def hmc_step(energy, x, eps, n_steps, p, u):
    end, p_end = leapfrog(lambda x: score_of(energy, x), x, p, eps, n_steps)
    here, there = energy(x) + 0.5 * squared_norm(p), energy(end) + 0.5 * squared_norm(p_end)
    return accept(x, end, there - here, u)


@function
def gibbs_step(rbm, v, u_h, u_v):
    h = rbm.hidden_given(v, u_h)
    return rbm.visible_given(h, u_v)


@function
def annealed_langevin(score, x, sigmas, eps, z):
    for sigma, noise in zip(sigmas, z):
        eta = eps * sigma**2 / sigmas[-1] ** 2
        for z_t in noise:
            x = x + eta * score(x, sigma.expand(len(x))) + torch.sqrt(2 * eta) * z_t
    return x


@function
def decaying_steps(first, power, n_steps):
    return first * (1.0 + torch.arange(n_steps, dtype=DTYPE)) ** -power


# ---- from noise to data, dt > 0 back in time -------------------------------------------------------------------------


@function
def euler_maruyama_step(sde, x, t, dt, z):
    return x + sde.drift(x, t) * dt + sde.diffusion(t)[:, None] * dt**0.5 * z


@function
def reverse_sde_step(score, sde, x, t, dt, z):
    g = sde.diffusion(t)[:, None]
    return x - (sde.drift(x, t) - g**2 * score(x, t)) * dt + g * dt**0.5 * z


@function
def probability_flow_velocity(score, sde, x, t):
    return sde.drift(x, t) - 0.5 * sde.diffusion(t)[:, None] ** 2 * score(x, t)


@function
def predictor_corrector(score, sde, x, times, eta, z):
    etas = eta * torch.ones(len(z), dtype=DTYPE)
    for late, early, eta_k, (z_k, *corrections) in zip(times[:-1], times[1:], etas, z):
        x = reverse_sde_step(score, sde, x, late.expand(len(x)), late - early, z_k)
        for z_m in corrections:
            x = langevin_step(lambda x, t=early: score(x, t.expand(len(x))), x, eta_k, z_m)
    return x


@function
def ddpm_step(score, betas, x, i, z, posterior=False):
    log_kept, i = torch.cumsum(torch.log1p(-betas), 0), i.long()
    before = torch.nn.functional.pad(log_kept[:-1], (1, 0))
    variances = betas * torch.expm1(before) / torch.expm1(log_kept) if posterior else betas
    beta, sigma = betas[i][:, None], torch.sqrt(variances[i])[:, None]
    return (x + beta * score(x, i.to(DTYPE))) / torch.sqrt(1 - beta) + sigma * z


# ---- what chains tell, x (T, n, d) -----------------------------------------------------------------------------------


@function
def autocovariance(x, n_lags):
    spectrum = torch.fft.rfft(x - x.mean(0), n=2 * len(x), dim=0)
    return torch.fft.irfft(spectrum.abs() ** 2, n=2 * len(x), dim=0)[: n_lags + 1].mean(1) / len(x)


@function
def autocorrelation(x, n_lags):
    c = autocovariance(x, n_lags)
    return c / c[0]


@function
def effective_sample_size(x):
    length, n, _ = x.shape
    c = autocovariance(x, length - 1)
    within = c[0] * length / (length - 1)
    rho = 1 - (within - c) / (c[0] + variance_of_means(x))
    rho[0] = 1.0
    pairs = rho[0 : length - length % 2 : 2] + rho[1:length:2]
    positive = (pairs > 0).cumprod(0)
    tau = -1 + 2 * (pairs.cummin(0).values * positive).sum(0)
    return n * length / torch.clamp(tau, min=1 / math.log10(n * length))


@function
def split_r_hat(x):
    half = len(x) // 2
    halves = torch.cat([x[:half], x[half : 2 * half]], 1)
    within = halves.var(0).mean(0)
    return torch.sqrt((half - 1) / half + variance_of_means(halves) / within)


def variance_of_means(x):
    return x.mean(0).var(0) if x.shape[1] > 1 else 0.0


# ---- densities -------------------------------------------------------------------------------------------------------


class Gaussian:
    def __init__(self, mean, cov):
        self.mean, self.cov = _tensor(mean), _covariance(cov, len(mean))
        self.law = torch.distributions.MultivariateNormal(self.mean, self.cov)

    @method
    def log_prob(self, x):
        return self.law.log_prob(x)

    @method
    def score(self, x):
        return -(x - self.mean) @ self.law.precision_matrix

    def smoothed(self, sigma):
        return Gaussian(self.mean, self.cov + _covariance(sigma**2, len(self.mean)))

    @method
    def posterior_mean(self, y, sigma):
        gain = self.cov @ self.smoothed(sigma).law.precision_matrix
        return self.mean + (y - self.mean) @ gain.T

    @method
    def posterior_cov(self, y, sigma):
        gain = self.cov @ self.smoothed(sigma).law.precision_matrix
        return (sigma**2 * gain).expand(len(y), -1, -1)


class GaussianMixture:
    def __init__(self, weights, means, covs):
        self.weights, self.means = _tensor(weights), _tensor(means)
        self.covs = _covariance(covs, self.means.shape[1]).expand(len(means), -1, -1)
        self.components = [Gaussian(mean, cov) for mean, cov in zip(self.means, self.covs)]

    def log_joint(self, x):
        return self.weights.log() + torch.stack([c.log_prob(x) for c in self.components], 1)

    def responsibilities(self, x):
        return torch.softmax(self.log_joint(x), 1)

    @method
    def log_prob(self, x):
        return torch.logsumexp(self.log_joint(x), 1)

    @method
    def score(self, x):
        return grad(lambda x: self.log_prob(x).sum())(x)

    def smoothed(self, sigma):
        return GaussianMixture(self.weights, self.means, self.covs + _covariance(sigma**2, self.means.shape[1]))

    @method
    def posterior_mean(self, y, sigma):
        r = self.smoothed(sigma).responsibilities(y)
        return sum(r[:, k : k + 1] * c.posterior_mean(y, sigma) for k, c in enumerate(self.components))

    @method
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
        self.shape, self.rate = _tensor(shape), _tensor(rate)

    @method
    def log_prob(self, x):
        return torch.distributions.Gamma(self.shape, self.rate).log_prob(x).sum(1)

    @method
    def score(self, x):
        return (self.shape - 1) / x - self.rate

    @method
    def fisher_information(self):
        return self.rate**2 / (self.shape - 2)


class StudentT:
    def __init__(self, df, loc, scale):
        self.df, self.loc, self.scale = _tensor(df), _tensor(loc), _tensor(scale)

    @method
    def log_prob(self, x):
        return torch.distributions.StudentT(self.df, self.loc, self.scale).log_prob(x).sum(1)

    @method
    def score(self, x):
        t = (x - self.loc) / self.scale
        return -(self.df + 1) * t / (self.df + t**2) / self.scale


class Laplace:
    def __init__(self, loc, scale):
        self.loc, self.scale = _tensor(loc), _tensor(scale)

    @method
    def log_prob(self, x):
        return torch.distributions.Laplace(self.loc, self.scale).log_prob(x).sum(1)

    @method
    def score(self, x):
        return -torch.sign(x - self.loc) / self.scale


def smoothed_empirical(points, sigma):
    return GaussianMixture(np.ones(len(points)) / len(points), points, sigma**2)


def standard_normal(d):
    return Gaussian(np.zeros(d), 1.0)


def _covariance(cov, d):
    """A covariance matrix, or several; a float c stands for c times the identity."""
    cov = _tensor(cov)
    return cov * torch.eye(d, dtype=DTYPE) if cov.ndim == 0 else cov


# ---- restricted Boltzmann machines -----------------------------------------------------------------------------------


def softplus(a):
    """log(1 + e^a); PyTorch's own is a from 20 on, which float64 notices."""
    return torch.logaddexp(a, torch.zeros_like(a))


def states(m):
    """All states of m binary units, (2^m, m)."""
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=m)), dtype=DTYPE)


class BinaryRBM:
    def __init__(self, b, c, W):
        self.b, self.c, self.W = _tensor(b), _tensor(c), _tensor(W)

    @method
    def energy(self, v, h):
        return -v @ self.b - h @ self.c - (v @ self.W * h).sum(1)

    @method
    def free_energy(self, v):
        return -v @ self.b - softplus(self.c + v @ self.W).sum(1)

    @method
    def hidden_mean(self, v):
        return torch.sigmoid(self.c + v @ self.W)

    @method
    def visible_mean(self, h):
        return torch.sigmoid(self.b + h @ self.W.T)

    @method
    def hidden_given(self, v, u):
        return (u < self.hidden_mean(v)).to(DTYPE)

    @method
    def visible_given(self, h, u):
        return (u < self.visible_mean(h)).to(DTYPE)

    @method
    def log_partition(self):
        fewer = len(self.c) <= len(self.b)
        near, far, W = (self.c, self.b, self.W.T) if fewer else (self.b, self.c, self.W)
        h = states(len(near))
        return torch.logsumexp(h @ near + softplus(far + h @ W).sum(1), 0)


class GaussianBernoulliRBM:
    def __init__(self, b, c, W, sigma):
        self.b, self.c, self.W, self.sigma = _tensor(b), _tensor(c), _tensor(W), _tensor(sigma)

    @method
    def energy(self, v, h):
        return 0.5 * squared_norm(v - self.b) / self.sigma**2 - h @ self.c - (v @ self.W * h).sum(1) / self.sigma**2

    @method
    def free_energy(self, v):
        return 0.5 * squared_norm(v - self.b) / self.sigma**2 - softplus(self.c + v @ self.W / self.sigma**2).sum(1)

    @method
    def hidden_mean(self, v):
        return torch.sigmoid(self.c + v @ self.W / self.sigma**2)

    @method
    def visible_mean(self, h):
        return self.b + h @ self.W.T

    @method
    def hidden_given(self, v, u):
        return (u < self.hidden_mean(v)).to(DTYPE)

    @method
    def visible_given(self, h, z):
        return self.visible_mean(h) + self.sigma * z

    @method
    def log_partition(self):
        h = states(len(self.c))
        shift = h @ self.W.T
        gain = (shift * (shift + 2 * self.b)).sum(1) / (2 * self.sigma**2)
        return torch.logsumexp(h @ self.c + gain, 0) + len(self.b) * (0.5 * math.log(2 * math.pi) + self.sigma.log())


_RBMS = {"binary_rbm": BinaryRBM, "gaussian_rbm": GaussianBernoulliRBM}


# ---- a flow, and a linear Gaussian autoencoder -----------------------------------------------------------------------


class RealNVP:
    def __init__(self, couplings):
        self.couplings = _map(_tensor, couplings)

    @method
    def log_prob(self, x):
        z, log_det = self.inverse(x)
        return (-0.5 * z**2 - 0.5 * math.log(2 * math.pi)).sum(1) + log_det

    @method
    def inverse(self, x):
        log_det = 0.0
        for i, layers in enumerate(self.couplings):
            kept, log_scale, shift = _coupling(x, i, layers)
            x = kept * x + (1 - kept) * (x - shift) * torch.exp(-log_scale)
            log_det = log_det - log_scale.sum(1)
        return x, log_det

    @method
    def sample(self, z):
        x = z
        for i, layers in reversed(list(enumerate(self.couplings))):
            kept, log_scale, shift = _coupling(x, i, layers)
            x = kept * x + (1 - kept) * (x * torch.exp(log_scale) + shift)
        return x


def _coupling(x, i, layers):
    """Which coordinates stay, and the log scale and the shift of the others."""
    kept = (torch.arange(x.shape[1]) + i) % 2
    log_scale, shift = _perceptron(layers, kept * x).chunk(2, 1)
    return kept, (1 - kept) * torch.tanh(log_scale), shift


class LinearGaussianVAE:
    def __init__(self, weights, bias, deviation):
        self.weights, self.bias, self.deviation = _tensor(weights), _tensor(bias), _tensor(deviation)
        self.d, self.k = self.weights.shape
        eye = torch.eye(self.k, dtype=DTYPE)
        self.posterior_cov = torch.linalg.inv(eye + self.weights.T @ self.weights / self.deviation**2)

    @method
    def log_joint(self, x, z):
        error = (x - z @ self.weights.T - self.bias) / self.deviation
        constant = 0.5 * (self.d + self.k) * math.log(2 * math.pi) + self.d * self.deviation.log()
        return -0.5 * squared_norm(z) - 0.5 * squared_norm(error) - constant

    def marginal(self):
        return Gaussian(self.bias, self.weights @ self.weights.T + _covariance(self.deviation**2, self.d))

    @method
    def posterior_mean(self, x):
        return (x - self.bias) @ self.weights @ self.posterior_cov / self.deviation**2

    @method
    def gap(self, x, mean, cov):
        precision, off = torch.linalg.inv(self.posterior_cov), mean - self.posterior_mean(x)
        log_ratio = torch.logdet(self.posterior_cov) - torch.logdet(cov)
        squares = dot(off @ precision, off)
        return 0.5 * ((precision @ cov).trace() + squares - self.k + log_ratio)


# ---- SDEs dx = -1/2 beta(t) x dt + g(t) dw, t (n,) in [0, 1] ---------------------------------------------------------


class LinearSDE:
    @method
    def beta(self, t):
        return 0.0 * t

    @method
    def drift(self, x, t):
        return -0.5 * torch.reshape(self.beta(t), (-1, 1)) * x

    @method
    def marginal(self, t):
        return self.kernel(0.0 * t, t)

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
        self.sigma_min, self.sigma_max = _tensor(sigma_min), _tensor(sigma_max)
        self.log_ratio = torch.log(self.sigma_max / self.sigma_min)

    @method
    def sigma(self, t):
        return self.sigma_min * torch.exp(t * self.log_ratio)

    @method
    def diffusion(self, t):
        return self.sigma(t) * torch.sqrt(2 * self.log_ratio)

    @method
    def kernel(self, s, t):
        return torch.ones_like(t), self.sigma(s) * torch.sqrt(torch.expm1(2 * (t - s) * self.log_ratio))


class VariancePreserving(LinearSDE):
    def __init__(self, beta_min, beta_max):
        self.beta_min, self.beta_max = _tensor(beta_min), _tensor(beta_max)

    @method
    def beta(self, t):
        return self.beta_min + t * (self.beta_max - self.beta_min)

    def betas(self, n_steps):
        return _array(self.beta((1 + torch.arange(n_steps, dtype=DTYPE)) / n_steps) / n_steps)

    @method
    def integral(self, s, t):
        return (t - s) * (self.beta_min + 0.5 * (s + t) * (self.beta_max - self.beta_min))

    @method
    def diffusion(self, t):
        return torch.sqrt(self.beta(t))

    @method
    def kernel(self, s, t):
        b = self.integral(s, t)
        return torch.exp(-0.5 * b), torch.sqrt(-torch.expm1(-b))

    def prior(self, d):
        return Gaussian(np.zeros(d), 1.0)


class SubVariancePreserving(VariancePreserving):
    @method
    def diffusion(self, t):
        return torch.sqrt(-self.beta(t) * torch.expm1(-2 * self.integral(0.0, t)))

    @method
    def kernel(self, s, t):
        b, total = self.integral(s, t), self.integral(0.0, s) + self.integral(0.0, t)
        return torch.exp(-0.5 * b), torch.sqrt(torch.expm1(-b) * torch.expm1(-total))


_SDES = {one.__name__: one for one in (VarianceExploding, VariancePreserving, SubVariancePreserving)}


# ---- the models that questions are asked about -----------------------------------------------------------------------


def _energy(kind, parameters):
    if kind not in _ENERGIES:
        raise NotImplementedError(f"an energy of kind {kind}")
    return lambda x: _ENERGIES[kind](x, **parameters)


def _field(kind, parameters):
    """The score of a model that has an energy, else the field itself."""
    if kind in _ENERGIES:
        return lambda x: score_of(_energy(kind, parameters), x)
    if kind not in _FIELDS:
        raise NotImplementedError(f"a field of kind {kind}")
    return lambda x, *sigma: _FIELDS[kind](x, *sigma, **parameters)


def _rbm(kind, parameters):
    return _RBMS[kind](**parameters)


def _sde(kind, parameters):
    return _SDES[kind](**parameters)


def _perceptron(layers, x):
    for weights, bias in layers[:-1]:
        x = torch.tanh(x @ weights + bias)
    weights, bias = layers[-1]
    return x @ weights + bias


def _quadratic(x, mean, precision):
    return 0.5 * dot(x - mean, (x - mean) @ precision)


def _mixture(x, logits, means, precisions):
    wells = [_quadratic(x, mean, precision) for mean, precision in zip(means, precisions)]
    return -torch.logsumexp(logits - torch.stack(wells, 1), 1)


def _mlp_energy(x, precision, layers):
    return 0.5 * precision * squared_norm(x) + _perceptron(layers, x)[:, 0]


def _gamma(x, shape, rate):
    return ((1 - shape) * x.log() + rate * x).sum(1)


def _laplace(x, loc, scale):
    return (torch.abs(x - loc) / scale).sum(1)


def _autoregressive(x, shift, shift_weights, log_scale, log_scale_weights):
    mean = shift + torch.tanh(x) @ shift_weights.tril(-1).T
    log_scale = log_scale + torch.tanh(x) @ log_scale_weights.tril(-1).T
    return (0.5 * ((x - mean) * torch.exp(-log_scale)) ** 2 + log_scale + 0.5 * math.log(2 * math.pi)).sum(1)


def _flow(x, couplings):
    log_det = 0.0
    for i, layers in enumerate(couplings):
        kept = (torch.arange(x.shape[1]) + i) % 2
        log_scale, shift = _perceptron(layers, kept * x).chunk(2, 1)
        log_scale = (1 - kept) * torch.tanh(log_scale)
        x = kept * x + (1 - kept) * (x - shift) * torch.exp(-log_scale)
        log_det = log_det - log_scale.sum(1)
    return (0.5 * x**2 + 0.5 * math.log(2 * math.pi)).sum(1) - log_det


def _free_energy(kind):
    return lambda x, **parameters: _rbm(kind, parameters).free_energy(x)


def _mlp_score(x, layers):
    return _perceptron(layers, x)


def _noise_conditional(x, sigma, layers):
    return _perceptron(layers, torch.cat([x, sigma.log()[:, None]], 1)) / sigma[:, None]


def _smoothed_mixture(x, sigma, logits, means, variances):
    wide = variances + sigma[:, None, None] ** 2
    scores = -(x[:, None] - means) / wide
    log_joint = logits - 0.5 * (scores**2 * wide + wide.log()).sum(2)
    return torch.einsum("nk,nki->ni", torch.softmax(log_joint, 1), scores)


def _diffused_mixture(x, t, sde, logits, means, variances):
    scale, std = (part[:, None, None] for part in _sde(**sde).marginal(t))
    wide = scale**2 * variances + std**2
    scores = -(x[:, None] - scale * means) / wide
    log_joint = logits - 0.5 * (scores**2 * wide + wide.log()).sum(2)
    return torch.einsum("nk,nki->ni", torch.softmax(log_joint, 1), scores)


def _at_level(x, kind, parameters, sigma):
    return _field(kind, parameters)(x, sigma.expand(len(x)))


def _log_density(x, kind, parameters, log_z):
    """-E(x) - log Z, (n,)."""
    return -_energy(kind, parameters)(x) - log_z


def _denoiser(x, kind, parameters, sigma):
    return x + sigma**2 * _field(kind, parameters)(x)


_ENERGIES = {
    "quadratic": _quadratic,
    "mixture": _mixture,
    "mlp_energy": _mlp_energy,
    "gamma": _gamma,
    "laplace": _laplace,
    "autoregressive": _autoregressive,
    "flow": _flow,
    "binary_rbm": _free_energy("binary_rbm"),
    "gaussian_rbm": _free_energy("gaussian_rbm"),
}
_FIELDS = {
    "mlp_score": _mlp_score,
    "noise_conditional": _noise_conditional,
    "smoothed_mixture": _smoothed_mixture,
    "diffused_mixture": _diffused_mixture,
    "at_level": _at_level,
    "denoiser": _denoiser,
    "log_density": _log_density,  # no field, but asked for as it is
}
