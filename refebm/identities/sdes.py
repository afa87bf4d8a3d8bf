r"""Theorems about SDEs: moments, transition kernels, laws at all times, and the gap between the end and the prior."""

import numpy as np

from refebm.identities import Draw, Limit, Sides, expect, theorem
from refebm.identities.notation import EITHER_SIGN, products
from refebm.models import mixture_of
from refebm.truth.densities import LOG_2PI, GaussianMixture
from refebm.truth.derivatives import jacobian_size, moments, score_and_jacobian
from refebm.truth.expectations import total

SONG = "Song et al. 2021"
SDE_KINDS = ("VarianceExploding", "VariancePreserving", "SubVariancePreserving")
SDE_KERNELS = "VarianceExploding.kernel VariancePreserving.kernel SubVariancePreserving.kernel GivenDiffusion.kernel"
DIFFUSIONS = SDE_KERNELS.replace("kernel", "diffusion")
DRIFTS, MARGINALS = (" ".join(f"{one}.{method}" for one in SDE_KINDS) for method in ("drift", "marginal"))
RULES = (24, 32)  # nodes in time; for smooth functions already 24 are exact to roundoff


def rising(t):
    r"""int_0^t e^{2 s} ds."""
    return 0.5 * np.expm1(2 * t)


GIVEN = {"kind": "GivenDiffusion", "parameters": {"sigma": np.exp, "variance": rising}}


def every_sde(draw: Draw) -> list:
    """One SDE of each kind, as data."""
    return [*(draw.sde([kind]) for kind in SDE_KINDS), GIVEN]


def coefficients(sde, t):
    r"""a(t) and g(t)^2 of dx = a x dt + g dw, by hand."""
    given = sde["parameters"]
    if sde["kind"] == "GivenDiffusion":
        return 0.0 * t, given["sigma"](t) ** 2
    if sde["kind"] == "VarianceExploding":
        ratio = given["sigma_max"] / given["sigma_min"]
        return 0.0 * t, given["sigma_min"] ** 2 * ratio ** (2 * t) * 2 * np.log(ratio)
    beta = given["beta_min"] * (1 - t) + given["beta_max"] * t
    if sde["kind"] == "VariancePreserving":
        return -0.5 * beta, beta
    scale, variance = moments(sde, t)
    return -0.5 * beta, beta * np.sqrt(variance) * (1 + scale**2)  # 1 - m^4, without cancellation


def diffused_by_hand(p: GaussianMixture, sde, t: float) -> GaussianMixture:
    """The law of m x_0 + std z."""
    scale, variance = moments(sde, t)
    return GaussianMixture(p.weights, scale * p.means, scale**2 * p.covs + variance * np.eye(p.d))


def over_time(function, s, t):
    """The terms of int_s^t function by a Gauss-Legendre rule, and the difference to another rule as certificate."""
    terms = []
    for nodes in RULES:
        u, w = np.polynomial.legendre.leggauss(nodes)
        values = function(s + 0.5 * (t - s) * (u + 1))
        terms.append((values.T * (0.5 * (t - s) * w)).T)
    size = total(np.abs(terms[1]))
    gap = np.abs(total(terms[1]) - total(terms[0]))
    return terms[1], float(np.max(gap / np.where(size == 0, 1, size)))


def points_and_times(draw: Draw) -> dict:
    """Points with a time for each; the last time is as early as 2^-40."""
    d, t = draw.count(1, 3), np.append(draw.reals((2,), 0.02, 0.98), 2.0 ** -draw.count(3, 40))
    return {"sdes": every_sde(draw), "x": draw.reals((3, d), -2, 2), "t": t}


