"""``refebm verify``: the theorems by numbers, the wrong versions, a replay; what is printed, and what is written."""

import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import refebm
from refebm.crosscheck.examination import SILENCE, theorems
from refebm.crosscheck.report import called, shown
from refebm.data import UserData, listed, user_data
from refebm.files import see_apart, see_writable, write_json
from refebm.glossary import InputError
from refebm.identities import THEOREMS, Draw, Theorem, Verdict, check
from refebm.identities.parallel import run_all
from refebm.identities.run import MUCH_CANCELLATION, Report

OF_DATA = ("columns", "sigma", "separator", "decimal", "missing")  # options that say how --data is read
MOST_CASES = 1_000_000


def add_options(verify) -> None:
    """What may be asked, for an `argparse` parser."""
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
    verify.add_argument("--separator", metavar="WORD", help="of columns: comma, semicolon, tab, bar (default: evident)")
    verify.add_argument("--decimal", metavar="SIGN", help="a point or a comma (default: what is evident)")
    verify.add_argument("--missing", metavar="WORD", help="drop: leave rows with an empty cell, NA, null or ? out")
    verify.add_argument("--impl", metavar="ADAPTER", help="the theorems with the functions of an adapter for refebm's")
    verify.add_argument("--timeout", metavar="S", type=float, help="with --impl: end it after a silence of S s")


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


def verify(options) -> int:
    """Run the command; 0 where all holds, 1 where something does not."""
    if (options.cases is not None and not 1 <= options.cases <= MOST_CASES) or options.seed < 0:
        raise InputError("E-COUNT", f"--cases must be 1 to {MOST_CASES}, and --seed not negative")
    _refuse_together(options)
    if options.json:
        read = {f"--{name}": Path(getattr(options, name)) for name in ("data", "impl") if getattr(options, name)}
        see_apart({"--json": options.json}, read)
        see_writable(options.json)
    chosen = _chosen(options)
    if options.case is not None:
        return _replay(chosen, options)
    if options.controls:
        return _controls(chosen, options)
    data = _data(options) if options.data is not None else None
    start, reports = time.perf_counter(), []
    for report in _reports(chosen, options, data):
        reports.append(report)
        print(_line(report, data), flush=True)
    return _summary(reports, time.perf_counter() - start, options)


def _reports(chosen: list[Theorem], options, data: UserData | None) -> Iterator[Report]:
    """As they come; those on an adapter from a process of its own."""
    drawn = {"seed": options.seed, "cases": options.cases, "data": data.density if data else None}
    if options.impl is None:
        yield from run_all(chosen, **drawn)
    else:
        yield from _on_adapter(chosen, options, **drawn)


def _on_adapter(chosen, options, **drawn) -> Iterator[Report]:
    if not (options.timeout is None or options.timeout > 0):
        raise InputError("E-OPTION", f"--timeout must be greater than 0, got {options.timeout}")
    answers = theorems(options.impl, [theorem.name for theorem in chosen], options.timeout or SILENCE, **drawn)
    functions, about = next(answers)
    print(
        f"implementation: {called(options.impl)}, {len(functions)} functions; {len(about)} theorems are about them",
        flush=True,
    )
    if not about:
        raise InputError("E-NONE", f"no theorem about what {called(options.impl)} has is called for")
    yield from answers


def _summary(reports, seconds, options) -> int:
    """What is red, how many hold, and the record. Errors: E-NONE where none could be asked."""
    red = [report for report in reports if report.verdicts and not report.holds]
    for report in red:
        print(_reason(report, options))
    number = sum(len(report.verdicts) for report in reports)
    outside = sum(len(report.outside) for report in reports)
    idle = sum(not report.verdicts for report in reports)
    print(
        f"{len(reports) - len(red) - idle} of {len(reports) - idle} theorems hold: {number} cases, and {outside} "
        f"outside their conditions that fail as they must; {seconds:.0f} s"
        + (f"; {idle} theorems need what the adapter does not have" if idle else "")
    )
    if idle == len(reports):
        raise InputError("E-NONE", "nothing was proved: no theorem could be asked")
    if options.json:
        write_json(options.json, _versioned(options, "theorems", [_record(report) for report in reports]))
    return 1 if red else 0


