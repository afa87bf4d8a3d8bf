r"""Forward SDEs dx = f(x, t) dt + g(t) dw, data at t = 0, all but noise at t = 1; linear, so that all is in closed form.

x_t = m(t) x_0 + std(t) z. ``drift(x, t)`` (n, d), ``diffusion(t)`` g, ``marginal(t)`` -> (m, std), ``prior(d)`` the law
that sampling starts from. t is a float or (n,) in [0, 1]. The law at t = 1 is not the prior: `prior_gap` says by how
much. Errors: E-TIME for t outside [0, 1], E-LEVELS, E-POSITIVE.
"""

from collections.abc import Callable

import autograd.numpy as np

from refebm.truth.densities import Gaussian, GaussianMixture
from refebm.validation import InputError, positive, times


class LinearSDE:
    """What the SDEs share: dx = -1/2 beta(t) x dt + g(t) dw, for the VE kind with beta = 0."""

    def drift(self, x, t):
        r"""f(x, t) = -1/2 beta(t) x, (n, d)."""
        return -0.5 * np.reshape(self.beta(times("t", t)), (-1, 1)) * x

    def kernel(self, s, t):
        r"""x_t given x_s, s <= t: N(m_t/m_s x_s, v_t - (m_t/m_s)^2 v_s), as (scale, std)."""
        (m_s, std_s), (m_t, std_t) = self.marginal(s), self.marginal(t)
        scale = m_t / m_s
        return scale, np.sqrt(std_t**2 - scale**2 * std_s**2)

    def diffused(self, density, t):
        r"""The law of x_t for x_0 from a Gaussian or a mixture: means m mu_k, covariances m^2 C_k + std^2 I."""
        scale, std = self.marginal(t)
        if isinstance(density, Gaussian):
            return Gaussian(scale * density.mean, scale**2 * density.cov + std**2 * np.eye(density.d))
        noise = std**2 * np.eye(density.d)
        return GaussianMixture(density.weights, scale * density.means, scale**2 * density.covs + noise)


class VarianceExploding(LinearSDE):
    r"""dx = sigma(t) sqrt(2 log(sigma_max/sigma_min)) dw, sigma(t) = sigma_min (sigma_max/sigma_min)^t.

    m = 1, std^2 = sigma(t)^2 - sigma_min^2, so that std(0) = 0; score_sde writes sigma(t) for std.
    Source: Song, Sohl-Dickstein, Kingma, Kumar, Ermon and Poole 2021, eqs. 9 and 30
    """

    def __init__(self, sigma_min, sigma_max):
        self.sigma_min, self.sigma_max = positive("sigma_min", sigma_min), positive("sigma_max", sigma_max)
        if not self.sigma_min < self.sigma_max:
            raise InputError("E-LEVELS", f"sigma_min must be below sigma_max, got {sigma_min} and {sigma_max}")

    def beta(self, t):
        return 0.0 * t

    def sigma(self, t):
        r"""sigma_min (sigma_max/sigma_min)^t."""
        return self.sigma_min * (self.sigma_max / self.sigma_min) ** times("t", t)

    def diffusion(self, t):
        r"""g = sigma(t) sqrt(2 log(sigma_max/sigma_min))."""
        return self.sigma(t) * np.sqrt(2 * np.log(self.sigma_max / self.sigma_min))

    def marginal(self, t):
        r"""(1, sqrt(sigma(t)^2 - sigma_min^2))."""
        t = times("t", t)
        growth = np.expm1(2 * t * np.log(self.sigma_max / self.sigma_min))
        return 1.0 + 0.0 * t, self.sigma_min * np.sqrt(growth)

    def prior(self, d):
        r"""N(0, (sigma_max^2 - sigma_min^2) I)."""
        return Gaussian(np.zeros(d), self.sigma_max**2 - self.sigma_min**2)


class VariancePreserving(LinearSDE):
    r"""dx = -1/2 beta(t) x dt + sqrt(beta(t)) dw, beta(t) = beta_min + t (beta_max - beta_min).

    With B = int_0^t beta: m = e^{-B/2}, std^2 = 1 - e^{-B}.
    Source: Song et al. 2021, eqs. 11 and 33; Ho, Jain and Abbeel 2020
    """

    def __init__(self, beta_min, beta_max):
        self.beta_min, self.beta_max = positive("beta_min", beta_min), positive("beta_max", beta_max)

    def beta(self, t):
        """beta_min + t (beta_max - beta_min)."""
        return self.beta_min + t * (self.beta_max - self.beta_min)

    def integral(self, t):
        r"""B(t) = beta_min t + t^2/2 (beta_max - beta_min)."""
        return self.beta_min * t + 0.5 * t**2 * (self.beta_max - self.beta_min)

    def diffusion(self, t):
        r"""g = sqrt(beta(t))."""
        return np.sqrt(self.beta(times("t", t)))

    def marginal(self, t):
        r"""(e^{-B/2}, sqrt(1 - e^{-B}))."""
        b = self.integral(times("t", t))
        return np.exp(-0.5 * b), np.sqrt(-np.expm1(-b))

    def prior(self, d):
        """N(0, I)."""
        return Gaussian(np.zeros(d), 1.0)


class SubVariancePreserving(VariancePreserving):
    r"""As variance preserving, but g^2 = beta (1 - e^{-2B}): m = e^{-B/2}, std = 1 - e^{-B}.

    Source: Song et al. 2021, eqs. 12 and 29
    """

    def diffusion(self, t):
        r"""g = sqrt(beta (1 - e^{-2B}))."""
        t = times("t", t)
        return np.sqrt(-self.beta(t) * np.expm1(-2 * self.integral(t)))

    def marginal(self, t):
        r"""(e^{-B/2}, 1 - e^{-B})."""
        b = self.integral(times("t", t))
        return np.exp(-0.5 * b), -np.expm1(-b)


class GivenDiffusion(LinearSDE):
    r"""dx = sigma(t) dw for a given sigma(t): m = 1, std^2 = int_0^t sigma^2, given too.

    sigma, variance: callables of t; variance(0) = 0 and variance' = sigma^2.
    Source: Stanford CS236, perturbing data with stochastic processes (the toy SDE)
    """

    def __init__(self, sigma: Callable, variance: Callable):
        self.sigma, self.variance = sigma, variance

    def beta(self, t):
        return 0.0 * t

    def diffusion(self, t):
        """g = sigma(t)."""
        return self.sigma(times("t", t))

    def marginal(self, t):
        r"""(1, sqrt(int_0^t sigma^2))."""
        t = times("t", t)
        return 1.0 + 0.0 * t, np.sqrt(self.variance(t))

    def prior(self, d):
        r"""N(0, std(1)^2 I)."""
        return Gaussian(np.zeros(d), self.variance(1.0))
