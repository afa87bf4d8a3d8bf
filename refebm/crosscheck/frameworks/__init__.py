"""Harnesses: they call an adapter's functions with arrays of their framework, and models as functions of such arrays.

    from refebm.crosscheck.frameworks.torch import objective  # or jax, or numpy

    @objective
    def denoising_score_matching(score, x, sigma, z):
        return my_package.dsm_loss(score, x, noise=sigma * z, sigma=sigma)

The function must have the name of one of refebm's. Its arguments come by position, so they may have any names; if all
their names are refebm's, they may be in any order:

- `energy`, `logit` and names that begin with `log_` are callables (n, d) -> (n,). `score`, `field`, `noise` and
  `denoiser` are callables (n, d) -> (n, d); conditional ones take a level, a time or a step too, as a float or one per
  row. All of them also accept a single row (d,). `score.energy` is the energy; so is a `score` that your function names
  `energy`. A field without an energy has a potential there, whose gradient is right and whose value is NaN; a function
  that needs the value is not asked about such fields.
- x, y and z are (n, d), with points as rows; z is unit normal noise. In noise contrast y is (nu, n, d).
- A level `sigma` is a column (n, 1) in every framework, so that sigma * z works as written. A time t or a step i is
  (n,).
- Images on several grids: `energies` and `scores` are tuples of such callables, `x_model` and the `z` of a chain tuples
  of arrays, one for each grid.
- v is (n, d): with several projections the function is called once for each, and the mean is taken. With
  `objective(projections=True)` it gets all of them, (m, n, d), even if m = 1, and takes the mean itself.
- With `objective(by_row=True)` the function is called with each row alone, (1, d), and its level, time or step is a
  Python number. This is for code that has a single level, time or step for all rows.
- Step sizes, counts and choices are Python numbers. `sde` and `rbm` have refebm's methods, on these arrays.
  `generator` has the callables `derivative` and `conjugate` of log u; `sampler` is called with (phi, eps).

A function returns one value per row, or their mean or sum; the harness computes its gradient in the parameters of the
first model. A kernel returns the new states, or these and the acceptance probabilities; one of two chains a pair of
them: (x', y'), or ((x', a), (y', b)), of which the states are compared. Densities, restricted Boltzmann machines,
flows and SDEs are classes with methods, or functions that return an object with some of them. NotImplementedError
counts as unsupported. The dtype is the framework's default, which importing a harness sets to float64, or that of
`objective(dtype=...)`.
"""

import contextlib
import functools
import inspect
import itertools
from typing import ClassVar

import numpy as np

import refebm
from refebm import glossary
from refebm.crosscheck.adapter import FLOW, call, last_lines
from refebm.crosscheck.frameworks.handing import Handing, laws_of, replaced
from refebm.crosscheck.questions import EXAMINED, GRADIENTS, rows_axis, some_rows
from refebm.crosscheck.vectors import mean_of
from refebm.glossary import InputError
from refebm.identities import Failure, NotSupported
from refebm.models import Model, Models
from refebm.variants.arguments import ADJUSTED, CALLED, CLASSES, FOR_GRADIENTS, parameters, role, types
from refebm.words import did_you_mean

FIELDS = (glossary.Field, glossary.LevelField, glossary.TimeField)


