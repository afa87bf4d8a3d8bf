"""Mistakes that no bank lists, made from a definition's own syntax by changing one place.

A place is an expression in the body, or in a helper of the same module that it calls. The expression is wrapped (its
sign, its square, clipped, the first row's value ...), left out of its sum or product, or replaced by another name or
number; or a number is sought that is added to it or multiplies it.
"""

import ast
import functools
import inspect
import itertools
import sys
from collections.abc import Iterator
from typing import NamedTuple

import autograd.numpy as np

import refebm
from refebm.identities import Implementation
from refebm.special import expit
from refebm.variants.record import definition_in, namespace_of
from refebm.variants.syntax import changed, replaced, syntax, word_of

WRAPS = (
    *("-{}", "2 * {}", "0.5 * {}", "{} ** 2", "1 / {}", "np.abs({})", "np.sign({})", "np.sqrt(np.abs({}))"),
    *(
        "np.exp({})",
        "np.log(np.abs({}))",
        "np.tanh({})",
        "expit({})",
        "np.maximum({}, 0)",
        "1 - {}",
        "1 + {}",
        "{} - 1",
    ),
    *(
        "np.clip({}, -1, 1)",
        "np.clip({}, 0, 1)",
        "np.clip({}, -10, 10)",
        "np.clip({}, -100, 100)",
        "np.minimum({}, 30)",
    ),
    *("({})[:1]", "({})[::-1]", "np.mean({}, axis=0)", "np.sum({}, axis=0)", "np.mean({})", "np.sum({})", "{} ** 1.5"),
    *("({})[..., :1]", "np.sort({}, axis=0)", "np.roll({}, 1, axis=0)", "np.swapaxes({}, -1, -2)", "{} ** 3"),
    *("({})[..., :2]", "({})[..., :-1]", "({})[..., 1:]", "({})[1:]", "({})[:-1]"),
    *("np.cumsum({}, axis=0)", "({0})[:1] + 0 * {0}"),
    *(
        "unit({})",
        "np.mean({}, axis=-1, keepdims=True)",
        "0 * {}",
        "1 + 0 * {}",
        "np.round({})",
        "np.sqrt(2) * {}",
        "np.pi * {}",
    ),
)
SOUGHT = {  # forms with a number to be found, and the value for which the place is unchanged
    "{} + number": 0.0,
    "number * {}": 1.0,
    "1 / (1 / {} + number)": 0.0,
    "np.sqrt(({}) ** 2 + number)": 0.0,
    "np.log(np.exp({}) + number)": 0.0,
}
MEANT = {  # words that explain a replacement whose text contains this
    "np.cumsum(np.eye(": "what is changed in one coordinate stays changed in the next",
    "[:1] + 0 * np.eye(": "the first coordinate alone is changed, each time",
}
OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
OPTIONS = ("progress", "every_level", "trajectory")  # options that only change what is shown or returned; left alone
MOST_PLACES = 40  # the most places at which a number is sought
MOST_NAMES = 6  # the most names of which a power is tried as a factor
LEGIBLE = 12  # an expression of so many characters is long enough to be found in the text
MOST, MOST_OF_HELPERS = 1800, 300  # the most mutants of a function's own text, and of all its helpers


