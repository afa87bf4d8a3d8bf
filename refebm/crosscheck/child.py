"""The child process of an examination: it loads an adapter, asks its functions, and sends the results to the parent.

The adapter shares this process and may do anything to it. Messages are JSON after a secret token, on a descriptor that
is not standard output. If a function leaves the process in a bad state, that is reported, and the next function is
asked in a new process.
"""

import contextlib
import os
import signal
import sys
import threading
import time
import warnings
from base64 import b64encode
from collections.abc import Callable, Iterator
from json import dumps
from pathlib import Path
from typing import NamedTuple

import numpy as np

from refebm.crosscheck.adapter import AGAIN, BESIDE, Adapter, Answer, answer_of, for_theorems, last_lines, load
from refebm.crosscheck.questions import questions
from refebm.crosscheck.vectors import plain
from refebm.glossary import InputError
from refebm.identities import THEOREMS, Draw, NotSupported, Unusable
from refebm.identities.own import Text, theorems_of
from refebm.identities.run import attempt, run
from refebm.truth.densities import GaussianMixture

NOISY = "answers the same question differently when it is asked again: randomness or state of its own; where it draws "
NOISY += (
    "noise, `with handing_out(z):` hands it the question's (from refebm.crosscheck.frameworks.torch, .jax or .numpy "
)
NOISY += "import handing_out)"
BROKEN, CLOSED, FORKED = 120, 121, 122  # exit codes: Python is broken; the descriptor is closed; it forks too often
MOST_FORKS = MOST_THREADS = 64
# After these errors resources may be exhausted, so the next function gets a new process.
STARVED = ("MemoryError", "Too many open files", "can't start new thread")
BEAT = 1.0  # seconds between two signs of life
IDLE = 0.05  # seconds of waiting to see whether threads that were left behind use the processor
OWN = str(Path(__file__).parent.parent) + os.sep
WRITES = {"open", "os.rename", "os.remove", "os.truncate", "os.utime", "os.link", "os.symlink", "os.chmod"}
STARTS = {"os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.system", "subprocess.Popen", "ctypes.dlopen"}
WATCHED = ("numpy", "autograd", "scipy", "refebm", "builtins", "math")  # modules that adapters must leave unchanged


class Channel:
    """The connection to the parent. When the parent dies, this process and all that it started are killed."""

    def __init__(self, token: str):
        self.token, self.home, self.copied, self.forks, self.beaten = token.encode(), os.getpid(), False, 0, 0.0
        while (nothing := os.open(os.devnull, os.O_RDWR)) < 3:
            pass  # the standard descriptor was closed
        self.told, self.parent = os.dup(1), os.dup(0)
        os.dup2(nothing, 0)
        os.dup2(2, 1)  # what the adapter prints goes to standard error
        sys.stdin, sys.stdout = os.fdopen(0, closefd=False), sys.stderr
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._fork, after_in_child=self._copy)
        threading.Thread(target=self._watch, args=(os.read, os.kill, os._exit), daemon=True).start()

    def send(self, kind: str, content=None, getpid=os.getpid, write=os.write, leave=os._exit) -> None:
        """Send one message, a line. Forked copies of this process send nothing."""
        if getpid() != self.home:
            leave(0)
        line = b"\n" + self.token + dumps([kind, content]).encode() + b"\n"
        try:
            while line:
                line = line[write(self.told, line) :]
        except OSError:
            leave(CLOSED)

    def beat(self, now=time.monotonic) -> None:
        """Send a sign of life, at most once per BEAT."""
        if now() - self.beaten > BEAT:
            self.beaten = now()
            self.send("alive")

    def _fork(self, leave=os._exit):
        self.forks += 1
        if self.copied or self.forks > MOST_FORKS:
            leave(FORKED)

    def _copy(self):
        self.copied = True
        for descriptor in (self.told, self.parent):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _watch(self, read, kill, leave):
        """Wait for the end of our input, which only the parent holds open, and kill everything then."""
        with contextlib.suppress(OSError):
            read(self.parent, 1)
        if hasattr(os, "getpgrp") and os.getpgrp() == self.home:
            kill(0, signal.SIGKILL)
        leave(CLOSED)


def watch_files(channel: Channel) -> None:
    """Tell the parent when this process writes into refebm's own files, or starts what could: others may do so too."""
    told, writing = [], os.O_WRONLY | os.O_RDWR

    def heard(event, given, getpid=os.getpid, under=str.startswith, path=os.path.abspath, name=os.fspath):
        if event not in WRITES | STARTS or told or getpid() != channel.home:
            return
        if event == "open" and not (isinstance(given[2], int) and given[2] & writing):
            return
        paths = [path(name(one)) for one in given if isinstance(one, (str, os.PathLike))]
        if event in STARTS or any(under(one, OWN) and one.endswith((".py", ".json")) for one in paths):
            told.append(event)
            channel.send("wrote")
            told.clear()

    sys.addaudithook(heard)


