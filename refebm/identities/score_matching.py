r"""Theorems about score matching: what its objectives estimate, and when the integration by parts is valid."""

import numpy as np

from refebm.identities import Draw, Limit, Sides, expect, theorem
from refebm.identities.bits import all_bits, flips, law_and_energy, probabilities, unlikely_bits
from refebm.identities.draw import SCORES
from refebm.identities.notation import EITHER_SIGN, half_square
from refebm.identities.rules import LAWS, RULES
from refebm.identities.wells import PLACES, place
from refebm.models import Model, mixture_of
from refebm.truth.densities import Gamma, Gaussian, GaussianMixture, Laplace
from refebm.truth.derivatives import jacobian_size, score_and_jacobian

HYVARINEN = "Hyvarinen 2005, theorem 1; Song and Kingma 2021, eq. 8"
SLICED = "Song and Kingma 2021, eq. 15; Stanford CS236, sliced score matching"


def data_and_model(draw: Draw, kinds=SCORES) -> dict:
    d = draw.dimension()
    return {"p": draw.mixture(d), "model": draw.model(d, kinds)}


def implicit_against_explicit(impl, p, model, **options):
    s = impl.score(model)
    (explicit, implicit, constant), change = expect(
        [
            lambda x: impl.explicit_score_matching(s, impl.data_score(p), x),
            lambda x: impl.implicit_score_matching(s, x),
            lambda x: half_square(p.score(x)),
        ],
        p,
        **options,
    )
    return Sides([implicit, constant], [explicit], change)


@theorem(
    HYVARINEN,
    "quadrature",
    data_and_model,
    plane=True,
    mixtures=True,
    outside={
        "a model with a kink": lambda: {
            "p": Laplace(0.0, 0.8),  # its kink is where the model's is, so that the expectation settles
            "model": Model("laplace", {"loc": np.zeros(1), "scale": np.ones(1)}),
        },
        "data of shape 1": lambda: {
            "p": Gamma(1.0, 1.5),
            "model": Model("quadratic", {"mean": np.ones(1), "precision": np.eye(1)}),
        },
    },
)
def implicit_is_explicit(impl, p, model):
    r"""Expected implicit score matching is the Fisher divergence up to a constant, for gradients and any other field.

    \mathbb E_p[\tfrac12|s|^2 + \operatorname{tr}\nabla s] = D_F(p, s) - \tfrac12 \mathbb E_p|s_p|^2"""
    return implicit_against_explicit(impl, p, model)


@theorem(
    HYVARINEN,
    "quadrature",
    lambda draw: {"p": draw.gaussian(d := draw.count(1, 8)), "model": draw.model(d, ("quadratic",))},
)
def implicit_is_explicit_for_gaussians(impl, p, model):
    r"""For Gaussians in up to 8 dimensions, expected implicit score matching is the Fisher divergence up to a constant.

    \mathbb E_p[\tfrac12|s|^2 + \operatorname{tr}\nabla s] = D_F(p, s) - \tfrac12 \operatorname{tr} \Sigma^{-1}"""
    return implicit_against_explicit(impl, p, model, degree=2)


@theorem(
    "Stanford CS236, score matching for autoregressive and flow models",
    "quadrature",
    lambda draw: data_and_model(draw, ("autoregressive", "flow")),
    plane=True,
    mixtures=True,
)
def likelihood_models_can_be_score_matched(impl, p, model):
    r"""Implicit score matching works also for the scores of autoregressive models and flows with exact log-densities.

    \mathbb E_p[\tfrac12|s|^2 + \operatorname{tr}\nabla s] = D_F(p, q) - \tfrac12 \mathbb E_p|s_p|^2"""
    return implicit_against_explicit(impl, p, model)


def data_model_and_direction(draw: Draw) -> dict:
    case = data_and_model(draw)
    return case | {"v": draw.reals((1, case["p"].means.shape[1]), -2, 2)}


