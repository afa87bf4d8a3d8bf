"""Ask an adapter every question in a child process, which is ended after a silence, so that none can stop the rest."""

import contextlib
import multiprocessing
import sys
from collections.abc import Iterator

from refebm.crosscheck.adapter import Answer, answer, load
from refebm.crosscheck.questions import questions
from refebm.crosscheck.vectors import plain
from refebm.crosscheck.verdict import AGAIN
from refebm.validation import InputError

SILENCE = 60.0  # seconds without an answer after which the child is ended


def examine(source: str, functions: list[str] | None = None, timeout: float = SILENCE) -> Iterator[tuple]:
    """(function, {id: Answer}) for each function that the adapter has, as it is done.

    A function that hangs or ends the process is answered by that, and the rest by another process.
    Errors: E-ADAPTER for one that cannot be loaded.
    """
    remaining = functions
    while remaining is None or remaining:
        process, connection = _child(source, remaining)
        answers: dict[str, Answer] = {}
        doing, trouble = "", ""
        try:
            while True:
                silence = timeout if doing else max(timeout, SILENCE)  # importing a framework takes long
                if not connection.poll(silence):
                    trouble = f"hangs: no answer in {silence:g} s (see --timeout)"
                    break
                kind, content = connection.recv()
                if kind == "error":
                    raise InputError("E-ADAPTER", content)
                if kind == "functions":
                    remaining = [name for name in content if remaining is None or name in remaining]
                elif kind == "begin":
                    doing, answers = content, {}
                elif kind == "answer":
                    answers |= content
                elif kind == "end":
                    yield doing, answers
                    remaining = [name for name in remaining if name != doing]
                    doing = ""
                else:
                    return
        except EOFError:
            process.join(timeout)
            trouble = f"ends its process, exit code {process.exitcode}"
        finally:
            process.kill()
            process.join()
            connection.close()
        if not doing:  # while it was loaded
            raise InputError("E-ADAPTER", f"{source}: loading it {trouble}")
        asked = questions(doing)  # of which the next was not answered, or the first when it was asked again
        yield doing, answers | {asked[len(answers) % len(asked)].id: Answer(problem=trouble)}
        remaining = [name for name in remaining if name != doing]


def _child(source, functions):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(source, functions, theirs))
    process.start()
    theirs.close()
    return process, ours


def _serve(source: str, functions: list[str] | None, connection) -> None:
    """In the child: what the adapter prints goes to stderr, what it answers to the parent."""
    with contextlib.redirect_stdout(sys.stderr):
        try:
            adapter = load(source, read=lambda result: result)
        except InputError as error:
            connection.send(("error", error.args[1]))
            return
        connection.send(("functions", adapter.functions))
        for function in adapter.functions:
            if functions is not None and function not in functions:
                continue
            connection.send(("begin", function))
            asked = questions(function)
            for one in asked:
                connection.send(("answer", {one.id: answer(adapter, one)}))
            if _noisy(adapter, asked[0]):
                connection.send(("answer", {AGAIN: Answer(problem=NOISY)}))
            connection.send(("end", function))
        connection.send(("done", None))


NOISY = "answers the same question differently when it is asked again: randomness or state of its own"


def _noisy(adapter, asked) -> bool:
    first, second = (answer(adapter, asked) for _ in range(2))
    return repr(plain(list(first.parts))) != repr(plain(list(second.parts)))
