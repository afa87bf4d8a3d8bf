"""Adapters: somebody's implementation as a Python file of plain functions under refebm's names, NumPy in and out.

Where refebm takes a score or an energy as a callable, an adapter gets the model as data, ``kind``, ``parameters`` and
``d``, from which it builds its own model. Calling that data gives refebm's NumPy values, for adapters that need no
other. In the same way an SDE has ``kind`` and ``parameters``, and refebm's methods where the adapter has none.
"""

import copy
import difflib
import functools
import importlib
import importlib.machinery
import importlib.util
import inspect
import itertools
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
from autograd.tracer import isbox
from numpy.ma import MaskedArray  # imported before any adapter runs, which could break later imports

import refebm
from refebm.crosscheck.questions import EXAMINED, Asked, is_named, unasked
from refebm.crosscheck.vectors import plain
from refebm.glossary import Density, InputError, Points, States, Times, TimeWeight, types_of
from refebm.identities import REFERENCE, Failure, Implementation, NotSupported, Unusable
from refebm.models import ENERGIES, FIELDS, KINDS, Model, Models, mixture_of, score
from refebm.objectives.noise_contrastive import Generator
from refebm.samplers.step import Step, moved
from refebm.truth.densities import Gaussian, GaussianMixture
from refebm.variants.arguments import (
    ADJUSTED,
    BY_NAME,
    CALLED,
    CLASSES,
    FOR_GRADIENTS,
    KERNELS,
    SDES,
    ask,
    parameters,
    types,
)

CLOSE = 0.85  # the similarity from which a name counts as a misspelt public one
ASKING = (__file__, str(Path(__file__).with_name("child.py")), ask.__code__.co_filename)  # not shown in tracebacks
HARNESS = str(Path(__file__).with_name("frameworks"))
LINES = 4  # the last lines of a traceback that are shown
LONG = 300  # characters of an exception's message that are shown
MOST_NUMBERS, MOST_PARTS = 10**6, 100  # the largest answer that is read, with its gradient
DEEPEST = 32  # the deepest nesting of gradients that is read
FLOW = "in points"  # the key, in a gradient, of the gradients in points that a sampler made
AGAIN = "again"  # the id of the answer that says that a repeated question was answered differently
BESIDE = "beside"  # the id of the answer that says which methods of the same class no question asks for


class Score(Model):
    """A model, as data, where a score is wanted: calling it gives its score, or the field itself."""

    def __call__(self, x, *sigma):
        return Model.__call__(self, x, *sigma) if self.kind in FIELDS else score(Model(self.kind, self.parameters))(x)


class Rbm(Model):
    """An RBM as data; it also has methods, for theorems: the adapter's where it has them, else refebm's."""

    def __init__(self, model: Model, adapter: "Adapter"):
        super().__init__(model.kind, model.parameters)
        object.__setattr__(self, "_machine", lambda: completed(Implementation.rbm(adapter, model)))

    def __getattr__(self, name):
        if name.startswith("_"):  # asked for by copy and pickle
            raise AttributeError(name)
        return getattr(self._machine(), name)


class Sde:
    """An SDE as data, ``kind`` and ``parameters``; its methods are the adapter's where it has them, else refebm's."""

    def __init__(self, data: dict, adapter: "Adapter"):
        self.kind, self.parameters = data["kind"], data["parameters"]
        self._machine = lambda: completed(Implementation.sde(adapter, data))

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._machine(), name)


class KnownInfo:
    """The info of an adapter's step, from the states before and after it and the acceptance probability, if returned.

    What cannot be known raises NotSupported: theorems that need it are skipped for this adapter.
    """

    def __init__(self, before: np.ndarray, after: np.ndarray, acceptance: np.ndarray | None):
        self._acceptance, self.accepted = acceptance, np.any(after != before, axis=1)

    @property
    def acceptance(self) -> np.ndarray:
        if self._acceptance is None:
            raise NotSupported("the probability of acceptance: a kernel may return (x, acceptance)")
        return self._acceptance

    @property
    def energy_error(self) -> np.ndarray:
        if not np.all((self.acceptance > 0) & (self.acceptance < 1)):
            raise NotSupported("the energy error, which the probability of acceptance tells between 0 and 1 only")
        return -np.log(self.acceptance)

    @property
    def invalid(self) -> np.ndarray:
        if not np.all(self.accepted | (self.acceptance > 0)):
            raise NotSupported("why a proposal is rejected")
        return np.zeros(len(self.accepted), bool)