@theorem(
    f"{SONG}, eqs. 9, 11, 12 and 30; Stanford CS236, perturbing data with stochastic processes",
    "pointwise",
    points_and_times,
    about=f"{DIFFUSIONS} {DRIFTS}",
)
def coefficients_by_hand(impl, sdes, x, t):
    r"""Drift and diffusion of each SDE are their formulas, with a time for each row.

    \text{VP: } f = -\tfrac12 \beta x,\ g^2 = \beta;\ \text{sub-VP: the same},\ g^2 = \beta (1 - e^{-2B});\
    \text{VE: } f = 0,\ g^2 = \tfrac{d\sigma^2}{dt};\ \text{given: } f = 0,\ g^2 = \sigma(t)^2"""
    left = [np.column_stack([one.drift(x, t), one.diffusion(t)]) for one in map(impl.sde, sdes)]
    hand = [coefficients(one, t) for one in sdes]
    return Sides([np.stack(left)], [np.stack([np.column_stack([a[:, None] * x, np.sqrt(g2)]) for a, g2 in hand])])


def times_in_order(draw: Draw) -> dict:
    ranges = ((0.01, 0.3), (0.35, 0.6), (0.65, 0.99))
    s, u, t = (draw.reals((2,), *ends) for ends in ranges)
    return {"sdes": every_sde(draw), "s": s, "u": u, "t": t}


def times_apart_and_close(draw: Draw) -> dict:
    """Pairs of times s < t; the last pair is as close as 2^-40."""
    s, t = draw.reals((3,), 0.01, 0.5), draw.reals((2,), 0.55, 0.99)
    return {"sdes": every_sde(draw), "s": s, "t": np.append(t, s[2] + 2.0 ** -draw.count(4, 40))}


@theorem(
    f"{SONG}, eqs. 9, 11 and 12",
    "pointwise",
    times_apart_and_close,
    about="VarianceExploding.sigma VariancePreserving.beta VariancePreserving.integral SubVariancePreserving.beta "
    "SubVariancePreserving.integral",
)
def schedules_by_hand(impl, sdes, s, t):
    r"""The level sigma(t) of variance-exploding SDEs is geometric in time, beta(t) of variance-preserving ones linear.

    \sigma(t) = \sigma_{\min}^{1 - t} \sigma_{\max}^t,\ \beta(t) = (1 - t)\beta_{\min} + t \beta_{\max},\
     \int_s^t \beta = (t - s)(\beta(s) + \beta(t))/2"""
    levels, exploding, *preserving = sdes[0]["parameters"], *map(impl.sde, sdes[:3])
    left = [exploding.sigma(t), *(part for one in preserving for part in (one.beta(t), one.integral(s, t)))]
    right = [levels["sigma_min"] ** (1 - t) * levels["sigma_max"] ** t]
    for rates in (one["parameters"] for one in sdes[1:3]):
        start, beta = (rates["beta_min"] * (1 - u) + rates["beta_max"] * u for u in (s, t))
        right += [beta, 0.5 * (t - s) * (start + beta)]
    return Sides([np.stack(left)], [np.stack(right)])


@theorem(
    f"{SONG}, eqs. 29 and 33; Stanford CS236, perturbing data with stochastic processes",
    "pointwise",
    points_and_times,
    about=f"{MARGINALS} {SDE_KERNELS}",
)
def marginals_by_hand(impl, sdes, x, t):
    r"""The marginals have their closed forms, and are the kernels from time 0.

    \text{VP: } m = e^{-B/2},\ \text{std}^2 = 1 - e^{-B};\ \text{sub-VP: the same},\ \text{std} = 1 - e^{-B};\
    \text{VE: } m = 1,\ \text{std}^2 = \sigma(t)^2 - \sigma_{\min}^2;\
    \text{given: } m = 1,\ \text{std}^2 = \textstyle\int_0^t \sigma^2"""
    left = [[one.marginal(t), one.kernel(0.0, t)] for one in map(impl.sde, sdes)]
    hand = [(scale, np.sqrt(variance)) for scale, variance in (moments(one, t) for one in sdes)]
    return Sides([np.array(left)], [np.array([[one, one] for one in hand])])


