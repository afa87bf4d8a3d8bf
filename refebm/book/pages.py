"""The pages in Markdown: one for each stem, the contents, the table of equations, and the cited texts."""

import functools
import inspect
import re
import sys
import unicodedata

from refebm.book import entries
from refebm.book.evidence import evidence
from refebm.book.plain import plain
from refebm.book.typeset import typeset
from refebm.identities import Theorem
from refebm.papers import DOCUMENTS, PAPERS, TEXTS, citations

CONTENTS, EQUATIONS, TEXTS_PAGE = "README", "equations", "sources"
BY_HAND = ("tutorial", "coverage", "examiner", "shards")  # pages that are written by hand
WORDS = {"Also": "Also called", "Domain": "Domain", "Convention": "Convention", "Errors": "Errors"}
MADE = "<!-- python -m refebm.book writes this page -->"
CODE = re.compile(r"(``.+?``|`[^`]+`)")
FRONT = """
{definitions} definitions and {theorems} theorems about them, page by page, generated from the code. Each definition
is given with its equation, arguments, result, source, code, other conventions in use, common mistakes, and the theorems
that tell right from wrong. Names are anchors that do not change.

Start with the [tutorial](tutorial.md), from data to a trained energy, its samples and a proof of its loss. See
[examiner](examiner.md) to check your own code, and [shards](shards.md) to verify more cases than one machine can. The
contents of the five documents, row by row, with their errata, are in [coverage](coverage.md). To start from another
paper, see [sources](sources.md), which lists the equations cited from each text; [equations](equations.md) is one table
of all. On a terminal use `refebm show denoising_score_matching`, `refebm show "song kingma 15"` or
`refebm list vincent`; `refebm book DIR` writes the book as a site.

How to read the evidence. *Pointwise*: both sides agree at drawn points. *Quadrature*: integrals with a certificate.
*Enumeration*: exact sums over a finite space. *Limit*: the order and the coefficient of an error. *Statistical*: random
draws, with a false-alarm probability of 1e-6 for the whole run. Errors are in units of the tolerance, 64 roundoffs of
the terms that are added: at most 1 passes. `refebm verify --only NAME` computes them again.

How to read the mistakes. *Not noticed by*: a weak check that the wrong version passes. It asks only that the answer is
*finite* and has the right shape, or only for its gradient, its value up to a factor, ..., or it looks at a special case
alone, such as $`d = 1`$, $`\\sigma = 1`$ or *one row*. *Seen in*: where it, or the same slip in another formula, was
really made: a text, or a program with the number of the issue.
"""
FOLDED = "<details><summary>The proof's code</summary>"
BENEATH = "Modules used by all"  # the row of modules that are in no folder
HEAD = ("equation", "definition", "theorem", "proof")


@functools.cache
def pages() -> dict[str, str]:
    """All generated pages, by name."""
    made = {stem: page(stem) for stem in entries.pages()}
    return {CONTENTS: contents(), **made, EQUATIONS: equations(), TEXTS_PAGE: texts()}


def page(stem: str) -> str:
    """The page of a stem: its definitions, then its theorems."""
    names, theorems = entries.pages()[stem], entries.theorems_of(stem)
    parts = [MADE, f"# {title(stem)}", *_about(stem, names, theorems)]
    if names:
        parts.append("Definitions: " + ", ".join(_link(name, stem) for name in names) + ".")
    if theorems:
        parts.append("Theorems: " + ", ".join(_link(theorem.name, stem) for theorem in theorems) + ".")
    parts += [_picture(figure) for figure in entries.figures().get(stem, ())]
    parts += [part for name in names for part in definition(name, stem)]
    parts += ["## Theorems"] if theorems else []
    parts += [part for theorem in theorems for part in statement(theorem, stem)]
    return _whole(parts)


def _whole(parts):
    return "\n\n".join(part for part in parts if part) + "\n"


def title(stem: str) -> str:
    """The stem in words."""
    return stem.replace("_", " ")


def _modules(stem, names, theorems):
    """The modules that a page describes: those of its definitions named like the stem, else that of its theorems."""
    modules = dict.fromkeys(inspect.unwrap(entries.thing(name.partition(".")[0])).__module__ for name in names)
    own = dict.fromkeys([f"refebm.{stem}", *(module for module in modules if module.endswith(f".{stem}"))])
    return [module for module in own if module in sys.modules] or [theorems[0].sides.__module__]


def _about(stem, names, theorems):
    """The docstrings of the modules that a page describes."""
    return [prose(inspect.getdoc(sys.modules[module]) or "") for module in _modules(stem, names, theorems)]


def definition(name: str, stem: str = "") -> list[str]:
    """The section of a definition."""
    said = entries.doc(name)
    return [
        f'<a id="{name}"></a>',
        f"## `{name}`",
        prose(_besides(said.first, said.latex)),
        formula(said.latex),
        _arguments(name),
        prose(said.rest),
        *(f"**{word}:** {prose(said.labelled[label])}" for label, word in WORDS.items() if label in said.labelled),
        f"**Source:** {cited(entries.source(name))}" if entries.source(name) else "",
        f"```python\n{entries.code(name)}\n```",
        link_to_code(entries.place(name)),
        f"```pycon\n{said.example}\n```" if said.example else "",
        *_variants(name),
        *_evidence_of(name, stem),
    ]


