r"""Densities whose score, smoothing and posterior are known in closed form.

Every density has ``log_prob(x)`` (n,), ``score(x)`` (n, d) and ``sample(rng, size)`` (size, d). Scores are written out,
never differentiated, in ``autograd.numpy``, so that others may differentiate them. Far in the tails they stay finite:
for |x - mean|/deviation up to 1e150.

For `expect` each says how it is integrated: ``substitute(u)`` gives points x(u) and log |dx/du|, ``box(radius)`` the
ends of u that hold all but about exp(-radius^2/2) of the mass, ``unit`` the width that a spacing of 1 means, and
``widest`` the largest radius that floating point can hold.
"""

import autograd.numpy as np
import numpy
from autograd.scipy.special import expit, gammaln, logsumexp

from refebm.validation import (
    DomainError,
    InputError,
    covariance,
    positive,
    positive_vector,
    probabilities,
    real_array,
    rows,
    vector,
)
from refebm.validation import points as check_points

LOG_2PI = float(np.log(2 * np.pi))
LARGEST_LOG = 330.0  # the square of exp of it is still finite
SMALLEST = float(numpy.finfo(float).tiny)
LOG_SMALLEST = float(np.log(SMALLEST))
KINK_LOG = -60.0  # the mass within exp of it of the kink is below roundoff


class Gaussian:
    r"""N(mean, cov): log p = -1/2 (x - m)^T C^{-1} (x - m) - 1/2 log det C - d/2 log 2 pi.

    mean (d,) or a float; cov (d, d), symmetric positive definite, or a float c for c times the identity.
    Errors: E-SHAPE, E-SYMMETRIC, E-DEFINITE, E-FINITE.
    Source: Stanford CS236, score function; HY-673 lecture 12 (which prints 1/sqrt(2 pi sigma) for 1/(sqrt(2 pi) sigma))
    """

    widest = 150.0

    def __init__(self, mean, cov):
        self.mean = vector("mean", mean)
        self.cov = covariance("cov", cov, len(self.mean))
        self.cholesky = np.linalg.cholesky(self.cov)
        self.whitening = np.linalg.inv(self.cholesky)
        self.precision = np.dot(self.whitening.T, self.whitening)
        self.d = len(self.mean)

    @rows
    def log_prob(self, x):
        r"""-1/2 |L^{-1} (x - m)|^2 - sum_i log L_ii - d/2 log 2 pi, C = L L^T."""
        whitened = np.dot(x - self.mean, self.whitening.T)
        return -0.5 * np.sum(whitened**2 + LOG_2PI, axis=1) - np.sum(np.log(np.diag(self.cholesky)))

    @rows
    def score(self, x):
        r"""-C^{-1} (x - m)."""
        return -np.dot(x - self.mean, self.precision)

    def sample(self, rng, size):
        """m + L z."""
        return self.mean + np.dot(rng.standard_normal((size, len(self.mean))), self.cholesky.T)

    def smoothed(self, sigma):
        r"""The density of X + sigma Z: N(m, C + sigma^2 I)."""
        return Gaussian(self.mean, self.cov + positive("sigma", sigma) ** 2 * np.eye(len(self.mean)))

    @rows(sigma=positive)
    def posterior_mean(self, y, sigma):
        r"""E[X | X + sigma Z = y] = m + C (C + sigma^2 I)^{-1} (y - m)."""
        gain = np.dot(self.cov, self.smoothed(sigma).precision)
        return self.mean + np.dot(y - self.mean, gain.T)

    @rows(sigma=positive)
    def posterior_cov(self, y, sigma):
        r"""Cov[X | X + sigma Z = y] = sigma^2 C (C + sigma^2 I)^{-1}, the same for every y, (n, d, d)."""
        gain = np.dot(self.cov, self.smoothed(sigma).precision)
        return sigma**2 * 0.5 * (gain + gain.T) * np.ones((len(y), 1, 1))

    def substitute(self, u):
        """x = m + L u."""
        return self.mean + np.dot(u, self.cholesky.T), np.sum(np.log(np.diag(self.cholesky)))

    def box(self, radius):
        """`radius` deviations either way."""
        return -radius * np.ones_like(self.mean), radius * np.ones_like(self.mean)

    @property
    def unit(self):
        """One deviation."""
        return np.ones_like(self.mean)


