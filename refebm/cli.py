"""refebm show | list | book | verify | crosscheck | vectors: read it, prove it, examine an implementation by it.

Modules that only one command needs are imported when that command runs, so that looking up a name stays fast.
"""

import argparse
import contextlib
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import refebm
from refebm.book.command import COMMANDS as BOOK
from refebm.book.command import add_commands
from refebm.glossary import InputError
from refebm.start import IN_CHARGE, INTERRUPTED, interrupted
from refebm.words import did_you_mean

TERMINATED = 143  # the exit status, as shells have it
CLEANUP = 5.0  # seconds after a signal in which another one does nothing


class Parser(argparse.ArgumentParser):
    """A parser that suggests what an unknown option or command may have meant. A command adds its options when used."""

    add_options: Callable[[argparse.ArgumentParser], None] | None = None

    def parse_known_args(self, args=None, namespace=None):
        """The options, and the arguments left over; for a command, arguments left over are an error."""
        if self.add_options:
            add_options, self.add_options = self.add_options, None
            add_options(self)
        known, left = super().parse_known_args(args, namespace)
        if left and self._subparsers is None:
            self.error(f"unrecognized arguments: {' '.join(left)}{did_you_mean(left[0], self._option_string_actions)}")
        return known, left

    def error(self, message):
        """Print the usage and the message, with a suggestion for a wrong choice, and exit."""
        choice = re.search(r"invalid choice: '(.+)' \(choose from (.+)\)$", message)
        near = did_you_mean(choice[1], re.findall(r"[\w-]+", choice[2])) if choice else ""
        super().error(message + near)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = Parser(prog="refebm", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--version", action="version", version=f"refebm {refebm.__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    verify = commands.add_parser("verify", help="check every theorem by numbers")
    crosscheck = commands.add_parser("crosscheck", help="examine an implementation, and say what is wrong with it")
    verify.add_options, crosscheck.add_options = _options_of_verify, _options_of_crosscheck
    vectors = commands.add_parser("vectors", help="write the golden vectors as JSON, for any language")
    vectors.add_argument("folder", metavar="DIR", help="a folder, made if it does not exist")
    add_commands(commands)
    return parser


def _options_of_verify(parser):
    from refebm.verify.command import add_options

    add_options(parser)


def _options_of_crosscheck(parser):
    from refebm.crosscheck.examination import SILENCE
    from refebm.crosscheck.template import TEMPLATES

    add = parser.add_argument
    add("adapter", nargs="?", help="a Python file, or a dotted module")
    add("--template", choices=TEMPLATES, help="print an adapter to start from")
    add("--complete", action="store_true", help="with --only: print refebm's own bodies, which pass, as without it")
    add("--answers", metavar="DIR", type=Path, help="examine answers to the vectors, from any language")
    add("--only", metavar="TEXT", default="", help="one function, or all with these words in their names")
    add("--timeout", metavar="S", type=float, default=SILENCE, help="end the adapter after S seconds of silence")
    add("--strict", action="store_true", help="exit with status 1 for another convention than refebm's, too")
    add("--json", metavar="FILE", type=Path, help="write the findings to a file as well")
    add("--markdown", metavar="FILE", type=Path, help="and as a table for a pull request")


def main(arguments: list[str] | None = None) -> int:
    """Run a command. Returns 0 if all holds, 1 if something does not, 2 if the command could not be carried out."""
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) == "strict":  # print escapes, not an error, for what a terminal cannot show
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
    except BrokenPipeError:  # the reader, such as head, has closed the pipe
        _write_no_more()
        return 2
    except OSError as error:
        _write_no_more()
        return _stop(f"E-FILE: {error}")


def _stop(words, status: int = 2) -> int:
    from refebm.crosscheck.report import shown

    with contextlib.suppress(OSError, AttributeError):  # a full disk, or no standard error: the status says it too
        sys.stderr.write(shown(f"refebm: {words}\n"))
        sys.stderr.flush()
    return status


def _write_no_more() -> None:
    """Discard what is left in the buffer of standard output."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Make SIGTERM raise SystemExit, and Ctrl-C KeyboardInterrupt, so that cleanup runs: no child process and no
    partial file stays behind. Who sends them twice, as `timeout` does, does not end the cleanup."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ended: list[float] = []

    def end(number, _):
        if not ended or time.monotonic() - ended[-1] > CLEANUP:
            ended.append(time.monotonic())
            raise SystemExit(TERMINATED) if number == signal.SIGTERM else KeyboardInterrupt

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, end)}
    if signal.getsignal(signal.SIGINT) is interrupted:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if ended and IN_CHARGE else handler)


def _verify(options) -> int:
    from refebm.verify.command import verify

    return verify(options)


def _crosscheck(options) -> int:
    from refebm.crosscheck.command import crosscheck

    return crosscheck(options)


def _vectors(options) -> int:
    from refebm.crosscheck.vectors import write

    if not options.folder:
        raise InputError("E-OPTION", "vectors needs the name of a folder")
    paths = list(write(Path(options.folder)))
    print(f"{len(paths)} files in {options.folder}, {sum(path.stat().st_size for path in paths) / 1e6:.1f} MB")
    return 0


COMMANDS = {"verify": _verify, "crosscheck": _crosscheck, "vectors": _vectors} | BOOK
