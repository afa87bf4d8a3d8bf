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


def test_a_lattice_is_turned_into_the_axes_of_the_deepest_well(monkeypatch):
    asked, axes = [], partition._axes

    def look(energy, well, width):
        asked.append([*well, *width])
        return axes(energy, well, width)

    def energy(x):
        wells = 0.5 * np.sum((x - np.array([[[0.0, 0.0]], [[6.0, 1.0]]])) ** 2, axis=2) * [[1.0], [9.0]] + [
            [0.0],
            [0.5],
        ]
        return -np.logaddexp(*-wells)

    monkeypatch.setattr(partition, "_axes", look)
    partition.quadrature(energy, 2)
    numpy.testing.assert_allclose(asked, [[0.0, 0.0, 1.0, 1.0]], atol=0.1)


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
    assert partition._quartiles(x[:, :1], numpy.ones(4)).tolist() == [[0.0], [1.0], [2.0]]


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


def panels(
    log_f, error=(0.0, 0.0), seeds=((-2.0,),), widths=((0.5,),), log_scale=(0.0,), best=-numpy.inf, most=numpy.inf
):
    """A rule, t = -2 + sinh(u)/2 on the first line, of which log f(u, line), and the integrand's errors, are given."""

    def integrand(t, line, log_dt):
        u = numpy.arcsinh((t - numpy.array(seeds)[line, 0]) / numpy.array(widths)[line, 0])
        numpy.testing.assert_allclose(log_dt, numpy.log(numpy.array(widths)[line, 0] * numpy.cosh(u)), atol=1e-12)
        return (log_f(u, line) - log_dt, *error)

    budget = partition.Counted(None, most)
    return partition.Rule(integrand, numpy.array(seeds), numpy.array(widths), budget, numpy.array(log_scale), best)


def test_a_panel_by_hand():
    """f = 2 + P_10(w)/4 - P_9(w)/8 with w = u - 2 on (1, 3): the integral is 4, the largest value 2.375 at w = -1."""
    legendre = numpy.polynomial.Legendre
    f = legendre([2, *[0] * 8, -1 / 8, 1 / 4])
    rule = panels(lambda u, line: numpy.log(f(u - 2)), (0.25, 0.0))
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
    rule = panels(lambda u, line: u + 210 * numpy.where(u < 0, 0, numpy.where(u < 1, -1, 1)), (0.0, 0.5))
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
    rule, one = panels(lambda u, line: -numpy.inf * numpy.ones(len(u))), numpy.zeros(1, int)
    with numpy.errstate(divide="ignore", invalid="ignore"):
        rule.evaluate(-numpy.ones(1), numpy.ones(1), one, one, one)
        assert rule.value.tolist() == rule.error.tolist() == rule.noise.tolist() == [0.0]
        assert rule.results()[0].tolist() == [-numpy.inf]
        rule.evaluate(numpy.ones(1), 2 * numpy.ones(1), one, one, one)
        assert rule.value.tolist() == [0.0, 0.0]


def test_the_roundoff_of_a_panel_is_that_of_its_logarithms_and_points():
    """Of a short panel on the left, of f = exp(u - 100)."""
    rule, one = panels(lambda u, line: u - 100), numpy.zeros(1, int)
    rule.evaluate(-1.2 * numpy.ones(1), -numpy.ones(1), one, one, one)
    ends = -2 + 0.5 * numpy.sinh([-1.2, -1.0])
    bound = 2.0**-52 * (1 + 101.2 - 0.2 * ends[0] / (ends[1] - ends[0]))
    numpy.testing.assert_allclose(rule.noise, bound * rule.value, rtol=1e-10)
    numpy.testing.assert_allclose(rule.value, 1 - numpy.exp(-0.2), rtol=1e-10)


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


def test_energies_are_asked_a_part_at_a_time_and_counted():
    asked = []
    energy = partition.Counted(lambda x: asked.append(len(x)) or x[:, 0], 10**6)
    x = numpy.arange(2.0**16 + 1)[:, None]
    assert energy(x).tolist() == x[:, 0].tolist() and energy(x[:0]).tolist() == []
    assert asked == [2**16, 1] and (energy.seen, energy.left, energy.odd) == (2**16 + 1, 10**6 - 2**16 - 1, False)
    assert energy(x[:2]).tolist() == [0.0, 1.0] and energy.left == 10**6 - 2**16 - 3


def test_energies_that_are_no_numbers_are_refused_unless_they_are_far_out():
    """Which is farther than 1001 along one axis: the first that is not is told."""
    values = {(0.0, 0.0): 1.0, (1.0, 0.0): numpy.inf, (2.0, -1001.5): numpy.nan, (1001.5, 0.0): -numpy.inf}
    values[1001.0, -1001.0] = numpy.nan
    energy = partition.Counted(lambda x: numpy.array([values[tuple(one)] for one in x]), numpy.inf)
    x = numpy.array([*values])
    assert energy.search(x[:4]).tolist() == [1.0, *[numpy.inf] * 3] and energy.odd
    assert energy(x[:2]).tolist() == [1.0, numpy.inf] and not energy.odd
    with pytest.raises(
        DomainError, match=r"E-SETTLED: energy must be a number or \+inf, got nan at x = \[1001.0, -100"
    ):
        energy.search(x)
    with pytest.raises(DomainError, match=r"got -inf at x = \[1001.5, 0.0\]"):
        energy(x[[0, 1, 3, 2]])


def test_points_of_a_lattice_and_the_volumes_around_them():
    lattice = partition._lattice([1, 2], [3, 4, 5])
    assert lattice.tolist() == [[1, 3], [1, 4], [1, 5], [2, 3], [2, 4], [2, 5]]
    centre, scale, step = numpy.array([3.0, -1.0]), numpy.array([2.0, 0.5]), numpy.array([0.25, 0.125])
    u, x, log_dx, log_f = partition._lattice_of(
        partition.Counted(lambda x: x[:, 0] - x[:, 1], numpy.inf), centre, scale, step, 0.3
    )
    axes = [0.25 * numpy.arange(-2, 3), 0.125 * numpy.arange(-3, 4)]
    assert u.tolist() == partition._lattice(*axes).tolist()
    numpy.testing.assert_allclose(x, centre + scale * numpy.sinh(u), rtol=1e-15)
    dx = 0.5 * numpy.cosh(u[:, 0]) * 0.0625 * numpy.cosh(u[:, 1])
    numpy.testing.assert_allclose(log_dx, numpy.log(dx), rtol=1e-13)
    numpy.testing.assert_allclose(log_f, log_dx - x[:, 0] + x[:, 1], rtol=1e-13)


def test_points_of_connected_parts():
    """All of a part no larger than a cell, one of a larger; corners connect."""
    on_the_line = numpy.array([1, 1, 1, 0, 1, 1, 0, 1], bool)
    assert partition._one_of_each(on_the_line).tolist() == [0, 4, 5, 7]
    in_the_plane = numpy.array(
        [[1, 1, 0, 0, 0, 1], [1, 1, 0, 0, 1, 0], [0, 0, 0, 1, 0, 0], [1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0]], bool
    )
    assert partition._one_of_each(in_the_plane).tolist() == [0, 1, 5, 6, 7, 18]


@pytest.mark.parametrize("width", [1e-12, 1e-3, 1.0, 1e9])
@pytest.mark.parametrize("d", [1, 2])
def test_a_descent_ends_where_no_step_gains_a_twentieth(d, width):
    """Of a parabola: the best step is within 3.5/4.5 of the way, so that E is at most 0.05/(1 - (3.5/4.5)^2)."""
    start = width * numpy.array([[0.0, 0.0], [30.0, -7.0], [1e4, 0.0], [100.0, 0.3]])[:, :d]

    def energy(x):
        return numpy.sum((x / width - 1.2345) ** 2, axis=1)

    x, e = partition._descended(energy, start, energy(start))
    assert numpy.all(e == energy(x)) and numpy.all(e <= 0.13 * d)
    assert start[1, 0] == width * 30.0


@pytest.mark.parametrize("way", [[1.0], [-1.0], [-1.0, -1.0], [1.0, 0.0]])
def test_a_descent_that_does_not_end_goes_out_to_1e15(way):
    """By the longest step, 8^17; the shortest is 8^-20. Where nothing is lower it stays."""
    way = numpy.array(way)
    start, zero = numpy.zeros((1, len(way))), numpy.zeros(1)
    x, e = partition._descended(lambda x: -x @ way, start, zero)
    assert x.tolist() == [(8.0**17 * way).tolist()] and e[0] == -(8.0**17) * way @ way
    x, e = partition._descended(
        lambda x: numpy.sum(numpy.abs(x), axis=1) * 8.0**21, 8.0**-20 * way[None], zero + 8 * way @ way
    )
    assert x.tolist() == start.tolist() and e[0] == 0.0
    x, e = partition._descended(lambda x: numpy.sum(numpy.abs(x), axis=1), start, zero)
    assert x.tolist() == start.tolist() and e[0] == 0.0
    x, e = partition._descended(lambda x: 0 * x[:, 0], start, zero)
    assert x.tolist() == start.tolist()


def test_a_width_is_half_the_least_size_at_which_the_energy_rises():
    """On the side where it is larger; half of the largest size, if it never does."""
    sizes = numpy.array([[1.0, 2.0, 4.0, 8.0, 16.0]]) * numpy.array([[1.0], [1.0], [0.5], [0.25]])
    x, e = numpy.array([[0.0, 7.0], [9.0, 7.0], [0.0, 7.0], [0.0, 60.0]]), numpy.array([2.0, 2.0, 2.0, 2.0])

    def energy(x):
        return 2.0 + 0.5 * numpy.where((x[:, 0] >= 5) | (x[:, 0] <= -3), 1, 0) * (x[:, 1] < 50)

    one = numpy.array([1.0, 0.0])
    assert partition._widths(energy, x, e, one, sizes, 0.5).tolist() == [4.0, 0.5, 4.0, 2.0]
    assert partition._widths(energy, x[:1], e[:1] - 0.5, one, sizes[:1]).tolist() == [4.0]
    assert partition._widths(energy, x[:1], e[:1], one, sizes[:1]).tolist() == [8.0]
    assert partition._widths(energy, -x[:1], e[:1], -one, sizes[:1], 0.5).tolist() == [4.0]
    left = partition._widths(lambda x: (x[:, 0] <= -3) | (x[:, 0] >= 1), x[:1, :1], 0 * e[:1], one[:1], sizes[:1])
    assert left.tolist() == [2.0]