class Harness:
    """The common part of all harnesses; each framework adds how to convert arrays and how to differentiate."""

    source = None  # refebm's modules over the framework, a `Source`
    differentiates = True  # whether it can differentiate any body
    expected: ClassVar[tuple] = ()  # errors of a body on traced arrays for which `gradient` returns None
    busy = False  # whether a body is running, which may call others
    laws: ClassVar[dict] = {}  # by id of an array that is handed out: the laws that it may be drawn as
    valueless = ""  # the kind of a field without energy whose potential was used in the question, if any

    def __init__(self):
        self.functions = {}  # by kind of model and form of its parameters: its value and its score

    def tensor(self, value):
        """The value as an array of the framework, of its default dtype or of integers."""
        raise NotImplementedError

    def array(self, value):
        """An array of the framework as a NumPy array; other values unchanged."""
        raise NotImplementedError

    def gradient(self, function, leaves):
        """The gradients of the mean of function(leaves) in each leaf; None if it cannot be differentiated."""
        raise NotImplementedError

    def unable(self, error) -> bool:
        """Whether the error of a body on traced arrays says that it cannot be differentiated, or does not want to."""
        return isinstance(error, NotImplementedError)

    def run(self, function):
        """Call a function without arguments and return its result."""
        return function()

    def leaf(self, value):
        """The value as an array of the framework that can be a parameter of a model."""
        return self.tensor(value)

    def callable_of(self, function, leaves):
        """A model in the form that users of the framework expect, such as an nn.Module."""
        return function

    def potential(self, field, leaves):
        """An energy whose values are NaN and whose gradient is minus field(leaves, rows)."""
        raise NotImplementedError

    def by_shape(self, function):
        """The same function of nested arrays, which may be traced once for all calls with the same shapes."""
        return function

    def slope(self, energy, x, *level):
        """The gradient of an energy at rows, which is itself differentiable."""
        raise NotImplementedError

    def pull_back(self, field, x, weights, *level):
        """For each row, the product of its vector of weights with the Jacobian of a field."""
        raise NotImplementedError

    def products(self, own, energy, product=None, gradient=None):
        """`Products` of a field, or of the gradient of an energy: values and Jacobian products on NumPy arrays."""
        field = functools.partial(self.slope, own) if energy else own
        return Products(self, own, field, self.pull_back)

    def slopes(self, function, own):
        """The values of a function of the user's model, and the gradients of their mean in its parameters, by name.

        Errors: NotSupported where there are no gradients.
        """
        raise NotSupported("NumPy arrays have no automatic gradients")

    def input(self, value):
        """The value as an input for the user's model."""
        return self.tensor(value)

    def restored(self, *own):
        """A context after which the user's models and loss have the state that they had."""
        return contextlib.nullcontext()

    def holds(self, value) -> bool:
        """Whether the value is an array of the framework, from which numbers can be read."""
        return type(value) is np.ndarray

    def points(self, name, value):
        """Points that are no array of the framework as one. Errors: E-DTYPE."""
        return glossary.unmasked(name, value)

    def like(self, value, x):
        """The value as an array of the framework, with the dtype and device of x."""
        return self.tensor(value)

    @contextlib.contextmanager
    def handing_out(self, *noise):
        """A context in which the framework's random functions return this noise, arrays or tuples: see `handing`."""

        def laws(one):
            return self.laws.get(id(one)) or laws_of(self.array(one))

        hand = Handing(glossary.leaves_of(noise), laws)
        with replaced(self.draws(hand)):
            yield
        hand.see_all_drawn()

    def draws(self, hand):
        """(where, name, replacement) for each random function; the replacement takes its numbers from `hand`."""
        raise NotImplementedError

    def of_dtype(self, dtype):
        """A context in which arrays have this dtype, or the default one for None."""
        raise NotImplementedError

    @contextlib.contextmanager
    def inside(self, dtype=None):
        """A context in which a body runs: functions of the adapter that it calls are called directly."""
        self.busy = True
        try:
            with self.of_dtype(dtype):
                yield
        finally:
            self.busy = False

    # ---- functions and classes ---------------------------------------------------------------------------------------

    def objective(self, body=None, /, *, name=None, dtype=None, projections=False, gradient=None, by_row=False):
        """Decorate a function or class with a name of refebm's that works on arrays of the framework."""
        if body is None:
            options = {"name": name, "dtype": dtype, "projections": projections, "gradient": gradient}
            return functools.partial(self.objective, **options, by_row=by_row)
        name = name or body.__name__
        if not callable(getattr(refebm, name, None)):
            near = did_you_mean(name, refebm.__all__)
            raise InputError("E-ADAPTER", f"{name} is not a public name of refebm{near}")
        if inspect.isclass(body):
            return self._class(body, dtype)
        body = by_name(name, body)
        if by_row:
            body = self._by_row(name, body)

        called = tuple(inspect.signature(body).parameters)
        trained = name in GRADIENTS and (self.differentiates if gradient is None else gradient)

        @functools.wraps(body)
        def answer(*asked, **named):
            if self.busy:
                return body(*self._shaped(name, asked), **named)
            with self.inside(dtype):
                ask = functools.partial(self._ask, name, body, projections)
                return self._answer(name, asked, ask, dtype, trained, called)

        answer.objective = name
        return answer

    def _answer(self, name, asked, ask, dtype, trained, called):
        names = () if name in CLASSES else parameters(name)
        own = dict(zip(names, called))  # the argument names of the body, by position
        wanted = [
            glossary.Energy if own.get(one) == "energy" and types(name)[one] in FIELDS else types(name).get(one)
            for one in names
        ]
        self.valueless = ""
        given = [self.given(*pair) for pair in itertools.zip_longest(wanted, asked)]
        drawn = [(one, glossary.mark_of(kind, glossary.Drawn)) for kind, one in zip(wanted, given)]
        self.laws = {id(leaf): mark.laws for one, mark in drawn if mark and mark.laws for leaf in _each(one)}
        arrays = [(argument, leaf) for argument, one in zip(names, given) for leaf in _each(one)]
        handed = [(argument, leaf, self.array(leaf).copy()) for argument, leaf in arrays if hasattr(leaf, "shape")]
        values = self.call(name, lambda: ask(given), dtype)
        if name in FOR_GRADIENTS and np.shape(values) == ():  # the rows and their gradients are told by rows alone
            ask = self._alone(name, ask)
            values = self.call(name, lambda: ask(given), dtype)
        self._see_values(values)
        for argument, one, before in handed:
            if not np.array_equal(self.array(one), before):
                raise Failure(f"modifies its input {argument}")
        parts = values if isinstance(values, tuple) else (values,)
        if trained and all(hasattr(part, "shape") for part in parts):
            return values, Gradient(self, wanted, asked, given, ask, dtype, names)
        if name in FOR_GRADIENTS and hasattr(values, "shape"):  # its gradient is that of each row in the last argument
            found = self.gradient(partial_at(ask, given, len(given) - 1), given[-1:])
            return (values, self.array(found[0]) * len(values)) if found else values
        return values

    def _see_values(self, values):
        """Refuse values that were computed from a potential, which has none."""
        parts = [part for part in (values if isinstance(values, tuple) else (values,)) if hasattr(part, "shape")]
        if self.valueless and any(np.isnan(part).any() for part in parts):
            raise NotImplementedError(f"the energy of a {self.valueless}, whose score alone is known")

    def _ask(self, name, body, projections, given):
        """Call the body, once per projection with the mean, and call the callable that it may return."""
        names, given = () if name in CLASSES else parameters(name), self._shaped(name, given)
        place = next((i for i, argument in enumerate(names) if types(name).get(argument) == glossary.Projections), None)
        if place is not None and given[place].ndim == 3 and not projections:
            each = [body(*given[:place], v, *given[place + 1 :]) for v in given[place]]
            return sum(each) / len(each)
        if place is not None and given[place].ndim == 2 and projections:
            given = [*given[:place], given[place][None], *given[place + 1 :]]
        fewer = name in CALLED and len(inspect.signature(body).parameters) < len(
            given
        )  # it returns a function of the last
        result = body(*given[:-1]) if fewer else body(*given)
        return result(given[-1]) if callable(result) and name not in CLASSES else result

    def _alone(self, name, ask):
        """The same call, with one row at a time."""
        each = self._by_row(name, lambda *given: ask(list(given)))
        return lambda given: each(*given)

    def _by_row(self, name, body):
        """A function of all rows that calls the body with each row alone; levels, times and steps are numbers."""
        names, np, shaping = parameters(name), self.source.np, self.source.module("refebm.glossary").shaping
        numbers = {one for one in names if glossary.check_of(types(name)[one]) in (*shaping, glossary.free_indices)}

        def row(given, i):
            for argument, one in zip(names, given):
                if isinstance(one, functools.partial) and one.func is _first:  # a weight for each row
                    yield functools.partial(_first, one.args[0][i : i + 1])
                    continue
                alone = some_rows(name, argument, one, slice(i, i + 1))
                for part, whole in zip(_each(alone), _each(one)):
                    self.laws |= {id(part): self.laws[id(whole)]} if id(whole) in self.laws else {}
                yield alone.item() if argument in numbers and hasattr(alone, "item") else alone

        def joined(parts):
            if isinstance(parts[0], tuple):
                return tuple(map(joined, zip(*parts)))
            return np.concatenate([np.reshape(part, np.shape(part) or (1,)) for part in parts])

        @functools.wraps(body)
        def each(*given):
            axes = [(one, rows_axis(name, argument, one)) for argument, one in zip(names, given)]
            n = next(one.shape[axis] for one, axis in axes if axis is not None)
            rows = [list(row(given, i)) for i in range(n)]  # all kept alive: the laws of noise are stored by id
            return joined([body(*one) for one in rows])

        return each

    def call(self, name, function, dtype=None):
        """The result of a function, for the examiner; an object with methods is built again for each call of one."""
        value = self.run(function)
        if name in CLASSES or hasattr(value, "log_prob"):
            return Density(self, function, dtype, value)
        return self.result(name, value)

    def _shaped(self, name, given):
        """The arguments, with levels as columns, and times and steps as one per row."""
        shaped = name not in CLASSES and name not in CALLED
        kinds = [types(name)[argument] for argument in parameters(name)] if shaped else []
        rows = next((one for kind, one in zip(kinds, given) if glossary.gives_rows(kind)), None)
        shaping = self.source.module("refebm.glossary").shaping
        pairs = [(glossary.check_of(kind), one) for kind, one in itertools.zip_longest(kinds, given)]
        return [shaping[check](None, one, rows) if check in shaping else one for check, one in pairs]

    def _class(self, body, dtype):
        """A class that is built from NumPy arrays and whose methods take and return NumPy arrays."""

        def outside(name, method):
            @functools.wraps(method)
            def called(this, *asked):
                if self.busy:
                    return method(this, *asked)
                return getattr(Density(self, this._made, dtype), name)(*asked)

            return called

        build = by_name(body.__name__, body)

        def made(this, *given):
            this._made = lambda: build(*(self.given(None, one) for one in given))
            if self.busy:
                body.__init__(this, *given)

        asked = {method for kind, _, method in (one.partition(".") for one in EXAMINED) if kind == body.__name__}
        names = [one for one in (asked | {"log_prob"}) if inspect.isfunction(getattr(body, one, None))]
        methods = {one: outside(one, getattr(body, one)) for one in names}
        own = {"__init__": made, "__module__": body.__module__, "objective": body.__name__}
        return type(body.__name__, (body,), methods | own)

    # ---- arguments and results ---------------------------------------------------------------------------------------

    def given(self, wanted, value):
        """An argument of the wanted type, as a body gets it."""
        if isinstance(value, (Model, Models)):
            return self.built(wanted, value, [self.leaf(one) for one in glossary.leaves_of(value.parameters)])
        mark = glossary.mark_of(wanted, glossary.Built)
        if mark and not callable(value):
            return getattr(self, mark.by)(value)
        if hasattr(value, "log_prob"):
            made_of = [getattr(value, one) for one in inspect.signature(type(value)).parameters]
            return getattr(self.source, type(value).__name__)(*(self.given(None, one) for one in made_of))
        return glossary.mapped(self._plain, value)

    def _plain(self, value):
        if isinstance(value, np.ndarray) and value.ndim:
            return self.tensor(value)
        return value.item() if isinstance(value, (np.ndarray, np.generic)) else value

    def built(self, wanted, value, leaves):
        """A model, or a tuple of one for each grid, with these leaves as its parameters."""
        if isinstance(value, Models):
            form = [glossary.leaves_of(part) for part in glossary.filled(value.parameters, leaves)["grids"]]
            one = {"energies": "energy", "scores": "score"}[glossary.mark_of(wanted, glossary.Built).by]
            return tuple(self.model(one, model, part) for model, part in zip(value, form))
        return self.model(role(wanted), value, leaves)

    def weight(self, values):  # numbers at the question's times
        return functools.partial(_first, self.tensor(values))

    def sde(self, data):
        return getattr(self.source, data.kind)(**data.parameters)

    def generator(self, name):
        return getattr(self.source, name)

    def sampler(self, name):
        return self.source.sampler(name)

    def model(self, role, data, leaves):
        """A model as a callable on arrays, or as an RBM, with these leaves as its parameters."""
        models, kind = self.source.module("refebm.models"), data.kind
        if role == "rbm":
            return models.RBMS[kind](**glossary.filled(data.parameters, leaves))
        value, score = self._functions(kind, glossary.mapped(lambda _: None, data.parameters))
        potential = self.potential(score, leaves)

        def valueless(*given):
            self.valueless = kind
            return potential(*given)

        energy = _of_rows(valueless if kind in models.FIELDS else functools.partial(value, leaves))
        asked = energy if role == "energy" else _of_rows(functools.partial(score, leaves))
        built = self.callable_of(asked, leaves)
        built.energy = energy
        return built

    def _functions(self, kind, form):
        """The value and the score of models of this kind, as functions of their parameters and of rows."""
        models, known = self.source.module("refebm.models"), (kind, repr(form))

        def of(leaves):
            return models.Model(kind, glossary.filled(form, leaves))

        if known not in self.functions:
            value = self.by_shape(lambda leaves, *given: of(leaves)(*given))
            self.functions[known] = value, self.by_shape(lambda leaves, *given: models.score(of(leaves))(*given))
        return self.functions[known]

    def result(self, name, value):
        """The result of a body, for the examiner."""
        if hasattr(value, "info"):  # a Step
            value = (value.x, value.info.acceptance) if name in ADJUSTED else value.x
        if isinstance(value, (tuple, list)):
            return tuple(self.result(name, part) for part in value)
        if isinstance(value, dict):
            return {key: self.result(name, part) for key, part in value.items()}
        return self.array(value)


