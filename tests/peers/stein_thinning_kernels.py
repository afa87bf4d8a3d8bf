"""stein_thinning: the Stein kernel of an inverse multiquadric."""

import numpy as np
from stein_thinning.kernel import vfk0_imq
from stein_thinning.stein import kmat

from refebm.crosscheck.frameworks.numpy import objective

EXPECTED = {"kernel_stein": ("partly", "inverse multiquadric")}


@objective
def kernel_stein(score, x, bandwidth, unbiased):
    if unbiased:
        raise NotImplementedError("the U statistic")
    s, inverse = score(x), np.eye(x.shape[1]) / bandwidth**2
    return np.mean(kmat(lambda i, j: vfk0_imq(x[i], x[j], s[i], s[j], inverse), len(x)))