def test_minima_that_are_negligible_have_no_width():
    x = numpy.array([[0.0, 0.0], [100.0, 0.0], [0.0, 0.0]])
    deep, widths = partition._deep(lambda x: numpy.abs(x) @ [1.0, 0.25], x, numpy.array([0.0, 140.0, 41.0]), 100.0)
    assert deep.tolist() == [[0.0, 0.0], [100.0, 0.0], [0.0, 0.0]]
    deep, widths = partition._deep(lambda x: numpy.abs(x) @ [1.0, 0.25], x, numpy.array([0.0, 40.0, 40.5]), 0.0, 0.125)
    assert deep.tolist() == [[0.0, 0.0], [100.0, 0.0]]
    assert widths[0].tolist() == [0.0625, 0.25]
    _, widths = partition._deep(lambda x: numpy.abs(x[:, 0]) * 2.0**70, x[:1, :1], numpy.zeros(1), 0.0)
    assert widths.tolist() == [[2.0**-69]]
    _, widths = partition._deep(lambda x: 0 * x[:, 0], x[:1, :1], numpy.zeros(1), 0.0)
    assert widths.tolist() == [[2.0**50]]


def test_minima_within_a_tenth_of_the_widths_of_one_before_are_the_same():
    x = numpy.array([[0.0, 0.0], [0.1, 0.2], [0.1, 0.3], [0.11, 0.0], [5.0, 5.0], [5.0, 5.0]])
    widths = numpy.array([[1.0, 2.0], [9.0, 9.0], [1e-3, 1e-3], [1e-3, 1e-3], [1.0, 1.0], [1.0, 1.0]])
    assert partition._apart(x, widths, [False] * 6) == [0, 2, 3, 4]
    assert partition._apart(x, widths, [False, False, False, False, True, False]) == [0, 2, 3, 5]


def test_dips_of_a_lattice():
    """Below all neighbours, by how much; of islands between walls one point each, or all of a small one."""
    inf, x = numpy.inf, numpy.arange(9.0)[:, None]
    e = numpy.array([0.0, 2.0, 1.0, 1.5, 1.5, 3.0, 0.0, 5.0, 4.0])
    at, depth, energies = partition._dips(partition.Counted(lambda x: e, inf), x, 9)
    assert at[:, 0].tolist() == [2, 6] and depth.tolist() == [0.5, 3.0]
    assert energies.tolist() == [1.0, 0.0]
    e = numpy.array([2.0, 3.0, inf, 3.0, 2.0, inf, 3.0, 2.0, 1.0])
    assert partition._dips(partition.Counted(lambda x: e, inf), x, 9)[0][:, 0].tolist() == [0, 1, 3, 4, 6]
    e = numpy.array([inf, 2.0, 2.0, 2.0, inf, inf, 7.0, 7.0, inf])
    at, depth, energies = partition._dips(partition.Counted(lambda x: e, inf), x, 9)
    assert at[:, 0].tolist() == [1, 6, 7] and depth.tolist() == [partition.ISLAND] * 3


def test_dips_in_the_plane():
    x = partition._lattice([0, 1, 2], [0, 1, 2])
    e = numpy.array([1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.5, 1.0, 1.0])
    at, depth, energies = partition._dips(partition.Counted(lambda x: e, numpy.inf), x, 3)
    assert at.tolist() == [[1, 1]] and depth.tolist() == [0.5] and energies.tolist() == [0.0]


@pytest.mark.parametrize("wide", [2, 3])
def test_islands_without_a_node(wide, monkeypatch):
    """On a lattice from -wide to wide: what nodes, or their neighbours, are on is met."""
    monkeypatch.setattr(partition, "FINE", (8 * wide + 1, 8 * wide + 1))  # 1/4 apart
    spans = [(-1.1, -0.9), (-0.1, 0.1), (0.7, 0.8), (1.2, 1.3), (1.7, 1.8), (-1.8, -1.45)]

    def energy(x):
        inside = numpy.any([(low < x[:, 0]) & (x[:, 0] < high) for low, high in spans], axis=0)
        return numpy.where(inside, x[:, 0], numpy.inf)

    nodes = partition.Nodes(numpy.array([[-1.0], [0.05], [1.0]]), numpy.zeros(3), 0.0)
    x, depth, e = partition._islands(partition.Counted(energy, numpy.inf), nodes, wide)
    assert x[:, 0].tolist() == e.tolist() == [-1.75, 1.75] and depth.tolist() == [partition.ISLAND] * 2
    nodes = partition.Nodes(numpy.array([[-1.0], [1.0]]), numpy.zeros(2), 0.0)
    assert partition._islands(partition.Counted(energy, numpy.inf), nodes, wide)[0][:, 0].tolist() == [-1.75, 0.0, 1.75]
    if wide == 2:
        for spans, found in (
            ([(-1.8, -1.7), (-1.2, 9.0)], [-1.75]),
            ([(-9.0, 1.2), (1.7, 1.8)], [1.75]),
            ([(-2.1, -1.6), (-1.3, 1.3), (1.9, 2.1)], []),  # no wall at either end
            ([(-1.3, 1.3), (1.7, 1.8)], [1.75]),  # nodes have no wall beside
        ):
            x, _, _ = partition._islands(counted(within(*spans)), nodes, 2)
            assert x[:, 0].tolist() == found
        spans = [(-1.1, -0.9), (-0.1, 0.1), (0.7, 0.8), (1.2, 1.3), (1.7, 1.8), (-1.8, -1.45)]
    plane = partition.Nodes(partition._lattice([-1.0, 1.0], [-1.0, 1.0]), numpy.zeros(4), 0.0)
    around = partition.Counted(lambda x: energy(x[:, :1]) + energy(x[:, 1:]), numpy.inf)
    x, depth, e = partition._islands(around, plane, wide)
    met, apart = {-1.0, 0.75, 1.25}, [-1.75, -1.0, 0.0, 0.75, 1.25, 1.75]
    others = [[i, j] for i in apart for j in apart if not {i, j} <= met]
    assert sorted(x.tolist()) == others and e.tolist() == numpy.sum(x, axis=1).tolist()
    assert depth.tolist() == [partition.ISLAND] * 27
    x, depth, e = partition._islands(partition.Counted(lambda x: 0 * x[:, 0], numpy.inf), plane, wide)
    assert x.shape == (0, 2) and depth.shape == e.shape == (0,)


def counted(energy):
    return partition.Counted(energy, numpy.inf)


def test_wells_on_the_line_from_a_grid():
    """The deepest first, with their widths, not one that is 40 higher; the bulk is where the energy is within 20."""

    def energy(x):
        v = numpy.abs(x[:, 0, None] - [3.0, -20.0, 50.0, 1e8])
        return numpy.min(v * [6.0, 24.0, 12.0, 1e-7] + [0.0, 39.0, 41.0, 38.9], axis=1)

    wells, widths, bulk = partition._wells(counted(energy), 1)
    numpy.testing.assert_allclose(wells, [[3.0], [1e8], [-20.0]], atol=0.02, rtol=0.02)
    assert widths[[0, 2]].tolist() == [[0.125], [0.03125]] and 5e6 <= widths[1, 0] <= 2e7
    grid = numpy.sinh(numpy.linspace(-20, 20, 8192))
    assert bulk[:, 0].tolist() == grid[numpy.abs(grid - 3) * 6.0 < 20].tolist()


def test_wells_in_the_plane_from_a_grid():
    def energy(x):
        return numpy.minimum(
            numpy.abs(x - [3.0, 1.0]) @ [0.75, 3.0], 39.0 + numpy.abs(x - [-700.0, -1.0]) @ [0.375, 1.5]
        )

    wells, widths, bulk = partition._wells(counted(energy), 2)
    numpy.testing.assert_allclose(wells, [[3.0, 1.0], [-700.0, -1.0]], atol=0.2)
    assert widths.tolist() == [[1.0, 0.25], [2.0, 0.5]]
    axis = numpy.sinh(numpy.linspace(-7.6, 7.6, 164))
    grid = partition._lattice(axis, axis)
    assert bulk.tolist() == grid[energy(grid) < energy(wells[:1]) + 20].tolist()


@pytest.mark.parametrize("d", [1, 2])
def test_wells_between_walls_close_to_0(d, monkeypatch):
    """Where the wider grid is outside: at 0 and at powers of two. Of more wells than are looked at the deepest."""

    def inside(x, least=-1e-3):
        return numpy.where(numpy.all((least < x) & (x < 1e-3), axis=1), 3.0 + x[:, 0] / 1e4, numpy.inf)

    axis = numpy.array([*(-(2.0**-k) for k in range(10, 48)), 0.0, *(2.0**-k for k in range(47, 9, -1))])
    assert partition._wells(counted(inside), d)[2].tolist() == partition._lattice(*[axis] * d).tolist()
    told = (
        r"a grid of 8192 points out to 2e\+08, and of one of 97 close to 0",
        r"a grid of 26896 points out to 1e\+03, and of one of 9409 close to 0",
    )
    with pytest.raises(DomainError, match=told[d - 1]):
        partition._wells(counted(lambda x: inside(x, 0.98e-3)), d)

    def energy(x):
        return numpy.min(numpy.abs(x[:, :1] - [-9.0, 3.0, 20.0]) - [-5.0, 0.0, -3.0], axis=1) + numpy.sum(x[:, 1:] ** 2)

    monkeypatch.setattr(partition, "MOST_STARTS", 2)
    wells, _, _ = partition._wells(counted(energy), 1)
    numpy.testing.assert_allclose(wells, [[3.0], [20.0]], atol=0.02)


def test_an_energy_that_falls_as_far_as_one_looks():
    """The farthest place is told: from another minimum of the grid, at -50, it is another."""
    falls = counted(lambda x: -numpy.maximum(x[:, 0], 0.0) - numpy.maximum(1 - numpy.abs(x[:, 0] + 50), 0.0))
    with pytest.raises(DomainError, match=r"E-DIVERGES.* falls as far out as x = \[2251800\d+\.\d\], to -2.25e\+15"):
        partition._wells(falls, 1)
    wells, _, _ = partition._wells(counted(lambda x: numpy.abs(x[:, 0] - 1e14) / 1e13), 1)
    numpy.testing.assert_allclose(wells, [[1e14]], rtol=0.02)
    falls = counted(lambda x: numpy.minimum(100 * numpy.abs(x[:, 0]) - 100, -1e-15 * numpy.abs(x[:, 0])))
    wells, _, _ = partition._wells(falls, 1)
    numpy.testing.assert_allclose(wells, [[0.0]], atol=0.02)  # where it falls it is higher by more than 40


