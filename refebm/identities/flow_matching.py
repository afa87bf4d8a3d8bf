r"""Theorems about flow matching: its minimiser, also for Gaussians and mixtures, and its relation to denoising."""

import numpy as np

from refebm.identities import Draw, Sides, expect, theorem
from refebm.identities.diffusion import FIELDS, by_bayes, multiplied_out, with_noise
from refebm.identities.notation import EITHER_SIGN, half_square
from refebm.models import Model
from refebm.truth.densities import Gaussian, GaussianMixture, standard_normal
from refebm.truth.derivatives import score_and_jacobian

LIPMAN = "Lipman et al. 2023"
ALBERGO = "Albergo, Boffi and Vanden-Eijnden 2023"


def rows_on_lines(draw: Draw) -> dict:
    d, n = draw.count(1, 3), 3
    case = {"model": draw.model(d, FIELDS), "x": draw.reals((n, d), -2, 2), "z": draw.reals((n, d), -3, 3)}
    return case | {"t": draw.reals((n,), 0.05, 0.95)}


def wells_on_lines(draw: Draw) -> dict:
    """A mixture as the data, and points x_t with a time for each."""
    d, n = draw.count(1, 3), 3
    case = {"model": draw.model(d, ("smoothed_mixture",)), "x": draw.reals((n, d), -3, 3)}
    return case | {"t": draw.reals((n,), 0.05, 0.95)}


def score_on_lines(s):
    """The score of x_t = (1 - t)(x_0 + sigma z), sigma = t/(1 - t), from the score s(y, sigma) of y = x_0 + sigma z."""
    return lambda x, t: s(x / (1 - t[:, None]), t / (1 - t)) / (1 - t[:, None])


@theorem(f"{LIPMAN}, eqs. 9 and 23", "pointwise", rows_on_lines, cancels=EITHER_SIGN)
def flow_matching_by_hand(impl, model, x, z, t):
    r"""With a time for each row, the loss is its expanded square with the field by hand.

    \tfrac12 |u|^2 - u \cdot (z - x) + \tfrac12 |z - x|^2,\ u = u((1 - t) x + t z, t)"""
    point = x + t[:, None] * (z - x)
    u = score_and_jacobian(model, point, t)[0]
    rows = impl.flow_matching(impl.score(model), x, z, t)
    return Sides([rows], multiplied_out(u, x - z, 1.0), formula=multiplied_out(u, np.abs(x) + np.abs(z), 1.0))


@theorem(f"{LIPMAN}, section 4.1; {ALBERGO}", "pointwise", rows_on_lines)
def velocity_and_score_by_hand(impl, model, x, z, t):
    r"""For any field F, with a time for each row, both conversions are their formulas by hand, and are inverses.

    -x/(1-t) - t F/(1-t),\ -x/t - (1-t) F/t"""
    given, s = impl.score(model), t[:, None]
    field, rest = score_and_jacobian(model, x, t)[0], 1 - t[:, None]
    left = [impl.flow_velocity(given, x, t), impl.score_of_flow(given, x, t)]
    left.append(impl.score_of_flow(lambda x, t: impl.flow_velocity(given, x, t), x, t))
    right = [np.stack([-x / rest, -x / s, 0 * x]), np.stack([-s * field / rest, -rest * field / s, field])]
    return Sides([np.stack(left)], right, formula=[np.stack([0 * x, 0 * x, x / s])])


@theorem(f"{LIPMAN}, theorem 2; {ALBERGO}", "pointwise", wells_on_lines, cancels=EITHER_SIGN)
def velocity_is_the_mean_direction(impl, model, x, t):
    r"""For the score of a mixture the velocity is the mean of z - x_0 given x_t, by Bayes' rule.

    u(x, t) = \mathbb E[z - x_0 | x_t = x]"""
    given, s, rest = model.parameters, t[:, None], 1 - t[:, None]
    r, clean, noise = by_bayes(rest, s, np.exp(given["logits"]), given["means"], given["variances"], x)
    left = impl.flow_velocity(score_on_lines(impl.score(model)), x, t)
    size = np.sum(np.abs(r * noise), axis=0)
    return Sides([left], [*(r * noise), *(-r * clean)], formula=[np.abs(x) / rest, size / rest])


def one_well(draw: Draw) -> dict:
    """A Gaussian as the data, and points x(0) from which paths start."""
    d, n = draw.count(1, 3), 3
    mean, variance = draw.reals((1, d), -1.5, 1.5), draw.reals((1, d), 0.2, 1.5)
    model = Model("smoothed_mixture", {"logits": np.zeros(1), "means": mean, "variances": variance})
    return {"model": model, "x": draw.reals((n, d), -2, 2), "t": draw.reals((n,), 0.05, 0.95)}