@theorem(
    SLICED,
    "quadrature",
    data_model_and_direction,
    about="sliced_score_matching explicit_sliced",
    plane=True,
    mixtures=True,
)
def sliced_is_explicit_sliced(impl, p, model, v):
    r"""For each fixed direction v, expected sliced score matching is the sliced Fisher divergence up to a constant.

    \mathbb E_p[v^\top \nabla s\, v + \tfrac12 (v \cdot s)^2]
    = \tfrac12 \mathbb E_p(v \cdot s_p - v \cdot s)^2 - \tfrac12 \mathbb E_p (v \cdot s_p)^2"""
    s = impl.score(model)
    (explicit, implicit, constant), change = expect(
        [
            lambda x: impl.explicit_sliced(s, impl.data_score(p), x, v + 0 * x),
            lambda x: impl.sliced_score_matching(s, x, v + 0 * x),
            lambda x: 0.5 * (p.score(x) @ v[0]) ** 2,
        ],
        p,
    )
    return Sides([implicit, constant], [explicit], change)


def model_points_and_law(draw: Draw) -> dict:
    d = draw.count(1, 4)
    law = draw.choice(sorted(LAWS)) if d <= 3 else "rademacher"
    return {"model": draw.model(d, SCORES), "x": draw.reals((2, d), -3, 3), "law": law}


def model_points(draw: Draw) -> dict:
    d = draw.count(1, 3)
    return {"model": draw.model(d, SCORES), "x": draw.reals((2, d), -3, 3)}


def mean_over_law(function, x, law):
    """The terms of E_v function(x, v): one call with v (m, n, d) for Rademacher, else one call for each node."""
    v, w = RULES[law](x.shape[1])
    if law == "rademacher":
        return [function(x, v[:, None, :] * np.ones((1, *x.shape)))]
    return [w_j * function(x, v_j * np.ones_like(x)) for v_j, w_j in zip(v, w)]


def sizes(model, x, law):
    """sum_ik |v_i J_ik v_k| for each v of the law: the size of the terms of a quadratic form, (m, n)."""
    v = np.abs(RULES[law](x.shape[1])[0])
    return np.einsum("mi,nik,mk->mn", v, jacobian_size(model, x), v)


@theorem(
    SLICED,
    "pointwise",
    model_points_and_law,
    cancels=EITHER_SIGN,
    outside={"E[v v^T] is not I": lambda: {"model": line(), "x": np.array([[0.5], [2.0]]), "law": "stretched"}},
)
def mean_of_sliced_is_implicit(impl, model, x, law):
    r"""At every x the mean over v, Rademacher, normal or on the sphere of radius sqrt(d), is implicit score matching.

    \mathbb E_v[v^\top \nabla s\, v + \tfrac12 (v \cdot s)^2] = \tfrac12|s|^2 + \operatorname{tr}\nabla s"""
    s, j = score_and_jacobian(model, x)
    sliced = mean_over_law(lambda x, v: impl.sliced_score_matching(impl.score(model), x, v), x, law)
    v, w = RULES[law](x.shape[1])
    formula = [w @ sizes(model, x, law), 0.5 * w @ (np.abs(v) @ np.abs(s).T) ** 2]
    return Sides(sliced, [half_square(s), *np.einsum("nii->in", j)], formula=formula)


@theorem("Song and Kingma 2021, eq. 17", "pointwise", model_points_and_law, cancels=EITHER_SIGN)
def mean_of_sliced_vr_is_implicit(impl, model, x, law):
    r"""The variance-reduced objective has implicit score matching as its mean over v too, at every x.

    \mathbb E_v[v^\top \nabla s\, v] + \tfrac12|s|^2 = \tfrac12|s|^2 + \operatorname{tr}\nabla s"""
    s, j = score_and_jacobian(model, x)
    sliced = mean_over_law(lambda x, v: impl.sliced_score_matching_vr(impl.score(model), x, v), x, law)
    formula = [RULES[law](x.shape[1])[1] @ sizes(model, x, law)]
    return Sides(sliced, [half_square(s), *np.einsum("nii->in", j)], formula=formula)


