r"""Theorems about contrastive divergence: its gradient and its limits."""

import autograd.numpy as anp
import numpy as np
from autograd import make_jvp

from refebm.identities import Draw, Limit, Sides, expect, theorem
from refebm.identities.bits import all_bits, probabilities
from refebm.identities.draw import SMOOTH_ENERGIES
from refebm.identities.notation import EITHER_SIGN
from refebm.identities.parameters import (
    density_of,
    energy_gradients,
    gradient_of,
    gradients_of,
    number_of_parameters,
    slopes_of,
    under_model,
)
from refebm.identities.rbm import joint, machine
from refebm.identities.wells import IN_THE_PLANE, Wells, place_in_the_plane
from refebm.models import Model
from refebm.truth.densities import standard_normal

TWO_PHASES = "Song and Kingma 2021, section 3; dataflowr module 18a, contrastive divergence"
HINTON = "Hinton 2002, section 2"
REPLAY = "Du and Mordatch 2019, section 3.1"
CLOSED = ("quadratic", "mixture")


def model_data_and_samples(draw: Draw) -> dict:
    model = draw.model(draw.count(1, 4), CLOSED)
    points = draw.points(density_of(model), 6)
    return {"model": model, "x": points[:3], "x_model": points[3:]}


@theorem(TWO_PHASES, "pointwise", model_data_and_samples, cancels=EITHER_SIGN)
def contrastive_divergence_is_a_ratio_of_probabilities(impl, model, x, x_model):
    r"""Each row is the log ratio of the model's densities at the sample and at the data point.

    E(x) - E(x') = \log p(x') - \log p(x)"""
    p = density_of(model)
    rows = impl.contrastive_divergence(impl.energy(model), x, x_model)
    return Sides([rows], [p.log_prob(x_model), -p.log_prob(x)])


def model_data_and_direction(draw: Draw) -> dict:
    d = draw.dimension()
    x, model = draw.reals((draw.count(1, 2), d), -1.5, 1.5), draw.model(d, SMOOTH_ENERGIES)
    return {"x": x, "model": model, "direction": draw.reals((number_of_parameters(model),), 0.5, 1.5)}


@theorem(TWO_PHASES, "quadrature", model_data_and_direction, plane=True, cancels=EITHER_SIGN)
def samples_of_the_model_give_the_likelihood_gradient(impl, x, model, direction):
    r"""With samples from the model the expected gradient is that of the negative log-likelihood, in any direction.

    \mathbb E_{x' \sim p_\theta} \nabla_\theta[E(x) - E(x')]
    = \nabla_\theta E(x) - \mathbb E_{p_\theta}[\nabla_\theta E]"""

    def slopes(x_model):
        def loss(model):
            rows = [impl.contrastive_divergence(impl.energy(model), at + 0 * x_model, x_model) for at in x]
            return sum(rows) / len(x)

        return slopes_of(loss, model, direction)

    (left, phase), change = under_model([slopes, lambda x: energy_gradients(model, x) @ direction], model)
    return Sides([left], [energy_gradients(model, x) @ direction / len(x), -phase], change)


def quadratic_and_langevin_step(draw: Draw) -> dict:
    d = draw.count(1, 4)
    return {
        "model": draw.model(d, ("quadratic",)),
        "x": draw.reals((3, d), -2, 2),
        "eta": draw.real(0.05, 0.5),
        "z": draw.reals((3, d), -2, 2),
    }


@theorem(
    TWO_PHASES + "; Du and Mordatch 2019, algorithm 1 (stop gradient)",
    "pointwise",
    quadratic_and_langevin_step,
    cancels=EITHER_SIGN,
)
def no_gradient_flows_through_the_samples(impl, model, x, eta, z):
    r"""The gradient treats samples as constants, even if a Langevin step made them with the model's own parameters.

    \nabla_\theta[E(x) - E(x')] = \nabla_\theta E(x) - (\nabla_\theta E)(x'),\
    x' = x - \eta P (x - m) + \sqrt{2\eta} z"""

    def step(mean, precision):
        return x - eta * anp.dot(x - mean, precision) + np.sqrt(2 * eta) * z

    def loss(model):
        return anp.mean(impl.contrastive_divergence(impl.energy(model), x, step(**model.parameters)))

    phases = [*energy_gradients(model, x), *-energy_gradients(model, step(**model.parameters))]
    return Sides([gradient_of(loss, model)], [phase / len(x) for phase in phases])


