"""``refebm verify``: options, runs, replays of single cases, and the merging of shards."""

import argparse
import hashlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import refebm
from refebm.book.plain import plain
from refebm.crosscheck.adapter import files_of, text_of
from refebm.crosscheck.examination import SILENCE, theorems
from refebm.crosscheck.report import called, shown
from refebm.data import UserData, listed, user_data
from refebm.files import see_apart, see_writable, write_json
from refebm.glossary import InputError
from refebm.identities import REFERENCE, THEOREMS, Draw, Theorem
from refebm.identities.own import Own, Text, load, read
from refebm.identities.parallel import processes, run_all
from refebm.identities.run import ALL, Report, attempt, firsts, seconds
from refebm.progress import Line
from refebm.verify.controls import put_in
from refebm.verify.report import line, merged, reason, record, red, slowest, summary
from refebm.words import did_you_mean, having

OF_DATA = ("columns", "sigma", "separator", "decimal", "missing")  # options for reading --data
MOST_CASES = MOST_SHARDS = MOST_JOBS = 1_000_000
EXAMPLE = Path(__file__).with_name("example.py")
START = 2.5  # seconds that other processes need to import everything
GOES_WITH = {  # the only options that may be combined with each of these
    "template": (),
    "merge": ("json",),
    "case": ("files", "only", "impl", "timeout"),
    "controls": ("files", "only", "seed", "json"),
}
HELP = """\
examples:
  refebm verify                              every theorem of refebm
  refebm verify --quick                      a few cases of each, for a first look
  refebm verify --only denoising             the theorems of a file, about a function, or with these words
  refebm verify --template > mine.py         an example of theorems of your own
  refebm verify mine.py                      your theorems, judged by the same rules
  refebm verify mine.py --controls           your wrong versions, which your theorems must reject
  refebm verify --cases 100000 --shard 3/64 --json 3.json    and in the end: refebm verify --merge *.json
"""


def add_options(parser) -> None:
    """Add the options of the command to an `argparse` parser."""
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, HELP
    add = parser.add_argument
    add("files", metavar="FILE.py", nargs="*", default=[], help="theorems of your own instead of refebm's")
    add("--template", action="store_true", help="print an example of theorems of your own")
    add("--only", metavar="TEXT", default="", help="one theorem, or those of a file or function, or with all words")
    add("--cases", metavar="N", type=int, help="cases of each theorem in one dimension (default: by kind)")
    add("--quick", action="store_true", help="a few cases of each theorem, all in one dimension")
    add("--seed", metavar="N", type=int, default=0, help="seed of the cases (default 0)")
    add("--case", metavar="LIST", help="replay one case: the integers that a failed theorem printed")
    add("--json", metavar="FILE", type=Path, help="also write the results to this file")
    add("--jobs", metavar="N", type=int, help="number of processes (default: one per core)")
    add("--durations", metavar="N", type=int, help="list the N slowest theorems")
    add("--shard", metavar="K/N", help="run part K of N; together the N parts run each case once")
    add("--merge", metavar="FILE", nargs="+", type=Path, help="merge the --json files of all shards into one report")
    add("--controls", action="store_true", help="run every wrong version, which theorems must reject")
    add("--data", metavar="FILE.csv", help="run theorems about mixtures on your points, smoothed")
    add("--columns", metavar="A,B", help="one or two columns of the data (default: all numeric ones)")
    add("--sigma", metavar="S", type=float, help="smoothing of the data, in units of the data")
    add("--separator", metavar="WORD", help="between columns: comma, semicolon, tab, bar (default: detected)")
    add("--decimal", metavar="SIGN", help="a point or a comma (default: detected)")
    add("--missing", metavar="WORD", help="drop: leave out rows with an empty cell, NA, null or ?")
    add("--impl", metavar="ADAPTER", help="run the theorems on an adapter's functions instead of refebm's")
    add("--timeout", metavar="S", type=float, help="with --impl: stop the adapter after S seconds without an answer")


def verify(options) -> int:
    """Run the command; returns 0 if everything holds, else 1."""
    _refuse_together(options)
    _see_numbers(options)
    if options.template:
        print(EXAMPLE.read_text(encoding="utf-8"), end="")
        return 0
    if options.json:
        read_too = {"--data": Path(options.data)} if options.data else {}
        read_too |= files_of(options.impl) if options.impl else {}
        read_too |= {str(path): Path(path) for path in [*options.files, *(options.merge or ())]}
        see_apart({"--json": options.json}, read_too)
        see_writable(options.json)
    if options.merge:
        return _finish(merged(options.merge), options)
    texts = read(options.files)
    own = load(texts) if texts else Own(THEOREMS, [])
    chosen = _chosen(own.theorems, options)
    if options.case is not None:
        return _replay(chosen, options, texts)
    if options.controls:
        return put_in(chosen, own, options)
    return _run(chosen, options, texts)


