"""Imports go down the floors only, and no truth rests on what it judges."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import refebm
from refebm.identities import THEOREMS, Draw, check
from tests.test_theorems import OBJECTIVES

ROOT = Path(refebm.__file__).parent
FLOORS = [  # from the ground up
    ["codes", "start"],
    ["glossary"],
    ["files", "papers", "progress", "words"],
    ["special", "tracing"],
    ["calculus"],
    ["truth"],
    ["sdes"],
    ["models"],
    ["objectives"],
    ["samplers"],
    ["training"],
    ["algorithms"],
    ["__init__"],
    ["identities"],
    ["variants"],
    ["crosscheck"],
    ["book", "data"],
    ["verify"],
    ["cli"],
    ["__main__"],
]
FLOOR = {name: height for height, names in enumerate(FLOORS) for name in names}
RUNTIME = {"numpy", "scipy", "autograd", "refebm"}
OF_EXTRAS = {  # which are imported when they are asked for
    "site.py": {"markdown_it", "mdit_py_plugins", "latex2mathml", "pygments"},
    "examine.py": {"pytest"},
}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module


def room(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


FRAMEWORKS = ROOT / "crosscheck" / "frameworks"  # which adapters import, and refebm never
MODULES = sorted(path for path in ROOT.rglob("*.py") if FRAMEWORKS not in path.parents)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path):
    here = path.relative_to(ROOT).with_suffix("").parts[0]
    for module in imports(path):
        package = module.partition(".")[0]
        assert package in RUNTIME | OF_EXTRAS.get(path.name, set()) or package in sys.stdlib_module_names, (
            f"{path}: {module}"
        )
        if package == "refebm" and room(module) != here:
            assert FLOOR[room(module)] < FLOOR[here], f"{here} must not import {module}"


def test_a_clone_does_not_hide_the_package_from_who_stands_beside_it(tmp_path):
    """A folder called refebm without an __init__.py is a namespace package, unless the installed one is on the path."""
    (tmp_path / "refebm").mkdir()
    subprocess.run([sys.executable, "-c", "import refebm; refebm.standard_normal"], cwd=tmp_path, check=True)


ALL = "refebm.cli, refebm.crosscheck.command, refebm.verify.command, refebm.book.terminal"


def test_looking_a_thing_up_imports_no_examiner():
    code = "import sys; from refebm.cli import main; main(['list', 'dsm']); print(*sys.modules, file=sys.stderr)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "denoising_score_matching" in run.stdout
    unasked = ("refebm.crosscheck", "refebm.verify", "refebm.variants", "pydoc")
    assert not [name for name in run.stderr.split() if name.startswith(unasked)]


def test_frameworks_are_imported_by_adapters_alone():
    for path in MODULES:
        found = {module for module in imports(path) if module.startswith("refebm.crosscheck.frameworks.")}
        assert found <= {"refebm.crosscheck.frameworks.source"}, path
    for path in FRAMEWORKS.glob("*.py"):
        for module in imports(path):
            assert module.partition(".")[0] in RUNTIME | {path.stem, "jax", "jaxlib"} | sys.stdlib_module_names, (
                f"{path}: {module}"
            )
    code = f"import sys, {ALL}; sys.exit(bool({{'torch', 'jax'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_scipy_is_imported_when_it_is_first_asked():
    """`import scipy` alone costs little; its parts, and autograd's of them, take a second."""
    code = f"import sys, {ALL}; print(*[name for name in sys.modules if 'scipy.' in name])"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    parts = [name for name in run.stdout.split() if name.split(".")[1][0] != "_"]
    assert set(parts) <= {"scipy.version"}


def test_truth_calls_no_derivative():
    for path in (ROOT / "truth").glob("*.py"):
        names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
        assert not names & {"grad", "elementwise_grad", "make_vjp", "make_jvp", "jacobian", "score_of"}, path


def test_functions_are_short():
    """At most 40 lines beside the docstring, what stands within them counted too; ruff holds how they branch."""
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                words = ast.get_docstring(node, clean=False)
                lines = node.end_lineno - node.lineno + 1 - (words.count("\n") + 1 if words else 0)
                assert lines <= 40, f"{path}: {node.name} has {lines} lines"


def test_every_theorem_says_where_it_stands():
    for theorem in THEOREMS.values():
        assert theorem.source and theorem.statement.endswith((".", ")")), theorem.name
        assert theorem.latex, theorem.name
        for name in theorem.about:
            assert hasattr(refebm, name.partition(".")[0]), name


def test_every_public_function_says_what_it_is():
    for name in refebm.__all__:
        thing = getattr(refebm, name)
        assert thing.__doc__, name
        if callable(thing) and name in OBJECTIVES:
            assert "Source: " in thing.__doc__, name
            assert isinstance(thing, type) or set(thing.__annotations__) >= {"return"}, name


def test_no_global_randomness():
    for path in MODULES:
        text = path.read_text()
        for name in ("seed", "rand(", "randn", "normal(", "uniform("):
            assert f"np.random.{name}" not in text, path
    state = np.random.get_state()[1].copy()
    check(THEOREMS["implicit_is_explicit"], Draw.seeded([1]))
    np.testing.assert_array_equal(np.random.get_state()[1], state)
