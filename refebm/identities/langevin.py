r"""Theorems about unadjusted and annealed Langevin dynamics: laws in closed form, and one experiment with samples."""

from functools import cache

import numpy as np
import scipy

from refebm.identities import Draw, Limit, Sampled, Sides, expect, theorem
from refebm.identities.notation import EITHER_SIGN
from refebm.models import Model, mixture_of
from refebm.truth.densities import Gaussian, GaussianMixture, standard_normal
from refebm.truth.derivatives import score_and_jacobian
from refebm.truth.expectations import gauss_hermite

LECTURE = "HY-673 lecture 12, unadjusted Langevin MCMC"
SONG_KINGMA = "Song and Kingma 2021, section 3"
CS236 = "Stanford CS236, Langevin dynamics sampling"
DAS = "Das 2021, eq. 6"
ULA = "Roberts and Tweedie 1996, section 1.4; Dalalyan 2017"
WELLING = "Welling and Teh 2011, section 3"
ANNEALED = "Song and Ermon 2019, algorithm 1; Stanford CS236, annealed Langevin dynamics"
PITFALL = "Stanford CS236, pitfall 3 and annealed Langevin dynamics; Song and Ermon 2019, section 3.2"
FIELDS = ("quadratic", "mixture", "mlp_energy", "mlp_score", "at_level")
MODELS = (*FIELDS, "gaussian_rbm", "gamma")
CONDITIONAL = ("noise_conditional", "smoothed_mixture")


def a_step(draw: Draw) -> dict:
    """A model of any kind whose score is known in closed form, points in its domain, a step size and noise."""
    d, n = draw.count(1, 4), 3
    model = draw.model(d, MODELS)
    low, high = (5.0, 9.0) if model.kind == "gamma" else (-2.0, 2.0)  # so far from 0 that a step stays positive
    return {
        "model": model,
        "x": draw.reals((n, d), low, high),
        "eta": draw.real(0.01, 1.0),
        "z": draw.reals((n, d), -3, 3),
    }


@theorem(f"{LECTURE}; dataflowr module 18a, Langevin MCMC; Das 2021, eq. 4", "pointwise", a_step, cancels=EITHER_SIGN)
def langevin_step_by_hand(impl, model, x, eta, z):
    r"""A step adds eta times the score and noise of variance 2 eta, row by row.

    x + \eta s(x) + \sqrt{2\eta}\, z"""
    stepped = impl.langevin_step(impl.score(model), x, eta, z).x
    return Sides([stepped], [x, eta * score_and_jacobian(model, x)[0], np.sqrt(2 * eta) * z])


@theorem(f"{CS236} (eps/2, sqrt(eps)); {SONG_KINGMA} (eps^2/2, eps)", "pointwise", a_step, cancels=EITHER_SIGN)
def conventions_of_the_step_agree(impl, model, x, eta, z):
    r"""Steps that are written with eps/2 and sqrt(eps), or eps^2/2 and eps, are those of eta = eps/2 and eps^2/2.

    x + \tfrac\epsilon2 s + \sqrt\epsilon\, z \text{ is } \eta = \epsilon/2,\quad
    x + \tfrac{\epsilon^2}2 s + \epsilon z \text{ is } \eta = \epsilon^2/2"""
    eps, s = eta, score_and_jacobian(model, x)[0]
    left = [impl.langevin_step(impl.score(model), x, step, z).x for step in (eps / 2, eps**2 / 2)]
    drift, noise = [0.5 * eps * s, 0.5 * eps**2 * s], [np.sqrt(eps) * z, eps * z]
    return Sides([np.stack(left)], [x, np.stack(drift), np.stack(noise)])


def a_point_and_time(draw: Draw) -> dict:
    d = draw.count(1, 3)
    x0, model = draw.reals((1, d), -2, 2), draw.model(d, FIELDS)
    return {"x0": x0, "model": model, "alpha": draw.real(0.2, 2.0), "dt": draw.real(0.05, 0.5)}


