"""What a comparison asks with somebody's own model and points: rows, noise, tolerances, and how a loss is called."""

import functools
import importlib
import inspect

import numpy as np
import pytest
from autograd import grad, make_jvp

import refebm
from refebm.crosscheck import compare
from refebm.crosscheck.frameworks.numpy import HARNESS
from refebm.crosscheck.questions import Asked
from refebm.glossary import Energy, Field, InputError
from refebm.identities import Failure

MODULE = importlib.import_module(compare.__module__)
RNG = np.random.default_rng(5)
TURN = RNG.normal(size=(3, 3))
DSM, STEP, CD = "denoising_score_matching", "langevin_step", "contrastive_divergence"


def questions(function, by_row=True, **given):
    kinds, models, given, _ = MODULE._seen(function, given)
    own = MODULE.Own(HARNESS, function, kinds, None, given, models)
    inside = {name: own.inside(name) if name not in models else given[name] for name in given}
    with MODULE._kept(HARNESS, given["x"]):
        return list(MODULE._questions(function, kinds, inside, by_row))


def rows(asked):
    return [len(one.arguments["x"]) for one in asked]


def test_all_rows_are_asked_with_new_noise_and_then_single_ones():
    """Every other question confirms; at most eight rows are asked alone."""
    for n, alone in ((6, 6), (8, 8), (11, 8), (2, 2), (1, 0)):
        x = RNG.normal(size=(n, 3))
        asked = questions(DSM, score=np.sin, x=x, sigma=0.5)
        assert rows(asked) == [n] * 4 + [1] * alone
        assert [one.id for one in asked] == [f"{i:02d}" for i in range(4 + alone)]
        assert [one.confirms for one in asked] == [i % 2 == 1 for i in range(4 + alone)]
        for i, one in enumerate(asked):
            here = slice(None) if i < 4 else slice(i - 4, i - 3)
            np.testing.assert_array_equal(one.arguments["x"], x[here])
            assert one.arguments["z"].shape == one.arguments["x"].shape and one.function == DSM
            about = {"d": 3, "n": len(x[here]), "kind": "", "reach": 1, "seed": i, "rows": here, "sigma": 0.5}
            assert {name: one.given[name] for name in about} == about and not one.gradient
        assert len({one.arguments["z"][0, 0] for one in asked}) == len(asked)
        assert rows(questions(DSM, by_row=False, score=np.sin, x=x, sigma=0.5)) == [n] * 4


def test_where_nothing_is_drawn_one_half_of_the_rows_is_asked_and_then_the_other():
    x, z, sigma = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3)), np.arange(1.0, 6.0)
    asked = questions(DSM, score=np.sin, x=x, sigma=sigma[:, None], z=z)
    assert rows(asked) == [3, 2, 1, 1, 1, 1, 1]
    for i, here in enumerate([slice(0, None, 2), slice(1, None, 2), *(slice(i, i + 1) for i in range(5))]):
        for name, whole in (("x", x), ("z", z), ("sigma", sigma)):
            np.testing.assert_array_equal(asked[i].arguments[name], whole[here])
    assert "sigma" not in asked[0].given
    assert [one.id for one in asked] == ["00", "01", "04", "05", "06", "07", "08"]
    assert rows(questions(DSM, score=np.sin, x=x[:1], sigma=0.5, z=z[:1])) == [1, 1]
    assert rows(questions(DSM, by_row=False, score=np.sin, x=x, sigma=0.5, z=z)) == [3, 2]
    assert rows(questions(CD, energy=np.sin, x=x, x_model=z)) == [3, 2, 1, 1, 1, 1, 1]
    assert rows(questions(CD, energy=np.sin, x=x, x_model=z[:4])) == [5, 5, 1, 1, 1, 1, 1]  # refused by refebm


