"""mici: leapfrog, of one chain."""

import autograd.numpy as np
from autograd import grad
from mici import integrators, states, systems

from refebm.crosscheck.frameworks.numpy import objective

EXPECTED = {"leapfrog": "passed"}


@objective(by_row=True)
def leapfrog(energy, x, p, eps, n_steps):
    def alone(x):
        return energy(x[None])[0]

    system = systems.EuclideanMetricSystem(alone, grad_neg_log_dens=grad(alone))
    state, integrator = states.ChainState(pos=x[0], mom=p[0], dir=1), integrators.LeapfrogIntegrator(system, eps)
    for _ in range(n_steps):
        state = integrator.step(state)
    return np.array([state.pos]), np.array([state.mom])
