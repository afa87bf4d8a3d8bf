"""Variants of a definition: mistakes and conventions, patches of an expression, and the terms of its formula."""

import ast
import builtins
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import autograd.numpy as np

import refebm
from refebm.identities import REFERENCE, THEOREMS, Implementation
from refebm.identities.record import Theorem
from refebm.objectives.notation import mean_over_projections
from refebm.variants.patch import Definition
from refebm.variants.syntax import changed, replaced, syntax


@dataclass(frozen=True)
class Variant:
    """A named patch of a public function: one line shows in what it differs.

    function: a public name, or a method such as ``Gamma.score``. `was` is a pattern (see `refebm.variants.patch`) that
    stands once in it, or in the function `inside` of the same module, and is replaced by `becomes`.
    """

    function: str
    name: str
    was: str
    becomes: str
    inside: str = field(default="", kw_only=True)

    def __str__(self) -> str:
        return f"{self.function}: {self.name}"

    @property
    def formula(self) -> str:
        """The patch in words."""
        was, becomes = (" ".join(text.split()) for text in (self.was, self.becomes))
        return f'with "{becomes}" for "{was}"' if becomes else f'without "{was}"'

    @functools.cache  # noqa: B019  (there are as many as there are variants)
    def implementation(self) -> Implementation:
        """refebm with this variant put in."""
        name, _, method = self.function.partition(".")
        return Implementation(**{name: self.build(name, f"{name}.{method}" if method else name)})

    def build(self, name: str, patched: str, definition=None):
        """The object `name`, compiled from syntax in which the definition `patched` says something else."""
        definition = definition or getattr(refebm, name)
        module = sys.modules[definition.__module__]
        namespace = {"np": np} | vars(module) | PROJECTIONS | {"theorem": lambda *_, **__: lambda function: function}
        whole = syntax(module if self.inside else definition)
        one = definition_in(whole, self.inside or patched.partition(".")[2] or name)
        try:
            new = one.patched(self.was, self.becomes)
        except ValueError as error:
            raise ValueError(f"{self}: {error}") from None
        if unknown := Definition(new).free - one.free - set(namespace) - set(dir(builtins)):
            raise ValueError(f"{self}: {self.becomes!r} speaks of {', '.join(sorted(unknown))}, unknown there")
        exec(compile(replaced(whole, one.tree, new), f"<{self}>", "exec"), namespace)
        return namespace[name]


@functools.cache
def definition_in(tree: ast.Module, name: str) -> Definition:
    return Definition(next(node for node in ast.walk(tree) if getattr(node, "name", "") == name))


@dataclass(frozen=True)
class Wrong(Variant):
    """A named wrong version of a public function, or of a theorem's statement (then function is ``theorem NAME``).

    survives: the weak check (see `refebm.variants.weak`) that does not notice. seen: where it was printed or shipped.
    """

    survives: str
    seen: str = ""

    @property
    def misstated(self) -> Theorem | None:
        """The theorem whose statement is wrong, where it is not a function that is."""
        word, _, name = self.function.partition(" ")
        return THEOREMS[name] if word == "theorem" else None

    @property
    def theorems(self) -> list[Theorem]:
        """Those that are about the function, or the one that is misstated."""
        if self.misstated:
            return [self.misstated]
        return [theorem for theorem in THEOREMS.values() if self.function in theorem.about]

    def implementation(self) -> Implementation:
        """refebm with this version put in; refebm itself for a misstated theorem."""
        return REFERENCE if self.misstated else super().implementation()

    def statement(self, theorem: Theorem) -> Callable:
        """The sides of the theorem, as misstated if it is the theorem that is wrong."""
        if self.misstated:
            return self.build(theorem.sides.__name__, theorem.sides.__name__, theorem.sides)
        return theorem.sides


@dataclass(frozen=True)
class Convention(Variant):
    """What is not refebm's answer, but right elsewhere, by a known rule. where: the text or program that has it."""

    where: str = ""


@dataclass(frozen=True)
class Term:
    """One of the terms that a formula adds up: an expression in the function's parameters and its module's names."""

    function: str
    words: str
    expression: str

    def __str__(self) -> str:
        return f"{self.function}: {self.words}"

    def implementation(self) -> Implementation:
        """refebm in which the function has this term alone; its checks of input stay."""
        name, _, method = self.function.partition(".")
        definition = getattr(refebm, name)
        whole = syntax(definition)
        one = definition_in(whole, method or name).tree
        alone = changed(one, body=ast.parse(f"return {self.expression}").body)
        namespace = dict(vars(sys.modules[definition.__module__]))
        exec(compile(replaced(whole, one, alone), f"<{self}>", "exec"), namespace)
        return Implementation(**{name: namespace[name]})


def sum_over_projections(function: Callable) -> Callable:
    """For `mean_over_projections`: the mean times how many there are."""

    @functools.wraps(function)
    def summed(*args):
        v = args[-1]
        return mean_over_projections(function)(*args) * (len(v) if v.ndim == 3 else 1)

    return summed


def first_projection(function: Callable) -> Callable:
    """For `mean_over_projections`: the others are not looked at."""

    @functools.wraps(function)
    def first(*args):
        *given, v = args
        return function(*given, v if v.ndim == 2 else v[0])

    return first


PROJECTIONS = {made.__name__: made for made in (sum_over_projections, first_projection)}  # names for patches to use
WRONG: list[Wrong] = []
CONVENTIONS: list[Convention] = []
TERMS: dict[str, tuple[Term, ...]] = {}


def wrong_versions(function: str, *rows: tuple, inside: str = "") -> None:
    """Register the wrong versions of a function: rows of name, was, becomes, survives, and where it was seen."""
    WRONG.extend(Wrong(function, *row, inside=inside) for row in rows)


def conventions(function: str, *rows: tuple, inside: str = "") -> None:
    """Register other conventions for a function: rows of name, was, becomes, and where it is the rule."""
    CONVENTIONS.extend(Convention(function, *row, inside=inside) for row in rows)


def terms(function: str, *rows: tuple[str, str]) -> None:
    """Register the terms whose sum a function is: rows of words and expression."""
    TERMS[function] = tuple(Term(function, *row) for row in rows)