def test_what_is_drawn():
    """Steps of the schedule, times in (0, 1), and noise as the points."""
    x, betas = RNG.normal(size=(40, 3)), np.linspace(0.1, 0.4, 4)
    steps = questions("ddpm_loss", by_row=False, score=np.sin, x=x, betas=betas)
    drawn = {int(i) for one in steps for i in one.arguments["i"]}
    assert drawn == {0, 1, 2, 3} and all(one.arguments["i"].shape == (40,) for one in steps)
    assert all(np.array_equal(one.arguments["betas"], betas) for one in steps)
    flow = questions("flow_matching", by_row=False, velocity=np.sin, x=x)
    times = np.array([one.arguments["t"] for one in flow])
    assert times.shape == (4, 40) and np.all((times > 0) & (times < 1)) and 0.4 < times.mean() < 0.6
    noise = np.array([one.arguments["z"] for one in flow])
    assert noise.shape == (4, 40, 3) and abs(noise.mean()) < 0.2 and 0.9 < noise.std() < 1.1
    sde = refebm.VariancePreserving(0.1, 20.0)
    some = questions("diffusion_score_matching", score=np.sin, sde=sde, weight=lambda t: 1 + t, x=x[:2])
    for one in some:
        np.testing.assert_array_equal(one.arguments["weight"], 1 + one.arguments["t"])
        assert one.arguments["sde"] == {"kind": "VariancePreserving", "parameters": {"beta_min": 0.1, "beta_max": 20.0}}
    again = [one.arguments["z"] for one in questions("flow_matching", by_row=False, velocity=np.sin, x=x)]
    np.testing.assert_array_equal(again, noise)


@pytest.mark.parametrize(
    ("function", "given", "said"),
    [
        ("ddpm_loss", {"score": np.sin, "x": np.ones((2, 3))}, r"drawn if left out: z\); missing: betas, i$"),
        ("flow_matching", {"x": np.ones((2, 3))}, r"\(drawn if left out: z, t\); missing: velocity$"),
        ("stein_discrepancy", {"energy": np.sin, "x": np.ones((2, 3))}, "it has no energy"),
        (
            "decaying_steps",
            {"first": 1.0},
            "compare needs points, and models that are callables; decaying_steps takes first, p",
        ),
        ("implicit_score_matching", {"score": np.sin, "x": np.ones((0, 3))}, r"E-SHAPE: x must .*got shape \(0, 3\)"),
        ("implicit_score_matching", {"score": np.sin, "x": np.ones((3, 0))}, r"E-SHAPE: x must .*got shape \(3, 0\)"),
        ("implicit_score_matching", {"score": np.sin}, r"takes score, x; missing: x$"),
    ],
)
def test_what_is_wanted_and_what_is_missing(function, given, said):
    with pytest.raises(InputError, match=said):
        compare(function, np.sum, **given)


def test_an_energy_stands_for_the_one_field():
    x = np.ones((2, 3))
    kinds, models, given, potential = MODULE._seen(DSM, {"energy": np.cos, "x": x, "sigma": 1.0})
    assert (models, potential, given["score"]) == (["score"], "score", np.cos) and "energy" not in given
    assert list(kinds) == ["score", "x", "sigma", "z"]
    both = {"energy": np.cos, "score": np.sin, "x": x, "sigma": 1.0}
    with pytest.raises(InputError, match="it has no energy"):
        MODULE._seen(DSM, both)
    assert MODULE._seen(CD, {"energy": np.cos, "x": x, "x_model": x})[1:] == (
        ["energy"],
        {"energy": np.cos, "x": x, "x_model": x},
        "",
    )


def dsm(score, x, sigma, z):
    return 0.5 * np.sum((score(x + sigma * z) + z / sigma) ** 2, axis=1)


