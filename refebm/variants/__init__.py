"""The bank of variants, by stem: wrong versions, other conventions, and the terms of each formula.

A wrong version is rejected by some theorem and passed by some weak check. A naive form is one that is wrong at the ends
of its domain alone. A convention is right elsewhere, by a known rule. Terms add up to the formula.
"""

import importlib
import pkgutil

from refebm.variants.naive import NAIVE
from refebm.variants.record import CONVENTIONS, NUMBERED, TERMS, WRONG, Convention, Term, Variant, Wrong

__all__ = ["CONVENTIONS", "NAIVE", "NUMBERED", "TERMS", "WRONG", "Convention", "Term", "Variant", "Wrong"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
