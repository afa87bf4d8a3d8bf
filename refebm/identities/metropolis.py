r"""Theorems about Metropolis-Hastings: proposals, acceptance, and invariance of the target density."""

import numpy as np
import scipy

from refebm.identities import Draw, Limit, Sides, expect, theorem
from refebm.identities.draw import SMOOTH_ENERGIES
from refebm.identities.kernels import (
    NAMES,
    SEEN,
    WITH_METROPOLIS,
    answered,
    chains,
    chains_and_u,
    energy_by_hand,
    leapfrog_error,
    mala,
    mala_by_hand,
    near,
    step_sizes,
    walk,
    walk_by_hand,
)
from refebm.identities.notation import EITHER_SIGN, half_square
from refebm.identities.wells import PLACES, place
from refebm.models import Model
from refebm.truth.densities import Gamma

METROPOLIS = "Metropolis et al. 1953, section II"
HASTINGS = "Hastings 1970, eq. 8"
HY673 = "HY-673 lecture 12, Metropolis-Hastings"
LANGEVIN = "Besag 1994; Roberts and Tweedie 1996, section 1.4"


def executed_map(kernel, impl, model, x, sizes):
    """Offset and matrix, for each row, of the affine map from noise to proposal, found by running the step.

    Each row is run with d + 1 noise vectors, and with u so small that every proposal is accepted.
    """
    n, d = x.shape
    noises = np.concatenate([np.zeros((1, d)), np.eye(d)])
    step = kernel(impl, model, np.repeat(x, d + 1, axis=0), sizes, np.tile(noises, (n, 1)), np.full(n * (d + 1), SEEN))
    ends = step.x.reshape(n, d + 1, d)
    return ends[:, 0], np.swapaxes(ends[:, 1:] - ends[:, :1], 1, 2)


def both_ways(kernel, impl, model, x, sizes, z):
    """The terms of log p(x) + log q(x'|x) + log a(x, x'), and the same with x and x' exchanged.

    p is by hand; q follows by change of variables from the map that the step executes; a is what the step reports.
    """
    offset, matrix = executed_map(kernel, impl, model, x, sizes)
    there = offset + np.einsum("nij,nj->ni", matrix, z)
    offset_back, matrix_back = executed_map(kernel, impl, model, there, sizes)
    z_back = np.einsum("nij,nj->ni", np.linalg.pinv(matrix_back), x - offset_back)
    u = np.full(len(x), SEEN)
    with np.errstate(divide="ignore"):
        return [
            [
                -energy_by_hand(model, start),
                -half_square(noise),
                -np.linalg.slogdet(spread)[1],
                np.log(kernel(impl, model, start, sizes, noise, u).info.acceptance),
            ]
            for start, noise, spread in ((x, z, matrix), (there, z_back, matrix_back))
        ]


@theorem(f"{METROPOLIS}; {HASTINGS}", "pointwise", chains)
def metropolis_balances_in_detail(impl, model, x, sizes, z):
    r"""In equilibrium each move of the random walk is as frequent as its reverse, for the proposal that is executed.

    p(x)\, q(x'|x)\, a(x, x') = p(x')\, q(x|x')\, a(x', x)"""
    return Sides(*both_ways(walk, impl, model, x, sizes, z))


@theorem(f"{LANGEVIN}; {HASTINGS}", "pointwise", chains)
def mala_balances_in_detail(impl, model, x, sizes, z):
    r"""In equilibrium each adjusted Langevin move is as frequent as its reverse, for the proposal that is executed.

    p(x)\, q(x'|x)\, a(x, x') = p(x')\, q(x|x')\, a(x', x),\
    q(x'|x) = \mathcal N(z; 0, I)/|\det \partial x'/\partial z|"""
    return Sides(*both_ways(mala, impl, model, x, sizes, z))


