r"""Theorems about restricted Boltzmann machines, by enumeration: free energies, conditionals, partition functions."""

import numpy as np
import scipy
from autograd import elementwise_grad

from refebm.identities import Draw, Sides, expect, theorem
from refebm.identities.bits import all_bits
from refebm.identities.notation import EITHER_SIGN
from refebm.identities.parameters import density_of, energy_gradients, gradient_of
from refebm.models import RBMS, Model
from refebm.truth.densities import Gaussian
from refebm.truth.derivatives import score_and_jacobian
from refebm.truth.expectations import total

SOURCES = {
    "binary_rbm": "Hinton 2002, section 3; Stanford CS236, restricted Boltzmann machine",
    "gaussian_rbm": "Cho, Ilin and Raiko 2011, section 2",
}


def machine(draw: Draw, kind: str, d: int, m: int | None = None) -> Model:
    """A machine with m hidden units: as many as visible ones, a single one, or one more than visible ones."""
    m = draw.choice((d, d, 1, d + 1)) if m is None else m
    given = {"b": draw.reals((d,), -1, 1), "c": draw.reals((m,), -1, 1), "W": draw.reals((d, m), -1.5, 1.5)}
    return Model(kind, given | ({"sigma": draw.real(0.6, 1.2)} if kind == "gaussian_rbm" else {}))


def units(draw: Draw, n: int, d: int) -> np.ndarray:
    """n states of d binary units."""
    return np.array([[draw.choice((0.0, 1.0)) for _ in range(d)] for _ in range(n)])


def energies(model: Model, v: np.ndarray, h: np.ndarray) -> np.ndarray:
    """E(v_i, h_k), (n, k), by hand."""
    b, c, W = (model.parameters[name] for name in ("b", "c", "W"))
    variance = model.parameters.get("sigma", 1.0) ** 2
    alone = -v @ b if model.kind == "binary_rbm" else np.sum((v - b) ** 2, axis=1) / (2 * variance)
    return alone[:, None] - h @ c - v @ W @ h.T / variance


def joint(model: Model) -> np.ndarray:
    """p(v, h) of a binary machine, (2^d, 2^m), by enumeration; states in the order of `all_bits`."""
    e = energies(model, all_bits(model.d), all_bits(len(model.parameters["c"])))
    return np.exp(-e - scipy.special.logsumexp(-e))


def for_both(kind: str, about: str, statement: str, latex: str | dict[str, str], case, **options):
    """Register one theorem per class of machine and name it after the class, so that failures are told apart."""

    def register(sides):
        for name, of in RBMS.items():

            def about_one(impl, **given):
                return sides(impl.rbm(given["model"]), **given)

            about_one.__name__ = f"{name}_{sides.__name__}"
            about_one.__module__ = sides.__module__
            formula = latex[name] if isinstance(latex, dict) else latex
            about_one.__doc__ = f"{of.__name__}: {statement}.\n\n{formula}"
            about_one.__wrapped__ = sides  # the text that pages show as the proof
            theorem(
                SOURCES[name],
                kind=kind,
                about=f"{of.__name__}.{about}",
                case=lambda draw, name=name: case(draw, name),
                **options,
            )(about_one)
        return sides

    return register


def states_of_both_layers(draw: Draw, kind: str) -> dict:
    model = machine(draw, kind, draw.count(1, 4))
    v = units(draw, 3, model.d) if kind == "binary_rbm" else draw.reals((3, model.d), -4, 4)
    return {"model": model, "v": v, "h": units(draw, 3, len(model.parameters["c"]))}


@for_both(
    "pointwise",
    "energy",
    "the energy is its formula, term by term",
    {
        "binary_rbm": r"-\sum_i b_i v_i - \sum_j c_j h_j - \sum_{ij} v_i W_{ij} h_j",
        "gaussian_rbm": r"\tfrac{1}{2\sigma^2} \sum_i (v_i - b_i)^2 - \sum_j c_j h_j"
        r" - \tfrac{1}{\sigma^2} \sum_{ij} v_i W_{ij} h_j",
    },
    states_of_both_layers,
    cancels=EITHER_SIGN,
)
def energy_by_hand(rbm, model, v, h):
    b, c, W = (model.parameters[name] for name in ("b", "c", "W"))
    variance = model.parameters.get("sigma", 1.0) ** 2
    alone = -v * b if model.kind == "binary_rbm" else (v - b) ** 2 / (2 * variance)
    pairs = v[:, :, None] * W * h[:, None, :] / variance
    return Sides([rbm.energy(v, h)], [*alone.T, *(-h * c).T, *(-pairs.reshape(len(v), -1).T)])


