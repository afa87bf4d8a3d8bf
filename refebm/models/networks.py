"""The one network of this library: a perceptron with tanh units."""

from refebm.special import affine, tanh


def perceptron(layers, x):
    r"""h <- tanh(h W + b) for all layers but the last, which is linear. layers ((W, b), ...), W (inputs, outputs)."""
    for weights, bias in layers[:-1]:
        x = tanh(affine(x, weights, bias))
    return affine(x, *layers[-1])
