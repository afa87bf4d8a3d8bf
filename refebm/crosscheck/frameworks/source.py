"""refebm's own modules, executed again over a framework's namespace instead of NumPy's: the same text, on its tensors.

Their imports are looked up here first: `autograd.numpy` and `numpy` become the framework's namespace, `autograd` and
`scipy` the few functions of theirs that are needed, and argument checks only reshape levels and times. So nothing about
models or derivatives is written twice. A missing function raises NotImplementedError when it is called, which counts as
unsupported in an examination.
"""

import ast
import builtins
import contextlib
import functools
import importlib
import inspect
from types import ModuleType, SimpleNamespace

import numpy
import scipy

import refebm
from refebm import glossary
from refebm.glossary import checks_of
from refebm.variants.arguments import BY_NAME

NESTED = {"leaves_of": glossary.leaves_of, "filled": glossary.filled}  # of the glossary, what is no check
AS_THEY_ARE = ("refebm.progress", "refebm.truth.partition")  # modules without examined formulas, not executed again


class Namespace:
    """Names as attributes, taken from the first of several places that has them; NumPy gives only constants, types."""

    def __init__(self, name, *places):
        self._name, self._places = name, places

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        for place in self._places:
            found = place.get(name) if isinstance(place, dict) else getattr(place, name, None)
            if found is not None:
                return found
        constant = getattr(numpy, name, None)
        if self._name == "numpy" and (isinstance(constant, (type, float)) or name == "finfo"):
            return constant
        return _missing(f"{self._name}.{name}")


def _missing(name):
    def missing(*_, **__):
        raise NotImplementedError(f"{name} is not among what this framework is given")

    return missing


def _nothing(*_):
    """Replaces the registration of derivatives with autograd, since a framework has its own."""


class Unchecked(ast.NodeTransformer):
    """Removes statements that only refuse bad input, since a framework may not know values while it traces."""

    def visit_If(self, node):
        self.generic_visit(node)
        return ast.Pass() if refuses(node) else node


def refuses(node) -> bool:
    """Whether a statement only raises under some condition, with or without a name for something in the message."""
    if not isinstance(node, ast.If) or node.orelse:
        return False
    *before, last = node.body
    return isinstance(last, ast.Raise) and all(isinstance(one, ast.Assign) for one in before)


class Source:
    """refebm's modules over a framework, given the few functions of NumPy, SciPy and autograd that they use."""

    def __init__(self, np, special, fft, autograd, held, own, some, step=lambda function: function):
        # step: of a function that autograd sees as one step, with a derivative of its own, the framework's
        self.some = some  # a function: whether any entry is true, or may be where values are unknown
        self.own = own | {"mixture": self.mixture, "anywhere": some}  # functions that replace refebm's, by name
        self.np = np = Namespace("numpy", {"errstate": lambda **_: contextlib.nullcontext()}, np)
        traced = {"getval": held, "isbox": lambda value: False, "TraceStack": object}
        self.modules = {"autograd.numpy": np, "numpy": np, "autograd": Namespace("autograd", autograd)}
        self.modules["autograd.tracer"] = Namespace("autograd.tracer", traced)
        rules = {"primitive": step, "defvjp": _nothing, "defjvp": _nothing}
        same, by_leaf = lambda function: function, lambda function, nest: autograd["make_vjp"](function)(nest)
        traces = {"remembered": same, "by_one_pass": same, "vjp_by_leaf": by_leaf}
        self.modules["refebm.tracing"] = SimpleNamespace(**autograd, **traces)
        self.modules["autograd.extend"] = Namespace("autograd.extend", rules)
        fft = Namespace("fft", fft, {"next_fast_len": lambda size: scipy.fft.next_fast_len(size)})
        self.modules["scipy"] = Namespace("scipy", {"special": Namespace("special", special), "fft": fft}, scipy)
        self.modules["refebm.glossary"] = Namespace("glossary", checks(np))
        self.modules["refebm.models.shapes"] = SimpleNamespace(dimension=_dimension)

    def module(self, name: str):
        """A module by its name: its replacement, one of refebm's executed again, or any other module unchanged."""
        if name in self.modules or name.partition(".")[0] != "refebm" or name in AS_THEY_ARE:
            return self.modules.get(name) or importlib.import_module(name)
        original = importlib.import_module(name)
        self.modules[name] = fresh = ModuleType(name, original.__doc__)
        fresh.__dict__["__builtins__"] = vars(builtins) | {"__import__": self._import}
        fresh.__path__ = getattr(original, "__path__", None)
        tree = Unchecked().visit(ast.parse(inspect.getsource(original)))
        exec(compile(ast.fix_missing_locations(tree), original.__file__, "exec"), fresh.__dict__)
        vars(fresh).update({key: own for key, own in self.own.items() if hasattr(fresh, key)})
        return fresh

    def _import(self, name, globals=None, locals=None, fromlist=(), level=0):
        found = self.module(name)
        for part in fromlist or ():
            if not hasattr(found, part) and getattr(found, "__path__", None):
                setattr(found, part, self.module(f"{name}.{part}"))
        if fromlist or "." not in name:
            return found
        for part in reversed(name.split(".")[1:]):  # `import a.b as c` looks up b in a
            found = SimpleNamespace(**{part: found})
        return found

    def mixture(self, x, logits, means, precisions):
        """The energy of a mixture, with all components for every row, since under vmap rows cannot be told apart."""
        np, energies = self.np, self.module("refebm.models.energies")
        away = x - means[:, None]
        joint = logits[:, None] - 0.5 * np.sum(away * np.matmul(away, precisions), axis=2)
        held, log_sum = self.module("refebm.calculus").held(joint), energies.logsumexp
        near, far = log_sum(joint, 0), np.abs(held - logits[:, None]) > 0.5 * energies.FAR**2
        if not self.some(far):
            return -near
        deepest = np.argmax(held, axis=0)
        far = [(deepest == j) & far[j] for j in range(len(means))]
        for j in range(len(means)) if any(map(self.some, far)) else ():
            other = joint[j] + log_sum(energies._less_the_well(j, x, logits, means, precisions), 0)
            near = np.where(far[j], other, near)
        return -near

    def sampler(self, name: str):
        """The map that questions give by this name."""
        found = {"np": self.np}
        exec(inspect.getsource(BY_NAME[name]), found)
        return found[name]

    def __getattr__(self, name):
        """A public name of refebm, or a helper of its formulas, over this framework."""
        places = {home: vars(importlib.import_module(home)) for home in homes()}
        having = [home for home in places if name in places[home]]
        made_by = [getattr(places[home][name], "__module__", None) for home in having]
        for home in [home for home in made_by if home in places and name in places[home]] or having:
            return getattr(self.module(home), name)
        raise AttributeError(f"refebm has nothing called {name}")


