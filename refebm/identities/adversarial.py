r"""Theorems about adversarial and variational training: bounds, their gaps, and the entropy's gradient."""

import autograd.numpy as np

from refebm.calculus import pull_back
from refebm.identities import Draw, Sides, expect, theorem
from refebm.identities.contrast import log_density
from refebm.identities.draw import SCORES
from refebm.identities.implementation import affine
from refebm.identities.notation import EITHER_SIGN
from refebm.identities.parameters import density_of, log_z_of
from refebm.identities.rules import rademacher
from refebm.models import Model, mixture_of
from refebm.truth.densities import LOG_2PI, Gaussian, GaussianMixture, standard_normal
from refebm.truth.derivatives import score_and_jacobian

BOUND = "HY-673 lecture 12, adversarial training (which prints + H(q)); Song and Kingma 2021, other methods"
IMPLICIT = "HY-673 lecture 12, score matching for learning implicit VAEs; Song, Garg, Shi and Ermon 2019, section 5.2"
BISHOP = "Tipping and Bishop 1999, eqs. 5 to 8; Lucas, Tucker, Grosse and Norouzi 2019, section 3"


def normalised(density: GaussianMixture) -> Model:
    """The log-density of a mixture, as data."""
    return log_density(mixture_of(density), 0.5 * density.d * LOG_2PI)


def model_and_sampler(draw: Draw) -> dict:
    """An energy of known density, and the law q of a sampler."""
    d = draw.dimension()
    model = draw.model(d, ("quadratic", "mixture"))
    return {"model": model, "q": draw.mixture(d, most=2), "x": draw.reals((1, d), -2, 2)}


@theorem(BOUND, "quadrature", model_and_sampler, plane=True, cancels=EITHER_SIGN)
def adversarial_bound_and_its_gap(impl, model, q, x):
    r"""At every x, the mean of the bound over y from q exceeds log p_model(x) by the KL divergence of q from p_model.

    \mathbb E_{y \sim q}[E(y) - E(x) + \log q(y)] = \log p_E(x) + KL(q|p_E)"""
    p = density_of(model)
    energy, log_q = impl.energy(model), impl.energy(normalised(q))
    (bound, gap), change = expect(
        [lambda y: impl.variational_bound(energy, log_q, x + 0 * y, y), lambda y: q.log_prob(y) - p.log_prob(y)], q
    )
    return Sides([bound], [gap, float(p.log_prob(x)[0])], change)


def gaussians_and_model(draw: Draw) -> dict:
    d = draw.dimension(3)
    return {"p": draw.gaussian(d), "q": draw.gaussian(d), "model": draw.model(d, ("quadratic",))}


def cross_entropy(p: Gaussian, q: Gaussian) -> list:
    """The terms of -E_p[log q]."""
    off = p.mean - q.mean
    log_det = np.linalg.slogdet(q.cov)[1]
    return [0.5 * np.trace(q.precision @ p.cov), 0.5 * off @ q.precision @ off, 0.5 * (log_det + p.d * LOG_2PI)]


@theorem(BOUND, "quadrature", gaussians_and_model, cancels=EITHER_SIGN)
def adversarial_bound_of_gaussians(impl, p, q, model):
    r"""For Gaussian data, sampler and model the expected bound is, in closed form, the likelihood plus a KL divergence.

    \mathbb E_{x \sim p, y \sim q}[E(y) - E(x) + \log q(y)] = \mathbb E_p[\log p_E] + KL(q|p_E),\ KL \ge 0"""
    d, best = p.d, density_of(model).components[0]
    law = GaussianMixture([1.0], q.mean[None], q.cov[None])
    energy, log_q = impl.energy(model), impl.energy(normalised(law))
    bound, change = expect(
        [lambda w: impl.variational_bound(energy, log_q, p.substitute(w[:, :d])[0], q.substitute(w[:, d:])[0])],
        standard_normal(2 * d),
        degree=2,
    )
    entropy = 0.5 * (np.linalg.slogdet(q.cov)[1] + d * (1 + LOG_2PI))
    terms = [*(-term for term in cross_entropy(p, best)), *cross_entropy(q, best), -entropy]
    return Sides(bound, list(map(float, terms)), change)


