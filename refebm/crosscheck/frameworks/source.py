"""refebm's own modules, read again over another namespace than NumPy's: the same text on tensors of a framework.

What they import is looked up here first: `autograd.numpy` and `numpy` are the framework's namespace, `autograd` and
`scipy` the few functions of theirs that it has, and the checks of arguments only bring levels and times into shape. So
nothing about models or derivatives is written a second time. A function that is missing raises NotImplementedError
when it is called, which an examination counts as unsupported.
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
from refebm.variants.questions import BY_NAME

AS_THEY_ARE = ("refebm.progress", "refebm.truth.partition")  # no formula that is examined is in them


class Namespace:
    """Names as attributes, of the first of several places that has them; of NumPy only constants and types."""

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
    """A rule of differentiation, which a framework has of its own."""


class Unchecked(ast.NodeTransformer):
    """Leaves out what does nothing but refuse bad input: a framework may not say while it traces whether it is bad."""

    def visit_If(self, node):
        self.generic_visit(node)
        return ast.Pass() if refuses(node) else node


def refuses(node) -> bool:
    """Whether a statement only raises under some condition."""
    return isinstance(node, ast.If) and not node.orelse and all(isinstance(one, ast.Raise) for one in node.body)


class Source:
    """refebm's modules over a framework, by the few functions of NumPy, SciPy and autograd that these are made of."""

    def __init__(self, np, special, fft, autograd, held, own, some):
        self.some = some  # whether any of an array is true, or may be where values are not known
        self.own = own | {"mixture": self.mixture}  # functions that are found otherwise than refebm finds them, by name
        self.np = np = Namespace("numpy", {"errstate": lambda **_: contextlib.nullcontext()}, np)
        traced = {"getval": held, "isbox": lambda value: False, "TraceStack": object}
        self.modules = {"autograd.numpy": np, "numpy": np, "autograd": Namespace("autograd", autograd)}
        self.modules["autograd.tracer"] = Namespace("autograd.tracer", traced)
        rules = {"primitive": lambda function: function, "defvjp": _nothing, "defjvp": _nothing}
        self.modules["autograd.extend"] = Namespace("autograd.extend", rules)
        fft = Namespace("fft", fft, {"next_fast_len": lambda size: scipy.fft.next_fast_len(size)})
        self.modules["scipy"] = Namespace("scipy", {"special": Namespace("special", special), "fft": fft}, scipy)
        self.modules["refebm.glossary"] = Namespace("glossary", checks(np))
        self.modules["refebm.models.shapes"] = SimpleNamespace(dimension=_dimension)

    def module(self, name: str):
        """A module by its name: what stands for it, one of refebm's from its text, or any other as it is."""
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
        for part in reversed(name.split(".")[1:]):  # `import a.b as c` asks a for b
            found = SimpleNamespace(**{part: found})
        return found

    def mixture(self, x, logits, means, precisions):
        """The energy of a mixture, all of it for every row: where rows are mapped over none can be told from others."""
        np, energies = self.np, self.module("refebm.models.energies")
        away = x - means[:, None]
        joint = logits[:, None] - 0.5 * np.sum(away * np.matmul(away, precisions), axis=2)
        held = self.module("refebm.calculus").held(joint)
        deepest, log_sum, near = np.argmax(held, axis=0), energies.logsumexp, energies.logsumexp(joint, 0)
        far = np.abs(held - logits[:, None]) > 0.5 * energies.FAR**2
        far = [(deepest == j) & far[j] for j in range(len(means))]
        for j in range(len(means)) if any(map(self.some, far)) else ():
            other = joint[j] + log_sum(energies._less_the_well(j, x, logits, means, precisions), 0)
            near = np.where(far[j], other, near)
        return -near

    def sampler(self, name: str):
        """A map that questions have a name for."""
        found = {"np": self.np}
        exec(inspect.getsource(BY_NAME[name]), found)
        return found[name]

    def __getattr__(self, name):
        """What refebm calls so: a public name, or a helper of its formulas."""
        places = {home: vars(importlib.import_module(home)) for home in homes()}
        having = [home for home in places if name in places[home]]
        made_by = [getattr(places[home][name], "__module__", None) for home in having]
        for home in [home for home in made_by if home in places and name in places[home]] or having:
            return getattr(self.module(home), name)
        raise AttributeError(f"refebm has nothing called {name}")


class Original(Source):
    """The modules as they are, over NumPy."""

    def __init__(self, np):
        self.np, self.modules = np, {"refebm.glossary": Namespace("glossary", checks(np))}

    def module(self, name):
        return self.modules.get(name) or importlib.import_module(name)

    def sampler(self, name):
        return BY_NAME[name]  # written over autograd's NumPy, for a body that differentiates


@functools.cache
def homes() -> tuple[str, ...]:
    """The modules in which public names are defined, and what their formulas are written in."""
    public = (getattr(getattr(refebm, name), "__module__", "") for name in refebm.__all__)
    helpers = ("refebm.objectives.notation", "refebm.samplers.step", "refebm.glossary")
    return (*dict.fromkeys(home for home in public if home.startswith("refebm.")), *helpers)


def _dimension(kind, parameters):
    """d of a flow, the one model that asks for it; the shapes of the rest have been seen to."""
    return len(parameters["couplings"][0][0][0]) if "couplings" in parameters else None


def checks(np) -> dict:
    """For each check of refebm what it makes of a good value; a level becomes a column, a time is one for each row."""

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
        checks, given = checks_of(function), inspect.signature(function).parameters
        own = {name: shaping[check] for name, check in checks.items() if check in shaping}
        anchor = next((name for name, one in given.items() if glossary.gives_rows(one.annotation)), None)
        names = list(given)

        @functools.wraps(function)
        def brought(*given, **named):
            given = dict(zip(names, given)) | named
            return function(**given | {name: own[name](name, given[name], given[anchor]) for name in own})

        return brought if own and anchor else function

    shaping = {glossary.level: level, glossary.times_of: times_of, glossary.indices_of: indices_of}
    good = {"positive_vector": vector, "vector": vector, "covariance": covariance}
    good |= {"real_array": lambda name, value: np.asarray(value)}
    good |= {"level": level, "times_of": times_of, "indices_of": indices_of, "rows": rows, "shaping": shaping}
    real = {name: value for name, value in vars(glossary).items() if not name.startswith("_")}
    return {name: as_it_is(value) if inspect.isfunction(value) else value for name, value in real.items()} | good