def _versioned(options, name, rows) -> dict:
    return {"refebm": refebm.__version__, "seed": options.seed, name: rows}


def _refuse_together(options) -> None:
    """Options that would be passed over in silence."""
    given = {name for name in ("controls", "json") if getattr(options, name)}
    given |= {name for name in ("case", "data", "impl", *OF_DATA) if getattr(options, name) is not None}
    for alone, others in (("case", given - {"case", "impl"}), ("controls", given & {"data", "impl"})):
        if alone in given and others:
            raise InputError("E-OPTION", f"--{alone} does not go with --{', --'.join(sorted(others))}")
    if "data" not in given and given & set(OF_DATA):
        raise InputError("E-OPTION", f"--{', --'.join(sorted(given & set(OF_DATA)))} goes with --data")
    if options.timeout is not None and options.impl is None:
        raise InputError("E-OPTION", "--timeout goes with --impl")


def _names(columns: str | None) -> list[str] | None:
    return None if columns is None else [name.strip() for name in columns.split(",")]


def _data(options) -> UserData:
    form = {name: getattr(options, name) for name in OF_DATA[2:] if getattr(options, name) is not None}
    data = user_data(options.data, _names(options.columns), options.sigma, **form)
    named, without = (shown(listed(names)) for names in (data.columns, data.left_out))
    without = f" without {without}" if without else ""
    dropped = f" ({data.dropped} dropped where a cell is missing)" if data.dropped else ""
    print(
        f"data: {data.used} of {data.rows} rows of {options.data}{dropped}, "
        f"columns {named}{without}, "
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
    if theorem.kind in ("limit", "statistical") and report.verdicts:
        words.append(f" {report.verdicts[0].note}")
    return " ".join([*words, f" [{theorem.source}]"])


def _reason(report: Report, options) -> str:
    theorem, lines = report.theorem, [f"\n{report.theorem.name}: {report.theorem.statement}"]
    for verdict in report.failures[:1]:
        integers = ",".join(map(str, verdict.integers))
        lines += [f"  {verdict.note}; {len(report.failures)} of {len(report.verdicts)} cases"]
        with_impl = f" --impl {shlex.quote(options.impl)}" if options.impl else ""
        replay = f"  refebm verify{with_impl} --only {theorem.name}" + (f" --case={integers}" if integers else "")
        lines += ["  drawn on your data" if options.data else replay]
    lines += [f"  holds outside its conditions: {name}" for name in report.escaped]
    return "\n".join(lines) + "\n"


def _replay(chosen: list[Theorem], options) -> int:
    theorem, text = chosen[0], options.case
    if len(chosen) != 1:
        raise InputError("E-CASE", f"--case needs --only with the name of one theorem, {len(chosen)} have that text")
    try:
        integers = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise InputError("E-CASE", f"--case must be whole numbers with commas between them, got {text!r}") from None
    if options.impl is None:
        verdict = check(theorem, Draw.replay(integers))
    else:
        theorem.case(Draw.replay(integers))  # an integer that is out of range is no fault of the adapter's
        (report,) = _on_adapter(chosen, options, case=integers)
        if not report.verdicts:
            raise InputError("E-NONE", "nothing was proved: the adapter does not have what the theorem needs")
        verdict = report.verdicts[0]
    print(theorem.statement, theorem.latex, sep="\n")
    print(f"{'ok' if verdict.holds else 'RED'}  {verdict.ratio:.3g} of tolerance; {verdict.note}")
    return 0 if verdict.holds else 1


def _controls(chosen: list[Theorem], options) -> int:
    from refebm.variants import NAIVE, WRONG
    from refebm.variants.controls import controls

    names = {theorem.name for theorem in chosen}
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
        write_json(options.json, _versioned(options, "controls", [_control(result) for result in results]))
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
    return {"case": list(verdict.integers), "note": verdict.note}
