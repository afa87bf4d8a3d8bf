"""Mistakes that no bank lists, made from a definition's own syntax by changing one place.

A place is an expression of the body, or of a helper of the same module that it calls, or of a text in which programs
write the same (`refebm.variants.texts`). It is wrapped (its sign, its square, clipped, of the first row ...), left out
of its sum or product, exchanged for another name or number; two calls change their order, log(mean(a)) for
mean(log(a)), or two statements; or a number is sought that is added to it, or by which it is multiplied.
"""

import ast
import functools
import inspect
import itertools
import re
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import autograd.numpy as np

import refebm
from refebm import calculus
from refebm.glossary import FreeIndices, Indices, Times, TimeStep
from refebm.identities import Implementation
from refebm.special import expit
from refebm.variants import texts
from refebm.variants.arguments import role, types
from refebm.variants.patch import Definition, quoted
from refebm.variants.record import CONVENTIONS, Variant, definition_in, in_both_places, namespace_of, placed
from refebm.variants.syntax import around, changed, kind_of, put, replaced, syntax, word_of

WRAPS = (  # those that are met most come first: no search goes through all of a long text
    *("-{}", "{} ** 2", "np.sqrt(np.abs({}))", "np.clip({}, -1, 1)", "2 * {}", "0.5 * {}", "({})[:1]", "1 / {}"),
    *(
        "({})[:-1]",
        "({})[:2]",
        "np.minimum({}, 30)",
        "np.mean({}, axis=0)",
        "np.sum({}, axis=0)",
        "np.abs({})",
        "1 + 0 * {}",
    ),
    *("np.exp({})", "np.log(np.abs({}))", "({})[..., :-1]", "np.clip({}, -10, 10)", "unit({})", "1 - {}"),
    *("np.mean({})", "np.sum({})", "np.sign({})", "np.swapaxes({}, -1, -2)", "({})[::-1]", "0 * {}", "{} - 1"),
    *("np.tanh({})", "expit({})", "np.maximum({}, 0)", "1 + {}", "{} ** 3", "{} ** 1.5", "np.clip({}, 0, 1)"),
    *("({})[..., :1]", "np.sort({}, axis=0)", "np.roll({}, 1, axis=0)", "({0})[:1] + 0 * {0}", "({})[..., :2]"),
    *("({})[..., 1:]", "({})[..., -1:]", "({})[1:]", "np.cumsum({}, axis=0)", "np.mean({}, axis=-1, keepdims=True)"),
    *("np.clip({}, -100, 100)", "np.round({})", "np.sqrt(2) * {}", "np.pi * {}"),
)
SOUGHT = {  # forms with a number to be found, and the value for which the place is unchanged
    "{} + number": 0.0,
    "number * {}": 1.0,
    "1 / (1 / {} + number)": 0.0,
    "np.sqrt(({}) ** 2 + number)": 0.0,
    "np.log(np.exp({}) + number)": 0.0,
    "number + (1 - number) * {}": 0.0,
    "number": 1.0,
}
MEANT = {  # words that explain a replacement that makes an expression with this in it
    "np.cumsum(np.eye(": "what is changed in one coordinate stays changed in the next",
    "np.expm1(0.5 * log_kept)": "1 - m, for 1 - m^2",
    "np.expm1(-(0.5 * b))": "1 - m, for 1 - m^2",
    "[:1] + 0 * np.eye(": "the first coordinate alone is changed, each time",
}
OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
OPTIONS = ("progress", "every_level", "trajectory")  # which change what is shown
MET, MET_MOST = 15, 11  # wraps that are tried before one name for another: in the definition, and elsewhere
MOST_PLACES = 40  # at which a number is sought
MOST_NAMES = 6  # of which a power may be too much


