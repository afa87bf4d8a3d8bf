"""The user's points, as a mixture: a CSV file becomes a smoothed empirical distribution."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from refebm.truth.densities import GaussianMixture, smoothed_empirical
from refebm.validation import InputError, positive

MOST_ROWS = 300
WIDTH = 0.3  # sigma, where none is given, in units of the spread


@dataclass(frozen=True)
class UserData:
    """Points in units of their spread, around their mean: the identities do not change under shift and scale."""

    columns: list[str]
    rows: int
    used: int
    spread: float
    sigma: float
    density: GaussianMixture


def read_columns(path: str | Path, wanted: list[str] | None = None) -> tuple[list[str], np.ndarray]:
    """The named columns of a CSV file with a header line, or all that hold numbers; (names, (n, d)).

    Errors: E-FILE, E-CSV (with line and column), E-COLUMN, E-EMPTY.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            header, *body = [[cell.strip() for cell in row] for row in csv.reader(file) if row] or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("E-FILE", f"{path} cannot be read as CSV: {error}") from error
    if not body:
        raise InputError("E-EMPTY", f"{path} must have a header line and at least one row of numbers")
    ragged = next((line for line, row in enumerate(body, 2) if len(row) != len(header)), None)
    if ragged:
        raise InputError("E-CSV", f"{path}, row {ragged}: has {len(body[ragged - 2])} cells, the header {len(header)}")
    missing = [name for name in wanted or [] if name not in header]
    if missing:
        raise InputError("E-COLUMN", f"{path} has no column {missing[0]!r}; its columns are {', '.join(header)}")
    names = wanted or [name for i, name in enumerate(header) if all(_is_number(row[i]) for row in body)]
    if not names:
        raise InputError("E-CSV", f"{path} has no column that holds numbers alone")
    cells = [[(line, name, row[header.index(name)]) for name in names] for line, row in enumerate(body, 2)]
    bad = next((cell for row in cells for cell in row if not _is_number(cell[2])), None)
    if bad:
        raise InputError("E-CSV", f"{path}, row {bad[0]}, column {bad[1]!r}: must be a finite number, got {bad[2]!r}")
    return names, np.array([[float(text) for _, _, text in row] for row in cells])


def _is_number(text):
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def user_data(path: str | Path, columns: list[str] | None = None, sigma: float | None = None) -> UserData:
    """One or two columns of a CSV file as data: at most 300 rows, evenly spaced ones where there are more."""
    names, points = read_columns(path, columns)
    if len(names) > 2:
        raise InputError("E-COLUMN", f"name one or two of the columns with --columns, got {', '.join(names)}")
    used = points[np.unique(np.linspace(0, len(points) - 1, min(MOST_ROWS, len(points))).astype(int))]
    spread = float(np.sqrt(np.mean(np.var(used, axis=0)))) or 1.0
    sigma = WIDTH * spread if sigma is None else float(positive("sigma", sigma))
    density = smoothed_empirical((used - used.mean(axis=0)) / spread, sigma / spread)
    return UserData(names, len(points), len(used), spread, sigma, density)
