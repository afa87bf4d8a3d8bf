"""Mistakes in how arguments are read: not used, the first row for all, squared, at another noise level ...

They are made from the types of the arguments, like the steps of conventions, and call the unchanged definition.
"""

import inspect
import itertools
from collections.abc import Callable, Iterator
from functools import partial

import autograd.numpy as np

import refebm
from refebm import glossary
from refebm.identities import REFERENCE, Implementation
from refebm.samplers.diagnostics import Chains, ChainsInUnits, HalvesInUnits
from refebm.special import logsumexp, softplus
from refebm.variants.arguments import CALLED, CLASSES, FOR_GRADIENTS, KIND_OF, parameters, types
from refebm.variants.asked import particular
from refebm.variants.steps import FORMS, models, moments

OF_FIELDS = (glossary.Field, glossary.LevelField, glossary.TimeField, glossary.DataScore)
OF_ENERGIES = (glossary.Energy, glossary.Statistic, glossary.LogDensity, glossary.Logit)
FLOATS = (glossary.positive, glossary.positives, glossary.squarable, glossary.weight_inside)  # checks of such types
GENERATED = (glossary.Generated, glossary.Pathwise, glossary.ModelPoints)
ALIKE = (glossary.Points, glossary.States, glossary.Noise, *GENERATED)  # one may be taken for another
POINTS = (*ALIKE, glossary.NoisyPoints, glossary.NoisePoints)
PROJECTIONS = (glossary.Projections, glossary.Direction)
OF_ROWS = (*ALIKE, glossary.NoisyPoints, glossary.Levels, glossary.Times, glossary.Indices, glossary.Uniform)
OF_ROWS += PROJECTIONS
NUMBERS = {
    "the square of {}": lambda a: a**2,
    "the root of {}": lambda a: np.sqrt(a),
    "1": lambda a: 1.0 + 0 * a,
    "twice {}": lambda a: 2 * a,
    "half of {}": lambda a: a / 2,
    "1/{}": lambda a: 1 / a,
    "half of the square of {}": lambda a: a**2 / 2,
    "the logarithm of {}": lambda a: np.log(a),
}
PARAMETERS = NUMBERS | {
    "0": lambda a: 0 * a,
    "-{}": lambda a: -a,
    "the diagonal of {} alone": lambda a: a * np.eye(a.shape[-1]),
    "the first entry of {} for all": lambda a: a[..., :1] + 0 * a,
    "the exponential of {}": lambda a: np.exp(a),
    "the identity": lambda a: 0 * a + np.eye(a.shape[-1]),
}
ROWS = {
    "the first row of {}": lambda a: a[:1] + 0 * a,
    "the last row of {}": lambda a: a[-1:] + 0 * a,
    "the mean of {} over the rows": lambda a: np.mean(a, axis=0) + 0 * a,
    "the rows of {} in the order of size": lambda a: np.sort(a, axis=0),
    "the rows of {} in reverse": lambda a: a[::-1],
    "the rows of {} moved by one": lambda a: np.roll(a, 1, axis=0),
    "the size of {}": lambda a: np.abs(a),
    "-{}": lambda a: -a,
    "1 - {}": lambda a: 1 - a,
    "the sign of {}": lambda a: np.sign(a),
    "0": lambda a: 0 * a,
    "{} - 1": lambda a: a - 1,
    "{} + 1": lambda a: a + 1,
    "{} clipped to [-1, 1]": lambda a: np.clip(a, -1, 1),
}
IGNORED = "nothing said by "
VALUES = {  # changes to the value that a model returns
    IGNORED + "{}": lambda a: 0 * a,
    "the sign of {}": lambda a: np.sign(a),
    "{} with its sign changed": lambda a: -a,
    "{} clipped to [-1, 1]": lambda a: np.clip(a, -1, 1),
    "{} clipped to [-10, 10]": lambda a: np.clip(a, -10, 10),
    **{f"{{}} clipped to [-{k}, {k}]": lambda a, k=k: np.clip(a, -k, k) for k in (0.01, 0.03, 0.1, 0.5, 100)},
    "{} of the first row for all rows": lambda a: a[:1] + 0 * a,
    "the mean of {} over the rows": lambda a: np.mean(a, axis=0) + 0 * a,
    "the size of {}": lambda a: np.abs(a),
    "the square of {}": lambda a: a**2,
    "exp of {}": lambda a: np.exp(a),
    "the logarithm of {}": lambda a: np.log(np.abs(a)),
    "tanh of {}": lambda a: np.tanh(a),
    "the sigmoid of {}": lambda a: 1 / (1 + np.exp(-a)),
    "{} halved": lambda a: a / 2,
    "{} doubled": lambda a: 2 * a,
}
VECTORS = {
    "{} divided by its length": lambda a: a / np.sqrt(np.sum(a**2, axis=-1, keepdims=True)),
    "the first coordinate of {} for all": lambda a: a[..., :1] + 0 * a,
}
OF_CLASSES = {
    "the softmax of {}": lambda a: np.exp(a - logsumexp(a.T, 0)[:, None]),
    "the logarithm of the softmax of {}": lambda a: a - logsumexp(a.T, 0)[:, None],
}
PLACES = {  # changes to the points at which a model is called
    "{} asked at the first row for all": lambda x: x[:1] + 0 * x,
    "{} asked at points clipped to [-1, 1]": lambda x: np.clip(x, -1, 1),
    "{} asked at minus its points": lambda x: -x,
}
LEVELS = {  # changes to the level, time or step at which a model is called
    "{} asked at the square of the level": lambda s: s**2,
    "{} asked at the root of the level": lambda s: np.sqrt(s),
    "{} asked at the logarithm of the level": lambda s: np.log(s),
    "{} asked at the inverse of the level": lambda s: 1 / s,
    "{} asked at 1 for the level": lambda s: 1.0 + 0 * s,
    "{} asked at 1 - t": lambda s: 1 - s,
    "{} asked at the level before": lambda s: s - 1,
    "{} asked at the first row's level": lambda s: s[:1] + 0 * s,
    "{} asked at the mean of the levels": lambda s: np.mean(s) + 0 * s,
    "{} asked at the levels in the order of size": lambda s: np.sort(s),
    "{} asked at the levels of the rows in reverse": lambda s: s[::-1],
}

