"""Answers to the golden vectors from a program in any language: one JSON file for each function."""

import difflib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from refebm.crosscheck.adapter import DEEPEST, Answer, array, arrays
from refebm.crosscheck.questions import EXAMINED
from refebm.crosscheck.report import shown
from refebm.crosscheck.vectors import digest, file_name, vectors
from refebm.glossary import InputError
from refebm.identities import Failure
from refebm.variants.arguments import ADJUSTED, FOR_GRADIENTS

LARGEST = 2**26  # bytes; larger files are refused


def read(folder: Path) -> Iterator[tuple[str, dict[str, Answer]]]:
    """(function, {id: Answer}) for each file that is named after a function.

    Errors: E-ANSWERS if there is none, or if the files are the vectors themselves.
    """
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
    """The answers in a file; a file that cannot be read counts as one answer with that problem."""
    try:
        content = _content(function, path)
        kind = np.dtype(content.get("dtype", "float64"))
        known = {vector.asked.id: vector for vector in vectors(function)}
        return {number: _answer(known[number], one, kind) for number, one in content["answers"].items()}
    except Failure as failure:
        return {vectors(function)[0].asked.id: Answer(problem=shown(f"{path.name} {failure}"))}


def _content(function, path) -> dict:
    if not path.is_file() or path.stat().st_size > LARGEST:
        raise Failure(f"is not a plain file of at most {LARGEST >> 20} MiB")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
    except (OSError, ValueError, RecursionError) as error:
        raise Failure(f"is not JSON, or cut short: {error}") from error
    if isinstance(content, dict) and "vectors" in content and "answers" not in content:
        raise InputError("E-ANSWERS", f"{path} holds the vectors, not the answers to them: name the folder of these")
    if not isinstance(content, dict) or not isinstance(content.get("answers"), dict):
        raise Failure('has no object "answers" of a value for each id, as FORMAT.md beside the vectors says')
    if content.get("digest") != digest(function):
        raise Failure(f"answers other vectors: digest {content.get('digest')!r}, ours is {digest(function)!r}")
    strange = sorted(set(content["answers"]) - {vector.asked.id for vector in vectors(function)})
    if strange:
        raise Failure(f"answers {strange[0]!r}, which is not a question")
    if content.get("dtype", "float64") not in ("float64", "float32"):
        raise Failure(f"has dtype {content['dtype']!r}, wanted float64 or float32")
    return content


def _once(pairs):
    """A JSON object as a dict; Failure if a key occurs twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Failure(f"has the key {twice!r} twice")
    return found


def _answer(vector, one, kind) -> Answer:
    if isinstance(one, dict) and isinstance(one.get("unsupported"), str) and "value" not in one:
        return Answer(unsupported=" ".join(shown(one["unsupported"]).split())[:300] or "it does not say why")
    if not isinstance(one, dict) or "value" not in one:
        return Answer(problem=f"the answer to {vector.asked.id} has no value")
    values = one["value"] if len(vector.shapes) > 1 and not _alone(vector, one["value"]) else [one["value"]]
    try:
        gradient = arrays(_numbers(one["gradient"], kind)) if one.get("gradient") is not None else None
        return Answer(tuple(map(array, (_numbers(value, kind) for value in values))), gradient)
    except (TypeError, ValueError, OverflowError, RecursionError, Failure) as error:
        return Answer(problem=shown(f"the answer to {vector.asked.id} is not of numbers: {error}"))


def _alone(vector, value):
    """Whether an answer has the new state (n, d) alone, without the acceptance probability."""
    if vector.asked.function in FOR_GRADIENTS:  # the values (n,) without their gradients
        return isinstance(value, list) and np.ndim(value[:1]) == 1
    return vector.asked.function in ADJUSTED and isinstance(value, list) and np.ndim(value[:1]) == 2


def _numbers(tree, kind, depth=0):
    """Nested lists as an array, with null, "NaN" and "Infinity" as the numbers they stand for. Networks stay nested."""
    if depth > DEEPEST:
        raise Failure(f"nested more than {DEEPEST} deep")
    if isinstance(tree, dict):
        return {key: _numbers(inner, kind, depth + 1) for key, inner in tree.items()}
    try:
        return np.array(tree, dtype=object).astype(kind)
    except (ValueError, TypeError):
        if not isinstance(tree, list):
            raise
        return tuple(_numbers(inner, kind, depth + 1) for inner in tree)
