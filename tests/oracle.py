"""A second oracle: every public number of refebm again, by mpmath with 60 digits, printed with 50.

    python -m tests.oracle            writes tests/tables/*.json
    python -m tests.oracle --check    says which of them would change, and exits 1

Identities are blind to a reflection (x - mu turned into x + mu) or to a factor on both sides; absolute values are not.
Nothing is imported from refebm: each formula is written from its definition, an energy or a log-density, and every
derivative is mpmath's own. Here a row is a list, and **a tuple is a sum of terms**, so that sum |terms| is at hand.

An entry holds the function, its arguments (floats as JSON, which are the doubles that refebm sees), the value, the
mistake that it would catch, and for each number of the value a ``scale``, for the tolerance of tests/test_oracle.py:

    scale = sum |terms| + sum over the inputs a of |change of the value when a moves to a (1 + 2^-26)| 2^26
"""

import argparse
import difflib
import json
import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product
from pathlib import Path

from mpmath import mp, mpf

TABLES = Path(__file__).parent / "tables"
DIGITS = 60
PRINTED = 50
NUDGE = mpf(2) ** -26

# --- small tools ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sized:
    """A number that is made of a sum, not a sum: its size is what it feels of the sizes of the terms in there."""

    value: mpf
    size: mpf


def total(leaf):
    """The number that a leaf stands for: a tuple is the sum of its terms."""
    if isinstance(leaf, Sized):
        return leaf.value
    return mp.fsum(leaf) if isinstance(leaf, tuple) else leaf


def size(leaf):
    """sum |terms|."""
    if isinstance(leaf, Sized):
        return leaf.size
    return mp.fsum(map(abs, leaf)) if isinstance(leaf, tuple) else abs(leaf)


def through(f, slope, leaf):
    """f of a number that is a sum: its size is that of f, and what f makes of the sizes of the terms."""
    return Sized(f(total(leaf)), abs(f(total(leaf))) + abs(slope(total(leaf))) * size(leaf))


def added(*parts):
    """A sum of numbers that are made of sums."""
    return Sized(mp.fsum(map(total, parts)), mp.fsum(map(size, parts)))


def dot(a, b):
    return mp.fdot(zip(a, b))


def times(matrix, vector):
    return [dot(row, vector) for row in matrix]


def minus(a, b):
    return [s - t for s, t in zip(a, b)]


def step(x, t, v):
    """x + t v."""
    return [s + t * r for s, r in zip(x, v)]


def plus_multiple(matrix, t):
    """A + t I."""
    return [[a + (t if i == j else 0) for j, a in enumerate(row)] for i, row in enumerate(matrix)]


def inverse(matrix):
    return (mp.matrix(matrix) ** -1).tolist()


def full(cov, d):
    """A covariance that is given as a float c stands for c I."""
    return cov if isinstance(cov, list) else plus_multiple([[mpf(0)] * d for _ in range(d)], cov)


def partial(function, x, i):
    """The derivative of function(*x) in x_i."""
    return mp.diff(function, tuple(x), tuple(int(j == i) for j in range(len(x))))


def network(layers, x):
    """Each layer but the last is followed by tanh; weights are (inputs, outputs)."""
    for depth, (weights, bias) in enumerate(layers):
        x = [dot(column, x) + b for column, b in zip(zip(*weights), bias)]
        x = [mp.tanh(a) for a in x] if depth < len(layers) - 1 else x
    return x


# --- energies, as sums of terms ------------------------------------------------------------------------------------


def quadratic(x, mean, precision):
    c = minus(x, mean)
    return tuple(a * p * b / 2 for a, row in zip(c, precision) for p, b in zip(row, c))


def mixture(x, logits, means, precisions):
    wells = (total(quadratic(x, m, p)) for m, p in zip(means, precisions))
    return (-mp.log(mp.fsum(mp.exp(a - q) for a, q in zip(logits, wells))),)


def mlp_energy(x, precision, layers):
    return (*(precision * a**2 / 2 for a in x), network(layers, x)[0])


def gamma(x, shape, rate):
    return tuple(t for a, b, c in zip(x, shape, rate) for t in (-(b - 1) * mp.log(a), c * a))


def laplace(x, loc, scale):
    return tuple(abs(a - m) / s for a, m, s in zip(x, loc, scale))


def autoregressive(x, shift, shift_weights, log_scale, log_scale_weights):
    """-log of the product of the conditionals N(x_i; mean, deviation^2)."""
    terms = []
    for i, a in enumerate(x):
        before = [mp.tanh(b) for b in x[:i]]
        mean = shift[i] + dot(shift_weights[i], before)
        log_deviation = log_scale[i] + dot(log_scale_weights[i], before)
        terms += [(a - mean) ** 2 / mp.exp(2 * log_deviation) / 2, log_deviation, mp.log(2 * mp.pi) / 2]
    return tuple(terms)


def couple(x, couplings):
    """The latent point of a flow: coupling i leaves the coordinates j with j + i odd as they are."""
    for i, layers in enumerate(couplings):
        kept = [(j + i) % 2 == 1 for j in range(len(x))]
        out = network(layers, [a if keep else mpf(0) for a, keep in zip(x, kept)])
        out = zip(out[: len(x)], out[len(x) :])
        x = [a if keep else (a - m) * mp.exp(-mp.tanh(s)) for a, keep, (s, m) in zip(x, kept, out)]
    return x


def flow(x, couplings):
    """The log determinant from the Jacobian of the map itself, not from the log scales."""
    d = len(x)
    jacobian = [[partial(lambda *y, i=i: couple(list(y), couplings)[i], x, j) for j in range(d)] for i in range(d)]
    latent = [t for a in couple(x, couplings) for t in (a**2 / 2, mp.log(2 * mp.pi) / 2)]
    return (*latent, -mp.log(abs(mp.det(mp.matrix(jacobian)))))


def binary_rbm(x, b, c, W):
    """The free energy, summed over all hidden states."""
    return (-mp.log(mp.fsum(mp.exp(-total(binary_energy(x, h, b, c, W))) for h in states(len(c)))),)


def binary_energy(v, h, b, c, W):
    fields = [-a * s for a, s in (*zip(b, v), *zip(c, h))]
    return (*fields, *(-s * w * t for s, line in zip(v, W) for w, t in zip(line, h)))


def gaussian_rbm(x, b, c, W, sigma):
    """The free energy, summed over all hidden states."""
    return (-mp.log(mp.fsum(mp.exp(-total(gaussian_energy(x, h, b, c, W, sigma))) for h in states(len(c)))),)


def gaussian_energy(v, h, b, c, W, sigma):
    springs = [((s - a) / sigma) ** 2 / 2 for s, a in zip(v, b)]
    couplings = (-s * w * t / sigma**2 for s, line in zip(v, W) for w, t in zip(line, h))
    return (*springs, *(-a * t for a, t in zip(c, h)), *couplings)


def states(m):
    return [list(map(mpf, h)) for h in product((0, 1), repeat=m)]


ENERGIES = {f.__name__: f for f in (quadratic, mixture, mlp_energy, gamma, laplace, autoregressive, flow)}
ENERGIES |= {f.__name__: f for f in (binary_rbm, gaussian_rbm)}

# --- densities: log p as a sum of terms ----------------------------------------------------------------------------


@lru_cache(64)
def inverse_and_log_det(cov, precision):
    """Of a covariance that many points have, at a precision."""
    return inverse(cov), mp.log(mp.det(mp.matrix(cov)))


def gaussian_log(x, mean, cov):
    cov, c = full(cov, len(x)), minus(x, mean)
    precision, log_det = inverse_and_log_det(tuple(map(tuple, cov)), mp.prec)
    return -dot(c, times(precision, c)) / 2, -log_det / 2, -len(x) * mp.log(2 * mp.pi) / 2


def joint_log(x, weights, means, covs, k):
    return mp.log(weights[k]) + total(gaussian_log(x, means[k], covs[k] if isinstance(covs, list) else covs))


def mixture_log(x, weights, means, covs):
    joint = (joint_log(x, weights, means, covs, k) for k in range(len(weights)))
    return (mp.log(mp.fsum(map(mp.exp, joint))),)


def empirical_log(x, points, sigma):
    return mixture_log(x, [mpf(1) / len(points)] * len(points), points, sigma**2)


def normal_log(x, d):
    return gaussian_log(x, [mpf(0)] * d, mpf(1))


def gamma_log(x, shape, rate):
    terms = ((a * mp.log(b), -mp.loggamma(a), (a - 1) * mp.log(t), -b * t) for t, a, b in zip(x, shape, rate))
    return tuple(term for row in terms for term in row)


def student_log(x, df, loc, scale):
    terms = []
    for a, nu, m, s in zip(x, df, loc, scale):
        tail = -(nu + 1) / 2 * mp.log(1 + ((a - m) / s) ** 2 / nu)
        terms += [-mp.log(mp.beta(nu / 2, mpf(1) / 2)), -mp.log(nu) / 2, -mp.log(s), tail]
    return tuple(terms)


def laplace_log(x, loc, scale):
    return tuple(t for a, m, s in zip(x, loc, scale) for t in (-abs(a - m) / s, -mp.log(2 * s)))


DENSITIES = {
    "Gaussian": gaussian_log,
    "GaussianMixture": mixture_log,
    "smoothed_empirical": empirical_log,
    "standard_normal": normal_log,
    "Gamma": gamma_log,
    "StudentT": student_log,
    "Laplace": laplace_log,
}


def log_prob(density, x):
    return DENSITIES[density["density"]](x, **density["parameters"])


def smoothed(density, sigma):
    """The density of X + sigma Z, for a Gaussian or a mixture."""
    given = density["parameters"]
    if density["density"] == "Gaussian":
        return density | {
            "parameters": given | {"cov": plus_multiple(full(given["cov"], len(given["mean"])), sigma**2)}
        }
    covs = [plus_multiple(full(c, len(given["means"][0])), sigma**2) for c in given["covs"]]
    return density | {"parameters": given | {"covs": covs}}


def posterior(density, y, sigma):
    """(probability, mean, covariance) of each component of X given X + sigma Z = y, precisions added up."""
    given, d = density["parameters"], len(y)
    if density["density"] == "Gaussian":
        given = {"weights": [mpf(1)], "means": [given["mean"]], "covs": [given["cov"]]}
    wide = smoothed({"density": "GaussianMixture", "parameters": given}, sigma)["parameters"]
    joint = [mp.exp(joint_log(y, k=k, **wide)) for k in range(len(given["weights"]))]
    components = []
    for p, mean, cov in zip(joint, given["means"], given["covs"]):
        prior = inverse(full(cov, d))
        post = inverse(plus_multiple(prior, sigma**-2))
        pulled = step(times(prior, mean), sigma**-2, y)
        components.append((p / mp.fsum(joint), times(post, pulled), post))
    return components


# --- SDEs, as data: dx = -1/2 beta(t) x dt + g(t) dw ---------------------------------------------------------------

PROCESSES = ("VarianceExploding", "VariancePreserving", "SubVariancePreserving", "GivenDiffusion")
CURVES = {"exp": mp.exp}  # sigma(t) that are given


def forgetting(sde, t):
    """beta(t)."""
    given = sde["parameters"]
    if sde["kind"] in ("VarianceExploding", "GivenDiffusion"):
        return mpf(0)
    return (1 - t) * given["beta_min"] + t * given["beta_max"]


def noise_rate(sde, t):
    """g(t)^2, for sub-VP by what is left of beta: beta (1 - e^{-2B})."""
    given = sde["parameters"]
    if sde["kind"] == "GivenDiffusion":
        return CURVES[given["sigma"]](t) ** 2
    if sde["kind"] == "VarianceExploding":
        ratio = given["sigma_max"] / given["sigma_min"]
        return 2 * mp.log(ratio) * (given["sigma_min"] * ratio**t) ** 2
    kept = moments(sde, t)[0] ** 4 if sde["kind"] == "SubVariancePreserving" else 0
    return forgetting(sde, t) * (1 - kept)


def moments(sde, t):
    """m(t) and std(t)^2 of x_t = m x_0 + std z."""
    given = sde["parameters"]
    if sde["kind"] == "GivenDiffusion":
        return mpf(1), mp.quad(lambda u: noise_rate(sde, u), [0, t])
    if sde["kind"] == "VarianceExploding":
        first, last = given["sigma_min"], given["sigma_max"]
        return mpf(1), first**2 * ((last / first) ** (2 * t) - 1)
    area = t * (forgetting(sde, 0) + forgetting(sde, t)) / 2  # of a trapezium
    lost = 1 - mp.exp(-area)
    return mp.exp(-area / 2), lost if sde["kind"] == "VariancePreserving" else lost**2


# --- scores and their Jacobians ------------------------------------------------------------------------------------


def components(model, d, sigma=None):
    """The components s_i(*x) of a score: of a density, of an energy, or the field itself."""
    if model.get("kind") == "log_density":
        return [lambda *x, i=i: partial(lambda *y: total(log_terms(model, list(y))), x, i) for i in range(d)]
    if "density" in model:
        return [lambda *x, i=i: partial(lambda *y: total(log_prob(model, list(y))), x, i) for i in range(d)]
    kind, given = model["kind"], model["parameters"]
    if kind in ENERGIES:
        return [lambda *x, i=i: -partial(lambda *y: energy(model, list(y)), x, i) for i in range(d)]
    if kind == "mlp_score":
        return [lambda *x, i=i: network(given["layers"], list(x))[i] for i in range(d)]
    if kind == "noise_conditional":
        return [lambda *x, i=i: network(given["layers"], [*x, mp.log(sigma)])[i] / sigma for i in range(d)]
    if kind == "smoothed_mixture":
        return [lambda *x, i=i: partial(lambda *y: smoothed_log(y, sigma, **given), x, i) for i in range(d)]
    if kind == "diffused_mixture":
        return [lambda *x, i=i: partial(lambda *y: total(law_log(model, list(y), sigma)), x, i) for i in range(d)]
    inner = components(given, d, given["sigma"])
    if kind == "at_level":
        return inner
    return [lambda *y, i=i: y[i] + given["sigma"] ** 2 * inner[i](*y) for i in range(d)]  # denoiser


def smoothed_log(x, sigma, logits, means, variances):
    """log of the sum of exp(a_k) N(x; m_k, diag v_k + sigma^2), up to a constant."""
    return mp.log(
        mp.fsum(
            mp.exp(a) * mp.fprod(mp.npdf(s, m, mp.sqrt(v + sigma**2)) for s, m, v in zip(x, mean, variance))
            for a, mean, variance in zip(logits, means, variances)
        )
    )


def law(model, t):
    """Weights, means and variances of x_t, of data from the mixture of a diffused_mixture."""
    given = model["parameters"]
    m, variance = moments(given["sde"], t)
    weights = list(map(mp.exp, given["logits"]))
    means = [[m * a for a in mean] for mean in given["means"]]
    variances = [[m**2 * v + variance for v in line] for line in given["variances"]]
    return [w / mp.fsum(weights) for w in weights], means, variances


def law_log(model, x, t):
    """log p_t(x)."""
    weights, means, variances = law(model, t)
    covs = [[[v * (i == j) for j in range(len(x))] for i, v in enumerate(line)] for line in variances]
    return mixture_log(x, weights, means, covs)


def energy(model, x):
    return total(energy_terms(model, x))


def energy_terms(model, x):
    return ENERGIES[model["kind"]](x, **model["parameters"])


def log_terms(model, x):
    """-E(x) - log Z of a log_density."""
    given = model["parameters"]
    return (*(-t for t in energy_terms(given, x)), -given["log_z"])


def score(model, x, sigma=None):
    return [s(*x) for s in components(model, len(x), sigma)]


def jacobian(model, x):
    return [[partial(s, x, j) for j in range(len(x))] for s in components(model, len(x))]


def diagonal(model, x):
    return [partial(s, x, i) for i, s in enumerate(components(model, len(x)))]


# --- formulas of one row -------------------------------------------------------------------------------------------

ROWS = {}
ROW_BY_ROW = ("x", "y", "z", "v", "h", "sigma", "x_model", "log_ratio", "t", "i", "weight", "scale", "std")
ROW_BY_ROW += ("chain", "lagged")
TIME_FIRST = {"unbiased_mean": ("x", "y"), "unbiased_contrastive_divergence": ("chain", "lagged")}
SEVERAL = ("noise_contrastive", "conditional_noise_contrastive", "bregman_noise_contrastive")


def row(function):
    """Register the formula of one row; points and noise (n, d), sigma float or (n,), v (n, d) or (m, n, d) by row."""
    ROWS[function.__name__] = function
    return function


