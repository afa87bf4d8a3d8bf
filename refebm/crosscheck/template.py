"""Adapters to start from: for each function its signature and formula, and a body to replace, or refebm's own body."""

import ast
import inspect
import re
import textwrap
from pathlib import Path

import refebm
from refebm.crosscheck.frameworks.source import refuses
from refebm.crosscheck.questions import EXAMINED
from refebm.glossary import Density, types_of
from refebm.samplers.step import Step
from refebm.variants.arguments import ADJUSTED, parameters

FRAMEWORKS = ("torch", "jax", "numpy")
FOLDER = Path(__file__).parent / "templates"  # templates that are written by hand
PROGRAMS = {"javascript": "javascript.mjs", "julia": "julia.jl"}  # programs that answer golden vectors
TEMPLATES = (*FRAMEWORKS, *PROGRAMS)
PRINTED = ("property", "mean_over_projections")  # decorators that are kept; the others only check arguments
MEAN = "@mean_over_projections"
HEAD = '''"""An adapter for {framework}, for `refebm crosscheck my_adapter.py` to examine: {what}

sigma is a column (n, 1), a time t and a step i are (n,), v is one projection per row. Arguments come by position or, if
all names are refebm's, by name. Leave out what you do not have. More: help("refebm.crosscheck.frameworks").
"""

from refebm.crosscheck.frameworks.{framework} import {names}
'''
COMPLETE = """

These bodies are refebm's own: as they stand they pass and say nothing of yours. --only NAME prints empty ones."""
MAY_RETURN = {  # by what a refebm function returns: what an adapter's may return, where that is another thing
    Density: "an object with a method log_prob(x), (n, d) -> (n,): no more is asked of it.",
    Step: "the new states, (n, d), alone.",
    tuple[Step, Step]: "the states of both chains, (x', y'), or ((x', a), (y', b)), of which the states are compared.",
}
ADJUSTED_TOO = "the new states, (n, d), alone, or (states, a) with the probabilities of acceptance, (n,)."


def template(framework: str, functions=tuple(EXAMINED), complete: bool = False) -> str:
    """The text of an adapter with these functions; for other languages, a program that answers golden vectors."""
    if framework in PROGRAMS:
        return (FOLDER / PROGRAMS[framework]).read_text(encoding="utf-8")
    public: dict[str, list[str]] = {}
    for function in functions:
        name, _, method = function.partition(".")
        public.setdefault(name, []).append(method)
    written, used = [], {"objective"}
    for name, methods in public.items():
        text, names = (
            own_text(getattr(refebm, name), framework, methods) if complete else (_to_replace(name, methods), set())
        )
        written, used = [*written, text], used | names - set(public)
    what = f"replace each body by a call of your own code.{COMPLETE * complete}"
    names = ", ".join(sorted(used, key=lambda name: (name.lstrip("_").lower(), name)))
    if len(names) > 60:
        names = "(\n" + textwrap.fill(names, 116, initial_indent="    ", subsequent_indent="    ") + ",\n)"
    marked = [f"@objective{'(projections=True)' * text.startswith(MEAN)}\n{text}" for text in written]
    return "\n\n".join([HEAD.format(framework=framework, what=what, names=names), *marked])


def _to_replace(name, methods):
    thing = getattr(refebm, name)
    if not inspect.isclass(thing):
        return _function(
            name, parameters(name), thing.__doc__, ADJUSTED_TOO if name in ADJUSTED else _may_return(thing)
        )
    given = list(inspect.signature(thing).parameters)
    keep = f"{', '.join(f'self.{one}' for one in given)} = {', '.join(given)}"
    parts = [f"def __init__(self, {', '.join(given)}):\n    {keep}\n"]
    for method in methods:
        own = getattr(thing, method)
        parts.append(_function(method, inspect.signature(own).parameters, own.__doc__, _may_return(own)))
    return f"class {name}:\n{_docstring(thing.__doc__)}\n" + textwrap.indent("\n".join(parts), "    ")


def _may_return(definition) -> str:
    return next((words for kind, words in MAY_RETURN.items() if types_of(definition).get("return") == kind), "")


def _function(name, arguments, doc, returns: str):
    told = f"{inspect.cleandoc(doc)}\nYours may return {returns}" if returns else doc
    return f"def {name}({', '.join(arguments)}):\n{_docstring(told)}    raise NotImplementedError\n"


