r"""Theorems about noise contrast: what its optimum is, its limits, and what it costs.

A row is a function of x plus one of each y: the mean over x with y held, and the mean over y with x held, less the row
where both are, make the mean over both. All nu points of a row may then be the same one.
"""

import autograd.numpy as anp
import numpy as np
from autograd import grad, make_jvp
from autograd.misc import flatten
from scipy.special import ndtri

from refebm.identities.draw import SMOOTH_ENERGIES, Draw
from refebm.identities.notation import EITHER_SIGN, ones, outer
from refebm.identities.real_nvp import from_normal, small_flow
from refebm.identities.record import Limit, Sampled, Sides, theorem
from refebm.identities.rules import all_bits, normal
from refebm.identities.wells import IN_THE_PLANE, PLACES, place, place_in_the_plane
from refebm.models import Model, mixture_of
from refebm.truth.densities import LOG_2PI, Gaussian, GaussianMixture, standard_normal
from refebm.truth.expectations import expect, gauss_hermite, total

GUTMANN = "Gutmann and Hyvarinen 2012, eq. 8 and theorem 1; Song and Kingma 2021, eqs. 19 and 20"
GOODFELLOW = "Goodfellow et al. 2014, proposition 1 and theorem 1; Stanford CS236, comparing NCE and GAN"
BREGMAN = "Gutmann and Hirayama 2011, eq. 8; Song and Kingma 2021, section 5"
CONDITIONAL = "Ceylan and Gutmann 2018"
NUS = (1, 4, 1, 4, 100)  # a hundred is dear


# Models as data, and noise


def energy_of(q: GaussianMixture, log_mass: float = 0.0) -> Model:
    """The mixture energy with exp(-E) = q e^log_mass, so that log Z is log_mass."""
    parameters = mixture_of(q).parameters
    return Model("mixture", parameters | {"logits": parameters["logits"] + log_mass - 0.5 * q.d * LOG_2PI})


def log_density(energy: Model, log_z: float = 0.0) -> Model:
    """-E - log Z, as what is learnt."""
    return Model("log_density", {"kind": energy.kind, "parameters": energy.parameters, "log_z": log_z})


def spring(q: GaussianMixture, offset: float = 0.0) -> Model:
    """log q - offset for one Gaussian, as a quadratic energy: no logit that log Z could be traded for."""
    (component,) = q.components
    log_z = 0.5 * q.d * LOG_2PI - 0.5 * float(np.linalg.slogdet(component.precision)[1]) + offset
    return log_density(Model("quadratic", {"mean": component.mean, "precision": component.precision}), log_z)


def known(noise: GaussianMixture) -> Model:
    """Its log-density as a model, the simplest there is."""
    return spring(noise) if len(noise.components) == 1 else log_density(energy_of(noise))


def wide_noise(draw: Draw, p: GaussianMixture) -> GaussianMixture:
    """One Gaussian around p, wider than p as a whole."""
    mean = p.weights @ p.means
    variance = p.weights @ (np.einsum("kii->ki", p.covs) + (p.means - mean) ** 2)
    shift, width = draw.reals((p.d,), -0.5, 0.5), draw.real(1.4, 1.8)
    return GaussianMixture([1.0], [mean + shift * np.sqrt(variance)], [np.diag(width**2 * variance)])


def data_and_noise(draw: Draw, nus=NUS, most=1) -> dict:
    """A hundred noise points for each data point on the line alone."""
    p = draw.mixture(draw.dimension(most), 2)
    return {"p": p, "noise": wide_noise(draw, p), "nu": draw.choice(nus if p.d == 1 else nus[:2])}


def other(draw: Draw, d: int) -> GaussianMixture:
    """A model that is not the data's density, as a mixture: apart from it even in the simplest case."""
    k = draw.count(1, 2)
    weights = draw.reals((k,), 0.2, 1.0)
    means = draw.reals((k, d), -1.0, 2.0)
    return GaussianMixture(weights / np.sum(weights), means, np.array([draw.covariance(d) for _ in range(k)]))


def data_noise_and_model(draw: Draw, nus=NUS) -> dict:
    case = data_and_noise(draw, nus)
    return case | {"q": other(draw, case["p"].d), "offset": draw.real(-1, 1)}


def with_wider_noise(case: dict) -> dict:
    """Noise wider than any component and the model, whose ratio to it is bounded then."""
    noise = case["noise"]
    return case | {"noise": GaussianMixture([1.0], noise.means, noise.covs + 3.0 * np.eye(noise.d))}


def blend(p: GaussianMixture, noise: GaussianMixture, nu: int) -> GaussianMixture:
    """m = (p + nu p_n)/(1 + nu): of what a classifier is shown."""
    weights, means, covs = (np.concatenate([getattr(a, n) for a in (p, noise)]) for n in ("weights", "means", "covs"))
    return GaussianMixture(weights / (1 + nu) * np.repeat([1, nu], [len(p.means), len(noise.means)]), means, covs)


def finely(density, *others):
    """On a lattice as fine as the others need, which are components of no weight: a loss varies as fast as they do."""
    weights, means, covs = (
        np.concatenate([getattr(each, name) for each in (density, *others)]) for name in ("weights", "means", "covs")
    )
    return GaussianMixture(weights * (np.arange(len(weights)) < len(density.weights)), means, covs)


# The two halves of a row


def anchor(p):
    """A point that x or y is held at."""
    return (p.weights @ p.means)[None]


def over_data(row, p, nu):
    """x -> row(x, y) with every y at the anchor."""
    return lambda x: row(x, np.broadcast_to(anchor(p), (nu, *x.shape)))


def over_noise(row, p, nu, moving=0):
    """y -> row(x, y) with x at the anchor, and of nu points all at y, or so many of them and the rest at the anchor."""

    def of(y):
        at = anchor(p) + 0 * y
        moved = moving or nu
        return row(
            at, np.concatenate([np.broadcast_to(y, (moved, *y.shape)), np.broadcast_to(at, (nu - moved, *y.shape))])
        )

    return of


def mean_row(row, p, noise, nu, *models):
    """The terms of E row(X, Y_1 .. Y_nu), and how far they have settled."""
    (data,), change = expect([over_data(row, p, nu)], finely(p, *models))
    (contrast,), other = expect([over_noise(row, p, nu)], finely(noise, *models))
    return [data, contrast, -row(anchor(p), np.stack([anchor(p)] * nu))], max(change, other)


def contrast_of(impl, noise):
    """model -> the rows of noise contrast, (x, y) -> (n,), against noise of this density."""
    contrast = impl.energy(known(noise))
    return lambda model: lambda x, y: impl.noise_contrastive(impl.energy(model), contrast, x, y)


def log_odds(q, noise, nu, offset=0.0):
    """log D and log(1 - D), D = q/(q + nu p_n), in the documents' form: log q - log(q + nu p_n)."""

    def of(x):
        data, contrast = q.log_prob(x) - offset, noise.log_prob(x) + np.log(nu)
        both = np.logaddexp(data, contrast)
        return data - both, contrast - both

    return of


def divergences(p, noise, nu):
    """-KL(p|m) and -nu KL(p_n|m), as terms."""
    m = blend(p, noise, nu)
    (data,), change = expect([lambda x: m.log_prob(x) - p.log_prob(x)], p)
    (contrast,), other = expect([lambda y: nu * (m.log_prob(y) - noise.log_prob(y))], finely(noise, p))
    return [data, contrast], max(change, other)


