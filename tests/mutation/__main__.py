"""Mutants of one file against the tests of its stem, in a copy of the tree.

    python -m tests.mutation refebm/identities/record.py [TEST ...] [--most N] [--within S] [--quick C]

Prints a line for each mutant as it is tried, a difference for those that no test noticed, and the counts. The tests
are collected and measured once: their seconds, and the lines of the file that they run. Each mutant is tried in a fork,
where its code is put into the functions that there are, against the tests that run its line: first those that killed
most for their seconds. What is no function's code is imported anew. With --quick, theorems see few cases, and a mutant
is tried against tests of so many seconds in all.
"""

import argparse
import ast
import builtins
import gc
import itertools
import json
import os
import random
import resource
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
from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import use_mutation
from parso.tree import search_ancestor

from refebm.identities import THEOREMS
from tests.mutation.operators import OPERATORS

ROOT = Path(__file__).parents[2]
OPTIONS = ("-x", "-p", "no:cacheprovider", "-p", "no:terminal", "-W", "ignore::pytest.PytestAssertRewriteWarning")
ANYWHERE = (  # what may notice a mutant of a definition; which of them run its line is measured
    *("oracle", "checks", "edges", "refusals", "validation", "extremes", "practice", "tails", "contrast", "samplers"),
    *("models", "special", "calculus", "derivatives", "expectations", "discrepancies", "rules", "reverse_diffusion"),
    *("noise_to_data", "rows", "matrix", "tapes", "metropolis", "networks", "fields", "training", "algorithms"),
)
OF_THE_JUDGE = ("verdict", "diagnosis", "facts", "compare")
FEW = {"pointwise": 4, "quadrature": 2, "enumeration": 4, "statistical": 1}  # cases of a theorem
RAN = "mutation_ran"  # what tells that a line is run, among the builtins; it says True
OPTIMIZED = 1  # the flag of a function's code, which that of a module or a class has not
MEMORY = 6 * 2**30  # a mutant that takes more is dead
HEADED = ("if_stmt", "while_stmt", "for_stmt", "with_stmt", "try_stmt")  # whose head is run apart from what it guards


def tests_of(path: Path) -> list[str]:
    """Of its stem and folder, those that ask of everything, and the theorems about what stands in it."""
    judge = OF_THE_JUDGE if "crosscheck" in path.parts else ANYWHERE
    files = [f"tests/test_{name}.py" for name in dict.fromkeys((path.stem, path.parent.name, *judge))]
    names = {getattr(node, "name", "") for node in ast.parse(path.read_text(encoding="utf-8")).body}
    about = [t.name for t in THEOREMS.values() if names & {one.partition(".")[0] for one in t.about}]
    return [*filter(os.path.exists, files), *(f"tests/test_theorems.py::test_theorem[{name}]" for name in about)]


def lines_of(node) -> tuple[int, int]:
    return node.start_pos[0], node.end_pos[0]


def reached(tree, start) -> list[tuple[int, int]]:
    """Lines, first and last, of which a test must run one to notice what is changed at this place."""
    node = tree.get_leaf_for_position(start)
    while node.type != "simple_stmt" and node.parent.type not in HEADED:
        if node.type in ("parameters", "decorators", "classdef") or node.parent.type == "decorated":
            functions = node.type == "parameters" or any(leaf.type == "funcdef" for leaf in ast_nodes(node.parent))
            return [lines_of(node.parent if functions else tree)]
        node = node.parent
    scope = search_ancestor(node, "funcdef", "classdef")
    if scope:
        first, last = lines_of(node if scope.type == "funcdef" else scope)
        if node.parent.type in HEADED:  # of an elif, too
            first = (node.get_previous_sibling() if node.parent.type == "if_stmt" else node.parent).start_pos[0]
        return [(first, last)]
    names = {leaf.value for leaf in ast_nodes(node) if leaf.type == "name" and leaf.is_definition()}
    used = [leaf for leaf in ast_nodes(tree) if leaf.type == "name" and leaf.value in names]
    ran = []
    for leaf in used:
        if search_ancestor(leaf, "funcdef"):
            ran += reached(tree, leaf.start_pos)  # the lines of the statement
        elif search_ancestor(leaf, "lambdef"):
            ran.append(lines_of(leaf))
    return ran or [lines_of(tree)]  # of the file, where no function uses it by its name


def owner(tree, start) -> tuple[list[str], str]:
    """Names that a file defines by the statement at this place, and the method where it stands in one of a class."""
    node, method = tree.get_leaf_for_position(start), ""
    while node.parent is not tree:
        node = node.parent
        if node.type == "funcdef" and search_ancestor(node, "classdef"):
            method = node.name.value
        if node.type == "decorated" and search_ancestor(node, "classdef"):
            method = node.children[1].name.value
    whole = node.children[1] if node.type == "decorated" else node
    names = [whole.name.value] if whole.type in ("funcdef", "classdef") else []
    return names or [n.value for n in ast_nodes(node) if n.type == "name" and n.is_definition()], method