@theorem(DAS, "quadrature", a_point_and_time, cancels="off the diagonal the mean of a product is zero")
def langevin_is_euler_maruyama(impl, x0, model, alpha, dt):
    r"""With eta = alpha dt the Langevin step is an Euler-Maruyama step, driven by an increment dw of variance dt.

    dx = f\,dt + g\,dw,\ f = \alpha s,\ g = \sqrt{2\alpha}:\quad \mathbb E[\Delta x] = f\,dt,
    \ \mathbb E[\Delta x\, \Delta w^\top] = g\,dt\, I,\ \mathbb E[\Delta x\, \Delta x^\top] = f f^\top dt^2 + g^2 dt\,
    I"""
    d, f, g = x0.shape[1], alpha * score_and_jacobian(model, x0)[0], np.sqrt(2 * alpha)

    def moments(z):
        change, dw = impl.langevin_step(impl.score(model), x0 + 0 * z, alpha * dt, z).x - x0, np.sqrt(dt) * z
        products = [change[:, :, None] * other[:, None, :] for other in (dw, change)]
        return np.concatenate([change[:, None, :], *products], axis=1)

    terms, settled = expect([moments], standard_normal(d), degree=2)
    drift = np.concatenate([f * dt, np.zeros((d, d)), f.T * f * dt**2])
    noise = np.concatenate([np.zeros((1, d)), g * dt * np.eye(d), g**2 * dt * np.eye(d)])
    return Sides(terms, [drift[None], noise[None]], settled)


ON_THE_LINE = [([0.3, 0.7], [[-1.0], [0.8]], [[[0.6]], [[1.0]]]), ([1.0], [[0.4]], [[[0.8]]])]


@theorem(f"{ULA}; {LECTURE} (eps -> 0)", "limit", lambda *given: {"p": GaussianMixture(*given)}, cases=ON_THE_LINE)
def target_is_stationary_to_first_order(impl, p):
    r"""A step from the target, Gaussian or not, changes its moments by order eta^2, as seen in the fourth.

    \mathbb E[h(X')] - \mathbb E[h(X)] = \eta^2\, \mathbb E_p[\tfrac12 s^2 h'' + s h''' + \tfrac12 h''''] + O(\eta^3),
    \ h = x^4"""
    etas, rule, s = 2e-3 * 0.5 ** np.arange(4), gauss_hermite(standard_normal(1), 3), impl.score(mixture_of(p))

    def change(x, eta):
        """E_z h(x') - h(x): three nodes are exact for degree 4."""
        moved = [impl.langevin_step(s, x, eta, node + 0 * x).x for node in rule.x]
        return (sum(w * after**4 for w, after in zip(rule.weights, moved)) - x**4)[:, 0]

    changes = expect([lambda x, eta=eta: change(x, eta) for eta in etas], p).value
    (second,) = expect([lambda x: (6 * (x * p.score(x)) ** 2 + 24 * x * p.score(x) + 12)[:, 0]], p).value
    return Limit(etas, np.array(changes), 2, float(second))


def executed(impl, p, eta):
    """(A, B, b) of x' = A x + B z + b, the affine map of a step on a Gaussian, by running it at 0 and unit vectors."""
    s = impl.score(Model("quadratic", {"mean": p.mean, "precision": p.precision}))
    eye, zero = np.eye(p.d), np.zeros((p.d, p.d))
    b, a, noise = (impl.langevin_step(s, x, eta, z).x for x, z in ((zero, zero), (eye, zero), (zero, eye)))
    return (a - b).T, (noise - b).T, b[0]


def in_columns(cov, mean):
    """A covariance (d, d) with the mean as one more column: how the laws here are kept, (d, d + 1)."""
    return np.column_stack([cov, mean])


def biased_law(p, eta):
    """The law with covariance Sigma (I - eta/2 Sigma^{-1})^{-1}, and the size of the inverse's terms (Bauer, Skeel)."""
    wide = np.linalg.inv(p.precision - 0.5 * eta * p.precision @ p.precision)
    size = np.abs(p.precision) + 0.5 * eta * np.abs(p.precision) @ np.abs(p.precision)
    return in_columns(wide, p.mean), in_columns(np.abs(wide) @ size @ np.abs(wide), np.abs(p.mean))


def added_up(p, eta, law):
    """The size of the terms when a step under test maps a law; b is added and subtracted again in `executed`."""
    drift, b = eta * np.abs(p.precision), eta * np.abs(p.precision) @ np.abs(p.mean)
    a, noise = np.eye(p.d) + drift + 2 * b[:, None], np.sqrt(2 * eta) * np.eye(p.d) + 2 * b[:, None]
    return in_columns(a @ np.abs(law[:, :-1]) @ a.T + noise @ noise.T, a @ np.abs(law[:, -1]) + b)


