"""The examiner from outside: `refebm crosscheck` on adapters that are right, wrong, misbehaved or not adapters."""

import json
import shutil
import subprocess

import numpy as np
import pytest

import refebm
from refebm.cli import main
from refebm.crosscheck.questions import EXAMINED, NOT_EXAMINED
from refebm.crosscheck.report import line, pasted
from refebm.crosscheck.template import FOLDER, TEMPLATES, template
from refebm.crosscheck.vectors import vectors
from refebm.variants.questions import flat
from tests.sabotage import examined

RIGHT = """
import numpy as np

def denoising_score_matching(model, x, sigma, z):
    s = np.reshape(sigma, (-1, 1))
    return 0.5 * np.sum((model(x + s * z) + z / s) ** 2, axis=1)

def tweedie_mean(model, y, sigma):
    return y + np.reshape(sigma, (-1, 1)) ** 2 * model(y)
"""
CRIMES = {  # what an adapter does for one function, and what is said about it
    "score_of": ("raise KeyError('layers')", "raises KeyError: 'layers'"),
    "divergence": ("return None", "returned None"),
    "explicit_score_matching": ("return np.full(len(x), np.nan)", "NaN everywhere"),
    "implicit_score_matching": ("return model(x)[:, :1]", "wanted (4,) or one mean or sum"),
    "ratio_matching": ("return np.float16(model(x))", "float16, which is not examined"),
    "hutchinson_divergence": ("x += 1; return x[:, 0]", "modifies its input x"),
    "denoising_autoencoder": ("return np.arange(len(x))", "dtype int64, wanted real numbers"),
    "denoising_score_matching_cv": ("return Tensor()", "requires grad: return tensor.detach().numpy()"),
    "tweedie_cov": ("return 'cov'", "returned str of dtype <U3"),
    "explicit_sliced": ("return np.random.default_rng().normal(size=len(x))", "randomness or state of its own"),
    "nonnegative_score_matching": ("return [[1.0], [2.0, 3.0]]", "which NumPy cannot read"),
    "sliced_score_matching_vr": ("import os; print('bye'); os._exit(3)", "ends its process, exit code 3"),
    "noise_conditional_score_matching": ("import time; time.sleep(60)", "hangs: no answer in 2 s"),
    "at": ("raise NotImplementedError('no level')", "unsupported"),
}
BODIES = "\n".join(
    f"def {name}(model, *rest):\n    x = next(r for r in rest if isinstance(r, np.ndarray))\n    {body}\n"
    for name, (body, _) in CRIMES.items()
)


def crosscheck(tmp_path, capsys, text, *options):
    """(exit status, what was printed, findings by function)."""
    path = tmp_path / "adapter.py"
    path.write_text(text, encoding="utf-8")
    status = main(["crosscheck", str(path), "--json", str(tmp_path / "findings.json"), *options])
    captured = capsys.readouterr()
    if status == 2:
        return status, captured.err, {}
    findings = json.loads((tmp_path / "findings.json").read_text())["findings"]
    return status, captured.out, {finding["function"]: finding for finding in findings}


def test_a_right_adapter_passes_and_the_rest_is_unsupported(tmp_path, capsys):
    status, out, findings = crosscheck(tmp_path, capsys, RIGHT)
    assert status == 0
    assert {name for name, f in findings.items() if f["status"] == "passed"} == {
        "denoising_score_matching",
        "tweedie_mean",
    }
    assert sum(f["status"] == "unsupported" for f in findings.values()) == len(EXAMINED) - 2
    assert f"2 functions examined: 2 passed, 0 convention, 0 failed, {len(EXAMINED) - 2} unsupported" in out
    assert all(f["questions"] > 20 and f["worst"] <= 1 for f in findings.values() if f["status"] == "passed")


def test_the_numpy_template_is_complete_and_passes(capsys):
    assert main(["crosscheck", str(FOLDER / "numpy.py")]) == 0
    out = capsys.readouterr().out
    assert f"{len(EXAMINED)} functions examined: {len(EXAMINED)} passed" in out
    assert "unsupported in part: " in out  # flows and autoregressive models
    assert "all functions are supported" in out


KERNEL = """
import numpy as np
import refebm

def mala_step(model, x, eta, z, u):
    step = refebm.mala_step(model, x, eta, z, u)
    return {returned}
"""