@for_both(
    "pointwise",
    "free_energy",
    "the free energy is minus the log of the sum over all hidden states",
    r"F(v) = -\log \sum_{h \in \{0, 1\}^m} e^{-E(v, h)}",
    states_of_both_layers,
    cancels=EITHER_SIGN,
)
def free_energy_sums_over_hidden_states(rbm, model, v, h):
    e = energies(model, v, all_bits(h.shape[1]))
    return Sides([rbm.free_energy(v)], [-scipy.special.logsumexp(-e, axis=1)], formula=[np.max(np.abs(e), axis=1)])


@for_both(
    "pointwise",
    "hidden_mean",
    "the mean of the hidden units given the visible ones follows from the joint probabilities of all states",
    r"\mathbb E[h_j \mid v] = \frac{\sum_h h_j e^{-E(v, h)}}{\sum_h e^{-E(v, h)}}",
    states_of_both_layers,
)
def hidden_mean_is_conditional(rbm, model, v, h):
    states = all_bits(h.shape[1])
    e = energies(model, v, states)
    return Sides([rbm.hidden_mean(v)], [np.exp(-e - scipy.special.logsumexp(-e, axis=1)[:, None]) @ states])


def far(draw: Draw) -> float:
    """A number from -700 to -40: its exponential does not underflow, but is lost when added to 1."""
    return -draw.real(40, 700)


def beyond(draw: Draw) -> float:
    """A number whose exponential overflows."""
    return draw.real(710, 900)


def one_far_unit(draw: Draw, kind: str) -> dict:
    """One hidden unit, whose input is its bias alone, since the visible units are zero."""
    model = machine(draw, kind, draw.count(1, 3), 1)
    bias = draw.choice((far, beyond))(draw)
    return {"model": Model(kind, model.parameters | {"b": np.zeros(model.d), "c": np.array([bias])})}


@for_both(
    "pointwise",
    "free_energy",
    "a hidden unit that is certainly off adds minus its tiny odds, one that is certainly on minus its input",
    r"F(0) = -e^c \text{ for } c \ll 0,\ -c \text{ for } c \gg 0",
    one_far_unit,
)
def free_energy_far_out(rbm, model):
    bias = model.parameters["c"]
    return Sides([rbm.free_energy(np.zeros((1, model.d)))], [np.where(bias > 0, -bias, -np.exp(np.minimum(bias, 0)))])


def two_far_units(draw: Draw, kind: str) -> dict:
    """A machine without couplings, with one unit certainly off and one certainly on in each layer."""
    biases = [np.array([far(draw), beyond(draw)]) for _ in range(2)]
    sigma = {"sigma": draw.real(0.6, 1.2)} if kind == "gaussian_rbm" else {}
    return {"model": Model(kind, {"b": biases[0], "c": biases[1], "W": np.zeros((2, 2))} | sigma)}


@for_both(
    "pointwise",
    "hidden_mean",
    "the probability of a unit that is certainly off is its tiny odds, not zero",
    r"\mathbb E[h] = e^c \text{ for } c \ll 0,\ 1 \text{ for } c \gg 0",
    two_far_units,
)
def hidden_mean_far_out(rbm, model):
    (off, _), one = model.parameters["c"], np.ones((1, 2))
    return Sides([rbm.hidden_mean(0 * one)], [np.array([[np.exp(off), 1.0]])])


@theorem(
    SOURCES["binary_rbm"], "pointwise", lambda draw: two_far_units(draw, "binary_rbm"), about="BinaryRBM.visible_mean"
)
def binary_rbm_visible_mean_far_out(impl, model):
    r"""The probability of a visible unit that is certainly off is its tiny odds, not zero.

    \mathbb E[v] = e^b \text{ for } b \ll 0,\ 1 \text{ for } b \gg 0"""
    off, _ = model.parameters["b"]
    return Sides([impl.rbm(model).visible_mean(np.zeros((1, 2)))], [np.array([[np.exp(off), 1.0]])])


