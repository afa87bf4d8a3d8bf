"""The bank of variants, by stem: wrong versions, other conventions, and the terms of each formula.

A wrong version is rejected by some theorem and passed by some weak check. A naive form is one that is wrong at the ends
of its domain alone. A convention is right elsewhere, by a known rule. Terms add up to the formula.
"""

from importlib import import_module
from importlib.util import find_spec

from refebm.identities import STEMS
from refebm.variants.naive import NAIVE
from refebm.variants.record import CONVENTIONS, TERMS, WRONG, Convention, Term, Variant, Wrong

__all__ = ["CONVENTIONS", "NAIVE", "TERMS", "WRONG", "Convention", "Term", "Variant", "Wrong"]

for _stem in sorted(STEMS):
    if find_spec(f"refebm.variants.{_stem}"):
        import_module(f"refebm.variants.{_stem}")