def _besides(first, latex):
    """The first paragraph without its first sentence if that says nothing but the equation, which follows typeset."""
    sentence, *rest = re.split(r"(?<!\.)\. ", first, maxsplit=1)
    parts = typeset(sentence.removesuffix("."))
    shown = "".join(plain(latex).split())
    known = all(re.match(r"\([\w, ]*\)$", one) or "".join(plain(one).split()) in shown for one in parts[1::2])
    return "".join(rest) if known and parts[1:] and not re.search(r"\w", "".join(parts[::2])) else first


def _arguments(name):
    rows = [(f"`{one.name}{' = ' if one.default else ''}{one.default}`", one.words) for one in entries.arguments(name)]
    rows += [("returns", entries.returned(name))] if entries.returned(name) else []
    told = any(words for _, words in rows)
    return table(("argument", "what it is"), [(cell, prose(words)) for cell, words in rows]) if told else ""


def _variants(name):
    elsewhere, wrong = entries.conventions(name), entries.mistakes(name)
    if elsewhere:
        rows = [(prose(one.name), _patch(one), prose(one.where)) for one in elsewhere]
        yield f"**Elsewhere:** other conventions for `{name}`, and how they differ, as a patch of the code above."
        yield table(("convention", "rule", "where"), rows)
    if wrong:
        rows = [(prose(one.name), _patch(one), prose(one.survives), prose(one.seen)) for one in wrong]
        yield f"**Mistakes:** wrong versions of `{name}`, each rejected by a theorem, with a check that misses it."
        yield table(("mistake", "in the code", "not noticed by", "seen in"), rows)


def _patch(variant):
    was, becomes = (" ".join(text.split()) for text in (variant.was, variant.becomes))
    return f"`{was}` → `{becomes}`" if becomes else f"without `{was}`"


def _evidence_of(name, stem):
    theorems = [one for one in entries.TRUSTED if name in one.about]
    if theorems:
        rows = [(_link(one.name, stem), one.kind, prose(one.statement), held(one)) for one in theorems]
        yield f"**Theorems about `{name}`.**"
        yield table(("theorem", "evidence", "statement", "error / tolerance"), rows)


def held(theorem: Theorem) -> str:
    """The worst error of the recorded run in units of the tolerance; empty if there is no record."""
    record = evidence().get(theorem.name)
    return f"{record['worst']:.2g}" if record else ""


def statement(theorem: Theorem, stem: str) -> list[str]:
    """The section of a theorem: its statement, its evidence, where it does not hold, and its proof."""
    record, place = evidence().get(theorem.name), entries.place_of_theorem(theorem)
    seen = f"Worst of {record['cases']} cases: {record['worst']:.2g} of the tolerance." if record else ""
    about = ", ".join(_link(name, stem) for name in theorem.about)
    wrong = [
        f"{prose(one.name)} ({prose(one.seen)})" if one.seen else prose(one.name)
        for one in entries.misstatements(theorem)
    ]
    return [
        f'<a id="{theorem.name}"></a>',
        f"### `{theorem.name}`",
        prose(theorem.statement),
        formula(theorem.latex),
        f"**Evidence:** {theorem.kind}, about {about}. {seen}",
        f"**Outside its conditions:** {_outside(theorem, record)}." if theorem.outside else "",
        f"**Cancellation:** {prose(theorem.cancels)}." if theorem.cancels else "",
        f"**Wrong statements of it:** {'; '.join(wrong)}." if wrong else "",
        f"**Source:** {cited(theorem.source)}",
        f"**Proof:** {link_to_code(place)}; `refebm verify --only {theorem.name}`",
        f"{FOLDED}\n\n```python\n{entries.proof(theorem)}\n```\n\n</details>",
    ]


def _outside(theorem, record):
    said = record["outside"] if record else {}
    return prose("; ".join(f"{name}: {said.get(name, 'does not hold')}" for name in theorem.outside))


def formula(latex: str) -> str:
    """An equation as a block of its own."""
    return f"$$\n{latex}\n$$" if latex else ""


def prose(text: str) -> str:
    """The text of a docstring as Markdown: formulas typeset, and no signs but backquotes and *emphasis* special."""
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    return "\n\n".join(_outside_code(part, _typeset) for part in paragraphs)


def _typeset(text):
    return "".join(f"$`{part}`$" if i % 2 else _signs(part) for i, part in enumerate(typeset(text)))


def _escaped(text):
    return _outside_code(text, _signs)


def _outside_code(text, change):
    return "".join(piece if i % 2 else change(piece) for i, piece in enumerate(CODE.split(text)))


def _signs(text):
    text = text.replace("\\", "\\\\").replace("<", "&lt;").replace("~", "\\~").replace("[", "\\[").replace("]", "\\]")
    text = re.sub(r"(?<![\w*])_|_(?!\w)", r"\\_", text)
    return re.sub(r"\*(?![\w])(?<![\w.]\*)|(?<=[\w)])\*(?=[\w(])|\*\*", lambda star: star[0].replace("*", "\\*"), text)