def model_and_points(draw: Draw) -> dict:
    d = draw.dimension(4)
    return {
        "model": draw.model(d, ("quadratic", "mixture")),
        "x": draw.reals((3, d), -3, 3),
        "y": draw.reals((3, d), -3, 3),
    }


@theorem(BOUND, "pointwise", model_and_points, cancels=EITHER_SIGN)
def adversarial_bound_is_tight_at_the_model(impl, model, x, y):
    r"""If the sampler has the law of the model, the bound equals log p_model(x) for every y: it has no variance.

    E(y) - E(x) + \log p_E(y) = \log p_E(x)"""
    p, log_z = density_of(model), log_z_of(model)
    log_q = log_density(model, log_z)
    rows = impl.variational_bound(impl.energy(model), impl.energy(log_q), x, y)
    formula = [2 * np.abs(p.log_prob(y)), np.abs(p.log_prob(x)), 3 * np.abs(log_z)]
    return Sides([rows], [p.log_prob(x)], formula=formula)


def gaussian_sampler(draw: Draw) -> dict:
    d = draw.dimension(3)
    return {
        "model": draw.model(d, ("quadratic",)),
        "x": draw.reals((1, d), -2, 2),
        "scale": draw.reals((d,), 0.5, 1.5),
        "shift": draw.reals((d,), -1.5, 1.5),
    }


@theorem(BOUND, "pointwise", gaussian_sampler, cancels=EITHER_SIGN)
def adversarial_bound_trains_its_sampler(impl, model, x, scale, shift):
    r"""The bound's gradient in the sampler y = a eps + b is that of the sampler's KL divergence from p_model.

    \nabla_{a, b} KL(\mathcal N(b, \operatorname{diag} a^2) | \mathcal N(m, P^{-1}))
    = (\operatorname{diag}(P)\, a - 1/a,\ P(b - m))"""
    d, (mean, precision) = len(scale), model.parameters.values()
    eps, weights = rademacher(d)  # exact, since the rows are polynomials of degree two in eps

    def rows(phi):
        a, b = phi
        inner = Model("quadratic", {"mean": b, "precision": np.diag(a**-2.0)})
        log_q = log_density(inner, 0.5 * d * LOG_2PI + np.sum(np.log(a)))
        return impl.variational_bound(impl.energy(model), impl.energy(log_q), x + 0 * eps, a * eps + b)

    gradient = np.concatenate(pull_back(rows, (scale, shift))[1](weights))
    symmetric = 0.5 * (precision + precision.T)
    slope = np.concatenate([np.diag(symmetric) * scale, symmetric @ (shift - mean)])
    reach = np.abs(symmetric) @ (scale + np.abs(shift) + np.abs(mean))
    formula = [np.concatenate([reach + 2 / scale, reach + 2 / scale])]
    return Sides([gradient], [slope, np.concatenate([-1 / scale, np.zeros(d)])], formula=formula)


def flattened(gradient) -> np.ndarray:
    """The arrays of a gradient, concatenated into one vector."""
    return np.concatenate([np.ravel(part) for part in gradient])


def affine_sampler(draw: Draw) -> dict:
    """z = A eps + b with as many coordinates of noise as of z, or one more; A is far from singular."""
    d = draw.dimension(3)
    k = d + draw.count(0, 1)
    near = np.eye(d, k) * draw.real(0.6, 1.4)
    return {"a": near + draw.reals((d, k), -0.4, 0.4) / d, "b": draw.reals((d,), -1.5, 1.5)}


@theorem(IMPLICIT, "pointwise", affine_sampler, cancels=EITHER_SIGN)
def entropy_gradient_of_affine_maps(impl, a, b):
    r"""For z = A eps + b with normal eps, the gradient is that of the entropy, log sqrt(det(A A^T)) up to a constant.

    \nabla_A H = (A A^\top)^{-1} A \text{ (square: } A^{-\top}),\ \nabla_b H = 0"""
    eps = rademacher(a.shape[1])[0]
    precision = np.linalg.inv(a @ a.T)
    q = Model("quadratic", {"mean": b, "precision": precision})
    z = eps @ a.T + b
    size = np.mean(np.abs(z) + np.abs(b), axis=0) @ np.abs(precision)
    gradient = flattened(impl.entropy_gradient(impl.score(q), affine, (a, b), eps))
    right = flattened((np.linalg.solve(a @ a.T, a), 0 * b))
    return Sides([gradient], [right], formula=[flattened((size[:, None] * np.ones(a.shape), size))])


