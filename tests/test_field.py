"""Code that nobody here wrote: every row of `tests/wild` stands in the adapter, and some are examined here."""

import pytest

from refebm.crosscheck.verdict import Finding
from tests.field import GROUPS, PAGE, finding_of, outcome, table
from tests.sabotage import Sabotage, patched, text_of
from tests.wild.programs import PROGRAMS

ROWS = [(group, row) for group, rows in GROUPS.items() for row in rows]
GOOD = {"named", "cause said", "convention", "nothing"}
SOME = {  # that are quick, one of each kind of finding
    "langevin_step": ("z", "np.clip(x, -1, 1) +", "x + 0.5 * eta * score(x) + eta * z"),
    "denoising_score_matching": ("x *= 0.5", "np.mean((score(x + sigma * z) - x) ** 2)", "sigma + 1e-6"),
    "ddpm_step": ("np.clip((x + (1 - k)", "(i > 0)[:, None] * sigma * z"),
    "split_r_hat": ("x[-half:]", "np.transpose(x"),
    "metropolis_step": ("np.isfinite(there)",),
    "karras_np": ("i / n",),
    "acf_fft": ("n=T",),
    "rhat_np": ("np.var(seqs.mean(1), axis=0)",),
    "mh_np": ("min(1.0, ",),
}


@pytest.mark.parametrize(("group", "row"), ROWS)
def test_every_row_stands_in_the_adapter(group, row):
    function, was, becomes, _, *inside = row
    if function in PROGRAMS:
        assert (was in PROGRAMS[function][-1] and was != becomes) or not was
        return
    before = text_of("numpy")
    assert patched(before, Sabotage(function, "", was, becomes, *inside)) != before


def chosen(row) -> bool:
    return any(text == row[2] or (len(text) > 1 and text in row[2]) for text in SOME.get(row[0], ()))


@pytest.mark.parametrize(("group", "row"), [one for one in ROWS if chosen(one[1])])
def test_what_is_said_to_some(group, row):
    finding = finding_of(row)
    told = outcome(row, finding, group.startswith("right"))
    assert told == ("convention" if group.startswith("right") else told) and told in GOOD, finding.diagnosis


def test_what_a_diagnosis_is_worth():
    row = ("langevin_step", "a", "b", "root")

    def worth(status, diagnosis, right=False, names=()):
        return outcome(row, Finding("langevin_step", status, diagnosis, names), right)

    assert worth("failed", "equals the reference: no root (bug)", names=("no root",)) == "named"
    assert worth("failed", "equals the reference: sign (bug)", names=("sign",)) == "named wrongly"
    assert worth("failed", "the root is of float32; 3 of 9 numbers are wrong") == "cause said"
    assert worth("failed", "the error grows with n; 3 of 9 numbers are wrong") == "misleading"
    assert worth("failed", "3 of 9 numbers are wrong") == "nothing"
    assert worth("passed", "") == "missed" and worth("passed", "", True) == "passed"
    assert (
        worth("convention", "no 1/2") == "taken for a convention" and worth("convention", "root", True) == "convention"
    )
    assert worth("failed", "root", True) == "accused" and worth("failed", "raises KeyError", True) == "broken row"


def test_the_page_has_the_table():
    """What is kept was printed by the command: as many rows as there are now, and none accused."""
    text = PAGE.read_text(encoding="utf-8")
    counts = {group: len(rows) for group, rows in GROUPS.items()}
    for group, count in counts.items():
        name = group.removeprefix("right, ")
        assert f"| {name} | {count} |" in text
    assert table([("right, in another convention", "accused")])[-1] == "| in another convention | 1 | 0 | 0 | 0 | 1 |"