def test_minima_two_points_of_the_grid_apart_are_two_wells():
    at = numpy.sinh(numpy.linspace(-20, 20, 8192))[[4500, 4502]]
    wells, widths, _ = partition._wells(counted(lambda x: numpy.min(1e4 * numpy.abs(x - at) + [0.0, 0.5], axis=1)), 1)
    assert wells[:, 0].tolist() == at.tolist() and numpy.all(widths < 1e-3)


HIDDEN_WELLS = {  # places, deviations and depths of wells beside the standard normal, and which are hidden
    "none": ([], []),
    "one in the bulk": ([(1.3, 1e-3, 0.0)], [0]),
    "two": ([(1.3, 1e-3, 0.0), (-0.7, 4e-3, 1.0)], [0, 1]),
    "one that nodes have met": ([(1.3, 0.15, 2.0)], []),
    "one so deep that others are negligible": ([(1.3, 1e-3, 60.0), (-0.7, 4e-3, 0.0)], [0]),
    "one outside of the bulk": ([(300.0, 2.0, 5.0)], [0]),
}


def test_minima_that_wells_or_nodes_have_met_are_not_hidden(monkeypatch):
    """Within a tenth of the width of a well, and no narrower than 0.3 of it; or three nodes within two widths."""
    found = {  # places and widths, and whether they are hidden
        (100.125, 0.5): False,
        (99.875, 0.375): False,
        (199.0, 0.5): True,
        (200.125, 0.25): True,
        (301.25, 0.5): True,
        (0.5, 0.25): False,
        (0.25, 0.15): True,
        (-0.5, 0.25): True,
        (1.0, 0.24): True,
    }
    wells, widths = numpy.array([[100.0], [200.0], [300.0]]), numpy.full((3, 1), 1.25)
    nodes = partition.Nodes(numpy.array([[0.0], [0.5], [1.0]]), numpy.zeros(3), 0.0)
    none = numpy.zeros((0, 1)), numpy.zeros(0)
    monkeypatch.setattr(partition, "DIP", 1 / 16)
    monkeypatch.setattr(partition, "_around", lambda *arguments: none)
    monkeypatch.setattr(partition, "_descended", lambda energy, x, e, unit: (x, e))

    def hidden(some, most=20):
        x, _ = numpy.array(some).reshape(-1, 2).T
        dips = iter([(x[:, None], numpy.arange(1.0, 1 + len(x)), x)] + [(*none, none[1])] * 3)
        monkeypatch.setattr(partition, "MOST_STARTS", most)
        monkeypatch.setattr(partition, "_dips", lambda *arguments: next(dips))
        width = dict(some)
        monkeypatch.setattr(
            partition, "_deep", lambda energy, at, *rest: (at, numpy.array([[width[one] / 4] for one in at[:, 0]]))
        )
        at, width, islands = partition._hidden(counted(lambda x: 0 * x[:, 0]), nodes, wells, widths)
        return [*map(tuple, numpy.concatenate([at, width], axis=1))], islands

    for one, right in found.items():
        assert hidden([one]) == ([one] if right else [], False)
    assert hidden([*found][5:]) == ([*found][:4:-1], False)  # the deepest first; those that nodes have met, too
    assert hidden([*found], 1) == ([*found][-1:], False)
    islands = none[0] + 100.0, none[1], none[1]
    monkeypatch.setattr(partition, "_islands", lambda *arguments: islands)
    assert hidden([(199.0, 0.5)]) == ([(199.0, 0.5)], False)
    islands = numpy.full((1, 1), 199.0), numpy.full(1, partition.ISLAND), numpy.zeros(1)
    assert hidden([(199.0, 0.5)]) == ([(199.0, 0.5)], True)


@pytest.mark.parametrize("middle", [0.0, 1e3])
@pytest.mark.parametrize("name", HIDDEN_WELLS)
def test_wells_that_are_hidden_from_the_nodes(name, middle):
    """Their widths are their deviations, to a factor of sqrt 2."""
    wells, hidden = HIDDEN_WELLS[name]

    def energy(x):
        x = x[:, 0] - middle
        return numpy.min([0.5 * x**2, *(0.5 * ((x - at) / size) ** 2 - depth for at, size, depth in wells)], axis=0)

    grid = middle + 0.25 * numpy.arange(-32, 33.0)[:, None]
    nodes = partition.Nodes(grid, numpy.full(65, numpy.log(0.25)), 0.0)
    x, widths, islands = partition._hidden(counted(energy), nodes, numpy.full((1, 1), middle), numpy.ones((1, 1)))
    order = numpy.argsort(-x[:, 0])
    right = numpy.array([wells[k] for k in hidden]).reshape(-1, 3)
    numpy.testing.assert_allclose(x[order, 0] - middle, right[:, 0], atol=0.01, rtol=0.01)
    assert not islands and numpy.all(numpy.abs(numpy.log(widths[order, 0] / right[:, 1])) <= 0.35)


def test_a_grid_goes_out_to_1000_widths_and_more_sparsely_far_on():
    """Of u = arcsinh(x): 7.6, or 2 beyond the farthest well, then 12 more with thrice the spacing."""
    own = [-3.0, -1.0, 0.0, 1.0, 3.0]
    for wells, near, first in (([7.0], 30, 8.35), ([7.0, 7.0 - 0.5 * numpy.sinh(8.0)], 40, 10.75)):
        u = numpy.array([*(0.125 + 0.25 * k for k in range(near)), *(first + 0.75 * k for k in range(16))])
        right = 7 + 0.5 * numpy.sort([*numpy.sinh(u), *-numpy.sinh(u), *own])
        grid = partition._grid(numpy.array(wells), numpy.array([0.5, 1e-3])[: len(wells)], 0.25)
        beside = wells[1:] and wells[1] + 1e-3 * numpy.array(own)
        numpy.testing.assert_allclose(grid[~numpy.isin(grid, beside)], right, rtol=1e-12)
        assert numpy.all(numpy.isin(beside, grid))


VALLEYS = {  # kinds of lines by their energies
    "a parabola": (lambda t: (t - 1.3) ** 2, 0),
    "no mass": (lambda t: t + numpy.inf, partition.EMPTY),
    "falls on the left": (lambda t: 0.2 * t, partition.LOST),
    "falls on the right": (lambda t: -0.2 * t, partition.LOST),
    "falls a little on the left": (lambda t: 0.08 * t, 0),
    "falls a little on the right": (lambda t: -0.08 * t, 0),
    "a deep parabola": (lambda t: (t - 1.3) ** 2 - 100, 0),
    "narrower than floating point": (lambda t: 1e20 * numpy.abs(t - 1), partition.LOST),
    "such a one that is negligible": (lambda t: numpy.minimum(1e20 * numpy.abs(t + 2) + 41.0, t**2), 0),
    "finite at three points": (lambda t: numpy.where(numpy.abs(t) < 1.5, t, numpy.inf), partition.TAPERS),
    "finite at four points": (lambda t: numpy.where(numpy.abs(t - 0.5) < 1.7, t, numpy.inf), 0),
}


@numpy.errstate(all="ignore")
def test_kinds_of_lines():
    names = list(VALLEYS)

    def energy(t, line):
        return numpy.array([VALLEYS[names[k]][0](one) for one, k in zip(t, line)])

    found = partition._minima_on_lines(energy, numpy.arange(-5.0, 6.0), len(names))
    assert dict(zip(names, found.kinds)) == {name: kind for name, (_, kind) in VALLEYS.items()}
    seeds = dict(zip(names, found.seeds[:, 0]))
    assert abs(seeds["a parabola"] - 1.3) <= 1e-7 and seeds["no mass"] == numpy.inf
    assert found.runs[names.index("finite at three points"), 0].tolist() == [-2.0, 2.0, 3.0]
    assert found.runs[names.index("a parabola"), 0].tolist() == [-5.0, 5.0, 11.0]
    none = partition._minima_on_lines(lambda t, line: t + numpy.inf, numpy.arange(5.0), 2)
    assert none.seeds.tolist() == [[numpy.inf]] * 2 and none.kinds.tolist() == [partition.EMPTY] * 2


def test_minima_along_lines_that_have_grids_of_their_own():
    """Flat ones once; the deepest first; of a grid's minimum the better of the point and what is found between."""

    def energy(t, line):
        flat = numpy.where(numpy.abs(t - 3) < 1.5, 0.25, (t - 3) ** 2)
        two = numpy.minimum((t - 12) ** 2, (t - 14) ** 2 + 0.5)
        point = numpy.where(t == 24.0, -1.0, (t - 24.5) ** 2)
        return numpy.select([line == 0, line == 1], [flat, two], point)

    grid = numpy.arange(10.0) + numpy.array([[0.0], [10.0], [20.0]])
    found = partition._minima_on_lines(energy, grid, 3)
    assert found.seeds.shape == (3, 2) and 1.5 < found.seeds[0, 0] < 4.5 and found.seeds[0, 1] == numpy.inf
    numpy.testing.assert_allclose(found.seeds[1], [12.0, 14.0], atol=1e-6)
    numpy.testing.assert_allclose(found.energies[:, 0], [0.25, 0.0, -1.0], atol=1e-12)
    assert found.seeds[2, 0] == 24.0 and found.seeds[2, 1] == numpy.inf


@pytest.mark.parametrize("most", [1, 2])
def test_the_deepest_minima_are_kept(most, monkeypatch):
    monkeypatch.setattr(partition, "MOST_SEEDS", most)
    found = partition._minima_on_lines(
        lambda t, line: numpy.min(numpy.abs(t[:, None] - [2.0, 5.0, 8.0]) - [-0.3, -0.2, -0.1], axis=1),
        numpy.arange(11.0),
        1,
    )
    numpy.testing.assert_allclose(found.seeds, [[8.0, 5.0][:most]], atol=1e-6)
    seeds, widths, energies = (numpy.array([[3.0, 1.0, 2.0]]) * k for k in (1, 10, 100))
    energies[0, 0] = 140.0
    kept = partition._deepest(seeds, widths, energies)
    assert [part.tolist() for part in kept] == [[[1.0, 3.0][:most]], [[10.0, 30.0][:most]], [[100.0, 140.0][:most]]]
    energies[0, 0] = 141.0
    assert partition._deepest(seeds, widths, energies)[0].tolist() == [[1.0, numpy.inf][:most]]


