"""The index: equation -> function -> theorem -> test, read off the docstrings and the theorems."""

import inspect

import refebm
from refebm.glossary import InputError
from refebm.identities import THEOREMS

HEADER = ("equation", "function", "theorem", "test")


def source_of(function: str) -> str:
    """The "Source:" of a public name; a method has that of its class."""
    text = inspect.getdoc(getattr(refebm, function.partition(".")[0])) or ""
    return text.rpartition("Source: ")[2].split("\n\n")[0].replace("\n", " ").strip()


def rows() -> list[tuple[str, str, str, str]]:
    """One row for each function and theorem about it, in the order of the theorems' stems."""
    return [
        (source_of(function), function, theorem.name, f"tests/test_theorems.py::test_theorem[{theorem.name}]")
        for theorem in THEOREMS.values()
        for function in theorem.about
    ]


def table(text: str = "") -> str:
    """The rows in which `text` occurs, in any case, as a Markdown table; a theorem's own source counts too.

    Errors: E-NONE where it occurs in none.
    """
    chosen = [row for row in rows() if text.lower() in " ".join([*row, THEOREMS[row[2]].source]).lower()]
    if not chosen:
        raise InputError("E-NONE", f"nothing in the index has {text!r} in it")
    lines = [HEADER, tuple("---" for _ in HEADER), *((e, f"`{f}`", f"`{t}`", f"`{x}`") for e, f, t, x in chosen)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
