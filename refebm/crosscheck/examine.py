"""Examinations from a Python session, and from a test suite.

    report = refebm.crosscheck.examine("my_adapter.py")  # or a module, a function, several, or a dict of them by name

    @refebm.crosscheck.parametrize("my_adapter.py", expected_failures={"langevin_step": "eta is twice ours"})
    def test_against_refebm(check):
        check()

A file is examined in processes of its own, so that nothing it does can stop the examination; functions and modules are
called in the current process.
"""

import atexit
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import ModuleType

import numpy as np

from refebm.crosscheck import examination
from refebm.crosscheck.adapter import BESIDE, Adapter, alone, answer_of
from refebm.crosscheck.questions import EXAMINED, chosen, questions
from refebm.crosscheck.report import Report, called, line
from refebm.crosscheck.verdict import Finding, consistent, judge
from refebm.glossary import InputError, InputTypeError
from refebm.words import did_you_mean


def examine(adapter, only: str = "", timeout: float = examination.SILENCE) -> Report:
    """A report on the functions of an adapter; only: some of them, as on the command line.

    adapter: the name of a file or of a dotted module; a module, function or class; several of these; or a dict by name.
    Errors: E-ADAPTER for anything else, and for a name in a dict that is no public one; E-NONE if no function's name
    matches `only`; E-OPTION for a timeout that is not greater than 0.
    """
    if not (isinstance(timeout, (int, float)) and timeout > 0):
        raise InputTypeError("E-OPTION", f"timeout must be greater than 0, got {timeout!r}")
    functions = chosen(only)
    if isinstance(adapter, (str, os.PathLike)):
        source = os.fspath(adapter)
        answered = examination.examine(source, functions, timeout)
        findings, name = [judge(function, answers) for function, answers in answered], called(source)
    else:
        known, name = _adapter(adapter), _name(adapter)
        findings = [_finding(known, function) for function in functions if known.supports(function)]
    return Report(consistent(findings), name)


def parametrize(adapter, only: str = "", expected_failures: Mapping[str, str] = {}) -> Callable:
    """Decorate a test whose one argument is a check to call: one test per function of an adapter, as in scikit-learn.

    expected_failures: the reason, by function; a function that passes although it is listed fails its test. The
    message of a failure is the diagnosis. Errors: those of `examine`, and E-NONE where `only`, or an expected failure,
    is of no function that the adapter has.
    """
    import pytest

    if not isinstance(expected_failures, Mapping):
        raise InputTypeError("E-OPTION", f"expected_failures must be reasons by function, got {expected_failures!r}")
    wanted = chosen(only)
    if isinstance(adapter, (str, os.PathLike)):
        finding = InTurn(os.fspath(adapter), wanted)
        has = finding.has
    else:
        known = _adapter(adapter)
        finding, has = partial(_finding, known), known.functions
    functions = [name for name in has if name in wanted]
    absent = [name for name in expected_failures if name not in has] + [only] * (not functions)
    if absent:
        raise InputError("E-NONE", f"the adapter has no {absent[0]}; it has {', '.join(has)}")
    rows = [
        pytest.param(
            Check(finding, name),
            id=name,
            marks=[pytest.mark.xfail(reason=expected_failures[name], strict=True)] if name in expected_failures else [],
        )
        for name in functions
    ]

    def mark(test):
        arguments = list(inspect.signature(test).parameters)
        if len(arguments) != 1:
            raise InputTypeError("E-OPTION", f"{test.__name__} must have one argument, the check, got {arguments}")
        return pytest.mark.parametrize(arguments[0], rows)(test)

    return mark


class Check:
    """The examination of one function, which runs when this is called."""

    def __init__(self, finding: Callable[[str], Finding], function: str):
        self.finding, self.function = finding, function

    def __call__(self) -> Finding:
        finding = self.finding(self.function)
        __tracebackhide__ = True
        if finding.status not in ("passed", "convention"):
            raise AssertionError(line(finding))
        return finding


class InTurn:
    """The findings on the functions of a file, which is examined once in this process, in whatever order they are asked
    for: from the first one asked for onwards, then those before it. What is passed on the way is remembered."""

    def __init__(self, source: str, functions: list[str]):
        self.source, self.has = source, examination.supported(source, list(EXAMINED))
        self.functions = [name for name in functions if name in self.has]
        self.known, self.answered = {}, (nothing for nothing in ())
        atexit.register(lambda: self.answered.close())  # a child that stopped itself would outlive this process

    def __call__(self, function: str) -> Finding:
        if not self.known:
            here = self.functions.index(function)
            self.answered = examination.examine(self.source, [*self.functions[here:], *self.functions[:here]])
        while function not in self.known:
            name, answers = next(self.answered, (function, None))
            self.known[name] = answers
        return judge(function, self.known[function])


@alone
def _finding(adapter: Adapter, function: str) -> Finding:
    with np.errstate(all="ignore"):
        answers = {asked.id: answer_of(adapter, asked) for asked in questions(function)}
        beside = adapter.beside.get(function.partition(".")[0])
        return judge(function, answers | ({BESIDE: beside} if beside else {}))


def _adapter(given) -> Adapter:
    """An adapter from what the user passes in a session."""
    if isinstance(given, ModuleType):
        return Adapter(given, lambda result: result)
    some = given if isinstance(given, Mapping) else {_named(one): one for one in _several(given)}
    public = {function.partition(".")[0] for function in EXAMINED}
    for name, one in some.items():
        if name not in public:
            raise InputError("E-ADAPTER", f"{name!r} is no name that is examined{did_you_mean(str(name), public)}")
        if not callable(one):
            raise InputError("E-ADAPTER", f"{name} must be callable, got {type(one).__name__}")
    module = ModuleType("functions")
    vars(module).update(some)
    module.__all__ = list(some)
    return Adapter(module, lambda result: result)


def _named(one) -> str:
    if not isinstance(getattr(one, "__name__", None), str):
        raise InputError("E-ADAPTER", f"a {type(one).__name__} has no name: hand over a dict of functions by name")
    return one.__name__


def _several(given) -> Iterable:
    return given if isinstance(given, Iterable) and not inspect.isclass(given) else (given,)


def _name(given) -> str:
    return given.__name__ if isinstance(given, ModuleType) else ""
