"""Patches of syntax: replace one expression of a definition, or some of its statements.

A pattern is Python code. Blanks, line breaks, parentheses, comments, docstrings and type hints do not matter, and

- `_` matches any expression; an operator at either end has any operand there: ``- x`` matches in ``f(x + y) - x``;
- a part of a sum or of a product matches: ``z / sigma`` in ``a * z / sigma``;
- `...`, at most once, matches the other arguments of a call, or the statements of a block; keywords have no order;
- a name that the definition does not have matches any local variable, so that renaming a variable breaks no patch.

In the replacement each of these stands for what it matched. A pattern that is not found as written is sought again with
simple local variables replaced by their values.
"""

import ast
import inspect
from collections.abc import Iterator

from refebm.variants.syntax import around, below, changed, fields, is_rest, kind_of, linked, links_of, replaced, word_of

LEFT, RIGHT = "_left", "_right"  # names for the missing operand at either end of a pattern
Patch = tuple[ast.AST, ast.AST]  # a node and its replacement


class Definition:
    """The syntax tree of a function or class, which patches copy and never change."""

    def __init__(self, tree: ast.FunctionDef | ast.ClassDef):
        self.tree, self.nodes = tree, list(below(tree))
        self.names = {"", *map(word_of, self.nodes)}
        bound = [word_of(node) for node in self.nodes if isinstance(getattr(node, "ctx", node), ast.Store | ast.arg)]
        self.free = self.names - set(bound) - {""}
        functions = [node for node in self.nodes if isinstance(node, ast.FunctionDef)]
        self.variables = set(bound) - {word_of(node) for function in functions for node in ast.walk(function.args)}
        plain = [node for node in self.nodes if isinstance(node, ast.Assign) and word_of(node.targets[0])]
        fixed = {name for name in self.names if bound.count(name) <= 1} - {"rng"}
        simple = [node for node in plain if {word_of(part) for part in ast.walk(node)} <= fixed]
        self.values = {word_of(node.targets[0]): node.value for node in simple}

    def patched(self, was: str, becomes: str) -> ast.FunctionDef | ast.ClassDef:
        """The function with the one place of a pattern changed; a ValueError where there is none, or more."""
        return ast.fix_missing_locations(replaced(self.tree, *self.place(was, becomes)))

    def place(self, was: str, becomes: str) -> Patch:
        """The one place of a pattern, and what it becomes."""
        for behind in (None, self.values):
            for wanted, new in _read(was, becomes):
                found = list(Search(self, behind).places(wanted, new))
                if len(found) == 1:
                    return found[0]
                if found:
                    where = "".join(f"\n  line {old.lineno}: {ast.unparse(old)}" for old, _ in found)
                    raise ValueError(f"{was!r} stands {len(found)} times in the text, should be once:{where}")
        raise ValueError(f"{was!r} stands 0 times in the text, should be once")


LEGIBLE = 12  # characters that are enough to find a place
LONGEST = 120  # characters of an expression in which local variables are written out


def quoted(one: Definition, old: ast.AST, new: ast.AST) -> tuple[str, str]:
    """What a node is, and what stands for it, as a reader sees who does not know the text around: the smallest whole
    expression of LEGIBLE characters, with the values of local variables for their names where that is not long."""
    wider = (node for node in around(one.tree, old) if isinstance(node, ast.expr))
    node = next((node for node in wider if len(ast.unparse(written_out(one, node))) >= LEGIBLE), old)
    nodes = [node, replaced(node, old, new)]
    for some in ([written_out(one, each) for each in nodes], nodes):
        was, becomes = map(ast.unparse, some)
        if max(map(len, (was, becomes))) <= LONGEST and was != becomes:
            break
    return was, becomes


def written_out(one: Definition, node, depth: int = 3):
    """An expression with the values of local variables for their names, and for a value that is checked, the value."""
    if isinstance(node, list):
        return [written_out(one, part, depth) for part in node]
    if not isinstance(node, ast.AST):
        return node
    if depth and isinstance(node, ast.Name) and node.id in one.values:
        return written_out(one, one.values[node.id], depth - 1)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > 1 and _is_text(node.args[0]):
        return written_out(one, node.args[1], depth)
    return changed(node, **{name: written_out(one, value, depth) for name, value in ast.iter_fields(node)})


def _is_text(node) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


