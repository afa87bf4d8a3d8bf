"""Reports of a run: a record of each theorem, which is written as JSON and printed as a line; and merged shards."""

import json
import shlex
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from refebm.glossary import InputError
from refebm.identities import Theorem
from refebm.identities.run import MUCH_CANCELLATION, Report


def record(report: Report) -> dict:
    """The report of a theorem as a dict, for JSON and for printing."""
    theorem, first = report.theorem, report.verdicts[0].note if report.verdicts else ""
    numbers = list(report.numbers) or list(range(len(report.verdicts)))
    failures = [(number, verdict) for number, verdict in zip(numbers, report.verdicts) if not verdict.holds]
    return {
        "name": theorem.name,
        "statement": theorem.statement,
        "latex": theorem.latex,
        "source": theorem.source,
        "kind": theorem.kind,
        "about": list(theorem.about),
        "cancels": theorem.cancels,
        "holds": report.holds,
        "cases": len(report.verdicts),
        "unsupported": report.unsupported,
        "worst": report.worst if report.worst < float("inf") else None,
        "cancellation": report.cancellation,
        "note": [numbers[0], first] if first and theorem.kind in ("limit", "statistical") else None,
        "failures": [{"number": n, "case": list(v.integers), "note": v.note} for n, v in failures],
        "outside": {name: report.outside[name].note for name in sorted(report.outside)},
        "escaped": sorted(report.escaped),
    }


FIELDS = set(record(Report(Theorem("", "", "", "", "", "", (), dict, dict), [], {})))


def red(one: dict) -> bool:
    """Whether a case failed, or one outside the conditions held."""
    return bool(one["failures"] or one["escaped"])


def line(one: dict, rows: int = 0) -> str:
    """The line for one theorem on the terminal."""
    worst = float("inf") if one["worst"] is None else one["worst"]
    words = [
        "RED" if red(one) else "ok " if one["cases"] else "-- ",
        f"{one['name']:54s}",
        f"{one['cases']:4d} cases",
        f"{worst:9.2g} of tolerance",
    ]
    words += [f" {rows} rows"] if rows else []
    words += [f" {len(one['outside'])} outside"] if one["outside"] else []
    words += [f" {one['unsupported']} unsupported"] if one["unsupported"] else []
    words += [f" terms/side {one['cancellation']:.2g}"]
    words += [f"({one['cancels'] or 'why?'})"] if one["cancellation"] > MUCH_CANCELLATION else []
    words += [f" {one['note'][1]}"] if one["note"] else []
    return " ".join([*words, f" [{one['source']}]"])


def reason(one: dict, command: Sequence[str], on_data: bool) -> str:
    """Why a theorem failed, and the command that replays it. command: the run's arguments for files and an adapter."""
    lines = [f"\n{one['name']}: {one['statement']}"]
    for failure in one["failures"][:1]:
        case = ",".join(map(str, failure["case"]))
        lines += [f"  {failure['note']}; {len(one['failures'])} of {one['cases']} cases"]
        replay = f"  {shlex.join(['refebm', 'verify', *command])} --only {one['name']}" + (
            f" --case={case}" if case else ""
        )
        lines += ["  drawn on your data" if on_data else replay]
    lines += [f"  holds outside its conditions: {name}" for name in one["escaped"]]
    return "\n".join(lines) + "\n"


def summary(records: Sequence[dict], why_idle: str = "") -> str:
    """How many theorems hold, and on how many cases."""
    idle = sum(not (one["cases"] or red(one)) for one in records)
    held = len(records) - sum(map(red, records)) - idle
    cases, outside = sum(one["cases"] for one in records), sum(len(one["outside"]) for one in records)
    words = f"{held} of {len(records) - idle} theorems hold: {cases} cases"
    words += f", and {outside} outside their conditions that fail as they must" if outside else ""
    return words + (f"; {idle} theorems {why_idle}" if idle else "")


