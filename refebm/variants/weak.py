"""Weak checks: tests that some wrong versions pass. Each is run, so that its weakness is seen."""

import functools
from collections.abc import Callable

import autograd.numpy as np
from autograd import grad
from autograd.misc import flatten

from refebm.identities import REFERENCE, Implementation, Theorem, verdict_of
from refebm.identities.run import draws
from refebm.models import ENERGIES, Model
from refebm.variants.arguments import FOR_GRADIENTS, Question, answer, ask, flat
from refebm.variants.record import Wrong

# the arguments that a weak check fixes in its questions
QUESTIONS = {
    "moderate numbers": {},
    "d = 1": {"d": 1},
    "d = 2": {"d": 2},
    "one row": {"n": 1},
    "sigma = 1": {"sigma": 1.0, "rbm_sigma": 1.0},
    "zero visible bias": {"visible_bias": 0.0},
    "one noise level": {"sigma": 0.7},
    "eps = 1": {"eps": 1.0},
    "no noise drawn": {"z": 0.0},
    "at the centre": {"x": 0.0, "centre": 0.0},
    "zero mean": {"centre": 0.0},
    "unit covariance": {"unit": True},
    "isotropic": {"isotropic": True},
    "one component": {"components": 1},
    "a gradient field": {"kind": "mlp_energy"},
    "unit rate": {"rate": 1.0},
    "shape one": {"shape": 1.0},
    "two levels": {"levels": 2},
    "two points": {"n": 2},
    "unit projections": {"unit_v": True},
    "d = 1, signs": {"d": 1, "signs": True},
    "x = 1": {"x": 0.875},
    "bandwidth = 1": {"bandwidth": 1.0},
    "nu = 1": {"nu": 1},
    "symmetric noise": {"log_ratio": 0.0},
    "equal weights": {"weight": 0.5},
    "one coupling": {"couplings": 1},
    "scale = 1": {"scale": 1.0},
    "eta = 1/2": {"eta": 0.5},
    "one step": {"n_steps": 1},
    "eta = 2": {"eta": 2.0},
    "power = 1": {"power": 1.0},
    "k = m": {"k": 3},
    "k = 0": {"k": 0},
    "T = m + 1": {"length": 5},
    "m = 1": {"order": 1},
    "one grid": {"d": 1},
    "one level": {"sigmas": [0.75]},
    "no step in between": {"temperatures": [0.0, 1.0]},
    "room for all": {"capacity": 64},
    "a full buffer": {"capacity": 5},
    "not square": {"d": 3, "hidden": 2},
    "from 0": {"s": 0.0},
    "at t = 0": {"t": 0.0},
    "half way": {"t": 0.5},
    "one time": {"t": 0.625},
    "first step": {"kind": "diffused_mixture", "i": 0},
    "constant beta": {"level_beta": True},
    "variance exploding": {"sde": "VarianceExploding"},
    "variance preserving": {"sde": "VariancePreserving"},
    "constant rates": {"level_beta": True, "sde": "VariancePreserving"},
    "dt = 1": {"dt": 1.0},
    "no corrections": {"corrections": 0},
    "one correction": {"corrections": 1},
    "one step back": {"times": [0.75, 0.5]},
    "the same eta at all times": {"eta": 0.3125},
    "level betas": {"betas": np.full(4, 0.25)},
    "first steps": {"i": 0},
    "a circle": {"scale": 0.6, "std": 0.8},
    "at the origin": {"x": 0.0},
    "data of size one": {"data_std": 1.0},
    "to 0": {"next_sigma": 0.0},
    "no offset": {"offset": 0.0},
    "half": {"coverage": 0.5},
    "sigma = 1, to 0": {"sigma": 1.0, "next_sigma": 0.0},
}


def same(a, b) -> bool:
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= 1e-12 * (np.abs(a) + np.abs(b))))


def finite(function: str, wrong: Implementation) -> bool:
    """Only checks that the answer is finite and has the right shape."""
    mine, theirs = answer(function, wrong), _right(function, "moderate numbers", 0)
    return mine.shape == theirs.shape and bool(np.all(np.isfinite(mine)))


