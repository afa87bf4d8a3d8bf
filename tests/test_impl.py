"""`refebm verify --impl`: the theorems on an adapter's functions."""

import copy
import json

import numpy as np
import pytest
from autograd import grad

import refebm
from refebm.cli import main
from refebm.crosscheck.adapter import Adapter, KnownInfo, for_theorems
from refebm.identities import THEOREMS, Failure, NotSupported
from refebm.identities.run import run
from refebm.models import Model
from tests.sabotage import BY_HAND, module_of
from tests.test_crosscheck import RIGHT

NUMPY = BY_HAND.read_text()
ABOUT = [t for t in THEOREMS.values() if t.kind != "statistical"]


@pytest.fixture(scope="module")
def adapter():
    return Adapter(module_of(NUMPY), read=for_theorems)


@pytest.mark.parametrize("name", [t.name for t in ABOUT])
def test_theorems_hold_for_the_adapter_by_hand(name, adapter):
    theorem = THEOREMS[name]
    if not any(map(adapter.supports, theorem.about)):
        return  # about nothing that an adapter has
    report = run(theorem, 0, 3, adapter)
    assert not report.failures, report.failures[0].note
    assert report.verdicts or report.unsupported


def verify(tmp_path, capsys, text, *options):
    (tmp_path / "adapter.py").write_text(text)
    status = main(["verify", "--impl", str(tmp_path / "adapter.py"), *options])
    return status, capsys.readouterr()


def test_only_theorems_about_what_it_has(tmp_path, capsys):
    status, (out, _) = verify(tmp_path, capsys, RIGHT, "--cases", "2")
    assert status == 0
    about = [t for t in THEOREMS.values() if {"denoising_score_matching", "tweedie_mean"} & set(t.about)]
    assert f"2 functions; {len(about)} theorems are about them" in out
    assert f"{len(about)} of {len(about)} theorems hold" in out


def test_a_wrong_adapter_turns_them_red_and_the_case_can_be_replayed(tmp_path, capsys):
    wrong = RIGHT.replace("z / s)", "z / s**2)")
    status, (out, _) = verify(tmp_path, capsys, wrong, "--only", "denoising_is_implicit_nearby", "--cases", "2")
    assert status == 1 and "RED denoising_is_implicit_nearby" in out
    command = next(line for line in out.splitlines() if "--case=" in line).split()[1:]
    assert main(command) == 1
    assert "RED" in capsys.readouterr().out


def test_what_raises_is_red_and_the_rest_goes_on(tmp_path, capsys):
    text = RIGHT.replace("return y +", "raise RuntimeError('no tweedie');")
    status, (out, _) = verify(tmp_path, capsys, text, "--only", "tweed", "--cases", "2")
    assert status == 1 and "raises RuntimeError: no tweedie" in out
    text = RIGHT.replace("return y +", "raise NotImplementedError('not this');")
    status, (out, error) = verify(tmp_path, capsys, text, "--only", "tweedies_mean_is_bayes", "--cases", "2")
    assert status == 2 and "2 unsupported" in out and "1 theorems need what the adapter does not have" in out
    assert "E-NONE: nothing was proved" in error
    text = RIGHT.replace("return 0.5 *", "raise NotImplementedError;")
    status, (out, error) = verify(tmp_path, capsys, text, "--only", "variance_of_denoising_explodes")
    assert status == 2 and out.splitlines()[1].startswith("--  variance_of_denoising") and "E-NONE" in error


def test_a_theorem_that_cannot_be_asked_does_not_end_the_run(tmp_path, capsys):
    text = RIGHT.replace("return 0.5 *", "raise NotImplementedError;")
    status, (out, error) = verify(tmp_path, capsys, text, "--cases", "2")
    assert status == 0 and "theorems need what the adapter does not have" in out and "E-NONE" not in error


