"""ebmkit, imported as ebm: losses, samplers, diagnostics. Noise levels are float32 in it."""

import ebm
import torch
from ebm.eval import diagnostics, goodness_of_fit
from ebm.losses import discrete, nce, score_matching
from ebm.nets import lattice
from ebm.samplers import annealed, score_sde

from refebm.crosscheck.frameworks.torch import handing_out, objective

NAMES = ("implicit_score_matching", "denoising_score_matching", "sliced_score_matching", "sliced_score_matching_vr")
NAMES += ("contrastive_divergence", "noise_contrastive", "ratio_matching", "langevin_step", "mala_step", "hmc_step")
NAMES += ("split_r_hat", "classifier_energy", "BinaryRBM.hidden_mean", "BinaryRBM.visible_mean")
EXPECTED = dict.fromkeys(NAMES, "passed") | dict.fromkeys(("kernel_stein", "gibbs_step"), "partly")
EXPECTED |= {"annealed_langevin": ("convention", "eta = eps/2"), "pseudo_likelihood": ("convention", "over the bits")}
EXPECTED |= {
    "autocorrelation": ("convention", "each chain's own"),
    "reverse_sde_step": ("partly", "differences of sigma"),
}
EXPECTED |= {"effective_sample_size": ("failed", "astronomic .* and .* covariances over T - 1")}
EXPECTED |= dict.fromkeys(("BinaryRBM.free_energy", "BinaryRBM.log_partition"), ("convention", "softplus .* from 20"))


@objective
def implicit_score_matching(energy, x):
    return score_matching.ExactScoreMatching()(energy, x).loss


@objective(by_row=True)
def denoising_score_matching(energy, x, sigma, z):
    with handing_out(z):
        return score_matching.DenoisingScoreMatching(sigma)(energy, x).loss


@objective
def sliced_score_matching(energy, x, v):
    with handing_out(v):
        return score_matching.SlicedScoreMatching(vr=False)(energy, x).loss


@objective
def sliced_score_matching_vr(energy, x, v):
    with handing_out(v):
        return score_matching.SlicedScoreMatching()(energy, x).loss


@objective
def contrastive_divergence(energy, x, x_model):
    class Given:
        def sample(self, energy, x):
            return x_model

    return ebm.ContrastiveDivergence(Given())(energy, x).loss


@objective
def noise_contrastive(log_model, log_noise, x, y):
    class Noise:
        log_prob = staticmethod(log_noise)

        def sample(self, shape):
            return y.reshape(-1, x.shape[1])

    return nce.NoiseContrastiveEstimation(Noise(), len(y))(lambda x: -log_model(x), x).loss


@objective
def pseudo_likelihood(energy, x):
    return discrete.PseudoLikelihood()(energy, x).loss


@objective
def ratio_matching(energy, x):
    return discrete.RatioMatching()(energy, x).loss


@objective
def langevin_step(energy, x, eta, z):
    with handing_out(z):
        return ebm.LangevinDynamics(eta).step(energy, x)


@objective
def mala_step(energy, x, eta, z, u):
    with handing_out(z, u):
        return ebm.MALA(eta).step(energy, x)


@objective
def hmc_step(energy, x, eps, n_steps, p, u):
    with handing_out(p, u):
        return ebm.HMC(eps, n_steps).step(energy, x)


@objective(dtype=torch.float32)
def annealed_langevin(score, x, sigmas, eps, z):
    with handing_out(*z.reshape(-1, *x.shape)):
        return annealed.AnnealedLangevinDynamics(sigmas, eps, z.shape[1]).sample(score.energy, x)


@objective
def kernel_stein(energy, x, bandwidth, unbiased):
    if not unbiased:
        raise NotImplementedError("the V statistic")
    return torch.tensor(goodness_of_fit.kernel_stein_discrepancy(energy, x, bandwidth=bandwidth))


@objective
def effective_sample_size(x):
    return diagnostics.effective_sample_size(x.transpose(0, 1))


@objective
def split_r_hat(x):
    return diagnostics.split_rhat(x.transpose(0, 1))


@objective
def autocorrelation(x, n_lags):
    return diagnostics.autocorrelation(x.transpose(0, 1), n_lags)


@objective
def classifier_energy(logits, x):
    return ebm.ClassifierEnergy(logits)(x)


@objective
class BinaryRBM:
    def __init__(self, b, c, W):
        self.own = lattice.RBM(len(b), len(c))
        self.own.b, self.own.c, self.own.W = map(torch.nn.Parameter, (b, c, W.T))

    def free_energy(self, v):
        return self.own(v)

    def hidden_mean(self, v):
        return self.own.p_h_given_v(v)

    def visible_mean(self, h):
        return self.own.p_v_given_h(h)

    def log_partition(self):
        return self.own.log_z()


@objective
def gibbs_step(rbm, v, u_h, u_v):
    if hasattr(rbm, "sigma"):
        raise NotImplementedError("Gaussian units")
    own = BinaryRBM(rbm.b, rbm.c, rbm.W).own
    with handing_out(u_h, u_v):
        return own.gibbs_step(v)


@objective(by_row=True, dtype=torch.float32)
def reverse_sde_step(score, sde, x, t, dt, z):
    if not hasattr(sde, "sigma"):
        raise NotImplementedError("an SDE that is no ladder of levels")
    levels = torch.stack([sde.sigma(torch.tensor([t - k * dt]))[0] for k in (0, 1)])
    with handing_out(z):
        return score_sde.PredictorCorrector(levels, 0).step(lambda x, _: score.energy(x, t), x)
