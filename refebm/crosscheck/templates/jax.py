r"""An adapter for JAX: refebm's functions, written in JAX, for `refebm crosscheck my_adapter.py` to examine.

It is complete as it stands, and passes. Replace the body of a function by a call of your own code, and run it again:

    @objective
    def denoising_score_matching(score, x, sigma, z):
        return my_package.dsm_loss(score, x, noise=sigma * z, sigma=sigma)

A body sees JAX arrays, and models as functions of JAX arrays: `energy`, `logit` and what begins with `log_` are (n, d)
-> (n,), `score`, `score_q`, `field` and `denoiser` are (n, d) -> (n, d), and a noise-conditional score is score(x,
sigma) with sigma (n,). x, y, z and v are (n, d), rows are points, z is unit normal noise, and sigma is a column (n, 1).
Of noise contrast y is (nu, n, d). `generator` and `sampler` are names. A loss may return one value per row, or their
mean, or their sum; `@objective` takes its gradient in the parameters of the first model, `@function` takes none. A
sampler that accepts or rejects returns the new states, or these and the probabilities of acceptance; `rbm` is one of
the classes here. Bodies are compiled by jax.jit: to debug one, set JAX_DISABLE_JIT=1 in the environment. Delete what
you do not have, or raise NotImplementedError: it is counted as unsupported, not as wrong. Names, arguments and
conventions are those of refebm: `refebm list`, or help(refebm). Keep the names of the arguments: what is handed over
goes by them.
"""

import functools
import inspect
import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import grad, jacfwd, jvp, lax, vjp, vmap
from jax.scipy import stats
from jax.scipy.special import logsumexp

DTYPE = jnp.float64
jax.config.update("jax_enable_x64", True)
# The questions are small, so that what takes time is to compile: do it fast. Leave out what your XLA does not know.
OPTIONS = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


def squared_norm(a):
    """|a|^2 of each row."""
    return jnp.sum(a**2, axis=-1)


def dot(a, b):
    """a.b of each pair of rows."""
    return jnp.sum(a * b, axis=-1)


# ---- NumPy in, NumPy out ---------------------------------------------------------------------------------------------


def function(body):
    """A function of models and arrays. One that is called with JAX arrays, from another body, is its body itself."""
    return _adapted(body, functools.partial(_call, body))


def method(body):
    """A method of a density, or of an RBM."""
    return _adapted(body, body)


def objective(body):
    """A function that also returns the gradient of its mean in the parameters of its first model, nested alike."""

    def loss(model, *rest):
        values = _call(body, model, *rest)
        return jnp.mean(values), values

    def values_and_gradient(*asked):
        (_, values), model = jax.value_and_grad(loss, has_aux=True)(*asked)
        return values, model.parameters

    return _adapted(body, values_and_gradient)


def _adapted(body, adapted):
    compiled = jax.jit(adapted, compiler_options=OPTIONS)

    @functools.wraps(body)
    def answer(*asked):
        if any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(asked)):
            return body(*asked)
        return jax.tree.map(np.asarray, compiled(*jax.tree.map(_array, asked)))

    return answer


def _call(body, *asked):
    """The body with models as functions, sigma as a column, and averaged over projections."""
    given = dict(zip(inspect.signature(body).parameters, asked))
    for name, value in given.items():
        if isinstance(value, _Model):
            given[name] = {"energy": _energy, "rbm": _rbm}.get(name, _field)(*value)
        elif name == "sigma":
            given[name] = jnp.broadcast_to(value, len(given.get("x", given.get("y"))))[:, None]
    if "v" in given and given["v"].ndim == 3:
        return jnp.mean(vmap(lambda v: body(**given | {"v": v}))(given["v"]), axis=0)
    return body(**given)


def _array(value):
    if hasattr(value, "kind"):
        return _Model(_Word(value.kind), jax.tree.map(_array, value.parameters))
    if isinstance(value, str):
        return _Word(value)
    return _Count(value) if isinstance(value, int) else jnp.asarray(value, DTYPE)