class Products:
    """A field of the framework, on NumPy arrays: its values, and its Jacobian's products with vectors on both sides."""

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
        """J v, by one pull-back per coordinate."""
        columns = [self.pulled(x, np.broadcast_to(one, v.shape), *level) for one in np.eye(v.shape[1])]
        return np.stack([np.sum(column * v, axis=1) for column in columns], axis=1)


class Gradient(dict):
    """The gradient of the mean in the first model's parameters, nested like them, computed when it is first used."""

    def __init__(self, harness, wanted, asked, given, ask, dtype, names=()):
        super().__init__()
        self._asked_for = harness, wanted, asked, given, ask, dtype, names

    def items(self):
        return call(self._taken).items()

    def _taken(self):
        harness, wanted, asked, given, ask, dtype, _ = self._asked_for
        place = next(i for i, one in enumerate(asked) if isinstance(one, (Model, Models)))
        model = asked[place]

        def values(leaves):
            found = ask([*given[:place], harness.built(wanted[place], model, leaves), *given[place + 1 :]])
            return mean_of(found) if isinstance(found, tuple) else found

        with harness.inside(dtype):
            found = harness.gradient(values, [harness.leaf(one) for one in glossary.leaves_of(model.parameters)])
            if harness.valueless and any(np.isnan(harness.array(one)).any() for one in found or ()):
                return {}
            tree = glossary.filled(model.parameters, map(harness.array, found)) if found else {}
            return tree | {FLOW: dict(self._in_points())}

    def _in_points(self):
        """The gradients in points that a sampler made, if the body takes points that are differentiated in.

        The body has answered at these points already. If it now raises, because they are traced, and if they are
        constants in training, or NumPy is not autograd's, then it does not take such points, which is no mistake. Any
        other error, such as one of its own backward pass, is a `Failure`.
        """
        harness, wanted, _, given, ask, _, names = self._asked_for
        for place, (name, kind) in enumerate(zip(names, wanted)):
            if kind in (glossary.Pathwise, glossary.ModelPoints, glossary.GridImages):
                try:
                    leaves = glossary.leaves_of(given[place])
                    found = harness.gradient(_taking(harness, partial_at(ask, given, place)), leaves)
                except Untaken as untaken:
                    if kind is glossary.Pathwise and not harness.unable(untaken.__cause__):
                        raise Failure(f"its gradient in {name} raises {last_lines(untaken.__cause__)}") from untaken
                    continue
                except Exception as error:
                    raise Failure(f"its gradient in {name} raises {last_lines(error)}") from error
                if found:
                    yield name, glossary.filled(given[place], map(harness.array, found))