def misfit(p, noise, nu, q, offset):
    """(1 + nu) E_m[KL(D*|D)], as terms, D* of p and D of the model q e^{-offset}."""
    best, mine = log_odds(p, noise, nu), log_odds(q, noise, nu, offset)

    def half(i):
        return lambda x: (1 + nu) * np.exp(best(x)[i]) * (best(x)[i] - mine(x)[i])

    return expect([half(0), half(1)], finely(blend(p, noise, nu), q))


def entropy_of_the_labels(nu):
    """(1 + nu) times it: what a classifier loses that cannot tell data from noise."""
    return (1 + nu) * np.log(1 + nu) - nu * np.log(nu)


# By hand


def rows_and_models(draw: Draw) -> dict:
    d, nu = draw.count(1, 4), draw.count(1, 4)
    return {
        "model": log_density(draw.model(d, SMOOTH_ENERGIES), draw.real(-2, 2)),
        "noise": log_density(draw.model(d, ("quadratic",)), draw.real(0, 4)),
        "x": draw.reals((3, d), -2, 2),
        "y": draw.reals((nu, 3, d), -2, 2),
    }


def values(model, noise, x, y):
    """log model and log noise at x, (n,), and at each y, [(n,)] * nu."""
    return [(model(at), noise(at)) for at in (x, *y)]


def stacked(*rows):
    """Lists of terms side by side, the shorter ones filled up with zeros."""
    most = max(map(len, rows))
    return [np.stack(terms) for terms in zip(*(row + [0 * row[0]] * (most - len(row)) for row in rows))]


@theorem(GUTMANN, kind="pointwise", about="noise_contrastive", case=rows_and_models)
def noise_contrast_by_hand(impl, model, noise, x, y):
    r"""The stable form is the documents' log-sum-exp form, and the naive form where that does not overflow.

    -\log \frac{p}{p + \nu p_n}(x) - \sum_j \log \frac{\nu p_n}{p + \nu p_n}(y_j),\ \log \frac{p}{p + \nu p_n}
    = \log p - \log(e^{\log p} + e^{\log \nu p_n})"""
    nu = len(y)
    (a, b), *rest = ((data, contrast + np.log(nu)) for data, contrast in values(model, noise, x, y))
    naive = [np.log1p(np.exp(b) / np.exp(a)), *(np.log1p(np.exp(a_j) / np.exp(b_j)) for a_j, b_j in rest)]
    lse = [np.logaddexp(a, b), -a, *(f for a_j, b_j in rest for f in (np.logaddexp(a_j, b_j), -b_j))]
    rows = impl.noise_contrastive(impl.energy(model), impl.energy(noise), x, y)
    return Sides([np.stack([rows, rows])], stacked(naive, lse))


@theorem(GOODFELLOW, kind="pointwise", about="gan_discriminator_loss", case=rows_and_models)
def discriminator_loss_by_hand(impl, model, noise, x, y):
    r"""The discriminator's loss, D = sigmoid(logit), in the naive form.

    -\log \frac{1}{1 + e^{-a(x)}} - \log \frac{1}{1 + e^{a(y)}}"""
    rows = impl.gan_discriminator_loss(impl.energy(model), x, y[0])
    return Sides([rows], [np.log1p(np.exp(-model(x))), np.log1p(np.exp(model(y[0])))])


def optimal_logit(p, noise, offset=0.0) -> Model:
    """log p - log p_n - offset as model data, for noise of one component, wider than those of p: a mixture too."""
    (m_n,), (c_n,) = noise.means, noise.components
    precisions = np.array([c.precision - c_n.precision for c in p.components])
    moments = np.array([c.precision @ c.mean - c_n.precision @ m_n for c in p.components])
    means = np.linalg.solve(precisions, moments[:, :, None])[:, :, 0]
    squares = np.array([c.mean @ c.precision @ c.mean - m_n @ c_n.precision @ m_n for c in p.components])
    logs = np.array([0.5 * np.linalg.slogdet(c.precision @ c_n.cov)[1] for c in p.components])
    logits = np.log(p.weights) + logs - 0.5 * (squares - np.sum(means * moments, axis=1))
    return log_density(Model("mixture", {"logits": logits, "means": means, "precisions": precisions}), offset)


def data_noise_and_points(draw: Draw) -> dict:
    d = draw.dimension(3)
    p = draw.mixture(d)
    case = {"p": p, "noise": wide_noise(draw, p), "x": draw.points(p, 3, 3.0), "y": draw.points(p, 3, 3.0)}
    return with_wider_noise(case)


@theorem(GOODFELLOW, kind="pointwise", about="gan_discriminator_loss noise_contrastive", case=data_noise_and_points)
def discriminator_loss_is_noise_contrast(impl, p, noise, x, y):
    r"""With logit = log p - log p_n the discriminator's loss is noise contrast with one noise point each.

    -\log \frac{p}{p + p_n}(x) - \log \frac{p_n}{p + p_n}(y)"""
    gan = impl.gan_discriminator_loss(impl.energy(optimal_logit(p, noise)), x, y)
    nce = contrast_of(impl, noise)(log_density(energy_of(p)))(x, y[None])
    data, contrast = (np.split(density.log_prob(np.concatenate([x, y])), 2) for density in (p, noise))
    terms = [np.logaddexp(data[0], contrast[0]), -data[0], np.logaddexp(data[1], contrast[1]), -contrast[1]]
    return Sides([np.stack([gan, nce])], [np.stack([t, t]) for t in terms])


def far_models(draw: Draw) -> dict:
    d, nu = draw.count(1, 3), draw.count(1, 3)
    return {
        "energy": draw.model(d, SMOOTH_ENERGIES),
        "noise": log_density(draw.model(d, ("quadratic",)), draw.real(0, 4)),
        "log_z": draw.choice((1.0, -1.0)) * 10.0 ** draw.count(3, 307),
        "x": draw.reals((3, d), -2, 2),
        "y": draw.reals((nu, 3, d), -2, 2),
    }


@theorem(
    GUTMANN,
    kind="pointwise",
    about="noise_contrastive bregman_noise_contrastive gan_discriminator_loss LOGISTIC",
    case=far_models,
)
def far_log_ratios_saturate(impl, energy, noise, log_z, x, y):
    r"""Where exp would overflow, up to 1e307, the losses are linear, or nothing.

    \max(0, -L(x)) + \sum_j \max(0, L(y_j)),\ L = -E - \log Z - \log p_n - \log \nu"""
    model, nu = log_density(energy, log_z), len(y)
    models = impl.energy(model), impl.energy(noise)
    left = [impl.noise_contrastive(*models, x, y)]
    left.append(impl.bregman_noise_contrastive(*models, impl.LOGISTIC, x, y))
    left.append(impl.gan_discriminator_loss(models[0], x, y[0]))
    at, sign = ([x], 1) if log_z > 0 else (list(y), -1)
    ratio = [[sign * f for f in (log_z + 0 * x[:, 0], energy(a), noise(a), np.log(nu) * ones(a))] for a in at]
    alone = [sign * (log_z + 0 * x[:, 0]), sign * energy(at[0])]
    flat = [term for terms in ratio for term in terms]
    return Sides([np.stack(left)], stacked(flat, flat, alone))


def certain(draw: Draw) -> dict:
    """A spring, and points with which nothing is mistaken: log odds of data 40 to 350, of noise minus that."""
    a, d, nu = draw.real(40, 350), draw.count(1, 3), draw.count(1, 3)
    x, y = np.zeros((1, d)), np.zeros((nu, 1, d))
    y[..., 0] = np.sqrt(4 * a) * (1 + draw.reals((nu, 1), -0.01, 0.01))
    return {"spring": Model("quadratic", {"mean": np.zeros(d), "precision": np.eye(d)}), "a": a, "x": x, "y": y}


