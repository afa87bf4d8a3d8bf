"""A run in shards: each case once, one report in the end, and what is not of one run is refused."""

import json
import re
from itertools import combinations
from pathlib import Path

import pytest

import refebm
from refebm.cli import main, parser
from refebm.identities import THEOREMS
from refebm.identities.parallel import processes
from refebm.identities.record import Sides, Theorem
from refebm.identities.run import MOST_STATISTICAL, draws, firsts, mine, parts_of, run, together
from refebm.verify.command import _refuse_together, _see_numbers, _time
from refebm.verify.report import _see_each_once

SOME = [  # a fixed list, statistics, the plane, cases outside its conditions
    next(name for name, theorem in THEOREMS.items() if theorem.cases),
    next(name for name, theorem in THEOREMS.items() if theorem.kind == "statistical"),
    "implicit_is_explicit",
]


@pytest.mark.parametrize("n", [1, 2, 3, 7, 40])
def test_every_case_is_in_one_shard(n):
    for theorem in list(THEOREMS.values())[::20]:
        for number in range(9):
            assert sum(mine((k, n), theorem, number) for k in range(1, n + 1)) == 1
    work = [sum(mine((k, n), theorem, 0) for theorem in THEOREMS.values()) for k in range(1, n + 1)]
    assert max(work) <= 3 * len(THEOREMS) / n + 10  # first cases too are spread evenly


@pytest.mark.parametrize("name", SOME)
def test_the_shards_are_the_run(name):
    """The same verdicts of the same cases, and the same outcomes outside the conditions."""
    theorem = THEOREMS[name]
    whole = run(theorem, seed=3, cases=4)
    parts = [run(theorem, seed=3, cases=4, shard=(k, 3)) for k in (3, 1, 2)]
    found = {number: verdict for part in parts for number, verdict in zip(part.numbers, part.verdicts)}
    assert [found[i] for i in range(len(found))] == whole.verdicts and whole.numbers == list(range(len(found)))
    assert sum(len(part.verdicts) for part in parts) == len(whole.verdicts)
    assert sum(len(part.outside) for part in parts) == len(whole.outside)
    assert {key: value for part in parts for key, value in part.outside.items()} == whole.outside


def test_parts_of_a_shard_are_the_shard():
    """So the cases of one theorem are shared by several processes."""
    theorem = THEOREMS["implicit_is_explicit"]
    for shard in ((1, 1), (2, 3)):
        whole = run(theorem, cases=12, shard=shard)
        parts = [run(theorem, cases=12, shard=part) for part in parts_of(shard, 4)]
        one = together(theorem, parts[::-1])
        assert (one.verdicts, one.numbers, one.outside) == (whole.verdicts, whole.numbers, whole.outside)
        assert list(one.outside) == list(whole.outside) and one.seconds > 0


def test_how_many_processes_share_the_work(monkeypatch):
    monkeypatch.setattr("refebm.identities.parallel.cores", lambda: 7)
    one = [THEOREMS["tweedies_mean_is_bayes"]]
    assert processes(list(THEOREMS.values())) == 7 and processes(one) == 1 and processes(one, 3) == 3
    assert processes(one, cases=100_000) == 7 and processes(one, cases=100_000, shard=(1, 1000)) == 1
    assert processes(one, cases=100_000, data=object()) == 1


def test_the_budget_of_false_alarms_is_that_of_one_run():
    """However many cases and shards, all shards together make as many comparisons of means as one run."""
    for theorem in THEOREMS.values():
        if theorem.kind == "statistical":
            numbers = range(len(firsts(theorem, 1_000_000)))
            dealt = [number for k in range(1, 65) for number in numbers if mine((k, 64), theorem, number)]
            assert len(dealt) <= MOST_STATISTICAL and sorted(dealt) == list(numbers)


