"""What happens before anything else is imported.

``python -m refebm`` searches the current folder first, where somebody's adapter may be called torch.py or numpy.py.
While Python looks for the module to run, sys.argv[0] is "-m". The folder then becomes the last to be searched, unless
refebm itself was found there.

Ctrl-C ends a command with one line also while it imports what it needs, until `refebm.cli.main` takes over.
"""

import os
import signal
import sys
import threading
from os.path import basename, dirname, splitext

SAFE = sys.flags.isolated or getattr(sys.flags, "safe_path", False)  # the current folder is not searched at all
INTERRUPTED = 130  # the exit status, as shells have it

if getattr(sys, "argv", [])[:1] == ["-m"] and not SAFE and sys.path[0] != dirname(dirname(__file__)):
    sys.path.append(sys.path.pop(0))


def interrupted(*_) -> None:
    """End the process at once: an exception in the middle of an import may be lost, or turned into another."""
    os.write(2, b"refebm: interrupted\n")
    os._exit(INTERRUPTED)


def _is_command() -> bool:
    """Whether this process is `refebm` or `python -m refebm`, not a program that imports refebm."""
    given = getattr(sys, "argv", [""])
    to_python = sys.orig_argv[: len(sys.orig_argv) - len(given) + 1]
    return "".join(to_python).endswith("-mrefebm") or splitext(basename(given[0]))[0] == "refebm"


IN_CHARGE = _is_command() and threading.current_thread() is threading.main_thread()
if IN_CHARGE and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, interrupted)
