r"""Theorems about training: each step of a procedure follows the gradient, derived by hand, at the numbers it drew.

The draws of a procedure are scripted here, so that all possible draws can be tried: every minibatch, and signs in place
of unit normals, which have the same first two moments. The models are linear in their parameters or their features.
"""

from itertools import pairwise, product

import autograd.numpy as np
import numpy
from autograd.misc import flatten

from refebm.identities import Failure, Sides, theorem
from refebm.identities.rules import rademacher
from refebm.samplers.step import moved
from refebm.truth.densities import LOG_2PI, Gaussian
from refebm.truth.derivatives import moments as moments_at

HISTORY = "Robbins and Monro 1951"


class Scripted(numpy.random.Generator):
    """A random generator that returns prepared arrays in order, and fails where another shape is asked for."""

    def __init__(self, *answers):
        super().__init__(numpy.random.PCG64(0))
        self.answers = list(answers)

    def _next(self, size):
        wanted = (size,) if isinstance(size, int) else tuple(size or ())
        if not self.answers or numpy.shape(self.answers[0]) != wanted:
            there = numpy.shape(self.answers[0]) if self.answers else "nothing"
            raise Failure(f"it draws {wanted} where {there} is to be drawn")
        return numpy.array(self.answers.pop(0))

    def integers(self, low, high=None, size=None):
        return self._next(size)

    def choice(self, a, size=None):
        return self._next(size)

    def standard_normal(self, size=None):
        return self._next(size)

    def random(self, size=None):
        return self._next(size)


def with_one(x):
    """(1, x) of each row, (n, 1 + d)."""
    return np.concatenate([np.ones((len(x), 1)), x], axis=1)


def linear_score(A, x):
    """a + x W, A = (a; W), (1 + d, d)."""
    return np.dot(with_one(x), A)


def linear_at_levels(A, x, sigma):
    """(a + x W)/sigma."""
    return linear_score(A, x) / sigma[:, None]


def linear_at_times(A, x, t):
    """a + x W at all times."""
    return linear_score(A, x) + 0.0 * t[:, None]


def features(x):
    """x and x^2/2, (n, 2 d)."""
    return np.concatenate([x, 0.5 * x**2], axis=1)


def quadratic_energy(w, x):
    """w . (x, x^2/2)."""
    return np.dot(features(x), w)


def langevin_of_quadratic(w, x, z, h=0.25):
    """An unadjusted step of length h, by hand."""
    d = x.shape[1]
    return moved(x - h * (w[:d] + w[d:] * x) + numpy.sqrt(2 * h) * z)


def normal_log_q(phi, x):
    """The log-density of N(m, e^{2 l}), phi = (m; l), (2, d)."""
    return np.sum(-0.5 * ((x - phi[0]) * np.exp(-phi[1])) ** 2 - phi[1] - 0.5 * LOG_2PI, axis=1)


def normal_sampler(phi, z):
    """m + e^l z."""
    return phi[0] + np.exp(phi[1]) * z


def decoder_joint(theta, x, z):
    """log N(x; D z, 1) N(z; 0, 1), up to a constant, theta = (D, E, l) and one code."""
    return -0.5 * np.sum((x - theta[0] * z) ** 2, axis=1) - 0.5 * np.sum(z**2, axis=1)


def linear_encoder(theta, x, eps):
    """E x + e^l eps, of the first coordinate of x."""
    return theta[1] * x[:, :1] + np.exp(theta[2]) * eps


def spring_of_codes(phi, z, x):
    """-phi z."""
    return -phi * z


# ---- the result of a run ----


def parameters_after(procedure, *given, **options):
    """The fitted parameters, as one vector."""
    return flatten(procedure(*given, **options, progress=False).parameters)[0]


def steps_by_hand(run, draws, first, eta, at, full):
    """Compare run(script, n_steps) with hand-made steps: the mean over all draws of one step, and one pair of steps.

    at(theta, *draw): terms of the gradient for one draw, by hand. full(theta): terms of the gradient of the whole
    objective. The two steps use the first and the last of the draws.
    """
    once = np.mean([run(Scripted(*draw), 1) for draw in draws], axis=0)
    twice = run(Scripted(*draws[0], *draws[-1]), 2)
    middle = first - eta * sum(at(first, *draws[0]))
    terms = zip([first, *(-eta * g for g in full(first))], [middle, *(-eta * g for g in at(middle, *draws[-1]))])
    size = np.ravel(np.mean([eta * sum(map(np.abs, at(first, *draw))) for draw in draws], axis=0))
    return Sides(
        [np.stack([once, np.ravel(twice)])[None]],
        [np.stack([np.ravel(a), np.ravel(b)])[None] for a, b in terms],
        formula=[np.stack([size, 0 * size])[None]],  # single steps are this large, even where their mean is zero
    )


def in_a_row(n):
    """n minibatches of two rows each, in which every row appears equally often."""
    return [np.array([i, (i + 1) % n]) for i in range(n)]


def data_and_matrix(draw):
    """Four rows, in general position, and a linear score."""
    d = draw.count(1, 2)
    corners = np.array([[0.0, 0.0], [2.0, 0.5], [0.5, -2.0], [-1.5, 1.0]])[:, :d]
    return {
        "x": corners + draw.reals((4, d), -0.4, 0.4),
        "A": draw.reals((1 + d, d), -1, 1),
        "eta": draw.real(0.1, 0.5),
    }