class _Model(NamedTuple):
    kind: str
    parameters: dict


@jax.tree_util.register_static
class _Word(str):
    """The name of a kind: neither traced nor differentiated."""


@jax.tree_util.register_static
class _Count(int):
    """How many there are of something: not traced."""


# ---- derivatives -----------------------------------------------------------------------------------------------------


@function
def score_of(energy, x):
    return -grad(lambda x: jnp.sum(energy(x)))(x)


@function
def at(score, sigma, x):
    return score(x, sigma[:, 0])


@function
def divergence(field, x):
    return field_and_divergence(field, x)[1]


@function
def field_and_divergence(field, x):
    return field(x), jnp.einsum("nii->n", _jacobian(field, x))


@function
def jacobian_vector_product(field, x, v):
    return jvp(field, (x,), (v,))[1]


def _jacobian(field, x):
    """[n, i, j] = d s_i / d x_j at row n."""
    return vmap(jacfwd(lambda row: field(row[None])[0]))(x)


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
    s, diagonal = score(x), jnp.einsum("nii->ni", _jacobian(score, x))
    return jnp.sum(2 * x * s + x**2 * diagonal + 0.5 * x**2 * s**2, axis=1)


@objective
def ratio_matching(energy, x):
    flipped = (jnp.abs(x - bit) for bit in jnp.eye(x.shape[1], dtype=DTYPE))
    return sum(jax.nn.sigmoid(energy(x) - energy(x_i)) ** 2 for x_i in flipped)


# ---- denoising -------------------------------------------------------------------------------------------------------


@objective
def denoising_score_matching(score, x, sigma, z):
    return 0.5 * squared_norm(score(x + sigma * z) + z / sigma)


@objective
def denoising_score_matching_cv(score, x, sigma, z):
    control = dot(z / sigma, score(x)) + 0.5 * jnp.sum((z**2 - 1) / sigma**2, axis=1)
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
    return variance * jnp.eye(y.shape[1], dtype=DTYPE) + variance**2 * _jacobian(score, y)


@function
def geometric_noise_levels(x, n, smallest):
    largest, d = jnp.sqrt(jnp.max(squared_norm(x[:, None] - x))), x.shape[1]
    ratio = (largest / smallest) ** (1 / (n - 1))
    sigmas = largest / ratio ** jnp.arange(n)
    crossing = 2 * d * jnp.log(ratio) / (1 - ratio**-2)  # |x|^2/sigma_{i+1}^2 where neighbouring densities are equal
    return sigmas, stats.chi2.cdf(crossing / ratio**2, d) + stats.chi2.sf(crossing, d)


# ---- likelihood ------------------------------------------------------------------------------------------------------


@objective
def negative_log_likelihood(energy, log_z, x):
    return energy(x) + log_z


@objective
def contrastive_divergence(energy, x, x_model):
    return energy(x) - energy(lax.stop_gradient(x_model))


@function
def estimated_log_partition(log_weights):
    w = jnp.exp(log_weights - jnp.max(log_weights))
    return jnp.log(jnp.mean(w)) + jnp.max(log_weights), jnp.std(w, ddof=1) / math.sqrt(len(w)) / jnp.mean(w)


# ---- noise contrast, y (nu, n, d) ------------------------------------------------------------------------------------


@objective
def noise_contrastive(log_model, log_noise, x, y):
    L_x, L_y = log_odds(log_model, log_noise, x, y)
    return jax.nn.softplus(-L_x) + jnp.sum(jax.nn.softplus(L_y), axis=0)


def log_odds(log_model, log_noise, x, y):
    """log_model - log_noise - log nu, at x, (n,), and at y, (nu, n)."""
    odds = vmap(lambda x: log_model(x) - log_noise(x) - math.log(len(y)))
    return odds(x[None])[0], odds(y)


@objective
def conditional_noise_contrastive(energy, x, y, log_ratio=0.0):
    return jnp.mean(2 * jax.nn.softplus(energy(x) - vmap(energy)(y) - log_ratio), axis=0)


