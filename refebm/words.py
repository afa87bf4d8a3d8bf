"""What a user types: the names that are meant by it, and those that are near."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping

NEAR = 0.7  # of difflib's measure


def words(text: str) -> list[str]:
    """The words and numbers of a text, in small letters without accents: "Hyvärinen 2005, eq. 4" has four."""
    plain = unicodedata.normalize("NFKD", text.lower())
    return re.findall(r"[^\W\d_]+|\d+", "".join(c for c in plain if not unicodedata.combining(c)))


def having(text: str, entries: Mapping[str, str]) -> list[str]:
    """The names whose entry has every word of `text`: a word at the beginning of one of its own, a number as it is."""
    asked = words(text) or ["\0"] * bool(text)  # a text without a word is in none
    found = []
    for name, entry in entries.items():
        there = set(words(entry))
        if all(word in there or (not word.isdigit() and any(w.startswith(word) for w in there)) for word in asked):
            found.append(name)
    return found


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """ "; did you mean X?" for the names nearest to a text, or nothing."""
    by_letters = {name.lower(): name for name in known}
    near = [by_letters[name] for name in difflib.get_close_matches(text.lower(), by_letters, 3, NEAR)]
    return f"; did you mean {' or '.join(near)}?" if near else ""