@theorem(
    f"{GUTMANN}; {CONDITIONAL}, eq. 10",
    kind="pointwise",
    about="noise_contrastive bregman_noise_contrastive gan_discriminator_loss LOGISTIC conditional_noise_contrastive",
    case=certain,
)
def certain_classifiers_lose_next_to_nothing(impl, spring, a, x, y):
    r"""Where data and noise are told apart with certainty, the loss is the chance of a mistake, not zero.

    e^{-L(x)} + \sum_j e^{L(y_j)};\ \tfrac2\kappa \sum_j e^{-G_j}"""
    model, nu = log_density(spring, -a), len(y)
    flat = log_density(Model("quadratic", {"mean": 0 * x[0], "precision": np.zeros((x.shape[1],) * 2)}))
    models = impl.energy(model), impl.energy(flat)
    left = [impl.noise_contrastive(*models, x, y), impl.bregman_noise_contrastive(*models, impl.LOGISTIC, x, y)]
    left += [impl.gan_discriminator_loss(models[0], x, y[0])]
    left += [impl.conditional_noise_contrastive(impl.energy(spring), x, y)]
    at_x, at_y = np.exp(-a) * np.ones(1), [np.exp(a - spring(y_j)) for y_j in y]
    conditional = [2 / nu * np.exp(-spring(y_j)) for y_j in y]
    first = [np.stack([nu * at_x, nu * at_x, at_x, 0 * at_x])]
    return Sides(
        [np.stack(left)],
        first
        + [np.stack([b / nu, b / nu, b if j == 0 else 0 * b, c]) for j, (b, c) in enumerate(zip(at_y, conditional))],
    )


@theorem(
    GOODFELLOW + "; Stanford CS236, flow contrastive estimation",
    kind="pointwise",
    about="gan_discriminator_loss noise_contrastive",
    case=data_noise_and_points,
    cancels=EITHER_SIGN,
)
def exchange_of_data_and_noise_gives_the_density_back(impl, p, noise, x, y):
    r"""At the optimum, data and noise exchanged, the loss changes by the log-odds, and p_n D*/(1 - D*) is p.

    \ell(x, y) - \ell(y, x) = \log \tfrac{D^*}{1 - D^*}(y) - \log \tfrac{D^*}{1 - D^*}(x),\
    p_n \tfrac{D^*}{1 - D^*} = p"""
    logit = impl.energy(optimal_logit(p, noise))
    nce = contrast_of(impl, noise)(log_density(energy_of(p)))
    there, back = np.concatenate([x, y]), np.concatenate([y, x])
    both = np.stack([impl.gan_discriminator_loss(logit, there, back), nce(there, back[None])])
    data, contrast = (np.split(density.log_prob(there), 2) for density in (p, noise))
    terms = [data[1], -contrast[1], -data[0], contrast[0]]
    return Sides([both[:, : len(x)], -both[:, len(x) :]], [np.stack([t, t]) for t in terms])


# The optimum, and what is lost away from it


@theorem(
    GUTMANN + "; " + GOODFELLOW,
    kind="quadrature",
    about="noise_contrastive",
    case=lambda draw: data_and_noise(draw, most=2) | {"log_z": draw.real(-2, 2)},
    plane=True,
    mixtures=True,
)
def noise_contrast_at_the_truth_is_a_divergence(impl, p, noise, nu, log_z):
    r"""Where the model is the data's density, log Z the partition function's logarithm, what is left are divergences.

    \mathbb E\ell = (1 + \nu)\log(1 + \nu) - \nu \log \nu - KL(p|m) - \nu KL(p_n|m),\ m = \tfrac{p + \nu p_n}{1 + \nu};\
    2 \log 2 - 2 JS \text{ at } \nu = 1"""
    model = log_density(energy_of(p, log_z), log_z)
    terms, change = mean_row(contrast_of(impl, noise)(model), p, noise, nu)
    right, other = divergences(p, noise, nu)
    return Sides(terms, [entropy_of_the_labels(nu), *right], max(change, other))


@theorem(GUTMANN, kind="quadrature", about="noise_contrastive", case=data_noise_and_model)
def noise_contrast_is_the_divergence_of_classifiers(impl, p, noise, nu, q, offset):
    r"""Away from the truth the loss is larger by the mean divergence between the classifiers: the truth is the minimum.

    \mathbb E\ell(q) = \mathbb E\ell(p) + (1 + \nu)\, \mathbb E_m KL(D^*|D),\ D = \tfrac{q}{q + \nu p_n},\
    D^* = \tfrac{p}{p + \nu p_n}"""
    model = log_density(energy_of(q), offset)
    terms, change = mean_row(contrast_of(impl, noise)(model), p, noise, nu, p, q)
    right, other = divergences(p, noise, nu)
    excess, third = misfit(p, noise, nu, q, offset)
    return Sides(terms, [entropy_of_the_labels(nu), *right, *excess], max(change, other, third))


@theorem(
    GOODFELLOW + "; Gao et al. 2020",
    kind="quadrature",
    about="gan_discriminator_loss",
    case=lambda draw: with_wider_noise(data_noise_and_model(draw, (1,))),
)
def discriminator_loss_is_jensen_shannon_and_misfit(impl, p, noise, nu, q, offset):
    r"""The discriminator's loss is 2 log 2 - 2 JS and the mean divergence from the best: no D does better.

    \mathbb E\ell = 2 \log 2 - 2 JS(p, p_n) + 2\, \mathbb E_m KL(D^*|D),\ m = \tfrac12(p + p_n)"""
    logit = impl.energy(optimal_logit(q, noise, offset))
    terms, change = mean_row(lambda x, y: impl.gan_discriminator_loss(logit, x, y[0]), p, noise, 1, p, q)
    right, other = divergences(p, noise, 1)
    excess, third = misfit(p, noise, 1, q, offset)
    return Sides(terms, [2 * np.log(2), *right, *excess], max(change, other, third))


def corrected(draw: Draw) -> dict:
    d = draw.dimension()
    p = draw.mixture(d, 2)
    x = anchor(p) + draw.reals((1, d), -0.5, 0.5)
    return with_wider_noise({"p": p, "noise": wide_noise(draw, p), "offset": draw.real(-1, 1), "x": x})


@theorem(
    "Stanford CS236, comparing NCE and GAN; " + GOODFELLOW,
    kind="quadrature",
    about="gan_discriminator_loss",
    case=corrected,
    plane=True,
    mixtures=True,
)
def corrected_noise_is_the_model(impl, p, noise, offset, x):
    r"""Noise weighed by D/(1 - D), as the loss tells it, is the model that D has in mind, and the data where D is best.

    \mathbb E_{p_n}[h(Y)\, e^{\ell(x, Y) - \ell(Y, x)}]\, \tfrac{D}{1 - D}(x) = e^{-c}\, \mathbb E_p[h(X)],\
    D = \tfrac{p e^{-c}}{p e^{-c} + p_n},\ h = 1, x, |x|^2"""
    logit = impl.energy(optimal_logit(p, noise, offset))
    at_x = np.exp(p.log_prob(x) - offset - noise.log_prob(x))

    def moments(y):
        return np.column_stack([np.ones(len(y)), y, np.sum(y**2, axis=1)])

    def weighted(y):
        there, back = (impl.gan_discriminator_loss(logit, *pair) for pair in ((x + 0 * y, y), (y, x + 0 * y)))
        odds = np.exp(np.minimum(there - back, 300.0)) * at_x  # bounded, since the noise is wide: a wrong sign is not
        return odds[:, None] * moments(y)

    left, change = expect([weighted], noise)
    (right,), other = expect([moments], p)
    return Sides(left, [np.exp(-offset) * right], max(change, other))


