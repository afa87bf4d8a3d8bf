"""Limits for each candidate of a diagnosis, since a mistake may nest derivatives so deeply that it never ends, turn in
a loop for ever, or ask for more memory than there is.

The limits are a count of calls of NumPy's functions, not a time, and a number of bytes, not a share of what is free,
so that they are the same on every machine.
"""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

from autograd import tracer

PATIENCE = 20_000  # calls of NumPy's functions; no definition needs more than 2,100 for a question
MEMORY = 2**28  # bytes more than the process has; no definition needs a hundredth of it for a question


@contextlib.contextmanager
def patient(most: int = PATIENCE) -> Iterator[None]:
    """A context in which autograd's NumPy raises TimeoutError once so many of its functions were called."""
    kept, count = tracer.find_top_boxed_args, itertools.count(1)

    def counted(given):
        if next(count) > most:
            raise TimeoutError("a candidate that takes too long")
        return kept(given)

    tracer.find_top_boxed_args = counted
    try:
        yield
    finally:
        tracer.find_top_boxed_args = kept


@contextlib.contextmanager
def frugal(most: int = MEMORY) -> Iterator[None]:
    """A context in which what needs so many bytes more than the process has raises MemoryError. On Linux alone."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    except (ImportError, OSError):
        yield
        return
    limits = [limit for limit in (soft, hard, pages * resource.getpagesize() + most) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
