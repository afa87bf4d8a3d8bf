"""Conventions as steps: single known differences, made from the types of a function's arguments, that compose.

A chain has at most one step of each kind: what the model predicts, the sign of an energy, the step size, the index, the
length of projections, the noise of the last step. In addition, losses may have a weight for each row: a power of the
noise level, that of Karras et al., g^2, 2 (no 1/2), 1/d.
"""

import ast
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import autograd.numpy as np

import refebm
from refebm import glossary
from refebm.identities import REFERENCE, Implementation
from refebm.variants.arguments import CALLED, FOR_GRADIENTS, parameters, types
from refebm.variants.asked import particular
from refebm.variants.syntax import syntax

HO = "Ho, Jain and Abbeel 2020"
LUCIDRAINS = "denoising-diffusion-pytorch"
KARRAS = "Karras, Aittala, Aila and Laine 2022"
HANG = "Hang et al. 2023: min-SNR-5"
MINUS_E = "texts with f = -E (Stanford CS236, HY-673)"
FOLDED = "k-diffusion 45, cdvae 7, score_sde_pytorch 26"
OF_NOISE = f"Hang et al. 2023 (weights of the noise's error); {FOLDED}"
DATA_DEVIATIONS = (0.5, 1.0)  # sigma_data
SQUARED_ERROR = "mean squared error: no 1/2, mean over coordinates"
Weight = Callable[[dict], np.ndarray | float]


class Step(NamedTuple):
    """One convention. before: maps the given arguments to those with which the reference gives this convention's
    answer. natural: the weight (n,) that turns the reference's loss into that of the model's own prediction error."""

    kind: str
    words: str
    source: str = ""
    before: Callable[[dict], dict] = lambda given: given
    natural: Weight | None = None
    rare: bool = False  # whether few programs have it


class Weighting(NamedTuple):
    words: tuple[str, ...]
    factor: Weight
    source: str = ""
    constant: float = 1.0  # the part of the factor that is a constant
    mistaken: bool = False  # whether no text has it


class Chain(NamedTuple):
    """Steps and a weighting of the result; `inner` is the implementation that is called, perhaps with a mistake."""

    function: str
    steps: tuple[Step, ...] = ()
    weighting: Weighting | None = None
    inner: Implementation = REFERENCE

    @property
    def words(self) -> tuple[str, ...]:
        return (*(step.words for step in self.steps), *(self.weighting.words if self.weighting else ()))

    @property
    def sources(self) -> str:
        some = [step.source for step in self.steps] + [self.weighting.source if self.weighting else ""]
        return "; ".join(dict.fromkeys(filter(None, "; ".join(some).split("; "))))

    def implementation(self) -> Implementation:
        """refebm in which the function is called with other arguments, and its rows are weighted."""
        name, _, method = self.function.partition(".")
        if method or not (self.steps or self.weighting):
            return self.inner
        names, answer = list(types(name)), getattr(self.inner, name)

        def stepped(*args, **named):
            given = made = dict(zip(names, args)) | named
            for step in self.steps:
                made = step.before(made)
            rows = answer(**made)
            for weight in self.natural:  # taken at the arguments that the steps made, not at those given
                rows = weight(made) * rows
            return self.weighting.factor(given) * rows if self.weighting else rows

        return Implementation(**{name: stepped})

    @property
    def natural(self) -> list[Weight]:
        return [step.natural for step in self.steps if step.natural]


# --- what the model predicts -----------------------------------------------------------------------------------------


class Form(NamedTuple):
    """score = a f(c x) + b x, where x = m x_0 + std z."""

    words: str
    source: str
    a: Callable
    b: Callable = lambda m, std: 0.0
    c: Callable = lambda m, std: 1.0
    only: str = ""  # set if the form needs m^2 + std^2 = 1, or m = 1