@theorem("Stanford CS236, sliced score matching", "pointwise", model_points_and_law, cancels=EITHER_SIGN)
def mean_of_explicit_sliced_is_explicit(impl, model, x, law):
    r"""The mean over v of the sliced Fisher divergence is the Fisher divergence at every x.

    \mathbb E_v[\tfrac12 (v \cdot s_p - v \cdot s)^2] = \tfrac12 |s_p - s|^2"""
    p, s = Gaussian(np.zeros(x.shape[1]), 1.0), score_and_jacobian(model, x)[0]
    sliced = mean_over_law(lambda x, v: impl.explicit_sliced(impl.score(model), impl.data_score(p), x, v), x, law)
    return Sides(sliced, [0.5 * (-x_i - s_i) ** 2 for x_i, s_i in zip(x.T, s.T)])


@theorem("Hutchinson 1989; Song and Kingma 2021, section 4.2", "pointwise", model_points_and_law, cancels=EITHER_SIGN)
def hutchinson_is_unbiased(impl, model, x, law):
    r"""The mean over v of the quadratic form is the trace.

    \mathbb E_v[v^\top \nabla s\, v] = \operatorname{tr}\nabla s"""
    j = score_and_jacobian(model, x)[1]
    forms = mean_over_law(lambda x, v: impl.hutchinson_divergence(impl.score(model), x, v), x, law)
    return Sides(forms, list(np.einsum("nii->in", j)), formula=[RULES[law](x.shape[1])[1] @ sizes(model, x, law)])


def model_points_and_mixing(draw: Draw) -> dict:
    d = draw.count(1, 4)
    return {"model": draw.model(d, SCORES), "x": draw.reals((2, d), -3, 3), "mixing": draw.reals((d, d), -1, 1)}


@theorem(
    "Song and Kingma 2021, section 4.2", "pointwise", model_points_and_mixing, cancels="the matrix may be near singular"
)
def slicing_weighs_errors_by_its_second_moment(impl, model, x, mixing):
    r"""If E[v v^T] is definite (v = A r, r random signs), the mean over v is 0 only where the scores agree.

    \mathbb E_v[\tfrac12 (v \cdot s_p - v \cdot s)^2] = \tfrac12 (s_p - s)^\top \mathbb E[v v^\top] (s_p - s)
    = \tfrac12 |A^\top (s_p - s)|^2"""
    d, (s, _) = x.shape[1], score_and_jacobian(model, x)
    v, w = RULES["rademacher"](d)
    v = v @ mixing.T
    rows = impl.explicit_sliced(
        impl.score(model), impl.data_score(Gaussian(np.zeros(d), 1.0)), x, v[:, None] * np.ones((1, *x.shape))
    )
    formula = [0.5 * w @ (np.abs(v) @ (np.abs(x) + np.abs(s)).T) ** 2]
    return Sides([rows], list(0.5 * ((-x - s) @ mixing).T ** 2), formula=formula)


@theorem("Song and Kingma 2021, section 4.2", "pointwise", model_points, cancels=EITHER_SIGN)
def variance_of_slicing_is_not_always_larger(impl, model, x):
    r"""For normal v slicing |s|^2 too adds 2 s^T A s + |s|^4/2 to the variance, often more than 0, but not always.

    \operatorname{Var}_v[v^\top A v + \tfrac12 (v \cdot s)^2] - \operatorname{Var}_v[v^\top A v + \tfrac12 |s|^2]
    = 2 s^\top A s + \tfrac12 |s|^4,\ A = \nabla s"""
    s, j = score_and_jacobian(model, x)
    v, w = RULES["normal"](x.shape[1])
    every = np.repeat(x, len(v), axis=0), np.tile(v, (len(x), 1))
    sliced, vr = (f(impl.score(model), *every) for f in (impl.sliced_score_matching, impl.sliced_score_matching_vr))
    squares = [sign * w * np.reshape(rows, (len(x), -1)) ** 2 for sign, rows in ((1, sliced), (-1, vr))]
    slopes = list(2 * np.einsum("ni,nij,nj->ijn", s, j, s).reshape(-1, len(x)))
    largest = sizes(model, x, "normal") + 0.5 * (np.abs(v) @ np.abs(s).T) ** 2 + half_square(s)
    terms = [*slopes, 2 * half_square(s) ** 2]
    return Sides([column for part in squares for column in part.T], terms, formula=[w @ largest**2])


