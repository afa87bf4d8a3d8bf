"""What the examiner says about answers that are wrong in a known way; adapters are texts, examined in this process."""

import ast
import cProfile
import itertools
import re

import numpy as np
import pytest

from refebm import glossary
from refebm.crosscheck.adapter import Answer
from refebm.crosscheck.evidence import Evidence
from refebm.crosscheck.facts import EXCEPTIONS, _features
from refebm.crosscheck.questions import EXAMINED
from refebm.crosscheck.readings import Reading, affordable, afresh, compiling, cost, readings
from refebm.crosscheck.vectors import tolerance, vectors
from refebm.crosscheck.verdict import consistent, judge
from refebm.identities import REFERENCE, Implementation
from refebm.variants import CONVENTIONS, TERMS, WRONG, Convention
from refebm.variants.arguments import ask, flat, types
from refebm.variants.mutants import Mutant, definitions, forms
from refebm.variants.steps import SQUARED_ERROR
from refebm.variants.texts import TEXTS
from tests.field import finding_of, outcome
from tests.sabotage import examined
from tests.sabotages.conventions import MADE
from tests.wild.stranger import FOURTH, KIN

IN_THE_BANK = sorted({variant.function for variant in [*WRONG, *CONVENTIONS]} & set(EXAMINED))
ADAPTER = """
import numpy as np

def squared_norm(a):
    return np.sum(a**2, axis=1)

def implicit_score_matching(model, x):
    s, trace = model(x), _trace(model, x)
    return 0.5 * squared_norm(s) + trace

def denoising_score_matching(model, x, sigma, z):
    sigma = np.reshape(sigma, (-1, 1)) * np.ones((len(x), 1))
    y = x + sigma * z
    return 0.5 * squared_norm(model(y) + z / sigma)

def score_of(model, x):
    return model(x)

def _trace(model, x):
    import refebm
    return refebm.divergence(model, x)
"""


def bank(function):
    """Every named variant of a function, with its answers by question."""
    return [(one.what, {vector.asked.id: one.on(vector) for vector in vectors(function)}) for one in readings(function)]


def said(function, was, becomes):
    assert ADAPTER.count(was) == 1
    return examined(ADAPTER.replace(was, becomes), function)


def test_the_adapter_is_right():
    assert all(examined(ADAPTER, f).status == "passed" for f in ("implicit_score_matching", "denoising_score_matching"))


def test_a_bug_has_its_name_its_formula_and_where_it_was_seen():
    finding = said("implicit_score_matching", "+ trace", "+ trace / x.shape[1]")
    assert finding.status == "failed" and finding.names == ("trace divided by d",)
    assert finding.diagnosis == (
        'equals the reference with "0.5 * squared_norm(s) + trace / x.shape[1]" for "0.5 * squared_norm(s) + trace": '
        "trace divided by d (bug)"
    )
    finding = said("denoising_score_matching", "+ z / sigma", "- z / sigma")
    assert "torchebm issue 318" in finding.diagnosis and "(bug; " in finding.diagnosis


def test_a_convention_is_none():
    finding = said("denoising_score_matching", "0.5 * squared_norm(model", "squared_norm(model")
    assert finding.status == "convention"
    assert finding.diagnosis.startswith("equals 2 x the reference: no 1/2 (convention of ")
    assert "module 18a" in finding.diagnosis


def test_a_convention_under_a_mean_is_one_too():
    finding = said(
        "denoising_score_matching", "0.5 * squared_norm(model(y) + z / sigma)",
        "np.mean(squared_norm(model(y) + z / sigma))",
    )  # fmt: skip
    assert finding.status == "convention" and finding.reduction == "mean"


@pytest.mark.parametrize(("factor", "words"), [("2 *", "2 x"), ("0.5 *", "1/2 x")])
def test_a_bug_in_what_is_no_loss_of_a_field_may_have_a_factor(factor, words):
    finding = examined(
        f"""
import numpy as np

def ratio_matching(energy, x):
    flipped = [np.abs(x - bit) for bit in np.eye(x.shape[1])]
    return {factor} sum(1 / (1 + np.exp(energy(y) - energy(x))) for y in flipped)
""",
        "ratio_matching",
    )
    square = "expit(energy(x) - energy(x_i))"
    assert finding.diagnosis == f'equals {words} the reference with "{square}" for "{square} ** 2": not squared (bug)'


def test_a_bug_in_another_convention_has_both():
    finding = said("denoising_score_matching", "0.5 * squared_norm(model(y) + z / sigma)",
                   "squared_norm(model(y) - z / sigma)")  # fmt: skip
    assert finding.status == "failed" and finding.names == ("sign of the target",)
    assert finding.diagnosis.startswith("equals 2 x the reference with ")


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        ("0.5 * squared_norm(s)", "0.500001 * squared_norm(s)", "has coefficient 1.000002 in yours, should be 1"),
        ("+ trace", "+ 0.3 * trace", "tr(grad s) has coefficient 0.3 in yours, should be 1"),
        ("0.5 * squared_norm(s) + trace", "3 * (0.5 * squared_norm(s) + trace)", "equals 3 x the reference"),
        (
            "0.5 * squared_norm(s) + trace",
            "np.mean(1.5 * squared_norm(s) - trace)",
            "equals the reference (mean of the rows), where 1/2 |s|^2 has coefficient 3 in yours, should be 1, "
            "tr(grad s) has coefficient -1 in yours, should be 1",
        ),
    ],
)
def test_what_has_no_name_is_a_combination_of_terms(was, becomes, words):
    finding = said("implicit_score_matching", was, becomes)
    assert finding.status == "failed" and not finding.names
    assert words in finding.diagnosis


def test_scalings_by_sigma():
    finding = said(
        "denoising_score_matching", "0.5 * squared_norm(model", "0.5 * sigma[:, 0] ** 3 * squared_norm(model"
    )
    assert finding.diagnosis == "equals sigma^3 x the reference; right where sigma is 1.0"


NAN_FAR_OUT = " + np.where(np.max(np.abs(x), axis=1) > 99, np.nan, 0)"


@pytest.mark.parametrize(
    ("function", "was", "becomes", "words"),
    [
        ("denoising_score_matching", "    y = x", "    y = np.roll(x, 1, axis=0)", "rows influence"),
        ("denoising_score_matching", "sigma * z\n", "sigma**1.5 * z\n", "right where sigma is 1.0"),
        ("denoising_score_matching", "+ z / sigma)", f"+ z / sigma){NAN_FAR_OUT}", "NaN from |x| = "),
        ("implicit_score_matching", "+ trace", "+ trace * x.shape[1] ** 0.3", "right where d is 1"),
        ("implicit_score_matching", "s, trace = model(x)", "s, trace = np.float32(model(x))", "float32's roundoff"),
    ],
)  # fmt: skip
def test_without_a_name_it_says_what_it_knows(function, was, becomes, words):
    finding = said(function, was, becomes)
    assert finding.status == "failed" and not finding.names
    assert words in finding.diagnosis, finding.diagnosis


GRADIENTS = """
import refebm
from autograd import grad
from refebm.models import Model, score

def denoising_score_matching(model, x, sigma, z):
    def loss(theta):
        return refebm.denoising_score_matching(score(Model(model.kind, theta)), x, sigma, z).mean()
    return refebm.denoising_score_matching(model, x, sigma, z), changed(grad(loss)(model.parameters))
"""


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ("lambda g: g", "passed", ""),
        ("lambda g: {k: _map(lambda a: 2 * a, v) for k, v in g.items()}", "failed", "2 x the right one"),
        ("lambda g: {k: _map(lambda a: 0 * a, v) for k, v in g.items()}", "failed", "it is zero"),
        ("lambda g: {k: _map(lambda a: None, v) for k, v in g.items()}", "failed", "it is zero"),
        ("lambda g: {'weights': 1.0}", "failed", "gradients are not nested like the parameters: KeyError"),
        ("lambda g: {k: _map(lambda a: a[..., :1], v) for k, v in g.items()}", "failed", "a gradient of shape"),
    ],
)
def test_gradients_beside_a_right_value(changed, status, words):
    mapping = "\ndef _map(f, t):\n    return tuple(_map(f, a) for a in t) if isinstance(t, tuple) else f(t)\n"
    finding = examined(GRADIENTS + mapping + f"changed = {changed}\n", "denoising_score_matching")
    assert finding.status == status and words in finding.diagnosis
    assert status == "passed" or "gradient" in finding.diagnosis


