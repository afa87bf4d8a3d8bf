"""``python -m tests.readme`` writes what is generated into the READMEs: a command stands above its output."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / name / "README.md" for name in (".", "figures", "tests/benchmark", "tests/sabotages")]
BLOCK = re.compile(r"<!-- (python -m .*?|refebm .*?) -->\n.*?<!-- end -->", flags=re.DOTALL)


def output(command: str) -> str:
    """What the command prints, run with this Python from the root of the repository."""
    _, *words = command.removeprefix("python ").split() if command.startswith("python") else f"-m {command}".split()
    return subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def written(text: str) -> str:
    """The page with the output of each of its commands."""
    return BLOCK.sub(lambda block: f"<!-- {block[1]} -->\n{output(block[1])}<!-- end -->", text)


def main() -> None:
    """Write each page anew."""
    for page in PAGES:
        page.write_text(written(page.read_text()))


if __name__ == "__main__":
    main()
