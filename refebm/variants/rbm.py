"""Variants of restricted Boltzmann machines."""

from refebm.variants.arguments import KIND_OF
from refebm.variants.asked import FARTHER, asked
from refebm.variants.record import conventions, naive_forms, one_term, terms, wrong_versions

OTHER_SIGN = "texts with f = -E (Stanford CS236, HY-673)"
SPINS = "Ising models, whose units are -1 and 1"
PER_SIGMA = "Krizhevsky 2009; Hinton 2012, section 13.2"
FIELD = "self.c + np.dot(v, self.W)"
BACK = "self.b + np.dot(hidden(self, h), self.W.T)"
TRANSPOSED = "(self.W if self.d == self.m else self.W.T)"  # wrong only if d = m; else its shape would be wrong
SCALED = "self.c + np.dot(v, self.W) / self.sigma**2"

wrong_versions(
    "BinaryRBM.energy",
    ("hidden bias left out", " - np.dot(h, self.c)", ""),
    ("sign of the couplings", "- np.sum(..., axis=1)", "+ np.sum(..., axis=1)"),
    ("each coupling counted half", "- np.sum(..., axis=1)", "- 0.5 * np.sum(..., axis=1)"),
    ("units of -1 and 1 in the couplings", "np.dot(v, self.W) * h", "np.dot(2 * v - 1, self.W) * (2 * h - 1)"),
    ("visible bias left out", "-np.dot(v, self.b) - ", "-"),
)
conventions(
    "BinaryRBM.energy",
    (
        "the other sign: f = -E",
        "-np.dot(v, self.b) - np.dot(h, self.c) - np.sum(...)",
        "np.dot(v, self.b) + np.dot(h, self.c) + np.sum(...)",
        OTHER_SIGN,
    ),
)
terms(
    "BinaryRBM.energy",
    ("-b.v", "-np.dot(v, self.b)"),
    ("-c.h", "-np.dot(h, self.c)"),
    ("-v^T W h", "-np.sum(np.dot(v, self.W) * h, axis=1)"),
)
wrong_versions(
    "BinaryRBM.free_energy",
    ("hidden units at their means", f"softplus({FIELD})", f"expit({FIELD}) * ({FIELD})"),
    ("the likelier state of each hidden unit alone", f"softplus({FIELD})", f"np.maximum({FIELD}, 0.0)"),
    ("visible bias left out", "-np.dot(v, self.b) - ", "-"),
    ("hidden bias left out", FIELD, "np.dot(v, self.W)"),
    ("sign of the softplus", "- np.sum(softplus(...), axis=1)", "+ np.sum(softplus(...), axis=1)"),
)
conventions(
    "BinaryRBM.free_energy",
    ("hidden units of -1 and 1", f"softplus({FIELD})", f"np.logaddexp({FIELD}, -{FIELD.replace(' + ', ' - ')})", SPINS),
    ("the other sign: f = -F", "-np.dot(v, self.b) - np.sum(...)", "np.dot(v, self.b) + np.sum(...)", OTHER_SIGN),
)
terms("BinaryRBM.free_energy", ("-b.v", "-np.dot(v, self.b)"), ("-sum softplus", f"-np.sum(softplus({FIELD}), axis=1)"))
wrong_versions(
    "BinaryRBM.hidden_mean",
    ("hidden bias left out", FIELD, "np.dot(v, self.W)"),
    ("the likelier state for the mean", f"expit({FIELD})", f"1.0 * ({FIELD} > 0)"),
    ("sign of the field", f"expit({FIELD})", f"expit(-({FIELD}))"),
    ("the mean of units of -1 and 1", f"expit({FIELD})", f"np.tanh({FIELD})"),
    ("one hidden unit on at a time: softmax", f"expit({FIELD})", f"np.exp({FIELD} - logsumexp({FIELD}))"),
)
conventions(
    "BinaryRBM.hidden_mean", ("units of -1 and 1: sigmoid(2 a)", f"expit({FIELD})", f"expit(2 * ({FIELD}))", SPINS)
)
wrong_versions(
    "BinaryRBM.visible_mean",
    ("visible bias left out", BACK, BACK.replace("self.b + ", "")),
    ("the likelier state for the mean", f"expit({BACK})", f"1.0 * ({BACK} > 0)"),
    ("sign of the field", f"expit({BACK})", f"expit(-({BACK}))"),
    ("a Gaussian unit's mean", f"expit({BACK})", BACK),
    ("couplings transposed", "self.W.T", TRANSPOSED, "not square"),
)
conventions(
    "BinaryRBM.visible_mean", ("units of -1 and 1: sigmoid(2 a)", f"expit({BACK})", f"expit(2 * ({BACK}))", SPINS)
)
wrong_versions(
    "BinaryRBM.log_partition",
    ("log Z with the other sign", "return logsumexp(...)", "return -logsumexp(...)", "up to a factor", "mini-ebm"),
    ("mean over the states for their sum", "return logsumexp(...)", "return -len(near) * np.log(2) + logsumexp(...)"),
    ("bias of the layer that is summed over left out", "softplus(far + np.dot(h, W))", "softplus(np.dot(h, W))"),
    ("bias of the layer that is enumerated left out", "np.dot(h, near) + ", ""),
    ("the likeliest state alone", "logsumexp(np.dot(h, near) + _, ...)", "np.max(np.dot(h, near) + _, ...)"),
)

