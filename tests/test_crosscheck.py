"""The examiner from outside: `refebm crosscheck` on adapters that are right, wrong, misbehaved or not adapters."""

import json
import linecache
import re
import shutil
import subprocess
import sys
import time
import unittest.mock
from pathlib import Path

import numpy as np
import pytest

import refebm
from refebm.cli import main
from refebm.crosscheck.adapter import load
from refebm.crosscheck.diagnosis import diagnose
from refebm.crosscheck.questions import EXAMINED, chosen, unasked
from refebm.crosscheck.report import about, line, local, pasted
from refebm.crosscheck.sources import Sources
from refebm.crosscheck.template import FOLDER, PROGRAMS, TEMPLATES, template
from refebm.crosscheck.vectors import vectors
from refebm.glossary import InputError
from refebm.variants.arguments import FUNCTIONS, GENERATORS, flat
from tests.sabotage import BY_HAND, examined

RIGHT = """
import numpy as np

def denoising_score_matching(model, x, sigma, z):
    s = np.reshape(sigma, (-1, 1))
    return 0.5 * np.sum((model(x + s * z) + z / s) ** 2, axis=1)

def tweedie_mean(model, y, sigma):
    return y + np.reshape(sigma, (-1, 1)) ** 2 * model(y)
"""
RETURNED = {  # what a function returns for the right answer, and what is said about it
    "None": "returned None",
    "right * np.nan": "NaN everywhere",
    "right[:, :1]": "returned shape (4, 1), wanted (4, 3)",
    "np.float16(right)": "float16, which is not examined",
    "np.arange(len(y))": "dtype int64, wanted real numbers",
    "type('Tensor', (), {'requires_grad': True})()": "requires grad: return tensor.detach().numpy()",
    "'cov'": "returned str of dtype <U3",
    "[[1.0], [2.0, 3.0]]": "parts of shapes (1,) and (2,), where one array is wanted, which NumPy cannot read",
    "right + y.__iadd__(1)": "modifies its input y",
    "property(1 / 0)": "raises ZeroDivisionError: division by zero",
}


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
    status, out, findings = crosscheck(tmp_path, capsys, RIGHT, "--timeout", "inf")
    assert status == 0
    assert {name for name, f in findings.items() if f["status"] == "passed"} == {
        "denoising_score_matching",
        "tweedie_mean",
    }
    assert sum(f["status"] == "unsupported" for f in findings.values()) == len(EXAMINED) - 2
    assert f"2 functions examined: 2 passed, 0 convention, 0 failed, {len(EXAMINED) - 2} unsupported" in out
    assert "unsupported:" not in out and "mala_step" not in out  # it is counted, and --json has all
    assert all(f["questions"] > 20 and f["worst"] <= 1 for f in findings.values() if f["status"] == "passed")


def test_the_adapter_by_hand_is_complete_and_passes(capsys):
    assert main(["crosscheck", str(BY_HAND)]) == 0
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
        ("step.x + 1e-6, step.info.acceptance", "failed", "equals the reference plus 1e-06; wrong in the states only"),
        ("step.x + 1e-6", "failed", "equals the reference plus 1e-06"),
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
        ("rows(z) + 1e-6", "failed", "equals the reference plus 1e-06"),
        ("rows(z), slopes + 1e-6", "failed", "equals the reference plus 1e-06; wrong in the gradients in z only"),
        ("rows(z) + 1e-6, slopes", "failed", "equals the reference plus 1e-06; wrong in the values only"),
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
    assert status == 1 and "the generator LEAST_SQUARES; the generator KULLBACK_LEIBLER" in out
    assert "partly       bregman_noise_contrastive" in out and "  4 of 31 questions asked " in out
    assert "never asked: a generic question, d = 3, n = 4; " in findings["bregman_noise_contrastive"]["diagnosis"]
    assert findings["entropy_gradient"]["status"] == "passed"
    wrong = NAMED.replace("eps @ phi[0].T + phi[1]", "eps @ phi[0].T - phi[1]")
    _, _, findings = crosscheck(tmp_path, capsys, wrong)
    assert findings["entropy_gradient"]["status"] == "failed"


