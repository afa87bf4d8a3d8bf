"""Variants of Stein discrepancies, minimum probability flow and minimum velocity."""

from refebm.variants.asked import asked
from refebm.variants.record import conventions, one_term, terms, wrong_versions

SQUARE = "np.sum((x[:, None] - x) ** 2, axis=2)"
K = f"np.exp(-0.5 * {SQUARE} / bandwidth**2)"
DRIFT = "np.sum((score(x)[:, None] - score(x)) * (x[:, None] - x), axis=2)"
GIVEN = "score(x), bandwidth, x.shape"
DERIVED = "total + np.sum(s[block] * (np.dot(k, s) + 2 * pull / ell)) + np.sum(k * (d - squares)) / ell / ell"
STATISTIC = "total / (n * (n - 1)) if unbiased else total / n**2"
RATE = "np.exp(0.5 * (energy(x) - energy(x_i)))"
MEAN_RATE = "x.shape[1] * np.exp(0.5 / x.shape[1] * sum(energy(x) - energy(x_i)"
STEP = "np.exp(0.5 * (energy(x) - energy(x + eps * z)))"
VELOCITY = "squared_norm(s) + 2 * divergence"
PAIRS = "field_and_divergence(field, x)\n"

INVERSE = (  # of all pairs at once, k = (1 + |x - y|^2/l^2)^(-1/2)
    "r = (x[:, None] - x) / ell\n    squares = np.sum(r**2, axis=2)\n    g = 1 + squares\n    "
    "u = np.dot(s, s.T) + np.sum((s[:, None] - s) * r, axis=2) / (ell * g) + (d - 3 * squares / g) / (ell**2 * g)\n    "
    "total = np.sum((1 - unbiased * np.eye(n)) * u / np.sqrt(g))"
)
IMQ = "Gorham and Mackey 2017, section 3.2; stein_thinning"
DIAGONAL = "shogun 5133, TorchDrift 9"

wrong_versions(
    "stein_discrepancy",
    ("sign of the divergence", "+ divergence", "- divergence"),
    ("divergence left out", " + divergence", ""),
    ("divergence of the score", PAIRS, "field(x), field_and_divergence(score, x)[1]\n"),
    ("divergence over d", "+ divergence", "+ divergence / x.shape[1]", "d = 1"),
    ("the test field in the place of the score", "dot(score(x), g)", "dot(g, g)"),
    (
        "all entries of the Jacobian",
        "+ divergence",
        "+ sum(field_and_divergence(lambda x: np.roll(field(x), i, axis=1), x)[1] for i in range(x.shape[1]))",
        "d = 1",
    ),
)
conventions(
    "stein_discrepancy",
    (
        "half: the generator of Langevin diffusion, g = grad u",
        "dot(score(x), g) + divergence",
        "0.5 * (dot(score(x), g) + divergence)",
        "Gorham and Mackey 2015, section 2.2",
    ),
)
terms("stein_discrepancy", ("s.g", "dot(score(x), field(x))"), ("div g", "field_and_divergence(field, x)[1]"))
wrong_versions(
    "kernel_stein",
    (
        "bandwidth for its square",
        GIVEN,
        GIVEN.replace("bandwidth", "bandwidth**0.5"),
        "bandwidth = 1",
        "pyro 1643, edward 722",
    ),
    ("sign of the last term", "(d - squares)", "(d + squares)"),
    ("sign of the drift", "+ 2 * pull / ell", "- 2 * pull / ell"),
    ("dimension left out", "(d - squares)", "(1 - squares)", "d = 1", "ncsn gmm.py"),
    ("last term over l^2", "(d - squares)", "(d - ell**2 * squares)", "bandwidth = 1"),
    ("no 1/2 in the kernel's exponent", "-0.5 * squares", "-squares"),
    ("kernel without its derivatives", DERIVED, "total + np.sum(s[block] * np.dot(k, s))"),
    ("unbiased keeps the diagonal", "if unbiased: ...", "if False: ...", "finite", DIAGONAL),
    ("n^2 for n (n - 1)", "(n * (n - 1))", "n**2"),
    ("V without the diagonal", "if unbiased: ...", "if True: ..."),
)
conventions(
    "kernel_stein",
    ("kernel exp(-|x - y|^2/l^2)", GIVEN, GIVEN.replace("bandwidth", "0.5**0.5 * bandwidth")),
    (
        "kernel exp(-|x - y|^2/h)",
        GIVEN,
        GIVEN.replace("bandwidth", "(0.5 * bandwidth) ** 0.5"),
        "Liu and Wang 2016, SVGD, section 5",
    ),
    (
        "kernel exp(-gamma |x - y|^2)",
        GIVEN,
        GIVEN.replace("bandwidth", "(0.5 / bandwidth) ** 0.5"),
        "sklearn.metrics.pairwise.rbf_kernel",
    ),
    ("kernel (1 + |x - y|^2/l^2)^(-1/2), inverse multiquadric", "for block in _: ...", INVERSE, IMQ),
    ("kernel (l^2 + |x - y|^2)^(-1/2), inverse multiquadric", "for block in _: ...", f"{INVERSE} / ell", IMQ),
    ("sum over pairs", STATISTIC, "total"),
    (
        "V is its root: the discrepancy, not its square",
        "total / n**2",
        "np.sqrt(total) / n",
        "Gorham and Mackey 2017, section 3; stein_thinning, ksd-metric",
    ),
    (
        "n times the statistic, as tests have it",
        STATISTIC,
        "total / (n - 1) if unbiased else total / n",
        "Liu, Lee and Jordan 2016; Chwialkowski, Strathmann and Gretton 2016",
    ),
    ("mean over coordinates", f"return {STATISTIC}", f"return ({STATISTIC}) / d"),
)