class Answer(NamedTuple):
    """The answer to one question: its parts as arrays, or a problem in words."""

    parts: tuple[np.ndarray, ...] = ()
    gradient: dict | None = None
    problem: str = ""
    unsupported: str = ""


class Adapter(Implementation):
    """The functions of a module under refebm's names; where it has none, refebm's own are used.

    read: converts a result; by default to its values, as float64. steps: whether the result of a kernel becomes a Step,
    as theorems need it; by default if results are read as values.
    """

    def __init__(self, module: ModuleType, read: Callable | None = None, steps: bool | None = None):
        super().__init__()
        self.read = read or numbers
        self.steps = self.read in (numbers, for_theorems) if steps is None else steps
        self.own = _exposed(module)
        self.functions = [name for name in EXAMINED if self.supports(name)]
        self.notes = [f"{name} is not examined: did you mean {near}?" for name, near in misspelt(module)]
        self.beside = {name: _without_question(name, others) for name, others in _beside(self.own)}
        for name, others in _beside(self.own):
            own = [one for one in others if not hasattr(getattr(refebm, name), one)]
            self.notes += [f"{name}: no question asks for {', '.join(own)}: not examined"] if own else []
        for name in self.own:
            methods = [function for function in EXAMINED if function.partition(".")[0] == name]
            if not set(methods) & set(self.functions):
                raise InputError("E-ADAPTER", f"{name} has none of the methods {', '.join(methods)}")
        if not self.functions:
            name = Path(getattr(module, "__file__", None) or module.__name__).name
            raise InputError("E-ADAPTER", f"{name} has no function under a public name; {_nearest(module)}")

    def supports(self, function: str) -> bool:
        """Whether the adapter has a public function, or a class with such a method."""
        name, _, method = function.partition(".")
        lacks = method and inspect.isclass(self.own.get(name)) and not hasattr(self.own[name], method)
        return name in self.own and not lacks

    def score(self, model: Model) -> Score:
        return Score(model.kind, model.parameters)

    def energies(self, models) -> Models:
        return Models(super().energies(models))

    def scores(self, models) -> Models:
        return Models(super().scores(models))

    def rbm(self, model: Model) -> Rbm:
        return Rbm(model, self)

    def sde(self, data: dict) -> Sde:
        return Sde(data, self)

    def data_score(self, density) -> Score:
        """The score of a density, as a model."""
        if isinstance(density, Gaussian):
            return Score("quadratic", {"mean": density.mean, "precision": density.precision})
        if isinstance(density, GaussianMixture):
            return self.score(mixture_of(density))
        kind, names = type(density).__name__.lower(), inspect.signature(type(density)).parameters
        if kind not in ENERGIES:
            raise NotSupported(f"the score of a {type(density).__name__} as model data")
        return Score(kind, {name: getattr(density, name) for name in names})

    def __getattr__(self, name):
        if name not in self.own:
            return getattr(refebm, name)
        function, reference = self.own[name], getattr(refebm, name)
        if name in CLASSES:
            return lambda *given, **named: self._density(function, reference, given, named)
        if name in KERNELS and self.steps:
            state = list(types(name).values()).index(States)
            return lambda *given: step_of(name, given[state], call(function, *given), self.read)
        if name in CALLED:
            return lambda *given: lambda x: self.read(call(function, *given, x))
        returned = types(name)["return"]
        if is_named(returned):
            return lambda *given: self._named(returned, self.read(call(function, *given)))
        if returned is float:  # a single number, and not the mean of rows
            return lambda *given: self.read((call(function, *asked_with(name, given)),))[0]
        if name in FOR_GRADIENTS:
            return lambda *given: first(self.read(call(function, *given)))
        if returned == tuple[Step, Step]:
            return lambda *given: self.read(states(call(function, *given)))
        return lambda *given: self.read(call(function, *asked_with(name, given)))

    def _named(self, made, result):
        """The result as a named tuple; if only one part came back, theorems about the whole are not supported."""
        if isinstance(result, tuple):
            return made(*result)
        if self.steps:
            raise NotSupported(f"more than {made._fields[0]}")
        return result

    def and_gradient(self, function: str, given: tuple):
        """The rows and their gradients, or the rows alone, as the adapter returns them."""
        if function not in self.own:
            return REFERENCE.and_gradient(function, given)
        return self.read(call(self.own[function], *given))

    def _density(self, function, reference, given, named):
        given = inspect.signature(reference).bind(*given, **named).args
        return AdapterDensity(call(function, *given), reference(*given), self.read, self.steps)


