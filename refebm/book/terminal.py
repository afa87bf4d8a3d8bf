"""The book on a terminal: a definition or a theorem as on its page, and the list of all."""

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable

from refebm.book import entries, search
from refebm.book.evidence import evidence, unexamined
from refebm.book.pages import HEAD, table
from refebm.book.plain import clauses, plain
from refebm.glossary import InputError
from refebm.identities import Theorem

BOLD, FAINT, COLOUR, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[36m", "\x1b[0m"
INDENT = "    "
KEYWORDS = re.compile(
    r"(#.*$)|\b(def|return|class|for|in|if|else|lambda|not|and|or|raise|with|import|from|None|True|False)\b"
)


def shown(text: str, width: int = 100, colour: bool = False) -> str:
    """The text for what a name or words find: one definition or theorem in full, several as a list. Errors: E-NONE."""
    called = search.called(text.removeprefix("refebm."))
    names = called if len(called) == 1 else search.found(text)
    whole = _alone(names)
    if whole is None:
        names = sorted(names, key=lambda name: search.rank(name, text))
        words = f"{len(names)} have {text!r}; refebm show NAME shows one of them"
        return "\n".join([listed(names, width, colour), "", words])
    lines = theorem(entries.THEOREMS[whole], width) if whole in entries.THEOREMS else definition(whole, width)
    told = {whole, *(one.name for one in entries.theorems_about(whole))}
    others = [name for name in names if name not in told]
    lines += [("", ""), *_labelled(f"{text!r} finds too", ", ".join(others), width)] if others else []
    return _coloured(lines) if colour else "\n".join(text for _, text in lines)


def _alone(names):
    """The name that is meant: the only one, or the only definition, or the only one that papers propose; else None."""
    found = [name for name in names if name not in entries.THEOREMS]
    proposed = [name for name in found if search.is_proposed(name)]
    return next((group[0] for group in (names, found, proposed) if len(group) == 1), None)


def definition(name: str, width: int) -> list[tuple[str, str]]:
    """The lines of a definition, as (style, text)."""
    said = entries.doc(name)
    lines = [(BOLD, name), *_paragraphs(said.first, width)]
    if said.latex:
        lines += [("", ""), *_formula(said.latex, width), ("", "")]
    if callable(entries.thing(name)):
        lines += [line for one in entries.arguments(name) for line in _argument(one, width)]
        returned = entries.returned(name)
        lines += _hanging(f"{INDENT}returns {returned}", width, INDENT * 2) if returned else []
    lines += [("", ""), *_paragraphs(said.rest, width), ("", "")] if said.rest else [("", "")]
    for label, words in said.labelled.items():
        lines += _labelled(label, words, width)
    if "Source" not in said.labelled and "." in name:
        lines += _labelled("Source", entries.source(name), width)
    if name in entries.definitions():
        by = "Examined by", f"refebm crosscheck --only {name}"
        lines += _labelled(*(("Not examined", unexamined()[name]) if name in unexamined() else by), width)
        lines += _code(name)
        lines += [("", ""), *((COLOUR, INDENT + line) for line in said.example.splitlines())] if said.example else []
        lines += _rows("Elsewhere", [(one.name, one.formula, one.where) for one in entries.conventions(name)], width)
        lines += _rows("Mistakes", [(one.name, one.formula, one.seen) for one in entries.mistakes(name)], width)
    elif callable(entries.thing(name)):
        lines += [(FAINT, "refebm/{}:{}".format(*entries.begins(name)))]
    for one in entries.theorems_about(name):
        lines += [("", ""), *theorem(one, width, brief=True)]
    return lines


def _formula(latex, width):
    """The formula in one line if it fits, else broken at its clauses."""
    lines = [INDENT + plain(latex)]
    if len(lines[0]) > width:
        lines = []
        for part in map(plain, clauses(latex)):
            fits = lines and len(lines[-1]) + 3 + len(part) <= width
            lines = [*lines[:-1], f"{lines[-1]}   {part}"] if fits else [*lines, INDENT + part]
    return [(BOLD, line) for line in lines]


def _argument(one, width):
    head = f"{INDENT}{one.name}{' = ' + one.default if one.default else ''}"
    return _hanging(f"{head}: {one.words}" if one.words else head, width, INDENT * 2)


def theorem(one: Theorem, width: int, brief: bool = False) -> list[tuple[str, str]]:
    """The lines of a theorem, as (style, text); with its code, unless brief."""
    record = evidence().get(one.name, {})
    lines = [(BOLD, one.name), *_paragraphs(one.statement, width), *_formula(one.latex, width)]
    worst = f", worst of {record['cases']} cases {record['worst']:.2g} of the tolerance" if record else ""
    lines += _labelled("Evidence", f"{one.kind}{worst}", width)
    if one.outside:
        said = record.get("outside", {})
        words = "; ".join(f"{name}: {said.get(name, 'does not hold')}" for name in one.outside)
        lines += _labelled("Outside its conditions", words, width)
    lines += _labelled("Source", one.source, width)
    lines += [(FAINT, "refebm/{}:{}   refebm verify --only {}".format(*entries.line_of_theorem(one), one.name))]
    if brief:
        return lines
    lines += _labelled("About", ", ".join(one.about), width)
    wrong = [(one.name, one.formula, one.seen) for one in entries.misstatements(one)]
    text = entries.proof(one).splitlines()
    return [
        *lines,
        ("", ""),
        *((COLOUR, (INDENT + line).rstrip()) for line in text),
        *_rows("Wrong statements", wrong, width),
    ]


def _code(name):
    place = entries.place(name)
    text = [(COLOUR, (INDENT + line).rstrip()) for line in entries.code(name).splitlines()]
    return [("", ""), *text, (FAINT, f"refebm/{place.path}:{place.first}")]


def _rows(title, rows, width):
    lines = [("", ""), (BOLD, title)] if rows else []
    for name, formula, where in rows:
        lines += _hanging(f"- {name}: {formula}" + (f" [{where}]" if where else ""), width, "  ")
    return lines


def _labelled(label, words, width):
    return _hanging(f"{label}: {words}", width, "  ")


def _hanging(text, width, further):
    first = text[: len(text) - len(text.lstrip())]
    return [("", line) for line in textwrap.wrap(text.strip(), width, initial_indent=first, subsequent_indent=further)]


def _paragraphs(text, width):
    parts = [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
    lines = [line for part in parts for line in ["", *textwrap.wrap(part, width)]]
    return [("", line) for line in lines[1:]]


def _coloured(lines):
    return "\n".join(
        _highlighted(text) if style == COLOUR else f"{style}{text}{PLAIN}" if style else text for style, text in lines
    )


def _highlighted(code):
    return KEYWORDS.sub(lambda one: f"{FAINT if one[1] else COLOUR}{one[0]}{PLAIN}", code)


def listed(names: Iterable[str], width: int = 100, colour: bool = False) -> str:
    """Each name, by stem: a definition with its source, a theorem with its statement, beside it or below."""
    by_stem: dict[str, list[str]] = {}
    for name in names:
        stem = entries.THEOREMS[name].stem if name in entries.THEOREMS else entries.page_of(name)
        by_stem.setdefault(stem, []).append(name)
    column = max(len(name) for group in by_stem.values() for name in group) + 2
    lines = []
    for stem, group in by_stem.items():
        lines += ["", f"{BOLD}{stem}{PLAIN}" if colour else stem]
        for name in group:
            lines += _beside(f"  {name:{column}s}", _in_a_line(name), width)
    return "\n".join(lines[1:])


def _in_a_line(name):
    if name in entries.THEOREMS:
        return entries.THEOREMS[name].statement
    why = f" [not examined: {unexamined()[name]}]" if name in unexamined() else ""
    return (entries.source(name) or entries.doc(name).first) + why


def _beside(name, words, width):
    """The words in lines beside a name or, where that leaves less than half of the width, below it."""
    if len(name) > width / 2:
        return [name.rstrip(), *textwrap.wrap(words, width, initial_indent=INDENT * 2, subsequent_indent=INDENT * 2)]
    return textwrap.wrap(name + words, width, subsequent_indent=" " * len(name)) or [name.rstrip()]


def chosen(text: str) -> list[str]:
    """All definitions, or the names that words find. Errors: E-NONE."""
    return search.found(text) if text.strip() else [name for names in entries.pages().values() for name in names]


def markdown(text: str = "") -> str:
    """A table from equations to definitions, theorems and their proofs. Errors: E-NONE if nothing is found."""
    names = set(chosen(text)) if text.strip() else set()
    rows = [
        (entries.source(name), f"`{name}`", f"`{one.name}`", "refebm/{}:{}".format(*entries.line_of_theorem(one)))
        for name in entries.definitions()
        for one in entries.TRUSTED
        if name in one.about and (not names or name in names or one.name in names)
    ]
    if not rows:
        raise InputError("E-NONE", f"there is no theorem about anything that {text!r} finds")
    return table(HEAD, rows)


def put(text: str) -> None:
    """Print a text, through a pager if standard output is a terminal and the text is longer than it."""
    if sys.stdout and sys.stdout.isatty() and text.count("\n") >= shutil.get_terminal_size().lines:
        import pydoc  # slow to import

        os.environ.setdefault("LESS", "-R")
        pydoc.pager(text)
    else:
        print(text)
