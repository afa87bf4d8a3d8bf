"""Variants of the likelihood and of estimates of log Z."""

from refebm.samplers.step import moved
from refebm.variants.asked import FARTHER, asked
from refebm.variants.record import conventions, naive_forms, one_term, terms, wrong_versions

NODES = "logsumexp(-energy(nodes.x) + nodes.log_weights)"
FIRST = "temperatures[1] * (-energy(x) - base.log_prob(x))"
GAIN = "(following - beta) * (-energy(x) - base.log_prob(x))"
DEVIATION = "np.std(np.expm1(log_weights - largest), ddof=1)"
ERROR = "deviation / np.sqrt(len(w)) / np.mean(w)"

wrong_versions(
    "negative_log_likelihood",
    ("log Z with the other sign", "+ log_z", "- log_z", "the gradient", "mini-ebm"),
    ("Z for log Z", "+ log_z", "+ np.exp(log_z)", "up to a constant"),
    ("log Z left out", " + log_z", "", "the gradient"),
    ("log Z once for the batch", "+ log_z", "+ log_z / len(x)", "one row"),
    ("the energy of the first row", "energy(x)", "0 * energy(x) + energy(x[:1])", "one row"),
    ("a temperature of two", "energy(x)", "energy(x) / 2"),
)
conventions(
    "negative_log_likelihood",
    ("log p, to maximise", "energy(x) + log_z", "-energy(x) - log_z", "Song and Kingma 2021, section 2"),
    ("in bits", "energy(x) + log_z", "(energy(x) + log_z) / np.log(2)", "bits instead of nats"),
    (
        "bits per dimension",
        "energy(x) + log_z",
        "(energy(x) + log_z) / (np.log(2) * x.shape[1])",
        "likelihoods of images",
    ),
)
terms("negative_log_likelihood", ("E(x)", "energy(x)"), ("log Z", "log_z + 0 * energy(x)"))
wrong_versions(
    "theorem likelihood_is_divergence_and_entropy",
    (
        "the log-likelihood is to be minimised",
        "Sides([loss], ...)",
        "Sides([-loss], ...)",
        "up to a factor",
        "printed in Das 2021: minimizing log-likelihood",
    ),
)
wrong_versions(
    "log_partition",
    ("log Z with the other sign", f"{NODES}", f"-{NODES}", "up to a factor", "mini-ebm"),
    ("held constant: no gradient", "-energy(nodes.x)", "-held(energy(nodes.x))", "the value"),
    ("spacing of the nodes left out", " + nodes.log_weights", ""),
    ("weights squared", "+ nodes.log_weights", "+ 2 * nodes.log_weights"),
    ("mean over the nodes for their sum", NODES, f"{NODES} - np.log(len(nodes.x))"),
    ("the largest term for the sum", "logsumexp(...)", "np.max(...)"),
    ("energy of half the temperature", "-energy(nodes.x)", "-2 * energy(nodes.x)"),
)
wrong_versions(
    "annealed_importance_sampling",
    ("steps at the temperature that follows", "annealed(beta)", "annealed(following)", "no step in between", "rbms 6"),
    ("weights of the start alone", "x = step(annealed(beta), x, *z)[0]", "step(annealed(beta), x, *z)"),
    ("the first weight left out", f"log_w = {FIRST}", f"log_w = 0 * {FIRST}"),
    ("the base left out of the weights", GAIN, "(following - beta) * -energy(x)", "no step in between"),
    ("the base left out of the path", "beta * energy(x) - (1 - beta) * base.log_prob(x)", "beta * energy(x)"),
    ("weights of the whole temperature", GAIN, GAIN.replace("(following - beta)", "following"), "no step in between"),
    (
        "temperatures turned round",
        "beta * energy(x) - (1 - beta) *",
        "(1 - beta) * energy(x) - beta *",
        "no step in between",
    ),
    ("sign of the base", FIRST, FIRST.replace("- base", "+ base")),
)
wrong_versions(
    "estimated_log_partition",
    ("mean of the logs", "np.log(np.mean(w))", "np.mean(np.log(w))"),
    ("largest weight not added back", "+ largest", ""),
    ("sum of the weights", "np.log(np.mean(w))", "np.log(np.sum(w))"),
    ("standard deviation for the standard error", " / np.sqrt(len(w))", ""),
    ("standard error of Z, not of its log", " / np.sqrt(len(w)) / np.mean(w)", " / np.sqrt(len(w))"),
    ("standard error of the mean of the logs", ERROR, "np.std(log_weights, ddof=1) / np.sqrt(len(w))"),
    ("variance for the standard error", ERROR, f"({ERROR}) ** 2"),
    ("the largest weight for their mean", "np.log(np.mean(w))", "0.0"),
)
conventions(
    "estimated_log_partition",
    ("deviation over n, not n - 1", DEVIATION, DEVIATION.replace(", ddof=1", ""), "numpy.std"),
)


def leaning(energy, x, *z):
    """A kernel that depends on the energy that it is handed; it leaves no density invariant."""
    return moved(x / (1 + energy(x)[:, None] ** 2) + sum(z))


def start_and_noise(ask, name):
    """The initial states of chains, and noise for the steps between temperatures."""
    steps = len(ask.fixed.get("temperatures", range(4))) - 2
    return ask.around("x"), ask.grid((steps, ask.n, ask.d), -1.75, 1.75)


asked(
    "negative_log_likelihood",
    more_kinds=("binary_rbm", "gaussian_rbm"),
    draws={"log_z": -0.6875},
    values={"log_z": ((1.5, -4.0), "a multiple of log Z, or its sign")},
)
asked("estimated_log_partition", far=FARTHER, parts=("log Z", "the standard error"))
asked("annealed_importance_sampling", draws={"step": lambda ask, name: leaning, "tape": start_and_noise})
asked(
    "log_partition", most_d=2, gradient=True, unasked="one of many ways to integrate, each with a tolerance of its own"
)
NAIVE_NODES = "-energy(nodes.x) + nodes.log_weights"
naive_forms(
    "log_partition", ("log of the sum of exp", f"logsumexp({NAIVE_NODES})", f"np.log(np.sum(np.exp({NAIVE_NODES})))")
)
naive_forms(
    "estimated_log_partition",
    ("log of the mean of exp", "np.log(np.mean(w)) + np.max(log_weights)", "np.log(np.mean(np.exp(log_weights)))"),
)
one_term("estimated_log_partition")
