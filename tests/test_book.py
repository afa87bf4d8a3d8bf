"""The book: every definition has its equation, once, typeset."""

import inspect
import re

import pytest

import refebm
from refebm.crosscheck.questions import EXAMINED
from refebm.identities import THEOREMS

SOURCED = [name for name in refebm.__all__ if "Source: " in (getattr(refebm, name).__doc__ or "")]
ABOUT = [name for theorem in THEOREMS.values() for name in theorem.about]
DEFINITIONS = [
    name
    for name in dict.fromkeys([*EXAMINED, *ABOUT, *SOURCED])
    if not isinstance(getattr(refebm, name.partition(".")[0]), refebm.Generator)  # a value, which has no docstring
]


def docstring(name):
    public, _, method = name.partition(".")
    thing = getattr(refebm, public)
    return inspect.getdoc(getattr(thing, method) if method else thing)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_definition_has_one_line_of_latex_after_its_first_paragraph(name):
    first, latex, *_ = docstring(name).split("\n\n")
    assert re.fullmatch(r"\$\$[^$\n]+\$\$", latex), name
    assert "$$" not in first and docstring(name).count("$$") == 2, name


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_latex_of_definitions_is_mathml(name):
    mathml = see_mathml(re.search(r"\$\$(.*)\$\$", docstring(name))[1])
    assert mathml


@pytest.mark.parametrize("name", THEOREMS)
def test_the_latex_of_theorems_is_mathml(name):
    assert see_mathml(THEOREMS[name].latex)


def see_mathml(latex):
    """The formula as MathML in which no command is left as it was."""
    convert = pytest.importorskip("latex2mathml.converter").convert
    assert latex.count("{") - latex.count(r"\{") == latex.count("}") - latex.count(r"\}"), latex
    mathml = convert(latex)
    assert "\\" not in mathml and "merror" not in mathml, (latex, mathml)
    return mathml
