"""zeus: the autocorrelation of one chain of one number."""

import numpy as np
from zeus.autocorr import _autocorr_func_1d

from refebm.crosscheck.frameworks.numpy import objective

EXPECTED = {"autocorrelation": ("convention", "mean of each chain's own")}


@objective
def autocorrelation(x, n_lags):
    each = [[_autocorr_func_1d(one)[: n_lags + 1] for one in chain.T] for chain in np.swapaxes(x, 0, 1)]
    return np.mean(each, axis=0).T
