"""log Z on the line and in the plane: closed forms, refusals that name the limit, errors that cover the true ones."""

import autograd.numpy as np
import numpy
import pytest
from autograd import grad
from scipy.special import gammaln

from refebm import DomainError, GaussianMixture, log_partition, mixture_of
from refebm.truth import partition

LOG_2PI = numpy.log(2 * numpy.pi)


def rosenbrock(x):
    return (1 - x[:, 0]) ** 2 + 100 * (x[:, 1] - x[:, 0] ** 2) ** 2


def funnel(x, deviation=3.0):
    """Neal's, normalised: v of that deviation, y of variance exp(v)."""
    v, y = x[:, 0], x[:, 1]
    return v**2 / (2 * deviation**2) + np.log(deviation) + 0.5 * y**2 * np.exp(-v) + v / 2 + LOG_2PI


def apart(x, distance, deviation):
    """Two wells, on the diagonal in the plane."""
    wells = (np.sum((x - sign * distance) ** 2, axis=1) / (2 * deviation**2) for sign in (1, -1))
    return -np.logaddexp(*(-well for well in wells))


def banana(x, curvature, angle):
    """A bent valley, turned: lines along an axis cross it twice, far out and steeply."""
    c, s = np.cos(angle), np.sin(angle)
    a, b = c * x[:, 0] - s * x[:, 1], s * x[:, 0] + c * x[:, 1]
    return 0.5 * a**2 + 0.5 * (b - curvature * a**2) ** 2


def leaning(x, r):
    """A Gaussian of unit deviations and correlation r."""
    return 0.5 * (x[:, 0] ** 2 - 2 * r * x[:, 0] * x[:, 1] + x[:, 1] ** 2) / (1 - r**2)


CLOSED = {
    "a deviation of 1e-6": (lambda x: 0.5 * (x[:, 0] / 1e-6) ** 2, 1, numpy.log(1e-6) + 0.5 * LOG_2PI),
    "a deviation of 1e6": (lambda x: 0.5 * (x[:, 0] / 1e6) ** 2, 1, numpy.log(1e6) + 0.5 * LOG_2PI),
    "a deviation of 1e-6, plane": (lambda x: 0.5 * np.sum((x / 1e-6) ** 2, axis=1), 2, 2 * numpy.log(1e-6) + LOG_2PI),
    "a mean of 1e6": (lambda x: 0.5 * (x[:, 0] - 1e6) ** 2, 1, 0.5 * LOG_2PI),
    "far off in the plane": (lambda x: 0.5 * np.sum((x - np.array([1e4, -3e4])) ** 2, axis=1), 2, LOG_2PI),
    "an energy of -1e5": (lambda x: 0.5 * x[:, 0] ** 2 - 1e5, 1, 1e5 + 0.5 * LOG_2PI),
    "Cauchy": (lambda x: np.log1p(x[:, 0] ** 2), 1, numpy.log(numpy.pi)),
    "Cauchy, small": (lambda x: np.log1p((x[:, 0] / 1e-6) ** 2), 1, numpy.log(numpy.pi * 1e-6)),
    "Cauchy, plane": (lambda x: 1.5 * np.log1p(np.sum(x**2, axis=1)), 2, LOG_2PI),
    "Student, nu = 0.2": (
        lambda x: 0.6 * np.log1p(5 * x[:, 0] ** 2),
        1,
        gammaln(0.1) - gammaln(0.6) + 0.5 * numpy.log(0.2 * numpy.pi),
    ),
    "a kink": (lambda x: np.abs(x[:, 0] - 0.3), 1, numpy.log(2)),
    "a wall": (lambda x: np.where(x[:, 0] > 0, x[:, 0], np.inf), 1, 0.0),
    "two walls": (lambda x: np.where(np.abs(x[:, 0] - 0.3) < 1, 0.0, np.inf), 1, numpy.log(2)),
    "narrow wells apart": (lambda x: apart(x, 400.0, 0.01), 1, numpy.log(0.02) + 0.5 * LOG_2PI),
    "wells apart, plane": (lambda x: apart(x, 100.0, 0.1), 2, numpy.log(0.02) + LOG_2PI),
    "a well that leans": (lambda x: leaning(x, 0.999999), 2, LOG_2PI + 0.5 * numpy.log(1 - 0.999999**2)),
    "Gumbel": (lambda x: x[:, 0] + np.exp(-x[:, 0]), 1, 0.0),
    "x^20": (lambda x: x[:, 0] ** 20, 1, numpy.log(2) + gammaln(1.05)),
    "x + exp(x^2/2)": (lambda x: x[:, 0] + np.exp(x[:, 0] ** 2 / 2), 1, -0.047266079272852674),
    "a ring": (lambda x: 50 * (np.sqrt(np.sum(x**2, axis=1)) - 4) ** 2, 2, numpy.log(0.8 * numpy.pi) + 0.5 * LOG_2PI),
    "a wave": (
        lambda x: x[:, 0] ** 2 / 8 + 3 * (x[:, 1] - np.sin(2 * x[:, 0])) ** 2,
        2,
        numpy.log(2 * numpy.pi / 1.5**0.5),
    ),
    "a bent valley, turned": (lambda x: banana(x, 3.0, 0.5), 2, LOG_2PI),
    "a valley that bends more": (lambda x: banana(x, 10.0, 0.2), 2, LOG_2PI),
    "Rastrigin": (lambda x: np.sum(10 + x**2 - 10 * np.cos(2 * np.pi * x), axis=1), 2, -2.9691296991208),
    "Himmelblau": (
        lambda x: (x[:, 0] ** 2 + x[:, 1] - 11) ** 2 + (x[:, 0] + x[:, 1] ** 2 - 7) ** 2,
        2,
        -0.89867921227108,
    ),
    "Rosenbrock": (rosenbrock, 2, numpy.log(numpy.pi / 10)),
    "Rosenbrock/20": (lambda x: rosenbrock(x) / 20, 2, numpy.log(2 * numpy.pi)),
    "Neal's funnel": (funnel, 2, 0.0),
    "a funnel from 1e-60 to 1e60": (lambda x: funnel(x, 30.0), 2, 0.0),
    "a valley that narrows as a square": (
        lambda x: (1 + x[:, 0] ** 2) ** 2 * x[:, 1] ** 2,
        2,
        1.5 * numpy.log(numpy.pi),
    ),
}