class Original(Source):
    """refebm's modules unchanged, over NumPy."""

    def __init__(self, np):
        self.np, self.modules = np, {"refebm.glossary": Namespace("glossary", checks(np))}

    def module(self, name):
        return self.modules.get(name) or importlib.import_module(name)

    def sampler(self, name):
        return BY_NAME[name]  # written over autograd's NumPy, for a body that differentiates


@functools.cache
def homes() -> tuple[str, ...]:
    """The modules that define public names, and those that their formulas use."""
    public = (getattr(getattr(refebm, name), "__module__", "") for name in refebm.__all__)
    helpers = ("refebm.objectives.notation", "refebm.samplers.step", "refebm.glossary")
    return (*dict.fromkeys(home for home in public if home.startswith("refebm.")), *helpers)


def _dimension(kind, parameters):
    """d of a flow, the only model that needs it; the shapes of other models were checked before."""
    return len(parameters["couplings"][0][0][0]) if "couplings" in parameters else None


def checks(np) -> dict:
    """For each argument check of refebm, a function that only converts: levels to columns, times to one per row."""

    def as_it_is(check):
        names = list(inspect.signature(check).parameters)
        place = next((i for i, name in enumerate(names) if name in ("value", "values", "function")), slice(None))
        return lambda *given, **_: given[place]

    def level(name, value, x):
        return np.ones((len(x), 1)) * np.reshape(value, (-1, 1))

    def times_of(name, value, x):
        return np.ones(len(x)) * np.reshape(value, (-1,))

    def indices_of(name, value, x):
        return np.zeros(len(x), dtype=int) + value

    def vector(name, value, *_):
        return np.reshape(value, (-1,))

    def covariance(name, value, d):
        return value * np.eye(d) if numpy.ndim(value) == 0 else value

    def rows(function):
        checks, parameters = checks_of(function), inspect.signature(function).parameters
        own = {name: shaping[check] for name, check in checks.items() if check in shaping}
        anchor = next((name for name, one in parameters.items() if glossary.gives_rows(one.annotation)), None)

        @functools.wraps(function)
        def brought(*given, **named):
            given = dict(zip(parameters, given)) | named
            return function(**given | {name: own[name](name, given[name], given[anchor]) for name in own})

        return brought if own and anchor else function

    shaping = {glossary.level: level, glossary.times_of: times_of, glossary.indices_of: indices_of}
    good = NESTED | {"positive_vector": vector, "vector": vector, "covariance": covariance}
    good |= {"real_array": lambda name, value: np.asarray(value), "lost_rows": lambda x: ~np.isfinite(x).all(axis=1)}
    good |= {"level": level, "times_of": times_of, "indices_of": indices_of, "rows": rows, "shaping": shaping}
    real = {name: value for name, value in vars(glossary).items() if not name.startswith("_")}
    return {name: as_it_is(value) if inspect.isfunction(value) else value for name, value in real.items()} | good
