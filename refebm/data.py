"""The user's points, as a mixture: a CSV file becomes a smoothed empirical distribution."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from refebm.truth.densities import GaussianMixture, smoothed_empirical
from refebm.truth.expectations import fits
from refebm.validation import InputError, positive

MOST_ROWS = 300
LARGEST = 1e100
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
    """The named columns of a CSV file with a header line, or all that begin with a number; (names, (n, d)).

    Errors: E-FILE, E-CSV (with line and column), E-COLUMN, E-EMPTY.
    """
    header, body = _read(path)
    for name in wanted or []:
        if header.count(name) != 1 or wanted.count(name) != 1:
            raise InputError(
                "E-COLUMN", f"{path} must have the column {name!r} once; its columns are {', '.join(header)}"
            )
    names = wanted or [name for name, cell in zip(header, body[0][1]) if _is_number(cell)]
    if not names:
        raise InputError("E-CSV", f"{path} has no column of numbers; its columns are {', '.join(header)}")
    indices = [header.index(name) for name in names]
    for line, row in body:
        bad = next((i for i in indices if not _is_number(row[i])), None)
        if bad is not None:
            raise InputError(
                "E-CSV", f"{path}, line {line}, column {header[bad]!r}: must be a number, got {row[bad]!r}"
            )
    return names, np.array([[float(row[i]) for i in indices] for _, row in body])


def _read(path):
    """The header, and the other lines with their numbers; blank ones are passed over."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError("E-FILE", f"{path} cannot be read as CSV: {error}") from error
    if len(lines) < 2:
        raise InputError("E-EMPTY", f"{path} must have a header line and at least one line of numbers")
    (_, header), *body = lines
    if all(_is_number(cell) for cell in header):
        raise InputError("E-CSV", f"{path} must begin with a header line, got numbers: {', '.join(header)}")
    ragged = next(((line, row) for line, row in body if len(row) != len(header)), None)
    if ragged:
        raise InputError("E-CSV", f"{path}, line {ragged[0]}: has {len(ragged[1])} cells, the header {len(header)}")
    return header, body


def _is_number(text):
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def user_data(path: str | Path, columns: list[str] | None = None, sigma: float | None = None) -> UserData:
    """One or two columns of a CSV file as data: at most 300 rows, evenly spaced ones where there are more."""
    names, points = read_columns(path, columns)
    if np.max(np.abs(points)) > LARGEST:
        raise InputError("E-CSV", f"{path}: numbers must be within {LARGEST:g}, got {np.max(np.abs(points)):g}")
    if len(names) > 2:
        raise InputError("E-COLUMN", f"name one or two of the columns with --columns, got {', '.join(names)}")
    used = points[np.unique(np.linspace(0, len(points) - 1, min(MOST_ROWS, len(points))).astype(int))]
    spread = float(np.sqrt(np.mean(np.var(used, axis=0)))) or 1.0
    sigma = WIDTH * spread if sigma is None else float(positive("sigma", sigma))
    if not sigma <= LARGEST * spread:
        raise InputError("E-SIGMA", f"sigma must be within {LARGEST:g} times the spread {spread:.4g}, got {sigma:g}")
    density = smoothed_empirical((used - used.mean(axis=0)) / spread, sigma / spread)
    if not fits(density):
        raise InputError("E-SIGMA", f"sigma {sigma:g} is too small for a lattice over points with spread {spread:.4g}")
    return UserData(names, len(points), len(used), spread, sigma, density)
