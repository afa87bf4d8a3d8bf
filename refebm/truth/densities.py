r"""Densities whose score, smoothing and posterior are known in closed form.

Every density has ``log_prob(x)`` (n,), ``score(x)`` (n, d) and ``sample(rng, size)`` (size, d). Scores are written out
by hand, never obtained by automatic differentiation; they use ``autograd.numpy``, so that callers can differentiate
them. They stay finite far in the tails, for |x - mean|/deviation up to 1e150.

Each density also tells `expect` how to integrate it: ``substitute(u)`` returns the points x(u) and log |dx/du|;
``box(radius)`` returns the lowest and highest u of a box that holds all but about exp(-radius^2/2) of the mass;
``unit`` is the length in u that a spacing of 1 stands for; ``widest`` is the largest radius that floating point allows.
Errors, in all methods: E-NDIM, E-EMPTY, E-FINITE, E-DTYPE and E-SHAPE for points; E-POSITIVE, E-SCALE for sigma; E-RNG,
E-COUNT, E-SIZE for draws.
"""

import functools
from fractions import Fraction

import autograd.numpy as np
import numpy

from refebm.calculus import held
from refebm.glossary import (
    Density,
    Deviation,
    DomainError,
    InputError,
    Level,
    Matrices,
    NoisyPoints,
    Points,
    Positive,
    Rng,
    Rows,
    Size,
    Vectors,
    brief,
    covariance,
    memory,
    positive_vector,
    probabilities,
    real_array,
    rows,
    squarable,
    vector,
)
from refebm.special import expit, gammaln, logsumexp, softmax

LOG_2PI = float(np.log(2 * np.pi))
LARGEST_LOG = 330.0  # exp(330)^2 is still finite
FAR = 32.0  # deviations: beyond them, log joint probabilities are too large to be subtracted without losing digits
UNDERFLOW = 1000.0  # exp of minus this is 0
BLOCK = 2**16  # the most numbers in an array (components, rows, coordinates)
FARTHEST = 1e150  # deviations from the centre up to which log-densities are finite
LARGE = 10.0  # from here on, Stirling's series with seven terms is exact to roundoff
SMALLEST = float(numpy.finfo(float).tiny)
LARGEST = float(numpy.finfo(float).max)
LOG_SMALLEST = float(np.log(SMALLEST))
KINK_LOG = -60.0  # less than a roundoff of the mass lies within exp(-60) scales of the kink


class Gaussian:
    r"""N(mean, cov): log p = -1/2 (x - m)^T C^{-1} (x - m) - 1/2 log det C - d/2 log 2 pi.

    $$p = \mathcal N(m, C)$$

    mean (d,), or a float for d = 1; cov (d, d), symmetric positive definite, or a float c for c times the identity.
    Errors: E-SHAPE, E-SYMMETRIC, E-DEFINITE, E-FINITE, E-DTYPE; E-SIZE for a matrix that memory cannot hold.
    Source: Stanford CS236, score function; HY-673 lecture 12, score function
    """

    widest = 150.0

    def __init__(self, mean, cov):
        self.mean = vector("mean", mean)
        self.cov = covariance("cov", cov, len(self.mean))
        self.d = len(self.mean)
        if np.ndim(cov):
            self.cholesky = np.linalg.cholesky(self.cov)
            self.whitening = invertible("cov", np.linalg.inv(self.cholesky))
            self.precision = np.dot(self.whitening.T, self.whitening)
        else:
            deviation = np.sqrt(self.cov[0, 0])
            self.cholesky = deviation * np.eye(self.d)
            self.whitening = invertible("cov", np.eye(self.d) / deviation)
            self.precision = self.whitening**2

    @rows
    def log_prob(self, x: Points) -> Rows:
        r"""-1/2 |L^{-1} (x - m)|^2 - sum_i log L_ii - d/2 log 2 pi, C = L L^T.

        $$\log p(x) = -\tfrac12 (x - m)^\top C^{-1} (x - m) - \tfrac12 \log\det C - \tfrac d2 \log 2\pi$$

        Source: Stanford CS236, score function; HY-673 lecture 12, score function (which prints 1/sqrt(2 pi sigma) for
        1/(sqrt(2 pi) sigma))
        """
        whitened = np.dot(x - self.mean, self.whitening.T)
        return -0.5 * np.sum(whitened**2 + LOG_2PI, axis=1) - np.sum(np.log(np.diag(self.cholesky)))

    @rows
    def score(self, x: Points) -> Vectors:
        r"""-C^{-1} (x - m).

        $$s(x) = -C^{-1} (x - m)$$
        """
        return -np.dot(x - self.mean, self.precision)

    @rows
    def sample(self, rng: Rng, size: Size) -> Vectors:
        r"""m + L z.

        $$x = m + L z,\quad C = L L^\top,\ z \sim \mathcal N(0, I)$$
        """
        return self.mean + np.dot(rng.standard_normal(memory(size, len(self.mean))), self.cholesky.T)

    @rows
    def smoothed(self, sigma: Level) -> Density:
        r"""The density of X + sigma Z: N(m, C + sigma^2 I).

        $$p^\sigma = \mathcal N(m, C + \sigma^2 I)$$

        Errors: E-SCALE for a sigma whose square overflows.
        Source: Stanford CS236, denoising score matching; dataflowr module 18a, denoising score matching
        """
        return Gaussian(self.mean, self.cov + squarable("sigma", sigma, least=0) ** 2 * np.eye(len(self.mean)))

    @rows
    def posterior_mean(self, y: NoisyPoints, sigma: Level) -> Vectors:
        r"""E[X | X + sigma Z = y] = m + C (C + sigma^2 I)^{-1} (y - m).

        $$\mathbb E[X \mid X + \sigma Z = y] = m + C (C + \sigma^2 I)^{-1} (y - m)$$

        Computed as sigma^2 (C + sigma^2 I)^{-1} m + C (C + sigma^2 I)^{-1} y, which loses no digits when |y| << |m|.
        Source: Stanford CS236, Tweedie's formula and denoising score matching
        """
        gain, lost, _ = shares(self.cov, sigma, self.smoothed(sigma).whitening)
        return np.dot(self.mean, lost.T) + np.dot(y, gain.T)

    @rows
    def posterior_cov(self, y: NoisyPoints, sigma: Level) -> Matrices:
        r"""Cov[X | X + sigma Z = y] = sigma^2 C (C + sigma^2 I)^{-1}, the same for every y, (n, d, d).

        $$\operatorname{Cov}[X \mid X + \sigma Z = y] = \sigma^2 C (C + \sigma^2 I)^{-1}$$

        Source: Stanford CS236, Tweedie's formula and denoising score matching
        """
        _, _, cov = shares(self.cov, sigma, self.smoothed(sigma).whitening)
        return 0.5 * (cov + cov.T) * np.ones((len(y), 1, 1))

    @rows
    def substitute(self, u: Points):
        """x = m + L u."""
        return self.mean + np.dot(u, self.cholesky.T), np.sum(np.log(np.diag(self.cholesky)))

    @rows
    def box(self, radius: Positive):
        """`radius` deviations on either side."""
        return -radius * np.ones_like(self.mean), radius * np.ones_like(self.mean)

    @property
    def unit(self):
        """One deviation."""
        return np.ones_like(self.mean)


