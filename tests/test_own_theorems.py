"""Theorems of a user's file: judged as ours, kept apart from them, and what is wrong with one is said by its line."""

import importlib
import json
import re
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from refebm.cli import main
from refebm.glossary import InputError
from refebm.identities import THEOREMS
from refebm.identities.own import load, read
from refebm.identities.parallel import _result
from refebm.verify.command import EXAMPLE

HEAD = """
import autograd.numpy as np
from refebm import DomainError, Gaussian, Model
from refebm.identities import Draw, Limit, Sampled, Sides, expect, theorem, wrong


def double(x):
    return 2 * x


def number(draw):
    return {"x": draw.reals((2,), 1.0, 3.0)}

"""
GOOD = (
    HEAD
    + '''
@theorem("here", kind="pointwise", about="double", case=number)
def doubling_adds(impl, x):
    """2 x = x + x.

    2x = x + x"""
    return Sides([impl.double(x)], [x, x])


@wrong(double)
def squared(x):
    """The square. Of 2 it is the same."""
    return x**2
'''
)


@pytest.fixture
def file(tmp_path):
    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def ours():
    return list(THEOREMS)


def test_the_example(file, capsys):
    """As the template prints it: it holds, each of its theorems notices what is wrong, and it is no theorem of ours."""
    before = ours()
    assert main(["verify", "--template"]) == 0
    printed = capsys.readouterr().out
    assert printed == EXAMPLE.read_text()
    path = file(printed)
    assert main(["verify", path, "--cases", "5"]) == 0
    header, *lines, summary = capsys.readouterr().out.splitlines()
    assert header.startswith("2 theorems, 12 cases, seed 0")
    assert [line.split()[1] for line in lines] == ["tempered_loss_of_a_gaussian", "tempered_loss_is_a_distance"]
    assert summary.startswith("2 of 2 theorems hold: 12 cases")
    for name in ("tempered_loss_of_a_gaussian", "tempered_loss_is_a_distance"):
        assert main(["verify", path, "--controls", "--only", name]) == 0
        out = capsys.readouterr().out
        assert f"| tempered_score_matching: beta for beta squared | {name} | 100% |" in out
        assert "1 of 1 wrong versions are rejected" in out
    assert ours() == before


def test_theorems_of_somebody_who_read_the_help(capsys):
    """About Student's t: they hold, they reject their own wrong version, and they show which of refebm's they miss."""
    path = str(Path(__file__).with_name("student_theorems.py"))
    assert main(["verify", path, "--cases", "4"]) == 0
    assert "2 of 2 theorems hold: 8 cases" in capsys.readouterr().out
    assert main(["verify", path, "--controls"]) == 0
    out = capsys.readouterr().out
    assert "| student_loss: The slope with nu + t^2 for nu - t^2 | loss_of_student | 100% |" in out
    assert "| StudentT.score: no scale | score_of_student | 0% |" in out  # it asks at scale 1 alone


def test_shards_of_a_file(file, tmp_path, capsys):
    """They are of one text of it."""
    parts = [str(tmp_path / f"{k}.json") for k in (1, 2)]
    for k, part in enumerate(parts, 1):
        assert main(["verify", file(GOOD), "--shard", f"{k}/2", "--json", part]) == 0
    capsys.readouterr()
    assert main(["verify", "--merge", *parts]) == 0
    assert "1 of 1 theorems hold: 100 cases" in capsys.readouterr().out
    assert main(["verify", file(GOOD + "\n"), "--shard", "2/2", "--json", parts[1]]) == 0
    assert main(["verify", "--merge", *parts]) == 2
    assert "E-MERGE" in capsys.readouterr().err


def test_a_red_theorem_replays(file, capsys):
    """With the file in the command, from the integers."""
    path = file(GOOD.replace("2 * x", "2 * x + 1e-9 * (x > 2.5)"))
    assert main(["verify", path]) == 1
    out = capsys.readouterr().out
    assert "RED doubling_adds" in out and "0 of 1 theorems hold: 100 cases" in out
    command = next(line for line in out.splitlines() if line.startswith("  refebm verify"))
    assert main(command.split()[1:]) == 1
    assert "2 x = x + x.\n2x = x + x\nRED" in capsys.readouterr().out
    assert main(["verify", path, "--only", "doubling_adds", "--case", "0,0"]) == 0


