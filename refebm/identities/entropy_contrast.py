r"""Theorems about contrastive divergence with its entropy term, on Gaussians and on five states, in closed form."""

import autograd.numpy as anp
import numpy as np

from refebm.identities import Draw, Limit, Sides, expect, theorem
from refebm.identities.contrast import log_density
from refebm.identities.notation import EITHER_SIGN
from refebm.identities.parameters import energy_gradients, gradient_of, gradients_of
from refebm.models import Model
from refebm.truth.densities import Gaussian, standard_normal

HINTON = "Hinton 2002, eq. 5; Du et al. 2021, section 3"


def normal(p: Gaussian) -> Model:
    """The log-density of a Gaussian, as a model."""
    log_z = 0.5 * (len(p.mean) * np.log(2 * np.pi) - np.linalg.slogdet(p.precision)[1])
    return log_density(Model("quadratic", {"mean": p.mean, "precision": p.precision}), log_z)


def rows_of(impl, model, q, x, x_model):
    """The loss as a function of the model, while the copy of the model that is held constant stays as given."""

    def rows(moved):
        given = impl.energy(moved), impl.energy(model), impl.energy(normal(q)), x
        return impl.contrastive_divergence_with_entropy(*given, x_model(moved))

    return rows


def stepped(x, eta, z):
    """A Langevin step of a quadratic model, differentiable in the model's parameters."""

    def step(model):
        mean, precision = model.parameters["mean"], model.parameters["precision"]
        return x - eta * anp.dot(x - mean, precision) + np.sqrt(2 * eta) * z

    return step


def quadratic_data_and_noise(draw: Draw) -> dict:
    d = draw.count(1, 4)
    return {
        "model": draw.model(d, ("quadratic",)),
        "q": draw.gaussian(d),
        "x": draw.reals((3, d), -2, 2),
        "eta": draw.real(0.05, 0.5),
        "z": draw.reals((3, d), -2, 2),
    }


@theorem(HINTON, "pointwise", quadratic_data_and_noise, cancels=EITHER_SIGN)
def entropy_contrast_by_hand(impl, model, q, x, eta, z):
    r"""For a quadratic energy and a Langevin step each row is E(x) - 2 E(x') - log q(x'): the sample counts twice.

    E(x) - 2 E(x') - \log q(x')"""
    mean, precision = (model.parameters[name] for name in ("mean", "precision"))
    end = stepped(x, eta, z)(model)

    def terms(at, precision):
        return [(0.5 * (at - mean) * precision[i] * (at - mean)[:, i : i + 1]).T for i in range(model.d)]

    here, there = (np.concatenate(terms(at, precision)) for at in (x, end))
    return Sides([rows_of(impl, model, q, x, stepped(x, eta, z))(model)], [*here, *-2 * there, -q.log_prob(end)])


@theorem(HINTON, "pointwise", quadratic_data_and_noise, cancels=EITHER_SIGN)
def entropy_contrast_follows_the_samples(impl, model, q, x, eta, z):
    r"""The gradient is that of contrastive divergence minus a term for the motion of the sample with the parameters.

    \nabla_\theta E(x) - (\nabla_\theta E)(x') - [\nabla_x E(x') + \nabla_x \log q(x')] \cdot \partial_\theta x',\
    x' = x - \eta P(x - m) + \sqrt{2\eta} z"""
    precision, y = model.parameters["precision"], x - model.parameters["mean"]
    end = stepped(x, eta, z)(model)
    force = (end - model.parameters["mean"]) @ precision + q.score(end)
    in_precision = -eta * y[:, :, None] * force[:, None, :]
    moved = np.concatenate([eta * force @ precision.T, in_precision.reshape(len(x), -1)], axis=1)
    rows = gradients_of(rows_of(impl, model, q, x, stepped(x, eta, z)), model)
    size = np.abs(end - model.parameters["mean"]) @ np.abs(precision) + np.abs(end - q.mean) @ np.abs(q.precision)
    size = eta * np.sum(size, axis=1)[:, None] * (np.sum(np.abs(precision)) + np.sum(np.abs(y), axis=1)[:, None])
    return Sides([rows], [energy_gradients(model, x), -energy_gradients(model, end), -moved], formula=[size])


def gaussian_data_and_step(draw: Draw) -> dict:
    d = draw.count(1, 2)
    return {"p": draw.gaussian(d), "model": draw.model(d, ("quadratic",)), "eta": draw.real(0.05, 0.4)}


def law_after_a_step(p: Gaussian, model: Model, eta) -> tuple:
    """The mean and the covariance of the data after a Langevin step."""
    mean, precision = model.parameters["mean"], model.parameters["precision"]
    left = anp.eye(len(p.mean)) - eta * precision.T
    return p.mean - eta * anp.dot(p.mean - mean, precision), anp.dot(left, anp.dot(p.cov, left.T)) + 2 * eta * np.eye(
        len(p.mean)
    )


def divergence_from_model(mean, cov, model: Model):
    """The KL divergence of a Gaussian from the model's density, up to the constant d/2."""
    precision = 0.5 * (model.parameters["precision"] + model.parameters["precision"].T)
    y = mean - model.parameters["mean"]
    squares = anp.trace(anp.dot(precision, cov)) + anp.dot(y, anp.dot(precision, y))
    return 0.5 * (squares - anp.linalg.slogdet(precision)[1] - anp.linalg.slogdet(cov)[1])


