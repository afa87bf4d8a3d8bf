"""What a page says about a definition or a theorem: everything is read from the code.

A definition is a public name, or a method of one, whose docstring has a line of LaTeX.
"""

import ast
import functools
import inspect
import re
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple, get_args

import refebm
from refebm.glossary import InputError, types_of, words_of
from refebm.identities import THEOREMS, Theorem
from refebm.papers import Citation, citations

ROOT = Path(refebm.__file__).parent
LABELS = ("Also", "Domain", "Convention", "Errors", "Source")  # each begins a line, or a sentence, of a docstring
BEFORE_A_LABEL = re.compile(rf"(?<=\.) (?=(?:{'|'.join(LABELS)}): )")  # within a line
REMARK = re.compile(r" \([^()]*\)")
SHOWN = {"__init__"}  # the methods shown with the code of their class; others have their own entries
TRUSTED = [theorem for theorem in THEOREMS.values() if theorem.sides.__module__.startswith("refebm.")]


class Place(NamedTuple):
    """Lines of a file below refebm/."""

    path: str
    first: int
    last: int


class Doc(NamedTuple):
    """A docstring: its first paragraph, its equation, an example, the text of each label, and the rest."""

    first: str
    latex: str
    example: str
    rest: str
    labelled: dict[str, str]


def thing(name: str):
    """The object that a public name, or the name of a method, stands for."""
    public, _, method = name.partition(".")
    return getattr(getattr(refebm, public), method) if method else getattr(refebm, public)


@functools.cache
def doc(name: str) -> Doc:
    """The docstring of a public name or a method, split into its parts. Errors: E-DOCSTRINGS under python -OO."""
    if sys.flags.optimize > 1:
        raise InputError("E-DOCSTRINGS", "the book is read from docstrings, which python -OO removes")
    first, *rest = (inspect.getdoc(thing(name)) or "").split("\n\n")
    latex = next((part.strip("$") for part in rest if part.startswith("$$")), "")
    example = "\n".join(part for part in rest if part.startswith(">>>"))
    text = BEFORE_A_LABEL.sub("\n", "\n\n".join(part for part in rest if not part.startswith(("$$", ">>>"))))
    labelled, kept = {}, []
    for line in text.splitlines():
        label, colon, words = line.partition(": ")
        if colon and label in LABELS:
            labelled[label], kept = words, [*kept, label]
        elif line and kept and kept[-1] in labelled and kept[-1] in LABELS:
            labelled[kept[-1]] += " " + line
        else:
            kept.append(line)
    rest = "\n".join(line for line in kept if line not in labelled)
    return Doc(" ".join(first.split()), latex, example, rest.strip(), labelled)


def source(name: str) -> str:
    """The source line of a public name; for a method without one, that of its class, without what it remarks in
    parentheses about the class."""
    own, of_class = (doc(one).labelled.get("Source", "") for one in (name, name.partition(".")[0]))
    return own or REMARK.sub("", of_class)


def cited(name: str) -> tuple[Citation, ...]:
    """The citations of a definition's source."""
    return citations(source(name))


@functools.cache
def definitions() -> tuple[str, ...]:
    """All names that have an equation: first those that theorems are about, then other public names."""
    names = dict.fromkeys([*(name for theorem in TRUSTED for name in theorem.about), *refebm.__all__])
    return tuple(name for name in names if callable(thing(name)) and doc(name).latex)


@functools.cache
def pages() -> dict[str, list[str]]:
    """The definitions of each page, in the order of the files; pages in the reading order of the stems."""
    found = {theorem.stem: [] for theorem in TRUSTED}
    for name in definitions():
        found.setdefault(page_of(name), []).append(name)
    return {stem: sorted(names, key=_order) for stem, names in found.items()}


def _order(name):
    return *begins(name.partition(".")[0]), "." in name, *begins(name)