@theorem(HY673, "pointwise", chains_and_u, cancels=EITHER_SIGN)
def two_branches_are_one_minimum(impl, model, x, sizes, z, u):
    r"""Accepting always where f = -E does not fall, else with probability exp(f(x') - f(x)), is the rule min(1, ratio).

    a = 1 \text{ if } f(x') \ge f(x),\ e^{f(x') - f(x)} \text{ otherwise};\ x^{t+1} = x' \text{ if } u < a,\
    x^t \text{ otherwise}"""
    mine, step = walk_by_hand(model, x, sizes, z), walk(impl, model, x, sizes, z, u)
    f, f_there = -energy_by_hand(model, x), -energy_by_hand(model, mine.x)
    with np.errstate(over="ignore"):
        falls = np.exp(f_there - f)
    acceptance = np.where(f_there >= f, 1.0, falls)
    new = np.where(((f_there >= f) | (u < falls))[:, None], mine.x, x)
    return Sides([answered(step.x, step.info.acceptance)], [answered(new, acceptance)], formula=[mine.sizes])


@theorem(LANGEVIN, "pointwise", chains_and_u, cancels=EITHER_SIGN)
def mala_by_its_densities(impl, model, x, sizes, z, u):
    r"""The Langevin proposal is accepted by the ratio of target and proposal densities, normal around drifted points.

    a = \min\Bigl(1, \tfrac{p(x')\, \mathcal N(x; x' + \eta s(x'), 2\eta I)}{p(x)\, \mathcal N(x'; x + \eta s(x), 2\eta
    I)}\Bigr)"""
    mine, step = mala_by_hand(model, x, sizes, z), mala(impl, model, x, sizes, z, u)
    return Sides([answered(step.x, step.info.acceptance)], [mine.outcome(x, u)], formula=[mine.sizes])