def _docstring(doc):
    lines = inspect.cleandoc(doc).splitlines()
    text = "\n".join(lines) + ("\n" if len(lines) > 1 else "")
    return textwrap.indent(f'r"""{text}"""\n', "    ", lambda line: bool(line.strip()))


# ---- refebm's own text -----------------------------------------------------------------------------------------------


def own_text(thing, framework: str, methods=()) -> tuple[str, set[str]]:
    """The text of a refebm function or class without checks and annotations, and the refebm names that it uses."""
    lines = textwrap.dedent(inspect.getsource(thing)).splitlines()
    node = ast.parse("\n".join(lines)).body[0]
    kept = _needed(thing, node.body, methods) if methods and inspect.isclass(thing) else [node]
    for one in node.body if node not in kept else ():
        if one not in kept:
            lines[_begins(one) - 2 : one.end_lineno] = [None] * (one.end_lineno - _begins(one) + 2)
    for inner in [inner for one in kept for inner in ast.walk(one) if isinstance(inner, ast.FunctionDef)]:
        heads = [f"@{one.id}" for one in inner.decorator_list if getattr(one, "id", "") in PRINTED]
        heads = [" " * inner.col_offset + head for head in (*heads, f"def {inner.name}({_bare(inner.args)}):")]
        first, last = _begins(inner) - 1, inner.body[0].lineno - 1
        lines[first:last] = heads + [None] * (last - first - len(heads))
    for refusal in filter(refuses, ast.walk(node)):
        lines[refusal.lineno - 1 : refusal.end_lineno] = [None] * (refusal.end_lineno - refusal.lineno + 1)
    text = "\n".join(line for line in lines if line is not None) + "\n"
    text = unwritten(text) if framework == "jax" else text
    names = {inner.id for inner in ast.walk(ast.parse(text)) if isinstance(inner, ast.Name)}
    return text, (names - {thing.__name__}) & set(vars(inspect.getmodule(thing)))


def unwritten(text: str) -> str:
    """The text without writing into arrays, which JAX's do not allow."""
    return re.sub(r"^( +)(\w+)\[(.+)\] = (.+)$", r"\1\2 = \2.at[\3].set(\4)", text, flags=re.MULTILINE)


def of_the_template(text: str) -> list[str]:
    """The public names in an adapter whose bodies are still those that the template prints."""
    framework = re.search(r"refebm\.crosscheck\.frameworks\.(\w+)", text)
    if framework is None or framework[1] not in FRAMEWORKS:
        return []
    try:
        nodes = [one for one in ast.parse(text).body if isinstance(one, (ast.FunctionDef, ast.ClassDef))]
    except (SyntaxError, ValueError):
        return []
    return [node.name for node in nodes if node.name in refebm.__all__ and _as_printed(node, framework[1])]


def _as_printed(node, framework):
    methods = [one.name for one in node.body if isinstance(one, ast.FunctionDef) and isinstance(node, ast.ClassDef)]
    thing = getattr(refebm, node.name)
    if not callable(thing) or not all(hasattr(thing, method) for method in methods):
        return False
    own = ast.parse(own_text(thing, framework, methods)[0]).body[0]
    return list(map(ast.dump, own.body)) == list(map(ast.dump, node.body))


def _begins(node):
    """The line where a function or method begins, including its decorators."""
    return min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])


def _bare(arguments):
    """Arguments without annotations."""
    for one in ast.walk(arguments):
        if isinstance(one, ast.arg):
            one.annotation = None
    return ast.unparse(arguments)


def _needed(thing, body, methods):
    """The methods of a class that are asked for and those that they call, including those of base classes."""
    wanted, seen = {"__init__", *methods}, set()
    while wanted - seen:
        for name in wanted - seen:
            seen.add(name)
            text = textwrap.dedent(inspect.getsource(getattr(thing, name)))
            called = {inner.attr for inner in ast.walk(ast.parse(text)) if isinstance(inner, ast.Attribute)}
            wanted |= {one for one in called if inspect.isfunction(getattr(thing, one, None))}
    return [one for one in body if getattr(one, "name", None) in wanted or isinstance(one, ast.Expr)]
