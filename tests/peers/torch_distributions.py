"""torch.distributions."""

import torch
from torch import distributions

from refebm.crosscheck.frameworks.torch import objective

NAMES = ("Gaussian", "GaussianMixture", "Gamma", "StudentT", "Laplace", "standard_normal")
EXPECTED = {f"{name}.log_prob" if name[0].isupper() else name: "passed" for name in NAMES}
EXPECTED["gan_discriminator_loss"] = "passed"


@objective
def Gaussian(mean, cov):
    return distributions.MultivariateNormal(mean, cov)


@objective
def GaussianMixture(weights, means, covs):
    return distributions.MixtureSameFamily(
        distributions.Categorical(weights), distributions.MultivariateNormal(means, covs)
    )


@objective
def Gamma(shape, rate):
    return distributions.Independent(distributions.Gamma(shape, rate), 1)


@objective
def StudentT(df, loc, scale):
    return distributions.Independent(distributions.StudentT(df, loc, scale), 1)


@objective
def Laplace(loc, scale):
    return distributions.Independent(distributions.Laplace(loc, scale), 1)


@objective
def standard_normal(d):
    return distributions.Independent(distributions.Normal(torch.zeros(d), torch.ones(d)), 1)


@objective
def gan_discriminator_loss(logit, x, y):
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    real, made = logit(x), logit(y)
    return loss(real, torch.ones_like(real), reduction="none") + loss(made, torch.zeros_like(made), reduction="none")