@theorem(f"{SONG}, appendix B", "pointwise", times_in_order, about=SDE_KERNELS, cancels="v(t) minus v(s)")
def kernels_by_hand(impl, sdes, s, u, t):
    r"""The kernel from s to t follows from the marginals at s and t.

    m_t/m_s,\ v_t - (m_t/m_s)^2 v_s"""
    kernels = [one.kernel(s, t) for one in map(impl.sde, sdes)]
    left = [[scale, std**2] for scale, std in kernels]
    hand = [(*moments(one, s), *moments(one, t)) for one in sdes]
    first = [[m_t / m_s, v_t] for m_s, _, m_t, v_t in hand]
    second = [[0 * t, -((m_t / m_s) ** 2) * v_s] for m_s, v_s, m_t, _ in hand]
    return Sides([np.array(left)], [np.array(first), np.array(second)])


@theorem(f"{SONG}, appendix B", "pointwise", times_in_order, about=SDE_KERNELS)
def kernels_compose(impl, sdes, s, u, t):
    r"""The kernel from s to u followed by that from u to t is the kernel from s to t.

    m_{st} = m_{ut} m_{su},\ v_{st} = m_{ut}^2 v_{su} + v_{ut}"""
    kernels = [(one.kernel(s, u), one.kernel(u, t), one.kernel(s, t)) for one in map(impl.sde, sdes)]
    left = [[scale, std**2] for _, _, (scale, std) in kernels]
    carried = [[second[0] * first[0], second[0] ** 2 * first[1] ** 2] for first, second, _ in kernels]
    added = [[0 * t, second[1] ** 2] for _, second, _ in kernels]
    return Sides([np.array(left)], [np.array(carried), np.array(added)])


def span_of_time(draw: Draw) -> dict:
    return {"sdes": every_sde(draw), "s": draw.real(0.0, 0.5), "t": draw.real(0.6, 1.0)}


@theorem(
    f"{SONG}, appendix B; Sarkka and Solin 2019, eqs. 5.50 and 5.51",
    "quadrature",
    span_of_time,
    about=f"{SDE_KERNELS} {DIFFUSIONS} VariancePreserving.drift",
)
def moments_solve_their_odes(impl, sdes, s, t):
    r"""Mean and variance of x_t given x_s solve the moment equations of the SDE's own drift and diffusion.

    m_t = 1 + \int_s^t a\, m_r\, dr,\ v_t = \int_s^t (2 a\, v_r + g^2)\, dr"""

    def growth(r):
        one = np.ones((len(r), 1))
        columns = []
        for sde in map(impl.sde, sdes):
            a, (scale, std) = sde.drift(one, r)[:, 0], sde.kernel(s, r)
            columns += [a * scale, 2 * a * std**2, sde.diffusion(r) ** 2]
        return np.stack(columns, axis=1)

    terms, change = over_time(growth, s, t)
    ends = [one.kernel(s, t) for one in map(impl.sde, sdes)]
    left = np.array([[scale, std**2] for scale, std in ends]).reshape(1, -1)
    drifted = np.stack([terms[:, 0::3], terms[:, 1::3]], axis=2).reshape(len(terms), -1)
    noise = np.stack([0 * terms[:, 2::3], terms[:, 2::3]], axis=2).reshape(len(terms), -1)
    return Sides([left], [np.array([[1.0, 0.0] * len(sdes)]), drifted, noise], change)


def close_times(draw: Draw) -> dict:
    """Times s and t = s + 2^-k that are exact in float64."""
    s, h = draw.count(0, 900) / 1024, 2.0 ** -draw.count(10, 40)
    return {"sdes": [draw.sde([kind]) for kind in SDE_KINDS], "s": s, "t": s + h}


@theorem(
    f"{SONG}, appendix B (increments of the kernels)",
    "quadrature",
    close_times,
    about=" ".join(SDE_KERNELS.split()[:3]),
    outside={"a difference of given variances": lambda: {"sdes": [GIVEN], "s": 0.75, "t": 0.75 + 2.0**-40}},
)
def kernels_do_not_cancel(impl, sdes, s, t):
    r"""The variance of a kernel keeps full precision however close s and t are.

    v_{st} = \int_s^t (m_t/m_r)^2 g(r)^2\, dr"""

    def noise(r):
        columns = []
        for sde in sdes:
            (m_t, _), (m_r, _) = moments(sde, t), moments(sde, r)
            columns.append((m_t / m_r) ** 2 * coefficients(sde, r)[1])
        return np.stack(columns, axis=1)

    terms, change = over_time(noise, s, t)
    return Sides([np.array([[one.kernel(s, t)[1] ** 2 for one in map(impl.sde, sdes)]])], [terms], change)


