r"""Theorems about chains, noise tapes, and the diagnostics of chains whose law is known."""

import numpy as np

from refebm.identities import Draw, Limit, Sampled, Sides, theorem
from refebm.identities.notation import EITHER_SIGN
from refebm.models import Model
from refebm.samplers.step import Info, Step

CHAINS = "Song and Kingma 2021, section 3; HY-673 lecture 12, sampling from EBMs"
GEYER = "Geyer 1992, section 3.1"
MONOTONE = "Geyer 1992, section 3.3; Gelman et al. 2013, section 11.5; Vehtari et al. 2021, section 3.2"
SPLIT = "Gelman et al. 2013, eq. 11.4; Vehtari et al. 2021, section 3.1"
LAW = "Stanford CS236, Langevin dynamics sampling; HY-673 lecture 12, sampling from EBMs"
REPLAY = "Du and Mordatch 2019, section 3.1"


def a_chain(draw: Draw) -> dict:
    """A tape for linear steps, each with its own factor, and the numbers u from which a kernel makes its report."""
    length, n, d = draw.count(1, 6), draw.count(1, 3), draw.count(1, 2)
    return {
        "x": draw.reals((n, d), -2, 2),
        "z": draw.reals((length, n, d), -2, 2),
        "u": draw.reals((length, n), 0.0, 1.0),
        "factor": draw.reals((length,), -1.5, 1.5),
    }


def linear(x, z, u, factor):
    """A kernel by hand: the state becomes factor x + z; its report is made from u."""
    return Step(factor * x + z, Info(u, u < 1 / 3, 0 * u, u > 0.87654321))


@theorem(CHAINS, "pointwise", a_chain, cancels=EITHER_SIGN)
def run_composes_steps(impl, x, z, u, factor):
    r"""For linear steps the trajectory, without its start, is a sum over time, and the final state is its last entry.

    x_{t+1} = a_t x_t + z_t:\quad x_t = \Big(\prod_{s < t} a_s\Big) x_0
    + \sum_{r < t} \Big(\prod_{r < s < t} a_s\Big) z_r"""
    length, tape = len(z), (z, u, factor)
    with_states, without = (impl.run(linear, x, tape, trajectory) for trajectory in (True, False))
    left = np.stack([*with_states.info.trajectory, with_states.x, without.x])
    added, times = [x, *z], [*range(1, length + 1), length, length]
    terms = [[np.prod(factor[r:t]) * what * (r <= t) for t in times] for r, what in enumerate(added)]
    return Sides([left], [np.stack(term) for term in terms])


@theorem(CHAINS, "pointwise", a_chain)
def run_sums_what_happened(impl, x, z, u, factor):
    r"""The record has each chain's mean acceptance probability and its counts of accepted and of invalid steps.

    \bar\alpha = \tfrac1T \sum_t \alpha_t,\quad \#\text{accepted},\ \#\text{invalid}"""
    info = impl.run(linear, x, (z, u, factor)).info
    terms = [np.stack([u_t / len(u), u_t < 1 / 3, u_t > 0.87654321]) for u_t in u]
    return Sides([np.stack([info.acceptance, info.accepted, info.invalid])], terms)


@theorem(CHAINS, "pointwise", a_chain, cancels=EITHER_SIGN)
def a_tape_of_one_array_is_enough(impl, x, z, u, factor):
    r"""A kernel with a single noise takes a tape of one array, and by default a run keeps no trajectory.

    x_T = x_0 + \sum_t z_t"""
    chain = impl.run(lambda x, z: linear(x, z, np.ones(len(x)), 1.0), x, z)
    kept = np.full_like(x, float(chain.info.trajectory is not None))
    return Sides([chain.x, kept], [x, *z])


def a_tape(draw: Draw) -> dict:
    return {
        "seed": draw.count(0, 2**20),
        "n_steps": draw.count(1, 4),
        "n": draw.count(1, 4),
        "d": draw.count(1, 3),
        "n_levels": draw.count(1, 3),
    }


def generator(seed):
    return np.random.default_rng(seed)


def uniforms(rng, *shape):
    """(2 k + 1)/2^53, k uniform on 0 to 2^52 - 1."""
    return np.ldexp(2.0 * rng.integers(0, 2**52, shape) + 1.0, -53)