@pytest.mark.parametrize("returned", RETURNED)
def test_what_is_returned_for_the_right_answer(returned):
    wrong = RIGHT.replace("return y +", f"right = y; return {returned}\n    return y +")
    finding = examined(wrong, "tweedie_mean")
    assert finding.status == "failed" and RETURNED[returned] in finding.diagnosis


def test_reports_of_a_failure(tmp_path, capsys):
    text = RIGHT.replace("return 0.5 *", "print(7 * 11111111, flush=True); raise KeyError('layers');")
    status, out, findings = crosscheck(tmp_path, capsys, text, "--markdown", str(tmp_path / "r.md"))
    assert status == 1 and "77777777" not in out and findings["tweedie_mean"]["status"] == "passed"
    assert "adapter.py:6: print(" in findings["denoising_score_matching"]["diagnosis"]  # where in the adapter
    assert out.index("# denoising_score_matching: failed, question 00") < out.index("functions examined")
    table, folded = (tmp_path / "r.md").read_text().split("<details><summary>first failing input", 1)
    rows = [line.split(" | ")[:2] for line in table.splitlines() if line.startswith("| `")]
    assert rows == [["| `denoising_score_matching`", "failed"], ["| `tweedie_mean`", "passed"]]
    assert f"<summary>{len(EXAMINED) - 2} unsupported</summary>" in folded and "`tweedie_cov`" in folded


def test_an_adapter_that_examines_when_it_is_imported(tmp_path, capfd):
    (tmp_path / "adapter.py").write_text(RIGHT + "\nfrom refebm.cli import main\nmain(['crosscheck', __file__])\n")
    assert main(["crosscheck", str(tmp_path / "adapter.py"), "--only", "tweedie_mean", "--timeout", "1e30"]) == 0
    assert capfd.readouterr().err == "refebm: E-ADAPTER: an adapter that is examined cannot examine\n"


def test_an_adapter_that_replaces_what_others_use_is_told_so(tmp_path, capsys):
    text = RIGHT + "\ndef _mean(*_, **__): return 0.0\nnp.mean = _mean\n"
    (tmp_path / "adapter.py").write_text(text)
    assert main(["crosscheck", str(tmp_path / "adapter.py"), "--only", "tweedie_mean"]) == 0
    said = capsys.readouterr().err
    assert said.endswith("adapter.py: importing it replaces numpy.mean, which others use\n")


class Changing:
    """refebm's own files, of which one is always changed by somebody."""

    def changed(self):
        return "index.py"


OPENED = "open(refebm.__file__, 'a').close()"  # for writing, though nothing is written