def mutants(path: Path) -> list[tuple]:
    """Operators by name, how many times each can be applied, where, and the lines that must be run to notice it."""
    tree, found = get_ast_from_path(path), []
    for name in OPERATORS:
        operator = cosmic_ray.plugins.get_operator(name)()
        positions = [(node, start) for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node)]
        kept = [(number, start) for number, (node, start) in enumerate(positions) if not annotation(node)]
        found += [(name, number, start, reached(tree, start), owner(tree, start)) for number, start in kept]
    return found


class Instrumented(ast.NodeTransformer):
    """A file whose functions tell of each statement when it is run, and of each lambda."""

    def __init__(self, name):
        self.name, self.inside = name, False

    def ran(self, node):
        told = ast.Call(ast.Name(RAN, ast.Load()), [ast.Constant(self.name), ast.Constant(node.lineno)], [])
        return ast.fix_missing_locations(ast.copy_location(told, node))

    def generic_visit(self, node):
        super().generic_visit(node)
        for field in ("body", "orelse", "finalbody"):
            some = getattr(node, field, None)
            if isinstance(some, list) and self.inside and not isinstance(node, ast.ClassDef):
                told = [ast.copy_location(ast.Expr(self.ran(one)), one) for one in some]
                setattr(node, field, [part for both in zip(told, some) for part in both])
        return node

    def visit_FunctionDef(self, node):
        outer, self.inside = self.inside, True
        node = self.generic_visit(node)
        self.inside = outer
        return node

    def visit_Lambda(self, node):
        super().generic_visit(node)
        node.body = ast.BoolOp(ast.And(), [self.ran(node), node.body])
        ast.fix_missing_locations(node)
        return node


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
    found = [(one, changed(one, other)) for one, other in zip(inner(old), inner(new))]
    if not old.co_flags & OPTIMIZED and any(some and one.co_name.endswith(("comp>", "expr>")) for one, some in found):
        raise ValueError("in a comprehension that is no function's")
    pairs = [pair for _, some in found for pair in some]
    return pairs + ([(old, new)] if old.co_flags & OPTIMIZED and (pairs or own(old) != own(new)) else [])


class Forked:
    """Whether a child ended otherwise than well, within so many seconds of a processor."""

    def __init__(self, within):
        self.within = within

    def __call__(self, work):
        child = os.fork()
        if not child:
            os.setpgid(0, 0)  # in the session of its parent, whose priority it keeps
            signal.alarm(20 * self.within)  # other processes run beside it
            resource.setrlimit(resource.RLIMIT_CPU, (self.within, self.within))
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
            nowhere, status = os.open(os.devnull, os.O_WRONLY), 1
            os.dup2(nowhere, 1), os.dup2(nowhere, 2)
            try:
                status = int(bool(work()))
            finally:
                os._exit(status)
        return os.waitpid(child, 0)[1]


FAILED = []


def red(item):
    """Whether a test fails, where a warning is an error, as by pytest."""
    FAILED.clear()
    item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
    return bool(FAILED)


def stopped(item, seconds):
    """Whether it is red by itself, and its seconds of a processor; after so many it is ended."""
    late, began = [], time.process_time()

    def end(*_):
        late.append(seconds)
        raise TimeoutError

    signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    failed = red(item)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return failed and not late, max([time.process_time() - began, *late])


def functions(file):
    return [f for f in gc.get_objects() if type(f) is FunctionType and f.__code__.co_filename == file]


def plant(functions, pairs):
    for function in functions:
        function.__code__ = pairs.get(function.__code__, function.__code__)


def define(path, text, names, method):
    """What a file of another text defines by these names, in the place of what there is."""
    of_ours = [module for name, module in sys.modules.items() if name.partition(".")[0] in ("refebm", "tests")]
    module = next(one for one in of_ours if getattr(one, "__file__", "") == str(path.resolve()))
    space = dict(vars(module))
    exec(compile(text, str(path.resolve()), "exec"), space)
    for name in names:
        old, new = vars(module)[name], space[name]
        if method:
            setattr(old, method, vars(new)[method])
        for one in [] if method else of_ours:
            if vars(one).get(name) is old:
                setattr(one, name, new)
    space.update(vars(module))


