"""The one network of this library: a perceptron with tanh units."""

import autograd.numpy as np

from refebm.special import tanh


def perceptron(layers, x):
    r"""h <- tanh(h W + b) for all layers but the last, which is linear. layers ((W, b), ...), W (inputs, outputs)."""
    for weights, bias in layers[:-1]:
        x = tanh(np.dot(x, weights) + bias)
    weights, bias = layers[-1]
    return np.dot(x, weights) + bias