def over_pairs(u: str) -> str:
    """The expression for the mean of u over all pairs of rows, or over pairs of different rows if unbiased."""
    return f"np.sum({u} * (1 - unbiased * np.eye(len(x)))) / (len(x) * (len(x) - unbiased))"


terms(
    "kernel_stein",
    ("k s.t", over_pairs(f"{K} * np.dot(score(x), score(x).T)")),
    ("k (s - t).(x - y)/l^2", over_pairs(f"{K} * {DRIFT} / bandwidth**2")),
    ("k d/l^2", over_pairs(f"{K} * x.shape[1] / bandwidth**2")),
    ("-k |x - y|^2/l^4", over_pairs(f"-{K} * {SQUARE} / bandwidth**4")),
)
wrong_versions(
    "minimum_probability_flow",
    ("no 1/2 in the exponent", "0.5 * ", ""),
    ("energies exchanged", "energy(x) - energy(x_i)", "energy(x_i) - energy(x)"),
    ("all other bits flipped", "np.abs(x - bit)", "np.abs(1 - x - bit)", "d = 2"),
    ("bits set, not flipped", "np.abs(x - bit)", "np.maximum(x, bit)"),
    ("the first bit alone", "np.eye(x.shape[1])", "np.eye(x.shape[1])[:1]", "d = 1"),
    ("exponential of the mean", f"sum({RATE} for x_i in flipped)", f"{MEAN_RATE} for x_i in flipped))", "d = 1"),
)
conventions(
    "minimum_probability_flow",
    (
        "mean over bits",
        "sum(np.exp(0.5 * (energy(x) - energy(x_i))) for x_i in flipped)",
        "sum(np.exp(0.5 * (energy(x) - energy(x_i))) for x_i in flipped) / x.shape[1]",
    ),
    (
        "neighbours that are data left out",
        f"sum({RATE} for x_i in flipped)",
        f"sum({RATE} * ~np.any(np.all(x_i[:, None] == x, axis=2), axis=1) for x_i in flipped)",
        "Sohl-Dickstein, Battaglino and DeWeese 2011",
    ),
)
wrong_versions(
    "minimum_probability_flow_continuous",
    ("no 1/2 in the exponent", "0.5 * ", ""),
    ("energies exchanged", "energy(x) - energy(x + eps * z)", "energy(x + eps * z) - energy(x)"),
    ("eps squared for eps", "x + eps * z", "x + eps**2 * z", "eps = 1"),
    ("eps read as a variance", "x + eps * z", "x + np.sqrt(eps) * z", "eps = 1", "annotated_deep_learning 152"),
    (
        "to first order",
        "np.exp(0.5 * (energy(x) - energy(x + eps * z)))",
        "(1 + 0.5 * (energy(x) - energy(x + eps * z)))",
        "no noise drawn",
    ),
    ("the same noise in each row", "x + eps * z", "x + eps * z[:1]", "one row", "coreax 375"),
)
conventions(
    "minimum_probability_flow_continuous",
    ("less one", STEP, f"{STEP} - 1"),
    ("less one, over eps^2/4: implicit score matching", STEP, f"4 / eps**2 * ({STEP} - 1)", "Hyvarinen 2005"),
)
wrong_versions(
    "minimum_velocity",
    ("the 2 left out", "2 * divergence", "divergence"),
    (
        "sign of the divergence",
        "+ 2 * divergence",
        "- 2 * divergence",
        "finite",
    ),
    ("1/2 on the square alone", "squared_norm(s)", "0.5 * squared_norm(s)", "finite", "claCase/ScoreMatching"),
    ("divergence over d", "2 * divergence", "2 * divergence / x.shape[1]", "d = 1"),
    ("trace starts at one", "2 * divergence", "2 * (1 + divergence)", "the gradient", "pc_score_matching"),
    ("length for its square", "squared_norm(s)", "np.sqrt(squared_norm(s))"),
)
conventions("minimum_velocity", ("half: implicit score matching", VELOCITY, f"0.5 * ({VELOCITY})", "Hyvarinen 2005"))
terms("minimum_velocity", ("|s|^2", "squared_norm(score(x))"), ("2 div s", "2 * field_and_divergence(score, x)[1]"))

FLOW = "times epsilon, for how long probability flows, of Sohl-Dickstein, Battaglino and DeWeese 2011, eq. 12"
asked("minimum_probability_flow minimum_probability_flow_continuous", factor=FLOW)
asked("minimum_probability_flow", seed=8_000)  # energies beyond 1,420, where even exp(E/2) overflows
asked(
    "kernel_stein",
    also=("unbiased",),
    generic=lambda i, half, d, n: {"unbiased": i % 2 == 0},
    each=({"unbiased": True}, {"unbiased": False}),
    beside=tuple(
        (words, {"kind": "quadratic", "unbiased": False} | options)
        for words, options in (
            ("points that are far apart", {"d": 2, "n": 4, "apart": 8}),
            ("a generic question, d = 3, n = 4", {"d": 3, "n": 4}),  # these and the next: for code with only V
            ("what is right in one dimension only", {"d": 1, "n": 3}),
            ("a wrong power of bandwidth", {"d": 2, "n": 3, "bandwidth": 2.0}),
            ("overflow: points or wells far out", {"d": 2, "n": 3, "kind": "mixture", "reach": 16}),
        )
    ),
)
one_term("minimum_probability_flow minimum_probability_flow_continuous")