@pytest.mark.parametrize("name", CLOSED)
def test_closed_forms(name):
    """Within the stated error, and the roundoff of the value itself."""
    energy, d, right = CLOSED[name]
    value, error = log_partition(energy, d, with_error=True)
    assert error <= 1e-9
    assert abs(value - right) <= error + 2e-13 * (1 + abs(right))


def test_kinks_in_the_plane_with_a_tolerance():
    """log int exp(-|x + y| - |x - y|/2) = log 4."""
    value, error = log_partition(
        lambda x: np.abs(x[:, 0] + x[:, 1]) + 0.5 * np.abs(x[:, 0] - x[:, 1]), 2, tolerance=1e-4, with_error=True
    )
    assert abs(value - numpy.log(4)) <= error <= 1e-4


@pytest.mark.parametrize(("scale", "shift"), [(1e-8, 0.0), (1e-4, 7e-4), (1e-2, 3e-3), (10.0, 0.3)])
def test_two_spacings_that_agree_on_a_kink_by_chance(scale, shift):
    value, error = log_partition(lambda x: np.abs(x[:, 0] - shift) / scale, 1, with_error=True)
    assert abs(value - numpy.log(2 * scale)) <= error <= 1e-9


def test_a_narrow_well_far_away_is_found():
    for means, variance in (([[-40.0], [5.0]], 0.04), ([[-400.0], [5.0]], 1e-4)):
        wells = mixture_of(GaussianMixture([0.3, 0.7], means, variance))
        assert abs(log_partition(wells, 1) - 0.5 * LOG_2PI) <= 1e-12


@pytest.mark.parametrize(("far", "deviation", "depth"), [(20.0, 0.01, 0.0), (900.0, 0.01, 30.0), (1e5, 1.0, 0.0)])
def test_a_narrow_well_that_a_wide_one_hides(far, deviation, depth):
    """Its basin is deviation * far wide; Z = sqrt(2 pi) (1 + deviation exp(depth))."""

    def energy(x):
        return -np.logaddexp(-0.5 * x[:, 0] ** 2, depth - 0.5 * ((x[:, 0] - far) / deviation) ** 2)

    value, error = log_partition(energy, 1, with_error=True)
    assert abs(value - 0.5 * LOG_2PI - numpy.log1p(deviation * numpy.exp(depth))) <= error + 1e-14 * value


def test_a_narrow_well_in_the_plane_that_a_wide_one_hides():
    """Of deviation 1/20: Z = 2 pi (1 + 1/400)."""

    def energy(x):
        return -np.logaddexp(-0.5 * np.sum(x**2, axis=1), -200 * np.sum((x - np.array([80.0, 60.0])) ** 2, axis=1))

    value, error = log_partition(energy, 2, with_error=True)
    assert abs(value - LOG_2PI - numpy.log1p(1 / 400)) <= error <= 1e-9


