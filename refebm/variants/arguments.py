"""Questions for implementations of public functions: arguments, made from the types of a function's parameters.

Every number is a multiple of 1/64 with at most 8 binary digits: exact in float64, float32 and bfloat16, short in JSON,
and the same on every machine, since only the raw stream of a bit generator is used.
"""

import functools
import inspect
import math
import re
from collections.abc import Callable
from itertools import pairwise

import autograd.numpy as anp
import numpy as np
from autograd import grad
from autograd.misc import flatten

import refebm
from refebm import glossary
from refebm.identities import Implementation
from refebm.identities.implementation import SAMPLERS
from refebm.identities.sdes import GIVEN
from refebm.models import ENERGIES, RBMS, Model, Models, with_parameters
from refebm.samplers.chain import Chain
from refebm.samplers.diagnostics import Chains, ChainsInUnits, HalvesInUnits
from refebm.samplers.step import Info, Step, moved
from refebm.variants.asked import particular

GRID = 64
KIND_OF = {one.__name__: kind for kind, one in RBMS.items()}
SDES = glossary.PROCESSES.kinds  # and GivenDiffusion, if asked for
GENERATORS = {name: one for name, one in vars(refebm).items() if isinstance(one, refebm.Generator)}
BY_NAME = SAMPLERS | GENERATORS  # arguments that an adapter gets by name


@functools.cache
def types(function: str) -> dict:
    """The types of the parameters of a public function or method, by name, and of its result as "return"."""
    name, _, method = function.partition(".")
    thing = getattr(refebm, name)
    return glossary.types_of(getattr(thing, method) if method else thing)


def made_of_numbers(name: str) -> bool:
    """Whether objects of a class, or those that a function makes, are laws, and are built from numbers alone."""
    thing = getattr(refebm, name)
    made = thing if inspect.isclass(thing) else types(name)["return"] if inspect.isfunction(thing) else None
    return bool({"log_prob", "log_partition", "marginal"} & {*dir(made)}) and Callable not in types(name).values()


CLASSES = tuple(filter(made_of_numbers, refebm.__all__))  # whose objects are built from data


def of_type(function: str, arguments: dict, *kinds):
    """The first argument of one of these types, or None."""
    return next((value for name, value in arguments.items() if types(function).get(name) in kinds), None)


FUNCTIONS = tuple(name for name in refebm.__all__ if inspect.isfunction(getattr(refebm, name)))
RETURNED = (glossary.Field, glossary.LogDensity)
CALLED = tuple(name for name in FUNCTIONS if types(name)["return"] in RETURNED)  # return functions, compared at x
KERNELS = tuple(name for name in FUNCTIONS if glossary.States in types(name).values())
# Kernels that accept or reject; questions ask for the acceptance probability too:
ADJUSTED = tuple(name for name in KERNELS if glossary.Energy in types(name).values())
FOR_GRADIENTS = tuple(name for name in FUNCTIONS if types(name)["return"] == glossary.ForItsGradient)
DIAGNOSTICS = tuple(name for name in FUNCTIONS if getattr(refebm, name).__module__ == "refebm.samplers.diagnostics")


@functools.cache
def parameters(function: str) -> tuple[str, ...]:
    """The names of the arguments that questions give to a public function."""
    given = inspect.signature(getattr(refebm, function)).parameters.values()
    required = tuple(one.name for one in given if one.default is one.empty)
    return required + (("x",) if function in CALLED else particular(function).also)


def reporting(x, z, u):
    """A kernel by hand, x/2 + z, whose report is made from u."""
    return Step(0.5 * x + z, Info(u, u < 0.5, 0 * u, u > 0.75))


def together(x, y, z, u):
    """A coupled kernel by hand: both go to x/2 + z where u > 1/2 or they have met, else the second to y/2 - z."""
    up = 0.5 * x + z
    same = (u[:, None] > 0.5) | np.all(x == y, axis=1)[:, None]
    return moved(up), moved(np.where(same, up, 0.5 * y - z))