def model_sampler_and_noise(draw: Draw) -> dict:
    d, n = draw.dimension(4), 3
    return {
        "model": draw.model(d, SCORES),
        "a": draw.reals((d, d), -1, 1),
        "b": draw.reals((d,), -1, 1),
        "eps": draw.reals((n, d), -2, 2),
    }


@theorem(IMPLICIT, "pointwise", model_sampler_and_noise, cancels=EITHER_SIGN)
def entropy_gradient_by_hand(impl, model, a, b, eps):
    r"""With any field in place of q's score, each row is the chain rule through z = A eps + b with the field constant.

    -\tfrac1n \sum_i s(z_i)\, \epsilon_i^\top,\ -\tfrac1n \sum_i s(z_i)"""
    s = score_and_jacobian(model, eps @ a.T + b)[0]
    gradient = flattened(impl.entropy_gradient(impl.score(model), affine, (a, b), eps))
    return Sides([gradient], [flattened((-np.outer(s_i, e) / len(s), -s_i / len(s))) for s_i, e in zip(s, eps)])


def warp(phi, eps):
    """z = a sinh(eps) + b eps, increasing for positive a and b."""
    a, b = phi
    return a * np.sinh(eps) + b * eps


def warped_score(a: float, b: float):
    """The score of z = a sinh(eps) + b eps by change of variables; Newton's method from above solves for eps."""

    def score(z):
        eps = np.arcsinh(z / a)
        for _ in range(25):
            eps = eps - (a * np.sinh(eps) + b * eps - z) / (a * np.cosh(eps) + b)
        slope = a * np.cosh(eps) + b
        return -(eps + a * np.sinh(eps) / slope) / slope

    return score


def row_by_row(a: float, b: float, eps):
    """A copy of the parameters for each row, so that their gradients come row by row."""
    return a * np.ones_like(eps), b * np.ones_like(eps)


def warped_sampler(draw: Draw) -> dict:
    return {"a": draw.real(0.3, 1.2), "b": draw.real(0.3, 1.2)}


@theorem(IMPLICIT, "quadrature", warped_sampler)
def entropy_gradient_of_a_warped_normal(impl, a, b):
    r"""For z = a sinh(eps) + b eps with normal eps, the entropy is that of eps plus the mean log slope of the map.

    H = H(\epsilon) + \mathbb E \log(a \cosh \epsilon + b),\
    \nabla H = \mathbb E[(\cosh \epsilon, 1)/(a \cosh \epsilon + b)]"""

    def gradient(eps):
        parts = impl.entropy_gradient(warped_score(a, b), warp, row_by_row(a, b, eps), eps)
        return len(eps) * np.concatenate(parts, axis=1)

    def slope(eps):
        return np.concatenate([np.cosh(eps), np.ones_like(eps)], axis=1) / (a * np.cosh(eps) + b)

    (left, right), change = expect([gradient, slope], standard_normal(1))
    return Sides([left], [right], change)


def vae(draw: Draw, most: int = 2) -> dict:
    """A linear Gaussian autoencoder with k latent coordinates (k is drawn first), and one point x."""
    k, d = draw.dimension(most), draw.count(1, 3)
    weights, bias = draw.reals((d, k), -1, 1), draw.reals((d,), -1, 1)
    return {"arguments": (weights, bias, draw.real(0.5, 1.2)), "x": bias + draw.reals((1, d), -1.2, 1.2)}


def log_normal(x, mean, deviation):
    """sum_i log N(x_i; mean_i, deviation^2)."""
    return np.sum(-0.5 * ((x - mean) / deviation) ** 2 - np.log(deviation) - 0.5 * LOG_2PI, axis=1)