def test_who_writes_into_our_files_is_told_and_the_next_is_judged(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("refebm.crosscheck.examination.Sources", Changing)
    text = (
        RIGHT + "\ndef divergence(model, x): return x[:, 0]\n" + "def tweedie_cov(model, y, sigma): ctypes.string_at(0)"
    )
    status, _, findings = crosscheck(tmp_path, capsys, "import ctypes\n" + text)
    assert not any("changes" in one["diagnosis"] for one in findings.values())  # it was somebody else
    text = text.replace("return 0.5 *", f"{OPENED}; return 0.5 *")
    status, _, findings = crosscheck(tmp_path, capsys, "import ctypes, refebm\n" + text)
    assert status == 1 and findings["tweedie_mean"]["status"] == "passed"
    assert "changes refebm's own file index.py" in findings["denoising_score_matching"]["diagnosis"]
    assert "changes" not in findings["divergence"]["diagnosis"] + findings["tweedie_cov"]["diagnosis"]
    text = text.replace("ctypes.string_at(0)", "return y") + RIGHT.replace(
        "return 0.5 *", f"{OPENED}; ctypes.string_at(0);"
    )
    status, error, _ = crosscheck(tmp_path, capsys, "import ctypes, refebm\n" + text)
    assert status == 2 and "E-CHANGED: refebm's own file index.py was changed: no more can be examined" in error


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (True, "os.rename(refebm.__file__, refebm.__file__) or"),
        (True, "os.system('true') * 0 +"),
        (True, "subprocess.run(['true']).returncode * 0 +"),
        (False, "open(refebm.__file__).close() or"),
        (False, "open(os.devnull, 'a').close() or"),
    ],
)
def test_what_could_write_into_our_files_is_heard(said, text, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("refebm.crosscheck.examination.Sources", Changing)
    text = "import os, subprocess, refebm\n" + RIGHT.replace("return 0.5 *", f"return {text} 0.5 *")
    _, _, findings = crosscheck(tmp_path, capsys, text, "--only", "denoising_score_matching")
    assert ("changes refebm's own file" in findings["denoising_score_matching"]["diagnosis"]) == said


def test_our_files_are_watched_and_held(tmp_path, monkeypatch):
    (tmp_path / "a.py").write_text("def f():\n    return 1\n")
    monkeypatch.setattr("refebm.crosscheck.sources.ROOT", tmp_path)
    sources = Sources()
    assert sources.changed() == ""
    (tmp_path / "a.py").write_text("def f():\n    return 2  # another\n")
    assert sources.changed() == "a.py"
    linecache.checkcache(str(tmp_path / "a.py"))  # as inspect.getsource does, before a diagnosis
    assert linecache.getline(str(tmp_path / "a.py"), 2) == "    return 1\n"
    (tmp_path / "a.py").unlink()
    assert sources.changed() == "a.py"


def test_a_long_search_is_told(tmp_path, capsys, monkeypatch):
    """While it runs, when what wrong versions print is kept back; and not for what is right."""
    monkeypatch.setattr("refebm.crosscheck.verdict.MOMENT", 0.0)
    monkeypatch.setattr("refebm.crosscheck.verdict.diagnose", lambda *given: time.sleep(0.2) or diagnose(*given))
    told = "refebm: tweedie_mean: its answers differ; looking for the reason ...\n"
    for text, said in ((RIGHT, ""), (RIGHT.replace("return y +", "return y -"), told)):
        (tmp_path / "adapter.py").write_text(text)
        assert main(["crosscheck", str(tmp_path / "adapter.py"), "--only", "tweedie_mean"]) == bool(said)
        assert capsys.readouterr().err == said


def test_a_function_that_lacks_its_last_argument_is_not_called_without_it():
    text = "from refebm.crosscheck.frameworks.numpy import objective\n\n\n@objective\n"
    text += "def tweedie_mean(score, y):\n    return y + 0.25 * score(y)\n"
    finding = examined(text, "tweedie_mean")
    assert finding.status == "failed" and "takes 2 positional arguments but 3 were given" in finding.diagnosis


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("y + undefined", "NameError: name 'undefined' is not defined (in 37 of 37 questions)\n    adapter.py:6: "),
        ("score(None)", "(in 37 of 37 questions)\n    adapter.py:6: return score(None)\n"),
        ("np.linalg.inv(y[:, :1])", "(in 37 of 37 questions)\n    adapter.py:6: return np.linalg.inv(y[:, :1])\n    _"),
    ],
)
def test_lines_of_refebm_are_not_shown_and_those_of_the_adapter_are(tmp_path, capsys, body, said):
    text = "import numpy as np\nfrom refebm.crosscheck.frameworks.numpy import objective\n\n@objective\n"
    text += f"def tweedie_mean(score, y, sigma):\n    return {body}\n"
    _, out, _ = crosscheck(tmp_path, capsys, text, "--only", "tweedie_mean")
    assert said in out and "glossary.py" not in out


def test_another_convention_fails_where_that_is_asked_for(tmp_path, capsys):
    text = "import numpy as np\n\n\ndef explicit_score_matching(score, data_score, x):\n"
    text += "    return np.sum((data_score(x) - score(x)) ** 2, axis=1)\n"
    for options, status in (([], 0), (["--strict"], 1)):
        found, _, findings = crosscheck(tmp_path, capsys, text, *options)
        assert (found, findings["explicit_score_matching"]["status"]) == (status, "convention")
    assert main(["crosscheck", "--template", "numpy", "--strict"]) == 2
    assert "--strict does not go with --template" in capsys.readouterr().err


