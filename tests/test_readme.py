"""The README: its map is generated, its commands are the ones that CI runs, its links hold, also where it is packed."""

import re
import runpy
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from refebm.book import entries
from refebm.book.evidence import evidence
from refebm.book.pages import overview
from refebm.cli import main
from tests.readme import PAGES, written

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_map_is_up_to_date():
    said = f"<!-- python -m refebm.book --map -->\n{overview()}\n<!-- end -->\n"
    assert said in README, "python -m refebm.book writes it"


def test_it_is_read_in_minutes():
    assert len(README.splitlines()) <= 225


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_hold(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)):
        assert "://" in target or (page.parent / target).exists(), target


def test_nothing_that_is_packed_leads_into_the_repository(monkeypatch):
    for name in ("hatchling", "hatchling.metadata", "hatchling.metadata.plugin", "hatchling.metadata.plugin.interface"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(MetadataHookInterface=object))
    packed = runpy.run_path(str(ROOT / ".ci" / "packed_readme.py"))["packed"](README)
    assert not re.search(r"\]\((?!https?://)", packed) and "![" not in packed and "<!--" not in packed
    assert "refebm verify" in packed and "| Training objectives | score matching, " in packed


def test_the_evidence_that_is_shown_is_what_the_record_says():
    name, record = "implicit_is_explicit", evidence()["implicit_is_explicit"]
    line, words = re.search(rf"^ok +{name} .*$", README, flags=re.MULTILINE)[0], README.partition(f"ok  {name}")[2]
    number, worst, outside = record["cases"], record["worst"], len(record["outside"])
    assert re.search(rf" {number} cases +{worst} of tolerance +{outside} outside ", line)
    assert f"In {number} cases the worst gap was {worst} " in words and f"in {outside} cases outside" in words
    assert entries.code("implicit_score_matching").removeprefix("@rows\n") in README


ADAPTER = """
import autograd.numpy as np
from refebm.crosscheck.frameworks.numpy import objective

@objective
def explicit_score_matching(score, data_score, x):
    return np.sum((data_score(x) - score(x)) ** 2, axis=1)

@objective
def denoising_score_matching(score, x, sigma, z):
    sigma = np.reshape(sigma, (-1, 1))
    return 0.5 * np.sum((score(x + sigma * z) + z / sigma**2) ** 2, axis=1)
"""


def test_the_findings_that_are_shown_are_printed(tmp_path, capsys):
    (tmp_path / "adapter.py").write_text(ADAPTER)
    assert main(["crosscheck", str(tmp_path / "adapter.py")]) == 1
    shown = re.search(r"```\n(convention  .*?)```", README, flags=re.DOTALL)[1]
    assert capsys.readouterr().out.startswith(shown)


@pytest.mark.long
def test_tables_are_what_their_commands_print():
    page = ROOT / "figures" / "README.md"
    assert page.read_text() == written(page.read_text()), "python -m tests.readme writes them"


def commands():
    return re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)


def test_ci_runs_the_test_command_of_the_readme():
    test_command = next(block for block in commands() if "pytest" in block).strip()
    assert test_command in (ROOT / ".ci" / "run").read_text()


def test_every_refebm_command_in_the_readme_is_one():
    from refebm.cli import parser

    for block in commands():
        for line in block.splitlines():
            if line.startswith("refebm "):
                parser().parse_args(shlex.split(line.partition(" > ")[0], comments=True)[1:])


def test_every_figure_that_is_shown_exists():
    for path in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / path).exists(), path


def test_the_examples_run(capsys):
    """One after the other, as somebody would type them."""
    namespace: dict = {}
    for block in re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL):
        exec(block, namespace)
    first, *_ = capsys.readouterr().out.splitlines()
    x2 = (0.5**2 + 1 + 4 + 0.25**2 + 0.75**2 + 1.5**2) / 3
    assert [float(part) for part in first.split()] == pytest.approx([0.5 * 0.49 * x2 - 1.4, 0.7 * x2 - 2], rel=1e-12)