def merged(paths: Sequence[Path]) -> dict:
    """Merge the records of all shards of a run. Errors: E-FILE; E-MERGE where they do not make up one run."""
    contents = [_read(path) for path in paths]
    first = _common(contents[0])
    for path, content in zip(paths, contents):
        other = _common(content)
        differs = [name for name in first if first[name] != other.get(name)]
        if differs:
            name = differs[0]
            raise InputError(
                "E-MERGE",
                f"{path} is of another run than {paths[0]}: {name} is {other.get(name)} there, not {first[name]}",
            )
    _see_each_once(paths, [content["shard"] for content in contents])
    parts = [one for content in contents for one in content["theorems"]]
    order = [one["name"] for one in contents[0]["theorems"]]
    by_name = {name: list(some) for name, some in groupby(sorted(parts, key=_name), _name)}
    if any(len(by_name.get(name, ())) != len(contents) for name in order) or len(by_name) != len(order):
        raise InputError("E-MERGE", "the shards do not have the same theorems")
    return first | {"shard": None, "theorems": [_together(by_name[name]) for name in order]}


def _name(one):
    return one["name"]


def _common(content):
    return {name: value for name, value in content.items() if name not in ("shard", "theorems")}


def _read(path):
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError("E-MERGE", f"{path} is no JSON: {error}") from error
    if not _is_record(content):
        raise InputError("E-MERGE", f"{path} is no record of a run of refebm verify --shard K/N --json FILE")
    if content["shard"] is None:
        raise InputError("E-MERGE", f"{path} is the record of a whole run, of no shard")
    return content


def _is_record(content) -> bool:
    if not isinstance(content, dict) or set(content) != {"refebm", "seed", "options", "shard", "theorems"}:
        return False
    shard, rows = content["shard"], content["theorems"]
    dealt = shard is None or (isinstance(shard, list) and len(shard) == 2 and all(isinstance(k, int) for k in shard))
    return dealt and isinstance(rows, list) and all(isinstance(one, dict) and set(one) == FIELDS for one in rows)


def _see_each_once(paths, shards):
    whole = shards[0][1]
    seen: dict = {}
    for path, (k, n) in zip(paths, shards):
        if n != whole:
            raise InputError("E-MERGE", f"{path} is shard {k}/{n}, {paths[0]} {shards[0][0]}/{whole}")
        if k in seen:
            raise InputError("E-MERGE", f"{path} is shard {k}/{n}, as is {seen[k]}")
        seen[k] = path
    missing = sorted(set(range(1, whole + 1)) - set(seen))
    if missing:
        some = ", ".join(f"{k}/{whole}" for k in missing[:8]) + (" ..." if len(missing) > 8 else "")
        raise InputError("E-MERGE", f"{len(missing)} of {whole} shards are missing: {some}")


def _together(parts: Sequence[dict]) -> dict:
    """Merge the records of one theorem from all shards."""
    worst, notes = [one["worst"] for one in parts], [one["note"] for one in parts if one["note"]]
    outside = dict(sorted(pair for one in parts for pair in one["outside"].items()))
    failures = sorted((f for one in parts for f in one["failures"]), key=lambda failure: failure["number"])
    escaped = [name for name in outside if any(name in one["escaped"] for one in parts)]
    cases = sum(one["cases"] for one in parts)
    return parts[0] | {
        "holds": bool(cases) and not failures and not escaped,
        "cases": cases,
        "unsupported": sum(one["unsupported"] for one in parts),
        "worst": None if None in worst else max(worst),
        "cancellation": float(np.max([one["cancellation"] for one in parts])),
        "note": min(notes, default=None),
        "failures": failures,
        "outside": outside,
        "escaped": escaped,
    }


def slowest(reports: Iterable[Report], number: int) -> str:
    """A list of the slowest theorems."""
    ordered = sorted(reports, key=lambda report: -report.seconds)[:number]
    return "\n".join(["slowest:", *(f"{report.seconds:8.2f} s  {report.theorem.name}" for report in ordered)])
