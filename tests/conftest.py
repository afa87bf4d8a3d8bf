"""Deterministic in CI; ``--fresh`` draws new cases. One thread for each process: there are as many as cores."""

import os
import signal

import pytest
from hypothesis import settings

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # tests start many processes: each would compile the package again
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a shell; tests interrupt children
    signal.signal(signal.SIGINT, signal.default_int_handler)
MOST_PROCESSES = 8  # each takes seconds to start
settings.register_profile("ci", derandomize=True, deadline=None, database=None, print_blob=False)
settings.register_profile("fresh", derandomize=False, deadline=None, database=None, print_blob=False)


def pytest_addoption(parser):
    parser.addoption("--fresh", action="store_true", help="theorems on cases that were never drawn before")
    parser.addoption(
        "--every", type=int, default=1, metavar="N", help="sabotages of every N-th function alone, and JAX on some"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """All tests in as many processes as there are cores; files and tests that are named stay in this one."""
    whole = config.args_source is config.ArgsSource.TESTPATHS and config.pluginmanager.hasplugin("xdist")
    if whole and not hasattr(config, "workerinput") and config.option.numprocesses is None and not config.option.usepdb:
        config.option.numprocesses, config.option.dist = min(os.cpu_count() or 1, MOST_PROCESSES), "worksteal"


@pytest.fixture(scope="session")
def turned_red(tmp_path_factory):
    """A folder of all processes, with a file for each theorem that some test has seen reject a wrong version."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "turned_red"
    folder.mkdir(exist_ok=True)
    return folder


def pytest_configure(config):
    settings.load_profile("fresh" if config.getoption("--fresh") else "ci")


def pytest_terminal_summary(terminalreporter):
    """How many cases the theorems were checked on."""
    passed = terminalreporter.getreports("passed")
    cases = [count for report in passed for name, count in report.user_properties if name == "cases"]
    if cases:
        terminalreporter.write_line(f"{sum(cases)} cases of {len(cases)} theorems, at least {min(cases)}")