def evidence(weights, bias, deviation):
    """The law of x = W z + b + noise, a sum of independent normals."""
    return Gaussian(bias, weights @ weights.T + deviation**2 * np.eye(len(bias)))


@theorem(BISHOP, "quadrature", vae, about="LinearGaussianVAE.log_joint", plane=True)
def joint_density_integrates_to_the_marginal(impl, arguments, x):
    r"""The joint density of x and z, integrated over z, is the density of x.

    \int p(x, z)\, dz = \mathcal N(x; b, W W^\top + s^2 I)"""
    autoencoder, k = impl.LinearGaussianVAE(*arguments), arguments[0].shape[1]

    def ratio(z):
        return np.exp(autoencoder.log_joint(x + 0 * z[:, :1], z) - log_normal(z, 0.0, 1.0))

    terms, change = expect([ratio], standard_normal(k))
    return Sides(terms, [float(np.exp(evidence(*arguments).log_prob(x))[0])], change)


def vae_and_rows(draw: Draw) -> dict:
    k, d = draw.dimension(3), draw.count(1, 4)
    return {
        "arguments": (draw.reals((d, k), -1, 1), draw.reals((d,), -1, 1), draw.real(0.4, 1.5)),
        "x": draw.reals((3, d), -3, 3),
        "z": draw.reals((3, k), -2, 2),
    }


@theorem(BISHOP, "pointwise", vae_and_rows, about="LinearGaussianVAE.log_joint", cancels=EITHER_SIGN)
def joint_density_by_hand(impl, arguments, x, z):
    r"""The joint log-density is the sum of the normal log-densities of all coordinates of z and x.

    \sum_j \log \mathcal N(z_j; 0, 1) + \sum_i \log \mathcal N(x_i; (W z + b)_i, s^2)"""
    weights, bias, deviation = arguments
    means = [sum(w * z_j for w, z_j in zip(row, z.T)) + b for row, b in zip(weights, bias)]
    squares = [-0.5 * z_j**2 for z_j in z.T] + [-0.5 * ((x_i - m) / deviation) ** 2 for x_i, m in zip(x.T, means)]
    constants = [-0.5 * LOG_2PI, -np.log(deviation)]
    counts = [len(weights) + weights.shape[1], len(weights)]
    rows = impl.LinearGaussianVAE(*arguments).log_joint(x, z)
    return Sides([rows], [*squares, *(n * c * np.ones(len(x)) for n, c in zip(counts, constants))])


@theorem(BISHOP, "quadrature", vae, about="LinearGaussianVAE.marginal", plane=True)
def marginal_density_is_the_mean_likelihood(impl, arguments, x):
    r"""The density of x is the mean, over z from the prior, of the density of x given z.

    p(x) = \mathbb E_{z \sim \mathcal N(0, I)} \mathcal N(x; W z + b, s^2 I)"""
    weights, bias, deviation = arguments
    terms, change = expect(
        [lambda z: np.exp(log_normal(x, z @ weights.T + bias, deviation))], standard_normal(weights.shape[1])
    )
    return Sides([np.exp(impl.LinearGaussianVAE(*arguments).marginal().log_prob(x))], terms, change)


@theorem(BISHOP, "quadrature", vae, about="LinearGaussianVAE.posterior_mean", plane=True, cancels=EITHER_SIGN)
def posterior_mean_is_bayes(impl, arguments, x):
    r"""The posterior mean of z is its mean under the prior, weighted by the likelihood of x.

    \mathbb E[z|x]\, p(x) = \mathbb E_{z \sim \mathcal N(0, I)}[z\, \mathcal N(x; W z + b, s^2 I)]"""
    weights, bias, deviation = arguments
    terms, change = expect(
        [lambda z: z * np.exp(log_normal(x, z @ weights.T + bias, deviation))[:, None]],
        standard_normal(weights.shape[1]),
    )
    density = np.exp(evidence(*arguments).log_prob(x))
    return Sides([density * impl.LinearGaussianVAE(*arguments).posterior_mean(x)], terms, change)


