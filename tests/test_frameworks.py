"""Adapters of a few lines: each kind of argument is handed over, right code passes, a planted mistake is found."""

import importlib
import sys
from types import ModuleType

import numpy as np
import pytest
from autograd.extend import defvjp, primitive

from refebm.cli import main
from refebm.crosscheck.adapter import Adapter, answer_of
from refebm.crosscheck.frameworks import numpy as numpy_harness
from refebm.crosscheck.questions import EXAMINED, questions
from refebm.crosscheck.template import FRAMEWORKS, of_the_template, template
from refebm.glossary import Field, InputError, LevelField
from refebm.models import Model
from tests.sabotage import examined, module_of

ADAPTERS = {  # what is written in the arrays' own methods is the same in all frameworks; then a mistake in it
    "denoising_score_matching": (
        "def {}(score, x, sigma, z):\n    return 0.5 * ((score(x + sigma * z) + z / sigma) ** 2).sum(1)",
        ("z / sigma)", "z / sigma**2)"),
    ),
    "negative_log_likelihood": (
        "def {}(anything, constant, points):\n    return anything(points) + constant",
        ("+ constant", "- constant"),
    ),
    "noise_conditional_score_matching": (
        "def {}(score, x, sigma, z):\n    return 0.5 * ((sigma * score(x + sigma * z, sigma) + z) ** 2).sum(1)",
        ("sigma * score(", "score("),
    ),
    "bregman_noise_contrastive": (
        "def {}(log_model, log_noise, generator, x, y):\n    import math\n"
        "    odds = lambda x: log_model(x) - log_noise(x) - math.log(len(y))\n"
        "    return -generator.derivative(odds(x)) + generator.conjugate(odds(y)).sum(0)",
        ("odds(y)).sum(0)", "odds(y)).mean(0)"),
    ),
    "diffusion_score_matching": (
        "def {}(score, sde, weight, x, t, z):\n    scale, std = (part[:, None] for part in sde.marginal(t))\n"
        "    return 0.5 * weight(t) * ((score(scale * x + std * z, t) + z / std) ** 2).sum(1)",
        ("z / std", "z / std**2"),
    ),
    "ddpm_loss": (
        "def {}(score, betas, x, i, z):\n    kept = (1 - betas).cumprod(0)[i][:, None]\n    std = (1 - kept) ** 0.5\n"
        "    return 0.5 * ((std * score(kept**0.5 * x + std * z, i) + z) ** 2).sum(1)",
        ("kept**0.5 * x", "kept * x"),
    ),
    "gibbs_step": (
        "def {}(rbm, v, u_h, u_v):\n    return rbm.visible_given(rbm.hidden_given(v, u_h), u_v)",
        ("(v, u_h)", "(v, 1 - u_h)"),
    ),
    "langevin_step": (
        "def {}(score, x, eta, z):\n    return x + eta * score(x) + (2 * eta) ** 0.5 * z",
        ("(2 * eta)", "eta"),
    ),
    "euler_maruyama_step": (
        "def {}(sde, x, t, dt, z):\n    return x + sde.drift(x, t) * dt + sde.diffusion(t)[:, None] * dt**0.5 * z",
        ("dt**0.5", "dt"),
    ),
    "Gamma.score": (
        "class Gamma:\n    def __init__(self, shape, rate):\n        self.shape, self.rate = shape, rate\n\n"
        "    def score(self, x):\n        return (self.shape - 1) / x - self.rate",
        ("(self.shape - 1)", "self.shape"),
    ),
    "VariancePreserving.beta": (
        "class VariancePreserving:\n    def __init__(self, beta_min, beta_max):\n"
        "        self.low, self.high = beta_min, beta_max\n\n"
        "    def beta(self, t):\n        return self.low + t * (self.high - self.low)",
        ("(self.high - self.low)", "self.high"),
    ),
}
IMPORTED = {"torch": "torch", "jax": "jax", "numpy": "autograd"}
TRAINED = [name for name in ADAPTERS if name.endswith(("matching", "likelihood", "contrastive", "loss"))]