def test_a_convention_whose_gradient_is_wrong_fails():
    text = GRADIENTS.replace("return refebm", "return 2 * refebm")
    text = text.replace(
        "    return 2 * refebm.denoising_score_matching(model,", "    return 2 * refebm.denoising_score_matching(model,"
    )
    finding = examined(text + "\nchanged = lambda g: g\n", "denoising_score_matching")
    assert finding.status == "convention" and finding.gradients
    half = text.replace(
        "return 2 * refebm.denoising_score_matching(score", "return refebm.denoising_score_matching(score"
    )
    finding = examined(half + "\nchanged = lambda g: g\n", "denoising_score_matching")
    assert finding.status == "failed"
    assert "no 1/2 (convention" in finding.diagnosis and "but its gradient" in finding.diagnosis
    assert finding.diagnosis.endswith("it is 0.5 x the right one")


def test_a_mean_does_not_come_with_the_gradient_of_the_sum():
    text = GRADIENTS.replace(".mean()", ".sum()").replace("z), changed", "z).mean(), changed")
    finding = examined(text + "\nchanged = lambda g: g\n", "denoising_score_matching")
    assert finding.status == "failed" and finding.reduction == "mean"


@pytest.mark.parametrize("factor", [-1, 4, -0.5])
def test_a_multiple_of_the_reference_has_no_name_of_another(factor):
    finding = said("denoising_score_matching", "0.5 * squared_norm(model", f"{factor} * 0.5 * squared_norm(model")
    words = {-1: "-1", 4: "4", -0.5: "-1/2"}[factor]
    assert finding.status == "failed" and not finding.names and finding.diagnosis == f"equals {words} x the reference"


def test_a_gradient_of_the_sum_is_one_too():
    text = GRADIENTS.replace(".mean()", ".sum()") + "\nchanged = lambda g: g\n"
    assert examined(text, "denoising_score_matching").status == "passed"


ALWAYS_0 = "VarianceExploding.drift"  # without roundoff


@pytest.mark.parametrize("function", [one for one in EXAMINED if one != ALWAYS_0])
def test_within_the_tolerance_nothing_is_accused(function):
    """Answers anywhere within the tolerance of either precision pass; just beyond it, they do not."""
    rng = np.random.default_rng(0)
    for roundoff, kind in ((2.0**-53, np.float64), (2.0**-24, np.float32)):
        for size, status in ((0.9, "passed"), (3.0, "failed")):
            answers = {}
            for vector in vectors(function):
                signs = rng.choice([-1.0, 1.0], len(vector.value))
                moved = kind(vector.value + size * 64 * roundoff * vector.scale * signs)
                sizes = [int(np.prod(shape)) for shape in vector.shapes]
                parts = np.split(moved, np.cumsum(sizes)[:-1])
                answers[vector.asked.id] = Answer(tuple(p.reshape(s) for p, s in zip(parts, vector.shapes)))
            finding = judge(function, answers)
            assert finding.status == status
            assert not finding.names


def test_a_name_needs_both_halves_of_the_questions():
    """With the questions that find a name alone, none is given."""
    text = ADAPTER.replace("+ z / sigma", "- z / sigma").replace(
        "    sigma = np.reshape", "    if len(x) != 1: raise NotImplementedError\n    sigma = np.reshape"
    )
    finding = examined(text, "denoising_score_matching")
    assert finding.status == "failed" and finding.questions == 4 and finding.names == ("sign of the target",)
    from refebm.crosscheck.adapter import Adapter, answer_of
    from refebm.crosscheck.questions import questions
    from tests.sabotage import module_of

    adapter = Adapter(module_of(text), read=lambda result: result)
    answers = {q.id: answer_of(adapter, q) for q in questions("denoising_score_matching") if not q.confirms}
    assert judge("denoising_score_matching", answers).names == ()


IN_THE_GRADIENT = (  # mistakes that leave the value as it is; the first three nobody sees who hands the samples over
    *("gradient flows through the samples", "nothing flows through the samples"),
    *("gradient flows through the negative phase", "the energy that is held differentiated too"),
    *("no gradient of the samples' energy", "no gradient of the data's energy"),
    *("the negative phase held too", "gradient flows through the means"),
)


@pytest.mark.parametrize(
    ("held", "name", "seen"),
    [
        ("lambda e, x, y: e(x) - stopped(e(y))", "no gradient of the samples' energy", "printed in CS236, CD recap"),
        ("lambda e, x, y: stopped(e(x)) - e(y)", "no gradient of the data's energy", "printed in module 18a and Song"),
        ("lambda e, x, y: e(x) - 2 * e(y) + stopped(e(y))", "", ""),
    ],
)
def test_a_mistake_in_the_gradient_alone_has_a_name(held, name, seen):
    text = f"""
from autograd import grad
from autograd.tracer import getval as stopped
from refebm.models import Model

def contrastive_divergence(model, x, x_model):
    loss = {held}
    return loss(model, x, x_model), grad(lambda p: loss(Model(model.kind, p), x, x_model).mean())(model.parameters)
"""
    finding = examined(text, "contrastive_divergence")
    assert finding.status == "failed" and finding.names == ((name,) if name else ())
    assert "the value is right, its gradient in the parameters is wrong in" in finding.diagnosis
    assert (f"{name} (bug; {seen}" if name else "") in finding.diagnosis
    assert ("(bug" in finding.diagnosis) == bool(name)
    assert examined(text.replace("stopped(", "("), "contrastive_divergence").status == "passed"


@pytest.mark.parametrize("function", IN_THE_BANK)
def test_the_bank_is_told_apart_by_the_questions(function):
    """Every entry differs from the right answers on both halves."""
    for half in (False, True):
        chosen = [vector for vector in vectors(function) if vector.asked.confirms == half]
        right = np.concatenate([vector.value for vector in chosen])
        scale = np.concatenate([vector.scale for vector in chosen])
        for variant, answers in bank(function):
            got = np.concatenate([answers[vector.asked.id] for vector in chosen])
            apart = np.nanmax(np.abs(got - right) / np.maximum(scale, 1e-300)) > 1e-4
            assert apart != (variant.name in IN_THE_GRADIENT), variant


def test_terms_are_examined():
    assert set(TERMS) <= set(EXAMINED)


@pytest.mark.parametrize(("how", "kind"), [("mean", np.float32), ("sum", np.float64)])
@pytest.mark.parametrize("function", IN_THE_BANK)
def test_every_entry_is_named_under_every_reduction_and_precision(function, how, kind):
    """The bank's own answers: what this shows is that the tolerances let no name through twice, and none pass."""
    asked = vectors(function)
    if not asked[0].by_row:
        return
    for variant, values in bank(function):
        if variant.name in IN_THE_GRADIENT:
            continue
        answers = {}
        for vector in asked:
            reduced = np.asarray(getattr(np, how)(values[vector.asked.id]))
            answers[vector.asked.id] = Answer((reduced.astype(kind),))
        assert variant.name in judge(function, answers).names, variant


@pytest.mark.parametrize("how", ["mean", "sum"])
def test_facts_of_questions_are_the_same_under_every_reduction(how):
    some = list(vectors("denoising_score_matching"))
    evidence = Evidence(some, how, np.zeros(len(some)), 2.0**-53)
    assert evidence.confirms.tolist() == [vector.asked.confirms for vector in some]
    assert evidence.each(lambda asked: asked.given["d"]).tolist() == [vector.asked.given["d"] for vector in some]


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ("np.sum(0.5 * squared_norm(s) + 3 * trace)", "(sum of the rows), where tr(grad s) has coefficient 3"),
        (
            "np.mean(0.5 * squared_norm(s) + 3 * trace) / x.shape[1]",
            "equals 1/d x the reference (mean of the rows), where",
        ),
        ("np.mean(squared_norm(s) - 2 * trace)", "equals 2 x the reference with"),
        ("np.mean((s**2).mean(axis=1) - 2 * trace / x.shape[1])", "equals 2 x 1/d x the reference with"),
        ("(0.5 * squared_norm(s) + trace)[:, None]", "returned shape (4, 1), wanted (4,) or one mean or sum"),
        ("0.5 * squared_norm(s)[:, None] + trace", "returned shape (4, 4), wanted (4,) or one mean or sum"),
    ],
)
def test_losses_as_they_are_written(loss, words):
    finding = said("implicit_score_matching", "0.5 * squared_norm(s) + trace", loss)
    assert finding.status == "failed" and words in finding.diagnosis, finding.diagnosis


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ("np.mean((model(y) + z / sigma) ** 2)", "mean over coordinates"),
        ("np.sum((model(y) + z / sigma) ** 2)", "no 1/2"),
        ("np.mean(np.sum(sigma**2 * (model(y) + z / sigma) ** 2, axis=1))", "times sigma^2, no 1/2 (convention of"),
    ],
)
def test_one_number_for_one_level(loss, words):
    """An adapter as most are: a float for sigma, a mean or a sum; there is enough left to tell 1/d from 1/2."""
    text = ADAPTER.replace("0.5 * squared_norm(model(y) + z / sigma)", loss)
    text = text.replace("    y = x", "    if len(set(sigma[:, 0])) > 1: raise NotImplementedError('levels')\n    y = x")
    finding = examined(text, "denoising_score_matching")
    assert finding.status != "passed" and words in finding.diagnosis, finding.diagnosis


