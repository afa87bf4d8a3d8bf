"""Variants of score matching with derivatives of higher order."""

from refebm.variants.asked import asked
from refebm.variants.record import REDUCTION, SCALE, conventions, terms, wrong_versions

ROW = "0.5 * s**2 + slopes + 0.5 * sigma**2 * slopes**2"
PENALTY = "0.5 * sigma**2 * slopes**2"

wrong_versions(
    "regularised_score_matching",
    ("sigma squared for its half", PENALTY, "sigma**2 * slopes**2"),
    ("a quarter of sigma squared", PENALTY, "0.25 * sigma**2 * slopes**2"),
    ("sigma for its square", PENALTY, "0.5 * sigma * slopes**2", "sigma = 1"),
    ("sign of the penalty", f"+ {PENALTY}", f"- {PENALTY}"),
    ("the scores for their slopes in the penalty", PENALTY, "0.5 * sigma**2 * s**2"),
    (
        "square of the trace for the sum of squares",
        PENALTY,
        "0.5 * sigma**2 * slopes * np.sum(slopes, axis=1)[:, None]",
        "d = 1",
    ),
    ("no 1/2 on the square of the score", ROW, "s**2 + slopes + 0.5 * sigma**2 * slopes**2"),
)
conventions(
    "regularised_score_matching",
    ("lambda for sigma^2/2", PENALTY, "sigma * slopes**2", "Kingma and LeCun 2010"),
    ("no 1/2: twice the whole", f"np.sum({ROW}, axis=1)", f"2 * np.sum({ROW}, axis=1)", SCALE),
    ("mean over coordinates", f"np.sum({ROW}, axis=1)", f"np.mean({ROW}, axis=1)", REDUCTION),
)
terms(
    "regularised_score_matching",
    ("1/2 |s|^2", "np.sum(0.5 * score(x) ** 2, axis=1)"),
    ("tr(grad s)", "np.sum(field_and_diagonal(score, x)[1], axis=1)"),
    ("sigma^2/2 sum_i (d_i s_i)^2", "np.sum(0.5 * sigma**2 * field_and_diagonal(score, x)[1] ** 2, axis=1)"),
)

RAISED = "r[j + 1] + product_rule(s, r, j)"
wrong_versions(
    "higher_order_score_matching",
    ("no 1/2 on the square", "0.5 * r[0] ** 2", "r[0] ** 2"),
    ("sign of the adjoint", "- (-1) ** m * r[m]", "+ (-1) ** m * r[m]"),
    ("one derivative alone of r_m", "- (-1) ** m * r[m]", "- (-1) ** m * r[1]", "m = 1"),
    inside="on_a_line",
)
wrong_versions(
    "higher_order_score_matching",
    ("r' alone: no s r", RAISED, "r[j + 1]", "m = 1"),
    ("s r alone: no r'", RAISED, "product_rule(s, r, j)", "m = 1"),
    ("sign of r'", RAISED, "product_rule(s, r, j) - r[j + 1]", "m = 1"),
    inside="derivatives_of_quotient",
)
wrong_versions(
    "higher_order_score_matching",
    (
        "the first coordinate alone",
        "derivatives_along_axes(score, x, 2 * order)",
        "list(derivatives_along_axes(score, x, 2 * order))[:1]",
        "d = 1",
    ),
)
conventions("higher_order_score_matching", ("no 1/2: twice the whole", "return sum(...)", "return 2 * sum(...)", SCALE))
AXES = "for s in derivatives_along_axes(score, x, 2 * order))"
terms(
    "higher_order_score_matching",
    ("1/2 sum_i r_m^2", f"sum(0.5 * derivatives_of_quotient(s, order)[0] ** 2 {AXES}"),
    ("-(-1)^m sum_i d_i^m r_m", f"sum(-((-1) ** order) * derivatives_of_quotient(s, order)[order] {AXES}"),
)
DERIVED = "0.5 * r(x) ** 2 - laplacian(r, x)"
wrong_versions(
    "laplacian_score_matching",
    ("no 1/2 on the square", "0.5 * r(x) ** 2", "r(x) ** 2"),
    ("sign of the Laplacian", "- laplacian(r, x)", "+ laplacian(r, x)"),
    ("divergence alone: no |s|^2", "squared_norm(s) + divergence", "divergence"),
    ("square alone: no divergence", "squared_norm(s) + divergence", "squared_norm(s)"),
    ("1/2 on the square of the score", "squared_norm(s) + divergence", "0.5 * squared_norm(s) + divergence"),
    ("square of the sum", "squared_norm(s) + divergence", "np.sum(s, axis=1) ** 2 + divergence", "d = 1"),
    ("r for its Laplacian", "laplacian(r, x)", "r(x)"),
)
conventions("laplacian_score_matching", ("no 1/2: twice the whole", DERIVED, "r(x) ** 2 - 2 * laplacian(r, x)", SCALE))
R = "(squared_norm(score(x)) + field_and_divergence(score, x)[1])"
terms("laplacian_score_matching", ("1/2 r^2", f"0.5 * {R} ** 2"), ("-Lap r", f"-laplacian(lambda x: {R}, x)"))
BITS = "0.5 * np.exp(2 * a) - np.exp(-a) - 1.5"
wrong_versions(
    "marginalisation_score_matching",
    ("both exponents of one sign", BITS, "0.5 * np.exp(2 * a) - np.exp(a) - 1.5"),
    ("no 1/2 on the square", BITS, "np.exp(2 * a) - np.exp(-a) - 1.5"),
    ("sign of the adjoint", BITS, "0.5 * np.exp(2 * a) + np.exp(-a) - 1.5"),
    ("odds not squared", BITS, "0.5 * np.exp(a) - np.exp(-a) - 1.5"),
    ("all bits flipped", "np.abs(x - bit)", "1 - x + 0 * bit", "d = 1"),
    ("bits cleared, not flipped", "np.abs(x - bit)", "x * (1 - bit)"),
    ("no constant", BITS, "0.5 * np.exp(2 * a) - np.exp(-a)", "up to a constant"),
)
GAP = "energy(x) - energy(np.abs(x - bit))"
conventions(
    "marginalisation_score_matching",
    (
        "energy with the other sign: the model handed over is f = -E",
        GAP,
        "energy(np.abs(x - bit)) - energy(x)",
        "Stanford CS236 (p = exp(f)/Z)",
    ),
    ("no 1/2: twice the whole", BITS, "np.exp(2 * a) - 2 * np.exp(-a) - 3", SCALE),
)
EYE = "for bit in np.eye(x.shape[1]))"
terms(
    "marginalisation_score_matching",
    ("1/2 sum_i exp(2 a_i)", f"sum(0.5 * np.exp(2 * ({GAP})) {EYE}"),
    ("-sum_i exp(-a_i)", f"sum(-np.exp(-({GAP})) {EYE}"),
    ("-3/2 d", "-1.5 * x.shape[1] + 0 * energy(x)"),
)

SMOOTH = ("mlp_score", "quadratic", "mlp_energy")  # models whose high derivatives keep their digits
asked("higher_order_score_matching laplacian_score_matching", far=(), kinds=SMOOTH)
asked("higher_order_score_matching", values={"order": ((3, 1), "what is right for m = 2 only")})
asked("marginalisation_score_matching", far=())  # far out exp(2 a) overflows
