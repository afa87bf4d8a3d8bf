"""The lattices under a certified expectation: where their nodes are, which are left out to see whether it settles."""

import numpy as np
import pytest

from refebm import DomainError, Gaussian, GaussianMixture, expect, standard_normal
from refebm.truth import expectations
from refebm.truth.expectations import Expectation, Lattice, _sensitivity, gauss_hermite, total, trapezoid

LINE = Gaussian(1.5, 4.0)
PLANE = GaussianMixture([0.4, 0.6], [[0.0, 1.0], [2.0, -1.0]], np.array([np.diag([1.0, 0.25]), np.diag([4.0, 1.0])]))


@pytest.mark.parametrize(("step", "spacing"), [(0.25, 13 / 64), (0.2, 13 / 128), (0.125, 13 / 128)])
def test_nodes_on_the_line(step, spacing):
    """Multiples of 13/16 times a power of two, in deviations from the mean, out to the radius and two more."""
    lattice = trapezoid(LINE, step, 5.0)
    multiples = (lattice.x[:, 0] - 1.5) / 2 / spacing
    np.testing.assert_array_equal(multiples, np.round(multiples))
    ends = int(np.ceil(7.0 / spacing))
    np.testing.assert_array_equal(multiples, np.arange(-ends, ends + 1))
    np.testing.assert_array_equal(lattice.coarse, multiples % 2 == 0)
    np.testing.assert_array_equal(lattice.narrow, np.abs(multiples * spacing) <= 5.0)
    density = np.exp(-0.5 * (multiples * spacing) ** 2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(lattice.weights, spacing * density, rtol=1e-14)


def test_nodes_in_the_plane():
    """A spacing for each coordinate; a node is of the coarse lattice, or in the narrow box, in both of them."""
    lattice = trapezoid(PLANE, 0.25, 3.0)
    spacing = np.array([13 / 64, 13 / 128])  # of deviations 1 and 1/2
    multiples = lattice.x / spacing
    np.testing.assert_array_equal(multiples, np.round(multiples))
    low, high = np.array([-8.0, -6.0]), np.array([12.0, 4.0])  # all components, to 3 deviations, and 2 of them more
    axes = [np.arange(np.floor(a / h), np.ceil(b / h) + 1) for a, b, h in zip(low, high, spacing)]
    by_rows = np.array([(i, j) for i in axes[0] for j in axes[1]])
    np.testing.assert_array_equal(multiples, by_rows)
    np.testing.assert_array_equal(lattice.coarse, np.all(multiples % 2 == 0, axis=1))
    inside = np.all((lattice.x >= [-4.0, -4.0]) & (lattice.x <= [8.0, 2.5]), axis=1)
    np.testing.assert_array_equal(lattice.narrow, inside)
    np.testing.assert_allclose(lattice.weights, np.prod(spacing) * np.exp(PLANE.log_prob(lattice.x)), rtol=1e-14)


def test_another_grain_has_other_nodes():
    other = trapezoid(LINE, 0.25, 5.0, 11 / 16)
    multiples = (other.x[:, 0] - 1.5) / 2 / (11 / 64)
    np.testing.assert_allclose(multiples, np.round(multiples), atol=1e-12)
    assert len(set(other.x[:, 0]) & set(trapezoid(LINE, 0.25, 5.0).x[:, 0])) == 7  # every 143rd


@pytest.mark.parametrize(("degree", "nodes"), [(0, 1), (1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (8, 5)])
def test_a_rule_has_as_many_nodes_as_its_degree_needs(degree, nodes):
    result = expect([lambda x: np.sum(x, axis=1) ** degree], standard_normal(2), degree=degree)
    assert len(result.terms[0]) == nodes**2 and result.change <= 1e-14
    moments = {0: 1.0, 1: 0.0, 2: 2.0, 3: 0.0, 4: 12.0, 5: 0.0, 8: 105 * 16.0}  # of N(0, 2)
    assert abs(result.value[0] - moments[degree]) <= 1e-13 * max(1.0, moments[degree])
    beyond = expect([lambda x: np.sum(x, axis=1) ** (2 * nodes)], standard_normal(2), degree=degree)
    assert beyond.change > 1e-3  # the next rule sees it
    lattice = gauss_hermite(Gaussian([1.0, -2.0], [[2.0, 0.5], [0.5, 1.0]]), nodes)
    np.testing.assert_allclose(lattice.weights @ lattice.x, [1.0, -2.0], rtol=1e-13)
    assert abs(np.sum(lattice.weights) - 1) <= 1e-15


def test_a_rule_of_350_nodes_is_the_largest():
    lattice = gauss_hermite(standard_normal(1), 350)
    np.testing.assert_allclose(lattice.weights @ lattice.x**4, 3.0, rtol=1e-12)
    with pytest.raises(DomainError, match=r"the rule has 351\^1 nodes"):
        gauss_hermite(standard_normal(1), 351)
    with pytest.raises(DomainError, match=r"the rule has 7\^8 nodes, at most 1500000 are computed, 350 on an axis"):
        gauss_hermite(standard_normal(8), 7)


def test_functions_are_asked_a_part_of_the_nodes_at_a_time():
    asked = []

    def square(x):
        asked.append(len(x))
        return x[:, 0] ** 2

    result = expect([square], PLANE)
    assert max(asked) == expectations.CHUNK == 2**14 and len(asked) > 3
    whole = trapezoid(PLANE, 0.25, 10.0)
    np.testing.assert_allclose(result.value[0], np.sum(whole.x[:, 0] ** 2 * whole.weights), rtol=1e-9)


def test_sums_are_over_nodes_whatever_the_shape():
    terms = np.arange(24.0).reshape(4, 3, 2)
    np.testing.assert_array_equal(total(terms), terms[0] + terms[1] + terms[2] + terms[3])
    assert total(np.array([1.0, 2.0])) == 3.0
    many = np.full(10**6, 0.1)  # pairwise along the first axis too: one after the other loses five digits
    assert abs(total(np.stack([many, many], axis=1))[1] - 1e5) <= 1e-9


def test_value_and_error_of_given_terms():
    result = Expectation([np.array([1.0, -3.0]), np.array([[1.0, -2.0], [0.5, 1.0]])], 1e-10)
    assert result.value[0] == -2.0 and result.value[1].tolist() == [1.5, -1.0]
    u = 2.0**-52
    np.testing.assert_allclose(result.error[0], 4 * (1e-10 + u), rtol=1e-15)
    np.testing.assert_allclose(result.error[1], [1.5 * (1e-10 + u), 3 * (1e-10 + u)], rtol=1e-15)


@pytest.mark.parametrize(("where", "weighs"), [(0, 1.0), (1, 200 / 50.5), (None, 1.0)])
def test_roundoff_of_a_log_density_weighs_as_it_grows(where, weighs):
    """1 + |log p| is 1 at one node and 100 at the other, 50.5 on average; the factor is twice its share, at least 1."""
    weights = np.full(2, 0.5) if where is not None else np.zeros(2)
    lattice = Lattice(np.zeros((2, 1)), weights, np.array([0.0, -99.0]), np.ones(2, bool), np.ones(2, bool))
    terms = np.where(np.arange(2) == where, -3.0, 0.0)
    assert _sensitivity(terms, lattice) == pytest.approx(weighs, rel=1e-15)


def test_a_node_without_weight_has_no_roundoff():
    everywhere, log_p = np.ones(2, bool), np.array([-99.0, -np.inf])
    lattice = Lattice(np.zeros((2, 1)), np.array([0.5, 0.0]), log_p, everywhere, everywhere)
    assert _sensitivity(np.array([-3.0, 0.0]), lattice) == 4.0  # 2 * 100/50, though the weights are 1/2 in all


def test_one_coordinate_below_the_smallest_float_is_enough():
    """It moves from 2^-1022 to 2^-511, where the weight is 2^-40: log x changes by 511 log 2; all terms are 1."""
    x, everywhere = np.array([[2.0**-1022, 1.0], [1.0, 1.0]]), np.ones(2, bool)
    lattice = Lattice(x, np.array([2.0**-40, 1.0]), np.zeros(2), everywhere, everywhere)

    def function(x):
        return 1 + np.log(x[:, 0])

    change = expectations._below_smallest(function, function(x) * lattice.weights, lattice, LINE)
    assert change == pytest.approx(2.0**-40 * 511 * np.log(2), rel=1e-8, abs=0)


def test_terms_that_are_all_0_have_no_error_where_the_rest_settled():
    for change, error in ((1e-10, 0.0), (1.0, np.inf)):
        assert Expectation([np.zeros(3)], change).error.tolist() == [error]


class Shifted:
    """N(100, 1), with a box that is not around 0."""

    box = [95.0], [106.0]

    def log_prob(self, x):
        return -0.5 * (x[:, 0] - 100) ** 2 - 0.5 * np.log(2 * np.pi)


def test_a_box_of_the_users_is_where_it_is_and_no_more_nodes_are_asked_than_settle():
    result = expect([lambda x: x[:, 0]], Shifted())
    assert result.settled and result.value[0] == pytest.approx(100.0, rel=1e-14)
    assert len(result.terms[0]) < 500 and len(expect([lambda x: x[:, 0] ** 2], standard_normal(1)).terms[0]) < 500


def test_the_box_of_a_users_density_counts_as_ten_deviations_on_each_side():
    density = expectations._as_density(Shifted())
    assert [end.tolist() for end in density.box(10.0)] == [[-5.5], [5.5]]
    assert density.substitute(np.array([[0.25]]))[0].tolist() == [[100.75]]


@pytest.mark.parametrize(("odd", "told"), [(lambda x: x > 100, "inf"), (lambda x: x == np.min(x), "nan")])
def test_the_first_log_density_that_is_no_number_is_told(odd, told):
    class Odd(Shifted):
        def log_prob(self, x):
            first = np.where(odd(x[:, 0]), np.inf if told == "inf" else np.nan, -1.0)
            return first if told == "inf" else np.where(np.isnan(first), first, np.inf)

    with pytest.raises(DomainError, match=f"E-DENSITY: density.log_prob is {told} in its box"):
        expect([lambda x: x[:, 0]], Odd())


def test_eight_values_are_printed_and_of_more_the_outer_ones():
    def printed(count):
        return repr(Expectation([np.full(3, float(k)) for k in range(count)], 0.0))

    assert printed(8).startswith("Expectation(value=[0, 3, 6, 9, 12, 15, 18, 21], change=")
    assert printed(9).startswith("Expectation(value=[0, 3, ..., 21, 24], change=")
