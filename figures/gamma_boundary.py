"""The boundary term of integration by parts: score matching for data on the half line.

Page: score_matching
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.certified import means
from figures.style import BLACK, BLUE, ORANGE, RED, SHADE, panels, styled
from refebm import DomainError, Gamma, explicit_score_matching, implicit_score_matching

RATE = 1.0
ORIGIN = 1.5  # s(0) on the right


def _field(origin: float):
    """s(x) = s(0) - rate^2 x/2: smooth at 0."""
    return lambda x: origin - 0.5 * RATE**2 * x


def _implicit(alpha: float, origin: float = ORIGIN) -> float:
    return means([lambda x: implicit_score_matching(_field(origin), x)], Gamma(alpha, RATE))[0]


def _explicit(alpha: float, origin: float = ORIGIN) -> float:
    p = Gamma(alpha, RATE)
    return means([lambda x: explicit_score_matching(_field(origin), p.score, x)], p)[0]


def _constant(alpha: float) -> float:
    """1/2 E s_p^2 in closed form."""
    return 0.5 * Gamma(alpha, RATE).fisher_information()[0]


def _density_at_zero(alpha: float) -> float:
    return np.exp(Gamma(alpha, RATE).log_prob(np.array([[1e-300]])))[0]


def _is_refused(alpha: float) -> bool:
    """Whether `expect` refuses the explicit objective as infinite."""
    try:
        _explicit(alpha)
    except DomainError:
        return True
    return False


@styled
def draw(size: float = 1.0) -> Figure:
    """On x > 0 explicit - implicit - 1/2 E[s_p^2] is p(0+) s(0+): beta s(0) for alpha = 1, and 0 for alpha > 2."""
    figure, axes = panels([["gap", "shapes"]], height=4.4, width_ratios=[1, 1.3])
    _gap_against_origin(axes["gap"], max(round(9 * size), 3))
    _objectives_against_shape(axes["shapes"], max(round(60 * size), 5))
    return figure


def _gap_against_origin(axes: Axes, n: int) -> None:
    """The measured gap between the objectives, on the line that integration by parts predicts."""
    origins = np.linspace(-2.0, 2.0, n)
    for alpha, colour, marker in ((1.0, RED, "o"), (3.0, BLUE, "s")):
        left = [_explicit(alpha, s) - _implicit(alpha, s) - _constant(alpha) for s in origins]
        axes.plot(origins, _density_at_zero(alpha) * origins, color=colour)
        axes.plot(origins, left, marker, color=colour, label=rf"$\alpha = {alpha:g}$")
    axes.set_xlabel(r"model's score at 0, $s(0)$ (in units of $\beta$)")
    axes.set_ylabel("explicit $-$ implicit $-\\;\\frac{1}{2}E\\,s_p^2$\n(in units of $\\beta^2$)")
    axes.set_title("dots: measured; lines: $p(0^+)\\,s(0^+)$")
    axes.legend(loc="upper left")


def _objectives_against_shape(axes: Axes, n: int) -> None:
    """Both objectives against alpha: the explicit one is finite for alpha > 2, and at alpha = 1."""
    everywhere, beyond = np.linspace(0.25, 5.0, n), np.linspace(2.25, 5.0, n)
    axes.axvspan(0, 2, color=SHADE, linewidth=0)
    axes.axvline(1, color="white", linewidth=3)
    refused = [a for a in (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25) if _is_refused(a)]
    axes.plot(refused, -0.35 * np.ones(len(refused)), "x", color=BLACK, label="explicit: DomainError")
    shifted = r"implicit $+\;\frac{1}{2}E\,s_p^2$"
    axes.plot(beyond, [_implicit(a) + _constant(a) for a in beyond], color=ORANGE, linewidth=6, label=shifted)
    axes.plot(beyond, [_explicit(a) for a in beyond], color=BLUE, label="explicit")
    axes.plot(everywhere, [_implicit(a) for a in everywhere], "--", color=RED, label="implicit")
    _single_point(axes)
    axes.set(xlim=(0, 5), ylim=(-0.5, 3.2))
    axes.set_xlabel(r"shape $\alpha$ of the data (a pure number)")
    axes.set_ylabel(r"objective (in units of $\beta^2$)")
    axes.set_title(rf"$s(x) = {ORIGIN:g}\,\beta - \beta^2 x/2$; grey: explicit is infinite")
    axes.legend(loc="upper right")


def _single_point(axes: Axes) -> None:
    """alpha = 1, where both objectives are finite and differ by the boundary term."""
    low, high = _implicit(1.0) + _constant(1.0), _explicit(1.0)
    axes.plot(1.0, low, "o", color=ORANGE)
    axes.plot(1.0, high, "o", color=BLUE)
    axes.annotate("", (1.0, high), (1.0, low), arrowprops={"arrowstyle": "<->", "color": BLACK})
    axes.text(1.08, 0.5 * (low + high), rf"$\beta\,s(0)$" f"\n= {high - low:.2f}", va="center")