def mixture_and_time(draw: Draw) -> dict:
    p, sde, t = draw.mixture(draw.dimension(3)), draw.choice(every_sde(draw)), draw.real(0.05, 0.99)
    return {"p": p, "sde": sde, "t": t, "x": draw.points(p, 1)}


@theorem(
    f"{SONG}, appendix D.1; Oksendal 2003 (Kolmogorov's forward equation)",
    "pointwise",
    mixture_and_time,
    about=DIFFUSIONS + " VariancePreserving.drift",
    mixtures=True,
    cancels=EITHER_SIGN,
)
def fokker_planck(impl, p, sde, t, x):
    r"""The law of x_t for a mixture solves the Fokker-Planck equation of the SDE's own drift and diffusion.

    \partial_t \log p_t = -\operatorname{div} f - f \cdot s
     + \tfrac12 g^2 (\operatorname{div} s + |s|^2)"""
    law, mine = diffused_by_hand(p, sde, t), impl.sde(sde)
    s, jacobian = score_and_jacobian(mixture_of(law), x)
    half, axes = 0.5 * mine.diffusion(t) ** 2, np.eye(p.d)
    spread, carried = -np.diag(mine.drift(axes, t)), -mine.drift(x, t) * s
    right = [*spread, *carried.T, half * np.einsum("nii->n", jacobian), half * np.sum(s**2, axis=1)]
    sizes = np.einsum("nii->n", jacobian_size(mixture_of(law), x)) + np.sum(products(law, x) ** 2, axis=1)
    return Sides(change_in_time(p, law, sde, t, x), right, formula=[half * sizes])


def change_in_time(p, law, sde, t, x):
    """The terms of d/dt log p_t(x): for each component one for its mean and two for its covariance."""
    (scale, variance), (a, g2) = moments(sde, t), coefficients(sde, t)
    terms = []
    for r, c, mean, cov in zip(law.responsibilities(x).T, law.components, p.means, p.covs):
        grown = 2 * a * (scale**2 * cov + variance * np.eye(p.d)) + g2 * np.eye(p.d)
        pulled = (x - c.mean) @ c.precision
        terms += [r * (pulled @ (a * scale * mean)), 0.5 * r * np.einsum("ni,ij,nj->n", pulled, grown, pulled)]
        terms.append(-0.5 * r * np.sum(c.precision * grown))
    return terms


def mixture_and_late_time(draw: Draw) -> dict:
    p, sdes = draw.mixture(draw.dimension()), every_sde(draw)[:3]
    return {"p": p, "sdes": sdes, "t": draw.real(0.6, 1.0), "y": draw.reals((1, p.d), -1.5, 1.5)}


@theorem(
    f"{SONG}, eq. 29 (for mixtures)",
    "quadrature",
    mixture_and_late_time,
    about=" ".join(f"{one}.diffused" for one in SDE_KINDS),
    plane=True,
    mixtures=True,
)
def diffused_laws_are_convolutions(impl, p, sdes, t, y):
    r"""The law of x_t is that of the data scaled by m and smoothed with N(0, std^2 I).

    p_t(y) = \mathbb E_{x_0 \sim p}[\mathcal N(y;\, m x_0,\, \text{std}^2 I)]"""
    first = p.components[0]
    laws = [(one.diffused(p, t), one.diffused(first, t)) for one in map(impl.sde, sdes)]
    left = np.array([[np.exp(law.log_prob(y)[0]) for pair in laws for law in pair]])

    def arriving(x):
        columns = []
        for scale, variance in (moments(one, t) for one in sdes):
            distance = np.sum((y - scale * x) ** 2, axis=1)
            kernel = np.exp(-0.5 * distance / variance) / (2 * np.pi * variance) ** (p.d / 2)
            columns += [kernel, kernel * np.exp(first.log_prob(x) - p.log_prob(x))]
        return np.stack(columns, axis=1)

    terms, change = expect([arriving], p)
    return Sides([left], terms, change)


