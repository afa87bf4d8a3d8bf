"""Variants of the conversions between what a network may predict: score, noise, clean point and velocity."""

import numpy as np

from refebm import glossary
from refebm.variants.asked import asked
from refebm.variants.record import naive_forms, one_term, terms, wrong_versions

PRESERVING = "Salimans and Ho 2022: where m^2 + std^2 = 1"
S = "score(x)"

wrong_versions(
    "noise_from_score",
    ("sign", "-std *", "std *", "up to a factor"),
    ("variance for deviation", "-std *", "-(std**2) *"),
    ("std forgotten", "-std * score(x)", "-score(x)"),
    ("over std", "-std * score(x)", "-score(x) / std"),
    ("the scale for std", "-std *", "-scale *"),
    ("one std for all rows", "-std *", "-std[:1] *", "one row"),
)
wrong_versions(
    "clean_point_from_score",
    ("std where variance belongs", "std**2", "std"),
    ("sign", "x + std**2 *", "x - std**2 *"),
    ("not over the scale m", " / scale", "", "scale = 1"),
    ("times the scale m, not over it", " / scale", " * scale", "scale = 1"),
    (
        "the noisy point alone over the scale m",
        "(x + std**2 * score(x)) / scale",
        "x / scale + std**2 * score(x)",
        "scale = 1",
    ),
    ("one std for all rows", "std**2", "std[:1] ** 2", "one row"),
)
terms("clean_point_from_score", ("x/m", "x / scale"), ("std^2 s/m", "std**2 * score(x) / scale"))
wrong_versions(
    "velocity_from_score",
    ("sign", "-std / scale *", "std / scale *", "up to a factor"),
    ("sign of the score", "x + (scale**2 + std**2) *", "x - (scale**2 + std**2) *"),
    ("as if m^2 + std^2 were 1", "(scale**2 + std**2) * score(x)", "score(x)", "a circle", PRESERVING),
    ("m/std for std/m", "-std / scale *", "-scale / std *"),
    ("not over m", "-std / scale *", "-std *", "scale = 1"),
    (
        "the noisy point left out",
        "x + (scale**2 + std**2) * score(x)",
        "(scale**2 + std**2) * score(x)",
        "at the origin",
    ),
    ("deviations for variances", "scale**2 + std**2", "scale + std"),
    ("one std for all rows", "-std / scale *", "-std[:1] / scale *", "one row"),
)
terms(
    "velocity_from_score",
    ("-std x/m", "-std / scale * x"),
    ("-std (m^2 + std^2) s/m", "-std / scale * (scale**2 + std**2) * score(x)"),
)
wrong_versions(
    "score_from_noise",
    ("sign", "-noise(...) /", "noise(...) /", "up to a factor"),
    ("variance for deviation", "/ std", "/ std**2"),
    ("std forgotten", " / std", ""),
    ("times std", " / std", " * std"),
    ("the scale for std", "/ std", "/ scale"),
    ("one std for all rows", " / std", " / std[:1]", "one row"),
)
wrong_versions(
    "score_from_clean_point",
    ("x not subtracted", "(scale * denoiser(x) - x)", "scale * denoiser(x)", "at the origin"),
    ("std where variance belongs", "/ std**2", "/ std"),
    ("sign", "(scale * denoiser(x) - x)", "(x - scale * denoiser(x))", "up to a factor"),
    ("the clean point not times the scale m", "scale * denoiser(...) - x", "denoiser(...) - x", "scale = 1"),
    (
        "x over m, not the clean point times m",
        "(scale * denoiser(x) - x)",
        "(denoiser(x) - x / scale)",
        "scale = 1",
    ),
    ("variance forgotten", " / std**2", ""),
    ("one std for all rows", "/ std**2", "/ std[:1] ** 2", "one row"),
)
terms("score_from_clean_point", ("m r/std^2", "scale * denoiser(x) / std**2"), ("-x/std^2", "-x / std**2"))
wrong_versions(
    "score_from_velocity",
    ("sign", "-(x + scale / std * velocity(x))", "(x + scale / std * velocity(x))", "up to a factor"),
    ("sign of the velocity", "x + scale / std *", "x - scale / std *"),
    ("as if m^2 + std^2 were 1", " / (scale**2 + std**2)", "", "a circle", PRESERVING),
    ("std/m for m/std", "scale / std * velocity(...)", "std / scale * velocity(...)"),
    ("not over std", "scale / std * velocity(...)", "scale * velocity(...)"),
    ("the noisy point left out", "x + scale / std * velocity(x)", "scale / std * velocity(x)", "at the origin"),
    ("one std for all rows", "scale / std * velocity(...)", "scale / std[:1] * velocity(...)", "one row"),
)
terms(
    "score_from_velocity",
    ("-x/(m^2 + std^2)", "-x / (scale**2 + std**2)"),
    ("-m v/(std (m^2 + std^2))", "-scale / std * velocity(x) / (scale**2 + std**2)"),
)
LOG_KEPT = "np.cumsum(np.log1p(-betas))"
wrong_versions(
    "marginal_of_steps",
    ("alpha for its product", LOG_KEPT, "np.log1p(-betas)", "first steps", "score_sde 73, diffusion libraries"),
    ("the product for its root", "np.exp(0.5 * log_kept)", "np.exp(log_kept)"),
    ("a variance for a deviation", "np.sqrt(-np.expm1(log_kept))", "-np.expm1(log_kept)"),
    ("the sum of the variances", LOG_KEPT, "-np.cumsum(betas)"),
    ("one step back", LOG_KEPT, f"np.append(0.0, {LOG_KEPT}[:-1])", "finite", "score_sde 73, diffusion libraries"),
    (
        "exchanged",
        "return np.exp(0.5 * log_kept), np.sqrt(-np.expm1(log_kept))",
        "return np.sqrt(-np.expm1(log_kept)), np.exp(0.5 * log_kept)",
    ),
)

OF_SCORE = "noise_from_score clean_point_from_score velocity_from_score"
TO_SCORE = "score_from_noise score_from_clean_point score_from_velocity"
asked(
    f"{OF_SCORE} {TO_SCORE}",
    draws={
        "scale": lambda ask, name: ask.array(name, glossary.Levels, 0.375, 1.0),
        "std": lambda ask, name: ask.array(name, glossary.Levels, 0.25, 1.5),
    },
    values={"scale": ((0.25, 1.0, 2.0, 1.0),)},
    without=("scale", "std"),
)
asked(OF_SCORE, kinds=("mlp_score", "mixture"))
asked(TO_SCORE, kinds=("mlp_score",))
asked("marginal_of_steps", draws={"i": lambda ask, name: ask.fixed.get(name, np.arange(ask.n) % 4)})
naive_forms(
    "marginal_of_steps",
    ("sum of log(1 - beta)", "np.cumsum(np.log1p(-betas))", "np.cumsum(np.log(1 - betas))"),
    ("1 - a", "-np.expm1(log_kept)", "1 - np.exp(log_kept)"),
)
one_term("marginal_of_steps noise_from_score score_from_noise")
