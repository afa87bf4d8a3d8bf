"""The answers to the examiner's questions, from the mpmath oracle of `tests.oracle`, which knows nothing of refebm.

    python -m tests.certify            answers new questions in refebm/crosscheck/independent.json, on all cores
    python -m tests.certify --all      answers all of them again (some minutes)
    python -m tests.certify --check    evaluates every twentieth question again; exits 1 if one would change

A value is the oracle's, rounded once to the nearest double. A scale, for the tolerance 64 u scale, is sum |terms| + the
change of the value when each input moves by one part in 2^26, over 2^-26; that by refebm, since it needs few digits.
"""

import argparse
import json
import sys
from multiprocessing import Pool

import numpy as np
from autograd.extend import defjvp, defvjp, primitive
from mpmath import mp

import refebm
from refebm import glossary
from refebm.crosscheck.questions import BITS, EXAMINED, questions, row_alone
from refebm.crosscheck.vectors import (
    HERE,
    NUDGE,
    arguments_from_json,
    fingerprint,
    plain,
    reference,
    reference_gradient,
)
from refebm.glossary import gives_rows
from refebm.identities import REFERENCE
from refebm.models import Model
from refebm.truth.derivatives import jacobian_size
from refebm.variants.arguments import ADJUSTED, ask, flat, types
from tests import oracle
from tests.oracle import DENSITIES, exact, found, inputs, replaced, total

TABLE = HERE / "independent.json"


def named(function, arguments):
    """The name and the arguments by which the oracle knows a question."""
    stem, _, method = function.partition(".")
    if stem in DENSITIES:
        return f"{stem}.{method}.log_prob" if method == "smoothed" else f"{stem}.{method or 'log_prob'}", arguments
    if function == "at":
        return "at", {"model": arguments["score"], "sigma": arguments["sigma"], "x": arguments["x"]}
    return function, arguments


def terms(function, arguments):
    """The leaves of the oracle's value: numbers, or tuples of terms."""
    name, given = named(function, arguments)
    return oracle.leaves(oracle.formula(name, exact(given)))


def change(asked, function):
    """sum over the inputs of |change of function(question)|, over the nudge, entry by entry."""
    given = plain(asked.arguments)
    here, size = function(asked), 0.0
    for path in (path for path in inputs(exact(given)) if found(given, path) and path[0] not in bits(asked)):
        most = (asked.function, path[0]) == ("ddim_step", "eta") or path[0] in ("power", "t", "times")
        nudge = -NUDGE if most else NUDGE  # these may be 1, and not more
        moved = arguments_from_json(asked.function, replaced(given, path, found(given, path) * (1 + nudge)))
        size = size + np.abs(function(type(asked)(asked.function, asked.id, moved, "")) - here)
    return size / NUDGE


def bits(asked):
    """Arguments that are states of binary units: they do not move."""
    model = asked.arguments.get(asked.model)
    binary = asked.function.startswith("BinaryRBM") or (model is not None and model.kind == "binary_rbm")
    return {"h", *(("x", "x_model", "v") if binary or asked.function in BITS else ())}


def rows_of(asked):
    """The same question of each row alone."""
    for i in range(asked.given["n"]):
        yield type(asked)(asked.function, asked.id, row_alone(asked.function, asked.arguments, i), "")


def up(number):
    """Three digits, upwards: a scale need not be known better, and is the same on every machine."""
    return float(f"{number * 1.005:.2e}")


def exponents(asked):
    """What rounding the arguments of a mixture's exponentials does to its responsibilities, far out: |a| u of each."""
    if asked.given["reach"] == 1:
        return 0.0
    if "density" in asked.arguments:
        density, x = asked.arguments["density"], asked.arguments.get("x", asked.arguments.get("y"))
        law = getattr(refebm, density["density"])(*density["parameters"].values())
        return float(np.max(np.abs(law.log_prob(x)))) if hasattr(law, "log_prob") else 0.0
    model = asked.arguments.get(asked.model)
    if getattr(model, "kind", "") != "mixture" or asked.function in OF_VALUES:
        return 0.0
    x = asked.arguments["x"]
    size = 2 * float(np.max(np.abs(model(x))))  # twice: noise is added
    return np.repeat([size, 0.0], [x.size, len(x)]) if asked.function in ADJUSTED else size  # states, probabilities


OF_VALUES = {  # functions that take no derivative of an energy, and so show no responsibility
    *("contrastive_divergence", "contrastive_divergence_with_entropy", "multigrid_contrastive_divergence"),
    *("metropolis_step", "negative_log_likelihood", "conditional_noise_contrastive", "variational_bound"),
    "minimum_probability_flow_continuous",
}