class Untaken(Exception):
    """A body fails on points that are traced. Its cause is the body's error."""


def _taking(harness, function):
    """The function, in which every error becomes `Untaken`, but for those that the harness itself expects."""

    def taking(leaves):
        try:
            return function(leaves)
        except harness.expected:
            raise
        except Exception as error:
            raise Untaken from error

    return taking


class Density:
    """An object whose methods take and return NumPy arrays; make: a function that builds the framework's object.

    like: such an object, if there is one already; it tells which methods there are.
    """

    def __init__(self, harness, make, dtype=None, like=None):
        self._harness, self._make, self._dtype, self._like = harness, make, dtype, like
        self.made_of = type(like).__name__

    def __getattr__(self, name):
        if name.startswith("_") or not (self._like is None or callable(getattr(self._like, name, None))):
            raise AttributeError(name)

        def called(*asked):
            with self._harness.inside(self._dtype):
                return self._harness.call("", lambda: answer(*(self._harness.given("", one) for one in asked)))

        def answer(*given):
            return getattr(self._make(), name, _no_method)(*given)

        return called


def partial_at(function, given, place):
    """The function of [the argument at this place], with the other arguments as given."""
    return lambda leaves: function([*given[:place], glossary.filled(given[place], leaves), *given[place + 1 :]])