FORMS = {
    "score": Form("the model predicts the score", "", lambda m, std: 1.0),
    "noise": Form("the model predicts the noise: s = -eps/std", f"{HO}, eq. 14", lambda m, std: -1 / std),
    "minus noise": Form("the model predicts minus the noise: s = eps/std", "Stanford CS236 (eps = sigma s)",
                        lambda m, std: 1 / std),
    "denoiser": Form("the model predicts the clean point: s = (m r - x)/std^2", f"Vincent 2011, section 4.3; {KARRAS}",
                     lambda m, std: m / std**2, lambda m, std: -1 / std**2),
    "step": Form("the model predicts the step: r = x/m + h", "", lambda m, std: m / std**2),
    "v": Form("the model predicts v = m eps - std x_0", "Salimans and Ho 2022",
              lambda m, std: -m / (std * (m**2 + std**2)), lambda m, std: -1 / (m**2 + std**2)),
    "v of VP": Form("the model predicts v = m eps - std x_0, of which x_0 = m x - std v", "Salimans and Ho 2022",
                    lambda m, std: -m / std, lambda m, std: (m**2 - 1) / std**2),
    "velocity": Form("the model predicts the velocity eps - x_0", "flow matching, Lipman et al. 2023",
                     lambda m, std: -m / (std * (m + std)), lambda m, std: -1 / (std * (m + std))),
    "minus velocity": Form("the model predicts the velocity x_0 - eps", "rectified flow, Liu et al. 2023",
                           lambda m, std: m / (std * (m + std)), lambda m, std: -1 / (std * (m + std))),
}  # fmt: skip
for deviation in DATA_DEVIATIONS:
    kept = functools.partial(lambda s, m, std: 1 / np.sqrt(std**2 + s**2), deviation)
    FORMS[f"preconditioned {deviation:g}"] = Form(
        f"the model is preconditioned, r = c_skip x + c_out F(c_in x), sigma_data = {deviation:g}",
        f"{KARRAS}, eq. 7",
        lambda m, std, s=deviation, kept=kept: s * std * kept(m, std) / std**2,
        lambda m, std, s=deviation, kept=kept: (s**2 * kept(m, std) ** 2 - 1) / std**2,
        kept,
        "exploding",
    )
USUAL = ("score", "noise", "denoiser")
OF_LENGTH_1 = "projections of length 1"


def models(function: str) -> tuple[str, str]:
    """The name of the argument that is a model of the noisy data, and what it predicts; empty if there is none."""
    kinds = (glossary.Field, glossary.LevelField, glossary.TimeField)
    named = [name for name, kind in types(function).items() if kind in kinds and name in ("score", "noise", "denoiser")]
    levels = (glossary.Levels, glossary.Level, glossary.Sde, glossary.Betas)
    known = glossary.LevelField in types(function).values() or any(kind in levels for kind in types(function).values())
    return (named[0], named[0]) if named and known else ("", "")


def moments(function: str, given: dict, level, n: int):
    """m and std, (n, 1), at a level, time or step, or at the argument sigma."""
    if "betas" in given:
        log_kept = np.cumsum(np.log1p(-given["betas"]))[np.asarray(level, int)][:, None]
        return np.exp(0.5 * log_kept), np.sqrt(-np.expm1(log_kept))
    if "sde" in given:
        m, std = given["sde"].marginal(level)
        return np.ones((n, 1)) * np.reshape(m, (-1, 1)), np.ones((n, 1)) * np.reshape(std, (-1, 1))
    if "scale" in given:
        return tuple(np.ones((n, 1)) * np.reshape(given[name], (-1, 1)) for name in ("scale", "std"))
    std = given["sigma"] if level is None else level
    return np.ones((n, 1)), np.ones((n, 1)) * np.reshape(std, (-1, 1))


def _level(given: dict):
    """The step or the time of each row, or None."""
    name = next((name for name in ("i", "t") if name in given), None)
    return np.ones(_length(given)) * given[name] if name else None


def _length(given: dict) -> int:
    return len(given["x"] if "x" in given else given["y"])


def _predicts(function: str, argument: str, native: Form, form: Form) -> Callable[[dict], dict]:
    def before(given: dict) -> dict:
        model = given[argument]

        def read(x, *level):
            m, std = moments(function, given, *(level or (None,)), len(x))
            score = form.a(m, std) * model(form.c(m, std) * x, *level) + form.b(m, std) * x
            return (score - native.b(m, std) * x) / native.a(m, std)

        return given | {argument: read}

    return before


def _own_weight(function: str, argument: str, given: dict):
    """The weight (n,) of the model's 1/2 |error|^2 in the loss, from the loss being quadratic in the model's value."""
    given = given | ({"weight": lambda t: 1.0 + 0 * t} if "weight" in given else {})
    said = [lambda x, *_, k=k: k * np.ones_like(x) for k in (1.0, -1.0, 0.0)]
    up, down, still = (getattr(refebm, function)(**given | {argument: one}) for one in said)
    return (up + down - 2 * still) / given["x"].shape[1]


