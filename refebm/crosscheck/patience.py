"""How long one candidate of the diagnosis may take: a mistake may nest derivatives without an end in sight."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import CodeType

PATIENCE = 5  # seconds of the processor's time


@contextlib.contextmanager
def patient(code: CodeType, seconds: int = PATIENCE) -> Iterator[None]:
    """While it lasts a call of the function that has this code is ended after so long, by a TimeoutError within it.

    Where there are no such signals, as in another thread than the first, or under a profiler, it takes what it takes.
    """
    known = hasattr(signal, "SIGPROF") and threading.current_thread() is threading.main_thread()
    if not known or signal.getsignal(signal.SIGPROF) != signal.SIG_DFL:
        yield
        return
    calls: list = []  # of the function, one for each second

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
