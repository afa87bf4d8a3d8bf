"""Gradients that a loss with the right value has lost: which term of its formula, or which place, is held constant."""

import ast
import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np

from refebm.crosscheck.searches.terms import as_number
from refebm.identities import REFERENCE, Implementation
from refebm.variants import TERMS, Convention
from refebm.variants.mutants import Mutant, holding
from refebm.variants.steps import Chain

PLACES = 60  # that are tried
DIGITS, IN_FLOAT32 = 9, 4  # of the coefficient of a term's gradient
WHY = "is it detached, or its derivative taken without create_graph?"


def held_constant(
    function: str,
    convention,
    gradient_of: Callable,
    fits: Callable,
    got: dict[str, list],
    digits: int = DIGITS,
    module_of: Callable = sys.modules.__getitem__,
) -> str:
    """Words for what has no gradient, or too much of it; "" if nothing explains the gradients.

    gradient_of: (implementation) -> its gradients, one array for each question. got: by "mean" and "sum", the user's
    gradients of the mean if what they return is differentiated as such. fits: whether gradients are the user's then.
    digits: of the coefficient of a term's gradient. module_of: refebm's modules, by their names, perhaps over another
    framework.
    """

    def of(impl: Implementation) -> list[np.ndarray]:
        chained = convention._replace(inner=impl).implementation() if isinstance(convention, Chain) else impl
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # autograd warns of what does not depend on the parameters
            return gradient_of(chained)

    if isinstance(convention, Convention):
        added = f"no gradient flows through what this convention adds, but one must: {WHY}"
        return added * any(fits(of(REFERENCE), kind) for kind in got)
    terms = [(one.words, of(one.implementation(module_of))) for one in TERMS.get(function, ())]
    return _of_a_term(terms, fits, got, digits) or _of_a_place(function, of, fits, got, module_of)


def _of_a_term(terms, fits, means, digits) -> str:
    """The terms whose gradients have other coefficients than 1, by least squares."""
    terms = [(words, each) for words, each in terms if any(map(np.any, each))]
    if len(terms) < 2:
        return ""
    columns = np.stack([np.concatenate(each) for _, each in terms], axis=1)
    size = np.max(np.abs(columns), axis=0)
    for kind, got in means.items():
        c, _, rank, _ = np.linalg.lstsq(columns / size, np.concatenate(got), rcond=None)
        c = np.round(c / size, digits)
        theirs = [sum(k * one for k, one in zip(c, some)) for some in zip(*(each for _, each in terms))]
        if rank == len(terms) and fits(theirs, kind):
            return _coefficients([words for words, _ in terms], c, digits)
    return ""


def _coefficients(names: list[str], c: np.ndarray, digits: int) -> str:
    lost = [name for name, k in zip(names, c) if k == 0]
    said = [f"no gradient flows through {' and '.join(lost)}, but one must: {WHY}"] if lost else []
    others = [(name, as_number(k, 10.0**-digits)) for name, k in zip(names, c) if k not in (0, 1)]
    return "; ".join([*said, *(f"the gradient of {name} is {k} x the right one" for name, k in others)])


def _of_a_place(function, of, fits, kinds, module_of) -> str:
    """The place of the formula that is held constant."""
    for mutant in islice(_apart(function), PLACES):
        with contextlib.suppress(Exception):  # a changed text may make no sense
            theirs = of(mutant.implementation(module_of))
            if any(fits(theirs, kind) for kind in kinds):
                there = f" in {mutant.inside}" if mutant.inside else ""
                there += f", {mutant.form}" if mutant.form else ""
                return f'no gradient flows through "{ast.unparse(mutant.node)}"{there}, but one must: {WHY}'
    return ""


def _apart(function) -> Iterator[Mutant]:
    """Places whose text is not that of an earlier one."""
    seen = set()
    for mutant in holding(function):
        text = ast.unparse(mutant.node), mutant.inside, mutant.form
        if text not in seen:
            yield mutant
        seen.add(text)
