"""The codes of errors with which a check refuses, read off the check itself, and the docstrings that give them."""

from types import CodeType, FunctionType
from typing import Any

OF_NUMBERS = ("E-DTYPE", "E-MASKED", "E-FINITE")  # of all numbers: said last, without the names of arguments
LOUDER = "DomainError "  # before a code whose error is more than an InputError
CODE = ("E-", f"{LOUDER}E-")
WIDTH = 100


KNOWN: dict[Any, set[str]] = {}  # the codes of functions and classes of refebm that have been read
IN_ORDER: dict[Any, tuple[str, ...]] = {}


def codes_of(check) -> tuple[str, ...]:
    """The codes in the text of a check, or of the methods of a class, and of all of refebm that it calls."""
    if check not in IN_ORDER:
        IN_ORDER[check] = tuple(sorted(_known(check)))
    return IN_ORDER[check]


def _known(check) -> set[str]:
    if check not in KNOWN:
        found = KNOWN[check] = set()  # before it is read, since it may call itself
        if isinstance(check, type):
            found.update(*(_known(part) for part in vars(check).values() if isinstance(part, FunctionType)))
        else:
            _read(check.__code__, check.__globals__, found)
            for cell in check.__closure__ or ():
                _add(cell.cell_contents, found)
    return KNOWN[check]


def _read(code: CodeType, known: dict, found: set[str]) -> None:
    alone = "DomainError" in code.co_names and "InputError" not in code.co_names
    for one in code.co_consts:
        if isinstance(one, CodeType):
            _read(one, known, found)
        elif isinstance(one, str):
            _add(LOUDER + one if alone else one, found)
    for name in code.co_names:
        if name in known:
            _add(known[name], found)


def _add(part, found: set[str]) -> None:
    """Add a code, or those of a function or a class of refebm; anything else has none."""
    if isinstance(part, str):
        if part.startswith(CODE):
            found.add(part)
    elif isinstance(part, (FunctionType, type)) and part.__module__.startswith("refebm"):
        found |= _known(part)


def errors_in_words(checks: list[tuple[str, tuple[str, ...]]]) -> list[str]:
    """Codes and the arguments that have them, from the codes of each argument: "E-NDIM, E-EMPTY for x" ..."""
    having: dict[str, str] = {}
    for name, codes in checks:
        for code in codes:
            having[code] = f"{having[code]}, {name}" if code in having else name
    general = [code for code in OF_NUMBERS if having.pop(code, None)]
    alike: dict[str, str] = {}
    for code, names in having.items():
        alike[names] = f"{alike[names]}, {code}" if names in alike else code
    words = [f"{codes} for {' and '.join(names.rsplit(', ', 1))}" for names, codes in alike.items()]
    return words + ([", ".join(general)] if general else [])


def with_errors(doc: str, checks: list[tuple[str, tuple[str, ...]]]) -> str:
    """A docstring in which the line "Errors: " begins with those of arguments, or that ends with such a line."""
    before, label, own = doc.partition("Errors: ")
    many = "\n" in doc
    margin = doc[len(doc.rstrip(" ")) :] if many else ""
    if not label:
        gap = "\n\n" if not many or doc.rstrip().endswith("$$") else "\n"  # an equation is a paragraph of its own
        before, own = doc.rstrip() + gap + margin, f"\n{margin}" * many
    lines = ["Errors:"]
    for words in errors_in_words(checks):
        if len(lines[-1]) + len(words) > WIDTH:
            lines.append("")
        lines[-1] += f" {words};" if lines[-1] else f"{words};"
    text = f"\n{margin}".join(lines)
    return f"{before}{text}\n{margin}{own}" if label else f"{before}{text[:-1]}.{own}"