def expected_gradient(impl, p, model, eta):
    """The terms of the expected gradient over the data and the noise of a Langevin step."""
    d = model.d
    mean, cov = law_after_a_step(p, model, eta)
    q = Gaussian(mean, 0.5 * (cov + cov.T))

    def gradients(both):
        x, z = p.mean + both[:, :d] @ p.cholesky.T, both[:, d:]
        return gradients_of(rows_of(impl, model, q, x, stepped(x, eta, z)), model)

    (terms,), change = expect([gradients], standard_normal(2 * d), degree=2)
    return terms, change


@theorem(HINTON, "quadrature", gaussian_data_and_step, cancels=EITHER_SIGN)
def entropy_contrast_is_a_difference_of_divergences(impl, p, model, eta):
    r"""The expected gradient is that of the decrease of the data's KL divergence from the model by a Langevin step.

    \mathbb E \nabla_\theta \text{row} = \nabla_\theta [KL(p_D|p_\theta) - KL(q_\theta|p_\theta)],\
    q_\theta = \mathcal N\big(A\mu + \eta P m, A C A^\top + 2 \eta I\big),\ A = I - \eta P"""
    terms, change = expected_gradient(impl, p, model, eta)
    before = gradient_of(lambda model: divergence_from_model(p.mean, p.cov, model), model)
    after = gradient_of(lambda model: divergence_from_model(*law_after_a_step(p, model, eta), model), model)
    return Sides([terms], [before[None], -after[None]], change)


CORNERS = np.concatenate([np.zeros((1, 4)), np.eye(4)])  # of a simplex: a quadratic energy takes any values on them


def five_states(draw: Draw) -> dict:
    logits = draw.reals((5,), -1, 1)
    return {"model": draw.model(4, ("quadratic",)), "p": np.exp(logits) / np.sum(np.exp(logits))}


def energies(model: Model):
    """E of the five states, by hand."""
    y = CORNERS - model.parameters["mean"]
    return 0.5 * anp.sum(anp.dot(y, model.parameters["precision"]) * y, axis=1)


def two_steps(model: Model):
    """P^2 of a chain that proposes any state and accepts with Barker's probability p(x')/(p(x) + p(x'))."""
    e = energies(model)
    move = (1 - np.eye(5)) / 5 / (1 + anp.exp(e - e[:, None]))
    P = move + np.eye(5) * (1 - anp.sum(move, axis=1))
    return anp.dot(P, P)


def spring_through(log_q: np.ndarray) -> Model:
    """A log-density with these values at the five states."""
    mean = 0.5 + log_q[1:] - log_q[0]
    return log_density(Model("quadratic", {"mean": mean, "precision": np.eye(4)}), -log_q[0] - 0.5 * mean @ mean)


@theorem(HINTON, "enumeration", five_states, cancels=EITHER_SIGN)
def entropy_contrast_of_a_finite_chain(impl, model, p):
    r"""For two steps of Barker's chain on five states, the expected gradient is that of a decrease of KL divergences.

    \nabla_\theta [KL(p_D|p_\theta) - KL(q_\theta|p_\theta)] = \mathbb E_{p_D} \nabla E - \mathbb E_{q_\theta} \nabla E
    - \sum_x \nabla q_\theta(x) [\log q_\theta(x) + E(x)],\ q_\theta = p_D P_\theta^2"""
    q = p @ two_steps(model)
    x, x_model = np.repeat(CORNERS, 5, axis=0), np.tile(CORNERS, (5, 1))

    def rows(moved, x):
        given = impl.energy(moved), impl.energy(model), impl.energy(spring_through(np.log(q))), x
        return impl.contrastive_divergence_with_entropy(*given, x_model)

    def joint(moved):
        return anp.reshape(p[:, None] * two_steps(moved), -1)

    held = joint(model)[:, None] * gradients_of(lambda moved: rows(moved, x), model)
    chain = gradients_of(joint, model) * rows(model, x_model)[:, None]
    before = gradient_of(lambda moved: anp.dot(p, energies(moved)), model)

    def after(moved):
        q = anp.dot(p, two_steps(moved))
        return anp.dot(q, energies(moved) + anp.log(q))

    return Sides([held, chain], [before[None], -gradient_of(after, model)[None]])


ON_THE_LINE = [(0.8, 0.5, 1.4), (1.3, -0.4, 0.6), (0.6, 0.9, 2.2)]  # variance of the data, their mean, and precision


@theorem(HINTON + "; Hyvarinen 2007", "limit", cases=ON_THE_LINE)
def entropy_contrast_tends_to_twice_the_fisher_divergence(impl, c, shift, precision):
    r"""Divided by the Langevin step eta, the gradient tends to twice that of the Fisher divergence, not to it once.

    \tfrac1\eta\, \mathbb E\, \partial_P \text{row} - 2\, \partial_P D_F
    = \tfrac\eta2 [-3 P^2 (c + \mu^2) + 2 P + 4(\tfrac1c - P)] + O(\eta^2)"""
    p, model = Gaussian(shift, c), Model("quadratic", {"mean": np.zeros(1), "precision": np.full((1, 1), precision)})
    etas = 0.002 * 0.5 ** np.arange(5)
    slopes = np.array([np.sum(expected_gradient(impl, p, model, eta)[0][:, 1]) for eta in etas])
    spread = c + shift**2
    coefficient = 0.5 * (-3 * precision**2 * spread + 2 * precision + 4 * (1 / c - precision))
    return Limit(etas, slopes / etas - 2 * (precision * spread - 1), 1, coefficient)