COLUMNS = {  # of noise, and of projections, over the wrong axis
    "{} divided by the lengths of its columns": lambda v: v / np.sqrt(np.sum(v**2, axis=-2, keepdims=True)),
    "{} divided by the length of all of it": lambda v: v / np.sqrt(np.sum(v**2)),
}
NOISES = {  # of another variance
    "{} divided by sqrt(2)": lambda z: z / np.sqrt(2),
    "{} times sqrt(2)": lambda z: z * np.sqrt(2),
}

TAPES = {  # noise of many steps at many levels, (L, T, n, d)
    "the {} of the first step at every step of every level": lambda z: z[:1, :1] + 0 * z,
    "the {} of the first row for all rows": lambda z: z[:, :, :1] + 0 * z,
}
AGAIN = {  # how a stream of random numbers is read from its start again
    "": lambda one, other: np.concatenate([one, other], axis=1)[:, : other.shape[1]],
    ", row by row": lambda one, other: np.reshape(
        np.concatenate([np.ravel(one), np.ravel(other)])[: other.size], other.shape
    ),
}
COUNTS = (glossary.StepCount, glossary.Length)
SHORTER = {  # a schedule of one step fewer, made as long as it is to be
    "and a step of 0 before the first": lambda steps: np.append(0.0, steps),
    "and its last step twice": lambda steps: np.append(steps, steps[-1:]),
}

OF_PROCESS = {  # one method of an SDE for another, or what it would return for another process
    "g(t) for std(t)": ("marginal", lambda sde, t: (sde.marginal(t)[0], sde.diffusion(t))),
    "the variance std(t)^2 for std(t)": ("marginal", lambda sde, t: (sde.marginal(t)[0], sde.marginal(t)[1] ** 2)),
    "the root of std(t) for std(t)": ("marginal", lambda sde, t: (sde.marginal(t)[0], np.sqrt(sde.marginal(t)[1]))),
    "sqrt(1 - m(t)^2) for std(t), as if the variance were preserved": (
        "marginal",
        lambda sde, t: (sde.marginal(t)[0], np.sqrt(1 - sde.marginal(t)[0] ** 2)),
    ),
    "std(t) for g(t)": ("diffusion", lambda sde, t: sde.marginal(t)[1]),
    "the variance std(t)^2 for g(t)": ("diffusion", lambda sde, t: sde.marginal(t)[1] ** 2),
    "the mean m(t) x for the drift": ("drift", lambda sde, x, t: np.reshape(sde.marginal(t)[0], (-1, 1)) * x),
}