@pytest.mark.parametrize(
    ("returned", "status", "said"),
    [
        ("step.x, step.info.acceptance", "passed", ""),
        ("step", "passed", ""),
        ("step.x", "passed", "the probability of acceptance: the state alone came back"),
        ("(step.x,)", "passed", "the probability of acceptance: the state alone came back"),
        ("step.x, step.info.acceptance * (1 + 1e-6)", "failed", "wrong in the probabilities of acceptance only"),
        ("step.x + 1e-6, step.info.acceptance", "failed", "wrong in the states only"),
        ("step.x + 1e-6", "failed", "numbers are wrong"),
        ("step.x, step.info.accepted", "failed", "dtype bool, wanted real numbers"),
        ("step.x, step.info.acceptance[:, None]", "failed", "returned shape (4, 3) and (4, 1), wanted (4, 3) and (4,)"),
        ("step.info.acceptance", "failed", "returned shape (4,), wanted (4, 3) and (4,)"),
        ("(step.x, step.info.acceptance, step.x)", "failed", "(4, 3), wanted (4, 3) and (4,)"),
    ],
)
def test_what_a_kernel_may_return(returned, status, said):
    finding = examined(KERNEL.format(returned=returned), "mala_step")
    assert finding.status == status
    assert said in (finding.diagnosis if status == "failed" else line(finding))
    assert bool(finding.unsupported) == ("alone" in said or returned == "step.x + 1e-6")


IMPLICIT = """
import refebm
from autograd import elementwise_grad

def implicit_negative_elbo(log_joint, model, z):
    rows = lambda z: refebm.implicit_negative_elbo(log_joint, model, z)
    slopes = elementwise_grad(rows)(z)
    return {returned}
"""


@pytest.mark.parametrize(
    ("returned", "status", "said"),
    [
        ("rows(z), slopes", "passed", ""),
        ("rows(z)", "passed", "the gradient in z, which it is for: the value alone came back"),
        ("rows(z) + 1e-6", "failed", "numbers are wrong"),
        ("rows(z), slopes + 1e-6", "failed", "wrong in the gradients in z only"),
        ("rows(z) + 1e-6, slopes", "failed", "wrong in the values only"),
        ("rows(z).mean(), slopes", "failed", "returned shape () and (4, 3), wanted (4,) and (4, 3)"),
        ("-rows(z), -slopes", "convention", "the ELBO, to be maximised"),
    ],
)
def test_what_the_implicit_elbo_may_return(returned, status, said):
    finding = examined(IMPLICIT.format(returned=returned), "implicit_negative_elbo")
    assert finding.status == status
    assert said in (line(finding) if status == "passed" else finding.diagnosis)
    assert bool(finding.unsupported) == ("," not in returned)


NAMED = """
import refebm

def bregman_noise_contrastive(log_model, log_noise, generator, x, y):
    if generator != "LOGISTIC":
        raise NotImplementedError(f"the generator {generator}")
    return refebm.noise_contrastive(log_model, log_noise, x, y)

def entropy_gradient(model, sampler, phi, eps):
    assert sampler == "affine"
    return refebm.entropy_gradient(model, lambda phi, eps: eps @ phi[0].T + phi[1], phi, eps)
"""


def test_generators_and_maps_are_known_by_their_names(tmp_path, capsys):
    status, out, findings = crosscheck(tmp_path, capsys, NAMED)
    assert status == 0 and "the generator LEAST_SQUARES; the generator KULLBACK_LEIBLER" in out
    assert findings["bregman_noise_contrastive"]["questions"] == 4
    assert findings["entropy_gradient"]["status"] == "passed"
    wrong = NAMED.replace("eps @ phi[0].T + phi[1]", "eps @ phi[0].T - phi[1]")
    _, _, findings = crosscheck(tmp_path, capsys, wrong)
    assert findings["entropy_gradient"]["status"] == "failed"


