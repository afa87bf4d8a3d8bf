"""The fixed questions of the examination: what each public function is asked, and what each question is there for."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

import refebm
from refebm.glossary import (
    BinaryRbm,
    Bits,
    Energy,
    Field,
    InputError,
    LevelField,
    LogDensity,
    Logit,
    Loss,
    Rbm,
    TimeField,
)
from refebm.identities import STEMS
from refebm.models import ENERGIES, Model
from refebm.objectives.denoising import NoiseLevels
from refebm.objectives.likelihood import Estimate
from refebm.variants.procedures import NAMES as PROCEDURES
from refebm.variants.questions import ADJUSTED, DIAGNOSTICS, FUNCTIONS, GRID, NOISY, RBMS, SDES, Question, types
from refebm.words import did_you_mean, having

KINDS = ("mlp_score", "mlp_energy", "mixture", "quadratic")
WITH_ENERGY = KINDS[1:]
SMOOTH = ("mlp_score", "quadratic", "mlp_energy")  # of which high derivatives have digits
AT_TIMES = ("noise_conditional", "diffused_mixture")  # with a time of an SDE, or a step of a diffusion
NOT_EXAMINED = {  # public names that an adapter is not asked for, and why
    "Model": "the data that an adapter is handed",
    "mixture_of": "makes model data of refebm's own densities",
    "expect": "takes callables: the theorems use it, with --impl",
    "Expectation": "what expect returns",
    "log_partition": "one way to integrate of many: ask for its own tolerance",
    "annealed_importance_sampling": "takes a kernel: the weights that it makes are, by estimated_log_partition",
    "run": "takes a kernel: the kernels are",
    "coupled_chains": "takes a kernel: the kernels are, and what is made of the chains",
    **dict.fromkeys(
        ("multigrid_contrastive_divergence", "multigrid_chain"), "takes a model for each grid: a question has one model"
    ),
    **dict.fromkeys(
        ("block_means", "repeated_pixels"), "a reshape and a mean: what is made with it is not asked either"
    ),
    "Step": "what kernels return",
    "Generator": "two callables: bregman_noise_contrastive is asked with three of them by their names",
    "LOGISTIC": "a generator that an adapter is told the name of",
    "KULLBACK_LEIBLER": "a generator that an adapter is told the name of",
    "LEAST_SQUARES": "a generator that an adapter is told the name of",
    "minimise": "takes a loss: what it reaches is the optimiser's",
    "minimise_noisy": "takes a loss: what it reaches is the optimiser's",
    "Fit": "what these return",
    "moving_average": "takes parameters, which every program keeps in its own way",
    **dict.fromkeys(PROCEDURES, "draws: the definition that it goes down is examined, with noise handed over"),
    "probability_flow": "solved to a tolerance: its velocity is examined",
    "probability_flow_log_prob": "solved to a tolerance: its velocity is examined, and the divergence of fields",
    "GivenDiffusion": "takes callables: the SDEs that are examined are numbers",
    "ReplayBuffer": "state, which every program keeps in its own way",
    "langevin_tape": "draws: noise is handed over",
    "metropolis_tape": "draws: noise is handed over",
    "gibbs_tape": "draws: noise is handed over",
    "annealed_langevin_tape": "draws: noise is handed over",
    "predictor_corrector_tape": "draws: noise is handed over",
    "replay_tape": "draws: noise is handed over",
    "DomainError": "an error",
    "InputError": "an error",
}
METHODS = {  # of classes: which are asked for
    **dict.fromkeys(("Gaussian", "GaussianMixture"), "log_prob score smoothed posterior_mean posterior_cov"),
    "Gamma": "log_prob score fisher_information",
    **dict.fromkeys(("StudentT", "Laplace"), "log_prob score"),
    **dict.fromkeys(RBMS, "energy free_energy hidden_mean visible_mean log_partition"),
    "RealNVP": "log_prob inverse sample",
    "LinearGaussianVAE": "log_joint marginal posterior_mean gap",
    "VarianceExploding": "sigma diffusion kernel prior",
    "VariancePreserving": "beta integral betas diffusion kernel prior drift marginal diffused",  # as all SDEs have them
    "SubVariancePreserving": "diffusion kernel",
}
ASKED_WITH = {  # the type of what a function is about: kinds of models, the usual one first
    Field: KINDS,
    **dict.fromkeys((Energy, LogDensity, Logit), WITH_ENERGY),
    LevelField: ("noise_conditional", "smoothed_mixture"),
    TimeField: AT_TIMES,
    Rbm: tuple(RBMS.values()),
    BinaryRbm: ("binary_rbm",),
}
MORE = {  # kinds for one function alone
    "divergence": ("at_level", "denoiser"),
    "implicit_score_matching": ("autoregressive", "flow"),
    "nonnegative_score_matching": ("gamma",),
    "pseudo_likelihood": ("binary_rbm",),
    **dict.fromkeys(("negative_log_likelihood", "contrastive_divergence"), tuple(RBMS.values())),
}
ONLY = {  # kinds for one function, and no others
    "score_of": tuple(kind for kind in ENERGIES if kind != "binary_rbm"),  # of bits there is no gradient
    "denoising_autoencoder": ("mlp_score", "denoiser"),
    "implicit_negative_elbo": KINDS,  # which are the score of q
    "geometric_noise_levels": ("mlp_score",),
    **dict.fromkeys(("higher_order_score_matching", "laplacian_score_matching"), SMOOTH),
    **dict.fromkeys(("classifier_energy", "class_log_probabilities"), ("mlp_score",)),  # d classes
    **dict.fromkeys(("noise_from_score", "clean_point_from_score", "velocity_from_score"), ("mlp_score", "mixture")),
    **dict.fromkeys(("score_from_noise", "score_from_clean_point", "score_from_velocity"), ("mlp_score",)),
}


def _kinds(function: str) -> tuple[str, ...]:
    """The kinds of models that a function is asked with, by the types of its arguments."""
    found = (ASKED_WITH[one] for one in types(function).values() if one in ASKED_WITH)
    return ONLY.get(function) or next(found, ()) + MORE.get(function, ())


def _place(function: str) -> tuple[int, str, int]:
    """By stem and line, in the order in which they are read."""
    code = inspect.unwrap(getattr(refebm, function)).__code__
    stem = Path(code.co_filename).stem
    return (*STEMS, stem).index(stem), stem, code.co_firstlineno


EXAMINED: dict[str, tuple[str, ...]] = {  # public name: kinds of models that it is asked about, the usual one first
    function: _kinds(function) for function in sorted(set(FUNCTIONS) - set(NOT_EXAMINED), key=_place)
} | {f"{name}.{method}": () for name, methods in METHODS.items() for method in methods.split()}
GRADIENTS = {name for name in EXAMINED if types(name)["return"] == Loss}  # which have one in the model's parameters
NOT_BY_ROW = (np.ndarray, float, Any, NoiseLevels, Estimate)  # what is returned where answers do not come row by row
WHOLE = {name for name in EXAMINED if types(name)["return"] in NOT_BY_ROW}
FAR = GRADIENTS - {"nonnegative_score_matching", "finite_difference_sliced", "denoising_autoencoder"}
FAR -= {"higher_order_score_matching", "laplacian_score_matching", "marginalisation_score_matching"}  # powers of x
FAR |= {name for name in EXAMINED if name.startswith(("Gaussian.", "GaussianMix", "Student", "Laplace", "smoothed"))}
FAR |= {"metropolis_step", "langevin_step", "mala_step", "hmc_step", "estimated_log_partition"}
FAR |= {f"{rbm}.{method}" for rbm in RBMS for method in ("free_energy", "hidden_mean", "log_partition")}
FAR |= {"BinaryRBM.visible_mean", "mixed_noise"}
FAR |= {"reverse_sde_step", "probability_flow_velocity", "ddpm_step"}
FAR |= {"flow_velocity", "ddim_step"}
WITH_DRIFT = ("euler_maruyama_step", "reverse_sde_step", "probability_flow_velocity", "predictor_corrector")
UNTRAINED = ("flow", "denoiser", "diffused_mixture")  # of which no gradient is asked
FARTHER = {"estimated_log_partition"} | {name for name in FAR if name.partition(".")[0] in RBMS}  # exp(700) is a number
SEEDS = {
    "Laplace.score": 10_000,  # with points between loc and its multiples, where only the sign of x - loc matters
    **{"metropolis_step": 6_000, "mala_step": 2_000, "hmc_step": 62_000},  # both decisions, also far out
    **{"BinaryRBM.free_energy": 3_000, "BinaryRBM.hidden_mean": 9_000, "BinaryRBM.visible_mean": 9_000},
    **{"BinaryRBM.log_partition": 1_000, "GaussianBernoulliRBM.free_energy": 1_000},
    "GaussianBernoulliRBM.hidden_mean": 3_000,  # these with fields of 20 to 26, and beyond 700 either way
    **{"noise_contrastive": 9_000, "gan_discriminator_loss": 6_000},
    "conditional_noise_contrastive": 332_000,  # and these with logits of 21 to 22, and beyond 700
    "minimum_probability_flow": 8_000,  # with energies beyond 1,420, of which even the root of exp(E) overflows
}
SHAPES = ((3, 4), (2, 3), (5, 4), (1, 3), (2, 4))  # (d, n), twice: once to find a name, once to confirm it
HIDDEN = (2, 3, 2, 3, 1)  # units of an RBM in these, and one more
BITS = {name for name in EXAMINED if "." not in name and Bits in types(name).values()}  # which take zeros and ones
VALUES: dict[str, tuple] = {  # an option of the question: the argument that it is, its values, what they catch
    "sigma": ("sigma", (0.25, 1.0, 4.0, 1.0)),
    "eps": ("eps", (0.5, 1.0, 1.0, 0.125)),
    "levels": ("n", (2, 3, 5, 8)),
    "eta": ("eta", (0.125, 0.5, 1.0, 0.5)),
    "scale": ("scale", (0.25, 1.0, 2.0, 1.0)),
    "first": ("first", (0.125, 1.0)),
    "power": ("power", (0.25, 1.0)),
    "log_z": ("log_z", (1.5, -4.0), "a multiple of log Z, or its sign"),
    "n_steps": ("n_steps", (1, 5), "a step too many, or too few"),
    "sigmas": ("sigmas", ([0.625], [2.0, 1.0]), "one level alone, or a level of 1"),
    "k": ("k", (0, 3), "right for k = 1 only, or for one state"),
    "order": ("order", (3, 1), "what is right for m = 2 only"),
    "u": ("u", (1 / 64, 63 / 64), "u at the ends of its range"),
    "n_lags": ("n_lags", (1, 11), "a lag too many, or too few"),
    "length": ("x", (8, 13, 9, 24), "halves, or pairs, of chains of any length"),
    "rbm_sigma": ("density", (0.5, 1.0, 2.0, 1.0)),
    "deviation": ("density", (0.5, 1.0, 2.0, 1.0)),
    "couplings": ("density", (1, 3, 3, 1), "what is right for one coupling, or for two"),
    "nu": ("y", (1, 2, 5, 1), "what is right for one noise point, or for some number of them"),
    "log_ratio": ("log_ratio", (0.0,) * 4, "symmetric noise, whose log-ratio is zero"),
    "generator": ("generator", ("LOGISTIC", "LOGISTIC", "KULLBACK_LEIBLER", "KULLBACK_LEIBLER")),
    "weight": ("weight", (0.5, 0.125, 0.875, 0.5), "right for equal weights only, or a weight for its complement"),
    "bandwidth": ("bandwidth", (0.5, 1.0, 2.0, 1.0)),
    "sde": ("sde", tuple(one for one in SDES for _ in (0, 1)), "what is right for one SDE only"),
    "s": ("s", (0.0, 0.0), "what is right from some time on, and not from 0"),
    "t": ("t", (1.0, 1.0), "what is right before the end only"),
    "dt": ("dt", (0.5, 1.0, 0.0625, 1.0)),
    "data_std": ("data_std", (0.5, 1.0)),
    "offset": ("offset", (0.0, 0.5)),
    "coverage": ("coverage", (0.5, 0.875)),
    "ratio": ("ratio", (1.25, 2.0)),
    "next_sigma": ("next_sigma", (0.0, 0.0), "what is right for all steps but the last"),
    "times": ("times", ([0.875, 0.25], [1.0, 0.625]), "what is right for some steps, or for equal ones"),
    "corrections": ("times", (0, 1), "no correction where one is wanted, or where none is"),
}


@dataclass(frozen=True, eq=False)
class Asked:
    """One question: a public name, its arguments by name, and what it is there to catch."""

    function: str
    id: str
    arguments: dict[str, Any]
    catches: str
    confirms: bool = False
    gradient: bool = False
    given: dict[str, Any] = field(default_factory=dict)  # d, n, kind and the like, for what a report says

    @property
    def model(self) -> str | None:
        """The name of the argument that is the model."""
        return next((name for name, value in self.arguments.items() if isinstance(value, Model)), None)


def chosen(text: str) -> list[str]:
    """The functions that a text means: those of exactly this name, or of this stem, or with all its words in theirs.

    Errors: E-NONE if there is none.
    """
    stems = {name: getattr(refebm, name.partition(".")[0]).__module__.rpartition(".")[2] for name in EXAMINED}
    found = [name for name in EXAMINED if text in (name, name.partition(".")[0])]
    found = found or [name for name in EXAMINED if stems[name] == text]
    found = found or having(text, {name: name for name in EXAMINED})
    if not found:
        raise InputError("E-NONE", f"no function has {text!r} in its name{did_you_mean(text, EXAMINED)}")
    return found


def questions(function: str) -> list[Asked]:
    """All that a public function is asked."""
    asked = []
    for catches, gradient, options in _plan(function):
        alone = options.pop("alone", False)
        arguments = Question(**options).arguments(function)
        arguments = {name: row_alone(name, value) for name, value in arguments.items()} if alone else arguments
        number, confirms = f"{len(asked):02d}", len(asked) % 2 == 1
        given = {"d": options["d"], "n": 1 if alone else options["n"], "kind": options.get("kind", "")}
        given |= {"reach": options.get("reach", 1), "seed": options["seed"], "grid": options.get("grid", GRID)}
        given |= {"nu": len(arguments["y"])} if function in NOISY else {}
        sigma, v = arguments.get("sigma"), arguments.get("v")
        given |= {"sigma": "rows" if np.ndim(sigma) else sigma} if sigma is not None else {}
        given |= {"m": len(v) if v.ndim == 3 else 1} if v is not None else {}
        given |= {name: True for name in ("walls", "holes") if options.get(name)}
        some = ("eps", "eta", "scale", "n_steps", "bandwidth", "dt", "posterior")
        given |= {"sde": arguments["sde"]["kind"]} if "sde" in arguments else {}
        given |= {name: arguments[name] for name in some if name in arguments and np.ndim(arguments[name]) == 0}
        asked.append(Asked(function, number, arguments, catches, confirms, gradient, given))
    return asked


BY_ROW = {  # one of them for each point
    *(
        "x",
        "y",
        "z",
        "v",
        "h",
        "p",
        "u",
        "u_h",
        "u_v",
        "x_model",
        "sigma",
        "mean",
        "s",
        "t",
        "i",
        "weight",
        "u_meet",
        "chain",
        "lagged",
        "scale",
        "std",
    )
}


def row_alone(name: str, value, i: int = 0):
    """Row i of an argument, by itself: a row is answered alone as it is among others."""
    if name == "log_ratio":
        return value[:, i : i + 1]
    if name in BY_ROW and np.ndim(value):
        return value[i : i + 1] if np.ndim(value) == 1 else value[..., i : i + 1, :]
    return value


def _plan(function: str) -> Iterator[tuple[str, bool, dict]]:
    """What to catch, whether with a gradient, options of the question; even ones to find, odd ones to confirm."""
    kinds, seed = EXAMINED[function] or ("",), crc32(function.encode()) + SEEDS.get(function, 0)
    usual = {"kind": kinds[0]} if kinds[0] else {}
    trains = function in GRADIENTS
    for i, (d, n) in enumerate(SHAPES):
        d = max(d, 2) if function.startswith("RealNVP") else d  # a coupling keeps one coordinate and moves another
        for half in (0, 1):
            words = f"a generic question, d = {d}, n = {n}" if d > 1 else "what is right in one dimension only"
            options = {"m": None if i % 2 else 2 + half, "hidden": HIDDEN[i] + half} | usual
            options |= {"kind": kinds[i % 2]} if function == "gibbs_step" else {}
            options |= {"unbiased": i % 2 == 0} if function == "kernel_stein" else {}
            options |= {"posterior": i % 2 == 0} if function == "ddpm_step" else {}
            options |= {"n_steps": n + half} if function in ("decaying_steps", "VariancePreserving.betas") else {}
            yield words, trains and i in (0, 1), {"seed": seed + 2 * i + half, "d": d, "n": n} | options
    for half in (0, 1) if function not in WHOLE else ():
        options = {"seed": seed + half, "d": 3, "n": 4, "m": 2 + half, "hidden": HIDDEN[0] + half, "alone": True}
        yield "rows that influence each other: this row is the first of an earlier question", False, options | usual
    for half in (0, 1) if function in DIAGNOSTICS else ():
        yield "a single chain", False, {"seed": seed + 10 + half, "d": 2, "n": 1}
    for half in (0, 1) if function in DIAGNOSTICS else ():
        yield "a chain that alternates", False, {"seed": seed + 12 + half, "d": 2, "n": 1, "alternate": True}
    for i, kind in enumerate(kinds[1:]):
        for half in (0, 1):
            options = {"seed": seed + 20 + 2 * i + half, "d": 2 + half, "n": 4 - half, "kind": kind}
            yield f"a model built wrongly: {kind}", trains and kind not in UNTRAINED, options
    for i, option, value in _values(function, usual):
        options = {"seed": seed + 40 + i % 2, "d": (3, 5)[i % 2], "n": 3, option: value} | usual
        yield _caught(option, value), trains and i in (0, 1) and option in ("sigma", "eps"), options
    yield from _far_out(function, kinds, seed)
    for half in (0, 1) if "mixture" in kinds else ():
        options = {"seed": seed + 80 + half, "d": 2 + half, "n": 3, "kind": "mixture", "between": True}
        yield "a sign that is right where the energy is convex", False, options
    for half in (0, 1):
        options = usual | {"kind": "gaussian_rbm"} if function == "gibbs_step" else usual  # bits are never rounded
        options |= {"sde": "SubVariancePreserving"} if function in WITH_DRIFT else {}  # of others it may be zero
        options = {"seed": seed + 70 + half, "d": 2, "n": 3, "grid": 48} | options
        yield "inputs that are rounded to fewer digits on their way", False, options
    yield from _of_energies(function, kinds, seed)
    yield from _of_its_own(function, seed)


def _far_out(function: str, kinds, seed: int) -> Iterator[tuple[str, bool, dict]]:
    """Points, or wells, so far out that what is not written for it overflows."""
    wanted = ("quadratic", "mixture") if function in BITS else ("mixture",)
    kind = next((one for one in wanted if one in kinds), kinds[0])
    for reach in (16, 1024) if function in FARTHER else (16, 64) if function in FAR else ():
        far = {"seed": seed + 62, "d": 2, "n": 3, "reach": reach}
        far |= {"generator": "LOGISTIC"} if function == "bregman_noise_contrastive" else {}  # others do overflow
        yield "overflow: points or wells far out", False, far | ({"kind": kind} if kind else {})


def _of_energies(function: str, kinds, seed: int) -> Iterator[tuple[str, bool, dict]]:
    """The generic questions once more, of a model that has an energy: all that a library of energies can be asked."""
    if kinds[0] != "mlp_score" or "mixture" not in kinds:
        return
    some = {"kind": "mixture"}
    for half in (0, 1):
        yield "what is right in one dimension only", False, {"seed": seed + 90 + half, "d": 1, "n": 3, "m": 2} | some
    for half in (0, 1) if function not in WHOLE else ():
        options = {"seed": seed + 92 + half, "d": 3, "n": 1, "m": 2 + half} | some
        yield "what is right for many rows only", False, options
    for i, option, value in _values(function, some):
        if option in ("sigma", "eta", "eps", "bandwidth", "n_steps"):
            yield _caught(option, value), False, {"seed": seed + 94 + i % 2, "d": 2, "n": 2, option: value} | some
    for half in (0, 1):
        options = {"seed": seed + 96 + half, "d": 2, "n": 2, "grid": 48} | some
        yield "inputs that are rounded to fewer digits on their way", False, options


def _of_its_own(function: str, seed: int) -> Iterator[tuple[str, bool, dict]]:
    """What a few are asked beside that."""
    some = {
        "metropolis_step": ("a proposal of infinite energy", {"d": 3, "n": 4, "kind": "quadratic", "walls": True}),
        "kernel_stein": (
            "points that are far apart",
            {"d": 2, "n": 4, "kind": "quadratic", "apart": 8, "unbiased": False},
        ),
        "predictor_corrector": (
            "equal steps in time",
            {"d": 2, "n": 3, "kind": AT_TIMES[0], "times": [0.75, 0.5, 0.25]},
        ),
    }
    if function == "ddpm_step":
        usual, last = {"kind": AT_TIMES[0], "posterior": False}, {"kind": AT_TIMES[1], "posterior": False}
        for words, options in (
            ("the last step, i = 0, with the variance beta", {"d": 2, "n": 4} | last),
            ("rows that influence each other: a row alone", {"d": 3, "n": 4, "alone": True} | usual),
            ("overflow: points far out", {"d": 2, "n": 3, "reach": 16} | usual),
        ):
            yield from ((words, False, {"seed": seed + 100 + half} | options) for half in (0, 1))
    if function in some:
        words, options = some[function]
        yield from ((words, False, {"seed": seed + 100 + half} | options) for half in (0, 1))
    for number, words in (("walls", "infinite"), ("holes", "NaN")) if function in ADJUSTED else ():
        options = {"d": 3, "n": 4, "kind": "quadratic", number: True}
        for half in (0, 1) if (function, number) != ("metropolis_step", "walls") else ():
            yield f"a proposal whose energy is {words}", False, {"seed": seed + 100 + half} | options


def _values(function, usual) -> Iterator[tuple[int, str, Any]]:
    """Values of the options that the function has."""
    arguments = Question(d=2, **usual).arguments(function)
    for option, (argument, values, *_) in VALUES.items():
        about = {"length": function in DIAGNOSTICS, "rbm_sigma": function.startswith("GaussianBernoulliRBM")}
        about |= {"deviation": function.startswith("LinearGaussianVAE"), "couplings": function.startswith("RealNVP")}
        about |= {"nu": function in NOISY, "eps": function != "entropy_gradient"}  # whose eps is the noise
        about |= {"sde": "." not in function, "weight": function != "diffusion_score_matching"}  # which has one by row
        asked_back = (
            "probability_flow_velocity",
            "diffusion_score_matching",
            "flow_matching",
        )  # by a mistake, at 1 - t
        asked_back += ("flow_velocity",)
        about["t"] = function not in asked_back  # 0 has no logarithm
        about["sigma"] = function != "karras_preconditioned"  # whose network is asked at log sigma, here above 0
        about["n_steps"] = function != "VariancePreserving.betas"  # one step has not both ends, as a convention has
        if argument in arguments and about.get(option, True):
            yield from ((i, option, value) for i, value in enumerate(values))


def _caught(option, value):
    _, _, *words = VALUES[option]
    if option == "generator":
        return f"another generator: {value}"
    if words:
        return words[0]
    plain = 0.5 if option == "eta" else 1  # where sqrt(2 eta), or a power, is one
    return f"right at {option} = {value:g} only" if value == plain else f"a wrong power of {option}"