@theorem(
    SOURCES["binary_rbm"], "pointwise", lambda draw: two_far_units(draw, "binary_rbm"), about="BinaryRBM.log_partition"
)
def binary_rbm_log_partition_far_out(impl, model):
    r"""Without couplings log Z is a sum over units, correct even where the factors of Z overflow.

    \log Z = \textstyle\sum_i \log(1 + e^{b_i}) + \sum_j \log(1 + e^{c_j})"""
    return Sides([impl.rbm(model).log_partition()], [model.parameters["b"][1], model.parameters["c"][1]])


def far_wells(draw: Draw) -> dict:
    """A machine with one hidden unit, whose visible units have means far from the origin."""
    model = machine(draw, "gaussian_rbm", draw.count(1, 3), 1)
    W = model.parameters["W"] + 0.125  # not zero
    return {
        "model": Model("gaussian_rbm", model.parameters | {"b": np.sign(W[:, 0]) * 2.0 ** draw.count(12, 30), "W": W})
    }


@theorem(SOURCES["gaussian_rbm"], "pointwise", far_wells, about="GaussianBernoulliRBM.log_partition")
def gaussian_rbm_log_partition_far_out(impl, model):
    r"""log Z keeps full precision however far the wells are from the origin, as only their difference matters.

    \log Z = c + \frac{w \cdot w + 2\, b \cdot w}{2 \sigma^2} + \tfrac d2 \log(2 \pi \sigma^2),
    \text{ where the hidden unit is certainly on}"""
    b, c, W, sigma = (model.parameters[name] for name in ("b", "c", "W", "sigma"))
    gains = [*(0.5 * W[:, 0] ** 2 / sigma**2), *(b * W[:, 0] / sigma**2)]
    constant = 0.5 * model.d * np.log(2 * np.pi * sigma**2)
    return Sides([impl.rbm(model).log_partition()], [c[0], *gains, constant])


@theorem(
    SOURCES["binary_rbm"],
    "pointwise",
    lambda draw: states_of_both_layers(draw, "binary_rbm"),
    about="BinaryRBM.visible_mean",
)
def binary_rbm_visible_mean_is_conditional(impl, model, v, h):
    r"""The mean of the visible units given the hidden ones follows from the joint probabilities of all states.

    \mathbb E[v_i \mid h] = \frac{\sum_v v_i e^{-E(v, h)}}{\sum_v e^{-E(v, h)}}"""
    states = all_bits(model.d)
    e = energies(model, states, h).T
    chances = np.exp(-e - scipy.special.logsumexp(-e, axis=1)[:, None])
    return Sides([impl.rbm(model).visible_mean(h)], [chances @ states])


@theorem(
    SOURCES["gaussian_rbm"],
    "pointwise",
    lambda draw: states_of_both_layers(draw, "gaussian_rbm"),
    about="GaussianBernoulliRBM.visible_mean",
    cancels=EITHER_SIGN,
)
def gaussian_rbm_visible_mean_by_hand(impl, model, v, h):
    r"""The mean of Gaussian visible units is b + W h, since E is |v - b - W h|^2/(2 sigma^2) plus a function of h.

    \mathbb E[v_i \mid h] = b_i + \sum_j W_{ij} h_j"""
    b, W = model.parameters["b"], model.parameters["W"]
    return Sides([impl.rbm(model).visible_mean(h)], [b + 0 * v, *(h.T[:, :, None] * W.T[:, None, :])])


@theorem(
    SOURCES["gaussian_rbm"],
    "quadrature",
    lambda draw: {
        "model": (model := machine(draw, "gaussian_rbm", draw.dimension())),
        "h": units(draw, 1, len(model.parameters["c"])),
    },
    about="GaussianBernoulliRBM.visible_mean",
    plane=True,
    cancels="a mean may be zero",
)
def gaussian_rbm_visible_mean_is_conditional(impl, model, h):
    r"""The mean of Gaussian visible units given the hidden ones is that of the joint density, by quadrature.

    \mathbb E[v \mid h] = \frac{\int v\, e^{-E(v, h)}\, dv}{\int e^{-E(v, h)}\, dv}"""
    reach = np.sum((h @ model.parameters["W"].T) ** 2)
    wide = Gaussian(model.parameters["b"], 2 * model.parameters["sigma"] ** 2 + reach)

    def density(v):
        return np.exp(-energies(model, v, h)[:, 0] - wide.log_prob(v))

    (mass, moment), change = expect([density, lambda v: v * density(v)[:, None]], wide)
    return Sides([impl.rbm(model).visible_mean(h)], [moment / total(mass)], change)