def closed_variance(a, law):
    """The variance of v^T A v for each matrix A of a, which is symmetrised first."""
    a, d = 0.5 * (a + np.swapaxes(a, 1, 2)), a.shape[1]
    frobenius, trace = np.sum(a**2, axis=(1, 2)), np.einsum("nii->n", a)
    if law == "normal":
        return 2 * frobenius
    if law == "rademacher":
        return 2 * (frobenius - np.sum(np.einsum("nii->ni", a) ** 2, axis=1))
    return 2 * (d * frobenius - trace**2) / (d + 2)


@theorem("Hutchinson 1989", "pointwise", model_points_and_law, cancels=EITHER_SIGN)
def hutchinson_variance_is_closed(impl, model, x, law):
    r"""The variance over v has a closed form in the symmetric part A of the Jacobian for each law of v.

    \operatorname{Var}_v[v^\top \nabla s\, v] = 2|A|_F^2 \text{ (normal)},\
    2(|A|_F^2 - \textstyle\sum_i A_{ii}^2) \text{ (Rademacher)},\
    2(d|A|_F^2 - (\operatorname{tr} A)^2)/(d + 2) \text{ (sphere)}"""
    j = score_and_jacobian(model, x)[1]
    v, w = RULES[law](x.shape[1])
    squares = [
        w_j * impl.hutchinson_divergence(impl.score(model), x, v_j * np.ones_like(x)) ** 2 for v_j, w_j in zip(v, w)
    ]
    return Sides(
        squares, [closed_variance(j, law), np.einsum("nii->n", j) ** 2], formula=[w @ sizes(model, x, law) ** 2]
    )


def some_directions(draw: Draw) -> dict:
    case = model_points_and_law(draw)
    return case | {"v": draw.reals((draw.count(1, 3), *case["x"].shape), -2, 2)}


@theorem("Stanford CS236, computing Jacobian-vector products", "pointwise", some_directions, cancels=EITHER_SIGN)
def quadratic_forms_by_hand(impl, model, x, law, v):
    r"""For one to three directions, quadratic form and sliced objectives follow from score and Jacobian by hand.

    v^\top \nabla s\, v = \sum_{ij} v_i\, \partial_j s_i\, v_j"""
    field, (s, j) = impl.score(model), score_and_jacobian(model, x)
    size = np.einsum("mni,nij,mnj->n", np.abs(v), jacobian_size(model, x), np.abs(v))
    forms = np.einsum("mni,nij,mnj->mijn", v, j, v).reshape(-1, len(x)) / len(v)
    squares = 0.5 * np.mean(np.einsum("mni,ni->mn", v, s) ** 2, axis=0)
    values = [
        impl.hutchinson_divergence(field, x, v),
        impl.sliced_score_matching(field, x, v),
        impl.sliced_score_matching_vr(field, x, v),
    ]
    return Sides(
        [np.stack(values)],
        [np.stack([0 * squares, squares, half_square(s)]), *(np.stack([f, f, f]) for f in forms)],
        formula=[np.stack([size, size, size])],
    )


@theorem("Pang, Xu, Li, Song, Ermon and Zhu 2020, FD-SSM", "limit", place, cases=PLACES)
def finite_differences_are_of_order_two(impl, wells, x, v):
    r"""Finite differences along v tend to sliced score matching, with the error of Taylor's formula.

    \text{FD} - \text{SSM} = \epsilon^2 (f^{(4)}/12 + f^{(1)} f^{(3)}/6) + O(\epsilon^4)"""
    first, second, third, fourth = -np.concatenate(wells.along(x, v))  # derivatives of f = -E
    steps, energy = 0.05 * 0.5 ** np.arange(6), impl.energy(wells.model)
    values = np.array([impl.finite_difference_sliced(energy, x, eps, v)[0] for eps in steps])
    return Limit(steps, values - (second + 0.5 * first**2), 2, fourth / 12 + first * third / 6)


