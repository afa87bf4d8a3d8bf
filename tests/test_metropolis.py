"""Metropolis-Hastings: Langevin proposals far out."""

import autograd.numpy as anp
import numpy as np

import refebm


def test_far_out_small_langevin_steps_keep_their_digits():
    """Of the energy a.x the score is constant, proposals are in balance with the density: the log of the ratio is 0."""
    x, z = np.full((1, 3), 1e6), np.array([[1.0, -0.5, 2.0]])
    step = refebm.mala_step(lambda x: anp.dot(x, np.array([0.5, -1.0, 0.75])), x, 1e-10, z, np.full(1, 0.5))
    assert np.abs(step.info.energy_error[0]) < 4 * np.finfo(float).eps * 1e6  # the roundoff of the energies
