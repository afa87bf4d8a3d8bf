"""The implicit objective is the explicit one up to a constant that does not depend on the model.

Page: score_matching
"""

import numpy as np
from matplotlib.figure import Figure

from figures.certified import means
from figures.style import BLACK, BLUE, GREEN, GREY, RED, panels, styled
from refebm import GaussianMixture, explicit_score_matching, implicit_score_matching

TRUE_DISTANCE = 1.5


def _two_components(a: float) -> GaussianMixture:
    return GaussianMixture([0.5, 0.5], [[-a], [a]], 1.0)


@styled
def draw(size: float = 1.0) -> Figure:
    """Along a path of models the objectives differ by the constant -1/2 E|s_p|^2, which does not move the minimum."""
    a = np.linspace(0.0, 3.0, max(round(60 * size) // 2 * 2, 4) + 1)  # such that the true distance is one of them
    explicit, implicit, constant = np.array([_objectives(model) for model in a]).T
    best = [a[np.argmin(curve)] for curve in (explicit, implicit)]

    figure, axes = panels([["objectives"], ["gap"]], height=5.4, height_ratios=[3, 1], sharex=True)
    top, below = axes["objectives"], axes["gap"]
    top.plot(a, explicit, color=BLUE, label=r"explicit, $E\,\frac{1}{2}|s_p - s_a|^2$")
    top.plot(a, implicit, "--", color=RED, label=r"implicit, $E\,[\frac{1}{2}|s_a|^2 + \mathrm{tr}\,\nabla s_a]$")
    top.plot(a, implicit - explicit, ":", color=GREEN, label="implicit $-$ explicit")
    top.plot(best, [min(explicit), min(implicit)], "o", color=BLACK)
    top.text(0.03, constant[0] + 0.02, rf"$-\frac{{1}}{{2}}E|s_p|^2 = {constant[0]:.6f}$", color=GREEN, va="bottom")
    top.set_ylabel(r"objective (in units of $1/\sigma^2$)")
    top.set_title(
        rf"data's components at $\pm{TRUE_DISTANCE:g}\,\sigma$; explicit lowest at {best[0]:g}, implicit at {best[1]:g}"
    )
    top.legend(loc="upper center", bbox_to_anchor=(0.42, 1.0))
    below.plot(a, 1e16 * (implicit - explicit - constant), ".", color=GREEN)
    below.axhline(0, color=GREY, linewidth=0.8)
    below.set_ylabel("remainder\n(units of\n$10^{-16}/\\sigma^2$)")
    below.set_xlabel(r"place $\pm a$ of the model's two components (in units of their deviation $\sigma$)")
    return figure


def _objectives(a: float) -> list[float]:
    """The means of the explicit and the implicit objective, for components at -a and a, and -1/2 E|s_p|^2."""
    p, s = _two_components(TRUE_DISTANCE), _two_components(a).score
    return means(
        [
            lambda x: explicit_score_matching(s, p.score, x),
            lambda x: implicit_score_matching(s, x),
            lambda x: -0.5 * np.sum(p.score(x) ** 2, axis=1),
        ],
        p,
    )
