"""Variants of a definition: mistakes and conventions, patches of an expression, and the terms of its formula."""

import ast
import builtins
import functools
import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import autograd.numpy as np
import scipy

import refebm
from refebm.identities import REFERENCE, THEOREMS, Implementation
from refebm.identities.record import Theorem
from refebm.objectives.notation import mean_over_projections
from refebm.samplers.diagnostics import Chains
from refebm.variants.patch import Definition, Patch
from refebm.variants.syntax import changed, replaced, syntax

SHORTCUTS = ("remembered", "by_one_pass")  # decorators that answer for a text, whatever the text says
LONGEST = 200  # characters of a formula that is read at a glance


@dataclass(frozen=True)
class Variant:
    """A named patch of a public function.

    function: a public name, or a method such as ``Gamma.score``. `was` is a pattern (see `refebm.variants.patch`) that
    matches once in it, or in the function `inside` of the same module, and is replaced by `becomes`.
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
        """The replaced and the new expression, in words."""
        was, becomes = (re.sub(ANY, "...", in_one_line(text)) for text in (self.was, self.becomes))
        return f'with "{becomes}" for "{was}"' if becomes else f'without "{was}"'

    @property
    def short(self) -> str:
        """The formula, or that it is another one where that is long: the name says more."""
        return self.formula if len(self.formula) <= LONGEST else "in another form"

    @functools.cache  # noqa: B019  (there are as many as there are variants)
    def implementation(self) -> Implementation:
        """refebm with this variant put in."""
        name, _, method = self.function.partition(".")
        return Implementation(**{name: self.build(name, f"{name}.{method}" if method else name)})

    def build(self, name: str, patched: str, definition=None):
        """The object `name`, compiled from a tree in which the definition `patched` is patched."""
        definition = definition or getattr(refebm, name)
        module = sys.modules[definition.__module__]
        namespace = namespace_of(module)
        whole = self.put_into(syntax(module if self.inside else definition), patched, namespace)
        execute(whole, f"<{self}>", namespace)
        return namespace[name]

    def put_into(self, whole: ast.Module, patched: str, namespace: dict) -> ast.Module:
        """The tree in which the definition `patched` says something else."""
        try:
            return replaced(whole, *self.place(whole, patched, namespace))
        except ValueError as error:
            raise ValueError(f"{self}: {error}") from None

    def place(self, whole: ast.Module, patched: str, namespace: dict) -> Patch:
        """The node of a tree that says something else, and what. Errors: ValueError where there is none, or several."""
        one = definition_in(whole, self.inside or patched.rpartition(".")[2])
        old, new = one.place(self.was, self.becomes)
        made = Definition(replaced(one.tree, old, new))
        if unknown := made.free - one.free - set(namespace) - set(dir(builtins)):
            raise ValueError(f"{self.becomes!r} speaks of {', '.join(sorted(unknown))}, unknown there")
        return old, new


ANY = r"(?<!for )\b_\b"  # what stands for any expression in a pattern, and for the same one in what replaces it


def in_one_line(text: str) -> str:
    """An expression in one line, or statements with semicolons between them."""
    said, *lines = [line.strip() for line in text.strip().split("\n")]
    for line in lines:
        inside = sum(map(said.count, "([{")) > sum(map(said.count, ")]}")) or said[-1] in "+-*/=,:"
        said += f"{'' if inside else ';'} {line}"
    return " ".join(said.split())


def namespace_of(module, instead: dict | None = None) -> dict:
    """What a variant of one of its definitions may speak of; instead: helpers that are otherwise."""
    whole = dict.fromkeys(("ChainsInUnits", "HalvesInUnits"), Chains)  # units, and a last state, are the variant's own
    whole |= dict.fromkeys(("in_square_units", *SHORTCUTS), lambda function: function)
    known = {"np": np, "ranks_made_normal": ranks_made_normal} | vars(module) | whole | PROJECTIONS
    known["theorem"] = lambda *_, **__: lambda function: function
    return known | {name: other for name, other in (instead or {}).items() if name in known}


def elsewhere(function: str, instead: dict, own: Variant | None = None) -> Implementation:
    """refebm in which a function's module is made again with other helpers, and perhaps with a version put in."""
    name = function.partition(".")[0]
    definition = getattr(refebm, name)
    module = sys.modules[definition.__module__]
    namespace = namespace_of(module, instead)
    execute(syntax(module), f"<{function}>", namespace)
    namespace |= {one: other for one, other in instead.items() if one in namespace and one != name}  # its own helpers
    if own:
        whole = own.put_into(syntax(module if own.inside else definition), function, namespace)
        execute(whole, f"<{own}>", namespace)
    return Implementation(**{name: namespace[name]})


