"""The commands, as a user types them: output, exit status, files that are whole or not there."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from refebm.cli import main
from refebm.data import read_columns, user_data
from refebm.identities import THEOREMS
from refebm.identities.record import Sides, Theorem
from refebm.identities.run import run
from refebm.verify.command import Counter

IRIS = str(Path(__file__).parent / "data" / "iris.csv")


def test_verify_prints_a_line_per_theorem_and_a_summary(capsys):
    assert main(["verify", "--only", "tweedies", "--cases", "3"]) == 0
    header, *lines, summary = capsys.readouterr().out.splitlines()
    assert header == "4 theorems, 12 cases, seed 0, about 1 s"
    names = ["mean_is_bayes", "covariance_is_bayes", "mean_row_by_row", "covariance_row_by_row"]
    assert [line.split()[1] for line in lines] == [f"tweedies_{name}" for name in names]
    assert all(line.startswith("ok ") and "3 cases" in line and "Efron 2011" in line for line in lines)
    assert summary.startswith("4 of 4 theorems hold: 12 cases;")


def test_default_sizes():
    from refebm.identities.run import draws

    sizes = {"pointwise": 100, "quadrature": 20, "enumeration": 20, "statistical": 5}
    for theorem in THEOREMS.values():
        number = len(list(draws(theorem, 0)))
        assert number == (theorem.cases or sizes[theorem.kind] + 5 * theorem.plane), theorem.name


def make_red(monkeypatch, name="tweedies_mean_is_bayes"):
    theorem = THEOREMS[name]
    red = Theorem(**vars(theorem) | {"sides": lambda impl, sigma, **_: Sides([sigma * np.ones(2)], [1 + 0 * sigma])})
    monkeypatch.setitem(THEOREMS, name, red)


def test_a_red_theorem_prints_a_case_that_replays(monkeypatch, capsys):
    make_red(monkeypatch)
    assert main(["verify", "--only", "tweedies_mean_is_bayes"]) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[1].startswith("RED tweedies_mean_is_bayes")
    command = next(line for line in out.splitlines() if line.startswith("  refebm verify --only"))
    assert main(command.split()[1:]) == 1
    assert "RED" in capsys.readouterr().out


def test_replay_of_a_green_case(capsys):
    assert main(["verify", "--only", "implicit_is_explicit", "--case", "1,2,3,-2"]) == 0
    assert "ok" in capsys.readouterr().out


def test_json_is_written_whole(tmp_path, capsys):
    path = tmp_path / "out.json"
    assert main(["verify", "--only", "implicit_is_explicit", "--cases", "2", "--json", str(path)]) == 0
    content = json.loads(path.read_text())
    record = content["theorems"][0]
    assert record["name"] == "implicit_is_explicit" and record["holds"] and record["cases"] == 3
    assert list(record["outside"]) == ["a model with a kink", "data of shape 1"]
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]


def test_json_of_a_red_run_says_so(monkeypatch, tmp_path, capsys):
    make_red(monkeypatch)
    path = tmp_path / "out.json"
    assert main(["verify", "--only", "tweedies_mean_is_bayes", "--cases", "2", "--json", str(path)]) == 1
    (record,) = json.loads(path.read_text())["theorems"]
    assert not record["holds"] and len(record["failures"]) == 2


def test_a_failure_while_writing_leaves_the_old_file(monkeypatch, tmp_path, capsys):
    path = tmp_path / "out.json"
    path.write_text("old")
    monkeypatch.setattr("refebm.files.json.dumps", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["verify", "--only", "tweedies_mean_is_bayes", "--cases", "1", "--json", str(path)])
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]


def test_the_seed_changes_the_cases_and_nothing_else_does(tmp_path, capsys):
    def worst(seed):
        main(
            [
                "verify",
                "--only",
                "tweedies_mean_is_bayes",
                "--cases",
                "5",
                "--seed",
                seed,
                "--json",
                str(tmp_path / "o.json"),
            ]
        )
        return json.loads((tmp_path / "o.json").read_text())["theorems"][0]["worst"]

    assert worst("1") == worst("1") != worst("2")


def test_controls(capsys, tmp_path):
    path = tmp_path / "controls.json"
    assert main(["verify", "--controls", "--only", "tweedies_mean_is_bayes", "--json", str(path)]) == 0
    out = capsys.readouterr().out
    assert "| tweedie_mean: sigma for sigma squared | tweedies_mean_is_bayes | 100% |" in out
    assert "| sigma = 1 |" in out
    assert "5 of 5 wrong versions are rejected" in out
    controls = json.loads(path.read_text())["controls"]
    assert all(control["holds"] and 1e6 < control["error_over_tolerance"] < 1e16 for control in controls)


def test_controls_name_a_theorem_that_rejects_nothing(monkeypatch, capsys):
    theorem = THEOREMS["tweedies_mean_is_bayes"]
    idle = Theorem(**vars(theorem) | {"sides": lambda impl, **_: Sides([1.0], [1.0])})
    monkeypatch.setitem(THEOREMS, theorem.name, idle)
    assert main(["verify", "--controls", "--only", theorem.name]) == 1
    out = capsys.readouterr().out
    assert "theorems that no wrong version turns red: tweedies_mean_is_bayes" in out


def test_data(capsys):
    arguments = ["verify", "--data", IRIS, "--columns", "petal_length,petal_width", "--only", "tweedies_mean"]
    arguments += ["--cases", "3"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"data: 150 of 150 rows of {IRIS}, columns petal_length, petal_width, sigma 0.4065")
    assert "150 rows" in out.splitlines()[2]
    assert "cases" not in out.splitlines()[1]  # cases that are the same on data are asked once: counted at the end


def test_every_theorem_about_mixtures_runs_on_data(tmp_path, capsys):
    path = csv_file(tmp_path, "name,a,b\nx,1,2\ny,2.5,0.5\nz,4,3\n")
    assert main(["verify", "--data", path, "--cases", "1"]) == 0
    _, header, *lines, summary = capsys.readouterr().out.splitlines()
    assert header.startswith(f"{len(lines)} theorems, ") and "about" not in header
    assert len(lines) == sum(theorem.mixtures for theorem in THEOREMS.values())
    assert all("3 rows" in line for line in lines)
    assert summary.startswith(f"{len(lines)} of {len(lines)} theorems hold")


def test_data_in_one_dimension_through_quadrature(capsys):
    arguments = ["verify", "--data", IRIS, "--columns", "petal_length", "--sigma", "0.5"]
    arguments += ["--only", "implicit_is", "--cases", "2"]
    assert main(arguments) == 0
    assert "sigma 0.5" in capsys.readouterr().out


def csv_file(tmp_path, text):
    path = tmp_path / "points.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


BAD_DATA = {
    "no file": (None, [], "E-FILE"),
    "text in a number column": ("a,b\n1,2\n3,x\n", ["--columns", "a,b"], "E-CSV.*line 3, column 'b'.*'x'"),
    "nan": ("a\n1\nnan\n", ["--columns", "a"], "E-CSV.*line 3, column 'a'.*'nan'"),
    "empty cell": ("a,b\n1,\n", ["--columns", "b"], "E-CSV.*column 'b'.*''"),
    "missing column": ("a,b\n1,2\n", ["--columns", "a,c"], "E-COLUMN.*'c'.*a, b"),
    "too many columns": ("a,b,c\n1,2,3\n2,3,4\n", [], "E-COLUMN.*--columns.*a, b, c"),
    "ragged": ("a,b\n1,2\n3\n", [], "E-CSV.*line 3"),
    "no numbers": ("a,b\nx,y\n", [], "E-CSV.*numbers"),
    "header alone": ("a,b\n", [], "E-EMPTY"),
    "empty": ("", [], "E-EMPTY"),
    "sigma zero": ("a\n1\n2\n", ["--sigma", "0"], "E-POSITIVE.*sigma"),
    "a number column with a gap": ("a,b\n1,2\n\n\n3,NA\n", [], "E-CSV.*line 5, column 'b'.*'NA'"),
    "no header": ("1,2\n3,4\n", [], "E-CSV.*header.*1, 2"),
    "a column twice": ("a,b\n1,2\n", ["--columns", "a,a"], "E-COLUMN.*'a' once"),
    "two columns of one name": ("a,a\n1,2\n", ["--columns", "a"], "E-COLUMN.*'a' once"),
    "numbers too large": ("a\n1\n1e160\n", [], "E-CSV.*1e\\+160"),
    "sigma too small": ("a\n1\n2\n", ["--sigma", "1e-9"], "E-SIGMA.*too small"),
    "sigma too large": ("a\n1\n2\n", ["--sigma", "1e200"], "E-SIGMA.*within"),
    "no name": ("a\n1\n2\n", ["--columns", ""], "E-COLUMN"),
    "a gap in the first row": ("a,b\n1,NA\n2,3\n3,4\n", [], "E-CSV.*line 2, column 'b'.*--missing drop.*'NA'"),
    "a row of gaps": ("a,b\n1,2\n,\n3,4\n", [], "E-CSV.*line 3, column 'a'.*--missing drop.*''"),
    "a gap in the only column": ('a\n1\n""\n3\n', [], "E-CSV.*line 3, column 'a'.*--missing drop.*''"),
    "gaps alone": ("a,b\n,\n", ["--columns", "a", "--missing", "drop"], "E-EMPTY.*values for all of a"),
    "thousands in the first row": ('a,b\n1,"5,000.0"\n2,3\n', [], "E-CSV.*line 2, column 'b'.*'5,000.0'"),
    "thousands everywhere": ('a,b\n1,"5,000"\n2,"6,000"\n', [], "E-CSV.*line 2, column 'b'.*'5,000'"),
    "underscores": ("a\n1_000\n2\n", [], "E-CSV.*line 2, column 'a'.*'1_000'"),
    "an infinity": ("a,b\n1,inf\n2,inf\n", [], "E-CSV.*line 2, column 'b'.*'inf'"),
    "a number too large for a float": ("a\n1\n1e999\n", [], "E-CSV.*line 3, column 'a'.*'1e999'"),
    "equal names": ("x,x\n1,2\n3,5\n", [], "E-COLUMN.*'x' once"),
    "thousands or decimals": ("a;b\n5,000;1\n6,000;2\n", [], "E-CSV.*semicolons.*line 2, column 'a'.*--decimal"),
    "points for thousands": ("a\n1.000\n2,5\n", ["--separator", "tab", "--decimal", ","], "E-CSV.*line 2.*'1.000'"),
    "two separators": ("a, cm;b\n1;2\n", [], "E-CSV.*comma and semicolon.*--separator"),
    "a separator of no kind": ("a\n1\n", ["--separator", "x"], "E-OPTION.*comma, semicolon, tab, bar.*'x'"),
    "commas for both": ("a,b\n1,2\n", ["--decimal", ","], "E-OPTION.*separates"),
    "a decimal of no kind": ("a,b\n1,2\n", ["--decimal", "x"], "E-OPTION.*decimal.*'x'"),
    "ragged with a name for the separator": ("a;b\n1;2\n3\n", [], "E-CSV.*line 3.*semicolon"),
    "all rows dropped": ("a,b\n1,NA\nNA,2\n", ["--missing", "drop"], "E-EMPTY.*a, b"),
    "text is not missing": ("a,b\n1,2\nx,NA\n", ["--missing", "drop"], "E-CSV.*line 3, column 'a'.*'x'"),
    "an open quote": ('a,b\n1,"2\n3,4\n', [], "E-FILE"),
    "no theorem about mixtures": ("a\n1\n2\n", ["--only", "ratio_matching"], "E-NONE.*mixtures"),
    "binary": (b"\xff\xfe\x00a", [], "E-FILE.*not UTF-8"),
    "a name of none": (",a,b\n0,1,2\n1,3,4\n", [], "E-COLUMN.*--columns.*\\(no name\\), a, b"),
    "the numbers of rows": (",x\n0,2.5\n1,4\n", [], "E-COLUMN.*--columns.*\\(no name\\), x"),
    "a number too small for a float": ("a\n1\n-0.01e-400\n", [], "E-CSV.*line 3, column 'a'.*'-0.01e-400'"),
    "rows with labels and no header": ("ann,1,2\nbob,3,4\n", [], "E-CSV.*header line.*'1'.*--columns"),
    "a device without end": (None, ["--data", "/dev/zero"], "E-SIZE"),
}


@pytest.mark.parametrize("name", BAD_DATA)
def test_bad_data(name, tmp_path, capsys):
    text, more, pattern = BAD_DATA[name]
    path = tmp_path / "points.csv"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main(["verify", "--data", str(path), *more]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    import re

    assert re.search(pattern, captured.err), captured.err


@pytest.mark.parametrize(
    "text, form",
    [
        ("x,who,y\n1.5,a,2\n-2,b,.5e1\n", {}),
        ("x;who;y\n1,5;a;2\n-2;b;,5e1\n", {}),
        ("x\twho\ty\n1.5\ta\t2\n-2\tb\t0.5e1\n", {}),
        ("x;who;y\n1,500;a;2\n-2;b;5\n", {"decimal": ","}),
        ("x, cm;who;y\n1.5;a;2\n-2;b;5\n", {"separator": "semicolon"}),
        ('\ufeff"x"|who| y\n+1.5|a|2\n\n-2|b|5\n', {}),
        ("x,who,y\n1.5,a,2\n,b,7\n-2,b,5\n3,c,NA\n", {"missing": "drop"}),
        ("\n,,\n \nx,who,y\n1.5,a,2\n\n,,\n \n-2,b,5\n,,", {"missing": "drop"}),
        ("x,who,y\n1.5,a\x1cb\x85c\u2028d\x0be,2\n-2,b,5\n", {}),
    ],
)
def test_forms_of_numbers(tmp_path, text, form):
    read = read_columns(csv_file(tmp_path, text), **form)
    np.testing.assert_array_equal(read.points, [[1.5, 2.0], [-2.0, 5.0]])
    assert [name[0] for name in read.names] == ["x", "y"] and read.left_out == ["who"]
    assert read.dropped == (2 if form == {"missing": "drop"} else 0)


def test_columns_whose_names_are_numbers_are_used_when_they_are_named(tmp_path):
    read = read_columns(csv_file(tmp_path, "who,2019,2020\na,1,2\nb,3,4\n"), ["2020", "2019"])
    np.testing.assert_array_equal(read.points, [[2.0, 1.0], [4.0, 3.0]])


def test_what_is_left_out_is_said(tmp_path, capsys):
    path = csv_file(tmp_path, "a,who\x1b[31m,\n2,x,\nNA,y,\n2,z,\n")
    options = ["--missing", "drop", "--sigma", "1", "--only", "mixture_integrates"]
    assert main(["verify", "--data", path, *options]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert "2 of 3 rows" in first and "1 dropped where a cell is missing" in first
    assert "a without who\\x1b[31m, (no name), sigma" in first


def test_sigma_and_spread(tmp_path):
    data = user_data(csv_file(tmp_path, "a,b\n0,0\n4,2\n"), sigma=1.0)
    assert data.spread == pytest.approx(np.sqrt(2.5)) and data.sigma == 1.0
    np.testing.assert_allclose(data.density.covs, np.stack([np.eye(2) / 2.5] * 2))
    np.testing.assert_allclose(data.density.means, np.array([[-2, -1], [2, 1]]) / np.sqrt(2.5))
    assert user_data(csv_file(tmp_path, "a\n0\n4\n")).sigma == pytest.approx(0.6)


def test_rows_beyond_the_limit_are_spread_evenly(tmp_path):
    text = "a\n" + "\n".join(map(str, range(901)))
    data = user_data(csv_file(tmp_path, text))
    assert (data.rows, data.used) == (901, 300)
    ends = data.density.means[[0, -1], 0] * data.spread
    assert ends[1] - ends[0] == pytest.approx(900)


def test_a_reader_that_stops_early_is_no_error():
    command = [sys.executable, "-m", "refebm", "list"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()


def test_rows_of_equal_points_are_data_too(tmp_path, capsys):
    assert (
        main(["verify", "--data", csv_file(tmp_path, "a\n2\n2\n"), "--sigma", "1", "--only", "mixture_integrates"]) == 0
    )


BAD_CALLS = {
    "unknown theorem": (["verify", "--only", "nonsense"], "E-NONE.*nonsense"),
    "case of several theorems": (["verify", "--only", "implicit", "--case", "1"], "E-CASE.*one theorem"),
    "case of text": (["verify", "--only", "implicit_is_explicit", "--case", "1,x"], "E-CASE.*1,x"),
    "case out of range": (["verify", "--only", "implicit_is_explicit", "--case", "7"], "E-CASE.*integer 1.*1 to 2.*7"),
    "no cases": (["verify", "--cases", "0"], "E-COUNT"),
    "negative seed": (["verify", "--seed", "-1"], "E-COUNT"),
    "no processes": (["verify", "--jobs", "0"], "E-COUNT.*--jobs"),
    "no durations": (["verify", "--durations", "-1"], "E-COUNT.*--durations"),
    "quick and so many": (["verify", "--quick", "--cases", "9"], "E-OPTION.*--quick.*--cases"),
    "no folder": (["verify", "--json", "/nonexistent/out.json"], "E-FILE.*nonexistent"),
    "json is a folder": (["verify", "--json", "."], "E-FILE.*folder"),
    "data of no name": (["verify", "--data", ""], "E-FILE"),
    "columns of nothing": (["verify", "--columns", "a"], "E-OPTION.*--columns goes with --data"),
    "case and json": (["verify", "--only", "tweedie", "--case", "1", "--json", "x.json"], "E-OPTION.*--json"),
    "controls on data": (["verify", "--controls", "--data", "x.csv"], "E-OPTION.*--data"),
    "nothing listed": (["list", "nonsense"], "E-NONE"),
    "nothing shown": (["show", "nonsense"], "E-NONE"),
    "an empty name": (["show", " "], "E-OPTION"),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls(name, capsys):
    import re

    arguments, pattern = BAD_CALLS[name]
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(pattern, captured.err), captured.err


class Terminal(io.StringIO):
    def isatty(self):
        return True


def one_screen(monkeypatch):
    """Where both what is printed and what is told appear."""
    terminal = Terminal()
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(sys, stream, terminal)
    return terminal


def test_a_terminal_is_told_how_far_it_is(monkeypatch):
    """On a line that is wiped before anything else is printed."""
    screen = one_screen(monkeypatch)
    monkeypatch.setattr("refebm.progress.SECONDS_BETWEEN_LINES", -1)  # as if each theorem took long
    assert main(["verify", "--only", "tweedies", "--cases", "2"]) == 0
    header, *lines, summary = screen.getvalue().split("\n")[:-1]
    assert header.startswith("4 theorems") and summary.startswith("4 of 4 theorems hold")
    for i, line in enumerate(lines):
        counter, wiped, printed = line.partition("\r\x1b[K")
        assert counter.startswith(f"\r{i} of 4 theorems") and wiped and printed.startswith("ok  tweedies_")


def test_elsewhere_nothing_is_told(capsys):
    assert main(["verify", "--only", "tweedies", "--cases", "2"]) == 0
    assert capsys.readouterr().err == ""


def test_an_interrupt_wipes_the_counter_first(monkeypatch):
    def interrupted(theorems, texts, jobs, tick, **drawn):
        tick([])
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr("refebm.verify.command.run_all", interrupted)
    screen = one_screen(monkeypatch)
    assert main(["verify", "--only", "tweedies"]) == 130
    assert "\r\x1b[Kinterrupted: 0 of 4 theorems are done\n" in screen.getvalue()


def test_the_time_that_is_left(monkeypatch):
    """What is done took so long, and the rest has as many expected seconds again."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    pair = [THEOREMS["tweedies_mean_is_bayes"], THEOREMS["tweedies_covariance_is_bayes"]]
    counter = Counter(pair, {"cases": 4})
    counter.line.began -= 30
    counter.tell(pair[:1])
    assert sys.stderr.getvalue().startswith("\r1 of 2 theorems, about 30 s left, ")