def test_every_version_differs_where_sigma_is_one_number():
    """What an adapter that knows no levels by row is asked tells every entry of the bank from the right answers."""
    for function in EXAMINED:
        some = [v for v in vectors(function) if np.ndim(v.asked.arguments.get("sigma", [])) == 0]
        for variant, answers in bank(function) if some else ():
            if variant.name in ("one sigma for all rows", "one level for all rows", "one weight for all rows"):
                continue
            least = np.finfo(float).tiny  # where the right answer is 0 throughout
            gaps = [np.max(np.abs(answers[v.asked.id] - v.value) / np.maximum(v.scale, least)) for v in some]
            assert max(gaps) > 1e-3, variant


def test_every_version_of_the_sample_size_differs_for_a_single_chain():
    """Programs of one chain are asked where several pairs count, one larger than that before it."""
    of_several = ("chains that disagree count in full", "T/tau for n T/tau: the number of chains left out")
    some = [v for v in vectors("effective_sample_size") if v.asked.arguments["x"].shape[1] == 1]
    for variant, answers in bank("effective_sample_size"):
        gaps = [np.max(np.abs(answers[v.asked.id] - v.value) / v.scale) for v in some]
        assert (max(gaps) > 1e-3) == (variant.name not in of_several), variant


SYMMETRIC = (
    GRADIENTS.replace("changed(grad(loss)(model.parameters))", "_upper(grad(loss)(model.parameters))")
    + """
def _upper(gradient):
    import numpy as np
    for name in ("precision", "precisions"):
        if np.ndim(gradient.get(name, 0.0)) > 1:
            a = gradient[name]
            gradient[name] = 2 * np.triu(a, 1) + a * np.eye(a.shape[-1])
    return gradient
"""
)


def test_the_gradient_in_a_symmetric_matrix_is_one_along_symmetric_directions():
    assert examined(SYMMETRIC, "denoising_score_matching").status == "passed"


@pytest.mark.parametrize("function", EXAMINED)
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_answers_that_are_not_finite_are_said_to_be_so(function, number):
    answers = {v.asked.id: Answer(tuple(np.full(shape, number) for shape in v.shapes)) for v in vectors(function)}
    finding = judge(function, answers)
    assert finding.status == "failed" and ("NaN" if np.isnan(number) else "overflow") in finding.diagnosis


@pytest.mark.parametrize(("function", "part", "words"), [
    ("field_and_divergence", 1, "the divergence"), ("leapfrog", 0, "the positions"),
    ("entropy_gradient", 1, "the gradient in phi[1]"), ("RealNVP.inverse", 1, "the log-determinants"),
    ("implicit_negative_elbo", 0, "the values"), ("hmc_step", 1, "the probabilities of acceptance"),
    ("metropolis_step", 1, "the probabilities of acceptance"),
    ("estimated_log_partition", 1, "the standard error"),
])  # fmt: skip
def test_the_part_that_is_wrong_is_named_and_no_row_accused(function, part, words):
    answers = {}
    for vector in vectors(function):
        parts = np.split(vector.value, np.cumsum([int(np.prod(shape)) for shape in vector.shapes])[:-1])
        parts[part] = parts[part] * 1.01 + 0.01 * vector.asked.given["d"]
        answers[vector.asked.id] = Answer(tuple(p.reshape(s) for p, s in zip(parts, vector.shapes)))
    finding = judge(function, answers)
    assert finding.status == "failed" and f"wrong in {words} only" in finding.diagnosis
    assert "rows influence" not in finding.diagnosis


def test_what_underflows_may_be_zero():
    """A probability below the smallest normal number of the dtype; what does not underflow may not."""
    function = "GaussianBernoulliRBM.hidden_mean"
    for kind, lost, status in (
        (np.float32, 1e-38, "passed"),
        (np.float32, 1e-3, "failed"),
        (np.float64, 1e-38, "failed"),
    ):
        answers = {}
        for vector in vectors(function):
            chances = np.where(vector.value < lost, 0, vector.value).reshape(vector.shapes[0])
            answers[vector.asked.id] = Answer((chances.astype(kind),))
        assert judge(function, answers).status == status


# --- chains of conventions, and one place of a definition ------------------------------------------------------------

DENOISING = "0.5 * squared_norm(model(y) + z / sigma)"


@pytest.mark.parametrize(
    ("loss", "chain"),
    [
        ("np.mean((model(y) - x) ** 2)", ("the model predicts the clean point: s = (r - y)/sigma^2", SQUARED_ERROR)),
        ("squared_norm(model(y) - z + x)", ("the model predicts the velocity eps - x_0", "no 1/2")),
        ("sigma[:, 0] ** -2 * squared_norm(model(y) - x)",
         ("the model predicts the clean point: s = (r - y)/sigma^2", "times sigma^-2", "no 1/2")),
        ("(sigma[:, 0] ** 2 + 0.25) / 0.25 / sigma[:, 0] ** 2 * 0.5 * squared_norm(model(y) - x)",
         ("the model predicts the clean point: s = (r - y)/sigma^2",
          "weight (sigma^2 + sigma_data^2)/sigma^2/sigma_data^2, sigma_data = 0.5")),
    ],
)  # fmt: skip
def test_conventions_compose(loss, chain):
    finding = said("denoising_score_matching", DENOISING, loss)
    assert finding.status == "convention" and finding.names == (", ".join(chain), *chain), finding.diagnosis


def test_a_mistake_in_a_chain_of_conventions():
    """Sigma squared for sigma, in the loss that predicts the noise, mean squared error, mean of the rows."""
    text = ADAPTER.replace("y = x + sigma * z", "y = x + sigma**2 * z").replace(
        DENOISING, "np.mean((z - model(y)) ** 2)"
    )
    finding = examined(text, "denoising_score_matching")
    assert finding.status == "failed" and finding.names == ("noise of size sigma squared",)
    assert "the model predicts the noise: s = -eps/sigma" in finding.diagnosis and "(bug; " in finding.diagnosis
    assert SQUARED_ERROR in finding.diagnosis and "mean of the rows" in finding.diagnosis


def test_a_chain_that_is_not_quite_one_is_none():
    finding = said("denoising_score_matching", DENOISING, "np.mean((model(y) - x) ** 2) + 0.01 * len(x)")
    assert finding.status == "failed" and not finding.names and "convention" not in finding.diagnosis


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        ("+ z / sigma)", "+ z / sigma * np.abs(z))", ""),
        ("model(y) + z", "np.tanh(model(y)) + z", "tanh of score"),
        ("+ z / sigma)", "+ z / (sigma + 1e-7))", "an epsilon of 1e-07"),
        (DENOISING, f"{DENOISING} + 1e-7", "equals the reference plus 1e-07"),
        (DENOISING, f"np.sum({DENOISING} + 1e-7)", "equals the reference plus 1e-07, sum of the rows"),
        ("y = x + sigma * z", "y = x + sigma[:1] * z", "[:1]"),
    ],
)
def test_one_place_of_the_definition(was, becomes, words):
    finding = said("denoising_score_matching", was, becomes)
    assert finding.status == ("convention" if "epsilon" in words else "failed") and not finding.names
    assert words in finding.diagnosis if words else "equals" not in finding.diagnosis, finding.diagnosis


def test_a_name_with_its_exception():
    """One more cause does not hide it: what is wrong for a row alone is said beside it."""
    text = ADAPTER.replace("+ trace", "+ trace / x.shape[1] + 0.25 * (len(x) == 1)")
    finding = examined(text, "implicit_score_matching")
    assert finding.names == ("trace divided by d",) and "except where n is 1: there" in finding.diagnosis
    finding = examined(text.replace("0.25 * (len(x) == 1)", "0"), "implicit_score_matching")
    assert finding.names == ("trace divided by d",) and "except" not in finding.diagnosis