def largest_stable_step(p):
    """The step size at which the step diverges: twice the smallest variance in any direction."""
    return 2 * float(np.linalg.eigvalsh(p.cov)[0])


def gaussian_and_step(draw: Draw, low: float) -> dict:
    p = draw.gaussian(draw.count(1, 3))
    return {"p": p, "eta": draw.real(low, 0.9) * largest_stable_step(p)}


@theorem(ULA, "pointwise", lambda draw: gaussian_and_step(draw, 0.02), cancels=EITHER_SIGN)
def biased_gaussian_is_stationary(impl, p, eta):
    r"""For a Gaussian target the step is an affine map, and leaves a wider Gaussian with the same mean invariant.

    C = A C A^\top + B B^\top,\ C = \Sigma (I - \tfrac\eta2 \Sigma^{-1})^{-1};\quad \mu = A \mu + b"""
    a, noise, b = executed(impl, p, eta)
    law, size = biased_law(p, eta)
    carried = in_columns(a @ law[:, :-1] @ a.T, a @ p.mean)
    return Sides([law], [carried, in_columns(noise @ noise.T, b)], formula=[added_up(p, eta, law), size])


def gaussian_step_and_start(draw: Draw) -> dict:
    case = gaussian_and_step(draw, 0.3)
    return case | {"x": draw.reals((case["p"].d,), -2, 2)}


@np.errstate(over="ignore", invalid="ignore")
def after_doubling(a, law, x, times, size):
    """The law after 2^times steps from x, and the size of the terms of all steps, given the `size` of those of one."""
    for _ in range(times):
        law = law + in_columns(a @ law[:, :-1] @ a.T, a @ law[:, -1])
        size = size + in_columns(np.abs(a) @ size[:, :-1] @ np.abs(a.T), np.abs(a) @ size[:, -1])
        a = a @ a
    return law + in_columns(np.zeros_like(a), a @ x), size


def too_large(share: float) -> dict:
    p = Gaussian([0.5, -0.25], [[1.0, 0.3], [0.3, 0.5]])
    return {"p": p, "eta": share * largest_stable_step(p), "x": np.ones(2)}


@theorem(
    ULA,
    "pointwise",
    gaussian_step_and_start,
    cancels=EITHER_SIGN,
    outside={f"eta = {2 * share} lambda_min": lambda share=share: too_large(share) for share in (1.0, 1.25)},
)
def ula_settles_on_the_biased_gaussian(impl, p, eta, x):
    r"""From any start the law after 4096 steps is the biased Gaussian, if eta is below twice the least variance.

    \mathcal N(\mu, \Sigma (I - \tfrac\eta2 \Sigma^{-1})^{-1}),\ \eta < 2 \lambda_{\min}(\Sigma)"""
    a, noise, b = executed(impl, p, eta)
    biased, inverse_size = biased_law(p, eta)
    law, size = after_doubling(a, in_columns(noise @ noise.T, b), x, 12, added_up(p, eta, biased))
    return Sides([law], [biased], formula=[size, inverse_size])


TARGETS = [
    ([0.5], [[0.8]]),
    ([0.5, -1.0], [[1.2, 0.4], [0.4, 0.9]]),
    ([0.0, 1.0, -0.5], [[1.0, 0.2, -0.1], [0.2, 1.3, 0.3], [-0.1, 0.3, 0.8]]),
]
ETAS = 0.025 * 0.25 ** np.arange(5)


def a_target(mean, cov) -> dict:
    return {"p": Gaussian(mean, cov)}


def biases(impl, p):
    """The excess of the covariance over the target's after four million steps, for each step size."""
    found = []
    for eta in ETAS:
        a, noise, b = executed(impl, p, eta)
        found.append(
            after_doubling(a, in_columns(noise @ noise.T, b), p.mean, 22, in_columns(p.cov, b))[0][:, :-1] - p.cov
        )
    return found


@theorem(ULA, "limit", a_target, cases=TARGETS)
def bias_of_the_covariance_has_order_one(impl, p):
    r"""The stationary covariance exceeds that of the target by eta/2 in each direction, to first order.

    \operatorname{tr}(C_\eta - \Sigma) = \tfrac d2 \eta + O(\eta^2)"""
    return Limit(ETAS, np.array([np.trace(bias) for bias in biases(impl, p)]), 1, p.d / 2)