class Question:
    """Arguments for any public function, made from the types of its parameters; those not fixed are drawn.

    Models are data. d, n, m: coordinates, rows, projections. kind: the kind of model. reach: how far out points and
    wells are. grid: the unit is 1/grid; other values than 64 give numbers that float32 has to round. fixed: arguments
    by name, and options: between=True, for one, puts points between two wells, where E is concave.
    """

    def __init__(self, seed=0, d=3, n=4, m=2, sigma=None, kind="mlp_score", centre=None, reach=1, grid=GRID, **fixed):
        self.unit, self.stream, self.fixed = grid, np.random.PCG64(seed), fixed
        self.d, self.n, self.m, self.kind = d, n, m, kind
        self.sigma = self.grid((n,), 0.375, 1.5) if sigma is None else sigma
        self.centre = self.grid((d,), -1, 1) if centre is None else centre * np.ones(d)
        self.reach = reach

    def grid(self, shape, low, high):
        """Multiples of 1/64, or of another unit, from low to high."""
        first, last = round(low * self.unit), round(high * self.unit)
        raw = self.stream.random_raw(math.prod(shape))
        return (first + (raw % (last - first + 1)).astype(float)).reshape(shape) / self.unit

    def scalar(self, value):
        """The number itself on the usual grid; on another, a nearby number that float32 has to round."""
        return value if self.unit == GRID else value * GRID / self.unit

    def array(self, name, kind=glossary.Points, low=-1.75, high=1.75):
        """An array of the shape that its type says, from low to high, or throughout the number that is fixed."""
        drawn = self.grid(self.shape(kind), low, high)
        return self.fixed[name] + np.zeros(drawn.shape) if name in self.fixed else drawn

    def shape(self, kind):
        """The first shape in the words of a type, in numbers."""
        lengths = {
            "n": lambda: self.n,
            "d": lambda: self.d,
            "m": lambda: self.fixed.get("hidden", 2),
            "N": lambda: self.fixed.get("n_steps", 4),
            "T": lambda: self.fixed.get("n_steps", 2),
            "L": lambda: len(self.argument_of(glossary.DecreasingLevels)),
            "K": lambda: len(self.argument_of(glossary.DecreasingTimes)) - 1,
            "1 + M": lambda: 1 + self.fixed.get("corrections", 2),
        }
        words = re.search(r"\(([^()]*)\)", glossary.words_of(kind))[1]
        return tuple(lengths[one.strip()]() for one in words.split(",") if one.strip())

    def argument_of(self, kind):
        """The value of the argument that has this type."""
        return self.drawn(next(name for name, one in types(self.function).items() if one == kind), kind)

    def around(self, name="x", nu=()):
        """Points around the centre, (n, d) or (nu, n, d), as far as the question reaches."""
        drawn = self.reach * (self.grid((*nu, self.n, self.d), -1.75, 1.75) + self.centre)
        return self.fixed.get(name, drawn) + np.zeros(drawn.shape)

    def anywhere(self, name):
        """Points of all reals: around the centre, between two wells, or beside walls or holes of an energy."""
        if {"walls", "holes"} & {*self.fixed}:
            return np.zeros((self.n, self.d))
        if self.fixed.get("between"):
            return self.grid((self.n, self.d), -0.25, 0.25)
        return self.around(name) * self.fixed.get("apart", 1)

    def points(self, name):
        """Points in the domain of the model: real, positive or binary."""
        x = self.anywhere(name)
        return self.positive(x) if self.kind == "gamma" else self.units(x) if self.kind == "binary_rbm" else x

    def noise(self, name):
        """Unit normal noise; where proposals shall have no energy, of steps that are far enough."""
        ends = (1, 1.5) if self.fixed.get("holes") else (-1.75, 1.75)
        return (4 if {"walls", "holes"} & {*self.fixed} else 1) * self.array(name, glossary.Noise, *ends)

    def covariance(self):
        """A covariance that is diagonally dominant, and so always positive definite."""
        if self.fixed.get("unit"):
            return np.eye(self.d)
        if self.fixed.get("isotropic"):
            return 1.75 * np.eye(self.d)
        most = 0.2 if self.d < 8 else 1 / 16
        upper = np.triu(self.grid((self.d, self.d), -most, most), 1)
        return np.diag(self.grid((self.d,), 0.875, 2)) + upper + upper.T

    def network(self, *widths):
        return tuple((self.grid(pair, -1, 1), self.grid(pair[1:], -1, 1)) for pair in pairwise(widths))

    def model(self, kind):
        return Model(kind, getattr(self, f"_{kind}")())

    def _quadratic(self):
        if self.fixed.get("walls"):  # an energy that overflows a few steps away
            return {"mean": np.zeros(self.d), "precision": 2.0**1020 * np.eye(self.d)}
        if self.fixed.get("holes"):  # its energy is infinity - infinity, NaN, a few steps away
            return {"mean": np.zeros(self.d), "precision": 2.0**1022 * np.diag([-1.0] + [2.0] * (self.d - 1))}
        return {"mean": self.reach * self.grid((self.d,), -1, 1), "precision": self.covariance()}

    def _mixture(self):
        precisions = np.stack([self.covariance() for _ in range(2)])
        means = self.grid((2, self.d), -2, 2)
        if self.fixed.get("between"):
            means = np.array([[-1.75], [1.75]]) + self.grid((2, self.d), -0.125, 0.125)
        return {"logits": self.grid((2,), -1, 1), "means": means, "precisions": precisions}

    def _mlp_energy(self):
        return {"precision": np.float64(0.75), "layers": self.network(self.d, 3, 1)}

    def _mlp_score(self):
        return {"layers": self.network(self.d, 3, self.d)}

    def _noise_conditional(self):
        return {"layers": self.network(self.d + 1, 3, self.d)}

    def _smoothed_mixture(self):
        means, variances = self.grid((2, self.d), -2, 2), self.grid((2, self.d), 0.25, 2)
        return {"logits": self.grid((2,), -1, 1), "means": means, "variances": variances}

    @functools.cached_property
    def process(self):
        """The SDE of this question, as kind and parameters."""
        kind = self.fixed.get("sde") or SDES[self.stream.random_raw() % len(SDES)]
        if kind == "GivenDiffusion":
            return GIVEN
        if kind == "VarianceExploding":
            least, most = self.grid((2,), 0.25, 0.5)
            return {"kind": kind, "parameters": {"sigma_min": float(least), "sigma_max": float(most) + 1.25}}
        least, most = self.grid((2,), 0.25, 0.75)
        most = least if self.fixed.get("level_beta") else (4 if self.fixed.get("n_steps") != 1 else 1) * most
        return {"kind": kind, "parameters": {"beta_min": float(least), "beta_max": float(most)}}

    def _diffused_mixture(self):
        return {"sde": self.process, **self._smoothed_mixture()}

    def _at_level(self):
        return {"kind": "noise_conditional", "parameters": self._noise_conditional(), "sigma": np.float64(0.625)}

    def _denoiser(self):
        return {"kind": "mixture", "parameters": self._mixture(), "sigma": np.float64(0.625)}

    def _gamma(self):
        return {"shape": self.grid((self.d,), 1.5, 4), "rate": self.grid((self.d,), 0.5, 2)}

    def _laplace(self):
        return {"loc": self.grid((self.d,), -1, 1), "scale": self.grid((self.d,), 0.5, 2)}

    def _binary_rbm(self):
        m = self.fixed.get("hidden", 2)
        weights = self.reach * self.grid((self.d, m), -1.5, 1.5)
        b = self.grid((self.d,), -1, 1) * self.fixed.get("visible_bias", 1.0)
        c = self.grid((m,), -1, 1) * self.fixed.get("hidden_bias", 1.0)
        return {"b": b + 0.0, "c": c + 0.0, "W": weights}  # no -0

    def _gaussian_rbm(self):
        return self._binary_rbm() | {"sigma": np.float64(self.fixed.get("rbm_sigma", 0.75))}

    def _autoregressive(self):
        shape = {"shift": (self.d,), "shift_weights": (self.d,) * 2}
        shape |= {"log_scale": (self.d,), "log_scale_weights": (self.d,) * 2}
        return {name: self.grid(shape[name], -0.75, 0.75) for name in shape}

    def _flow(self):
        return {"couplings": tuple(self.network(self.d, 2, 2 * self.d) for _ in range(2))}

    def projections(self, m):
        """m projections for each row, (m, n, d); (n, d) if m is None."""
        v = self.grid((self.n, self.d) if m is None else (m, self.n, self.d), -1.75, 1.75)
        v = v / np.sqrt(np.sum(v**2, axis=-1, keepdims=True)) if self.fixed.get("unit_v") else v
        return np.where(v < 0, -1.0, 1.0) if self.fixed.get("signs") else v

    def arguments(self, function: str) -> dict:
        """Values for the parameters of `function`, by name; a model or a data score is `Model` data."""
        if make := particular(function).arguments:
            return make(self, *function.split("."))
        return self.of_types(function)

    def of_types(self, function: str) -> dict:
        """The same, of a function, by the types of its parameters alone."""
        self.function = function
        built = [mark for one in types(function).values() if (mark := glossary.mark_of(one, glossary.Built))]
        self.asked = next((self.usual_kind(mark) for mark in built if mark.kinds), self.kind)
        return {name: self.drawn(name, types(function).get(name, glossary.Points)) for name in parameters(function)}

    def usual_kind(self, mark):
        """The question's kind of model, or the usual one of a type that has no models of this kind."""
        one = particular(self.function)
        known = {*mark.kinds, *one.kinds, *one.more_kinds}
        known |= ENERGIES.keys() if known & ENERGIES.keys() else set()
        return self.kind if self.kind in known else mark.kinds[0]

    def drawn(self, name, kind):
        """An argument, by the draw that the function has of its own, else by its type: a draw, a value, or marks."""
        draw, tried = particular(self.function).draws.get(name, DRAWS.get(kind)), glossary.mark_of(kind, glossary.Tried)
        if draw is None and tried and tried.usual is not None:
            draw = tried.usual
        if draw is not None:
            return draw(self, name) if callable(draw) else self.usual(name, draw)
        if drawn := glossary.mark_of(kind, glossary.Drawn):
            return self.array(name, kind, *drawn.ends)
        if built := glossary.mark_of(kind, glossary.Built):
            return self.model(self.usual_kind(built))
        raise LookupError(
            f"{self.function}: no mark of its type says what {name} is in questions, nor asked(..., draws=)"
        )

    def usual(self, name, value):
        """The value that is fixed, or this one: a number or a name, or the numbers of an array."""
        value = self.fixed.get(name, self.scalar(value) if isinstance(value, float) else value)
        return np.array(value) if isinstance(value, (tuple, list)) else value

    def log_density(self, kind, log_z):
        kind = "mlp_energy" if kind == "mlp_score" else kind
        inner = self.model(kind).parameters
        return Model("log_density", {"kind": kind, "parameters": inner, "log_z": np.float64(log_z)})

    def chains(self, _):
        """n chains, (T, n, d), each with its own mean: moving averages, so that they are correlated in time."""
        length, width = self.fixed.get("length", 12), self.fixed.get("width", 3)
        steps = self.grid((length + width - 1, self.n, self.d), -3 / width, 3 / width)
        signs = (-1.0) ** np.arange(length)[:, None, None] if self.fixed.get("alternate") else 1.0
        return self.grid((self.n, self.d), -0.75, 0.75) + signs * sum(steps[t : t + length] for t in range(width))

    def reports(self, _):
        """Noise z for a chain, and numbers u from which its steps make their reports."""
        steps = self.fixed.get("n_steps", 3)
        return self.grid((steps, self.n, self.d), -1.75, 1.75), self.grid((steps, self.n), 1 / 64, 63 / 64)

    @property
    def sides(self):
        """The sides of the grids, from coarse to fine: one grid if d = 1, else two, far apart if d = 5."""
        return {1: (2,), 2: (1, 2), 5: (1, 4)}.get(self.d, (2, 4))

    def of_grids(self, make):
        """Call make() once per grid, with d set to its number of pixels."""
        d = self.d
        made = []
        for side in self.sides:
            self.d = side**2
            made.append(make())
        self.d = d
        return tuple(made)

    def of_each_grid(self, _):
        kind = self.kind if self.kind in ENERGIES else "quadratic"
        return Models(self.of_grids(lambda: self.model(kind)))

    def noise_of_grids(self, _):
        """For three steps on small grids, and for two on large ones."""
        return self.of_grids(
            lambda: self.grid((self.fixed.get("n_steps", 3 if self.d < 16 else 2), self.n, self.d), -1.75, 1.75)
        )

    def images(self, name):
        return self.fixed.get(name, self.reach * self.grid((self.n, self.sides[-1] ** 2), -1.75, 1.75))

    def indices(self, _):
        """A step i for each row. A network needs i > 0 as its level, a diffused mixture a time: i is 0 or 1."""
        if self.asked == "diffused_mixture":
            return self.fixed.get("i", np.arange(self.n) % 2) + np.zeros(self.n, int)
        return 1 + np.arange(self.n) % (self.fixed.get("n_steps", 4) - 1)

    def units(self, x):
        """States of binary units."""
        return (x > 0) * 1.0

    def positive(self, x):
        return np.abs(x) + 0.125

    @property
    def level(self):
        """One noise level, for all rows."""
        return self.scalar(0.6875) if np.ndim(self.sigma) else self.sigma


