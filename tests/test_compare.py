"""A loss on somebody's own model and points: refebm's is computed through that model, and the diagnosis is the same."""

import contextlib
import functools
import itertools
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import refebm
import refebm.crosscheck
from refebm.crosscheck import compare
from refebm.crosscheck.examine import InTurn
from refebm.crosscheck.frameworks.numpy import handing_out
from refebm.glossary import InputError
from refebm.variants import TERMS
from refebm.variants.arguments import parameters

RNG = np.random.default_rng(3)
X, W, V = RNG.normal(size=(6, 3)), RNG.normal(size=(3, 3)), RNG.normal(size=(3,))


def numpy_score(x):
    return np.sin(x @ W) * V


def numpy_product(x, v):
    return np.cos(x @ W) * V * (v @ W)


def trace(x):
    return np.cos(x @ W) @ (V * np.diag(W))


def implicit(score, x):
    return 0.5 * np.sum(score(x) ** 2, axis=1) + trace(x)


def test_numpy_callables_with_a_product_have_exact_traces():
    report = compare("implicit_score_matching", implicit, score=numpy_score, product=numpy_product, x=X)
    assert report.passed and report.findings[0].status == "passed", report
    wrong = compare(
        "implicit_score_matching",
        lambda score, x: np.sum(score(x) ** 2, axis=1) + trace(x),
        score=numpy_score,
        product=numpy_product,
        x=X,
    )
    assert wrong.findings[0].status == "failed"
    assert wrong.findings[0].names, wrong


def test_an_energy_with_its_gradient_and_products():
    def energy(x):
        return 0.5 * np.sum(x**4, axis=1)

    def step(energy, x, eta, z):
        return x - eta * 2 * x**3 + np.sqrt(2 * eta) * z

    given = {"gradient": lambda x: 2 * x**3, "product": lambda x, v: 6 * x**2 * v}
    own = {"score": lambda x: -2 * x**3, "x": X}
    assert compare("langevin_step", step, eta=0.25, **own).passed
    assert "raises TypeError" in str(compare("langevin_step", lambda one: one, eta=0.25, **own))

    def twice(energy, log_z, x):
        return 2 * energy(x) + log_z

    nll = compare("negative_log_likelihood", twice, energy=energy, log_z=1.5, x=X, **given)
    assert not nll.passed and nll.findings[0].diagnosis, nll


@pytest.mark.parametrize("kind", ["float64", "float32"])
def test_an_energy_in_the_place_of_a_score(kind):
    """It is handed to the loss, and its gradients in the parameters are examined as those of a score are."""
    torch, model, x = torch_model()
    kind = getattr(torch, kind)
    energy, x = torch.nn.Sequential(model, torch.nn.Linear(3, 1), torch.nn.Flatten(0)).to(kind), x.to(kind)

    def loss(energy, x, sigma, z, sign=-1, half=0.5):
        x = (x + sigma * z).requires_grad_()
        (slope,) = torch.autograd.grad(energy(x).sum(), x, create_graph=True)
        return (half * ((sign * slope + z / sigma) ** 2).sum(1)).mean()

    (right,) = compare("denoising_score_matching", loss, energy=energy, x=x, sigma=0.5).findings
    assert (right.status, right.gradients) == ("passed", 2), right.diagnosis
    plus = functools.partial(loss, sign=1)
    (wrong,) = compare("denoising_score_matching", plus, energy=energy, x=x, sigma=0.5).findings
    assert wrong.status == "failed" and "sign" in wrong.diagnosis, wrong.diagnosis
    with pytest.raises(InputError, match=r"got \(\d,\); an energy is given as energy="):
        compare("denoising_score_matching", loss, score=energy, x=x, sigma=0.5)


@pytest.mark.parametrize("kind", ["float64", "float32"])
def test_small_squares_of_energies_are_found_without_noise(kind):
    """Their size is a few tolerances of float32; and the questions are not numbered without gaps."""
    torch, model, x = torch_model()
    kind = getattr(torch, kind)
    energy, x = torch.nn.Sequential(model, torch.nn.Linear(3, 1), torch.nn.Flatten(0)).to(kind), x.to(kind)

    def loss(energy, x, x_model):
        here, there = energy(x), energy(x_model)
        return here.mean() - there.mean() + 0.001 * ((here**2).mean() + (there**2).mean())

    (finding,) = compare("contrastive_divergence", loss, energy=energy, x=x, x_model=0.5 * x).findings
    assert finding.status == "convention" and "alpha = 0.001" in finding.diagnosis, finding.diagnosis


def test_a_loss_has_names_of_its_own_for_models():
    def step(*, x, network, eta, z):
        return x + eta * network(x) + np.sqrt(2 * eta) * z

    assert compare("langevin_step", step, score=numpy_score, x=X, eta=0.25).passed
    swapped = lambda x, eta, z, network: x + eta * network(x) + np.sqrt(2 * eta) * z  # noqa: E731
    assert compare("langevin_step", swapped, score=numpy_score, x=X, eta=0.25).passed
    long = compare("langevin_step", lambda f, x, eta, z: z, score=np.sin, x=np.ones((1, 200)), eta=0.25)
    assert "# x: your own, (1, 200)" in str(long)


def test_products_are_wanted_where_refebm_differentiates():
    with pytest.raises(InputError, match=r"give product\(x, v\)"):
        compare("implicit_score_matching", implicit, score=numpy_score, x=X)


@pytest.mark.parametrize(
    ("function", "given"),
    [
        ("no_such_thing", {"x": X}),
        ("Gaussian.log_prob", {"x": X}),
        ("denoising_score_matching", {"x": X, "sigma": 0.5}),
        ("denoising_score_matching", {"score": numpy_score, "x": X, "sigma": 0.5, "tau": 1}),
    ],
)
def test_what_cannot_be_compared(function, given):
    with pytest.raises(InputError, match="E-OPTION"):
        compare(function, implicit, **given)


