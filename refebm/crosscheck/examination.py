"""Examine an adapter in child processes, killed when they stay silent, so that nothing it does stops the rest."""

import contextlib
import json
import os
import queue
import secrets
import signal
import subprocess
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Container, Iterator
from pathlib import Path

import numpy as np

from refebm.crosscheck.adapter import Answer, text_of
from refebm.crosscheck.child import BROKEN, CLOSED, FORKED, MOST_FORKS
from refebm.crosscheck.questions import EXAMINED, questions
from refebm.crosscheck.report import called, local, shown
from refebm.crosscheck.sources import Sources
from refebm.glossary import InputError
from refebm.identities import THEOREMS, Verdict
from refebm.identities.own import Text, theorems_of
from refebm.identities.run import ALL, Report

SILENCE = 60.0  # seconds without an answer after which a child is killed
MEMORY = 16 * 2**30  # bytes that a child may use, or half of the machine's memory if that is less
POLL = 0.1  # seconds between checks whether a silent child still lives
LONGEST = 2**27  # the most bytes of a message
AT_ONCE = 2**20  # bytes of what is left out that are read at once
MOST_PRINTED, LONGEST_LINE = 20_000, 1_000  # bytes of what an adapter prints that are shown, at once
CHILD = "REFEBM_CHILD"  # the environment variable that marks a child process
START = (  # the caller's folder is not searched for modules, since files there may have the names of Python's
    "import sys\nif sys.path and sys.path[0] == '': del sys.path[0]\nimport json\n"
    "order = json.loads(sys.stdin.buffer.readline())\nsys.path[:] = order['path']\n"
    "from refebm.crosscheck.child import serve\nserve(order)"
)
NOISE = "writes where the examiner listens"


def examine(source: str, functions: list[str] | None = None, timeout: float = SILENCE) -> Iterator[tuple]:
    """(function, {id: Answer}) for each function that the adapter has, as each is done.

    If a function hangs or ends the process, that is its answer, and the rest is asked in another process.
    Errors: E-ADAPTER for an adapter that cannot be loaded.
    """
    work = Work({"task": "answers", "source": source}, functions, EXAMINED, timeout)
    for function, parts, trouble in work:
        if not function:
            continue
        answers, asked = {}, questions(function)
        try:
            answers = {str(number): _answer(one, work.said) for number, one in parts}
        except (TypeError, ValueError, KeyError, RecursionError):
            trouble = trouble or NOISE
        if trouble:  # it belongs to the next, unanswered question, or to the first, which was asked again
            answers[next((one.id for one in asked if one.id not in answers), asked[0].id)] = Answer(problem=trouble)
        yield function, answers


def supported(source: str, functions: list[str]) -> list[str]:
    """The functions, of those given, that an adapter has. Errors: as for `examine`."""
    work = Work({"task": "answers", "source": source}, functions, EXAMINED, SILENCE)
    with contextlib.closing(iter(work)) as pieces:
        next(pieces)
    return list(work.names)


def theorems(
    source: str, names: list[str], timeout: float = SILENCE, texts: tuple[Text, ...] = (), **drawn
) -> Iterator:
    """First the functions that the adapter has and the theorems about them; then a Report on each of these theorems.

    texts: the files of a user's theorems, if any. drawn: seed, number of cases, the user's data and the shard, or the
    one case to replay. Errors: E-ADAPTER.
    """
    order = {"source": source, "seed": 0, "cases": None, "case": None, "data": None, "quick": False, "shard": ALL}
    order |= {"texts": texts} | drawn
    known = theorems_of(texts) if texts else THEOREMS
    order["task"] = "verdicts" if order["case"] is None else "verdict"
    if order["data"]:
        order["data"] = {name: getattr(order["data"], name).tolist() for name in ("weights", "means", "covs")}
    work = Work(order, names, known, timeout)
    for name, parts, trouble in work:
        if not name:
            yield work.functions, work.names
        else:
            yield _report(known[name], parts, trouble, work.said)


def _report(theorem, parts, trouble, said) -> Report:
    try:
        verdicts = [Verdict(*one)._replace(integers=tuple(one[2]), note=said(one[4])) for one, _ in parts if one]
        numbers = [int(number) for one, number in parts if one]
        unsupported = sum(int(number) for one, number in parts if not one)
    except (TypeError, ValueError, IndexError):
        verdicts, numbers, unsupported, trouble = [], [], 0, trouble or NOISE
    if not parts:  # a child that tells the truth sends at least how many cases are unsupported
        trouble = trouble or NOISE
    if trouble:
        verdicts.append(Verdict(False, np.inf, (), note=trouble))
        numbers.append(max(numbers, default=-1) + 1)
    return Report(theorem, verdicts, {}, unsupported, numbers)


