"""A line of progress on stderr, overwritten as work proceeds."""

import sys
import time
from collections.abc import Iterable, Iterator

SECONDS_BETWEEN_LINES = 0.2


class Line:
    """A line of words and the seconds since the start, refreshed at most five times a second."""

    def __init__(self, shown: bool):
        self.shown, self.began, self.told = shown, time.perf_counter(), 0.0

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self.began

    def tell(self, words: str, end: str = "") -> None:
        """Show these words; if `end` is given, at once, and print it after them."""
        now = time.perf_counter()
        if self.shown and (end or now - self.told > SECONDS_BETWEEN_LINES):
            self.told = now
            print(f"\r{words} {now - self.began:6.1f} s", end=end, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Erase the line, so that other output on the same terminal is not mixed with it."""
        if self.shown and self.told:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self.told = 0.0


def counted(steps: Iterable, total: int, shown: bool) -> Iterator:
    """Iterate over the steps, and, if `shown`, show how many are done."""
    line = Line(shown)
    for i, step in enumerate(steps, 1):
        yield step
        line.tell(f"{i:6} of {total} steps", end="\n" if i == total else "")
