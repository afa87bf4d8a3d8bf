"""From noise to data: the theorems of the stem, variances of steps far apart in size."""

import numpy as np
import pytest

import refebm
from tests.theorems import assert_holds, of_stem


@pytest.mark.parametrize("name", of_stem("reverse_diffusion"))
def test_theorem(name, case_counts):
    assert_holds(name, case_counts)


@pytest.mark.parametrize(
    ("betas", "deviations"),
    [
        ([1e-20, 0.5, 0.25], [0.0, 1e-10, np.sqrt(0.2)]),
        ([0.5, 1e-20], [0.0, 1e-10]),
        ([1e-300, 1e-300], [0.0, np.sqrt(0.5) * 1e-150]),
    ],
)
def test_posterior_variances_keep_their_digits(betas, deviations):
    """beta_i (1 - a_{i-1})/(1 - a_i), where a_{i-1} is all but 1, or a_i is all but a_{i-1}."""
    i = np.arange(len(betas))
    x = np.zeros((len(betas), 1))
    step = refebm.ddpm_step(lambda x, i: 0 * x, betas, x, i, x + 1, posterior=True)
    np.testing.assert_allclose(step.x[:, 0], deviations, rtol=1e-15)