def _chosen(known: dict[str, Theorem], options) -> list[Theorem]:
    """The theorem with the name --only; else those of that stem or about that function; else those with all words."""
    text, every = options.only.strip(), known.values()
    found = [known[text]] if text in known else [t for t in every if text in (t.stem, *t.about)]
    found = found or ([known[name] for name in having(text, _entries(every))] if text else list(every))
    found = [theorem for theorem in found if theorem.mixtures or options.data is None]
    if not found:
        where = "about mixtures " if options.data is not None else ""
        names = {word: None for t in every for word in (t.name, t.stem, *t.about)}
        raise InputError(
            "E-NONE",
            f"no theorem {where}has {options.only!r} in its name, stem, source or functions{did_you_mean(text, names)}",
        )
    return found


def _entries(theorems) -> dict[str, str]:
    """The text in which --only is sought for each theorem; it has the other names that docstrings give functions."""
    if sys.flags.optimize > 1:
        return {t.name: " ".join([t.name, t.stem, t.source, *t.about]) for t in theorems}
    from refebm.book.entries import doc  # imported only here, since it takes time

    public = {f for t in theorems for f in t.about if f.partition(".")[0] in refebm.__all__}
    also = {function: doc(function).labelled.get("Also", "") for function in public}
    return {
        t.name: " ".join([t.name, t.stem, t.source, *t.about, *(also.get(f, "") for f in t.about)]) for t in theorems
    }


def _run(chosen: list[Theorem], options, texts: tuple[Text, ...]) -> int:
    data = _data(options) if options.data is not None else None
    sizes = {"cases": options.cases, "data": data.density if data else None, "quick": options.quick}
    drawn = sizes | {"seed": options.seed, "shard": _shard(options)}
    written = _head(options, texts, data)
    counter = Counter(chosen, sizes)
    if options.impl is None:
        _header(chosen, options, sizes)
        answers = run_all(chosen, texts, options.jobs, counter.tell, **drawn)
    else:
        answers = _on_adapter(chosen, options, texts, **drawn)
    start, reports = time.perf_counter(), []
    try:
        for report in answers:
            reports.append(report)
            counter.clear()
            print(line(record(report), data.used if data else 0), flush=True)
    except KeyboardInterrupt:
        counter.clear()
        print(f"interrupted: {len(reports)} of {len(chosen)} theorems are done")
        _tell(written | {"theorems": list(map(record, reports))}, options, start)
        raise
    finally:
        counter.clear()
        answers.close()  # ends the processes that it started
    if options.durations:
        print(slowest(reports, options.durations))
    return _finish(written | {"theorems": list(map(record, reports))}, options, start)


class Counter:
    """Shows on a terminal how many theorems are done and how much time is left."""

    def __init__(self, theorems: list[Theorem], sizes: dict):
        self.line, self.number = Line(sys.stderr is not None and sys.stderr.isatty()), len(theorems)
        self.seconds = {theorem.name: seconds(theorem, **sizes) for theorem in theorems}

    def tell(self, done: list[Theorem]) -> None:
        """Show the number of theorems that are done, and an estimate of the time left."""
        part = sum(self.seconds[theorem.name] for theorem in done) / sum(self.seconds.values())
        left = f", about {_time(self.line.elapsed * (1 - part) / part)} left" if part else ""
        self.line.tell(f"{len(done)} of {self.number} theorems{left},")

    def clear(self) -> None:
        self.line.clear()


def _time(s: float) -> str:
    size, unit = (3600, "h") if s > 9000 else (60, "min") if s > 150 else (1, "s")
    return f"{max(1, s / size):.0f} {unit}"


def _header(chosen, options, sizes) -> None:
    """Print the numbers of theorems and cases, and an estimate of the time (none for a user's data)."""
    shard = _shard(options)
    jobs = processes(chosen, options.jobs, shard, **sizes)
    number = sum(len(firsts(theorem, **sizes)) for theorem in chosen)
    work = sum(seconds(theorem, **sizes) for theorem in chosen) / shard[1] / jobs + START * (jobs > 1)
    words = [f"{len(chosen)} theorem{'s' * (len(chosen) > 1)}"]
    words += [f"{number} cases"] if not options.data else []  # on data, cases that are the same are asked once
    words += [f"of which this is shard {options.shard}"] if options.shard else []
    words += [f"seed {options.seed}"]
    words += [f"{jobs} processes"] if jobs > 1 else []
    words += [f"about {_time(work)}"] if not options.data else []
    print(", ".join(words), flush=True)


def _head(options, texts, data) -> dict:
    """The part of a record that identifies its run."""
    impl = options.impl and {"name": called(options.impl), "digest": _digest(text_of(options.impl) or "")}
    asked = {
        "only": options.only,
        "cases": options.cases,
        "quick": options.quick,
        "files": {text.name: _digest(text.content) for text in texts},
        "impl": impl,
        "data": data and _digest(repr([getattr(data.density, name).tolist() for name in ("weights", "means", "covs")])),
    }
    shard = list(_shard(options)) if options.shard else None
    return {"refebm": refebm.__version__, "seed": options.seed, "options": asked, "shard": shard}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _finish(content: dict, options, start: float | None = None) -> int:
    """Print the failures and the summary, and write the record. Errors: E-NONE where no case was run."""
    if start is None:
        for one in content["theorems"]:
            print(line(one))
    status = _tell(content, options, start)
    if not content["shard"] and not any(one["cases"] or red(one) for one in content["theorems"]):
        raise InputError("E-NONE", "nothing was proved: no theorem could be asked")
    if options.json:
        write_json(options.json, content)
    return status


