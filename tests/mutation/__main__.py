"""Mutants of one file against the tests of its stem, in a copy of the tree.

    python -m tests.mutation refebm/identities/record.py [TEST ...] [--most N] [--within S]

Prints a line for each mutant as it is tried, then those that no test noticed, as differences, and the counts. The
libraries are imported once, and each mutant is tried in a fork: a second where a fresh interpreter takes three.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from difflib import unified_diff
from pathlib import Path

import cosmic_ray.plugins
import hypothesis  # noqa: F401
import pytest
from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import use_mutation

from refebm.identities import THEOREMS
from tests.mutation.operators import OPERATORS

ROOT = Path(__file__).parents[2]
OPTIONS = ("-q", "-x", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
TESTS = {  # where it is not the test of the file's own name
    "refebm/crosscheck/verdict.py": ["tests/test_diagnosis.py"],
}


def mutants(path: Path) -> list[tuple]:
    """Operators by name, how many times each can be applied, and where."""
    tree, found = get_ast_from_path(path), []
    for name in OPERATORS:
        operator = cosmic_ray.plugins.get_operator(name)()
        positions = [start for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node)]
        found += [(name, number, start) for number, start in enumerate(positions)]
    return found


def of_stem(stem: str) -> list[str]:
    """The tests of that name, and the theorems of the stem."""
    own, theorems = f"tests/test_{stem}.py", (theorem for theorem in THEOREMS.values() if theorem.stem == stem)
    return [own] * (ROOT / own).exists() + [f"tests/test_theorems.py::test_theorem[{one.name}]" for one in theorems]


def noticed(tests: list[str], within: int) -> bool:
    """Whether the tests in this folder fail, or take longer than so many seconds, on refebm as it is in this folder."""
    child = os.fork()
    if not child:
        os.setsid()
        signal.alarm(within)
        sys.dont_write_bytecode = True
        sys.path[:] = [os.getcwd(), *(place for place in sys.path if Path(place).resolve() != ROOT)]
        for name in [name for name in sys.modules if name.partition(".")[0] in ("refebm", "tests")]:
            del sys.modules[name]
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1), os.dup2(nowhere, 2)
        os._exit(int(pytest.main([*OPTIONS, *tests])))
    return os.waitpid(child, 0)[1] != 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="of the file, from the root")
    parser.add_argument("tests", nargs="*", help="what must notice")
    parser.add_argument("--most", type=int, default=150, help="mutants at most, drawn from all of them")
    parser.add_argument("--within", type=int, default=120, help="seconds after which a mutant that hangs is dead")
    options = parser.parse_intermixed_args()
    path = options.path
    tests = options.tests or TESTS.get(str(path)) or of_stem(path.stem)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        os.chdir(copy)
        if noticed(tests, options.within):
            raise SystemExit(f"red without any mutant, or slower than {options.within} s: {' '.join(tests)}")
        every = mutants(path)
        some = random.Random(path.stem).sample(every, min(options.most, len(every)))
        survivors, began = [], time.monotonic()
        for tried, (name, number, start) in enumerate(some, 1):
            with use_mutation(path, cosmic_ray.plugins.get_operator(name)(), number) as texts:
                dead = noticed(tests, options.within)
            survivors += [] if dead else ["".join(unified_diff(*(t.splitlines(True) for t in texts), n=0))]
            print(f"{tried}/{len(some)} {'dead' if dead else 'ALIVE'} {name} at {start}", flush=True)
    print(*survivors, sep="\n")
    took = time.monotonic() - began
    print(f"{path}: {len(every)} mutants, {len(some)} tried, {len(survivors)} alive, {took:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
