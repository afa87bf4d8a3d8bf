"""``python -m tests.readme`` writes the index into the README: it is the output of ``refebm list``."""

from pathlib import Path

from refebm.index import table

PATH = Path(__file__).parent.parent / "README.md"
START, END = "<!-- refebm list -->\n", "\n<!-- end of refebm list -->"


def main() -> None:
    """Replace what stands between the two marks."""
    before, _, rest = PATH.read_text().partition(START)
    PATH.write_text(before + START + table() + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