# Gradients in the parameters, log Z among them


def learnt(model):
    """The parameters of a log-density, log Z first, then the energy's by their names; and the model from them."""
    given = model.parameters
    theta, unflatten = flatten({name: given[name] for name in ("log_z", "parameters")})

    def rebuilt(theta):
        parts = unflatten(theta)
        return log_density(Model(given["kind"], parts["parameters"]), parts["log_z"])

    return theta, rebuilt


def along(function, model, directions):
    """The derivatives (n, k) of function(model), (n,), along each of k directions of the parameters."""
    theta, rebuilt = learnt(model)
    forward = make_jvp(lambda theta: function(rebuilt(theta)))(theta)
    return np.stack([forward(v)[1] for v in directions], axis=1)


def slopes(q: GaussianMixture, x):
    """The gradients (n, P) of log q - log Z in the parameters that `learnt` lists, by hand."""
    y = x[:, None, :] - q.means
    r, pulled = q.responsibilities(x), np.einsum("nki,kij->nkj", y, np.stack([c.precision for c in q.components]))
    parts = [-np.ones(len(x)), r, r[:, :, None] * pulled, -0.5 * np.einsum("nk,nki,nkj->nkij", r, y, y)]
    return np.concatenate([np.reshape(part, (len(x), -1)) for part in parts], axis=1)


def size_of(q: GaussianMixture) -> int:
    """How many parameters are learnt: log Z, logits, means, precisions."""
    k, d = q.means.shape
    return 1 + k * (1 + d + d * d)


def axes(draw: Draw, q: GaussianMixture) -> np.ndarray:
    """The directions of log Z and of one other parameter: of several at once, slopes would cancel each other."""
    return np.eye(size_of(q))[[0, draw.count(1, size_of(q) - 1)]]


def gradient_of_contrast(impl, model, noise, v):
    rows = contrast_of(impl, noise)
    return lambda x, y: along(lambda model: rows(model)(x, y), model, v)


def rows_and_direction(draw: Draw) -> dict:
    d, nu = draw.count(1, 3), draw.count(1, 3)
    q = other(draw, d)
    return {
        "q": q,
        "offset": draw.real(-2, 2),
        "noise": other(draw, d),
        "x": draw.reals((3, d), -2, 2),
        "y": draw.reals((nu, 3, d), -2, 2),
        "v": draw.reals((1, size_of(q)), -1, 1),
    }


@theorem(
    GUTMANN,
    kind="pointwise",
    about="noise_contrastive",
    case=rows_and_direction,
    cancels=EITHER_SIGN,
)
def gradient_of_noise_contrast_by_hand(impl, q, offset, noise, x, y, v):
    r"""The gradient in any direction, log Z's among them: the slope of the model, weighed by what is misjudged.

    -(1 - D(x))\, \partial \log p_\theta(x) + \sum_j D(y_j)\, \partial \log p_\theta(y_j)"""
    rows = gradient_of_contrast(impl, log_density(energy_of(q), offset), noise, v)(x, y)
    at = np.concatenate([x, *y])
    data, contrast = np.exp(log_odds(q, noise, len(y), offset)(at))
    weights, slope = np.concatenate([-contrast[: len(x)], data[len(x) :]])[:, None], slopes(q, at)
    sizes = np.split(np.abs(slope) @ np.abs(v.T), 1 + len(y))
    return Sides([rows], np.split(weights * (slope @ v.T), 1 + len(y)), formula=sizes)


def truth_and_direction(draw: Draw) -> dict:
    case = data_and_noise(draw)
    return case | {"log_z": draw.real(-2, 2), "v": axes(draw, case["p"])}


@theorem(
    GUTMANN,
    kind="quadrature",
    about="noise_contrastive",
    case=truth_and_direction,
    cancels="zero at the truth",
)
def noise_contrast_is_stationary_at_the_truth(impl, p, noise, nu, log_z, v):
    r"""At the truth, where Z is the partition function, the gradient vanishes in each parameter and in log Z.

    \mathbb E\, \partial_\theta \ell = 0,\ \mathbb E\, \partial_{\log Z} \ell = 0 \text{ at } p_\theta = p,\
    \log Z = \log \int e^{-E}"""
    model = log_density(energy_of(p, log_z), log_z)
    terms, change = mean_row(gradient_of_contrast(impl, model, noise, v), p, noise, nu)
    return Sides(terms, [0.0], change)


def model_and_direction(draw: Draw) -> dict:
    case = data_noise_and_model(draw, (1, 4))
    return case | {"v": axes(draw, case["q"])[draw.count(0, 1) :]}


@theorem(
    GUTMANN,
    kind="quadrature",
    about="noise_contrastive",
    case=model_and_direction,
    cancels=EITHER_SIGN,
)
def gradient_of_noise_contrast_weighs_the_misfit(impl, p, noise, nu, q, offset, v):
    r"""Away from the truth the gradient is the likelihood's, weighed by the probability of noise: 1 for large nu.

    \mathbb E\, \partial \ell = \int P_\nu\, (p_\theta - p)\, \partial \log p_\theta,\
    P_\nu = \tfrac{\nu p_n}{p_\theta + \nu p_n}"""
    model, odds = log_density(energy_of(q), offset), log_odds(q, noise, nu, offset)

    def weighed(x):
        return np.exp(odds(x)[1])[:, None] * (slopes(q, x) @ v.T)

    terms, change = mean_row(gradient_of_contrast(impl, model, noise, v), p, noise, nu, p, q)
    (of_model,), other = expect([lambda x: np.exp(-offset) * weighed(x)], q)
    (of_data,), third = expect([weighed], p)
    return Sides(terms, [of_model, -of_data], max(change, other, third))


def spring_slopes(q: GaussianMixture, x):
    """The gradients (n, P) of it, in log Z, mean and precision."""
    return np.delete(slopes(q, x), 1, axis=1)


WIDE_NOISE = [  # x, mean and variance of q, log of the mass, mean and deviation of the noise, direction of parameters
    (0.7, 0.2, 0.7, -0.3, 0.5, 2.5, (0.0, 1.0, -0.4)),
    (-0.4, -0.3, 1.2, 0.5, 0.0, 3.0, (1.0, 0.0, 0.0)),
]


def point_and_wide_noise(draw: Draw) -> dict:
    x, mean, variance, log_mass, centre, deviation, v = draw.choice(WIDE_NOISE)
    return {
        "x": np.array([[x]]),
        "q": GaussianMixture([1.0], [[mean]], variance),
        "offset": -log_mass,
        "noise": GaussianMixture([1.0], [[centre]], deviation**2),
        "v": np.array(v),
    }


