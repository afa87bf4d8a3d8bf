"""Every entry of the bank put into the text of an adapter, one line at a time: is it detected, and named?

    python -m tests.sabotage [torch|jax|numpy] [--only TEXT] [--rows]    the table of their README, or a line for each

A sabotage patches the adapter's text. For PyTorch and JAX that is what `--template --complete` prints, refebm's own, in
which the bank's patterns stand as they are; the NumPy adapter is written by hand, and where neither they nor these in
its spelling stand in it, the patch is in `tests/sabotages`. Those not in the bank must be detected, and need no name.
"""

import argparse
import ast
import functools
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np

import refebm
from refebm.crosscheck.adapter import Adapter, answer_of
from refebm.crosscheck.questions import EXAMINED, questions
from refebm.crosscheck.template import own_text, template, unwritten
from refebm.crosscheck.verdict import Finding, judge
from refebm.variants import CONVENTIONS, WRONG
from refebm.variants.patch import Definition
from refebm.variants.record import PROJECTIONS, ranks_made_normal
from tests.sabotages import both, numpy, torch
from tests.sabotages.conventions import MADE

NOT_IN_THE_BANK = {
    name: both.NOT_IN_THE_BANK + one.NOT_IN_THE_BANK for name, one in (("torch", torch), ("numpy", numpy))
}
CANNOT_BE = {  # samples are handed over as numbers
    ("contrastive_divergence", "gradient flows through the samples"),
    ("contrastive_divergence_with_entropy", "nothing flows through the samples"),
    ("contrastive_divergence_with_entropy", "gradient flows through the negative phase"),
}
RANKS = f"from {ranks_made_normal.__module__} import {ranks_made_normal.__name__}\n"
BY_HAND = Path(__file__).parent / "adapter_by_hand.py"


@dataclass(frozen=True)
class Sabotage:
    """One line of an adapter that says what it should not. entry: the names under which the bank may know it."""

    function: str
    name: str
    was: str
    becomes: str
    inside: str = ""  # the function of the adapter that is patched, if it is another
    named: bool = True
    words: str = ""  # of the chain that it is, where the bank has no entry

    def __str__(self) -> str:
        return f"{self.function}: {self.name}"