def adapter(framework, name, change=None, options=""):
    pytest.importorskip(framework, reason="a peer, of the extra that is called so")
    text = ADAPTERS[name][0].format(name)
    if change:
        assert text.count(change[0]) == 1
        text = text.replace(*change)
    return f"from refebm.crosscheck.frameworks.{framework} import objective\n\n\n@objective{options}\n{text}\n"


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("name", ADAPTERS)
def test_right_code_passes_and_a_mistake_is_found(framework, name):
    if framework == "jax" and name in TRAINED[1:-1]:
        return  # which are handed over as the others are; it takes time to trace
    finding = examined(adapter(framework, name), name)
    assert finding.status == "passed" and not finding.unsupported, finding.diagnosis
    assert (finding.gradients > 0) == (name in TRAINED and framework != "numpy")
    finding = examined(adapter(framework, name, ADAPTERS[name][1]), name)
    assert finding.status != "passed" and "raises" not in finding.diagnosis, finding.diagnosis


def test_refebms_own_text_differentiates_a_sampler_in_numpy():
    text = template("numpy", ["entropy_gradient"], complete=True)
    assert examined(text, "entropy_gradient").status == "passed"


def test_numpy_has_gradients_of_what_autograd_differentiates():
    text = adapter("numpy", "noise_conditional_score_matching", options="(gradient=True)")
    assert examined(text, "noise_conditional_score_matching").gradients > 0


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_gradient_that_stops_is_found(framework):
    hold = {
        "torch": "(score(x + sigma * z)).detach()",
        "jax": "__import__('jax').lax.stop_gradient(score(x + sigma * z))",
    }
    text = adapter(framework, "denoising_score_matching", ("score(x + sigma * z)", hold[framework]))
    finding = examined(text, "denoising_score_matching")
    assert finding.status == "failed" and "its gradient" in finding.diagnosis, finding.diagnosis


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_what_has_lost_its_gradient_is_named(framework):
    """A term of the formula, also under a convention; where there are no terms, a place of it."""
    head = f"from refebm.crosscheck.frameworks.{framework} import held, objective\n\n\n@objective\n"
    pytest.importorskip(framework, reason="a peer, of the extra that is called so")
    sliced = (
        "def sliced_score_matching(score, x, v):\n    from refebm.crosscheck.frameworks.{0} import jacobian_vector_"
    )
    sliced += (
        "product\n    g = (v * held(jacobian_vector_product(score, x, v))).sum(1)\n    return g + 0.5 * (v * score(x)"
    )
    found = examined(head + sliced.format(framework) + ").sum(1) ** 2", "sliced_score_matching")
    assert "no gradient flows through v^T grad s v, but one must" in found.diagnosis, found.diagnosis
    loss = "def noise_conditional_score_matching(score, x, sigma, z):\n    s = score(x + sigma * z, sigma[:, 0])\n"
    loss += "    return (sigma**2 * s * held(s) + 2 * sigma * s * z + z**2).sum(1)"
    found = examined(head + loss, "noise_conditional_score_matching")
    assert "the gradient of 1/2 sigma^2 |s|^2 is 1/2 x the right one" in found.diagnosis, found.diagnosis
    ratio = "def conditional_noise_contrastive(energy, x, y, log_ratio=0.0):\n"
    ratio += "    gaps = [energy(x) - held(energy(one)) for one in y]\n"
    ratio += "    from refebm.crosscheck.frameworks.{0} import np, softplus\n"
    ratio += "    return 2 * np.mean(softplus(np.stack(gaps) - log_ratio), axis=0)"
    found = examined(head + ratio.format(framework), "conditional_noise_contrastive")
    assert 'no gradient flows through "np.reshape(energy(' in found.diagnosis, found.diagnosis


def test_a_score_that_is_taken_without_gradients_is_constant():
    pytest.importorskip("torch", reason="a peer, of the extra that is called so")
    text = "import torch\nfrom refebm.crosscheck.frameworks.torch import objective\n\n\n@objective\n"
    text += "def implicit_negative_elbo(log_joint, score_q, z):\n    with torch.no_grad():\n        s = score_q(z)\n"
    text += "    return (-log_joint(z) + (s * z).sum(1)).mean()\n"
    assert examined(text, "implicit_negative_elbo").status == "passed"
    wrong = examined(
        text.replace("        s = score_q(z)", "        pass\n    s = score_q(z)"), "implicit_negative_elbo"
    )
    assert wrong.names == ("score not held",), wrong.diagnosis


