"""pints: chains as (chains, draws, parameters); its ESS counts the correlation at lag 0 twice, as 1 + 2 (1 + ...)."""

import numpy as np
import pints

from refebm.crosscheck.frameworks.numpy import objective

EXPECTED = {"split_r_hat": ("convention", "drops the middle draw"), "autocorrelation": "partly"}
EXPECTED |= {"effective_sample_size": ("failed", "plain sum of the correlations within chains")}


@objective
def split_r_hat(x):
    return pints.rhat(x.transpose(1, 0, 2))


@objective
def effective_sample_size(x):
    if x.shape[1] > 1:
        raise NotImplementedError("several chains")
    return np.array(pints.effective_sample_size(x[:, 0]))


@objective
def autocorrelation(x, n_lags):
    if x.shape[1] > 1:
        raise NotImplementedError("several chains")
    return np.stack([pints._diagnostics.autocorrelation(one)[: n_lags + 1] for one in x[:, 0].T], axis=1)
