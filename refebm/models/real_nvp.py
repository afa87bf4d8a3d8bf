r"""RealNVP: x = T(z), z unit normal, T a chain of affine couplings with an exact inverse and log-determinant."""

import autograd.numpy as np

from refebm.glossary import InputError, Points, Rows, Vectors, parameters_of, points_of, rows
from refebm.models.networks import perceptron
from refebm.models.shapes import dimension
from refebm.truth.densities import LOG_2PI


class RealNVP:
    r"""log p(x) = log N(z; 0, I) + log |det dz/dx|, z = T^{-1}(x).

    $$\log p(x) = \log \mathcal N(T^{-1}(x); 0, I) + \log|\det \partial T^{-1}(x)/\partial x|$$

    couplings (layers, ...): networks with d inputs and 2 d outputs, d >= 2. On the way from x to z coupling i keeps the
    coordinates j with j + i odd, and maps the others by x_j -> (x_j - shift_j) exp(-tanh(log_scale_j)), where log_scale
    and shift are the network's outputs for the coordinates that are kept. Parameters that are float64 arrays are not
    copied, so that they can be traced: do not write into them.
    Errors: E-MODEL for networks of other widths; E-SHAPE for d = 1, where there is nothing to couple; E-DTYPE,
    E-MASKED; E-NDIM, E-EMPTY, E-FINITE, E-SHAPE for points.
    Also: normalising flow, affine couplings
    Source: Dinh, Sohl-Dickstein and Bengio 2017, eqs. 7 and 8; Gao et al. 2020, section 3.2
    """

    def __init__(self, couplings):
        self.couplings = parameters_of("couplings", couplings)
        self.d = dimension("flow", {"couplings": self.couplings})
        if self.d < 2:
            raise InputError(
                "E-SHAPE", f"couplings must be of d >= 2, to keep some coordinates and move others; got d = {self.d}"
            )

    @rows
    def log_prob(self, x: Points) -> Rows:
        r"""log N(T^{-1}(x); 0, I) + log |det|, (n,).

        $$\log p(x) = \log \mathcal N(T^{-1}(x); 0, I) + \log|\det \partial T^{-1}(x)/\partial x|$$
        """
        z, log_det = self.inverse(x)
        return np.sum(-0.5 * z**2 - 0.5 * LOG_2PI, axis=1) + log_det

    @rows
    def inverse(self, x: Points) -> tuple[Vectors, Rows]:
        r"""z = T^{-1}(x), (n, d), and log |det dz/dx|, (n,).

        $$x_j \mapsto (x_j - t_j) e^{-s_j} \text{ in each coupling},\ \log|\det \partial z/\partial x| = -\sum s_j$$
        """
        return to_normal(self.couplings, x)

    def sample(self, z):
        r"""x = T(z), (n, d); z (n, d), unit normal.

        $$z_j \mapsto z_j e^{s_j} + t_j \text{ in each coupling, the last first}$$
        """
        x = points_of(self, "z", z)
        for i, layers in reversed(list(enumerate(self.couplings))):
            kept, log_scale, shift = _coupling(x, i, layers)
            x = kept * x + (1 - kept) * (x * np.exp(log_scale) + shift)
        return x


def to_normal(couplings, x):
    """z = T^{-1}(x), (n, d), and log |det dz/dx|, (n,); the arguments are not checked."""
    log_det = 0.0
    for i, layers in enumerate(couplings):
        kept, log_scale, shift = _coupling(x, i, layers)
        x = kept * x + (1 - kept) * (x - shift) * np.exp(-log_scale)
        log_det = log_det - np.sum(log_scale, axis=1)
    return x, log_det


def _coupling(x, i, layers):
    """A mask (d,), 1 for coordinates that stay; the log scale and the shift of the others, computed from the former."""
    kept = (np.arange(x.shape[1]) + i) % 2
    log_scale, shift = np.split(perceptron(layers, kept * x), 2, axis=1)
    return kept, (1 - kept) * np.tanh(log_scale), shift
