"""Definitions as programs often write them: equivalent texts in which the examiner also looks for mistakes.

A definition is one equation that keeps its digits; a program computes named parts, and may have its mistake in one of
them. Each function, or method of a class, has the definition's name and arguments; its docstring names the parts that
it is written in. Where many programs have a model of the noise, that noise is made of the score by what is computed
apart from the rest: a mistake in the rest is then not one in the noise.
"""

import inspect
import sys
from collections.abc import Callable

import autograd.numpy as np

import refebm
from refebm.calculus import energy_and_score, held, jacobian, jacobian_vector_product
from refebm.models.rbm import states
from refebm.objectives.diffusion import _marginal
from refebm.objectives.mean_field import mean_field_free_energy
from refebm.objectives.notation import dot, squared_norm
from refebm.samplers.reverse_diffusion import reverse_sde_step
from refebm.samplers.step import accept, moved
from refebm.special import logsumexp
from refebm.truth import densities
from refebm.truth.densities import LOG_2PI


def ddim_step(score, betas, x, i, eta, z):
    """x_0, eps and sigma"""
    eps = -np.sqrt(-np.expm1(np.cumsum(np.log1p(-betas))))[i][:, None] * score(x, i)
    kept, k = np.append(1.0, np.cumprod(1 - betas)), i + 1
    a, a_before = kept[k][:, None], kept[k - 1][:, None]
    x_0 = (x - np.sqrt(1 - a) * eps) / np.sqrt(a)
    sigma = eta * np.sqrt((1 - a_before) / (1 - a) * (1 - a / a_before))
    return moved(np.sqrt(a_before) * x_0 + np.sqrt(1 - a_before - sigma**2) * eps + sigma * z)


def ddpm_step(score, betas, x, i, z, posterior=False):
    """x_0 and the posterior's mean"""
    kept = np.cumprod(1 - betas)
    beta, a, a_before = betas[i][:, None], kept[i][:, None], np.append(1.0, kept[:-1])[i][:, None]
    x_0 = (x + (1 - a) * score(x, i)) / np.sqrt(a)
    mean = np.sqrt(a_before) * beta / (1 - a) * x_0 + np.sqrt(1 - beta) * (1 - a_before) / (1 - a) * x
    variance = beta * (1 - a_before) / (1 - a) if posterior else beta
    return moved(mean + np.sqrt(variance) * z)


def ddpm_step__noise(score, betas, x, i, z, posterior=False):
    """the predicted noise"""
    eps = -np.sqrt(-np.expm1(np.cumsum(np.log1p(-betas))))[i][:, None] * score(x, i)
    kept = np.cumprod(1 - betas)
    beta, a, a_before = betas[i][:, None], kept[i][:, None], np.append(1.0, kept[:-1])[i][:, None]
    alpha, variance = 1 - beta, beta * (1 - a_before) / (1 - a) if posterior else beta
    return moved((x - beta / np.sqrt(1 - a) * eps) / np.sqrt(alpha) + np.sqrt(variance) * z)


def ddpm_loss(score, betas, x, i, z):
    """the predicted noise"""
    a = np.cumprod(1 - betas)[i][:, None]
    s = score(np.sqrt(a) * x + np.sqrt(1 - a) * z, i)
    eps = -np.sqrt(-np.expm1(np.cumsum(np.log1p(-betas))))[i][:, None] * s
    return 0.5 * squared_norm(eps - z)


def diffusion_score_matching(score, sde, weight, x, t, z):
    """the error of the noise"""
    scale, std = _marginal(sde, t)
    return 0.5 * weight(t) / std[:, 0] ** 2 * squared_norm(std * score(scale * x + std * z, t) + z)


def denoising_score_matching(score, x, sigma, z):
    """a target"""
    y = x + sigma * z
    target = (x - y) / sigma**2
    return 0.5 * squared_norm(score(y) - target)


def marginal_of_steps(betas, i):
    """the product of 1 - beta"""
    a = np.cumprod(1 - betas)[i]
    return np.sqrt(a), np.sqrt(1 - a)


def velocity_from_score(score, x, scale, std):
    """x_0 and eps"""
    eps = -std * score(x)
    x_0 = (x - std * eps) / scale
    return scale * eps - std * x_0


def clean_point_from_score(score, x, scale, std):
    """eps"""
    eps = -std * score(x)
    return (x - std * eps) / scale


def score_from_velocity(velocity, x, scale, std):
    """eps"""
    eps = (std * x + scale * velocity(x)) / (scale**2 + std**2)
    return -eps / std