def standard_normal(d: int) -> Gaussian:
    """N(0, I) in d dimensions."""
    return Gaussian(np.zeros(d), 1.0)


class GaussianMixture:
    r"""p = sum_k w_k N(m_k, C_k), with r_k(x) the probability of component k given x.

    weights (k,), not negative, of sum 1; means (k, d); covs (k, d, d), or a float c for c times the identity in each.
    Errors: E-WEIGHTS, and those of `Gaussian`.
    Source: Song and Kingma 2021, section 4.4; Stanford CS236, pitfall 3
    """

    widest = 150.0

    def __init__(self, weights, means, covs):
        self.weights = probabilities("weights", weights)
        self.means = np.array(real_array("means", means))
        if self.means.ndim != 2 or len(self.means) != len(self.weights):
            raise InputError("E-SHAPE", f"means must be (k, d) with k = {len(self.weights)}; got {self.means.shape}")
        covs = real_array("covs", covs)
        covs = covs * np.ones(len(self.weights)) if covs.ndim == 0 else covs
        if len(covs) != len(self.weights):
            raise InputError("E-SHAPE", f"covs must be a float or (k, d, d), k = {len(self.weights)}; got {covs.shape}")
        self.d = self.means.shape[1]
        self.components = [Gaussian(m, c) for m, c in zip(self.means, covs)]
        self.covs = np.stack([c.cov for c in self.components])

    def log_joint(self, x):
        r"""log w_k + log N(x; m_k, C_k), (n, k)."""
        with np.errstate(divide="ignore"):
            log_weights = np.log(self.weights)
        return np.stack([c.log_prob(x) for c in self.components], axis=1) + log_weights

    @rows
    def log_prob(self, x):
        r"""log sum_k w_k N(x; m_k, C_k)."""
        return logsumexp(self.log_joint(x), axis=1)

    def responsibilities(self, x):
        r"""r_k(x) = w_k N(x; m_k, C_k) / p(x), (n, k)."""
        log_joint = self.log_joint(x)
        return np.exp(log_joint - logsumexp(log_joint, axis=1)[:, None])

    @rows
    def score(self, x):
        r"""sum_k r_k(x) grad log N(x; m_k, C_k)."""
        r = self.responsibilities(x)
        return sum(r[:, k : k + 1] * c.score(x) for k, c in enumerate(self.components))

    def sample(self, rng, size):
        """A component by its weight, then a point of it."""
        chosen = rng.choice(len(self.weights), size=size, p=self.weights)
        z = rng.standard_normal((size, self.means.shape[1]))
        factors = np.stack([c.cholesky for c in self.components])
        return self.means[chosen] + np.einsum("nij,nj->ni", factors[chosen], z)

    def smoothed(self, sigma):
        r"""The density of X + sigma Z: the same mixture with C_k + sigma^2 I."""
        variance = positive("sigma", sigma) ** 2
        return GaussianMixture(self.weights, self.means, self.covs + variance * np.eye(self.means.shape[1]))

    @rows(sigma=positive)
    def posterior_mean(self, y, sigma):
        r"""E[X | X + sigma Z = y] = sum_k r_k(y) E_k[X | y], by Bayes on the components, r of the smoothed mixture."""
        r = self.smoothed(sigma).responsibilities(y)
        return sum(r[:, k : k + 1] * c.posterior_mean(y, sigma) for k, c in enumerate(self.components))

    @rows(sigma=positive)
    def posterior_cov(self, y, sigma):
        r"""Cov[X | y] = sum_k r_k(y) (Cov_k[X | y] + a_k a_k^T), a_k = E_k[X | y] - E[X | y], (n, d, d)."""
        r = self.smoothed(sigma).responsibilities(y)[:, :, None, None]
        mean = self.posterior_mean(y, sigma)
        between = [c.posterior_mean(y, sigma) - mean for c in self.components]
        return sum(
            r[:, k] * (c.posterior_cov(y, sigma) + between[k][:, :, None] * between[k][:, None, :])
            for k, c in enumerate(self.components)
        )

    def substitute(self, u):
        """x = u."""
        return u, 0.0

    def box(self, radius):
        """Every component to `radius` deviations."""
        deviations = np.sqrt(np.stack([np.diag(c) for c in self.covs]))
        return np.min(self.means - radius * deviations, axis=0), np.max(self.means + radius * deviations, axis=0)

    @property
    def unit(self):
        """The deviation of each coordinate given the others, in the narrowest component."""
        return np.min([np.diag(c.precision) ** -0.5 for c in self.components], axis=0)


