r"""Block Gibbs sampling of restricted Boltzmann machines: all hidden units given the visible ones, then the reverse."""

import numpy as np

from refebm.glossary import Rbm, States, of_shape, uniforms
from refebm.samplers.step import Step, kernel, moved


@kernel
def gibbs_step(rbm: Rbm, v: States, u_h: np.ndarray, u_v: np.ndarray) -> Step:
    r"""h ~ p(h | v), then v ~ p(v | h): a unit is 1 where its uniform number is below its probability.

    $$h \sim p(h \mid v),\quad v' \sim p(v' \mid h)$$

    rbm: a `BinaryRBM` or a `GaussianBernoulliRBM`; v (n, d); u_h (n, m) in (0, 1); u_v (n, d) in (0, 1), or unit
    normal for Gaussian visible units.
    Errors: E-SHAPE for units of another machine; E-BINARY for v; E-UNIFORM for u_h and u_v.
    Also: block Gibbs
    Source: Hinton 2002, section 3
    """
    u_h = uniforms("u_h", u_h, (len(v), rbm.m))
    h = rbm.hidden_given(v, u_h)
    u_v = (of_shape if hasattr(rbm, "sigma") else uniforms)("u_v", u_v, v.shape)
    return moved(rbm.visible_given(h, u_v))
