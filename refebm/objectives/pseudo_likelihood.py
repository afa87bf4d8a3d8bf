r"""Pseudo-likelihood of binary data: the probability of each bit given all others needs no partition function.

Errors: as in score matching; E-BINARY.
"""

import autograd.numpy as np

from refebm.glossary import Bits, Energy, Loss, rows
from refebm.special import softplus


@rows
def pseudo_likelihood(energy: Energy, x: Bits) -> Loss:
    r"""-sum_i log p(x_i | others) = sum_i softplus(E(x) - E(x^{-i})), (n,), where x^{-i} is x with bit i flipped.

    $$-\sum_i \log p(x_i \mid x_{-i}) = \sum_i \operatorname{softplus}(E(x) - E(x^{-i}))$$

    energy (n, d) -> (n,), for a `BinaryRBM` its free energy; x (n, d), zeros and ones.
    Convention: a loss to minimise, summed over all bits; some authors take d times the term of one random bit.
    Also: pseudolikelihood, composite likelihood, MPLE, MCLE
    Source: Besag 1975, section 2
    """
    flipped = (np.abs(x - bit) for bit in np.eye(x.shape[1]))
    return sum(softplus(energy(x) - energy(x_i)) for x_i in flipped)
