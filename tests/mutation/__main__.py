"""Mutants of one file against the tests of its stem, in a copy of the tree.

    python -m tests.mutation refebm/identities/record.py [TEST ...] [--most N] [--within S] [--quick C]

Prints a line for each mutant as it is tried, then those that no test noticed, as differences, and the counts. The tests
are collected once, and each mutant is tried in a fork, where its code is put into the functions that there are: first
the tests that killed others, then the cheap ones. What lives, or is no function's code, is imported anew and tried
again. With --quick, theorems see few cases, and tests that take more than C seconds are left out.
"""

import argparse
import ast
import gc
import itertools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import typing
from collections import Counter
from difflib import unified_diff
from pathlib import Path
from types import CodeType, FunctionType

import cosmic_ray.plugins
import hypothesis
import pytest
from _pytest.runner import runtestprotocol
from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import use_mutation

from refebm.identities import THEOREMS
from tests.mutation.operators import OPERATORS

ROOT = Path(__file__).parents[2]
OPTIONS = ("-x", "-p", "no:cacheprovider", "-p", "no:terminal", "-W", "ignore::pytest.PytestAssertRewriteWarning")
BESIDE = [f"tests/test_{name}.py" for name in ("oracle", "checks", "edges", "refusals", "validation")]  # of every stem
OF_THE_EXAMINER = ("verdict", "diagnosis", "evidence", "readings", "searches/*")
TESTS = {  # where it is not the test of the file's own stem or folder
    str(path): ("tests/test_verdict.py", "tests/test_diagnosis.py")
    for name in OF_THE_EXAMINER
    for path in Path("refebm/crosscheck").glob(f"{name}.py")
}
FEW = {"pointwise": 4, "quadrature": 2, "enumeration": 4, "statistical": 1}  # cases of a theorem
OPTIMIZED = 1  # the flag of a function's code, which that of a module or a class has not


def tests_of(path: Path) -> tuple[str, ...]:
    """Of its stem and folder, the theorems about what stands in it, and those of bad input and of absolute values."""
    names = {getattr(node, "name", "") for node in ast.parse(path.read_text(encoding="utf-8")).body}
    about = (f"tests/test_theorems.py::test_theorem[{t.name}]" for t in THEOREMS.values() if names & {*t.about})
    own = (f"tests/test_{name}.py" for name in (path.stem, path.parent.name))
    files = (test for test in (*own, *BESIDE) if Path(test).exists())
    return TESTS.get(str(path)) or (*files, *about)


def mutants(path: Path) -> list[tuple]:
    """Operators by name, how many times each can be applied, and where."""
    tree, found = get_ast_from_path(path), []
    for name in OPERATORS:
        operator = cosmic_ray.plugins.get_operator(name)()
        positions = [(node, start) for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node)]
        found += [(name, number, start) for number, (node, start) in enumerate(positions) if not annotation(node)]
    return found


def annotation(node):
    """Whether it stands in the type of something."""
    while node.parent:
        if node.type in ("tfpdef", "annassign") or getattr(node.parent, "annotation", None) is node:
            return True
        node = node.parent
    return False


def inner(code):
    """The code that stands in a code."""
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def own(code):
    """What a code is, but for the code that stands in it, and the lines."""
    constants = [repr(c) for c in code.co_consts if not isinstance(c, CodeType)]
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, constants


def changed(old, new):
    """Pairs of a function's code and what stands for it; an error where more than functions differ."""
    if len(inner(old)) != len(inner(new)):
        raise ValueError("another number of functions")
    if own(old) != own(new) and not old.co_flags & OPTIMIZED:
        raise ValueError("not in a function")
    pairs = [pair for parts in zip(inner(old), inner(new)) for pair in changed(*parts)]
    return pairs + ([(old, new)] if old.co_flags & OPTIMIZED and (pairs or own(old) != own(new)) else [])


