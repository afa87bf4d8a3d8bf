"""ArviZ: effective sample size without ranks, and R-hat by its default method, of ranks."""

import arviz
import numpy as np

EXPECTED = {"effective_sample_size": ("convention", "Stan, ArviZ"), "split_r_hat": ("partly", "rank-normalised")}


def effective_sample_size(x):
    return np.array([arviz.ess(one.T, method="mean") for one in np.moveaxis(x, 2, 0)])


def split_r_hat(x):
    if x.shape[1] == 1:
        raise NotImplementedError("of one chain: NaN, and a word on standard error")
    return np.array([arviz.rhat(one.T) for one in np.moveaxis(x, 2, 0)])
