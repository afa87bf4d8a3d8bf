r"""Expectations with a certificate: E_p[f] as a sum of terms, and how much it changes on a finer or a wider lattice."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple, Protocol

import numpy as np
from numpy.polynomial.hermite_e import hermegauss

from refebm.glossary import (
    DomainError,
    InputError,
    InputTypeError,
    asked,
    count_or_none,
    see_callable,
    unmasked,
    vector,
)
from refebm.truth.densities import SMALLEST, Gaussian, GaussianMixture

SETTLED = 1e-9  # the largest relative change of an expectation that is trusted
ROUNDOFF = np.finfo(float).eps
MOST_NODES = (20_000, 1_500_000)  # for d = 1, for d > 1; too few for a kink, whose error h^2 stays above 1e-9
MOST_ON_AXIS = 350  # nodes of a Gauss rule; with some more the weights overflow
OTHER = round(2**36.5) / 2**36  # sqrt(2) to 36 bits: the grain of a lattice incommensurable with the main one
CHUNK = 2**14  # rows for which a function is called at once


class Expectation(NamedTuple):
    r"""terms[i][j]: weight times value of function i at node j. change: a bound of the relative error of the sums.

    It is the largest change of any sum on a finer, another or a wider lattice, divided by sum |terms|; a share of
    2^-52 (one roundoff) of the terms in the tails counts as 1e-9. The amount by which the sum of the weights differs
    from 1, through roundoff of the nodes and of log_prob, is added. If the change is above 1e-9 the lattice did not
    settle: do not trust the value.
    """

    terms: list[np.ndarray]
    change: float

    def __repr__(self) -> str:
        return f"Expectation(value={_line(self.value)}, change={self.change:.1e}, settled={self.settled})"

    @property
    def settled(self) -> bool:
        """Whether the value can be trusted: the change is at most 1e-9."""
        return bool(self.change <= SETTLED)

    @property
    def value(self) -> np.ndarray | list[np.ndarray]:
        """E f of each of k functions, the sum of its terms: an array (k, ...) if their shapes agree, else a list."""
        return _together([total(term) for term in self.terms])

    @property
    def error(self) -> np.ndarray | list[np.ndarray]:
        """An estimate of the error of each value: (change + roundoff) times its sum |terms|."""
        sizes = [total(np.abs(term)) for term in self.terms]
        nothing = 0.0 if self.settled else np.inf
        return _together([np.where(size > 0, (self.change + ROUNDOFF) * size, nothing) for size in sizes])


def _together(values):
    return np.array(values) if len({np.shape(value) for value in values}) == 1 else values


def _line(value):
    if isinstance(value, list):
        return f"[{', '.join(map(_line, value))}]"
    form = {"separator": ", ", "threshold": 8, "edgeitems": 2, "formatter": {"all": "{:.10g}".format}}
    return " ".join(np.array2string(value, **form).split())


class Density(Protocol):
    """What a density of your own must have, for `expect`.

    log_prob: the logarithm of the density, which integrates to 1; -inf where the density is 0. score: the gradient of
    log_prob, for theorems that need it. box: (low, high), floats or (d,) each, the ends of a box that holds the mass.
    The box is widened if it holds too little mass, and the lattice refined if the box is too wide. If the density has
    a kink or a jump, no lattice settles.
    """

    box: tuple

    def log_prob(self, x: np.ndarray) -> np.ndarray: ...  # (n, d) -> (n,)

    def score(self, x: np.ndarray) -> np.ndarray: ...  # (n, d) -> (n, d)


class Boxed:
    """A caller's density, with the methods that a lattice needs: its box counts as 10 deviations on each side."""

    widest = 150.0

    def __init__(self, density: Density):
        low, high = (vector(f"density.box, its {end} end,", side) for end, side in zip(("low", "high"), density.box))
        if low.shape != high.shape or not np.all(low < high):
            raise InputError("E-BOX", f"density.box must be (low, high) with low < high, got {density.box}")
        self._log_prob, self.d, self.centre, self.unit = (
            density.log_prob,
            len(low),
            0.5 * (low + high),
            (high - low) / 20,
        )

    def log_prob(self, x):
        log_p = unmasked("density.log_prob", asked("density.log_prob", self._log_prob, x))
        if log_p.shape != (len(x),) or log_p.dtype.kind not in "fiub":
            raise InputError(
                "E-DENSITY",
                f"density.log_prob must return real values (m,) for m = {len(x)} rows; "
                f"got {log_p.dtype} of shape {log_p.shape}",
            )
        if not np.all(log_p < np.inf):
            raise DomainError("E-DENSITY", f"density.log_prob is {log_p[~(log_p < np.inf)][0]} in its box")
        return log_p

    def substitute(self, u):
        return self.centre + u, 0.0

    def box(self, radius):
        return -radius * self.unit, radius * self.unit


