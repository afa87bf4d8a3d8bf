"""Variants of the score-matching objectives, and of theorems about them."""

from refebm.variants.asked import asked
from refebm.variants.record import EXACTLY, REDUCTION, SCALE, conventions, naive_forms, one_term, terms, wrong_versions
from refebm.variants.steps import OF_LENGTH_1

DIFFERENCE = "data_score(x) - score(x)"
FORM, HUTCHINSON = "dot(v, slope)", "hutchinson_divergence(score, x, v)"
EXACT = "field_and_divergence(score, x)[1]"
FIRST, SECOND = "(ahead - behind) ** 2 / (8 * eps**2)", "(ahead + behind - 2 * here) / eps**2"
NONNEGATIVE = "2 * x * s + x**2 * diagonal + 0.5 * x**2 * s**2"
UNIT = "/ (squared_norm(v) + 1e-300)"

HALVES = "claCase/ScoreMatching; twice it: mog_score_matching"  # 1/2 on both terms or on neither: the same minimiser
ERMON = "ermongroup/sliced_score_matching"

SAME_PROJECTION = "the same projection in each row"
ONE_FOR_ALL = (
    SAME_PROJECTION,
    "field_and_derivative(score, x, v)",
    "field_and_derivative(score, x, v := v[:1] + 0 * x)",
    "finite",
    "coreax 375",
)
FIRST_ALONE = ("the first projection alone", "mean_over_projections", "first_projection", "finite")
SUM = ("sum over projections", "mean_over_projections", "sum_over_projections")
REDUCED = (*SUM, REDUCTION)

