"""Variants of classifiers as energies."""

from refebm.variants.asked import FARTHER, asked
from refebm.variants.record import conventions, naive_forms, one_term, terms, wrong_versions

WHOLE = "logsumexp(logits(x).T, axis=0)"
SOFT = "logsumexp(f.T, axis=0)[:, None]"
K = "logits(x).shape[1]"
wrong_versions(
    "classifier_energy",
    ("the mean over classes", f"-{WHOLE}", f"np.log(1.0 * {K}) - {WHOLE}", "up to a constant"),
    ("the largest logit alone", WHOLE, "np.max(logits(x), axis=1)", "d = 1"),
    ("the sum of the logits", WHOLE, "np.sum(logits(x), axis=1)", "d = 1"),
    ("the first class alone", WHOLE, "logits(x)[:, 0]", "d = 1"),
    ("one class too many, of logit 0", WHOLE, f"np.logaddexp(0.0, {WHOLE})"),
    ("the probability of the likeliest class", f"-{WHOLE}", f"np.max(logits(x), axis=1) - {WHOLE}"),
    ("logits with the other sign", "logits(x)", "-logits(x)"),
    ("no log", WHOLE, "np.sum(np.exp(logits(x)), axis=1)"),
)
conventions(
    "classifier_energy",
    ("minus the energy, which is large for data", f"-{WHOLE}", WHOLE, "Liu, Wang, Owens and Li 2020, eq. 7"),
)
wrong_versions(
    "class_log_probabilities",
    ("probabilities, not their logs", f"f - {SOFT}", f"np.exp(f - {SOFT})"),
    ("over the largest logit", SOFT, "np.reshape(np.max(f, axis=1), (-1, 1))", "d = 1"),
    ("each class by itself", f"f - {SOFT}", "f - np.logaddexp(0.0, f)"),
    ("logits with the other sign", "f = logits(x)", "f = -logits(x)", "d = 1"),
    ("not normalised", f" - {SOFT}", ""),
    ("the normaliser of the first row", SOFT, "logsumexp(f.T, axis=0)[:1, None]", "one row"),
    ("less the mean logit", SOFT, "np.reshape(np.mean(f, axis=1), (-1, 1))", "d = 1"),
)
terms(
    "class_log_probabilities", ("f_y", "logits(x)"), ("E", "-logsumexp(logits(x).T, axis=0)[:, None] + 0 * logits(x)")
)

asked(
    "classifier_energy class_log_probabilities",
    kinds=("mlp_score",),  # its d outputs are logits
    special=tuple(("overflow: large logits", {"kind": "quadratic", "reach": reach}) for reach in FARTHER),
    trained=True,
)
naive_forms(
    "classifier_energy",
    ("log of the sum of exp", "logsumexp(logits(x).T, axis=0)", "np.log(np.sum(np.exp(logits(x)), axis=1))"),
)
naive_forms(
    "class_log_probabilities",
    ("log of the sum of exp", "logsumexp(f.T, axis=0)", "np.log(np.sum(np.exp(f), axis=1))"),
    (
        "log of the probability",
        "f - logsumexp(f.T, axis=0)[:, None]",
        "np.log(np.exp(f) / np.sum(np.exp(f), axis=1, keepdims=True))",
    ),
)
one_term("classifier_energy")
