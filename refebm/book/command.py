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
  refebm show dsm                          by another name
  refebm show song kingma eq. 15           by a source; if several are found they are listed
  refebm show implicit_is_explicit         a theorem, with the code of its proof
""",
    "list": """\
examples:
  refebm list                    every definition, page by page
  refebm list vincent            definitions and theorems with this word in their name, source or statement
  refebm list hyvarinen --markdown   a table of equations, their definitions, theorems and proofs
""",
    "book": """\
examples:
  refebm book site     then open site/index.html (pip install 'refebm[book]' installs what it needs)
""",
}


def add_commands(commands) -> None:
    """The commands and their options."""

    def add(name, help):
        return commands.add_parser(name, help=help, epilog=EXAMPLES[name], formatter_class=RawDescriptionHelpFormatter)

    show = add("show", "a definition or a theorem: equation, code, mistakes, evidence")
    show.add_argument("name", nargs="+", metavar="NAME", help="a name, or words of a source, such as 'song kingma 15'")
    listing = add("list", "the definitions, one per line, with sources; those that crosscheck does not examine say why")
    listing.add_argument("text", nargs="*", metavar="TEXT", help="only definitions and theorems with these words")
    listing.add_argument("--markdown", action="store_true", help="a table of equation, definition, theorem, proof")
    book = add("book", "write the specification as a site, to be opened in a browser")
    book.add_argument("folder", metavar="DIR", help="a folder that is empty, does not exist, or holds a book already")


def _on_a_terminal():
    return sys.stdout is not None and sys.stdout.isatty()


def _width_and_colour():
    colour = _on_a_terminal() and "NO_COLOR" not in os.environ
    return min(shutil.get_terminal_size((100, 24)).columns, WIDEST), colour


def show(options) -> int:
    """Print one definition or theorem in full, or several as a list."""
    from refebm.book import terminal  # reads all definitions and theorems, which is slow: imported only when used

    terminal.put(terminal.shown(_text(" ".join(options.name)), *_width_and_colour()))
    return 0


def list_all(options) -> int:
    """Print the list, or the table; on a terminal lines are wrapped at its width."""
    from refebm.book import terminal

    text, (width, colour) = " ".join(options.text), _width_and_colour()
    width = width if _on_a_terminal() else sys.maxsize
    terminal.put(terminal.markdown(text) if options.markdown else terminal.listed(terminal.chosen(text), width, colour))
    return 0


def book(options) -> int:
    """Write the site."""
    from refebm.book.site import write_site  # needs the extra `book`

    number = write_site(Path(_text(options.folder)))
    print(f"{number} pages in {options.folder}: open {Path(options.folder) / 'index.html'}")
    return 0


def _text(words):
    if not words.strip():
        raise InputError("E-OPTION", "the name must not be empty")
    return words


COMMANDS = {"show": show, "list": list_all, "book": book}
