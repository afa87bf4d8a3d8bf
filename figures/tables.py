"""Tables in Markdown that the trainings print, and `python -m tests.readme` copies into figures/README.md."""

import argparse
from collections.abc import Callable, Sequence

import numpy as np


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table: the head, a rule, and a line for each row."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, ["---"] * len(heads), *rows))


def number(value: float, digits: int = 3) -> str:
    """A number with this format; an empty cell for nan."""
    return "" if np.isnan(value) else f"{value:.{digits}f}"


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The median and the range. A result that depends on roundoff, and so on the machine, should fall in the range."""
    low, median, high = (f"{value:.{digits}f}" for value in np.quantile(values, [0, 0.5, 1]))
    return "" if np.any(np.isnan(values)) else f"{median} ({low} to {high})"


def trained(figure: str, words: str, train: Callable, table: Callable) -> None:
    """The command of a figure of trained models: train, save and print the table, or only print it."""
    parser = argparse.ArgumentParser(prog=f"python -m figures.{figure}", description=words)
    parser.add_argument("--table", action="store_true", help="of the parameters that are there, without training")
    if not parser.parse_args().table:
        train()
    print(table())