NORMAL_TAPES = "langevin_tape annealed_langevin_tape predictor_corrector_tape"


@theorem(LAW, "pointwise", a_tape, about=NORMAL_TAPES, cancels=EITHER_SIGN)
def normal_tapes_are_drawn_whole(impl, seed, n_steps, n, d, n_levels):
    r"""Each normal tape is one draw, with axes time; level and time; or time and one predictor and M corrector steps.

    z\ (T, n, d),\quad z\ (L, T, n, d),\quad z\ (T, 1 + M, n, d),\ M \ge 0"""
    shapes = ((n_steps, n, d), (n_levels, n_steps, n, d), (n_steps, n_levels, n, d))
    left = [impl.langevin_tape(generator(seed), n_steps, n, d)]
    left.append(impl.annealed_langevin_tape(generator(seed), n_levels, n_steps, n, d))
    left.append(impl.predictor_corrector_tape(generator(seed), n_steps, n_levels - 1, n, d))
    return Sides([in_a_row(left)], [in_a_row([generator(seed).standard_normal(shape) for shape in shapes])])


def in_a_row(arrays):
    """The shapes and entries of arrays, concatenated into one vector."""
    return np.concatenate([np.concatenate([np.shape(array), np.ravel(array)]) for array in arrays])


@theorem(LAW, "pointwise", a_tape, about="metropolis_tape", cancels=EITHER_SIGN)
def u_is_drawn_after_z(impl, seed, n_steps, n, d, n_levels):
    r"""A tape draws the noise z of all steps first, then all u, each the midpoint of one of 2^52 equal cells of (0, 1).

    z\ (T, n, d),\ u\ (T, n),\quad u = (2k + 1)/2^{53}"""
    rng = generator(seed)
    right = [rng.standard_normal((n_steps, n, d)), uniforms(rng, n_steps, n)]
    return Sides([in_a_row(impl.metropolis_tape(generator(seed), n_steps, n, d))], [in_a_row(right)])


def an_rbm(draw: Draw) -> dict:
    case = a_tape(draw)
    return {name: case[name] for name in ("seed", "n_steps", "n")} | {
        "model": draw.model(case["d"], ("binary_rbm", "gaussian_rbm"))
    }


@theorem("Hinton 2002, section 3", "pointwise", an_rbm, about="gibbs_tape", cancels=EITHER_SIGN)
def hidden_units_are_drawn_first(impl, seed, n_steps, n, model):
    r"""A Gibbs tape draws u for the hidden units, then u for binary or unit normals for Gaussian visible units.

    u_h\ (T, n, m),\ u_v\ (T, n, d)"""
    rng, m = generator(seed), len(model.parameters["c"])
    right = [uniforms(rng, n_steps, n, m)]
    normal = model.kind == "gaussian_rbm"
    right.append(rng.standard_normal((n_steps, n, model.d)) if normal else uniforms(rng, n_steps, n, model.d))
    return Sides([in_a_row(impl.gibbs_tape(generator(seed), n_steps, n, impl.rbm(model)))], [in_a_row(right)])


@theorem(REPLAY, "pointwise", a_tape)
def replay_takes_two_uniforms(impl, seed, n_steps, n, d, n_levels):
    r"""A replay tape has two uniforms a row: one decides whether to start afresh, the other picks the stored state.

    u\ (T, n, 2)"""
    drawn = impl.replay_tape(generator(seed), n_steps, n)
    return Sides([in_a_row([drawn])], [in_a_row([uniforms(generator(seed), n_steps, n, 2)])])


class Extreme(np.random.Generator):
    """A generator whose integers and floats are always the least possible, or always the greatest."""

    def __init__(self, greatest: bool):
        super().__init__(np.random.PCG64(0))
        self.greatest = greatest

    def integers(self, low, high, shape):
        return np.full(shape, high - 1 if self.greatest else low)

    def random(self, shape, dtype=float):
        return np.full(shape, 1 - np.finfo(dtype).epsneg if self.greatest else 0.0, dtype)

    def standard_normal(self, shape):
        return np.zeros(shape)