class Search:
    """A search for a pattern in a definition. behind: the values of variables to look through; None: do not."""

    def __init__(self, definition: Definition, behind: dict[str, ast.expr] | None):
        self.definition, self.behind, self.as_written, self.holes = definition, behind or {}, behind is None, {}

    def places(self, wanted: list[ast.stmt], new: list[ast.stmt]) -> Iterator[Patch]:
        if isinstance(wanted[0], ast.Expr):
            return self.expressions(wanted[0].value, new[0].value)
        return self.statements(wanted, new)

    def statements(self, wanted: list[ast.stmt], new: list[ast.stmt]) -> Iterator[Patch]:
        for node in self.definition.nodes:
            body = node.body if isinstance(getattr(node, "body", None), list) else []
            for i in range(len(body) - len(wanted) + 1):
                if self.found(wanted, body[i : i + len(wanted)]):
                    yield node, changed(node, body=[*body[:i], *self.filled(new), *body[i + len(wanted) :]])

    def expressions(self, wanted: ast.expr, new: ast.expr) -> Iterator[Patch]:
        """Matches of an expression; a sum or product may also be a part of a longer one."""
        kind = kind_of(wanted)
        size = len(links_of(wanted, kind))
        parts = {id(node.left) for node in self.definition.nodes if kind and kind_of(node) == kind}
        for node in self.definition.nodes:
            links = links_of(node, kind, self.behind) if isinstance(node, ast.expr) and id(node) not in parts else []
            for i in range(len(links) - size + 1):
                if self.found(wanted, linked(links[i : i + size])):
                    (_, first), *others = links_of(self.filled(new), kind)
                    yield node, linked([*links[:i], (links[i][0], first), *others, *links[i + size :]])

    def found(self, wanted, there) -> bool:
        self.holes = {}
        return word_of(wanted) in self.definition.names and self.fits(wanted, there)

    def fits(self, wanted, there) -> bool:
        """Whether the pattern fits here; what its holes matched is kept in `holes`."""
        if isinstance(wanted, list):
            return self.in_order(wanted, there)
        if word_of(wanted) in {"_", LEFT, RIGHT} or word_of(wanted) not in self.definition.names:
            return self.hole(word_of(wanted), there)
        if type(wanted) is not type(there):
            wanted, there = (self.behind.get(word_of(node), node) for node in (wanted, there))
        if type(wanted) is not type(there) or not isinstance(wanted, ast.AST):
            return type(wanted) is type(there) and wanted == there
        if isinstance(wanted, ast.Call) and not self.keywords(wanted, there):
            return False
        return all(self.fits(value, getattr(there, name)) for name, value in fields(wanted) if name != "keywords")

    def in_order(self, wanted: list, there: list) -> bool:
        i = next((i for i, node in enumerate(wanted) if is_rest(node)), None)
        size = len(there) - len(wanted) + 1
        if i is not None and size >= 0:
            self.holes["..."] = there[i : i + size]
            wanted, there = wanted[:i] + wanted[i + 1 :], there[:i] + there[i + size :]
        return len(wanted) == len(there) and all(map(self.fits, wanted, there))

    def keywords(self, wanted: ast.Call, there: ast.Call) -> bool:
        others = {node.arg: node.value for node in there.keywords}
        fit = all(self.fits(node.value, others.pop(node.arg, None)) for node in wanted.keywords)
        rest = any(map(is_rest, wanted.args))
        self.holes |= {"...=": [ast.keyword(*other) for other in others.items()]} if rest else {}
        return fit and (rest or not others) and word_of(wanted.func) in self.definition.names

    def hole(self, name: str, there) -> bool:
        """Match a hole: `_` with anything, another name with a variable, or, looking through variables, a value."""
        variable = word_of(there) in self.definition.variables or not (word_of(there) or self.as_written)
        if name not in {"_", LEFT, RIGHT} and not variable:
            return False
        kept = self.holes.setdefault(name, there)
        return kept is there or self.fits(kept, there)

    def filled(self, new):
        """The replacement, with its holes filled by what they matched."""
        if isinstance(new, list):
            several = ([self.filled(node)] if not is_rest(node) else self.holes.get("...", [node]) for node in new)
            return [node for some in several for node in some]
        if not isinstance(new, ast.AST):
            return new
        if word_of(new) in self.holes:
            kept = self.holes[word_of(new)]
            return changed(new, id=word_of(kept), arg=word_of(kept)) if word_of(kept) else kept
        made = changed(new, **{name: self.filled(value) for name, value in ast.iter_fields(new)})
        if isinstance(new, ast.Call) and any(map(is_rest, new.args)):
            made.keywords += self.holes["...="]
        return made


def _read(was: str, becomes: str) -> Iterator[tuple[list[ast.stmt], list[ast.stmt]]]:
    """Pattern and replacement parsed, as they are or with a hole for the missing operand of an operator."""
    for before in ("", f"{LEFT} ") if was.lstrip()[0] in "+-*/%@<>=![" else ("",):
        for after in ("", f" {RIGHT}"):
            try:
                wanted, new = (ast.parse(inspect.cleandoc(before + text + after)).body for text in (was, becomes))
            except SyntaxError:
                continue
            if not isinstance(wanted[0], ast.Expr) or (new and isinstance(new[0], ast.Expr)):
                yield wanted, new