def log_density(log_z):
    return lambda ask, name: ask.log_density(ask.asked, log_z)


DRAWS = {  # how an argument is drawn of each type whose marks alone do not say it
    **dict.fromkeys((glossary.Points, glossary.States), Question.points),
    glossary.PositivePoints: lambda ask, name: ask.positive(ask.anywhere(name)),
    glossary.Bits: lambda ask, name: (ask.anywhere(name) > ask.centre) * 1.0,
    **dict.fromkeys((glossary.NoisyPoints, glossary.Generated, glossary.Pathwise), Question.around),
    glossary.ModelPoints: lambda ask, name: (ask.units if ask.asked == "binary_rbm" else np.array)(ask.array(name)),
    glossary.NoisePoints: lambda ask, name: ask.around(name, (ask.fixed.get("nu", 3),)),
    glossary.Noise: Question.noise,
    glossary.Trajectory: lambda ask, name: ask.grid((ask.fixed.get("length", 6), ask.n, ask.d), -2, 2),
    **dict.fromkeys((Chains, ChainsInUnits, HalvesInUnits), Question.chains),
    glossary.Direction: lambda ask, name: ask.projections(None),
    glossary.Projections: lambda ask, name: ask.projections(ask.m),
    glossary.Level: lambda ask, name: float(np.ravel(ask.sigma)[0]),
    glossary.Levels: lambda ask, name: ask.sigma,
    glossary.Indices: Question.indices,
    glossary.LogWeights: lambda ask, name: ask.reach * ask.grid((ask.n,), -2, 2),
    glossary.StepSizes: lambda ask, name: ask.fixed.get(name, ask.grid(ask.shape(glossary.StepSizes), 0.125, 0.375)),
    glossary.RowCount: lambda ask, name: ask.n,
    glossary.Coordinates: lambda ask, name: ask.d,
    glossary.LogDensity: log_density(-0.6875),
    glossary.Logit: log_density(-0.25),
    glossary.DataScore: lambda ask, name: Model("quadratic", {"mean": ask.centre, "precision": ask.covariance()}),
    glossary.Parameters: lambda ask, name: (ask.grid((ask.d, ask.d), -1, 1), ask.centre),
    glossary.Rng: lambda ask, name: np.random.default_rng(ask.stream.random_raw()),
    glossary.Sde: lambda ask, name: ask.process,
    glossary.Density: lambda ask, name: refebm.Gaussian(ask.centre, ask.covariance()),
    glossary.Transition: lambda ask, name: reporting,
    glossary.CoupledTransition: lambda ask, name: together,
    glossary.Tape: Question.reports,
    glossary.Images: Question.images,
    **dict.fromkeys((glossary.Energies, glossary.Scores), Question.of_each_grid),
    glossary.GridImages: lambda ask, name: ask.of_grids(lambda: ask.grid((ask.n, ask.d), -1.75, 1.75)),
    glossary.GridNoise: Question.noise_of_grids,
}