def test_a_name_to_the_accuracy_of_a_finite_difference():
    differences = (
        "sum((model(x + 1e-5 * e) - model(x - 1e-5 * e))[:, k] / 2e-5 for k, e in enumerate(np.eye(x.shape[1])))"
    )
    text = ADAPTER.replace("model(x), _trace(model, x)", f"model(x), {differences} / x.shape[1]")
    finding = examined(text, "implicit_score_matching")
    assert finding.status == "failed" and finding.names == ("trace divided by d",)
    assert "to the accuracy of a finite difference" in finding.diagnosis or "float32's accuracy" in finding.diagnosis


def test_a_fact_is_not_said_where_another_feature_tells_as_much():
    """Wrong in all numbers, by chance more where n is large: nothing is said of n."""
    finding = said("denoising_score_matching", DENOISING, f"{DENOISING} * (1.3 + np.sin(7 * x[:, 0]))")
    assert re.fullmatch(r"\d+ of \d+ numbers are wrong", finding.diagnosis), finding.diagnosis


def test_the_model_that_is_ignored():
    finding = said("denoising_score_matching", DENOISING, "0.5 * squared_norm(z / sigma)")
    assert finding.status == "failed" and "ignores the model" in finding.diagnosis


@pytest.mark.parametrize("function", sorted({row[0] for row in MADE}))
def test_what_was_listed_is_made(function):
    """Every convention that once stood in a list is a chain, by its words, or as short a one."""
    asked = vectors(function)
    for _, name, was, becomes, words in (row for row in MADE if row[0] == function):
        reading = Reading(function, Convention(function, name, was, becomes).implementation)
        answers = {v.asked.id: Answer(parts_of(v, reading.on(v))) for v in asked}
        finding = judge(function, answers)
        assert finding.status == "convention" and words in finding.names, (name, finding.diagnosis)


def parts_of(vector, flat):
    sizes = [int(np.prod(shape)) for shape in vector.shapes]
    return tuple(part.reshape(shape) for part, shape in zip(np.split(flat, np.cumsum(sizes)[:-1]), vector.shapes))


METROPOLIS = """
import numpy as np

def metropolis_step(energy, x, scale, z, u):
    there = x + scale * z
    with np.errstate(all="ignore"):
        a = np.exp(np.minimum(0, energy(x) - energy(there)))
        return np.where((u < a)[:, None], there, x), a
"""


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        ("", "", ""),  # how likely what is not accepted would be may be NaN
        ("(u < a)[:, None], there, x", "(u > a)[:, None], x, there", "whose energy is NaN accepted: that u > a"),
        ("energy(x) - energy(there)", "np.nan_to_num(energy(x) - energy(there))", "NaN accepted, as if a were 1"),
        ("(u < a)[:, None], there, x", "(u > -1)[:, None], there, x", "all that is proposed accepted"),
        ("there, x), a", "x, x), 0 * a", "the state never moves: what comes back is x, as it was given"),
    ],
)
def test_proposals_whose_energy_is_none(was, becomes, words):
    a_is_one = ", 1 + 0 * u" if "all that" in words else ", a"
    finding = examined(METROPOLIS.replace(was, becomes).replace(", a\n", f"{a_is_one}\n"), "metropolis_step")
    assert finding.status == ("failed" if words else "passed") and words in finding.diagnosis, finding.diagnosis


def test_a_row_that_depends_on_the_one_before_it():
    """Its first row is right, and a row alone is: no leak is seen there."""
    text = METROPOLIS.replace("there = x + scale * z", "there = np.concatenate([x[:1], x[:-1]]) + scale * z")
    finding = examined(text.replace("(u < a)", "(u < np.where(np.isnan(a), 1, a))"), "metropolis_step")
    words = (
        "wrong where a row is not the first (does it depend on those before?) only, apart from those where the energy"
    )
    assert finding.status == "failed" and words in finding.diagnosis, finding.diagnosis


CONTRAST = """
import numpy as np

def softplus(a):
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))

def noise_contrastive(log_model, log_noise, x, y):
    nu = np.log(len(y))
    at_x = log_model(x) - log_noise(x) - nu
    at_y = np.stack([log_model(one) - log_noise(one) - nu for one in y])
    return softplus(-at_x) + np.sum(at_y + softplus(-at_y), axis=0)
"""


HELD = """
import numpy as np

def score_of_flow(velocity, x, t):
    t = t[:, None]
    return -(x + (1 - t) * velocity(x, t[:, 0])) / t

def flow_velocity(score, x, t):
    s = t[:, None]
    return -(x + s * score(x, t)) / (1 - s)

def predicted_noise(score, sde, x, t):
    return -np.reshape(sde.marginal(t)[1], (-1, 1)) * score(x, t)
"""


@pytest.mark.parametrize(
    ("function", "was", "becomes", "said"),
    [
        ("score_of_flow", "/ t", "/ np.maximum(t, 0.1)", "np.maximum(t[:, None], 0.1)"),
        ("score_of_flow", "t = t[:, None]", "t = np.maximum(t[:, None], 0.3)", "with 0.3 for t where it is below that"),
        ("score_of_flow", "* velocity", "* 1 * velocity", ""),
        ("flow_velocity", "/ (1 - s)", "/ np.maximum(1 - s, 0.05)", "np.maximum(1 - t[:, None], 0.05)"),
        (
            "flow_velocity",
            "s = t[:, None]",
            "t = np.minimum(t, 0.875)\n    s = t[:, None]",
            "with 0.875 for t where it is above that",
        ),
        ("predicted_noise", "marginal(t)", "marginal(np.maximum(t, 0.0625))", "np.maximum(t, 0.0625)"),
    ],
)
def test_times_that_are_held_back_from_an_end_are_found(function, was, becomes, said):
    finding = examined(HELD.replace(was, becomes), function)
    assert finding.status == ("failed" if said else "passed"), finding.diagnosis
    assert said in finding.diagnosis, finding.diagnosis


TIMES = (glossary.Time, glossary.FreeTimes, glossary.Times)
OF_TIMES = [(f, name) for f in EXAMINED for name, kind in types(f).items() if kind in TIMES]


@pytest.mark.parametrize("number", [0.03125, 0.96875])
@pytest.mark.parametrize(("function", "name"), OF_TIMES)
def test_every_time_is_asked_near_its_ends(function, name, number):
    """A program that holds its times back, at 1/32 or more or 31/32 or less, answers some question wrongly."""
    held = np.maximum if number < 0.5 else np.minimum
    off = []
    for vector in vectors(function):
        given = vector.asked.arguments
        got = np.ravel(flat(ask(function, REFERENCE, given | {name: held(given[name], number)})))
        off.append(np.max(np.abs(got - vector.value) / tolerance(vector.scale)))
    assert (max(off) > 1e3) != (function == ALWAYS_0)


ROUNDED = """
import numpy as np
from scipy.spatial.distance import pdist
from scipy.special import logsumexp
from scipy.stats import chi2

def geometric_noise_levels(x, n, smallest):
    levels = np.geomspace(pdist(x).max(), smallest, n)
    one, two, d = *levels[:2], x.shape[1]
    square = 2 * d * np.log(one / two) / (1 / two**2 - 1 / one**2)
    return levels, 1 - (chi2.cdf(square / two**2, d) - chi2.cdf(square / one**2, d))

def estimated_log_partition(log_weights):
    n, log_z = len(log_weights), logsumexp(log_weights) - np.log(len(log_weights))
    return log_z, np.sqrt(np.sum((np.exp(log_weights - log_z) - 1) ** 2) / (n - 1) / n)
"""


@pytest.mark.parametrize(
    ("function", "digits", "mistake"),
    [
        ("geometric_noise_levels", 12, ("levels, 1 - (", "levels, 1 - (1 - 1e-13) * (")),
        ("estimated_log_partition", 13, ("np.sum((", "(1 + 4e-12) * np.sum((")),
    ],
)
def test_the_roundoff_of_another_form_is_no_failure(function, digits, mistake):
    """1 - F loses the digits of 1, and exp of large log weights those of the weights; more than that is a mistake."""
    finding = examined(ROUNDED, function)
    assert finding.status == "passed" and finding.worst <= 1, finding.diagnosis
    assert finding.diagnosis.startswith(f"right to {digits} digits at least: "), finding.diagnosis
    assert "roundoff" in finding.diagnosis
    finding = examined(ROUNDED.replace(*mistake), function)  # an epsilon at the most
    assert finding.status != "passed" and finding.worst > 1 and "roundoff" not in finding.diagnosis, finding.diagnosis