def karras_preconditioned(network, x, sigma, data_std):
    """c_skip, c_out, c_in and c_noise"""
    c_skip = data_std**2 / (sigma**2 + data_std**2)
    c_out = sigma * data_std / np.sqrt(sigma**2 + data_std**2)
    c_in = 1 / np.sqrt(sigma**2 + data_std**2)
    c_noise = np.log(sigma[:, 0]) / 4
    return c_skip * x + c_out * network(c_in * x, c_noise)


def cosine_betas(n_steps, offset=0.008, most=0.999):
    """the product of 1 - beta"""
    kept = np.cos((np.arange(n_steps + 1) / n_steps + offset) / (1 + offset) * np.pi / 2) ** 2
    kept = kept / kept[0]
    return np.minimum(1 - kept[1:] / kept[:-1], most)


def cosine_betas__clipped(n_steps, offset=0.008, most=0.999):
    """the product of 1 - beta, and clipped on both sides"""
    kept = np.cos((np.arange(n_steps + 1) / n_steps + offset) / (1 + offset) * np.pi / 2) ** 2
    return np.clip(1 - kept[1:] / kept[:-1], 0, most)


def predictor_corrector(score, sde, x, times, eta, z, trajectory=False):
    """the indices of the noise"""
    states, etas = [], eta * np.ones(len(z))
    for k in range(len(z)):
        late, early = times[k], times[k + 1]
        x = reverse_sde_step(score, sde, x, late, late - early, z[k, 0]).x
        for j in range(len(z[k]) - 1):
            x = x + etas[k] * score(x, early * np.ones(len(x))) + np.sqrt(2 * etas[k]) * z[k, j + 1]
        states += [x] if trajectory else []
    return np.stack(states) if trajectory else x


def mean_field_contrastive_divergence(rbm, x, n_steps):
    """the means of both layers, by turns"""
    h_0 = held(rbm.hidden_mean(x))
    v, h = x, h_0
    for _ in range(n_steps):
        v = rbm.visible_mean(h)
        h = held(rbm.hidden_mean(v))
    return mean_field_free_energy(rbm, x, h_0) - mean_field_free_energy(rbm, held(v), h)


def class_log_probabilities(logits, x):
    """log_softmax"""
    return log_softmax(logits(x), axis=1)


def log_softmax(f, axis):
    from_top = f - np.max(f, axis=axis, keepdims=True)
    return from_top - np.log(np.sum(np.exp(from_top), axis=axis, keepdims=True))


def regularised_score_matching(score, x, sigma):
    """the whole Jacobian J"""
    J, diagonal = jacobian(score, x), np.eye(x.shape[1])
    trace, squares = np.sum(J * diagonal, axis=(1, 2)), np.sum(J**2 * diagonal, axis=(1, 2))
    return 0.5 * squared_norm(score(x)) + trace + 0.5 * sigma[:, 0] ** 2 * squares


def explicit_sliced(score, data_score, x, v):
    """each score projected by itself"""
    return 0.5 * (dot(v, data_score(x)) - dot(v, score(x))) ** 2


class VarianceExploding:
    def kernel(self, s, t):
        """the squares of the levels"""
        return 1.0 + 0.0 * (t - s), np.sqrt(self.sigma(t) ** 2 - self.sigma(s) ** 2)

    def marginal(self, t):
        """the squares of the levels"""
        return 1.0 + 0.0 * t, np.sqrt(self.sigma(t) ** 2 - self.sigma_min**2)

    def prior(self, d):
        """the squares of the levels"""
        return densities.Gaussian(np.zeros(d), np.sqrt(self.sigma_max**2 - self.sigma_min**2) ** 2)


class VariancePreserving:
    def kernel(self, s, t):
        """the deviations at s and t"""
        scale = np.exp(-0.5 * self.integral(s, t))
        std_s, std_t = np.sqrt(-np.expm1(-self.integral(0.0, s))), np.sqrt(-np.expm1(-self.integral(0.0, t)))
        return scale, np.sqrt(std_t**2 - scale**2 * std_s**2)


class Gaussian:
    def posterior_mean(self, y, sigma):
        """C (C + sigma^2 I)^-1"""
        gain = self.cov @ np.linalg.inv(self.cov + sigma**2 * np.eye(len(self.mean)))
        return self.mean + (y - self.mean) @ gain.T

    def posterior_cov(self, y, sigma):
        """C - C (C + sigma^2 I)^-1 C"""
        inverse = np.linalg.inv(self.cov + sigma**2 * np.eye(len(self.mean)))
        return (self.cov - self.cov @ inverse @ self.cov) * np.ones((len(y), 1, 1))