class Forked:
    """What a child says, in a file, and whether it ended well within so many seconds."""

    def __init__(self, within):
        self.within = within

    def __call__(self, work):
        child = os.fork()
        if not child:
            os.setsid()
            signal.alarm(self.within)
            nowhere, status = os.open(os.devnull, os.O_WRONLY), 1
            os.dup2(nowhere, 1), os.dup2(nowhere, 2)
            try:
                status = int(bool(work()))
            finally:
                os._exit(status)
        return os.waitpid(child, 0)[1]


def red(item):
    return any(report.failed for report in runtestprotocol(item, nextitem=None, log=False))


class Session:
    """A pytest session that tries mutants in the place of running its tests once."""

    def __init__(self, paths, options):
        self.paths, self.options, self.told = paths, options, Path("told.json").resolve()
        self.forked, self.counts = Forked(options.within), {}

    def pytest_configure(self, config):
        few(self.options.quick)

    def pytest_runtestloop(self, session):
        files = {path: str(path.resolve()) for path in self.paths}
        if Forked(3600)(lambda: self.measure(session.items, set(files.values()))):
            raise SystemExit(f"red without any mutant: {self.told.read_text()}")
        took = json.loads(self.told.read_text())
        for path in self.paths:
            items = [(item, *took[item.nodeid]) for item in session.items]
            items = [(item, seconds, set(seen.get(files[path], ()))) for item, seconds, seen in items]
            self.counts[path] = self.of(path, files[path], items)
        return True

    def measure(self, items, files):
        """Seconds that each test takes, and the functions of these files that it calls, by their first lines."""
        took = {}
        for item in items:
            seen, began = {}, time.process_time()

            def look(frame, event, _, seen=seen):
                if event == "call" and frame.f_code.co_filename in files:
                    seen.setdefault(frame.f_code.co_filename, set()).add(frame.f_code.co_firstlineno)

            def late(*_):
                raise TimeoutError

            signal.signal(signal.SIGVTALRM, late)
            signal.setitimer(signal.ITIMER_VIRTUAL, self.options.quick or 0)
            sys.settrace(look)
            failed = red(item)
            sys.settrace(None)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            seconds = time.process_time() - began
            took[item.nodeid] = seconds, {file: sorted(some) for file, some in seen.items()}
            if failed and not (self.options.quick and seconds >= self.options.quick):
                self.told.write_text(json.dumps(item.nodeid))
                return True
        self.told.write_text(json.dumps(took))
        return False

    def of(self, path, file, items):
        """Tries the mutants of one file."""
        code = compile(path.read_text(encoding="utf-8"), file, "exec")
        live = [f for f in gc.get_objects() if isinstance(f, FunctionType) and f.__code__.co_filename == file]
        kills, every, survivors, began = Counter(), mutants(path), 0, time.monotonic()
        some = random.Random(path.stem + self.options.seed).sample(every, min(self.options.most, len(every)))
        if self.options.only:
            some = [one for one in some if any(word in f"{one[0]} at {one[2]}" for word in self.options.only)]
        for tried, (name, number, start) in enumerate(some, 1):
            with use_mutation(path, cosmic_ray.plugins.get_operator(name)(), number) as texts:
                pairs = self.pairs(code, texts[1])
                firsts = {old.co_firstlineno for old, new in pairs.items() if own(old) != own(new)}
                if not any(firsts & seen for *_, seen in items):  # what is called by an import is imported anew
                    pairs = {}
                touched = [(item, took) for item, took, seen in items if not pairs or firsts & seen]
                ours = f"tests/test_{path.stem}.py::"
                touched.sort(key=lambda one: (-kills[one[0].nodeid], not one[0].nodeid.startswith(ours), one[1]))
                spent = itertools.accumulate(took for _, took in touched)
                touched = [item for (item, _), all_of in zip(touched, spent) if all_of < (self.options.quick or 1e9)]
                self.told.unlink(missing_ok=True)
                dead = self.tried(pairs, live, touched)
            if dead and self.told.exists():
                kills[json.loads(self.told.read_text())] += 1
            print(f"{path} {tried}/{len(some)} {dead or 'ALIVE'} {name} at {start}", file=self.options.to, flush=True)
            if not dead:
                survivors += 1
                differ = unified_diff(*(t.splitlines(True) for t in texts), n=0)
                print(*list(differ)[3:], sep="", file=self.options.to, flush=True)
        seconds = time.monotonic() - began
        counts = f"{len(every)} mutants, {len(some)} tried, {survivors} alive, {seconds:.0f} s"
        print(f"{path}: {counts}", file=self.options.to, flush=True)
        return counts

    def pairs(self, code, text):
        """By the code of a function, what stands for it; nothing where more than functions differ."""
        try:
            return dict(changed(code, compile(text, code.co_filename, "exec")))
        except (ValueError, SyntaxError):
            return {}

    def tried(self, pairs, live, touched):
        """By its code in the functions that there are; where more than functions differ, in modules imported anew."""
        if not pairs:
            names = [item.nodeid for item in touched]
            return "dead, anew" if self.forked(lambda: fresh(names, self.options, self.told)) else ""

        def planted():
            for function in live:
                function.__code__ = pairs.get(function.__code__, function.__code__)
            for item in touched:
                self.told.write_text(json.dumps(item.nodeid))
                if red(item):
                    return True
            return False

        return "dead" if self.forked(planted) else ""