def test_the_tolerance_of_an_answer_on_somebodys_own_model():
    """Sum |terms|, and what a move of each argument by 2^-20 of itself does, of the model's values too."""
    x, z, sigma, n = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3)), 0.75, 2.0**-20
    score = lambda x: np.sin(x) - x  # noqa: E731
    given = {"score": score, "x": x, "sigma": sigma, "z": z}
    made = MODULE._vector(DSM, Asked(DSM, "00", given, ""))
    value = dsm(**given)
    np.testing.assert_allclose(made.value, value, rtol=1e-14)
    assert made.shapes == [(4,)] and made.gradient is None
    s = score(x + sigma * z)
    terms = 0.5 * np.sum(s**2, axis=1) + np.abs(np.sum(s * z, axis=1) / sigma) + 0.5 * np.sum(z**2, axis=1) / sigma**2
    moves = [
        {"score": lambda x: score(x) * (1 + n)},
        {"x": x * (1 + n)},
        {"sigma": sigma * (1 + n)},
        {"z": z * (1 + n)},
    ]
    moved = sum(np.abs(dsm(**given | move) - value) / n for move in moves)
    np.testing.assert_allclose(made.scale, np.maximum(np.abs(value), terms) + moved, rtol=1e-8)
    whole = {"score": score, "x": x.astype(np.float32), "sigma": 1, "z": z.astype(np.float32)}
    known = MODULE._vector(DSM, Asked(DSM, "00", whole, "")).scale
    one = {"score": score, "x": np.float64(whole["x"]), "sigma": 1.0, "z": np.float64(whole["z"])}
    s, z, value = score(one["x"] + one["z"]), one["z"], dsm(**one)
    terms = 0.5 * np.sum(s**2, axis=1) + np.abs(np.sum(s * z, axis=1)) + 0.5 * np.sum(z**2, axis=1)
    moved = np.abs(dsm(**one | {"score": lambda x: score(x) * (1 + n)}) - value) / n  # what is exact does not move
    np.testing.assert_allclose(known, np.maximum(np.abs(value), terms) + moved, rtol=1e-8)


def test_an_input_at_the_end_of_its_domain_is_not_moved_out_of_it():
    given = {"velocity": lambda x, t: x, "x": np.ones((1, 2)), "z": np.zeros((1, 2)), "t": np.array([1.0])}
    made = MODULE._vector("flow_matching", Asked("flow_matching", "00", given, ""))
    assert made.shapes == [(1,)] and np.all(np.isfinite(made.scale))


GIVEN = {"score": 1, "x": 2, "sigma": 3, "z": 4}
NAMED = {"score": 1, "x": 2, "sigma": 3}
CALLS = {  # the arguments of a loss: what it is given by place and by name, and whether it draws z itself
    "score, x, sigma, z": ([], GIVEN, []),
    "z, sigma, x, score": ([], GIVEN, []),
    "*, z, sigma, x, score": ([], GIVEN, []),
    "score, x, sigma": ([], NAMED, ["z"]),
    "x, sigma, score, extra=5": ([], NAMED, ["z"]),
    "network, x, sigma, z": ([], {"network": 1, "x": 2, "sigma": 3, "z": 4}, []),
    "x, sigma, network": ([], {"network": 1, "x": 2, "sigma": 3}, ["z"]),
    "a, b, c, d": ([1, 2, 3, 4], {}, []),
    "a, b, c": ([1, 2, 3], {}, ["z"]),
    "a, b, c, d=0": ([1, 2, 3], {}, ["z"]),
    "a, b, c, d, e": ([1, 2, 3, 4], {}, []),
    "*all": ([1, 2, 3, 4], {}, []),
    "a, *all": ([1, 2, 3, 4], {}, []),
    "model, points, sigma": ([1, 2, 3], {}, ["z"]),
    "x": ([], {"x": 2}, ["z"]),
    "network, /, x, sigma": ([1, 2, 3], {}, ["z"]),
}


@pytest.mark.parametrize("arguments", CALLS)
def test_how_a_loss_is_called(arguments):
    """By names, if all are refebm's but those of models; else in refebm's order, without noise if it takes fewer."""
    loss = eval(f"lambda {arguments}: None")
    assert MODULE._called(loss, GIVEN, ["z"], ["score"]) == CALLS[arguments]


