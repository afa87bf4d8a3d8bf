"""Theorems of your own. Judge them:            refebm verify THIS_FILE.py
and see that they notice what is wrong:         refebm verify THIS_FILE.py --controls
A red one prints a case, which replays it:      refebm verify THIS_FILE.py --only NAME --case=1,2,-3

A theorem is a function that returns both sides, as lists of terms, before they are added up: an error is measured in
units of the roundoff of the terms, so there is no tolerance to choose. The public names are documented by
    python -c "import refebm.identities as i; help(i)"           theorem, Sides, Limit, Sampled, wrong
    python -c "from refebm.identities import Draw; help(Draw)"   what a case can draw
"""

import autograd.numpy as np  # numpy whose results can be differentiated

import refebm
from refebm.identities import Draw, Sides, expect, theorem, wrong


# 1. A definition of your own: it takes callables and rows (n, d), and returns one value per row.
def tempered_score_matching(score, x, beta):
    r"""beta^2/2 |s|^2 + beta div s: implicit score matching for the score beta s, of the density p^beta."""
    return 0.5 * beta**2 * np.sum(score(x) ** 2, axis=1) + beta * refebm.divergence(score, x)


# 2. How a case is drawn: a dict of the theorem's arguments. Draw turns a short list of integers into numbers.
def point_and_model(draw: Draw) -> dict:
    d = draw.dimension()  # 1 or 2, and first: then plane=True below adds cases in the plane
    return {
        "x": draw.reals((3, d), -2.0, 2.0),
        "mean": draw.reals((d,), -1.0, 1.0),
        "precision": draw.real(0.5, 2.0),
        "beta": draw.real(0.3, 3.0),
    }


# 3. A pointwise theorem: both sides at the same points. The function under test is called through `impl`, so that a
# wrong version, or somebody's adapter (--impl), can replace it; models are data. The other side is worked out by hand.
@theorem("worked out by hand", kind="pointwise", about="tempered_score_matching", case=point_and_model, plane=True)
def tempered_loss_of_a_gaussian(impl, x, mean, precision, beta):
    r"""For the score s(x) = -a (x - m) the loss is beta^2 a^2/2 |x - m|^2 - beta a d.

    \ell(x) = \tfrac{1}{2} \beta^2 a^2 |x - m|^2 - \beta a d
    """
    d = x.shape[1]
    score = impl.score(refebm.Model("quadratic", {"mean": mean, "precision": precision * np.eye(d)}))
    left = impl.tempered_score_matching(score, x, beta)
    return Sides([left], [0.5 * beta**2 * precision**2 * np.sum((x - mean) ** 2, axis=1), -beta * precision * d])


# 4. A theorem about expectations: E_p by quadrature on a known density, with a certificate. `expect` takes refebm's
# densities, or one of yours with log_prob(x), score(x) and box = (low, high), which contains nearly all of its mass.
def data_and_model(draw: Draw) -> dict:
    d = draw.dimension()
    p = draw.mixture(d)  # with mixtures=True below, --data FILE.csv puts your own points in its place
    return {"p": p, "model": draw.model(d, ["quadratic", "mlp_energy"]), "beta": draw.real(0.3, 3.0)}


@theorem(
    "Hyvarinen 2005, theorem 1, for the score beta s",
    kind="quadrature",
    about="tempered_score_matching",
    case=data_and_model,
    plane=True,
    mixtures=True,
)
def tempered_loss_is_a_distance(impl, p, model, beta):
    r"""E_p of the loss is 1/2 E_p |beta s - grad log p|^2 - 1/2 E_p |grad log p|^2.

    \mathbb E_p[\ell] = \tfrac12 \mathbb E_p |\beta s - \nabla \log p|^2 - \tfrac12 \mathbb E_p |\nabla \log p|^2
    """
    score = impl.score(model)
    (loss, distance, information), change = expect(
        [
            lambda x: impl.tempered_score_matching(score, x, beta),
            lambda x: 0.5 * np.sum((beta * score(x) - p.score(x)) ** 2, axis=1),
            lambda x: 0.5 * np.sum(p.score(x) ** 2, axis=1),
        ],
        p,
    )
    return Sides([loss], [distance, -information], change)


# 5. A wrong version, which the theorems must reject: a check that cannot fail is no check.
@wrong(tempered_score_matching)
def without_the_square(score, x, beta):
    """beta for beta squared."""
    return 0.5 * beta * np.sum(score(x) ** 2, axis=1) + beta * refebm.divergence(score, x)
