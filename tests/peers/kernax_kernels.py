"""kernax: the discrepancy, a root, of a Gaussian kernel, by its formula."""

from jax.tree_util import Partial
from kernax import discrepancies, kernels

from refebm.crosscheck.frameworks.jax import objective

EXPECTED = {"kernel_stein": ("partly", "V is its root")}


@objective
def kernel_stein(score, x, bandwidth, unbiased):
    if unbiased:
        raise NotImplementedError("the U statistic")
    return discrepancies.KSD(x, score(x), Partial(kernels.Gaussian, lengthscale=bandwidth))
