"""Every public callable with every argument spoilt in every way: refused by name, or the same as with float64."""

import pytest

from tests.matrix import cases, cells, cells_of, spoilt

FEWEST = 25_000  # cells of the whole matrix
NAMES = [case.name for case in cases()]


def _all_well(table):
    faults = [f"{cell.callable}({cell.argument}) {cell.defect}: {cell.end}" for cell in table if not cell.well]
    assert not faults, "\n".join([f"{len(faults)} of {len(table)} cells", *faults])


@pytest.mark.parametrize("name", NAMES)
def test_every_eleventh_cell(name):
    number = NAMES.index(name)
    _all_well(cells_of(cases()[number], 11, number % 11))


def test_no_cell_is_missing():
    assert sum(len(spoilt(case)) for case in cases()) >= FEWEST


@pytest.mark.long
def test_every_cell():
    _all_well(cells())
