"""The bank of variants of every public function: wrong versions, other conventions, and the terms of each formula.

A wrong version is rejected by at least one theorem, and is not noticed by the weak check that it names. A naive form is
wrong only at the ends of its domain. A convention is not refebm's answer but right elsewhere, by a known rule. The
terms of a function add up to its formula.
"""

import importlib
import pkgutil

from refebm.variants.record import CONVENTIONS, NAIVE, NUMBERED, TERMS, WRONG, Convention, Term, Variant, Wrong

__all__ = ["CONVENTIONS", "NAIVE", "NUMBERED", "TERMS", "WRONG", "Convention", "Term", "Variant", "Wrong"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
