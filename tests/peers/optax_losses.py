"""optax.losses: logistic losses of a discriminator."""

import jax.numpy as jnp
import optax

from refebm.crosscheck.frameworks.jax import objective

EXPECTED = {"gan_discriminator_loss": "passed"}


@objective
def gan_discriminator_loss(logit, x, y):
    loss, real, made = optax.losses.sigmoid_binary_cross_entropy, logit(x), logit(y)
    return loss(real, jnp.ones_like(real)) + loss(made, jnp.zeros_like(made))