@objective
def bregman_noise_contrastive(log_model, log_noise, generator, x, y):
    derivative, conjugate = _GENERATORS[generator]
    L_x, L_y = log_odds(log_model, log_noise, x, y)
    return -derivative(L_x) + jnp.sum(conjugate(L_y), axis=0)


@objective
def gan_discriminator_loss(logit, x, y):
    return jax.nn.softplus(-logit(x)) + jax.nn.softplus(logit(y))


@function
def mixed_noise(log_noise, log_proposal, weight, x):
    return jnp.logaddexp(jnp.log1p(-weight) + log_noise(x), jnp.log(weight) + log_proposal(x))


_GENERATORS = {  # Psi'(u), and Psi'(u) u - Psi(u), of log u
    "LOGISTIC": (lambda log_u: -jax.nn.softplus(-log_u), jax.nn.softplus),
    "KULLBACK_LEIBLER": (lambda log_u: 1 + log_u, jnp.exp),
    "LEAST_SQUARES": (jnp.exp, lambda log_u: 0.5 * jnp.exp(2 * log_u)),
}


# ---- adversarial and variational training ----------------------------------------------------------------------------


@objective
def variational_bound(energy, log_q, x, y):
    return energy(y) - energy(x) + log_q(y)


@function
def entropy_gradient(score_q, sampler, phi, eps):
    """Nested like phi; `sampler` is a name."""
    z, back = vjp(lambda phi: _SAMPLERS[sampler](phi, eps), phi)
    return back(-score_q(z) / len(z))[0]


@function
def implicit_negative_elbo(log_joint, score_q, z):
    """The values, and the gradients in z of each, through which the sampler is trained."""
    values, back = vjp(lambda z: -log_joint(z) + dot(lax.stop_gradient(score_q(z)), z), z)
    return values, back(jnp.ones_like(values))[0]


_SAMPLERS = {"affine": lambda phi, eps: eps @ phi[0].T + phi[1]}


# ---- other discrepancies ---------------------------------------------------------------------------------------------


@objective
def stein_discrepancy(score, field, x):
    g, divergence = field_and_divergence(field, x)
    return dot(score(x), g) + divergence


@function
def kernel_stein(score, x, bandwidth, unbiased=True):
    s, l2, (n, d) = score(x), bandwidth**2, x.shape
    difference = x[:, None] - x
    squares = squared_norm(difference)
    drift = dot(s[:, None] - s, difference)
    u = jnp.exp(-0.5 * squares / l2) * (s @ s.T + drift / l2 + d / l2 - squares / l2**2)
    return (jnp.sum(u) - jnp.trace(u)) / (n * (n - 1)) if unbiased else jnp.mean(u)


@objective
def minimum_probability_flow(energy, x):
    flipped = jnp.abs(x - jnp.eye(x.shape[1], dtype=DTYPE)[:, None])
    return jnp.sum(jnp.exp(0.5 * (energy(x) - vmap(energy)(flipped))), axis=0)


@objective
def minimum_probability_flow_continuous(energy, x, eps, z):
    return jnp.exp(0.5 * (energy(x) - energy(x + eps * z)))


@objective
def minimum_velocity(score, x):
    s, divergence = field_and_divergence(score, x)
    return squared_norm(s) + 2 * divergence


# ---- samplers --------------------------------------------------------------------------------------------------------


def accept(x, proposal, energy_error, u):
    """The proposal where log u < -energy_error, else x; and the probability of that."""
    accepted = jnp.log(u) < -energy_error
    return jnp.where(accepted[:, None], proposal, x), jnp.exp(jnp.minimum(0.0, -energy_error))


@function
def metropolis_step(energy, x, scale, z, u):
    proposal = x + scale * z
    return accept(x, proposal, energy(proposal) - energy(x), u)


@function
def langevin_step(score, x, eta, z):
    return x + eta * score(x) + jnp.sqrt(2 * eta) * z