class Mutant(NamedTuple):
    """In the formula, `new` stands for `node`. form: in which it is written, where that is not the definition's.

    said: what stands for what, where the node is the whole tree, since it stands there more than once.
    """

    function: str
    inside: str
    tree: ast.AST  # of the definition
    node: ast.AST
    new: ast.AST
    form: str = ""
    said: str = ""

    @functools.lru_cache(4)  # noqa: B019  (a few alone: each is asked in several conventions, one after another)
    def implementation(self, module_of: Callable = sys.modules.__getitem__, **numbers) -> Implementation:
        """refebm with the mutant put in; module_of: its modules, by their names, perhaps over another framework.

        Errors: anything, since the changed text may make no sense.
        """
        name = self.function.partition(".")[0]
        definition = getattr(refebm, name)
        module, written = module_of(definition.__module__), module_of(texts.__name__)
        namespace = vars(written) | namespace_of(module) | {"expit": expit, "unit": unit} | numbers
        namespace["held"] = module_of(calculus.__name__).held
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
        one = put(self.tree, self.node, ast.fix_missing_locations(ast.copy_location(self.new, self.node)))
        if self.form:
            return [ast.Module([one], [])]
        if not inspect.isclass(definition):
            own = syntax(definition)
            return [ast.Module([one], []), own] if self.inside else [put(own, self.tree, one)]
        called = []
        if not hasattr(definition, self.tree.name):
            own = self.function.partition(".")[2]
            called = [definition_in(syntax(_home(definition, own)), own).tree]
        return [ast.Module([part], []) for part in (one, *called)]

    @property
    def words(self) -> str:
        """What stands for what, with enough around it to be found."""
        there = f" in refebm's {self.inside}" if self.inside else f", {self.form}" if self.form else ""
        if self.said:
            return f"{self.said}{there}"
        if isinstance(self.node, ast.stmt):
            return f"with {_statements(self.new, self.node)} for {_statements(self.node, self.new)}{there}"
        was, new = quoted(definition_of(self.tree), self.node, self.new)
        within = [one for one in around(self.tree, self.node) if isinstance(one, ast.expr)][-1]
        whole = ast.unparse(replaced(within, self.node, self.new))
        meant = next((f": {words}" for text, words in MEANT.items() if text in whole), "")
        return f'with "{new}" for "{was}"{there}{meant}'

    def with_number(self, number: float) -> str:
        """The words, with the number that was found in place of ``number``."""
        if self.said:
            return self._replace(said=re.sub(r"\bnumber\b", f"{number:.9g}", self.said)).words
        new = self.new
        for node in [node for node in ast.walk(self.new) if word_of(node) == "number"]:
            new = replaced(new, node, changed(node, id=f"{number:.9g}"))
        return self._replace(new=new).words


def edit_of(variant: Variant) -> Mutant | None:
    """An entry of the bank as a place of the definition's own text; None where it stands in a helper, or nowhere."""
    definition = getattr(refebm, variant.function.partition(".")[0])
    if variant.inside or inspect.isclass(definition):
        return None
    tree = definition_in(syntax(definition), variant.function).tree
    try:
        return Mutant(variant.function, "", tree, *placed(variant, syntax(definition)))
    except ValueError:
        return None


def _statements(node: ast.AST, other: ast.AST) -> str:
    """Those of a block in which it differs from another, in quotes."""
    first = next((i for i, (a, b) in enumerate(zip(node.body, other.body)) if a is not b), 0)
    last = next((i for i, (a, b) in enumerate(zip(node.body[::-1], other.body[::-1])) if a is not b), 0)
    some = [ast.fix_missing_locations(ast.copy_location(one, node)) for one in node.body[first : len(node.body) - last]]
    return '"' + "; ".join(" ".join(ast.unparse(one).split()) for one in some) + '"'


@functools.lru_cache(4)
def _compiled(mutant: Mutant) -> list:
    """The compiled code of a mutant, which does not depend on the sought number."""
    return [compile(part, "<mutant>", "exec") for part in mutant.trees()]


@functools.lru_cache(8)
def definition_of(tree: ast.AST) -> Definition:
    return Definition(tree)


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


@functools.cache
def forms(function: str) -> tuple[tuple[str, ast.FunctionDef], ...]:
    """How programs write the definition: texts that say the same, each with its words, checked as the definition."""
    found = []
    for text in texts.TEXTS.get(function, ()):
        own, tree = definitions(function)[0][1], syntax(text).body[0]
        made = changed(tree, name=own.name, body=tree.body[1:], args=own.args, decorator_list=own.decorator_list)
        found.append((f"in a program that computes {text.__doc__}", made))
    return tuple(found)


