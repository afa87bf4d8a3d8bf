"""`python -m tests.benchmark`: the parts one after the other, or those named with --only."""

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import tests.benchmark
from tests.benchmark import diffusion, growth, noise_contrastive, procedures, processes, samplers, score_matching
from tests.benchmark.timing import jax, torch

PARTS = {
    "score_matching": score_matching.report,
    "samplers": samplers.report,
    "noise_contrastive": noise_contrastive.report,
    "diffusion": diffusion.report,
    "procedures": procedures.report,
    "growth": growth.report,
    "processes": processes.report,
}


PAGE = Path(__file__).parent / "README.md"
PRINTED = "## As the command prints it\n\n"


class Both(io.StringIO):
    """What is printed is kept too."""

    def write(self, words: str) -> int:
        sys.__stdout__.write(words)
        return super().write(words)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the whole report, or parts of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description=tests.benchmark.__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; may be given more than once")
    parser.add_argument("--write", action="store_true", help="put what is printed at the end of this folder's README")
    options = parser.parse_args(arguments)
    with contextlib.redirect_stdout(Both()) as printed:
        report(options.only or PARTS)
    if options.write:
        before = PAGE.read_text(encoding="utf-8").partition(PRINTED)[0].rstrip()
        PAGE.write_text(f"{before}\n\n{PRINTED}```\n{printed.getvalue().strip()}\n```\n", encoding="utf-8")
    return 0


def report(parts: Sequence[str]) -> None:
    """Print the versions of all, and the parts one after the other."""
    peers = [f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads" if torch else "PyTorch not installed"]
    peers += [f"JAX {jax.__version__}" if jax else "JAX not installed"]
    load = os.getloadavg()[0]
    print(f"float64; NumPy {np.__version__}; {'; '.join(peers)}; {os.cpu_count()} cores, load {load:.1f}\n")
    if load > 0.5:
        print("The machine is busy, and threads that wait for each other lose most. Better with one thread each:")
        print("OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m tests.benchmark\n")
    for name in parts:
        PARTS[name]()


if __name__ == "__main__":
    raise SystemExit(main())
