"""The variance that random projections add, for three laws of v.

Page: score_matching
"""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import BLUE, GREEN, RED, panels, styled
from refebm import GaussianMixture, mixture_of, sliced_score_matching, sliced_score_matching_vr
from refebm.truth.derivatives import score_and_jacobian

SEED = 25
DRAWS = 4000
D = 8
SHIFT = np.linspace(-1.0, 1.0, D)
COV = np.diag(np.linspace(0.3, 3.0, D)) + 0.2
DENSITY = GaussianMixture([0.4, 0.6], [SHIFT, -SHIFT], [COV, COV])


def _normal(rng, shape):
    return rng.standard_normal(shape)


def _sphere(rng, shape):
    v = rng.standard_normal(shape)
    return np.sqrt(shape[-1]) * v / np.linalg.norm(v, axis=-1, keepdims=True)


def _rademacher(rng, shape):
    return rng.choice([-1.0, 1.0], shape)


def _normal_variance(a):
    return 2 * np.sum(a**2)


def _sphere_variance(a):
    return 2 * (len(a) * np.sum(a**2) - np.trace(a) ** 2) / (len(a) + 2)


def _rademacher_variance(a):
    return 2 * (np.sum(a**2) - np.sum(np.diag(a) ** 2))


LAWS = (
    ("normal", "$2|A|_F^2$", RED, "o", _normal, _normal_variance),
    (
        r"sphere of radius $\sqrt{d}$",
        r"$2\,\dfrac{d|A|_F^2 - (\mathrm{tr}\,A)^2}{d + 2}$",
        GREEN,
        "^",
        _sphere,
        _sphere_variance,
    ),
    ("Rademacher", r"$2(|A|_F^2 - \Sigma A_{ii}^2)$", BLUE, "s", _rademacher, _rademacher_variance),
)


@styled
def draw(size: float = 1.0) -> Figure:
    """The variance over v at one point falls as 1/m for every law; where s is large, the term s s^T adds to it."""
    rng, draws = np.random.default_rng(SEED), max(round(DRAWS * size), 50)
    x = DENSITY.sample(rng, 1)
    s, jacobian = (value[0] for value in score_and_jacobian(mixture_of(DENSITY), x))
    figure, axes = panels([["vr", "plain"]], height=4.8, sharey=True)
    _measured_and_exact(axes["vr"], sliced_score_matching_vr, jacobian, x, rng, draws)
    _measured_and_exact(axes["plain"], sliced_score_matching, jacobian + 0.5 * np.outer(s, s), x, rng, draws)
    figure.suptitle(f"$d = {D}$, $|s|^2 = {s @ s:.1f}$; dots: {draws} draws each; lines: closed form over $m$", size=11)
    axes["vr"].set_title("sliced_score_matching_vr\n" r"$A = \nabla s$")
    axes["plain"].set_title("sliced_score_matching\n" r"$A = \nabla s + \frac{1}{2} s s^T$")
    axes["vr"].set_ylabel("variance over $v$ (in units of 1/[unit of $x$]$^4$)")
    figure.legend(*axes["vr"].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _measured_and_exact(axes: Axes, objective: Callable, a: np.ndarray, x: np.ndarray, rng, draws: int) -> None:
    """For each law: dots, the variance of `draws` averages over m projections; lines, (closed form)/m."""
    m = 2 ** np.arange(7)
    for name, formula, colour, marker, law, variance in LAWS:
        averages = [objective(DENSITY.score, np.repeat(x, draws, 0), law(rng, (k, draws, D))) for k in m]
        axes.loglog(m, variance(a) / m, color=colour)
        axes.loglog(m, np.var(averages, axis=1, ddof=1), marker, color=colour, label=f"{name}\n{formula}")
    axes.set_xticks(m, [str(k) for k in m])
    axes.minorticks_off()
    axes.set_xlabel("number of projections $m$")
