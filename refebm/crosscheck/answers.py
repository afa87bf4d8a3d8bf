"""Answers that a program in any language wrote to the golden vectors: one JSON file for each function it has."""

import difflib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from refebm.crosscheck.adapter import Answer, array, arrays
from refebm.crosscheck.questions import EXAMINED
from refebm.crosscheck.vectors import digest, file_name, vectors
from refebm.identities import Failure
from refebm.validation import InputError
from refebm.variants.questions import ADJUSTED


def read(folder: Path) -> Iterator[tuple[str, dict[str, Answer]]]:
    """(function, {id: Answer}) for each file under the name of a function. Errors: E-ANSWERS if there is none."""
    if not folder.is_dir():
        raise InputError("E-ANSWERS", f"there is no folder {folder}")
    files = {file_name(function): function for function in EXAMINED}
    found = sorted(path.name for path in folder.glob("*.json"))
    for name in found:
        if name not in files:
            near = difflib.get_close_matches(name, files, 1)
            raise InputError(
                "E-ANSWERS", f"{folder / name} is not named after a function{(near and f'; {near[0]}?') or ''}"
            )
    if not found:
        raise InputError("E-ANSWERS", f"{folder} has no answers, which are files such as {next(iter(files))}")
    for name, function in files.items():
        if name in found:
            yield function, _answers(function, folder / name)


def _answers(function, path) -> dict[str, Answer]:
    """What a file says; a file that cannot be read is one answer, that says so."""
    first = vectors(function)[0].asked.id
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        return {first: Answer(problem=f"{path.name} is not JSON, or cut short: {error}")}
    if not isinstance(content, dict) or not isinstance(content.get("answers"), dict):
        return {first: Answer(problem=f"{path.name} has no object of answers by id")}
    if content.get("digest") != digest(function):
        words = f"{path.name} answers other vectors: digest {content.get('digest')!r}, ours is {digest(function)!r}"
        return {first: Answer(problem=words)}
    known = {vector.asked.id: vector for vector in vectors(function)}
    strange = sorted(set(content["answers"]) - set(known))
    if strange:
        return {first: Answer(problem=f"{path.name} answers {strange[0]!r}, which is not a question")}
    dtype = content.get("dtype", "float64")
    if dtype not in ("float64", "float32"):
        return {first: Answer(problem=f"{path.name} has dtype {dtype!r}, wanted float64 or float32")}
    return {number: _answer(known[number], one, np.dtype(dtype)) for number, one in content["answers"].items()}


def _answer(vector, one, kind) -> Answer:
    if not isinstance(one, dict) or "value" not in one:
        return Answer(problem=f"the answer to {vector.asked.id} has no value")
    values = one["value"] if len(vector.shapes) > 1 and not _alone(vector, one["value"]) else [one["value"]]
    try:
        gradient = arrays(_numbers(one["gradient"], kind)) if one.get("gradient") is not None else None
        return Answer(tuple(map(array, (_numbers(value, kind) for value in values))), gradient)
    except (TypeError, ValueError, Failure) as error:
        return Answer(problem=f"the answer to {vector.asked.id} is not of numbers: {error}")


def _alone(vector, value):
    """Whether it is the state alone that a kernel has moved to, (n, d), and not that and its probability."""
    if vector.asked.function == "implicit_negative_elbo":  # the values alone, (n,), and not their gradients
        return isinstance(value, list) and np.ndim(value[:1]) == 1
    return vector.asked.function in ADJUSTED and isinstance(value, list) and np.ndim(value[:1]) == 2


def _numbers(tree, kind):
    """Nested lists as an array; null, "NaN" and "Infinity" are what they stand for. Networks stay nested."""
    if isinstance(tree, dict):
        return {key: _numbers(inner, kind) for key, inner in tree.items()}
    try:
        return np.array(tree, dtype=object).astype(kind)
    except ValueError:
        if not isinstance(tree, list):
            raise
        return tuple(_numbers(inner, kind) for inner in tree)
