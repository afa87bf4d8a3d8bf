"""Every public callable with every argument spoilt in every way: refused by name, or the same as with float64."""

import collections

import pytest

from tests.matrix import cells

FEWEST = 25_000  # cells of the whole matrix


def _all_well(every, record):
    table = cells(every)
    assert len(table) >= FEWEST // every
    counts = collections.Counter(cell.end for cell in table if cell.well)
    record("matrix of bad input", ", ".join(f"{number} {end}" for end, number in sorted(counts.items())))
    print(dict(counts))
    faults = [f"{cell.callable}({cell.argument}) {cell.defect}: {cell.end}" for cell in table if not cell.well]
    assert not faults, "\n".join([f"{len(faults)} of {len(table)} cells", *faults])


def test_every_eleventh_cell(record_property):
    _all_well(11, record_property)


@pytest.mark.long
def test_every_cell(record_property):
    _all_well(1, record_property)