SPRING = "0.5 * np.sum((v - self.b) ** 2, axis=1) / self.sigma**2"
wrong_versions(
    "GaussianBernoulliRBM.energy",
    ("no 1/2 on |v - b|^2/sigma^2", "0.5 * np.sum((v - self.b) ** 2, axis=1)", "np.sum((v - self.b) ** 2, axis=1)"),
    (
        "|v - b|^2 over sigma, not sigma^2",
        "0.5 * np.sum(..., axis=1) / self.sigma**2 -",
        "0.5 * np.sum(..., axis=1) / self.sigma -",
        "sigma = 1",
    ),
    ("couplings of v - b", "np.dot(v, self.W) * h", "np.dot(v - self.b, self.W) * h", "zero visible bias"),
    (
        "couplings not scaled",
        "np.sum(np.dot(v, self.W) * h, axis=1) / self.sigma**2",
        "np.sum(np.dot(v, self.W) * h, axis=1)",
        "sigma = 1",
    ),
    ("hidden bias left out", " - np.dot(h, self.c)", ""),
    ("sign of the couplings", " - coupling", " + coupling"),
)
conventions(
    "GaussianBernoulliRBM.energy",
    (
        "couplings v^T W h/sigma",
        "np.sum(np.dot(v, self.W) * h, axis=1) / self.sigma**2",
        "np.sum(np.dot(v, self.W) * h, axis=1) / self.sigma",
        PER_SIGMA,
    ),
    (
        "the other sign: f = -E",
        f"{SPRING} - np.dot(h, self.c) - coupling",
        f"-{SPRING} + np.dot(h, self.c) + coupling",
        OTHER_SIGN,
    ),
)
terms(
    "GaussianBernoulliRBM.energy",
    ("|v - b|^2/(2 sigma^2)", SPRING),
    ("-c.h", "-np.dot(h, self.c)"),
    ("-v^T W h/sigma^2", "-np.sum(np.dot(v, self.W) * h, axis=1) / self.sigma**2"),
)
wrong_versions(
    "GaussianBernoulliRBM.free_energy",
    ("no 1/2 on |v - b|^2/sigma^2", "0.5 * np.sum((v - self.b) ** 2, axis=1)", "np.sum((v - self.b) ** 2, axis=1)"),
    (
        "|v - b|^2 over sigma, not sigma^2",
        "np.sum(..., axis=1) / self.sigma**2",
        "np.sum(..., axis=1) / self.sigma",
        "sigma = 1",
    ),
    ("couplings not scaled", SCALED, FIELD, "sigma = 1"),
    ("sign of the softplus", "- np.sum(softplus(...), axis=1)", "+ np.sum(softplus(...), axis=1)"),
    (
        "hidden units left out",
        "- np.sum(softplus(...), axis=1)",
        "- 0 * np.sum(softplus(...), axis=1)",
        "finite",
        "LSD GB-RBM: the score has them",
    ),
    ("hidden units at their means", f"softplus({SCALED})", f"expit({SCALED}) * ({SCALED})"),
    ("|v|^2 for |v - b|^2", "(v - self.b) ** 2", "v**2", "zero visible bias"),
)
conventions(
    "GaussianBernoulliRBM.free_energy",
    ("couplings v^T W h/sigma", "np.dot(v, self.W) / self.sigma**2", "np.dot(v, self.W) / self.sigma", PER_SIGMA),
    ("the other sign: f = -F", "spring - np.sum(...)", "-spring + np.sum(...)", OTHER_SIGN),
)
terms(
    "GaussianBernoulliRBM.free_energy",
    ("|v - b|^2/(2 sigma^2)", SPRING),
    ("-sum softplus", f"-np.sum(softplus({SCALED}), axis=1)"),
)
wrong_versions(
    "GaussianBernoulliRBM.hidden_mean",
    ("couplings not scaled", SCALED, FIELD, "sigma = 1"),
    ("bias scaled too", SCALED, f"({FIELD}) / self.sigma**2", "sigma = 1"),
    ("hidden bias left out", "self.c + ", ""),
    ("sign of the field", f"expit({SCALED})", f"expit(-({SCALED}))"),
    ("couplings of v - b", "np.dot(v, self.W)", "np.dot(v - self.b, self.W)", "zero visible bias"),
)
conventions(
    "GaussianBernoulliRBM.hidden_mean", ("couplings v^T W h/sigma", "/ self.sigma**2", "/ self.sigma", PER_SIGMA)
)
wrong_versions(
    "GaussianBernoulliRBM.visible_mean",
    (
        "over sigma squared",
        "np.dot(hidden(self, h), self.W.T)",
        "np.dot(hidden(self, h), self.W.T) / self.sigma**2",
        "sigma = 1",
    ),
    ("visible bias left out", "self.b + ", ""),
    ("a binary unit's mean", BACK, f"expit({BACK})"),
    (
        "sign of the couplings",
        "self.b + np.dot(hidden(self, h), self.W.T)",
        "self.b - np.dot(hidden(self, h), self.W.T)",
    ),
    ("couplings transposed", "self.W.T", TRANSPOSED, "not square"),
    ("units of -1 and 1", "np.dot(hidden(self, h), self.W.T)", "np.dot(2 * hidden(self, h) - 1, self.W.T)"),
)
conventions(
    "GaussianBernoulliRBM.visible_mean",
    (
        "couplings v^T W h/sigma: b + sigma W h",
        "self.b + np.dot(hidden(self, h), self.W.T)",
        "self.b + self.sigma * np.dot(hidden(self, h), self.W.T)",
        PER_SIGMA,
    ),
)
terms("GaussianBernoulliRBM.visible_mean", ("b", "self.b + 0 * np.dot(h, self.W.T)"), ("W h", "np.dot(h, self.W.T)"))
wrong_versions(
    "GaussianBernoulliRBM.log_partition",
    ("normaliser of the Gaussian left out", " + self.d * (0.5 * LOG_2PI + np.log(self.sigma))", ""),
    (
        "d left out of it",
        "self.d * (0.5 * LOG_2PI + np.log(self.sigma))",
        "(0.5 * LOG_2PI + np.log(self.sigma))",
        "d = 1",
        "ncsn gmm.py",
    ),
    (
        "sigma read as a variance in it",
        "np.log(self.sigma)",
        "0.5 * np.log(self.sigma)",
        "sigma = 1",
        "pyro 1643, edward 722",
    ),
    ("cross term with the bias left out", "(shift + 2 * self.b)", "shift", "zero visible bias"),
    ("sigma for sigma squared", "(2 * self.sigma**2)", "(2 * self.sigma)", "sigma = 1"),
    (
        "log Z with the other sign",
        "logsumexp(np.dot(h, self.c) + gain) +",
        "-logsumexp(np.dot(h, self.c) + gain) -",
        "up to a factor",
        "mini-ebm",
    ),
)
SHIFT = "np.dot(states(self.m), self.W.T)"
terms(
    "GaussianBernoulliRBM.log_partition",
    (
        "log sum_h of the weights of the wells",
        f"logsumexp(np.dot(states(self.m), self.c) + np.sum({SHIFT} * ({SHIFT} + 2 * self.b), axis=1)"
        " / (2 * self.sigma**2))",
    ),
    ("d/2 log(2 pi sigma^2)", "self.d * (0.5 * LOG_2PI + np.log(self.sigma))"),
)