def test_durations(capsys):
    assert main(["verify", "--only", "tweedies", "--cases", "2", "--durations", "3"]) == 0
    head, *slowest, summary = capsys.readouterr().out.splitlines()[5:]
    assert head == "slowest:" and len(slowest) == 3 and summary.startswith("4 of 4")
    seconds = [float(line.split()[0]) for line in slowest]
    assert seconds == sorted(seconds, reverse=True) and all(line.split()[2].startswith("tweedies_") for line in slowest)


def test_an_interrupt_ends_with_what_held_so_far(monkeypatch, tmp_path, capsys):
    def interrupted(theorems, *given, **drawn):
        yield run(theorems[0], 0, 3)
        yield run(THEOREMS["tweedies_covariance_is_bayes"], 0, 3)
        raise KeyboardInterrupt

    make_red(monkeypatch)
    monkeypatch.setattr("refebm.verify.command.run_all", interrupted)
    assert main(["verify", "--only", "tweedies", "--json", str(tmp_path / "out.json")]) == 130
    captured = capsys.readouterr()
    assert "interrupted: 2 of 4 theorems are done\n" in captured.out
    assert "refebm verify --only tweedies_mean_is_bayes --case=" in captured.out
    assert captured.out.splitlines()[-1].startswith("1 of 2 theorems hold: 6 cases")
    assert captured.err == "refebm: interrupted\n" and not (tmp_path / "out.json").exists()
