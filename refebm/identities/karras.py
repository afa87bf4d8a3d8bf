r"""Theorems about EDM (Karras et al. 2022): weight, preconditioning, noise levels, and the order of Heun's steps."""

import numpy as np

from refebm.identities import Draw, Limit, Sides, expect, theorem
from refebm.identities.diffusion import multiplied_out, with_noise
from refebm.identities.notation import EITHER_SIGN, half_square
from refebm.models import Model
from refebm.truth.densities import standard_normal
from refebm.truth.derivatives import score_and_jacobian

KARRAS = "Karras, Aittala, Aila and Laine 2022"
FIELDS = ("noise_conditional", "smoothed_mixture")


def rows_at_levels(draw: Draw, low: float = 0.2, high: float = 2.0) -> dict:
    """Rows with levels from low to high. Preconditioned networks need sigma > 1, so that c_noise = log(sigma)/4 > 0."""
    d, n = draw.count(1, 3), 3
    case = {"model": draw.model(d, FIELDS), "x": draw.reals((n, d), -2, 2), "z": draw.reals((n, d), -3, 3)}
    return case | {"sigma": draw.reals((n,), low, high), "data_std": draw.real(0.3, 1.5)}


def rows_at_large_levels(draw: Draw) -> dict:
    return rows_at_levels(draw, 1.5, 4.0)


@theorem(f"{KARRAS}, eqs. 2 and 8", "pointwise", rows_at_levels, cancels=EITHER_SIGN)
def karras_denoising_by_hand(impl, model, x, sigma, z, data_std):
    r"""With a level for each row, the loss is its expanded square with the weight 1/s^2 + 1/sigma^2.

    (1/s^2 + 1/\sigma^2)\left(\tfrac12 |D|^2 - D \cdot x + \tfrac12 |x|^2\right),\ D = D(x + \sigma z, \sigma)"""
    rows = impl.karras_denoising(impl.score(model), x, sigma, z, data_std)
    D = score_and_jacobian(model, x + sigma[:, None] * z, sigma)[0]
    return Sides([rows], multiplied_out(D, -x, 1 / data_std**2 + 1 / sigma**2))


@theorem(f"{KARRAS}, eqs. 2 and 3; Vincent 2011", "pointwise", rows_at_levels, cancels=EITHER_SIGN)
def karras_denoising_is_denoising_score_matching(impl, model, x, sigma, z, data_std):
    r"""With the denoiser of any score, the loss is noise prediction with the weight (sigma^2 + s^2)/s^2.

    D(y, \sigma) = y + \sigma^2 s(y, \sigma):\quad \frac{\sigma^2 + s^2}{s^2}\, \tfrac12 |\sigma s(y, \sigma) + z|^2"""
    score, column = impl.score(model), sigma[:, None]
    rows = impl.karras_denoising(lambda y, t: y + t[:, None] ** 2 * score(y, t), x, sigma, z, data_std)
    point, weight = x + column * z, (sigma**2 + data_std**2) / data_std**2
    noise = column * score_and_jacobian(model, point, sigma)[0]
    large = [(np.abs(point) / column + np.abs(noise)), np.abs(x) / column]
    return Sides([rows], multiplied_out(noise, z, weight), formula=multiplied_out(*large, weight))


@theorem(f"{KARRAS}, eq. 7 and table 1", "pointwise", rows_at_large_levels, cancels=EITHER_SIGN)
def preconditioning_by_hand(impl, model, x, sigma, z, data_std):
    r"""With a level for each row, the coefficients follow from r = s^2/(sigma^2 + s^2), the data's share of variance.

    r x + \sigma \sqrt r\, F(\sqrt r\, x/s, \tfrac14 \log \sigma),\ r = \frac{s^2}{\sigma^2 + s^2}"""
    left = impl.karras_preconditioned(impl.score(model), x, sigma, data_std)
    share = 1 / (1 + (sigma / data_std) ** 2)[:, None]
    F = score_and_jacobian(model, np.sqrt(share) * x / data_std, np.log(sigma) / 4)[0]
    return Sides([left], [share * x, sigma[:, None] * np.sqrt(share) * F])