def smoothed_empirical(points, sigma: float) -> GaussianMixture:
    r"""p^sigma = 1/N sum_i N(x_i, sigma^2 I): a data set plus noise, a mixture with one component per point.

    points (N, d); sigma > 0, a float. Errors: E-NDIM, E-FINITE, E-POSITIVE.
    Source: Vincent 2011, section 4.1; Song and Kingma 2021, section 4.1
    """
    points, variance = check_points("points", points), positive("sigma", sigma) ** 2
    return GaussianMixture(np.ones(len(points)) / len(points), points, variance)


class Gamma:
    r"""Independent Gamma coordinates on x > 0: log p = sum_i a log b - log Gamma(a) + (a - 1) log x - b x.

    shape a, rate b (d,), positive; a float stands for d = 1. log_prob is -inf outside the support, score refuses.
    Errors: E-POSITIVE, E-SHAPE.
    Source: HY-673 lecture 12, score function; Stanford CS236, score function
    """

    def __init__(self, shape, rate):
        self.shape = positive_vector("shape", shape)
        self.rate = positive_vector("rate", rate, len(self.shape))
        self.d = len(self.shape)

    @rows
    def log_prob(self, x):
        r"""sum_i a log b - log Gamma(a) + (a - 1) log x - b x, and -inf where a coordinate is not positive."""
        inside = np.where(x > 0, x, 1.0)
        log_p = (self.shape - 1) * np.log(inside) - self.rate * x + self.shape * np.log(self.rate) - gammaln(self.shape)
        return np.sum(np.where(x > 0, log_p, -np.inf), axis=1)

    @rows
    def score(self, x):
        r"""(a - 1)/x - b."""
        if np.any(x <= 0):
            raise DomainError("E-DOMAIN", "x must be greater than 0: a Gamma density has no score outside its support")
        return (self.shape - 1) / x - self.rate

    def fisher_information(self):
        r"""E s^2 = b^2/(a - 2) for a > 2, b^2 at a = 1, (d,). Infinite in between and below: DomainError."""
        if np.any((self.shape <= 2) & (self.shape != 1)):
            raise DomainError(
                "E-DOMAIN", f"E s^2 of a Gamma density is finite for shape > 2 and shape = 1, got {self.shape.tolist()}"
            )
        return np.where(self.shape == 1, self.rate**2, self.rate**2 / np.where(self.shape == 1, 1.0, self.shape - 2))

    def sample(self, rng, size):
        """By the generator's own gamma, whose second argument is the scale 1/b."""
        return rng.gamma(self.shape, 1 / self.rate, (size, len(self.shape)))

    def substitute(self, u):
        """x = exp(u) a/b; for a < 1 the lower tail x^a is stretched, so that it falls as exp(u) whatever a.

        Below the smallest float x stays there, and what the density would gain and dx lose below is in log |dx/du|.
        """
        stretch = np.maximum(1 / self.shape - 1, 0)
        log_x = u - stretch * np.logaddexp(0, -u) + np.log(self.shape / self.rate)
        above = np.maximum(log_x, LOG_SMALLEST)
        slope = np.log1p(stretch * expit(-u))
        x = np.where(log_x > LOG_SMALLEST, np.exp(above), SMALLEST)
        return x, np.sum(self.shape * log_x + (1 - self.shape) * above + slope, axis=1)

    def box(self, radius):
        """u from far below the bulk, where the mass falls as x^a, to far above, where it falls as exp(-b x)."""
        below, above = 0.5 * radius**2 / np.maximum(self.shape, 1), 0.5 * (9 + 0.1 * radius) ** 2 / self.shape
        return -1 - below, np.log1p(above + 2 * np.sqrt(above))

    @property
    def widest(self):
        """Where 1/x^2 would overflow."""
        return np.sqrt(2 * LARGEST_LOG * np.maximum(np.min(self.shape), 1)) - 2

    @property
    def unit(self):
        """The width of the bulk in log x."""
        return np.minimum(1.0, self.shape**-0.5)