HIDDEN = [  # the bulk's middle and deviation, where the well is and how wide it is, in units of that deviation
    (0.0, 1.0, [1.23], 5e-4),
    (0.0, 1e-3, [-2.6], 1e-3),
    (1e4, 1.0, [0.7], 1e-3),
    (1e4, 1e3, [1.9], 5e-4),
    (0.0, 1.0, [-1.66, -1.05], 0.02),
]


@pytest.mark.parametrize(("middle", "deviation", "at", "width"), HIDDEN)
def test_a_narrow_well_within_a_wide_one(middle, deviation, at, width):
    """No deeper than the bulk is: Z = (2 pi deviation^2)^(d/2) (1 + width^d)."""
    d, at = len(at), middle + deviation * np.array(at)

    def energy(x):
        wide, narrow = (np.sum(((x - m) / s) ** 2, axis=1) for m, s in ((middle, deviation), (at, width * deviation)))
        return -np.logaddexp(-0.5 * wide, -0.5 * narrow)

    value, error = log_partition(energy, d, with_error=True)
    right = d * (0.5 * LOG_2PI + numpy.log(deviation)) + numpy.log1p(width**d)
    assert abs(value - right) <= error + 1e-13 * abs(right) and error <= 1e-9


def test_two_valleys_whose_depths_a_grid_does_not_tell():
    """A parabola's two arms: u = y - 30 x^2 and x are standard normal, with the axes exchanged."""

    def energy(x):
        return 0.5 * x[:, 1] ** 2 + 0.5 * (x[:, 0] - 30 * x[:, 1] ** 2) ** 2

    value, error = log_partition(energy, 2, with_error=True)
    assert abs(value - LOG_2PI) <= error <= 1e-9


def test_the_gradient_passes_through_overflow():
    """d/dc log int exp(-c cosh x) = -K_1(c)/K_0(c); a well that bends: log Z does not depend on how much."""
    slope = grad(lambda c: log_partition(lambda x: c * np.cosh(x[:, 0]), 1))(1.0)
    assert abs(slope + 1.429625398260401) <= 1e-13
    bent = grad(lambda b: log_partition(lambda x: 0.5 * x[:, 0] ** 2 + 0.5 * (x[:, 1] - b * x[:, 0] ** 2) ** 2, 2))(3.0)
    assert abs(bent) <= 1e-9


def minus(x):
    return -(x[:, 0] ** 2)


DIVERGES = {
    "flat": (lambda x: 0.0 * x[:, 0], 1),
    "falls as a square": (minus, 1),
    "falls on one side": (lambda x: x[:, 0], 1),
    "1/|x|": (lambda x: 0.5 * np.log1p(x[:, 0] ** 2), 1),
    "1/|x|, and overflows": (lambda x: 0.25 * np.log1p(x[:, 0] ** 4), 1),
    "levels off": (lambda x: np.tanh(x[:, 0]) ** 2, 1),
    "flat along one axis": (lambda x: x[:, 0] ** 2, 2),
    "a valley that narrows too slowly": (lambda x: (1 + x[:, 0] ** 2) * x[:, 1] ** 2, 2),
    "a funnel from 1e-300 to 1e300": (lambda x: funnel(x, 100.0), 2),
    "a saddle": (lambda x: x[:, 0] ** 2 - x[:, 1] ** 2, 2),
    "a period, with minima as far as one looks": (lambda x: numpy.sin(x[:, 0]), 1),
    "a slower period": (lambda x: 3 * numpy.cos(0.01 * x[:, 0]), 1),
    "a plateau under a deep well": (lambda x: -60 * np.exp(-(x[:, 0] ** 2)), 1),
    "a plateau under a well of 200": (lambda x: -200 * np.exp(-(x[:, 0] ** 2)), 1),
    "a plateau in the plane": (lambda x: -200 * np.exp(-np.sum(x**2, axis=1)), 2),
}


@pytest.mark.parametrize("name", DIVERGES)
def test_what_has_no_integral_is_refused(name):
    with pytest.raises(DomainError, match="no integral") as caught:
        log_partition(*DIVERGES[name])
    assert caught.value.code == "E-DIVERGES"


def test_the_limit_that_was_met_is_named():
    with pytest.raises(DomainError, match="roundoff of energies or of points"):
        log_partition(lambda x: 0.5 * x[:, 0] ** 2 + 1e9, 1)
    with pytest.raises(DomainError, match="roundoff of energies or of points"):
        log_partition(lambda x: 0.5 * ((x[:, 0] - 1e6) / 1e-3) ** 2, 1)
    with pytest.raises(DomainError, match="kinks, jumps or too many scales"):
        log_partition(lambda x: np.abs(x[:, 0]) + np.where(np.sin(1e4 * x[:, 0]) > 0, 1.0, 0.0), 1)
    with pytest.raises(DomainError, match="-inf at x = "):
        log_partition(lambda x: np.where(x[:, 0] < 2, x[:, 0] ** 2, -np.inf), 1)
    with pytest.raises(DomainError, match="infinite on the whole"):
        log_partition(lambda x: np.inf + 0 * x[:, 0], 1)