class Work:
    """Iterates over pieces of work on an adapter, as (name, messages, trouble), in as many processes as needed.

    The first piece has no name; from then on it is known which functions the adapter has.
    """

    def __init__(self, order: dict, names: list[str] | None, known: Container[str], timeout: float):
        if CHILD in os.environ:
            raise InputError("E-ADAPTER", "an adapter that is examined cannot examine")
        self.source, self.known, self.timeout = order["source"], known, timeout
        self.order = order | {"text": text_of(self.source), "memory": min(MEMORY, _memory() // 2), "path": sys.path}
        self.names, self.functions, self.loaded = names, [], False
        self.doing, self.parts, self.noise = "", [], ""
        self.files, self.changed, self.wrote = Sources(), "", False
        self.printed = Printed()

    def said(self, text) -> str:
        """Text from the adapter, in a form that is safe to print."""
        return shown(local(str(text), self.source))

    def __iter__(self) -> Iterator[tuple[str, list, str]]:
        try:
            yield from self._pieces()
        finally:
            self.printed.end()

    def _pieces(self):
        while self.names is None or self.names:
            self.doing = self.noise = ""
            for kind, content in told(self.order | {"names": self.names}, self.timeout, self.printed):
                if kind == "done" and not self.names:
                    return
                if kind == "done":  # said by the adapter, in which nobody believes any more
                    yield from self._end("trouble", NOISE)
                if kind in ("again", "done"):
                    break
                yield from self._message(kind, content)
            if self.changed and self.names:
                raise InputError("E-CHANGED", f"refebm's own file {self.changed} was changed: no more can be examined")

    def _message(self, kind, content):
        """Handle a message of the child, which the adapter may have forged."""
        if kind == "error" and isinstance(content, str):
            raise InputError("E-ADAPTER", self.said(content))
        if kind == "note" and isinstance(content, str):
            self.printed.show(f"refebm: {self.said(content)}\n")
        elif kind == "names" and not self.doing:
            yield from self._names(content)
        elif kind == "begin" and content in (self.names or ()):
            self.doing, self.parts = content, []
        elif kind == "wrote":
            self.wrote = True
        elif kind == "part" and self.doing:
            self.parts.append(content)
        elif kind in ("end", "trouble"):
            yield from self._end(kind, self.said(content))
        elif kind != "alive":
            self.noise = NOISE

    def _names(self, content):
        try:
            names, functions = ([str(name) for name in some] for some in content)
        except (TypeError, ValueError):
            self.noise = NOISE
            return
        names = [name for name in names if name in self.known]
        self.names = names if self.names is None else [name for name in self.names if name in names]
        if not self.loaded:
            self.functions, self.loaded = functions, True
            yield "", [], ""

    def _end(self, kind, trouble):
        if not self.loaded:
            raise InputError("E-ADAPTER", f"{called(self.source)}: loading it {trouble}")
        if kind == "trouble" and not self.doing and self.names:  # the process ended before the next piece began
            self.doing, self.parts = self.names[0], []
        if self.doing:
            before = self.changed
            if self.wrote:  # else somebody else changed it
                self.changed, self.wrote = self.changed or self.files.changed(), False
            left = f"changes refebm's own file {self.changed}" if self.changed != before else ""
            yield self.doing, self.parts, trouble or left or self.noise
            self.names = [name for name in self.names if name != self.doing]
            self.doing = self.noise = ""


def _memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2 * MEMORY


class Printed:
    """What an adapter prints. Its beginning goes to standard error, made safe for a terminal; the rest is counted."""

    def __init__(self):
        self.left, self.more = MOST_PRINTED, 0

    def hear(self, pipe) -> None:
        """Pass on what comes, a line or LONGEST_LINE bytes at a time."""
        with pipe:
            while self.left and (line := pipe.readline(min(self.left, LONGEST_LINE))):
                self.left -= len(line)
                self.show(shown(line.decode("utf-8", "backslashreplace").replace("\r\n", "\n")))
            with contextlib.suppress(ImportError, AttributeError, OSError):  # on Linux alone: few reads for a flood
                import fcntl

                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, AT_ONCE)
            while rest := pipe.read1(AT_ONCE):
                self.more += len(rest)

    def end(self) -> None:
        """Say how much was left out."""
        if self.more:
            self.show(f"\nrefebm: the adapter prints {self.more} bytes more\n")
        self.left, self.more = 0, 0

    @staticmethod
    def show(text: str) -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError):  # a full disk, or no standard error at all
            sys.stderr.write(text)
            sys.stderr.flush()