def by_rows(name, **arguments):
    v = arguments.get("v")
    if v is not None and isinstance(v[0][0], list):  # the mean over the first axis
        each = [by_rows(name, **arguments | {"v": one}) for one in v]
        return [tuple(t / len(v) for terms in rows for t in terms) for rows in zip(*each)]
    if name in SEVERAL:  # noise points for each row
        arguments |= {key: [list(a) for a in zip(*arguments[key])] for key in ("y", "log_ratio") if key in arguments}
    for key in TIME_FIRST.get(name, ()):
        arguments |= {key: [list(a) for a in zip(*arguments[key])]}
    by_row = {key for key in ROW_BY_ROW if isinstance(arguments.get(key), list)}
    n = len(arguments[next(key for key in ("x", "y", "z", "v") if key in by_row)])
    return [of_row(name, {key: a[i] if key in by_row else a for key, a in arguments.items()}) for i in range(n)]


KNOWN, MOST_KNOWN = {}, 1000  # rows of whose inputs none has moved, which are the same objects then


def of_row(name, given):
    key = (name, mp.prec, *given, *map(id, given.values()))
    if key not in KNOWN:
        if len(KNOWN) == MOST_KNOWN:
            KNOWN.clear()
        KNOWN[key] = given, ROWS[name](**given)  # what is held here has its id to itself
    return KNOWN[key][1]


@row
def score_of(energy, x):
    return score(energy, x)


@row
def divergence(field, x):
    return tuple(diagonal(field, x))


@row
def jacobian_vector_product(field, x, v):
    """Along the line x + t v, not through a Jacobian."""
    return [mp.diff(lambda t, s=s: s(*step(x, t, v)), 0) for s in components(field, len(x))]


@row
def explicit_score_matching(score, data_score, x):
    return tuple((a - b) ** 2 / 2 for a, b in zip(scores(data_score, x), scores(score, x)))


@row
def implicit_score_matching(score, x):
    return (*(a**2 / 2 for a in scores(score, x)), *diagonal(score, x))


@row
def explicit_sliced(score, data_score, x, v):
    return (dot(v, minus(scores(data_score, x), scores(score, x))) ** 2 / 2,)


@row
def hutchinson_divergence(field, x, v):
    return tuple(a * j * b for a, line in zip(v, jacobian(field, x)) for j, b in zip(line, v))


@row
def sliced_score_matching(score, x, v):
    return (*hutchinson_divergence(score, x, v), dot(v, scores(score, x)) ** 2 / 2)


@row
def sliced_score_matching_vr(score, x, v):
    return (*hutchinson_divergence(score, x, v), *(a**2 / 2 for a in scores(score, x)))


@row
def finite_difference_sliced(energy, x, eps, v):
    ahead, here, behind = (-energy_of(energy, step(x, t, v)) for t in (eps, 0, -eps))
    return ahead / eps**2, behind / eps**2, -2 * here / eps**2, ((ahead - behind) / eps) ** 2 / 8


@row
def nonnegative_score_matching(score, x):
    parts = zip(x, scores(score, x), diagonal(score, x))
    return tuple(t for a, s, slope in parts for t in (2 * a * s, a**2 * slope, (a * s) ** 2 / 2))


@row
def ratio_matching(energy, x):
    """The conditional probability of the flipped bit, squared."""
    terms = []
    for i, a in enumerate(x):
        other = [*x[:i], 1 - a, *x[i + 1 :]]
        here, there = (mp.exp(-energy_of(energy, point)) for point in (x, other))
        terms.append((there / (here + there)) ** 2)
    return tuple(terms)


@row
def regularised_score_matching(score, x, sigma):
    parts = zip(scores(score, x), diagonal(score, x))
    return tuple(t for s, slope in parts for t in (s**2 / 2, slope, (sigma * slope) ** 2 / 2))


@row
def higher_order_score_matching(score, x, order):
    """Along each line as power series in t: q = exp(int s), its m-th derivative, divided by q."""
    terms = []
    for i, s in enumerate(components(score, len(x))):
        slopes = mp.taylor(lambda t, s=s, i=i: s(*x[:i], x[i] + t, *x[i + 1 :]), 0, 2 * order)
        q = [mpf(1)]
        for j in range(2 * order):  # q' = s q
            q.append(mp.fsum(slopes[k] * q[j - k] for k in range(j + 1)) / (j + 1))
        top = [q[order + j] * mp.fprod(range(j + 1, j + order + 1)) for j in range(order + 1)]
        series = []
        for j in range(order + 1):
            series.append(top[j] - mp.fsum(q[k] * series[j - k] for k in range(1, j + 1)))
        terms += [series[0] ** 2 / 2, -((-1) ** order) * mp.factorial(order) * series[order]]
    return tuple(terms)


@row
def laplacian_score_matching(score, x):
    """Along each line the second derivative of r, r being |s|^2 + div s there."""

    def r(*x):
        return mp.fsum(a**2 for a in scores(score, list(x))) + mp.fsum(diagonal(score, list(x)))

    twice = [tuple(2 * int(i == j) for j in range(len(x))) for i in range(len(x))]
    return (r(*x) ** 2 / 2, *(-mp.diff(r, tuple(x), n) for n in twice))


@row
def marginalisation_score_matching(energy, x):
    """1/q(x_i | x_-i) is 1 + the odds against the bit; the adjoint sums it over the two values of the bit."""
    terms = []
    for i, a in enumerate(x):
        here, there = (mp.exp(-energy_of(energy, [*x[:i], b, *x[i + 1 :]])) for b in (a, 1 - a))
        both = (here + there) / here, (here + there) / there
        terms += [both[0] ** 2 / 2, -both[0], -both[1]]
    return tuple(terms)


@row
def denoising_score_matching(score, x, sigma, z):
    """The target is the gradient of log N(y; x, sigma^2) at the noisy point, -(y - x)/sigma^2."""
    y = step(x, sigma, z)
    return tuple((s + (b - a) / sigma**2) ** 2 / 2 for s, a, b in zip(scores(score, y), x, y))


@row
def denoising_score_matching_cv(score, x, sigma, z):
    control = [-a * s / sigma for a, s in zip(z, scores(score, x))]
    constant = [t for a in z for t in (-((a / sigma) ** 2) / 2, sigma**-2 / 2)]
    return (*denoising_score_matching(score, x, sigma, z), *control, *constant)


@row
def noise_conditional_score_matching(score, x, sigma, z):
    s = scores(score, step(x, sigma, z), sigma)
    return tuple(sigma**2 * (a + b / sigma) ** 2 / 2 for a, b in zip(s, z))


@row
def denoising_autoencoder(denoiser, x, sigma, z):
    return tuple((r - a) ** 2 / 2 for r, a in zip(scores(denoiser, step(x, sigma, z)), x))


@row
def tweedie_mean(score, y, sigma):
    return [(a, sigma**2 * s) for a, s in zip(y, scores(score, y))]


@row
def tweedie_cov(score, y, sigma):
    grid = enumerate(jacobian(score, y))
    return [[(sigma**2 * (i == j), sigma**4 * a) for j, a in enumerate(line)] for i, line in grid]


@row
def diffusion_score_matching(score, sde, weight, x, t, z):
    """The target is the gradient of log N(y; m x, std^2) at the noisy point, -(y - m x)/std^2."""
    m, variance = moments(sde, t)
    y = noisy(x, m, variance, z)
    return tuple(weight * (s + (b - m * a) / variance) ** 2 / 2 for s, a, b in zip(scores(score, y, t), x, y))


@row
def ddpm_loss(score, betas, x, i, z):
    """The same with the weight std^2, what is kept of the data being a product."""
    kept = mp.fprod(1 - beta for beta in betas[: i + 1])
    y = noisy(x, mp.sqrt(kept), 1 - kept, z)
    target = [-(b - mp.sqrt(kept) * a) / (1 - kept) for a, b in zip(x, y)]
    return tuple((1 - kept) * (s - a) ** 2 / 2 for s, a in zip(scores(score, y, i), target))


def noisy(x, scale, variance, z):
    return [scale * a + mp.sqrt(variance) * b for a, b in zip(x, z)]


@row
def predicted_noise(score, sde, x, t):
    return [-mp.sqrt(moments(sde, t)[1]) * s for s in scores(score, x, t)]


@row
def denoised_point(score, sde, x, t):
    m, variance = moments(sde, t)
    return [(a / m, variance * s / m) for a, s in zip(x, scores(score, x, t))]


@row
def score_of_noise(noise, sde, x, t):
    return [-e / mp.sqrt(moments(sde, t)[1]) for e in scores(noise, x, t)]


@row
def score_of_denoiser(denoiser, sde, x, t):
    m, variance = moments(sde, t)
    return [(m * r / variance, -a / variance) for r, a in zip(scores(denoiser, x, t), x)]


@row
def negative_log_likelihood(energy, log_z, x):
    return (*energy_terms(energy, x), log_z)


@row
def contrastive_divergence(energy, x, x_model):
    return (*energy_terms(energy, x), *(-t for t in energy_terms(energy, x_model)))


@row
def contrastive_divergence_with_entropy(energy, held_energy, log_q, x, x_model):
    last = (*energy_terms(held_energy, x_model), *log_terms(log_q, x_model))
    return (*contrastive_divergence(energy, x, x_model), *negative(last))


@row
def unbiased_mean(function, x, y, k, m):
    """The mean of the estimates that start at k, ..., m, each with its own sum of differences."""
    terms = []
    for start in range(k, m + 1):
        pairs = [
            (1, x[start]),
            *((sign, p) for t in range(start + 1, len(x)) for sign, p in ((1, x[t]), (-1, y[t - 1]))),
        ]
        terms += [sign * term / (m - k + 1) for sign, point in pairs for term in energy_terms(function, point)]
    return tuple(terms)


@row
def unbiased_contrastive_divergence(energy, x, chain, lagged, k, m):
    return (*energy_terms(energy, x), *negative(unbiased_mean(energy, chain, lagged, k, m)))


@row
def mean_field_free_energy(rbm, v, h):
    """The mean of E + log q over all states of both layers, q being the product of Bernoulli laws."""
    given, terms = rbm["parameters"], []
    for state in states(len(v) + len(h)):
        chances_of_it = [p if s else 1 - p for s, p in zip(state, [*v, *h])]
        q = mp.fprod(chances_of_it)
        here = (*binary_energy(state[: len(v)], state[len(v) :], **given), *map(mp.log, chances_of_it)) if q else ()
        terms += [q * term for term in here]
    return tuple(terms)


@row
def mean_field_contrastive_divergence(rbm, x, n_steps, held=None):
    """By the weights of all states of a layer given the other's means; held: the machine that says where means go."""
    given = (held or rbm)["parameters"]
    h_0, v = chances(given, v=x), x
    for _ in range(n_steps):
        v = chances(given, h=chances(given, v=v))
    h = chances(given, v=v)
    return (*mean_field_free_energy(rbm, x, h_0), *negative(mean_field_free_energy(rbm, v, h)))


@row
def langevin_step(score, x, eta, z):
    return [(a, eta * s, mp.sqrt(2 * eta) * b) for a, s, b in zip(x, scores(score, x), z)]


def softplus(leaf):
    """-log of the probability that a logit of the other sign gives: log(1 + e^a), which may be next to nothing."""
    return through(lambda a: max(a, mpf(0)) + mp.log1p(mp.exp(-abs(a))), probability, leaf)


def probability(a):
    """By the smaller of the two exponentials."""
    return 1 / (1 + mp.exp(-a)) if a > 0 else mp.exp(a) / (1 + mp.exp(a))


def negative(leaf):
    return Sized(-leaf.value, leaf.size) if isinstance(leaf, Sized) else tuple(-t for t in leaf)


def log_odds(log_model, log_noise, point, nu):
    """The log of p_model/(nu p_n)."""
    return (*log_terms(log_model, point), *negative(log_terms(log_noise, point)), -mp.log(nu))


@row
def noise_contrastive(log_model, log_noise, x, y):
    """-log of the probabilities of the right label, for data and for each noise point."""
    odds = [log_odds(log_model, log_noise, point, len(y)) for point in (x, *y)]
    return added(softplus(negative(odds[0])), *map(softplus, odds[1:]))


@row
def conditional_noise_contrastive(energy, x, y, log_ratio=None):
    """-log of the probability that of the pair (x, y_j) it is x that is the data, twice, in the mean."""
    ratios = log_ratio or [mpf(0)] * len(y)
    gaps = [(*energy_terms(energy, x), *negative(energy_terms(energy, a)), -r) for a, r in zip(y, ratios)]
    terms = map(softplus, gaps)
    return added(*(Sized(2 * t.value / len(y), 2 * t.size / len(y)) for t in terms))


FAR_OUT = 64
PSI = {  # convex functions of a ratio u
    "LOGISTIC": lambda u: u * mp.log(u) - (1 + u) * mp.log(1 + u),
    "KULLBACK_LEIBLER": lambda u: u * mp.log(u),
    "LEAST_SQUARES": lambda u: u**2 / 2,
}
SLOPES = {
    "LOGISTIC": lambda u: mp.log(u / (1 + u)),
    "KULLBACK_LEIBLER": lambda u: 1 + mp.log(u),
    "LEAST_SQUARES": lambda u: u,
}


@row
def bregman_noise_contrastive(log_model, log_noise, generator, x, y):
    """-Psi'(u) at the data, Psi'(u) u - Psi(u) at the noise; what they feel of log u by numerical derivatives."""
    psi, slope = PSI[generator], SLOPES[generator]
    data = lambda a: -slope(mp.exp(a))  # noqa: E731
    noise = lambda a: slope(mp.exp(a)) * mp.exp(a) - psi(mp.exp(a))  # noqa: E731
    odds = [log_odds(log_model, log_noise, point, len(y)) for point in (x, *y)]
    largest = int(max(abs(total(a)) for a in odds))
    if largest > FAR_OUT and generator == "LOGISTIC":  # where it is noise contrast, which needs no digits more
        return noise_contrastive(log_model, log_noise, x, y)
    with mp.extradps(40 + 2 * largest):  # where u is large, or small, little is left of a difference
        parts = [through(data, lambda a: mp.diff(data, a), odds[0])]
        parts += [through(noise, lambda a: mp.diff(noise, a), a) for a in odds[1:]]
    return added(*parts)


@row
def gan_discriminator_loss(logit, x, y):
    return added(softplus(negative(log_terms(logit, x))), softplus(log_terms(logit, y)))


@row
def mixed_noise(log_noise, log_proposal, weight, x):
    """log of the mixture of the two densities."""
    noise, proposal = (log_terms(model, x) for model in (log_noise, log_proposal))
    parts = (1 - weight) * mp.exp(total(noise)), weight * mp.exp(total(proposal))
    felt = [size(terms) * part / mp.fsum(parts) for terms, part in zip((noise, proposal), parts)]
    value = mp.log(mp.fsum(parts))
    return Sized(value, abs(value) + mp.fsum(felt))


@row
def variational_bound(energy, log_q, x, y):
    return (*energy_terms(energy, y), *negative(energy_terms(energy, x)), *log_terms(log_q, y))


@row
def stein_discrepancy(score, field, x):
    return (*(a * b for a, b in zip(scores(score, x), scores(field, x))), *diagonal(field, x))


@row
def minimum_probability_flow(energy, x):
    """sqrt(p(x')/p(x)) of each neighbour x'."""
    neighbours = [[*x[:i], 1 - a, *x[i + 1 :]] for i, a in enumerate(x)]
    return added(*(flow_to(energy, x, there) for there in neighbours))


@row
def minimum_probability_flow_continuous(energy, x, eps, z):
    return flow_to(energy, x, step(x, eps, z))


def flow_to(energy, x, there):
    gap = (*energy_terms(energy, x), *negative(energy_terms(energy, there)))
    return through(lambda a: mp.sqrt(mp.exp(a)), lambda a: mp.sqrt(mp.exp(a)) / 2, gap)


@row
def minimum_velocity(score, x):
    return (*(a**2 for a in scores(score, x)), *(2 * a for a in diagonal(score, x)))


scores, energy_of = score, energy  # under names that the arguments of objectives do not hide

# --- rows of practice ------------------------------------------------------------------------------------------------


@row
def flow_matching(velocity, x, z, t):
    """The target is how the point moves, which is the same at all times."""
    y = [(1 - t) * a + t * b for a, b in zip(x, z)]
    return tuple((u - (b - a)) ** 2 / 2 for u, a, b in zip(scores(velocity, y, t), x, z))


@row
def flow_velocity(score, x, t):
    """E[Z] - E[x_0], given x_t, by Tweedie's formula for each."""
    return [(-t * s, -a / (1 - t), -(t**2) * s / (1 - t)) for a, s in zip(x, scores(score, x, t))]


@row
def score_of_flow(velocity, x, t):
    """-E[Z]/t, E[Z] = x_t + (1 - t) u."""
    return [(-a / t, -(1 - t) * u / t) for a, u in zip(x, scores(velocity, x, t))]


@row
def ddim_step(score, betas, x, i, eta, z):
    """The clean point, then back along the noise that is said to be there, by products of 1 - beta."""
    before, after = mp.fprod(1 - b for b in betas[:i]), mp.fprod(1 - b for b in betas[: i + 1])
    variance = eta**2 * betas[i] * (1 - before) / (1 - after)
    pointed, kept = mp.sqrt((1 - before - variance) * (1 - after)), mp.sqrt(before / after)
    parts = zip(x, scores(score, x, i), z)
    return [(kept * a, kept * (1 - after) * s, -pointed * s, mp.sqrt(variance) * b) for a, s, b in parts]