def invertible(name, whitening):
    """Return `whitening`, the inverse square root of a covariance, if its square is finite: variances above 1e-306."""
    if not np.max(np.abs(whitening)) < 1e153:
        raise InputError("E-DEFINITE", f"{name} must have an inverse: its variances must be above 1e-306")
    return whitening


@rows
def standard_normal(d: Size) -> Gaussian:
    r"""N(0, I) in d dimensions.

    $$p = \mathcal N(0, I)$$

    """
    return Gaussian(np.zeros(d), 1.0)


class GaussianMixture:
    r"""p = sum_k w_k N(m_k, C_k), with r_k(x) the probability of component k given x.

    $$p = \sum_k w_k\, \mathcal N(m_k, C_k),\quad r_k(x) = w_k\, \mathcal N(x; m_k, C_k)/p(x)$$

    weights (k,), at least 0, with sum 1; means (k, d); covs (k, d, d), or a float c: every C_k is then c times the
    identity, and no d x d matrix is stored (`covs` and `components` make them on first use).
    Far from all means log w_k N(x; m_k, C_k) is so large that its last digit cannot tell components apart. There the
    differences between components are computed directly, without the terms they share, so that the error of r_k is at
    most what a roundoff of x, m_k or C_k^{-1} causes, and, for equal covariances, what the roundoff of x - m_k causes.
    Errors: E-WEIGHTS; as of `Gaussian`, E-SHAPE, E-SYMMETRIC, E-DEFINITE, E-FINITE, E-DTYPE and E-SIZE.
    Also: GMM, mixture of Gaussians
    Source: Song and Kingma 2021, section 4.4; Stanford CS236, pitfall 3
    """

    widest = 150.0

    def __init__(self, weights, means, covs):
        self.weights = probabilities("weights", weights)
        self.means = np.array(real_array("means", means))
        if self.means.ndim != 2 or len(self.means) != len(self.weights):
            raise InputError("E-SHAPE", f"means must be (k, d) with k = {len(self.weights)}; got {self.means.shape}")
        self.d, covs = self.means.shape[1], real_array("covs", covs)
        if covs.ndim and len(covs) != len(self.weights):
            raise InputError("E-SHAPE", f"covs must be a float or (k, d, d), k = {len(self.weights)}; got {covs.shape}")
        if covs.ndim:
            self.spread = np.stack([covariance(f"covs[{k}]", c, self.d) for k, c in enumerate(covs)])
            self.factors = np.linalg.cholesky(self.spread)
            self.whitening = invertible("covs", np.linalg.inv(self.factors))
            self.precisions = np.matmul(np.swapaxes(self.whitening, 1, 2), self.whitening)
            log_det = np.sum(np.log(np.diagonal(self.whitening, axis1=1, axis2=2)), axis=1)
        else:
            self.spread = covariance("covs", covs, 1)[0, 0]
            self.factors = self.spread**0.5
            self.whitening = invertible("covs", 1 / self.factors)
            self.precisions = 1 / self.spread
            log_det = self.d * np.log(self.whitening)
        with np.errstate(divide="ignore"):  # a weight of zero is a logarithm of -inf
            self.log_heights = np.log(self.weights) + log_det - 0.5 * self.d * LOG_2PI

    @functools.cached_property
    def covs(self):
        """C_k, (k, d, d)."""
        return self.spread * np.ones((len(self.means), 1, 1)) * (1.0 if np.ndim(self.spread) else np.eye(self.d))

    @functools.cached_property
    def components(self):
        """The N(m_k, C_k), a list of k."""
        return [Gaussian(mean, cov) for mean, cov in zip(self.means, self.covs)]

    def _blocks(self, x):
        """Slices of components, so short that an array (components of a slice, rows, coordinates) is not large."""
        size = max(1, BLOCK // (len(x) * self.d))
        return [slice(i, i + size) for i in range(0, len(self.means), size)]

    def _log_joint(self, x, j=None, plain=None):
        r"""log w_k N(x; m_k, C_k), (k, n); if j is given, minus the same of component j. With y_k = x - m_k, P_k the
        precisions and M what P_k and P_j share, y_k P_k y_k - y_j P_j y_j is computed as
        y_k (P_k - M) y_k - y_j (P_j - M) y_j + (y_k - y_j) M (y_k + y_j), where nothing large cancels. Blocks of
        components whose probabilities are all 0 are taken from what is known without j, `plain`.
        """
        if j is None:
            return np.concatenate([self._log_joint_of(block, x, None) for block in self._blocks(x)])
        faint = held(plain) < held(plain[j]) - UNDERFLOW - 1e-12 * self.d * np.abs(held(plain[j]))
        blocks = [(block, np.all(faint[block])) for block in self._blocks(x)]
        parts = [plain[block] - plain[j] if gone else self._log_joint_of(block, x, j) for block, gone in blocks]
        return np.concatenate(parts)

    def _log_joint_of(self, block, x, j):
        away, heights = x - self.means[block][:, None], self.log_heights[block][:, None]
        if j is None:
            whitened = applied(part(self.whitening, block), away)
            return heights - 0.5 * np.einsum("kni,kni->kn", whitened, whitened)
        own, other, shared, from_j, apart = self._against(j, block, x, self.precisions)
        both = away + from_j + (lost(x, self.means[block][:, None]) + lost(x, self.means[j]))
        squares = away * applied(own, away) - from_j * applied(other, from_j) - apart * applied(shared, both)
        return heights - self.log_heights[j] - 0.5 * np.sum(squares, axis=2)

    def _against(self, j, block, x, matrices):
        """(A_k - M, A_j - M, M, x - m_j, m_k - m_j) for the matrices A_k of a block; M is what A_k and A_j share."""
        ours, theirs = part(matrices, block), part(matrices, j)
        shared = common(ours, theirs)
        return ours - shared, theirs - shared, shared, x - self.means[j], (self.means[block] - self.means[j])[:, None]

    def _scores(self, block, x, j=None):
        """-P_k (x - m_k), (k, n, d); if j is given, minus the same of component j."""
        away = x - self.means[block][:, None]
        if j is None:
            return -applied(part(self.precisions, block), away)
        own, other, shared, from_j, apart = self._against(j, block, x, self.precisions)
        return applied(shared, apart) + applied(other, from_j) - applied(own, away)

    def _by_likeliest(self, function, x):
        """function(x, log_joint, j) for all rows. Rows near some component have j = None. Rows far from all are grouped
        by their likeliest component j, and log_joint is then relative to it, so that no digits are lost."""
        log_joint = self._log_joint(x)
        plain = held(log_joint)
        likeliest = np.argmax(plain, axis=0)
        far = self.log_heights[likeliest] - np.max(plain, axis=0) > 0.5 * FAR**2
        if not np.any(far):
            return function(x, log_joint, None)
        near = np.flatnonzero(~far)
        groups = [(np.flatnonzero(far & (likeliest == j)), j) for j in np.unique(likeliest[far])]
        values = [function(x[near], log_joint[:, near], None)] if len(near) else []
        values += [function(x[rows], self._log_joint(x[rows], j, log_joint[:, rows]), j) for rows, j in groups]
        return np.concatenate(values)[np.argsort(np.concatenate([near, *(rows for rows, _ in groups)]))]

    def _mean(self, r, terms, x):
        """sum_k r_k terms_k, (n, d), of terms(block) (k, n, d), over the blocks in which some r_k is not 0."""
        some = [block for block in self._blocks(x) if np.any(held(r[block]))]
        return sum(np.sum(r[block][:, :, None] * terms(block), axis=0) for block in some)

    @rows
    def log_prob(self, x: Points) -> Rows:
        r"""log sum_k w_k N(x; m_k, C_k).

        $$\log p(x) = \log \sum_k w_k\, \mathcal N(x; m_k, C_k)$$
        """

        def log_sum(x, log_joint, j):
            return logsumexp(log_joint, 0) + (0.0 if j is None else self._log_joint_of(slice(j, j + 1), x, None)[0])

        return self._by_likeliest(log_sum, x)

    @rows
    def responsibilities(self, x: Points) -> np.ndarray:
        r"""r_k(x) = w_k N(x; m_k, C_k) / p(x), (n, k).

        $$r_k(x) = w_k\, \mathcal N(x; m_k, C_k)/p(x)$$
        """
        return self._by_likeliest(lambda x, log_joint, j: softmax(log_joint).T, x)

    @rows
    def score(self, x: Points) -> Vectors:
        r"""sum_k r_k(x) grad log N(x; m_k, C_k).

        $$s(x) = -\sum_k r_k(x)\, C_k^{-1} (x - m_k)$$
        """

        def mean_score(x, log_joint, j):
            r = softmax(log_joint)
            mean = self._mean(r, lambda block: self._scores(block, x, j), x)
            return mean + (0.0 if j is None else self._scores(slice(j, j + 1), x)[0])

        return self._by_likeliest(mean_score, x)

    @rows
    def sample(self, rng: Rng, size: Size) -> Vectors:
        r"""Draw a component k with probability w_k, then a point from it.

        $$x = m_k + L_k z,\quad P(k) = w_k,\ C_k = L_k L_k^\top,\ z \sim \mathcal N(0, I)$$
        """
        chosen = rng.choice(len(self.weights), size=memory(size, self.d)[0], p=self.weights)
        z = rng.standard_normal((size, self.d))
        return self.means[chosen] + applied(part(self.factors, chosen), z[:, None])[:, 0]

    @rows
    def smoothed(self, sigma: Level) -> Density:
        r"""The density of X + sigma Z: the same mixture with C_k + sigma^2 I.

        $$p^\sigma = \sum_k w_k\, \mathcal N(m_k, C_k + \sigma^2 I)$$

        Errors: E-SCALE for a sigma whose square overflows.
        Source: Stanford CS236, denoising score matching; dataflowr module 18a, denoising score matching
        """
        variance = squarable("sigma", sigma, least=0) ** 2
        unit = np.eye(self.d) if np.ndim(self.spread) else 1.0
        return GaussianMixture(self.weights, self.means, self.spread + variance * unit)

    def _posterior_means(self, block, y, sigma, smoothed, j=None, less=0.0):
        r"""E_k[X | y] = (I - G_k) m_k + G_k y, G_k = C_k (C_k + sigma^2 I)^{-1}, (k, n, d), minus the
        point `less`. If j is given, minus E_j[X | y] instead: (I - G_k) (m_k - m_j) + (G_k - G_j) (y - m_j).
        """
        gain, lost_gain, _ = shares(part(self.spread, block), sigma, part(smoothed.whitening, block))
        if j is None:
            return applied(lost_gain, self.means[block][:, None] - less) + applied(gain, y - less)
        of_j, lost_of_j, _ = shares(part(self.spread, j), sigma, part(smoothed.whitening, j))
        more = np.where(
            np.abs(of_j) < np.abs(lost_of_j), gain - of_j, lost_of_j - lost_gain
        )  # whichever has its digits
        apart = (self.means[block] - self.means[j])[:, None]
        return applied(lost_gain, apart) + applied(more, y - self.means[j])

    @rows
    def posterior_mean(self, y: NoisyPoints, sigma: Level) -> Vectors:
        r"""E[X | X + sigma Z = y] = sum_k r_k(y) E_k[X | y], where r_k are those of the smoothed mixture.

        $$\mathbb E[X \mid X + \sigma Z = y] = \sum_k r_k(y)\, \mathbb E_k[X \mid y]$$

        Source: Stanford CS236, Tweedie's formula and denoising score matching
        """
        smoothed = self.smoothed(sigma)

        def mean(y, log_joint, j):
            r = softmax(log_joint)
            mean = self._mean(r, lambda block: self._posterior_means(block, y, sigma, smoothed, j), y)
            return mean + (0.0 if j is None else self._posterior_means(slice(j, j + 1), y, sigma, smoothed)[0])

        return smoothed._by_likeliest(mean, y)

    @rows
    def posterior_cov(self, y: NoisyPoints, sigma: Level) -> Matrices:
        r"""Cov[X | y] = sum_k r_k(y) (Cov_k[X | y] + a_k a_k^T), a_k = E_k[X | y] - E[X | y], (n, d, d).

        $$\operatorname{Cov}[X|y] = \sum_k r_k(y) (\operatorname{Cov}_k[X|y] + a_k a_k^\top), \ a_k = \mathbb E_k[X|y]
        - \mathbb E[X|y]$$

        Source: Stanford CS236, Tweedie's formula and denoising score matching
        """
        smoothed = self.smoothed(sigma)
        _, _, within = shares(self.spread, sigma, smoothed.whitening)

        def cov(y, log_joint, j):
            r = softmax(log_joint)
            near = sigma**2 < np.min(self._diagonals(self.spread))  # to y, else to the means
            less = y if near else self._mean(r, lambda block: self.means[block][:, None], y)  # what they have in common
            mean = self._mean(r, lambda block: self._posterior_means(block, y, sigma, smoothed, j, less), y)
            total = np.tensordot(r.T, within, 1) if np.ndim(within) else within * np.eye(self.d)
            for block in self._blocks(y):
                a = self._posterior_means(block, y, sigma, smoothed, j, less) - mean
                total = total + np.matmul(np.transpose(r[block][:, :, None] * a, (1, 2, 0)), np.transpose(a, (1, 0, 2)))
            return 0.5 * (total + np.swapaxes(total, 1, 2))

        return smoothed._by_likeliest(cov, y)

    @rows
    def substitute(self, u: Points):
        """x = u."""
        return 1.0 * u, 0.0

    @rows
    def box(self, radius: Positive):
        """The smallest box that holds every component out to `radius` deviations."""
        deviations = np.sqrt(self._diagonals(self.spread))
        return np.min(self.means - radius * deviations, axis=0), np.max(self.means + radius * deviations, axis=0)

    @property
    def unit(self):
        """The deviation of each coordinate given the others, in the narrowest component."""
        return np.min(self._diagonals(self.precisions) ** -0.5, axis=0)

    def _diagonals(self, matrices):
        """The diagonal of each matrix, (k, d)."""
        return np.diagonal(matrices, axis1=1, axis2=2) if np.ndim(matrices) else matrices * np.ones(self.means.shape)


def applied(matrix, x):
    """A_k x of each row: matrix is a float, the same for all, or (k, d, d); x is (n, d) or (k, n, d)."""
    return np.matmul(x, np.swapaxes(matrix, -1, -2)) if np.ndim(matrix) else matrix * x


def product(a, b):
    """A_k B_k for each k: both are (k, d, d), or both floats."""
    return np.matmul(a, b) if np.ndim(a) else a * b


def shares(cov, sigma, whitening):
    r"""(G, I - G, sigma^2 G), G = C (C + sigma^2 I)^{-1}, of one or more matrices C, or of a float: the shares of y and
    of the mean in E[X | y], and Cov[X | y]. whitening: that of C + sigma^2 I.

    Where C has large entries and a small eigenvalue, C (C + sigma^2 I)^{-1} cancels, and where there is much noise
    I - sigma^2 (C + sigma^2 I)^{-1} does: of each entry the one with less roundoff is taken.
    """
    noise = sigma * whitening
    if not np.ndim(noise):
        return cov * whitening**2, noise**2, cov * noise * noise
    precision, lost = (np.matmul(np.swapaxes(a, -1, -2), a) for a in (whitening, noise))
    roundoff = np.matmul(np.abs(cov), np.abs(precision))
    less = np.matmul(np.abs(lost), roundoff + np.abs(lost)) < roundoff
    kept = np.eye(np.shape(noise)[-1]) - lost
    return (
        np.where(less, kept, np.matmul(cov, precision)),
        lost,
        np.where(less, sigma * (sigma * kept), np.matmul(cov, lost)),
    )


def part(matrices, block):
    """The matrices of a block of components; a float stands for all components."""
    return matrices[block] if np.ndim(matrices) else matrices


def common(a, b):
    """What two matrices share, entry by entry: the entry nearer to 0 if signs are equal, 0 if they differ."""
    return 0.5 * (np.sign(a) + np.sign(b)) * np.minimum(np.abs(a), np.abs(b))


def lost(a, b):
    """The exact rounding error of a - b: (a - b in exact arithmetic) minus the float a - b.

    Source: Knuth 1997, section 4.2.2, theorem B
    """
    less = a - b
    taken = less - a
    return (a - (less - taken)) - (b + taken)


@rows
def smoothed_empirical(points: Points, sigma: Deviation) -> GaussianMixture:
    r"""p^sigma = 1/N sum_i N(x_i, sigma^2 I): a data set plus noise, a mixture with one component per point.

    $$p^\sigma = \tfrac1N \sum_i \mathcal N(x_i, \sigma^2 I)$$

    points (N, d); sigma > 0, a float whose square neither overflows nor underflows. Memory is O(N d).
    Also: kernel density estimate, KDE, Parzen window
    Source: Vincent 2011, section 4.1; Song and Kingma 2021, section 4.1
    """
    return GaussianMixture(np.ones(len(points)) / len(points), points, sigma**2)


class Gamma:
    r"""Independent Gamma coordinates on x > 0: log p = sum_i a log b - log Gamma(a) + (a - 1) log x - b x.

    $$p(x) = \prod_i \frac{b_i^{a_i}}{\Gamma(a_i)}\, x_i^{a_i - 1} e^{-b_i x_i},\quad x > 0$$

    shape a, rate b (d,), positive; a float stands for d = 1. Outside the support log_prob is -inf, and score raises.
    Errors: E-POSITIVE, E-SHAPE, E-FINITE, E-DTYPE; E-SCALE where shape/rate overflows or underflows, or a rate is below
    2.3e-308; DomainError E-DOMAIN of score and `fisher_information`.
    Source: HY-673 lecture 12, score function; Stanford CS236, score function
    """

    def __init__(self, shape, rate):
        self.shape = positive_vector("shape", shape)
        self.rate = positive_vector("rate", rate, len(self.shape))
        self.d = len(self.shape)
        self.mean, self.mean_error = np.transpose(np.array([*map(quotient, self.shape.tolist(), self.rate.tolist())]))
        if not np.all((self.mean > 0) & np.isfinite(self.mean) & (self.rate >= SMALLEST)):
            wanted = "not make shape/rate overflow or underflow, nor be below 2.3e-308"
            raise InputError("E-SCALE", f"rate must {wanted}, got {self.rate.tolist()}")

    @rows
    def log_prob(self, x: Points) -> Rows:
        r"""sum_i a log b - log Gamma(a) + (a - 1) log x - b x, and -inf where a coordinate is not positive.

        $$\log p(x) = \sum_i \left[a_i \log b_i - \log \Gamma(a_i) + (a_i - 1) \log x_i - b_i x_i\right]$$

        For large a these terms cancel. It is then computed as -a (e - log(1 + e)) - log x + 1/2 log(a/2 pi) - mu(a),
        with e = (x - a/b)/(a/b) and mu the remainder of Stirling's formula.
        """
        inside = np.where(x > 0, x, 1.0)
        log_p = (self.shape - 1) * np.log(inside) - self.rate * x + self.shape * np.log(self.rate) - gammaln(self.shape)
        if np.any(self.shape >= LARGE):
            log_p = np.where(self.shape < LARGE, log_p, self._by_stirling(inside))
        return np.sum(np.where(x > 0, log_p, -np.inf), axis=1)

    def _by_stirling(self, x):
        a = np.maximum(self.shape, LARGE)
        e = ((x - self.mean) - self.mean_error) / self.mean
        normaliser = 0.5 * np.log(a / (2 * np.pi)) - stirling_remainder(a)
        return normaliser - np.log(x) - a * over_log(e, np.sqrt(x) / np.sqrt(self.mean))

    @rows
    def score(self, x: Points) -> Vectors:
        r"""(a - 1)/x - b.

        $$s_i(x) = (a_i - 1)/x_i - b_i$$

        Errors: DomainError E-DOMAIN where a coordinate is not positive.
        """
        if np.any(x <= 0):
            raise DomainError("E-DOMAIN", "x must be greater than 0: a Gamma density has no score outside its support")
        return (self.shape - 1) / x - self.rate

    def fisher_information(self) -> np.ndarray:
        r"""E[s^2] of each coordinate, (d,): b^2/(a - 2) for a > 2, and b^2 at a = 1. It is infinite for all other a.

        $$\mathbb E[s_i^2] = b_i^2/(a_i - 2)\ \text{ for } a_i > 2,\quad b_i^2\ \text{ at } a_i = 1$$

        Errors: DomainError E-DOMAIN where it is infinite.
        """
        if np.any((self.shape <= 2) & (self.shape != 1)):
            came = brief(self.shape.tolist())
            raise DomainError("E-DOMAIN", f"E s^2 of a Gamma density is finite for shape > 2 and shape = 1, got {came}")
        return self.rate**2 / np.where(self.shape == 1, 1.0, self.shape - 2)

    @rows
    def sample(self, rng: Rng, size: Size) -> Vectors:
        r"""Draw by rng.gamma, whose second argument is the scale 1/b.

        $$x_i \sim \Gamma(a_i)/b_i$$

        If the shape is small, much of the mass lies below the smallest normal float. Such draws are set to that float,
        because 0 is outside the support. Draws that overflow are set to the largest float.
        """
        return np.clip(rng.gamma(self.shape, 1 / self.rate, memory(size, len(self.shape))), SMALLEST, LARGEST)

    @rows
    def substitute(self, u: Points):
        """x = exp(u) a/b. For a < 1 u is stretched at the lower end, so that the mass below u falls as exp(u), not x^a.

        Where x would be below the smallest float it is set to that float, and log |dx/du| is then such that
        p(x) |dx/du| is what it would be at the true x.
        """
        stretch = np.maximum(1 / self.shape - 1, 0)
        log_x = u - stretch * np.logaddexp(0, -u) + np.log(self.shape / self.rate)
        above = np.maximum(log_x, LOG_SMALLEST)
        slope = np.log1p(stretch * expit(-u))  # log of d log_x/du
        x = np.where(log_x > LOG_SMALLEST, np.exp(above), SMALLEST)
        return x, np.sum(above + self.shape * (log_x - above) + slope, axis=1)

    @rows
    def box(self, radius: Positive):
        """u from far below the bulk, where the mass falls as x^a, to far above it, where the mass falls as exp(-b x).

        At u = -w < 0 the log-density is lower than at its peak by a (exp(u) - 1 - u) > a w^2/(2 + w); w makes that
        bound equal to radius^2/2.
        """
        below, above = 0.5 * radius**2 / np.maximum(self.shape, 1), 0.5 * (9 + 0.1 * radius) ** 2 / self.shape
        # the upper end is at x/mean = (1 + sqrt(above))^2
        return -0.5 * (below + np.sqrt(below**2 + 8 * below)), np.log1p(above + 2 * np.sqrt(above))

    @property
    def widest(self):
        """Beyond this radius 1/x^2 would overflow."""
        return np.sqrt(2 * LARGEST_LOG * np.maximum(np.min(self.shape), 1)) - 2

    @property
    def unit(self):
        """The width of the bulk in log x."""
        return np.minimum(1.0, self.shape**-0.5)


class StudentT:
    r"""Independent Student coordinates, with heavy tails: p = c (1 + t^2/nu)^{-(nu + 1)/2}/scale, t = (x - loc)/scale.

    $$p(x) = \prod_i \frac{(1 + t_i^2/\nu_i)^{-(\nu_i + 1)/2}}{\text{scale}_i \sqrt{\nu_i}\,
    B(\tfrac12, \tfrac{\nu_i}2)},\ t_i = (x_i - \text{loc}_i)/\text{scale}_i$$

    df = nu, loc, scale: (d,) each, or floats for d = 1; nu, scale > 0. E|x|^k exists for k < nu only.
    Errors: E-POSITIVE, E-SHAPE, E-FINITE, E-DTYPE.
    Source: Gelman et al. 2013, appendix A
    """

    def __init__(self, df, loc, scale):
        self.df = positive_vector("df", df)
        self.loc = vector("loc", loc, len(self.df))
        self.scale = positive_vector("scale", scale, len(self.df))
        self.d = len(self.df)

    @rows
    def log_prob(self, x: Points) -> Rows:
        r"""sum_i log Gamma((nu+1)/2) - log Gamma(nu/2) - 1/2 log(pi nu) - log scale - (nu+1)/2 log(1 + t^2/nu).

        $$\log p(x) = -\sum_i \left[\log(\text{scale}_i \sqrt{\nu_i}\, B(\tfrac12, \tfrac{\nu_i}2))
        + \tfrac{\nu_i + 1}2 \log(1 + t_i^2/\nu_i)\right]$$
        """
        nu, t = self.df, (x - self.loc) / self.scale
        log_c = log_student_constant(nu) - np.log(self.scale)
        return np.sum(log_c - 0.5 * (nu + 1) * log_one_plus_square(t / np.sqrt(nu)), axis=1)

    @rows
    def score(self, x: Points) -> Vectors:
        r"""-(nu + 1) t / (nu + t^2) / scale.

        $$s_i(x) = -\frac{(\nu_i + 1)\, t_i}{(\nu_i + t_i^2)\, \text{scale}_i},\quad
        t_i = (x_i - \text{loc}_i)/\text{scale}_i$$

        Computed from v = t/sqrt(nu), as v/(1 + v^2) times a constant. Since v/(1 + v^2) is the same for 1/v, 1/v is
        used where |v| > 1, and v^2 does not overflow.
        """
        v = (x - self.loc) / self.scale / np.sqrt(self.df)
        v = np.where(np.abs(v) > 1, np.where(np.abs(v) > 1, v, 1.0) ** -1.0, v)
        return -(self.df + 1) * v / np.sqrt(self.df) / (1 + v**2) / self.scale

    @rows
    def sample(self, rng: Rng, size: Size) -> Vectors:
        r"""loc + scale t. With few degrees of freedom some draws overflow: they are clipped to finite numbers.

        $$x_i = \text{loc}_i + \text{scale}_i\, t_i,\quad t_i \sim \text{Student}(\nu_i)$$
        """
        t = np.clip(rng.standard_t(self.df, memory(size, len(self.df))), -FARTHEST, FARTHEST)
        with np.errstate(over="ignore"):
            return np.clip(self.loc + self.scale * t, -LARGEST, LARGEST)

    @rows
    def substitute(self, u: Points):
        """x = loc + scale sinh u."""
        return self.loc + self.scale * np.sinh(u), np.sum(np.log(self.scale * np.cosh(u)), axis=1)

    @rows
    def box(self, radius: Positive):
        """The bulk as for a Gaussian, then the tails, in which the mass beyond u falls as exp(-nu u)."""
        reach = np.arcsinh(radius) + 0.5 * radius**2 / self.df
        return -reach, reach

    @property
    def widest(self):
        """Beyond this radius x^2 would overflow."""
        return np.sqrt(2 * LARGEST_LOG * np.min(self.df)) - 2

    @property
    def unit(self):
        """1/2: x = sinh u puts poles of the density at a distance of at most pi/2 from the real line of u."""
        return 0.5 * np.ones_like(self.df)


class Laplace:
    r"""Independent Laplace coordinates: p = exp(-|x - loc|/scale)/(2 scale), with a kink at loc, where the score jumps.

    $$p(x) = \prod_i \frac{1}{2\, \text{scale}_i}\, e^{-|x_i - \text{loc}_i|/\text{scale}_i}$$

    loc, scale: (d,) each, or floats for d = 1; scale > 0. Stein's identity E[s.g + div g] = 0 holds for smooth g, but
    E[s s^T] = -E[grad s] does not, because s jumps at the kink.
    Errors: E-POSITIVE, E-SHAPE, E-FINITE, E-DTYPE.
    Source: Gelman et al. 2013, appendix A (double-exponential)
    """

    widest = 150.0

    def __init__(self, loc, scale):
        self.loc = vector("loc", loc)
        self.scale = positive_vector("scale", scale, len(self.loc))
        self.d = len(self.loc)

    @rows
    def log_prob(self, x: Points) -> Rows:
        r"""sum_i -|x - loc|/scale - log(2 scale).

        $$\log p(x) = -\sum_i \left[|x_i - \text{loc}_i|/\text{scale}_i + \log(2\, \text{scale}_i)\right]$$
        """
        return np.sum(-np.abs(x - self.loc) / self.scale - np.log(2 * self.scale), axis=1)

    @rows
    def score(self, x: Points) -> Vectors:
        r"""-sign(x - loc)/scale.

        $$s_i(x) = -\operatorname{sign}(x_i - \text{loc}_i)/\text{scale}_i$$
        """
        return -np.sign(x - self.loc) / self.scale

    @rows
    def sample(self, rng: Rng, size: Size) -> Vectors:
        r"""Draw by rng.laplace. Draws that overflow are set to the largest float.

        $$x_i \sim \text{Laplace}(\text{loc}_i, \text{scale}_i)$$
        """
        return np.clip(rng.laplace(self.loc, self.scale, memory(size, len(self.loc))), -LARGEST, LARGEST)

    @rows
    def substitute(self, u: Points):
        """|x - loc| = scale exp(|u| + KINK_LOG) on each side of the kink: nodes there have negligible weight."""
        log_distance = np.abs(u) + KINK_LOG
        return self.loc + self.scale * np.sign(u) * np.exp(log_distance), np.sum(
            log_distance + np.log(self.scale), axis=1
        )

    @rows
    def box(self, radius: Positive):
        """`radius`^2/2 scales on either side."""
        reach = (np.log(0.5 * radius**2) - KINK_LOG) * np.ones_like(self.loc)
        return -reach, reach

    @property
    def unit(self):
        """One scale."""
        return np.ones_like(self.loc)


def quotient(a, b):
    """a/b for Python floats, and the exact rounding error of the quotient."""
    ratio = a / b
    return ratio, float(Fraction(a) / Fraction(b) - Fraction(ratio)) if np.isfinite(ratio) else 0.0


def stirling_remainder(a):
    r"""mu(a) = log Gamma(a) - (a - 1/2) log a + a - 1/2 log 2 pi, for a >= 10 (Abramowitz and Stegun 1964, 6.1.41)."""
    powers = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156]
    return sum(c * (1 / a) ** (2 * i + 1) for i, c in enumerate(powers))