def visible_chain(model: Model) -> tuple[np.ndarray, np.ndarray]:
    """p(v) and the transition matrix of block Gibbs sampling, by enumeration."""
    p = joint(model)
    visible, hidden = np.sum(p, axis=1), np.sum(p, axis=0)
    return visible, (p / visible[:, None]) @ (p / hidden).T


def pairs(impl, model: Model) -> np.ndarray:
    """The gradients of the loss for every pair of data state and negative state, (2^d, 2^d, P)."""
    v = all_bits(model.d)
    data, negative = np.repeat(v, len(v), axis=0), np.tile(v, (len(v), 1))
    rows = gradients_of(lambda model: impl.contrastive_divergence(impl.energy(model), data, negative), model)
    return rows.reshape(len(v), len(v), -1)


def machine_data_and_steps(draw: Draw) -> dict:
    model = machine(draw, "binary_rbm", draw.count(1, 3))
    return {"model": model, "log_q": draw.reals((2**model.d,), -1, 1), "k": draw.count(1, 20)}


@theorem(HINTON + "; Song and Kingma 2021, section 3", "enumeration", machine_data_and_steps, cancels=EITHER_SIGN)
def machines_have_two_phases(impl, model, log_q, k):
    r"""The expected gradient of CD-k has two phases, at the data and after k steps, each with its own hidden means.

    \nabla_W = -\mathbb E_{v \sim q}\, v\, \mathbb E[h \mid v]^\top
    + \mathbb E_{v' \sim q K^k}\, v'\, \mathbb E[h \mid v']^\top"""
    q, v, (_, step) = probabilities(log_q), all_bits(model.d), visible_chain(model)
    p = joint(model)
    hidden = p @ all_bits(len(model.parameters["c"])) / np.sum(p, axis=1)[:, None]
    before = q @ np.linalg.matrix_power(step, k - 1)
    end = before @ step
    hidden_at_the_end = hidden
    flow = q[:, None] * np.linalg.matrix_power(step, k)
    left = (flow[:, :, None] * pairs(impl, model)).reshape(len(v) ** 2, -1)
    return Sides([left], [-q[:, None] * moments(v, hidden), end[:, None] * moments(v, hidden_at_the_end)])


def moments(v: np.ndarray, h: np.ndarray) -> np.ndarray:
    """v h^T, v and h, flattened in the order of the parameters W, b and c."""
    return np.concatenate([(v[:, :, None] * h[:, None, :]).reshape(len(v), -1), v, h], axis=1)


@theorem(HINTON, "enumeration", machine_data_and_steps, cancels="the right side is zero")
def every_number_of_steps_is_right_at_the_truth(impl, model, log_q, k):
    r"""If the data have the law of the model, the expected gradient of CD-k vanishes for every k.

    q = p_\theta \Rightarrow \mathbb E\, \nabla_\theta[F(v) - F(v')] = 0"""
    p, step = visible_chain(model)
    flow = p[:, None] * np.linalg.matrix_power(step, k)
    return Sides([(flow[:, :, None] * pairs(impl, model)).reshape(len(p) ** 2, -1)], [0.0])


MACHINES = [  # b, c, W, and log-probabilities of the data, up to a constant
    ([0.2, -0.4], [0.1], [[3.2], [-2.8]], [0.0, 0.8, -0.5, 0.3]),
    ([0.3, -0.2, 0.1], [-0.6, 0.4], [[2.4, 0.3], [2.0, -0.4], [-2.2, 0.2]], [0.5, 0.0, -1.0, 0.7, 0.2, 0.0, 1.0, -0.3]),
    ([-0.5, 0.0, 0.4], [0.2, -0.1], [[2.6, 0.2], [-2.2, 0.5], [2.0, 0.3]], [0.0, 1.0, 0.3, -0.8, 0.0, 0.6, -0.4, 0.2]),
]


