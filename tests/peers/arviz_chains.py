"""ArviZ: effective sample size and split R-hat, without ranks."""

import arviz
import numpy as np

EXPECTED = {"effective_sample_size": "convention", "split_r_hat": "partly"}


def effective_sample_size(x):
    return np.array([arviz.ess(one.T, method="mean") for one in np.moveaxis(x, 2, 0)])


def split_r_hat(x):
    if x.shape[1] == 1:
        raise NotImplementedError("of one chain: NaN, and a word on standard error")
    return np.array([arviz.rhat(one.T, method="split") for one in np.moveaxis(x, 2, 0)])
