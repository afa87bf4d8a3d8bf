r"""Multi-grid contrastive divergence: one energy per image size; samples on each grid start from the coarser grid's.

An image of S x S pixels is a row of S^2 numbers, line by line, S a power of 2. D_s averages blocks, which leaves s x s
pixels; U repeats pixels. Errors: E-IMAGE for rows that are no such image, for sizes that do not fit, and if there are
not as many grids as energies; E-SHAPE.
"""

import math

import autograd.numpy as np

from refebm.calculus import held
from refebm.glossary import Energies, GridImages, Images, InputError, Loss, OtherImages, Size, memory, rows


@rows
def block_means(x: Images, size: Size) -> OtherImages:
    r"""D_s x: the mean of each block of S/s x S/s pixels, (n, s^2), for images of S x S pixels and s = size.

    $$(D_s x)_{ij} = (s/S)^2 \sum_{a, b < S/s} x_{iS/s + a,\ jS/s + b}$$

    x (n, S^2); size a power of 2, at most S. The mean of the whole image is D_1 x.
    Source: Gao et al. 2018, multi-grid modeling and sampling
    """
    k = blocks_to(size, side_of(x))
    blocks = np.reshape(x, (len(x), size, k, size, k))
    return np.reshape(np.mean(blocks, axis=(2, 4)), (len(x), -1))


@rows
def repeated_pixels(x: Images, size: Size) -> OtherImages:
    r"""U x: each pixel becomes a block of equal pixels, (n, S^2), for images of s x s pixels and S = size.

    $$(U x)_{ij} = x_{\lfloor i s/S \rfloor,\ \lfloor j s/S \rfloor}$$

    x (n, s^2); size a power of 2, at least s. D_s U x = x, and U = (S/s)^2 D_s^T.
    Source: Gao et al. 2018, multi-grid modeling and sampling
    """
    memory(len(x), size, size)
    return repeated(x, size)


@rows
def multigrid_contrastive_divergence(energies: Energies, x: Images, x_model: GridImages) -> Loss:
    r"""sum_s E_s(D_s x) - E_s(x~_s), (n,), over all grids s, with the samples x~_s held constant.

    $$\sum_s \left[E_s(D_s x) - E_s(\tilde x_s)\right],\quad \tilde x_s \text{ held constant}$$

    energies: (E_1, ..., E_G), each (n, s^2) -> (n,) with its own parameters; x (n, S^2); x_model: the images (n, s^2)
    of each grid, from coarse to fine, the last as large as x, such as `multigrid_chain` returns. Unlike that of CD, the
    mean gradient is not zero at the truth if the chain is short.
    Also: multi-grid modeling and sampling, multi-grid CD
    Source: Gao et al. 2018, multi-grid modeling and sampling
    """
    of_each("x_model", x_model, energies)
    return sum(energy(block_means(x, side_of(y))) - energy(held(y)) for energy, y in zip(energies, x_model))


def repeated(x: np.ndarray, size: int) -> OtherImages:
    """U x, for images that may be NaN."""
    side = side_of(x)
    k = blocks_to(side, size)
    return np.reshape(np.reshape(x, (len(x), side, 1, side, 1)) * np.ones((k, 1, k)), (len(x), -1))


def side_of(x: np.ndarray) -> int:
    """The number of pixels along a side of an image."""
    return math.isqrt(x.shape[-1])


def blocks_to(coarse: int, fine: int) -> int:
    """fine/coarse, both in pixels a side: the number of fine pixels along a side of a coarse pixel."""
    if fine % coarse or (fine // coarse) & (fine // coarse - 1):
        raise InputError(
            "E-IMAGE", f"size must be 2^k times that of x, or that of x over 2^k; got {coarse} and {fine} pixels a side"
        )
    return fine // coarse


def of_each(name: str, given: tuple, callables: tuple) -> None:
    """Refuse unless there are as many as callables, one for each grid."""
    if len(given) != len(callables):
        raise InputError("E-IMAGE", f"{name} must have one part for each of {len(callables)} grids; got {len(given)}")
