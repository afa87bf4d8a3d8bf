"""Derivatives: with `tracing`, which adds to autograd's tracer, the only module that knows how autograd works.

A field is a callable of rows, (n, d) -> (n, d), whose row i depends on row i of x only. Therefore one pull-back (a
vector-Jacobian product) differentiates all rows at once. Every result can be differentiated again, in any parameters
that the callable closes over.
"""

from collections.abc import Callable, Iterator

import autograd.numpy as np
from autograd.tracer import getval

from refebm.glossary import Direction, Energy, Field, Matrices, Points, Rows, Vectors, rows
from refebm.tracing import by_one_pass, elementwise_grad, make_jvp, make_vjp, remembered, vjp_by_leaf


@rows
@remembered
def score_of(energy: Energy) -> Field:
    r"""The score of an unnormalised model: s(x) = grad_x log p(x) = -grad_x E(x), for p = exp(-E)/Z.

    $$s(x) = \nabla_x \log p(x) = -\nabla_x E(x),\quad p = e^{-E}/Z$$

    >>> refebm.score_of(lambda x: 0.5 * np.sum(x**2, axis=1))(np.array([[1.0, -2.0]]))
    array([[-1.,  2.]])

    energy: (n, d) -> (n,). Returns a callable (n, d) -> (n, d). Z does not depend on x, so it is not needed.
    Errors: of the score E-NDIM, E-EMPTY, E-FINITE, E-DTYPE for x, E-CALLABLE for what energy returns.
    Also: Stein score, energy score
    Source: Song and Kingma 2021, eq. 5
    """
    gradient = elementwise_grad(energy)

    @rows
    def score(x: Points):
        return -gradient(x)

    return score


def energy_and_score(energy: Callable, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""(E(x), -grad E(x)), shapes (n,) and (n, d), from one forward pass and one pull-back.

    Source: Song and Kingma 2021, eq. 5
    """
    pull_back, e = make_vjp(energy)(x)
    return e, -pull_back(np.ones(len(x)))


def pull_back(function: Callable, parameters) -> tuple[np.ndarray, Callable]:
    """The value of a function of nested parameters, and its pull-back, from weights of the value's entries to a
    gradient nested as the parameters are. A NaN among the weights makes all of it NaN: rules such as that of `where`
    drop it."""
    back, value = vjp_by_leaf(function, parameters)
    return value, lambda weights: back(weights + np.sum(0 * weights))


def held(value):
    """The value as a constant: no derivative flows through it."""
    return getval(value)


def anywhere(condition) -> bool:
    """Whether a condition holds in some row; a framework that traces programs answers from what it knows of values."""
    return bool(np.any(getval(condition)))


@rows
def divergence(field: Field, x: Points) -> Rows:
    r"""div s(x) = sum_i d s_i / d x_i, exactly, (n,). For a score it is the trace of the Hessian of log p.

    $$\operatorname{div} s(x) = \operatorname{tr} \nabla s(x) = \sum_i \partial s_i/\partial x_i$$

    Source: Hyvarinen 2005, eq. 4
    """
    return field_and_divergence(field, x)[1]


@rows
@by_one_pass
def field_and_divergence(field: Field, x: Points) -> tuple[Vectors, Rows]:
    r"""(s(x), div s(x)), shapes (n, d) and (n,), from one forward pass and d pull-backs, one at a time.

    $$\left(s(x),\ \operatorname{tr} \nabla s(x)\right)$$

    The value needs O(n d) memory. Its gradient in parameters keeps all d pull-backs: O(n d h) for layers of h units.
    For the score of an energy, d >= 8, such a gradient takes one forward pass instead, and for networks less than half
    the memory.
    Source: Hyvarinen 2005, eq. 4; Li et al. 2024, Forward Laplacian
    """
    s, jacobian_rows = _field_and_jacobian_rows(field, x)
    return s, sum(row[:, i] for i, row in enumerate(jacobian_rows))


@rows
def field_and_diagonal(field: Field, x: Points) -> tuple[Vectors, Vectors]:
    r"""(s(x), [d s_i / d x_i]_i), both (n, d): the field, and the diagonal of its Jacobian.

    Source: Hyvarinen 2007b, non-negative score matching
    """
    s, jacobian_rows = _field_and_jacobian_rows(field, x)
    return s, np.stack([row[:, i] for i, row in enumerate(jacobian_rows)], axis=1)


@rows
def jacobian(field: Field, x: Points) -> Matrices:
    r"""J[., i, j] = d s_i / d x_j, shape (n, d, d), from d pull-backs.

    Source: Stanford CS236, score matching is not scalable
    """
    return np.stack(list(_field_and_jacobian_rows(field, x)[1]), axis=1)


def derivatives_along_axes(field: Field, x: np.ndarray, count: int) -> Iterator[list[np.ndarray]]:
    r"""For i = 1, ..., d the list [s_i, d_i s_i, ..., d_i^{count - 1} s_i] at x, (n,) each, derivatives nested."""
    for i, axis in enumerate(np.eye(x.shape[1])):
        functions = [lambda t, i=i, axis=axis: field(x + t[:, None] * axis)[:, i]]
        for _ in range(count - 1):  # + 0 t: autograd warns if a result, such as a constant slope, does not depend on t
            functions.append(lambda t, before=functions[-1]: elementwise_grad(before)(t) + 0 * t)
        yield [function(np.zeros(len(x))) for function in functions]


def laplacian(function: Energy, x: Points) -> Rows:
    r"""Lap f(x) = sum_i d_i^2 f(x), exactly, (n,), of a function of rows, (n, d) -> (n,).

    Source: Lyu 2009, section 3
    """
    gradient = elementwise_grad(lambda x: function(x) + 0 * np.sum(x, axis=1))  # autograd warns of constant functions
    return divergence(lambda x: gradient(x) + 0 * x, x)


@rows
def jacobian_vector_product(field: Field, x: Points, v: Direction) -> Vectors:
    r"""grad s(x) v = lim [s(x + h v) - s(x)]/h, shape (n, d), by forward mode: one pass, whatever d.

    $$\nabla s(x)\, v = \partial_h s(x + h v)|_{h = 0}$$

    Functions without a forward rule in autograd (erf, gammaln, solve, fft, ...) take two pull-backs: w -> (grad s)^T w
    is linear in w, and its own pull-back is v -> grad s v.
    Source: Song and Kingma 2021, section 4.2
    """
    return field_and_derivative(field, x, v)[1]


@rows
def field_and_derivative(field: Field, x: Points, v: Direction) -> tuple[Vectors, Vectors]:
    r"""(s(x), grad s(x) v), both (n, d), from one forward pass.

    Source: Song and Kingma 2021, section 4.2
    """
    try:
        return make_jvp(field)(x)(v)
    except (NotImplementedError, KeyError):  # no forward rule; an error of the field itself is raised again here
        back, s = make_vjp(field)(x)
        w = np.reshape(np.cos(np.arange(1.0, 1.0 + s.size)), s.shape)  # anything but 0, where eigh's rule skips terms
        return s, make_vjp(back)(w)[0](v)


def _field_and_jacobian_rows(field: Callable, x: np.ndarray) -> tuple[np.ndarray, Iterator[np.ndarray]]:
    """s(x), and an iterator over i = 0, ..., d - 1 of grad s_i at all rows of x, (n, d)."""
    pull_back, s = make_vjp(field)(x)
    one_hot = np.eye(x.shape[1])
    return s, (pull_back(np.ones((len(x), 1)) * one_hot[i]) for i in range(x.shape[1]))