@theorem(ULA, "limit", a_target, cases=TARGETS)
def bias_in_divergence_has_order_two(impl, p):
    r"""The Kullback-Leibler divergence of the stationary law from the target is of order 2 in eta.

    KL(\mathcal N(\mu, C_\eta) | \mathcal N(\mu, \Sigma)) = \tfrac1{16} \operatorname{tr}(\Sigma^{-2})\, \eta^2
    + O(\eta^3)"""
    with np.errstate(invalid="ignore"):
        wider = [p.whitening @ bias @ p.whitening.T for bias in biases(impl, p)]
        divergences = [0.5 * (np.trace(excess) - np.linalg.slogdet(np.eye(p.d) + excess)[1]) for excess in wider]
    return Limit(ETAS, np.array(divergences), 2, np.sum(p.precision**2) / 16)


@theorem(
    "Welling and Teh 2011, eq. 2",
    "pointwise",
    lambda draw: {"first": draw.real(0.01, 2), "power": draw.real(0.05, 0.95), "n_steps": draw.count(1, 12)},
)
def decaying_steps_by_hand(impl, first, power, n_steps):
    r"""The step sizes are the first one times a power of the step's number, counted from one.

    \eta_t = \eta_0\, e^{-\gamma \log(1 + t)},\ t = 0, \dots, T - 1"""
    return Sides([impl.decaying_steps(first, power, n_steps)], [first * np.exp(-power * np.log1p(np.arange(n_steps)))])


@theorem(
    f"{WELLING}; Robbins and Monro 1951",
    "pointwise",
    lambda draw: {"share": draw.real(0.05, 0.95), "n_steps": draw.count(1, 25)},
)
def harmonic_steps_forget_the_start(impl, share, n_steps):
    r"""With eta_t = a v/(1 + t), for a normal target of variance v, the error of the mean falls like T^{-a}.

    \prod_{t < T} (1 - \eta_t/v) = \binom{T - a}{T} \sim T^{-a}/\Gamma(1 - a)"""
    return Sides(
        [np.prod(1 - impl.decaying_steps(share, 1.0, n_steps))], [scipy.special.binom(n_steps - share, n_steps)]
    )


DECAYS = [  # first step, power, variance of the target, and the coefficient of T^-power in the variance's error
    (0.4, 0.5, 1.0, 0.2),
    (0.6, 0.7, 0.5, 0.3),
    (1.5, 1.0, 1.0, 1.125),
]


@theorem(
    f"{WELLING}; {CS236} (eps -> 0, T -> infinity: and T eps -> infinity)",
    "limit",
    cases=DECAYS,
    outside={"power 1.5": lambda: {"first": 0.1, "power": 1.5, "variance": 1.0, "coefficient": None}},
)
def decaying_steps_reach_the_target(impl, first, power, variance, coefficient):
    r"""For a normal target the law tends to the target, from any start, as fast as the steps tend to zero.

    v_{t+1} = (1 - \eta_t/v)^2 v_t + 2\eta_t:\quad v_T - v \sim \tfrac12 \eta_0 T^{-\gamma},
    \ \text{and } \tfrac{\eta_0^2}{2\eta_0 - v}\, T^{-1} \text{ for } \gamma = 1"""
    lengths, now, errors = 10_000 * 2 ** np.arange(3), 4.0, []
    for t, eta in enumerate(impl.decaying_steps(first, power, int(lengths[-1])).tolist(), 1):
        now = (1 - eta / variance) ** 2 * now + 2 * eta
        errors += [now - variance] if t in lengths else []
    return Limit(1 / lengths, np.array(errors), power, coefficient)


SHRINKING = [  # first step, ratio of the next, start, mean and precision of the target
    (0.1, 0.5, 5.0, 0.0, 1.0),
    (0.3, 0.5, -2.0, 0.7, 1.5),
    (0.05, 0.6, 3.0, -1.0, 2.0),
    (0.2, 0.3, 1.0, 2.5, 0.5),
]