def test_runs_of_points_at_which_the_energy_is_finite(monkeypatch):
    inf = numpy.inf
    e = numpy.array([[0, inf, 0, 0, inf, 0], [inf] * 6, [inf, 0, 0, inf, inf, inf], [0] * 6])
    grid = numpy.arange(6.0) + numpy.array([[0.0], [10.0], [20.0], [30.0]])
    beside = numpy.concatenate([grid[:, :1], grid, grid[:, -1:]], axis=1)
    runs = partition._runs(beside, e)
    assert runs.shape == (4, 8, 3) and numpy.sum(~numpy.isnan(runs)) == 5 * 3
    assert runs[0, :3].tolist() == [[0.0, 1.0, 1.0], [1.0, 4.0, 2.0], [4.0, 5.0, 1.0]]
    assert runs[2, 0].tolist() == [20.0, 23.0, 2.0] and runs[3, 0].tolist() == [30.0, 35.0, 6.0]
    monkeypatch.setattr(partition, "RUNS", 2)
    assert partition._runs(beside, e)[0].tolist() == [[0.0, 1.0, 1.0], [1.0, 4.0, 2.0]]


@numpy.errstate(all="ignore")
def test_minima_are_narrowed_until_their_width_is_seen():
    """|t - c|/w rises by 1 at w: the width is half of that, to a factor of 4 or so. One is below roundoff."""
    centres, w = numpy.array([0.3, 0.0, -1.0, 0.0, 0.5]), numpy.array([0.25, 1e-12, 1e-9, 1e-220, 1e-18])

    def energy(t, line):
        return numpy.abs(t - centres[line]) / w[line]

    at, lines = numpy.array([-1.5, -1.5, -1.5, -1.5, 0.5]), numpy.arange(5)
    at, lowest, width, fine = partition._narrowed(
        energy, lines, at, energy(at, lines), numpy.full(5, -2.0), numpy.full(5, 2.0)
    )
    assert fine.tolist() == [True, True, True, True, False]
    assert numpy.all(numpy.abs(at - centres) <= numpy.maximum(0.05 * w, 1e-16)) and numpy.all(lowest <= 0.05)
    assert numpy.all(((0.1 * w <= width) & (width <= 2.1 * w))[:4]) and 0 < width[4] <= 1e-15


def test_a_point_of_the_grid_is_kept_where_nothing_lower_is_found():
    def energy(t, line):
        return numpy.where(t == 0.5, -5.0, t**2)

    half = numpy.full(1, 0.5)
    at, lowest, width, fine = partition._narrowed(
        energy, numpy.zeros(1, int), half.copy(), -5 + 0 * half, -2 + 0 * half, 2 + 0 * half
    )
    assert at.tolist() == [0.5] and lowest.tolist() == [-5.0] and width[0] < 4e-16 and fine.tolist() == [False]


def found_on(seeds, runs, kinds):
    """OnLines whose widths and energies are 10 and 100 times the seeds; runs (L, k, 3)."""
    seeds, kinds = numpy.array(seeds, float), numpy.array(kinds)
    every = numpy.full((len(seeds), partition.RUNS, 3), numpy.nan)
    for line, some in enumerate(runs):
        every[line, : len(some)] = numpy.reshape(some, (-1, 3))
    return partition.OnLines(seeds, 10 * seeds, 100 * seeds, kinds, every)


def test_a_kind_of_line_by_its_runs():
    found = found_on([[0.0]] * 5, [[], [[0, 1, 9]], [[0, 1, 9], [2, 3, 3]], [[0, 1, 4]], []], [0] * 5)
    lost = numpy.array([True, True, False, False, False])
    empty, gone, tapers = partition.EMPTY, partition.LOST, partition.TAPERS
    assert partition._kinds(found.runs, lost).tolist() == [empty, gone, tapers, 0, empty]


def test_what_is_found_again_takes_its_place(monkeypatch):
    """A thin run is replaced, one of a neighbour's takes the first free place; the deepest minima are kept."""
    monkeypatch.setattr(partition, "RUNS", 3)
    inf = numpy.inf
    first = found_on(
        [[0.1, 0.2, inf], [0.3, inf, inf], [inf] * 3, [0.3, 0.4, 0.5]],
        [[[0, 1, 2], [5, 6, 7]], [[0, 1, 9]], [], [[0, 1, 9], [2, 3, 9], [4, 5, 9]]],
        [partition.TAPERS, partition.LOST, partition.EMPTY, 0],
    )
    again = found_on(
        [[0.15, inf], [inf, inf], [0.05, inf], [0.12, 0.35], [0.2, 0.1]],
        [[[0.2, 0.4, 8]], [], [[7, 8, 11]], [[-1, 1, 5]], [[9, 10, 12]]],
        [0, partition.EMPTY, 0, 0, 0],
    )
    both = partition._with(first, numpy.array([0, 0, 1, 2, 3]), numpy.array([0, 1, 4, 3, 5]), again)
    assert both.seeds.tolist() == [[0.1, 0.15, 0.2], [0.05, 0.3, inf], [0.12, 0.35, inf], [0.1, 0.2, 0.3]]
    assert both.widths.tolist() == (10 * both.seeds).tolist() and both.energies.tolist() == (100 * both.seeds).tolist()
    assert both.kinds.tolist() == [0, partition.LOST, 0, 0]
    assert both.runs[0, :2].tolist() == [[0.2, 0.4, 8], [5, 6, 7]] and both.runs[1, :2].tolist() == [
        [0, 1, 9],
        [7, 8, 11],
    ]
    assert both.runs[2, 0].tolist() == [-1, 1, 5] and both.runs[3].tolist() == [[0, 1, 9], [2, 3, 9], [4, 5, 9]]
    assert first.seeds[0].tolist() == [0.1, 0.2, inf]


def plane_of(energy, tolerance=1e-9):
    return partition.InPlane(counted(energy), numpy.zeros((1, 2)), numpy.ones((1, 2)), tolerance, 1 / 8)


def test_the_runs_of_lines_beside():
    """Of those asked now or before: the nearest that has a run on the left, on the right, and an earlier one there."""
    plane = plane_of(lambda x: 0 * x[:, 0])
    before = found_on([[0.0]] * 2, [[[1, 2, 3]], [[4, 5, 6], [7, 8, 9]]], [0, 0])
    plane.known = plane.all_known(numpy.array([2.0, 1.0]), before.runs)
    assert plane.known[0].tolist() == [1.0, 2.0] and plane.known[1][:, 0].tolist() == [[4, 5, 6], [1, 2, 3]]
    now = found_on([[0.0]] * 5, [[], [[10, 11, 12]], [], [], []], [0] * 5)
    left, right, same = plane.beside(numpy.array([1.0, 1.5, 1.75, 2.0, 0.5]), now.runs)
    nan = numpy.nan

    def firsts(runs):
        return numpy.where(numpy.isnan(runs[:, 0, 0]), -1, runs[:, 0, 0]).tolist()

    assert (
        firsts(left) == [-1, 4, 10, 10, -1]
        and firsts(right) == [10, 1, 1, -1, 4]
        and firsts(same) == [4, -1, -1, 1, -1]
    )
    assert left[1, 1].tolist() == [7, 8, 9] and left.shape == (5, partition.RUNS, 3) and numpy.isnan(left[1, 2, 0])
    xs, _ = plane.all_known(numpy.array([1.0, 1.5, 1.75, 2.0, 0.5]), now.runs)
    assert xs.tolist() == [1.0, 1.5, 2.0] and nan != nan


TIPS = {  # lines at x, and half widths of a support around y = (3 + x)/10 on them
    "a tip on the right": ([0.0, 0.1], [0.25, 0.01]),
    "a tip on the left": ([0.0, -0.1], [0.25, 0.01]),
    "a tip between": ([0.0, 0.1, 0.2], [0.25, 0.01, 0.25]),
    "a tip of a tip": ([0.0, 0.01, 0.011, 0.03], [0.25, 0.01, 0.0004, 0.25]),
}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("name", TIPS)
def test_lines_are_searched_closely_where_lines_beside_have_mass(name, together):
    at, half = map(numpy.array, TIPS[name])

    def energy(x):
        mine = half[numpy.argmin(numpy.abs(x[:, :1] - at), axis=1)]
        return numpy.where(numpy.abs(x[:, 1] - 0.3 - 0.1 * x[:, 0]) < mine, 0.0, numpy.inf)

    plane = plane_of(energy)
    with numpy.errstate(all="ignore"):
        parts = [plane.some(at[[k]], numpy.zeros(1)) for k in range(len(at))] if not together else []
        log_f, unresolved, _ = plane.some(at, numpy.zeros(len(at)))
    numpy.testing.assert_allclose(numpy.exp(log_f), 2 * half, rtol=1e-7)
    assert plane.walled and numpy.all(unresolved <= 1e-8) and plane.number == len(at) * (2 - together)
    assert plane.known[0].tolist() == sorted([*at, *(at if not together else [])]) and len(parts) <= len(at)


@numpy.errstate(all="ignore")
def test_lines_with_mass_where_lines_beside_have_it_are_not_searched_again():
    plane = plane_of(lambda x: x[:, 1] ** 2)
    asked = []

    def search(t, line):
        asked.append(len(t))
        return numpy.inf + 0 * t

    one = found_on([[0.0]], [[[-1.0, 1.0, 4]]], [0])
    assert plane.closer(numpy.zeros(1), one, search).runs[0, 0].tolist() == [-1.0, 1.0, 4] and not asked
    beside = found_on([[0.0]], [[[0.5, 2.0, 4]]], [0])
    plane.closer(numpy.ones(1), beside, search)
    assert not asked and not plane.walled
    plane.closer(2 * numpy.ones(1), found_on([[0.0]], [[[2.0, 3.0, 4]]], [0]), search)
    assert asked == [len(partition.CLOSER)] and plane.walled  # ends that touch are apart
    plane.closer(3 * numpy.ones(1), found_on([[0.0]], [[[0.5, 2.0, 4]]], [0]), search)
    assert len(asked) == 2
    plane.closer(4 * numpy.ones(1), found_on([[0.0]], [[[0.5, 2.0, 3]]], [0]), search)
    assert asked == [len(partition.CLOSER)] * 3  # its own, since it is thin


