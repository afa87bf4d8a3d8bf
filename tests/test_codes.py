"""Codes of errors are read off checks as they are, for help(): see tests/test_book and tests/matrix."""

import dis
import inspect
from types import CodeType, FunctionType

import pytest

import refebm
from refebm import glossary
from refebm.codes import codes_of, with_errors
from refebm.glossary import check_of, checks_of
from refebm.variants.arguments import FUNCTIONS
from tests.test_glossary import TYPES

CHECKS = [check for kind in TYPES.values() if (check := check_of(kind))]
CHECKS += [check for name in FUNCTIONS for check in checks_of(inspect.unwrap(getattr(refebm, name))).values()]


def called(check):
    """The functions and classes that are called by their global names, as the bytecode says it, and all codes there."""
    found, seen, left = set(), set(), [check]
    while left:
        one = left.pop()
        if id(one) in seen or not getattr(one, "__module__", "").startswith("refebm"):
            continue
        seen.add(id(one))
        if isinstance(one, type):
            left += [part for part in vars(one).values() if isinstance(part, FunctionType)]
            continue
        cells = [cell.cell_contents for cell in one.__closure__ or ()]
        found |= {part for part in cells if isinstance(part, str)}
        left += [part for part in cells if isinstance(part, (FunctionType, type))]
        codes = [one.__code__]
        for code in codes:
            codes += [part for part in code.co_consts if isinstance(part, CodeType)]
            steps = list(dis.get_instructions(code))
            found |= {step.argval for step in steps if isinstance(step.argval, str)}
            names = {step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
            left += [
                one.__globals__[name] for name in names if isinstance(one.__globals__.get(name), (FunctionType, type))
            ]
    return {part for part in found if part.startswith("E-")}


@pytest.mark.parametrize("check", dict.fromkeys(CHECKS), ids=lambda check: check.__name__)
def test_codes_are_those_of_what_is_called(check):
    """No attribute has the name of a check: its codes would be taken for those of the check."""
    assert {code.removeprefix("DomainError ") for code in codes_of(check)} == called(check)


def test_codes_of_some_checks_by_hand():
    assert set(codes_of(glossary.points)) == {"E-DTYPE", "E-MASKED", "E-FINITE", "E-NDIM", "E-EMPTY"}
    assert set(codes_of(glossary.level)) == {"E-DTYPE", "E-MASKED", "E-FINITE", "E-SHAPE", "E-POSITIVE", "E-SCALE"}
    assert codes_of(glossary.flag) == ("E-FLAG",) and codes_of(glossary.length) == ("E-COUNT", "E-SIZE")
    assert set(codes_of(glossary.moving)) >= {"DomainError E-CONSTANT", "E-NDIM"}


def test_a_docstring_with_errors():
    of_x = ("E-EMPTY", "E-FINITE", "E-NDIM")
    checks = [("x", of_x), ("sigma", ("E-FINITE", "E-SHAPE")), ("z", ("E-FINITE", "E-SHAPE"))]
    told = "E-EMPTY, E-NDIM for x; E-SHAPE for sigma and z; E-FINITE"
    assert with_errors("A line.", checks) == f"A line.\n\nErrors: {told}."
    assert with_errors("A line.\n\n    More.\n    ", checks) == f"A line.\n\n    More.\n    Errors: {told}.\n    "
    own = "A line.\n\n    Errors: E-ODD for an odd x.\n    Source: a text\n    "
    assert with_errors(own, checks) == own.replace("E-ODD", f"{told};\n    E-ODD")