def table(head: tuple, rows: list[tuple]) -> str:
    """A table in Markdown, with bars in cells escaped."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines
    )


def link_to_code(place: entries.Place) -> str:
    """A link to the lines of a file."""
    return f"[refebm/{place.path}, lines {place.first} to {place.last}](../{place.path}#L{place.first}-L{place.last})"


def _link(name, stem):
    """A link to a theorem or a definition; for a value, such as a `Generator`, to its class."""
    theorem = entries.THEOREMS.get(name)
    entry = name if theorem or name in entries.definitions() else type(entries.thing(name)).__name__
    page = theorem.stem if theorem else entries.page_of(entry)
    return f"[`{name}`]({'' if page == stem else f'{page}.md'}#{entry})"


def cited(source: str) -> str:
    """A source line in which known texts link to the page of texts."""
    return "; ".join(_text(one.text) + _outside_code(one.place, _typeset) for one in citations(source))


def _text(text):
    return f"[{_escaped(text)}]({TEXTS_PAGE}.md#{anchor(text)})" if text in TEXTS else _escaped(text)


def anchor(text: str) -> str:
    """The anchor of a cited text."""
    plain = unicodedata.normalize("NFKD", text.lower()).replace("'", "")
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def _picture(figure: entries.Figure) -> str:
    return f"![{figure.alt}](../../figures/{figure.name}.png)\n\n*{prose(figure.caption)}*"


def texts() -> str:
    """The page of texts: each with the definitions and theorems that cite it, by the place cited."""
    where = _citing()
    parts = [MADE, "# sources", "The cited texts, and which definition or theorem stands for which equation."]
    for heading, group in (("The five documents", DOCUMENTS), ("Papers and books", PAPERS)):
        parts.append(f"## {heading}")
        for text in group:
            if text in where or group is DOCUMENTS:
                parts += [
                    f'<a id="{anchor(text)}"></a>',
                    f"### {text}",
                    _escaped(TEXTS[text]),
                    _list_of(where.get(text, {})),
                ]
    return _whole(parts)


def _list_of(where):
    lines = [f"- {place or 'as a whole'}: {', '.join(links)}" for place, links in sorted(where.items(), key=_by_number)]
    return "\n".join(lines)


def _by_number(item):
    word, *numbers = re.split(r"(\d+)", item[0].replace("eqs.", "eq."))
    return word, [int(one) if one.isdigit() else 0 for one in numbers], item[0]


def _citing():
    """For each text and each place in it, the links to the definitions and theorems that cite it."""
    found: dict[str, dict[str, list[str]]] = {}
    names = [(name, entries.source(name)) for name in entries.definitions() if "Source" in entries.doc(name).labelled]
    for name, source in [*names, *((theorem.name, theorem.source) for theorem in entries.TRUSTED)]:
        for one in citations(source):
            place = prose(one.place.lstrip(", "))
            links = found.setdefault(one.text, {}).setdefault(place, [])
            links.append(_link(name, ""))
    return found


def contents() -> str:
    """The front page."""
    front = FRONT.format(definitions=len(entries.definitions()), theorems=len(entries.TRUSTED))
    parts = [MADE, "# The book of refebm", front.strip()]
    for stem, names in entries.pages().items():
        number = len(entries.theorems_of(stem))
        parts.append(f"## [{title(stem)}]({stem}.md)")
        parts += [words.partition("\n\n")[0] for words in _about(stem, names, entries.theorems_of(stem))[:1]]
        theorems = f"{number} theorem{'s' * (number != 1)}" if number else ""
        parts.append(", ".join([*(_link(name, "") for name in names), *filter(None, [theorems])]) + ".")
    return _whole(parts)


def overview() -> str:
    """A table of the pages for the README of the repository: a row for each folder of modules."""
    groups: dict[str, list[str]] = {}
    for stem, names in entries.pages().items():
        package = sys.modules[".".join(_modules(stem, names, entries.theorems_of(stem))[0].split(".")[:2])]
        words = inspect.getdoc(package).partition(":")[0] if hasattr(package, "__path__") else BENEATH
        groups.setdefault(words, []).append(f"[{title(stem)}](refebm/book/{stem}.md)")
    return table(("", "pages"), [(words, ", ".join(links)) for words, links in groups.items()])


def equations() -> str:
    """The page with a table of all equations, their definitions, the theorems about these, and the proofs."""
    rows = [
        (
            cited(entries.source(name)),
            f"{_link(name, '')}, {_at(entries.place(name))}",
            _link(theorem.name, ""),
            _proof(theorem),
        )
        for name in entries.definitions()
        for theorem in entries.TRUSTED
        if name in theorem.about
    ]
    words = "Equations, their definitions, the theorems about these, and the proofs; as of `refebm list --markdown`."
    return _whole([MADE, "# equations", words, table(HEAD, rows)])


def _at(place):
    return f"[{place.path}:{place.first}](../{place.path}#L{place.first})"


def _proof(theorem):
    return _at(entries.place_of_theorem(theorem))
