"""torchsde: one Euler step of a reverse or forward SDE, with the increments of noise that are handed over."""

import math

import torch
import torchsde

from refebm.crosscheck.frameworks.torch import objective

EXPECTED = {"euler_maruyama_step": "passed"}


class _Path:
    """A Brownian path of one step."""

    levy_area_approximation = "none"

    def __init__(self, increment):
        self.increment, self.shape, self.dtype, self.device = (
            increment,
            increment.shape,
            increment.dtype,
            increment.device,
        )

    def __call__(self, *_):
        return self.increment


@objective
def euler_maruyama_step(sde, x, t, dt, z):
    class One(torch.nn.Module):
        noise_type, sde_type = "diagonal", "ito"

        def f(self, now, x):
            return sde.drift(x, t)

        def g(self, now, x):
            return sde.diffusion(t)[:, None] + 0 * x

    times = torch.tensor([0.0, dt])
    return torchsde.sdeint(One(), x, times, bm=_Path(math.sqrt(dt) * z), method="euler", dt=dt)[-1]