class StudentT:
    r"""Independent Student coordinates: p = c (1 + t^2/nu)^{-(nu + 1)/2}/scale, t = (x - loc)/scale: a heavy tail.

    df nu, loc, scale (d,), or floats for d = 1; nu, scale > 0. E|x|^k exists for k < nu only.
    Errors: E-POSITIVE, E-SHAPE.
    Source: Hyvarinen 2005, regularity conditions
    """

    def __init__(self, df, loc, scale):
        self.df = positive_vector("df", df)
        self.loc = vector("loc", loc, len(self.df))
        self.scale = positive_vector("scale", scale, len(self.df))
        self.d = len(self.df)

    @rows
    def log_prob(self, x):
        r"""sum_i log Gamma((nu+1)/2) - log Gamma(nu/2) - 1/2 log(pi nu) - log scale - (nu+1)/2 log(1 + t^2/nu)."""
        nu, t = self.df, (x - self.loc) / self.scale
        log_c = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(np.pi * nu) - np.log(self.scale)
        return np.sum(log_c - 0.5 * (nu + 1) * np.log1p(t**2 / nu), axis=1)

    @rows
    def score(self, x):
        r"""-(nu + 1) t / (nu + t^2) / scale."""
        t = (x - self.loc) / self.scale
        return -(self.df + 1) * t / (self.df + t**2) / self.scale

    def sample(self, rng, size):
        """loc + scale t."""
        return self.loc + self.scale * rng.standard_t(self.df, (size, len(self.df)))

    def substitute(self, u):
        """x = loc + scale sinh u."""
        return self.loc + self.scale * np.sinh(u), np.sum(np.log(self.scale * np.cosh(u)), axis=1)

    def box(self, radius):
        """The bulk as for a Gaussian, then as far as a tail that falls as exp(-nu u) needs."""
        reach = np.arcsinh(radius) + 0.5 * radius**2 / self.df
        return -reach, reach

    @property
    def widest(self):
        """Where x^2 would overflow."""
        return np.sqrt(2 * LARGEST_LOG * np.min(self.df)) - 2

    @property
    def unit(self):
        """Half the scale: sinh u has its poles within pi/2 of the line."""
        return 0.5 * np.ones_like(self.df)


class Laplace:
    r"""Independent Laplace coordinates: p = exp(-|x - loc|/scale)/(2 scale): a kink, where the score jumps.

    loc, scale (d,), or floats for d = 1; scale > 0. As the density of data it obeys Stein's identity for smooth g;
    the kink breaks E[s s^T] = -E[grad s]. Errors: E-POSITIVE, E-SHAPE.
    Source: Hyvarinen 2005, regularity conditions
    """

    widest = 150.0

    def __init__(self, loc, scale):
        self.loc = vector("loc", loc)
        self.scale = positive_vector("scale", scale, len(self.loc))
        self.d = len(self.loc)

    @rows
    def log_prob(self, x):
        r"""sum_i -|x - loc|/scale - log(2 scale)."""
        return np.sum(-np.abs(x - self.loc) / self.scale - np.log(2 * self.scale), axis=1)

    @rows
    def score(self, x):
        r"""-sign(x - loc)/scale."""
        return -np.sign(x - self.loc) / self.scale

    def sample(self, rng, size):
        """By the generator's own laplace."""
        return rng.laplace(self.loc, self.scale, (size, len(self.loc)))

    def substitute(self, u):
        """|x - loc| = scale exp(|u| + lowest) on either side of the kink: no node comes near it with any weight."""
        log_distance = np.abs(u) + KINK_LOG
        return self.loc + self.scale * np.sign(u) * np.exp(log_distance), np.sum(
            log_distance + np.log(self.scale), axis=1
        )

    def box(self, radius):
        """`radius`^2/2 scales either way."""
        reach = (np.log(0.5 * radius**2) - KINK_LOG) * np.ones_like(self.loc)
        return -reach, reach

    @property
    def unit(self):
        """One scale."""
        return np.ones_like(self.loc)
