"""The examiner is examined: every entry of the bank put into an adapter's text is detected, and named."""

from pathlib import Path

import pytest

from tests.sabotage import HEAD, Sabotage, patched, results, row, sabotaged, sabotages, text_of

README = (Path(__file__).parent / "sabotages" / "README.md").read_text(encoding="utf-8")


@pytest.mark.long
@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_every_sabotage_is_detected_and_named(framework, pytestconfig):
    """At least 95 in 100 named, none wrongly; where all are tried the counts are those of the README."""
    if framework != "numpy":
        pytest.importorskip(framework, reason="a peer, of the extra that is called so")
    outcomes, every = [], pytestconfig.getoption("every")
    for sabotage, finding, outcome in results(framework, every=every):
        assert outcome not in ("missed", "misnamed"), f"{sabotage}: {finding.diagnosis}"
        outcomes.append((sabotage, outcome))
    words, good = row(framework, outcomes)
    assert good and HEAD in README
    assert every > 1 or words in README, f"python -m tests.sabotage\n{words}"


@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_every_sabotage_stands_in_the_adapter(framework):
    """What is changed in a definition must be found in the adapter by hand, and in what is made of the definitions."""
    if framework != "numpy":
        pytest.importorskip(framework, reason="a peer, of the extra that is called so")
    text = text_of(framework)
    assert all(sabotaged(framework, sabotage) != text for sabotage in sabotages(framework))


def test_the_readme_counts_the_sabotages():
    everything = list(sabotages("numpy"))
    bank = sum(sabotage.named for sabotage in everything)
    words = f"| numpy | {bank} | {bank} | {bank} | {len(everything) - bank} | {len(everything) - bank} | 0 |"
    assert words in README, "python -m tests.sabotage"


def test_a_sabotage_that_does_not_apply_is_an_error():
    with pytest.raises(ValueError, match="stands 0 times"):
        patched("def tweedie_mean(x):\n    return x\n", Sabotage("tweedie_mean", "stale", "no such text", ""))