def torch_model():
    torch = pytest.importorskip("torch", reason="a peer, of the extra that is called so")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Softplus(), torch.nn.Linear(8, 3)).double()
    return torch, model, torch.tensor(X)


LOSSES = {  # of a network of PyTorch's, drawing its noise itself, in a mean: what is said
    "0.5 * ((score(x + sigma * z) + z / sigma) ** 2).sum(1).mean()": ("passed", ""),
    "((score(x + sigma * z) + z / sigma) ** 2).sum(1).mean()": ("", "2 x the reference"),
    "0.5 * ((score(x + sigma * z) + z / sigma**2) ** 2).sum(1).mean()": ("failed", "sigma squared for sigma"),
    "0.5 * ((score(x + sigma * z) - z / sigma) ** 2).sum(1).mean()": ("failed", "sign"),
}


@pytest.mark.parametrize("text", LOSSES)
def test_a_loss_of_somebody_that_draws_its_noise(text):
    torch, model, x = torch_model()

    def my_loss(score, x, sigma):
        z = torch.randn_like(x)
        return eval(text, {"score": score, "x": x, "sigma": sigma, "z": z})

    before = torch.get_default_dtype()
    report = compare("denoising_score_matching", my_loss, score=model, x=x, sigma=0.5)
    status, said = LOSSES[text]
    assert report.findings[0].status == status or not status, report
    assert said in report.findings[0].diagnosis, report
    assert report.findings[0].reduction == "mean" and torch.get_default_dtype() == before


def test_another_law_than_the_one_that_is_wanted():
    torch, model, x = torch_model()

    def my_loss(score, x, sigma):
        z = torch.rand_like(x)
        return 0.5 * ((score(x + sigma * z) + z / sigma) ** 2).sum(1)

    report = compare("denoising_score_matching", my_loss, score=model, x=x, sigma=0.5)
    assert "draws uniform numbers where unit normal numbers (1, 3) are wanted" in str(report)


def test_a_trace_through_a_network_in_float32():
    torch, model, x = torch_model()

    def my_loss(x, score):
        x = x.clone().requires_grad_()
        s = score(x)
        diagonal = [torch.autograd.grad(s[:, i].sum(), x, create_graph=True)[0][:, i] for i in range(3)]
        return 0.5 * (s**2).sum(1) + sum(diagonal)

    assert compare("implicit_score_matching", my_loss, score=model, x=x).passed
    report = compare("implicit_score_matching", my_loss, score=model.float(), x=x.float())
    assert report.passed and report.findings[0].dtype == "float32", report


def test_a_function_of_jax():
    jax = pytest.importorskip("jax", reason="a peer, of the extra that is called so")

    def score(x):
        return jax.numpy.tanh(x @ W) * V

    def my_loss(score, x, v):
        push = jax.jvp(score, (x,), (v,))[1]
        return 0.5 * (v * score(x)).sum(1) ** 2 + (v * push).sum(1)

    before = jax.config.jax_enable_x64
    report = compare("sliced_score_matching", my_loss, score=score, x=jax.numpy.asarray(X))
    assert report.passed, report
    assert jax.config.jax_enable_x64 == before


def test_at_one_level_the_shortest_convention_is_said():
    """At sigma = 1/2 the weight of Karras et al., sigma^2 (sigma^2 + 1/4)/(1/4), is 2 sigma^2 too."""
    loss = lambda score, x, sigma, z: np.sum((sigma * score(x + sigma * z) + z) ** 2, axis=1)  # noqa: E731
    said = str(compare("denoising_score_matching", loss, score=numpy_score, x=X, sigma=0.5))
    assert "times sigma^2, no 1/2 (convention of" in said


def test_a_small_loss_is_no_small_multiple_of_a_large_one():
    """Where the loss is 300 times its root, float32's roundoff of the loss is as large as what tells its root apart."""
    x = RNG.normal(size=(64, 300)).astype(np.float32)

    def root(score, x, sigma, z):
        return np.sqrt(np.sum(np.float32(score(x + sigma * z) + z / sigma) ** 2, axis=1)).mean()

    said = str(compare("denoising_score_matching", root, score=lambda x: np.float32(0 * x), x=x, sigma=0.5))
    assert "equals 2 x the reference with |a|, the root of the sum of squares, for |a|^2" in said


# ---- gradients in the parameters of somebody's model -----------------------------------------------------------------

SCORE, SLIPS = "score(x + sigma * z)", "value is right, its gradient in the parameters is wrong in 0.weight, 0.bias"
TRAINED = {  # values that are right, or 2 x the right ones, of losses in a mean, in a sum and by row: what is said
    f"0.5 * (({SCORE}.detach() + z / sigma) ** 2).sum(1).mean()": f"{SLIPS}, 2.weight and 1 more: it is zero",
    f"(({SCORE}.detach() + z / sigma) ** 2).sum(1).mean()": "2 x the reference",
    f"0.5 * (({SCORE} + z / sigma) * ({SCORE}.detach() + z / sigma)).sum(1)": "and 1 more: it is 0.5 x the right one",
    f"0.5 * (({SCORE} + z / sigma) ** 2).sum(1)": "",
    f"0.5 * (({SCORE} + z / sigma) ** 2).sum()": "",
    f"(({SCORE} + z / sigma) ** 2).sum(1).mean()": "",
}


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("text", TRAINED)
def test_gradients_in_the_parameters_are_examined(text, kind):
    torch, model, x = torch_model()
    kind = getattr(torch, kind)
    loss = eval(f"lambda score, x, sigma, z: {text}", {"torch": torch})
    (finding,) = compare("denoising_score_matching", loss, score=model.to(kind), x=x.to(kind), sigma=0.5).findings
    assert finding.gradients == 2 and "not examined" not in finding.diagnosis
    assert (finding.status == "failed") == bool(TRAINED[text]), finding
    assert TRAINED[text] in finding.diagnosis
    assert ("but its gradient" in finding.diagnosis) == TRAINED[text].startswith("2 x")