def _natural(function: str, argument: str, native: Form, form: Form) -> Weight:
    """1/2 |f - its target|^2 divided by the loss, where f is the prediction in another form."""

    def weight(given: dict):
        level = None if glossary.Levels in types(function).values() else _level(given)
        m, std = moments(function, given, level, _length(given))
        slope = (form.a(m, std) / native.a(m, std) * np.ones((_length(given), 1)))[:, 0]
        return 1 / (slope**2 * _own_weight(function, argument, given))

    return weight


def _forms(function: str) -> Iterator[Step]:
    argument, native = models(function)
    if not argument:
        return
    loss = types(function)["return"] == glossary.Loss
    forms, scaled = (
        dict(FORMS),
        {glossary.Sde, glossary.Betas} & set(types(function).values()) or "scale" in types(function),
    )
    if glossary.Betas in types(function).values():
        forms |= {"previous": None}
    for name, form in forms.items():
        if name == native or (form and form.only and scaled):
            continue
        if form is None:
            words, natural = "the model predicts the mean of the previous point", _of_previous if loss else None
            yield Step("model", words, f"{HO}, eq. 8", _previous(argument), natural, True)
        else:
            words = form.words if scaled else _plain(form.words)
            yield Step("model", words, form.source, _predicts(function, argument, FORMS[native], form),
                       _natural(function, argument, FORMS[native], form) if loss else None,
                       name not in USUAL)  # fmt: skip


def _plain(words: str) -> str:
    """The words for functions without m, whose deviation is sigma."""
    for was, becomes in (("m r", "r"), ("x/m", "y"), (" x)/", " y)/"), ("m eps", "eps"), ("std", "sigma")):
        words = words.replace(was, becomes)
    return words


def _previous(argument: str) -> Callable[[dict], dict]:
    def before(given: dict) -> dict:
        model, betas = given[argument], given["betas"]

        def score(x, i):
            beta = betas[np.asarray(i, int)][:, None]
            return (np.sqrt(1 - beta) * model(x, i) - x) / beta

        return given | {argument: score}

    return before


def _of_previous(given: dict):
    betas = given["betas"]
    i = np.asarray(_level(given), int)
    return betas[i] ** 2 / (1 - betas[i]) / -np.expm1(np.cumsum(np.log1p(-betas))[i])


# --- other arguments -------------------------------------------------------------------------------------------------


def _changed(argument: str, change: Callable) -> Callable[[dict], dict]:
    return lambda given: given | {argument: change(given[argument], given)}


def _minus(f: Callable, _) -> Callable:
    return lambda *x: -f(*x)


def _unit(v, _=None):
    return v / np.sqrt(np.sum(v**2, axis=-1, keepdims=True))


def _relabelled(change: Callable) -> Callable:
    return lambda model, _: lambda x, i: model(x, change(i))