@theorem(
    f"{LECTURE} (which asks for t -> infinity and eps -> 0 alone); Robbins and Monro 1951", "pointwise", cases=SHRINKING
)
def summable_steps_stop_short(impl, first, ratio, start, mean, precision):
    r"""Steps with a finite sum stop short of the target: 0.1 2^{-t} moves a mean from 5 to only 4.065, not to 0.

    \prod_t (1 - p\, \eta q^t) = \sum_n \frac{(-p \eta)^n q^{n(n-1)/2}}{(1 - q) \cdots (1 - q^n)}"""
    target = Model("quadratic", {"mean": np.array([mean]), "precision": np.array([[precision]])})
    x, s, n = np.array([[start]]), impl.score(target), np.arange(12)
    for t in range(80):
        x = impl.langevin_step(s, x, first * ratio**t, np.zeros((1, 1))).x
    series = (-precision * first) ** n * ratio ** (n * (n - 1) / 2) / np.cumprod([1.0, *(1 - ratio ** n[1:])])
    return Sides([x[0, 0], -start], [mean, -start, *((start - mean) * series)])


def levels(draw: Draw) -> np.ndarray:
    """One to three noise levels, from large to small."""
    ratios = [draw.real(1.2, 2.5) for _ in range(draw.count(0, 2))]
    return draw.real(0.3, 0.8) * np.cumprod([1.0, *ratios])[::-1]


def a_descent(draw: Draw) -> dict:
    d, n, sigmas = draw.count(1, 3), 2, levels(draw)
    return {
        "model": draw.model(d, CONDITIONAL),
        "x": draw.reals((n, d), -2, 2),
        "sigmas": sigmas,
        "eps": draw.real(0.05, 0.6) * sigmas[-1] ** 2,
        "z": draw.reals((len(sigmas), draw.count(1, 3), n, d), -2, 2),
    }


def descent_by_hand(model, x, sigmas, eps, z):
    """The sums of start, drift and noise at the end of each level, and the sizes of their terms."""
    drift, noise, size, ends = 0 * x, 0 * x, 0 * x, []
    for sigma, tape in zip(sigmas, z):
        eta = eps * (sigma / sigmas[-1]) ** 2
        for unit in tape:
            s = score_and_jacobian(model, x + drift + noise, sigma * np.ones(len(x)))[0]
            drift, noise = drift + eta * s, noise + np.sqrt(2 * eta) * unit
            size = size + eta * np.abs(s) + np.sqrt(2 * eta) * np.abs(unit)
        ends.append((x, drift, noise, size))
    return [np.stack(parts) for parts in zip(*ends)]


@theorem(ANNEALED, "pointwise", a_descent, cancels=EITHER_SIGN)
def annealed_langevin_by_hand(impl, model, x, sigmas, eps, z):
    r"""Annealing takes steps proportional to sigma_i^2 at each level, from large to small, with the field by hand.

    x \leftarrow x + \eta_i s(x, \sigma_i) + \sqrt{2\eta_i}\, z,\ \eta_i = \epsilon \sigma_i^2/\sigma_L^2"""
    *terms, size = (parts[-1] for parts in descent_by_hand(model, x, sigmas, eps, z))
    return Sides([impl.annealed_langevin(impl.score(model), x, sigmas, eps, z)], terms, formula=[size])


@theorem(ANNEALED, "pointwise", a_descent, cancels=EITHER_SIGN)
def ends_of_the_levels_by_hand(impl, model, x, sigmas, eps, z):
    r"""On request, annealing returns the states at the end of every level.

    (x^{(1)}, \dots, x^{(L)})"""
    *terms, size = descent_by_hand(model, x, sigmas, eps, z)
    return Sides([impl.annealed_langevin(impl.score(model), x, sigmas, eps, z, True)], terms, formula=[size])


def a_gaussian_descent(draw: Draw) -> dict:
    d, sigmas = draw.count(1, 2), levels(draw)
    return {
        "mean": draw.reals((d,), -1.5, 1.5),
        "variance": draw.reals((d,), 0.2, 1.5),
        "start": Gaussian(draw.reals((d,), -1.5, 1.5), np.diag(draw.reals((d,), 0.5, 3.0))),
        "sigmas": sigmas,
        "eps": draw.real(0.05, 1.5) * sigmas[-1] ** 2,
        "n_steps": draw.count(1, 3),
    }


