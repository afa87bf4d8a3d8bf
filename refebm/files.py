"""Files are written whole or not at all."""

import json
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from refebm.glossary import InputError


def write_text(path: Path, text: str) -> None:
    """To a temporary name beside it, then renamed, with the mode that it had; links are followed.

    What is no plain file, such as a device or a pipe, and where we print to, is written to and not replaced.
    Errors: E-FILE.
    """
    content = text.encode("utf-8", "backslashreplace")
    with _refused(path):
        target, plain = _target(path)
        if not plain:
            if sys.stdout is not None:
                sys.stdout.flush()
            with open(target, "wb") as file:
                file.write(content)
            return
        with _partial(target) as (descriptor, temporary):
            with open(descriptor, "wb") as file:
                file.write(content)
            os.replace(temporary, target)


def write_json(path: Path, content: dict) -> None:
    """The same of a record. Errors: E-FILE."""
    write_text(path, json.dumps(content, indent=1) + "\n")


def see_writable(path: Path) -> None:
    """Whether a file can be written there, before there is something to write; nothing is left. Errors: E-FILE."""
    with _refused(path):
        target, plain = _target(path)
        if isinstance(target, int):
            os.close(target)
        if plain:
            with _partial(target) as (descriptor, _):
                os.close(descriptor)


def see_apart(written: dict[str, Path], read: dict[str, Path]) -> None:
    """Files to write, by the options that name them, are neither each other nor what is read. Errors: E-OPTION."""
    options: dict[str | tuple[int, int], str] = {}
    for option, path in (read | written).items():
        with _refused(path):
            marks = [os.path.realpath(path)]
            if path.exists():
                found = path.stat()
                marks.append((found.st_dev, found.st_ino))
        same = next((options[mark] for mark in marks if mark in options), None)
        if same and option in written:
            raise InputError("E-OPTION", f"{option} and {same} are the same file, {path}")
        options |= dict.fromkeys(marks, option)


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Whatever the system says against it as an error with a code."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a null character
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InputError("E-FILE", f"{path} cannot be written: {reason}") from error


def _target(path: Path) -> tuple[Path | int, bool]:
    """Where links lead, or a new descriptor of where we print to; and whether a plain file is there or can be."""
    with suppress(FileNotFoundError):
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(None, "it is a folder")
        if not os.access(path, os.W_OK):
            raise PermissionError(None, "it may not be written to")
        for printed in (1, 2):  # as /dev/stdout is, whatever that leads to
            with suppress(OSError):
                if os.path.samestat(found, os.fstat(printed)):
                    return os.dup(printed), False
        if not stat.S_ISREG(found.st_mode):
            return path, False
    return Path(os.path.realpath(path)), True


@contextmanager
def _partial(target: Path) -> Iterator[tuple[int, Path]]:
    """A new file in the same folder, under a name that nobody can have guessed; removed unless it is renamed."""
    temporary = target.with_name(f".{secrets.token_hex(8)}.partial")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with suppress(FileNotFoundError):
            before = target.stat()
            with suppress(OSError, AttributeError):  # the owner, if it is another's and we may
                os.chown(temporary, before.st_uid, before.st_gid)
            os.chmod(temporary, stat.S_IMODE(before.st_mode))
        yield descriptor, temporary
    finally:
        temporary.unlink(missing_ok=True)