@theorem(
    GUTMANN,
    kind="limit",
    about="noise_contrastive",
    case=point_and_wide_noise,
    cases=len(WIDE_NOISE),
)
def many_noise_points_are_maximum_likelihood(impl, x, q, offset, noise, v):
    r"""With many noise points, wide enough for p_theta/p_n to be bounded, the gradient at any x is the likelihood's.

    \mathbb E \nabla \ell(x) = -\nabla f(x) + \int e^{f - c} \nabla f + O(\tfrac1\nu),\
    \mathbb E\, \partial_c \ell(x) = 1 - \int e^{f - c} + O(\tfrac1\nu),\ c = \log Z"""

    def gradient(nu):  # the nu quantiles stand for the noise: where p_theta/p_n falls off they are wrong by nu^-2
        y = noise.components[0].substitute(ndtri((np.arange(nu) + 0.5) / nu)[:, None])[0]
        rows = contrast_of(impl, noise)
        return along(lambda model: rows(model)(x, y[:, None]), spring(q, offset), [v])[0, 0]

    def ratio(at):
        return np.exp(q.log_prob(at) - offset - noise.log_prob(at))

    def slope(at):
        return spring_slopes(q, at) @ v

    first, second = expect([lambda y: ratio(y) * slope(y), lambda y: ratio(y) ** 2 * slope(y)], noise).value
    nus = 10 ** np.arange(2, 7)
    errors = [gradient(nu) - (first - slope(x)[0]) for nu in nus]
    return Limit(1 / nus, errors, 1, ratio(x)[0] * slope(x)[0] - second)


# What the estimate costs


def gaussian_and_noise(draw: Draw) -> dict:
    p = GaussianMixture([1.0], [[draw.real(-1, 1)]], draw.real(0.5, 1.5))
    return {"p": p, "noise": wide_noise(draw, p), "nu": draw.choice((1, 2, 8))}


def gradient_rows(impl, p, noise):
    """(x, y) -> the gradient of the row at the truth, (n, 3), in log Z, mean and precision."""
    rows = contrast_of(impl, noise)
    return lambda x, y: along(lambda model: rows(model)(x, y), spring(p), np.eye(3))


def information(p, noise, nu):
    """I = int g g^T P_nu p and E = int g P_nu p, as terms, from slopes g by hand."""
    odds = log_odds(p, noise, nu)

    def weighed(x):
        return np.exp(odds(x)[1])[:, None] * spring_slopes(p, x)

    return expect([lambda x: outer(weighed(x), spring_slopes(p, x)), weighed], p)


ASYMPTOTIC = "Gutmann and Hyvarinen 2012, theorem 3"


@theorem(ASYMPTOTIC, kind="quadrature", about="noise_contrastive", case=gaussian_and_noise, cancels=EITHER_SIGN)
def covariance_of_the_gradient_at_the_truth(impl, p, noise, nu):
    r"""The covariance of the gradient at the truth, log Z's among them, of one data point with its noise.

    \operatorname{Cov}(\nabla \ell) = I - (1 + \tfrac1\nu) E E^\top,\ I = \int g g^\top P_\nu p,\
    E = \int g P_\nu p,\ g = \nabla \log p_\theta,\ P_\nu = \tfrac{\nu p_n}{p + \nu p_n}"""
    row = gradient_rows(impl, p, noise)

    def squares(function):
        """x -> g g^T, and g itself for a fourth column."""

        def of(x):
            g = function(x)
            return outer(g, np.column_stack([g, ones(g)]))

        return of

    (data,), change = expect([squares(over_data(row, p, nu))], p)
    (contrast,), another = expect([squares(over_noise(row, p, nu, moving=1))], noise)
    (matrix, vector), third = information(p, noise, nu)
    means = [total(terms[:, :, 3])[None] for terms in (data, contrast)]
    left = [data[:, :, :3], -outer(means[0], means[0]), nu * contrast[:, :, :3], -nu * outer(means[1], means[1])]
    mean = total(vector)[None]
    return Sides(left, [matrix, -(1 + 1 / nu) * outer(mean, mean)], max(change, another, third))


def second_derivative(function, model, v):
    """The second derivatives (n,) of function(model), (n,), along v."""
    theta, rebuilt = learnt(model)

    def slope(t):
        return make_jvp(lambda t: function(rebuilt(theta + t * v)))(t)(1.0)[1]

    return make_jvp(slope)(0.0)(1.0)[1]


def curvature_rows(impl, p, noise, v):
    """(x, y) -> the second derivative of the row at the truth, along v."""
    rows = contrast_of(impl, noise)
    return lambda x, y: second_derivative(lambda model: rows(model)(x, y), spring(p), v)


@theorem(
    ASYMPTOTIC,
    kind="quadrature",
    about="noise_contrastive",
    case=lambda draw: gaussian_and_noise(draw) | {"v": draw.reals((3,), -1, 1)},
    cancels=EITHER_SIGN,
)
def curvature_at_the_truth_is_the_information(impl, p, noise, nu, v):
    r"""The second derivative at the truth: with the covariance of the gradient it makes that of the estimate.

    \mathbb E\, \partial_v^2 \ell = v^\top I v;\ n \operatorname{Cov}(\hat\theta) \to
    I^{-1} - (1 + \tfrac1\nu) I^{-1} E E^\top I^{-1}"""
    terms, change = mean_row(curvature_rows(impl, p, noise, v), p, noise, nu)
    (matrix, _), another = information(p, noise, nu)
    return Sides(terms, [matrix @ v @ v], max(change, another))


def asymptotic_covariance(matrix, vector, nu):
    """Of theta and log Z, per data point."""
    inverse = np.linalg.inv(matrix)
    return inverse - (1 + 1 / nu) * np.outer(inverse @ vector, inverse @ vector)


def mean_of(function, p):
    """E_p of a function that is smooth on the scale of p, by 30 nodes."""
    rule = gauss_hermite(p.components[0], 30)
    return total((function(rule.x).T * rule.weights).T)


def judged_covariance(impl, p, noise, nu):
    """I^{-1} Cov(grad) I^{-1}, from the derivatives of the rows alone."""

    def curvature(v):
        row, at = curvature_rows(impl, p, noise, v), anchor(p)
        means = mean_of(over_data(row, p, nu), p) + mean_of(over_noise(row, p, nu), noise)
        return means - row(at, np.stack([at] * nu))[0]

    def covariance(function, density):
        mean = mean_of(function, density)
        return mean_of(lambda x: outer(function(x) - mean, function(x) - mean), density)

    row, e = gradient_rows(impl, p, noise), np.eye(3)
    alone = [curvature(v) for v in e]
    matrix = np.diag(alone)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        matrix[i, j] = matrix[j, i] = 0.5 * (curvature(e[i] + e[j]) - alone[i] - alone[j])
    spread = covariance(over_data(row, p, nu), p) + nu * covariance(over_noise(row, p, nu, moving=1), noise)
    return np.linalg.inv(matrix) @ spread @ np.linalg.inv(matrix)


FISHER = [(0.3, 0.8, 0.1, 1.6), (-0.5, 1.3, -0.4, 2.0)]  # mean and variance of p, mean and deviation of the noise


def gaussian_and_wide_noise(draw: Draw) -> dict:
    mean, variance, centre, deviation = draw.choice(FISHER)
    return {
        "p": GaussianMixture([1.0], [[mean]], variance),
        "noise": GaussianMixture([1.0], [[centre]], deviation**2),
    }