def test_each_crime_is_reported_for_its_function_alone(tmp_path, capsys):
    text = f"{RIGHT}\nclass Tensor:\n    requires_grad = True\n\n{BODIES}"
    status, out, findings = crosscheck(tmp_path, capsys, text, "--timeout", "2", "--markdown", str(tmp_path / "r.md"))
    assert status == 1
    for name, (_, said) in CRIMES.items():
        assert findings[name]["status"] == ("unsupported" if name == "at" else "failed"), name
        assert said in findings[name]["diagnosis"] or said == "unsupported", (name, findings[name]["diagnosis"])
    assert [name for name, f in findings.items() if f["status"] == "passed"] == [
        "denoising_score_matching",
        "tweedie_mean",
    ]
    assert "adapter.py:" in findings["score_of"]["diagnosis"]  # where in the adapter
    assert out.index("# score_of: failed, question 00") < out.index("functions examined")
    assert "| `score_of` | failed |" in (tmp_path / "r.md").read_text()


def test_hidden_randomness_and_state_are_noticed(tmp_path, capsys):
    for noise in (
        "uniform(1 - 4e-16, 1 + 4e-16, y.shape) * y +",
        "normal() +",
    ):  # within the tolerance, and far beyond it
        text = RIGHT.replace("return y +", f"return y * 0 + np.random.default_rng().{noise}")
        _, _, findings = crosscheck(tmp_path, capsys, text, "--only", "tweedie_mean")
        assert "randomness or state of its own" in findings["tweedie_mean"]["diagnosis"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def score_match(x): return x", "has no function under a public name; the nearest to score_match is"),
        (RIGHT.replace("tweedie_mean", "tweedi_mean"), "tweedi_mean is not a public name; did you mean tweedie_mean?"),
        ("__all__ = ['tweedie_mean']", "__all__ lists tweedie_mean, which"),
        ("import no_such_framework", "ModuleNotFoundError: No module named 'no_such_framework'"),
        ("def tweedie_mean(:", "SyntaxError"),
        ("raise SystemExit(4)", "SystemExit: 4"),
        ("import os; os._exit(5)", "loading it ends its process, exit code 5"),
        ("class Gaussian:\n    def log_pdf(self, x): pass\n", "Gaussian has none of the methods Gaussian.log_prob,"),
        ("def Tweedie_Mean(model, y, sigma): pass", "did you mean tweedie_mean?"),
        ("def tweedie_mean(*_): raise NotImplementedError('later')", "nothing was examined: later"),
    ],
)
def test_what_is_no_adapter_is_an_error(tmp_path, capsys, text, said):
    status, error, _ = crosscheck(tmp_path, capsys, text)
    assert status == 2 and "E-ADAPTER" in error and said in error
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".json"] == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["crosscheck"], "E-OPTION"),
        (["crosscheck", "a.py", "--template", "numpy"], "E-OPTION"),
        (["crosscheck", ""], "E-OPTION"),
        (["crosscheck", "README.md"], "an adapter is a Python file, .py, or a dotted module"),
        (["crosscheck", "no_such_file.py"], "there is no file no_such_file.py"),
        (["crosscheck", "no.such.module"], "No module named 'no'"),
        (["crosscheck", "a.py", "--timeout", "0"], "--timeout must be greater than 0"),
        (["crosscheck", "a.py", "--only", "no such function"], "E-NONE"),
        (["crosscheck", "--answers", "no_such_folder"], "E-ANSWERS"),
        (["crosscheck", "a.py", "--json", "no/such/folder/x.json"], "E-FILE"),
        (["vectors", "/dev/null/x"], "E-FILE"),
    ],
)
def test_bad_options(capsys, options, said):
    assert main(options) == 2
    assert said in capsys.readouterr().err


def test_what_the_adapter_imports_is_not_its_own(tmp_path, capsys):
    """A class of another library is not examined; what is called under a public name is, partial functions too."""
    text = RIGHT + "\nfrom collections import OrderedDict as Gaussian\nimport functools\n"
    text += "tweedie_cov = functools.partial(lambda model, y, sigma: y)\n"
    _, _, findings = crosscheck(tmp_path, capsys, text)
    assert findings["Gaussian.log_prob"]["status"] == "unsupported"
    assert findings["tweedie_cov"]["status"] == "failed"


def test_a_mean_and_a_sum_are_recognised(tmp_path, capsys):
    for how, word in (("mean", "mean"), ("sum", "sum")):
        text = RIGHT.replace("axis=1)\n", f"axis=1).{how}()\n")
        status, _, findings = crosscheck(tmp_path, capsys, text)
        assert status == 0 and findings["denoising_score_matching"]["reduction"] == word


