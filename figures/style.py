"""The style of the figures: colours safe for colour-blind readers, a page of 800 pixels, reproducible files."""

import functools
import io
import os
from collections.abc import Callable
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

# Okabe and Ito 2008, "Color universal design".
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
VIOLET, PINK = "#882255", "#CC79A7"
BLACK, GREY, SHADE = "#222222", "#777777", "#EDEDED"

WIDTH = 8.0
DPI = 150
COLOURS = 128
STYLE = {
    "font.size": 11,
    "axes.labelsize": 11,
    "axes.titlesize": 11,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "lines.linewidth": 2.0,
    "lines.markersize": 6.0,
}


def styled(function: Callable) -> Callable:
    """Run `function` in this style, without changing the user's own settings."""

    @functools.wraps(function)
    def in_style(*args, **kwargs):
        with matplotlib.style.context(["default", STYLE]):
            return function(*args, **kwargs)

    return in_style


def panels(mosaic: list[list[str]], height: float, **options) -> tuple[Figure, dict[str, Axes]]:
    """A figure as wide as the page and `height` inches high, and its axes by name."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplot_mosaic(mosaic, **options)


def shade(axes: Axes, x: np.ndarray, y: np.ndarray, log_prob: Callable) -> None:
    """A density in the plane, as shades on white."""
    rows = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    p = np.exp(log_prob(rows)).reshape(len(y), len(x))
    axes.contourf(x, y, p, levels=np.max(p) * np.linspace(0.04, 1.0, 8), cmap="Greens")
    axes.set_aspect("equal")


def tiles(axes: Axes, rows: dict[str, np.ndarray]) -> None:
    """Rows of digits of 8 x 8 pixels, with their names."""
    gap = 1
    sheet = np.ones((len(rows) * (8 + gap) - gap, len(next(iter(rows.values()))) * (8 + gap) - gap))
    for i, digits in enumerate(rows.values()):
        for j, digit in enumerate(digits):
            sheet[9 * i : 9 * i + 8, 9 * j : 9 * j + 8] = 1 - np.clip(digit, 0, 1).reshape(8, 8)
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=1)
    axes.set_xticks([])
    axes.set(xlabel=f"{len(sheet[0]) // 9 + 1} digits of 8 x 8 pixels (a number)", ylabel="ink (in units of full ink)")
    axes.set_yticks(9 * np.arange(len(rows)) + 3.5, rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


@styled
def save(figure: Figure, path: Path) -> Path:
    """Write a PNG, completely or not at all, with the same bytes for the same figure. A palette makes it a third as
    large."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI)
    image = Image.open(drawn).convert("RGB").quantize(COLOURS)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        image.save(unfinished, format="png", optimize=True)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path
