"""Write the pages of the book, and the table of pages in the README.

Theorems without a record of evidence are run first; with --evidence FILE the record of all theorems is read from FILE.
"""

import argparse
import json
from pathlib import Path

from refebm.book.evidence import UNEXAMINED, brought_up_to_date, take, unexamined_now
from refebm.book.pages import overview, pages
from refebm.files import write_text

FOLDER = Path(__file__).parent
README = FOLDER.parent.parent / "README.md"  # in a clone of the repository
MAP, END = "<!-- python -m refebm.book --map -->\n", "<!-- end -->"


def main() -> None:
    """Bring the record of evidence up to date, write all pages, and remove pages of stems that no longer exist."""
    parser = argparse.ArgumentParser(prog="python -m refebm.book", description=__doc__)
    parser.add_argument("--evidence", metavar="FILE", type=Path, help="what refebm verify --json FILE wrote")
    parser.add_argument("--map", action="store_true", help="print the pages as a table, and write nothing")
    options = parser.parse_args()
    if options.map:
        return print(overview())
    write_text(UNEXAMINED, json.dumps(unexamined_now(), indent=1) + "\n")
    number = take(options.evidence) if options.evidence else brought_up_to_date()
    made = {FOLDER / f"{name}.md": text for name, text in pages().items()}
    for path in FOLDER.glob("*.md"):
        if path not in made and "<!-- python -m refebm.book" in path.read_text(encoding="utf-8"):
            path.unlink()
    for path, text in made.items():
        write_text(path, text)
    if README.exists():
        head, mark, rest = README.read_text(encoding="utf-8").partition(MAP)
        write_text(README, head + mark + overview() + "\n" + END + rest.partition(END)[2] if mark else head)
    print(f"{len(made)} pages, the record of {number} theorems anew")


if __name__ == "__main__":
    main()