class Mutant(NamedTuple):
    """A definition with the expression `node` replaced by `new`."""

    function: str
    inside: str
    tree: ast.AST  # the syntax tree of the definition
    node: ast.expr
    new: ast.expr

    def implementation(self, **numbers) -> Implementation:
        """refebm with the mutant put in. Errors: anything, since the changed text may make no sense."""
        name = self.function.partition(".")[0]
        definition = getattr(refebm, name)
        module = sys.modules[definition.__module__]
        namespace = namespace_of(module) | {"expit": expit, "unit": unit} | numbers
        for code in _compiled(self):
            exec(code, namespace)
        if not inspect.isclass(definition):
            return Implementation(**{name: namespace[name]})
        method = self.tree.name if hasattr(definition, self.tree.name) else self.function.partition(".")[2]
        own = {method: namespace[method], "__module__": module.__name__}
        return Implementation(**{name: type(name, (definition,), own)})

    def trees(self) -> list[ast.Module]:
        """The trees to execute: the definition, or a helper and the definition that calls it; for a class, methods."""
        definition = getattr(refebm, self.function.partition(".")[0])
        one = replaced(self.tree, self.node, ast.fix_missing_locations(ast.copy_location(self.new, self.node)))
        if not inspect.isclass(definition):
            own = syntax(definition)
            return [ast.Module([one], []), own] if self.inside else [replaced(own, self.tree, one)]
        called = []
        if not hasattr(definition, self.tree.name):
            own = self.function.partition(".")[2]
            called = [definition_in(syntax(_home(definition, own)), own).tree]
        return [ast.Module([part], []) for part in (one, *called)]

    @property
    def words(self) -> str:
        """The replacement in words, with enough of the text around it to be found."""
        there = f" in {self.inside}" if self.inside else ""
        around = (node for node in _around(self.tree, self.node) if isinstance(node, ast.expr))
        node = next((node for node in around if len(ast.unparse(node)) >= LEGIBLE), self.node)
        new = ast.unparse(replaced(node, self.node, self.new))
        meant = next((f": {words}" for text, words in MEANT.items() if text in new), "")
        return f'with "{new}" for "{ast.unparse(node)}"{there}{meant}'

    def with_number(self, number: float) -> str:
        """The words, with the number that was found in place of ``number``."""
        new = self.new
        for node in [node for node in ast.walk(self.new) if word_of(node) == "number"]:
            new = replaced(new, node, changed(node, id=f"{number:.9g}"))
        return self._replace(new=new).words


@functools.lru_cache(4)
def _compiled(mutant: Mutant) -> list:
    """The compiled code of a mutant, which does not depend on the sought number."""
    return [compile(part, "<mutant>", "exec") for part in mutant.trees()]


def _around(tree: ast.AST, node: ast.AST) -> list[ast.AST]:
    """The node and all nodes that contain it, the smallest first."""
    if tree is node:
        return [node]
    for child in ast.iter_child_nodes(tree):
        if found := _around(child, node):
            return [*found, tree]
    return []


def unit(a):
    return a / np.sqrt(np.sum(a**2, axis=-1, keepdims=True))


