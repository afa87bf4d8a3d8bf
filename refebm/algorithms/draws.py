"""Random draws of the procedures, other than unit normals and uniforms."""

from refebm.calculus import held
from refebm.glossary import mapped, of_shape


def minibatch(x, batch, rng):
    """`batch` rows of x, each drawn uniformly from all rows, (batch, d); if batch = n, x itself without a draw."""
    return x if batch == len(x) else x[rng.integers(len(x), size=batch)]


def made(y, rows):
    """The points y that a sampler has made, one for each of the rows, (n, d). Errors: E-FINITE, E-SHAPE."""
    return of_shape("sampler(phi, eps)", y, rows.shape)


def signs(rng, *shape):
    """Random signs, -1 or 1 with equal probability: E[v v^T] = I."""
    return rng.choice([-1.0, 1.0], shape)


def constant(parameters):
    """The same parameters as constants: no derivative flows through them."""
    return mapped(held, parameters)