def test_samples_that_are_not_held_and_a_trace_whose_gradient_is_cut():
    torch, model, x = torch_model()
    energy = lambda x: model(x).sum(1)  # noqa: E731
    report = compare("negative_log_likelihood", lambda e, c, x: e(x) + c, energy=energy, log_z=1.0, x=x)
    assert report.passed and "gradients not examined: the model is no torch.nn.Module" in str(report)
    module = torch.nn.Sequential(model, torch.nn.Linear(3, 1), torch.nn.Flatten(0)).double()
    made = x + module[0](x)  # by the model that is trained
    held = compare("contrastive_divergence", lambda e, x, y: e(x) - e(y.detach()), energy=module, x=x, x_model=made)
    assert held.passed and held.findings[0].gradients
    free = compare("contrastive_divergence", lambda e, x, y: e(x) - e(y), energy=module, x=x, x_model=made)
    assert "its gradient in the parameters is wrong" in str(free)

    def implicit(score, x, create=True):
        x = x.clone().requires_grad_()
        s = score(x)
        rows = [torch.autograd.grad(s[:, i].sum(), x, create_graph=True)[0][:, i] for i in range(3)]
        return 0.5 * (s**2).sum(1) + sum(row if create else row.detach() for row in rows)

    assert compare("implicit_score_matching", implicit, score=model, x=x).findings[0].gradients == 2
    cut = compare("implicit_score_matching", lambda s, x: implicit(s, x, False), score=model, x=x)
    assert "its gradient in the parameters is wrong in 0.weight" in str(cut)


LOST = {  # losses with the right value: what has no gradient, or not the right one
    "0.5 * (s**2).sum(1) + trace.detach()": r"no gradient flows through tr\(grad s\), but one must: is it detached, or",
    "0.5 * (s.detach() ** 2).sum(1) + trace": r"no gradient flows through 1/2 \|s\|\^2, but one must",
    "0.5 * (s * s.detach()).sum(1) + trace": r"the gradient of 1/2 \|s\|\^2 is 1/2 x the right one$",
    "0.5 * (s * (s + s[:, :1] - s[:, :1].detach())).sum(1) + trace": "2.weight and 1 more$",
}


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("text", LOST)
def test_what_has_lost_its_gradient_in_the_parameters_is_named(text, kind):
    torch, model, x = torch_model()

    def loss(score, x):
        x = x.clone().requires_grad_()
        s = score(x)
        trace = sum(torch.autograd.grad(s[:, i].sum(), x, create_graph=True)[0][:, i] for i in range(3))
        return eval(text, {"s": s, "trace": trace})

    kind = getattr(torch, kind)
    (finding,) = compare("implicit_score_matching", loss, score=model.to(kind), x=x.to(kind)).findings
    assert "the value is right, its gradient in the parameters is wrong in" in finding.diagnosis
    assert re.search(LOST[text], finding.diagnosis), finding.diagnosis


IN_CONVENTIONS = {  # by function: losses right but for a weight that varies, an added term, or what the model predicts
    "denoising_score_matching": {
        "((sigma * {f} + z) ** 2).sum(1)": "",
        "((sigma * {f} + z) * (sigma * {f}.detach() + z)).sum(1)": "no 1/2 .* it is 0.5 x the right one",
        "((sigma * {f}.detach() + z) ** 2).sum()": "is wrong in 0.weight, 0.bias, 2.weight and 1 more: it is zero",
    },
    "contrastive_divergence": {
        "{e} + 0.1 * (energy(x) ** 2 + energy(x_model) ** 2)": "",
        "{e} + 0.1 * (energy(x) ** 2 + energy(x_model) ** 2).detach()": "flows through what this convention adds, but",
        "{e}.detach() + 0.1 * (energy(x) ** 2 + energy(x_model) ** 2)": r"alpha = 0.1 .* 2.weight and 3 more$",
    },
}


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize(("function", "text"), [(name, text) for name, some in IN_CONVENTIONS.items() for text in some])
def test_gradients_in_a_convention_that_is_no_factor_are_examined(function, text, kind):
    torch, model, x = torch_model()
    dtype, said = getattr(torch, kind), IN_CONVENTIONS[function][text]
    if function == "contrastive_divergence":
        model = torch.nn.Sequential(*model, torch.nn.Linear(3, 1), torch.nn.Flatten(0)).double()
        given = {"energy": model.to(dtype), "x_model": (x + 0.5).to(dtype)}
    else:
        given = {"score": model.to(dtype), "sigma": torch.linspace(0.2, 1, 6, dtype=dtype)}
    text = text.format(f="score(x + sigma * z)", e="energy(x) - energy(x_model)")
    loss = eval(f"lambda {', '.join(parameters(function))}: {text}")
    (finding,) = compare(function, loss, x=x.to(dtype), **given).findings
    assert finding.gradients == 2 and finding.status == ("failed" if said else "convention"), finding
    assert re.search(said, finding.diagnosis), finding.diagnosis


