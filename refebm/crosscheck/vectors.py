"""Golden vectors: questions with their answers, from an independent evaluation with which refebm agrees.

The values in ``independent.json`` are mpmath's, each rounded once to float64; `python -m tests.certify` writes them.
A scale is sum |terms| plus the change of the value when each input moves, per unit of relative change.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import get_origin

import numpy as np
from autograd import grad

import refebm
from refebm.crosscheck.questions import EXAMINED, WHOLE, Asked, questions
from refebm.files import write_text
from refebm.glossary import DataScore, Density, InputError, words_of
from refebm.identities import REFERENCE, Implementation
from refebm.models import Model, Models, with_parameters
from refebm.variants.arguments import CLASSES, GRID, ask, flat, handed, parameters, role, types

HERE = Path(__file__).parent
FORMAT = 1
FACTOR = 64  # the allowed error, in roundoffs of each term and each input, as in the theorems
NUDGE = 2.0**-26
UNDERFLOW = {2.0**-53: 2.0**-1022, 2.0**-24: 2.0**-126}  # by unit roundoff, the size below which an answer may be 0


def tolerance(scale: np.ndarray, roundoff: float = 2.0**-53) -> np.ndarray:
    """The allowed error of an answer with this scale."""
    return FACTOR * roundoff * scale + UNDERFLOW.get(roundoff, 2.0**-126)


@dataclass(frozen=True, eq=False)
class Vector:
    """A question with its right answer: value and scale as flat arrays, and the gradient of the mean, if any."""

    asked: Asked
    shapes: list[tuple[int, ...]]
    value: np.ndarray
    scale: np.ndarray
    gradient: np.ndarray | None = None
    gradient_scale: np.ndarray | None = None

    @property
    def by_row(self) -> bool:
        """Whether the answer is one number per row, which an implementation may average or sum."""
        return len(self.shapes) == 1 and len(self.shapes[0]) == 1 and self.asked.function not in WHOLE

    @property
    def first_part(self) -> "Vector":
        """The same question with only the first part of its answer."""
        size = int(np.prod(self.shapes[0]))
        return replace(self, shapes=self.shapes[:1], value=self.value[:size], scale=self.scale[:size])


def plain(value):
    """A value in a form for JSON: arrays and tuples as lists, a model as its kind and parameters."""
    if isinstance(value, Model):
        return {"kind": value.kind, "parameters": plain(value.parameters)}
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(inner) for inner in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


class Read:
    """What stands in JSON for an argument that questions hold as data, `handed` over: as that data."""

    def energy(self, told: dict) -> Model:
        return Model(told["kind"], told["parameters"])

    def energies(self, told) -> Models:
        return Models(map(self.energy, told))

    score, rbm, scores = energy, energy, energies

    def __getattr__(self, _):  # the name of a sampler, the parameters of an SDE: data as it is
        return lambda told: told


def arguments_from_json(function: str, arguments: dict) -> dict:
    """The arguments of a question from their form in JSON, by the types of the function's parameters."""
    return {name: argument_from_json(types(function).get(name), told) for name, told in arguments.items()}


def argument_from_json(annotation, told):
    for_each_grid = get_origin(getattr(annotation, "__origin__", None)) is tuple
    return handed(Read(), annotation, tuple(map(with_arrays, told)) if for_each_grid else with_arrays(told))


def with_arrays(told):
    """Nested lists as arrays; those that are no array, such as the layers of a network, as tuples."""
    if isinstance(told, dict):
        return {name: with_arrays(inner) for name, inner in told.items()}
    try:
        return np.array(told) if isinstance(told, list) else told
    except ValueError:
        return tuple(map(with_arrays, told))


def leaves(tree) -> list:
    """The numbers in nested dicts and lists, in their order."""
    if isinstance(tree, dict):
        tree = tree.values()
    if isinstance(tree, (list, tuple, type({}.values()))):
        return [leaf for branch in tree for leaf in leaves(branch)]
    return np.ravel(tree).tolist() if isinstance(tree, np.ndarray) else [tree]


