"""Variants of the densities and of the expectations over them."""

import numpy as np

from refebm.truth.densities import Gaussian
from refebm.variants.arguments import Question
from refebm.variants.asked import FAR, asked
from refebm.variants.record import conventions, naive_forms, one_term, terms, wrong_versions

SCALE = "scale for rate (theta = 1/rate)"
SCALE_LIBRARIES = "numpy.random.gamma, scipy.stats.gamma"

wrong_versions(
    "Gaussian.log_prob",
    (
        "normaliser lacks d",
        "np.sum(whitened**2 + LOG_2PI, axis=1)",
        "(np.sum(whitened**2, axis=1) + LOG_2PI)",
        "d = 1",
        "ncsn gmm.py",
    ),
    (
        "sigma for sigma squared in the root",
        "- np.sum(np.log(np.diag(self.cholesky)))",
        "- 0.5 * np.sum(np.log(np.diag(self.cholesky)))",
        "unit covariance",
        "printed in HY-673 lecture 12: 1/sqrt(2 pi sigma)",
    ),
    ("no log 2 pi", "whitened**2 + LOG_2PI", "whitened**2", "up to a constant", "sliced_score_matching ParzenGaussian"),
    (
        "no 1/2 on the square",
        "np.sum(whitened**2 + LOG_2PI, axis=1)",
        "np.sum(2 * whitened**2 + LOG_2PI, axis=1)",
        "at the centre",
    ),
    ("wrong Cholesky factor", "self.whitening.T", "self.whitening", "isotropic", "blackjax 533"),
    ("mean reflected", "x - self.mean", "x + self.mean", "zero mean"),
    ("cov read as a precision", "self.whitening.T", "self.cholesky", "unit covariance"),
)
terms(
    "Gaussian.log_prob",
    ("-1/2 (x - m)^T C^{-1} (x - m)", "-0.5 * np.sum(np.dot(x - self.mean, self.whitening.T) ** 2, axis=1)"),
    ("-1/2 log det C", "-np.sum(np.log(np.diag(self.cholesky))) * np.ones(len(x))"),
    ("-d/2 log 2 pi", "-0.5 * self.d * LOG_2PI * np.ones(len(x))"),
)
wrong_versions(
    "Gaussian.score",
    ("sign", "-np.dot(...)", "np.dot(...)", "up to a factor"),
    ("covariance for precision", "self.precision", "self.cov", "unit covariance"),
    ("sigma for sigma squared", "self.precision", "self.whitening.T", "unit covariance"),
    ("mean reflected", "x - self.mean", "x + self.mean", "zero mean", "LSD GB-RBM: energy and score of two models"),
    (
        "diagonal precision",
        "np.dot(x - self.mean, self.precision)",
        "(x - self.mean) * np.diag(self.precision)",
        "isotropic",
    ),
)
wrong_versions(
    "Gaussian.sample",
    ("variance as scale", "self.cholesky.T", "self.cov", "unit covariance", "pyro 1643, edward 722"),
    ("no mean", "self.mean + ", "", "zero mean"),
    ("precision for covariance", "self.cholesky.T", "self.whitening", "unit covariance"),
    ("wrong Cholesky factor", "self.cholesky.T", "self.cholesky", "isotropic", "blackjax 533"),
    ("half the noise", "rng.standard_normal(...)", "0.5 * rng.standard_normal(...)"),
)
wrong_versions(
    "Gaussian.smoothed",
    (
        "sigma for sigma squared",
        'squarable("sigma", sigma, least=0) ** 2',
        'squarable("sigma", sigma, least=0)',
        "sigma = 1",
        "pyro 1643, edward 722",
    ),
    ("noise replaces the data", "self.cov + ", "0 * self.cov + "),
    ("noise common to all coordinates", "np.eye(len(self.mean))", "np.ones((len(self.mean),) * 2)", "d = 1"),
    ("the mean over 1 + sigma^2", "Gaussian(self.mean, ...)", "Gaussian(self.mean / (1 + sigma**2), ...)", "zero mean"),
)
SMOOTHED = "self.cov, sigma, self.smoothed(sigma).whitening"
wrong_versions(
    "Gaussian.posterior_mean",
    ("shrinks to the origin", "np.dot(self.mean, ...) + ", "", "zero mean"),
    (
        "sigma for sigma squared",
        f"shares({SMOOTHED})",
        f"shares({SMOOTHED.replace('sigma', 'sigma**0.5')})",
        "sigma = 1",
    ),
    (
        "weight of the noise",
        "np.dot(self.mean, lost.T) + np.dot(y, gain.T)",
        "np.dot(y, lost.T) + np.dot(self.mean, gain.T)",
    ),
    ("the noisy point", "np.dot(self.mean, ...) + np.dot(y, ...)", "y"),
)
terms(
    "Gaussian.posterior_mean",
    ("m", "self.mean + 0 * y"),
    ("C (C + sigma^2 I)^{-1} (y - m)", "np.dot(y - self.mean, np.dot(self.smoothed(sigma).precision, self.cov))"),
)
wrong_versions(
    "Gaussian.posterior_cov",
    ("sigma for sigma squared", "(cov + cov.T)", "(cov + cov.T) / sigma", "sigma = 1"),
    ("the prior covariance", "0.5 * (cov + cov.T)", "self.cov"),
    ("the covariance of the noise", "0.5 * (cov + cov.T)", "sigma**2 * np.eye(len(cov))"),
    ("weight of the noise", "(cov + cov.T)", "(2 * sigma**2 * np.eye(len(cov)) - cov - cov.T)"),
)
LOG_SUM, OF_ALL = "logsumexp(log_joint, 0)", "self._by_likeliest(log_sum, x)"
wrong_versions(
    "GaussianMixture.log_prob",
    ("largest term for the sum", LOG_SUM, "np.max(log_joint, axis=0)", "one component"),
    (
        "sum of components without weights",
        LOG_SUM,
        "logsumexp(log_joint - np.log(self.weights)[:, None], 0)",
        "one component",
        "sliced_score_matching ParzenGaussian: log N missing",
    ),
    ("mean of the logs", LOG_SUM, "np.dot(self.weights, log_joint)", "one component"),
    (
        "weighted mean of the components' logarithms",
        OF_ALL,
        "sum(w * one.log_prob(x) for w, one in zip(self.weights, self.components))",
        "one component",
    ),
    ("normaliser lacks d", OF_ALL, f"{OF_ALL} + 0.5 * LOG_2PI * (x.shape[1] - 1)", "d = 1", "ncsn gmm.py"),
    (
        "no log 2 pi",
        OF_ALL,
        f"{OF_ALL} + 0.5 * LOG_2PI * x.shape[1]",
        "up to a constant",
        "sliced_score_matching ParzenGaussian",
    ),
)
R, MEAN_SCORE = "softmax(log_joint)", "self._by_likeliest(mean_score, x)"
wrong_versions(
    "GaussianMixture.score",
    ("weights for responsibilities", R, "self.weights[:, None] * np.ones(len(x))", "one component"),
    (
        "gradient of the density",
        MEAN_SCORE,
        f"np.exp(self.log_prob(x))[:, None] * {MEAN_SCORE}",
        "finite",
    ),
    ("the nearest component alone", R, f"1.0 * ({R} == np.max({R}, axis=0))", "one component"),
    ("responsibility of the neighbour", R, f"np.roll({R}, 1, axis=0)", "one component"),
)
wrong_versions(
    "GaussianMixture.sample",
    ("weights ignored", "rng.choice(..., p=self.weights)", "rng.choice(...)"),
    ("variance as scale", "self.factors", "self.spread", "unit covariance", "pyro 1643, edward 722"),
    ("means averaged", "self.means[chosen]", "self.weights @ self.means", "one component"),
    ("means left out", "self.means[chosen] + ", ""),
    (
        "wrong Cholesky factor",
        "part(self.factors, chosen)",
        "np.swapaxes(np.linalg.cholesky(self.covs)[chosen], 1, 2)",
        "isotropic",
        "blackjax 533",
    ),
)
wrong_versions(
    "GaussianMixture.smoothed",
    ("sigma for sigma squared", " ** 2", "", "sigma = 1"),
    ("noise replaces the data", "self.spread + ", "0 * self.spread + "),
    ("noise common to all coordinates", "np.eye(self.d)", "np.ones((self.d, self.d))", "d = 1"),
    (
        "noise on the first component alone",
        "variance * unit",
        "variance * unit * np.eye(1, len(self.means)).reshape(-1, 1, 1)",
        "one component",
    ),
)
MEANS = "lambda block: self._posterior_means(block, y, sigma, smoothed, j)"
CLEAN = "responsibilities of the clean mixture"
WITHIN, BETWEEN = "shares(self.spread, sigma, smoothed.whitening)", "total = total + "
wrong_versions(
    "GaussianMixture.posterior_mean",
    (CLEAN, "smoothed._by_likeliest", "self._by_likeliest", "one component"),
    ("weights for responsibilities", R, "self.weights[:, None] * np.ones(len(y))", "one component"),
    ("means of the components", MEANS, "lambda block: self.means[block][:, None] + 0 * y"),
    (
        "sigma for sigma squared",
        MEANS,
        "lambda block: self._posterior_means(block, y, sigma**0.5, self.smoothed(sigma**0.5), j)",
        "sigma = 1",
    ),
)
wrong_versions(
    "GaussianMixture.posterior_cov",
    ("no variance between components", BETWEEN, "total = total + 0 * ", "one component"),
    (CLEAN, "smoothed._by_likeliest", "self._by_likeliest", "one component"),
    ("prior covariances", WITHIN, "(0.0, 0.0, self.spread)"),
    ("variance between components twice", BETWEEN, "total = total + 2 * ", "one component"),
)
terms(
    "GaussianMixture.posterior_cov",
    (
        "sum_k r_k Cov_k[X|y]",
        "sum(r[:, None, None] * c.posterior_cov(y, sigma)"
        " for r, c in zip(self.smoothed(sigma).responsibilities(y).T, self.components))",
    ),
    (
        "sum_k r_k a_k a_k^T",
        "sum(r[:, None, None] * a[:, :, None] * a[:, None, :]"
        " for r, c in zip(self.smoothed(sigma).responsibilities(y).T, self.components)"
        " for a in [c.posterior_mean(y, sigma) - self.posterior_mean(y, sigma)])",
    ),
)
wrong_versions(
    "smoothed_empirical",
    ("sigma for sigma squared", " ** 2", "", "sigma = 1", "pyro 1643, edward 722"),
    (
        "the mean of the data",
        "GaussianMixture(..., points, variance)",
        "GaussianMixture(..., 0 * points + np.mean(points, axis=0), variance)",
        "one row",
    ),
    ("the first point alone", "np.ones(len(points)) / len(points)", "np.eye(len(points))[0]", "one row"),
    ("noise twice", "GaussianMixture(..., points, variance)", "GaussianMixture(..., points, 2 * variance)"),
)
wrong_versions(
    "Gamma.log_prob",
    ("power of x", "(self.shape - 1)", "self.shape"),
    ("power of the rate", "self.shape * np.log(self.rate)", "np.log(self.rate)", "shape one"),
    ("no Gamma function", " - gammaln(self.shape)", "", "shape one"),
    ("Gamma(shape + 1)", "gammaln(self.shape)", "gammaln(self.shape + 1)", "shape one"),
    ("scale in the exponent alone", "- self.rate * x", "- x / self.rate", "unit rate"),
)
conventions(
    "Gamma.log_prob",
    (
        SCALE,
        "- self.rate * x + self.shape * np.log(self.rate)",
        "- x / self.rate - self.shape * np.log(self.rate)",
        SCALE_LIBRARIES,
    ),
)
terms(
    "Gamma.log_prob",
    ("(shape - 1) log x", "np.sum((self.shape - 1) * np.log(x), axis=1)"),
    ("-rate x", "-np.sum(self.rate * x, axis=1)"),
    ("shape log rate", "np.sum(self.shape * np.log(self.rate)) * np.ones(len(x))"),
    ("-log Gamma(shape)", "-np.sum(gammaln(self.shape)) * np.ones(len(x))"),
)
wrong_versions(
    "Gamma.score",
    ("shape for shape - 1", "(self.shape - 1)", "self.shape"),
    ("sign of the rate", "- self.rate", "+ self.rate"),
    ("root of x", "/ x - self.rate", "/ np.sqrt(x) - self.rate", "shape one"),
    ("score of log x", "(self.shape - 1) / x - self.rate", "self.shape - self.rate * x"),
)
conventions("Gamma.score", (SCALE, "- self.rate", "- 1 / self.rate", SCALE_LIBRARIES))
terms("Gamma.score", ("(shape - 1)/x", "(self.shape - 1) / x"), ("-rate", "-self.rate + 0 * x"))
wrong_versions(
    "Gamma.fisher_information",
    ("shape - 1", "self.shape - 2", "self.shape - 1"),
    ("shape", "self.shape - 2", "self.shape"),
    (
        "rate not squared",
        "self.rate**2 / np.where(self.shape == 1, 1.0, self.shape - 2)",
        "self.rate / np.where(self.shape == 1, 1.0, self.shape - 2)",
        "unit rate",
    ),
    (
        "rate cubed",
        "self.rate**2 / np.where(self.shape == 1, 1.0, self.shape - 2)",
        "self.rate**3 / np.where(self.shape == 1, 1.0, self.shape - 2)",
        "unit rate",
    ),
)
conventions(
    "Gamma.fisher_information",
    (
        SCALE,
        "self.rate**2 / np.where(self.shape == 1, 1.0, self.shape - 2)",
        "self.rate**-2 / np.where(self.shape == 1, 1.0, self.shape - 2)",
        SCALE_LIBRARIES,
    ),
)
wrong_versions(
    "Gamma.sample",
    (
        "one shape too many",
        "rng.gamma(self.shape, 1 / self.rate, memory(size, len(self.shape)))",
        "rng.gamma(self.shape + 1, 1 / self.rate, memory(size, len(self.shape)))",
    ),
    ("an exponential", "rng.gamma(self.shape, 1 / self.rate, ...)", "rng.exponential(self.shape / self.rate, ...)"),
    ("root of the rate", "1 / self.rate", "1 / np.sqrt(self.rate)", "unit rate"),
    ("inverse Gamma", "np.clip(...)", "1 / np.clip(...)"),
)
conventions("Gamma.sample", (SCALE, "1 / self.rate", "self.rate", SCALE_LIBRARIES))
wrong_versions(
    "StudentT.log_prob",
    ("nu for nu + 1", "0.5 * (nu + 1)", "0.5 * nu", "at the centre"),
    ("log of the scale left out", " - np.log(self.scale)", "", "unit covariance"),
    ("no degrees of freedom in the tail", "t / np.sqrt(nu)", "t", "at the centre"),
    ("loc reflected", "x - self.loc", "x + self.loc", "zero mean"),
    (
        "variance as scale",
        "nu, t = ",
        "self = type(self)(self.df, self.loc, self.scale**2); nu, t = ",
        "unit covariance",
        "pyro 1643, edward 722",
    ),
)
terms(
    "StudentT.log_prob",
    ("log Gamma((nu+1)/2)", "np.sum(gammaln((self.df + 1) / 2)) * np.ones(len(x))"),
    ("-log Gamma(nu/2)", "-np.sum(gammaln(self.df / 2)) * np.ones(len(x))"),
    ("-1/2 log(pi nu)", "-0.5 * np.sum(np.log(np.pi * self.df)) * np.ones(len(x))"),
    ("-log scale", "-np.sum(np.log(self.scale)) * np.ones(len(x))"),
    (
        "-(nu+1)/2 log(1 + t^2/nu)",
        "-0.5 * np.sum((self.df + 1) * np.log1p(((x - self.loc) / self.scale) ** 2 / self.df), axis=1)",
    ),
)
TAIL = "-(self.df + 1) * v / np.sqrt(self.df) / (1 + v**2) / self.scale"
wrong_versions(
    "StudentT.score",
    ("nu for nu + 1", "(self.df + 1)", "self.df"),
    ("not over the scale", "(1 + v**2) / self.scale", "(1 + v**2)", "unit covariance"),
    ("a Gaussian score", TAIL, "-(self.df + 1) * (x - self.loc) / self.scale**2 / self.df"),
    (
        "variance as scale",
        "v = (x - self.loc) / self.scale / np.sqrt(self.df)",
        "self = type(self)(self.df, self.loc, self.scale**2); v = (x - self.loc) / self.scale / np.sqrt(self.df)",
        "unit covariance",
        "pyro 1643, edward 722",
    ),
    ("sign", "-(self.df + 1)", "(self.df + 1)", "up to a factor"),
)
wrong_versions(
    "StudentT.sample",
    ("variance as scale", "self.scale *", "self.scale**2 *", "unit covariance"),
    ("no loc", "self.loc + ", "", "zero mean"),
    ("one degree of freedom", "rng.standard_t(self.df, ...)", "rng.standard_t(1.0 + 0 * self.df, ...)"),
    ("half the scale", "self.scale *", "self.scale / 2 *"),
)
EXPONENT, RATE = "np.abs(x - self.loc) / self.scale", "np.abs(x - self.loc) * self.scale"
wrong_versions(
    "Laplace.log_prob",
    ("no 2", "2 * self.scale", "self.scale", "up to a constant"),
    ("the square", "np.abs(x - self.loc)", "(x - self.loc) ** 2", "at the centre"),
    ("rate for scale", f"-{EXPONENT} - np.log(2 * self.scale)", f"-{RATE} - np.log(2 / self.scale)", "unit covariance"),
    ("the scale left out of the normaliser", "2 * self.scale", "2", "unit covariance"),
    (
        "variance as scale",
        f"-{EXPONENT} - np.log(2 * self.scale)",
        f"-{EXPONENT}**2 - np.log(2 * self.scale**2)",
        "unit covariance",
        "pyro 1643, edward 722",
    ),
)
terms(
    "Laplace.log_prob",
    ("-|x - loc|/scale", "-np.sum(np.abs(x - self.loc) / self.scale, axis=1)"),
    ("-log(2 scale)", "-np.sum(np.log(2 * self.scale)) * np.ones(len(x))"),
)
wrong_versions(
    "Laplace.score",
    ("sign", "-np.sign(...)", "np.sign(...)", "up to a factor"),
    ("not over the scale", " / self.scale", "", "unit covariance"),
    ("no loc", "x - self.loc", "x", "zero mean"),
    ("a Gaussian score", "np.sign(x - self.loc)", "(x - self.loc)"),
    ("variance as scale", " / self.scale", " / self.scale**2", "unit covariance", "pyro 1643, edward 722"),
)
wrong_versions(
    "Laplace.sample",
    ("rate for scale", "self.scale", "1 / self.scale", "unit covariance"),
    ("no loc", "rng.laplace(self.loc, self.scale, ...)", "rng.laplace(0 * self.loc, self.scale, ...)", "zero mean"),
    ("half the scale", "rng.laplace(self.loc, self.scale, ...)", "rng.laplace(self.loc, self.scale / 2, ...)"),
    ("variance as scale", "rng.laplace(self.loc, self.scale, ...)", "rng.laplace(self.loc, 2 * self.scale**2, ...)"),
)
wrong_versions("expect", ("no Jacobian", " + log_dx", "", "unit covariance"), inside="trapezoid")
wrong_versions("expect", ("tails cut", "density.box(radius + 2)", "density.box(1.5)"), inside="_grid")
wrong_versions(
    "expect",
    ("absolute values", "value.T * lattice.weights", "np.abs(value.T) * lattice.weights"),
    ("values of the neighbour", "value.T * lattice.weights", "np.roll(value, 1, axis=0).T * lattice.weights"),
    ("a density too flat", "lattice.weights", "np.sqrt(lattice.weights)"),
    inside="_terms",
)