class AdapterDensity:
    """A density, an RBM or an SDE of an adapter. complete: whether it has refebm's methods where it has none."""

    def __init__(self, own, reference, read, complete=True):
        self._own, self._reference, self._read, self._complete = own, reference, read, complete

    def __getattr__(self, name):
        method, reference = getattr(self._own, name, None), getattr(self._reference, name)
        if not callable(method):
            return reference if self._complete else self._lacking(name)
        returns = types_of(reference)["return"]
        if returns is float:  # a single number, and not the mean of rows
            return lambda *given: self._read((call(method, *given),))[0]
        if returns == Density:
            return lambda *given: self._asked(method, given, reference(*given))
        return lambda *given: self._asked(method, given, None)

    def _lacking(self, name):
        """Refuse a method that is not there, or an object that has none of those that are asked for."""
        of_class, has = type(self._reference).__name__, getattr(self._own, "made_of", type(self._own).__name__)
        methods = [one for kind, _, one in (name.partition(".") for name in EXAMINED) if kind == of_class and one]
        if not any(callable(getattr(self._own, one, None)) for one in (*methods, "log_prob")):
            raise Failure(f"returned {has}, which has none of the methods {', '.join(methods or ['log_prob'])}")
        raise NotSupported(f"{has} has no method {name}")

    def _asked(self, method, given, law):
        """The result of a method; if it is a density, that is wrapped in the same way."""
        result = call(method, *given)
        wrapped = hasattr(law, "log_prob")
        return AdapterDensity(result, law, self._read, self._complete) if wrapped else self._read(result)


def completed(machine):
    """An RBM or an SDE for the functions of an adapter that take one: with refebm's methods where it has none."""
    if isinstance(machine, AdapterDensity):
        machine._complete = True
    return machine


def text_of(source: str) -> str | None:
    """The bytes of an adapter's file, as one character each; None for a dotted module. Errors: E-ADAPTER."""
    path = Path(source)
    try:
        if path.suffix != ".py" and all(map(str.isidentifier, source.split("."))) and not path.is_file():
            return None
        if path.suffix != ".py":
            raise InputError("E-ADAPTER", f"an adapter is a Python file, .py, or a dotted module; got {source}")
        if not path.is_file():
            raise InputError("E-ADAPTER", f"there is no file {source}")
        return path.read_bytes().decode("latin-1")
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("E-ADAPTER", f"{source} cannot be read: {error}") from error


def files_of(source: str) -> dict[str, Path]:
    """The files from which an adapter may be read, by their names: of a dotted module, wherever it may be found."""
    if source.endswith(".py"):
        return {source: Path(source)}
    names = [f"{source.replace('.', os.sep)}{end}" for end in (".py", f"{os.sep}__init__.py")]
    return {str(path): path for folder in (*sys.path, "") for path in (Path(folder, name) for name in names)}


def load(source: str, read: Callable | None = None, text: str | None = None, steps: bool | None = None) -> Adapter:
    """Load an adapter from a file or a dotted module. text: the content of the file, if read. Errors: E-ADAPTER."""
    text = text_of(source) if text is None else text
    try:
        if text is None:
            sys.path.append("")
            module = importlib.import_module(source)
        else:
            module = _module_of(Path(source), text.encode("latin-1"))
        return Adapter(module, read, steps)
    except InputError:
        raise
    except BaseException as error:  # importing a stranger's file may do anything, such as raise SystemExit
        raise InputError("E-ADAPTER", f"{source} cannot be imported: {last_lines(error)}") from error


class _Read(importlib.machinery.SourceFileLoader):
    """Loads a module from content that was read before; the file may have been removed since."""

    def __init__(self, name, path, content):
        super().__init__(name, path)
        self.content = content

    def path_stats(self, path):
        raise OSError

    def get_data(self, path):
        return self.content