@theorem(f"{KARRAS}, eq. 8 and appendix B.6", "pointwise", rows_at_large_levels, cancels=EITHER_SIGN)
def a_preconditioned_network_has_weight_one(impl, model, x, sigma, z, data_std):
    r"""For a preconditioned network the loss is half the squared distance of F from its target, at every level.

    \tfrac12 \left|F - \frac{x - c_{\text{skip}}\, y}{c_{\text{out}}}\right|^2,\
    \frac{x - c_{\text{skip}}\, y}{c_{\text{out}}} = \frac{\sigma x - s^2 z}{s \sqrt{\sigma^2 + s^2}}"""
    network = impl.score(model)

    def denoiser(y, sigma):
        return impl.karras_preconditioned(network, y, sigma, data_std)

    rows, column = impl.karras_denoising(denoiser, x, sigma, z, data_std), sigma[:, None]
    whole, y = np.sqrt(column**2 + data_std**2), x + column * z
    F = score_and_jacobian(model, y / whole, np.log(sigma) / 4)[0]
    target = (column * x - data_std**2 * z) / (data_std * whole)
    large = whole / (column * data_std) * (data_std**2 / whole**2 * np.abs(y) + np.abs(x)) + np.abs(F)
    return Sides([rows], multiplied_out(F, -target, 1.0), formula=[2 * half_square(large)])


def data_of_one_size(draw: Draw) -> dict:
    return {"d": draw.count(1, 2), "sigma": draw.real(1.5, 4.0), "data_std": draw.real(0.3, 1.5)}


@theorem(f"{KARRAS}, appendix B.6", "quadrature", data_of_one_size, about="karras_denoising karras_preconditioned")
def targets_have_variance_one(impl, d, sigma, data_std):
    r"""For data of deviation s the network F = 0 has the loss d/2 at every level, since its targets have variance 1.

    F = 0,\ \mathbb E|x|^2 = d s^2:\quad \mathbb E[\text{row}] = d/2"""
    silent = impl.score(Model("noise_conditional", {"layers": ((np.zeros((d + 1, d)), np.zeros(d)),)}))

    def denoiser(y, sigma):
        return impl.karras_preconditioned(silent, y, sigma, data_std)

    def row(w):
        return impl.karras_denoising(denoiser, data_std * w[:, :d], sigma, w[:, d:], data_std)

    (loss,), change = expect([row], standard_normal(2 * d), degree=2)
    return Sides([loss], [0.5 * d], change)


def mixture_and_level(draw: Draw) -> dict:
    p = draw.mixture(1)
    return {"p": p, "sigma": draw.real(0.4, 1.5), "data_std": draw.real(0.3, 1.5), "model": draw.model(1, FIELDS)}


@theorem(f"{KARRAS}, eqs. 2 and 3", "quadrature", mixture_and_level)
def the_best_denoiser_is_the_posterior_mean(impl, p, sigma, data_std, model):
    r"""The mean loss is the weight times half the squared distance of D from E[X|Y] plus half the posterior variance.

    \mathbb E[\text{row}] = \frac{\sigma^2 + s^2}{(\sigma s)^2} \left(\tfrac12 \mathbb E|D(Y) - \mathbb E[X|Y]|^2
    + \tfrac12 \mathbb E \operatorname{tr} \operatorname{Cov}(X|Y)\right)"""
    denoiser, smooth = impl.score(model), p.smoothed(sigma)
    (loss,), change = expect(
        [lambda w: impl.karras_denoising(denoiser, w[:, : p.d], sigma, w[:, p.d :], data_std)], with_noise(p)
    )

    def apart(y):
        return half_square(score_and_jacobian(model, y, np.full(len(y), sigma))[0] - p.posterior_mean(y, sigma))

    def left(y):
        return 0.5 * np.trace(p.posterior_cov(y, sigma), axis1=1, axis2=2)

    terms, other = expect([apart, left], smooth)
    weight = 1 / data_std**2 + 1 / sigma**2
    return Sides([loss], [weight * term for term in terms], max(change, other))


# ---- steps -----------------------------------------------------------------------------------------------------------


def a_heun_step(draw: Draw) -> dict:
    d, n = draw.count(1, 3), 3
    case = {"model": draw.model(d, FIELDS), "x": draw.reals((n, d), -3, 3), "sigma": draw.real(0.5, 2.0)}
    return case | {"next_sigma": draw.choice((1.0, 0.0)) * draw.real(0.2, 1.5)}


@theorem(f"{KARRAS}, algorithm 1", "pointwise", a_heun_step, cancels=EITHER_SIGN)
def heun_step_by_hand(impl, model, x, sigma, next_sigma):
    r"""Heun's step averages the slopes here and where Euler's step arrives; a step to level 0 is the denoiser.

    x + \tfrac h2 \frac{x - D(x, \sigma)}{\sigma} + \tfrac h2 \frac{\tilde x - D(\tilde x, \sigma')}{\sigma'},\
    h = \sigma' - \sigma;\quad D(x, \sigma) \text{ for } \sigma' = 0"""
    stepped, h = impl.karras_heun_step(impl.score(model), x, sigma, next_sigma).x, next_sigma - sigma
    D = score_and_jacobian(model, x, np.full(len(x), sigma))[0]
    if next_sigma == 0:
        return Sides([stepped], [D], formula=[x])
    ahead = next_sigma / sigma * x - h / sigma * D
    there = score_and_jacobian(model, ahead, np.full(len(x), next_sigma))[0]
    right = [x, 0.5 * h / sigma * x, -0.5 * h / sigma * D, 0.5 * h / next_sigma * ahead, -0.5 * h / next_sigma * there]
    return Sides([stepped], right)


