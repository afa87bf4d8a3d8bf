"""Whole processes: those that are soon over in rounds, those that somebody waits for once, beside their goals."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tests.benchmark.timing import children, jax, quartiles, race, torch

PETALS = str(Path(__file__).parents[1] / "data" / "iris.csv")
OF_PETALS = ["--columns", "petal_length,petal_width", "--sigma", "0.2"]
FIVE_LINES = """from refebm.crosscheck.frameworks.numpy import objective
@objective
def denoising_score_matching(score, x, sigma, z):
    return 0.5 * ((score(x + sigma * z) + z / sigma) ** 2).sum(1)
"""
# In a small process, since what a process is started from counts as its memory.
WATCH = """import resource, subprocess, sys, time
start = time.perf_counter()
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss, status)
"""


def short() -> None:
    """The time until the end, the CPU seconds, and what these are above those of `import numpy`."""

    def process(*program):
        return lambda: subprocess.run([sys.executable, *program], check=True, stdout=subprocess.DEVNULL)

    modules = ("numpy", "autograd.numpy", "refebm")
    programs = {f"import {name}": process("-c", f"import {name}") for name in modules}
    for words in ("list", "show langevin_step", "verify --quick"):
        programs[f"refebm {words}"] = process("-m", "refebm", *words.split())
    wall, cpu = race(programs, seconds=20), race(programs, seconds=20, clock=children)
    base = np.median(cpu["import numpy"])
    print(f"Whole processes{'':17}{'ms until the end':32}{'CPU ms':32}{'above numpy':>12}{'over numpy':>12}")
    for name in programs:
        above, over = 1e3 * (np.median(cpu[name]) - base), np.median(cpu[name]) / base
        print(f"  {name:30}{quartiles(1e3 * wall[name]):32}{quartiles(1e3 * cpu[name]):32}{above:12.0f}{over:12.2f}")
    print()


def long_commands(folder: str) -> Iterator[tuple[str, list[str], str]]:
    """Words, a command of refebm, and what it may take; the adapters are written into the folder."""
    yield "verify", ["verify"], "60 s"
    yield "verify, in one process", ["verify", "--jobs", "1"], "110 s of CPU"
    yield "verify --data: 150 petals", ["verify", "--data", PETALS, *OF_PETALS], "60 s, 1000 MB"
    path = Path(folder, "five_lines.py")
    path.write_text(FIVE_LINES, encoding="utf-8")
    yield "crosscheck: five lines", ["crosscheck", str(path)], "3 s"
    for framework, goal in [("torch", "10 s")] * bool(torch) + [("jax", "30 s of CPU")] * bool(jax):
        path, template = Path(folder, f"{framework}_complete.py"), ["crosscheck", "--template", framework, "--complete"]
        text = subprocess.run([sys.executable, "-m", "refebm", *template], check=True, capture_output=True, text=True)
        path.write_text(text.stdout, encoding="utf-8")
        yield f"crosscheck: all of {framework}", ["crosscheck", str(path)], goal


def long() -> None:
    """One run of each: seconds, CPU seconds of all its processes, and the memory of the largest."""
    print(f"Long ones, one run each{'':10}{'s until the end':>16}{'CPU s':>8}{'MB':>6}   goal")
    with TemporaryDirectory() as folder:
        for words, command, goal in long_commands(folder):
            program = [sys.executable, "-c", WATCH, sys.executable, "-m", "refebm", *command]
            told = subprocess.run(program, capture_output=True, text=True)
            ended, cpu, memory, status = map(float, told.stdout.splitlines()[-1].split())
            failed = f"   exit status {status:.0f}" * bool(status)
            print(f"  {words:31}{ended:16.1f}{cpu:8.1f}{memory / 1024:6.0f}   {goal}{failed}", flush=True)
    print()


def report() -> None:
    """Print both tables."""
    short()
    long()