@functools.cache
def definitions(function: str) -> tuple[tuple[str, ast.FunctionDef], ...]:
    """The definition of the function (named "") and those of the helpers in its module that it calls, by name."""
    name, _, method = function.partition(".")
    definition = getattr(refebm, name)
    module = sys.modules[definition.__module__]
    if inspect.isclass(definition) and not hasattr(definition, method or "log_prob"):
        return ()
    own = method or ("log_prob" if inspect.isclass(definition) else name)
    if inspect.isclass(definition) and not _home(definition, own):
        return ()
    tree = definition_in(syntax(_home(definition, own) if inspect.isclass(definition) else definition), own).tree
    called = {word_of(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    home = [(one, getattr(module, one, None)) for one in sorted(called - {own, ""})]
    helpers = [one for one, f in home if inspect.isfunction(f) and f.__module__ == module.__name__]
    found = (("", tree), *((one, definition_in(syntax(module), one).tree) for one in helpers))
    return (*found, *_methods(definition, own, tree)) if inspect.isclass(definition) else found


def _home(definition: type, method: str) -> type | None:
    """The class, among the definition and its bases, whose text contains a method."""
    some = (one for one in definition.__mro__ if one.__module__ == definition.__module__)
    return next((one for one in some if inspect.isfunction(inspect.unwrap(vars(one).get(method, None) or len))), None)


def _methods(definition: type, own: str, tree: ast.FunctionDef) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The constructor, then the other methods of a class that a method calls, directly or not."""
    found, waiting = {own: tree}, [tree]
    if _home(definition, "__init__"):
        found["__init__"] = definition_in(syntax(_home(definition, "__init__")), "__init__").tree
    while waiting:
        for node in ast.walk(waiting.pop()):
            one = node.attr if isinstance(node, ast.Attribute) and word_of(node.value) == "self" else ""
            if one and one not in found and _home(definition, one):
                found[one] = definition_in(syntax(_home(definition, one)), one).tree
                waiting.append(found[one])
    del found[own]
    yield from found.items()


def mutants(function: str) -> Iterator[Mutant]:
    """All mutants of a function, its own text before its helpers, small changes first (a sign before a clip)."""
    if not definitions(function):
        return
    own, *helpers = definitions(function)
    yield from itertools.islice(_of(function, *own), MOST)
    yield from itertools.islice((one for helper in helpers for one in _of(function, *helper)), MOST_OF_HELPERS)


def sought(function: str) -> Iterator[tuple[Mutant, float]]:
    """Mutants with a number to be found, each with the number for which it is the function itself."""
    yield from (
        (Mutant(function, inside, tree, node, ast.parse(form.format(_text(node)), mode="eval").body), start)
        for inside, tree in definitions(function)
        for node in _expressions(tree)
        for form, start in SOUGHT.items()
    )
    if not definitions(function):
        return
    (inside, tree), *_ = definitions(function)
    places, asked = _expressions(tree), [node.arg for node in tree.args.args]
    names = dict.fromkeys([*asked, *sorted({node.id for node in places if isinstance(node, ast.Name)})])
    yield from (
        (Mutant(function, inside, tree, node, ast.parse(f"{_text(node)} * {name} ** number", mode="eval").body), 0.0)
        for name in list(names)[:MOST_NAMES]
        if name not in ("self", *OPTIONS)
        for node in places
    )


def _places(tree: ast.FunctionDef) -> list[ast.expr]:
    """The expressions that have numbers as values: no called functions, types, texts or loop variables."""
    skipped = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.arguments, ast.JoinedStr, ast.Raise)) or (isinstance(node, ast.If) and _raises(node)):
            skipped |= {id(below) for below in ast.walk(node)}
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            skipped |= {id(below) for one in node.decorator_list for below in ast.walk(one)}
        if isinstance(node, ast.Attribute):
            skipped.add(id(node.value))
    kinds = (ast.Name, ast.Call, ast.BinOp, ast.UnaryOp, ast.Attribute, ast.Subscript, ast.Constant)
    nodes = [node for one in tree.body for node in ast.walk(one) if isinstance(node, kinds) and id(node) not in skipped]
    nodes = [node for node in nodes if isinstance(getattr(node, "ctx", ast.Load()), ast.Load)]
    nodes = [node for node in nodes if word_of(node) not in OPTIONS]
    return [node for node in nodes if not isinstance(node, ast.Constant) or isinstance(node.value, (int, float))]


def _expressions(tree) -> list[ast.expr]:
    """The first MOST_PLACES places at which a number is sought: names, calls, sums and products."""
    some = [node for node in _places(tree) if not isinstance(node, (ast.Constant, ast.UnaryOp))]
    return some[:MOST_PLACES]


def _raises(node: ast.If) -> bool:
    return any(isinstance(one, ast.Raise) for one in node.body)


def _text(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if isinstance(node, (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.Constant)) else f"({text})"


def _of(function: str, inside: str, tree: ast.FunctionDef) -> Iterator[Mutant]:
    made = functools.partial(Mutant, function, inside, tree)
    places = _places(tree)
    names = {node.id for node in places if isinstance(node, ast.Name)} | {node.arg for node in tree.args.args}
    names -= {"self", *(node.arg for node in tree.args.kwonlyargs), *OPTIONS}
    brackets = [node.slice for node in ast.walk(tree) if isinstance(node, ast.Subscript)]
    inside_brackets = {id(below) for one in brackets for below in ast.walk(one)}
    wrapped = [node for node in places if not isinstance(node, (ast.Constant, ast.UnaryOp))]
    wrapped = [node for node in wrapped if id(node) not in inside_brackets]
    simple = [node for node in wrapped if not isinstance(node, ast.BinOp)]
    yield from (made(node, new) for node in places for new in _changes(node))
    yield from (made(node, _wrapped(text, node)) for text in WRAPS for node in simple)
    for node in places:
        if isinstance(node, ast.Name):
            yield from (made(node, ast.Name(name, ast.Load())) for name in sorted(names - {node.id}))
    yield from (made(node, _wrapped(text, node)) for text in WRAPS for node in wrapped if isinstance(node, ast.BinOp))


def _wrapped(text: str, node: ast.expr) -> ast.expr:
    return ast.parse(text.format(_text(node)), mode="eval").body


def _changes(node: ast.expr) -> Iterator[ast.expr]:
    """Replacements of a node: one operand alone, another operator or number, fewer or exchanged arguments."""
    if isinstance(node, ast.BinOp):
        yield from (node.left, node.right)
        if isinstance(node.op, OPERATORS):
            yield from (changed(node, op=op()) for op in OPERATORS if not isinstance(node.op, op))
        yield ast.BinOp(node.right, node.op, node.left)
        yield from _misplaced(node)
    if isinstance(node, ast.UnaryOp):
        yield node.operand
    if isinstance(node, ast.Constant):
        numbers = {0, 1, 2, node.value + 1, node.value - 1, 2 * node.value, node.value / 2}
        yield from (ast.Constant(number) for number in sorted(numbers - {node.value}))
    if isinstance(node, ast.Call):
        yield from node.args[:1]
        for i in range(len(node.keywords)):
            yield changed(node, keywords=[*node.keywords[:i], *node.keywords[i + 1 :]])
        for i in range(len(node.args) - 1):
            yield changed(node, args=[*node.args[:i], node.args[i + 1], node.args[i], *node.args[i + 2 :]])
        if word_of(node.func) or isinstance(node.func, ast.Attribute):
            called = ast.unparse(node.func)
            for other in LIKE.get(called, ()):
                yield changed(node, func=ast.parse(other, mode="eval").body)


def _misplaced(node: ast.BinOp) -> Iterator[ast.expr]:
    """Misplaced parentheses: a power of each term of a sum or of one factor, or a divisor that becomes a factor."""
    a, b, text = node.left, node.right, ast.unparse
    if isinstance(node.op, ast.Pow) and isinstance(a, ast.BinOp):
        power, sign = (text(b.operand), "1 / ") if isinstance(b, ast.UnaryOp) else (f"({text(b)})", "")
        first, second, between = text(a.left), text(a.right), {ast.Add: "+", ast.Sub: "-"}.get(type(a.op))
        if between:
            yield _read(f"{sign}(({first}) ** {power} {between} ({second}) ** {power})")
            yield _read(f"({first}) {between} ({second}) ** ({text(b)})")
        if isinstance(a.op, (ast.Mult, ast.Div)):
            yield ast.BinOp(a.left, a.op, ast.BinOp(a.right, ast.Pow(), b))
            yield ast.BinOp(ast.BinOp(a.left, ast.Pow(), b), a.op, a.right)
    inner = type(a.op) if isinstance(a, ast.BinOp) else None
    if (isinstance(node.op, (ast.Mult, ast.Div)) and inner is ast.Div) or (
        isinstance(node.op, ast.Div) and inner in (ast.Add, ast.Sub)
    ):
        yield ast.BinOp(a.left, a.op, ast.BinOp(a.right, node.op, b))
    if isinstance(node.op, (ast.Add, ast.Sub)) and isinstance(b, ast.BinOp) and isinstance(b.op, (ast.Mult, ast.Div)):
        yield ast.BinOp(ast.BinOp(a, node.op, b.left), b.op, b.right)


def _read(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


LIKE = {
    "np.var": ("np.std",),
    "np.std": ("np.var",),
    "np.mean": ("np.sum", "np.median", "np.max"),
    "np.sum": ("np.mean", "np.max"),
    "np.max": ("np.mean", "np.min", "np.sum"),
    "np.log1p": ("np.log",),
    "np.expm1": ("np.exp",),
    "softplus": ("expit", "np.exp"),
    "expit": ("np.tanh", "softplus"),
    "squared_norm": ("np.sum", "norm"),
}
