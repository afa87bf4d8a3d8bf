r"""The parts of an implicit variational autoencoder: z = f(x, eps) with a law q(z|x) that has no density at hand.

Prior N(0, I), decoder N(network(z), deviation^2 I). Parameters are nested tuples of arrays, as in `refebm.models`.
"""

import autograd.numpy as np

from refebm.models.networks import perceptron

LOG_2PI = float(np.log(2 * np.pi))


def encode(layers, x, eps):
    """z = network(x, eps), (n, k): layers from d + (columns of eps) to k; eps unit normal."""
    return perceptron(layers, np.concatenate([x, eps], axis=1))


def log_joint(layers, deviation, x, z):
    r"""log N(z; 0, I) + log N(x; network(z), deviation^2 I), (n,): layers from k to d; deviation > 0."""
    error = (x - perceptron(layers, z)) / deviation
    gaussians = np.sum(0.5 * z**2 + 0.5 * LOG_2PI, axis=1) + np.sum(0.5 * error**2 + 0.5 * LOG_2PI, axis=1)
    return -gaussians - x.shape[1] * np.log(deviation)


def conditional_score(layers, z, x):
    """A model of grad_z log q(z|x): network(z, x), (n, k), layers from k + d to k."""
    return perceptron(layers, np.concatenate([z, x], axis=1))
