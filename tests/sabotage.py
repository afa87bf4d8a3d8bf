"""Every entry of the bank put into the text of an adapter, one line at a time: is it detected, and named?

    python -m tests.sabotage [torch|numpy] [--only TEXT] [--rows]    the table of the README, or a line for each patch

A sabotage patches the adapter's text, never calls the bank: where the bank's own patterns, or these in the adapter's
spelling, stand once in the adapter's function, they are patched there too, everything else is in `tests/sabotages`.
Those not in the bank must be detected, and need no name.
"""

import argparse
import ast
import functools
import importlib
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from refebm.crosscheck.adapter import Adapter, answer_of
from refebm.crosscheck.questions import EXAMINED, questions
from refebm.crosscheck.template import FOLDER
from refebm.crosscheck.verdict import Finding, judge
from refebm.variants import CONVENTIONS, WRONG
from refebm.variants.patch import Definition


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


@functools.cache
def definition(text: str, function: str) -> tuple[str, Definition]:
    """A function or a method of an adapter, decorators included: its text, and its syntax."""
    tree = ast.parse(text)
    for name in function.split("."):
        tree = next(node for node in tree.body if getattr(node, "name", "") == name)
    first = min([tree.lineno, *(decorator.lineno for decorator in tree.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : tree.end_lineno]), Definition(tree)


def patched(text: str, sabotage: Sabotage) -> str:
    """The adapter with the line put in, in the place where its characters stand, or else its syntax."""
    before, syntax = definition(text, sabotage.inside or sabotage.function)
    if before.count(sabotage.was) == 1:
        after = before.replace(sabotage.was, sabotage.becomes)
    else:
        try:
            after = ast.unparse(syntax.patched(sabotage.was, sabotage.becomes))
        except ValueError as error:
            raise ValueError(f"{sabotage}: {error} in\n{before}") from None
        after = textwrap.indent(after, " " * syntax.tree.col_offset)
    return text.replace(before, after)


def module_of(text: str) -> ModuleType:
    module = ModuleType("sabotaged")
    exec(compile(text, "<sabotaged>", "exec"), module.__dict__)
    return module


def examined(text: str, function: str) -> Finding:
    """What the examiner says to one function of an adapter's text; in this process, since the text is ours."""
    with np.errstate(all="ignore"):
        adapter = Adapter(module_of(text), read=lambda result: result)
        return judge(function, {asked.id: answer_of(adapter, asked) for asked in questions(function)})


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
