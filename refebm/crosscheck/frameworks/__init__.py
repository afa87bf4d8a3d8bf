"""Harnesses: an adapter's functions see arrays of their framework, and models as functions of such arrays.

    from refebm.crosscheck.frameworks.torch import objective  # or jax, or numpy

    @objective
    def denoising_score_matching(score, x, sigma, z):
        return my_package.dsm_loss(score, x, noise=sigma * z, sigma=sigma)

`objective` goes by the name of the function, which is one of refebm's; its arguments come by position, under any names:

- `energy`, `logit` and what begins with `log_` are callables (n, d) -> (n,); `score`, `field`, `noise` and `denoiser`
  are (n, d) -> (n, d), conditional ones are called with a level, a time or a step too, a float or one per row. A single
  row (d,) may be handed to them as well. `score.energy` is the energy, and so is a `score` that a function calls
  `energy`. Of a field that has none it is a potential, whose gradient is the field and whose value is NaN: a function
  that needs the value is not asked about such fields.
- x, y, z are (n, d), rows are points, z is unit normal noise; in noise contrast y is (nu, n, d).
- a level `sigma` is a column (n, 1), in every framework, so that sigma * z is what it says; a time t, a step i is (n,).
- v is (n, d): of several projections each is asked for, and the mean taken. `objective(projections=True)` hands all
  of them over, (m, n, d), also where there is but one, for a function that takes the mean itself.
- step sizes, counts and choices are Python numbers. `sde` and `rbm` have the methods of refebm's, on these arrays.
  `generator` has the callables `derivative` and `conjugate` of log u, `sampler` is called with (phi, eps).

What comes back: one value per row, or their mean, or their sum, whose gradient in the parameters of the first model the
harness takes; of a kernel the new states, or these and the probabilities of acceptance. Densities, restricted
Boltzmann machines, flows and SDEs are classes with methods, or functions that return an object with `log_prob`.
NotImplementedError counts as unsupported. The dtype is the framework's default, which is made float64 first, or
`objective(dtype=...)`.
"""

import contextlib
import difflib
import functools
import inspect
import itertools
from typing import ClassVar

import numpy as np

import refebm
from refebm.crosscheck.adapter import FLOW, call
from refebm.crosscheck.frameworks.handing import Handing, laws_of, replaced
from refebm.crosscheck.questions import GRADIENTS
from refebm.glossary import (
    OF_ROWS,
    BinaryRbm,
    CorrectionNoise,
    Direction,
    Energy,
    Field,
    Indices,
    InputError,
    LevelField,
    LevelNoise,
    ModelPoints,
    Noise,
    Pathwise,
    Projections,
    Rbm,
    TimeField,
    Times,
    TimeWeight,
    Uniform,
    check_of,
)
from refebm.identities import Failure, NotSupported
from refebm.models import Model
from refebm.variants.questions import ADJUSTED, CALLED, CLASSES, GENERATORS, ROLES, parameters, types

FIELDS = (Field, LevelField, TimeField)
LAWS = dict.fromkeys((Noise, LevelNoise, CorrectionNoise), ("unit normal",)) | {Uniform: ("uniform",)}
LAWS |= {Times: ("uniform",), Indices: ("whole",)} | dict.fromkeys(
    (Direction, Projections), ("unit normal", "signs of")
)