def shaped(numbers: Iterator, like):
    """Take numbers one by one into the nested shape of `like`."""
    if isinstance(like, dict):
        return {key: shaped(numbers, inner) for key, inner in like.items()}
    return [shaped(numbers, inner) for inner in like] if isinstance(like, list) else next(numbers)


def reference(asked: Asked) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """refebm's own answer, flat, and the shapes of its parts."""
    result = ask(asked.function, REFERENCE, asked.arguments)
    parts = result if isinstance(result, tuple) else (result,)
    return np.ravel(flat(result)), [np.shape(part) for part in parts]


def reference_gradient(asked: Asked, impl: Implementation = REFERENCE) -> np.ndarray:
    """d mean(value)/d(parameters of the model), flat; the mean is that of all numbers in an answer of several parts."""
    model = asked.arguments[asked.model]

    def loss(theta):
        theta = with_kinds(theta, model.parameters)
        value = ask(asked.function, impl, asked.arguments | {asked.model: with_parameters(model, theta)})
        return mean_of(value if isinstance(value, tuple) else (value,))

    return np.array(leaves(grad(loss)(without_kinds(model.parameters))))


def mean_of(parts: tuple):
    """The mean of all numbers in the parts of an answer, which may be traced by any framework."""
    return sum(part.sum() for part in parts) / sum(int(np.prod(part.shape)) for part in parts)


def without_kinds(tree):
    """Nested parameters without the names of kinds, which are not numbers."""
    if isinstance(tree, dict):
        return {key: without_kinds(inner) for key, inner in tree.items() if key != "kind"}
    return tree


def with_kinds(tree, like):
    """Nested parameters with the names of kinds put back where `like` has them."""
    if isinstance(like, dict):
        return {key: inner if key == "kind" else with_kinds(tree[key], inner) for key, inner in like.items()}
    return tree


_INSTEAD: dict[str, tuple[Vector, ...]] = {}


@contextlib.contextmanager
def instead(function: str, others: tuple[Vector, ...]) -> Iterator[None]:
    """A context in which a function is judged by other questions, such as those on somebody's own model and points."""
    _INSTEAD[function] = others
    try:
        yield
    finally:
        del _INSTEAD[function]


def vectors(function: str) -> tuple[Vector, ...]:
    """The golden vectors of a public function."""
    return _INSTEAD.get(function) or _golden(function)


@cache
def _golden(function: str) -> tuple[Vector, ...]:
    table = independent().get(function, {})
    asked = questions(function)
    if [(one.id, fingerprint(one)) for one in asked] != [(number, table[number]["of"]) for number in sorted(table)]:
        raise InputError("E-ORACLE", f"{function} has no independent values for its questions: python -m tests.certify")
    return tuple(_vector(one, table[one.id]) for one in asked)


@cache
def independent() -> dict:
    """The table of mpmath's values."""
    return json.loads((HERE / "independent.json").read_text(encoding="utf-8"))


def _vector(asked, row):
    arrays = [np.array(row[key]) if key in row else None for key in ("value", "scale", "gradient", "gradient_scale")]
    return Vector(asked, [tuple(shape) for shape in row["shapes"]], *arrays)


def disagreement(vector: Vector) -> float:
    """The difference between refebm and mpmath, in units of the tolerance."""
    gaps = [np.abs(reference(vector.asked)[0] - vector.value) / tolerance(vector.scale)]
    if vector.gradient is not None:
        gaps += [np.abs(reference_gradient(vector.asked) - vector.gradient) / tolerance(vector.gradient_scale)]
    return float(max(map(np.max, gaps)))


def fingerprint(asked: Asked) -> str:
    """A hash of a question, so that values for another question are noticed."""
    return hashlib.sha256(json.dumps([asked.function, plain(asked.arguments)]).encode()).hexdigest()[:12]


def digest(function: str) -> str:
    """A hash of all questions of a function, so that answers to other questions are noticed."""
    return hashlib.sha256("".join(map(fingerprint, questions(function))).encode()).hexdigest()[:16]


def file_name(function: str) -> str:
    return f"{function}.json"