@theorem(
    "Gutmann and Hyvarinen 2012, corollaries of theorem 3",
    kind="limit",
    about="noise_contrastive",
    case=gaussian_and_wide_noise,
    cases=len(FISHER),
)
def asymptotic_covariance_tends_to_fishers(impl, p, noise):
    r"""With many noise points the asymptotic covariance of the estimate is that of maximum likelihood: order 1 in 1/nu.

    I^{-1} \operatorname{Cov}(\nabla \ell) I^{-1} = C_F + \tfrac1\nu (G^{-1} J G^{-1} - e e^\top) + O(\nu^{-2}),\
    G = \mathbb E_p g g^\top,\ J = \mathbb E_p[\tfrac{p}{p_n} g g^\top],\ e \text{ the direction of } \log Z"""
    precision, w = float(p.components[0].precision[0, 0]), np.array([0.5, 1.0, -0.7])
    delta = np.array([[0, -0.5 / precision], [1, 0], [0, 1]])  # log Z follows the precision: log Z = -1/2 log P + ...
    fisher = delta @ np.diag([1 / precision, 2 * precision**2]) @ delta.T

    def weighed(x):
        return outer(spring_slopes(p, x), spring_slopes(p, x))

    def tilted(x):
        return np.exp(p.log_prob(x) - noise.log_prob(x))[:, None, None] * weighed(x)

    (whole, part) = expect([weighed, tilted], p).value
    coefficient = w @ np.linalg.inv(whole) @ part @ np.linalg.inv(whole) @ w - w[0] ** 2
    nus = np.array([30, 90, 270])
    errors = [w @ (judged_covariance(impl, p, noise, int(nu)) - fisher) @ w for nu in nus]
    return Limit(1 / nus, errors, 1, coefficient)


REPLICATES, POINTS, SCORING_STEPS = 12, 300, 4


def samples_and_noise(draw: Draw) -> dict:
    return gaussian_and_noise(draw) | {"nu": draw.count(1, 5), "seed": draw.count(0, 2**30)}


@theorem(ASYMPTOTIC, kind="statistical", about="noise_contrastive", case=samples_and_noise)
def estimates_scatter_as_the_asymptotic_covariance_says(impl, p, noise, nu, seed):
    r"""Estimates from samples, log Z among them, scatter around the truth as the formula says.

    n\, (\hat\theta - \theta)^\top C^{-1} (\hat\theta - \theta) \sim \chi^2_3,\
    C = I^{-1} - (1 + \tfrac1\nu) I^{-1} E E^\top I^{-1}"""
    (matrix, vector), _ = information(p, noise, nu)
    matrix, vector = total(matrix), total(vector)
    inverse = np.linalg.inv(asymptotic_covariance(matrix, vector, nu))
    truth, rebuilt = learnt(spring(p))
    rows, rng = contrast_of(impl, noise), np.random.default_rng(seed)

    def distance():
        x = p.sample(rng, POINTS)
        y = noise.sample(rng, nu * POINTS).reshape(nu, POINTS, 1)
        gradient, theta = grad(lambda theta: anp.mean(rows(rebuilt(theta))(x, y))), truth
        for _ in range(SCORING_STEPS):  # Fisher scoring: nothing is drawn or tuned
            theta = theta - np.linalg.solve(matrix, gradient(theta))
        return POINTS * (theta - truth) @ inverse @ (theta - truth)

    degrees = 3 * REPLICATES  # the cube root of chi^2/degrees is nearly normal, far out too (Wilson and Hilferty)
    root, spread = np.cbrt(sum(distance() for _ in range(REPLICATES)) / degrees), 2 / (9 * degrees)
    return Sampled(np.array([root]), np.array([1 - spread]), np.array([np.sqrt(spread)]))


# Noise close to the data


def coefficient_of_order_four(first, second, third, fourth):
    """Of noise at a distance h, from the derivatives of the energy along it."""
    return first * third / 12 - fourth / 24 + second**2 / 16 - first**4 / 96


@theorem(
    "Song and Kingma 2021, section 5.1; Gutmann and Hirayama 2011",
    kind="limit",
    about="noise_contrastive",
    case=place,
    cases=len(PLACES),
)
def contrast_with_shifted_data_is_sliced_score_matching(impl, wells, x, v):
    r"""With the model itself, shifted by v, as noise, the loss is sliced score matching, with a remainder of order 4.

    \ell - 2 \log 2 - \tfrac12 SSM = \tfrac{E_1 E_3}{12} - \tfrac{E_4}{24} + \tfrac{E_2^2}{16} - \tfrac{E_1^4}{96}
    + O(|v|^6),\ SSM = \tfrac12 E_1^2 - E_2,\ E_k \text{ the derivatives along } v"""
    slopes = np.concatenate(wells.along(x, v))
    steps, model = 0.1 * 0.5 ** np.arange(1, 6), impl.energy(log_density(wells.model))

    def remainder(h):
        noise = impl.energy(log_density(wells.moved(h * v)))
        return impl.noise_contrastive(model, noise, x, (x + h * v)[None])[0] - 2 * np.log(2)

    sliced = 0.25 * slopes[0] ** 2 - 0.5 * slopes[1]
    return Limit(steps, [remainder(h) - h**2 * sliced for h in steps], 4, coefficient_of_order_four(*slopes))


@theorem(
    CONDITIONAL + ", connection to score matching",
    kind="limit",
    about="conditional_noise_contrastive",
    case=place_in_the_plane,
    cases=len(IN_THE_PLANE),
)
def conditional_contrast_is_implicit_score_matching(impl, wells, x, v):
    r"""With noise close to each data point, y = x + eps z, it is implicit score matching, with a remainder of order 4.

    \mathbb E_z \ell - 2 \log 2 - \tfrac{\epsilon^2}{2} ISM
    = \epsilon^4\, \mathbb E_z[\tfrac{E_1 E_3}{12} - \tfrac{E_4}{24} + \tfrac{E_2^2}{16} - \tfrac{E_1^4}{96}]
    + O(\epsilon^6)"""
    z, weights = normal(len(x))
    slopes = wells.along(x, z)
    coefficient = weights @ coefficient_of_order_four(*slopes)
    implicit = weights @ (0.5 * slopes[0] ** 2 - slopes[1])
    energy, steps = impl.energy(wells.model), 0.1 * 0.5 ** np.arange(1, 6)

    def loss(eps):
        (mean,) = expect(
            [lambda z: impl.conditional_noise_contrastive(energy, x + 0 * z, (x + eps * z)[None]) - 2 * np.log(2)],
            standard_normal(len(x)),
        ).value
        return mean

    return Limit(steps, [loss(eps) - 0.5 * eps**2 * implicit for eps in steps], 4, coefficient)


# Conditional noise


def rows_and_conditional_noise(draw: Draw) -> dict:
    d, kappa = draw.count(1, 4), draw.count(1, 4)
    return {
        "model": draw.model(d, SMOOTH_ENERGIES),
        "x": draw.reals((3, d), -2, 2),
        "y": draw.reals((kappa, 3, d), -2, 2),
        "log_ratio": draw.choice((None, draw.reals((kappa, 3), -2, 2))),
    }


@theorem(
    CONDITIONAL + ", eqs. 9 and 10",
    kind="pointwise",
    about="conditional_noise_contrastive",
    case=rows_and_conditional_noise,
)
def conditional_contrast_by_hand(impl, model, x, y, log_ratio):
    r"""Twice the logistic loss, its mean over the noise points, in the naive form; no normaliser is needed.

    \tfrac{2}{\kappa} \sum_j \log(1 + e^{-G_j}),\ e^{G_j} = \frac{e^{-E(x)}\, p_c(y_j|x)}{e^{-E(y_j)}\, p_c(x|y_j)}"""
    ratios = np.zeros(y.shape[:2]) if log_ratio is None else log_ratio
    rows = impl.conditional_noise_contrastive(impl.energy(model), x, y, *([] if log_ratio is None else [log_ratio]))
    return Sides([rows], [2 * np.log1p(np.exp(model(x) - model(y_j) - r)) / len(y) for y_j, r in zip(y, ratios)])