def moments(impl, **question):
    """1, the mean and the fourth moment of a Gaussian."""
    p = Gaussian(**PARAMETERS["Gaussian"](Question(**question | {"d": 1})))
    return impl.expect([lambda x: np.stack([np.ones(len(x)), *x.T, np.sum(x**4, axis=1)], axis=1)], p).value[0]


def mixture(ask):
    """The parameters of a mixture of one, two or three Gaussians, far from equal."""
    k = ask.fixed.get("components", 3)
    weights = ask.fixed.get("weights") or {1: [1.0], 2: [0.375, 0.625], 3: [0.5, 0.3125, 0.1875]}[k]
    shifts = ask.grid((k, ask.d), -1.5, 1.5) * (k != 1) * ask.fixed.get("apart", 1)
    covs = np.stack([ask.covariance() for _ in range(k)])
    return {"weights": np.array(weights), "means": ask.centre + shifts, "covs": covs}


def scaled(ask, **first):
    """The place and the scale of each coordinate, after other parameters."""
    scale = np.ones(ask.d) if ask.fixed.get("unit") else ask.grid((ask.d,), 0.5, 2)
    return {name: make() for name, make in first.items()} | {"loc": ask.centre, "scale": scale}


def fixed_or_drawn(ask, name):
    return np.ones(ask.d) * ask.fixed[name] if name in ask.fixed else ask.grid((ask.d,), 2.5, 4)