@theorem(
    "HY-673 lecture 12, sampling from EBMs: MH-MCMC (log u must be finite, and u < 1)",
    "pointwise",
    lambda draw: an_rbm(draw) | {"model": draw.model(2, ("binary_rbm",))},
)
def uniforms_are_never_zero_or_one(impl, seed, n_steps, n, model):
    r"""Even from the least and the greatest numbers of a generator, u stays 2^-53 away from 0 and from 1.

    2^{-53} \le u \le 1 - 2^{-53}"""
    left = []
    for greatest in (False, True):
        rng = Extreme(greatest)
        tapes = [impl.metropolis_tape(rng, n_steps, n, 2)[1], *impl.gibbs_tape(rng, n_steps, n, impl.rbm(model))]
        u = np.concatenate([np.ravel(tape) for tape in [*tapes, impl.replay_tape(rng, n_steps, n)]])
        left.append(1 - u if greatest else u)
    return Sides([np.concatenate(left)], [np.full(2 * len(u), 2.0**-53)])


def neighbours(a):
    """The mean product of adjacent entries, along each axis."""
    return [np.mean(a.take(range(1, size), axis) * a.take(range(size - 1), axis)) for axis, size in enumerate(a.shape)]


def neighbour_counts(shape):
    return [np.prod(shape) * (size - 1) / size for size in shape]


def like_normals(z):
    """Means of cos kz, of sin kz and of adjacent products of sin z; their values for unit normals; standard errors."""
    cosines, sines = ([np.mean(wave(k * z)) for k in (1, 2)] for wave in (np.cos, np.sin))
    expected = [np.exp(-(k**2) / 2) for k in (1, 2)]
    variances = [(1 + np.exp(-2 * k**2)) / 2 - np.exp(-(k**2)) for k in (1, 2)]
    of_sines = [(1 - np.exp(-2 * k**2)) / 2 for k in (1, 2)]
    errors = [np.sqrt(variance / z.size) for variance in (*variances, *of_sines)]
    between = [of_sines[0] / np.sqrt(count) for count in neighbour_counts(z.shape)]
    return [*cosines, *sines, *neighbours(np.sin(z))], [*expected, *([0.0] * (2 + z.ndim))], [*errors, *between]


def like_uniforms(u):
    """Moments and adjacent products of numbers that should be uniform on (0, 1); their values; standard errors."""
    powers = [np.mean(u**k) for k in (1, 2, 3, 4)]
    expected = [1 / (k + 1) for k in (1, 2, 3, 4)]
    errors = [np.sqrt((1 / (2 * k + 1) - 1 / (k + 1) ** 2) / u.size) for k in (1, 2, 3, 4)]
    between = [1 / (12 * np.sqrt(count)) for count in neighbour_counts(u.shape)]
    return [*powers, *neighbours(u - 0.5)], [*expected, *([0.0] * u.ndim)], [*errors, *between]


def sampled(*parts):
    return Sampled(*(np.concatenate(column) for column in zip(*parts)))


def product_of(a, b, deviations):
    """The mean product of two tapes, which is 0 where they are independent; and its standard error."""
    return [np.mean(a * b)], [0.0], [deviations / np.sqrt(np.size(a * b))]


def only_seed(draw: Draw) -> dict:
    return {"seed": draw.count(0, 2**20)}


@theorem(LAW, "statistical", only_seed)
def normal_tapes_are_independent_unit_normals(impl, seed):
    r"""The entries of normal tapes have the normal characteristic function, and adjacent entries are uncorrelated.

    \mathbb E e^{ikz} = e^{-k^2/2},\ k = 1, 2;\quad \mathbb E[\sin z \sin z'] = 0"""
    rng = generator(seed)
    tapes = impl.langevin_tape(rng, 50, 40, 10), impl.annealed_langevin_tape(rng, 5, 20, 20, 10)
    return sampled(*map(like_normals, (*tapes, impl.predictor_corrector_tape(rng, 20, 4, 20, 10))))


