"""sgmcmcjax: a step of Langevin dynamics, and the steps of Welling and Teh."""

import jax
import jax.numpy as jnp
from sgmcmcjax.diffusions import sgld, welling_teh_schedule

from refebm.crosscheck.frameworks.jax import handing_out, objective

EXPECTED = {"langevin_step": "passed", "decaying_steps": "passed"}


@objective
def langevin_step(score, x, eta, z):
    with handing_out(z):
        start, update, read = sgld(eta)
        return read(update(0, jax.random.PRNGKey(0), score(x), start(x)))


@objective
def decaying_steps(first, power, n_steps):
    return welling_teh_schedule(first, 1.0, power)(jnp.arange(n_steps))