def sample_and_departure(draw: Draw) -> dict:
    """A sample that spans the space, and departures from its mean and its precision."""
    d = draw.count(1, 4)
    corners = 1.5 * np.concatenate([np.eye(d), -np.eye(d)])
    half = draw.reals((d, d), -0.5, 0.5)
    return {
        "x": draw.reals((2 * d, d), -0.4, 0.4) + corners,
        "precision": 0.5 * (half + half.T),
        "shift": draw.reals((d,), -0.5, 0.5),
    }


@theorem("Hyvarinen 2005, section 3.1", "pointwise", sample_and_departure)
def minimiser_over_gaussians_is_maximum_likelihood(impl, x, precision, shift):
    r"""Among Gaussians the sample mean m and covariance S minimise implicit score matching, like maximum likelihood.

    J(m + \delta, S^{-1} + D) - J(m, S^{-1}) = \tfrac12 \operatorname{tr} D S D + \tfrac12 |(S^{-1} + D)\delta|^2"""
    mean, s = x.mean(axis=0), np.cov(x.T, bias=True).reshape(x.shape[1], x.shape[1])
    best = np.linalg.inv(s)

    def rows(mean, precision):
        model = Model("quadratic", {"mean": mean, "precision": precision})
        return list(impl.implicit_score_matching(impl.score(model), x) / len(x))

    excess = 0.5 * np.trace(precision @ s @ precision) + 0.5 * np.sum(((best + precision) @ shift) ** 2)
    return Sides(rows(mean + shift, best + precision), [*rows(mean, best), excess])


def two_densities(draw: Draw) -> dict:
    """Two densities that differ even in the simplest case; if they were equal, both sides would be pure roundoff."""
    d = draw.dimension()
    p, q = draw.mixture(d), draw.gaussian(d)
    return {"p": p, "q": GaussianMixture([1.0], q.mean[None] + 0.5, q.cov[None])}


def scores_and_divergences(p, q, x):
    """(s, div s) of each density, by hand."""
    pairs = [score_and_jacobian(mixture_of(density), x) for density in (p, q)]
    return [(s, np.einsum("nii->n", j)) for s, j in pairs]


@theorem(
    "Song and Kingma 2021, section 4.3; Lyu 2009, theorem 1", "quadrature", two_densities, plane=True, mixtures=True
)
def fisher_divergence_is_the_rate_along_the_heat_flow(impl, p, q):
    r"""When both densities diffuse, the KL divergence falls at the rate of the Fisher divergence.

    \tfrac{d}{dt} KL(p_t|q_t) = -D_F(p_t|q_t),\ p_t = p * \mathcal N(0, tI),\ \partial_t p = \tfrac12 \Delta p"""

    def rate(x):
        (s_p, div_p), (s_q, div_q) = scores_and_divergences(p, q, x)
        log_ratio = p.log_prob(x) - q.log_prob(x)
        return (half_square(s_p) + 0.5 * div_p) * log_ratio - half_square(s_q) - 0.5 * div_q

    (rates, fisher), change = expect([rate, fisher_row(impl, p, q)], p)
    return Sides([rates], [-fisher], change)


def fisher_row(impl, p, q):
    return lambda x: impl.explicit_score_matching(impl.score(mixture_of(q)), impl.data_score(p), x)


@theorem("Song and Kingma 2021, section 4.3", "quadrature", two_densities, plane=True, mixtures=True)
def fisher_divergence_is_the_rate_along_langevin(impl, p, q):
    r"""Along the Langevin dynamics of q the KL divergence falls at twice the rate of the Fisher divergence.

    \tfrac{d}{dt} KL(p_t|q) = -2 D_F(p_t|q),\ \partial_t p = \operatorname{div}(p (s_p - s_q))"""

    def rate(x):
        (s_p, div_p), (s_q, div_q) = scores_and_divergences(p, q, x)
        return (div_p - div_q + np.sum(s_p * (s_p - s_q), axis=1)) * (p.log_prob(x) - q.log_prob(x))

    (rates, fisher), change = expect([rate, fisher_row(impl, p, q)], p)
    return Sides([rates], [-2 * fisher], change)