def begins(name):
    """The file of a definition and its first line, found without parsing the file."""
    one = inspect.unwrap(thing(name))
    if inspect.isclass(one):
        path = _path_of(one)
        return path, next(i for i, line in enumerate(_text(path), 1) if line.startswith(f"class {one.__name__}"))
    return _path_of(one), one.__code__.co_firstlineno


def _path_of(one):
    return Path(inspect.getsourcefile(one)).relative_to(ROOT).as_posix()


@functools.cache
def page_of(name: str) -> str:
    """The stem on whose page a public name stands: the name of its module if that stem has a theorem about it, else the
    stem with the most theorems about it; if there are none, the page of another name of its module. A method stands on
    the page of its class.
    """
    public = name.partition(".")[0]
    module = _module_of(public)
    stems = [theorem.stem for theorem in theorems_about(public)]
    if not stems:
        beside = [one.partition(".")[0] for theorem in TRUSTED for one in theorem.about]
        stems = [page_of(one) for one in beside if callable(thing(one)) and _module_of(one) == module]
    if not stems:
        return module.split(".")[1]
    own = module.rpartition(".")[2]
    return own if own in stems else max(dict.fromkeys(stems), key=stems.count)


def _module_of(public):
    return inspect.unwrap(thing(public)).__module__


@functools.cache
def _about() -> dict[str, dict[str, Theorem]]:
    found: dict[str, dict[str, Theorem]] = {}
    for one in TRUSTED:
        for name in {part for about in one.about for part in (about, about.partition(".")[0])}:
            found.setdefault(name, {})[one.name] = one
    return found


def theorems_about(name: str) -> list[Theorem]:
    """The theorems about a definition; for a class, also those about its methods."""
    return [*_about().get(name, {}).values()]


def theorems_of(stem: str) -> list[Theorem]:
    """The theorems of a stem."""
    return [theorem for theorem in TRUSTED if theorem.stem == stem]


class Argument(NamedTuple):
    """A parameter, its type in words, and its default as it is written."""

    name: str
    words: str
    default: str


def arguments(name: str) -> list[Argument]:
    """The parameters of a function, a method or a class, with the words of their types."""
    found, types = [], types_of(thing(name))
    for one in inspect.signature(thing(name)).parameters.values():
        if one.name != "self":
            default = "" if one.default is one.empty else getattr(one.default, "__name__", repr(one.default))
            found.append(Argument(one.name, type_in_words(types[one.name]), default))
    return found


def returned(name: str) -> str:
    """What a function returns, in the words of its type."""
    if inspect.isclass(thing(name)):
        return ""
    annotation = types_of(thing(name))["return"]
    return "a float, or " * (float in get_args(annotation)) + type_in_words(annotation)


def type_in_words(annotation) -> str:
    """The words of a type of the glossary, also inside a tuple or an optional type; empty for arrays and numbers."""
    words = list(filter(None, map(_words, [annotation, *get_args(annotation)])))
    if len(words) == 2 and len(set(words)) == 1:
        return f"a pair, each {words[0]}"
    return ", and ".join(words[:1] if hasattr(annotation, "__metadata__") else words)


def _words(part):
    if hasattr(part, "__metadata__"):
        return words_of(part)
    if not isinstance(part, type) or not hasattr(part, "_fields"):
        return ""
    first = " ".join(inspect.getdoc(part).partition("\n\n")[0].split()).rstrip(".")
    return f"{part.__name__}({', '.join(part._fields)}), {first[0].lower()}{first[1:]}"


@functools.cache
def _text(path):
    return (ROOT / path).read_text(encoding="utf-8").splitlines()


@functools.cache
def _lines(path):
    return _text(path), ast.parse("\n".join(_text(path)))


def place(name: str) -> Place:
    """The lines of a definition; for an inherited method, those in the base class."""
    path, node = _node(name)
    return Place(path, _begin(node), node.end_lineno)


def _node(name):
    one = inspect.unwrap(thing(name))
    path = _path_of(one)
    node = _lines(path)[1]
    for part in one.__qualname__.split("."):
        node = next(inner for inner in node.body if getattr(inner, "name", "") == part)
    return path, node


