"""Syntax trees: the nodes that matter, sums and products as they are written, and trees with one node replaced."""

import ast
import functools
import inspect
import operator
import textwrap
from collections.abc import Iterator

UNSEEN = {"annotation", "returns", "ctx", "kind", "type_comment"}
OPERATIONS = {ast.Add: "sum", ast.Sub: "sum", ast.Mult: "product", ast.Div: "product", ast.MatMult: "product"}
Link = tuple[ast.operator | None, ast.expr]


@functools.cache
def syntax(thing) -> ast.Module:
    """The tree of a function, class or module, parsed once."""
    return ast.parse(textwrap.dedent(inspect.getsource(thing)))


def below(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all nodes in it that matter: no docstrings and type hints, for example."""
    yield node
    for _, value in fields(node):
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                yield from below(part)


def fields(node: ast.AST) -> list[tuple[str, object]]:
    return [(name, value) for name, value in ast.iter_fields(node) if name not in UNSEEN]


def word_of(node) -> str:
    """The name, if the node is just a name; else an empty string."""
    return node.id if isinstance(node, ast.Name) else node.arg if isinstance(node, ast.arg) else ""


def is_rest(node) -> bool:
    node = node.value if isinstance(node, ast.Expr) else node
    return isinstance(node, ast.Constant) and node.value is ...


def kind_of(node) -> str:
    return OPERATIONS.get(type(node.op), "") if isinstance(node, ast.BinOp) else ""


def links_of(node: ast.expr, kind: str, behind=None) -> list[Link]:
    """The terms of a sum or factors of a product, each with the operator before it; for other nodes, the node."""
    if not kind or kind_of(node) != kind:
        return [(None, node)]
    value = (behind or {}).get(word_of(node.left))
    return [*links_of(value if kind_of(value) == kind else node.left, kind, behind), (node.op, node.right)]


def linked(links: list[Link]) -> ast.expr:
    (_, made), *others = links
    for op, operand in others:
        made = ast.BinOp(made, op, operand)
    return made


def changed(node: ast.AST, **fields) -> ast.AST:
    """A copy of the node with some fields changed, if it has them."""
    known = {name: value for name, value in fields.items() if name in node._fields}
    return ast.copy_location(type(node)(**dict(ast.iter_fields(node)) | known), node)


def replaced(node, old: ast.AST, new: ast.AST):
    """The tree with one node replaced; unchanged parts are shared with the original."""
    if node is old:
        return new
    if isinstance(node, list):
        made = [replaced(part, old, new) for part in node]
        return made if any(map(operator.is_not, made, node)) else node
    for name in node._fields if isinstance(node, ast.AST) else ():
        value = getattr(node, name, None)
        if isinstance(value, (ast.AST, list)) and (made := replaced(value, old, new)) is not value:
            return changed(node, **{name: made})
    return node


def put(tree: ast.AST, old: ast.AST, new: ast.AST) -> ast.AST:
    """The same, by where each node of a tree stands, which is looked up once."""
    above = _above(tree)
    while old is not tree:
        parent, name, i = above[id(old)]
        part = getattr(parent, name)
        old, new = parent, changed(parent, **{name: new if i is None else [*part[:i], new, *part[i + 1 :]]})
    return new


@functools.lru_cache(8)
def _above(tree: ast.AST) -> dict[int, tuple[ast.AST, str, int | None]]:
    """Of each node its parent, and as what it stands there."""
    found = {}
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            parts = enumerate(value) if isinstance(value, list) else [(None, value)]
            found |= {id(part): (node, name, i) for i, part in parts if isinstance(part, ast.AST)}
    return found


def around(tree: ast.AST, node: ast.AST) -> list[ast.AST]:
    """The node and all nodes that contain it, the smallest first."""
    if tree is node:
        return [node]
    for child in ast.iter_child_nodes(tree):
        if found := around(child, node):
            return [*found, tree]
    return []