def test_options_that_go_with_a_file(file, tmp_path, capsys):
    out = tmp_path / "out.json"
    path = file(GOOD)
    assert main(["verify", path, "--seed", "3", "--cases", "7", "--only", "doubling", "--json", str(out)]) == 0
    content = json.loads(out.read_text())
    (record,) = content["theorems"]
    assert (record["name"], record["cases"], record["about"]) == ("doubling_adds", 7, ["double"])
    assert list(content["options"]["files"]) == ["mine.py"] and content["seed"] == 3
    assert main(["verify", path, "--json", path]) == 2
    assert "E-" in capsys.readouterr().err and (tmp_path / "mine.py").read_text() == GOOD


def test_processes_change_nothing(file, tmp_path, monkeypatch, capsys):
    """Each has the file as it was, and a part of a theorem's cases."""
    path = file(GOOD.replace("doubling_adds", "first") + GOOD[len(HEAD) :].replace("doubling_adds", "second"))
    monkeypatch.setattr("refebm.identities.parallel.PIECE", 0.1)
    for jobs in ("1", "2"):
        assert main(["verify", path, "--jobs", jobs, "--json", str(tmp_path / f"{jobs}.json")]) == 0
    out = capsys.readouterr().out
    assert "2 processes" in out and out.count("2 of 2 theorems hold: 200 cases") == 2
    assert (tmp_path / "1.json").read_text() == (tmp_path / "2.json").read_text()


def test_a_process_that_is_ended():
    future = Future()
    future.set_exception(BrokenProcessPool("gone"))
    with pytest.raises(InputError, match=r"E-PROCESS: .*--jobs 1"):
        _result(future)


def test_on_data(file, tmp_path, capsys):
    (tmp_path / "points.csv").write_text("a\n1\n2.5\n4\n")
    assert main(["verify", file(EXAMPLE.read_text()), "--data", str(tmp_path / "points.csv")]) == 0
    out = capsys.readouterr().out
    assert "tempered_loss_is_a_distance" in out and "3 rows" in out and "tempered_loss_of" not in out


OF_TWEEDIE = (
    HEAD
    + '''
@theorem("Efron 2011", kind="pointwise", about="tweedie_mean double", case=number)
def tweedie_of_a_gaussian(impl, x):
    """y + s(y) = y/2 for the score of N(0, 2) and sigma = 1; double twice that.

    y"""
    score = impl.score(Model("quadratic", {"mean": np.zeros(1), "precision": 0.5 * np.eye(1)}))
    mean = impl.tweedie_mean(score, x[:, None], 1.0)
    return Sides([impl.double(mean)], [2 * x[:, None], -x[:, None]])
'''
)
ADAPTER = "def tweedie_mean(score, y, sigma):\n    return y + 2 * sigma**2 * score(y)\n"


def test_on_an_adapter(file, capsys):
    """Which lacks the user's own function, and has a public one that the theorem is about too."""
    path, adapter = file(OF_TWEEDIE), file(ADAPTER, "adapter.py")
    assert main(["verify", path, "--cases", "3"]) == 0
    assert main(["verify", path, "--impl", adapter, "--cases", "3"]) == 1
    out = capsys.readouterr().out
    assert "1 theorems are about them" in out and "0 of 1 theorems hold: 3 cases" in out
    command = next(line for line in out.splitlines() if line.startswith("  refebm verify"))
    assert command.startswith(f"  refebm verify {path} --impl {adapter} --only tweedie_of_a_gaussian --case=")


def test_controls_put_in_the_wrong_versions_of_refebms_functions_too(file, capsys):
    assert main(["verify", file(OF_TWEEDIE), "--controls"]) == 0
    out = capsys.readouterr().out
    assert "| tweedie_mean: " in out and "RED" not in out


