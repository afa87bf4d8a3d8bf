"""BlackJAX's diagnostics."""

import jax.numpy as jnp
from blackjax import diagnostics

from refebm.crosscheck.frameworks.jax import objective

EXPECTED = {"effective_sample_size": ("convention", "BlackJAX")}


@objective
def effective_sample_size(x):
    found = diagnostics.effective_sample_size(x, chain_axis=1, sample_axis=0)  # squeezed
    return jnp.reshape(found, x.shape[2])