def of_rbm(ask, name, method):
    """A machine as data, and the arguments of its method."""
    given = {"density": {"density": name, "parameters": ask.model(KIND_OF[name]).parameters}}
    m = len(given["density"]["parameters"]["c"])
    if method in ("energy", "free_energy", "hidden_mean"):
        given["v"] = ask.units(ask.array("v")) if KIND_OF[name] == "binary_rbm" else ask.array("v")
    if method in ("energy", "visible_mean"):
        given["h"] = ask.units(ask.grid((ask.n, m), -1, 1))
    return given


asked("BinaryRBM GaussianBernoulliRBM", arguments=of_rbm)
asked("GaussianBernoulliRBM", values={"rbm_sigma": ((0.5, 1.0, 2.0, 1.0),)})
asked("BinaryRBM.free_energy", seed=3_000, far=FARTHER)  # these seeds with fields of 20 to 26, and beyond 700
asked("BinaryRBM.hidden_mean BinaryRBM.visible_mean", seed=9_000, far=FARTHER)
asked("BinaryRBM.log_partition GaussianBernoulliRBM.free_energy", seed=1_000, far=FARTHER)
asked("GaussianBernoulliRBM.hidden_mean", seed=3_000, far=FARTHER)
asked("GaussianBernoulliRBM.log_partition", far=FARTHER)
NO_B, NO_C = (
    (f"what is right where {one} is 0 only", {name: 0.0}) for one, name in (("b", "visible_bias"), ("c", "hidden_bias"))
)
for machine in ("BinaryRBM", "GaussianBernoulliRBM"):
    asked(f"{machine}.energy {machine}.free_energy {machine}.log_partition", special=(NO_B, NO_C))
    asked(f"{machine}.hidden_mean", special=(NO_C,))
    asked(f"{machine}.visible_mean", special=(NO_B,))