def squares(A, y, c, k, V=None):
    """Terms of the gradient of mean 1/2 |c (a + y W) + k|^2, c (n, 1), with the residual projected by V = v v^T."""
    Y = with_one(y)
    V = np.eye(y.shape[1])[None] if V is None else V

    def seen(residual):
        return np.einsum("ni,nij->nj", residual, V * np.ones((len(y), 1, 1)))

    return [Y.T @ (c * seen(c * (Y @ A))) / len(y), Y.T @ (c * seen(k)) / len(y)]


def moments(x, spread=0.0):
    """E (1, y)^T (1, y), y = x + noise of variance `spread`."""
    M = with_one(x).T @ with_one(x) / len(x)
    M[1:, 1:] += spread * np.eye(x.shape[1])
    return M


def below(d, value=1.0):
    """(0; value I)."""
    return np.concatenate([np.zeros((1, d)), value * np.eye(d)])


@theorem(
    f"HY-673 lecture 12, score matching: training algorithm; Stanford CS236; {HISTORY}", "enumeration", data_and_matrix
)
def score_matching_goes_down_its_mean(impl, x, A, eta):
    r"""Each step follows the gradient on its own minibatch and directions, and the mean step that on all the data.

    \mathbb E_B\, g_B(\theta) = \nabla_\theta \mathbb E[\tfrac12 |s|^2 + \operatorname{tr} \nabla s], \quad
    \theta_{t+1} = \theta_t - \eta g_{B_t}(\theta_t)
    """
    d, sides = x.shape[1], []
    for sliced, signs in ((0, [None]), (1, [np.tile(v, (1, 2, 1)) for v in rademacher(d)[0]])):
        draws = [(rows, *([v] if sliced else [])) for rows, v in product(in_a_row(len(x)), signs)]

        def run(rng, n_steps, sliced=sliced):
            return parameters_after(impl.train_score_matching, x, linear_score, A, 2, n_steps, eta, rng, sliced)

        def at(A, rows, v=None):
            V = np.eye(d)[None] if v is None else v[0][:, :, None] * v[0][:, None, :]
            quadratic, _ = squares(A, x[rows], np.ones((2, 1)), np.zeros((2, d)), V)
            return [quadratic, np.concatenate([np.zeros((1, d)), np.mean(V * np.ones((2, 1, 1)), axis=0)])]

        sides.append(steps_by_hand(run, draws, A, eta, at, lambda A: [moments(x) @ A, below(d)]))
    return Sides(*([np.stack(both, axis=1) for both in zip(*side)] for side in zip(*(one[:2] for one in sides))))


@theorem("Robbins and Monro 1951; Hyvarinen 2005, section 3.1", "enumeration", data_and_matrix)
def averaged_score_matching_contracts(impl, x, A, eta):
    r"""For a linear score the expected iterate contracts towards -C^{-1} (x - m), the score of a normal law.

    \mathbb E\,\theta_2 - \theta^* = (I - \eta M)^2 (\theta_0 - \theta^*), \quad W^* = -C^{-1},\ a^* = C^{-1} m
    """
    d, m = x.shape[1], np.mean(x, axis=0)
    precision = np.linalg.inv(np.reshape(np.cov(x.T, bias=True), (d, d)))
    best = np.concatenate([(precision @ m)[None], -precision])

    def run(start, *rows):
        return parameters_after(impl.train_score_matching, x, linear_score, start, 2, 2, eta, Scripted(*rows))

    pairs = list(product(in_a_row(len(x)), repeat=2))
    left = [np.stack([run(start, *rows) for start in (A, best)])[None] / len(pairs) for rows in pairs]
    kept = np.eye(1 + d) - eta * moments(x)
    right = [np.ravel(best), np.stack([np.ravel(kept @ kept @ (A - best)), np.zeros(A.size)])]
    sizes = np.stack([np.ravel(np.abs(kept) @ np.abs(kept) @ np.abs(best))] * 2)
    return Sides([*left, sizes[None]], [*((r * np.ones((2, A.size)))[None] for r in right), sizes[None]])


@theorem("Robbins and Monro 1951; Bottou, Curtis and Nocedal 2018", "enumeration", data_and_matrix)
def a_step_spreads_as_its_minibatch(impl, x, A, eta):
    r"""The covariance of a step is eta^2/B times that of the gradients of single rows.

    \operatorname{Cov}[\theta_1] = \frac{\eta^2}{B} \operatorname{Cov}_i[\nabla_\theta \ell_i(\theta_0)]
    """
    d = x.shape[1]

    def run(rows):
        given = x, linear_score, A, 2, 1, eta, Scripted(np.array(rows))
        return parameters_after(impl.train_score_matching, *given) - np.ravel(A - eta * (moments(x) @ A + below(d)))

    steps = np.stack([run(rows) for rows in product(range(len(x)), repeat=2)])
    Y, total = with_one(x), moments(x) @ A
    own = np.stack([np.ravel(np.outer(y, y @ A) - total) for y in Y])
    size = np.ones((1, A.size, A.size)) * (1 + np.max(np.abs(own))) ** 2
    left = steps[:, :, None] * steps[:, None, :] / len(steps)
    right = eta**2 / 2 * own[:, :, None] * own[:, None, :] / len(own)
    return Sides([left, size], [right, size])


