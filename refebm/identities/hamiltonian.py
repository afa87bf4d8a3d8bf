r"""Theorems about Hamiltonian Monte Carlo: leapfrog is reversible and preserves volume and, nearly, the energy."""

from itertools import permutations

import numpy as np
import scipy
from autograd import make_vjp
from autograd.numpy import concatenate

from refebm.identities import Draw, Limit, Sides, theorem
from refebm.identities.draw import SCORES
from refebm.identities.kernels import (
    SEEN,
    answered,
    chains,
    chains_and_u,
    energy_by_hand,
    hmc,
    hmc_by_hand,
    leapfrog_by_hand,
    leapfrog_error,
    mala_by_hand,
)
from refebm.identities.notation import EITHER_SIGN, half_square
from refebm.identities.wells import PLACES, Wells, place

NEAL = "Neal 2011, section 2.3"
STEPS = "Neal 2011, eqs. 2.28 to 2.30"


def paths(draw: Draw, kinds=SCORES, most: int = 3) -> dict:
    """A field, two starting points with momenta, a step size and a number of steps."""
    d = draw.count(1, most)
    case = {"model": draw.model(d, kinds), "eps": draw.real(0.1, 0.5), "n_steps": draw.count(1, 4)}
    return case | {"x": draw.reals((2, d), -2, 2), "p": draw.reals((2, d), -2, 2)}


@theorem(STEPS, "pointwise", paths, cancels=EITHER_SIGN)
def leapfrog_by_its_half_steps(impl, model, eps, n_steps, x, p):
    r"""For any field a leapfrog path repeats half a step in p, a step in x and half a step in p.

    p \leftarrow p + \tfrac\epsilon2 s(x),\ x \leftarrow x + \epsilon p,\ p \leftarrow p + \tfrac\epsilon2 s(x)"""
    *mine, sizes = leapfrog_by_hand(model, x, p, eps, n_steps)
    path = impl.leapfrog(impl.score(model), x, p, eps, n_steps)
    return Sides([np.stack(path)], [np.stack(mine)], formula=[np.stack(sizes)])


@theorem("Neal 2011, section 2.3", "pointwise", lambda draw: paths(draw, ("quadratic",), 4))
def leapfrog_on_a_quadratic_is_a_matrix_power(impl, model, eps, n_steps, x, p):
    r"""For E = 1/2 (x - m)^T P (x - m) the path maps (x - m, p) by a power of one matrix.

    \begin{pmatrix} I - \epsilon^2 P/2 & \epsilon I \\ -\epsilon P + \epsilon^3 P^2/4 & I - \epsilon^2 P/2
    \end{pmatrix}^n"""
    m, precision = model.parameters["mean"], model.parameters["precision"]
    unit = np.eye(len(m))
    turn, kick = unit - eps**2 * precision / 2, eps**3 * precision @ precision / 4 - eps * precision
    step = np.linalg.matrix_power(np.block([[turn, eps * unit], [kick, turn]]), n_steps)
    terms = np.moveaxis(step * np.column_stack([x - m, p])[:, None, :], 2, 0)
    end = np.column_stack(impl.leapfrog(impl.score(model), x, p, eps, n_steps))
    sizes = leapfrog_by_hand(model, x, p, eps, n_steps)[-1]
    return Sides([end, -np.append(m, 0 * m) + 0 * end], list(terms), formula=[np.column_stack(sizes)])


@theorem(NEAL, "pointwise", paths, cancels=EITHER_SIGN)
def leapfrog_is_reversible(impl, model, eps, n_steps, x, p):
    r"""For any field, the path from its end with the momentum reversed leads back to the start.

    \Phi(x, p) = (x', p') \Rightarrow \Phi(x', -p') = (x, -p)"""
    s = impl.score(model)
    end, p_end = impl.leapfrog(s, x, p, eps, n_steps)
    back, p_back = impl.leapfrog(s, end, -p_end, eps, n_steps)
    *there, sizes = leapfrog_by_hand(model, x, p, eps, n_steps)
    sizes = leapfrog_by_hand(model, there[0], -there[1], eps, n_steps, sizes)[-1]
    return Sides([np.stack([back, -p_back])], [np.stack([x, p])], formula=[np.stack(sizes)])


def sign(order):
    """The sign of a permutation."""
    return (-1) ** sum(a > b for i, a in enumerate(order) for b in order[i + 1 :])


@theorem(NEAL, "pointwise", lambda draw: paths(draw, most=2))
def leapfrog_preserves_volume(impl, model, eps, n_steps, x, p):
    r"""For any field, the determinant of the Jacobian of a leapfrog path is 1.

    \det \tfrac{\partial(x', p')}{\partial(x, p)} = 1"""
    s, d = impl.score(model), x.shape[1]

    def path(starts):
        return concatenate(impl.leapfrog(s, starts[:, :d], starts[:, d:], eps, n_steps), axis=1)

    pull_back, _ = make_vjp(path)(np.column_stack([x, p]))
    j = np.stack([pull_back(np.ones((len(x), 1)) * row) for row in np.eye(2 * d)], axis=1)
    terms = [sign(order) * np.prod(j[:, range(2 * d), order], axis=1) for order in permutations(range(2 * d))]
    return Sides(terms, [1.0])