GAUSSIAN_PAIRS = [(1.0, 1.7, 0.6), (0.8, 0.5, -0.4), (1.4, 1.0, 1.1)]  # variances of p and q, difference of means


@theorem("Lyu 2009, theorem 1", "limit", cases=GAUSSIAN_PAIRS)
def heat_flow_of_gaussians(impl, a, b, gap):
    r"""For two diffusing Gaussians the difference quotient of the KL divergence tends to minus the Fisher divergence.

    \frac{KL(h) - KL(-h)}{2h} + D_F = \tfrac{h^2}{6} KL^{(3)} + O(h^4)"""
    excess = a - b + gap**2

    def kl(t):
        return 0.5 * (excess / (b + t) + np.log((b + t) / (a + t)))

    p, q = (GaussianMixture([1.0], [[mean]], variance) for mean, variance in ((gap, a), (0.0, b)))
    (fisher,) = expect([fisher_row(impl, p, q)], p).value
    steps = 0.04 * 0.5 ** np.arange(5)
    third = 0.5 * (-6 * excess / b**4 + 2 / b**3 - 2 / a**3)
    return Limit(steps, (kl(steps) - kl(-steps)) / (2 * steps) + fisher, 2, third / 6)


def gamma_and_model(draw: Draw, low: float, kinds=("mlp_score", "mlp_energy", "quadratic", "gamma")) -> dict:
    """Gamma data and a model; in the plane, networks or shapes near `low` would need too large a lattice in log x."""
    d = draw.count(1, 2)
    return {
        "p": draw.gamma(d, low + 0.5 * (d - 1)),
        "model": draw.model(d, [k for k in kinds if d == 1 or "mlp" not in k]),
    }


@theorem(
    "Hyvarinen 2007b, non-negative score matching", "quadrature", lambda draw: gamma_and_model(draw, 0.75), plane=True
)
def nonnegative_score_matching_holds_for_every_shape(impl, p, model):
    r"""The weight x^2 removes the boundary term for every shape of a Gamma density.

    \mathbb E \textstyle\sum_i [2x_i s_i + x_i^2 \partial_i s_i + \tfrac12 x_i^2 s_i^2]
    = \tfrac12 \mathbb E \sum_i x_i^2 (s - s_p)_i^2 - \tfrac12 \sum_i (1 + \alpha_i)"""
    (implicit, explicit), change = expect(
        [
            lambda x: impl.nonnegative_score_matching(impl.score(model), x),
            lambda x: half_square(x * (score_and_jacobian(model, x)[0] - p.score(x))),
        ],
        p,
    )
    return Sides([implicit, float(np.sum(1 + p.shape) / 2)], [explicit], change)


@theorem(
    "Hyvarinen 2007b, ratio matching",
    "enumeration",
    law_and_energy,
    cancels="both sides vanish where the two ratios agree",
)
def ratio_matching_is_a_distance_of_ratios(impl, log_p, model):
    r"""Up to a constant, ratio matching is a distance between g(r) = 1/(1 + r) of both ratios r = p(x)/p(x^{-i}).

    \tfrac12 \mathbb E_p \sum_i \left([g(r_p) - g(r_q)]^2 + [g(1/r_p) - g(1/r_q)]^2\right)
    = \mathbb E_p[\text{row}] - \mathbb E_p \sum_i g(r_p)^2"""
    p, d = probabilities(log_p), model.d
    x = all_bits(d)
    flipped = flips(d)
    e = model(x)
    r_p, r_q = p[:, None] / p[flipped], np.exp(e[flipped] - e[:, None])

    def g(u):
        return 1 / (1 + u)

    distance = 0.5 * ((g(r_p) - g(r_q)) ** 2 + (g(1 / r_p) - g(1 / r_q)) ** 2)
    rows = p * impl.ratio_matching(impl.energy(model), x)
    return Sides([rows, *(-p * g(r_p).T ** 2)], list(p * distance.T))


