"""Variants of pseudo-likelihood."""

from refebm.variants.asked import asked
from refebm.variants.record import REDUCTION, conventions, naive_forms, one_term, wrong_versions

ONE = "softplus(energy(x) - energy(x_i))"
wrong_versions(
    "pseudo_likelihood",
    ("of the other bit", ONE, "softplus(energy(x_i) - energy(x))"),
    ("the log of the ratio, not of the probability", ONE, "(energy(x) - energy(x_i))"),
    ("the probability, not its log", ONE, "-np.exp(-softplus(energy(x) - energy(x_i)))"),
    ("twice the difference: bits of -1 and 1", ONE, "softplus(2 * (energy(x) - energy(x_i)))"),
    ("half the difference: probability flow", ONE, "softplus(0.5 * (energy(x) - energy(x_i)))"),
    (
        "the first bit for the last",
        "np.eye(x.shape[1])",
        "np.eye(x.shape[1])[(np.arange(x.shape[1]) + 1) % max(x.shape[1] - 1, 1)]",
        "d = 1",
    ),
    ("bits set, not flipped", "np.abs(x - bit)", "np.maximum(x, bit)"),
    ("bits cleared, not flipped", "np.abs(x - bit)", "np.minimum(x, 1 - bit)"),
    ("all bits flipped at once", "np.abs(x - bit)", "(1 - x + 0 * bit)", "d = 1"),
    ("the square of the probability against", ONE, "np.exp(-2 * softplus(energy(x_i) - energy(x)))"),
)
conventions(
    "pseudo_likelihood",
    ("to be maximised", f"sum({ONE} for x_i in flipped)", f"-sum({ONE} for x_i in flipped)", "Besag 1975"),
    ("mean over the bits", f"sum({ONE} for x_i in flipped)", f"sum({ONE} for x_i in flipped) / x.shape[1]", REDUCTION),
)

asked("pseudo_likelihood", more_kinds=("binary_rbm",))
naive_forms(
    "pseudo_likelihood",
    ("log(1 + exp(a))", "softplus(energy(x) - energy(x_i))", "np.log(1 + np.exp(energy(x) - energy(x_i)))"),
    (
        "ratio of what is not normalised",
        "softplus(energy(x) - energy(x_i))",
        "-np.log(np.exp(-energy(x)) / (np.exp(-energy(x)) + np.exp(-energy(x_i))))",
    ),
)
one_term("pseudo_likelihood")