@row
def noise_from_score(score, x, scale, std):
    return [-std * s for s in scores(score, x)]


@row
def clean_point_from_score(score, x, scale, std):
    return [(a / scale, std**2 * s / scale) for a, s in zip(x, scores(score, x))]


@row
def velocity_from_score(score, x, scale, std):
    """m E[Z] - std E[x_0], term by term."""
    return [(-scale * std * s, -std * a / scale, -(std**3) * s / scale) for a, s in zip(x, scores(score, x))]


@row
def score_from_noise(noise, x, scale, std):
    return [-e / std for e in scores(noise, x)]


@row
def score_from_clean_point(denoiser, x, scale, std):
    return [(scale * r / std**2, -a / std**2) for r, a in zip(scores(denoiser, x), x)]


@row
def score_from_velocity(velocity, x, scale, std):
    """-E[Z]/std, E[Z] = (std x + m v)/(m^2 + std^2)."""
    whole = scale**2 + std**2
    return [(-a / whole, -scale * v / (std * whole)) for v, a in zip(scores(velocity, x), x)]


@row
def karras_denoising(denoiser, x, sigma, z, data_std):
    """The weight is the sum of both precisions."""
    y = [a + sigma * b for a, b in zip(x, z)]
    weight = data_std**-2 + sigma**-2
    return tuple(weight * (r - a) ** 2 / 2 for r, a in zip(scores(denoiser, y, sigma), x))


@row
def karras_preconditioned(network, x, sigma, data_std):
    share = data_std**2 / (sigma**2 + data_std**2)
    inner = scores(network, [mp.sqrt(share) / data_std * a for a in x], mp.log(sigma) / 4)
    return [(share * a, sigma * mp.sqrt(share) * f) for a, f in zip(x, inner)]


@row
def karras_heun_step(denoiser, x, sigma, next_sigma):
    """Of each slope half the way; all of the first to the level 0."""
    h = next_sigma - sigma
    slope = [((a - r) / sigma) for a, r in zip(x, scores(denoiser, x, sigma))]
    if next_sigma == 0:
        return [(a, h * k) for a, k in zip(x, slope)]
    ahead = [a + h * k for a, k in zip(x, slope)]
    there = [(a - r) / next_sigma for a, r in zip(ahead, scores(denoiser, ahead, next_sigma))]
    return [(a, h * k / 2, h * m / 2) for a, k, m in zip(x, slope, there)]


def karras_noise_levels(n, smallest, largest, power):
    ends = [a ** (1 / power) for a in (largest, smallest)]
    return [((n - 1 - i) * ends[0] / (n - 1) + i * ends[1] / (n - 1)) ** power for i in range(n)]


@row
def classifier_energy(logits, x):
    return -log_sum(scores(logits, x))


@row
def class_log_probabilities(logits, x):
    f = scores(logits, x)
    return [(a, -log_sum(f)) for a in f]


def log_sum(f):
    return mp.log(mp.fsum(map(mp.exp, f)))


@row
def pseudo_likelihood(energy, x):
    """The conditional probability of each bit, by both of its states."""
    terms = []
    for i, a in enumerate(x):
        other = [*x[:i], 1 - a, *x[i + 1 :]]
        gap = (*energy_terms(energy, x), *(-t for t in energy_terms(energy, other)))
        terms.append(softplus(gap))
    return added(*terms)


def cosine_betas(n_steps, offset, most):
    f = [mp.cos(mp.pi / 2 * (mpf(i) / n_steps + offset) / (1 + offset)) ** 2 for i in range(n_steps + 1)]
    return [min(1 - after / before, most) for before, after in pairwise(f)]


def level_coverage(ratio, d):
    apart = mp.sqrt(2 * d) * (ratio - 1)
    return (mp.ncdf(3 * ratio - apart), -mp.ncdf(-3 * ratio - apart))


def level_ratio(d, coverage):
    """Where the coverage, which falls, is what is wanted."""
    return root(lambda ratio: total(level_coverage(ratio, d)) - coverage, mpf(1), mpf(4))


def annealed_variance(ratio, eta, n_steps):
    """Step by step."""
    variance = ratio**2
    for _ in range(n_steps):
        variance = (1 - eta) ** 2 * variance + 2 * eta
    return (variance,)


def annealed_step(ratio, n_steps):
    """Where the variance has no slope."""

    def slope(e):
        f = 1 / (1 - e / 2)
        kept = (1 - e) ** (2 * n_steps - 1)
        return (1 - kept * (1 - e)) * f**2 / 2 - 2 * n_steps * kept * (ratio**2 - f)

    return root(lambda e: -slope(e), mpf(0), mpf(1))


def moving_average(average, parameters, momentum):
    """By how far it moves towards the parameters, which are nested lists."""
    if isinstance(average, list):
        return [moving_average(a, b, momentum) for a, b in zip(average, parameters)]
    return average + (1 - momentum) * (parameters - average)


def root(falling, low, high):
    """Between two numbers, by halves, to all the digits."""
    for _ in range(mp.prec + 20):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2


def marginal_of_steps(betas, i):
    steps = i if isinstance(i, list) else [i]
    kept = [mp.fprod(1 - b for b in betas[: j + 1]) for j in steps]
    parts = [[mp.sqrt(a) for a in kept], [mp.sqrt(1 - a) for a in kept]]
    return parts if isinstance(i, list) else [part[0] for part in parts]


# --- formulas of whole arrays --------------------------------------------------------------------------------------


def field_and_divergence(field, x):
    return [[scores(field, a) for a in x], by_rows("divergence", field=field, x=x)]


def at(model, sigma, x):
    return [scores(model, a, sigma) for a in x]


def model_value(model, x, sigma=None, t=None):
    """E of an energy, the rows of a field."""
    sigma = sigma or t
    if model["kind"] == "log_density":
        return [log_terms(model, a) for a in x]
    if model["kind"] in ENERGIES:
        return [ENERGIES[model["kind"]](a, **model["parameters"]) for a in x]
    return [scores(model, a, sigma and sigma[i]) for i, a in enumerate(x)]


def mixture_of(density, x):
    """-log p without the (2 pi)^{-d/2}, which every component shares."""
    return [(-total(log_prob(density, a)), -len(a) * mp.log(2 * mp.pi) / 2) for a in x]


def density_value(name, density, **given):
    """`name` is a path of methods: Gaussian.smoothed.log_prob."""
    *path, method = name.split(".")[1:]
    if path == ["smoothed"]:
        density = smoothed(density, given["sigma"])
    if method == "fisher_information":
        return fisher_information(**density["parameters"])
    if method == "log_prob":
        return [log_prob(density, a) for a in given["x"]]
    if method == "score":
        return [scores(density, a) for a in given["x"]]
    mixed = [posterior(density, y, given["sigma"]) for y in given["y"]]
    d = range(len(given["y"][0]))
    means = [[tuple(r * m[i] for r, m, _ in row) for i in d] for row in mixed]
    if method == "posterior_mean":
        return means
    return [[[_posterior_cov(row, mean, i, j) for j in d] for i in d] for row, mean in zip(mixed, means)]


def _posterior_cov(row, mean, i, j):
    """E[X_i X_j] - E[X_i] E[X_j], from deviations of the components."""
    return tuple(r * (c[i][j] + (m[i] - total(mean[i])) * (m[j] - total(mean[j]))) for r, m, c in row)


def fisher_information(shape, rate):
    """The integral of s^2 p, over u = log x, since it may be infinite at x = 0."""
    return [mp.fsum(mp.quad(square_of_score(a, b), pair) for pair in LOGS) for a, b in zip(shape, rate)]


def square_of_score(a, b):
    """s^2 p dx/du of Gamma(a, b)."""
    return lambda u: ((a - 1) / mp.exp(u) - b) ** 2 * mp.exp(total(gamma_log([mp.exp(u)], [a], [b])) + u)


LOGS = list(pairwise([-mp.inf, -64, -16, -4, -1, 0, 1, 2, 3, 4, 8]))  # beyond exp(8) there is less than 1e-400
INTEGRANDS = {  # name: (f, where it changes its sign)
    "tanh": (mp.tanh, [0]),
    "log": (mp.log, [1]),
    "log1p_square": (lambda x: mp.log(1 + x**2), [0]),
    "square": (lambda x: x**2, [0]),
    "absolute": (abs, [0]),
}
BREAKS = [-32, -16, -8, -4, -2, -1, 0, 1, 2, 4, 8, 16, 32]


def expect(integrand, density, degree=None):
    """One dimension: the integral of f p, one term for each interval. More: closed forms."""
    given = density["parameters"]
    if integrand == "fourth_power":  # E |x|^4 of a Gaussian
        mean, cov = given["mean"], given["cov"]
        trace = mp.fsum(line[i] for i, line in enumerate(cov))
        cross = 4 * dot(mean, times(cov, mean))
        return (trace + dot(mean, mean)) ** 2, 2 * mp.fsum(a**2 for line in cov for a in line), cross
    if (
        integrand == "wave"
    ):  # E cos(x_1 + x_2/2 ...) by the characteristic function; as E[1 + cos] - 1, since |cos| <= 1
        a = [mpf(1) / (i + 1) for i in range(len(given["means"][0]))]
        waves = [
            w * mp.exp(-dot(a, times(c, a)) / 2) * mp.cos(dot(a, m))
            for w, m, c in zip(given["weights"], given["means"], given["covs"])
        ]
        return 1 + mp.fsum(waves), mpf(-1)
    f, zeros = INTEGRANDS[integrand]
    positive = density["density"] == "Gamma"
    kinks = given["loc"] if density["density"] == "Laplace" else []
    inside = sorted({mpf(b) for b in [*BREAKS, *zeros, *kinks] if b > 0 or not positive})
    ends = [mpf(0) if positive else -mp.inf, *inside, mp.inf]
    return tuple(mp.quad(lambda x: f(x) * mp.exp(total(log_prob(density, [x]))), pair) for pair in pairwise(ends))


def geometric_noise_levels(x, n, smallest):
    """[sigmas, overlap], the overlap as the integral of min(p, q) over the radius."""
    largest = max(mp.sqrt(dot(minus(a, b), minus(a, b))) for a in x for b in x)
    sigmas = [largest ** (1 - mpf(i) / (n - 1)) * smallest ** (mpf(i) / (n - 1)) for i in range(n)]
    wide, narrow, d = sigmas[0], sigmas[1], len(x[0])

    def radial(sigma):
        sphere = 2 * mp.pi ** (mpf(d) / 2) / mp.gamma(mpf(d) / 2)
        return lambda r: (
            sphere * r ** (d - 1) * mp.exp(-((r / sigma) ** 2) / 2) / (2 * mp.pi * sigma**2) ** (mpf(d) / 2)
        )

    crossing = mp.sqrt(2 * d * mp.log(wide / narrow) / (narrow**-2 - wide**-2))
    beyond = [crossing, crossing + 2 * narrow, crossing + 8 * narrow, mp.inf]
    return [sigmas, (mp.quad(radial(wide), [0, crossing]), mp.quad(radial(narrow), beyond))]


# --- samplers ------------------------------------------------------------------------------------------------------


def decided(x, proposals, ratios, u):
    """[states, probabilities]: each proposal is taken with probability min(1, exp(ratio)), a ratio a sum of terms."""
    probabilities = [mp.exp(min(mpf(0), total(ratio))) for ratio in ratios]
    taken = [b if c < p else a for a, b, p, c in zip(x, proposals, probabilities, u)]
    sizes = [p if p == 1 else p * (1 + size(ratio)) for p, ratio in zip(probabilities, ratios)]
    return [taken, list(map(Sized, probabilities, sizes))]


def metropolis_step(energy, x, scale, z, u):
    proposals = [[(s, scale * t) for s, t in zip(a, b)] for a, b in zip(x, z)]
    return decided(x, proposals, [log_ratio(energy, a, b) for a, b in zip(x, proposals)], u)


def coupled_metropolis_step(energy, x, y, scale, z, u_meet, u):
    """[states, states]: by the densities of the proposal from each start, and by the mirror between the starts."""
    ahead, behind = [[(s, scale * t) for s, t in zip(a, b)] for a, b in zip(x, z)], []
    for a, b, there, chance in zip(x, y, ahead, u_meet):
        there = list(map(total, there))
        first, second = (total(gaussian_log(there, start, scale**2)) for start in (a, b))
        gap = minus(a, b)
        along = 2 * dot(gap, minus(there, a)) / dot(gap, gap) if any(gap) else mpf(0)
        mirrored = [(s, c - r, -along * g) for s, c, r, g in zip(b, there, a, gap)]
        behind.append([(c,) for c in there] if mp.log(chance) < second - first else mirrored)
    pairs = ((x, ahead), (y, behind))
    return [decided(s, to, [log_ratio(energy, a, b) for a, b in zip(s, to)], u)[0] for s, to in pairs]


def log_ratio(energy, start, proposal):
    """E(x) - E(x')."""
    there = energy_terms(energy, list(map(total, proposal)))
    return (*energy_terms(energy, start), *(-t for t in there))


def mala_step(energy, x, eta, z, u):
    """By the densities of the proposal there and back, as Metropolis and Hastings have it."""
    proposals, ratios = by_rows("langevin_step", score=energy, x=x, eta=eta, z=z), []
    for a, proposal in zip(x, proposals):
        b = list(map(total, proposal))
        back, forth = (gaussian_log(end, drift(energy, start, eta), 2 * eta) for start, end in ((b, a), (a, b)))
        ratios.append((*log_ratio(energy, a, proposal), *back, *(-t for t in forth)))
    return decided(x, proposals, ratios, u)


def drift(energy, x, eta):
    return step(x, eta, scores(energy, x))


def leapfrog(score, x, p, eps, n_steps):
    """[positions, momenta]: kick, drift, kick, each step by itself."""
    ends = [path(score, a, b, eps, n_steps) for a, b in zip(x, p)]
    return [[position for position, _ in ends], [momentum for _, momentum in ends]]


def path(score, x, p, eps, n_steps):
    """The end of a path: coordinates as sums of all kicks and drifts."""
    position, momentum = [(a,) for a in x], [(a,) for a in p]
    for _ in range(n_steps):
        momentum = kicked(score, position, momentum, eps / 2)
        position = [(*a, eps * total(b)) for a, b in zip(position, momentum)]
        momentum = kicked(score, position, momentum, eps / 2)
    return position, momentum


def kicked(score, position, momentum, time):
    return [(*b, time * s) for b, s in zip(momentum, scores(score, list(map(total, position))))]


def hmc_step(energy, x, eps, n_steps, p, u):
    proposals, ends = leapfrog(energy, x, p, eps, n_steps)
    kinetic = [[a**2 / 2 for a in b] + [-(total(a) ** 2) / 2 for a in c] for b, c in zip(p, ends)]
    return decided(x, proposals, [(*log_ratio(energy, a, b), *k) for a, b, k in zip(x, proposals, kinetic)], u)


def annealed_langevin(score, x, sigmas, eps, z):
    rows = [[(s,) for s in a] for a in x]
    for sigma, noise in zip(sigmas, z):
        eta = eps * (sigma / sigmas[-1]) ** 2
        for drawn in noise:
            slopes = [scores(score, list(map(total, a)), sigma) for a in rows]
            rows = [[(*s, eta * f, mp.sqrt(2 * eta) * b) for s, f, b in zip(*row)] for row in zip(rows, slopes, drawn)]
    return rows


def decaying_steps(first, power, n_steps):
    return [first / mpf(t) ** power for t in range(1, n_steps + 1)]


def run(score, x, eta, tape):
    """The last states of a chain of Langevin steps."""
    for z in tape:
        x = [list(map(total, a)) for a in by_rows("langevin_step", score=score, x=x, eta=eta, z=z)]
    return x


def chances(rbm, v=None, h=None):
    """The probability of 1 of every unit of a layer, given the other, by the weights of all states of the layer."""
    energy_of_pair = RBMS["GaussianBernoulliRBM" if "sigma" in rbm else "BinaryRBM"]
    layer = states(len(rbm["c"] if h is None else rbm["b"]))
    weights = [mp.exp(-total(energy_of_pair(*((v, s) if h is None else (s, h)), **rbm))) for s in layer]
    return [mp.fsum(w for s, w in zip(layer, weights) if s[i] == 1) / mp.fsum(weights) for i in range(len(layer[0]))]


def centre(rbm, h):
    """E[v | h] of real units: where the energy, which is quadratic in v, is lowest."""

    def along(i):
        return lambda s: total(gaussian_energy([s * (j == i) for j in range(len(rbm["b"]))], h, **rbm))

    return [-mp.diff(along(i), 0) / mp.diff(along(i), 0, 2) for i in range(len(rbm["b"]))]