@theorem(
    SOURCES["binary_rbm"],
    "pointwise",
    lambda draw: {"model": machine(draw, "binary_rbm", draw.count(1, 5))},
    about="BinaryRBM.log_partition",
)
def binary_rbm_partition_function_by_enumeration(impl, model):
    r"""The partition function is the sum over the states of both layers, whichever layer is larger.

    Z = \sum_{v, h} e^{-E(v, h)}"""
    e = energies(model, all_bits(model.d), all_bits(len(model.parameters["c"])))
    return Sides([impl.rbm(model).log_partition()], [scipy.special.logsumexp(-e)], formula=[np.max(np.abs(e))])


@theorem(
    SOURCES["gaussian_rbm"],
    "quadrature",
    lambda draw: {"model": machine(draw, "gaussian_rbm", draw.dimension())},
    about="GaussianBernoulliRBM.log_partition",
    plane=True,
)
def gaussian_rbm_partition_function_by_quadrature(impl, model):
    r"""The partition function is the integral over the visible units of the sum over the hidden ones.

    Z = \int \sum_h e^{-E(v, h)}\, dv"""
    p, h = density_of(model), all_bits(len(model.parameters["c"]))

    def log_sum(v):
        return scipy.special.logsumexp(-energies(model, v, h), axis=1)

    highest = float(np.max(log_sum(p.means)))
    (mass,), change = expect([lambda v: np.exp(log_sum(v) - highest - p.log_prob(v))], p)
    return Sides([float(impl.rbm(model).log_partition())], [float(np.log(total(mass))), highest], change)


@theorem(
    SOURCES["binary_rbm"],
    "enumeration",
    lambda draw: {"model": machine(draw, "binary_rbm", draw.count(1, 4))},
    about="BinaryRBM.log_partition",
)
def binary_rbm_partition_function_has_one_phase(impl, model):
    r"""The gradient of log Z is minus the mean gradient of the energy over all states.

    \nabla_\theta \log Z = \mathbb E_{p_\theta(v, h)}[-\nabla_\theta E]"""
    gradient = gradient_of(lambda model: impl.rbm(model).log_partition(), model)
    phase = np.sum(joint(model), axis=1)[:, None] * energy_gradients(model, all_bits(model.d))
    return Sides([gradient[None]], [-phase])


@theorem(
    SOURCES["gaussian_rbm"],
    "quadrature",
    lambda draw: {"model": machine(draw, "gaussian_rbm", draw.dimension())},
    about="GaussianBernoulliRBM.log_partition",
    plane=True,
    cancels=EITHER_SIGN,
)
def gaussian_rbm_partition_function_has_one_phase(impl, model):
    r"""The gradient of log Z, including that in sigma, is minus the mean gradient of the energy, by quadrature.

    \nabla_\theta \log Z = \mathbb E_{p_\theta(v)}[-\nabla_\theta F]"""
    gradient = gradient_of(lambda model: impl.rbm(model).log_partition(), model)
    (phase,), change = expect([lambda v: energy_gradients(model, v)], density_of(model))
    return Sides([gradient[None]], [-phase], change)


@theorem(
    SOURCES["gaussian_rbm"],
    "pointwise",
    lambda draw: states_of_both_layers(draw, "gaussian_rbm"),
    about="GaussianBernoulliRBM.free_energy",
    cancels=EITHER_SIGN,
)
def gaussian_rbm_score_is_that_of_its_energy(impl, model, v, h):
    r"""Minus the gradient of the free energy is the score by hand, so energy and score belong to one model.

    -\nabla_v F = \frac{b - v + W\, \mathbb E[h \mid v]}{\sigma^2}"""
    score = -elementwise_grad(impl.rbm(model).free_energy)(v)
    return Sides([score], [score_and_jacobian(model, v)[0]], formula=[np.abs(v) / model.parameters["sigma"] ** 2])