def test_on_data_the_one_case_is_in_one_shard():
    from refebm.truth.densities import GaussianMixture

    data = GaussianMixture([1.0], [[0.0]], 1.0)
    nothing = Theorem("t", "t", "t", "t", "t", "quadrature", (), lambda draw: {}, lambda impl: Sides([1.0], [1.0]))
    assert sum(len(run(nothing, cases=9, data=data, shard=(k, 3)).verdicts) for k in (1, 2, 3)) == 1


def test_quick_is_some_of_every_theorem():
    for theorem in THEOREMS.values():
        few = firsts(theorem, quick=True)
        assert few and few == firsts(theorem)[: len(few)]
        assert not theorem.plane or set(few) == {(1,)}


@pytest.fixture
def shards(tmp_path, capsys):
    """Paths of what three shards and the whole run wrote, with whatever else is asked."""

    def written(*more):
        paths = [str(tmp_path / f"{k}.json") for k in (1, 2, 3)]
        for k, path in enumerate(paths, 1):
            main(["verify", *more, "--shard", f"{k}/3", "--json", path])
        main(["verify", *more, "--json", str(tmp_path / "whole.json")])
        lines = capsys.readouterr().out.splitlines()
        return paths, str(tmp_path / "whole.json"), lines

    return written


def test_merged_shards_are_the_record_of_a_whole_run(shards, tmp_path, capsys):
    """To the last byte, in whatever order they are given; and the same report is printed."""
    paths, whole, lines = shards("--only", "chain", "--cases", "1", "--seed", "5")
    assert any(line.startswith("-- ") for line in lines)  # one case, three shards
    assert any("have no case in this shard" in line for line in lines)
    merged = str(tmp_path / "merged.json")
    assert main(["verify", "--merge", *paths[::-1], "--json", merged]) == 0
    out = capsys.readouterr().out.splitlines()
    assert Path(merged).read_text() == Path(whole).read_text()
    assert out[:-1] == lines[-len(out) : -1] and out[-1] == lines[-1].rpartition("; ")[0]


def test_what_is_red_in_a_shard_is_red_in_all(shards, tmp_path, monkeypatch, capsys):
    theorem = THEOREMS["implicit_is_explicit"]

    def sides(impl, model, **case):
        real = theorem.sides(impl, model=model, **case)
        return real._replace(change=1.0 if model.kind == "mixture" else real.change)

    inside = {"a word": lambda: theorem.case(next(draws(theorem, 0)))}
    changes = {"sides": sides, "outside": inside}
    monkeypatch.setitem(THEOREMS, theorem.name, Theorem(**vars(theorem) | changes))
    paths, whole, _ = shards("--only", theorem.name, "--cases", "8")
    merged = str(tmp_path / "merged.json")
    assert main(["verify", "--merge", *paths, "--json", merged]) == 1
    out = capsys.readouterr().out
    assert Path(merged).read_text() == Path(whole).read_text()
    (record,) = json.loads(Path(whole).read_text())["theorems"]
    assert 0 < len(record["failures"]) < record["cases"] == 10
    replay = f"refebm verify --only implicit_is_explicit --case={','.join(map(str, record['failures'][0]['case']))}"
    assert "RED implicit_is_explicit" in out and replay in out