def test_digits_that_cancel_far_out_are_no_failure():
    """PyTorch's binary cross-entropy with logits is computed so. Other mistakes are named as if it were not."""
    finding = examined(CONTRAST, "noise_contrastive")
    assert finding.status == "passed" and "small numbers lose digits far out" in finding.diagnosis, finding.diagnosis
    assert finding.worst <= 1
    finding = examined(CONTRAST.replace("softplus(-at_x)", "softplus(at_x)"), "noise_contrastive")
    assert finding.names == ("sign of the data's term",), finding.diagnosis
    finding = examined(CONTRAST.replace("np.log(len(y))", "np.log10(len(y))"), "noise_contrastive")
    assert 'with "np.log10(len(y))" for "np.log(len(y))", each time' in finding.diagnosis, finding.diagnosis


LEVELS = """
import numpy as np

def noise_conditional_score_matching(score, x, sigma, z):
    sigma = np.reshape(sigma, (-1, 1)) * np.ones((len(x), 1))
    s = score(x + sigma * z, sigma[:, 0])
    return LOSS
"""


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ("np.mean(sigma**2 * 0.5 * np.sum((s + z / sigma) ** 2, axis=1), axis=0)", "the mean over the rows of a table"),
        ("np.mean(sigma**2 * 0.5 * np.sum((s + z / sigma) ** 2, axis=1), axis=1)", "the mean over the columns"),
        ("np.sum(sigma**2 * 0.5 * np.sum((s + z / sigma) ** 2, axis=1), axis=1)", "the sum over the columns"),
        (
            "np.mean((s - z) ** 2 / sigma)",
            r"times sigma\^-1 \(bug\), mean of the rows, where the model predicts the noise",
        ),
        ("np.sum((s - z) ** 2 * sigma**3, axis=1)", r"times sigma\^3 \(bug\), where the model predicts the noise"),
    ],
)
def test_a_weight_that_no_text_has_or_that_is_a_table(loss, words):
    finding = examined(LEVELS.replace("LOSS", loss), "noise_conditional_score_matching")
    assert finding.status == "failed" and re.search(words, finding.diagnosis), finding.diagnosis


def test_an_absolute_value_of_the_mean():
    text = "import numpy as np\n\ndef contrastive_divergence(energy, x, x_model):\n"
    text += "    return np.abs(np.mean(energy(x)) - np.mean(energy(x_model)))\n"
    finding = examined(text, "contrastive_divergence")
    said = "the wrong numbers are minus the right ones, none is negative: an absolute value?"
    assert finding.status == "failed" and said in finding.diagnosis, finding.diagnosis


STEPS = """
import numpy as np

def ddpm_loss(score, betas, x, i, z):
    kept = np.cumprod(1 - betas)[i][:, None]
    snr = (kept / (1 - kept))[:, 0]
    e = score(np.sqrt(kept) * x + np.sqrt(1 - kept) * z, i)
    return WEIGHT * np.mean((e - z) ** 2, axis=1)
"""


def test_a_weight_that_is_cut_where_little_noise_was_added():
    finding = examined(STEPS.replace("WEIGHT", "np.minimum(snr, 5) / snr"), "ddpm_loss")
    assert finding.status == "convention" and "times min(snr, 5)/snr" in finding.diagnosis, finding.diagnosis
    finding = examined(STEPS.replace("WEIGHT", "1"), "ddpm_loss")
    assert finding.status == "convention" and "min(snr" not in finding.diagnosis, finding.diagnosis


@pytest.mark.parametrize("function", sorted(TEXTS))
def test_the_texts_of_programs_say_what_the_definition_says(function):
    """Without a change; each stands for the definition in every question."""
    for words, tree in forms(function):
        same = Mutant(function, "", tree, tree.body[-1], tree.body[-1], words)
        reading = Reading(function, same.implementation)
        asked = list(vectors(function))
        given = np.concatenate([reading.on(one) for one in asked])
        assert Evidence(asked, "per row", given, 2.0**-53).holds, words