def _of_type(function: str, argument: str, kind) -> Iterator[Step]:
    """The steps that an argument of this type offers."""
    step, of = functools.partial(_changed, argument), set(types(function).values())
    if kind == glossary.Energy:
        yield Step("sign", "the model is f = -E", MINUS_E, step(_minus))
    if kind == glossary.Uniform:
        yield Step("uniform", "accepted where 1 - u is below the acceptance", "U and 1 - U have the same law",
                   step(lambda u, _: 1 - u), rare=True)  # fmt: skip
    if kind in (glossary.StepSize, glossary.LangevinStep, glossary.StepSizes) and _langevin(function):
        half = f"the step is eps, of which the drift has half: eta = eps/2 (drift {argument}/2)"
        yield Step("step size", half, "Stanford CS236, Langevin dynamics sampling; ncsn toy_runner",
                   step(lambda eta, _: eta / 2))  # fmt: skip
        yield Step("step size", f"the noise is eps z, the drift eps^2/2: eta = eps^2/2 (drift {argument}^2/2)",
                   "Song and Kingma 2021, section 3; Neal 2011", step(lambda eta, _: eta**2 / 2))  # fmt: skip
    if kind in (glossary.Projections, glossary.Direction) and types(function)["return"] != glossary.Vectors:
        yield Step("projections", "signs for projections: sign(v), Rademacher's where v is normal", "Hutchinson 1989",
                   step(lambda v, _: np.sign(v)))  # fmt: skip
        yield Step("projections", "projections of length sqrt(d): v sqrt(d)/|v|", "Song et al. 2020, section 3",
                   step(lambda v, _: np.sqrt(v.shape[-1]) * _unit(v)))  # fmt: skip
        if OF_LENGTH_1 not in particular(function).without:
            yield Step("projections", f"{OF_LENGTH_1}: v/|v|", "ermongroup/sliced_score_matching", step(_unit))
    if kind == glossary.TimeField and glossary.Indices in of:
        words = "steps are told to the model from 1 on: f(x, i + 1)"
        yield Step("index", words, HO, step(_relabelled(lambda i: i + 1)), rare=True)
    if kind == glossary.TimeField and glossary.Sde in of:
        for count in (999, 1000):
            relabelled = step(_relabelled(lambda t, c=count: c * t))
            yield Step("index", f"the model is told {count} t", "score_sde", relabelled, rare=True)
    if kind == glossary.Fraction and glossary.States in of:
        yield Step("share", "eta is the share of the variance, not of the deviation: sqrt(eta) for eta", "azula",
                   step(lambda eta, _: eta**0.5), rare=True)  # fmt: skip
    if kind == glossary.TimeWeight and types(function)["return"] == glossary.Loss:
        own = "weights of its own: those that it is handed are not used"
        yield Step("own weight", own, "programs without a choice", step(lambda weight, _: lambda t: 1.0 + 0 * t))
    if kind == glossary.Sde and "t" in types(function):
        yield Step("marginal", "std = sigma(t), not that from sigma(0) on", "score_sde VESDE", step(_from_nothing),
                   rare=True)  # fmt: skip


def _langevin(function: str) -> bool:
    """Whether the function's text has the noise sqrt(2 eta) z, or calls a step that has."""
    text = ast.unparse(syntax(getattr(refebm, function)))
    return "np.sqrt(2 * eta)" in text or "langevin_step(" in text


class _from_nothing:
    """A variance-exploding SDE whose marginal starts without noise at t = -infinity."""

    def __init__(self, sde, _):
        self.sde = sde

    def marginal(self, t):
        return (1.0 + 0 * t, self.sde.sigma(t)) if hasattr(self.sde, "sigma") else self.sde.marginal(t)

    def __getattr__(self, name):
        return getattr(self.sde, name)


@functools.cache
def steps(function: str) -> tuple[Step, ...]:
    """The steps that the types of the function's arguments offer."""
    if "." in function or function in CALLED or function in FOR_GRADIENTS:
        return ()
    asked = {name: types(function).get(name) for name in parameters(function)}
    others = [step for name, kind in asked.items() for step in _of_type(function, name, kind)]
    return (
        *others,
        *particular(function).steps,
        *_forms(function),
    )  # changes of a model's input come before changes of its output


@functools.cache
def chains(function: str) -> tuple[tuple[Step, ...], ...]:
    """All combinations with at most one step of each kind, and at most three, the shortest first."""
    kinds = [list(some) for _, some in itertools.groupby(steps(function), key=lambda step: step.kind)]
    some = (tuple(filter(None, one)) for one in itertools.product(*([None, *kind] for kind in kinds)))
    return tuple(sorted((chain for chain in some if len(chain) <= 3), key=len))


@functools.cache
def usual_chains(function: str) -> tuple[tuple[Step, ...], ...]:
    """The chains of one or two steps that are not rare: a mistake of any kind is sought in these."""
    return tuple(one for one in chains(function) if 0 < len(one) <= 2 and not any(step.rare for step in one))


# --- weights of rows -------------------------------------------------------------------------------------------------


def _deviation(function: str, given: dict):
    level = None if glossary.Levels in types(function).values() else _level(given)
    return moments(function, given, level, _length(given))[1][:, 0]


