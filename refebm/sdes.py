r"""Forward SDEs dx = -1/2 beta(t) x dt + g(t) dw: data at t = 0, almost pure noise at t = 1, all in closed form.

x_t = m(t) x_0 + std(t) z. t is a float or (n,) in [0, 1]. The law at t = 1 is close to the prior that sampling starts
from, but not equal to it: `prior_gap` is their KL divergence. If a method takes times s and t, one of them must be a
float, or both must have the same shape.
Errors: E-TIME for t outside [0, 1], s after t, or t so near s that t - s times a rate is below 1e-307; E-NDIM,
E-EMPTY, E-FINITE, E-DTYPE, E-SHAPE for arrays; E-COUNT and E-SIZE for d; E-LEVELS, E-POSITIVE, E-SCALE, E-BETAS,
E-DENSITY, E-CALLABLE.
"""

from collections.abc import Callable

import autograd.numpy as np

from refebm.glossary import (
    Density,
    FreeTimes,
    InputError,
    InputTypeError,
    Length,
    Points,
    Size,
    StartTimes,
    Time,
    Times,
    Vectors,
    of_time,
    ordered_times,
    positive,
    rows,
    squarable,
)
from refebm.truth.densities import Gaussian, GaussianMixture
from refebm.truth.expectations import expect

LEAST = 1e-12  # of beta_min: below it beta_min + (beta_max - beta_min) has not three digits of beta_max
SMALLEST = 1e-307  # of numbers with all their digits


def whole(s, t, product):
    """Return a rate times t - s, unless it is so small a number that it has lost digits. Errors: E-TIME."""
    lost = (s < t) & (product < SMALLEST)
    if np.any(lost):
        least = np.min(np.where(lost, product, 1.0))
        raise InputError("E-TIME", f"t must be s, or later: t - s times the rate of noise is {least:g}, below 1e-307")
    return product


class LinearSDE:
    """The methods that all SDEs share. beta is zero unless a subclass defines it."""

    @rows
    def beta(self, t: FreeTimes):
        r"""The rate at which the data decay, a float or (n,): 0, unless a subclass defines it.

        $$\beta(t) = 0$$
        """
        return 0.0 * t

    @rows
    def drift(self, x: Points, t: Times) -> Vectors:
        r"""f(x, t) = -1/2 beta(t) x, (n, d).

        $$f(x, t) = -\tfrac12 \beta(t)\, x$$
        """
        return -0.5 * np.reshape(self.beta(t), (-1, 1)) * x

    def marginal(self, t: FreeTimes):
        r"""(m(t), std(t)) of the law of x_t given x_0, each shaped like t.

        $$x_t \mid x_0 \sim \mathcal N(m(t)\, x_0, \text{std}(t)^2 I)$$
        """
        return self.kernel(0.0, t)

    @rows
    def diffused(self, density, t: Time) -> Density:
        r"""The law of x_t for x_0 from a `Gaussian` or `GaussianMixture`: means m mu_k, covariances m^2 C_k + std^2 I.

        $$p_t = \sum_k w_k\, \mathcal N(m(t)\, \mu_k,\ m(t)^2 C_k + \text{std}(t)^2 I)$$

        Errors: E-DENSITY for another density; E-TIME, E-SHAPE, E-FINITE, E-DTYPE for t.
        """
        if not isinstance(density, (Gaussian, GaussianMixture)):
            raise InputTypeError("E-DENSITY", f"density must be a Gaussian or a mixture, got {type(density).__name__}")
        scale, std = self.marginal(t)
        variance = std**2
        if isinstance(density, Gaussian):
            return Gaussian(scale * density.mean, scale**2 * density.cov + variance * np.eye(density.d))
        one = np.eye(density.d) if np.ndim(density.spread) else 1.0  # a covariance given as a float stays a float
        return GaussianMixture(density.weights, scale * density.means, scale**2 * density.spread + variance * one)

    @rows
    def prior(self, d: Size) -> Density:
        r"""The law that sampling starts from, N(0, std(1)^2 I).

        $$\mathcal N(0, \text{std}(1)^2 I)$$
        """
        return Gaussian(np.zeros(d), self.kernel(0.0, 1.0)[1] ** 2)

    def prior_gap(self, density) -> float:
        r"""KL(p_1 | prior), where p_1 is the law of x_1 for x_0 from a Gaussian or a mixture, d <= 2, by quadrature.

        $$KL(p_1 | \text{prior}) = \mathbb E_{p_1}[\log p_1 - \log \text{prior}]$$

        Errors: E-DENSITY; those of `expect`.
        """
        end, prior = self.diffused(density, 1.0), self.prior(density.d)
        return expect([lambda x: end.log_prob(x) - prior.log_prob(x)], end).value[0]


