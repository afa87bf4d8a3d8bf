"""jax.scipy.stats."""

from jax.scipy import stats

from refebm.crosscheck.frameworks.jax import objective

EXPECTED = dict.fromkeys(("Gaussian.log_prob", "Gamma.log_prob", "StudentT.log_prob", "Laplace.log_prob"), "passed")


@objective
class Gaussian:
    def __init__(self, mean, cov):
        self.given = mean, cov

    def log_prob(self, x):
        return stats.multivariate_normal.logpdf(x, *self.given)


@objective
class Gamma:
    def __init__(self, shape, rate):
        self.shape, self.rate = shape, rate

    def log_prob(self, x):
        return stats.gamma.logpdf(x, self.shape, scale=1 / self.rate).sum(1)


@objective
class StudentT:
    def __init__(self, df, loc, scale):
        self.given = df, loc, scale

    def log_prob(self, x):
        return stats.t.logpdf(x, *self.given).sum(1)


@objective
class Laplace:
    def __init__(self, loc, scale):
        self.given = loc, scale

    def log_prob(self, x):
        return stats.laplace.logpdf(x, *self.given).sum(1)