def test_the_points_of_a_closer_search():
    """A hundred within a half and more of the run, and others from 1e-6 to 1e-2 of its middle."""
    assert len(partition.CLOSER) == 144 and numpy.all(numpy.diff(partition.CLOSER) > 0)
    numpy.testing.assert_allclose(partition.CLOSER + partition.CLOSER[::-1], 1.0, rtol=1e-12)
    assert partition.CLOSER[0] == -0.25 and numpy.max(numpy.diff(partition.CLOSER)) <= 1.5 / 95 * (1 + 1e-9)
    close = numpy.sort(numpy.abs(partition.CLOSER - 0.5))[:48:2]
    assert abs(close[0] - 1e-6) <= 1e-12 and numpy.sum(numpy.abs(partition.CLOSER - 0.5) <= 0.0101) == 50


def test_nodes_of_lines_have_the_weights_of_both():
    plane = plane_of(lambda x: 0 * x[:, 0])
    plane.x, plane.number = [numpy.array([5.0, 6.0]), numpy.array([7.0])], 3
    lines = [numpy.array([0, 0, 1]), numpy.array([2])]
    y, along, mass = (
        [numpy.array([1.0, 2.0, 3.0]), numpy.array([4.0])],
        [numpy.array([0.1, 0.2, 0.3]), numpy.array([0.4])],
        0,
    )
    mass = [10 * one for one in along]
    plane.parts = list(zip(lines, y, along, mass))
    x, log_weights, mass = plane.nodes(numpy.array([2, 0]), numpy.array([100.0, 200.0]))
    assert x.tolist() == [[5.0, 1.0], [5.0, 2.0], [7.0, 4.0]]
    numpy.testing.assert_allclose(log_weights, [200.1, 200.2, 100.4], rtol=1e-15)
    numpy.testing.assert_allclose(mass, [201.0, 202.0, 104.0], rtol=1e-15)


def test_where_the_rule_in_x_begins():
    """At the wells and the minima of the least energies, but for those that are higher by more than 40."""
    grid, least = numpy.array([-8.0, -4.0, -2.0, -1.0, 0.0, 1.0, 4.0]), numpy.array([50.0, 40, 60, 45, 60, 0, 41])

    def energy(x):
        return least[numpy.searchsorted(grid, x[:, 0])] + x[:, 1] ** 2

    seeds, widths = plane_of(energy).seeds(grid, numpy.array([9.0]), numpy.array([0.5]))
    assert seeds.tolist() == [[9.0, -4.0, 1.0]] and widths.tolist() == [[0.5, 3.0, 2.0]]


@numpy.errstate(all="ignore")
def test_seeds_and_widths_in_the_stretched_coordinate():
    """t = 3 + 2 sinh(u); no width is below roundoff; there may be fewer seeds on a line, or none."""
    inf = numpy.inf
    seeds = numpy.array([[3.0, 3.0 - 2 * numpy.sinh(2.0), inf], [1e6, 1e6 + 1.0, 1e6], [inf] * 3])
    widths = numpy.array([[2.0, 0.5, inf], [1e-9, 1e-30, 3e-9], [inf] * 3])
    rule = panels(None, seeds=seeds, widths=widths, log_scale=(0.0,) * 3)
    far = numpy.arcsinh(1e9)
    numpy.testing.assert_allclose(rule.seeds, [[0.0, -2.0, inf], [0.0, far, 0.0], [inf] * 3], rtol=1e-14)
    first = numpy.arcsinh([1.0, numpy.sinh(2.0) + 0.25]) - [0.0, 2.0]
    numpy.testing.assert_allclose(rule.widths[0, :2], first, rtol=1e-13)
    numpy.testing.assert_allclose(
        rule.widths[1], [numpy.arcsinh(1.0), 2.0**-48 * (1 + far), numpy.arcsinh(3.0)], rtol=1e-14
    )
    assert rule.widths[0, 2] == inf and rule.cut.tolist() == [False] * 3