def _module_of(path, content):
    sys.path.append(str(path.absolute().parent))  # at the end, since an adapter may be called torch.py and import torch
    name = f"adapter_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_Read(name, str(path), content))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _exposed(module) -> dict[str, Callable]:
    """What a module defines under public names, imports as functions, lists in __all__, or decorates with such a name.

    If a module has functions of a harness, plain functions that it imports are not counted: its bodies call them.
    """
    listed = getattr(module, "__all__", ())
    public = {function.partition(".")[0] for function in EXAMINED}
    absent = [name for name in listed if name in public and not hasattr(module, name)]
    if absent:
        raise InputError("E-ADAPTER", f"__all__ lists {absent[0]}, which {module.__name__} does not have")
    named = {name: one for one in vars(module).values() for name in [_decorated(one)] if name in public}
    imported = {name for name in public if callable(vars(module).get(name)) and not inspect.isclass(vars(module)[name])}
    exposed = public & {*_defined(module), *listed, *(() if named else imported)}
    return dict(sorted((named | {name: getattr(module, name) for name in exposed}).items()))


def _decorated(one) -> str:
    """The name of refebm's under which a harness hands arguments to a function or class, if one does."""
    name = vars(one).get("objective", "") if inspect.isfunction(one) or inspect.isclass(one) else ""
    return name if isinstance(name, str) else ""


def misspelt(module) -> Iterator[tuple[str, str]]:
    """Pairs of a name that the module defines and a public name that it resembles, which the module does not have."""
    public = {function.partition(".")[0] for function in EXAMINED}
    defined = _defined(module)
    lower = {name.lower(): name for name in public}
    for name in set(defined) - public:
        close = [lower[near] for near in difflib.get_close_matches(name.lower(), lower, 1, CLOSE)]
        helper = name.lower() in map(str.lower, (*CLASSES, *KINDS)) or (close and close[0] in vars(module))
        if close and not helper:
            yield name, close[0]


def _beside(own: dict) -> Iterator[tuple[str, list[str]]]:
    """Each class of an adapter that has public methods which no question asks for, and these methods."""
    for name, thing in own.items():
        if inspect.isclass(thing):
            home = [vars(one) for one in thing.__mro__ if one.__module__ == thing.__module__]
            methods = dict.fromkeys(key for one in home for key, value in one.items() if inspect.isfunction(value))
            others = [one for one in methods if not one.startswith("_") and f"{name}.{one}" not in EXAMINED]
            asked_alone = {"log_prob"} if name in EXAMINED else set()
            others = [one for one in others if one not in asked_alone]
            if others:
                yield name, others


def _without_question(name: str, others: list[str]) -> Answer:
    """What the line of each method of a class says of those that refebm's class has too, and no question asks for.

    problem: of those for which there is no reason. unsupported: of those that could not be compared.
    """
    known = {one: unasked(f"{name}.{one}") for one in others if hasattr(getattr(refebm, name), one)}
    bare = [one for one, reason in known.items() if not reason]
    told = [f"{one} is not examined: {reason}" for one, reason in known.items() if reason]
    return Answer(problem=f"no question asks for {', '.join(bare)}" if bare else "", unsupported="; ".join(told))


def _defined(module) -> list[str]:
    """The callables that a module itself defines, except names that begin with _."""
    return [
        name
        for name, thing in vars(module).items()
        if callable(thing) and not name.startswith("_") and getattr(thing, "__module__", None) == module.__name__
    ]


def _nearest(module) -> str:
    public = sorted({function.partition(".")[0] for function in EXAMINED})
    own = (name for name, thing in vars(module).items() if getattr(thing, "__module__", None) == module.__name__)
    for name in own:
        near = difflib.get_close_matches(name, public, 1, 0.5)
        if near:
            return f"the nearest to {name} is {near[0]}"
    return f"they are {', '.join(public[:3])}, ...: `refebm list` prints all"


ONE = threading.RLock()  # questions, helpers and a framework's random functions are the process's: no two at once


def alone(function: Callable) -> Callable:
    """The same, for one thread at a time."""

    @functools.wraps(function)
    def waiting(*args, **kwargs):
        with ONE:
            return function(*args, **kwargs)

    return waiting


