"""Pyro's statistics of chains."""

import numpy as np
import torch
from pyro.ops import stats

EXPECTED = {"autocorrelation": "partly", "split_r_hat": ("convention", "an odd T drops the middle draw")}


def autocorrelation(x, n_lags):
    if x.shape[1] > 1:
        raise NotImplementedError("of several chains")
    found = stats.autocovariance(torch.tensor(x[:, 0]), dim=0)  # over T - t
    found = found * ((len(x) - torch.arange(len(x), dtype=torch.float64)) / len(x))[:, None]
    return np.asarray(found / found[0])[: n_lags + 1]


def split_r_hat(x):
    return np.asarray(stats.split_gelman_rubin(torch.tensor(x), chain_dim=1, sample_dim=0))
