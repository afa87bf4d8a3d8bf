r"""refebm: the reference for energy-based models. Every objective is one short function, every identity a theorem.

Glossary and conventions

    x        (n, d), rows are independent points, float64
    E        energy(x) -> (n,); p = exp(-E)/Z. Unnormalised densities are given as energies; ``log_...`` are normalised
    s        score(x) -> (n, d), grad_x log p = -grad_x E; any vector field may take its place
    sigma    noise standard deviation, a float or (n,); a conditional field is score(x, sigma), ``at`` fixes sigma
    z        (n, d), *unit* normal; the noisy point is x + sigma z, and sigma s predicts -z
    t        the time of an SDE, a float or (n,) in [0, 1], 0 at the data; x_t = m(t) x + std(t) z
    v        (n, d) or (m, n, d), projections with E[v v^T] = I

Arguments: callables come first, then states and data, then step sizes and counts, noise last. No function owns a random
generator: noise is an argument, and what draws takes a numpy.random.Generator.
Every objective is a loss to minimise, with one value per row, and keeps the 1/2 of the Fisher divergence.

Errors have stable codes. For arrays: E-DTYPE (not real numbers), E-MASKED (masked entries), E-FINITE, E-NDIM (no rows),
E-EMPTY, E-SHAPE (does not fit the others). E-CALLABLE: a callable returns something else than its type says. Each
docstring lists the codes of its function; where E-DTYPE is listed, E-MASKED is possible too.
"""

from types import ModuleType as _Module

from refebm import start as _start  # the first, since it decides where the others find NumPy
from refebm.algorithms.adversarial import train_implicit_vae, train_variational_bound
from refebm.algorithms.contrastive_divergence import train_contrastive_divergence
from refebm.algorithms.diffusion import draw_by_diffusion, train_diffusion, train_flow_matching
from refebm.algorithms.noise_contrastive import (
    train_adversarial_contrastive,
    train_flow_contrastive,
    train_noise_contrastive,
)
from refebm.algorithms.score_matching import (
    draw_by_annealed_langevin,
    train_denoising_score_matching,
    train_noise_conditional_score_matching,
    train_score_matching,
)
from refebm.calculus import divergence, field_and_divergence, jacobian_vector_product, score_of
from refebm.glossary import DomainError, InputError
from refebm.models import Model, at, mixture_of
from refebm.models.rbm import BinaryRBM, GaussianBernoulliRBM
from refebm.models.real_nvp import RealNVP
from refebm.objectives.adversarial import entropy_gradient, implicit_negative_elbo, variational_bound
from refebm.objectives.classifier import class_log_probabilities, classifier_energy
from refebm.objectives.contrastive_divergence import ReplayBuffer, contrastive_divergence
from refebm.objectives.denoising import (
    denoising_autoencoder,
    denoising_score_matching,
    denoising_score_matching_cv,
    geometric_noise_levels,
    noise_conditional_score_matching,
    tweedie_cov,
    tweedie_mean,
)
from refebm.objectives.diffusion import (
    ddpm_loss,
    denoised_point,
    diffusion_score_matching,
    predicted_noise,
    score_of_denoiser,
    score_of_noise,
)
from refebm.objectives.discrepancies import (
    kernel_stein,
    minimum_probability_flow,
    minimum_probability_flow_continuous,
    minimum_velocity,
    stein_discrepancy,
)
from refebm.objectives.entropy_contrast import contrastive_divergence_with_entropy
from refebm.objectives.flow_matching import flow_matching, flow_velocity, score_of_flow
from refebm.objectives.higher_order import (
    higher_order_score_matching,
    laplacian_score_matching,
    marginalisation_score_matching,
    regularised_score_matching,
)
from refebm.objectives.karras import karras_denoising, karras_noise_levels, karras_preconditioned
from refebm.objectives.likelihood import (
    annealed_importance_sampling,
    estimated_log_partition,
    log_partition,
    negative_log_likelihood,
)
from refebm.objectives.mean_field import mean_field_contrastive_divergence, mean_field_free_energy
from refebm.objectives.multigrid import block_means, multigrid_contrastive_divergence, repeated_pixels
from refebm.objectives.noise_contrastive import (
    KULLBACK_LEIBLER,
    LEAST_SQUARES,
    LOGISTIC,
    Generator,
    bregman_noise_contrastive,
    conditional_noise_contrastive,
    gan_discriminator_loss,
    mixed_noise,
    noise_contrastive,
)
from refebm.objectives.parametrisations import (
    clean_point_from_score,
    marginal_of_steps,
    noise_from_score,
    score_from_clean_point,
    score_from_noise,
    score_from_velocity,
    velocity_from_score,
)
from refebm.objectives.pseudo_likelihood import pseudo_likelihood
from refebm.objectives.schedules import (
    annealed_step,
    annealed_variance,
    cosine_betas,
    level_coverage,
    level_ratio,
    moving_average,
)
from refebm.objectives.score_matching import (
    explicit_score_matching,
    explicit_sliced,
    finite_difference_sliced,
    hutchinson_divergence,
    implicit_score_matching,
    nonnegative_score_matching,
    ratio_matching,
    sliced_score_matching,
    sliced_score_matching_vr,
)
from refebm.samplers.chain import run
from refebm.samplers.coupled import (
    coupled_chains,
    coupled_metropolis_step,
    unbiased_contrastive_divergence,
    unbiased_mean,
)
from refebm.samplers.ddim import ddim_step
from refebm.samplers.diagnostics import autocorrelation, autocovariance, effective_sample_size, split_r_hat
from refebm.samplers.gibbs import gibbs_step
from refebm.samplers.hamiltonian import hmc_step, leapfrog
from refebm.samplers.karras import karras_heun_step
from refebm.samplers.langevin import annealed_langevin, decaying_steps, langevin_step
from refebm.samplers.metropolis import mala_step, metropolis_step
from refebm.samplers.multigrid import multigrid_chain
from refebm.samplers.reverse_diffusion import (
    ddpm_step,
    euler_maruyama_step,
    predictor_corrector,
    probability_flow,
    probability_flow_log_prob,
    probability_flow_velocity,
    reverse_sde_step,
)
from refebm.samplers.step import Step
from refebm.samplers.tapes import (
    annealed_langevin_tape,
    gibbs_tape,
    langevin_tape,
    metropolis_tape,
    predictor_corrector_tape,
    replay_tape,
)
from refebm.sdes import GivenDiffusion, SubVariancePreserving, VarianceExploding, VariancePreserving
from refebm.training import Fit, minimise, minimise_noisy
from refebm.truth.densities import (
    Gamma,
    Gaussian,
    GaussianMixture,
    Laplace,
    StudentT,
    smoothed_empirical,
    standard_normal,
)
from refebm.truth.expectations import Expectation, expect
from refebm.truth.linear_vae import LinearGaussianVAE

__version__ = "0.1.0"

_public = [name for name, thing in vars().items() if name[0] != "_" and not isinstance(thing, _Module)]
__all__ = sorted(_public, key=lambda name: (not name.isupper(), name[0].islower(), name))