CHAINS = (Chains, ChainsInUnits, HalvesInUnits)
CHAINS_READ = {
    "the chains joined into one": lambda x: np.swapaxes(x, 0, 1).reshape(-1, 1, x.shape[2]),
    "the chains joined into one, state by state": lambda x: x.reshape(-1, 1, x.shape[2]),
    "its numbers in other places: reshaped, where axes have to be exchanged": lambda x: np.swapaxes(
        x.reshape(x.shape[1], x.shape[0], -1), 0, 1
    ),
    "the first chain alone": lambda x: x[:, :1],
    "the mean of the chains for a chain": lambda x: np.mean(x, axis=1, keepdims=True),
    "the coordinates of all chains as chains": lambda x: np.repeat(x.reshape(len(x), -1, 1), x.shape[2], axis=2),
    "the first state left out": lambda x: x[1:],
    "the last state left out": lambda x: x[:-1],
    "the first half alone": lambda x: x[: len(x) // 2],
    "the second half alone": lambda x: x[len(x) // 2 :],
    "every other state alone": lambda x: x[::2],
    "absolute values of the states": lambda x: np.abs(x),
    "squares of the states": lambda x: x**2,
    "ranks of the states": lambda x: np.argsort(np.argsort(x, axis=0), axis=0) + 0.0,
    "time and chains exchanged": lambda x: np.swapaxes(x, 0, 1),
}


def misread(function: str) -> Iterator[tuple[str, Callable[[], Implementation]]]:
    """Words, and what makes the implementation, of the reference or of an `inner` one."""
    name, _, _ = function.partition(".")
    if name in CLASSES:
        yield from _of_times(function)
        yield from _of_class(name)
    elif function not in CALLED and function not in FOR_GRADIENTS:
        yield from _of_function(function)


def in_place(words: str, name: str) -> str:
    return f"{words.format(name)} in place of {name}"


def _of_function(function: str):
    kinds = {name: types(function)[name] for name in parameters(function) if name in types(function)}
    optional = particular(function).also
    kinds = {one: kind for one, kind in kinds.items() if one not in optional or glossary.check_of(kind) in FLOATS}
    for name, kind in kinds.items():
        for words, change in _changes(name, kind):
            yield words, partial(_with, function, {name: change})
    for name, by in itertools.product(*(_named(kinds, kind) for kind in (glossary.Times, glossary.TimeStep))):
        for word, sign in (("+", 1), ("-", -1)):
            yield f"{name} {word} {by} for {name}", partial(_moved, function, name, by, sign)
    yield from _of_models(function, kinds)
    yield from _not_counting(function)
    for name in _named(kinds, glossary.Sde):
        for words, (method, instead) in OF_PROCESS.items():
            yield words, partial(_of_process, function, name, method, instead)
    for one, kind in kinds.items():
        for other in list(kinds)[list(kinds).index(one) + 1 :]:
            if kind == kinds[other] or {kind, kinds[other]} <= {*ALIKE}:
                yield f"{one} and {other} exchanged", partial(_with, function, {one: other, other: one})
                yield f"{one} for {other}", partial(_with, function, {other: one})
                yield f"{other} for {one}", partial(_with, function, {one: other})
            if is_random(one, kind) and is_random(other, kinds[other]):
                for words, of in AGAIN.items():
                    yield (
                        f"the numbers of {one} used again for {other}{words}",
                        partial(_again, function, one, other, of),
                    )


def _changes(name: str, kind):
    if kind in OF_FIELDS or kind in OF_ENERGIES or kind == glossary.Logits:
        some = VALUES | (VECTORS if kind in OF_FIELDS else OF_CLASSES if kind == glossary.Logits else {})
        yield from ((words.format(name), partial(_said, change)) for words, change in some.items())
        yield from ((words.format(name), partial(_placed, change)) for words, change in PLACES.items())
        if kind in (glossary.LevelField, glossary.TimeField):
            yield from ((words.format(name), partial(_levelled, change)) for words, change in LEVELS.items())
    elif kind in OF_ROWS:
        some = ROWS | (NUMBERS if kind in (glossary.Levels, glossary.Times, glossary.Uniform) else {})
        yield from ((in_place(words, name), change) for words, change in some.items())
        some = NOISES if kind == glossary.Noise else COLUMNS if kind in PROJECTIONS else {}
        yield from ((words.format(name), change) for words, change in some.items())
    elif kind in (glossary.NoisePoints,):
        yield f"the first of {name} alone", lambda a: a[:1]
        yield f"the last of {name} alone", lambda a: a[-1:]
    elif kind in (glossary.DecreasingLevels, glossary.DecreasingTimes, glossary.Betas, glossary.LevelNoise):
        yield f"{name} in reverse order", lambda a: a[::-1]
        if kind == glossary.LevelNoise:
            yield from ((words.format(name), change) for words, change in TAPES.items())
    elif glossary.check_of(kind) in FLOATS:
        yield from ((in_place(words, name), change) for words, change in NUMBERS.items())
        yield in_place("1 - {}", name), lambda a: 1 - a
    elif kind in CHAINS:
        yield from CHAINS_READ.items()
    elif kind in COUNTS:
        yield f"one step too many in {name}", lambda n: n + 1
        yield f"one step too few in {name}", lambda n: n - 1


def _of_models(function: str, kinds: dict):
    """Mistakes that also need other arguments, such as the next level or the denoised point."""
    argument, native = models(function)
    if argument:
        for most in (1, 3):
            yield (f"the denoised point clipped to [-{most}, {most}]",
                   partial(_clipped, function, argument, native, most))  # fmt: skip
    for argument in (name for name, kind in kinds.items() if kind in OF_FIELDS or kind in OF_ENERGIES):
        for name in (name for name, kind in kinds.items() if kind in POINTS):
            yield f"{argument} asked at {name}, wherever it is to be asked", partial(_there, function, argument, name)
        if kinds[argument] == glossary.TimeField and glossary.TimeStep in kinds.values():
            for word, sign in (("t - dt", -1), ("t + dt", 1), ("t - dt/2", -0.5)):
                yield f"{argument} asked at {word}", partial(_at_time, function, argument, sign)
    for count in (name for name, kind in kinds.items() if kind in COUNTS):
        for words, longer in SHORTER.items():
            yield f"a grid of {count} points for {count} + 1, {words}", partial(_shorter, function, count, longer)
    for argument, kind in kinds.items():
        for words, of in MEDIANS.items() if kind == glossary.Bandwidth else ():
            yield f"{words} in place of {argument}", partial(_median, function, argument, of)
        if kind == glossary.TimeField and glossary.Betas in kinds.values():
            for last in (0, 1):
                yield (
                    f"{argument} asked at {'N' if last else 'N - 1'} - i",
                    partial(_backwards, function, argument, last),
                )
        for name, other in kinds.items() if kind in (glossary.LevelField, glossary.TimeField) else ():
            if other in (glossary.DecreasingLevels, glossary.DecreasingTimes):
                yield f"{argument} asked at the next level", partial(_neighbour, function, argument, name, 1)
                yield f"{argument} asked at the level before", partial(_neighbour, function, argument, name, -1)
                yield f"{argument} asked at the last level alone", partial(_neighbour, function, argument, name, 100)
                yield f"{argument} asked at the first level alone", partial(_neighbour, function, argument, name, -100)


def _not_counting(function: str):
    """Options of which the default is taken, or either value, whatever is given."""
    options = inspect.signature(getattr(refebm, function)).parameters
    for name in particular(function).also:
        default = options[name].default
        for one in (False, True) if isinstance(default, bool) else (default,) * isinstance(default, float):
            yield f"{name} that does not count: {one} for it", partial(_as_if, function, name, one)


def _as_if(function, name, value, inner=REFERENCE):
    return _read(function, lambda given: given | {name: value}, inner)


def _of_process(function, name, method, instead, inner=REFERENCE):
    def read(given):
        return given | {name: Instead(given[name], method, partial(instead, given[name]))}

    return _read(function, read, inner)


class Instead:
    """An object with another method for one of its own."""

    def __init__(self, own, method: str, instead: Callable):
        self.own = own
        setattr(self, method, instead)

    def __getattr__(self, name: str):
        return getattr(self.own, name)


def _named(kinds: dict, kind) -> list[str]:
    return [name for name, one in kinds.items() if one == kind]


def _moved(function, name, by, sign, inner=REFERENCE):
    return _read(function, lambda given: given | {name: given[name] + sign * given[by]}, inner)


def argument_cut(function: str, name: str, end: str, number: float) -> Implementation:
    """refebm where an argument is cut at a number, at its lower or its upper end."""
    cut = {"below": np.maximum, "above": np.minimum}[end]
    return _with(function, {name: lambda a: cut(a, number)})


def is_random(name: str, kind) -> bool:
    """Whether an argument is noise: random numbers of any law, also those of the units of a machine, of any shape."""
    return glossary.mark_of(kind, glossary.Drawn) is not None or name.startswith("u_")


def _again(function, one, other, of, inner=REFERENCE):
    def read(given):
        first, second = given[one], np.asarray(given[other])
        binary = np.all((second > 0) & (second < 1))  # else other numbers are drawn for it, which are not the first's
        return given | ({other: of(np.asarray(first), second)} if binary else {})

    return _read(function, read, inner)


def _shorter(function, count, longer, inner=REFERENCE):
    answer, names = getattr(inner, function), list(types(function))

    def made(*args, **named):
        given = dict(zip(names, args)) | named
        return longer(answer(**given | {count: given[count] - 1}))

    return Implementation(**{function: made})


def _there(function, argument, name, inner=REFERENCE):
    def read(given):
        model, points = given[argument], given[name]

        def elsewhere(x, *level):
            here = np.reshape(points, (-1, np.shape(points)[-1]))
            return model(here if len(here) == len(x) else np.concatenate([here] * (len(x) // len(here))), *level)

        return given | {argument: elsewhere}

    return _read(function, read, inner)


def _at_time(function, argument, sign, inner=REFERENCE):
    def read(given):
        return given | {argument: lambda x, t, model=given[argument]: model(x, t + sign * given["dt"])}

    return _read(function, read, inner)


def _clipped(function, argument, native, most, inner=REFERENCE):
    def read(given):
        model = given[argument]

        def clipped(x, *level):
            m, std = moments(function, given, *(level or (None,)), len(x))
            own, denoiser = FORMS[native], FORMS["denoiser"]
            score = own.a(m, std) * model(x, *level) + own.b(m, std) * x
            point = np.clip((score - denoiser.b(m, std) * x) / denoiser.a(m, std), -most, most)
            score = denoiser.a(m, std) * point + denoiser.b(m, std) * x
            return (score - own.b(m, std) * x) / own.a(m, std)

        return given | {argument: clipped}

    return _read(function, read, inner)


MEDIANS = {
    "the median distance": lambda distances, n: np.median(distances),
    "the root of the median squared distance": lambda distances, n: np.sqrt(np.median(distances**2)),
    "the root of half the median squared distance": lambda distances, n: np.sqrt(np.median(distances**2) / 2),
    "the median rule h = med^2/log n": lambda distances, n: np.sqrt(np.median(distances**2) / np.log(n) / 2),
    "the mean distance": lambda distances, n: np.mean(distances),
    "1": lambda distances, n: 1.0,
}


def _median(function, argument, of, inner=REFERENCE):
    def read(given):
        x = given["x"]
        pairs = np.sqrt(np.sum((x[:, None] - x) ** 2, axis=2))[np.triu_indices(len(x), 1)]
        return given | {argument: float(of(pairs, len(x)))}

    return _read(function, read, inner)


def _backwards(function, argument, last, inner=REFERENCE):
    def read(given):
        model, n = given[argument], len(given["betas"])
        return given | {argument: lambda x, i: model(x, n - 1 + last - i)}

    return _read(function, read, inner)


def _neighbour(function, argument, name, by, inner=REFERENCE):
    def read(given):
        levels, model = list(np.asarray(given[name])), given[argument]

        def other(x, level):
            places = [int(np.argmin(np.abs(np.array(levels) - one))) for one in level]
            return model(x, np.array([levels[min(max(i + by, 0), len(levels) - 1)] for i in places]))

        return given | {argument: other}

    return _read(function, read, inner)


def _said(change, model):
    return lambda *x: change(model(*x))


def _placed(change, model):
    return lambda x, *level: model(change(x), *level)


def _levelled(change, model):
    return lambda x, level: model(x, change(level))


def _with(function: str, changes: dict, inner: Implementation = REFERENCE) -> Implementation:
    """refebm where arguments are changed: by a function, or for the one of another name."""

    def read(given):
        made = {name: given[how] if isinstance(how, str) else how(_array(given[name])) for name, how in changes.items()}
        return given | made

    return _read(function, read, inner)


def _read(function: str, change: Callable[[dict], dict], inner: Implementation) -> Implementation:
    answer, names = getattr(inner, function), list(types(function))
    return Implementation(**{function: lambda *args, **named: answer(**change(dict(zip(names, args)) | named))})


def _array(value):
    return np.asarray(value) if isinstance(value, (list, tuple)) else value


def _of_times(function: str):
    """A method of an SDE that reads its time wrongly."""
    for one, kind in types(function).items() if "." in function else ():
        if kind in (glossary.Times, glossary.FreeTimes, glossary.Time):
            for words in ("1 - {}", "the square of {}"):
                yield in_place(words, one), partial(_method_with, function, one, (ROWS | NUMBERS)[words])


def _method_with(function: str, argument: str, change: Callable, inner: Implementation = REFERENCE) -> Implementation:
    name, _, method = function.partition(".")
    definition, names = getattr(inner, name), list(types(function))
    answer = getattr(definition, method)

    def changed(*args, **named):
        given = dict(zip(names, args)) | named
        return answer(**given | {argument: change(given[argument])})

    return Implementation(**{name: type(name, (definition,), {method: changed})})


def _of_class(name: str):
    """Mistakes of a density, an RBM or an SDE that reads its parameters wrongly."""
    definition = getattr(refebm, name)
    if name == "RealNVP":
        yield (
            "the couplings in reverse order",
            partial(_made_with, name, lambda given: {k: v[::-1] for k, v in given.items()}),
        )
        return
    for parameter in _parameters(definition):
        for words, change in PARAMETERS.items():
            yield in_place(words, parameter), partial(_made_with, name, partial(_one, parameter, change))
    for layers in SPUN if name == "BinaryRBM" else ():
        words = f"the sum over all states with {' and '.join(layers)} units of -1 and 1, not of 0 and 1"
        yield words, partial(_spun, layers)
    for layer, on in itertools.product(("hidden", "visible"), (0, 1)) if name in KIND_OF else ():
        words = f"the state in which all {layer} units are {on} left out of the sum over all states"
        yield words, partial(_lacking, name, partial(_part, layer, on))
    if {"loc", "scale"} <= set(_parameters(definition)):
        yield "loc and scale that do not count: 0 and 1", partial(_made_with, name, _standard)


SPUN = (("visible",), ("hidden",), ("visible", "hidden"))


def _spun(layers: tuple[str, ...], inner: Implementation = REFERENCE) -> Implementation:
    """With v = 2 v' - 1 in v.b + c.h + v^T W h, and the same of h."""

    def log_partition(machine):
        b, c, W, constant = machine.b, machine.c, machine.W, 0.0
        if "visible" in layers:
            b, c, W, constant = 2 * b, c - np.sum(W, axis=0), 2 * W, constant - np.sum(b)
        if "hidden" in layers:
            b, c, W, constant = b - np.sum(W, axis=1), 2 * c, 2 * W, constant - np.sum(c)
        return inner.BinaryRBM(b, c, W).log_partition() + constant

    return Implementation(BinaryRBM=type("BinaryRBM", (inner.BinaryRBM,), {"log_partition": log_partition}))


def _part(layer: str, on: int, machine) -> float:
    """The logarithm of the part of Z in which all units of a layer are `on`, 0 or 1."""
    b, c, W = machine.b, machine.c, machine.W
    if isinstance(machine, refebm.BinaryRBM):
        own, other, W = (c, b, W) if layer == "hidden" else (b, c, W.T)
        return on * np.sum(own) + np.sum(softplus(other + on * np.sum(W, axis=1)))
    if layer == "visible":
        return -np.inf
    field = b + on * np.sum(W, axis=1)
    normal = machine.d * (0.5 * np.log(2 * np.pi) + np.log(machine.sigma))
    return on * np.sum(c) + np.sum(field**2 - b**2) / (2 * machine.sigma**2) + normal


def _lacking(name: str, part: Callable, inner: Implementation = REFERENCE) -> Implementation:
    def log_partition(machine):
        whole = getattr(inner, name).log_partition(machine)
        return whole + np.log(-np.expm1(part(machine) - whole))

    return Implementation(**{name: type(name, (getattr(inner, name),), {"log_partition": log_partition})})


def _parameters(definition) -> list[str]:
    return [one for one in inspect.signature(definition).parameters if one not in ("d", "points")]


def _one(parameter, change, given):
    return given | {parameter: change(np.asarray(given[parameter]))} if parameter in given else given


def _standard(given):
    return given | {"loc": 0 * np.asarray(given["loc"]), "scale": 1 + 0 * np.asarray(given["scale"])}


def _made_with(name: str, change: Callable, inner: Implementation = REFERENCE) -> Implementation:
    definition = getattr(inner, name)
    names = _parameters(getattr(refebm, name))

    def made(*args, **named):
        given = dict(zip(names, args)) | named
        changed = change(given)
        return definition(**{key: value.item() if np.ndim(value) == 0 and hasattr(value, "item") else value
                             for key, value in changed.items()})  # fmt: skip

    return Implementation(**{name: made})