def classifiers(best, mine):
    """2 KL(D*|D), as two terms, for D = sigmoid of these."""
    kinds = [(-np.logaddexp(0, -sign * best), -np.logaddexp(0, -sign * mine)) for sign in (1, -1)]
    return [2 * np.exp(a) * (a - b) for a, b in kinds]


def conditional_noise(draw: Draw) -> dict:
    """On the line: y = x + eps z, or y = rho x + eps z, which is not symmetric."""
    return {
        "p": Gaussian(draw.real(-1, 1), draw.real(0.6, 1.4)),
        "q": Gaussian(draw.real(-0.5, 1.5), draw.real(0.8, 1.6)),
        "eps": draw.real(0.6, 1.0),
        "rho": draw.choice((1.0, draw.real(0.6, 0.9))),
        "told": True,
    }


def asymmetric():
    return {"p": Gaussian(0.3, 0.8), "q": Gaussian(0.0, 1.2), "eps": 0.8, "rho": 0.5, "told": False}


@theorem(
    CONDITIONAL,
    kind="quadrature",
    about="conditional_noise_contrastive",
    case=conditional_noise,
    outside={"noise that is not symmetric, without its ratio": asymmetric},
)
def conditional_contrast_is_least_at_the_truth(impl, p, q, eps, rho, told):
    r"""Away from the truth the loss is larger by the divergence between classifiers of which point came first.

    \mathbb E\ell(q) = \mathbb E\ell(p) + 2\, \mathbb E_{x, y} KL(D^*|D),\
    D = \tfrac{q(x) p_c(y|x)}{q(x) p_c(y|x) + q(y) p_c(x|y)},\ D^* \text{ with } p \text{ for } q"""

    def pairs(w):
        x, z = w[:, :1], w[:, 1:]
        y = rho * x + eps * z
        return x, y, 0.5 * ((x - rho * y) ** 2 - (y - rho * x) ** 2)[:, 0] / eps**2

    def loss(density):
        energy = impl.energy(Model("quadratic", {"mean": density.mean, "precision": density.precision}))

        def of(w):
            x, y, ratio = pairs(w)
            return impl.conditional_noise_contrastive(energy, x, y[None], *([ratio[None]] if told and rho != 1 else []))

        return of

    def odds(density, w):
        x, y, ratio = pairs(w)
        return density.log_prob(x) - density.log_prob(y) + ratio

    joint = Gaussian([p.mean[0], 0.0], np.diag([p.cov[0, 0], 1.0]))

    def excess(w):
        return np.stack(classifiers(odds(p, w), odds(q, w)), axis=1)

    (away, here, right), change = expect([loss(q), loss(p), excess], joint)
    return Sides([away], [here, *right.T], change)


def machines_and_moves(draw: Draw) -> dict:
    """Two Boltzmann machines, and how often of three times a bit that is drawn is set to one, or flipped at 0."""
    d = draw.count(1, 4)
    p, q = (draw.model(d, ("binary_rbm",)) for _ in range(2))
    q.parameters["b"][0] += 1.0
    return {"p": p, "q": q, "ups": draw.count(0, 2)}


def moves(x, ups):
    """Equally probable moves of each state: y (kappa, n, d), and log p_c(y|x)/p_c(x|y)."""
    one = np.eye(x.shape[1])[:, None, :]
    if ups == 0:
        return np.abs(x - one), np.zeros((len(one), len(x)))
    y = np.concatenate([np.maximum(x, one)] * ups + [np.minimum(x, 1 - one)] * (3 - ups))
    return y, np.sum(y - x, axis=2) * np.log(ups / (3 - ups))


@theorem(
    CONDITIONAL,
    kind="enumeration",
    about="conditional_noise_contrastive",
    case=machines_and_moves,
)
def conditional_contrast_of_bits(impl, p, q, ups):
    r"""The same for bits: one of them is flipped, or set to one with probability 1/3 or 2/3, which is not symmetric.

    \mathbb E\ell(q) = \mathbb E\ell(p) + 2\, \mathbb E_{x, y} KL(D^*|D)"""
    x = all_bits(p.d)
    y, ratio = moves(x, ups)
    weights = np.exp(-p(x)) / np.sum(np.exp(-p(x)))
    here, away = (impl.conditional_noise_contrastive(impl.energy(m), x, y, ratio) for m in (p, q))
    odds = [np.stack([m(y_j) - m(x) for y_j in y]) + ratio for m in (p, q)]
    right = [weights * np.mean(term, axis=0) for term in classifiers(*odds)]
    return Sides([weights * away], [weights * here, *right])


# Other scores


PSI = {  # Psi, Psi' and u Psi' - Psi, of log u, which underflows later than u
    "LOGISTIC": (
        lambda a: np.exp(a) * a - (1 + np.exp(a)) * np.log1p(np.exp(a)),
        lambda a: np.minimum(a, 0) - np.log1p(np.exp(-np.abs(a))),
        lambda a: np.log1p(np.exp(a)),
    ),
    "KULLBACK_LEIBLER": (lambda a: np.exp(a) * a, lambda a: a + 1, np.exp),
    "LEAST_SQUARES": (lambda a: np.exp(2 * a) / 2, np.exp, lambda a: np.exp(2 * a) / 2),
}
ABOUT_BREGMAN = "bregman_noise_contrastive LOGISTIC KULLBACK_LEIBLER LEAST_SQUARES"


@theorem(
    BREGMAN,
    kind="pointwise",
    about=ABOUT_BREGMAN,
    case=lambda draw: {"name": draw.choice(sorted(PSI))} | rows_and_models(draw),
)
def bregman_contrast_by_hand(impl, name, model, noise, x, y):
    r"""For each generator, from its derivative by hand; u log u - (1 + u) log(1 + u) gives noise contrast.

    -\Psi'(g(x)) + \sum_j [\Psi'(g) g - \Psi(g)](y_j),\ g = \tfrac{p_\theta}{\nu p_n};\
    \Psi'(u) = \log \tfrac{u}{1 + u}, \log u + 1, u;\ \Psi'(u) u - \Psi(u) = \log(1 + u), u, \tfrac12 u^2"""
    _, slope, rest = PSI[name]
    at_x, *at_y = (data - contrast - np.log(len(y)) for data, contrast in values(model, noise, x, y))
    rows = impl.bregman_noise_contrastive(impl.energy(model), impl.energy(noise), getattr(impl, name), x, y)
    return Sides([rows], [-slope(at_x), *(rest(a) for a in at_y)])


def bregman_case(draw: Draw) -> dict:
    return {"name": draw.choice(sorted(PSI))} | with_wider_noise(data_noise_and_model(draw))


@theorem(BREGMAN, kind="quadrature", about=ABOUT_BREGMAN, case=bregman_case)
def bregman_contrast_is_a_bregman_divergence(impl, name, p, noise, nu, q, offset):
    r"""Away from the truth the loss is larger by a Bregman divergence between the ratios, for any convex Psi.

    \mathbb E\ell(g) = \mathbb E\ell(g^*) + \nu\, \mathbb E_n[\Psi(g^*) - \Psi(g) - \Psi'(g)(g^* - g)],\
    g^* = \tfrac{p}{\nu p_n},\ \mathbb E\ell(g^*) = -\nu\, \mathbb E_n \Psi(g^*)"""
    psi, slope, _ = PSI[name]
    models = impl.energy(log_density(energy_of(q), offset)), impl.energy(known(noise))

    def row(x, y):
        return impl.bregman_noise_contrastive(*models, getattr(impl, name), x, y)

    def log_ratio(density, log_mass=0.0):
        return lambda y: density.log_prob(y) - log_mass - noise.log_prob(y) - np.log(nu)

    a, best = log_ratio(q, offset), log_ratio(p)
    functions = [
        lambda y: -nu * psi(a(y)),
        lambda y: nu * slope(a(y)) * np.exp(a(y)),
        lambda y: -nu * slope(a(y)) * np.exp(best(y)),
    ]
    terms, change = mean_row(row, p, noise, nu, p, q)
    right, another = expect(functions, finely(noise, p, q))
    return Sides(terms, right, max(change, another))