@function
def mala_step(energy, x, eta, z, u):
    proposal = x + eta * score_of(energy, x) + jnp.sqrt(2 * eta) * z
    z_back = (x - proposal - eta * score_of(energy, proposal)) / jnp.sqrt(2 * eta)
    log_q_ratio = 0.5 * squared_norm(z) - 0.5 * squared_norm(z_back)
    return accept(x, proposal, energy(proposal) - energy(x) - log_q_ratio, u)


@function
def leapfrog(score, x, p, eps, n_steps):
    def step(_, state):
        x, p = state
        x = x + eps * p
        return x, p + eps * score(x)

    x, p = lax.fori_loop(0, n_steps, step, (x, p + 0.5 * eps * score(x)))
    return x, p - 0.5 * eps * score(x)


@function
def hmc_step(energy, x, eps, n_steps, p, u):
    end, p_end = leapfrog(lambda x: score_of(energy, x), x, p, eps, n_steps)
    here, there = energy(x) + 0.5 * squared_norm(p), energy(end) + 0.5 * squared_norm(p_end)
    return accept(x, end, there - here, u)


@function
def gibbs_step(rbm, v, u_h, u_v):
    h = (u_h < rbm.hidden_mean(v)).astype(DTYPE)
    mean = rbm.visible_mean(h)
    return mean + rbm.sigma * u_v if isinstance(rbm, GaussianBernoulliRBM) else (u_v < mean).astype(DTYPE)


@function
def annealed_langevin(score, x, sigmas, eps, z):
    def level(x, given):
        sigma, noise = given
        eta = eps * sigma**2 / sigmas[-1] ** 2
        sigma = jnp.broadcast_to(sigma, len(x))
        return lax.scan(lambda x, z: (x + eta * score(x, sigma) + jnp.sqrt(2 * eta) * z, None), x, noise)

    return lax.scan(level, x, (sigmas, z))[0]


@function
def decaying_steps(first, power, n_steps):
    return first * (1.0 + jnp.arange(n_steps, dtype=DTYPE)) ** -power


# ---- what chains tell, x (T, n, d) -----------------------------------------------------------------------------------


@function
def autocovariance(x, n_lags):
    spectrum = jnp.fft.rfft(x - jnp.mean(x, axis=0), 2 * len(x), axis=0)
    return jnp.mean(jnp.fft.irfft(jnp.abs(spectrum) ** 2, 2 * len(x), axis=0)[: n_lags + 1], axis=1) / len(x)


@function
def autocorrelation(x, n_lags):
    c = autocovariance(x, n_lags)
    return c / c[0]


@function
def effective_sample_size(x):
    length, n, _ = x.shape
    c = autocovariance(x, length - 1)
    within = c[0] * length / (length - 1)
    rho = (1 - (within - c) / (c[0] + variance_of_means(x))).at[0].set(1.0)
    pairs = rho[0 : length - length % 2 : 2] + rho[1:length:2]
    positive = jnp.cumprod(pairs > 0, axis=0)
    tau = -1 + 2 * jnp.sum(lax.cummin(pairs) * positive, axis=0)
    return n * length / jnp.maximum(tau, 1 / math.log10(n * length))


@function
def split_r_hat(x):
    half = len(x) // 2
    halves = jnp.concatenate([x[:half], x[half : 2 * half]], axis=1)
    within = jnp.mean(jnp.var(halves, axis=0, ddof=1), axis=0)
    return jnp.sqrt((half - 1) / half + variance_of_means(halves) / within)


def variance_of_means(x):
    return jnp.var(jnp.mean(x, axis=0), axis=0, ddof=1) if x.shape[1] > 1 else 0.0


# ---- densities -------------------------------------------------------------------------------------------------------


