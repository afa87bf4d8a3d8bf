"""refebm show, list, book: the specification on a terminal, and as a site."""

import os
import shutil
import sys
from argparse import RawDescriptionHelpFormatter
from pathlib import Path

from refebm.glossary import InputError

WIDEST = 120
EXAMPLES = {
    "show": """\
examples:
  refebm show denoising_score_matching     by its name
  refebm show dsm                          by what else it is called
  refebm show song kingma eq. 15           by a source; several that are found are listed
  refebm show implicit_is_explicit         a theorem, with the code of its proof
""",
    "list": """\
examples:
  refebm list                    every definition, page by page
  refebm list vincent            definitions and theorems with a word, of a name, a source or a statement
  refebm list hyvarinen --markdown   from its equations to definitions, theorems and proofs
""",
    "book": """\
examples:
  refebm book site     writes it; then open site/index.html (pip install 'refebm[book]' has what it needs)
""",
}


def add_commands(commands) -> None:
    """The commands and their options."""

    def add(name, help):
        return commands.add_parser(name, help=help, epilog=EXAMPLES[name], formatter_class=RawDescriptionHelpFormatter)

    show = add("show", "a definition or a theorem: equation, code, mistakes, evidence")
    show.add_argument("name", nargs="+", metavar="NAME", help="a name, or words: of a source, as in 'song kingma 15'")
    listing = add("list", "the definitions, one a line, with their sources")
    listing.add_argument("text", nargs="*", metavar="TEXT", help="those, and theorems, that these words find")
    listing.add_argument("--markdown", action="store_true", help="equation, definition, theorem, proof, as a table")
    book = add("book", "write the specification as a site, to be opened in a browser")
    book.add_argument("folder", metavar="DIR", help="a folder that is empty, not there, or a book already")


def _on_a_terminal():
    return sys.stdout is not None and sys.stdout.isatty()


def _width_and_colour():
    colour = _on_a_terminal() and "NO_COLOR" not in os.environ
    return min(shutil.get_terminal_size((100, 24)).columns, WIDEST), colour


def show(options) -> int:
    """One whole, or several as a list."""
    from refebm.book import terminal  # which reads all that there is, and is waited for here alone

    terminal.put(terminal.shown(_text(" ".join(options.name)), *_width_and_colour()))
    return 0


def list_all(options) -> int:
    """The list, or the table; lines end where a terminal does."""
    from refebm.book import terminal

    text, (width, colour) = " ".join(options.text), _width_and_colour()
    width = width if _on_a_terminal() else sys.maxsize
    terminal.put(terminal.markdown(text) if options.markdown else terminal.listed(terminal.chosen(text), width, colour))
    return 0


def book(options) -> int:
    """The site."""
    from refebm.book.site import write_site  # which needs the extra

    number = write_site(Path(_text(options.folder)))
    print(f"{number} pages in {options.folder}: open {Path(options.folder) / 'index.html'}")
    return 0


def _text(words):
    if not words.strip():
        raise InputError("E-OPTION", "a name is wanted, and not an empty one")
    return words


COMMANDS = {"show": show, "list": list_all, "book": book}
