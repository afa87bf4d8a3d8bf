"""What a user types, and what it means."""

from types import SimpleNamespace

import pytest

from refebm.cli import main
from refebm.crosscheck.questions import EXAMINED, chosen
from refebm.identities import THEOREMS
from refebm.verify.command import _chosen
from refebm.words import did_you_mean, having, words

ENTRIES = {
    "noise_contrastive": "noise_contrastive loss Gutmann and Hyvärinen 2012, eqs. 19 and 20",
    "divergence": "divergence Hyvarinen 2005, eq. 4",
    "tweedies_mean": "tweedies_mean_is_bayes denoising Efron 2011, eq. 2.8",
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("noise contrastive", ["noise_contrastive"]),
        ("noise_contrastive", ["noise_contrastive"]),
        ("nce", []),  # in the midst of divergence
        ("Hyvarinen", ["noise_contrastive", "divergence"]),
        ("hyvärinen", ["noise_contrastive", "divergence"]),
        ("eq. 20", ["noise_contrastive"]),
        ("eq 2", ["tweedies_mean"]),
        ("200", []),
        ("tweed is", ["tweedies_mean"]),
        ("", list(ENTRIES)),
        ("\0", []),
        ("--", []),
    ],
)
def test_what_is_meant(text, found):
    assert having(text, ENTRIES) == found


def test_what_is_near():
    assert did_you_mean("tweedie_mean", ENTRIES) == "; did you mean tweedies_mean?"
    assert did_you_mean("DIVERGENZ", ENTRIES) == "; did you mean divergence?"
    assert did_you_mean("nonsense of all kinds", ENTRIES) == "" == did_you_mean("x", [])
    assert did_you_mean("aaaa", [f"aaaa{i}" for i in range(5)]).count("aaaa") == 3
    assert did_you_mean("chane", ["chain_of_many_levels"]) == "; did you mean chain?"
    assert did_you_mean("walc", ["walk_of_many_levels"]) == ""
    assert did_you_mean("denosing", ["denoising_score_matching", "noise_contrastive"]) == "; did you mean denoising?"


def test_words():
    assert words("Song & Kingma 2021, eqs. 10b") == ["song", "kingma", "2021", "eqs", "10", "b"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["verify", "--onyl", "x"], "unrecognized arguments: --onyl; did you mean --only?"),
        (["verify", "--casses=3"], "did you mean --cases"),
        (["verfy"], "did you mean verify?"),
        (["crosscheck", "--markdwon", "x"], "did you mean --markdown?"),
        (["crosscheck", "--template", "numppy"], "did you mean numpy?"),
        (["verify", "--zzz"], "unrecognized arguments: --zzz\n"),
    ],
)
def test_options_and_commands_that_are_near(command, said, capsys):
    with pytest.raises(SystemExit) as end:
        main(command)
    assert end.value.code == 2 and said in capsys.readouterr().err


def test_functions_that_are_near(capsys):
    for name in ("verify", "crosscheck"):
        template = ["--template", "numpy"] if name == "crosscheck" else []
        assert main([name, *template, "--only", "denosing_score_matching"]) == 2
        assert "did you mean denoising_score_matching" in capsys.readouterr().err


def test_which_functions_are_examined():
    assert chosen("score_of") == ["score_of"]
    assert all(function.startswith("StudentT.") for function in chosen("StudentT"))
    assert chosen("tweedie") == ["tweedie_mean", "tweedie_cov"] and len(chosen("")) == len(EXAMINED)
    assert chosen("score matching explicit") == ["explicit_score_matching"]


def test_which_theorems_are_meant():
    """The name, else the stem or function, else the words."""

    def named(text, data=None):
        return [theorem.name for theorem in _chosen(THEOREMS, SimpleNamespace(only=text, data=data))]

    assert named("implicit_is_explicit") == ["implicit_is_explicit"]
    assert named("tweedie_mean") == [name for name, theorem in THEOREMS.items() if "tweedie_mean" in theorem.about]
    assert set(named("langevin")) == {name for name, theorem in THEOREMS.items() if theorem.stem == "langevin"}
    assert set(named("Efron")) == {name for name, theorem in THEOREMS.items() if "Efron" in theorem.source}
    assert "implicit_is_explicit" in named("ISM") and named("FFJORD") == named("probability_flow_log_prob")
    assert named("") == list(THEOREMS)
    assert set(named("", "x.csv")) == {name for name, theorem in THEOREMS.items() if theorem.mixtures}