wrong_versions(
    "explicit_score_matching",
    ("sign of the target", "- score(x)", "+ score(x)"),
    (
        "absolute value for the square",
        f"squared_norm({DIFFERENCE})",
        f"np.sum(np.abs({DIFFERENCE}), axis=1)",
        "finite",
        "enhuiz",
    ),
    (
        "difference of the squares",
        f"squared_norm({DIFFERENCE})",
        "(squared_norm(data_score(x)) - squared_norm(score(x)))",
    ),
    (
        "length for its square",
        f"squared_norm({DIFFERENCE})",
        f"np.sqrt(squared_norm({DIFFERENCE}))",
        "finite",
        "printed in CS236: the average Euclidean distance over the whole space; it is half the square, under p",
    ),
    ("square of the sum", f"squared_norm({DIFFERENCE})", f"np.sum({DIFFERENCE}, axis=1) ** 2", "d = 1"),
)
terms(
    "explicit_score_matching",
    ("1/2 |s_p|^2", "0.5 * squared_norm(data_score(x))"),
    ("-s_p.s", "-dot(data_score(x), score(x))"),
    ("1/2 |s|^2", "0.5 * squared_norm(score(x))"),
)
wrong_versions(
    "implicit_score_matching",
    (
        "sign of the trace",
        "+ trace",
        "- trace",
        "finite",
        "printed (times 2) in module 18a: |grad E|^2 + 2 Laplacian E; torchebm commit e2b2d595",
    ),
    ("no 1/2 on the square", "0.5 * ", "", "finite", "mog_score_matching; half of it: claCase/ScoreMatching"),
    (
        "1/2 on the whole",
        "0.5 * squared_norm(s) + trace",
        "0.5 * (0.5 * squared_norm(s) + trace)",
        "up to a factor",
        "printed in CS236, recaps",
    ),
    ("trace divided by d", "+ trace", "+ trace / x.shape[1]", "d = 1"),
    ("trace starts at one", "+ trace", "+ 1 + trace", "the gradient", "pc_score_matching"),
    (
        "trace over two coordinates",
        "field_and_divergence(score, x)\n",
        "score(x), np.sum(field_and_diagonal(score, x)[1][:, :2], axis=1)\n",
        "d = 2",
        "cheind/score-based",
    ),
    ("square averaged over coordinates", "0.5 * ", "0.5 / x.shape[1] * ", "d = 1"),
    (
        "all entries of the Jacobian",
        "field_and_divergence(score, x)\n",
        "score(x), np.sum(jacobian_vector_product(score, x, np.ones_like(x)), axis=1)\n",
        "d = 1",
    ),
)
terms("implicit_score_matching", ("1/2 |s|^2", "0.5 * squared_norm(score(x))"), ("tr(grad s)", EXACT))
wrong_versions(
    "explicit_sliced",
    ("sign of the target", "- score(x)", "+ score(x)"),
    ("no target", DIFFERENCE, "score(x)"),
    ("square before the sum", f"dot(v, {DIFFERENCE}) ** 2", f"squared_norm(v * ({DIFFERENCE}))", "d = 1"),
    (
        "absolute value for the square",
        f"dot(v, {DIFFERENCE}) ** 2",
        f"np.abs(dot(v, {DIFFERENCE}))",
        "finite",
        "enhuiz",
    ),
)
conventions(
    "explicit_sliced",
    REDUCED,
    ("the exact square |s_p - s|^2", f"dot(v, {DIFFERENCE}) ** 2", f"squared_norm({DIFFERENCE})", EXACTLY),
)
terms(
    "explicit_sliced",
    ("1/2 (v.s_p)^2", "0.5 * dot(v, data_score(x)) ** 2"),
    ("-(v.s_p)(v.s)", "-dot(v, data_score(x)) * dot(v, score(x))"),
    ("1/2 (v.s)^2", "0.5 * dot(v, score(x)) ** 2"),
)
wrong_versions(
    "hutchinson_divergence",
    SUM,
    ("over d: a mean for the sum that a trace is", "dot(...)", "dot(...) / x.shape[1]", "d = 1"),
    ("unit projections", "dot(...)", f"dot(...) {UNIT}", "unit projections", ERMON),
    ("diagonal only", "dot(...)", "dot(v**2, field_and_diagonal(field, x)[1])", "d = 1"),
    ("sign", "dot(...)", "-dot(...)", "up to a factor"),
    ("field for Jacobian", "jacobian_vector_product(field, x, v)", "field(x)"),
    ("v once", "dot(v, jacobian_vector_product(...))", "dot(np.ones_like(v), jacobian_vector_product(...))"),
    (
        SAME_PROJECTION,
        "dot(...)",
        "dot(v[:1], jacobian_vector_product(field, x, v[:1] + 0 * x))",
        "finite",
        "coreax 375",
    ),
    FIRST_ALONE,
)
conventions(
    "hutchinson_divergence",
    ("the exact trace", "dot(...)", "field_and_divergence(field, x)[1]", EXACTLY),
)
wrong_versions(
    "sliced_score_matching",
    ("sign of the trace", FORM, f"-{FORM}"),
    ("1/2 on the quadratic form too", FORM, f"0.5 * {FORM}", "finite", HALVES),
    ("square before the sum", "dot(v, s) ** 2", "squared_norm(v * s)", "d = 1"),
    ("trace divided by d", FORM, f"{FORM} / x.shape[1]", "d = 1"),
    ONE_FOR_ALL,
    FIRST_ALONE,
)
conventions(
    "sliced_score_matching",
    REDUCED,
    ("the exact square (reduced variance)", "dot(v, s) ** 2", "squared_norm(s)", "Das 2021"),
    (
        "the exact objective (implicit score matching)",
        f"{FORM} + 0.5 * dot(v, s) ** 2",
        f"{EXACT} + 0.5 * squared_norm(s)",
        EXACTLY,
    ),
)
terms("sliced_score_matching", ("v^T grad s v", HUTCHINSON), ("1/2 (v.s)^2", "0.5 * dot(v, score(x)) ** 2"))
wrong_versions(
    "sliced_score_matching_vr",
    ("sliced square", "squared_norm(s)", "dot(v, s) ** 2", "d = 1, signs"),
    ("sign of the trace", FORM, f"-{FORM}"),
    ("1/2 on the quadratic form too", FORM, f"0.5 * {FORM}", "finite", HALVES),
    ("square averaged over coordinates", "0.5 * ", "0.5 / x.shape[1] * ", "d = 1"),
    ("unit projections", f"{FORM} +", f"{FORM} {UNIT} +", "unit projections", ERMON),
    ONE_FOR_ALL,
    FIRST_ALONE,
)
conventions("sliced_score_matching_vr", REDUCED, ("the exact trace (implicit score matching)", FORM, EXACT, EXACTLY))
terms("sliced_score_matching_vr", ("v^T grad s v", HUTCHINSON), ("1/2 |s|^2", "0.5 * squared_norm(score(x))"))
wrong_versions(
    "finite_difference_sliced",
    ("4 for 8", "8 * eps**2", "4 * eps**2", "finite", "mog_score_matching; half of it: claCase/ScoreMatching"),
    ("eps for eps squared", "(ahead + behind - 2 * here) / eps**2", "(ahead + behind - 2 * here) / eps", "eps = 1"),
    ("one-sided first difference", FIRST, "(ahead - here) ** 2 / (2 * eps**2)"),
    (
        "steps of length 1",
        "-energy(x + eps * v), -energy(x), -energy(x - eps * v)",
        "-energy(x + v), -energy(x), -energy(x - v)",
        "eps = 1",
    ),
)
conventions(
    "finite_difference_sliced",
    ("no 1/2: twice the whole", f"{SECOND} + {FIRST}", f"2 * ({SECOND} + {FIRST})", SCALE),
    (
        "times eps^2: not divided by it",
        f"{SECOND} + {FIRST}",
        "ahead + behind - 2 * here + (ahead - behind) ** 2 / 8",
        SCALE,
    ),
    REDUCED,
)
terms(
    "finite_difference_sliced",
    ("[f(x + eps v) + f(x - eps v)]/eps^2", "-(energy(x + eps * v) + energy(x - eps * v)) / eps**2"),
    ("-2 f(x)/eps^2", "2 * energy(x) / eps**2"),
    ("[f(x + eps v) - f(x - eps v)]^2/(8 eps^2)", "(energy(x + eps * v) - energy(x - eps * v)) ** 2 / (8 * eps**2)"),
)
wrong_versions(
    "nonnegative_score_matching",
    ("derivative of the weight dropped", "2 * x * s + ", ""),
    ("x for x squared on the derivative", "x**2 * diagonal", "x * diagonal", "x = 1"),
    ("no 1/2 on the square", "0.5 * ", "", "finite", "mog_score_matching"),
    ("derivative of the weight halved", "2 * x * s", "x * s"),
    ("no weight: implicit score matching", NONNEGATIVE, "diagonal + 0.5 * s**2"),
)
terms(
    "nonnegative_score_matching",
    ("sum_i 2 x_i s_i", "2 * dot(x, score(x))"),
    ("sum_i x_i^2 d_i s_i", "dot(x**2, field_and_diagonal(score, x)[1])"),
    ("1/2 sum_i x_i^2 s_i^2", "0.5 * squared_norm(x * score(x))"),
)
wrong_versions(
    "ratio_matching",
    ("not squared", " ** 2", ""),
    ("one bit only", "np.eye(x.shape[1])", "np.eye(x.shape[1])[:1]", "d = 1"),
    ("all bits flipped", "np.abs(x - bit)", "1 - x + 0 * bit", "d = 1"),
    ("bits cleared, not flipped", "np.abs(x - bit)", "x * (1 - bit)"),
    ("pseudo-likelihood", "expit(energy(x) - energy(x_i)) ** 2", "np.logaddexp(0, energy(x) - energy(x_i))"),
)
conventions(
    "ratio_matching",
    (
        "mean over coordinates",
        "sum(expit(...) ** 2 for x_i in flipped)",
        "1 / x.shape[1] * sum(expit(...) ** 2 for x_i in flipped)",
        REDUCTION,
    ),
)
wrong_versions(
    "theorem implicit_is_explicit",
    (
        "objectives with and without the 1/2 equivalent",
        "return implicit_against_explicit(impl, p, model)",
        "sides = implicit_against_explicit(impl, p, model)\n    return sides._replace(right=2 * sides.right)",
        "direction",
        "printed in Das 2021: J without the 1/2, J_I with it",
    ),
)
wrong_versions(
    "theorem gamma_boundary_term",
    (
        "no boundary term",
        "[implicit, constant, boundary]",
        "[implicit, constant]",
        "shape above 2",
        "printed in HY-673 and CS236: = 0",
    ),
)

asked("hutchinson_divergence sliced_score_matching_vr", without=(OF_LENGTH_1,))  # which would only scale it
asked("hutchinson_divergence", trained=True)
asked("nonnegative_score_matching", far=(), more_kinds=("gamma",))
asked("finite_difference_sliced", far=())
asked("implicit_score_matching", more_kinds=("autoregressive", "flow"))
NAIVE_DIFFERENCE = "energy(x) - energy(x_i)"
naive_forms(
    "ratio_matching",
    ("by a tanh", f"expit({NAIVE_DIFFERENCE})", f"(0.5 + 0.5 * np.tanh(0.5 * ({NAIVE_DIFFERENCE})))"),
    (
        "ratio of what is not normalised",
        f"expit({NAIVE_DIFFERENCE})",
        "(np.exp(-energy(x_i)) / (np.exp(-energy(x_i)) + np.exp(-energy(x))))",
    ),
)
one_term("hutchinson_divergence ratio_matching")
