"""Golden vectors: two oracles agree, the files read back to the last bit, and answers to them are examined."""

import inspect
import json
import os
import re

import numpy as np
import pytest

import refebm
from refebm import glossary
from refebm.cli import main
from refebm.crosscheck.answers import read
from refebm.crosscheck.questions import EXAMINED, GRADIENTS, WHOLE, questions, row_alone
from refebm.crosscheck.vectors import (
    arguments_from_json,
    digest,
    disagreement,
    document,
    forms,
    leaves,
    plain,
    reference,
    vectors,
    write,
)
from refebm.crosscheck.verdict import ALONE
from refebm.glossary import InputError
from refebm.models import ENERGIES, KINDS, RBMS, Model, Models
from refebm.variants.arguments import ADJUSTED, DIAGNOSTICS, GRID, types


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vectors")
    list(write(folder))
    return folder


def test_vectors_are_written_over_vectors(folder):
    (folder / "tweedie_mean.json").write_text("")
    (folder / "score_of.json").write_text(json.dumps({"vectors": [1]}))
    before = (folder / "langevin_step.json").read_text()
    assert len(list(write(folder))) == len(list(folder.iterdir()))
    assert (folder / "langevin_step.json").read_text() == before
    for name in ("tweedie_mean", "score_of"):
        assert json.loads((folder / f"{name}.json").read_text())["function"] == name


