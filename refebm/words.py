"""Find the names that a user's words mean, and suggest similar names."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping

NEAR = 0.7  # the least similarity, as difflib measures it, of a name that is suggested
LONG = 5  # letters of a word that is suggested for itself


def words(text: str) -> list[str]:
    """The words and numbers of a text, in lower case without accents: "Hyvärinen 2005, eq. 4" has four."""
    plain = unicodedata.normalize("NFKD", text.lower())
    return re.findall(r"[^\W\d_]+|\d+", "".join(c for c in plain if not unicodedata.combining(c)))


def having(text: str, entries: Mapping[str, str]) -> list[str]:
    """The names whose entry has every word of `text`. A word may be the beginning of one in the entry; a number must be
    equal."""
    wanted = words(text) or ["\0"] * bool(text)  # a text without any word, such as "--", matches no entry
    found = []
    for name, entry in entries.items():
        there = set(words(entry))
        if all(word in there or (not word.isdigit() and any(w.startswith(word) for w in there)) for word in wanted):
            found.append(name)
    return found


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """The words "; did you mean X?", X the known names most similar to a text, three at most, or else the most similar
    word of a name; empty if there is none."""
    by_letters = {name.lower(): name for name in known}
    near = [by_letters[name] for name in difflib.get_close_matches(text.lower(), by_letters, 3, NEAR)]
    parts = {} if near else {one for name in by_letters for one in words(name) if len(one) >= LONG}
    near = near or difflib.get_close_matches(text.lower(), sorted(parts), 1, NEAR)
    return f"; did you mean {' or '.join(near)}?" if near else ""