@theorem(LAW, "statistical", only_seed)
def z_and_u_are_independent(impl, seed):
    r"""In a Metropolis tape z is unit normal, u is uniform, and the two are uncorrelated.

    z_{tij} \sim \mathcal N(0, 1),\ u_{ti} \sim \mathcal U(0, 1)"""
    z, u = impl.metropolis_tape(generator(seed), 100, 100, 3)
    return sampled(like_normals(z), like_uniforms(u), product_of(z, u[:, :, None] - 0.5, np.sqrt(1 / 12)))


@theorem("Hinton 2002, section 3", "statistical", only_seed)
def units_have_their_own_noise(impl, seed):
    r"""In a Gibbs tape binary units have uniforms, Gaussian units unit normals, and the two layers are uncorrelated.

    u_h \sim \mathcal U(0, 1),\ u_v \sim \mathcal U(0, 1) \text{ or } \mathcal N(0, 1)"""
    layers = {"b": np.zeros(5), "c": np.zeros(5), "W": np.zeros((5, 5))}
    rng, binary, gaussian = generator(seed), Model("binary_rbm", layers), Model("gaussian_rbm", layers | {"sigma": 1.0})
    u_h, u_v = impl.gibbs_tape(rng, 60, 60, impl.rbm(binary))
    u, z = impl.gibbs_tape(rng, 60, 60, impl.rbm(gaussian))
    between = product_of(u_h - 0.5, u_v - 0.5, 1 / 12), product_of(u - 0.5, z, np.sqrt(1 / 12))
    return sampled(like_uniforms(u_h), like_uniforms(u_v), like_uniforms(u), like_normals(z), *between)


@theorem(REPLAY, "statistical", only_seed)
def replay_tapes_are_independent_uniforms(impl, seed):
    r"""All entries of a replay tape are uniform, and adjacent ones are uncorrelated.

    u_{tij} \sim \mathcal U(0, 1)"""
    return sampled(like_uniforms(impl.replay_tape(generator(seed), 100, 100)))


def some_chains(draw: Draw) -> dict:
    """Chains that are never constant, are correlated in time, and differ a little in their means."""
    length, n, d = draw.count(4, 15), draw.count(1, 4), draw.count(1, 3)
    wave = np.sin(0.7 * np.arange(length)[:, None, None] + np.arange(n)[:, None] + 2.3 * np.arange(d))
    x = wave + draw.reals((length, n, d), -1, 1) + draw.reals((n, d), -2, 2)
    return {"x": x, "n_lags": draw.count(1, length - 1)}


def autocovariance_by_hand(x):
    """The autocovariance c_t for all t < T, as a sum of products, averaged over chains."""
    length, centred = len(x), x - sum(x) / len(x)
    return np.stack([np.sum(centred[: length - t] * centred[t:], axis=0).mean(axis=0) for t in range(length)]) / length


@theorem(GEYER, "pointwise", some_chains, cancels=EITHER_SIGN)
def autocovariances_by_definition(impl, x, n_lags):
    r"""The autocovariance sums products of each chain less its mean, over T at every lag; dividing by c_0 gives rho_t.

    c_t = \tfrac1T \sum_i (x_i - \bar x)(x_{i+t} - \bar x),\quad \rho_t = c_t/c_0"""
    c = autocovariance_by_hand(x)[: n_lags + 1]
    powers = np.stack([c[0] + 0 * c, 1 + 0 * c])  # a Fourier transform adds up powers, whose sum is c_0
    left = np.stack([impl.autocovariance(x, n_lags), impl.autocorrelation(x, n_lags)])
    return Sides([left], [np.stack([c, c / c[0]])], formula=[powers])


def autoregressive(draw: Draw) -> dict:
    length, d = draw.count(4, 10), draw.count(1, 2)
    return {"rho": draw.reals((d,), -0.9, 0.9), "variance": draw.reals((d,), 0.3, 2.0), "length": length}