def point_and_levels(draw: Draw) -> dict:
    d, n = draw.count(1, 3), 3
    case = {"point": draw.reals((1, d), -1.5, 1.5), "z": draw.reals((n, d), -3, 3), "sigma": draw.real(0.5, 2.0)}
    return case | {"next_sigma": draw.choice((1.0, 0.0)) * draw.real(0.2, 1.5)}


@theorem(f"{KARRAS}, section 3", "pointwise", point_and_levels, cancels=EITHER_SIGN)
def heun_steps_to_a_point_are_exact(impl, point, z, sigma, next_sigma):
    r"""For data at a single point paths are straight, and a step of any length is exact.

    x_0 + \sigma z \mapsto x_0 + \sigma' z"""
    wells = {"logits": np.zeros(1), "means": point, "variances": 0 * point + 1e-300}
    score = impl.score(Model("smoothed_mixture", wells))
    x = point + sigma * z
    stepped = impl.karras_heun_step(lambda y, t: y + t[:, None] ** 2 * score(y, t), x, sigma, next_sigma).x
    size = 4 * (np.abs(point) + (sigma + next_sigma) * np.abs(z))
    size = size * (1 + abs(next_sigma - sigma) * (1 / sigma + (1 / next_sigma if next_sigma else 0)))
    return Sides([stepped], [point + 0 * z, next_sigma * z], formula=[size])


ENDS = [(2.0, 0.25, 0.4), (3.0, 0.5, 1.5), (1.0, 0.125, 0.15)]


@theorem(f"{KARRAS}, section 3 and appendix D.1; Hairer, Norsett and Wanner 1993, section II.1", "limit", cases=ENDS)
def heun_steps_have_order_two(impl, first, last, v):
    r"""For normal data and equal steps from L to l, the log of the map has an error of order 2 in 1/N.

    \log \frac{x_N}{x_0} - \log \sqrt{\frac{v + l^2}{v + L^2}} = -\frac{(L - l)^2}{N^2}
    \int_l^L \left[\tfrac1{12} a'' - \tfrac16 a^3\right] d\sigma + O(N^{-3}),\ a = \frac{\sigma}{v + \sigma^2}"""
    wells = {"logits": np.zeros(1), "means": np.zeros((1, 1)), "variances": np.full((1, 1), v)}
    score, steps, errors = impl.score(Model("smoothed_mixture", wells)), 100 * 2 ** np.arange(3), []

    def denoiser(y, t):
        return y + t[:, None] ** 2 * score(y, t)

    for n in steps:
        levels, grown = first + (last - first) * np.arange(n + 1) / n, 0.0
        for now, then in zip(levels[:-1].tolist(), levels[1:].tolist()):  # a linear step, so its factor is its map of 1
            grown += np.log(impl.karras_heun_step(denoiser, np.ones((1, 1)), now, then).x[0, 0])
        errors.append(grown - 0.5 * np.log((v + last**2) / (v + first**2)))

    def rate(sigma):
        whole = v + sigma**2
        return (v - sigma**2) / whole**2 / 12 - (0.25 * v / whole**2 - 0.5 / whole) / 6

    return Limit(1 / steps, np.array(errors), 2, -((first - last) ** 2) * (rate(first) - rate(last)))


def some_levels(draw: Draw) -> dict:
    case = {"n": draw.count(2, 9), "smallest": draw.real(0.01, 0.5), "largest": draw.real(0.75, 40.0)}
    return case | {"power": draw.choice((7.0, 1.0, 3.0)) * draw.real(0.8, 1.2)}


@theorem(f"{KARRAS}, eq. 5", "pointwise", some_levels)
def karras_levels_have_equal_steps_in_their_roots(impl, n, smallest, largest, power):
    r"""The r-th roots of the levels are equally spaced, from that of the largest to that of the smallest.

    \log \sigma_i = r \log \frac{(n-1-i)\, \sigma_{\max}^{1/r} + i\, \sigma_{\min}^{1/r}}{n-1}"""
    i = np.arange(n)
    mean = ((n - 1 - i) * np.exp(np.log(largest) / power) + i * np.exp(np.log(smallest) / power)) / (n - 1)
    levels = impl.karras_noise_levels(n, smallest, largest, power)
    return Sides([np.log(levels)], [power * np.log(mean)], formula=[power * np.exp(np.log(largest) / power) / mean])
