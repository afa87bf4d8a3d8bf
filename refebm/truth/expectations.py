r"""Expectations with a certificate: E_p[f] as a sum of terms, and how far it moves on a finer or a wider lattice."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple, Protocol

import numpy as np
from numpy.polynomial.hermite_e import hermegauss

from refebm.glossary import DomainError, InputError, InputTypeError, array, asked, count_or_none, see_callable, vector
from refebm.truth.densities import SMALLEST, Gaussian

SETTLED = 1e-9
ROUNDOFF = np.finfo(float).eps
MOST_NODES = (20_000, 1_500_000)  # on the line, beyond it: a kink, h^2, does not reach 1e-9 with so few
OTHER = round(2**35.5) / 2**36  # the grain of another lattice, irrational but for the bits that products need
CHUNK = 2**14


class Expectation(NamedTuple):
    r"""terms[i][j]: weight times value of function i at node j; change: the largest relative change of any of them.

    Relative means to sum |terms|; what lies in the tails counts 1e-9 for each roundoff. The weights themselves should
    sum to one: by how much they do not, for the roundoff of the nodes and of log_prob, is a change too. Above 1e-9 the
    lattice did not settle, and the value is not to be trusted.
    """

    terms: list[np.ndarray]
    change: float

    def __repr__(self) -> str:
        return f"Expectation(value={_line(self.value)}, change={self.change:.1e}, settled={self.settled})"

    @property
    def settled(self) -> bool:
        """Whether the value is to be trusted."""
        return bool(self.change <= SETTLED)

    @property
    def value(self) -> np.ndarray | list[np.ndarray]:
        """E f of each function: the sum of its terms. One array (k, ...) of k functions whose shapes are the same."""
        return _together([total(term) for term in self.terms])

    @property
    def error(self) -> np.ndarray | list[np.ndarray]:
        """The estimate of each value's error: its change, and the roundoff of the sum."""
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
    """A density of your own, for `expect`.

    log_prob: the logarithm of the density, which integrates to 1; -inf where it is 0. score: its gradient, for theorems
    that ask for it. box: the ends (low, high) of a box that holds its mass, floats or (d,) each. It is widened where it
    holds too little, and nodes are added where it is too wide. Beyond a kink or a jump no lattice settles.
    """

    box: tuple

    def log_prob(self, x: np.ndarray) -> np.ndarray: ...  # (n, d) -> (n,)

    def score(self, x: np.ndarray) -> np.ndarray: ...  # (n, d) -> (n, d)


class Boxed:
    """A density that states a box, for a lattice as if it were one of refebm's: 10 deviations either way."""

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
        log_p = array("density.log_prob", asked("density.log_prob", self._log_prob, x))
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


def _known(density):
    """One of refebm's densities, or a density of the caller's by the name that errors call it by."""
    if isinstance(density, type) or not callable(getattr(density, "log_prob", None)):
        raise InputTypeError("E-DENSITY", f"density must have log_prob and a box, got {type(density).__name__}")
    if hasattr(density, "substitute"):
        return density
    box = getattr(density, "box", None)
    if not (isinstance(box, (tuple, list)) and len(box) == 2):
        raise InputTypeError("E-BOX", f"density.box must be (low, high), the ends of its mass, got {box}")
    return type(type(density).__name__, (Boxed,), {})(density)


