r"""Pseudo-likelihood of bits: each given all the others, so that no partition function is asked for.

Errors: as in score matching; E-BINARY.
"""

import autograd.numpy as np

from refebm.glossary import Bits, Energy, Loss, rows
from refebm.special import softplus


@rows
def pseudo_likelihood(energy: Energy, x: Bits) -> Loss:
    r"""-sum_i log p(x_i | the others) = sum_i softplus(E(x) - E(x^{-i})), (n,), where x^{-i} is x with bit i flipped.

    $$-\sum_i \log p(x_i \mid x_{-i}) = \sum_i \operatorname{softplus}(E(x) - E(x^{-i}))$$

    energy (n, d) -> (n,), for a `BinaryRBM` its free energy; x (n, d), zeros and ones.
    Convention: to be minimised, and the sum over all bits; some take one bit at random, times d.
    Also: pseudolikelihood, composite likelihood, MPLE, MCLE
    Source: Besag 1975, section 2
    """
    flipped = (np.abs(x - bit) for bit in np.eye(x.shape[1]))
    return sum(softplus(energy(x) - energy(x_i)) for x_i in flipped)