def with_level(draw):
    return data_and_matrix(draw) | {"sigma": draw.noise_level()}


@theorem(f"dataflowr module 18a; Vincent 2011, section 4.2; {HISTORY}", "enumeration", with_level)
def denoising_goes_down_its_mean(impl, x, A, eta, sigma):
    r"""Each step follows the gradient of denoising at its own draws, and the mean step that on the smoothed data.

    \mathbb E\, g = \nabla_\theta \mathbb E[\tfrac12 |s(x + \sigma z) + z/\sigma|^2], \ \mathbb E (1, y)^\top (1, y)
    = M + \sigma^2 \operatorname{diag}(0, I)
    """
    d = x.shape[1]
    draws = [(rows, np.tile(z, (2, 1))) for rows, z in product(in_a_row(len(x)), rademacher(d)[0])]

    def run(rng, n_steps):
        given = x, linear_score, A, sigma, 2, n_steps, eta, rng
        return parameters_after(impl.train_denoising_score_matching, *given)

    def at(A, rows, z):
        return squares(A, x[rows] + sigma * z, np.ones((2, 1)), z / sigma)

    return steps_by_hand(run, draws, A, eta, at, lambda A: [moments(x, sigma**2) @ A, below(d)])


def with_levels(draw):
    return data_and_matrix(draw) | {"sigmas": np.array([draw.real(1.0, 1.5), draw.real(0.4, 0.9)])}


@theorem(
    f"Stanford CS236, training noise conditional score networks; Song and Ermon 2019, eq. 6; {HISTORY}",
    "enumeration",
    with_levels,
)
def levels_are_learnt_in_the_mean(impl, x, A, eta, sigmas):
    r"""The mean step over minibatches, levels and noise follows the gradient of the mean over levels, weight sigma^2.

    \mathbb E\, g = \nabla_\theta \frac1L \sum_l \sigma_l^2\, \mathbb E[\tfrac12 |s(x + \sigma_l z, \sigma_l)
    + z/\sigma_l|^2]
    """
    d = x.shape[1]
    z_and_levels = product(in_a_row(len(x)), [sigmas, sigmas[::-1]], rademacher(d)[0])
    draws = [(rows, levels, np.tile(z, (2, 1))) for rows, levels, z in z_and_levels]

    def run(rng, n_steps):
        given = x, linear_at_levels, A, sigmas, 2, n_steps, eta, rng
        return parameters_after(impl.train_noise_conditional_score_matching, *given)

    def at(A, rows, levels, z):
        return squares(A, x[rows] + levels[:, None] * z, np.ones((2, 1)), z)

    def full(A):
        return [moments(x, np.mean(sigmas**2)) @ A, below(d, np.mean(sigmas))]

    return steps_by_hand(run, draws, A, eta, at, full)


def with_sde(draw):
    times = np.array([draw.real(0.2, 0.5), draw.real(0.6, 0.95)])
    return data_and_matrix(draw) | {"sde": draw.sde(), "uniforms": times, "t_min": draw.real(0.05, 0.2)}


@theorem(
    f"Stanford CS236, score-based generative modeling via SDEs; Song et al. 2021, eq. 7; {HISTORY}",
    "enumeration",
    with_sde,
)
def times_are_learnt_in_the_mean(impl, x, A, eta, sde, uniforms, t_min):
    r"""The mean step over minibatches, times and noise follows the gradient of the mean over times with weight std^2.

    \mathbb E\, g = \nabla_\theta \mathbb E_t\big[\text{std}^2\, \mathbb E[\tfrac12 |s(m x + \text{std}\, z, t)
    + z/\text{std}|^2]\big], \quad t = t_0 + (1 - t_0) u
    """
    d, process = x.shape[1], impl.sde(sde)
    draws = [
        (rows, us, np.tile(z, (2, 1)))
        for rows, us, z in product(in_a_row(len(x)), [uniforms, uniforms[::-1]], rademacher(d)[0])
    ]

    def run(rng, n_steps):
        given = x, linear_at_times, process, A, 2, n_steps, eta, rng, None, t_min
        return parameters_after(impl.train_diffusion, *given)

    def kernel(us):
        return (part[:, None] for part in _kernel_by_hand(sde, t_min + (1 - t_min) * us))

    def at(A, rows, us, z):
        m, std = kernel(us)
        return squares(A, m * x[rows] + std * z, std, z)

    def full(A):
        terms = [
            (std**2 * moments(m * x, std**2) @ A, below(d, std**2))
            for m, std in zip(*_kernel_by_hand(sde, t_min + (1 - t_min) * uniforms))
        ]
        return [np.mean([one[i] for one in terms], axis=0) for i in (0, 1)]

    return steps_by_hand(run, draws, A, eta, at, full)