naive_forms(
    "BinaryRBM.free_energy",
    ("log(1 + exp(a))", "softplus(self.c + np.dot(v, self.W))", "np.log(1 + np.exp(self.c + np.dot(v, self.W)))"),
)
naive_forms(
    "GaussianBernoulliRBM.free_energy",
    (
        "log(1 + exp(a))",
        "softplus(self.c + np.dot(v, self.W) / self.sigma**2)",
        "np.log(1 + np.exp(self.c + np.dot(v, self.W) / self.sigma**2))",
    ),
)
naive_forms(
    "BinaryRBM.hidden_mean",
    ("by a tanh", "expit(self.c + np.dot(v, self.W))", "0.5 + 0.5 * np.tanh(0.5 * (self.c + np.dot(v, self.W)))"),
)
naive_forms(
    "GaussianBernoulliRBM.hidden_mean",
    (
        "by a tanh",
        "expit(self.c + np.dot(v, self.W) / self.sigma**2)",
        "0.5 + 0.5 * np.tanh(0.5 * (self.c + np.dot(v, self.W) / self.sigma**2))",
    ),
)
naive_forms(
    "BinaryRBM.visible_mean",
    (
        "by a tanh",
        "expit(self.b + np.dot(hidden(self, h), self.W.T))",
        "0.5 + 0.5 * np.tanh(0.5 * (self.b + np.dot(hidden(self, h), self.W.T)))",
    ),
)
LOG_Z = "np.dot(h, near) + np.sum(softplus(far + np.dot(h, W)), axis=1)"
naive_forms(
    "BinaryRBM.log_partition", ("log of the sum of exp", f"logsumexp({LOG_Z})", f"np.log(np.sum(np.exp({LOG_Z})))")
)
naive_forms(
    "GaussianBernoulliRBM.log_partition",
    (
        "log of the sum of exp",
        "logsumexp(np.dot(h, self.c) + gain)",
        "np.log(np.sum(np.exp(np.dot(h, self.c) + gain)))",
    ),
    (
        "difference of squares",
        "np.sum(shift * (shift + 2 * self.b), axis=1)",
        "(np.sum((self.b + shift) ** 2, axis=1) - np.sum(self.b**2))",
    ),
)
one_term("BinaryRBM.hidden_mean BinaryRBM.log_partition BinaryRBM.visible_mean GaussianBernoulliRBM.hidden_mean")
LAYERS = " ".join(
    f"{one}.{layer}_given" for one in ("BinaryRBM", "GaussianBernoulliRBM") for layer in ("hidden", "visible")
)
asked(LAYERS, unasked="a half of gibbs_step, which is examined")
