"""Theorems in a user's own files: kept apart from refebm's, with errors that name the file and line.

    from refebm.identities import Draw, Sides, expect, theorem, wrong

``refebm verify --template`` prints an example. A theorem in a file is judged as refebm's own are. Errors:
E-FILE: there is no such Python file. E-IMPORT: the file cannot be imported. E-NONE: it contains no theorem. E-NAME: two
theorems or two files have the same name. E-STATEMENT: a theorem has no docstring. E-KIND: its options do not fit its
kind. E-ABOUT: it is about a function that neither refebm nor the file has. E-DRAWN: its case is not a dict, or the
theorem refuses the case that it drew. E-ARGUMENT: its arguments are not those of its case. E-SIDES: it does not return
what its kind needs. E-STATISTICS: it compares more means than the budget of false alarms allows. E-RAISES: it raises.
"""

import functools
import inspect
import linecache
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

import refebm
from refebm.glossary import DomainError, InputError, brief
from refebm.identities.implementation import Beside, Failure, Implementation
from refebm.identities.record import Limit, Sampled, Sides, Theorem, names_in, with_about
from refebm.words import did_you_mean

RETURNS = {"limit": Limit, "statistical": Sampled}  # Sides for the others
MOST_STATISTICAL_THEOREMS, MOST_MEANS = 5, 20  # times 100 cases: the comparisons that share the false-alarm budget
MODULE = "refebm_theorems_"  # prefix of the name that a user's file is imported under
MOST_FRAMES = 4


class Text(NamedTuple):
    """The path and content of a file, read once when the command starts, so that all processes see the same text."""

    path: str
    content: str

    @property
    def name(self) -> str:
        return Path(self.path).name


@dataclass(frozen=True)
class OwnWrong:
    """A wrong version of a user's function, in the form that `refebm.variants.controls` expects."""

    function: str
    name: str
    version: Callable
    was: str = ""
    becomes: str = ""
    survives: str = ""  # no weak check is named
    seen: str = ""

    def __str__(self) -> str:
        return f"{self.function}: {self.name}"

    def implementation(self) -> Implementation:
        return Implementation(**{self.function: self.version})

    def statement(self, theorem: Theorem) -> Callable:
        return theorem.sides


class Own(NamedTuple):
    """The theorems and wrong versions in a user's files."""

    theorems: dict[str, Theorem]
    wrong: list[OwnWrong]


def read(paths: Iterable[str]) -> tuple[Text, ...]:
    """Read the files. Errors: E-FILE; E-NAME where a file is given twice or two files have the same name."""
    texts = {}
    for path in paths:
        text = Text(path, _content(path))
        other = texts.setdefault(text.name, text)
        if other is not text:
            same = Path(path).resolve() == Path(other.path).resolve()
            words = f"{path} is named twice" if same else f"two files are called {text.name}: rename one of them"
            raise InputError("E-NAME", words)
    return tuple(texts.values())


def _content(path):
    try:
        if Path(path).is_file() and Path(path).suffix == ".py":
            return Path(path).read_bytes().decode("utf-8-sig")
        words = "theorems must be in a Python file, .py, got" if Path(path).exists() else "there is no file"
    except (OSError, ValueError) as error:
        raise InputError("E-FILE", f"{path}: {error}") from error
    raise InputError("E-FILE", f"{words} {path}")


def theorems_of(texts: tuple[Text, ...]) -> dict[str, Theorem]:
    """The theorems of the files, by name."""
    return load(texts).theorems