def log_student_constant(nu):
    r"""log Gamma((nu + 1)/2) - log Gamma(nu/2) - 1/2 log(pi nu), by Stirling's formula if the first two are large.

    With a = nu/2 that is a log(1 + 1/(2a)) - 1/2 - 1/2 log(2 pi) + mu(a + 1/2) - mu(a), mu its remainder.
    """
    small, a = np.minimum(nu, 2 * LARGE), np.maximum(nu / 2, LARGE)
    by_stirling = a * np.log1p(0.5 / a) - 0.5 * (1 + LOG_2PI) + stirling_remainder(a + 0.5) - stirling_remainder(a)
    direct = gammaln((small + 1) / 2) - gammaln(small / 2) - 0.5 * np.log(np.pi * small)
    return np.where(nu < 2 * LARGE, direct, by_stirling)


def over_log(e, root):
    r"""e - log(1 + e) >= 0, root = sqrt(1 + e) > 0. Near 0, with r = e/(2 + e): e r - 2 (r^3/3 + r^5/5 + ...)."""
    near = np.abs(e) < 0.25
    r = np.where(near, e, 0.0) / (2 + np.where(near, e, 0.0))
    series = functools.reduce(lambda total, odd: total * r**2 + 1 / odd, range(19, 1, -2), 0.0)
    return np.where(near, e * r - 2 * r**3 * series, e - 2 * np.log(root))


def log_one_plus_square(v):
    r"""log(1 + v^2), also where v^2 overflows: there it is 2 log |v|."""
    far = np.abs(v) > 1e8
    return np.where(far, 2 * np.log(np.abs(np.where(far, v, 1.0))), np.log1p(np.where(far, 0.0, v) ** 2))
