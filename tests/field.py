"""Is the examiner right about code that nobody here wrote? Its table for `tests/wild`, and what it says to each row.

    python -m tests.field [--rows] [--only TEXT] [--write]    --write keeps both in tests/wild/README.md

Each row is a change of the adapter by hand, or of a whole program of `tests/wild/programs.py` (these need PyTorch and
JAX), examined as a stranger's would be, with a regular expression of what has to be said. A mistake is named where the
diagnosis says so by a name of the bank, or as a change of the formula; its cause is said where a fact tells it; a fact
misleads where the cause is not among what is said.
"""

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from refebm.crosscheck.verdict import Finding
from tests.sabotage import Sabotage, examined, patched, text_of
from tests.wild.conventions import CAUSES, RIGHT
from tests.wild.mistakes import MET, OWN
from tests.wild.programs import HEADS, PROGRAMS
from tests.wild.programs import MISTAKES as IN_PROGRAMS
from tests.wild.stranger import FOURTH, FRESH, KIN, SECOND, SECOND_RIGHT, THIRD
from tests.wild.stranger import MISTAKES as STRANGE
from tests.wild.stranger import RIGHT as STRANGE_RIGHT

PAGE = Path(__file__).parent / "wild" / "README.md"
HELPERS = """
from types import SimpleNamespace


class Shifted:
    def __init__(self, density, by):
        self.density, self.by = density, by

    def log_prob(self, x):
        return self.density.log_prob(x) + self.by

    def __getattr__(self, name):
        return getattr(self.density, name)


def of_level(sde, t):
    sde = process(sde)
    return (1.0 + 0 * t[:, None], sde.sigma(t)[:, None]) if hasattr(sde, "sigma") else moments_of(sde, t)


def moments_of(sde, t):
    return (np.reshape(part, (-1, 1)) for part in sde.marginal(t))


def opposite(model):
    return SimpleNamespace(kind="opposite", parameters={"kind": model.kind, "parameters": model.parameters})


def finite_difference(field, x, h=1e-5):
    return sum((field(x + h * e) - field(x - h * e))[:, k] / (2 * h) for k, e in enumerate(np.eye(x.shape[1])))
"""
OPPOSITE = 'ENERGIES["opposite"] = lambda x, kind, parameters: tuple(-p for p in ENERGIES[kind](x, **parameters))\n'
GROUPS = {
    "met outside": MET,
    "our own": OWN,
    "hidden by another cause": CAUSES,
    "by a stranger": [(*row[:4], *row[5:]) for row in STRANGE],
    "our own, afterwards": [(*row[:4], *row[5:]) for row in FRESH],
    "by a second stranger": [(*row[:4], *row[5:]) for row in SECOND],
    "by a third stranger": [(*row[:4], *row[5:]) for row in THIRD],
    "by two more": [(*row[:4], *row[5:]) for row in FOURTH],
    "akin to theirs": [(*row[:4], *row[5:]) for row in KIN],
    "in whole programs": [(*row[:4], *row[5:]) for row in IN_PROGRAMS],
    "right, in another convention": RIGHT,
    "right, by a stranger": [(*row[:4], *row[5:]) for row in STRANGE_RIGHT],
    "right, by a second stranger": [(*row[:4], *row[5:]) for row in SECOND_RIGHT],
    "right, whole programs": [(name, "", "", said) for name, (_, _, said, _) in PROGRAMS.items()],
}
FIRST = {
    "by a stranger": STRANGE,
    "our own, afterwards": FRESH,
    "in whole programs": IN_PROGRAMS,
    "right, by a stranger": STRANGE_RIGHT,
    "by a second stranger": SECOND,
    "by a third stranger": THIRD,
    "by two more": FOURTH,
    "akin to theirs": KIN,
    "right, by a second stranger": SECOND_RIGHT,
}  # with their verdict before they were looked at
COUNTED = r"^(?:; )?\d+ of \d+ numbers are wrong$"


