r"""Theorems about noise contrast by Bregman divergences between density ratios."""

import numpy as np

from refebm.identities import Draw, Sides, expect, theorem
from refebm.identities.contrast import (
    data_noise_and_model,
    energy_of,
    finely,
    known,
    log_density,
    mean_row,
    rows_and_models,
    values,
    with_wider_noise,
)

BREGMAN = "Gutmann and Hirayama 2011, eq. 8; Song and Kingma 2021, section 5"
PSI = {  # Psi, Psi' and u Psi' - Psi as functions of log u, where u itself could underflow
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
    BREGMAN, "pointwise", lambda draw: {"name": draw.choice(sorted(PSI))} | rows_and_models(draw), about=ABOUT_BREGMAN
)
def bregman_contrast_by_hand(impl, name, model, noise, x, y):
    r"""Each loss follows from the derivative of its generator Psi; u log u - (1 + u) log(1 + u) gives noise contrast.

    -\Psi'(g(x)) + \sum_j [\Psi'(g) g - \Psi(g)](y_j),\ g = \tfrac{p_\theta}{\nu p_n};\
    \Psi'(u) = \log \tfrac{u}{1 + u}, \log u + 1, u;\ \Psi'(u) u - \Psi(u) = \log(1 + u), u, \tfrac12 u^2"""
    _, slope, rest = PSI[name]
    at_x, *at_y = (data - contrast - np.log(len(y)) for data, contrast in values(model, noise, x, y))
    rows = impl.bregman_noise_contrastive(impl.energy(model), impl.energy(noise), getattr(impl, name), x, y)
    return Sides([rows], [-slope(at_x), *(rest(a) for a in at_y)])


def bregman_case(draw: Draw) -> dict:
    return {"name": draw.choice(sorted(PSI))} | with_wider_noise(data_noise_and_model(draw))


@theorem(BREGMAN, "quadrature", bregman_case, about=ABOUT_BREGMAN)
def bregman_contrast_is_a_bregman_divergence(impl, name, p, noise, nu, q, offset):
    r"""For any convex Psi, a wrong model's loss exceeds the truth's by a Bregman divergence between the density ratios.

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


@theorem(BREGMAN, "quadrature", bregman_case)
def bregman_contrast_with_u_log_u_is_maximum_likelihood(impl, name, p, noise, nu, q, offset):
    r"""With Psi = u log u the loss is the negative log-likelihood plus the total mass of the model, up to a constant.

    \mathbb E\ell = -\mathbb E_p[-E - \log Z] + \int e^{-E - \log Z} + \mathbb E_p \log p_n + \log \nu - 1"""
    models = impl.energy(log_density(energy_of(q), offset)), impl.energy(known(noise))

    def row(x, y):
        return impl.bregman_noise_contrastive(*models, impl.KULLBACK_LEIBLER, x, y)

    terms, change = mean_row(row, p, noise, nu, p, q)
    (likelihood, of_noise), another = expect([lambda x: -q.log_prob(x), noise.log_prob], p)
    return Sides(terms, [likelihood, offset, np.exp(-offset), of_noise, np.log(nu) - 1], max(change, another))
