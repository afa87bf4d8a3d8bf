"""Reports of an examination: lines for the terminal, a table for a pull request, a record for a program."""

import contextlib
import html
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import refebm
from refebm.crosscheck.questions import Asked
from refebm.crosscheck.vectors import method_call, plain
from refebm.crosscheck.verdict import Finding
from refebm.glossary import Built, mark_of
from refebm.models import ENERGIES, RBMS, Model
from refebm.samplers.step import Step
from refebm.variants.arguments import ADJUSTED, CALLED, CLASSES, FOR_GRADIENTS, KERNELS, SDES, types

STATUSES = ("passed", "partly", "convention", "failed", "unsupported")
MOST_NAMES = 12
LONGEST = 2000  # characters of an adapter's text that are shown


def shown(text: str) -> str:
    """Text from an adapter, made safe for a terminal: unprintable characters except line breaks are escaped."""
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]} ... ({len(text) - LONGEST} characters more)"
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def local(text: str, source: str) -> str:
    """Text from an adapter, without the folders of this machine."""
    if os.sep not in text:
        return text
    beside, folders = Path(source).parent, {sys.prefix}
    for known in (beside.absolute, beside.resolve, Path.cwd, Path.home):
        with contextlib.suppress(OSError, RuntimeError):  # the folder was removed, or the user has no home
            folders.add(str(known()))
    for folder in sorted(folders, key=len, reverse=True):
        text = text.replace(f"{folder}{os.sep}", "") if folder.strip(os.sep) else text
    return re.sub(r"(?<![\w.:/\\])/(?:[\w.+@-]+/)+(?=[\w.+@-])", "", text)


def called(source: str) -> str:
    """The name of an adapter, or of a folder, as it was given, without the folders of this machine."""
    return Path(source).name if Path(source).is_absolute() else source


def _markup(text: str) -> str:
    """Text escaped for Markdown, so that nothing in it becomes a link, a mention or a tag."""
    escaped = re.sub(r"([\\`*_{}\[\]#!|~])", r"\\\1", html.escape(text, quote=False))
    return escaped.replace("@", "@<!-- -->").replace("\n", "<br>")


