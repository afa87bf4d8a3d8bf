"""Variants of DDIM steps."""

from refebm.variants.asked import FAR, asked
from refebm.variants.record import naive_forms, terms, wrong_versions

SONG = "Song, Meng and Ermon 2021"
CUM = "np.cumsum(np.log1p(-betas))"
BEFORE = f"np.append(0.0, {CUM}[:-1])"
BETA, NOW, THEN = "betas[i][:, None]", f"-np.expm1({CUM}[i])[:, None]", f"-np.expm1({BEFORE}[i])[:, None]"
POINTED = "then * ((1 - eta**2) + eta**2 * (1 - beta) * then / now)"
DRAWN = "eta * np.sqrt(beta) * np.sqrt(then / now)"
TOWARDS = f"np.sqrt(({THEN}) * ((1 - eta**2) + eta**2 * (1 - {BETA}) * ({THEN}) / ({NOW})) * ({NOW}))"

wrong_versions(
    "ddim_step",
    ("1 - eta for eta: all of the noise where eta is 0", "i = within(...)", "i, eta = within(...), 1 - eta"),
    ("sign of the score", "s = score(x, i)", "s = -score(x, i)"),
    ("alpha for its product", CUM, "np.log1p(-betas)", "first step", "score_sde 73, diffusion libraries"),
    ("the variance of the added noise not subtracted", POINTED, "then"),
    ("the deviation of the added noise subtracted, not its variance", POINTED, f"(np.sqrt(then) - {DRAWN}) ** 2"),
    (
        "all of the noise subtracted",
        POINTED,
        "then * eta**2 * (1 - beta) * then / now",
        "first step",
    ),
    ("eta for its square in what is left", POINTED, "then * ((1 - eta) + eta * (1 - beta) * then / now)", "first step"),
    ("the root of eta", DRAWN, "np.sqrt(eta * beta * then / now)", "no noise drawn"),
    ("a variance for a deviation", DRAWN, "eta * beta * then / now", "no noise drawn"),
    ("beta_i for the variance", DRAWN, "eta * np.sqrt(beta)", "no noise drawn"),
    ("no noise", " + drawn * z", "", "no noise drawn"),
    ("the same noise in each row", "* z", "* z[:1]", "one row", "coreax 375"),
    ("no root of 1 - beta", "np.sqrt(1 - beta)", "(1 - beta)"),
    ("not over sqrt(1 - beta)", "(x + now * s) / np.sqrt(1 - beta)", "(x + now * s)"),
    ("the clean point, and nothing else", " - np.sqrt(pointed) * np.sqrt(now) * s", "", "first step"),
    ("a deviation for a variance, towards the clean point", "x + now * s", "x + np.sqrt(now) * s"),
    ("the variance of the step before", "x + now * s", "x + then * s"),
    ("the step of the first row for all", "i = within(...)", "i = within(...)[:1] + 0 * i", "one row"),
)
terms(
    "ddim_step",
    ("x/sqrt(1 - beta)", f"x / np.sqrt(1 - {BETA})"),
    ("v_i s/sqrt(1 - beta)", f"{NOW} * score(x, i) / np.sqrt(1 - {BETA})"),
    ("-sqrt((v_{i-1} - sigma^2) v_i) s", f"-{TOWARDS} * score(x, i)"),
    ("sigma z", f"eta * np.sqrt({BETA} * ({THEN}) / ({NOW})) * z"),
)

asked("ddim_step", far=FAR, special=(("what is right without noise, eta = 0, only", {"eta": 0.0}),))
naive_forms(
    "ddim_step",
    ("sum of log(1 - beta)", "np.cumsum(np.log1p(-betas))", "np.cumsum(np.log(1 - betas))"),
    ("1 - a", "np.expm1(log_kept[i])", "(np.exp(log_kept[i]) - 1)"),
    ("1 - a of the step before", "np.expm1(before[i])", "(np.exp(before[i]) - 1)"),
)
