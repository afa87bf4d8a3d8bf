"""mcmckit: steps of one chain, and diagnostics. Its sample size leaves out the correlations at lags 0 and 1."""

import numpy as np
from autograd import grad
from mcmckit import steps
from mcmckit.core import diagnostics

from refebm.crosscheck.frameworks.numpy import handing_out, objective

EXPECTED = dict.fromkeys(("metropolis_step", "mala_step"), "passed")
EXPECTED |= {"autocorrelation": "partly", "split_r_hat": "partly"}
# of a short chain without the first pair it is the number of draws
EXPECTED |= {"effective_sample_size": ("failed", "does not depend on x")}


@objective(by_row=True)
def metropolis_step(energy, x, scale, z, u):
    def log_density(x):
        return -energy(x[None])[0]

    with handing_out(z, u):
        return steps.mh_step(log_density, x[0], log_density(x[0]), scale**2)[0][None]


@objective(by_row=True)
def mala_step(energy, x, eta, z, u):
    def log_density(x):
        return -energy(x[None])[0]

    def both(x):
        return log_density(x), grad(log_density)(x)

    with handing_out(z, u):
        return steps.mala_step(both, x[0], *both(x[0]), np.sqrt(2 * eta))[0][None]


@objective
def split_r_hat(x):
    if x.shape[1] == 1:
        raise NotImplementedError("one chain")
    return diagnostics.gelman_rubin(list(np.swapaxes(x, 0, 1)))


@objective
def effective_sample_size(x):
    if x.shape[1] > 1:
        raise NotImplementedError("several chains")
    return diagnostics.ess(x[:, 0])


@objective
def autocorrelation(x, n_lags):
    if x.shape[1] > 1:
        raise NotImplementedError("several chains")
    return diagnostics.autocorr(x[:, 0], n_lags)
