"""Patches of syntax: they apply however a definition is written, in one place, or say what is in the way."""

import ast
import inspect
import re
import textwrap

import numpy as np
import pytest

import refebm
from refebm.variants import CONVENTIONS, WRONG, Variant, record
from refebm.variants.arguments import answer
from refebm.variants.patch import Definition, quoted

DSM = "0.5 * squared_norm(score(x + sigma * z) + z / sigma)"
REFACTORINGS = {  # of what; a part of its text, or a name, as it is and as it might be
    "other blanks": ("denoising_score_matching", DSM, "0.5*squared_norm( score( x+sigma * z )+z/ sigma )"),
    "line breaks, and a comment inside": (
        "denoising_score_matching",
        DSM,
        "0.5 * squared_norm(\n        score(x + sigma * z)  # at the noisy point\n        + z\n        / sigma\n    )",
    ),
    "parentheses": ("denoising_score_matching", DSM, "(0.5) * squared_norm((score((x + (sigma * z)))) + (z / sigma))"),
    "a local introduced": (
        "denoising_score_matching",
        f"return {DSM}",
        "y = x + sigma * z\n    return 0.5 * squared_norm(score(y) + z / sigma)",
    ),
    "a local introduced for every part": (
        "denoising_score_matching",
        f"return {DSM}",
        "y = x + sigma * z\n    noise = z / sigma\n    misfit = score(y) + noise\n"
        "    loss = 0.5 * squared_norm(misfit)\n    return loss",
    ),
    "a docstring in the words of the patches": ("denoising_score_matching", 'r"""1/2', f'r"""{DSM}, sigma * z, 1/2'),
    "other hints": ("denoising_score_matching", "sigma: Levels", "sigma: (lambda: score(x + sigma * z)) and Levels"),
    "a comment in the words of the patches": (
        "tweedie_mean",
        "    return y",
        "    # y + sigma**2 * score(y)\n    return y",
    ),
    "a local renamed": ("tweedie_cov", "variance", "level"),
    "a local of several terms renamed": ("kernel_stein", "squares", "distances"),
    "a local inlined": ("metropolis_step", "there", "energy(proposal)"),
    "keywords in another order": ("split_r_hat", "axis=0, ddof=1), axis=0)", "ddof=1, axis=0), axis=0)"),
    "the variable of a loop renamed": ("predictor_corrector", "z_m", "unit"),
    "a local of a method renamed": ("Gaussian.log_prob", "whitened", "standard"),
    "a local of a method inlined": ("Gaussian.log_prob", "whitened", "np.dot(x - self.mean, self.whitening.T)"),
}


def rewritten(text: str, was: str, becomes: str) -> str:
    """A name gets its other name or, instead of its assignment, the expression everywhere."""
    if not was.isidentifier():
        assert text.count(was) == 1
        return text.replace(was, becomes)
    if not becomes.isidentifier():
        text = re.sub(rf"\n *{was} = .*", "", text)
    return re.sub(rf"(?<!\.)\b{was}\b", becomes, text)


def numbers(function: str, impl) -> np.ndarray:
    return np.ravel(answer(function, impl, seed=0, d=2, n=4))


@pytest.mark.parametrize("how", REFACTORINGS)
def test_patches_outlive_a_refactoring(how, monkeypatch):
    """Each patch of the definition, put into its other text, gives the numbers that it gives in its own."""
    function, was, becomes = REFACTORINGS[how]
    versions = [v for v in [*WRONG, *CONVENTIONS] if v.function == function and not v.inside]
    versions += [Variant(function, "as it is", "return _", "return _")]
    expected = [numbers(function, version.implementation()) for version in versions]
    name, _, method = function.partition(".")
    definition = getattr(refebm, name)
    text = inspect.getsource(definition)
    part = inspect.getsource(getattr(definition, method) if method else definition)
    other = text.replace(part, rewritten(part, was, becomes))
    assert other != text
    tree = ast.parse(other)
    monkeypatch.setattr(record, "syntax", {definition: tree}.__getitem__)
    for version, right in zip(versions, expected, strict=True):
        assert np.array_equal(numbers(function, version.implementation()), right, equal_nan=True), version