def test_controls_are_red_where_a_wrong_version_lives(file, capsys):
    text = GOOD.replace("x**2", "2 * x")
    assert main(["verify", file(text), "--controls"]) == 1
    out = capsys.readouterr().out
    assert "RED | double: The square. Of 2 it is the same | doubling_adds | 0% |" in out
    assert "theorems that no wrong version turns red: doubling_adds" in out
    second = (
        GOOD[GOOD.index("@wrong") :].replace("squared", "tripled").replace("x**2", "3 * x").replace("The square", "3")
    )
    assert main(["verify", file(text + second), "--controls"]) == 1  # though another version is rejected
    out = capsys.readouterr().out
    assert "1 of 2 wrong versions are rejected" in out and "no wrong version turns red" not in out
    assert main(["verify", file(GOOD.partition("@wrong")[0]), "--controls"]) == 1
    assert "@wrong(f)" in capsys.readouterr().out


def test_a_wrong_version_is_rejected_on_each_side_of_a_user_file(file, capsys):
    assert main(["verify", file(GOOD), "--controls"]) == 0
    assert "| double: The square. Of 2 it is the same | doubling_adds | 100% |" in capsys.readouterr().out


def test_a_plain_import_leaves_ours_alone(file, tmp_path, monkeypatch):
    file(GOOD, "imported_plainly.py")
    monkeypatch.syspath_prepend(tmp_path)
    before, module = ours(), importlib.import_module("imported_plainly")
    assert [theorem.name for theorem in module.__theorems__] == ["doubling_adds"] and ours() == before


def test_a_file_that_changes_is_loaded_again(file):
    first = load(read([file(GOOD)])).theorems
    second = load(read([file(GOOD.replace("doubling_adds", "other_name"))])).theorems
    assert list(first) == ["doubling_adds"] and list(second) == ["other_name"]


def changed(*texts):
    text = GOOD
    for was, becomes in zip(texts[::2], texts[1::2]):
        assert was in text
        text = text.replace(was, becomes)
    return text