def _as_density(density):
    """A density of refebm as it is; one of the caller's as a `Boxed` whose class has the caller's name, for errors."""
    if isinstance(density, type) or not callable(getattr(density, "log_prob", None)):
        raise InputTypeError("E-DENSITY", f"density must have log_prob and a box, got {type(density).__name__}")
    if hasattr(density, "substitute"):
        return density
    box = getattr(density, "box", None)
    if not (isinstance(box, (tuple, list)) and len(box) == 2):
        raise InputTypeError("E-BOX", f"density.box must be (low, high), the ends of its mass, got {box}")
    return type(type(density).__name__, (Boxed,), {})(density)


class Lattice(NamedTuple):
    """Nodes x (m, d), their weights (m,) and log p (m,).

    The lattice covers the box of some radius + 2. coarse (m,): whether a node is on the lattice of twice the spacing
    too. narrow (m,): whether it is in the box of that radius.
    """

    x: np.ndarray
    weights: np.ndarray
    log_p: np.ndarray
    coarse: np.ndarray
    narrow: np.ndarray


def expect(functions: Sequence[Callable], density, *, degree: int | None = None) -> Expectation:
    r"""E_p[f(X)] for each f, by the trapezoid rule on a wide box: geometric convergence for analytic integrands.

    $$\mathbb E_p[f(X)] = \int f(x)\, p(x)\, dx \approx \sum_j w_j\, f(x_j),\quad w_j = h^d\, p(x_j)$$

    >>> fourth = refebm.expect([lambda x: x[:, 0] ** 4], refebm.standard_normal(1))
    >>> round(float(fourth.value[0]), 12), fourth.settled
    (3.0, True)

    functions: callables of rows (m, d) that return (m,) or (m, ...). density: any of `refebm.truth.densities`, or one
    of your own with log_prob and box (`Density`).
    The spacing is halved until h and h/2 agree to 1e-9 of sum |terms|, and the box is widened until the terms between
    radius r and r + 2 are below roundoff. If f is analytic and varies no faster than the density, the rule of spacing
    h/2 is then right to roundoff. A lattice of an incommensurable spacing must agree as well: it sees oscillations
    that h and h/2 both miss. The certificate does not cover what no lattice sees: a spike between the nodes, or a
    second bump of p f beyond the box, more than 12 deviations from every component.
    With `degree`, for a Gaussian: the Gauss-Hermite product rule that is exact for polynomials of that degree, checked
    against the next larger rule. Degree 4 takes three nodes per axis, so that d = 8 is cheap.
    A lattice that would be too large if refined again is returned with its change, which is then above 1e-9.
    Errors: DomainError E-DIVERGES if no wider box settles it: the expectation is infinite, its tail is too heavy, or
    it overflows towards the end of the box; E-SETTLED if a function is NaN, or infinite at a node inside the box;
    E-SIZE if even the first lattice, or the rule of that degree, has too many nodes; E-NORMALISED if the integral of
    exp(log_prob) is not 1; E-DOMAIN for a degree with a density that is no Gaussian. E-DENSITY, E-BOX for what is no
    density; E-CALLABLE, E-MASKED for the functions; E-COUNT, E-SIZE for degree.
    Source: Trefethen and Weideman 2014, section 5 (trapezoid rule); Golub and Welsch 1969 (Gauss rules)
    """
    if not isinstance(functions, (list, tuple)) or not functions:
        raise InputTypeError("E-CALLABLE", "functions must be a list of callables of rows, at least one")
    for i, function in enumerate(functions):
        see_callable(f"functions[{i}]", function)
    density = _as_density(density)
    if degree is not None:
        return _polynomial(functions, density, count_or_none("degree", degree))
    lattice, terms, change = settled(functions, density)
    whole = total(lattice.weights)
    coarse = 2**density.d * lattice.weights[lattice.coarse]
    if abs(whole - 1) > np.sqrt(SETTLED) and _change(lattice.weights, coarse) <= SETTLED:
        raise DomainError("E-NORMALISED", f"the integral of exp(density.log_prob) must be 1, it is {whole:.10g}")
    return Expectation(terms, change)