def few(quick):
    if quick:
        import tests.test_theorems

        tests.test_theorems.EXAMPLES.update(FEW)
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # what is red is not made small
    hypothesis.settings.register_profile("mutants", parent=hypothesis.settings.get_profile("ci"), phases=phases)
    hypothesis.settings.load_profile("mutants")


class Ordered:
    """These tests, in this order."""

    def __init__(self, names, options, told):
        self.names, self.options, self.told = {name: i for i, name in enumerate(names)}, options, told

    def pytest_configure(self, config):
        few(self.options.quick)

    def pytest_collection_modifyitems(self, items):
        items[:] = sorted((i for i in items if i.nodeid in self.names), key=lambda item: self.names[item.nodeid])

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.told.write_text(json.dumps(report.nodeid))


def forget():
    """Whatever is of the tree that is copied; also what typing keeps, in which marks of old types are equal to new."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("refebm", "tests")]:
        del sys.modules[name]
    for clear in typing._cleanups:
        clear()


def fresh(names, options, told):
    sys.dont_write_bytecode = True
    forget()
    files = list(dict.fromkeys(name.partition("::")[0] for name in names))
    return pytest.main([*OPTIONS, *files], plugins=[Ordered(names, options, told)]) if names else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path, help="of files, from the root, and of tests that must notice")
    parser.add_argument("--most", type=int, default=150, help="mutants of a file at most, drawn from all of them")
    parser.add_argument("--seed", default="", help="for others than those that are drawn without one")
    parser.add_argument("--within", type=int, default=120, help="seconds after which a mutant that hangs is dead")
    parser.add_argument(
        "--quick", type=float, help="few cases of a theorem, and tests that take so many seconds in all"
    )
    parser.add_argument("--only", nargs="*", help="of those drawn, the ones with one of these in their line")
    options = parser.parse_intermixed_args()
    paths = [path for path in options.paths if path.parts[0] != "tests"]
    tests = [str(path) for path in options.paths if path.parts[0] == "tests"]
    tests = tests or [test for path in paths for test in tests_of(path)]
    options.to = os.fdopen(os.dup(1), "w")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        os.chdir(copy)
        sys.path[:] = [str(copy), *(place for place in sys.path if Path(place).resolve() != ROOT)]
        forget()
        pytest.main([*OPTIONS, *dict.fromkeys(tests)], plugins=[Session(paths, options)])
        os.chdir(ROOT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