def call(function, *given):
    """Call a function of an adapter. Errors: Failure, with the last lines of its traceback; NotSupported."""
    given = tuple(map(known, given))
    if any(map(traced, given)):
        raise NotSupported("to be differentiated by autograd")
    if any(isinstance(one, Generator) for one in given):
        raise NotSupported("a generator that has no name")
    if any(callable(one) and not isinstance(one, Model) for one in given):
        raise NotSupported("a model that is no data")
    if any(one.kind not in SDES if isinstance(one, Sde) else hasattr(one, "drift") for one in given):
        raise NotSupported("an SDE that is made of callables")
    try:
        with np.errstate(all="ignore"):  # only the result is judged, not what overflows on the way
            return function(*given)
    except NotImplementedError as error:
        if "site-packages" in traceback.extract_tb(error.__traceback__)[-1].filename:  # a library's, not the adapter's
            raise Failure(f"raises {last_lines(error)}") from error
        raise NotSupported(_short(error) or "NotImplementedError") from error
    except (Failure, KeyboardInterrupt):
        raise
    except InputError as error:
        if error.code == "E-TIME" and any(np.result_type(one).kind == "i" for one in given if hasattr(one, "dtype")):
            # code that counts steps from 1 may call a model at a time that it does not have
            raise NotSupported(_short(error)) from error
        raise Failure(f"raises {last_lines(error)}") from error
    except BaseException as error:
        raise Failure(f"raises {last_lines(error)}") from error


def known(value):
    """The name of a generator or a map, as in the vectors; any other value unchanged."""
    return next((name for name, meant in BY_NAME.items() if meant is value), value)


def first(result):
    """The first part of a result that is a tuple; any other result unchanged."""
    return result[0] if isinstance(result, tuple) else result


def states(result):
    """The new states of two chains, of a pair of them, or of pairs with the probabilities of acceptance."""
    return tuple(map(first, result)) if isinstance(result, tuple) else result


def asked_with(name: str, given: tuple) -> tuple:
    """The arguments for an adapter's function: without refebm's optional ones, and with weights as numbers."""
    if len(given) > len(parameters(name)):
        raise NotSupported("refebm's optional arguments")
    kinds = list(types(name).values())
    if TimeWeight not in kinds:
        return given
    x, t = given[kinds.index(Points)], given[kinds.index(Times)]
    return tuple(one(t * np.ones(len(x))) if kind == TimeWeight else one for kind, one in zip(kinds, given))


def traced(value) -> bool:
    """Whether autograd is differentiating with respect to the value, or a part of it."""
    if isinstance(value, Model):
        value = value.parameters
    if isinstance(value, dict):
        value = tuple(value.values())
    return any(map(traced, value)) if isinstance(value, tuple) else isbox(value)


def step_of(function: str, before: np.ndarray, result, read: Callable) -> Step:
    """The result of an adapter's kernel as a Step; it is the new state, or that and the acceptance probability."""
    if isinstance(result, Step):
        return result
    result = read(result)
    after, *acceptance = result if isinstance(result, tuple) else (result,)
    shapes = [before.shape, before.shape[:1]] if function in ADJUSTED else [before.shape]
    if [part.shape for part in (after, *acceptance)] not in (shapes, shapes[:1]):
        got = " and ".join(str(part.shape) for part in (after, *acceptance))
        raise Failure(f"returned shape {got}, wanted {' and '.join(map(str, shapes))}")
    return Step(after, KnownInfo(before, after, *(acceptance or [None]))) if function in ADJUSTED else moved(after)


def last_lines(error: BaseException) -> str:
    """An exception and the last lines of its traceback, as text."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename not in ASKING and frame.line
    ]
    on_the_way = list(itertools.takewhile(lambda frame: frame.filename.startswith(HARNESS), frames))
    frames = frames[len(on_the_way) :] or frames  # from the adapter's own lines on
    where = "".join(f"\n    {Path(f.filename).name}:{f.lineno}: {f.line}" for f in frames[-LINES:])
    return f"{type(error).__name__}: {_short(error)}{where}"


def _short(error: BaseException) -> str:
    """The message of an exception in one line, even if the exception's own __str__ raises."""
    try:
        said = " ".join(str(error).split())
        return said if len(said) <= LONG else f"{said[:LONG]} ... ({len(said) - LONG} characters more)"
    except Exception as beside:
        return f"its text raises {type(beside).__name__}"


def split(result) -> tuple:
    """A result as (values, gradients): gradients are a dict, nested like the parameters of the model."""
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict):
        return result
    return result, None


def numbers(result):
    """The values of a result, without gradients, as float64 arrays; a tuple stays a tuple. Errors: Failure."""
    result, _ = split(result)
    if isinstance(result, tuple):
        return tuple(array(part).astype(np.float64) for part in result)
    return array(result).astype(np.float64)