def gibbs_step(rbm, v, u_h, u_v):
    given, rows = rbm["parameters"], []
    for a, u, noise in zip(v, u_h, u_v):
        h = [mpf(s < p) for s, p in zip(u, chances(given, v=a))]
        if "sigma" in given:
            rows.append([(m, given["sigma"] * z) for m, z in zip(centre(given, h), noise)])
        else:
            rows.append([Sized(mpf(s < p), mpf(1)) for s, p in zip(noise, chances(given, h=h))])
    return rows


RBMS = {"BinaryRBM": binary_energy, "GaussianBernoulliRBM": gaussian_energy}


def rbm_value(name, density, v=None, h=None):
    stem, _, method = name.partition(".")
    given = density["parameters"]
    if method == "energy":
        return [RBMS[stem](a, b, **given) for a, b in zip(v, h)]
    if method == "free_energy":
        return [energy_terms({"kind": KIND_OF[stem], "parameters": given}, a) for a in v]
    if method == "hidden_mean":
        return [chances(given, v=a) for a in v]
    if method == "visible_mean":
        return [centre(given, b) if stem == "GaussianBernoulliRBM" else chances(given, h=b) for b in h]
    weights = (
        binary_energy(a, b, **given) if stem == "BinaryRBM" else b
        for b in states(len(given["c"]))
        for a in (states(len(given["b"])) if stem == "BinaryRBM" else [None])
    )
    if stem == "BinaryRBM":
        return mp.log(mp.fsum(mp.exp(-total(terms)) for terms in weights))
    return mp.log(mp.fsum(mp.fprod(integrals(given, h)) * mp.exp(dot(given["c"], h)) for h in weights))


KIND_OF = {"BinaryRBM": "binary_rbm", "GaussianBernoulliRBM": "gaussian_rbm"}


def integrals(rbm, h):
    """int exp(-(v_i - b_i)^2/(2 sigma^2) + v_i (W h)_i/sigma^2) dv_i of every unit, out to 18 deviations."""
    sigma = rbm["sigma"]
    for b, a in zip(rbm["b"], times(rbm["W"], h)):
        ends = [b + a + k * sigma for k in (-18, -8, -3, 0, 3, 8, 18)]
        yield mp.quad(lambda v, b=b, a=a: mp.exp((v * a - (v - b) ** 2 / 2) / sigma**2), ends)


def sde_value(method, sde, s=None, t=None, x=None, d=None, n_steps=None, law=None):
    """A method of an SDE: at times t, from s to t, or of the law at one time."""
    if method == "prior":
        return [gaussian_log(a, [mpf(0)] * d, last_variance(sde)) for a in x]
    if method == "diffused":
        return [log_prob(diffused(law, sde, t), a) for a in x]
    if method == "prior_gap":
        return divergence_from_prior(diffused(law, sde, mpf(1)), last_variance(sde))
    if method == "betas":
        return [forgetting(sde, mpf(i + 1) / n_steps) / n_steps for i in range(n_steps)]
    if method == "drift":
        return [[-forgetting(sde, b) * c / 2 for c in a] for a, b in zip(x, t)]
    of_time = {"beta": forgetting, "diffusion": lambda sde, t: mp.sqrt(noise_rate(sde, t)), "sigma": level}
    if method in of_time:
        return [of_time[method](sde, a) for a in t]
    if method == "integral":
        return [mp.quad(lambda u: forgetting(sde, u), [a, b]) for a, b in zip(s, t)]
    pairs = [kernel(sde, a, b) for a, b in zip(s or [mpf(0)] * len(t), t)]
    return [[m for m, _ in pairs], [deviation for _, deviation in pairs]]


def level(sde, t):
    given = sde["parameters"]
    return given["sigma_min"] ** (1 - t) * given["sigma_max"] ** t


def kernel(sde, s, t):
    """The scale and the standard deviation that lead from one marginal to another; as one minus what is kept."""
    (before, there), (after, here) = moments(sde, s), moments(sde, t)
    m = after / before
    return m, through(mp.sqrt, lambda v: 1 / (2 * mp.sqrt(v)), (here, -(m**2) * there))


def last_variance(sde):
    """That of the law which stands for the one at the end."""
    return moments(sde, mpf(1))[1] if sde["kind"] == "VarianceExploding" else mpf(1)


def diffused(density, sde, t):
    """The law of m x_0 + std z, x_0 from a mixture."""
    given, (m, variance) = density["parameters"], moments(sde, t)
    means = [[m * a for a in mean] for mean in given["means"]]
    covs = [plus_multiple([[m**2 * c for c in line] for line in cov], variance) for cov in given["covs"]]
    return density | {"parameters": given | {"means": means, "covs": covs}}


def divergence_from_prior(density, variance):
    """int p (log p - log N(0, variance)) on the line, one term for each interval."""

    def inside(x):
        log_p = total(log_prob(density, [x]))
        return mp.exp(log_p) * (log_p - total(gaussian_log([x], [mpf(0)], variance)))

    return tuple(mp.quad(inside, pair) for pair in pairwise([-32, *BREAKS, 32]))


# --- from noise to data --------------------------------------------------------------------------------------------


@row
def euler_maruyama_step(sde, x, t, dt, z):
    beta, rate = forgetting(sde, t), noise_rate(sde, t)
    return [(a, -beta * a * dt / 2, mp.sqrt(rate * dt) * b) for a, b in zip(x, z)]


@row
def reverse_sde_step(score, sde, x, t, dt, z):
    """Without the drift of the way there, and with g^2 s, for dt."""
    beta, rate = forgetting(sde, t), noise_rate(sde, t)
    return [(a, beta * a * dt / 2, rate * s * dt, mp.sqrt(rate * dt) * b) for a, s, b in zip(x, scores(score, x, t), z)]


@row
def probability_flow_velocity(score, sde, x, t):
    beta, rate = forgetting(sde, t), noise_rate(sde, t)
    return [(-beta * a / 2, -rate * s / 2) for a, s in zip(x, scores(score, x, t))]


@row
def ddpm_step(score, betas, x, i, z, posterior=False):
    """The posterior variance by the precisions of x_{i-1} given the data, and of x_i given x_{i-1}, added up."""
    beta, before = betas[i], 1 - mp.fprod(1 - b for b in betas[:i])
    variance = beta
    if posterior:
        variance = 1 / (1 / before + (1 - beta) / beta) if i > 0 else mpf(0)
    kept = mp.sqrt(1 - beta)
    return [(a / kept, beta * s / kept, mp.sqrt(variance) * b) for a, s, b in zip(x, scores(score, x, i), z)]


def predictor_corrector(score, sde, x, times, eta, z):
    """Coordinates as sums of all that is added to them."""
    rows, etas = [[(s,) for s in a] for a in x], eta if isinstance(eta, list) else [eta] * len(z)
    for (late, early), length, (drawn, *others) in zip(pairwise(times), etas, z):
        steps = [ROWS["reverse_sde_step"](score, sde, whole(a), late, late - early, b) for a, b in zip(rows, drawn)]
        rows = [[(*s, *terms[1:]) for s, terms in zip(a, new)] for a, new in zip(rows, steps)]
        for noise in others:
            slopes = [scores(score, whole(a), early) for a in rows]
            steps = [[(length * f, mp.sqrt(2 * length) * c) for f, c in zip(*pair)] for pair in zip(slopes, noise)]
            rows = [[(*s, *terms) for s, terms in zip(a, new)] for a, new in zip(rows, steps)]
    return rows


def whole(sums):
    return list(map(total, sums))


def probability_flow(score, sde, x, t0, t1, rtol, atol):
    """The tolerances are those of the solver, which the size of a number covers."""
    return [[near(b, rtol, atol) for b in flowed(score, a, t0, t1)] for a in x]


def probability_flow_log_prob(score, sde, x, t0, t1, rtol, atol, v=None):
    """The law at t0, with the prior for the law at t1; with v, of normal data, how each coordinate is stretched."""
    rows = []
    for j, a in enumerate(x):
        b = flowed(score, a, t0, t1)
        growth = (*law_log(score, a, t0), *negative(law_log(score, b, t1)))
        if v is not None:
            (before,), (after,) = (law(score, t)[2] for t in (t0, t1))
            growth = [c**2 * mp.log(w / u) / 2 for c, u, w in zip(v[j], before, after)]
        rows.append(near(total((*gaussian_log(b, [mpf(0)] * len(b), last_variance(sde)), *growth)), rtol, atol))
    return rows


def flowed(model, x, t0, t1):
    """Where the flow leads: normal data are stretched about their mean; on the line what is below x stays below."""
    (_, means, variances), (_, ends, others) = law(model, t0), law(model, t1)
    by_row = zip(x, means[0], variances[0], ends[0], others[0])
    stretched = [n + (a - m) * mp.sqrt(w / v) for a, m, v, n, w in by_row]
    if len(means) == 1:
        return stretched
    assert len(x) == 1
    below = chance_below(model, x[0], t0)
    return [mp.findroot(lambda b: chance_below(model, b, t1) - below, stretched[0])]


def chance_below(model, x, t):
    """P(x_t < x) on the line."""
    return mp.fsum(w * mp.ncdf(x, m[0], mp.sqrt(v[0])) for w, m, v in zip(*law(model, t)))


def near(value, rtol, atol):
    """A number that is solved to a tolerance, as large as makes 64 u of it ten times that tolerance."""
    return Sized(value, abs(value) + 10 * (rtol * abs(value) + atol) * 2**47)


# --- estimates, and what chains tell -------------------------------------------------------------------------------


def log_partition(energy, d):
    """One dimension: the integral. More: the closed form of a mixture, or of a quadratic energy."""
    if d == 1:
        parts = [mp.quad(lambda x: mp.exp(-energy_of(energy, [x])), pair) for pair in pairwise(LINE)]
        return mp.log(mp.fsum(parts))
    given = energy["parameters"]
    logits, precisions = given.get("logits", [mpf(0)]), given.get("precisions") or [given["precision"]]
    volumes = (mp.exp(a) * mp.sqrt((2 * mp.pi) ** d / mp.det(mp.matrix(p))) for a, p in zip(logits, precisions))
    return mp.log(mp.fsum(volumes))


LINE = [-40, -16, -8, -4, -2, 0, 2, 4, 8, 16, 40]


def annealed_importance_sampling(energy, base, temperatures, scale, tape):
    """With steps of a random walk, whose proposals are taken by the ratio of the annealed densities."""
    x, *noise = tape
    log_w = [() for _ in x]

    def annealed(beta, a):
        return beta * energy_of(energy, a) - (1 - beta) * total(log_prob(base, a))

    for k, (before, beta) in enumerate(pairwise(temperatures)):
        gains = ((*energy_terms(energy, a), *log_prob(base, a)) for a in x)
        log_w = [(*w, *((before - beta) * t for t in gain)) for w, gain in zip(log_w, gains)]
        if beta < 1:
            proposals = [step(a, scale, z) for a, z in zip(x, noise[0][k])]
            taken = (u < mp.exp(annealed(beta, a) - annealed(beta, b)) for a, b, u in zip(x, proposals, noise[1][k]))
            x = [b if yes else a for a, b, yes in zip(x, proposals, taken)]
    return log_w


def estimated_log_partition(log_weights):
    """[log of the mean weight, its standard error]."""
    n, largest = len(log_weights), max(log_weights)
    weights = [mp.exp(a - largest) for a in log_weights]
    mean = mp.fsum(weights) / n
    variance = mp.fsum((w - mean) ** 2 for w in weights) / (n - 1)
    return [(mp.log(mean), largest), mp.sqrt(variance / n) / mean]


def autocovariance(x, n_lags):
    """For each lag and coordinate: the products of deviations, one term for each pair of times in each chain."""
    centred = [[[t - mean(a) for t in a] for a in chains_of(x, j)] for j in range(len(x[0][0]))]
    return [[products(chains, t) for chains in centred] for t in range(n_lags + 1)]


def products(chains, t):
    pairs = (a * b for chain in chains for a, b in zip(chain, chain[t:]))
    return tuple(pair / (len(chains[0]) * len(chains)) for pair in pairs)


def mean(a):
    return mp.fsum(a) / len(a)


def variance(a):
    """Over n - 1, about the mean; of one number, 0."""
    return mp.fsum((t - mean(a)) ** 2 for t in a) / (len(a) - 1) if len(a) > 1 else mpf(0)


def autocorrelation(x, n_lags):
    lags = autocovariance(x, n_lags)
    return [[tuple(t / total(first) for t in a) for a, first in zip(line, lags[0])] for line in lags]


def chains_of(x, j):
    """Coordinate j of each chain, over time."""
    return [[state[j] for state in chain] for chain in zip(*x)]


def effective_sample_size(x):
    """Geyer's initial monotone sequence, of the correlations that the spread of the means corrects."""
    length, n, sizes = len(x), len(x[0]), []
    lags = autocovariance(x, length - 1)
    for j in range(len(x[0][0])):
        chains = chains_of(x, j)
        within = mean([variance(a) for a in chains])
        pooled = within * (length - 1) / length + variance([mean(a) for a in chains])
        rho = [mpf(1)] + [1 - (within - total(lags[t][j])) / pooled for t in range(1, length)]
        felt = [(within + size(lags[t][j])) / pooled for t in range(length)]
        tau, around, least = mpf(-1), mpf(1), mp.inf
        for k in range(0, length - 1, 2):
            pair = rho[k] + rho[k + 1]
            if pair <= 0:
                break
            least = min(least, pair)
            tau, around = tau + 2 * least, around + 2 * (least + felt[k] + felt[k + 1])
        tau = max(tau, 1 / mp.log10(n * length))
        sizes.append(Sized(n * length / tau, n * length / tau * (1 + around / tau)))
    return sizes


def split_r_hat(x):
    half, found = len(x) // 2, []
    for j in range(len(x[0][0])):
        halves = [part for chain in chains_of(x, j) for part in (chain[:half], chain[half : 2 * half])]
        between, within = variance([mean(a) for a in halves]), mean([variance(a) for a in halves])
        found.append(mp.sqrt((within * (half - 1) / half + between) / within))
    return found


def replay_start(points, capacity, fresh, fraction, u):
    kept = points[-capacity:]
    return [new if a < fraction else kept[int(mp.floor(b * len(kept)))] for new, (a, b) in zip(fresh, u)]


# --- other discrepancies, implicit distributions, a flow, a linear autoencoder ----------------------------------------


def kernel_stein(score, x, bandwidth, unbiased=True):
    """Stein's operator on both arguments of k by numerical derivatives, summed over pairs."""
    slopes, pairs = [scores(score, a) for a in x], []
    for i, a in enumerate(x):
        for j, b in enumerate(x):
            if i != j or not unbiased:
                k, by_a, by_b, mixed = kernel_slopes(a, b, bandwidth)
                parts = [s * t * k for s, t in zip(slopes[i], slopes[j])] + [s * g for s, g in zip(slopes[i], by_b)]
                parts += [t * g for t, g in zip(slopes[j], by_a)] + mixed
                apart = dot(minus(a, b), minus(a, b)) / bandwidth**2
                inside = mp.fsum(map(abs, parts)) + (len(a) + apart) * k / bandwidth**2  # what the last derivative adds
                pairs.append(Sized(mp.fsum(parts), (1 + apart) * inside))  # and the kernel feels its exponent
    return Sized(*(mp.fsum(part) / len(pairs) for part in (map(total, pairs), map(size, pairs))))


def kernel_slopes(a, b, bandwidth):
    """k, its gradients in a and in b, and the d^2 k/da_i db_i, all from k itself."""
    d = len(a)

    def k(*both):
        gap = minus(both[:d], both[d:])
        return mp.exp(-dot(gap, gap) / (2 * bandwidth**2))

    both = (*a, *b)

    def derived(*which):
        return mp.diff(k, both, tuple(which.count(i) for i in range(2 * d)))

    by_a, by_b = [derived(i) for i in range(d)], [derived(d + i) for i in range(d)]
    return k(*both), by_a, by_b, [derived(i, d + i) for i in range(d)]


def entropy_gradient(score_q, sampler, phi, eps):
    """By the derivatives of the map z = A eps + b in each entry of A and of b."""
    assert sampler == "affine"
    a, b = phi
    slopes = [scores(score_q, [dot(line, e) + t for line, t in zip(a, b)]) for e in eps]
    by_b = [tuple(-s[i] / len(eps) for s in slopes) for i in range(len(b))]
    return [[[tuple(t * e[j] for t, e in zip(line, eps)) for j in range(len(a[0]))] for line in by_b], by_b]


def implicit_negative_elbo(log_joint, score_q, z):
    """[values, their gradients in z, the score being held]."""
    slopes = [scores(score_q, a) for a in z]
    values = [(*negative(log_terms(log_joint, a)), *(s * t for s, t in zip(q, a))) for a, q in zip(z, slopes)]
    return [values, [[(-t, s) for t, s in zip(scores(log_joint, a), q)] for a, q in zip(z, slopes)]]