@dataclass(frozen=True)
class Report:
    """The findings of an examination; it prints as on a terminal, and as a table in a notebook."""

    findings: list[Finding]
    source: str = ""

    @property
    def examined(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.status != "unsupported"]

    @property
    def passed(self) -> bool:
        """Whether all answers of every examined function are right, or right by a known convention."""
        return bool(self.examined) and all(finding.status in ("passed", "convention") for finding in self.examined)

    def __getitem__(self, function: str) -> Finding:
        return next(finding for finding in self.findings if finding.function == function)

    def __str__(self) -> str:
        said = self.examined or self.findings
        failed = [failing(one) for one in said if one.failing is not None and one.status == "failed"]
        return "\n\n".join(["\n".join(map(line, said)), *failed, summary(self.findings)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [
            (one.function, one.status, _count(one), "" if one.status == "unsupported" else _worst(one), one.diagnosis)
            for one in self.examined or self.findings
        ]
        cells = ["".join(f"<td>{html.escape(cell).replace(chr(10), '<br>')}</td>" for cell in row) for row in rows]
        head = "".join(
            f"<th>{name}</th>" for name in ("function", "status", "questions", "worst / tolerance", "diagnosis")
        )
        folded = [
            f"<details><summary>{html.escape(one.function)}: the first failing input</summary>"
            f"<pre>{html.escape(failing(one))}</pre></details>"
            for one in self.examined
            if one.failing is not None
        ]
        table = f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"
        return f"<p>refebm {refebm.__version__}: {html.escape(summary(self.findings))}</p>{table}{''.join(folded)}"


def line(finding: Finding) -> str:
    """The lines for one function on the terminal."""
    if finding.status == "unsupported":
        return f"unsupported  {finding.function}" + (f"  ({finding.diagnosis})" if finding.diagnosis else "")
    return f"{finding.status:11s}  {finding.function:34s} {_evidence(finding)}" + (
        f"\n             {finding.diagnosis}" if finding.diagnosis else ""
    )


def _evidence(finding):
    asked = " asked" * (finding.questions < finding.asked)
    words = [f"{_count(finding):>3s} questions{asked}", _how_far(finding)]
    words += [word for word in (finding.dtype, finding.reduction) if word]
    words += [f"{finding.gradients} gradients"] if finding.gradients else []
    words += [f"unsupported in part: {'; '.join(finding.unsupported)}"] if finding.unsupported else []
    return "  ".join(words)


def _how_far(finding) -> str:
    """The largest error in tolerances; from the reference, which a convention is not to equal, it says nothing."""
    return "as in a convention    " if finding.status == "convention" else f"{_worst(finding):>9s} of tolerance"


def _count(finding):
    return f"{finding.questions}" + (f" of {finding.asked}" if finding.questions < finding.asked else "")


def _worst(finding):
    return "" if finding.status == "convention" else f"{finding.worst:.2g}"


def summary(findings: Iterable[Finding]) -> str:
    """How many functions have each status, and how many passed although some questions were not answered."""
    findings = list(findings)
    counts = {status: sum(finding.status == status for finding in findings) for status in STATUSES}
    examined = len(findings) - counts["unsupported"]
    some = sum(finding.status == "passed" and finding.questions < finding.asked for finding in findings)
    said = {status: f"{count} {status}" for status, count in counts.items() if count or status != "partly"}
    said["passed"] += f" ({some} not asked all)" if some else ""
    return f"{examined} functions examined: " + ", ".join(said.values())


ISSUE = re.compile(r"\((?:bug; |convention of )[^()]*?\b[A-Za-z_][\w./-]* \d{1,5}\b(?!\.)")
ISSUES = 'After a program\'s name, as in "score_sde 73", stands the number of an issue or a pull request there.'


def legend(findings: Iterable[Finding]) -> str:
    """A line that explains the numbers of issues in the findings, or "" if there are none."""
    return ISSUES if any(ISSUE.search(re.sub(r"\b(19|20)\d\d\b", "", one.diagnosis)) for one in findings) else ""


def unsupported(findings: Iterable[Finding]) -> str:
    """What there is no answer to: by name, or their number where the list would bury the findings."""
    names = [finding.function for finding in findings if finding.status == "unsupported"]
    if not names:
        return "all functions are supported"
    many = f"{len(names)} functions (--json has all)"
    return f"unsupported: {many if len(names) > MOST_NAMES else ', '.join(names)}"


def failing(finding: Finding) -> str:
    """The first failing input as Python code to paste."""
    asked = finding.failing
    lines = [f"# {finding.function}: {finding.status}, question {asked.id}{about(asked)}"]
    lines += pasted(asked)
    if finding.expected is not None:
        label = f"# {finding.of}\n" * bool(finding.of)
        lines += [f"{label}# expected {finding.expected}", f"# got      {finding.got}"]
    return "\n".join(lines)


def about(asked: Asked) -> str:
    """What a question is about, so that nobody takes the mistakes that it looks for for those that were found."""
    plain = asked.catches.startswith(("a generic question", "your own points"))
    return f": {asked.catches}" if plain else f", which looks for this: {asked.catches}"


def pasted(asked: Asked) -> list[str]:
    """Code with the arguments of a question and the call that gives refebm's answer."""
    name, _, method = asked.function.partition(".")
    of_class = "sde" if name in SDES else "density"
    given = {key: value for key, value in asked.arguments.items() if name not in CLASSES or key != of_class}
    lines = ["import numpy as np", "import refebm"]
    lines += [
        f"# {key}: your own{_long(asked, value)}"
        if (callable(value) and not isinstance(value, Model)) or _long(asked, value)
        else f"{key} = {_literal(value)}"
        for key, value in given.items()
    ]
    if name in CLASSES:
        values = ", ".join(map(_literal, asked.arguments[of_class]["parameters"].values()))
        return [*lines, f"print(refebm.{name}({values}){method_call(name, method)})"]
    called = [_handed(name, argument, value) for argument, value in given.items()]
    if name in CALLED:
        return [*lines, f"print(refebm.{name}({', '.join(called[:-1])})({called[-1]}))"]
    if name in KERNELS:
        lines += [f"step = refebm.{name}({', '.join(called)})"]
        return [*lines, "print((step.x, step.info.acceptance))" if name in ADJUSTED else "print(step.x)"]
    if types(name)["return"] == tuple[Step, Step]:
        return [*lines, f"print(tuple(step.x for step in refebm.{name}({', '.join(called)})))"]
    if name in FOR_GRADIENTS:  # with its gradient, the purpose of this loss
        z = called[-1]
        lines += ["from autograd import elementwise_grad", f"rows = lambda {z}: refebm.{name}({', '.join(called)})"]
        return [*lines, f"print((rows({z}), elementwise_grad(rows)({z})))"]
    return [*lines, f"print(refebm.{name}({', '.join(called)}))"]


MANY = 50  # numbers, more of which nobody reads


def _long(asked, value) -> str:
    """The shape of an array of the user's that is not printed, for its length."""
    long = isinstance(value, np.ndarray) and value.size > MANY and asked.catches == "your own points"
    return f", {value.shape}" if long else ""


def _handed(function, name, value) -> str:
    """Code for an argument in the form that refebm takes: a model as a score or as an RBM where one is wanted."""
    mark = mark_of(types(function).get(name), Built)
    if mark is None or (callable(value) and not isinstance(value, Model)):
        return name
    match mark.by:
        case "generator":
            return f"refebm.{value}"
        case "sampler":
            return "lambda phi, eps: eps @ phi[0].T + phi[1]"
        case "sde":
            return f"refebm.{value['kind']}(**{name}['parameters'])"
        case "weight":  # refebm takes a function of the times
            return f"lambda t: {name}"
        case "rbm":
            return f"refebm.{RBMS[value.kind].__name__}(**{name}.parameters)"
        case "score" if value.kind in ENERGIES:
            return f"refebm.score_of({name})"
        case "scores":
            return f"tuple(map(refebm.score_of, {name}))"
    return name


def _literal(value) -> str:
    if isinstance(value, np.ndarray) and value.ndim:
        return f"np.array({value.tolist()})"
    if isinstance(value, Model):
        return f"refebm.Model({value.kind!r}, {_literal(value.parameters)})"
    if isinstance(value, dict) and "density" in value:  # a law
        return f"refebm.{value['density']}(**{_literal(value['parameters'])})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_literal(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, tuple):
        return "(" + "".join(f"{_literal(inner)}, " for inner in value) + ")"
    return repr(value.item() if isinstance(value, (np.generic, np.ndarray)) else value)


def markdown(findings: Iterable[Finding], name: str) -> str:
    """A Markdown table, failures first, with their first failing inputs folded."""
    order = ("failed", "partly", "convention", "passed", "unsupported")
    findings = sorted(findings, key=lambda finding: order.index(finding.status))
    told = [finding for finding in findings if finding.status != "unsupported" or finding.diagnosis]
    absent = [f"`{one.function}`" for one in findings if one.status == "unsupported" and not one.diagnosis]
    rows = ["| function | status | questions | worst / tolerance | dtype | diagnosis |", f"|{' --- |' * 6}"]
    for finding in told:
        worst = "" if finding.status == "unsupported" else _worst(finding)
        cells = [f"`{finding.function}`", finding.status, worst and _count(finding), worst, finding.dtype]
        rows.append(f"| {' | '.join(cells)} | {_markup(finding.diagnosis)} |")
    folded = [
        f"<details><summary>first failing input of <code>{finding.function}</code></summary>\n\n```python\n"
        f"{failing(finding)}\n```\n\n</details>"
        for finding in findings
        if finding.failing is not None
    ]
    if absent:
        folded += [f"<details><summary>{len(absent)} unsupported</summary>\n\n{', '.join(absent)}\n\n</details>"]
    head = f"### refebm {refebm.__version__} crosscheck: {_markup(shown(name))}"
    return "\n".join([head, "", summary(findings), "", *rows, "", *folded, ""])


def record(finding: Finding) -> dict:
    """A finding as a dict for JSON."""
    asked = finding.failing
    return {
        "function": finding.function,
        "status": finding.status,
        "diagnosis": finding.diagnosis,
        "names": list(finding.names),
        "questions": finding.questions,
        "asked": finding.asked,
        "unsupported": list(finding.unsupported),
        "worst": finding.worst if np.isfinite(finding.worst) else None,
        "dtype": finding.dtype,
        "reduction": finding.reduction,
        "gradients": finding.gradients,
        "failing": None if asked is None else {"id": asked.id, "arguments": plain(asked.arguments)},
        "expected": _finite(finding.expected),
        "got": _finite(finding.got),
    }


def _finite(tree):
    """Numbers that are not finite become null, since JSON has none."""
    if isinstance(tree, list):
        return [_finite(inner) for inner in tree]
    return tree if tree is None or np.isfinite(tree) else None
