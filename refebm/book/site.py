"""The book as a site: the same pages as HTML, with MathML, coloured code and a search, all in one folder.

It needs the extra ``book``. The site opens from a file and loads nothing from the network.
"""

import functools
import html
import itertools
import json
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

from refebm.book import entries, search
from refebm.book.pages import BY_HAND, CONTENTS, EQUATIONS, FOLDED, TEXTS_PAGE, pages, title
from refebm.book.plain import LETTERS, broken, clauses, plain
from refebm.book.typeset import typeset
from refebm.glossary import InputError

HERE = Path(__file__).parent
FIGURES = entries.ROOT.parent / "figures"
MARK = "files.txt"  # lists the files of a book, so that a later run may replace them
STATIC = ("style.css", "search.js")
LIGHT, DARK = "friendly", "github-dark"  # styles of pygments
ALPHABETS = {"double-struck": LETTERS["mathbb"], "script": LETTERS["mathcal"]}
PRIMES = ("\u2032", "\u2033")
BARS = ("|", "\u2016")
CLOSING = (")", "]", "}", "!", "\u2026")
PLUS_MINUS, RELATIONS = ("+", "\u2212"), "=<>\u2264\u2265\u2260\u2192\u2190\u223c\u2208\u226a\u226b\u22c5\u00d7+\u2212"
KEPT = re.compile(r"\bE-[A-Z]+|(?<!\S)-[^\W_]\S*")  # such as E-COUNT and -z/sigma
FIGURE = re.compile(r"<p>(<img [^>]*>)</p>\s*<p><em>(.*?)</em></p>\s*")
FIGURES_OF_A_PAGE = re.compile(f"(?:{FIGURE.pattern})+")
SPACE = ElementTree.fromstring('<mspace width="0.17em"></mspace>')