class Harness:
    """What the frameworks have in common; each says how arrays come in and go out, and how it differentiates."""

    source = None  # refebm's modules over the framework, a `Source`
    differentiates = True  # whatever body it is given
    busy = False  # whether a body runs, which may call others
    laws: ClassVar[dict] = {}  # of the arrays that are handed over, by id, as what they may be drawn
    valueless = ""  # the kind of field whose potential the question has been answered with, if there is one

    def tensor(self, value):
        """An array of the framework, of its default dtype, or of whole numbers."""
        raise NotImplementedError

    def array(self, value):
        """A NumPy array of an array of the framework; anything else as it is."""
        raise NotImplementedError

    def gradient(self, function, leaves):
        """The gradients of the mean of what a function of a list of arrays returns in each; None if it has none."""
        raise NotImplementedError

    def run(self, function):
        """What a function without arguments returns."""
        return function()

    def leaf(self, value):
        """An array of the framework that is a parameter of a model."""
        return self.tensor(value)

    def callable_of(self, function, leaves):
        """A model as the users of the framework know it."""
        return function

    def potential(self, field, leaves):
        """A function of rows, NaN, whose gradient is minus a field, a function of these leaves and of rows."""
        raise NotImplementedError

    def slope(self, energy, x, *level):
        """The gradient of an energy at rows, which can be differentiated again."""
        raise NotImplementedError

    def pull_back(self, field, x, weights, *level):
        """Of each row the product of its vector of weights with the Jacobian of a field."""
        raise NotImplementedError

    def products(self, own, energy, product=None, gradient=None):
        """The values of a field, or of the gradient of an energy, and its products with vectors, of NumPy's arrays."""
        field = functools.partial(self.slope, own) if energy else own
        return Products(self, own, field, self.pull_back)

    def slopes(self, function, own):
        """The values of a function of somebody's model, and the gradients of their mean in its parameters, by name.

        Errors: NotSupported where they cannot be had.
        """
        raise NotSupported("NumPy's arrays carry none")

    def input(self, value):
        """What somebody's model is asked with."""
        return self.tensor(value)

    def like(self, value, x):
        """An array of the framework, of the dtype of another and beside it."""
        return self.tensor(value)

    @contextlib.contextmanager
    def handing_out(self, *noise):
        """A block in which what is drawn is this noise, arrays and tuples of them: see `handing`."""

        def laws(one):
            return self.laws.get(id(one)) or laws_of(self.array(one))

        hand = Handing(leaves_of(noise), laws)
        with replaced(self.draws(hand)):
            yield
        hand.see_all_drawn()

    def draws(self, hand):
        """(where, name, what draws from `hand` in its place) for each function of the framework that draws."""
        raise NotImplementedError

    def of_dtype(self, dtype):
        """A context in which arrays have this dtype, or the default one for None."""
        raise NotImplementedError

    @contextlib.contextmanager
    def inside(self, dtype=None):
        """While a body runs: what it calls of the adapter is called as it stands."""
        self.busy = True
        try:
            with self.of_dtype(dtype):
                yield
        finally:
            self.busy = False

    # ---- functions and classes ---------------------------------------------------------------------------------------

    def objective(self, body=None, /, *, name=None, dtype=None, projections=False, gradient=None):
        """A function, or a class, under the name of one of refebm's, for arrays of the framework: NumPy in and out."""
        if body is None:
            options = {"name": name, "dtype": dtype, "projections": projections, "gradient": gradient}
            return functools.partial(self.objective, **options)
        name = name or body.__name__
        if not callable(getattr(refebm, name, None)):
            near = difflib.get_close_matches(name, refebm.__all__, 1)
            raise InputError("E-ADAPTER", f"{name} is not a public name of refebm{(near and f'; {near[0]}?') or ''}")
        if inspect.isclass(body):
            return self._class(body, dtype)

        called = tuple(inspect.signature(body).parameters)
        trained = name in GRADIENTS and (self.differentiates if gradient is None else gradient)

        @functools.wraps(body)
        def answer(*asked, **named):
            if self.busy:
                return body(*self._shaped(name, asked), **named)
            with self.inside(dtype):
                ask = functools.partial(self._ask, name, body, projections)
                return self._answer(name, asked, ask, dtype, trained, called)

        return answer

    def _answer(self, name, asked, ask, dtype, trained, called):
        names = () if name in CLASSES else parameters(name)
        own = dict(zip(names, called))  # by place
        wanted = [
            Energy if own.get(one) == "energy" and types(name)[one] in FIELDS else types(name).get(one) for one in names
        ]
        self.valueless = ""
        given = [self.given(*pair) for pair in itertools.zip_longest(wanted, asked)]
        self.laws = {id(one): LAWS[kind] for kind, one in zip(wanted, given) if kind in LAWS}
        handed = [
            (argument, one, self.array(one).copy()) for argument, one in zip(names, given) if hasattr(one, "shape")
        ]
        values = self.call(name, lambda: ask(given))
        self._see_values(values)
        for argument, one, before in handed:
            if not np.array_equal(self.array(one), before):
                raise Failure(f"modifies its input {argument}")
        if trained and hasattr(values, "shape"):
            return values, Gradient(self, wanted, asked, given, ask, dtype, names)
        if name == "implicit_negative_elbo" and hasattr(values, "shape"):  # of each row, in the last argument
            found = self.gradient(partial_at(ask, given, len(given) - 1), given[-1:])
            return (values, self.array(found[0]) * len(values)) if found else values
        return values

    def _see_values(self, values):
        """Values that were made of a potential's are none."""
        parts = [part for part in (values if isinstance(values, tuple) else (values,)) if hasattr(part, "shape")]
        if self.valueless and any(np.isnan(part).any() for part in parts):
            raise NotImplementedError(f"the energy of a {self.valueless}, whose score alone is known")

    def _ask(self, name, body, projections, given):
        """The body, averaged over several projections; one that returns a callable is asked for its value."""
        names, given = () if name in CLASSES else parameters(name), self._shaped(name, given)
        place = names.index("v") if "v" in names and not projections else None
        if place is not None and given[place].ndim == 3:
            each = [body(*given[:place], v, *given[place + 1 :]) for v in given[place]]
            return sum(each) / len(each)
        if projections and types(name).get("v") == Projections and given[names.index("v")].ndim == 2:
            given = [one[None] if argument == "v" else one for argument, one in zip(names, given)]
        result = body(*given[:-1]) if len(inspect.signature(body).parameters) < len(given) else body(*given)
        return result(given[-1]) if callable(result) else result

    def call(self, name, function):
        """What a function returns, for the examiner; one that has methods is made again for each of them."""
        value = self.run(function)
        return Density(self, function) if hasattr(value, "log_prob") else self.result(name, value)

    def _shaped(self, name, given):
        """Arguments with a level as a column, and a time or a step for each row."""
        shaped = name not in CLASSES and name not in CALLED
        checks = [check_of(types(name)[argument]) for argument in parameters(name)] if shaped else []
        rows = next((one for check, one in zip(checks, given) if check in OF_ROWS), None)
        shaping = self.source.module("refebm.glossary").shaping
        pairs = itertools.zip_longest(checks, given)
        return [shaping[check](None, one, rows) if check in shaping else one for check, one in pairs]

    def _class(self, body, dtype):
        """A class whose objects are made of NumPy's arrays, and whose methods take and return such."""

        def outside(name, method):
            @functools.wraps(method)
            def called(this, *asked):
                if self.busy:
                    return method(this, *asked)
                return getattr(Density(self, this._made, dtype), name)(*asked)

            return called

        def made(this, *given):
            this._made = lambda: body(*(self.given(None, one) for one in given))
            if self.busy:
                body.__init__(this, *given)

        names = [one for one in dir(body) if not one.startswith("_") and inspect.isfunction(getattr(body, one))]
        methods = {one: outside(one, getattr(body, one)) for one in names}
        return type(body.__name__, (body,), methods | {"__init__": made, "__module__": body.__module__})

    # ---- arguments and results ---------------------------------------------------------------------------------------

    def given(self, wanted, value):
        """An argument, of the type that is wanted, as a body sees it."""
        if isinstance(value, Model):
            return self.model(wanted, value, [self.leaf(one) for one in leaves_of(value.parameters)])
        if wanted == TimeWeight and np.ndim(value):  # at the times that are asked
            return functools.partial(_first, self.tensor(value))
        if hasattr(value, "kind"):  # an SDE
            return getattr(self.source, value.kind)(**value.parameters)
        if isinstance(value, str):
            return getattr(self.source, value) if value in GENERATORS else self.source.sampler(value)
        if hasattr(value, "log_prob"):
            made_of = [getattr(value, one) for one in inspect.signature(type(value)).parameters]
            return getattr(self.source, type(value).__name__)(*(self.given(None, one) for one in made_of))
        return nested(self._plain, value)

    def _plain(self, value):
        if isinstance(value, np.ndarray) and value.ndim:
            return self.tensor(value)
        return value.item() if isinstance(value, (np.ndarray, np.generic)) else value

    def model(self, wanted, data, leaves):
        """A model as a callable of arrays, of the type that is wanted, its parameters replaced by these leaves."""
        models, kind = self.source.module("refebm.models"), data.kind

        def of(leaves):
            return models.Model(kind, nested(_next_of(leaves), data.parameters))

        if wanted in (Rbm, BinaryRbm):
            return models.RBMS[kind](**of(leaves).parameters)
        potential = self.potential(lambda leaves, *given: models.score(of(leaves))(*given), leaves)

        def valueless(*given):
            self.valueless = kind
            return potential(*given)

        whole = of(leaves)
        energy = _of_rows(valueless if kind in models.FIELDS else whole)
        asked = energy if ROLES[wanted] == "energy" else _of_rows(models.score(whole))
        built = self.callable_of(asked, leaves)
        built.energy = energy
        return built

    def result(self, name, value):
        """What a body returns, for the examiner."""
        if hasattr(value, "info"):  # a Step
            value = (value.x, value.info.acceptance) if name in ADJUSTED else value.x
        if isinstance(value, (tuple, list)):
            return tuple(self.result(name, part) for part in value)
        if isinstance(value, dict):
            return {key: self.result(name, part) for key, part in value.items()}
        return self.array(value)