@theorem("Hyvarinen 2007b, ratio matching", "pointwise", unlikely_bits)
def ratio_matching_of_unlikely_bits(impl, biases):
    r"""If the model is certain of a bit, ratio matching is the square of the tiny odds against it, not zero.

    \operatorname{sigmoid}(a)^2 = e^{2 a} \text{ for } a \ll 0,\ 1 \text{ for } a \gg 0"""
    x, left = np.array([[0.0], [1.0]]), []
    for b in biases:
        machine = Model("binary_rbm", {"b": np.array([b]), "c": np.zeros(1), "W": np.zeros((1, 1))})
        left.append(impl.ratio_matching(impl.energy(machine), x))
    right = [np.exp(2 * np.minimum(b * np.array([1.0, -1.0]), 0)) for b in biases]
    return Sides([np.stack(left)], [np.stack(right)])


def two_weights(draw: Draw) -> dict:
    """Two different weights; for equal mixtures the divergence would be pure roundoff."""
    d = draw.count(1, 2)
    weights = draw.real(0.05, 0.45), draw.real(0.55, 0.95)
    return {
        "direction": np.eye(d)[0],
        "distance": draw.real(1.0, 7.0) / d,
        "sigma": draw.noise_level(),
        "weights": np.array(draw.choice((weights, weights[::-1]))),
    }


@theorem("Stanford CS236, pitfall 3; Song and Kingma 2021, section 4.4", "quadrature", two_weights, plane=True)
def scores_forget_mixture_weights(impl, direction, distance, sigma, weights):
    r"""If two mixtures differ only in their weights, their Fisher divergence vanishes as their components move apart.

    D_F(p_\pi|p_{\pi'}) \le \tfrac{c^2}{16}\tfrac{D^2}{\sigma^4}\sqrt{\pi(1 - \pi)}\, e^{-D^2/(8\sigma^2)},\
    c = \max(\rho, 1/\rho) - 1, \rho \text{ the ratio of the odds}"""
    means = np.stack([0 * direction, distance * direction])
    p, q = (GaussianMixture([w, 1 - w], means, sigma**2) for w in weights)
    rho = np.divide(*(weights / (1 - weights)))
    c = max(rho, 1 / rho) - 1
    bound = c**2 / 16 * distance**2 / sigma**4 * np.sqrt(weights[0] * (1 - weights[0]))
    (fisher,), change = expect([fisher_row(impl, p, q)], p)
    return Sides([fisher], [float(bound * np.exp(-(distance**2) / (8 * sigma**2)))], change, inequality=True)


SMOOTH_AT_ZERO = ("mlp_score", "mlp_energy", "quadratic")
PARTS = "HY-673 lecture 12, integration by parts"


def line(slope: float = 1.0):
    """The field s = slope (1 - x)."""
    return Model("quadratic", {"mean": np.ones(1), "precision": slope * np.eye(1)})


@theorem(
    PARTS,
    "quadrature",
    lambda draw: gamma_and_model(draw, 1.5, SMOOTH_AT_ZERO),
    plane=True,
    cancels="for a constant field both sides are zero",
    outside={"shape 1": lambda: {"p": Gamma(1.0, 1.5), "model": line()}},
)
def gamma_integration_by_parts(impl, p, model):
    r"""On the half-line integration by parts has no boundary term for Gamma shapes above 1.

    -\mathbb E[s_p \cdot s] = \mathbb E[\operatorname{div} s],\ \alpha > 1"""
    s = impl.score(model)
    (product, divergence), change = expect(
        [lambda x: -np.sum(p.score(x) * score_and_jacobian(model, x)[0], axis=1), lambda x: impl.divergence(s, x)], p
    )
    return Sides([product], [divergence], change)


def gamma_and_springs(draw: Draw) -> dict:
    d = draw.count(1, 2)
    springs = np.diag(draw.reals((d,), 0.5, 2.0))
    return {"p": draw.gamma(d, 0.5), "model": Model("quadratic", {"mean": np.zeros(d), "precision": springs})}


@theorem(PARTS, "quadrature", gamma_and_springs, plane=True)
def gamma_integration_by_parts_from_zero(impl, p, model):
    r"""For a field of order x at 0 the boundary term vanishes for every Gamma shape.

    -\mathbb E[s_p \cdot s] = \mathbb E[\operatorname{div} s],\ s = O(x)"""
    return gamma_integration_by_parts(impl, p, model)


