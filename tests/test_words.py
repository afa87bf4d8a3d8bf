"""What a user types, and what it means."""

import pytest

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
    ],
)
def test_what_is_meant(text, found):
    assert having(text, ENTRIES) == found


def test_what_is_near():
    assert did_you_mean("tweedie_mean", ENTRIES) == "; did you mean tweedies_mean?"
    assert did_you_mean("DIVERGENZ", ENTRIES) == "; did you mean divergence?"
    assert did_you_mean("nonsense of all kinds", ENTRIES) == "" == did_you_mean("x", [])


def test_words():
    assert words("Song & Kingma 2021, eqs. 10b") == ["song", "kingma", "2021", "eqs", "10", "b"]
