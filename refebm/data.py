"""The user's points as a density: a CSV file becomes a smoothed empirical distribution, which is a mixture."""

import csv
import io
import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from refebm.glossary import InputError, positive
from refebm.truth.densities import GaussianMixture, smoothed_empirical
from refebm.truth.expectations import fits

MOST_ROWS = 300
MOST_CHARACTERS = 2**26
LARGEST = 1e100
WIDTH = 0.3  # the default sigma, in units of the spread
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
MISSING = {"", "na", "n/a", "nan", "null", "none", "nil", "?", "-", "."}
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
NOT_ZERO = re.compile(r"[+-]?[0.]*[1-9]")  # as 1e-400, of which a float keeps nothing
WHOLE = re.compile(r"[+-]?[0-9]{1,308}")
THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+")
EXCHANGED = str.maketrans(",.", ".,")
LIKE_A_NUMBER = re.compile(
    r"[+-]?(?=.*[0-9])[0-9.,' _\u00a0\u202f]+([eE][+-]?[0-9]+)?%?|[+-]?inf(inity)?", re.IGNORECASE
)


@dataclass(frozen=True)
class UserData:
    """The density of a user's points, shifted to mean 0 and scaled to spread 1, which changes no identity.

    columns: the names of those used; left_out: of those that are text. rows: in the file; dropped: left out for missing
    cells; used: points of the density. spread: the root of the mean variance of a coordinate; sigma: of the smoothing
    noise; both in the units of the file.
    """

    columns: list[str]
    left_out: list[str]
    rows: int
    dropped: int
    used: int
    spread: float
    sigma: float
    density: GaussianMixture


class Columns(NamedTuple):
    """The points (n, d) of the columns `names`; the columns left out as text; the number of rows dropped."""

    names: list[str]
    points: np.ndarray
    left_out: list[str]
    dropped: int


def read_columns(
    path: str | Path,
    wanted: list[str] | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    missing: str = "refuse",
) -> Columns:
    """Read the columns `wanted` of a CSV file with a header line, or by default all columns that are not text.

    separator: comma, semicolon, tab or bar; by default the only one in the header. decimal: "." or ","; by default the
    comma if it is not the separator, some number has one, and no number has a point. missing: "refuse" raises for a
    cell that is empty, NA, NaN, null, ? or alike; "drop" leaves its row out.
    Errors: E-FILE, E-CSV (with line and column), E-COLUMN, E-EMPTY, E-SIZE, E-OPTION.
    """
    if decimal not in (None, ".", ",") or missing not in ("refuse", "drop"):
        raise InputError("E-OPTION", f"decimal must be . or , and missing refuse or drop; got {decimal!r}, {missing!r}")
    separator, header, body = _read(path, separator)
    comma = decimal == "," or (decimal is None and separator != "," and _decimal_commas(body))
    if comma and separator == ",":
        raise InputError("E-OPTION", f"{path}: the comma separates the columns, and cannot be the decimal sign too")
    text = [not any(LIKE_A_NUMBER.fullmatch(row[i]) for _, row in body) for i in range(len(header))]
    names = wanted or [name for name, is_text in zip(header, text) if not is_text]
    here = f"{path} (separated by {SEPARATORS[separator]}s)"
    if not names:
        raise InputError("E-CSV", f"{here} has no column of numbers; its columns are {listed(header)}")
    if "" in names and not wanted:  # such as the number of each row that pandas and R write
        words = "name those to use with --columns, since a column of numbers has no name"
        raise InputError("E-COLUMN", f"{here}: {words}; they are {listed(names)}")
    number = next((name for name in names if LIKE_A_NUMBER.fullmatch(name)), None)
    if number and not wanted:  # perhaps the first row of a file without a header, whose other columns are text
        words = f"the column {number!r} may be a row of numbers; if it is a header name those to use with --columns"
        raise InputError("E-CSV", f"{here} must begin with a header line: {words}")
    for name in names:
        if header.count(name) != 1 or names.count(name) != 1:
            raise InputError("E-COLUMN", f"{here} must have the column {name!r} once; its columns are {listed(header)}")
    kept = list(_numbers(here, header, body, [header.index(name) for name in names], comma, missing == "drop"))
    if not kept:
        raise InputError("E-EMPTY", f"{here} has no row with values for all of {', '.join(names)}")
    left_out = [] if wanted else [name for name in header if name not in names]
    return Columns(names, np.array(kept), left_out, len(body) - len(kept))


def _numbers(here, header, body, chosen, comma, drop):
    """The numbers of each row in the chosen columns. If `drop`, rows with a missing number are left out."""
    for line, row in body:
        numbers = [_number(row[i], comma) for i in chosen]
        if None not in numbers:
            yield numbers
        elif not drop or any(row[i].lower() not in MISSING for i, x in zip(chosen, numbers) if x is None):
            bad = chosen[numbers.index(None)]
            raise InputError("E-CSV", f"{here}, line {line}, column {header[bad]!r}: {_wanted(row[bad])}")


def _wanted(cell):
    advice = "--missing drop leaves such rows out" if cell.lower() in MISSING else "digits, and one --decimal sign"
    advice = "of no more digits than a float holds: subtract one from all" if WHOLE.fullmatch(cell) else advice
    return f"must be a number ({advice}), got {cell!r}; --columns names the columns to use"


