"""smalldiffusion: losses of a model by what it predicts, at levels of noise."""

from smalldiffusion import model as own

from refebm.crosscheck.frameworks.torch import objective

NOISE = ("convention", "the model predicts the noise.*no 1/2, mean over coordinates")
EXPECTED = dict.fromkeys(("denoising_score_matching", "noise_conditional_score_matching"), NOISE)
EXPECTED |= {"flow_matching": ("convention", "no 1/2, mean over coordinates")}


@objective
def denoising_score_matching(noise, x, sigma, z):
    return own.ModelMixin.get_loss(lambda x, sigma, cond: noise(x), x, sigma, z)


@objective
def noise_conditional_score_matching(noise, x, sigma, z):
    return own.ModelMixin.get_loss(lambda x, sigma, cond: noise(x, sigma), x, sigma, z)


@objective
def flow_matching(velocity, x, z, t):
    loss = own.PredFlow(own.ModelMixin).get_loss
    return loss(lambda x, t, cond: velocity(x, t[:, 0]), x, t[:, None], z)
