r"""What theorems about noise contrast share: models and noise as data, and how a row's mean is taken.

A row is a function of x plus one of each y: the mean over x with y held, and the mean over y with x held, less the row
where both are, make the mean over both. All nu points of a row may then be the same one.
"""

import numpy as np

from refebm.identities.draw import SMOOTH_ENERGIES, Draw
from refebm.models import Model, mixture_of
from refebm.truth.densities import LOG_2PI, GaussianMixture
from refebm.truth.expectations import expect

GUTMANN = "Gutmann and Hyvarinen 2012, eq. 8 and theorem 1; Song and Kingma 2021, eqs. 19 and 20"
GOODFELLOW = "Goodfellow et al. 2014, proposition 1 and theorem 1; Stanford CS236, comparing NCE and GAN"
CONDITIONAL = "Ceylan and Gutmann 2018"
NUS = (1, 4, 1, 4, 100)  # a hundred is dear


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


# Rows by hand


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


def coefficient_of_order_four(first, second, third, fourth):
    """Of noise at a distance h, from the derivatives of the energy along it."""
    return first * third / 12 - fourth / 24 + second**2 / 16 - first**4 / 96
