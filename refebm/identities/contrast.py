r"""Shared by theorems about noise contrast: models and noise as data, and how the mean of a row is taken.

A row is a function of x plus a function of each y. So its mean over x and y is the mean over x with y fixed, plus the
mean over y with x fixed, minus the row with both fixed; and all nu noise points of a row may be the same point.
"""

import numpy as np

from refebm.identities import Draw, expect
from refebm.identities.draw import SMOOTH_ENERGIES
from refebm.models import Model, mixture_of
from refebm.truth.densities import LOG_2PI, GaussianMixture

GUTMANN = "Gutmann and Hyvarinen 2012, eq. 8 and theorem 1; Song and Kingma 2021, eqs. 19 and 20"
GOODFELLOW = "Goodfellow et al. 2014, proposition 1 and theorem 1; Stanford CS236, comparing NCE and GAN"
CONDITIONAL = "Ceylan and Gutmann 2018"
NUS = (1, 4, 1, 4, 100)  # 100 costs most, so it is drawn least often


def energy_of(q: GaussianMixture, log_mass: float = 0.0) -> Model:
    """The mixture energy with exp(-E) = q e^log_mass, so that log Z is log_mass."""
    parameters = mixture_of(q).parameters
    return Model("mixture", parameters | {"logits": parameters["logits"] + log_mass - 0.5 * q.d * LOG_2PI})


def log_density(energy: Model, log_z: float = 0.0) -> Model:
    """-E - log Z as a model, with log Z as a parameter."""
    return Model("log_density", {"kind": energy.kind, "parameters": energy.parameters, "log_z": log_z})


def spring(q: GaussianMixture, offset: float = 0.0) -> Model:
    """log q - offset for one Gaussian as a quadratic energy, which has no logit that could stand in for log Z."""
    (component,) = q.components
    log_z = 0.5 * q.d * LOG_2PI - 0.5 * float(np.linalg.slogdet(component.precision)[1]) + offset
    return log_density(Model("quadratic", {"mean": component.mean, "precision": component.precision}), log_z)


def known(noise: GaussianMixture) -> Model:
    """The log-density of the noise as a model of the simplest kind that can express it."""
    return spring(noise) if len(noise.components) == 1 else log_density(energy_of(noise))


def wide_noise(draw: Draw, p: GaussianMixture) -> GaussianMixture:
    """One Gaussian around p, wider than p as a whole."""
    mean = p.weights @ p.means
    variance = p.weights @ (np.einsum("kii->ki", p.covs) + (p.means - mean) ** 2)
    shift, width = draw.reals((p.d,), -0.5, 0.5), draw.real(1.4, 1.8)
    return GaussianMixture([1.0], [mean + shift * np.sqrt(variance)], [np.diag(width**2 * variance)])


def data_and_noise(draw: Draw, nus=NUS, most=1) -> dict:
    """Data, wider noise and the number nu of noise points per data point; nu = 100 only on the line."""
    p = draw.mixture(draw.dimension(most), 2)
    return {"p": p, "noise": wide_noise(draw, p), "nu": draw.choice(nus if p.d == 1 else nus[:2])}


def other(draw: Draw, d: int) -> GaussianMixture:
    """A mixture as the model, which differs from the data's density even in the simplest case."""
    k = draw.count(1, 2)
    weights = draw.reals((k,), 0.2, 1.0)
    means = draw.reals((k, d), -1.0, 2.0)
    return GaussianMixture(weights / np.sum(weights), means, np.array([draw.covariance(d) for _ in range(k)]))


def data_noise_and_model(draw: Draw, nus=NUS) -> dict:
    case = data_and_noise(draw, nus)
    return case | {"q": other(draw, case["p"].d), "offset": draw.real(-1, 1)}


def with_wider_noise(case: dict) -> dict:
    """The case with noise so wide that the ratio of the model to it is bounded."""
    noise = case["noise"]
    return case | {"noise": GaussianMixture([1.0], noise.means, noise.covs + 3.0 * np.eye(noise.d))}


def blend(p: GaussianMixture, noise: GaussianMixture, nu: int) -> GaussianMixture:
    """m = (p + nu p_n)/(1 + nu), the density of all points that the classifier sees."""
    weights, means, covs = (np.concatenate([getattr(a, n) for a in (p, noise)]) for n in ("weights", "means", "covs"))
    return GaussianMixture(weights / (1 + nu) * np.repeat([1, nu], [len(p.means), len(noise.means)]), means, covs)


def finely(density, *others):
    """The density with the others as components of weight 0: `expect` then uses a lattice fine enough for them too."""
    weights, means, covs = (
        np.concatenate([getattr(each, name) for each in (density, *others)]) for name in ("weights", "means", "covs")
    )
    return GaussianMixture(weights * (np.arange(len(weights)) < len(density.weights)), means, covs)


# The two halves of a row


def anchor(p):
    """The point at which x or y is fixed."""
    return (p.weights @ p.means)[None]


def over_data(row, p, nu):
    """x -> row(x, y) with every y at the anchor."""
    return lambda x: row(x, np.broadcast_to(anchor(p), (nu, *x.shape)))


def over_noise(row, p, nu, moving=0):
    """y -> row(x, y) with x at the anchor, `moving` of the nu noise points at y (0: all) and the rest at the anchor."""

    def of(y):
        at = anchor(p) + 0 * y
        moved = moving or nu
        return row(
            at, np.concatenate([np.broadcast_to(y, (moved, *y.shape)), np.broadcast_to(at, (nu - moved, *y.shape))])
        )

    return of


def mean_row(row, p, noise, nu, *models):
    """The terms of E row(X, Y_1 .. Y_nu), and the certificate of their expectations."""
    (data,), change = expect([over_data(row, p, nu)], finely(p, *models))
    (contrast,), other = expect([over_noise(row, p, nu)], finely(noise, *models))
    return [data, contrast, -row(anchor(p), np.stack([anchor(p)] * nu))], max(change, other)


def contrast_of(impl, noise):
    """A function that maps a model to its rows of noise contrast, (x, y) -> (n,), against the given noise."""
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
    """The h^4 coefficient of the loss for noise at distance h, from the energy's first four derivatives along it."""
    return first * third / 12 - fourth / 24 + second**2 / 16 - first**4 / 96