POINTS = {  # a function of points that a sampler made, right code, what is wrong, and what has to be said
    "contrastive_divergence": (
        "def {}(energy, x, x_model):\n    return energy(x) - energy(held(x_model))",
        ("held(x_model)", "x_model"),
        "a gradient flows to x_model, which is held constant",
    ),
    "variational_bound": (
        "def {}(energy, log_q, x, y):\n    return energy(y) - energy(x) + log_q(y)",
        ("log_q(y)", "log_q(held(y))"),
        "its gradient in y is wrong: none flows through it in log q(y)",
    ),
}


@pytest.mark.parametrize("framework", ["torch", "jax"])
@pytest.mark.parametrize("name", POINTS)
def test_gradients_flow_through_points_as_the_definition_says(framework, name):
    body, (was, becomes), said = POINTS[name]
    pytest.importorskip(framework, reason="a peer, of the extra that is called so")
    head = f"from refebm.crosscheck.frameworks.{framework} import objective, held\n\n\n@objective\n"
    finding = examined(head + body.format(name), name)
    assert finding.status == "passed" and finding.gradients, finding.diagnosis
    finding = examined(head + body.format(name).replace(was, becomes), name)
    assert finding.status == "failed" and said in finding.diagnosis, finding.diagnosis


def test_a_discriminator_may_hold_what_was_generated():
    """Its step is about its own parameters: most programs detach the fakes."""
    pytest.importorskip("torch", reason="a peer, of the extra that is called so")
    head = "from torch import logaddexp, tensor\nfrom refebm.crosscheck.frameworks.torch import objective\n\n\n"
    head += "@objective\ndef gan_discriminator_loss(logit, x, y):\n    zero = tensor(0.0)\n"
    text = head + "    return logaddexp(zero, -logit(x)) + logaddexp(zero, logit(y.detach()))\n"
    assert examined(text, "gan_discriminator_loss").status == "passed"


def test_each_projection_is_asked_for_alone_unless_all_are_wanted():
    name, seen = "hutchinson_divergence", "def {}(field, x, v):\n    SEEN.add(v.ndim)\n    raise NotImplementedError\n"
    for options, dimensions in (("", {2}), ("(projections=True)", {3})):
        text = f"from refebm.crosscheck.frameworks.numpy import objective\nSEEN = set()\n\n\n@objective{options}\n"
        module = module_of(text + seen.format(name))
        asked = Adapter(module, read=lambda result: result)
        assert all(answer_of(asked, question).unsupported for question in questions(name))
        assert dimensions == module.SEEN


def test_a_body_that_writes_into_its_input_is_told_so():
    text = adapter("torch", "langevin_step", ("return x +", "x += 0.0 * z + 1\n    return x - 1 +"))
    assert "modifies its input x" in examined(text, "langevin_step").diagnosis


@pytest.mark.parametrize(
    ("framework", "dtype"), [("torch", "torch.float32"), ("numpy", "'float32'"), ("jax", "'float32'")]
)
def test_the_dtype_is_the_one_that_is_asked_for(framework, dtype):
    package = pytest.importorskip(framework, reason="a peer, of the extra that is called so")
    text = f"import {package.__name__}\n" + adapter(framework, "langevin_step", options=f"(dtype={dtype})")
    finding = examined(text, "langevin_step")
    assert (finding.status, finding.dtype) == ("passed", "float32")


