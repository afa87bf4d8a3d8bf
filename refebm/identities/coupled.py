r"""Theorems about coupled chains: each alone is a Markov chain, and estimates from both are unbiased."""

import numpy as np
import scipy

from refebm.identities import Draw, Sampled, Sides, theorem
from refebm.identities.bits import probabilities
from refebm.identities.draw import SMOOTH_ENERGIES
from refebm.identities.notation import EITHER_SIGN
from refebm.identities.parameters import energy_gradients, gradients_of
from refebm.models import Model
from refebm.samplers.step import moved
from refebm.truth.densities import Gaussian

JACOB = "Jacob, O'Leary and Atchade 2020"
WALKERS = 12
QIU = "Qiu, Zhang and Wang 2020, section 3"


def states_of(pair) -> list:
    """The states of both chains, from a pair of `Step` records or of arrays."""
    return [getattr(one, "x", one) for one in pair]


def two_walkers(draw: Draw) -> dict:
    """Pairs of states, near enough to meet often, and many enough to also miss; the last pair is already equal."""
    d, scale = draw.count(1, 3), draw.real(0.5, 2)
    x = draw.reals((WALKERS, d), -2, 2)
    y = x + scale * draw.reals((WALKERS, d), -1.5, 1.5) * (np.arange(WALKERS) < WALKERS - 1)[:, None]
    noise = {
        "z": draw.reals((WALKERS, d), -2, 2),
        "u_meet": draw.reals((WALKERS,), 0.02, 0.98),
        "u": draw.reals((WALKERS,), 0.02, 0.98),
    }
    return {"model": draw.model(d, SMOOTH_ENERGIES), "x": x, "y": y, "scale": scale} | noise


@theorem(JACOB + ", algorithm 2", "pointwise", two_walkers, cancels=EITHER_SIGN)
def coupled_proposals_by_their_densities(impl, model, x, y, scale, z, u_meet, u):
    r"""The proposal for y is x' if u_meet is below N(x'; y)/N(x'; x), else the mirrored move; one u accepts both.

    u_{\text{meet}}\, \mathcal N(x'; x, \sigma^2 I) < \mathcal N(x'; y, \sigma^2 I) \Rightarrow y' = x',\
    \text{else } y' - y = R(x' - x),\ R = I - 2 e e^\top,\ e \parallel x - y"""
    left = states_of(impl.coupled_metropolis_step(impl.energy(model), x, y, scale, z, u_meet, u))
    right = [[], []]
    for a, b, noise, first, second in zip(x, y, z, u_meet, u):
        there = a + scale * noise
        densities = [Gaussian(start, scale**2).log_prob(there[None])[0] for start in (a, b)]
        gap = a - b
        mirrored = (there - a) - (2 * gap @ (there - a) / (gap @ gap) * gap if gap.any() else 0)
        for i, (start, end) in enumerate(
            ((a, there), (b, there if np.log(first) + densities[0] < densities[1] else b + mirrored))
        ):
            before, after = model(np.stack([start, end]))
            right[i].append(end if np.log(second) < before - after else start)
    return Sides([np.stack(left)], [np.stack([np.stack(rows) for rows in right])])


def gap_and_seed(draw: Draw) -> dict:
    d = draw.count(1, 3)
    return {"gap": draw.reals((d,), 0.2, 1.5), "scale": draw.real(0.5, 2), "seed": draw.count(0, 2**20)}


@theorem(JACOB + ", section 4", "statistical", gap_and_seed, about="coupled_metropolis_step")
def coupled_proposals_are_normal_and_meet_as_often_as_can_be(impl, gap, scale, seed):
    r"""The second proposal by itself is normal, and equals the first with probability the overlap of the two laws.

    \mathbb E \cos(k \cdot \zeta) = e^{-|k|^2/2},\ \mathbb E \sin(k \cdot \zeta) = 0,\ \zeta = (y' - y)/\sigma,\quad
    P(x' = y') = 2 \Phi(-|g|/2)"""
    n, d, rng = 20_000, len(gap), np.random.default_rng(seed)
    z, u = rng.standard_normal((n, d)), (rng.integers(0, 2**52, n) + 0.5) / 2.0**52
    flat = Model("quadratic", {"mean": np.zeros(d), "precision": 1e-12 * np.eye(d)})
    x = np.zeros((n, d)) + scale * gap
    first, second = states_of(
        impl.coupled_metropolis_step(impl.energy(flat), x, 0 * x, scale, z, u, np.full(n, 2.0**-40))
    )
    along = second / scale @ np.stack([np.eye(d)[0], gap / np.sqrt(gap @ gap)], axis=1)
    features = [np.cos(along[:, 0]), np.sin(along[:, 0]), np.cos(along[:, 1]), np.sin(along[:, 1])]
    features.append(1.0 * np.all(first == second, axis=1))
    even, odd = (np.exp(-0.5), 0.5 * (1 + np.exp(-2.0)) - np.exp(-1.0)), (0.0, 0.5 * (1 - np.exp(-2.0)))
    overlap = 2 * float(scipy.special.ndtr(-0.5 * np.sqrt(gap @ gap)))
    expected = np.array([even[0], odd[0], even[0], odd[0], overlap])
    variances = np.array([even[1], odd[1], even[1], odd[1], overlap * (1 - overlap)])
    return Sampled(np.mean(features, axis=1), expected, np.sqrt(variances / n))