def test_what_a_search_takes_is_a_count():
    """No clock tells how far it goes: the same calls, and so the same candidates, on any machine."""
    assert cost("langevin_step") == cost("langevin_step") < cost("hmc_step")
    some = [sum(1 for _ in affordable(itertools.count(), name, 1e6)) for name in ("langevin_step", "hmc_step")]
    assert some == [int(1e6 // (cost(name) + compiling(name))) for name in ("langevin_step", "hmc_step")]


def test_a_program_under_a_profiler_may_be_compared():
    with cProfile.Profile() as profile, afresh():
        assert cost("langevin_step") > 0
        sorted([2, 1])
    assert any("sorted" in str(one.code) for one in profile.getstats())  # it goes on after the count


@pytest.mark.parametrize(
    ("function", "was", "becomes", "words"),
    [
        (
            "denoising_score_matching",
            DENOISING,
            "0.5 * squared_norm(np.clip(model(y), -1, 1) + z / sigma**2)",
            r"sigma squared for sigma \(bug\) and with score clipped to \[-1, 1\]",
        ),
        ("denoising_score_matching", DENOISING, "np.mean(np.abs(model(y)) + z / sigma, axis=1)", "^[0-9]+ of"),
    ],
)
def test_two_mistakes_at_once(function, was, becomes, words):
    finding = said(function, was, becomes)
    assert finding.status == "failed" and re.search(words, finding.diagnosis), finding.diagnosis


def test_a_candidate_that_writes_into_its_arguments_leaves_the_question():
    def writing(score, y, sigma):
        y *= 0
        return y

    vector = vectors("tweedie_mean")[0]
    y = vector.asked.arguments["y"].copy()
    assert not np.any(Reading("tweedie_mean", lambda: Implementation(tweedie_mean=writing)).on(vector))
    np.testing.assert_array_equal(vector.asked.arguments["y"], y)


NAIVE = """
import numpy as np
from refebm.crosscheck.frameworks.numpy import objective

@objective
def noise_contrastive(log_model, log_noise, x, y):
    odds = lambda x: log_model(x) - log_noise(x) - np.log(len(y))
    data, noise = 1 / (1 + np.exp(-odds(x))), 1 / (1 + np.exp(-odds(y.reshape(-1, x.shape[1]))))
    return -np.log(data) - np.log(1 - noise.reshape(len(y), -1)).sum(0)

@objective
def conditional_noise_contrastive(energy, x, y, log_ratio=None):
    gaps = np.stack([energy(one) - energy(x) for one in y]) + (0 if log_ratio is None else log_ratio)
    return 2 * np.log1p(np.exp(-gaps)).mean(0)

@objective
def gan_discriminator_loss(logit, x, y):
    real, fake = 1 / (1 + np.exp(-logit(x))), 1 / (1 + np.exp(-logit(y)))
    return -np.log(real) - np.log(1 - fake)

@objective
def mixed_noise(log_noise, log_proposal, weight, x):
    return np.log((1 - weight) * np.exp(log_noise(x)) + weight * np.exp(log_proposal(x)))
"""
SOFTPLUS = "log(1 + exp(a)), or -log(sigmoid(-a)), which overflows"


@pytest.mark.parametrize(
    ("function", "form", "was", "becomes", "said"),
    [
        ("noise_contrastive", "-log(1 - sigmoid(a))", " - np.log(len(y))", "", "log nu left out"),
        ("conditional_noise_contrastive", SOFTPLUS, "else log_ratio", "else -log_ratio", "sign of the log-ratio"),
        ("gan_discriminator_loss", SOFTPLUS, "-np.log(real)", "np.log(real)", "has coefficient -1"),
        ("mixed_noise", "log of the sum of densities", "return np.log((1", "return 2 * np.log((1", "equals 2 x"),
    ],
)
def test_overflow_is_set_apart_and_the_rest_is_named(function, form, was, becomes, said):
    """What is right elsewhere is said to be a naive form; a mistake beside it has its name."""
    right = examined(NAIVE, function)
    assert right.status == "failed" and right.diagnosis.startswith(f"naive form: {form}"), right.diagnosis
    wrong = examined(NAIVE.replace(was, becomes), function).diagnosis
    assert said in wrong and "numbers overflow: naive form, " in wrong, wrong


def test_a_factor_that_the_source_leaves_free_is_a_convention():
    text = "import numpy as np\nfrom refebm.crosscheck.frameworks.numpy import objective\n\n\n@objective\n"
    text += "def minimum_probability_flow(energy, x):\n    flipped = [np.abs(x - bit) for bit in np.eye(x.shape[1])]\n"
    text += "    return {} * sum(np.exp(0.5 * (energy(x) - energy(one))) for one in flipped)\n"
    found = examined(text.format("0.01"), "minimum_probability_flow")
    assert found.status == "convention" and "0.01 x the reference: times epsilon" in found.diagnosis, found.diagnosis
    assert examined(text.format("-0.01"), "minimum_probability_flow").status == "failed"


GIBBS = """
import numpy as np
from refebm.crosscheck.frameworks.numpy import objective

@objective
class GaussianBernoulliRBM:
    def __init__(self, b, c, W, sigma):
        self.b, self.c, self.W, self.sigma = b, c, W, sigma

    def hidden_mean(self, v):
        return 1 / (1 + np.exp(-(v @ self.W / self.sigma**2 + self.c)))

    def visible_mean(self, h):
        return self.b + h @ self.W.T

    def log_partition(self):
        m = len(self.c)
        h = np.array([[(k >> j) & 1 for j in range(m)] for k in range(2**m)], float)
        field = self.b + h @ self.W.T
        terms = h @ self.c + np.sum(field**2 - self.b**2, axis=1) / (2 * self.sigma**2)
        return np.logaddexp.reduce(terms) + len(self.b) * (0.5 * np.log(2 * np.pi) + np.log(self.sigma))

@objective
def gibbs_step(rbm, v, u_h, u_v):
    mean = rbm.visible_mean((u_h < rbm.hidden_mean(v)).astype(float))
    return mean + rbm.sigma * u_v if hasattr(rbm, "sigma") else (u_v < mean).astype(float)

@objective
def annealed_langevin(score, sigmas, eps, x, z):
    for sigma, noise in zip(sigmas, z):
        eta = eps * (sigma / sigmas[-1]) ** 2
        for z_t in noise:
            x = x + eta * score(x, np.full(len(x), sigma)) + np.sqrt(2 * eta) * z_t
    return x

@objective
def leapfrog(score, x, p, eps, n_steps):
    first = x
    for _ in range(n_steps):
        p = p + 0.5 * eps * score(x)
        x = x + eps * p
        p = p + 0.5 * eps * score(x)
    return x, p

@objective
def flow_matching(velocity, x, t, z):
    s = t[:, None]
    a = velocity((1 - s) * x + s * z, t) - (z - x)
    return 0.5 * np.sum(a**2, axis=1)

@objective
def decaying_steps(first, power, n_steps):
    return first / (1.0 + np.arange(n_steps)) ** power
"""


@pytest.mark.parametrize(
    ("function", "was", "becomes", "words"),
    [
        ("GaussianBernoulliRBM.log_partition", "range(2**m)", "range(1, 2**m)", "hidden units are 0 left out"),
        (
            "gibbs_step",
            "(u_v < mean)",
            "(np.append(u_h, u_v).ravel()[: u_v.size].reshape(u_v.shape) < mean)",
            "used again for u_v, row by row",
        ),
        (
            "annealed_langevin",
            "zip(sigmas, z)",
            "zip(sigmas, z[:1, :1] + 0 * z)",
            "the z of the first step at every step of every level",
        ),
        ("annealed_langevin", "* z_t", "* z_t[:1]", "the z of the first row for all rows"),
        ("gibbs_step", "(u_v < mean)", "(np.append(u_h, u_v, axis=1)[:, : v.shape[1]] < mean)", "used again for u_v"),
        ("leapfrog", "range(n_steps):\n", "range(n_steps):\n        x = first\n", 'x at each turn of "for _"'),
        ("flow_matching", "sum(a**2", "max(a**2", "the largest a_i^2 for |a|^2"),
        ("flow_matching", "sum(a**2, axis=1)", "sum(np.abs(a), axis=1) ** 2", "(|a_1| + ... + |a_d|)^2 for |a|^2"),
        ("flow_matching", "sum(a**2", "sum(np.abs(a)", "with |a_1| + ... + |a_d| for |a|^2"),
        ("flow_matching", "sum(a**2, axis=1)", "sum(a, axis=1) ** 2", "(a_1 + ... + a_d)^2 for |a|^2"),
        ("flow_matching", "sum(a**2, axis=1)", "sum(a**2, axis=1) ** 0.5", "|a|, the root of the sum of squares,"),
        ("flow_matching", "sum(a**2", "sum(a**4", "a_1^4 + ... + a_d^4 for |a|^2"),
        (
            "decaying_steps",
            "first / (1.0 + np.arange(n_steps)) ** power",
            "np.append(0.0, first / (1.0 + np.arange(n_steps - 1)) ** power)",
            "and a step of 0 before the first",
        ),
        ("decaying_steps", "np.arange(n_steps)", "np.minimum(np.arange(n_steps), n_steps - 2)", "its last step twice"),
    ],
)
def test_kinds_of_mistakes_are_named_in_functions_that_they_were_not_met_in(function, was, becomes, words):
    assert examined(GIBBS, function).status == "passed"
    assert words in examined(GIBBS.replace(was, becomes, 1), function).diagnosis


MACHINE = """
import numpy as np
from refebm.crosscheck.frameworks.numpy import objective

@objective
class BinaryRBM:
    def __init__(self, b, c, W):
        self.{own}, self.{other}, self.W = b, c, W{turned}

    def log_partition(self):
        states = [[(k >> j) & 1 for j in range(len(self.b))] for k in range({first}2**len(self.b){last})]
        v = np.array(states, float).reshape(-1, len(self.b))
        return np.logaddexp.reduce(v @ self.b + np.logaddexp(0, self.c + v @ self.W).sum(1))
"""


@pytest.mark.parametrize("layer", ["visible", "hidden"])
@pytest.mark.parametrize("left_out", ["", "0", "1"])
def test_a_state_that_is_left_out_of_a_sum_over_the_units_of_either_layer(layer, left_out):
    own, other, turned = ("b", "c", "") if layer == "visible" else ("c", "b", ".T")
    ends = {"first": "1, " * (left_out == "0"), "last": " - 1" * (left_out == "1")}
    found = examined(MACHINE.format(own=own, other=other, turned=turned, **ends), "BinaryRBM.log_partition")
    assert found.status == ("failed" if left_out else "passed"), found.diagnosis
    words = f"the state in which all {layer} units are {left_out} left out of the sum over all states"
    assert found.diagnosis == "" or words in found.diagnosis


def test_two_conventions_in_one_class_fail():
    """Each method alone is right; of v^T W h/sigma in one of them the other knows nothing."""
    methods = [f"GaussianBernoulliRBM.{one}" for one in ("hidden_mean", "visible_mean")]
    mixed = GIBBS.replace("/ self.sigma**2 + self.c", "/ self.sigma + self.c")
    alone, other = findings = [examined(mixed, one) for one in methods]
    assert (alone.status, other.status) == ("convention", "passed")
    first, second = consistent(findings)
    assert first.status == "failed" and "visible_mean is not in this convention" in first.diagnosis
    assert second == other
    both = mixed.replace("self.b + h @ self.W.T\n\n", "self.b + self.sigma * (h @ self.W.T)\n\n")
    assert [one.status for one in consistent([examined(both, one) for one in methods])] == ["convention"] * 2
    wrong = mixed.replace("self.b + h @", "2 * self.b + h @", 1)
    assert [one.status for one in consistent([examined(wrong, one) for one in methods])] == ["convention", "failed"]


def test_what_has_neither_rows_nor_coordinates_is_not_told_by_them():
    text = "import numpy as np\n\ndef cosine_betas(n, offset, most):\n    i = np.arange(n + 1)\n"
    text += "    kept = np.cos(0.5 * np.pi * (i / n + offset)) ** 2\n"
    text += "    return np.minimum(1 - kept[1:] / kept[:-1], most)\n"
    for function, has in (("cosine_betas", False), ("tweedie_mean", True)):
        some = vectors(function)
        evidence = Evidence(some, "per row", np.concatenate([one.value for one in some]), 2.0**-53)
        assert ({"n", "d"} <= {*_features(evidence)}) == has
        masks = dict(EXCEPTIONS)
        assert [bool(np.any(masks[one](evidence))) for one in ("n is 1", "d is 1")] == [has, has]
    found = examined(text, "cosine_betas").diagnosis
    assert "/ (1 + offset)" in found and not re.search(r"where (n|d) |n equals d", found), found


def test_where_a_mistake_is_nan_a_program_may_have_a_number():
    """The part that is drawn is twice what it is, and a root of less than 0 is 0."""
    text = "import numpy as np\n\ndef ddim_step(score, betas, x, i, eta, z):\n    kept = np.cumprod(1 - betas)\n"
    text += "    a, a_before = kept[i][:, None], np.append(1.0, kept)[i][:, None]\n"
    text += "    eps = -np.sqrt(1 - a) * score(x, i)\n"
    text += "    x_0 = (x - np.sqrt(1 - a) * eps) / np.sqrt(a)\n"
    text += "    sigma = 2 * eta * np.sqrt((1 - a_before) / (1 - a) * (1 - a / a_before))\n"
    text += "    ahead = np.sqrt(np.maximum(1 - a_before - sigma**2, 0))\n"
    text += "    return np.sqrt(a_before) * x_0 + ahead * eps + sigma * z\n"
    found = examined(text, "ddim_step").diagnosis
    assert "where that is NaN, yours is a number" in found, found


def test_what_is_searched_is_the_text_of_functions():
    """A name that a module imports and then binds anew was taken for a helper, and ended the examination."""
    trees = [tree for function in EXAMINED for _, tree in definitions(function)]
    assert len(trees) > 200 and {type(tree) for tree in trees} == {ast.FunctionDef}


IN_NUMPY = """
import numpy as np
from refebm import GaussianBernoulliRBM as Right
from refebm.crosscheck.frameworks.numpy import objective

@objective
def reverse_sde_step(score, sde, x, t, dt, z):
    g, late = sde.diffusion(t)[:, None], sde.diffusion(np.maximum(t - dt, 0))[:, None]
    return x - (sde.drift(x, t) - g**2 * score(x, t)) * dt + late * np.sqrt(dt) * z

@objective
class GaussianBernoulliRBM:
    def __init__(self, b, c, W, sigma):
        self.of = Right(b, c, W, sigma)

    def log_partition(self):
        wrong = 0.5 * (self.of.m - self.of.d) * np.log(2 * np.pi * self.of.sigma**2)
        return self.of.log_partition() + wrong
"""


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("reverse_sde_step", 'with "sde.diffusion(t - dt)[:, None]" for "sde.diffusion(t)[:, None]"'),
        ("GaussianBernoulliRBM.log_partition", '"self.m * (0.5 * LOG_2PI + np.log(self.sigma))" for "self.d * (0.5'),
    ],
)
def test_a_time_moved_on_too_early_and_one_size_for_another_have_names(function, words):
    assert words in examined(IN_NUMPY, function).diagnosis