class GaussianBernoulliRBM:
    def log_partition(self):
        """|b + W h|^2 and |b|^2"""
        h = states(self.m, self.d)
        exponent = (squared_norm(self.b + np.dot(h, self.W.T)) - np.sum(self.b**2)) / (2 * self.sigma**2)
        return logsumexp(np.dot(h, self.c) + exponent) + self.d * (0.5 * LOG_2PI + np.log(self.sigma))


def kernel_stein(score, x, bandwidth, unbiased=True):
    """a table of all pairs"""
    s, (n, d), l2 = score(x), x.shape, bandwidth**2
    r = x[:, None] - x
    squares = np.sum(r**2, axis=2)
    k = np.exp(-squares / (2 * l2))
    drift = np.einsum("id,ijd->ij", s, r) - np.einsum("jd,ijd->ij", s, r)
    u = k * (np.dot(s, s.T) + drift / l2 + d / l2 - squares / l2**2)
    return (np.sum(u) - np.trace(u)) / (n * (n - 1)) if unbiased else np.mean(u)


def mala_step(energy, x, eta, z, u):
    """the densities of proposals"""
    here, s = energy_and_score(energy, x)
    proposal = x + eta * s + np.sqrt(2 * eta) * z
    there, s_there = energy_and_score(energy, proposal)
    forth = -squared_norm(proposal - x - eta * s) / (4 * eta)
    back = -squared_norm(x - proposal - eta * s_there) / (4 * eta)
    log_ratio = here - there + back - forth
    return accept(x, proposal, there, -log_ratio, u)


def leapfrog(score, x, p, eps, n_steps):
    """two halves of a kick in each step"""
    for _ in range(n_steps):
        p = p + 0.5 * eps * score(x)
        x = x + eps * p
        p = p + 0.5 * eps * score(x)
    return x, p


def hmc_step(energy, x, eps, n_steps, p, u):
    """two halves of a kick in each step"""
    q, r = x, p
    for _ in range(n_steps):
        r = r + 0.5 * eps * energy_and_score(energy, q)[1]
        q = q + eps * r
        r = r + 0.5 * eps * energy_and_score(energy, q)[1]
    log_ratio = energy(x) - energy(q) + 0.5 * squared_norm(p) - 0.5 * squared_norm(r)
    return accept(x, q, energy(q), -log_ratio, u)


def split_r_hat(x):
    """B, W and the pooled variance"""
    half = len(x) // 2
    halves = np.concatenate([x[:half], x[half : 2 * half]], axis=1)
    b = half * np.var(np.mean(halves, axis=0), axis=0, ddof=1)
    w = np.mean(np.var(halves, axis=0, ddof=1), axis=0)
    pooled = (half - 1) / half * w + b / half
    return np.sqrt(pooled / w)


def autocovariance(x, n_lags):
    """sums over pairs of states"""
    length, c = len(x), x - np.mean(x, axis=0)
    return np.stack([np.mean(np.sum(c[: length - k] * c[k:], axis=0) / length, axis=0) for k in range(n_lags + 1)])


def sliced_score_matching(score, x, v):
    """the product with the Jacobian apart from the score"""
    return dot(v, jacobian_vector_product(score, x, v)) + 0.5 * dot(v, score(x)) ** 2


def sliced_score_matching_vr(score, x, v):
    """the product with the Jacobian apart from the score"""
    return dot(v, jacobian_vector_product(score, x, v)) + 0.5 * squared_norm(score(x))


def finite_difference_sliced(energy, x, eps, v):
    """log-densities"""
    ahead, here, behind = -energy(x + eps * v), -energy(x), -energy(x - eps * v)
    slope, bend = (ahead - behind) / (2 * eps), (ahead - 2 * here + behind) / eps**2
    return bend + 0.5 * slope**2


TEXTS: dict[str, tuple[Callable, ...]] = {}
for _name, _text in inspect.getmembers(sys.modules[__name__], inspect.isfunction):
    if _text.__module__ == __name__ and _name.partition("__")[0] in refebm.__all__:
        TEXTS[_name.partition("__")[0]] = (*TEXTS.get(_name.partition("__")[0], ()), _text)
for _name, _class in inspect.getmembers(sys.modules[__name__], inspect.isclass):
    if _class.__module__ == __name__:
        TEXTS |= {f"{_name}.{_method}": (_text,) for _method, _text in inspect.getmembers(_class, inspect.isfunction)}