def by_name(name, body):
    """A body that takes refebm's arguments in refebm's order, whatever its own order is."""
    names = tuple(inspect.signature(getattr(refebm, name)).parameters) if name in CLASSES else parameters(name)
    own = tuple(inspect.signature(body).parameters)
    if own == names or sorted(own) != sorted(names):
        return body

    @functools.wraps(body)
    def called(*given):
        return body(**dict(zip(names, given)))

    each = [inspect.Parameter(one, inspect.Parameter.POSITIONAL_OR_KEYWORD) for one in names]
    called.__signature__ = inspect.Signature(each)
    return called


def _each(value) -> tuple:
    """The parts of an argument that is one for each grid; any other argument alone."""
    return value if type(value) is tuple else (value,)


def _first(found, *_):
    return found


def _no_method(*_):
    raise NotImplementedError("a density without this method")


def _of_rows(function):
    """A function of rows (n, d), extended to a single row (d,) and to more leading axes."""

    def of_any(x, *level):
        level = [one.reshape(-1) if getattr(one, "ndim", 0) > 1 else one for one in level]
        if x.ndim == 2:
            return function(x, *level)
        values = function(x.reshape((-1, x.shape[-1])), *level)
        return values.reshape(x.shape[:-1] + values.shape[1:])

    return of_any
