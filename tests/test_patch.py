"""Patches of syntax: they apply whatever a definition looks like, and to one place alone."""

import ast
import inspect
import textwrap

import numpy as np
import pytest

from refebm.variants import CONVENTIONS, WRONG, Wrong, record
from refebm.variants.patch import Definition
from tests.test_bank import answers

DSM = "0.5 * squared_norm(score(x + sigma * z) + z / sigma)"
REFACTORINGS = [  # how, of what, and a part of its text as it is and as it might be
    ("blanks", "denoising_score_matching", DSM, "0.5*squared_norm( score( x+sigma * z )+z/ sigma )"),
    (
        "line breaks and a comment inside",
        "denoising_score_matching",
        DSM,
        "0.5 * squared_norm(\n        score(x + sigma * z)  # at the noisy point\n        + z\n        / sigma\n    )",
    ),
    ("parentheses", "denoising_score_matching", DSM, "(0.5) * squared_norm((score((x + (sigma * z)))) + (z / sigma))"),
    (
        "a local introduced for an argument",
        "denoising_score_matching",
        f"return {DSM}",
        "y = x + sigma * z\n    return 0.5 * squared_norm(score(y) + z / sigma)",
    ),
    (
        "locals introduced for each part",
        "denoising_score_matching",
        f"return {DSM}",
        "y = x + sigma * z\n    noise = z / sigma\n    misfit = score(y) + noise\n    loss = 0.5 * squared_norm(misfit)\n"
        "    return loss",
    ),
    (
        "a docstring in the words of the patches",
        "denoising_score_matching",
        'r"""1/2 |s(x + sigma z) + z/sigma|^2',
        f'r"""{DSM}, z / sigma, x + sigma * z',
    ),
    ("other hints", "denoising_score_matching", "sigma: float | np.ndarray", "sigma: (lambda: score(x + sigma * z))"),
    (
        "a comment in the words of the patches",
        "tweedie_mean",
        "    return",
        "    # y + sigma**2 * score(y)\n    return",
    ),
    ("a local renamed", "tweedie_cov", "variance", "level"),
    ("a local inlined", "stein_discrepancy", None, None),
    ("keywords in another order", "split_r_hat", "axis=0, ddof=1), axis=0)", "ddof=1, axis=0), axis=0)"),
    ("a variable of a loop renamed", "predictor_corrector", "z_m", "unit"),
    (
        "the parameter of a lambda renamed",
        "hmc_step",
        "lambda x: energy_and_score(energy, x)",
        "lambda y: energy_and_score(energy, y)",
    ),
    ("a method", "Gaussian.log_prob", "whitened", "standard"),
]