def flow_value(method, density, x=None, z=None):
    """By `couple` and its Jacobian; what maps z to x is found by solving z = couple(x), coupling by coupling."""
    couplings = density["parameters"]["couplings"]
    if method == "log_prob":
        return [negative(flow(a, couplings)) for a in x]
    if method == "inverse":
        return [[couple(a, couplings) for a in x], [-flow(a, couplings)[-1] for a in x]]
    return [uncouple(a, couplings) for a in z]


def uncouple(z, couplings):
    """What is kept gives the affine map of the rest, which two of its values tell: x' = x'(0) + x (x'(1) - x'(0))."""
    for i, layers in reversed(list(enumerate(couplings))):
        kept = [(j + i) % 2 == 1 for j in range(len(z))]
        at_0, at_1 = ([a if keep else mpf(t) for a, keep in zip(z, kept)] for t in (0, 1))
        low, high = (couple_once(a, i, layers) for a in (at_0, at_1))
        z = [a if keep else (a - p) / (q - p) for a, keep, p, q in zip(z, kept, low, high)]
    return z


def couple_once(x, i, layers):
    """Coupling i alone: those before it are left out, and it keeps what it keeps."""
    idle = [[[[mpf(0)] * (2 * len(x)) for _ in x], [mpf(0)] * (2 * len(x))]]
    return couple(x, [idle] * i + [layers])


def vae_value(method, density, x, z=None, mean=None, cov=None):
    """Of the joint Gaussian of (z, x), by conditioning and by log-densities."""
    weights, bias, s = (density["parameters"][name] for name in ("weights", "bias", "deviation"))
    d, k = len(weights), len(weights[0])
    wide = [[dot(weights[i], weights[j]) + (s**2 if i == j else 0) for j in range(d)] for i in range(d)]
    gain = (mp.matrix(weights).T * mp.matrix(wide) ** -1).tolist()
    if method == "log_joint":
        decoded = [[dot(line, b) + t for line, t in zip(weights, bias)] for b in z]
        return [(*gaussian_log(b, [mpf(0)] * k, mpf(1)), *gaussian_log(a, m, s**2)) for a, b, m in zip(x, z, decoded)]
    if method == "marginal":
        return [gaussian_log(a, bias, wide) for a in x]
    means = [[tuple(g * t for g, t in zip(line, minus(a, bias))) for line in gain] for a in x]
    if method == "posterior_mean":
        return means
    posterior = (mp.eye(k) - mp.matrix(gain) * mp.matrix(weights)).tolist()
    return [divergence_of_gaussians(m, cov, list(map(total, mu)), posterior) for m, mu in zip(mean, means)]


def divergence_of_gaussians(mean, cov, other_mean, other_cov):
    """KL as E[log q - log p] under q: the squares from the moments of q."""
    precision, off = inverse(other_cov), minus(mean, other_mean)
    spread = (p * c / 2 for line, column in zip(precision, zip(*cov)) for p, c in zip(line, column))
    squares = (a * p * b / 2 for a, line in zip(off, precision) for p, b in zip(line, off))
    logs = mp.log(mp.det(mp.matrix(other_cov))) / 2, -mp.log(mp.det(mp.matrix(cov))) / 2
    return (*spread, *squares, -mpf(len(mean)) / 2, *logs)


MODELS = ("score", "energy", "denoiser", "log_model", "logit", "velocity", "network", "rbm", "field", "logits")


def gradient(name, parameter, **arguments):
    """d mean(objective)/d each entry of one array of the model's parameters, at the path `parameter`."""
    arguments |= {"held": arguments["rbm"]} if name == "mean_field_contrastive_divergence" else {}
    if parameter[0] == "grids":
        path = ["energies", parameter[1], "parameters", *parameter[2:]]
    else:
        path = [next(key for key in MODELS if key in arguments), "parameters", *parameter]

    def derivative(entry):
        def loss(value):
            values = leaves(formula(name, replaced(arguments, entry, value)))
            return mp.fsum(map(total, values)) / len(values)

        return mp.diff(loss, found(arguments, entry))

    def over(tree, path):
        return [over(a, [*path, i]) for i, a in enumerate(tree)] if isinstance(tree, list) else derivative(path)

    return over(found(arguments, path), path)


ARRAYS = {
    "field_and_divergence": field_and_divergence,
    "at": at,
    "mixture_of": mixture_of,
    "expect": expect,
    "geometric_noise_levels": geometric_noise_levels,
    "ReplayBuffer.start": replay_start,
    "coupled_chains": lambda **given: coupled_chains(**given),
}
SAMPLERS = (
    metropolis_step,
    coupled_metropolis_step,
    mala_step,
    leapfrog,
    hmc_step,
    gibbs_step,
    annealed_langevin,
    decaying_steps,
    run,
)
ESTIMATES = (log_partition, annealed_importance_sampling, estimated_log_partition)
DIAGNOSTICS = (autocovariance, autocorrelation, effective_sample_size, split_r_hat)
OTHERS = (kernel_stein, entropy_gradient, implicit_negative_elbo)
PATHS = (predictor_corrector, probability_flow, probability_flow_log_prob)
PRACTICE = (marginal_of_steps, karras_noise_levels, cosine_betas)
PRACTICE += (level_coverage, level_ratio, annealed_variance, annealed_step, moving_average)
ARRAYS |= {f.__name__: f for f in PRACTICE}
ARRAYS |= {f.__name__: f for f in (*SAMPLERS, *ESTIMATES, *DIAGNOSTICS, *OTHERS, *PATHS)}


def formula(name, arguments):
    """The value of a function as nested lists, whose leaves are numbers or tuples of terms."""
    stem, _, rest = name.partition(".")
    if stem in DENSITIES:
        return density_value(name, **arguments)
    if stem in RBMS:
        return rbm_value(name, **arguments)
    if stem == "RealNVP":
        return flow_value(rest, **arguments)
    if stem == "LinearGaussianVAE":
        return vae_value(rest, **arguments)
    if stem in PROCESSES:
        return sde_value(rest, **arguments)
    if stem == "Model":
        return model_value(**arguments)
    if rest == "gradient":
        return gradient(stem, **arguments)
    return ARRAYS[name](**arguments) if name in ARRAYS else by_rows(name, **arguments)


# --- values and scales ---------------------------------------------------------------------------------------------