def chain_of_three(draw: Draw) -> dict:
    """Three points, the invariant law of a Metropolis chain on them, an initial law, and a coupling."""
    d, steps = draw.count(1, 2), draw.count(2, 3)
    k = draw.count(0, steps - 1)
    return {
        "model": draw.model(d, SMOOTH_ENERGIES),
        "points": draw.reals((3, d), -2, 2),
        "logits": draw.reals((3,), -1, 1),
        "start": draw.reals((3,), -1, 1),
        "coupling": draw.choice(("maximal", "product")),
        "steps": steps,
        "k": k,
        "m": draw.count(k, steps),
    }


def metropolis_chain(logits: np.ndarray) -> np.ndarray:
    """The transition matrix of a Metropolis chain on a ring that proposes either neighbour with probability 1/2."""
    p = probabilities(logits)
    P = 0.5 * np.minimum(1, p / p[:, None]) * (1 - np.eye(len(p)))
    return P + np.diag(1 - np.sum(P, axis=1))


def joint_step(P: np.ndarray, i: int, j: int, coupling: str) -> np.ndarray:
    """The probabilities of all pairs of states after the pair (i, j); chains that have met stay together."""
    if i == j:
        return np.diag(P[i])
    if coupling == "product":
        return np.outer(P[i], P[j])
    both = np.minimum(P[i], P[j])
    rest = 1 - np.sum(both)
    return np.diag(both) + (np.outer(P[i] - both, P[j] - both) / rest if rest > 0 else 0)


def all_paths(P, first, second, coupling, steps):
    """All paths of a pair: the states of X (steps + 1, paths), of Y (steps, paths), and their probabilities."""
    found = [([i, a], [j], first[i] * second[j] * P[i, a]) for i in range(3) for j in range(3) for a in range(3)]
    for _ in range(steps - 1):
        longer = []
        for x, y, p in found:
            after = joint_step(P, x[-1], y[-1], coupling)
            longer += [([*x, a], [*y, b], p * after[a, b]) for a in range(3) for b in range(3) if after[a, b] > 0]
        found = longer
    x, y, p = zip(*found)
    return np.array(x).T, np.array(y).T, np.array(p)


@theorem(
    JACOB + ", section 2.1",
    "enumeration",
    chain_of_three,
    cancels=EITHER_SIGN,
    outside={
        "Y_0 has another law than X_0": lambda: {
            "model": Model("quadratic", {"mean": np.zeros(1), "precision": np.eye(1)}),
            "points": np.array([[-1.0], [0.5], [2.0]]),
            "logits": np.array([0.0, 0.5, -0.5]),
            "start": np.array([1.0, 0.0, -1.0]),
            "coupling": "maximal",
            "steps": 3,
            "k": 0,
            "m": 1,
            "other": np.array([0.0, 0.0, 1.0]),
        }
    },
)
def time_average_of_coupled_chains_has_no_bias(impl, model, points, logits, start, coupling, steps, k, m, other=None):
    r"""Over all pairs of paths of length T the mean of the estimate is E[h(X_T)] for all k and m, even if they have not
    met; as T grows it tends to the mean under the invariant law.

    \mathbb E H_{k:m} = \mathbb E h(X_T) = \mu P^T h \to \pi h"""
    P, first = metropolis_chain(logits), probabilities(start)
    x, y, p = all_paths(P, first, first if other is None else probabilities(other), coupling, steps)
    rows = impl.unbiased_mean(impl.energy(model), points[x], points[y], k, m)
    end = first @ np.linalg.matrix_power(P, steps)
    return Sides([p * rows], [end * model(points)])


def chains_by_numbers(draw: Draw) -> dict:
    d, n, steps = draw.count(1, 3), 2, draw.count(1, 4)
    k = draw.count(0, steps)
    return {
        "model": draw.model(d, SMOOTH_ENERGIES),
        "x": draw.reals((n, d), -2, 2),
        "chain": draw.reals((steps + 1, n, d), -2, 2),
        "lagged": draw.reals((steps, n, d), -2, 2),
        "k": k,
        "m": draw.count(k, steps),
    }