def mutants(function: str) -> Iterator[Mutant]:
    """All, in the definition before its other forms and its helpers; what changes less first: a sign before a clip."""
    if not definitions(function):
        return
    (_, own), *helpers = definitions(function)
    of = [functools.partial(Mutant, function, "", own)]
    of += [functools.partial(Mutant, function, "", tree, form=words) for words, tree in forms(function)]
    some = [functools.partial(Mutant, function, inside, tree) for inside, tree in helpers]
    yield from (one for made in [*of, *some] for one in _plain(made))
    yield from (one for made in of for one in _uses(made))
    yield from (one for made in [*of, *some] for one in _repeated(made))
    yield from _wrapped_places(of[:1], WRAPS[:MET])
    yield from _wrapped_places([*of[1:], *some], WRAPS[:MET_MOST])
    yield from (one for made in of for one in _exchanged_names(made))
    yield from _wrapped_places(of[:1], WRAPS[MET:])
    yield from _wrapped_places([*of[1:], *some], WRAPS[MET_MOST:])
    yield from (one for made in some for stage in (_exchanged_names, _uses) for one in stage(made))


def holding(function: str) -> Iterator[Mutant]:
    """Those in which one place is held constant: the value stays, and what is lost is a gradient. Larger ones first."""
    trees = [(inside, tree, "") for inside, tree in definitions(function)]
    for inside, tree, form in [*trees[:1], *(("", tree, form) for form, tree in forms(function)), *trees[1:]]:
        for node in _places(tree):
            if not isinstance(node, ast.Constant):
                yield Mutant(function, inside, tree, node, _wrapped("held({})", node), form)


def in_conventions(function: str) -> Iterator[Mutant]:
    """What stands there otherwise, in what each convention of the bank has of its own; the shortest first."""
    groups = []
    for one in (one for one in CONVENTIONS if one.function == function):
        if edit := edit_of(one):
            tree = put(edit.tree, edit.node, ast.fix_missing_locations(ast.copy_location(edit.new, edit.node)))
            before = {id(node) for node in ast.walk(edit.tree)}
            made = functools.partial(Mutant, function, "", tree, form=f"beside {one.name} (convention)")
            groups.append([mutant for mutant in _plain(made) if id(mutant.node) not in before])
    yield from (mutant for group in sorted(groups, key=len) for mutant in group)


def _wrapped_places(of: list, wraps: tuple[str, ...]) -> Iterator[Mutant]:
    return (made(node, _wrapped(text, node)) for text in wraps for made in of for node in _wrappable(made.args[2]))


def _repeated(made: Callable[..., Mutant]) -> Iterator[Mutant]:
    """An expression that stands there more than once, and once in a program: changed each time."""
    for nodes in _same(made.args[2]):
        for new in (*_changes(nodes[0]), *(_wrapped(text, nodes[0]) for text in WRAPS[:MET])):
            yield _each_time(made, nodes, new)


def _same(tree: ast.FunctionDef) -> list[list[ast.expr]]:
    """Equal expressions that are more than a name or a number, where there are several, as lists."""
    alike: dict[str, list] = {}
    for node in _places(tree):
        if not isinstance(node, (ast.Name, ast.Constant)):
            alike.setdefault(ast.dump(node), []).append(node)
    return [nodes for nodes in alike.values() if len(nodes) > 1]


def _each_time(made: Callable[..., Mutant], nodes: list[ast.expr], new: ast.expr) -> Mutant:
    tree = made.args[2]
    for node in nodes:
        tree = replaced(tree, node, new)
    return made(made.args[2], tree, said=f'with "{ast.unparse(new)}" for "{ast.unparse(nodes[0])}", each time')


MOST_NATURAL = 60  # mutants of a text, of which two are tried together


def natural_pairs(function: str) -> Iterator[tuple[Mutant, Mutant]]:
    """Two places of a text, of the mistakes that are made most: a root, a square, a sign, a factor, a term."""
    if not definitions(function):
        return
    (_, own), *_ = definitions(function)
    pairs = []
    for tree, words in [(own, ""), *((tree, words) for words, tree in forms(function))]:
        made = functools.partial(Mutant, function, "", tree, form=words)
        some = [(small, node, new) for node in _places(tree) for small, new in _natural(node)]
        some = [made(node, new) for _, node, new in sorted(some, key=lambda one: not one[0])][:MOST_NATURAL]
        pairs += [(i + j, some[i], some[j]) for i, j in itertools.combinations(range(len(some)), 2)]
    yield from ((one, other) for _, one, other in sorted(pairs, key=lambda pair: pair[0]))


def both(one: Mutant, other: Mutant) -> Mutant | None:
    """Two of the same text at once; None where they do not stand beside each other."""
    if one.tree is not other.tree or one.said or other.said:
        return None
    try:
        new = in_both_places(one.tree, (one.node, one.new), (other.node, other.new))
    except ValueError:
        return None
    return one._replace(node=one.tree, new=new)