def _begin(node):
    return min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])


def code(name: str) -> str:
    """The code of a definition without its docstring; for a class, without the methods that have their own entries."""
    path, node = _node(name)
    lines = list(_lines(path)[0])
    hidden = [node.body[0]]
    if isinstance(node, ast.ClassDef):
        hidden += [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name not in SHOWN]
    for one in hidden:
        lines[_begin(one) - 1 : one.end_lineno] = [None] * (one.end_lineno - _begin(one) + 1)
    kept = [line for line in lines[_begin(node) - 1 : node.end_lineno] if line is not None]
    text = textwrap.dedent("\n".join(kept)).strip()
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.replace(":\n\n", ":\n", 1)


def _proof(theorem):
    path, _ = line_of_theorem(theorem)
    functions = {one.name: one for one in _lines(path)[1].body if isinstance(one, ast.FunctionDef)}
    return path, functions, inspect.unwrap(theorem.sides).__name__


def line_of_theorem(theorem: Theorem) -> tuple[str, int]:
    """The file of a theorem and its first line, found without parsing the file."""
    code = inspect.unwrap(theorem.sides).__code__
    return Path(code.co_filename).relative_to(ROOT).as_posix(), code.co_firstlineno


def place_of_theorem(theorem: Theorem) -> Place:
    """Where a theorem is stated and proved."""
    path, functions, name = _proof(theorem)
    return Place(path, _begin(functions[name]), functions[name].end_lineno)


def proof(theorem: Theorem) -> str:
    """The code of the function that proves a theorem, without the statement, and of a function of the same file that
    it only calls."""
    path, functions, name = _proof(theorem)
    text = []
    while name in functions:
        *before, last = [one for one in functions[name].body if not _is_docstring(one)]
        lines = list(_lines(path)[0])
        first, *others = functions[name].body
        if _is_docstring(first) and (not text or name in THEOREMS):  # remove it, and the empty line below it
            end = first.end_lineno + (not lines[first.end_lineno] and bool(others))
            lines[first.lineno - 1 : end] = [None] * (end - first.lineno + 1)
        kept = lines[functions[name].lineno - 1 : functions[name].end_lineno]
        text.append("\n".join(line for line in kept if line is not None))
        name = "" if before else getattr(getattr(getattr(last, "value", None), "func", None), "id", "")
    return "\n\n\n".join(text)


def _is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def conventions(name: str) -> list:
    """Other conventions for a definition."""
    from refebm.variants import CONVENTIONS  # a large bank: imported only where it is needed

    return [one for one in CONVENTIONS if one.function == name]


def mistakes(name: str) -> list:
    """Wrong versions of a definition; last its naive forms, which are wrong only at the ends of the domain."""
    from refebm.variants import NAIVE, WRONG

    return [one for one in [*WRONG, *NAIVE] if one.function == name]


def misstatements(theorem: Theorem) -> list:
    """Wrong versions of the theorem's own statement."""
    return mistakes(f"theorem {theorem.name}")


class Figure(NamedTuple):
    """A picture: the name of its script, its caption, and a short text for readers who cannot see it."""

    name: str
    caption: str
    alt: str


@functools.cache
def figures() -> dict[str, list[Figure]]:
    """The figures of each stem, read from their scripts; empty if refebm is installed without them."""
    found: dict[str, list[Figure]] = {}
    for path in sorted((ROOT.parent / "figures").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        draws = [one for one in tree.body if getattr(one, "name", "") == "draw"]
        stem = [line.partition(": ")[2] for line in ast.get_docstring(tree).splitlines() if line.startswith("Page: ")]
        if draws and stem:
            words = ast.get_docstring(tree).partition("\n\n")[0].replace("\n", " ")
            figure = Figure(path.stem, " ".join(ast.get_docstring(draws[0]).split()), words)
            found.setdefault(stem[0].rstrip("."), []).append(figure)
    return found
