"""A limit for each candidate of a diagnosis, since a mistake may nest derivatives so deeply that it never ends.

The limit is a count of the values that autograd traces, not a time, so that it is the same on every machine.
"""

import contextlib
import itertools
from collections.abc import Iterator

from autograd import tracer

PATIENCE = 20_000  # traced values; no definition needs more than 1,200 for a question


@contextlib.contextmanager
def patient(most: int = PATIENCE) -> Iterator[None]:
    """A context in which autograd raises TimeoutError once it has traced so many values."""
    kept, count = tracer.new_box, itertools.count(1)

    def counted(*made):
        if next(count) > most:
            raise TimeoutError("a candidate that takes too long")
        return kept(*made)

    tracer.new_box = counted
    try:
        yield
    finally:
        tracer.new_box = kept
