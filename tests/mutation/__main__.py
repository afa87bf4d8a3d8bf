"""Mutants of one file against the tests of its stem, in a copy of the tree.

    python -m tests.mutation refebm/identities/record.py [TEST ...] [--most N] [--within S]

Prints a line for each mutant as it is tried, then those that no test noticed, as differences, and the counts.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.testing import run_tests
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome

from tests.mutation.operators import OPERATORS

ROOT = Path(__file__).parents[2]
TESTS = {  # where it is not the test of the file's own stem
    "refebm/crosscheck/verdict.py": ("tests/test_diagnosis.py",),
}


def mutants(path: Path) -> list[MutationSpec]:
    """All of them, docstrings being no code."""
    tree, found = get_ast_from_path(path), []
    for name in OPERATORS:
        operator = cosmic_ray.plugins.get_operator(name)()
        positions = [ends for node in ast_nodes(tree) for ends in operator.mutation_positions(node)]
        found += [MutationSpec(str(path), name, number, *ends) for number, ends in enumerate(positions)]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", help="of the file, from the root")
    parser.add_argument("tests", nargs="*", help="what must notice")
    parser.add_argument("--most", type=int, default=150, help="mutants at most, drawn from all of them")
    parser.add_argument("--within", type=float, default=120, help="seconds after which a mutant that hangs is dead")
    options = parser.parse_args()
    stem = Path(options.path).stem
    tests = options.tests or TESTS.get(options.path, (f"tests/test_{stem}.py",))
    command = f"{sys.executable} -m pytest -q -x -p no:cacheprovider {' '.join(tests)}"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        os.chdir(copy)
        if run_tests(command, None)[0] is not TestOutcome.SURVIVED:
            raise SystemExit(f"red without any mutant: {command}")
        every = mutants(Path(options.path))
        some = random.Random(stem).sample(every, min(options.most, len(every)))
        survivors, began = [], time.monotonic()
        for number, mutant in enumerate(some, 1):
            result = mutate_and_test([mutant], command, options.within)
            if result.worker_outcome is not WorkerOutcome.NORMAL:
                raise SystemExit(f"{mutant} could not be tried: {result.output}")
            alive = result.test_outcome is TestOutcome.SURVIVED
            survivors += [result.diff] if alive else []
            words = f"{'ALIVE' if alive else 'dead'} {mutant.operator_name} at {mutant.start_pos}"
            print(f"{number}/{len(some)} {words}", flush=True)
    print(*survivors, sep="\n")
    took = time.monotonic() - began
    print(f"{options.path}: {len(every)} mutants, {len(some)} tried, {len(survivors)} alive, {took:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
