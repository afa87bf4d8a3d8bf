"""Theorems in as many processes as there are cores; what comes of them does not depend on how many that is."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from refebm.identities.record import THEOREMS, Theorem
from refebm.identities.run import Report, run

FEW = 24  # so few theorems are done before another process has imported anything


def run_all(theorems: Sequence[Theorem], **drawn) -> Iterator[Report]:
    """What `run` reports of each theorem on refebm itself, in their order; drawn: its seed, cases and data."""
    cores = os.cpu_count() or 1
    if cores == 1 or len(theorems) <= FEW:
        yield from (run(theorem, **drawn) for theorem in theorems)
        return
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    pool = ProcessPoolExecutor(cores, spawn, _leave_with_the_parent, (theirs,))
    try:
        asked = [pool.submit(_reported, theorem.name, drawn) for theorem in theorems]
        yield from (Report(theorem, *future.result()) for theorem, future in zip(theorems, asked, strict=True))
    finally:
        ours.close()
        pool.shutdown(wait=False, cancel_futures=True)


def _reported(name, drawn):
    """All of a report but the theorem, which every process knows by its name."""
    _, *parts = vars(run(THEOREMS[name], **drawn)).values()
    return parts


def _leave_with_the_parent(theirs):
    """Ctrl-C is the parent's to answer; when it closes its end, or is no more, this process ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_wait_and_leave, args=(theirs,), daemon=True).start()


def _wait_and_leave(theirs):
    with contextlib.suppress(EOFError, OSError):
        theirs.recv()
    os._exit(1)