def modified(wells: Wells, x, p) -> float:
    """G = 1/12 E''[p, p] - 1/24 |grad E|^2: leapfrog conserves H + eps^2 G up to order eps^4."""
    return float((wells.along(x, p)[1] / 12 - np.sum(wells.gradient(x) ** 2, axis=1) / 24)[0])


@theorem(NEAL, "limit", place, cases=PLACES)
def energy_error_is_of_order_two_in_all(impl, wells, x, v):
    r"""After a fixed time H has changed by -eps^2 times the change of G, where leapfrog conserves H + eps^2 G.

    H(x', p') - H(x, p) = -\epsilon^2 [G]_0^T + O(\epsilon^4),\ G = \tfrac1{12} E''[p, p] - \tfrac1{24} |\nabla E|^2"""
    time, d, score = 1.5, x.shape[1], impl.score(wells.model)

    def hamiltonian(x, p):
        return float((energy_by_hand(wells.model, x) + half_square(p))[0])

    def flow(_, state):
        return np.append(state[d:], -wells.gradient(state[None, :d])[0])

    end = scipy.integrate.solve_ivp(flow, (0, time), np.append(x[0], v[0]), rtol=1e-9, atol=1e-9).y[:, -1]
    counts = 16 * 2 ** np.arange(5)
    ends = [impl.leapfrog(score, x, v, time / n, int(n)) for n in counts]
    errors = [hamiltonian(*state) - hamiltonian(x, v) for state in ends]
    coefficient = modified(wells, x, v) - modified(wells, end[None, :d], end[None, d:])
    return Limit(time / counts, errors, 2, coefficient)


@theorem(NEAL, "limit", place, cases=PLACES)
def energy_error_is_of_order_three_in_one_step(impl, wells, x, v):
    r"""One leapfrog step changes H by a term of order 3 in the step size.

    H(x', p') - H(x, p) = \epsilon^3 (\tfrac14 E''[p, \nabla E] - \tfrac1{12} E'''[p, p, p]) + O(\epsilon^4)"""
    steps, energy = 0.006 * 0.5 ** np.arange(4), impl.energy(wells.model)
    errors = [impl.hmc_step(energy, x, eps, 1, v, np.array([0.5])).info.energy_error[0] for eps in steps]
    return Limit(steps, errors, 3, leapfrog_error(wells, x, v))


@theorem("Neal 2011, section 3.2; Duane et al. 1987", "pointwise", chains_and_u, cancels=EITHER_SIGN)
def hmc_accepts_by_the_total_energy(impl, model, x, sizes, z, u):
    r"""The end of the path, by hand, is accepted with probability min(1, exp(-change of the total energy H)).

    a = \min(1, e^{H(x, p) - H(x', p')}),\ H(x, p) = E(x) + \tfrac12 |p|^2"""
    mine, step = hmc_by_hand(model, x, sizes, z), hmc(impl, model, x, sizes, z, u)
    return Sides([answered(step.x, step.info.acceptance)], [mine.outcome(x, u)], formula=[mine.sizes])


@theorem("Neal 2011, section 3.2", "pointwise", chains, cancels=EITHER_SIGN)
def hmc_balances_in_detail(impl, model, x, sizes, z):
    r"""In equilibrium each path is taken as often as its reverse, from its end with the momentum reversed.

    e^{-H(x, p)}\, a(x, p) = e^{-H(x', p')}\, a(x', -p'),\ \Phi(x', -p') = (x, -p)"""
    p, u = z, np.full(len(x), SEEN)
    _, p_end, (size_x, size_p) = leapfrog_by_hand(model, x, p, sizes["eps"], sizes["n_steps"])
    there = hmc(impl, model, x, sizes, p, u)
    back = hmc(impl, model, there.x, sizes, -p_end, u)
    rows = []
    with np.errstate(divide="ignore"):
        for start, momentum, step in ((x, p, there), (there.x, p_end, back)):
            terms = [-energy_by_hand(model, start), -half_square(momentum), np.log(step.info.acceptance)]
            rows.append([answered(0 * x, term) for term in terms])
    again = leapfrog_by_hand(model, there.x, -p_end, sizes["eps"], sizes["n_steps"], (size_x, size_p))[-1]
    return Sides(
        [*rows[0], answered(back.x, 0 * u)], [*rows[1], answered(x, 0 * u)], formula=[answered(again[0], 0 * u)]
    )


@theorem("Neal 2011, section 5.2", "pointwise", chains_and_u, cancels=EITHER_SIGN)
def one_leapfrog_step_is_mala(impl, model, x, sizes, z, u):
    r"""With one leapfrog step, Hamiltonian Monte Carlo is the adjusted Langevin algorithm, including its acceptance.

    \eta = \epsilon^2/2,\ z = p:\ H(x', p') - H(x, p) = -\log \tfrac{p(x')\, q(x|x')}{p(x)\, q(x'|x)}"""
    eps, energy = sizes["eps"], impl.energy(model)
    steps = impl.hmc_step(energy, x, eps, 1, z, u), impl.mala_step(energy, x, eps**2 / 2, z, u)
    sides = [np.column_stack([step.x, step.info.acceptance, step.info.energy_error]) for step in steps]
    mine = mala_by_hand(model, x, {"eta": eps**2 / 2}, z)
    return Sides(sides[:1], sides[1:], formula=[np.column_stack([mine.sizes, mine.ratio_size])])