HOSTILE = """
import ctypes, os, sys
import numpy as np
print("x" * 1_000)

def tweedie_mean(model, y, sigma):
    {body}
    return y + np.reshape(sigma, (-1, 1)) ** 2 * model(y)

def tweedie_cov(model, y, sigma): raise ValueError("\x1b[31m")
"""


@pytest.mark.parametrize(
    ("body", "said"),
    [("os._exit(0)", "ends its process, exit code 0"), ("while True: pass", "hangs: no answer in 2 s (see --timeout)")],
)
def test_a_hostile_adapter_is_red_and_the_rest_goes_on(tmp_path, capsys, body, said):
    path = tmp_path / "out.json"
    options = ["--only", "_is_bayes", "--cases", "1", "--json", str(path), "--timeout", "2"]
    status, (out, _) = verify(tmp_path, capsys, HOSTILE.format(body=body), *options)
    assert status == 1 and said in out and "xxxx" not in out
    assert r"raises ValueError: \x1b[31m" in out and "\x1b" not in out
    rows = json.loads(path.read_text())["theorems"]
    assert [row["name"] for row in rows] == ["tweedies_mean_is_bayes", "tweedies_covariance_is_bayes"]
    assert not any(row["holds"] for row in rows)


def test_nothing_that_is_asked_is_no_proof(tmp_path, capsys):
    status, (_, error) = verify(tmp_path, capsys, RIGHT, "--only", "gibbs")
    assert status == 2 and "E-NONE: no theorem about what adapter.py has is called for" in error
    text = RIGHT.replace("return y +", "raise NotImplementedError('not this');")
    status, (_, error) = verify(tmp_path, capsys, text, "--only", "tweedies_mean_is_bayes", "--case=1")
    assert status == 2 and "E-NONE: nothing was proved" in error


def test_an_adapter_on_the_users_data(tmp_path, capsys):
    (tmp_path / "points.csv").write_text("a\n1\n2.5\n4\n")
    options = ["--only", "tweedies_mean", "--cases", "1", "--data", str(tmp_path / "points.csv")]
    status, (out, _) = verify(tmp_path, capsys, RIGHT, *options)
    assert status == 0 and "3 rows" in out and "1 of 1 theorems hold" in out


@pytest.mark.parametrize(
    ("was", "becomes", "said"), [("axis=1)\n", "axis=1).astype(np.float32)\n", "the adapter computes in float32")]
)
def test_what_theorems_cannot_use(tmp_path, capsys, was, becomes, said):
    status, (_, error) = verify(tmp_path, capsys, RIGHT.replace(was, becomes), "--only", "denoising_is")
    assert status == 2 and said in error


def test_a_mean_is_unsupported_and_the_rest_goes_on(tmp_path, capsys):
    text = RIGHT.replace("axis=1)\n", "axis=1).mean()\n")
    status, (out, _) = verify(tmp_path, capsys, text, "--only", "by_hand", "--cases", "2")
    assert status == 2 and "--  denoising_objectives_by_hand" in out
    assert verify(tmp_path, capsys, text, "--only", "tweedies_mean_is_bayes", "--cases", "2")[0] == 0


KERNELS = """
import numpy as np
import refebm

def langevin_step(model, x, eta, z):
    return x + eta * model(x) + np.sqrt(2 * eta) * z

def mala_step(model, x, eta, z, u):
    step = refebm.mala_step(model, x, eta, z, u)
    return {returned}

def gibbs_step(rbm, v, u_h, u_v):
    return refebm.gibbs_step(refebm.BinaryRBM(**rbm.parameters), v, u_h, u_v).x

def contrastive_divergence(model, x, x_model):
    return model(x) - model(x_model)

def annealed_langevin(model, x, sigmas, eps, z):
    return x

class BinaryRBM:
    def __init__(self, b, c, W):
        self.c, self.W = c, W

    def hidden_mean(self, v):
        return 1 / (1 + np.exp(-self.c - v @ self.W))
"""
ENERGY = Model("quadratic", {"mean": np.array([0.5]), "precision": np.array([[2.0]])})
MACHINE = Model("binary_rbm", {"W": np.array([[1.5, -0.5]]), "c": np.array([0.25, -1.0]), "b": np.array([0.75])})
X, Z = np.array([[-1.0], [0.75], [2.0], [0.5]]), np.array([[0.5], [-2.5], [1.75], [-1.5]])
U = np.array([0.5, 0.5, 0.125, 0.75])