def for_theorems(result):
    """The values of a result, as theorems need them: by row. Errors: NotSupported; E-ADAPTER for float32."""
    values, _ = split(result)
    parts = values if isinstance(values, tuple) else (values,)
    if any(array(part).dtype != np.float64 for part in parts):
        raise Unusable("E-ADAPTER", "theorems hold to float64's accuracy, and the adapter computes in float32")
    if not isinstance(values, tuple) and np.ndim(array(values)) == 0:
        raise NotSupported("theorems need a value per row, not their mean or sum")
    return numbers(result)


def array(result) -> np.ndarray:
    """One part of a result as an array of float32 or float64. Errors: Failure, which says what came instead."""
    if result is None:
        raise Failure("returned None")
    try:
        if getattr(result, "requires_grad", False):
            raise Failure("returned a tensor that requires grad: return tensor.detach().numpy()")
        if isinstance(result, MaskedArray):
            raise Failure("returned a masked array: return its data, or NaN where there is no number")
        found = np.asarray(result)
    except Failure:
        raise
    except Exception as error:
        kind = type(result).__name__
        if isinstance(error, ValueError) and (shapes := _shapes(result)):
            kind = f"a {kind} of parts of shapes {shapes}, where one array is wanted"
            raise Failure(f"returned {kind}, which NumPy cannot read") from error
        raise Failure(f"returned {kind}, which NumPy cannot read: {_short(error)}") from error
    if found.dtype == np.float16 or found.dtype.name == "bfloat16":
        raise Failure(f"returned {found.dtype.name}, which is not examined: compute in float32 or float64")
    if found.dtype.kind != "f":
        raise Failure(f"returned {type(result).__name__} of dtype {found.dtype}, wanted real numbers")
    return found


def _shapes(result) -> str:
    """The shapes of the first parts of a tuple or a list that is one part of an answer; "" for anything else."""
    if not isinstance(result, (tuple, list)):
        return ""
    try:
        return " and ".join(str(np.shape(part)) for part in result[:3])
    except ValueError:  # its parts have parts of several shapes
        return " and ".join(f"({_shapes(part)})" for part in result[:3])


def small(result) -> np.ndarray:
    """One part of an answer as an array. Errors: Failure, also where it is larger than any question asks for."""
    found = array(result)
    if found.size > MOST_NUMBERS:
        raise Failure(f"returned shape {found.shape}, which no question asks for")
    return found


def answer_of(adapter: Adapter, asked: Asked) -> Answer:
    """Ask one question with copies of its arguments, which the function must not modify."""
    given = copy.deepcopy(asked.arguments)
    try:
        values, gradient = split(ask(asked.function, adapter, given))
        values = values if isinstance(values, tuple) else (values,)
        if len(values) > MOST_PARTS:
            raise Failure(f"returned {len(values)} parts, which no question asks for")
        parts = tuple(map(small, values))
        gradient = (arrays(gradient) or None) if asked.gradient and gradient is not None else None
        if (size := _size((parts, gradient))) > MOST_NUMBERS:
            raise Failure(f"returned {size} numbers, which no question asks for")
        changed = [name for name in given if plain(given[name]) != plain(asked.arguments[name])]
    except NotSupported as error:
        return Answer(unsupported=_short(error))
    except Failure as error:
        return Answer(problem=str(error))
    except Exception as error:  # the result may be any object
        return Answer(problem=f"returned what cannot be read: {last_lines(error)}")
    return Answer(problem=f"modifies its input {', '.join(changed)}") if changed else Answer(parts, gradient)


def _size(tree) -> int:
    """How many numbers are in nested arrays."""
    parts = tree.values() if isinstance(tree, dict) else tree
    return np.size(tree) if isinstance(tree, np.ndarray) else sum(map(_size, parts or ()))


def arrays(tree, depth: int = 0):
    """Nested gradients with arrays as leaves, and None where a gradient is missing."""
    if depth > DEEPEST:
        raise Failure(f"returned gradients that are nested more than {DEEPEST} deep")
    if isinstance(tree, dict):
        return {key: arrays(value, depth + 1) for key, value in tree.items() if key != "kind"}
    if isinstance(tree, (tuple, list)):
        return tuple(arrays(value, depth + 1) for value in tree)
    return None if tree is None else small(tree)
