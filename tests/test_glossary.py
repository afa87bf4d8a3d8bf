"""Types of arguments: every public signature has them, a static checker sees arrays, and bodies what they say."""

import ast
import collections.abc
import inspect
import textwrap
import types
import typing

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad

import refebm
from refebm import glossary
from refebm.glossary import check_of
from refebm.variants.arguments import CLASSES, FUNCTIONS

BASES = {"Anchor", "OfRows", "OfGrids", "OfTimes", "OfSteps"}  # of which types are made
TYPES = {name: one for name, one in vars(glossary).items() if hasattr(one, "__metadata__") and name not in BASES}
CHECKED = {  # public callables of whose arguments the body itself sees to the rest, as these words say
    "minimise": "a loss of nested parameters, which goes by what it returns",
    "minimise_noisy": "a loss of nested parameters, which goes by what it returns",
    "expect": "any density that says how it is integrated",
    "mixture_of": "a GaussianMixture",
    "gibbs_step": "u_h and u_v are of the shape that the RBM has",
    "conditional_noise_contrastive": "log_ratio is of the shape of y",
    "annealed_importance_sampling": "the tape has as many steps as the temperatures",
}
METHODS = [
    f"{name}.{method}"
    for name in (*CLASSES, "GivenDiffusion")
    if inspect.isclass(getattr(refebm, name))
    for method, thing in vars(getattr(refebm, name)).items()
    if inspect.isfunction(thing) and any(map(check_of, thing.__annotations__.values()))
]
X = np.array([[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]])


def thing(name):
    function, _, method = name.partition(".")
    found = getattr(refebm, function)
    return getattr(found, method) if method else found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_argument_has_a_type(name):
    given = inspect.signature(thing(name)).parameters.values()
    plain = [one.name for one in given if check_of(one.annotation) is None]
    assert bool(plain) == (name in CHECKED), plain


SIGNED = [name for name in (*FUNCTIONS, *METHODS) if hasattr(thing(name), "__signature__")]


def test_help_prints_the_names_of_types():
    assert {*FUNCTIONS} - {*SIGNED} <= {*CHECKED}


@pytest.mark.parametrize("name", SIGNED)
def test_help_prints_a_signature_as_it_stands_in_the_source(name):
    written = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(thing(name))))).body[0]
    found = inspect.signature(thing(name))
    for one in [*written.args.args, *written.args.kwonlyargs]:
        text = ast.unparse(one.annotation) if one.annotation else one.arg
        assert str(found.parameters[one.arg]).partition(" = ")[0].endswith(text.replace("np.", "numpy.")), one.arg
    if written.returns:
        assert str(found).endswith(f" -> {ast.unparse(written.returns)}".replace("np.", "numpy."))


PLAIN = {np.ndarray, float, int, bool, str, type(None), np.random.Generator, refebm.Generator, refebm.ReplayBuffer}
PLAIN |= {typing.Any, collections.abc.Callable}


@pytest.mark.parametrize("name", [*FUNCTIONS, *METHODS])
def test_a_static_checker_sees_arrays_callables_and_numbers(name):
    hints = typing.get_type_hints(thing(name))
    hints.pop("return", None)
    for argument, hint in hints.items() if name not in CHECKED else ():
        for one in typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else [hint]:
            one = typing.get_args(one)[0] if typing.get_origin(one) is tuple else one
            assert one in PLAIN or typing.get_origin(one) is collections.abc.Callable, (argument, hint)


