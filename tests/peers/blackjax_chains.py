"""BlackJAX's diagnostics."""

import jax
import numpy as np
from blackjax import diagnostics

jax.config.update("jax_enable_x64", True)
EXPECTED = {"effective_sample_size": ("convention", "BlackJAX")}


def effective_sample_size(x):
    found = diagnostics.effective_sample_size(x, chain_axis=1, sample_axis=0)  # squeezed
    return np.reshape(found, x.shape[2])