def ask(function: str, impl: Implementation, arguments: dict):
    """Call a function of an implementation with these arguments, with models in the form that it wants."""
    given = {name: handed(impl, types(function).get(name), value) for name, value in arguments.items()}
    if call := particular(function).call:
        return call(impl, function, given)
    if "density" in given:
        return _ask_density(impl, function.partition(".")[2] or "log_prob", **given)
    if function in CALLED:
        point = given.pop("x")
        return getattr(impl, function)(*given.values())(point)
    if function in FOR_GRADIENTS:
        return impl.and_gradient(function, tuple(given.values()))
    result = getattr(impl, function)(*given.values())
    if isinstance(getattr(result, "info", None), Chain):
        return result.x, *result.info
    if isinstance(result, Step):
        return (result.x, result.info.acceptance) if function in ADJUSTED else result.x
    if isinstance(result, tuple) and types(function)["return"] == tuple[Step, Step]:  # or, of an adapter, (x, ...) each
        return tuple(step[0] if isinstance(step, tuple) else step for step in result)
    return result


def handed(impl: Implementation, annotation, value):
    """An argument as an implementation takes it, built from the question's data; callables are not changed."""
    by = _builder(annotation)
    return getattr(impl, by)(value) if by and (isinstance(value, Model) or not callable(value)) else value