@theorem(
    HINTON + "; Carreira-Perpinan and Hinton 2005",
    "limit",
    lambda *given: dict(zip(("b", "c", "W", "log_q"), map(np.array, given))),
    cases=MACHINES,
)
def more_steps_tend_to_the_likelihood_gradient(impl, b, c, W, log_q):
    r"""The expected gradient of CD-k tends to that of the likelihood as the k-th power of the second eigenvalue.

    |\nabla_k - \nabla_\infty| = |\langle q, \phi_2 \rangle\, \mathbb E_p[\phi_2 \nabla_\theta F]|\, \lambda_2^k
    + O(\lambda_3^k),\ K \phi_2 = \lambda_2 \phi_2"""
    model = Model("binary_rbm", {"b": b, "c": c, "W": W})
    q, (p, step), gradients = probabilities(log_q), visible_chain(model), energy_gradients(model, all_bits(len(b)))
    root = np.sqrt(p)
    eigenvalues, vectors = np.linalg.eigh(root[:, None] * step / root)
    second, eigenvector = eigenvalues[-2], vectors[:, -2]
    steps, rows = np.arange(5, 21), pairs(impl, model)
    expected = [np.einsum("v,vw,vwt->t", q, np.linalg.matrix_power(step, k), rows) for k in steps]
    errors = np.linalg.norm(expected - (q - p) @ gradients, axis=1)
    return Limit(
        second**steps, errors, 1, abs(eigenvector @ (q / root)) * np.linalg.norm((eigenvector * root) @ gradients)
    )


def gaussian_and_langevin_step(draw: Draw) -> dict:
    d = draw.count(1, 4)
    return {"model": draw.model(d, ("quadratic",)), "x": draw.reals((1, d), -2, 2), "eta": draw.real(0.05, 0.5)}


@theorem(
    "Hyvarinen 2007; Song and Kingma 2021, section 4.3", "quadrature", gaussian_and_langevin_step, cancels=EITHER_SIGN
)
def langevin_contrast_of_a_quadratic_energy(impl, model, x, eta):
    r"""For a quadratic energy and one Langevin step the expected gradient is eta times that of implicit score matching,
    exactly in the mean m, and up to a term in eta^2 in the precision P.

    \mathbb E_z \nabla[E(x) - E(x')] = \eta \nabla(\tfrac12|P y|^2 - \operatorname{tr} P)
    - \tfrac12 \eta^2 (0, P y y^\top P),\ y = x - m"""
    d, precision = model.d, model.parameters["precision"]
    y = (x - model.parameters["mean"])[0]

    def gradients(z):
        x_model = x - eta * precision @ y + np.sqrt(2 * eta) * z
        return gradients_of(lambda m: impl.contrastive_divergence(impl.energy(m), x + 0 * z, x_model), model)

    terms, change = expect([gradients], standard_normal(d), degree=2)
    slope, zero = precision @ y, np.zeros(d)
    in_mean = [np.concatenate([-eta * part, np.zeros(d * d)])[None] for part in precision * slope[:, None]]
    squares = [0.5 * eta * np.outer(slope, y), 0.5 * eta * np.outer(y, slope), -eta * np.eye(d)]
    squares.append(-0.5 * eta**2 * np.outer(slope, slope))
    return Sides(terms, [*in_mean, *(np.concatenate([zero, part.ravel()])[None] for part in squares)], change)


@theorem("Hyvarinen 2007; Song and Kingma 2021, section 4.3", "limit", place_in_the_plane, cases=IN_THE_PLANE)
def langevin_contrast_tends_to_score_matching(impl, wells, x, v):
    r"""For one Langevin step, at every x, the gradient divided by eta tends to that of implicit score matching.

    \tfrac1\eta \mathbb E_z\, \partial_\theta[E(x) - E(x')] - \partial_\theta(\tfrac12 |s|^2 + \operatorname{div} s)
    = -\eta(\tfrac12 s^\top \nabla^2 g\, s + s \cdot \nabla \Delta g + \tfrac12 \Delta^2 g) + O(\eta^2),\
    g = \partial_\theta E,\ E = \tfrac12|x|^2 + \tfrac12\theta^2|m|^2 - \log 2 \cosh(\theta m \cdot x)"""
    m, a, q = wells.m, wells.m @ x, wells.m @ wells.m
    tanh = np.tanh(a)
    sech = 1 - tanh**2
    slope = [tanh, sech, -2 * tanh * sech, -2 * sech * (1 - 3 * tanh**2), 8 * tanh * sech * (2 - 3 * tanh**2)]
    first, second, third, fourth = (-(a * slope[n] + n * slope[n - 1]) for n in range(1, 5))  # derivatives of g along m
    score = -x + m * tanh
    along = score @ m
    limit = -(along * first + q * second)
    coefficient = -(0.5 * along**2 * second + along * q * third + 0.5 * q**2 * fourth)

    def gradients(eta):
        def contrast(theta, z):
            energy = impl.energy(Wells(theta * m).model)
            return impl.contrastive_divergence(energy, x + 0 * z, x + eta * score + np.sqrt(2 * eta) * z)

        return lambda z: make_jvp(contrast)(1.0, z)(1.0)[1]

    etas = 0.0008 * 0.5 ** np.arange(5)
    means = [expect([gradients(eta)], standard_normal(len(m))).value[0] for eta in etas]
    return Limit(etas, means / etas - limit, 1, coefficient)


