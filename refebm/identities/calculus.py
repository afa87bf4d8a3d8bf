r"""Theorems about derivatives: the automatic ones equal those derived by hand."""

import numpy as np

from refebm.identities import Draw, Sides, theorem
from refebm.identities.draw import SCORES
from refebm.identities.notation import EITHER_SIGN
from refebm.models import Model
from refebm.truth.derivatives import jacobian_size, score_and_jacobian


def closed_kinds(draw: Draw, kinds: tuple[str, ...]) -> dict:
    d = draw.dimension(5)
    return {"model": draw.model(d, kinds), "x": draw.reals((3, d), -3, 3), "v": draw.reals((3, d), -2, 2)}


@theorem(
    "Song and Kingma 2021, eq. 5",
    "pointwise",
    lambda draw: closed_kinds(draw, ("quadratic", "mixture", "mlp_energy")) | {"c": draw.real(-5, 5)},
    about="score_of",
)
def score_ignores_the_partition_function(impl, model, x, v, c):
    r"""The score of E + c is that of E, and equals the score derived by hand.

    \nabla_x \log(e^{-E(x)}/Z) = -\nabla_x E(x)"""
    shifted = shift(model, c)
    return Sides([impl.score(shifted)(x)], [score_and_jacobian(model, x)[0]])


def shift(model: Model, c: float) -> Model:
    """The model of E + c, for kinds with a parameter that shifts the energy; others are returned unchanged."""
    parameters = dict(model.parameters)
    if model.kind == "mixture":
        parameters["logits"] = parameters["logits"] - c
    elif model.kind == "mlp_energy":
        *hidden, (weights, bias) = parameters["layers"]
        parameters["layers"] = (*hidden, (weights, bias + c))
    return Model(model.kind, parameters)


@theorem("Hyvarinen 2005, eq. 4", "pointwise", lambda draw: closed_kinds(draw, SCORES), cancels=EITHER_SIGN)
def divergence_is_the_trace(impl, model, x, v):
    r"""The divergence is the trace of the Jacobian derived by hand.

    \operatorname{div} s = \sum_i \partial s_i/\partial x_i"""
    diagonal = np.einsum("nii->in", score_and_jacobian(model, x)[1])
    formula = [np.einsum("nii->n", jacobian_size(model, x))]
    return Sides([impl.divergence(impl.score(model), x)], list(diagonal), formula=formula)


@theorem("Hyvarinen 2005, eq. 4", "pointwise", lambda draw: closed_kinds(draw, SCORES), cancels=EITHER_SIGN)
def field_comes_with_its_divergence(impl, model, x, v):
    r"""The field and divergence from one pass equal the field and the trace of its Jacobian, derived by hand.

    (s(x), \operatorname{tr} \nabla s(x))"""
    field, trace = impl.field_and_divergence(impl.score(model), x)
    s, j = score_and_jacobian(model, x)
    formula = [np.column_stack([np.abs(s), np.einsum("nii->n", jacobian_size(model, x))])]
    return Sides([np.column_stack([field, trace])], [np.column_stack([s, np.einsum("nii->n", j)])], formula=formula)


@theorem(
    "Stanford CS236, computing Jacobian-vector products",
    "pointwise",
    lambda draw: closed_kinds(draw, SCORES),
    cancels=EITHER_SIGN,
)
def forward_mode_is_the_jacobian_times_v(impl, model, x, v):
    r"""Forward mode gives the Jacobian times v, where the Jacobian is derived by hand.

    \partial_h s(x + h v)|_{h = 0} = \nabla s(x)\, v"""
    columns = np.moveaxis(score_and_jacobian(model, x)[1] * v[:, None, :], 2, 0)
    formula = [np.einsum("nij,nj->ni", jacobian_size(model, x), np.abs(v))]
    return Sides([impl.jacobian_vector_product(impl.score(model), x, v)], list(columns), formula=formula)