@pytest.mark.parametrize("detached", [False, True])
def test_gradients_of_a_network_that_predicts_the_noise_are_examined(detached):
    """By its answers where the formula asks it, since refebm's formula has the score."""
    torch, _, x = torch_model()
    betas = torch.linspace(0.01, 0.3, 10, dtype=torch.float64)
    kept = torch.cumprod(1 - betas, 0)[:, None]

    class Conditional(torch.nn.Linear):
        def forward(self, x, i):
            return super().forward(torch.cat([x, i[:, None].double()], 1))

    model = Conditional(4, 3).double()

    def loss(score, x, i, z):
        found = score(kept[i].sqrt() * x + (1 - kept[i]).sqrt() * z, i)
        return (((found.detach() if detached else found) - z) ** 2).mean()

    (finding,) = compare("ddpm_loss", loss, score=model, x=x, betas=betas).findings
    assert finding.gradients == 2 and finding.status == ("failed" if detached else "convention"), finding
    assert "the model predicts the noise" in finding.diagnosis and ("it is zero" in finding.diagnosis) == detached


def test_a_convention_whose_formula_differentiates_the_model_has_no_verdict_on_gradients():
    torch, model, x = torch_model()

    def signs(score, x, v):
        x, v = x.clone().requires_grad_(), v.sign()
        slope = torch.autograd.grad((score(x) * v).sum(), x, create_graph=True)[0]
        return 0.5 * (v * score(x)).sum(1) ** 2 + (v * slope).sum(1)

    (finding,) = compare("sliced_score_matching", signs, score=model, x=x).findings
    assert finding.status == "convention" and "Rademacher" in finding.diagnosis
    assert "gradients not examined: in this convention the formula differentiates the model" in finding.diagnosis


def test_a_loss_whose_gradient_cannot_be_taken_fails():
    torch, model, x = torch_model()

    def freed(score, x, v):
        x = x.clone().requires_grad_()
        s = score(x)
        slope = torch.autograd.grad((s * v).sum(), x)[0]
        return 0.5 * (v * s).sum(1) ** 2 + (v * slope).sum(1)

    (finding,) = compare("sliced_score_matching", freed, score=model, x=x).findings
    assert finding.status == "failed"
    assert "the value is right, its gradient cannot be taken: RuntimeError: Trying to backward" in finding.diagnosis


def test_what_has_lost_its_gradient_in_jax_is_named(monkeypatch):
    """By its term or, were there none, by its place."""
    jax = pytest.importorskip("jax", reason="a peer, of the extra that is called so")
    model = jax.tree_util.Partial(lambda w, x: jax.numpy.tanh(x @ w), jax.numpy.asarray(W))

    def sliced(score, x, v):
        s, slope = jax.jvp(score, (x,), (v,))
        return jax.lax.stop_gradient((v * slope).sum(1)) + 0.5 * (v * s).sum(1) ** 2

    given = {"score": model, "x": jax.numpy.asarray(X)}
    assert "no gradient flows through v^T grad s v, but" in str(compare("sliced_score_matching", sliced, **given))
    monkeypatch.setitem(TERMS, "sliced_score_matching", ())
    found = str(compare("sliced_score_matching", sliced, **given))
    assert 'no gradient flows through "dot(v, slope)", but' in found


def test_gradients_of_a_model_of_jax():
    jax = pytest.importorskip("jax", reason="a peer, of the extra that is called so")
    x, parameters = jax.numpy.asarray(X), {"w": jax.numpy.asarray(W), "v": jax.numpy.asarray(V)}

    def score(parameters, x):
        return jax.numpy.tanh(x @ parameters["w"]) * parameters["v"]

    def my_loss(score, x, sigma, z, held=lambda one: one):
        return 0.5 * ((held(score(x + sigma * z)) + z / sigma) ** 2).sum(1).mean()

    def held(score, x, sigma, z):
        return my_loss(score, x, sigma, z, jax.lax.stop_gradient)

    model = jax.tree_util.Partial(score, parameters)
    report = compare("denoising_score_matching", my_loss, score=model, x=x, sigma=0.5)
    assert report.passed and report.findings[0].gradients == 2, report
    report = compare("denoising_score_matching", held, score=model, x=x, sigma=0.5)
    assert "it is zero" in str(report) and "['v']" in str(report)
    report = compare("denoising_score_matching", held, score=lambda x: score(parameters, x), x=x, sigma=0.5)
    assert report.passed and "gradients not examined" in str(report) and "tree_util.Partial" in str(report)


def test_arrays_of_numpy_carry_no_gradients():
    report = compare("implicit_score_matching", implicit, score=numpy_score, product=numpy_product, x=X)
    assert "gradients not examined: NumPy arrays have no automatic gradients" in str(report)


# ---- what is handed over, and what it is asked with ------------------------------------------------------------------


def dsm(score, x, sigma, z):
    return 0.5 * ((score(x + sigma * z) + z / sigma) ** 2).sum(1)


def test_a_model_in_train_mode_is_told_so():
    torch, model, x = torch_model()
    dropping = torch.nn.Sequential(model, torch.nn.Dropout(0.5), torch.nn.Linear(3, 3)).double()
    with pytest.raises(InputError, match=r"E-RANDOM.*called again.*dropout, call model\.eval\(\)"):
        compare("denoising_score_matching", dsm, score=dropping, x=x, sigma=0.5)
    assert compare("denoising_score_matching", dsm, score=dropping.eval(), x=x, sigma=0.5).passed
    normed = torch.nn.Sequential(model, torch.nn.BatchNorm1d(3)).double()
    with pytest.raises(
        InputError, match=r"E-MODEL.*raises ValueError: Expected more than 1(.|\n)*eval\(\), or pass by_row=False"
    ):
        compare("denoising_score_matching", dsm, score=normed, x=x, sigma=0.5)
    assert compare("denoising_score_matching", dsm, score=normed, x=x, sigma=0.5, by_row=False).passed
    assert compare("denoising_score_matching", dsm, score=normed.eval(), x=x, sigma=0.5).passed