LOST = {
    "more strips than there are evaluations for": lambda x: flat(
        (np.abs(x[:, 0]) < 1) & (np.abs(x[:, 1]) < 5) & (np.sin(4 * x[:, 1]) > 0.2)
    ),
    "a ridge that leads beyond the grid": lambda x: (
        np.log1p((0.8 * x[:, 0] + 0.6 * x[:, 1]) ** 2) + 0.5e6 * (0.8 * x[:, 1] - 0.6 * x[:, 0]) ** 2
    ),
}


@pytest.mark.parametrize("name", LOST)
def test_lines_whose_mass_is_lost_are_not_passed_over(name, monkeypatch):
    if name.startswith("more"):
        monkeypatch.setattr(partition, "MOST_NODES", (0, 10**6))
    with pytest.raises(DomainError, match=r"log Z is known to .* only"):
        log_partition(LOST[name], 2)


@pytest.mark.parametrize("unit", [1e-12, 1e-20, 1e-25, 1e-30, 1e-100])
@pytest.mark.parametrize(
    ("first", "second", "ratio"),
    [(50.0, -50.0, 1.0), (50.0, -50.0, 10.0), (0.0, 300.0, 3.0), (1e3, -1e3, 100.0), (1e5, -1e5, 3.0)],
)
def test_two_wells_whatever_the_unit(unit, first, second, ratio):
    """sqrt(2 pi) (1 + 1/ratio) units, up to 1e5 deviations apart, with no descent from one to the other."""

    def wells(x):
        y = x[:, 0] / unit
        return -np.logaddexp(-0.5 * (y - first) ** 2, -0.5 * ((y - second) * ratio) ** 2)

    value, error = log_partition(wells, 1, with_error=True)
    assert abs(value - (numpy.log(unit) + 0.5 * LOG_2PI + numpy.log1p(1 / ratio))) <= error + 1e-13 * abs(value) < 1e-9


@pytest.mark.parametrize("unit", [1e-15, 1e-3, 1e3])
@pytest.mark.parametrize("apart", [20.0, 200.0])
def test_two_wells_in_the_plane_whatever_the_unit(unit, apart):
    """2 pi (1 + 1/4) units^2, on the diagonal, farther from each other than grids around either reach."""

    def wells(x):
        y = x / unit - 100.0
        squares = (np.sum((y - apart) ** 2, axis=1), 4 * np.sum((y + apart) ** 2, axis=1))
        return -np.logaddexp(*(-0.5 * square for square in squares))

    value, error = log_partition(wells, 2, with_error=True)
    assert abs(value - (2 * numpy.log(unit) + LOG_2PI + numpy.log(1.25))) <= error + 1e-13 * abs(value) < 1e-9


def test_a_well_that_roundoff_of_its_place_hides_is_refused():
    """A valley that bends, of unit 1e-30, which descents reach at some place far from 0."""
    with numpy.errstate(over="ignore"), pytest.raises(DomainError, match=r"E-SETTLED: .* roundoff of its place"):
        log_partition(lambda x: 5e59 * x[:, 0] ** 2 + 50 * (1e30 * x[:, 1] - 1e60 * x[:, 0] ** 2) ** 2, 2)


@pytest.mark.parametrize("scale", [1e-22, 1e-30, 1e-100, 1e-140])
def test_a_well_narrower_than_all_grids_is_found_where_it_is_alone(scale):
    for energy, log_z in ((lambda x: 0.5 * x**2, 0.5 * LOG_2PI), (lambda x: np.abs(x), np.log(2))):
        with numpy.errstate(over="ignore"):
            found = log_partition(lambda x, energy=energy: 1e3 + energy(x[:, 0] / scale), 1, with_error=True)
        assert abs(found.value - (log_z + np.log(scale) - 1e3)) <= found.error <= 1e-9


@pytest.mark.parametrize("centre", [-1e6, 1e6])
def test_the_error_knows_the_roundoff_of_points_on_either_side(centre):
    """Panels on the left have nodes as far from 0 as those on the right."""
    for energy, right in ((lambda x: np.abs(x), np.log(2)), (lambda x: np.log1p(x**2), np.log(np.pi))):
        found = log_partition(lambda x, energy=energy: energy(x[:, 0] - centre), 1, with_error=True)
        assert abs(found.value - right) <= found.error <= 1e-9