def finding_of(row) -> Finding:
    function, was, becomes, _, *inside = row
    if function in PROGRAMS:
        framework, function, _, text = PROGRAMS[function]
        head = (
            f"from refebm.crosscheck.frameworks.{framework} import handing_out, objective, score_of\n{HEADS[framework]}"
        )
        return examined(head + (text.replace(was, becomes) if was else text), function)
    try:
        text = patched(text_of("numpy"), Sabotage(function, "", was, becomes, *inside))
    except ValueError as error:
        return Finding(function, "failed", f"raises {error}")
    return examined(text + HELPERS + OPPOSITE, function)


def outcome(row, finding: Finding, right: bool) -> str:
    """What the diagnosis is worth."""
    said = bool(re.search(row[3], finding.diagnosis))
    if finding.diagnosis.startswith("raises"):
        return "broken row"
    if right:
        told = "convention" if said else "unnamed"
        return "accused" if finding.status == "failed" else told if finding.status != "passed" else "passed"
    if finding.status != "failed":  # an epsilon is told by its size
        return "missed" if finding.status == "passed" else "named" if said else "taken for a convention"
    if finding.names or "equals" in finding.diagnosis:
        return "named" if said else "named wrongly"
    if said:
        return "cause said"
    return "nothing" if re.match(COUNTED, finding.diagnosis) else "misleading"


def outcomes(only: str = "") -> Iterator[tuple]:
    for group, rows in GROUPS.items():
        for row in rows:
            if only in row[0] or only == group:
                start = time.process_time()
                finding = finding_of(row)
                told = outcome(row, finding, group.startswith("right"))
                yield group, row, finding, told, time.process_time() - start


def table(told: list[tuple[str, str]]) -> list[str]:
    words = ("named", "cause said", "nothing", "misleading", "named wrongly", "missed", "taken for a convention")
    lines = [f"| mistakes | in all | {' | '.join(words)} |", f"|{' --- |' * (len(words) + 2)}"]
    lines += [line for group in GROUPS if not group.startswith("right") for line in _lines(group, told, words)]
    words = ("convention", "passed", "unnamed", "accused")
    lines += ["", f"| right code | in all | {' | '.join(words)} |", f"|{' --- |' * (len(words) + 2)}"]
    return lines + [line for group in GROUPS if group.startswith("right") for line in _lines(group, told, words)]


def _lines(group, told, words):
    """A line for a group, and one before it for what was said before it was looked at."""
    counts = {f"{group}, at first": Counter(row[4] for row in FIRST.get(group, ()))}
    counts |= {group: Counter(outcome for where, outcome in told if where == group)}
    if not counts[group]:
        return
    for name, count in counts.items():
        if count:
            cells = [name.removeprefix("right, "), str(sum(count.values())), *(str(count[word]) for word in words)]
            yield f"| {' | '.join(cells)} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", action="store_true", help="what is said to each")
    parser.add_argument("--only", default="", help="functions with this text, or one group")
    parser.add_argument("--write", action="store_true", help="keep it in tests/wild/README.md")
    options = parser.parse_args()
    told, rows = [], ["| function | change | said |", "| --- | --- | --- |"]
    for group, row, finding, what, seconds in outcomes(options.only):
        told.append((group, what))
        rows.append(f"| `{row[0]}` | {code(row[1])} -> {code(row[2])} | {what}: {cell(finding.diagnosis)} |")
        if options.rows:
            print(
                f"{what:12s} {seconds:5.1f} s {row[0]}: {' '.join(row[2].split())[:70]}\n    {finding.diagnosis}",
                flush=True,
            )
    lines = table(told)
    print("\n".join(lines))
    if options.write:
        PAGE.write_text("\n".join([HEAD, *lines, "", *rows, ""]), encoding="utf-8")
    bad = {"broken row", "misleading", "named wrongly", "missed", "taken for a convention", "unnamed", "accused"}
    return 1 if bad & {what for _, what in told} else 0


def code(text: str) -> str:
    return f"`` {' '.join(text.split())} ``".replace("|", "\\|")


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


HEAD = """# The examiner in the wild

What `refebm crosscheck` says to mistakes that were not made from its bank, and to right code in other conventions:
printed by `python -m tests.field --write`. Each is a change of `tests/adapter_by_hand.py`, or of a whole program of
`programs.py` beside this page.
"""

if __name__ == "__main__":
    sys.exit(main())
