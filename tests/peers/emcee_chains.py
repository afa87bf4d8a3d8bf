"""emcee: autocorrelation of one chain."""

import numpy as np
from emcee import autocorr

EXPECTED = {"autocorrelation": "partly"}


def autocorrelation(x, n_lags):
    if x.shape[1] > 1:
        raise NotImplementedError("of several chains")
    return np.stack([autocorr.function_1d(chain)[: n_lags + 1] for chain in x[:, 0].T], axis=1)
