"""``refebm crosscheck``: what is examined, what is printed while it is, and what is written in the end."""

import time
from pathlib import Path

import refebm
from refebm.crosscheck.answers import read
from refebm.crosscheck.examination import examine
from refebm.crosscheck.questions import EXAMINED
from refebm.crosscheck.report import called, failing, line, markdown, record, summary
from refebm.crosscheck.template import template
from refebm.crosscheck.verdict import Finding, judge
from refebm.files import see_apart, see_writable, write_json, write_text
from refebm.glossary import InputError
from refebm.words import did_you_mean, having


def crosscheck(options) -> int:
    """Run the command; 0 where every question is answered rightly, or by a known convention."""
    asked = [name for name in ("adapter", "template", "answers") if getattr(options, name)]
    if len(asked) != 1:
        raise InputError("E-OPTION", "crosscheck takes one of ADAPTER, --template and --answers")
    idle = [f"--{name}" for name in ("json", "markdown") if getattr(options, name) and options.template]
    idle += ["--complete"] if options.complete and not options.template else []
    if idle:  # which would be passed over in silence
        raise InputError(
            "E-OPTION", f"{', '.join(idle)} {'does not go' if options.template else 'goes'} with --template"
        )
    if options.template:
        complete = options.complete or not options.only
        print(template(options.template, _functions(options.only), complete), end="")
        return 0
    chosen = _chosen(options)
    start = time.perf_counter()
    source = called(options.adapter or str(options.answers))
    findings = _findings(options, chosen)
    _print(findings, time.perf_counter() - start)
    if all(finding.status == "unsupported" for finding in findings):
        reasons = "; ".join(dict.fromkeys(finding.diagnosis for finding in findings if finding.diagnosis))
        raise InputError("E-ADAPTER", f"{source}: nothing was examined" + (f": {reasons}" if reasons else ""))
    if options.json:
        content = {"refebm": refebm.__version__, "adapter": source, "findings": list(map(record, findings))}
        write_json(options.json, content)
    if options.markdown:
        write_text(options.markdown, markdown(findings, source))
    return 1 if any(finding.status in ("failed", "partly") for finding in findings) else 0


def _functions(text: str) -> list[str]:
    """The function of that name, with its methods if it is a class; else those with all words."""
    named = [function for function in EXAMINED if text in (function, function.partition(".")[0])]
    chosen = named or having(text, {function: function for function in EXAMINED})
    if not chosen:
        raise InputError("E-NONE", f"no function has {text!r} in its name{did_you_mean(text, EXAMINED)}")
    return chosen


def _chosen(options) -> list[str]:
    """The functions that are meant, after all options are seen to be good."""
    if not options.timeout > 0:
        raise InputError("E-OPTION", f"--timeout must be greater than 0, got {options.timeout}")
    chosen = _functions(options.only)
    written = {f"--{name}": getattr(options, name) for name in ("json", "markdown") if getattr(options, name)}
    see_apart(written, {"the adapter": Path(options.adapter)} if options.adapter else {})
    for path in written.values():
        see_writable(path)
    return chosen


def _findings(options, chosen) -> list[Finding]:
    """Those of functions that there are, as they come, each with a line; then the others, in order."""
    found = {}
    answered = read(options.answers) if options.answers else examine(options.adapter, chosen, options.timeout)
    for function, answers in answered:
        if function in chosen:
            found[function] = judge(function, answers)
            print(line(found[function]), flush=True)
    return [found.get(function) or judge(function, None) for function in chosen]


def _print(findings, seconds) -> None:
    missing = [finding.function for finding in findings if finding.status == "unsupported"]
    print(f"unsupported: {', '.join(missing)}" if missing else "all functions are supported")
    for finding in findings:
        if finding.failing is not None and finding.status == "failed":
            print(f"\n{failing(finding)}")
    print(f"\n{summary(findings)}; {seconds:.0f} s")