def inner_terms(asked, length):
    """What derivatives of a mixture add up before it cancels in a Jacobian, s_k s_k^T, P_k and s s^T: how the answer
    changes when Jacobians of this size grow by their own size; exact, since no answer has more than their squares."""
    kinds = types(asked.function)
    name = next((one for one in ("field", asked.model) if kinds.get(one) == glossary.Field), None)
    model = asked.arguments.get(name)
    if getattr(model, "kind", "") not in ("mixture", "denoiser"):
        return np.zeros(length)
    variance, inner = 1.0, model
    if model.kind == "denoiser":
        variance, inner = (
            model.parameters["sigma"] ** 2,
            Model(model.parameters["kind"], model.parameters["parameters"]),
        )
    size = variance * jacobian_size(inner, next(asked.arguments[one] for one in kinds if gives_rows(kinds[one])))
    directions = (glossary.Projections, glossary.Direction)
    given = {one: np.abs(value) if kinds.get(one) in directions else value for one, value in asked.arguments.items()}
    more, less = (ask(asked.function, REFERENCE, given | {name: flat_field(factor * size)}) for factor in (1.5, 0.5))
    return np.ravel(flat(more)) - np.ravel(flat(less))


def flat_field(jacobians):
    """A field that is 0 everywhere, with these Jacobians, one for each row."""
    field = primitive(np.zeros_like)
    defvjp(field, lambda _, x: lambda weights: np.einsum("nij,ni->nj", jacobians, weights))
    defjvp(field, lambda moved, _, x: np.einsum("nij,nj->ni", jacobians, moved))
    return lambda x: field(x)


def by_the_oracle(function):
    """Methods of densities, whose parameters cannot be moved one by one in refebm."""
    stem, _, method = function.partition(".")
    return stem in (*DENSITIES, "LinearGaussianVAE") or method == "diffused" or function == "geometric_noise_levels"


def change_by_the_oracle(asked):
    """The same change, of a method of a density: its parameters could not be moved one by one in refebm."""
    name, given = named(asked.function, exact(plain(asked.arguments)))
    with mp.workdps(30):
        here = [total(part) for part in oracle.leaves(oracle.formula(name, given))]
        size = np.zeros(len(here))
        for path in (path for path in inputs(given) if not alone(asked, found(given, path))):
            there = oracle.leaves(oracle.formula(name, replaced(given, path, found(given, path) * (1 + oracle.NUDGE))))
            size += [float(abs(total(b) - a) / oracle.NUDGE) for a, b in zip(here, there)]
    return size


def alone(asked, value):
    """Whether an input does not move: beside a shape of 1 the Fisher information of a Gamma law is infinite."""
    return asked.function == "Gamma.fisher_information" and value == 1


def answered(asked):
    """The function, the id, and the row of the table for one question."""
    with mp.workdps(oracle.DIGITS):
        return asked.function, asked.id, answer(asked)


def answer(asked):
    parts = terms(asked.function, plain(asked.arguments))
    sizes = np.array([float(oracle.size(part)) for part in parts])
    sizes = sizes * (1 + exponents(asked)) + inner_terms(asked, len(sizes))
    moved = change_by_the_oracle(asked) if by_the_oracle(asked.function) else change(asked, lambda q: reference(q)[0])
    row = {"of": fingerprint(asked), "shapes": [list(shape) for shape in reference(asked)[1]]}
    scales = [up(s) for s in sizes + moved]
    row |= {"value": [number(total(part), scale) for part, scale in zip(parts, scales)], "scale": scales}
    if asked.gradient:
        given = exact(plain(asked.arguments))
        paths = array_paths(asked.arguments[asked.model].parameters)
        row["gradient"] = [
            float(g) for path in paths for g in oracle.leaves(oracle.gradient(asked.function, parameter=path, **given))
        ]
        by_row = np.mean([np.abs(reference_gradient(one)) for one in rows_of(asked)], axis=0)
        scale = by_row + change(asked, reference_gradient)
        # an entry may be zero because large terms cancel in it: at most eight units of roundoff of the largest
        row["gradient_scale"] = [up(s) for s in np.maximum(scale, np.max(scale) / 8)]
    return row


def answers(row, asked):
    """Whether a row of the table is the answer to a question, with the gradient if one is asked for."""
    return row.get("of") == fingerprint(asked) and ("gradient" in row) == asked.gradient


def number(value, scale):
    """The nearest double; what is nothing but the error of a numerical derivative is 0."""
    return float(value) if abs(value) > scale * 1e-40 else 0.0


def array_paths(tree, path=()):
    """Where the arrays stand in nested dicts and tuples."""
    if isinstance(tree, (dict, tuple)):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from array_paths(value, (*path, key))
    elif not isinstance(tree, str):
        yield path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    known = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    everything = [one for function in EXAMINED for one in questions(function)]
    fresh = [one for one in everything if not answers(known.get(one.function, {}).get(one.id, {}), one)]
    asked = everything[::20] if options.check else everything if options.all else fresh
    with Pool() as pool:
        rows = pool.map(answered, asked, chunksize=1)
    if options.check:
        stale = [f"{function} {number}" for function, number, row in rows if known[function].get(number) != row]
        print("would change: " + ", ".join(stale) if stale else f"{len(rows)} answers are as the oracle gives them")
        return 1 if stale else 0
    told = {(f, number): row for f, numbers in known.items() for number, row in numbers.items()}
    told |= {(function, number): row for function, number, row in rows}
    table = {f: {one.id: told[f, one.id] for one in questions(f)} for f in EXAMINED}
    lines = [f"{json.dumps(f)}: {{\n" + ",\n".join(f"{json.dumps(i)}: {json.dumps(r)}" for i, r in t.items()) + "\n}"
             for f, t in table.items()]  # fmt: skip
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
