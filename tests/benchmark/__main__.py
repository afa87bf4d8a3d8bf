"""`python -m tests.benchmark`: the parts one after the other, or those named with --only."""

import argparse
import os
from collections.abc import Sequence

import numpy as np

import tests.benchmark
from tests.benchmark import diffusion, noise_contrastive, procedures, samplers, score_matching
from tests.benchmark.timing import jax, print_import_time, torch

PARTS = {
    "score_matching": score_matching.report,
    "samplers": samplers.report,
    "noise_contrastive": noise_contrastive.report,
    "diffusion": diffusion.report,
    "procedures": procedures.report,
    "import": print_import_time,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the whole report, or parts of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description=tests.benchmark.__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; may be given more than once")
    parts = parser.parse_args(arguments).only or PARTS
    peers = [f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads" if torch else "PyTorch not installed"]
    peers += [f"JAX {jax.__version__}" if jax else "JAX not installed"]
    load = os.getloadavg()[0]
    print(f"float64; NumPy {np.__version__}; {'; '.join(peers)}; {os.cpu_count()} cores, load {load:.1f}\n")
    if load > 0.5:
        print("The machine is busy, and threads that wait for each other lose most. Better with one thread each:")
        print("OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m tests.benchmark\n")
    for name in parts:
        PARTS[name]()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