class Session:
    """A pytest session that tries mutants in the place of running its tests once."""

    def __init__(self, paths, options):
        self.paths, self.options, self.told = paths, options, Path("told.json").resolve()
        self.forked = Forked(options.within)

    def pytest_configure(self, config):
        few(self.options.quick)

    def pytest_runtest_logreport(self, report):
        FAILED.extend([report.nodeid] if report.failed else [])

    def pytest_runtestloop(self, session):
        self.code = {path: compile(path.read_bytes(), str(path.resolve()), "exec") for path in self.paths}
        self.live = {path: functions(code.co_filename) for path, code in self.code.items()}
        if Forked(3600)(lambda: self.measure(session.items)):
            raise SystemExit(f"red without any mutant: {self.told.read_text()}")
        took = json.loads(self.told.read_text())
        gc.freeze()  # what is shared with the children is not looked at there
        for path in self.paths:
            self.of(path, [(item, took[item.nodeid][0], took[item.nodeid][1][str(path)]) for item in session.items])
        return True

    def measure(self, items):
        """Seconds that each test takes, and the lines of these files that it runs."""
        took, self.ran = {}, {}
        setattr(builtins, RAN, lambda name, line: self.ran[name].add(line) or True)
        for path in self.paths:
            tree = Instrumented(str(path)).visit(ast.parse(path.read_text(encoding="utf-8")))
            plant(self.live[path], self.pairs(path, tree))
        for item in items:
            self.ran = {str(path): set() for path in self.paths}
            failed, seconds = stopped(item, self.options.quick or 0)
            took[item.nodeid] = seconds, {name: sorted(lines) for name, lines in self.ran.items()}
            if failed:
                self.told.write_text(json.dumps(item.nodeid))
                return True
        self.told.write_text(json.dumps(took))
        return False

    def of(self, path, items):
        """Tries the mutants of one file."""
        self.kills, every, alive, began = Counter(), mutants(path), 0, time.monotonic()
        some = random.Random(path.stem + self.options.seed).sample(every, min(self.options.most, len(every)))
        if self.options.only:
            some = [one for one in some if any(word in f"{path} {one[0]} at {one[2]}" for word in self.options.only)]
        for tried, (name, number, start, lines, owned) in enumerate(sorted(some, key=lambda one: one[2]), 1):
            with use_mutation(path, cosmic_ray.plugins.get_operator(name)(), number) as texts:
                dead = self.tried(path, texts, owned, self.touched(items, lines, name))
                if not dead and self.pairs(path, texts[1]) is None:  # a decorator refuses before a line is run
                    dead = self.tried(path, texts, owned, self.touched(items, [], name))
            if killer := dead.partition(" by ")[2]:
                self.kills.update([killer, (name, killer.partition("[")[0])])
            print(f"{path} {tried}/{len(some)} {dead or 'ALIVE'} {name} at {start}", file=self.options.to, flush=True)
            if not dead:
                alive += 1
                differ = unified_diff(*(t.splitlines(True) for t in texts), n=0)
                print(*list(differ)[3:], sep="", file=self.options.to, flush=True)
        counts = f"{len(every)} mutants, {len(some)} tried, {alive} alive, {time.monotonic() - began:.0f} s"
        print(f"{path}: {counts}", file=self.options.to, flush=True)

    def touched(self, items, lines, name):
        """Tests that run one of these lines, or all; first those that, or whose like, killed most for their seconds."""

        def runs(seen):
            return not lines or any(a <= line <= b for line in seen for a, b in lines)

        some = [(item, took) for item, took, seen in items if runs(seen)]

        def dear(one):
            test = one[0].nodeid
            return (one[1] + 0.01) / (self.kills[test] + self.kills[name, test.partition("[")[0]] + 0.1)

        some.sort(key=dear)
        spent = itertools.accumulate(took for _, took in some)
        return [item for (item, _), all_of in zip(some, spent) if all_of < (self.options.quick or 1e9)]

    def pairs(self, path, text):
        """By the code of a function, what stands for it; none where more than functions differ."""
        try:
            return dict(changed(self.code[path], compile(text, self.code[path].co_filename, "exec")))
        except ValueError:
            return None

    def tried(self, path, texts, owned, touched):
        """By its code in the functions that there are; else by what it defines in its place; else imported anew."""
        try:
            pairs = self.pairs(path, texts[1])
        except SyntaxError:
            return "no Python"
        if pairs == {}:
            return "the same code"
        if pairs:
            return self.killed("dead", touched, lambda: plant(self.live[path], pairs))
        dead = self.killed("dead", touched, lambda: define(path, texts[1], *owned))
        killer = [item for item in touched if dead.endswith(f" {item.nodeid}")]
        if dead and killer and not self.killed("too", killer, lambda: define(path, texts[0], *owned)):
            return dead
        return self.killed("dead, anew", [], lambda: fresh([item.nodeid for item in touched], self.options, self.told))

    def killed(self, how, touched, prepare):
        """By which of these tests, the first; by none where none is red."""

        def work():
            if prepare():
                return True
            for item in touched:
                self.told.write_text(json.dumps(item.nodeid))
                if red(item):
                    return True
            return False

        self.told.unlink(missing_ok=True)
        if not self.forked(work):
            return ""
        return f"{how} by {json.loads(self.told.read_text()) if self.told.exists() else ''}"


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
    parser.add_argument("--within", type=int, default=60, help="seconds after which a mutant that hangs is dead")
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
