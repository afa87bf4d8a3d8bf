"""What the trainings print: tables in Markdown, which `python -m tests.readme` puts into figures/README.md."""

from collections.abc import Sequence

import numpy as np


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A head, a rule, and a line for each row."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, ["---"] * len(heads), *rows))


def number(value: float, digits: int = 3) -> str:
    """Nothing where there is no number."""
    return "" if np.isnan(value) else f"{value:.{digits}f}"


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The median, and from where to where: what hangs on roundoff, and so on the machine, comes again within that."""
    low, median, high = (f"{value:.{digits}f}" for value in np.quantile(values, [0, 0.5, 1]))
    return "" if np.any(np.isnan(values)) else f"{median} ({low} to {high})"
