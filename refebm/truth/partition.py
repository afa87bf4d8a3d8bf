r"""int exp(-E(x)) dx for d = 1 and 2: find the wells of E, then integrate by a rule that is refined where it must be.

If E is smooth, the trapezoid rule on one lattice around all wells suffices: two spacings must agree. Otherwise the rule
is made of panels of Gauss-Lobatto nodes in u, where x = centre + scale sinh(u) is linear in the bulk and logarithmic in
the tails. The last Legendre coefficients of the integrand in a panel estimate its error: panels are halved until the
error is small, and outer panels are added on each side until the outermost holds no mass. In the plane the integrand
along x is itself such an integral along the line through x, with its own centre and scale, so that valleys may bend and
narrow. E is any callable of rows; no derivative is used, and +inf stands for a density of zero.

A well is a local minimum of E; its width is the distance at which E has risen by 1.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy
from numpy.polynomial.legendre import Legendre, legvander

from refebm.glossary import DomainError
from refebm.special import logsumexp

SETTLED = 1e-9  # the default tolerance of log Z
FINEST = (1e-11, 1e-10)  # aims for d = 1, and for each line of d = 2: derivatives of log Z need more than its value
ROUNDOFF = np.finfo(float).eps
U = np.concatenate([[-1.0], np.sort(Legendre.basis(11).deriv().roots().real), [1.0]])  # 12 Gauss-Lobatto nodes
W = 2 / (132 * legvander(U, 11)[:, 11] ** 2)  # and their weights
LAST = (np.arange(9, 11) + 0.5) * W[:, None] * legvander(U, 10)[:, 9:]  # values at U to Legendre coefficients 9 and 10
GRADE = 4.0  # a panel is at most 4 times as long as the width of the nearest well plus the distance to it
SEEN = 52.0  # nodes whose mass is below exp(-52) of Z are left out
NEGLIGIBLE = 40.0  # exp(-40) is below roundoff: wells higher than the deepest by this much are ignored
MOST_STARTS, MOST_SEEDS = 20, 256  # descents from the grid, wells along a line: at most so many
MOST_NODES = (300_000, 8_000_000)  # the most evaluations of E for d = 1 and 2
FARTHEST = 330.0  # the largest |u|: exp(330)^2 is still finite
MUCH = 1e-3  # a larger share of the mass in the outermost panel means divergence, not too few nodes
HEAVY = 70.0  # the mass that goes on beyond |u| = 70 is a heavy tail: no wall (E = +inf) is expected so far out
CORE = 7.6  # the grid on which wells are sought goes out to sinh(7.6) = 1000 in the plane
REACH = 20.0  # and to sinh(20) = 2e8 on the line
SMALL = 2.0 ** -np.arange(48)  # |x| of the grid that is tried next, where E is infinite on that one
GAPS = (1 / 8, 1 / 16, 1 / 32, 1 / 64)  # spacings in u of the points at which wells along a line are sought
MOST_ON_LATTICE = (20_000, 1_600_000)  # nodes; too few for a kink, whose error h^2 stays above 1e-9
REACHES = (1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 8)  # half sides of the lattice in u, tried in turn
FAR_OUT = 1001.0  # beyond this an energy may be NaN, as inf - inf is, and counts as +inf
LINES = 1024  # lines of the plane that are integrated at once
SHARP = 1e-6  # golden section goes on in a smaller bracket while the width found is below 1e-6 of it
FLAT = 20.0  # an outermost panel whose energy is within 20 of the lowest may be the start of a plateau
EMPTY, LOST, TAPERS = 1, 2, 3  # kinds of lines: E = +inf throughout; minimum not found; finite at a few points only
THIN = 3  # at most 3 finite points of the grid in a row, with empty lines beside: the domain tapers, it has no wall
RUNS = 8  # parts of a line on which E is finite, at most so many
ZOOMS = 8  # closer searches of the parts of a line that are thin, or that only its neighbours have
TIP = np.geomspace(1e-6, 1e-2, 24)  # their points, between the ends 0 and 1; also close to the middle, for tips
CLOSER = np.sort(np.concatenate([np.linspace(-0.25, 1.25, 96), 0.5 - TIP, 0.5 + TIP]))
GOLDEN = 0.5 * (np.sqrt(5) - 1)
FAINT = 1e-3  # a line whose mass is below 1e-3 of the heaviest line's needs fewer digits, in proportion
CLOSE = (2**15, 2**17)  # points of the closer grids around wells, for d = 1 and 2
NEAR = (CORE, 3.0)  # these grids go out to sinh(7.6) = 1000 widths of a well on the line, sinh(3) = 10 in the plane
AROUND = ((2**13, REACH), (2**15, CORE))  # points of a grid around the bulk, and how far it goes, in its deviations
DIP = 1 / 32  # the rise of E by which the width of a well found there is measured: it may be shallow
FINE = (2**17, 2**10)  # points on a side of the lattice on which islands between walls are sought, for d = 1 and 2
ISLAND = np.finfo(float).max  # the depth of an island between walls
SEARCHES = 10  # for islands that were not found before
CHUNK = 2**16  # rows for which E is called at once


class Nodes(NamedTuple):
    """x (m, d), the logarithms of their weights (m,), and the error of the logarithm of the sum."""

    x: np.ndarray
    log_weights: np.ndarray
    error: float


def quadrature(energy: Callable, d: int, tolerance: float = SETTLED) -> Nodes:
    r"""Nodes with which log int exp(-E) dx is log sum_i w_i exp(-E(x_i)), d = 1 or 2, to the tolerance.

    energy (m, d) -> (m,), a plain callable. Errors: DomainError E-DIVERGES, E-SETTLED, with the limit that was met.
    """
    energy = Counted(energy, MOST_NODES[d - 1])
    with np.errstate(all="ignore"):
        wells, widths, bulk = _wells(energy, d)
        axes = _axes(energy.search, wells[0], widths[0])
        if axes is None:
            nodes = _on_a_lattice(energy, wells, widths, bulk)
        else:
            turned = Counted(lambda y: energy(y @ axes.T, FAR_OUT), energy.most)
            nodes = _on_a_lattice(turned, *_wells(turned, d))
            nodes = nodes and nodes._replace(x=nodes.x @ axes.T)
        nodes = nodes or _by_panels(energy, wells, widths, tolerance)
        for _ in range(SEARCHES):
            hidden, narrow, islands = _hidden(Counted(energy.energy, np.inf), nodes, wells, widths)
            if len(hidden):
                wells, widths = np.concatenate([wells, hidden]), np.concatenate([widths, narrow])
                nodes = _by_panels(Counted(energy.energy, energy.most), wells, widths, tolerance)
            if not (len(hidden) and islands):  # of islands there may be more than a search finds
                _refuse_mass_outside(energy, nodes, tolerance)
                return nodes
    raise DomainError("E-SETTLED", f"{len(wells)} wells have been found, and more are found at each search for others")


def _refuse_mass_outside(energy, nodes, tolerance):
    """Refuse if a coarse sum out to the farthest points finds mass outside the nodes, such as a plateau of E.

    Its lattice is as fine as the bulk in the middle: far along one axis the mass may be as narrow across it."""
    low, high = np.min(nodes.x, axis=0), np.max(nodes.x, axis=0)
    mass = nodes.log_weights - energy.search(nodes.x)
    first, centre, last = _quartiles(nodes.x, np.exp(mass - np.max(mass)))
    d, scale = len(low), 0.5 * (last - first) + np.finfo(float).tiny
    axis, step = np.linspace(-FARTHEST, FARTHEST, 1321 if d == 1 else 83, retstep=True)
    x, log_dx = _stretched(_lattice(*[axis] * d), centre, scale, step)
    outside = np.any(np.abs(x - 0.5 * (low + high)) > 0.6 * (high - low), axis=1)
    x, log_dx = x[outside], log_dx[outside]
    log_f = log_dx - energy.search(x)
    if np.max(log_f) > np.max(mass) + np.log(tolerance):
        at = x[np.argmax(log_f)]
        raise DomainError(
            "E-DIVERGES",
            f"exp(-E) has no integral, or mass far out that no descent finds: energy is {-np.max(log_f - log_dx):.3g} "
            f"or less out to x = {at.tolist()}",
        )


def _quartiles(x, weights):
    """The three quartiles of each coordinate of weighted points, (3, d)."""
    order = np.argsort(x, axis=0)
    shares = np.cumsum(weights[order], axis=0) / np.sum(weights)
    at = np.stack([np.argmax(shares >= share, axis=0) for share in (0.25, 0.5, 0.75)])
    return np.take_along_axis(np.take_along_axis(x, order, axis=0), at, axis=0)


def _axes(energy, well, width):
    """The principal axes of a well in the plane whose coordinates are strongly correlated, else None."""
    if len(well) == 1:
        return None
    e = energy(well + _lattice([-1, 0, 1], [-1, 0, 1]) * width).reshape(3, 3)
    first, second = e[2, 1] + e[0, 1] - 2 * e[1, 1], e[1, 2] + e[1, 0] - 2 * e[1, 1]
    mixed = 0.25 * (e[2, 2] + e[0, 0] - e[2, 0] - e[0, 2])
    if not (first > 0 and second > 0 and 0.8 * first * second < mixed**2 < np.inf):
        return None
    return np.linalg.eigh(np.array([[first, mixed], [mixed, second]]) / np.outer(width, width))[1]


def _by_panels(energy, wells, widths, tolerance):
    """The refined rule; in the plane, wells along lines are sought with half the spacing until log Z stays the same."""
    if len(wells[0]) == 1:
        return _refined(energy, wells, widths, tolerance, 2 * GAPS[0])
    log_z, refused = np.nan, None
    for gap in GAPS:
        before, log_z = log_z, np.nan
        try:
            nodes = _refined(Counted(energy.energy, energy.most), wells, widths, tolerance, gap)
        except DomainError as error:
            if refused and refused.code == error.code == "E-SETTLED":
                break
            refused = error  # a missed valley may look like a heavy tail
            continue
        log_z = logsumexp(nodes.log_weights - energy(nodes.x))
        if (change := abs(log_z - before)) <= tolerance:
            return nodes._replace(error=nodes.error + change)
    raise refused or DomainError(
        "E-SETTLED",
        f"log Z changes by {change:.1e} when valleys are sought on a finer grid: they bend or narrow too much",
    )


def _refined(energy, wells, widths, tolerance, gap):
    """The rule of panels, along the line, or along lines of the plane."""
    grid, alone = _grid(wells[:, 0], widths[:, 0], gap), (energy, np.zeros(1), -np.inf)
    if len(wells[0]) == 1:
        lines, aim = None, FINEST[0]
        rule, _ = on_lines(lambda t, line, within=np.inf: energy(t[:, None], within), grid, 1, *alone)
    else:
        lines, aim = InPlane(energy, wells, widths, tolerance, gap), 0.5 * tolerance
        rule = Rule(lines, *lines.seeds(grid, wells[:, 0], widths[:, 0]), *alone)
    rule.grow(tolerance)
    rule.refine(aim)
    lost = lines.mended(rule) + lines.beyond(rule) if lines else 0.0
    (log_z,), (unresolved,), (roundoff,) = rule.results()
    _judge(log_z, unresolved, lost, roundoff, tolerance, energy.seen)
    _, number, t, log_weights, mass = rule.nodes()
    x, log_weights, mass = lines.nodes(number, log_weights) if lines else (t[:, None], log_weights, mass)
    seen = mass > log_z - SEEN
    return Nodes(x[seen], log_weights[seen], float(unresolved + lost + roundoff))


def _on_a_lattice(energy, wells, widths, bulk):
    """The trapezoid rule on one lattice around all wells, or None if no two spacings agree: fast if E is smooth."""
    low, high = np.min([*(wells - widths), *bulk], axis=0), np.max([*(wells + widths), *bulk], axis=0)
    centre, scale = 0.5 * (low + high), 0.5 * (high - low)
    d, slopes = len(centre), np.sqrt(scale**2 + (wells - centre) ** 2)  # dx/du at each well
    spacing = np.minimum(0.2, 0.6 * np.min(widths / slopes, axis=0)) / (3 - d)  # half as much for d = 1: see FINEST
    reach, last = list(REACHES), None
    while reach and np.prod(2 * reach[0] / spacing) <= MOST_ON_LATTICE[d - 1] and energy.left > 0.5 * energy.most:
        u, x, log_dx, log_f = _lattice_of(energy, centre, scale, spacing, reach[0])
        log_z = logsumexp(log_f)
        f, seen = np.exp(log_f - np.max(log_f)), log_f > log_z - SEEN
        if energy.odd or not np.any(seen):  # not if E is so large everywhere that no node is within the well
            return None
        if np.sum(f[np.any(np.abs(u) > reach[0] - 0.5, axis=1)]) > 0.1 * ROUNDOFF * np.sum(f):
            reach, last = reach[1:], None
            continue
        error = ROUNDOFF * (np.max(np.abs(log_f[seen])) + 30 * np.max(np.abs(x[seen]) / scale))
        error += np.inf if last is None else abs(log_z - last)
        if error <= SETTLED:  # at a kink two spacings may agree by chance: a third must agree too
            error += abs(logsumexp(_lattice_of(energy, centre, scale, np.sqrt(2) * spacing, reach[0])[-1]) - log_z)
        if error <= SETTLED:
            return Nodes(x[seen], log_dx[seen], float(error))
        spacing, last = spacing / 2, log_z
    return None


def _lattice_of(energy, centre, scale, spacing, reach):
    """u, x, the log weight log |dx/du| + log spacing, and the log of the summand, at the nodes."""
    axes = [h * np.arange(-np.ceil(reach / h), np.ceil(reach / h) + 1) for h in spacing]
    u = _lattice(*axes)
    x, log_dx = _stretched(u, centre, scale, spacing)
    return u, x, log_dx, log_dx - energy.search(x)


def _judge(log_z, unresolved, lost, roundoff, tolerance, evaluations):
    """Refuse a log Z whose error is above the tolerance, and say which limit was met."""
    if not np.isfinite(log_z):
        raise DomainError("E-SETTLED", f"the logarithm of the integral of exp(-E) is {log_z}")
    if (error := unresolved + lost + roundoff) <= tolerance:
        return
    known = f"log Z is known to {error:.1e} only, the tolerance is {tolerance:.1e}"
    if roundoff > unresolved + lost:
        reason = "roundoff of energies or of points of this size is as large; shift them, or state a larger tolerance"
    elif lost > unresolved:
        reason = "exp(-E) may have as much on lines, where its support ends, whose part in it is too short to be found"
        reason += "; state a larger tolerance"
    else:
        reason = f"after {evaluations} evaluations: kinks, jumps or too many scales; state a larger tolerance"
    raise DomainError("E-SETTLED", f"{known}: {reason}")


class Counted:
    """The energy, called for chunks of rows and counted. NaN or -inf within the distance `within` of 0 is refused;
    farther out it counts as +inf, and sets `odd`."""

    def __init__(self, energy, most):
        self.energy, self.most, self.seen, self.odd = energy, most, 0, False

    def __call__(self, x, within=np.inf):
        if not len(x):
            return np.zeros(0)
        self.seen += len(x)
        e = np.concatenate([np.asarray(self.energy(x[i : i + CHUNK]), float) for i in range(0, len(x), CHUNK)])
        bad = ~(e > -np.inf)
        self.odd = bool(np.any(bad))
        if self.odd and np.any(near := bad & np.all(np.abs(x) <= within, axis=1)):
            i = int(np.argmax(near))
            raise DomainError("E-SETTLED", f"energy must be a number or +inf, got {e[i]} at x = {x[i].tolist()}")
        return np.where(bad, np.inf, e)

    def search(self, x):
        """The energy with NaN and -inf allowed far out, where an overflow minus an overflow is NaN."""
        return self(x, FAR_OUT)

    @property
    def left(self):
        return self.most - self.seen


# --- finding the wells ---------------------------------------------------------------------------------------------


def _lattice(*axes):
    """All points (m, d) whose coordinates are of these axes."""
    return np.stack([grid.ravel() for grid in np.meshgrid(*axes, indexing="ij")], axis=1)


def _stretched(u, centre, scale, step):
    """x = centre + scale sinh(u), and the logarithm of the volume around each that a lattice of u of this step has."""
    return centre + scale * np.sinh(u), np.sum(np.log(scale * np.cosh(u) * step), axis=1)


def _wells(energy, d):
    """The minima (k, d) that descent from a grid finds, the deepest first; their widths (k, d); and the bulk (m, d),
    the points of the grid at which E is low."""
    wide = np.sinh(np.linspace(-CORE, CORE, 164) if d > 1 else np.linspace(-REACH, REACH, 8192))
    for axis in (wide, np.concatenate([-SMALL, [0.0], SMALL[::-1]])):
        grid = _lattice(*[axis] * d)
        grid_e = energy.search(grid)
        if np.any(np.isfinite(grid_e)):
            break
    else:
        raise DomainError(
            "E-SETTLED",
            f"energy is infinite on the whole of a grid of {len(wide) ** d} points out to {wide[-1]:.0e}, and of one "
            f"of {len(axis) ** d} close to 0: shift and scale its support to about 1",
        )
    lattice = np.reshape(grid_e, (len(axis),) * d)
    starts = _one_of_each((scipy.ndimage.minimum_filter(lattice, 3) == lattice) & np.isfinite(lattice))
    starts = starts[np.argsort(grid_e[starts], kind="stable")][:MOST_STARTS]
    x, e = _descended(energy.search, grid[starts], grid_e[starts])
    order = np.argsort(e, kind="stable")
    x, e = x[order], e[order]
    if np.max(np.abs(x[0])) > 1e15:
        raise DomainError(
            "E-DIVERGES", f"exp(-E) has no integral: the energy falls as far out as x = {x[0].tolist()}, to {e[0]:.3g}"
        )
    x, widths = _deep(energy.search, x, e, e[0])
    kept = _apart(x, widths, [False] * len(x))
    return x[kept], widths[kept], grid[grid_e < e[0] + 0.5 * NEGLIGIBLE]


def _deep(energy, x, e, lowest, rise=1.0, unit=1.0):
    """Those of some minima that are not negligible beside the lowest, (k, d), and their widths (k, d)."""
    x, e = x[e <= lowest + NEGLIGIBLE], e[e <= lowest + NEGLIGIBLE]
    sizes = unit * 2.0 ** np.arange(-68, 52) * np.ones((len(x), 1))
    return x, np.stack([_widths(energy, x, e, one, sizes, rise) for one in np.eye(x.shape[1])], axis=1)


def _apart(x, widths, known):
    """The numbers of wells that are not known and not within a tenth of the widths of one before."""
    kept = []
    for i in range(len(x)):
        if not (known[i] or any(np.all(np.abs(x[i] - x[j]) <= 0.1 * widths[j]) for j in kept)):
            kept.append(i)
    return kept


def _one_of_each(mask):
    """A point of each connected part of a mask on a lattice: where E is flat one start is enough. Of a part that is no
    larger than a cell, as around a minimum in its middle, all points."""
    parts = np.ravel(scipy.ndimage.label(mask, np.ones((3,) * mask.ndim))[0])
    _, first, part, size = np.unique(parts, return_index=True, return_inverse=True, return_counts=True)
    alone = np.zeros(len(parts), bool)
    alone[first] = True
    return np.flatnonzero((parts > 0) & (alone | (size[part] <= 2**mask.ndim)))


def _descended(energy, x, e, unit=1.0):
    """Descent from x: the best step along an axis or diagonal, of all sizes from 8^-20 to 8^17 units, at most 60
    times."""
    d = x.shape[1]
    rays = np.concatenate([np.eye(d), np.array([[1.0, 1.0], [1.0, -1.0]])[:, :d][: 2 * (d - 1)]])
    sizes = unit * 8.0 ** np.arange(-20, 18)
    steps = np.concatenate([sign * size * ray[None] for sign in (1, -1) for size in sizes for ray in rays])
    x, e, active = x.copy(), e.copy(), np.arange(len(x))
    for _ in range(60):
        trial = x[active, None, :] + steps
        at = energy(trial.reshape(-1, d)).reshape(len(active), -1)
        best, rows = np.argmin(at, axis=1), np.arange(len(active))
        gain = e[active] - at[rows, best]
        x[active] = np.where(gain[:, None] > 0, trial[rows, best], x[active])
        e[active] = np.where(gain > 0, at[rows, best], e[active])
        active = active[(gain > 0.05) & (np.max(np.abs(x[active]), axis=1) < 1e15)]
        if not len(active):
            break
    return x, e


def _widths(energy, x, e, one, sizes, rise=1.0):
    """The width of wells along the axis `one`: half the least size at which the energy is higher by `rise`, the larger
    of both sides; if it never is, half the largest size.

    x (k, d), their energies e (k,), sizes (k, j), increasing."""
    farther = np.zeros(len(x))
    for sign in (1, -1):
        trial = (x[:, None, :] + sign * sizes[:, :, None] * one).reshape(-1, x.shape[1])
        above = energy(trial).reshape(sizes.shape) >= e[:, None] + rise
        above[:, -1] = True
        farther = np.maximum(farther, sizes[np.arange(len(x)), np.argmax(above, axis=1)])
    return 0.5 * farther


def _hidden(energy, nodes, wells, widths):
    """Minima (k, d) that closer grids around the wells and the bulk find, but for those that wells have met already, if
    some are among them that nodes have not met; their widths; and whether there are islands between walls."""
    d, e = wells.shape[1], energy.search(nodes.x)
    bulk = nodes.x[e <= np.min(e) + 4]
    mass = np.exp(nodes.log_weights - e - np.max(nodes.log_weights - e))[e <= np.min(e) + 4]
    middle = mass @ bulk / np.sum(mass)
    sizes, axes = np.linalg.eigh((mass[:, None] * (bulk - middle)).T @ (bulk - middle) / np.sum(mass))
    frames = [(middle, axes * np.sqrt(np.maximum(sizes, np.finfo(float).tiny)))]
    frames += [(well, np.diag(width)) for well, width in zip(wells, widths)] if len(wells) > 1 else []
    side = int((CLOSE[d - 1] / len(frames)) ** (1 / d))
    u = np.sinh(_lattice(*[np.linspace(-NEAR[d - 1], NEAR[d - 1], side)] * d))
    starts = [_islands(energy, nodes, wide) for wide in (2, 16)]
    starts += [_dips(energy, middle + u @ frame.T, side) for middle, frame in frames]
    x, depth, e = (np.concatenate(part) for part in zip(*starts))
    far, far_e = _around(energy, nodes, *frames[0])
    if not len(x) + len(far):
        return x, x, False
    sharpest, unit = np.argsort(-depth, kind="stable")[:MOST_STARTS], np.max(np.abs(frames[0][1]))
    x, e = _descended(energy.search, np.concatenate([x[sharpest], far]), np.concatenate([e[sharpest], far_e]), unit)
    x, narrow = _deep(energy.search, x, e, min([*e, *energy.search(wells)]), DIP, unit)
    narrow *= DIP**-0.5
    each = list(zip(x, narrow))
    known = [np.any(np.all((np.abs(a - wells) <= 0.1 * widths) & (b >= 0.3 * widths), axis=1)) for a, b in each]
    met = [np.sum(np.all(np.abs(nodes.x - a) <= 2 * b, axis=1)) >= 3**d for a, b in each]
    hidden = _apart(x, narrow, known)
    if all(met[i] for i in hidden):  # else those too: among points around other wells they would be lost
        hidden = []
    return x[hidden], narrow[hidden], bool(np.max(depth, initial=0.0) == ISLAND)


def _around(energy, nodes, middle, frame):
    """The lowest dips, as of `_dips`, of a coarse grid around the bulk, in units of its deviations, and the energies
    there; without those that have a node in a cell beside, as along a valley."""
    count, reach = AROUND[len(middle) - 1]
    side = int(count ** (1 / len(middle)))
    axis, step = np.linspace(-reach, reach, side, retstep=True)
    x, _, e = _dips(energy, middle + np.sinh(_lattice(*[axis] * len(middle))) @ frame.T, side)
    lowest = np.argsort(e, kind="stable")[:MOST_STARTS]
    u, at = (np.arcsinh((one - middle) @ frame / np.sum(frame**2, axis=0)) for one in (nodes.x, x[lowest]))
    alone = [not np.any(np.all(np.abs(u - one) < 2 * step, axis=1)) for one in at]
    lowest = lowest[np.array(alone, bool)]
    return x[lowest], e[lowest]


def _islands(energy, nodes, wide):
    """A point of each part between walls without a node, on a lattice so many times as wide as the nodes; its depth."""
    d, low, high = nodes.x.shape[1], np.min(nodes.x, axis=0), np.max(nodes.x, axis=0)
    side = FINE[d - 1]
    origin, step = low - 0.5 * (wide - 1) * (high - low), wide * (high - low) / (side - 1)
    if np.all(np.isfinite(energy.search(origin + (side - 1) * step * _lattice(*[[0.0, 1.0]] * d)))):
        return np.zeros((0, d)), np.zeros(0), np.zeros(0)  # no walls around
    x = origin + step * _lattice(*[np.arange(side)] * d)
    e = energy.search(x)
    parts = scipy.ndimage.label(np.reshape(np.isfinite(e), (side,) * d), np.ones((3,) * d))[0]
    met = np.zeros(parts.shape, bool)
    met[tuple(np.round((nodes.x - origin) / step).astype(int).T)] = True
    seen = parts[scipy.ndimage.binary_dilation(met, np.ones((3,) * d))]
    found, first = np.unique(parts, return_index=True)
    first = first[~np.isin(found, np.append(seen, 0))]
    return x[first], np.full(len(first), ISLAND), e[first]


def _dips(energy, x, side):
    """The points of a lattice at which the energy is below that at all neighbours, by how much, and the energies."""
    d, e = x.shape[1], energy.search(x)
    lattice = np.reshape(np.where(np.isfinite(e), e, np.finfo(float).max), (side,) * d)
    beside = np.ones((3,) * d, bool)
    beside[(1,) * d] = False
    depth = np.ravel(scipy.ndimage.minimum_filter(lattice, footprint=beside, mode="nearest") - lattice)
    if not np.all(np.isfinite(e)):  # an island between walls, on which E may be flat
        depth[_one_of_each(np.reshape(np.isfinite(e), lattice.shape))] = ISLAND
    dips = depth > 0
    return x[dips], depth[dips], e[dips]


def _grid(wells, widths, gap):
    """Points along an axis: sinh-spaced around the deepest well, and five at each well within 3 of its widths."""
    reach = max(CORE, np.arcsinh(np.max(np.abs(wells - wells[0]) / widths[0])) + 2)
    u = np.concatenate([np.arange(0.5 * gap, reach, gap), np.arange(reach + 0.75, reach + 12.5, 3 * gap)])
    spread = wells[0] + widths[0] * np.sinh(np.concatenate([-u, u]))
    grid = np.unique(np.concatenate([spread, *(wells + k * widths for k in (-3, -1, 0, 1, 3))]))
    if len(grid) < 3:
        raise DomainError("E-SETTLED", f"the well at {wells[0]} is narrower than roundoff of its place: shift it to 0")
    return grid


class OnLines(NamedTuple):
    """The minima along each of L lines, lowest first, their widths and energies, (L, k); lines with fewer than k minima
    are filled with inf. The kind of each line, (L,): 0; EMPTY; TAPERS; LOST if the mass lies beyond the grid or is
    narrower than floating point can resolve. The runs of points at which E is finite, (L, RUNS, 3): the points before
    and after each, and how many it has."""

    seeds: np.ndarray
    widths: np.ndarray
    energies: np.ndarray
    kinds: np.ndarray
    runs: np.ndarray


def _minima_on_lines(energy, grid, lines):
    """OnLines, from one grid for all lines, (m,), or one for each, (L, m); energy(t, line) -> values, at coordinates t
    of lines by number."""
    number, grid = np.arange(lines), np.broadcast_to(grid, (lines, np.shape(grid)[-1]))
    e = energy(np.ravel(grid), np.repeat(number, grid.shape[1])).reshape(lines, -1)
    lowest = (scipy.ndimage.minimum_filter(e, (1, 3), mode="nearest") == e) & np.isfinite(e)
    lowest[:, 1:] &= ~(lowest[:, :-1] & (e[:, :-1] == e[:, 1:]))  # where E is flat one is enough
    most = min(np.max(np.sum(lowest, axis=1), initial=1), MOST_SEEDS)
    chosen = np.argsort(np.where(lowest, e, np.inf), axis=1, kind="stable")[:, :most]
    there = np.take_along_axis(lowest, chosen, axis=1)  # minima of the grid, which may be too coarse for their depth
    line, index, beside = np.nonzero(there)[0], chosen[there], np.pad(grid, ((0, 0), (1, 1)), mode="edge")
    low, high = beside[line, index], beside[line, index + 2]
    at, lowest, width, fine = _narrowed(energy, line, grid[line, index], e[line, index], low, high)
    seeds, widths, energies = (np.full(there.shape, np.inf) for _ in range(3))
    seeds[there], widths[there], energies[there] = at, width, lowest
    best = np.min(energies, axis=1)
    lost = np.bincount(line[~fine & (lowest <= best[line] + NEGLIGIBLE)], minlength=lines) > 0
    lost |= np.minimum(e[:, 0] + 0.1 - e[:, 1], e[:, -1] + 0.1 - e[:, -2]) < 0
    runs = _runs(beside, e)
    return OnLines(*_deepest(seeds, widths, energies), _kinds(runs, lost), runs)


def _runs(beside, e):
    """See OnLines; beside[:, k] and beside[:, k + 2] are the points before and after that of e[:, k]."""
    change = np.diff(np.pad(np.isfinite(e), ((0, 0), (1, 1))).astype(int), axis=1)
    (line, first), past = np.nonzero(change == 1), np.nonzero(change == -1)[1]
    rank = np.arange(len(line)) - np.searchsorted(line, line)
    ends = beside[line, first], beside[line, past + 1]
    runs = np.full((len(e), RUNS, 3), np.nan)
    runs[line[rank < RUNS], rank[rank < RUNS]] = np.stack([*ends, past - first], axis=1)[rank < RUNS]
    return runs


def _kinds(runs, lost):
    """See OnLines."""
    tapers = np.any(runs[:, :, 2] <= THIN, axis=1)
    return np.where(np.isnan(runs[:, 0, 2]), EMPTY, np.where(lost, LOST, np.where(tapers, TAPERS, 0)))


def _deepest(seeds, widths, energies):
    """The deepest minima of each line first, without those that are negligible, at most MOST_SEEDS."""
    order = np.argsort(energies, axis=1, kind="stable")[:, :MOST_SEEDS]
    seeds, widths, energies = (np.take_along_axis(a, order, axis=1) for a in (seeds, widths, energies))
    return np.where(energies <= energies[:, :1] + NEGLIGIBLE, seeds, np.inf), widths, energies


def _narrowed(energy, line, at, lowest, low, high):
    """A minimum in each bracket (low, high) of its line: its place, energy, width, and whether floats resolve it."""
    width, fine, bracket, open_ = np.zeros(len(at)), np.zeros(len(at), bool), high - low, np.arange(len(at))
    while len(open_):  # the valley may be far narrower than the spacing of the grid
        a, b, of, sizes = low[open_], high[open_], line[open_], bracket[open_, None] * 4.0 ** -np.arange(24.0)[::-1]
        for _ in range(36):
            left, right = b - GOLDEN * (b - a), a + GOLDEN * (b - a)
            down = energy(left, of) <= energy(right, of)
            a, b = np.where(down, a, left), np.where(down, right, b)
        middle = 0.5 * (a + b)
        found_e = energy(middle, of)
        better = found_e <= lowest[open_]
        at[open_], lowest[open_] = np.where(better, middle, at[open_]), np.where(better, found_e, lowest[open_])
        found = width[open_] = _widths(
            lambda t, of=of: energy(t[:, 0], np.repeat(of, 24)), at[open_, None], lowest[open_], np.ones(1), sizes
        )
        fine[open_] = resolved = found > SHARP * sizes[:, -1]
        reach = sizes[:, -1] * 1e-7
        low[open_], high[open_], bracket[open_] = middle - reach, middle + reach, 2 * reach
        open_ = open_[~resolved & (found > 4 * ROUNDOFF * np.abs(at[open_]))]
    return at, lowest, width, fine


# --- the rule ------------------------------------------------------------------------------------------------------


def on_lines(energy, grid, lines, budget, log_scale, best, closer=lambda found, search: found):
    """The rule for int exp(-E) along each of many lines, and their kinds: energy(t, line) -> (m,)."""

    def search(t, line):
        return energy(t, line, FAR_OUT)

    found = closer(_minima_on_lines(search, grid, lines), search)
    rule = Rule(lambda t, line, _: (-energy(t, line), 0.0, 0.0), found.seeds, found.widths, budget, log_scale, best)
    return rule, found.kinds


def _with(found, line, which, again):
    """What was found on all lines, with what was found again on some: there a run takes the place of its thin self, or,
    if only other lines had it, of one that is not yet there."""
    seeds, widths, energies, runs = (np.array(one) for one in (found.seeds, found.widths, found.energies, found.runs))
    for k in np.flatnonzero(again.kinds != EMPTY):
        i = line[k]
        free = which[k] if which[k] < RUNS else np.argmax(np.append(np.isnan(runs[i, :, 0]), True))
        if free < RUNS:
            runs[i, free] = again.runs[k, 0]
        both = [(one[None, i], more[None, k]) for one, more in zip((seeds, widths, energies), again)]
        deepest = _deepest(*(np.concatenate(pair, axis=1) for pair in both))
        seeds[i], widths[i], energies[i] = (one[0, : seeds.shape[1]] for one in deepest)
    return OnLines(seeds, widths, energies, _kinds(runs, found.kinds == LOST), runs)


class InPlane:
    """log int exp(-E(x, y)) dy as a function of x. It keeps the nodes along y of all x at which it was called."""

    def __init__(self, energy, wells, widths, tolerance, gap):
        self.tolerance = tolerance
        self.energy, self.grid = energy, _grid(wells[:, 1], widths[:, 1], gap)
        self.x, self.lost, self.parts, self.best, self.number = [], [], [], -np.inf, 0
        self.known, self.walled = (np.zeros(0), np.zeros((0, RUNS, 3))), False  # lines with runs, in the order of x

    def seeds(self, grid, wells, widths):
        """Places in x at which the rule in x begins, (1, k), and their widths: the wells, and the minima over x of the
        least energy on the line through x."""
        e = np.min(self.energy.search(_lattice(grid, self.grid)).reshape(len(grid), -1), axis=1)
        lowest = (scipy.ndimage.minimum_filter(e, 3, mode="nearest") == e) & (e <= np.min(e) + NEGLIGIBLE)
        at = np.flatnonzero(lowest)
        beside = np.pad(grid, 1, mode="edge")
        gaps = 0.5 * (beside[at + 2] - beside[at])
        return np.concatenate([wells, grid[at]])[None], np.concatenate([widths, gaps])[None]

    def __call__(self, x, _, log_dx):
        parts = [self.some(x[i : i + LINES], log_dx[i : i + LINES]) for i in range(0, len(x), LINES)]
        return tuple(np.concatenate(part) for part in zip(*parts))

    def some(self, x, log_dx):
        def energy(y, line, within=np.inf):
            return self.energy(np.stack([x[line], y], axis=1), within)

        closer = functools.partial(self.closer, x)
        rule, lost = on_lines(energy, self.grid, len(x), self.energy, log_dx, self.best, closer)
        rule.grow(self.tolerance)
        rule.refine(max(FINEST[1], 0.1 * self.tolerance))
        line, _, y, log_weights, mass = rule.nodes()
        self.x.append(x)
        self.lost.append(np.where(rule.cut, LOST, lost))
        self.parts.append((line + self.number, y, log_weights, mass))
        self.number, self.best = self.number + len(x), rule.best
        return rule.results()

    def closer(self, x, found, search):
        """What is found on the lines through x if they are searched closely where a run is thin, and where the lines
        beside have a run: the support of exp(-E) may taper to a tip that no grid for all lines sees."""
        room = (np.pad(one, ((0, 0), (0, RUNS)), constant_values=np.inf) for one in found[:3])
        found = OnLines(*room, found.kinds, found.runs)
        for _ in range(ZOOMS):
            spans = np.concatenate([found.runs, *self.beside(x, found.runs)], axis=1)
            wanted = ~np.isnan(spans[:, :, 0])
            wanted[:, :RUNS] &= found.runs[:, :, 2] <= THIN
            apart = (spans[:, RUNS:, None, 0] >= found.runs[:, None, :, 1]) | (
                spans[:, RUNS:, None, 1] <= found.runs[:, None, :, 0]
            )
            wanted[:, RUNS:] &= np.all(apart | np.isnan(found.runs[:, None, :, 0]), axis=2)
            line, which = np.nonzero(wanted)
            if not len(line):
                break
            self.walled = True
            low, high = spans[line, which, 0, None], spans[line, which, 1, None]
            again = _minima_on_lines(lambda t, k, of=line: search(t, of[k]), low + (high - low) * CLOSER, len(line))
            if not np.any(again.kinds != EMPTY):
                break
            found = _with(found, line, which, again)
        self.known = self.all_known(x, found.runs)
        return found

    def all_known(self, x, runs):
        there = ~np.isnan(runs[:, 0, 0])
        xs, all_runs = np.append(self.known[0], x[there]), np.concatenate([self.known[1], runs[there]])
        order = np.argsort(xs, kind="stable")
        return xs[order], all_runs[order]

    def beside(self, x, runs):
        """The runs of the nearest lines that have any: left, right, and of an earlier one at the same x."""
        (xs, known), (before, earlier) = self.all_known(x, runs), self.known
        left, right = np.searchsorted(xs, x, "left") - 1, np.searchsorted(xs, x, "right")
        same = np.searchsorted(before, x, "left")
        for of, index, there in (
            (known, left, left >= 0),
            (known, right, right < len(xs)),
            (earlier, same, np.isin(x, before)),
        ):
            found = np.full(runs.shape, np.nan)
            found[there] = of[index[there]]
            yield found

    def beyond(self, rule):
        """An estimate of the mass on lost lines, relative to Z: the mass seen on them, plus that of the last line
        before each group of them, as if it stayed the same over a length of 1 + |u|."""
        (log_z,), *_ = rule.results()
        number = rule.numbers(rule.first)
        u = rule.at(rule.low, rule.high)
        order = np.argsort(u, kind="stable")
        lost, log_f = np.concatenate(self.lost)[number][order], np.ravel(rule.log_f)[order]
        beside = np.pad(lost, 1)
        beside = [beside[2:], beside[:-2]]
        last = (lost != LOST) & np.any(np.equal(beside, LOST), axis=0)
        last |= (lost == TAPERS) & np.any(np.equal(beside, EMPTY), axis=0)
        seen = np.outer(rule.high - rule.low, 0.5 * W).ravel()[order] * np.exp(log_f - log_z)
        return np.sum(seen[lost == LOST]) + np.sum((1 + np.abs(u[order][last])) * np.exp(log_f[last] - log_z))

    def mended(self, rule):
        """Refine the rule where two panels do not agree at the point that they share: a line was asked before the lines
        beside it showed where its mass is. Return how much may be lost where they still do not, relative to Z."""
        if not self.walled:
            return 0.0
        while True:
            order = np.argsort(rule.low, kind="stable")
            left, right = order[:-1], order[1:]
            f = np.exp(rule.log_f - rule.top)
            gap, most = np.abs(f[left, -1] - f[right, 0]), np.maximum(f[left, -1], f[right, 0])
            gap = np.where(gap > 10 * max(FINEST[1], 0.1 * self.tolerance) * np.maximum(most, FAINT), gap, 0)
            gap = gap * (1 + np.abs(rule.high[left])) / np.sum(rule.value)
            torn = np.union1d(left[gap > 0], right[gap > 0])
            spent = 2 * len(torn) * len(U) > rule.budget.left
            if spent or not len(torn) or np.min((rule.high - rule.low)[torn]) < SHARP**2:
                return np.sum(gap) + np.sum(f[order[[0, -1]], [0, -1]]) / np.sum(rule.value)
            rule.halve(np.isin(np.arange(len(rule.low)), torn))
            rule.refine(0.5 * self.tolerance)

    def nodes(self, index, log_weights):
        """x (m, 2), their log weights, and the log of the mass at each node, from the log weights of the lines."""
        of_line = np.full(self.number, -np.inf)
        of_line[index] = log_weights
        x = np.concatenate(self.x)
        line, y, along, mass = (np.concatenate(part) for part in zip(*self.parts))
        seen = of_line[line] > -np.inf
        line, y, along, mass = line[seen], y[seen], along[seen], mass[seen]
        return np.stack([x[line], y], axis=1), of_line[line] + along, of_line[line] + mass


class Rule:
    """Panels for many integrals at once, with t = centre + scale sinh(u) along each line.

    integrand(t, line, log dt/du) -> the log of the integrand (m,), and its relative errors: unresolved, and roundoff.

    Of each panel are kept: low and high, its ends in u; its line; its side (1 or 2 if it belongs to the outermost
    slab on the left or right, else 0); first, the number of its first node; log_f, the log integrand at its nodes;
    stale, how many halvings in a row gained nothing; peak, the largest log integrand in t; and, in units of exp(top)
    of its line, its integral (value), the estimate from its last coefficients (error), the unresolved error of the
    integrand (below) and roundoff (noise).
    """

    PARTS = ("low", "high", "line", "side", "first", "log_f", "value", "error", "below", "noise", "stale", "peak")

    def __init__(self, integrand, seeds, widths, budget, log_scale, best):
        self.integrand, self.budget, self.log_scale, self.best = integrand, budget, log_scale, best
        self.centre, self.scale = seeds[:, 0], widths[:, 0]
        there = np.isfinite(seeds)
        offset = np.where(there, (seeds - self.centre[:, None]) / self.scale[:, None], 0.0)
        distance = np.arcsinh(np.abs(offset))
        reach = np.arcsinh(np.abs(offset) + widths / self.scale[:, None]) - distance
        self.seeds = np.where(there, np.arcsinh(offset), np.inf)
        self.widths = np.maximum(reach, 16 * ROUNDOFF * (1 + distance))  # no panel below roundoff
        self.top = np.full(len(seeds), -np.inf)
        self.cut = np.zeros(len(seeds), bool)  # lines whose last panel may be followed by more mass
        self.evaluations = 0
        for name in self.PARTS:
            setattr(self, name, np.zeros(0, int if name in ("line", "side", "first", "stale") else float))
        self.log_f = np.zeros((0, len(U)))

    def place(self, u, line):
        """t, and log dt/du."""
        return self.centre[line] + self.scale[line] * np.sinh(u), np.log(self.scale[line] * np.cosh(u))

    def add(self, low, high, line, side):
        """Add panels over [low, high], halved until each is short enough to see every seed of its line."""
        if not len(low):
            return
        done = []
        while len(low):
            gap = np.maximum(np.maximum(low[:, None] - self.seeds[line], self.seeds[line] - high[:, None]), 0)
            split = (high - low) > GRADE * np.min(self.widths[line] + gap, axis=1)
            done.append((low[~split], high[~split], line[~split]))
            low, high, line = _halves(low[split], high[split], line[split])
        low, high, line = (np.concatenate(part) for part in zip(*done))
        self.evaluate(low, high, line, np.full(len(low), side), np.zeros(len(low), int))

    def at(self, low, high):
        return (low[:, None] + 0.5 * (1 + U) * (high - low)[:, None]).ravel()

    def numbers(self, first):
        return (first[:, None] + np.arange(len(U))).ravel()

    def evaluate(self, low, high, line, side, stale):
        """Evaluate the integrand at the nodes of new panels, and add them."""
        nodes = np.repeat(line, len(U))
        t, log_dt = self.place(self.at(low, high), nodes)
        log_g, below, roundoff = self.integrand(t, nodes, log_dt)
        log_f = (log_g + log_dt).reshape(len(low), -1)
        top = self.top.copy()
        np.maximum.at(top, line, np.max(log_f, axis=1))
        top = np.where(top > self.top + 100, top, self.top)
        shrink = np.where(top > self.top, np.exp(self.top - top), 1.0)[self.line]
        self.top = top
        for name in ("value", "error", "below", "noise"):
            setattr(self, name, getattr(self, name) * shrink)
        f = np.exp(log_f - np.where(np.isfinite(top), top, 0)[line][:, None])
        width = high - low
        value, below, roundoff = (
            width * ((f * np.reshape(a * np.ones(f.size), f.shape)) @ (0.5 * W)) for a in (1.0, below, roundoff)
        )
        highest = np.max(log_f, axis=1, keepdims=True)
        seen = (log_f >= highest - 30) & (log_f > -np.inf)
        spread, size = (np.max(of, axis=1, initial=0, where=seen) for of in (highest - log_f, np.abs(log_f)))
        ends = np.stack([self.place(low, line)[0], self.place(high, line)[0]])
        across = np.max(np.abs(ends), axis=0) / np.maximum(ends[1] - ends[0], 1e-300)
        new = {
            "low": low,
            "high": high,
            "line": line,
            "side": side,
            "first": self.evaluations + len(U) * np.arange(len(low)),
            "stale": stale,
            "peak": np.max((log_f - log_dt.reshape(log_f.shape)), axis=1),
            "log_f": log_f,
            "value": value,
            "error": width * np.max(np.abs(f @ LAST), axis=1),
            "below": below,
            "noise": roundoff + ROUNDOFF * (1 + size + np.nan_to_num(across * spread)) * value,
        }
        self.evaluations += len(t)
        for name in self.PARTS:
            setattr(self, name, np.concatenate([getattr(self, name), new[name]]))

    def sums(self, of):
        return np.bincount(self.line, of, len(self.top))

    def by_side(self, of):
        return np.bincount(3 * self.line + self.side, of, 3 * len(self.top)).reshape(-1, 3)

    def base(self):
        """The integral of each line, or, if larger, FAINT times that of the heaviest line; in units of exp(top)."""
        totals = self.sums(self.value)
        held = np.log(totals) + self.top + self.log_scale
        self.best = max(self.best, np.max(held, initial=-np.inf, where=~np.isnan(held)))
        faint = np.exp(np.minimum(self.best - self.top - self.log_scale, 600.0)) * FAINT
        return np.maximum(totals, np.where(np.isfinite(self.top), faint, 1.0))

    def grow(self, tolerance):
        """Add panels outwards from the seeds, until the outermost slab on each side of each line holds no mass."""
        there = np.isfinite(self.seeds)
        lines = np.flatnonzero(np.any(there, axis=1))
        box = np.stack([np.min(self.seeds, axis=1) - 1, np.max(np.where(there, self.seeds, -np.inf), axis=1) + 1])
        self.add(box[0, lines], box[1, lines], lines, 0)
        growing = [lines, lines]
        while any(map(len, growing)):
            for end, which in enumerate(growing):
                sign = 2 * end - 1
                self.side = np.where((self.side == end + 1) & np.isin(self.line, which), 0, self.side)
                before = box[end, which]
                box[end, which] = np.clip(before + sign * np.maximum(2, 0.5 * np.abs(before)), -FARTHEST, FARTHEST)
                slab = np.sort(np.stack([before, box[end, which]]), axis=0)
                self.add(slab[0], slab[1], which, end + 1)
            self.refine(1e-2)
            held = self.by_side(self.value)
            peak = np.full(held.shape, -np.inf)
            np.maximum.at(peak, (self.line, self.side), self.peak)
            heavy = held > max(0.1 * ROUNDOFF, 1e-8 * tolerance) * self.base()[:, None]
            flat = (held > MUCH * np.sum(held, axis=1, keepdims=True)) | (peak > np.max(peak, axis=1)[:, None] - FLAT)
            faint = flat & ~heavy  # little mass, but a plateau that may go on and add up
            faint &= (self.top + self.log_scale + FARTHEST > self.best - NEGLIGIBLE)[:, None]
            walled = self.by_side(np.any(np.isneginf(self.log_f), axis=1)) > 0
            growing = [np.flatnonzero(heavy[:, end + 1] | faint[:, end + 1]) for end in (0, 1)]
            for end, which in enumerate(growing):
                far = np.abs(box[end, which])
                ended = (far >= FARTHEST) | ((far > HEAVY) & walled[which, end + 1])
                stopped = ended | (self.budget.left <= 0)
                growing[end] = which[~stopped]
                self.cut |= flat[:, end + 1] & ~np.isin(np.arange(len(flat)), growing[end])
                for line in which[stopped & heavy[which, end + 1]]:
                    self.refuse(held[line, end + 1] / np.sum(held[line]), box[end, line], line, np.any(ended))

    def refuse(self, share, u, line, ended):
        """Raise for a share of the mass in the outermost slab, at u: too heavy a tail, or too few evaluations."""
        reach = self.place(u, line)[0]
        if not ended:
            raise DomainError(
                "E-SETTLED",
                f"after {self.budget.seen} evaluations {share:.1e} of exp(-E) lies at the farthest points, "
                f"out to {reach:.0e}: too many scales; state a larger tolerance",
            )
        raise DomainError(
            "E-DIVERGES",
            f"exp(-E) has no integral, or a tail too heavy for floating point: {share:.1e} of it lies at "
            f"the farthest points, out to {reach:.0e}",
        )

    def refine(self, aim):
        """Halve the worst panels, until the error of each line is below `aim` or roundoff, or the budget is spent."""
        while True:
            base = self.base()
            open_ = self.sums(self.error) > aim * base
            noisy = (self.stale > 3) & (self.error < 1e-7 * base[self.line])
            self.noise = np.where(noisy, np.maximum(self.noise, self.error), self.noise)
            error = np.where(open_[self.line] & (self.error > 2 * (self.noise + self.below)), self.error, 0)
            worst = error > 0.5 * (aim * base / self.sums(None))[self.line]
            if not np.any(worst) or 2 * np.sum(worst) * len(U) > self.budget.left:
                return
            number, before = np.sum(worst), self.error[worst]
            self.halve(worst)
            gained = self.error[-2 * number : -number] + self.error[-number:] < 0.7 * before
            self.stale[-2 * number :] *= ~np.tile(gained, 2)

    def halve(self, which):
        """Replace the panels of a mask by their halves, which become the last ones."""
        halves = _halves(self.low[which], self.high[which], self.line[which], self.side[which], self.stale[which] + 1)
        for name in self.PARTS:
            setattr(self, name, getattr(self, name)[~which])
        self.evaluate(*halves)

    def results(self):
        """The log of each line's integral, and its relative errors: unresolved, and roundoff."""
        totals = self.sums(self.value)
        unit = np.where(totals > 0, totals, 1.0)
        return np.log(totals) + self.top, self.sums(self.error + self.below) / unit, self.sums(self.noise) / unit

    def nodes(self):
        """Of each node with mass: its line, its number, t, its log weight, and the log of its mass."""
        kept = self.value > 1e-19 * self.base()[self.line]
        low, high, line = self.low[kept], self.high[kept], np.repeat(self.line[kept], len(U))
        t, log_dt = self.place(self.at(low, high), line)
        log_weights = log_dt + (np.log(high - low)[:, None] + np.log(0.5 * W)).ravel()
        mass = log_weights - log_dt + self.log_f[kept].ravel()
        number, seen = self.numbers(self.first[kept]), mass > -np.inf
        return line[seen], number[seen], t[seen], log_weights[seen], mass[seen]


def _halves(low, high, *rest):
    """All panels halved: first the lower halves, then the upper ones; the rest is repeated for both."""
    middle = 0.5 * (low + high)
    return np.concatenate([low, middle]), np.concatenate([middle, high]), *(np.tile(part, 2) for part in rest)