def test_methods_in_two_conventions_are_printed_once(tmp_path, capsys):
    text = """class VarianceExploding:
    def __init__(self, sigma_min, sigma_max):
        self.ends = sigma_min, sigma_max
    def sigma(self, t):
        return self.ends[0] * (self.ends[1] / self.ends[0]) ** t
    def marginal(self, t):
        return 1.0 + 0 * t, self.sigma(t)
    def kernel(self, s, t):
        return 1.0 + 0 * t, (self.sigma(t) ** 2 - self.sigma(s) ** 2) ** 0.5
"""
    (tmp_path / "adapter.py").write_text(text)
    assert main(["crosscheck", str(tmp_path / "adapter.py")]) == 1
    out = capsys.readouterr().out
    assert out.count("VarianceExploding.marginal   ") == 1 and "two conventions in one class" in out


def test_what_a_question_looks_for_is_not_said_as_if_it_were_found():
    some = [one.asked for one in vectors("geometric_noise_levels")]
    assert about(some[0]) == ": a generic question, d = 3, n = 4"
    assert about(some[10]) == ", which looks for this: a wrong power of levels"


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
        ("def quux(): pass", "adapter.py has no function under a public name; they are "),
        ("__all__ = ['tweedie_mean']", "__all__ lists tweedie_mean, which"),
        ("import no_such_framework", "ModuleNotFoundError: No module named 'no_such_framework'"),
        ("def tweedie_mean(:", "SyntaxError"),
        ("raise SystemExit(4)", "SystemExit: 4"),
        ("class Gaussian:\n    def log_pdf(self, x): pass\n", "Gaussian has none of the methods Gaussian.log_prob,"),
        ("def Tweedie_Mean(model, y, sigma): pass", "the nearest to Tweedie_Mean is tweedie_mean"),
        ("x = '\u00e9'", "SyntaxError"),
    ],
)
def test_what_is_no_adapter_cannot_be_loaded(tmp_path, text, said):
    (tmp_path / "adapter.py").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match="E-ADAPTER") as error:
        load(str(tmp_path / "adapter.py"))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise SystemExit(4)", "SystemExit: 4"),
        ("import os; os._exit(0)", "loading it ends its process, exit code 0"),
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


@pytest.mark.parametrize("mark", ["", "from refebm.crosscheck.frameworks.numpy import objective\n@objective\n"])
def test_methods_that_no_question_asks_for_are_told(mark, tmp_path, capsys):
    text = f"""{mark}class VarianceExploding:
    def __init__(self, sigma_min, sigma_max):
        self.ends = sigma_min, sigma_max
    def sigma(self, t):
        return self._sigma(t)
    def _sigma(self, t):
        return self.ends[0] * (self.ends[1] / self.ends[0]) ** t
    def log_sigma(self, t):
        return np.log(self.sigma(t))
"""
    (tmp_path / "adapter.py").write_text(text)
    assert main(["crosscheck", str(tmp_path / "adapter.py")]) == 0
    told = "refebm: adapter.py: VarianceExploding: no question asks for log_sigma: not examined\n"
    assert capsys.readouterr().err == told
    (tmp_path / "adapter.py").write_text(text.replace("log_sigma", "prior_gap"))
    assert main(["crosscheck", str(tmp_path / "adapter.py")]) == 0
    out, err = capsys.readouterr()
    assert "prior_gap is not examined: an integral, with a tolerance of its own" in out and not err


def test_a_method_that_nothing_asks_for_makes_its_class_partly_examined(tmp_path, capsys):
    """A method of refebm's, without a reason why it is not asked: the line says so, and so does the exit status."""
    text = """import numpy as np
class Gaussian:
    def __init__(self, mean, cov):
        self.mean, self.cov = mean, cov
    def score(self, x):
        return -np.linalg.solve(self.cov, (x - self.mean).T).T
    def box(self, radius):
        return self.mean - radius, self.mean + radius
"""
    (tmp_path / "adapter.py").write_text(text)
    assert main(["crosscheck", str(tmp_path / "adapter.py")]) == 1
    out = capsys.readouterr().out
    assert "partly       Gaussian.score" in out and "no question asks for box" in out and "0 passed" in out
    exec(text, given := {})
    assert not refebm.crosscheck.examine(given["Gaussian"]).passed


