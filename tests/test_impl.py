"""`refebm verify --impl`: the theorems on an adapter's functions."""

import pytest

from refebm.cli import main
from refebm.crosscheck.adapter import Adapter, for_theorems
from refebm.crosscheck.template import FOLDER
from refebm.identities import THEOREMS
from refebm.identities.run import run
from tests.sabotage import module_of
from tests.test_crosscheck import RIGHT

NUMPY = (FOLDER / "numpy.py").read_text()
ABOUT = [t for t in THEOREMS.values() if t.kind != "statistical"]


@pytest.fixture(scope="module")
def adapter():
    return Adapter(module_of(NUMPY), read=for_theorems)


@pytest.mark.parametrize("name", [t.name for t in ABOUT])
def test_theorems_hold_for_the_numpy_template(name, adapter):
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
    status, (out, _) = verify(tmp_path, capsys, text, "--only", "tweedies_mean_is_bayes", "--cases", "2")
    assert status == 0 and "2 unsupported" in out and "1 theorems need what the adapter does not have" in out


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("axis=1)\n", "axis=1).astype(np.float32)\n", "the adapter computes in float32"),
    ],
)
def test_what_theorems_cannot_use(tmp_path, capsys, was, becomes, said):
    status, (_, error) = verify(tmp_path, capsys, RIGHT.replace(was, becomes), "--only", "denoising_is")
    assert status == 2 and said in error


def test_a_mean_is_unsupported_and_the_rest_goes_on(tmp_path, capsys):
    text = RIGHT.replace("axis=1)\n", "axis=1).mean()\n")
    status, (out, _) = verify(tmp_path, capsys, text, "--only", "by_hand", "--cases", "2")
    assert status == 0 and "--  denoising_objectives_by_hand" in out
    assert verify(tmp_path, capsys, text, "--only", "tweedies_mean_is_bayes", "--cases", "2")[0] == 0


def test_not_together_with_the_controls(tmp_path, capsys):
    assert verify(tmp_path, capsys, RIGHT, "--controls")[0] == 2
    status, (_, error) = verify(tmp_path, capsys, "def geometric_noise_level(x): pass\n")
    assert status == 2 and "did you mean geometric_noise_levels?" in error
