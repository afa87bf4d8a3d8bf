"""Variants of the diffusion losses, and of the conversions between score, noise and clean point."""

import numpy as np

from refebm.variants.asked import asked
from refebm.variants.record import conventions, naive_forms, one_term, terms, wrong_versions

NOISY = "scale * x + std * z"
FIELD = f"score({NOISY}, t)"
MISFIT = f"{FIELD} + z / std"
SCALE, STD = "_marginal(sde, t)[0]", "_marginal(sde, t)[1]"
S = f"score({SCALE} * x + {STD} * z, t)"

LOG_KEPT = "np.cumsum(np.log1p(-betas))"
STEP_STD = f"np.sqrt(-np.expm1({LOG_KEPT}[i][:, None]))"
STEP_S = f"score(np.exp(0.5 * {LOG_KEPT}[i][:, None]) * x + {STEP_STD} * z, i)"

NO_ROOT = "annotated_deep_learning 152"
HO = "Ho, Jain and Abbeel 2020"
KARRAS = "Karras, Aittala, Aila and Laine 2022, eq. 3"

wrong_versions(
    "diffusion_score_matching",
    ("sign of the noise", "+ z / std", "- z / std", "finite", "torchebm issue 318, Carnot-EBM"),
    ("weight forgotten", "0.5 * weight(t) * ", "0.5 * "),
    ("weight squared", "0.5 * weight(t) * ", "0.5 * weight(t) ** 2 * "),
    ("one std for all rows", "z / std", "z / std[0]", "one time"),
    ("variance for deviation", "z / std", "z / std**2"),
    ("noise of size std squared", "+ std * z", "+ std**2 * z", "finite", NO_ROOT),
    ("data not times the scale m", "score(scale * x + std * z, t)", "score(x + std * z, t)", "variance exploding"),
    ("noise times the scale m too", NOISY, "scale * (x + std * z)", "variance exploding"),
    ("clean points", NOISY, "scale * x", "no noise drawn"),
    ("time running the wrong way", "score(scale * x + std * z, t)", "score(scale * x + std * z, 1 - t)", "half way"),
)
conventions(
    "diffusion_score_matching",
    ("the model predicts the clean point: s = (m r - x_t)/std^2", MISFIT, f"scale * ({FIELD} - x) / std**2", KARRAS),
)
terms(
    "diffusion_score_matching",
    ("1/2 w |s|^2", f"0.5 * weight(t) * squared_norm({S})"),
    ("w z.s/std", f"weight(t) * np.sum(z / {STD} * {S}, axis=1)"),
    ("1/2 w |z|^2/std^2", f"0.5 * weight(t) * squared_norm(z / {STD})"),
)
wrong_versions(
    "ddpm_loss",
    ("sign of the noise", "std * score(..., i) + z", "std * score(..., i) - z"),
    ("alpha for its product", LOG_KEPT, "np.log1p(-betas)", "first step", "score_sde 73, diffusion libraries"),
    ("sum of the variances", LOG_KEPT, "-np.cumsum(betas)"),
    ("one step back", LOG_KEPT, f"np.append(0.0, {LOG_KEPT}[:-1])", "finite", "score_sde 73, diffusion libraries"),
    ("root of the product forgotten", "np.exp(0.5 * log_kept)", "np.exp(log_kept)"),
    ("variance for deviation", "np.sqrt(-np.expm1(log_kept))", "-np.expm1(log_kept)", "finite", NO_ROOT),
    ("one std for all rows", "std * score(...)", "std[0] * score(...)", "first step"),
)
terms(
    "ddpm_loss",
    ("1/2 std^2 |s|^2", f"0.5 * squared_norm({STEP_STD} * {STEP_S})"),
    ("std z.s", f"np.sum(z * {STEP_STD} * {STEP_S}, axis=1)"),
    ("1/2 |z|^2", "0.5 * squared_norm(z)"),
)
wrong_versions(
    "predicted_noise",
    ("sign", "-std *", "std *", "up to a factor"),
    ("variance for deviation", "-std *", "-(std**2) *"),
    ("std forgotten", "-std * ", "-"),
    ("over std", "-std * score(x, t)", "-score(x, t) / std"),
    ("one std for all rows", "-std *", "-std[0] *", "one time"),
    ("scale for std", "_, std =", "std, _ ="),
)
wrong_versions(
    "denoised_point",
    ("std where variance belongs", "std**2", "std"),
    (
        "sign",
        "x + std**2 *",
        "x - std**2 *",
        "finite",
    ),
    ("not over the scale m", " / scale", "", "variance exploding"),
    ("times the scale m, not over it", " / scale", " * scale", "variance exploding"),
    (
        "the noisy point alone over the scale m",
        "(x + std**2 * score(x, t)) / scale",
        "x / scale + std**2 * score(x, t)",
        "variance exploding",
    ),
    ("one std for all rows", "std**2", "std[0] ** 2", "one time"),
)
terms("denoised_point", ("x/m", f"x / {SCALE}"), ("std^2 s/m", f"{STD} ** 2 * score(x, t) / {SCALE}"))
wrong_versions(
    "score_of_noise",
    ("sign", "-noise(...) /", "noise(...) /", "up to a factor"),
    ("variance for deviation", "/ std", "/ std**2"),
    ("std forgotten", " / std", ""),
    ("times std", " / std", " * std"),
    ("one std for all rows", " / std", " / std[0]", "one time"),
)
wrong_versions(
    "score_of_denoiser",
    ("std where variance belongs", "/ std**2", "/ std"),
    ("sign", "(scale * denoiser(x, t) - x)", "(x - scale * denoiser(x, t))", "up to a factor"),
    ("the clean point not times the scale m", "scale * denoiser(...) - x", "denoiser(...) - x", "variance exploding"),
    (
        "x over m, not the clean point times m",
        "(scale * denoiser(x, t) - x)",
        "(denoiser(x, t) - x / scale)",
        "variance exploding",
    ),
    ("variance forgotten", " / std**2", ""),
    ("one std for all rows", "/ std**2", "/ std[0] ** 2", "one time"),
)
terms("score_of_denoiser", ("m r/std^2", f"{SCALE} * denoiser(x, t) / {STD} ** 2"), ("-x/std^2", f"-x / {STD} ** 2"))

# Without t = 1, where a wrong version takes log(1 - t), and without a weight, which is one per row here.
asked("diffusion_score_matching", without=("t",))

FEW = {"d": 2, "n": 4, "kind": "noise_conditional", "betas": np.array([1.0, 2.0, 4.0, 8.0]) / 64}
asked("ddpm_loss", beside=(("a weight that is cut where little noise was added", FEW),))
naive_forms(
    "ddpm_loss",
    ("log(1 - beta)", "np.log1p(-betas)", "np.log(1 - betas)"),
    ("product of 1 - beta", "np.cumsum(np.log1p(-betas))", "np.log(np.cumprod(1 - betas))"),
    ("1 - a", "-np.expm1(log_kept)", "1 - np.exp(log_kept)"),
)
one_term("predicted_noise score_of_noise")