def test_what_types_are_without_their_checks():
    plain = {name: typing.get_type_hints(typing.NamedTuple("N", [("a", one)]))["a"] for name, one in TYPES.items()}
    arrays, numbers = {name for name in TYPES if plain[name] is np.ndarray}, (float, int, bool)
    assert arrays >= {
        "Points",
        "Bits",
        "States",
        "Noise",
        "Projections",
        "NoisePoints",
        "Uniform",
        "Betas",
        "Rows",
        "Loss",
    }
    assert plain["Levels"] == float | np.ndarray == plain["Times"] and plain["Indices"] == int | np.ndarray
    assert all(plain[name] in numbers for name in ("Level", "Time", "StepSize", "Positive", "Count", "Size", "Flag"))
    for name in ("Energy", "LogDensity", "Field", "LevelField", "TimeField", "Sampler", "Transition"):
        assert typing.get_origin(plain[name]) is collections.abc.Callable or plain[name] is collections.abc.Callable


def test_types_are_told_apart_and_say_what_they_are():
    assert len(set(TYPES.values())) == len(TYPES)
    for name, one in TYPES.items():
        check = check_of(one)
        assert glossary.words_of(one), name
        assert check is None or list(inspect.signature(check).parameters)[2] == "x", name


def test_keywords_and_positions_are_the_same():
    z, sigma = X[::-1].copy(), np.array([0.5, 1.0, 2.0])
    by_place = refebm.denoising_score_matching(lambda x: -x, X, sigma, z)
    np.testing.assert_array_equal(refebm.denoising_score_matching(z=z, sigma=sigma, x=X, score=lambda x: -x), by_place)
    np.testing.assert_array_equal(refebm.denoising_score_matching(lambda x: -x, X, z=z, sigma=sigma), by_place)
    with pytest.raises(refebm.InputError, match="E-SHAPE: sigma must be a float or"):
        refebm.denoising_score_matching(lambda x: -x, X, z=z, sigma=sigma[:2])
    gaussian = refebm.Gaussian([0.0, 1.0], 2.0)
    np.testing.assert_array_equal(gaussian.log_prob(x=X), gaussian.log_prob(X))


@pytest.mark.parametrize(
    "more, words", [((), "missing .* 'score'"), ((1, 2, 3, 4, 5), "too many"), ((1, 2, 3, 4), "'noise'")]
)
def test_a_wrong_argument_is_said_as_python_says_it(more, words):
    with pytest.raises(TypeError, match=words):
        refebm.denoising_score_matching(*more, **({"noise": X} if len(more) == 4 else {}))


def test_what_is_left_at_its_default_is_not_checked():
    sde = refebm.VariancePreserving(0.1, 4.0)
    given = lambda x, t: -x, sde, X, 0.0, 0.5
    np.testing.assert_array_equal(
        refebm.probability_flow_log_prob(*given, log_end=None, v=None), refebm.probability_flow_log_prob(*given)
    )
    with pytest.raises(refebm.InputError, match="E-POSITIVE: rtol"):
        refebm.probability_flow_log_prob(*given, rtol=-1.0)


def test_a_body_sees_what_its_types_say():
    @glossary.rows
    def seen(x: glossary.Points, sigma: glossary.Levels, t: glossary.Times, i: glossary.Indices, free=None):
        return x, sigma, t, i, free

    x, sigma, t, i, free = seen(X.tolist(), 2, 0.5, 3, free="as it is")
    assert x.dtype == np.float64 and sigma.shape == (3, 1) and t.shape == i.shape == (3,) and free == "as it is"
    with pytest.raises(refebm.InputError, match=r"E-SHAPE: sigma must be a float or \(n,\) = \(3,\)"):
        seen(X, np.ones((3, 1)), 0.5, 3)


def test_traced_arguments_are_checked_and_differentiated():
    z = np.ones_like(X)
    slope = grad(lambda c: anp.sum(refebm.denoising_score_matching(lambda y: -c * y, X, sigma=0.5 * c, z=c * z)))(1.0)
    by_hand = np.sum(
        ((-X - 0.5 * z) + 2 * z) * (-X - 0.5 * z - 0.5 * z - 0.5 * z)
    )  # s + z/sigma, and its slope at c = 1
    np.testing.assert_allclose(slope, by_hand, rtol=1e-14)