def buffer_and_pushes(draw: Draw) -> dict:
    d, capacity = draw.count(1, 3), draw.count(1, 5)
    sizes = [draw.count(1, 4) for _ in range(draw.count(2, 5))]
    return {"capacity": capacity, "batches": [draw.reals((n, d), 0.5, 2) for n in sizes]}


def padded(points: np.ndarray, n: int) -> np.ndarray:
    """The first n rows, padded with zeros if there are fewer."""
    return np.concatenate([points, np.zeros((n, points.shape[1]))])[:n]


@theorem(REPLAY, "pointwise", buffer_and_pushes, about="ReplayBuffer.push")
def the_oldest_leave_first(impl, capacity, batches):
    r"""A buffer keeps the latest points in order, up to its capacity, and a push leaves the old buffer unchanged.

    (x_1, \dots, x_t) \mapsto (x_{t - c + 1}, \dots, x_t)"""
    buffers = [impl.ReplayBuffer(batches[0], capacity)]
    for batch in batches[1:]:
        buffers.append(buffers[-1].push(batch))
    came = np.cumsum([len(batch) for batch in batches])
    everything, longest = np.concatenate(batches), 2 * came[-1]
    right = [everything[max(0, t - capacity) : t] for t in came]
    return Sides(
        [np.stack([padded(buffer.points, longest) for buffer in buffers])],
        [np.stack([padded(r, longest) for r in right])],
    )


def buffer_and_starts(draw: Draw) -> dict:
    d, n, kept = draw.count(1, 3), draw.count(5, 9), draw.count(2, 6)
    return {
        "points": draw.reals((kept, d), 0.5, 2),
        "capacity": kept + draw.count(1, 3),
        "fresh": draw.reals((n, d), -2, -0.5),
        "fraction": draw.real(0.1, 0.9),
        "anew": [draw.count(0, 1) for _ in range(n)],
        "which": [draw.count(0, kept - 1) for _ in range(n)],
        "u": draw.reals((n, 2), 0.05, 0.95),
    }


@theorem(REPLAY, "pointwise", buffer_and_starts, about="ReplayBuffer.start")
def where_chains_start(impl, points, capacity, fresh, fraction, anew, which, u):
    r"""A chain starts afresh if its first u is below the fraction, else at the stored point floor(u_2 N).

    u_1 \in (0, f) \mapsto \text{fresh},\ u_1 \in (f, 1),\ u_2 \in (\tfrac kN, \tfrac{k + 1}N) \mapsto x_k"""
    first = np.where(anew, fraction * u[:, 0], fraction + (1 - fraction) * u[:, 0])
    second = (which + u[:, 1]) / len(points)
    starts = impl.ReplayBuffer(points, capacity).start(fresh, fraction, np.stack([first, second], axis=1))
    return Sides([starts], [np.where(np.array(anew)[:, None] == 1, fresh, points[which])])


@theorem(
    REPLAY,
    "enumeration",
    lambda draw: {
        "points": draw.reals((draw.count(2, 4), 2), 0.5, 2),
        "room": draw.count(0, 3),
        "fresh": draw.reals((1, 2), -2, -0.5),
        "tenths": draw.count(0, 10),
    },
    about="ReplayBuffer.start",
)
def the_fraction_starts_anew(impl, points, room, fresh, tenths):
    r"""Over a uniform grid of u a fraction f of chains start afresh, and the rest at each stored point equally often.

    \mathbb E_u[x_0] = f\, x_{\text{fresh}} + (1 - f)\, \tfrac1N \sum_k x_k"""
    first, second = (np.arange(10) + 0.5) / 10, (np.arange(3 * len(points)) + 0.5) / (3 * len(points))
    u = np.stack([grid.ravel() for grid in np.meshgrid(first, second)], axis=1)
    fraction = tenths / 10
    starts = impl.ReplayBuffer(points, len(points) + room).start(fresh + np.zeros((len(u), 1)), fraction, u)
    return Sides([starts / len(u)], [fraction * fresh, (1 - fraction) * points / len(points)])