@theorem(f"Lipman et al. 2023, eq. 23; Liu, Gong and Liu 2023, algorithm 1; {HISTORY}", "enumeration", with_sde)
def lines_are_learnt_in_the_mean(impl, x, A, eta, sde, uniforms, t_min):
    r"""The mean step of flow matching over minibatches, times and noise follows the gradient of the mean over times.

    \mathbb E\, g = \nabla_\theta \mathbb E_t \mathbb E[\tfrac12 |u((1 - t)\, x + t z, t) - (z - x)|^2], \quad
    t = t_0 + (1 - t_0) u
    """
    d, mean = x.shape[1], np.mean(x, axis=0)
    starts = product(in_a_row(len(x)), [uniforms, uniforms[::-1]], rademacher(d)[0])
    draws = [(rows, us, np.tile(z, (2, 1))) for rows, us, z in starts]

    def run(rng, n_steps):
        given = x, linear_at_times, A, 2, n_steps, eta, rng, t_min
        return parameters_after(impl.train_flow_matching, *given)

    def at(A, rows, us, z):
        t = (t_min + (1 - t_min) * us)[:, None]
        return squares(A, (1 - t) * x[rows] + t * z, np.ones((2, 1)), x[rows] - z)

    def full(A):
        times = t_min + (1 - t_min) * uniforms
        second = moments(x)[1:, 1:]
        away = [np.concatenate([mean[None], (1 - t) * second - t * np.eye(d)]) for t in times]
        return [np.mean([moments((1 - t) * x, t**2) @ A for t in times], axis=0), np.mean(away, axis=0)]

    return steps_by_hand(run, draws, A, eta, at, full)


def _kernel_by_hand(sde, t):
    """Scale and deviation of x_t given x_0."""
    scale, variance = moments_at(sde, t)
    return scale, np.sqrt(variance)


# ---- chains ----


def rows_and_energy(draw):
    """Three rows on the line and a quadratic energy."""
    x = np.array([[-1.0], [0.25], [1.5]]) + draw.reals((3, 1), -0.3, 0.3)
    return {"x": x, "w": np.array([draw.real(-1, 1), draw.real(0.3, 1.2)]), "eta": draw.real(0.1, 0.5)}


@theorem(f"Hinton 2002, section 3; Song and Kingma 2021, section 3; {HISTORY}", "enumeration", rows_and_energy)
def contrastive_divergence_goes_down_its_mean(impl, x, w, eta):
    r"""The mean step of CD-2 is the difference of the moments of the data and of the data after two Langevin steps.

    \mathbb E\, g = \mathbb E(x, \tfrac12 x^2) - \mathbb E(x', \tfrac12 x'^2), \ \mathbb E x' = (1 - h w_2)\,
    \mathbb E x - h w_1, \quad
    \operatorname{Var} x' = (1 - h w_2)^2 \operatorname{Var} x + 2 h
    """
    h = 0.25
    draws = [
        (rows, np.array(z)[:, None, None] * np.ones((2, 2, 1)))
        for rows, z in product(in_a_row(3), product((-1.0, 1.0), repeat=2))
    ]

    def run(rng, n_steps):
        given = x, quadratic_energy, langevin_of_quadratic, w, 2, 2, n_steps, eta, rng
        return parameters_after(impl.train_contrastive_divergence, *given)

    def at(w, rows, z):
        y = x[rows]
        for one in z:
            y = y - h * (w[0] + w[1] * y) + np.sqrt(2 * h) * one
        return [np.mean(features(x[rows]), axis=0), -np.mean(features(y), axis=0)]

    def full(w):
        mean, variance = np.mean(x), np.var(x)
        before = np.array([mean, (variance + mean**2) / 2])
        for _ in range(2):
            mean, variance = (1 - h * w[1]) * mean - h * w[0], (1 - h * w[1]) ** 2 * variance + 2 * h
        return [before, -np.array([mean, (variance + mean**2) / 2])]

    return steps_by_hand(run, draws, w, eta, at, full)


def held_energy(w, x):
    """An energy whose gradient in the parameters is zero."""
    return np.sum(0.5 * x**2, axis=1) + 0.0 * np.sum(w)


def with_tape(draw):
    start, z = draw.reals((2, 1), -1, 1), draw.reals((2, 2, 2, 1), -1.5, 1.5)
    return rows_and_energy(draw) | {"start": start, "z": z, "u": draw.reals((2, 2, 2), 0.1, 0.9)}