class VarianceExploding(LinearSDE):
    r"""dx = sigma(t) sqrt(2 log(sigma_max/sigma_min)) dw, sigma(t) = sigma_min (sigma_max/sigma_min)^t.

    $$dx = \sigma(t) \sqrt{2 \log(\sigma_{\max}/\sigma_{\min})}\, dw, \ \sigma(t) = \sigma_{\min}^{1 - t}
    \sigma_{\max}^t$$

    m = 1, std^2 = sigma(t)^2 - sigma_min^2, so that std(0) = 0. 0 < sigma_min < sigma_max, floats.
    Errors: E-POSITIVE, E-FINITE, E-DTYPE, E-SHAPE; E-SCALE for levels without a square; E-LEVELS unless sigma_min <
    sigma_max; of methods E-TIME for times outside [0, 1], or an s after t.
    Convention: the code of the source uses sigma(t) as std, which smooths the data by noise of sigma_min.
    Also: VE SDE
    Source: Song et al. 2021, eqs. 9, 29 and 30
    """

    def __init__(self, sigma_min, sigma_max):
        self.sigma_min, self.sigma_max = squarable("sigma_min", sigma_min), squarable("sigma_max", sigma_max)
        if not self.sigma_min < self.sigma_max:
            raise InputError("E-LEVELS", f"sigma_min must be below sigma_max, got {sigma_min} and {sigma_max}")
        # the logarithm of the ratio, which would round where levels are nearly equal
        self.log_ratio = np.log1p((self.sigma_max - self.sigma_min) / self.sigma_min)

    @rows
    def sigma(self, t: FreeTimes):
        r"""sigma_min (sigma_max/sigma_min)^t.

        $$\sigma(t) = \sigma_{\min} (\sigma_{\max}/\sigma_{\min})^t$$
        """
        return self.sigma_min * np.exp(t * self.log_ratio)

    def diffusion(self, t: FreeTimes):
        r"""g = sigma(t) sqrt(2 log(sigma_max/sigma_min)).

        $$g(t) = \sigma(t) \sqrt{2 \log(\sigma_{\max}/\sigma_{\min})}$$
        """
        return self.sigma(t) * np.sqrt(2 * self.log_ratio)

    def kernel(self, s: StartTimes, t: FreeTimes):
        r"""x_t given x_s has mean x_s and variance sigma(t)^2 - sigma(s)^2: returns (1, std).

        $$x_t \mid x_s \sim \mathcal N(x_s, (\sigma(t)^2 - \sigma(s)^2)\, I)$$
        """
        s, t = ordered_times(s, t)
        whole(s, t, (t - s) * self.log_ratio)
        # sigma(t)^2 - sigma(s)^2 = sigma(t)^2 (1 - (sigma_max/sigma_min)^{-2 (t - s)}), by expm1: nothing cancels
        return 1.0 + 0.0 * (t - s), self.sigma(t) * np.sqrt(-np.expm1(-2 * (t - s) * self.log_ratio))


class VariancePreserving(LinearSDE):
    r"""dx = -1/2 beta(t) x dt + sqrt(beta(t)) dw, beta(t) = beta_min + t (beta_max - beta_min).

    $$dx = -\tfrac12 \beta x\, dt + \sqrt\beta\, dw,\quad \beta(t) = \beta_{\min} + t (\beta_{\max} - \beta_{\min})$$

    >>> scale, std = refebm.VariancePreserving(0.1, 20.0).marginal(0.25)
    >>> round(float(scale**2 + std**2), 12)
    1.0

    With B(t) = int_0^t beta: m = e^{-B/2}, std^2 = 1 - e^{-B}. beta_min, beta_max > 0, floats.
    Errors: E-POSITIVE, E-FINITE, E-DTYPE, E-SHAPE; E-BETAS for a beta_max so far below beta_min that beta(1) is lost;
    of methods E-TIME for times outside [0, 1], or an s after t.
    Also: VP SDE
    Source: Song et al. 2021, eqs. 11, 29 and 33; Ho, Jain and Abbeel 2020
    """

    def __init__(self, beta_min, beta_max):
        self.beta_min, self.beta_max = positive("beta_min", beta_min), positive("beta_max", beta_max)
        if not self.beta_max > LEAST * self.beta_min:
            raise InputError("E-BETAS", f"beta_max must be above {LEAST:g} beta_min, got {beta_max} and {beta_min}")

    @rows
    def beta(self, t: FreeTimes):
        r"""beta_min + t (beta_max - beta_min).

        $$\beta(t) = \beta_{\min} + t (\beta_{\max} - \beta_{\min})$$
        """
        return self.beta_min + t * (self.beta_max - self.beta_min)

    @rows
    def betas(self, n_steps: Length) -> np.ndarray:
        r"""beta(i/N)/N, i = 1, ..., N, (N,): the variances of N = n_steps discrete steps, for `ddpm_step`, `ddpm_loss`.

        $$\beta_i = \beta(i/N)/N,\quad i = 1, \dots, N$$

        Errors: E-BETAS for so few steps that a variance would be 1 or more.
        Source: Song et al. 2021, appendix B
        """
        if max(self.beta(1 / n_steps), self.beta_max) >= n_steps:  # the first or the last is the largest
            enough = int(max(self.beta_min, self.beta_max)) + 1
            raise InputError("E-BETAS", f"n_steps must make the variances less than 1, as {enough} does; got {n_steps}")
        return self.beta((1 + np.arange(n_steps)) / n_steps) / n_steps

    def integral(self, s: StartTimes, t: FreeTimes):
        r"""int_s^t beta.

        $$\int_s^t \beta = (t - s) \left(\beta_{\min} + \tfrac{s + t}2 (\beta_{\max} - \beta_{\min})\right)$$
        """
        s, t = ordered_times(s, t)
        return whole(s, t, (t - s) * (self.beta_min + 0.5 * (s + t) * (self.beta_max - self.beta_min)))

    def diffusion(self, t: FreeTimes):
        r"""g = sqrt(beta(t)).

        $$g(t) = \sqrt{\beta(t)}$$
        """
        return np.sqrt(self.beta(t))

    def kernel(self, s: StartTimes, t: FreeTimes):
        r"""x_t given x_s has mean e^{-b/2} x_s and variance 1 - e^{-b}, b = int_s^t beta: returns (e^{-b/2}, std).

        $$x_t \mid x_s \sim \mathcal N(e^{-b/2} x_s, (1 - e^{-b})\, I),\quad b = \int_s^t \beta$$
        """
        b = self.integral(s, t)
        return np.exp(-0.5 * b), np.sqrt(-np.expm1(-b))  # 1 - e^{-b} by expm1 keeps its digits for small b

    @rows
    def prior(self, d: Size) -> Density:
        r"""The law that sampling starts from, N(0, I).

        $$\mathcal N(0, I)$$
        """
        return Gaussian(np.zeros(d), 1.0)


