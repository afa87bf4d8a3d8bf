r"""Theorems about densities, their smoothing and posteriors, and the expectations that other theorems rest on."""

import numpy as np
import scipy

from refebm.calculus import jacobian, score_of
from refebm.identities import Draw, Sampled, Sides, expect, theorem
from refebm.identities.notation import ones, outer, products
from refebm.truth import densities as truth
from refebm.truth.derivatives import network_derivatives

NORMAL = "Stanford CS236, score function"
GAMMA = "HY-673 lecture 12, score function"
IN_THE_PLANE = "Gaussian GaussianMixture Gamma StudentT"  # a lattice for Laplace is too large there
HEAVY = "Gelman et al. 2013, appendix A; Hyvarinen 2005, regularity conditions"


def a_gaussian(draw: Draw, d: int):
    return draw.reals((d,), -1.5, 1.5), draw.covariance(d)


def a_mixture(draw: Draw, d: int):
    p = draw.mixture(d)
    return p.weights, p.means, p.covs


def a_gamma(draw: Draw, d: int, low: float = 0.5):
    return draw.reals((d,), low, 6.0), draw.reals((d,), 0.5, 2.0)


def a_student(draw: Draw, d: int, low: float = 1.0):
    return draw.reals((d,), low, 12.0), draw.reals((d,), -1.5, 1.5), draw.reals((d,), 0.5, 2.0)


def a_laplace(draw: Draw, d: int):
    return draw.reals((d,), -1.5, 1.5), draw.reals((d,), 0.5, 2.0)


ARGUMENTS = {
    "Gaussian": a_gaussian,
    "GaussianMixture": a_mixture,
    "Gamma": a_gamma,
    "StudentT": a_student,
    "Laplace": a_laplace,
}
SOURCES = {
    "Gaussian": NORMAL,
    "GaussianMixture": "Stanford CS236, pitfall 3",
    "Gamma": GAMMA,
    "StudentT": HEAVY,
    "Laplace": HEAVY,
}


def for_each(
    names: str,
    kind: str,
    about: str,
    statement: str,
    latex: str,
    case,
    *,
    plane="",
    given=None,
    outside=None,
    **options,
):
    """Register one theorem per density and name it after the density, so that failures are told apart.

    given: a condition to add to the statement, by density.
    """

    def register(sides):
        for name in names.split():
            lower = {"GaussianMixture": "mixture", "StudentT": "student"}.get(name, name.lower())

            def about_one(impl, *, arguments, name=name, **rest):
                return sides(getattr(impl, name)(*arguments), arguments=arguments, name=name, **rest)

            about_one.__name__ = f"{lower}_{sides.__name__}"
            about_one.__module__ = sides.__module__
            about_one.__doc__ = f"{name}: {statement}{(given or {}).get(name, '')}.\n\n{latex}"
            about_one.__wrapped__ = sides  # the text that pages show as the proof
            theorem(
                SOURCES[name],
                kind=kind,
                about=" ".join(f"{name}.{method}" for method in about.split()),
                case=lambda draw, name=name: case(draw, name),
                mixtures=name == "GaussianMixture",
                plane=name in plane.split(),
                outside=(outside or {}).get(name, {}),
                **options,
            )(about_one)
        return sides

    return register


def lattice_case(draw: Draw, name: str, most: int = 2, **options) -> dict:
    """Parameters of a density that integrates well in one or two dimensions."""
    d = draw.dimension(1 if name == "Laplace" else most)
    if name == "StudentT" and d > 1:  # two Cauchy-like tails need more nodes than are allowed
        options["low"] = max(1.5, options.get("low", 1.5))
    return {"arguments": ARGUMENTS[name](draw, d, **options)}