def test_what_two_grids_of_valleys_differ_by_is_added_to_the_error(monkeypatch):
    refined = iter([-1.0, -1.0 - 2**-31])  # log Z of each

    def one_node(energy, wells, widths, tolerance, gap):
        return partition.Nodes(np.zeros((1, 2)), np.array([next(refined)]), 0.25)

    monkeypatch.setattr(partition, "_refined", one_node)
    energy = partition.Counted(lambda x: 0 * x[:, 0], 10)
    assert partition._by_panels(energy, np.zeros((1, 2)), np.ones((1, 2)), 1e-9).error == 0.25 + 2**-31


def test_a_lattice_is_turned_into_the_axes_of_the_deepest_well(monkeypatch):
    asked, axes = [], partition._axes
    monkeypatch.setattr(partition, "_axes", lambda energy, well, width: asked.append(well) or axes(energy, well, width))

    def energy(x):
        wells = 0.5 * np.sum((x - np.array([[[0.0, 0.0]], [[6.0, 1.0]]])) ** 2, axis=2) + [[0.0], [0.5]]
        return -np.logaddexp(*-wells)

    partition.quadrature(energy, 2)
    numpy.testing.assert_allclose(asked, [[0.0, 0.0]], atol=0.1)


def test_a_minimum_of_the_grid_is_sought_between_its_neighbours():
    """Beyond the next point there is a deeper and wider one, which has its own."""

    def energy(t, line):
        return np.minimum(50 * (t - 2) ** 2, (t - 4) ** 2 - 0.5)

    found = partition._minima_on_lines(energy, np.arange(8.0), 1)
    numpy.testing.assert_allclose(found.seeds[0, :2], [4.0, 2.0], atol=1e-6)
    assert found.kinds.tolist() == [0]


def test_a_grid_has_points_beside_each_well():
    wells, widths = np.array([5.0, -100.0]), np.array([0.25, 2.0])
    grid = partition._grid(wells, widths, 1 / 8)
    beside = [4.25, 4.75, 5.0, 5.25, 5.75, -106.0, -102.0, -100.0, -98.0, -94.0]
    assert set(beside) <= set(grid.tolist()) and np.all(np.diff(grid) > 0)


def test_seeds_of_lines_are_the_wells_and_the_minima_of_the_grid():
    """With half of the distance between the neighbours for a width, at an end half of that to the only one."""
    grid, lowest = np.array([-8.0, -4.0, -2.0, -1.0, 0.0, 1.0, 4.0]), np.array([-8.0, -1.0, 4.0])

    def energy(x):
        return np.min(np.abs(x[:, :1] - lowest), axis=1) + x[:, 1] ** 2

    plane = partition.InPlane(partition.Counted(energy, np.inf), np.zeros((1, 2)), np.ones((1, 2)), 1e-9, 1 / 8)
    seeds, widths = plane.seeds(grid, np.array([0.5]), np.array([0.125]))
    assert seeds.tolist() == [[0.5, -8.0, -1.0, 4.0]] and widths.tolist() == [[0.125, 2.0, 1.0, 1.5]]


def test_a_wall_in_the_plane_is_the_limit_that_is_named(monkeypatch):
    monkeypatch.setattr(partition, "MOST_NODES", (0, 10**6))
    with pytest.raises(DomainError, match=r"E-SETTLED.* where its support ends"):
        log_partition(LOST["more strips than there are evaluations for"], 2, tolerance=1e-4)


def test_too_few_evaluations_are_no_lack_of_an_integral(monkeypatch):
    monkeypatch.setattr(partition, "MOST_NODES", (0, 3 * 10**5))
    with pytest.raises(DomainError, match=r"E-SETTLED: after .* too many scales"):
        log_partition(lambda x: flat(np.sum(x**2, axis=1) < 1), 2)


def flat(inside):
    """E = 0 inside, and a hard wall."""
    return np.where(inside, 0.0, np.inf)


def within(*intervals):
    return lambda x: flat(np.any([(low < x[:, 0]) & (x[:, 0] < high) for low, high in intervals], axis=0))


def discs(x, *centres_and_radii):
    return flat(np.any([np.sum((x - np.array(at)) ** 2, axis=1) < r**2 for at, r in centres_and_radii], axis=0))


ISLANDS = {
    "a narrow one beside": [(0, 1), (2, 2.01)],
    "a small one": [(0, 1e-3)],
    "a tiny one below 0": [(-1e-12, -1e-13)],
    "thirty": [(3 * k, 3 * k + 1) for k in range(30)],
    "narrow": [(3 * k, 3 * k + 0.1) for k in range(130)],
    "of many sizes": [(2.0**k, 2.0**k * 1.01) for k in range(-40, 40)],
}


@pytest.mark.parametrize("name", ISLANDS)
def test_islands_on_the_line(name):
    right = numpy.log(sum(high - low for low, high in ISLANDS[name]))
    value, error = log_partition(within(*ISLANDS[name]), 1, with_error=True)
    assert abs(value - right) <= error + 2e-13 <= 1e-9