@theorem(
    "Tieleman 2008; Du and Mordatch 2019, algorithm 1; Song and Kingma 2021, section 3",
    "enumeration",
    with_tape,
    about="train_contrastive_divergence",
)
def chains_that_are_kept_are_longer_chains(impl, x, w, eta, start, z, u):
    r"""With fixed parameters a persistent chain is one longer chain; a buffered one starts afresh or at a kept state.

    x^{(t)}_0 = x^{(t-1)}_k; \quad x^{(t)}_0 = \text{fresh if } u_1 < f, \text{ else the state } \lfloor u_2 N \rfloor
    """
    h, fraction = 0.25, 0.5

    def states(chains, rng):
        """All states that the kernel is called with, while the parameters stay as they are."""
        seen = []

        def step(w, x, z):
            seen.append(np.array(x))
            return langevin_of_quadratic(w, x, z)

        given = x, held_energy, step, w, 2, 2, 2, eta, rng, chains, fraction
        moved_to = parameters_after(impl.train_contrastive_divergence, *given)
        return np.concatenate([np.ravel(seen), moved_to])

    def chain(y, noise):
        path = [y]
        for one in noise:
            path.append(path[-1] - h * (w[0] + w[1] * path[-1]) + np.sqrt(2 * h) * one)
        return path

    rows = np.array([0, 2])
    persistent = states(start, Scripted(rows, z[0], rows, z[1]))
    longer = chain(start, z.reshape(4, 2, 1))[:4]
    whole = np.round(u * 2**52 - 0.5)
    fresh = z[::-1, 0]
    buffered = states(
        impl.ReplayBuffer(start, 3), Scripted(rows, fresh[0], whole[:1], z[0], rows, fresh[1], whole[1:], z[1])
    )
    kept, paths = start, []
    for t in range(2):
        new, which = u[t].T
        y = np.where(new[:, None] < fraction, fresh[t], kept[np.floor(which * len(kept)).astype(int)])
        *path, end = chain(y, z[t])
        kept, paths = np.concatenate([kept, end])[-3:], [*paths, *path]
    size = np.ones((1, 20)) * (1 + np.max(np.abs(z)) + np.max(np.abs(start)))
    right = np.concatenate([np.ravel(longer), w, np.ravel(paths), w])
    return Sides([np.concatenate([persistent, buffered])[None], size], [right[None], size])


# ---- noise contrast, and games ----


def expit(a):
    """1/(1 + e^-a), for a that are not so negative that e^-a overflows."""
    return 1 / (1 + np.exp(-a))


def against_noise(draw):
    noise = {"mean": draw.reals((1,), -0.5, 0.5), "cov": np.array([[draw.real(0.6, 2.0)]])}
    return rows_and_energy(draw) | {"c": draw.real(-1, 1), "noise": noise, "nu": draw.count(1, 2)}


def _slopes(x):
    """The slopes of E + log Z in its parameters: the features, and 1 for log Z."""
    return np.concatenate([features(x), np.ones((len(x), 1))], axis=1)


def _contrast(theta, x, y, log_p, log_p_at_y, nu=1):
    """Terms of the gradient of the noise-contrastive loss in (w, c); y is (nu n, 1)."""
    L_x, L_y = (-_slopes(a) @ theta - log - np.log(nu) for a, log in ((x, log_p), (y, log_p_at_y)))
    return [
        np.mean(expit(-L_x)[:, None] * _slopes(x), axis=0),
        -np.sum(expit(L_y)[:, None] * _slopes(y), axis=0) / len(x),
    ]


def _log_normal(x, mean, variance):
    return (-0.5 * (x - mean) ** 2 / variance - 0.5 * np.log(variance) - 0.5 * LOG_2PI)[:, 0]


@theorem(
    f"Stanford CS236, noise contrastive estimation, steps 1 to 5; Gutmann and Hyvarinen 2010; {HISTORY}",
    "enumeration",
    against_noise,
)
def noise_contrast_goes_down_its_mean(impl, x, w, eta, c, noise, nu):
    r"""The mean step in E and log Z over minibatches and noise follows the gradient of the whole noise contrast.

    \mathbb E\, g = \mathbb E_x[\tfrac{1}{1 + e^L} (\nabla_\theta E, 1)] - \nu\,
    \mathbb E_y[\tfrac{1}{1 + e^{-L}} (\nabla_\theta E, 1)],\ L = -E - c - \log \nu p_n
    """
    law = Gaussian(noise["mean"], noise["cov"])
    mean, variance = noise["mean"][0], noise["cov"][0, 0]
    zs = [np.full((2 * nu, 1), sign) for sign in (-1.0, 1.0)]
    draws = list(product(in_a_row(3), zs))

    def run(rng, n_steps):
        given = x, quadratic_energy, law, w, nu, 2, n_steps, eta, rng, c
        return parameters_after(impl.train_noise_contrastive, *given)

    def made(z):
        return mean + np.sqrt(variance) * z

    def at(theta, rows, z):
        y = made(z)
        logs = (_log_normal(a, mean, variance) for a in (x[rows], y))
        return _contrast(theta, x[rows], y, *logs, nu)

    def full(theta):
        y = np.concatenate([made(np.full((3 * nu, 1), sign)) for sign in (-1.0, 1.0)])
        at_x, at_y = _contrast(theta, x, y, *(_log_normal(a, mean, variance) for a in (x, y)), nu)
        return [at_x, at_y / 2]

    return steps_by_hand(run, draws, np.append(w, c), eta, at, full)