@theorem(
    f"{SONG}, section 3.3 and appendix C",
    "pointwise",
    points_and_times,
    about=" ".join(f"{one}.prior" for one in SDE_KINDS),
)
def priors_by_hand(impl, sdes, x, t):
    r"""The prior is normal with mean 0 and the variance std(1)^2, or 1 for variance-preserving SDEs.

    \log \mathcal N(x; 0, v I),\ v = \text{std}(1)^2 \text{ or } 1"""
    variances = [end_variance(one) for one in sdes]
    left = [one.prior(x.shape[1]).log_prob(x) for one in map(impl.sde, sdes)]
    squares = [[-0.5 * np.sum(x**2, axis=1) / v] for v in variances]
    constants = [[-0.5 * x.shape[1] * np.log(2 * np.pi * v) * np.ones(len(x))] for v in variances]
    return Sides([np.array(left)[:, None]], [np.array(squares), np.array(constants)])


def gaussian_divergence(mean, cov, variance):
    """The terms of KL(N(mean, cov) | N(0, variance I))."""
    squares, log_det = [np.trace(cov), mean @ mean], np.linalg.slogdet(cov)[1]
    return [*(0.5 * term / variance for term in squares), -0.5 * log_det, 0.5 * len(mean) * (np.log(variance) - 1)]


def end_variance(sde):
    """The variance of the prior, by hand."""
    return 1.0 if "beta_min" in sde["parameters"] else moments(sde, 1.0)[1]


def gaussian_to_the_end(draw: Draw) -> dict:
    return {"p": draw.gaussian(draw.dimension()), "sdes": every_sde(draw)[:2]}


@theorem(
    f"{SONG}, section 3.3 (p_1 is not the prior)",
    "quadrature",
    gaussian_to_the_end,
    about="VariancePreserving.prior_gap",
    plane=True,
    cancels="the gap may be tiny compared with its terms",
)
def gap_to_the_prior_of_a_gaussian(impl, p, sdes):
    r"""For Gaussian data the gap is the closed-form KL divergence of the law at t = 1 from the prior.

    KL(\mathcal N(m \mu, m^2 C + \text{std}^2 I) | \mathcal N(0, v I))"""
    right = []
    for sde in sdes:
        scale, variance = moments(sde, 1.0)
        cov = scale**2 * p.cov + variance * np.eye(p.d)
        right.append(gaussian_divergence(scale * p.mean, cov, end_variance(sde)))
    gaps = [impl.sde(one).prior_gap(p) for one in sdes]
    return Sides([np.array([gaps])], [np.array([term]) for term in np.transpose(right)])


def mixture_to_the_end(draw: Draw) -> dict:
    return {"p": draw.mixture(draw.dimension()), "sde": draw.sde(["VariancePreserving"])}


@theorem(
    f"{SONG}, section 3.3 (p_1 is not the prior)",
    "quadrature",
    mixture_to_the_end,
    about="VariancePreserving.prior_gap",
    plane=True,
    mixtures=True,
    cancels="the gap may be tiny compared with its terms",
)
def gap_to_the_prior_of_a_mixture(impl, p, sde):
    r"""The gap is the cross entropy with the prior, which has a closed form, minus the entropy of the law at t = 1.

    KL(p_1 | \mathcal N(0, I)) = \tfrac12 \mathbb E|x_1|^2 + \tfrac d2 \log 2\pi - H(p_1)"""
    end = diffused_by_hand(p, sde, 1.0)
    (entropy,), change = expect([end.log_prob], end)
    square = sum(w * (np.trace(c) + m @ m) for w, c, m in zip(end.weights, end.covs, end.means))
    return Sides([impl.sde(sde).prior_gap(p)], [0.5 * square, 0.5 * p.d * LOG_2PI, entropy], change)


def mixture_and_more_noise(draw: Draw) -> dict:
    return mixture_to_the_end(draw) | {"more": draw.real(0.5, 4.0)}