def test_float32_is_recognised_and_passes(tmp_path, capsys):
    low = "x, z, sigma = np.float32(x), np.float32(z), np.float32(sigma)\n    s = "
    text = RIGHT.replace("    s = ", f"    {low}").replace(
        "return 0.5 * np.sum((model(", "return np.float32(0.5) * _low((model("
    )
    text = text.replace("** 2, axis=1)", "** 2)") + "\ndef _low(a): return np.sum(np.float32(a), axis=1)\n"
    status, _, findings = crosscheck(tmp_path, capsys, text, "--only", "denoising_score_matching")
    assert status == 0 and findings["denoising_score_matching"]["dtype"] == "float32"
    text = text.replace("axis=1)\n", "axis=1).astype(float)\n")  # by its digits, if not by its dtype
    status, _, findings = crosscheck(tmp_path, capsys, text, "--only", "denoising_score_matching")
    assert status == 0 and findings["denoising_score_matching"]["dtype"] == "float32"


def test_the_first_failing_input_can_be_pasted(tmp_path, capsys):
    text = RIGHT.replace("z / s)", "z / s**2)")
    status, out, findings = crosscheck(tmp_path, capsys, text)
    assert status == 1
    assert findings["denoising_score_matching"]["names"] == ["sigma squared for sigma"]
    start = out.index("# denoising_score_matching: failed")
    code = out[start : out.index("\n\n2 functions examined")]
    expected = json.loads(code[code.index("# expected ") + len("# expected ") :].splitlines()[0])
    printed: list = []
    exec(code.replace("print(", "printed.append("), {"printed": printed})
    np.testing.assert_allclose(printed[0], expected, rtol=1e-13)


@pytest.mark.parametrize("function", EXAMINED)
def test_what_is_pasted_gives_the_right_answer(function):
    for vector in vectors(function):
        printed: list = []
        exec("\n".join(pasted(vector.asked)).replace("print(", "printed.append("), {"printed": printed})
        np.testing.assert_allclose(np.ravel(flat(printed[0])), vector.value, atol=1e-11 * np.max(vector.scale))


def test_a_dotted_module(tmp_path, capsys, monkeypatch):
    package = tmp_path / "my_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "losses.py").write_text(RIGHT)
    (package / "adapter.py").write_text("from my_package.losses import denoising_score_matching\n")
    monkeypatch.chdir(tmp_path)
    assert main(["crosscheck", "my_package.adapter"]) == 0
    assert "1 functions examined: 1 passed" in capsys.readouterr().out


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_printed(capsys, name):
    assert main(["crosscheck", "--template", name]) == 0
    assert capsys.readouterr().out == template(name)


def test_every_public_name_is_examined_or_says_why_not():
    covered = {function.partition(".")[0] for function in EXAMINED}
    assert covered | set(NOT_EXAMINED) == set(refebm.__all__) and not covered & set(NOT_EXAMINED)
    for name in ("BinaryRBM", "GaussianBernoulliRBM"):
        methods = {method for method in vars(getattr(refebm, name)) if not method.startswith("_")}
        assert {f"{name}.{method}" for method in methods - {"hidden_given", "visible_given"}} <= set(EXAMINED)
    for name in ("RealNVP", "LinearGaussianVAE"):
        methods = {method for method in vars(getattr(refebm, name)) if not method.startswith("_")}
        assert {f"{name}.{method}" for method in methods} <= set(EXAMINED)
    classes = ("Gaussian", "GaussianMixture", "Gamma", "StudentT", "Laplace")
    for name in classes:
        methods = {f"{name}.{m}" for m in ("log_prob", "score", "smoothed", "posterior_mean", "posterior_cov")}
        assert {m for m in methods if hasattr(getattr(refebm, name), m.partition(".")[2])} <= set(EXAMINED)


@pytest.mark.skipif(shutil.which("node") is None, reason="the example in another language needs node")
def test_the_example_in_javascript_passes(tmp_path, capsys):
    assert main(["vectors", str(tmp_path / "vectors")]) == 0
    command = ["node", str(FOLDER / "javascript.mjs"), str(tmp_path / "vectors"), str(tmp_path / "answers")]
    subprocess.run(command, check=True)
    assert main(["crosscheck", "--answers", str(tmp_path / "answers")]) == 0
    assert "3 functions examined: 3 passed" in capsys.readouterr().out
