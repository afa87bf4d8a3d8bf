"""ksddescent: the Stein kernel of a Gaussian one, whose sigma is the square of the length."""

from ksddescent.kernels import gaussian_stein_kernel

from refebm.crosscheck.frameworks.torch import objective

EXPECTED = {"kernel_stein": "partly"}


@objective
def kernel_stein(score, x, bandwidth, unbiased):
    if unbiased:
        raise NotImplementedError("the U statistic")
    return gaussian_stein_kernel(x, x, score(x), score(x), bandwidth**2).mean()
