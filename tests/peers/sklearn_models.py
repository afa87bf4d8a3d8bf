"""scikit-learn: mixtures, kernel density estimates, restricted Boltzmann machines."""

import numpy as np
from sklearn import mixture, neighbors, neural_network

EXPECTED = {"GaussianMixture.log_prob": "passed", "smoothed_empirical": "passed"}
EXPECTED |= {"BinaryRBM.free_energy": "passed", "BinaryRBM.hidden_mean": "passed"}


class GaussianMixture:
    def __init__(self, weights, means, covs):
        self.model = mixture.GaussianMixture(len(weights))
        self.model.weights_, self.model.means_, self.model.covariances_ = weights, means, covs
        self.model.precisions_cholesky_ = np.stack([np.linalg.inv(np.linalg.cholesky(cov)).T for cov in covs])

    def log_prob(self, x):
        return self.model.score_samples(x)


class smoothed_empirical:
    def __init__(self, points, sigma):
        self.model = neighbors.KernelDensity(bandwidth=sigma, rtol=1e-300).fit(points)

    def log_prob(self, x):
        return self.model.score_samples(x)


class BinaryRBM:
    def __init__(self, b, c, W):
        self.model = neural_network.BernoulliRBM(len(c))
        self.model.intercept_visible_, self.model.intercept_hidden_, self.model.components_ = b, c, W.T

    def free_energy(self, v):
        return self.model._free_energy(v)

    def hidden_mean(self, v):
        return self.model._mean_hiddens(v)