@theorem(ANNEALED, "pointwise", a_gaussian_descent, cancels=EITHER_SIGN)
def annealed_langevin_on_a_gaussian(impl, mean, variance, start, sigmas, eps, n_steps):
    r"""For N(mu, v) plus the noise of each level, annealing is a composition of affine maps, so its law is known.

    m \leftarrow \mu + a_i^T (m - \mu),\ V \leftarrow a_i^{2T} V + 2\eta_i \sum_{t < T} a_i^{2t},
    \ a_i = 1 - \eta_i/(v + \sigma_i^2)"""
    d, columns = len(mean), len(sigmas) * n_steps * len(mean)
    model = Model("smoothed_mixture", {"logits": np.zeros(1), "means": mean[None], "variances": variance[None]})
    x = np.concatenate([np.zeros((1, d)), np.eye(d), np.zeros((columns, d))])  # one row for each column of the map
    z = np.concatenate([np.zeros((1 + d, columns)), np.eye(columns)]).reshape(len(x), len(sigmas), n_steps, d)
    ends = impl.annealed_langevin(impl.score(model), x, sigmas, eps, np.moveaxis(z, 0, 2))
    offset, (a, noise) = ends[0], ((part - ends[0]).T for part in (ends[1 : 1 + d], ends[1 + d :]))
    law = np.column_stack([a @ start.cov @ a.T + noise @ noise.T, a @ start.mean + offset])
    distance, spread = start.mean - mean, np.diag(start.cov)
    for sigma in sigmas:
        eta = eps * sigma**2 / sigmas[-1] ** 2
        factor = 1 - eta / (variance + sigma**2)
        distance = factor**n_steps * distance
        spread = factor ** (2 * n_steps) * spread + 2 * eta * sum(factor ** (2 * t) for t in range(n_steps))
    return Sides([law], [np.column_stack([np.diag(spread), distance]), np.column_stack([np.zeros((d, d)), mean])])


LEVELS, STEPS_EACH, LAST_STEP, WIDE = np.geomspace(8.0, 0.5, 8), 20, 0.1, 3.0
MODES = [(0.8, 4.0), (0.25, 3.875)]  # weight of the right mode, distance of both modes from 0


def modes(weight, distance):
    """A mixture in the plane with its modes on the first axis, so that the second coordinate is independent."""
    means = np.array([[-distance, 0.0], [distance, 0.0]])
    return {"logits": np.log([1 - weight, weight]), "means": means, "variances": np.full((2, 2), 0.75)}


def along_the_axis(parameters):
    return parameters | {name: parameters[name][:, :1] for name in ("means", "variances")}


def at_the_right(x, parameters):
    """P(right mode | x) at the last level; its mean under the density of that level is the weight of the mode."""
    wide = parameters["variances"][:, 0] + LEVELS[-1] ** 2
    joint = parameters["logits"] - 0.5 * (x[:, :1] - parameters["means"][:, 0]) ** 2 / wide
    return scipy.special.expit(joint[:, 1] - joint[:, 0])


ANNEALED_STAGES = [(sigma, LAST_STEP * (sigma / LEVELS[-1]) ** 2, STEPS_EACH) for sigma in LEVELS]
VANILLA_STAGES = [(LEVELS[-1], LAST_STEP, len(LEVELS) * STEPS_EACH)]


def lattice(sigma, eta, fine):
    """Nodes that cover the law at a level; their spacing is `fine` times the deviation of a step."""
    spacing, reach = fine * np.sqrt(2 * eta), 4.0 + 9 * max(WIDE, np.sqrt(0.75 + sigma**2))
    return spacing * np.arange(-np.ceil(reach / spacing), np.ceil(reach / spacing) + 1)


def kernel(nodes, mean, deviation):
    """The probabilities of the nodes under a normal around each mean, by the trapezoid rule."""
    distance = (nodes[:, None] - mean.T) / deviation.T
    return (nodes[1] - nodes[0]) * np.exp(-0.5 * distance**2) / (np.sqrt(2 * np.pi) * deviation.T)