def _tell(content: dict, options, start: float | None) -> int:
    failed, asked = list(filter(red, content["theorems"])), content["options"]
    files, impl = options.files or asked["files"], options.impl or (asked["impl"] or {}).get("name")
    for one in failed:
        print(reason(one, [*files, *(["--impl", impl] if impl else [])], bool(asked["data"])))
    idle = " or ".join(
        ["need what the adapter does not have"] * bool(asked["impl"])
        + ["have no case in this shard"] * bool(content["shard"])
    )
    took = f"; {time.perf_counter() - start:.0f} s" if start is not None else ""
    print(summary(content["theorems"], idle) + took)
    return 1 if failed else 0


def _on_adapter(chosen, options, texts, **drawn) -> Iterator[Report]:
    """Run the theorems on an adapter, which lives in a process of its own."""
    names = [theorem.name for theorem in chosen]
    answers = theorems(options.impl, names, options.timeout or SILENCE, texts, **drawn)
    functions, about = next(answers)
    print(
        f"implementation: {called(options.impl)}, {len(functions)} functions; {len(about)} theorems are about them",
        flush=True,
    )
    if not about:
        raise InputError("E-NONE", f"no theorem about what {called(options.impl)} has is called for")
    yield from answers


def _refuse_together(options) -> None:
    """Refuse options that would otherwise be ignored silently."""
    defaults = {"files": [], "only": "", "seed": 0, "template": False, "quick": False, "controls": False}
    ours = {name: value for name, value in vars(options).items() if name != "command"}
    given = {name for name, value in ours.items() if value != defaults.get(name)}
    for alone, others in GOES_WITH.items():
        idle = sorted(given - {alone, *others})
        if alone in given and idle:
            raise InputError("E-OPTION", f"--{alone} does not go with {_options(idle)}")
    for needed, others in (("data", OF_DATA), ("impl", ("timeout",))):
        if needed not in given and given & set(others):
            raise InputError("E-OPTION", f"{_options(sorted(given & set(others)))} goes with --{needed}")
    for one, other in (("quick", "cases"), ("jobs", "impl"), ("durations", "impl")):
        if {one, other} <= given:
            raise InputError("E-OPTION", f"--{one} does not go with --{other}")


def _options(names) -> str:
    return ", ".join("FILE.py" if name == "files" else f"--{name}" for name in names)


def _see_numbers(options) -> None:
    if (options.cases is not None and not 1 <= options.cases <= MOST_CASES) or options.seed < 0:
        raise InputError("E-COUNT", f"--cases must be 1 to {MOST_CASES}, and --seed not negative")
    for name in ("jobs", "durations"):
        if getattr(options, name) is not None and not 1 <= getattr(options, name) <= MOST_JOBS:
            raise InputError("E-COUNT", f"--{name} must be at least 1")
    if not (options.timeout is None or options.timeout > 0):
        raise InputError("E-OPTION", f"--timeout must be greater than 0, got {options.timeout}")
    _shard(options)


def _shard(options) -> tuple[int, int]:
    """K and N of --shard K/N. Errors: E-SHARD."""
    if options.shard is None:
        return ALL
    k, _, n = options.shard.partition("/")
    whole = all(part.isascii() and part.isdigit() and len(part) < 9 for part in (k, n))
    if not whole or not 1 <= int(k) <= int(n) <= MOST_SHARDS:
        raise InputError("E-SHARD", f"--shard must be K/N with 1 <= K <= N, as in 3/64, got {options.shard!r}")
    return int(k), int(n)


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


def _replay(chosen: list[Theorem], options, texts) -> int:
    theorem, text = chosen[0], options.case
    if len(chosen) != 1:
        raise InputError("E-CASE", f"--case needs --only with the name of one theorem, {len(chosen)} match it")
    try:
        integers = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise InputError("E-CASE", f"--case must be whole numbers with commas between them, got {text!r}") from None
    if options.impl is None:
        verdict = attempt(theorem, Draw.replay(integers), REFERENCE)
    else:
        theorem.case(Draw.replay(integers))  # checked here: an integer out of range is not the adapter's fault
        (report,) = _on_adapter(chosen, options, texts, case=integers)
        if not report.verdicts:
            raise InputError("E-NONE", "nothing was proved: the adapter does not have what the theorem needs")
        verdict = report.verdicts[0]
    print(theorem.statement, plain(theorem.latex), sep="\n")
    print(f"{'ok' if verdict.holds else 'RED'}  {verdict.ratio:.3g} of tolerance; {verdict.note}")
    return 0 if verdict.holds else 1
