"""NumPyro's diagnostics."""

import numpy as np
from numpyro import diagnostics

EXPECTED = {"autocovariance": "passed", "autocorrelation": "partly"}
# where a chain alternates its sample size has no bound, and comes out negative
EXPECTED |= {"effective_sample_size": ("failed", "not bounded.* and .*W is V")}
EXPECTED |= {"split_r_hat": ("convention", "an odd T drops the middle draw")}


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