def _powers(function: str) -> Iterator[Weighting]:
    """Weightings by powers of the noise level, by that of Karras et al., and by g^2."""
    yield Weighting((), lambda given: 1.0)
    of = types(function)
    if glossary.Loss != of["return"] or not models(function)[0]:
        return
    name = "sigma" if glossary.Levels in of.values() else "std"
    if name == "std":
        for power, words in ((2, "the signal-to-noise ratio"), (4, "the weight of the score")):
            yield Weighting((f"times m^2/std^{power} ({words})",), functools.partial(_ratio, function, power), KARRAS)
        yield Weighting(("times snr/(snr + 1), snr = m^2/std^2",), functools.partial(_kept, function), LUCIDRAINS)
        for over, below in MIN_SNR.items():
            factor = functools.partial(_cut, function, below)
            yield Weighting((f"times min(snr, 5){over}, snr = m^2/std^2",), factor, HANG)
    for power in (2, 4, -2, -4):
        source = {2: OF_NOISE, 4: "ncsn dsm; Vincent 2011, section 4.3"}.get(power, FOLDED)
        yield Weighting((f"times {name}^{power}",), functools.partial(_to_the, function, power), source)
    for power in (1, 3, -1, -3):
        factor = functools.partial(_to_the, function, power)
        yield Weighting((f"times {name}^{power}",), factor, mistaken=True)
    if name == "sigma":
        for s in DATA_DEVIATIONS:
            for power in (0, -2, 2):
                word = f"weight (sigma^2 + sigma_data^2)/{'sigma^2/' * (power < 0)}sigma_data^2, sigma_data = {s:g}"
                factor = functools.partial(_karras, function, s, power)
                yield Weighting((word + ", times sigma^2" * (power > 0),), factor, KARRAS)
    if glossary.Sde in of.values():
        yield Weighting(
            ("times g^2 (likelihood weighting)",), _squared_diffusion, "Song, Durkan, Murray and Ermon 2021"
        )


def _to_the(function: str, power: int, given: dict):
    return _deviation(function, given) ** float(power)


def _ratio(function: str, power: int, given: dict):
    m, std = moments(function, given, _level(given), _length(given))
    return m[:, 0] ** 2 / std[:, 0] ** power


def _kept(function: str, given: dict):
    """m^2/(m^2 + std^2), the share of the signal."""
    m, std = moments(function, given, _level(given), _length(given))
    return m[:, 0] ** 2 / (m[:, 0] ** 2 + std[:, 0] ** 2)


MIN_SNR = {  # of the weight of the clean point's error: for the noise, for the clean point itself, and for v
    "/snr": lambda snr: snr,
    "": lambda snr: 1.0,
    "/(snr + 1)": lambda snr: snr + 1,
}


def _cut(function: str, below: Callable, given: dict):
    snr = _ratio(function, 2, given)
    return np.minimum(snr, 5) / below(snr)


def _karras(function: str, s: float, power: int, given: dict):
    level = _deviation(function, given)
    return level**power * (level**2 + s**2) / s**2


def _squared_diffusion(given: dict):
    return given["sde"].diffusion(given["t"] * np.ones(_length(given))) ** 2


def _halves(function: str) -> list[tuple[str, float]]:
    text = syntax(getattr(refebm, function))
    half = any(isinstance(node, ast.Constant) and node.value == 0.5 for node in ast.walk(text))
    return [("", 1.0), *([("no 1/2", 2.0)] if half else [])]


@functools.cache
def weightings(function: str) -> tuple[Weighting, ...]:
    """The factors that a loss over the coordinates of a field may have; for other functions only 1."""
    of = set(types(function).values()) if "." not in function else set()
    fields = {glossary.Field, glossary.LevelField, glossary.TimeField, glossary.Projections, glossary.Direction}
    if types(function)["return"] != glossary.Loss or not of & fields:
        return (Weighting((), lambda given: 1.0),)
    found = []
    for power in _powers(function):
        for half, factor in _halves(function):
            for over in _over(of):
                words = (SQUARED_ERROR,) if half and over[0] == "mean over coordinates" else (half, over[0])
                found.append(
                    Weighting(
                        (*power.words, *filter(None, words)),
                        functools.partial(_weight, power.factor, factor, over[1]),
                        "; ".join(filter(None, [power.source, "dataflowr module 18a and Das 2021" if half else ""])),
                        factor,
                        power.mistaken,
                    )
                )
    return tuple(sorted(found, key=lambda one: (one.mistaken, len(one.words))))


def _over(of: set) -> list[tuple[str, int]]:
    unit = {glossary.Projections, glossary.Direction} & of
    return [("", 0), ("mean over coordinates", -1), *([("times d, for projections of length 1", 1)] if unit else [])]


def _weight(power: Weight, factor: float, of_d: int, given: dict):
    x = given["x"] if "x" in given else given["y"]
    return power(given) * factor * x.shape[1] ** float(of_d)
