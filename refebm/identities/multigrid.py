r"""Theorems about multi-grid contrastive divergence: block means as matrices, and closed forms for Gaussian images.

For affine maps of N Gaussian numbers, a rule with 2 N points gives the exact mean of any quadratic function.
"""

import numpy as np

from refebm.identities import Draw, Sides, theorem
from refebm.identities.entropy_contrast import stepped
from refebm.identities.notation import EITHER_SIGN, outer
from refebm.identities.parameters import energy_gradients, slopes_of
from refebm.models import Model

GAO = "Gao et al. 2018, multi-grid modeling and sampling"
SIDES = [(2,), (1, 2), (2, 4), (4,), (1, 4)]


def averaging(coarse: int, fine: int) -> np.ndarray:
    """The matrix D (coarse^2, fine^2) of block means."""
    along = np.kron(np.eye(coarse), np.full((1, fine // coarse), coarse / fine))
    return np.kron(along, along)


def repeating(coarse: int, fine: int) -> np.ndarray:
    """The matrix U (fine^2, coarse^2) that repeats each pixel over its block."""
    along = np.kron(np.eye(coarse), np.ones((fine // coarse, 1)))
    return np.kron(along, along)


def images_and_sizes(draw: Draw) -> dict:
    coarse, middle, fine = draw.choice([(2, 2, 4), (2, 4, 8), (2, 4, 4), (1, 2, 4)])
    return {"x": draw.reals((2, fine**2), -2, 2), "y": draw.reals((2, coarse**2), -2, 2), "sizes": (coarse, middle)}


@theorem(GAO, "pointwise", images_and_sizes, cancels=EITHER_SIGN)
def block_means_by_a_matrix(impl, x, y, sizes):
    r"""Block means are means over lines and over columns, a Kronecker product, and compose to those of larger blocks.

    D_s = R \otimes R,\ R = \tfrac sS I_s \otimes (1 \cdots 1),\ D_s D_r = D_s"""
    coarse, middle = sizes
    at_once, in_two = impl.block_means(x, coarse), impl.block_means(impl.block_means(x, middle), coarse)
    terms = averaging(coarse, int(np.sqrt(x.shape[1]))).T[:, None, :] * x.T[:, :, None]
    return Sides([np.stack([at_once, in_two])], [np.stack([term, term]) for term in terms])


@theorem(GAO, "pointwise", images_and_sizes, cancels=EITHER_SIGN)
def repeated_pixels_by_a_matrix(impl, x, y, sizes):
    r"""Repeated pixels have the pixels as block means, and repeating is the block size times the adjoint of averaging.

    U = (S/s)^2 D_s^\top,\ D_s U y = y,\ \langle x, U y \rangle = (S/s)^2 \langle D_s x, y \rangle"""
    fine, coarse = int(np.sqrt(x.shape[1])), sizes[0]
    u, k = impl.repeated_pixels(y, fine), fine // coarse
    right = np.concatenate([y @ repeating(coarse, fine).T, y], axis=1)
    adjoint = list((x * u).T), list((k**2 * impl.block_means(x, coarse) * y).T)
    left = [np.concatenate([u, impl.block_means(u, coarse)], axis=1)]
    return Sides(*(beside(*both) for both in zip((left, [right]), adjoint)))


def beside(arrays: list, rows: list) -> list:
    """Terms of a matrix (n, d) with one more column, which has its own terms."""
    d = arrays[0].shape[1]
    wider = [np.pad(array, ((0, 0), (0, 1))) for array in arrays]
    return wider + [np.pad(row[:, None], ((0, 0), (d, 0))) for row in rows]


def spring(draw: Draw, d: int) -> np.ndarray:
    """A positive definite matrix with eigenvalues from 0.5 to below 5, as a precision or a covariance."""
    w = draw.reals((d,), -1, 1) / np.sqrt(d)
    return np.diag(draw.reals((d,), 0.5, 2.0)) + 2 * np.outer(w, w)


def grids(draw: Draw) -> dict:
    """The sides of the grids, and for each grid a quadratic energy, a step size and a number of steps."""
    sides = draw.choice(SIDES)
    models = [Model("quadratic", {"mean": draw.reals((s**2,), -1, 1), "precision": spring(draw, s**2)}) for s in sides]
    given = {"sides": sides, "models": models, "eta": draw.reals((len(sides),), 0.02, 0.15)}
    return given | {"n_steps": [draw.count(1, 3) for _ in sides]}


def grids_and_noise(draw: Draw) -> dict:
    given = grids(draw)
    noise = [draw.reals((k, 2, s**2), -2, 2) for s, k in zip(given["sides"], given["n_steps"])]
    return given | {"x": draw.reals((2, given["sides"][-1] ** 2), -2, 2), "z": noise}


def chain(impl, models, x, eta, z):
    return impl.multigrid_chain(impl.scores(models), x, eta, z)


def step_matrices(models: list[Model], eta) -> list[np.ndarray]:
    """A = I - eta P on each grid."""
    return [np.eye(model.d) - e * model.parameters["precision"] for model, e in zip(models, eta)]


def power(matrix, k):
    return np.linalg.matrix_power(matrix, k)


@theorem(GAO, "pointwise", grids_and_noise, cancels=EITHER_SIGN)
def multigrid_chain_by_hand(impl, sides, models, eta, n_steps, x, z):
    r"""For quadratic energies the sample on each grid is an affine map of the coarser grid's sample and its own noise.

    \tilde x_s = m + A^l (U \tilde x_{s-1} - m) + \sqrt{2 \eta} \sum_{t=1}^l A^{l - t} z_t,\ A = I - \eta P_s,\
    \tilde x_0 = D_1 x"""

    def end(start, A, noise, step):
        kicks = sum(noise[-1 - t] @ power(A, t) for t in range(len(noise)))
        return start @ power(A, len(noise)) + np.sqrt(2 * step) * kicks

    y, coarse, ends, sizes = x @ averaging(1, sides[-1]).T, 1, [], []
    for side, model, A, e, noise in zip(sides, models, step_matrices(models, eta), eta, z):
        mean, left = model.parameters["mean"], y @ repeating(coarse, side).T
        y, coarse = mean + end(left - mean, A, noise, e), side
        ends.append(np.ravel(y))
        sizes.append(np.ravel(np.abs(mean) + end(*map(np.abs, (left - mean, A, noise)), e)))
    got = [np.ravel(y) for y in chain(impl, models, x, eta, z)]
    return Sides([np.concatenate(got)], [np.concatenate(ends)], formula=[np.concatenate(sizes)])


@theorem(GAO, "pointwise", grids_and_noise, cancels=EITHER_SIGN)
def multigrid_contrast_by_hand(impl, sides, models, eta, n_steps, x, z):
    r"""For quadratic energies each grid adds the energy at the data's block means minus that at its samples.

    \tfrac12 \sum_s \left[|D_s x - m_s|^2_{P_s} - |\tilde x_s - m_s|^2_{P_s}\right],\ |y|^2_P = y^\top P y"""
    x_model = [noise[0] for noise in z]
    rows = impl.multigrid_contrastive_divergence(impl.energies(models), x, x_model)
    terms = []
    for side, model, y in zip(sides, models, x_model):
        for at, sign in ((x @ averaging(side, sides[-1]).T, 0.5), (y, -0.5)):
            off = at - model.parameters["mean"]
            terms += list(sign * ((off @ model.parameters["precision"]) * off).T)
    return Sides([rows], terms)


def slopes(impl, models, which, direction, x, samples):
    """The derivatives (n,) of the loss along a direction of the parameters of one grid's energy.

    samples: a function from the models to the images of all grids.
    """

    def rows(model):
        moved = [model if i == which else other for i, other in enumerate(models)]
        return impl.multigrid_contrastive_divergence(impl.energies(moved), x, samples(moved))

    return slopes_of(rows, models[which], direction)


def grid_and_direction(draw: Draw, models: list[Model]) -> dict:
    """A grid and a direction of its parameters: a vector for the mean, a product of two vectors for the precision."""
    which = draw.count(0, len(models) - 1)
    mean, left, right = draw.reals((3, models[which].d), -1, 1)
    return {"which": which, "direction": np.concatenate([mean, np.outer(left, right).ravel()])}


def grids_noise_and_direction(draw: Draw) -> dict:
    given = grids_and_noise(draw)
    return given | grid_and_direction(draw, given["models"])


@theorem(GAO, "pointwise", grids_noise_and_direction, cancels=EITHER_SIGN)
def multigrid_contrast_has_two_phases_on_each_grid(impl, sides, models, eta, n_steps, x, z, which, direction):
    r"""The gradient in a grid's parameters is that of contrastive divergence on it, with the samples as constants.

    \nabla_{\theta_s} = (\nabla_{\theta_s} E_s)(D_s x) - (\nabla_{\theta_s} E_s)(\tilde x_s)"""

    def samples(models):
        return tuple(stepped(noise[0], e, noise[-1])(model) for model, e, noise in zip(models, eta, z))

    left = slopes(impl, models, which, direction, x, samples)
    here, there = x @ averaging(sides[which], sides[-1]).T, samples(models)[which]
    phases = [sign * energy_gradients(models[which], at) * direction for sign, at in ((1, here), (-1, there))]
    return Sides([left], [term for phase in phases for term in phase.T])


def gaussian_images(draw: Draw) -> dict:
    """Images and energies of zero mean, and the grid and direction of the gradient."""
    given = grids(draw)
    models = [Model("quadratic", model.parameters | {"mean": np.zeros(model.d)}) for model in given["models"]]
    more = grid_and_direction(draw, models)
    return given | {"models": models, "cov": spring(draw, given["sides"][-1] ** 2)} | more


def rule(cov, sides, n_steps) -> tuple:
    """Images (2 N, S^2) and noise for each grid, with equal weights and the moments of N(0, cov) and N(0, I)."""
    shapes = [(k, s**2) for s, k in zip(sides, n_steps)]
    d, N = len(cov), len(cov) + sum(k * p for k, p in shapes)
    nodes = np.sqrt(N) * np.concatenate([np.eye(N), -np.eye(N)])
    cuts = np.cumsum([d, *(k * p for k, p in shapes)])
    noise = [np.moveaxis(nodes[:, a:b].reshape(2 * N, k, p), 0, 1) for a, b, (k, p) in zip(cuts[:-1], cuts[1:], shapes)]
    return nodes[:, :d] @ np.linalg.cholesky(cov).T, noise


def covariances(sides, models, eta, n_steps, cov) -> list[tuple[np.ndarray, ...]]:
    """For each grid, the parts of the covariance that come from the start and from the steps of the chain."""
    mean, coarse, found = averaging(1, sides[-1]), 1, []
    before = mean @ cov @ mean.T
    for side, model, A, e, k in zip(sides, models, step_matrices(models, eta), eta, n_steps):
        U, P = repeating(coarse, side), model.parameters["precision"]
        resting = np.linalg.inv(P - 0.5 * e * P @ P)  # the stationary covariance of the steps
        kept = power(A, k) @ U @ before @ U.T @ power(A, k), resting, -power(A, k) @ resting @ power(A, k)
        before, coarse = sum(kept), side
        found.append(kept)
    return found


@theorem(GAO, "enumeration", gaussian_images, cancels=EITHER_SIGN)
def multigrid_chain_keeps_the_law_of_the_coarser_grid(impl, sides, models, eta, n_steps, cov, which, direction):
    r"""For Gaussian images the covariance on a grid is what the steps keep of the coarser grid's plus what they add.

    \tilde C_s = A^l U \tilde C_{s-1} U^\top A^l + C_* - A^l C_* A^l,\ C_* = (P_s - \tfrac\eta2 P_s^2)^{-1},\
    A = I - \eta P_s,\ \tilde C_0 = D_1 \Sigma D_1^\top"""
    x, z = rule(cov, sides, n_steps)
    y = chain(impl, models, x, eta, z)[which]
    return Sides([outer(y, y) / len(x)], [part[None] for part in covariances(sides, models, eta, n_steps, cov)[which]])


def expected_slope(impl, models, which, direction, eta, n_steps, cov, sides):
    """The terms of the expected derivative along a direction of one grid's precision, and that direction."""
    x, z = rule(cov, sides, n_steps)
    d = models[which].d
    along = np.concatenate([np.zeros(d), direction[d:]])
    terms = slopes(impl, models, which, along, x, lambda models: chain(impl, models, x, eta, z)) / len(x)
    return terms, direction[d:].reshape(d, d)


@theorem(GAO, "enumeration", gaussian_images, cancels=EITHER_SIGN)
def multigrid_contrast_matches_covariances(impl, sides, models, eta, n_steps, cov, which, direction):
    r"""For Gaussian images the expected gradient in a grid's precision is half of data minus sample covariance.

    \mathbb E \nabla_{P_s} \text{row} = \tfrac12 \big(D_s \Sigma D_s^\top - \tilde C_s\big)"""
    terms, V = expected_slope(impl, models, which, direction, eta, n_steps, cov, sides)
    D = averaging(sides[which], sides[-1])
    parts = covariances(sides, models, eta, n_steps, cov)[which]
    return Sides([terms], [np.ravel(0.5 * V * part) for part in (D @ cov @ D.T, *(-part for part in parts))])


def true_precision(cov, eta) -> np.ndarray:
    """The precision P whose Langevin steps leave N(0, cov) invariant: P - eta/2 P^2 = cov^{-1}, the smaller root."""
    values, vectors = np.linalg.eigh(cov)
    return vectors @ np.diag((1 - np.sqrt(1 - 2 * eta / values)) / eta) @ vectors.T


@theorem(GAO, "enumeration", gaussian_images, cancels=EITHER_SIGN)
def multigrid_contrast_is_not_zero_at_the_truth(impl, sides, models, eta, n_steps, cov, which, direction):
    r"""Even where long chains have the law of the data, the gradient is not zero if few steps keep the coarser start.

    \mathbb E \nabla_{P_s} \text{row} = \tfrac12 A^l \big(\Sigma_s - U \tilde C_{s-1} U^\top\big) A^l,\
    \Sigma_s = D_s \Sigma D_s^\top = (P_s - \tfrac\eta2 P_s^2)^{-1}"""
    shares = [averaging(side, sides[-1]) @ cov @ averaging(side, sides[-1]).T for side in sides]
    eta = np.array([min(e, 0.2 * np.linalg.eigvalsh(share)[0]) for e, share in zip(eta, shares)])
    models = [
        Model("quadratic", {"mean": np.zeros(len(share)), "precision": true_precision(share, e)})
        for share, e in zip(shares, eta)
    ]
    terms, V = expected_slope(impl, models, which, direction, eta, n_steps, cov, sides)
    left = power(step_matrices(models, eta)[which], n_steps[which])
    start = covariances(sides, models, eta, n_steps, cov)[which][0]
    return Sides([terms], [np.ravel(0.5 * V * part) for part in (left @ shares[which] @ left, -start)])
