"""Variants of the derivatives."""

from refebm.models import ENERGIES
from refebm.variants.asked import asked
from refebm.variants.record import conventions, one_term, wrong_versions

wrong_versions(
    "score_of",
    ("gradient of the density", "-gradient(x)", "-gradient(x) * np.exp(-energy(x))[:, None]"),
    ("unit length", "-gradient(x)", "-gradient(x) / np.sqrt(np.sum(gradient(x) ** 2, 1, keepdims=True))"),
    ("absolute value", "-gradient(x)", "-np.abs(gradient(x))"),
    ("centred over the batch", "-gradient(x)", "-gradient(x) + np.mean(gradient(x), axis=0)"),
    ("gradient of the batch mean", "-gradient(x)", "-gradient(x) / len(x)", "up to a factor"),
)
conventions(
    "score_of",
    (
        "energy with the other sign: the model handed over is f = -E",
        "-gradient(x)",
        "gradient(x)",
        "Stanford CS236 (p = exp(f)/Z)",
    ),
)
wrong_versions(
    "divergence",
    ("trace divided by d", "field_and_divergence(...)[1]", "field_and_divergence(...)[1] / x.shape[1]", "d = 1"),
    (
        "trace starts at one",
        "field_and_divergence(...)[1]",
        "field_and_divergence(...)[1] + 1",
        "the gradient",
        "pc_score_matching",
    ),
    (
        "two coordinates only",
        "field_and_divergence(field, x)[1]",
        "np.sum(field_and_diagonal(field, x)[1][:, :2], axis=1)",
        "d = 2",
        "cheind/score-based",
    ),
    (
        "all entries of the Jacobian",
        "field_and_divergence(field, x)[1]",
        "np.sum(jacobian(field, x), axis=(1, 2))",
        "d = 1",
    ),
    ("sign", "field_and_divergence(...)[1]", "-field_and_divergence(...)[1]", "up to a factor"),
)
wrong_versions(
    "field_and_divergence",
    (
        "trace divided by d",
        "sum(row[:, i] for i, row in enumerate(jacobian_rows))",
        "sum(row[:, i] for i, row in enumerate(jacobian_rows)) / x.shape[1]",
        "d = 1",
    ),
    (
        "trace starts at one",
        "sum(row[:, i] for i, row in enumerate(jacobian_rows))",
        "1 + sum(row[:, i] for i, row in enumerate(jacobian_rows))",
        "finite",
        "pc_score_matching",
    ),
    ("two coordinates only", "enumerate(jacobian_rows)", "zip(range(2), jacobian_rows)", "d = 2", "cheind/score-based"),
    ("all entries of the Jacobian", "row[:, i]", "np.sum(row, axis=1) + 0 * i", "d = 1"),
    (
        "last coordinate only",
        "(row[:, i] for i, row in enumerate(jacobian_rows))",
        "(row[:, i] for i, row in list(enumerate(jacobian_rows))[-1:])",
        "d = 1",
    ),
)
wrong_versions(
    "jacobian_vector_product",
    ("transposed", "field_and_derivative(field, x, v)[1]", "make_vjp(field)(x)[0](v)", "a gradient field"),
    (
        "unit vectors",
        "field_and_derivative(field, x, v)",
        "field_and_derivative(field, x, v / np.sqrt(np.sum(v**2, axis=1, keepdims=True)))",
        "unit projections",
        "ermongroup/sliced_score_matching",
    ),
    ("value for derivative", "field_and_derivative(field, x, v)[1]", "field_and_derivative(field, x, v)[0]"),
    ("diagonal only", "field_and_derivative(field, x, v)[1]", "v * field_and_diagonal(field, x)[1]", "d = 1"),
)

asked("divergence", more_kinds=("at_level", "denoiser"))
asked("divergence field_and_divergence jacobian_vector_product", trained=True)
asked("score_of", kinds=tuple(kind for kind in ENERGIES if kind != "binary_rbm"))  # of bits there is no gradient
asked("field_and_divergence", parts=("the field", "the divergence"))
one_term("divergence field_and_divergence jacobian_vector_product score_of")
