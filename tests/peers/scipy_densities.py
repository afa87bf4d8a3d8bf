"""scipy.stats: densities of independent and of correlated coordinates."""

import numpy as np
from scipy import stats

EXPECTED = dict.fromkeys(("Gaussian.log_prob", "Gamma.log_prob", "StudentT.log_prob", "Laplace.log_prob"), "passed")


class Gaussian:
    def __init__(self, mean, cov):
        self.law = stats.multivariate_normal(mean, cov)

    def log_prob(self, x):
        return np.reshape(self.law.logpdf(x), len(x))


class _Independent:
    def log_prob(self, x):
        return self.law.logpdf(x).sum(axis=1)


class Gamma(_Independent):
    def __init__(self, shape, rate):
        self.law = stats.gamma(shape, scale=1 / rate)


class StudentT(_Independent):
    def __init__(self, df, loc, scale):
        self.law = stats.t(df, loc, scale)


class Laplace(_Independent):
    def __init__(self, loc, scale):
        self.law = stats.laplace(loc, scale)