def document(function: str) -> dict:
    """The JSON document of a function. Errors: E-ORACLE if refebm and mpmath do not agree."""
    worst = max(map(disagreement, vectors(function)))
    if not worst <= 1:
        raise InputError("E-ORACLE", f"refebm is {worst:.3g} tolerances from the independent values of {function}")
    return {
        "format": FORMAT,
        "function": function,
        "signature": signature(function),
        "forms": forms(function),
        "digest": digest(function),
        "provenance": {
            "independent": "mpmath, 60 digits, rounded to the nearest double: tests/oracle.py and tests/certify.py",
            "agrees": f"refebm {refebm.__version__}, within {max(worst, 0.01):.1g} of the tolerance",
        },
        "vectors": [_entry(vector) for vector in vectors(function)],
    }


def forms(function: str) -> dict[str, str]:
    """What each argument is, by name, in the words of its type; a shape there is that of the lists in JSON."""
    words = ((name, words_of(types(function).get(name))) for name in vectors(function)[0].asked.arguments)
    return {name: text.partition("; in the code")[0] for name, text in words if text}


def signature(function: str) -> str:
    """The call of an adapter's function, as text."""
    name, _, method = function.partition(".")
    names = list(parameters(name))
    models = [key for key in names if role(types(name).get(key)) and types(name)[key] != DataScore]
    if len(models) == 1 and models != ["logit"]:
        names = ["model" if key in models else key for key in names]
    return f"{name}({', '.join(names)}){method_call(name, method) if name in CLASSES else ''}"


def method_call(name: str, method: str) -> str:
    """The method call, as text, by which an object of a class is asked, log_prob by default; also of returned laws."""
    if not method:
        return ".log_prob(x)"
    asked = types(f"{name}.{method}")
    given = ["law" if one == "density" else one for one in asked if one not in ("self", "return")]
    return f".{method}({', '.join(given)}){'.log_prob(x)' if asked['return'] == Density else ''}"


def _entry(vector):
    asked, entry = vector.asked, {}
    entry["id"] = asked.id
    entry["arguments"] = plain(asked.arguments)
    values, scales = iter(vector.value.tolist()), iter(vector.scale.tolist())
    entry["value"] = _parts(values, vector.shapes)
    entry["scale"] = _parts(scales, vector.shapes)
    if vector.gradient is not None:
        like = plain(without_kinds(asked.arguments[asked.model].parameters))
        entry["gradient"] = shaped(iter(vector.gradient.tolist()), like)
        entry["gradient_scale"] = shaped(iter(vector.gradient_scale.tolist()), like)
    flags = {"confirms": asked.confirms, "far": asked.given["reach"] > 1, "rounded": asked.given["grid"] != GRID}
    entry["flags"] = [flag for flag, holds in flags.items() if holds]
    entry["catches"] = asked.catches
    return entry


def _parts(numbers, shapes):
    parts = [shaped(numbers, np.zeros(shape).tolist()) for shape in shapes]
    return parts if len(parts) > 1 else parts[0]


def write(folder: Path) -> Iterator[Path]:
    """Write the vectors, a JSON file for each function, and the page on their format; over other vectors alone.

    Errors: E-FOLDER where a file of such a name holds anything else, such as answers; E-FILE.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise InputError("E-FILE", f"{folder} cannot be made: {error}") from error
    for name in (*map(file_name, EXAMINED), "FORMAT.md"):
        if not _free(folder / name):
            raise InputError("E-FOLDER", f"{folder / name} holds no vectors, and would be lost: name another folder")
    texts = {file_name(function): json.dumps(document(function), indent=None) + "\n" for function in EXAMINED}
    texts["FORMAT.md"] = (HERE / "FORMAT.md").read_text(encoding="utf-8")
    for name, text in texts.items():
        write_text(folder / name, text)
        yield folder / name


def _free(path) -> bool:
    """Whether there is no plain file, or one of vectors, or the page on their format."""
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        content = json.loads(text) if text and path.suffix == ".json" else {"vectors": text.startswith("# Golden")}
    except (OSError, ValueError, RecursionError):
        return False
    return not text or (isinstance(content, dict) and bool(content.get("vectors")) and "answers" not in content)