@jax.tree_util.register_dataclass
@dataclass
class Gaussian:
    mean: jax.Array
    cov: jax.Array

    def __post_init__(self):
        if isinstance(self.cov, float):  # c stands for c times the identity
            self.cov = self.cov * np.eye(len(self.mean))

    @method
    def log_prob(self, x):
        return stats.multivariate_normal.logpdf(x, self.mean, self.cov)

    @method
    def score(self, x):
        return -(x - self.mean) @ jnp.linalg.inv(self.cov)

    @method
    def smoothed(self, sigma):
        return Gaussian(self.mean, self.cov + sigma**2 * jnp.eye(len(self.mean), dtype=DTYPE))

    @method
    def posterior_mean(self, y, sigma):
        gain = self.cov @ jnp.linalg.inv(self.smoothed(sigma).cov)
        return self.mean + (y - self.mean) @ gain.T

    @method
    def posterior_cov(self, y, sigma):
        gain = self.cov @ jnp.linalg.inv(self.smoothed(sigma).cov)
        return jnp.broadcast_to(sigma**2 * gain, (len(y), *gain.shape))


@jax.tree_util.register_dataclass
@dataclass
class GaussianMixture:
    weights: jax.Array
    means: jax.Array
    covs: jax.Array

    def __post_init__(self):
        if isinstance(self.covs, float):  # c stands for c times the identity, in every component
            k, d = self.means.shape
            self.covs = np.broadcast_to(self.covs * np.eye(d), (k, d, d))

    def of_components(self, ask, *given):
        """What a method of `Gaussian` says of every component, (n, k, ...)."""
        return vmap(lambda component: ask(component, *given), out_axes=1)(Gaussian(self.means, self.covs))

    def log_joint(self, x):
        return jnp.log(self.weights) + self.of_components(Gaussian.log_prob, x)

    def responsibilities(self, x):
        return jax.nn.softmax(self.log_joint(x), axis=1)

    @method
    def log_prob(self, x):
        return logsumexp(self.log_joint(x), axis=1)

    @method
    def score(self, x):
        return grad(lambda x: jnp.sum(self.log_prob(x)))(x)

    @method
    def smoothed(self, sigma):
        d = self.means.shape[1]
        return GaussianMixture(self.weights, self.means, self.covs + sigma**2 * jnp.eye(d, dtype=DTYPE))

    @method
    def posterior_mean(self, y, sigma):
        r = self.smoothed(sigma).responsibilities(y)
        return jnp.einsum("nk,nki->ni", r, self.of_components(Gaussian.posterior_mean, y, sigma))

    @method
    def posterior_cov(self, y, sigma):
        r = self.smoothed(sigma).responsibilities(y)
        within = self.of_components(Gaussian.posterior_cov, y, sigma)
        between = self.of_components(Gaussian.posterior_mean, y, sigma) - self.posterior_mean(y, sigma)[:, None]
        return jnp.einsum("nk,nkij->nij", r, within + between[..., :, None] * between[..., None, :])


@jax.tree_util.register_dataclass
@dataclass
class Gamma:
    shape: jax.Array
    rate: jax.Array

    @method
    def log_prob(self, x):
        return jnp.sum(stats.gamma.logpdf(x, self.shape, scale=1 / self.rate), axis=1)

    @method
    def score(self, x):
        return (self.shape - 1) / x - self.rate

    @method
    def fisher_information(self):
        return self.rate**2 / (self.shape - 2)


@jax.tree_util.register_dataclass
@dataclass
class StudentT:
    df: jax.Array
    loc: jax.Array
    scale: jax.Array

    @method
    def log_prob(self, x):
        return jnp.sum(stats.t.logpdf(x, self.df, self.loc, self.scale), axis=1)

    @method
    def score(self, x):
        t = (x - self.loc) / self.scale
        return -(self.df + 1) * t / (self.df + t**2) / self.scale


@jax.tree_util.register_dataclass
@dataclass
class Laplace:
    loc: jax.Array
    scale: jax.Array

    @method
    def log_prob(self, x):
        return jnp.sum(stats.laplace.logpdf(x, self.loc, self.scale), axis=1)

    @method
    def score(self, x):
        return -jnp.sign(x - self.loc) / self.scale


def smoothed_empirical(points, sigma):
    return GaussianMixture(np.ones(len(points)) / len(points), points, float(sigma**2))


def standard_normal(d):
    return Gaussian(np.zeros(d), 1.0)


