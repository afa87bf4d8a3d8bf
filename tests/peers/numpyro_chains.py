"""NumPyro's diagnostics."""

import numpy as np
from numpyro import diagnostics

EXPECTED = {"autocovariance": "passed", "autocorrelation": "partly"}
EXPECTED |= {"effective_sample_size": "convention", "split_r_hat": "convention"}


def autocovariance(x, n_lags):
    return diagnostics.autocovariance(x, bias=True)[: n_lags + 1].mean(axis=1)


def autocorrelation(x, n_lags):
    if x.shape[1] > 1:
        raise NotImplementedError("of several chains")
    return diagnostics.autocorrelation(x, bias=True)[: n_lags + 1, 0]


def effective_sample_size(x):
    return np.asarray(diagnostics.effective_sample_size(np.swapaxes(x, 0, 1)))


def split_r_hat(x):
    return np.asarray(diagnostics.split_gelman_rubin(np.swapaxes(x, 0, 1)))