def test_more_islands_than_can_be_found_are_refused():
    with pytest.raises(DomainError, match=r"E-SETTLED: .* wells have been found, and more are found"):
        log_partition(within(*((3 * k, 3 * k + 0.1) for k in range(250))), 1, tolerance=1e-6)


def in_frame(x, at, size, angle):
    """The coordinates of x from a point, in units of a size, turned."""
    cos, sin = numpy.cos(angle), numpy.sin(angle)
    return ((x - np.array(at)) @ np.array([[cos, -sin], [sin, cos]]) / size).T


def triangle(x, at, size, angle, slope):
    """Of area slope * size**2."""
    u, v = in_frame(x, at, size, angle)
    return (np.abs(u) < 0.5) & (np.abs(v) < slope * (0.5 - u))


def test_a_small_island_far_from_others_in_the_plane_is_found():
    """A disc, a rectangle and two triangles, of which the smallest has less than 1/600 of the area."""

    def energy(x):
        u, v = in_frame(x, [-3.868, 1.306], 1.121, 2.091)
        inside = (np.sum((x - np.array([3.623, -3.906])) ** 2, axis=1) < 1.849**2) | (
            (np.abs(u) < 0.5) & (np.abs(v) < 0.954)
        )
        small = triangle(x, [0.136, 5.715], 0.172, 1.183, 0.686) | triangle(x, [5.269, 0.984], 0.302, 2.123, 0.593)
        return flat(inside | small)

    area = numpy.pi * 1.849**2 + 2 * 0.954 * 1.121**2 + 0.686 * 0.172**2 + 0.593 * 0.302**2
    value, error = log_partition(energy, 2, tolerance=1e-3, with_error=True)
    assert abs(value - numpy.log(area)) <= error <= 1e-3


CRESCENT = numpy.pi - 2 * numpy.arccos(0.25) + 0.25 * numpy.sqrt(3.75)
WALLED = {  # energies, their integrals, and tolerances
    "a disc": (lambda x: discs(x, ([0.0, 0.0], 1.0)), numpy.pi, 1e-9),
    "a small disc": (lambda x: discs(x, ([0.0, 0.0], 1e-3)), 1e-6 * numpy.pi, 1e-4),
    "two discs": (lambda x: discs(x, ([0.0, 3.0], 1.0), ([0.0, -3.0], 1.0)), 2 * numpy.pi, 1e-4),
    "a small disc below": (lambda x: discs(x, ([0.0, 0.0], 3.0), ([0.0, -8.0], 1.0)), 10 * numpy.pi, 1e-4),
    "a flat ellipse that leans": (
        lambda x: flat((0.96 * x[:, 0] + 0.28 * x[:, 1]) ** 2 + (96 * x[:, 1] - 28 * x[:, 0]) ** 2 < 1),
        0.01 * numpy.pi,
        1e-4,
    ),
    "a crescent": (
        lambda x: flat((np.sum(x**2, axis=1) < 1) & (np.sum((x - np.array([0.5, 0.0])) ** 2, axis=1) > 1)),
        CRESCENT,
        0.05,
    ),
    "a triangle": (lambda x: flat((x[:, 0] > 0) & (x[:, 1] > 0) & (x[:, 0] + x[:, 1] < 1)), 0.5, 1e-4),
    "a cusp": (lambda x: flat((np.abs(x[:, 1]) < x[:, 0] ** 2) & (x[:, 0] > 0) & (x[:, 0] < 1)), 2 / 3, 1e-4),
    "a strip along a wave": (
        lambda x: flat((np.abs(x[:, 0]) < 2) & (np.abs(x[:, 1] - np.sin(3 * x[:, 0])) < 0.01)),
        0.08,
        0.01,
    ),
    "a cone": (lambda x: np.where(np.abs(x[:, 1]) < x[:, 0], x[:, 0], np.inf), 2.0, 1e-4),
    "a normal density in a disc": (
        lambda x: np.where(np.sum(x**2, axis=1) < 9, 0.5 * np.sum(x**2, axis=1), np.inf),
        2 * numpy.pi * -numpy.expm1(-4.5),
        1e-4,
    ),
}


@pytest.mark.parametrize("name", WALLED)
def test_walls_in_the_plane(name):
    """The value is within its error, at most twice the tolerance: two grids of valleys may differ by as much."""
    energy, integral, tolerance = WALLED[name]
    value, error = log_partition(energy, 2, tolerance=tolerance, with_error=True)
    assert abs(value - numpy.log(integral)) <= error <= 2 * tolerance