class Lattice(NamedTuple):
    """Nodes x (m, d), weights (m,), log p there, and the masks of every other node and of the narrower box."""

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
    of your own with log_prob, score and box (`Density`).
    The spacing is halved until h and h/2 agree to 1e-9 of sum |terms|, and the box widened until what lies between
    radius r and r + 2 is below roundoff. For an analytic f that varies no faster than the density h/2 is then right
    to roundoff. A lattice of another spacing must agree too, which sees oscillations that h and h/2 both miss. What
    no lattice sees is not certified: a spike between the nodes, or a second bump of p f beyond the box, further
    than 12 deviations from every component.
    With `degree`, and a Gaussian: the Gauss-Hermite product rule that is exact for polynomials of that degree, checked
    against the next rule. Degree 4 takes three nodes an axis, so that d = 8 is cheap.
    A lattice that is too large to be refined further is returned with its change, which is then above 1e-9.
    Errors: DomainError E-DIVERGES when no wider box settles it: the expectation is infinite, or its tail too heavy, or
    it overflows towards the end of the box; E-SETTLED where a function is NaN, or infinite at a node inside; E-SIZE
    where not even a first lattice is small enough, or a rule of that degree has too many nodes; E-NORMALISED where
    exp(log_prob) has another integral than 1. E-DENSITY, E-BOX for a density that is none.
    Source: Trefethen and Weideman 2014, section 5 (trapezoid rule); Golub and Welsch 1969 (Gauss rules)
    """
    if not isinstance(functions, (list, tuple)) or not functions:
        raise InputTypeError("E-CALLABLE", "functions must be a list of callables of rows, at least one")
    for i, function in enumerate(functions):
        see_callable(f"functions[{i}]", function)
    density = _known(density)
    if degree is not None:
        return _polynomial(functions, density, count_or_none("degree", degree))
    lattice, terms, change = settled(functions, density)
    whole = total(lattice.weights)
    coarse = 2**density.d * lattice.weights[lattice.coarse]
    if abs(whole - 1) > np.sqrt(SETTLED) and _change(lattice.weights, coarse) <= SETTLED:
        raise DomainError("E-NORMALISED", f"exp(density.log_prob) must have the integral 1, it has {whole:.10g}")
    return Expectation(terms, change)


def settled(functions: Sequence[Callable], density) -> tuple["Lattice", list[np.ndarray], float]:
    """Widen the box or halve the spacing, whichever has not settled, until both have or the lattice is too large.

    Returns the last lattice, the terms on it, and how much they changed, as in `expect`.
    """
    step, radius, most = 0.25, min(10.0, density.widest), MOST_NODES[density.d > 1]
    if np.isinf(_size(density, step, radius)):
        raise DomainError(
            "E-SETTLED",
            f"the nodes of a lattice for this {type(density).__name__} are nearer to each other than floats are there: "
            "shift the density towards 0",
        )
    if _size(density, step, radius) > most:
        raise DomainError(
            "E-SIZE",
            f"a lattice for this {type(density).__name__} with d = {density.d} has more than {most} nodes; "
            "up to d = 8 a Gaussian has rules of given degree",
        )
    while True:
        lattice = trapezoid(density, step, radius)
        terms = _terms(functions, lattice)
        finer = np.max([_change(t, 2**density.d * t[lattice.coarse]) for t in terms])
        if finer <= SETTLED:
            others = _terms(functions, trapezoid(density, step, radius, OTHER if density.d == 1 else 2 * OTHER))
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
            beneath = np.max([_beneath(f, t, lattice, density) for f, t in zip(functions, terms)])
            noise = (defect + 2 * ROUNDOFF) * np.max([_sensitivity(t, lattice) for t in terms])
            return lattice, terms, float(np.maximum(finer, beyond) + noise + beneath)
        step, radius = refined


def _sensitivity(terms, lattice):
    """How much more an error of log_prob, constant or as large as its value, does to the terms than to the weights."""
    held = lattice.weights > 0
    size = np.zeros(len(held))
    size[held] = 1 + np.abs(lattice.log_p[held])
    mean = total(lattice.weights * size)
    return max(1.0, 2 * _largest(total((np.abs(terms).T * size).T), terms) / mean) if mean > 0 else 1.0


def _beneath(function, terms, lattice, density):
    """How much hangs on what a function is below the smallest float, where its argument cannot go."""
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
            f"the expectation under {type(density).__name__} is infinite, or hangs on values of x below the smallest "
            f"float: {total(lattice.weights[rows]):.1e} of the probability lies there",
        )
    return change


def _grid(density, step, radius, grain=13 / 16):
    """Spacing, first and last multiple of it in each coordinate, for the box of radius + 2.

    The grain times a power of two near step * unit, so that nodes are exact in floating point. Of a power of two alone,
    a function of period 1, 1/2, 1/4 ... would look constant; of one grain alone, that of a period of the spacing.
    """
    spacing = grain * 2.0 ** np.floor(np.log2(step * density.unit))
    low, high = density.box(radius + 2)
    return spacing, np.floor(low / spacing), np.ceil(high / spacing)


def _size(density, step, radius):
    _, first, last = _grid(density, step, radius)
    apart = np.all(np.maximum(np.abs(first), np.abs(last)) < 2.0**53)  # nearer to each other than floats are
    return np.prod(last - first + 1) if apart else np.inf


def trapezoid(density, step: float, radius: float, grain: float = 13 / 16) -> Lattice:
    """The trapezoid rule for `density` in its own coordinates, the box of radius + 2 around the box of radius."""
    spacing, first, last = _grid(density, step, radius, grain)
    axes = [h * np.arange(a, b + 1) for h, a, b in zip(spacing, first, last)]
    u = np.stack([grid.ravel() for grid in np.meshgrid(*axes, indexing="ij")]).T
    x, log_dx = density.substitute(u)
    x = np.asfortranarray(x)  # as u: one coordinate after the other in memory, over which sums are fast
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
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # what is not finite is refused
        values = array("functions", asked("functions", function, x))
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
    """What is not finite is not summed: its weight may be zero for underflow alone."""
    lost = np.any(np.isnan(value), axis=1)
    first = int(np.argmax(lost if np.any(lost) else np.any(np.isinf(value), axis=1)))
    at = f"functions[{i}] is {value[first][~np.isfinite(value[first])][0]} at x = {lattice.x[first].tolist()}"
    if not np.any(lost) and np.any(np.isinf(value[~lattice.narrow])):
        raise DomainError("E-DIVERGES", f"{at}, towards the end of the box: the expectation is infinite, or overflows")
    raise DomainError("E-SETTLED", f"{at}, where the density has a weight of {lattice.weights[first]:.1e}")


def total(terms: np.ndarray) -> np.ndarray:
    """The sum over the first axis, pairwise: numpy sums pairwise along the last axis alone."""
    return np.sum(np.ascontiguousarray(np.moveaxis(terms, 0, -1)), axis=-1)


def _change(terms, other):
    """|sum of terms - sum of others| relative to the sum of |terms|, the largest over the entries; nan stays."""
    return _largest(np.abs(total(terms) - total(other)), terms)


def _share(terms, mask):
    """The share of sum |terms| that the nodes in `mask` hold, the largest over the entries; nan stays."""
    return _largest(total(np.abs(terms[mask])), terms)


def _largest(part, terms):
    whole = total(np.abs(terms))
    return float(np.max(part / np.where(whole == 0, 1, whole)))


def _polynomial(functions, density, degree):
    if not isinstance(density, Gaussian):
        raise DomainError("E-DOMAIN", f"a rule of given degree is for a Gaussian, got {type(density).__name__}")
    terms, more = (_terms(functions, gauss_hermite(density, degree // 2 + 1 + extra)) for extra in (0, 1))
    return Expectation(terms, float(np.max([_change(fine, coarse) for fine, coarse in zip(more, terms)])))


def gauss_hermite(density: Gaussian, nodes: int) -> Lattice:
    """The product rule with `nodes` an axis, exact for polynomials of degree 2 nodes - 1 in each coordinate.

    Errors: DomainError E-SIZE for more than 1,500,000 nodes.
    """
    d = len(density.mean)
    if nodes**d > MOST_NODES[1]:
        raise DomainError(
            "E-SIZE",
            f"the rule has {nodes}^{d} nodes, at most {MOST_NODES[1]} are computed: ask for a lower degree, or draw "
            "samples and average",
        )
    u, w = hermegauss(nodes)
    u, w = (np.array(list(product(a, repeat=len(density.mean)))) for a in (u, w / np.sum(w)))
    everywhere, x = np.ones(len(u), bool), density.substitute(u)[0]
    return Lattice(x, np.prod(w, axis=1), density.log_prob(x), everywhere, everywhere)