def execute(tree: ast.Module, name: str, namespace: dict) -> None:
    """Execute the definitions of a module in a namespace that already has its imports, some perhaps replaced."""
    body = [node for node in tree.body if not isinstance(node, (ast.Import, ast.ImportFrom))]
    exec(compile(ast.fix_missing_locations(ast.Module(body, [])), name, "exec"), namespace)


def together(one: Variant, other: Variant) -> Implementation:
    """refebm with two variants of a function put in. Errors: ValueError where neither stands beside the other."""
    name = one.function.partition(".")[0]
    definition = getattr(refebm, name)
    module = sys.modules[definition.__module__]
    whole, namespace = syntax(module if one.inside or other.inside else definition), namespace_of(module)
    execute(
        in_both_places(whole, *(placed(variant, whole) for variant in (one, other))), f"<{one}; {other}>", namespace
    )
    return Implementation(**{name: namespace[name]})


def in_both_places(tree: ast.AST, one: Patch, other: Patch) -> ast.AST:
    """The tree with two patches. Errors: ValueError where neither stands beside the other."""
    for first, second in ((one, other), (other, one)):
        with_first = replaced(tree, *first)
        with_both = replaced(with_first, *second)
        if with_both is not with_first:
            return with_both
    raise ValueError("one stands inside the other")


@functools.cache
def placed(variant: Variant, whole: ast.Module) -> Patch:
    """Its place, which is looked for once. Errors: ValueError."""
    module = sys.modules[getattr(refebm, variant.function.partition(".")[0]).__module__]
    return variant.place(whole, variant.function, namespace_of(module))


def calling(function: str, other: Variant, own: Variant | None = None) -> Implementation:
    """refebm in which a function calls a variant of another one, and may be a variant itself. Errors: ValueError."""
    name, called = function.partition(".")[0], other.function.partition(".")[0]
    definition = getattr(refebm, name)
    namespace = namespace_of(sys.modules[definition.__module__]) | {called: getattr(other.implementation(), called)}
    whole = own.put_into(syntax(definition), function, namespace) if own else syntax(definition)
    execute(whole, f"<{function}: {other}; {own}>", namespace)
    return Implementation(**{name: namespace[name]})


def called_by(function: str) -> list[Variant]:
    """The variants of the other public functions that a function calls."""
    definition = getattr(refebm, function.partition(".")[0])
    if function != definition.__name__:
        return []
    names = {node.func.id for node in ast.walk(syntax(definition)) if isinstance(node, ast.Call)
             and isinstance(node.func, ast.Name)} - {function}  # fmt: skip
    return [one for one in [*WRONG, *CONVENTIONS] if one.function in names]


@functools.cache
def definition_in(tree: ast.Module, name: str) -> Definition:
    return Definition(next(node for node in ast.walk(tree) if getattr(node, "name", "") == name))


@dataclass(frozen=True)
class Wrong(Variant):
    """A named wrong version of a public function, or of a theorem (then function is ``theorem NAME``).

    survives: the weak check (see `refebm.variants.weak`) that does not notice it; if no other, that its values are
    finite. seen: where it was printed or shipped.
    """

    survives: str = "finite"
    seen: str = ""

    @property
    def misstated(self) -> Theorem | None:
        """The theorem that this is a wrong version of, or None if it is one of a function."""
        word, _, name = self.function.partition(" ")
        return THEOREMS[name] if word == "theorem" else None

    @property
    def theorems(self) -> list[Theorem]:
        """The theorems about the function, or the one theorem that is misstated."""
        return [self.misstated] if self.misstated else [THEOREMS[name] for name in _about(self.function)]

    def implementation(self) -> Implementation:
        """refebm with this version put in; refebm itself for a misstated theorem."""
        return REFERENCE if self.misstated else super().implementation()

    def statement(self, theorem: Theorem) -> Callable:
        """The function that returns the sides of the theorem, misstated if this is a wrong version of it."""
        if self.misstated:
            return self.build(theorem.sides.__name__, theorem.sides.__name__, theorem.sides)
        return theorem.sides


@functools.cache
def _about(function: str) -> list[str]:
    return [name for name, theorem in THEOREMS.items() if function in theorem.about]


@dataclass(frozen=True)
class Convention(Variant):
    """A variant that is right elsewhere, by a known rule, though not refebm's. where: the text or program with it."""

    where: str = ""