@theorem(BISHOP, "pointwise", vae_and_rows, about="LinearGaussianVAE.posterior_mean", cancels=EITHER_SIGN)
def posterior_mean_is_a_regression(impl, arguments, x, z):
    r"""The posterior mean is the linear regression of z on x, Cov(z, x) Cov(x)^{-1} (x - b).

    \mathbb E[z|x] = W^\top (W W^\top + s^2 I)^{-1} (x - b)"""
    weights, bias, deviation = arguments
    gain = weights.T @ np.linalg.inv(weights @ weights.T + deviation**2 * np.eye(len(bias)))
    rows = impl.LinearGaussianVAE(*arguments).posterior_mean(x)
    inner = np.linalg.inv(np.eye(len(gain)) + weights.T @ weights / deviation**2)
    formula = [(np.abs(x) + np.abs(bias)) @ np.abs(weights) @ np.abs(inner) / deviation**2]
    return Sides([rows], [(x_i - b)[:, None] * g for x_i, b, g in zip(x.T, bias, gain.T)], formula=formula)


def vae_and_posterior(draw: Draw) -> dict:
    """An approximate posterior that differs from the true one, even in the simplest case."""
    case = vae(draw, 3)
    k = case["arguments"][0].shape[1]
    return case | {"mean": draw.reals((1, k), -0.5, 1.5), "cov": draw.covariance(k)}


@theorem(
    BISHOP + "; " + IMPLICIT,
    "quadrature",
    vae_and_posterior,
    about="LinearGaussianVAE.gap LinearGaussianVAE.log_joint",
    cancels=EITHER_SIGN,
)
def elbo_and_its_gap(impl, arguments, x, mean, cov):
    r"""The evidence exceeds the evidence lower bound by the KL divergence of q from the posterior.

    \mathbb E_q[\log p(x, z) - \log q(z)] + KL(q|p(\cdot|x)) = \log p(x)"""
    autoencoder, q = impl.LinearGaussianVAE(*arguments), Gaussian(mean[0], cov)
    (joint, log_q), change = expect(
        [lambda z: autoencoder.log_joint(x + 0 * z[:, :1], z), lambda z: -q.log_prob(z)], q, degree=2
    )
    gap = float(autoencoder.gap(x, mean, cov)[0])
    return Sides([joint, log_q, gap], [float(evidence(*arguments).log_prob(x)[0])], change)


def vae_and_encoder(draw: Draw) -> dict:
    """A point, and z = A x + c + L eps, eps normal."""
    k, d = draw.dimension(3), draw.count(1, 3)
    return {
        "arguments": (draw.reals((d, k), -1, 1), draw.reals((d,), -1, 1), draw.real(0.5, 1.2)),
        "x": draw.reals((d,), -2, 2),
        "a": draw.reals((k, d), -0.5, 0.5),
        "c": draw.reals((k,), -0.5, 0.5),
        "factor": np.eye(k) * draw.real(0.6, 1.4) + draw.reals((k, k), -0.25, 0.25),
    }


def posterior(weights, bias, deviation, x):
    """Mean and precision of z given one x."""
    precision = np.eye(weights.shape[1]) + weights.T @ weights / deviation**2
    return np.linalg.solve(precision, weights.T @ (x - bias)) / deviation**2, precision


def log_joint_of(arguments, x) -> Model:
    """z -> log p(x, z) for one x, as a model: a quadratic around the posterior mean, with log Z from the evidence."""
    mean, precision = posterior(*arguments, x)
    log_evidence = evidence(*arguments).log_prob(x[None])[0]
    log_z = 0.5 * len(mean) * LOG_2PI - 0.5 * np.linalg.slogdet(precision)[1] - log_evidence
    return log_density(Model("quadratic", {"mean": mean, "precision": precision}), log_z)


