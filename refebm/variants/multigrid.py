"""Variants of multi-grid contrastive divergence."""

import numpy as np

from refebm.variants.asked import asked
from refebm.variants.record import conventions, one_term, terms, wrong_versions

MEANS = "np.mean(blocks, axis=(2, 4))"
wrong_versions(
    "block_means",
    ("a pixel of each block, not its mean", MEANS, "blocks[:, :, 0, :, 0]"),
    ("sums, not means", MEANS, "np.sum(blocks, axis=(2, 4))", "up to a factor"),
    ("the largest of each block", MEANS, "np.max(blocks, axis=(2, 4))"),
    ("pixels that lie apart, not blocks", MEANS, "np.mean(np.reshape(x, (-1, k, size, k, size)), axis=(1, 3))"),
    ("lines for columns", MEANS, f"np.swapaxes({MEANS}, 1, 2)"),
)
BEFORE, ONES = "np.reshape(x, (len(x), side, 1, side, 1))", "np.ones((k, 1, k))"
wrong_versions(
    "repeated_pixels",
    (
        "the image repeated, not its pixels",
        f"{BEFORE} * {ONES}",
        "np.reshape(x, (len(x), 1, side, 1, side)) * np.ones((k, 1, k, 1))",
    ),
    ("zeros between the pixels", ONES, "np.reshape(np.eye(k)[0], (k, 1, 1)) * np.eye(k)[0]"),
    ("a pixel's light shared out", ONES, f"{ONES} / k**2", "up to a factor"),
    ("lines for columns", BEFORE, f"np.swapaxes({BEFORE}, 1, 3)"),
    ("each pixel k^2 times in a row", f"{BEFORE} * {ONES}", "x[:, :, None] * np.ones(k**2)"),
    inside="repeated",
)
GAPS = "energy(block_means(x, side_of(y))) - energy(held(y))"
COARSE = "block_means(x, side_of(y))"
PIXELS = "np.reshape(x, (len(x), side_of(y), side_of(x) // side_of(y), side_of(y), side_of(x) // side_of(y)))"
wrong_versions(
    "multigrid_contrastive_divergence",
    ("gradient flows through the samples", "held(y)", "y", "the value"),
    ("the negative phase held too", "energy(held(y))", "held(energy(y))", "the value"),
    ("phases exchanged", GAPS, "energy(held(y)) - energy(block_means(x, side_of(y)))", "up to a factor"),
    ("the finest grid alone", "zip(energies, x_model)", "zip(energies[-1:], x_model[-1:])", "one grid"),
    ("a pixel of each block, not its mean", COARSE, f"np.reshape({PIXELS}[:, :, 0, :, 0], (len(x), -1))", "one grid"),
    (
        "one energy for all grids",
        GAPS,
        "energies[-1](repeated_pixels(block_means(x, side_of(y)), side_of(x)))"
        " - energies[-1](repeated_pixels(held(y), side_of(x)))",
        "one grid",
    ),
)
OVER_GRIDS = "for energy, y in zip(energies, x_model)"
terms(
    "multigrid_contrastive_divergence",
    ("E_s(D_s x)", f"sum(energy({COARSE}) {OVER_GRIDS})"),
    ("-E_s(x~_s)", f"sum(-energy(held(y)) {OVER_GRIDS})"),
)
conventions(
    "multigrid_contrastive_divergence",
    (
        "the mean over the grids, not their sum",
        "sum(...)",
        "sum(...) / len(energies)",
        "frameworks that average losses",
    ),
)
START = "repeated(y, side_of(noise))"
wrong_versions(
    "multigrid_chain",
    ("from the data on each grid: CD", START, "block_means(x, side_of(noise))"),
    (
        "from the data's coarser image, not the sample of it",
        START,
        "repeated(block_means(x, side_of(y)), side_of(noise))",
        "one grid",
    ),
    ("from the mean on each grid", START, "repeated(block_means(x, 1), side_of(noise))", "one grid"),
    ("a pixel of the data, not their mean", "block_means(x, 1)", "x[:, :1]"),
    ("one step whatever is asked", "for z_t in noise: ...", "for z_t in noise[:1]: ...", "one step"),
    (
        "noise of half the variance",
        "langevin_step(score, y, step, z_t)",
        "langevin_step(score, y, step, z_t / np.sqrt(2))",
    ),
    ("the first grid's step on all", "zip(scores, steps, z)", "zip(scores, steps[0] + 0 * steps, z)", "one grid"),
)


def size(default):
    """The draw of the size of images, whose default depends on that of the images that are given."""
    return {"size": lambda ask, name: ask.fixed.get(name, default(ask.sides[-1]))}


asked("multigrid_contrastive_divergence", gradient=True)
asked(
    "multigrid_chain",
    draws={"eta": lambda ask, name: ask.fixed.get(name, ask.scalar(np.array([0.125, 0.25]))[: len(ask.sides)])},
    values={"n_steps": ((1, 4), "a step too many, or too few")},
)
asked(
    "block_means",
    draws=size(lambda side: side // 2),
    values={"size": ((1, 4), "blocks of one size only: the whole image, or a pixel")},
)
asked(
    "repeated_pixels",
    draws=size(lambda side: side * 2),
    values={"size": ((4, 16), "blocks of one size only, such as a pixel")},
)
one_term("block_means multigrid_chain repeated_pixels")
