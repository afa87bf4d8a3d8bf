"""Variants of RealNVP."""

from refebm.variants.asked import asked
from refebm.variants.record import conventions, one_term, terms, wrong_versions

LOG_PROB = "np.sum(-0.5 * z**2 - 0.5 * LOG_2PI, axis=1) + log_det"
NO_TANH = ("log scale without tanh", "np.tanh(log_scale)", "log_scale", "affine couplings of other flows")

wrong_versions(
    "RealNVP.log_prob",
    ("-log p for log p", LOG_PROB, f"-({LOG_PROB})", "up to a factor"),
    ("sign of the log-determinant", "+ log_det", "- log_det"),
    ("log-determinant left out", " + log_det", ""),
    (
        "one factor of 2 pi for all coordinates",
        "np.sum(-0.5 * z**2 - 0.5 * LOG_2PI, axis=1)",
        "np.sum(-0.5 * z**2, axis=1) - 0.5 * LOG_2PI",
        "up to a constant",
        "ncsn gmm.py",
    ),
    ("1/2 left out", "-0.5 * z**2", "-(z**2)"),
    ("normal density of x", "-0.5 * z**2", "-0.5 * x**2"),
)
conventions(
    "RealNVP.log_prob",
    ("bits for each coordinate, negative", LOG_PROB, f"-({LOG_PROB}) / (x.shape[1] * np.log(2))", "Dinh et al. 2017"),
)
conventions("RealNVP.log_prob", NO_TANH, inside="_coupling")
terms(
    "RealNVP.log_prob",
    ("-1/2 |z|^2", "-0.5 * np.sum(self.inverse(x)[0] ** 2, axis=1)"),
    ("-d/2 log 2 pi", "-0.5 * x.shape[1] * LOG_2PI * np.ones(len(x))"),
    ("log |det|", "self.inverse(x)[1]"),
)
wrong_versions(
    "RealNVP.inverse",
    ("scale for its inverse", "np.exp(-log_scale)", "np.exp(log_scale)"),
    ("shift after the scale", "(x - shift) * np.exp(-log_scale)", "(x * np.exp(-log_scale) - shift)"),
    ("sign of the log-determinant", "log_det - np.sum(...)", "log_det + np.sum(...)"),
    ("log-determinant of the last coupling alone", "log_det - np.sum(...)", "-np.sum(...)", "one coupling"),
    ("couplings in the other order", "enumerate(couplings)", "reversed(list(enumerate(couplings)))", "one coupling"),
    inside="to_normal",
)
wrong_versions(
    "RealNVP.inverse",
    ("log-determinant of every coordinate", "(1 - kept) * np.tanh(log_scale)", "np.tanh(log_scale)"),
    inside="_coupling",
)
conventions("RealNVP.inverse", NO_TANH, inside="_coupling")
wrong_versions(
    "RealNVP.sample",
    ("scale for its inverse", "np.exp(log_scale)", "np.exp(-log_scale)"),
    ("shift before the scale", "(x * np.exp(log_scale) + shift)", "(x + shift) * np.exp(log_scale)"),
    ("sign of the shift", "+ shift", "- shift"),
    (
        "couplings in the other order",
        "reversed(list(enumerate(self.couplings)))",
        "enumerate(self.couplings)",
        "one coupling",
    ),
    ("not times the scale", "x * np.exp(log_scale)", "x"),
)
conventions("RealNVP.sample", NO_TANH, inside="_coupling")


def couplings_and_points(ask, name, method):
    """Couplings of at least two coordinates, and points."""
    d = max(2, ask.d)
    layers = [ask.network(d, 2, 2 * d) for _ in range(ask.fixed.get("couplings", 2))]
    given = {"density": name, "parameters": {"couplings": tuple(layers)}}
    return {"density": given, "z" if method == "sample" else "x": ask.grid((ask.n, d), -1.75, 1.75)}


asked(
    "RealNVP",
    arguments=couplings_and_points,
    generic=lambda i, half, d, n: {"d": max(d, 2)},  # a coupling keeps one coordinate and moves another
    values={"couplings": ((1, 3, 3, 1), "what is right for one coupling, or for two")},
)
asked("RealNVP.inverse", parts=("the points z", "the log-determinants"))
one_term("RealNVP.inverse RealNVP.sample")