@functools.cache
def load(texts: tuple[Text, ...]) -> Own:
    """The theorems and wrong versions of the files, in order. Errors: see the module's docstring."""
    theorems, versions = {}, []
    for text in texts:
        module = _module(text)
        found = vars(module).get("__theorems__", [])
        if not found:
            raise InputError(
                "E-NONE",
                f"{text.name} has no theorem: none of its functions is decorated with @theorem(...) of "
                "refebm.identities; refebm verify --template prints an example",
            )
        for theorem in found:
            made = _checked(theorem, module, text)
            if made.name in theorems:
                raise InputError(
                    "E-NAME",
                    f"{made.where}: {made.name} is the name of another theorem too, at {theorems[made.name].where}",
                )
            theorems[made.name] = made
        versions += _versions(module, text, found)
    statistical = [theorem.where for theorem in theorems.values() if theorem.kind == "statistical"]
    if len(statistical) > MOST_STATISTICAL_THEOREMS:
        raise InputError(
            "E-STATISTICS",
            f"{statistical[-1]}: the budget of false alarms is shared by at most "
            f"{MOST_STATISTICAL_THEOREMS} statistical theorems of a run, there are {len(statistical)}",
        )
    return Own(theorems, versions)


def _module(text):
    """Import the file under a name of its own; it may import the files in its folder."""
    folder = str(Path(text.path).absolute().parent)
    if folder not in sys.path:
        sys.path.append(folder)  # at the end: a user's file may be called torch.py
    module = ModuleType(MODULE + Path(text.path).stem)
    module.__file__ = text.path
    sys.modules[module.__name__] = module
    linecache.cache[text.path] = (len(text.content), None, text.content.splitlines(keepends=True), text.path)
    try:
        exec(compile(text.content, text.path, "exec", dont_inherit=True), vars(module))
    except BaseException as error:  # importing a user's file may do anything, even exit
        if isinstance(error, KeyboardInterrupt):
            raise
        raise InputError("E-IMPORT", f"{text.name} does not import\n{_traceback(error, text)}") from error
    return module


def _traceback(error: BaseException, text: Text) -> str:
    """The exception, after the lines of the user's own files in its traceback."""
    beside = str(Path(text.path).absolute().parent)
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if f.filename == text.path or str(Path(f.filename).absolute().parent) == beside]
    if isinstance(error, SyntaxError) and error.filename == text.path:
        theirs = [traceback.FrameSummary(text.path, error.lineno or 0, "<module>", line=error.text or "")]
    lines = [f"  {Path(f.filename).name}:{f.lineno} in {f.name}\n    {(f.line or '').strip()}" for f in theirs]
    return "\n".join([*lines[-MOST_FRAMES:], f"{type(error).__name__}: {error}"])


def _place(function: Callable, text: Text) -> str:
    return f"{text.name}:{inspect.unwrap(function).__code__.co_firstlineno}"


def _checked(theorem: Theorem, module: ModuleType, text: Text) -> Theorem:
    """The theorem with its file and line, checked, and wrapped so that its mistakes are reported with them."""
    theorem, where = with_about(theorem), _place(theorem.sides, text)

    def refuse(code, words):
        raise InputError(code, f"{where}: {theorem.name} {words}")

    if not theorem.statement and not sys.flags.optimize > 1:
        refuse("E-STATEMENT", "has no docstring: state it in words there and, after an empty line, in LaTeX")
    if theorem.kind == "limit" and theorem.cases is None:
        refuse("E-KIND", "is a limit, which needs a fixed list of cases: give its length as cases=N")
    if theorem.plane and theorem.cases is not None:
        refuse("E-KIND", "has a fixed list of cases, and none of them in the plane: leave out plane=True")
    mine = {}
    for name in theorem.about:
        first, _, method = name.partition(".")
        thing = vars(module).get(first, getattr(refebm, first) if first in refebm.__all__ else None)
        if thing is None or (method and not hasattr(thing, method)):
            known = [*refebm.__all__, *(key for key, value in vars(module).items() if callable(value))]
            refuse("E-ABOUT", f"is about {name}, which neither refebm nor {text.name} has{did_you_mean(first, known)}")
        if first in vars(module):
            mine[first] = thing
    if not theorem.about:
        called = [name for name in names_in(theorem.sides.__code__) if name not in vars(module)]
        meant = next(filter(None, (did_you_mean(name, refebm.__all__) for name in called)), "")
        refuse("E-ABOUT", f"is about no function: name those under test in about=..., call them as impl.NAME{meant}")
    checked = _Checked(theorem, text, where, mine)
    outside = {words: functools.partial(checked.case, case) for words, case in theorem.outside.items()}
    drawn = functools.partial(checked.case, theorem.case)
    return replace(theorem, stem=Path(text.path).stem, case=drawn, sides=checked.sides, outside=outside, where=where)