@pytest.mark.parametrize("text", ['{"answers": {}}', '{"vectors": [1], "answers": {}}', "{", "[]", "\udcff"])
@pytest.mark.parametrize("name", ["tweedie_mean.json", "FORMAT.md"])
def test_what_holds_no_vectors_is_not_written_over(name, text, tmp_path):
    (tmp_path / name).write_text(text, errors="surrogateescape")
    with pytest.raises(InputError, match=f"E-FOLDER: .*{name} holds no vectors"):
        list(write(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text(errors="surrogateescape") == text


@pytest.mark.parametrize("function", EXAMINED)
def test_the_two_oracles_agree(function):
    assert max(map(disagreement, vectors(function))) <= 1
    assert [vector.shapes for vector in vectors(function)] == [reference(one.asked)[1] for one in vectors(function)]


@pytest.mark.parametrize("function", EXAMINED)
def test_questions_are_many_and_of_all_sorts(function):
    asked = questions(function)
    pixels = glossary.Images in types(function).values()
    wanted = {4, 16} if pixels else {2, 3, 5} | ({1} if "RealNVP" not in function else set())
    assert {one.given["d"] for one in asked} >= wanted
    assert len(asked) >= 10 and len({one.id for one in asked}) == len(asked)
    assert abs(sum(one.confirms for one in asked) - len(asked) / 2) <= 1
    assert (function in GRADIENTS) == any(one.gradient for one in asked)
    if function not in WHOLE or function in DIAGNOSTICS:
        assert {one.given["n"] for one in asked} >= {1, 3, 4}


def test_every_kind_of_model_is_asked_about():
    asked = {one.arguments[one.model].kind for f in EXAMINED for one in questions(f) if one.model}
    assert asked == set(KINDS)


@pytest.mark.parametrize("function", EXAMINED)
def test_inputs_are_exact_in_eight_bits(function):
    """All but the defaults in the questions with the usual numbers, such as 0.008: those are what they are."""
    for one in (one for one in questions(function) if one.given["grid"] == GRID):
        usual = defaults(function) if "the usual numbers" in one.catches else set()
        for number in leaves(plain(one.arguments)):
            if isinstance(number, float) and abs(number) < 1e300 and number not in usual:  # more is a wall
                whole = abs(number) * GRID
                assert whole == int(whole) and int(whole) >> max(0, int(whole).bit_length() - 8) << max(
                    0, int(whole).bit_length() - 8
                ) == int(whole), number


def defaults(function):
    return {one.default for one in inspect.signature(getattr(refebm, function)).parameters.values()}


def test_no_question_stands_at_a_kink():
    """There a score is a matter of taste."""
    for function in EXAMINED:
        for one in questions(function):
            model = one.arguments.get(one.model)
            laplace = model is not None and model.kind == "laplace"
            if laplace or function.startswith("Laplace"):
                given = model.parameters if laplace else one.arguments["density"]["parameters"]
                assert not np.any(one.arguments["x"] == given["loc"])


def steps(function):
    """Each question of a kernel that accepts or rejects, and refebm's Step."""
    return [(one, getattr(refebm, function)(*one.arguments.values())) for one in questions(function)]


SAFE = 20 * 64 * 2.0**-24  # many times what float32 may be off, by the unit of what is added up


@pytest.mark.parametrize("function", ADJUSTED)
def test_no_decision_stands_within_rounding_of_its_threshold(function):
    for one, step in steps(function):
        energy, error = one.arguments["energy"](one.arguments["x"]), step.info.energy_error
        noise = one.arguments.get("z", one.arguments.get("p"))
        added_up = 1 + 2 * np.abs(energy) + np.abs(error) + np.sum(noise**2, axis=1)
        margin = np.abs(np.log(one.arguments["u"]) + error)
        assert np.all((margin > SAFE * added_up) | ~np.isfinite(error)), one.id


def test_no_unit_stands_within_rounding_of_its_threshold():
    for one in questions("gibbs_step"):
        model, v, u_h, u_v = one.arguments.values()
        rbm = RBMS[model.kind](*model.parameters.values())
        margins = [u_h - rbm.hidden_mean(v)]
        if model.kind == "binary_rbm":
            margins.append(u_v - rbm.visible_mean(rbm.hidden_given(v, u_h)))
        assert all(np.all(np.abs(margin) > SAFE) for margin in margins), one.id


@pytest.mark.parametrize("function", ADJUSTED)
def test_both_halves_accept_and_reject(function):
    """Also far out, and by all probabilities."""
    for half in (False, True):
        found = [(one, step.info) for one, step in steps(function) if one.confirms == half]
        accepted = np.concatenate([info.accepted for _, info in found])
        assert 0.2 < np.mean(accepted) < 0.9
        assert {bool(a) for one, info in found if one.given["reach"] > 1 for a in info.accepted} == {False, True}
        chances = np.concatenate([info.acceptance for _, info in found])
        assert np.mean((chances > 0.01) & (chances < 1)) > 0.3 and np.any(chances == 1)


def test_files_read_back_to_the_last_bit(folder):
    assert sum(path.stat().st_size for path in folder.iterdir()) < 20_000 * len(EXAMINED)
    assert {path.name for path in folder.iterdir()} == {f"{function}.json" for function in EXAMINED} | {"FORMAT.md"}
    for function in EXAMINED:
        content = json.loads((folder / f"{function}.json").read_text())
        assert content["digest"] == digest(function) and content["function"] == function
        for vector, row in zip(vectors(function), content["vectors"], strict=True):
            np.testing.assert_array_equal(leaves(row["value"]), vector.value)
            np.testing.assert_array_equal(leaves(row["scale"]), vector.scale)
            assert row["arguments"] == plain(vector.asked.arguments)
            if vector.gradient is not None:
                np.testing.assert_array_equal(leaves(row["gradient"]), vector.gradient)


def test_questions_are_read_back_by_the_types_of_their_arguments(folder):
    """As they were asked: the same models, arrays of the same dtype, tuples where there were tuples."""
    for function in EXAMINED:
        content = json.loads((folder / f"{function}.json").read_text())
        for one, row in zip(questions(function), content["vectors"], strict=True):
            assert built(arguments_from_json(function, row["arguments"])) == built(one.arguments), (function, one.id)


@pytest.mark.parametrize("function", EXAMINED)
def test_what_a_model_is_in_json_is_told_by_its_form(function):
    """As FORMAT.md says: functions of points, and machines; a function of images is one for each grid."""
    told = forms(function)
    for name, value in questions(function)[0].arguments.items():
        form = told.get(name, "")
        of_points = form.startswith("(n, d)") and " -> " in form
        assert isinstance(value, Model) == (of_points or "Boltzmann machine" in form)
        assert isinstance(value, Models) == (form.startswith("a tuple of") and " -> " in form)
        if isinstance(value, Model):
            kinds = {vector.asked.arguments[name].kind for vector in vectors(function)}
            assert kinds <= {*ENERGIES, "log_density"} or "-> (n,)" not in form, (name, kinds)


def built(value):
    """What a value is made of, and of what types; numbers of Python and of NumPy are alike."""
    if isinstance(value, Model):
        return value.kind, built(value.parameters)
    if isinstance(value, dict):
        return {name: built(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return type(value), [*map(built, value)]
    array = np.asarray(value)
    return array.dtype, array.shape, array.tolist()


def test_written_again_they_are_the_same(folder, tmp_path):
    assert main(["vectors", str(tmp_path)]) == 0
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()
    assert not list(tmp_path.glob("*.partial"))


def test_oracles_that_do_not_agree_write_nothing(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("refebm.crosscheck.vectors.disagreement", lambda vector: 1.5)
    assert main(["vectors", str(tmp_path)]) == 2
    assert "E-ORACLE: refebm is 1.5 tolerances from the independent values" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_question_without_an_independent_value_is_an_error(monkeypatch):
    from refebm.crosscheck import vectors as module

    table = module.independent()
    other = table | {"tweedie_mean": table["tweedie_mean"] | {"03": table["tweedie_mean"]["04"]}}
    for known in ({}, other):
        monkeypatch.setattr(module, "independent", lambda known=known: known)
        module._golden.cache_clear()
        with pytest.raises(InputError, match="no independent values"):
            vectors("tweedie_mean")
    module._golden.cache_clear()


def answers_to(function, folder, **changes):
    """Answers that are right, as a program might write them."""
    content = document(function)
    answers = {row["id"]: {"value": row["value"]} for row in content["vectors"]}
    return {"function": function, "digest": content["digest"], "answers": answers} | changes


def examine(folder, capsys):
    status = main(["crosscheck", "--answers", str(folder), "--json", str(folder / ".." / "findings.json")])
    capsys.readouterr()
    findings = json.loads((folder / ".." / "findings.json").read_text())["findings"] if status < 2 else []
    return status, {f["function"]: f for f in findings if f["status"] != "unsupported"}


def nested(content, depth):
    """The first answer with a gradient that is nested so deep."""
    tree = 0.0
    for _ in range(depth):
        tree = [tree]
    return content["answers"]["00"] | {"gradient": tree}


def write_answers(folder, function, content):
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / f"{function}.json").write_text(text)


@pytest.fixture
def answers(tmp_path):
    folder = tmp_path / "answers"
    folder.mkdir()
    return folder


def test_right_answers_pass(answers, capsys):
    for function in ("field_and_divergence", "geometric_noise_levels", "Gaussian.smoothed"):
        write_answers(answers, function, answers_to(function, answers))
    content = document("denoising_score_matching")
    rows = {row["id"]: {k: row[k] for k in ("value", "gradient") if k in row} for row in content["vectors"]}
    given = {"digest": content["digest"], "answers": rows}
    write_answers(answers, "denoising_score_matching", given)
    status, findings = examine(answers, capsys)
    assert status == 0 and len(findings) == 4
    assert findings["denoising_score_matching"]["gradients"] == 12


def test_the_states_alone_are_an_answer_too(answers, capsys):
    content = answers_to("mala_step", answers)
    for row in content["answers"].values():
        row["value"] = row["value"][0]
    write_answers(answers, "mala_step", content)
    status, findings = examine(answers, capsys)
    assert status == 0 and findings["mala_step"]["unsupported"] == [ALONE]
    content["answers"]["00"]["value"][0][0] += 1e-6
    write_answers(answers, "mala_step", content)
    assert examine(answers, capsys)[0] == 1


def test_answers_in_float32_and_by_their_mean(answers, capsys):
    content = answers_to("tweedie_mean", answers, dtype="float32")
    write_answers(answers, "tweedie_mean", content)
    content = answers_to("ratio_matching", answers)
    for row in content["answers"].values():
        row["value"] = float(np.mean(row["value"]))
    write_answers(answers, "ratio_matching", content)
    status, findings = examine(answers, capsys)
    assert status == 0
    assert findings["tweedie_mean"]["dtype"] == "float32" and findings["ratio_matching"]["reduction"] == "mean"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: json.dumps(c)[:-200], "is not JSON, or cut short"),
        (lambda c: "[]", 'has no object "answers" of a value for each id, as FORMAT.md'),
        (lambda c: "[" * 100_000, "is not JSON, or cut short"),
        (lambda c: c | {"dtype": "bfloat16"}, "has dtype 'bfloat16', wanted float64 or float32"),
        (lambda c: c | {"answers": {"00": {"value": [[1.0], [2.0, 3.0]]}}}, "is not of numbers"),
        (lambda c: c | {"answers": {"00": {"value": {"a": 1.0}}}}, "is not of numbers"),
        (lambda c: c | {"digest": "0" * 16}, "answers other vectors: digest '0000000000000000'"),
        (lambda c: c | {"answers": c["answers"] | {"99": {"value": 1.0}}}, "answers '99', which is not a question"),
        (lambda c: c | {"answers": {"00": {}}}, "the answer to 00 has no value"),
        (lambda c: c | {"answers": {"00": {"value": [["a"]]}}}, "is not of numbers"),
        (lambda c: c | {"answers": {"00": {"value": [1.0]}}}, "returned shape (1,), wanted"),
        (lambda c: c | {"answers": c["answers"] | {"00": {"value": None}}}, "returned shape (), wanted"),
        (lambda c: c | {"answers": c["answers"] | {"00": {"value": [["NaN"] * 3] * 4}}}, "NaN in 12 of"),
        (lambda c: c | {"answers": c["answers"] | {"00": {"value": 10**400}}}, "is not of numbers"),
        (lambda c: c | {"answers": c["answers"] | {"00": nested(c, 900)}}, "nested more than 32 deep"),
        (lambda c: json.dumps(c).replace('"01": {', '"00": {'), "tweedie_mean.json has the key '00' twice"),
        (lambda c: json.dumps(c)[:-1] + ', "digest": "0"}', "tweedie_mean.json has the key 'digest' twice"),
        (lambda c: c | {"digest": "\x1b[31m" + "x" * 10_000}, r"digest '\x1b[31mxxx"),
    ],
)
def test_bad_answers_are_reported_for_their_function_alone(answers, capsys, change, said):
    write_answers(answers, "tweedie_mean", change(answers_to("tweedie_mean", answers)))
    write_answers(answers, "Laplace.score", answers_to("Laplace.score", answers))
    status, findings = examine(answers, capsys)
    assert status == 1 and findings["Laplace.score"]["status"] == "passed"
    assert said in findings["tweedie_mean"]["diagnosis"]


@pytest.mark.parametrize("what", ["pipe", "link to a device", "folder"])
def test_what_is_no_plain_file_is_not_read(answers, capsys, what):
    path = answers / "tweedie_mean.json"
    {"pipe": os.mkfifo, "link to a device": lambda p: p.symlink_to("/dev/zero"), "folder": os.mkdir}[what](path)
    status, findings = examine(answers, capsys)
    assert status == 1 and "tweedie_mean.json is not a plain file" in findings["tweedie_mean"]["diagnosis"]


def test_questions_that_are_left_out_are_not_passed_over(answers, capsys):
    content = answers_to("tweedie_mean", answers)
    first = dict(list(content["answers"].items())[:1])
    write_answers(answers, "tweedie_mean", content | {"answers": first})
    assert main(["crosscheck", "--answers", str(answers), "--markdown", str(answers / ".." / "r.md")]) == 1
    out = capsys.readouterr().out
    assert "partly       tweedie_mean                       1 of 37 questions" in out
    assert "36 of 37 questions are not answered" in out
    assert "1 functions examined: 0 passed, 1 partly, 0 convention, 0 failed" in out
    assert "| `tweedie_mean` | partly | 1 of 37 |" in (answers / ".." / "r.md").read_text()
    rest = {number: {"unsupported": "no\x1bnetworks"} for number in list(content["answers"])[1:]}
    write_answers(answers, "tweedie_mean", content | {"answers": first | rest})
    assert main(["crosscheck", "--answers", str(answers)]) == 1
    out = capsys.readouterr().out
    assert "partly       tweedie_mean                       1 of 37 questions" in out
    assert r"unsupported in part: no\x1bnetworks" in out
    double = {"00": {"value": (2 * np.array(first["00"]["value"])).tolist()}}
    write_answers(answers, "tweedie_mean", content | {"answers": double})
    assert examine(answers, capsys)[1]["tweedie_mean"]["status"] == "failed"


def test_a_convention_of_which_a_part_was_asked(answers, capsys):
    content = answers_to("denoising_score_matching", answers)
    half = {number: {"value": [2 * v for v in row["value"]]} for number, row in content["answers"].items()}
    del half["27"]
    write_answers(answers, "denoising_score_matching", content | {"answers": half})
    status, findings = examine(answers, capsys)
    finding = findings["denoising_score_matching"]
    assert status == 1 and finding["status"] == "partly" and finding["names"] == ["no 1/2"]
    assert finding["diagnosis"].endswith("1 of 39 questions are not answered") and finding["asked"] == 39


def test_wrong_answers_are_named(answers, capsys):
    content = answers_to("denoising_score_matching", answers)
    for row in content["answers"].values():
        row["value"] = [2 * value for value in row["value"]]
    write_answers(answers, "denoising_score_matching", content)
    status, findings = examine(answers, capsys)
    assert status == 0 and findings["denoising_score_matching"]["names"] == ["no 1/2"]


def test_a_folder_without_answers(answers):
    with pytest.raises(InputError, match="E-ANSWERS"):
        list(read(answers))
    (answers / "tweedi_mean.json").write_text("{}")
    with pytest.raises(InputError, match=r"is not named after a function; tweedie_mean\.json\?"):
        list(read(answers))


@pytest.mark.parametrize("function", EXAMINED)
def test_the_words_of_types_say_how_deep_the_lists_are_nested(function):
    for vector in vectors(function):
        for name, text in forms(function).items():
            shapes = [shape.split(",") for shape in re.findall(r"\(([^()]*)\)", text)]
            value = vector.asked.arguments[name]
            depths = {sum(bool(one.strip()) for one in shape) for shape in shapes}
            assert not isinstance(value, np.ndarray) or value.ndim in depths, (name, text)


def test_the_vectors_are_no_answers_to_themselves(tmp_path):
    (tmp_path / "tweedie_mean.json").write_text(json.dumps(document("tweedie_mean")))
    with pytest.raises(InputError, match=r"E-ANSWERS: .*holds the vectors, not the answers"):
        list(read(tmp_path))


APART = {one.function: one for function in EXAMINED for one in questions(function) if "apart" in one.given}


@pytest.mark.parametrize("function", APART)
def test_rows_are_the_first_but_for_one_thing_each(function):
    """An argument, or what is last in it: all else of the argument is that of the first row."""
    asked = APART[function].arguments
    for i, thing in enumerate(APART[function].given["apart"], 1):
        first, other = row_alone(function, asked), row_alone(function, asked, i)
        name, _, place = thing.partition("[")
        assert {one for one in asked if plain(first[one]) != plain(other[one])} <= {name}, thing
        if isinstance(asked[name], tuple) and place:
            assert plain(first[name][:-1]) == plain(other[name][:-1])
        elif place:
            at = tuple(slice(None) if one == ":" else int(one) for one in place.removesuffix("]").split(", "))
            alike = np.array(other[name])
            alike[at] = first[name][at]
            np.testing.assert_array_equal(first[name], alike)


def test_things_that_rows_differ_in():
    assert APART["predictor_corrector"].given["apart"] == ("x", "z", "z[-1]", "z[:, -1]")
    assert APART["multigrid_chain"].given["apart"] == ("x", "z", "z[-1]")
    assert APART["ddpm_step"].given["apart"] == ("x", "i", "z")
    assert not {"divergence", "score_of", "kernel_stein"} & set(APART)
