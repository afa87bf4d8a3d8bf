"""Theorems of the stem `discrepancies`."""

import pytest

from tests.theorems import assert_holds, of_stem


@pytest.mark.parametrize("name", of_stem("discrepancies"))
def test_theorem(name, case_counts):
    assert_holds(name, case_counts)