def point_case(draw: Draw, name: str) -> dict:
    """A density in up to 5 dimensions and three points of its bulk and tails."""
    d = draw.dimension(5)
    arguments = ARGUMENTS[name](draw, d)
    if name in ("Gaussian", "GaussianMixture"):
        mixture = arguments if name == "GaussianMixture" else ([1.0], *(part[None] for part in arguments))
        return {"arguments": arguments, "x": draw.points(truth.GaussianMixture(*mixture), 3)}
    low, high = (0.1, 8.0) if name == "Gamma" else (-8.0, 8.0)
    return {"arguments": arguments, "x": draw.reals((3, d), low, high)}


def with_moments(draw: Draw, name: str) -> dict:
    return lattice_case(draw, name, **({"low": 4.5} if name == "StudentT" else {}))


def with_mean_score(draw: Draw, name: str, most: int = 2) -> dict:
    return lattice_case(draw, name, most, **({"low": 1.5} if name == "Gamma" else {}))


def with_information(draw: Draw, name: str) -> dict:
    """A density whose Fisher information exists. The squared score of a Gamma with a shape near 2 is too singular at 0
    for a lattice in the plane.
    """
    d = draw.dimension()
    return {"arguments": ARGUMENTS[name](draw, d, **({"low": 2.0 + 0.5 * d} if name == "Gamma" else {}))}


@for_each(
    "Gaussian GaussianMixture Gamma StudentT Laplace",
    "pointwise",
    "score log_prob",
    "the closed-form score is the gradient of log_prob",
    r"s(x) = \nabla_x \log p(x)",
    point_case,
)
def score_is_the_gradient(p, x, name, arguments):
    formula = [products(getattr(truth, name)(*arguments), x)] if name in ("Gaussian", "GaussianMixture") else []
    return Sides([p.score(x)], [score_of(lambda x: -p.log_prob(x))(x)], formula=formula)


@for_each(
    "Gaussian GaussianMixture Gamma StudentT Laplace",
    "quadrature",
    "log_prob",
    "the density integrates to one",
    r"\mathbb E[1] = 1",
    lattice_case,
    plane=IN_THE_PLANE,
)
def integrates_to_one(p, name, arguments):
    terms, change = expect([ones], p)
    return Sides(terms, [1.0], change)


def closed_moments(name, arguments):
    """Mean and covariance, from the parameters."""
    if name == "Gaussian":
        return arguments
    if name == "GaussianMixture":
        weights, means, covs = arguments
        mean = weights @ means
        return mean, np.einsum("k,kij->ij", weights, covs + outer(means - mean, means - mean))
    if name == "Gamma":
        shape, rate = arguments
        return shape / rate, np.diag(shape / rate**2)
    if name == "StudentT":
        df, loc, scale = arguments
        return loc, np.diag(scale**2 * df / (df - 2))
    loc, scale = arguments
    return loc, np.diag(2 * scale**2)


@for_each(
    "Gaussian GaussianMixture Gamma StudentT Laplace",
    "quadrature",
    "log_prob",
    "first and second moments are those that the parameters give",
    r"\mathbb E[X X^\top] = \operatorname{Cov} X + \mathbb E[X] \mathbb E[X]^\top",
    with_moments,
    cancels="a moment may be zero",
    plane=IN_THE_PLANE,
)
def second_moment(p, name, arguments):
    mean, cov = closed_moments(name, arguments)

    def augmented(x):
        return np.column_stack([np.ones(len(x)), x])

    right = np.block([[np.ones((1, 1)), mean[None]], [mean[:, None], cov + np.outer(mean, mean)]])
    terms, change = expect([lambda x: outer(augmented(x), augmented(x))], p)
    return Sides(terms, [right[None]], change)


@for_each(
    "Gaussian GaussianMixture Gamma StudentT Laplace",
    "quadrature",
    "score log_prob",
    "the mean of the score is zero",
    r"\mathbb E_p[s] = 0",
    with_mean_score,
    given={"Gamma": ", for shape > 1"},
    plane=IN_THE_PLANE,
    cancels="the right side is zero",
    outside={"Gamma": {"shape 1": lambda: {"arguments": (np.array([1.0]), np.array([1.5]))}}},
)
def mean_score_is_zero(p, name, arguments):
    terms, change = expect([p.score], p)
    return Sides(terms, [0.0], change)


