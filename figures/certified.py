"""Expectations for the figures; an error is raised unless their certificate holds."""

from collections.abc import Callable, Sequence

import numpy as np

from refebm import expect
from refebm.truth.expectations import SETTLED


def means(functions: Sequence[Callable], density, **options) -> list[np.ndarray]:
    """E f for each f. Raises RuntimeError if the lattice did not settle."""
    expectation = expect(functions, density, **options)
    if not expectation.change <= SETTLED:
        raise RuntimeError(f"the expectation moved by {expectation.change:.1e} on a finer or a wider lattice")
    return expectation.value