def same_gradient(function: str, wrong: Implementation) -> bool:
    """Only checks that the mean has the right gradient in the parameters, which is all that training sees."""

    def gradient(impl):
        given = Question(kind="mlp_energy").arguments(function)
        name = next(name for name in ("energy", "score", "field") if name in given)
        flat, unflatten = flatten(given[name].parameters)

        def loss(theta):
            return np.mean(ask(function, impl, given | {name: Model("mlp_energy", unflatten(theta))}))

        return grad(loss)(flat)

    return bool(np.max(np.abs(gradient(wrong) - gradient(REFERENCE))) <= 1e-10)


def up_to_a_factor(function: str, wrong: Implementation) -> bool:
    """Only checks the answers up to one common factor, which leaves the minimiser as it is."""
    a, b = (np.concatenate([np.ravel(answer(function, i, seed=s)) for s in range(3)]) for i in (wrong, REFERENCE))
    return bool(np.max(np.abs(a - np.dot(a, b) / np.dot(b, b) * b)) <= 1e-10 * np.max(np.abs(a)))


def up_to_a_constant(function: str, wrong: Implementation) -> bool:
    """Only checks the rows of a question up to one common constant."""
    return bool(np.ptp(answer(function, wrong) - answer(function, REFERENCE)) <= 1e-10)


def same_value(function: str, wrong: Implementation) -> bool:
    """Only checks the value, not the gradient through it."""
    given = Question(d=2).arguments(function)
    results = [ask(function, impl, given) for impl in (wrong, REFERENCE)]
    if function in FOR_GRADIENTS:  # which is asked for its gradient too
        results = [rows for rows, _ in results]
    return same(*map(flat, results))


def of_part(index: int, **question) -> Callable:
    """A check of one part of a kernel's answer: the new states, or the acceptance."""

    def same_part(function: str, wrong: Implementation) -> bool:
        asked = [Question(seed=i, **question).arguments(function) for i in range(3)]
        return all(same(*(ask(function, impl, given)[index] for impl in (wrong, REFERENCE))) for given in asked)

    return same_part


def there_and_back(function: str, wrong: Implementation) -> bool:
    """Only checks that the flow to another time and back leads to the start."""
    given = Question().arguments(function)
    end = ask(function, wrong, given)
    back = ask(function, wrong, given | {"x": end, "t0": given["t1"], "t1": given["t0"]})
    return bool(np.max(np.abs(back - given["x"])) <= 1e-5)


def same_choice(**chosen) -> Callable:
    """A check with an option fixed."""

    def same_so(function: str, wrong: Implementation) -> bool:
        given = Question().arguments(function) | chosen
        return same(*(flat(ask(function, impl, given)) for impl in (wrong, REFERENCE)))

    return same_so


def reversible(function: str, wrong: Implementation) -> bool:
    """Only checks that the path from the end, with the momentum reversed, leads back to the start."""
    given = Question().arguments(function)
    end, p_end = ask(function, wrong, given)
    back, p_back = ask(function, wrong, given | {"x": end, "p": -p_end})
    return bool(np.max(np.abs([back - given["x"], p_back + given["p"]])) <= 1e-10)


def all_but_the_last(function: str, wrong: Implementation) -> bool:
    """Only checks the answers for all but the last step."""
    return same(*(answer(function, impl)[:-1] for impl in (wrong, REFERENCE)))


OTHERS = {
    "all but the last": all_but_the_last,
    "finite": finite,
    "the gradient": same_gradient,
    "the value": same_value,
    "up to a factor": up_to_a_factor,
    "up to a constant": up_to_a_constant,
    "the proposal": of_part(0, u=2.0**-900),  # with so small a u every proposal is accepted
    "the states": of_part(0),
    "the acceptance": of_part(1),
    "reversible": reversible,
    "there and back": there_and_back,
    "the variance beta": same_choice(posterior=False),
}


def of_statements(check: str, wrong: Wrong) -> bool:
    """Whether a misstated theorem looks right to a weak check."""
    (theorem,) = wrong.theorems
    cases = [theorem.case(draw) for draw in draws(theorem, 0, 8)]
    if check == "shape above 2":
        misstated = Theorem(**vars(theorem) | {"sides": wrong.statement(theorem)})
        return all(verdict_of(misstated, case, REFERENCE).holds for case in cases if blind(check, case))
    if check == "differences between models":
        others = [case | {"model": Model("quadratic", _spring(case["points"].shape[1]))} for case in cases]
        gaps = [[_gap(wrong.statement(theorem)(REFERENCE, **c)) for c in pair] for pair in zip(cases, others)]
        return all(abs(a - b) <= 1e-10 for a, b in gaps)
    sides = [wrong.statement(theorem)(REFERENCE, **case) for case in cases]
    if check == "up to a factor":
        return np.ptp([_total(s.left) / _total(s.right) for s in sides]) <= 1e-10
    if check == "visible biases":
        return all(_visible_biases_agree(case["model"], s) for case, s in zip(cases, sides))
    return all(np.all(np.sign(_total(s.left)) == np.sign(_total(s.right))) for s in sides)