def _natural(node: ast.expr) -> Iterator[tuple[bool, ast.expr]]:
    """A root, a power, a sign, a factor or a term left out; a sum for a difference; the one before. True if small."""
    if isinstance(node, ast.BinOp):
        yield isinstance(node.op, ast.Pow) or isinstance(node.right, ast.Constant), node.left
        if isinstance(node.op, (ast.Mult, ast.MatMult, ast.Add)):
            yield isinstance(node.left, ast.Constant), node.right
        if isinstance(node.op, (ast.Add, ast.Sub)):
            yield True, changed(node, op=ast.Sub() if isinstance(node.op, ast.Add) else ast.Add())
        if isinstance(node.op, (ast.Sub, ast.Div)):
            yield isinstance(node.op, ast.Sub), ast.BinOp(node.right, node.op, node.left)
    if isinstance(node, ast.UnaryOp):
        yield True, node.operand
    if isinstance(node, ast.Constant) and node.value == 0.5:
        yield True, ast.Constant(1)
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.sqrt", "np.exp", "np.log"):
        yield True, node.args[0]
    if isinstance(node, ast.Call) and word_of(node.func) == "range":
        *first, last = node.args
        yield from ((True, changed(node, args=[*first, _wrapped(text, last)])) for text in ("{} - 1", "{} + 1"))
    if isinstance(node, ast.Subscript) and isinstance(node.slice, (ast.Name, ast.BinOp)):
        shifted = [_wrapped(text, node.slice) for text in ("{} - 1", "{} + 1", "np.maximum({} - 1, 0)")]
        yield from ((True, changed(node, slice=one)) for one in shifted)


