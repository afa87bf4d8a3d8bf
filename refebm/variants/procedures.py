"""What procedures are asked: models that are linear in their parameters or features, few rows, few steps."""

import numpy as np
from autograd.misc import flatten

import refebm
from refebm.identities import algorithms as made

NAMES = tuple(name for name in refebm.__all__ if getattr(refebm, name).__module__.startswith("refebm.algorithms"))
TRAINED = tuple(name for name in NAMES if name.startswith("train_"))


def given(question, name: str) -> dict:
    """Arguments of a procedure, by name; each time with a generator that is new."""
    d, fixed = question.d, question.fixed
    linear = question.grid((1 + d, d), -0.5, 0.5)
    w = np.concatenate([question.grid((d,), -1, 1), question.grid((d,), 0.5, 1)])
    phi = np.stack([question.grid((d,), -1, 1), question.grid((d,), -0.5, 0.25)])
    wide = refebm.Gaussian(question.centre, 2.0)
    flow = {"log_q": made.normal_log_q, "sampler": made.normal_sampler}
    game = {"parameters": w, "phi": phi}
    asked = {
        "train_score_matching": {"score": made.linear_score, "parameters": linear, "projections": d % 2},
        "train_denoising_score_matching": {"score": made.linear_score, "parameters": linear, "sigma": 0.625},
        "train_noise_conditional_score_matching": {
            **{"score": made.linear_at_levels, "parameters": linear},
            **{"sigmas": np.array([1.5, 0.75]), "weight": lambda sigma: 1.0 + 0.0 * sigma},
        },
        "train_contrastive_divergence": {
            **{"energy": made.quadratic_energy, "step": made.langevin_of_quadratic, "parameters": w},
            **{"k": fixed.get("k", 2), "chains": question.grid((2, d), -1, 1), "fraction": 0.25},
        },
        "train_noise_contrastive": {
            **{"energy": made.quadratic_energy, "noise": wide, "parameters": w, "nu": fixed.get("nu", 3)},
            "log_z": 0.25,
        },
        "train_flow_contrastive": {"energy": made.quadratic_energy, **flow, **game, "log_z": 0.25},
        "train_adversarial_contrastive": {
            **{"energy": made.quadratic_energy, "noise": wide, **flow, "weight": 0.375},
            **{**game, "log_z": 0.25},
        },
        "train_variational_bound": {"energy": made.quadratic_energy, **flow, **game},
        "train_implicit_vae": {
            **{"log_joint": made.decoder_joint, "encoder": made.linear_encoder, "score": made.spring_of_codes},
            **{"parameters": question.grid((3,), -0.5, 0.5), "phi": np.array([0.75]), "k": 1, "score_steps": 3},
            **{"refit": fixed.get("refit", 2), "copies": 2},
        },
        "train_diffusion": {
            **{"score": made.linear_at_times, "parameters": linear, "sde": question.process},
            **{"weight": lambda t: 1.0 + t, "t_min": 0.125},
        },
        "train_flow_matching": {"velocity": made.linear_at_times, "parameters": linear, "t_min": 0.125},
        "draw_by_annealed_langevin": {
            **{"score": lambda x, sigma: made.linear_at_levels(linear, x, sigma), "sigmas": np.array([1.5, 0.75])},
            **{"eps": 0.03125, "n_steps": 2, "n": question.n, "d": d},
        },
        "draw_by_diffusion": {
            **{"score": lambda x, t: made.linear_at_times(linear, x, t), "sde": question.process, "n_steps": 3},
            **{
                "n": question.n,
                "d": d,
                "by": "predictor-corrector",
                "corrections": fixed.get("corrections", 2),
                "ratio": 0.125,
                "t_min": 0.25,
            },
        },
    }[name]
    if name in TRAINED:
        sizes = {"batch": 2, "n_steps": fixed.get("n_steps", 4), "step_size": 0.125}
        asked = {"x": question.rows("x"), **asked, **sizes}
    return asked | {"rng": np.random.default_rng(question.stream.random_raw()), "progress": False}


def answered(procedure, arguments: dict) -> np.ndarray:
    """Samples, or the parameters of the fit."""
    result = procedure(**arguments)
    return result if isinstance(result, np.ndarray) else flatten(result.parameters)[0]