# ---- restricted Boltzmann machines -----------------------------------------------------------------------------------


def states(m):
    """All states of m binary units, (2^m, m)."""
    return jnp.array(list(itertools.product((0.0, 1.0), repeat=m)), DTYPE)


@jax.tree_util.register_dataclass
@dataclass
class BinaryRBM:
    b: jax.Array
    c: jax.Array
    W: jax.Array

    @method
    def energy(self, v, h):
        return -v @ self.b - h @ self.c - dot(v @ self.W, h)

    @method
    def free_energy(self, v):
        return -v @ self.b - jnp.sum(jax.nn.softplus(self.c + v @ self.W), axis=1)

    @method
    def hidden_mean(self, v):
        return jax.nn.sigmoid(self.c + v @ self.W)

    @method
    def visible_mean(self, h):
        return jax.nn.sigmoid(self.b + h @ self.W.T)

    @method
    def log_partition(self):
        h = states(len(self.c))
        return logsumexp(h @ self.c + jnp.sum(jax.nn.softplus(self.b + h @ self.W.T), axis=1))


@jax.tree_util.register_dataclass
@dataclass
class GaussianBernoulliRBM:
    b: jax.Array
    c: jax.Array
    W: jax.Array
    sigma: jax.Array

    @method
    def energy(self, v, h):
        return 0.5 * squared_norm(v - self.b) / self.sigma**2 - h @ self.c - dot(v @ self.W, h) / self.sigma**2

    @method
    def free_energy(self, v):
        softplus = jax.nn.softplus(self.c + v @ self.W / self.sigma**2)
        return 0.5 * squared_norm(v - self.b) / self.sigma**2 - jnp.sum(softplus, axis=1)

    @method
    def hidden_mean(self, v):
        return jax.nn.sigmoid(self.c + v @ self.W / self.sigma**2)

    @method
    def visible_mean(self, h):
        return self.b + h @ self.W.T

    @method
    def log_partition(self):
        h = states(len(self.c))
        shift = h @ self.W.T
        gain = dot(shift, shift + 2 * self.b) / (2 * self.sigma**2)
        return logsumexp(h @ self.c + gain) + len(self.b) * (0.5 * math.log(2 * math.pi) + jnp.log(self.sigma))


_RBMS = {"binary_rbm": BinaryRBM, "gaussian_rbm": GaussianBernoulliRBM}


# ---- a flow, and a linear Gaussian autoencoder -----------------------------------------------------------------------


@jax.tree_util.register_dataclass
@dataclass
class RealNVP:
    couplings: tuple

    @method
    def log_prob(self, x):
        z, log_det = self.inverse(x)
        return jnp.sum(stats.norm.logpdf(z), axis=1) + log_det

    @method
    def inverse(self, x):
        log_det = 0.0
        for i, layers in enumerate(self.couplings):
            kept, log_scale, shift = _coupling(x, i, layers)
            x = kept * x + (1 - kept) * (x - shift) * jnp.exp(-log_scale)
            log_det = log_det - jnp.sum(log_scale, axis=1)
        return x, log_det

    @method
    def sample(self, z):
        x = z
        for i, layers in reversed(list(enumerate(self.couplings))):
            kept, log_scale, shift = _coupling(x, i, layers)
            x = kept * x + (1 - kept) * (x * jnp.exp(log_scale) + shift)
        return x


def _coupling(x, i, layers):
    """Which coordinates stay, and the log scale and the shift of the others."""
    kept = (np.arange(x.shape[1]) + i) % 2
    log_scale, shift = jnp.split(_perceptron(layers, kept * x), 2, axis=1)
    return kept, (1 - kept) * jnp.tanh(log_scale), shift


