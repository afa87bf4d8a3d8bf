"""A loss on somebody's own model and points: refebm's is computed through that model, and the diagnosis is the same."""

import numpy as np
import pytest

import refebm
import refebm.crosscheck
from refebm.crosscheck import compare
from refebm.glossary import InputError

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


def test_products_are_wanted_where_refebm_differentiates():
    with pytest.raises(InputError, match=r"product\(x, v\) is wanted"):
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
    assert "draws uniform numbers where unit normal numbers (6, 3) are wanted" in str(report)


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