class Products:
    """A field of the framework for NumPy's arrays: its values, and its products with vectors from both sides."""

    def __init__(self, harness, own, field, pull_back):
        self.harness, self.own, self.field, self.back = harness, own, field, pull_back

    def _asked(self, function, *given):
        return np.asarray(self.harness.array(function(*map(self.harness.input, given))), np.float64)

    def energy(self, x, *level):
        return self._asked(self.own, x, *level)

    def values(self, x, *level):
        return self._asked(self.field, x, *level)

    def pulled(self, x, weights, *level):
        return self._asked(functools.partial(self.back, self.field), x, weights, *level)

    def pushed(self, x, v, *level):
        """By one pull-back for each coordinate."""
        columns = [self.pulled(x, np.broadcast_to(one, v.shape), *level) for one in np.eye(v.shape[1])]
        return np.stack([np.sum(column * v, axis=1) for column in columns], axis=1)


class Gradient(dict):
    """The gradient of the mean in the parameters of the first model, nested like them, once it is looked at."""

    def __init__(self, harness, wanted, asked, given, ask, dtype, names=()):
        super().__init__()
        self._asked_for = harness, wanted, asked, given, ask, dtype, names

    def items(self):
        return call(self._taken).items()

    def _taken(self):
        harness, wanted, asked, given, ask, dtype, _ = self._asked_for
        place = next(i for i, one in enumerate(asked) if isinstance(one, Model))
        model = asked[place]

        def values(leaves):
            return ask([*given[:place], harness.model(wanted[place], model, leaves), *given[place + 1 :]])

        with harness.inside(dtype):
            found = harness.gradient(values, [harness.leaf(one) for one in leaves_of(model.parameters)])
            if harness.valueless and any(np.isnan(harness.array(one)).any() for one in found or ()):
                return {}
            tree = nested(_next_of(map(harness.array, found)), model.parameters) if found else {}
            return tree | {FLOW: dict(self._in_points())}

    def _in_points(self):
        """Of points that a sampler made: whether its gradients flow through them. A body may not take such points."""
        harness, wanted, _, given, ask, _, names = self._asked_for
        for place, (name, kind) in enumerate(zip(names, wanted)):
            with contextlib.suppress(Exception):
                if kind in (Pathwise, ModelPoints):
                    moved = partial_at(ask, given, place)
                    yield name, harness.array(harness.gradient(moved, [given[place]])[0])