@pytest.mark.parametrize("by_row", [False, True])  # single rows are refused by a batch normalisation that trains
def test_a_model_that_counts_what_it_sees_is_left_as_it_was(by_row):
    torch, model, x = torch_model()
    counting = torch.nn.Sequential(model, torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 3)).double()
    before = [one.clone() for one in counting.state_dict().values()]
    refused = pytest.raises(InputError, match="E-MODEL") if by_row else contextlib.nullcontext()
    with refused:
        assert compare("denoising_score_matching", dsm, score=counting, x=x, sigma=0.5, by_row=by_row).passed
    assert all(map(torch.equal, before, counting.state_dict().values())) and counting.training


def test_a_loss_that_draws_beside_the_noise_that_it_is_handed():
    torch, model, x = torch_model()
    report = compare(
        "denoising_score_matching",
        lambda s, x, sigma, z: dsm(s, x, sigma, torch.randn_like(x)),
        score=model,
        x=x,
        sigma=0.5,
    )
    assert "differently when it is asked again" in str(report)
    assert "from refebm.crosscheck.frameworks.torch, .jax or .numpy import handing_out" in str(report)


def test_levels_by_row_are_a_column():
    torch, model, x = torch_model()
    for sigma in (0.25 + torch.rand(6), 0.25 + torch.rand(6, 1)):
        report = compare("denoising_score_matching", dsm, score=model, x=x, sigma=sigma.double())
        assert report.passed and report.findings[0].gradients, report
    assert compare("denoising_score_matching", dsm, score=numpy_score, x=X, sigma=0.25 + RNG.random((6, 1))).passed


@pytest.mark.parametrize("n", [1, 6])
def test_what_is_left_out_is_drawn(n):
    torch, model, x = torch_model()
    field = lambda x, t: model(x) * t[:, None]  # noqa: E731

    def flow(velocity, x, z, t):
        return 0.5 * ((velocity((1 - t[:, None]) * x + t[:, None] * z, t) - (z - x)) ** 2).sum(1)

    assert compare("flow_matching", flow, velocity=field, x=x[:n]).passed

    def flow_that_draws(velocity, x):
        return flow(velocity, x, torch.randn_like(x), torch.rand(len(x)))

    assert compare("flow_matching", flow_that_draws, velocity=field, x=x[:n]).passed

    def ddpm(score, betas, x, i, z):
        kept = torch.cumprod(1 - betas, 0)[i][:, None]
        std = torch.sqrt(1 - kept)
        return 0.5 * ((std * score(torch.sqrt(kept) * x + std * z, i) + z) ** 2).sum(1)

    betas = torch.linspace(0.1, 0.5, 6).double()  # as many as there are points: no row has one of its own
    assert compare("ddpm_loss", ddpm, score=lambda x, i: model(x) / (1 + i[:, None]), betas=betas, x=x[:n]).passed
    assert compare(
        "diffusion_score_matching",
        diffusion,
        score=field,
        sde=refebm.VariancePreserving(0.1, 20.0),
        weight=lambda t: 1 + t,
        x=x[:n],
    ).passed


def diffusion(score, sde, weight, x, t, z):
    scale, std = sde.kernel(0.0 * t, t)
    return 0.5 * weight(t) * ((score(scale[:, None] * x + std[:, None] * z, t) + z / std[:, None]) ** 2).sum(1)


def test_the_first_failing_input_is_below_a_failed_report():
    torch, model, x = torch_model()
    report = compare("denoising_score_matching", lambda *given: dsm(*given).mean(), score=model, x=x, sigma=0.5)
    assert report.passed and "# x" not in str(report)

    def wrong(score, x, sigma, z):
        return dsm(score, x, sigma**2, z).mean()

    report = compare("denoising_score_matching", wrong, score=model, x=x, sigma=0.5)
    (finding,), text = report.findings, str(report)
    text = text[text.index("# denoising_score_matching: failed") :].split("\n\n")[0]
    assert "# score: your own" in text and "sigma = 0.5" in text
    assert len(finding.failing.arguments["x"]) == 1  # the fewest rows
    printed: list = []
    score = lambda x: model(torch.tensor(x)).detach().numpy()  # noqa: E731
    exec(text.replace("print(", "printed.append("), {"printed": printed, "score": score})
    np.testing.assert_allclose(printed[0], [finding.expected], rtol=1e-12)
    given = [torch.tensor(finding.failing.arguments[name]) for name in ("x", "sigma", "z")]
    assert finding.got == pytest.approx(wrong(model, *given).item(), rel=1e-12)
    assert f"# got      {finding.got}" in text and "# score: your own" in report._repr_html_()


def test_points_have_the_name_that_the_function_gives_them():
    """Also y, of noisy points, and z, of points that a sampler made; a machine is no callable."""
    given = {"score": numpy_score, "y": X, "sigma": np.linspace(0.5, 1.0, 6)}
    assert compare("tweedie_mean", lambda score, y, sigma: y + sigma**2 * score(y), **given).passed
    (wrong,) = compare("tweedie_mean", lambda score, y, sigma: y + sigma * score(y), **given).findings
    assert wrong.names == ("sigma for sigma squared",) and set(wrong.failing.arguments) == {"score", "y", "sigma"}
    made = {"log_joint": lambda z: -0.5 * np.sum(z**2, axis=1), "gradient": lambda z: -z, "score_q": lambda z: -z}
    (held,) = compare(
        "implicit_negative_elbo",
        lambda log_joint, score_q, z: -log_joint(z) + np.sum(score_q(z) * z, axis=1),
        z=X,
        product=lambda z, v: -v,
        **made,
    ).findings
    assert held.status == "passed" and "the value alone came back" in " ".join(held.unsupported)


