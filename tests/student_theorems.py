"""Written by somebody who had read `refebm verify --help` and `--template` alone."""

import refebm
from refebm.identities import Draw, Sides, expect, theorem, wrong


def student_loss(density, nu, x):
    """My loss: Fisher's divergence from a Student-t with the degrees of freedom nu, up to a constant."""
    t = x[:, 0]
    s = -(nu + 1) * t / (nu + t**2)
    slope = -(nu + 1) * (nu - t**2) / (nu + t**2) ** 2
    return 0.5 * s**2 + slope


def student(draw: Draw) -> dict:
    return {"nu": draw.real(2.0, 9.0), "x": draw.reals((5, 1), -20, 20)}


@theorem("the derivative, by hand", kind="pointwise", about="StudentT.score", case=student)
def score_of_student(impl, nu, x):
    r"""The score of a Student-t with nu degrees of freedom is -(nu + 1) x/(nu + x^2).

    s(x) = -(\nu + 1) x / (\nu + x^2)
    """
    return Sides([impl.StudentT(nu, 0.0, 1.0).score(x)], [-(nu + 1) * x / (nu + x**2)])


def two(draw: Draw) -> dict:
    return {"nu": draw.real(2.5, 9.0), "mu": draw.real(2.5, 9.0)}


@theorem("Hyvarinen 2005, theorem 1", kind="quadrature", about="student_loss", case=two)
def loss_of_student(impl, nu, mu):
    r"""E_p of my loss is 1/2 E_p (s_nu - s_mu)^2 - 1/2 (mu + 1)/(mu + 3), for p with mu degrees of freedom.

    E_p[\ell] = \tfrac12 E_p (s_\nu - s_\mu)^2 - \tfrac12 (\mu + 1)/(\mu + 3)
    """
    p, q = refebm.StudentT(mu, 0.0, 1.0), refebm.StudentT(nu, 0.0, 1.0)
    (loss, distance), change = expect(
        [lambda x: impl.student_loss(p, nu, x), lambda x: 0.5 * (q.score(x)[:, 0] - p.score(x)[:, 0]) ** 2], p
    )
    return Sides([loss], [distance, -0.5 * (mu + 1) / (mu + 3)], change)


@wrong(student_loss)
def one_sign(density, nu, x):
    """The slope with nu + t^2 for nu - t^2."""
    t = x[:, 0]
    s = -(nu + 1) * t / (nu + t**2)
    return 0.5 * s**2 - (nu + 1) / (nu + t**2)
