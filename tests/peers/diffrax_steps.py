"""diffrax: one step of Euler's method, with the increment of noise that is handed over."""

import diffrax
import jax.numpy as jnp

from refebm.crosscheck.frameworks.jax import objective

EXPECTED = {"euler_maruyama_step": "passed"}


@objective(by_row=True)
def euler_maruyama_step(sde, x, t, dt, z):
    def drift(now, x, _):
        return sde.drift(x[None], jnp.array([now]))[0]

    def diffusion(now, x, _):
        return sde.diffusion(jnp.array([now])) * jnp.eye(len(x))

    noise = diffrax.ControlTerm(diffusion, lambda *_: jnp.sqrt(dt) * z[0])
    terms = diffrax.MultiTerm(diffrax.ODETerm(drift), noise)
    return diffrax.Euler().step(terms, t, t + dt, x[0], None, None, False)[0][None]