def test_panels_are_as_long_as_the_seeds_beside_them_allow():
    """At most 4 times the width of a seed and the distance to it, and their parents were longer; they tile the box."""
    seeds, widths = numpy.array([[0.0, 5.0], [0.0, -3.0]]), numpy.array([[1.0, 0.25], [1.0, 1e-3]])
    rule = panels(lambda u, line: 0 * u, seeds=seeds, widths=widths, log_scale=(0.0, 0.0))
    low, high = numpy.array([-3.0, -8.0]), numpy.array([9.0, 24.0])
    rule.add(low, high, numpy.array([0, 1]), 2)
    assert rule.side.tolist() == [2] * len(rule.low) and numpy.all(rule.stale == 0)

    def longest(a, b, line):
        gaps = numpy.maximum(numpy.maximum(a - rule.seeds[line], rule.seeds[line] - b), 0)
        return 4 * min(gaps + rule.widths[line])

    for line in (0, 1):
        mine = rule.line == line
        a, b = numpy.sort(rule.low[mine]), numpy.sort(rule.high[mine])
        assert a[0] == low[line] and b[-1] == high[line] and a[1:].tolist() == b[:-1].tolist()
        for left, right in zip(a, b):
            length = right - left
            assert length <= longest(left, right, line)
            start = low[line] + 2 * length * ((left - low[line]) // (2 * length))  # of the parent
            assert 2 * length > longest(start, start + 2 * length, line)
    assert sorted(rule.first) == [12 * k for k in range(len(rule.low))] and rule.evaluations == 12 * len(rule.low)
    rule.add(low[:0], high[:0], numpy.zeros(0, int), 1)
    assert rule.evaluations == 12 * len(rule.low)


@numpy.errstate(all="ignore")
def test_the_base_of_a_line_is_a_share_of_the_heaviest():
    rule = panels(
        lambda u, line: numpy.array([0.0, -20.0, 5.0])[line],
        seeds=[[0.0]] * 3,
        widths=[[1.0]] * 3,
        log_scale=(1.0, 2.0, -9.0),
    )
    two = numpy.arange(2)
    rule.evaluate(numpy.zeros(2), 2 * numpy.ones(2), two, 0 * two, 0 * two)
    base = rule.base()
    heaviest = numpy.log(2) + 1
    assert rule.best == pytest.approx(heaviest, rel=1e-12)
    numpy.testing.assert_allclose(base[:2], [2.0, 1e-3 * numpy.exp(heaviest + 20 - 2)], rtol=1e-9)
    assert base[2] == 1.0
    rule.best = 800.0
    numpy.testing.assert_allclose(rule.base()[0], 1e-3 * numpy.exp(600.0), rtol=1e-9)
    numpy.testing.assert_allclose(rule.sums(rule.value)[:2], [2.0, 2.0], rtol=1e-12)
    rule.side[1] = 2
    assert numpy.round(rule.by_side(rule.value), 9).tolist() == [[2.0, 0, 0], [0, 0, 2.0], [0, 0, 0]]


def levels(*ends_and_levels):
    """log f by |u|, or by u from the left: the level below each end."""
    ends, values = zip(*ends_and_levels)
    return lambda u, line=0: numpy.array([*values, -1000.0])[numpy.searchsorted(ends, u)]


def grown(log_f, tolerance, **options):
    rule = panels(log_f, **options)
    rule.refine = lambda aim: None
    with numpy.errstate(all="ignore"):
        rule.grow(tolerance)
    return rule


GROWN = {  # levels of log f up to places, a tolerance, and the ends
    "no mass outside": ([(-0.99, -999.0), (0.99, 0.0)], 1e-9, -3.0, 3.0),
    "on the right": ([(-0.99, -999.0), (0.99, 0.0), (2.9, -27.4)], 1e-4, -3.0, 5.0),
    "on the left": ([(-2.9, -999.0), (-0.99, -27.4), (0.99, 0.0)], 1e-4, -5.0, 3.0),
    "too little on the right": ([(-0.99, -999.0), (0.99, 0.0), (2.9, -27.9)], 1e-4, -3.0, 3.0),
    "just more than roundoff": ([(-0.99, -999.0), (0.99, 0.0), (2.9, -38.1)], 1e-9, -3.0, 5.0),
    "less than roundoff": ([(-0.99, -999.0), (0.99, 0.0), (2.9, -38.7)], 1e-9, -3.0, 3.0),
    "a plateau that may go on": ([(-0.99, -999.0), (0.99, 0.0), (2.9, -19.4)], 1.0, -3.0, 5.0),
    "a plateau that is lower": ([(-0.99, -999.0), (0.99, 0.0), (2.9, -19.7)], 1.0, -3.0, 3.0),
    "far out": ([(20.0, -1.0)], 1e-9, -330.0, 37.96875),
    "a wall": ([(0.0, -numpy.inf), (50.0, -1.0), (99.0, -numpy.inf)], 1e-9, -3.0, 85.4296875),
}


@pytest.mark.parametrize("name", GROWN)
def test_panels_grow_until_the_outermost_hold_no_mass(name):
    """By 2, then by half of the distance from the middle."""
    steps, tolerance, low, high = GROWN[name]
    if name == "far out":
        steps = [(-20.0, -999.0), *steps]
        low = -high
    rule = grown(levels(*steps), tolerance)
    assert (min(rule.low), max(rule.high)) == (low, high) and not rule.cut[0]
    outer = {(1, low): -1, (2, high): 1}
    ends = numpy.where(rule.side == 1, rule.low, rule.high)
    assert {(side, end) for side, end in zip(rule.side, ends) if side and end in (low, high)} == set(outer)
    assert numpy.all((rule.side == 0) | (numpy.abs(rule.low + rule.high) > 2))


def test_a_tail_that_is_too_heavy_or_out_of_evaluations_is_told():
    with pytest.raises(DomainError, match=r"E-DIVERGES.* 6.3e-02 of it lies at the farthest points, out to -5e\+142"):
        grown(lambda u, line: 0 * u, 1e-9)
    with pytest.raises(DomainError, match=r"E-DIVERGES.* it lies at the farthest points, out to 3e\+36"):
        grown(levels((-0.99, -999.0), (80.0, -1.0), (999.0, -numpy.inf)), 1e-9)
    with pytest.raises(
        DomainError, match=r"E-SETTLED: after 7 evaluations .*2.6e-01 of exp\(-E\) lies .*, out to 3e\+00"
    ):
        rule = panels(levels((-0.99, -999.0), (0.99, 0.0), (2.9, -1.0)), most=7)
        rule.budget.seen = 7
        rule.refine = lambda aim: None
        rule.grow(1e-9)


@pytest.mark.parametrize(("best", "high"), [(379.0, 5.0), (381.0, 3.0)])
def test_the_plateau_of_a_line_of_no_weight_is_not_followed(best, high):
    """E ranges over 330 at most: what is 40 below the heaviest even then cannot add up to it."""
    rule = grown(levels((-0.99, -999.0), (0.99, 0.0), (2.9, -19.4)), 1.0, best=best, log_scale=(10.0,))
    assert max(rule.high) == high and rule.cut[0] == (high == 3.0)
    rule = panels(levels((-0.99, -999.0), (0.99, 0.0), (2.9, -19.4)), most=0, best=best)
    rule.refine = lambda aim: None
    rule.grow(1.0)
    assert rule.cut.tolist() == [True] and max(rule.high) == 3.0


def test_panels_are_halved_until_the_error_is_as_small_as_was_asked():
    """A kink of f = |u - 1/3|: panels without it stay, and the error estimate covers the error."""
    zero = numpy.zeros(2, int)
    for aim in (1e-3, 1e-6, 1e-9):
        rule = panels(lambda u, line: numpy.log(numpy.abs(u - 1 / 3) + 1e-300))
        rule.evaluate(numpy.array([-1.0, 0.0]), numpy.array([0.0, 1.0]), zero, zero, zero)
        rule.refine(aim)
        integral = (4 / 3) ** 2 / 2 + (2 / 3) ** 2 / 2
        assert numpy.sum(rule.error) <= aim * rule.base()[0] and -1.0 in rule.low[rule.high == 0.0]
        (log_z,), (unresolved,), _ = rule.results()
        assert abs(numpy.exp(log_z) / integral - 1) <= unresolved + 1e-13 and unresolved >= aim / 100


def test_panels_are_halved_while_there_are_evaluations_for_all_that_need_it():
    for most, count in ((23, 1), (24, 2), (1e9, 2)):
        rule, one = panels(lambda u, line: -numpy.abs(u), most=most), numpy.zeros(1, int)
        rule.evaluate(numpy.array([-1.0]), numpy.array([1.0]), one, one + 2, one)
        rule.refine(1e-9)
        assert len(rule.low) == count and rule.side.tolist() == [2] * count
        assert rule.low.tolist() == [-1.0, 0.0][:count] and rule.high.tolist()[-1] == 1.0


def test_panels_whose_error_is_that_of_the_integrand_stay():
    for errors in ((0.25, 0.0), (0.0, 0.25)):
        rule, zero = panels(lambda u, line: -numpy.abs(u - 0.3), errors), numpy.zeros(1, int)
        rule.evaluate(numpy.array([-1.0]), numpy.array([1.0]), zero, zero, zero)
        rule.refine(1e-9)
        assert len(rule.low) == 1 and rule.error[0] > 1e-4


def test_what_is_no_better_after_four_halvings_is_roundoff():
    """Signs that alternate from node to node, in the ninth digit; in the fifth it is an error."""
    for size, halved in ((1e-9, True), (1e-5, False)):
        rule = panels(lambda u, line, size=size: size * (-1.0) ** numpy.arange(len(u)))
        asked, zero = rule.integrand, numpy.zeros(1, int)

        def integrand(t, line, log_dt, rule=rule, asked=asked):
            rule.budget.seen += len(t)
            return asked(t, line, log_dt)

        rule.integrand, rule.budget.most = integrand, 20000
        rule.evaluate(numpy.array([-1.0]), numpy.array([1.0]), zero, zero, zero)
        error = rule.error[0]
        rule.refine(1e-12)
        assert (len(rule.low) == 16) == halved and rule.budget.seen <= 20000
        if halved:
            assert rule.stale.tolist() == [4] * 16
            numpy.testing.assert_allclose([sum(rule.noise), sum(rule.error)], error, rtol=1e-6)


def test_halvings_that_gain_are_not_counted():
    """A step of f, whose panel halves its error each time; the others gain far more."""
    rule, zero = panels(lambda u, line: numpy.where(u < 0.3, 0.0, 1e-9)), numpy.zeros(1, int)
    rule.evaluate(numpy.array([-1.0]), numpy.array([1.0]), zero, zero, zero)
    rule.refine(1e-12)
    assert max(rule.stale) <= 1 and numpy.sum(rule.error) <= 2e-12 and numpy.sum(rule.noise) <= 1e-14


def torn(before, after, most=numpy.inf, tolerance=1e-3):
    """Panels [-2, -0.5] and [-0.5, 0] of f = exp(-3 |u + 0.5|): of the second `before` times that was said, and `after`
    times that is when it is asked again."""
    says, one = [before], numpy.zeros(1, int)

    def log_f(u, line):
        right = numpy.repeat(numpy.mean(u.reshape(-1, 12), axis=1) > -0.5, 12)
        return numpy.log(numpy.where(right, says[0], 1.0)) - 3 * numpy.abs(u + 0.5)

    rule = panels(log_f, most=most)
    rule.evaluate(numpy.array([-0.5]), numpy.array([0.0]), one, one, one)
    rule.evaluate(numpy.array([-2.0]), numpy.array([-0.5]), one, one, one)
    says[0] = after
    plane = plane_of(lambda x: 0 * x[:, 0], tolerance)
    plane.walled = True
    return rule, plane


def lost_where_torn(said):
    """The step where the panels meet, times 1 + |u|, and f at both ends, over the integral."""
    ends, integral = numpy.exp(-4.5) + said * numpy.exp(-1.5), (1 - numpy.exp(-4.5) + said * (1 - numpy.exp(-1.5))) / 3
    return (1.5 * abs(said - 1) + ends) / integral


def test_panels_that_do_not_agree_where_they_meet_are_halved():
    for before in (0.25, 4.0):
        rule, plane = torn(before, 1.0)
        aims = []
        rule.refine = aims.append
        assert plane.mended(rule) == pytest.approx(lost_where_torn(1.0), rel=1e-9)
        assert sorted(rule.low) == [-2.0, -1.25, -0.5, -0.25] and aims == [0.5 * plane.tolerance]
        plane.walled = False
        assert plane.mended(rule) == 0.0
    rule, plane = torn(0.25, 0.25)
    assert plane.mended(rule) == pytest.approx(lost_where_torn(0.25), rel=1e-9)
    assert 4.9e-13 < min(rule.high - rule.low) < 1e-12
    for most, count in ((47, 2), (48, 4)):
        rule, plane = torn(0.25, 1.0, most)
        assert plane.mended(rule) == pytest.approx(lost_where_torn(0.25 if count == 2 else 1.0), rel=1e-9)
        assert len(rule.low) == count


@pytest.mark.parametrize(
    ("said", "tolerance", "halved"),
    [
        *((0.52, 0.5, False), (0.48, 0.5, True), (1.98, 0.5, False), (2.02, 0.5, True)),
        *((1 - 5e-10, 1e-12, False), (1 - 5e-9, 1e-12, True)),
    ],
)
def test_panels_that_agree_to_the_tolerance_stay(said, tolerance, halved):
    """Their difference is held against the larger."""
    rule, plane = torn(said, 1.0, tolerance=tolerance)
    plane.mended(rule)
    assert (len(rule.low) > 2) == halved


def test_the_mass_on_lost_lines():
    """What is seen on them, and that of the last line before each group over a length of 1 + |u|; of tapering lines
    beside empty ones too."""
    rule, one = panels(lambda u, line: 0.1 * u), numpy.zeros(1, int)
    rule.evaluate(numpy.array([-2.0]), numpy.array([-1.0]), one, one, one)
    rule.evaluate(numpy.array([-3.0]), numpy.array([-2.0]), one, one, one)
    plane = plane_of(lambda x: 0 * x[:, 0])
    empty, lost, tapers = partition.EMPTY, partition.LOST, partition.TAPERS
    second = [lost, 0, 0, empty, tapers, 0, 0, 0, 0, 0, 0, 0]  # on (-3, -2), evaluated after
    first = [0, 0, 0, tapers, 0, 0, lost, lost, 0, 0, empty, 0]
    plane.lost = [numpy.array(first), numpy.array(second)]
    kinds = numpy.array([*second, *first])
    u = numpy.concatenate([-2.5 + 0.5 * partition.U, -1.5 + 0.5 * partition.U])
    f = numpy.exp(0.1 * u)
    total = (numpy.exp(-0.1) - numpy.exp(-0.3)) / 0.1
    seen = numpy.sum((numpy.tile(partition.W, 2) / 2 * f)[kinds == lost])
    last = [1, 4, 17, 20]
    expected = (seen + numpy.sum((1 - u[last]) * f[last])) / total
    assert plane.beyond(rule) == pytest.approx(expected, rel=1e-10)


LIMITS = {  # unresolved, lost and roundoff errors, and what is said of them
    (0.25, 0.25, 0.5): None,
    (0.5, 0.0, 0.75): "roundoff of energies or of points",
    (0.25, 0.5, 0.76): "roundoff of energies or of points",
    (0.25, 0.5, 0.75): "where its support ends",
    (0.5, 0.5, 0.25): "after 123 evaluations: kinks, jumps",
    (0.75, 0.5, 0.25): "after 123 evaluations: kinks, jumps",
}


@pytest.mark.parametrize("errors", LIMITS)
def test_the_largest_error_is_the_limit_that_is_named(errors):
    if LIMITS[errors] is None:
        assert partition._judge(7.0, *errors, 1.0, 123) is None
        return
    with pytest.raises(
        DomainError, match=rf"E-SETTLED: log Z is known to {sum(errors):.1f}e\+00 only, .*{LIMITS[errors]}"
    ):
        partition._judge(7.0, *errors, 1.0, 123)


def test_an_energy_that_is_finite_at_one_point_has_no_integral():
    with pytest.raises(DomainError, match=r"E-SETTLED: the logarithm of the integral .* is -inf"):
        partition._judge(-numpy.inf, 0.0, 0.0, 0.0, 1.0, 123)
    with pytest.raises(DomainError, match=r"E-SETTLED: the logarithm of the integral .* is -inf"):
        log_partition(lambda x: np.where(x[:, 0] == 0, 0.0, np.inf), 1)


@pytest.mark.parametrize(
    ("precision", "turned"),
    [
        ([[1.0, 0.91], [0.91, 1.0]], True),
        ([[1.0, 0.88], [0.88, 1.0]], False),
        ([[4.0, -1.9], [-1.9, 1.0]], True),
        ([[1.0, 2.0], [2.0, -1.0]], False),
        ([[-1.0, 2.0], [2.0, 1.0]], False),
        ([[0.0, 2.0], [2.0, 1.0]], False),
        ([[1.0, 2.0], [2.0, 0.0]], False),
    ],
)
def test_the_axes_of_a_well_that_leans(precision, turned):
    """Where the squared correlation is above 0.8, and the well is one along both coordinates."""
    precision, well, width = numpy.array(precision), numpy.array([3.0, -1.0]), numpy.array([0.5, 0.25])

    def energy(x):
        odd = numpy.sum((x - well) ** 3, axis=1)  # which central differences do not see
        return 7.0 + odd + 0.5 * numpy.einsum("ni,ij,nj->n", x - well, precision, x - well)

    axes = partition._axes(energy, well, width)
    assert (axes is not None) == turned
    if turned:
        numpy.testing.assert_allclose(numpy.abs(axes.T @ numpy.linalg.eigh(precision)[1]), numpy.eye(2), atol=1e-12)
    assert partition._axes(energy, well[:1], width[:1]) is None
    assert (
        partition._axes(lambda x: numpy.where(numpy.all(x > well, axis=1), numpy.inf, energy(x)), well, width) is None
    )


def on_lattices(monkeypatch, energy, d, widths, most=1e9):
    """What `_on_a_lattice` says of wells at 3, of these widths, in a bulk from 2.25 to 4.25; the lattices it asked."""
    asked, lattice = [], partition._lattice_of

    def one(energy, centre, scale, spacing, reach):
        assert centre.tolist() == [3.25] * d and scale.tolist() == [1.0] * d
        asked.append([*numpy.round(spacing, 12), reach])
        return lattice(energy, centre, scale, spacing, reach)

    bulk = numpy.array([[2.25] * d, [4.25] * d])
    with numpy.errstate(all="ignore"), monkeypatch.context() as patched:
        patched.setattr(partition, "_lattice_of", one)
        energy, wells = partition.Counted(energy, most), numpy.full((1, d), 3.0)
        nodes = partition._on_a_lattice(energy, wells, numpy.array([widths]), bulk)
    return nodes, asked


def normal(deviations):
    return lambda x: 0.5 * numpy.sum(((x - 3.0) / deviations) ** 2, axis=1)


def test_a_lattice_is_widened_then_made_finer_until_three_sums_agree(monkeypatch):
    """The spacing is at most 0.1 on the line, 0.2 in the plane, and 0.3 and 0.6 of the width in u."""
    nodes, asked = on_lattices(monkeypatch, normal(0.5), 1, [0.5])
    assert asked == [[0.1, reach] for reach in (1.5, 2, 2.5, 3)] + [[0.05, 3], [round(0.05 * 2**0.5, 12), 3]]
    value = numpy.log(numpy.sum(numpy.exp(nodes.log_weights - normal(0.5)(nodes.x))))
    assert abs(value - 0.5 * numpy.log(2 * numpy.pi) - numpy.log(0.5)) <= nodes.error <= 1e-13
    _, asked = on_lattices(monkeypatch, normal(0.05), 1, [0.05])
    first = 0.3 * 0.05 / numpy.sqrt(1.0625)
    assert asked[0] == [round(first, 12), 1.5] and asked[-2] == [round(first / 2, 12), 1.5]
    nodes, asked = on_lattices(monkeypatch, normal(numpy.array([0.5, 0.05])), 2, [0.5, 0.05])
    assert asked[0] == [0.2, round(2 * first, 12), 1.5]
    value = numpy.log(numpy.sum(numpy.exp(nodes.log_weights - normal(numpy.array([0.5, 0.05]))(nodes.x))))
    assert abs(value - numpy.log(2 * numpy.pi * 0.025)) <= nodes.error <= 1e-9


def test_a_lattice_is_around_all_wells_and_the_bulk(monkeypatch):
    """From -1 to 10.5, where dx/du at the wells is at most sqrt(5.75^2 + 5.25^2)."""
    asked = []
    monkeypatch.setattr(partition, "_lattice_of", lambda energy, *arguments: asked.append(arguments) or 1 / 0)
    for bulk in ([[5.0]], [[-1.0], [10.5]]):
        with pytest.raises(ZeroDivisionError):
            partition._on_a_lattice(
                partition.Counted(None, 9), numpy.array([[0.0], [10.0]]), numpy.array([[1.0], [0.5]]), numpy.array(bulk)
            )
        ((centre, scale, spacing, reach),) = asked
        assert (centre.tolist(), scale.tolist(), reach) == ([4.75], [5.75], 1.5)
        assert spacing[0] == pytest.approx(0.15 / numpy.hypot(5.75, 5.25), rel=1e-12)
        asked.clear()


def test_a_lattice_knows_tails_on_either_side_and_its_roundoff():
    """E = e^z - z/2 has Gamma(1/2) = sqrt(pi), on the left as well; energies of 1e4, and points 1e3 from 0."""
    for sign in (1, -1):

        def energy(x, sign=sign):
            z = sign * (x[:, 0] - 3)
            return numpy.exp(z) - 0.5 * z

        wells, bulk = numpy.array([[3.0 - sign * numpy.log(2)]]), numpy.array([[2.0], [4.0]])
        with numpy.errstate(all="ignore"):
            nodes = partition._on_a_lattice(partition.Counted(energy, 1e6), wells, numpy.ones((1, 1)), bulk)
        value = partition.logsumexp(nodes.log_weights - energy(nodes.x))
        assert abs(value - 0.5 * numpy.log(numpy.pi)) <= nodes.error <= 1e-9

        def shifted(x, sign=sign):
            return 0.5 * (x[:, 0] - 1e3 * sign) ** 2 + 1e4 * sign

        well = numpy.array([[1e3 * sign]])
        nodes = partition._on_a_lattice(
            partition.Counted(shifted, 1e6), well, numpy.ones((1, 1)), well + numpy.array([[-4], [4]])
        )
        roundoff = 2.0**-52 * (1e4 + 30 * 1e3 / 4)
        assert roundoff <= nodes.error <= 1.5 * roundoff


def test_a_lattice_is_left_where_it_does_not_settle(monkeypatch):
    """At a kink, after so many nodes; beyond the widest; where half of the evaluations are spent; where E is NaN."""
    nodes, asked = on_lattices(monkeypatch, lambda x: 9 * numpy.abs(x[:, 0] - 3), 1, [0.5])
    reach = asked[-1][1]
    assert nodes is None and 2 * reach / asked[-1][0] <= 20000 < 4 * reach / asked[-1][0]
    nodes, asked = on_lattices(monkeypatch, lambda x: 1.5 * numpy.log1p(x[:, 0] ** 2), 1, [0.5])
    assert nodes is None and asked == [[0.1, reach] for reach in partition.REACHES]
    nodes, asked = on_lattices(monkeypatch, normal(0.5), 1, [0.5], 72.0)
    assert nodes is None and asked == [[0.1, 1.5], [0.1, 2]]  # of 31 and 41 nodes
    nodes, asked = on_lattices(monkeypatch, normal(0.5), 1, [0.5], 144.0)
    assert len(asked) == 2
    nodes, asked = on_lattices(monkeypatch, normal(0.5), 1, [0.5], 144.1)
    assert len(asked) == 3
    assert on_lattices(monkeypatch, lambda x: normal(0.5)(x) * 1e25 + 1e30, 1, [0.5])[0] is None


def test_an_energy_that_is_no_number_far_out_is_no_wall():
    """Though the lattice would settle: the panels refuse it."""
    with pytest.raises(DomainError, match=r"E-SETTLED: energy must be a number or \+inf, got nan at x"):
        log_partition(lambda x: np.where(np.abs(x[:, 0]) > 1002, np.nan, 0.5 * (x[:, 0] / 100) ** 2), 1)


REFINED = {  # log Z, or the refusal, of each grid of valleys, the sum of errors, and what comes of it
    "the same twice": ([-1.0, -1.0 - 2**-31], -1.0 - 2**-31, 2**-31),
    "the same after another": ([-3.0, -1.0, -1.0 - 2**-31], -1.0 - 2**-31, 2**-31),
    "the same after a heavy tail": (["E-DIVERGES", -1.0, -1.0], -1.0, 0.0),
    "the same after a refusal": (["E-SETTLED", "E-DIVERGES", -1.0, -1.0], -1.0, 0.0),
    "a refusal between": ([-1.0, "E-SETTLED", -1.0, -1.0], -1.0, 0.0),
    "settled twice": (["E-SETTLED", "E-SETTLED"], "E-SETTLED: 0", None),
    "diverges each time": (["E-DIVERGES"] * 4, "E-DIVERGES: 3", None),
    "one last": ([-1.0, -2.0, -3.0, "E-DIVERGES"], "E-DIVERGES: 3", None),
    "another each time": ([-1.0, -2.0, -3.0, -4.5], r"log Z changes by 1.5e\+00", None),
}


@pytest.mark.parametrize("name", REFINED)
def test_grids_of_valleys_until_two_agree(name, monkeypatch):
    """Each with half the spacing of the one before, and all evaluations; what they differ by is added to the error."""
    outcomes, right, change = REFINED[name]
    asked = []

    def refined(energy, wells, widths, tolerance, gap):
        assert energy.left == 10 and gap == 2.0 ** -(3 + len(asked))
        asked.append(gap)
        said = outcomes[len(asked) - 1]
        if isinstance(said, str):
            raise DomainError(said, str(len(asked) - 1))
        energy.seen = 3
        return partition.Nodes(numpy.full((1, 2), said), numpy.array([2 * said]), 0.25)

    monkeypatch.setattr(partition, "_refined", refined)
    arguments = partition.Counted(lambda x: x[:, 0], 10), np.zeros((1, 2)), np.ones((1, 2)), 2**-31
    if change is None:
        with pytest.raises(DomainError, match=right):
            partition._by_panels(*arguments)
    else:
        nodes = partition._by_panels(*arguments)
        assert nodes.x[0, 0] == right and nodes.error == 0.25 + change
    assert len(asked) == len(outcomes)


def test_on_the_line_valleys_are_sought_once(monkeypatch):
    monkeypatch.setattr(partition, "_refined", lambda energy, wells, widths, tolerance, gap: gap)
    assert partition._by_panels(None, numpy.zeros((2, 1)), numpy.ones((2, 1)), 1e-9) == 0.25


def test_the_plane_is_integrated_along_lines_of_its_first_coordinate(monkeypatch):
    class Seen(Exception):
        pass

    class Plane:
        def __init__(self, energy, wells, widths, tolerance, gap):
            self.asked = tolerance, gap

        def seeds(self, *arguments):
            raise Seen(self.asked, *(one.tolist() for one in arguments))

    real = partition.InPlane
    monkeypatch.setattr(partition, "InPlane", Plane)
    wells, widths = numpy.array([[0.5, 7.0], [3.0, -6.0]]), numpy.array([[0.25, 2.0], [1.0, 5.0]])
    with pytest.raises(Seen) as seen:
        partition._refined(counted(None), wells, widths, 1e-6, 1 / 8)
    grids = [partition._grid(wells[:, k], widths[:, k], 1 / 8).tolist() for k in (0, 1)]
    assert seen.value.args == ((1e-6, 1 / 8), grids[0], [0.5, 3.0], [0.25, 1.0])
    assert real(counted(None), wells, widths, 1e-6, 1 / 8).grid.tolist() == grids[1]


@pytest.mark.parametrize(
    ("d", "tolerance", "aims"),
    [(1, 1e-4, [1e-2, 1e-11]), (2, 1e-4, [1e-2, 5e-5, 1e-5]), (2, 1e-12, [1e-2, 5e-13, 1e-10])],
)
def test_lines_of_the_plane_are_known_better_than_their_sum(d, tolerance, aims, monkeypatch):
    asked, refine = [], partition.Rule.refine
    monkeypatch.setattr(partition.Rule, "refine", lambda rule, aim: asked.append(aim) or refine(rule, 1e-2))
    monkeypatch.setattr(partition, "_judge", lambda *arguments: None)
    with numpy.errstate(all="ignore"):
        partition._refined(counted(normal(1.0)), numpy.full((1, d), 3.0), numpy.ones((1, d)), tolerance, 1 / 8)
    assert sorted({*asked}) == pytest.approx(sorted(aims), rel=1e-12)


def test_what_may_be_lost_is_part_of_the_error(monkeypatch):
    judged = []
    monkeypatch.setattr(partition, "_judge", lambda *arguments: judged.append(arguments))
    monkeypatch.setattr(partition.InPlane, "mended", lambda plane, rule: 0.25)
    monkeypatch.setattr(partition.InPlane, "beyond", lambda plane, rule: 0.125)
    with numpy.errstate(all="ignore"):
        nodes = partition._refined(counted(normal(1.0)), numpy.full((1, 2), 3.0), numpy.ones((1, 2)), 0.05, 1 / 8)
    ((log_z, unresolved, lost, roundoff, tolerance, evaluations),) = judged
    assert nodes.error == unresolved + lost + roundoff and lost == 0.375 and min(unresolved, roundoff) > 0
    assert abs(log_z - numpy.log(2 * numpy.pi)) <= unresolved + roundoff <= tolerance == 0.05 and evaluations > 1000


@pytest.mark.parametrize(("searches", "islands"), [(1, False), (3, True), (10, True), (11, True)])
def test_islands_are_sought_until_none_is_hidden(searches, islands, monkeypatch):
    """At most ten times; wells that are no islands once. All wells are integrated around."""
    hidden = iter([([[k + 1.0]], [[0.5]], islands) for k in range(searches)] + [([], [], islands)] * 2)
    integrated = []

    def look(energy, nodes, wells, widths):
        x, narrow, some = next(hidden)
        return numpy.reshape(x, (-1, 1)), numpy.reshape(narrow, (-1, 1)), some

    def by_panels(energy, wells, widths, tolerance):
        assert energy.seen == 0 and len(wells) == len(widths) and tolerance == 1e-9
        integrated.append(wells[:, 0].tolist())
        return partition.Nodes(wells, numpy.zeros(len(wells)), 0.0)

    monkeypatch.setattr(partition, "_hidden", look)
    monkeypatch.setattr(partition, "_by_panels", by_panels)
    monkeypatch.setattr(partition, "_refuse_mass_outside", lambda energy, nodes, tolerance: None)
    if searches >= 10:
        with pytest.raises(DomainError, match=r"E-SETTLED: 11 wells have been found"):
            partition.quadrature(lambda x: x[:, 0] ** 2, 1)
        assert len(integrated) == 10
        return
    nodes = partition.quadrature(lambda x: x[:, 0] ** 2, 1)
    numpy.testing.assert_allclose(integrated[-1], range(searches + 1), atol=0.1)
    assert nodes.x[:, 0].tolist() == integrated[-1] and len(integrated) == searches


@pytest.mark.parametrize(("shift", "sign"), [(0.0, 1), (1e3, -1)])
@pytest.mark.parametrize(
    ("d", "place", "most"), [(1, 0.67449 * np.sinh(3.5), 23.84), (2, 0.75 * np.sinh(660 / 82), 34.45)]
)
def test_mass_outside_is_held_against_the_tolerance_of_the_largest_mass_of_a_node(d, place, most, shift, sign):
    """Of a point of the lattice, in units of half the distance of the quartiles: half of u = 7, a step of 660/82."""
    axis = numpy.linspace(-8, 8, 1025)[:: 1 if d == 1 else 16]
    nodes = partition.Nodes(
        shift + partition._lattice(*[axis] * d), numpy.full(len(axis) ** d, d * numpy.log(0.25)), 0.0
    )
    for level in (most - 0.2, most + 0.2):

        def energy(x, level=level):
            there = numpy.all(numpy.abs(x - shift - sign * place * numpy.eye(d)[0]) < 0.01 * place, axis=1)
            return numpy.where(there, level, 0.5 * numpy.sum((x - shift) ** 2, axis=1))

        with numpy.errstate(over="ignore"):
            if level > most:
                assert partition._refuse_mass_outside(counted(energy), nodes, 1e-9) is None
                continue
            with pytest.raises(
                DomainError, match=f"energy is {level:.3g} or less out to x = .{str(shift + sign * place)[:4]}"
            ):
                partition._refuse_mass_outside(counted(energy), nodes, 1e-9)


@pytest.mark.parametrize(("d", "tolerance", "bound"), [(1, 1e-6, 1e-11), (2, 1e-6, 5e-7), (2, 1e-9, 5e-10)])
def test_panels_are_refined_to_their_aim_and_nodes_without_mass_left_out(d, tolerance, bound):
    """Of log f = -|x| - |y|: 2^d, with nodes down to exp(-52) of it."""

    def energy(x):
        return numpy.sum(numpy.abs(x - 0.3), axis=1)

    with numpy.errstate(all="ignore"):
        nodes = partition._refined(counted(energy), numpy.full((1, d), 0.3), numpy.ones((1, d)), tolerance, 0.25)
    mass = nodes.log_weights - energy(nodes.x)
    log_z = partition.logsumexp(mass)
    assert abs(log_z - d * numpy.log(2)) <= nodes.error <= bound
    assert log_z - 52 < min(mass) < log_z - 45


def test_a_small_well_beside_a_large_one_in_the_plane_is_hidden_from_the_nodes():
    axis = 0.25 * numpy.arange(-32, 33.0)
    nodes = partition.Nodes(partition._lattice(axis, axis), numpy.full(65**2, 2 * numpy.log(0.25)), 0.0)
    places = numpy.array([[1.2, -0.7], [-2.3, 0.4]])
    sizes = numpy.array([[0.03, 0.04], [0.04, 0.03]])

    def energy(x):
        some = [0.5 * numpy.sum(((x - at) / size) ** 2, axis=1) - 1.0 for at, size in zip(places, sizes)]
        return numpy.min([0.5 * numpy.sum(x**2, axis=1), *some], axis=0)

    x, widths, islands = partition._hidden(counted(energy), nodes, numpy.zeros((1, 2)), numpy.ones((1, 2)))
    order = numpy.argsort(-x[:, 0])
    numpy.testing.assert_allclose(x[order], places, atol=0.03)
    assert not islands and numpy.all(numpy.abs(numpy.log(widths[order] / sizes)) <= 0.9)


def test_a_well_beside_a_narrow_one_is_hidden_from_nodes_around_both():
    """Only a grid in units of the narrow one finds it."""
    places, sizes = numpy.array([0.0, 300.0, 300.07]), numpy.array([1.0, 0.01, 0.0005])
    grid = 0.25 * numpy.arange(-32, 33.0)
    nodes = partition.Nodes(numpy.concatenate([grid, 300 + 0.01 * grid])[:, None], numpy.zeros(130), 0.0)

    def energy(x):
        return numpy.min([0.5 * ((x[:, 0] - at) / size) ** 2 for at, size in zip(places, sizes)], axis=0)

    x, widths, _ = partition._hidden(counted(energy), nodes, places[:2, None], sizes[:2, None])
    there = numpy.abs(x - 300.07) <= 2e-4
    assert numpy.any(there) and numpy.all((widths >= 3e-4) & (widths <= 1e-3) | ~there)


def test_islands_are_told_apart_from_wells():
    """Far ones 1/300 as wide as they are far, narrower ones nearer; nodes have met what they are on."""
    nodes = partition.Nodes(numpy.linspace(-1, 1, 65)[:, None], numpy.zeros(65), 0.0)
    for place, half in ((9.0, 0.015), (1.676038, 4e-5)):

        def energy(x, place=place, half=half):
            return numpy.where((numpy.abs(x[:, 0]) <= 1) | (numpy.abs(x[:, 0] - place) <= half), 0.0, numpy.inf)

        x, widths, islands = partition._hidden(counted(energy), nodes, numpy.zeros((1, 1)), numpy.ones((1, 1)))
        there = numpy.abs(x - place) <= half
        assert islands and numpy.any(there) and numpy.all((half / 4 <= widths) & (widths <= 10 * half) | ~there)
    x, widths, islands = partition._hidden(
        counted(lambda x: numpy.abs(x[:, 0])), nodes, numpy.zeros((1, 1)), numpy.ones((1, 1))
    )
    assert x.shape == widths.shape == (0, 1) and not islands
