"""Variants of mean-field contrastive divergence."""

from refebm.variants.asked import asked
from refebm.variants.record import conventions, terms, wrong_versions

FREE = "rbm.energy(v, h) - bernoulli_entropy(v) - bernoulli_entropy(h)"
LAST = "mean_field_free_energy(rbm, held(v), h)"
LOSS = f"mean_field_free_energy(rbm, x, h_0) - {LAST}"
AFTER = "reconstruction(rbm, x, n_steps)"

wrong_versions(
    "mean_field_free_energy",
    ("no entropy of the visible means", " - bernoulli_entropy(v)", ""),
    ("no entropy of the hidden means", " - bernoulli_entropy(h)", ""),
    ("sign of the entropies", FREE, "rbm.energy(v, h) + bernoulli_entropy(v) + bernoulli_entropy(h)"),
    ("entropies in bits", FREE, "rbm.energy(v, h) - (bernoulli_entropy(v) + bernoulli_entropy(h)) / np.log(2)"),
    (
        "cross-entropy for entropy: p log p alone",
        FREE,
        "rbm.energy(v, h) + np.sum(x_log_x(v), axis=1) + np.sum(x_log_x(h), axis=1)",
    ),
    ("energy of the rounded means", "rbm.energy(v, h)", "rbm.energy(1.0 * (v > 0.5), 1.0 * (h > 0.5))"),
)
conventions(
    "mean_field_free_energy", ("the other sign: a lower bound of log Z", FREE, f"-({FREE})", "variational Bayes")
)
terms(
    "mean_field_free_energy",
    ("E(v, h)", "rbm.energy(v, h)"),
    ("-H(v)", "-bernoulli_entropy(v)"),
    ("-H(h)", "-bernoulli_entropy(h)"),
)
wrong_versions(
    "mean_field_contrastive_divergence",
    ("no entropy of the visible means", LAST, "rbm.free_energy(held(v))"),
    ("hidden means of the step before", "rbm.hidden_mean(v)", "rbm.hidden_mean(reconstruction(rbm, x, n_steps - 1))"),
    ("units rounded, not at their means", AFTER, f"1.0 * ({AFTER} > 0.5)"),
    ("the negative phase held too", LAST, f"held({LAST})", "the value"),
    ("gradient flows through the means", "held(v)", "v", "the value"),
    ("one step too many", AFTER, "reconstruction(rbm, x, n_steps + 1)"),
    ("one step whatever is asked", AFTER, "reconstruction(rbm, x, 1)", "one step"),
    ("phases exchanged", LOSS, f"{LAST} - mean_field_free_energy(rbm, x, h_0)", "up to a factor"),
)
conventions(
    "mean_field_contrastive_divergence",
    (
        "a difference of energies: no entropies",
        LOSS,
        "rbm.energy(x, h_0) - rbm.energy(held(v), h)",
        "the same gradient",
    ),
)
terms(
    "mean_field_contrastive_divergence",
    ("F_MF(x, h_0)", "mean_field_free_energy(rbm, x, held(rbm.hidden_mean(x)))"),
    ("-F_MF(v_k, h_k)", f"-mean_field_free_energy(rbm, held({AFTER}), held(rbm.hidden_mean({AFTER})))"),
)

asked("mean_field_contrastive_divergence", gradient=True)
asked("mean_field_free_energy", special=tuple((f"0 log 0: means that are {v:g}", {"v": v}) for v in (0.0, 1.0)))