@functools.cache
def definition(text: str, function: str) -> tuple[str, Definition]:
    """A function or a method of an adapter, decorators included: its text, and its syntax."""
    tree = _parsed(text)
    for name in function.split("."):
        tree = next(node for node in tree.body if getattr(node, "name", "") == name)
    first = min([tree.lineno, *(decorator.lineno for decorator in tree.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : tree.end_lineno]), Definition(tree)


_parsed = functools.lru_cache(4)(ast.parse)


def stands(name: str, text: str) -> bool:
    """Whether the adapter has it in its own text; the one by hand has some helpers inside the methods."""
    try:
        return bool(name and definition(text, name))
    except StopIteration:
        return False


def patched(text: str, sabotage: Sabotage) -> str:
    """The adapter with the line put in, in the place where its characters stand, or else its syntax."""
    before, syntax = definition(text, sabotage.inside if stands(sabotage.inside, text) else sabotage.function)
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


@functools.cache
def text_of(framework: str) -> str:
    """The adapter that is patched: NumPy's is the one that is written by hand."""
    return BY_HAND.read_text(encoding="utf-8") if framework == "numpy" else template(framework, complete=True)


def sabotaged(framework: str, sabotage: Sabotage) -> str:
    """The adapter's text with the patch in it, and with what refebm has of which it speaks."""
    text = text_of(framework)
    if framework == "numpy":
        return patched(RANKS * (ranks_made_normal.__name__ in sabotage.becomes) + text, sabotage)
    home = vars(inspect.getmodule(getattr(refebm, sabotage.function.partition(".")[0])))
    written = [f"import functools\nimport math\n\nimport {framework}\n\n{torch.HELPERS}"]
    names = set(re.findall(r"\w+", sabotage.becomes))
    if sabotage.inside and not stands(sabotage.inside, text):
        functions = filter(inspect.isfunction, home.values())
        users = [function for function in functions if sabotage.inside in function.__code__.co_names]
        for function in [home[sabotage.inside], *users]:  # the adapter imports them as they are
            helper, others = own_text(function, framework)
            written, names = [*written, helper], names | others
    if names & set(PROJECTIONS):
        written += ["from collections.abc import Callable", *map(inspect.getsource, PROJECTIONS.values())]
        names |= {"mean_over_projections"}
    here = set(re.findall(r"^def (\w+)", "\n".join(written), re.MULTILINE))
    names = ", ".join(sorted((names & {*home, "np"}) - here))
    first = [f"from refebm.crosscheck.frameworks.{framework} import {names}"] if names else []
    return patched(text.replace("\n\n\n@", "\n\n\n".join(["", *first, *written, "@"]), 1), sabotage)


def sabotages(framework: str) -> list[Sabotage]:
    """One for each entry of the bank that the adapter can have, and those that are not in it."""
    known = {(one.function, one.name): one for one in [*WRONG, *CONVENTIONS] if one.function in EXAMINED}
    ranked = {key for key, one in known.items() if ranks_made_normal.__name__ in one.becomes}  # by NumPy's sort
    can_be = known.keys() - CANNOT_BE - (numpy.CANNOT_BE if framework == "numpy" else ranked)
    bank = [Sabotage(*key, one.was, one.becomes, one.inside) for key, one in known.items() if key in can_be]
    bank += [Sabotage(*row, words=words) for *row, words in MADE]
    if framework == "jax":
        bank = [replace(one, was=unwritten(one.was), becomes=unwritten(one.becomes)) for one in bank]
    others = [Sabotage(*row, named=False) for row in NOT_IN_THE_BANK.get(framework, [])]
    return [*(map(spelt, bank) if framework == "numpy" else bank), *others]


def spelt(own: Sabotage) -> Sabotage:
    """For the adapter by hand: its patch, or that of the bank's words, or of its own where those do not stand there."""
    key, text = (own.function, own.name), text_of("numpy")
    if key in numpy.PATCHES:
        return Sabotage(*key, *numpy.PATCHES[key], words=own.words)
    was, becomes, inside = own.was, own.becomes, own.inside
    for bank, adapter in numpy.WORDS:
        was, becomes, inside = (part.replace(bank, adapter) for part in (was, becomes, inside))
    try:
        patched(text, own)
    except (ValueError, StopIteration):
        return Sabotage(*key, was, becomes, inside, words=own.words)
    return Sabotage(*key, own.was, becomes, own.inside, words=own.words)


def verdict(sabotage: Sabotage, finding: Finding) -> str:
    """named, detected (without a name), misnamed, or missed: a patch that only raises has shown nothing."""
    if finding.status in ("passed", "unsupported") or finding.diagnosis.startswith("raises "):
        return "missed"
    if not finding.names:
        return "detected"
    return "named" if {sabotage.name, sabotage.words} & {*finding.names} else "misnamed"


def results(framework: str, only: str = "", every: int = 1) -> Iterator[tuple[Sabotage, Finding, str]]:
    """Each sabotage, of every so-many-th function: what the examiner said, and what that is worth."""
    functions = list(EXAMINED)[::every]
    for sabotage in sabotages(framework):
        if only in str(sabotage) and sabotage.function in functions:
            finding = examined(sabotaged(framework, sabotage), sabotage.function)
            yield sabotage, finding, verdict(sabotage, finding)


def row(framework: str, outcomes: list[tuple[Sabotage, str]]) -> tuple[str, bool]:
    """A row of the table, and whether all is as it must be."""
    bank = [outcome for sabotage, outcome in outcomes if sabotage.named]
    others = [outcome for sabotage, outcome in outcomes if not sabotage.named]
    detected, seen = (sum(outcome != "missed" for outcome in some) for some in (bank, others))
    named, misnamed = bank.count("named"), sum(outcome == "misnamed" for _, outcome in outcomes)
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