class _Checked:
    """Calls a user's theorem and reports what is wrong with it as a coded error with file and line."""

    def __init__(self, theorem: Theorem, text: Text, where: str, mine: dict):
        self.theorem, self.text, self.where, self.mine = theorem, text, where, mine
        self.parameters = inspect.signature(theorem.sides)

    def refuse(self, code, words):
        raise InputError(code, f"{self.where}: {self.theorem.name} {words}")

    def case(self, function, *draw) -> dict:
        """A drawn case, or a case outside the conditions: the arguments as a dict."""
        try:
            drawn = function(*draw)
        except (Exception, SystemExit) as error:
            if isinstance(error, InputError) and error.code == "E-CASE":  # a replay's integer is out of range
                raise
            self.raises("making a case", error)
        if not isinstance(drawn, dict):
            self.refuse("E-DRAWN", f"must draw each case as a dict of arguments, got {type(drawn).__name__}")
        return drawn

    def raises(self, when, error):
        self.refuse("E-RAISES", f"raises, {when}\n{_traceback(error, self.text)}")

    def sides(self, impl, **case):
        try:
            self.parameters.bind(impl, **case)
        except TypeError as error:
            has = ", ".join(case) or "nothing"
            takes = ", ".join(list(self.parameters.parameters)[1:]) or "nothing"
            self.refuse("E-ARGUMENT", f"takes {takes}, its case has {has}: {error}")
        try:
            result = self.theorem.sides(Beside(impl, self.mine), **case)
        except (DomainError, Failure):
            raise
        except (Exception, SystemExit) as error:
            if type(impl) is not Implementation:  # an adapter is to blame
                raise
            self.raises("on a case of its own", error)
        self.check_result(result)
        return result

    def check_result(self, result) -> None:
        """Check that the returned record is the one that the theorem's kind needs, with numbers in it."""
        wanted = RETURNS.get(self.theorem.kind, Sides)
        if not isinstance(result, wanted):
            self.refuse(
                "E-SIDES",
                f"must return {wanted.__name__}(...), as it is {_a(self.theorem.kind)}, got {type(result).__name__}",
            )
        if wanted is Sides:
            for side, terms in (("left", result.left), ("right", result.right)):
                if not isinstance(terms, (list, tuple)) or not all(np.asarray(t).dtype.kind in "fiub" for t in terms):
                    self.refuse(
                        "E-SIDES",
                        f"must return Sides whose left and right are lists of numbers or arrays; "
                        f"its {side} is {brief(terms)}",
                    )
            terms = [*result.left, *result.right]
            if not terms or not all(map(np.size, terms)):
                self.refuse("E-SIDES", "must return Sides with terms, none of them empty: nothing is compared")
            if np.ndim(result.change) or np.asarray(result.change).dtype.kind not in "fiu":
                self.refuse("E-SIDES", f"must return Sides whose change is a number; it is {brief(result.change)}")
        if wanted is Sampled and np.size(result.estimates) > MOST_MEANS:
            self.refuse(
                "E-STATISTICS",
                f"compares {np.size(result.estimates)} means in a case; the budget of false alarms allows "
                f"{MOST_MEANS} at most",
            )


def _a(kind):
    return f"a {kind} theorem" if kind != "enumeration" else "an enumeration"


def _versions(module: ModuleType, text: Text, theorems) -> list[OwnWrong]:
    """The wrong versions in a file. Errors: E-ABOUT where no theorem of the file is about their function."""
    made = []
    about = {name for theorem in theorems for name in theorem.about}
    for function, version in vars(module).get("__wrong__", []):
        where = _place(version, text)
        if function not in about:
            raise InputError(
                "E-ABOUT",
                f"{where}: {version.__name__} is a wrong version of {function}, which no theorem "
                f"of {text.name} is about",
            )
        words = (inspect.getdoc(version) or version.__name__.replace("_", " ")).splitlines()[0].rstrip(".")
        made.append(OwnWrong(function, words, version))
    return made
