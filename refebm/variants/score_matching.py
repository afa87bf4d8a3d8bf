"""Wrong versions of the score-matching objectives, and of a theorem about them."""

from refebm.variants.record import wrong_versions

DIFFERENCE = "data_score(x) - score(x)"

wrong_versions(
    "explicit_score_matching",
    ("no 1/2", "0.5 * ", "", "up to a factor", "printed in module 18a and in Das 2021, beside a J with the 1/2"),
    ("sign of the target", "- score(x)", "+ score(x)", "finite"),
    (
        "absolute value for the square",
        f"squared_norm({DIFFERENCE})",
        f"np.sum(np.abs({DIFFERENCE}), axis=1)",
        "finite",
        "enhuiz",
    ),
    ("mean over coordinates", "0.5 * ", "0.5 / x.shape[1] * ", "d = 1"),
    (
        "difference of the squares",
        f"squared_norm({DIFFERENCE})",
        "(squared_norm(data_score(x)) - squared_norm(score(x)))",
        "finite",
    ),
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
)
wrong_versions(
    "explicit_sliced",
    ("no 1/2", "0.5 * ", "", "up to a factor"),
    ("sign of the target", "- score(x)", "+ score(x)", "finite"),
    (
        "unit projections",
        "** 2",
        "** 2 / (squared_norm(v) + 1e-300)",
        "unit projections",
        "ermongroup/sliced_score_matching",
    ),
    ("square before the sum", f"dot(v, {DIFFERENCE}) ** 2", f"squared_norm(v * ({DIFFERENCE}))", "d = 1"),
)
wrong_versions(
    "hutchinson_divergence",
    ("unit projections", "(field, x, v))", "(field, x, v)) / (squared_norm(v) + 1e-300)", "unit projections"),
    (
        "diagonal only",
        "dot(v, jacobian_vector_product(field, x, v))",
        "dot(v**2, field_and_diagonal(field, x)[1])",
        "d = 1",
    ),
    ("sign", "return dot", "return -dot", "up to a factor"),
    ("field for Jacobian", "jacobian_vector_product(field, x, v)", "field(x)", "finite"),
    ("v once", "return dot(v, jac", "return dot(np.ones_like(v), jac", "finite"),
)
wrong_versions(
    "sliced_score_matching",
    (
        "unit projections",
        "hutchinson_divergence(score, x, v) + 0.5 * dot(v, score(x)) ** 2",
        "(hutchinson_divergence(score, x, v) + 0.5 * dot(v, score(x)) ** 2) / (squared_norm(v) + 1e-300)",
        "unit projections",
        "ermongroup/sliced_score_matching",
    ),
    ("sign of the trace", "return hutch", "return -hutch", "finite"),
    ("no 1/2 on the square", "0.5 * ", "", "finite", "mog_score_matching"),
    ("square before the sum", "dot(v, score(x)) ** 2", "squared_norm(v * score(x))", "d = 1"),
    ("trace divided by d", "+ 0.5", "/ x.shape[1] + 0.5", "d = 1"),
)
wrong_versions(
    "sliced_score_matching_vr",
    ("sliced square", "squared_norm(score(x))", "dot(v, score(x)) ** 2", "d = 1, signs"),
    ("sign of the trace", "return hutch", "return -hutch", "finite"),
    ("no 1/2 on the square", "0.5 * ", "", "finite", "mog_score_matching"),
    ("square averaged over coordinates", "0.5 * ", "0.5 / x.shape[1] * ", "d = 1"),
)
wrong_versions(
    "finite_difference_sliced",
    (
        "energy with the other sign",
        "-energy(x + eps * v), -energy(x), -energy(x - eps * v)",
        "energy(x + eps * v), energy(x), energy(x - eps * v)",
        "finite",
    ),
    ("4 for 8", "8 * eps**2", "4 * eps**2", "finite"),
    ("eps for eps squared", "here) / eps**2", "here) / eps", "eps = 1"),
    ("one-sided first difference", "(ahead - behind) ** 2 / (8 *", "(ahead - here) ** 2 / (2 *", "finite"),
)
wrong_versions(
    "nonnegative_score_matching",
    ("derivative of the weight dropped", "2 * x * s + ", "", "finite"),
    ("x for x squared on the derivative", "x**2 * diagonal", "x * diagonal", "x = 1"),
    ("no 1/2 on the square", "0.5 * ", "", "finite"),
    ("derivative of the weight halved", "2 * x * s", "x * s", "finite"),
)
wrong_versions(
    "ratio_matching",
    ("flip the wrong way round", "energy(x) - energy(x_i)", "energy(x_i) - energy(x)", "finite"),
    ("not squared", " ** 2", "", "finite"),
    ("one bit only", "np.eye(x.shape[1]))", "np.eye(x.shape[1])[:1])", "d = 1"),
    ("all bits flipped", "np.abs(x - bit)", "1 - x + 0 * bit", "d = 1"),
)
wrong_versions(
    "theorem gamma_boundary_term",
    ("no boundary term", "constant, boundary]", "constant]", "shape above 2", "printed in HY-673 and CS236: = 0"),
)