def stepped(returned="(step.x, step.info.acceptance)"):
    adapter = Adapter(module_of(KERNELS.format(returned=returned)), read=for_theorems)
    return adapter.mala_step(ENERGY, X, 0.5, Z, U), refebm.mala_step(ENERGY, X, 0.5, Z, U), adapter


def test_theorems_get_a_step_of_what_a_kernel_returns():
    step, right, _ = stepped()
    np.testing.assert_array_equal(step.x, right.x)
    for name in ("acceptance", "accepted", "invalid"):
        np.testing.assert_array_equal(getattr(step.info, name), getattr(right.info, name))
    assert set(right.info.accepted) == {False, True} and np.any(right.info.acceptance == 1)
    with pytest.raises(NotSupported, match="between 0 and 1 only"):
        _ = step.info.energy_error
    likely = right.info.acceptance < 1
    some = KnownInfo(X[likely], step.x[likely], step.info.acceptance[likely])
    np.testing.assert_allclose(some.energy_error, right.info.energy_error[likely], atol=1e-14)
    with pytest.raises(NotSupported, match="why a proposal is rejected"):
        _ = KnownInfo(X, X, np.zeros(4)).invalid


def test_what_a_kernel_does_not_tell_is_not_supported():
    step, right, adapter = stepped("step.x")
    np.testing.assert_array_equal(step.info.accepted, right.info.accepted)
    for name in ("acceptance", "energy_error", "invalid"):
        with pytest.raises(NotSupported, match=r"a kernel may return \(x, acceptance\)"):
            getattr(step.info, name)
    info = adapter.langevin_step(adapter.score(ENERGY), X, 0.5, Z).info
    assert (
        np.all(info.accepted) and np.all(info.acceptance == 1) and not np.any(info.invalid | (info.energy_error != 0))
    )
    step, right, _ = stepped("step")
    assert step.info.energy_error.tolist() == right.info.energy_error.tolist()
    for returned in ("step.x[:, 0]", "(step.x, step.info.acceptance[:, None])", "(step.x,) * 3"):
        with pytest.raises(Failure, match="returned shape"):
            stepped(returned)


def test_an_adapters_kernels_make_a_chain():
    _, _, adapter = stepped()
    tape = np.stack([Z, -Z]), np.stack([U, U])
    chains = [
        refebm.run(lambda x, z, u, mala=mala: mala(ENERGY, x, 0.5, z, u), X, tape)
        for mala in (adapter.mala_step, refebm.mala_step)
    ]
    assert all(map(np.array_equal, (chains[0].x, *chains[0].info[:3]), (chains[1].x, *chains[1].info[:3])))


def test_an_rbm_is_data_with_the_methods_of_the_adapter():
    _, _, adapter = stepped()
    rbm, right = adapter.rbm(MACHINE), refebm.BinaryRBM(**MACHINE.parameters)
    v, u = np.array([[1.0], [0.0]]), np.array([[0.5, 0.25], [0.75, 0.5]])
    np.testing.assert_array_equal(adapter.gibbs_step(rbm, v, u, u[:, :1]).x, refebm.gibbs_step(right, v, u, u[:, :1]).x)
    np.testing.assert_allclose(rbm.hidden_mean(v), right.hidden_mean(v), rtol=1e-15)
    assert rbm.m == 2 and rbm.log_partition() == right.log_partition()  # what the adapter has not is refebm's
    assert copy.deepcopy(rbm).parameters["c"].tolist() == MACHINE.parameters["c"].tolist()
    assert not hasattr(rbm, "sigma")


