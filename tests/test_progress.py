"""The line of progress: what it says, how often, and how it ends. The clock is ours."""

import io
import sys

import pytest

from refebm import progress


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    return now


def test_steps_are_counted_and_the_last_ends_the_line(clock, capsys):
    def work():
        for second in (0.5, 0.1, 3.0, 0.05):
            clock[0] += second
            yield second

    assert list(progress.counted(work(), 4, True)) == [0.5, 0.1, 3.0, 0.05]
    lines = ["     1 of 4 steps    0.5 s", "     3 of 4 steps    3.6 s", "     4 of 4 steps    3.6 s\n"]
    assert capsys.readouterr() == ("", "".join(f"\r{line}" for line in lines))


def test_it_is_refreshed_five_times_a_second_and_erased(clock, capsys):
    line = progress.Line(True)
    line.clear()  # nothing is there yet
    for _ in range(10):
        line.tell("x")
        clock[0] += 0.0625
    assert line.elapsed == 0.625
    assert capsys.readouterr().err == "".join(f"\rx {seconds:6.1f} s" for seconds in (0.0, 0.25, 0.5))
    line.clear()
    line.clear()
    assert capsys.readouterr().err == "\r\x1b[K"
    line.tell("y")  # at once, since nothing is there
    line.tell("z", end="!\n")
    assert capsys.readouterr().err == "\ry    0.6 s\rz    0.6 s!\n"


def test_nothing_is_said_unless_asked(clock, capsys):
    line = progress.Line(False)
    line.tell("x", end="\n")
    line.clear()
    assert list(progress.counted("ab", 2, False)) == ["a", "b"] and capsys.readouterr() == ("", "")


def test_a_line_without_an_end_is_seen_at_once(clock, monkeypatch):
    class Terminal(io.StringIO):
        seen = ""

        def flush(self):
            self.seen = self.getvalue()

    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    line = progress.Line(True)
    line.tell("x")
    assert terminal.seen == "\rx    0.0 s"
    line.clear()
    assert terminal.seen.endswith("\x1b[K")