def test_how_a_loss_without_a_signature_is_called():
    with pytest.raises(ValueError):
        inspect.signature(min)
    assert MODULE._called(min, GIVEN, ["z"], ["score"]) == ([1, 2, 3, 4], {}, [])
    assert MODULE._called(3, GIVEN, ["z"], ["score"]) == ([1, 2, 3, 4], {}, [])


def test_an_answer_that_cannot_be_had():
    class Own:
        harness = HARNESS
        function = DSM
        given = ()

        def arguments(self, asked):
            return asked

        def answer(self, given, drawn):
            return given()

    def answer(made):
        asked = type("Asked", (), {"arguments": {}, "__call__": lambda self: made()})()
        return MODULE._answer(Own(), asked)

    assert [part.tolist() for part in answer(lambda: np.ones(2)).parts] == [[1.0, 1.0]]
    assert [part.tolist() for part in answer(lambda: (np.ones(2), np.zeros(1))).parts] == [[1.0, 1.0], [0.0]]

    def fails():
        raise Failure("so")

    assert answer(fails).problem == "so" and answer(lambda: 1 / 0).problem.startswith("raises ZeroDivisionError")


def test_whether_answers_are_alike():
    def alike(a, b):
        made = [type("Answer", (), {"parts": tuple(map(np.array, one))}) for one in (a, b)]
        return MODULE._alike(*made)

    assert alike([[1.0, np.nan], [2.0]], [[1.0, np.nan], [2.0]])
    assert not alike([[1.0, 2.0], [2.0]], [[1.0, 2.0], [3.0]]) and not alike([[1.0], [2.0]], [[0.0], [2.0]])


def test_an_energy_of_numpy_is_differentiated_by_its_gradient_and_products():
    """Forward, backward, and twice."""

    def energy(x):
        return np.sum(x**4, axis=1)

    x, v, w = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3)), RNG.normal(size=4)
    given = (lambda x, v: 12 * x**2 * v), (lambda x: 4 * x**3)
    with MODULE._kept(HARNESS, x):
        made = MODULE._model(HARNESS, Energy, energy, *given)
        np.testing.assert_array_equal(made(x), energy(x))
        np.testing.assert_array_equal(made.score(x), -4 * x**3)
        np.testing.assert_allclose(grad(lambda x: (made(x) * w).sum())(x), 4 * x**3 * w[:, None], rtol=1e-14)
        np.testing.assert_allclose(make_jvp(made)(x)(v)[1], np.sum(4 * x**3 * v, axis=1), rtol=1e-14)
        second = grad(lambda x: (grad(lambda x: made(x).sum())(x) * v).sum())(x)
        np.testing.assert_allclose(second, 12 * x**2 * v, rtol=1e-14)


def test_a_field_of_numpy_is_differentiated_by_products():
    x, v, w = (RNG.normal(size=(4, 3)) for _ in range(3))
    field, product = (lambda x: x**3 @ TURN), (lambda x, v: (3 * x**2 * v) @ TURN)
    with MODULE._kept(HARNESS, x):
        made = MODULE._model(HARNESS, Field, field, product, None)
        np.testing.assert_array_equal(made(x), field(x))
        np.testing.assert_allclose(make_jvp(made)(x)(v)[1], product(x, v), rtol=1e-14)
        np.testing.assert_allclose(grad(lambda x: (made(x) * w).sum())(x), 3 * x**2 * (w @ TURN.T), rtol=1e-13)


