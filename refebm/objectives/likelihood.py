r"""Maximum likelihood: -log p(x) = E(x) + log Z, with log Z exact where it can be had, else estimated.

Z = int exp(-E(x)) dx. Its gradient, grad log Z = E_model[-grad E], needs samples of the model only.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import autograd.numpy as np
from autograd.scipy.special import logsumexp
from scipy.optimize import minimize

from refebm.calculus import held, score_of
from refebm.truth.densities import StudentT
from refebm.truth.expectations import SETTLED, expect
from refebm.validation import DomainError, InputError, count, energy as check_energy, real_array, rows


@rows
def negative_log_likelihood(energy: Callable, log_z: float, x: np.ndarray) -> np.ndarray:
    r"""E(x) + log Z, (n,): minus the log-density of x under p = exp(-E)/Z.

    energy (n, d) -> (n,); log_z a float; x (n, d). The gradient in the parameters is that of both terms, if log_z is
    a function of the parameters.
    Source: Song and Kingma 2021, eqs. 2 and 3; Stanford CS236, training energy-based models
    """
    return energy(x) + log_z


def log_partition(energy: Callable, d: int) -> float:
    ...
