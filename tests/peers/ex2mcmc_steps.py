"""ex2mcmc: steps of Langevin dynamics, with a test."""

from ex2mcmc.old_samplers import mala_step as own

from refebm.crosscheck.frameworks.torch import handing_out, objective

EXPECTED = {"mala_step": "passed"}


@objective
def mala_step(energy, x, eta, z, u):
    with handing_out(z, u):
        return own(lambda x, detach: -energy(x), x, eta, 1)