@jax.tree_util.register_dataclass
@dataclass
class LinearGaussianVAE:
    weights: jax.Array
    bias: jax.Array
    deviation: jax.Array

    @method
    def log_joint(self, x, z):
        log_p = stats.norm.logpdf(x, z @ self.weights.T + self.bias, self.deviation)
        return jnp.sum(stats.norm.logpdf(z), axis=1) + jnp.sum(log_p, axis=1)

    @method
    def marginal(self):
        eye = jnp.eye(len(self.bias), dtype=DTYPE)
        return Gaussian(self.bias, self.weights @ self.weights.T + self.deviation**2 * eye)

    def precision(self):
        """Of the posterior."""
        return jnp.eye(self.weights.shape[1], dtype=DTYPE) + self.weights.T @ self.weights / self.deviation**2

    @method
    def posterior_mean(self, x):
        return (x - self.bias) @ self.weights @ jnp.linalg.inv(self.precision()) / self.deviation**2

    @method
    def gap(self, x, mean, cov):
        precision, off = self.precision(), mean - self.posterior_mean(x)
        log_ratio = -jnp.linalg.slogdet(precision)[1] - jnp.linalg.slogdet(cov)[1]
        return 0.5 * (jnp.trace(precision @ cov) + dot(off @ precision, off) - len(cov) + log_ratio)


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


def _perceptron(layers, x):
    for weights, bias in layers[:-1]:
        x = jnp.tanh(x @ weights + bias)
    weights, bias = layers[-1]
    return x @ weights + bias


def _quadratic(x, mean, precision):
    return 0.5 * dot(x - mean, (x - mean) @ precision)


def _mixture(x, logits, means, precisions):
    wells = vmap(_quadratic, (None, 0, 0), 1)(x, means, precisions)
    return -logsumexp(logits - wells, axis=1)


def _mlp_energy(x, precision, layers):
    return 0.5 * precision * squared_norm(x) + _perceptron(layers, x)[:, 0]


def _gamma(x, shape, rate):
    return jnp.sum((1 - shape) * jnp.log(x) + rate * x, axis=1)


def _laplace(x, loc, scale):
    return jnp.sum(jnp.abs(x - loc) / scale, axis=1)


def _autoregressive(x, shift, shift_weights, log_scale, log_scale_weights):
    mean = shift + jnp.tanh(x) @ jnp.tril(shift_weights, -1).T
    log_scale = log_scale + jnp.tanh(x) @ jnp.tril(log_scale_weights, -1).T
    return jnp.sum(0.5 * ((x - mean) * jnp.exp(-log_scale)) ** 2 + log_scale + 0.5 * math.log(2 * math.pi), axis=1)


def _flow(x, couplings):
    log_det = 0.0
    for i, layers in enumerate(couplings):
        kept = (np.arange(x.shape[1]) + i) % 2
        log_scale, shift = jnp.split(_perceptron(layers, kept * x), 2, axis=1)
        log_scale = (1 - kept) * jnp.tanh(log_scale)
        x = kept * x + (1 - kept) * (x - shift) * jnp.exp(-log_scale)
        log_det = log_det - jnp.sum(log_scale, axis=1)
    return jnp.sum(0.5 * x**2 + 0.5 * math.log(2 * math.pi), axis=1) - log_det


def _free_energy(kind):
    return lambda x, **parameters: _rbm(kind, parameters).free_energy(x)


def _mlp_score(x, layers):
    return _perceptron(layers, x)


def _noise_conditional(x, sigma, layers):
    return _perceptron(layers, jnp.concatenate([x, jnp.log(sigma)[:, None]], axis=1)) / sigma[:, None]


def _smoothed_mixture(x, sigma, logits, means, variances):
    wide = variances + sigma[:, None, None] ** 2
    scores = -(x[:, None] - means) / wide
    log_joint = logits - 0.5 * jnp.sum(scores**2 * wide + jnp.log(wide), axis=2)
    return jnp.einsum("nk,nki->ni", jax.nn.softmax(log_joint, axis=1), scores)


def _at_level(x, kind, parameters, sigma):
    return _field(kind, parameters)(x, jnp.broadcast_to(sigma, len(x)))


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
    "at_level": _at_level,
    "denoiser": _denoiser,
    "log_density": _log_density,  # no field, but asked for as it is
}
