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
    """Write a text to a temporary file beside `path`, then rename it; the mode of the file is kept, links are followed.

    A path that is not a plain file (a device, a pipe), or is our standard output, is written to, not replaced.
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
    """Write a record as JSON, as `write_text` does. Errors: E-FILE."""
    write_text(path, json.dumps(content, indent=1) + "\n")


def see_writable(path: Path) -> None:
    """Refuse a path that cannot be written to, before there is anything to write; it leaves no file. Errors: E-FILE."""
    with _refused(path):
        target, plain = _target(path)
        if isinstance(target, int):
            os.close(target)
        if plain:
            with _partial(target) as (descriptor, _):
                os.close(descriptor)


def see_apart(written: dict[str, Path], read: dict[str, Path]) -> None:
    """Refuse files to write, by the options that name them, that are the same as another or as one to read.

    Errors: E-OPTION.
    """
    options: dict[str | tuple[int, int], str] = {}
    for option, path in (read | written).items():
        marks = []
        with _refused(path) if option in written else suppress(OSError, ValueError):  # who reads it says what is wrong
            marks.append(os.path.realpath(path))
            if path.exists():
                found = path.stat()
                marks.append((found.st_dev, found.st_ino))
        same = next((options[mark] for mark in marks if mark in options), None)
        if same and option in written:
            raise InputError("E-OPTION", f"{option} and {same} are the same file, {path}")
        options |= dict.fromkeys(marks, option)


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into an InputError with a code."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a null character
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InputError("E-FILE", f"{path} cannot be written: {reason}") from error


def _target(path: Path) -> tuple[Path | int, bool]:
    """(target, plain): the path behind all links, or a new descriptor if it is our output; whether to replace it."""
    with suppress(FileNotFoundError):
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(None, "it is a folder")
        if not os.access(path, os.W_OK):
            raise PermissionError(None, "it may not be written to")
        for printed in (1, 2):  # standard output and error, such as /dev/stdout, whatever these lead to
            with suppress(OSError):
                if os.path.samestat(found, os.fstat(printed)):
                    return os.dup(printed), False
        if not stat.S_ISREG(found.st_mode):
            return path, False
    return Path(os.path.realpath(path)), True


@contextmanager
def _partial(target: Path) -> Iterator[tuple[int, Path]]:
    """A new file in the folder of target, with a random name; it is removed at the end unless it was renamed."""
    temporary = target.with_name(f".{secrets.token_hex(8)}.partial")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with suppress(FileNotFoundError):
            before = target.stat()
            with suppress(OSError, AttributeError):  # keep the owner, if we are allowed to
                os.chown(temporary, before.st_uid, before.st_gid)
            os.chmod(temporary, stat.S_IMODE(before.st_mode))
        yield descriptor, temporary
    finally:
        temporary.unlink(missing_ok=True)