def settled(functions: Sequence[Callable], density) -> tuple["Lattice", list[np.ndarray], float]:
    """Widen the box or halve the spacing, whichever has not settled yet, until both have or the lattice is too large.

    Returns the last lattice, the terms on it, and their change, as defined in `Expectation`.
    Errors: DomainError E-SETTLED, E-SIZE, E-DIVERGES, as in `expect`.
    """
    step, radius, most = 0.25, min(10.0, density.widest), MOST_NODES[density.d > 1]
    if np.isinf(_size(density, step, radius)):
        raise DomainError(
            "E-SETTLED",
            f"a lattice for this {type(density).__name__} needs nodes closer together than neighbouring floats: "
            "shift the density towards 0",
        )
    if _size(density, step, radius) > most:
        raise DomainError(
            "E-SIZE",
            f"a lattice for this {type(density).__name__} with d = {density.d} has more than {most} nodes, "
            + _how_to_do_with_fewer(density),
        )
    while True:
        lattice = trapezoid(density, step, radius)
        terms = _terms(functions, lattice)
        finer = np.max([_change(t, 2**density.d * t[lattice.coarse]) for t in terms])
        if finer <= SETTLED:
            others = _terms(functions, trapezoid(density, step, radius, OTHER))
            finer = np.max([finer, *(_change(t, other) for t, other in zip(terms, others))])
        tail = np.max([_share(t, ~lattice.narrow) for t in terms])
        if tail > SETTLED and radius >= density.widest:
            raise DomainError(
                "E-DIVERGES",
                f"the expectation under {type(density).__name__} has {tail:.1e} of its terms between the two widest "
                "boxes: it is infinite, or its tail too heavy to be computed",
            )
        defect = abs(total(lattice.weights) - 1)
        wide = radius >= density.widest
        tail, beyond = (0.0, 2 * tail) if wide else (tail, tail * SETTLED / ROUNDOFF)
        spread = defect > SETTLED and not wide and _share(lattice.weights, ~lattice.narrow) > ROUNDOFF
        refined = (step, min(1.5 * radius, density.widest)) if tail > ROUNDOFF or spread else (step / 2, radius)
        if (finer <= SETTLED and tail <= ROUNDOFF and defect <= SETTLED) or _size(density, *refined) > most:
            below = np.max([_below_smallest(f, t, lattice, density) for f, t in zip(functions, terms)])
            noise = (defect + 2 * ROUNDOFF) * np.max([_sensitivity(t, lattice) for t in terms])
            return lattice, terms, float(np.maximum(finer, beyond) + noise + below)
        step, radius = refined


def _how_to_do_with_fewer(density):
    if isinstance(density, Gaussian):
        return "as fine as it must be: for d <= 8 state a degree, or draw samples and average"
    if isinstance(density, GaussianMixture):
        fewer = "average the expectations under its components, each with its weight"
        return f"from one component to the others, as fine as the narrowest needs: {fewer}, or draw samples and average"
    return "as wide and as fine as its box: draw samples and average"


def _sensitivity(terms, lattice):
    """The factor by which an error of log_prob, if it grows as 1 + |log_prob|, weighs more in the terms than in the
    weights, at least 1."""
    held = lattice.weights > 0
    size = np.zeros(len(held))
    size[held] = 1 + np.abs(lattice.log_p[held])
    mean = total(lattice.weights * size)
    return max(1.0, 2 * _largest(total((np.abs(terms).T * size).T), terms) / mean) if mean > 0 else 1.0


def _below_smallest(function, terms, lattice, density):
    """The relative change of the terms if nodes held at the smallest float move up to its square root.

    Below the smallest float a function cannot be evaluated: the expectation must not depend on its values there.
    """
    stuck = lattice.x == SMALLEST
    rows = np.any(stuck, axis=1)
    if not np.any(rows):
        return 0.0
    x = np.where(stuck, np.sqrt(SMALLEST), lattice.x)[rows]
    moved = (_by_chunks(function, x).T * lattice.weights[rows]).T - terms[rows]
    change = _largest(total(np.abs(moved)), terms)
    if not change <= SETTLED:
        raise DomainError(
            "E-DIVERGES",
            f"the expectation under {type(density).__name__} is infinite, or depends on values of x below the smallest "
            f"float: {total(lattice.weights[rows]):.1e} of the probability lies there",
        )
    return change


def _grid(density, step, radius, grain=13 / 16):
    """The spacing in each coordinate, and the first and the last multiple of it in the box of radius + 2.

    The spacing is the grain times a power of two near step * unit, so that nodes are exact in floating point. The
    grain 13/16 avoids powers of two, on which a function of period 1, 1/2, 1/4, ... would look constant; a second
    grain is needed because a function of the period of the spacing looks constant too.
    """
    spacing = grain * 2.0 ** np.floor(np.log2(step * density.unit))
    low, high = density.box(radius + 2)
    return spacing, np.floor(low / spacing), np.ceil(high / spacing)


def _size(density, step, radius):
    _, first, last = _grid(density, step, radius)
    apart = np.all(np.maximum(np.abs(first), np.abs(last)) < 2.0**53)  # else neighbouring nodes round to one float
    return np.prod(last - first + 1) if apart else np.inf


