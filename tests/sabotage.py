"""Every entry of the bank put into the text of an adapter, one line at a time: is it detected, and named?

    python -m tests.sabotage [torch|numpy] [--only TEXT] [--rows]    the table of the README, or a line for each patch

A sabotage patches the adapter's text, never calls the bank: where the bank's own words stand once in the adapter's
function, or do so in the adapter's spelling, they are patched there too, everything else is in `tests/sabotages`. Those
not in the bank must be detected, and need no name.
"""

import argparse
import ast
import functools
import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from refebm.crosscheck.adapter import Adapter, answer
from refebm.crosscheck.questions import EXAMINED, questions
from refebm.crosscheck.template import FOLDER
from refebm.crosscheck.verdict import Finding, judge
from refebm.variants import CONVENTIONS, WRONG


@dataclass(frozen=True)
class Sabotage:
    """One line of an adapter that says what it should not. entry: the names under which the bank may know it."""

    function: str
    name: str
    was: str
    becomes: str
    inside: str = ""  # the function of the adapter that is patched, if it is another
    named: bool = True

    def __str__(self) -> str:
        return f"{self.function}: {self.name}"


@functools.lru_cache(maxsize=2)
def parsed(text: str) -> ast.Module:
    """The tree of an adapter's text, which is asked for thousands of times."""
    return ast.parse(text)


def segment(text: str, function: str) -> str:
    """The text of a function or of a method in an adapter, decorators included."""
    name, _, method = function.partition(".")
    node = next(node for node in parsed(text).body if getattr(node, "name", "") == name)
    if method:
        node = next(node for node in node.body if getattr(node, "name", "") == method)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])


def patched(text: str, sabotage: Sabotage) -> str:
    """The adapter with the line put in; an error if it does not stand there once."""
    before = segment(text, sabotage.inside or sabotage.function)
    if before.count(sabotage.was) != 1 or text.count(before) != 1:
        raise ValueError(f"{sabotage}: {sabotage.was!r} stands {before.count(sabotage.was)} times in\n{before}")
    return text.replace(before, before.replace(sabotage.was, sabotage.becomes))


def module_of(text: str) -> ModuleType:
    module = ModuleType("sabotaged")
    exec(compile(text, "<sabotaged>", "exec"), module.__dict__)
    return module


def examined(text: str, function: str) -> Finding:
    """What the examiner says to one function of an adapter's text; in this process, since the text is ours."""
    with np.errstate(all="ignore"):
        adapter = Adapter(module_of(text), read=lambda result: result)
        return judge(function, {asked.id: answer(adapter, asked) for asked in questions(function)})


def by_hand(framework: str) -> str:
    """The text of the adapter that is written by hand."""
    return (FOLDER / f"{framework}.py").read_text(encoding="utf-8")


def sabotages(framework: str) -> list[Sabotage]:
    """One for each entry of the bank that the adapter can have, and those that are not in it."""
    written, text = importlib.import_module(f"tests.sabotages.{framework}"), by_hand(framework)
    found = []
    for variant in [*WRONG, *CONVENTIONS]:
        key = (variant.function, variant.name)
        if variant.function in EXAMINED and key not in written.CANNOT_BE:
            own = Sabotage(*key, variant.was, variant.becomes, variant.inside)
            found.append(Sabotage(*key, *written.PATCHES[key]) if key in written.PATCHES else spelt(own, text, written))
    return found + [Sabotage(*row, named=False) for row in written.NOT_IN_THE_BANK]


def spelt(own: Sabotage, text: str, written: ModuleType) -> Sabotage:
    """A patch of the words of the bank, or of the adapter's where those do not stand there, by the adapter's."""
    was, becomes, inside = own.was, own.becomes, own.inside
    for bank, adapter in written.WORDS:
        was, becomes, inside = (part.replace(bank, adapter) for part in (was, becomes, inside))
    try:
        patched(text, own)
    except (ValueError, StopIteration):
        return Sabotage(own.function, own.name, was, becomes, inside)
    return Sabotage(own.function, own.name, own.was, becomes, own.inside)


def verdict(sabotage: Sabotage, finding: Finding) -> str:
    """named, detected (without a name), misnamed, or missed: a patch that only raises has shown nothing."""
    if finding.status == "passed" or finding.diagnosis.startswith("raises "):
        return "missed"
    if not finding.names:
        return "detected"
    return "named" if sabotage.named and sabotage.name in finding.names else "misnamed"


def results(framework: str, only: str = "", every: int = 1) -> Iterator[tuple[Sabotage, Finding, str]]:
    """Each sabotage, of every so-many-th function: what the examiner said, and what that is worth."""
    text, functions = by_hand(framework), list(EXAMINED)[::every]
    for sabotage in sabotages(framework):
        if only in str(sabotage) and sabotage.function in functions:
            finding = examined(patched(text, sabotage), sabotage.function)
            yield sabotage, finding, verdict(sabotage, finding)


def row(framework: str, outcomes: list[tuple[Sabotage, str]]) -> tuple[str, bool]:
    """A row of the table, and whether all is as it must be."""
    bank = [outcome for sabotage, outcome in outcomes if sabotage.named]
    others = [outcome for sabotage, outcome in outcomes if not sabotage.named]
    detected, seen = (sum(outcome != "missed" for outcome in some) for some in (bank, others))
    named, misnamed = (sum(outcome == word for _, outcome in outcomes) for word in ("named", "misnamed"))
    cells = [framework, len(bank), detected, named, len(others), seen, misnamed]
    good = misnamed == 0 and detected == len(bank) and seen == len(others) and named >= 0.95 * len(bank)
    return "| " + " | ".join(map(str, cells)) + " |", good


HEAD = """| adapter | in the bank | detected | named | not in the bank | detected | named wrongly |
| --- | --- | --- | --- | --- | --- | --- |"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frameworks", nargs="*", default=["torch", "numpy"])
    parser.add_argument("--only", default="", help="sabotages with this text")
    parser.add_argument("--rows", action="store_true", help="a line for each")
    options = parser.parse_args()
    rows, good = [], True
    for framework in options.frameworks:
        outcomes = []
        for sabotage, finding, outcome in results(framework, options.only):
            outcomes.append((sabotage, outcome))
            if options.rows:
                print(f"{outcome:9s} {sabotage}: {finding.diagnosis}", flush=True)
        words, fine = row(framework, outcomes)
        rows, good = [*rows, words], good and fine
    print("\n".join([HEAD, *rows]))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