@theorem(f"{GEYER}; Priestley 1981, section 5.3", "pointwise", autoregressive, cancels=EITHER_SIGN)
def expected_autocovariance_of_an_autoregression(impl, rho, variance, length):
    r"""The autocovariance, summed over responses to single impulses, is its expectation for x' = rho x + noise.

    \mathbb E c_t = \tfrac{\gamma}{T} \sum_{i < T - t} \Big[\rho^t - \tfrac1T \sum_j (\rho^{|i-j|} + \rho^{|i+t-j|})
    + \tfrac1{T^2} \sum_{jk} \rho^{|j-k|}\Big]"""
    i = np.arange(length)
    distance = np.abs(i[:, None] - i)[:, :, None]
    impulse = np.sqrt(variance) * np.concatenate(
        [np.ones((1, len(rho))), np.tile(np.sqrt(1 - rho**2), (length - 1, 1))]
    )
    x = np.where((i[:, None] >= i)[:, :, None], rho**distance, 0.0) * impulse  # (T, T, d): L, with Cov = L L^T
    correlation = rho**distance
    rows, whole = correlation.mean(axis=1), correlation.mean(axis=(0, 1))
    shares = [
        np.stack([(length - t) / length * rho**t for t in i]),
        np.stack([-(rows[: length - t].sum(axis=0) + rows[t:].sum(axis=0)) / length for t in i]),
        np.stack([(length - t) / length * whole for t in i]),
    ]
    first = sum(shares)[0]
    left = np.stack([length * impl.autocovariance(x, length - 1), impl.autocorrelation(x, length - 1)])
    powers = np.stack([variance * first + 0 * shares[0], 1 + 0 * shares[0]])
    return Sides([left], [np.stack([variance * share, share / first]) for share in shares], formula=[powers])