def test_a_name_that_looks_misspelt_is_told_and_stops_nothing(tmp_path, capsys):
    text = RIGHT.replace("tweedie_mean", "tweedi_mean") + "\ndef score_fn(model): return model\n"
    (tmp_path / "adapter.py").write_text(text)
    assert main(["crosscheck", str(tmp_path / "adapter.py")]) == 0
    captured = capsys.readouterr()
    assert "adapter.py: tweedi_mean is not examined: did you mean tweedie_mean?" in captured.err
    assert "1 functions examined: 1 passed" in captured.out


COUPLED = """import numpy as np

def coupled_metropolis_step(energy, x, y, scale, z, u_meet, u):
    gap = (x - y) / scale
    size = np.sqrt(np.sum(gap**2, axis=1, keepdims=True))
    e = gap / np.where(size == 0, 1, size)
    met = np.log(u_meet) < 0.5 * np.sum(z**2 - (z + gap) ** 2, axis=1)
    there = x + scale * z
    other = np.where(met[:, None], there, y + scale * (z - 2 * np.sum(e * z, axis=1, keepdims=True) * e))

    def accepted(old, new):
        a = np.exp(np.minimum(energy(old) - energy(new), 0.0))
        return np.where((u < a)[:, None], new, old), np.nan_to_num(a)

    return accepted(x, there), accepted(y, other)
"""


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("accepted(x, there), accepted(y, other)", ""),
        ("accepted(x, there)[0], accepted(y, other)[0]", ""),
        (
            "*accepted(x, there), *accepted(y, other)",
            "returned shape (4, 3) and (4,) and (4, 3) and (4,), wanted (4, 3) and (4, 3)",
        ),
        (
            "[accepted(x, there), accepted(y, other)]",
            "parts of shapes ((4, 3) and (4,)) and ((4, 3) and (4,)), where one array is wanted",
        ),
    ],
)
def test_a_kernel_of_two_chains_may_return_what_one_of_one_chain_may(returned, said):
    finding = examined(COUPLED.replace("accepted(x, there), accepted(y, other)", returned), "coupled_metropolis_step")
    assert finding.status == ("failed" if said else "passed") and said in finding.diagnosis, finding.diagnosis


def test_exact_names_come_first_then_stems_then_words():
    assert chosen("denoising_score_matching") == ["denoising_score_matching"]
    assert chosen("Gamma") == ["Gamma.log_prob", "Gamma.score", "Gamma.fisher_information"]
    assert "tweedie_mean" in chosen("denoising") and "noise_contrastive" not in chosen("denoising")
    assert chosen("tweedie") == ["tweedie_mean", "tweedie_cov"]


def test_reports_tell_no_folder():
    said = (
        "raises X: cannot open /opt/data/sets/a.csv, see https://example.org/a/b\n    /usr/lib/python3/re.py:3: 1 / 2"
    )
    assert local(said, "a.py") == "raises X: cannot open a.csv, see https://example.org/a/b\n    re.py:3: 1 / 2"


def test_reports_tell_no_folder_to_one_who_has_none(monkeypatch):
    """A container's user may have no name and no home."""
    for name, error in (("home", RuntimeError), ("cwd", FileNotFoundError)):
        monkeypatch.setattr(Path, name, unittest.mock.Mock(side_effect=error))
    assert (
        local("cannot open /opt/mine/deep/a.csv or /opt/b.csv", "/opt/mine/a.py") == "cannot open deep/a.csv or b.csv"
    )


def test_an_adapter_is_examined_from_a_folder_that_was_removed(tmp_path):
    adapter, gone = tmp_path / "adapter.py", tmp_path / "gone"
    adapter.write_text(RIGHT)
    gone.mkdir()
    program = f"import os; os.rmdir({str(gone)!r}); from refebm.cli import main; main(['crosscheck', {str(adapter)!r}])"
    done = subprocess.run([sys.executable, "-c", program], cwd=gone, capture_output=True, text=True, timeout=60)
    assert "2 functions examined: 2 passed" in done.stdout and done.stderr == ""


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