WRONGLY = {  # a function, what is handed over: what is said
    "a name in use elsewhere": ("dsm", {"x": X}, "E-OPTION.*got 'dsm'; denoising_score_matching, "),
    "the loss first": (dsm, {"x": X}, "E-OPTION.*the name of a function first, got <function dsm"),
    "a name of many": ("denoising", {"x": X}, "E-OPTION.*got 'denoising'; .*denoising_score_matching"),
    "a name that is near": ("denoising_scorematching", {"x": X}, "did you mean denoising_score_matching"),
    "without a level": (
        "denoising_score_matching",
        {"score": numpy_score, "x": X},
        r"drawn if left out: z\); missing: sigma",
    ),
    "without a sample": (
        "contrastive_divergence",
        {"energy": numpy_score, "x": X},
        "takes energy, x, x_model; missing: x_model",
    ),
    "without points": ("langevin_step", {"score": numpy_score, "eta": 0.5}, "missing: x"),
    "another name": ("flow_matching", {"velocty": numpy_score, "x": X}, "no velocty; did you mean velocity"),
    "images": (
        "implicit_score_matching",
        {"score": numpy_score, "x": np.ones((4, 1, 2, 2))},
        r"E-SHAPE.*x must.*\(4, 1, 2, 2\)",
    ),
    "noise for fewer rows": (
        "denoising_score_matching",
        {"score": numpy_score, "x": np.ones((6, 2)), "sigma": 0.5, "z": np.ones((3, 2))},
        r"E-SHAPE.*z must.*\(6, 2\).*\(3, 2\)",
    ),
    "a machine": ("gibbs_step", {"v": X}, "models that are callables; gibbs_step takes rbm, v, u_h, u_v"),
    "no points": ("level_ratio", {"d": 3}, "needs points.* level_ratio takes d, coverage"),
    "one point": ("implicit_score_matching", {"score": numpy_score, "x": np.ones(3)}, r"E-SHAPE.*x must.*\(3,\)"),
    "numbers for a model": ("implicit_score_matching", {"score": X, "x": X}, "E-CALLABLE: score must.*got ndarray"),
    "numbers for an energy": ("langevin_step", {"energy": X, "x": X, "eta": 0.5}, "E-CALLABLE: energy must.*got nd"),
    "a number for a product": (
        "langevin_step",
        {"score": numpy_score, "product": 5, "x": X, "eta": 0.5},
        "E-CALLABLE: product must.*got int",
    ),
    "an energy alone": ("langevin_step", {"energy": np.sum, "x": X, "eta": 0.5}, r"E-OPTION: .*give gradient\(x\)"),
    "a product of one row": (
        "implicit_score_matching",
        {"score": numpy_score, "product": lambda x, v: v[:1], "x": X},
        r"E-CALLABLE: product\(x, v\) must return .* got \(1, 3\)",
    ),
    "a model that exits": ("langevin_step", {"score": sys.exit, "x": X, "eta": 0.5}, "E-MODEL: .*raises SystemExit"),
    "half precision": ("langevin_step", {"score": numpy_score, "x": np.float16(X), "eta": 0.5}, "E-DTYPE: x .*float16"),
    "masked points": (
        "langevin_step",
        {"score": numpy_score, "x": np.ma.masked_less(X, 0), "eta": 0.5},
        "E-MASKED: x must",
    ),
}


@pytest.mark.parametrize("wrongly", WRONGLY)
def test_what_is_handed_over_wrongly(wrongly):
    function, given, said = WRONGLY[wrongly]
    with pytest.raises(InputError, match=said):
        compare(function, implicit, **given)


@pytest.mark.parametrize("loss", [None, "dsm", type("Loss", (), {})])
def test_a_loss_is_called(loss):
    with pytest.raises(InputError, match="E-CALLABLE: loss must be callable"):
        compare("langevin_step", loss, score=numpy_score, x=X, eta=0.5)


def test_a_loss_that_exits_ends_nothing():
    (finding,) = compare("langevin_step", lambda *_: sys.exit(0), score=numpy_score, x=X, eta=0.5).findings
    assert finding.status == "failed" and finding.diagnosis.startswith("raises SystemExit: 0")


@pytest.mark.parametrize("like", [np.ndarray.tolist, lambda a: tuple(map(tuple, a)), np.ma.array])
def test_lists_and_other_arrays_are_arrays_for_the_loss(like):
    given = {"score": numpy_score, "x": like(X), "z": like(RNG.normal(size=X.shape)), "sigma": like(np.ones((6, 1)))}
    assert compare("denoising_score_matching", dsm, **given).passed


@pytest.mark.parametrize("like", [np.asarray, np.ndarray.tolist])
def test_noise_of_numpy_is_of_the_framework_for_the_loss(like):
    """The level and the noise; the points must be of the framework, or be taken by its functions."""
    _, model, x = torch_model()
    given = {"sigma": like(np.full(len(x), 0.5)), "z": like(RNG.normal(size=x.shape))}
    assert compare("denoising_score_matching", dsm, score=model, x=x, **given).passed
    for points in (like(X), x.to_sparse(), x.to("meta"), x.bfloat16()):
        with pytest.raises(InputError, match="E-DTYPE: x must be"):
            compare("denoising_score_matching", dsm, score=model, x=points, **given)
    jax = pytest.importorskip("jax")
    field = jax.jit(lambda x: -(x**3))
    report = compare("denoising_score_matching", dsm, score=field, x=like(X), sigma=given["sigma"])
    assert report.passed and report.findings[0].dtype == jax.numpy.zeros(1).dtype.name


def test_importing_refebm_imports_neither_the_examiner_nor_a_framework():
    import subprocess
    import sys

    code = "import sys, refebm; print([m for m in sys.modules if 'crosscheck' in m or m in ('torch', 'jax', 'pytest')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
    code = "import sys, refebm.crosscheck; print([m for m in sys.modules if m in ('torch', 'jax', 'pytest')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