def test_the_rule_of_a_panel():
    """Nodes and weights of Lobatto's rule, from Abramowitz and Stegun 1964, table 25.6; Legendre coefficients 9, 10."""
    nodes = [0.1365529329, 0.3995309410, 0.6328761530, 0.8192793216, 0.9448992722, 1.0]
    weights = [0.2714052410, 0.2512756032, 0.2125084178, 0.1579747056, 0.0916845174, 1 / 66]
    numpy.testing.assert_allclose(partition.U, [*(-x for x in nodes[::-1]), *nodes], atol=1e-10)
    numpy.testing.assert_allclose(partition.W, weights[::-1] + weights, atol=1e-10)
    assert abs(partition.W @ partition.U**20 - 2 / 21) <= 1e-15
    legendre = [numpy.polynomial.Legendre.basis(k)(partition.U) @ partition.LAST for k in range(11)]
    numpy.testing.assert_allclose(legendre, numpy.eye(11)[:, 9:], atol=1e-13)


@pytest.mark.parametrize(
    ("d", "unit", "first", "last"), [(1, 1.0, 1e5, 1e7), (1, 1e-6, 1e-4, 1e-2), (2, 1.0, 1e5, 1e9), (2, 1e-3, 1e5, 1e9)]
)
def test_a_plateau_far_out_is_seen_although_it_is_as_narrow_across_as_the_bulk(d, unit, first, last):
    axis = unit * numpy.linspace(-8, 8, 65)
    x = numpy.stack([a.ravel() for a in numpy.meshgrid(*[axis] * d, indexing="ij")], axis=1)
    nodes = partition.Nodes(x, numpy.full(len(x), d * numpy.log(unit / 4)), 0.0)

    def bulk(x):
        return 0.5 * numpy.sum((x / unit) ** 2, axis=1)

    def and_plateau(x):
        there = (first < x[:, 0]) & (x[:, 0] < last) & numpy.all(numpy.abs(x[:, 1:]) < unit, axis=1)
        return numpy.where(there, 10.0, bulk(x))

    with numpy.errstate(over="ignore"):
        assert partition._refuse_mass_outside(partition.Counted(bulk, numpy.inf), nodes, 1e-9) is None
        with pytest.raises(DomainError, match=r"E-DIVERGES.* energy is 10 or less out to x"):
            partition._refuse_mass_outside(partition.Counted(and_plateau, numpy.inf), nodes, 1e-9)


def test_quartiles_of_weighted_points():
    x = numpy.array([[3.0, 0.0], [1.0, 5.0], [2.0, -4.0], [0.0, 1.0]])
    weights = numpy.array([0.1, 0.4, 0.2, 0.3])
    assert partition._quartiles(x, 7 * weights).tolist() == [[0.0, 0.0], [1.0, 1.0], [2.0, 5.0]]


@pytest.mark.parametrize("well", [[3.0, 0.0], [0.0, -3.0], [1e5, 1e5], [-1e-7, 1e-7]])
def test_a_descent_goes_along_axes_and_diagonals(well):
    """Where every other way goes up: a ravine, of which a step across costs a hundred times as much."""
    along = numpy.sign(well) / numpy.linalg.norm(numpy.sign(well))
    size = numpy.linalg.norm(well)

    def energy(x):
        way = x @ along
        across = numpy.linalg.norm(x - way[:, None] * along, axis=1)
        return (numpy.abs(way - size) + 100 * across) * 10 / size

    start = numpy.zeros((1, 2))
    x, e = partition._descended(energy, start, energy(start))
    assert e[0] <= 1.0 and numpy.linalg.norm(x[0] - well) <= 0.1 * size


def panels(log_f, error=(0.0, 0.0)):
    """A rule for one line, t = -2 + sinh(u)/2, of which log f(u) is given, and the errors of the integrand."""

    def integrand(t, line, log_dt):
        numpy.testing.assert_allclose(log_dt, numpy.log(0.5 * numpy.cosh(numpy.arcsinh(2 * (t + 2)))), atol=1e-12)
        return (log_f(numpy.arcsinh(2 * (t + 2))) - log_dt, *error)

    budget = partition.Counted(None, numpy.inf)
    return partition.Rule(integrand, numpy.array([[-2.0]]), numpy.array([[0.5]]), budget, numpy.zeros(1), -numpy.inf)