def trapezoid(density, step: float, radius: float, grain: float = 13 / 16) -> Lattice:
    """The trapezoid rule for `density` in its own coordinates u, on the box of radius + 2."""
    spacing, first, last = _grid(density, step, radius, grain)
    axes = [h * np.arange(a, b + 1) for h, a, b in zip(spacing, first, last)]
    u = np.stack([grid.ravel() for grid in np.meshgrid(*axes, indexing="ij")]).T
    x, log_dx = density.substitute(u)
    x = np.asfortranarray(x)  # one coordinate after the other in memory, as in u: sums over coordinates are then fast
    low, high = density.box(radius)
    log_p = _by_chunks(density.log_prob, x)
    return Lattice(
        x,
        np.prod(spacing) * np.exp(log_p + log_dx),
        log_p,
        np.all(np.round(u / spacing) % 2 == 0, axis=1),
        np.all((low <= u) & (u <= high), axis=1),
    )


def _by_chunks(function, x):
    return np.concatenate([_rows_of(function, x[i : i + CHUNK]) for i in range(0, len(x), CHUNK)])


def _rows_of(function, x):
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # values that are not finite are refused below
        values = unmasked("functions", asked("functions", function, x))
    if values.ndim == 0 or len(values) != len(x) or values.dtype.kind not in "fiub":
        raise InputError(
            "E-CALLABLE",
            f"functions must return real values (m,) or (m, ...) for m = {len(x)} rows; "
            f"got {values.dtype} of shape {values.shape}",
        )
    return values


def fits(density) -> bool:
    """Whether a lattice for this density can be refined at least once."""
    return _size(density, 0.125, 10.0) <= MOST_NODES[density.d > 1]


def _terms(functions, lattice):
    values = [_by_chunks(function, lattice.x) for function in functions]
    for i, value in enumerate(values):
        if not np.all(np.isfinite(value)):
            _refuse(i, np.reshape(value, (len(value), -1)), lattice)
    return [(value.T * lattice.weights).T for value in values]


def _refuse(i, value, lattice):
    """Refuse a value that is not finite, even at a weight of 0: the weight may be 0 only because of underflow."""
    lost = np.any(np.isnan(value), axis=1)
    first = int(np.argmax(lost if np.any(lost) else np.any(np.isinf(value), axis=1)))
    at = f"functions[{i}] is {value[first][~np.isfinite(value[first])][0]} at x = {lattice.x[first].tolist()}"
    if not np.any(lost) and np.any(np.isinf(value[~lattice.narrow])):
        raise DomainError("E-DIVERGES", f"{at}, towards the end of the box: the expectation is infinite, or overflows")
    raise DomainError("E-SETTLED", f"{at}, where the density has a weight of {lattice.weights[first]:.1e}")


def total(terms: np.ndarray) -> np.ndarray:
    """The pairwise sum over the first axis, moved to the end first: numpy sums pairwise along the last axis only."""
    return np.sum(np.ascontiguousarray(np.moveaxis(terms, 0, -1)), axis=-1)


def _change(terms, other):
    """|sum of terms - sum of other|/sum |terms|, the largest over the entries of the function's values, or NaN."""
    return _largest(np.abs(total(terms) - total(other)), terms)


def _share(terms, mask):
    """The share of sum |terms| at the nodes in `mask`, the largest over the entries of the values, or NaN."""
    return _largest(total(np.abs(terms[mask])), terms)


def _largest(part, terms):
    whole = total(np.abs(terms))
    return float(np.max(part / np.where(whole == 0, 1, whole)))


def _polynomial(functions, density, degree):
    if not isinstance(density, Gaussian):
        raise DomainError("E-DOMAIN", f"degree is for a Gaussian only, got {type(density).__name__}")
    terms, more = (_terms(functions, gauss_hermite(density, degree // 2 + 1 + extra)) for extra in (0, 1))
    return Expectation(terms, float(np.max([_change(fine, coarse) for fine, coarse in zip(more, terms)])))


def gauss_hermite(density: Gaussian, nodes: int) -> Lattice:
    """The product rule with `nodes` nodes per axis, exact for polynomials of degree 2 nodes - 1 in each coordinate.

    Errors: DomainError E-SIZE for more than 1,500,000 nodes, or 350 on an axis.
    """
    d = len(density.mean)
    if nodes > MOST_ON_AXIS or nodes**d > MOST_NODES[1]:
        raise DomainError(
            "E-SIZE",
            f"the rule has {nodes}^{d} nodes, at most {MOST_NODES[1]} are computed, {MOST_ON_AXIS} on an axis: ask for "
            "a lower degree, or draw samples and average",
        )
    u, w = hermegauss(nodes)
    u, w = (np.array(list(product(a, repeat=len(density.mean)))) for a in (u, w / np.sum(w)))
    everywhere, x = np.ones(len(u), bool), density.substitute(u)[0]
    return Lattice(x, np.prod(w, axis=1), density.log_prob(x), everywhere, everywhere)