@dataclass(frozen=True)
class Term:
    """One term of the sum that a formula is: an expression in the function's parameters and its module's names."""

    function: str
    words: str
    expression: str

    def __str__(self) -> str:
        return f"{self.function}: {self.words}"

    def implementation(self, module_of: Callable = sys.modules.__getitem__) -> Implementation:
        """refebm in which the function returns only this term; its checks of input stay. module_of: its modules, by
        their names, perhaps over another framework."""
        name, _, method = self.function.partition(".")
        definition = getattr(refebm, name)
        home = home_of(definition, method)
        whole = syntax(home)
        one = definition_in(whole, method or name).tree
        alone = changed(one, body=ast.parse(f"return {self.expression}").body)
        namespace = dict(vars(module_of(definition.__module__)))
        exec(compile(replaced(whole, one, alone), f"<{self}>", "exec"), namespace)
        made = namespace[home.__name__]
        own = {method: vars(made)[method], "__module__": home.__module__} if home is not definition else {}
        return Implementation(**{name: type(name, (definition,), own) if own else made})


def home_of(definition, method: str):
    """The class among a class and its bases that defines a method; a definition that is no class is its own home."""
    classes = definition.__mro__ if inspect.isclass(definition) else ()
    return next((one for one in classes if method in vars(one)), definition)


def ranks_made_normal(x):
    """The normal scores of the ranks of the states of all chains, for each coordinate."""
    ranks = scipy.stats.rankdata(x.reshape(-1, x.shape[2]), axis=0)
    return scipy.special.ndtri((ranks - 0.375) / (len(ranks) + 0.25)).reshape(x.shape)


def sum_over_projections(function: Callable) -> Callable:
    """Replaces `mean_over_projections`: the sum instead of the mean."""

    @functools.wraps(function)
    def summed(*args):
        v = args[-1]
        return mean_over_projections(function)(*args) * (len(v) if v.ndim == 3 else 1)

    return summed


def first_projection(function: Callable) -> Callable:
    """Replaces `mean_over_projections`: only the first projection is used."""

    @functools.wraps(function)
    def first(*args):
        *given, v = args
        return function(*given, v if v.ndim == 2 else v[0])

    return first


@dataclass(frozen=True)
class Numbered(Convention):
    """A convention with a number k that users choose; for k = 0 the answer is refebm's."""

    def numbered(self, k: float) -> Convention:
        name, becomes = (
            re.sub(r"\bk\b", text, where) for where, text in ((self.name, f"{k:.6g}"), (self.becomes, repr(k)))
        )
        return Convention(self.function, name, self.was, becomes, self.where, inside=self.inside)


PROJECTIONS = {made.__name__: made for made in (sum_over_projections, first_projection)}  # names that patches may use
WRONG: list[Wrong] = []
NAIVE: list[Wrong] = []
CONVENTIONS: list[Convention] = []
NUMBERED: list[Numbered] = []
TERMS: dict[str, tuple[Term, ...]] = {}
ONE_TERM: set[str] = set()


def wrong_versions(function: str, *rows: tuple, inside: str = "") -> None:
    """Register the wrong versions of a function: rows of name, was, becomes, survives, seen."""
    WRONG.extend(Wrong(function, *row, inside=inside) for row in rows)


def naive_forms(function: str, *rows: tuple[str, str, str]) -> None:
    """Register naive forms, rows of name, was, becomes: the formula as it is printed, wrong at the ends of its domain.

    There it loses its digits or overflows: at a time, variance or weight near 0, or at points so far out that exp is 0
    or inf; some theorem asks there. The examiner names no mistakes after them, since elsewhere they are right.
    """
    NAIVE.extend(Wrong(function, f"{name}, naively", *patch, "moderate numbers") for name, *patch in rows)


def conventions(function: str, *rows: tuple, inside: str = "") -> None:
    """Register other conventions for a function: rows of name, was, becomes, and where it is the rule."""
    CONVENTIONS.extend(Convention(function, *row, inside=inside) for row in rows)


def numbered(function: str, *rows: tuple, inside: str = "") -> None:
    """Register conventions with a number k: rows of name, was, becomes (an expression in k), and where it is used."""
    NUMBERED.extend(Numbered(function, *row, inside=inside) for row in rows)


def terms(function: str, *rows: tuple[str, str]) -> None:
    """Register the terms whose sum a function is: rows of words and expression."""
    TERMS[function] = tuple(Term(function, *row) for row in rows)


def one_term(functions: str) -> None:
    """Register functions whose formula adds nothing up, or one kind of thing over coordinates or components."""
    ONE_TERM.update(functions.split())
