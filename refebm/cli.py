"""refebm verify | list | vectors | crosscheck: prove the identities, find the evidence, examine an implementation."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import refebm
from refebm.crosscheck.adapter import for_theorems, load
from refebm.crosscheck.answers import read
from refebm.crosscheck.examination import SILENCE, examine
from refebm.crosscheck.questions import EXAMINED
from refebm.crosscheck.report import failing, line, markdown, record, summary
from refebm.crosscheck.template import TEMPLATES, template
from refebm.crosscheck.vectors import write
from refebm.crosscheck.verdict import judge
from refebm.data import UserData, user_data
from refebm.files import see_writable, write_text
from refebm.identities import REFERENCE, THEOREMS, Draw, Implementation, Theorem, Verdict, check
from refebm.identities.run import MUCH_CANCELLATION, Report, run
from refebm.index import table
from refebm.validation import InputError


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(prog="refebm", description=__doc__)
    parser.add_argument("--version", action="version", version=f"refebm {refebm.__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    verify = commands.add_parser("verify", help="check every theorem by numbers")
    verify.add_argument("--only", metavar="TEXT", default="", help="theorems, stems, sources or functions with TEXT")
    verify.add_argument("--cases", metavar="N", type=int, help="cases of each theorem, on the line (default: by kind)")
    verify.add_argument("--seed", metavar="N", type=int, default=0, help="seed of the cases (default 0)")
    verify.add_argument("--case", metavar="LIST", help="replay one case, the integers that a red theorem printed")
    verify.add_argument("--json", metavar="FILE", type=Path, help="write the results there as well")
    verify.add_argument("--controls", action="store_true", help="put every wrong version in and see it rejected")
    verify.add_argument("--data", metavar="FILE.csv", help="theorems about mixtures on your points, smoothed")
    verify.add_argument(
        "--columns", metavar="A,B", help="one or two columns of the data (default: all that are numbers)"
    )
    verify.add_argument("--sigma", metavar="S", type=float, help="smoothing of the data, in their unit")
    verify.add_argument("--impl", metavar="ADAPTER", help="the theorems with the functions of an adapter for refebm's")
    crosscheck = commands.add_parser("crosscheck", help="examine an implementation, and say what is wrong with it")
    crosscheck.add_argument("adapter", nargs="?", help="a Python file, or a dotted module")
    crosscheck.add_argument("--template", choices=TEMPLATES, help="print an adapter to start from")
    crosscheck.add_argument("--answers", metavar="DIR", type=Path, help="answers to the vectors, of any language")
    crosscheck.add_argument("--only", metavar="TEXT", default="", help="functions with TEXT in their name")
    crosscheck.add_argument("--timeout", metavar="S", type=float, default=SILENCE, help="end it after a silence of S s")
    crosscheck.add_argument("--json", metavar="FILE", type=Path, help="write the findings there as well")
    crosscheck.add_argument("--markdown", metavar="FILE", type=Path, help="and as a table for a pull request")
    vectors = commands.add_parser("vectors", help="write the golden vectors as JSON, for any language")
    vectors.add_argument("folder", metavar="DIR", type=Path)
    listing = commands.add_parser("list", help="equation -> function -> theorem -> test, as a Markdown table")
    listing.add_argument("text", nargs="?", default="", help="rows with this text in them")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 when all holds, 1 when something does not, 2 when it could not be asked."""
    options = parser().parse_args(arguments)
    try:
        status = 0
        if options.command == "list":
            print(table(options.text))
        elif options.command == "vectors":
            _vectors(options.folder)
        elif options.command == "crosscheck":
            status = _crosscheck(options)
        else:
            status = _verify(options)
        sys.stdout.flush()
        return status
    except InputError as error:
        print(f"refebm: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # a reader such as head has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2


def _vectors(folder: Path) -> None:
    paths = list(write(folder))
    print(f"{len(paths)} files in {folder}, {sum(path.stat().st_size for path in paths) / 1e6:.1f} MB")


def _crosscheck(options) -> int:
    asked = [name for name in ("adapter", "template", "answers") if getattr(options, name)]
    if len(asked) != 1:
        raise InputError("E-OPTION", "crosscheck takes one of ADAPTER, --template and --answers")
    if options.template:
        print(template(options.template), end="")
        return 0
    if not options.timeout > 0:
        raise InputError("E-OPTION", f"--timeout must be greater than 0, got {options.timeout}")
    chosen = [function for function in EXAMINED if options.only.lower() in function.lower()]
    if not chosen:
        raise InputError("E-NONE", f"no function has {options.only!r} in its name")
    for path in filter(None, (options.json, options.markdown)):
        _write(path, None)
    start, findings = time.perf_counter(), {}
    source = options.adapter or str(options.answers)
    answered = read(options.answers) if options.answers else examine(source, chosen, options.timeout)
    for function, answers in answered:
        if function in chosen:
            findings[function] = judge(function, answers)
            print(line(findings[function]), flush=True)
    findings = [findings.get(function) or judge(function, None) for function in chosen]
    missing = [finding.function for finding in findings if finding.status == "unsupported"]
    print(f"unsupported: {', '.join(missing)}" if missing else "all functions are supported")
    for finding in findings:
        if finding.failing is not None and finding.status == "failed":
            print(f"\n{failing(finding)}")
    print(f"\n{summary(findings)}; {time.perf_counter() - start:.0f} s")
    if all(finding.status == "unsupported" for finding in findings):
        reasons = "; ".join(dict.fromkeys(finding.diagnosis for finding in findings if finding.diagnosis))
        raise InputError("E-ADAPTER", f"{source}: nothing was examined" + (f": {reasons}" if reasons else ""))
    if options.json:
        _write(options.json, {"adapter": source, "findings": [record(finding) for finding in findings]})
    if options.markdown:
        write_text(options.markdown, markdown(findings, source))
    return 1 if any(finding.status == "failed" for finding in findings) else 0


def _chosen(options) -> list[Theorem]:
    exact = [theorem for theorem in THEOREMS.values() if theorem.name == options.only]
    found = exact or [
        theorem
        for theorem in THEOREMS.values()
        if options.only.lower() in " ".join([theorem.name, theorem.stem, theorem.source, *theorem.about]).lower()
    ]
    found = [theorem for theorem in found if theorem.mixtures or options.data is None]
    if not found:
        where = "about mixtures " if options.data is not None else ""
        raise InputError("E-NONE", f"no theorem {where}has {options.only!r} in its name, stem, source or functions")
    return found


def _verify(options) -> int:
    if (options.cases is not None and options.cases < 1) or options.seed < 0:
        raise InputError("E-COUNT", "--cases must be at least 1 and --seed not negative")
    _refuse_together(options)
    if options.json:
        _write(options.json, None)
    theorems = _chosen(options)
    impl = REFERENCE
    if options.impl is not None:
        impl = load(options.impl, read=for_theorems)
        theorems = [theorem for theorem in theorems if any(map(impl.supports, theorem.about))]
        print(
            f"implementation: {options.impl}, {len(impl.functions)} functions; {len(theorems)} theorems are about them"
        )
    if options.case is not None:
        return _replay(theorems, options.case, impl)
    if options.controls:
        return _controls(theorems, options)
    data = _data(options) if options.data is not None else None
    start, reports = time.perf_counter(), []
    for theorem in theorems:
        reports.append(run(theorem, options.seed, options.cases, impl, data.density if data else None))
        print(_line(reports[-1], data), flush=True)
    red = [report for report in reports if report.verdicts and not report.holds]
    for report in red:
        print(_reason(report, options))
    number = sum(len(report.verdicts) for report in reports)
    outside = sum(len(report.outside) for report in reports)
    idle = sum(not report.verdicts for report in reports)
    print(
        f"{len(reports) - len(red) - idle} of {len(reports) - idle} theorems hold: {number} cases, and {outside} "
        f"outside their conditions that fail as they must; {time.perf_counter() - start:.0f} s"
        + (f"; {idle} theorems need what the adapter does not have" if idle else "")
    )
    if options.json:
        _write(options.json, {"seed": options.seed, "theorems": [_record(report) for report in reports]})
    return 1 if red else 0


def _refuse_together(options) -> None:
    """Options that would be passed over in silence."""
    given = {name for name in ("case", "controls", "data", "columns", "sigma", "json") if getattr(options, name)}
    given |= {name for name in ("case", "data", "columns", "sigma", "impl") if getattr(options, name) is not None}
    for alone, others in (("case", given - {"case", "impl"}), ("controls", given & {"data", "impl"})):
        if alone in given and others:
            raise InputError("E-OPTION", f"--{alone} does not go with --{', --'.join(sorted(others))}")
    if "data" not in given and given & {"columns", "sigma"}:
        raise InputError("E-OPTION", f"--{', --'.join(sorted(given & {'columns', 'sigma'}))} goes with --data")


def _names(columns: str | None) -> list[str] | None:
    return None if columns is None else [name.strip() for name in columns.split(",")]


def _data(options) -> UserData:
    data = user_data(options.data, _names(options.columns), options.sigma)
    print(
        f"data: {data.used} of {data.rows} rows of {options.data}, columns {', '.join(data.columns)}, "
        f"sigma {data.sigma:.4g}, in units of the spread {data.spread:.4g} around the mean",
        flush=True,
    )
    return data


def _line(report: Report, data: UserData | None) -> str:
    theorem = report.theorem
    words = [
        "-- " if not report.verdicts else "ok " if report.holds else "RED",
        f"{theorem.name:54s}",
        f"{len(report.verdicts):4d} cases",
        f"{report.worst:9.2g} of tolerance",
    ]
    if data:
        words.append(f" {data.used} rows")
    if report.outside:
        words.append(f" {len(report.outside)} outside")
    if report.unsupported:
        words.append(f" {report.unsupported} unsupported")
    words.append(f" terms/side {report.cancellation:.2g}")
    if report.cancellation > MUCH_CANCELLATION:
        words.append(f"({theorem.cancels or 'why?'})")
    if theorem.kind in ("limit", "statistical"):
        words.append(f" {report.verdicts[0].note}")
    return " ".join([*words, f" [{theorem.source}]"])


def _reason(report: Report, options) -> str:
    theorem, lines = report.theorem, [f"\n{report.theorem.name}: {report.theorem.statement}"]
    for verdict in report.failures[:1]:
        tape = ",".join(map(str, verdict.tape))
        lines += [f"  {verdict.note}; {len(report.failures)} of {len(report.verdicts)} cases"]
        with_impl = f" --impl {options.impl}" if options.impl else ""
        replay = f"  refebm verify{with_impl} --only {theorem.name} --case={tape}"
        lines += ["  drawn on your data" if options.data else replay]
    lines += [f"  holds outside its conditions: {name}" for name in report.escaped]
    return "\n".join(lines) + "\n"


def _replay(theorems: list[Theorem], text: str, impl: Implementation) -> int:
    if len(theorems) != 1:
        raise InputError("E-CASE", f"--case needs --only with the name of one theorem, {len(theorems)} have that text")
    try:
        tape = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise InputError("E-CASE", f"--case must be whole numbers with commas between them, got {text!r}") from None
    verdict = check(theorems[0], Draw.replay(tape), impl)
    print(theorems[0].statement, theorems[0].latex, sep="\n")
    print(f"{'ok' if verdict.holds else 'RED'}  {verdict.ratio:.3g} of tolerance; {verdict.note}")
    return 0 if verdict.holds else 1


def _controls(theorems: list[Theorem], options) -> int:
    from refebm.variants import NAIVE, WRONG
    from refebm.variants.controls import controls

    names = {theorem.name for theorem in theorems}
    versions = [wrong for wrong in [*WRONG, *NAIVE] if names & {theorem.name for theorem in wrong.theorems}]
    results, rejecting = [], set()
    print("| wrong version | rejected by | share of cases | error / tolerance | survives | seen |")
    print("| --- | --- | --- | --- | --- | --- |")
    for result in controls(versions, options.seed):
        results.append(result)
        rejecting |= set(result.rejected_by)
        survives = result.wrong.survives if result.survives else f"NOT {result.wrong.survives}"
        factor = f"{result.factor:.1e}" if result.factor < float("inf") else "does not settle"
        cells = [str(result.wrong), result.theorem, f"{result.share:.0%}", factor, survives, result.wrong.seen]
        print(("" if result.holds else "RED ") + "| " + " | ".join(cells) + " |", flush=True)
    red, idle = [result for result in results if not result.holds], sorted(names - rejecting)
    print(f"\n{len(results) - len(red)} of {len(results)} wrong versions are rejected, and pass their weak check")
    if idle:
        print(f"theorems that no wrong version turns red: {', '.join(idle)}")
    if options.json:
        _write(options.json, {"seed": options.seed, "controls": [_control(result) for result in results]})
    return 1 if red or idle else 0


def _control(result) -> dict:
    wrong = result.wrong
    return {
        "function": wrong.function,
        "wrong_version": wrong.name,
        "was": wrong.was,
        "becomes": wrong.becomes,
        "theorem": result.theorem,
        "share": result.share,
        "error_over_tolerance": result.factor if result.factor < float("inf") else None,
        "survives": wrong.survives,
        "weak_check_passes": result.survives,
        "seen": wrong.seen,
        "holds": result.holds,
    }


def _record(report: Report) -> dict:
    theorem = report.theorem
    return {
        "name": theorem.name,
        "statement": theorem.statement,
        "latex": theorem.latex,
        "source": theorem.source,
        "kind": theorem.kind,
        "about": list(theorem.about),
        "holds": report.holds,
        "cases": len(report.verdicts),
        "unsupported": report.unsupported,
        "worst": report.worst if report.worst < float("inf") else None,
        "cancellation": report.cancellation,
        "failures": [_failure(verdict) for verdict in report.failures],
        "outside": {name: verdict.note for name, verdict in report.outside.items()},
    }


def _failure(verdict: Verdict) -> dict:
    return {"case": list(verdict.tape), "note": verdict.note}


def _write(path: Path, content: dict | None) -> None:
    """A record with refebm's version. Without content, only see that it can be written, and leave nothing."""
    if content is None:
        see_writable(path)
    else:
        write_text(path, json.dumps({"refebm": refebm.__version__} | content, indent=1) + "\n")
