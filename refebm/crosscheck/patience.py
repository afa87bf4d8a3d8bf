"""A time limit for each candidate of a diagnosis, since a mistake may nest derivatives so deeply that it never ends."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import CodeType

PATIENCE = 5  # seconds of CPU time


@contextlib.contextmanager
def patient(code: CodeType, seconds: int = PATIENCE) -> Iterator[None]:
    """A context in which every call of the function with this code is ended by a TimeoutError after so many seconds.

    Without the necessary signals (in another thread than the first, or under a profiler) there is no limit.
    """
    known = hasattr(signal, "SIGPROF") and threading.current_thread() is threading.main_thread()
    if not known or signal.getsignal(signal.SIGPROF) != signal.SIG_DFL:
        yield
        return
    calls: list = []  # the running call of the function, once for each second that it has taken

    def tick(_, frame):
        while frame is not None and frame.f_code is not code:
            frame = frame.f_back
        calls[:] = [*calls, frame] if calls and calls[0] is frame else [frame]
        if frame is not None and len(calls) > seconds:
            calls.clear()
            raise TimeoutError("a candidate that takes too long")

    signal.signal(signal.SIGPROF, tick)
    signal.setitimer(signal.ITIMER_PROF, 1, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
