"""BlackJAX: leapfrog, of one chain."""

import jax.numpy as jnp
from blackjax.mcmc import integrators, metrics

from refebm.crosscheck.frameworks.jax import objective

EXPECTED = {"leapfrog": "passed"}


@objective(by_row=True)
def leapfrog(energy, x, p, eps, n_steps):
    def log_density(x):
        return -energy(x[None])[0]

    metric = metrics.default_metric(jnp.ones(x.shape[1]))
    step = integrators.velocity_verlet(log_density, metric.kinetic_energy)
    state = integrators.new_integrator_state(log_density, x[0], p[0])
    for _ in range(n_steps):
        state = step(state, eps)
    return state.position[None], state.momentum[None]