@theorem(IMPLICIT, "pointwise", vae_and_encoder, cancels=EITHER_SIGN)
def implicit_elbo_has_the_gradient_of_the_elbo(impl, arguments, x, a, c, factor):
    r"""For a linear Gaussian autoencoder with encoder z = A x + c + L eps, the implicit ELBO has the ELBO's gradient.

    -\text{ELBO} = \tfrac12 (m - \mu)^\top \Lambda (m - \mu) + \tfrac12 \operatorname{tr} \Lambda L L^\top
    - \log|\det L|,\ \nabla = (\Lambda(m - \mu)x^\top, \Lambda(m - \mu), \Lambda L - L^{-\top})"""
    eps, weights = rademacher(len(c))
    inverse = np.linalg.inv(factor @ factor.T)
    score_q = impl.score(Model("quadratic", {"mean": a @ x + c, "precision": inverse}))
    log_joint = impl.energy(log_joint_of(arguments, x))

    def rows(phi):
        a, c, factor = phi
        return impl.implicit_negative_elbo(log_joint, score_q, np.dot(a, x) + c + np.dot(eps, factor.T))

    gradient = flattened(pull_back(rows, (a, c, factor))[1](weights))
    mean, precision = posterior(*arguments, x)
    off = precision @ (a @ x + c - mean)
    joint, entropy = (np.outer(off, x), off, precision @ factor), (0 * a, 0 * c, -np.linalg.inv(factor).T)
    reach = np.abs(a @ x + c) + np.sum(np.abs(factor), axis=1)
    size = np.abs(precision) @ (reach + np.abs(mean)) + 2 * np.abs(inverse) @ reach
    formula = flattened((np.outer(size, np.abs(x)), size, np.outer(size, np.ones(len(c)))))
    return Sides([gradient], [flattened(joint), flattened(entropy)], formula=[formula])


def warped_encoder(draw: Draw) -> dict:
    return warped_sampler(draw) | {"model": draw.model(1, ("quadratic",))}


@theorem(IMPLICIT, "quadrature", warped_encoder, cancels=EITHER_SIGN)
def implicit_elbo_of_a_warped_normal(impl, a, b, model):
    r"""For the encoder z = a sinh(eps) + b eps and a normal posterior, the implicit ELBO has the ELBO's gradient.

    \nabla(-\text{ELBO}) = \mathbb E[(\lambda(z - \mu) - \tfrac{d}{dz})(\sinh \epsilon, \epsilon)],\
    \tfrac{d}{dz} = (a \cosh \epsilon + b)^{-1} \tfrac{d}{d\epsilon}"""
    log_joint = impl.energy(log_density(model, 0.7))
    mean, precision = (float(np.ravel(value)[0]) for value in model.parameters.values())

    def gradient(eps):
        def rows(phi):
            return impl.implicit_negative_elbo(log_joint, warped_score(a, b), warp(phi, eps))

        return np.concatenate(pull_back(rows, row_by_row(a, b, eps))[1](np.ones(len(eps))), axis=1)

    def joint(eps):
        return precision * (warp((a, b), eps) - mean) * np.concatenate([np.sinh(eps), eps], axis=1)

    def entropy(eps):
        return -np.concatenate([np.cosh(eps), np.ones_like(eps)], axis=1) / (a * np.cosh(eps) + b)

    (left, *right), change = expect([gradient, joint, entropy], standard_normal(1))
    return Sides([left], right, change)


def joint_and_posterior(draw: Draw) -> dict:
    d = draw.dimension()
    return {"model": draw.model(d, ("quadratic", "mixture")), "q": draw.mixture(d, most=2), "log_z": draw.real(-1, 1)}


@theorem(
    "Song, Garg, Shi and Ermon 2019, section 5.2, with Stein's identity",
    "quadrature",
    joint_and_posterior,
    plane=True,
    cancels=EITHER_SIGN,
)
def implicit_elbo_is_not_the_elbo(impl, model, q, log_z):
    r"""The value of the implicit ELBO is not the ELBO: it has the dimension k of z in place of the entropy of q.

    \mathbb E_q[-\log p(x, z) + s_q(z) \cdot z] = -\mathbb E_q \log p(x, z) - k"""
    p, log_mass = density_of(model), log_z_of(model)
    log_joint = impl.energy(log_density(model, log_z))
    score_q = impl.score(mixture_of(q))
    (value, cross), change = expect(
        [lambda z: impl.implicit_negative_elbo(log_joint, score_q, z), lambda z: -p.log_prob(z)], q
    )
    return Sides([value], [cross, log_z - log_mass, -float(q.d)], change)
