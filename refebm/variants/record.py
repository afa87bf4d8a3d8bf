"""A wrong version is a textual patch of a definition: one line shows what is wrong with it."""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass

import refebm
from refebm.identities import REFERENCE, THEOREMS, Implementation
from refebm.identities.record import Theorem


@dataclass(frozen=True)
class Wrong:
    """A named wrong version of a public function, or of a theorem's statement.

    function: a public name, a method such as ``Gamma.score``, or ``theorem NAME``. `was` stands once in its text, or
    in that of the function `inside` of the same module, and is replaced by `becomes`. survives: the weak check (see
    `refebm.variants.weak`) that does not notice. seen: where it was printed or shipped.
    """

    function: str
    name: str
    was: str
    becomes: str
    survives: str
    seen: str = ""
    inside: str = ""

    def __str__(self) -> str:
        return f"{self.function}: {self.name}"

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
        if self.misstated:
            return REFERENCE
        name, _, method = self.function.partition(".")
        return Implementation(**{name: self.build(name, f"{name}.{method}" if method else name)})

    def statement(self, theorem: Theorem) -> Callable:
        """The sides of the theorem, as misstated if it is the theorem that is wrong."""
        if self.misstated:
            return self.build(theorem.sides.__name__, theorem.sides.__name__, theorem.sides)
        return theorem.sides

    def build(self, name: str, patched: str, definition=None):
        """The object `name`, compiled from text in which the definition `patched` says what it should not."""
        definition = definition or getattr(refebm, name)
        module = sys.modules[definition.__module__]
        namespace = dict(vars(module), theorem=lambda *_, **__: lambda function: function)
        text = inspect.getsource(definition)
        if self.inside:
            helper = inspect.getsource(getattr(module, self.inside))
            text = inspect.getsource(module).replace(helper, self.patch(helper))
        elif "." in patched:
            method = inspect.getsource(getattr(definition, patched.partition(".")[2]))
            text = text.replace(method, self.patch(method))
        else:
            text = self.patch(text)
        exec(text, namespace)
        return namespace[name]

    def patch(self, text: str) -> str:
        if text.count(self.was) != 1:
            raise ValueError(f"{self}: {self.was!r} stands {text.count(self.was)} times in the text, should be once")
        return text.replace(self.was, self.becomes)


WRONG: list[Wrong] = []


def wrong_versions(function: str, *rows: tuple, inside: str = "") -> None:
    """Register the wrong versions of a function: rows of name, was, becomes, survives, and where it was seen."""
    WRONG.extend(Wrong(function, *row, inside=inside) for row in rows)