def exact(tree):
    """Floats as mpf, which holds each of them exactly; counts and names stay."""
    if isinstance(tree, dict):
        return {key: exact(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [exact(value) for value in tree]
    return mpf(tree) if isinstance(tree, float) else tree


def inputs(tree, path=()):
    """The paths of all numbers that can be moved."""
    if isinstance(tree, mpf):
        yield path
    elif isinstance(tree, (dict, list)):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from inputs(value, (*path, key))


def found(tree, path):
    for key in path:
        tree = tree[key]
    return tree


def replaced(tree, path, value):
    """A copy of nested dicts and lists with another value at `path`."""
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = replaced(tree[path[0]], path[1:], value)
    return copy


def leaves(tree):
    return [leaf for branch in tree for leaf in leaves(branch)] if isinstance(tree, list) else [tree]


def shaped(flat, like):
    """The numbers of the iterator `flat` in the nested shape of `like`."""
    return [shaped(flat, branch) for branch in like] if isinstance(like, list) else next(flat)


def entry(function, catches, /, **arguments):
    """One row of a table."""
    given = exact(arguments)
    value = formula(function, given)
    flat = leaves(value)
    scales = [size(leaf) for leaf in flat]
    with mp.workdps(DIGITS // 2):  # a scale needs few digits
        here = [total(leaf) for leaf in leaves(formula(function, given))]
        for path in inputs(given):
            there = leaves(formula(function, replaced(given, path, found(given, path) * (1 + NUDGE))))
            scales = [s + abs(total(b) - a) / NUDGE for s, a, b in zip(scales, here, there)]
    printed = iter([_print(total(leaf), scale) for leaf, scale in zip(flat, scales)])
    sizes = iter([mp.nstr(scale * (1 + mpf(2) ** -40), 4) for scale in scales])  # a tie goes up on every machine
    return {
        "arguments": arguments,
        "catches": catches,
        "function": function,
        "scale": shaped(sizes, value),
        "value": shaped(printed, value),
    }


def _print(value, scale):
    """50 digits; what is nothing but the error of a numerical derivative is 0."""
    return mp.nstr(value if abs(value) > scale * mpf(10) ** -PRINTED else mpf(0), PRINTED)


# --- the inputs: dyadic rationals, cut to n rows and d columns -----------------------------------------------------

X = [[0.375, -1.25, 0.8125], [-0.6875, 0.5, 1.4375], [1.125, 0.15625, -0.90625]]
Z = [[-0.5625, 1.1875, 0.3125], [0.875, -0.21875, -1.375], [1.5, 0.4375, 0.71875]]
V = [[1.0, -0.625, 1.375], [-0.75, 1.25, 0.4375], [0.3125, -1.0, 0.6875]]
W = [[-0.5, 1.125, 0.25], [1.0, 0.8125, -1.5], [-1.25, 0.5625, 0.9375]]
POSITIVE = [[0.4375, 1.625, 0.9375], [2.25, 0.6875, 1.1875], [0.15625, 3.5, 1.0625]]
BITS = [[1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
SIGMAS = [0.625, 1.375, 0.8125]
U = [[0.3125, 0.84375, 0.109375], [0.640625, 0.40625, 0.921875], [0.203125, 0.734375, 0.484375]]
MEAN, OTHER_MEAN = [0.75, -0.3125, 0.4375], [-0.875, 0.625, 1.25]
MATRIX = [[1.75, -0.4375, 0.25], [-0.4375, 0.8125, 0.3125], [0.25, 0.3125, 1.375]]
OTHER_MATRIX = [[0.5625, 0.1875, -0.125], [0.1875, 1.25, 0.0625], [-0.125, 0.0625, 0.875]]
FIRST = [[0.625, -0.3125, 0.8125], [-0.5, 0.9375, 0.1875], [0.25, 0.6875, -0.75]]
SECOND = [[0.4375, -0.6875, 0.3125], [0.875, 0.125, -0.5625], [-0.25, 0.75, 0.5]]
THIRD = [[-0.8125, 0.375, 0.1875], [0.3125, 0.5625, -0.4375], [0.6875, -0.125, 0.9375]]
BIAS = [0.1875, -0.4375, 0.3125]
SHAPE, RATE = [2.75, 3.5, 0.625], [1.375, 0.6875, 2.25]
LOC, SCALE, DF = [0.25, -0.4375, 0.8125], [0.625, 1.75, 1.125], [3.5, 5.25, 2.75]


def block(array, n, d):
    return [line[:d] for line in array[:n]]


def model(kind, /, **parameters):
    return {"kind": kind, "parameters": parameters}


def density(kind, /, **parameters):
    return {"density": kind, "parameters": parameters}


def models(d):
    """The trainable kinds in d dimensions: off-diagonal precisions, unequal weights, biases everywhere."""
    means = [MEAN[:d], OTHER_MEAN[:d]]
    precisions = [block(MATRIX, d, d), block(OTHER_MATRIX, d, d)]
    hidden, one, many = [block(FIRST, d, 3), BIAS], [[[0.875], [-0.5625], [0.4375]], [0.25]], [block(SECOND, 3, d)]
    return {
        "quadratic": model("quadratic", mean=MEAN[:d], precision=block(MATRIX, d, d)),
        "mixture": model("mixture", logits=[0.375, -0.625], means=means, precisions=precisions),
        "mlp_energy": model("mlp_energy", precision=0.6875, layers=[hidden, one]),
        "mlp_score": model("mlp_score", layers=[hidden, [*many, BIAS[:d]]]),
    }


def conditional(d):
    """A noise-conditional field: one input more than the point has."""
    first = [*block(FIRST, d, 3), [0.5, -0.375, 0.25]]
    return model("noise_conditional", layers=[[first, BIAS], [block(SECOND, 3, d), BIAS[:d]]])


def denoiser(inner, sigma):
    return model("denoiser", **inner, sigma=sigma)


def smoothed_mixture(d):
    variances = [[0.5625, 1.125, 0.875], [1.375, 0.3125, 0.75]]
    given = {"logits": [0.375, -0.625], "means": [MEAN[:d], OTHER_MEAN[:d]], "variances": block(variances, 2, d)}
    return model("smoothed_mixture", **given)


def diffused_mixture(sde, d, k=2):
    given = smoothed_mixture(d)["parameters"]
    return model("diffused_mixture", sde=sde, **{name: value[:k] for name, value in given.items()})


SDES = {
    "VariancePreserving": model("VariancePreserving", beta_min=0.375, beta_max=2.75),
    "SubVariancePreserving": model("SubVariancePreserving", beta_min=0.6875, beta_max=1.8125),
    "VarianceExploding": model("VarianceExploding", sigma_min=0.3125, sigma_max=1.875),
}


def rbms(d, m):
    """By the name of the class: as densities and as models."""
    given = {"b": MEAN[:d], "c": BIAS[:m], "W": block(SECOND, d, m)}
    return {"BinaryRBM": given, "GaussianBernoulliRBM": given | {"sigma": 0.8125}}


def two_layers():
    return [[block(FIRST, 2, 3), BIAS], [SECOND, [-0.125, 0.375, 0.0625]], [block(THIRD, 3, 2), [0.5, -0.25]]]


def normal(d):
    return density("Gaussian", mean=OTHER_MEAN[:d], cov=block(MATRIX, d, d))


def two_bumps(d):
    covs = [block(OTHER_MATRIX, d, d), block(MATRIX, d, d)]
    return density("GaussianMixture", weights=[0.3125, 0.6875], means=[MEAN[:d], OTHER_MEAN[:d]], covs=covs)


DIMENSIONS = (1, 2, 3)
FIELDS = ("quadratic", "mixture", "mlp_energy", "mlp_score")
SOME_FIELDS = ((1, "quadratic"), (2, "mixture"), (3, "quadratic"), (2, "mlp_energy"), (3, "mlp_score"))

# --- the tables ----------------------------------------------------------------------------------------------------


def calculus():
    for d, kind in SOME_FIELDS:
        field, x = models(d)[kind], block(X, 2, d)
        if kind != "mlp_score":
            yield entry("score_of", "the gradient of E without its minus sign; x + m for x - m", energy=field, x=x)
        yield entry("divergence", "a sum over all of the Jacobian, a mean, or d times the trace", field=field, x=x)
        along = {"field": field, "x": x, "v": block(V, 2, d)}
        yield entry("jacobian_vector_product", "v^T J for J v, where J is not symmetric", **along)
    for d in (2, 3):
        pair = {"field": models(d)["mlp_score"], "x": block(X, 5 - d, d)}
        yield entry("field_and_divergence", "the pair in the wrong order, -div, two coordinates only", **pair)


def densities():
    for d in DIMENSIONS:
        x, y = block(X, 2, d), block(Z, 2, d)
        for p in (normal(d), two_bumps(d)):
            name, sigma = p["density"], SIGMAS[d - 1]
            yield entry(f"{name}.log_prob", "log det without its 1/2, d/2 log 2 pi left out, x + m", density=p, x=x)
            yield entry(f"{name}.score", "the covariance in place of its inverse, x + m", density=p, x=x)
            wide = {"density": p, "sigma": sigma}
            yield entry(f"{name}.smoothed.log_prob", "sigma added to the covariance, not its square", **wide, x=x)
            yield entry(f"{name}.posterior_mean", "the gain transposed, or that of the noise", **wide, y=y)
            yield entry(f"{name}.posterior_cov", "no covariance between the components' means", **wide, y=y)
        for p, points in (
            (density("Gamma", shape=SHAPE[:d], rate=RATE[:d]), block(POSITIVE, 2, d)),
            (density("StudentT", df=DF[:d], loc=LOC[:d], scale=SCALE[:d]), x),
            (density("Laplace", loc=LOC[:d], scale=SCALE[:d]), x),
        ):
            text = "scale for rate, a missing log scale or log Gamma, (nu + 1) for nu, x + loc"
            yield entry(f"{p['density']}.log_prob", text, density=p, x=points)
            yield entry(f"{p['density']}.score", "a lost sign or inner derivative, x + loc", density=p, x=points)
        cloud = density("smoothed_empirical", points=block(W, 3, d), sigma=SIGMAS[-d])
        yield entry("smoothed_empirical.log_prob", "no 1/N, sigma for its square", density=cloud, x=x)
        yield entry("smoothed_empirical.score", "sigma for its square, x + x_i", density=cloud, x=x)
        unit = density("standard_normal", d=d)
        yield entry("standard_normal.log_prob", "the constant of one dimension in all", density=unit, x=x)
    wide = density("GaussianMixture", weights=[0.25, 0.75], means=block([MEAN, OTHER_MEAN], 2, 2), covs=0.5625)
    yield entry("GaussianMixture.log_prob", "a float covariance read as a deviation", density=wide, x=block(X, 2, 2))
    wide = density("Gaussian", mean=MEAN[:2], cov=0.5625)
    yield entry("Gaussian.log_prob", "a float covariance read as a deviation", density=wide, x=block(X, 2, 2))
    a = density("Gamma", shape=[1, 3.5, 2.25], rate=RATE)  # 1 is no float: it must not be moved, E s^2 jumps there
    yield entry("Gamma.fisher_information", "b/(a - 2), a - 1 for a - 2, no value at a = 1", density=a)


def far_tails():
    far, text = 1e150, "exp before log, or a square that overflows: the value is finite"
    for p in (normal(2), two_bumps(2)):
        yield entry(f"{p['density']}.log_prob", text, density=p, x=[[far, 0.5], [-far, far], [40.0, -60.0]])
        yield entry(f"{p['density']}.smoothed.log_prob", text, density=p, sigma=0.625, x=[[0.25, -far]])
    one = density("Gaussian", mean=[0.0], cov=1.0)
    yield entry("Gaussian.log_prob", text, density=one, x=[[far], [-far]])
    heavy = density("StudentT", df=DF[:1], loc=LOC[:1], scale=SCALE[:1])
    yield entry("StudentT.log_prob", "log(1 + t^2) where t^2 is at the end of floating point", density=heavy, x=[[far]])
    steep = density("Laplace", loc=LOC[:1], scale=SCALE[:1])
    yield entry("Laplace.log_prob", "exp before log", density=steep, x=[[far], [-1000.0]])
    a = density("Gamma", shape=SHAPE[:1], rate=RATE[:1])
    yield entry("Gamma.log_prob", "log of a density that is 0 in floating point", density=a, x=[[2.0**-300], [4096.0]])


def expectations():
    bell = density("Gaussian", mean=[0.375], cov=[[0.5625]])
    bumps = density("GaussianMixture", weights=[0.25, 0.75], means=[[-0.875], [1.125]], covs=[[[0.5625]], [[0.25]]])
    a = density("Gamma", shape=[2.75], rate=[1.375])
    heavy = density("StudentT", df=[5.5], loc=[0.25], scale=[0.625])
    steep, centred = (density("Laplace", loc=[m], scale=[0.625]) for m in (0.25, 0.0))
    for integrand, p, text in (
        ("tanh", bell, "a rule for the mirror image of the density"),
        ("tanh", bumps, "equal weights, x + m, a deviation for a variance"),
        ("square", bumps, "weights that do not sum to 1"),
        ("log", a, "the rate as a scale: log b with the other sign"),
        ("square", a, "no dx/du in the substitution"),
        ("log1p_square", heavy, "a tail that was cut, no dx/du"),
        ("square", heavy, "a tail that was cut"),
        ("tanh", steep, "a kink of the density between the nodes, x + loc"),
        ("square", steep, "a kink of the density between the nodes, a deviation for a scale"),
        ("absolute", centred, "a kink of the integrand on that of the density, no dx/du"),
    ):
        yield entry("expect", text, integrand=integrand, density=p)
    yield entry("expect", "a covariance without its off-diagonal entries", integrand="wave", density=two_bumps(2))
    yield entry("expect", "a rule of too low a degree", integrand="fourth_power", density=normal(3), degree=4)


def model_kinds():
    for d in DIMENSIONS:
        x, text = block(X, 2, d), "a missing 1/2, bias or minus sign, x + m, weights transposed"
        for kind in FIELDS:
            yield entry(f"Model.{kind}", text, model=models(d)[kind], x=x)
        given = {"model": conditional(d), "x": x}
        yield entry("Model.noise_conditional", "no 1/sigma, sigma for log sigma", **given, sigma=SIGMAS[:2])
        yield entry("at", "the level of another row, or its square", **given, sigma=1.375)
        a = model("gamma", shape=SHAPE[:d], rate=RATE[:d])
        yield entry("Model.gamma", "the sign of (1 - a) log x, a scale for a rate", model=a, x=block(POSITIVE, 2, d))
        steep = model("laplace", loc=LOC[:d], scale=SCALE[:d])
        yield entry("Model.laplace", "x + loc, a missing scale", model=steep, x=x)
        r = denoiser(models(d)["mixture"], 0.8125)
        yield entry("Model.denoiser", "sigma for its square, - for +", model=r, x=x)
        given = {"model": log_density(models(d)["mlp_energy"], 0.4375), "x": x}
        yield entry("Model.log_density", "E for -E, log Z with the other sign", **given)
        yield entry("mixture_of", "log det P without its 1/2, the weights forgotten", density=two_bumps(d), x=x)
        given = {"model": smoothed_mixture(d), "x": x, "sigma": SIGMAS[:2]}
        yield entry("Model.smoothed_mixture", "sigma for its square, equal weights, a variance not squared", **given)
        given = {"model": diffused_mixture(list(SDES.values())[d - 1], d), "x": x, "t": [0.8125, 0.34375]}
        yield entry("Model.diffused_mixture", "means left where they are, variances not shrunk, no noise", **given)
        pair = rbms(d, 2)
        text = "no softplus, or of the other sign, W transposed, sigma for its square"
        bits, machine = block(BITS, 3, d), model("binary_rbm", **pair["BinaryRBM"])
        yield entry("Model.binary_rbm", text, model=machine, x=bits)
        machine = model("gaussian_rbm", **pair["GaussianBernoulliRBM"])
        yield entry("Model.gaussian_rbm", text, model=machine, x=x)
    fixed = model("at_level", **conditional(2), sigma=0.625)
    yield entry("Model.at_level", "log sigma without 1/sigma", model=fixed, x=block(X, 2, 2))
    yield entry("score_of", "a sign lost in the chain rule", energy=models(3)["mlp_energy"], x=block(X, 2, 3))
    field = model("mlp_score", layers=two_layers())
    yield entry("Model.mlp_score", "tanh on the last layer too, or not on the second", model=field, x=block(X, 3, 2))
    chain = model(
        "autoregressive", shift=LOC, shift_weights=FIRST, log_scale=BIAS, log_scale_weights=SECOND
    )  # with entries on and above the diagonal, which must not count
    yield entry("Model.autoregressive", "x_i among its own conditions, a variance for a deviation", model=chain, x=X)
    couplings = [
        [[block(a, 2, 3), BIAS], [[[*r, s] for r, s in zip(b, BIAS)], [0.125, -0.3125, 0.375, 0.1875]]]
        for a, b in ((FIRST, SECOND), (THIRD, FIRST), (SECOND, THIRD))
    ]
    real_nvp = model("flow", couplings=couplings)
    yield entry("Model.flow", "log det with the other sign, the wrong half kept", model=real_nvp, x=block(X, 3, 2))


def score_matching():
    for d in DIMENSIONS:
        n = 2 if d > 1 else 3
        x, v, p = block(X, n, d), block(V, n, d), two_bumps(d)
        both = [v, block(W, n, d)]
        for kind in FIELDS:
            s = models(d)[kind]
            yield entry("implicit_score_matching", "1/2 on the trace or on nothing, -trace, twice it", score=s, x=x)
            if kind in ("quadratic", "mlp_score"):
                pair = {"score": s, "data_score": p, "x": x}
                yield entry("explicit_score_matching", "no 1/2, a mean over d", **pair)
                yield entry("explicit_sliced", "the square of a mean, no 1/2", **pair, v=both if d == 2 else v)
            if kind != "mlp_energy":
                name = "hutchinson_divergence"
                yield entry(name, "v^T J v with |v|^2 taken out", field=s, x=x, v=both if d == 3 else v)
            if kind != "mixture":
                name = "sliced_score_matching"
                yield entry(name, "|s|^2 for (v.s)^2, a sum over m", score=s, x=x, v=both if d == 2 else v)
            if kind != "quadratic":
                name = "sliced_score_matching_vr"
                yield entry(name, "(v.s)^2 for |s|^2, a sum over m", score=s, x=x, v=v if d == 2 else both)
            if kind != "mlp_score":
                given = {"energy": s, "x": x, "eps": 0.375, "v": both if d == 3 else v}
                yield entry("finite_difference_sliced", "E for -E, 4 for 8, the eps^4 term left out", **given)
        a, y = model("gamma", shape=SHAPE[:d], rate=RATE[:d]), block(POSITIVE, n, d)
        for s in (a, models(d)["mlp_score"]):
            yield entry("nonnegative_score_matching", "x for x^2, x s for 2 x s", score=s, x=y)
        for kind in ("quadratic", "mixture", "mlp_energy")[: 4 - d]:
            given = {"energy": models(d)[kind], "x": block(BITS, 3, d)}
            yield entry("ratio_matching", "the sigmoid of the other sign, or without its square", **given)
    yield entry("ratio_matching", "the sigmoid of the other sign", energy=models(3)["mixture"], x=BITS)


def higher_order():
    for d in DIMENSIONS:
        n = 2 if d > 1 else 3
        x, sigma = block(X, n, d), (SIGMAS, 0.625, SIGMAS[1:])[d - 1]
        for kind in FIELDS:
            given = {"score": models(d)[kind], "x": x, "sigma": sigma}
            yield entry("regularised_score_matching", "sigma^2 for its half, the square of the trace", **given)
    text = "r_2 = s', r_2' for r_2'', the other sign, r_3 of two terms"
    for d, kind, order in ((1, "mlp_score", 1), (1, "mixture", 3), (1, "mlp_energy", 3), (2, "mixture", 2)):
        given = {"score": models(d)[kind], "x": block(X, 2, d), "order": order}
        yield entry("higher_order_score_matching", text, **given)
    given = {"score": models(3)["mlp_score"], "x": block(X, 1, 3), "order": 2}
    yield entry("higher_order_score_matching", text, **given)
    given = {"score": models(2)["mlp_score"], "x": block(X, 1, 2), "order": 2}
    yield entry("higher_order_score_matching.gradient", "r held constant", parameter=["layers", 1, 0], **given)
    for d, kind in ((1, "mixture"), (2, "mixture"), (2, "mlp_energy"), (3, "mlp_score"), (3, "quadratic")):
        text = "the sign of the Laplacian, the divergence for r, a mean over d"
        yield entry("laplacian_score_matching", text, score=models(d)[kind], x=block(X, 1 + (d < 3), d))
    text = "both exponents of one sign, odds that are not squared, no constant"
    for d, kind in ((1, "quadratic"), (2, "mlp_energy"), (3, "mixture")):
        yield entry("marginalisation_score_matching", text, energy=models(d)[kind], x=block(BITS, 3, d))
    given = {"score": models(2)["mlp_score"], "x": block(X, 2, 2), "sigma": SIGMAS[:2]}
    text = "the slopes held constant in the penalty"
    yield entry("regularised_score_matching.gradient", text, parameter=["layers", 0, 0], **given)


def denoising():
    for d in DIMENSIONS:
        x, z, sigma = block(X, 2, d), block(Z, 2, d), (0.625, SIGMAS[:2], SIGMAS[1:])[d - 1]
        given = {"x": x, "sigma": sigma, "z": z}
        for kind in FIELDS:
            s = models(d)[kind]
            if kind != "mixture":
                text = "z/sigma with the other sign, z/sigma^2, z for z/sigma, no 1/2"
                yield entry("denoising_score_matching", text, score=s, **given)
            if kind != "quadratic":
                text = "s(x + sigma z) in the control variate, its sign, d left out"
                yield entry("denoising_score_matching_cv", text, score=s, **given)
            if kind in ("mixture", "mlp_score"):
                text = "the clean point for the noisy one, a wrong power of sigma"
                yield entry("denoising_autoencoder", text, denoiser=denoiser(s, 1.375), **given)
            if kind != "mlp_energy":
                yield entry("tweedie_mean", "sigma for its square, - for +", score=s, y=x, sigma=sigma)
                yield entry("tweedie_cov", "sigma^2 for sigma^4, the Jacobian transposed", score=s, y=x, sigma=sigma)
        name = "noise_conditional_score_matching"
        yield entry(name, "- z for + z, s + z/sigma, the level of another row", score=conditional(d), **given)
        levels = {"x": [[4.0 * a for a in line] for line in block(X, 3, d)], "n": 4 + d, "smallest": 0.125}
        yield entry("geometric_noise_levels", "the diameter halved, n + 1 levels, TV for 1 - TV", **levels)
    field = {"score": models(2)["mlp_score"], "x": block(X, 3, 2), "z": block(Z, 3, 2)}
    for name in ("denoising_score_matching", "denoising_score_matching_cv"):
        yield entry(name, "an error that vanishes with sigma, times 1/sigma", **field, sigma=2.0**-7)


TIMES, EARLY = [0.8125, 0.34375], [0.171875, 0.09375]


def sdes():
    for kind, sde in (SDES | {"GivenDiffusion": model("GivenDiffusion", sigma="exp")}).items():
        given = {"sde": sde, "t": TIMES}
        yield entry(f"{kind}.diffusion", "g^2 for g, no 2, std for g, time the other way", **given)
        text = "a variance for a deviation, no 1/2 in the exponent, beta for its integral, from 0 for from s"
        yield entry(f"{kind}.kernel", text, **given, s=EARLY)
    exploding, preserving = SDES["VarianceExploding"], SDES["VariancePreserving"]
    yield entry("VarianceExploding.sigma", "linear levels, time the other way", sde=exploding, t=TIMES)
    for kind in ("VariancePreserving", "SubVariancePreserving"):
        given = {"sde": SDES[kind], "t": TIMES}
        yield entry(f"{kind}.beta", "time the other way, beta_max for the difference", **given)
        yield entry(f"{kind}.integral", "beta for its integral, no 1/2", **given, s=EARLY)
        text = "counted from 0, not over N, from late to early"
        yield entry(f"{kind}.betas", text, sde=SDES[kind], n_steps=4)
    for d, (kind, p) in enumerate(SDES.items(), 1):
        x = block(X, 2, d)
        yield entry(f"{kind}.drift", "no 1/2, the sign, the time of another row", sde=p, x=x, t=TIMES)
        yield entry(f"{kind}.marginal", "exchanged, a variance for a deviation, what is still to come", sde=p, t=TIMES)
        text = "a deviation for a variance, another end"
        yield entry(f"{kind}.prior", text, sde=p, d=d, x=x)
        text = "the scale not squared, means left where they are, no noise"
        yield entry(f"{kind}.diffused", text, sde=p, law=two_bumps(d), t=0.40625, x=x)
    text = "the other divergence, the law of the data, no entropy"
    yield entry("VariancePreserving.prior_gap", text, sde=preserving, law=two_bumps(1))


def diffusion():
    for d, sde in zip(DIMENSIONS, SDES.values()):
        given = {"sde": sde, "x": block(X, 2, d), "t": TIMES}
        betas, z = [0.0625, 0.1875, 0.40625, 0.28125], block(Z, 2, d)
        for score in (conditional(d), diffused_mixture(sde, d)):
            text = "the sign of z, a variance for a deviation, no 1/2, no weight, data that are not shrunk"
            rest = {"weight": [0.8125, 1.375], **given, "z": z}
            yield entry("diffusion_score_matching", text, score=score, **rest)
            steps = [2, 1] if score["kind"] == "noise_conditional" else [1, 0]
            if d < 3 or steps[1]:
                text = "a factor for the product, a step less, the sign of z, no 1/2, the root forgotten"
                yield entry("ddpm_loss", text, score=score, betas=betas, x=given["x"], i=steps, z=z)
            yield entry("predicted_noise", "the sign, a variance for a deviation, over std", score=score, **given)
            yield entry("denoised_point", "not stretched, the sign, std for its square", score=score, **given)
        field = conditional(d)
        yield entry("score_of_noise", "the sign, std squared, times std", noise=field, **given)
        yield entry("score_of_denoiser", "not shrunk, the sign, std for its square", denoiser=field, **given)


def gradients():
    x, z = block(X, 2, 2), block(Z, 2, 2)
    text = "a constant for what depends on the parameters, beside a right value"
    quadratic, perceptron, field = (models(2)[kind] for kind in ("quadratic", "mlp_energy", "mlp_score"))
    for parameter in (["precision"], ["mean"]):
        name = "implicit_score_matching.gradient"
        yield entry(name, text, parameter=parameter, score=quadratic, x=x)
    small = model(
        "mlp_energy", precision=0.6875, layers=[[block(FIRST, 2, 2), BIAS[:2]], [[[0.875], [-0.5625]], [0.25]]]
    )
    yield entry("implicit_score_matching.gradient", text, parameter=["layers", 0, 0], score=small, x=x[:1])
    noisy = {"x": x, "sigma": SIGMAS[:2], "z": z}
    for s, parameter in ((perceptron, ["layers", 1, 0]), (field, ["layers", 0, 0])):
        name = "denoising_score_matching_cv.gradient"
        yield entry(name, "s(x) held constant in the control variate", parameter=parameter, score=s, **noisy)
    yield entry("denoising_score_matching.gradient", text, parameter=["precision"], score=quadratic, **noisy)
    along = {"x": x, "v": [block(V, 2, 2), block(W, 2, 2)]}
    name = "sliced_score_matching.gradient"
    yield entry(name, "v^T J v held constant", parameter=["layers", 0, 1], score=field, **along)
    name = "sliced_score_matching_vr.gradient"
    yield entry(name, "v^T J v held constant", parameter=["layers", 1, 0], score=perceptron, **along)
    name = "finite_difference_sliced.gradient"
    yield entry(name, text, parameter=["layers", 0, 0], energy=perceptron, eps=0.375, **along)
    bits = {"energy": models(3)["quadratic"], "x": BITS}
    yield entry("ratio_matching.gradient", "E(x^{-i}) held constant", parameter=["precision"], **bits)
    a = {"score": model("gamma", shape=SHAPE[:2], rate=RATE[:2]), "x": block(POSITIVE, 2, 2)}
    yield entry("nonnegative_score_matching.gradient", text, parameter=["shape"], **a)


def likelihood():
    for d in DIMENSIONS:
        x, x_model = block(X, 2, d), block(W, 2, d)
        for kind in ("quadratic", "mixture", "mlp_energy"):
            given = {"energy": models(d)[kind], "x": x}
            yield entry("negative_log_likelihood", "-E or - log Z", **given, log_z=-0.6875)
            if kind != "quadratic" or d == 2:
                yield entry("contrastive_divergence", "the other sign, a sum, a factor", **given, x_model=x_model)
            if d == 1 or (d == 2 and kind != "mlp_energy"):
                text = "a lattice that is too narrow or too coarse, exp(E), no log"
                yield entry("log_partition", text, energy=given["energy"], d=d)
        bits = {"energy": model("binary_rbm", **rbms(d, 2)["BinaryRBM"]), "x": block(BITS, 2, d)}
        yield entry("contrastive_divergence", "the energy of other units", **bits, x_model=block(BITS[::-1], 2, d))
    far = [1024.0, 1020.5, 1023.125, 1018.0]
    for log_weights in ([0.375, -1.25, 0.8125, 1.4375, -0.6875], far, [-1024.0, -1020.5]):
        text = "n for n - 1 or for its root, the mean of the logs, exp before the largest is taken off"
        yield entry("estimated_log_partition", text, log_weights=log_weights)
    noise = [[block(Z, 2, 2), block(W, 2, 2)], [[0.3125, 0.84375], [0.109375, 0.40625]]]
    for kind in ("quadratic", "mixture"):
        given = {"energy": models(2)[kind], "base": normal(2), "temperatures": [0.0, 0.25, 0.625, 1.0], "scale": 0.75}
        text = "the weight after the step, a difference of the next temperatures, log base with the other sign"
        yield entry("annealed_importance_sampling", text, **given, tape=[block(X, 2, 2), *noise])
    name = "negative_log_likelihood.gradient"
    quadratic, bits = models(2)["quadratic"], model("binary_rbm", **rbms(3, 2)["BinaryRBM"])
    yield entry(name, "the sign", parameter=["precision"], energy=quadratic, log_z=1.5, x=block(X, 2, 2))
    name, held = "contrastive_divergence.gradient", {"x": BITS[:2], "x_model": BITS[1:]}
    for parameter in (["b"], ["W"]):
        yield entry(name, "positive phase alone, the sign, sums for means", parameter=parameter, energy=bits, **held)


def entropy_contrast():
    text = "the sign of the last term, or of the entropy, or neither there"
    for d, kind in ((1, "quadratic"), (2, "mixture"), (3, "mlp_energy")):
        e, q = models(d)[kind], log_density(models(d)["quadratic"], 1.3125)
        given = {"energy": e, "held_energy": e, "log_q": q, "x": block(X, 2, d), "x_model": block(W, 2, d)}
        yield entry("contrastive_divergence_with_entropy", text, **given)
    parameter, name = ["layers", 0, 0], "contrastive_divergence_with_entropy.gradient"
    yield entry(name, "the energy that is held differentiated too", parameter=parameter, **given)


def coupled():
    for d, kind in ((1, "mixture"), (2, "quadratic"), (3, "mlp_energy")):
        given = {"energy": models(d)[kind], "x": block(X, 3, d), "y": [block(Z, 1, d)[0], *block(X, 3, d)[1:]]}
        given["y"] = [[a + b / 2 for a, b in zip(*rows)] for rows in zip(block(X, 3, d), block(V, 3, d))]
        given |= {
            "scale": 0.8125,
            "z": block(Z, 3, d),
            "u_meet": [0.8125, 0.109375, 0.40625],
            "u": [0.3125, 0.71875, 0.5],
        }
        text = "the sign of the gap, no mirror, the ratio inverted, another u for the second"
        yield entry("coupled_metropolis_step", text, **given)
        chain, lagged = ([block(a, 2, d) for a in some] for some in ((X, Z, V, W, U), (W, U, X, Z)))
        text = "no lag, a sum that begins late, weights that are not cut, or all 1, or over m - k"
        for k, m in ((0, 1), (1, 3)):
            yield entry("unbiased_mean", text, function=models(d)[kind], x=chain, y=lagged, k=k, m=m)
        given = {"energy": models(d)[kind], "x": block(V, 2, d), "chain": chain, "lagged": lagged, "k": 1, "m": 2}
        yield entry("unbiased_contrastive_divergence", "X_k alone, an average from 0", **given)
    name = "unbiased_contrastive_divergence.gradient"
    yield entry(name, "the negative phase held constant", parameter=["layers", 0, 0], **given)
    given = {"x": block(X, 2, 2), "y": block(Z, 2, 2), "m": 2, "z": [block(a, 2, 2) for a in (V, W, U)]}
    text = "no lag, the first step from y, the same noise at each step, meetings counted from 0"
    yield entry("coupled_chains", text, **given, u=[[0.25, 0.25], [0.25, 0.75], [0.75, 0.25]])


def coupled_chains(x, y, m, z, u):
    """[X, Y, tau] of steps that halve and move by z, the second down, but where u is above 1/2 or they are together."""
    ahead, behind, met = [x, halved(x, z[0], 1)], [y], [0 for _ in x]
    for t in range(1, len(z)):
        after, down = halved(ahead[-1], z[t], 1), halved(behind[-1], z[t], -1)
        joined = [tau or (t + 1 if chance > 0.5 else 0) for tau, chance in zip(met, u[t])]
        behind.append([a if tau else b for a, b, tau in zip(after, down, joined)])
        ahead.append(after)
        met = joined
    return [ahead, behind, list(map(mpf, met))]


def halved(x, z, sign):
    return [[a / 2 + sign * b for a, b in zip(*pair)] for pair in zip(x, z)]


def block_means(x, size):
    """By the pixels that a pixel of the coarse image stands for, one by one."""
    fine = round(len(x[0]) ** 0.5)
    k = fine // size
    where = [[(i * k + a) * fine + j * k + b for a, b in product(range(k), repeat=2)] for i, j in places(size)]
    return [[tuple(image[p] / mpf(k) ** 2 for p in pixels) for pixels in where] for image in x]


def repeated_pixels(x, size):
    """By the pixel that stands at each place."""
    side = round(len(x[0]) ** 0.5)
    return [[(image[i * side // size * side + j * side // size],) for i, j in places(size)] for image in x]


def places(size):
    return product(range(size), repeat=2)


def numbers(images):
    return [list(map(total, image)) for image in images]


def multigrid_contrastive_divergence(energies, x, x_model):
    rows = [() for _ in x]
    for energy, samples in zip(energies, x_model):
        means = numbers(block_means(x, round(len(samples[0]) ** 0.5)))
        contrasts = by_rows("contrastive_divergence", energy=energy, x=means, x_model=samples)
        rows = [(*a, *b) for a, b in zip(rows, contrasts)]
    return rows


def multigrid_chain(x, eta, z, **given):
    """Each grid from what the coarser one came to."""
    y, grids = numbers(block_means(x, 1)), []
    for field, noise, step_size in zip(given["scores"], z, eta if isinstance(eta, list) else [eta] * len(z)):
        y = numbers(repeated_pixels(y, round(len(noise[0][0]) ** 0.5)))
        for drawn in noise:
            terms = by_rows("langevin_step", score=field, x=y, eta=step_size, z=drawn)
            y = numbers(terms)
        grids.append(terms)
    return grids


ARRAYS |= {f.__name__: f for f in (block_means, repeated_pixels, multigrid_contrastive_divergence, multigrid_chain)}


def multigrid():
    pixels = [a for array in (X, Z, V, W, FIRST, SECOND, THIRD) for line in array for a in line]

    def drawn(start, *shape):
        if not shape:
            return pixels[start % len(pixels)]
        return [drawn(start * shape[0] + 7 * i, *shape[1:]) for i in range(shape[0])]

    def network(d, start):
        return model("mlp_energy", precision=0.6875, layers=[[drawn(start, d, 1), [0.1875]], [[[0.875]], [0.25]]])

    text = "a pixel, the largest or the sum of each block, lines for columns, pixels that lie apart"
    for fine, size in ((2, 1), (4, 2), (4, 1), (4, 4)):
        yield entry("block_means", text, x=drawn(1, 2, fine**2), size=size)
    text = "the image repeated, zeros between the pixels, their light shared out, lines for columns"
    for side, size in ((1, 2), (2, 4), (2, 2)):
        yield entry("repeated_pixels", text, x=drawn(2, 2, side**2), size=size)
    for sides, n_steps in (((2,), (2,)), ((1, 2), (1, 2)), ((2, 4), (1, 1))):
        n, energies = 3 - len(sides), [network(s**2, 3 + s) for s in sides]
        x = drawn(1, n, sides[-1] ** 2)
        text = "a pixel of each block, the finest grid alone, one energy for all grids, phases exchanged"
        samples = [drawn(2 + s, n, s**2) for s in sides]
        yield entry("multigrid_contrastive_divergence", text, energies=energies, x=x, x_model=samples)
        text = "from the data on each grid, or from their means on the coarser one, half the noise, one step"
        z = [drawn(s, k, n, s**2) for s, k in zip(sides, n_steps)]
        yield entry("multigrid_chain", text, scores=energies, x=x, eta=[0.3125, 0.1875][: len(sides)], z=z)


def mean_field():
    for d, m in ((1, 2), (2, 1), (3, 2)):
        rbm, text = model("binary_rbm", **rbms(d, m)["BinaryRBM"]), "a sign, an entropy or both left out, log 2"
        yield entry("mean_field_free_energy", text, rbm=rbm, v=block(U, 2, d), h=block(U[::-1], 2, m))
        edge = [[1.0, 0.0, 0.25][:d], [0.0, 1.0, 1.0][:d]]
        yield entry("mean_field_free_energy", "log 0 for a unit that is certain", rbm=rbm, v=edge, h=block(U, 2, m))
        text = "no entropy of the visible means, stale hidden ones, samples, a step too many or too few"
        for n_steps in (1, 3):
            given = {"rbm": rbm, "x": block(BITS, 2, d), "n_steps": n_steps}
            yield entry("mean_field_contrastive_divergence", text, **given)
    text, name = "means that are not held, a phase that is", "mean_field_contrastive_divergence.gradient"
    for parameter in (["W"], ["b"], ["c"]):
        yield entry(name, text, parameter=parameter, **given | {"n_steps": 1})


def machines():
    for d, m in ((1, 2), (2, 3), (3, 2), (3, 1)):
        for name, given in rbms(d, m).items():
            binary = name == "BinaryRBM"
            p, v, h = density(name, **given), block(BITS if binary else X, 2, d), block(BITS[::-1], 2, m)
            yield entry(
                f"{name}.energy", "a sign, W transposed, sigma for its square, a missing 1/2", density=p, v=v, h=h
            )
            yield entry(f"{name}.free_energy", "softplus without its 1, or of the other layer", density=p, v=v)
            yield entry(f"{name}.hidden_mean", "the sign, tanh for the sigmoid, a power of sigma", density=p, v=v)
            yield entry(f"{name}.visible_mean", "the hidden bias, W transposed, a power of sigma", density=p, h=h)
            if binary or d * m < 4:  # integrals take long
                yield entry(f"{name}.log_partition", "one layer alone, units of -1 and 1, no 2 pi sigma^2", density=p)
            machine = model("binary_rbm" if binary else "gaussian_rbm", **given)
            u_h, noise = block(U, 2, m), block(U[::-1] if binary else Z, 2, d)
            text = "the visible units first, u above the probability, the mean for a draw, sigma for its square"
            yield entry("gibbs_step", text, rbm=machine, v=v, u_h=u_h, u_v=noise)


def log_density(inner, log_z):
    return model("log_density", **inner, log_z=log_z)


def noise_contrastive_estimation():
    for d in DIMENSIONS:
        kind = ("mixture", "mlp_energy", "quadratic")[d - 1]
        x, y = block(X, 2, d), [block(a, 2, d) for a in (W, Z, V)[: 4 - d]]
        noise = log_density(model("quadratic", mean=OTHER_MEAN[:d], precision=block(OTHER_MATRIX, d, d)), 1.4375)
        pair = {"log_model": log_density(models(d)[kind], -0.6875), "log_noise": noise}
        text = "log nu left out or twice, the other sign of a term, a mean of the noise points, no noise density"
        yield entry("noise_contrastive", text, **pair, x=x, y=y)
        for generator in PSI:
            text = "another generator, derivative and conjugate exchanged, log nu left out"
            yield entry("bregman_noise_contrastive", text, **pair, generator=generator, x=x, y=y)
        text = "the sign of the log-ratio, no 2, data and noise exchanged, a sum of the noise points"
        energy, log_ratio = models(d)[kind], block([[0.375, -1.25], [0.8125, -0.4375], [-0.6875, 1.125]], len(y), 2)
        yield entry("conditional_noise_contrastive", text, energy=energy, x=x, y=y, log_ratio=log_ratio)
        yield entry("conditional_noise_contrastive", text, energy=energy, x=x, y=y)
        logit = log_density(models(d)["mlp_energy"], 0.25)
        yield entry("gan_discriminator_loss", "the generator's loss, labels exchanged", logit=logit, x=x, y=y[0])
        given = {"log_noise": noise, "log_proposal": pair["log_model"], "weight": 0.3125}
        yield entry("mixed_noise", "the other one's weight, a mean of logarithms", **given, x=x)
    far = {"log_model": log_density(models(1)["quadratic"], 1000.0), "log_noise": noise_far()}
    text = "exp before log, where a ratio is exp(1000)"
    yield entry("noise_contrastive", text, **far, x=[[64.0], [-0.5]], y=[[[0.25], [-48.0]]])
    name, text = "noise_contrastive.gradient", "log Z held constant, the sign of log Z, the noise's energy held"
    quadratic = log_density(models(2)["quadratic"], -0.6875)
    given = {"log_noise": log_density(models(2)["mixture"], 1.4375), "x": block(X, 2, 2), "y": [block(W, 2, 2)] * 2}
    for parameter in (["log_z"], ["parameters", "precision"]):
        yield entry(name, text, parameter=parameter, log_model=quadratic, **given)


def noise_far():
    return log_density(model("quadratic", mean=[0.0], precision=[[0.75]]), 0.5)


def adversarial():
    for d in DIMENSIONS:
        x, y, kind = block(X, 2, d), block(W, 2, d), ("mlp_energy", "mixture", "quadratic")[d - 1]
        log_q = log_density(model("quadratic", mean=OTHER_MEAN[:d], precision=block(OTHER_MATRIX, d, d)), 1.4375)
        text = "the sign of the entropy, no entropy, the density for its logarithm, data and samples exchanged"
        yield entry("variational_bound", text, energy=models(d)[kind], log_q=log_q, x=x, y=y)
        phi = [block(FIRST, d, 2), BIAS[:d]]
        for score_q in (models(d)["mlp_score"], models(d)["mixture"]):
            text = "the sign, a score that is not held, a sum over the rows, A transposed"
            yield entry("entropy_gradient", text, score_q=score_q, sampler="affine", phi=phi, eps=block(Z, 3, 2))
        text = "the sign of the entropy, a score that is not held, no derivative of the entropy"
        given = {"log_joint": log_density(models(d)[kind], 0.4375), "score_q": models(d)["mlp_score"]}
        yield entry("implicit_negative_elbo", text, **given, z=y)
    for d, k in ((1, 1), (3, 2), (2, 3)):
        p = density("LinearGaussianVAE", weights=block(FIRST, d, k), bias=BIAS[:d], deviation=0.6875)
        x, z = block(X, 2, d), block(Z, 2, k)
        yield entry(
            "LinearGaussianVAE.log_joint", "a variance for a deviation, no constant, W transposed", density=p, x=x, z=z
        )
        yield entry("LinearGaussianVAE.marginal", "a deviation for a variance, no bias, independent", density=p, x=x)
        yield entry("LinearGaussianVAE.posterior_mean", "not shrunk, no bias, another power of s", density=p, x=x)
        given = {"density": p, "x": x, "mean": z, "cov": block(OTHER_MATRIX, k, k)}
        yield entry("LinearGaussianVAE.gap", "the reverse divergence, no k, the sign of log det, no 1/2", **given)
    for d, layers in ((2, 3), (3, 2)):
        p = density("RealNVP", couplings=some_couplings(d)[:layers])
        yield entry("RealNVP.log_prob", "log det left out, or with the other sign", density=p, x=block(X, 2, d))
        yield entry(
            "RealNVP.inverse", "the shift after the scale, couplings the other way", density=p, x=block(X, 2, d)
        )
        yield entry(
            "RealNVP.sample", "the shift before the scale, couplings the other way", density=p, z=block(Z, 2, d)
        )


def some_couplings(d):
    outputs = [0.125, -0.3125, 0.375, 0.1875, 0.0625, -0.25][: 2 * d]
    return [
        [[block(a, d, 3), BIAS], [[[*r, *s][: 2 * d] for r, s in zip(b, a)], outputs]]
        for a, b in ((FIRST, SECOND), (THIRD, FIRST), (SECOND, THIRD))
    ]


def discrepancies():
    for d in DIMENSIONS:
        x, field = block(X, 3 if d == 1 else 2, d), models(d)["mlp_score"]
        for kind in ("mixture", "mlp_score")[: 1 + (d > 1)]:
            s = models(d)[kind]
            text = "the sign of the divergence, that of the score, over d"
            yield entry("stein_discrepancy", text, score=s, field=field, x=x)
            for unbiased in (True, False):
                text = "the bandwidth for its square, a term left out, the diagonal, n^2 for n (n - 1)"
                yield entry("kernel_stein", text, score=s, x=x, bandwidth=1.375, unbiased=unbiased)
            yield entry("minimum_velocity", "no 2, the sign of the divergence, 1/2 of the square", score=s, x=x)
        for kind in ("quadratic", "mlp_energy"):
            given = {"energy": models(d)[kind], "x": block(BITS, 2, d)}
            yield entry("minimum_probability_flow", "no 1/2, the other sign, another bit", **given)
            given = {"energy": models(d)[kind], "x": x, "eps": 0.375, "z": block(Z, len(x), d)}
            yield entry("minimum_probability_flow_continuous", "no 1/2, the other sign, eps squared", **given)


def samplers():
    for d in DIMENSIONS:
        n = 2 if d == 3 else 3
        x, z, p, u = block(X, n, d), block(Z, n, d), block(W, n, d), [0.8125, 0.40625, 0.109375][:n]
        for kind in ("quadratic", "mixture", "mlp_energy"):
            given = {"energy": models(d)[kind], "x": x}
            text = "the ratio inverted, an energy for its difference, p(x')/(p(x) + p(x')), u above"
            if kind != "mixture" or d == 2:
                yield entry("metropolis_step", text, **given, scale=1.375, z=z, u=u)
            text = "no correction, that of the mean at x twice, eta for 2 eta, sqrt(eta), the stale gradient"
            if kind != "quadratic" or d == 2:
                yield entry("mala_step", text, **given, eta=0.8125, z=z, u=u)
            text = "no kinetic energy, |dH|, a half step missing, the momentum of the start"
            if kind != "mlp_energy" or d == 3:
                yield entry("hmc_step", text, **given, eps=0.8125, n_steps=2, p=p, u=u)
        for kind in FIELDS[d - 1 :]:
            field = {"score": models(d)[kind], "x": x}
            yield entry("langevin_step", "sqrt(eta), eta/2, the sign of the score", **field, eta=0.3125, z=z)
            text = "a half step missing or too many, the end of one kick for another, eps squared"
            yield entry("leapfrog", text, **field, p=p, eps=0.375, n_steps=1 + d)
        for field in (conditional(d), smoothed_mixture(d)):
            tape = [[block(Z, 2, d)], [block(W, 2, d)]] if d != 2 else [[block(a, 2, d)] for a in (Z, W, V)]
            sigmas = [1.375, 0.8125, 0.3125][: len(tape)]
            text = "sigma for its square, sigma_1 for sigma_L, small levels first, alpha/2 for eta, sqrt(eta)"
            given = {"score": field, "x": block(X, 2, d), "sigmas": sigmas, "eps": 0.0625}
            yield entry("annealed_langevin", text, **given, z=tape)
    for power in (0.5, 1, 0.3125):
        text = "the power of t for that of 1 + t, the first step left out, a step too many"
        yield entry("decaying_steps", text, first=0.375, power=power, n_steps=5)
    chain = {
        "score": models(2)["mixture"],
        "x": block(X, 3, 2),
        "eta": 0.1875,
        "tape": [block(a, 3, 2) for a in (Z, W, V)],
    }
    yield entry("run", "the tape from its end, one step twice", **chain)
    past = {"points": [*X, *W, *V], "capacity": 7, "fresh": Z, "fraction": 0.375}
    text = "the fraction that is kept for the one that starts anew, the oldest points kept, rounding for the floor"
    yield entry("ReplayBuffer.start", text, **past, u=[[0.40625, 0.984375], [0.3125, 0.5], [0.8125, 0.109375]])


def diagnostics():
    walk = [X[0], X[1], Z[0], V[1], W[1], Z[2], W[2], V[0], Z[1]]
    for d, n, length in ((1, 1, 9), (2, 1, 8), (1, 3, 9), (2, 2, 6)):
        x = [[[walk[(t + 2 * i) % 9][j] + 0.5 * i for j in range(d)] for i in range(n)] for t in range(length)]
        text = "1/(T - t) for 1/T, the mean of all chains for that of each, a lag too few"
        yield entry("autocovariance", text, x=x, n_lags=length // 2)
        yield entry("autocorrelation", text, x=x, n_lags=2)
        text = "no cut where pairs turn negative, not made monotone, lags for pairs, chains that disagree passed over"
        yield entry("effective_sample_size", text, x=x)
        smooth = [[[(a + b) / 2 for a, b in zip(*pair)] for pair in zip(*states)] for states in pairwise(x)]
        yield entry("effective_sample_size", text, x=smooth)
        yield entry("split_r_hat", "chains that are not split, n for n - 1, the odd state kept, no root", x=x)


def reverse_diffusion():
    for d, sde in zip(DIMENSIONS, SDES.values()):
        x, z, t = block(X, 2, d), block(Z, 2, d), [[0.3125, 0.6875], 0.4375, [0.9375, 0.125]][d - 1]
        given = {"sde": sde, "x": x, "t": t}
        text = "dt for sqrt(dt), sqrt(2 dt), g squared, the drift's 1/2 or its sign"
        yield entry("euler_maruyama_step", text, **given, dt=0.1875, z=z)
        for field in (diffused_mixture(sde, d), conditional(d))[: 1 + (d == 2)]:
            text = "the sign of the drift or of the score, g for its square, half of it, dt for sqrt(dt)"
            yield entry("reverse_sde_step", text, score=field, **given, dt=0.1875, z=z)
            text = "no 1/2, its square, g for its square, the sign of the score"
            yield entry("probability_flow_velocity", text, score=field, **given)
        field = conditional(d) if d == 2 else diffused_mixture(sde, d)
        given = {"score": field, "sde": sde, "x": block(X, 1, d), "times": [0.8125, 0.5, 0.1875][: 2 + (d > 1)]}
        text = "the time left for the time arrived at, another eta, the noise of the step again"
        etas, noise = [0.1875, 0.3125], [[block(a, 1, d) for a in pair] for pair in ((Z, W), (V, X))]
        yield entry("predictor_corrector", text, **given, eta=etas[: 1 + (d > 1)], z=noise[: 1 + (d > 1)])
        text = "Euler's step, no 1/2, from t1 to t0, a solver's tolerance of its own"
        path = {"t0": 0.1875, "t1": 0.75} if d != 2 else {"t0": 1.0, "t1": 0.0625}
        given = {"score": diffused_mixture(sde, d, 1 + (d == 1)), "sde": sde, "x": x, **path}
        given |= {"rtol": 1e-12, "atol": 1e-12}
        yield entry("probability_flow", text, **given)
        text = "the sign of the divergence, the prior at the start, another prior"
        yield entry("probability_flow_log_prob", text, **given)
    text = "the divergence for its estimate, projections made unit"
    yield entry("probability_flow_log_prob", text, **given, v=block(V, 2, 3))
    betas, text = [0.125, 0.4375, 0.3125, 0.25], "sqrt(1 - beta) for x alone, alpha for its product, beta for sigma"
    for d, i, posterior in ((1, [2, 1], True), (2, [3, 2], False), (2, [1, 3], True)):
        given = {"score": conditional(d), "betas": betas, "x": block(X, 2, d), "i": i, "z": block(Z, 2, d)}
        yield entry("ddpm_step", text, **given, posterior=posterior)
    given = {"score": diffused_mixture(SDES["VariancePreserving"], 2), "betas": betas, "x": X[:1], "i": 0, "z": Z[:1]}
    given |= {"x": block(X, 1, 2), "z": block(Z, 1, 2)}
    yield entry("ddpm_step", "noise in the last step, whose variance is zero", **given, posterior=True)


def flows():
    for d, sde in zip(DIMENSIONS, SDES.values()):
        given, z = {"x": block(X, 2, d), "t": TIMES}, block(Z, 2, d)
        for field in (conditional(d), diffused_mixture(sde, d)):
            text = "the sign of the target, time the other way, no 1/2, data that are not shrunk, roots of t"
            yield entry("flow_matching", text, velocity=field, x=given["x"], z=z, t=TIMES)
        yield entry("flow_velocity", "the sign, t squared, no t, over t", score=field, **given)
        yield entry("score_of_flow", "the sign, the velocity whole, over t squared", velocity=field, **given)
    text = "a constant for what depends on the parameters, beside a right value"
    given = {"velocity": conditional(2), "x": block(X, 2, 2), "z": block(Z, 2, 2), "t": TIMES}
    yield entry("flow_matching.gradient", text, parameter=["layers", 0, 1], **given)
    betas, text = [0.125, 0.4375, 0.3125, 0.25], "alpha for its product, the noise not taken off, eta for its square"
    for d, i, eta in ((1, [2, 1], 0.375), (2, [3, 2], 0.0), (2, [1, 3], 1.0), (3, [1, 2], 0.75)):
        given = {"score": conditional(d), "betas": betas, "x": block(X, 2, d), "i": i, "z": block(Z, 2, d)}
        yield entry("ddim_step", text, **given, eta=eta)
    given = {"score": diffused_mixture(SDES["VariancePreserving"], 2), "betas": betas, "i": 0, "eta": 0.625}
    yield entry("ddim_step", "noise in the last step", **given, x=block(X, 1, 2), z=block(Z, 1, 2))


def parametrisations():
    scale, std = [0.8125, 0.34375], [0.4375, 1.25]
    for d, kind in ((1, "mlp_score"), (2, "mlp_score"), (3, "mixture")):
        given = {"x": block(X, 2, d), "scale": scale, "std": std}
        s = models(d)[kind]
        yield entry("noise_from_score", "the sign, a variance for a deviation, over std", score=s, **given)
        yield entry("clean_point_from_score", "not stretched, the sign, std for its square", score=s, **given)
        yield entry("velocity_from_score", "m and std exchanged, m^2 + std^2 as if it were 1", score=s, **given)
        field = models(d)["mlp_score"]
        yield entry("score_from_noise", "the sign, std squared, times std", noise=field, **given)
        yield entry("score_from_clean_point", "not shrunk, the sign, std for its square", denoiser=field, **given)
        yield entry("score_from_velocity", "m and std exchanged, not over m^2 + std^2", velocity=field, **given)
    betas = [0.125, 0.4375, 0.3125, 0.25]
    yield entry("marginal_of_steps", "alpha for its product, no root, one step back", betas=betas, i=[0, 2, 3])


def karras():
    for d in DIMENSIONS:
        given = {"x": block(X, 2, d), "sigma": SIGMAS[:2], "data_std": 0.6875}
        for field in (conditional(d), smoothed_mixture(d)):
            text = "no weight, its square or its root, the noisy point for the clean one, no 1/2"
            yield entry("karras_denoising", text, denoiser=field, **given, z=block(Z, 2, d))
            text = "Euler's step, no 1/2, the second slope at the first level"
            ends = {"sigma": 1.375, "next_sigma": 0.4375 if d > 1 else 0.0}
            yield entry("karras_heun_step", text, denoiser=field, x=given["x"], **ends)
        given |= {"sigma": [2.25, 3.5]}
        yield entry("karras_preconditioned", "c_skip for 1 - c_skip, no root, no 1/4", network=field, **given)
    for power in (7.0, 1.5):
        given = {"n": 5, "smallest": 0.03125, "largest": 2.75, "power": power}
        yield entry("karras_noise_levels", "over n, the power for its inverse, from small to large", **given)
    text = "a constant for what depends on the parameters, beside a right value"
    given = {"denoiser": conditional(2), "x": block(X, 2, 2), "sigma": SIGMAS[:2], "z": block(Z, 2, 2)}
    yield entry("karras_denoising.gradient", text, parameter=["layers", 0, 1], **given, data_std=0.6875)


def schedules():
    for n_steps, offset, most in ((1, 0.0078125, 0.9990234375), (4, 0.03125, 0.96875), (9, 0.25, 0.75)):
        text = "the cosine not squared, no offset, not cut, what is kept for what is lost"
        yield entry("cosine_betas", text, n_steps=n_steps, offset=offset, most=most)
    for ratio, d in ((1.125, 3), (1.25, 64), (1.0625, 3072)):
        yield entry("level_coverage", "d for its root, deviations of the other level", ratio=ratio, d=d)
    for d, coverage in ((8, 0.5), (784, 0.5), (3072, 0.875)):
        yield entry("level_ratio", "the complement, no 2 beside d", d=d, coverage=coverage)
    for ratio, n_steps in ((1.25, 1), (1.0625, 5), (2.5, 12)):
        text = "half the noise, half the steps, the ratio for its square"
        yield entry("annealed_variance", text, ratio=ratio, eta=0.1875, n_steps=n_steps)
        yield entry("annealed_step", "half the steps, its own error left out", ratio=ratio, n_steps=n_steps)
    for momentum in (0.9990234375, 0.25):
        given = {"average": block(X, 1, 3)[0], "parameters": block(Z, 1, 3)[0], "momentum": momentum}
        yield entry("moving_average", "weights exchanged, not normalised", **given)


def classifiers():
    for d in (2, 3):
        for logits in (models(d)["mlp_score"], model("mlp_score", layers=[[block(FIRST, d, 2), [3.5, -1.25]]])):
            if len(logits["parameters"]["layers"]) > 1 or d == 2:
                given = {"logits": logits, "x": block(X, 3, d)}
                yield entry("classifier_energy", "the mean over classes, the largest, the sign", **given)
                yield entry("class_log_probabilities", "no log, over the points, not normalised", **given)
    for d in DIMENSIONS:
        for kind in ("quadratic", "mlp_energy"):
            given = {"energy": models(d)[kind], "x": block(BITS, 3, d)}
            yield entry("pseudo_likelihood", "the other bit, no log, twice the difference", **given)
    bits = {"energy": model("binary_rbm", **rbms(3, 2)["BinaryRBM"]), "x": BITS[:2]}
    yield entry("pseudo_likelihood", "the energy of the units, not of the visible ones", **bits)
    text = "E(x^{-i}) held constant"
    yield entry("pseudo_likelihood.gradient", text, parameter=["W"], **bits)


BUILDERS = (
    calculus,
    densities,
    far_tails,
    expectations,
    model_kinds,
    score_matching,
    higher_order,
    denoising,
    sdes,
    diffusion,
    gradients,
    likelihood,
    noise_contrastive_estimation,
    adversarial,
    discrepancies,
    machines,
    mean_field,
    entropy_contrast,
    coupled,
    multigrid,
    samplers,
    reverse_diffusion,
    diagnostics,
    flows,
    parametrisations,
    karras,
    schedules,
    classifiers,
)


def text_of(builder):
    """One entry a line, so that a difference is a line too."""
    with mp.workdps(DIGITS):
        lines = [json.dumps(row, sort_keys=True) for row in builder()]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def write(path, text):
    """The whole file or nothing."""
    temporary = path.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def difference(path, text):
    """What would change in a committed table, at most twenty lines of it, cut short."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = difflib.unified_diff(old.splitlines(), text.splitlines(), str(path), "regenerated", n=0, lineterm="")
    return [line[:300] for line in lines][:20]


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description="50-digit tables for the tests")
    parser.add_argument("--check", action="store_true", help="compare with the committed tables, write nothing")
    check = parser.parse_args().check
    changed = []
    for builder in BUILDERS:
        path, text = TABLES / f"{builder.__name__}.json", text_of(builder)
        changed += difference(path, text) if check else []
        if not check:
            TABLES.mkdir(exist_ok=True)
            write(path, text)
    strangers = {p.name for p in TABLES.glob("*")} - {f"{builder.__name__}.json" for builder in BUILDERS}
    changed += [f"tests/tables/{name} is written by no table of the oracle" for name in sorted(strangers)]
    print("\n".join(changed) or f"{len(BUILDERS)} tables are as the oracle writes them")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