class Surroundings:
    """The state of the process that an adapter's functions share with each other and with refebm, after loading."""

    def __init__(self):
        self.folder, self.depth, self.streams = "", sys.getrecursionlimit(), (sys.stdout, sys.stderr)
        with contextlib.suppress(FileNotFoundError):  # somebody removed it
            self.folder = os.getcwd()
        self.things, self.tables, self.threads = list(_callables()), list(_tables()), threading.active_count()
        self.modules, self.finders, self.path = dict(sys.modules), list(sys.meta_path), list(sys.path)
        self.environment, self.limits, self.mask = dict(os.environ), _limits(), os.umask(0)
        os.umask(self.mask)

    def restored(self) -> None:
        """Restore silently what can be restored."""
        sys.settrace(None)
        sys.setprofile(None)
        sys.setrecursionlimit(self.depth)
        sys.stdout, sys.stderr = self.streams
        sys.modules.update({name: module for name, module in self.modules.items() if sys.modules.get(name) is None})
        sys.meta_path[:], sys.path[:] = self.finders, self.path
        os.environ.update(self.environment)
        os.umask(self.mask)
        with contextlib.suppress(OSError):
            os.chdir(self.folder)
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)

    def worn(self) -> bool:
        """Whether a new process is needed: limits were lowered, or threads that were left behind use the processor."""
        if _limits() != self.limits or threading.active_count() > MOST_THREADS:
            return True
        if threading.active_count() <= self.threads:
            return False
        before = time.process_time()
        time.sleep(IDLE)
        self.threads = threading.active_count()
        return time.process_time() - before > IDLE / 10

    def spoilt(self) -> str:
        """What could not be restored, in words."""
        try:
            for descriptor in range(3):
                os.fstat(descriptor)
        except OSError:
            return "closes a standard descriptor"
        if any(stream is not None and stream.closed for stream in self.streams):
            return "closes standard output or standard error"
        return _replaced(self.things) or _emptied(self.tables)


def _emptied(before: list[tuple]) -> str:
    """The tables of refebm that lack what they had; some grow as they are used."""
    names = [name for name, table, had in before if any(table.get(key) is not thing for key, thing in had.items())]
    return f"changes {', '.join(names[:3])}, which others use" if names else ""


def _tables():
    """The dicts of refebm's modules, and what is in them."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "refebm" and module is not None:
            dicts = [(key, one) for key, one in vars(module).items() if key[:2] != "__" and isinstance(one, dict)]
            yield from ((f"{name}.{key}", one, dict(one)) for key, one in dicts)


def _replaced(before: list[tuple]) -> str:
    names = [f"{name}.{key}" for name, place, key, thing in before if place.get(key) is not thing]
    return f"replaces {', '.join(names[:3])}, which others use" if names else ""


def _callables():
    """All functions and classes of the WATCHED modules and of refebm's classes, and where they are found."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in WATCHED or module is None:
            continue
        yield "sys.modules", sys.modules, name, module
        for key, thing in list(vars(module).items()):
            if callable(thing):
                yield name, vars(module), key, thing
                if name.startswith("refebm.") and isinstance(thing, type) and thing.__module__ == name:
                    yield from ((f"{name}.{key}", vars(thing), of, had) for of, had in list(vars(thing).items()))


