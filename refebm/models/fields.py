r"""Fields: s(x) or r(x), shape (n, d), that need not be the gradient of anything."""

import autograd.numpy as np

from refebm.models.networks import perceptron


def mlp_score(x, layers):
    r"""s(x) = network(x), d outputs: a score model whose Jacobian is not symmetric. layers ((W, b), ...)."""
    return perceptron(layers, x)


def noise_conditional(x, sigma, layers):
    r"""s(x, sigma) = network(x, log sigma)/sigma, so that sigma s is a network of size one. sigma (n,).

    Source: Song and Ermon 2019, section 4.1; the scale 1/sigma is technique 3 of Song and Ermon 2020
    """
    inputs = np.concatenate([x, np.log(sigma)[:, None]], axis=1)
    return perceptron(layers, inputs) / sigma[:, None]


def at(score, sigma):
    r"""The field x -> s(x, sigma) of a noise-conditional field at one level. sigma float."""
    return lambda x: score(x, sigma * np.ones(len(x)))
