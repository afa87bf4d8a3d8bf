"""score_models: losses, and SDEs, whose networks are minus the noise."""

from types import SimpleNamespace

from score_models import dsm, sde, sliced_score_matching

from refebm.crosscheck.frameworks.torch import handing_out, objective

EXPECTED = {"sliced_score_matching_vr": "passed", "probability_flow_velocity": "partly"}
OWN = "std = sigma.t.*weights of its own.*minus the noise"
EXPECTED |= {"diffusion_score_matching": ("convention", OWN)}
NAMES = ("VarianceExploding.sigma", "VarianceExploding.diffusion", "VariancePreserving.beta")
NAMES += ("VariancePreserving.diffusion", "VariancePreserving.marginal", "VariancePreserving.drift")
EXPECTED |= dict.fromkeys(NAMES, "passed")


@objective
class VarianceExploding:
    def __init__(self, sigma_min, sigma_max):
        self.own = sde.VESDE(sigma_min, sigma_max)

    def sigma(self, t):
        return self.own.sigma(t)

    def diffusion(self, t):
        return self.own.diffusion(t, t[:, None])[:, 0]


@objective
class VariancePreserving:
    def __init__(self, beta_min, beta_max):
        self.own = sde.VPSDE(beta_min, beta_max)

    def beta(self, t):
        return self.own.beta(t)

    def diffusion(self, t):
        return self.own.diffusion(t, t[:, None])[:, 0]

    def marginal(self, t):
        return self.own.marginal_prob_scalars(t)

    def drift(self, x, t):
        return self.own.drift(t, x)


def own(given):
    if hasattr(given, "sigma_min"):
        return sde.VESDE(given.sigma_min, given.sigma_max)
    if type(given).__name__ == "VariancePreserving":
        return sde.VPSDE(given.beta_min, given.beta_max, epsilon=0.0)
    raise NotImplementedError("sub-VP")


@objective
def sliced_score_matching_vr(score, x, v):
    with handing_out(v):
        return sliced_score_matching.sliced_score_matching_loss(score, x, noise_type="gaussian")


@objective
def diffusion_score_matching(network, sde, weight, x, t, z):
    model = SimpleNamespace(sde=own(sde), model=lambda t, x: network(x, t), device=None)
    with handing_out(z, t):
        return dsm.denoising_score_matching(model, x)


@objective
def probability_flow_velocity(score, sde, x, t):
    made = own(sde)
    return made.drift(t, x) - 0.5 * made.diffusion(t, x) ** 2 * score(x, t)