def test_shards_that_are_not_of_one_run(shards, tmp_path, capsys):
    paths, whole, _ = shards("--only", "tweedies_mean_is_bayes", "--cases", "4")
    other = str(tmp_path / "other.json")

    def changed(path, **changes):
        content = json.loads(Path(path).read_text())
        content["options"] |= changes.pop("options", {})
        Path(other).write_text(json.dumps(content | changes))
        return other

    cases = [
        (paths[:2], "E-MERGE: 1 of 3 shards are missing: 3/3"),
        ([*paths, paths[0]], r"E-MERGE: .*1\.json is shard 1/3, as is .*1\.json"),
        ([*paths[:2], whole], "E-MERGE: .*whole.json is the record of a whole run"),
        ([*paths[:2], str(tmp_path / "absent")], "E-FILE.*absent"),
        (
            [*paths[:2], lambda: changed(paths[2], seed=1)],
            r"E-MERGE: .*other.json is of another run than .*1\.json: seed is 1 there",
        ),
        ([*paths[:2], lambda: changed(paths[2], refebm="0.1")], "E-MERGE: .*: refebm is 0.1 there"),
        ([*paths[:2], lambda: changed(paths[2], options={"cases": 5})], "E-MERGE: .*: options"),
        ([*paths[:2], lambda: changed(paths[2], shard=[3, 4])], r"E-MERGE: .*other.json is shard 3/4, .*1\.json 1/3"),
        ([*paths[:2], lambda: changed(paths[2], theorems=[])], "E-MERGE: the shards do not have the same theorems"),
        ([*paths[:2], lambda: changed(paths[2], theorems=[7])], "E-MERGE: .*other.json is no record"),
        ([*paths[:2], lambda: changed(paths[2], shard="3")], "E-MERGE: .*other.json is no record"),
        ([__file__], "E-MERGE: .*is no JSON"),
        ([*paths, "--cases", "3"], "E-OPTION: --merge does not go with --cases"),
        ([*paths, "--json", paths[0]], "E-FILE|E-OPTION|E-SAME"),
    ]
    before = {path: Path(path).read_text() for path in paths}
    for given, pattern in cases:
        arguments = [one() if callable(one) else one for one in given]
        assert main(["verify", "--merge", *arguments]) == 2, pattern
        captured = capsys.readouterr()
        assert re.search(pattern, captured.err) and captured.out == "", (pattern, captured.err)
    assert before == {path: Path(path).read_text() for path in paths}


def test_up_to_eight_missing_shards_are_named():
    for n, told in ((9, "7/9, 8/9$"), (10, r"7/10, 8/10 \.\.\.$")):
        with pytest.raises(
            refebm.InputError, match=f"E-MERGE: {n - 1} of {n} shards are missing: 1/{n}, 2/{n}, .*{told}"
        ):
            _see_each_once(["a.json"], [(n, n)])


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "1/0", "a/b", "1/3/5", "1/2000000", "", "1 /3", "¹/3"])
def test_a_shard_that_is_none(shard, capsys):
    assert main(["verify", "--shard", shard]) == 2
    captured = capsys.readouterr()
    assert "E-SHARD" in captured.err and captured.out == ""


def test_the_commands_of_the_page_are_commands(monkeypatch):
    """With the numbers that a matrix or an array puts in; each number of the matrix once."""
    page = (Path(refebm.__file__).parent / "book" / "shards.md").read_text()
    commands = re.findall(r"refebm verify [^`\"\n]+", page)
    assert len(commands) >= 7
    for command in commands:
        words = (
            re.sub(r"\$\{\{ matrix.shard \}\}|\$k|\$SLURM_CPUS_PER_TASK", "3", command).replace("K/N", "3/8").split()
        )
        options = parser().parse_args(words[1:])
        _refuse_together(options)
        _see_numbers(options)
    (matrix,) = re.findall(r"shard: (\[.*\])", page)
    assert json.loads(matrix) == list(range(1, 9)) and "matrix.shard }}/8" in page
    assert "--array=1-64" in page and "--shard $k/64" in page


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.1, "1 s"), (59.6, "60 s"), (200, "3 min"), (9000, "150 min"), (9200, "3 h")]
)
def test_a_time_in_words(seconds, said):
    assert _time(seconds) == said


def test_pairs_of_options_that_do_not_go_together(capsys):
    alone = {"--shard": "1/2", "--case": "1", "--quick": None, "--cases": "3", "--controls": None, "--jobs": "2"}
    bad = {frozenset(pair) for pair in combinations(alone, 2)} - {
        frozenset(pair) for pair in combinations(["--shard", "--quick", "--jobs"], 2)
    }
    bad -= {frozenset(("--shard", "--cases")), frozenset(("--cases", "--jobs"))}
    for pair in bad:
        words = [word for option in pair for word in (option, alone[option]) if word]
        assert main(["verify", "--only", "tweedies_mean_is_bayes", *words]) == 2, pair
        assert "E-OPTION" in capsys.readouterr().err
