"""Speed and memory beside PyTorch and JAX: `python -m tests.benchmark`, about ten minutes; `--only` for a part.

Peers (from the extra `peers`) first have to give the same numbers; then all are timed in turn, in one run, and a ratio
is the median over rounds, with its quartiles. Threads are the default of NumPy's BLAS, PyTorch and XLA. A busy machine
slows threads more than work: `OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m tests.benchmark` is the same on one
thread. The exit status is always 0: a benchmark is not a test.
"""
