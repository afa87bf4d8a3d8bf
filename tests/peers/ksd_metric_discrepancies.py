"""ksd_metric: the discrepancy, a root, of any kernel."""

from jax import numpy as jnp
from ksd_metric.kernel import KernelJax
from ksd_metric.stein import KernelSteinDiscrepancyJax

from refebm.crosscheck.frameworks.jax import objective

EXPECTED = {"kernel_stein": ("partly", "V is its root")}


@objective
def kernel_stein(score, x, bandwidth, unbiased):
    if unbiased:
        raise NotImplementedError("the U statistic")

    class Target:
        grad_log_target_pdf = staticmethod(score)

    kernel = KernelJax(lambda x, y: jnp.exp(-jnp.sum((x - y) ** 2) / (2 * bandwidth**2)))
    return KernelSteinDiscrepancyJax(Target, kernel)._vectorised_kernel_stein_discrepancy(x)
