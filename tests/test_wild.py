"""Public packages, in `tests/peers`: right code is not accused. Those that are installed: `pytest -m peers_wild`."""

import importlib
import re
from pathlib import Path

import pytest

from refebm.crosscheck import examine

PEERS = sorted(path.stem for path in (Path(__file__).parent / "peers").glob("[a-z]*.py"))


@pytest.mark.peers_wild
@pytest.mark.parametrize("name", PEERS)
@pytest.mark.filterwarnings("ignore")  # of the packages
def test_a_public_package_is_examined_as_expected(name):
    try:
        module = importlib.import_module(f"tests.peers.{name}")
    except ModuleNotFoundError as absent:
        pytest.skip(f"no package {absent.name}")
    report = examine(module)
    assert [finding.function for finding in report.examined if finding.function not in module.EXPECTED] == []
    found = {finding.function: finding for finding in report.examined}
    for function, expected in module.EXPECTED.items():
        status, said = (expected, "") if isinstance(expected, str) else expected
        assert found[function].status == status, str(report)
        assert re.search(said, found[function].diagnosis, re.DOTALL), str(report)
