"""Finding definitions and theorems by words: of their names, of what else they are called, of sources, of statements.

A word is what stands between spaces and signs, without accents, in any case, so "nce" is no part of "divergence". Of a
source all equations count that it spans: "eq. 19" stands in "eqs. 19 and 20".
"""

import difflib
import functools
import re
import unicodedata
from collections.abc import Iterable

import refebm
from refebm.book import entries
from refebm.glossary import InputError
from refebm.papers import TEXTS, citations
from refebm.words import NEAR, did_you_mean

PLACES = ("equation", "section", "theorem", "algorithm", "proposition", "technique", "appendix", "corollary")
SHORT = {
    "eq": "equation",
    "eqs": "equation",
    "sec": "section",
    "thm": "theorem",
    "alg": "algorithm",
    "prop": "proposition",
}
LETTERS = re.compile(r"(?<=[a-z])(?=[A-Z])")  # between them a word ends, as in GaussianMixture
WORD = re.compile(r"[a-z]+|\d+(?:\.\d+)*")
SPAN = re.compile(r"(\d+(?:\.\d+)*) (?:to|through) (\d+(?:\.\d+)*)")
VAGUE = {"loss", "objective", "method", "sampler", "function", "refebm"}  # which are left out where nothing has them
SMALL = {"and", "et", "al", "of", "the", "a", "in", "by", "to", "is", "for", "with"}  # that tell nothing apart


def words(text: str) -> list[str]:
    """The words of a text; numbers keep their points."""
    if not text.isascii():
        text = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
        text = text.replace("ø", "o").replace("Ø", "O")
    apart = LETTERS.sub(" ", text.replace("_", " ")).lower().replace("'s", "")
    return [_one(word) for word in WORD.findall(apart) if word not in SMALL]


@functools.cache
def _of_text(text):
    return frozenset(words(text) + words(TEXTS.get(text, "")))


def _one(word):
    word = SHORT.get(word, word)
    singular = word[:-1] if word.endswith("s") else word
    return singular if singular in PLACES else word


def places(source: str) -> list[set[str]]:
    """For each citation of a source its words, all that it spans among them."""
    return [set(_of_text(one.text) | _spanned(one.place)) for one in citations(source)]


@functools.cache
def _spanned(place):
    return frozenset(words(SPAN.sub(lambda span: " ".join(_span(*span.groups())), place)))


def _span(first, last):
    head, _, a = first.rpartition(".")
    b = last.rpartition(".")[2]
    return [f"{head}.{i}".strip(".") for i in range(int(a), int(b) + 1)]


@functools.cache
def fields(name: str) -> list[set[str]]:
    """Groups of words under which a definition or a theorem is found: its names, its citations, what it says."""
    if name in entries.THEOREMS:
        theorem = entries.THEOREMS[name]
        own = [set(words(name)), set(words(theorem.stem)) | {theorem.kind}]
        return [
            *own,
            *places(theorem.source),
            set(words(theorem.statement)),
            *(set(words(one)) for one in theorem.about),
        ]
    said = entries.doc(name)
    own, also = set(words(name)) | {_initials(name)}, _also(name)
    return [own, *also, own.union(*also), *places(entries.source(name)), set(words(said.first))]


def _initials(name):
    return "".join(word[0] for word in words(name) if word.isalpha())


def matches(text: str, names: Iterable[str]) -> list[str]:
    """Those of the names under which every word of the text stands: all in one field, else in any; else less vague."""
    wanted, names = set(words(text)), list(names)
    for least in [wanted, wanted - VAGUE] if wanted & VAGUE else [wanted]:
        in_one = [name for name in names if least and any(least <= field for field in fields(name))]
        if chosen := in_one or [name for name in names if least and least <= set().union(*fields(name))]:
            return chosen
    return []


def every() -> list[str]:
    """All names that can be shown: definitions, other public names, theorems."""
    others = [name for name in refebm.__all__ if name not in entries.definitions()]
    return [*entries.definitions(), *others, *(theorem.name for theorem in entries.TRUSTED)]


def found(text: str) -> list[str]:
    """What a name, or words, mean: the one of that name, else all that they find. Errors: E-NONE, with what is near."""
    names, text = every(), text.strip().removeprefix("refebm.")
    exact = [name for name in names if name.lower() == text.lower()]
    if exact:
        return exact[:1]
    chosen = matches(text, [*entries.definitions(), *(theorem.name for theorem in entries.TRUSTED)])
    if not chosen:
        raise InputError(
            "E-NONE", f"nothing is called {text!r}, and no source or statement has these words{hint(text)}"
        )
    return chosen


def called(text: str) -> list[str]:
    """Those called exactly so: what has these words for its name, else definitions that are also called so: "DSM"."""
    named = [name for name in every() if words(name) == words(text)]
    return named or [name for name in entries.definitions() if set(words(text)) in _also(name)]


def _also(name):
    return [set(words(one)) for one in entries.doc(name).labelled.get("Also", "").split(",") if one]


def hint(text: str) -> str:
    """Did you mean ...? Names like the text, the text with its unknown words mended, or what is cited of its source."""
    if said := did_you_mean(re.sub(r"[\s-]+", "_", text.rstrip("()")), every()):
        return said
    wanted = words(text)
    known = sorted({word for name in every() for field in fields(name) for word in field if word.isalpha()})
    mended = [next(iter(difflib.get_close_matches(word, known, 1, NEAR)), word) for word in wanted]
    if mended != wanted and all(word.isdigit() or word in known for word in mended):
        return f"; did you mean {' '.join(mended)!r}?"
    source = [word for word in wanted if word not in PLACES and (word.isalpha() or re.fullmatch(r"\d{4}", word))]
    if source != wanted and matches(" ".join(source), [*entries.definitions(), *entries.THEOREMS]):
        return f"; refebm list {' '.join(source)} has what there is of this source"
    return "; refebm list has all names"
