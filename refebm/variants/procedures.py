"""Questions for training and sampling procedures: models linear in their parameters or features, few rows and steps."""

import numpy as np
from autograd.misc import flatten

import refebm
from refebm.identities import algorithms as made

NAMES = tuple(name for name in refebm.__all__ if getattr(refebm, name).__module__.startswith("refebm.algorithms"))
TRAINED = tuple(name for name in NAMES if name.startswith("train_"))


def given(question, name: str) -> dict:
    """The arguments of a procedure, by name, with a fresh random generator at each call."""
    d = question.d
    linear = question.grid((1 + d, d), -0.5, 0.5)
    w = np.concatenate([question.grid((d,), -1, 1), question.grid((d,), 0.5, 1)])
    phi = np.stack([question.grid((d,), -1, 1), question.grid((d,), -0.5, 0.25)])
    asked = (_of_energies(question, w, phi) | _of_fields(question, linear))[name]
    if name in TRAINED:
        sizes = {"batch": 2, "n_steps": question.fixed.get("n_steps", 4), "step_size": 0.125}
        asked = {"x": question.around("x"), **asked, **sizes}
    return asked | {"rng": np.random.default_rng(question.stream.random_raw()), "progress": False}


def _of_energies(question, w, phi) -> dict:
    """The special arguments of procedures that train an energy or an autoencoder."""
    fixed, model = question.fixed, {"energy": made.quadratic_energy, "parameters": w}
    noise = {"noise": refebm.Gaussian(question.centre, 2.0)}
    game = model | {"log_q": made.normal_log_q, "sampler": made.normal_sampler, "phi": phi}
    chains = {"k": fixed.get("k", 2), "chains": question.grid((2, question.d), -1, 1), "fraction": 0.25}
    codes = {"log_joint": made.decoder_joint, "encoder": made.linear_encoder, "score": made.spring_of_codes}
    codes |= {"parameters": question.grid((3,), -0.5, 0.5), "phi": np.array([0.75]), "k": 1, "score_steps": 3}
    return {
        "train_contrastive_divergence": model | {"step": made.langevin_of_quadratic} | chains,
        "train_noise_contrastive": model | noise | {"nu": fixed.get("nu", 3), "log_z": 0.25},
        "train_flow_contrastive": game | {"log_z": 0.25},
        "train_adversarial_contrastive": game | noise | {"weight": 0.375, "log_z": 0.25},
        "train_variational_bound": game,
        "train_implicit_vae": codes | {"refit": fixed.get("refit", 2), "copies": 2},
    }


def _of_fields(question, linear) -> dict:
    """The special arguments of procedures that train a field or sample with one."""
    score, of_levels = {"parameters": linear, "score": made.linear_score}, {"sigmas": np.array([1.5, 0.75])}
    at_levels, at_times = score | {"score": made.linear_at_levels}, score | {"score": made.linear_at_times}
    of_times, draws = {"sde": question.process, "t_min": 0.125}, {"n": question.n, "d": question.d}
    return {
        "train_score_matching": score | {"projections": question.d % 2},
        "train_denoising_score_matching": score | {"sigma": 0.625},
        "train_noise_conditional_score_matching": at_levels | of_levels | {"weight": lambda sigma: 1.0 + 0.0 * sigma},
        "train_diffusion": at_times | of_times | {"weight": lambda t: 1.0 + t},
        "train_flow_matching": {"velocity": made.linear_at_times, "parameters": linear, "t_min": 0.125},
        "draw_by_annealed_langevin": of_levels
        | draws
        | {"score": lambda x, sigma: made.linear_at_levels(linear, x, sigma), "eps": 0.03125, "n_steps": 2},
        "draw_by_diffusion": of_times
        | draws
        | {"score": lambda x, t: made.linear_at_times(linear, x, t), "n_steps": 3, "by": "predictor-corrector"}
        | {"corrections": question.fixed.get("corrections", 2), "ratio": 0.125, "t_min": 0.25},
    }


def answered(procedure, arguments: dict) -> np.ndarray:
    """The samples that a procedure returns, or its fitted parameters, as one array."""
    result = procedure(**arguments)
    return result if isinstance(result, np.ndarray) else flatten(result.parameters)[0]
