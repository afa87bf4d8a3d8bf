"""``refebm crosscheck``: options, progress lines, and the reports that are printed and written."""

import itertools
import time
from pathlib import Path

import refebm
from refebm.crosscheck.adapter import files_of
from refebm.crosscheck.answers import read
from refebm.crosscheck.examination import examine
from refebm.crosscheck.questions import chosen
from refebm.crosscheck.report import called, failing, legend, line, markdown, record, summary, unsupported
from refebm.crosscheck.template import of_the_template, template
from refebm.crosscheck.verdict import Finding, consistent, judge
from refebm.files import see_apart, see_writable, write_json, write_text
from refebm.glossary import InputError

NAMED = 8  # functions with refebm's own bodies, when there are more


def crosscheck(options) -> int:
    """Run the command; returns 0 if every answer is right, or, unless strict, right by a known convention, else 1."""
    asked = [name for name in ("adapter", "template", "answers") if getattr(options, name)]
    if len(asked) != 1:
        raise InputError("E-OPTION", "crosscheck takes one of ADAPTER, --template and --answers")
    idle = [f"--{name}" for name in ("strict", "json", "markdown") if getattr(options, name) and options.template]
    idle += ["--complete"] if options.complete and not options.template else []
    if idle:  # options that would otherwise be ignored silently
        raise InputError(
            "E-OPTION", f"{', '.join(idle)} {'does not go' if options.template else 'goes'} with --template"
        )
    if options.template:
        print(template(options.template, chosen(options.only), options.complete or not options.only), end="")
        return 0
    functions = _chosen(options)
    start = time.perf_counter()
    source = called(options.adapter or str(options.answers))
    findings = _findings(options, functions)
    _print(findings, time.perf_counter() - start, _untouched(options.adapter))
    if all(finding.status == "unsupported" for finding in findings):
        reasons = "; ".join(dict.fromkeys(finding.diagnosis for finding in findings if finding.diagnosis))
        raise InputError("E-ADAPTER", f"{source}: nothing was examined" + (f": {reasons}" if reasons else ""))
    if options.json:
        content = {"refebm": refebm.__version__, "adapter": source, "findings": list(map(record, findings))}
        write_json(options.json, content)
    if options.markdown:
        write_text(options.markdown, markdown(findings, source))
    return int(any(finding.status in ("failed", "partly", *["convention"] * options.strict) for finding in findings))


def _chosen(options) -> list[str]:
    """The functions to examine, after all options are checked."""
    if not options.timeout > 0:
        raise InputError("E-OPTION", f"--timeout must be greater than 0, got {options.timeout}")
    functions = chosen(options.only)
    written = {f"--{name}": getattr(options, name) for name in ("json", "markdown") if getattr(options, name)}
    answers = options.answers.glob("*.json") if options.answers else ()
    see_apart(written, files_of(options.adapter) if options.adapter else {str(path): path for path in answers})
    for path in written.values():
        see_writable(path)
    return functions


def _findings(options, functions) -> list[Finding]:
    """Examine the functions, print a line for each as it is done, and return all findings in order."""
    found = {}
    answered = read(options.answers) if options.answers else examine(options.adapter, functions, options.timeout)
    answered = ((function, answers) for function, answers in answered if function in functions)
    for _, some in itertools.groupby(answered, lambda one: one[0].partition(".")[0]):  # methods of a class: together
        of_class = consistent([judge(function, answers) for function, answers in some])
        found |= {one.function: one for one in of_class}
        for one in of_class:
            print(line(one), flush=True)
    return [found.get(function) or judge(function, None) for function in functions]


def _untouched(adapter: str | None) -> list[str]:
    """The functions whose bodies are still those that the template printed, and so refebm's, not the user's."""
    path = Path(adapter or "")
    return of_the_template(path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else []


def _print(findings, seconds, untouched) -> None:
    if absent := unsupported(findings):
        print(absent)
    for finding in findings:
        if finding.failing is not None and finding.status == "failed":
            print(f"\n{failing(finding)}")
    if untouched:
        more = f" and {len(untouched) - NAMED} more" * (len(untouched) > NAMED)
        print(f"\nrefebm's own bodies, as the template has them: {', '.join(untouched[:NAMED])}{more}")
    if legend(findings):
        print(f"\n{legend(findings)}")
    print(f"\n{summary(findings)}; {seconds:.0f} s")
