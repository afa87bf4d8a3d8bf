"""Absolute values: refebm against the committed tables of `tests/oracle.py`, 50 digits by mpmath, which is not needed.

Tolerance: |got - expected| <= 64 u scale, u = 2^-53 the unit roundoff, and scale, as the oracle computed it beside each
number, sum |terms| of the formula plus the change of the value when each input moves by one part in 2^26, over 2^-26.
That is what rounding each term and each input once may do, 64 times over: the same bound as that of pointwise theorems
(`refebm.identities.record`).
"""

import functools
import inspect
import json
from pathlib import Path

import autograd.numpy as np
import pytest
from autograd import elementwise_grad, grad

import refebm
from refebm import Model
from refebm.crosscheck.vectors import argument_from_json, with_arrays
from refebm.glossary import DataScore
from refebm.identities import REFERENCE
from refebm.models import ENERGIES, KINDS
from refebm.sdes import LinearSDE
from refebm.variants.arguments import ADJUSTED, CLASSES, handed, together, types
from refebm.variants.procedures import NAMES as PROCEDURES

ALLOWED = 64 * 2.0**-53
TABLES = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in Path(__file__).parent.glob("tables/*.json")
}
ROWS = [(f"{table}-{i}-{row['function']}", row) for table, rows in sorted(TABLES.items()) for i, row in enumerate(rows)]
PROCESSES = [name for name, one in vars(refebm).items() if inspect.isclass(one) and issubclass(one, LinearSDE)]
NO_NUMBERS = {"DomainError", "InputError", "Expectation", "Step"}  # two errors, and records
NO_NUMBERS |= {name for name in refebm.__all__ if name.endswith("_tape")}  # a generator's own
NO_NUMBERS |= {"Generator", "LOGISTIC", "KULLBACK_LEIBLER", "LEAST_SQUARES"}  # by bregman_noise_contrastive
NO_NUMBERS |= {"Fit", "minimise", "minimise_noisy"}  # the optimisers are not ours
NO_NUMBERS |= set(PROCEDURES)  # what they draw and how they step: the theorems about them

INTEGRANDS = {
    "tanh": lambda x: np.tanh(x[:, 0]),
    "log": lambda x: np.log(x[:, 0]),
    "log1p_square": lambda x: np.log1p(x[:, 0] ** 2),
    "square": lambda x: x[:, 0] ** 2,
    "absolute": lambda x: np.abs(x[:, 0]),
    "wave": lambda x: np.cos(np.sum(x / np.arange(1.0, x.shape[1] + 1), axis=1)),
    "fourth_power": lambda x: np.sum(x**2, axis=1) ** 2,
}


def process(data):
    given = data["parameters"]
    if data["kind"] == "GivenDiffusion":  # sigma is exp
        given = {"sigma": np.exp, "variance": lambda t: 0.5 * np.expm1(2 * t)}
    return getattr(refebm, data["kind"])(**given)


def density(data):
    return getattr(refebm, data["density"])(**with_arrays(data["parameters"]))


def argument(kind, told):
    """An argument of this type, or of none, from its data."""
    if isinstance(told, dict) and "density" in told:
        return density(told).score if kind == DataScore else density(told)
    if isinstance(told, dict) and told["kind"] in PROCESSES:
        return process(told)
    if isinstance(told, dict) and kind is None:
        return Model(told["kind"], with_arrays(told["parameters"]))
    return handed(REFERENCE, kind, argument_from_json(kind, told))


def call(stem, function, arguments):
    """A function of the arguments of a public one, which are known by their types, and of others."""
    return function(**{name: argument(types(stem).get(name), told) for name, told in arguments.items()})


def density_value(path, arguments):
    """A method of a density, or of what it is smoothed to: Gaussian.smoothed.log_prob."""
    given = {name: argument(None, value) for name, value in arguments.items()}
    owner = given.pop("density")
    if path == ["marginal"]:
        return owner.marginal().log_prob(**given)
    for method in path[:-1]:
        owner = getattr(owner, method)(given.pop("sigma"))
    return getattr(owner, path[-1])(**given)


def model_value(model, x, **level):
    return model(x, *level.values())


def process_value(method, arguments):
    """A method of an SDE; of a law its log-density at x."""
    given = {name: argument(None, value) for name, value in arguments.items()}
    owner, x = given.pop("sde"), given.pop("x", None)
    if method == "drift":
        return owner.drift(x, **given)
    value = getattr(owner, method)(*(given[name] for name in ("law", "d", "s", "t", "n_steps") if name in given))
    return value.log_prob(x) if hasattr(value, "log_prob") else value


def expectation(integrand, density, degree=None):
    return refebm.expect([INTEGRANDS[integrand]], density, degree=degree).value[0]


def annealed_weights(energy, base, temperatures, scale, tape):
    def step(energy, x, z, u):
        return refebm.metropolis_step(energy, x, scale, z, u)

    return refebm.annealed_importance_sampling(energy, base, temperatures, step, tuple(map(np.array, tape)))


def langevin_chain(score, x, eta, tape):
    field = refebm.score_of(score) if score.kind in ENERGIES else score
    return refebm.run(lambda x, z: refebm.langevin_step(field, x, eta, z), x, tape).x


def with_gradient(log_joint, score_q, z):
    rows = functools.partial(refebm.implicit_negative_elbo, log_joint, score_q)
    return rows(z), elementwise_grad(rows)(z)


def mixed_at(log_noise, log_proposal, weight, x):
    return refebm.mixed_noise(log_noise, log_proposal, weight)(x)


def restarted(points, capacity, **given):
    return refebm.ReplayBuffer(points, capacity).start(**given)


