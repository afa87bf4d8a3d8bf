"""Variants of score matching with derivatives of higher order."""

from refebm.variants.record import conventions, terms, wrong_versions

ROW = "0.5 * s**2 + slopes + 0.5 * sigma**2 * slopes**2"
PENALTY = "0.5 * sigma**2 * slopes**2"

wrong_versions(
    "regularised_score_matching",
    ("sigma squared for its half", PENALTY, "sigma**2 * slopes**2", "finite"),
    ("a quarter of sigma squared", PENALTY, "0.25 * sigma**2 * slopes**2", "finite"),
    ("sigma for its square", PENALTY, "0.5 * sigma * slopes**2", "sigma = 1"),
    ("sign of the penalty", f"+ {PENALTY}", f"- {PENALTY}", "finite"),
    ("the scores for their slopes in the penalty", PENALTY, "0.5 * sigma**2 * s**2", "finite"),
    (
        "square of the trace for the sum of squares",
        PENALTY,
        "0.5 * sigma**2 * slopes * np.sum(slopes, axis=1)[:, None]",
        "d = 1",
    ),
    ("no 1/2 on the square of the score", ROW, "s**2 + slopes + 0.5 * sigma**2 * slopes**2", "finite"),
)
conventions(
    "regularised_score_matching",
    ("lambda for sigma^2/2", PENALTY, "sigma * slopes**2", "Kingma and LeCun 2010"),
    ("no 1/2: twice the whole", f"np.sum({ROW}, axis=1)", f"2 * np.sum({ROW}, axis=1)"),
    ("mean over coordinates", f"np.sum({ROW}, axis=1)", f"np.mean({ROW}, axis=1)"),
)
terms(
    "regularised_score_matching",
    ("1/2 |s|^2", "np.sum(0.5 * score(x) ** 2, axis=1)"),
    ("tr(grad s)", "np.sum(field_and_diagonal(score, x)[1], axis=1)"),
    ("sigma^2/2 sum_i (d_i s_i)^2", "np.sum(0.5 * sigma**2 * field_and_diagonal(score, x)[1] ** 2, axis=1)"),
)