def test_a_panel_by_hand():
    """f = 2 + P_10(w)/4 - P_9(w)/8 with w = u - 2 on (1, 3): the integral is 4, the largest value 2.375 at w = -1."""
    legendre = numpy.polynomial.Legendre
    f = legendre([2, *[0] * 8, -1 / 8, 1 / 4])
    rule = panels(lambda u: numpy.log(f(u - 2)), (0.25, 0.0))
    one = numpy.zeros(1, int)
    rule.evaluate(numpy.ones(1), 3 * numpy.ones(1), one, one, one)
    numpy.testing.assert_allclose(rule.top, numpy.log(2.375), rtol=1e-13)
    numpy.testing.assert_allclose(rule.log_f[0], numpy.log(f(partition.U)), atol=1e-12)
    numpy.testing.assert_allclose(
        [*rule.value, *rule.below, *rule.error], [4 / 2.375, 1 / 2.375, 0.5 / 2.375], rtol=1e-11
    )
    values, ends = f(partition.U), -2 + 0.5 * numpy.sinh([1.0, 3.0])
    size, spread, across = numpy.log(2.375), numpy.log(2.375 / min(values)), ends[1] / (ends[1] - ends[0])
    numpy.testing.assert_allclose(rule.noise, 2.0**-52 * (1 + size + across * spread) * 4 / 2.375, rtol=1e-11)
    slope = numpy.log(0.5 * numpy.cosh(2 + partition.U))
    numpy.testing.assert_allclose(rule.peak, max(numpy.log(values) - slope), rtol=1e-12)
    log_z, unresolved, roundoff = rule.results()
    numpy.testing.assert_allclose([*log_z, *unresolved], [numpy.log(4), 0.25 + 0.125], rtol=1e-11)
    numpy.testing.assert_allclose(roundoff, rule.noise * 2.375 / 4, rtol=1e-11)
    line, number, t, log_weights, mass = rule.nodes()
    assert line.tolist() == [0] * 12 and number.tolist() == [*range(12)]
    numpy.testing.assert_allclose(t, -2 + 0.5 * numpy.sinh(2 + partition.U), rtol=1e-13)
    numpy.testing.assert_allclose(numpy.exp(log_weights), partition.W * numpy.exp(slope), rtol=1e-13)
    numpy.testing.assert_allclose(numpy.exp(mass), partition.W * values, rtol=1e-11)


def test_panels_of_one_line_have_one_unit():
    """The first is exp(u), then exp(u - 210), which is in its unit, then exp(u + 210), which is the new one."""
    rule = panels(lambda u: u + 210 * numpy.where(u < 0, 0, numpy.where(u < 1, -1, 1)), (0.0, 0.5))
    one = numpy.zeros(1, int)
    for low in (-1.0, 0.0, 1.0):
        rule.evaluate(numpy.array([low + 1e-9]), numpy.array([low + 1 - 1e-9]), one, one, one)
    integrals = [1 - numpy.exp(-1.0), numpy.exp(-210.0) * (numpy.e - 1), numpy.exp(210.0) * (numpy.exp(2) - numpy.e)]
    numpy.testing.assert_allclose(rule.top, 212, rtol=1e-9)
    numpy.testing.assert_allclose(rule.value, [numpy.exp(-212.0) * one for one in integrals], rtol=1e-8)
    numpy.testing.assert_allclose(rule.noise, 0.5 * rule.value, rtol=1e-12)
    assert rule.first.tolist() == [0, 12, 24] and rule.evaluations == 36
    _, number, *_ = rule.nodes()
    assert number.tolist() == [*range(24, 36)]  # the others have no mass beside it


def test_a_line_on_which_nothing_is_has_no_integral():
    rule, one = panels(lambda u: -numpy.inf * numpy.ones(len(u))), numpy.zeros(1, int)
    with numpy.errstate(divide="ignore", invalid="ignore"):
        rule.evaluate(-numpy.ones(1), numpy.ones(1), one, one, one)
        assert rule.value.tolist() == rule.error.tolist() == rule.noise.tolist() == [0.0]
        assert rule.results()[0].tolist() == [-numpy.inf]


@pytest.mark.parametrize("distance", [30.1, 300.3, 910.1])
def test_islands_as_narrow_as_the_docstring_says_are_found(distance):
    """Beside E = 0 on [-1, 1] and on the unit disk: an island 1/300 as wide as it is far, in the plane 1/10."""
    half = distance / 600

    def on_the_line(x):
        return np.where((np.abs(x[:, 0]) <= 1) | (np.abs(x[:, 0] - distance) <= half), 0.0, np.inf)

    assert log_partition(on_the_line, 1, tolerance=1e-6) == pytest.approx(np.log(2 + 2 * half), abs=2e-6)
    centre, radius = distance * np.array([np.cos(0.7), np.sin(0.7)]), distance / 20

    def in_the_plane(x):
        inside = (np.sum(x**2, axis=1) <= 1) | (np.sum((x - centre) ** 2, axis=1) <= radius**2)
        return np.where(inside, 0.0, np.inf)

    assert log_partition(in_the_plane, 2, tolerance=1e-3) == pytest.approx(np.log(np.pi * (1 + radius**2)), abs=2e-3)
