"""Theorems in as many processes as there are cores; what comes of them does not depend on how many that is."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from math import ceil
from multiprocessing import resource_tracker

from refebm.glossary import InputError
from refebm.identities.own import Text, theorems_of
from refebm.identities.record import THEOREMS, Theorem
from refebm.identities.run import ALL, Report, parts_of, run, seconds, together

FEW = 24  # so few theorems on data, of which nobody knows how long they take, need no other process
WORTH = 10.0  # nor do so many seconds of work, of which two or three pass until another has imported everything
PIECE = 5.0  # seconds of one theorem for one process: the cases of one that takes longer are shared
TICK = 0.2  # seconds between looks at what is done


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processes(theorems: Sequence[Theorem], jobs: int | None = None, shard=ALL, data=None, **sizes) -> int:
    """How many share the work: so many as are asked for, or as there are cores if it is worth it."""
    work = sum(seconds(theorem, data=data, **sizes) for theorem in theorems) / shard[1]
    few = len(theorems) <= FEW if data else work < WORTH
    return jobs or (1 if few else cores())


def run_all(
    theorems: Sequence[Theorem],
    texts: Sequence[Text] = (),
    jobs: int | None = None,
    tick: Callable[[list[Theorem]], None] = lambda done: None,
    **drawn,
) -> Iterator[Report]:
    """What `run` reports of each theorem on refebm itself, in their order; drawn: its seed, cases, data and so on.

    texts: the files of a user whose theorems they are. tick: is told now and then which are done. Errors: E-PROCESS.
    """
    shard, sizes = drawn.get("shard", ALL), {name: drawn[name] for name in ("cases", "data", "quick") if name in drawn}
    jobs = processes(theorems, jobs, shard, **sizes)
    if jobs == 1:
        for i, theorem in enumerate(theorems):
            tick(theorems[:i])
            yield run(theorem, **drawn)
        return
    spawn, before = multiprocessing.get_context("spawn"), multiprocessing.active_children()
    ours, theirs = spawn.Pipe()
    pool = ProcessPoolExecutor(jobs, spawn, _leave_with_the_parent, (theirs,))
    try:
        with _interrupts_wait(), _one_thread_each():
            asked = [
                [pool.submit(_reported, theorem.name, tuple(texts), drawn | {"shard": part}) for part in parts]
                for theorem in theorems
                for parts in [parts_of(shard, min(4 * jobs, ceil(seconds(theorem, **sizes) / shard[1] / PIECE)))]
            ]
        for theorem, futures in zip(theorems, asked, strict=True):
            while wait(futures, TICK).not_done:
                tick([one for one, some in zip(theorems, asked) if all(future.done() for future in some)])
            yield together(theorem, [Report(theorem, *_result(future)) for future in futures])
    finally:
        ours.close()
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - set(before):
            child.terminate()  # one that is being born does not look at its parent yet


def _result(future):
    try:
        return future.result()
    except BrokenProcessPool as error:
        words = "a process of the run was ended from outside it, perhaps for lack of memory: --jobs 1 takes least"
        raise InputError("E-PROCESS", words) from error


def _reported(name, texts, drawn):
    """All of a report but the theorem, which every process knows by its name."""
    theorems = theorems_of(texts) if texts else THEOREMS
    _, *parts = vars(run(theorems[name], **drawn)).values()
    return parts


@contextlib.contextmanager
def _one_thread_each():
    """For what is born here: as many threads as cores in each of as many processes wait for each other."""
    added = {f"{library}_NUM_THREADS" for library in ("OMP", "OPENBLAS", "MKL")} - set(os.environ)
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


@contextlib.contextmanager
def _interrupts_wait():
    """Ctrl-C is told to all processes of a terminal: those that are born here do not hear it, we do in the end."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which would let it in again
    heard = []
    handler = signal.signal(signal.SIGINT, lambda *given: heard.append(given))  # a thread of BLAS hears it too
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
        if heard and callable(handler):
            handler(*heard[0])


def _leave_with_the_parent(theirs):
    """Ctrl-C is the parent's to answer; when it closes its end, or is no more, this process ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_wait_and_leave, args=(theirs,), daemon=True).start()


def _wait_and_leave(theirs):
    with contextlib.suppress(EOFError, OSError):
        theirs.recv()
    os._exit(1)