def weights_of(k: int, m: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The weights of the states of X and of Y in the mean of H_k, ..., H_m, counted term by term."""
    for_x, for_y = np.zeros(steps + 1), np.zeros(steps)
    for start in range(k, m + 1):
        for_x[start] += 1
        for t in range(start + 1, steps + 1):
            for_x[t], for_y[t - 1] = for_x[t] + 1, for_y[t - 1] - 1
    return for_x / (m - k + 1), for_y / (m - k + 1)


@theorem(JACOB + ", eq. 2.2", "pointwise", chains_by_numbers, cancels=EITHER_SIGN)
def time_average_is_a_mean_of_single_estimates(impl, model, x, chain, lagged, k, m):
    r"""The time average from k to m is the mean of the single estimates H_l for l from k to m.

    H_{k:m} = \frac{1}{m - k + 1} \sum_{l=k}^m \Big(h(X_l) + \sum_{t > l} [h(X_t) - h(Y_{t-1})]\Big)"""
    rows = impl.unbiased_mean(impl.energy(model), chain, lagged, k, m)
    pairs = zip(weights_of(k, m, len(lagged)), (chain, lagged))
    return Sides([rows], [w * model(point) for weights, points in pairs for w, point in zip(weights, points)])


@theorem(QIU, "pointwise", chains_by_numbers, cancels=EITHER_SIGN)
def unbiased_contrast_has_two_phases(impl, model, x, chain, lagged, k, m):
    r"""Value and gradient are those of the energy at the data, minus their unbiased time average over the chains.

    \nabla_\theta E(x) - H_{k:m}(\nabla_\theta E)"""

    def loss(model):
        return impl.unbiased_contrastive_divergence(impl.energy(model), x, chain, lagged, k, m)

    pairs = list(zip(weights_of(k, m, len(lagged)), (chain, lagged)))
    terms = [(1.0, x), *((-w, point) for weights, points in pairs for w, point in zip(weights, points))]
    right = [np.column_stack([w * model(at), w * energy_gradients(model, at)]) for w, at in terms]
    return Sides([np.column_stack([loss(model), gradients_of(loss, model)])], right)


def pairs_and_noise(draw: Draw) -> dict:
    """Noise for contracting steps in which a pair meets where its u exceeds 1/2; in the last step all pairs meet."""
    d, n, steps = draw.count(1, 2), draw.count(1, 3), draw.count(2, 5)
    u = np.array([[draw.choice((0.25, 0.75)) for _ in range(n)] for _ in range(steps - 1)] + [[0.75] * n])
    noise = {"z": draw.reals((steps, n, d), -1, 1), "u": u}
    return {"x": draw.reals((n, d), 1, 2), "y": draw.reals((n, d), -2, -1), "m": draw.count(0, steps)} | noise


def contracted(x, y, z, u):
    """A coupled kernel: x/2 + z and y/2 - z, or twice x/2 + z where u > 1/2 or the pair has met before."""
    together = (u[:, None] > 0.5) | np.all(x == y, axis=1)[:, None]
    up = 0.5 * x + z
    return moved(up), moved(np.where(together, up, 0.5 * y - z))


@theorem(JACOB + ", section 2.1", "pointwise", pairs_and_noise, cancels=EITHER_SIGN)
def coupled_chains_are_a_step_apart(impl, x, y, m, z, u):
    r"""X takes the first step alone; then both chains move with the same noise until all pairs have met and X_m exists.

    X_1 = \tfrac12 x + z_0,\ (X_{t+1}, Y_t) = \bar P(X_t, Y_{t-1}; z_t),\ \tau = \min\{t: X_t = Y_{t-1}\}"""
    here, there = [x, 0.5 * x + z[0]], [y]
    meeting, t = np.zeros(len(x)), 1
    while not (np.all(meeting > 0) and len(here) > m):
        up = 0.5 * here[-1] + z[t]
        together = (u[t] > 0.5) | (meeting > 0)
        there.append(np.where(together[:, None], up, 0.5 * there[-1] - z[t]))
        here.append(up)
        meeting = np.where((meeting == 0) & together, t + 1, meeting)
        t += 1
    chains = impl.coupled_chains(contracted, x, y, m, (z, u))
    left = np.concatenate([np.ravel(part) for part in chains])
    right = np.concatenate([np.ravel(part) for part in (here, there, meeting)])
    longest = max(len(left), len(right))
    return Sides([np.resize(left, longest)], [np.resize(right, longest)])
