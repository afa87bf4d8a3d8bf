"""What the steps of procedures draw, beside unit normals and uniforms."""

from refebm.calculus import held
from refebm.glossary import InputError


def minibatch(x, batch, rng):
    """`batch` rows of x, each drawn from all, (batch, d); x as it is, without a draw, where that is as many."""
    if batch > len(x):
        raise InputError("E-BATCH", f"batch must be at most n = {len(x)}, the rows of x; got {batch}")
    return x if batch == len(x) else x[rng.integers(len(x), size=batch)]


def signs(rng, *shape):
    """-1 or 1 each, with E[v v^T] = I."""
    return rng.choice([-1.0, 1.0], shape)


def constant(parameters):
    """The same parameters, through which no derivative flows."""
    if isinstance(parameters, dict):
        return {name: constant(part) for name, part in parameters.items()}
    if isinstance(parameters, (tuple, list)):
        return type(parameters)([constant(part) for part in parameters])
    return held(parameters)