SLOPES = {  # minus the gradient of an energy, and the trace of its matrix of second derivatives, for each row
    "torch": "-torch.func.grad(lambda x: {0}(x).sum())(x)",
    "jax": "-jax.vmap(jax.grad({0}))(x)",
    "numpy": "-autograd.elementwise_grad({0})(x)",
}
TRACES = {
    "torch": "-torch.func.vmap(lambda row: torch.trace(torch.func.hessian({0})(row)))(x)",
    "jax": "-jax.vmap(lambda row: jax.numpy.trace(jax.hessian({0})(row)))(x)",
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_code_that_takes_an_energy_is_asked_all_that_a_score_is(framework):
    """Of a field without an energy it is handed a potential: by the name of its argument, or at the score."""
    for energy in ("score.energy", "energy"):
        name = energy.partition(".")[0]
        text = adapter(framework, "langevin_step", ("score(x)", SLOPES[framework].format(energy)))
        text = f"import {IMPORTED[framework]}\n" + text.replace("(score, x", f"({name}, x")
        finding = examined(text, "langevin_step")
        assert (finding.status, finding.unsupported) == ("passed", ()), finding.diagnosis
        finding = examined(text.replace("(2 * eta)", "eta"), "langevin_step")
        assert finding.names == ("sqrt(eta) for sqrt(2 eta)",), finding.diagnosis


@pytest.mark.filterwarnings("ignore:.*torch.jit.script. is deprecated")  # by torch itself, as it starts forward mode
@pytest.mark.parametrize("framework", TRACES)
def test_a_potential_has_second_derivatives(framework):
    text = f"import {IMPORTED[framework]}\n" + adapter(framework, "denoising_score_matching").replace(
        ADAPTERS["denoising_score_matching"][0].format("denoising_score_matching"),
        f"def divergence(energy, x):\n    return {TRACES[framework].format('energy')}",
    )
    finding = examined(text, "divergence")
    assert (finding.status, finding.unsupported) == ("passed", ()), finding.diagnosis


def test_what_needs_the_value_of_a_potential_is_not_asked():
    text = adapter("torch", "langevin_step", ("score(x)", "0 * score.energy(x)[:, None]"))
    finding = examined(text, "langevin_step")
    assert finding.status == "failed" and "the energy of a mlp_score, whose score alone is known" in finding.unsupported


@pytest.mark.parametrize("mapped", ["jax.vmap({})", "jax.jit({})", "jax.jit(jax.vmap({}))", "torch.func.vmap({})"])
def test_models_are_asked_a_row_at_a_time(mapped):
    """Under jax.jit and vmap no row can be told from the others by its values."""
    framework = mapped.partition(".")[0]
    row = "lambda x, s, z: 0.5 * ((score(x + s * z) + z / s) ** 2).sum(-1)"
    name = "denoising_score_matching"
    text = adapter(framework, name).replace(
        ADAPTERS[name][0].format(name), f"def {name}(score, x, sigma, z):\n    return {mapped.format(row)}(x, sigma, z)"
    )
    finding = examined(f"import {framework}\n" + text, name)
    assert (finding.status, finding.unsupported) == ("passed", ()), finding.diagnosis


def test_a_density_of_a_library_is_an_object_with_log_prob():
    pytest.importorskip("torch", reason="a peer, of the extra that is called so")
    text = (
        "import torch\nfrom refebm.crosscheck.frameworks.torch import objective\n\n\n"
        "@objective\ndef Gaussian(mean, cov):\n"
        "    return torch.distributions.MultivariateNormal(mean, cov)\n"
    )
    assert examined(text, "Gaussian.log_prob").status == "passed"
    assert examined(text, "Gaussian.score").status == "unsupported"


MACHINE = """
class Machine{base}:
    def __init__(self, b, c, W):
        {start}self.b, self.c, self.W = b, c, W

    def hidden_mean(self, v):
        return 1 / (1 + {exp}(-(v @ self.W + self.c)))


{decorated}def BinaryRBM(b, c, W):
    return Machine(b, c, W)
"""


@pytest.mark.parametrize("framework", [*FRAMEWORKS, "module", "plain"])
def test_an_object_that_a_function_returns_has_its_own_methods_alone(framework):
    """Also where it can be called, as a torch.nn.Module can; and without a harness."""
    home = {"module": "torch", "plain": "numpy"}.get(framework, framework)
    pytest.importorskip(home, reason="a peer, of the extra that is called so")
    imported = f"from refebm.crosscheck.frameworks.{home} import np, objective\n" * (framework != "plain")
    base, start = ("(__import__('torch').nn.Module)", "super().__init__(); ") if framework == "module" else ("", "")
    text = (imported or "import numpy as np\n") + MACHINE.format(
        base=base, start=start, exp="np.exp", decorated="@objective\n" * bool(imported)
    )
    assert examined(text, "BinaryRBM.hidden_mean").status == "passed"
    lacking = examined(text, "BinaryRBM.free_energy")
    assert (lacking.status, lacking.diagnosis) == ("unsupported", "Machine has no method free_energy")
    nothing = examined(text.replace("Machine(b, c, W)\n", "b\n"), "BinaryRBM.free_energy")
    assert nothing.status == "failed" and "which has none of the methods energy, free_energy" in nothing.diagnosis
    law = text.replace("BinaryRBM", "VariancePreserving").replace("b, c, W", "b, c")
    law = (
        law.replace("self.c, self.W =", "self.c =")
        .replace("hidden_mean(self, v)", "diffusion(self, t)")
        .replace("(-(v @ self.W + self.c))", "0 * t")
    )
    assert examined(law, "VariancePreserving.diffusion").status == "failed"
    assert examined(law, "VariancePreserving.beta").diagnosis == "Machine has no method beta"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_code_of_one_level_for_all_rows_is_asked_row_by_row(framework):
    """With a number for the level, and its own row of the noise that is handed out; tuples are joined as well."""
    pytest.importorskip(framework, reason="a peer, of the extra that is called so")
    head = f"from refebm.crosscheck.frameworks.{framework} import handing_out, objective\n\n\n@objective(by_row=True)\n"
    loss = (
        "def denoising_score_matching(score, x, sigma, z):\n    assert isinstance(sigma, float) and x.shape[0] == 1\n"
    )
    loss += "    return 0.5 * ((score(x + sigma * z) + z / sigma) ** 2).sum()\n"
    finding = examined(head + loss, "denoising_score_matching")
    assert (finding.status, finding.reduction, finding.unsupported) == ("passed", "per row", ()), finding.diagnosis
    finding = examined(head + loss.replace("z / sigma", "z / sigma**2"), "denoising_score_matching")
    assert finding.names == ("sigma squared for sigma",), finding.diagnosis
    both = "def marginal_of_steps(betas, i):\n    kept = (1 - betas[: i + 1]).prod()\n"
    both += "    return kept**0.5, (1 - kept) ** 0.5"
    assert examined(head + both, "marginal_of_steps").status == "passed"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_arguments_under_refebms_names_may_come_in_any_order(framework):
    text = adapter(framework, "langevin_step")
    assert examined(text.replace("(score, x, eta, z)", "(x, z, score, eta)"), "langevin_step").status == "passed"
    assert examined(text.replace("(score, x, eta, z)", "(score, x, z, step)"), "langevin_step").status == "failed"


def test_a_class_takes_what_it_is_made_of_under_refebms_names():
    text = "import numpy as np\nfrom refebm.crosscheck.frameworks.numpy import objective\n\n\n@objective\n"
    text += "class BinaryRBM:\n    def __init__(self, W, c, b):\n        self.W, self.c, self.b = W, c, b\n\n"
    text += "    def free_energy(self, v):\n"
    text += "        return -v @ self.b - np.sum(np.logaddexp(0, self.c + v @ self.W), axis=1)\n"
    assert examined(text, "BinaryRBM.free_energy").status == "passed"
    text = text.replace("W, c, b):", "weights, c, b):").replace("= W, c", "= weights, c")
    assert examined(text, "BinaryRBM.free_energy").status == "failed"


def test_what_is_decorated_is_examined_and_not_what_it_calls():
    text = "from refebm import denoising_score_matching, ratio_matching\n" + adapter("numpy", "langevin_step")
    assert Adapter(module_of(text)).functions == ["langevin_step"]
    named = text.replace("@objective\ndef langevin_step", '@objective(name="langevin_step")\ndef step')
    assert Adapter(module_of(named)).functions == ["langevin_step"]
    plain = "from refebm import denoising_score_matching\n\n\ndef langevin_step(score, x, eta, z): ...\n"
    assert Adapter(module_of(plain)).functions == ["denoising_score_matching", "langevin_step"]


def test_a_name_that_is_not_public_is_refused():
    with pytest.raises(InputError, match="denoising_score_matching"):
        module_of(
            "from refebm.crosscheck.frameworks.numpy import objective\n\n\n@objective\ndef denoising_matching(): ..."
        )


# ---- what is printed to start from -----------------------------------------------------------------------------------


def test_a_template_is_as_short_as_what_is_chosen(capsys):
    assert main(["crosscheck", "--template", "torch", "--only", "denoising_score_matching_cv"]) == 0
    text = capsys.readouterr().out
    assert "from refebm.crosscheck.frameworks.torch import objective\n" in text and len(text.splitlines()) < 25
    assert text.count("@objective") == 1 and "def denoising_score_matching_cv(score, x, sigma, z):" in text
    assert "- z.s(x)/sigma - (|z|^2 - d)/(2 sigma^2)" in text and text.endswith("    raise NotImplementedError\n")
    assert main(["crosscheck", "--template", "torch", "--only", "nothing like it"]) == 2


@pytest.mark.parametrize("complete", [False, True])
def test_a_template_has_every_function(complete):
    text = template("numpy", complete=complete)
    module = module_of(text)
    for function in EXAMINED:
        name, _, method = function.partition(".")
        assert hasattr(getattr(module, name), method or "__call__"), function
    assert max(map(len, text.splitlines())) <= 120
    assert text.count("raise NotImplementedError") == (0 if complete else len(EXAMINED))


def test_bodies_of_the_template_are_told_from_the_users(tmp_path, capsys):
    text = template("numpy", ["tweedie_mean", "langevin_step", "Gamma.score"], complete=True)
    changed = text.replace("np.sqrt(2 * eta) * z", "np.sqrt(eta * 2) * z")
    assert text != changed
    assert of_the_template(text) == ["tweedie_mean", "langevin_step", "Gamma"]
    assert of_the_template(changed) == ["tweedie_mean", "Gamma"] and of_the_template("def tweedie_mean(:") == []
    (tmp_path / "adapter.py").write_text(changed)
    assert main(["crosscheck", str(tmp_path / "adapter.py")]) == 0
    assert "refebm's own bodies, as the template has them: tweedie_mean, Gamma\n" in capsys.readouterr().out


def test_bodies_to_replace_are_unsupported(tmp_path, capsys):
    (tmp_path / "adapter.py").write_text(template("numpy", ["tweedie_mean", "Gamma.score"]))
    assert main(["crosscheck", str(tmp_path / "adapter.py")]) == 2
    assert "nothing was examined" in capsys.readouterr().err


# ---- noise that is drawn inside --------------------------------------------------------------------------------------

INSIDE = """
{imports}
from refebm.crosscheck.frameworks.{framework} import handing_out, objective


def my_loss(score, x, sigma):
    z = {drawn}
    return 0.5 * ((score(x + sigma * z) + z / sigma) ** 2).sum(1)


@objective
def denoising_score_matching(score, x, sigma, z):
    with handing_out(z):
        return my_loss(score, x, sigma)
"""
DRAWN = {  # what is drawn, and what is said of it
    "torch": {
        "torch.randn_like(x)": "",
        "torch.randn(*x.shape)": "",
        "torch.randn(x.shape, dtype=x.dtype)": "",
        "torch.empty_like(x).normal_()": "",
        "torch.normal(torch.zeros_like(x), 1.0)": "",
        "torch.distributions.Normal(0 * x, 1.0).rsample()": "",
        "torch.randn(x.shape[0], 1, x.shape[1])[:, 0]": "",
        "torch.rand_like(x)": "torch.rand_like draws uniform numbers where unit normal numbers (4, 3) are wanted",
        "torch.randn(1, x.shape[1])": "torch.randn draws unit normal numbers (1, 3) where (4, 3) are wanted",
        "torch.randn_like(x) + 0 * torch.randn_like(x)": "torch.randn_like draws more than was handed out",
        "0 * x": "does not draw the unit normal numbers (4, 3) that it was handed",
    },
    "jax": {
        "jax.random.normal(jax.random.PRNGKey(0), x.shape)": "",
        "jax.jit(lambda x: jax.random.normal(jax.random.PRNGKey(0), x.shape))(x)": "",
        "jax.random.uniform(jax.random.PRNGKey(0), x.shape)": "draws uniform numbers where unit normal",
    },
    "numpy": {
        "np.random.default_rng(0).standard_normal(x.shape)": "",
        "np.random.default_rng(0).normal(size=x.shape)": "",
        "0.5 * np.random.normal(loc=0.0, scale=2.0, size=x.shape)": "",
        "np.random.randn(*x.shape)": "",
        "np.random.default_rng(0).random(x.shape)": "random draws uniform numbers where unit normal numbers (4, 3)",
    },
}


@pytest.mark.parametrize(("framework", "drawn"), [(one, drawn) for one, some in DRAWN.items() for drawn in some])
def test_noise_that_is_drawn_inside_is_handed_out(framework, drawn):
    pytest.importorskip(framework, reason="a peer, of the extra that is called so")
    imports = "import numpy as np" if framework == "numpy" else f"import {framework}"
    finding = examined(INSIDE.format(framework=framework, imports=imports, drawn=drawn), "denoising_score_matching")
    said = DRAWN[framework][drawn]
    assert (finding.status, finding.questions) == ("failed" if said else "passed", finding.asked), finding.diagnosis
    assert said in finding.diagnosis


@pytest.mark.parametrize(
    ("framework", "imported"),
    [("torch", "from torch import randn as normal"), ("numpy", "from numpy.random import randn as normal")],
)
def test_noise_is_handed_out_to_modules_that_import_what_draws_by_name(framework, imported, monkeypatch):
    pytest.importorskip(framework, reason="a peer, of the extra that is called so")
    monkeypatch.setitem(sys.modules, "drawing", module := module_of(imported))
    before = module.normal
    text = INSIDE.format(framework=framework, imports="import drawing", drawn="drawing.normal(*x.shape)")
    finding = examined(text, "denoising_score_matching")
    assert finding.status == "passed" and module.normal is before, finding.diagnosis


def test_what_was_replaced_to_hand_noise_out_stands_again():
    torch = pytest.importorskip("torch", reason="a peer, of the extra that is called so")
    before = torch.randn, torch.Tensor.normal_
    examined(INSIDE.format(framework="torch", imports="import torch", drawn="1 / 0"), "denoising_score_matching")
    assert (torch.randn, torch.Tensor.normal_) == before


def test_a_level_and_a_time_that_are_drawn_inside():
    pytest.importorskip("torch", reason="a peer, of the extra that is called so")
    text = (
        "import torch\nfrom refebm.crosscheck.frameworks.torch import handing_out, objective\n\n\n"
        "@objective\ndef metropolis_step(energy, x, scale, z, u):\n    with handing_out(z, u):\n"
        "        y = x + scale * torch.randn_like(x)\n"
        "        kept = torch.rand(len(x)) < torch.exp(energy(x) - energy(y))\n"
        "    return torch.where(kept[:, None], y, x).detach()\n"
    )
    assert examined(text, "metropolis_step").status == "passed"
    assert "torch.randn draws" in examined(text.replace("torch.rand(", "torch.randn("), "metropolis_step").diagnosis


UNCOMPILED = (  # of a stack of two positive matrices (2, 3, 3), a
    "linalg.inv(a)",
    "asarray(a)[0][jnp.array([0, 5]), jnp.array([1, 0])]",  # out of bounds
    "asarray(a).at[jnp.array([1, 5])].set(1.0)",
    "linalg.slogdet(a)[1]",
    "linalg.solve(a[:, :, :2].swapaxes(1, 2) @ a[:, :, :2], a[:, :2])",
    "abs(jnp.fft.rfft(a, 8, axis=1)) ** 2",
    "fft.irfft(jnp.fft.fft(a, axis=0), 5, axis=0)",
    "stack(jax.scipy.linalg.cho_factor(a[0])[:1])",
    "asarray(jax.scipy.linalg.solve_triangular(a[0], a[1], trans=1))",
    "asarray(jax.lax.linalg.triangular_solve(a[0], a[1], left_side=False, lower=True, transpose_a=True))",
    "asarray(jax.lax.scan(lambda c, b: (c + b, jnp.tanh(c) * b), a[0], a, reverse=True)[1])",
    "asarray(jax.lax.while_loop(lambda c: c.sum() < 50, lambda c: c * a[1] + 1, a[0]))",
    "asarray(jax.lax.fori_loop(0, 3, lambda i, c: c @ a[1] + i, a[0]))",
)


@pytest.mark.parametrize("text", UNCOMPILED)
def test_what_is_not_compiled_is_what_jax_compiles(text):
    jax = pytest.importorskip("jax", reason="a peer, of the extra that is called so")
    from refebm.crosscheck.frameworks import interpreted
    from refebm.crosscheck.frameworks.jax import np as jnp  # in 64 bits

    a = jnp.asarray([np.eye(3) + 0.25, [[4.0, 2, 1], [2, 2, 0.75], [1, 0.75, 0.5625]]])
    names = {"jax": jax, "jnp": jax.numpy, "a": a}
    right = np.asarray(eval(f"jnp.{text}", names))
    with interpreted.uncompiled():
        got = np.asarray(eval(f"jnp.{text}", names))
    assert right.dtype == got.dtype
    np.testing.assert_allclose(got, right, rtol=1e-12, atol=1e-12)


LEVELS = {  # what is not refebm's form of an answer, and what is said of it
    "karras_noise_levels": (
        "n, smallest, largest, power",
        "np.append(np.linspace(largest ** (1 / power), smallest ** (1 / power), n) ** power, 0.0)",
        ("convention", "the level 0 at the end"),
    ),
    "geometric_noise_levels": (
        "x, n, smallest",
        "np.geomspace(np.max(np.linalg.norm(x[:, None] - x, axis=2)), smallest, n)",
        ("passed", ""),
    ),
}


@pytest.mark.parametrize("name", LEVELS)
def test_levels_may_end_with_zero_or_come_alone(name):
    given, body, (status, said) = LEVELS[name]
    head = "import numpy as np\nfrom refebm.crosscheck.frameworks.numpy import objective\n\n\n@objective\n"
    finding = examined(f"{head}def {name}({given}):\n    return {body}\n", name)
    assert finding.status == status and said in finding.diagnosis, finding.diagnosis
    finding = examined(f"{head}def {name}({given}):\n    return 1.5 * {body}\n", name)
    assert finding.status == "failed", finding.diagnosis


@pytest.mark.parametrize("kind", ["mixture", "smoothed_mixture"])
@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_row_far_out_is_seen_by_a_model_that_was_traced_before(framework, kind):
    """Far out the two exponents, 5e15 each, differ by 1/2: only the formula without what they share sees it."""
    pytest.importorskip(framework, reason="a peer, of the extra that is called so")
    harness = importlib.import_module(f"refebm.crosscheck.frameworks.{framework}").HARNESS
    diagonals = np.array([[1.0, 1.0], [1.0, 2.0]])
    given, level = {"precisions": np.stack([*map(np.diag, diagonals)])}, ()
    if kind == "smoothed_mixture":  # a noise that is lost in the variances; the factors of the normals divided out
        given, level = {"variances": 1 / diagonals}, (np.array([2.0**-30]),)
    logits = np.array([0.0, -0.5 * np.log(2) * len(level)])
    model = Model(kind, {"logits": logits, "means": np.zeros((2, 2)), **given})
    with harness.inside():
        score = harness.given(LevelField if level else Field, model)
        for first in (1.0, 1e8, 1.0):
            x = map(harness.tensor, (np.array([[first, 1.0]]), *level))
            got = harness.array(harness.run(lambda x=x: score(*x)))
            heavy = 1 / (1 + np.exp(0.5))  # the weight of the second component, of precision 2 along the second axis
            assert np.allclose(got, [[-first, -1 - heavy]], rtol=1e-14, atol=0)


@primitive
def unwilling(y):
    return 1.0 * y


def no_way_back(result, y):
    def back(weights):
        raise ValueError("no way back")

    return back


defvjp(unwilling, no_way_back)


def detached(y):
    if hasattr(y, "_node"):
        raise ValueError("points must be detached")
    return y


TAKES = {  # what a body does with points that a sampler made, and what is said if they are trained through, and if not
    "themselves": (lambda y: y, "", ""),
    "plain NumPy": (np.asarray, "", ""),
    "a list": (lambda y: np.array(y, dtype=float), "", ""),
    "a step without a way back": (unwilling, "its gradient in y raises ValueError: no way back", "x_model raises Val"),
    "detached ones": (detached, "its gradient in y raises ValueError: points must be detached", ""),
}


@pytest.mark.parametrize("name", TAKES)
def test_errors_of_a_gradient_in_points(name):
    """Only what does not take traced points is passed over: in NumPy's functions, or where they are constants."""
    take, through, constant = TAKES[name]

    def variational_bound(energy, log_q, x, y):
        return energy(x) - energy(take(y)) - log_q(y)

    def contrastive_divergence(energy, x, x_model):
        return energy(x) - energy(take(x_model))

    for body, said in ((variational_bound, through), (contrastive_divergence, constant)):
        module = ModuleType("functions")
        setattr(module, body.__name__, numpy_harness.objective(gradient=True)(body))
        module.__all__ = [body.__name__]
        answer = answer_of(Adapter(module, lambda result: result), questions(body.__name__)[0])
        assert said in answer.problem and bool(answer.problem) == bool(said), answer.problem
        assert said or "layers" in answer.gradient