def _number(cell, comma):
    """The number in a cell, or None."""
    text = cell.translate(EXCHANGED) if comma else cell
    if not NUMBER.fullmatch(text) or not np.isfinite(float(text)):
        return None
    if float(text) == 0 and NOT_ZERO.match(text):
        return None
    return None if WHOLE.fullmatch(text) and int(text) != float(text) else float(text)


def _decimal_commas(body):
    """Whether numbers have decimal commas, as in 1,5: no cell has a point, and some comma separates no thousands."""
    numbers = [cell for _, row in body for cell in row if LIKE_A_NUMBER.fullmatch(cell)]
    evident = any("," in cell and not THOUSANDS.fullmatch(cell) for cell in numbers)
    return evident and not any("." in cell for cell in numbers)


def listed(names: list[str]) -> str:
    """The names of columns in a list; "(no name)" for an empty name."""
    return ", ".join(name or "(no name)" for name in names)


def _read(path, separator):
    """The separator, the header, and the other lines as (line number, cells).

    Blank lines are skipped; one of separators alone, or with "" alone, has missing cells.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read(MOST_CHARACTERS + 1)
    except UnicodeDecodeError as error:
        raise InputError("E-FILE", f"{path} cannot be read: it is not UTF-8 text: {error}") from error
    except (OSError, ValueError) as error:
        raise InputError("E-FILE", f"{path} cannot be read: {error}") from error
    if len(text) > MOST_CHARACTERS:
        raise InputError("E-SIZE", f"{path} must have at most {MOST_CHARACTERS} characters")
    separator = _separator(path, text, separator)
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)  # str.splitlines would split at more signs
    try:
        lines = [(reader.line_num, [cell.strip() for cell in row], row) for row in reader]
    except csv.Error as error:
        raise InputError("E-FILE", f"{path} cannot be read as CSV: {error}") from error
    lines = list(itertools.dropwhile(lambda line: not any(line[1]), lines))
    body = [(number, cells) for number, cells, row in lines[1:] if any(cells) or len(row) > 1 or row == [""]]
    if not body:
        raise InputError("E-EMPTY", f"{path} must have a header line and at least one line of numbers")
    header = lines[0][1]
    if all(LIKE_A_NUMBER.fullmatch(cell) for cell in header):
        raise InputError("E-CSV", f"{path} must begin with a header line, got numbers: {', '.join(header)}")
    ragged = next(((line, row) for line, row in body if len(row) != len(header)), None)
    if ragged:
        words = f"line {ragged[0]}: has {len(ragged[1])} cells, the header {len(header)}"
        raise InputError("E-CSV", f"{path}, {words}, if a {SEPARATORS[separator]} separates them (--separator)")
    return separator, header, body


def _separator(path, text, given):
    """The separator `given`, or the only one in the header; a comma if the header has none."""
    if given is not None:
        named = {word: sign for sign, word in SEPARATORS.items()} | {sign: sign for sign in SEPARATORS}
        if given not in named:
            raise InputError("E-OPTION", f"separator must be one of {', '.join(SEPARATORS.values())}; got {given!r}")
        return named[given]
    header = next(filter(str.strip, text.split("\n")), "")
    cells = {sign: len(next(csv.reader([header], delimiter=sign), [])) for sign in SEPARATORS}
    found = [sign for sign in SEPARATORS if cells[sign] > 1]
    if len(found) > 1:
        words = " and ".join(SEPARATORS[sign] for sign in found)
        raise InputError("E-CSV", f"{path}: the header has {words}; say which separates columns with --separator")
    return found[0] if found else ","


def user_data(
    path: str | Path, columns: list[str] | None = None, sigma: float | None = None, **form: str | None
) -> UserData:
    """One or two columns of a CSV file as a smoothed empirical distribution.

    At most 300 rows are used, evenly spaced ones if there are more. sigma > 0: that of the smoothing noise, by default
    0.3 times the spread. form: separator, decimal and missing, as in `read_columns`.
    Errors: those of `read_columns`; E-POSITIVE, E-SIGMA for sigma.
    """
    names, points, left_out, dropped = read_columns(path, columns, **form)
    if np.max(np.abs(points)) > LARGEST:
        raise InputError("E-CSV", f"{path}: numbers must be within {LARGEST:g}, got {np.max(np.abs(points)):g}")
    if len(names) > 2:
        raise InputError("E-COLUMN", f"name one or two of the columns with --columns, got {listed(names)}")
    used = points[np.unique(np.linspace(0, len(points) - 1, min(MOST_ROWS, len(points))).astype(int))]
    centred = used - used.mean(axis=0)
    unit = float(np.max(np.abs(centred))) or 1.0  # in which no square is lost
    spread = unit * float(np.sqrt(np.mean((centred / unit) ** 2))) or 1.0
    sigma = WIDTH * spread if sigma is None else float(positive("sigma", sigma))
    if not sigma <= LARGEST * spread:
        raise InputError("E-SIGMA", f"sigma must be within {LARGEST:g} times the spread {spread:.4g}, got {sigma:g}")
    density = smoothed_empirical(centred / spread, sigma / spread)
    if not fits(density):
        raise InputError("E-SIGMA", f"sigma {sigma:g} is too small for a lattice over points with spread {spread:.4g}")
    return UserData(names, left_out, dropped + len(points), dropped, len(used), spread, sigma, density)