@for_each(
    "Gaussian GaussianMixture Gamma StudentT",
    "quadrature",
    "score log_prob",
    "the covariance of the score is the mean of minus its Jacobian",
    r"\mathbb E[s s^\top] = -\mathbb E[\nabla s]",
    with_information,
    given={"Gamma": ", for shape > 2"},
    plane=IN_THE_PLANE,
    cancels="entries off the diagonal may be zero",
)
def fisher_information(p, name, arguments):
    terms, change = expect([lambda x: outer(p.score(x), p.score(x)), lambda x: -jacobian(p.score, x)], p)
    return Sides(terms[:1], terms[1:], change)


@theorem(
    GAMMA,
    "quadrature",
    lambda draw: with_information(draw, "Gamma"),
    about="Gamma.score Gamma.log_prob Gamma.fisher_information",
    plane=True,
    outside={
        "shape 2": lambda: {"arguments": (np.array([2.0]), np.array([1.0]))},
        "shape 1.5": lambda: {"arguments": (np.array([1.5]), np.array([1.0]))},
        "shape 0.5": lambda: {"arguments": (np.array([0.5]), np.array([1.0]))},
    },
)
def gamma_fisher_information_is_closed(impl, arguments):
    r"""The Fisher information of a Gamma density is rate^2/(shape - 2) in each coordinate, for shape > 2.

    \mathbb E[s_i^2] = \beta_i^2/(\alpha_i - 2)"""
    p = impl.Gamma(*arguments)
    terms, change = expect([lambda x: p.score(x) ** 2], p)
    return Sides(terms, [p.fisher_information()[None]], change)


def field_of(layers, x):
    """The values of a perceptron g and its divergence, both by hand."""
    value, first, _ = network_derivatives(layers, x)
    return value, np.einsum("nii->n", first)


def stein_case(draw: Draw, name: str) -> dict:
    """Gamma and Student's t are kept on the line: a network in the plane would need too large a lattice."""
    case = with_mean_score(draw, name, 1 if name in ("Gamma", "StudentT") else 2)
    d = np.shape(case["arguments"][1])[-1]
    return case | {"layers": draw.layers(d, d)}


@for_each(
    "Gaussian GaussianMixture Gamma StudentT Laplace",
    "quadrature",
    "score log_prob",
    "Stein's identity holds for a smooth bounded field g",
    r"\mathbb E_p[s \cdot g + \operatorname{div} g] = 0",
    stein_case,
    given={"Gamma": ", and shape > 1"},
    plane="Gaussian GaussianMixture",
    cancels="the right side is zero",
    outside={
        "Gamma": {
            "shape 1": lambda: {
                "arguments": (np.array([1.0]), np.array([1.5])),
                "layers": ((np.ones((1, 1)), np.ones(1)), (np.ones((1, 1)), np.ones(1))),
            }
        }
    },
)
def obeys_steins_identity(p, layers, **_):
    terms, change = expect(
        [lambda x: np.sum(p.score(x) * field_of(layers, x)[0], axis=1), lambda x: field_of(layers, x)[1]], p
    )
    return Sides(terms, [0.0], change)


def noisy_point(draw: Draw, name: str) -> dict:
    """Parameters, a noise level and a noisy point within a few deviations."""
    d = draw.dimension()
    arguments = ARGUMENTS[name](draw, d)
    return {"arguments": arguments, "sigma": draw.noise_level(), "y": draw.reals((1, d), -2.5, 2.5)}


def under_noise(p, y, sigma, function):
    """E_z[function(y - sigma z) p(y - sigma z)]: integrals over the clean point, up to the density of y."""
    return lambda z: (function(y - sigma * z).T * np.exp(p.log_prob(y - sigma * z))).T


