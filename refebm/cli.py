"""refebm show | list | book | verify | crosscheck | vectors: read it, prove it, examine an implementation by it."""

import argparse
import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import refebm
from refebm.book.command import COMMANDS as BOOK
from refebm.book.command import add_commands
from refebm.crosscheck.command import crosscheck
from refebm.crosscheck.examination import SILENCE
from refebm.crosscheck.report import shown
from refebm.crosscheck.template import TEMPLATES
from refebm.crosscheck.vectors import write
from refebm.glossary import InputError
from refebm.verify.command import add_options, verify
from refebm.words import did_you_mean

INTERRUPTED, TERMINATED = 130, 143  # exit statuses, as shells have them


class Parser(argparse.ArgumentParser):
    """Of what it does not know it says what may have been meant."""

    def parse_known_args(self, args=None, namespace=None):
        """The options, and what is left; of a command nothing is."""
        known, left = super().parse_known_args(args, namespace)
        if left and self._subparsers is None:
            self.error(f"unrecognized arguments: {' '.join(left)}{did_you_mean(left[0], self._option_string_actions)}")
        return known, left

    def error(self, message):
        """What is wrong, after how it is used."""
        choice = re.search(r"invalid choice: '(.+)' \(choose from (.+)\)$", message)
        near = did_you_mean(choice[1], re.findall(r"[\w-]+", choice[2])) if choice else ""
        super().error(message + near)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = Parser(prog="refebm", description=__doc__)
    parser.add_argument("--version", action="version", version=f"refebm {refebm.__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    add_options(commands.add_parser("verify", help="check every theorem by numbers"))
    crosscheck = commands.add_parser("crosscheck", help="examine an implementation, and say what is wrong with it")
    crosscheck.add_argument("adapter", nargs="?", help="a Python file, or a dotted module")
    crosscheck.add_argument("--template", choices=TEMPLATES, help="print an adapter to start from")
    crosscheck.add_argument("--complete", action="store_true", help="with --only: bodies that pass, as without it")
    crosscheck.add_argument("--answers", metavar="DIR", type=Path, help="answers to the vectors, of any language")
    crosscheck.add_argument("--only", metavar="TEXT", default="", help="a function, or those with such words")
    crosscheck.add_argument("--timeout", metavar="S", type=float, default=SILENCE, help="end it after a silence of S s")
    crosscheck.add_argument("--json", metavar="FILE", type=Path, help="write the findings there as well")
    crosscheck.add_argument("--markdown", metavar="FILE", type=Path, help="and as a table for a pull request")
    vectors = commands.add_parser("vectors", help="write the golden vectors as JSON, for any language")
    vectors.add_argument("folder", metavar="DIR")
    add_commands(commands)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 when all holds, 1 when something does not, 2 when it could not be asked."""
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) == "strict":  # a name that a terminal cannot print stops nothing
            stream.reconfigure(errors="backslashreplace")
    try:
        with _ended_by_signals():
            try:
                options = parser().parse_args(arguments)
                return COMMANDS[options.command](options)
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()
    except InputError as error:
        return _stop(error)
    except KeyboardInterrupt:
        return _stop("interrupted", INTERRUPTED)
    except BrokenPipeError:  # a reader such as head has seen enough
        _write_no_more()
        return 2
    except OSError as error:
        _write_no_more()
        return _stop(f"E-FILE: {error}")


def _stop(words, status: int = 2) -> int:
    print(shown(f"refebm: {words}"), file=sys.stderr)
    return status


def _write_no_more() -> None:
    """What is left in the buffer of standard output goes nowhere."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM unwinds the stack, so that nothing stays behind: no child, no half of a file."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_):
        sys.exit(TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _vectors(options) -> int:
    if not options.folder:
        raise InputError("E-OPTION", "vectors takes the name of a folder")
    paths = list(write(Path(options.folder)))
    print(f"{len(paths)} files in {options.folder}, {sum(path.stat().st_size for path in paths) / 1e6:.1f} MB")
    return 0


COMMANDS = {"verify": verify, "crosscheck": crosscheck, "vectors": _vectors} | BOOK
