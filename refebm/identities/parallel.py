"""Run theorems in as many processes as there are cores; the results do not depend on their number."""

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

FEW = 24  # at most so many theorems on a user's data run in one process; how long they take is not known
WORTH = 10.0  # less than so many seconds of work run in one process: starting another takes two or three
PIECE = 5.0  # the cases of a theorem that takes longer than so many seconds are split among processes
TICK = 0.2  # seconds between two checks of which theorems are done


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processes(theorems: Sequence[Theorem], jobs: int | None = None, shard=ALL, data=None, **sizes) -> int:
    """The number of processes to use: `jobs` if given, else one per core if there is enough work, else 1."""
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
    """The reports of `run` on refebm itself, in the order of the theorems; drawn: the seed, cases, data ... of `run`.

    texts: the user's files that the theorems are from. tick: called now and then with the theorems that are done.
    Errors: E-PROCESS where a process was ended from outside.
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
            child.terminate()  # a process that is still starting does not watch its parent yet


def _result(future):
    try:
        return future.result()
    except BrokenProcessPool as error:
        words = "a process of the run was ended from outside it, perhaps for lack of memory: --jobs 1 takes least"
        raise InputError("E-PROCESS", words) from error


def _reported(name, texts, drawn):
    """The parts of a report without the theorem, which is not sent: every process finds it by its name."""
    theorems = theorems_of(texts) if texts else THEOREMS
    _, *parts = vars(run(theorems[name], **drawn)).values()
    return parts


@contextlib.contextmanager
def _one_thread_each():
    """Limit processes that are started inside to one BLAS thread each; more would compete for the same cores."""
    added = {f"{library}_NUM_THREADS" for library in ("OMP", "OPENBLAS", "MKL")} - set(os.environ)
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


@contextlib.contextmanager
def _interrupts_wait():
    """Delay Ctrl-C until the end of the block, so that processes that start inside, which get it too, ignore it."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # started now, since starting it later would unblock the signal again
    heard = []
    handler = signal.signal(signal.SIGINT, lambda *given: heard.append(given))  # a BLAS thread may receive it instead
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
        if heard and callable(handler):
            handler(*heard[0])


def _leave_with_the_parent(theirs):
    """Leave Ctrl-C to the parent process, and end when the parent closes its end of the pipe or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_wait_and_leave, args=(theirs,), daemon=True).start()


def _wait_and_leave(theirs):
    with contextlib.suppress(EOFError, OSError):
        theirs.recv()
    os._exit(1)