@theorem(HASTINGS, "pointwise", chains, about=NAMES, cancels=EITHER_SIGN)
def accepted_where_u_is_below_the_acceptance(impl, model, x, sizes, z):
    r"""For u just below min(1, ratio) the state moves, just above it stays, and the step reports which, and the ratio.

    x^{t+1} = x' \text{ for } u = a(1 - 2^{-20}),\ x^t \text{ for } u = a + 2^{-20}(1 - a) < 1,\
    a = \min(1, e^{-\Delta})"""
    x, z = np.concatenate([x, x]), np.concatenate([z, z])
    left, right, formula = [], [], []
    for kernel, by_hand in WITH_METROPOLIS:
        mine = by_hand(model, x, sizes, z)
        u = near(mine.acceptance, np.arange(len(x)) >= len(x) // 2)
        step = kernel(impl, model, x, sizes, z, u)
        left.append(np.column_stack([step.x, step.info.acceptance, step.info.accepted, step.info.energy_error]))
        right.append(np.column_stack([mine.outcome(x, u), u < mine.acceptance, -sum(mine.log_ratio)]))
        formula.append(np.column_stack([mine.sizes, 0 * u, mine.ratio_size]))
    return Sides([np.concatenate(left)], [np.concatenate(right)], formula=[np.concatenate(formula)])


def proposals_and_a_lost_one(draw: Draw) -> dict:
    """Three chains and their proposals, one of which has an energy that is not finite."""
    d = draw.count(1, 3)
    case = {"model": draw.model(d, (*SMOOTH_ENERGIES, "gamma")), "sizes": step_sizes(draw) | {"n_steps": 1}}
    points = {name: draw.reals((3, d), 0.2, 2) for name in ("x", "there")}
    return case | points | {"lost": np.arange(3) == draw.count(0, 2), "u": draw.reals((3,), 0.02, 0.98)}


@theorem(HASTINGS, "pointwise", proposals_and_a_lost_one, about=NAMES, cancels=EITHER_SIGN)
def proposal_without_energy_is_rejected_and_counted(impl, model, x, sizes, there, lost, u):
    r"""If a proposal's energy is NaN or infinite, its row stays and is counted as invalid, and the other rows go on.

    E(x') \notin \mathbb R:\ a = 0,\ x^{t+1} = x^t"""
    there = np.where(lost[:, None], (-1 if model.kind == "gamma" else 1e200) * there, there)
    left, right, formula = [], [], []
    for (kernel, by_hand), width in zip(WITH_METROPOLIS, (sizes["scale"], np.sqrt(2 * sizes["eta"]), sizes["eps"])):
        with np.errstate(all="ignore"):
            z = (there - by_hand(model, x, sizes, 0 * x).x) / width
            mine = by_hand(model, x, sizes, z)
            outcome, added = (np.where(lost[:, None], 0, part) for part in (mine.outcome(x, u), mine.sizes))
            accepted = ~lost & (u < mine.acceptance)
        step = kernel(impl, model, x, sizes, z, u)
        left.append(np.column_stack([step.x, step.info.acceptance, step.info.accepted, step.info.invalid]))
        stay = answered(np.where(lost[:, None], x, 0), 0 * u)
        right.append(np.column_stack([outcome + stay, accepted, lost]))
        formula.append(np.column_stack([added, 0 * u, 0 * u]))
    return Sides([np.concatenate(left)], [np.concatenate(right)], formula=[np.concatenate(formula)])


def two_steps(draw: Draw) -> dict:
    """Noise for two steps. The first rejects every chain that it can, the second only some."""
    case = chains(draw)
    rejects = np.array([[True, draw.choice((False, True))] for _ in case["x"]])
    return case | {"z_next": draw.reals(case["z"].shape, -2, 2), "rejects": rejects}


@theorem(HASTINGS, "pointwise", two_steps, about=NAMES, cancels=EITHER_SIGN)
def nothing_is_stale_after_a_rejection(impl, model, x, sizes, z, z_next, rejects):
    r"""After a rejection the next step uses the kept state with its energy and score, not the rejected ones.

    x^{t+1} = x^t \text{ after a rejection},\ x^{t+2} = \text{step}(x^{t+1}; z^{t+1}, u^{t+1})"""
    left, right, formula = [], [], []
    for kernel, by_hand in WITH_METROPOLIS:
        chain, mine = x, x
        for noise, reject in zip((z, z_next), rejects.T):
            proposal = by_hand(model, mine, sizes, noise)
            u = near(proposal.acceptance, reject, 0.5)
            step, mine = kernel(impl, model, chain, sizes, noise, u), proposal.outcome(mine, u)[:, :-1]
            chain = step.x
        left.append(answered(chain, step.info.acceptance))
        right.append(answered(mine, proposal.acceptance))
        formula.append(proposal.sizes)
    return Sides([np.concatenate(left)], [np.concatenate(right)], formula=[np.concatenate(formula)])


def finite_states(draw: Draw) -> dict:
    d = draw.count(1, 2)
    model = draw.model(d, SMOOTH_ENERGIES)
    return {"model": model, "states": draw.reals((draw.count(2, 5), d), -1.5, 1.5), "scale": draw.real(0.3, 1.5)}


@theorem(f"{METROPOLIS}; {HY673}", "enumeration", finite_states)
def finite_chain_keeps_its_distribution(impl, model, states, scale):
    r"""On finitely many states with uniform proposals, exp(-E) is the stationary distribution.

    \pi P = \pi,\ P_{ij} = a_{ij}/m \text{ for } i \ne j,\ P_{ii} = 1 - \sum_{j \ne i} P_{ij}"""
    m, e = len(states), energy_by_hand(model, states)
    pi = np.exp(np.min(e) - e)
    x, there = np.repeat(states, m, axis=0), np.tile(states, (m, 1))
    step = walk(impl, model, x, {"scale": scale}, (there - x) / scale, np.full(m * m, SEEN))
    moves = step.info.acceptance.reshape(m, m) / m * (1 - np.eye(m))
    transition = moves + np.diag(1 - np.sum(moves, axis=1))
    return Sides([pi[:, None] * transition / np.sum(pi)], [pi[None] / np.sum(pi)])


def gaussian_and_sizes(draw: Draw) -> dict:
    return {"model": draw.model(draw.count(1, 3), ("quadratic",)), "sizes": step_sizes(draw)}


def polarised(values):
    """The matrix A of a quadratic form, from its values at e_i + e_j."""
    squares = np.diag(values) / 4
    return 0.5 * (values - squares[:, None] - squares)


@theorem("Creutz 1988", "pointwise", gaussian_and_sizes, about=NAMES)
def mean_ratio_is_one(impl, model, sizes):
    r"""In equilibrium the ratio, before its minimum with 1 is taken, has mean 1; for a Gaussian it is a determinant.

    \mathbb E_{x, z}\, e^{-\Delta} = \sqrt{\det C^{-1}/\det(C^{-1} + 2A)} = 1,\ \Delta = w^\top A w,\
    w = (x - m, z) \sim \mathcal N(0, C)"""
    m, precision = model.parameters["mean"], model.parameters["precision"]
    d, unit = len(m), np.eye(2 * len(m))
    w = (unit[:, None] + unit).reshape(-1, 2 * d)
    x, z, u = m + w[:, :d], w[:, d:], np.full(len(w), SEEN)
    inverse = np.block([[precision, 0 * precision], [0 * precision, np.eye(d)]])
    left, formula = [], []
    for kernel, by_hand in WITH_METROPOLIS:
        errors = kernel(impl, model, x, sizes, z, u).info.energy_error.reshape(2 * d, 2 * d)
        added = by_hand(model, x, sizes, z).ratio_size.reshape(2 * d, 2 * d)
        total = inverse + 2 * polarised(errors)
        left.append(np.linalg.det(total))
        cofactors = left[-1] * np.linalg.pinv(total)
        formula.append(np.sum(np.abs(cofactors) * (np.abs(inverse) + 2 * added)))
    return Sides([np.array(left)], [np.linalg.det(precision)], formula=[np.array(formula)])


@theorem("Roberts and Rosenthal 1998", "limit", place, cases=PLACES)
def mala_error_is_of_order_three_halves(impl, wells, x, v):
    r"""For small steps the log ratio is of order eta^(3/2), so nearly every adjusted Langevin step is accepted.

    \Delta = (2\eta)^{3/2} (\tfrac14 E''[z, \nabla E] - \tfrac1{12} E'''[z, z, z]) + O(\eta^2)"""
    etas = 0.5 * (0.006 * 0.5 ** np.arange(4)) ** 2
    energy, u = impl.energy(wells.model), np.array([0.5])
    errors = [impl.mala_step(energy, x, eta, v, u).info.energy_error[0] for eta in etas]
    return Limit(etas, errors, 1.5, 2**1.5 * leapfrog_error(wells, x, v))


@theorem(
    f"{HY673} (which prints: exponentially); Roberts, Gelman and Gilks 1997",
    "quadrature",
    lambda draw: {"d": draw.choice((2, 4, 8)), "length": draw.real(0.5, 4)},
)
def random_walks_slow_down_in_proportion_to_d(impl, d, length):
    r"""With noise of l/sqrt(d) the mean squared jump tends to a constant in d, while the squared scale of x grows as d.

    \mathbb E |x^{t+1} - x^t|^2 = 2 l^2 P\bigl(t_{d+2} > \tfrac l2 \sqrt{1 + 2/d}\bigr) \to 2 l^2 \Phi(-\tfrac l2),\
    x^t \sim \mathcal N(0, I_d)"""
    scale, e = length / np.sqrt(d), np.ones(d) / np.sqrt(d)
    model, across = Model("quadratic", {"mean": 0 * e, "precision": np.eye(d)}), np.arange(d) - 0.5 * (d - 1)
    w = np.arange(-32, 22) / 8  # the acceptance has a kink; the nodes stay away from it on either side
    away = np.concatenate([np.exp(w - np.exp(-w)), -np.exp(w - np.exp(-w))])
    weights = np.tile(1 + np.exp(-w), 2) * np.abs(away) / 8

    def jumps(squares):
        """The mean squared jump for noise c e with these c^2, averaged over x.e, on which the acceptance depends."""
        c = np.sqrt(squares)
        along = away - 0.5 * scale * c
        x, z = along.reshape(-1, 1) * e + across / d, np.repeat(c, len(away), axis=0) * e
        accepted = walk(impl, model, x, {"scale": scale}, z, np.full(len(x), SEEN)).info.acceptance
        density = weights * np.exp(-0.5 * along**2) / np.sqrt(2 * np.pi)
        return scale**2 * squares[:, 0] * np.sum(density * accepted.reshape(along.shape), axis=1)

    (terms,), change = expect([jumps], Gamma(0.5 * d, 0.5))
    settled = 2 * scipy.special.stdtr(d + 2, -0.5 * length * np.sqrt(1 + 2 / d))
    return Sides([terms], [length**2 * settled], change)