@theorem(
    f"{SONG}, section 3.3; Cover and Thomas 2006, section 4.4",
    "quadrature",
    mixture_and_more_noise,
    about="VariancePreserving.prior_gap",
    plane=True,
    cancels="the gap may be tiny compared with its terms",
)
def gap_to_the_prior_falls_with_more_noise(impl, p, sde, more):
    r"""The gap is at least that of a Gaussian with the same mean and covariance, and falls as beta_max grows.

    KL(\mathcal N(\mathbb E x_1, \operatorname{Cov} x_1) | \mathcal N(0, I)) \le KL(p_1 | \mathcal N(0, I)) \le
     \text{the same for less } \beta_{\max}"""
    given = sde["parameters"]
    noisier = {"kind": sde["kind"], "parameters": given | {"beta_max": given["beta_max"] + more}}
    gaps = [impl.sde(one).prior_gap(p) for one in (sde, noisier)]
    end = diffused_by_hand(p, noisier, 1.0)
    mean = end.weights @ end.means
    centred = end.means - mean
    cov = np.einsum("k,kij->ij", end.weights, end.covs) + np.einsum("k,ki,kj->ij", end.weights, centred, centred)
    terms = [np.array([[term, 0.0]]) for term in gaussian_divergence(mean, cov, 1.0)]
    return Sides([*terms, np.array([[0.0, gaps[1]]])], [np.array([gaps[::-1]])], inequality=True)


def schedule(draw: Draw) -> dict:
    return {"sde": draw.sde(["VariancePreserving"]), "n_steps": draw.count(7, 18)}


@theorem(
    f"{SONG}, appendix B",
    "pointwise",
    schedule,
    about="VariancePreserving.betas SubVariancePreserving.betas",
)
def variances_of_the_steps(impl, sde, n_steps):
    r"""The variances of the steps are beta(i/N)/N, and their sum exceeds the integral of beta by a term in 1/N.

    \beta_i = \beta(i/N)/N,\ \textstyle\sum_i \beta_i = \int_0^1 \beta + \tfrac{\beta_{\max} - \beta_{\min}}{2N}"""
    first, last = sde["parameters"]["beta_min"], sde["parameters"]["beta_max"]
    both, i = (sde, sde | {"kind": "SubVariancePreserving"}), np.arange(1, n_steps + 1)
    left = [np.append(betas, np.sum(betas)) for betas in (impl.sde(one).betas(n_steps) for one in both)]
    rate = [first * (1 - i / n_steps) / n_steps, last * i / n_steps**2, 0.0 * i]
    whole = [first / 2, last / 2, 0.5 * (last - first) / n_steps]
    return Sides([np.stack(left)], [np.stack(2 * [np.append(a, b)]) for a, b in zip(rate, whole)])


SCHEDULES = [{"beta_min": 0.1, "beta_max": 6.0}, {"beta_min": 1.0, "beta_max": 2.0}, {"beta_min": 4.0, "beta_max": 0.5}]


@theorem(
    f"{SONG}, appendix B; Ho, Jain and Abbeel 2020, eq. 4", "limit", about="VariancePreserving.betas", cases=SCHEDULES
)
def product_of_the_steps_tends_to_the_scale(impl, given):
    r"""The fraction of the variance that N steps keep tends, at order 1/N, to the squared scale of the SDE.

    \textstyle\prod_i (1 - \beta_i) = e^{-B}\left(1 - \tfrac1{2N}(\beta_{\max} - \beta_{\min} + \int_0^1 \beta^2)
     + O(N^{-2})\right)"""
    sde = impl.VariancePreserving(**given)
    steps = 1 / (400 * 2.0 ** np.arange(4))
    first, last = given["beta_min"], given["beta_max"]
    kept = np.exp(-0.5 * (first + last))
    products = [np.exp(np.sum(np.log1p(-sde.betas(round(1 / h))))) for h in steps]
    coefficient = -0.5 * kept * (last - first + (first**2 + first * last + last**2) / 3)
    return Limit(steps, np.array(products) - kept, 1, coefficient)