# ---- examine and parametrize -----------------------------------------------------------------------------------------


def tweedie_mean(model, y, sigma):
    return y + np.reshape(sigma, (-1, 1)) ** 2 * model(y)


def langevin_step(model, x, eta, z):
    return x + eta * model(x) + np.sqrt(eta) * z


def test_functions_of_a_session_are_examined():
    report = refebm.crosscheck.examine([tweedie_mean, langevin_step])
    assert not report.passed and report["tweedie_mean"].status == "passed"
    assert report["langevin_step"].names == ("sqrt(eta) for sqrt(2 eta)",)
    assert "2 functions examined: 1 passed, 0 convention, 1 failed" in str(report)
    page = report._repr_html_()
    assert "<td>langevin_step</td><td>failed</td>" in page and refebm.__version__ in page and "<script" not in page
    assert refebm.crosscheck.examine({"tweedie_mean": tweedie_mean}).passed
    assert refebm.crosscheck.examine(tweedie_mean, only="denoising").passed


NO_ADAPTERS = [  # what is handed over to be examined, and what is said
    *[(one, "has no name: hand over a dict") for one in (None, 5, functools.partial(tweedie_mean), b"own.py", [X])],
    *[(one, "is no name that is examined") for one in (np.sum, lambda *given: 0.0, {5: tweedie_mean}, [dsm])],
    ({"tweedie_mean": tweedie_mean, "tweedie_men": tweedie_mean}, "'tweedie_men' is no .*did you mean tweedie_mean"),
    ([tweedie_mean, dsm], "'dsm' is no name"),
    ({"tweedie_mean": 5}, "tweedie_mean must be callable, got int"),
    ([], "no function under a public name"),
]


@pytest.mark.parametrize(("given", "said"), NO_ADAPTERS)
def test_what_is_no_adapter_of_a_session(given, said):
    with pytest.raises(InputError, match=f"E-ADAPTER: .*{said}"):
        refebm.crosscheck.examine(given)


@pytest.mark.parametrize("odd", [{"only": None}, {"only": 5}, *({"timeout": t} for t in (0, -1, np.nan, "5", None))])
def test_odd_options_of_a_session(odd):
    with pytest.raises(InputError, match="E-OPTION"):
        refebm.crosscheck.examine(tweedie_mean, **odd)


CALLABLES = [functools.partial(tweedie_mean), lambda *given: tweedie_mean(*given), type("One", (), {})()]
type(CALLABLES[-1]).__call__ = lambda self, *given: tweedie_mean(*given)


@pytest.mark.parametrize("one", [*CALLABLES, CALLABLES[-1].__call__])
def test_whatever_can_be_called_is_examined_by_name(one):
    assert refebm.crosscheck.examine({"tweedie_mean": one}).passed


ODD_SUITES = {
    "a selection that is not there": ({"only": "langevin_step"}, "E-NONE: the adapter has no langevin_step"),
    "a failure that is not there": ({"expected_failures": {"langevin_step": "?"}}, "E-NONE: .* no langevin_step"),
    "a failure of several": ({"expected_failures": {"denoising": "?"}}, "E-NONE: .* no denoising"),
    "failures without reasons": ({"expected_failures": ["tweedie_mean"]}, "E-OPTION: expected_failures"),
}


@pytest.mark.parametrize("suite", ODD_SUITES)
@pytest.mark.parametrize("of_a_file", [False, True])
def test_a_suite_that_examines_nothing_is_refused(suite, of_a_file, tmp_path):
    """pytest would skip it."""
    given, said = ODD_SUITES[suite]
    (tmp_path / "adapter.py").write_text("def tweedie_mean(model, y, sigma): return y\n")
    with pytest.raises(InputError, match=said):
        refebm.crosscheck.parametrize(tmp_path / "adapter.py" if of_a_file else tweedie_mean, **given)


@pytest.mark.parametrize("test", [lambda: 0, lambda check, more: 0])
def test_a_test_of_a_suite_has_one_argument(test):
    with pytest.raises(InputError, match=r"E-OPTION: .*must have one argument"):
        refebm.crosscheck.parametrize(tweedie_mean)(test)


def test_a_file_and_a_module_are_examined(tmp_path):
    path = tmp_path / "adapter.py"
    path.write_text("def tweedie_mean(model, y, sigma):\n    return y + sigma**2 * model(y) if sigma is None else y\n")
    report = refebm.crosscheck.examine(path)
    assert str(tmp_path) not in repr(report) and report["tweedie_mean"].status == "failed"


SUITE = """
import numpy as np
import refebm.crosscheck

def tweedie_mean(model, y, sigma):
    return y + np.reshape(sigma, (-1, 1)) ** 2 * model(y)

def langevin_step(model, x, eta, z):
    return x + eta * model(x) + np.sqrt(eta) * z

def mala_step(model, x, eta, z, u):
    return x

@refebm.crosscheck.parametrize([tweedie_mean, langevin_step, mala_step], expected_failures={EXPECTED})
def test_against_refebm(check):
    check()
"""
pytest_plugins = ["pytester"]


def test_a_suite_has_one_test_for_each_function(pytester):
    pytester.makepyfile(SUITE.replace("EXPECTED", '"mala_step": "to do"'))
    result = pytester.runpytest("-q", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1, xfailed=1)
    result.stdout.fnmatch_lines(["*FAILED*test_against_refebm?langevin_step?*"])
    assert "sqrt(eta) for sqrt(2 eta)" in result.stdout.str()
    pytester.makepyfile(SUITE.replace("EXPECTED", '"tweedie_mean": "to do"'))
    pytester.runpytest("-q", "-p", "no:cacheprovider", "-k", "tweedie").assert_outcomes(failed=1)


