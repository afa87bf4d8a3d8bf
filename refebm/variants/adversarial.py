"""Variants of adversarial and variational training."""

import numpy as np

from refebm.variants.arguments import Question, log_density
from refebm.variants.asked import asked
from refebm.variants.record import conventions, one_term, terms, wrong_versions

BOUND = "energy(y) - energy(x) + log_q(y)"
TRACED = "sampler(phi, eps)"
PULLED = "z, back = pull_back(lambda phi: sampler(phi, eps), phi)\n    return back(-score_q(z) / len(z))"
HELD = "held(score_q(held(z)))"
NEGATIVE_ELBO = f"-log_joint(z) + dot({HELD}, z)"

wrong_versions(
    "variational_bound",
    ("sign of the entropy", "+ log_q(y)", "- log_q(y)", "finite", "printed (twice) in HY-673 lecture 12: + H(q)"),
    ("entropy left out", " + log_q(y)", "", "the gradient"),
    ("entropy at the data", "log_q(y)", "log_q(x)", "the gradient"),
    ("density for its logarithm", "log_q(y)", "np.exp(log_q(y))", "the gradient", "CS236, NCE step 3, of log p_n"),
    ("data and samples exchanged", BOUND, "energy(x) - energy(y) + log_q(x)", "finite", "thrml 38: phases exchanged"),
    ("energy of the data added", "- energy(x)", "+ energy(x)"),
    ("one sample for all rows", "energy(y)", "energy(y[:1])", "one row"),
)
conventions(
    "variational_bound",
    ("its negative: the loss of the energy", BOUND, "energy(x) - energy(y) - log_q(y)", "Dai et al. 2019"),
    ("the loss of the sampler: E(y) + log q(y)", " - energy(x)", "", "Song and Kingma 2021, other methods"),
)
terms("variational_bound", ("E(y)", "energy(y)"), ("-E(x)", "-energy(x)"), ("log q(y)", "log_q(y)"))
wrong_versions(
    "entropy_gradient",
    ("sign", "back(-score_q(z) / len(z))", "back(score_q(z) / len(z))", "up to a factor"),
    (
        "score not held",
        PULLED,
        f"rows, back = pull_back(lambda phi: dot(score_q({TRACED}), {TRACED}), phi)\n"
        "    return back(-np.ones(len(rows)) / len(rows))",
    ),
    ("score summed over coordinates", "-score_q(z) /", "(-np.sum(score_q(z), axis=1)[:, None] + 0 * z) /", "d = 1"),
    ("the first row alone", "lambda phi: sampler(phi, eps)", "lambda phi: sampler(phi, eps[:1])", "one row"),
    ("the score of N(0, I)", "-score_q(z) /", "z /"),
)
conventions(
    "entropy_gradient",
    ("sum over rows", " / len(z)", ""),
    ("mean over coordinates too", "len(z)", "(len(z) * z.shape[1])"),
)
wrong_versions(
    "implicit_negative_elbo",
    (
        "sign of the entropy",
        "+ dot(...)",
        "- dot(...)",
        "finite",
    ),
    ("score not held", HELD, "score_q(z)", "the value"),
    ("the sample held, not its score", f"dot({HELD}, z)", "dot(score_q(z), held(z))", "the value"),
    (
        "entropy left out",
        f" + dot({HELD}, z)",
        "",
        "finite",
        "printed in HY-673 lecture 12: q(z|x) a point mass, whose entropy, -infinity, has no gradient",
    ),
    ("no derivative of the entropy", f"dot({HELD}, z)", f"dot({HELD}, held(z))", "the value"),
    ("sign of the joint density", "-log_joint(z)", "2 * log_joint(z)"),
    ("score of unit length", HELD, f"{HELD} / np.sqrt(dot({HELD}, {HELD}) + 1e-300)[:, None]"),
    ("mean for the inner product", f"dot({HELD}, z)", f"np.mean({HELD} * z, axis=1)", "d = 1"),
)
conventions(
    "implicit_negative_elbo",
    ("the ELBO, to be maximised", NEGATIVE_ELBO, f"log_joint(z) - dot({HELD}, z)", "HY-673 lecture 12"),
    ("mean over coordinates", NEGATIVE_ELBO, f"({NEGATIVE_ELBO}) / z.shape[1]"),
)
terms("implicit_negative_elbo", ("-log p(x, z)", "-log_joint(z)"), ("score_q(z).z", f"dot({HELD}, z)"))

