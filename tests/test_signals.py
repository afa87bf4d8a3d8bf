"""What the system does to a command: signals, a full disk, a terminal that is poor, a Python that leaves things out."""

import contextlib
import io
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import refebm
from refebm import cli
from refebm.cli import main
from refebm.start import interrupted
from tests.test_hostile import alive

WAITING = """
import os, time
with open({mark!r}, "w") as file:
    file.write(str(os.getpid()))
def score_of(model, x):
    time.sleep(1000)
"""


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """By signal: exit status, what was said, and the child's process, of examinations that it stopped."""
    folder, running = tmp_path_factory.mktemp("signals"), {}
    for how in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
        mark, adapter = folder / f"mark{how}", folder / f"adapter{how}.py"
        adapter.write_text(WAITING.format(mark=str(mark)))
        command = [sys.executable, "-m", "refebm", "crosscheck", str(adapter)]
        running[how] = mark, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline, ended = time.monotonic() + 60, {}
    for how, (mark, process) in running.items():
        while not (mark.exists() and mark.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        child = int(mark.read_text())
        assert alive(child)
        for _ in range(2):  # as `timeout` does, and who is impatient
            process.send_signal(how)
            time.sleep(0.02)
        _, said = process.communicate(timeout=30)
        ended[how] = process.returncode, said, child
    return ended


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_child_dies_with_its_parent(how, stopped):
    status, said, child = stopped[how]
    until = time.monotonic() + 10
    while alive(child) and time.monotonic() < until:
        time.sleep(0.02)
    assert not alive(child)
    assert status == {signal.SIGTERM: 143, signal.SIGKILL: -9, signal.SIGINT: 130}[how]
    assert said == ("refebm: interrupted\n" if how == signal.SIGINT else "")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_does_not_end_the_cleaning_up(how, monkeypatch):
    """Unless it comes much later."""
    ends, cleaned, before = (SystemExit, KeyboardInterrupt), [], signal.signal(signal.SIGINT, interrupted)
    try:
        with pytest.raises(ends), cli._ended_by_signals():
            try:
                signal.raise_signal(how)
            finally:
                for other in (signal.SIGTERM, signal.SIGINT):
                    signal.raise_signal(other)
                    cleaned.append(other)
                monkeypatch.setattr(cli, "CLEANUP", -1.0)
                with pytest.raises(ends):
                    signal.raise_signal(how)
        assert len(cleaned) == 2 and signal.getsignal(signal.SIGINT) is interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def in_the_group_of(leader):
    """Processes that run, and how many hundredths of a second each has used."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, group, *others = path.read_text().rpartition(") ")[2].split()
            if int(group) == leader and state != "Z":
                yield int(path.parent.name), int(others[8])


def test_an_interrupt_reaches_all_processes_of_a_terminal():
    """Also those that still import what they need: one line, and none is left."""
    command = [sys.executable, "-m", "refebm", "verify", "--only", "denoising", "--cases", "100000", "--jobs", "2"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, start_new_session=True, **pipes) as process:
        process.stdout.readline()
        while len(busy := [pid for pid, used in in_the_group_of(process.pid) if used > 20]) < 3:
            time.sleep(0.01)
        for pid in set(busy) - {process.pid}:  # those that hear it first, before their parent ends them
            os.kill(pid, signal.SIGINT)
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGINT)
        out, said = process.communicate(timeout=60)
    assert process.returncode == 130 and said == "refebm: interrupted\n"
    assert out.startswith("interrupted: 0 of ")
    until = time.monotonic() + 10
    while list(in_the_group_of(process.pid)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not list(in_the_group_of(process.pid))


@pytest.mark.parametrize("command", [["verify", "--only", "tweedies"], ["list"], ["vectors", "x"]])
def test_an_interrupt_is_a_line(command, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    for name in ("verify.command.run_all", "book.terminal.chosen", "crosscheck.vectors.write"):
        monkeypatch.setattr(f"refebm.{name}", interrupt)
    assert main(command) == 130 and capsys.readouterr().err == "refebm: interrupted\n"


IMPATIENT = """
import os, signal, sys
class Finder:
    def find_spec(name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder)
"""
IMPORTED = ["numpy", "numpy.linalg", "autograd.numpy", "refebm.objectives", "refebm.cli", "refebm.book", "refebm.words"]


@pytest.mark.parametrize("name", [*IMPORTED, "refebm.book.terminal", "refebm.crosscheck.report"])
def test_an_interrupt_while_importing_is_a_line(name, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(IMPATIENT.format(name=name))
    here = os.pathsep.join([str(tmp_path), str(Path(refebm.__file__).parents[1])])
    script = tmp_path / "refebm"  # as pip writes it
    script.write_text("import sys\nfrom refebm.cli import main\nsys.exit(main())\n")
    for command in (["-m", "refebm"], ["-mrefebm"], [str(script)]):
        command = [sys.executable, *command, "list", "\udcff" if name.endswith("report") else "hyvarinen"]
        env = os.environ | {"PYTHONPATH": here}
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (130, "", "refebm: interrupted\n")


def test_a_program_that_imports_refebm_keeps_its_own_interrupts():
    program = "import signal, refebm; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    env = os.environ | {"PYTHONPATH": str(Path(refebm.__file__).parents[1])}
    for more in ([], ["-m", "refebm"], ["-mrefebm"]):
        done = subprocess.run([sys.executable, "-c", program, *more], env=env, capture_output=True, text=True)
        assert done.stdout == "True\n", done.stderr


@pytest.mark.parametrize("command", [["list", "hyvarinen"], ["--help"], ["crosscheck", "--template", "numpy"]])
def test_a_full_disk(command, monkeypatch, capsys):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(command) == 2
    assert "refebm: E-FILE: " in capsys.readouterr().err


def test_a_terminal_that_knows_ascii_alone(monkeypatch, tmp_path):
    (tmp_path / "tweedie_mean.json").write_text('{"answers": {}, "digest": "\u2603\u00e9"}', encoding="utf-8")
    poor = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", poor)
    assert main(["crosscheck", "--answers", str(tmp_path)]) == 1
    poor.seek(0)
    assert r"digest '\u2603\xe9'" in poor.read()


def test_without_docstrings():
    program = "from refebm.cli import main\nfor command in {}: print(main(command))"
    commands = [["verify", "--only", "tweedies_mean_is_bayes", "--cases", "1"], ["list"]]
    command = [sys.executable, "-OO", "-c", program.format(commands)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    out = done.stdout.splitlines()
    assert "1 of 1 theorems hold" in out[2] and out[3:] == ["0", "2"], done.stderr
    assert done.stderr.startswith("refebm: E-DOCSTRINGS")


@pytest.mark.parametrize("name", ["numpy", "json"])
def test_a_module_of_that_name_in_the_folder(name, tmp_path):
    """An adapter may be called torch.py, and `python -m` searches its folder first."""
    (tmp_path / f"{name}.py").write_text("raise SystemExit(5)\n")
    env = os.environ | {"PYTHONPATH": str(Path(refebm.__file__).parents[1])}
    command = [sys.executable, "-m", "refebm", "--version"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, f"refebm {refebm.__version__}\n"), done.stderr


@pytest.mark.parametrize("redirected", ["2>/dev/full", "2>&-", ">/dev/full", ">/dev/full 2>&1", ">&- 2>&-"])
@pytest.mark.parametrize("command", ["verify --cases 0", "list nonsensical", "crosscheck absent.py", "show"])
def test_what_cannot_be_printed_changes_no_status(command, redirected):
    line = f"{shlex.quote(sys.executable)} -m refebm {command} {redirected}"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "Traceback" not in done.stderr and "refebm: E-" not in done.stdout


def test_no_standard_output(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["list", "hyvarinen"]) == 0


def test_what_a_terminal_would_obey_is_escaped(capsys):
    assert main(["crosscheck", "\x1b[31mred\u202e.py"]) == 2
    assert capsys.readouterr().err == "refebm: E-ADAPTER: there is no file \\x1b[31mred\\u202e.py\n"


ODD = [
    *(["--json", path] for path in ("", ".", "/", "/dev/null/x", "a\0b", "x" * 300, "\udcff/x", "absent/x")),
    *(["--only", text] for text in ("\0", "\udcff", "\x1b[31m", "x" * 100_000, "no such thing")),
    *(["--timeout", text] for text in ("0", "-1", "nan", "-inf", "1e-400", "", "x")),
    ["--markdown", "."],
    ["--json", "{folder}/a", "--markdown", "{folder}/a"],
    ["--json", "{folder}/a", "--markdown", "{folder}/./a"],
    ["--json", "{folder}/adapter.py"],
    ["--template", "numpy"],
    ["--answers", "{folder}"],
    ["--answers", ""],
    ["--unknown"],
]
ADAPTERS = [
    "",
    " ",
    ".",
    "..",
    "/",
    "a\0b",
    "a\0b.py",
    "x" * 300,
    "x" * 300 + ".py",
    "\udcff",
    "\udcff.py",
    ".py",
    "a..b",
]
ADAPTERS += ["/dev/null", "folder.py", "-", "--", "..x", "\x1b[31m.py", "1"]
VERIFY = [
    *(["--cases", text] for text in ("0", "-1", "1e3", "9" * 30, "9" * 5000, "", "nan")),
    *(["--seed", text] for text in ("-1", "x", "9" * 5000)),
    *(["--only", "implicit_is_explicit", "--case", text] for text in ("7", "x", "9" * 400, "9" * 5000, "\0", "1,,x")),
    *(["--data", path] for path in ("", ".", "/dev/null", "a\0b", "x" * 300, "\udcff", "absent")),
    *(["--only", "tweedies", "--json", path] for path in (".", "a\0b", "x" * 300)),
    *(["--impl", path] for path in ("", ".", "a\0b", "x" * 300, "absent.py", "\udcff.py")),
    *(["--shard", text] for text in ("0/1", "2/1", "x", "1/1/1", "9" * 5000 + "/1")),
    *(["--merge", path] for path in (".", "absent", "a\0b", "{folder}/a.csv", "/dev/null")),
    *(["--jobs", text] for text in ("0", "-1", "9" * 30, "x")),
    *(
        [path]
        for path in ("absent.py", "{folder}/a.csv", "{folder}/folder.py", "a\0b.py", "\udcff.py", "{folder}/adapter.py")
    ),
    ["{folder}/adapter.py", "{folder}/adapter.py"],
    ["--template", "--quick"],
    ["--timeout", "3"],
    ["--timeout", "0", "--impl", "a.py"],
    ["--sigma", "1"],
    ["--controls", "--impl", "a.py"],
    ["--case", "1"],
    ["--only", "tweedies_mean_is_bayes", "--data", "{folder}/a.csv", "--json", "{folder}/a.csv"],
]
OTHERS = [["vectors", ""], ["vectors", "/dev/null"], ["vectors", "a\0b"], ["vectors", "x" * 300], ["list", "\udcff"]]
OTHERS += [["crosscheck", "--template", "numpy", *more] for more in (["--json", "x"], ["--markdown", "x"])]
OTHERS += [["crosscheck", "{folder}/adapter.py", "--complete"], ["crosscheck", "--answers", "x", "--complete"]]
OTHERS += [["list", "\0"], [], [""], ["nonsense"], ["vectors"], ["crosscheck"], ["vectors", "a", "b"], ["verify", "x"]]
COMMANDS = [["crosscheck", "{folder}/adapter.py", *more] for more in ODD]
COMMANDS += [["crosscheck", name] for name in ADAPTERS] + [["verify", *more] for more in VERIFY] + OTHERS


def test_odd_commands_end_with_a_line(tmp_path, monkeypatch, capsys):
    """No traceback, exit status 2, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "adapter.py").write_text("def score_of(model, x): return x\n")
    (tmp_path / "a.csv").write_text("a\n1\n2\n")
    (tmp_path / "folder.py").mkdir()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    monkeypatch.setattr("refebm.crosscheck.examination.subprocess", None)  # none needs a child
    for command in COMMANDS:
        command = [part.replace("{folder}", str(tmp_path)) for part in command]
        try:
            status = main(command)
        except SystemExit as end:
            status = end.code
        said = capsys.readouterr().err
        assert status == 2 and ("refebm: E-" in said or "error: " in said), (command, said[-300:])
        assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before, command
    assert len(COMMANDS) > 90
