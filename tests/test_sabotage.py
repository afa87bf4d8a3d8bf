"""The examiner is examined: every entry of the bank put into an adapter's text is detected, and named."""

from pathlib import Path

import pytest

from tests.sabotage import HEAD, Sabotage, patched, results, row

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.long
@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_every_sabotage_is_detected_and_named(framework):
    """At least 95 in 100 named, none wrongly; the counts are those of the README."""
    if framework != "numpy":
        pytest.importorskip(framework, reason="a peer, of the extra that is called so")
    outcomes = []
    for sabotage, finding, outcome in results(framework):
        assert outcome not in ("missed", "misnamed"), f"{sabotage}: {finding.diagnosis}"
        outcomes.append((sabotage, outcome))
    words, good = row(framework, outcomes)
    assert good
    assert HEAD in README and words in README, f"python -m tests.sabotage\n{words}"


def test_a_sabotage_that_does_not_apply_is_an_error():
    with pytest.raises(ValueError, match="stands 0 times"):
        patched("def tweedie_mean(x):\n    return x\n", Sabotage("tweedie_mean", "stale", "no such text", ""))