def write_site(folder: Path) -> int:
    """Write the site, completely or not at all; return the number of pages. Errors: E-EXTRA, E-FOLDER, E-FILE."""
    render = _renderer()
    _see_free(folder)
    partial = folder.resolve().with_name(f".{secrets.token_hex(8)}.partial")
    try:
        partial.mkdir(parents=True)
        names = list(_written(partial, render))
        (partial / MARK).write_text("\n".join([*names, MARK]) + "\n", encoding="utf-8")
        _see_free(folder)
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder.resolve())
    except OSError as error:
        raise InputError("E-FILE", f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return sum(name.endswith(".html") for name in names)


def _see_free(folder):
    """Refuse a folder that holds anything but a book, or is no folder. Errors: E-FOLDER, E-FILE."""
    try:
        if not folder.exists() and not folder.is_symlink():
            return
        if folder.is_symlink() or not folder.is_dir():
            raise InputError("E-FOLDER", f"{folder} must be a folder, or not exist")
        here = Path.cwd()  # the folder is replaced as a whole, so that we must not be inside it
        if folder.resolve() in [here, *here.parents]:
            raise InputError("E-FOLDER", f"{folder} must not be the folder that you are in: name one in it")
        mark = folder / MARK
        known = set(mark.read_text(encoding="utf-8").splitlines()) if mark.is_file() else set()
        found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
        others = sorted(
            itertools.islice((name for name in found if name not in known), 3)
        )  # only as many as the error names
    except InputError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a null character in the name, or a mark that is not text
        raise InputError("E-FILE", f"{folder} cannot be read: {error}") from error
    if others:
        raise InputError("E-FOLDER", f"{folder} must be empty or a book; it has {', '.join(others)}: name another")


def _renderer() -> Callable:
    """A renderer of Markdown to HTML. Errors: E-EXTRA if the libraries it needs are not installed."""
    try:
        from latex2mathml.converter import convert
        from markdown_it import MarkdownIt
        from mdit_py_plugins.dollarmath import dollarmath_plugin
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import get_lexer_by_name
    except ImportError as error:
        wanted = f"{error.name} is not installed: pip install 'refebm[book]'"
        raise InputError("E-EXTRA", f"the site needs further libraries: {wanted}") from error

    def coloured(code, language, _=None, numbered=False):
        text = highlight(code, get_lexer_by_name(language or "text", stripnl=False), HtmlFormatter(nowrap=True))
        numbers = itertools.count(1) if numbered else itertools.repeat(0)
        return "".join(map(_line, code.split("\n"), text.rstrip("\n").split("\n"), numbers))

    converted = functools.cache(lambda latex, display: _mended(convert(latex, display=display)))

    def formula(latex, options):  # of which the plugin makes a <div class="math block"> or a <span class="math inline">
        if options["display_mode"]:
            parts = [[converted(one, "block") for one in broken(part.strip())] for part in clauses(latex.strip())]
            return "".join(f"<span>{''.join(part)}</span>" for part in parts)
        return "<wbr>".join(converted(part, "inline") for part in broken(latex.strip("`")))

    markdown = MarkdownIt("commonmark", {"html": True, "highlight": coloured}).enable("table")
    markdown.use(dollarmath_plugin, renderer=formula)
    markdown.add_render_rule("code_inline", _name)
    markdown.add_render_rule("text", _prose)
    markdown.coloured = coloured
    markdown.styles = "\n".join(
        [
            HtmlFormatter(style=LIGHT).get_style_defs("pre"),
            "@media (prefers-color-scheme: dark) {",
            HtmlFormatter(style=DARK).get_style_defs("pre"),
            "}",
        ]
    )
    return markdown


def _line(line, coloured, number):
    """A coloured line of code; if it is too long it is broken, and goes on with four more spaces before it."""
    anchor, link = (f' id="L{number}"', f'<a href="#L{number}">{number}</a>') if number else ("", "")
    indent = len(line) - len(line.lstrip()) + 4
    return f'<span class="line"{anchor} style="--indent: {indent}ch">{link}{coloured}\n</span>'


def _name(_, tokens, i, *__):
    """Inline code, in which a line may break after an underscore or a point of a long name."""
    broken = re.sub(r"(?<=\w)([_.])(?=[a-z])", r"\1<wbr>", html.escape(tokens[i].content))
    return f"<code>{broken}</code>"


def _prose(_, tokens, i, *__):
    """Text, in which no line breaks after the hyphen of an error's code or after a minus sign."""
    return KEPT.sub(r'<span class="whole">\g<0></span>', html.escape(tokens[i].content, quote=False))


def _mended(mathml: str) -> str:
    """Correct what browsers do not: letters of other alphabets, space around words, no space in bars, primes."""
    for variant, letters in ALPHABETS.items():
        for letter, written in letters.items():
            mathml = mathml.replace(f'<mi mathvariant="{variant}">{letter}</mi>', f"<mi>{written}</mi>")
    tree = ElementTree.fromstring(mathml.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', ""))
    for one in tree.iter():
        if one.tag == "mtext" and re.fullmatch(r"\w+", one.text or ""):
            one.tag = "mi"  # text would be like space: an operator beside it loses its own
        if one.tag == "mo" and (one.text in (*BARS, "/") or _is_word(one)):
            one.attrib |= {"lspace": "0", "rspace": "0"}
        if one.tag == "mo" and one.text in BARS and not {"stretchy", "minsize"} & {*one.attrib}:
            one.set("stretchy", "false")  # else the bar that begins is taller than the one that bears the power
        if one.tag in ("msup", "msub") and len(one) > 2:  # a base in brackets has several elements: group them
            inner = ElementTree.Element("mrow")
            inner[:] = one[:-1]
            one[:] = [inner, one[-1]]
        if one.tag == "msup" and one[-1].text in PRIMES:  # the prime sign itself is small and raised
            one.tag = "mrow"
    for row in [*tree.iter("mrow"), *tree.iter("mtd")]:
        _sign(row)
        row[:] = _spaced(row)
    return ElementTree.tostring(tree, encoding="unicode")


def _sign(row):
    """Say which minus and plus signs are those of a number, and that an operator at the end has no space less."""
    ends = False  # whether a bar ends here what another began
    for before, here in zip([None, *row], row):
        after_operator = before is None or (
            before.tag == "mo" and before.text not in CLOSING and (ends or before.text not in BARS)
        )
        if here.tag == "mo" and here.text in PLUS_MINUS:
            here.set("form", "prefix" if after_operator else "infix")
        bar = here if here.tag == "mo" else here[0] if len(here) else here
        ends ^= bar.tag == "mo" and bar.text in BARS
    if len(row) > 1 and row[-1].tag == "mo" and row[-1].text in RELATIONS:
        row[-1].set("form", "infix")


def _spaced(row) -> Iterator[ElementTree.Element]:
    """The elements of a row, with a space between words (log, tr, max, ...) and letters, numbers or words beside."""
    for before, here in zip([None, *row], row):
        pair = [before, here]
        if before is not None and any(map(_is_word, pair)) and all(one.tag != "mo" or _is_word(one) for one in pair):
            yield SPACE
        yield here


def _is_word(one):
    first = one[0] if len(one) and one.tag != "mrow" else one
    return first.tag in ("mi", "mo") and len(first.text or "") > 1 and first.text.isalpha()


def _written(folder: Path, markdown) -> Iterator[str]:
    """Write all files into the folder, and yield their names."""
    texts = pages() | {name: (HERE / f"{name}.md").read_text(encoding="utf-8") for name in BY_HAND}
    linked: set[str] = set()
    for name, text in texts.items():
        yield _put(folder, _file(name), _page(name, text, markdown, linked))
    for path in sorted(linked):
        yield _put(folder, _code_file(path), _listing(path, markdown))
    for figure in [one for group in entries.figures().values() for one in group]:
        yield _put(folder, f"figures/{figure.name}.png", (FIGURES / f"{figure.name}.png").read_bytes())
    for name in STATIC:
        text = (HERE / "static" / name).read_text(encoding="utf-8")
        yield _put(folder, name, text + markdown.styles if name == "style.css" else text)
    yield _put(folder, "entries.js", f"const ENTRIES = {json.dumps(_entries(), ensure_ascii=False)};\n")


def _put(folder, name, content):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def _file(name):
    return "index.html" if name == CONTENTS else f"{name}.html"


def _code_file(path):
    return f"code/{path.replace('/', '-').removesuffix('.py')}.html"


def _page(name, text, markdown, linked):
    tokens = markdown.parse(text)
    for token in tokens:
        _relink(token, linked)
    _label_cells(tokens)
    body = FIGURES_OF_A_PAGE.sub(_figures, "\n".join(_sections(tokens, markdown)))
    return _frame(title(name) if name != CONTENTS else "refebm", body, name)


def _figures(found):
    """Pictures that follow each other, each with its caption, to stand beside each other where there is room."""
    pictures = FIGURE.sub(r"<figure>\1<figcaption>\2</figcaption></figure>", found[0])
    return f'<div class="figures">{pictures}</div>'


def _relink(token, linked):
    """Make links to pages point to HTML files, links to code to its listing, and images to the folder figures."""
    for one in [token, *(token.children or ())]:
        if one.type == "link_open" and (link := re.fullmatch(r"\.\./([\w/]+\.py)#(L\d+)(-L\d+)?", one.attrs["href"])):
            linked.add(link[1])
            one.attrs["href"] = f"{_code_file(link[1])}#{link[2]}"
        elif one.type == "link_open" and "://" not in one.attrs["href"]:
            page, sharp, place = one.attrs["href"].partition("#")
            one.attrs["href"] = (_file(page.removesuffix(".md")) if page else "") + sharp + place
        elif one.type == "image":
            one.attrs["src"] = f"figures/{Path(one.attrs['src']).name}"


def _label_cells(tokens):
    """Give each cell the head of its column as an attribute, for narrow screens, which show cells below each other."""
    heads, column = [], 0
    for i, token in enumerate(tokens):
        if token.type == "table_open":
            heads = []
        elif token.type == "th_open":
            heads.append(tokens[i + 1].content)
        elif token.type == "tr_open":
            column = 0
        elif token.type == "td_open":
            token.attrs["data-head"] = heads[column]
            column += 1


def _sections(tokens, markdown) -> Iterator[str]:
    """The sections of a page: a definition beside its code, a theorem beside its evidence, others as they are."""
    starts = [i for i, token in enumerate(tokens) if token.type == "heading_open" and token.tag in ("h2", "h3")]
    for first, last in zip([0, *starts], [*starts, len(tokens)]):
        part = tokens[first:last]
        kind, split, rest = _halves(part)
        head, said, beside, below = part[:3], part[3:split], part[split:rest], part[rest:]
        pieces = [_rendered(one, markdown) for one in (head, said, beside, below)]
        if kind:
            yield '<section class="{}">{}<div class="said">{}</div><div class="beside">{}</div>{}</section>'.format(
                kind, *pieces
            )
        else:
            yield "".join(pieces)


def _halves(part):
    """(kind, begin, end): whether a section is a definition or a theorem, and which tokens stand beside its text."""
    fence = next((i for i, token in enumerate(part) if token.type == "fence"), None)
    if part[0].tag == "h2" and fence is not None:
        return "definition", fence, min(fence + 4, len(part))  # the code, and the paragraph with the link to it
    proof = next((i for i, token in enumerate(part) if token.content.startswith("**Evidence:**")), None)
    if part[0].tag == "h3" and proof is not None:
        code = next(i for i, token in enumerate(part) if token.content.startswith(FOLDED))
        return "theorem", proof - 1, code
    return "", len(part), len(part)


def _rendered(tokens, markdown):
    return markdown.renderer.render(tokens, markdown.options, {})


def _listing(path, markdown):
    """The listing of a file of refebm, in which each line is an anchor."""
    code = (entries.ROOT / path).read_text(encoding="utf-8")
    lines = markdown.coloured(code, "python", numbered=True)
    heading = f"refebm/{path}"
    return _frame(heading, f"<h1>{heading}</h1><pre class='listing'><code>{lines}</code></pre>", "", "../")


def _frame(heading, body, here, up=""):
    links = [(CONTENTS, "contents"), *((name, name) for name in (*BY_HAND, TEXTS_PAGE, EQUATIONS))]
    stems = [(stem, title(stem)) for stem in entries.pages()]
    current = ' aria-current="page"'
    navigation = [
        f'<a href="{up}{_file(name)}"{current if name == here else ""}>{html.escape(words)}</a>'
        for name, words in [*links, *stems]
    ]
    return (
        (HERE / "static" / "page.html")
        .read_text(encoding="utf-8")
        .format(
            title=html.escape(heading),
            up=up,
            main=" ".join(navigation[: len(links)]),
            stems=" ".join(navigation[len(links) :]),
            body=body,
        )
    )


def _entries():
    """For the search: each name, its address, its first words, and the words by which it is found."""
    found = []
    names = sorted(entries.definitions(), key=lambda name: search.rank(name, ""))
    for name in [*names, *(theorem.name for theorem in entries.TRUSTED)]:
        theorem = entries.THEOREMS.get(name)
        page = theorem.stem if theorem else entries.page_of(name)
        words = sorted(set().union(*search.fields(name)))
        parts = typeset(theorem.statement if theorem else entries.doc(name).first)
        said = "".join(plain(part) if i % 2 else part for i, part in enumerate(parts))
        found.append([name, f"{_file(page)}#{name}", said, " ".join(words)])
    return found