HOSTILE_FILE = """
import os, signal
def tweedie_mean(model, y, sigma):
    open("pid", "w").write(str(os.getpid()))
    os.kill(os.getpid(), signal.SIGSTOP)
def score_of_noise(noise, sde, x, t): return -noise(x, t) / sde.marginal(t)[1][:, None]
def tweedie_cov(*_): os._exit(0)
"""
SUITE_OF_A_FILE = """
import refebm.crosscheck

refebm.crosscheck.examination.examine.__defaults__ = None, 5.0

@refebm.crosscheck.parametrize("adapter_file.py")
def test_against_refebm(check):
    check()
"""


def test_a_file_cannot_end_the_suite_that_examines_it(pytester):
    pytester.makepyfile(SUITE_OF_A_FILE, adapter_file=HOSTILE_FILE)
    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    result.assert_outcomes(passed=1, failed=2)
    assert "ends its process, exit code 0" in result.stdout.str() and "hangs: no answer" in result.stdout.str()
    options = "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", "tweedie_mean"
    pytester.runpytest_subprocess(*options).assert_outcomes(failed=1)
    assert not Path(f"/proc/{(pytester.path / 'pid').read_text()}").exists()


COUNTED = """
open("loaded", "a").write("once ")
def tweedie_mean(model, y, sigma): return open("asked", "a").write("a") and y
def langevin_step(model, x, eta, z): return open("asked", "a").write("b") and x + eta * model(x)
def mala_step(model, x, eta, z, u): return open("asked", "a").write("c") and x
"""


@pytest.mark.parametrize("order", [*itertools.permutations(["tweedie_mean", "langevin_step", "mala_step"])])
def test_a_file_is_examined_once_in_whatever_order_its_functions_are_asked_for(order, tmp_path, monkeypatch):
    """As they come to a worker of a suite that runs in several; the file is loaded once for its functions' names."""
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(COUNTED)
    findings = InTurn("own.py", ["tweedie_mean", "langevin_step", "mala_step"])
    Path("asked").unlink(missing_ok=True)  # the names alone were wanted, and the child had begun to answer
    assert [findings(name).function for name in [*order, *order]] == [*order, *order]
    findings.answered.close()
    assert Path("loaded").read_text() == "once once "
    right = {name: refebm.crosscheck.examine("own.py", name)[name].diagnosis for name in order}
    assert {name: findings(name).diagnosis for name in order} == right
    assert findings.functions == ["tweedie_mean", "langevin_step", "mala_step"]
    asked = "".join(letter for letter, _ in itertools.groupby(Path("asked").read_text()))
    assert asked[:3] in ("abc", "bca", "cab") and asked[0] == "abc"[findings.functions.index(order[0])]


PRECISE = {  # a model and points in float32, and what an adapter has that imports the harness
    "torch": ("torch.nn.Linear(2, 2)", "torch.ones(3, 2)", "torch.get_default_dtype() is torch.float64"),
    "jax": ("lambda x: -x", "jax.numpy.ones((3, 2))", "jax.config.jax_enable_x64"),
}
LATER = """
import {framework}
from refebm.crosscheck import compare

net = {model}
compare("explicit_score_matching", lambda p, q, x: 0.5 * ((p(x) - q(x)) ** 2).sum(1), data_score=net, score=net, x={x})
assert not {precise}, "the user's own"
import refebm.crosscheck.frameworks.{framework}
assert {precise}, "an adapter's"
"""


@pytest.mark.parametrize("framework", PRECISE)
def test_an_adapter_that_is_read_after_a_comparison_has_its_precision(framework):
    pytest.importorskip(framework, reason="a peer, of the extra that is called so")
    model, x, precise = PRECISE[framework]
    text = LATER.format(framework=framework, model=model, x=x, precise=precise)
    subprocess.run([sys.executable, "-c", text], check=True)


def test_comparisons_in_several_threads_wait_for_each_other():
    x, found = np.array([[0.5, -1.0], [2.0, 0.25]]), {}

    def loss(factor, score, x, sigma, z):
        return factor * np.sum((score(x + sigma * z) + z / sigma) ** 2, axis=1)

    def compared(factor):
        own = functools.partial(loss, factor)
        given = {"score": lambda x: -x, "x": x, "sigma": 0.5, "z": x[::-1]}
        found[factor] = compare("denoising_score_matching", own, product=lambda x, v: -v, **given)

    threads = [threading.Thread(target=compared, args=(factor,)) for factor in (0.5, 1.0, 1.5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = {factor: report.findings[0].status for factor, report in found.items()}
    assert said == {0.5: "passed", 1.0: "convention", 1.5: "failed"}


@pytest.mark.parametrize("odd", [5, None, [0.5, 1.0], object(), ([0.5],)])
def test_what_is_handed_out_are_arrays(odd):
    before = np.random.standard_normal
    with pytest.raises(InputError, match="E-DTYPE: handing_out takes arrays"), handing_out(odd):
        pass
    assert np.random.standard_normal is before


def test_functions_that_draw_are_examined_in_several_threads():
    """One at a time: what one of them draws is handed out to no other, and is given back in the end."""
    within, most, before = [], [], np.random.standard_normal

    def draws(x, z):
        with handing_out(z):
            within.append(x)
            time.sleep(1e-4)
            most.append(len(within))
            within.pop()
            return np.random.standard_normal(x.shape)

    def step(score, x, eta, z):
        return x + eta * score(x) + np.sqrt(2 * eta) * draws(x, z)

    def examined():
        assert refebm.crosscheck.examine({"langevin_step": step}).passed
        draws(X, X)

    with ThreadPoolExecutor(4) as pool:
        for one in [pool.submit(examined) for _ in range(4)]:
            one.result()
    assert set(most) == {1} and np.random.standard_normal is before