THIRD = """
import numpy as np
from refebm.crosscheck.frameworks.numpy import objective

def softplus(a):
    return np.logaddexp(0, a)

@objective
def flow_matching(velocity, x, t, z):
    s = t[:, None]
    return 0.5 * np.sum((velocity((1 - s) * x + s * z, t) - (z - x)) ** 2, axis=1)

@objective
def ddpm_loss(score, betas, x, i, z):
    a = np.cumprod(1 - betas)[i][:, None]
    eps = -np.sqrt(1 - a) * score(np.sqrt(a) * x + np.sqrt(1 - a) * z, i)
    return 0.5 * np.sum((eps - z) ** 2, axis=1)

@objective
def ddim_step(score, betas, x, i, eta, z):
    kept = np.cumprod(1 - betas)
    before = np.append(1.0, kept[:-1])
    beta, now, then = betas[i][:, None], 1 - kept[i][:, None], 1 - before[i][:, None]
    s, drawn = score(x, i), eta * np.sqrt(beta * then / now)
    pointed = then * (1 - eta**2 + eta**2 * (1 - beta) * then / now)
    return (x + now * s) / np.sqrt(1 - beta) - np.sqrt(pointed * now) * s + drawn * z

@objective
def pseudo_likelihood(energy, x):
    bits = np.eye(x.shape[1])
    return sum(softplus(energy(x) - energy(np.abs(x - bit))) for bit in bits)

@objective
def marginal_of_steps(betas, i):
    kept = np.cumprod(1 - betas)[i]
    return np.sqrt(kept), np.sqrt(1 - kept)

@objective
def reverse_sde_step(score, sde, x, t, dt, z):
    g = sde.diffusion(t)[:, None]
    return x - (sde.drift(x, t) - g**2 * score(x, t)) * dt + g * np.sqrt(dt) * z

@objective
def leapfrog(score, x, p, eps, n_steps):
    p = p + 0.5 * eps * score(x)
    held = score(x)
    for _ in range(n_steps - 1):
        x = x + eps * p
        p = p + eps * score(x)
    x = x + eps * p
    return x, p + 0.5 * eps * score(x)

@objective
def noise_conditional_score_matching(score, x, sigma, z):
    return 0.5 * np.sum((sigma * score(x + sigma * z, sigma[:, 0]) + z) ** 2, axis=1)

@objective
def gibbs_step(rbm, v, u_h, u_v):
    mean = rbm.visible_mean((u_h < rbm.hidden_mean(v)).astype(float))
    return mean + rbm.sigma * u_v if hasattr(rbm, "sigma") else (u_v < mean).astype(float)

@objective
def classifier_energy(logits, x):
    a = logits(x)
    return -np.logaddexp.reduce(a, axis=1)

@objective
class BinaryRBM:
    def __init__(self, b, c, W):
        self.b, self.c, self.W = b, c, W

    def log_partition(self):
        h = np.array([[(k >> j) & 1 for j in range(len(self.c))] for k in range(2 ** len(self.c))], float)
        return np.logaddexp.reduce(h @ self.c + softplus(self.b + h @ self.W.T).sum(1))

@objective
def karras_noise_levels(n, smallest, largest, power=7.0):
    part, first, last = np.arange(n) / (n - 1), largest ** (1 / power), smallest ** (1 / power)
    return (first + part * (last - first)) ** power
"""
KEPT = "np.cumsum(np.log1p(-betas))"
CUT = "with 0.625 for sigma where it is below that"
EACH = "energy(x) - energy(np.abs(x - bit))"
POWERS = "largest**power, smallest**power\n    return (first + part * (last - first)) ** (1 / power)"
INTERPOLATED = "largest ** (1 / power), smallest ** (1 / power)\n    return (first + part * (last - first)) ** power"
THIRD_KINDS = [
    ("flow_matching", "(1 - s) * x + s", "1 - s * x + s", "velocity(1 - t[:, None] * x + t[:, None] * z, t)"),
    ("ddim_step", "np.append(1.0, kept[:-1])", "np.append(kept[-1:], kept[:-1])", f"np.append({KEPT}[-1:], "),
    ("ddim_step", "np.append(1.0, kept[:-1])", "np.append(kept[:1], kept[:-1])", f"np.append({KEPT}[:1], "),
    (
        "pseudo_likelihood",
        f"sum(softplus({EACH}) for bit in bits)",
        f"softplus(sum({EACH} for bit in bits))",
        "softplus(sum(",
    ),
    (
        "marginal_of_steps",
        "betas)[i]\n",
        "betas)[np.minimum(i + 1, len(betas) - 1)]\n",
        "np.minimum(i + 1, len(betas) - 1)",
    ),
    ("marginal_of_steps", "betas)[i]\n", "betas)[np.maximum(i - 1, 0)]\n", "np.maximum(i - 1, 0)"),
    ("reverse_sde_step", "drift(x, t)", "drift(x, t + dt)", 'with "sde.drift(x, t + dt)" for "sde.drift(x, t)"'),
    ("reverse_sde_step", "    g = sde", "    t = t + dt\n    g = sde", "with t + dt for t"),
    ("reverse_sde_step", "    g = sde", "    t = t - dt\n    g = sde", "with t - dt for t"),
    (
        "leapfrog",
        "eps * score(x)\n    x = x",
        "eps * held\n    x = x",
        'score asked at the first x at each turn of "for _"',
    ),
    (
        "noise_conditional_score_matching",
        "    return 0.5 * np.sum((sigma",
        "    sigma = np.maximum(sigma, 0.625)\n    return 0.5 * np.sum((sigma",
        CUT,
    ),
    (
        "gibbs_step",
        "(u_v < mean)",
        "(u_v > mean)",
        'wrong only where kind is binary_rbm: there it equals the reference with "1 - rbm.visible',
    ),
    (
        "classifier_energy",
        "a = logits(x)",
        "a = np.exp(logits(x))\n    a = a / np.sum(a, axis=1, keepdims=True)",
        "with the softmax of logits",
    ),
    (
        "BinaryRBM.log_partition",
        ", float)",
        ", float) * 2 - 1",
        "the sum over all states with hidden units of -1 and 1, not of 0 and 1",
    ),
    ("karras_noise_levels", "part, first", "power = 2 * power\n    part, first", "twice power in place of power"),
    ("karras_noise_levels", INTERPOLATED, POWERS, "1/power in place of power, but for digits that small numbers lose"),
]


@pytest.mark.parametrize(("function", "was", "becomes", "words"), THIRD_KINDS)
def test_what_a_third_stranger_brought_is_named_elsewhere_too(function, was, becomes, words):
    assert THIRD.count(was) == 1 and examined(THIRD, function).status == "passed"
    assert words in examined(THIRD.replace(was, becomes), function).diagnosis