@for_each(
    "Gaussian GaussianMixture",
    "quadrature",
    "smoothed",
    "the smoothed density is the convolution with N(0, sigma^2 I)",
    r"p^\sigma(y) = \mathbb E_z[p(y - \sigma z)]",
    noisy_point,
    plane=IN_THE_PLANE,
)
def smoothed_is_the_convolution(p, name, arguments, sigma, y):
    exact = getattr(truth, name)(*arguments)
    terms, change = expect([under_noise(exact, y, sigma, ones)], truth.standard_normal(y.shape[1]))
    return Sides(terms, [np.exp(p.smoothed(sigma).log_prob(y))[0]], change)


@for_each(
    "Gaussian GaussianMixture",
    "quadrature",
    "posterior_mean",
    "the posterior mean of the clean point is that of Bayes' rule",
    r"\mathbb E[X \mid Y = y]\, p^\sigma(y) = \mathbb E_z[x\, p(x)],\ x = y - \sigma z",
    noisy_point,
    plane=IN_THE_PLANE,
)
def posterior_mean_by_bayes(p, name, arguments, sigma, y):
    exact, mean = getattr(truth, name)(*arguments), p.posterior_mean(y, sigma)
    terms, change = expect(
        [under_noise(exact, y, sigma, lambda x: x), under_noise(exact, y, sigma, lambda x: mean * ones(x)[:, None])],
        truth.standard_normal(y.shape[1]),
    )
    return Sides(terms[:1], terms[1:], change)


@for_each(
    "Gaussian GaussianMixture",
    "quadrature",
    "posterior_cov",
    "the posterior covariance of the clean point is that of Bayes' rule",
    r"\operatorname{Cov}[X \mid Y = y]\, p^\sigma(y) = \mathbb E_z[(x - m)(x - m)^\top p(x)],\ m = \mathbb E[X \mid y]",
    noisy_point,
    plane=IN_THE_PLANE,
)
def posterior_cov_by_bayes(p, name, arguments, sigma, y):
    exact = getattr(truth, name)(*arguments)
    mean, cov = exact.posterior_mean(y, sigma), p.posterior_cov(y, sigma)
    terms, change = expect(
        [
            under_noise(exact, y, sigma, lambda x: outer(x - mean, x - mean)),
            under_noise(exact, y, sigma, lambda x: cov * ones(x)[:, None, None]),
        ],
        truth.standard_normal(y.shape[1]),
    )
    return Sides(terms[:1], terms[1:], change)


def far_from_all(draw: Draw) -> dict:
    """A mixture, and points so far away (60 to 250) that the density underflows in float64."""
    p, reach = draw.mixture(draw.dimension(3)), draw.reals((3, 1), 60, 250)
    return {"p": p, "x": draw.choice((1.0, -1.0)) * reach * np.ones(p.d) / np.sqrt(p.d)}


@theorem("Stanford CS236, pitfall 3", "pointwise", far_from_all, about="GaussianMixture.log_prob")
def mixture_log_prob_far_out(impl, p, x):
    r"""Far from all components the density underflows; its logarithm is the largest log term plus a small remainder.

    \log p = a + \log \textstyle\sum_k e^{a_k - a},\ a = \max_k a_k,\ a_k = \log w_k + \log \mathcal N(x; m_k, C_k)"""
    logs, sizes = [], []
    for w, m, c in zip(p.weights, p.means, p.covs):
        away = x - m
        pulled = away @ np.linalg.inv(c)
        constant = np.log(w) - 0.5 * np.linalg.slogdet(2 * np.pi * c)[1]
        logs.append(constant - 0.5 * np.sum(away * pulled, axis=1))
        sizes.append(0.5 * np.sum(np.abs(away) * (np.abs(away) @ np.abs(np.linalg.inv(c))), axis=1))
    largest = np.max(logs, axis=0)
    rest = np.log(np.sum(np.exp(logs - largest), axis=0))
    left = impl.GaussianMixture(p.weights, p.means, p.covs).log_prob(x)
    return Sides([left], [largest, rest], formula=[np.max(sizes, axis=0)])


