"""Deterministic in CI; ``--fresh`` draws new cases."""

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, database=None, print_blob=False)
settings.register_profile("fresh", derandomize=False, deadline=None, database=None, print_blob=False)
CASES: dict[str, int] = {}


def pytest_addoption(parser):
    parser.addoption("--fresh", action="store_true", help="theorems on cases that were never drawn before")
    parser.addoption(
        "--every", type=int, default=1, metavar="N", help="sabotages of every N-th function alone, and JAX on some"
    )


def pytest_configure(config):
    settings.load_profile("fresh" if config.getoption("--fresh") else "ci")


@pytest.fixture
def case_counts() -> dict[str, int]:
    """How many cases each theorem was checked on, printed at the end."""
    return CASES


def pytest_terminal_summary(terminalreporter):
    if CASES:
        terminalreporter.write_line(
            f"{sum(CASES.values())} cases of {len(CASES)} theorems, at least {min(CASES.values())}"
        )
