"""Find definitions and theorems by words: of their names, other names, sources and statements.

Words are whole words, without accents and in lower case, so "nce" does not match "divergence". A range of equations
stands for all of them: "eq. 20" matches "eqs. 19 to 21".
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
LETTERS = re.compile(r"(?<=[a-z])(?=[A-Z])")  # where a word ends inside a name, as in GaussianMixture
WORD = re.compile(r"[a-z]+|\d+(?:\.\d+)*")
SPAN = re.compile(r"(\d+(?:\.\d+)*) (?:to|through) (\d+(?:\.\d+)*)")
VAGUE = {"loss", "objective", "method", "sampler", "function", "refebm"}  # ignored if nothing matches with them
PROPOSED = ("objectives/", "samplers/", "algorithms/")  # what papers propose; other modules are what it is made of
SMALL = {"and", "et", "al", "of", "the", "a", "in", "by", "to", "is", "for", "with"}  # ignored everywhere


def words(text: str) -> list[str]:
    """The words of a text; numbers keep their decimal points."""
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
    """For each citation of a source its words, with all equations of a range."""
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
    """The groups of words by which a definition or a theorem is found: of its names, citations and statement."""
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
    """The names whose fields have every word of the text: all in one field, or, if there is none, in several fields.

    If nothing is found the vague words are left out.
    """
    wanted, names = set(words(text)), list(names)
    for least in [wanted, wanted - VAGUE] if wanted & VAGUE else [wanted]:
        in_one = [name for name in names if least and any(least <= field for field in fields(name))]
        if chosen := in_one or [name for name in names if least and least <= set().union(*fields(name))]:
            return chosen
    return []


def every() -> list[str]:
    """All names that can be shown: definitions, then other public names, then theorems."""
    others = [name for name in refebm.__all__ if name not in entries.definitions()]
    return [*entries.definitions(), *others, *(theorem.name for theorem in entries.TRUSTED)]


def found(text: str) -> list[str]:
    """The definition or theorem with exactly this name, or else all names that these words find.

    Errors: E-NONE, with a suggestion.
    """
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


def rank(name: str, text: str) -> tuple[bool, bool]:
    """The order of what is found: what the text names, then what papers propose, before what these are made of."""
    functions = entries.THEOREMS[name].about if name in entries.THEOREMS else [name]
    return not set(words(name)) <= set(words(text)), not any(map(is_proposed, functions))


def is_proposed(name: str) -> bool:
    """Whether a definition is what papers propose, not what that is made of."""
    return name in entries.definitions() and entries.begins(name)[0].startswith(PROPOSED)


def called(text: str) -> list[str]:
    """The names that consist of exactly these words, or else the definitions with this other name, such as "DSM"."""
    named = [name for name in every() if words(name) == words(text)]
    return named or [name for name in entries.definitions() if set(words(text)) in _also(name)]


def _also(name):
    return [set(words(one)) for one in entries.doc(name).labelled.get("Also", "").split(",") if one]


def hint(text: str) -> str:
    """A suggestion: similar names, or the text with its unknown words corrected, or how to list its source."""
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