def replaced(tree, path, value):
    """A copy of nested dicts and tuples with another value at `path`."""
    if not path:
        return value
    inner = replaced(tree[path[0]], path[1:], value)
    if isinstance(tree, dict):
        return tree | {path[0]: inner}
    return (*tree[: path[0]], inner, *tree[path[0] + 1 :])


def gradient(name, arguments):
    """d mean(objective)/d one array among the first model's parameters."""
    kinds, path = types(name), arguments["parameter"]
    role = next(one for one in kinds if isinstance(arguments.get(one), dict) and arguments[one].get("kind") in KINDS)
    given = {key: argument(kinds[key], told) for key, told in arguments.items() if key not in ("parameter", role)}
    model = argument_from_json(kinds[role], arguments[role])

    def loss(value):
        moved = Model(model.kind, replaced(model.parameters, path, value))
        return np.mean(getattr(refebm, name)(**given, **{role: handed(REFERENCE, kinds[role], moved)}))

    start = model.parameters
    for key in path:
        start = start[key]
    return grad(loss)(start)


def pairs_of_chains(x, y, m, z, u):
    return refebm.coupled_chains(together, x, y, m, (z, u))


SPECIAL = {
    "coupled_chains": pairs_of_chains,
    "Model": model_value,
    "ReplayBuffer": restarted,
    "annealed_importance_sampling": annealed_weights,
    "at": lambda model, sigma, x: refebm.at(model, sigma)(x),
    "expect": expectation,
    "implicit_negative_elbo": with_gradient,
    "mixed_noise": mixed_at,
    "run": langevin_chain,
    "mixture_of": lambda density, x: refebm.mixture_of(density)(x),
    "score_of": lambda energy, x: refebm.score_of(energy)(x),
}


def value_of(function, arguments):
    """What refebm says to a row of a table, as nested lists."""
    stem, *path = function.split(".")
    if stem in PROCESSES:
        value = process_value(*path, arguments)
    elif stem in CLASSES:
        value = density_value(path, arguments)
    elif path == ["gradient"]:
        value = gradient(stem, arguments)
    else:
        value = call(stem, SPECIAL.get(stem, getattr(refebm, stem)), arguments)
    if isinstance(value, tuple) and isinstance(value[0], refebm.Step):
        value = tuple(step.x for step in value)
    if isinstance(value, refebm.Step):
        value = (value.x, value.info.acceptance) if stem in ADJUSTED else value.x
    return plain(value)


def plain(value):
    return [plain(part) for part in value] if isinstance(value, tuple) else np.asarray(value).tolist()


def shape(tree):
    return [shape(branch) for branch in tree] if isinstance(tree, list) else None


def leaves(tree):
    return [leaf for branch in tree for leaf in leaves(branch)] if isinstance(tree, list) else [tree]


@pytest.mark.parametrize("row", [row for _, row in ROWS], ids=[name for name, _ in ROWS])
def test_value(row):
    got = value_of(row["function"], row["arguments"])
    assert shape(got) == shape(row["value"]) == shape(row["scale"])
    for answer, *written in zip(*map(leaves, (got, row["value"], row["scale"]))):
        expected, scale = map(float, written)
        assert abs(answer - expected) <= ALLOWED * scale, (
            f"{row['function']} is {answer!r}, should be {expected!r} within {ALLOWED * scale:.2g}; "
            f"this value is there to catch: {row['catches']}"
        )


def test_every_public_name_that_gives_numbers_has_a_value():
    covered = {row["function"].partition(".")[0] for _, row in ROWS}
    assert covered == set(refebm.__all__) - NO_NUMBERS


def test_every_method_of_a_density_has_a_value():
    drawn_or_for_expect = {"sample", "substitute", "box", "log_joint", "responsibilities", "smoothed"}
    covered = {row["function"] for _, row in ROWS}
    drawn_or_for_expect |= {"hidden_given", "visible_given"}  # what gibbs_step is made of
    densities = (refebm.Gamma, refebm.Gaussian, refebm.GaussianMixture, refebm.Laplace, refebm.StudentT)
    for cls in (*densities, refebm.BinaryRBM, refebm.GaussianBernoulliRBM):
        public = {name for name, _ in inspect.getmembers(cls, inspect.isfunction) if not name.startswith("_")}
        assert {f"{cls.__name__}.{name}" for name in public - drawn_or_for_expect} <= covered
    for cls in (refebm.RealNVP, refebm.LinearGaussianVAE, *(getattr(refebm, name) for name in PROCESSES)):
        assert {f"{cls.__name__}.{name}" for name in vars(cls) if not name.startswith("_")} <= covered


def test_every_model_kind_has_a_value():
    assert {f"Model.{kind}" for kind in KINDS} == {r["function"] for _, r in ROWS if r["function"].startswith("Model.")}


def test_every_row_is_complete_and_none_is_twice():
    wanted = {"arguments", "catches", "function", "scale", "value"}
    assert all(set(row) == wanted and row["catches"] for _, row in ROWS)
    assert len({json.dumps([row["function"], row["arguments"]]) for _, row in ROWS}) == len(ROWS)


def test_tables_are_small_and_have_fifty_digits():
    assert max(path.stat().st_size for path in Path(__file__).parent.glob("tables/*")) < 50_000  # each of them
    values = leaves([row["value"] for _, row in ROWS])
    digits = sorted(len(value.lstrip("-0.").partition("e")[0].replace(".", "")) for value in values)
    assert digits[-1] == 50
    assert digits[len(digits) // 2] >= 49  # zeros at the end are not printed, and some values are dyadic