READ_AND_WRITTEN = [  # commands that would write over what they read
    *(["crosscheck", "my.own", option, "my/own.py"] for option in ("--json", "--markdown")),
    ["crosscheck", "my", "--json", "my/__init__.py"],
    ["crosscheck", "my/own.py", "--json", "./my/own.py"],
    ["verify", "--only", "tweedie", "--impl", "my.own", "--json", "my/own.py"],
    ["crosscheck", "--answers", "my", "--json", "my/tweedie_mean.json"],
]


@pytest.mark.parametrize("command", READ_AND_WRITTEN)
def test_what_is_read_is_not_written_over(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my").mkdir()
    texts = {"__init__.py": "", "own.py": RIGHT, "tweedie_mean.json": "{}"}
    for name, text in texts.items():
        (tmp_path / "my" / name).write_text(text)
    assert main(command) == 2 and re.search("E-OPTION: .* are the same file", capsys.readouterr().err)
    assert {path.name: path.read_text() for path in (tmp_path / "my").iterdir() if path.is_file()} == texts


@pytest.mark.parametrize("option", ["crosscheck", "verify --impl"])
def test_what_cannot_be_read_is_not_called_unwritable(option, tmp_path, capsys):
    assert main([*option.split(), "x" * 300 + ".py", "--json", str(tmp_path / "out.json")]) == 2
    assert re.fullmatch(r"refebm: E-ADAPTER: x+\.py cannot be read: .*\n", capsys.readouterr().err)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_printed(capsys, name):
    """Of all functions with the bodies that pass, which others fill in; asked for by name, with bodies to replace."""
    for complete in (False, True):
        assert main(["crosscheck", "--template", name, *["--complete"] * complete]) == 0
        assert capsys.readouterr().out == template(name, complete=True)
        assert main(["crosscheck", "--template", name, "--only", "tweedie_mean", *["--complete"] * complete]) == 0
        assert capsys.readouterr().out == template(name, ["tweedie_mean"], complete)


def test_a_template_says_what_a_step_or_a_law_may_be():
    for name, words in [("mala_step", "(states, a)"), ("langevin_step", "alone."), ("coupled_metropolis_step", "((x'")]:
        assert "Yours may return " in template("numpy", [name]) and words in template("numpy", [name])
    assert "method log_prob(x)" in template("numpy", ["VariancePreserving.prior"])
    assert "Yours may return" not in template("numpy", ["tweedie_mean"])


def test_every_public_name_is_examined_or_says_why_not():
    covered = {function.partition(".")[0] for function in EXAMINED}
    reasons = {name for name in (*FUNCTIONS, "ReplayBuffer", "GivenDiffusion") if unasked(name)}
    results = {"Step", "Expectation", "Fit"}
    data = {"Model", "Generator", *GENERATORS}
    no_formula = {*results, *data, "InputError", "DomainError"}
    parts = covered, reasons, no_formula
    assert set().union(*parts) == set(refebm.__all__) and sum(map(len, parts)) == len(refebm.__all__)
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


def has_julia():
    """Whether there is julia, with the package for JSON."""
    return shutil.which("julia") and subprocess.run(["julia", "-e", "import JSON"], capture_output=True).returncode == 0


@pytest.mark.parametrize(("program", "name"), [("node", "javascript"), ("julia", "julia")])
def test_the_example_in_another_language_passes(program, name, tmp_path, capsys):
    if not (has_julia() if name == "julia" else shutil.which(program)):
        pytest.skip(f"the example in another language needs {program}")
    assert main(["vectors", str(tmp_path / "vectors")]) == 0
    command = [program, str(FOLDER / PROGRAMS[name]), str(tmp_path / "vectors"), str(tmp_path / "answers")]
    subprocess.run(command, check=True)
    assert main(["crosscheck", "--answers", str(tmp_path / "answers")]) == 0
    assert "3 functions examined: 3 passed" in capsys.readouterr().out