def test_the_formula_beside_the_loss_and_with_its_inputs_moved():
    """Of the first model: its values too are moved, and each float; as refebm sees the arguments."""
    x, sigma, n = RNG.normal(size=(4, 3)), np.arange(1.0, 5.0), 0.125
    kinds, models, told, _ = MODULE._seen(DSM, {"score": np.sin, "x": x, "sigma": sigma[:, None]})
    loss = lambda score, x, sigma, z: 2 * dsm(score, x, sigma, z)  # noqa: E731
    own = MODULE.Own(HARNESS, DSM, kinds, loss, told, models)
    asked = questions(DSM, score=np.sin, x=x, sigma=sigma)[1]
    z, column = asked.arguments["z"], sigma[:, None]
    with MODULE._kept(HARNESS, x):
        mine, right, moved = MODULE._pair(own, asked)
        for model in (np.sin, np.cos):
            np.testing.assert_allclose(mine(model), 2 * dsm(model, x, column, z), rtol=1e-13)
            np.testing.assert_allclose(right(model), dsm(model, x, column, z), rtol=1e-13)
            larger, more = (lambda x: model(x) * (1 + n)), 1 + n  # noqa: B023
            expected = [
                (larger, x, column, z),
                (model, x * more, column, z),
                (model, x, column * more, z),
                (model, x, column, z * more),
            ]
            found = [one(model) for one in moved(n)]
            np.testing.assert_allclose(found, [dsm(*given) for given in expected], rtol=1e-13)


def test_what_is_asked_again_and_what_is_graded(monkeypatch):
    """The first question, if it was answered; gradients of a loss that is right, in its first model, twice."""
    x, calls, seen = RNG.normal(size=(3, 2)), [], []

    def graded(finding, harness, model, pairs, _):
        seen.append((finding.status, model, len(pairs)))
        return finding

    monkeypatch.setattr(MODULE, "graded", graded)

    def explicit(score, data_score, x, factor=1.0, power=2):
        calls.append(len(x))
        return factor * 0.5 * np.sum(np.abs(score(x) - data_score(x)) ** power, axis=1)

    given = {"score": np.sin, "data_score": np.cos, "x": x}
    assert compare("explicit_score_matching", explicit, **given).passed
    assert calls == [2, 1, 1, 1, 1, 2] and seen == [("passed", np.sin, 2)]
    twice = functools.partial(explicit, factor=2.0)
    assert compare("explicit_score_matching", twice, **given).findings[0].status == "convention"
    assert seen.pop() == ("convention", np.sin, 2) and len(seen) == 1
    thrice = functools.partial(explicit, power=3)
    assert compare("explicit_score_matching", thrice, **given).findings[0].status == "failed" and len(seen) == 1
    calls.clear()

    def raises(score, data_score, x):
        calls.append(len(x))
        raise KeyError

    assert "raises KeyError" in str(compare("explicit_score_matching", raises, **given)) and len(calls) == 5
    step = lambda score, x, eta, z: x + eta * score(x) + np.sqrt(2 * eta) * z  # noqa: E731
    assert compare(STEP, step, score=np.sin, x=x, eta=0.5).passed and len(seen) == 1
    noisy = lambda score, x, sigma, z: dsm(score, x, sigma, np.random.standard_normal(z.shape))  # noqa: E731
    assert "differently when it is asked again" in str(compare(DSM, noisy, score=np.sin, x=x, sigma=0.5))


def refused(function=DSM, loss=dsm, **given):
    with pytest.raises(InputError) as raised:
        compare(function, loss, **{"x": RNG.normal(size=(3, 2)), "sigma": 0.5} | given)
    return str(raised.value)


def test_a_model_that_cannot_be_asked():
    """What it returns for an energy; what it raises, and whether of single rows; what it returns the second time."""
    explicit = lambda p, q, x: 0.5 * np.sum((p(x) - q(x)) ** 2, axis=1)  # noqa: E731
    given = {"data_score": np.sin, "x": RNG.normal(size=(3, 2)), "score": lambda x: x[:, 0]}
    with pytest.raises(InputError, match=r"E-CALLABLE: .*; got \(2,\); an energy is given as energy=\.\.\."):
        compare("explicit_score_matching", explicit, **given)
    found = refused(score=lambda x: x[:, :1])
    assert found.startswith("E-CALLABLE: ") and found.endswith("got (3, 1)")
    assert "energy" not in refused(score=np.sin, sigma=-1.0)

    def raises(x):
        raise KeyError("so")

    hint = "if rows influence each other, as in batch normalisation: call model.eval(), or pass by_row=False"
    for by_row, words in ((True, "the model, called on single rows too,"), (False, "the model")):
        told = refused(score=raises, by_row=by_row)
        assert told.startswith(f"E-MODEL: {words} raises KeyError: 'so'\n") and told.endswith(f"\n{hint}")
    words = "E-RANDOM: the model returns other values for the same points when it is called again: if it has dropout,"
    assert refused(score=lambda x: np.random.standard_normal(x.shape)) == f"{words} call model.eval()"
    lost = lambda x: np.where(np.arange(len(x)) == 1, np.nan, x.T).T  # noqa: E731
    assert compare(DSM, dsm, score=lost, x=RNG.normal(size=(3, 2)), sigma=0.5).findings[0].questions == 7


