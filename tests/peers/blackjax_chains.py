"""BlackJAX's diagnostics."""

import jax
import numpy as np
from blackjax import diagnostics

jax.config.update("jax_enable_x64", True)
EXPECTED = {"effective_sample_size": "convention"}


def effective_sample_size(x):
    return np.asarray(diagnostics.effective_sample_size(x, chain_axis=1, sample_axis=0))