@functools.cache
def _builder(annotation) -> str:
    """The method of an implementation that builds arguments of this type; "" for types that are not built."""
    mark = glossary.mark_of(annotation, glossary.Built)
    return mark.by if mark else ""


def role(annotation) -> str:
    """The form in which a model is given for an argument of this type: score, energy or rbm; "" for other types."""
    by = _builder(annotation)
    return by if by in ("score", "energy", "rbm") else ""


def _ask_density(impl, method, density, sigma=None, **asked):
    p = getattr(impl, density["density"])(*density["parameters"].values())
    if method == "sample" and not asked:
        return p.sample(np.random.default_rng(5), 4)
    if method == "marginal":
        return p.marginal().log_prob(*asked.values())
    if method == "smoothed":
        return p.smoothed(sigma).log_prob(*asked.values())
    return getattr(p, method)(*asked.values(), *([] if sigma is None else [sigma]))


def flat(result) -> np.ndarray:
    """An answer as one array; the parts of a tuple are concatenated."""
    if isinstance(result, tuple):
        return np.concatenate([np.ravel(part) for part in result])
    return np.asarray(result)


def answer(function: str, impl: Implementation, **question) -> np.ndarray:
    """The answer of an implementation to a question, as one array, with the exceptions of `particular`."""
    one = particular(function)
    if one.most_d:
        question["d"] = min(question.get("d", 3), one.most_d)
    if one.answer:
        return one.answer(impl, **question)
    each = [options for options in one.each if not options or not set(options) <= set(question)] or [{}]
    asked = [Question(**question | options).arguments(function) for options in each]
    answers = [flat(ask(function, impl, arguments)) for arguments in asked]
    answers += [_gradient(function, impl, **arguments) for arguments in asked if one.gradient]
    return answers[0] if len(answers) == 1 else np.concatenate([np.ravel(part) for part in answers])


def _gradient(function, impl, **arguments):
    """The gradient in the model's parameters; samples depend on them by a step along the model's score."""
    name, asked = next((name, value) for name, value in arguments.items() if isinstance(value, (Model, Models)))
    theta, unflatten = flatten(asked.parameters)
    of_model = (glossary.ModelPoints, glossary.GridImages)
    made = [name for name, kind in types(function).items() if kind in of_model]

    def loss(theta):
        model = with_parameters(asked, unflatten(theta))
        given = arguments | {name: model}
        for drawn in made if asked.kind != "binary_rbm" else ():
            given[drawn] = led(model, arguments[drawn])
        return anp.sum(ask(function, impl, given)) + 0 * anp.sum(theta)  # autograd needs a dependence, even a zero one

    return grad(loss)(theta)


def led(model, x):
    """Points after a step along the model's score; for models of several grids, the images of each."""
    if isinstance(model, Models):
        return tuple(map(led, model, x))
    return x + 0.25 * refebm.score_of(model)(x)