EDGES = "np.max(pdist(x))"
DRIFT = "sde.drift(x, t)"
MOVED = "score(scale * x + std * z, t) + z / std"
SIZES = "s, ell, (n, d) = score(x), bandwidth, x.shape"
CORNERS = "np.maximum(0, 1 - np.abs(np.linspace(0, side(x) - 1, size)[:, None] - np.arange(side(x))))"
BY_HAND = [(*row[:4], *row[5:]) for row in [*FOURTH, *KIN]]
OTHER_KINDS = [  # changes of the adapter by hand
    ("geometric_noise_levels", EDGES, "2 * np.max(np.sqrt(squared_norm(x)))", r"twice the largest \|x_i\|"),
    ("geometric_noise_levels", EDGES, "np.max(np.sqrt(squared_norm(x - np.mean(x, axis=0))))", "from the mean"),
    ("geometric_noise_levels", EDGES, "np.max(np.sqrt(squared_norm(x - x[0])))", "from the first point"),
    ("geometric_noise_levels", EDGES, "np.max(np.max(x, 0) - np.min(x, 0))", "the largest difference in a coordinate"),
    ("geometric_noise_levels", EDGES, "np.max(x) - np.min(x)", "the largest and the smallest number"),
    ("geometric_noise_levels", EDGES, "np.sum((np.max(x, 0) - np.min(x, 0)) ** 2) ** 0.5", "the diagonal of the box"),
    ("geometric_noise_levels", "pdist(x)", "pdist(x, 'cityblock')", "the sum of differences in the coordinates"),
    ("geometric_noise_levels", "pdist(x)", "pdist(x, 'sqeuclidean')", "the largest squared distance"),
    ("geometric_noise_levels", EDGES, "np.min(pdist(x))", "the smallest distance"),
    ("BinaryRBM.hidden_mean", "expit(", "(lambda a: np.clip(0.2 * a + 0.5, 0, 1))(", "a/5"),
    ("BinaryRBM.hidden_mean", "expit(", "(lambda a: np.clip(0.25 * a + 0.5, 0, 1))(", "derivative at 0"),
    ("classifier_energy", "logsumexp", "np.max", "largest"),
    (
        "kernel_stein",
        SIZES,
        SIZES.replace(", (n", ", unbiased, (n").replace(", x.s", ", True, x.s"),
        "count: True for it",
    ),
    (
        "kernel_stein",
        SIZES,
        SIZES.replace(", (n", ", unbiased, (n").replace(", x.s", ", 0, x.s"),
        "count: False for it",
    ),
    ("level_ratio", "low, high = 1.0, 1e3", "low, high, coverage = 1.0, 1e3, 0.5", "coverage that does not count: 0.5"),
    ("diffusion_score_matching", MOVED, MOVED.replace("std", "std**2"), "the variance std.t..2 for std"),
    ("score_of_noise", "/ std", "/ np.sqrt(std)", "root of std|sqrt.*std"),
    ("BinaryRBM.free_energy", "softplus(self.c + np.dot(v, self.W))", "softplus(-self.c - v @ self.W)", "-log sigmoid"),
    ("VariancePreserving.drift", "self.beta(t)", "self.beta(1 - t)", "with 1 - t in place of t", "LinearSDE.drift"),
    ("VariancePreserving.beta", "+ t * (self", "+ t**2 * (self", "with the square of t in place of t"),
    ("marginal_of_steps", "np.expm1(log_kept)", "np.expm1(0.5 * log_kept)", "1 - m, for 1 - m.2"),
    ("euler_maruyama_step", "sde.diffusion(t)[:, None]", "sde.marginal(t)[1][:, None] ** 2", "variance std.t..2 for g"),
    ("euler_maruyama_step", DRIFT, "sde.marginal(t)[0][:, None] * x", "the mean m.t. x for the drift"),
    (
        "VarianceExploding.kernel",
        "self.sigma(s) * np.sqrt(np.expm1(2 * (t - s) * self.log_ratio))",
        "np.sqrt(np.maximum(self.diffusion(t) ** 2 - self.sigma(s) ** 2, 0))",
        "self.diffusion.t.",
    ),
    (
        "repeated_pixels",
        "np.repeat(np.repeat(pictures(x), k, axis=1), k, axis=2)",
        f"np.einsum('ai,nij,bj->nab', {CORNERS}, pictures(x), {CORNERS})",
        "between the corners",
    ),
]


@pytest.mark.parametrize("row", [*BY_HAND, *OTHER_KINDS], ids=lambda row: row[0])
def test_kinds_of_mistakes_are_named_in_the_adapter_by_hand(row):
    """Those that strangers brought, in functions that they were met in and in others."""
    finding = finding_of(row)
    assert outcome(row, finding, right=False) == "named", finding.diagnosis


@pytest.mark.parametrize("epsilon", [1e-5, 1e-8])
def test_an_epsilon_in_a_divisor_is_found_in_a_long_text(epsilon):
    text = "import numpy as np\n\ndef split_r_hat(x):\n    half = len(x) // 2\n"
    text += (
        "    halves = np.concatenate([x[:half], x[half : 2 * half]], axis=1)\n    w = halves.var(0, ddof=1).mean(0)\n"
    )
    text += "    pooled = (half - 1) / half * w + halves.mean(0).var(0, ddof=1)\n"
    text += f"    return np.sqrt(pooled / (w + {epsilon}))\n"
    found = examined(text, "split_r_hat")
    assert found.status == "convention" and f"an epsilon of {epsilon:.3g}" in found.diagnosis, found.diagnosis


HEAD = """
import autograd
import numpy as np
from refebm.crosscheck.frameworks.numpy import objective


@objective(gradient=True)
"""
WRONG_AT_A_SPECIAL_CASE = {  # by what is said of them
    "wrong where shape is 1 only": (
        "Gamma.fisher_information",
        "class Gamma:\n    def __init__(self, shape, rate):\n        self.a, self.b = shape, rate\n\n"
        "    def fisher_information(self):\n        return self.b**2 / np.maximum(self.a - 2, 0.25)\n",
    ),
    "naive form: log of the sum of exp": (
        "classifier_energy",
        "def classifier_energy(logits, x):\n    return -np.log(np.sum(np.exp(logits(x)), axis=1))\n",
    ),
    "NaN": (
        "mean_field_free_energy",
        "def mean_field_free_energy(rbm, v, h):\n"
        "    entropy = -sum(np.sum(p * np.log(p) + (1 - p) * np.log(1 - p), axis=1) for p in (v, h))\n"
        "    return rbm.energy(v, h) - entropy\n",
    ),
    "right where b is 0": (
        "BinaryRBM.visible_mean",
        "class BinaryRBM:\n    def __init__(self, b, c, W):\n        self.b, self.W = b, W\n\n"
        "    def visible_mean(self, h):\n        return self.b + 1 / (1 + np.exp(-np.dot(h, self.W.T)))\n",
    ),
    "right where there is one component": (
        "GaussianMixture.score",
        "class GaussianMixture:\n    def __init__(self, weights, means, covs):\n"
        "        self.laws = list(zip(means, np.linalg.inv(covs)))\n\n    def score(self, x):\n"
        "        return sum(np.dot(m - x, p) for m, p in self.laws) / len(self.laws)\n",
    ),
}


@pytest.mark.parametrize("said", WRONG_AT_A_SPECIAL_CASE)
def test_special_cases_are_asked(said):
    function, text = WRONG_AT_A_SPECIAL_CASE[said]
    finding = examined(HEAD + text, function)
    assert finding.status == "failed" and said in finding.diagnosis, finding.diagnosis


TAKEN = """
    s, back = field(x), autograd.make_vjp(field, 0)(x)[0]
    constant = lambda a: np.array(autograd.tracer.getval(a))
    rows = [back(np.ones((len(x), 1)) * unit) for unit in np.eye(x.shape[1])]
    div = sum(row[:, i] for i, row in enumerate(rows))
"""


@pytest.mark.parametrize("held", ["", "s", "div"])
def test_what_is_differentiated_in_training_has_gradients(held):
    """Each part of an answer, though it is no loss."""
    given = ", ".join(f"constant({one})" if one == held else one for one in ("s", "div"))
    text = f"{HEAD}def field_and_divergence(field, x):{TAKEN}    return {given}\n"
    finding = examined(text, "field_and_divergence")
    if not held:
        assert finding.status == "passed" and finding.gradients, finding.diagnosis
    else:
        words = "the value is right, its gradient in the parameters is wrong in layers"
        assert finding.status == "failed" and words in finding.diagnosis, finding.diagnosis