VARIANCE = "pyro 1643, edward 722"
CONSTANT = "0.5 * (self.d + self.k) * LOG_2PI"
wrong_versions(
    "LinearGaussianVAE.log_joint",
    ("deviation read as a variance", "/ self.deviation\n", "/ np.sqrt(self.deviation)\n", "sigma = 1", VARIANCE),
    ("variance for deviation", "/ self.deviation\n", "/ self.deviation**2\n", "sigma = 1"),
    ("normaliser of the prior left out", "(self.d + self.k)", "self.d", "up to a constant"),
    ("log s counted once", "self.d * np.log(...)", "np.log(...)", "d = 1", "ncsn gmm.py"),
    ("no log 2 pi", CONSTANT, "0", "up to a constant", "sliced_score_matching ParzenGaussian"),
    ("no 1/2 on the prior", "-0.5 * np.sum(z**2, ...)", "-1.0 * np.sum(z**2, ...)"),
    ("bias left out", " - self.bias", "", "zero mean"),
)
terms(
    "LinearGaussianVAE.log_joint",
    ("-1/2 |z|^2", "-0.5 * np.sum(z**2, axis=1)"),
    (
        "-1/2 |x - W z - b|^2/s^2",
        "-0.5 * np.sum((x - np.dot(z, self.weights.T) - self.bias) ** 2, axis=1) / self.deviation**2",
    ),
    ("-d log s", "-self.d * np.log(self.deviation) * np.ones(len(x))"),
    ("-(d + k)/2 log 2 pi", f"-{CONSTANT} * np.ones(len(x))"),
)
wrong_versions(
    "LinearGaussianVAE.marginal",
    ("deviation for variance", "self.deviation**2", "self.deviation", "sigma = 1", VARIANCE),
    ("prior counted twice", "np.dot(self.weights, self.weights.T)", "2 * np.dot(self.weights, self.weights.T)"),
    (
        "coordinates taken for independent",
        "np.dot(self.weights, self.weights.T)",
        "np.diag(np.sum(self.weights**2, axis=1))",
        "d = 1",
    ),
    ("bias left out", "Gaussian(self.bias, ...)", "Gaussian(0 * self.bias, ...)", "zero mean"),
    ("the decoder alone", "np.dot(self.weights, self.weights.T) + ", ""),
)
wrong_versions(
    "LinearGaussianVAE.posterior_mean",
    ("deviation for variance", "self.deviation**2", "self.deviation", "sigma = 1", VARIANCE),
    ("bias left out", "x - self.bias", "x", "zero mean"),
    (
        "not shrunk",
        "np.dot(np.dot(x - self.bias, self.weights), self.posterior_cov)",
        "np.dot(x - self.bias, self.weights)",
    ),
    (
        "prior left out: weight decay of a hundredth",
        "self.posterior_cov",
        "np.linalg.inv(0.01 * np.eye(self.k) + np.dot(self.weights.T, self.weights) / self.deviation**2)",
    ),
    ("latent coordinates taken for independent", "self.posterior_cov", "np.diag(np.diag(self.posterior_cov))"),
)
wrong_versions(
    "LinearGaussianVAE.gap",
    ("sign of the log-determinant", "+ log_ratio", "- log_ratio"),
    ("number of coordinates left out", " - self.k", "", "up to a constant"),
    ("off-centre is free", "+ squares", "+ 0 * squares"),
    ("covariance for precision", "np.dot(off, precision)", "np.dot(off, self.posterior_cov)"),
    ("no 1/2", "0.5 * ", "", "up to a factor"),
    (
        "the reverse divergence",
        "np.trace(np.dot(precision, cov)) + squares - self.k + log_ratio",
        "np.trace(np.dot(np.linalg.inv(cov), self.posterior_cov)) - self.k - log_ratio"
        " + np.sum(np.dot(off, np.linalg.inv(cov)) * off, axis=1)",
    ),
)
terms(
    "LinearGaussianVAE.gap",
    ("1/2 tr(P^{-1} S)", "0.5 * np.trace(np.linalg.solve(self.posterior_cov, cov)) * np.ones(len(x))"),
    (
        "1/2 (m - mu)^T P^{-1} (m - mu)",
        "0.5 * np.sum(np.linalg.solve(self.posterior_cov, (mean - self.posterior_mean(x)).T).T"
        " * (mean - self.posterior_mean(x)), axis=1)",
    ),
    ("-k/2", "-0.5 * self.k * np.ones(len(x))"),
    ("1/2 log(det P/det S)", "0.5 * np.log(np.linalg.det(self.posterior_cov) / np.linalg.det(cov)) * np.ones(len(x))"),
)

asked(
    "implicit_negative_elbo",
    kinds=("mlp_score", "mlp_energy", "mixture", "quadratic"),  # models for the score of q
    draws={"log_joint": log_density(-0.4375), "z": Question.array},
    parts=("the values", "the gradients in z"),
    lacking="the gradient in z, which it is for: the value alone came back",
)
asked("variational_bound", draws={"log_q": lambda ask, name: ask.log_density("quadratic", 1.75)})
asked(
    "entropy_gradient", draws={"eps": Question.array}, parts=("the gradient in phi[0]", "the gradient in phi[1]")
)  # eps is noise


def of_autoencoder(ask, name, method):
    """An autoencoder with two latent coordinates, and the arguments of its method."""
    weights = ask.grid((ask.d, 2), -1, 1)
    deviation = ask.fixed.get("deviation", float(np.ravel(ask.sigma)[0]))
    given = {"weights": weights, "bias": ask.centre, "deviation": deviation}
    found = {"density": {"density": name, "parameters": given}, "x": ask.around("x")}
    if method == "log_joint":
        found["z"] = ask.grid((ask.n, 2), -1.75, 1.75)
    if method == "gap":
        found |= {"mean": ask.grid((ask.n, 2), -1, 1), "cov": np.array([[0.75, 0.25], [0.25, 1.25]])}
    return found


asked("LinearGaussianVAE", arguments=of_autoencoder, values={"deviation": ((0.5, 1.0, 2.0, 1.0),)})
one_term("LinearGaussianVAE.marginal LinearGaussianVAE.posterior_mean entropy_gradient")