def told(order: dict, timeout: float, printed: Printed) -> Iterator[tuple[str, object]]:
    """The messages of a child, and at the end ("trouble", why there are no more). The child is always killed."""
    order, mark = order | {"token": secrets.token_hex(16)}, secrets.token_hex(16)
    process = subprocess.Popen(
        [sys.executable, "-c", START],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTORCH_JIT": "0"}
        | os.environ
        | {CHILD: mark},  # no JIT: compiled code draws its own noise, and cannot be handed the question's
        start_new_session=True,
    )
    messages: queue.Queue = queue.Queue(1000)
    reader = threading.Thread(target=_read, args=(process.stdout, order["token"].encode(), messages), daemon=True)
    hearer = threading.Thread(target=printed.hear, args=(process.stderr,), daemon=True)
    reader.start()
    hearer.start()
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(order).encode() + b"\n")
            process.stdin.flush()
        yield from _until_silence(process, messages, timeout)
    finally:
        _end(process, reader, messages)
        _end_marked(f"{CHILD}={mark}\0".encode())
        hearer.join(1)


def _until_silence(process, messages, timeout):
    silence, last, dead = max(timeout, SILENCE), time.monotonic(), False  # long, to import a framework
    while True:
        try:
            message = messages.get(timeout=POLL)
        except queue.Empty:
            if dead:
                message = None
            elif time.monotonic() - last > silence:
                yield "trouble", f"hangs: no answer in {silence:g} s (see --timeout)"
                return
            else:
                dead = process.poll() is not None  # a forked copy may still hold the pipe open: look once more
                continue
        if message is None:
            yield "trouble", _ended(process)
            return
        yield message
        silence, last = timeout if message[0] != "note" else silence, time.monotonic()


def _ended(process) -> str:
    try:
        code = process.wait(5)
    except subprocess.TimeoutExpired:
        code = CLOSED
    if code == BROKEN:
        return "breaks Python itself, so that no answer can be sent"
    if code == CLOSED:
        return "closes the descriptor on which it answers"
    if code == FORKED:
        return f"forks in a copy of itself, or more than {MOST_FORKS} times"
    if code < 0:
        return f"ends its process, signal {-code}: {signal.strsignal(-code)}"
    return f"ends its process, exit code {code}"


def _read(pipe, token, messages):
    """Put the lines of the child into the queue as messages, other lines as noise, and None at the end."""
    with pipe:
        for line in iter(lambda: pipe.readline(LONGEST), b""):
            if line.strip():
                messages.put(_message(line, token))
    messages.put(None)


def _message(line, token):
    try:
        kind, content = json.loads(line.removeprefix(token)) if line.startswith(token) else ("noise", None)
        return str(kind), content
    except (ValueError, TypeError, RecursionError):
        return "noise", None


def _end(process, reader, messages):
    """Kill the child and everything that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (AttributeError, OSError):
        process.kill()
    process.wait()
    with contextlib.suppress(OSError):
        process.stdin.close()
    deadline = time.monotonic() + 1
    while reader.is_alive() and time.monotonic() < deadline:
        with contextlib.suppress(queue.Empty):
            messages.get(timeout=POLL / 10)


def _end_marked(mark: bytes):
    """Kill what left the child's session, where /proc lists it, unless it was started without our environment."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


def _answer(told: dict, said) -> Answer:
    """An Answer from a message. Errors: ValueError, TypeError or KeyError if it is not one."""
    problem, unsupported = (said(told[name]) for name in ("problem", "unsupported"))
    return Answer(tuple(_array(part) for part in told["parts"]), _tree(told["gradient"]), problem, unsupported)


def _array(part) -> np.ndarray:
    if part["dtype"] not in ("<f4", "<f8"):
        raise ValueError("not of numbers")
    flat = np.frombuffer(b64decode(part["data"], validate=True), part["dtype"])
    return flat.astype(flat.dtype.newbyteorder("=")).reshape(part["shape"])


def _tree(tree):
    if isinstance(tree, list):
        return tuple(map(_tree, tree))
    if tree is None or "data" in tree:
        return None if tree is None else _array(tree)
    return {key: _tree(inner) for key, inner in tree["of"].items()}
