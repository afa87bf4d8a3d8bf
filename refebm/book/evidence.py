"""How well the theorems hold: the record of a run, ``evidence.json``, which the pages show; and what is not examined.

``python -m refebm.book`` writes both. It runs the theorems that have no record yet; with ``--evidence results.json`` it
takes all records from what ``refebm verify --json results.json`` wrote.
"""

import functools
import json
import re
from collections.abc import Iterable
from pathlib import Path

from refebm.book.entries import TRUSTED, definitions
from refebm.files import write_text
from refebm.glossary import InputError

RECORD = Path(__file__).with_name("evidence.json")
UNEXAMINED = Path(__file__).with_name("unexamined.json")  # to ask the examiner takes as long as the whole list


@functools.cache
def evidence() -> dict[str, dict]:
    """For each theorem: the number of cases, the worst error in units of the tolerance, and what happened outside its
    conditions."""
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}


@functools.cache
def unexamined() -> dict[str, str]:
    """The definitions for which the examiner asks no adapter, and why."""
    return json.loads(UNEXAMINED.read_text(encoding="utf-8"))


def unexamined_now() -> dict[str, str]:
    """The same, from the examiner."""
    from refebm.crosscheck.questions import why_not

    return {name: why for name in definitions() for why in [why_not(name)] if why}


def brought_up_to_date() -> int:
    """Run the theorems that have no record, drop records of theorems that no longer exist; return how many were run."""
    from refebm.identities.parallel import run_all

    known = evidence()
    new = [theorem for theorem in TRUSTED if theorem.name not in known]
    reports = run_all(new, seed=0, cases=None, data=None) if new else ()
    found = {one.theorem.name: _row(len(one.verdicts), one.worst, _notes(one.outside)) for one in reports}
    _write(known | found)
    return len(new)


def take(results: Path) -> int:
    """Take the record of a whole run; return the number of theorems.

    Errors: E-FILE if it is no such record, or if a theorem did not hold.
    """
    try:
        rows = json.loads(results.read_text(encoding="utf-8"))["theorems"]
        found = {row["name"]: _row(row["cases"], row["worst"], row["outside"]) for row in rows if row["holds"]}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("E-FILE", f"{results} must be what refebm verify --json wrote: {error!r}") from error
    if red := [row["name"] for row in rows if not row["holds"]]:
        raise InputError("E-FILE", f"{results} has theorems that do not hold: {', '.join(red)}")
    _write(evidence() | found)
    return len(found)


def _notes(outside):
    return {name: verdict.note for name, verdict in outside.items()}


def _row(cases, worst, outside: dict[str, str]):
    """A record that is the same on all machines: two digits of the error, and for a refusal only its code."""
    codes = {name: re.search(r"refused: (E-[A-Z]+)", note) for name, note in outside.items()}
    said = {name: f"refused, {code[1]}" if code else "does not hold" for name, code in codes.items()}
    return {"cases": cases, "worst": float(f"{worst:.2g}"), "outside": said}


def _write(rows: dict):
    lines = [f" {json.dumps(one.name)}: {json.dumps(rows[one.name])}" for one in TRUSTED if one.name in rows]
    write_text(RECORD, "{\n" + ",\n".join(lines) + "\n}\n")
    evidence.cache_clear()


def missing() -> Iterable[str]:
    """The theorems without a record."""
    return [theorem.name for theorem in TRUSTED if theorem.name not in evidence()]