PARAMETERS = {  # of each density, in the questions about it
    "Gaussian": lambda ask: {"mean": ask.centre, "cov": ask.covariance()},
    "GaussianMixture": mixture,
    "smoothed_empirical": lambda ask: {"points": ask.around("x"), "sigma": ask.level},
    "standard_normal": lambda ask: {"d": ask.d},
    "Gamma": lambda ask: {name: fixed_or_drawn(ask, name) for name in ("shape", "rate")},
    "StudentT": lambda ask: scaled(ask, df=lambda: ask.grid((ask.d,), 3, 4)),
    "Laplace": scaled,
}


def of_density(ask, name, method="log_prob"):
    """A density as data, and the arguments of its method; smoothed densities are compared by log_prob."""
    given = {"density": {"density": name, "parameters": PARAMETERS[name](ask)}}
    if method in ("smoothed", "posterior_mean", "posterior_cov"):
        given["sigma"] = ask.level
    if method not in ("fisher_information", "sample"):
        given["y" if method.startswith("posterior") else "x"] = (
            ask.positive(ask.points("x")) if name == "Gamma" else ask.points("x")
        )
    return given


asked("Gaussian GaussianMixture StudentT Laplace smoothed_empirical", far=FAR, arguments=of_density)
asked("Gamma standard_normal", arguments=of_density)
asked("Laplace.score", seed=10_000)  # a seed with points between loc and its multiples
UNIT, CENTRED = ("what is right for unit scales only", {"unit": True}), ("right at mean 0 only", {"centre": 0.0})
asked("Gaussian.posterior_cov StudentT.score StudentT.log_prob Laplace.score Laplace.log_prob", special=(UNIT,))
asked("Gaussian.score Gaussian.log_prob Gaussian.smoothed Gaussian.posterior_mean", special=(UNIT, CENTRED))
ONE, SAME = ("one component", {"components": 1}), ("what is right for equal means only", {"components": 2, "apart": 0})
NONE = ("a component of weight 0", {"components": 2, "weights": [1.0, 0.0]})
asked("GaussianMixture.smoothed GaussianMixture.posterior_mean GaussianMixture.posterior_cov", special=(ONE, SAME))
asked("GaussianMixture.log_prob GaussianMixture.score", special=(ONE, SAME, NONE))
EXPONENTIAL = ("the exponential law, shape = 1", {"shape": 1.0})
asked("Gamma.log_prob Gamma.score Gamma.fisher_information", special=(EXPONENTIAL,))
asked("expect", answer=moments, unasked="takes callables: the theorems use it, with --impl")
naive_forms(
    "GaussianMixture.log_prob",
    ("log of the sum of exp", "self._by_likeliest(log_sum, x)", "np.log(np.sum(np.exp(self._log_joint(x)), axis=0))"),
)
one_term(
    "Gamma.fisher_information Gaussian.posterior_cov Gaussian.score Gaussian.smoothed GaussianMixture.log_prob "
    "GaussianMixture.posterior_mean GaussianMixture.score GaussianMixture.smoothed Laplace.score StudentT.score "
    "smoothed_empirical"
)
asked("GaussianMixture.responsibilities", unasked="score and posterior_mean, which are made of them, are examined")