LINE = GOOD[: GOOD.index("@theorem")].count("\n") + 1
AT = rf"mine\.py:{LINE}: doubling_adds "
STATISTICAL = ('kind="pointwise"', 'kind="statistical"')
BAD = {
    "no such file": (None, r"E-FILE: there is no file .*mine\.py"),
    "syntax": (changed("return Sides(", "return Sides(("), rf"E-IMPORT: .*mine\.py:{LINE + 5} in"),
    "import of nothing": (
        "import no_such_thing\n",
        r"E-IMPORT.*\n  mine\.py:1 in <module>\n    import no_such_thing\nMod",
    ),
    "it ends": ("raise SystemExit(0)", r"E-IMPORT.*mine\.py:1.*SystemExit: 0"),
    "a zero byte": ("a = 1\0", "E-IMPORT"),
    "an error in a function": (
        "def f():\n    return 1 / 0\n\n\nf()\n",
        r"E-IMPORT: mine.py does not.*  mine\.py:5 in <module>\n    f\(\)\n  mine\.py:2 in f\n    return 1 / 0\nZero",
    ),
    "no theorem": (HEAD, "E-NONE: mine.py has no theorem.*--template"),
    "an empty file": ("", "E-NONE: mine.py has no theorem"),
    "a name twice": (GOOD + GOOD[len(HEAD) :], rf"E-NAME: mine\.py:\d+: doubling_adds is .*, at mine\.py:{LINE}"),
    "an unknown kind": (changed("pointwise", "pointwize"), rf"E-IMPORT.*mine\.py:{LINE} .*E-KIND.*did you mean point"),
    "no docstring": (re.sub(r'"""2 x.*?"""', "pass", GOOD, flags=re.DOTALL), rf"E-STATEMENT: {AT}"),
    "about nothing": (changed('about="double"', 'about=""'), rf"E-ABOUT: {AT}is about no function"),
    "about a misspelt function": (
        changed('about="double"', 'about=""').replace("impl.double(x)", "impl.implicit_score_matchin(x)"),
        rf"E-ABOUT: {AT}is about no function: .*; did you mean implicit_score_matching",
    ),
    "about what is not": (
        changed('about="double"', 'about="doubel"'),
        rf"E-ABOUT: {AT}is about doubel, which neither .*did you mean double\?",
    ),
    "a limit of no list": (changed("pointwise", "limit"), rf"E-KIND: {AT}"),
    "no dimension in the plane": (
        changed("case=number)", "case=number, plane=True)"),
        rf"E-RAISES: {AT}raises, making a case\n  mine\.py:12 in number\n.*E-PLANE: .* begin with draw.dimension",
    ),
    "in the plane of a list": (
        changed("case=number)", "case=number, plane=True, cases=3)"),
        rf"E-KIND: {AT}has a fixed list of cases, and none of them in the plane",
    ),
    "no dict": (changed('{"x": draw.reals((2,), 1.0, 3.0)}', "draw.real(1, 2)"), rf"E-DRAWN: {AT}.*got float"),
    "a case that raises": (
        changed("1.0, 3.0", "1.0, high"),
        rf"E-RAISES: {AT}raises, making a case\n  mine\.py:12 in number\n    return .*\nNameError",
    ),
    "an argument that is not drawn": (
        changed("(impl, x)", "(impl, x, sigma)"),
        rf"E-ARGUMENT: {AT}takes x, sigma, its case has x: missing a required argument: 'sigma'",
    ),
    "an argument that is not taken": (
        changed('{"x"', '{"y": 1.0, "x"'),
        rf"E-ARGUMENT: {AT}takes x, its case has y, x: got an unexpected keyword argument 'y'",
    ),
    "no sides": (changed("return Sides([impl", "None  # ([impl"), rf"E-SIDES: {AT}must return Sides\(...\).*NoneType"),
    "a tuple": (changed("return Sides(", "return ("), rf"E-SIDES: {AT}must return Sides\(...\).*got tuple"),
    "sides of arrays": (changed("[impl.double(x)]", "impl.double(x)"), rf"E-SIDES: {AT}.*its left is array"),
    "sides of words": (changed("[x, x]", "['x']"), rf"E-SIDES: {AT}.*its right is \['x'\]"),
    "a change in words": (changed("[x, x]", "[x, x], 'no'"), rf"E-SIDES: {AT}.*change is a number; it is 'no'"),
    "a change of each term": (changed("[x, x]", "[x, x], 0 * x"), rf"E-SIDES: {AT}.*change is a number"),
    "shapes that do not go together": (changed("[x, x]", "[x, x[:1], np.ones(3)]"), rf"E-SIDES: {AT}.*\n  --case="),
    "no terms": (changed("Sides([impl.double(x)], [x, x])", "Sides([], [])"), rf"E-SIDES: {AT}.*nothing is compared"),
    "terms at no points": (changed("[x, x]", "[np.zeros((0, 2))]"), rf"E-SIDES: {AT}.*nothing is compared"),
    "statistics of sides": (changed(*STATISTICAL), rf"E-SIDES: {AT}must return Sampled.* got Sides"),
    "too many means": (
        changed(*STATISTICAL, "Sides([impl.double(x)], [x, x])", "Sampled(np.ones(21), np.ones(21), np.ones(21))"),
        rf"E-STATISTICS: {AT}compares 21 means",
    ),
    "it refuses what it draws": (
        changed("    return Sides(", "    if x[0] > 2: raise DomainError('E-DOMAIN', 'x')\n    return Sides("),
        rf"E-DRAWN: {AT}draws a case outside its own condition, refused: E-DOMAIN: x.*\n  --case=",
    ),
    "refebm refuses what it draws": (
        changed("return Sides([impl.double(x)]", "return Sides([Gaussian(0.0, -x[0]).mean]"),
        rf"E-RAISES: {AT}raises, on a case of its own\n  mine\.py:{LINE + 5} in .*E-DEFINITE.*\n  --case=",
    ),
    "it raises": (
        changed("impl.double(x)", "impl.double(x, x)"),
        rf"E-RAISES: {AT}raises, on a case of its own\n  mine\.py:{LINE + 5} in doubling_adds\n .*\nTypeError",
    ),
    "it leaves": (changed("return Sides(", "raise SystemExit(0)\n    return Sides("), rf"E-RAISES: {AT}"),
    "what nobody has": (changed("impl.double", "impl.dubble"), rf"E-RAISES: {AT}.*\n.*\n.*\nAttributeError"),
    "a wrong version of what no theorem is about": (
        changed('about="double"', 'about="score_of"'),
        r"E-ABOUT: mine\.py:\d+: squared is a wrong version of double, which no theorem",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file(name, file, tmp_path, capsys):
    """Nothing is printed but the header, nothing is written, and no line of refebm's own is shown."""
    text, pattern = BAD[name]
    path = file(text) if text is not None else str(tmp_path / "mine.py")
    out = tmp_path / "out.json"
    assert main(["verify", path, "--json", str(out)]) == 2
    captured = capsys.readouterr()
    assert re.search(pattern, captured.err, flags=re.DOTALL), captured.err
    assert "Traceback" not in captured.err and "own.py" not in captured.err and not out.exists()
    assert len(captured.out.splitlines()) <= 1


def test_what_stands_beside_a_file_is_shown_too(file, capsys):
    file("def half(x):\n    return x[5] / 2\n", "helper_of_mine.py")
    path = file("import helper_of_mine\n" + GOOD.replace("[x, x]", "[x, helper_of_mine.half(x)]"))
    assert main(["verify", path]) == 2
    said = capsys.readouterr().err
    assert re.search(r"  mine\.py:\d+ in doubling_adds\n.*\n  helper_of_mine\.py:2 in half\n    return x\[5\]", said)


def test_other_bad_files(file, tmp_path, capsys):
    one, two = file(GOOD), file(GOOD, "two.py")
    (tmp_path / "folder").mkdir()
    file(GOOD, "folder/mine.py")
    several = "\n".join(GOOD[len(HEAD) :].replace("doubling_adds", f"t{i}").partition("@wrong")[0] for i in range(6))
    many = file(HEAD + several.replace("pointwise", "statistical"), "many.py")
    for arguments, pattern in (
        ([one, two], r"E-NAME: two\.py:\d+: doubling_adds is the name of another theorem too, at mine\.py"),
        ([one, one], "E-NAME.*named twice"),
        ([one, str(tmp_path / "." / "mine.py")], "E-NAME.*named twice"),
        ([one, str(tmp_path / "folder" / "mine.py")], "E-NAME: two files are called mine.py"),
        ([file("x", "mine.txt")], "E-FILE.*Python file"),
        ([str(tmp_path)], "E-FILE"),
        ([many], r"E-STATISTICS: many\.py:\d+: .*5 statistical theorems of a run, there are 6"),
        ([one, "--only", "doubling_ads"], "E-NONE.*did you mean doubling_adds"),
        ([one, "--only", "implicit_is_explicit"], "E-NONE"),
        ([one, "--template"], "E-OPTION: --template does not go with FILE.py"),
        ([one, "--case", "1", "--cases", "3"], "E-OPTION.*--cases"),
        ([one, "--only", "doubling_adds", "--case", "5000"], "^refebm: E-CASE.*-1000 to 1000"),
    ):
        assert main(["verify", *arguments]) == 2
        assert re.search(pattern, capsys.readouterr().err), arguments


def test_outside_its_conditions(file, capsys):
    text = GOOD.replace("case=number)", "case=number, outside={'a word': lambda: {'x': CASE}})")
    assert main(["verify", file(text.replace("CASE", "np.array([np.inf])"))]) == 0
    assert "1 outside" in capsys.readouterr().out
    assert main(["verify", file(text.replace("CASE", "np.ones(1)"))]) == 1
    assert "holds outside its conditions: a word" in capsys.readouterr().out
    assert main(["verify", file(text.replace("CASE", "np.one(1)"))]) == 2
    assert "E-RAISES: mine.py" in capsys.readouterr().err
