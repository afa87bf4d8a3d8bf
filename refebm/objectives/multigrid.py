r"""Multi-grid contrastive divergence: an energy for each size of an image, each with samples from the coarser one.

An image of S x S pixels is a row of S^2 numbers, line by line, S a power of 2. D_s takes means over blocks, to s x s
pixels; U repeats pixels. Errors: E-IMAGE for what is no such image, for sizes that do not fit and for another number of
grids than energies, E-SHAPE.
"""

import math

import autograd.numpy as np

from refebm.calculus import held
from refebm.glossary import Energies, GridImages, Images, InputError, Loss, Size, Vectors, rows


@rows
def block_means(x: Images, size: Size) -> Vectors:
    r"""D_s x: the mean of each block of S/s x S/s pixels, (n, s^2), for images of S x S pixels and s = size.

    $$(D_s x)_{ij} = (s/S)^2 \sum_{a, b < S/s} x_{iS/s + a,\ jS/s + b}$$

    x (n, S^2); size a power of 2, at most S. The mean of the whole image is D_1 x.
    Source: Gao et al. 2018, multi-grid modeling and sampling
    """
    k = blocks_to(size, side_of(x))
    blocks = np.reshape(x, (len(x), size, k, size, k))
    return np.reshape(np.mean(blocks, axis=(2, 4)), (len(x), -1))


@rows
def repeated_pixels(x: Images, size: Size) -> Vectors:
    r"""U x: each pixel becomes a block of equal ones, (n, S^2), for images of s x s pixels and S = size.

    $$(U x)_{ij} = x_{\lfloor i s/S \rfloor,\ \lfloor j s/S \rfloor}$$

    x (n, s^2); size a power of 2, at least s. D_s U x = x, and U = (S/s)^2 D_s^T.
    Source: Gao et al. 2018, multi-grid modeling and sampling
    """
    return repeated(x, size)


@rows
def multigrid_contrastive_divergence(energies: Energies, x: Images, x_model: GridImages) -> Loss:
    r"""sum_s E_s(D_s x) - E_s(x~_s), (n,), over all grids s, with the samples x~_s held constant.

    $$\sum_s \left[E_s(D_s x) - E_s(\tilde x_s)\right],\quad \tilde x_s \text{ held constant}$$

    energies: (E_1, ..., E_G), (n, s^2) -> (n,) each, with parameters of their own; x (n, S^2); x_model: images of each
    grid, (n, s^2), from coarse to fine, the last as large as x, as of `multigrid_chain`, whose grids these are. With
    few steps of the chain the mean gradient is not zero at the truth, that of CD is.
    Also: multi-grid modeling and sampling, multi-grid CD
    Source: Gao et al. 2018, multi-grid modeling and sampling
    """
    of_each("x_model", x_model, energies)
    return sum(energy(block_means(x, side_of(y))) - energy(held(y)) for energy, y in zip(energies, x_model))


def repeated(x: np.ndarray, size: int) -> Vectors:
    """U x, of images that may be NaN."""
    side = side_of(x)
    k = blocks_to(side, size)
    return np.reshape(np.reshape(x, (len(x), side, 1, side, 1)) * np.ones((k, 1, k)), (len(x), -1))


def side_of(x: np.ndarray) -> int:
    """How many pixels a side of an image has."""
    return math.isqrt(x.shape[-1])


def blocks_to(coarse: int, fine: int) -> int:
    """How many pixels of the fine image stand along a side of one of the coarse."""
    if fine % coarse or (fine // coarse) & (fine // coarse - 1):
        raise InputError(
            "E-IMAGE", f"size must be 2^k times less or more than that of x; got {coarse} and {fine} pixels a side"
        )
    return fine // coarse


def of_each(name: str, given: tuple, callables: tuple) -> None:
    """There must be one of them for each grid."""
    if len(given) != len(callables):
        raise InputError("E-IMAGE", f"{name} must have one part for each of {len(callables)} grids; got {len(given)}")