def _visible_biases_agree(model, sides):
    """Of the gradients in W, b and c only those in b agree, which contain no hidden units."""
    first = model.parameters["W"].size
    gap = (_total(sides.left) - _total(sides.right))[first : first + model.d]
    return bool(np.max(np.abs(gap)) <= 1e-10)


def _spring(d):
    return {"mean": np.zeros(d), "precision": np.eye(d)}


def _total(side):
    return sum(np.sum(term, axis=0) for term in side)


def _gap(sides):
    return float(_total(sides.left) - _total(sides.right))


def survives(wrong: Wrong) -> bool:
    """Whether a wrong version passes the weak check that it names."""
    function, implementation, check = wrong.function, wrong.implementation(), wrong.survives
    if wrong.misstated:
        return of_statements(check, wrong)
    if check in OTHERS:
        return OTHERS[check](function, implementation)
    return all(
        same(answer(function, implementation, seed=i, **QUESTIONS[check]), _right(function, check, i)) for i in range(3)
    )


@functools.cache
def _right(function: str, check: str, seed: int) -> np.ndarray:
    """The right answer to a question, which many wrong versions are held against."""
    return answer(function, REFERENCE, seed=seed, **QUESTIONS[check])


def dimension(case: dict) -> int:
    """The dimension d of a drawn case, 1 if nothing in the case tells it."""
    if "d" in case:
        return case["d"]
    for name in ("model", "p"):
        if name in case:
            return case[name].d
    for name in ("x", "points", "direction"):
        if name in case:
            return case[name].shape[-1]
    return np.shape(case["arguments"][1])[-1] if "arguments" in case else 1


def blind(check: str, case: dict) -> bool:
    """Whether a wrong version is bound to equal the right one in a case (d = 1, for example, or sigma = 1)."""
    if check in ("d = 1", "d = 1, signs", "isotropic"):
        return dimension(case) == 1
    if check == "d = 2":
        return dimension(case) <= 2
    if check == "a gradient field":
        return case["model"].kind in ENERGIES or dimension(case) == 1
    if check == "one component":
        return len(case["p"].components if "p" in case else case.get("arguments", [()])[0]) == 1
    if check == "one row":
        return len(next((case[name] for name in ("points", "x") if name in case), ())) == 1
    if check == "nu = 1":
        return (case["nu"] if "nu" in case else len(case.get("y", ()))) == 1
    if check == "symmetric noise":
        return case.get("log_ratio", 0) is None
    if check == "not square":
        rows, columns = case["model"].parameters["W"].shape
        return rows != columns or rows == 1
    if check.startswith("variance "):
        sde = case["sde"] if "sde" in case else case["model"].parameters.get("sde", {})
        return sde.get("kind") == QUESTIONS[check]["sde"]
    return _blind_in_steps(check, case)


def _blind_in_steps(check, case):
    """`blind` for checks about numbers of steps, levels or points, and about shapes."""
    if check == "first step":
        return bool(np.all(case.get("i", 1) == 0))
    if check in ("no corrections", "one correction"):
        corrections = case["corrections"] if "corrections" in case else case["z"].shape[1] - 1
        return corrections <= (check == "one correction")
    if check == "one step back":
        return len(case["times"]) == 2
    if check == "the same eta at all times":
        return np.size(case["eta"]) == 1
    if check in ("k = m", "k = 0", "T = m + 1") and "k" in case:
        steps = case["steps"] if "steps" in case else len(case["lagged"])
        return {"k = m": case["k"] == case["m"], "k = 0": case["k"] == 0}.get(check, steps <= case["m"] + 1)
    if check == "one grid":
        return len(case.get("sides", ())) == 1
    if check == "m = 1":
        return case.get("order") == 1
    if check == "two levels":
        return case["n"] == 2
    if check == "two points":
        return len(case["x"]) == 2
    return check == "shape above 2" and case["p"].shape[0] > 2