def _limits() -> list[tuple[int, int]]:
    """The resource limits of this process, on systems that have them."""
    with contextlib.suppress(ImportError):
        import resource

        return [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")]
    return []


def limit_memory(most: int) -> None:
    """Limit the memory of this process, so that more raises MemoryError, on systems that have limits."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        known = [value for value in (most, soft, hard) if value != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min(known), hard))


class Task(NamedTuple):
    """A kind of work. reader: converts results. names: the pieces. ask: (what to send, its text) for a piece."""

    reader: Callable[[Channel], Callable]
    names: Callable[[Adapter, dict], list[str]]
    ask: Callable[[Adapter, str, dict], Iterator[tuple]]


def serve(order: dict) -> None:
    """Do the work that the parent orders, piece by piece, and exit."""
    import scipy.special  # noqa: F401  (so that what an adapter changes in it is noticed; the parent needs it not)

    leave, channel, task = os._exit, Channel(order["token"]), TASKS[order["task"]]
    limit_memory(order["memory"])
    source, before = order["source"], list(_callables())
    try:
        adapter = load(source, task.reader(channel), text=order["text"], steps=order["task"] != "answers")
        patched = _replaced(before)
        if patched:
            channel.send("note", f"{source}: importing it {patched}")
        for note in adapter.notes:
            channel.send("note", f"{source}: {note}")
        names = task.names(adapter, order)
        watch_files(channel)
        channel.send("names", [names, adapter.functions])
        _work(channel, task, adapter, [name for name in order["names"] or names if name in names], order)
        leave(0)
    except InputError as error:
        channel.send("error", error.args[1])
        leave(0)
    except BaseException as error:
        channel.send("error", f"{source}: loading it raises {last_lines(error)}")
        leave(0)
    finally:
        leave(BROKEN)  # the adapter replaced what even the report of an error needs


def _work(channel, task, adapter, names, order):
    around = Surroundings()
    for name in names:
        channel.send("begin", name)
        channel.forks, left, starved = 0, "", False
        with warnings.catch_warnings(), np.errstate(), np.printoptions():
            try:
                for part, said in task.ask(adapter, name, order):
                    channel.send("part", part)
                    starved = starved or any(word in said for word in STARVED)
            except Unusable:
                raise
            except BaseException as error:
                left = f"raises {last_lines(error)}"
        try:
            around.restored()
            left = left or around.spoilt()
            worn = starved or around.worn()
        except BaseException as error:  # the adapter replaced something that restoring needs
            left = left or f"breaks what others use, which now raises {last_lines(error)}"
        channel.send("end", left)
        if left or worn:
            channel.send("again")
            return
    channel.send("done")


def _answers(adapter, function, order):
    asked = questions(function)
    for one in asked:
        try:
            found = answer_of(adapter, one)
        except KeyboardInterrupt as error:  # raised by the adapter itself, since this session gets no Ctrl-C
            found = Answer(problem=f"raises {last_lines(error)}")
        yield [one.id, _sent(found)], found.problem
    if beside := adapter.beside.get(function.partition(".")[0]):
        yield [BESIDE, _sent(beside)], ""
    first, second = (answer_of(adapter, asked[0]) for _ in range(2))
    if repr(plain(list(first.parts))) != repr(plain(list(second.parts))):
        yield [AGAIN, _sent(Answer(problem=NOISY))], ""


def _theorems(order):
    """refebm's theorems, or those of a user's files."""
    return theorems_of(tuple(Text(*text) for text in order["texts"])) if order["texts"] else THEOREMS


def _verdicts(adapter, name, order):
    data = order["data"] and GaussianMixture(**order["data"])
    sizes = order["cases"], adapter, data, order["quick"], order["shard"]
    report = run(_theorems(order)[name], order["seed"], *sizes)
    yield from (([[*one], number], one.note) for one, number in zip(report.verdicts, report.numbers))
    yield [None, report.unsupported], ""


def _verdict(adapter, name, order):
    try:
        verdict = attempt(_theorems(order)[name], Draw.replay(order["case"]), adapter)
        yield [[*verdict], 0], verdict.note
    except NotSupported:
        yield [None, 1], ""


def _known_theorems(adapter, order):
    return [theorem.name for theorem in _theorems(order).values() if any(map(adapter.supports, theorem.about))]


def _beating(channel):
    def read(result):
        channel.beat()
        return for_theorems(result)

    return read


TASKS = {
    "answers": Task(lambda channel: lambda result: result, lambda adapter, order: adapter.functions, _answers),
    "verdicts": Task(_beating, _known_theorems, _verdicts),
    "verdict": Task(_beating, _known_theorems, _verdict),
}


def _sent(found: Answer) -> dict:
    """An answer in a form for JSON."""
    return {
        "problem": found.problem,
        "unsupported": found.unsupported,
        "parts": [_array(part) for part in found.parts],
        "gradient": _tree(found.gradient),
    }


def _array(part: np.ndarray) -> dict:
    """An array with all its bits; longer types than float64 are rounded once."""
    kind = "<f4" if part.dtype == np.float32 else "<f8"
    return {"dtype": kind, "shape": part.shape, "data": b64encode(np.asarray(part, kind).tobytes()).decode()}


def _tree(tree):
    if isinstance(tree, dict):
        return {"of": {str(key): _tree(inner) for key, inner in tree.items()}}
    if isinstance(tree, tuple):
        return [_tree(inner) for inner in tree]
    return None if tree is None else _array(tree)