class Density:
    """An object with methods that take and return NumPy's arrays; make: what makes the object of the framework."""

    def __init__(self, harness, make, dtype=None):
        self._harness, self._make, self._dtype = harness, make, dtype

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)

        def called(*asked):
            with self._harness.inside(self._dtype):
                return self._harness.call("", lambda: answer(*(self._harness.given("", one) for one in asked)))

        def answer(*given):
            return getattr(self._make(), name, _no_method)(*given)

        return called


def partial_at(function, given, place):
    """A function of a list of one argument, the others as they are given."""
    return lambda leaves: function([*given[:place], *leaves, *given[place + 1 :]])


def _first(found, *_):
    return found


def _no_method(*_):
    raise NotImplementedError("a density without this method")


def _of_rows(function):
    """A function of rows (n, d) that takes a single row (d,), and rows in more dimensions, as well."""

    def of_any(x, *level):
        level = [one.reshape(-1) if getattr(one, "ndim", 0) > 1 else one for one in level]
        if x.ndim == 2:
            return function(x, *level)
        values = function(x.reshape((-1, x.shape[-1])), *level)
        return values.reshape(x.shape[:-1] + values.shape[1:])

    return of_any


def _next_of(leaves):
    """What stands in the place of each leaf of a tree, one after the other."""
    each = iter(leaves)
    return lambda _: next(each)


def leaves_of(tree) -> list:
    """The leaves of nested dicts and tuples, names left out."""
    found = []
    nested(found.append, tree)
    return found


def nested(change, tree):
    """Nested dicts and tuples with every leaf changed; a name stays what it is."""
    if isinstance(tree, dict):
        return {key: nested(change, value) for key, value in tree.items()}
    if isinstance(tree, (tuple, list)):
        return tuple(nested(change, value) for value in tree)
    return tree if isinstance(tree, str) else change(tree)