def density_at_zero(p: Gamma) -> float:
    """p(0+) in one dimension, for shape 1 (the rate) or above (zero)."""
    return float(p.rate[0]) if p.shape[0] == 1 else 0.0


def field_at_zero(model: Model) -> float:
    """s(0) in one dimension."""
    return float(score_and_jacobian(model, np.zeros((1, 1)))[0][0, 0])


def half_line(draw: Draw, low: float, models: int) -> dict:
    """A Gamma of shape 1, or of a shape above `low`, and models that are smooth at 0."""
    shape = 1.0 if draw.count(0, 1) == 0 else draw.real(low, 5.0)
    p = Gamma(shape, draw.real(1.0, 3.0))
    return {"p": p, "models": [draw.model(1, SMOOTH_AT_ZERO) for _ in range(models)]}


@theorem(
    PARTS + " (which takes the boundary term for zero)",
    "quadrature",
    lambda draw: half_line(draw, 2.5, 1),
    outside={f"shape {a}": lambda a=a: {"p": Gamma(a, 1.0), "models": [line()]} for a in (0.5, 1.5, 2.0)},
)
def gamma_boundary_term(impl, p, models):
    r"""On the half-line implicit and explicit score matching also differ by p(0+) s(0+): rate times s(0) at shape 1.

    \mathbb E[\text{explicit}] - \mathbb E[\text{implicit}] - \tfrac12 \mathbb E s_p^2 = p(0^+) s(0^+)"""
    (model,) = models
    s = impl.score(model)
    (explicit, implicit), change = expect(
        [
            lambda x: impl.explicit_score_matching(s, impl.data_score(p), x),
            lambda x: impl.implicit_score_matching(s, x),
        ],
        p,
    )
    constant = 0.5 * float(p.fisher_information()[0])
    boundary = density_at_zero(p) * field_at_zero(model)
    return Sides([explicit], [implicit, constant, boundary], change)


@theorem("Hyvarinen 2005, regularity conditions", "quadrature", lambda draw: half_line(draw, 1.5, 2))
def gamma_differences_of_the_implicit_objective(impl, p, models):
    r"""Implicit score matching compares two fields correctly for Gamma shapes above 1; at 1 it errs by boundary terms.

    \mathbb E[J_1 - J_2] = \mathbb E[\tfrac12 s_1^2 - s_p s_1] - \mathbb E[\tfrac12 s_2^2 - s_p s_2]
    - p(0^+)(s_1(0) - s_2(0))"""
    left, right, changes = [], [], []
    for sign, model in zip((1, -1), models):

        def explicit(x, model=model):
            by_hand = score_and_jacobian(model, x)[0]
            return np.sum(0.5 * by_hand**2 - p.score(x) * by_hand, axis=1)

        def implicit(x, model=model):
            return impl.implicit_score_matching(impl.score(model), x)

        (implicit_terms, explicit_terms), change = expect([implicit, explicit], p)
        left.append(sign * implicit_terms)
        right += [sign * explicit_terms, -sign * density_at_zero(p) * field_at_zero(model)]
        changes.append(change)
    return Sides(left, right, max(changes))


@theorem(
    HYVARINEN,
    "quadrature",
    lambda draw: gamma_and_model(draw, 2.5, ("gamma",)),
    about="implicit_score_matching explicit_score_matching",
    plane=True,
    outside={
        "shape 1.5": lambda: {
            "p": Gamma(1.5, 1.0),
            "model": Model("gamma", {"shape": np.array([3.0]), "rate": np.ones(1)}),
        }
    },
)
def gamma_models_of_gamma_data(impl, p, model):
    r"""For Gamma models, s = (a - 1)/x - b, implicit score matching needs data of shape above 2.

    \mathbb E_p[\tfrac12|s|^2 + \operatorname{tr}\nabla s] = D_F(p, s) - \tfrac12 \mathbb E_p|s_p|^2,\ \alpha > 2"""
    return implicit_against_explicit(impl, p, model)