SDE = {"kind": "VariancePreserving", "parameters": {"beta_min": 0.25, "beta_max": 1.5}}
FIELD = Model("noise_conditional", {"layers": ((np.array([[0.5], [-0.25]]), np.array([0.125])),)})
OWN_SDE = """
class VariancePreserving:
    def __init__(self, beta_min, beta_max): self.beta_min, self.beta_max = beta_min, beta_max
    def beta(self, t): return self.beta_min + (self.beta_max - self.beta_min) * t + 1
def predicted_noise(model, sde, x, t):
    assert sde.kind == "VariancePreserving" and sde.parameters["beta_max"] == 1.5
    return sde.beta(t)[:, None] + 0 * x
def diffusion_score_matching(model, sde, weight, x, t, z): return weight
"""


def test_an_sde_is_data_with_the_methods_of_the_adapter(adapter):
    sde, right, t = adapter.sde(SDE), refebm.VariancePreserving(**SDE["parameters"]), np.array([0.25, 0.75])
    np.testing.assert_allclose(sde.kernel(0.125, t), right.kernel(0.125, t), rtol=1e-15)
    law = refebm.GaussianMixture([0.5, 0.5], [[1.0], [-1.0]], 0.5)
    np.testing.assert_allclose(sde.diffused(law, 0.5).log_prob(X), right.diffused(law, 0.5).log_prob(X), rtol=1e-14)
    np.testing.assert_allclose(sde.prior(1).log_prob(X), right.prior(1).log_prob(X), rtol=1e-14)
    assert sde.prior_gap(law) == right.prior_gap(law) and not hasattr(sde, "sigma_min")
    assert copy.deepcopy(sde).parameters == SDE["parameters"]


def test_an_adapters_own_sde_and_weights_as_numbers():
    own = Adapter(module_of(OWN_SDE), read=for_theorems)
    sde, t = own.sde(SDE), np.array([0.25, 0.5])
    assert sde.beta(t).tolist() == [1.5625, 1.875] and sde.betas(2).tolist() == [0.4375, 0.75]  # the last is refebm's
    assert own.predicted_noise(FIELD, sde, X[:2], t)[:, 0].tolist() == [1.5625, 1.875]
    assert own.diffusion_score_matching(FIELD, sde, lambda t: t**2, X[:2], t, Z[:2]).tolist() == [0.0625, 0.25]
    given = own.sde({"kind": "GivenDiffusion", "parameters": {"sigma": np.exp, "variance": lambda t: t}})
    assert given.kernel(0.0, t)[1].tolist() == np.sqrt(t).tolist()
    with pytest.raises(NotSupported, match="made of callables"):
        own.predicted_noise(FIELD, given, X[:2], t)


def test_models_that_are_no_data_are_not_supported():
    _, _, adapter = stepped()
    with pytest.raises(NotSupported, match="a model that is no data"):
        adapter.contrastive_divergence(lambda x: x[:, 0], X, Z)
    with pytest.raises(NotSupported, match="differentiated by autograd"):
        grad(
            lambda m: np.sum(adapter.contrastive_divergence(Model("quadratic", ENERGY.parameters | {"mean": m}), X, Z))
        )(np.array([0.5]))
    with pytest.raises(NotSupported, match="optional arguments"):
        adapter.annealed_langevin(ENERGY, X, np.array([1.0]), 0.1, Z[None, None], True)


def test_not_together_with_the_controls(tmp_path, capsys):
    assert verify(tmp_path, capsys, RIGHT, "--controls")[0] == 2
    status, (_, error) = verify(tmp_path, capsys, "def geometric_noise_level(x): pass\n")
    assert status == 2 and "the nearest to geometric_noise_level is geometric_noise_levels" in error