def patched(text: str, was: str, becomes: str) -> str:
    (tree,) = ast.parse(textwrap.dedent(text)).body
    return ast.unparse(Definition(tree).patched(was, becomes).body[-1])


F = """
def f(score, x, a, b):
    return a - score(x, 2, scale=a, shift=b) * b / x + a / x
"""


@pytest.mark.parametrize(
    ("was", "becomes", "result"),
    [
        ("b / x", "b", "a - score(x, 2, scale=a, shift=b) * b + a / x"),  # a part of a product
        ("* b", "", "a - score(x, 2, scale=a, shift=b) / x + a / x"),
        ("+ a / x", "- a", "a - score(x, 2, scale=a, shift=b) * b / x - a"),
        ("a - _", "_ - a", "score(x, 2, scale=a, shift=b) * b / x - a + a / x"),
        ("score(x, ...)", "score(b, ...)", "a - score(b, 2, scale=a, shift=b) * b / x + a / x"),
        ("score(..., shift=b)", "score(...)", "a - score(x, 2, scale=a) * b / x + a / x"),
        ("score(_, 2, shift=b, scale=a)", "_", "a - x * b / x + a / x"),
        ("score(...)", "b", "a - b * b / x + a / x"),
    ],
)
def test_patterns(was, becomes, result):
    assert patched(F, was, becomes) == f"return {result}"


def test_a_pattern_in_several_places_is_an_error():
    with pytest.raises(ValueError, match=r"'_ / x' stands 2 times .*\n  line 3: score.* b / x\n  line 3: a / x$"):
        patched(F, "_ / x", "_")


@pytest.mark.parametrize("was", ["no(x)", "score(x)", "a * x", "score(x, 2, scale=a)", "b - a", "other", "x = _"])
def test_a_pattern_in_no_place_is_an_error(was):
    with pytest.raises(ValueError, match=re.escape(f"{was!r} stands 0 times")):
        patched(F, was, "b")


def test_errors_name_the_function_and_the_pattern():
    with pytest.raises(ValueError, match=r"tweedie_mean: stale: 'np.sum\(y\)' stands 0 times"):
        Variant("tweedie_mean", "stale", "np.sum(y)", "y").implementation()
    with pytest.raises(ValueError, match=r"tweedie_mean: twice: 'y' stands 2 times .*\n  line \d+: y\n  line \d+: y"):
        Variant("tweedie_mean", "twice", "y", "0").implementation()
    with pytest.raises(ValueError, match=r"tweedie_mean: unknown: '_ \+ noise' speaks of noise, unknown there"):
        Variant("tweedie_mean", "unknown", "y + _", "_ + noise").implementation()


def test_what_is_drawn_or_assigned_twice_is_not_looked_behind():
    drawn = "def f(rng, g):\n    z = rng.normal()\n    return g(z) + z"
    twice = "def f(x, g):\n    y = x\n    y = y + 1\n    return g(y)"
    for text, was in ((drawn, "g(rng.normal())"), (twice, "g(x)"), (twice, "g(y + 1)")):
        with pytest.raises(ValueError, match="stands 0 times"):
            patched(text, was, "0")


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("[:, None]", "[None]", ("sde.diffusion(t)[:, None]", "sde.diffusion(t)[None]")),
        ("+ g * z", "", ("sde.drift(x, t) + sde.diffusion(t)[:, None] * z", "sde.drift(x, t)")),
        ("positive('dt', dt)", "1", ("dt / len(betas)", "1 / len(betas)")),
    ],
)
def test_what_is_quoted_of_a_definition_is_whole(was, becomes, said):
    """At least a dozen characters of it, with the values of its own variables and without its checks."""
    text = "def f(sde, x, t, z):\n    g = sde.diffusion(t)[:, None]\n"
    text += "    return sde.drift(x, t) + g * z, positive('dt', dt) / len(betas)"
    one = Definition(ast.parse(text).body[0])
    assert quoted(one, *one.place(was, becomes)) == said