class Uniform:
    """The uniform law on some points; a sample runs through them in turn."""

    def __init__(self, points):
        self.points = points

    def log_prob(self, x):
        return -np.log(len(self.points)) + 0.0 * x[:, 0]

    def sample(self, rng, n):
        return np.tile(self.points, (n // len(self.points) + 1, 1))[:n]


def biased_energy(b, x):
    """b - log p on the points 0, 1 and 2, where p = (1, 2, 3)/6: x has them once, twice and three times."""
    p = np.array([1.0, 2.0, 3.0]) / 6
    return b - np.log(p)[np.round(x[:, 0]).astype(int)]


@theorem(
    "Mnih and Teh 2012; Song and Kingma 2021, section 5",
    "enumeration",
    lambda draw: {"shift": draw.real(0.5, 1.5), "start": draw.real(-1, 1), "nu": draw.count(1, 2)},
)
def self_normalised_contrast_finds_the_normaliser(impl, shift, start, nu):
    r"""If log Z is fixed at 0, the bias b of E = E_0 + b is learnt and ends at log of the normaliser of e^{-E_0}.

    b^* = \log \sum_x e^{-E_0(x)}, \qquad f^* = f_0 - \log Z_0
    """
    points = np.arange(3.0)[:, None]
    x = np.repeat(points, [1, 2, 3], axis=0)

    def energy(b, x):
        return biased_energy(b, x) - shift

    fit = impl.train_noise_contrastive(
        x,
        energy,
        Uniform(points),
        np.array(start),
        nu,
        6,
        120,
        2.0,
        np.random.default_rng(0),
        0.0,
        True,
        progress=False,
    )
    left = flatten(fit.parameters)[0]
    log_z = np.log(np.sum(np.exp(-energy(0.0, points))))
    return Sides([left[None]], [np.array([[log_z]])])


def a_game(draw):
    phi = np.array([[draw.real(-0.5, 0.5)], [draw.real(-0.3, 0.3)]])
    return against_noise(draw) | {"phi": phi, "z": draw.reals((2, 2, 2, 1), -1.5, 1.5), "weight": draw.real(0.3, 0.7)}


ROWS = np.array([[[0, 1], [2, 0]], [[1, 1], [0, 2]]])  # the minibatch of each round (2) and each player's turn (2)


def _log_q(phi, x):
    return _log_normal(x, phi[0, 0], np.exp(2 * phi[1, 0]))


def _sampled(phi, z):
    """The sample y made from noise z, and its derivatives in phi, (n, 2)."""
    moved_by = np.exp(phi[1, 0]) * z
    return phi[0, 0] + moved_by, np.concatenate([np.ones_like(z), moved_by], axis=1)


def _log_q_slopes(phi, x):
    """The derivatives of log q in phi, (n, 2), and in x, (n, 1)."""
    away = (x - phi[0, 0]) * np.exp(-phi[1, 0])
    return np.concatenate([away * np.exp(-phi[1, 0]), away**2 - 1], axis=1), -away * np.exp(-phi[1, 0])


def _rounds(run, theta, phi, eta, turns):
    """Both players after two rounds, by `run` and by hand: turns are the gradients (theta, phi, t) of either player."""
    left = run()
    for t in range(2):
        theta = theta + eta * turns[0](theta, phi, t)
        phi = phi + eta * np.reshape(turns[1](theta, phi, t), (2, 1))
    right, size = np.concatenate([theta, np.ravel(phi)]), np.full((1, len(left)), 4.0)
    return Sides([left[None], size], [right[None], size])


@theorem("Gao et al. 2020; HY-673 lecture 12, flow contrastive estimation", "enumeration", a_game)
def energy_and_flow_take_turns(impl, x, w, eta, c, noise, nu, phi, z, weight):
    r"""In each round the energy descends the contrast, then the flow ascends it, also through its own samples.

    \theta' = \theta - \eta \partial_\theta V(\theta, \phi), \quad \phi' = \phi + \eta \partial_\phi V(\theta', \phi)
    """

    def run():
        script = [one for t in range(2) for turn in range(2) for one in (ROWS[t, turn], z[t, turn])]
        given = x, quadratic_energy, normal_log_q, normal_sampler, w, phi, 2, 2, eta, Scripted(*script), c
        return parameters_after(impl.train_flow_contrastive, *given)

    def energy(theta, phi, t):
        rows, (y, _) = x[ROWS[t, 0]], _sampled(phi, z[t, 0])
        return -sum(_contrast(theta, rows, y, _log_q(phi, rows), _log_q(phi, y)))

    def flow(theta, phi, t):
        rows, (y, dy) = x[ROWS[t, 1]], _sampled(phi, z[t, 1])
        L_x, L_y = (-_slopes(a) @ theta - _log_q(phi, a) for a in (rows, y))
        at_x = expit(-L_x)[:, None] * _log_q_slopes(phi, rows)[0]
        at_y = expit(L_y)[:, None] * (-(theta[0] + theta[1] * y) * dy + np.array([[0.0, 1.0]]))
        return np.mean(at_x + at_y, axis=0)

    return _rounds(run, np.append(w, c), phi, eta, (energy, flow))


@theorem("Bose, Ling and Cao 2018, eq. 4; Song and Kingma 2021, section 5", "enumeration", a_game)
def energy_and_proposal_take_turns(impl, x, w, eta, c, noise, nu, phi, z, weight):
    r"""In each round the energy descends the contrast with noise (1 - w) p_n + w q, then the proposal q ascends it.

    y \sim (1 - w) p_n + w q_\phi; \quad \theta' = \theta - \eta \partial_\theta V(\theta, \phi), \quad
    \phi' = \phi + \eta \partial_\phi V(\theta', \phi)
    """
    law, (mean,), ((variance,),) = Gaussian(noise["mean"], noise["cov"]), noise["mean"], noise["cov"]
    plain, hard = z[:, :, ::-1], z
    us = np.array([[0.1], [0.9]])

    def run():
        parts = product(range(2), range(2))
        script = [one for at in parts for one in (ROWS[at], plain[at], hard[at], us)]
        given = x, quadratic_energy, law, normal_log_q, normal_sampler, weight, w, phi, 2, 2, eta, Scripted(*script), c
        return parameters_after(impl.train_adversarial_contrastive, *given)

    def mixed(phi, a):
        """The log density of the mixture, and the probability that a point is from q."""
        of_q = weight * np.exp(_log_q(phi, a))
        whole = of_q + (1 - weight) * np.exp(_log_normal(a, mean, variance))
        return np.log(whole), (of_q / whole)[:, None]

    def points(phi, t, turn):
        y, dy = _sampled(phi, hard[t, turn])
        return np.where(us < weight, y, mean + np.sqrt(variance) * plain[t, turn]), np.where(us < weight, dy, 0.0)

    def energy(theta, phi, t):
        rows, (y, _) = x[ROWS[t, 0]], points(phi, t, 0)
        return -sum(_contrast(theta, rows, y, mixed(phi, rows)[0], mixed(phi, y)[0]))

    def proposal(theta, phi, t):
        rows, (y, dy) = x[ROWS[t, 1]], points(phi, t, 1)
        (log_x, share_x), (log_y, share_y) = mixed(phi, rows), mixed(phi, y)
        L_x, L_y = -_slopes(rows) @ theta - log_x, -_slopes(y) @ theta - log_y
        in_phi, in_y = _log_q_slopes(phi, y)
        leads = -(theta[0] + theta[1] * y) - share_y * in_y + (1 - share_y) * (y - mean) / variance
        at_x = expit(-L_x)[:, None] * share_x * _log_q_slopes(phi, rows)[0]
        return np.mean(at_x + expit(L_y)[:, None] * (leads * dy - share_y * in_phi), axis=0)

    return _rounds(run, np.append(w, c), phi, eta, (energy, proposal))


@theorem("HY-673 lecture 12, adversarial training for EBMs; Dai et al. 2019, eq. 5", "enumeration", a_game)
def energy_and_sampler_take_turns(impl, x, w, eta, c, noise, nu, phi, z, weight):
    r"""In each round the energy ascends the bound of its log-likelihood, then the sampler descends it.

    \theta' = \theta + \eta [\mathbb E_y \partial_\theta E - \mathbb E_x \partial_\theta E], \quad
    \phi' = \phi - \eta\, \mathbb E_z[E'(y) \partial_\phi y + \partial_\phi \log q(y)]
    """

    def run():
        script = [one for t in range(2) for turn in range(2) for one in (ROWS[t, turn], z[t, turn])]
        given = x, quadratic_energy, normal_log_q, normal_sampler, w, phi, 2, 2, eta, Scripted(*script)
        return parameters_after(impl.train_variational_bound, *given)

    def energy(theta, phi, t):
        y, _ = _sampled(phi, z[t, 0])
        return np.mean(features(y) - features(x[ROWS[t, 0]]), axis=0)

    def sampler(theta, phi, t):
        y, dy = _sampled(phi, z[t, 1])
        return -np.mean((theta[0] + theta[1] * y) * dy + np.array([[0.0, -1.0]]), axis=0)

    return _rounds(run, w, phi, eta, (energy, sampler))


def an_autoencoder(draw):
    theta = np.array([draw.real(0.4, 1.2), draw.real(-0.6, 0.6), draw.real(-0.4, 0.4)])
    x = np.array([[-1.0], [0.5], [1.5]]) + draw.reals((3, 1), -0.3, 0.3)
    eps = [np.tile([[1.0], [-1.0]], (n // 2, 1)) + draw.reals((n, 1), -0.5, 0.5) for n in (6, 2, 6, 2, 6)]  # not all 0
    return {"x": x, "theta": theta, "phi": draw.real(0.5, 1.5), "eta": draw.real(0.1, 0.3), "eps": eps}


@theorem(
    "Song, Garg, Shi and Ermon 2019, section 5.2; HY-673 lecture 12, score matching for learning implicit VAEs",
    "enumeration",
    an_autoencoder,
)
def codes_follow_a_score_that_is_fitted_to_them(impl, x, theta, phi, eta, eps):
    r"""The score -phi z is fitted to fresh codes, phi = 1/E[z^2], and held while decoder and encoder take a step.

    \phi = 1/\overline{z^2}, \quad \partial_z = -(x - D z) D + z - \phi z, \quad
    (D, E, l)' = (D, E, l) - \eta\, \overline{(-(x - D z) z,\ x\, \partial_z,\ e^l \epsilon\, \partial_z)}
    """
    rows, signs = [np.array([0, 2]), np.array([1, 1])], np.array([1.0, -1.0, 1.0, 1.0, -1.0, 1.0])[:, None]
    script = [eps[0], signs, rows[0], eps[1], eps[2], signs, rows[1], eps[3], eps[4], signs]
    models = decoder_joint, linear_encoder, spring_of_codes
    sizes = 1, 2, 2, eta, Scripted(*script), 1, 2, 20
    left = parameters_after(impl.train_implicit_vae, x, *models, theta, np.array(phi), *sizes)

    def codes(theta, x, eps):
        return theta[1] * x + np.exp(theta[2]) * eps

    copied = np.tile(x, (2, 1))
    for t in range(2):
        fitted = 1 / np.mean(codes(theta, copied, eps[2 * t]) ** 2)
        seen, noise = x[rows[t]], eps[2 * t + 1]
        z = codes(theta, seen, noise)
        in_z = -(seen - theta[0] * z) * theta[0] + z - fitted * z
        slopes = [-(seen - theta[0] * z) * z, seen * in_z, np.exp(theta[2]) * noise * in_z]
        theta = theta - eta * np.mean(slopes, axis=(1, 2))
    right = np.append(theta, 1 / np.mean(codes(theta, copied, eps[4]) ** 2))
    size = np.full((1, 4), 8.0) + np.abs(right)
    return Sides([left[None], size], [right[None], size])


# ---- sampling ----


def at_levels(draw):
    d = draw.count(1, 2)
    given = {"A": draw.reals((1 + d, d), -1, 1), "sigmas": np.array([draw.real(1.5, 2), draw.real(0.5, 1)])}
    return given | {"eps": draw.real(0.01, 0.05), "z": draw.reals((5, 2, d), -1.5, 1.5)}


@theorem("Song and Ermon 2019, algorithm 1; Stanford CS236, annealed Langevin dynamics", "enumeration", at_levels)
def annealing_starts_at_the_largest_level(impl, A, sigmas, eps, z):
    r"""Samples start from N(0, sigma_1^2 I) and take equally many steps of size eps sigma_l^2/sigma_L^2 at each level.

    x_0 = \sigma_1 z_0, \quad x \leftarrow x + \eta_l s(x, \sigma_l) + \sqrt{2 \eta_l}\, z
    """
    d = A.shape[1]
    tape = z[1:].reshape(2, 2, 2, d)
    left = impl.draw_by_annealed_langevin(
        lambda x, sigma: linear_at_levels(A, x, sigma), sigmas, eps, 2, 2, d, Scripted(z[0], tape)
    )
    x = sigmas[0] * z[0]
    for sigma, noise in zip(sigmas, tape):
        eta = eps * (sigma / sigmas[1]) ** 2
        for one in noise:
            x = x + eta * (with_one(x) @ A) / sigma + np.sqrt(2 * eta) * one
    size = np.full((1, x.size), 4.0)
    return Sides([np.ravel(left)[None], size], [np.ravel(x)[None], size])


def back_in_time(draw):
    d = draw.count(1, 2)
    sde = draw.sde(["VariancePreserving"])
    sde["parameters"]["beta_max"] *= 0.25
    z = draw.reals((7, 2, d), -1.5, 1.5)
    return {"A": draw.reals((1 + d, d), -0.5, 0.5), "sde": sde, "ratio": draw.real(0.05, 0.2), "z": z}


@theorem(
    "Song et al. 2021, algorithms 1 and 3; Ho, Jain and Abbeel 2020, algorithm 2; Stanford CS236",
    "enumeration",
    back_in_time,
)
def samples_come_back_from_the_prior(impl, A, sde, ratio, z):
    r"""Samples follow predictor and corrector in turn, or the denoising chain; the flow keeps them in place for s = -x.

    x \leftarrow x - [f - g^2 s]\,dt + g \sqrt{dt}\, z, \quad x \leftarrow x + \eta s + \sqrt{2 \eta}\, z; \qquad
    x_{i-1} = \frac{x_i + \beta_i s}{\sqrt{1 - \beta_i}} + \sqrt{\beta_i}\, z
    """
    d, process, t_min = A.shape[1], impl.sde(sde), 0.25
    least, most = sde["parameters"]["beta_min"], sde["parameters"]["beta_max"]
    score, beta = lambda x, t: linear_at_times(A, x, t), lambda t: least + t * (most - least)

    def drawn(score, steps, by, *script):
        return np.ravel(impl.draw_by_diffusion(score, process, steps, 2, d, Scripted(*script), by, 1, ratio, t_min))

    corrected = drawn(score, 3, "predictor-corrector", z[0], z[1:].reshape(3, 2, 2, d))
    times, x = np.linspace(1, t_min, 4), z[0]
    for k, (late, early) in enumerate(pairwise(times)):
        dt, slope = late - early, beta(late)
        x = x + (0.5 * slope * x + slope * (with_one(x) @ A)) * dt + np.sqrt(slope * dt) * z[1 + 2 * k]
        eta = ratio * _kernel_by_hand(sde, np.array([early]))[1] ** 2
        x = x + eta * (with_one(x) @ A) + np.sqrt(2 * eta) * z[2 + 2 * k]
    ancestral, y = drawn(score, 4, "ancestral", z[0], z[1:5]), z[0]
    for i in (3, 2, 1, 0):
        b = beta((i + 1) / 4) / 4
        y = (y + b * (with_one(y) @ A)) / np.sqrt(1 - b) + np.sqrt(b) * z[1 + i] * (i > 0)
    still = drawn(lambda x, t: -x, 1, "flow", z[0])
    size = np.full((1, 3 * still.size), 8.0)
    right = np.concatenate([np.ravel(x), np.ravel(y), np.ravel(z[0])])
    return Sides([np.concatenate([corrected, ancestral, still])[None], size], [right[None], size])