def test_all_names_of_a_function():
    assert MODULE._all_names(CD) == f"{CD} CD, CD-k, PCD, persistent contrastive divergence"
    assert MODULE._all_names("langevin_step").startswith("langevin_step")


def test_what_the_loss_sees():
    """Levels by row as a column; refebm's formula sees them flat."""
    x, sigma = RNG.normal(size=(4, 3)), np.arange(1.0, 5.0)
    for given in (sigma, sigma[:, None]):
        kinds, models, told, _ = MODULE._seen(DSM, {"score": np.sin, "x": x, "sigma": given})
        own = MODULE.Own(HARNESS, DSM, kinds, None, told, models)
        assert own.inside("sigma").tolist() == sigma.tolist() and own.inside("x") is not None
        (asked, *_), single = (
            questions(DSM, score=np.sin, x=x, sigma=given),
            questions(DSM, score=np.sin, x=x, sigma=given)[5],
        )
        with MODULE._kept(HARNESS, x):
            seen, bare = own.arguments(asked), own.arguments(asked, bare=True)
            alone = own.arguments(single)
        assert seen["score"] is np.sin and list(seen) == ["score", "x", "sigma", "z"]
        np.testing.assert_array_equal(seen["sigma"], sigma[:, None])
        np.testing.assert_array_equal(bare["sigma"], sigma)
        np.testing.assert_array_equal(alone["sigma"], sigma[1:2, None])
        np.testing.assert_array_equal(alone["x"], x[1:2])
        np.testing.assert_array_equal(seen["z"], asked.arguments["z"])
    told = told | {"sigma": 0.5}
    own = MODULE.Own(HARNESS, DSM, kinds, None, told, models)
    with MODULE._kept(HARNESS, x):
        assert own.arguments(asked)["sigma"] == 0.5 and own.inside("sigma") == 0.5


def test_numbers_become_arrays_of_numpy():
    for given, kind in (([1, 2], np.int64), (np.float32([1.0]), np.float64), (np.uint8([1]), np.uint8)):
        assert MODULE._numbers(given).dtype == kind
    for given in (True, 3, 0.5, "name", np.sin, [True]):
        assert MODULE._numbers(given) is given
    assert MODULE._numbers(np.float32(0.5)).dtype == np.float64

    class Tensor:
        def detach(self):
            return self

        def cpu(self):
            return np.ones(2)

    assert MODULE._numbers(Tensor()).tolist() == [1.0, 1.0]


def test_a_loss_that_draws_its_noise_and_one_that_takes_it():
    """Each gets the noise of the questions; options are told by name."""
    x, given = RNG.normal(size=(3, 2)), {"score": np.sin, "sigma": 0.5}

    def drawing(score, x, sigma):
        return dsm(score, x, sigma, np.random.standard_normal(x.shape))

    for loss in (dsm, drawing):
        (finding,) = compare(DSM, loss, x=x, **given).findings
        assert (finding.status, finding.questions) == ("passed", 7), finding.diagnosis
        assert compare(DSM, loss, by_row=False, x=x, **given).findings[0].questions == 4
    with pytest.raises(TypeError):
        compare(DSM, dsm, False, x=x, **given)
    assert "by_row" in inspect.signature(compare).parameters and "x: the points" in compare.__doc__