def effective_by_hand(c, means, n):
    """The effective sample size of one coordinate, lag by lag, and the size of the terms that it adds up."""
    length = len(c)
    within, spread = c[0] * length / (length - 1), c[0] + squared_differences(means)
    rho = [1.0, *(1 - (within - c_t) / spread for c_t in c[1:])]
    pairs, added, size = [], 0.0, 1.0
    for k in range(length // 2):
        pair = rho[2 * k] + rho[2 * k + 1]
        if pair <= 0:
            break
        pairs.append(pair)
        added += min(pairs)
        size += 2 * sum(1 + (within + abs(c_t)) / spread for c_t in c[2 * k : 2 * k + 2])
    time = max(2 * added - 1, 1 / np.log10(n * length))
    return n * length / time, n * length / time**2 * size


def squared_differences(a):
    """The unbiased variance, from all pairs."""
    n = len(a)
    return sum((a[i] - a[j]) ** 2 for i in range(n) for j in range(i)) / (n * (n - 1)) if n > 1 else 0.0


@theorem(MONOTONE, "pointwise", some_chains)
def effective_sample_size_by_hand(impl, x, n_lags):
    r"""The effective sample size sums pairs of correlations, each capped by those before, up to the first one <= 0.

    n_{\text{eff}} = \frac{nT}{-1 + 2 \sum_{k < K} \min_{l \le k} P_l},\ P_k = \rho_{2k} + \rho_{2k+1},\
    K = \min\{k: P_k \le 0\}"""
    c, means = autocovariance_by_hand(x), sum(x) / len(x)
    size, formula = np.transpose([effective_by_hand(*of_one, x.shape[1]) for of_one in zip(c.T, means.T)])
    return Sides([impl.effective_sample_size(x)], [size], formula=[formula])


def two_chains(impulse):
    """Two chains, (2 L, 2, 1): an impulse and its response, then the same negated, so that the mean is zero.

    The chains are shifted so that their means are as far apart as those of independent draws would be.
    """
    chain = np.concatenate([impulse, -impulse])
    apart = np.sqrt(np.mean(chain**2) / (2 * (len(chain) - 1)))
    return np.stack([chain + apart, chain - apart], axis=1)[:, :, None]


@theorem(
    f"{MONOTONE} (AR(1): Geyer 1992, section 3.1)",
    "limit",
    cases=[0.5, -0.4, 0.8],
    outside={"rho = -0.7, where n_eff exceeds the bound": lambda: {"rho": -0.7}},
)
def effective_sample_size_of_an_autoregression(impl, rho):
    r"""For two chains with the autocovariances of x' = rho x + noise, n_eff/(n T) tends to (1 - rho)/(1 + rho) as 1/T.

    \tfrac{n_{\text{eff}}}{nT} = \tfrac{1 - \rho}{1 + \rho} + \tfrac{2\rho(1 - \rho)}{(1 + \rho)^2}\, \tfrac1T
    + O(T^{-2}),\ \text{as long as the first is below } \log_{10}(nT)"""
    lengths = 250 * 2 ** np.arange(5)
    sizes = [impl.effective_sample_size(two_chains(rho ** np.arange(length // 2)))[0] for length in lengths]
    errors = sizes / (2 * lengths) - (1 - rho) / (1 + rho)
    return Limit(1 / lengths, errors, 1, 2 * rho * (1 - rho) / (1 + rho) ** 2)


def rising(draw: Draw) -> dict:
    return {"a": draw.real(0.15, 0.3), "b": draw.real(0.6, 1.5), "length": draw.count(20, 40)}


@theorem(MONOTONE, "pointwise", rising)
def pairs_of_correlations_may_not_rise(impl, a, b, length):
    r"""For the impulse response (1, 0, a, 0, b, 0, -c) the third pair exceeds the second, and is capped at its value.

    \tfrac{nT}{n_{\text{eff}}} = -1 + 2(1 + 2 P_1),\ P_1 = \tfrac{T - 1}{T}\, \tfrac{a + ab - bc}{1 + a^2 + b^2 + c^2}
    < P_2,\ P_3 < 0,\ c = 0.1"""
    impulse, c = np.zeros(length), 0.1
    impulse[:7] = [1.0, 0.0, a, 0.0, b, 0.0, -c]
    second = (1 - 0.5 / length) * (a + a * b - b * c) / np.sum(impulse**2)
    return Sides([impl.effective_sample_size(two_chains(impulse))], [4 * length / (1 + 4 * second)])


@theorem(
    "Vehtari et al. 2021, section 3.2; Stan reference manual, effective sample size",
    "pointwise",
    lambda draw: {
        "length": draw.count(4, 20),
        "n": draw.count(1, 3),
        "mean": draw.real(-2, 2),
        "height": draw.real(0.5, 2),
    },
)
def effective_sample_size_is_bounded(impl, length, n, mean, height):
    r"""For alternating chains, whose sum over pairs is negative, the effective sample size is its upper bound.

    n_{\text{eff}} \le nT \log_{10}(nT)"""
    x = mean + height * (-1.0) ** np.arange(length)[:, None, None] * np.ones((1, n, 1))
    return Sides([impl.effective_sample_size(x)], [n * length * np.log(n * length) / np.log(10)])


@theorem(SPLIT, "pointwise", some_chains)
def split_r_hat_by_hand(impl, x, n_lags):
    r"""Split R-hat treats the two halves of each chain as chains and compares variances between and within them.

    \hat R^2 = \tfrac{L - 1}{L} + B/W,\quad W = \overline{\tfrac{1}{L(L-1)} \sum_{i<j} (x_i - x_j)^2}"""
    half = len(x) // 2
    halves = [x[first : first + half, chain] for chain in range(x.shape[1]) for first in (0, half)]
    within = sum(squared_differences(states) for states in halves) / len(halves)
    between = squared_differences([sum(states) / half for states in halves])
    return Sides([impl.split_r_hat(x)], [np.sqrt((half - 1) / half + between / within)])


def a_trend(draw: Draw) -> dict:
    length, n, d = draw.count(4, 25), draw.count(1, 3), draw.count(1, 2)
    return {"length": length, "n": n, "start": draw.reals((d,), -2, 2), "slope": draw.reals((d,), 0.5, 2.0)}


@theorem("Gelman et al. 2013, section 11.4 (why chains are split)", "pointwise", a_trend)
def split_r_hat_sees_a_trend(impl, length, n, start, slope):
    r"""Chains that all move along the same line agree with each other, but their halves do not, whatever the slope.

    \hat R^2 = \tfrac{L - 1}{L} + \tfrac{6 n L}{(2n - 1)(L + 1)}"""
    x = start + slope * np.arange(length)[:, None, None] * np.ones((1, n, 1))
    half = length // 2
    value = np.sqrt((half - 1) / half + 6 * n * half / ((2 * n - 1) * (half + 1)))
    size = (np.abs(start) + slope * length) / slope / half  # the states, before their differences are taken
    return Sides([impl.split_r_hat(x)], [value + 0 * slope], formula=[size])