def law_on_a_lattice(step, stages, fine):
    """Nodes and probabilities after these stages, started from N(0, 3^2); step(x, sigma, eta) is (mean, deviation)."""
    x = lattice(*VANILLA_STAGES[0][:2], fine)
    law = kernel(x, np.zeros((1, 1)), np.full((1, 1), WIDE))[:, 0]
    for (sigma, eta, n_steps), (_, eta_next, _) in zip(stages, [*stages[1:], *stages[-1:]]):
        nodes = lattice(sigma, eta_next, fine)
        law = np.einsum("ij,j", kernel(nodes, *step(x[:, None], sigma, eta)), law)
        again, x = kernel(nodes, *step(nodes[:, None], sigma, eta)), nodes
        for _ in range(n_steps - 1):
            law = np.einsum("ij,j", again, law)  # not @, whose threads wait for each other on busy cores
    return x, law


def weights_of_the_right(step, parameters, fine):
    """Mean and mean square of P(right mode | x) at the start, after vanilla and after annealed Langevin, (2, 3)."""
    laws = [law_on_a_lattice(step, stages, fine) for stages in ([], VANILLA_STAGES, ANNEALED_STAGES)]
    weights = [(at_the_right(x[:, None], along_the_axis(parameters)), law) for x, law in laws]
    return np.array([[np.sum(weight**power * law) for weight, law in weights] for power in (1, 2)])


@theorem(PITFALL, "quadrature", cases=MODES)
def annealing_recovers_the_weights(impl, weight, distance):
    r"""After 160 steps from a wide normal, vanilla Langevin keeps the initial weights, annealed has the mixture's.

    |w_{\text{vanilla}} - w_0| \le 0.02,\ |w_{\text{vanilla}} - w| \ge 0.2,\ |w_{\text{annealed}} - w| \le 0.03"""
    mixture = modes(weight, distance)

    def step(x, sigma, eta):
        inner = {"kind": "smoothed_mixture", "parameters": along_the_axis(mixture), "sigma": sigma}
        s = impl.score(Model("at_level", inner))
        mean, moved = (impl.langevin_step(s, x, eta, z + 0 * x).x for z in (0.0, 1.0))
        return mean, moved - mean

    here, other = (weights_of_the_right(step, mixture, fine)[0] for fine in (0.18, 0.2))
    start, vanilla, annealed = here
    left, right = (abs(vanilla - start), 0.2, abs(annealed - weight)), (0.02, abs(vanilla - weight), 0.03)
    return Sides([np.array([left])], [np.array([right])], np.max(np.abs(here - other)), inequality=True)


@cache
def weights_by_hand(weight, distance):
    """`weights_of_the_right` with the score and the noise by hand."""
    mixture = modes(weight, distance)

    def step(x, sigma, eta):
        drift = score_and_jacobian(Model("smoothed_mixture", along_the_axis(mixture)), x, sigma * np.ones(len(x)))[0]
        return x + eta * drift, np.sqrt(2 * eta) * np.ones_like(x)

    return weights_of_the_right(step, mixture, 0.2)


@theorem(
    PITFALL,
    "statistical",
    lambda draw: dict(zip(("weight", "distance"), draw.choice(MODES))) | {"seed": draw.count(0, 2**20)},
    about="annealed_langevin langevin_step",
    cases=len(MODES),
)
def chains_have_the_weights_of_their_law(impl, weight, distance, seed, n=2000):
    r"""The mean weights of sampled chains, annealed or not, are those of their law, computed on a lattice.

    \tfrac1n \sum_i P(\text{right} | X_i) \to \mathbb E[P(\text{right} | X_T)]"""
    mixture, rng = modes(weight, distance), np.random.default_rng(seed)
    given = {"kind": "smoothed_mixture", "parameters": mixture}
    conditional, last = (
        impl.score(Model(*args)) for args in (given.values(), ("at_level", given | {"sigma": LEVELS[-1]}))
    )
    x, tape = WIDE * rng.standard_normal((n, 2)), rng.standard_normal((len(LEVELS), STEPS_EACH, n, 2))
    vanilla = x
    with np.errstate(over="ignore", invalid="ignore"):
        for z in tape.reshape(-1, n, 2):
            vanilla = impl.langevin_step(last, vanilla, LAST_STEP, z).x
        annealed = impl.annealed_langevin(conditional, x, LEVELS, LAST_STEP, tape)
        drawn = [np.mean(at_the_right(chains, mixture)) for chains in (x, vanilla, annealed)]
    mean, square = weights_by_hand(weight, distance)
    return Sampled(np.array(drawn), mean, np.sqrt((square - mean**2) / n))