def sought(function: str) -> Iterator[tuple[Mutant, float]]:
    """Those with a number that is to be found, and the number with which they are the function itself."""
    trees = [*((inside, tree, "") for inside, tree in definitions(function))]
    written = [("", tree, form) for form, tree in forms(function)]
    for inside, tree, form in [*trees, *written]:
        made = functools.partial(Mutant, function, inside, tree, form=form)
        yield from ((made(node, _wrapped("{} + number", node)), 0.0) for node in _guarded(tree))
    for inside, tree, form in trees:
        made = functools.partial(Mutant, function, inside, tree, form=form)
        some = [(nodes, text, start) for nodes in _same(tree) for text, start in SOUGHT.items()]
        yield from ((_each_time(made, nodes, _wrapped(text, nodes[0])), start) for nodes, text, start in some)
    yield from (
        (Mutant(function, inside, tree, node, _wrapped(text, node), form), start)
        for inside, tree, form in [*trees, *written]
        for node in _expressions(tree)
        for text, start in SOUGHT.items()
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


def _guarded(tree: ast.FunctionDef) -> list[ast.expr]:
    """Where programs add an epsilon: divisors, and what a logarithm or a root is taken of."""
    quotients = [node.right for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    some = {id(node) for node in quotients}
    some |= {id(node.args[0]) for node in calls if ast.unparse(node.func) in ("np.log", "np.sqrt")}
    return [node for node in _places(tree) if id(node) in some and not isinstance(node, ast.Constant)]


def wherever(function: str) -> Iterator[Callable[[str], Mutant]]:
    """For each place at which a number is sought, what makes a mutant of a text with `{}` for the place."""
    written = [(*one, "") for one in definitions(function)] + [("", tree, form) for form, tree in forms(function)]
    for inside, tree, form in written:
        made = functools.partial(Mutant, function, inside, tree, form=form)
        yield from (
            lambda text, made=made, some=some: _each_time(made, some, _wrapped(text, some[0])) for some in _same(tree)
        )
        yield from (lambda text, made=made, node=node: made(node, _wrapped(text, node)) for node in _expressions(tree))


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
    nodes = [node for one in tree.body for node in ast.walk(one) if isinstance(node, NODES) and id(node) not in skipped]
    nodes = [node for node in nodes if isinstance(getattr(node, "ctx", ast.Load()), ast.Load)]
    nodes = [node for node in nodes if word_of(node) not in OPTIONS]
    return [node for node in nodes if _is_number(node)]


NODES = (ast.Name, ast.Call, ast.BinOp, ast.UnaryOp, ast.Attribute, ast.Subscript, ast.Constant)


def _is_number(node: ast.expr) -> bool:
    return not isinstance(node, ast.Constant) or isinstance(node.value, (int, float))


def _expressions(tree) -> list[ast.expr]:
    """The first MOST_PLACES places at which a number is sought: names, calls, sums and products."""
    some = [node for node in _places(tree) if not isinstance(node, (ast.Constant, ast.UnaryOp))]
    return some[:MOST_PLACES]


def _raises(node: ast.If) -> bool:
    return any(isinstance(one, ast.Raise) for one in node.body)


def _text(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if isinstance(node, (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.Constant)) else f"({text})"


def _plain(made: Callable[..., Mutant]) -> Iterator[Mutant]:
    """What stands there otherwise, and statements in another order."""
    tree = made.args[2]
    yield from (made(node, new) for node in _places(tree) for new in _changes(node))
    yield from (made(node, changed(node, body=body)) for node, body in _reordered(tree))
    yield from _begun_anew(made)
    yield from (made(node, new) for node, new in _other_methods(made.args[0], tree))
    yield from _of_a_process(made)
    yield from (made(node, new) for stage in (_swapped, _unbracketed, _renamed) for node, new in stage(tree))


def _exchanged_names(made: Callable[..., Mutant]) -> Iterator[Mutant]:
    """One name for another, or one attribute of self, or a time for that to which a step moves it."""
    tree = made.args[2]
    places = _places(tree)
    names, own = _names(tree, places), {node.attr for node in places if _of_self(node)}
    for node in places:
        if word_of(node) in names:
            yield from (made(node, ast.Name(name, ast.Load())) for name in sorted(names - {node.id}))
            yield from (made(node, _wrapped(text, node)) for text in _moved_on(made.args[0], node.id))
        if _of_self(node):
            yield from (made(node, changed(node, attr=name)) for name in sorted(own - {node.attr}))


def _renamed(tree: ast.FunctionDef) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What a statement says with one name for another, each time, where it stands there more than once."""
    names = _names(tree, _places(tree))
    for one in ast.walk(tree):
        if isinstance(one, (ast.Assign, ast.Return)) and one.value:
            there = [node for node in ast.walk(one.value) if word_of(node) in names and isinstance(node, ast.Name)]
            for name in sorted({node.id for node in there if sum(other.id == node.id for other in there) > 1}):
                for other in sorted(names - {name}):
                    new = one.value
                    for node in (node for node in there if node.id == name):
                        new = replaced(new, node, ast.Name(other, ast.Load()))
                    yield one.value, new


def _of_self(node) -> bool:
    return isinstance(node, ast.Attribute) and word_of(node.value) == "self"


@functools.cache
def _wrappable(tree: ast.FunctionDef) -> tuple[ast.expr, ...]:
    """Names, calls and the like, then sums and products."""
    brackets = [node.slice for node in ast.walk(tree) if isinstance(node, ast.Subscript)]
    inside_brackets = {id(below) for one in brackets for below in ast.walk(one)}
    some = [node for node in _places(tree) if not isinstance(node, (ast.Constant, ast.UnaryOp))]
    some = [node for node in some if id(node) not in inside_brackets]
    return tuple(sorted(some, key=lambda node: isinstance(node, ast.BinOp)))


def _names(tree, places) -> set[str]:
    """What stands for a number: what is called does not, nor what a loop runs through."""
    names = {node.id for node in places if isinstance(node, ast.Name)} | {node.arg for node in tree.args.args}
    called = {word_of(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    loops = [node.target for node in ast.walk(tree) if isinstance(node, (ast.For, ast.comprehension))]
    counted = {word_of(node) for one in loops for node in ast.walk(one)}
    return names - called - counted - {"self", *(node.arg for node in tree.args.kwonlyargs), *OPTIONS}


def _uses(made: Callable[..., Mutant]) -> Iterator[Mutant]:
    """Of a variable that is used more than once: one of the uses, and a change of its value there alone."""
    tree = made.args[2]
    values = Definition(tree).values
    used = [node for node in _places(tree) if word_of(node) in values]
    for use in used:
        value = values[use.id]
        if sum(other.id == use.id for other in used) > 1:
            inner = [node for node in ast.walk(value) if isinstance(node, NODES) and _is_number(node)]
            for node in inner:
                yield from (made(use, replaced(value, node, new)) for new in _changes(node))
                if isinstance(node, ast.Name):
                    moved = _moved_on(made.args[0], node.id)
                    yield from (made(use, replaced(value, node, _wrapped(text, node))) for text in (*IN_USE, *moved))


IN_USE = ("1 + 0 * {}", "0 * {}", "2 * {}", "{} ** 2", "np.sqrt(np.abs({}))")


def _moved_on(function: str, name: str) -> list[str]:
    """What stands for the name of a time that a step has moved on too early; and of a step, the next or the one before,
    but for the last or the first."""
    kinds = types(function)
    steps = [one for one, kind in kinds.items() if kind == TimeStep]
    moved = [f"{{}} {sign} {step}" for step in steps if kinds.get(name) == Times for sign in "-+"]
    if kinds.get(name) in (Indices, FreeIndices) and "betas" in kinds:
        moved += ["np.minimum({} + 1, len(betas) - 1)", "np.maximum({} - 1, 0)"]
    return moved


def _swapped(tree: ast.FunctionDef) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What a statement says with two names exchanged, wherever they stand in it."""
    for one in ast.walk(tree):
        if isinstance(one, (ast.Assign, ast.Return)) and one.value:
            there = [node for node in ast.walk(one.value) if isinstance(node, ast.Name)]
            names = sorted({node.id for node in there} & _names(tree, there))
            for a, b in itertools.combinations(names, 2):
                new = one.value
                for node in there:
                    if node.id in (a, b):
                        new = replaced(new, node, ast.Name(a if node.id == b else b, ast.Load()))
                yield one.value, new


def _unbracketed(tree: ast.FunctionDef) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What a statement says with a pair of parentheses left out."""
    for one in ast.walk(tree):
        if isinstance(one, (ast.Assign, ast.Return)) and one.value:
            text, opened = ast.unparse(one.value), []
            for i, character in enumerate(text):
                if character == "(":
                    opened.append(i)
                elif character == ")":
                    start = opened.pop()
                    grouping = start == 0 or text[start - 1] in " ([-*"
                    new = _parsed(text[:start] + text[start + 1 : i] + text[i + 1 :]) if grouping else None
                    if new and ast.dump(new) != ast.dump(one.value):
                        yield one.value, new


def _parsed(text: str) -> ast.expr | None:
    try:
        return _read(text)
    except SyntaxError:
        return None


def _reordered(tree: ast.FunctionDef) -> Iterator[tuple[ast.stmt, list[ast.stmt]]]:
    """Blocks in which two statements change places, or see the same, or in which one is left out, or in a loop."""
    for block in (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.For))):
        body = block.body
        if isinstance(body[0], ast.Expr) and isinstance(getattr(body[0], "value", None), ast.Constant):
            body = body[1:]
        moving = [not isinstance(one, (ast.Return, ast.Raise)) and not _refuses(one) for one in body]
        for i in range(len(body)):
            before, after = body[:i], body[i + 1 :]
            if moving[i] and isinstance(body[i], (ast.Assign, ast.AugAssign)) and after:
                yield block, [*before, *after]
            if moving[i] and after and moving[i + 1]:
                yield block, [*before, body[i + 1], body[i], *after[1:]]
                if isinstance(body[i], ast.Assign) and isinstance(body[i + 1], ast.Assign):
                    targets, values = zip(*((one.targets[0], one.value) for one in body[i : i + 2]))
                    both = ast.Assign([ast.Tuple([*targets], ast.Store())], ast.Tuple([*values], ast.Load()))
                    yield block, [*before, both, *after[1:]]
            if isinstance(body[i], ast.For) and after:
                yield from _indented(block, before, body[i], after)


def _begun_anew(made: Callable[..., Mutant]) -> Iterator[Mutant]:
    """A loop in which each turn begins with the state from before the loop, as if it were not carried over; or in which
    a model is asked at that state, as if its value had been computed once, before the loop."""
    tree = made.args[2]
    fields = [name for name, kind in types(made.args[0]).items() if role(kind) in ("score", "energy")]
    blocks = [node for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list)]
    for block, loop in [(one, node) for one in blocks for node in one.body if isinstance(node, ast.For)]:
        inside = [node for one in loop.body for node in ast.walk(one) if isinstance(node, ast.Name)]
        kept = sorted({one.id for one in inside if isinstance(one.ctx, ast.Store)} & _before(tree, loop))
        turn, at = f'at each turn of "for {ast.unparse(loop.target)}"', block.body.index(loop)
        for name in kept:

            def begun(body, said, at=at, name=name, block=block, loop=loop):
                first = ast.parse(f"first = {name}").body
                again = changed(loop, body=body)
                new = changed(block, body=[*block.body[:at], *first, again, *block.body[at + 1 :]])
                return made(tree, put(tree, block, new), said=said)

            anew = [*ast.parse(f"{name} = first").body, *loop.body]
            yield begun(anew, f"with the first {name} {turn}, not carried over")
            for field in sorted({one.id for one in inside} & {*fields}):
                uses, body = [node for node in inside if node.id == field], loop.body
                for node in uses:
                    body = [replaced(one, node, _read(f"(lambda _, *level: {field}(first, *level))")) for one in body]
                yield begun(body, f"with {field} asked at the first {name} {turn}, not at each")


def _other_methods(function: str, tree: ast.FunctionDef) -> Iterator[tuple[ast.expr, ast.expr]]:
    """One method of an object for another that takes as much: of those that are called there, or of its own class."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    calls = [node for node in calls if isinstance(node.func.value, ast.Name) and not node.keywords]
    definition = getattr(refebm, function.partition(".")[0])
    for node in (one for one in calls if one.func.value.id not in ("np", "scipy")):
        alike = [one for one in calls if one.func.value.id == node.func.value.id and len(one.args) == len(node.args)]
        names = {one.func.attr for one in alike} | _methods_like(definition, node)
        names -= {node.func.attr, function.partition(".")[2]}
        yield from ((node, changed(node, func=changed(node.func, attr=name))) for name in sorted(names))


def _methods_like(definition, call: ast.Call) -> set[str]:
    """The public methods of a class with as many arguments as one that it calls."""
    if not inspect.isclass(definition) or word_of(call.func.value) != "self":
        return set()
    some = inspect.getmembers(definition, inspect.isfunction)
    return {name for name, f in some if name[0] != "_" and len(inspect.signature(f).parameters) == len(call.args) + 1}


def _of_a_process(made: Callable[..., Mutant]) -> Iterator[Mutant]:
    """As if m^2 + std^2 were 1, where it need not be: the one made of the other, each time; or g(t) for std(t)."""
    tree = made.args[2]
    places = _places(tree)
    names = _names(tree, places)
    for one, other in itertools.permutations(("scale", "std"), 2) if {"scale", "std"} <= names else ():
        there = [node for node in places if word_of(node) == one]
        squares = [node for node in places if isinstance(node, ast.BinOp) and ast.unparse(node) == f"{one} ** 2"]
        for nodes, text in ((squares, f"1 - {other} ** 2"), (there, f"np.sqrt(1 - {other} ** 2)")):
            if len(nodes) > 1:
                yield _each_time(made, nodes, _read(text))
            yield from (made(node, _read(text)) for node in nodes)
    if {"sde", "std"} <= names and types(made.args[0]).get("t") == Times:
        yield from (made(node, _read("sde.diffusion(t)[:, None]")) for node in places if word_of(node) == "std")


def _before(tree: ast.FunctionDef, loop: ast.For) -> set[str]:
    """The names that have values before a loop: arguments, and what is assigned above it."""
    assigned = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.lineno < loop.lineno
    }
    return assigned | {node.arg for node in tree.args.args}


def _indented(block, before, loop, after) -> Iterator[tuple[ast.stmt, list[ast.stmt]]]:
    """A loop whose last statement stands behind it, or into which the one behind it has slipped."""
    if len(loop.body) > 1:
        yield block, [*before, changed(loop, body=loop.body[:-1]), loop.body[-1], *after]
    if not isinstance(after[0], ast.Return):
        yield block, [*before, changed(loop, body=[*loop.body, after[0]]), *after[1:]]


def _refuses(one: ast.stmt) -> bool:
    return isinstance(one, ast.If) and _raises(one)


def _wrapped(text: str, node: ast.expr) -> ast.expr:
    return ast.parse(text.format(_text(node)), mode="eval").body


def _changes(node: ast.expr) -> Iterator[ast.expr]:
    """Replacements of a node: one operand alone, another operator or number, fewer or exchanged arguments."""
    if isinstance(node, ast.BinOp):
        yield from (node.left, node.right)
        if isinstance(node.op, OPERATORS):
            yield from (changed(node, op=op()) for op in OPERATORS if not isinstance(node.op, op))
        long = isinstance(node.op, ast.Sub) and kind_of(node.left) == "sum"
        yield ast.UnaryOp(ast.USub(), node) if long else ast.BinOp(node.right, node.op, node.left)
        yield from _misplaced(node)
        yield from _exchanged(node)
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
        yield from _exchanged(node)
        yield from _squared_in_part(node)
        yield from _wrapped_around(node)
        yield from _taken_apart(node)
        if word_of(node.func) or isinstance(node.func, ast.Attribute):
            called = ast.unparse(node.func)
            for other in LIKE.get(called, ()):
                yield changed(node, func=ast.parse(other, mode="eval").body)


def _exchanged(node: ast.expr) -> Iterator[ast.expr]:
    """One function of another in the other order: the mean of logarithms for the logarithm of a mean."""
    if (outer := _inside(node)) and (inner := _inside(outer[0])):
        yield inner[1](outer[1](inner[0]))
        if isinstance(node, ast.BinOp) and isinstance(outer[0], ast.Call):
            first, *others = outer[0].args
            powers = ((i, outer[1](one)) for i, one in enumerate(others))
            yield from (changed(outer[0], args=[first, *others[:i], one, *others[i + 1 :]]) for i, one in powers)


def _wrapped_around(node: ast.Call) -> Iterator[ast.expr]:
    """Before the first of a row its last, or its first again: an index of -1, or of 0, where there is none."""
    if ast.unparse(node.func) == "np.append" and len(node.args) == 2:
        rest = node.args[1]
        whole = rest.value if ast.unparse(rest).endswith("[:-1]") else rest
        yield from (changed(node, args=[_wrapped(text, whole), rest]) for text in ("({})[-1:]", "({})[:1]"))


OF_SUMS = ("expit", "softplus", "np.exp", "np.log", "np.tanh")
GRIDS = ("np.linspace", "np.geomspace", "np.logspace")


def _taken_apart(node: ast.Call) -> Iterator[ast.expr]:
    """a + f(b) for f(a + b), as a bias outside of its sigmoid; a - b for the root of a^2 - b^2; a sum for a product
    with a vector; a grid without its last point."""
    called, of = ast.unparse(node.func), node.args[0] if node.args else None
    sums = isinstance(of, ast.BinOp) and isinstance(of.op, (ast.Add, ast.Sub))
    if sums and len(node.args) == 1 and called in OF_SUMS:
        yield changed(of, right=changed(node, args=[of.right]))
        yield changed(of, left=changed(node, args=[of.left]))
    if sums and called == "np.sqrt":
        yield changed(of, left=_root(of.left), right=_root(of.right))
    if called == "dot":
        yield from (_read(f"np.sum({ast.unparse(one)}, axis=1)") for one in node.args)
    if called in GRIDS and not node.keywords:
        yield changed(node, keywords=[ast.keyword("endpoint", ast.Constant(False))])


def _root(node: ast.expr) -> ast.expr:
    square = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and ast.unparse(node.right) == "2"
    return node.left if square else _read(f"np.sqrt({ast.unparse(node)})")


def _inside(node: ast.expr) -> tuple[ast.expr, Callable] | None:
    """What a call, or a power, is of, and the same of something else."""
    if isinstance(node, ast.Call) and [*map(type, node.args)] == [ast.GeneratorExp]:
        (each,) = node.args
        return each.elt, lambda other: changed(node, args=[changed(each, elt=other)])
    if isinstance(node, ast.Call) and node.args and not isinstance(node.args[0], ast.Starred):
        return node.args[0], lambda other: changed(node, args=[other, *node.args[1:]])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return node.left, lambda other: changed(node, left=other)
    return None


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
    if isinstance(node.op, (ast.Add, ast.Sub)) and isinstance(a, ast.BinOp) and isinstance(a.op, (ast.Mult, ast.Div)):
        yield ast.BinOp(ast.BinOp(a.left, node.op, b), a.op, a.right)


def _squared_in_part(node: ast.Call) -> Iterator[ast.expr]:
    """The sum of a + b^2 for that of (a + b)^2: parentheses left out."""
    of = node.args[0] if word_of(node.func) == "squared_norm" else None
    if isinstance(of, ast.BinOp) and isinstance(of.op, (ast.Add, ast.Sub)):
        squared = changed(of, right=ast.BinOp(of.right, ast.Pow(), ast.Constant(2)))
        yield _read(f"np.sum({ast.unparse(squared)}, axis=1)")


def _read(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


LIKE = {
    "np.log": ("np.log10", "np.log2"),
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