@theorem(
    "Song and Kingma 2021, section 4.1",
    "pointwise",
    lambda draw: {
        "points": draw.reals((draw.count(1, 4), d := draw.dimension(4)), -1.5, 1.5),
        "sigma": draw.noise_level(),
        "x": draw.reals((3, d), -4, 4),
    },
)
def smoothed_data_are_a_kernel_density(impl, points, sigma, x):
    r"""Data plus normal noise have the Gaussian kernel density with bandwidth sigma.

    \log p^\sigma(x) = \log \tfrac1N \sum_i \prod_j \mathcal N(x_j; x_{ij}, \sigma^2)"""
    away = (x[:, None, :] - points) / sigma
    kernels = np.sum(-0.5 * away**2 - 0.5 * np.log(2 * np.pi) - np.log(sigma), axis=2)
    log_sum = scipy.special.logsumexp(kernels, axis=1)
    return Sides([impl.smoothed_empirical(points, sigma).log_prob(x)], [log_sum, -np.log(len(points))])


def features(name, arguments):
    """Bounded functions that depend on location, spread, shape and correlation; their expectations always exist."""
    centre, cov = (arguments[1], np.diag(arguments[2] ** 2)) if name == "StudentT" else closed_moments(name, arguments)

    def of(x):
        t = np.tanh((x - centre) / np.sqrt(np.diag(cov)))
        return np.concatenate([t, t**2, np.prod(t, axis=1, keepdims=True)], axis=1)

    return of


def sampling_case(draw: Draw, name: str) -> dict:
    return lattice_case(draw, name) | {"seed": draw.count(0, 2**20)}


@for_each(
    "Gaussian GaussianMixture Gamma StudentT Laplace",
    "statistical",
    "sample",
    "samples have the expectations of the density",
    r"\tfrac1n \sum_i h(X_i) \to \mathbb E_p[h]",
    sampling_case,
)
def samples_follow_the_density(p, name, arguments, seed, size=40_000):
    exact = getattr(truth, name)(*arguments)
    h = features(name, arguments)
    mean, square = expect([h, lambda x: h(x) ** 2], exact).value
    drawn = h(p.sample(np.random.default_rng(seed), size))
    return Sampled(drawn.mean(axis=0), mean, np.sqrt((square - mean**2) / size))


@theorem(
    "Isserlis 1918 (moments of the normal distribution)",
    "quadrature",
    lambda draw: {"p": draw.gaussian(draw.dimension()), "degree": draw.choice([4, None])},
    about="expect",
    plane=True,
)
def expectations_of_polynomials(impl, p, degree):
    r"""The lattice and the rule of degree 4 give the moments of a Gaussian up to the fourth.

    \mathbb E[|L^{-1}(X - m)|^4] = d(d + 2)"""
    d = len(p.mean)

    def functions(x):
        square = np.sum(np.dot(x - p.mean, p.whitening.T) ** 2, axis=1)
        return np.column_stack([np.ones(len(x)), x, square, square**2])

    terms, change = impl.expect([functions], p, degree=degree)
    return Sides(terms, [np.concatenate([[1.0], p.mean, [d, d * (d + 2)]])[None]], change)


@theorem(
    "Stanford CS236, score function",
    "quadrature",
    lambda draw: {"arguments": a_gamma(draw, 1, 2.5)},
    about="expect",
    outside={
        "an infinite moment": lambda: {"arguments": (np.array([2.0]), np.array([1.0]))},
        "a moment that is nearly infinite": lambda: {"arguments": (np.array([2.01]), np.array([1.0]))},
    },
)
def expectations_near_a_pole(impl, arguments):
    r"""The negative moment E[X^-2] of a Gamma variable, whose integrand is unbounded at 0, has its closed form.

    \mathbb E[X^{-2}] = \beta^2/((\alpha - 1)(\alpha - 2))"""
    shape, rate = arguments
    terms, change = impl.expect([lambda x: x[:, 0] ** -2.0], truth.Gamma(shape, rate))
    return Sides(terms, [float(rate[0] ** 2 / ((shape[0] - 1) * (shape[0] - 2)))], change)
