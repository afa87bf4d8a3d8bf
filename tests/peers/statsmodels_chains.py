"""statsmodels: covariances of one chain in time."""

import numpy as np
from statsmodels.tsa import stattools

EXPECTED = {"autocovariance": "passed", "autocorrelation": "partly"}


def autocovariance(x, n_lags):
    each = np.moveaxis(x, 0, 2).reshape(-1, len(x))
    found = [stattools.acovf(chain, nlag=n_lags, demean=True, fft=False) for chain in each]
    return np.mean(np.reshape(found, (*x.shape[1:], n_lags + 1)), axis=0).T


def autocorrelation(x, n_lags):
    if x.shape[1] > 1:
        raise NotImplementedError("of several chains")
    return np.stack([stattools.acf(chain, nlags=n_lags, fft=False) for chain in x[:, 0].T], axis=1)
