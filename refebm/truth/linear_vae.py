r"""A linear Gaussian variational autoencoder: its marginal, posterior and ELBO gap have closed forms."""

import autograd.numpy as np

from refebm.calculus import held
from refebm.glossary import (
    Covariance,
    Density,
    DomainError,
    InputError,
    covariance,
    matrix,
    of_shape,
    points_of,
    squarable,
    vector,
)
from refebm.truth.densities import LOG_2PI, Gaussian

LARGEST = 1e150


class LinearGaussianVAE:
    r"""z ~ N(0, I), x | z ~ N(W z + b, s^2 I); then x ~ N(b, W W^T + s^2 I), z | x ~ N(P W^T (x - b)/s^2, P).

    $$z \sim \mathcal N(0, I),\ x \mid z \sim \mathcal N(W z + b, s^2 I)$$

    P = (I + W^T W/s^2)^{-1}. weights W (d, k), bias b (d,), deviation s > 0, a float.
    Errors: E-SHAPE, E-FINITE, E-DTYPE, E-POSITIVE, E-DEFINITE, E-SCALE; of the methods E-NDIM, E-EMPTY, E-SHAPE,
    E-FINITE and E-DTYPE for points. DomainError E-ROUNDOFF if P has not three digits, as where s is below 1e-7 of the
    weights and z has more coordinates than x; of the methods, if the value has not.
    Source: Tipping and Bishop 1999, eqs. 5 to 8; Lucas, Tucker, Grosse and Norouzi 2019, section 3
    """

    def __init__(self, weights, bias, deviation):
        self.weights, self.deviation = matrix("weights", weights), squarable("deviation", deviation)
        self.d, self.k = self.weights.shape
        self.bias = vector("bias", bias, self.d)
        if np.max(np.abs(self.weights)) / self.deviation > LARGEST:
            raise InputError("E-SCALE", f"deviation must be above 1e-150 times the weights, got {self.deviation}")
        precision = np.eye(self.k) + np.dot(self.weights.T, self.weights) / self.deviation**2
        unit = np.sqrt(np.diag(precision))
        units = unit[:, None] * unit
        scaled = with_digits(precision / units, "precision of z given x, in units of its diagonal,")
        inverse = np.linalg.inv(scaled)
        self.posterior_cov = 0.5 * (inverse + inverse.T) / units  # symmetric to the last digit
        self._deviations = np.sqrt(np.diag(self.posterior_cov))

    def log_joint(self, x, z):
        r"""log N(z; 0, I) + log N(x; W z + b, s^2 I), (n,).

        $$\log p(x, z) = \log \mathcal N(z; 0, I) + \log \mathcal N(x; W z + b, s^2 I)$$
        """
        x = points_of(self, "x", x)
        z = of_shape("z", z, (len(x), self.k))
        error = (x - np.dot(z, self.weights.T) - self.bias) / self.deviation
        constant = 0.5 * (self.d + self.k) * LOG_2PI + self.d * np.log(self.deviation)
        return -0.5 * np.sum(z**2, axis=1) - 0.5 * np.sum(error**2, axis=1) - constant

    def marginal(self) -> Density:
        r"""The law of x.

        $$p(x) = \mathcal N(x; b, W W^\top + s^2 I)$$

        What is small in a covariance beside its largest variance is known to a roundoff of that. Errors: DomainError
        E-ROUNDOFF where it has not three digits left.
        """
        cov = np.dot(self.weights, self.weights.T) + self.deviation**2 * np.eye(self.d)
        return Gaussian(self.bias, with_digits(cov, "variance of x"))

    def posterior_mean(self, x):
        r"""E[z | x], (n, k).

        $$\mathbb E[z|x] = P W^\top (x - b)/s^2,\quad P = (I + W^\top W/s^2)^{-1}$$
        """
        x = points_of(self, "x", x)
        mean = np.dot(np.dot(x - self.bias, self.weights), self.posterior_cov) / self.deviation**2
        size = np.maximum(self._deviations, np.max(np.abs(mean), axis=1)[:, None])
        refuse_lost("posterior mean", np.max(self._error(x, mean) / size, axis=1))
        return mean

    def _error(self, x, mean):
        """How far the posterior mean m may be off, (n, k): |P| times the roundoff in P^{-1} m = W^T (x - b)/s^2."""
        slopes = np.abs(self.weights) / self.deviation
        both = np.abs(x - self.bias) / self.deviation + np.dot(np.abs(mean), slopes.T)
        return np.finfo(float).eps * np.dot(np.abs(mean) + np.dot(both, slopes), np.abs(self.posterior_cov))

    def gap(self, x, mean, cov: Covariance):
        r"""log p(x) minus the ELBO of q(z|x_i) = N(mean_i, cov), (n,): it is KL(q | posterior of x_i).

        $$\tfrac12 [\operatorname{tr} P^{-1} S + r^\top P^{-1} r - k + \log\det(P S^{-1})], \ r = \mu - \mathbb E[z|x]$$

        mean = mu (n, k); cov = S (k, k). Errors: E-SYMMETRIC and E-DEFINITE for cov.
        """
        x, cov = points_of(self, "x", x), covariance("cov", cov, self.k)
        precision = np.linalg.inv(self.posterior_cov)
        centre = self.posterior_mean(x)
        off = of_shape("mean", mean, (len(x), self.k)) - centre
        log_ratio = np.linalg.slogdet(self.posterior_cov)[1] - np.linalg.slogdet(cov)[1]
        pull, error = np.dot(off, precision), self._error(x, centre)
        squares = np.sum(pull * off, axis=1)
        lost = np.sum((2 * np.abs(pull) + np.dot(error, np.abs(precision))) * error, axis=1)
        refuse_lost("gap", lost / (squares + np.sum(np.diag(precision) * np.diag(cov)) + self.k + np.abs(log_ratio)))
        return 0.5 * (np.trace(np.dot(precision, cov)) + squares - self.k + log_ratio)


def with_digits(matrix, entry):
    """A matrix, unless its smallest eigenvalue is no more than a thousand roundoffs of its largest."""
    sizes = np.linalg.eigvalsh(held(matrix))
    if not sizes[0] > 1000 * np.finfo(float).eps * sizes[-1]:
        raise DomainError(
            "E-ROUNDOFF",
            "deviation must not be so small that roundoff of squared weights hides it: the smallest "
            f"{entry} is {sizes[0]:.1e}, the largest {sizes[-1]:.1e}",
        )
    return matrix


def refuse_lost(name, error):
    """Refuse if a row has not three digits."""
    lost = ~(held(error) < 1e-3)
    if np.any(lost):
        row = np.argmax(lost)
        raise DomainError(
            "E-ROUNDOFF", f"x must not be so many deviations off bias that the {name} at row {row} has not three digits"
        )