@theorem(f"{LIPMAN}, theorem 3 and eq. 20", "pointwise", one_well, cancels=EITHER_SIGN)
def velocity_carries_a_gaussian(impl, model, x, t):
    r"""For normal data the velocity moves points along the linear map from the law of x_0 to that of x_t.

    x(t) = (1-t) \mu + \sqrt{V(t)/v}\,(x(0) - \mu),\ V = (1-t)^2 v + t^2,\ \dot x(t) = u(x(t), t)"""
    mean, variance = (model.parameters[name] for name in ("means", "variances"))
    s, rest = t[:, None], 1 - t[:, None]
    wide = rest**2 * variance + s**2
    here = rest * mean + np.sqrt(wide / variance) * (x - mean)
    moving = (s - rest * variance) / np.sqrt(wide * variance) * (x - mean)
    left = impl.flow_velocity(score_on_lines(impl.score(model)), here, t)
    formula = [here / rest, np.sqrt(wide / variance) * (x - mean) / rest]
    return Sides([left], [-mean + 0 * x, moving], formula=formula)


def mixture_on_lines(draw: Draw) -> dict:
    return {"p": draw.mixture(1), "t": draw.real(0.3, 0.95), "model": draw.model(1, FIELDS)}


@theorem(f"{LIPMAN}, theorem 2", "quadrature", mixture_on_lines)
def flow_matching_is_explicit_on_the_law_in_between(impl, p, t, model):
    r"""Up to a constant, flow matching is half the mean squared distance from the velocity of the law of x_t.

    \mathbb E_{x, z}[\text{row}] = \tfrac12 \mathbb E|u - u_{p_t}|^2 + C,\
    C = \tfrac12 (d + \mathbb E|x|^2 - \mathbb E|u_{p_t}|^2)"""
    law = GaussianMixture(p.weights, (1 - t) * p.means, (1 - t) ** 2 * p.covs + t**2 * np.eye(p.d))
    field = impl.score(model)
    (loss,), change = expect([lambda w: impl.flow_matching(field, w[:, : p.d], w[:, p.d :], t)], with_noise(p))

    def velocity(y):
        return -(y + t * law.score(y)) / (1 - t)

    def explicit(y):
        return half_square(score_and_jacobian(model, y, np.full(len(y), t))[0] - velocity(y))

    (apart, kept), other = expect([explicit, lambda y: half_square(velocity(y))], law)
    (square,), third = expect([half_square], p)
    return Sides([loss], [apart, 0.5 * p.d, square, -kept], max(change, other, third))


def two_wells(draw: Draw) -> dict:
    d = draw.count(1, 2)
    case = {"t": draw.real(0.05, 0.95), "mean": draw.reals((d,), -1.5, 1.5), "variance": draw.reals((d,), 0.2, 1.5)}
    return case | {"shift": draw.reals((d,), -0.5, 0.5), "wider": draw.reals((d,), -0.1, 1.0)}


@theorem(f"{LIPMAN}, theorem 2 (its minimiser)", "quadrature", two_wells, about="flow_matching flow_velocity")
def flow_matching_learns_the_velocity(impl, t, mean, variance, shift, wider):
    r"""The loss is least at the velocity of the Gaussian data: that of another Gaussian is larger by squares.

    J(\mu + \delta, v') - J(\mu, v) = \tfrac12 \textstyle\sum_j\left[(a' - a)^2 c + (\delta (1 + (1-t) a'))^2\right],\
    c = (1-t)^2 v + t^2,\ a = (t - (1-t) v)/c"""
    d = len(mean)

    def objective(centre, spread):
        model = Model("smoothed_mixture", {"logits": np.zeros(1), "means": centre[None], "variances": spread[None]})
        s, data = score_on_lines(impl.score(model)), Gaussian(mean, np.diag(variance))

        def velocity(x, t):
            return impl.flow_velocity(s, x, t)

        return lambda w: impl.flow_matching(velocity, data.substitute(w[:, :d])[0], w[:, d:], t)

    both = [objective(mean + shift, variance + wider), objective(mean, variance)]
    (away, here), change = expect(both, standard_normal(2 * d), degree=2)
    c, other = ((1 - t) ** 2 * v + t**2 for v in (variance, variance + wider))
    slope, tilted = ((t - (1 - t) * v) / w for v, w in ((variance, c), (variance + wider, other)))
    excess = (tilted - slope) ** 2 * c + (shift * (1 + (1 - t) * tilted)) ** 2
    return Sides([away], [here, 0.5 * np.sum(excess)], change)


@theorem(f"{LIPMAN}, eq. 9; Kingma and Gao 2023", "pointwise", rows_on_lines, cancels=EITHER_SIGN)
def flow_matching_is_denoising(impl, model, x, z, t):
    r"""With the velocity of any score, flow matching is noise prediction with the weight 1/(1 - t)^2.

    \tfrac12 |u - (z - x)|^2 = \frac{1}{2 (1-t)^2} |t\, s(x_t, t) + z|^2"""
    given, s, rest = impl.score(model), t[:, None], 1 - t[:, None]
    rows = impl.flow_matching(lambda x, t: impl.flow_velocity(given, x, t), x, z, t)
    point = x + s * (z - x)
    noise = s * score_and_jacobian(model, point, t)[0]
    large = [(np.abs(point) + np.abs(noise)) / rest, np.abs(x) + np.abs(z)]
    return Sides([rows], multiplied_out(noise / rest, z / rest, 1.0), formula=multiplied_out(*large, 1.0))