@theorem(
    BREGMAN,
    kind="quadrature",
    about="bregman_noise_contrastive KULLBACK_LEIBLER",
    case=bregman_case,
)
def bregman_contrast_with_u_log_u_is_maximum_likelihood(impl, name, p, noise, nu, q, offset):
    r"""With u log u the loss is the negative log-likelihood, Z by importance weights from the noise, and a constant.

    \mathbb E\ell = -\mathbb E_p[-E - \log Z] + \int e^{-E - \log Z} + \mathbb E_p \log p_n + \log \nu - 1"""
    models = impl.energy(log_density(energy_of(q), offset)), impl.energy(known(noise))

    def row(x, y):
        return impl.bregman_noise_contrastive(*models, impl.KULLBACK_LEIBLER, x, y)

    terms, change = mean_row(row, p, noise, nu, p, q)
    (likelihood, of_noise), another = expect([lambda x: -q.log_prob(x), noise.log_prob], p)
    return Sides(terms, [likelihood, offset, np.exp(-offset), of_noise, np.log(nu) - 1], max(change, another))


# Noise that is made


def data_and_flow(draw: Draw) -> dict:
    return small_flow(draw) | {"p": Gaussian(draw.reals((2,), -0.5, 1.0), draw.covariance(2))}


@theorem(
    "Gao et al. 2020, flow contrastive estimation; Stanford CS236, flow contrastive estimation",
    kind="quadrature",
    about="noise_contrastive RealNVP.sample",
    case=data_and_flow,
)
def best_contrast_with_a_flow_is_jensen_shannon(impl, couplings, p):
    r"""Against a flow q the best that the classifier can do is 2 log 2 - 2 JS(p, q), which the flow then maximises.

    \min_\theta \mathbb E\ell = 2 \log 2 - KL(p|m) - KL(q|m),\ m = \tfrac12(p + q)"""
    q, flow = Model("flow", {"couplings": couplings}), impl.RealNVP(couplings)
    model, noise = impl.energy(spring(GaussianMixture([1.0], p.mean[None], p.cov[None]))), impl.energy(log_density(q))

    def rows(z):  # a row is a function of x plus one of y, so that one z may make both
        return impl.noise_contrastive(model, noise, p.substitute(z)[0], flow.sample(z)[None])

    def log_ratios(z):
        x, y = p.substitute(z)[0], from_normal(couplings, z)[0]
        by_p, by_q = (np.split(f(np.concatenate([x, y])), 2) for f in (p.log_prob, lambda at: -q(at)))
        log_m = [np.logaddexp(*pair) - np.log(2) for pair in zip(by_p, by_q)]
        return np.stack([log_m[0] - by_p[0], log_m[1] - by_q[1]], axis=1)

    (left, right), change = expect([rows, log_ratios], standard_normal(2))
    return Sides([left], [2 * np.log(2), *right.T], change)


def mixed(draw: Draw) -> dict:
    d = draw.count(1, 3)
    kinds = ("quadratic", "mixture", "mlp_energy")
    return {
        "noise": log_density(draw.model(d, kinds), draw.real(-2, 2)),
        "proposal": log_density(draw.model(d, kinds), draw.real(-2, 2)),
        "weight": draw.real(0.1, 0.9),
        "x": draw.reals((3, d), -2, 2),
    }


@theorem("Bose, Ling and Cao 2018, eq. 4", kind="pointwise", about="mixed_noise", case=mixed, cancels=EITHER_SIGN)
def mixed_noise_by_hand(impl, noise, proposal, weight, x):
    r"""The logarithm of the mixture of two densities, in the naive form.

    \log[(1 - w)\, p_n(x) + w\, q(x)] = \log p_n + \log(1 - w + w\, q/p_n)"""
    mixture = impl.mixed_noise(impl.energy(noise), impl.energy(proposal), weight)
    first, second = noise(x), proposal(x)
    return Sides([mixture(x)], [first, np.log(1 - weight + weight * np.exp(second - first))])


def two_noises(draw: Draw) -> dict:
    d = draw.dimension()
    return {"noise": other(draw, d), "proposal": other(draw, d), "weight": draw.real(0.1, 0.9)}


def rare_proposal(draw: Draw) -> dict:
    """A proposal of next to no weight."""
    d, weight = draw.count(1, 3), draw.real(1, 2) * 2.0 ** -draw.count(28, 45)
    return {"weight": weight, "depth": draw.real(800, 1000), "gap": draw.real(-5, 5), "x": np.zeros((1, d))}


@theorem("Bose, Ling and Cao 2018, eq. 4", kind="pointwise", about="mixed_noise", case=rare_proposal)
def mixed_noise_of_a_rare_proposal(impl, weight, depth, gap, x):
    r"""The mixture has its digits where no density is a double, and where nothing is left out but a tiny weight.

    p_n = e^{-a},\ q = \tfrac{1 - w}{w} e^{-a - g}:\ -a + \log(1 - w) + \log(1 + e^{-g});\
     p_n = 1,\ q = 0:\ \log(1 - w) = -w - \tfrac12 w^2 - \dots"""
    flat = Model("quadratic", {"mean": 0 * x[0], "precision": np.zeros((x.shape[1],) * 2)})
    odds = np.log1p(-weight) - np.log(weight)

    def mixture(noise, proposal):
        models = log_density(flat, noise), log_density(flat, proposal)
        return impl.mixed_noise(*map(impl.energy, models), weight)(x)[0]

    left = [mixture(depth, depth + gap - odds), mixture(0.0, 2000.0)]
    first, second = np.array([-depth, 0.0]), np.array([np.log1p(np.exp(-gap)), 0.0])
    return Sides([np.array(left)], [first, second, np.full(2, -weight), np.full(2, -(weight**2) / 2)])


@theorem("Bose, Ling and Cao 2018, eq. 4", kind="quadrature", about="mixed_noise", case=two_noises, plane=True)
def mixed_noise_is_normalised(impl, noise, proposal, weight):
    r"""The mixture integrates to one, and its means are those of the parts.

    \int [(1 - w) p_n + w q]\, h = (1 - w)\, \mathbb E_{p_n} h + w\, \mathbb E_q h,\ h = 1, x, |x|^2"""
    models = (log_density(energy_of(f)) for f in (noise, proposal))
    mixture, even = impl.mixed_noise(*map(impl.energy, models), weight), blend(noise, proposal, 1)

    def moments(x):
        return np.column_stack([np.ones(len(x)), x, np.sum(x**2, axis=1)])

    left, change = expect([lambda x: np.exp(mixture(x) - even.log_prob(x))[:, None] * moments(x)], even)
    (of_noise,), other_change = expect([moments], noise)
    (of_proposal,), third = expect([moments], proposal)
    return Sides(left, [(1 - weight) * of_noise, weight * of_proposal], max(change, other_change, third))
