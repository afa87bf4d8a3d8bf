"""How long one candidate of the diagnosis may take: a mistake may nest derivatives without an end in sight.

It is told by a count, which is the same on every machine: of the numbers that autograd keeps for derivatives.
"""

import contextlib
import itertools
from collections.abc import Iterator

from autograd import tracer

PATIENCE = 20_000  # of the definitions that are examined none keeps more than 1,200 for a question


@contextlib.contextmanager
def patient(most: int = PATIENCE) -> Iterator[None]:
    """While it lasts autograd keeps so many numbers, and is ended then by a TimeoutError."""
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
