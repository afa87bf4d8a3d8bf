"""refebm's own text on PyTorch and JAX, where installed: the values of the golden vectors, and its gradients there."""

import pytest

from refebm.cli import main
from refebm.crosscheck.adapter import Adapter, for_theorems
from refebm.crosscheck.questions import EXAMINED, GRADIENTS, chosen
from refebm.crosscheck.template import template
from refebm.identities import THEOREMS
from refebm.identities.run import run
from tests.sabotage import module_of

SINGLE = {
    "torch": "\nimport torch\n\ntorch.set_default_dtype(torch.float32)\n",
    "jax": '\nimport jax\n\njax.config.update("jax_enable_x64", False)\n',
}


@pytest.mark.parametrize(("framework", "dtype", "only"), [
    ("torch", "float64", ""), ("torch", "float32", "matching"), ("jax", "float64", ""),
    ("jax", "float32", "denoising_score_matching"),
])  # fmt: skip
def test_a_complete_adapter_passes(framework, dtype, only, tmp_path, capsys, pytestconfig):
    """In float32 some functions stand for all, and with --every in JAX, where each question is traced."""
    pytest.importorskip(framework, reason="a peer, of the extra that is called so")
    only = "score" if framework == "jax" and dtype == "float64" and pytestconfig.getoption("every") > 1 else only
    asked, path = chosen(only) if only else list(EXAMINED), tmp_path / "adapter.py"
    path.write_text(template(framework, asked, complete=True) + (SINGLE[framework] if dtype == "float32" else ""))
    assert main(["crosscheck", str(path), "--only", only]) == 0
    out = capsys.readouterr().out
    assert f"{len(asked)} functions examined: {len(asked)} passed, 0 convention, 0 failed, 0 unsupported" in out
    assert "unsupported in part" not in out and out.count(dtype) == len(asked)
    assert out.count(" gradients") == len(GRADIENTS & set(asked))


@pytest.mark.parametrize(
    "name", ["denoising_is_implicit_nearby", "mean_of_sliced_is_implicit", "tweedies_mean_is_bayes"]
)
def test_theorems_hold_in_pytorch(name):
    pytest.importorskip("torch", reason="a peer, of the extra that is called so")
    adapter = Adapter(module_of(template("torch", complete=True)), read=for_theorems)
    report = run(THEOREMS[name], 0, 3, adapter)
    assert report.holds, report.failures[0].note
