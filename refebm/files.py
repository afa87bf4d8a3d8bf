"""Files are written whole or not at all."""

import os
from pathlib import Path

from refebm.validation import InputError


def write_text(path: Path, text: str) -> None:
    """To a temporary name beside it, then renamed. Errors: E-FILE."""
    if path.is_dir():
        raise InputError("E-FILE", f"{path} cannot be written: it is a folder")
    temporary = path.with_name(f"{path.name}.partial")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise InputError("E-FILE", f"{path} cannot be written: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def see_writable(path: Path) -> None:
    """Whether a file can be written there, before there is something to write; nothing is left. Errors: E-FILE."""
    if path.is_dir():
        raise InputError("E-FILE", f"{path} cannot be written: it is a folder")
    temporary = path.with_name(f"{path.name}.partial")
    try:
        temporary.touch()
    except OSError as error:
        raise InputError("E-FILE", f"{path} cannot be written: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)