class SubVariancePreserving(VariancePreserving):
    r"""As `VariancePreserving`, but g^2 = beta(t) (1 - e^{-2B(t)}): m = e^{-B/2}, and *std*, not std^2, is 1 - e^{-B}.

    $$dx = -\tfrac12 \beta(t)\, x\, dt + \sqrt{\beta(t) (1 - e^{-2 B(t)})}\, dw,\quad B(t) = \int_0^t \beta$$

    Its betas are those of `VariancePreserving`: `ddpm_step` and `ddpm_loss` follow the law of that one.
    Errors: E-POSITIVE, E-FINITE, E-DTYPE, E-SHAPE; E-BETAS, and of methods E-TIME, as in `VariancePreserving`.
    Also: sub-VP SDE
    Source: Song et al. 2021, eqs. 12 and 29
    """

    def diffusion(self, t: FreeTimes):
        r"""g = sqrt(beta (1 - e^{-2B})).

        $$g(t) = \sqrt{\beta(t) (1 - e^{-2 B(t)})},\quad B(t) = \int_0^t \beta$$
        """
        return np.sqrt(self.beta(t)) * np.sqrt(-np.expm1(-2 * self.integral(0.0, t)))  # -expm1(-a) = 1 - e^{-a}

    def kernel(self, s: StartTimes, t: FreeTimes):
        r"""x_t given x_s has mean e^{-b/2} x_s, variance (1 - e^{-b})(1 - e^{-B(s) - B(t)}): returns (e^{-b/2}, std).

        $$x_t \mid x_s \sim \mathcal N(e^{-b/2} x_s, (1 - e^{-b}) (1 - e^{-B(s) - B(t)})\, I),\quad b = B(t) - B(s)$$
        """
        b, total = self.integral(s, t), self.integral(0.0, s) + self.integral(0.0, t)
        return np.exp(-0.5 * b), np.sqrt(-np.expm1(-b)) * np.sqrt(-np.expm1(-total))  # -expm1(-a) = 1 - e^{-a}


class GivenDiffusion(LinearSDE):
    r"""dx = sigma(t) dw with sigma(t) and variance(t) = int_0^t sigma^2 given by the caller: m = 1, std^2 = variance.

    $$dx = \sigma(t)\, dw$$

    sigma, variance: callables of t, a float or (n,), that return finite numbers of the shape of t; variance(0) = 0 and
    variance' = sigma^2.
    Errors: E-CALLABLE, E-FINITE; E-CALLABLE for a variance that decreases; of methods E-DTYPE, E-SHAPE, E-FINITE for
    times, E-TIME for times outside [0, 1], or an s after t.
    Source: Stanford CS236, perturbing data with stochastic processes (the toy SDE)
    """

    def __init__(self, sigma: Callable, variance: Callable):
        self.sigma, self.variance = of_time("sigma", sigma), of_time("variance", variance)

    @rows
    def diffusion(self, t: FreeTimes):
        r"""g = sigma(t).

        $$g(t) = \sigma(t)$$
        """
        return self.sigma(t)

    def kernel(self, s: StartTimes, t: FreeTimes):
        r"""x_t given x_s has mean x_s and variance int_s^t sigma^2: returns (1, std).

        $$x_t \mid x_s \sim \mathcal N(x_s, (v_t - v_s)\, I),\quad v_t = \int_0^t \sigma^2$$
        """
        s, t = ordered_times(s, t)
        if np.any(self.variance(t) < self.variance(s)):
            raise InputError("E-CALLABLE", "variance(t) must not fall as t grows")
        return 1.0 + 0.0 * (t - s), np.sqrt(self.variance(t) - self.variance(s))
